//! 11.4.3: the degrees of the first two spikes over the step's size, as curves beside their predictions.
//!
//! Squared cosines of the left singular vectors of the features with `h_1(v.x)` and `h_2(v.x)`, `g = .8 h_1 + .6 h_2`.
//! [`super::spikes`] has what ridge learns through them.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, exceeds, figure, near, short};
use super::session::{Case, Failure, Plan};
use gradiometer_mechanisms::moniri2024::measure_spikes;
use gradiometer_mechanisms::sample::{FirstStep, Label};

const MEASURES: &[Measure] = &[mean("squared_cosine")];

const FIRST: &str = "first spike and h1";
const FIRST_PREDICTED: &str = "first spike and h1 predicted";
const SECOND: &str = "second spike and h2";
const SECOND_PREDICTED: &str = "second spike and h2 predicted";
const CURVES: [&str; 4] = [FIRST, FIRST_PREDICTED, SECOND, SECOND_PREDICTED];

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimension = size.choose(100, 200);
    let steps: &'static [f64] =
        size.choose(&[0.0, 6.0, 30.0], &[0.0, 2.0, 4.0, 6.0, 9.0, 12.0, 16.0, 20.0, 25.0, 30.0]);
    let row = |name: &'static str, t: f64| {
        vec![("curve", Level::from(name)), ("d", dimension.into()), ("step", t.into())]
    };
    let seeds = size.choose(10, 16);
    let case = |t: &f64| Case { rows: CURVES.iter().map(|name| row(name, *t)).collect(), seeds };
    Plan::of_cases(steps.iter().map(case).collect(), MEASURES, move |case, seed| {
        let samples = 3 * dimension;
        let step = FirstStep { dimension, width: dimension, samples, size: steps[case] };
        let label = Label::SingleIndex(vec![0.0, 0.8, 0.6]);
        let [first, second] = measure_spikes(&label, step, samples, seed..seed + 1)?.alignment;
        Ok(vec![first.measured, first.predicted, second.measured, second.predicted])
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let of = |name: &'static str| found.ends("squared_cosine", &[("curve", Level::from(name))]);
    let ((first, first_end), (second, second_end)) = (of(FIRST)?, of(SECOND)?);
    // The finite size that the statement allows, and the sampling of a single cosine.
    let room = 0.03 + 2.0 / first.number("d");
    let mut figures = Vec::new();
    let mut answers = Vec::new();
    for (one, name) in [(first_end, FIRST_PREDICTED), (second_end, SECOND_PREDICTED)] {
        let predicted = of(name)?.1.mean();
        answers.push(near(one, predicted, room));
        figures.push(format!("{} for {}", figure(one), short(predicted)));
    }
    let both = figures.join(", ");
    let small = Level::from(6.0);
    let early = [FIRST, SECOND]
        .map(|name| found.one("squared_cosine", &[("curve", Level::from(name)), ("step", small)]));
    let [one, two] = early;
    let (one, two) = (one?, two?);
    Ok(vec![
        Conclusion::new(
            "after the largest step both spikes have their degrees as predicted",
            Answer::all(answers),
            both,
        ),
        Conclusion::new(
            "after a step of 6 the first spike is there and the second is not",
            exceeds(one, two),
            format!("{} and {}", figure(one), figure(two)),
        ),
        Conclusion::new(
            "the spikes are there before the step (the control)",
            exceeds(first, one).and(exceeds(second, one)),
            format!("{} and {}", figure(first), figure(second)),
        ),
    ])
}
