//! 10.6: what fails if the information exponent exceeds 2 after preprocessing, and where.
//!
//! Teachers of rank 2 with a regular `H`, with a singular one (Assumption 3 fails in one direction)
//! and with `H = 0` (exponent 4), in expectation and on `16 d^2` samples. Stage 1 is measured by
//! the cosine of its neurons to the span and by their covering radius in it, Stage 2 by its loss,
//! Stage 3 by the outcome.

use super::Size;
use super::information;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, above, exceeds, figure};
use super::session::{Failure, Plan, Values};
use super::training::{OUTCOME, Sizes, outcome};
use gradiometer_certify::net::{Geometry, Net};
use gradiometer_hermite::Activation;
use gradiometer_instances::FeatureSubspace;
use gradiometer_instances::generate::{degenerate_h, symmetric_start};
use gradiometer_landscape::net::{NetOptions, covering_radius};
use gradiometer_model::Network;
use gradiometer_model::geometry::norm;
use gradiometer_population::{Objective, Population, SampleRequest, Samples};
use gradiometer_train::{Algorithm, LOSS_ACCURACY, Phase, Stage3, TrainError, Trainer};
use std::f64::consts::FRAC_PI_2;

const MEASURES: &[Measure] = &[
    mean("cosine"),
    mean("covering_radius"),
    mean("loss_share_after_stage_2"),
    OUTCOME[0],
    OUTCOME[1],
    OUTCOME[2],
    OUTCOME[3],
    OUTCOME[4],
];

const KINDS: [&str; 3] = ["regular", "singular", "vanishing"];
const OBJECTIVES: [&str; 2] = ["population", "samples"];

/// An objective in words.
fn words(objective: &str) -> &str {
    if objective == "population" { "the exact objective" } else { objective }
}
/// `n/d^2` of the samples.
const RATIO: usize = 16;

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimensions = size.choose(&[8][..], &[10, 20]);
    let (neurons, epochs, steps) = size.choose((20, 4, 100), (40, 7, 300));
    let mut cases = Vec::new();
    for objective in OBJECTIVES {
        for kind in KINDS {
            cases.extend(dimensions.iter().map(|d| (kind, objective, *d)));
        }
    }
    let setting = |&(kind, objective, d): &(&'static str, &'static str, usize)| {
        vec![("h", Level::from(kind)), ("objective", objective.into()), ("d", d.into())]
    };
    Plan::new(cases, setting, (MEASURES, 10), move |&(kind, objective, d), seed| {
        let sizes = Sizes { dimension: d, rank: 2, teachers: 3, neurons, epochs, steps };
        let teacher = match kind {
            "singular" => degenerate_h(d, 2, 3, seed)?.into_inner(),
            "vanishing" => information::teacher(4, d)?,
            _ => sizes.teacher(seed)?,
        };
        if objective == "samples" {
            let request = SampleRequest::new(RATIO * d * d, (1 << 32) + seed);
            stages(&Samples::drawn(teacher, Activation::Relu, &request)?, sizes, seed)
        } else {
            stages(&Population::new(teacher), sizes, seed)
        }
    })
}

/// The measures of one run.
fn stages<O: Objective>(objective: &O, sizes: Sizes, seed: u64) -> Values {
    let Sizes { dimension, neurons, epochs, steps, .. } = sizes;
    let teacher = objective.teacher();
    let subspace = FeatureSubspace::of(teacher)?;
    let population = Population::new(teacher.clone());
    let start = symmetric_start(dimension, neurons, 1.0 / (neurons as f64).sqrt(), seed)?;
    let zero = population.loss(&start, LOSS_ACCURACY).value;
    let stage3 = Stage3 { epochs, steps, step_size: 0.25, ..Stage3::default() };
    let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
    let mut trainer = Trainer::new(objective, &algorithm, start)?;
    let mut values = Vec::new();
    while !trainer.is_finished() {
        let phase = trainer.state().phase;
        match trainer.advance(u64::MAX) {
            Ok(_ended) => {}
            Err(TrainError::Diverged { .. }) => {
                values.resize(3, f64::NAN);
                values.extend([f64::NAN, FRAC_PI_2, FRAC_PI_2, 1.0, 0.0]);
                return Ok(values);
            }
            Err(error) => return Err(error.into()),
        }
        let student = &trainer.state().student;
        match phase {
            Phase::Stage1 => values.extend(after_stage1(&subspace, student)?),
            Phase::Balance => values.push(population.loss(student, LOSS_ACCURACY).value / zero),
            _ => {}
        }
    }
    values.extend(outcome(teacher, &trainer.state().student));
    Ok(values)
}

/// The median cosine to the span of the distinct neurons, and the covering radius of their
/// projections in it.
fn after_stage1(subspace: &FeatureSubspace, student: &Network) -> Result<[f64; 2], Failure> {
    let half = student.neurons() / 2;
    let inside: Vec<Vec<f64>> =
        student.rows().take(half).map(|w| subspace.coordinates(w)).collect();
    let mut cosines: Vec<f64> =
        student.rows().zip(&inside).map(|(w, z)| norm(z) / norm(w)).collect();
    cosines.sort_by(f64::total_cmp);
    let net = Net::new(subspace.rank(), &inside.concat(), Geometry::Projective)?;
    let radius = covering_radius(&net, &NetOptions::default())?;
    Ok([cosines[half / 2], 0.5 * (radius.lower + radius.upper)])
}

/// A cosine to the span below which Stage 1 has failed: as much of the neuron is outside.
const HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let at = |measure: &str, kind: &'static str, objective: &'static str| {
        let fixed = [("h", Level::from(kind)), ("objective", Level::from(objective))];
        found.ends(measure, &fixed).map(|(_, last)| last)
    };
    let mut conclusions = Vec::new();
    for kind in KINDS {
        for objective in OBJECTIVES {
            let cosine = at("cosine", kind, objective)?;
            conclusions.push(Conclusion::new(
                format!(
                    "Stage 1 finds the span of a teacher with a {kind} H on {}",
                    words(objective)
                ),
                above(cosine, HALF),
                format!("median cosine {}", figure(cosine)),
            ));
        }
    }
    for kind in ["singular", "vanishing"] {
        for (measure, what) in [
            ("covering_radius", "its directions cover the span less well"),
            ("loss_share_after_stage_2", "Stage 2 ends with a greater loss"),
            ("mean_angle", "Stage 3 ends with greater angles"),
        ] {
            let mut answers = Vec::new();
            let mut figures = Vec::new();
            for objective in OBJECTIVES {
                let (own, regular) =
                    (at(measure, kind, objective)?, at(measure, "regular", objective)?);
                answers.push(exceeds(own, regular));
                figures.push(format!(
                    "{} {} against {}",
                    words(objective),
                    figure(own),
                    figure(regular)
                ));
            }
            conclusions.push(Conclusion::new(
                format!("with a {kind} H {what} than with a regular one"),
                Answer::all(answers),
                figures.join(", "),
            ));
        }
    }
    Ok(conclusions)
}
