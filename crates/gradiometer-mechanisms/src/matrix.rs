//! Matrices of a few rows: order parameters, and the spiked matrices of an estimator.

use std::ops::{Index, IndexMut};

/// A dense matrix, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    entries: Vec<f64>,
}

impl Matrix {
    /// The matrix with the entries `f(i, j)`.
    pub fn from_fn(rows: usize, columns: usize, f: impl Fn(usize, usize) -> f64) -> Self {
        let entries = (0..rows * columns).map(|n| f(n / columns, n % columns)).collect();
        Self { rows, columns, entries }
    }

    /// The zero matrix.
    pub fn zero(rows: usize, columns: usize) -> Self {
        Self { rows, columns, entries: vec![0.0; rows * columns] }
    }

    /// The identity.
    pub fn identity(n: usize) -> Self {
        Self::from_fn(n, n, |i, j| f64::from(u8::from(i == j)))
    }

    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Row `i`.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.entries[i * self.columns..(i + 1) * self.columns]
    }

    /// Row `i`, to be changed.
    pub fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.entries[i * self.columns..(i + 1) * self.columns]
    }

    /// The sum of the diagonal.
    pub fn trace(&self) -> f64 {
        (0..self.rows).map(|i| self[(i, i)]).sum()
    }

    /// The transpose.
    #[must_use]
    pub fn transposed(&self) -> Self {
        Self::from_fn(self.columns, self.rows, |i, j| self[(j, i)])
    }

    /// The product with a number.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self { entries: self.entries.iter().map(|x| factor * x).collect(), ..*self }
    }

    /// The product.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        Self::from_fn(self.rows, other.columns, |i, j| {
            (0..self.columns).map(|k| self[(i, k)] * other[(k, j)]).sum()
        })
    }

    /// Adds a multiple of a matrix of the same shape.
    pub fn add(&mut self, factor: f64, other: &Self) {
        for (x, y) in self.entries.iter_mut().zip(&other.entries) {
            *x += factor * y;
        }
    }

    /// The lower Cholesky factor of a positive semi-definite matrix; a pivot that rounding made
    /// negative counts as zero.
    #[must_use]
    pub fn cholesky(&self) -> Self {
        let n = self.rows;
        let mut factor = Self::zero(n, n);
        for i in 0..n {
            for j in 0..=i {
                let before: f64 = (0..j).map(|k| factor[(i, k)] * factor[(j, k)]).sum();
                let rest = self[(i, j)] - before;
                factor[(i, j)] = if i == j {
                    if rest > 0.0 { rest.sqrt() } else { 0.0 }
                } else if factor[(j, j)] > 0.0 {
                    rest / factor[(j, j)]
                } else {
                    0.0
                };
            }
        }
        factor
    }

    /// `X` with `X self = other` for a positive definite `self`: rows of `other` are right-hand
    /// sides.
    #[must_use]
    pub fn solved_rows(&self, other: &Self) -> Self {
        let (n, factor) = (self.rows, self.cholesky());
        let mut result = other.clone();
        for r in 0..other.rows {
            let x = result.row_mut(r);
            for i in 0..n {
                let before: f64 = (0..i).map(|k| factor[(i, k)] * x[k]).sum();
                x[i] = (x[i] - before) / factor[(i, i)];
            }
            for i in (0..n).rev() {
                let after: f64 = (i + 1..n).map(|k| factor[(k, i)] * x[k]).sum();
                x[i] = (x[i] - after) / factor[(i, i)];
            }
        }
        result
    }

    /// The unit eigenvector of the largest eigenvalue of a symmetric matrix (`by_modulus`: of the
    /// largest modulus), by Lanczos's iteration with full orthogonalisation, started from the
    /// vector of ones.
    pub fn top_eigenvector(&self, by_modulus: bool) -> Vec<f64> {
        let n = self.rows;
        // The power method on the matrix shifted by a bound of its spectrum; restarted Lanczos of
        // two vectors makes it fast.
        let steps = 80.min(n);
        let mut start: Vec<f64> =
            (0..n).map(|i| 1.0 + 0.1 * ((i * 7919 % 101) as f64 / 101.0)).collect();
        let mut best = 0.0_f64;
        for _ in 0..12 {
            let (value, vector) = self.lanczos(&start, steps, by_modulus);
            let settled = (value - best).abs() <= 1e-11 * value.abs();
            best = value;
            start = vector;
            if settled {
                break;
            }
        }
        start
    }

    fn lanczos(&self, start: &[f64], steps: usize, by_modulus: bool) -> (f64, Vec<f64>) {
        let n = self.rows;
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
        let mut next = start.to_vec();
        for _ in 0..steps {
            let length = next.iter().map(|x| x * x).sum::<f64>().sqrt();
            if !(length > 1e-13) {
                break;
            }
            if !basis.is_empty() {
                beside.push(length);
            }
            for x in &mut next {
                *x /= length;
            }
            let mut image: Vec<f64> =
                (0..n).map(|i| self.row(i).iter().zip(&next).map(|(a, x)| a * x).sum()).collect();
            diagonal.push(image.iter().zip(&next).map(|(a, x)| a * x).sum::<f64>());
            basis.push(next);
            for _ in 0..2 {
                for b in &basis {
                    let along: f64 = image.iter().zip(b).map(|(a, x)| a * x).sum();
                    for (a, x) in image.iter_mut().zip(b) {
                        *a -= along * x;
                    }
                }
            }
            next = image;
        }
        let (value, weights) = tridiagonal_top(&diagonal, &beside, by_modulus);
        let mut vector = vec![0.0; n];
        for (w, b) in weights.iter().zip(&basis) {
            for (v, x) in vector.iter_mut().zip(b) {
                *v += w * x;
            }
        }
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        for v in &mut vector {
            *v /= length;
        }
        (value, vector)
    }
}

/// The wanted eigenvalue of a symmetric tridiagonal matrix by bisection, and its vector by inverse
/// iteration.
fn tridiagonal_top(diagonal: &[f64], beside: &[f64], by_modulus: bool) -> (f64, Vec<f64>) {
    let n = diagonal.len();
    let reach =
        diagonal.iter().map(|x| x.abs()).sum::<f64>() + 2.0 * beside.iter().sum::<f64>() + 1e-300;
    let above = |x: f64| {
        let (mut count, mut pivot) = (0, 1.0_f64);
        for i in 0..n {
            let coupling = if i == 0 { 0.0 } else { beside[i - 1] * beside[i - 1] };
            pivot = diagonal[i] - x - if i == 0 { 0.0 } else { coupling / pivot };
            if pivot.abs() < 1e-300 {
                pivot = 1e-300;
            }
            count += usize::from(pivot > 0.0);
        }
        count
    };
    let extreme = |rank: usize| {
        let (mut low, mut high) = (-reach, reach);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if above(middle) > rank { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    };
    let (top, bottom) = (extreme(0), extreme(n.saturating_sub(1)));
    let value = if by_modulus && -bottom > top { bottom } else { top };
    // Inverse iteration with a shift a hair off the eigenvalue.
    let shift = value + 1e-12 * reach;
    let mut vector = vec![1.0; n];
    for _ in 0..4 {
        let mut pivots = Vec::with_capacity(n);
        for i in 0..n {
            let pivot = diagonal[i]
                - shift
                - if i == 0 { 0.0 } else { beside[i - 1] * beside[i - 1] / pivots[i - 1] };
            pivots.push(if pivot.abs() < 1e-300 { 1e-300 } else { pivot });
        }
        for i in 1..n {
            vector[i] -= beside[i - 1] / pivots[i - 1] * vector[i - 1];
        }
        for i in (0..n).rev() {
            let after = if i + 1 < n { beside[i] * vector[i + 1] } else { 0.0 };
            vector[i] = (vector[i] - after) / pivots[i];
        }
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        for v in &mut vector {
            *v /= length;
        }
    }
    (value, vector)
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;

    fn index(&self, (i, j): (usize, usize)) -> &f64 {
        &self.entries[i * self.columns + j]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut f64 {
        &mut self.entries[i * self.columns + j]
    }
}
