//! The atoms of a measure, with masses in twice the working precision, and their accurate evaluation.

use crate::error::LandscapeError;
use crate::lemmas::Measure;
use gradiometer_hermite::float::maximum;
use gradiometer_model::geometry::{dot, norm, normalised, projective_angle};
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_population::{Bounded, Population};
use std::f64::consts::TAU;

/// `k(1)`.
pub(super) const KERNEL_AT_ONE: f64 = 0.25 - 1.0 / TAU;

/// Atoms around a place that are lowered with it.
const AROUND: usize = 6;

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

    /// Wants `|eta|` to be less by `margin` times the largest excess of the places around each atom: those that have it among their
    /// nearest [`AROUND`] of one sign.
    pub(super) fn lower(&mut self, exceeding: &[(Vec<f64>, f64)], margin: f64) {
        let mut shares = vec![0.0; self.len()];
        for (place, eta) in exceeding {
            let mut nearest: Vec<(f64, usize)> = self
                .0
                .iter()
                .enumerate()
                .filter(|(_, atom)| atom.sign * eta > 0.0)
                .map(|(j, atom)| (projective_angle(&atom.direction, place), j))
                .collect();
            nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (_, j) in nearest.iter().take(AROUND) {
                shares[*j] = maximum(shares[*j], margin * (eta.abs() - 1.0));
            }
        }
        for (atom, share) in self.0.iter_mut().zip(shares) {
            atom.sign *= 1.0 - share;
        }
    }

    /// A point without mass yet, farther than `angle` from all others; false if there is one closer.
    pub(super) fn add_point(&mut self, direction: &[f64], sign: f64, angle: f64) -> bool {
        let apart = self.0.iter().all(|atom| projective_angle(&atom.direction, direction) > angle);
        if apart {
            self.0.push(Atom { direction: direction.to_vec(), mass: 0.0, correction: 0.0, sign });
        }
        apart
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
                    let first = &mut self.0[j];
                    let side = dot(&first.direction, &second.direction).signum();
                    let sum: Vec<f64> = first
                        .direction
                        .iter()
                        .zip(&second.direction)
                        .map(|(x, y)| first.mass.abs() * x + side * second.mass.abs() * y)
                        .collect();
                    first.direction = normalised(&sum);
                    first.add_mass(second.mass);
                    first.add_mass(second.correction);
                    return true;
                }
            }
        }
        false
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
