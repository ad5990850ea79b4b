//! 11.4.3 and 11.4.4: the outliers of the features after a step, and what ridge learns through them.
//!
//! `g = .8 h_1 + .6 h_2` of one direction. The squared cosine of the `k`-th left singular vector with `h_k(v . x)` and the
//! share of degree 2 that ridge learns, beside their predictions, against the step's size `t`. With a third degree in
//! place of the second, ReLU has no spike for it.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, above, below, figure, near, short};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::moniri2024::{measure_learnt, measure_spikes};
use gradiometer_mechanisms::sample::{FirstStep, Label};

const MEASURES: &[Measure] = &[
    mean("cosine_1"),
    mean("predicted_1"),
    mean("cosine_2"),
    mean("predicted_2"),
    mean("learnt_2"),
    mean("predicted_learnt_2"),
    mean("error"),
    mean("error_of_degree_3"),
];
const SECOND: [f64; 3] = [0.0, 0.8, 0.6];
const THIRD: [f64; 4] = [0.0, 0.8, 0.0, 0.6];
/// The energy that is not linear.
const NONLINEAR: f64 = 0.36;
const PENALTY: f64 = 0.01;
const DRAWS: usize = 6;

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimension = size.choose(80, 200);
    let steps: &[f64] = size.choose(&[0.0, 30.0], &[0.0, 6.0, 12.0, 20.0, 30.0]);
    let setting = move |t: &f64| vec![("step", Level::from(*t)), ("d", dimension.into())];
    Plan::new(steps.to_vec(), setting, (MEASURES, 12), move |t, seed| {
        let samples = 3 * dimension;
        let step = FirstStep { dimension, width: dimension, samples, size: *t };
        let label = Label::SingleIndex(SECOND.to_vec());
        let seeds = seed..seed + 1;
        let spikes = measure_spikes(&label, step, samples, seeds.clone())?;
        let long = FirstStep { samples: 10 * dimension, ..step };
        let fit = |g: &[f64]| measure_learnt(g, long, 4 * dimension, PENALTY, DRAWS, seeds.clone());
        let (second, third) = (fit(&SECOND)?, fit(&THIRD)?);
        let [first_spike, second_spike] = spikes.alignment;
        Ok(vec![
            first_spike.measured,
            first_spike.predicted,
            second_spike.measured,
            second_spike.predicted,
            second.shares[1].measured,
            second.shares[1].predicted,
            second.test.measured,
            third.test.measured,
        ])
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let (first, last) = found.ends("cosine_1", &[])?;
    let (d, at) = (last.number("d"), [("step", Level::from(last.number("step")))]);
    let one = |name: &str| found.one(name, &at);
    // The finite size that the statements allow, and the sampling of a single cosine.
    let room = 0.03 + 2.0 / d;
    let beside = |measured: &str, predicted: &str| -> Result<(Answer, String), Failure> {
        let (measured, predicted) = (one(measured)?, one(predicted)?.mean());
        let figures = format!("{} for {}", figure(measured), short(predicted));
        Ok((near(measured, predicted, room), figures))
    };
    let (degree_1, figures_1) = beside("cosine_1", "predicted_1")?;
    let (degree_2, figures_2) = beside("cosine_2", "predicted_2")?;
    let (learnt, figures) = beside("learnt_2", "predicted_learnt_2")?;
    let (error, third) = (one("error")?, one("error_of_degree_3")?);
    Ok(vec![
        Conclusion::new(
            "after a large step the first outlier is of degree 1, as predicted",
            degree_1,
            figures_1,
        ),
        Conclusion::new("the second one is of degree 2, as predicted", degree_2, figures_2),
        Conclusion::new("ridge learns the share of degree 2 that is predicted", learnt, figures),
        Conclusion::new(
            "ridge's error goes below the energy that is not linear",
            below(error, NONLINEAR),
            format!("{} for {NONLINEAR}", figure(error)),
        ),
        Conclusion::new(
            "ridge's error does so with a third degree in place of the second (the control)",
            below(third, NONLINEAR),
            format!("{} for {NONLINEAR}", figure(third)),
        ),
        Conclusion::new(
            "there is such an outlier before the step (the control)",
            above(first, 0.3),
            figure(first),
        ),
    ])
}
