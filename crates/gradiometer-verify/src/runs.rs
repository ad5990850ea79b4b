//! The runs whose measures [`super::scaling`] fits: each returns the points of one run.

use super::context::random_unit;
use super::scaling::Points;
use super::{Form, VerifyError};
use gradiometer_certify::net::{Geometry, Net};
use gradiometer_certify::{DegreeWeights, Interpolant};
use gradiometer_instances::FeatureSubspace;
use gradiometer_instances::generate::{
    Signs, TeacherRequest, degenerate_h, near_teacher_student, symmetric_start,
};
use gradiometer_landscape::descent::GradientScaling;
use gradiometer_landscape::lemmas::Point;
use gradiometer_landscape::net::{NetOptions, covering_radius};
use gradiometer_landscape::optimum::{Optimum, OptimumOptions, regularised_path};
use gradiometer_model::geometry::norm;
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_population::{Objective, Population};
use gradiometer_train::{Advance, Algorithm, Phase, Record, Stage1, Stage2, Stage3, Trainer};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A teacher of rank 2 with two or three neurons, as the runs of Stage 3 have it.
fn teacher(dimension: usize, seed: u64) -> Result<SeparatedTeacher, VerifyError> {
    let neurons = if seed.is_multiple_of(2) { 2 } else { 3 };
    let request = TeacherRequest {
        separation: 0.8,
        smallest_eigenvalue: 0.3,
        signs: Signs::Mixed,
        ..TeacherRequest::new(dimension, 2, neurons, seed)
    };
    Ok(request.generate()?)
}

/// Steps of a run of 7.9 until it counts as the optimum.
const LIMIT: u64 = 20_000;
const STEP_SIZE: f64 = 0.25;

fn stage3(lambda: f64, steps: u64, epochs: u64) -> Algorithm {
    let stage3 = Stage3 { step_size: STEP_SIZE, lambda, steps, epochs, ..Stage3::default() };
    Algorithm { stage1: None, stage2: None, balance: false, stage3: Some(stage3) }
}

/// **7.9** The points of gradient descent at fixed `lambda` with a gap, over the run's own limit, between `lambda^2` and `lambda^(9/5)`, up to a factor 10 either way:
/// `|grad|^2 >= C zeta^4/lambda^2` says that `zeta <= (lambda^2 |grad|^2/C)^(1/4)`.
pub(super) fn gradient_against_gap(seed: u64, form: Form) -> Result<Points, VerifyError> {
    let teacher = teacher(5, seed)?;
    let mut points = Vec::new();
    let mut add = |student: &Network, lambda: f64, gap: f64| -> Result<(), VerifyError> {
        let scaling = GradientScaling::new(&Point::new(&teacher, student, lambda)?, gap);
        points.push((scaling.scaled_gradient, scaling.gap));
        Ok(())
    };
    for lambda in [0.01, 0.005, 0.0025] {
        let start = near_teacher_student(&teacher, 2, 0.2, 0.02, seed)?;
        let population = Population::new((*teacher).clone());
        let algorithm = stage3(lambda, LIMIT, 1);
        let mut trainer = Trainer::new(&population, &algorithm, start.clone())?;
        let mut students = vec![start];
        let mut next = 1;
        loop {
            let advance = trainer.advance(next)?;
            students.push(trainer.state().student.clone());
            if matches!(advance, Advance::Ended(_)) {
                break;
            }
            next += next.div_ceil(4);
        }
        let value = |student: &Network| -> Result<f64, VerifyError> {
            let point = Point::new(&teacher, student, lambda)?;
            Ok(point.zeta_plus().value)
        };
        let last = students.pop().unwrap_or_else(|| trainer.state().student.clone());
        let limit = value(&last)?;
        match form {
            Form::Stated => {
                for student in &students {
                    let gap = value(student)? - limit;
                    if gap >= 0.1 * lambda * lambda && gap <= 10.0 * lambda.powf(1.8) {
                        add(student, lambda, gap)?;
                    }
                }
            }
            Form::Control => {
                for halvings in 4..12 {
                    let mut small = last.clone();
                    let (a, w) = small.layers_mut();
                    a.iter_mut().chain(w).for_each(|x| *x *= 0.5_f64.powi(halvings));
                    add(&small, lambda, value(&small)? - limit)?;
                }
            }
        }
    }
    Ok(points)
}

/// The first layer after Stage 1 from the symmetric start, one of each pair.
fn after_stage1(
    teacher: &SeparatedTeacher,
    neurons: usize,
    seed: u64,
) -> Result<(Network, Network), VerifyError> {
    let start = symmetric_start(teacher.dimension(), 2 * neurons, 1.0, seed)?;
    let population = Population::new((**teacher).clone());
    let algorithm =
        Algorithm { stage1: Some(Stage1::default()), stage2: None, balance: false, stage3: None };
    let mut trainer = Trainer::new(&population, &algorithm, start.clone())?;
    let _one_step = trainer.advance(1)?;
    Ok((start, trainer.into_state().student))
}

/// **8.1** The median over the neurons of the sine of their angle with the span.
pub(super) fn outside_part(seed: u64, form: Form) -> Result<Points, VerifyError> {
    let mut points = Vec::new();
    for d in [10, 20, 40, 80, 160] {
        let teacher = teacher(d, seed)?;
        let subspace = FeatureSubspace::of(&teacher)?;
        let (start, student) = after_stage1(&teacher, 200, seed)?;
        let network = form.choose(&student, &start);
        let mut parts: Vec<f64> = network
            .rows()
            .take(200)
            .map(|w| {
                let inside = subspace.project(w);
                norm(&w.iter().zip(&inside).map(|(x, y)| x - y).collect::<Vec<f64>>()) / norm(w)
            })
            .collect();
        parts.sort_by(f64::total_cmp);
        points.push((d as f64, parts[parts.len() / 2]));
    }
    Ok(points)
}

/// **8.1** The certified covering radius, within the span, of `m` directions after Stage 1.
pub(super) fn covering(rank: usize, seed: u64, form: Form) -> Result<Points, VerifyError> {
    let dimension = 8 * rank;
    let teacher = match form {
        Form::Stated => {
            let request = TeacherRequest {
                separation: 0.8,
                smallest_eigenvalue: 0.5,
                signs: Signs::Mixed,
                ..TeacherRequest::new(dimension, rank, rank, seed)
            };
            request.generate()?
        }
        Form::Control => degenerate_h(dimension, rank, rank + 1, seed)?,
    };
    let subspace = FeatureSubspace::of(&teacher)?;
    let mut points = Vec::new();
    let largest = [2048, 2048, 1024][rank - 2];
    let mut m = 64;
    while m <= largest {
        let (_, student) = after_stage1(&teacher, m, seed)?;
        let inside: Vec<f64> =
            student.rows().take(m).flat_map(|w| subspace.coordinates(w)).collect();
        let net = Net::new(rank, &inside, Geometry::Projective)?;
        let radius = covering_radius(&net, &NetOptions::default())?;
        let m_over_log = m as f64 / (m as f64).ln();
        points.push((m_over_log, 0.5 * (radius.lower + radius.upper)));
        m *= 2;
    }
    Ok(points)
}

/// `lambda` of the first epoch of the runs of 8.3, their epochs, and those that count: the first is still on its way.
const FIRST_LAMBDA: f64 = 1e-2;
const EPOCHS: u64 = 7;
const COUNTED_FROM: u64 = 2;

/// Algorithm 1 with six to eight dimensions; `(lambda as it should be, record)` at the end of every epoch, and the steps of the epoch.
fn run(seed: u64, stage3: Stage3) -> Result<Vec<(f64, Record, u64)>, VerifyError> {
    let teacher = teacher(6, seed)?;
    let population = Population::new((*teacher).clone());
    let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
    let start = symmetric_start(6, 40, 0.1, seed)?;
    let mut trainer = Trainer::new(&population, &algorithm, start)?;
    let (mut ends, mut before) = (Vec::new(), 0);
    while !trainer.is_finished() {
        let advance = trainer.advance(u64::MAX)?;
        let record = trainer.record(&[]);
        if let Advance::Ended(Phase::Stage3 { epoch }) = advance {
            let lambda = FIRST_LAMBDA * 0.5_f64.powi(i32::try_from(epoch).unwrap_or(i32::MAX));
            if epoch >= COUNTED_FROM {
                ends.push((lambda, record.clone(), record.step - before));
            }
        }
        before = record.step;
    }
    Ok(ends)
}

/// **8.3** A measure of the student at the end of every epoch.
pub(super) fn epochs(
    seed: u64,
    form: Form,
    measure: impl Fn(&Record) -> f64,
) -> Result<Points, VerifyError> {
    let stage3 = Stage3 {
        step_size: STEP_SIZE,
        lambda: FIRST_LAMBDA,
        decay: form.choose(0.5, 1.0),
        epochs: EPOCHS,
        steps: 3000,
        ..Stage3::default()
    };
    let ends = run(seed, stage3)?;
    Ok(ends.iter().map(|(lambda, record, _)| (*lambda, measure(record))).collect())
}

/// **8.3** How long epochs are that end by their gradient. The control has lengths that the theory excludes.
pub(super) fn epoch_lengths(seed: u64, form: Form) -> Result<Points, VerifyError> {
    let stage3 = Stage3 {
        step_size: STEP_SIZE,
        lambda: FIRST_LAMBDA,
        epochs: EPOCHS - 1,
        steps: 100_000,
        gradient_factor: 0.25,
        ..Stage3::default()
    };
    let ends = run(seed, stage3)?;
    let length = |lambda: f64, steps: u64| steps as f64 / form.choose(1.0, lambda.powi(5));
    Ok(ends.iter().map(|(lambda, _, steps)| (*lambda, length(*lambda, *steps))).collect())
}

/// **8.2** The loss after Stage 2 of as many directions in the plane, for a small `lambda_1`.
pub(super) fn after_stage2(seed: u64, form: Form) -> Result<Points, VerifyError> {
    let teacher = match form {
        Form::Stated => teacher(2, seed)?,
        Form::Control => degenerate_h(8, 2, 3, seed)?,
    };
    let population = Population::new((*teacher).clone());
    let stage2 = Some(Stage2 { lambda: SMALL_LAMBDA, ..Stage2::default() });
    let algorithm = Algorithm { stage2, stage3: None, ..Algorithm::default() };
    let mut points = Vec::new();
    for m in [16_usize, 32, 64, 128, 256, 512] {
        let start = symmetric_start(teacher.dimension(), 2 * m, 1.0, seed)?;
        let mut trainer = Trainer::new(&population, &algorithm, start)?;
        while !trainer.is_finished() {
            let _stage = trainer.advance(u64::MAX)?;
        }
        let loss = population.loss(&trainer.state().student, LOSS_ACCURACY).value;
        points.push((m as f64 / (m as f64).ln(), loss));
    }
    Ok(points)
}

/// `lambda_1` of the runs of 8.2, and the relative accuracy of their losses.
const SMALL_LAMBDA: f64 = 1e-9;
const LOSS_ACCURACY: f64 = 1e-3;

/// How far the minimal-norm interpolant of a teacher of 5.4 must exceed 1, and at how many directions that is looked for.
const EXCESS: f64 = 1.02;
const LOOKS: usize = 2000;
/// Teachers that are tried for it.
const TRIED: u64 = 100;
/// Angle beyond which mass is extra, radians.
const BEYOND: f64 = 0.05;

/// **5.4** The mass of the optimum away from the teachers where the minimal-norm interpolant exceeds 1. The control has all mass.
pub(super) fn extra_mass(seed: u64, form: Form) -> Result<Points, VerifyError> {
    for attempt in 0..TRIED {
        let request = TeacherRequest {
            separation: 0.5,
            signs: Signs::Mixed,
            amplitudes: (0.5, 2.0),
            ..TeacherRequest::new(3, 3, 5, seed.wrapping_mul(TRIED).wrapping_add(attempt))
        };
        let teacher = request.generate()?;
        if !exceeds(&teacher, seed)? {
            continue;
        }
        // The mass of two rounds is within a few hundredths of that of many.
        let options = OptimumOptions {
            rounds: form.choose(2, 1),
            refinements: 2,
            ..OptimumOptions::default()
        };
        let path = regularised_path(&teacher, &[1e-4, 1e-5, 1e-6], &options)?;
        let mass =
            |o: &Optimum| form.choose(o.atoms_beyond(&teacher, BEYOND).1, o.measure.total_mass());
        return Ok(path.iter().map(|optimum| (optimum.lambda, mass(optimum))).collect());
    }
    Ok(Vec::new())
}

/// Whether the minimal-norm interpolant is above [`EXCESS`] somewhere.
fn exceeds(teacher: &SeparatedTeacher, seed: u64) -> Result<bool, VerifyError> {
    let weights = DegreeWeights::from_degree(2)?;
    let interpolant = Interpolant::certificate(teacher, &weights)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut looks = (0..LOOKS).map(|_| random_unit(&mut rng, teacher.dimension()));
    Ok(looks.any(|w| interpolant.at(&w).0.mignitude() > EXCESS))
}
