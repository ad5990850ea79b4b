//! 11.3.4: several giant steps climb a staircase, each on `n = 8 d` fresh samples.
//!
//! Mean coordinates of the neurons with a positive second layer after the last step, beside the equations of infinite
//! dimension. The controls: a target whose second stair does not rest on its first, and a neuron without a bias, whose
//! activation has no third coefficient.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, above, exceeds, figure, near, short};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::PolynomialTarget;
use gradiometer_mechanisms::dandi2023::{StepSize, measure_staircase};
use gradiometer_mechanisms::target::Term;

const MEASURES: &[Measure] =
    &[mean("second"), mean("predicted_second"), mean("third"), mean("predicted_third")];
const WIDTH: usize = 100;
const SAMPLES_OVER_D: usize = 8;

/// A staircase to climb: its terms by degrees with coefficients, the bias, and the steps after the first.
struct Case {
    name: &'static str,
    terms: &'static [([usize; 3], f64)],
    bias: f64,
    later: &'static [f64],
}

const TWO: &str = "z1 + z1 z2";
const APART: &str = "z1 + z2 z3";
const THREE: &str = "z1 + z1 z2 + 2 z1 z2 z3";
const UNBIASED: &str = "the same without a bias";

static CASES: [Case; 4] = [
    Case { name: TWO, terms: &[([1, 0, 0], 1.0), ([1, 1, 0], 1.0)], bias: 0.0, later: &[2.0, 2.0] },
    Case {
        name: APART,
        terms: &[([1, 0, 0], 1.0), ([0, 1, 1], 1.0)],
        bias: 0.0,
        later: &[2.0, 2.0],
    },
    Case {
        name: THREE,
        terms: &[([1, 0, 0], 1.0), ([1, 1, 0], 1.0), ([1, 1, 1], 2.0)],
        bias: -0.7,
        later: &[4.0, 4.0, 4.0],
    },
    Case {
        name: UNBIASED,
        terms: &[([1, 0, 0], 1.0), ([1, 1, 0], 1.0), ([1, 1, 1], 2.0)],
        bias: 0.0,
        later: &[4.0, 4.0, 4.0],
    },
];

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimension = size.choose(100, 400);
    let cases: Vec<&'static Case> = CASES.iter().collect();
    let setting = move |case: &&'static Case| {
        vec![("target", Level::from(case.name)), ("d", dimension.into())]
    };
    Plan::new(cases, setting, (MEASURES, 20), move |case, seed| {
        let terms = case.terms.iter();
        let terms = terms.map(|(d, c)| Term { degrees: d.to_vec(), coefficient: *c }).collect();
        let target = PolynomialTarget::new(terms)?;
        let mut steps = vec![StepSize::Infinite];
        steps.extend(case.later.iter().map(|t| StepSize::Finite(*t)));
        let (samples, seeds) = (SAMPLES_OVER_D * dimension, seed..seed + 1);
        let stairs =
            measure_staircase(&target, case.bias, dimension, samples, WIDTH, &steps, seeds)?;
        let plus = stairs.last().map(|outcome| outcome.plus.as_slice()).unwrap_or_default();
        // A target of two coordinates has no third.
        let at = |k: usize| plus.get(k).map_or([0.0; 2], |one| [one.measured, one.predicted]);
        Ok([at(1), at(2)].concat())
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let one =
        |measure: &str, name: &'static str| found.one(measure, &[("target", Level::from(name))]);
    let follows = |measure: &str, predicted: &str, name: &'static str| {
        let (one_of, predicted) = (one(measure, name)?, one(predicted, name)?.mean());
        // The finite size that the statement allows.
        let answer = near(one_of, predicted, 2.0 / one_of.number("d").sqrt());
        let risen = above(one_of, 0.0);
        Ok::<_, Failure>((
            answer.and(risen),
            format!("{} for {}", figure(one_of), short(predicted)),
        ))
    };
    let (second, figures) = follows("second", "predicted_second", TWO)?;
    let (third, figures_3) = follows("third", "predicted_third", THREE)?;
    let apart = one("second", APART)?;
    let (with, without) = (one("third", THREE)?, one("third", UNBIASED)?);
    let climbs: Answer = above(without, 0.5 * one("predicted_third", THREE)?.mean());
    Ok(vec![
        Conclusion::new(
            "the target z1 + z1 z2 is climbed to its second stair, as the equations have it",
            second,
            figures,
        ),
        Conclusion::new("a third stair is climbed with a bias", third, figures_3),
        Conclusion::new(
            "the third coordinate is larger than without a bias",
            exceeds(with, without),
            format!("{} and {}", figure(with), figure(without)),
        ),
        Conclusion::new(
            "the target z1 + z2 z3 is climbed so (the control)",
            above(apart, 0.1),
            figure(apart),
        ),
        Conclusion::new(
            "the third stair is climbed without a bias (the control)",
            climbs,
            figure(without),
        ),
    ])
}
