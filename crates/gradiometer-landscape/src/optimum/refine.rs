//! The optimum where it is no finite sum of atoms: many points on the curves that carry it, and a dual point that is feasible but for little.

use super::atoms::{Atoms, KERNEL_AT_ONE};
use super::interior::{Moves, Stage};
use super::{Optimum, Problem, field, slack};
use crate::error::LandscapeError;
use gradiometer_hermite::float::{maximum, maximum_of, minimum};
use gradiometer_model::geometry::normalised;
use std::f64::consts::TAU;

/// Where points are put around an atom, in units of `lambda`, and how many on each circle.
const CIRCLES: [f64; 3] = [0.3, 1.0, 3.0];
const ON_CIRCLE: usize = 6;
/// Atoms of at least this share of `|mu*|` get such circles.
const HEAVY: f64 = 0.02;
/// Mass of a new point, in units of `lambda`.
const SPECK: f64 = 1e-2;
/// At the beginning of the refinement atoms are at least this share apart of their angle to the nearest teacher, or of `lambda` or [`WIDE`].
const THIN: f64 = 0.25;
const WIDE: f64 = 0.3;
/// Points that slid to within this distance of each other, in units of `lambda`, are one.
const SAME: f64 = 1e-3;
/// Refinements without a smaller gap or excess after which none is to be expected.
const PATIENCE: usize = 3;
/// Refinements in which the points slide along the curves.
const SLIDING: usize = 3;
/// Points are added where the excess times the mass around is at least the first share of the largest and more than the first part of the gap asked for, or
/// the excess at least the second share of the largest and more than the second multiple of the gap.
const SHARES: [f64; 2] = [0.01, 0.02];
const PARTS: [f64; 2] = [1e-3, 20.0];
/// Times that the dual point is lowered where `|eta|` still exceeds one.
const LOWERINGS: usize = 3;
/// Steps of the interpolation, and the share of `k(1)` that its matrix is raised by.
const INTERPOLATIONS: usize = 6;
const SMOOTHING: f64 = 1e-12;
/// Where the complementarity of a refinement starts, as a share of the largest excess before, what its second and third stages start with of that of the one
/// before, and where it ends, as a share of the gap asked for.
const START: [f64; 3] = [1e-3, 1e-4, 1e-3];
const END: f64 = 1e-2;
/// The same of the second stage where no excess is known yet, and of the very first stage its end and its accuracy.
const SECOND_START: f64 = 1e-10;
const FIRST_END: f64 = 1e-7;
const FIRST_ACCURACY: f64 = 1e-3;
/// How accurately `eta` is settled at the points: never better than the first, else this share of the excess between them.
const ACCURACY: [f64; 2] = [1e-12, 1e-3];
/// Rounded directions are within so many roundings.
const ROUNDINGS: f64 = 10.0;

impl Problem<'_> {
    /// A better measure and a smaller gap where the optimum is no finite sum of atoms: points on the curves where `|eta|` is largest, with masses and
    /// directions by [`Stage`], more of them in every round where `|eta|` exceeds one between them.
    pub(super) fn refine(
        &self,
        coarse: Optimum,
        atoms: &mut Atoms,
    ) -> Result<Optimum, LandscapeError> {
        let mut points = atoms.clone();
        self.surround(&mut points);
        self.stage(Moves::Anywhere, None, FIRST_END, FIRST_ACCURACY).solve(&mut points)?;
        points.thin(|w| THIN * maximum(self.lambda, minimum(WIDE, self.teacher.nearest(w).1)));
        let before = coarse.rounds;
        let mut best = coarse;
        let (mut excess, mut least, mut patience) = (None, [f64::INFINITY; 2], PATIENCE);
        for round in 1..=self.options.refinements {
            self.go_on()?;
            self.settle(&mut points, round <= SLIDING, excess)?;
            let (optimum, exceeding) = self.fine(&points, before + round)?;
            excess = exceeding.first().map(|(_, eta)| eta.abs() - 1.0);
            let found = [optimum.duality_gap, optimum.largest_eta - 1.0];
            let better = found.iter().zip(&least).any(|(x, least)| x < least);
            patience = if better { PATIENCE } else { patience - 1 };
            least = [minimum(least[0], found[0]), minimum(least[1], found[1])];
            if optimum.duality_gap < best.duality_gap {
                (best, *atoms) = (optimum, points.clone());
            }
            if best.converged
                || patience == 0
                || points.len() >= self.options.atoms
                || !self.add_between(&mut points, &exceeding)
            {
                break;
            }
        }
        Ok(best)
    }

    /// Masses and directions of given points; `excess` is how far `|eta|` exceeded one before the last of them came.
    ///
    /// Directions are doubles, whose last bits move `eta` by `eps/lambda`; so at the end the masses alone are settled.
    fn settle(
        &self,
        points: &mut Atoms,
        slide: bool,
        excess: Option<f64>,
    ) -> Result<(), LandscapeError> {
        let moves = if slide { Moves::Anywhere } else { Moves::Across };
        let accuracy = maximum(ACCURACY[0], ACCURACY[1] * excess.unwrap_or(FIRST_ACCURACY));
        let moving = maximum(accuracy, ROUNDINGS * f64::EPSILON / self.lambda);
        let end = END * self.options.gap;
        let start = excess.map(|excess| START[0] * excess);
        self.stage(moves, start, 100.0 * end, 10.0 * moving).solve(points)?;
        points.thin(|_| SAME * self.lambda);
        self.go_on()?;
        let start = start.map_or(SECOND_START, |start| START[1] * start);
        self.stage(Moves::Across, Some(start), end, moving).solve(points)?;
        self.go_on()?;
        points.thin(|_| SAME * self.lambda);
        self.stage(Moves::Nowhere, Some(START[2] * start), end, accuracy).solve(points)
    }

    /// Changes the masses, to any sign, so that `eta` is what is wanted at every point, up to what masses of close points would have to oscillate for.
    fn interpolate(&self, points: &mut Atoms) -> Result<(), LandscapeError> {
        let gram = points.gram(self.teacher.dimension(), Vec::new())?;
        let ridge: Vec<_> = (0..points.len()).map(|j| (j, j, SMOOTHING * KERNEL_AT_ONE)).collect();
        let Some(factor) = gram.factor(&ridge) else { return Ok(()) };
        for _ in 0..INTERPOLATIONS {
            let step = factor.solve(&points.slopes(&gram, self.teacher, self.lambda));
            for (point, change) in points.iter_mut().zip(step) {
                point.add_mass(-change);
            }
        }
        Ok(())
    }

    fn stage(&self, moves: Moves, start: Option<f64>, end: f64, accuracy: f64) -> Stage<'_> {
        Stage {
            coordinates: self.sphere.coordinates(),
            teacher: self.teacher,
            lambda: self.lambda,
            moves,
            start,
            end,
            accuracy,
        }
    }

    /// Puts light points around the heavy atoms.
    fn surround(&self, points: &mut Atoms) {
        let coordinates = self.sphere.coordinates();
        let least = HEAVY * self.teacher.total_mass();
        let heavy: Vec<(Vec<f64>, f64)> = points
            .iter()
            .filter(|atom| atom.mass.abs() > least)
            .map(|atom| (normalised(&coordinates.of(&atom.direction)), atom.sign()))
            .collect();
        for (v, sign) in heavy {
            let tangents = field::tangent_basis(&v);
            for (circle, radius) in CIRCLES.iter().enumerate() {
                for k in 0..ON_CIRCLE {
                    let angle = (k as f64 + 0.5 * circle as f64) * TAU / ON_CIRCLE as f64;
                    let (sine, cosine) = angle.sin_cos();
                    for pair in tangents.windows(2) {
                        let at = |x: usize| cosine * pair[0][x] + sine * pair[1][x];
                        let shifted: Vec<f64> =
                            (0..v.len()).map(|x| v[x] + radius * self.lambda * at(x)).collect();
                        let w = normalised(&coordinates.embed(&shifted));
                        points.add_speck(w, sign, SPECK * self.lambda);
                    }
                }
            }
        }
    }

    /// Adds points where `|eta|` exceeds one by too much for the mass around, or by much; whether there was any.
    fn add_between(&self, points: &mut Atoms, exceeding: &[Exceeding]) -> bool {
        let (gap, old) = (self.options.gap, points.len());
        let weights: Vec<f64> = exceeding
            .iter()
            .map(|(place, eta)| {
                let near = points.nearest(place, *eta);
                let mass: f64 = near.iter().take(2).map(|(_, j)| points.at(*j).mass.abs()).sum();
                (eta.abs() - 1.0) * mass / self.teacher.total_mass()
            })
            .collect();
        let heaviest = maximum_of(weights.iter().copied());
        let largest = maximum_of(exceeding.iter().map(|(_, eta)| eta.abs() - 1.0));
        let mut added = false;
        for ((place, eta), weight) in exceeding.iter().zip(&weights) {
            if *weight > maximum(SHARES[0] * heaviest, PARTS[0] * gap)
                || eta.abs() - 1.0 > maximum(SHARES[1] * largest, PARTS[1] * gap)
            {
                added |= points.insert(place, eta.signum(), 0.1 * SPECK * self.lambda, old);
            }
        }
        added
    }

    /// Value and gap of a measure of many points, the dual point being its own residual or that one lowered, and where `|eta|` exceeds one, most first.
    fn fine(
        &self,
        points: &Atoms,
        rounds: usize,
    ) -> Result<(Optimum, Vec<Exceeding>), LandscapeError> {
        let state = points.evaluate(self.teacher, &[])?;
        let own = self.dual_gap(points, points)?;
        let mut gap = own.gap;
        let mut lowered = points.clone();
        let mut exceeding = own.exceeding.clone();
        let mut etas = own.etas.clone();
        for _ in 0..LOWERINGS {
            if exceeding.is_empty() {
                break;
            }
            lowered.lower(&etas, &exceeding);
            self.interpolate(&mut lowered)?;
            let dual = self.dual_gap(points, &lowered)?;
            gap = if dual.gap < gap { dual.gap } else { gap };
            (etas, exceeding) = (dual.etas, dual.exceeding);
        }
        let optimum = self.optimum(points, state.loss, gap, own.largest_eta, rounds);
        Ok((optimum, own.exceeding))
    }

    /// The gap of the measure of `atoms` with the dual point that the measure of `points`, with the same directions, gives.
    ///
    /// Any measure `mu'` gives a dual point `-(2 s/lambda)(f_mu' - y)`, `s = 1/max(1, sup |eta'|)`, and with it the gap
    ///
    /// ```text
    /// |f_mu - y - s (f_mu' - y)|^2 + lambda sum_j |c_j| (1 - s sign(c_j) eta'(w_j))
    ///     <= (|f_(mu - mu')| + (1 - s) |f_mu' - y|)^2 + lambda sum_j ...
    /// ```
    ///
    /// Where `|eta|` exceeds one between points, `mu'` is the measure for which it is smaller around there by that much: this costs the
    /// excess times the mass around it, often of order `lambda`, while a smaller `s` costs it times the whole mass.
    fn dual_gap(&self, atoms: &Atoms, points: &Atoms) -> Result<Dual, LandscapeError> {
        let (teacher, lambda) = (self.teacher, self.lambda);
        let places = self.sphere.maxima_between(points, teacher, lambda, self.options);
        let dual = points.evaluate(teacher, &places)?;
        let eta_error = dual.derivative_error / lambda;
        let etas: Vec<f64> = dual.derivatives.iter().map(|g| -g / lambda).collect();
        let largest_eta = maximum_of(etas.iter().map(|eta| eta.abs())) + eta_error;
        let shrink = 1.0 / maximum(1.0, largest_eta);
        let difference = points.difference(atoms, teacher.dimension());
        // The squared norm of a small difference, with what its own rounding may hide.
        let rounding = 8.0 * f64::EPSILON * difference.total_mass().powi(2);
        let apart = maximum(difference.squared_norm(), 0.0) + rounding;
        let loss = dual.loss.value + dual.loss.error;
        let gap = (apart.sqrt() + (1.0 - shrink) * loss.sqrt()).powi(2)
            + lambda * slack(atoms, &etas, shrink, eta_error);
        let tail = places.into_iter().zip(etas[points.len()..].iter().copied());
        let mut exceeding: Vec<_> = tail.filter(|(_, eta)| eta.abs() > 1.0 + eta_error).collect();
        exceeding.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let etas = etas[..points.len()].to_vec();
        Ok(Dual { gap, largest_eta, etas, exceeding })
    }
}

/// A place where `|eta|` exceeds one, with `eta` there.
type Exceeding = (Vec<f64>, f64);

/// What a dual point gives.
struct Dual {
    gap: f64,
    largest_eta: f64,
    /// `eta` at the points.
    etas: Vec<f64>,
    /// Places where `|eta|` exceeds one, with `eta` there, most first.
    exceeding: Vec<Exceeding>,
}
