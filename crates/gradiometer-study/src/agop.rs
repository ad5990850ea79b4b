//! 11.10.3 and 11.10.5: the average gradient outer product along Algorithm 1, beside its structural floor.
//!
//! `cos(W^T W, M^{1/2})` of the student after each stage, of an untrained network of three neurons, and the limit to
//! which training to the optimum tends, a number of the teacher alone. Networks whose second layer has one sign are above
//! `sqrt(2/pi)` untrained: an alignment of 0.8 says nothing about training.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, above, figure, near, short};
use super::session::{Failure, Plan};
use super::training::{Sizes, trained};
use gradiometer_instances::generate::{Signs, TeacherRequest, gaussian_student, symmetric_start};
use gradiometer_mechanisms::radhakrishnan::{Ansatz, ansatz_floor};
use gradiometer_model::{ModelError, Network};
use gradiometer_population::Population;
use gradiometer_train::{Algorithm, Stage3};
use std::f64::consts::FRAC_2_PI;

const MEASURES: &[Measure] =
    &[mean("untrained"), mean("after_stage_2"), mean("at_the_end"), mean("limit")];
const ONE_SIGN: &str = "one";
const BOTH_SIGNS: &str = "both";

/// Two neighbours and a third neuron. Where the neighbours have opposite signs their masses
/// cancel in the gradient and not in the weights.
fn three_neurons(dimension: usize, one_sign: bool, seed: u64) -> Result<Network, ModelError> {
    let random = gaussian_student(dimension, 3, 1.0, 1.0, seed)?;
    let (u, beside, third) = (random.neuron(0), random.neuron(1), random.neuron(2));
    let neighbour = u.iter().zip(beside).map(|(u, x)| u + 0.05 * x).collect();
    let second = vec![1.0, if one_sign { 1.0 } else { -1.0 }, 1.0];
    Network::from_rows(second, &[u.to_vec(), neighbour, third.to_vec()])
}

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let sizes = size.choose(
        Sizes { dimension: 5, rank: 2, teachers: 2, neurons: 20, epochs: 5, steps: 400 },
        Sizes { dimension: 20, rank: 3, teachers: 4, neurons: 80, epochs: 9, steps: 2000 },
    );
    let setting = move |signs: &&'static str| {
        vec![
            ("signs", Level::from(*signs)),
            ("d", sizes.dimension.into()),
            ("m", sizes.neurons.into()),
        ]
    };
    Plan::new(vec![ONE_SIGN, BOTH_SIGNS], setting, (MEASURES, 10), move |signs, seed| {
        let Sizes { dimension, neurons, epochs, steps, .. } = sizes;
        let one = *signs == ONE_SIGN;
        let request = TeacherRequest {
            separation: 0.5,
            smallest_eigenvalue: 0.2,
            signs: if one { Signs::Positive } else { Signs::Mixed },
            amplitudes: (0.8, 1.2),
            ..TeacherRequest::new(dimension, sizes.rank, sizes.teachers, seed)
        };
        let teacher = request.generate()?.into_inner();
        let untrained = ansatz_floor(&three_neurons(dimension, one, seed)?)?.measured;
        let limit = Ansatz::limit(teacher.network())?.half;
        let population = Population::new(teacher);
        let stage3 = Stage3 { epochs, steps, ..Stage3::default() };
        let whole = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
        let short = Algorithm { stage3: None, ..whole.clone() };
        let alignment = |algorithm: &Algorithm| -> Result<f64, Failure> {
            let start = symmetric_start(dimension, neurons, 1.0 / (neurons as f64).sqrt(), seed)?;
            let student = trained(&population, algorithm, start)?;
            Ok(student.map_or(Ok(f64::NAN), |student| Ansatz::of(&student).map(|a| a.half))?)
        };
        Ok(vec![untrained, alignment(&short)?, alignment(&whole)?, limit])
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let one =
        |measure: &str, signs: &'static str| found.one(measure, &[("signs", Level::from(signs))]);
    let floor = FRAC_2_PI.sqrt();
    let (untrained, control) = (one("untrained", ONE_SIGN)?, one("untrained", BOTH_SIGNS)?);
    let every =
        |found: &super::Measurement| Answer::of(found.values.iter().all(|(_, x)| *x >= floor));
    let (end, limit) = (one("at_the_end", ONE_SIGN)?, one("limit", ONE_SIGN)?);
    let figures = format!(
        "{} untrained, {} after Stage 2, {} at the end, limit {}",
        figure(untrained),
        figure(one("after_stage_2", ONE_SIGN)?),
        figure(end),
        short(limit.mean())
    );
    Ok(vec![
        Conclusion::new(
            "an untrained network of one sign is above sqrt(2/pi)",
            every(untrained),
            format!("{} for {}", figure(untrained), short(floor)),
        ),
        Conclusion::new(
            "networks of both signs are above it too (the control)",
            every(control),
            format!("{} for {}", figure(control), short(floor)),
        ),
        Conclusion::new(
            "training ends at the limit that the teacher gives",
            // What is left at the last lambda.
            near(end, limit.mean(), 0.02),
            figures.clone(),
        ),
        Conclusion::new("the end is above the floor", above(end, floor), figures),
    ])
}
