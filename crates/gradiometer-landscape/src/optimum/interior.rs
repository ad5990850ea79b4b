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
//! shared out between close points. What tells close points apart is far below the last bit of a double (see [`Gram`]), so the system is solved in
//! double-double.
//!
//! Along a curve with `|eta| = 1` the curvature vanishes, and points that slide along it change next to nothing: such directions are given the
//! stiffness of the others, or held fixed.

use super::atoms::{Atom, Atoms, State};
use super::field::Field;
use super::search::Coordinates;
use crate::error::LandscapeError;
use faer::{Mat, Side};
use gradiometer_hermite::float::{maximum, maximum_of, minimum};
use gradiometer_model::SeparatedTeacher;
use gradiometer_model::geometry::{dot, norm, projective_angle};
use gradiometer_population::Gram;

/// Steps of one stage.
const STEPS: usize = 30;
/// How far towards the boundary a step goes.
const BOUNDARY: f64 = 0.99;
/// What the barrier falls to of the mean of `c_j z_j` after a step of more than this length, the longest first.
const FALLS: [(f64, f64); 3] = [(0.9, 0.1), (0.5, 0.3), (0.0, 0.8)];
/// Where it stays, as a share of the end that is asked for.
const LEAST_BARRIER: f64 = 0.3;
/// Curvatures below this share of the largest lead along a curve.
const WEAK: f64 = 0.02;
/// Share of the largest curvature that a stiff direction has, and one that is held.
const STIFF: f64 = 0.3;
const HELD: f64 = 1e6;
/// Lengths tried of one step.
const LENGTHS: [f64; 4] = [1.0, 0.5, 0.2, 0.05];
/// Solutions with stiffer atoms, before turns that are too long are cut: turns beyond so many reaches make stiffer, by so many times what they are too long
/// by, at most so much at once and so
/// much in all; and what is left of it a step later.
const STIFFENINGS: usize = 7;
const BEYOND: f64 = 1.5;
const STIFFER: f64 = 3.0;
const STIFFER_AT_ONCE: f64 = 1e3;
const STIFFEST: f64 = 1e15;
const SOFTENING: f64 = 0.3;
/// The share of its distance to the nearest other that an atom may turn by in one step, and the largest turn, radians.
const REACH: f64 = 0.5;
const LARGEST_TURN: f64 = 0.1;
/// The share of the predicted decrease that a step must reach.
const SUFFICIENT: f64 = 1e-4;
/// The least slack that an atom starts with, and the same as a share of what the barrier alone would have.
const LEAST_SLACK: f64 = 1e-8;
const CENTRAL: f64 = 0.01;
/// Atoms of less mass than this share of `lambda` times their slack are not moved.
const IDLE: f64 = 1e-2;
/// Where nothing moves, atoms are dropped that together change `eta` by no more than this share of the accuracy.
const DROPPED: f64 = 1e-3;

/// What changes beside the masses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moves {
    /// Atoms move, along curves too.
    Anywhere,
    /// Atoms move across curves.
    Across,
    /// Nothing.
    Nowhere,
}

/// One run of the method.
pub(super) struct Stage<'a> {
    pub(super) coordinates: &'a Coordinates,
    pub(super) teacher: &'a SeparatedTeacher,
    pub(super) lambda: f64,
    pub(super) moves: Moves,
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
        let count = iterate.slacks.len() as f64;
        let goal = self.end * self.teacher.total_mass();
        for _ in 0..STEPS {
            let Some(expected) = self.advance(&mut iterate)? else { break };
            if iterate.barrier * count <= goal
                && expected <= goal
                && iterate.off(self) <= self.accuracy
            {
                break;
            }
            iterate.barrier = maximum(iterate.barrier, LEAST_BARRIER * goal / count);
        }
        *atoms = iterate.atoms;
        let most = match self.moves {
            Moves::Nowhere => DROPPED * self.accuracy / count,
            Moves::Anywhere | Moves::Across => f64::INFINITY,
        };
        atoms.keep_heavier(iterate.slacks.iter().map(|z| minimum(*z, most) * self.lambda));
        Ok(())
    }

    /// One step; the decrease of `P/lambda` that was expected of it, or nothing if none was found.
    fn advance(&self, iterate: &mut Iterate) -> Result<Option<f64>, LandscapeError> {
        let model = Model::new(iterate, self)?;
        for stiffness in &mut iterate.stiffness {
            *stiffness = maximum(1.0, SOFTENING * *stiffness);
        }
        let before = iterate.merit();
        let (mut shorter, mut stiffened) = (0, 0);
        while shorter < LENGTHS.len() {
            let Some(step) = model.step(iterate, self.lambda) else { return Ok(None) };
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
            *z = if stage.start.is_some() { central } else { maximum(*z, CENTRAL * central) };
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
            if *turn > BEYOND * reach {
                let more = minimum(STIFFER * turn / reach, STIFFER_AT_ONCE);
                *stiffness = minimum(more * *stiffness, STIFFEST);
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
        let fall = FALLS.iter().find(|(longer, _)| least > *longer);
        self.barrier = mean * fall.map_or(1.0, |(_, share)| *share);
        (self.atoms, self.state) = (atoms, state);
    }
}

/// The second-order model of `P/lambda` with its barrier: the masses first, then `size` moments for each atom.
///
/// The Hessian is `(2/lambda) S G S` with the Gram matrix `G` of the neurons and their derivatives and the signs `S`, and what is added to its diagonal
/// blocks: `z_j/c_j` and `(2/lambda) E_j/c_j`.
struct Model {
    field: Field,
    /// Moments of each atom: `n - 1`, or none where nothing moves.
    size: usize,
    gradient: Vec<f64>,
    gram: Gram,
    /// The signs of all coordinates' atoms.
    signs: Vec<f64>,
    /// What is added to the lower triangle of `G`.
    added: Vec<(usize, usize, f64)>,
    /// The largest curvature at each atom over its mass, in units of `G`: what stiffness multiplies.
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
    fn new(iterate: &Iterate, stage: &Stage<'_>) -> Result<Self, LandscapeError> {
        let (atoms, lambda) = (&iterate.atoms, stage.lambda);
        let field = Field::new(atoms, stage.coordinates, stage.teacher);
        let size = match stage.moves {
            Moves::Nowhere => 0,
            Moves::Anywhere | Moves::Across => stage.coordinates.size() - 1,
        };
        let tangents = field.tangents.iter().flat_map(|t| &t[..size]);
        let tangents = tangents.flat_map(|t| stage.coordinates.embed(t)).collect();
        let gram = atoms.gram(stage.teacher.dimension(), tangents)?;
        let m = atoms.len();
        let sign = |x: usize| atoms.at(if x < m { x } else { (x - m) / size }).sign();
        let signs: Vec<f64> = (0..m * (1 + size)).map(sign).collect();
        let slopes = atoms.slopes(&gram, stage.teacher, lambda);
        let scaled = slopes.iter().zip(&signs).map(|(slope, s)| 2.0 / lambda * s * slope);
        let mut model = Self {
            field,
            size,
            gradient: scaled.collect(),
            gram,
            signs,
            added: Vec::new(),
            scales: vec![0.0; m],
        };
        for (j, atom) in atoms.iter().enumerate() {
            let (mass, slack) = (atom.mass.abs(), iterate.slacks[j]);
            model.gradient[j] -= iterate.barrier / mass;
            model.added.push((j, j, 0.5 * lambda * slack / mass));
            if size > 0 {
                let held = stage.moves == Moves::Across;
                model.bend(j, atom, held, mass < IDLE * lambda * slack);
            }
        }
        Ok(model)
    }

    /// Adds an atom's curvature.
    fn bend(&mut self, j: usize, atom: &Atom, held: bool, idle: bool) {
        let (m, size, mass) = (self.scales.len(), self.size, atom.mass.abs());
        let weak = if held || idle { HELD } else { STIFF };
        let (curvature, largest) = stiffened(&self.field.curvature(j), atom.sign(), weak, idle);
        self.scales[j] = largest / mass;
        for x in 0..size {
            for y in 0..=x {
                let first = m + j * size;
                self.added.push((first + x, first + y, curvature[(x, y)] / mass));
            }
        }
    }

    /// Newton's step, with the iterate's stiffness.
    fn step(&self, iterate: &Iterate, lambda: f64) -> Option<Vec<f64>> {
        let m = self.scales.len();
        let stiffer = |x: usize| {
            let j = (x - m) / self.size;
            (x, x, (iterate.stiffness[j] - 1.0) * self.scales[j])
        };
        let mut added = self.added.clone();
        added.extend((m..self.gradient.len()).map(stiffer));
        let signed = self.gradient.iter().zip(&self.signs);
        let right: Vec<f64> = signed.map(|(g, s)| -0.5 * lambda * s * g).collect();
        let solution = self.gram.factor(&added)?.solve(&right);
        Some(solution.iter().zip(&self.signs).map(|(x, s)| s * x).collect())
    }

    fn moved(&self, iterate: &Iterate, stage: &Stage<'_>, step: &[f64], length: f64) -> Trial {
        let m = self.scales.len();
        let size = self.size;
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
            if size > 0 {
                atom.turn(&stage.coordinates.embed(&turned));
            }
        }
        Trial { atoms, turns, added: length * step[..m].iter().sum::<f64>() }
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
