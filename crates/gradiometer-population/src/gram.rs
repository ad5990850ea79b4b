//! Inner products of neurons and of their derivatives in double-double arithmetic, and linear systems with their Gram matrix.
//!
//! For directions `v_j` with tangent vectors `T_jx` the functions `g = sigma(v_j . x)` and `Dg = d sigma(v_j . x)/dv_j . T_jx`, without their degrees 0 and
//! 1, have the inner products (statement 3.1, `t` the cosine of the angle, `k = sqrt(1 - t^2) + t asin t - 1`, `q = sqrt(1 - t^2) - 1`, `vbar = v/|v|`)
//!
//! ```text
//! 2 pi <g_u, g_v>        = |u| |v| k(t)
//! 2 pi <g_u, Dg_v S>     = |u| q (vbar . S) + asin(t) (u . S)
//! 2 pi <Dg_u T, Dg_v S>  = asin(t) (T . S) + q (ubar . T) (vbar . S) + (vbar . T - t ubar . T) (ubar . S - t vbar . S)/sqrt(1 - t^2)
//! ```
//!
//! Directions that are an angle `h` apart have entries that agree to a share `h^2`, and what tells more than three of them apart is of order `h^3`: at
//! `h = 1e-6` nothing of that is left in doubles. Here there are 102 bits.

use crate::double::{DoubleDouble, SineTable};
use crate::error::PopulationError;
use crate::kernel::{Vectorised, with_multiply_add};
use gradiometer_model::Network;
use rayon::prelude::*;

/// Columns that are eliminated together.
const PANEL: usize = 8;
/// Rows of a thread's turn.
const TURN: usize = 16;

/// A symmetric matrix in double-double: the lower triangle, row by row, in rows of full length.
#[derive(Clone, Debug)]
struct Symmetric {
    order: usize,
    hi: Vec<f64>,
    lo: Vec<f64>,
}

/// The Gram matrix of neurons and their derivatives, `n x n` with `n = m (1 + size)`: the `m` neurons first, then `size` derivatives of each.
///
/// Its entries are wrong by some units of `2^-102 |u| |v|`, where a tangent vector counts like a neuron; those of two derivatives by as much over the angle of
/// the two neurons or, if that is more, `2^-51`. The moments of close points answer that only in what is of the order of the angle.
///
/// # Examples
/// ```
/// use gradiometer_model::Network;
/// use gradiometer_population::Gram;
/// // Two neurons close to each other, each with its derivative: what 2 g_0 - D g_1 is made of is found again.
/// let (sine, cosine) = 1e-3_f64.sin_cos();
/// let neurons = Network::new(2, vec![1.0; 2], vec![1.0, 0.0, cosine, sine]).unwrap();
/// let gram = Gram::new(&neurons, vec![0.0, 1.0, -sine, cosine]).unwrap();
/// let products = gram.times(&[2.0, 0.0, 0.0, -1.0]);
/// let parts = gram.factor(&[]).unwrap().solve(&products);
/// // The products were rounded, and the condition of the matrix multiplies that.
/// let rounding = f64::EPSILON / 1e-3_f64.powi(3);
/// assert!((parts[0] - 2.0).abs() <= rounding && (parts[3] + 1.0).abs() <= rounding, "{parts:?}");
/// ```
#[derive(Clone, Debug)]
pub struct Gram {
    atoms: Frames,
    matrix: Symmetric,
}

/// Directions with tangent vectors.
#[derive(Clone, Debug)]
struct Frames {
    dimension: usize,
    /// Tangent vectors of each.
    size: usize,
    /// `m x d`.
    vectors: Vec<f64>,
    /// `m x size x d`.
    tangents: Vec<f64>,
    lengths: Vec<DoubleDouble>,
    /// `vbar . T`, zero but for rounding; `m x size`.
    radial: Vec<DoubleDouble>,
}

impl Frames {
    fn new(neurons: &Network, tangents: Vec<f64>) -> Self {
        let (m, dimension) = (neurons.neurons(), neurons.dimension());
        let vectors = neurons.first_layer().to_vec();
        let size = tangents.len() / vectors.len();
        let rows = vectors.chunks_exact(dimension);
        let lengths: Vec<_> = rows.map(|v| DoubleDouble::dot(v, v).sqrt()).collect();
        let along = |j: usize, x: usize| {
            let t = &tangents[(j * size + x) * dimension..][..dimension];
            DoubleDouble::dot(&vectors[j * dimension..][..dimension], t) / lengths[j]
        };
        let radial = (0..m * size).map(|i| along(i / size, i % size)).collect();
        Self { dimension, size, vectors, tangents, lengths, radial }
    }

    const fn count(&self) -> usize {
        self.lengths.len()
    }

    fn vector(&self, j: usize) -> &[f64] {
        &self.vectors[j * self.dimension..][..self.dimension]
    }

    fn tangent(&self, j: usize, x: usize) -> &[f64] {
        &self.tangents[(j * self.size + x) * self.dimension..][..self.dimension]
    }
}

/// `t`, `sqrt(1 - t^2)`, `asin t`, of two vectors.
struct Pair {
    cosine: DoubleDouble,
    root: DoubleDouble,
    angle: DoubleDouble,
}

impl Pair {
    #[inline(always)]
    fn new(u: &[f64], v: &[f64], lengths: DoubleDouble, table: &SineTable) -> Self {
        let one = DoubleDouble::ONE;
        let t = DoubleDouble::dot(u, v) / lengths;
        let negative = t.to_f64() < 0.0;
        let x = if negative { -t } else { t };
        let below = one - x;
        let (x, root, angle) = if below.to_f64() > 0.0 {
            let root = (below * (one + x)).sqrt();
            (x, root, DoubleDouble::angle_of(x, root, table))
        } else {
            (one, DoubleDouble::ZERO, DoubleDouble::PI * DoubleDouble::from(0.5))
        };
        let signed = |x: DoubleDouble| if negative { -x } else { x };
        Self { cosine: signed(x), root, angle: signed(angle) }
    }

    /// `q`.
    #[inline(always)]
    fn radial(&self) -> DoubleDouble {
        self.root - DoubleDouble::ONE
    }

    /// `k`.
    #[inline(always)]
    fn kernel(&self) -> DoubleDouble {
        self.radial() + self.cosine * self.angle
    }
}

impl Gram {
    /// The matrix for the neurons' directions (the second layer is not used) and the same number of tangent vectors of each, `m x size x d`, row-major.
    ///
    /// # Errors
    /// [`PopulationError::Tangents`] unless every neuron has as many tangent vectors, [`PopulationError::ZeroNeuron`] if a neuron has no direction.
    pub fn new(neurons: &Network, tangents: Vec<f64>) -> Result<Self, PopulationError> {
        let (count, dimension) = (neurons.neurons(), neurons.dimension());
        if !tangents.len().is_multiple_of(count * dimension) {
            return Err(PopulationError::Tangents { count, dimension, found: tangents.len() });
        }
        let atoms = Frames::new(neurons, tangents);
        if let Some(index) = atoms.lengths.iter().position(|length| !(length.to_f64() > 0.0)) {
            return Err(PopulationError::ZeroNeuron { index });
        }
        let (m, size) = (atoms.count(), atoms.size);
        let n = m * (1 + size);
        let table = SineTable::new();
        let scale = DoubleDouble::ONE / (DoubleDouble::PI + DoubleDouble::PI);
        let rows: Vec<Vec<DoubleDouble>> = (0..m)
            .into_par_iter()
            .map(|j| with_multiply_add(RowTask { atoms: &atoms, table: &table, scale, j }))
            .collect();
        let mut matrix = Symmetric { order: n, hi: vec![0.0; n * n], lo: vec![0.0; n * n] };
        let block = (1 + size) * (1 + size);
        for (j, row) in rows.iter().enumerate() {
            for (k, entries) in row.chunks_exact(block).enumerate() {
                let index = |i: usize, x: usize| if x == 0 { i } else { m + i * size + x - 1 };
                for x in 0..=size {
                    for y in 0..=size {
                        matrix.set(index(j, x), index(k, y), entries[x * (1 + size) + y]);
                    }
                }
            }
        }
        Ok(Self { atoms, matrix })
    }

    /// Inner products of all functions with `sum_x c_x g_x`, `c` of length `n`; rounded once.
    pub fn times(&self, coefficients: &[f64]) -> Vec<f64> {
        let entry = |(x, y)| self.matrix.get(if x < y { y } else { x }, if x < y { x } else { y });
        let row = |x: usize| {
            let terms = coefficients.iter().enumerate();
            terms.fold(DoubleDouble::ZERO, |sum, (y, c)| sum + entry((x, y)) * (*c).into()).to_f64()
        };
        (0..self.matrix.order).into_par_iter().map(row).collect()
    }

    /// Inner products of all functions with `f_mu - f*`, where `mu` has masses in two parts, the second below the first one's last bit, at the neurons, and
    /// `f*` is a network. To those of the neurons `offset` is added. Rounded once.
    pub fn residual(&self, masses: &[[f64; 2]], target: &Network, offset: &[f64]) -> Vec<f64> {
        let (m, size) = (self.atoms.count(), self.atoms.size);
        let table = SineTable::new();
        let whole = |mass: &[f64; 2]| DoubleDouble::from(mass[0]) + DoubleDouble::from(mass[1]);
        let masses: Vec<DoubleDouble> = masses.iter().map(whole).collect();
        let goal = Frames::new(target, Vec::new());
        let scale = DoubleDouble::ONE / (DoubleDouble::PI + DoubleDouble::PI);
        let row = |x: usize| {
            let j = if x < m { x } else { (x - m) / size };
            let mut sum = DoubleDouble::from(offset.get(x).copied().unwrap_or(0.0));
            for (k, mass) in masses.iter().take(m).enumerate() {
                let (a, b) = if x < k { (k, x) } else { (x, k) };
                sum = sum + self.matrix.get(a, b) * *mass;
            }
            for (i, a) in target.second_layer().iter().enumerate() {
                let (u, v) = (goal.vector(i), self.atoms.vector(j));
                let pair = Pair::new(u, v, goal.lengths[i] * self.atoms.lengths[j], &table);
                let value = if x < m {
                    goal.lengths[i] * self.atoms.lengths[j] * pair.kernel()
                } else {
                    let y = (x - m) % size;
                    goal.lengths[i] * pair.radial() * self.atoms.radial[j * size + y]
                        + pair.angle * DoubleDouble::dot(u, self.atoms.tangent(j, y))
                };
                sum = sum - value * scale * DoubleDouble::from(*a);
            }
            sum.to_f64()
        };
        (0..m * (1 + size)).into_par_iter().map(row).collect()
    }

    /// The factor of the matrix, some entries `(row, column, by)` of whose lower triangle are raised first; `None` unless it is finite and
    /// positive definite then.
    pub fn factor(&self, raised: &[(usize, usize, f64)]) -> Option<Factor> {
        let mut matrix = self.matrix.clone();
        for &(x, y, by) in raised {
            let entry = matrix.get(x, y) + DoubleDouble::from(by);
            matrix.set(x, y, entry);
        }
        (matrix.factorise() && matrix.hi.iter().all(|x| x.is_finite())).then_some(Factor(matrix))
    }
}

/// Cholesky's factor of a [`Gram`] matrix.
#[derive(Clone, Debug)]
pub struct Factor(Symmetric);

impl Factor {
    /// The solution of the system with the given right side of length `n`, computed in double-double and rounded once.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        self.0.substitute(right)
    }
}

/// One atom's entries with itself and those before it: for each the `(1 + size)^2` entries of neurons and derivatives.
struct RowTask<'a> {
    atoms: &'a Frames,
    table: &'a SineTable,
    scale: DoubleDouble,
    j: usize,
}

impl Vectorised for RowTask<'_> {
    type Output = Vec<DoubleDouble>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { atoms, table, scale, j } = self;
        let (size, u, length) = (atoms.size, atoms.vector(j), atoms.lengths[j]);
        let radial = |j: usize, x: usize| atoms.radial[j * size + x];
        let mut row = Vec::with_capacity((j + 1) * (1 + size) * (1 + size));
        for k in 0..=j {
            let (v, other) = (atoms.vector(k), atoms.lengths[k]);
            let pair = Pair::new(u, v, length * other, table);
            let q = pair.radial();
            row.push(length * other * pair.kernel() * scale);
            for y in 0..size {
                let s = DoubleDouble::dot(u, atoms.tangent(k, y));
                row.push((length * q * radial(k, y) + pair.angle * s) * scale);
            }
            for x in 0..size {
                let t = DoubleDouble::dot(v, atoms.tangent(j, x));
                row.push((other * q * radial(j, x) + pair.angle * t) * scale);
                for y in 0..size {
                    let both = DoubleDouble::dot(atoms.tangent(j, x), atoms.tangent(k, y));
                    let mut entry = pair.angle * both + q * radial(j, x) * radial(k, y);
                    if pair.root.to_f64() > 0.0 {
                        let s = DoubleDouble::dot(u, atoms.tangent(k, y)) / length;
                        let (s, t) = (
                            s - pair.cosine * radial(k, y),
                            t / other - pair.cosine * radial(j, x),
                        );
                        entry = entry + s * t / pair.root;
                    }
                    row.push(entry * scale);
                }
            }
        }
        row
    }
}

impl Symmetric {
    fn get(&self, x: usize, y: usize) -> DoubleDouble {
        DoubleDouble::new(self.hi[x * self.order + y], self.lo[x * self.order + y])
    }

    /// Sets an entry of the lower triangle; one above it is left out.
    fn set(&mut self, x: usize, y: usize, value: DoubleDouble) {
        let (x, y) = if x < y { (y, x) } else { (x, y) };
        (self.hi[x * self.order + y], self.lo[x * self.order + y]) = value.parts();
    }

    /// Cholesky's factor in place of the matrix; false where that is not positive definite.
    fn factorise(&mut self) -> bool {
        let n = self.order;
        for first in (0..n).step_by(PANEL) {
            let end = n.min(first + PANEL);
            // The panel's columns, one after another.
            let mut panel = vec![(vec![0.0; n], vec![0.0; n]); end - first];
            for column in first..end {
                let pivot = self.get(column, column);
                if !(pivot.to_f64() > 0.0) {
                    return false;
                }
                let root = pivot.sqrt();
                self.set(column, column, root);
                for x in column + 1..n {
                    let entry = self.get(x, column) / root;
                    self.set(x, column, entry);
                }
                for x in column..n {
                    (panel[column - first].0[x], panel[column - first].1[x]) =
                        self.get(x, column).parts();
                }
                for x in column + 1..n {
                    let of_x = self.get(x, column);
                    for y in column + 1..end.min(x + 1) {
                        let entry = self.get(x, y) - of_x * self.get(y, column);
                        self.set(x, y, entry);
                    }
                }
            }
            let rows = self.hi.par_chunks_mut(n * TURN).zip(self.lo.par_chunks_mut(n * TURN));
            rows.enumerate().for_each(|(i, (hi, lo))| {
                with_multiply_add(Eliminate {
                    first_row: i * TURN,
                    from: end,
                    panel: &panel,
                    hi,
                    lo,
                });
            });
        }
        true
    }

    /// Solves with the factor.
    fn substitute(&self, right: &[f64]) -> Vec<f64> {
        let n = self.order;
        let mut solution: Vec<DoubleDouble> =
            right.iter().map(|b| DoubleDouble::from(*b)).collect();
        for x in 0..n {
            let mut sum = solution[x];
            for (y, known) in solution[..x].iter().enumerate() {
                sum = sum - self.get(x, y) * *known;
            }
            solution[x] = sum / self.get(x, x);
        }
        for x in (0..n).rev() {
            let value = solution[x] / self.get(x, x);
            solution[x] = value;
            for (y, open) in solution[..x].iter_mut().enumerate() {
                *open = *open - self.get(x, y) * value;
            }
        }
        solution.iter().map(|x| x.to_f64()).collect()
    }
}

/// Takes a panel's part off some rows.
struct Eliminate<'a> {
    first_row: usize,
    /// The first column after the panel.
    from: usize,
    panel: &'a [(Vec<f64>, Vec<f64>)],
    hi: &'a mut [f64],
    lo: &'a mut [f64],
}

impl Vectorised for Eliminate<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { first_row, from, panel, hi, lo } = self;
        let Some((column, _)) = panel.first() else { return };
        let n = column.len();
        for (r, (hi, lo)) in hi.chunks_exact_mut(n).zip(lo.chunks_exact_mut(n)).enumerate() {
            let x = first_row + r;
            if x < from {
                continue;
            }
            let (hi, lo) = (&mut hi[from..=x], &mut lo[from..=x]);
            for (his, los) in panel {
                let (h, l) = (his[x], los[x]);
                let columns = his[from..=x].iter().zip(&los[from..=x]);
                for ((a, b), (p, q)) in hi.iter_mut().zip(lo.iter_mut()).zip(columns) {
                    let product = h * p;
                    let rest = h.mul_add(*p, -product) + h.mul_add(*q, l * p);
                    let sum = *a - product;
                    let back = sum - *a;
                    let error = (*a - (sum - back)) - (product + back);
                    let low = error + (*b - rest);
                    *a = sum + low;
                    *b = low - (*a - sum);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
