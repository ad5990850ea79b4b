//! 11.9.3: which targets benefit from seeing a sample twice.
//!
//! Online descent of an `h_2` neuron on the seven targets of the statement, with a second look and without. It finds a
//! direction of the target in `d log d` samples if and only if the generative leap is at most 2, with a second look, and
//! the isotropic leap without.

use super::Size;
use super::comparison::{indicator, whole};
use super::measurement::{Level, Measure, event, mean};
use super::reading::{Answer, Conclusion, Found, above, below, figure};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::exponents::{Expression, Tuning, analyse};
use gradiometer_mechanisms::order_parameters::{
    Loss, Rule, SeveralDirections, hermite_student, stream,
};

const MEASURES: &[Measure] =
    &[event("reached_without"), event("reached_with"), mean("time_without"), mean("time_with")];
/// The squared overlap with the target's directions at which they are reached.
const REACHED: f64 = 0.16;

/// A target, the number of its coordinates, step and look ahead, and whether it is learnt without and with a second
/// look.
struct Case {
    name: &'static str,
    directions: usize,
    value: fn(&[f64]) -> f64,
    /// The square that has to grow.
    awaited: fn(&[f64]) -> f64,
    delta: f64,
    lookahead: f64,
    without: bool,
    with: bool,
}

fn length(m: &[f64]) -> f64 {
    m.iter().map(|x| x * x).sum()
}

fn product(z: &[f64]) -> f64 {
    z.iter().product()
}

/// About `h_3`, with a coefficient that is a rational number.
fn third(z: f64) -> f64 {
    0.4 * (z * z - 3.0) * z
}

/// About `h_4`.
fn fourth(z: f64) -> f64 {
    0.2 * ((z * z - 6.0) * z * z + 3.0)
}

/// A case with the step and the look ahead of 0.1.
const fn case(name: &'static str, directions: usize, value: fn(&[f64]) -> f64) -> Case {
    let (delta, lookahead, awaited) = (0.1, 0.1, length);
    Case { name, directions, value, awaited, delta, lookahead, without: false, with: true }
}

/// Labels of degree 4 are large: `V` allows smaller steps only.
const TARGETS: [Case; 7] = [
    Case { delta: 0.05, ..case("0.4 He3(z1)", 1, |z| third(z[0])) },
    Case { delta: 0.02, lookahead: 0.05, ..case("0.2 He4(z1)", 1, |z| fourth(z[0])) },
    case("z1 z2 z3", 3, product),
    Case {
        delta: 0.05,
        awaited: |m| m[1] * m[1],
        ..case("z1 + 0.4 He3(z2)", 2, |z| z[0] + third(z[1]))
    },
    Case { without: true, ..case("sign(z1 z2)", 2, |z| product(z).signum()) },
    Case { with: false, ..case("sign(z1 z2 z3)", 3, |z| product(z).signum()) },
    Case {
        delta: 0.02,
        lookahead: 0.05,
        ..case("sign(z1 z2 z3) + 0.2 He4(z1)", 3, |z| product(z).signum() + fourth(z[0]))
    },
];

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let (dimensions, time): (&[usize], f64) = match size {
        Size::Quick => (&[500], 250.0),
        Size::Full => (&[500, 1000, 2000, 4000], 400.0),
    };
    let cases: Vec<(usize, usize)> =
        (0..TARGETS.len()).flat_map(|i| dimensions.iter().map(move |d| (i, *d))).collect();
    let setting =
        |&(i, d): &(usize, usize)| vec![("target", Level::from(TARGETS[i].name)), ("d", d.into())];
    Plan::new(cases, setting, (MEASURES, size.choose(12, 24)), move |&(i, d), seed| {
        let Case { value, directions, awaited, delta, .. } = TARGETS[i];
        // As long as lambda is small.
        let time = if delta < 0.05 { 2.0 * time } else { time };
        let run = |lookahead: f64| -> Result<Option<f64>, Failure> {
            let rule = Rule { student: hermite_student(2), loss: Loss::Correlation, lookahead };
            let chain = SeveralDirections::new(rule, value, directions, d, delta)?;
            let mut rng = stream(1193, seed);
            let mut m = chain.random_start(&mut rng);
            let there = |m: &[f64]| awaited(m) >= REACHED;
            let steps = chain.first_passage(&mut m, whole(time * d as f64), there, &mut rng);
            Ok(steps.map(|n| n as f64 / d as f64))
        };
        let (without, with) = (run(0.0)?, run(TARGETS[i].lookahead)?);
        // A run that does not reach it counts with all of its time.
        Ok(vec![
            indicator(without.is_some()),
            indicator(with.is_some()),
            without.unwrap_or(time),
            with.unwrap_or(time),
        ])
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let mut conclusions = Vec::new();
    for Case { name, without, with, .. } in TARGETS {
        let leaps = analyse(&Expression::parse(name)?, &Tuning::default())?;
        let known = |k: Option<u32>| k.map_or("unknown".to_owned(), |k| k.to_string());
        for (look, learnt) in [("without", without), ("with", with)] {
            let all = found.all(&format!("reached_{look}"), &[("target", Level::from(name))]);
            // A half tells an event that nearly always happens from one that hardly ever does.
            let answer = |one| if learnt { above(one, 0.5) } else { below(one, 0.5) };
            let verb = if learnt { "is" } else { "is not" };
            let shares: Vec<String> = all
                .iter()
                .map(|one| format!("{} at d = {}", figure(one), one.number("d")))
                .collect();
            conclusions.push(Conclusion::new(
                format!("{name} {verb} learnt {look} a second look"),
                Answer::all(all.iter().map(|one| answer(one))),
                format!(
                    "share of runs {}; isotropic leap {}, generative leap {}",
                    shares.join(", "),
                    known(leaps.leap_isotropic),
                    known(leaps.generative.known())
                ),
            ));
        }
    }
    Ok(conclusions)
}
