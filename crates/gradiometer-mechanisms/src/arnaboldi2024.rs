//! Repeating a sample \[Arnaboldi2024\] (11.9.1 to 11.9.3, 11.9.6).
//!
//! Each sample is seen twice: the weights move by `rho_0/d` times its gradient, and the step of
//! size `delta/d` is taken with the gradient found there. The effective gradient is not linear in
//! the label, so the target's generative exponent counts. For smooth students the moments are those
//! of [`SingleIndex`](crate::ben_arous2021::SingleIndex) with a look ahead; here are ReLU students,
//! whose kink needs its own integrals.

use gradiometer_hermite::float::maximum;

use crate::ben_arous2021::trajectory;
use crate::error::MechanismError;
use crate::numerics::{count, density, distribution, integral, integrate, root};

/// Where the line is cut: the density is `1e-39` there.
const REACH: f64 = 13.0;
/// Widest panel of a smooth piece: labels are polynomials of some degree, so that what depends on
/// `rho_0 y` changes within a fraction of one.
const PANEL: f64 = 0.25;

/// The pieces of the line between sign changes of a label, on which integrands with
/// `min(0, rho_0 y)` are smooth.
#[derive(Clone, Debug)]
pub struct RepeatedRelu<T> {
    target: T,
    lookahead: f64,
    ends: Vec<f64>,
}

impl<T: Fn(f64) -> f64> RepeatedRelu<T> {
    /// A ReLU student with look ahead `rho_0` and a smooth target. Sign changes are found on a grid
    /// of spacing 0.01.
    pub fn new(target: T, lookahead: f64) -> Self {
        let mut ends = vec![-REACH];
        let grid = 2600;
        let at = |i: i32| -REACH + 0.01 * f64::from(i) + 0.000_37;
        for i in 0..grid {
            let (low, high) = (at(i), at(i + 1));
            if (target(low) > 0.0) != (target(high) > 0.0) {
                ends.push(root(&target, low, high));
            }
        }
        ends.push(REACH);
        Self { target, lookahead, ends }
    }

    /// `E f(z)` for `f` smooth between sign changes of the label.
    fn mean(&self, f: impl Fn(f64) -> f64) -> Result<f64, MechanismError> {
        let mut sum = 0.0;
        for pair in self.ends.windows(2) {
            let panels = count((pair[1] - pair[0]) / PANEL);
            sum += integral(|z| f(z) * density(z), pair[0], pair[1], panels)?;
        }
        Ok(sum)
    }

    /// `B_0` and `B_1` of the correlation loss: `E[z y Phi(min(0, rho_0 y))]` and
    /// `E[(z^2 - 1) y phi(min(0, rho_0 y))]` (11.9.2).
    ///
    /// # Errors
    /// [`MechanismError::Hermite`] if a rule could not be built.
    pub fn start(&self) -> Result<(f64, f64), MechanismError> {
        let least = |y: f64| -maximum(0.0, -self.lookahead * y);
        let constant = self.mean(|z| {
            let y = (self.target)(z);
            z * y * distribution(least(y))
        })?;
        let slope = self.mean(|z| {
            let y = (self.target)(z);
            (z * z - 1.0) * y * density(least(y))
        })?;
        Ok((constant, slope))
    }

    /// `B(m)` and `E G^2` on the sphere, correlation loss: `G = y 1{a > max(0, -rho_0 y)}`, and
    /// given `z` the field `a` is `N(m z, 1 - m^2)`.
    ///
    /// # Errors
    /// [`MechanismError::Hermite`] if a rule could not be built.
    pub fn sphere_moments(&self, m: f64) -> Result<(f64, f64), MechanismError> {
        let square = (1.0 - m) * (1.0 + m);
        let r = square.sqrt();
        let bound = |y: f64, z: f64| (maximum(0.0, -self.lookahead * y) - m * z) / r;
        let drift = self.mean(|z| {
            let y = (self.target)(z);
            let k = bound(y, z);
            y * (square * z * distribution(-k) - m * r * density(k))
        })?;
        let noise = self.mean(|z| {
            let y = (self.target)(z);
            y * y * distribution(-bound(y, z))
        })?;
        Ok((drift, noise))
    }

    /// The overlap at the ascending times `tau`, correlation loss on the sphere, from `m = 0`.
    ///
    /// # Errors
    /// [`MechanismError::Flow`] if the flow could not be followed.
    pub fn sphere_trajectory(&self, delta: f64, tau: &[f64]) -> Result<Vec<f64>, MechanismError> {
        let velocity = |m: f64| {
            let (drift, noise) = self.sphere_moments(m).unwrap_or((f64::NAN, f64::NAN));
            delta * drift - 0.5 * delta * delta * noise * m
        };
        trajectory(velocity, 0.0, tau)
    }

    /// `M = w.u` and `Q = |w|^2` at the ascending times, square loss, free weights, from `M = 0`,
    /// `Q = 1` (11.9.6).
    ///
    /// `G = (1 - rho_0)(y - a) 1{a > max(0, -rho_0 y/(1 - rho_0))}`; `dM = delta E[G z]`,
    /// `dQ = 2 delta E[G a] + delta^2 E[G^2]`, both for a unit of `tau`.
    ///
    /// # Errors
    /// [`MechanismError::Flow`] if the flow could not be followed.
    pub fn free_square_trajectory(
        &self,
        delta: f64,
        tau: &[f64],
    ) -> Result<Vec<[f64; 2]>, MechanismError> {
        let kept = 1.0 - self.lookahead;
        let velocity = |state: &[f64], slope: &mut [f64]| {
            let (m, q) = (state[0], state[1]);
            let own = (q - m * m).sqrt();
            // Given z, a = m z + own c: moments of a over a > t.
            let over = |z: f64| {
                let y = (self.target)(z);
                let t = maximum(0.0, -self.lookahead * y / kept);
                let (centre, k) = (m * z, (t - m * z) / own);
                let (mass, edge) = (distribution(-k), density(k));
                let first = centre * mass + own * edge;
                let second = centre * centre * mass
                    + 2.0 * centre * own * edge
                    + own * own * (mass + k * edge);
                (y, mass, first, second)
            };
            let along = self.mean(|z| {
                let (y, mass, first, _) = over(z);
                kept * (y * mass - first) * z
            });
            let radial = self.mean(|z| {
                let (y, _, first, second) = over(z);
                kept * (y * first - second)
            });
            let noise = self.mean(|z| {
                let (y, mass, first, second) = over(z);
                kept * kept * (y * y * mass - 2.0 * y * first + second)
            });
            let value = |x: Result<f64, MechanismError>| x.unwrap_or(f64::NAN);
            slope[0] = delta * value(along);
            slope[1] = 2.0 * delta * value(radial) + delta * delta * value(noise);
        };
        let mut state = [0.0, 1.0];
        let mut now = 0.0;
        let mut path = Vec::with_capacity(tau.len());
        for time in tau {
            integrate(|_, y, v| velocity(y, v), &mut state, now, *time, 1e-9)?;
            now = *time;
            path.push(state);
        }
        Ok(path)
    }
}

/// The square-loss ReLU neuron's `G` at a label and a field, without a look ahead:
/// `(y - relu(a)) 1{a > 0}`.
pub fn relu_square_force(label: f64, a: f64) -> f64 {
    if a > 0.0 { label - a } else { 0.0 }
}
