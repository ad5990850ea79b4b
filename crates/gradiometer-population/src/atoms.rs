//! The signed measure `nu = mu - mu*` as a list of atoms, and twins that count as one.

use crate::kernel::{Vectorised, with_multiply_add};
use gradiometer_hermite::Degrees;
use gradiometer_model::{Network, Teacher};

/// What is to be evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem<'a> {
    pub(crate) teacher: &'a Teacher,
    pub(crate) student: &'a Network,
    pub(crate) degrees: Degrees,
}

/// The atoms of `nu` one after another: the student's neurons, without those that mirror an earlier
/// one, then the teacher's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Atoms<'a> {
    pub(crate) teacher: &'a Network,
    pub(crate) student: &'a Network,
    /// As [`find_twins`] writes them; none if every neuron is to be an atom of its own.
    pub(crate) twin_signs: &'a [f64],
}

impl<'a> Atoms<'a> {
    /// Number of those of the student.
    pub(crate) const fn students(&self) -> usize {
        self.student.neurons() - self.twin_signs.len()
    }

    /// Number of all.
    pub(crate) const fn count(&self) -> usize {
        self.students() + self.teacher.neurons()
    }

    /// The weight of a student's atom, and that of its twin.
    pub(crate) fn weights(&self, b: usize) -> (f64, Option<f64>) {
        let (students, weights) = (self.students(), self.student.second_layer());
        (weights[b], (!self.twin_signs.is_empty()).then(|| weights[students + b]))
    }

    /// The vector of an atom and its weight; no entries and zero after the last.
    pub(crate) fn get(&self, b: usize) -> (&'a [f64], f64) {
        let students = self.students();
        if b < students {
            // Weights of twins are added before the norm multiplies them: one relative rounding each.
            let (weight, twin) = self.weights(b);
            (self.student.neuron(b), weight + twin.unwrap_or(0.0))
        } else if b < self.count() {
            let b = b - students;
            (self.teacher.neuron(b), -self.teacher.second_layer()[b])
        } else {
            (&[], 0.0)
        }
    }
}

/// Writes the sign of each neuron of the student's second half relative to the one that it repeats in
/// the first, or nothing if some neuron repeats none.
///
/// The symmetric start of Algorithm 1 gives neuron `j + m/2` the direction of neuron `j`, and Stage 1
/// the opposite one, which gradient descent then preserves to the last bit: both have one row of the
/// kernel, and half of the neurons make a quarter of the pairs.
pub(crate) fn find_twins(student: &Network, signs: &mut Vec<f64>) {
    with_multiply_add(FindTwins { student, signs });
}

/// [`find_twins`].
struct FindTwins<'a> {
    student: &'a Network,
    signs: &'a mut Vec<f64>,
}

impl Vectorised for FindTwins<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { student, signs } = self;
        signs.clear();
        let (m, d) = (student.neurons(), student.dimension());
        if m % 2 == 1 {
            return;
        }
        let (first, second) = student.first_layer().split_at(m / 2 * d);
        let mut sign = 1.0;
        for (w, v) in first.chunks_exact(d).zip(second.chunks_exact(d)) {
            // Equal, or opposite; a neuron with NaN is neither. Without an early end the loops run on
            // vectors.
            let is = |sign: f64| {
                w.iter().zip(v).fold(true, |is, (x, y)| is & ((sign * x - y).abs() <= 0.0))
            };
            // Most often as the row before.
            if !is(sign) {
                sign = -sign;
                if !is(sign) {
                    signs.clear();
                    return;
                }
            }
            signs.push(sign);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_are_found_where_the_second_half_repeats_the_first() {
        let found = |rows: &[f64]| {
            let m = rows.len() / 2;
            let student = Network::new(2, vec![1.0; m], rows.to_vec()).unwrap();
            let mut signs = vec![9.0];
            find_twins(&student, &mut signs);
            signs
        };
        assert_eq!(found(&[1.0, 2.0, 3.0, 4.0, 1.0, 2.0, -3.0, -4.0]), [1.0, -1.0]);
        assert!(found(&[1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, -4.0]).is_empty());
        assert!(found(&[1.0, 2.0, 1.0, 2.0, 1.0, 2.0]).is_empty());
        assert_eq!(found(&[0.0, 0.0, 0.0, 0.0]), [1.0]);
        let mut nan = Network::new(1, vec![1.0; 2], vec![1.0; 2]).unwrap();
        nan.layers_mut().1.fill(f64::NAN);
        let mut signs = Vec::new();
        find_twins(&nan, &mut signs);
        assert!(signs.is_empty());
    }
}
