//! 11.13.4: one-pass gradient descent beside its order-parameter equations.
//!
//! Two students of two orthonormal teachers, both layers, decay and noise: how far `Q_11` is from the equations at time
//! 20, against the dimension. Equations without the second-order term stay off.

use super::Size;
use super::measurement::{Level, Measure, Measurement, mean};
use super::reading::{Conclusion, Found, figure, near};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::MechanismError;
use gradiometer_mechanisms::relu_order_parameters::{Dynamics, OrderParameters, SecondOrder};
use gradiometer_mechanisms::sample;

const MEASURES: &[Measure] = &[mean("deviation")];
/// Steps over the dimension.
const TIME: u32 = 20;
/// Of the equations' solution.
const TOLERANCE: f64 = 1e-10;

fn setting() -> Result<(Dynamics, OrderParameters), MechanismError> {
    let mut dynamics = Dynamics::new(vec![1.0, 0.0, 0.0, 1.0], vec![1.0, 1.0], 0.2)?;
    dynamics.second_layer_rate = 0.1;
    dynamics.decay = 0.02;
    dynamics.noise_variance = 0.09;
    let start = OrderParameters {
        student: vec![0.25, 0.01, 0.01, 0.25],
        overlap: vec![0.02, -0.01, -0.005, 0.015],
        second_layer: vec![0.5, 0.4],
    };
    Ok((dynamics, start))
}

const VARIANTS: [&str; 2] = ["kept", "dropped"];

pub(super) fn plan(size: Size) -> Plan {
    let dimensions: &[usize] = size.choose(&[100, 400, 1600], &[100, 400, 1600, 6400]);
    let cases: Vec<(&'static str, usize)> =
        VARIANTS.iter().flat_map(|v| dimensions.iter().map(|d| (*v, *d))).collect();
    let names = |&(variant, d): &(&'static str, usize)| {
        vec![("second_order", Level::from(variant)), ("d", Level::from(d))]
    };
    Plan::new(cases, names, (MEASURES, 40), |&(variant, d), seed| {
        let (mut dynamics, start) = setting()?;
        let mut at = start.clone();
        let steps = u64::from(TIME) * d as u64;
        dynamics.simulate(&mut at, d, steps, &mut sample::stream(seed))?;
        if variant == "dropped" {
            dynamics.second_order = SecondOrder::Dropped;
        }
        let end = dynamics.trajectory(&start, &[f64::from(TIME)], TOLERANCE)?;
        let expected = end.first().map_or(f64::NAN, |state| state.student[0]);
        Ok(vec![(at.student[0] - expected).abs()])
    })
}

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    VARIANTS
        .iter()
        .map(|variant| {
            let fixed = [("second_order", Level::from(*variant))];
            found.exponents("exponent", ("deviation", "d"), &fixed)
        })
        .collect()
}

/// How near an exponent must come.
const NEAR: f64 = 0.1;

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let claims = [
        ("kept", "descent is within order d^(-1/2) of the equations"),
        ("dropped", "so it is of the equations without the second-order term (the control)"),
    ];
    let mut conclusions = Vec::new();
    for (variant, claim) in claims {
        let fixed = [("second_order", Level::from(variant))];
        let exponent = found.one("exponent", &fixed)?;
        let (first, last) = found.ends("deviation", &fixed)?;
        conclusions.push(Conclusion::new(
            claim,
            near(exponent, -0.5, NEAR),
            format!(
                "exponent {}; deviation {} at d = {}, {} at d = {}",
                figure(exponent),
                figure(first),
                first.number("d"),
                figure(last),
                last.number("d")
            ),
        ));
    }
    Ok(conclusions)
}
