//! Section 8: whole runs.

use crate::claim::{Sides, at_most};
use crate::context::{Choice, Context};
use crate::error::{TheoryError, inapplicable};
use crate::runs::{STEP_SIZE, teacher};
use crate::s4_algorithm::{FIT, UNFITTED, fit, ridge_value};
use crate::statement::{Check, Cost, Exponent, Form, Points, Predicted, Scope, Statement};
use gradiometer_certify::net::{Geometry, Net};
use gradiometer_hermite::float::{maximum, maximum_of};
use gradiometer_instances::FeatureSubspace;
use gradiometer_instances::generate::{Signs, TeacherRequest, degenerate_h, symmetric_start};
use gradiometer_landscape::net::{NetOptions, covering_radius};
use gradiometer_model::geometry::{dot, norm, projective_angle};
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_population::{Objective, Population};
use gradiometer_train::{Advance, Algorithm, Phase, Record, Stage1, Stage2, Stage3, Trainer};
use rand::RngExt;
use std::f64::consts::PI;

pub(crate) static STATEMENTS: [&Statement; 5] =
    [&COVERING, &LOCAL_REGIME, &RATES, &LEARNING, &LOCAL_THEOREM];

/// Controls of several exponents.
const DEGENERATE: &str = "a teacher whose H is singular on the span (Assumption 3 removed)";
const FIXED: &str =
    "lambda is not halved; the exponent is against the lambda that it should have had";

/// **8.1 Stage 1 covers** (scaling). With `m` neurons the directions after Stage 1 are an `eps`-net
/// of the unit sphere of the span with `eps` of order `(log m/m)^{1/(r - 1)}`, and the part of a
/// neuron outside the span is of order `1/sqrt(d)`.
///
/// The covering radius is certified. Control: before Stage 1; a teacher whose `H` is singular on
/// the span. Source: theory 8.1.
pub static COVERING: Statement = Statement {
    id: "8.1",
    says: "after Stage 1 the directions cover the sphere of the teacher's span",
    reference: "theory 8.1",
    exponents: &[
        Exponent {
            part: "part outside the span after Stage 1 against d",
            predicted: Predicted::About(-0.5),
            control: "before Stage 1",
            points: outside_part,
        },
        Exponent {
            part: "covering radius against m/log m, r = 2",
            predicted: Predicted::About(-1.0),
            control: DEGENERATE,
            points: |seed, form| covering(2, seed, form),
        },
        Exponent {
            part: "covering radius against m/log m, r = 3",
            predicted: Predicted::About(-0.5),
            control: DEGENERATE,
            points: |seed, form| covering(3, seed, form),
        },
        Exponent {
            part: "covering radius against m/log m, r = 4",
            predicted: Predicted::About(-1.0 / 3.0),
            control: DEGENERATE,
            points: |seed, form| covering(4, seed, form),
        },
    ],
    ..Statement::NONE
};

/// The first layer after Stage 1 from the symmetric start, one of each pair.
fn after_stage1(
    teacher: &SeparatedTeacher,
    neurons: usize,
    seed: u64,
) -> Result<(Network, Network), TheoryError> {
    let start = symmetric_start(teacher.dimension(), 2 * neurons, 1.0, seed)?;
    let population = Population::new((**teacher).clone());
    let algorithm =
        Algorithm { stage1: Some(Stage1::default()), stage2: None, balance: false, stage3: None };
    let mut trainer = Trainer::new(&population, &algorithm, start.clone())?;
    let _one_step = trainer.advance(1)?;
    Ok((start, trainer.into_state().student))
}

/// The median over the neurons of the sine of their angle with the span.
fn outside_part(seed: u64, form: Form) -> Result<Points, TheoryError> {
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

/// The certified covering radius, within the span, of `m` directions after Stage 1.
fn covering(rank: usize, seed: u64, form: Form) -> Result<Points, TheoryError> {
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

/// **8.2 Stage 2 enters the local regime.** What it leaves is at most what the neurons nearest to
/// the teachers leave: `min_a L + (lambda/2) |a|^2 <= (sum_i |alpha_i| |sigma(u_i.x) -
/// sigma(wbar_j(i).x)|)^2 + (lambda/2) |a~|^2`, where `j(i)` is the neuron nearest to `u_i` and
/// `a~` gives it the teacher's amplitude. The fit is taken for the minimum, up to the billionth that
/// 4.3 leaves it. So the loss after Stage 2 falls with the angles of the
/// net; `zeta+` stays below a constant but does not fall.
///
/// Hypotheses: a neuron that is not zero. Sharp: one neuron near one teacher neuron. Control: half
/// of the bound; a teacher whose `H` is singular on the span. Source: theory 8.2, which names no
/// constant; the inequality was derived here.
pub static LOCAL_REGIME: Statement = Statement {
    id: "8.2",
    says: "Stage 2 leaves at most what the neurons nearest to the teachers leave, and their ridge, so that its loss falls with the net's angles",
    constants: "derived here",
    sharp: "one neuron near one teacher neuron",
    reference: "theory 8.2",
    checks: &[Check {
        title: "Stage 2 leaves at most what the neurons nearest to the teachers leave",
        hypotheses: "a neuron that is not zero",
        control: "half of the bound",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: nearest_neurons,
    }],
    exponents: &[Exponent {
        part: "loss after Stage 2 against m/log m, r = 2",
        predicted: Predicted::AtMost(-2.0),
        control: DEGENERATE,
        points: after_stage2,
    }],
    ..Statement::NONE
};

/// `|sigma_{>=2}(u.x) - sigma_{>=2}(v.x)|` of unit vectors with this angle up to sign: `2 k(1) - 2
/// k(cos phi) = ((pi/2) (1 - cos phi) + phi cos phi - sin phi)/pi`.
fn feature_distance(angle: f64) -> f64 {
    let half = (0.5 * angle).sin();
    let square = (PI * half * half + angle * angle.cos() - angle.sin()) / PI;
    maximum(square, 0.0).sqrt()
}

fn nearest_neurons(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let point = context.point()?;
    let (student, teacher, lambda) = (point.student(), point.teacher(), point.lambda());
    let population = point.population();
    let sizes: Vec<f64> = student.rows().map(norm).collect();
    let mut second_layer = vec![0.0; student.neurons()];
    let (mut root, mut error) = (0.0, 0.0);
    for (i, alpha) in teacher.amplitudes().iter().enumerate() {
        let u = teacher.direction(i);
        let angles = student.rows().zip(&sizes).enumerate().filter(|(_, (_, s))| **s > 0.0);
        let nearest = angles
            .map(|(j, (w, _))| (j, projective_angle(w, u)))
            .min_by(|x, y| x.1.total_cmp(&y.1));
        let Some((j, angle)) = nearest else { return inapplicable("every neuron is zero") };
        second_layer[j] += alpha / sizes[j];
        let distance = feature_distance(angle);
        root += alpha.abs() * distance;
        // The square loses 4 eps (phi + phi^2), and the distance is at most half of the angle.
        error += 16.0 * f64::EPSILON * alpha.abs() * (distance + 0.5);
    }
    let best = fit(population, student, lambda, FIT)?;
    let value = ridge_value(population, &best, lambda);
    let decay = 0.5 * lambda * dot(&second_layer, &second_layer);
    let right = (root * root + decay) * form.choose(1.0, 0.5);
    let rounding = value.error + error * (2.0 * root + error) + 64.0 * f64::EPSILON * decay;
    let right = right + UNFITTED * value.value;
    Ok(vec![at_most("nearest neurons", value.value, right, rounding)])
}

/// The loss after Stage 2 of as many directions in the plane, for a small `lambda_1`.
fn after_stage2(seed: u64, form: Form) -> Result<Points, TheoryError> {
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

/// **8.3 Stage 3** (scaling). At the end of epoch `k`, `zeta_k` and `L` are `O(lambda_k^2)` and the
/// angles `O(lambda_k)`; an epoch takes `O(lambda_k^-4/eta)` steps at worst.
///
/// Control: `lambda` is not halved; a step size that falls as `lambda^4`, whose epochs are longer than
/// any power that a fixed one allows. Source: theory 8.3, \[ZG24\].
pub static RATES: Statement = Statement {
    id: "8.3",
    says: "Stage 3: `zeta_k` and `L` are `O(lambda_k^2)`, and how long an epoch takes",
    reference: "theory 8.3",
    exponents: &[
        Exponent {
            part: "loss at the end of an epoch against lambda",
            predicted: Predicted::About(2.0),
            control: FIXED,
            points: |seed, form| epochs(seed, form, |record| record.loss.value),
        },
        Exponent {
            part: "worst angle of the average neurons against lambda",
            predicted: Predicted::About(1.0),
            control: FIXED,
            points: |seed, form| {
                epochs(seed, form, |r| maximum_of(r.average_angles.iter().copied()))
            },
        },
        Exponent {
            part: "steps of an epoch until |grad| <= lambda^2/4 against lambda",
            predicted: Predicted::AtLeast(-4.0),
            control: "a step size that falls as lambda^4, over two epochs",
            points: epoch_lengths,
        },
    ],
    ..Statement::NONE
};

/// `lambda` of the first epoch of the runs of 8.3, their epochs, and those that count: the first is
/// still on its way.
const FIRST_LAMBDA: f64 = 1e-2;
const EPOCHS: u64 = 7;
const COUNTED_FROM: u64 = 2;

/// Algorithm 1 with six to eight dimensions; `(lambda as it should be, record)` at the end of every
/// epoch, and the steps of the epoch.
fn run(seed: u64, stage3: Stage3) -> Result<Vec<(f64, Record, u64)>, TheoryError> {
    let population = population(seed)?;
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

/// A measure of the student at the end of every epoch.
fn epochs(seed: u64, form: Form, measure: impl Fn(&Record) -> f64) -> Result<Points, TheoryError> {
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

/// Epochs that end by their gradient, and the most steps of one.
fn by_gradient(epochs: u64) -> Stage3 {
    Stage3 {
        step_size: STEP_SIZE,
        lambda: FIRST_LAMBDA,
        epochs,
        steps: 100_000,
        gradient_factor: 0.25,
        ..Stage3::default()
    }
}

/// How long epochs are that end by their gradient.
fn epoch_lengths(seed: u64, form: Form) -> Result<Points, TheoryError> {
    if form == Form::Control {
        return lengths_of_falling_steps(seed);
    }
    let ends = run(seed, by_gradient(EPOCHS - 1))?;
    Ok(ends.iter().map(|(lambda, _, steps)| (*lambda, *steps as f64)).collect())
}

/// The lengths of the first two epochs that count where the step size falls as `lambda^4`.
fn lengths_of_falling_steps(seed: u64) -> Result<Points, TheoryError> {
    let (mut student, population) = (trained(seed, by_gradient(COUNTED_FROM))?, population(seed)?);
    let mut points = Vec::new();
    for share in [0.5, 0.25] {
        let lambda = FIRST_LAMBDA * 0.5 * share;
        let step_size = STEP_SIZE * (2.0 * share).powi(4);
        let stage3 = Stage3 { lambda, step_size, steps: 1_000_000, ..by_gradient(1) };
        let algorithm =
            Algorithm { stage1: None, stage2: None, balance: false, stage3: Some(stage3) };
        let mut trainer = Trainer::new(&population, &algorithm, student)?;
        while !trainer.is_finished() {
            let _epoch = trainer.advance(u64::MAX)?;
        }
        points.push((lambda, trainer.state().steps as f64));
        student = trainer.into_state().student;
    }
    Ok(points)
}

/// The student after Algorithm 1 as the runs of 8.3 have it.
fn trained(seed: u64, stage3: Stage3) -> Result<Network, TheoryError> {
    let population = population(seed)?;
    let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
    let mut trainer = Trainer::new(&population, &algorithm, symmetric_start(6, 40, 0.1, seed)?)?;
    while !trainer.is_finished() {
        let _stage = trainer.advance(u64::MAX)?;
    }
    Ok(trainer.into_state().student)
}

fn population(seed: u64) -> Result<Population, TheoryError> {
    Ok(Population::new((*teacher(6, seed)?).clone()))
}

/// **8.4 Strong feature learning** (scaling). For every teacher neuron some student neuron's angle
/// tends to 0, and so does the mass away from the teachers, by 7.3 at least as the root of
/// `lambda`.
///
/// Control: `lambda` is not halved. Source: theory 8.4, \[ZG24\].
pub static LEARNING: Statement = Statement {
    id: "8.4",
    says: "strong feature learning: matched angles and the mass away from the teachers tend to 0, by 7.3 at least as the root of `lambda`",
    reference: "theory 8.4",
    exponents: &[
        Exponent {
            part: "worst angle of the neurons matched to the teachers against lambda",
            predicted: Predicted::AtLeast(0.5),
            control: FIXED,
            points: |seed, form| {
                epochs(seed, form, |r| maximum_of(r.assigned_angles.iter().copied()))
            },
        },
        Exponent {
            part: "mean angle of the mass against lambda",
            predicted: Predicted::AtLeast(0.5),
            control: FIXED,
            points: |seed, form| epochs(seed, form, |record| record.mean_angle),
        },
    ],
    ..Statement::NONE
};

/// **8.5 The local theorem with constants**, its first line: `sqrt(L) <= l_0 lambda` where
/// `zeta+ <= C_0 lambda^2`, with `l_0 = (|p| + sqrt(|p|^2 + 4 C_0))/2`.
///
/// Hypotheses: a dual certificate of norm `|p|`; `zeta+ <= C_0 lambda^2` for a `C_0 >= 0`. Where a
/// student is analysed `C_0 = |p|^2/4`; to verify, up to twice the least that the instance allows.
/// Sharp: as 7.1, with the least `C_0`. Control: `|p|` halved. Source: theory 8.5.
pub static LOCAL_THEOREM: Statement = Statement {
    id: "8.5",
    says: "the local theorem, first line: `sqrt(L) <= l_0 lambda` where `zeta+ <= C_0 lambda^2`",
    constants: "`l_0 = (norm(p) + sqrt(norm(p)^2 + 4 C_0))/2`",
    sharp: "one teacher neuron, `c = 1 - lambda/k(1)`, and the least `C_0`",
    reference: "theory 8.5",
    checks: &[Check {
        title: "the local theorem: the root of the loss is of the order of lambda",
        hypotheses: "a certificate; zeta+ at most C_0 lambda^2",
        control: "|p| halved",
        scope: Scope::Student,
        cost: Cost::Formulas,
        evaluate: local_loss,
    }],
    ..Statement::NONE
};

fn local_loss(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (at, norm) = (context.quantities()?, context.dual()?.constants().known_norm());
    let (lambda, zeta) = (at.lambda, at.zeta_plus.value + at.zeta_plus.error);
    let c_0 = match context.choice() {
        Choice::Given { .. } => 0.25 * norm.value * norm.value,
        Choice::Drawn { .. } => {
            // Rounded up, so that zeta+ <= C_0 lambda^2.
            let least = maximum(zeta, 0.0) / (lambda * lambda) * (1.0 + 8.0 * f64::EPSILON);
            least * (1.0 + context.rng(85)?.random::<f64>())
        }
    };
    let p = norm * form.choose(1.0, 0.5);
    let right = (p + (p.square() + 4.0 * c_0).sqrt()) * 0.5 * lambda;
    let fails = !(zeta <= c_0 * lambda * lambda);
    Ok(vec![Sides::at_most("loss", at.root_loss(), right).unless(fails, "zeta+ > C_0 lambda^2")])
}
