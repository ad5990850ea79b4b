//! One step of descent: 11.0 to 11.5.

use super::{at_most, at_seeds, equal, rng};
use crate::activation::{BiasedActivation, RELU};
use crate::ba2022::parity_floor;
use crate::linear_algebra::{dot, norm};
use crate::moniri2024::degree_vectors;
use crate::normal::{density, distribution};
use crate::ridge::{LabelMoments, relu_engine, single_index_moments};
use crate::sample::{self, sampled_steps};
use crate::step::{StepCalculator, two_forms};
use crate::target::{PolynomialTarget, Term};
use faer::Mat;
use gradiometer_hermite::polynomial::hermite;
use gradiometer_hermite::quadrature::{GaussHermite, GaussLegendre};
use gradiometer_hermite::relu;
use gradiometer_theory::{Context, Form, Sides, Statement, TheoryError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

pub(super) static STATEMENTS: [&Statement; 4] = [&STEP, &TWO_FORMS, &PARITY, &DEGREE_VECTORS];

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
