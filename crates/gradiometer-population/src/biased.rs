//! The exact objective of ReLU networks whose first layer has biases, `sum_j a_j sigma(w_j . x + b_j)`.
//!
//! With `s = |w|` and `h = -b/s` a neuron is `s (Z - h)_+`, `Z` the normal variable along `w`, so that inner products are
//! integrals over quadrants ([`gradiometer_hermite::normal`]). Of degree 0 it has `m = s (phi(h) - h Q(h))` and of degree 1
//! `Q(h) w`; the other degrees are what is left. With `u = w/s` and the second neuron's length, bound and direction `t`, `k`, `v`:
//!
//! ```text
//! <sigma_w, sigma_v>          = s t E (Z_1 - h)_+ (Z_2 - k)_+
//! <d sigma_w/db, sigma_v>     = t E 1{Z_1 > h} (Z_2 - k)_+
//! <d sigma_w/dw, sigma_v>     = u phi(h) t E [(Z_2 - k)_+ | Z_1 = h] + v t P(Z_1 > h, Z_2 > k)
//! E x d sigma_w/db            = phi(h) u,     E x d sigma_w/dw = Q(h) I + h phi(h) u u^T
//! ```
//!
//! A bias is the weight of a constant input: networks are given on `(x, 1)`, a neuron as `(w, b)`
//! ([`Network::fold_biases`]), and gradients come in the same shape. Its direction there is the half-space where it is
//! on; the local theory, which is about Gaussian inputs of every coordinate, says nothing of it.

use crate::accuracy::Accuracy;
use crate::biased_neuron::BiasedNeuron;
use crate::error::PopulationError;
use crate::objective::Objective;
use crate::value::{EvaluationRoute, Gradient, Reached};
use crate::workspace::Workspace;
use gradiometer_hermite::double::DoubleDouble;
use gradiometer_hermite::normal::{Corner, Quadrants, density};
use gradiometer_hermite::{Bounded, Degrees};
use gradiometer_model::{ModelError, Network, Teacher};
use rayon::prelude::*;

/// Units `eps (1 + |h|) (1 + |k|)` by which a pair of unit neurons may be off; what has been seen
/// against 40 digits is a tenth of it.
const UNITS: f64 = 64.0;

/// A neuron's products with all, summed with their weights.
struct Row {
    value: f64,
    by_bias: f64,
    by_direction: Vec<f64>,
}

/// Inner products of one neuron with another, without the degrees 0 and 1.
struct Products {
    value: f64,
    by_bias: f64,
    /// Of the gradient in `w`, along the own and the other direction.
    by_direction: [f64; 2],
}

impl Products {
    fn new(quadrants: &Quadrants, one: &BiasedNeuron, other: &BiasedNeuron) -> Self {
        if one.is_constant() || other.is_constant() {
            return Self { value: 0.0, by_bias: 0.0, by_direction: [0.0; 2] };
        }
        let (mut minus, mut plus, mut dot) =
            (DoubleDouble::ZERO, DoubleDouble::ZERO, DoubleDouble::ZERO);
        for (x, y) in one.direction.iter().zip(&other.direction) {
            minus = minus + (*x - *y) * (*x - *y);
            plus = plus + (*x + *y) * (*x + *y);
            dot = dot + *x * *y;
        }
        let corner = Corner {
            h: one.bound,
            k: other.bound,
            rho: dot.to_f64(),
            below: 0.5 * minus.to_f64(),
            above: 0.5 * plus.to_f64(),
        };
        let (s, t, rho) = (one.length, other.length, corner.rho);
        let found = quadrants.moments(corner);
        let at_bound = density(one.bound);
        let (mean, tail) = (other.mean, other.tail);
        Self {
            value: s * t * found.product - one.mean * mean - s * t * rho * one.tail * tail,
            by_bias: t * found.second - one.tail * mean - at_bound * t * rho * tail,
            by_direction: [
                at_bound * (t * found.second_at_first - mean)
                    - one.bound * at_bound * t * rho * tail,
                t * (found.probability - one.tail * tail),
            ],
        }
    }
}

/// The exact loss `E (f - f*)^2` of ReLU networks with biases, on the inputs `(x, 1)`, `x ~ N(0, I)`.
///
/// The error of each pair is at most 64 `eps (|w| + |b|) (|v| + |c|)`: the bound is relative to the
/// networks, not to the loss. Cost `O((m + m*)^2)` integrals over quadrants.
///
/// # Examples
/// ```
/// use gradiometer_hermite::Degrees;
/// use gradiometer_model::{Network, Teacher};
/// use gradiometer_population::{Accuracy, BiasedPopulation, Objective};
/// // relu(x + 1) - relu(x - 1) is x + 1 cut at 0 and 2; against nothing of it its mean square.
/// let network = |b: f64| Network::new(2, vec![1.0], vec![1.0, b]).unwrap();
/// let teacher = Teacher::new(network(1.0)).unwrap();
/// let population = BiasedPopulation::new(teacher, Degrees::All).unwrap();
/// let itself = population.evaluate(&network(1.0), Accuracy::FAST).unwrap();
/// assert!(itself.loss.value.abs() <= itself.loss.error);
/// assert!(population.evaluate(&network(-1.0), Accuracy::FAST).unwrap().loss.value > 0.5);
/// ```
#[derive(Clone, Debug)]
pub struct BiasedPopulation {
    teacher: Teacher,
    degrees: Degrees,
    quadrants: Quadrants,
}

impl BiasedPopulation {
    /// The objective of a teacher on `(x, 1)`: all degrees, with the student's own affine part, or those
    /// from two on, as preprocessing leaves them.
    ///
    /// # Errors
    /// [`PopulationError::Model`] for a teacher on no other input.
    pub fn new(teacher: Teacher, degrees: Degrees) -> Result<Self, PopulationError> {
        if teacher.dimension() < 2 {
            return Err(ModelError::NoDimension.into());
        }
        let quadrants = Quadrants::new().map_err(ModelError::from)?;
        Ok(Self { teacher, degrees, quadrants })
    }

    fn fill(&self, student: &Network, gradient: &mut Gradient) -> Bounded {
        let (m, d) = (student.neurons(), student.dimension() - 1);
        let neurons: Vec<BiasedNeuron> = [(student, 1.0), (self.teacher.network(), -1.0)]
            .into_iter()
            .flat_map(|(of, sign)| {
                let rows = of.rows().zip(of.second_layer());
                rows.map(move |(w, a)| BiasedNeuron::new(sign * a, &w[..d], w[d]))
            })
            .collect();
        let rows: Vec<Row> = neurons.par_iter().map(|one| self.row(one, &neurons, d)).collect();
        let size: f64 = neurons.iter().map(|n| n.weight.abs() * n.size()).sum();
        let mut square: f64 = neurons.iter().zip(&rows).map(|(n, row)| n.weight * row.value).sum();
        let depth = (neurons.len() + d) as f64;
        gradient.reset(m, d + 1);
        for (j, (one, row)) in neurons.iter().take(m).zip(&rows).enumerate() {
            gradient.second_layer[j] = 2.0 * row.value;
            let target = &mut gradient.first_layer[j * (d + 1)..(j + 1) * (d + 1)];
            for (g, t) in target.iter_mut().zip(row.by_direction.iter().chain([&row.by_bias])) {
                *g = 2.0 * one.weight * t;
            }
        }
        let mut affine = 0.0;
        if self.degrees == Degrees::All {
            affine = Self::add_low(&neurons, student, gradient, &mut square);
        }
        let unit = f64::EPSILON * (UNITS + depth);
        let whole = size + affine;
        let largest = neurons[..m].iter().fold(1.0, |most: f64, n| {
            let own = n.size() + n.weight.abs() * (1.0 + n.bound_size());
            if own > most { own } else { most }
        });
        gradient.second_layer_error = 2.0 * unit * whole * largest;
        gradient.first_layer_error = gradient.second_layer_error;
        Bounded { value: square, error: unit * whole * whole }
    }

    /// Sums of one neuron's products with all, times their weights.
    fn row(&self, one: &BiasedNeuron, all: &[BiasedNeuron], d: usize) -> Row {
        let mut own = 0.0;
        let mut row = Row { value: 0.0, by_bias: 0.0, by_direction: vec![0.0; d] };
        for other in all {
            let products = Products::new(&self.quadrants, one, other);
            row.value += other.weight * products.value;
            row.by_bias += other.weight * products.by_bias;
            own += other.weight * products.by_direction[0];
            let along = other.weight * products.by_direction[1];
            for (g, v) in row.by_direction.iter_mut().zip(&other.unit) {
                *g += along * v;
            }
        }
        for (g, u) in row.by_direction.iter_mut().zip(&one.unit) {
            *g += own * u;
        }
        row
    }

    /// Adds the degrees 0 and 1, `S_0^2 + |S_1|^2`; the size of the affine part.
    fn add_low(
        neurons: &[BiasedNeuron],
        student: &Network,
        gradient: &mut Gradient,
        square: &mut f64,
    ) -> f64 {
        let d = student.dimension() - 1;
        let (mut constant, mut linear) = (0.0, vec![0.0; d]);
        for n in neurons {
            constant += n.weight * n.mean;
            for (s, u) in linear.iter_mut().zip(&n.unit) {
                *s += n.weight * n.length * n.tail * u;
            }
        }
        let mut affine = 0.0;
        if let Some(skip) = student.skip() {
            constant += skip.constant;
            affine += skip.constant.abs();
            for (s, b) in linear.iter_mut().zip(&skip.linear) {
                *s += b;
                affine += b.abs();
            }
        }
        *square += constant * constant + linear.iter().map(|s| s * s).sum::<f64>();
        for (j, n) in neurons.iter().take(student.neurons()).enumerate() {
            let along: f64 = n.unit.iter().zip(&linear).map(|(u, s)| u * s).sum();
            let (at_bound, tilt) = if n.is_constant() {
                (0.0, 0.0)
            } else {
                (density(n.bound), n.bound * density(n.bound))
            };
            gradient.second_layer[j] += 2.0 * (constant * n.mean + n.length * n.tail * along);
            let row = &mut gradient.first_layer[j * (d + 1)..(j + 1) * (d + 1)];
            row[d] += 2.0 * n.weight * (constant * n.tail + at_bound * along);
            for ((g, u), s) in row.iter_mut().zip(&n.unit).zip(&linear) {
                *g += 2.0 * n.weight * ((constant * at_bound + tilt * along) * u + n.tail * s);
            }
        }
        affine
    }
}

impl Objective for BiasedPopulation {
    fn teacher(&self) -> &Teacher {
        &self.teacher
    }

    fn evaluate_into(
        &self,
        student: &Network,
        _asked: &Accuracy,
        _workspace: &mut Workspace,
        gradient: Option<&mut Gradient>,
    ) -> Reached {
        let mut spare = Gradient::default();
        let loss = self.fill(student, gradient.unwrap_or(&mut spare));
        Reached { loss, route: EvaluationRoute::Biased }
    }
}
