//! Test functions of the average neuron (theory 7.6).

use crate::certificate::{Candidate, Stage, search};
use crate::error::LandscapeError;
use crate::rho::{NEAR, pushed, search_directions};
use faer::Mat;
use faer::linalg::solvers::Solve;
use gradiometer_certify::{CertifyError, DegreeWeights, Interpolant};
use gradiometer_hermite::Angle;
use gradiometer_hermite::float::maximum;
use gradiometer_hermite::relu::sphere_kernel;
use gradiometer_instances::FeatureSubspace;
use gradiometer_model::SeparatedTeacher;
use gradiometer_model::geometry::{dot, normalised};
use search::{deviation_at, smallest};

/// The function `p_{i,e}` of theory 7.6: its `eta` interpolates `w -> <e, w>` to first order at
/// `u_i` and zero to first order at the other `u_k`; with its norm and the constant
/// `C = sup_w |eta(w) - 1{w in T_i} <e, s wbar>|/delta(w)^2` from a multistart search.
#[derive(Clone, Debug)]
pub struct TestFunction {
    neuron: usize,
    direction: Vec<f64>,
    norm: f64,
    constant: f64,
}

impl TestFunction {
    /// For teacher neuron `neuron` and `e = sum_j combination_j u_j`. The constant is the largest
    /// value that descents from `starts` random directions, and from others near the teachers,
    /// find, and those at the given `points` (`d` numbers each): with a student's neurons among the
    /// points it is large enough for that student's claim.
    ///
    /// # Errors
    /// [`LandscapeError::Certify`] if the interpolation fails, [`LandscapeError::Model`] if the
    /// teacher's subspace is not found.
    pub fn new(
        teacher: &SeparatedTeacher,
        weights: &DegreeWeights,
        neuron: usize,
        combination: &[f64],
        starts: usize,
        points: &[f64],
        seed: u64,
    ) -> Result<Self, LandscapeError> {
        let interpolant = Interpolant::test_function(teacher, weights, neuron, combination)?;
        let mut direction = vec![0.0; teacher.dimension()];
        for (k, x) in combination.iter().enumerate() {
            for (e, u) in direction.iter_mut().zip(teacher.direction(k)) {
                *e += x * u;
            }
        }
        let eta = |w: &[f64]| {
            let (eta, _) = interpolant.at(w);
            (eta.lo(), eta.hi())
        };
        let stage = Stage::new(teacher)?;
        let searched = largest_deviation(&stage, weights, neuron, combination, starts, seed);
        let at_points = constant(teacher, neuron, &direction, &[], points, eta);
        let constant = maximum(searched, at_points);
        Ok(Self { neuron, direction, norm: interpolant.norm().hi(), constant })
    }

    /// For a direction `e` outside the teachers' subspace: only the part of `e` orthogonal to it
    /// counts. There `eta(w) = <e, w> sum_k b_k k'(w.u_k)` with `sum_k k'(u_l.u_k) b_k = 1{l = i}`,
    /// and `|p|^2 = b_i |e|^2`; in floating point.
    ///
    /// # Errors
    /// [`LandscapeError::Certify`] if `neuron` or `e` does not fit the teacher,
    /// [`LandscapeError::Model`] if the teacher's subspace is not found.
    pub fn outside(
        teacher: &SeparatedTeacher,
        neuron: usize,
        e: &[f64],
        samples: usize,
        points: &[f64],
        seed: u64,
    ) -> Result<Self, LandscapeError> {
        let n = teacher.neurons();
        let length = |field, expected, found| CertifyError::Length { field, expected, found };
        if neuron >= n {
            return Err(length("neuron", n, neuron).into());
        }
        if e.len() != teacher.dimension() {
            return Err(length("e", teacher.dimension(), e.len()).into());
        }
        let inside = FeatureSubspace::of(teacher)?.project(e);
        let direction: Vec<f64> = e.iter().zip(&inside).map(|(x, y)| x - y).collect();
        let slope = |u: &[f64], v: &[f64]| sphere_kernel(Angle::between(u, v)).first;
        let gram = Mat::from_fn(n, n, |l, k| slope(teacher.direction(l), teacher.direction(k)));
        let right = Mat::from_fn(n, 1, |l, _| if l == neuron { 1.0 } else { 0.0 });
        let solved = gram.partial_piv_lu().solve(right);
        let eta = |w: &[f64]| {
            let sum: f64 = (0..n).map(|k| solved[(k, 0)] * slope(w, teacher.direction(k))).sum();
            let value = sum * dot(&direction, w);
            (value, value)
        };
        let searched = search_directions(teacher, samples, seed)?;
        let constant = constant(teacher, neuron, &direction, &searched, points, eta);
        let norm = (solved[(neuron, 0)] * dot(&direction, &direction)).sqrt();
        Ok(Self { neuron, direction, norm, constant })
    }

    /// The teacher neuron `i`.
    pub const fn neuron(&self) -> usize {
        self.neuron
    }

    /// `|p_{i,e}|`.
    pub const fn norm(&self) -> f64 {
        self.norm
    }

    /// `C`, from below.
    pub const fn constant(&self) -> f64 {
        self.constant
    }

    /// `e`.
    pub fn direction(&self) -> &[f64] {
        &self.direction
    }
}

/// The largest `|eta(w) - 1{w in T_i} <e, s wbar>|/delta(w)^2` that descents find; NaN if the
/// interpolation fails in floating point.
fn largest_deviation(
    stage: &Stage,
    weights: &DegreeWeights,
    neuron: usize,
    combination: &[f64],
    starts: usize,
    seed: u64,
) -> f64 {
    let mut e = vec![0.0; stage.size];
    for (k, c) in combination.iter().enumerate() {
        for (e, u) in e.iter_mut().zip(stage.direction(k)) {
            *e += c * u;
        }
    }
    Candidate::test_function(stage, weights, neuron, &e).map_or(f64::NAN, |candidate| {
        let points = search::starts(stage, starts, seed);
        -smallest(|w| deviation_at(&candidate, neuron, &e, w), &points).value()
    })
}

/// The largest `|eta(w) - 1{w in T_i} <e, s wbar>|/delta(w)^2` over the directions given.
fn constant(
    teacher: &SeparatedTeacher,
    neuron: usize,
    direction: &[f64],
    searched: &[Vec<f64>],
    points: &[f64],
    eta: impl Fn(&[f64]) -> (f64, f64),
) -> f64 {
    let given = points.chunks_exact(teacher.dimension());
    let mut constant: f64 = 0.0;
    for w in searched.iter().map(Vec::as_slice).chain(given) {
        let mut unit = normalised(w);
        let (mut nearest, mut delta) = teacher.nearest(&unit);
        if !(delta > 0.0 && unit.iter().any(|x| x.abs() > 0.0)) {
            continue;
        }
        // Too near for the quotient's digits: its limit from the same direction.
        if delta < NEAR {
            unit = pushed(teacher.direction(nearest), &unit);
            (nearest, delta) = teacher.nearest(&unit);
        }
        let sign = if dot(&unit, teacher.direction(nearest)) < 0.0 { -1.0 } else { 1.0 };
        let target = if nearest == neuron { sign * dot(direction, &unit) } else { 0.0 };
        let (low, high) = eta(&unit);
        let off = maximum((high - target).abs(), (low - target).abs());
        constant = maximum(constant, off / (delta * delta));
    }
    constant
}

#[cfg(test)]
mod tests;
