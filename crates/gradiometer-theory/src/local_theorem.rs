//! The local theorem of a teacher with its numbers (theory 8.5), and what it says of a student.

use crate::claim::Evidence;
use crate::error::TheoryError;
use crate::quantities::Quantities;
use gradiometer_certify::{CertifyError, DegreeWeights};
use gradiometer_certify::{Proof, TestFunctionBound, test_function_bounds};
use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::{maximum, maximum_of, minimum};
use gradiometer_landscape::point::Point;
use gradiometer_model::SeparatedTeacher;
use gradiometer_model::geometry::norm;

/// First degrees above that of the certificate whose test functions are tried.
const DEGREES_ABOVE: usize = 12;

/// What holds of every network near the optimum of a teacher, proved: the constants of theory 8.5.
///
/// For `L_lambda(theta) <= lambda |mu*| + C_0 lambda^2` (that is `zeta+ <= C_0 lambda^2`; the optimum has `C_0 = 0`):
/// `sqrt(L) <= l_0 lambda`, `sum_j |c_j| delta_j^2 <= S_0 lambda/rho`, opposing mass `<= S_0 lambda`,
/// `-|p| l_0 lambda <= |mu| - |mu*| <= C_0 lambda`, `|v_i| <= V_i lambda`; and for `lambda < |alpha_i|/V_i` some neuron whose
/// nearest teacher is `u_i` is within `sqrt((S_0 lambda/rho)/(|alpha_i| - V_i lambda))` of it. Here
/// `l_0 = (|p| + sqrt(|p|^2 + 4 C_0))/2`, `S_0 = C_0 + |p|^2/4`, `V_i = |p_i| l_0 + C_i S_0/rho`. All numbers are rounded to the safe side.
#[derive(Clone, Debug)]
pub struct LocalTheorem {
    rho: f64,
    norm: f64,
    amplitudes: Vec<Enclosure>,
    tests: Option<Vec<TestFunctionBound>>,
    degree: Option<usize>,
}

impl LocalTheorem {
    /// The theorem of a proved certificate, with the test functions of the first degree that make the largest `V_i` for
    /// `C_0 = |p|^2/4` smallest.
    ///
    /// # Errors
    /// [`TheoryError::Certify`] if the checker refuses the weights.
    pub fn new(teacher: &SeparatedTeacher, proof: &Proof) -> Result<Self, TheoryError> {
        // A product of two exact doubles' roundings, and a norm.
        let slack = (teacher.dimension() as f64 + 8.0) * f64::EPSILON;
        let around = |alpha: &f64| Enclosure::around(alpha.abs(), alpha.abs() * slack);
        let mut theorem = Self {
            rho: proof.rho(),
            norm: proof.p_norm().hi(),
            amplitudes: teacher.amplitudes().iter().map(around).collect(),
            tests: None,
            degree: None,
        };
        let own = proof.certificate().weights();
        let first = own.first_degree();
        let mut least = f64::INFINITY;
        for degree in (first..=first + DEGREES_ABOVE).step_by(2) {
            let tests = match test_function_bounds(teacher, &DegreeWeights::from_degree(degree)?) {
                Ok(tests) => tests,
                Err(CertifyError::Interpolation { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let other = Self { tests: Some(tests), degree: Some(degree), ..theorem.clone() };
            let largest = other.largest_average(0.25 * theorem.norm * theorem.norm);
            if largest < least {
                (least, theorem) = (largest, other);
            }
        }
        Ok(theorem)
    }

    /// `rho`.
    pub const fn rho(&self) -> f64 {
        self.rho
    }

    /// A bound of `|p|`.
    pub const fn norm(&self) -> f64 {
        self.norm
    }

    /// The bounds of `|p_{i,e}|` and `C` for all unit `e`, one for each teacher neuron; `None` if none was proved.
    pub fn tests(&self) -> Option<&[TestFunctionBound]> {
        self.tests.as_deref()
    }

    /// The first degree of the test functions.
    pub const fn degree(&self) -> Option<usize> {
        self.degree
    }

    /// `l_0`, from above.
    pub fn root_loss(&self, c_0: f64) -> f64 {
        self.l_0(c_0).hi()
    }

    fn l_0(&self, c_0: f64) -> Enclosure {
        let p = Enclosure::from(self.norm);
        ((p.square() + Enclosure::from(c_0) * 4.0).sqrt() + p).half()
    }

    /// `S_0`, from above.
    pub fn slack(&self, c_0: f64) -> f64 {
        self.s_0(c_0).hi()
    }

    fn s_0(&self, c_0: f64) -> Enclosure {
        (Enclosure::from(self.norm).square()) * 0.25 + c_0
    }

    /// `S_0/rho`, from above.
    pub fn localisation(&self, c_0: f64) -> f64 {
        (self.s_0(c_0) / self.rho).hi()
    }

    /// `V_i`, from above; infinite if no test function is proved.
    pub fn average(&self, i: usize, c_0: f64) -> f64 {
        self.tests.as_ref().map_or(f64::INFINITY, |tests| {
            let spread = self.s_0(c_0) / self.rho;
            (self.l_0(c_0) * tests[i].norm() + spread * tests[i].constant()).hi()
        })
    }

    fn largest_average(&self, c_0: f64) -> f64 {
        maximum_of((0..self.amplitudes.len()).map(|i| self.average(i, c_0)))
    }

    /// `min_i |alpha_i|/V_i`, from below: for smaller `lambda` every teacher neuron has a close student neuron.
    pub fn largest_lambda(&self, c_0: f64) -> f64 {
        let ratio = |i: usize| (self.amplitudes[i] / self.average(i, c_0)).lo();
        let least = (0..self.amplitudes.len()).map(ratio).fold(f64::INFINITY, minimum);
        maximum(least, 0.0)
    }

    /// The angle within which some neuron of teacher neuron `i` lies; `None` if `lambda` is too large for that.
    pub fn closest_angle(&self, i: usize, lambda: f64, c_0: f64) -> Option<f64> {
        let left = self.amplitudes[i] - Enclosure::from(self.average(i, c_0)) * lambda;
        let angle = (Enclosure::from(self.localisation(c_0)) * lambda / left).sqrt();
        // No angle on projective space is larger than a right one.
        let proved = left.lo() > 0.0 && angle.hi() < std::f64::consts::FRAC_PI_2;
        proved.then(|| angle.hi())
    }

    /// What it says of a student, beside what is measured there; the mass beyond the angle of `at` is one of the conclusions. They are as
    /// certain as `zeta+` is.
    pub fn conclusions(&self, point: &Point<'_>, at: &Quantities) -> Conclusions {
        let (lambda, angle) = (at.lambda, at.beyond.0);
        let (loss, zeta) = (at.loss, at.zeta_plus);
        // The sum is rounded to its own side of zero: where it is not above, the gap is none.
        let above = zeta.value + zeta.error;
        let c_0 = if above <= 0.0 {
            0.0
        } else {
            (Enclosure::from(above.next_up()) / Enclosure::from(lambda).square()).hi()
        };
        let (split, masses) = (point.split(), point.split().masses());
        let bound = |x: f64| if x > 0.0 { (Enclosure::from(x) * lambda).hi() } else { x };
        let spread = bound(self.localisation(c_0));
        let far = masses.iter().zip(split.angles()).filter(|(_, delta)| **delta > angle);
        let square = Enclosure::from(angle).square();
        let excess = point.mass_excess();
        let whole = [
            ("sqrt(L)", maximum(loss.value, 0.0).sqrt(), bound(self.root_loss(c_0))),
            ("sum_j |c_j| delta_j^2", split.localisation(), spread),
            (
                "mass beyond the angle",
                far.map(|(c, _)| c.abs()).sum(),
                (Enclosure::from(spread) / square).hi(),
            ),
            ("|mu*| - |mu|", -excess.value, (self.l_0(c_0) * self.norm * lambda).hi()),
            ("|mu| - |mu*|", excess.value, bound(c_0)),
        ];
        let neurons = (0..self.amplitudes.len())
            .map(|i| {
                let own = split.nearest().iter().zip(split.angles()).zip(masses);
                let angles = own.filter(|((k, _), c)| **k == i && c.abs() > 0.0);
                let closest = angles.map(|((_, angle), _)| *angle).fold(f64::INFINITY, minimum);
                Neuron {
                    average: norm(split.average(i)),
                    average_bound: bound(self.average(i, c_0)),
                    closest,
                    closest_bound: self.closest_angle(i, lambda, c_0),
                }
            })
            .collect();
        Conclusions {
            c_0,
            evidence: zeta.evidence(),
            whole: whole.map(|(name, measured, bound)| Bound { name, measured, bound }),
            neurons,
        }
    }
}

/// One conclusion: a bound that is proved, beside what is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// What is bounded.
    pub name: &'static str,
    /// Its value at the student, in floating point.
    pub measured: f64,
    /// The bound.
    pub bound: f64,
}

/// What is concluded of the student's neurons that are nearest to one teacher neuron.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neuron {
    /// `|v_i|`: how far their sum is from the teacher neuron.
    pub average: f64,
    /// The bound of it, infinite if none is proved.
    pub average_bound: f64,
    /// The smallest angle of one of them, infinite if there is none.
    pub closest: f64,
    /// The angle within which one is proved to be; `None` if nothing says that there is one.
    pub closest_bound: Option<f64>,
}

/// What the local theorem says of a student.
#[derive(Clone, Debug, PartialEq)]
pub struct Conclusions {
    /// The least `C_0` with `zeta+ <= C_0 lambda^2`, rounded up.
    pub c_0: f64,
    /// How that, and so every bound, is known.
    pub evidence: Evidence,
    /// About the student as a whole.
    pub whole: [Bound; 5],
    /// About the neurons near each teacher neuron.
    pub neurons: Vec<Neuron>,
}

impl Conclusions {
    /// Whether every teacher neuron is proved to have a close neuron.
    pub fn every_teacher_has_a_neuron(&self) -> bool {
        self.neurons.iter().all(|neuron| neuron.closest_bound.is_some())
    }

    /// Whether some measured value exceeds its bound by more than a share for its rounding: then something is wrong.
    pub fn is_contradicted(&self, share: f64) -> bool {
        let exceeds = |measured: f64, bound: f64| measured > bound + share * (1.0 + bound.abs());
        self.whole.iter().any(|x| exceeds(x.measured, x.bound))
            || self.neurons.iter().any(|neuron| {
                exceeds(neuron.average, neuron.average_bound)
                    || neuron.closest_bound.is_some_and(|bound| exceeds(neuron.closest, bound))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_certify::InTurn;
    use gradiometer_certify::Limits;
    use gradiometer_landscape::certificate::{CertificateOptions, prove_certificate};
    use gradiometer_model::{Network, Teacher};

    fn teacher() -> SeparatedTeacher {
        let rows = [vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]];
        let network = Network::from_rows(vec![1.0, -1.0], &rows).unwrap();
        Teacher::new(network).unwrap().separated().unwrap()
    }

    fn theorem(teacher: &SeparatedTeacher) -> LocalTheorem {
        let options = CertificateOptions::default();
        let checked =
            prove_certificate(teacher, &options, &Limits::default(), &mut InTurn).unwrap();
        LocalTheorem::new(teacher, checked.report.verdict.proof().unwrap()).unwrap()
    }

    #[test]
    fn the_constants_are_those_of_the_formulas() {
        let theorem = theorem(&teacher());
        let (p, rho) = (theorem.norm(), theorem.rho());
        for c_0 in [0.0, 1.0, 100.0] {
            let (l_0, s_0) = (0.5 * (p + (p * p + 4.0 * c_0).sqrt()), c_0 + 0.25 * p * p);
            let test = theorem.tests().unwrap()[1];
            let v = test.norm() * l_0 + test.constant() * s_0 / rho;
            let pairs = [
                (theorem.root_loss(c_0), l_0),
                (theorem.slack(c_0), s_0),
                (theorem.localisation(c_0), s_0 / rho),
                (theorem.average(1, c_0), v),
            ];
            for (found, expected) in pairs {
                // Upwards, by some roundings.
                let rounding = 32.0 * f64::EPSILON * expected;
                assert!(found >= expected - rounding && found <= expected + rounding);
            }
            let lambda = theorem.largest_lambda(c_0);
            assert!(lambda > 0.0 && lambda <= 1.0 / theorem.average(0, c_0));
            assert_eq!(theorem.closest_angle(0, 1.01 * lambda, c_0), None);
        }
    }

    #[test]
    fn a_student_at_the_teacher_has_close_neurons_and_one_that_left_has_not() {
        let teacher = teacher();
        let theorem = theorem(&teacher);
        let lambda = 0.125 * theorem.largest_lambda(0.0);
        let at_teacher =
            Network::from_rows(vec![1.0, -1.0], &[vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]])
                .unwrap();
        let point = Point::new(&teacher, &at_teacher, lambda).unwrap();
        let conclusions = theorem.conclusions(&point, &Quantities::of(&point, 0.1));
        assert!(conclusions.every_teacher_has_a_neuron(), "{conclusions:?}");
        assert!(!conclusions.is_contradicted(1e-9), "{conclusions:?}");
        // Control: one neuron moved away.
        let moved =
            Network::from_rows(vec![1.0, -1.0], &[vec![1.0, 0.0, 0.0], vec![0.0, 0.6, 0.8]])
                .unwrap();
        let point = Point::new(&teacher, &moved, lambda).unwrap();
        let conclusions = theorem.conclusions(&point, &Quantities::of(&point, 0.1));
        assert!(!conclusions.every_teacher_has_a_neuron() && !conclusions.is_contradicted(1e-9));
        assert!(conclusions.c_0 > 0.0);
    }

    #[test]
    fn a_gap_below_zero_is_none() {
        let teacher = teacher();
        let theorem = theorem(&teacher);
        // Less mass than the teacher's, and lambda times what is missing above the loss.
        let rows = [vec![0.875, 0.0, 0.0], vec![0.0, 0.875, 0.0]];
        let smaller = Network::from_rows(vec![1.0, -1.0], &rows).unwrap();
        let point = Point::new(&teacher, &smaller, 1.0).unwrap();
        let conclusions = theorem.conclusions(&point, &Quantities::of(&point, 0.1));
        assert_eq!(conclusions.c_0.to_bits(), 0, "{conclusions:?}");
        let excess = &conclusions.whole[4];
        assert!(excess.measured < 0.0 && excess.bound == 0.0, "{excess:?}");
    }
}
