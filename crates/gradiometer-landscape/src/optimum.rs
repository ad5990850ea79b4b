//! The regularised optimum (theory section 5): the signed measure that minimises
//!
//! ```text
//! P(mu) = |f_mu - y|^2 + lambda |mu|,     y = f* without its degrees 0 and 1.
//! ```
//!
//! It is unique, since the kernel's even degrees separate even measures. With `eta(w) = -(2/lambda) E[(f_mu - y) sigma(wbar.x)]` it is
//! characterised by `|eta| <= 1` everywhere and `eta = sign` on the support. For any measure, `s = 1/max(1, sup |eta|)` makes
//! `-(2 s/lambda)(f_mu - y)` feasible in the dual problem, whose value there is lower than `P(mu)` by the **duality gap**
//!
//! ```text
//! (1 - s)^2 |f_mu - y|^2 + lambda sum_j |c_j| (1 - s sign(c_j) eta(w_j)),
//! ```
//!
//! a sum of terms that are not negative: `P` at the optimum lies within the gap below `P(mu)`.
//!
//! The solver is a sliding Frank-Wolfe method: Newton's method on masses and directions of the atoms, then a search of the whole sphere for
//! the largest `|eta|`, which gives the next atoms. Everything that must survive `1/lambda` is evaluated in double-double
//! arithmetic, and a mass is an unevaluated sum of two doubles: at `lambda = 1e-6` the last bit of a mass moves `eta` by `1e-11`.
//!
//! **How far the gap falls.** Where the minimal-norm interpolant (`l = 2`) is a certificate with `rho > 0`, the optimum has one atom near
//! each teacher direction for small `lambda`, and the gap reaches rounding. So it does for every teacher of rank 2 that was tried. From rank 3 on, where
//! that interpolant exceeds 1, the optimum is in general **not a finite sum of atoms**: `|eta| = 1` along curves, of length of order one
//! away from the teachers or of order `lambda` next to one, and the measure has a density there (the kernel is as smooth as that of a plate
//! pressed against an obstacle, which touches in curves and regions). Atoms approximate it: between two that are a distance `h` apart on
//! a curve `|eta|` exceeds one by a multiple of `density h^4/lambda`, as a cubic spline misses a smooth function. Some dozens of them and a finer dual
//! point reach gaps of about `1e-10` of the value; [`Optimum::converged`] is false where that is not what was asked for, and the
//! interval is as true as the search for the largest `|eta|`.

mod atoms;
mod newton;
mod search;

use crate::error::LandscapeError;
use crate::lemmas::{Measure, Point};
use atoms::Atoms;
use gradiometer_hermite::float::{maximum, maximum_of, minimum};
use gradiometer_model::SeparatedTeacher;
use gradiometer_population::Bounded;
use search::Sphere;
use std::f64::consts::FRAC_PI_2;

/// When to stop, and how much to search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimumOptions {
    /// Duality gap to reach, relative to `P`.
    pub gap: f64,
    /// Random starting points of each search for the largest `|eta|`.
    pub starts: usize,
    /// Rounds of Newton's method and search.
    pub rounds: usize,
    /// Atoms beyond which none is added.
    pub atoms: usize,
    /// Seed of the starting points.
    pub seed: u64,
}

impl Default for OptimumOptions {
    fn default() -> Self {
        Self { gap: 1e-12, starts: 200, rounds: 12, atoms: 48, seed: 0 }
    }
}

/// A measure close to the regularised optimum, with how close.
#[derive(Clone, Debug)]
pub struct Optimum {
    /// `lambda`.
    pub lambda: f64,
    /// The measure.
    pub measure: Measure,
    /// `|f_mu - y|^2` with its error bound.
    pub loss: Bounded,
    /// `lambda |mu*| - P(mu)`: how far the optimum lies below the teacher's own value, at least.
    pub below_teacher: Bounded,
    /// Bound of the duality gap, rounding included; the supremum of `|eta|` in it comes from a search of the sphere (evidence: sampled).
    pub duality_gap: f64,
    /// The largest `|eta|` met.
    pub largest_eta: f64,
    /// Rounds that were needed.
    pub rounds: usize,
    /// Whether the gap asked for was reached.
    pub converged: bool,
    /// `|mu*|`.
    teacher_mass: f64,
}

impl Optimum {
    /// `P(mu)`, an upper bound of the optimal value.
    pub fn value(&self) -> f64 {
        self.lambda * self.teacher_mass - self.below_teacher.value
    }

    /// `(lambda |mu*| - P) 4/lambda^2` between its bounds: tends to the least `|p|^2` over all dual certificates as `lambda` tends to 0 (5.2).
    pub fn squared_norm_limit(&self) -> (f64, f64) {
        let scale = 4.0 / (self.lambda * self.lambda);
        let Bounded { value, error } = self.below_teacher;
        (scale * (value - error), scale * (value + error + self.duality_gap))
    }

    /// The interval of `zeta = L_lambda(theta) - P(mu_lambda)` at a student, from a primal and a dual feasible point (5.1), rounded outward.
    pub fn gap(&self, point: &Point<'_>) -> (f64, f64) {
        let (zeta, below) = (point.zeta_plus(), self.below_teacher);
        let error = zeta.error + below.error;
        let lower = zeta.value + below.value - error;
        (maximum(lower, 0.0), zeta.value + below.value + error + self.duality_gap)
    }

    /// Number and total mass of the atoms farther than `angle`, in radians, from every teacher direction (5.4).
    pub fn atoms_beyond(&self, teacher: &SeparatedTeacher, angle: f64) -> (usize, f64) {
        let masses = self.measure.masses();
        let far = (0..masses.len())
            .filter(|b| teacher.nearest(self.measure.direction(*b)).1 > angle)
            .map(|b| masses[b].abs());
        far.fold((0, 0.0), |(count, mass), m| (count + 1, mass + m))
    }
}

/// The regularised optimum of a teacher.
///
/// Starts from the teacher's own atoms. Ends with [`Optimum::converged`] false where the rounds did not suffice; the gap then says how far
/// the measure may be from the optimum.
///
/// # Errors
/// [`LandscapeError::Lambda`] unless `lambda` is positive and finite, [`LandscapeError::Model`] if the teacher's subspace is not found.
///
/// # Examples
/// ```
/// use gradiometer_landscape::optimum::{OptimumOptions, regularised_optimum};
/// use gradiometer_model::{Network, Teacher};
/// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap().separated().unwrap();
/// let optimum = regularised_optimum(&teacher, 0.1, &OptimumOptions::default()).unwrap();
/// // One atom at the teacher: (1 - c)^2 k(1) + lambda c is least at c = 1 - lambda/(2 k(1)).
/// let k = 0.25 - 0.5 / std::f64::consts::PI;
/// assert!((optimum.measure.masses()[0] - (1.0 - 0.05 / k)).abs() <= 8.0 * f64::EPSILON);
/// assert!(optimum.converged);
/// ```
pub fn regularised_optimum(
    teacher: &SeparatedTeacher,
    lambda: f64,
    options: &OptimumOptions,
) -> Result<Optimum, LandscapeError> {
    let mut path = regularised_path(teacher, &[lambda], options)?;
    path.pop().ok_or(LandscapeError::Lambda { lambda })
}

/// The regularised optima for several `lambda`, each started from the one before; best in falling order.
///
/// # Errors
/// As for [`regularised_optimum`].
pub fn regularised_path(
    teacher: &SeparatedTeacher,
    lambdas: &[f64],
    options: &OptimumOptions,
) -> Result<Vec<Optimum>, LandscapeError> {
    let sphere = Sphere::new(teacher)?;
    let separation = teacher.separation().map_or(FRAC_PI_2, |s| s.angle);
    let mut atoms = Atoms::of_teacher(teacher);
    let mut path = Vec::with_capacity(lambdas.len());
    for &lambda in lambdas {
        if !(lambda > 0.0 && lambda.is_finite()) {
            return Err(LandscapeError::Lambda { lambda });
        }
        if atoms.is_empty() {
            atoms = Atoms::of_teacher(teacher);
        }
        let own = minimum(OWN[1], maximum(OWN[0], OWN_SHARES[1] * lambda));
        let own = minimum(own, OWN_SHARES[0] * separation);
        let problem = Problem { sphere: &sphere, teacher, lambda, options, own };
        path.push(problem.solve(&mut atoms)?);
    }
    Ok(path)
}

/// Places closer than this to an atom belong to it, and atoms of one sign that are closer are one: the least and the greatest such angle.
const OWN: [f64; 2] = [4e-5, 1e-3];
/// The same as a share of the separation, for teachers that are close, and of `lambda`, the size of what an atom near a teacher may
/// spread into.
const OWN_SHARES: [f64; 2] = [0.05, 0.25];

/// Passes of [`Problem::refine`], and the points at which it ends.
const PASSES: usize = 3;
const MOST_POINTS: usize = 400;
/// Points of a finer measure are at least this far apart, radians.
const APART: f64 = 2e-5;

/// By how much more than its excess `|eta|` is lowered.
const MARGIN: f64 = 1.1;

/// One teacher, one `lambda`.
struct Problem<'a> {
    sphere: &'a Sphere,
    teacher: &'a SeparatedTeacher,
    lambda: f64,
    options: &'a OptimumOptions,
    /// Places closer than this to an atom belong to it.
    own: f64,
}

/// What is known of a measure.
struct Assessment {
    optimum: Optimum,
    /// Where `|eta|` exceeds one away from the atoms, with `eta` there.
    exceeding: Vec<(Vec<f64>, f64)>,
}

impl Problem<'_> {
    /// Newton's method and search in turns, until the gap is closed or nothing more is found.
    fn solve(&self, atoms: &mut Atoms) -> Result<Optimum, LandscapeError> {
        let mut best: Option<(Optimum, Atoms)> = None;
        for round in 1..=self.options.rounds {
            self.descend(atoms)?;
            let Assessment { optimum, exceeding } = self.assess(atoms, round)?;
            let converged = optimum.converged;
            if best.as_ref().is_none_or(|(b, _)| optimum.duality_gap < b.duality_gap) {
                best = Some((optimum, atoms.clone()));
            }
            let mut added = false;
            for (place, eta) in exceeding {
                if atoms.len() < self.options.atoms {
                    added |= atoms.add(place, eta, self.lambda);
                }
            }
            if converged || !added {
                break;
            }
        }
        let Some((optimum, last)) = best else {
            return Err(LandscapeError::Lambda { lambda: self.lambda });
        };
        *atoms = last;
        if optimum.converged { Ok(optimum) } else { self.refine(optimum, atoms) }
    }

    fn descend(&self, atoms: &mut Atoms) -> Result<(), LandscapeError> {
        let coordinates = self.sphere.coordinates();
        newton::descend(atoms, coordinates, self.teacher, self.lambda)?;
        while atoms.merge(self.own) {
            newton::descend(atoms, coordinates, self.teacher, self.lambda)?;
        }
        Ok(())
    }

    /// Value and gap of a measure, the dual point being its own residual.
    fn assess(&self, atoms: &Atoms, round: usize) -> Result<Assessment, LandscapeError> {
        let (teacher, lambda, own) = (self.teacher, self.lambda, self.own);
        let found = self.sphere.local_maxima(atoms, lambda, own, self.options);
        let probes = [found.beside.as_slice(), &found.away].concat();
        let state = atoms.evaluate(teacher, &probes)?;
        let curvatures = newton::curvatures(atoms, self.sphere.coordinates(), teacher, lambda);
        let eta_error = state.derivative_error / lambda;
        let etas: Vec<f64> = state.derivatives.iter().map(|g| -g / lambda).collect();
        let (at_atoms, at_probes) = etas.split_at(atoms.len());
        // The maximum next to an atom, to second order with a factor two for the third; where the curvature has the wrong sign
        // or that maximum is far, the search's is all there is.
        let beside = atoms.iter().enumerate().map(|(j, atom)| {
            let slope = state.slopes[j] / lambda;
            let step = slope / curvatures[j];
            let rise = if step >= 0.0 && step < own { slope * step } else { 0.0 };
            atom.sign() * at_atoms[j] + rise
        });
        let largest_eta =
            maximum_of(beside.chain(at_probes.iter().map(|eta| eta.abs()))) + eta_error;
        let shrink = 1.0 / maximum(1.0, largest_eta);
        let loss = state.loss;
        let duality_gap = (1.0 - shrink) * (1.0 - shrink) * (loss.value + loss.error)
            + lambda * slack(atoms, at_atoms, shrink, eta_error);
        let teacher_mass = teacher.total_mass();
        let excess: f64 = atoms.excess(teacher);
        let rounding = 4.0 * f64::EPSILON * (atoms.total_mass() + teacher_mass);
        let optimum = Optimum {
            lambda,
            measure: atoms.measure(teacher.dimension()),
            loss,
            below_teacher: Bounded {
                value: -(loss.value + lambda * excess),
                error: loss.error + lambda * rounding,
            },
            // Written so that NaN is no gap at all.
            duality_gap: if duality_gap >= 0.0 { duality_gap } else { f64::INFINITY },
            largest_eta,
            rounds: round,
            converged: false,
            teacher_mass,
        };
        let beyond = found.away.into_iter().zip(at_probes[found.beside.len()..].iter().copied());
        let exceeding = beyond.filter(|(_, eta)| eta.abs() > 1.0 + eta_error).collect();
        Ok(Assessment { optimum: self.judged(optimum), exceeding })
    }

    /// With the word on whether the gap is what was asked for.
    fn judged(&self, optimum: Optimum) -> Optimum {
        let converged = optimum.duality_gap <= self.options.gap * optimum.value();
        Optimum { converged, ..optimum }
    }

    /// A better measure and a smaller gap where the optimum is no finite sum of atoms: many points on the curves where `|eta|` is largest, with the
    /// masses that are best on them.
    fn refine(&self, coarse: Optimum, atoms: &Atoms) -> Result<Optimum, LandscapeError> {
        let (gap, points) = self.finer_gap(&coarse, atoms)?;
        let coarse =
            self.judged(Optimum { duality_gap: minimum(coarse.duality_gap, gap), ..coarse });
        if coarse.converged {
            return Ok(coarse);
        }
        let coordinates = self.sphere.coordinates();
        let mut atoms = newton::positive_part(&points, coordinates, self.teacher);
        newton::refine_masses(&mut atoms, coordinates, self.teacher, self.lambda, PASSES)?;
        let fine = self.assess(&atoms, coarse.rounds)?.optimum;
        let fine = if fine.converged {
            fine
        } else {
            let (gap, _) = self.finer_gap(&fine, &atoms)?;
            self.judged(Optimum { duality_gap: minimum(fine.duality_gap, gap), ..fine })
        };
        Ok(if fine.duality_gap < coarse.duality_gap { fine } else { coarse })
    }

    /// A smaller bound of the duality gap where `|eta|` exceeds one by a little between the atoms, and the points that gave it.
    ///
    /// Any measure `mu'` gives a dual point `-(2 s/lambda)(f_mu' - y)`, `s = 1/max(1, sup |eta'|)`, and with it the gap
    ///
    /// ```text
    /// |f_mu - y - s (f_mu' - y)|^2 + lambda sum_j |c_j| (1 - s sign(c_j) eta'(w_j))
    ///     <= 2 |f_(mu - mu')|^2 + 2 (1 - s)^2 |f_mu' - y|^2 + lambda sum_j ...
    /// ```
    ///
    /// Here `mu'` has the atoms and, pass by pass, the maxima between them, with masses of any sign that make `|eta'| = 1` at all of these
    /// points: between points half as far apart it exceeds one by an order less. And where it still exceeds one, it is made smaller around there by that much:
    /// this costs the excess times the mass around it, often of order `lambda`, while a smaller `s` costs it times the whole mass.
    fn finer_gap(&self, optimum: &Optimum, atoms: &Atoms) -> Result<(f64, Atoms), LandscapeError> {
        let (teacher, lambda) = (self.teacher, self.lambda);
        let coordinates = self.sphere.coordinates();
        let mut points = atoms.clone();
        let mut best = f64::INFINITY;
        let enough = self.options.gap * optimum.value();
        for _ in 0..PASSES {
            let dual = self.dual_gap(atoms, &points)?;
            best = if dual.gap < best { dual.gap } else { best };
            if best <= enough {
                break;
            }
            let mut lowered = points.clone();
            lowered.lower(&dual.exceeding, MARGIN);
            newton::interpolate(&mut lowered, coordinates, teacher, lambda)?;
            let gap = self.dual_gap(atoms, &lowered)?.gap;
            best = if gap < best { gap } else { best };
            if best <= enough {
                break;
            }
            let mut added = false;
            for (place, eta) in &dual.exceeding {
                if points.len() < MOST_POINTS {
                    added |= points.add_point(place, eta.signum(), APART);
                }
            }
            if !added {
                break;
            }
            newton::interpolate(&mut points, coordinates, teacher, lambda)?;
        }
        Ok((best, points))
    }

    /// The bound of [`Problem::finer_gap`] for the measure of `atoms` with the dual point that the measure of `points`, the first of which are the atoms, gives.
    fn dual_gap(&self, atoms: &Atoms, points: &Atoms) -> Result<Dual, LandscapeError> {
        let (teacher, lambda) = (self.teacher, self.lambda);
        let found = self.sphere.local_maxima(points, lambda, APART, self.options);
        let near = [found.beside.as_slice(), &found.away].concat();
        let places = newton::onto_ridges(points, self.sphere.coordinates(), teacher, &near);
        let probes = [near.as_slice(), &places].concat();
        let state = points.evaluate(teacher, &probes)?;
        let eta_error = state.derivative_error / lambda;
        let etas: Vec<f64> = state.derivatives.iter().map(|g| -g / lambda).collect();
        let largest_eta = maximum_of(etas.iter().map(|eta| eta.abs())) + eta_error;
        let shrink = 1.0 / maximum(1.0, largest_eta);
        let apart = points.difference(atoms, teacher.dimension()).squared_norm();
        let loss = state.loss.value + state.loss.error;
        let gap = 2.0 * apart
            + 2.0 * (1.0 - shrink) * (1.0 - shrink) * loss
            + lambda * slack(atoms, &etas, shrink, eta_error);
        let on_ridges = places.into_iter().zip(etas[points.len() + near.len()..].iter().copied());
        let exceeding = on_ridges.filter(|(_, eta)| eta.abs() > 1.0 + eta_error).collect();
        Ok(Dual { gap, exceeding })
    }
}

/// What a dual point gives.
struct Dual {
    gap: f64,
    /// Places on the ridges where `|eta|` exceeds one, with `eta` there.
    exceeding: Vec<(Vec<f64>, f64)>,
}

/// `sum_j |c_j| (1 - s sign(c_j) eta_j)`, rounded upward.
fn slack(atoms: &Atoms, etas: &[f64], shrink: f64, eta_error: f64) -> f64 {
    let terms = atoms.iter().zip(etas);
    terms.map(|(a, eta)| a.mass.abs() * (1.0 - shrink * a.sign() * eta + eta_error)).sum()
}

#[cfg(test)]
mod tests;
