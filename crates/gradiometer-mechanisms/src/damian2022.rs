//! One preprocessed step and ridge: the limit law at `n = c d^2` (11.1.3), degree-p targets
//! (11.1.5) and transfer (11.1.6). The step's energies are in [`crate::step`], the kernel floor in
//! [`crate::floor`].
//!
//! \[DLS22\] (Damian, Lee, Soltanolkotabi 2022): `n` of order `d^2 r + d r^p` suffices for a
//! degree-p polynomial of `r` directions whose `C_2` has rank `r`, while kernels need `d^p`. The
//! constants are derived here.

use crate::activation::{BiasedActivation, RELU};
use crate::error::MechanismError;
use crate::floor::{self, HarmonicProfile, quadratic_form, sphere_gram};
use crate::linear_algebra::{
    apply, dot, form, norm, require_finite, require_positive, require_shape, row, solve_vector,
};
use crate::normal::{DENSITY_AT_ZERO, density};
use crate::pair::Outcome;
use crate::ridge::{GaussianRidge, LabelMoments, Risk};
use crate::sample::{self, Summary};
use crate::step::{Energies, LabelDegrees, SampledStep, StepCalculator, relu_step};
use crate::target::{PolynomialTarget, factorial, monomial, multi_factorial, power};
use faer::{Mat, MatRef};
use std::cmp::Ordering;
use std::ops::Range;

/// Powers of cosines beyond which a series of a biased kernel is dropped.
const SERIES_REST: f64 = 1e-16;

/// Most terms of such a series.
const SERIES_TERMS: usize = 4000;

/// Neurons after one preprocessed step in the limit `d -> infinity`, `n = c d^2`, with their kernel
/// and labels.
#[derive(Clone, Debug)]
pub struct LimitLaw {
    neurons: Mat<f64>,
    gram: Mat<f64>,
    cross: Vec<f64>,
    label_energy: f64,
}

/// `q_j = s_j/sqrt(|s_j|^2 + E y^2/(4c))`, `s_j = phi0 C_2 p_j`, for the rows `p_j` of `normals`
/// (`m x r`).
fn span_parts(
    hessian: MatRef<'_, f64>,
    normals: MatRef<'_, f64>,
    label_energy: f64,
    samples_over_d2: f64,
) -> Result<Mat<f64>, MechanismError> {
    require_shape("a row of normals", normals.ncols(), hessian.nrows())?;
    require_positive("n/d^2", samples_over_d2)?;
    require_positive("the label's energy", label_energy)?;
    require_finite("a normal", normals)?;
    let noise = label_energy / (4.0 * samples_over_d2);
    let mut neurons = Mat::zeros(normals.nrows(), normals.ncols());
    for j in 0..normals.nrows() {
        let signal: Vec<f64> =
            apply(hessian, &row(normals, j)).into_iter().map(|x| DENSITY_AT_ZERO * x).collect();
        let length = (dot(&signal, &signal) + noise).sqrt();
        for (i, x) in signal.into_iter().enumerate() {
            neurons[(j, i)] = x / length;
        }
    }
    Ok(neurons)
}

/// Unit rows, or the index of one that is not.
fn require_unit(what: &'static str, rows: MatRef<'_, f64>) -> Result<(), MechanismError> {
    require_finite(what, rows)?;
    match (0..rows.nrows()).find(|&i| !((norm(&row(rows, i)) - 1.0).abs() < 1e-6)) {
        Some(index) => Err(MechanismError::NoDirection { what, index }),
        None => Ok(()),
    }
}

impl LimitLaw {
    /// **11.1.3 Loss after step and ridge at `n = c d^2`** (asymptotic: `d` to infinity, `m` and
    /// `c` fixed) for a ReLU teacher, least-squares labels, neurons renormalised, ridge on degrees
    /// two and above.
    ///
    /// `directions` (`k x r`, unit rows) and `amplitudes` (`k`) are the teacher in coordinates of
    /// its span, `normals` (`m x r`) are draws of `N(0, I_r)`. With `C_2 = phi0 sum_i alpha_i u_i
    /// u_i^T`: neurons `q_j`, Gram `K_jl = k(q_j.q_l)`, `K_jj = k(1)`, `b_j = sum_i alpha_i
    /// k(q_j.u_i)`. No dimension enters. Finite-size band 6 % from `d = 40`.
    ///
    /// Control: without the step the loss tends to 1; a teacher with `C_2 = 0` learns nothing.
    ///
    /// # Errors
    /// [`MechanismError::Shape`], [`MechanismError::NotPositive`] for `c`,
    /// [`MechanismError::NotFinite`], [`MechanismError::NoDirection`] for a direction that is no
    /// unit vector.
    pub fn relu(
        directions: MatRef<'_, f64>,
        amplitudes: &[f64],
        normals: MatRef<'_, f64>,
        samples_over_d2: f64,
    ) -> Result<Self, MechanismError> {
        let (hessian, label_energy) = relu_second_degree(directions, amplitudes)?;
        let neurons = span_parts(hessian.as_ref(), normals, label_energy, samples_over_d2)?;
        let mut gram = sphere_gram(neurons.as_ref(), neurons.as_ref());
        let unit = BiasedActivation::Relu { bias: 0.0 };
        for j in 0..gram.nrows() {
            // k(1) = 1/4 - 1/(2 pi), the noise outside the span included.
            gram[(j, j)] = 0.25 - unit.coefficient(0).powi(2);
        }
        let cross = relu_cross(neurons.as_ref(), directions, amplitudes);
        Ok(Self { neurons, gram, cross, label_energy })
    }

    /// **11.1.5 Degree-p targets** (asymptotic): ReLU with biases `b_j` drawn after the step, unit
    /// neurons, affine part fitted without penalty.
    ///
    /// As 11.1.3 with `K_jl = sum_{k >= 2} s_k(b_j) s_k(b_l) (q_j.q_l)^k`, `s_k(b) = phi(b)
    /// h_{k-2}(-b)/sqrt(k (k-1))`, `K_jj = (b^2+1) Phi(b) + b phi(b) - s_0^2 - s_1^2`, and `y_j =
    /// sum_{|alpha| >= 2} c_alpha s_k(b_j) sqrt(k!/alpha!) q_j^alpha` in place of `b`. Finite-size
    /// error `10/d`.
    ///
    /// Control: a target without degree 2 (`C_2 = 0`) has no `q` and learns nothing.
    ///
    /// # Errors
    /// As [`LimitLaw::relu`].
    pub fn biased(
        target: &PolynomialTarget,
        biases: &[f64],
        normals: MatRef<'_, f64>,
        samples_over_d2: f64,
    ) -> Result<Self, MechanismError> {
        require_shape("the biases", biases.len(), normals.nrows())?;
        let label_energy: f64 = (2..=target.degree()).map(|k| target.energy(k)).sum();
        let hessian = target.hessian();
        let neurons = span_parts(hessian.as_ref(), normals, label_energy, samples_over_d2)?;
        let gram = biased_gram(neurons.as_ref(), biases);
        let cross = biased_cross(neurons.as_ref(), biases, target);
        Ok(Self { neurons, gram, cross, label_energy })
    }

    /// **11.1.6 Transfer** (asymptotic): the same neurons, the labels of another ReLU teacher in
    /// the same span.
    ///
    /// Finite-size error from `-7/d` to 6 %. Control: random features, whose error grows with `d`.
    ///
    /// # Errors
    /// As [`LimitLaw::relu`].
    pub fn transferred(
        &self,
        directions: MatRef<'_, f64>,
        amplitudes: &[f64],
    ) -> Result<Self, MechanismError> {
        let (_, label_energy) = relu_second_degree(directions, amplitudes)?;
        require_shape("a direction", directions.ncols(), self.neurons.ncols())?;
        Ok(Self {
            neurons: self.neurons.clone(),
            gram: self.gram.clone(),
            cross: relu_cross(self.neurons.as_ref(), directions, amplitudes),
            label_energy,
        })
    }

    /// `q_j`, the part of each unit neuron in the span (`m x r`).
    pub fn neurons(&self) -> MatRef<'_, f64> {
        self.neurons.as_ref()
    }

    /// `K` (`m x m`).
    pub fn gram(&self) -> MatRef<'_, f64> {
        self.gram.as_ref()
    }

    /// `b` (`m`).
    pub fn cross(&self) -> &[f64] {
        &self.cross
    }

    /// `E y~^2`.
    pub const fn label_energy(&self) -> f64 {
        self.label_energy
    }

    /// `1 - (2 a.b - a.K a)/E y~^2` with `a = (K + lambda)^{-1} b`: the population loss after ridge
    /// without samples.
    ///
    /// # Errors
    /// [`MechanismError::NotPositive`] for `lambda`, [`MechanismError::Factorisation`].
    pub fn loss_share(&self, penalty: f64) -> Result<f64, MechanismError> {
        require_positive("the penalty", penalty)?;
        let m = self.gram.nrows();
        let shifted =
            Mat::from_fn(m, m, |i, j| self.gram[(i, j)] + if i == j { penalty } else { 0.0 });
        let a = solve_vector(shifted.as_ref(), &self.cross, "the kernel of the neurons")?;
        let gained = 2.0 * dot(&a, &self.cross) - quadratic_form(self.gram.as_ref(), &a);
        Ok(1.0 - gained / self.label_energy)
    }

    /// The Gaussian engine's prediction for ridge on `samples` fresh inputs (11.2.4); divide its
    /// errors by
    /// [`LimitLaw::label_energy`] for shares.
    ///
    /// # Errors
    /// As [`GaussianRidge::risk`].
    pub fn risk(&self, samples: usize, penalty: f64) -> Result<Risk, MechanismError> {
        GaussianRidge::new(self.gram.as_ref(), &self.cross, self.label_energy)?
            .risk(samples, penalty)
    }
}

/// `C_2 = phi0 sum_i alpha_i u_i u_i^T` (`r x r`) and `E y~^2 = sum_il alpha_i alpha_l k(u_i.u_l)`.
///
/// # Errors
/// [`MechanismError::Shape`] and [`MechanismError::NoDirection`].
pub fn relu_second_degree(
    directions: MatRef<'_, f64>,
    amplitudes: &[f64],
) -> Result<(Mat<f64>, f64), MechanismError> {
    require_shape("the amplitudes", amplitudes.len(), directions.nrows())?;
    require_unit("direction", directions)?;
    let r = directions.ncols();
    let hessian = Mat::from_fn(r, r, |i, j| {
        let terms = amplitudes.iter().enumerate();
        DENSITY_AT_ZERO
            * terms.map(|(k, a)| a * directions[(k, i)] * directions[(k, j)]).sum::<f64>()
    });
    let kernel = sphere_gram(directions, directions);
    Ok((hessian, quadratic_form(kernel.as_ref(), amplitudes)))
}

/// `K_jl = sum_{k >= 2} s_k(b_j) s_k(b_l) (q_j.q_l)^k` off the diagonal, unit neurons on it.
fn biased_gram(neurons: MatRef<'_, f64>, biases: &[f64]) -> Mat<f64> {
    let m = neurons.nrows();
    let products = neurons * neurons.transpose();
    let mut longest = 0.0;
    for j in 0..m {
        for i in 0..j {
            longest = gradiometer_hermite::float::maximum(longest, products[(i, j)].abs());
        }
    }
    let mut gram = Mat::<f64>::zeros(m, m);
    let mut powers = products.clone();
    let mut bound = longest;
    // h_{k-2}(-b) and h_{k-3}(-b) of every neuron.
    let (mut now, mut before) = (vec![1.0; m], vec![0.0; m]);
    for k in 2..SERIES_TERMS {
        bound *= longest;
        if !(bound > SERIES_REST) {
            break;
        }
        let n = (k - 2) as f64;
        let scale = 1.0 / ((k * (k - 1)) as f64).sqrt();
        let s: Vec<f64> = biases.iter().zip(&now).map(|(b, h)| scale * density(*b) * h).collect();
        for j in 0..m {
            for i in 0..m {
                powers[(i, j)] *= products[(i, j)];
                gram[(i, j)] += s[i] * s[j] * powers[(i, j)];
            }
        }
        for ((b, h), last) in biases.iter().zip(&mut now).zip(&mut before) {
            let next = (-b * *h - n.sqrt() * *last) / (n + 1.0).sqrt();
            (*last, *h) = (*h, next);
        }
    }
    let activations = biased_activations(biases);
    for (j, a) in activations.iter().enumerate() {
        gram[(j, j)] = a.second_moment() - a.coefficient(0).powi(2) - a.coefficient(1).powi(2);
    }
    gram
}

fn biased_activations(biases: &[f64]) -> Vec<BiasedActivation> {
    biases.iter().map(|&bias| BiasedActivation::Relu { bias }).collect()
}

/// `y_j = sum_{|alpha| >= 2} c_alpha s_k(b_j) sqrt(k!/alpha!) q_j^alpha`; the span is the first
/// coordinates of a row.
fn biased_cross(neurons: MatRef<'_, f64>, biases: &[f64], target: &PolynomialTarget) -> Vec<f64> {
    let activations = biased_activations(biases);
    (0..neurons.nrows())
        .map(|j| {
            let q = row(neurons, j);
            let terms = target.terms().iter().filter(|term| term.degree() >= 2);
            terms
                .map(|term| {
                    let k = term.degree();
                    let scale = (factorial(k) / multi_factorial(&term.degrees)).sqrt();
                    let own = activations[j].coefficient(k);
                    term.coefficient * own * scale * monomial(&q, &term.degrees)
                })
                .sum()
        })
        .collect()
}

fn relu_cross(
    neurons: MatRef<'_, f64>,
    directions: MatRef<'_, f64>,
    amplitudes: &[f64],
) -> Vec<f64> {
    apply(sphere_gram(neurons, directions).as_ref(), amplitudes)
}

/// Exact population loss of ridge on degrees two and above of unit ReLU neurons (`m x d`) for a
/// ReLU teacher with unit `directions` (`k x d`), as a share of `E y~^2`: what 11.1.3 is measured
/// by.
///
/// # Errors
/// As [`LimitLaw::loss_share`].
pub fn network_loss_share(
    neurons: MatRef<'_, f64>,
    directions: MatRef<'_, f64>,
    amplitudes: &[f64],
    penalty: f64,
) -> Result<f64, MechanismError> {
    let (_, label_energy) = relu_second_degree(directions, amplitudes)?;
    require_unit("neuron", neurons)?;
    let law = LimitLaw {
        neurons: neurons.to_owned(),
        gram: sphere_gram(neurons, neurons),
        cross: relu_cross(neurons, directions, amplitudes),
        label_energy,
    };
    law.loss_share(penalty)
}

/// How labels lose their constant and linear parts before the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelFit {
    /// They are known exactly.
    Exact,
    /// They are plain means of `y` and `y x`.
    Averages,
    /// They are fitted by least squares on `(1, x)`.
    LeastSquares,
}

/// **11.1.2, 11.3.3 measured**: energies of the sampled step of `width` neurons, inside and outside
/// the span, means over seeds beside the prediction. For averages the energy inside is not
/// predicted (NaN).
///
/// `target` is a homogeneous part plus any constant and linear part; `sampled` describes the
/// homogeneous part.
///
/// # Errors
/// As [`SampledStep::least_squares`] and [`sample::least_squares_residuals`].
pub fn measure_energies(
    target: &PolynomialTarget,
    sampled: &SampledStep,
    activation: BiasedActivation,
    fit: LabelFit,
    width: usize,
    seeds: Range<u64>,
) -> Result<[Outcome; 2], MechanismError> {
    let (n, d, rank) = (sampled.samples, sampled.dimension, target.rank());
    let linear = target.linear();
    let affine = target.constant().powi(2) + dot(&linear, &linear);
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for seed in seeds {
        let mut rng = sample::stream(seed);
        let inputs = sample::normals(&mut rng, n, d);
        let raw = sample::labels(target, inputs.as_ref());
        let labels = match fit {
            LabelFit::Exact => raw
                .iter()
                .enumerate()
                .map(|(i, y)| {
                    let known: f64 = (0..rank).map(|k| linear[k] * inputs[(i, k)]).sum();
                    y - target.constant() - known
                })
                .collect(),
            LabelFit::Averages => sample::averages_residuals(inputs.as_ref(), &raw)?,
            LabelFit::LeastSquares => sample::least_squares_residuals(inputs.as_ref(), &raw)?,
        };
        let weights = sample::unit_rows(&mut rng, width, d);
        let steps = sample::sampled_steps(inputs.as_ref(), &labels, weights.as_ref(), activation)?;
        let within = steps.as_ref().subcols(0, rank).squared_norm_l2() / width as f64;
        inside.push(within);
        outside.push(steps.squared_norm_l2() / width as f64 - within);
    }
    let predicted = match fit {
        LabelFit::Exact => sampled.exact_labels(None),
        LabelFit::Averages => {
            Energies { inside: f64::NAN, outside: sampled.averages_outside(affine) }
        }
        LabelFit::LeastSquares => sampled.least_squares()?,
    };
    Ok([
        Summary::of(&inside).beside(predicted.inside),
        Summary::of(&outside).beside(predicted.outside),
    ])
}

/// **11.1.1 measured**: energies of the population step, means over random unit neurons beside the
/// prediction.
///
/// # Errors
/// As [`StepCalculator::steps`].
pub fn measure_population_energies(
    target: &PolynomialTarget,
    activation: BiasedActivation,
    predicted: Energies,
    dimension: usize,
    neurons: usize,
    seed: u64,
) -> Result<[Outcome; 2], MechanismError> {
    let weights = sample::unit_rows(&mut sample::stream(seed), neurons, dimension);
    let steps = StepCalculator::new(target, activation).steps(weights.as_ref())?;
    let part = |range: Range<usize>| -> Vec<f64> {
        (0..neurons).map(|j| range.clone().map(|k| steps[(j, k)].powi(2)).sum()).collect()
    };
    let rank = target.rank();
    Ok([
        Summary::of(&part(0..rank)).beside(predicted.inside),
        Summary::of(&part(rank..dimension)).beside(predicted.outside),
    ])
}

/// Sizes of the experiment behind 11.1.3 and 11.1.6: a teacher `sum_i amplitudes[i] relu(x_i)`, one
/// step on `c d^2` samples from least-squares labels, neurons renormalised, ridge on degrees two
/// and above.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitLawExperiment {
    /// Amplitudes of the teacher's orthonormal neurons.
    pub amplitudes: Vec<f64>,
    /// Those of the teacher that ridge is fitted to; the same unless the step is transferred
    /// (11.1.6).
    pub second_amplitudes: Vec<f64>,
    /// `d`.
    pub dimension: usize,
    /// `c = n/d^2` of the step.
    pub samples_over_d2: f64,
    /// `n_2`, fresh samples of the ridge.
    pub ridge_samples: usize,
    /// `m`.
    pub width: usize,
    /// `lambda`.
    pub penalty: f64,
}

/// Loss shares of the experiment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitLawOutcome {
    /// Ridge without sampling noise.
    pub population: Outcome,
    /// Ridge on fresh samples.
    pub sampled: Outcome,
    /// Population ridge on the random neurons before the step: the control.
    pub without_step: Summary,
    /// Sampled ridge on the random neurons before the step.
    pub sampled_without_step: Summary,
}

impl LimitLawExperiment {
    /// `n = c d^2`.
    pub fn step_samples(&self) -> usize {
        let n = (self.samples_over_d2 * power(self.dimension as f64, 2)).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
        let n = n as usize;
        n
    }

    /// The prediction for one draw of the `normals` (`m x r`).
    ///
    /// # Errors
    /// As [`LimitLaw::relu`].
    pub fn law(&self, normals: MatRef<'_, f64>) -> Result<LimitLaw, MechanismError> {
        let axes = sample::axes(self.amplitudes.len(), self.amplitudes.len())?;
        LimitLaw::relu(axes.as_ref(), &self.amplitudes, normals, self.samples_over_d2)?
            .transferred(axes.as_ref(), &self.second_amplitudes)
    }

    /// Runs it on each seed; the predictions are means over as many draws of the limit.
    ///
    /// # Errors
    /// As [`LimitLaw::relu`] and [`sample::ridge`].
    pub fn measure(&self, seeds: Range<u64>) -> Result<LimitLawOutcome, MechanismError> {
        let (d, m) = (self.dimension, self.width);
        let axes = sample::axes(self.amplitudes.len(), d)?;
        let mut shares: [Vec<f64>; 6] = Default::default();
        for seed in seeds {
            let mut rng = sample::stream(seed);
            let law = self.law(sample::normals(&mut rng, m, self.amplitudes.len()).as_ref())?;
            let risk = law.risk(self.ridge_samples, self.penalty)?;
            shares[0].push(law.loss_share(self.penalty)?);
            shares[1].push(risk.test / law.label_energy());
            let start = sample::unit_rows(&mut rng, m, d);
            let inputs = sample::normals(&mut rng, self.step_samples(), d);
            let raw = sample::relu_labels(axes.as_ref(), &self.amplitudes, inputs.as_ref())?;
            let labels = sample::least_squares_residuals(inputs.as_ref(), &raw)?;
            let steps = sample::sampled_steps(inputs.as_ref(), &labels, start.as_ref(), RELU)?;
            let neurons = sample::normalised(steps);
            let fresh = sample::normals(&mut rng, self.ridge_samples, d);
            for (place, network) in [(2, &neurons), (4, &start)] {
                let second = &self.second_amplitudes;
                shares[place].push(network_loss_share(
                    network.as_ref(),
                    axes.as_ref(),
                    second,
                    self.penalty,
                )?);
                let share = self.sampled_share(network.as_ref(), axes.as_ref(), fresh.as_ref())?;
                shares[place + 1].push(share);
            }
        }
        let [law, risk, population, sampled, without, sampled_without] =
            shares.map(|values| Summary::of(&values));
        let beside = |measured: Summary, limit: Summary| Outcome {
            predicted: limit.mean,
            measured: measured.mean,
            error: measured.standard_error.hypot(limit.standard_error),
        };
        Ok(LimitLawOutcome {
            population: beside(population, law),
            sampled: beside(sampled, risk),
            without_step: without,
            sampled_without_step: sampled_without,
        })
    }

    /// Exact loss share of ridge on fresh inputs, features and labels of degrees two and above.
    fn sampled_share(
        &self,
        neurons: MatRef<'_, f64>,
        axes: MatRef<'_, f64>,
        inputs: MatRef<'_, f64>,
    ) -> Result<f64, MechanismError> {
        let second = &self.second_amplitudes;
        let even = |weights: MatRef<'_, f64>| {
            let mut values = inputs * weights.transpose();
            for j in 0..values.ncols() {
                for i in 0..values.nrows() {
                    values[(i, j)] = 0.5 * values[(i, j)].abs() - DENSITY_AT_ZERO;
                }
            }
            values
        };
        let labels = apply(even(axes).as_ref(), second);
        let fit = &sample::ridge(even(neurons).as_ref(), &labels, &[self.penalty])?[0];
        let (_, variance) = relu_second_degree(axes, second)?;
        let moments =
            LabelMoments { cross: relu_cross(neurons, axes, second), mean: 0.0, variance };
        let gram = sphere_gram(neurons, neurons);
        let means = vec![0.0; neurons.nrows()];
        Ok(sample::exact_test_error(fit, gram.as_ref(), &means, &moments)? / variance)
    }
}

/// **11.1.4 measured**: mean over seeds of the least loss share on `functions` random neurons, or
/// on as many neurons after the population step (the control), beside the floor's share, for the
/// teacher `sum_i amplitudes[i] relu(x_i)`.
///
/// # Errors
/// As [`HarmonicProfile::relu`] and [`LimitLaw::loss_share`].
pub fn measure_floor(
    amplitudes: &[f64],
    dimension: usize,
    functions: usize,
    after_the_step: bool,
    seeds: Range<u64>,
) -> Result<Outcome, MechanismError> {
    /// Penalty against rounding; it can only raise the loss.
    const ROUNDING_PENALTY: f64 = 1e-13;
    /// Harmonic degrees counted; what is above counts as not learnt.
    const HIGHEST: usize = 40;
    let axes = sample::axes(amplitudes.len(), dimension)?;
    let profile = HarmonicProfile::relu(dimension, axes.as_ref(), amplitudes, HIGHEST)?;
    let shares: Result<Vec<f64>, MechanismError> = seeds
        .map(|seed| {
            let mut neurons = sample::unit_rows(&mut sample::stream(seed), functions, dimension);
            if after_the_step {
                let mut steps = Mat::zeros(functions, dimension);
                for j in 0..functions {
                    let w = row(neurons.as_ref(), j);
                    let step = relu_step(axes.as_ref(), amplitudes, LabelDegrees::FromTwo, &w)?;
                    for (k, x) in step.into_iter().enumerate() {
                        steps[(j, k)] = x;
                    }
                }
                neurons = sample::normalised(steps);
            }
            network_loss_share(neurons.as_ref(), axes.as_ref(), amplitudes, ROUNDING_PENALTY)
        })
        .collect();
    Ok(Summary::of(&shares?).beside(profile.floor(functions as f64) / profile.total()))
}

/// **11.1.4 attained**: best fit of a harmonic of degree `k` by `functions` random zonal features
/// of that degree, share left beside `1 - D/N(d, k)`.
///
/// # Errors
/// [`MechanismError::Factorisation`].
pub fn measure_attained_floor(
    degree: usize,
    dimension: usize,
    functions: usize,
    seeds: Range<u64>,
) -> Result<Outcome, MechanismError> {
    let zonal = |t: f64| floor::gegenbauer(dimension, degree, t)[degree];
    let shares: Result<Vec<f64>, MechanismError> = seeds
        .map(|seed| {
            let neurons = sample::unit_rows(&mut sample::stream(seed), functions, dimension);
            let products = &neurons * neurons.transpose();
            let gram = Mat::from_fn(functions, functions, |i, j| zonal(products[(i, j)]));
            let cross: Vec<f64> = (0..functions).map(|j| zonal(neurons[(j, 0)])).collect();
            floor::best_fit_share(gram.as_ref(), &cross, 1.0)
        })
        .collect();
    let predicted = 1.0 - functions as f64 / floor::harmonics(dimension, degree);
    Ok(Summary::of(&shares?).beside(predicted))
}

/// **11.1.5 measured**: test error (exact) of one step on `c d^2` samples and ridge on as many,
/// ReLU with standard normal biases drawn after the step, affine part fitted without penalty;
/// beside the limit law.
#[derive(Clone, Debug, PartialEq)]
pub struct DegreeExperiment {
    /// The target; no constant or linear part.
    pub target: PolynomialTarget,
    /// `d`.
    pub dimension: usize,
    /// `c`.
    pub samples_over_d2: f64,
    /// `m`.
    pub width: usize,
    /// `lambda`.
    pub penalty: f64,
}

impl DegreeExperiment {
    /// One step beside the limit, and random features of the same sizes.
    ///
    /// # Errors
    /// As [`LimitLaw::biased`] and [`sample::ridge`].
    pub fn measure(&self, seeds: Range<u64>) -> Result<(Outcome, Summary), MechanismError> {
        let (d, m) = (self.dimension, self.width);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
        let n = (self.samples_over_d2 * power(d as f64, 2)).round() as usize;
        let (mut limit, mut stepped, mut random) = (Vec::new(), Vec::new(), Vec::new());
        for seed in seeds {
            let mut rng = sample::stream(seed);
            let biases = row(sample::normals(&mut rng, 1, m).as_ref(), 0);
            let normals = sample::normals(&mut rng, m, self.target.rank());
            limit.push(if self.target.hessian().squared_norm_l2() > 0.0 {
                LimitLaw::biased(&self.target, &biases, normals.as_ref(), self.samples_over_d2)?
                    .loss_share(self.penalty)?
            } else {
                1.0
            });
            let start = sample::unit_rows(&mut rng, m, d);
            let inputs = sample::normals(&mut rng, n, d);
            let raw = sample::labels(&self.target, inputs.as_ref());
            let labels = sample::least_squares_residuals(inputs.as_ref(), &raw)?;
            let steps = sample::sampled_steps(inputs.as_ref(), &labels, start.as_ref(), RELU)?;
            let fresh = sample::normals(&mut rng, n, d);
            let neurons = sample::normalised(steps);
            stepped.push(self.test_share(neurons.as_ref(), &biases, fresh.as_ref())?);
            random.push(self.test_share(start.as_ref(), &biases, fresh.as_ref())?);
        }
        let (limit, stepped) = (Summary::of(&limit), Summary::of(&stepped));
        let outcome = Outcome {
            predicted: limit.mean,
            measured: stepped.mean,
            error: stepped.standard_error.hypot(limit.standard_error),
        };
        Ok((outcome, Summary::of(&random)))
    }

    /// Exact error of a fit on `(1, x, features)` with the last penalised, over `E y^2`.
    fn test_share(
        &self,
        neurons: MatRef<'_, f64>,
        biases: &[f64],
        inputs: MatRef<'_, f64>,
    ) -> Result<f64, MechanismError> {
        let (n, d, m) = (inputs.nrows(), inputs.ncols(), neurons.nrows());
        let mut design = Mat::zeros(n, d + 1 + m);
        let values = inputs * neurons.transpose();
        for j in 0..=d + m {
            for i in 0..n {
                design[(i, j)] = match j.cmp(&d) {
                    Ordering::Less => inputs[(i, j)],
                    Ordering::Equal => 1.0,
                    Ordering::Greater => {
                        let k = j - d - 1;
                        BiasedActivation::Relu { bias: biases[k] }.value(values[(i, k)])
                    }
                };
            }
        }
        let labels = sample::labels(&self.target, inputs);
        let mut normal = design.transpose() * &design;
        for k in d + 1..=d + m {
            normal[(k, k)] += n as f64 * self.penalty;
        }
        let right = apply(design.transpose(), &labels);
        let weights = solve_vector(normal.as_ref(), &right, "the design's second moment")?;
        let (linear, w) = (&weights[..d], &weights[d + 1..]);
        let activations = biased_activations(biases);
        let slopes: Vec<f64> =
            activations.iter().zip(w).map(|(a, w)| w * a.coefficient(1)).collect();
        let constant: f64 =
            weights[d] + activations.iter().zip(w).map(|(a, w)| w * a.coefficient(0)).sum::<f64>();
        let along = apply(neurons.transpose(), &slopes);
        let affine: f64 = linear.iter().zip(along).map(|(b, s)| (b + s) * (b + s)).sum();
        let gram = biased_gram(neurons, biases);
        let cross = biased_cross(neurons, biases, &self.target);
        let energy = self.target.label_energy();
        let rest = energy - 2.0 * dot(w, &cross) + form(w, gram.as_ref(), w);
        Ok((rest + affine + constant * constant) / energy)
    }
}

#[cfg(test)]
mod tests;
