//! 11.1.5: the crossing of one step and ridge with the floor that no kernel passes, over the samples.
//!
//! The target of degrees two and four of [`super::one_step`], whose figures are those of two sizes; here every method is a
//! curve against `n/d^2`.

use super::Size;
use super::measurement::{Level, Measure, Measurement, mean};
use super::reading::{Answer, Conclusion, Found, exceeds, figure, short};
use super::session::{Case, Failure, Plan};
use gradiometer_mechanisms::PolynomialTarget;
use gradiometer_mechanisms::damian2022::DegreeExperiment;
use gradiometer_mechanisms::floor::HarmonicProfile;

const MEASURES: &[Measure] = &[mean("error")];

const ONE_STEP: &str = "one step and ridge";
const LIMIT: &str = "its limit law";
const RANDOM: &str = "random features";
const FLOOR: &str = "floor of all kernels";
const METHODS: [&str; 4] = [ONE_STEP, LIMIT, RANDOM, FLOOR];

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let (d, width) = size.choose((16, 100), (32, 300));
    let ratios: &'static [f64] = size.choose(&[0.5, 2.0, 8.0], &[0.5, 1.0, 2.0, 4.0, 8.0, 16.0]);
    let row = |name: &'static str, c: f64| {
        vec![("method", Level::from(name)), ("d", d.into()), ("n_over_d2", c.into())]
    };
    let case =
        |c: &f64| Case { rows: METHODS.iter().map(|name| row(name, *c)).collect(), seeds: 10 };
    Plan::of_cases(ratios.iter().map(case).collect(), MEASURES, move |case, seed| {
        errors(d, ratios[case], width, seed)
    })
}

/// The error of every method.
fn errors(d: usize, c: f64, width: usize, seed: u64) -> Result<Vec<f64>, Failure> {
    let root = 0.5_f64.sqrt();
    let target =
        PolynomialTarget::harmonic(2)?.combined(root, &PolynomialTarget::harmonic(4)?, root);
    // An intercept and an affine part without penalty are d + 1 functions more.
    let functions = c * (d * d) as f64 + (d + 1) as f64;
    let floor = HarmonicProfile::polynomial(&target, d)?.floor(functions);
    let experiment =
        DegreeExperiment { target, dimension: d, samples_over_d2: c, width, penalty: 1e-3 };
    let (step, random) = experiment.measure(seed..seed + 1)?;
    Ok(vec![step.measured, step.predicted, random.mean, floor])
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let ends = |name: &'static str| found.ends("error", &[("method", Level::from(name))]);
    let (step, random, floor) = (ends(ONE_STEP)?, ends(RANDOM)?, ends(FLOOR)?);
    let both = |one: &Measurement, other: &Measurement| {
        format!(
            "{} for {} at n = {} d^2",
            figure(one),
            short(other.mean()),
            one.number("n_over_d2")
        )
    };
    let all = |name: &'static str| found.all("error", &[("method", Level::from(name))]);
    let never = all(RANDOM).into_iter().zip(all(FLOOR)).map(|(one, bound)| exceeds(bound, one));
    let passes = if never.into_iter().any(|x| x == Answer::Yes) { Answer::Yes } else { Answer::No };
    Ok(vec![
        Conclusion::new(
            "with the fewest samples one step and ridge are above the floor of all kernels",
            exceeds(step.0, floor.0),
            both(step.0, floor.0),
        ),
        Conclusion::new(
            "with the most they are below it",
            exceeds(floor.1, step.1),
            both(step.1, floor.1),
        ),
        Conclusion::new(
            "random features are below it somewhere (the control)",
            passes,
            both(random.1, floor.1),
        ),
    ])
}
