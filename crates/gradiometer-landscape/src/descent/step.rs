//! One step of gradient descent on `L_lambda`, of any length (theory 7.10).

use super::regularised_gradient;
use crate::error::LandscapeError;
use crate::point::Point;
use gradiometer_hermite::float::{maximum, maximum_of};
use gradiometer_model::geometry::{dot, norm};
use gradiometer_model::{ModelError, Network};
use gradiometer_population::{Bounded, Gradient, Layers, Objective};

/// Relative accuracy of the losses that are compared.
const ACCURACY: f64 = 1e-12;
/// Doublings or halvings in search of a first bracket of the largest step.
const BRACKETING: usize = 80;
/// Points of a step at which the curvature along it is evaluated.
const EVALUATIONS: u32 = 9;
/// Times that a step is shortened to one over the curvature found.
const SHORTENINGS: usize = 12;
/// Factor for the curvature between the points evaluated.
const MARGIN: f64 = 1.05;

/// `theta - eta grad L_lambda(theta)` for any `eta`, at a student that is no stationary point.
#[derive(Clone, Debug)]
pub struct GradientStep<'a> {
    point: &'a Point<'a>,
    gradient: Gradient,
    square: f64,
    /// `<theta, grad L_lambda>`.
    along: f64,
}

/// By how much a step lowers `L_lambda`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decrease {
    /// `L` before the step.
    pub before: Bounded,
    /// `L` after it.
    pub after: Bounded,
    /// By how much the weight decay falls.
    pub decay: f64,
}

impl Decrease {
    /// The decrease.
    pub fn value(&self) -> f64 {
        self.before.value - self.after.value + self.decay
    }

    /// The decrease with the error bounds of both losses taken off.
    pub fn least(&self) -> f64 {
        let Self { before, after, decay } = self;
        before.value - after.value - before.error - after.error + decay
    }
}

impl<'a> GradientStep<'a> {
    /// At a point; `None` where the gradient is zero or not finite.
    pub fn new(point: &'a Point<'a>) -> Option<Self> {
        let gradient = regularised_gradient(point);
        let square = gradient.squared_norm().value;
        let student = point.student();
        let along = dot(student.second_layer(), &gradient.second_layer)
            + dot(student.first_layer(), &gradient.first_layer);
        (square > 0.0 && square.is_finite()).then_some(Self { point, gradient, square, along })
    }

    /// `(eta/2) |grad L_lambda|^2`, which a step lowers `L_lambda` by at least below the local
    /// smoothness.
    pub fn required(&self, eta: f64) -> f64 {
        0.5 * eta * self.square
    }

    /// The student after the step.
    ///
    /// # Errors
    /// [`ModelError`] if the step overflows.
    pub fn moved(&self, eta: f64) -> Result<Network, ModelError> {
        let student = self.point.student();
        let step = |x: &[f64], g: &[f64]| -> Vec<f64> {
            x.iter().zip(g).map(|(x, g)| x - eta * g).collect()
        };
        let a = step(student.second_layer(), &self.gradient.second_layer);
        let w = step(student.first_layer(), &self.gradient.first_layer);
        Network::new(student.dimension(), a, w)
    }

    /// What the step does to `L_lambda`.
    ///
    /// # Errors
    /// As for [`Self::moved`].
    pub fn decrease(&self, eta: f64) -> Result<Decrease, ModelError> {
        let after = Objective::loss(self.point.population(), &self.moved(eta)?, ACCURACY);
        let decay = 0.5 * self.point.lambda() * eta * (2.0 * self.along - eta * self.square);
        Ok(Decrease { before: self.point.loss(), after, decay })
    }

    /// How far the value of a decrease may be off: by the errors of both losses, of the gradient,
    /// and by the rounding of the moved weights, by which the loss moves `|grad L| eps |theta|`.
    pub fn rounding(&self, eta: f64, decrease: &Decrease) -> f64 {
        let (student, lambda) = (self.point.student(), self.point.lambda());
        let parameters = student.neurons() * (student.dimension() + 1);
        let sizes = norm(student.first_layer()) + norm(student.second_layer());
        let terms = (parameters as f64 + 16.0) * f64::EPSILON;
        let (square, length) = (self.square, self.square.sqrt());
        decrease.before.error
            + decrease.after.error
            + terms * (lambda * eta * length * (sizes + eta * length) + eta * square)
            + terms * sizes * (length + lambda * sizes)
            + eta
                * length
                * (self.gradient.second_layer_error + self.gradient.first_layer_error)
                * (parameters as f64).sqrt()
    }

    /// A length at most one over the curvature `g.H g/|g|^2` along the step, at which no neuron
    /// loses more than half of its own length; `None` where a zero neuron would move or none is
    /// found.
    ///
    /// A finite search: the curvature is evaluated at a few points of the step, and a margin is
    /// added. A neuron that is turned by much has a curvature that these points may miss, hence the
    /// half.
    ///
    /// # Errors
    /// [`LandscapeError`] if a step overflows or the Hessian cannot be applied.
    pub fn smooth_length(&self) -> Result<Option<f64>, LandscapeError> {
        let (student, lambda) = (self.point.student(), self.point.lambda());
        let rows = self.gradient.first_layer.chunks_exact(student.dimension());
        let longest = maximum_of(student.rows().zip(rows).map(|(w, g)| norm(g) / norm(w)));
        if !(longest < f64::INFINITY) {
            return Ok(None);
        }
        let mut eta = if longest > 0.0 { 0.5 / longest } else { 1.0 / lambda };
        for _ in 0..SHORTENINGS {
            let beta = self.curvature(eta)?;
            if eta * beta <= 1.0 + 8.0 * f64::EPSILON {
                return Ok(Some(eta));
            }
            eta = 1.0 / beta;
        }
        Ok(None)
    }

    /// The largest curvature met along a step, with a margin.
    fn curvature(&self, eta: f64) -> Result<f64, LandscapeError> {
        let gradient = &self.gradient;
        let all = [gradient.second_layer.as_slice(), &gradient.first_layer].concat();
        let lambda = self.point.lambda();
        let mut largest = lambda;
        for place in 0..EVALUATIONS {
            let at = self.moved(eta * f64::from(place) / f64::from(EVALUATIONS - 1))?;
            let operator = self.point.population().hessian_operator(&at, Layers::Both)?;
            let image = operator.apply(&all)?;
            largest = maximum(largest, lambda + dot(&image, &all) / self.square);
        }
        Ok(MARGIN * largest)
    }
}

/// Where the descent of 7.10 stops to hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LargestStep {
    /// A step size at which the step lowers `L_lambda` by `(eta/2) |grad|^2` or more, for certain.
    pub holds: f64,
    /// A larger one at which that was not seen.
    pub fails: f64,
    /// `(eta/2) |grad|^2` at `holds`.
    pub required: f64,
    /// By how much that step lowers `L_lambda`, the error bounds of both losses taken off.
    pub decrease: f64,
}

/// The largest `eta` for which one gradient step lowers `L_lambda` by at least `(eta/2) |grad|^2`
/// (theory 7.10), by doubling and bisection to a relative width `width`. `None` if no step size is
/// seen to hold (a zero gradient, or a decrease below rounding).
///
/// A finite search: between `holds` and 0 it looked at the step sizes of its bracketing only.
///
/// # Errors
/// [`LandscapeError::Model`] if a step overflows.
pub fn largest_step(point: &Point<'_>, width: f64) -> Result<Option<LargestStep>, LandscapeError> {
    let Some(step) = GradientStep::new(point) else { return Ok(None) };
    let lowers = |eta: f64| step.decrease(eta).map(|by| by.least() >= step.required(eta));
    let (mut holds, mut fails) = (1.0, 1.0);
    if lowers(1.0)? {
        for _ in 0..BRACKETING {
            fails = 2.0 * holds;
            if !lowers(fails)? {
                break;
            }
            holds = fails;
        }
    } else {
        let mut seen = false;
        for _ in 0..BRACKETING {
            holds = 0.5 * fails;
            seen = lowers(holds)?;
            if seen {
                break;
            }
            fails = holds;
        }
        if !seen {
            return Ok(None);
        }
    }
    while fails - holds > width * holds {
        let middle = 0.5 * (holds + fails);
        if !(middle > holds && middle < fails) {
            break;
        }
        *(if lowers(middle)? { &mut holds } else { &mut fails }) = middle;
    }
    let (required, decrease) = (step.required(holds), step.decrease(holds)?.least());
    Ok(Some(LargestStep { holds, fails, required, decrease }))
}
