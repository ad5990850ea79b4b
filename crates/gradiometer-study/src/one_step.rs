//! 11.1.5: one step and ridge below the floor that no kernel can pass.
//!
//! Targets of harmonic degrees 2 and 4 in a plane, `n = c d^2` samples for the step and again for the ridge fit. The
//! part of degree 2 gives every neuron the plane, in which degree 4 is cheap; a kernel of the same samples has to pay for
//! all of degree 4. With degree 4 alone there is no such gift.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, exceeds, figure, near, short};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::PolynomialTarget;
use gradiometer_mechanisms::damian2022::DegreeExperiment;
use gradiometer_mechanisms::floor::HarmonicProfile;

const MEASURES: &[Measure] =
    &[mean("one_step"), mean("limit"), mean("random_features"), mean("kernel_floor")];
/// The target, and the control.
const BOTH: &str = "degrees 2 and 4";
const FOURTH: &str = "degree 4";
const PENALTY: f64 = 1e-3;

pub(super) use super::nothing_derived as derive;

fn target(name: &str) -> Result<PolynomialTarget, Failure> {
    let fourth = PolynomialTarget::harmonic(4)?;
    if name == FOURTH {
        return Ok(fourth);
    }
    let root = 0.5_f64.sqrt();
    Ok(PolynomialTarget::harmonic(2)?.combined(root, &fourth, root))
}

pub(super) fn plan(size: Size) -> Plan {
    let width = size.choose(100, 300);
    // With fewer samples than degree 4 has dimensions: beyond, kernels learn it too.
    let sizes: &[(usize, f64)] = size.choose(&[(16, 4.0)], &[(32, 4.0), (32, 16.0)]);
    let cases: Vec<(&'static str, usize, f64)> = [BOTH, FOURTH]
        .into_iter()
        .flat_map(|name| sizes.iter().map(move |(d, c)| (name, *d, *c)))
        .collect();
    let setting = |&(name, d, c): &(&'static str, usize, f64)| {
        vec![("target", Level::from(name)), ("d", d.into()), ("n_over_d2", c.into())]
    };
    Plan::new(cases, setting, (MEASURES, 10), move |&(name, dimension, samples_over_d2), seed| {
        let target = target(name)?;
        let samples = samples_over_d2 * (dimension * dimension) as f64;
        // An intercept is one function more.
        let floor = HarmonicProfile::polynomial(&target, dimension)?.floor(samples + 1.0);
        let experiment =
            DegreeExperiment { target, dimension, samples_over_d2, width, penalty: PENALTY };
        let (step, random) = experiment.measure(seed..seed + 1)?;
        Ok(vec![step.measured, step.predicted, random.mean, floor])
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let of = |name: &'static str| -> Result<([Answer; 4], String), Failure> {
        let (mut below, mut random, mut limit, mut better, mut figures) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for step in found.all("one_step", &[("target", Level::from(name))]) {
            let (d, c) = (step.number("d"), step.number("n_over_d2"));
            let fixed = [("target", Level::from(name)), ("d", d.into()), ("n_over_d2", c.into())];
            let (floor, other) =
                (found.one("kernel_floor", &fixed)?, found.one("random_features", &fixed)?);
            let predicted = found.one("limit", &fixed)?.mean();
            below.push(exceeds(floor, step));
            random.push(exceeds(floor, other));
            better.push(exceeds(other, step));
            // The finite size that the statement allows.
            limit.push(near(step, predicted, 10.0 / d * predicted));
            figures.push(format!(
                "d = {d}, n = {c} d^2: {} for a floor of {}, random features {}, limit {}",
                figure(step),
                short(floor.mean()),
                short(other.mean()),
                short(predicted)
            ));
        }
        Ok(([below, random, limit, better].map(Answer::all), figures.join("; ")))
    };
    let ([below, random, limit, better], figures) = of(BOTH)?;
    let ([control, ..], others) = of(FOURTH)?;
    Ok(vec![
        Conclusion::new(
            "one step and ridge go below the floor of all kernels on the same samples",
            below,
            figures.clone(),
        ),
        Conclusion::new("random features go below that floor", random, figures.clone()),
        Conclusion::new("one step and ridge are below random features", better, figures.clone()),
        Conclusion::new("the error is the limit's within 10/d", limit, figures),
        Conclusion::new(
            "one step goes below it with degree 4 alone (the control)",
            control,
            others,
        ),
    ])
}
