//! The Hessian of the population loss in all parameters, dense or as an operator, and its extreme eigenvalues.
//!
//! With `K(w, v) = |w| |v| k(t)`, `t = wbar . vbar`, `s = sqrt(1 - t^2)`, `n = (vbar - t wbar)/s` and `l = (wbar - t vbar)/s`, in units of
//! `1/(2 pi)`,
//!
//! ```text
//! grad_w K   = |v| ((s - 1) wbar + asin(t) vbar)
//! d2K/dw dw  = (|v|/|w|) (s n n^T + (s - 1)(I - wbar wbar^T))
//! d2K/dw dv  = asin(t) I + (s - 1) wbar vbar^T + s n l^T
//! ```
//!
//! all finite where neurons coincide (`s = 0`). With `g_j = sum_b A_b grad_w K(w_j, v_b)` over the student (`A = a`) and the teacher
//! (`A = -a*`),
//!
//! ```text
//! d2L/da_j da_k = 2 K(w_j, w_k)
//! d2L/da_j dw_k = 2 a_k grad_v K(w_j, w_k) + 2 [j = k] g_j
//! d2L/dw_j dw_k = 2 a_j a_k d2K/dw dv(w_j, w_k) + 2 [j = k] a_j sum_b A_b d2K/dw dw(w_j, v_b)
//! ```

use crate::atoms::Problem;
use crate::error::PopulationError;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};
use gradiometer_hermite::Degrees;
use gradiometer_model::Network;
use gradiometer_model::geometry::{dot, norm, normalise_into};
use rayon::prelude::*;
use std::f64::consts::{FRAC_PI_2, PI};

/// Which parameters the Hessian differentiates in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layers {
    /// `a` (length `m`), then `W` row-major (length `m d`). The default.
    #[default]
    Both,
    /// `W` row-major alone, the second layer held fixed.
    First,
}

impl Layers {
    /// Number of parameters, `m (d + 1)` or `m d`.
    pub(crate) const fn parameters(self, neurons: usize, dimension: usize) -> usize {
        match self {
            Self::Both => neurons * (dimension + 1),
            Self::First => neurons * dimension,
        }
    }
}

/// Largest number of parameters of a dense Hessian: 128 MiB.
pub const DENSE_LIMIT: usize = 4096;

/// Rows and columns of a tile.
const TILE: usize = 64;
/// From this cosine on, the chord of the two directions gives sine and arcsine.
const CLOSE: f64 = 0.9;

/// Two directions as the Hessian sees them: their cosine, its sine and its arcsine.
#[derive(Clone, Copy, Debug)]
struct UnitPair {
    cosine: f64,
    sine: f64,
    arcsine: f64,
}

impl UnitPair {
    /// The pair of a neuron with itself.
    const SAME: Self = Self { cosine: 1.0, sine: 0.0, arcsine: FRAC_PI_2 };

    /// From the inner product and, near its ends, from the directions themselves.
    fn new(product: f64, u: &[f64], v: &[f64]) -> Self {
        if product.abs() < CLOSE {
            let sine = ((1.0 - product) * (1.0 + product)).sqrt();
            return Self { cosine: product, sine, arcsine: product.asin() };
        }
        let sign = product.signum();
        let chord: f64 = u.iter().zip(v).map(|(x, y)| (x - sign * y) * (x - sign * y)).sum();
        let half = 0.5 * chord.sqrt();
        Self {
            cosine: sign * (1.0 - 0.5 * chord),
            sine: (chord * (1.0 - 0.25 * chord)).sqrt(),
            arcsine: sign * (FRAC_PI_2 - 2.0 * half.asin()),
        }
    }

    /// `2 pi k(t)`.
    fn kernel(self) -> f64 {
        self.sine - 1.0 + self.cosine * self.arcsine
    }

    /// `x/s`, zero where the directions coincide: `x` vanishes there.
    fn over_sine(self, x: f64) -> f64 {
        if self.sine > 0.0 { x / self.sine } else { 0.0 }
    }

    /// `(v - t u)/s`, zero where the directions coincide.
    fn across(self, u: &[f64], v: &[f64]) -> Vec<f64> {
        u.iter().zip(v).map(|(x, y)| self.over_sine(y - self.cosine * x)).collect()
    }
}

/// The Hessian of `L` at one student as an operator on directions in parameter space.
///
/// A product costs `O((m + m*) m d)` operations and `O((m + m*) d)` memory, on all threads; its bytes do not depend on their number.
/// Entries are computed in doubles: the error is a few `eps` times `sum_b |nu_b|` and the sizes that multiply it, also for neurons
/// that coincide; no bound is returned. Rows and columns of the coordinates of a zero neuron are defined as zero, as its
/// gradient is.
#[derive(Clone, Debug)]
pub struct HessianOperator {
    layers: Layers,
    students: usize,
    dimension: usize,
    /// Directions, student first; zero neurons are zero rows.
    units: Vec<f64>,
    /// `|w_j|`, `|w*_i|`.
    lengths: Vec<f64>,
    /// `a_j`, `-a*_i`.
    weights: Vec<f64>,
    /// `q_j = sum_b nu_b (s - 1)`, student only, in units of `1/(2 pi)`.
    radial: Vec<f64>,
    /// `g_j`, student only, in units of `1/(2 pi)`.
    gradients: Vec<f64>,
    low: Option<LowDegrees>,
}

/// `S_0/sqrt(2 pi)` and `S_1` of degrees 0 and 1: `L` contains `S_0^2 + |S_1|^2` with `S_0 = sum_b nu_b/sqrt(2 pi) + alpha` and
/// `S_1 = (1/2) sum_b A_b v_b + beta`.
#[derive(Clone, Debug)]
struct LowDegrees {
    constant: f64,
    linear: Vec<f64>,
}

impl HessianOperator {
    /// That of `L` at the student.
    pub(crate) fn new(problem: &Problem<'_>, layers: Layers) -> Self {
        let Problem { teacher, student, degrees } = *problem;
        let (m, d) = (student.neurons(), student.dimension());
        let network = teacher.network();
        let n = m + network.neurons();
        let mut units = vec![0.0; n * d];
        let mut lengths = Vec::with_capacity(n);
        for (w, unit) in student.rows().chain(network.rows()).zip(units.chunks_exact_mut(d)) {
            lengths.push(normalise_into(w, unit));
        }
        let weights: Vec<f64> = student
            .second_layer()
            .iter()
            .copied()
            .chain(network.second_layer().iter().map(|a| -a))
            .collect();
        let low =
            (degrees == Degrees::All).then(|| LowDegrees::new(student, &units, &lengths, &weights));
        let mut operator = Self {
            layers,
            students: m,
            dimension: d,
            units,
            lengths,
            weights,
            radial: vec![0.0; m],
            gradients: vec![0.0; m * d],
            low,
        };
        let (mut radial, mut gradients) = (vec![0.0; m], vec![0.0; m * d]);
        radial.par_iter_mut().zip(gradients.par_chunks_mut(d)).enumerate().for_each(
            |(j, (radial, gradient))| {
                for b in 0..n {
                    let pair = operator.pair(j, b);
                    let mass = operator.weights[b] * operator.lengths[b];
                    *radial += mass * (pair.sine - 1.0);
                    add_scaled(gradient, mass * pair.arcsine, operator.unit(b));
                }
                add_scaled(gradient, *radial, operator.unit(j));
            },
        );
        operator.radial = radial;
        operator.gradients = gradients;
        operator
    }

    /// Number of parameters, the length of a direction.
    pub const fn parameters(&self) -> usize {
        self.layers.parameters(self.students, self.dimension)
    }

    /// Number of student neurons `m`.
    pub const fn neurons(&self) -> usize {
        self.students
    }

    /// The parameters that it differentiates in.
    pub const fn layers(&self) -> Layers {
        self.layers
    }

    fn unit(&self, b: usize) -> &[f64] {
        &self.units[b * self.dimension..(b + 1) * self.dimension]
    }

    fn gradient(&self, j: usize) -> &[f64] {
        &self.gradients[j * self.dimension..(j + 1) * self.dimension]
    }

    fn pair(&self, j: usize, b: usize) -> UnitPair {
        if j == b && self.lengths[j] > 0.0 {
            return UnitPair::SAME;
        }
        UnitPair::new(dot(self.unit(j), self.unit(b)), self.unit(j), self.unit(b))
    }

    /// `1/|w_j|`, zero for a zero neuron.
    fn inverse_length(&self, j: usize) -> f64 {
        if self.lengths[j] > 0.0 { 1.0 / self.lengths[j] } else { 0.0 }
    }

    /// The Hessian-vector product; directions and products are ordered as [`Layers`] says.
    ///
    /// # Errors
    /// [`PopulationError::DirectionLength`] if the direction does not have one entry per parameter.
    pub fn apply(&self, direction: &[f64]) -> Result<Vec<f64>, PopulationError> {
        let expected = self.parameters();
        if direction.len() != expected {
            return Err(PopulationError::DirectionLength { expected, found: direction.len() });
        }
        let (m, d) = (self.students, self.dimension);
        let none = vec![0.0; m];
        let (second, first) = match self.layers {
            Layers::Both => direction.split_at(m),
            Layers::First => (none.as_slice(), direction),
        };
        let mut moves = vec![0.0; self.weights.len() * d];
        for (j, (x, given)) in moves.chunks_exact_mut(d).zip(first.chunks_exact(d)).enumerate() {
            if self.lengths[j] > 0.0 {
                x.copy_from_slice(given);
            }
        }
        let along: Vec<f64> =
            self.units.chunks_exact(d).zip(moves.chunks_exact(d)).map(|(u, x)| dot(u, x)).collect();
        let mut second_out = vec![0.0; m];
        let mut first_out = vec![0.0; m * d];
        let direction = Direction { second, moves: &moves, along: &along };
        second_out
            .par_chunks_mut(TILE)
            .zip(first_out.par_chunks_mut(TILE * d))
            .enumerate()
            .for_each(|(tile, (second_out, first_out))| {
                self.apply_rows(tile * TILE, &direction, second_out, first_out);
            });
        if let Some(low) = &self.low {
            self.add_low_degrees(low, &direction, &mut second_out, &mut first_out);
        }
        Ok(match self.layers {
            Layers::Both => {
                second_out.extend_from_slice(&first_out);
                second_out
            }
            Layers::First => first_out,
        })
    }

    /// The degrees from 2 of the product for the rows that start at `start`.
    fn apply_rows(
        &self,
        start: usize,
        direction: &Direction<'_>,
        second_out: &mut [f64],
        first_out: &mut [f64],
    ) {
        let (rows, d, n) = (second_out.len(), self.dimension, self.weights.len());
        let units = rows_of(&self.units, start, rows, d);
        let moves = rows_of(direction.moves, start, rows, d);
        let mut on_self = vec![0.0; rows];
        let mut scratch = [(); 5].map(|()| Mat::<f64>::zeros(rows, TILE));
        for column in (0..n).step_by(TILE) {
            let columns = TILE.min(n - column);
            let others = rows_of(&self.units, column, columns, d);
            let other_moves = rows_of(direction.moves, column, columns, d);
            let [products, unit_move, move_unit, on_unit, on_move] = &mut scratch;
            multiply(products, units, others);
            multiply(unit_move, units, other_moves);
            multiply(move_unit, moves, others);
            for r in 0..rows {
                let j = start + r;
                let (length, weight) = (self.lengths[j], self.weights[j]);
                let stretch = weight * self.inverse_length(j);
                for c in 0..columns {
                    let b = column + c;
                    let pair = if j == b && length > 0.0 {
                        UnitPair::SAME
                    } else {
                        UnitPair::new(products[(r, c)], self.unit(j), self.unit(b))
                    };
                    let UnitPair { cosine, sine, arcsine } = pair;
                    let mass = self.weights[b] * self.lengths[b];
                    // The teacher does not move.
                    let (moved, weight_b, along_b) = if b < self.students {
                        (self.lengths[b] * direction.second[b], self.weights[b], direction.along[b])
                    } else {
                        (0.0, 0.0, 0.0)
                    };
                    // l . X_b and n . X_j.
                    let across_b = pair.over_sine(unit_move[(r, c)] - cosine * along_b);
                    let across_j = pair.over_sine(move_unit[(r, c)] - cosine * direction.along[j]);
                    second_out[r] += length * moved * pair.kernel()
                        + length
                            * weight_b
                            * ((sine - 1.0) * along_b + arcsine * unit_move[(r, c)]);
                    let normal = weight * weight_b * across_b + stretch * mass * across_j;
                    on_unit[(r, c)] = weight * moved * arcsine + normal;
                    on_move[(r, c)] = weight * weight_b * arcsine;
                    on_self[r] +=
                        weight * (sine - 1.0) * (moved + weight_b * along_b) - cosine * normal;
                }
            }
            accumulate(first_out, d, on_unit, others);
            accumulate(first_out, d, on_move, other_moves);
        }
        for r in 0..rows {
            let j = start + r;
            let stretch = self.weights[j] * self.inverse_length(j) * self.radial[j];
            let x = &direction.moves[j * d..(j + 1) * d];
            let out = &mut first_out[r * d..(r + 1) * d];
            add_scaled(out, on_self[r] - stretch * direction.along[j], self.unit(j));
            add_scaled(out, stretch, x);
            add_scaled(out, direction.second[j], self.gradient(j));
            second_out[r] = (second_out[r] + dot(self.gradient(j), x)) / PI;
            for value in out.iter_mut() {
                *value /= PI;
            }
        }
    }

    /// Adds the Hessian of `S_0^2 + |S_1|^2` applied to the direction.
    fn add_low_degrees(
        &self,
        low: &LowDegrees,
        direction: &Direction<'_>,
        second_out: &mut [f64],
        first_out: &mut [f64],
    ) {
        let d = self.dimension;
        let rows = || direction.moves.chunks_exact(d).take(self.students).enumerate();
        let mut constant = 0.0;
        let mut linear = vec![0.0; d];
        for (j, x) in rows() {
            let moved = self.lengths[j] * direction.second[j];
            constant += moved + self.weights[j] * direction.along[j];
            add_scaled(&mut linear, 0.5 * moved, self.unit(j));
            add_scaled(&mut linear, 0.5 * self.weights[j], x);
        }
        // d S_0/sqrt(2 pi).
        constant /= 2.0 * PI;
        for (j, x) in rows() {
            if !(self.lengths[j] > 0.0) {
                continue;
            }
            let (unit, weight, p) = (self.unit(j), self.weights[j], direction.second[j]);
            second_out[j] += self.lengths[j] * (2.0 * constant + dot(unit, &linear))
                + 2.0 * low.constant * direction.along[j]
                + dot(&low.linear, x);
            let out = &mut first_out[j * d..(j + 1) * d];
            let stretch = 2.0 * low.constant * weight * self.inverse_length(j);
            let radial = 2.0 * (constant * weight + low.constant * p);
            add_scaled(out, radial - stretch * direction.along[j], unit);
            add_scaled(out, stretch, x);
            add_scaled(out, weight, &linear);
            add_scaled(out, p, &low.linear);
        }
    }

    /// The smallest and the largest eigenvalue by the Lanczos method with full reorthogonalisation, for sizes where a dense Hessian is
    /// out of reach; `steps` products, memory `O(steps)` directions.
    ///
    /// # Errors
    /// [`PopulationError::EigenSolver`] if the small tridiagonal problem fails.
    pub fn extreme_eigenvalues(&self, steps: usize) -> Result<Extremes, PopulationError> {
        let n = self.parameters();
        // A start that no symmetry of the network shares: multiples of the golden ratio modulo one.
        let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
        let mut current: Vec<f64> =
            (0..n).map(|i| (golden * (i as f64 + 1.0)).fract() - 0.5).collect();
        let length = norm(&current);
        scale(&mut current, 1.0 / length);
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..steps.clamp(1, n) {
            let mut next = self.apply(&current)?;
            basis.push(current);
            let alpha = basis.last().map_or(0.0, |v| dot(v, &next));
            diagonal.push(alpha);
            for _ in 0..2 {
                for v in &basis {
                    let overlap = dot(v, &next);
                    add_scaled(&mut next, -overlap, v);
                }
            }
            let beta = norm(&next);
            beside.push(beta);
            let size = diagonal.iter().fold(0.0, |s: f64, x: &f64| s + x.abs());
            if !(beta > f64::EPSILON * size) {
                break;
            }
            scale(&mut next, 1.0 / beta);
            current = next;
        }
        let k = diagonal.len();
        let tridiagonal = Mat::from_fn(k, k, |i, j| match i.abs_diff(j) {
            0 => diagonal[i],
            1 => beside[i.min(j)],
            _ => 0.0,
        });
        let solved = tridiagonal
            .self_adjoint_eigen(Side::Lower)
            .map_err(|_no_detail| PopulationError::EigenSolver { parameters: k })?;
        let ritz = |i: usize| Ritz {
            value: solved.S()[i],
            residual: beside[k - 1] * solved.U()[(k - 1, i)].abs(),
        };
        Ok(Extremes { smallest: ritz(0), largest: ritz(k - 1), steps: k })
    }

    /// All entries, pair by pair and without products.
    pub(crate) fn dense(&self) -> DenseHessian {
        let (m, d) = (self.students, self.dimension);
        let offset = self.parameters() - m * d;
        let size = self.parameters();
        let mut entries = vec![0.0; size * size];
        let first_row = |j: usize| offset + j * d;
        // Rows of W: a_j a_k d2K/dw dv, and the sums on the diagonal.
        for j in (0..m).filter(|j| self.lengths[*j] > 0.0) {
            let (u, weight) = (self.unit(j), self.weights[j]);
            let mut block = vec![0.0; d * d];
            for b in 0..self.weights.len() {
                let (v, pair) = (self.unit(b), self.pair(j, b));
                let n = pair.across(u, v);
                let scale = weight * self.inverse_length(j) * self.weights[b] * self.lengths[b];
                for (row, n_row) in block.chunks_exact_mut(d).zip(&n) {
                    add_scaled(row, scale * pair.sine * n_row, &n);
                }
                if b >= m || !(self.lengths[b] > 0.0) {
                    continue;
                }
                let l = pair.across(v, u);
                let scale = weight * self.weights[b] / PI;
                for i in 0..d {
                    let start = (first_row(j) + i) * size + first_row(b);
                    let row = &mut entries[start..start + d];
                    row[i] += scale * pair.arcsine;
                    add_scaled(row, scale * (pair.sine - 1.0) * u[i], v);
                    add_scaled(row, scale * pair.sine * n[i], &l);
                }
            }
            let stretch = weight * self.inverse_length(j) * self.radial[j];
            for i in 0..d {
                let row = &mut block[i * d..(i + 1) * d];
                row[i] += stretch;
                add_scaled(row, -stretch * u[i], u);
                let start = (first_row(j) + i) * size + first_row(j);
                add_scaled(&mut entries[start..start + d], 1.0 / PI, row);
            }
        }
        if self.layers == Layers::Both {
            for j in 0..m {
                for b in (0..m).filter(|b| self.lengths[*b] > 0.0) {
                    let (pair, length) = (self.pair(j, b), self.lengths[j]);
                    entries[j * size + b] = length * self.lengths[b] * pair.kernel() / PI;
                    let start = j * size + first_row(b);
                    let row = &mut entries[start..start + d];
                    let scale = length * self.weights[b] / PI;
                    add_scaled(row, scale * (pair.sine - 1.0), self.unit(b));
                    add_scaled(row, scale * pair.arcsine, self.unit(j));
                    if j == b {
                        add_scaled(row, 1.0 / PI, self.gradient(j));
                    }
                }
            }
        }
        if let Some(low) = &self.low {
            self.add_dense_low_degrees(low, &mut entries);
        }
        // The blocks below the diagonal that the loops above did not visit.
        for j in 0..offset {
            for i in offset..size {
                entries[i * size + j] = entries[j * size + i];
            }
        }
        DenseHessian { size, entries }
    }

    /// Adds the Hessian of `S_0^2 + |S_1|^2`: the products of the derivatives of `S_0` and `S_1`, then `S_0` and `S_1` times the second ones.
    fn add_dense_low_degrees(&self, low: &LowDegrees, entries: &mut [f64]) {
        let (m, d, size) = (self.students, self.dimension, self.parameters());
        let offset = size - m * d;
        let mut derivatives = vec![vec![0.0; size]; d + 1];
        for j in (0..m).filter(|j| self.lengths[*j] > 0.0) {
            for i in 0..d {
                let column = offset + j * d + i;
                derivatives[d][column] = self.weights[j] * self.unit(j)[i] / (2.0 * PI).sqrt();
                derivatives[i][column] = 0.5 * self.weights[j];
                if offset > 0 {
                    derivatives[i][j] = 0.5 * self.lengths[j] * self.unit(j)[i];
                }
            }
            if offset > 0 {
                derivatives[d][j] = self.lengths[j] / (2.0 * PI).sqrt();
            }
        }
        for derivative in &derivatives {
            for (row, value) in entries.chunks_exact_mut(size).zip(derivative) {
                add_scaled(row, 2.0 * value, derivative);
            }
        }
        for j in (0..m).filter(|j| self.lengths[*j] > 0.0) {
            let (u, start) = (self.unit(j), offset + j * d);
            let stretch = 2.0 * low.constant * self.weights[j] * self.inverse_length(j);
            for i in 0..d {
                let row = (start + i) * size;
                entries[row + start + i] += stretch;
                add_scaled(&mut entries[row + start..row + start + d], -stretch * u[i], u);
                if offset > 0 {
                    entries[j * size + start + i] += 2.0 * low.constant * u[i] + low.linear[i];
                }
            }
        }
    }
}

impl LowDegrees {
    fn new(student: &Network, units: &[f64], lengths: &[f64], weights: &[f64]) -> Self {
        let d = student.dimension();
        let mut constant = 0.0;
        let mut linear = vec![0.0; d];
        for ((unit, length), weight) in units.chunks_exact(d).zip(lengths).zip(weights) {
            constant += weight * length / (2.0 * PI);
            add_scaled(&mut linear, 0.5 * weight * length, unit);
        }
        if let Some(skip) = student.skip() {
            constant += skip.constant / (2.0 * PI).sqrt();
            add_scaled(&mut linear, 1.0, &skip.linear);
        }
        Self { constant, linear }
    }
}

/// One direction of a product: moves of `a`, of `W` (with zero rows for the teacher) and the latter along the neurons.
#[derive(Clone, Copy)]
struct Direction<'a> {
    second: &'a [f64],
    moves: &'a [f64],
    along: &'a [f64],
}

fn add_scaled(out: &mut [f64], scale: f64, x: &[f64]) {
    for (o, x) in out.iter_mut().zip(x) {
        *o += scale * x;
    }
}

fn scale(x: &mut [f64], factor: f64) {
    for value in x {
        *value *= factor;
    }
}

fn rows_of(x: &[f64], start: usize, rows: usize, d: usize) -> MatRef<'_, f64> {
    MatRef::from_row_major_slice(&x[start * d..(start + rows) * d], rows, d)
}

/// `out = left right^T` in the first columns.
fn multiply(out: &mut Mat<f64>, left: MatRef<'_, f64>, right: MatRef<'_, f64>) {
    let target = out.as_mut().subcols_mut(0, right.nrows());
    matmul(target, Accum::Replace, left, right.transpose(), 1.0, Par::Seq);
}

/// `out += left right` for row-major `out`.
fn accumulate(out: &mut [f64], d: usize, left: &Mat<f64>, right: MatRef<'_, f64>) {
    let target = MatMut::from_row_major_slice_mut(out, left.nrows(), d);
    matmul(target, Accum::Add, left.as_ref().subcols(0, right.nrows()), right, 1.0, Par::Seq);
}

/// An eigenvalue estimate of the Lanczos method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ritz {
    /// The estimate.
    pub value: f64,
    /// Some eigenvalue lies this near to it (up to rounding); that it is the extreme one is not proved.
    pub residual: f64,
}

/// Both ends of a spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extremes {
    /// Never below the smallest eigenvalue, up to rounding.
    pub smallest: Ritz,
    /// Never above the largest eigenvalue, up to rounding.
    pub largest: Ritz,
    /// Products used.
    pub steps: usize,
}

/// All entries of a Hessian, symmetric, ordered as [`Layers`] says.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseHessian {
    size: usize,
    entries: Vec<f64>,
}

impl DenseHessian {
    /// Number of parameters.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The entries, row-major.
    pub fn entries(&self) -> &[f64] {
        &self.entries
    }

    /// Adds `shift` to the diagonal: with `shift = lambda` and both layers this is the Hessian of `L_lambda`.
    #[must_use]
    pub fn shifted(mut self, shift: f64) -> Self {
        for i in 0..self.size {
            self.entries[i * self.size + i] += shift;
        }
        self
    }

    /// The eigenvalues, ascending; each with an error of a few `eps` times the largest modulus.
    ///
    /// # Errors
    /// [`PopulationError::EigenSolver`] if the iteration fails (entries that are not finite).
    pub fn eigenvalues(&self) -> Result<Vec<f64>, PopulationError> {
        MatRef::from_row_major_slice(&self.entries, self.size, self.size)
            .self_adjoint_eigenvalues(Side::Lower)
            .map_err(|_no_detail| PopulationError::EigenSolver { parameters: self.size })
    }
}

#[cfg(test)]
mod tests;
