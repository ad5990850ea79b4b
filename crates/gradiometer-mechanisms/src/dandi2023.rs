//! Giant steps (11.3): one direction at `n ~ d`, all neurons together, directions of degree `k`,
//! staircases.
//!
//! \[DKLPS23\] (Dandi, Krzakala, Loureiro, Pesce, Stephan 2023): `n ~ d` learns one direction in
//! one step, `n ~ d^2` several; a direction whose first non-zero degree is `l` needs `d^l`; several
//! steps climb a staircase with `n ~ d` each. Degree-`k` half points (11.3.3) are in
//! [`crate::step`].

use crate::activation::{BiasedActivation, RELU};
use crate::error::MechanismError;
use crate::linear_algebra::{dot, norm, require_positive, require_shape, row, trace_of_product};
use crate::normal::DENSITY_AT_ZERO;
use crate::pair::Outcome;
use crate::sample::{self, Summary};
use crate::step::{StepCalculator, half_space_mean};
use crate::target::PolynomialTarget;
use faer::{Mat, MatRef};
use gradiometer_hermite::Angle;
use std::f64::consts::TAU;
use std::ops::Range;

/// Mean energies of one neuron's sampled step with raw labels (11.3.1).
#[derive(Clone, Debug, PartialEq)]
pub struct DirectionEnergies {
    /// Along `C_1/|C_1|`.
    pub along_linear: f64,
    /// Along each coordinate of the span (`r`).
    pub along: Vec<f64>,
    /// Of the whole step.
    pub total: f64,
}

impl DirectionEnergies {
    /// The share along `C_1`, ratio of means.
    pub fn linear_share(&self) -> f64 {
        self.along_linear / self.total
    }
}

/// **11.3.1 `n = c d`, one direction** (asymptotic; raw labels of mean 0, full form of ReLU's
/// step).
///
/// Along `e = C_1/|C_1|`: `|C_1|^2/4 + E[y^2 (e.x)^2]/(2n)`; along a coordinate `e'` of the span
/// orthogonal to it: `phi0^2 |C_2 e'|^2/d + E[y^2 (e'.x)^2]/(2n)`; total `|C_1|^2/4 + phi0^2 t2/d +
/// E[y^2 |x|^2]/(2n)`. The share along `C_1` tends to `(|C_1|^2/4)/(|C_1|^2/4 + E y^2/(2c))`, the
/// others are `O(1/d)`.
///
/// Control: `C_1 = 0` has no share of order 1.
///
/// # Errors
/// [`MechanismError::TooSmall`] for `d < r` or `n = 0`.
pub fn direction_energies(
    target: &PolynomialTarget,
    dimension: usize,
    samples: usize,
) -> Result<DirectionEnergies, MechanismError> {
    let rank = target.rank();
    if dimension < rank {
        return Err(MechanismError::TooSmall {
            what: "the dimension",
            found: dimension,
            least: rank,
        });
    }
    if samples == 0 {
        return Err(MechanismError::TooSmall { what: "the samples", found: 0, least: 1 });
    }
    let (linear, hessian) = (target.linear(), target.hessian());
    let length = norm(&linear);
    let (d, noise) = (dimension as f64, 0.5 / samples as f64);
    let phi = DENSITY_AT_ZERO * DENSITY_AT_ZERO / d;
    let moments = target.directional_moments();
    let along = (0..rank)
        .map(|i| {
            let column: f64 = (0..rank).map(|k| hessian[(k, i)] * hessian[(k, i)]).sum();
            0.25 * linear[i] * linear[i] + phi * column + noise * moments[i]
        })
        .collect();
    let along_linear = if length > 0.0 {
        let e: Vec<f64> = linear.iter().map(|x| x / length).collect();
        0.25 * length * length + noise * second_moment_along(target, &e)
    } else {
        0.0
    };
    let total = 0.25 * length * length
        + phi * trace_of_product(hessian.as_ref(), hessian.as_ref())
        + noise * target.input_moment(dimension);
    Ok(DirectionEnergies { along_linear, along, total })
}

/// `E[f^2 (e.z)^2]` for a unit vector `e` of the span.
fn second_moment_along(target: &PolynomialTarget, e: &[f64]) -> f64 {
    let hessian = target.squared().hessian();
    target.label_energy() + crate::linear_algebra::form(e, hessian.as_ref(), e)
}

/// **11.3.2 All neurons together are a spectral method** (identity, given the sample; ReLU, labels
/// `r_i` that are least-squares residuals, `w` uniform): `E_w[hat G hat G^T] = (1/(2 pi n^2))
/// sum_ij r_i r_j asin(cos(x_i, x_j)) x_i x_j^T` (`d x d`) for `hat G = (1/2n) sum_i r_i
/// sign(w.x_i) x_i`; `inputs` is `n x d`.
///
/// Control: `asin` replaced by its argument.
///
/// # Errors
/// [`MechanismError::Shape`] for the labels.
///
/// # Examples
/// ```
/// use faer::mat;
/// use gradiometer_mechanisms::dandi2023::mean_outer_step;
/// // One sample: |hat G|^2 = |r x|^2/4.
/// let gram = mean_outer_step(mat![[2.0]].as_ref(), &[3.0]).unwrap();
/// assert!((gram[(0, 0)] - 9.0).abs() <= 16.0 * f64::EPSILON);
/// ```
pub fn mean_outer_step(
    inputs: MatRef<'_, f64>,
    labels: &[f64],
) -> Result<Mat<f64>, MechanismError> {
    let n = inputs.nrows();
    require_shape("the labels", labels.len(), n)?;
    let lengths = crate::linear_algebra::row_norms(inputs);
    let units: Vec<Vec<f64>> =
        (0..n).map(|i| row(inputs, i).into_iter().map(|x| x / lengths[i]).collect()).collect();
    let mut kernel = Mat::zeros(n, n);
    for j in 0..n {
        for i in j..n {
            let asin = if lengths[i] > 0.0 && lengths[j] > 0.0 {
                Angle::between(&units[i], &units[j]).complement()
            } else {
                0.0
            };
            let value = labels[i] * labels[j] * asin / (TAU * (n * n) as f64);
            kernel[(i, j)] = value;
            kernel[(j, i)] = value;
        }
    }
    Ok(inputs.transpose() * &kernel * inputs)
}

/// The spectral method that 11.3.2 leads to: `(1/n) sum r_i x_i x_i^T` (`d x d`).
///
/// # Errors
/// [`MechanismError::Shape`] for the labels.
pub fn spectral_matrix(
    inputs: MatRef<'_, f64>,
    labels: &[f64],
) -> Result<Mat<f64>, MechanismError> {
    let n = inputs.nrows();
    require_shape("the labels", labels.len(), n)?;
    let weighted = Mat::from_fn(n, inputs.ncols(), |i, k| labels[i] * inputs[(i, k)] / n as f64);
    Ok(inputs.transpose() * &weighted)
}

/// The size of one giant step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepSize {
    /// `w <- unit(s hat G(w))`.
    Infinite,
    /// `w <- unit(w + t s hat G(w))`.
    Finite(f64),
}

/// **11.3.4 Staircase** (asymptotic: `d` to infinity, `n = c d` fresh samples a step; ReLU with
/// bias `b`, labels-only steps `w <- unit(w + t s hat G(w))`, the first infinite).
///
/// A unit neuron with span part `p` has `G = sum_i g_i(p) u_i + delta(p) w` (11.0.1) and noise of
/// squared length `nu(p) = E[y^2 1{w.x > -b}]/c`. From `p = 0`: `u = keep p + t s g`, `keep = 1 + t
/// s delta` (only the second part at an infinite step), `p <- u/sqrt(keep^2 + 2 keep t s p.g + t^2
/// |g|^2 + t^2 nu)`. Finite-size error `2/sqrt d`.
///
/// Controls: `z_1 + z_2 z_3` stops after `z_1`; a third degree without a bias, for `tau_2 = 0`.
#[derive(Clone, Debug)]
pub struct Staircase {
    calculator: StepCalculator,
    squared: PolynomialTarget,
    bias: f64,
    samples_over_d: f64,
    rank: usize,
}

impl Staircase {
    /// For a target, a bias and `c = n/d`.
    ///
    /// # Errors
    /// [`MechanismError::NotPositive`] for `c`.
    pub fn new(
        target: &PolynomialTarget,
        bias: f64,
        samples_over_d: f64,
    ) -> Result<Self, MechanismError> {
        require_positive("n/d", samples_over_d)?;
        let calculator = StepCalculator::new(target, BiasedActivation::Relu { bias });
        Ok(Self {
            calculator,
            squared: target.squared(),
            bias,
            samples_over_d,
            rank: target.rank(),
        })
    }

    /// One step of a neuron with span part `p` (`r`) and sign `s` of its second layer.
    ///
    /// # Errors
    /// [`MechanismError::Shape`] for `p`.
    pub fn step(&self, p: &[f64], sign: f64, size: StepSize) -> Result<Vec<f64>, MechanismError> {
        let (g, delta) = self.calculator.parts(p)?;
        let noise = half_space_mean(&self.squared, self.bias, p) / self.samples_over_d;
        let (keep, t) = match size {
            StepSize::Infinite => (sign * delta, sign),
            StepSize::Finite(t) => (1.0 + t * sign * delta, t * sign),
        };
        let square = keep * keep + 2.0 * keep * t * dot(p, &g) + t * t * (dot(&g, &g) + noise);
        let length = square.sqrt();
        Ok(p.iter().zip(&g).map(|(p, g)| (keep * p + t * g) / length).collect())
    }

    /// Span parts after each of several steps from `p = 0`.
    ///
    /// # Errors
    /// As [`Staircase::step`].
    pub fn climb(&self, sign: f64, steps: &[StepSize]) -> Result<Vec<Vec<f64>>, MechanismError> {
        let mut p = vec![0.0; self.rank];
        steps
            .iter()
            .map(|&size| {
                p = self.step(&p, sign, size)?;
                Ok(p.clone())
            })
            .collect()
    }
}

/// Energies of single neurons' sampled steps (11.3.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DirectionOutcome {
    /// Share along `C_1`, ratio of means; its error by the jackknife.
    pub linear_share: Outcome,
    /// Energy along the second coordinate.
    pub second: Outcome,
    /// Energy of the whole step.
    pub total: Outcome,
}

/// **11.3.1 measured** with raw labels, for a target whose `C_1` is along the first coordinate.
///
/// # Errors
/// As [`direction_energies`].
pub fn measure_directions(
    target: &PolynomialTarget,
    dimension: usize,
    samples: usize,
    width: usize,
    seeds: Range<u64>,
) -> Result<DirectionOutcome, MechanismError> {
    let predicted = direction_energies(target, dimension, samples)?;
    let mut found: [Vec<f64>; 3] = Default::default();
    for seed in seeds {
        let mut rng = sample::stream(seed);
        let inputs = sample::normals(&mut rng, samples, dimension);
        let labels = sample::labels(target, inputs.as_ref());
        let weights = sample::unit_rows(&mut rng, width, dimension);
        let steps = sample::sampled_steps(inputs.as_ref(), &labels, weights.as_ref(), RELU)?;
        for (k, along) in found.iter_mut().take(2).enumerate() {
            along.push(steps.as_ref().subcols(k, 1).squared_norm_l2() / width as f64);
        }
        found[2].push(steps.squared_norm_l2() / width as f64);
    }
    let [first, second, total] = found;
    let count = first.len() as f64;
    let (sum, whole) = (first.iter().sum::<f64>(), total.iter().sum::<f64>());
    let left_out: Vec<f64> =
        first.iter().zip(&total).map(|(a, b)| (sum - a) / (whole - b)).collect();
    let error = Summary::of(&left_out).standard_error * (count - 1.0);
    Ok(DirectionOutcome {
        linear_share: Outcome { predicted: predicted.linear_share(), measured: sum / whole, error },
        second: Summary::of(&second).beside(predicted.along.get(1).copied().unwrap_or(f64::NAN)),
        total: Summary::of(&total).beside(predicted.total),
    })
}

/// A staircase after one of its steps, measured on sampled data.
#[derive(Clone, Debug, PartialEq)]
pub struct StairOutcome {
    /// Mean coordinates (`r`) of neurons with a positive second layer.
    pub plus: Vec<Outcome>,
    /// Of those with a negative one.
    pub minus: Vec<Outcome>,
    /// Root mean square of each coordinate over all neurons, mean over seeds.
    pub root_mean_square: Vec<Summary>,
}

/// **11.3.4 measured**: labels-only steps of `width` neurons (half of each sign) on `samples` fresh
/// inputs a step.
///
/// # Errors
/// As [`Staircase::new`] and [`sample::sampled_steps`]; [`MechanismError::TooSmall`] for fewer than
/// two neurons.
pub fn measure_staircase(
    target: &PolynomialTarget,
    bias: f64,
    dimension: usize,
    samples: usize,
    width: usize,
    steps: &[StepSize],
    seeds: Range<u64>,
) -> Result<Vec<StairOutcome>, MechanismError> {
    if width < 2 {
        return Err(MechanismError::TooSmall { what: "the width", found: width, least: 2 });
    }
    let stairs = Staircase::new(target, bias, samples as f64 / dimension as f64)?;
    let predicted = [stairs.climb(1.0, steps)?, stairs.climb(-1.0, steps)?];
    let rank = target.rank();
    let activation = BiasedActivation::Relu { bias };
    let sign = |j: usize| if j < width / 2 { 1.0 } else { -1.0 };
    // For each step, coordinate and kind (plus, minus, root mean square) a list over seeds.
    let mut found = vec![vec![[const { Vec::new() }; 3]; rank]; steps.len()];
    for seed in seeds {
        let mut rng = sample::stream(seed);
        let mut weights = sample::unit_rows(&mut rng, width, dimension);
        for (size, coordinates) in steps.iter().zip(&mut found) {
            let inputs = sample::normals(&mut rng, samples, dimension);
            let labels = sample::labels(target, inputs.as_ref());
            let moves =
                sample::sampled_steps(inputs.as_ref(), &labels, weights.as_ref(), activation)?;
            let (keep, t) = match *size {
                StepSize::Infinite => (0.0, 1.0),
                StepSize::Finite(t) => (1.0, t),
            };
            weights = sample::normalised(Mat::from_fn(width, dimension, |j, k| {
                keep * weights[(j, k)] + t * sign(j) * moves[(j, k)]
            }));
            for (i, lists) in coordinates.iter_mut().enumerate() {
                let half = width / 2;
                let sum = |from: usize, to: usize| (from..to).map(|j| weights[(j, i)]).sum::<f64>();
                lists[0].push(sum(0, half) / half as f64);
                lists[1].push(sum(half, width) / (width - half) as f64);
                let square: f64 = (0..width).map(|j| weights[(j, i)].powi(2)).sum();
                lists[2].push((square / width as f64).sqrt());
            }
        }
    }
    Ok(found
        .iter()
        .enumerate()
        .map(|(step, coordinates)| {
            let beside = |kind: usize| {
                coordinates
                    .iter()
                    .enumerate()
                    .map(|(i, lists)| Summary::of(&lists[kind]).beside(predicted[kind][step][i]))
                    .collect()
            };
            StairOutcome {
                plus: beside(0),
                minus: beside(1),
                root_mean_square: coordinates.iter().map(|l| Summary::of(&l[2])).collect(),
            }
        })
        .collect())
}

#[cfg(test)]
mod tests;
