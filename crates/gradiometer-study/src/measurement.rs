//! What a study measures: quantities at settings over seeds, with the interval of each.

use gradiometer_verify::statistics::student_quantile;
use statrs::distribution::{Beta, ContinuousCDF};
use std::fmt;

/// The value of one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Level {
    /// A number.
    Number(f64),
    /// A name.
    Name(&'static str),
    /// None: the quantity is about several values together.
    Several,
}

impl From<f64> for Level {
    fn from(x: f64) -> Self {
        Self::Number(x)
    }
}

impl From<usize> for Level {
    fn from(x: usize) -> Self {
        Self::Number(x as f64)
    }
}

impl From<&'static str> for Level {
    fn from(name: &'static str) -> Self {
        Self::Name(name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(x) => write!(f, "{x}"),
            Self::Name(name) => write!(f, "{name}"),
            Self::Several => Ok(()),
        }
    }
}

impl Level {
    /// Whether both are the same, numbers up to a rounding.
    pub(super) fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Number(x), Self::Number(y)) => (x - y).abs() <= 4.0 * f64::EPSILON * y.abs(),
            (Self::Name(x), Self::Name(y)) => x == y,
            (Self::Several, Self::Several) => true,
            _ => false,
        }
    }
}

/// Names and values of what was chosen; the same names throughout a study.
pub type Setting = Vec<(&'static str, Level)>;

/// How the interval of a quantity is found; all at 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Band {
    /// Of a mean, by Student's distribution.
    StudentT,
    /// Of the probability of an event that is 1 or 0 for each seed, by Clopper and Pearson.
    ClopperPearson,
}

impl Band {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StudentT => "student-t",
            Self::ClopperPearson => "clopper-pearson",
        }
    }
}

/// A quantity: a name and the kind of its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The name.
    pub name: &'static str,
    /// The interval.
    pub band: Band,
}

/// A quantity with a mean.
pub(super) const fn mean(name: &'static str) -> Measure {
    Measure { name, band: Band::StudentT }
}

/// An event with a probability.
pub(super) const fn event(name: &'static str) -> Measure {
    Measure { name, band: Band::ClopperPearson }
}

/// Share of the probability that an interval leaves out on either side.
const TAIL: f64 = 0.025;

/// One quantity at one setting, over the seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// What was chosen.
    pub setting: Setting,
    /// The quantity.
    pub measure: Measure,
    /// Its value for each seed.
    pub values: Vec<(u64, f64)>,
}

impl Measurement {
    /// The mean over the seeds.
    pub fn mean(&self) -> f64 {
        self.values.iter().map(|(_, x)| x).sum::<f64>() / self.values.len() as f64
    }

    /// The 95 % confidence interval of the mean; NaN where there is none, as for one seed and
    /// Student's distribution.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_study::{Band, Measure, Measurement};
    /// // Mean 2, standard error 1, one degree of freedom: the quantile is tan(0.475 pi).
    /// let measure = Measure { name: "x", band: Band::StudentT };
    /// let found = Measurement { setting: vec![], measure, values: vec![(0, 1.0), (1, 3.0)] };
    /// let (_, high) = found.interval();
    /// let expected = 2.0 + (0.475 * std::f64::consts::PI).tan();
    /// // The quantile is found by a search.
    /// assert!((high / expected - 1.0).abs() < f64::EPSILON.cbrt());
    /// // One success in one trial: p with p = 0.025.
    /// let measure = Measure { name: "x", band: Band::ClopperPearson };
    /// let found = Measurement { setting: vec![], measure, values: vec![(0, 1.0)] };
    /// let (low, high) = found.interval();
    /// assert!((low / 0.025 - 1.0).abs() < f64::EPSILON.cbrt() && high == 1.0);
    /// ```
    pub fn interval(&self) -> (f64, f64) {
        let (n, mean) = (self.values.len() as f64, self.mean());
        match self.measure.band {
            Band::StudentT => {
                let square: f64 = self.values.iter().map(|(_, x)| (x - mean) * (x - mean)).sum();
                let error = (square / (n - 1.0) / n).sqrt();
                let half = student_quantile(n - 1.0) * error;
                (mean - half, mean + half)
            }
            Band::ClopperPearson => {
                let successes = (mean * n).round();
                let beta = |a, b, p| Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(p));
                let low =
                    if successes > 0.0 { beta(successes, n - successes + 1.0, TAIL) } else { 0.0 };
                let high = if successes < n {
                    beta(successes + 1.0, n - successes, 1.0 - TAIL)
                } else {
                    1.0
                };
                (low, high)
            }
        }
    }

    /// The value of a parameter.
    pub fn level(&self, name: &str) -> Option<Level> {
        self.setting.iter().find(|(other, _)| *other == name).map(|(_, level)| *level)
    }

    /// The value of a parameter that is a number; NaN else.
    pub fn number(&self, name: &str) -> f64 {
        match self.level(name) {
            Some(Level::Number(x)) => x,
            _ => f64::NAN,
        }
    }

    /// Whether it is of this quantity at these values.
    pub(super) fn fits(&self, measure: &str, fixed: &[(&str, Level)]) -> bool {
        let has = |(name, value): &(&str, Level)| self.level(name).is_some_and(|x| x.is(*value));
        self.measure.name == measure && fixed.iter().all(has)
    }
}
