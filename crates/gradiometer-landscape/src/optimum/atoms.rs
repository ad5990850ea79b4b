//! The atoms of a measure, with masses in twice the working precision, and their accurate evaluation.

use crate::error::LandscapeError;
use crate::measure::Measure;
use gradiometer_hermite::float::{maximum, minimum};
use gradiometer_model::geometry::{dot, norm, normalised, projective_angle};
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_population::{Bounded, Gram, Population};
use std::f64::consts::TAU;

/// `k(1)`.
pub(super) const KERNEL_AT_ONE: f64 = 0.25 - 1.0 / TAU;

/// By how much more than its excess `|eta|` is lowered.
const MARGIN: f64 = 1.1;
/// Atoms within so many times the nearest one's distance are lowered as much as the place itself, and how fast that falls beyond.
const NEXT: f64 = 1.5;
const WIDTH: f64 = 2.5;
/// A new atom is not closer to another than this share of its distance to the nearest that was there before, nor than this angle in radians.
const CLOSE: f64 = 0.6;
const LEAST_DISTANCE: f64 = 1e-9;
/// What two atoms give of what they can to one between them.
const GIVEN: f64 = 0.4;
/// A place is between the nearest atom and one of so many others if the way over it is at most so much longer than the straight one, and the nearest is at least
/// this share of it away.
const OTHERS: usize = 4;
const DETOUR: f64 = 1.1;
const BESIDE: f64 = 0.05;
/// Where another atom is closer to a middle than this share of the two atoms' distance, a little less than half, it is not between the two alone.
const HALF_WAY: f64 = 0.49;
/// Atoms looked at around each for the middles between them, and the angle beyond which there is none.
const NEIGHBOURS: usize = 7;
const FAR: f64 = 0.5;

/// One atom `(mass + correction) delta_direction`.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    /// A unit vector of `R^d`.
    pub(super) direction: Vec<f64>,
    pub(super) mass: f64,
    correction: f64,
    /// What `eta` should be here; the sign of the mass, except where the masses are free.
    sign: f64,
}

impl Atom {
    /// What `eta` should be here, 1 or -1.
    pub(super) const fn sign(&self) -> f64 {
        self.sign
    }

    /// Adds `length` times `change` to the mass, all mass being gone where that reaches zero or beyond.
    pub(super) fn change_mass(&mut self, change: f64, length: f64) {
        let sign = self.sign();
        let gone = change * self.mass < 0.0 && length >= (self.mass / change).abs();
        if !gone {
            self.add_mass(length * change);
        }
        if gone || !(self.mass * sign > 0.0) {
            self.mass = 0.0;
            self.correction = 0.0;
        }
    }

    /// Takes another atom's mass, at the mean direction.
    fn absorb(&mut self, other: &Self) {
        let side = dot(&self.direction, &other.direction).signum();
        let sum: Vec<f64> = self
            .direction
            .iter()
            .zip(&other.direction)
            .map(|(x, y)| self.mass.abs() * x + side * other.mass.abs() * y)
            .collect();
        self.direction = normalised(&sum);
        self.add_mass(other.mass);
        self.add_mass(other.correction);
    }

    /// Adds a tangent vector to the direction.
    pub(super) fn turn(&mut self, by: &[f64]) {
        let sum: Vec<f64> = self.direction.iter().zip(by).map(|(v, t)| v + t).collect();
        self.direction = normalised(&sum);
    }

    /// Adds to the mass; the rounding goes to the correction.
    pub(super) fn add_mass(&mut self, change: f64) {
        let change = change + self.correction;
        let sum = self.mass + change;
        let back = sum - self.mass;
        self.correction = (self.mass - (sum - back)) + (change - back);
        self.mass = sum;
    }
}

/// The atoms of a signed measure.
#[derive(Clone, Debug, Default)]
pub(super) struct Atoms(Vec<Atom>);

/// What the accurate evaluation says, in the atoms' order and then the probes'.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) loss: Bounded,
    /// `dL/dc = 2 E[(f - y) sigma(w.x)]` at atoms and probes.
    pub(super) derivatives: Vec<f64>,
    /// Bound of their error.
    pub(super) derivative_error: f64,
    /// Tangential gradient of that derivative at the atoms, each of length `d`.
    pub(super) gradients: Vec<Vec<f64>>,
    /// Its length.
    pub(super) slopes: Vec<f64>,
}

impl Atoms {
    /// The teacher's measure.
    pub(super) fn of_teacher(teacher: &SeparatedTeacher) -> Self {
        let atom = |i: usize| Atom {
            direction: teacher.direction(i).to_vec(),
            mass: teacher.amplitudes()[i],
            correction: 0.0,
            sign: teacher.amplitudes()[i].signum(),
        };
        Self((0..teacher.neurons()).map(atom).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Atom> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Atom> {
        self.0.iter_mut()
    }

    /// Removes the atoms without mass.
    pub(super) fn drop_empty(&mut self) {
        self.0.retain(|atom| atom.mass.abs() > 0.0);
    }

    pub(super) fn total_mass(&self) -> f64 {
        self.0.iter().map(|atom| atom.mass.abs()).sum()
    }

    /// `|mu| - |mu*|`; the large parts cancel first.
    pub(super) fn excess(&self, teacher: &SeparatedTeacher) -> f64 {
        let mut sum = (0.0, 0.0);
        let masses = self.0.iter().flat_map(|a| [a.mass.abs(), a.sign() * a.correction]);
        for x in masses.chain(teacher.amplitudes().iter().map(|a| -a.abs())) {
            let total: f64 = sum.0 + x;
            let back = total - sum.0;
            sum = (total, sum.1 + ((sum.0 - (total - back)) + (x - back)));
        }
        sum.0 + sum.1
    }

    pub(super) fn measure(&self, dimension: usize) -> Measure {
        let masses = self.0.iter().map(|atom| atom.mass).collect();
        let directions: Vec<f64> =
            self.0.iter().flat_map(|atom| atom.direction.iter().copied()).collect();
        Measure::new(masses, &directions, dimension)
    }

    /// A point on its own with little mass.
    pub(super) fn add_speck(&mut self, direction: Vec<f64>, sign: f64, mass: f64) {
        self.0.push(Atom { direction, mass: sign * mass, correction: 0.0, sign });
    }

    /// The measure less that of some of its first atoms, which has the same directions.
    pub(super) fn difference(&self, first: &Self, dimension: usize) -> Measure {
        let mut masses: Vec<f64> = self.0.iter().map(|point| point.mass).collect();
        for ((mass, point), atom) in masses.iter_mut().zip(&self.0).zip(&first.0) {
            *mass = (point.mass - atom.mass) + (point.correction - atom.correction);
        }
        let directions: Vec<f64> =
            self.0.iter().flat_map(|point| point.direction.iter().copied()).collect();
        Measure::new(masses, &directions, dimension)
    }

    /// A new atom where `|eta| > 1`, with the mass that lowers `P` most; false if that is nothing.
    pub(super) fn add(&mut self, direction: Vec<f64>, eta: f64, lambda: f64) -> bool {
        let mass = eta.signum() * (eta.abs() - 1.0) * lambda / (2.0 * KERNEL_AT_ONE);
        let useful = mass.abs() > 0.0;
        if useful {
            self.0.push(Atom { direction, mass, correction: 0.0, sign: eta.signum() });
        }
        useful
    }

    pub(super) fn at(&self, j: usize) -> &Atom {
        &self.0[j]
    }

    /// Keeps the atoms whose mass exceeds a threshold of their own.
    pub(super) fn keep_heavier(&mut self, thresholds: impl Iterator<Item = f64>) {
        let mut thresholds = thresholds;
        self.0.retain(|atom| thresholds.next().is_none_or(|least| atom.mass.abs() > least));
    }

    /// Angles to the atoms of this sign, with their numbers, nearest first.
    pub(super) fn nearest(&self, place: &[f64], sign: f64) -> Vec<(f64, usize)> {
        let mut near: Vec<(f64, usize)> = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, atom)| atom.sign * sign > 0.0)
            .map(|(j, atom)| (projective_angle(&atom.direction, place), j))
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        near
    }

    /// Wants `eta` as it is at the atoms, but less around places where it exceeds one: by [`MARGIN`] times the excess at the place and the atoms next to it, and by a
    /// share that falls like a Gaussian, [`WIDTH`] of the nearest atom's distance wide, beyond.
    pub(super) fn lower(&mut self, etas: &[f64], exceeding: &[(Vec<f64>, f64)]) {
        let mut shares = vec![0.0; self.len()];
        for (place, eta) in exceeding {
            let near = self.nearest(place, *eta);
            let Some((least, _)) = near.first() else { continue };
            let least = maximum(*least, LEAST_DISTANCE);
            for (angle, j) in &near {
                let beyond = maximum(0.0, (angle / least).powi(2) - NEXT * NEXT) / (WIDTH * WIDTH);
                shares[*j] = maximum(shares[*j], MARGIN * (eta.abs() - 1.0) * (-beyond).exp());
            }
        }
        for ((atom, eta), share) in self.0.iter_mut().zip(etas).zip(shares) {
            atom.sign = eta * (1.0 - share);
        }
    }

    /// A new atom at a place where `|eta|` exceeds one, unless another is closer than [`CLOSE`] of its distance to the nearest of the first `old`; false
    /// then. Between two atoms it takes mass from both, so that total and mean stay; elsewhere it starts with `mass`.
    pub(super) fn insert(&mut self, place: &[f64], sign: f64, mass: f64, old: usize) -> bool {
        let near = self.nearest(place, sign);
        let Some((least, _)) = near.iter().find(|(_, j)| *j < old).copied() else { return false };
        if near.first().is_some_and(|(angle, _)| *angle < CLOSE * least) || least < LEAST_DISTANCE {
            return false;
        }
        let mut mass = mass;
        if let Some(((one, j), (other, k))) = self.between(&near) {
            let (first, second) = (self.0[j].mass.abs(), self.0[k].mass.abs());
            let share = GIVEN * minimum(first / other, second / one);
            self.0[j].add_mass(-sign * share * other);
            self.0[k].add_mass(-sign * share * one);
            mass = share * (one + other);
        }
        let direction = place.to_vec();
        self.0.push(Atom { direction, mass: sign * mass, correction: 0.0, sign });
        true
    }

    /// The nearest atom and one on the other side of the place, with their angles.
    fn between(&self, near: &[(f64, usize)]) -> Option<((f64, usize), (f64, usize))> {
        let first = *near.first()?;
        let opposite = |second: &&(f64, usize)| {
            let apart = projective_angle(&self.0[first.1].direction, &self.0[second.1].direction);
            first.0 + second.0 < DETOUR * apart && first.0 > BESIDE * apart
        };
        near[1..].iter().take(OTHERS).find(opposite).map(|second| (first, *second))
    }

    /// Unit vectors midway between each atom and its nearest ones of the same sign, where no other atom is closer.
    pub(super) fn midpoints(&self) -> Vec<Vec<f64>> {
        let mut middles = Vec::new();
        for (j, atom) in self.0.iter().enumerate() {
            for (angle, k) in self.nearest(&atom.direction, atom.sign).iter().take(NEIGHBOURS) {
                if *k == j || *angle > FAR {
                    continue;
                }
                let side = dot(&atom.direction, &self.0[*k].direction).signum();
                let other = self.0[*k].direction.iter();
                let sum: Vec<f64> =
                    atom.direction.iter().zip(other).map(|(x, y)| x + side * y).collect();
                let middle = normalised(&sum);
                let closer = |(l, atom): (usize, &Atom)| {
                    l != j
                        && l != *k
                        && projective_angle(&atom.direction, &middle) < HALF_WAY * angle
                };
                if !self.0.iter().enumerate().any(closer) {
                    middles.push(middle);
                }
            }
        }
        middles
    }

    /// Merges every atom into the heavier one of its sign within the given angle of it.
    pub(super) fn thin(&mut self, angle: impl Fn(&[f64]) -> f64) {
        self.0.sort_by(|a, b| b.mass.abs().total_cmp(&a.mass.abs()));
        let mut kept = Self::default();
        for atom in std::mem::take(&mut self.0) {
            match kept.nearest(&atom.direction, atom.sign).first() {
                Some((distance, j)) if *distance < angle(&atom.direction) => {
                    kept.0[*j].absorb(&atom);
                }
                _ => kept.0.push(atom),
            }
        }
        *self = kept;
    }

    /// Replaces two atoms of one sign that are closer than `angle` by one; whether there were any.
    pub(super) fn merge(&mut self, angle: f64) -> bool {
        for k in 1..self.0.len() {
            for j in 0..k {
                let (first, second) = (&self.0[j], &self.0[k]);
                if first.sign * second.sign > 0.0
                    && projective_angle(&first.direction, &second.direction) < angle
                {
                    let second = self.0.remove(k);
                    self.0[j].absorb(&second);
                    return true;
                }
            }
        }
        false
    }

    /// The atoms as a network.
    fn network(&self, dimension: usize) -> Result<Network, LandscapeError> {
        let masses = self.0.iter().map(|atom| atom.mass).collect();
        let rows = self.0.iter().flat_map(|atom| atom.direction.iter().copied()).collect();
        Ok(Network::new(dimension, masses, rows)?)
    }

    /// Inner products of the atoms' neurons, and of their derivatives along tangent vectors, `m x size x d`.
    pub(super) fn gram(
        &self,
        dimension: usize,
        tangents: Vec<f64>,
    ) -> Result<Gram, LandscapeError> {
        Ok(Gram::new(&self.network(dimension)?, tangents)?)
    }

    /// `(lambda/2)(s_j - eta(v_j))`, half the derivative of `P` in a mass, and `-(lambda/2) T_jx . grad eta(v_j)`, for all of the Gram matrix's functions.
    pub(super) fn slopes(&self, gram: &Gram, teacher: &SeparatedTeacher, lambda: f64) -> Vec<f64> {
        let masses: Vec<[f64; 2]> = self.0.iter().map(|a| [a.mass, a.correction]).collect();
        let offset: Vec<f64> = self.0.iter().map(|a| 0.5 * lambda * a.sign).collect();
        gram.residual(&masses, teacher.network(), &offset)
    }

    /// Loss, derivatives in the masses and in the directions, in double-double arithmetic; `probes` are unit vectors that carry no mass.
    pub(super) fn evaluate(
        &self,
        teacher: &SeparatedTeacher,
        probes: &[Vec<f64>],
    ) -> Result<State, LandscapeError> {
        let (d, m) = (teacher.dimension(), self.len());
        let mut masses: Vec<f64> = self.0.iter().map(|atom| atom.mass).collect();
        masses.extend(self.0.iter().map(|atom| atom.correction));
        masses.resize(2 * m + probes.len(), 0.0);
        let directions = || self.0.iter().map(|atom| &atom.direction);
        let mut rows: Vec<f64> =
            directions().chain(directions()).chain(probes).flatten().copied().collect();
        if masses.is_empty() {
            // A student needs a neuron; a zero neuron changes nothing.
            masses.push(0.0);
            rows.resize(d, 0.0);
        }
        let student = Network::new(d, masses, rows)?;
        // No accuracy is asked of the loss beyond double-double.
        let evaluation = Population::new((**teacher).clone()).accurate(&student, f64::INFINITY)?;
        let gradient = &evaluation.gradient;
        let derivatives = (0..m)
            .chain(2 * m..2 * m + probes.len())
            .map(|j| gradient.second_layer[j] / norm(student.neuron(j)))
            .collect();
        let gradients: Vec<Vec<f64>> = self
            .0
            .iter()
            .enumerate()
            .map(|(j, atom)| {
                let row = &gradient.first_layer[j * d..(j + 1) * d];
                let along = dot(row, &atom.direction);
                let tangential = row.iter().zip(&atom.direction).map(|(g, v)| g - along * v);
                let scale = if atom.mass.abs() > 0.0 { 1.0 / atom.mass } else { 0.0 };
                tangential.map(|g| g * scale).collect()
            })
            .collect();
        Ok(State {
            loss: evaluation.loss,
            derivatives,
            derivative_error: gradient.second_layer_error * (1.0 + 8.0 * f64::EPSILON),
            slopes: gradients.iter().map(|g| norm(g)).collect(),
            gradients,
        })
    }
}
