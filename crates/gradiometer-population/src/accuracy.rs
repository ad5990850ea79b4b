//! The ladder of accuracy: what is asked of an evaluation, and the only place that knows the rungs.
//!
//! From the cheapest to the dearest they are
//!
//! 1. the fast evaluation, pairs in singles if that was asked for, or a truncated tree where there
//!    is one;
//! 2. the fast evaluation in doubles without truncation;
//! 3. double-double arithmetic;
//! 4. arithmetic of as many bits as the loss needs, for the loss alone.
//!
//! The first two need weights far enough from the ends of the range of doubles; where they are not,
//! the ladder begins at the third, whose masses are scaled.

use crate::atoms::Problem;
use crate::kernel::InstructionSet;
use crate::route::accurate;
use crate::route::fast::{self, Means};
use crate::value::{EvaluationRoute, Gradient, Precision, Reached};
use crate::weight_decay::WeightDecay;
use crate::workspace::Workspace;
use gradiometer_hermite::Bounded;
use gradiometer_model::Network;

/// What is asked of an evaluation: relative errors, and what it begins with.
///
/// # Examples
/// ```
/// use gradiometer_model::{Network, Teacher};
/// use gradiometer_population::{Accuracy, EvaluationRoute, Objective, Population};
/// // A student 1e-9 beside the teacher: the loss is some 1e-19, a difference of numbers of order 1.
/// let network = |y| Network::new(2, vec![1.0], vec![1.0, y]).unwrap();
/// let population = Population::new(Teacher::new(network(0.0)).unwrap());
/// let fast = population.evaluate(&network(1e-9), Accuracy::FAST).unwrap();
/// assert!(!fast.loss.within(1e-6));
/// let found = population.evaluate(&network(1e-9), Accuracy::loss(1e-6)).unwrap();
/// assert!(found.loss.within(1e-6) && !matches!(found.route, EvaluationRoute::Fast(_)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Largest error of `L` relative to itself; `None` takes that of the rung that the gradient needs.
    pub loss: Option<f64>,
    /// Largest error of `|grad L_lambda|` relative to itself; `None` takes the gradient that comes
    /// with the loss.
    pub gradient: Option<f64>,
    /// The weight decay in `L_lambda`.
    pub decay: WeightDecay,
    /// What pairs are computed in on the first rung.
    pub precision: Precision,
    /// Whether the gradient is to climb with the loss, so that both come by one route. Otherwise a
    /// gradient that is accurate enough is kept while the loss climbs on.
    pub one_route: bool,
}

impl Accuracy {
    /// Whatever the fast evaluation gives.
    pub const FAST: Self = Self {
        loss: None,
        gradient: None,
        decay: WeightDecay::equal(0.0),
        precision: Precision::Double,
        one_route: false,
    };

    /// A loss with this relative error, and the gradient that comes with it.
    pub const fn loss(relative: f64) -> Self {
        Self { loss: Some(relative), ..Self::FAST }
    }

    /// A loss with this relative error, and a gradient rounded once.
    pub const fn finest(relative: f64) -> Self {
        Self { gradient: Some(0.0), ..Self::loss(relative) }
    }

    /// A loss and a gradient of `L_lambda` with these relative errors.
    pub const fn both(loss: f64, gradient: f64, decay: WeightDecay) -> Self {
        Self { gradient: Some(gradient), decay, ..Self::loss(loss) }
    }

    /// The fast evaluation in the given precision.
    pub const fn fast_in(precision: Precision) -> Self {
        Self { precision, ..Self::FAST }
    }

    fn loss_is_reached(&self, loss: Bounded) -> bool {
        self.loss.is_none_or(|relative| loss.within(relative))
    }

    fn gradient_is_reached(&self, student: &Network, gradient: &Gradient) -> bool {
        self.gradient.is_none_or(|relative| {
            let [second, first] = self.decay.squared_norms(student, gradient);
            gradient.entries_error() <= relative * (second + first).sqrt()
        })
    }
}

/// Error that a truncated tree may make in a pair of unit masses, in units of `1/(2 pi)`. What has
/// been measured is a millionth of it.
const TRUNCATION: f64 = 1.0 / (1_u64 << 30) as f64;
/// Largest number of pairs for which arithmetic beyond double-double is tried.
const EXTENDED_PAIRS: usize = 1 << 20;

/// Below this, products of masses may have lost bits to the end of the exponent range: it is far
/// above the smallest normal number, and nothing that is rounded there is of its size.
const UNDERFLOW: f64 = 1e-280;

/// Climbs until loss and gradient are as accurate as asked for, or the ladder ends.
pub(crate) fn climb(
    problem: &Problem<'_>,
    set: InstructionSet,
    asked: &Accuracy,
    workspace: &mut Workspace,
    mut gradient: Option<&mut Gradient>,
) -> Reached {
    let mut reached = ladder(problem, set, asked, workspace, gradient.as_deref_mut());
    // The bounds are relative to the masses and know nothing of underflow. Every product of a sum
    // over the atoms may lose some units of the smallest number there is, whatever multiplies it.
    let atoms = problem.student.neurons() + problem.teacher.neurons() + problem.student.dimension();
    let lost = 16.0 * (atoms as f64 + 8.0) * f64::from_bits(1);
    let lift = |error: &mut f64, entries: &[f64]| {
        if *error < UNDERFLOW && entries.iter().all(|x| x.abs() < UNDERFLOW) {
            *error += lost;
        }
    };
    lift(&mut reached.loss.error, &[reached.loss.value]);
    if let Some(gradient) = gradient {
        lift(&mut gradient.second_layer_error, &gradient.second_layer);
        lift(&mut gradient.first_layer_error, &gradient.first_layer);
    }
    reached
}

fn ladder(
    problem: &Problem<'_>,
    set: InstructionSet,
    asked: &Accuracy,
    workspace: &mut Workspace,
    gradient: Option<&mut Gradient>,
) -> Reached {
    let mut spare = Gradient::default();
    // `None` once it is reached.
    let mut wanted = gradient;
    let beyond_doubles = asked.gradient.is_some_and(|relative| relative < f64::EPSILON);
    let mut means = Some(Means { set, precision: asked.precision, truncation: TRUNCATION });
    let underflow = if beyond_doubles { None } else { problem.underflow() };
    while let Some((rung, underflow)) = means.zip(underflow) {
        let is_wanted = wanted.is_some();
        let into = wanted.as_deref_mut().unwrap_or(&mut spare);
        let reached = fast::evaluate(problem, rung, &mut workspace.pairs, into);
        into.second_layer_error += underflow;
        into.first_layer_error += underflow;
        let gradient_is_done = !is_wanted || asked.gradient_is_reached(problem.student, into);
        if gradient_is_done && asked.loss_is_reached(reached.loss) {
            return reached;
        }
        if gradient_is_done && asked.gradient.is_some() && !asked.one_route {
            wanted = None;
        }
        means = finer(rung, reached.route);
    }
    let reached = accurate::in_double_double(problem, wanted, &workspace.stop);
    let (loss, atoms) = (reached.loss, problem.student.neurons() + problem.teacher.neurons());
    match asked.loss {
        Some(relative)
            if !loss.within(relative)
                && loss.error.is_finite()
                && atoms * atoms <= EXTENDED_PAIRS =>
        {
            accurate::in_bits(accurate::bits_for(loss, relative), problem, &workspace.stop)
        }
        _ => reached,
    }
}

/// The means of the next fast evaluation, if another one is more accurate.
const fn finer(means: Means, route: EvaluationRoute) -> Option<Means> {
    if route.is_truncated() {
        Some(Means { truncation: 0.0, ..means })
    } else if route.is_in_singles() {
        Some(Means { precision: Precision::Double, ..means })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Objective, Population};
    use gradiometer_model::{Network, Teacher};

    #[test]
    fn what_is_below_the_numbers_is_off_by_some_of_the_smallest() {
        let of = |a: f64, angle: f64| {
            let (sin, cos) = f64::sin_cos(angle);
            Network::new(2, vec![a], vec![cos, sin]).unwrap()
        };
        let population = Population::new(Teacher::new(of(1e-200, 0.0)).unwrap());
        // The loss is about 1e-401, the gradient of the first layer too: both are rounded to zero.
        let found = population.evaluate(&of(1e-200, 0.5), Accuracy::finest(1e-3)).unwrap();
        // Two neurons in the plane, and eight more terms.
        let lost = 16.0 * 12.0 * f64::from_bits(1);
        assert!(found.loss.value.abs() <= lost, "{found:?}");
        assert!(found.loss.error > 0.0 && found.loss.error <= 2.0 * lost, "{found:?}");
    }
}
