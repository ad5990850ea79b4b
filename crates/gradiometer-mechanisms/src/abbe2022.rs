//! Merged staircases and their flow without a dimension \[Abbe2022\] (11.6.6, 11.6.7).
//!
//! One neuron with free weights, correlation loss, target `f(z)` of `P` coordinates that are
//! uniform signs or standard normals. Every other coordinate of the weight acts through their
//! length `s` alone: `u' = E[f(z) sigma'(u.z + s G) z]`,
//! `(s^2)' = 2 s E[f sigma'(u.z + s G) G] + delta E[f^2 sigma'^2]`, `G ~ N(0, 1)`. Time is
//! `delta tau`, and the last term is what finite steps add.

use gradiometer_hermite::quadrature::GaussHermite;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::error::MechanismError;
use crate::numerics::{count, integrate};

/// The law of the target's coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// Uniform signs.
    Cube,
    /// Standard normals.
    Gaussian,
}

/// Points of the rule in `G`.
const POINTS: usize = 60;
/// Points of the rule in each Gaussian coordinate of the target.
const COORDINATE_POINTS: usize = 16;

/// The flow of `(u, s^2)`.
#[derive(Clone, Debug)]
pub struct StaircaseFlow<S> {
    slope: S,
    /// Points `z`, their weights and `f(z)`.
    points: Vec<(Vec<f64>, f64, f64)>,
    rule: Vec<(f64, f64)>,
    delta: f64,
}

impl<S: Fn(f64) -> f64> StaircaseFlow<S> {
    /// The flow for `sigma' = slope`, a target of `directions` coordinates, and the finite-step
    /// term `delta` (zero for none).
    ///
    /// # Errors
    /// [`MechanismError::Hermite`] if a rule could not be built.
    pub fn new(
        slope: S,
        target: impl Fn(&[f64]) -> f64,
        directions: usize,
        inputs: Inputs,
        delta: f64,
    ) -> Result<Self, MechanismError> {
        let one: Vec<(f64, f64)> = match inputs {
            Inputs::Cube => vec![(-1.0, 0.5), (1.0, 0.5)],
            Inputs::Gaussian => {
                let rule = GaussHermite::new(COORDINATE_POINTS)?;
                rule.nodes().iter().copied().zip(rule.weights()).collect()
            }
        };
        let mut points = vec![(Vec::new(), 1.0)];
        for _ in 0..directions {
            points = points
                .iter()
                .flat_map(|(z, weight)| {
                    one.iter().map(move |(x, w)| {
                        let mut longer = z.clone();
                        longer.push(*x);
                        (longer, weight * w)
                    })
                })
                .collect();
        }
        let points = points
            .into_iter()
            .map(|(z, weight)| {
                let value = target(&z);
                (z, weight, value)
            })
            .collect();
        let rule = GaussHermite::new(POINTS)?;
        let rule = rule.nodes().iter().copied().zip(rule.weights()).collect();
        Ok(Self { slope, points, rule, delta })
    }

    /// The velocity of `(u_1, ..., u_P, s^2)`.
    pub fn velocity(&self, state: &[f64], velocity: &mut [f64]) {
        velocity.fill(0.0);
        let (square, u) = state.split_last().map_or((0.0, state), |(s, u)| (*s, u));
        let s = square.sqrt();
        for (z, weight, value) in &self.points {
            let centre: f64 = u.iter().zip(z).map(|(u, z)| u * z).sum();
            let (mut mean, mut along, mut squared) = (0.0, 0.0, 0.0);
            for (g, w) in &self.rule {
                let slope = (self.slope)(centre + s * g);
                mean += w * slope;
                along += w * slope * g;
                squared += w * slope * slope;
            }
            for (v, z) in velocity.iter_mut().zip(z) {
                *v += weight * value * mean * z;
            }
            if let Some(v) = velocity.last_mut() {
                *v += weight * value * (2.0 * s * along + self.delta * value * squared);
            }
        }
    }

    /// `(u, s^2)` at the ascending times, from `u = 0`, `s = 1`.
    ///
    /// # Errors
    /// [`MechanismError::Flow`] if the flow could not be followed.
    pub fn trajectory(
        &self,
        directions: usize,
        times: &[f64],
    ) -> Result<Vec<Vec<f64>>, MechanismError> {
        let mut state = vec![0.0; directions];
        state.push(1.0);
        let mut now = 0.0;
        let mut path = Vec::with_capacity(times.len());
        for time in times {
            integrate(|_, y, v| self.velocity(y, v), &mut state, now, *time, 1e-13)?;
            now = *time;
            path.push(state.clone());
        }
        Ok(path)
    }
}

/// `mu_k = E[sigma(G) He_k(G)]` for `k = 0, ..., highest`, by a rule of 120 points: to rounding for
/// analytic activations.
///
/// # Errors
/// [`MechanismError::Hermite`] if the rule could not be built.
pub fn hermite_means(
    activation: impl Fn(f64) -> f64,
    highest: usize,
) -> Result<Vec<f64>, MechanismError> {
    let rule = GaussHermite::new(120)?;
    let mut factorial = 1.0;
    let mut means = Vec::with_capacity(highest + 1);
    for k in 0..=highest {
        if k > 0 {
            factorial *= k as f64;
        }
        let scale = f64::sqrt(factorial);
        means.push(
            rule.expect(|g| activation(g) * gradiometer_hermite::polynomial::hermite(k, g)) * scale,
        );
    }
    Ok(means)
}

/// The leading constants of the staircase `c_1 z1 + c_2 z1 z2 + ... + c_P z1...zP`:
/// `u_i(t) = K_i t^{2^{i-1}} (1 + O(t))`.
///
/// `K_1 = c_1 mu_1`, `K_i = 2^{1-i} c_i mu_i K_1 ... K_{i-1}` (11.6.6).
pub fn staircase_constants(coefficients: &[f64], means: &[f64]) -> Vec<f64> {
    let mut constants = Vec::with_capacity(coefficients.len());
    let (mut product, mut halves) = (1.0, 1.0);
    for (i, c) in coefficients.iter().enumerate() {
        let k = halves * c * means.get(i + 1).copied().unwrap_or(0.0) * product;
        constants.push(k);
        product *= k;
        halves *= 0.5;
    }
    constants
}

/// `(u, s^2)` of online gradient descent in `dimension` coordinates at the ascending times (11.6.7):
/// `w += (delta/d) f(z) sigma'(w.x) x` on fresh uniform signs `x`, correlation loss.
///
/// It starts from `u = 0` and entries `+-(d - P)^{-1/2}` elsewhere, so that `s = 1`. Time is `delta`
/// times steps over `d`, rounded to whole steps.
pub fn descent_on_the_cube(
    slope: impl Fn(f64) -> f64,
    target: impl Fn(&[f64]) -> f64,
    (directions, dimension): (usize, usize),
    delta: f64,
    times: &[f64],
    rng: &mut ChaCha8Rng,
) -> Vec<Vec<f64>> {
    let mut x = vec![0.0; dimension];
    signs(&mut x, rng);
    let size = ((dimension - directions) as f64).sqrt().recip();
    let mut w: Vec<f64> = x.iter().map(|sign| sign * size).collect();
    w[..directions].fill(0.0);
    let mut path = Vec::with_capacity(times.len());
    let mut done = 0;
    for time in times {
        let steps = count(time * dimension as f64 / delta);
        for _ in done..steps {
            signs(&mut x, rng);
            let a: f64 = w.iter().zip(&x).map(|(w, x)| w * x).sum();
            let f = delta / dimension as f64 * target(&x[..directions]) * slope(a);
            for (w, x) in w.iter_mut().zip(&x) {
                *w += f * x;
            }
        }
        done = steps;
        let mut state = w[..directions].to_vec();
        state.push(w[directions..].iter().map(|w| w * w).sum());
        path.push(state);
    }
    path
}

/// Uniform signs, 64 a random word.
fn signs(x: &mut [f64], rng: &mut ChaCha8Rng) {
    for part in x.chunks_mut(64) {
        let mut bits: u64 = rng.random();
        for entry in part {
            *entry = if bits & 1 == 1 { 1.0 } else { -1.0 };
            bits >>= 1;
        }
    }
}
