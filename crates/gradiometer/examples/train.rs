//! A student trained in memory, what it has learned, and a figure.
#![expect(clippy::print_stdout, reason = "a program that prints")]

use gradiometer::prelude::*;

fn main() -> Result<(), Error> {
    let directions = [vec![1.0, 0.0, 0.0], vec![0.6, 0.8, 0.0], vec![0.0, 0.0, 1.0]];
    let teacher =
        Teacher::new(Network::from_rows(vec![1.0, -1.0, 1.0], &directions)?)?.separated()?;
    let run = Training::of(&teacher).neurons(60).epochs(8).run()?;
    println!("learned: {:?}, L = {:.2e}", run.recovery().learned(), run.results.last.loss);
    for figure in run.report()?.figures.iter().filter(|figure| figure.name == "loss") {
        figure.write("loss.svg".as_ref())?;
    }
    Ok(())
}
