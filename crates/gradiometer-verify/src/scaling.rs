//! Statements that are exponents: runs at several scales, one slope each, and an interval from
//! their spread.

use super::statistics::{slope, student_quantile};
use crate::error::VerifyError;
use gradiometer_hermite::float::{maximum_of, minimum_of};
use gradiometer_theory::{Exponent, Form, Points, Predicted, Statement};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How near an exponent must come to the predicted one: logarithms and lower orders bend a line
/// over a few octaves by as much.
pub const RESOLUTION: f64 = 0.2;
/// How wide the interval of an exponent may be: runs that scatter more agree with anything.
pub const WIDEST: f64 = 0.5;

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
    /// From the slopes of independent runs; one run has an unbounded interval, and JSON cannot hold
    /// that, so it is as wide as the largest double.
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

    /// Whether the runs say what the theory says: their interval meets it, and is narrow enough to
    /// tell, or lies on the side of it where the theory has the exponent.
    pub fn agrees(self, predicted: Predicted) -> bool {
        let is_beyond = match predicted {
            Predicted::About(_) => false,
            Predicted::AtMost(x) => self.high <= x,
            Predicted::AtLeast(x) => self.low >= x,
        };
        is_beyond || (self.meets(predicted) && self.high - self.low <= WIDEST)
    }

    /// Whether the interval meets what the theory says, however wide it is.
    pub fn meets(self, predicted: Predicted) -> bool {
        let Self { low, high, .. } = self;
        match predicted {
            Predicted::About(x) => low <= x + RESOLUTION && high >= x - RESOLUTION,
            Predicted::AtMost(x) => low <= x,
            Predicted::AtLeast(x) => high >= x,
        }
    }
}

/// An exponent of a statement, by its id.
#[derive(Clone, Copy, Debug)]
pub struct Scaling {
    /// The statement's id.
    pub id: &'static str,
    /// The exponent.
    pub exponent: Exponent,
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
    /// The least and the greatest constant: what was measured over the scale to the predicted
    /// exponent.
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
        let points = |run| Ok((self.exponent.points)(seed.wrapping_add(run), form)?);
        (0..runs).into_par_iter().map(points).collect()
    }

    fn fit(&self, runs: &[Points]) -> Result<Fit, VerifyError> {
        let slopes: Result<Vec<f64>, VerifyError> = runs
            .iter()
            .map(|points| {
                let (id, part, points_found) = (self.id, self.exponent.part, points.len());
                slope(points).ok_or(VerifyError::TooFewPoints { id, part, points: points_found })
            })
            .collect();
        Ok(Fit::of(&slopes?))
    }

    /// The slope of the logarithms in one run.
    ///
    /// # Errors
    /// [`VerifyError`] if the run fails or has too few points.
    pub fn slope(&self, seed: u64, form: Form) -> Result<f64, VerifyError> {
        let points = (self.exponent.points)(seed, form)?;
        let (id, part, count) = (self.id, self.exponent.part, points.len());
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
        let Exponent { part, predicted, control, .. } = self.exponent;
        let power = predicted.exponent();
        let constants = || points.iter().flatten().map(|(x, y)| y / x.powf(power));
        Ok(ScalingReport {
            id: self.id.to_owned(),
            part: part.to_owned(),
            predicted: predicted.text(),
            fit,
            constants: (minimum_of(constants()), maximum_of(constants())),
            agrees: fit.agrees(predicted),
            control: control.to_owned(),
            control_fit,
            control_fails: !control_fit.meets(predicted),
        })
    }
}

/// All exponents, in the order of their statements.
pub fn scalings() -> Vec<Scaling> {
    let of = |s: &'static Statement| {
        s.exponents.iter().map(|exponent| Scaling { id: s.id, exponent: *exponent })
    };
    crate::all_statements().flat_map(of).collect()
}
