//! Verified enclosures of real numbers: the only numbers that may enter a proof.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

use crate::float::{maximum, minimum};

mod exponentials;

/// A closed interval `[lo, hi]` that contains the real number it stands for.
///
/// Every operation returns an interval that contains all exact results: the end points are computed in round-to-nearest
/// and moved one float outward. The elementary functions come from `pxfm`, whose error is below one unit in the last
/// place, and are moved outward as well. An end point may be infinite.
///
/// **Domains.** `sqrt`, `log`, `asin` and `acos` enclose the values over the part of the interval that lies in the domain; if
/// there is none, the result is [`Enclosure::UNDEFINED`].
///
/// **Undefined.** NaN, an empty domain, a division by something that may be zero, and `0 * inf` give
/// [`Enclosure::UNDEFINED`], whose end points are NaN. It survives every operation and every comparison with it is false,
/// so it proves nothing.
///
/// # Examples
/// ```
/// use gradiometer_hermite::Enclosure;
/// let third = Enclosure::from(1.0) / Enclosure::from(3.0);
/// assert!(third.lo() < third.hi());
/// assert!((third * 3.0).contains(1.0));
/// assert!(third.certainly_less(0.34));
/// assert!(!Enclosure::from(f64::NAN).certainly_less(1.0));
/// ```
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Enclosure {
    lo: f64,
    hi: f64,
}

impl Enclosure {
    /// Zero, exactly.
    pub const ZERO: Self = Self { lo: 0.0, hi: 0.0 };
    /// One, exactly.
    pub const ONE: Self = Self { lo: 1.0, hi: 1.0 };
    /// Every real number.
    pub const ENTIRE: Self = Self { lo: f64::NEG_INFINITY, hi: f64::INFINITY };
    /// No number at all: what an operation outside its domain returns.
    pub const UNDEFINED: Self = Self { lo: f64::NAN, hi: f64::NAN };
    /// The number pi; the float `PI` lies below it.
    pub const PI: Self = Self { lo: std::f64::consts::PI, hi: std::f64::consts::PI.next_up() };

    /// The interval `[lo, hi]`; [`Self::UNDEFINED`] unless `lo <= hi`.
    #[inline]
    pub const fn new(lo: f64, hi: f64) -> Self {
        if lo <= hi { Self { lo, hi } } else { Self::UNDEFINED }
    }

    /// The interval `[centre - radius, centre + radius]`, widened outward.
    #[inline]
    pub const fn around(centre: f64, radius: f64) -> Self {
        Self::outward(centre - radius, centre + radius)
    }

    /// Round-to-nearest end points moved one float outward.
    #[inline]
    const fn outward(lo: f64, hi: f64) -> Self {
        Self::new(lo.next_down(), hi.next_up())
    }

    /// Lower end point.
    #[inline]
    pub const fn lo(self) -> f64 {
        self.lo
    }

    /// Upper end point.
    #[inline]
    pub const fn hi(self) -> f64 {
        self.hi
    }

    /// A float inside the interval, close to its middle; NaN if undefined, zero for the whole line.
    #[inline]
    pub fn midpoint(self) -> f64 {
        if self.lo == f64::NEG_INFINITY && self.hi == f64::INFINITY {
            return 0.0;
        }
        // Halving first cannot overflow; the clamp keeps rounding inside.
        let middle = 0.5 * self.lo + 0.5 * self.hi;
        if middle < self.lo {
            self.lo
        } else if middle > self.hi {
            self.hi
        } else {
            middle
        }
    }

    /// An upper bound of the largest distance from [`Self::midpoint`] to a point of the interval.
    #[inline]
    pub fn radius(self) -> f64 {
        let middle = self.midpoint();
        maximum((self.hi - middle).next_up(), (middle - self.lo).next_up())
    }

    /// An upper bound of `hi - lo`.
    #[inline]
    pub const fn width(self) -> f64 {
        (self.hi - self.lo).next_up()
    }

    /// The largest modulus of a point of the interval.
    #[inline]
    pub const fn magnitude(self) -> f64 {
        maximum(self.lo.abs(), self.hi.abs())
    }

    /// The smallest modulus of a point of the interval.
    #[inline]
    pub const fn mignitude(self) -> f64 {
        if self.lo <= 0.0 && self.hi >= 0.0 { 0.0 } else { minimum(self.lo.abs(), self.hi.abs()) }
    }

    /// Whether both end points are finite.
    #[inline]
    pub const fn is_finite(self) -> bool {
        self.lo.is_finite() && self.hi.is_finite()
    }

    /// Whether the interval stands for no number.
    #[inline]
    pub const fn is_undefined(self) -> bool {
        !(self.lo <= self.hi)
    }

    /// Whether `x` lies in the interval.
    #[inline]
    pub const fn contains(self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }

    /// Whether every point of `self` lies in `other`.
    #[inline]
    pub fn is_subset_of(self, other: impl Into<Self>) -> bool {
        let other = other.into();
        other.lo <= self.lo && self.hi <= other.hi && self.lo <= self.hi
    }

    /// Whether every point of `self` lies strictly inside `other`.
    #[inline]
    pub fn is_interior_of(self, other: impl Into<Self>) -> bool {
        let other = other.into();
        other.lo < self.lo && self.hi < other.hi && self.lo <= self.hi
    }

    /// Whether every point of `self` is less than every point of `other`.
    #[inline]
    pub fn certainly_less(self, other: impl Into<Self>) -> bool {
        self.hi < other.into().lo
    }

    /// Whether every point of `self` is at most every point of `other`.
    #[inline]
    pub fn certainly_at_most(self, other: impl Into<Self>) -> bool {
        self.hi <= other.into().lo
    }

    /// Whether every point of `self` is greater than every point of `other`.
    #[inline]
    pub fn certainly_greater(self, other: impl Into<Self>) -> bool {
        self.lo > other.into().hi
    }

    /// Whether every point of `self` is at least every point of `other`.
    #[inline]
    pub fn certainly_at_least(self, other: impl Into<Self>) -> bool {
        self.lo >= other.into().hi
    }

    /// The smallest interval that contains both; undefined if either is.
    #[inline]
    pub fn hull(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        Self::new(minimum(self.lo, other.lo), maximum(self.hi, other.hi))
    }

    /// The points that lie in both; `None` if there are none or either is undefined.
    #[inline]
    pub fn intersection(self, other: impl Into<Self>) -> Option<Self> {
        let other = other.into();
        let (lo, hi) = (maximum(self.lo, other.lo), minimum(self.hi, other.hi));
        if lo <= hi { Some(Self { lo, hi }) } else { None }
    }

    /// The larger of two numbers.
    #[inline]
    pub fn larger(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        Self::new(maximum(self.lo, other.lo), maximum(self.hi, other.hi))
    }

    /// The smaller of two numbers.
    #[inline]
    pub fn smaller(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        Self::new(minimum(self.lo, other.lo), minimum(self.hi, other.hi))
    }

    /// Modulus, exact.
    #[inline]
    pub const fn abs(self) -> Self {
        Self::new(self.mignitude(), self.magnitude())
    }

    /// Half of it, exact except for subnormal numbers.
    #[inline]
    pub fn half(self) -> Self {
        self * 0.5
    }

    /// Square, never negative.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Enclosure;
    /// let square = Enclosure::new(-1.0, 2.0).square();
    /// assert_eq!(square.lo(), 0.0);
    /// assert!(square.contains(4.0));
    /// ```
    #[inline]
    pub fn square(self) -> Self {
        let (small, large) = (self.mignitude(), self.magnitude());
        let lo = maximum((small * small).next_down(), 0.0);
        Self::new(lo, (large * large).next_up())
    }

    /// Power with a whole exponent; even powers are never negative, and `x^0 = 1`.
    pub fn powi(self, exponent: u32) -> Self {
        if self.is_undefined() {
            return Self::UNDEFINED;
        }
        let odd = exponent % 2 == 1;
        let mut power = Self::ONE;
        let mut base = self.square();
        let mut rest = exponent / 2;
        while rest > 0 {
            if rest % 2 == 1 {
                power = Self::new(maximum((power * base).lo, 0.0), (power * base).hi);
            }
            base = base.square();
            rest /= 2;
        }
        if odd { power * self } else { power }
    }

    /// Square root over the non-negative part.
    #[inline]
    pub fn sqrt(self) -> Self {
        if !(self.hi >= 0.0 && self.lo <= self.hi) {
            return Self::UNDEFINED;
        }
        let lo = if self.lo > 0.0 { self.lo.sqrt().next_down() } else { 0.0 };
        let hi = if self.hi > 0.0 { self.hi.sqrt().next_up() } else { 0.0 };
        Self::new(lo, hi)
    }

    /// Arc sine over the part in `[-1, 1]`.
    pub fn asin(self) -> Self {
        let Some(x) = self.intersection(Self { lo: -1.0, hi: 1.0 }) else {
            return Self::UNDEFINED;
        };
        monotone(x, pxfm::f_asin)
    }

    /// Arc cosine over the part in `[-1, 1]`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Enclosure;
    /// assert!(Enclosure::from(-1.0).acos().contains(std::f64::consts::PI));
    /// assert!(Enclosure::from(1.5).acos().is_undefined());
    /// ```
    pub fn acos(self) -> Self {
        let Some(x) = self.intersection(Self { lo: -1.0, hi: 1.0 }) else {
            return Self::UNDEFINED;
        };
        // acos >= 0, so the lower end never needs to leave zero.
        let lo = maximum(pxfm::f_acos(x.hi).next_down(), 0.0);
        Self::new(lo, pxfm::f_acos(x.lo).next_up())
    }

    /// Arc tangent.
    pub fn atan(self) -> Self {
        monotone(self, pxfm::f_atan)
    }

    /// Sine; `[-1, 1]` for arguments beyond a million, where it is not needed.
    pub fn sin(self) -> Self {
        self.wave(pxfm::f_sin, 0.5)
    }

    /// Cosine; `[-1, 1]` for arguments beyond a million, where it is not needed.
    pub fn cos(self) -> Self {
        self.wave(pxfm::f_cos, 0.0)
    }

    /// Range of a wave of period `2 pi` with maxima at `pi (top + 2 k)` and minima at `pi (top + 2 k + 1)`.
    fn wave(self, f: fn(f64) -> f64, top: f64) -> Self {
        if self.is_undefined() {
            return Self::UNDEFINED;
        }
        let (a, b) = (f(self.lo), f(self.hi));
        let mut lo = maximum(minimum(a, b).next_down(), -1.0);
        let mut hi = minimum(maximum(a, b).next_up(), 1.0);
        let full = Self { lo: -1.0, hi: 1.0 };
        if !(self.magnitude() <= 1e6 && self.width() < 6.5) {
            return full;
        }
        // Extrema sit at pi (top + n); the float estimate of n is off by less than one.
        let first = (self.lo / std::f64::consts::PI - top).floor() - 1.0;
        for step in 0..6_u8 {
            let n = first + f64::from(step);
            if (Self::PI * (top + n)).intersection(self).is_some() {
                if n % 2.0 == 0.0 {
                    hi = 1.0;
                } else {
                    lo = -1.0;
                }
            }
        }
        Self::new(lo, hi)
    }
}

/// Range of an increasing function whose floating-point error is below one unit in the last place.
fn monotone(x: Enclosure, f: fn(f64) -> f64) -> Enclosure {
    Enclosure::outward(f(x.lo), f(x.hi))
}

/// An exact float; [`Enclosure::UNDEFINED`] if it is not finite.
impl From<f64> for Enclosure {
    #[inline]
    fn from(x: f64) -> Self {
        if x.is_finite() { Self { lo: x, hi: x } } else { Self::UNDEFINED }
    }
}

impl Neg for Enclosure {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        Self { lo: -self.hi, hi: -self.lo }
    }
}

impl Add for Enclosure {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        Self::outward(self.lo + other.lo, self.hi + other.hi)
    }
}

impl Sub for Enclosure {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        Self::outward(self.lo - other.hi, self.hi - other.lo)
    }
}

impl Mul for Enclosure {
    type Output = Self;

    #[inline]
    fn mul(self, other: Self) -> Self {
        let (p, q) = (self.lo * other.lo, self.lo * other.hi);
        let (r, s) = (self.hi * other.lo, self.hi * other.hi);
        Self::outward(minimum(minimum(p, q), minimum(r, s)), maximum(maximum(p, q), maximum(r, s)))
    }
}

/// Undefined if the divisor may be zero.
impl Div for Enclosure {
    type Output = Self;

    #[inline]
    fn div(self, other: Self) -> Self {
        if !(other.lo > 0.0 || other.hi < 0.0) {
            return Self::UNDEFINED;
        }
        let (p, q) = (self.lo / other.lo, self.lo / other.hi);
        let (r, s) = (self.hi / other.lo, self.hi / other.hi);
        Self::outward(minimum(minimum(p, q), minimum(r, s)), maximum(maximum(p, q), maximum(r, s)))
    }
}

macro_rules! with_floats {
    ($($trait:ident $method:ident),*) => {$(
        impl $trait<f64> for Enclosure {
            type Output = Self;

            #[inline]
            fn $method(self, other: f64) -> Self {
                self.$method(Self::from(other))
            }
        }

        impl $trait<Enclosure> for f64 {
            type Output = Enclosure;

            #[inline]
            fn $method(self, other: Enclosure) -> Enclosure {
                Enclosure::from(self).$method(other)
            }
        }
    )*};
}

with_floats!(Add add, Sub sub, Mul mul, Div div);

impl AddAssign for Enclosure {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Enclosure {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Enclosure {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, |total, term| total + term)
    }
}

impl std::fmt::Display for Enclosure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}, {}]", self.lo, self.hi)
    }
}

#[cfg(test)]
mod tests;
