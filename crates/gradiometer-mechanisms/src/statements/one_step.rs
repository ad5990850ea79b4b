//! One step of descent: 11.0 to 11.5.

use super::{at_most, at_seeds, equal, rng};
use crate::activation::{BiasedActivation, RELU};
use crate::ba2022::parity_floor;
use crate::dandi2023::mean_outer_step;
use crate::floor::{HarmonicProfile, best_fit_share, gegenbauer};
use crate::linear_algebra::{dot, eigen, norm, row};
use crate::moniri2024::degree_vectors;
use crate::normal::{density, distribution};
use crate::ridge::{LabelMoments, relu_engine, single_index_moments};
use crate::sample::{self, sampled_steps};
use crate::step::{
    Energies, SampledStep, StepCalculator, harmonic_energies, quadratic_energies, two_forms,
};
use crate::target::{PolynomialTarget, Term};
use faer::Mat;
use gradiometer_hermite::polynomial::hermite;
use gradiometer_hermite::quadrature::{GaussHermite, GaussLegendre};
use gradiometer_hermite::relu;
use gradiometer_theory::{Context, Form, Sides, Statement, TheoryError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::f64::consts::TAU;

pub(super) static STATEMENTS: [&Statement; 8] =
    [&STEP, &TWO_FORMS, &ENERGIES, &NOISE, &FLOOR, &PARITY, &SPECTRAL, &DEGREE_VECTORS];

/// **11.0.1 The step of a polynomial target.** `E[y sigma'(w.x) x]` of a unit neuron, `p = U w`:
/// `sum_alpha c_alpha [tau_{k-1} sqrt((k-1)!/alpha!) sum_i alpha_i p^{alpha - e_i} u_i +
/// sqrt(k+1) tau_{k+1} sqrt(k!/alpha!) p^alpha w]`, `k = |alpha|`.
///
/// By quadrature along `w`, where ReLU has its kink, and a product rule across it, exact for these
/// degrees. Hypotheses: two directions of three, degrees up to 4; ReLU with and without bias, erf.
/// Control: without the part along the neuron. Source: theory 11.0.1 \\[DLS22\\].
pub static STEP: Statement = Statement {
    id: "11.0.1",
    says: "the first step of a neuron on a polynomial target in closed form",
    reference: "theory 11.0.1",
    checks: &[at_seeds(
        "E[y sigma'(w.x) x] of a polynomial target",
        "two directions of three, degrees up to 4; ReLU with and without bias, erf",
        "without the part along the neuron",
        step,
    )],
    ..Statement::NONE
};

/// Where the normal density no longer matters.
const FAR: f64 = 13.0;

fn polynomial(rng: &mut ChaCha8Rng) -> Result<PolynomialTarget, TheoryError> {
    let mut terms = Vec::new();
    for degree in 0..=4_usize {
        let first = rng.random_range(0..=degree);
        let coefficient = rng.sample(StandardNormal);
        terms.push(Term { degrees: vec![first, degree - first], coefficient });
    }
    Ok(PolynomialTarget::new(terms)?)
}

fn step(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1101)?;
    let target = polynomial(&mut rng)?;
    let activation = match rng.random_range(0..3) {
        0 => RELU,
        1 => BiasedActivation::Relu { bias: rng.random_range(-1.0..1.0) },
        _ => BiasedActivation::Erf,
    };
    let frame = orthonormal(&mut rng);
    let w = &frame[0];
    let calculator = StepCalculator::new(&target, activation);
    let mut closed = calculator.step(w)?;
    if form == Form::Control {
        let (inside, _) = calculator.parts(&w[..2])?;
        closed = vec![inside[0], inside[1], 0.0];
    }
    let low = match activation {
        BiasedActivation::Relu { bias } => -bias,
        BiasedActivation::Erf => -FAR,
    };
    let (along, across) = (GaussLegendre::new(20)?, GaussHermite::new(6)?);
    let weights = across.weights();
    let panels = 26;
    let width = (FAR - low) / f64::from(panels);
    let mut sum = [0.0; 3];
    for panel in 0..panels {
        let from = low + width * f64::from(panel);
        for (z, weight) in along.on(from, from + width) {
            let slope = weight * density(z) * activation.derivative(z);
            for (s, p) in across.nodes().iter().zip(&weights) {
                for (t, q) in across.nodes().iter().zip(&weights) {
                    let x: [f64; 3] = std::array::from_fn(|k| {
                        z * frame[0][k] + s * frame[1][k] + t * frame[2][k]
                    });
                    let y = target.value(&x[..2]) * slope * p * q;
                    sum.iter_mut().zip(x).for_each(|(g, x)| *g += y * x);
                }
            }
        }
    }
    let k = rng.random_range(0..3);
    // Sums of some ten thousand terms of the size of the target's coefficients.
    let scale = target.terms().iter().map(|t| t.coefficient.abs()).sum::<f64>();
    Ok(vec![equal("a coordinate of the step", closed[k], sum[k], 4096.0 * f64::EPSILON * scale)])
}

/// Three random orthonormal vectors.
fn orthonormal(rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    let mut frame: Vec<Vec<f64>> = Vec::new();
    while frame.len() < 3 {
        let mut v: Vec<f64> = (0..3).map(|_| rng.sample(StandardNormal)).collect();
        // Twice, so that rounding does not show.
        for _ in 0..2 {
            for u in &frame {
                let share = dot(&v, u);
                v.iter_mut().zip(u).for_each(|(x, y)| *x -= share * y);
            }
        }
        let length = norm(&v);
        if length > 0.1 {
            frame.push(v.iter().map(|x| x / length).collect());
        }
    }
    frame
}

/// **11.0.2 ReLU's step has two forms.** `(1/n) sum y_i 1{w.x_i > 0} x_i` is
/// `(1/2n) sum y_i sign(w.x_i) x_i` and a vector that all neurons have in common.
///
/// Hypotheses: any sample. Control: without the common vector, as if labels were least-squares
/// residuals. Source: theory 11.0.2.
pub static TWO_FORMS: Statement = Statement {
    id: "11.0.2",
    says: "ReLU's step is that of `abs(z)/2` and one vector common to all neurons",
    reference: "theory 11.0.2",
    checks: &[at_seeds(
        "ReLU's step is its sign form and a common vector",
        "any sample",
        "without the common vector",
        two_parts,
    )],
    ..Statement::NONE
};

fn two_parts(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1102)?;
    let (n, d) = (rng.random_range(1..40), rng.random_range(1..8));
    let inputs = sample::normals(&mut rng, n, d);
    let labels: Vec<f64> = (0..n).map(|_| rng.sample(StandardNormal)).collect();
    let w = sample::normals(&mut rng, 1, d);
    let full = sampled_steps(inputs.as_ref(), &labels, w.as_ref(), RELU)?;
    let row: Vec<f64> = (0..d).map(|k| w[(0, k)]).collect();
    let (signed, common) = two_forms(inputs.as_ref(), &labels, &row)?;
    let k = rng.random_range(0..d);
    let left = signed[k] + form.choose(common[k], 0.0);
    let size: f64 = (0..n).map(|i| (labels[i] * inputs[(i, k)]).abs()).sum::<f64>() / n as f64;
    Ok(vec![equal("a coordinate", left, full[(0, k)], (n + 4) as f64 * f64::EPSILON * size)])
}

/// **11.1.1 Energies of the population step.** The mean over `w` uniform on the sphere of `|P G|^2`
/// and `|(1 - P) G|^2`: for a quadratic with the Hessian `C_2` under ReLU the sum is
/// `(t2/d - (3/4) q)/(2 pi)`, the part outside `q (1 - (r+4)/(d+4))/(8 pi)`, `q = (2 t2 + t1^2)/(d (d+2))`;
/// for a harmonic of degree `k` in a plane, `R_j = d (d+2) ... (d+2j)`, the sum is `tau_{k-1}^2 k!/R_{k-2} + [2 k
/// tau_{k-1} tau_{k+1} sqrt((k+1) k! (k-1)!) + (k+1)! tau_{k+1}^2]/R_{k-1}`, the part outside `(k+1)! tau_{k+1}^2 (1 -
/// (2+2k)/(d+2k))/R_{k-1}`.
///
/// The mean by a product rule on the sphere of three dimensions, exact for these degrees. Hypotheses: two directions of
/// three; degrees 2 to 5, ReLU with and without bias and erf for a harmonic. Control: the formula of the next degree, for
/// a quadratic that of another trace. Source: theory 11.1.1 \\[DLS22\\].
pub static ENERGIES: Statement = Statement {
    id: "11.1.1",
    says: "mean energies of the population step inside and outside the span, over all neurons",
    reference: "theory 11.1.1",
    checks: &[
        at_seeds(
            "energies of the step of a quadratic",
            "two directions of three, ReLU",
            "the trace of another quadratic",
            quadratic_step,
        ),
        at_seeds(
            "energies of the step of a harmonic",
            "a plane of three dimensions, degrees 2 to 5; ReLU with and without bias, erf",
            "the formula of the next degree",
            harmonic_step,
        ),
    ],
    ..Statement::NONE
};

/// Mean of a polynomial of degree up to 19 over the sphere of three dimensions.
fn sphere_mean(mut f: impl FnMut(&[f64]) -> Result<f64, TheoryError>) -> Result<f64, TheoryError> {
    let (rule, turns) = (GaussLegendre::new(10)?, 20);
    let mut sum = 0.0;
    for (height, weight) in rule.on(-1.0, 1.0) {
        let radius = ((1.0 - height) * (1.0 + height)).sqrt();
        for k in 0..turns {
            let (sine, cosine) = (TAU * f64::from(k) / f64::from(turns)).sin_cos();
            sum += weight * f(&[radius * cosine, radius * sine, height])?;
        }
    }
    Ok(sum / (2.0 * f64::from(turns)))
}

/// Mean energies of a target's step inside the span of the first two coordinates and outside.
fn mean_energies(calculator: &StepCalculator) -> Result<Energies, TheoryError> {
    let part = |from: usize, to: usize| {
        sphere_mean(|w| {
            let g = calculator.step(w)?;
            Ok(g[from..to].iter().map(|x| x * x).sum())
        })
    };
    Ok(Energies { inside: part(0, 2)?, outside: part(2, 3)? })
}

/// Rounding of a mean over the sphere of a number of this size.
fn sphere_rounding(size: f64) -> f64 {
    1024.0 * f64::EPSILON * size
}

fn both_parts(found: Energies, predicted: Energies) -> Vec<Sides> {
    let rounding = sphere_rounding(found.inside + found.outside);
    vec![
        equal("the energy inside", found.inside, predicted.inside, rounding),
        equal("the energy outside", found.outside, predicted.outside, rounding),
    ]
}

/// `(x.H x - tr H)/2` of two coordinates.
fn quadratic(rng: &mut ChaCha8Rng) -> Result<PolynomialTarget, TheoryError> {
    let term = |degrees: [usize; 2], coefficient| Term { degrees: degrees.to_vec(), coefficient };
    let terms = [[2, 0], [1, 1], [0, 2]].map(|degrees| term(degrees, rng.sample(StandardNormal)));
    Ok(PolynomialTarget::new(terms.to_vec())?)
}

fn quadratic_step(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let target = quadratic(&mut rng(context, 1111)?)?;
    let found = mean_energies(&StepCalculator::new(&target, RELU))?;
    let mut hessian = target.hessian();
    if form == Form::Control {
        // The same trace of the square, another trace.
        hessian[(1, 1)] = -hessian[(1, 1)];
    }
    Ok(both_parts(found, quadratic_energies(hessian.as_ref(), 3)?))
}

fn harmonic_step(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1112)?;
    let k = rng.random_range(2..=5_usize);
    let activation = match rng.random_range(0..3) {
        0 => RELU,
        1 => BiasedActivation::Relu { bias: rng.random_range(-1.0..1.0) },
        _ => BiasedActivation::Erf,
    };
    let target = PolynomialTarget::harmonic(k)?;
    let found = mean_energies(&StepCalculator::new(&target, activation))?;
    Ok(both_parts(found, harmonic_energies(form.choose(k, k + 1), 3, activation)?))
}

/// **11.1.2 Noise of the sampled step with exact labels.** In the mean over `n` samples and `w` the energy inside the span
/// is `(1 - 1/n) E_in + E[y^2 |P x|^2]/(2n)`, outside `(1 - 1/n) E_out + (d - r) E y^2/(2n)`, with `E[y^2 |P x|^2] = (r + 2k)
/// E y^2` for labels homogeneous of degree `k` less their mean.
///
/// Samples are independent, so the left side is `(1 - 1/n)` of the population step's energy (11.1.1) and `1/n` of one
/// sample's; that is the same for every neuron and here by quadrature for one. The forms for fitted labels hold up to
/// `2/d + 5 (d/n)^2` and are compared by `study damian2022`. Hypotheses: a quadratic of two directions of three. Control:
/// the constant of least-squares labels, half of the noise. Source: theory 11.1.2 \\[DLS22\\].
pub static NOISE: Statement = Statement {
    id: "11.1.2",
    says: "mean energies of the sampled step with exact labels, at every number of samples",
    reference: "theory 11.1.2",
    checks: &[at_seeds(
        "energies of the sampled step of a quadratic",
        "two directions of three, exact labels, ReLU",
        "the noise of least-squares labels",
        sampled_energies,
    )],
    ..Statement::NONE
};

fn sampled_energies(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1113)?;
    let target = quadratic(&mut rng)?;
    let samples = rng.random_range(1..200_usize);
    let frame = orthonormal(&mut rng);
    let population = mean_energies(&StepCalculator::new(&target, RELU))?;
    let one = one_sample(&target, &frame)?;
    let n = samples as f64;
    let mean = |own: f64, single: f64| (1.0 - 1.0 / n) * own + single / n;
    let found = Energies {
        inside: mean(population.inside, one.inside),
        outside: mean(population.outside, one.outside),
    };
    let step = SampledStep {
        population: quadratic_energies(target.hessian().as_ref(), 3)?,
        dimension: 3,
        rank: 2,
        homogeneity: 2,
        label_energy: target.energy(2),
        samples: form.choose(samples, 2 * samples),
        noise: RELU.noise(),
    };
    Ok(both_parts(found, step.exact_labels(None)))
}

/// `E[y^2 1{w.x > 0} |P x|^2]` and the same outside, for the neuron `frame[0]`.
fn one_sample(target: &PolynomialTarget, frame: &[Vec<f64>]) -> Result<Energies, TheoryError> {
    let (along, across) = (GaussLegendre::new(20)?, GaussHermite::new(6)?);
    let weights = across.weights();
    let mut found = Energies { inside: 0.0, outside: 0.0 };
    for panel in 0..13 {
        let from = f64::from(panel);
        for (z, weight) in along.on(from, from + 1.0) {
            for (s, p) in across.nodes().iter().zip(&weights) {
                for (t, q) in across.nodes().iter().zip(&weights) {
                    let x: [f64; 3] = std::array::from_fn(|k| {
                        z * frame[0][k] + s * frame[1][k] + t * frame[2][k]
                    });
                    let y = target.value(&x[..2]);
                    let share = weight * density(z) * p * q * y * y;
                    found.inside += share * (x[0] * x[0] + x[1] * x[1]);
                    found.outside += share * x[2] * x[2];
                }
            }
        }
    }
    Ok(found)
}

/// **11.1.4 A floor for spaces chosen without the target.** For every `D`-dimensional space `V`, the mean over rotations `R`
/// of `min over V of |f o R - v|^2` is at least `sum f_k^2 - max{sum f_k^2 tau_k/N(d,k) : 0 <= tau_k <= N(d,k), sum tau_k <=
/// D}`, `f_k^2` the energy in harmonic degree `k` and `N(d,k)` its dimension.
///
/// Zonal functions of three dimensions, for which the mean over rotations is one over a direction and a product rule
/// gives it exactly. Hypotheses: degrees 0 to 4, `D` up to 12. Control: a space that has the target in it. Source: theory
/// 11.1.4 \\[DLS22\\].
pub static FLOOR: Statement = Statement {
    id: "11.1.4",
    says: "no space of `D` functions that is chosen without the target does better than the floor",
    reference: "theory 11.1.4",
    checks: &[at_seeds(
        "the floor is at most what a space leaves in the mean over rotations",
        "zonal functions of degrees 0 to 4 in three dimensions, up to 12 of them",
        "a space that has the target in it",
        floor_of_spaces,
    )],
    ..Statement::NONE
};

fn floor_of_spaces(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    /// Degrees counted.
    const HIGHEST: usize = 4;
    let mut rng = rng(context, 1114)?;
    let functions = rng.random_range(1..=12_usize);
    let draw = |rng: &mut ChaCha8Rng| -> Vec<f64> {
        (0..=HIGHEST).map(|_| rng.sample(StandardNormal)).collect()
    };
    let target = draw(&mut rng);
    let degrees: Vec<Vec<f64>> = (0..functions).map(|_| draw(&mut rng)).collect();
    let directions = sample::unit_rows(&mut rng, functions, 3);
    let axis = |j: usize| row(directions.as_ref(), j);
    // E[Z_k(u.x) Z_l(w.x)] = P_k(u.w) for k = l and 0 else.
    let product = |a: &[f64], b: &[f64], cosine: f64| -> f64 {
        let values = gegenbauer(3, HIGHEST, cosine);
        a.iter().zip(b).zip(values).map(|((a, b), p)| a * b * p).sum()
    };
    let gram = Mat::from_fn(functions, functions, |i, j| {
        product(&degrees[i], &degrees[j], dot(&axis(i), &axis(j)))
    });
    let energy: f64 = target.iter().map(|c| c * c).sum();
    let energies = target.iter().map(|c| c * c).collect();
    let floor = HarmonicProfile::of_energies(3, energies)?.floor(functions as f64);
    let left = match form {
        Form::Stated => sphere_mean(|u| {
            let cross: Vec<f64> =
                (0..functions).map(|j| product(&target, &degrees[j], dot(u, &axis(j)))).collect();
            Ok(energy * best_fit_share(gram.as_ref(), &cross, energy)?)
        })?,
        Form::Control => 0.0,
    };
    // Independent functions of the same few degrees may be near each other.
    let (values, _) = eigen(gram.as_ref(), "the Gram matrix of the functions")?;
    let condition = values[0] / values[functions - 1];
    let rounding = 64.0 * f64::EPSILON * condition * energy;
    Ok(vec![at_most("the floor", floor, left, rounding)])
}

/// **11.2.5 Parity floor.** ReLU features without bias span of the odd functions only those of
/// degree 1: whatever the first layer, a readout leaves at least the odd degrees from 3 on.
///
/// Here the best readout of the population for single-index labels. Hypotheses: any rows. Control:
/// the second degree, which such features do learn. Source: theory 11.2.5 \\[BESWWY22\\].
pub static PARITY: Statement = Statement {
    id: "11.2.5",
    says: "ReLU features without bias leave the odd degrees from 3 on, whatever their rows",
    reference: "theory 11.2.5",
    checks: &[at_seeds(
        "the energy of odd degrees from 3 on is at most the error",
        "ReLU features without bias, single-index labels of degrees up to 5",
        "the energy of degree 2",
        parity,
    )],
    ..Statement::NONE
};

fn parity(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1125)?;
    let (m, d) = (rng.random_range(2..12), rng.random_range(1..5));
    let weights = sample::normals(&mut rng, m, d);
    let coefficients: Vec<f64> =
        (0..6).map(|k| if k == 0 { 0.0 } else { rng.sample(StandardNormal) }).collect();
    let mut direction: Vec<f64> = (0..d).map(|_| rng.sample(StandardNormal)).collect();
    let length = norm(&direction);
    for x in &mut direction {
        *x /= length;
    }
    let moments: LabelMoments = single_index_moments(weights.as_ref(), &direction, &coefficients)?;
    let base = relu_engine(weights.as_ref(), &moments)?.risk(1_000_000_000, 1e-9)?.base;
    let terms =
        coefficients.iter().enumerate().map(|(k, c)| Term { degrees: vec![k], coefficient: *c });
    let target = PolynomialTarget::new(terms.collect())?;
    let floor = form.choose(parity_floor(&target), 2.0 * target.energy(2) + parity_floor(&target));
    // The readout's quadratic form, with weights of up to a million.
    let rounding = 1e6 * m as f64 * f64::EPSILON * target.label_energy();
    Ok(vec![at_most("odd degrees from 3 on", floor, base, rounding)])
}

/// **11.3.2 All neurons together are a spectral method.** Given a sample with least-squares residuals `r_i` for labels, the
/// mean over `w` of `hat G hat G^T` is `(1/(2 pi n^2)) sum_ij r_i r_j asin(cos(x_i, x_j)) x_i x_j^T`.
///
/// In the plane, where the step is constant between the directions that are orthogonal to a sample, so that the mean over
/// all neurons is a finite sum. Hypotheses: 5 to 14 samples of two coordinates. Control: the cosine in place of its arc
/// sine. Source: theory 11.3.2 \\[DKLPS23\\].
pub static SPECTRAL: Statement = Statement {
    id: "11.3.2",
    says: "the second moment of the step over all neurons is a spectral method of the sample",
    reference: "theory 11.3.2",
    checks: &[at_seeds(
        "the second moment of the step over all neurons",
        "a sample of the plane, least-squares labels, ReLU",
        "the cosine in place of its arc sine",
        second_moment,
    )],
    ..Statement::NONE
};

fn second_moment(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1132)?;
    let n = rng.random_range(5..15_usize);
    let inputs = sample::normals(&mut rng, n, 2);
    let raw: Vec<f64> = (0..n).map(|_| rng.sample(StandardNormal)).collect();
    let labels = sample::least_squares_residuals(inputs.as_ref(), &raw)?;
    // Where a neuron's sign on a sample changes.
    let mut angles: Vec<f64> = (0..n)
        .flat_map(|i| {
            let angle = inputs[(i, 1)].atan2(inputs[(i, 0)]);
            [angle + 0.25 * TAU, angle + 0.75 * TAU].map(|x| x.rem_euclid(TAU))
        })
        .collect();
    angles.sort_by(f64::total_cmp);
    angles.push(angles[0] + TAU);
    let (i, j) = (rng.random_range(0..2_usize), rng.random_range(0..2_usize));
    let mut mean = 0.0;
    for arc in angles.windows(2) {
        let (sine, cosine) = f64::midpoint(arc[0], arc[1]).sin_cos();
        let (step, _) = two_forms(inputs.as_ref(), &labels, &[cosine, sine])?;
        mean += (arc[1] - arc[0]) / TAU * step[i] * step[j];
    }
    let closed = match form {
        Form::Stated => mean_outer_step(inputs.as_ref(), &labels)?[(i, j)],
        Form::Control => cosine_form(&inputs, &labels, (i, j)),
    };
    let size: f64 = (0..n).map(|k| (labels[k] * norm(&row(inputs.as_ref(), k))).powi(2)).sum();
    // Arcs shorter than a rounding of their ends are lost.
    let rounding = 64.0 * (n * n) as f64 * f64::EPSILON * size / n as f64;
    Ok(vec![equal("an entry of the second moment", mean, closed, rounding)])
}

/// The same with `cos(x_i, x_j)` for its arc sine.
fn cosine_form(inputs: &Mat<f64>, labels: &[f64], (i, j): (usize, usize)) -> f64 {
    let n = labels.len();
    let mut sum = 0.0;
    for k in 0..n {
        for l in 0..n {
            let (x, y) = (row(inputs.as_ref(), k), row(inputs.as_ref(), l));
            sum += labels[k] * labels[l] * dot(&x, &y) / (norm(&x) * norm(&y)) * x[i] * y[j];
        }
    }
    sum / (TAU * (n * n) as f64)
}

/// **11.4.1 Degree vectors.** `E[relu(w.x) h_k(v.x)] = |w| s_k (w.v/|w|)^k` for a unit vector `v`.
///
/// By quadrature over `v.x`, given which `w.x` is normal. Hypotheses: any row, degrees up to 6.
/// Control: `s_k (w.v)^k`, wrong for rows that are not of length 1. Source: theory 11.4.1
/// \\[MLHD24\\].
pub static DEGREE_VECTORS: Statement = Statement {
    id: "11.4.1",
    says: "the degree vectors of ReLU features in closed form, rows of any length",
    reference: "theory 11.4.1",
    checks: &[at_seeds(
        "E[relu(w.x) h_k(v.x)] in closed form",
        "degrees up to 6",
        "lengths taken for 1",
        degrees,
    )],
    ..Statement::NONE
};

fn degrees(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1141)?;
    let k = [0, 1, 2, 4, 6][rng.random_range(0..5_usize)];
    let (along, across) = (rng.random_range(-2.0..2.0_f64), rng.random_range(0.2..2.0_f64));
    let row = Mat::from_fn(1, 2, |_, i| if i == 0 { along } else { across });
    let closed = match form {
        Form::Stated => degree_vectors(row.as_ref(), &[1.0, 0.0], k)?[k][0],
        Form::Control => relu::coefficient(k) * along.powi(i32::try_from(k).unwrap_or(0)),
    };
    let rule = GaussLegendre::new(20)?;
    let mut sum = 0.0;
    for panel in 0..52 {
        let from = -FAR + 0.5 * f64::from(panel);
        // Given v.x = x the field is N(along x, across^2).
        sum += rule.integrate(from, from + 0.5, |x| {
            let z = along * x / across;
            let mean = along * x * distribution(z) + across * density(z);
            mean * hermite(k, x) * density(x)
        });
    }
    let rounding = 512.0 * f64::EPSILON * (along.abs() + across);
    Ok(vec![equal("degree vector", closed, sum, rounding)])
}
