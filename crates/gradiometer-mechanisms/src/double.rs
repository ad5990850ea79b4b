//! Sums of products in twice the digits of a double, for minors of nearly singular covariances.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// An unevaluated sum `hi + lo` with `|lo| <= ulp(hi)/2`; operations are off by a few `2^-104`
/// relative, sums of opposite signs by as much of their terms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Double {
    hi: f64,
    lo: f64,
}

impl Double {
    /// The product of two doubles, exactly.
    #[inline]
    pub(crate) fn product(a: f64, b: f64) -> Self {
        let hi = a * b;
        Self { hi, lo: a.mul_add(b, -hi) }
    }

    /// The double nearest to it.
    #[inline]
    pub(crate) const fn value(self) -> f64 {
        self.hi
    }
}

impl From<f64> for Double {
    #[inline]
    fn from(hi: f64) -> Self {
        Self { hi, lo: 0.0 }
    }
}

/// `a + b` for any two doubles, exactly.
#[inline]
fn two_sum(a: f64, b: f64) -> Double {
    let hi = a + b;
    let kept = hi - a;
    Double { hi, lo: (a - (hi - kept)) + (b - kept) }
}

/// `a + b` for `|a| >= |b|`, exactly.
#[inline]
fn fast_two_sum(a: f64, b: f64) -> Double {
    let hi = a + b;
    Double { hi, lo: b - (hi - a) }
}

impl Neg for Double {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self { hi: -self.hi, lo: -self.lo }
    }
}

impl Add for Double {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        let (high, low) = (two_sum(self.hi, other.hi), two_sum(self.lo, other.lo));
        let sum = fast_two_sum(high.hi, high.lo + low.hi);
        fast_two_sum(sum.hi, low.lo + sum.lo)
    }
}

impl Sub for Double {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        let high = Self::product(self.hi, other.hi);
        let low = self.lo.mul_add(other.hi, self.hi.mul_add(other.lo, self.lo * other.lo));
        fast_two_sum(high.hi, high.lo + low)
    }
}

impl Mul<f64> for Double {
    type Output = Self;
    #[inline]
    fn mul(self, other: f64) -> Self {
        let high = Self::product(self.hi, other);
        fast_two_sum(high.hi, self.lo.mul_add(other, high.lo))
    }
}

impl Div for Double {
    type Output = Self;
    #[inline]
    fn div(self, other: Self) -> Self {
        let quotient = self.hi / other.hi;
        let rest = self - other * quotient;
        fast_two_sum(quotient, rest.hi / other.hi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_doubles_round_away_is_kept() {
        let tiny = f64::powi(2.0, -60);
        let one = Double::from(1.0);
        let sum = one + Double::from(tiny);
        assert!(((sum - one).value() - tiny).abs() <= 0.0);
        // (1 + t)(1 - t) = 1 - t^2, t^2 = 2^-120 is out of reach, 2^-104 is not.
        let t = f64::powi(2.0, -52);
        let square = (one + Double::from(t)) * (one - Double::from(t)) - one;
        assert!((square.value() + t * t).abs() <= 0.0);
        let scaled = (one + Double::from(t)) * 3.0 - Double::from(3.0);
        assert!((scaled.value() - 3.0 * t).abs() <= 0.0);
        // A third, three times, is one to a square of rounding.
        let third = one / Double::from(3.0);
        assert!((third * 3.0 - one).value().abs() <= f64::powi(2.0, -104));
    }
}
