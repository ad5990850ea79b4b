//! The teacher network `f*` and the quantities that measure its complexity.

use crate::error::ModelError;
use crate::geometry::{normalise_into, projective_angle, projective_angle_of};
use crate::network::Network;
use gradiometer_hermite::Bounded;
use gradiometer_hermite::float::minimum_of;

/// A teacher `f*(x) = sum_i a*_i sigma(w*_i . x)`: a network without zero neurons and without affine part.
///
/// Signs of `a*` are free and two neurons may be parallel; where the theory needs them apart, ask for a
/// [`SeparatedTeacher`].
#[derive(Clone, Debug, PartialEq)]
pub struct Teacher {
    network: Network,
    directions: Vec<f64>,
    amplitudes: Vec<f64>,
}

impl Teacher {
    /// A teacher from a network.
    ///
    /// # Errors
    /// [`ModelError::ZeroTeacherNeuron`] or [`ModelError::TeacherWithSkip`].
    pub fn new(network: Network) -> Result<Self, ModelError> {
        if network.skip().is_some() {
            return Err(ModelError::TeacherWithSkip);
        }
        let d = network.dimension();
        let mut directions = vec![0.0; network.first_layer().len()];
        let mut amplitudes = Vec::with_capacity(network.neurons());
        for (neuron, u) in directions.chunks_exact_mut(d).enumerate() {
            let length = normalise_into(network.neuron(neuron), u);
            let amplitude = network.second_layer()[neuron] * length;
            if !(amplitude.abs() > 0.0) {
                return Err(ModelError::ZeroTeacherNeuron { neuron });
            }
            amplitudes.push(amplitude);
        }
        Ok(Self { network, directions, amplitudes })
    }

    /// The network itself, weights as given.
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Number of neurons `m*`.
    pub const fn neurons(&self) -> usize {
        self.network.neurons()
    }

    /// Input dimension `d`.
    pub const fn dimension(&self) -> usize {
        self.network.dimension()
    }

    /// Directions `u_i = w*_i / |w*_i|`, `m* x d` row-major.
    pub fn directions(&self) -> &[f64] {
        &self.directions
    }

    /// Direction `u_i`.
    ///
    /// # Panics
    /// If `i` is not less than the number of neurons.
    pub fn direction(&self, i: usize) -> &[f64] {
        &self.directions[i * self.dimension()..(i + 1) * self.dimension()]
    }

    /// Signed amplitudes `alpha_i = a*_i |w*_i|`, none zero.
    pub fn amplitudes(&self) -> &[f64] {
        &self.amplitudes
    }

    /// Total mass `|mu*| = sum_i |alpha_i|`.
    pub fn total_mass(&self) -> f64 {
        self.amplitudes.iter().map(|a| a.abs()).sum()
    }

    /// Separation `Delta = min_{i != k} delta(u_i, u_k)` with the pair that attains it; `None` for one neuron.
    ///
    /// Pairs that rounded directions cannot tell apart are compared by the weights themselves, so that the angle keeps its digits
    /// however small it is ([`projective_angle_of`]).
    pub fn separation(&self) -> Option<Separation> {
        let pairs =
            || (1..self.neurons()).flat_map(|second| (0..second).map(move |first| (first, second)));
        let rounded =
            |(first, second)| projective_angle(self.direction(first), self.direction(second));
        let least = minimum_of(pairs().map(rounded));
        let doubt = 2.0 * (self.dimension() as f64 + 8.0) * f64::EPSILON;
        let mut best: Option<Separation> = None;
        for (first, second) in pairs().filter(|pair| !(rounded(*pair) > least + doubt)) {
            let of = |i| self.network.neuron(i);
            let Bounded { value: angle, error } = projective_angle_of(of(first), of(second));
            if best.is_none_or(|b| angle < b.angle) {
                best = Some(Separation { angle, error, first, second });
            }
        }
        best
    }

    /// The index of the teacher neuron nearest to the unit vector `w` in projective angle, and that angle.
    pub fn nearest(&self, w: &[f64]) -> (usize, f64) {
        let mut best = (0, f64::INFINITY);
        for i in 0..self.neurons() {
            let angle = projective_angle(self.direction(i), w);
            if angle < best.1 {
                best = (i, angle);
            }
        }
        best
    }

    /// The same teacher, known to satisfy Assumption 2 (`Delta > 0`).
    ///
    /// # Errors
    /// [`ModelError::ParallelTeachers`] if two directions agree up to the rounding of their coordinates.
    pub fn separated(self) -> Result<SeparatedTeacher, ModelError> {
        let rounding = 4.0 * f64::EPSILON;
        match self.separation() {
            Some(Separation { angle, first, second, .. }) if !(angle > rounding) => {
                Err(ModelError::ParallelTeachers { first, second, angle })
            }
            _ => Ok(SeparatedTeacher(self)),
        }
    }
}

/// The closest pair of a teacher's directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Separation {
    /// Their projective angle `Delta` in radians.
    pub angle: f64,
    /// Bound on its error, the weights being exact.
    pub error: f64,
    /// The smaller index.
    pub first: usize,
    /// The larger index.
    pub second: usize,
}

/// A teacher with `Delta > 0` (Assumption 2 of \[ZG24\]), as the certificates and Algorithm 1 need it.
#[derive(Clone, Debug, PartialEq)]
pub struct SeparatedTeacher(Teacher);

impl SeparatedTeacher {
    /// The teacher without its guarantee.
    pub fn into_inner(self) -> Teacher {
        self.0
    }
}

impl std::ops::Deref for SeparatedTeacher {
    type Target = Teacher;

    fn deref(&self) -> &Teacher {
        &self.0
    }
}
