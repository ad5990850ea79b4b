//! Newton's method for `P` in the masses and directions of given atoms.
//!
//! With `e(w) = sum_b nu_b k(w.v_b)`, `nu = mu - mu*`, signs `s_j` and an orthonormal basis `T_j` of the tangent space at `v_j`:
//!
//! ```text
//! dP/dc_j = lambda s_j + 2 e(v_j)                 d2P/dc_j dc_k = 2 k(t_jk)
//! dP/dv_j = 2 c_j T_j' grad e(v_j)                d2P/dc_j dv_k = 2 c_k k'(t_jk) T_k' v_j,   j != k
//!                                                 d2P/dc_j dv_j = 2 T_j' grad e(v_j)
//! d2P/dv_j dv_k = 2 c_j c_k ( k''(t_jk) (T_j' v_k)(T_k' v_j)' + k'(t_jk) T_j' T_k ),   j != k
//! d2P/dv_j dv_j = 2 c_j sum_{b != j} nu_b ( k''(t_jb) (T_j' v_b)(T_j' v_b)' - k'(t_jb) t_jb I )
//! ```
//!
//! The first derivatives are evaluated accurately, the second in doubles: their errors slow the iteration down but do not move its end.

use super::atoms::{Atoms, State};
use super::field::Field;
use super::search::Coordinates;
use crate::error::LandscapeError;
use faer::{Mat, Side};
use gradiometer_hermite::float::{maximum, maximum_of, minimum, minimum_of};
use gradiometer_model::SeparatedTeacher;
use gradiometer_model::geometry::{dot, norm, normalised};

/// Steps of one descent.
const STEPS: usize = 40;
/// Halvings of one step.
const HALVINGS: usize = 20;
/// Refinements of the masses alone, at the end.
const REFINEMENTS: usize = 4;
/// The largest turn of an atom in one step, radians.
const LARGEST_TURN: f64 = 0.2;
/// Eigenvalues of the scaled Hessian below this share of the largest are raised to it.
const FLOOR: f64 = 1e-10;
/// The same for masses alone, which are refined: even a direction known to no digit but the first converges.
const MASS_FLOOR: f64 = 1e-15;
/// The share of the predicted decrease that a step must reach.
const SUFFICIENT: f64 = 1e-4;
/// Conditions met to this many roundings are met.
const ROUNDINGS: f64 = 4.0;

/// Lowers `P` until its derivatives vanish or no step helps. Atoms whose mass reaches zero are dropped.
///
/// The directions are doubles, and their last bits move `eta` at the other atoms by `eps/lambda`; so at the end the masses alone are
/// refined, which have the bits to answer that.
pub(super) fn descend(
    atoms: &mut Atoms,
    coordinates: &Coordinates,
    teacher: &SeparatedTeacher,
    lambda: f64,
) -> Result<(), LandscapeError> {
    refine_masses(atoms, coordinates, teacher, lambda, atoms.len())?;
    slide(atoms, coordinates, teacher, lambda)?;
    refine_masses(atoms, coordinates, teacher, lambda, REFINEMENTS)
}

/// Newton's method in the masses alone, where `P` is quadratic; an atom whose mass reaches zero is dropped.
fn refine_masses(
    atoms: &mut Atoms,
    coordinates: &Coordinates,
    teacher: &SeparatedTeacher,
    lambda: f64,
    steps: usize,
) -> Result<(), LandscapeError> {
    let mut state = atoms.evaluate(teacher, &[])?;
    for _ in 0..steps {
        if atoms.is_empty() {
            break;
        }
        let system = System::new(atoms, coordinates, teacher, &state, lambda);
        let step = system.masses().solve(MASS_FLOOR);
        let length = longest_mass_step(atoms, &step);
        let mut trial = atoms.clone();
        for (atom, change) in trial.iter_mut().zip(&step) {
            atom.change_mass(*change, length);
        }
        trial.drop_empty();
        let next = trial.evaluate(teacher, &[])?;
        let dropped = trial.len() < atoms.len();
        if !(dropped || off_sign(&trial, &next, lambda) < off_sign(atoms, &state, lambda)) {
            break;
        }
        *atoms = trial;
        state = next;
    }
    Ok(())
}

/// The share of a step, at most one, that leaves no mass beyond zero.
fn longest_mass_step(atoms: &Atoms, step: &[f64]) -> f64 {
    let opposed = atoms.iter().zip(step).filter(|(atom, change)| **change * atom.mass < 0.0);
    opposed.map(|(atom, change)| (atom.mass / change).abs()).fold(1.0, minimum)
}

/// Moves masses and directions.
fn slide(
    atoms: &mut Atoms,
    coordinates: &Coordinates,
    teacher: &SeparatedTeacher,
    lambda: f64,
) -> Result<(), LandscapeError> {
    let mut state = atoms.evaluate(teacher, &[])?;
    for _ in 0..STEPS {
        if atoms.is_empty() {
            return Ok(());
        }
        let residual = defect(atoms, &state, lambda);
        if residual <= ROUNDINGS * f64::EPSILON {
            return Ok(());
        }
        let system = System::new(atoms, coordinates, teacher, &state, lambda);
        let step = system.solve(FLOOR);
        let slope = dot(&step, &system.gradient);
        let mut length = system.longest(atoms, &step);
        let mut accepted = None;
        for _ in 0..HALVINGS {
            let trial = system.moved(atoms, coordinates, &step, length);
            let next = trial.evaluate(teacher, &[])?;
            // No mass crosses zero, so that sum_j |c_j| changes linearly.
            let masses: f64 = atoms.iter().zip(&step).map(|(atom, by)| atom.sign() * by).sum();
            let change = (next.loss.value - state.loss.value) + lambda * length * masses;
            // Once the value's own rounding hides the decrease, the derivatives decide.
            if change <= SUFFICIENT * length * slope
                || defect(&trial, &next, lambda) <= 0.5 * residual
            {
                accepted = Some((trial, next));
                break;
            }
            length *= 0.5;
        }
        let Some((trial, next)) = accepted else { return Ok(()) };
        *atoms = trial;
        state = next;
        let before = atoms.len();
        atoms.drop_empty();
        if atoms.len() < before {
            state = atoms.evaluate(teacher, &[])?;
        }
    }
    Ok(())
}

/// The largest of `|1 - s_j eta(v_j)|` and `|grad eta(v_j)|^2`, which is what the duality gap feels of a direction.
fn defect(atoms: &Atoms, state: &State, lambda: f64) -> f64 {
    let slopes = state.slopes.iter().map(|slope| (slope / lambda).powi(2));
    maximum(off_sign(atoms, state, lambda), maximum_of(slopes))
}

/// The largest `|1 - s_j eta(v_j)|`.
fn off_sign(atoms: &Atoms, state: &State, lambda: f64) -> f64 {
    let pairs = atoms.iter().zip(&state.derivatives);
    maximum_of(pairs.map(|(atom, derivative)| (atom.sign() + derivative / lambda).abs()))
}

/// The smallest curvature of `-s_j eta` at each atom with the measure held fixed: there `d2 e/dv2` has the atom's own
/// `-c_j k'(1) I`, `k'(1) = 1/4`, beside the other terms.
pub(super) fn curvatures(
    atoms: &Atoms,
    coordinates: &Coordinates,
    teacher: &SeparatedTeacher,
    lambda: f64,
) -> Vec<f64> {
    let places = Field::new(atoms, coordinates, teacher);
    atoms
        .iter()
        .enumerate()
        .map(|(j, atom)| {
            let hessian = places.curvature(j);
            let scale = 2.0 * atom.sign() / lambda;
            let curved = hessian.self_adjoint_eigenvalues(Side::Lower);
            // Without eigenvalues nothing is known of the curvature.
            curved.map_or(0.0, |values| minimum_of(values.iter().map(|x| scale * x)))
        })
        .collect()
}

/// The step `-|Hessian|^-1 gradient`, `|.|` taking the modulus of every eigenvalue: Newton's step where the Hessian is positive definite,
/// a descent direction everywhere. Every coordinate is first scaled to a unit diagonal, since the curvature in a direction is
/// proportional to the atom's mass and to `lambda`.
fn newton_step(hessian: &Mat<f64>, gradient: &[f64], floor: f64) -> Vec<f64> {
    let n = gradient.len();
    let scales: Vec<f64> = (0..n)
        .map(|x| {
            let size = hessian[(x, x)].abs().sqrt();
            if size > 0.0 { 1.0 / size } else { 1.0 }
        })
        .collect();
    let scaled = Mat::from_fn(n, n, |x, y| scales[x] * hessian[(x, y)] * scales[y]);
    let Ok(eigen) = scaled.self_adjoint_eigen(Side::Lower) else {
        return gradient.iter().zip(&scales).map(|(g, s)| -s * s * g).collect();
    };
    let values: Vec<f64> = (0..n).map(|i| eigen.S()[i].abs()).collect();
    let floor = floor * maximum_of(values.iter().copied());
    let mut step = vec![0.0; n];
    for (i, value) in values.iter().enumerate() {
        let along: f64 = (0..n).map(|x| eigen.U()[(x, i)] * scales[x] * gradient[x]).sum();
        let length = along / maximum(*value, floor);
        for (x, s) in step.iter_mut().enumerate() {
            *s -= length * scales[x] * eigen.U()[(x, i)];
        }
    }
    step
}

/// Gradient and Hessian of `P`: the masses first, then `n - 1` tangent coordinates for each atom.
struct System {
    gradient: Vec<f64>,
    hessian: Mat<f64>,
    places: Field,
}

impl System {
    fn new(
        atoms: &Atoms,
        coordinates: &Coordinates,
        teacher: &SeparatedTeacher,
        state: &State,
        lambda: f64,
    ) -> Self {
        let places = Field::new(atoms, coordinates, teacher);
        let (m, tangent) = (atoms.len(), coordinates.size() - 1);
        let turns = |j: usize| m + j * tangent;
        let mut gradient = vec![0.0; m + m * tangent];
        let mut hessian = Mat::zeros(gradient.len(), gradient.len());
        let c = &places.masses;
        for (j, atom) in atoms.iter().enumerate() {
            gradient[j] = lambda * atom.sign() + state.derivatives[j];
            let slope = places.along(j, &coordinates.of(&state.gradients[j]));
            let pull = places.pull(j);
            for x in 0..tangent {
                gradient[turns(j) + x] = c[j] * slope[x];
                hessian[(j, turns(j) + x)] = slope[x];
                for y in 0..tangent {
                    hessian[(turns(j) + x, turns(j) + y)] = 2.0 * c[j] * pull[(x, y)];
                }
            }
            for k in 0..m {
                let (_, at) = places.kernel(j, k);
                hessian[(j, k)] = 2.0 * at.value;
                if k == j {
                    continue;
                }
                // How v_j lies in the tangent space at v_k, and the other way round.
                let (at_k, at_j) =
                    (places.along(k, &places.points[j]), places.along(j, &places.points[k]));
                for y in 0..tangent {
                    hessian[(j, turns(k) + y)] = 2.0 * c[k] * at.first * at_k[y];
                    for x in 0..tangent {
                        let both = dot(&places.tangents[j][x], &places.tangents[k][y]);
                        hessian[(turns(j) + x, turns(k) + y)] =
                            2.0 * c[j] * c[k] * (at.second * at_j[x] * at_k[y] + at.first * both);
                    }
                }
            }
        }
        // The faces between masses and directions were filled on one side.
        for row in 0..m {
            for column in m..gradient.len() {
                hessian[(column, row)] = hessian[(row, column)];
            }
        }
        Self { gradient, hessian, places }
    }

    /// The system of the masses alone.
    fn masses(self) -> Self {
        let m = self.places.tangents.len();
        let hessian = self.hessian.submatrix(0, 0, m, m).to_owned();
        Self { gradient: self.gradient[..m].to_vec(), hessian, places: self.places }
    }

    fn solve(&self, floor: f64) -> Vec<f64> {
        newton_step(&self.hessian, &self.gradient, floor)
    }

    fn turn<'a>(&self, step: &'a [f64], j: usize) -> &'a [f64] {
        let (m, tangent) = (self.places.tangents.len(), self.places.tangents[j].len());
        &step[m + j * tangent..m + (j + 1) * tangent]
    }

    /// The share of the step, at most one, that turns no atom by more than [`LARGEST_TURN`] and leaves no mass beyond zero.
    fn longest(&self, atoms: &Atoms, step: &[f64]) -> f64 {
        let mut length = longest_mass_step(atoms, step);
        for j in 0..atoms.len() {
            let turn = norm(self.turn(step, j));
            if turn * length > LARGEST_TURN {
                length = LARGEST_TURN / turn;
            }
        }
        length
    }

    fn moved(&self, atoms: &Atoms, coordinates: &Coordinates, step: &[f64], length: f64) -> Atoms {
        let mut moved = atoms.clone();
        for (j, atom) in moved.iter_mut().enumerate() {
            atom.change_mass(step[j], length);
            let mut turned = vec![0.0; coordinates.size()];
            for (t, x) in self.places.tangents[j].iter().zip(self.turn(step, j)) {
                for (w, t) in turned.iter_mut().zip(t) {
                    *w += length * x * t;
                }
            }
            let turned = coordinates.embed(&turned);
            let sum: Vec<f64> = atom.direction.iter().zip(turned).map(|(v, t)| v + t).collect();
            atom.direction = normalised(&sum);
        }
        moved
    }
}
