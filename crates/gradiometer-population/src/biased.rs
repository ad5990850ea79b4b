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
//! A biased neuron is not homogeneous: the local theory, which is about directions, says nothing of it.

use crate::error::PopulationError;
use crate::reported::Reported;
use crate::value::{EvaluationRoute, Gradient};
use crate::weight_decay::{WeightDecay, sum};
use gradiometer_hermite::double::DoubleDouble;
use gradiometer_hermite::float::maximum;
use gradiometer_hermite::normal::{Corner, Quadrants, density, mean_excess, upper_tail};
use gradiometer_hermite::{Bounded, Degrees};
use gradiometer_model::{ModelError, Network};
use rayon::prelude::*;

/// Units `eps (1 + |h|) (1 + |k|)` by which a pair of unit neurons may be off; what has been seen
/// against 40 digits is a tenth of it.
const UNITS: f64 = 64.0;

/// A network with a bias for each neuron.
#[derive(Clone, Debug, PartialEq)]
pub struct BiasedNetwork {
    network: Network,
    biases: Vec<f64>,
}

impl BiasedNetwork {
    /// A network with its biases; none are zeros.
    ///
    /// # Errors
    /// [`PopulationError::Model`] unless there are as many finite biases as neurons.
    pub fn new(network: Network, biases: Option<Vec<f64>>) -> Result<Self, PopulationError> {
        let (neurons, dimension) = (network.neurons(), network.dimension());
        let biases = biases.unwrap_or_else(|| vec![0.0; neurons]);
        if biases.len() != neurons {
            let found = biases.len();
            let source = ModelError::LayerLengths { neurons, dimension, found };
            return Err(source.into());
        }
        if let Some(neuron) = biases.iter().position(|b| !b.is_finite()) {
            let value = biases[neuron];
            return Err(
                ModelError::FirstLayerNotFinite { neuron, coordinate: dimension, value }.into()
            );
        }
        Ok(Self { network, biases })
    }

    /// The network without its biases.
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The biases.
    pub fn biases(&self) -> &[f64] {
        &self.biases
    }
}

/// Loss and gradients, each with a bound on the error.
#[derive(Clone, Debug, PartialEq)]
pub struct BiasedEvaluation {
    /// The loss.
    pub loss: Bounded,
    /// `dL/da`, length `m`.
    pub second_layer: Vec<f64>,
    /// `dL/dW`, `m x d` row-major.
    pub first_layer: Vec<f64>,
    /// `dL/db`, length `m`.
    pub biases: Vec<f64>,
    /// Bound on the error of every entry of the three.
    pub gradient_error: f64,
}

impl BiasedEvaluation {
    /// What is shown of it with a weight decay on the two layers, none on the biases; the norm is
    /// that of all three gradients. `student` is the one that was evaluated.
    pub fn reported(&self, student: &BiasedNetwork, decay: WeightDecay) -> Reported {
        let network = student.network();
        let gradient = Gradient {
            second_layer: self.second_layer.clone(),
            first_layer: self.first_layer.clone(),
            second_layer_error: self.gradient_error,
            first_layer_error: self.gradient_error,
        };
        let gradient = decay.gradient(network, &gradient);
        // Biases count as entries of the first layer.
        let mut all = gradient.clone();
        all.first_layer.extend_from_slice(&self.biases);
        all.first_layer_error = maximum(all.first_layer_error, self.gradient_error);
        Reported {
            loss: self.loss,
            objective: sum(self.loss, decay.value(network)),
            norm: all.norm(),
            squared_norm: all.squared_norm(),
            gradient,
            route: EvaluationRoute::Biased,
        }
    }
}

/// A neuron with what its pairs need.
struct Neuron {
    /// The second-layer weight, of the teacher's neurons with the other sign.
    weight: f64,
    length: f64,
    /// `h`; for a zero vector infinite with the sign that says whether it is on.
    bound: f64,
    bias: f64,
    direction: Vec<DoubleDouble>,
    unit: Vec<f64>,
    mean: f64,
    tail: f64,
}

impl Neuron {
    fn new(weight: f64, w: &[f64], bias: f64) -> Self {
        let largest = w.iter().fold(0.0, |s: f64, x| if x.abs() > s { x.abs() } else { s });
        if !(largest > 0.0) {
            // A constant: max(b, 0).
            let on = if bias > 0.0 { 1.0 } else { 0.0 };
            return Self {
                weight,
                length: 0.0,
                bound: if bias > 0.0 { f64::NEG_INFINITY } else { f64::INFINITY },
                bias,
                direction: vec![DoubleDouble::ZERO; w.len()],
                unit: vec![0.0; w.len()],
                mean: on * bias,
                tail: on,
            };
        }
        let exponent = ((largest.to_bits() >> 52) & 0x7ff).clamp(2, 2044);
        let scale = f64::from_bits(exponent << 52);
        let scaled: Vec<f64> = w.iter().map(|x| x / scale).collect();
        let length = DoubleDouble::dot(&scaled, &scaled).sqrt();
        let direction: Vec<_> = scaled.iter().map(|x| DoubleDouble::from(*x) / length).collect();
        let unit = direction.iter().map(|x| x.to_f64()).collect();
        let length = length.to_f64() * scale;
        let bound = -bias / length;
        let (mean, tail) = (length * mean_excess(bound), upper_tail(bound));
        Self { weight, length, bound, bias, direction, unit, mean, tail }
    }

    const fn is_constant(&self) -> bool {
        !(self.length > 0.0)
    }

    /// `s (1 + |h|)`, the neuron's size for rounding.
    fn size(&self) -> f64 {
        self.length + self.bias.abs()
    }
}

/// Inner products of one neuron with another, without the degrees 0 and 1.
struct Products {
    value: f64,
    by_bias: f64,
    /// Of the gradient in `w`, along the own and the other direction.
    by_direction: [f64; 2],
}

impl Products {
    fn new(quadrants: &Quadrants, one: &Neuron, other: &Neuron) -> Self {
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

/// The exact loss `E (f - f*)^2` of networks with biases.
///
/// # Examples
/// ```
/// use gradiometer_hermite::Degrees;
/// use gradiometer_model::Network;
/// use gradiometer_population::{BiasedNetwork, BiasedPopulation};
/// // relu(x + 1) - relu(x - 1) is x + 1 cut at 0 and 2; against nothing of it its mean square.
/// let network = |a: f64| Network::new(1, vec![a], vec![1.0]).unwrap();
/// let teacher = BiasedNetwork::new(network(1.0), Some(vec![1.0])).unwrap();
/// let population = BiasedPopulation::new(teacher.clone(), Degrees::All).unwrap();
/// let itself = population.evaluate(&teacher).unwrap();
/// assert!(itself.loss.value.abs() <= itself.loss.error);
/// let other = BiasedNetwork::new(network(1.0), Some(vec![-1.0])).unwrap();
/// assert!(population.evaluate(&other).unwrap().loss.value > 0.5);
/// ```
#[derive(Clone, Debug)]
pub struct BiasedPopulation {
    teacher: BiasedNetwork,
    degrees: Degrees,
    quadrants: Quadrants,
}

impl BiasedPopulation {
    /// The objective of a teacher: all degrees, with the student's own affine part, or those from two
    /// on, as preprocessing leaves them.
    ///
    /// # Errors
    /// None that a quadrature rule does not have.
    pub fn new(teacher: BiasedNetwork, degrees: Degrees) -> Result<Self, PopulationError> {
        let quadrants = Quadrants::new().map_err(ModelError::from)?;
        Ok(Self { teacher, degrees, quadrants })
    }

    /// Loss and gradients at a student.
    ///
    /// The error of each pair is at most 64 `eps (|w| + |b|) (|v| + |c|)`: the bound is relative to the
    /// networks, not to the loss.
    ///
    /// # Errors
    /// [`PopulationError::Model`] if the dimensions differ.
    pub fn evaluate(&self, student: &BiasedNetwork) -> Result<BiasedEvaluation, PopulationError> {
        let (d, teacher) = (student.network.dimension(), &self.teacher);
        if teacher.network.dimension() != d {
            let (teacher, student) = (teacher.network.dimension(), d);
            return Err(ModelError::DimensionMismatch { teacher, student }.into());
        }
        let m = student.network.neurons();
        let neurons: Vec<Neuron> = [(student, 1.0), (teacher, -1.0)]
            .into_iter()
            .flat_map(|(of, sign)| {
                let rows = of.network.rows().zip(of.network.second_layer()).zip(&of.biases);
                rows.map(move |((w, a), b)| Neuron::new(sign * a, w, *b))
            })
            .collect();
        let rows: Vec<(f64, f64, f64, Vec<f64>)> =
            neurons.par_iter().map(|one| self.row(one, &neurons, d)).collect();
        let size: f64 = neurons.iter().map(|n| n.weight.abs() * n.size()).sum();
        let mut square: f64 = neurons.iter().zip(&rows).map(|(n, row)| n.weight * row.0).sum();
        let depth = (neurons.len() + d) as f64;
        let mut found = BiasedEvaluation {
            loss: Bounded { value: 0.0, error: 0.0 },
            second_layer: rows[..m].iter().map(|row| 2.0 * row.1).collect(),
            first_layer: Vec::with_capacity(m * d),
            biases: Vec::with_capacity(m),
            gradient_error: 0.0,
        };
        for (one, row) in neurons.iter().take(m).zip(&rows) {
            found.biases.push(2.0 * one.weight * row.2);
            found.first_layer.extend(row.3.iter().map(|g| 2.0 * one.weight * g));
        }
        let mut affine = 0.0;
        if self.degrees == Degrees::All {
            affine = self.add_low(&neurons, student, &mut found, &mut square);
        }
        let unit = f64::EPSILON * (UNITS + depth);
        let whole = size + affine;
        let largest = neurons[..m].iter().fold(1.0, |most: f64, n| {
            let own = n.size() + n.weight.abs() * (1.0 + n.bound_size());
            if own > most { own } else { most }
        });
        found.loss = Bounded { value: square, error: unit * whole * whole };
        found.gradient_error = 2.0 * unit * whole * largest;
        Ok(found)
    }

    /// Sums of one neuron's products with all, times their weights: value (twice), bias, direction.
    fn row(&self, one: &Neuron, all: &[Neuron], d: usize) -> (f64, f64, f64, Vec<f64>) {
        let (mut value, mut by_bias, mut own) = (0.0, 0.0, 0.0);
        let mut by_direction = vec![0.0; d];
        for other in all {
            let products = Products::new(&self.quadrants, one, other);
            value += other.weight * products.value;
            by_bias += other.weight * products.by_bias;
            own += other.weight * products.by_direction[0];
            let along = other.weight * products.by_direction[1];
            for (g, v) in by_direction.iter_mut().zip(&other.unit) {
                *g += along * v;
            }
        }
        for (g, u) in by_direction.iter_mut().zip(&one.unit) {
            *g += own * u;
        }
        (value, value, by_bias, by_direction)
    }

    /// Adds the degrees 0 and 1, `S_0^2 + |S_1|^2`; the size of the affine part.
    fn add_low(
        &self,
        neurons: &[Neuron],
        student: &BiasedNetwork,
        found: &mut BiasedEvaluation,
        square: &mut f64,
    ) -> f64 {
        let d = student.network.dimension();
        let (mut constant, mut linear) = (0.0, vec![0.0; d]);
        for n in neurons {
            constant += n.weight * n.mean;
            for (s, u) in linear.iter_mut().zip(&n.unit) {
                *s += n.weight * n.length * n.tail * u;
            }
        }
        let mut affine = 0.0;
        for (of, sign) in [(student, 1.0), (&self.teacher, -1.0)] {
            if let Some(skip) = of.network.skip() {
                constant += sign * skip.constant;
                affine += skip.constant.abs();
                for (s, b) in linear.iter_mut().zip(&skip.linear) {
                    *s += sign * b;
                    affine += b.abs();
                }
            }
        }
        *square += constant * constant + linear.iter().map(|s| s * s).sum::<f64>();
        for (j, n) in neurons.iter().take(found.biases.len()).enumerate() {
            let along: f64 = n.unit.iter().zip(&linear).map(|(u, s)| u * s).sum();
            let (at_bound, tilt) = if n.is_constant() {
                (0.0, 0.0)
            } else {
                (density(n.bound), n.bound * density(n.bound))
            };
            found.second_layer[j] += 2.0 * (constant * n.mean + n.length * n.tail * along);
            found.biases[j] += 2.0 * n.weight * (constant * n.tail + at_bound * along);
            let row = &mut found.first_layer[j * d..(j + 1) * d];
            for ((g, u), s) in row.iter_mut().zip(&n.unit).zip(&linear) {
                *g += 2.0 * n.weight * ((constant * at_bound + tilt * along) * u + n.tail * s);
            }
        }
        affine
    }
}

impl Neuron {
    /// `|h|` where it matters: beyond ten the density is none.
    fn bound_size(&self) -> f64 {
        let size = self.bound.abs();
        if size < 10.0 { size } else { 10.0 }
    }
}
