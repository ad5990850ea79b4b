//! Spikes and nonlinear features after one large step (11.4).
//!
//! \[MLHD24\] (Moniri, Lee, Hassani, Dobriban 2024): a step of size `t ~ n^alpha` with `n ~ d ~ m`
//! puts `l` spikes into the features for `alpha` in `((l-1)/(2l), l/(2l+2))`, their left singular
//! vectors aligned with powers of the input's projection; `l = 1` learns nothing nonlinear, `l = 2`
//! the quadratic part.

use crate::activation::{RELU, relu_coefficients};
use crate::error::MechanismError;
use crate::linear_algebra::{apply, dot, eigen, norm, require_positive, require_shape, row_norms};
use crate::pair::Outcome;
use crate::ridge::{GaussianRidge, relu_covariance, relu_engine};
use crate::sample::{self, FirstStep, Label, Summary, paired};
use crate::target::power;
use faer::{Mat, MatRef};
use gradiometer_hermite::polynomial::hermite;
use std::ops::Range;

/// **11.4.1 Degree vectors** (identity): `A_k = (E[relu(w_j.x) h_k(v.x)])_j = |w_j| s_k
/// (rho_j/|w_j|)^k`, `rho_j = w_j.v`, for `k = 0..=highest`; any step, no expansion in its size.
/// `weights` is `m x d`, `v` a unit vector.
///
/// The features' covariance is `sum_{k >= 1} A_k A_k^T + E Cov(features | v.x)`, and a function
/// `w.features` has the coefficient `w.A_k` of `h_k(v.x)`, exactly.
///
/// Control: `A_3 = 0`; `s_k rho_j^k` is wrong for rows of other lengths.
///
/// # Errors
/// [`MechanismError::Shape`] for the direction.
///
/// # Examples
/// ```
/// use faer::mat;
/// use gradiometer_mechanisms::moniri2024::degree_vectors;
/// let vectors = degree_vectors(mat![[2.0, 0.0]].as_ref(), &[1.0, 0.0], 3).unwrap();
/// assert_eq!((vectors[1][0], vectors[3][0]), (1.0, 0.0));
/// ```
pub fn degree_vectors(
    weights: MatRef<'_, f64>,
    direction: &[f64],
    highest: usize,
) -> Result<Vec<Vec<f64>>, MechanismError> {
    require_shape("the direction", direction.len(), weights.ncols())?;
    Ok(degree_vectors_from(&apply(weights, direction), &row_norms(weights), highest))
}

/// The same from `rho_j` and `|w_j|` alone: no matrix is needed.
pub fn degree_vectors_from(projections: &[f64], lengths: &[f64], highest: usize) -> Vec<Vec<f64>> {
    let relu = relu_coefficients(highest);
    (0..=highest)
        .map(|k| {
            projections
                .iter()
                .zip(lengths)
                .map(|(rho, length)| {
                    let cosine = if *length > 0.0 { rho / length } else { 0.0 };
                    length * relu[k] * power(cosine, k)
                })
                .collect()
        })
        .collect()
}

/// Law of the second layer's entries `sqrt m a_j`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondLayer {
    /// Random signs.
    Signs,
    /// Standard normal.
    Gaussian,
}

/// **11.4.2 Strength of spike k** (scaling with constant): `|A_k|^2 -> s_k^2 (t theta_1)^{2k}
/// m^{1-k} mu_{2k}`, `mu_{2k} = 1` for signs and `(2k-1)!!` for Gaussian entries, while `t theta_1
/// << sqrt m`.
///
/// `push` is `t theta_1`, `theta_1 = |xbar|/2`. With `t = C m^alpha` the exponent is `2 k alpha -
/// (k-1)`, positive iff `alpha > (k-1)/(2k)`. ReLU has no third, fifth, ... spike.
///
/// Control: `k = 3`.
pub fn spike_strength(degree: usize, push: f64, width: usize, second_layer: SecondLayer) -> f64 {
    let s = relu_coefficients(degree)[degree];
    let moment = match second_layer {
        SecondLayer::Signs => 1.0,
        SecondLayer::Gaussian => (1..=degree).map(|j| (2 * j) as f64 - 1.0).product(),
    };
    let m = width as f64;
    s * s * power(push * push / m, degree) * m * moment
}

/// A predicted outlier of the sample covariance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlier {
    /// The population eigenvalue `al` it comes from.
    pub eigenvalue: f64,
    /// `psi(al) = al (1 + (1/n) sum_{b != al} b/(al - b))`, the squared singular value of the
    /// features over `sqrt n`.
    pub position: f64,
    /// `psi'(al) = 1 - (1/n) sum_{b != al} b^2/(al - b)^2`.
    pub slope: f64,
}

impl Outlier {
    /// Squared cosine of the outlier's left singular vector with the normalised centred
    /// `(h_k(v.x_i))_i`: `psi'(al) (P.A_k)^2/al`, for the unit eigenvector `P` and the degree
    /// vector `A_k`.
    pub fn alignment(&self, eigenvector: &[f64], degree_vector: &[f64]) -> f64 {
        self.slope * self.degree_share(eigenvector, degree_vector)
    }

    /// `(P.A_k)^2/al`: the outlier is of degree `k` if this is at least 1/2.
    pub fn degree_share(&self, eigenvector: &[f64], degree_vector: &[f64]) -> f64 {
        let product = dot(eigenvector, degree_vector);
        product * product / self.eigenvalue
    }
}

/// **11.4.3 Outliers and left singular vectors** (asymptotic) of `n` centred samples of features
/// whose covariance has the given `eigenvalues`, in falling order.
///
/// The leading eigenvalues with `psi' > 0`, up to the first without: those above the bulk.
/// Finite-size error 3 % where `psi' > 0.1`. Control: without a step, and at a small one none is of
/// degree 2.
///
/// # Errors
/// [`MechanismError::TooSmall`] for `n = 0`, [`MechanismError::NotPositive`] for the first
/// eigenvalue.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::moniri2024::outliers;
/// let spikes = outliers(&[9.0, 1.0, 1.0], 10).unwrap();
/// assert_eq!(spikes.len(), 1);
/// assert!((spikes[0].position - 9.0 * (1.0 + 0.2 / 8.0)).abs() < 32.0 * f64::EPSILON);
/// ```
pub fn outliers(eigenvalues: &[f64], samples: usize) -> Result<Vec<Outlier>, MechanismError> {
    if samples == 0 {
        return Err(MechanismError::TooSmall { what: "the samples", found: 0, least: 1 });
    }
    require_positive("the first eigenvalue", eigenvalues.first().copied().unwrap_or(0.0))?;
    let n = samples as f64;
    let mut found = Vec::new();
    for (i, &eigenvalue) in eigenvalues.iter().enumerate() {
        let others =
            || eigenvalues.iter().enumerate().filter(move |(j, _)| *j != i).map(|(_, b)| b);
        let slope = 1.0 - others().map(|b| (b / (eigenvalue - b)).powi(2)).sum::<f64>() / n;
        if !(slope > 0.0) {
            break;
        }
        let shift = others().map(|b| b / (eigenvalue - b)).sum::<f64>() / n;
        found.push(Outlier { eigenvalue, position: eigenvalue * (1.0 + shift), slope });
    }
    Ok(found)
}

/// **11.4.4 What is learnt**: the share of the label's coefficient of `h_k(v.x)` that the mean
/// ridge predictor has, `wbar.A_k/(g_k (u.v)^k)`; the coefficient of a fitted predictor in place of
/// `wbar` measures it.
///
/// `label_coefficient` is `g_k`, `cosine` is `u.v`.
pub fn learnt_share(
    weights: &[f64],
    degree_vector: &[f64],
    degree: usize,
    label_coefficient: f64,
    cosine: f64,
) -> f64 {
    dot(weights, degree_vector) / (label_coefficient * power(cosine, degree))
}

/// Leading singular values and left vectors of a stepped network's features (11.4.3), for spikes `k
/// = 1, 2`.
#[derive(Clone, Debug, PartialEq)]
pub struct SpikeOutcome {
    /// Predicted outliers of each seed.
    pub outliers: Vec<usize>,
    /// Means of `|A_1|^2`, `|A_2|^2`.
    pub strengths: [f64; 2],
    /// Squared `k`-th singular value over the predicted position, beside 1; over seeds in which it
    /// is an outlier.
    pub position: [Outcome; 2],
    /// Squared cosine of the `k`-th left vector with `h_k(v.x)`, beside the prediction (0 where
    /// there is no outlier).
    pub alignment: [Outcome; 2],
}

/// **11.4.3 measured** on `samples` fresh inputs; `v = xbar/|xbar|` of the step's samples.
///
/// # Errors
/// As [`outliers`] and [`FirstStep::take`].
pub fn measure_spikes(
    label: &Label,
    step: FirstStep,
    samples: usize,
    seeds: Range<u64>,
) -> Result<SpikeOutcome, MechanismError> {
    let mut counts = Vec::new();
    let mut strengths: [Vec<f64>; 2] = Default::default();
    let mut ratios: [Vec<f64>; 2] = Default::default();
    let mut cosines: [Vec<f64>; 2] = Default::default();
    let mut predictions: [Vec<f64>; 2] = Default::default();
    for seed in seeds {
        let mut rng = sample::stream(seed);
        let stepped = step.take(label, &mut rng)?;
        let weights = stepped.weights.as_ref();
        let length = norm(&stepped.moment);
        let v: Vec<f64> = stepped.moment.iter().map(|x| x / length).collect();
        let vectors = degree_vectors(weights, &v, 2)?;
        let covariance = relu_covariance(weights)?;
        let population = GaussianRidge::new(covariance.as_ref(), &vectors[1], 1.0)?;
        let spikes = outliers(population.eigenvalues(), samples)?;
        let inputs = sample::normals(&mut rng, samples, step.dimension);
        let (values, left) = leading_left(&inputs, weights)?;
        let along = apply(inputs.as_ref(), &v);
        counts.push(spikes.len());
        for k in 0..2 {
            let degree = &vectors[k + 1];
            strengths[k].push(dot(degree, degree));
            let powers: Vec<f64> = along.iter().map(|x| hermite(k + 1, *x)).collect();
            let mean = powers.iter().sum::<f64>() / samples as f64;
            let centred: Vec<f64> = powers.iter().map(|h| h - mean).collect();
            let product = dot(&left[k], &centred);
            cosines[k].push(product * product / dot(&centred, &centred));
            let predicted = spikes.get(k).map(|spike| {
                ratios[k].push(values[k] / spike.position);
                let column = population.eigenvectors().col(k);
                let eigenvector: Vec<f64> = column.iter().copied().collect();
                spike.alignment(&eigenvector, degree)
            });
            predictions[k].push(predicted.unwrap_or(0.0));
        }
    }
    let mean = |values: &Vec<f64>| Summary::of(values).mean;
    Ok(SpikeOutcome {
        outliers: counts,
        strengths: [mean(&strengths[0]), mean(&strengths[1])],
        position: [Summary::of(&ratios[0]).beside(1.0), Summary::of(&ratios[1]).beside(1.0)],
        alignment: [paired(&cosines[0], &predictions[0]), paired(&cosines[1], &predictions[1])],
    })
}

/// Squared singular values of the centred features over `sqrt n`, falling, and the first two left
/// vectors (`n`).
fn leading_left(
    inputs: &Mat<f64>,
    weights: MatRef<'_, f64>,
) -> Result<(Vec<f64>, [Vec<f64>; 2]), MechanismError> {
    let (n, m) = (inputs.nrows(), weights.nrows());
    let features = sample::features(inputs.as_ref(), weights, RELU);
    let means: Vec<f64> =
        (0..m).map(|j| (0..n).map(|i| features[(i, j)]).sum::<f64>() / n as f64).collect();
    let scale = 1.0 / (n as f64).sqrt();
    let centred = Mat::from_fn(n, m, |i, j| scale * (features[(i, j)] - means[j]));
    let gram = centred.transpose() * &centred;
    let (values, vectors) = eigen(gram.as_ref(), "the sample covariance")?;
    let left = [0, 1].map(|k| {
        let right: Vec<f64> = (0..m).map(|j| vectors[(j, k)]).collect();
        let image = apply(centred.as_ref(), &right);
        let length = norm(&image);
        image.into_iter().map(|x| x / length).collect()
    });
    Ok((values, left))
}

/// What ridge has learnt of each degree (11.4.4).
#[derive(Clone, Debug, PartialEq)]
pub struct LearntOutcome {
    /// Mean of `|A_2|^2`.
    pub second_strength: f64,
    /// Exact test error beside the Gaussian engine.
    pub test: Outcome,
    /// Shares of degrees 1 and 2 of the label along `v`; the second is NaN where the label has no
    /// degree 2.
    pub shares: [Outcome; 2],
}

/// **11.4.4 measured** for `y = sum_k coefficients[k] h_k(x_1)`, `v` the first coordinate's
/// direction as the step sees it, `xbar/|xbar|`.
///
/// # Errors
/// As [`learnt_share`], [`FirstStep::take`] and [`sample::simulated_fits`].
pub fn measure_learnt(
    coefficients: &[f64],
    step: FirstStep,
    samples: usize,
    penalty: f64,
    draws: usize,
    seeds: Range<u64>,
) -> Result<LearntOutcome, MechanismError> {
    let label = Label::SingleIndex(coefficients.to_vec());
    let coefficient = |k: usize| coefficients.get(k).copied().unwrap_or(0.0);
    let mut found: [Vec<f64>; 3] = Default::default();
    let mut expected: [Vec<f64>; 3] = Default::default();
    let mut strength = Vec::new();
    for seed in seeds {
        let mut rng = sample::stream(seed);
        let stepped = step.take(&label, &mut rng)?;
        let weights = stepped.weights.as_ref();
        let length = norm(&stepped.moment);
        let v: Vec<f64> = stepped.moment.iter().map(|x| x / length).collect();
        let vectors = degree_vectors(weights, &v, 2)?;
        strength.push(dot(&vectors[2], &vectors[2]));
        let moments = label.moments(weights)?;
        let covariance = relu_covariance(weights)?;
        let means = crate::ridge::relu_means(weights);
        let risk = relu_engine(weights, &moments)?.risk(samples, penalty)?;
        let share = |w: &[f64], k: usize| learnt_share(w, &vectors[k], k, coefficient(k), v[0]);
        expected[0].push(risk.test);
        expected[1].push(share(&risk.weights, 1));
        expected[2].push(share(&risk.weights, 2));
        let mut sums = [0.0; 3];
        let fits = sample::simulated_fits(weights, &label, samples, &[penalty], draws, &mut rng)?;
        for fit in fits.iter().flatten() {
            sums[0] += sample::exact_test_error(fit, covariance.as_ref(), &means, &moments)?;
            sums[1] += share(&fit.weights, 1);
            sums[2] += share(&fit.weights, 2);
        }
        for (list, sum) in found.iter_mut().zip(sums) {
            list.push(sum / draws as f64);
        }
    }
    Ok(LearntOutcome {
        second_strength: Summary::of(&strength).mean,
        test: paired(&found[0], &expected[0]),
        shares: [paired(&found[1], &expected[1]), paired(&found[2], &expected[2])],
    })
}

#[cfg(test)]
mod tests;
