//! Exponential, logarithm, and the sigmoid functions that follow from them.
//!
//! All of them increase, so a range is what the two end points give.

use super::{Enclosure, monotone};
use crate::float::{maximum, minimum};

impl Enclosure {
    /// Exponential, never negative.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Enclosure;
    /// assert!(Enclosure::ONE.exp().contains(std::f64::consts::E));
    /// assert!(Enclosure::from(-1e4).exp().lo() >= 0.0);
    /// ```
    pub fn exp(self) -> Self {
        monotone(self, pxfm::f_exp).clamped(0.0, f64::INFINITY)
    }

    /// Natural logarithm over the positive part; from minus infinity if zero is an end point.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Enclosure;
    /// assert!(Enclosure::from(2.0).log().contains(std::f64::consts::LN_2));
    /// assert!(Enclosure::new(-1.0, 0.0).log().is_undefined());
    /// ```
    pub fn log(self) -> Self {
        if !(self.hi > 0.0 && self.lo <= self.hi) {
            return Self::UNDEFINED;
        }
        monotone(Self { lo: maximum(self.lo, 0.0), hi: self.hi }, pxfm::f_log)
    }

    /// Hyperbolic tangent, in `[-1, 1]`.
    pub fn tanh(self) -> Self {
        monotone(self, pxfm::f_tanh).clamped(-1.0, 1.0)
    }

    /// Error function, in `[-1, 1]`.
    pub fn erf(self) -> Self {
        monotone(self, pxfm::f_erf).clamped(-1.0, 1.0)
    }

    /// The logistic function `1/(1 + exp(-x))`, in `[0, 1]`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Enclosure;
    /// assert!(Enclosure::ZERO.sigmoid().contains(0.5));
    /// ```
    pub fn sigmoid(self) -> Self {
        let at = |x: f64| Self::ONE / (Self { lo: -x, hi: -x }.exp() + Self::ONE);
        Self::new(at(self.lo).lo, at(self.hi).hi).clamped(0.0, 1.0)
    }

    /// `log(1 + exp(x))`, never negative.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Enclosure;
    /// assert!(Enclosure::ZERO.softplus().contains(std::f64::consts::LN_2));
    /// ```
    pub fn softplus(self) -> Self {
        // log(1 + exp x) = max(x, 0) + log(1 + exp(-|x|)): no overflow, and no cancellation.
        let at = |x: f64| {
            let away = Self { lo: -x.abs(), hi: -x.abs() };
            monotone(away.exp(), pxfm::f_log1p) + Self { lo: x, hi: x }.larger(Self::ZERO)
        };
        Self::new(at(self.lo).lo, at(self.hi).hi).clamped(0.0, f64::INFINITY)
    }

    /// The part in `[lo, hi]`, which is known to hold the exact results.
    fn clamped(self, lo: f64, hi: f64) -> Self {
        Self::new(maximum(self.lo, lo), minimum(self.hi, hi))
    }
}
