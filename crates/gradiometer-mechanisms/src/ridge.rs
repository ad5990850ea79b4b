//! The Gaussian engine (11.2.4): the test error of ridge regression on the features of a given
//! network, unsampled.

use crate::activation::relu_coefficients;
use crate::error::MechanismError;
use crate::linear_algebra::{
    apply, dot, eigen, require_finite, require_positive, require_shape, row_norms,
};
use crate::normal::DENSITY_AT_ZERO;
use crate::target::power;
use faer::{Mat, MatRef};
use gradiometer_hermite::Angle;
use gradiometer_hermite::relu::sphere_kernel;
use gradiometer_model::Teacher;

/// Halvings of the bracket of `kappa`; each double is reached long before.
const BISECTIONS: usize = 1100;

/// Second moments of features and label, with the features' covariance decomposed.
#[derive(Clone, Debug)]
pub struct GaussianRidge {
    eigenvalues: Vec<f64>,
    eigenvectors: Mat<f64>,
    /// `P^T b`.
    rotated: Vec<f64>,
    variance: f64,
}

/// What the Gaussian engine predicts for one number of samples and one penalty.
#[derive(Clone, Debug, PartialEq)]
pub struct Risk {
    /// The effective penalty.
    pub kappa: f64,
    /// `E (y - prediction)^2` on fresh inputs.
    pub test: f64,
    /// Mean squared residual on the samples.
    pub train: f64,
    /// Test error of the mean predictor, `V - 2 wbar.b + wbar.Sigma wbar`: the test error for
    /// infinitely many samples at the penalty `kappa`.
    pub base: f64,
    /// `tr Sigma (Sigma + kappa)^{-1}`.
    pub df1: f64,
    /// `tr Sigma^2 (Sigma + kappa)^{-2}`.
    pub df2: f64,
    /// `wbar = (Sigma + kappa)^{-1} b`, the mean of the fitted weights (`m`).
    pub weights: Vec<f64>,
}

impl GaussianRidge {
    /// From the features' covariance `Sigma` (`m x m`), `b_j = Cov(feature_j, y)` (`m`) and `V =
    /// Var y`.
    ///
    /// # Errors
    /// [`MechanismError::Shape`], [`MechanismError::NotFinite`], [`MechanismError::NotPositive`]
    /// for `V`, [`MechanismError::Factorisation`].
    pub fn new(
        covariance: MatRef<'_, f64>,
        cross: &[f64],
        variance: f64,
    ) -> Result<Self, MechanismError> {
        let m = covariance.nrows();
        require_shape("the columns of the covariance", covariance.ncols(), m)?;
        require_shape("the covariance with the label", cross.len(), m)?;
        require_positive("the label's variance", variance)?;
        require_finite("an entry of the covariance", covariance)?;
        if let Some(&value) = cross.iter().find(|b| !b.is_finite()) {
            return Err(MechanismError::NotFinite { what: "a covariance with the label", value });
        }
        let (eigenvalues, eigenvectors) = eigen(covariance, "the features' covariance")?;
        let rotated = apply(eigenvectors.transpose(), cross);
        Ok(Self { eigenvalues, eigenvectors, rotated, variance })
    }

    /// Eigenvalues of the covariance in falling order.
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }

    /// Its eigenvectors as columns, in the same order.
    pub fn eigenvectors(&self) -> MatRef<'_, f64> {
        self.eigenvectors.as_ref()
    }

    /// **11.2.4 Ridge after any step** (asymptotic in `n`, `m`, `d`; exact limit for Gaussian
    /// features).
    ///
    /// Penalty `lambda |w|^2` beside the mean square, intercept free. `kappa > 0` solves `kappa =
    /// lambda + (kappa/n) tr Sigma (Sigma + kappa)^{-1}`, bisected in `[lambda, lambda + tr
    /// Sigma/n]`; `wbar = (Sigma + kappa)^{-1} b`; `test = (V - 2 wbar.b + wbar.Sigma wbar)/(1 - tr
    /// Sigma^2 (Sigma + kappa)^{-2}/n)`, `train = (lambda/kappa)^2 test`. Finite-size error about
    /// `1/d` relative.
    ///
    /// Control: a constant readout after a large step (11.5.1), where it is 10 to 40 % low. Source:
    /// \[BESWWY22\].
    ///
    /// # Errors
    /// [`MechanismError::NotPositive`] for `lambda`, [`MechanismError::TooSmall`] for `n = 0`.
    ///
    /// # Examples
    /// ```
    /// use faer::Mat;
    /// use gradiometer_mechanisms::ridge::GaussianRidge;
    /// // One feature of variance 1 that is the label itself: many samples learn it all.
    /// let engine = GaussianRidge::new(Mat::identity(1, 1).as_ref(), &[1.0], 1.0).unwrap();
    /// assert!(engine.risk(1000, 1e-9).unwrap().test < 2048.0 * f64::EPSILON);
    /// ```
    pub fn risk(&self, samples: usize, penalty: f64) -> Result<Risk, MechanismError> {
        require_positive("the penalty", penalty)?;
        if samples == 0 {
            return Err(MechanismError::TooSmall { what: "the samples", found: 0, least: 1 });
        }
        let n = samples as f64;
        // Rounding may leave a zero eigenvalue below zero; it stands for zero.
        let spectrum: Vec<f64> =
            self.eigenvalues.iter().map(|e| if *e < 0.0 { 0.0 } else { *e }).collect();
        let freedom = |kappa: f64| spectrum.iter().map(|e| e / (e + kappa)).sum::<f64>();
        let (mut low, mut high) = (penalty, penalty + spectrum.iter().sum::<f64>() / n);
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (low + high);
            if !(middle > low && middle < high) {
                break;
            }
            if middle - penalty < middle * freedom(middle) / n {
                low = middle;
            } else {
                high = middle;
            }
        }
        let kappa = 0.5 * (low + high);
        let shrunk: Vec<f64> =
            self.rotated.iter().zip(&spectrum).map(|(b, e)| b / (e + kappa)).collect();
        let explained: f64 =
            shrunk.iter().zip(&spectrum).map(|(w, e)| w * w * (e + 2.0 * kappa)).sum();
        let base = self.variance - explained;
        let df2 = spectrum.iter().map(|e| (e / (e + kappa)).powi(2)).sum::<f64>();
        let test = base / (1.0 - df2 / n);
        let ratio = penalty / kappa;
        Ok(Risk {
            kappa,
            test,
            train: ratio * ratio * test,
            base,
            df1: freedom(kappa),
            df2,
            weights: apply(self.eigenvectors.as_ref(), &shrunk),
        })
    }
}

/// Cosines of the rows of two matrices, and the lengths of the rows of each.
type Cosines = (Mat<f64>, Vec<f64>, Vec<f64>);

/// Cosines of the rows of two matrices of the same width, with their lengths (a zero row has cosine
/// 0).
fn cosines(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Result<Cosines, MechanismError> {
    require_shape("a row", right.ncols(), left.ncols())?;
    require_finite("a weight", left)?;
    require_finite("a weight", right)?;
    let (lengths, others) = (row_norms(left), row_norms(right));
    let mut products = left * right.transpose();
    for (j, length) in others.iter().enumerate() {
        for (i, other) in lengths.iter().enumerate() {
            let scale = length * other;
            products[(i, j)] = if scale > 0.0 { products[(i, j)] / scale } else { 0.0 };
        }
    }
    Ok((products, lengths, others))
}

/// `kappa(t) - phi0^2 = t/4 + k(t)`, the covariance of ReLU of two unit neurons at cosine `t`.
fn unit_covariance(cosine: f64) -> f64 {
    0.25 * cosine + sphere_kernel(Angle::from_cosine(cosine)).value
}

/// Covariance of the ReLU features of two lists of neurons (`m x d`, `k x d`) under `x ~ N(0,
/// I_d)`: `|w_j||v_i| (kappa(t_ji) - phi0^2)`, `kappa(t) = (sqrt(1-t^2) + (pi - arccos t) t)/(2
/// pi)`; shape `m x k`.
///
/// # Errors
/// [`MechanismError::Shape`] for different dimensions, [`MechanismError::NotFinite`] for a weight.
pub fn relu_cross_covariance(
    left: MatRef<'_, f64>,
    right: MatRef<'_, f64>,
) -> Result<Mat<f64>, MechanismError> {
    let (cosines, lengths, others) = cosines(left, right)?;
    Ok(Mat::from_fn(left.nrows(), right.nrows(), |i, j| {
        lengths[i] * others[j] * unit_covariance(cosines[(i, j)])
    }))
}

/// `Sigma`, the covariance of `relu(w_j.x)` for the rows of `weights` (`m x d`); shape `m x m`.
///
/// # Errors
/// [`MechanismError::NotFinite`] for a weight.
///
/// # Examples
/// ```
/// use faer::mat;
/// use gradiometer_mechanisms::ridge::relu_covariance;
/// let sigma = relu_covariance(mat![[2.0, 0.0]].as_ref()).unwrap();
/// let unit = 0.5 - 0.5 / std::f64::consts::PI; // Var relu(z)
/// assert!((sigma[(0, 0)] - 4.0 * unit).abs() <= 8.0 * f64::EPSILON);
/// ```
pub fn relu_covariance(weights: MatRef<'_, f64>) -> Result<Mat<f64>, MechanismError> {
    let (cosines, lengths, _) = cosines(weights, weights)?;
    let variance = unit_covariance(1.0);
    let m = weights.nrows();
    let mut covariance = Mat::zeros(m, m);
    for j in 0..m {
        covariance[(j, j)] = lengths[j] * lengths[j] * variance;
        for i in j + 1..m {
            let value = lengths[i] * lengths[j] * unit_covariance(cosines[(i, j)]);
            covariance[(i, j)] = value;
            covariance[(j, i)] = value;
        }
    }
    Ok(covariance)
}

/// `E relu(w_j.x) = phi0 |w_j|`.
pub fn relu_means(weights: MatRef<'_, f64>) -> Vec<f64> {
    row_norms(weights).into_iter().map(|length| DENSITY_AT_ZERO * length).collect()
}

/// Label of a ReLU teacher beside the features of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelMoments {
    /// `b_j = Cov(feature_j, y)` (`m`).
    pub cross: Vec<f64>,
    /// `E y`.
    pub mean: f64,
    /// `Var y`.
    pub variance: f64,
}

/// Moments of the label `sum_i amplitudes[i] relu(u_i.x)` for unit `directions` (`k x d`) with the
/// ReLU features of `weights` (`m x d`).
///
/// # Errors
/// As [`relu_cross_covariance`].
pub fn relu_moments(
    weights: MatRef<'_, f64>,
    directions: MatRef<'_, f64>,
    amplitudes: &[f64],
) -> Result<LabelMoments, MechanismError> {
    require_shape("the amplitudes", amplitudes.len(), directions.nrows())?;
    let covariance = relu_cross_covariance(weights, directions)?;
    let own = relu_covariance(directions)?;
    Ok(LabelMoments {
        cross: apply(covariance.as_ref(), amplitudes),
        mean: DENSITY_AT_ZERO * amplitudes.iter().sum::<f64>(),
        variance: dot(amplitudes, &apply(own.as_ref(), amplitudes)),
    })
}

/// [`relu_moments`] of a teacher.
///
/// # Errors
/// As [`relu_cross_covariance`].
pub fn relu_teacher_moments(
    weights: MatRef<'_, f64>,
    teacher: &Teacher,
) -> Result<LabelMoments, MechanismError> {
    let directions =
        Mat::from_fn(teacher.neurons(), teacher.dimension(), |i, k| teacher.direction(i)[k]);
    relu_moments(weights, directions.as_ref(), teacher.amplitudes())
}

/// Moments of the label `y = sum_k coefficients[k] h_k(u.x)`, `u` a unit vector (`d`), with the
/// ReLU features of `weights` (`m x d`): `b_j = sum_{k >= 1} g_k |w_j| s_k (w_j.u/|w_j|)^k`.
///
/// # Errors
/// [`MechanismError::Shape`] for another dimension.
pub fn single_index_moments(
    weights: MatRef<'_, f64>,
    direction: &[f64],
    coefficients: &[f64],
) -> Result<LabelMoments, MechanismError> {
    require_shape("the direction", direction.len(), weights.ncols())?;
    let relu = relu_coefficients(coefficients.len());
    let products = apply(weights, direction);
    let lengths = row_norms(weights);
    let cross = products
        .iter()
        .zip(&lengths)
        .map(|(product, length)| {
            let cosine = if *length > 0.0 { product / length } else { 0.0 };
            let terms = coefficients.iter().zip(&relu).enumerate().skip(1);
            length * terms.map(|(k, (g, s))| g * s * power(cosine, k)).sum::<f64>()
        })
        .collect();
    Ok(LabelMoments {
        cross,
        mean: coefficients.first().copied().unwrap_or(0.0),
        variance: coefficients.iter().skip(1).map(|g| g * g).sum(),
    })
}

/// The Gaussian engine for ridge on the ReLU features of `weights` (`m x d`) with a label's
/// moments.
///
/// # Errors
/// As [`GaussianRidge::new`].
pub fn relu_engine(
    weights: MatRef<'_, f64>,
    label: &LabelMoments,
) -> Result<GaussianRidge, MechanismError> {
    GaussianRidge::new(relu_covariance(weights)?.as_ref(), &label.cross, label.variance)
}

#[cfg(test)]
mod tests;
