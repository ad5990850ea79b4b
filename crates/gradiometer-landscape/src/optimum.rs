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
//! **Curves.** Where the minimal-norm interpolant (`l = 2`) is a certificate with `rho > 0`, the optimum has one atom near
//! each teacher direction for small `lambda`, and the gap reaches rounding. So it does for every teacher of rank 2 that was tried. From rank 3 on, where
//! that interpolant exceeds 1, the optimum is in general **not a finite sum of atoms**: `|eta| = 1` along curves, some of order one in length, some of order
//! `lambda` next to a teacher, some from the one scale to the other, and the measure has a density there (the kernel is as smooth as that of a plate
//! pressed against an obstacle, which touches in curves and regions). Between two points that are a distance `h` apart on
//! a curve `|eta|` exceeds one by a multiple of `density h^4/lambda`, as a cubic spline misses a smooth function. So there are three more parts:
//! - an interior-point method (`interior.rs`) for masses and directions of some hundreds of points at once, which finds what carries mass on its way. Points
//!   next to a teacher are `lambda` apart, what tells their neurons apart is of order `lambda^3`, and so its linear systems are in double-double;
//! - new points where the excess times the mass around it is largest, which is what the gap feels, in rounds that gain a digit each;
//! - a dual point (`refine.rs`) that is lowered around each excess by just that much: far from the heavy atoms this costs next to nothing.
//!
//! [`Optimum::converged`] is false where the gap is not what was asked for, and the interval is as true as the search for the largest `|eta|`.

mod atoms;
mod field;
mod interior;
mod newton;
mod refine;
mod search;

use crate::error::LandscapeError;
use crate::measure::Measure;
use crate::point::Point;
use atoms::Atoms;
use gradiometer_hermite::float::{maximum, maximum_of, minimum};
use gradiometer_model::SeparatedTeacher;
use gradiometer_population::{Bounded, Stop};
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
    /// Rounds of refinement where the optimum is no finite sum of atoms; none leaves the gap of a few atoms, in seconds where
    /// refinements take minutes from rank four on.
    pub refinements: usize,
    /// Seed of the starting points.
    pub seed: u64,
}

impl Default for OptimumOptions {
    fn default() -> Self {
        Self { gap: 1e-12, starts: 200, rounds: 12, atoms: 600, refinements: 14, seed: 0 }
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
    regularised_optimum_until(teacher, lambda, options, &Stop::new())
}

/// The same until somebody raises the flag.
///
/// # Errors
/// As for [`regularised_optimum`], and [`LandscapeError::Interrupted`] once the flag is raised.
pub fn regularised_optimum_until(
    teacher: &SeparatedTeacher,
    lambda: f64,
    options: &OptimumOptions,
    stop: &Stop,
) -> Result<Optimum, LandscapeError> {
    let mut path = path_until(teacher, &[lambda], options, stop)?;
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
    path_until(teacher, lambdas, options, &Stop::new())
}

fn path_until(
    teacher: &SeparatedTeacher,
    lambdas: &[f64],
    options: &OptimumOptions,
    stop: &Stop,
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
        let problem = Problem { sphere: &sphere, teacher, lambda, options, own, stop };
        path.push(problem.solve(&mut atoms)?);
    }
    Ok(path)
}

/// Places closer than this to an atom belong to it, and atoms of one sign that are closer are one: the least and the greatest such angle.
const OWN: [f64; 2] = [4e-5, 1e-3];
/// The same as a share of the separation, for teachers that are close, and of `lambda`, the size of what an atom near a teacher may
/// spread into.
const OWN_SHARES: [f64; 2] = [0.05, 0.25];

/// Atoms that a finite sum is looked for with: in the plane, where the optimum is one, and for each of the teacher's neurons elsewhere.
const FEW: usize = 48;
const FEW_EACH: usize = 3;

/// One teacher, one `lambda`.
struct Problem<'a> {
    sphere: &'a Sphere,
    teacher: &'a SeparatedTeacher,
    lambda: f64,
    options: &'a OptimumOptions,
    /// Places closer than this to an atom belong to it.
    own: f64,
    /// What ends the search.
    stop: &'a Stop,
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
        let plane = self.sphere.coordinates().size() == 2;
        let few = if plane { FEW } else { FEW_EACH * self.teacher.neurons() };
        let few = few.min(self.options.atoms);
        for round in 1..=self.options.rounds {
            self.go_on()?;
            self.descend(atoms)?;
            let Assessment { optimum, exceeding } = self.assess(atoms, round)?;
            let converged = optimum.converged;
            if best.as_ref().is_none_or(|(b, _)| optimum.duality_gap < b.duality_gap) {
                best = Some((optimum, atoms.clone()));
            }
            let mut added = false;
            for (place, eta) in exceeding {
                if atoms.len() < few {
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
        if optimum.converged || self.options.refinements == 0 {
            return Ok(optimum);
        }
        self.refine(optimum, atoms)
    }

    /// # Errors
    /// [`LandscapeError::Interrupted`] once the flag is raised.
    fn go_on(&self) -> Result<(), LandscapeError> {
        if self.stop.is_raised() { Err(LandscapeError::Interrupted) } else { Ok(()) }
    }

    fn descend(&self, atoms: &mut Atoms) -> Result<(), LandscapeError> {
        let coordinates = self.sphere.coordinates();
        newton::descend(atoms, coordinates, self.teacher, self.lambda)?;
        while atoms.merge(self.own) {
            self.go_on()?;
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
        let optimum = self.optimum(atoms, loss, duality_gap, largest_eta, round);
        let beyond = found.away.into_iter().zip(at_probes[found.beside.len()..].iter().copied());
        let exceeding = beyond.filter(|(_, eta)| eta.abs() > 1.0 + eta_error).collect();
        Ok(Assessment { optimum, exceeding })
    }

    fn optimum(
        &self,
        atoms: &Atoms,
        loss: Bounded,
        duality_gap: f64,
        largest_eta: f64,
        rounds: usize,
    ) -> Optimum {
        let (teacher, lambda) = (self.teacher, self.lambda);
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
            rounds,
            converged: false,
            teacher_mass,
        };
        let converged = optimum.duality_gap <= self.options.gap * optimum.value();
        Optimum { converged, ..optimum }
    }
}

/// `sum_j |c_j| (1 - s sign(c_j) eta_j)`, rounded upward.
fn slack(atoms: &Atoms, etas: &[f64], shrink: f64, eta_error: f64) -> f64 {
    let terms = atoms.iter().zip(etas);
    terms.map(|(a, eta)| a.mass.abs() * (1.0 - shrink * a.sign() * eta + eta_error)).sum()
}

#[cfg(test)]
mod tests;
