//! 11.3.1: a giant step on `n = c d` samples learns one direction, the linear one.
//!
//! `f = z_1 + z_1 z_2` with raw labels: single neurons take up the direction of `C_1` to a share that depends on `c`
//! alone, and the other direction to a share of order `1/d`. The control has no linear part.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, above, below, figure, near, short};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::PolynomialTarget;
use gradiometer_mechanisms::dandi2023::{direction_energies, measure_directions};
use gradiometer_mechanisms::target::Term;

const MEASURES: &[Measure] = &[mean("share"), mean("predicted"), mean("d_times_second_share")];
/// The target, and the control.
const LINEAR: &str = "z1 + z1 z2";
const NO_LINEAR: &str = "z1 z2";
const WIDTH: usize = 150;

fn target(name: &str) -> Result<PolynomialTarget, Failure> {
    let linear = (name == LINEAR).then(|| Term { degrees: vec![1, 0], coefficient: 1.0 });
    let product = Term { degrees: vec![1, 1], coefficient: 1.0 };
    Ok(PolynomialTarget::new(linear.into_iter().chain([product]).collect())?)
}

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimensions: &[usize] = size.choose(&[50, 100], &[100, 200, 400]);
    let mut cases = Vec::new();
    for name in [LINEAR, NO_LINEAR] {
        for d in dimensions {
            cases.extend([2, 8].map(|c| (name, *d, c)));
        }
    }
    let setting = |&(name, d, c): &(&'static str, usize, usize)| {
        vec![("target", Level::from(name)), ("d", d.into()), ("n_over_d", c.into())]
    };
    Plan::new(cases, setting, (MEASURES, 24), |&(name, d, c), seed| {
        let target = target(name)?;
        let found = measure_directions(&target, d, c * d, WIDTH, seed..seed + 1)?;
        let predicted = direction_energies(&target, d, c * d)?.linear_share();
        let second = d as f64 * found.second.measured / found.total.measured;
        Ok(vec![found.linear_share.measured, predicted, second])
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let (mut agrees, mut bounded, mut figures) = (Vec::new(), Vec::new(), Vec::new());
    for share in found.all("share", &[("target", Level::from(LINEAR))]) {
        let (d, c) = (share.number("d"), share.number("n_over_d"));
        let fixed = [("target", Level::from(LINEAR)), ("d", d.into()), ("n_over_d", c.into())];
        let predicted = found.one("predicted", &fixed)?.mean();
        let second = found.one("d_times_second_share", &fixed)?;
        agrees.push(near(share, predicted, 3.0 / d + 0.02));
        // Of order 1/d: d times it stays below 3, whatever d.
        bounded.push(below(second, 3.0));
        figures.push(format!(
            "d = {d}, n = {c} d: {} for {}, d times the second {}",
            figure(share),
            short(predicted),
            figure(second)
        ));
    }
    let figures = figures.join("; ");
    let control = found.all("share", &[("target", Level::from(NO_LINEAR))]);
    let others = control.iter().map(|one| figure(one)).collect::<Vec<_>>().join(", ");
    Ok(vec![
        Conclusion::new(
            "the share along the linear direction is the one predicted from n/d",
            Answer::all(agrees),
            figures.clone(),
        ),
        Conclusion::new(
            "the share along the other direction is of order 1/d",
            Answer::all(bounded),
            figures,
        ),
        Conclusion::new(
            "a target without a linear part gives such a share too (the control)",
            Answer::all(control.iter().map(|one| above(one, 0.2))),
            others,
        ),
    ])
}
