//! The signed measure `nu = mu - mu*` as a list of atoms, and twins that count as one.

use crate::kernel::{Vectorised, with_multiply_add};
use crate::powers::{SPACING, power};
use gradiometer_hermite::Degrees;
use gradiometer_hermite::float::maximum;
use gradiometer_model::{Network, Teacher};

/// What is to be evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem<'a> {
    pub(crate) teacher: &'a Teacher,
    pub(crate) student: &'a Network,
    pub(crate) degrees: Degrees,
}

/// Exponents of two: weights below the first, and a largest mass between the others, are in range.
/// Bounds of the fast evaluation's loss are at least `2^-53` of a mass squared: what underflows, a
/// mass with a small weight for instance, is nothing beside `2^-500`.
const WEIGHTS: i32 = 300;
const MASSES: i32 = 180;

impl Problem<'_> {
    /// By how much underflow may move an entry of the gradients in the fast evaluation; `None` if its
    /// error bounds do not hold, for a weight is so large, or all masses are so small, that what
    /// counts overflows or underflows.
    ///
    /// Where a layer of the student is small as a whole its gradients' bounds, which are products with
    /// it, may underflow. An entry is a product of a weight with sums of at most the total mass in
    /// size: fewer than `d + 64` roundings of at most that mass, or one, times the spacing of the
    /// subnormal numbers.
    pub(crate) fn underflow(&self) -> Option<f64> {
        let (mut mass, mut longest, mut heaviest) = (0.0, 0.0, 0.0);
        // The student comes last: its layers decide about gradients.
        for network in [self.teacher.network(), self.student] {
            (longest, heaviest) = (0.0, 0.0);
            for (w, a) in network.rows().zip(network.second_layer()) {
                let length = w.iter().fold(0.0, |m, x| maximum(m, x.abs()));
                longest = maximum(longest, length);
                heaviest = maximum(heaviest, a.abs());
                mass = maximum(mass, length * a.abs());
            }
            if !(longest.is_finite() && heaviest.is_finite()) {
                // What is not finite shows, whatever it is evaluated by.
                return Some(0.0);
            }
            if longest >= power(WEIGHTS) || heaviest >= power(WEIGHTS) {
                return None;
            }
        }
        let skip = self.student.skip().filter(|_| self.degrees == Degrees::All);
        let skip = skip.map_or(0.0, |skip| {
            skip.linear.iter().fold(skip.constant.abs(), |m, b| maximum(m, b.abs()))
        });
        if !(mass > power(-MASSES) && mass < power(MASSES) && skip < power(MASSES)) {
            return None;
        }
        let is_small = |x: f64| x > 0.0 && x < power(-WEIGHTS);
        if !(is_small(longest) || is_small(heaviest)) {
            return Some(0.0);
        }
        let d = self.student.dimension() as f64;
        let atoms = (self.student.neurons() + self.teacher.network().neurons()) as f64;
        let total = atoms * d.sqrt() * mass + d.sqrt() * skip;
        Some((d + 64.0) * (1.0 + total) * SPACING)
    }
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
    fn weights_near_the_ends_of_the_range_are_told() {
        let network =
            |a: &[f64], w: &[f64]| Network::new(w.len() / a.len(), a.to_vec(), w.to_vec()).unwrap();
        let of = |teacher: (f64, f64), student: &Network, degrees| {
            let teacher = Teacher::new(network(&[teacher.0], &[teacher.1, 0.0])).unwrap();
            Problem { teacher: &teacher, student, degrees }.underflow()
        };
        let plain = network(&[1.0, 2.0], &[1.0, 0.0, 0.0, 1.0]);
        let from_two = |teacher, student: &Network| of(teacher, student, Degrees::FromTwo);
        let unit = (1.0, 1.0);
        // A neuron that all but vanished, in either layer, is nothing beside the others.
        for (a, w) in [
            ([1.0, 2.0], [1.0, 0.0, 0.0, 1.0]),
            ([1.0, 1.0], [1.0, 0.0, 1e-310, 0.0]),
            ([1e-310, 1.0], [1.0, 0.0, 0.0, 1.0]),
            ([0.0, 0.0], [1.0, 0.0, 0.0, 1.0]),
        ] {
            assert_eq!(from_two(unit, &network(&a, &w)), Some(0.0), "{a:?} {w:?}");
        }
        // All of a layer.
        for (a, w) in [([1.0; 2], [1e-310, 0.0, 0.0, 1e-310]), ([1e-310, 0.0], [1.0; 4])] {
            let lost = from_two(unit, &network(&a, &w)).unwrap();
            assert!((66.0 * SPACING..1000.0 * SPACING).contains(&lost), "{lost:e}");
        }
        // A large weight beside a small one, small and large masses.
        let tiny = network(&[1e-30, 1e-30], &[1e-30, 0.0, 0.0, 1e-30]);
        for (teacher, student) in [
            (unit, &network(&[1e305, 1.0], &[1e-310, 0.0, 1.0, 0.0])),
            (unit, &network(&[1e-305, 1.0], &[1e300, 0.0, 1.0, 0.0])),
            ((1e305, 1e-310), &plain),
            ((1e60, 1e60), &plain),
            ((1e-30, 1e-30), &tiny),
        ] {
            assert_eq!(from_two(teacher, student), None, "{teacher:?} {student:?}");
        }
        assert_eq!(from_two(unit, &tiny), Some(0.0));
        // The affine part counts where it is not fitted away.
        let skip = gradiometer_model::Skip { constant: 0.0, linear: vec![0.0, 1e300] };
        let joined = plain.with_skip(skip).unwrap();
        assert_eq!(from_two(unit, &joined), Some(0.0));
        assert_eq!(of(unit, &joined, Degrees::All), None);
        let mut nan = network(&[1.0], &[1.0, 0.0]);
        nan.layers_mut().1.fill(f64::NAN);
        assert_eq!(from_two(unit, &nan), Some(0.0));
    }

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
