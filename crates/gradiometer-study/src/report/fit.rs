//! Power laws through points, with 95 % bands.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A line through logarithms: `y = exp(level) x^slope`, with what a band needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PowerFit {
    pub(crate) slope: f64,
    /// Half the 95 % interval of the slope.
    pub(crate) half_width: f64,
    level: f64,
    /// Quantile times residual deviation, number of points, mean and squared spread of the logarithms of `x`.
    deviation: f64,
    count: f64,
    mean: f64,
    spread: f64,
}

impl PowerFit {
    /// Least squares over the points with two positive coordinates; `None` for fewer than three or a single `x`.
    pub(crate) fn of(points: &[(f64, f64)]) -> Option<Self> {
        let positive = points.iter().filter(|p| p.0 > 0.0 && p.1 > 0.0);
        let logs: Vec<(f64, f64)> = positive.map(|p| (p.0.ln(), p.1.ln())).collect();
        let count = logs.len() as f64;
        let mean = logs.iter().map(|p| p.0).sum::<f64>() / count;
        let height = logs.iter().map(|p| p.1).sum::<f64>() / count;
        let spread: f64 = logs.iter().map(|p| (p.0 - mean) * (p.0 - mean)).sum();
        if logs.len() < 3 || !(spread > 0.0) {
            return None;
        }
        let slope = logs.iter().map(|p| (p.0 - mean) * (p.1 - height)).sum::<f64>() / spread;
        let level = height - slope * mean;
        let rest: f64 = logs.iter().map(|p| (p.1 - level - slope * p.0).powi(2)).sum();
        let quantile = StudentsT::new(0.0, 1.0, count - 2.0).ok()?.inverse_cdf(0.975);
        let deviation = quantile * (rest / (count - 2.0)).sqrt();
        let half_width = deviation / spread.sqrt();
        Some(Self { slope, half_width, level, deviation, count, mean, spread })
    }

    /// The fitted value, and the ends of its 95 % band.
    pub(crate) fn at(&self, x: f64) -> (f64, f64, f64) {
        let log = x.ln();
        let value = self.level + self.slope * log;
        let off = log - self.mean;
        let half = self.deviation * (1.0 / self.count + off * off / self.spread).sqrt();
        (value.exp(), (value - half).exp(), (value + half).exp())
    }
}
