//! 11.12.6: message passing on the committee of two, beside its state evolution.
//!
//! Gaussian weights, `alpha = 2.5`, an informed start of overlap 0.3: the overlaps after each iteration, with the Onsager
//! term and without it.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, figure, near, short};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::aubin2018::{Amp, Committee, Overlap, Weights};
use gradiometer_mechanisms::sample;

const MEASURES: &[Measure] =
    &[mean("diagonal_1"), mean("diagonal_4"), mean("off_diagonal_2"), mean("off_diagonal_4")];
const ALPHA: f64 = 2.5;
const START: f64 = 0.3;
const ITERATIONS: usize = 4;

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimension = size.choose(500, 2000);
    let setting = move |variant: &&'static str| {
        vec![("onsager_term", Level::from(*variant)), ("d", Level::from(dimension))]
    };
    Plan::new(vec!["yes", "no"], setting, (MEASURES, 40), move |variant, seed| {
        let onsager = *variant == "yes";
        let amp = Amp { dimension, alpha: ALPHA, start: START, onsager };
        let states = amp.run(&Committee::new()?, ITERATIONS, &mut sample::stream(seed))?;
        Ok(vec![
            states[0].diagonal(),
            states[3].diagonal(),
            states[1].off_diagonal(),
            states[3].off_diagonal(),
        ])
    })
}

/// What is left of order `d^{-1/2}` in the overlaps of orthonormalised columns.
const FINITE_SIZE: f64 = 0.005;

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let start = Overlap { plus: START, minus: START };
    let path = Committee::new()?.evolution(Weights::Gaussian, ALPHA, start, ITERATIONS);
    let predicted =
        [path[0].diagonal(), path[3].diagonal(), path[1].off_diagonal(), path[3].off_diagonal()];
    let follows = |variant: &'static str| -> Result<(Answer, String), Failure> {
        let (mut answers, mut figures) = (Vec::new(), Vec::new());
        for (measure, exact) in MEASURES.iter().zip(predicted) {
            let one = found.one(measure.name, &[("onsager_term", Level::from(variant))])?;
            answers.push(near(one, exact, FINITE_SIZE));
            figures.push(format!("{} {} for {}", measure.name, figure(one), short(exact)));
        }
        Ok((Answer::all(answers), figures.join(", ")))
    };
    let (with, figures) = follows("yes")?;
    let (without, control) = follows("no")?;
    Ok(vec![
        Conclusion::new("message passing follows state evolution", with, figures),
        Conclusion::new("it does so without the Onsager term (the control)", without, control),
    ])
}
