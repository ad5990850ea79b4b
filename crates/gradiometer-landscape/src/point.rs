//! A student analysed once: what every statement about one student starts from.

use crate::error::LandscapeError;
use crate::residual::ResidualSplit;
use gradiometer_model::geometry::{norm, normalised};
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_population::{Bounded, Evaluation, Population};

/// A teacher, a student and `lambda > 0`, with what every lemma uses.
#[derive(Clone, Debug)]
pub struct Point<'a> {
    teacher: &'a SeparatedTeacher,
    student: &'a Network,
    lambda: f64,
    population: Population,
    evaluation: Evaluation,
    split: ResidualSplit,
    units: Vec<f64>,
    /// `|mu| - |mu*|`.
    excess: f64,
    /// `sum_j (|a_j| - |w_j|)^2`.
    imbalance: f64,
}

/// Relative accuracy asked of the loss.
const ACCURATE: f64 = 1e-12;

impl<'a> Point<'a> {
    /// Analyses a student: loss and gradient of degrees at least 2, the residual split, masses and
    /// angles.
    ///
    /// # Errors
    /// [`LandscapeError::Lambda`] unless `lambda` is positive and finite, [`LandscapeError::Model`]
    /// if the dimensions differ.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_landscape::point::Point;
    /// use gradiometer_model::{Network, Teacher};
    /// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap().separated().unwrap();
    /// let student = teacher.network().clone();
    /// let point = Point::new(&teacher, &student, 0.1).unwrap();
    /// // At the teacher itself L_lambda is lambda |mu*|.
    /// assert_eq!(point.zeta_plus().value.abs(), 0.0);
    /// ```
    pub fn new(
        teacher: &'a SeparatedTeacher,
        student: &'a Network,
        lambda: f64,
    ) -> Result<Self, LandscapeError> {
        if !(lambda > 0.0 && lambda.is_finite()) {
            return Err(LandscapeError::Lambda { lambda });
        }
        let split = ResidualSplit::new(teacher, student)?;
        let population = Population::new((**teacher).clone());
        let evaluation = population.evaluate(student, ACCURATE)?;
        let excess = split.masses().iter().map(|c| c.abs()).sum::<f64>() - teacher.total_mass();
        let defects = student.rows().zip(student.second_layer()).map(|(w, a)| a.abs() - norm(w));
        let imbalance = defects.map(|x| x * x).sum();
        let units = student.rows().flat_map(normalised).collect();
        Ok(Self {
            teacher,
            student,
            lambda,
            population,
            evaluation,
            split,
            units,
            excess,
            imbalance,
        })
    }

    /// The teacher.
    pub const fn teacher(&self) -> &'a SeparatedTeacher {
        self.teacher
    }

    /// The student.
    pub const fn student(&self) -> &'a Network {
        self.student
    }

    /// `lambda`.
    pub const fn lambda(&self) -> f64 {
        self.lambda
    }

    /// The objective of degrees at least 2.
    pub const fn population(&self) -> &Population {
        &self.population
    }

    /// `L` and its gradient.
    pub const fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    /// Nearest teachers, angles, average neurons.
    pub const fn split(&self) -> &ResidualSplit {
        &self.split
    }

    /// `L`.
    pub const fn loss(&self) -> Bounded {
        self.evaluation.loss
    }

    /// `|mu| - |mu*|`, with its rounding.
    pub fn mass_excess(&self) -> Bounded {
        let masses = self.student.total_mass() + self.teacher.total_mass();
        Bounded { value: self.excess, error: self.roundings() * masses }
    }

    /// `sum_j (|a_j| - |w_j|)^2`, zero if balanced.
    pub const fn imbalance(&self) -> f64 {
        self.imbalance
    }

    /// Whether every neuron is balanced up to the rounding of its norms.
    pub fn is_balanced(&self) -> bool {
        let (_, w) = self.student.squared_norms();
        let relative = 8.0 * (self.student.dimension() as f64 + 8.0) * f64::EPSILON;
        self.imbalance <= relative * relative * w
    }

    /// `zeta+ = L_lambda - lambda |mu*| = L + lambda (|mu| - |mu*|) + (lambda/2) sum_j (|a_j| -
    /// |w_j|)^2`.
    pub fn zeta_plus(&self) -> Bounded {
        let (loss, excess) = (self.loss(), self.mass_excess());
        let half = 0.5 * self.imbalance;
        Bounded {
            value: loss.value + self.lambda * (excess.value + half),
            error: loss.error + self.lambda * (excess.error + self.roundings() * half),
        }
    }

    /// Unit vector of neuron `j`, zero for a zero neuron.
    ///
    /// # Panics
    /// If there is no neuron `j`.
    pub fn unit(&self, j: usize) -> &[f64] {
        let d = self.student.dimension();
        &self.units[j * d..(j + 1) * d]
    }

    /// Relative rounding of a sum over the neurons.
    pub fn roundings(&self) -> f64 {
        let terms = self.student.neurons() + self.teacher.neurons() + self.student.dimension();
        (terms as f64 + 16.0) * f64::EPSILON
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_instances::Instance;

    #[test]
    fn a_lambda_that_is_not_positive_is_refused() {
        let Instance { teacher, student, .. } = crate::instance::tests::instance(1);
        for lambda in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Point::new(&teacher, &student, lambda).is_err());
        }
    }
}
