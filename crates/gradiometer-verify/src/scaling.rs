//! Statements that are exponents: runs at several scales, one slope each, and an interval from their spread.

use super::runs::{
    after_stage2, covering, epoch_lengths, epochs, extra_mass, gradient_against_gap, outside_part,
};
use super::statistics::{slope, student_quantile};
use super::{Form, VerifyError};
use gradiometer_hermite::float::{maximum_of, minimum_of};
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

impl Fit {
    /// From the slopes of independent runs; one run has an unbounded interval, and JSON cannot hold that, so it is as wide as the largest double.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_verify::Fit;
    /// let fit = Fit::of(&[1.0, 3.0]);
    /// assert_eq!(fit.exponent, 2.0);
    /// // One degree of freedom: the quantile is tan(0.475 pi), found by a search.
    /// let quantile = (0.475 * std::f64::consts::PI).tan();
    /// assert!(((fit.high - 2.0) / quantile - 1.0).abs() < f64::EPSILON.cbrt());
    /// ```
    pub fn of(slopes: &[f64]) -> Self {
        let n = slopes.len() as f64;
        let exponent = slopes.iter().sum::<f64>() / n;
        let spread: f64 = slopes.iter().map(|x| (x - exponent) * (x - exponent)).sum();
        let half = match slopes.len() {
            0 | 1 => f64::MAX,
            _ => student_quantile(n - 1.0) * (spread / (n - 1.0) / n).sqrt(),
        };
        Self { exponent, low: exponent - half, high: exponent + half, runs: slopes.len() }
    }
}

/// One run's points: a scale and what was measured at it, both positive.
pub(super) type Points = Vec<(f64, f64)>;

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

/// All statements that are exponents, in order.
pub fn scalings() -> Vec<Scaling> {
    let degenerate = "a teacher whose H is singular on the span (Assumption 3 removed)";
    let fixed = "lambda is not halved; the exponent is against the lambda that it should have had";
    let scaling =
        |id, part, predicted, control, points| Scaling { id, part, predicted, control, points };
    vec![
        scaling(
            "5.4",
            "mass of the optimum beyond 0.05 rad against lambda, where the minimal-norm interpolant exceeds 1.02",
            Predicted::About(1.0),
            "all mass, that near the teachers as well",
            extra_mass,
        ),
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
            "8.2",
            "loss after Stage 2 against m/log m, r = 2",
            Predicted::AtMost(-2.0),
            degenerate,
            after_stage2,
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
        scaling(
            "8.4",
            "worst angle of the neurons matched to the teachers against lambda",
            Predicted::AtLeast(0.5),
            fixed,
            |seed, form| epochs(seed, form, |r| maximum_of(r.assigned_angles.iter().copied())),
        ),
        scaling(
            "8.4",
            "mean angle of the mass against lambda",
            Predicted::AtLeast(0.5),
            fixed,
            |seed, form| epochs(seed, form, |record| record.mean_angle),
        ),
    ]
}
