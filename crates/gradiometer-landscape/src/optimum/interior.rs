//! Masses and directions of many atoms together, by a primal-dual interior-point method.
//!
//! Let `c_j > 0` be an atom's mass without its sign `s_j`, `n_j` a small turn of its direction, `m_j = c_j n_j` its moment and
//! `E_j = s_j d2 e` the curvature of the potential `e` at it, the measure held fixed. To second order in changes of `c` and in `m`
//!
//! ```text
//! P(c + h, m)/lambda = P/lambda + sum_j h_j (1 - s_j eta_j) - sum_j m_j' s_j grad eta_j
//!                      + (1/lambda) |sum_j s_j (h_j + m_j' d) sigma(v_j)|^2 + (1/lambda) sum_j m_j' E_j m_j/(c_j + h_j),
//! ```
//!
//! which is convex where every `E_j` is positive semidefinite, as at an atom that sits on a maximum of `s_j eta`. A barrier
//! `-tau sum_j log c_j` keeps the masses positive; its multipliers `z_j` tend to the slacks `1 - s_j eta_j`, so that at the end every point has
//! `c_j z_j = tau`: which points carry mass is found on the way, not guessed. Moments in place of turns make the Hessian independent of how mass is
//! shared out between close points.
//!
//! Along a curve with `|eta| = 1` the curvature vanishes, and points that slide along it change next to nothing: such directions are given the
//! stiffness of the others, or held fixed.

use super::atoms::{Atom, Atoms, State};
use super::field::Field;
use super::search::Coordinates;
use crate::error::LandscapeError;
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use gradiometer_hermite::float::{maximum, maximum_of, minimum};
use gradiometer_model::SeparatedTeacher;
use gradiometer_model::geometry::{dot, norm, projective_angle};
use rayon::prelude::*;

/// Steps of one stage.
const STEPS: usize = 30;
/// How far towards the boundary a step goes.
const BOUNDARY: f64 = 0.99;
/// Curvatures below this share of the largest lead along a curve.
const WEAK: f64 = 0.02;
/// Share of the largest curvature that a stiff direction has, and one that is held.
const STIFF: f64 = 0.3;
const HELD: f64 = 1e6;
/// Lengths tried of one step.
const LENGTHS: [f64; 4] = [1.0, 0.5, 0.2, 0.05];
/// Solutions with stiffer atoms, before turns that are too long are cut.
const STIFFENINGS: usize = 7;
/// The share of its distance to the nearest other that an atom may turn by in one step, and the largest turn, radians.
const REACH: f64 = 0.5;
const LARGEST_TURN: f64 = 0.1;
/// What the diagonal is raised by until the factorisation exists, in roundings, and refinements of a solution.
const SHIFTS: [f64; 4] = [4.0, 64.0, 1024.0, 65536.0];
const SOLUTIONS: usize = 2;
/// The share of the predicted decrease that a step must reach.
const SUFFICIENT: f64 = 1e-4;
/// The least slack that an atom starts with.
const LEAST_SLACK: f64 = 1e-8;
/// Atoms of less mass than this share of `lambda` times their slack are not moved.
const IDLE: f64 = 1e-2;

/// What atoms do in directions along a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    Slide,
    Stay,
}

/// One run of the method.
pub(super) struct Stage<'a> {
    pub(super) coordinates: &'a Coordinates,
    pub(super) teacher: &'a SeparatedTeacher,
    pub(super) lambda: f64,
    pub(super) along: Along,
    /// `sum_j c_j z_j` at the start relative to `|mu*|`; by the atoms' own slacks if `None`.
    pub(super) start: Option<f64>,
    /// The same at the end, and what `P/lambda` may still be expected to fall by.
    pub(super) end: f64,
    /// How accurately `1 - s_j eta_j = z_j` is to hold at the end.
    pub(super) accuracy: f64,
}

impl Stage<'_> {
    /// Lowers `P`. Atoms that carry no mass at the end are dropped.
    pub(super) fn solve(&self, atoms: &mut Atoms) -> Result<(), LandscapeError> {
        if atoms.is_empty() {
            return Ok(());
        }
        let mut iterate = Iterate::new(std::mem::take(atoms), self)?;
        let goal = self.end * self.teacher.total_mass();
        for _ in 0..STEPS {
            let Some(expected) = self.advance(&mut iterate)? else { break };
            if iterate.barrier * iterate.slacks.len() as f64 <= goal
                && expected <= goal
                && iterate.off(self) <= self.accuracy
            {
                break;
            }
            iterate.barrier = maximum(iterate.barrier, 0.3 * goal / iterate.slacks.len() as f64);
        }
        *atoms = iterate.atoms;
        atoms.keep_heavier(iterate.slacks.iter().map(|z| z * self.lambda));
        Ok(())
    }

    /// One step; the decrease of `P/lambda` that was expected of it, or nothing if none was found.
    fn advance(&self, iterate: &mut Iterate) -> Result<Option<f64>, LandscapeError> {
        let model = Model::new(iterate, self);
        for stiffness in &mut iterate.stiffness {
            *stiffness = maximum(1.0, 0.3 * *stiffness);
        }
        let before = iterate.merit();
        let (mut shorter, mut stiffened) = (0, 0);
        while shorter < LENGTHS.len() {
            let Some(step) = model.step(iterate) else { return Ok(None) };
            let length = minimum(LENGTHS[shorter], iterate.longest(&step));
            let trial = model.moved(iterate, self, &step, length);
            if stiffened < STIFFENINGS && iterate.stiffen(&trial.turns) {
                stiffened += 1;
                continue;
            }
            let state = trial.atoms.evaluate(self.teacher, &[])?;
            let after = (state.loss.value, iterate.barrier_of(&trial.atoms));
            let change = (after.0 - before.0) / self.lambda + trial.added + (after.1 - before.1);
            let expected = -length * dot(&model.gradient, &step);
            let rounding = f64::EPSILON * (1.0 + before.0 / self.lambda);
            shorter += 1;
            if shorter == LENGTHS.len() || change <= rounding - SUFFICIENT * expected {
                iterate.follow(trial.atoms, state, &step, length);
                return Ok(Some(expected));
            }
        }
        Ok(None)
    }
}

/// Atoms with what the method knows of them.
struct Iterate {
    atoms: Atoms,
    state: State,
    /// `z_j`.
    slacks: Vec<f64>,
    /// `tau`.
    barrier: f64,
    /// By how much each atom's curvatures are raised, at least 1.
    stiffness: Vec<f64>,
    /// How far each may turn.
    reaches: Vec<f64>,
}

impl Iterate {
    fn new(atoms: Atoms, stage: &Stage<'_>) -> Result<Self, LandscapeError> {
        let state = atoms.evaluate(stage.teacher, &[])?;
        let count = atoms.len() as f64;
        let own = |(atom, derivative): (&Atom, &f64)| {
            maximum(LEAST_SLACK, (1.0 + atom.sign() * derivative / stage.lambda).abs())
        };
        let mut slacks: Vec<f64> = atoms.iter().zip(&state.derivatives).map(own).collect();
        let barrier = match stage.start {
            Some(start) => start * stage.teacher.total_mass() / count,
            None => atoms.iter().zip(&slacks).map(|(a, z)| a.mass.abs() * z).sum::<f64>() / count,
        };
        for (z, atom) in slacks.iter_mut().zip(atoms.iter()) {
            let central = barrier / atom.mass.abs();
            *z = if stage.start.is_some() { central } else { maximum(*z, 0.01 * central) };
        }
        let nearest = |j: usize| {
            let others = atoms.iter().enumerate().filter(|(k, _)| *k != j);
            let distances =
                others.map(|(_, a)| projective_angle(&a.direction, &atoms.at(j).direction));
            minimum(REACH * distances.fold(1.0, minimum), LARGEST_TURN)
        };
        let reaches = (0..atoms.len()).map(nearest).collect();
        Ok(Self { stiffness: vec![1.0; atoms.len()], atoms, state, slacks, barrier, reaches })
    }

    /// The loss and the barrier's value.
    fn merit(&self) -> (f64, f64) {
        (self.state.loss.value, self.barrier_of(&self.atoms))
    }

    fn barrier_of(&self, atoms: &Atoms) -> f64 {
        -self.barrier * atoms.iter().map(|atom| atom.mass.abs().ln()).sum::<f64>()
    }

    /// The largest `|1 - s_j eta_j - z_j|`.
    fn off(&self, stage: &Stage<'_>) -> f64 {
        let pairs = self.atoms.iter().zip(&self.state.derivatives).zip(&self.slacks);
        let off = |((atom, derivative), z): ((&Atom, &f64), &f64)| {
            (1.0 + atom.sign() * derivative / stage.lambda - z).abs()
        };
        maximum_of(pairs.map(off))
    }

    /// The share of a step that leaves the masses positive.
    fn longest(&self, step: &[f64]) -> f64 {
        let shares = self.atoms.iter().zip(step).filter(|(_, h)| **h < 0.0);
        shares.map(|(atom, h)| BOUNDARY * atom.mass.abs() / -h).fold(1.0, minimum)
    }

    /// Makes atoms stiffer whose turns are beyond their reach; whether there were any.
    fn stiffen(&mut self, turns: &[f64]) -> bool {
        let mut any = false;
        for ((stiffness, reach), turn) in self.stiffness.iter_mut().zip(&self.reaches).zip(turns) {
            if *turn > 1.5 * reach {
                *stiffness *= minimum(3.0 * turn / reach, 1e3);
                any = true;
            }
        }
        any
    }

    /// Takes a step's result; the slacks and the barrier follow.
    fn follow(&mut self, atoms: Atoms, state: State, step: &[f64], length: f64) {
        let changes: Vec<f64> = self
            .atoms
            .iter()
            .zip(step)
            .zip(&self.slacks)
            .map(|((atom, h), z)| (self.barrier - z * h) / atom.mass.abs() - z)
            .collect();
        let falling = self.slacks.iter().zip(&changes).filter(|(_, dz)| **dz < 0.0);
        let dual = falling.map(|(z, dz)| BOUNDARY * z / -dz).fold(1.0, minimum);
        for (z, dz) in self.slacks.iter_mut().zip(&changes) {
            *z += dual * dz;
        }
        let products = atoms.iter().zip(&self.slacks).map(|(a, z)| a.mass.abs() * z);
        let mean = products.sum::<f64>() / self.slacks.len() as f64;
        let least = minimum(length, dual);
        self.barrier = mean
            * if least > 0.9 {
                0.1
            } else if least > 0.5 {
                0.3
            } else {
                0.8
            };
        (self.atoms, self.state) = (atoms, state);
    }
}

/// The second-order model of `P/lambda` with its barrier: the masses first, then `n - 1` moments for each atom.
struct Model {
    field: Field,
    gradient: Vec<f64>,
    hessian: Mat<f64>,
    /// The largest curvature at each atom over its mass: what stiffness multiplies.
    scales: Vec<f64>,
}

/// A step's result.
struct Trial {
    atoms: Atoms,
    /// The turns before any is cut.
    turns: Vec<f64>,
    /// The mass that was added.
    added: f64,
}

impl Model {
    fn new(iterate: &Iterate, stage: &Stage<'_>) -> Self {
        let (atoms, lambda) = (&iterate.atoms, stage.lambda);
        let field = Field::new(atoms, stage.coordinates, stage.teacher);
        let (m, size) = (atoms.len(), stage.coordinates.size() - 1);
        let rows: Vec<Row> =
            (0..m).into_par_iter().map(|j| Row::new(&field, atoms, stage, iterate, j)).collect();
        let n = m * (1 + size);
        let mut hessian = Mat::zeros(n, n);
        let mut gradient = vec![0.0; n];
        for (j, row) in rows.iter().enumerate() {
            gradient[j] = 1.0 + atoms.at(j).sign() * iterate.state.derivatives[j] / lambda
                - iterate.barrier / atoms.at(j).mass.abs();
            for k in 0..m {
                hessian[(j, k)] = row.masses[k];
                for x in 0..size {
                    hessian[(m + k * size + x, j)] = row.mixed[k * size + x];
                    hessian[(j, m + k * size + x)] = row.mixed[k * size + x];
                    for y in 0..size {
                        hessian[(m + j * size + x, m + k * size + y)] =
                            row.moments[(k * size + x) * size + y];
                    }
                }
            }
            gradient[m + j * size..m + (j + 1) * size].copy_from_slice(&row.slope);
        }
        Self { field, gradient, hessian, scales: rows.iter().map(|row| row.scale).collect() }
    }

    /// Newton's step, with the iterate's stiffness.
    fn step(&self, iterate: &Iterate) -> Option<Vec<f64>> {
        let n = self.gradient.len();
        let m = self.scales.len();
        let size = n / m - 1;
        let raised = |x: usize| {
            let own = self.hessian[(x, x)];
            if x < m {
                return own;
            }
            let j = (x - m) / size;
            own + (iterate.stiffness[j] - 1.0) * self.scales[j]
        };
        let units: Vec<f64> = (0..n).map(|x| 1.0 / raised(x).sqrt()).collect();
        let entry = |x: usize, y: usize| {
            if x == y { 1.0 } else { units[x] * units[y] * self.hessian[(x, y)] }
        };
        let scaled = Mat::from_fn(n, n, entry);
        // Definite up to rounding; what is raised is made up for by the refinement.
        let raised = |times: &f64| {
            let shift = times * f64::EPSILON * n as f64;
            Mat::from_fn(n, n, |x, y| entry(x, y) + if x == y { shift } else { 0.0 })
                .llt(Side::Lower)
                .ok()
        };
        let factor = SHIFTS.iter().find_map(raised)?;
        let right = Mat::from_fn(n, 1, |x, _| -units[x] * self.gradient[x]);
        let mut solution = factor.solve(&right);
        for _ in 0..SOLUTIONS {
            let rest = &right - &scaled * &solution;
            solution += factor.solve(&rest);
        }
        Some((0..n).map(|x| units[x] * solution[(x, 0)]).collect())
    }

    fn moved(&self, iterate: &Iterate, stage: &Stage<'_>, step: &[f64], length: f64) -> Trial {
        let m = self.scales.len();
        let size = stage.coordinates.size() - 1;
        let mut atoms = iterate.atoms.clone();
        let mut turns = Vec::with_capacity(m);
        for (j, atom) in atoms.iter_mut().enumerate() {
            let mass = atom.mass.abs();
            let after = maximum(mass + length * step[j], 0.5 * mass);
            let moment = &step[m + j * size..m + (j + 1) * size];
            let turn = length * norm(moment) / after;
            turns.push(turn);
            let share = if turn > 0.0 { minimum(1.0, iterate.reaches[j] / turn) } else { 1.0 };
            let mut turned = vec![0.0; stage.coordinates.size()];
            for (t, x) in self.field.tangents[j].iter().zip(moment) {
                for (w, t) in turned.iter_mut().zip(t) {
                    *w += share * length / after * x * t;
                }
            }
            atom.add_mass(atom.sign() * length * step[j]);
            atom.turn(&stage.coordinates.embed(&turned));
        }
        Trial { atoms, turns, added: length * step[..m].iter().sum::<f64>() }
    }
}

/// One atom's part of the model.
struct Row {
    slope: Vec<f64>,
    /// Masses with masses.
    masses: Vec<f64>,
    /// This mass with every atom's moments.
    mixed: Vec<f64>,
    /// This atom's moments with every atom's: for atom `k` `size x size` from `k size^2` on.
    moments: Vec<f64>,
    scale: f64,
}

impl Row {
    fn new(field: &Field, atoms: &Atoms, stage: &Stage<'_>, iterate: &Iterate, j: usize) -> Self {
        let (m, size) = (atoms.len(), stage.coordinates.size() - 1);
        let atom = atoms.at(j);
        let mass = atom.mass.abs();
        let gradient = stage.coordinates.of(&iterate.state.gradients[j]);
        let slope = field.along(j, &gradient);
        let mut row = Self {
            slope: slope.iter().map(|g| atom.sign() * g / stage.lambda).collect(),
            masses: vec![0.0; m],
            mixed: vec![0.0; m * size],
            moments: vec![0.0; m * size * size],
            scale: 0.0,
        };
        for k in 0..m {
            let (_, at) = field.kernel(j, k);
            let factor = 2.0 * atom.sign() * atoms.at(k).sign() / stage.lambda;
            row.masses[k] = factor * at.value;
            let (of_k, of_j) = (field.along(k, &field.points[j]), field.along(j, &field.points[k]));
            let second = if j == k { 0.0 } else { at.second };
            for x in 0..size {
                row.mixed[k * size + x] = factor * at.first * of_k[x];
                for (y, of_k) in of_k.iter().enumerate() {
                    let both = dot(&field.tangents[j][x], &field.tangents[k][y]);
                    row.moments[(k * size + x) * size + y] =
                        factor * (second * of_j[x] * of_k + at.first * both);
                }
            }
        }
        row.masses[j] += iterate.slacks[j] / mass;
        let weak = match stage.along {
            Along::Slide => STIFF,
            Along::Stay => HELD,
        };
        let idle = mass < IDLE * stage.lambda * iterate.slacks[j];
        let weak = if idle { HELD } else { weak };
        let (curvature, largest) =
            stiffened(&field.curvature(j), 2.0 * atom.sign() / stage.lambda, weak, idle);
        row.scale = largest / mass;
        for x in 0..size {
            for y in 0..size {
                row.moments[(j * size + x) * size + y] += curvature[(x, y)] / mass;
            }
        }
        row
    }
}

/// `factor` times a symmetric matrix, its eigenvalues below [`WEAK`] of the largest modulus, or all, replaced by `weak` times that; and the modulus.
fn stiffened(matrix: &Mat<f64>, factor: f64, weak: f64, all: bool) -> (Mat<f64>, f64) {
    let n = matrix.nrows();
    let Ok(eigen) = matrix.self_adjoint_eigen(Side::Lower) else {
        return (Mat::identity(n, n), 1.0);
    };
    let values: Vec<f64> = (0..n).map(|i| factor * eigen.S()[i]).collect();
    let largest = maximum(f64::MIN_POSITIVE, maximum_of(values.iter().map(|v| v.abs())));
    let raised = |v: f64| if all || v <= WEAK * largest { weak * largest } else { v };
    let u = eigen.U();
    let entry =
        |x: usize, y: usize| (0..n).map(|i| raised(values[i]) * u[(x, i)] * u[(y, i)]).sum::<f64>();
    (Mat::from_fn(n, n, entry), largest)
}
