//! Quadratic networks in closed form (11.7.7), the equations of \[Arnaboldi2023\].
//!
//! Labels `y = (1/k) sum_r (w*_r.x)^2 + noise`, students `f = (1/p) sum_j (w_j.x)^2`, square loss.
//! The order parameters are `M = W W*^T` (`p x k`), `Q = W W^T` (`p x p`) and the teacher's Gram
//! matrix `P` (`k x k`). Times are in units where `dM/dt = Psi`; `gamma` is the ratio of step sizes
//! that multiplies the noise.

use crate::error::MechanismError;
use crate::matrix::Matrix;
use crate::numerics::integrate;

/// Accuracy asked of the flow.
const TOLERANCE: f64 = 1e-13;

/// The problem: sizes, step-size ratio and label noise.
#[derive(Clone, Debug)]
pub struct QuadraticNetwork {
    /// The teacher's Gram matrix `P`, `k x k`.
    pub teacher: Matrix,
    /// `gamma`.
    pub gamma: f64,
    /// Variance `Delta` of the label's noise.
    pub noise: f64,
    /// Whether the rows of the student are kept at their length.
    pub sphere: bool,
}

/// Where a network stands: `M` and `Q`.
#[derive(Clone, Debug)]
pub struct QuadraticState {
    /// `M`, `p x k`.
    pub overlaps: Matrix,
    /// `Q`, `p x p`.
    pub gram: Matrix,
}

impl QuadraticNetwork {
    /// `dM/dt` and `dQ/dt`.
    pub fn velocity(&self, state: &QuadraticState) -> QuadraticState {
        let (m, q, p_star) = (&state.overlaps, &state.gram, &self.teacher);
        let (p, k) = (m.rows() as f64, m.columns() as f64);
        let (tr_p, tr_q) = (p_star.trace(), q.trace());
        let (mm, qq, pp) = (m.times(&m.transposed()), q.times(q), p_star.times(p_star));
        let (tr_pp, tr_mm, tr_qq) = (pp.trace(), mm.trace(), qq.trace());
        let mpm = m.times(p_star).times(&m.transposed());
        let excess = tr_p / k - tr_q / p;
        let mut psi = m.scaled(2.0 * excess);
        psi.add(4.0 / k, &m.times(p_star));
        psi.add(-4.0 / p, &q.times(m));
        // Q2, with the label's noise.
        let mut second = q.scaled(
            (tr_p * tr_p + 2.0 * tr_pp) / (k * k) - 2.0 * (tr_p * tr_q + 2.0 * tr_mm) / (p * k)
                + (tr_q * tr_q + 2.0 * tr_qq) / (p * p)
                + self.noise,
        );
        second.add(4.0 * tr_p / (k * k) - 4.0 * tr_q / (p * k), &mm);
        second.add(8.0 / (k * k), &mpm);
        second.add(4.0 * tr_q / (p * p) - 4.0 * tr_p / (p * k), &qq);
        second.add(-8.0 / (p * k), &mm.times(q));
        second.add(-8.0 / (p * k), &q.times(&mm));
        second.add(8.0 / (p * p), &q.times(&qq));
        let mut phi = q.scaled(4.0 * excess);
        phi.add(8.0 / k, &mm);
        phi.add(-8.0 / p, &qq);
        phi.add(4.0 * self.gamma, &second);
        if self.sphere {
            let pull: Vec<f64> = (0..phi.rows()).map(|j| phi[(j, j)]).collect();
            for j in 0..psi.columns() {
                for i in 0..psi.rows() {
                    psi[(i, j)] -= 0.5 * pull[i] * m[(i, j)] / q[(i, i)];
                }
            }
            for j in 0..phi.columns() {
                for i in 0..phi.rows() {
                    phi[(i, j)] -= 0.5 * q[(i, j)] * (pull[i] / q[(i, i)] + pull[j] / q[(j, j)]);
                }
            }
        }
        QuadraticState { overlaps: psi, gram: phi }
    }

    /// `(1/2) [((tr P)^2 + 2 tr PP)/k^2 + ((tr Q)^2 + 2 tr QQ)/p^2 - 2 (tr P tr Q + 2 tr M M^T)/(p
    /// k)]`.
    pub fn risk(&self, state: &QuadraticState) -> f64 {
        let (m, q, p_star) = (&state.overlaps, &state.gram, &self.teacher);
        let (p, k) = (m.rows() as f64, m.columns() as f64);
        let (tr_p, tr_q) = (p_star.trace(), q.trace());
        let (tr_pp, tr_qq) = (p_star.times(p_star).trace(), q.times(q).trace());
        let tr_mm = m.times(&m.transposed()).trace();
        0.5 * ((tr_p * tr_p + 2.0 * tr_pp) / (k * k) + (tr_q * tr_q + 2.0 * tr_qq) / (p * p)
            - 2.0 * (tr_p * tr_q + 2.0 * tr_mm) / (p * k))
    }

    /// The states at the ascending times `times`.
    ///
    /// # Errors
    /// [`MechanismError::Flow`] where the free flow diverges, which it does for larger `gamma`.
    pub fn trajectory(
        &self,
        start: &QuadraticState,
        times: &[f64],
    ) -> Result<Vec<QuadraticState>, MechanismError> {
        let (p, k) = (start.overlaps.rows(), start.overlaps.columns());
        let read = |y: &[f64]| QuadraticState {
            overlaps: Matrix::from_fn(p, k, |i, j| y[i * k + j]),
            gram: Matrix::from_fn(p, p, |i, j| y[p * k + i * p + j]),
        };
        let write = |state: &QuadraticState, y: &mut [f64]| {
            for i in 0..p {
                for j in 0..k {
                    y[i * k + j] = state.overlaps[(i, j)];
                }
                for j in 0..p {
                    y[p * k + i * p + j] = state.gram[(i, j)];
                }
            }
        };
        let mut y = vec![0.0; p * (k + p)];
        write(start, &mut y);
        let mut now = 0.0;
        let mut path = Vec::with_capacity(times.len());
        for time in times {
            integrate(|_, y, v| write(&self.velocity(&read(y)), v), &mut y, now, *time, TOLERANCE)?;
            now = *time;
            path.push(read(&y));
        }
        Ok(path)
    }

    /// One step of Euler's method of length `step`, which the published run used.
    pub fn euler(&self, state: &QuadraticState, step: f64) -> QuadraticState {
        let velocity = self.velocity(state);
        let mut next = state.clone();
        next.overlaps.add(step, &velocity.overlaps);
        next.gram.add(step, &velocity.gram);
        next
    }
}
