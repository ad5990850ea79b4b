//! 11.9.3: which targets benefit from seeing a sample twice.
//!
//! Online descent of an `h_2` neuron on targets of three coordinates, with a second look and without. It reaches the
//! target's directions in `d log d` samples if and only if the generative leap is at most 2, with a second look, and
//! the isotropic leap without.

use super::Size;
use super::measurement::{Level, Measure, event};
use super::reading::{Answer, Conclusion, Found, above, below, figure};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::exponents::{Expression, Tuning, analyse};
use gradiometer_mechanisms::order_parameters::{
    Loss, Rule, SeveralDirections, hermite_student, stream,
};

const MEASURES: &[Measure] = &[event("reached")];
const DELTA: f64 = 0.1;
const LOOK_AHEAD: f64 = 0.1;
/// The squared overlap with the target's directions at which they are reached.
const REACHED: f64 = 0.16;

/// The targets, with the number of their coordinates and whether they are learnt without and with a second look.
const TARGETS: [(&str, usize, bool, bool); 3] = [
    ("z1 z2 z3", 3, false, true),
    ("sign(z1 z2 z3)", 3, false, false),
    ("sign(z1 z2)", 2, true, true),
];

fn value(name: &str, z: &[f64]) -> f64 {
    let product: f64 = z.iter().product();
    if name.starts_with("sign") { product.signum() } else { product }
}

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let (dimension, time) = size.choose((500, 250), (2000, 400));
    let cases: Vec<(usize, &'static str)> =
        (0..TARGETS.len()).flat_map(|i| ["no", "yes"].map(|look| (i, look))).collect();
    let setting = move |&(i, look): &(usize, &'static str)| {
        vec![
            ("target", Level::from(TARGETS[i].0)),
            ("second_look", look.into()),
            ("d", Level::from(dimension)),
        ]
    };
    Plan::new(cases, setting, (MEASURES, size.choose(12, 40)), move |&(i, look), seed| {
        let (name, directions, ..) = TARGETS[i];
        let lookahead = if look == "yes" { LOOK_AHEAD } else { 0.0 };
        let rule = Rule { student: hermite_student(2), loss: Loss::Correlation, lookahead };
        let target = move |z: &[f64]| value(name, z);
        let chain = SeveralDirections::new(rule, target, directions, dimension, DELTA)?;
        let mut rng = stream(1193, seed);
        let mut m = chain.random_start(&mut rng);
        let there = |m: &[f64]| m.iter().map(|x| x * x).sum::<f64>() >= REACHED;
        let steps = chain.first_passage(&mut m, (time * dimension) as u64, there, &mut rng);
        Ok(vec![if steps.is_some() { 1.0 } else { 0.0 }])
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let mut conclusions = Vec::new();
    for (name, _, without, with) in TARGETS {
        let leaps = analyse(&Expression::parse(name)?, &Tuning::default())?;
        let known = |k: Option<u32>| k.map_or("unknown".to_owned(), |k| k.to_string());
        for (look, learnt) in [("no", without), ("yes", with)] {
            let one = found
                .one("reached", &[("target", Level::from(name)), ("second_look", look.into())])?;
            // A half tells an event that nearly always happens from one that hardly ever does.
            let answer: Answer = if learnt { above(one, 0.5) } else { below(one, 0.5) };
            let verb = if learnt { "is" } else { "is not" };
            let with = if look == "yes" { "with" } else { "without" };
            conclusions.push(Conclusion::new(
                format!("{name} {verb} learnt {with} a second look"),
                answer,
                format!(
                    "share of runs {}; isotropic leap {}, generative leap {}",
                    figure(one),
                    known(leaps.leap_isotropic),
                    known(leaps.generative.known())
                ),
            ));
        }
    }
    Ok(conclusions)
}
