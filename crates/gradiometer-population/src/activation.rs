//! The population objective of networks with other activations, through their kernels.
//!
//! For `f = sum_j a_j sigma(w_j . x)` and the teacher `f* = sum_i a*_i sigma(w*_i . x)`, with `A` the second layers of both (`a_j`, `-a*_i`),
//!
//! ```text
//! L        = sum_bc A_b A_c K(v_b, v_c),   K(w, v) = E[sigma(w . x) sigma(v . x)]
//! dL/da_j  = 2 sum_b A_b K(w_j, v_b)
//! dL/dw_j  = 2 a_j sum_b A_b grad_w K(w_j, v_b)
//! ```
//!
//! for any norms. `K` is of degrees from two; degrees zero and one add `S_0^2 + |S_1|^2` with `S_0 = sum_b A_b c_0(|v_b|) + alpha`
//! and `S_1 = sum_b A_b c_1(|v_b|) vbar_b + beta`, `c_k(r) = E[sigma(r z) h_k(z)]`.

use crate::accuracy::Accuracy;
use crate::coefficients::{low_coefficients, majorant, smooth};
use crate::error::PopulationError;
use crate::objective::Objective;
use crate::value::{EvaluationRoute, Gradient, Reached};
use crate::workspace::Workspace;
use gradiometer_hermite::float::{maximum, maximum_of};
use gradiometer_hermite::kernel::{Pair, PairKernel, kernel};
use gradiometer_hermite::polynomial::ScaledCoefficient;
use gradiometer_hermite::smooth::{Expander, Expansion, Part, Smooth};
use gradiometer_hermite::{Activation, Angle, Bounded, Degrees, HermiteError};
use gradiometer_model::geometry::{dot, norm, normalise_into};
use gradiometer_model::{Network, Teacher};
use rayon::prelude::*;
use std::f64::consts::{FRAC_2_PI, TAU};

/// The exact population loss `L = E (f(x) - f*(x))^2` under `x ~ N(0, I)` for an activation with a closed-form kernel, ReLU, `|z|`, step,
/// `erf(z/sqrt 2)`, leaky ReLU, polynomials and finite Hermite series; and for the smooth functions of
/// [`Smooth`](gradiometer_hermite::Smooth), whose expansion is carried to at most 256 degrees and whose error bound has what is left out.
///
/// Everything is computed in doubles at `O((m + m*)^2 d)` cost on all threads; the bytes do not depend on their number. The error bounds cover,
/// to first order in the rounding unit, the rounding of lengths, angles, kernels and sums, and for nearly parallel step neurons, whose
/// gradient is unbounded, the angle's own uncertainty. There is no second, more accurate path: near the optimum the bound says what is left
/// of the loss. The gradient with respect to a zero neuron is that of the formulas for smooth activations and
/// 0 for ReLU, `|z|` and step.
///
/// # Examples
/// ```
/// use gradiometer_hermite::Activation;
/// use gradiometer_model::{Network, Teacher};
/// use gradiometer_population::{Accuracy, ActivationPopulation, Degrees, Objective};
/// // Two orthogonal steps agree half of the time: E (1{x > 0} - 1{y > 0})^2 = 1/2.
/// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
/// let student = Network::new(2, vec![1.0], vec![0.0, 3.0]).unwrap();
/// let population = ActivationPopulation::new(teacher, Activation::Step).unwrap();
/// let population = population.of_degrees(Degrees::All);
/// let loss = population.evaluate(&student, Accuracy::FAST).unwrap().loss;
/// assert!((loss.value - 0.5).abs() <= loss.error);
/// ```
#[derive(Clone, Debug)]
pub struct ActivationPopulation {
    teacher: Teacher,
    activation: Activation,
    degrees: Degrees,
}

impl ActivationPopulation {
    /// The objective of degrees at least 2.
    ///
    /// # Errors
    /// [`PopulationError::Hermite`] if the activation has no closed-form kernel; expand it into a Hermite polynomial first.
    pub fn new(teacher: Teacher, activation: Activation) -> Result<Self, PopulationError> {
        if let Activation::Custom(custom) = &activation {
            return Err(HermiteError::NoClosedForm { name: custom.name().to_owned() }.into());
        }
        Ok(Self { teacher, activation, degrees: Degrees::FromTwo })
    }

    /// The same with the given degrees.
    #[must_use]
    pub const fn of_degrees(mut self, degrees: Degrees) -> Self {
        self.degrees = degrees;
        self
    }

    /// The activation.
    pub const fn activation(&self) -> &Activation {
        &self.activation
    }

    const fn smooth(&self) -> bool {
        smooth(&self.activation)
    }

    fn fill(&self, student: &Network, gradient: &mut Gradient) -> Bounded {
        let (m, d) = (student.neurons(), student.dimension());
        let neurons = Neurons::new(&self.activation, &self.teacher, student);
        let n = neurons.weights.len();
        let rows: Vec<Row> = (0..n).into_par_iter().map(|j| neurons.row(j)).collect();
        let sums = (n as f64 + 8.0) * UNIT;
        gradient.reset(m, d);
        let mut loss = Bounded { value: 0.0, error: 0.0 };
        for (row, weight) in rows.iter().zip(&neurons.weights) {
            loss.value += weight * row.potential;
            loss.error += weight.abs() * (row.potential_error + 2.0 * sums * row.potential_size);
        }
        for (j, row) in rows.iter().take(m).enumerate() {
            let weight = 2.0 * neurons.weights[j];
            gradient.second_layer[j] = 2.0 * row.potential;
            let error = 2.0 * (row.potential_error + sums * row.potential_size);
            gradient.second_layer_error = maximum(gradient.second_layer_error, error);
            if !(neurons.norms[j] > 0.0 || self.smooth()) {
                continue;
            }
            for (g, t) in gradient.first_layer[j * d..(j + 1) * d].iter_mut().zip(&row.tangent) {
                *g = weight * t;
            }
            let error = weight.abs() * (row.tangent_error + sums * row.tangent_size);
            gradient.first_layer_error = maximum(gradient.first_layer_error, error);
        }
        if self.degrees == Degrees::All {
            self.add_low_degrees(student, &neurons, &mut loss, gradient);
        }
        loss
    }

    /// Adds `S_0^2 + |S_1|^2` and its gradient.
    fn add_low_degrees(
        &self,
        student: &Network,
        neurons: &Neurons<'_>,
        loss: &mut Bounded,
        gradient: &mut Gradient,
    ) {
        let d = student.dimension();
        let low: Vec<[ScaledCoefficient; 2]> = (0..neurons.norms.len())
            .map(|b| match neurons.tables.get(b) {
                Some(table) if neurons.parts.len() > b => [table[0], table[1]],
                _ => low_coefficients(&self.activation, neurons.norms[b]),
            })
            .collect();
        let (mut constant, mut absolute) = (0.0, 0.0);
        let mut linear = vec![0.0; d];
        for (b, ([mean, slope], weight)) in low.iter().zip(&neurons.weights).enumerate() {
            constant += weight * mean.value;
            absolute += weight.abs() * (mean.value.abs() + slope.value.abs());
            for (s, u) in linear.iter_mut().zip(neurons.unit(b)) {
                *s += weight * slope.value * u;
            }
        }
        if let Some(skip) = student.skip() {
            constant += skip.constant;
            absolute += skip.constant.abs() + norm(&skip.linear);
            for (s, b) in linear.iter_mut().zip(&skip.linear) {
                *s += b;
            }
        }
        let size = constant.abs() + norm(&linear);
        let of_coefficients = neurons.parts.iter().zip(&neurons.weights);
        let error = absolute * (neurons.turn + (low.len() as f64 + 16.0) * UNIT)
            + of_coefficients.map(|([value, _], a)| 2.0 * a.abs() * value.rounding).sum::<f64>();
        loss.value += constant * constant + dot(&linear, &linear);
        loss.error += 2.0 * error * (size + error) + 8.0 * (d as f64) * UNIT * size * size;
        let (mut second_error, mut first_error) = (0.0, 0.0);
        for (j, [mean, slope]) in low.iter().take(student.neurons()).enumerate() {
            if !(neurons.norms[j] > 0.0 || self.smooth()) {
                continue;
            }
            let (unit, weight) = (neurons.unit(j), 2.0 * neurons.weights[j]);
            let along = dot(&linear, unit);
            gradient.second_layer[j] += 2.0 * (constant * mean.value + slope.value * along);
            let radial = constant * mean.slope + (slope.slope - slope.over_norm) * along;
            for ((g, u), s) in
                gradient.first_layer[j * d..(j + 1) * d].iter_mut().zip(unit).zip(&linear)
            {
                *g += weight * (radial * u + slope.over_norm * s);
            }
            let rounding = error + size * (2.0 * neurons.turn + 16.0 * UNIT);
            let values = mean.value.abs() + slope.value.abs();
            let slopes = mean.slope.abs() + slope.slope.abs() + 2.0 * slope.over_norm.abs();
            let [of_value, of_gradient] =
                neurons.parts.get(j).map_or([0.0; 2], |parts| parts.map(|part| part.rounding));
            second_error = maximum(second_error, 2.0 * (values * rounding + of_value * size));
            first_error =
                maximum(first_error, weight.abs() * (slopes * rounding + of_gradient * size));
        }
        gradient.second_layer_error += second_error;
        gradient.first_layer_error += first_error;
    }
}

impl Objective for ActivationPopulation {
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
        Reached { loss, route: EvaluationRoute::Kernel }
    }
}

/// The rounding unit.
const UNIT: f64 = 0.5 * f64::EPSILON;
/// Roundings within a closed-form kernel, in units.
const ELEMENTWISE: f64 = 48.0;

/// One row of sums over the atoms, with sizes and errors.
struct Row {
    /// `sum_b A_b K(v_j, v_b)`.
    potential: f64,
    potential_size: f64,
    potential_error: f64,
    /// `sum_b A_b grad_w K(v_j, v_b)`.
    tangent: Vec<f64>,
    tangent_size: f64,
    tangent_error: f64,
}

/// Student and teacher neurons together.
struct Neurons<'a> {
    activation: &'a Activation,
    dimension: usize,
    rows: Vec<&'a [f64]>,
    units: Vec<f64>,
    norms: Vec<f64>,
    weights: Vec<f64>,
    /// Bound on the error of an angle and on the relative error of a length.
    turn: f64,
    /// Scaled coefficients of a polynomial, else empty.
    tables: Vec<Vec<ScaledCoefficient>>,
    /// Bounds on `|sigma(v_b . x)|` and its gradient in `v_b`, in `L2`, by the moduli of what is summed.
    sizes: Vec<(f64, f64)>,
    /// What the tables of a smooth function leave out, of its value and of its gradient, else empty.
    parts: Vec<[Part; 2]>,
}

/// Degrees of a smooth function's expansion: the first try, and the most.
const DEGREES: [usize; 3] = [64, 128, 256];

/// The expansions at these lengths, to as many degrees as tell more, at most 256.
fn expansions(smooth: Smooth, norms: &[f64]) -> Vec<Expansion> {
    let longest = maximum_of(norms.iter().copied());
    let mut found = Vec::new();
    for highest in DEGREES {
        let expander = Expander::new(smooth, longest, highest);
        found = norms.par_iter().map(|r| expander.at(*r)).collect();
        if !found.iter().any(Expansion::wants_more_degrees) {
            break;
        }
    }
    found
}

impl<'a> Neurons<'a> {
    fn new(activation: &'a Activation, teacher: &'a Teacher, student: &'a Network) -> Self {
        let d = student.dimension();
        let network = teacher.network();
        let rows: Vec<&[f64]> = student.rows().chain(network.rows()).collect();
        let mut units = vec![0.0; rows.len() * d];
        let norms: Vec<f64> =
            rows.iter().zip(units.chunks_exact_mut(d)).map(|(w, u)| normalise_into(w, u)).collect();
        let second = student.second_layer().iter().copied();
        let weights = second.chain(network.second_layer().iter().map(|a| -a)).collect();
        let mut parts = Vec::new();
        let (tables, sizes) = match activation {
            Activation::Polynomial(p) => (
                norms.iter().map(|r| p.scaled(*r)).collect(),
                norms.iter().map(|r| majorant(p, *r)).collect(),
            ),
            Activation::Smooth(smooth) => {
                let found = expansions(*smooth, &norms);
                parts = found.iter().map(|e| [e.value, e.gradient]).collect();
                let sizes = found.iter().map(|e| (e.value.norm, e.gradient.norm)).collect();
                (found.into_iter().map(|e| e.coefficients).collect(), sizes)
            }
            _ => (Vec::new(), norms.iter().map(|r| (own_size(activation, *r), 0.0)).collect()),
        };
        let turn = (2.0 * d as f64 + 16.0) * UNIT;
        Self { activation, dimension: d, rows, units, norms, weights, turn, tables, sizes, parts }
    }

    fn unit(&self, b: usize) -> &[f64] {
        &self.units[b * self.dimension..(b + 1) * self.dimension]
    }

    fn row(&self, j: usize) -> Row {
        let mut row = Row {
            potential: 0.0,
            potential_size: 0.0,
            potential_error: 0.0,
            tangent: vec![0.0; self.dimension],
            tangent_size: 0.0,
            tangent_error: 0.0,
        };
        let mut along = 0.0;
        for (b, weight) in self.weights.iter().enumerate() {
            let same = self.rows[j] == self.rows[b];
            let angle = if same && self.norms[j] > 0.0 {
                Angle::from_radians(0.0)
            } else {
                Angle::between(self.unit(j), self.unit(b))
            };
            let pair = Pair { first_norm: self.norms[j], second_norm: self.norms[b], angle };
            let found = self.kernel(j, b, pair);
            row.potential += weight * found.value;
            row.potential_size += weight.abs() * found.value.abs();
            row.potential_error += weight.abs() * self.value_error(j, b, pair, &found);
            along += weight * found.along_first;
            for (t, v) in row.tangent.iter_mut().zip(self.unit(b)) {
                *t += weight * found.along_second * v;
            }
            let size = found.along_first.abs() + found.along_second.abs();
            row.tangent_size += weight.abs() * size;
            let own = (ELEMENTWISE * UNIT + self.turn) * size;
            let moved = if same { 0.0 } else { self.turning(j, b, pair) };
            let left_out = self.left_out(j, b)[1];
            row.tangent_error += weight.abs() * (own + moved + left_out);
        }
        for (t, w) in row.tangent.iter_mut().zip(self.unit(j)) {
            *t += along * w;
        }
        row
    }

    fn kernel(&self, j: usize, b: usize, pair: Pair) -> PairKernel {
        if self.tables.is_empty() {
            kernel(self.activation, pair, Degrees::FromTwo).unwrap_or(UNKNOWN)
        } else {
            series(&self.tables[j], &self.tables[b], pair.angle.cosine())
        }
    }

    /// Bound on the error of `K`: its own roundings, the angle's and the lengths'.
    fn value_error(&self, j: usize, b: usize, pair: Pair, found: &PairKernel) -> f64 {
        let size = self.sizes[j].0 * self.sizes[b].0;
        let roundings = ELEMENTWISE + 8.0 * self.degree();
        let by_angle = match self.activation {
            Activation::Step => 1.0 / TAU,
            _ => (pair.first_norm * found.along_second * pair.angle.sine()).abs(),
        };
        let radial = |k: &PairKernel| k.along_first + k.along_second * pair.angle.cosine();
        let other = self.kernel(b, j, pair.swapped());
        let by_lengths =
            (pair.first_norm * radial(found)).abs() + (pair.second_norm * radial(&other)).abs();
        let left_out = self.left_out(j, b)[0];
        size * roundings * UNIT + (by_angle + by_lengths) * self.turn + left_out
    }

    /// Bounds on what the tables leave out of `K` and of `grad_w K`: the degrees beyond the tables, which meet
    /// their like alone, and the coefficients' errors.
    fn left_out(&self, j: usize, b: usize) -> [f64; 2] {
        let (Some([value, gradient]), Some([other, _])) = (self.parts.get(j), self.parts.get(b))
        else {
            return [0.0; 2];
        };
        [value, gradient].map(|own| {
            own.tail * other.tail
                + own.rounding * (other.norm + other.rounding)
                + own.norm * other.rounding
        })
    }

    fn degree(&self) -> f64 {
        self.tables.first().map_or(0.0, |table| table.len() as f64)
    }

    /// Bound on the change of `grad_w K` when the angle and the lengths turn by their errors.
    fn turning(&self, j: usize, b: usize, pair: Pair) -> f64 {
        let Pair { first_norm: r, second_norm: s, angle } = pair;
        match self.activation {
            Activation::Relu => 2.0 * s * self.turn / TAU,
            Activation::Absolute => 8.0 * s * self.turn / TAU,
            Activation::LeakyRelu(slope) => 2.0 * (1.0 - slope).powi(2) * s * self.turn / TAU,
            // v turns and stretches under sigma', w under sigma'': E |z_1 z_2| and its like are at most 2 and 3.
            Activation::Smooth(smooth) => {
                let [slope, bend] = smooth.steepest();
                (4.0 * s * slope * slope + 3.0 * r * bend * self.sizes[b].0) * self.turn
            }
            // A unit vector over 2 pi r, across w towards v.
            Activation::Step if r > 0.0 && s > 0.0 => {
                let off = 4.0 * self.turn / angle.sine();
                (if off < 2.0 { off } else { 2.0 }) / (TAU * r)
            }
            Activation::Step => 0.0,
            Activation::Erf => {
                let square = 1.0 + r * r + s * s;
                let steep = (square + (r * s * angle.sine()).powi(2)).sqrt();
                let (length_r, length_s) = (1.0_f64.hypot(r), 1.0_f64.hypot(s));
                let slope = FRAC_2_PI * length_r * length_s / steep;
                slope * (2.0 * r * s / square.sqrt() + 16.0) * self.turn / length_r
            }
            Activation::Polynomial(_) => {
                let size = 2.0 * self.sizes[j].1 * self.sizes[b].0;
                size * (self.degree() + 4.0) * (ELEMENTWISE * UNIT + 2.0 * self.turn)
            }
            Activation::Custom(_) => f64::NAN,
        }
    }
}

const UNKNOWN: PairKernel =
    PairKernel { value: f64::NAN, along_first: f64::NAN, along_second: f64::NAN };

/// `sqrt K(w, w)` for `|w| = r`.
fn own_size(activation: &Activation, r: f64) -> f64 {
    let pair = Pair { first_norm: r, second_norm: r, angle: Angle::from_radians(0.0) };
    kernel(activation, pair, Degrees::FromTwo).unwrap_or(UNKNOWN).value.sqrt()
}

/// `K` and its gradient from the scaled coefficients: `sum_{k >= 2} c_k(r) c_k(s) t^k`.
fn series(first: &[ScaledCoefficient], second: &[ScaledCoefficient], t: f64) -> PairKernel {
    let mut sum = PairKernel { value: 0.0, along_first: 0.0, along_second: 0.0 };
    let mut below = t;
    for (k, (c, other)) in first.iter().zip(second).enumerate().skip(2) {
        let power = below * t;
        let turn = k as f64 * c.over_norm * other.value * below;
        sum.value += c.value * other.value * power;
        sum.along_first += c.slope * other.value * power - t * turn;
        sum.along_second += turn;
        below = power;
    }
    sum
}

#[cfg(test)]
mod tests;
