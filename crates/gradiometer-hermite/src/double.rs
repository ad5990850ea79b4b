//! Double-double arithmetic: a number as the unevaluated sum of two doubles, some 106 bits.
//!
//! Sum, product and quotient are algorithms 6, 12 and 17 of \[JMP17\], whose relative errors are at most `3 u^2`, `4 u^2` and
//! `15 u^2` up to terms of order `u^3` (`u = 2^-53`); the square root's is at most `4 u^2`. All of them are below
//! [`DoubleDouble::UNIT`]. They assume that nothing overflows or underflows: the callers scale.

#![expect(
    clippy::inline_always,
    reason = "kernels that use it must be compiled for the instruction set of their caller"
)]

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number `hi + lo` with `|lo| <= ulp(hi)/2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DoubleDouble {
    hi: f64,
    lo: f64,
}

#[inline(always)]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let bb = s - a;
    (s, (a - (s - bb)) + (b - bb))
}

/// As [`two_sum`], for `|a| >= |b|` or `a = 0`.
#[inline(always)]
fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    (s, b - (s - a))
}

#[inline(always)]
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let p = a * b;
    (p, a.mul_add(b, -p))
}

impl DoubleDouble {
    /// Zero.
    pub const ZERO: Self = Self { hi: 0.0, lo: 0.0 };
    /// One.
    pub const ONE: Self = Self { hi: 1.0, lo: 0.0 };
    /// `pi` to within `2^-108`.
    pub const PI: Self = Self { hi: std::f64::consts::PI, lo: 1.2246467991473532e-16 };
    /// `2^-102 = 16 u^2`, a bound on the relative error of every operation.
    pub const UNIT: f64 = 1.97215226305253e-31;

    /// The number of two parts as [`DoubleDouble::parts`] gives them.
    pub const fn new(hi: f64, lo: f64) -> Self {
        Self { hi, lo }
    }

    /// Its two parts.
    pub const fn parts(self) -> (f64, f64) {
        (self.hi, self.lo)
    }

    /// The double nearest to the number.
    pub const fn to_f64(self) -> f64 {
        self.hi
    }

    /// Square root of a number that is not negative.
    #[must_use]
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        let root = self.hi.sqrt();
        if !(root > 0.0) {
            return Self { hi: root, lo: 0.0 };
        }
        let (square, rest) = two_product(root, root);
        let correction = ((self.hi - square) - rest + self.lo) / (root + root);
        let (hi, lo) = fast_two_sum(root, correction);
        Self { hi, lo }
    }

    /// Inner product of two vectors of doubles with error at most `((n + 1)^2 + 10) u^2 |v| |w|`, `n` the length over eight
    /// rounded up: eight compensated sums \[ORO05\], added up in double-double.
    #[inline(always)]
    pub fn dot(v: &[f64], w: &[f64]) -> Self {
        let (mut sum, mut error) = ([0.0; 8], [0.0; 8]);
        let mut add = |lane: usize, x: f64, y: f64| {
            let (product, low) = two_product(x, y);
            let (s, rest) = two_sum(sum[lane], product);
            sum[lane] = s;
            error[lane] += rest + low;
        };
        let (mut vs, mut ws) = (v.chunks_exact(8), w.chunks_exact(8));
        for (x, y) in (&mut vs).zip(&mut ws) {
            for lane in 0..8 {
                add(lane, x[lane], y[lane]);
            }
        }
        for (lane, (x, y)) in vs.remainder().iter().zip(ws.remainder()).enumerate() {
            add(lane, *x, *y);
        }
        let mut total = Self::ZERO;
        for lane in 0..8 {
            let (hi, lo) = two_sum(sum[lane], error[lane]);
            total = total + Self { hi, lo };
        }
        total
    }

    /// The angle `phi` in `[0, pi/2]` with `sin phi = sine` and `cos phi = cosine`, for a point of the unit circle's first
    /// quadrant: absolute error at most `8` [`Self::UNIT`] beyond that of the point.
    ///
    /// From a double `phi_0` near `phi`, whose own sine and cosine come from a table and two Taylor polynomials:
    /// `phi = phi_0 + d + O(d^3)` with `d = sin(phi - phi_0) = sine cos phi_0 - cosine sin phi_0`. The arcsine is taken of
    /// the smaller coordinate, where it is not steep, so that `|d| < 2^-48` and the rest is below `2^-144`.
    #[must_use]
    #[inline(always)]
    pub fn angle_of(sine: Self, cosine: Self, table: &SineTable) -> Self {
        let start = if sine.hi <= cosine.hi { sine.hi.asin() } else { cosine.hi.acos() };
        let (sin, cos) = table.sin_cos(start);
        Self::from(start) + (sine * cos - cosine * sin)
    }
}

impl From<f64> for DoubleDouble {
    #[inline(always)]
    fn from(x: f64) -> Self {
        Self { hi: x, lo: 0.0 }
    }
}

impl Neg for DoubleDouble {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self { hi: -self.hi, lo: -self.lo }
    }
}

impl Add for DoubleDouble {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let (sh, sl) = two_sum(self.hi, other.hi);
        let (th, tl) = two_sum(self.lo, other.lo);
        let (vh, vl) = fast_two_sum(sh, sl + th);
        let (hi, lo) = fast_two_sum(vh, tl + vl);
        Self { hi, lo }
    }
}

impl Sub for DoubleDouble {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for DoubleDouble {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let (p, rest) = two_product(self.hi, other.hi);
        let low = self.lo.mul_add(other.hi, self.hi.mul_add(other.lo, self.lo * other.lo));
        let (hi, lo) = fast_two_sum(p, rest + low);
        Self { hi, lo }
    }
}

impl Div for DoubleDouble {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let quotient = self.hi / other.hi;
        let (p, rest) = two_product(other.hi, quotient);
        let (product, product_low) = fast_two_sum(p, other.lo.mul_add(quotient, rest));
        let remainder = (self.hi - product) + (self.lo - product_low);
        let (hi, lo) = fast_two_sum(quotient, remainder / other.hi);
        Self { hi, lo }
    }
}

/// Inverse factorials that the longest polynomials need.
const FACTORIALS: usize = 36;

/// Sines and cosines of the multiples of 1/16 up to 26/16, and the Taylor coefficients between them.
#[derive(Clone, Debug)]
pub struct SineTable {
    sin_cos: [(DoubleDouble, DoubleDouble); 27],
    inverse_factorials: [DoubleDouble; FACTORIALS],
}

impl SineTable {
    /// The table, by Taylor series; entries within `4` [`DoubleDouble::UNIT`].
    pub fn new() -> Self {
        let mut inverse_factorials = [DoubleDouble::ONE; FACTORIALS];
        for k in 1..FACTORIALS {
            inverse_factorials[k] = inverse_factorials[k - 1] / DoubleDouble::from(k as f64);
        }
        // Seventeen terms: the next is below 1.625^36/36! < 2^-112.
        let sin_cos = std::array::from_fn(|k| taylor(k as f64 / 16.0, &inverse_factorials, 17));
        Self { sin_cos, inverse_factorials }
    }

    /// Sine and cosine of a double in `[0, 1.6]`, within `5` [`DoubleDouble::UNIT`].
    #[inline(always)]
    fn sin_cos(&self, x: f64) -> (DoubleDouble, DoubleDouble) {
        // Exact: the nearest multiple of 1/16 and the rest share their last bits.
        let nearest = (x * 16.0).round();
        let rest = x - nearest / 16.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small whole number; a NaN becomes 0 and stays in the rest"
        )]
        let index = (nearest as usize).min(26);
        let (s, c) = self.sin_cos[index];
        // Seven terms: the next is below 2^-75 / 15! < 2^-115.
        let (sr, cr) = taylor(rest, &self.inverse_factorials, 7);
        (s * cr + c * sr, c * cr - s * sr)
    }
}

impl Default for SineTable {
    fn default() -> Self {
        Self::new()
    }
}

/// Taylor polynomials of sine and cosine with `terms` terms each beyond the first.
#[inline(always)]
fn taylor(
    x: f64,
    inverse_factorials: &[DoubleDouble; FACTORIALS],
    terms: usize,
) -> (DoubleDouble, DoubleDouble) {
    let (hi, lo) = two_product(x, x);
    let minus_square = DoubleDouble { hi: -hi, lo: -lo };
    let (mut s, mut c) = (inverse_factorials[2 * terms + 1], inverse_factorials[2 * terms]);
    for k in (0..terms).rev() {
        s = s * minus_square + inverse_factorials[2 * k + 1];
        c = c * minus_square + inverse_factorials[2 * k];
    }
    (s * DoubleDouble::from(x), c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::maximum;
    use dashu_float::FBig;
    use dashu_float::round::mode::HalfEven;
    use gradiometer_testing::Words;

    type Big = FBig<HalfEven, 2>;
    /// `u^2`, the unit of the errors of \[JMP17\].
    const SQUARE: f64 = DoubleDouble::UNIT / 16.0;
    /// What terms of higher order may add to a count of units.
    const SLACK: f64 = 1.0 + 1024.0 * f64::EPSILON;

    fn big(x: f64) -> Big {
        Big::try_from(x).unwrap().with_precision(400).value()
    }

    fn exact(x: DoubleDouble) -> Big {
        big(x.hi) + big(x.lo)
    }

    fn off(found: DoubleDouble, expected: &Big) -> f64 {
        (exact(found) - expected).to_f64().value().abs()
    }

    /// The error relative to the number, in units of `u^2`.
    fn units(found: DoubleDouble, expected: &Big) -> f64 {
        off(found, expected) / expected.to_f64().value().abs() / SQUARE
    }

    fn uniform(words: &mut Words) -> f64 {
        words.unit() - 0.5
    }

    /// Numbers with all their bits in use, over some binades.
    fn numbers(seed: u64) -> Vec<DoubleDouble> {
        let mut rng = Words::new(seed);
        (0..200)
            .map(|i| {
                let hi = uniform(&mut rng) * f64::powi(2.0, i % 9 - 4);
                let (hi, lo) = fast_two_sum(hi, hi * f64::EPSILON * 0.5 * uniform(&mut rng));
                DoubleDouble { hi, lo }
            })
            .collect()
    }

    #[test]
    fn operations_are_within_their_units() {
        let mut worst = [0.0; 5];
        for (x, y) in numbers(1).into_iter().zip(numbers(2)) {
            let (a, b) = (exact(x), exact(y));
            let positive = if x.hi < 0.0 { -x } else { x };
            let root = exact(positive).sqrt();
            for (worst, (found, expected)) in worst.iter_mut().zip([
                (x + y, &a + &b),
                (x - y, &a - &b),
                (x * y, &a * &b),
                (x / y, &a / &b),
                (positive.sqrt(), root),
            ]) {
                *worst = maximum(*worst, units(found, &expected));
                // Both parts are as far apart as they can be.
                assert!((found.hi + found.lo - found.hi).abs() <= 0.0, "{found:?}");
            }
        }
        for (worst, most) in worst.iter().zip([3.0, 3.0, 4.0, 15.0, 4.0]) {
            assert!(*worst <= most * SLACK, "{worst} {most}");
            // Not so few that the low parts were not there.
            assert!(*worst > 0.25, "{worst}");
        }
        assert!((DoubleDouble::UNIT / f64::powi(2.0, -102) - 1.0).abs() <= f64::EPSILON);
        let zero = DoubleDouble::ZERO.sqrt();
        assert_eq!(zero, DoubleDouble::ZERO);
    }

    #[test]
    fn dots_are_those_of_exact_products() {
        let mut rng = Words::new(3);
        for d in [1, 2, 7, 8, 9, 15, 16, 17, 40] {
            let mut vector =
                |length: usize| -> Vec<f64> { (0..length).map(|_| uniform(&mut rng)).collect() };
            let (v, mut w) = (vector(d), vector(d));
            // The second time all but cancels.
            for again in 0..2 {
                let mut sum = big(0.0);
                for (x, y) in v.iter().zip(&w) {
                    sum += big(*x) * big(*y);
                }
                let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
                let n = d.div_ceil(8) as f64;
                let most = ((n + 1.0) * (n + 1.0) + 10.0) * SQUARE * norm(&v) * norm(&w);
                let found = DoubleDouble::dot(&v, &w);
                assert!(off(found, &sum) <= most, "{d} {again}");
                w[0] -= sum.to_f64().value() / v[0];
            }
        }
    }

    #[test]
    fn sines_and_angles_are_within_their_units() {
        let table = SineTable::new();
        let pi = Big::pi(400);
        assert!(off(DoubleDouble::PI, &pi) <= f64::powi(2.0, -108));
        for k in 1..=160 {
            let x = f64::from(k) / 100.0;
            let (sine, cosine) = table.sin_cos(x);
            // The angle of the point, and its distance from the origin.
            let angle = exact(sine).atan2(&exact(cosine));
            assert!((angle - big(x)).to_f64().value().abs() <= 7.5 * DoubleDouble::UNIT, "{x}");
            let square = exact(sine).sqr() + exact(cosine).sqr() - big(1.0);
            assert!(square.to_f64().value().abs() <= 15.0 * DoubleDouble::UNIT, "{x}");
        }
        // Points with rational coordinates, from near one axis to near the other.
        for (m, n) in [(2, 1), (3, 2), (7, 1), (9, 8), (100, 1), (100, 99), (41, 17), (4001, 3999)]
        {
            let [m, n] = [m, n].map(f64::from);
            let [x, y, z] = [m * m - n * n, 2.0 * m * n, m * m + n * n].map(DoubleDouble::from);
            for (sine, cosine) in [(x, y), (y, x)] {
                let found = DoubleDouble::angle_of(sine / z, cosine / z, &table);
                let expected = exact(sine).atan2(&exact(cosine));
                // The point itself is off by less than one unit.
                assert!(off(found, &expected) <= 9.0 * DoubleDouble::UNIT, "{m} {n}");
            }
        }
    }
}
