//! The end of an epoch without its path: Newton's method in a trust region on the exact Hessian.
//!
//! A step minimises `g.s + s.H s/2` over `|s| <= radius` by conjugate gradients on products with `H`, the Hessian of `L_lambda`, cut off where the
//! residual is small, the curvature is not positive or the ball ends \[Steihaug83\]. No matrix is formed, so that thousands of
//! neurons are as few. The objective is flat along the ways in which coincident neurons can share a mass; `g` has no part along
//! them, so neither have the conjugate gradients, and no matrix that is singular there is ever factored.
//!
//! A step is taken only if it lowers `L_lambda` by more than the two values' error bounds or, where these cannot tell, shortens its
//! gradient. Otherwise the ball shrinks, towards a short step of steepest descent.

use crate::regularised::Regularised;
use gradiometer_hermite::float::{maximum, minimum};
use gradiometer_model::Network;
use gradiometer_model::geometry::{dot, norm};
use gradiometer_population::{
    Accuracy, Bounded, Gradient, HessianOperator, Layers, Objective, PopulationError, WeightDecay,
    Workspace,
};

/// After which epochs of Stage 3 the floor of the objective is sought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Floors {
    /// After none: descent alone, as in the paper. The default.
    #[default]
    None,
    /// After the last one.
    Last,
    /// After each, before `lambda` falls.
    Every,
}

/// Where a search for the floor stands, and how it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StationaryPoint {
    /// Radius of the trust region; 0 before the first step.
    pub radius: f64,
    /// Products with the Hessian so far.
    pub products: u64,
    /// `|grad L_lambda|` at the present student.
    pub gradient_norm: f64,
    /// The largest curvature met.
    pub curvature: f64,
    /// What rounding makes of the gradient: the bound of its error, and what the rounding of the parameters is worth.
    pub rounding: f64,
    /// Whether the accurate evaluation has taken over from the fast one.
    pub accurate: bool,
    /// How it ended, once it has.
    pub ending: Option<FloorEnding>,
}

/// How a search for the floor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum FloorEnding {
    /// The gradient is as small as rounding lets it be known: a stationary point.
    Rounding,
    /// No step, however short, changes anything for the better: rounding again, seen from the values.
    Stalled,
    /// The steps were used up.
    Steps,
}

impl FloorEnding {
    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rounding => "rounding",
            Self::Stalled => "stalled",
            Self::Steps => "steps",
        }
    }
}

/// What decides the course of the search.
#[derive(Clone, Copy, Debug)]
struct Tuning {
    /// Radius of the first ball, as a share of the parameters' norm.
    first_radius: f64,
    /// The gradient in doubles gives way to the accurate one where it is less than this many times
    /// its error bound.
    gradient_over_error: f64,
    /// Relative error of the accurate loss.
    loss_accuracy: f64,
    /// Largest share of the gradient that conjugate gradients may leave.
    unsolved: f64,
    /// Where a step brings no improvement, a gradient of at most this many times its rounding counts
    /// as zero.
    gradient_over_rounding: f64,
    /// Neurons are tiny if as many of their mass have together less than this many times `lambda`.
    /// Their effect on each other is then far less than the weight decay's on each.
    tiny: f64,
    /// Most products with the Hessian in a step.
    products: u64,
    /// The ball shrinks if a smaller share than this of the predicted decrease came true.
    poor_ratio: f64,
    /// The ball may grow if a larger share than this came true.
    good_ratio: f64,
    /// Factor by which the ball shrinks.
    shrink: f64,
    /// Factor by which it grows.
    grow: f64,
}

const TUNING: Tuning = Tuning {
    first_radius: 0.1,
    gradient_over_error: 1e3,
    loss_accuracy: 1e-9,
    unsolved: 0.1,
    gradient_over_rounding: 100.0,
    tiny: 1e-3,
    products: 2000,
    poor_ratio: 0.25,
    good_ratio: 0.75,
    shrink: 0.25,
    grow: 2.0,
};

/// `L` and `grad L_lambda` at a student; the gradient is ordered as the Hessian, zero where nothing moves.
#[derive(Clone, Debug)]
struct Point {
    loss: Bounded,
    gradient: Vec<f64>,
    norm: f64,
    /// Bound of the error of the norm.
    error: f64,
    accurate: bool,
}

/// A step and what the quadratic model says of it.
struct Proposal {
    step: Vec<f64>,
    /// Predicted decrease of the objective.
    decrease: f64,
    at_boundary: bool,
    /// The largest curvature met.
    largest_curvature: f64,
    products: u64,
}

impl<O: Objective + ?Sized> Regularised<'_, O> {
    /// Up to `budget` steps from the student, in place; returns how many were tried.
    ///
    /// # Errors
    /// [`PopulationError`] from a Hessian that the objective does not have.
    pub(crate) fn descend(
        &self,
        student: &mut Network,
        floor: &mut StationaryPoint,
        budget: u64,
    ) -> Result<u64, PopulationError> {
        let balanced = self.decay == WeightDecay::equal(self.decay.first_layer)
            && self.decay.first_layer > 0.0
            && !self.freeze_first_layer;
        if balanced && !(floor.radius > 0.0) {
            // For its function the balanced student has the least norm.
            student.balance();
        }
        let mut here = self.evaluate(student, floor.accurate);
        for tried in 0..budget {
            self.clear_tiny(student, &mut here);
            if !(here.accurate || here.norm > TUNING.gradient_over_error * here.error) {
                here = self.evaluate(student, true);
                floor.accurate = true;
            }
            floor.gradient_norm = here.norm;
            let size = parameters_norm(student);
            let hessian = self.objective.hessian_operator(student, Layers::Both)?;
            if !(floor.radius > 0.0) {
                floor.radius = TUNING.first_radius * size;
            }
            let proposal = self.propose(&hessian, &here.gradient, floor.radius)?;
            floor.products += proposal.products;
            floor.curvature = maximum(floor.curvature, proposal.largest_curvature);
            floor.rounding = here.error + f64::EPSILON * floor.curvature * size;
            if !(here.norm > floor.rounding) {
                floor.ending = Some(FloorEnding::Rounding);
                return Ok(tried);
            }
            let length = norm(&proposal.step);
            if !(length > f64::EPSILON * size) {
                floor.ending = Some(FloorEnding::Stalled);
                return Ok(tried);
            }
            let mut candidate = moved(student, &proposal.step);
            if balanced {
                candidate.balance();
            }
            let (there, ratio) =
                self.accept_step(student, &mut here, &candidate, proposal.decrease);
            floor.accurate |= here.accurate;
            if ratio < TUNING.poor_ratio {
                floor.radius = TUNING.shrink * minimum(length, floor.radius);
            } else if ratio > TUNING.good_ratio && proposal.at_boundary {
                floor.radius *= TUNING.grow;
            }
            if let Some(there) = there {
                *student = candidate;
                here = there;
                floor.gradient_norm = here.norm;
            } else if here.norm <= TUNING.gradient_over_rounding * floor.rounding {
                floor.ending = Some(FloorEnding::Rounding);
                return Ok(tried + 1);
            }
        }
        Ok(budget)
    }

    /// Sets tiny neurons that want to vanish to zero, where that is better.
    ///
    /// Near its zero a neuron adds to the objective a function homogeneous of degree two, with a kink at zero that no quadratic model beyond the
    /// neuron's own size sees; the ball would shrink to that size. By homogeneity it is worth half of its part of `g . theta`.
    fn clear_tiny(&self, student: &mut Network, here: &mut Point) {
        let (m, d) = (student.neurons(), student.dimension());
        let lambda = (self.decay.second_layer * self.decay.first_layer).sqrt();
        let least = TUNING.tiny * lambda / m as f64;
        let (slopes_a, slopes_w) = here.gradient.split_at(m);
        let mut candidate = student.clone();
        let mut worth = 0.0;
        for j in 0..m {
            let mass = student.mass(j).abs();
            let slope = slopes_a[j] * student.second_layer()[j]
                + dot(&slopes_w[j * d..(j + 1) * d], student.neuron(j));
            if mass > 0.0 && mass <= least && slope > 0.0 {
                let (a, w) = candidate.layers_mut();
                a[j] = 0.0;
                w[j * d..(j + 1) * d].fill(0.0);
                worth += 0.5 * slope;
            }
        }
        if worth > 0.0
            && !self.freeze_first_layer
            && let (Some(there), _) = self.accept_step(student, here, &candidate, worth)
        {
            *student = candidate;
            *here = there;
        }
    }

    /// The candidate's point if it is better, and the share of the predicted decrease that came true.
    fn accept_step(
        &self,
        student: &Network,
        here: &mut Point,
        candidate: &Network,
        predicted: f64,
    ) -> (Option<Point>, f64) {
        let decay = decay_difference(student, candidate, self.decay);
        let mut there = self.evaluate(candidate, here.accurate);
        let change = |here: &Point, there: &Point| Bounded {
            value: there.loss.value - here.loss.value + decay.value,
            error: there.loss.error + here.loss.error + decay.error,
        };
        let mut difference = change(here, &there);
        if !(difference.value.abs() > difference.error) && !here.accurate {
            *here = self.evaluate(student, true);
            there = self.evaluate(candidate, true);
            difference = change(here, &there);
        }
        if difference.value < -difference.error {
            let ratio = -difference.value / predicted;
            return (Some(there), ratio);
        }
        // Where the values cannot tell, the gradients can.
        let undecided = difference.value.abs() <= difference.error;
        let there = (undecided && there.norm < here.norm).then_some(there);
        let ratio = if there.is_some() { 1.0 } else { 0.0 };
        (there, ratio)
    }

    fn evaluate(&self, student: &Network, accurate: bool) -> Point {
        let mut gradient = Gradient::default();
        let asked = if accurate { Accuracy::finest(TUNING.loss_accuracy) } else { Accuracy::FAST };
        let loss = self
            .objective
            .evaluate_into(student, &asked, &mut Workspace::new(), Some(&mut gradient))
            .loss;
        let gradient = self.whole(student, &gradient);
        let norm = gradient.norm();
        let Gradient { second_layer: mut values, first_layer, .. } = gradient;
        values.extend_from_slice(&first_layer);
        Point { loss, norm: norm.value, error: norm.error, gradient: values, accurate }
    }

    /// `H v` with the weight decay.
    fn apply(
        &self,
        hessian: &HessianOperator,
        neurons: usize,
        direction: &[f64],
    ) -> Result<Vec<f64>, PopulationError> {
        let mut product = hessian.apply(direction)?;
        for (i, (y, x)) in product.iter_mut().zip(direction).enumerate() {
            *y += self.decay_of(i, neurons) * x;
        }
        self.restrict(&mut product, neurons);
        Ok(product)
    }

    /// Steihaug's conjugate gradients.
    fn propose(
        &self,
        hessian: &HessianOperator,
        gradient: &[f64],
        radius: f64,
    ) -> Result<Proposal, PopulationError> {
        let neurons = hessian.neurons();
        let mut proposal = Proposal {
            step: vec![0.0; gradient.len()],
            decrease: 0.0,
            at_boundary: false,
            largest_curvature: 0.0,
            products: 0,
        };
        let mut residual = gradient.to_vec();
        let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut square = dot(&residual, &residual);
        let start = square.sqrt();
        let goal = start * minimum(TUNING.unsolved, start.sqrt());
        while proposal.products < TUNING.products && square.sqrt() > goal {
            let image = self.apply(hessian, neurons, &direction)?;
            proposal.products += 1;
            let curvature = dot(&direction, &image);
            let length = dot(&direction, &direction);
            let quotient = curvature / length;
            proposal.largest_curvature = maximum(proposal.largest_curvature, quotient.abs());
            let newton = square / curvature;
            let edge = to_boundary(&proposal.step, &direction, length, radius);
            let inside = curvature > 0.0 && newton < edge;
            let along = if inside { newton } else { edge };
            proposal.decrease += along * square - 0.5 * along * along * curvature;
            for (s, p) in proposal.step.iter_mut().zip(&direction) {
                *s += along * p;
            }
            if !inside {
                proposal.at_boundary = true;
                break;
            }
            for (r, y) in residual.iter_mut().zip(&image) {
                *r += along * y;
            }
            let next = dot(&residual, &residual);
            for (p, r) in direction.iter_mut().zip(&residual) {
                *p = next / square * *p - r;
            }
            square = next;
        }
        Ok(proposal)
    }
}

/// How far along the direction the ball ends.
fn to_boundary(step: &[f64], direction: &[f64], square: f64, radius: f64) -> f64 {
    let along = dot(step, direction);
    let left = radius * radius - dot(step, step);
    let left = if left > 0.0 { left } else { 0.0 };
    left / (along + (along * along + square * left).sqrt())
}

fn parameters_norm(student: &Network) -> f64 {
    let (a, w) = student.squared_norms();
    (a + w).sqrt()
}

fn moved(student: &Network, step: &[f64]) -> Network {
    let mut moved = student.clone();
    let (a, w) = moved.layers_mut();
    for (x, s) in a.iter_mut().chain(w).zip(step) {
        *x += s;
    }
    moved
}

/// `(1/2) sum lambda (y^2 - x^2)`, of differences so that two near students lose nothing.
fn decay_difference(from: &Network, to: &Network, decay: WeightDecay) -> Bounded {
    let (mut sum, mut lost, mut size) = (0.0_f64, 0.0_f64, 0.0_f64);
    let layers = [
        (from.second_layer(), to.second_layer(), decay.second_layer),
        (from.first_layer(), to.first_layer(), decay.first_layer),
    ];
    for (x, y, lambda) in layers {
        for (x, y) in x.iter().zip(y) {
            let term = 0.5 * lambda * (y - x) * (y + x);
            // Compensated, so that the error does not grow with the number of terms.
            let next = sum + (term - lost);
            lost = (next - sum) - (term - lost);
            sum = next;
            size += term.abs();
        }
    }
    // Four roundings in a term, two of the sum.
    Bounded { value: sum, error: 6.0 * f64::EPSILON * size }
}

#[cfg(test)]
mod tests;
