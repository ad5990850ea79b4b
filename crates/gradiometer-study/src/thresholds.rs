//! 11.12.2 to 11.12.4: overlaps of the committee of two against the samples, and where its columns begin to differ.
//!
//! Fixed points of state evolution, computed and not sampled: both seeds give the same number, and intervals are empty.

use super::Size;
use super::measurement::{Level, Measure, Measurement, mean};
use super::reading::{Answer, Conclusion, Found, short};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::MechanismError;
use gradiometer_mechanisms::aubin2018::{Committee, Threshold, Weights};

const MEASURES: &[Measure] = &[mean("q_d"), mean("q_a"), mean("specialisation")];
/// What the figures of a study draw as upright rules on an axis of this name.
const THRESHOLD: &str = "threshold_of_alpha";
const SEEDS: usize = 2;

const GAUSSIAN: &str = "gaussian";
const BINARY: &str = "binary";

fn weights(name: &str) -> Weights {
    if name == GAUSSIAN { Weights::Gaussian } else { Weights::Binary }
}

/// Samples over the dimension, from 1 on in `steps` a unit; binary weights up to the end of their branch, beyond
/// which they are recovered.
fn grid(name: &str, steps: u32) -> impl Iterator<Item = f64> {
    let last = if name == BINARY { 1.95 } else { 3.0 };
    let points = (0..=2 * steps).map(move |k| 1.0 + f64::from(k) / f64::from(steps));
    points.filter(move |alpha| *alpha <= last)
}

fn setting(name: &'static str, event: &'static str, alpha: Level) -> Vec<(&'static str, Level)> {
    vec![("weights", Level::from(name)), ("event", Level::from(event)), ("alpha", alpha)]
}

const FIXED_POINT: &str = "fixed point";

pub(super) fn plan(size: Size) -> Plan {
    let steps = size.choose(2, 20);
    let cases: Vec<(&'static str, f64)> = [GAUSSIAN, BINARY]
        .into_iter()
        .flat_map(|name| grid(name, steps).map(move |alpha| (name, alpha)))
        .collect();
    let names = |&(name, alpha): &(&'static str, f64)| setting(name, FIXED_POINT, alpha.into());
    Plan::new(cases, names, (MEASURES, SEEDS), |&(name, alpha), _| {
        let overlap = Committee::new()?.fixed_point(weights(name), alpha)?;
        Ok(vec![overlap.diagonal(), overlap.off_diagonal(), overlap.minus])
    })
}

/// Where something happens, by its name.
fn events() -> Result<Vec<(&'static str, &'static str, Threshold)>, MechanismError> {
    let committee = Committee::new()?;
    Ok(vec![
        (GAUSSIAN, "specialisation", committee.specialisation(Weights::Gaussian)?),
        (BINARY, "perfect recovery is optimal", committee.perfect_recovery()?),
        (BINARY, "specialisation", committee.specialisation(Weights::Binary)?),
        (BINARY, "end of the branch", committee.end_of_branch()?),
    ])
}

pub(super) fn derive(_found: Found<'_>) -> Vec<Measurement> {
    // Without thresholds there is no conclusion either, which says so.
    let events = events().unwrap_or_default();
    let measurement =
        |(name, event, threshold): (&'static str, &'static str, Threshold)| Measurement {
            setting: setting(name, event, Level::Several),
            measure: mean(THRESHOLD),
            values: (0..SEEDS as u64).map(|seed| (seed, threshold.alpha)).collect(),
        };
    events.into_iter().map(measurement).collect()
}

/// A difference of the columns that is none: ten digits of the fixed point.
const NONE: f64 = 1e-6;

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let mut conclusions = Vec::new();
    for name in [GAUSSIAN, BINARY] {
        let event = [("weights", Level::from(name)), ("event", Level::from("specialisation"))];
        let threshold = found.one(THRESHOLD, &event)?.mean();
        let fixed = [("weights", Level::from(name))];
        let sides = found.all("specialisation", &fixed).into_iter().map(|one| {
            let (alpha, differs) = (one.number("alpha"), one.mean() > NONE);
            Answer::of(differs == (alpha > threshold))
        });
        conclusions.push(Conclusion::new(
            format!("the columns of {name} weights differ from the threshold of specialisation on"),
            Answer::all(sides),
            format!("threshold {}", short(threshold)),
        ));
        // The published thresholds are rounded: the control is one that is far off.
        let wrong = found
            .all("specialisation", &fixed)
            .into_iter()
            .map(|one| Answer::of((one.mean() > NONE) == (one.number("alpha") > 0.7 * threshold)));
        conclusions.push(Conclusion::new(
            format!("those of {name} weights differ from seven tenths of it on (the control)"),
            Answer::all(wrong),
            short(0.7 * threshold),
        ));
    }
    Ok(conclusions)
}
