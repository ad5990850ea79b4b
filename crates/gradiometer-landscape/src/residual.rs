//! The residual split of theory 7.7: `f - y = R1 + R2 + R3` in functions whose pairings do not cancel near the teacher.
//!
//! Neuron `j` belongs to its nearest teacher direction `u_i` (`j` in `T_i`), at projective angle `delta_j`, with `s_j = sign(w_j . u_i)`:
//!
//! ```text
//! v_i = sum_{j in T_i} a_j s_j w_j - alpha_i u_i                                  the average neuron's error
//! R1  = (1/2) sum_i (v_i.x) sign(u_i.x)
//! R2  = (1/2) sum_j a_j s_j (w_j.x) (sign(s_j w_j.x) - sign(u_i.x))               on thin wedges
//! R3  = -(sum_j c_j - sum_i alpha_i)/sqrt(2 pi)                                    a constant
//! ```

mod wedge;

use crate::error::LandscapeError;
use gradiometer_hermite::Angle;
use gradiometer_hermite::float::minimum_of;
use gradiometer_model::geometry::{dot, norm, normalised, projective_angle};
use gradiometer_model::{ModelError, Network, SeparatedTeacher};
use rayon::prelude::*;
use std::f64::consts::{FRAC_2_PI, TAU};
use wedge::{Side, Wedge, minus_cosine, sign_moment};

/// The six pairings of the residual's parts, `E[R_a R_b]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pairings {
    /// `E[R1^2]`.
    pub r1_r1: f64,
    /// `E[R1 R2]`.
    pub r1_r2: f64,
    /// `E[R1 R3]`.
    pub r1_r3: f64,
    /// `E[R2^2]`.
    pub r2_r2: f64,
    /// `E[R2 R3]`.
    pub r2_r3: f64,
    /// `E[R3^2]`.
    pub r3_r3: f64,
}

impl Pairings {
    /// `L = E[(R1 + R2 + R3)^2]`.
    pub fn squared_norm(&self) -> f64 {
        let mixed = self.r1_r2 + self.r1_r3 + self.r2_r3;
        self.r1_r1 + self.r2_r2 + self.r3_r3 + 2.0 * mixed
    }

    /// The sum of the moduli, the scale of [`Self::squared_norm`]'s rounding.
    pub fn size(&self) -> f64 {
        let mixed = self.r1_r2.abs() + self.r1_r3.abs() + self.r2_r3.abs();
        self.r1_r1.abs() + self.r2_r2.abs() + self.r3_r3.abs() + 2.0 * mixed
    }
}

/// A student seen from its teacher: who is nearest to whom, at which angle, and what the average neurons miss.
///
/// Angles have a relative error of a few `eps d` however small they are (for directions more than `d eps` apart), the entries of `v_i`
/// one of a few `eps` of the exact sums plus `eps^2` of their terms. Zero neurons belong to teacher neuron 0 with angle 0
/// and mass 0.
#[derive(Clone, Debug)]
pub struct ResidualSplit {
    dimension: usize,
    directions: Vec<f64>,
    separations: Vec<f64>,
    amplitudes: Vec<f64>,
    nearest: Vec<usize>,
    angles: Vec<f64>,
    signs: Vec<f64>,
    masses: Vec<f64>,
    tangents: Vec<f64>,
    flipped: Vec<f64>,
    averages: Vec<f64>,
    excess: f64,
}

impl ResidualSplit {
    /// The split of a student.
    ///
    /// # Errors
    /// [`LandscapeError::Model`] if the dimensions differ.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_landscape::residual::ResidualSplit;
    /// use gradiometer_model::{Network, Teacher};
    /// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap().separated().unwrap();
    /// let student = Network::new(2, vec![1.0], vec![-1.25, 0.0]).unwrap();
    /// let split = ResidualSplit::new(&teacher, &student).unwrap();
    /// // The feature is even, so -w serves as well; the average neuron is too long by a quarter.
    /// assert_eq!((split.signs(), split.average(0)), (&[-1.0][..], &[0.25, 0.0][..]));
    /// let exact = (0.25 - 0.5 / std::f64::consts::PI) / 16.0;
    /// assert!((split.pairings().squared_norm() - exact).abs() <= 4.0 * f64::EPSILON * exact);
    /// ```
    pub fn new(teacher: &SeparatedTeacher, student: &Network) -> Result<Self, LandscapeError> {
        let (d, m) = (teacher.dimension(), student.neurons());
        if student.dimension() != d {
            return Err(
                ModelError::DimensionMismatch { teacher: d, student: student.dimension() }.into()
            );
        }
        let n = teacher.neurons();
        let mut split = Self {
            dimension: d,
            directions: teacher.directions().to_vec(),
            separations: vec![0.0; n * n],
            amplitudes: teacher.amplitudes().to_vec(),
            nearest: Vec::with_capacity(m),
            angles: Vec::with_capacity(m),
            signs: Vec::with_capacity(m),
            masses: (0..m).map(|j| student.mass(j)).collect(),
            tangents: Vec::with_capacity(m * d),
            flipped: Vec::with_capacity(m * d),
            averages: Vec::new(),
            excess: 0.0,
        };
        for i in 0..n {
            for k in 0..n {
                split.separations[i * n + k] =
                    projective_angle(teacher.direction(i), teacher.direction(k));
            }
        }
        for w in student.rows() {
            split.add_neuron(teacher, w);
        }
        split.averages = split.sum_averages(teacher, student);
        split.excess = split.sum_excess();
        Ok(split)
    }

    /// Nearest teacher, angle, sign and tangent of one neuron.
    fn add_neuron(&mut self, teacher: &SeparatedTeacher, w: &[f64]) {
        let unit = normalised(w);
        let zero = !(norm(&unit) > 0.0);
        let i = if zero { 0 } else { teacher.nearest(&unit).0 };
        let u = teacher.direction(i);
        let along = dot(&unit, u);
        let sign = if along < 0.0 { -1.0 } else { 1.0 };
        // w less its multiple of w*, in one rounding each; what is left over along u is removed again.
        let (scaled, reference) = (binade_scaled(w), binade_scaled(teacher.network().neuron(i)));
        let factor = dot(&scaled, &reference) / dot(&reference, &reference);
        let mut rest: Vec<f64> =
            scaled.iter().zip(&reference).map(|(x, y)| (-factor).mul_add(*y, *x)).collect();
        let left = dot(&rest, u);
        for (x, u) in rest.iter_mut().zip(u) {
            *x = sign * (*x - left * u);
        }
        let angle = if zero { 0.0 } else { norm(&rest).atan2(dot(&scaled, u).abs()) };
        self.nearest.push(i);
        self.angles.push(angle);
        self.signs.push(sign);
        self.tangents.extend(normalised(&rest));
        self.flipped.extend(unit.iter().map(|x| sign * x));
    }

    /// `v_i` in twice the working precision.
    fn sum_averages(&self, teacher: &SeparatedTeacher, student: &Network) -> Vec<f64> {
        let d = self.dimension;
        let network = teacher.network();
        let mut sums = vec![(0.0, 0.0); self.directions.len()];
        let mut add = |i: usize, a: f64, w: &[f64]| {
            for (sum, x) in sums[i * d..(i + 1) * d].iter_mut().zip(w) {
                add_product(sum, a, *x);
            }
        };
        for (i, w) in network.rows().enumerate() {
            add(i, -network.second_layer()[i], w);
        }
        for (j, w) in student.rows().enumerate() {
            add(self.nearest[j], student.second_layer()[j] * self.signs[j], w);
        }
        sums.into_iter().map(|(high, low)| high + low).collect()
    }

    /// `sum_j c_j - sum_i alpha_i = sum_i v_i.u_i + sum_j c_j (1 - cos delta_j)`.
    fn sum_excess(&self) -> f64 {
        let along: f64 =
            (0..self.amplitudes.len()).map(|i| dot(self.average(i), self.direction(i))).sum();
        let bent: f64 =
            self.masses.iter().zip(&self.angles).map(|(c, x)| c * minus_cosine(*x)).sum();
        along + bent
    }

    /// The nearest teacher neuron of each neuron, length `m`.
    pub fn nearest(&self) -> &[usize] {
        &self.nearest
    }

    /// `delta_j`, radians, length `m`.
    pub fn angles(&self) -> &[f64] {
        &self.angles
    }

    /// `s_j`, length `m`.
    pub fn signs(&self) -> &[f64] {
        &self.signs
    }

    /// `c_j`, length `m`.
    pub fn masses(&self) -> &[f64] {
        &self.masses
    }

    /// `v_i`, length `d`.
    ///
    /// # Panics
    /// If `i` is not less than the number of teacher neurons.
    pub fn average(&self, i: usize) -> &[f64] {
        self.averages.get(i * self.dimension..(i + 1) * self.dimension).unwrap_or_default()
    }

    /// `sum_j c_j - sum_i alpha_i`, computed from the split: small when the student is near.
    pub const fn signed_excess(&self) -> f64 {
        self.excess
    }

    /// `sum_j |c_j| delta_j^2`.
    pub fn localisation(&self) -> f64 {
        self.masses.iter().zip(&self.angles).map(|(c, delta)| c.abs() * delta * delta).sum()
    }

    fn direction(&self, i: usize) -> &[f64] {
        &self.directions[i * self.dimension..(i + 1) * self.dimension]
    }

    fn separation(&self, i: usize, k: usize) -> f64 {
        self.separations[i * self.amplitudes.len() + k]
    }

    fn wedge(&self, j: usize) -> Wedge<'_> {
        let row = j * self.dimension..(j + 1) * self.dimension;
        Wedge {
            teacher: self.nearest[j],
            u: self.direction(self.nearest[j]),
            e: &self.tangents[row.clone()],
            w: &self.flipped[row],
            angle: self.angles[j],
        }
    }

    /// Neurons whose wedge carries something.
    fn active<'a>(&'a self, coefficients: &'a [f64]) -> impl Iterator<Item = usize> + 'a {
        (0..coefficients.len()).filter(|j| coefficients[*j].abs() > 0.0 && self.angles[*j] > 0.0)
    }

    /// `sum_jk x_j y_k E[P_j Q_k]` over the functions of the given sides.
    fn pair_wedges(&self, side: Side, x: &[f64], its: Side, y: &[f64]) -> f64 {
        let rows: Vec<usize> = self.active(x).collect();
        let columns: Vec<usize> = self.active(y).collect();
        // The square of one sum: every pair once.
        let square = side == its && std::ptr::eq(x, y);
        let sums: Vec<f64> = rows
            .par_iter()
            .map(|j| {
                let first = self.wedge(*j);
                let pair = |k: &usize| {
                    let second = self.wedge(*k);
                    let separation = self.separation(first.teacher, second.teacher);
                    let times = if square && k < j { 2.0 } else { 1.0 };
                    times * y[*k] * first.with(side, &second, its, separation)
                };
                let wanted = columns.iter().filter(|k| !square || *k <= j);
                x[*j] * wanted.map(pair).sum::<f64>()
            })
            .collect();
        sums.iter().sum()
    }

    /// `sum_j x_j sum_i E[(v_i.x) sign(u_i.x) P_j]`.
    fn pair_averages(&self, side: Side, x: &[f64]) -> f64 {
        let rows: Vec<usize> = self.active(x).collect();
        let sums: Vec<f64> = rows
            .par_iter()
            .map(|j| {
                let first = self.wedge(*j);
                let pair = |i: usize| {
                    let separation = self.separation(first.teacher, i);
                    let same = first.teacher == i;
                    first.with_sign(side, self.average(i), self.direction(i), same, separation)
                };
                x[*j] * (0..self.amplitudes.len()).map(pair).sum::<f64>()
            })
            .collect();
        sums.iter().sum()
    }

    /// `sum_j x_j E[P_j]`, the same for both sides.
    fn mean_wedges(&self, x: &[f64]) -> f64 {
        self.active(x).map(|j| x[j] * self.wedge(j).mean()).sum()
    }

    /// `E[R_a R_b]` for all parts, each a sum whose terms are small where the student is near: the relative error is that of the angles
    /// and of `v_i`, unless terms of the two signs cancel. Cost `O(m^2)` small integrals, on all threads.
    pub fn pairings(&self) -> Pairings {
        let n = self.amplitudes.len();
        let mut r1_r1 = 0.0;
        for i in 0..n {
            for k in 0..n {
                let (u, v) = (self.direction(i), self.direction(k));
                let (p, q) = (self.average(i), self.average(k));
                let angle = if i == k { Angle::from_radians(0.0) } else { Angle::between(u, v) };
                let (on_u, on_v) = ((dot(u, p), dot(u, q)), (dot(v, p), dot(v, q)));
                r1_r1 += 0.25 * sign_moment(angle, dot(p, q), on_u, on_v);
            }
        }
        let constant = -self.excess / TAU.sqrt();
        let along: f64 = (0..n).map(|i| dot(self.average(i), self.direction(i))).sum();
        Pairings {
            r1_r1,
            r1_r2: 0.25 * self.pair_averages(Side::Neuron, &self.masses),
            // E|z| = sqrt(2/pi), half of it.
            r1_r3: constant * along / TAU.sqrt(),
            r2_r2: 0.25 * self.pair_wedges(Side::Neuron, &self.masses, Side::Neuron, &self.masses),
            r2_r3: 0.5 * constant * self.mean_wedges(&self.masses),
            r3_r3: constant * constant,
        }
    }

    /// `(E[R E2], E[E2^2])` for `E2 = sum_j b_j (g(s_j w_j) - g(u_i)).u_i`, `g(w) = (1/2) sign(w.x) x - wbar/sqrt(2 pi)`: with the
    /// teacher's function `P_j` of each wedge, `E2 = -(1/2) sum_j b_j (P_j - E P_j)`.
    pub(crate) fn turning_pairings(&self, b: &[f64]) -> (f64, f64) {
        let mean = self.mean_wedges(b);
        let with_first = self.pair_averages(Side::Teacher, b);
        let with_second = self.pair_wedges(Side::Teacher, b, Side::Neuron, &self.masses);
        let constant = -self.excess / TAU.sqrt();
        let with_residual = -0.25 * (with_first + with_second) - 0.5 * constant * mean;
        let square = 0.25 * (self.pair_wedges(Side::Teacher, b, Side::Teacher, b) - mean * mean);
        (with_residual, square)
    }

    /// The scale of the rounding of `L` from [`Self::pairings`], also where masses of both signs cancel: `wedge_scale` of the masses, with
    /// `sum_i |v_i|/2 + (sum_i |v_i| + sum_j |c_j| (1 - cos delta_j))/sqrt(2 pi)` for `R1` and `R3`.
    pub fn rounding_scale(&self) -> f64 {
        let averages: f64 = (0..self.amplitudes.len()).map(|i| norm(self.average(i))).sum();
        let bent: f64 =
            self.masses.iter().zip(&self.angles).map(|(c, x)| c.abs() * minus_cosine(*x)).sum();
        self.wedge_scale(&self.masses, 0.5 * averages + (averages + bent) / TAU.sqrt())
    }

    /// The scale of the rounding of a square of `other + sum_j b_j P_j/2`: the square of the sizes, over `Delta^2`, for cosines near one lose that much between
    /// wedges of nearly parallel teachers; and the square of the masses of the fat wedges, whose pairings are differences of terms of order one.
    pub(crate) fn wedge_scale(&self, b: &[f64], other: f64) -> f64 {
        let n = self.amplitudes.len();
        let pairs = (0..n).flat_map(|i| (0..i).map(move |k| (i, k)));
        let nearest = minimum_of(pairs.map(|(i, k)| self.separation(i, k)));
        let (mut size, mut fat) = (other, 0.0);
        for (b, angle) in b.iter().zip(&self.angles) {
            size += b.abs() * wedge_size(*angle);
            if *angle > nearest * wedge::THIN {
                fat += b.abs();
            }
        }
        size * size * (1.0 + 1.0 / (nearest * nearest)) + fat * fat
    }

    /// `(R1(x), R2(x), R3)` at one input.
    ///
    /// # Panics
    /// If `x` does not have the network's dimension.
    pub fn at(&self, x: &[f64]) -> (f64, f64, f64) {
        assert_eq!(x.len(), self.dimension, "an input has the network's dimension");
        let sign = |z: f64| if z < 0.0 { -1.0 } else { 1.0 };
        let first: f64 = (0..self.amplitudes.len())
            .map(|i| 0.5 * dot(self.average(i), x) * sign(dot(self.direction(i), x)))
            .sum();
        let second: f64 = (0..self.masses.len())
            .map(|j| {
                let wedge = self.wedge(j);
                let z = dot(wedge.w, x);
                0.5 * self.masses[j] * z * (sign(z) - sign(dot(wedge.u, x)))
            })
            .sum();
        (first, second, -self.excess / TAU.sqrt())
    }
}

/// `|P_j|/2` for a wedge of an angle: half of the `L2` norm of its function.
fn wedge_size(angle: f64) -> f64 {
    let square = FRAC_2_PI * (2.0 * angle - (2.0 * angle).sin());
    if square > 0.0 { 0.5 * square.sqrt() } else { 0.0 }
}

/// `w` times a power of two near `1/|w|`, exactly but for subnormal entries.
fn binade_scaled(w: &[f64]) -> Vec<f64> {
    let length = norm(w);
    if !(length.is_normal()) {
        return normalised(w);
    }
    let scale = f64::from_bits(length.to_bits() & (0x7ff << 52));
    w.iter().map(|x| x / scale).collect()
}

/// Adds `x y` to an unevaluated sum of two doubles.
fn add_product(sum: &mut (f64, f64), x: f64, y: f64) {
    let product = x * y;
    let product_error = x.mul_add(y, -product);
    let total = sum.0 + product;
    let back = total - sum.0;
    let error = (sum.0 - (total - back)) + (product - back);
    *sum = (total, sum.1 + (error + product_error));
}

#[cfg(test)]
mod tests;
