//! Seeded instances, sampled steps and simulated ridge fits: what the predictions are measured by.

use crate::activation::BiasedActivation;
use crate::error::MechanismError;
use crate::linear_algebra::{
    apply, dot, form, require_positive, require_shape, solve_positive, solve_vector,
};
use crate::ridge::LabelMoments;
use crate::target::{Evaluator, PolynomialTarget};
use faer::{Mat, MatRef};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// The stream of random numbers of a seed.
pub fn stream(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A matrix of independent draws of `N(0, 1)`, filled row by row.
pub fn normals(rng: &mut ChaCha8Rng, rows: usize, columns: usize) -> Mat<f64> {
    let mut matrix = Mat::zeros(rows, columns);
    for i in 0..rows {
        for j in 0..columns {
            matrix[(i, j)] = rng.sample(StandardNormal);
        }
    }
    matrix
}

/// Rows of length 1; rows of length 0 stay.
pub fn normalised(mut matrix: Mat<f64>) -> Mat<f64> {
    let lengths = crate::linear_algebra::row_norms(matrix.as_ref());
    for j in 0..matrix.ncols() {
        for (i, length) in lengths.iter().enumerate() {
            if *length > 0.0 {
                matrix[(i, j)] /= length;
            }
        }
    }
    matrix
}

/// Independent uniform unit rows.
pub fn unit_rows(rng: &mut ChaCha8Rng, rows: usize, columns: usize) -> Mat<f64> {
    normalised(normals(rng, rows, columns))
}

/// Independent random signs, `+-1`.
pub fn signs(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect()
}

/// Labels of a polynomial target in the first coordinates of each row of `inputs` (`n x d`).
pub fn labels(target: &PolynomialTarget, inputs: MatRef<'_, f64>) -> Vec<f64> {
    let mut evaluator = Evaluator::new(target);
    let mut z = vec![0.0; target.rank()];
    (0..inputs.nrows())
        .map(|i| {
            for (k, entry) in z.iter_mut().enumerate() {
                *entry = inputs[(i, k)];
            }
            evaluator.value(&z)
        })
        .collect()
}

/// Labels of a ReLU teacher with rows `alpha_i` and unit `directions` (`k x d`).
///
/// # Errors
/// [`MechanismError::Shape`] for the amplitudes.
pub fn relu_labels(
    directions: MatRef<'_, f64>,
    amplitudes: &[f64],
    inputs: MatRef<'_, f64>,
) -> Result<Vec<f64>, MechanismError> {
    require_shape("the amplitudes", amplitudes.len(), directions.nrows())?;
    Ok(apply(features(inputs, directions, RELU_FEATURE).as_ref(), amplitudes))
}

const RELU_FEATURE: BiasedActivation = BiasedActivation::Relu { bias: 0.0 };

/// Labels less their least-squares fit on `(1, x)`.
///
/// # Errors
/// [`MechanismError::Shape`] for the labels, [`MechanismError::Factorisation`] for dependent
/// inputs.
pub fn least_squares_residuals(
    inputs: MatRef<'_, f64>,
    labels: &[f64],
) -> Result<Vec<f64>, MechanismError> {
    let (n, d) = (inputs.nrows(), inputs.ncols());
    require_shape("the labels", labels.len(), n)?;
    let design = Mat::from_fn(n, d + 1, |i, k| if k < d { inputs[(i, k)] } else { 1.0 });
    let gram = design.transpose() * &design;
    let right = apply(design.transpose(), labels);
    let weights = solve_vector(gram.as_ref(), &right, "the inputs' second moment")?;
    let fitted = apply(design.as_ref(), &weights);
    Ok(labels.iter().zip(fitted).map(|(y, f)| y - f).collect())
}

/// Labels less the plain means of `y` and `y x`: `y_i - ybar - xbar.x_i`.
///
/// # Errors
/// [`MechanismError::Shape`] for the labels.
pub fn averages_residuals(
    inputs: MatRef<'_, f64>,
    labels: &[f64],
) -> Result<Vec<f64>, MechanismError> {
    let xbar = moment(inputs, labels)?;
    let mean = labels.iter().sum::<f64>() / labels.len() as f64;
    let linear = apply(inputs, &xbar);
    Ok(labels.iter().zip(linear).map(|(y, l)| y - mean - l).collect())
}

/// `xbar = (1/n) sum y_i x_i`.
///
/// # Errors
/// [`MechanismError::Shape`] for the labels.
pub fn moment(inputs: MatRef<'_, f64>, labels: &[f64]) -> Result<Vec<f64>, MechanismError> {
    require_shape("the labels", labels.len(), inputs.nrows())?;
    let sum = apply(inputs.transpose(), labels);
    Ok(sum.into_iter().map(|x| x / labels.len() as f64).collect())
}

/// `sigma(w_j.x_i)` (`n x m`) for `inputs` (`n x d`) and `weights` (`m x d`).
pub fn features(
    inputs: MatRef<'_, f64>,
    weights: MatRef<'_, f64>,
    activation: BiasedActivation,
) -> Mat<f64> {
    let mut values = inputs * weights.transpose();
    for j in 0..values.ncols() {
        for i in 0..values.nrows() {
            values[(i, j)] = activation.value(values[(i, j)]);
        }
    }
    values
}

/// `hat G(w_j) = (1/n) sum_i y_i sigma'(w_j.x_i) x_i` as rows (`m x d`), the full form of the
/// sampled step.
///
/// # Errors
/// [`MechanismError::Shape`] for the labels.
pub fn sampled_steps(
    inputs: MatRef<'_, f64>,
    labels: &[f64],
    weights: MatRef<'_, f64>,
    activation: BiasedActivation,
) -> Result<Mat<f64>, MechanismError> {
    let n = inputs.nrows();
    require_shape("the labels", labels.len(), n)?;
    let mut slopes = inputs * weights.transpose();
    for j in 0..slopes.ncols() {
        for (i, label) in labels.iter().enumerate() {
            slopes[(i, j)] = label * activation.derivative(slopes[(i, j)]) / n as f64;
        }
    }
    Ok(slopes.transpose() * inputs)
}

/// `w_j + t a_j g_j` for the rows of two matrices (`m x d`), `a` (`m`).
///
/// # Errors
/// [`MechanismError::Shape`].
pub fn stepped(
    weights: MatRef<'_, f64>,
    second_layer: &[f64],
    steps: MatRef<'_, f64>,
    size: f64,
) -> Result<Mat<f64>, MechanismError> {
    require_shape("the second layer", second_layer.len(), weights.nrows())?;
    require_shape("the steps", steps.nrows(), weights.nrows())?;
    Ok(Mat::from_fn(weights.nrows(), weights.ncols(), |j, k| {
        weights[(j, k)] + size * second_layer[j] * steps[(j, k)]
    }))
}

/// A ridge fit with a free intercept.
#[derive(Clone, Debug, PartialEq)]
pub struct RidgeFit {
    /// The intercept.
    pub intercept: f64,
    /// Weights of the features (`m`).
    pub weights: Vec<f64>,
    /// Mean squared residual on the samples.
    pub train: f64,
}

/// Minimises `(1/n) sum (y_i - b - w.F_i)^2 + lambda |w|^2` for every penalty, `features` `n x m`.
///
/// # Errors
/// [`MechanismError::Shape`], [`MechanismError::NotPositive`] for a penalty,
/// [`MechanismError::Factorisation`].
pub fn ridge(
    features: MatRef<'_, f64>,
    labels: &[f64],
    penalties: &[f64],
) -> Result<Vec<RidgeFit>, MechanismError> {
    let (n, m) = (features.nrows(), features.ncols());
    require_shape("the labels", labels.len(), n)?;
    let means: Vec<f64> =
        (0..m).map(|j| (0..n).map(|i| features[(i, j)]).sum::<f64>() / n as f64).collect();
    let label_mean = labels.iter().sum::<f64>() / n as f64;
    let centred = Mat::from_fn(n, m, |i, j| features[(i, j)] - means[j]);
    let gram = centred.transpose() * &centred;
    let targets: Vec<f64> = labels.iter().map(|y| y - label_mean).collect();
    let right = apply(centred.transpose(), &targets);
    penalties
        .iter()
        .map(|&penalty| {
            require_positive("a penalty", penalty)?;
            let shifted = Mat::from_fn(m, m, |i, j| {
                gram[(i, j)] / n as f64 + if i == j { penalty } else { 0.0 }
            });
            let column = Mat::from_fn(m, 1, |j, _| right[j] / n as f64);
            let solution = solve_positive(shifted.as_ref(), column.as_ref(), "the ridge's matrix")?;
            let weights: Vec<f64> = (0..m).map(|j| solution[(j, 0)]).collect();
            let fitted = apply(centred.as_ref(), &weights);
            let residuals = targets.iter().zip(fitted).map(|(y, f)| (y - f) * (y - f));
            let train = residuals.sum::<f64>() / n as f64;
            Ok(RidgeFit { intercept: label_mean - dot(&weights, &means), weights, train })
        })
        .collect()
}

/// Exact test error of a fit: `V - 2 w.b + w.Sigma w + (intercept + w.mu - E y)^2`.
///
/// # Errors
/// [`MechanismError::Shape`].
pub fn exact_test_error(
    fit: &RidgeFit,
    covariance: MatRef<'_, f64>,
    means: &[f64],
    label: &LabelMoments,
) -> Result<f64, MechanismError> {
    require_shape("the covariance", covariance.nrows(), fit.weights.len())?;
    require_shape("the means", means.len(), fit.weights.len())?;
    let w = &fit.weights;
    let mismatch = fit.intercept + dot(w, means) - label.mean;
    Ok(label.variance - 2.0 * dot(w, &label.cross) + form(w, covariance, w) + mismatch * mismatch)
}

/// Mean of a list and its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The mean.
    pub mean: f64,
    /// The standard error of the mean; NaN for fewer than two values.
    pub standard_error: f64,
}

impl Summary {
    /// Of independent values.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::sample::Summary;
    /// let summary = Summary::of(&[1.0, 3.0]);
    /// assert_eq!((summary.mean, summary.standard_error), (2.0, 1.0));
    /// ```
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let spread: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        Self { mean, standard_error: (spread / (n * (n - 1.0))).sqrt() }
    }

    /// Beside a prediction.
    pub const fn beside(self, predicted: f64) -> crate::pair::Outcome {
        crate::pair::Outcome { predicted, measured: self.mean, error: self.standard_error }
    }
}

/// Mean of the measurements beside the mean of the predictions of the same instances, with the
/// standard error of their difference.
pub fn paired(measured: &[f64], predicted: &[f64]) -> crate::pair::Outcome {
    let differences: Vec<f64> = measured.iter().zip(predicted).map(|(a, b)| a - b).collect();
    crate::pair::Outcome {
        predicted: Summary::of(predicted).mean,
        measured: Summary::of(measured).mean,
        error: Summary::of(&differences).standard_error,
    }
}

/// A label on orthonormal directions, the first coordinates of the input.
#[derive(Clone, Debug, PartialEq)]
pub enum Label {
    /// `sum_i amplitudes[i] relu(x_i)`.
    Relu(Vec<f64>),
    /// `sum_k coefficients[k] h_k(x_1)`.
    SingleIndex(Vec<f64>),
}

impl Label {
    /// `y_i` for the rows of `inputs` (`n x d`).
    ///
    /// # Errors
    /// [`MechanismError::TargetShape`] for no coefficients, [`MechanismError::TooSmall`] for too
    /// few coordinates.
    pub fn values(&self, inputs: MatRef<'_, f64>) -> Result<Vec<f64>, MechanismError> {
        match self {
            Self::Relu(amplitudes) => {
                relu_labels(axes(amplitudes.len(), inputs.ncols())?.as_ref(), amplitudes, inputs)
            }
            Self::SingleIndex(coefficients) => {
                Ok(labels(&PolynomialTarget::single_index(coefficients)?, inputs))
            }
        }
    }

    /// Its moments with the ReLU features of `weights` (`m x d`).
    ///
    /// # Errors
    /// As [`Label::values`].
    pub fn moments(&self, weights: MatRef<'_, f64>) -> Result<LabelMoments, MechanismError> {
        match self {
            Self::Relu(amplitudes) => {
                let axes = axes(amplitudes.len(), weights.ncols())?;
                crate::ridge::relu_moments(weights, axes.as_ref(), amplitudes)
            }
            Self::SingleIndex(coefficients) => {
                let axis = crate::linear_algebra::row(axes(1, weights.ncols())?.as_ref(), 0);
                crate::ridge::single_index_moments(weights, &axis, coefficients)
            }
        }
    }

    /// `E y`.
    pub fn mean(&self) -> f64 {
        match self {
            Self::Relu(amplitudes) => {
                crate::normal::DENSITY_AT_ZERO * amplitudes.iter().sum::<f64>()
            }
            Self::SingleIndex(coefficients) => coefficients.first().copied().unwrap_or(0.0),
        }
    }
}

/// The first `count` unit vectors of `R^d` as rows.
///
/// # Errors
/// [`MechanismError::TooSmall`] if `d < count`.
pub fn axes(count: usize, dimension: usize) -> Result<Mat<f64>, MechanismError> {
    if dimension < count {
        let (found, least) = (dimension, count);
        return Err(MechanismError::TooSmall { what: "the dimension", found, least });
    }
    Ok(Mat::from_fn(count, dimension, |i, j| if i == j { 1.0 } else { 0.0 }))
}

/// Sizes of one step from a random start: unit rows, `a_j = +-1/sqrt m`, centred labels, the full
/// form of ReLU's step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstStep {
    /// `d`.
    pub dimension: usize,
    /// `m`.
    pub width: usize,
    /// `n_0`, the step's samples.
    pub samples: usize,
    /// `t`, twice the step size on the mean square.
    pub size: f64,
}

/// A network after its first step.
#[derive(Clone, Debug)]
pub struct Stepped {
    /// First layer after the step (`m x d`).
    pub weights: Mat<f64>,
    /// `xbar` of the step's centred labels (`d`).
    pub moment: Vec<f64>,
}

impl FirstStep {
    /// Draws the start and the samples, and takes the step.
    ///
    /// # Errors
    /// As [`Label::values`].
    pub fn take(&self, label: &Label, rng: &mut ChaCha8Rng) -> Result<Stepped, MechanismError> {
        let start = unit_rows(rng, self.width, self.dimension);
        let scale = 1.0 / (self.width as f64).sqrt();
        let a: Vec<f64> = signs(rng, self.width).into_iter().map(|s| s * scale).collect();
        let inputs = normals(rng, self.samples, self.dimension);
        let mean = label.mean();
        let centred: Vec<f64> =
            label.values(inputs.as_ref())?.into_iter().map(|y| y - mean).collect();
        let steps = sampled_steps(inputs.as_ref(), &centred, start.as_ref(), RELU_FEATURE)?;
        Ok(Stepped {
            weights: stepped(start.as_ref(), &a, steps.as_ref(), self.size)?,
            moment: moment(inputs.as_ref(), &centred)?,
        })
    }
}

/// Ridge fits on fresh samples of the ReLU features of `weights`, one list of fits for each draw.
///
/// # Errors
/// As [`Label::values`] and [`ridge`].
pub fn simulated_fits(
    weights: MatRef<'_, f64>,
    label: &Label,
    samples: usize,
    penalties: &[f64],
    draws: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Vec<RidgeFit>>, MechanismError> {
    (0..draws)
        .map(|_| {
            let inputs = normals(rng, samples, weights.ncols());
            let values = label.values(inputs.as_ref())?;
            let features = features(inputs.as_ref(), weights, RELU_FEATURE);
            ridge(features.as_ref(), &values, penalties)
        })
        .collect()
}

/// Exact test errors of simulated fits, averaged over the draws, for each penalty.
///
/// # Errors
/// As [`simulated_fits`].
pub fn simulated_test_errors(
    weights: MatRef<'_, f64>,
    label: &Label,
    samples: usize,
    penalties: &[f64],
    draws: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<f64>, MechanismError> {
    let covariance = crate::ridge::relu_covariance(weights)?;
    let means = crate::ridge::relu_means(weights);
    let moments = label.moments(weights)?;
    let mut errors = vec![0.0; penalties.len()];
    for fits in simulated_fits(weights, label, samples, penalties, draws, rng)? {
        for (error, fit) in errors.iter_mut().zip(&fits) {
            *error += exact_test_error(fit, covariance.as_ref(), &means, &moments)? / draws as f64;
        }
    }
    Ok(errors)
}
