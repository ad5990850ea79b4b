//! 11.6.5: online descent from saddle to saddle, the exact chain beside the flow with its retraction.
//!
//! The same starts of order `d^{-1/2}` for both. The population flow alone, at larger `d`, is `study leap`.

use super::Size;
use super::comparison::{self, Experiment, Row};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::saddles::{Saddle, THERE};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::order_parameters::stream;

/// The step is this over `d`.
const DELTA: f64 = 0.02;
/// In `delta tau`: no flow takes longer.
const HORIZON: f64 = 60.0;

/// The saddles, and the names of the wait and of its slope.
const CASES: [(Saddle, &str, &str); 3] = [
    (
        Saddle::Second,
        "the wait for h1(z1) + h2(z2)",
        "the wait for h1(z1) + h2(z2) a unit of log d",
    ),
    (
        Saddle::Turned,
        "the wait for z1 + z2 + z1 z2",
        "the wait for z1 + z2 + z1 z2 a unit of log d",
    ),
    (Saddle::First, "the wait for z1 + z1 z2", "the wait for z1 + z1 z2 a unit of log d"),
];

/// One start a seed, shrunk with the dimension.
fn first_start(seed: u64, d: usize) -> Result<Vec<f64>, Failure> {
    let direction = Saddle::First.chain(1000, DELTA)?.random_start(&mut stream(1166, seed));
    Ok(direction.iter().map(|x| x * (1000.0 / d as f64).sqrt()).collect())
}

/// All dimensions of one case: the time of each, and the slope between the first and the last.
fn waits(
    (saddle, time, slope): (Saddle, &'static str, &'static str),
    sizes: &'static [usize],
    seeds: usize,
) -> Experiment {
    let last = sizes[sizes.len() - 1];
    let mut rows: Vec<Row> = sizes.iter().map(|d| Row::stated("11.6.5", time, *d, 0.0)).collect();
    rows.push(Row::stated("11.6.5", slope, last, 0.0));
    // That the direction appears at once, as the leap in the given basis says of the second target: as the last one does.
    let waits = saddle != Saddle::First;
    if waits {
        rows.push(Row::control("11.6.5", time, last, 0.0));
        rows.push(Row::control("11.6.5", slope, last, 0.0));
    }
    let rows: Vec<Row> = if sizes.len() > 2 || !waits {
        rows
    } else {
        // Two small dimensions do not tell a slope from none.
        rows[..rows.len() - 1].to_vec()
    };
    let count = rows.len();
    Experiment::new(rows, seeds, move |seed| {
        let mut pairs = Vec::new();
        for (i, d) in sizes.iter().copied().enumerate() {
            let chain = saddle.chain(d, DELTA)?;
            let mut rng = stream(1165 + 10_000 * i as u64, seed);
            let start = first_start(seed, d)?;
            let flow = saddle.flow()?;
            let event = |m: &[f64]| saddle.awaited(m).abs() - THERE;
            let retraction = |m: &[f64]| DELTA * saddle.noise(m);
            let predicted = flow.time_with_retraction(&start, event, HORIZON, retraction)?;
            let mut m = start;
            let limit = comparison::whole(HORIZON / DELTA * d as f64);
            let there = |m: &[f64]| saddle.awaited(m).abs() >= THERE;
            let steps = chain.first_passage(&mut m, limit, there, &mut rng);
            let measured = steps.map_or(f64::NAN, |n| n as f64 * DELTA / d as f64);
            pairs.push((measured, predicted.unwrap_or(f64::NAN)));
        }
        let logarithm = (last as f64 / sizes[0] as f64).ln();
        let (first, end) = (pairs[0], pairs[sizes.len() - 1]);
        let slopes = ((end.0 - first.0) / logarithm, (end.1 - first.1) / logarithm);
        pairs.push(slopes);
        let start: Vec<f64> = first_start(seed, last)?;
        let at_once = Saddle::First.flow()?;
        let retraction = |m: &[f64]| DELTA * Saddle::First.noise(m);
        let event = |m: &[f64]| Saddle::First.awaited(m).abs() - THERE;
        let without = at_once.time_with_retraction(&start, event, HORIZON, retraction)?;
        pairs.push((end.0, without.unwrap_or(f64::NAN)));
        pairs.push((slopes.0, 0.0));
        Ok(pairs[..count].to_vec())
    })
}

pub(super) fn plan(size: Size) -> Plan {
    let sizes: &'static [usize] = match size {
        Size::Quick => &[200, 800],
        Size::Full => &[200, 800, 3200, 12_800],
    };
    let of_case = |case: &(_, _, _)| waits(*case, sizes, size.choose(16, 40));
    comparison::plan(CASES.iter().map(of_case).collect())
}

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, &[])
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, &[])
}
