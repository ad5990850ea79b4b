//! Approximate message passing for the committee, iteration by iteration beside state evolution.

use super::{Committee, NEGLIGIBLE};
use crate::error::MechanismError;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// An instance to draw and how AMP runs on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amp {
    /// `d`.
    pub dimension: usize,
    /// `alpha = n/d`.
    pub alpha: f64,
    /// The start's overlap: `W_hat = q_0 W* + sqrt(q_0 - q_0^2) N`; zero is no start at all.
    pub start: f64,
    /// Whether the Onsager term is kept, as it must be.
    pub onsager: bool,
}

/// Estimates after an iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AmpState {
    /// `W_hat^T W*/d`, `2 x 2` row-major.
    pub overlap: [f64; 4],
    /// `W_hat^T W_hat/d`, equal to it in the limit.
    pub self_overlap: [f64; 4],
}

impl AmpState {
    /// `q_d`, the mean of the diagonal.
    pub const fn diagonal(&self) -> f64 {
        0.5 * (self.overlap[0] + self.overlap[3])
    }

    /// `q_a`, the mean beside it.
    pub const fn off_diagonal(&self) -> f64 {
        0.5 * (self.overlap[1] + self.overlap[2])
    }
}

impl Amp {
    /// Draws weights with orthogonal columns of squared length `d`, inputs and labels, and runs AMP
    /// with Gaussian weights.
    ///
    /// ```text
    /// Omega = X W_hat - g C;  g_mu = grad log Z_{y_mu}(Omega_mu, C);  A = g^T g/d
    /// W_hat <- (X^T g + W_hat A)(I + A)^{-1};  C <- (I + A)^{-1}
    /// ```
    ///
    /// # Errors
    /// [`MechanismError::OutOfRange`] for fewer than three dimensions, no sample or a start outside
    /// `[0, 1)`.
    pub fn run(
        &self,
        committee: &Committee,
        iterations: usize,
        rng: &mut impl Rng,
    ) -> Result<Vec<AmpState>, MechanismError> {
        let d = self.dimension;
        let size = self.alpha * d as f64;
        if d < 3 || !(1.0..1e9).contains(&size) {
            let (what, allowed) = ("number of samples", "at least 1, in 3 dimensions");
            return Err(MechanismError::OutOfRange { what, value: size, allowed });
        }
        if !(0.0..1.0).contains(&self.start) {
            let (what, allowed) = ("overlap of the start", "in [0, 1)");
            return Err(MechanismError::OutOfRange { what, value: self.start, allowed });
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be a number of samples"
        )]
        let n = size.round() as usize;
        let mut normal =
            |count: usize| -> Vec<f64> { (0..count).map(|_| StandardNormal.sample(rng)).collect() };
        let weights = orthogonal(&normal(d), &normal(d));
        let scale = 1.0 / (d as f64).sqrt();
        let inputs: Vec<f64> = normal(n * d).into_iter().map(|x| x * scale).collect();
        let labels: Vec<usize> = inputs
            .chunks_exact(d)
            .map(|x| match forward(x, &weights).map(|z| z > 0.0) {
                [true, true] => 2,
                [false, false] => 0,
                _ => 1,
            })
            .collect();
        let spread = (self.start - self.start * self.start).sqrt();
        let mut estimate: Vec<[f64; 2]> =
            weights.iter().map(|w| w.map(|w| self.start * w)).collect();
        if spread > 0.0 {
            for (w, z) in estimate.iter_mut().zip(normal(2 * d).chunks_exact(2)) {
                *w = [w[0] + spread * z[0], w[1] + spread * z[1]];
            }
        }
        let mut covariance = [1.0 - self.start, 0.0, 0.0, 1.0 - self.start];
        let mut scores = vec![[0.0; 2]; n];
        let mut states = Vec::with_capacity(iterations);
        for _ in 0..iterations {
            for ((x, score), y) in inputs.chunks_exact(d).zip(&mut scores).zip(&labels) {
                let mut omega = forward(x, &estimate);
                if self.onsager {
                    let past = times(*score, covariance);
                    omega = [omega[0] - past[0], omega[1] - past[1]];
                }
                let outputs = committee.outputs(omega, covariance);
                let z = outputs.probabilities[*y];
                let z = if z > NEGLIGIBLE { z } else { NEGLIGIBLE };
                *score = outputs.gradients[*y].map(|g| g / z);
            }
            let information = gram(&scores, &scores, d);
            let [a, b, c, e] = information;
            let determinant = (1.0 + a) * (1.0 + e) - b * c;
            covariance = [
                (1.0 + e) / determinant,
                -b / determinant,
                -c / determinant,
                (1.0 + a) / determinant,
            ];
            let mut next: Vec<[f64; 2]> = estimate.iter().map(|w| times(*w, information)).collect();
            for (x, g) in inputs.chunks_exact(d).zip(&scores) {
                for (w, x) in next.iter_mut().zip(x) {
                    w[0] += x * g[0];
                    w[1] += x * g[1];
                }
            }
            estimate = next.into_iter().map(|w| times(w, covariance)).collect();
            states.push(AmpState {
                overlap: gram(&estimate, &weights, d),
                self_overlap: gram(&estimate, &estimate, d),
            });
        }
        Ok(states)
    }
}

/// Two columns made orthogonal, of squared length `d` each.
fn orthogonal(first: &[f64], second: &[f64]) -> Vec<[f64; 2]> {
    let d = first.len() as f64;
    let dot = |u: &[f64], v: &[f64]| -> f64 { u.iter().zip(v).map(|(x, y)| x * y).sum() };
    let share = dot(first, second) / dot(first, first);
    let second: Vec<f64> = second.iter().zip(first).map(|(y, x)| y - share * x).collect();
    let scales = [(d / dot(first, first)).sqrt(), (d / dot(&second, &second)).sqrt()];
    first.iter().zip(&second).map(|(x, y)| [scales[0] * x, scales[1] * y]).collect()
}

fn forward(x: &[f64], weights: &[[f64; 2]]) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for (x, w) in x.iter().zip(weights) {
        sums[0] += x * w[0];
        sums[1] += x * w[1];
    }
    sums
}

/// A row times a `2 x 2` matrix.
fn times(row: [f64; 2], matrix: [f64; 4]) -> [f64; 2] {
    let [a, b, c, d] = matrix;
    [row[0] * a + row[1] * c, row[0] * b + row[1] * d]
}

/// `u^T v/d`.
fn gram(u: &[[f64; 2]], v: &[[f64; 2]], d: usize) -> [f64; 4] {
    let mut sums = [0.0; 4];
    for (u, v) in u.iter().zip(v) {
        for (sum, (i, j)) in sums.iter_mut().zip([(0, 0), (0, 1), (1, 0), (1, 1)]) {
            *sum += u[i] * v[j];
        }
    }
    sums.map(|sum| sum / d as f64)
}
