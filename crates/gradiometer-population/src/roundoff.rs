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
//!
//! **Singles.** With `u = 2^-24` an operation in doubles is `2^-29 u`, and what is done in doubles keeps its constants with that factor. A tile in singles
//! adds to them, with `p` terms of a product at a time and `R` rows that are not padding:
//!
//! - cosines: rounding the entries of two unit vectors moves each by at most `u` in length, `2 u`; of the product, whose terms are at
//!   most 1 in absolute sum, each passes `min(d, p)` additions, `d/p` more between the partial sums, and its own rounding where the set has no
//!   fused instruction (entries below the range of singles are off by `2^-150`, nothing beside what rounding up leaves);
//! - masses: shares of a tile's largest mass, and their products with entries, are rounded once; a share below the range of singles is off by `2^-150`,
//!   less than `u/2^100` of `M`;
//! - sums: the longest, down a tile's column, has `R` terms, each with its own rounding where there is no fused instruction; the product with the directions has `p`. All
//!   that follows is in doubles, the loss's last sum too.
//!
//! The bound on `g` above never used how large `u` is: it holds for any cosine in `[-1, 1]`, and the functions clamp theirs to it.
//! The terms of second order, `256 u` of the first, are in the constants rounded up.

use crate::kernel::{DEPTH, Element, tile_rows};
use gradiometer_hermite::float::minimum;
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
    /// Roundings of the sum over the atoms of `nu` that gives `L`.
    pub(crate) atoms: f64,
}

/// Units of `2^-53` by which a function of a double may be off,
pub(crate) const ELEMENTWISE: f64 = 8.0;
/// and units of `2^-24` for one of a single; see the kernel's tests.
pub(crate) const ELEMENTWISE_SINGLE: f64 = 4.0;
/// Largest `|2 pi k|` on `[-1, 1]`, rounded up.
const KERNEL: f64 = 0.571;
/// Largest arcsine, rounded up.
const ANGLE: f64 = 1.571;

/// A rounding of doubles in roundings of singles.
const OF_DOUBLES: f64 = f64::EPSILON / f32::EPSILON as f64;

impl Roundoff {
    /// The constants where tiles in this dimension are computed in singles and all else as before.
    pub(crate) fn with_tiles_in_singles(self, dimension: usize) -> Self {
        let product = DEPTH.min(dimension) + dimension.div_ceil(DEPTH) + 1;
        let rows = tile_rows(dimension.next_multiple_of(f32::GROUP)) as f64;
        Self {
            unit: self.unit / OF_DOUBLES,
            cosine: 2.0 + product as f64 + OF_DOUBLES * self.cosine,
            elementwise: ELEMENTWISE_SINGLE,
            mass: 1.0 + OF_DOUBLES * self.mass,
            depth: minimum(rows, self.atoms) + 1.0 + OF_DOUBLES * self.depth,
            total_mass: self.total_mass,
            atoms: OF_DOUBLES * self.atoms,
        }
    }

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
        // Tiles in singles: two vectors rounded, a product of 300 terms in three parts, a column of 256 rows; doubles count 2^-29.
        let doubles = Roundoff {
            unit: f64::EPSILON / 2.0,
            cosine: 16.0,
            elementwise: 8.0,
            mass: 32.0,
            depth: 64.0,
            total_mass: 3.0,
            atoms: 1000.0,
        };
        let tiles = doubles.with_tiles_in_singles(300);
        let unit = 2.0_f64.powi(-29);
        assert!(close(tiles.unit, f64::from(f32::EPSILON) / 2.0));
        assert!(close(tiles.cosine, 2.0 + 128.0 + 3.0 + 1.0 + 16.0 * unit));
        assert!(close(tiles.elementwise, 4.0) && close(tiles.mass, 1.0 + 32.0 * unit));
        assert!(close(tiles.depth, 256.0 + 1.0 + 64.0 * unit));
        assert!(close(tiles.total_mass, 3.0) && close(tiles.atoms, 1000.0 * unit));
        // Few atoms, few roundings.
        let few = Roundoff { atoms: 5.0, ..doubles }.with_tiles_in_singles(3);
        assert!(close(few.cosine, 2.0 + 3.0 + 1.0 + 1.0 + 16.0 * unit));
        assert!(close(few.depth, 5.0 + 1.0 + 64.0 * unit));
        const { assert!(KERNEL >= PI / 2.0 - 1.0 && ANGLE >= PI / 2.0) };
    }
}
