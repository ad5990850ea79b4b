//! The largest `|eta|` of a measure over the sphere.

use super::OptimumOptions;
use super::atoms::Atoms;
use super::field::Field;
use crate::certificate::Stage;
use crate::certificate::search::{descend, starts};
use crate::error::LandscapeError;
use gradiometer_hermite::Angle;
use gradiometer_hermite::relu::sphere_kernel;
use gradiometer_instances::FeatureSubspace;
use gradiometer_model::SeparatedTeacher;
use gradiometer_model::geometry::{dot, normalised, projective_angle};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Orthonormal coordinates of the teacher's span and, if it is not everything, of one direction more.
#[derive(Clone, Debug)]
pub(super) struct Coordinates {
    /// `n x d` row-major.
    basis: Vec<f64>,
    dimension: usize,
}

impl Coordinates {
    fn new(subspace: &FeatureSubspace) -> Self {
        let d = subspace.dimension();
        let mut basis = subspace.basis().to_vec();
        if subspace.rank() < d {
            // The axis that is farthest from the span, orthogonalised twice.
            let outside = |axis: usize| {
                let mut e = vec![0.0; d];
                e[axis] = 1.0;
                let once: Vec<f64> =
                    e.iter().zip(subspace.project(&e)).map(|(x, p)| x - p).collect();
                once
            };
            let length = |axis: usize| dot(&outside(axis), &outside(axis));
            let axis = (0..d).max_by(|a, b| length(*a).total_cmp(&length(*b))).unwrap_or(0);
            let once = normalised(&outside(axis));
            let twice: Vec<f64> =
                once.iter().zip(subspace.project(&once)).map(|(x, p)| x - p).collect();
            basis.extend(normalised(&twice));
        }
        Self { basis, dimension: d }
    }

    /// `n`.
    pub(super) fn size(&self) -> usize {
        self.basis.len() / self.dimension
    }

    /// Coordinates of a vector of `R^d`.
    pub(super) fn of(&self, w: &[f64]) -> Vec<f64> {
        self.basis.chunks_exact(self.dimension).map(|q| dot(q, w)).collect()
    }

    /// The vector of `R^d` with these coordinates.
    pub(super) fn embed(&self, y: &[f64]) -> Vec<f64> {
        let mut w = vec![0.0; self.dimension];
        for (q, y) in self.basis.chunks_exact(self.dimension).zip(y) {
            for (w, q) in w.iter_mut().zip(q) {
                *w += y * q;
            }
        }
        w
    }
}

/// Where `eta` is searched: the unit sphere of the coordinates.
#[derive(Clone, Debug)]
pub(super) struct Sphere {
    coordinates: Coordinates,
    stage: Stage,
    /// Teacher directions in coordinates, and their masses in `mu - mu*`.
    target: Vec<(Vec<f64>, f64)>,
}

/// Points around each teacher, and their least and greatest distance in units of `lambda`.
const AROUND: usize = 40;
const SPREAD: [f64; 2] = [0.3, 300.0];
/// Maxima closer than this, in radians, are one.
const SAME: f64 = 1e-7;

/// Values of `|eta|` below which a local maximum cannot reach one whatever the rounding.
const WORTH_A_LOOK: f64 = 0.999;

impl Sphere {
    pub(super) fn new(teacher: &SeparatedTeacher) -> Result<Self, LandscapeError> {
        let coordinates = Coordinates::new(&FeatureSubspace::of(teacher)?);
        let target = (0..teacher.neurons())
            .map(|i| (normalised(&coordinates.of(teacher.direction(i))), -teacher.amplitudes()[i]))
            .collect();
        Ok(Self { coordinates, stage: Stage::new(teacher)?, target })
    }

    pub(super) const fn coordinates(&self) -> &Coordinates {
        &self.coordinates
    }

    /// Where `|eta|` may exceed one: the top next to every atom, and the other local maxima, as unit vectors of `R^d`. Found in floating point by
    /// descents from the atoms, from random points and around the teachers.
    pub(super) fn local_maxima(
        &self,
        atoms: &Atoms,
        lambda: f64,
        own: f64,
        options: &OptimumOptions,
    ) -> Maxima {
        let places: Vec<(Vec<f64>, f64)> = atoms
            .iter()
            .map(|atom| (normalised(&self.coordinates.of(&atom.direction)), atom.mass))
            .collect();
        let nu: Vec<&(Vec<f64>, f64)> = places.iter().chain(&self.target).collect();
        let eta = |w: &[f64]| {
            let terms = nu.iter().map(|(v, mass)| mass * sphere_kernel(Angle::between(w, v)).value);
            -2.0 / lambda * terms.sum::<f64>()
        };
        let climb = |w: Vec<f64>| descend(&|w: &[f64]| -eta(w).abs(), w);
        let embed = |w: &[f64]| normalised(&self.coordinates.embed(w));
        let beside = places.par_iter().map(|(v, _)| embed(&climb(v.clone()).1)).collect();
        let points = starts(&self.stage, options.starts, options.seed);
        let mut found: Vec<(f64, Vec<f64>)> = points.into_par_iter().map(climb).collect();
        found.retain(|(value, _)| -value > WORTH_A_LOOK);
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut away: Vec<Vec<f64>> = Vec::new();
        for (_, w) in found {
            let elsewhere = |other: &Vec<f64>| projective_angle(other, &w) > own;
            if places.iter().all(|(v, _)| elsewhere(v)) && away.iter().all(elsewhere) {
                away.push(w);
            }
        }
        Maxima { beside, away: away.iter().map(|w| embed(w)).collect() }
    }
}

impl Sphere {
    /// Local maxima of `|eta|` beyond [`WORTH_A_LOOK`], as unit vectors of `R^d`: found in floating point by climbs from between the atoms, from random points and from
    /// around the teachers at all distances from `lambda` on.
    pub(super) fn maxima_between(
        &self,
        atoms: &Atoms,
        teacher: &SeparatedTeacher,
        lambda: f64,
        options: &OptimumOptions,
    ) -> Vec<Vec<f64>> {
        let field = Field::new(atoms, &self.coordinates, teacher);
        let mut points: Vec<Vec<f64>> =
            atoms.midpoints().iter().map(|w| self.coordinates.of(w)).collect();
        points.extend(starts(&self.stage, options.starts, options.seed));
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        for (v, _) in &self.target {
            for k in 0..AROUND {
                let distance =
                    lambda * SPREAD[0] * (SPREAD[1] / SPREAD[0]).powf(k as f64 / AROUND as f64);
                points.push(
                    v.iter().map(|v| v + distance * rng.sample::<f64, _>(StandardNormal)).collect(),
                );
            }
        }
        let mut found: Vec<(f64, Vec<f64>)> =
            points.into_par_iter().map(|y| field.climb(&y, lambda)).collect();
        found.retain(|(value, _)| *value > WORTH_A_LOOK);
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut maxima: Vec<Vec<f64>> = Vec::new();
        for (_, y) in found {
            let w = normalised(&self.coordinates.embed(&y));
            if maxima.iter().all(|other| projective_angle(other, &w) > SAME) {
                maxima.push(w);
            }
        }
        maxima
    }
}

/// What a search of the sphere found.
#[derive(Clone, Debug)]
pub(super) struct Maxima {
    /// The top next to each atom.
    pub(super) beside: Vec<Vec<f64>>,
    /// Local maxima elsewhere.
    pub(super) away: Vec<Vec<f64>>,
}
