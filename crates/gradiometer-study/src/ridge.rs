//! 11.2.4 and 11.2.5: ridge after a first step, small and large, beside the Gaussian engine.
//!
//! `y = relu(u . x)` at `n = n_0 = 10 d`, `m = d`. After a step of order one the features cannot beat the best linear
//! predictor; after a large one they can. The engine predicts the error of every given network.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, above, below, figure, near, short};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::ridge::relu_engine;
use gradiometer_mechanisms::sample::{self, FirstStep, Label};
use std::f64::consts::TAU;

const MEASURES: &[Measure] =
    &[mean("error"), mean("engine"), mean("over_engine"), mean("over_engine_at_2n")];
const PENALTIES: [f64; 4] = [1e-3, 1e-2, 0.1, 1.0];
/// Training sets of each network.
const DRAWS: usize = 6;

/// `Var y - |C_1|^2`: the error of the best linear predictor of `relu(z)`.
fn linear_floor() -> f64 {
    0.25 - 1.0 / TAU
}

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimension = size.choose(60, 100);
    let steps: &[f64] = size.choose(&[0.0, 1.0, 40.0], &[0.0, 1.0, 10.0, 20.0, 40.0, 80.0]);
    let setting = move |t: &f64| vec![("step", Level::from(*t)), ("d", dimension.into())];
    Plan::new(steps.to_vec(), setting, (MEASURES, 12), move |t, seed| {
        let samples = 10 * dimension;
        let step = FirstStep { dimension, width: dimension, samples, size: *t };
        let label = Label::Relu(vec![1.0]);
        let mut rng = sample::stream(seed);
        let stepped = step.take(&label, &mut rng)?;
        let weights = stepped.weights.as_ref();
        let engine = relu_engine(weights, &label.moments(weights)?)?;
        let (mut best, mut predicted) = (PENALTIES[0], f64::INFINITY);
        for penalty in PENALTIES {
            let test = engine.risk(samples, penalty)?.test;
            if test < predicted {
                (best, predicted) = (penalty, test);
            }
        }
        let errors =
            sample::simulated_test_errors(weights, &label, samples, &[best], DRAWS, &mut rng)?;
        // Each network beside its own prediction: networks differ more than the engine is off.
        let over = |predicted: f64| errors[0] / predicted - 1.0;
        let doubled = engine.risk(2 * samples, best)?.test;
        Ok(vec![errors[0], predicted, over(predicted), over(doubled)])
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let floor = linear_floor();
    let all = found.all("error", &[]);
    let (mut agrees, mut doubled, mut figures) = (Vec::new(), Vec::new(), Vec::new());
    for error in &all {
        let fixed = [("step", Level::from(error.number("step")))];
        let engine = found.one("engine", &fixed)?.mean();
        // The engine's own finite size.
        let room = 1.0 / error.number("d");
        agrees.push(near(found.one("over_engine", &fixed)?, 0.0, room));
        doubled.push(near(found.one("over_engine_at_2n", &fixed)?, 0.0, room));
        figures.push(format!(
            "t = {}: {} for {}",
            error.number("step"),
            figure(error),
            short(engine)
        ));
    }
    let figures = figures.join(", ");
    let small = all.iter().filter(|error| error.number("step") <= 1.0);
    let small = Answer::all(small.map(|error| above(error, floor)));
    let (_, largest) = found.ends("error", &[])?;
    let against = format!("best linear predictor {}", short(floor));
    Ok(vec![
        Conclusion::new(
            "after a step of order one ridge stays above the best linear predictor",
            small,
            format!("{figures}; {against}"),
        ),
        Conclusion::new(
            "after a large step ridge goes below it",
            below(largest, floor),
            format!("{}; {against}", figure(largest)),
        ),
        Conclusion::new(
            "the Gaussian engine predicts the error within 1/d",
            Answer::all(agrees),
            figures.clone(),
        ),
        Conclusion::new(
            "the engine does so for twice the samples (the control)",
            Answer::all(doubled),
            figures,
        ),
    ])
}
