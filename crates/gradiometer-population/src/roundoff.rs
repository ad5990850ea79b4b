//! The error bounds of both evaluations: one derivation, two units of roundoff.
//!
//! Let `u` bound the relative error of one operation and `M = sum_b |nu_b|`. Suppose that
//!
//! - every computed cosine is within `cosine u` of the exact one;
//! - at its computed cosine, each of `k`, `q` and `phi` (units of `1/(2 pi)`) is within `elementwise u` of its exact value;
//! - every mass and every coordinate sum carries a relative error of at most `mass u`;
//! - a sum over the measure passes through at most `depth` roundings.
//!
//! Then, with `|2 pi k| <= pi/2 - 1 < 0.571` and `|2 pi k'| = |asin t| <= pi/2`, each `e_j = sum_b nu_b k` (in units of `1/(2 pi)`) is within
//! `M u (1.571 cosine + elementwise + 0.571 (depth + mass))`, and `L = sum_a nu_a e_a / (2 pi)` follows with one more sum.
//!
//! For the gradient in `w_j` the pair `(t, v)` contributes `g(t) = (sqrt(1 - t^2) - 1) w + asin(t) v`. At fixed unit `v` and `w` with
//! `t_0 = v . w`, `|g'(t)|^2 = |v - t w|^2/(1 - t^2) = 1 + 2 t (t - t_0)/(1 - t^2)`, and its square root integrated from `t_0` to `t` is at most
//! `2 |t - t_0|`: worst at `t = 1`, where it is `2 (1 - t_0)`. So a wrong cosine costs at most twice itself, also for
//! neurons that nearly coincide, provided that root and arcsine belong to one cosine.

use std::f64::consts::PI;

/// The constants of one evaluation, see the module's text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roundoff {
    pub(crate) unit: f64,
    pub(crate) cosine: f64,
    pub(crate) elementwise: f64,
    pub(crate) mass: f64,
    pub(crate) depth: f64,
    /// `M`, rounded up.
    pub(crate) total_mass: f64,
    /// Number of atoms of `nu`.
    pub(crate) atoms: f64,
}

/// Largest `|2 pi k|` on `[-1, 1]`, rounded up.
const KERNEL: f64 = 0.571;
/// Largest arcsine, rounded up.
const ANGLE: f64 = 1.571;

impl Roundoff {
    /// Bound on the error of `e_j` in units of `1/(2 pi)`.
    fn potential(&self) -> f64 {
        let pair = ANGLE * self.cosine + self.elementwise + KERNEL * (self.depth + self.mass);
        self.total_mass * self.unit * pair
    }

    /// Bound on the error of `L`.
    pub(crate) fn loss(&self) -> f64 {
        let last_sum = KERNEL * self.total_mass * self.unit * (self.atoms + self.mass + 4.0);
        self.total_mass * (self.potential() + last_sum) / (2.0 * PI)
    }

    /// Bound on the error of `dL/da_j`, for the given `|w_j|`.
    pub(crate) fn second_layer(&self, norm: f64) -> f64 {
        let rounding = KERNEL * self.total_mass * self.unit * (self.mass + 4.0);
        2.0 * norm * (self.potential() + rounding) / (2.0 * PI)
    }

    /// Bound on the error of each entry of `dL/dw_j`, for the given `|a_j|`.
    pub(crate) fn first_layer(&self, weight: f64) -> f64 {
        let sums = (1.0 + ANGLE) * (self.depth + 2.0 * self.mass + 6.0);
        let pair = 2.0 * self.cosine + 2.0 * self.elementwise + sums;
        2.0 * weight * self.total_mass * self.unit * pair / (2.0 * PI)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_enters_with_the_factor_derived() {
        let close = |x: f64, y: f64| (x / y - 1.0).abs() <= 16.0 * f64::EPSILON;
        for [cosine, elementwise, mass, depth, atoms] in [
            [0.0, 0.0, 0.0, 0.0, 0.0],
            [3.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 5.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 7.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 11.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 13.0],
            [2.0, 3.0, 5.0, 7.0, 11.0],
        ] {
            let (unit, total_mass) = (0.125, 3.0);
            let roundoff = Roundoff { unit, cosine, elementwise, mass, depth, total_mass, atoms };
            // A wrong cosine moves 2 pi k by |asin t| <= pi/2, a wrong mass or sum by 2 pi |k| <= pi/2 - 1; rounded up to thousandths.
            let (angle, kernel) = (1.571, 0.571);
            let row = angle * cosine + elementwise + kernel * (depth + mass);
            let loss = total_mass * total_mass * unit * (row + kernel * (atoms + mass + 4.0));
            assert!(close(roundoff.loss(), loss / (2.0 * PI)), "{roundoff:?}");
            // dL/da = 2 |w| e and dL/dw = 2 a (...), for |w| = 0.75 and |a| = 1.25.
            let potential = total_mass * unit * (row + kernel * (mass + 4.0)) / (2.0 * PI);
            assert!(close(roundoff.second_layer(0.75), 1.5 * potential), "{roundoff:?}");
            let entry = 2.0 * (cosine + elementwise) + 2.571 * (depth + 2.0 * mass + 6.0);
            let entry = total_mass * unit * entry / (2.0 * PI);
            assert!(close(roundoff.first_layer(1.25), 2.5 * entry), "{roundoff:?}");
        }
        const { assert!(KERNEL >= PI / 2.0 - 1.0 && ANGLE >= PI / 2.0) };
    }
}
