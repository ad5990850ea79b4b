//! The exact population loss of ReLU networks: a thin chooser above the routes.

use crate::accuracy::{self, Accuracy};
use crate::atoms::Problem;
use crate::error::PopulationError;
use crate::hessian::{DENSE_LIMIT, DenseHessian, HessianOperator, Layers};
use crate::kernel::InstructionSet;
use crate::objective::{Objective, check_dimension};
use crate::route::{fast, pairs};
use crate::value::{Gradient, Reached};
use crate::workspace::Workspace;
use gradiometer_hermite::Degrees;
use gradiometer_model::geometry::norm;
use gradiometer_model::{Network, Skip, Teacher};
use std::f64::consts::PI;

/// The exact population loss `L = E (f(x) - f*(x))^2` of ReLU networks under `x ~ N(0, I)`
/// (statements 3.1 to 3.3).
///
/// A loss that is zero, or one of more than 1024 neurons, may keep a larger error than was asked for;
/// the bound says so.
///
/// # Examples
/// ```
/// use gradiometer_model::{Network, Teacher};
/// use gradiometer_population::{Accuracy, Objective, Population};
/// // One teacher neuron, one student neuron at a right angle: L = 2 (k(1) - k(0)) = 1/2 - 1/pi.
/// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
/// let student = Network::new(2, vec![1.0], vec![0.0, 1.0]).unwrap();
/// let found = Population::new(teacher).evaluate(&student, Accuracy::loss(1e-10)).unwrap();
/// let exact = 0.5 - std::f64::consts::FRAC_1_PI;
/// assert!((found.loss.value - exact).abs() <= found.loss.error + f64::EPSILON);
/// ```
#[derive(Clone, Debug)]
pub struct Population {
    teacher: Teacher,
    degrees: Degrees,
    set: InstructionSet,
}

impl Population {
    /// The objective of degrees at least 2, on the widest instruction set of this machine.
    pub fn new(teacher: Teacher) -> Self {
        Self { teacher, degrees: Degrees::FromTwo, set: InstructionSet::detect() }
    }

    /// The same with the given degrees: all of them are those of the raw networks, with the student's
    /// own affine part (none counts as zero); from two any affine part is fitted away.
    #[must_use]
    pub const fn of_degrees(mut self, degrees: Degrees) -> Self {
        self.degrees = degrees;
        self
    }

    /// The same on the given instruction set; the portable one stands in for a set the machine lacks.
    #[must_use]
    pub fn on(mut self, set: InstructionSet) -> Self {
        self.set = set.or_portable();
        self
    }

    /// The degrees that it keeps.
    pub const fn degrees(&self) -> Degrees {
        self.degrees
    }

    /// The affine part that makes the raw loss least at a student's neurons:
    /// `alpha = -sum_b nu_b/sqrt(2 pi)` and `beta = -(1/2) sum_b nu_b v_b` with `nu = mu - mu*`
    /// (statement 4.1). With it the raw loss is that of the degrees at least 2. Error:
    /// `(m + m* + d) eps` times the total mass of `nu`.
    ///
    /// # Errors
    /// [`PopulationError::Model`] if the dimensions differ.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_model::{Network, Teacher};
    /// use gradiometer_population::Population;
    /// // relu(x) is x/2 + |x|/2: against the opposite neuron the linear part is all that is missing.
    /// let teacher = Teacher::new(Network::new(1, vec![1.0], vec![1.0]).unwrap()).unwrap();
    /// let student = Network::new(1, vec![1.0], vec![-1.0]).unwrap();
    /// let skip = Population::new(teacher).affine_fit(&student).unwrap();
    /// assert_eq!((skip.constant.abs(), skip.linear), (0.0, vec![1.0]));
    /// ```
    pub fn affine_fit(&self, student: &Network) -> Result<Skip, PopulationError> {
        check_dimension(&self.teacher, student)?;
        let mut skip = Skip { constant: 0.0, linear: vec![0.0; student.dimension()] };
        for (network, sign) in [(student, -1.0), (self.teacher.network(), 1.0)] {
            for (w, a) in network.rows().zip(network.second_layer()) {
                skip.constant += sign * a * norm(w) / (2.0 * PI).sqrt();
                for (b, x) in skip.linear.iter_mut().zip(w) {
                    *b += sign * 0.5 * a * x;
                }
            }
        }
        Ok(skip)
    }

    /// The dense Hessian of `L` at a student.
    ///
    /// # Errors
    /// [`PopulationError::Model`] if the dimensions differ, [`PopulationError::HessianTooLarge`] beyond
    /// [`DENSE_LIMIT`] parameters.
    pub fn dense_hessian(
        &self,
        student: &Network,
        layers: Layers,
    ) -> Result<DenseHessian, PopulationError> {
        check_dimension(&self.teacher, student)?;
        let parameters = layers.parameters(student.neurons(), student.dimension());
        if parameters > DENSE_LIMIT {
            return Err(PopulationError::HessianTooLarge { parameters, limit: DENSE_LIMIT });
        }
        Ok(HessianOperator::new(&self.problem(student), layers).dense())
    }

    /// Whether a fast evaluation of a student of this shape, and any smaller one, stays in the
    /// caller's thread and asks for no other, so that it needs no pool of threads around it.
    pub const fn stays_in_thread(&self, student: &Network) -> bool {
        let atoms = self.teacher.neurons() + student.neurons();
        fast::always_takes_pairs(student) && pairs::stay_in_thread(atoms, student.dimension())
    }

    const fn problem<'a>(&'a self, student: &'a Network) -> Problem<'a> {
        Problem { teacher: &self.teacher, student, degrees: self.degrees }
    }
}

impl Objective for Population {
    fn teacher(&self) -> &Teacher {
        &self.teacher
    }

    fn evaluate_into(
        &self,
        student: &Network,
        asked: &Accuracy,
        workspace: &mut Workspace,
        gradient: Option<&mut Gradient>,
    ) -> Reached {
        accuracy::climb(&self.problem(student), self.set, asked, workspace, gradient)
    }

    /// ```
    /// use gradiometer_model::{Network, Teacher};
    /// use gradiometer_population::{Degrees, Layers, Objective, Population};
    /// // At the teacher sigma(x), w = 1 + e has the raw loss e^2 E sigma^2 = e^2/2: the second
    /// // derivative is 1.
    /// let sigma = Network::new(1, vec![1.0], vec![1.0]).unwrap();
    /// let population = Population::new(Teacher::new(sigma.clone()).unwrap()).of_degrees(Degrees::All);
    /// let hessian = population.hessian_operator(&sigma, Layers::First).unwrap();
    /// let product = hessian.apply(&[1.0]).unwrap();
    /// assert!((product[0] - 1.0).abs() <= 4.0 * f64::EPSILON);
    /// ```
    fn hessian_operator(
        &self,
        student: &Network,
        layers: Layers,
    ) -> Result<HessianOperator, PopulationError> {
        check_dimension(&self.teacher, student)?;
        Ok(HessianOperator::new(&self.problem(student), layers))
    }

    fn twins_are_exchangeable(&self, student: &Network) -> bool {
        self.degrees == Degrees::FromTwo && fast::always_takes_pairs(student)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_hermite::float::maximum;

    #[test]
    fn the_affine_fit_is_the_opposite_of_the_low_degrees() {
        // Masses 10 and -2, and half of 2 (3, 4) - (0, 2).
        let teacher = Teacher::new(Network::new(2, vec![1.0], vec![0.0, 2.0]).unwrap()).unwrap();
        let student = Network::new(2, vec![2.0], vec![3.0, 4.0]).unwrap();
        let skip = Population::new(teacher).affine_fit(&student).unwrap();
        assert!((skip.constant + 8.0 / (2.0 * PI).sqrt()).abs() <= 16.0 * f64::EPSILON);
        assert_eq!(skip.linear, [-3.0, -3.0]);
    }

    #[test]
    fn a_small_evaluation_stays_in_its_thread() {
        let ones = |m: usize, d: usize| Network::new(d, vec![1.0; m], vec![1.0; m * d]).unwrap();
        let stays = |m: usize, d: usize| {
            Population::new(Teacher::new(ones(1, d)).unwrap()).stays_in_thread(&ones(m, d))
        };
        assert!(stays(20, 5) && stays(100, 50));
        // The plane sorts on all threads, many neurons look for their span, and many pairs are work.
        assert!(!stays(20, 2) && !stays(256, 5) && !stays(200, 80));
    }

    #[test]
    fn an_accurate_gradient_is_off_by_one_rounding() {
        let teacher = Teacher::new(Network::new(2, vec![1.0], vec![0.0, 2.0]).unwrap()).unwrap();
        let student = Network::new(2, vec![2.0, -1.0], vec![3.0, 4.0, 1.0, 0.0]).unwrap();
        for degrees in [Degrees::FromTwo, Degrees::All] {
            let population = Population::new(teacher.clone()).of_degrees(degrees);
            let gradient = population.evaluate(&student, Accuracy::finest(1.0)).unwrap().gradient;
            let largest = |x: &[f64]| x.iter().fold(0.0, |m, x| maximum(m, x.abs()));
            for (error, entries) in [
                (gradient.second_layer_error, largest(&gradient.second_layer)),
                (gradient.first_layer_error, largest(&gradient.first_layer)),
            ] {
                let share = error / (f64::EPSILON * entries);
                assert!((1.0..1.001).contains(&share), "{degrees:?}: {share}");
            }
        }
    }
}
