//! A prediction beside its measurement: the pair that every statement of the literature is checked
//! by.

/// What was predicted, what was measured, and the error of the measurement.
///
/// `error` is one standard error for a sampled measurement and a bound on rounding for a computed
/// one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The prediction.
    pub predicted: f64,
    /// The measurement.
    pub measured: f64,
    /// One standard error of the measurement, or a bound on its rounding.
    pub error: f64,
}

impl Outcome {
    /// A prediction beside the mean of independent runs, with its standard error.
    pub fn of_samples(predicted: f64, samples: &[f64]) -> Self {
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let square = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
        Self { predicted, measured: mean, error: (square / (n * (n - 1.0))).sqrt() }
    }

    /// Whether measurement and prediction differ by at most `z` errors plus `relative |predicted|`.
    ///
    /// `relative` is the size of what an asymptotic statement leaves out at this size. NaN agrees
    /// with nothing.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::Outcome;
    /// let outcome = Outcome { predicted: 1.0, measured: 1.1, error: 0.03 };
    /// assert!(outcome.agrees(4.0, 0.0));
    /// assert!(!outcome.agrees(3.0, 0.0) && outcome.agrees(3.0, 0.02));
    /// ```
    pub fn agrees(&self, z: f64, relative: f64) -> bool {
        (self.measured - self.predicted).abs() <= z * self.error + relative * self.predicted.abs()
    }

    /// `(measured - predicted)/error`: how many errors lie between the two, signed.
    pub fn deviation(&self) -> f64 {
        (self.measured - self.predicted) / self.error
    }

    /// The same without its sign.
    pub fn deviations(&self) -> f64 {
        self.deviation().abs()
    }
}
