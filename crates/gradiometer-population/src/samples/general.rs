//! The average for activations other than ReLU.
//!
//! With `r_j = |w_j|`, `wbar_j = w_j/r_j` and `c_k(r) = E[sigma(r z) h_k(z)]`, the function evaluated after preprocessing is
//!
//! ```text
//! L_n = (1/n) sum_i R_i^2,   R_i = sum_j a_j (sigma(w_j.x_i) - c_0(r_j) - c_1(r_j) wbar_j.x_i) - y~_i
//! ```
//!
//! with `y~` the labels less their fit. The degrees 0 and 1 of the student are the population's, and depend on `r_j`; the gradient goes through
//! them. With the means `p = mean R_i`, `q = mean R_i x_i` it is
//!
//! ```text
//! dL_n/da_j = 2 (mean R_i sigma(w_j.x_i) - c_0 p - c_1 wbar_j.q)
//! dL_n/dw_j = 2 a_j (mean R_i sigma'(w_j.x_i) x_i - (c_0' p + (c_1' - c_1/r_j) wbar_j.q) wbar_j - (c_1/r_j) q)
//! ```
//!
//! Without preprocessing `c_0 = c_1 = 0`, the student's own affine part is added and `y~ = y`.
//!
//! With biases the inputs are `(x, 1)` and the degrees 0 and 1 of a neuron those of `relu(w.x + b)`
//! ([`crate::BiasedPopulation`]), a function of `|w|` and `b`.

use super::data::Data;
use super::source::{Block, Rows};
use super::sums::{Collect, Rounding, Task, add_multiple, collect, products};
use crate::biased_neuron::BiasedNeuron;
use crate::coefficients::{low_coefficients, majorant, smooth};
use crate::kernel::samples::BLOCK;
use crate::value::Gradient;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use gradiometer_hermite::float::{maximum, maximum_of};
use gradiometer_hermite::normal::density;
use gradiometer_hermite::polynomial::{Polynomial, ScaledCoefficient};
use gradiometer_hermite::smooth::Expander;
use gradiometer_hermite::{Activation, Bounded, Degrees};
use gradiometer_model::Network;
use gradiometer_model::geometry::{dot, norm, normalise_into};
use std::f64::consts::FRAC_2_PI;

/// Loss and gradient over the rows.
pub(super) fn average(
    activation: &Activation,
    data: &Data,
    rows: Rows<'_>,
    student: &Network,
    tasks: &mut Vec<Task<Collected>>,
    gradient: &mut Gradient,
) -> Bounded {
    let source = &data.source;
    let features = Features::new(activation, data, student);
    let numbers = student.neurons() * (source.width + 2 * BLOCK);
    let (total, depth) = collect(source, rows, numbers, &features, tasks);
    total.finish(&features, source.size(rows) as f64, depth, gradient)
}

/// The student's neurons and the affine function that joins them.
struct Features<'a> {
    activation: &'a Activation,
    student: &'a Network,
    units: Vec<f64>,
    norms: Vec<f64>,
    /// The degrees 0 and 1, zero without preprocessing.
    low: Vec<LowDegrees>,
    /// Bounds on their moduli, and on those of their slopes, with what the rounding of `r_j` changes in units of its own.
    low_sizes: Vec<[f64; 2]>,
    /// The constant and the padded linear part of `f - y~ + y - sum_j a_j sigma(w_j . x)`.
    constant: f64,
    linear: Vec<f64>,
    /// The same with all terms by their moduli, the linear one times `|x|`.
    absolute: [f64; 2],
    /// Roundings of the activation itself and of its coefficients.
    own_operations: f64,
}

/// The degrees 0 and 1 of a neuron, `mean + along ubar.x`, and the gradient in `w` of their pairing with `p` and `q`,
/// `(mean_rate p + along_rate ubar.q) ubar + across q`, to which a bias adds `tilt ubar.q` in its own coordinate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct LowDegrees {
    mean: f64,
    along: f64,
    mean_rate: f64,
    along_rate: f64,
    across: f64,
    tilt: f64,
}

impl LowDegrees {
    fn of([mean, slope]: &[ScaledCoefficient; 2]) -> Self {
        Self {
            mean: mean.value,
            along: slope.value,
            mean_rate: mean.slope,
            along_rate: slope.slope - slope.over_norm,
            across: slope.over_norm,
            tilt: 0.0,
        }
    }

    fn of_biased(neuron: &BiasedNeuron) -> Self {
        if neuron.is_constant() {
            return Self { mean: neuron.mean, across: neuron.tail, ..Self::default() };
        }
        let at_bound = density(neuron.bound);
        Self {
            mean: neuron.mean,
            along: neuron.length * neuron.tail,
            mean_rate: at_bound,
            along_rate: neuron.bound * at_bound,
            across: neuron.tail,
            tilt: at_bound,
        }
    }
}

impl<'a> Features<'a> {
    fn new(activation: &'a Activation, data: &Data, student: &'a Network) -> Self {
        let d = student.dimension();
        let mut units = vec![0.0; student.neurons() * d];
        let rows = student.rows().zip(units.chunks_exact_mut(d));
        let norms: Vec<f64> = rows.map(|(w, unit)| normalise_into(w, unit)).collect();
        let (low, low_sizes): (Vec<LowDegrees>, Vec<[f64; 2]>) = match data.degrees {
            Degrees::All => norms.iter().map(|_| (LowDegrees::default(), [0.0; 2])).unzip(),
            Degrees::FromTwo if data.source.biases => {
                let rows = student.rows().zip(units.chunks_exact_mut(d));
                let neurons = rows.map(|(w, unit)| {
                    let neuron = BiasedNeuron::new(1.0, &w[..d - 1], w[d - 1]);
                    unit[..d - 1].copy_from_slice(&neuron.unit);
                    unit[d - 1] = 0.0;
                    let sizes = [2.0 * neuron.size(), 4.0 * (1.0 + neuron.bound_size())];
                    (LowDegrees::of_biased(&neuron), sizes)
                });
                neurons.unzip()
            }
            Degrees::FromTwo => {
                let neurons = norms.iter().map(|r| {
                    let low = low_coefficients(activation, *r);
                    (LowDegrees::of(&low), low_sizes(activation, *r, &low))
                });
                neurons.unzip()
            }
        };
        let mut constant = data.fit.constant;
        let mut linear = vec![0.0; data.source.width];
        linear[..d].copy_from_slice(&data.fit.linear);
        let mut absolute = [constant.abs(), norm(&data.fit.linear)];
        let neurons = student.second_layer().iter().zip(units.chunks_exact(d));
        for ((a, unit), (low, [size, _])) in neurons.zip(low.iter().zip(&low_sizes)) {
            constant -= a * low.mean;
            add_multiple(&mut linear, -a * low.along, unit);
            absolute = absolute.map(|sum| sum + a.abs() * size);
        }
        if let (Degrees::All, Some(skip)) = (data.degrees, student.skip()) {
            constant += skip.constant;
            add_multiple(&mut linear, 1.0, &skip.linear);
            absolute = [absolute[0] + skip.constant.abs(), absolute[1] + norm(&skip.linear)];
        }
        let own_operations = match activation {
            Activation::Polynomial(p) => 4.0 * p.coefficients().len() as f64,
            Activation::Smooth(smooth) => {
                let longest = maximum_of(norms.iter().copied());
                Expander::new(*smooth, longest, 1).operations()
            }
            _ => 0.0,
        };
        Self {
            activation,
            student,
            units,
            norms,
            low,
            low_sizes,
            constant,
            linear,
            absolute,
            own_operations,
        }
    }
}

/// Bounds for a neuron of length `r`: on `|c_0|`, `|c_1|`, and on the slopes that make `grad_w (c_0 + c_1 wbar . x)`.
///
/// Closed forms have a small relative error whatever that of `r`; a polynomial's coefficients are sums, bounded term by term,
/// those of a smooth function integrals, bounded by the norms of what is integrated.
fn low_sizes(activation: &Activation, r: f64, low: &[ScaledCoefficient; 2]) -> [f64; 2] {
    if let Activation::Polynomial(p) = activation {
        let (value, slope) = majorant(p, r);
        let terms = p.coefficients().len() as f64 + 4.0;
        return [2.0 * value + r * slope, terms * slope];
    }
    if let Activation::Smooth(smooth) = activation {
        let found = Expander::new(*smooth, r, 1).at(r);
        return [2.0 * (found.value.norm + r * smooth.steepest()[0]), 4.0 * found.gradient.norm];
    }
    let [mean, slope] = low;
    let values = mean.value.abs() + slope.value.abs();
    [values, mean.slope.abs() + slope.slope.abs() + 2.0 * slope.over_norm.abs()]
}

/// `sigma` and its derivatives at a score, with the moduli of what is summed on the way to each.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Jet {
    value: f64,
    slope: f64,
    /// At least `|value|`, and a bound on its rounding in units of the activation's operations.
    value_size: f64,
    /// The same for the slope; it bounds the change of the value by that of the score too.
    slope_size: f64,
    /// Bound on the second derivative.
    bend: f64,
}

#[inline]
fn jet(activation: &Activation, z: f64) -> Jet {
    let straight = |value: f64, slope: f64| Jet {
        value,
        slope,
        value_size: value.abs(),
        slope_size: 1.0,
        bend: 0.0,
    };
    match activation {
        Activation::Relu => straight(activation.value(z), if z < 0.0 { 0.0 } else { 1.0 }),
        Activation::Absolute => straight(z.abs(), if z < 0.0 { -1.0 } else { 1.0 }),
        Activation::LeakyRelu(below) => {
            straight(activation.value(z), if z < 0.0 { *below } else { 1.0 })
        }
        Activation::Smooth(smooth) => {
            let value = smooth.value(z);
            let [slope, bend] = [smooth.slope(z), smooth.steepest()[1]];
            Jet { value, slope, value_size: value.abs(), slope_size: smooth.slope_size(z), bend }
        }
        Activation::Erf => {
            let (value, slope) = (activation.value(z), FRAC_2_PI.sqrt() * (-0.5 * z * z).exp());
            let bend = z.abs() * slope;
            Jet { value, slope, value_size: value.abs(), slope_size: slope, bend }
        }
        Activation::Polynomial(p) => polynomial_jet(p, z),
        Activation::Step | Activation::Custom(_) => straight(f64::NAN, f64::NAN),
    }
}

/// By the recurrence of [`gradiometer_hermite::polynomial::hermite`], `h_k' = sqrt(k) h_(k-1)` and `h_k'' = sqrt(k (k-1)) h_(k-2)`;
/// sizes by the same recurrence with all terms positive, each degree of which adds at most four roundings to those below it.
fn polynomial_jet(p: &Polynomial, z: f64) -> Jet {
    let mut jet = Jet { value: 0.0, slope: 0.0, value_size: 0.0, slope_size: 0.0, bend: 0.0 };
    // Degrees k, k - 1 and k - 2 of the polynomials, k and below of their moduli.
    let (mut now, mut before) = (1.0, 0.0);
    let (mut size, mut size_before, mut size_below) = (1.0, 0.0, 0.0);
    for (k, c) in p.coefficients().iter().enumerate() {
        let (root, lower) = ((k as f64).sqrt(), k.saturating_sub(1) as f64);
        jet.value += c * now;
        jet.slope += c * root * before;
        jet.value_size += c.abs() * size;
        jet.slope_size += c.abs() * root * size_before;
        jet.bend += c.abs() * root * lower.sqrt() * size_below;
        let next_root = ((k + 1) as f64).sqrt();
        (now, before) = ((z * now - root * before) / next_root, now);
        size_below = size_before;
        (size, size_before) = ((z.abs() * size + root * size_before) / next_root, size);
    }
    jet
}

/// What one task collects over its blocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collected {
    /// `sigma(z_ij)` and `z_ij`, then `R_i sigma'(z_ij)`, neuron by neuron.
    values: Vec<f64>,
    scores: Vec<f64>,
    /// For each sample of a block `R_i`, the moduli of its terms `S_i`, and `|x_i|`.
    samples: Vec<[f64; 3]>,
    /// `sum_i R_i sigma(z_ij)`.
    potential: Vec<f64>,
    /// `sum_i R_i sigma'(z_ij) x_i`, row-major `m x d`.
    tangent: Vec<f64>,
    /// `sum_i` of the squared moduli of `sigma(z_ij)` and of `sigma'(z_ij) |x_i|`, with what the rounding of a score changes.
    sizes: Vec<[f64; 2]>,
    /// `sum_i R_i`, `sum_i R_i^2`, `sum_i |x_i|^2`, `sum_i S_i^2`.
    totals: [f64; 4],
    /// `sum_i R_i x_i`.
    moment: Vec<f64>,
}

impl Collect<Features<'_>> for Collected {
    fn reset(&mut self, features: &Features<'_>) {
        let (m, d) = (features.student.neurons(), features.student.dimension());
        let width = features.linear.len();
        for (sums, length) in
            [(&mut self.potential, m), (&mut self.tangent, m * d), (&mut self.moment, width)]
        {
            sums.clear();
            sums.resize(length, 0.0);
        }
        self.sizes.clear();
        self.sizes.resize(m, [0.0; 2]);
        self.totals = [0.0; 4];
        self.values.resize(m * BLOCK, 0.0);
        self.scores.resize(m * BLOCK, 0.0);
    }

    fn add(&mut self, features: &Features<'_>, block: Block<'_>) {
        let (n, width) = (block.labels.len(), block.samples.width);
        let (m, d) = (features.student.neurons(), features.student.dimension());
        let x = MatRef::from_row_major_slice(&block.samples.inputs[..n * width], n, width);
        let x = x.subcols(0, d);
        let w = MatRef::from_row_major_slice(features.student.first_layer(), m, d);
        let z = MatMut::from_row_major_slice_mut(&mut self.scores[..m * n], m, n);
        matmul(z, Accum::Replace, w, x.transpose(), 1.0, Par::Seq);

        let [constant, along] = features.absolute;
        self.samples.clear();
        self.samples.extend(block.rows().zip(block.labels).map(|(x, y)| {
            let [linear, square] = products(x, &features.linear);
            let length = square.sqrt();
            let size = constant + along * length + y.abs();
            [features.constant + linear - y, size, length]
        }));
        self.activate(n, features);
        for (x, [residual, size, length]) in block.rows().zip(&self.samples) {
            let terms = [*residual, residual * residual, length * length, size * size];
            add_multiple(&mut self.totals, 1.0, &terms);
            add_multiple(&mut self.moment, *residual, x);
        }
        let entries = self.values.chunks_exact(n).zip(self.scores.chunks_exact_mut(n));
        for (potential, (values, slopes)) in self.potential.iter_mut().zip(entries) {
            for ((value, slope), [residual, ..]) in values.iter().zip(slopes).zip(&self.samples) {
                *potential += residual * value;
                *slope *= residual;
            }
        }
        let weighted = MatRef::from_row_major_slice(&self.scores[..m * n], m, n);
        let tangent = MatMut::from_row_major_slice_mut(&mut self.tangent, m, d);
        matmul(tangent, Accum::Add, weighted, x, 1.0, Par::Seq);
    }

    fn merge(&mut self, other: &Self) {
        add_multiple(&mut self.potential, 1.0, &other.potential);
        add_multiple(&mut self.tangent, 1.0, &other.tangent);
        add_multiple(self.sizes.as_flattened_mut(), 1.0, other.sizes.as_flattened());
        add_multiple(&mut self.totals, 1.0, &other.totals);
        add_multiple(&mut self.moment, 1.0, &other.moment);
    }
}

impl Collected {
    /// From scores to values and slopes, with what they add to residuals and sizes.
    fn activate(&mut self, n: usize, features: &Features<'_>) {
        let entries = self.values.chunks_exact_mut(n).zip(self.scores.chunks_exact_mut(n));
        let neurons = features.student.second_layer().iter().zip(&features.norms);
        for (((a, r), sizes), (values, scores)) in neurons.zip(&mut self.sizes).zip(entries) {
            for ((value, score), sample) in values.iter_mut().zip(scores).zip(&mut self.samples) {
                let [residual, moduli, length] = sample;
                let jet = jet(features.activation, *score);
                let reach = r * *length;
                let value_size = jet.value_size + reach * jet.slope_size;
                let slope_size = (jet.slope_size + reach * jet.bend) * *length;
                (*value, *score) = (jet.value, jet.slope);
                *residual += a * jet.value;
                *moduli += a.abs() * value_size;
                sizes[0] += value_size * value_size;
                sizes[1] += slope_size * slope_size;
            }
        }
    }

    /// The averages over `n` samples, given the roundings that a sum passes through.
    fn finish(
        &self,
        features: &Features<'_>,
        n: f64,
        depth: f64,
        gradient: &mut Gradient,
    ) -> Bounded {
        let student = features.student;
        let (m, d) = (student.neurons(), student.dimension());
        let [residual, square, inputs, size] = self.totals.map(|sum| sum / n);
        let moment: Vec<f64> = self.moment[..d].iter().map(|sum| sum / n).collect();
        let rounding = Rounding {
            operations: (m + 2 * d + 16) as f64 + features.own_operations,
            depth,
            input: inputs.sqrt(),
            size: size.sqrt(),
            residual: square.sqrt(),
        };
        gradient.reset(m, d);
        let (mut second_error, mut first_error) = (0.0, 0.0);
        for (j, a) in student.second_layer().iter().enumerate() {
            let (low, unit) = (features.low[j], &features.units[j * d..(j + 1) * d]);
            let along = dot(unit, &moment);
            gradient.second_layer[j] =
                2.0 * (self.potential[j] / n - low.mean * residual - low.along * along);
            let [value_size, slope_size] = self.sizes[j].map(|sum| (sum / n).sqrt());
            let [low_size, low_slope] =
                features.low_sizes[j].map(|size| size * (1.0 + rounding.input));
            second_error = maximum(second_error, rounding.against(value_size + low_size));
            if !(features.norms[j] > 0.0 || smooth(features.activation)) {
                continue;
            }
            let radial = low.mean_rate * residual + low.along_rate * along;
            let tangent = &self.tangent[j * d..(j + 1) * d];
            let target = &mut gradient.first_layer[j * d..(j + 1) * d];
            for (((g, t), u), q) in target.iter_mut().zip(tangent).zip(unit).zip(&moment) {
                *g = 2.0 * a * (t / n - radial * u - low.across * q);
            }
            target[d - 1] -= 2.0 * a * low.tilt * along;
            let error = a.abs() * rounding.against(slope_size + low_slope);
            first_error = maximum(first_error, error);
        }
        gradient.second_layer_error = second_error;
        gradient.first_layer_error = first_error;
        Bounded { value: square, error: rounding.loss() }
    }
}

#[cfg(test)]
mod tests;
