//! Statements that are exponents: runs at several scales, one slope each, and an interval from their spread.

use super::{Form, VerifyError};
use gradiometer_certify::net::{Geometry, Net};
use gradiometer_hermite::float::{maximum_of, minimum_of};
use gradiometer_landscape::descent::GradientScaling;
use gradiometer_landscape::lemmas::Point;
use gradiometer_landscape::net::{NetOptions, covering_radius};
use gradiometer_model::generate::{
    Signs, TeacherRequest, degenerate_h, near_teacher_student, symmetric_start,
};
use gradiometer_model::geometry::norm;
use gradiometer_model::{FeatureSubspace, Network, SeparatedTeacher};
use gradiometer_population::Population;
use gradiometer_train::{Advance, Algorithm, Phase, Record, Stage1, Stage3, Trainer};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What the theory says of an exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Predicted {
    /// It is this, up to [`RESOLUTION`].
    About(f64),
    /// It is at most this.
    AtMost(f64),
    /// It is at least this.
    AtLeast(f64),
}

/// How near an exponent must come to the predicted one: logarithms and lower orders bend a line over a few octaves by as much.
pub const RESOLUTION: f64 = 0.2;

impl Predicted {
    /// Whether an interval of exponents agrees.
    pub fn agrees(self, fit: Fit) -> bool {
        let Fit { low, high, .. } = fit;
        match self {
            Self::About(x) => low <= x + RESOLUTION && high >= x - RESOLUTION,
            Self::AtMost(x) => low <= x,
            Self::AtLeast(x) => high >= x,
        }
    }

    const fn exponent(self) -> f64 {
        match self {
            Self::About(x) | Self::AtMost(x) | Self::AtLeast(x) => x,
        }
    }

    /// In words.
    pub fn text(self) -> String {
        match self {
            Self::About(x) => format!("about {x:.3}"),
            Self::AtMost(x) => format!("at most {x:.3}"),
            Self::AtLeast(x) => format!("at least {x:.3}"),
        }
    }
}

/// A slope of logarithms with its 95% interval over independent runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The mean of the runs' slopes.
    pub exponent: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Runs.
    pub runs: usize,
}

/// Two-sided 95% quantiles of Student's t for 1, 2, ... degrees of freedom.
const STUDENT: [f64; 15] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131,
];
/// Beyond the table, its limit from above.
const STUDENT_BEYOND: f64 = 2.131;

impl Fit {
    /// From the slopes of independent runs; one run has an unbounded interval, and JSON cannot hold that, so it is as wide as the largest double.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_study::verify::Fit;
    /// let fit = Fit::of(&[1.0, 3.0]);
    /// assert_eq!(fit.exponent, 2.0);
    /// assert!((fit.high - 2.0 - 12.706).abs() <= 64.0 * f64::EPSILON);
    /// ```
    pub fn of(slopes: &[f64]) -> Self {
        let n = slopes.len() as f64;
        let exponent = slopes.iter().sum::<f64>() / n;
        let spread: f64 = slopes.iter().map(|x| (x - exponent) * (x - exponent)).sum();
        let half = match slopes.len() {
            0 | 1 => f64::MAX,
            runs => {
                let quantile = STUDENT.get(runs - 2).copied().unwrap_or(STUDENT_BEYOND);
                quantile * (spread / (n - 1.0) / n).sqrt()
            }
        };
        Self { exponent, low: exponent - half, high: exponent + half, runs: slopes.len() }
    }
}

/// One run's points: a scale and what was measured at it, both positive.
type Points = Vec<(f64, f64)>;

/// A statement that is an exponent.
#[derive(Clone, Copy, Debug)]
pub struct Scaling {
    /// The statement's id.
    pub id: &'static str,
    /// What is fitted against what.
    pub part: &'static str,
    /// What the theory says of the exponent.
    pub predicted: Predicted,
    /// What the control changes.
    pub control: &'static str,
    points: fn(u64, Form) -> Result<Points, VerifyError>,
}

/// The fit of a scaling statement and of its control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalingReport {
    /// The statement's id.
    pub id: String,
    /// What is fitted against what.
    pub part: String,
    /// What the theory says of the exponent.
    pub predicted: String,
    /// The fit.
    pub fit: Fit,
    /// The least and the greatest constant: what was measured over the scale to the predicted exponent.
    pub constants: (f64, f64),
    /// Whether it agrees with the theory.
    pub agrees: bool,
    /// What the control changes.
    pub control: String,
    /// The control's fit.
    pub control_fit: Fit,
    /// Whether the control disagrees, as it must.
    pub control_fails: bool,
}

impl Scaling {
    /// The points of `runs` runs with seeds from `seed` on.
    fn runs(&self, seed: u64, runs: u64, form: Form) -> Result<Vec<Points>, VerifyError> {
        (0..runs).into_par_iter().map(|run| (self.points)(seed.wrapping_add(run), form)).collect()
    }

    fn fit(&self, runs: &[Points]) -> Result<Fit, VerifyError> {
        let slopes: Result<Vec<f64>, VerifyError> = runs
            .iter()
            .map(|points| {
                let (id, part, points_found) = (self.id, self.part, points.len());
                slope(points).ok_or(VerifyError::TooFewPoints { id, part, points: points_found })
            })
            .collect();
        Ok(Fit::of(&slopes?))
    }

    /// The slope of the logarithms in one run.
    ///
    /// # Errors
    /// [`VerifyError`] if the run fails or has too few points.
    pub fn exponent(&self, seed: u64, form: Form) -> Result<f64, VerifyError> {
        let points = (self.points)(seed, form)?;
        let (id, part, count) = (self.id, self.part, points.len());
        slope(&points).ok_or(VerifyError::TooFewPoints { id, part, points: count })
    }

    /// The exponent over `runs` runs with seeds from `seed` on, and that of the control.
    ///
    /// # Errors
    /// [`VerifyError`] if a run fails or has too few points.
    pub fn report(&self, seed: u64, runs: u64) -> Result<ScalingReport, VerifyError> {
        let points = self.runs(seed, runs, Form::Stated)?;
        let fit = self.fit(&points)?;
        let control_fit = self.fit(&self.runs(seed, runs, Form::Control)?)?;
        let power = self.predicted.exponent();
        let constants = || points.iter().flatten().map(|(x, y)| y / x.powf(power));
        Ok(ScalingReport {
            id: self.id.to_owned(),
            part: self.part.to_owned(),
            predicted: self.predicted.text(),
            fit,
            constants: (minimum_of(constants()), maximum_of(constants())),
            agrees: self.predicted.agrees(fit),
            control: self.control.to_owned(),
            control_fit,
            control_fails: !self.predicted.agrees(control_fit),
        })
    }
}

/// Least squares of the logarithms; `None` for fewer than two scales.
pub(crate) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points
        .iter()
        .filter(|(x, y)| *x > 0.0 && *y > 0.0)
        .map(|(x, y)| (x.ln(), y.ln()))
        .collect();
    let n = logs.len() as f64;
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| logs.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    let across: f64 = logs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let spread: f64 = logs.iter().map(|p| (p.0 - x) * (p.0 - x)).sum();
    (spread > 0.0).then(|| across / spread)
}

/// All statements that are exponents, in order.
pub fn scalings() -> Vec<Scaling> {
    let degenerate = "a teacher whose H is singular on the span (Assumption 3 removed)";
    let fixed = "lambda is not halved; the exponent is against the lambda that it should have had";
    let scaling =
        |id, part, predicted, control, points| Scaling { id, part, predicted, control, points };
    vec![
        scaling(
            "7.9",
            "gap against lambda^2 |grad|^2",
            Predicted::AtLeast(0.25),
            "outside the local regime, towards the zero network",
            gradient_against_gap,
        ),
        scaling(
            "8.1",
            "part outside the span after Stage 1 against d",
            Predicted::About(-0.5),
            "before Stage 1",
            outside_part,
        ),
        scaling(
            "8.1",
            "covering radius against m/log m, r = 2",
            Predicted::About(-1.0),
            degenerate,
            |seed, form| covering(2, seed, form),
        ),
        scaling(
            "8.1",
            "covering radius against m/log m, r = 3",
            Predicted::About(-0.5),
            degenerate,
            |seed, form| covering(3, seed, form),
        ),
        scaling(
            "8.1",
            "covering radius against m/log m, r = 4",
            Predicted::About(-1.0 / 3.0),
            degenerate,
            |seed, form| covering(4, seed, form),
        ),
        scaling(
            "8.3",
            "loss at the end of an epoch against lambda",
            Predicted::About(2.0),
            fixed,
            |seed, form| epochs(seed, form, |record| record.loss.value),
        ),
        scaling(
            "8.3",
            "worst angle of the average neurons against lambda",
            Predicted::About(1.0),
            fixed,
            |seed, form| epochs(seed, form, |r| maximum_of(r.average_angles.iter().copied())),
        ),
        scaling(
            "8.3",
            "steps of an epoch until |grad| <= lambda^2/4 against lambda",
            Predicted::AtLeast(-4.0),
            "the same lengths times lambda^-5",
            epoch_lengths,
        ),
    ]
}

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
fn gradient_against_gap(seed: u64, form: Form) -> Result<Points, VerifyError> {
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
fn outside_part(seed: u64, form: Form) -> Result<Points, VerifyError> {
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
fn covering(rank: usize, seed: u64, form: Form) -> Result<Points, VerifyError> {
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
fn epochs(seed: u64, form: Form, measure: impl Fn(&Record) -> f64) -> Result<Points, VerifyError> {
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
fn epoch_lengths(seed: u64, form: Form) -> Result<Points, VerifyError> {
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
