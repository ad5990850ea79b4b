//! `time-chain DIMENSION DELTA START`: for every line on standard input, a number of steps, so many steps of the exact chain of
//! one `h_2` neuron on `h_2`, correlation loss, from the overlap `START`, on one core; reported as a JSON line with their seconds,
//! of the processor where the system tells, else of the clock, and the overlap at the end.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a timing program: it prints times"
)]

use gradiometer::mechanisms::order_parameters::{Loss, Rule, SphereChain, hermite_student, stream};
use std::io::BufRead as _;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dimension, delta, start] = arguments.as_slice() else {
        return Err("usage: time-chain DIMENSION DELTA START".into());
    };
    let (dimension, delta, start) = (dimension.parse()?, delta.parse()?, start.parse()?);
    let student = hermite_student(2);
    let rule = Rule { student, loss: Loss::Correlation, lookahead: 0.0 };
    let chain = SphereChain::new(rule, |z| student(z).0, dimension, delta)?;
    for (run, line) in (0..).zip(std::io::stdin().lock().lines()) {
        let steps: u64 = line?.trim().parse()?;
        let mut rng = stream(1, run);
        let (clock, before) = (Instant::now(), on_processor());
        let overlap = chain.run(start, steps, &mut rng);
        let elapsed = clock.elapsed().as_secs_f64();
        let spent = on_processor().zip(before).map(|(after, before)| after - before);
        let seconds = spent.unwrap_or(elapsed);
        println!("{}", serde_json::json!({"seconds": seconds, "overlap": overlap}));
    }
    Ok(())
}

/// Seconds that this thread has run on a processor.
fn on_processor() -> Option<f64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_whitespace().next()?.parse::<f64>().ok().map(|nanoseconds| 1e-9 * nanoseconds)
}
