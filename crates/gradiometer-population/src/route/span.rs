//! Fewer coordinates where teacher and student use only some: the evaluation in the span of their neurons.
//!
//! An orthonormal basis of the span is built from the neurons as they come, each orthogonalised twice against those before. As soon as there are
//! too many the attempt is given up, for a generic student after a few rows. Otherwise every neuron is checked: either it is in the span up
//! to `d eps` of its length, or what sticks out becomes a new basis vector. So the only thing that is dropped is of the size of rounding,
//! and it enters the error bounds.
//!
//! **Error.** Let each direction be off by at most `delta` (the rest, and the rounding of the coordinates). Then so is each mass,
//! relatively, and a cosine by twice that: in units of `1/(2 pi)` the potential is off by `(2 * 1.571 + 0.571) delta M`, an entry of the
//! gradient's sum by `(4 + 1 + 1.571 + 2.571) delta M`, and returning to all coordinates costs less than another `delta` of it.

use crate::value::Gradient;
use gradiometer_hermite::Bounded;
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::geometry::{dot, norm, normalise_into};
use gradiometer_model::{Network, Teacher};
use rayon::prelude::*;
use std::f64::consts::PI;

/// Neurons from which the span is looked for.
pub(crate) const LEAST_NEURONS: usize = 256;
/// Largest rank that is looked for.
const MOST: usize = 16;
/// Bound of the potential's error in units of `delta M`, with that of the product with the length.
const POTENTIAL: f64 = 5.0;
/// Bound of the error of an entry of `2 pi (q_j w_j + sum_b nu_b asin(t_jb) v_b / (2 pi))` in the same units.
const TANGENT: f64 = 12.0;

/// Teacher and student in the coordinates of an orthonormal basis of their span.
#[derive(Debug)]
pub(crate) struct Span {
    /// Orthonormal rows.
    basis: Vec<Vec<f64>>,
    /// The teacher there.
    pub(crate) teacher: Teacher,
    /// The student there, without its affine part.
    pub(crate) student: Network,
    /// By how much directions and, relatively, masses may be off.
    delta: f64,
}

impl Span {
    /// The span, if it has few enough dimensions to be worth it.
    pub(crate) fn of(teacher: &Teacher, student: &Network) -> Option<Self> {
        let d = student.dimension();
        if d < 3 || student.neurons() < LEAST_NEURONS {
            return None;
        }
        let most = MOST.min(d - 1);
        let mut basis: Vec<Vec<f64>> = Vec::new();
        // One by one first: a generic student has too many dimensions after these.
        let mut checked = MOST + 1;
        for w in teacher.network().rows().chain(student.rows().take(checked)) {
            extend(&mut basis, w, most)?;
        }
        loop {
            let outside = (checked..student.neurons())
                .into_par_iter()
                .with_min_len(LEAST_NEURONS)
                .find_first(|j| !(rest(&basis, student.neuron(*j)).0 <= limit(d)));
            let Some(j) = outside else { break };
            extend(&mut basis, student.neuron(j), most)?;
            checked = j + 1;
        }
        let rank = basis.len();
        // In three dimensions or fewer there are faster ways than all pairs; else the products must shrink.
        if rank == 0 || (rank > 3 && 2 * rank > d) {
            return None;
        }
        let rows = |network: &Network| -> Vec<f64> {
            network
                .rows()
                .flat_map(|w| basis.iter().map(|q| dot(q, w)).collect::<Vec<_>>())
                .collect()
        };
        let reduced = |network: &Network| {
            Network::new(rank, network.second_layer().to_vec(), rows(network)).ok()
        };
        let teacher = Teacher::new(reduced(teacher.network())?).ok()?;
        let student = reduced(student)?;
        // A coordinate is a dot product with a basis vector whose length and angles are off by a few roundings.
        let rounding = (d as f64 + 16.0) * rank as f64 * f64::EPSILON;
        let delta = limit(d) + rounding;
        Some(Self { basis, teacher, student, delta })
    }

    /// Number of its dimensions.
    pub(crate) fn rank(&self) -> usize {
        self.basis.len()
    }

    /// Takes the gradient back to all coordinates, and adds to its errors and to that of the loss.
    pub(crate) fn lift(&self, inner: &Gradient, loss: Bounded, gradient: &mut Gradient) -> Bounded {
        let (m, d) = (self.student.neurons(), self.basis[0].len());
        gradient.reset(m, d);
        gradient.second_layer.copy_from_slice(&inner.second_layer);
        gradient
            .first_layer
            .par_chunks_mut(d)
            .with_min_len(LEAST_NEURONS)
            .zip(inner.first_layer.par_chunks(self.rank()))
            .for_each(|(entries, coordinates)| {
                for (q, x) in self.basis.iter().zip(coordinates) {
                    for (g, e) in entries.iter_mut().zip(q) {
                        *g += x * e;
                    }
                }
            });
        let mass = self.student.total_mass() + self.teacher.total_mass();
        let off = self.delta * mass / PI;
        let longest = maximum_of(self.student.rows().map(norm));
        let heaviest = maximum_of(self.student.second_layer().iter().map(|a| a.abs()));
        gradient.second_layer_error = inner.second_layer_error + POTENTIAL * off * longest;
        // An entry is a combination of the coordinates' errors with coefficients of unit length.
        gradient.first_layer_error =
            (self.rank() as f64).sqrt() * inner.first_layer_error + TANGENT * off * heaviest;
        Bounded { value: loss.value, error: loss.error + POTENTIAL * off * mass }
    }
}

/// Length relative to a neuron's up to which what sticks out of the span is rounding.
fn limit(d: usize) -> f64 {
    d as f64 * f64::EPSILON
}

/// What of a neuron's direction is orthogonal to the basis: its length, and itself.
fn rest(basis: &[Vec<f64>], w: &[f64]) -> (f64, Vec<f64>) {
    let mut rest = vec![0.0; w.len()];
    normalise_into(w, &mut rest);
    for _ in 0..2 {
        for q in basis {
            let along = dot(q, &rest);
            for (x, e) in rest.iter_mut().zip(q) {
                *x -= along * e;
            }
        }
    }
    (norm(&rest), rest)
}

/// Adds to the basis what of a neuron sticks out of it; `None` if there are then more than `most`, or the neuron is not finite.
fn extend(basis: &mut Vec<Vec<f64>>, w: &[f64], most: usize) -> Option<()> {
    let (size, mut rest) = rest(basis, w);
    if !size.is_finite() || (size > limit(w.len()) && basis.len() == most) {
        return None;
    }
    if size > limit(w.len()) {
        // A small rest has lost digits: orthogonal to them once more.
        for x in &mut rest {
            *x /= size;
        }
        let mut unit = self::rest(basis, &rest).1;
        let length = norm(&unit);
        for x in &mut unit {
            *x /= length;
        }
        basis.push(unit);
    }
    Some(())
}

#[cfg(test)]
mod tests;
