//! The first gradient and ridge after it (11.2): rank one, its alignment, the leading singular
//! vector after the step. The Gaussian engine (11.2.4) is in [`crate::ridge`].
//!
//! \[BESWWY22\] (Ba, Erdogdu, Suzuki, Wang, Wu, Yang 2022): `n`, `d`, `m` of one order; the first
//! gradient is rank one up to vanishing norm; small steps cannot beat the best linear predictor,
//! steps of order `sqrt m` can.

use crate::activation::RELU;
use crate::error::MechanismError;
use crate::linear_algebra::{dot, eigen, norm, require_positive, trace, trace_of_product};
use crate::normal::DENSITY_AT_ZERO;
use crate::pair::Outcome;
use crate::ridge::relu_engine;
use crate::sample::{self, FirstStep, Label, Summary, paired};
use crate::step::StepCalculator;
use crate::target::PolynomialTarget;
use faer::{Mat, MatRef};
use std::ops::Range;

/// `E[G G^T]` over `w` uniform on the sphere: a matrix on the span and a multiple of the identity
/// outside.
#[derive(Clone, Debug)]
pub struct GradientCovariance {
    /// `r x r`.
    pub inside: Mat<f64>,
    /// The variance in each direction outside the span.
    pub outside: f64,
}

/// **11.2.1** (identity) `E[G G^T]` of the population step under ReLU, of the target's centred
/// degrees one and two: `C_1 C_1^T/4 + phi0^2 {C_2^2/d - (t1 C_2 + 2 C_2^2)/(d(d+2)) + [(t1^2 + 2
/// t2) I + 4 t1 C_2 + 8 C_2^2]/(4 d(d+2)(d+4))}`.
///
/// Terms of other degrees are left out, the constant too: centre the labels.
pub fn gradient_covariance(target: &PolynomialTarget, dimension: usize) -> GradientCovariance {
    let (linear, hessian) = (target.linear(), target.hessian());
    let square = &hessian * &hessian;
    let (t1, t2) = (trace(hessian.as_ref()), trace_of_product(hessian.as_ref(), hessian.as_ref()));
    let d = dimension as f64;
    let phi = DENSITY_AT_ZERO * DENSITY_AT_ZERO;
    let (two, three) = (d * (d + 2.0), 4.0 * d * (d + 2.0) * (d + 4.0));
    let isotropic = (t1 * t1 + 2.0 * t2) / three;
    let rank = target.rank();
    let inside = Mat::from_fn(rank, rank, |i, j| {
        let (c, s) = (hessian[(i, j)], square[(i, j)]);
        let diagonal = if i == j { isotropic } else { 0.0 };
        0.25 * linear[i] * linear[j]
            + phi * (s / d - (t1 * c + 2.0 * s) / two + diagonal + (4.0 * t1 * c + 8.0 * s) / three)
    });
    GradientCovariance { inside, outside: phi * isotropic }
}

/// **11.2.1 Rank one, and what comes second** (asymptotic, `m` to infinity): singular values of the
/// matrix with rows `a_j G(w_j)` in falling order, the roots of the eigenvalues of `C_1 C_1^T/4 +
/// phi0^2 C_2^2/d` on the span (`r`).
///
/// The first tends to `|C_1|/2`; the second over the first is `2 phi0 |lambda|/(|C_1| sqrt d)`.
/// Error `1/sqrt m + 2/d`. Control: without a linear part the second is not small beside the first.
///
/// # Errors
/// [`MechanismError::TooSmall`] for `d = 0`, [`MechanismError::Factorisation`].
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::{PolynomialTarget, ba2022::gradient_singular_values};
/// let linear = PolynomialTarget::single_index(&[0.0, 0.8]).unwrap();
/// assert!((gradient_singular_values(&linear, 50).unwrap()[0] - 0.4).abs() <= f64::EPSILON);
/// ```
pub fn gradient_singular_values(
    target: &PolynomialTarget,
    dimension: usize,
) -> Result<Vec<f64>, MechanismError> {
    if dimension == 0 {
        return Err(MechanismError::TooSmall { what: "the dimension", found: 0, least: 1 });
    }
    let (linear, hessian) = (target.linear(), target.hessian());
    let square = &hessian * &hessian;
    let factor = DENSITY_AT_ZERO * DENSITY_AT_ZERO / dimension as f64;
    let second = Mat::from_fn(target.rank(), target.rank(), |i, j| {
        0.25 * linear[i] * linear[j] + factor * square[(i, j)]
    });
    let (values, _) = eigen(second.as_ref(), "the second moment of the gradient")?;
    Ok(values.into_iter().map(|v| if v < 0.0 { 0.0 } else { v.sqrt() }).collect())
}

/// The sampled first moment `xbar = (1/n) sum y_i x_i` and its alignment with `C_1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MomentVector {
    /// `E[y^2 |x|^2]`.
    pub second_moment: f64,
    /// `E |xbar|^2`.
    pub squared_norm: f64,
    /// `|C_1|^2/E|xbar|^2`, the limit of the squared cosine of the step's leading right singular
    /// vector with `C_1`.
    pub squared_cosine: f64,
}

/// **11.2.2 Alignment at `n ~ d`**: `E|xbar|^2 = (1 - 1/n)|C_1|^2 + E[y^2 |x|^2]/n` (identity), and
/// `(v.C_1)^2/|C_1|^2 -> |C_1|^2/E|xbar|^2` for the leading right singular vector `v` of the step
/// (asymptotic, error `2/d`).
///
/// The labels are the target's as they are; centre it first. Control: shuffled labels align to
/// about `1/d`.
///
/// # Errors
/// [`MechanismError::TooSmall`] for `n = 0` or `d < r`.
pub fn moment_vector(
    target: &PolynomialTarget,
    dimension: usize,
    samples: usize,
) -> Result<MomentVector, MechanismError> {
    if dimension < target.rank() {
        let (found, least) = (dimension, target.rank());
        return Err(MechanismError::TooSmall { what: "the dimension", found, least });
    }
    if samples == 0 {
        return Err(MechanismError::TooSmall { what: "the samples", found: 0, least: 1 });
    }
    let linear = target.linear();
    let signal = dot(&linear, &linear);
    let n = samples as f64;
    let second_moment = target.input_moment(dimension);
    let squared_norm = (1.0 - 1.0 / n) * signal + second_moment / n;
    Ok(MomentVector { second_moment, squared_norm, squared_cosine: signal / squared_norm })
}

/// How the first layer starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Independent rows, `a` of random signs.
    Independent,
    /// `W = [V; V]`, `a = (1, -1)/sqrt m`.
    Symmetric,
}

/// The leading singular value of `W + t a G^T` and its vectors' squared overlaps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeadingVector {
    /// `theta` above which there is an outlier.
    pub threshold: f64,
    /// The singular value; the bulk's edge below the threshold.
    pub value: f64,
    /// Squared overlap of the right vector with `v = xbar/|xbar|`; 0 below the threshold.
    pub right: f64,
    /// Squared overlap of the left vector with `a`, for independent starts; 0 below the threshold.
    pub left: Option<f64>,
}

/// **11.2.3 Leading singular vector of `W + t a hat G`** (asymptotic, `t = O(1)`), `theta = t
/// |xbar|/2`.
///
/// `aspect` is `c = m/d`. Independent start: outlier iff `theta > c^{1/4}`, value
/// `sqrt((1+theta^2)(c+theta^2))/theta`, right overlap `1 - (c+theta^2)/(theta^2 (theta^2+1))`,
/// left `1 - c (1+theta^2)/(theta^2 (theta^2+c))`. Symmetric start, with `c/2` in place of `c` and
/// `h = 2/theta^2`: outlier iff `theta^2 > 2 (1 + sqrt(c/2))`, `X = (1 - (1-c/2) h)/(h (1-h))`,
/// value `sqrt(2X)`, right overlap `h (X + 1 - c/2 - 2Xh)/(1-h)`. Nothing is claimed within 20 % of
/// the threshold. Overlaps with `C_1`: multiply by [`MomentVector::squared_cosine`].
///
/// Control: the independent formula on a symmetric start. Source: \[BESWWY22\]; formulas derived
/// here.
///
/// # Errors
/// [`MechanismError::NotPositive`] for `theta` or the aspect.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::ba2022::{Start, leading_vector};
/// let below = leading_vector(Start::Independent, 0.9, 1.0).unwrap();
/// assert_eq!((below.value, below.right), (2.0, 0.0));
/// ```
pub fn leading_vector(
    start: Start,
    theta: f64,
    aspect: f64,
) -> Result<LeadingVector, MechanismError> {
    require_positive("theta", theta)?;
    require_positive("the aspect m/d", aspect)?;
    let square = theta * theta;
    match start {
        Start::Independent => {
            let c = aspect;
            let threshold = c.sqrt().sqrt();
            let outlier = theta > threshold;
            let value = if outlier {
                ((1.0 + square) * (c + square)).sqrt() / theta
            } else {
                1.0 + c.sqrt()
            };
            let right = 1.0 - (c + square) / (square * (square + 1.0));
            let left = 1.0 - c * (1.0 + square) / (square * (square + c));
            Ok(LeadingVector {
                threshold,
                value,
                right: if outlier { right } else { 0.0 },
                left: Some(if outlier { left } else { 0.0 }),
            })
        }
        Start::Symmetric => {
            let c = 0.5 * aspect;
            let h = 2.0 / square;
            let edge = 1.0 + c.sqrt();
            let threshold = (2.0 * edge).sqrt();
            if !(theta > threshold) {
                let value = std::f64::consts::SQRT_2 * edge;
                return Ok(LeadingVector { threshold, value, right: 0.0, left: None });
            }
            let x = (1.0 - (1.0 - c) * h) / (h * (1.0 - h));
            let right = h * (x + 1.0 - c - 2.0 * x * h) / (1.0 - h);
            Ok(LeadingVector { threshold, value: (2.0 * x).sqrt(), right, left: None })
        }
    }
}

/// **11.2.5 Parity floor** (inequality, every `W`, every `n`): ReLU features without bias span odd
/// functions of degree 1 only, so the test error is at least the energy of the odd degrees from 3
/// on.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::{PolynomialTarget, ba2022::parity_floor};
/// let target = PolynomialTarget::single_index(&[0.0, 0.8, 0.0, 0.6]).unwrap();
/// assert!((parity_floor(&target) - 0.36).abs() <= f64::EPSILON);
/// ```
pub fn parity_floor(target: &PolynomialTarget) -> f64 {
    (3..=target.degree()).step_by(2).map(|k| target.energy(k)).sum()
}

/// Singular values in falling order and right singular vectors as columns, from the Gram matrix of
/// the columns.
fn right_singular(matrix: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>), MechanismError> {
    let gram = matrix.transpose() * matrix;
    let (values, vectors) = eigen(gram.as_ref(), "the columns' Gram matrix")?;
    Ok((values.into_iter().map(|v| if v > 0.0 { v.sqrt() } else { 0.0 }).collect(), vectors))
}

fn squared_overlap(vectors: MatRef<'_, f64>, direction: &[f64]) -> f64 {
    let product: f64 = direction.iter().enumerate().map(|(k, x)| x * vectors[(k, 0)]).sum();
    product * product / dot(direction, direction)
}

/// **11.2.1 measured**: the first two singular values of the matrix with rows `a_j G(w_j)`, `|a_j|
/// = 1/sqrt m`.
///
/// # Errors
/// As [`gradient_singular_values`] and [`StepCalculator::steps`].
pub fn measure_first_gradient(
    target: &PolynomialTarget,
    dimension: usize,
    width: usize,
    seeds: Range<u64>,
) -> Result<[Outcome; 2], MechanismError> {
    let predicted = gradient_singular_values(target, dimension)?;
    let calculator = StepCalculator::new(target, RELU);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for seed in seeds {
        let weights = sample::unit_rows(&mut sample::stream(seed), width, dimension);
        // Signs of a_j do not change singular values.
        let scaled =
            faer::Scale(1.0 / (width as f64).sqrt()) * calculator.steps(weights.as_ref())?;
        let (values, _) = right_singular(scaled.as_ref())?;
        first.push(values[0]);
        second.push(values[1]);
    }
    let beside = |values: &[f64], k: usize| {
        Summary::of(values).beside(predicted.get(k).copied().unwrap_or(0.0))
    };
    Ok([beside(&first, 0), beside(&second, 1)])
}

/// Alignments of the sampled first gradient (11.2.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// Squared cosine of the step's leading right singular vector with `C_1`.
    pub step: Outcome,
    /// Squared cosine of `xbar` with `C_1`.
    pub moment: Outcome,
    /// `|xbar|^2`.
    pub squared_norm: Outcome,
}

/// **11.2.2 measured**; with `shuffled` labels in another order than the inputs, the control.
///
/// # Errors
/// As [`moment_vector`].
pub fn measure_alignment(
    target: &PolynomialTarget,
    dimension: usize,
    samples: usize,
    width: usize,
    shuffled: bool,
    seeds: Range<u64>,
) -> Result<Alignment, MechanismError> {
    let predicted = moment_vector(target, dimension, samples)?;
    let mut linear = target.linear();
    linear.resize(dimension, 0.0);
    let mut found: [Vec<f64>; 3] = Default::default();
    for seed in seeds {
        let mut rng = sample::stream(seed);
        let inputs = sample::normals(&mut rng, samples, dimension);
        let mut labels = sample::labels(target, inputs.as_ref());
        if shuffled {
            labels.rotate_left(samples / 2);
        }
        let weights = sample::unit_rows(&mut rng, width, dimension);
        let steps = sample::sampled_steps(inputs.as_ref(), &labels, weights.as_ref(), RELU)?;
        let (_, vectors) = right_singular(steps.as_ref())?;
        let xbar = sample::moment(inputs.as_ref(), &labels)?;
        found[0].push(squared_overlap(vectors.as_ref(), &linear));
        found[1].push(dot(&xbar, &linear).powi(2) / (dot(&xbar, &xbar) * dot(&linear, &linear)));
        found[2].push(dot(&xbar, &xbar));
    }
    let [step, moment, squared_norm] = found.map(|values| Summary::of(&values));
    Ok(Alignment {
        step: step.beside(predicted.squared_cosine),
        moment: moment.beside(predicted.squared_cosine),
        squared_norm: squared_norm.beside(predicted.squared_norm),
    })
}

/// The leading singular vector of a stepped first layer, measured (11.2.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeadingOutcome {
    /// `theta = t |xbar|/2`.
    pub theta: Summary,
    /// The singular value, beside the predictions for the same instances.
    pub value: Outcome,
    /// Squared overlap with `xbar/|xbar|`, likewise.
    pub overlap: Outcome,
}

/// **11.2.3 measured** on sampled steps of size `step.size`; `theta` is each instance's own.
///
/// # Errors
/// [`MechanismError::TooSmall`] for an odd width of a symmetric start, and as [`leading_vector`].
pub fn measure_leading(
    start: Start,
    formula: Start,
    target: &PolynomialTarget,
    step: FirstStep,
    seeds: Range<u64>,
) -> Result<LeadingOutcome, MechanismError> {
    let (m, d) = (step.width, step.dimension);
    let (mut theta, mut value, mut overlap) = (Vec::new(), Vec::new(), Vec::new());
    let (mut predicted_value, mut predicted_overlap) = (Vec::new(), Vec::new());
    for seed in seeds {
        let mut rng = sample::stream(seed);
        let (weights, signs) = match start {
            Start::Independent => (sample::unit_rows(&mut rng, m, d), sample::signs(&mut rng, m)),
            Start::Symmetric => {
                let half = sample::unit_rows(&mut rng, m.div_ceil(2), d);
                let rows = Mat::from_fn(m, d, |j, k| half[(j % half.nrows(), k)]);
                let sign = |j| if j < half.nrows() { 1.0 } else { -1.0 };
                (rows, (0..m).map(sign).collect())
            }
        };
        let a: Vec<f64> = signs.into_iter().map(|s| s / (m as f64).sqrt()).collect();
        let inputs = sample::normals(&mut rng, step.samples, d);
        let labels = sample::labels(target, inputs.as_ref());
        let steps = sample::sampled_steps(inputs.as_ref(), &labels, weights.as_ref(), RELU)?;
        let after = sample::stepped(weights.as_ref(), &a, steps.as_ref(), step.size)?;
        let xbar = sample::moment(inputs.as_ref(), &labels)?;
        let (values, vectors) = right_singular(after.as_ref())?;
        let own = 0.5 * step.size * norm(&xbar);
        let expected = leading_vector(formula, own, m as f64 / d as f64)?;
        theta.push(own);
        value.push(values[0]);
        overlap.push(squared_overlap(vectors.as_ref(), &xbar));
        predicted_value.push(expected.value);
        predicted_overlap.push(expected.right);
    }
    Ok(LeadingOutcome {
        theta: Summary::of(&theta),
        value: paired(&value, &predicted_value),
        overlap: paired(&overlap, &predicted_overlap),
    })
}

/// **11.2.4, 11.2.5 measured**: exact test error of simulated ridge fits beside the Gaussian
/// engine, one outcome for each penalty; the means over seeds are paired, each seed with `draws`
/// fits on one network.
///
/// # Errors
/// As [`crate::ridge::GaussianRidge::risk`] and [`sample::simulated_test_errors`].
pub fn measure_ridge(
    label: &Label,
    step: FirstStep,
    samples: usize,
    penalties: &[f64],
    draws: usize,
    seeds: Range<u64>,
) -> Result<Vec<Outcome>, MechanismError> {
    let mut measured = vec![Vec::new(); penalties.len()];
    let mut predicted = vec![Vec::new(); penalties.len()];
    for seed in seeds {
        let mut rng = sample::stream(seed);
        let weights = step.take(label, &mut rng)?.weights;
        let engine = relu_engine(weights.as_ref(), &label.moments(weights.as_ref())?)?;
        let errors = sample::simulated_test_errors(
            weights.as_ref(),
            label,
            samples,
            penalties,
            draws,
            &mut rng,
        )?;
        for (k, &penalty) in penalties.iter().enumerate() {
            measured[k].push(errors[k]);
            predicted[k].push(engine.risk(samples, penalty)?.test);
        }
    }
    Ok(measured.iter().zip(&predicted).map(|(m, p)| paired(m, p)).collect())
}

#[cfg(test)]
mod tests;
