//! Slopes of logarithms, and the quantile of Student's distribution for 95 % intervals.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Half the width of a 95 % interval in standard errors, for so many degrees of freedom; NaN where
/// there are none.
pub fn student_quantile(degrees_of_freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, degrees_of_freedom).map_or(f64::NAN, |t| t.inverse_cdf(0.975))
}

/// The line of least squares through the logarithms of the points with two positive coordinates.
struct LogLine {
    slope: f64,
    /// Value at 0.
    level: f64,
    /// Mean and squared spread of the logarithms of `x`.
    mean: f64,
    spread: f64,
    logs: Vec<(f64, f64)>,
}

impl LogLine {
    /// `None` for fewer than two different `x`.
    fn of(points: &[(f64, f64)]) -> Option<Self> {
        let positive = points.iter().filter(|p| p.0 > 0.0 && p.1 > 0.0);
        let logs: Vec<(f64, f64)> = positive.map(|p| (p.0.ln(), p.1.ln())).collect();
        let count = logs.len() as f64;
        let mean = logs.iter().map(|p| p.0).sum::<f64>() / count;
        let height = logs.iter().map(|p| p.1).sum::<f64>() / count;
        let spread: f64 = logs.iter().map(|p| (p.0 - mean) * (p.0 - mean)).sum();
        if !(spread > 0.0) {
            return None;
        }
        let slope = logs.iter().map(|p| (p.0 - mean) * (p.1 - height)).sum::<f64>() / spread;
        Some(Self { slope, level: height - slope * mean, mean, spread, logs })
    }
}

/// Slope of the logarithms by least squares; `None` for fewer than two scales.
///
/// # Examples
/// ```
/// use gradiometer_verify::statistics::slope;
/// let square = slope(&[(1.0, 3.0), (2.0, 12.0), (4.0, 48.0)]).unwrap();
/// assert!((square - 2.0).abs() < f64::EPSILON.sqrt());
/// assert_eq!(slope(&[(1.0, 3.0), (1.0, 4.0)]), None);
/// ```
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    LogLine::of(points).map(|line| line.slope)
}

/// A power law `y = exp(level) x^slope` through points, with what its 95 % band needs.
#[derive(Clone, Copy, Debug)]
pub struct PowerFit {
    /// The exponent.
    pub slope: f64,
    /// Half the 95 % interval of the slope.
    pub half_width: f64,
    level: f64,
    /// Quantile times residual deviation, number of points, mean and squared spread of the
    /// logarithms of `x`.
    deviation: f64,
    count: f64,
    mean: f64,
    spread: f64,
}

impl PowerFit {
    /// Least squares over the points with two positive coordinates; `None` for fewer than three or
    /// a single `x`.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let LogLine { slope, level, mean, spread, logs } = LogLine::of(points)?;
        if logs.len() < 3 {
            return None;
        }
        let count = logs.len() as f64;
        let rest: f64 = logs.iter().map(|p| (p.1 - level - slope * p.0).powi(2)).sum();
        let deviation = student_quantile(count - 2.0) * (rest / (count - 2.0)).sqrt();
        let half_width = deviation / spread.sqrt();
        Some(Self { slope, half_width, level, deviation, count, mean, spread })
    }

    /// The fitted value, and the ends of its 95 % band.
    pub fn at(&self, x: f64) -> (f64, f64, f64) {
        let log = x.ln();
        let value = self.level + self.slope * log;
        let off = log - self.mean;
        let half = self.deviation * (1.0 / self.count + off * off / self.spread).sqrt();
        (value.exp(), (value - half).exp(), (value + half).exp())
    }
}
