//! Statement 7.3 and a conjecture of one's own, tested on random instances.
#![expect(clippy::print_stdout, reason = "a program that prints")]

use gradiometer::prelude::*;

fn main() -> Result<(), Error> {
    for localisation in statements().filter(|s| s.id == "7.3").flat_map(Statement::named_checks) {
        println!("{}", test(localisation, 500)?);
    }
    let mine = Check::inequality("sqrt(L) <= lambda |p|", |at, _| {
        let (q, dual) = (at.quantities()?, at.dual()?);
        let right = Known::computed(q.lambda * dual.norm(), 0.0);
        Ok(vec![Sides::at_most("loss", q.root_loss(), right)])
    });
    println!("{}", test(mine.named("mine"), 500)?);
    Ok(())
}
