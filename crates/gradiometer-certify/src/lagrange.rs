//! The bound of a certificate in any dimension, in time polynomial in `m*` (theory 6.4).
//!
//! Seen from a teacher's direction `u_i`, a point with `u_i` nearest is `w = cos(delta) u_i + sin(delta) v`, `v` a unit vector
//! orthogonal to `u_i`. Every other direction meets `w` through one number `y_k = v.u_k`, and the only coupling of these
//! numbers that is used is `least <= sum_k y_k^2 <= most`, or the same with weights. So for each sign `tau`
//! `tau eta(w) <= own(delta) + sum_k F_k(y_k; delta) <= own(delta) + mu most + sum_k max_y [F_k(y; delta) - mu y^2]` for every `mu >= 0`
//! (Lagrange), and the same with `least` for every `mu <= 0`. `F_k` is the summand of `eta`, or, which is sharper for small
//! `delta`, what is left of it without the interpolation conditions at `u_i`, which sum up to zero.
//!
//! Over `y` the maxima are those of chords: on `[a, b]` a function is at most its chord plus `(b - a)^2/8` times a bound of its
//! negative second derivative. The same argument serves over `delta`, with `v` fixed: on `[a, b]`
//! `g(delta) <= max(g(a), g(b)) + (b - a)^2/8 sup (-g'')`, `g(delta) = tau eta(w) + rho delta^2`. So the bound is evaluated at a few dozens
//! of angles only. Next to `u_i` it follows from `g'' <= -2 rho` on `[0, delta_1]`, where `g(0) = 1` and `g'(0) = 0`.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::{maximum, maximum_of, minimum};

use crate::frame::Directions;
use crate::interpolant::Interpolant;
use crate::kernel::{Jet, Kernel};
use crate::linear::{dot, is_positive_definite, norm_bound};
use coupling::{Piece, Table};

mod coupling;

/// First radii that are tried for the cap: powers of a half, of this one on.
const CAP_EXPONENTS: std::ops::Range<i32> = 2..12;
/// Pieces of `y` for each direction: first, and where the bound fails with these.
const PIECES: [usize; 2] = [20, 80];
/// Pieces of `y` for the second derivative along `delta`.
const BEND_PIECES: usize = 6;
/// First step of the angle in a cap's radius, its growth, and the smallest step, radians.
const FIRST_STEP: f64 = 1.0;
const GROWTH: f64 = 1.6;
const SMALLEST_STEP: f64 = 1.0 / 4096.0;
/// Margins, relative, with which the largest eigenvalue is tried to be proved.
const MARGINS: [f64; 5] = [1.0 / 1024.0, 1.0 / 256.0, 1.0 / 64.0, 1.0 / 16.0, 1.0];
/// Steps of the power method.
const POWER_STEPS: usize = 60;

/// How much was bounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shown {
    /// Radius of the cap.
    pub(crate) radius: f64,
    /// Intervals of the angle beyond it.
    pub(crate) intervals: u64,
}

/// Where the bound could not be shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stuck {
    /// The second derivative at the direction is not proved to be below `-2 rho`.
    Cap,
    /// At this angle from the direction, for `eta` or for `-eta`.
    Angle {
        /// The angle, radians.
        angle: f64,
    },
}

/// One direction as it is seen from another.
#[derive(Clone, Debug)]
struct Other {
    /// `g = u_i.u_k`.
    cosine: Enclosure,
    /// At least `sqrt(1 - g^2)`, so that `|y_k| <= reach`.
    reach: f64,
    /// `A_k`.
    value: Enclosure,
    /// `beta_k = B_k.u_i`.
    along: Enclosure,
    /// At least `|B_k - beta_k u_i|`, so that `|v.B_k| <= across`.
    across: f64,
    /// `K, K', K''` at `g`.
    jet: Jet,
    /// The root of its weight in the sum of the squares: a single, so that its square is exact.
    root: f64,
}

/// A teacher's directions and a certificate's coefficients as one of the directions sees them.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    kernel: &'a Kernel,
    sign: f64,
    /// `A_i`.
    value: Enclosure,
    /// At least `|B_i|`.
    slope: f64,
    /// `K, K'` at 1.
    top: [Enclosure; 2],
    others: Vec<Other>,
    /// Certainly at least `sum_k weight_k y_k^2`.
    most: f64,
    /// Certainly at most `sum_k weight_k y_k^2`; zero unless all weights are 1 and the directions span the space.
    least: f64,
    /// Whether there is a unit vector orthogonal to `u_i` at all.
    has_tangents: bool,
}

impl<'a> View<'a> {
    /// From direction `i`.
    pub(crate) fn new(interpolant: &'a Interpolant, i: usize) -> Self {
        let (directions, kernel) = (&interpolant.directions, &interpolant.kernel);
        let u = &directions.units[i];
        let others: Vec<Other> = (0..directions.count())
            .filter(|&k| k != i)
            .map(|k| {
                let cosine = directions.overlap(i, k);
                let gradient = interpolant.gradient(k);
                let along = dot(&gradient, u);
                let rest: Vec<_> = gradient.iter().zip(u).map(|(&b, &u)| b - along * u).collect();
                Other {
                    cosine,
                    reach: (Enclosure::ONE - cosine.square()).sqrt().hi(),
                    value: interpolant.values()[k],
                    along,
                    across: norm_bound(&rest),
                    jet: kernel.jet(cosine),
                    root: 1.0,
                }
            })
            .collect();
        let [value, slope, ..] = kernel.at(1.0);
        let (gram, radius) = tangent_gram(directions, i);
        // A frame in enclosures ends early; whether they span is proved by the least eigenvalue itself.
        let spans = directions.rank() == directions.dimension;
        Self {
            kernel,
            sign: directions.signs[i],
            value: interpolant.values()[i],
            slope: norm_bound(&interpolant.gradient(i)),
            top: [value, slope],
            most: largest_eigenvalue(&gram, others.len(), radius),
            least: if spans { least_spread(directions, i) } else { 0.0 },
            others,
            has_tangents: directions.dimension > 1,
        }
    }

    /// The same with the sum of the squares scaled (theory 6.4): directions that lie in a cluster, whose `y_k` grow together, weigh
    /// the less, and those that stand alone are held the closer. Weights are the inverse sums of the rows of the Gram matrix; any
    /// positive ones give a bound.
    pub(crate) fn scaled(mut self, directions: &Directions, i: usize) -> Self {
        let n = self.others.len();
        let (mut gram, _) = tangent_gram(directions, i);
        for (other, row) in self.others.iter_mut().zip(gram.chunks_exact(n.max(1))) {
            let sum: f64 = row.iter().map(|x| x.abs()).sum();
            other.root = single(1.0 / sum.sqrt());
        }
        let mut radii = Enclosure::ZERO;
        let others: Vec<usize> = (0..directions.count()).filter(|&k| k != i).collect();
        for (x, &k) in others.iter().enumerate() {
            for (y, &l) in others.iter().enumerate() {
                let weight = Enclosure::from(self.others[x].root) * self.others[y].root;
                let entry = tangent_entry(directions, i, k, l) * weight;
                gram[x * n + y] = entry.midpoint();
                radii += Enclosure::from(entry.radius()).square();
            }
        }
        self.most = largest_eigenvalue(&gram, n, radii.sqrt().hi());
        self.least = 0.0;
        self
    }

    /// Shows `|eta(w)| <= 1 - rho delta^2` for all `w` whose nearest direction this is.
    pub(crate) fn prove(&self, rho: f64) -> Result<Shown, Stuck> {
        use std::f64::consts::FRAC_PI_2;
        if !self.has_tangents {
            return Ok(Shown { radius: FRAC_PI_2, intervals: 0 });
        }
        let radius = CAP_EXPONENTS
            .map(|k| f64::powi(0.5, k))
            .find(|&radius| self.cap_holds(radius, rho))
            .ok_or(Stuck::Cap)?;
        // sign eta <= 1 - rho delta^2 up to the radius.
        let end = FRAC_PI_2.next_up();
        // Bounds of sign eta and -sign eta at the last angle; at 0 the latter is -1 exactly.
        let mut last = (0.0, [f64::NEG_INFINITY, -1.0]);
        let mut step = radius;
        let mut intervals = 0;
        while last.0 < end {
            let (from, before) = last;
            let to = minimum(from + step, end);
            let bend = self.bend_bounds(from, to, from <= 0.0);
            // With more pieces only where those of before do not do.
            let after = PIECES.into_iter().find_map(|pieces| {
                let after = self.largest(to, from, pieces);
                interval_holds((from, before), (to, after), bend, rho).then_some(after)
            });
            if let Some(after) = after {
                intervals += 1;
                last = (to, after);
                step = if from > 0.0 { GROWTH * step } else { FIRST_STEP * radius };
            } else if step < SMALLEST_STEP {
                return Err(Stuck::Angle { angle: to });
            } else if from > 0.0 && !self.point_holds(to, rho) {
                // No interval ends at an angle where the bound fails for the points that are nearest there.
                return Err(Stuck::Angle { angle: to });
            } else {
                step *= 0.5;
            }
        }
        Ok(Shown { radius, intervals })
    }

    /// Whether the bound at an angle is below the claim, for the points that are nearest there.
    fn point_holds(&self, angle: f64, rho: f64) -> bool {
        PIECES.into_iter().any(|pieces| {
            let bounds = self.largest(angle, angle, pieces);
            bounds.into_iter().all(|bound| bound_at(angle, bound, rho) <= 1.0)
        })
    }

    /// Whether the second derivative of `sign eta` along every geodesic from `u_i` is at most `-2 rho` up to an angle.
    fn cap_holds(&self, radius: f64, rho: f64) -> bool {
        let angles = Enclosure::new(0.0, radius);
        let (kappa, turn) = self.kernel.radial(angles);
        let own = self.value * kappa * self.sign + turn.abs() * self.slope;
        let mut table = Table::default();
        for other in &self.others {
            for y in cuts(-other.reach, other.reach, PIECES[0]) {
                let bend = (other.bend(self.kernel, angles, y) * self.sign).hi();
                table.push(Piece {
                    left: bend,
                    right: bend,
                    from: y.lo().into(),
                    to: y.hi().into(),
                });
            }
            table.close(other.root * other.root);
        }
        let others = table.bound(self.most, self.least);
        // sign g'' <= own + others <= -2 rho.
        (own + others + 2.0 * rho).hi() <= 0.0
    }

    /// Bounds of `-g''` for `sign eta` and `-sign eta` over all `v` with the angles `[from, to]`, where `u_i` is nearest at `from`.
    /// The first is not needed where the interval begins at 0.
    fn bend_bounds(&self, from: f64, to: f64, begins_at_zero: bool) -> [f64; 2] {
        let angles = Enclosure::new(from, to);
        let (kappa, turn) = self.kernel.radial(angles);
        let spread = turn.abs() * self.slope;
        let mut sums = [1.0, -1.0].map(|side| spread - self.value * kappa * (self.sign * side));
        for other in &self.others {
            let Some(range) = other.range(from) else { return [f64::NEG_INFINITY; 2] };
            let mut most = [f64::NEG_INFINITY; 2];
            for y in cuts(range.lo(), range.hi(), BEND_PIECES) {
                let bend = other.bend(self.kernel, angles, y) * self.sign;
                most = [maximum(most[0], -bend.lo()), maximum(most[1], bend.hi())];
            }
            for (sum, most) in sums.iter_mut().zip(most) {
                *sum += Enclosure::from(most);
            }
        }
        let bounds = sums.map(|sum| if sum.is_undefined() { f64::INFINITY } else { sum.hi() });
        if begins_at_zero { [f64::NEG_INFINITY, bounds[1]] } else { bounds }
    }

    /// Upper bounds of `sign eta` and `-sign eta` over all points at an angle whose nearest direction is `u_i`, or would be at the
    /// smaller angle `nearest_at`.
    fn largest(&self, angle: f64, nearest_at: f64, pieces: usize) -> [f64; 2] {
        let delta = Enclosure::from(angle);
        let (c, s) = (delta.cos(), delta.sin());
        let [k0, k1, ..] = self.kernel.jet(c);
        // Without and with the interpolation conditions at u_i.
        let mut tables: [[Table; 2]; 2] = Default::default();
        for other in &self.others {
            let Some(range) = other.range(nearest_at) else { return [f64::NEG_INFINITY; 2] };
            other.tabulate(self.kernel, (c, s), range, self.sign, pieces, &mut tables);
        }
        let own =
            [self.value * k0 * self.sign, (self.value * (k0 - self.top[0])) * self.sign + 1.0];
        let spread = [k1, k1 - self.top[1]].map(|k1| k1.abs() * s * self.slope);
        [0, 1].map(|side| {
            let factor = if side == 0 { 1.0 } else { -1.0 };
            let bound = |form: usize| {
                let others = tables[form][side].bound(self.most, self.least);
                let sum = own[form] * factor + spread[form] + others;
                if sum.is_undefined() { f64::INFINITY } else { sum.hi() }
            };
            minimum(bound(0), bound(1))
        })
    }
}

/// Whether `g(delta) = bound + rho delta^2` is at most 1 on an interval of angles, by its values at both ends and a bound of `-g''`.
fn interval_holds(
    (from, before): (f64, [f64; 2]),
    (to, after): (f64, [f64; 2]),
    bend: [f64; 2],
    rho: f64,
) -> bool {
    let width = (Enclosure::from(to) - from).square() / 8.0;
    (0..2).all(|side| {
        if bend[side] == f64::NEG_INFINITY {
            // The cap holds there, or there is no such point.
            return true;
        }
        let at = |angle: f64, bound: f64| bound_at(angle, bound, rho);
        let ends = maximum(at(from, before[side]), at(to, after[side]));
        let above = maximum((Enclosure::from(bend[side]) - 2.0 * rho).hi(), 0.0);
        // g <= max(g(from), g(to)) + (to - from)^2/8 sup (-g'')
        (width * above + ends).hi() <= 1.0
    })
}

/// `bound + rho delta^2`, from above.
fn bound_at(angle: f64, bound: f64, rho: f64) -> f64 {
    if bound == f64::NEG_INFINITY {
        return bound;
    }
    (Enclosure::from(angle).square() * rho + bound).hi()
}

/// An interval in so many pieces, which cover it.
fn cuts(from: f64, to: f64, pieces: usize) -> impl Iterator<Item = Enclosure> {
    let at = move |n: usize| {
        if n == pieces { to } else { from + (to - from) * (n as f64 / pieces as f64) }
    };
    (0..pieces).map(move |n| Enclosure::new(at(n), maximum(at(n), minimum(at(n + 1), to))))
}

impl Other {
    /// Where `y_k` may lie for points at an angle whose nearest direction is the one that looks: `|y| <= reach` and
    /// `|cos(delta) g + sin(delta) y| <= cos(delta)`. `None` if there are none.
    fn range(&self, angle: f64) -> Option<Enclosure> {
        let whole = Enclosure::new(-self.reach, self.reach);
        if !(angle > 0.0) {
            return Some(whole);
        }
        let delta = Enclosure::from(angle);
        let quotient = delta.cos() / delta.sin();
        let low = quotient * (Enclosure::ONE + self.cosine);
        let high = quotient * (Enclosure::ONE - self.cosine);
        whole.intersection(Enclosure::new(-low.hi(), high.hi()))
    }

    /// The second derivative along `delta` of the summand `A_k K(t) + K'(t) B_k.w`, for all `v` with `v.u_k` in `y`:
    /// `A (K'' t'^2 - K' t) + K''' t'^2 (B.w) - K'' t (B.w) + 2 K'' t' (B.w') - K' (B.w)` with `t'' = -t`, `w'' = -w`.
    fn bend(&self, kernel: &Kernel, angles: Enclosure, y: Enclosure) -> Enclosure {
        let (c, s) = (angles.cos(), angles.sin());
        let unit = Enclosure::new(-1.0, 1.0);
        let Some(t) = (c * self.cosine + s * y).intersection(unit) else {
            return Enclosure::UNDEFINED;
        };
        let turn = c * y - s * self.cosine;
        let square = turn.square();
        let across = Enclosure::new(-self.across, self.across);
        let (b, b_turn) = (c * self.along + s * across, c * across - s * self.along);
        let [_, k1, k2, k3] = kernel.jet(t);
        self.value * (k2 * square - k1 * t)
            + b * (k3 * square - k2 * t - k1)
            + k2 * turn * b_turn * 2.0
    }

    /// Adds the majorants of `sign` and `-sign` times this summand at one angle to the tables: the summand itself, and what is left of it
    /// without the conditions at `u_i`,
    /// `A [K(t) - K(g) - s K'(g) y] + beta [c K'(t) - K'(g) - s K''(g) y] + s b [K'(t) - K'(g)]`, `|b| <= across`.
    ///
    /// The knots are floats in `t = c g + s y`, so that `s y = t - c g` there, and `y` is linear between them.
    fn tabulate(
        &self,
        kernel: &Kernel,
        (c, s): (Enclosure, Enclosure),
        y: Enclosure,
        sign: f64,
        pieces: usize,
        tables: &mut [[Table; 2]; 2],
    ) {
        let base = c * self.cosine;
        let range = base + s * y;
        let (low, high) = (maximum(range.lo(), -1.0), minimum(range.hi(), 1.0));
        let [g0, g1, g2, _] = self.jet;
        let (beta, reach) = (self.along * c, s * self.across);
        let knot = |t: f64| {
            let jet = kernel.at(t);
            let step = Enclosure::from(t) - base;
            let [k0, k1, ..] = jet;
            let whole = self.value * k0 + beta * k1;
            let rest =
                self.value * (k0 - g0 - g1 * step) + beta * k1 - self.along * (g1 + g2 * step);
            let spread = [reach * k1.abs(), reach * (k1 - g1).abs()];
            let values = [0, 1].map(|form| {
                let middle = if form == 0 { whole } else { rest };
                [1.0, -1.0].map(|side| (middle * (sign * side) + spread[form]).hi())
            });
            (jet, step / s, values)
        };
        let mut last = knot(low);
        let mut from = low;
        for piece in cuts(low, high, pieces) {
            let to = piece.hi();
            let next = knot(to);
            let width = Enclosure::from(to) - from;
            // K'' is even and grows with |t|, K''' is odd and grows.
            let at_zero = if piece.contains(0.0) { kernel.at(0.0)[2] } else { next.0[2] };
            let k2 = last.0[2].hull(next.0[2]).hull(at_zero);
            let k3 = last.0[3].hull(next.0[3]);
            let middle = (self.value * k2 + beta * k3) * sign;
            let spread = reach * k3.abs();
            let eighth = width.square() / 8.0;
            for side in 0..2 {
                let factor = if side == 0 { 1.0 } else { -1.0 };
                let bend = (spread - middle * factor).larger(Enclosure::ZERO);
                let above = (eighth * bend).hi();
                for (form, tables) in tables.iter_mut().enumerate() {
                    // On the piece: at most the chord between left and right.
                    let end = |value: f64| (Enclosure::from(value) + above).hi();
                    let (left, right) = (end(last.2[form][side]), end(next.2[form][side]));
                    tables[side].push(Piece { left, right, from: last.1, to: next.1 });
                }
            }
            (last, from) = (next, to);
        }
        for table in tables.iter_mut().flatten() {
            table.close(self.root * self.root);
        }
    }
}

/// A positive number cut to 24 bits, so that its square is exact; 1 for what is not positive and finite.
fn single(x: f64) -> f64 {
    const LOW_BITS: u64 = (1 << 29) - 1;
    let cut = f64::from_bits(x.to_bits() & !LOW_BITS);
    if cut > 0.0 && cut.is_finite() { cut } else { 1.0 }
}

/// `(P u_k).(P u_l)`, `P` the projection orthogonal to `u_i`.
fn tangent_entry(directions: &Directions, i: usize, k: usize, l: usize) -> Enclosure {
    let whole = if k == l { Enclosure::ONE } else { directions.overlap(k, l) };
    whole - directions.overlap(i, k) * directions.overlap(i, l)
}

/// The Gram matrix of the parts of the other directions orthogonal to `u_i`, in floats, and a bound of its error in norm.
fn tangent_gram(directions: &Directions, i: usize) -> (Vec<f64>, f64) {
    let others: Vec<usize> = (0..directions.count()).filter(|&k| k != i).collect();
    let mut radii = Enclosure::ZERO;
    let mut gram = Vec::with_capacity(others.len() * others.len());
    for &k in &others {
        for &l in &others {
            let entry = tangent_entry(directions, i, k, l);
            gram.push(entry.midpoint());
            radii += Enclosure::from(entry.radius()).square();
        }
    }
    (gram, radii.sqrt().hi())
}

/// A proved upper bound of the largest eigenvalue of a symmetric matrix, given in floats up to an error in norm.
fn largest_eigenvalue(matrix: &[f64], n: usize, off: f64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let mut x: Vec<f64> = (0..n).map(|k| 1.0 + 0.5 * (k as f64).sin()).collect();
    let mut estimate = 0.0;
    for _ in 0..POWER_STEPS {
        let image: Vec<f64> = matrix
            .chunks_exact(n)
            .map(|row| row.iter().zip(&x).map(|(a, b)| a * b).sum())
            .collect();
        let size = image.iter().map(|x| x * x).sum::<f64>().sqrt();
        let length = x.iter().map(|x| x * x).sum::<f64>().sqrt();
        estimate = size / length;
        x = image.iter().map(|x| x / size).collect();
    }
    let bound = |margin: f64| {
        let bound = estimate * (1.0 + margin) + 4.0 * off;
        let mut shifted: Vec<f64> = matrix.iter().map(|x| -x).collect();
        for k in 0..n {
            // Rounded by at most eps (bound + |M_kk|), which the slack covers.
            shifted[k * n + k] += bound;
        }
        let diagonal = maximum_of((0..n).map(|k| matrix[k * n + k].abs()));
        let slack = off + 2.0 * f64::EPSILON * (bound + diagonal);
        // bound - M is positive definite.
        is_positive_definite(&mut shifted, n, slack).then_some(bound)
    };
    MARGINS.into_iter().find_map(bound).unwrap_or_else(|| {
        // The trace, for a matrix without negative eigenvalues.
        let trace: Enclosure = (0..n).map(|k| Enclosure::from(matrix[k * n + k]) + off).sum();
        trace.hi()
    })
}

/// A proved lower bound of `sum_k (v.u_k)^2` over the unit vectors orthogonal to `u_i`, where the directions span the space; zero
/// if none is found.
fn least_spread(directions: &Directions, i: usize) -> f64 {
    let d = directions.dimension;
    let mut sums = vec![Enclosure::ZERO; d * d];
    let u = &directions.units[i];
    for k in 0..directions.count() {
        // The part orthogonal to u_i, and u_i itself once, with a weight that is above the least eigenvalue.
        let (part, weight): (Vec<Enclosure>, f64) = if k == i {
            (u.clone(), directions.count() as f64)
        } else {
            let g = directions.overlap(i, k);
            (directions.units[k].iter().zip(u).map(|(&x, &u)| x - g * u).collect(), 1.0)
        };
        for (row, &x) in sums.chunks_exact_mut(d).zip(&part) {
            let x = x * weight;
            for (sum, &y) in row.iter_mut().zip(&part) {
                *sum += x * y;
            }
        }
    }
    let matrix: Vec<f64> = sums.iter().map(|x| x.midpoint()).collect();
    let radii: Enclosure = sums.iter().map(|x| Enclosure::from(x.radius()).square()).sum();
    let off = radii.sqrt().hi();
    let holds = |least: f64| is_positive_definite(&mut matrix.clone(), d, least + off);
    // Sixteen halvings between 0 and the mean.
    let (mut low, mut high) = (0.0, directions.count() as f64);
    for _ in 0..20 {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests;
