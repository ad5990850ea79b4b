//! Multistart search on the sphere for the worst place of a certificate.

use gradiometer_hermite::Angle;
use gradiometer_model::geometry::dot;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::candidate::{Candidate, Stage};

/// Closer to a direction than this the quotient `(1 - |eta|) / delta^2` is mostly rounding.
const CLOSEST: f64 = 1.0 / 1024.0;
/// First and last step of a descent, radians.
const FIRST_STEP: f64 = 0.125;
const LAST_STEP: f64 = 1.0 / 65536.0;
/// Distances from a direction, as fractions of the separation, at which descents start.
const NEAR: [f64; 2] = [0.05, 0.3];
/// Local minima that are kept for the next search.
const KEPT: usize = 12;

/// The smallest local minima found, with their values, in order.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    minima: Vec<(f64, Vec<f64>)>,
}

/// Unit vectors to start from: random ones, and some around every teacher's direction.
pub(crate) fn starts(stage: &Stage, random: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let n = stage.size;
    let mut normal = |base: &[f64], factor: f64| {
        let e: Vec<f64> = (0..n).map(|_| rng.sample(StandardNormal)).collect();
        let length = dot(&e, &e).sqrt();
        normalised(base.iter().zip(&e).map(|(u, e)| u + factor * e / length).collect())
    };
    let origin = vec![0.0; n];
    let mut all: Vec<_> = (0..random).map(|_| normal(&origin, 1.0)).collect();
    let around = (random / (4 * stage.neurons())).clamp(2, 32);
    for i in 0..stage.neurons() {
        for distance in NEAR {
            all.extend(
                (0..around).map(|_| normal(stage.direction(i), distance * stage.separation)),
            );
        }
    }
    if n > stage.rank {
        let mut away = vec![0.0; n];
        away[n - 1] = 1.0;
        all.push(away);
    }
    all
}

fn normalised(mut w: Vec<f64>) -> Vec<f64> {
    let length = dot(&w, &w).sqrt();
    for x in &mut w {
        *x /= length;
    }
    w
}

/// `(1 - |eta(w)|) / delta(w)^2`, infinite too close to a direction.
pub(crate) fn rho_at(candidate: &Candidate<'_>, w: &[f64]) -> f64 {
    let (eta, _, cosine) = candidate.at(w);
    let delta = Angle::from_cosine(cosine.abs()).radians();
    if delta >= CLOSEST { (1.0 - eta.abs()) / (delta * delta) } else { f64::INFINITY }
}

/// `-|eta(w) - 1{w in T_i} e.(s w)| / delta(w)^2`, zero too close to a direction (theory 7.6).
pub(crate) fn deviation_at(candidate: &Candidate<'_>, neuron: usize, e: &[f64], w: &[f64]) -> f64 {
    let (eta, nearest, cosine) = candidate.at(w);
    let delta = Angle::from_cosine(cosine.abs()).radians();
    let own = if nearest == neuron { cosine.signum() * dot(e, w) } else { 0.0 };
    if delta >= CLOSEST { -(eta - own).abs() / (delta * delta) } else { 0.0 }
}

impl Found {
    fn of(mut minima: Vec<(f64, Vec<f64>)>) -> Self {
        minima.sort_by(|a, b| a.0.total_cmp(&b.0));
        minima.truncate(KEPT);
        Self { minima }
    }

    /// The smallest value; infinite if there was no start.
    pub(crate) fn value(&self) -> f64 {
        self.minima.first().map_or(f64::INFINITY, |best| best.0)
    }

    /// The best few places for the next search.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Vec<f64>> {
        self.minima.iter().map(|(_, w)| w)
    }

    /// The best of both.
    pub(crate) fn with(self, other: Self) -> Self {
        Self::of([self.minima, other.minima].concat())
    }
}

/// Descends from every start, on all threads, and returns the smallest values.
pub(crate) fn smallest(f: impl Fn(&[f64]) -> f64 + Sync, starts: &[Vec<f64>]) -> Found {
    Found::of(starts.par_iter().map(|start| descend(&f, start.clone())).collect())
}

/// Pattern search: steps along the axes, halved when none helps. It needs no derivative, so that the kinks where two
/// directions are equally near do no harm.
pub(crate) fn descend(f: &impl Fn(&[f64]) -> f64, start: Vec<f64>) -> (f64, Vec<f64>) {
    let mut best = (f(&start), start);
    let mut step = FIRST_STEP;
    while step > LAST_STEP {
        let mut moved = false;
        for axis in 0..best.1.len() {
            for shift in [step, -step] {
                let mut w = best.1.clone();
                w[axis] += shift;
                let w = normalised(w);
                let value = f(&w);
                if value < best.0 {
                    best = (value, w);
                    moved = true;
                    break;
                }
            }
        }
        if !moved {
            step *= 0.5;
        }
    }
    best
}
