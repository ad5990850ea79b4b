//! What the local analysis needs of a student, enclosed: its loss, masses, angles and average neurons.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::{Network, Teacher};

use crate::error::CertifyError;
use crate::kernel::{DegreeWeights, Kernel};
use crate::linear::{dot, unit};

/// A student seen from a teacher in outward-rounded arithmetic: the left sides and the student's numbers on the right of theory 7.1
/// to 7.6, for both networks' weights as exact doubles.
#[derive(Clone, Debug)]
pub struct EnclosedStudent {
    loss: Enclosure,
    masses: Vec<Enclosure>,
    amplitudes: Vec<Enclosure>,
    decay: Enclosure,
    angles: Vec<Enclosure>,
    averages: Vec<Option<Enclosure>>,
}

/// Which teacher direction is nearest to a neuron.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nearest {
    /// Certainly this one.
    Direction(usize),
    /// Two or more may be.
    Undecided,
    /// The neuron has no mass, and belongs to none.
    Massless,
}

/// One layer's neurons of positive mass: `c`, and the direction.
struct Atoms {
    masses: Vec<Enclosure>,
    units: Vec<Vec<Enclosure>>,
}

impl Atoms {
    fn new(network: &Network) -> Self {
        let (mut masses, mut units) = (Vec::new(), Vec::new());
        for (&a, w) in network.second_layer().iter().zip(network.rows()) {
            let size = maximum_of(w.iter().map(|x| x.abs()));
            // A zero neuron has no direction and counts for nothing.
            let is_zero = a.abs() <= 0.0 || size <= 0.0;
            masses.push(if is_zero { Enclosure::ZERO } else { length(w) * a });
            units.push(if size > 0.0 { unit(w, size) } else { vec![Enclosure::ZERO; w.len()] });
        }
        Self { masses, units }
    }

    /// `sum_j sum_k c_j d_k K(u_j.v_k)`.
    fn pairing(&self, other: &Self, kernel: &Kernel) -> Enclosure {
        let rows = self.masses.iter().zip(&self.units).map(|(&c, u)| {
            let all = other.masses.iter().zip(&other.units);
            c * all.map(|(&d, v)| d * value(kernel, u, v)).sum::<Enclosure>()
        });
        rows.sum()
    }

    /// The same of a network with itself, every pair once: `sum_j c_j^2 K(1) + 2 sum_(k < j) c_j c_k K(u_j.u_k)`.
    fn square(&self, kernel: &Kernel) -> Enclosure {
        let [top, ..] = kernel.at(1.0);
        let rows = self.masses.iter().zip(&self.units).enumerate().map(|(j, (&c, u))| {
            let before = self.masses[..j].iter().zip(&self.units[..j]);
            let others: Enclosure = before.map(|(&d, v)| d * value(kernel, u, v)).sum();
            c.square() * top + c * others * 2.0
        });
        rows.sum()
    }
}

/// `K(u.v)`.
fn value(kernel: &Kernel, u: &[Enclosure], v: &[Enclosure]) -> Enclosure {
    let cosine = dot(u, v).intersection(Enclosure::new(-1.0, 1.0));
    cosine.map_or(Enclosure::UNDEFINED, |t| kernel.jet(t)[0])
}

/// `|w|` for exact floats.
fn length(w: &[f64]) -> Enclosure {
    let size = maximum_of(w.iter().map(|x| x.abs()));
    if !(size > 0.0) {
        return if size.is_nan() { Enclosure::UNDEFINED } else { Enclosure::ZERO };
    }
    let squares: Enclosure = w.iter().map(|&x| (Enclosure::from(x) / size).square()).sum();
    squares.sqrt() * size
}

/// The angle between two lines, from the shorter of the chords `|u - v|` and `|u + v|`: it keeps its digits however small it is.
fn angle(u: &[Enclosure], v: &[Enclosure]) -> Enclosure {
    let square =
        |side: f64| -> Enclosure { u.iter().zip(v).map(|(&x, &y)| (x - y * side).square()).sum() };
    let half = square(1.0).smaller(square(-1.0)).sqrt().half();
    // The shorter chord is at most sqrt(2).
    half.smaller(Enclosure::ONE).asin() * 2.0
}

impl EnclosedStudent {
    /// Encloses a student's numbers: `(m + m*)^2 (d + 1)/2` interval operations.
    ///
    /// # Errors
    /// [`CertifyError::Length`] if the dimensions differ.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_certify::EnclosedStudent;
    /// use gradiometer_model::{Network, Teacher};
    /// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
    /// let student = Network::new(2, vec![1.0], vec![0.75, 0.0]).unwrap();
    /// let enclosed = EnclosedStudent::new(&teacher, &student).unwrap();
    /// // L = (1 - c)^2 k(1), k(1) = 1/4 - 1/(2 pi), for neurons of mass c on the teacher's direction.
    /// let loss = 0.0625 * (0.25 - 0.5 / std::f64::consts::PI);
    /// assert!(enclosed.loss().contains(loss) && enclosed.loss().width() < 64.0 * f64::EPSILON);
    /// ```
    pub fn new(teacher: &Teacher, student: &Network) -> Result<Self, CertifyError> {
        let (expected, found) = (teacher.dimension(), student.dimension());
        if expected != found {
            return Err(CertifyError::Length {
                field: "a row of the first layer",
                expected,
                found,
            });
        }
        let (own, target) = (Atoms::new(student), Atoms::new(teacher.network()));
        let kernel = DegreeWeights::from_degree(2)?.kernel();
        // L = |f_mu|^2 - 2 <f_mu, y> + |y|^2 in the degrees from 2 on, and not negative.
        let loss =
            own.square(&kernel) - own.pairing(&target, &kernel) * 2.0 + target.square(&kernel);
        let loss = loss.intersection(Enclosure::new(0.0, f64::INFINITY));
        let squares = |x: &[f64]| x.iter().map(|&x| Enclosure::from(x).square()).sum::<Enclosure>();
        let decay = (squares(student.second_layer()) + squares(student.first_layer())).half();
        let (mut angles, mut nearest) = (Vec::new(), Vec::new());
        for (u, c) in own.units.iter().zip(&own.masses) {
            let all: Vec<Enclosure> = target.units.iter().map(|v| angle(u, v)).collect();
            let least = all.iter().copied().reduce(Enclosure::smaller);
            let is_zero = c.magnitude() <= 0.0;
            angles.push(if is_zero {
                Enclosure::ZERO
            } else {
                least.unwrap_or(Enclosure::UNDEFINED)
            });
            // The one that is certainly nearest, if there is one.
            let is_nearest =
                |i: usize| (0..all.len()).all(|k| k == i || all[i].certainly_less(all[k]));
            nearest.push(match (0..all.len()).find(|&i| is_nearest(i)) {
                _ if is_zero => Nearest::Massless,
                Some(i) => Nearest::Direction(i),
                None => Nearest::Undecided,
            });
        }
        let averages = averages(&own, &target, &nearest);
        let (masses, amplitudes) = (own.masses, target.masses);
        let loss = loss.unwrap_or(Enclosure::UNDEFINED);
        Ok(Self { loss, masses, amplitudes, decay, angles, averages })
    }

    /// `L`, the loss in the degrees from 2 on.
    pub const fn loss(&self) -> Enclosure {
        self.loss
    }

    /// `c_j = a_j |w_j|`.
    pub fn masses(&self) -> &[Enclosure] {
        &self.masses
    }

    /// `alpha_i`.
    pub fn amplitudes(&self) -> &[Enclosure] {
        &self.amplitudes
    }

    /// `|mu| = sum_j |c_j|`.
    pub fn mass(&self) -> Enclosure {
        self.masses.iter().map(|c| c.abs()).sum()
    }

    /// `|mu*| = sum_i |alpha_i|`.
    pub fn teacher_mass(&self) -> Enclosure {
        self.amplitudes.iter().map(|c| c.abs()).sum()
    }

    /// `(|a|^2 + |W|_F^2)/2`.
    pub const fn decay(&self) -> Enclosure {
        self.decay
    }

    /// `delta_j`, radians: the angle to the nearest teacher direction; zero for a neuron without mass.
    pub fn angles(&self) -> &[Enclosure] {
        &self.angles
    }

    /// `sum_j |c_j| delta_j^2`.
    pub fn localisation(&self) -> Enclosure {
        self.masses.iter().zip(&self.angles).map(|(c, delta)| c.abs() * delta.square()).sum()
    }

    /// The mass farther than an angle from every teacher direction.
    pub fn mass_beyond(&self, angle: f64) -> Enclosure {
        let all = self.masses.iter().zip(&self.angles);
        let far = all.filter(|(_, delta)| !delta.certainly_at_most(angle)).map(|(c, delta)| {
            // What may be on either side counts for nothing or for all of it.
            let is_far = delta.certainly_greater(angle);
            if is_far { c.abs() } else { Enclosure::ZERO.hull(c.abs()) }
        });
        far.sum()
    }

    /// `|v_i|`, `v_i = sum_(j in T_i) a_j s_j w_j - alpha_i u_i`; `None` where it is not certain which neurons are nearest to `u_i`.
    ///
    /// # Panics
    /// If there is no teacher neuron `i`.
    pub fn average(&self, i: usize) -> Option<Enclosure> {
        self.averages[i]
    }
}

/// The `|v_i|`; none where it is not certain of some neuron to which it belongs.
fn averages(own: &Atoms, target: &Atoms, nearest: &[Nearest]) -> Vec<Option<Enclosure>> {
    let mut sums: Vec<Vec<Enclosure>> = target
        .masses
        .iter()
        .zip(&target.units)
        .map(|(&alpha, u)| u.iter().map(|&x| -(alpha * x)).collect())
        .collect();
    if nearest.contains(&Nearest::Undecided) {
        return vec![None; sums.len()];
    }
    for (j, nearest) in nearest.iter().enumerate() {
        let &Nearest::Direction(i) = nearest else { continue };
        let side = dot(&own.units[j], &target.units[i]);
        // The nearest direction is no farther than a right angle; there either sign will do, but not both.
        let sign = if side.midpoint() < 0.0 { -1.0 } else { 1.0 };
        if side.contains(0.0) {
            sums[i].fill(Enclosure::UNDEFINED);
        }
        for (sum, &x) in sums[i].iter_mut().zip(&own.units[j]) {
            *sum += own.masses[j] * x * sign;
        }
    }
    let norm = |v: &Vec<Enclosure>| v.iter().map(|x| x.square()).sum::<Enclosure>().sqrt();
    sums.iter().map(|v| Some(norm(v)).filter(|x| !x.is_undefined())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn teacher() -> Teacher {
        let rows = [vec![1.0, 0.25, 0.0], vec![-0.5, 1.0, 0.5]];
        Teacher::new(Network::from_rows(vec![1.5, -2.0], &rows).unwrap()).unwrap()
    }

    #[test]
    fn a_student_that_is_the_teacher_has_nothing_left() {
        let teacher = teacher();
        let at = EnclosedStudent::new(&teacher, teacher.network()).unwrap();
        // Four masses of about 4 in all, sixteen products of them, some roundings each.
        assert!(at.loss().lo() <= 0.0 && at.loss().hi() < 256.0 * f64::EPSILON, "{}", at.loss());
        assert!(at.localisation().hi() < 64.0 * f64::EPSILON);
        assert!((at.mass() - at.teacher_mass()).contains(0.0));
        for i in 0..2 {
            assert!(at.average(i).unwrap().contains(0.0));
        }
        assert!(at.mass_beyond(f64::EPSILON.sqrt()).hi() <= 0.0);
    }

    #[test]
    fn numbers_of_two_neurons_are_those_by_hand() {
        let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
        let (sin, cos) = 0.5_f64.sin_cos();
        // One neuron at 0.5 rad on the other side of the line, one of no mass, one of no direction.
        let rows = [vec![-2.0 * cos, -2.0 * sin], vec![0.0, 3.0], vec![0.0, 0.0]];
        let student = Network::from_rows(vec![0.75, 0.0, 1.0], &rows).unwrap();
        let at = EnclosedStudent::new(&teacher, &student).unwrap();
        let k = |t: f64| ((1.0 - t * t).sqrt() + t * t.asin() - 1.0) / std::f64::consts::TAU;
        let c = 1.5;
        let loss = (c * c + 1.0) * k(1.0) - 2.0 * c * k(cos);
        let average = (c * cos - 1.0).hypot(c * sin);
        let decay = 0.5 * (0.75 * 0.75 + 1.0 + 4.0 + 9.0);
        let pairs = [
            (at.loss(), loss),
            (at.localisation(), 0.25 * c),
            (at.mass(), c),
            (at.decay(), decay),
            (at.average(0).unwrap(), average),
            (at.mass_beyond(0.25), c),
            (at.mass_beyond(0.75), 0.0),
        ];
        for (found, expected) in pairs {
            let around = Enclosure::around(expected, 32.0 * f64::EPSILON);
            assert!(found.intersection(around).is_some(), "{found} {expected}");
            assert!(found.width() < 256.0 * f64::EPSILON, "{found}");
        }
        // At the angle itself nobody knows.
        let between = at.mass_beyond(at.angles()[0].midpoint());
        assert!(between.contains(0.0) && between.contains(c), "{between}");
    }

    #[test]
    fn small_angles_keep_their_digits_and_ties_are_told() {
        let teacher = teacher();
        let small = 1e-9;
        let near = [1.0, 0.25, small];
        let student = Network::from_rows(vec![1.0], &[near.to_vec()]).unwrap();
        let at = EnclosedStudent::new(&teacher, &student).unwrap();
        let expected = small / 1.0625_f64.sqrt();
        assert!(at.angles()[0].contains(expected), "{}", at.angles()[0]);
        assert!(at.angles()[0].width() < f64::EPSILON.cbrt() * expected, "{}", at.angles()[0]);
        // Two directions as near as each other: no average is known.
        let square = Network::from_rows(vec![1.0, 1.0], &[vec![1.0, 0.0], vec![0.0, 1.0]]).unwrap();
        let square = Teacher::new(square).unwrap();
        let tie = Network::from_rows(vec![1.0], &[vec![1.0, 1.0]]).unwrap();
        let at = EnclosedStudent::new(&square, &tie).unwrap();
        assert!(at.average(0).is_none() && at.average(1).is_none());
    }

    #[test]
    fn dimensions_must_agree_and_sizes_need_not() {
        let teacher = teacher();
        let plane = Network::from_rows(vec![1.0], &[vec![1.0, 0.0]]).unwrap();
        assert!(EnclosedStudent::new(&teacher, &plane).is_err());
        // The same function with layers of very different sizes.
        let (large, small) = (2.0_f64.powi(600), 2.0_f64.powi(-600));
        let rows = [vec![large, 0.0, large], vec![small, small, 0.0]];
        let student = Network::from_rows(vec![small, large], &rows).unwrap();
        let plain = Network::from_rows(vec![1.0, 1.0], &[vec![1.0, 0.0, 1.0], vec![1.0, 1.0, 0.0]]);
        let plain = EnclosedStudent::new(&teacher, &plain.unwrap()).unwrap();
        let scaled = EnclosedStudent::new(&teacher, &student).unwrap();
        assert!(scaled.loss().intersection(plain.loss()).is_some());
        assert!(scaled.loss().width() <= 2.0 * plain.loss().width());
    }
}
