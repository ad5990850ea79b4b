//! What is shown of an objective at a student.

use crate::value::{Evaluation, EvaluationRoute, Gradient};
use crate::weight_decay::{WeightDecay, sum};
use gradiometer_hermite::Bounded;
use gradiometer_model::Network;

/// The numbers that are shown of an objective with weight decay at a student, each with a bound on
/// its own error: nothing that a user sees is computed elsewhere.
///
/// An error is infinite where its number is not finite.
///
/// # Examples
/// ```
/// use gradiometer_model::{Network, Teacher};
/// use gradiometer_population::{Accuracy, Objective, Population, WeightDecay};
/// // The teacher itself, with a = w = 1: L = 0, L_lambda = lambda, and the gradient is (lambda, lambda).
/// let network = Network::new(1, vec![1.0], vec![1.0]).unwrap();
/// let population = Population::new(Teacher::new(network.clone()).unwrap());
/// let decay = WeightDecay::equal(0.5);
/// let shown = population.evaluate(&network, Accuracy::FAST).unwrap().reported(&network, decay);
/// assert!((shown.objective.value - 0.5).abs() <= shown.objective.error);
/// assert!((shown.squared_norm.value - 0.5).abs() <= shown.squared_norm.error);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    /// `L`.
    pub loss: Bounded,
    /// `L_lambda = L + (lambda_a/2) |a|^2 + (lambda_w/2) |W|_F^2`.
    pub objective: Bounded,
    /// `grad L_lambda`.
    pub gradient: Gradient,
    /// `|grad L_lambda|_F`.
    pub norm: Bounded,
    /// `|grad L_lambda|_F^2`.
    pub squared_norm: Bounded,
    /// How `L` and its gradient were computed.
    pub route: EvaluationRoute,
}

impl Evaluation {
    /// What is shown of it with a weight decay; `student` is the one that was evaluated.
    pub fn reported(&self, student: &Network, decay: WeightDecay) -> Reported {
        let gradient = decay.gradient(student, &self.gradient);
        Reported {
            loss: self.loss,
            objective: sum(self.loss, decay.value(student)),
            norm: gradient.norm(),
            squared_norm: gradient.squared_norm(),
            gradient,
            route: self.route,
        }
    }
}
