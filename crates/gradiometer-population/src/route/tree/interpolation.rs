//! Interpolation at Chebyshev nodes, and the pairs of cells on which its error is known to be small.
//!
//! **One side.** Along one axis of a chart, everything else fixed, a direction is `u(z) = (a + z b)/sqrt(c^2 + z^2)` with unit `b`, `a`
//! orthogonal to it and `c = |a| >= 1`. With `alpha = a . v` and `beta = b . v`,
//!
//! ```text
//! t = (alpha + beta z)/sqrt(c^2 + z^2),      (c^2 + z^2)(1 - t^2) = (1 - beta^2)(z - z_0)(z - conj z_0).
//! ```
//!
//! For real `z` the left side is `|ray|^2 sin^2 phi`, `phi` the angle between the lines of `u(z)` and `v`; hence `|z - z_0| >= |ray| sin phi`.
//! The functions `q` and `asin` of `t` are analytic in `z` away from `z_0`, its conjugate (where `t = 1` or `-1`) and `+-i c` (where
//! `|z - i c| = |ray|`). If `|ray| sin phi >= r h` at both ends of a side of length `2 h`, the sum of the distances from the ends to each of
//! these points is at least `2 r h`, so that they lie on or outside the ellipse with the ends as foci and parameter `rho = r + sqrt(r^2 - 1)`.
//!
//! **Size.** For `z = x + i y` in an ellipse with `y^2 <= 1/2`, `|t|^2 <= (c^2 + |z|^2)/(c^2 + x^2 - y^2) <= 3`, so that `|sqrt(1 - t^2)| <= 2`.
//! The arcsine continues analytically, and may cross the curve on which `t > 1` or `t < -1` once on either side of the axis: it is at most
//! `3 pi/2 + asinh(sqrt 3) < 6.04` in modulus. What is interpolated is `q + 1` and the
//! arcsine, both of which enter the potential `k = q + t asin t` and the gradient: together below [`SIZE`].
//!
//! **All sides.** The polynomial through `p` nodes is within `4 SIZE rho^-(p - 1)/(rho - 1)` of such a function (\[Trefethen2013\], Theorem 8.2),
//! and interpolation multiplies a function's size by at most `1 + (2/pi) ln p` (ibid., Theorem 15.2). One axis after another, over the `2 (D - 1)`
//! axes of two cells, the errors add up with these factors.

use super::cells::{Cell, angle};
use std::f64::consts::{FRAC_1_PI, FRAC_1_SQRT_2, PI};

/// Numbers of nodes along an axis.
pub(super) const ORDERS: [usize; 8] = [4, 6, 8, 10, 12, 14, 16, 20];
/// Largest of them.
pub(super) const LARGEST: usize = 20;
/// Bound on `|sqrt(1 - t^2)| + |asin t|` in the ellipses.
const SIZE: f64 = 8.1;
/// By how much sines and radii, rounded, may be off relative to themselves and more.
const MARGIN: f64 = 1.0 + 1e-9;

/// Bound on the size of interpolation through `p` nodes along one axis.
pub(super) fn lebesgue(p: usize) -> f64 {
    1.0 + 2.0 * FRAC_1_PI * (p as f64).ln()
}

/// The same along the given number of axes.
pub(super) fn growth(p: usize, axes: usize) -> f64 {
    (0..axes).map(|_| lebesgue(p)).product()
}

/// Number of nodes along the given number of axes.
pub(super) fn power(p: usize, axes: usize) -> usize {
    (0..axes).map(|_| p).product()
}

/// For each order what an axis must keep to be within its share of the tolerance, by its rank among the axes of both cells.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    /// Least `r`, by rank.
    pub(super) separation: Vec<[f64; ORDERS.len()]>,
    /// Largest `h`, by rank.
    pub(super) half: Vec<[f64; ORDERS.len()]>,
}

impl Admission {
    /// For cells with `axes` sides each; a pair of unit masses is then within the tolerance, in units of `1/(2 pi)`.
    pub(super) fn new(tolerance: f64, axes: usize) -> Self {
        let rho: Vec<[f64; ORDERS.len()]> = (0..2 * axes)
            .map(|rank| {
                // Interpolated before along as many axes, through any number of nodes.
                let share = tolerance / (2 * axes) as f64 / growth(LARGEST, rank);
                ORDERS.map(|p| {
                    let (mut low, mut high) = (1.0_f64, 1e30_f64);
                    for _ in 0..100 {
                        let middle = (low * high).sqrt();
                        let error = 4.0 * SIZE * middle.powf(1.0 - p as f64) / (middle - 1.0);
                        if error <= share { high = middle } else { low = middle }
                    }
                    high
                })
            })
            .collect();
        Self {
            separation: rho
                .iter()
                .map(|rho| rho.map(|rho| MARGIN * (rho + 1.0 / rho) / 2.0))
                .collect(),
            // The ellipse's half height is h (rho - 1/rho)/2.
            half: rho
                .iter()
                .map(|rho| rho.map(|rho| FRAC_1_SQRT_2 * 2.0 / (rho - 1.0 / rho) / MARGIN))
                .collect(),
        }
    }

    /// Indices of the least orders at which the two cells may be interpolated, if any.
    pub(super) fn orders<const D: usize>(&self, cells: [&Cell<D>; 2]) -> Option<[usize; 2]> {
        let [a, b] = cells.map(|cell| &cell.body);
        if !(angle(&a.centre, &b.centre) > a.radius + b.radius) {
            return None;
        }
        let mut axes = Vec::with_capacity(2 * (D - 1));
        for (i, cell) in cells.iter().enumerate() {
            let other = &cells[1 - i].body;
            for k in 0..D - 1 {
                let mut distance = 0.0;
                for face in &cell.faces[k] {
                    let apart =
                        angle(&face.centre, &other.centre) - MARGIN * (face.radius + other.radius);
                    if !(apart > 0.0) {
                        return None;
                    }
                    distance += face.reach * apart.sin();
                }
                axes.push((distance / (2.0 * cell.half[k]), cell.half[k], i));
            }
        }
        // The worst first: the errors of the others grow by the interpolation before them.
        axes.sort_by(|x, y| x.0.total_cmp(&y.0));
        let mut orders = [0; 2];
        for (rank, (separation, half, i)) in axes.iter().enumerate() {
            let enough = self.separation[rank]
                .iter()
                .zip(&self.half[rank])
                .position(|(least, most)| separation >= least && half <= most)?;
            orders[*i] = orders[*i].max(enough);
        }
        Some(orders)
    }
}

/// The `p` Chebyshev nodes in `[-1, 1]`.
pub(super) fn nodes(p: usize) -> impl Iterator<Item = f64> {
    (0..p).map(move |k| ((2 * k + 1) as f64 * PI / (2 * p) as f64).cos())
}

/// Chebyshev nodes of one order and their barycentric weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Number of nodes.
    pub(super) p: usize,
    nodes: [f64; LARGEST],
    weights: [f64; LARGEST],
}

impl Rule {
    pub(super) fn new(p: usize) -> Self {
        let (mut points, mut weights) = ([0.0; LARGEST], [0.0; LARGEST]);
        for (k, x) in nodes(p).enumerate() {
            points[k] = x;
            let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
            weights[k] = sign * ((2 * k + 1) as f64 * PI / (2 * p) as f64).sin();
        }
        Self { p, nodes: points, weights }
    }

    /// Node `k`.
    pub(super) const fn node(&self, k: usize) -> f64 {
        self.nodes[k]
    }

    /// Values of the `p` Lagrange polynomials at each point, by planes of `points.len()`.
    #[inline(always)]
    pub(super) fn evaluate(&self, points: &[f64], values: &mut [f64]) {
        let n = points.len();
        let values = &mut values[..self.p * n];
        let mut total = [0.0; super::CHUNK];
        let total = &mut total[..n];
        for (k, plane) in values.chunks_exact_mut(n).enumerate() {
            let (node, weight) = (self.nodes[k], self.weights[k]);
            for ((v, x), sum) in plane.iter_mut().zip(points).zip(&mut *total) {
                *v = weight / (x - node);
                *sum += *v;
            }
        }
        for plane in values.chunks_exact_mut(n) {
            for (v, sum) in plane.iter_mut().zip(&*total) {
                *v /= *sum;
            }
        }
        // At a node the quotient above is infinite over infinite.
        for (i, x) in points.iter().enumerate() {
            if let Some(hit) = self.nodes[..self.p].iter().position(|node| (x - node).abs() <= 0.0)
            {
                for k in 0..self.p {
                    values[k * n + i] = if k == hit { 1.0 } else { 0.0 };
                }
            }
        }
    }
}
