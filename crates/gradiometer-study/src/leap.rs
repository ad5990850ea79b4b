//! 11.6.5: from saddle to saddle. How long a direction waits at the saddle before it, against the dimension.
//!
//! The population flow of one neuron with `sigma = h_1 + h_2` from a start of order `d^{-1/2}`: a direction of degree 2
//! appears after `(1/2) log d/lambda`, one of degree 1 at once. The isotropic leap counts, not that in the given basis.

use super::Size;
use super::measurement::{Level, Measure, Measurement, mean};
use super::reading::{Conclusion, Found, figure, near};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::abbe2023::{HermiteTarget, PopulationFlow};
use gradiometer_mechanisms::sample;
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

const MEASURES: &[Measure] = &[mean("time")];
/// A target of two coordinates.
struct Case {
    name: &'static str,
    /// Multi-indices with coefficient 1.
    terms: &'static [[u32; 2]],
    /// Of the second layer.
    sign: f64,
    /// The growth rate at the saddle; none where there is no wait.
    rate: Option<f64>,
}

const TARGETS: [Case; 3] = [
    Case { name: "h1(z1) + h2(z2)", terms: &[[1, 0], [0, 2]], sign: 1.0, rate: Some(1.0) },
    Case {
        name: "z1 + z2 + z1 z2",
        terms: &[[1, 0], [0, 1], [1, 1]],
        sign: -1.0,
        rate: Some(SQRT_2),
    },
    Case { name: "z1 + z1 z2", terms: &[[1, 0], [1, 1]], sign: 1.0, rate: None },
];
/// The overlap at which a direction counts as there.
const THERE: f64 = 0.3;
/// No flow takes longer.
const HORIZON: f64 = 60.0;

pub(super) fn plan(size: Size) -> Plan {
    let dimensions = size.choose([1e4, 1e6], [1e6, 1e8]);
    let cases: Vec<(usize, f64)> =
        (0..TARGETS.len()).flat_map(|i| dimensions.map(|d| (i, d))).collect();
    let setting =
        |&(i, d): &(usize, f64)| vec![("target", TARGETS[i].name.into()), ("d", d.into())];
    Plan::new(cases, setting, (MEASURES, size.choose(12, 40)), |&(i, d), seed| {
        let case = &TARGETS[i];
        let target: HermiteTarget = case.terms.iter().map(|a| (a.to_vec(), 1.0)).collect();
        let flow = PopulationFlow::new(&target, &[0.0, 1.0, 1.0], case.sign)?;
        // One start a seed, at every dimension.
        let start = sample::normals(&mut sample::stream(seed), 1, 2);
        let start = [start[(0, 0)] / d.sqrt(), start[(0, 1)] / d.sqrt()];
        let across = case.name == "z1 + z2 + z1 z2";
        let event = |m: &[f64]| {
            if across { ((m[0] - m[1]) * FRAC_1_SQRT_2).abs() - THERE } else { m[1].abs() - THERE }
        };
        let time = flow.time_with_retraction(&start, event, HORIZON, |_| 0.0)?;
        Ok(vec![time.unwrap_or(f64::NAN)])
    })
}

/// Time a unit of `log d`, for each seed.
pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    let of = |case: &Case| {
        let name = Level::from(case.name);
        let (first, last) = found.ends("time", &[("target", name)]).ok()?;
        let logarithm = (last.number("d") / first.number("d")).ln();
        let pairs = first.values.iter().zip(&last.values);
        let values = pairs.map(|((seed, x), (_, y))| (*seed, (y - x) / logarithm)).collect();
        let setting = vec![("target", name), ("d", Level::Several)];
        Some(Measurement { setting, measure: mean("slope"), values })
    };
    TARGETS.iter().filter_map(of).collect()
}

/// How near a slope must come: corrections are of order `1/log d`.
const NEAR: f64 = 0.06;

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let mut conclusions = Vec::new();
    for Case { name, rate, .. } in TARGETS {
        let slope = found.one("slope", &[("target", Level::from(name))])?;
        let predicted = rate.map_or(0.0, |rate| 0.5 / rate);
        conclusions.push(Conclusion::new(
            format!("the wait for {name} grows as {predicted:.3} log d"),
            near(slope, predicted, NEAR),
            format!("slope {}", figure(slope)),
        ));
    }
    let slope = found.one("slope", &[("target", Level::from(TARGETS[1].name))])?;
    conclusions.push(Conclusion::new(
        "its leap in the given basis says that z1 + z2 + z1 z2 does not wait (the control)",
        near(slope, 0.0, NEAR),
        format!("slope {}", figure(slope)),
    ));
    Ok(conclusions)
}
