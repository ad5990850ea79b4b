//! The angle between two directions, kept with its cosine and sine so that none is recovered from another.

use crate::float::{maximum, minimum};
use std::f64::consts::FRAC_PI_2;

/// `pi/2` minus its nearest double.
const FRAC_PI_2_REST: f64 = 6.123233995736766e-17;

/// An angle `phi` in `[0, pi]` between two directions.
///
/// Near `t = +-1` the sine and the angle hold digits that the rounded cosine has lost, and near `t = 0` the
/// complement `pi/2 - phi = asin t` holds digits that `phi` has lost; so all of them are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Angle {
    cosine: f64,
    sine: f64,
    complement: f64,
}

impl Angle {
    /// The angle whose cosine is `t`, clamped to `[-1, 1]`; NaN stays NaN.
    ///
    /// The sine is `sqrt((1 - t)(1 + t))`: exact to rounding for the given double `t`, but a `t` that was itself
    /// rounded holds an angle near 0 only to `sqrt(eps)`. Use [`Angle::between`] for close directions.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Angle;
    /// let angle = Angle::from_cosine(0.6);
    /// assert!((angle.sine() - 0.8).abs() <= f64::EPSILON);
    /// ```
    #[inline]
    pub fn from_cosine(t: f64) -> Self {
        let cosine = maximum(-1.0, minimum(t, 1.0));
        let sine = ((1.0 - cosine) * (1.0 + cosine)).sqrt();
        Self { cosine, sine, complement: cosine.atan2(sine) }
    }

    /// The angle `phi` in `[0, pi]`, in radians.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Angle;
    /// assert_eq!(Angle::from_radians(0.0).cosine(), 1.0);
    /// ```
    pub fn from_radians(phi: f64) -> Self {
        let (sine, cosine) = phi.sin_cos();
        // phi may be the double above pi, whose sine is a rounding below zero.
        Self { cosine, sine: maximum(sine, 0.0), complement: (FRAC_PI_2 - phi) + FRAC_PI_2_REST }
    }

    /// The angle between two unit vectors; `pi/2` if either is zero.
    ///
    /// Errors are a few `eps` plus those of the vectors themselves, relative for small `phi`, small `pi - phi` and
    /// small `asin t` alike: close directions go through `|u -+ v|`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Angle;
    /// let tiny = 1e-11_f64;
    /// let angle = Angle::between(&[1.0, 0.0], &[tiny.cos(), tiny.sin()]);
    /// assert!((angle.radians() / tiny - 1.0).abs() <= 4.0 * f64::EPSILON);
    /// ```
    pub fn between(u: &[f64], v: &[f64]) -> Self {
        let (mut product, mut minus, mut plus) = (0.0, 0.0, 0.0);
        for (x, y) in u.iter().zip(v) {
            product += x * y;
            minus += (x - y) * (x - y);
            plus += (x + y) * (x + y);
        }
        if product.abs() < 0.7 {
            Self::from_cosine(product)
        } else {
            // Half angles: tan(phi/2) = |u - v|/|u + v|, and sin phi, cos phi are rational in both lengths.
            let scale = minus + plus;
            Self {
                cosine: (plus - minus) / scale,
                sine: 2.0 * (minus * plus).sqrt() / scale,
                complement: (FRAC_PI_2 - 2.0 * minus.sqrt().atan2(plus.sqrt())) + FRAC_PI_2_REST,
            }
        }
    }

    /// `t = cos phi`.
    #[inline]
    pub const fn cosine(self) -> f64 {
        self.cosine
    }

    /// `sin phi = sqrt(1 - t^2)`, never negative.
    #[inline]
    pub const fn sine(self) -> f64 {
        self.sine
    }

    /// `asin t = pi/2 - phi`, in `[-pi/2, pi/2]`.
    #[inline]
    pub const fn complement(self) -> f64 {
        self.complement
    }

    /// `phi` in `[0, pi]`.
    #[inline]
    pub fn radians(self) -> f64 {
        self.sine.atan2(self.cosine)
    }

    /// `pi - phi`, accurate where it is small.
    #[inline]
    pub fn supplement(self) -> f64 {
        self.sine.atan2(-self.cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn all_routes_agree_and_keep_small_angles() {
        for phi in [0.0, 1e-12, 1e-6, 0.1, 0.79, 0.8, 1.5, FRAC_PI_2, 1.6, 2.5, 3.0, PI - 1e-9, PI]
        {
            let exact = Angle::from_radians(phi);
            let vectors = Angle::between(&[1.0, 0.0], &[phi.cos(), phi.sin()]);
            for angle in [exact, vectors, Angle::from_cosine(phi.cos())] {
                // The cosine alone knows phi only through 1 - t.
                let slack = if angle == exact || angle == vectors { 8.0 } else { 1e9 };
                assert!((angle.radians() - phi).abs() <= slack * f64::EPSILON, "{phi}: {angle:?}");
                assert!((angle.cosine() - phi.cos()).abs() <= 4.0 * f64::EPSILON, "{phi}");
                let square = angle.sine() * angle.sine() + angle.cosine() * angle.cosine();
                assert!((square - 1.0).abs() <= 8.0 * f64::EPSILON, "{phi}");
            }
            assert!((vectors.radians() - phi).abs() <= 8.0 * f64::EPSILON * phi, "{phi}");
        }
    }

    #[test]
    fn a_zero_vector_is_orthogonal_and_nan_stays() {
        let zero = Angle::between(&[0.0, 0.0], &[1.0, 0.0]);
        assert!(zero.cosine().abs() <= 0.0 && (zero.sine() - 1.0).abs() <= 0.0);
        assert!(Angle::from_cosine(f64::NAN).cosine().is_nan());
        assert!(Angle::from_cosine(1.0 + f64::EPSILON).sine().abs() <= 0.0);
    }
}
