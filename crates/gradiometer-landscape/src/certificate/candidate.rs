//! A dual certificate in plain floating point: quick to build and to evaluate, proving nothing.

use faer::Mat;
use faer::linalg::solvers::Solve;
use gradiometer_certify::DegreeWeights;
use gradiometer_hermite::Angle;
use gradiometer_hermite::relu::{Derivatives, sphere_kernel, squared_coefficient};
use gradiometer_instances::FeatureSubspace;
use gradiometer_model::SeparatedTeacher;
use gradiometer_model::geometry::dot;

use crate::error::LandscapeError;

/// A teacher's directions in coordinates of their span.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// `u_i` in an orthonormal basis of `S*`, `m* x n` row-major; the last of `n = r + 1` coordinates is zero if `d > r`.
    pub(crate) directions: Vec<f64>,
    /// `sign(alpha_i)`.
    pub(crate) signs: Vec<f64>,
    /// `n`: the unit sphere of `R^n` is all that `eta` can tell apart.
    pub(crate) size: usize,
    /// `r`.
    pub(crate) rank: usize,
    /// `Delta`, a right angle for one neuron.
    pub(crate) separation: f64,
}

impl Stage {
    pub(crate) fn new(teacher: &SeparatedTeacher) -> Result<Self, LandscapeError> {
        let subspace = FeatureSubspace::of(teacher)?;
        let rank = subspace.rank();
        let size = if rank < teacher.dimension() { rank + 1 } else { rank };
        let mut directions = Vec::with_capacity(teacher.neurons() * size);
        for i in 0..teacher.neurons() {
            let mut u = subspace.coordinates(teacher.direction(i));
            let length = dot(&u, &u).sqrt();
            for x in &mut u {
                *x /= length;
            }
            u.resize(size, 0.0);
            directions.extend(u);
        }
        let signs = teacher.amplitudes().iter().map(|a| a.signum()).collect();
        let separation = teacher.separation().map_or(std::f64::consts::FRAC_PI_2, |s| s.angle);
        Ok(Self { directions, signs, size, rank, separation })
    }

    pub(crate) const fn neurons(&self) -> usize {
        self.signs.len()
    }

    pub(crate) fn direction(&self, i: usize) -> &[f64] {
        &self.directions[i * self.size..(i + 1) * self.size]
    }
}

/// The kernel `sum_k omega_k s_k^2 t^k` in floating point.
#[derive(Clone, Debug)]
struct Kernel {
    tail: f64,
    low: Vec<f64>,
}

impl Kernel {
    /// With weights raised to `power`: 1 for `eta`, 2 for `|p|^2`.
    fn new(weights: &DegreeWeights, power: i32) -> Self {
        let tail = weights.tail().powi(power);
        let low = weights
            .low()
            .iter()
            .enumerate()
            .map(|(i, w)| (w.powi(power) - tail) * squared_coefficient(2 * i + 2))
            .collect();
        Self { tail, low }
    }

    fn at(&self, t: f64) -> Derivatives {
        let whole = sphere_kernel(Angle::from_cosine(t));
        let square = t * t;
        let (mut p, mut p_1, mut p_2) = (0.0, 0.0, 0.0);
        for (i, c) in self.low.iter().enumerate().rev() {
            let k = (2 * i + 2) as f64;
            p = p * square + c;
            p_1 = p_1 * square + k * c;
            p_2 = p_2 * square + k * (k - 1.0) * c;
        }
        Derivatives {
            value: self.tail * whole.value + square * p,
            first: self.tail * whole.first + t * p_1,
            second: self.tail * whole.second + p_2,
        }
    }

    /// Value and first derivative only.
    fn slope(&self, t: f64) -> (f64, f64) {
        let whole = sphere_kernel(Angle::from_cosine(t));
        let square = t * t;
        let (mut p, mut p_1) = (0.0, 0.0);
        for (i, c) in self.low.iter().enumerate().rev() {
            p = p * square + c;
            p_1 = p_1 * square + (2 * i + 2) as f64 * c;
        }
        (self.tail * whole.value + square * p, self.tail * whole.first + t * p_1)
    }
}

/// `eta` of a kernel and interpolation conditions, with `|p|`.
#[derive(Clone, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) stage: &'a Stage,
    kernel: Kernel,
    values: Vec<f64>,
    /// `B_i`, `m* x n` row-major.
    slopes: Vec<f64>,
    pub(crate) norm: f64,
}

impl<'a> Candidate<'a> {
    /// The interpolant with the teacher's signs as values and zero gradients; `None` if the system is singular.
    pub(crate) fn certificate(stage: &'a Stage, weights: &DegreeWeights) -> Option<Self> {
        let gradients = vec![0.0; stage.directions.len()];
        Self::solve(stage, weights, &stage.signs, &gradients)
    }

    /// The test function of theory 7.6: value `e.u_i` and tangent gradient `P_i e` at `u_i`, zeros elsewhere.
    pub(crate) fn test_function(
        stage: &'a Stage,
        weights: &DegreeWeights,
        neuron: usize,
        e: &[f64],
    ) -> Option<Self> {
        let n = stage.size;
        let mut values = vec![0.0; stage.neurons()];
        let mut gradients = vec![0.0; stage.directions.len()];
        values[neuron] = dot(stage.direction(neuron), e);
        gradients[neuron * n..(neuron + 1) * n].copy_from_slice(e);
        Self::solve(stage, weights, &values, &gradients)
    }

    /// Solves for `A`, `B` and multipliers of `u_i` in the gradients: `m (n + 2)` equations.
    fn solve(
        stage: &'a Stage,
        weights: &DegreeWeights,
        values: &[f64],
        gradients: &[f64],
    ) -> Option<Self> {
        let (m, n) = (stage.neurons(), stage.size);
        let kernel = Kernel::new(weights, 1);
        let (slope, multiplier) = (|k: usize, x: usize| m + k * n + x, |i: usize| m + m * n + i);
        let order = m * (n + 2);
        let mut matrix: Mat<f64> = Mat::zeros(order, order);
        let mut right: Mat<f64> = Mat::zeros(order, 1);
        for i in 0..m {
            let u = stage.direction(i);
            right[(i, 0)] = values[i];
            for x in 0..n {
                right[(slope(i, x), 0)] = gradients[i * n + x];
                matrix[(slope(i, x), multiplier(i))] = -u[x];
                matrix[(multiplier(i), slope(i, x))] = u[x];
            }
            for k in 0..m {
                let v = stage.direction(k);
                let at = kernel.at(if i == k { 1.0 } else { dot(u, v) });
                matrix[(i, k)] = at.value;
                for x in 0..n {
                    matrix[(slope(i, x), k)] = at.first * v[x];
                    matrix[(slope(i, x), slope(k, x))] += at.first;
                    if i != k {
                        matrix[(i, slope(k, x))] = at.first * u[x];
                        for y in 0..n {
                            matrix[(slope(i, x), slope(k, y))] += at.second * v[x] * u[y];
                        }
                    }
                }
            }
        }
        let solution = matrix.partial_piv_lu().solve(&right);
        let values: Vec<f64> = (0..m).map(|k| solution[(k, 0)]).collect();
        let slopes: Vec<f64> = (0..m * n).map(|x| solution[(m + x, 0)]).collect();
        let norm = norm(stage, &Kernel::new(weights, 2), &values, &slopes);
        let finite = norm.is_finite() && values.iter().chain(&slopes).all(|x| x.is_finite());
        finite.then_some(Self { stage, kernel, values, slopes, norm })
    }

    /// `eta(w)`, and the nearest direction with the cosine to it, for unit `w`.
    pub(crate) fn at(&self, w: &[f64]) -> (f64, usize, f64) {
        let n = self.stage.size;
        let mut eta = 0.0;
        let mut nearest = (0, 0.0_f64);
        for (k, a) in self.values.iter().enumerate() {
            let t = dot(self.stage.direction(k), w);
            let (value, first) = self.kernel.slope(t);
            eta += a * value + first * dot(&self.slopes[k * n..(k + 1) * n], w);
            if t.abs() > nearest.1.abs() {
                nearest = (k, t);
            }
        }
        (eta, nearest.0, nearest.1)
    }
}

/// `|p|` as the quadratic form of the coefficients with the kernel of squared weights.
fn norm(stage: &Stage, kernel: &Kernel, values: &[f64], slopes: &[f64]) -> f64 {
    let (m, n) = (stage.neurons(), stage.size);
    let slope = |k: usize| &slopes[k * n..(k + 1) * n];
    let mut square = 0.0;
    for i in 0..m {
        let at = kernel.at(1.0);
        square += values[i] * values[i] * at.value + at.first * dot(slope(i), slope(i));
        for k in (0..m).filter(|&k| k != i) {
            let (u, v) = (stage.direction(i), stage.direction(k));
            let at = kernel.at(dot(u, v));
            let (forward, backward) = (dot(slope(i), v), dot(slope(k), u));
            square += values[i] * values[k] * at.value
                + (2.0 * values[k] * forward + dot(slope(i), slope(k))) * at.first
                + forward * backward * at.second;
        }
    }
    square.sqrt()
}
