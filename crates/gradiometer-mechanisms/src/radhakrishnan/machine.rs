//! Recursive feature machines: kernel ridge regression whose metric is the AGOP of its last
//! solution (statement 11.10.7).

use crate::error::MechanismError;
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use rayon::prelude::*;

/// Closer than this, two points give each other no gradient: the kernel has a cusp there.
const CUSP: f64 = 1e-10;

/// The Laplace kernel `exp(-|x - z|_M/b)` and the ridge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kernel {
    /// `b`.
    pub bandwidth: f64,
    /// Added to the kernel matrix's diagonal, whatever the number of samples.
    pub ridge: f64,
}

/// One round of a recursive feature machine: the metric it was given and the solution.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMachine {
    kernel: Kernel,
    dimension: usize,
    /// `X`, `n x d` row-major.
    inputs: Vec<f64>,
    metric: Mat<f64>,
    alpha: Vec<f64>,
}

impl Kernel {
    /// Solves `(K + ridge I) alpha = y`, `K_ij = exp(-|x_i - x_j|_M/b)`, `|z|_M = sqrt(z^T M z)`,
    /// for inputs `n x d` row-major.
    ///
    /// Distances are summed from differences, so that close points keep their digits. Work `n^2 d +
    /// n^3/3`, memory `2 n^2`.
    ///
    /// # Errors
    /// [`MechanismError::Shape`] if shapes do not fit; [`MechanismError::OutOfRange`] for a
    /// bandwidth that is not positive; [`MechanismError::Factorisation`] if the matrix is not
    /// positive definite.
    pub fn fit(
        self,
        inputs: &[f64],
        labels: &[f64],
        metric: &Mat<f64>,
    ) -> Result<FeatureMachine, MechanismError> {
        let (n, d) = (labels.len(), metric.nrows());
        if inputs.len() != n * d || metric.ncols() != d {
            let (expected, found) = (n * d, inputs.len());
            return Err(MechanismError::Shape { what: "inputs", expected, found });
        }
        if !(self.bandwidth > 0.0) {
            let (what, allowed) = ("bandwidth", "positive");
            return Err(MechanismError::OutOfRange { what, value: self.bandwidth, allowed });
        }
        let turned = transformed(inputs, metric);
        let rows: Vec<Vec<f64>> = (0..n)
            .into_par_iter()
            .map(|i| {
                let here = (&inputs[i * d..(i + 1) * d], &turned[i * d..(i + 1) * d]);
                let there = inputs.chunks_exact(d).zip(turned.chunks_exact(d)).take(i + 1);
                there.map(|z| (-distance(here, z) / self.bandwidth).exp()).collect()
            })
            .collect();
        let matrix = Mat::from_fn(n, n, |i, j| {
            let value = if j <= i { rows[i][j] } else { rows[j][i] };
            if i == j { value + self.ridge } else { value }
        });
        drop(rows);
        let failed = |_| MechanismError::Factorisation { what: "kernel matrix" };
        let factor = matrix.llt(Side::Lower).map_err(failed)?;
        let solved = factor.solve(&faer::Col::from_fn(n, |i| labels[i]));
        let alpha: Vec<f64> = (0..n).map(|i| solved[i]).collect();
        Ok(FeatureMachine {
            kernel: self,
            dimension: d,
            inputs: inputs.to_vec(),
            metric: metric.clone(),
            alpha,
        })
    }

    /// Rounds `0..=updates`: the metric starts as the identity and is then the AGOP of the last
    /// solution, as it is.
    ///
    /// # Errors
    /// As for [`Kernel::fit`].
    pub fn recursive(
        self,
        inputs: &[f64],
        labels: &[f64],
        dimension: usize,
        updates: usize,
    ) -> Result<Vec<FeatureMachine>, MechanismError> {
        let mut rounds = vec![self.fit(inputs, labels, &Mat::identity(dimension, dimension))?];
        for round in 0..updates {
            let metric = rounds[round].agop();
            rounds.push(self.fit(inputs, labels, &metric)?);
        }
        Ok(rounds)
    }
}

impl FeatureMachine {
    /// The metric `M_t` of this round, `d x d`.
    pub const fn metric(&self) -> &Mat<f64> {
        &self.metric
    }

    /// The dual coefficients, length `n`.
    pub fn alpha(&self) -> &[f64] {
        &self.alpha
    }

    /// `f(z) = sum_i alpha_i k(z, x_i)` at points given row-major.
    pub fn predict(&self, points: &[f64]) -> Vec<f64> {
        let d = self.dimension;
        let (turned, ours) =
            (transformed(points, &self.metric), transformed(&self.inputs, &self.metric));
        let points: Vec<_> = points.chunks_exact(d).zip(turned.chunks_exact(d)).collect();
        points
            .into_par_iter()
            .map(|z| {
                let kernels = self
                    .inputs
                    .chunks_exact(d)
                    .zip(ours.chunks_exact(d))
                    .map(|x| (-distance(z, x) / self.kernel.bandwidth).exp());
                kernels.zip(&self.alpha).map(|(k, a)| k * a).sum()
            })
            .collect()
    }

    /// Gradients of the solution at its own inputs, `n x d` row-major: `g_j = -(1/b) sum_{i != j}
    /// alpha_i K_ij M (x_j - x_i)/|x_j - x_i|_M`. A point's own cusp counts 0.
    pub fn gradients(&self) -> Vec<f64> {
        let (n, d) = (self.alpha.len(), self.dimension);
        let turned = transformed(&self.inputs, &self.metric);
        let row = |values: &[f64], i: usize| values[i * d..(i + 1) * d].to_vec();
        let rows: Vec<Vec<f64>> = (0..n)
            .into_par_iter()
            .map(|j| {
                let (x, y) = (row(&self.inputs, j), row(&turned, j));
                let mut gradient = vec![0.0; d];
                for i in 0..n {
                    let there = (&self.inputs[i * d..(i + 1) * d], &turned[i * d..(i + 1) * d]);
                    let r = distance((&x, &y), there);
                    if i != j && !(r < CUSP) {
                        let b = self.kernel.bandwidth;
                        let weight = -self.alpha[i] * (-r / b).exp() / (b * r);
                        for (g, (y, z)) in gradient.iter_mut().zip(y.iter().zip(there.1)) {
                            *g += weight * (y - z);
                        }
                    }
                }
                gradient
            })
            .collect();
        rows.concat()
    }

    /// `(1/n) sum_j g_j g_j^T`, the next round's metric: neither normalised nor centred.
    pub fn agop(&self) -> Mat<f64> {
        let (n, d) = (self.alpha.len(), self.dimension);
        let gradients = self.gradients();
        let g = faer::MatRef::from_row_major_slice(&gradients, n, d);
        let sum = g.transpose() * g;
        Mat::from_fn(d, d, |i, j| sum[(i, j)] / n as f64)
    }
}

/// `X M`, row-major, for a symmetric `M`.
fn transformed(inputs: &[f64], metric: &Mat<f64>) -> Vec<f64> {
    let d = metric.nrows();
    let rows = inputs.chunks_exact(d);
    rows.flat_map(|x| {
        (0..d).map(move |j| x.iter().enumerate().map(|(i, x)| x * metric[(i, j)]).sum())
    })
    .collect()
}

/// `|x - z|_M` of points given with their products with `M`.
#[inline]
fn distance((x, mx): (&[f64], &[f64]), (z, mz): (&[f64], &[f64])) -> f64 {
    let mut square = 0.0;
    for ((x, z), (mx, mz)) in x.iter().zip(z).zip(mx.iter().zip(mz)) {
        square += (x - z) * (mx - mz);
    }
    if square < 0.0 { 0.0 } else { square.sqrt() }
}
