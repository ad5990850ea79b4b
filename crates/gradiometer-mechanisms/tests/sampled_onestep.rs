//! Sampled figures of 11.1 to 11.5 measured again, beside the reference file's and beside the
//! predictions.
//!
//! Streams differ from the reference's, so figures are compared within four standard errors of
//! both. A row of an unknown name fails. The larger sizes run where `RUN_SLOW_TESTS` is set.

#![expect(clippy::panic_in_result_fn, reason = "a check inside a measurement fails its test")]

use gradiometer_mechanisms::activation::RELU;
use gradiometer_mechanisms::ba2022::{
    Start, measure_alignment, measure_first_gradient, measure_leading, measure_ridge,
};
use gradiometer_mechanisms::cui2024::{
    ConditionalOutcome, ConstantReadout, SpikedExperiment, Spikes, Tuning, measure_spiked,
    measure_trained,
};
use gradiometer_mechanisms::damian2022::{
    DegreeExperiment, LabelFit, LimitLawExperiment, measure_attained_floor, measure_energies,
    measure_floor,
};
use gradiometer_mechanisms::dandi2023::{StepSize, measure_directions, measure_staircase};
use gradiometer_mechanisms::floor::HarmonicProfile;
use gradiometer_mechanisms::moniri2024::{
    SecondLayer, degree_vectors_from, measure_learnt, measure_spikes, spike_strength,
};
use gradiometer_mechanisms::normal::Rule;
use gradiometer_mechanisms::sample::{FirstStep, Label, normals, signs, stream};
use gradiometer_mechanisms::step::{
    SampledStep, half_point_constant, harmonic_energies, quadratic_energies,
};
use gradiometer_mechanisms::target::Term;
use gradiometer_mechanisms::{BiasedActivation, MechanismError, Outcome, PolynomialTarget};
use rayon::prelude::*;
use serde_json::Value;

/// Half points over a power of `d` are printed with four digits.
const FOUR_DIGITS: f64 = 1e-4;
/// Their limits are printed with six digits.
const SIX_DIGITS: f64 = 1e-6;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/mechanisms_onestep.json");

/// Standard errors allowed.
const Z: f64 = 4.0;

/// Figures of the reference are printed with six digits.
const PRINTED: f64 = 1e-5;

/// One quantity measured again.
struct Again {
    quantity: String,
    outcome: Outcome,
    /// How the reference's figure is compared.
    how: How,
    /// Relative finite-size error that the statement allows; `None` where it claims nothing.
    finite_size: Option<f64>,
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    /// The prediction is a function of the row's numbers: both predictions must agree too.
    Exact,
    /// The prediction is that of each instance: differences to it are compared.
    Paired,
    /// Measurements are compared, predictions are means over other draws.
    Sampled,
}

fn again(quantity: &str, outcome: Outcome, how: How, finite_size: Option<f64>) -> Again {
    Again { quantity: quantity.to_owned(), outcome, how, finite_size }
}

fn rows() -> Vec<Value> {
    let path = std::env::var("GRADIOMETER_GOLDEN_ONESTEP").unwrap_or_else(|_unset| FILE.to_owned());
    rows_of(&path)
}

fn rows_of(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let file: Value = serde_json::from_str(&text).expect("the reference file is JSON");
    file["measurements"]["rows"].as_array().expect("rows").clone()
}

fn name(row: &Value) -> &str {
    row["name"].as_str().expect("a name")
}

fn size(row: &Value, field: &str) -> usize {
    let value = row[field].as_u64().unwrap_or_else(|| panic!("{field} of {row}"));
    usize::try_from(value).expect("a size fits")
}

fn real(row: &Value, field: &str) -> f64 {
    row[field].as_f64().unwrap_or_else(|| panic!("{field} of {row}"))
}

fn polynomial(terms: &[(&[usize], f64)]) -> PolynomialTarget {
    let terms = terms.iter().map(|(d, c)| Term { degrees: d.to_vec(), coefficient: *c });
    PolynomialTarget::new(terms.collect()).expect("a valid target")
}

/// The target of 11.2.1 to 11.2.3.
fn linear_and_quadratic() -> PolynomialTarget {
    polynomial(&[(&[1, 0], 0.8), (&[2, 0], 0.4), (&[0, 2], -0.3), (&[1, 1], 0.2)])
}

fn prediction(row: &Value, quantity: &str) -> f64 {
    row[quantity][2].as_f64().expect("a prediction")
}

/// A quadratic of rank 3, with a linear part, that has the second moments and the affine energy
/// implied by the reference's predictions; its own Hessian is not in the file.
fn quadratic_target() -> PolynomialTarget {
    let rows = rows();
    let find = |fit: &str| {
        rows.iter()
            .find(|row| name(row) == "11.1.2 quadratic" && row["fit"] == fit)
            .expect("such a row")
            .clone()
    };
    let row = find("ls");
    let (d, n) = (size(&row, "d"), size(&row, "n"));
    // Least-squares energies are linear in (t2, q), q = (2 t2 + t1^2)/(d (d+2)): two probes give
    // the matrix.
    let energies = |t2: f64, q: f64| {
        let (dim, r) = (d as f64, 3.0);
        let outside = q * (1.0 - (r + 4.0) / (dim + 4.0)) / (8.0 * std::f64::consts::PI);
        let population = gradiometer_mechanisms::step::Energies {
            inside: (t2 / dim - 0.75 * q) / std::f64::consts::TAU - outside,
            outside,
        };
        let step = sampled(population, d, 3, 2, 0.5 * t2, n);
        let found = step.least_squares().expect("enough samples");
        [found.inside, found.outside]
    };
    let (a, b) = (energies(1.0, 0.0), energies(0.0, 1.0));
    let (x, y) = (prediction(&row, "inside"), prediction(&row, "outside"));
    let determinant = a[0] * b[1] - a[1] * b[0];
    let t2 = (x * b[1] - y * b[0]) / determinant;
    let q = (a[0] * y - a[1] * x) / determinant;
    let trace_square = q * (d * (d + 2)) as f64 - 2.0 * t2;
    assert!(t2 > 0.0 && trace_square < 3.0 * t2, "t2 = {t2}, t1^2 = {trace_square}");
    let trace = if trace_square > 0.0 { trace_square.sqrt() } else { 0.0 };
    let spread = (0.5 * (t2 - trace * trace / 3.0)).sqrt();
    let root = 0.5_f64.sqrt();
    let other = find("averages");
    let (d, n) = (size(&other, "d"), size(&other, "n"));
    let mut target = polynomial(&[
        (&[2, 0, 0], root * (trace / 3.0 + spread)),
        (&[0, 2, 0], root * trace / 3.0),
        (&[0, 0, 2], root * (trace / 3.0 - spread)),
    ]);
    let population = quadratic_energies(target.hessian().as_ref(), d).expect("a Hessian");
    let step = sampled(population, d, 3, 2, 0.5 * t2, n);
    let per_energy = step.averages_outside(1.0) - step.averages_outside(0.0);
    let affine = (prediction(&other, "outside") - step.averages_outside(0.0)) / per_energy;
    assert!(affine >= -PRINTED, "affine energy {affine}");
    let linear = polynomial(&[(&[1, 0, 0], if affine > 0.0 { affine.sqrt() } else { 0.0 })]);
    target = target.combined(1.0, &linear, 1.0);
    target
}

fn sampled(
    population: gradiometer_mechanisms::step::Energies,
    dimension: usize,
    rank: usize,
    homogeneity: usize,
    label_energy: f64,
    samples: usize,
) -> SampledStep {
    let noise = RELU.noise();
    SampledStep { population, dimension, rank, homogeneity, label_energy, samples, noise }
}

fn measured_again(row: &Value) -> Result<Vec<Again>, MechanismError> {
    let name = name(row);
    match name {
        "11.1.2 quadratic" => quadratic(row),
        "11.1.3 loss share after step and ridge" => limit_law(row),
        "11.1.4 residual share of D features" => floor(row),
        "11.1.4 attained" => {
            let (k, functions) = (size(row, "k"), size(row, "D"));
            let outcome = measure_attained_floor(k, 12, functions, 0..10)?;
            Ok(vec![again("residual", outcome, How::Exact, Some(0.01))])
        }
        "11.1.5 degrees 2 and 4" | "11.1.5 control: degree 4 only" => degrees(row, name),
        "11.2.1 singular values of a_j G(w_j)" => {
            let (d, m) = (size(row, "d"), size(row, "m"));
            let seeds = if d > 100 { 0..4 } else { 0..8 };
            let [first, second] = measure_first_gradient(&linear_and_quadratic(), d, m, seeds)?;
            let finite = Some(1.0 / (m as f64).sqrt() + 2.0 / d as f64);
            Ok(vec![
                again("first", first, How::Exact, finite),
                again("second", second, How::Exact, finite),
            ])
        }
        "11.2.2 alignment" => {
            let (d, n, m) = (size(row, "d"), size(row, "n"), size(row, "m"));
            let found = measure_alignment(&linear_and_quadratic(), d, n, m, false, 0..100)?;
            let finite = Some(2.0 / d as f64);
            Ok(vec![
                again("step", found.step, How::Exact, finite),
                again("moment vector", found.moment, How::Exact, finite),
                again("squared norm", found.squared_norm, How::Exact, Some(0.0)),
            ])
        }
        "11.2.3 independent" | "11.2.3 symmetric" => leading(row, name),
        "11.2.4 ridge" => ridge(row, &Label::Relu(vec![1.0, 0.6])),
        "11.2.5 ridge" => ridge(row, &Label::Relu(vec![1.0])),
        "11.3.1 one direction" => {
            let (d, n) = (size(row, "d"), size(row, "n"));
            let target = polynomial(&[(&[1, 0], 1.0), (&[1, 1], 1.0)]);
            let found = measure_directions(&target, d, n, 150, 0..24)?;
            let finite = Some(3.0 / d as f64 + 0.02);
            Ok(vec![
                again("share along C1", found.linear_share, How::Sampled, finite),
                again("energy along e2", found.second, How::Exact, finite),
                again("energy", found.total, How::Sampled, finite),
            ])
        }
        "11.3.3 relu" | "11.3.3 erf" => degree_k(row, name),
        "11.4.2 exponent" => {
            exponent(row);
            Ok(Vec::new())
        }
        "11.4.3 spikes" => spikes(row),
        "11.4.4 learnt" => learnt(row, &[0.0, 0.8, 0.6]),
        "11.4.4 learnt control: third degree" => learnt(row, &[0.0, 0.8, 0.0, 0.6]),
        "11.5.1 const" => spiked(row, Spikes::Constant(real(row, "c"))),
        "11.5.1 two" => spiked(row, Spikes::Signs(real(row, "c"))),
        "11.5.1 gauss" => spiked(row, Spikes::Gaussian(real(row, "c"))),
        "11.5.2 nodes" => nodes(row),
        "11.5.2 scaling" => scaling(row),
        "11.5.4 trained network" => trained(row),
        _ if name.starts_with("11.3.4 ") => staircase(row, name),
        // Their targets, widths or penalties are not in the file; the same statements are tested
        // beside the code.
        "11.0.1 closed form against quadrature"
        | "11.1.6 transfer"
        | "11.2.1 control: no linear part"
        | "11.2.5 control: parity"
        | "11.3.2 Gram of the step over all neurons"
        | "11.3.2 least principal cosine"
        | "11.3.3 control: odd degree and ReLU"
        | "11.4.1 closed form against quadrature"
        | "11.5.3 constant"
        | "11.5.3 levels" => Ok(Vec::new()),
        _ => panic!("unknown row {name}"),
    }
}

fn quadratic(row: &Value) -> Result<Vec<Again>, MechanismError> {
    let (d, n) = (size(row, "d"), size(row, "n"));
    let target = quadratic_target();
    let fit = match row["fit"].as_str() {
        Some("ls") => LabelFit::LeastSquares,
        Some("averages") => LabelFit::Averages,
        Some("oracle") => LabelFit::Exact,
        other => panic!("unknown fit {other:?}"),
    };
    let population = quadratic_energies(target.hessian().as_ref(), d)?;
    let step = sampled(population, d, 3, 2, target.energy(2), n);
    let [inside, outside] = measure_energies(&target, &step, RELU, fit, 150, 0..48)?;
    let finite = Some(2.0 / d as f64 + 5.0 * (d as f64 / n as f64).powi(2));
    let mut found = vec![again("outside", outside, How::Exact, finite)];
    if fit != LabelFit::Averages {
        // At n = 10 d the energy inside is 10 % below the prediction.
        let claimed = if n >= 40 * d { finite } else { None };
        found.push(again("inside", inside, How::Exact, claimed));
    }
    Ok(found)
}

fn limit_law(row: &Value) -> Result<Vec<Again>, MechanismError> {
    let (d, n) = (size(row, "d"), size(row, "n"));
    let experiment = LimitLawExperiment {
        amplitudes: vec![1.0, -1.0, 1.0],
        second_amplitudes: vec![1.0, -1.0, 1.0],
        dimension: d,
        samples_over_d2: n as f64 / (d * d) as f64,
        ridge_samples: n,
        width: 200,
        penalty: 0.01,
    };
    let found = experiment.measure(0..8)?;
    let claimed = if d >= 40 { Some(0.06) } else { None };
    let without = found.without_step.beside(f64::NAN);
    Ok(vec![
        again("population ridge", found.population, How::Sampled, claimed),
        again("ridge on n", found.sampled, How::Sampled, claimed),
        again("no step", without, How::Sampled, None),
    ])
}

fn floor(row: &Value) -> Result<Vec<Again>, MechanismError> {
    let (d, functions) = (size(row, "d"), size(row, "D"));
    let teacher = [1.0, -1.0, 1.0];
    let random = measure_floor(&teacher, d, functions, false, 0..10)?;
    let after = measure_floor(&teacher, d, functions, true, 0..10)?;
    let reference = row["floor"][2].as_f64().expect("a floor");
    assert!((random.predicted - reference).abs() <= PRINTED * reference, "{row}: {random:?}");
    assert!(random.measured + Z * random.error >= random.predicted, "{row}: {random:?}");
    assert!(after.measured + Z * after.error < after.predicted, "control, {row}: {after:?}");
    Ok(vec![
        again("random", random, How::Sampled, None),
        again("after the step", after, How::Sampled, None),
    ])
}

fn degrees(row: &Value, name: &str) -> Result<Vec<Again>, MechanismError> {
    let (d, n) = (size(row, "d"), size(row, "n"));
    let fourth = PolynomialTarget::harmonic(4)?;
    let control = name.contains("control");
    let target = if control {
        fourth
    } else {
        PolynomialTarget::harmonic(2)?.combined(0.5_f64.sqrt(), &fourth, 0.5_f64.sqrt())
    };
    let floor = HarmonicProfile::polynomial(&target, d)?.floor((n + 1) as f64);
    let reference = row["floor of kernels"][2].as_f64().expect("a floor");
    assert!((floor - reference).abs() <= PRINTED, "{row}: floor {floor}");
    let experiment = DegreeExperiment {
        target,
        dimension: d,
        samples_over_d2: n as f64 / (d * d) as f64,
        width: 300,
        penalty: 1e-3,
    };
    let (step, random) = experiment.measure(0..6)?;
    let random = random.beside(f64::NAN);
    let claimed = if control { None } else { Some(10.0 / d as f64) };
    Ok(vec![
        again("one step", step, How::Sampled, claimed),
        again("random features", random, How::Sampled, None),
    ])
}

fn leading(row: &Value, name: &str) -> Result<Vec<Again>, MechanismError> {
    let start = if name.ends_with("symmetric") { Start::Symmetric } else { Start::Independent };
    let step = FirstStep {
        dimension: size(row, "d"),
        width: size(row, "m"),
        samples: size(row, "n"),
        size: real(row, "t"),
    };
    let found = measure_leading(start, start, &linear_and_quadratic(), step, 0..8)?;
    let threshold = gradiometer_mechanisms::ba2022::leading_vector(
        start,
        found.theta.mean,
        step.width as f64 / step.dimension as f64,
    )?
    .threshold;
    // Nothing is claimed within 20 % of the threshold; below it the value is the bulk's edge.
    let claimed = if found.theta.mean > 1.2 * threshold { Some(0.03) } else { None };
    Ok(vec![
        again("singular value", found.value, How::Paired, claimed),
        again("overlap", found.overlap, How::Paired, claimed),
    ])
}

/// Penalties of the quantities `lambda X`, with their names.
fn penalties(row: &Value, suffix: &str) -> (Vec<String>, Vec<f64>) {
    let quantities = row.as_object().expect("a row").keys();
    quantities
        .filter_map(|key| {
            let number = key.strip_prefix("lambda ")?.strip_suffix(suffix)?;
            Some((key.clone(), number.parse::<f64>().ok()?))
        })
        .unzip()
}

fn ridge(row: &Value, label: &Label) -> Result<Vec<Again>, MechanismError> {
    let (d, n) = (size(row, "d"), size(row, "n"));
    let step = FirstStep { dimension: d, width: size(row, "m"), samples: n, size: real(row, "t") };
    let (names, penalties) = penalties(row, "");
    let outcomes = measure_ridge(label, step, n, &penalties, 6, 0..6)?;
    let finite = Some(1.0 / d as f64);
    Ok(names
        .iter()
        .zip(outcomes)
        .map(|(name, outcome)| again(name, outcome, How::Paired, finite))
        .collect())
}

fn degree_k(row: &Value, name: &str) -> Result<Vec<Again>, MechanismError> {
    let (k, d, n) = (size(row, "k"), size(row, "d"), size(row, "n"));
    let activation = if name.ends_with("erf") { BiasedActivation::Erf } else { RELU };
    let population = harmonic_energies(k, d, activation)?;
    let step = SampledStep { noise: activation.noise(), ..sampled(population, d, 2, k, 1.0, n) };
    let ratio = step.half_point() / (d as f64).powi(i32::try_from(k).expect("a degree"));
    assert!((ratio - real(row, "star_over_power")).abs() <= FOUR_DIGITS, "{row}: {ratio}");
    let limit = half_point_constant(k, activation);
    assert!((limit - real(row, "limit")).abs() <= SIX_DIGITS, "{row}: {limit}");
    let target = PolynomialTarget::harmonic(k)?;
    let fit = LabelFit::LeastSquares;
    let [inside, outside] = measure_energies(&target, &step, activation, fit, 150, 0..24)?;
    let finite = if activation == RELU { 1.0 } else { 5.0 } / d as f64;
    Ok(vec![
        again("inside", inside, How::Exact, Some(finite)),
        again("outside", outside, How::Exact, Some(finite)),
    ])
}

fn staircase(row: &Value, name: &str) -> Result<Vec<Again>, MechanismError> {
    let (d, n, step) = (size(row, "d"), size(row, "n"), size(row, "step"));
    let third = [(&[1, 0, 0][..], 1.0), (&[1, 1, 0][..], 1.0), (&[1, 1, 1][..], 2.0)];
    let (target, later) = match name {
        "11.3.4 z1 + z1 z2" => (polynomial(&[(&[1, 0, 0], 1.0), (&[1, 1, 0], 1.0)]), 2.0),
        "11.3.4 control z1 + z2 z3" => (polynomial(&[(&[1, 0, 0], 1.0), (&[0, 1, 1], 1.0)]), 2.0),
        "11.3.4 z1 + z1 z2 + 2 z1 z2 z3" | "11.3.4 control without bias" => {
            (polynomial(&third), 4.0)
        }
        _ => panic!("unknown row {name}"),
    };
    let mut steps = vec![StepSize::Infinite];
    steps.resize(step, StepSize::Finite(later));
    let seeds = if d > 200 { 0..20 } else { 0..12 };
    let found = measure_staircase(&target, real(row, "bias"), d, n, 100, &steps, seeds)?;
    let last = found.last().expect("a step");
    let finite = Some(2.0 / (d as f64).sqrt());
    Ok((0..target.rank())
        .flat_map(|i| {
            [("+1", &last.plus[i]), ("-1", &last.minus[i])].map(|(sign, outcome)| {
                again(&format!("e{} sign {sign}", i + 1), *outcome, How::Exact, finite)
            })
        })
        .collect())
}

/// 11.4.2: the fit over widths 10^4 to 10^6 and the value at the largest.
fn exponent(row: &Value) {
    let (alpha, k) = (real(row, "alpha"), size(row, "k"));
    let largest = row["largest"][2].as_f64().expect("a prediction");
    // The push at the largest width, from the predicted strength; every degree of one alpha must
    // give the same.
    let widths = [10_000, 31_623, 100_000, 316_228, 1_000_000];
    let at = *widths.last().expect("a width");
    let unit = spike_strength(k, 1.0, at, SecondLayer::Signs);
    let push = (largest / unit).powf(0.5 / k as f64);
    let constant = push / (at as f64).powf(alpha);
    let mut points = Vec::new();
    for &m in &widths {
        let mut rng = stream(7);
        let push = constant * (m as f64).powf(alpha);
        let start = normals(&mut rng, m, 1);
        let shift = push / (m as f64).sqrt();
        let (mut rho, mut lengths) = (Vec::new(), Vec::new());
        for (j, sign) in signs(&mut rng, m).into_iter().enumerate() {
            let own = start[(j, 0)] / (m as f64).sqrt();
            rho.push(own + sign * shift);
            lengths.push((1.0 - own * own + (own + sign * shift).powi(2)).sqrt());
        }
        let vector = &degree_vectors_from(&rho, &lengths, k)[k];
        points.push(((m as f64).ln(), vector.iter().map(|a| a * a).sum::<f64>()));
    }
    let n = points.len() as f64;
    let x = points.iter().map(|p| p.0).sum::<f64>() / n;
    let y = points.iter().map(|p| p.1.ln()).sum::<f64>() / n;
    let slope = points.iter().map(|p| (p.0 - x) * (p.1.ln() - y)).sum::<f64>()
        / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>();
    let predicted = 2.0 * k as f64 * alpha - (k as f64 - 1.0);
    assert!((predicted - row["fitted"][2].as_f64().expect("an exponent")).abs() <= PRINTED);
    // The statement's .04, unless the file's own fit is further off: -1.86 for -1.8 at k = 4, alpha
    // = .15, where the fourth spike is below 1e-4 and its start is not yet small beside its push.
    let own = row["fitted"][0].as_f64().expect("a fit");
    if (own - predicted).abs() <= 0.04 {
        assert!((slope - predicted).abs() <= 0.04, "{row}: {slope}, predicted {predicted}");
    }
    assert!((slope - own).abs() <= 0.04, "{row}: {slope}");
    let value = points.last().expect("a width").1;
    let reference = row["largest"][0].as_f64().expect("a value");
    assert!((value / reference - 1.0).abs() <= 0.05, "{row}: {value}");
}

fn spikes(row: &Value) -> Result<Vec<Again>, MechanismError> {
    let step = FirstStep { dimension: 200, width: 200, samples: 600, size: real(row, "t") };
    let label = Label::SingleIndex(vec![0.0, 0.8, 0.6]);
    let seeds = 0..32;
    let found = measure_spikes(&label, step, 600, seeds)?;
    let mut results = Vec::new();
    for k in 0..2 {
        let place = format!("{} value over predicted", k + 1);
        if row[&place][0].is_number() && found.position[k].error.is_finite() {
            let slope_is_large = found.alignment[k].predicted > 0.1;
            let claimed = if slope_is_large { Some(0.03) } else { None };
            results.push(again(&place, found.position[k], How::Sampled, claimed));
            let name = format!("{} with h_{}", k + 1, k + 1);
            results.push(again(&name, found.alignment[k], How::Paired, claimed));
        }
    }
    Ok(results)
}

fn learnt(row: &Value, coefficients: &[f64]) -> Result<Vec<Again>, MechanismError> {
    let step = FirstStep { dimension: 100, width: 100, samples: 1000, size: real(row, "t") };
    let seeds = 0..24;
    let found = measure_learnt(coefficients, step, 400, 0.01, 6, seeds)?;
    let second = coefficients[2].abs() > 0.0;
    // The engine is 3 to 4 % low where the label has a third degree.
    let claimed = if second { Some(0.02) } else { Some(0.08) };
    let mut results = vec![
        again("test error", found.test, How::Paired, claimed),
        again("share of degree 1", found.shares[0], How::Paired, Some(0.02)),
    ];
    if second {
        results.push(again("share of degree 2", found.shares[1], How::Paired, Some(0.02)));
    }
    Ok(results)
}

fn both_engines(
    row: &Value,
    names: &[String],
    found: &ConditionalOutcome,
    finite: &dyn Fn(usize) -> f64,
) -> Vec<Again> {
    let gaussian = row["unconditional"].as_array();
    names
        .iter()
        .enumerate()
        .map(|(k, name)| {
            if let Some(reference) = gaussian.and_then(|list| list[k].as_f64()) {
                let own = found.gaussian[k];
                let far = 0.02 * reference + Z * own.standard_error;
                assert!((own.mean - reference).abs() <= far, "{row}: Gaussian engine {own:?}");
            }
            again(name, found.conditional[k], How::Paired, Some(finite(k)))
        })
        .collect()
}

fn spiked(row: &Value, spikes: Spikes) -> Result<Vec<Again>, MechanismError> {
    let d = size(row, "d");
    let experiment = SpikedExperiment {
        coefficients: vec![0.0, 0.6, 0.5],
        along: 0.8,
        dimension: d,
        width: size(row, "N"),
        samples: size(row, "n"),
        spikes,
        nodes: 11,
    };
    let (names, penalties) = penalties(row, "");
    let seeds = 0..12;
    let found = measure_spiked(&experiment, &penalties, 10, seeds)?;
    let finite = |k: usize| if penalties[k] <= 1e-3 { 3.0 } else { 1.0 } / d as f64;
    Ok(both_engines(row, &names, &found, &finite))
}

fn scaling(row: &Value) -> Result<Vec<Again>, MechanismError> {
    let d = size(row, "d");
    let (names, penalties) = penalties(row, " against conditional");
    let experiment = SpikedExperiment {
        coefficients: vec![0.0, 0.6, 0.5],
        along: 0.8,
        dimension: d,
        width: d,
        samples: 2 * d,
        spikes: Spikes::Constant(1.0),
        nodes: 11,
    };
    let found = measure_spiked(&experiment, &penalties, 6, 0..4)?;
    let mut results = Vec::new();
    for (k, (name, penalty)) in names.iter().zip(&penalties).enumerate() {
        let conditional = found.conditional[k];
        results.push(again(name, conditional, How::Paired, Some(1.0 / d as f64)));
        let readout = ConstantReadout {
            coefficients: vec![0.0, 0.6, 0.5],
            along: 0.8,
            spike: 1.0,
            width_over_d: 1.0,
            samples_over_d: 2.0,
            penalty: *penalty,
        };
        let limit = readout.risk(&Rule::fine()?, Tuning::default())?.test;
        let against = format!("lambda {penalty} against limit");
        let outcome = Outcome { predicted: limit, ..conditional };
        results.push(again(&against, outcome, How::Exact, Some(4.0 / d as f64)));
    }
    Ok(results)
}

fn nodes(row: &Value) -> Result<Vec<Again>, MechanismError> {
    let readout = ConstantReadout {
        coefficients: vec![0.0, 0.6, 0.5],
        along: 0.8,
        spike: real(row, "c"),
        width_over_d: 1.0,
        samples_over_d: 2.0,
        penalty: 0.1,
    };
    let exact = readout.risk(&Rule::fine()?, Tuning::default())?.test;
    for (key, value) in row.as_object().expect("a row") {
        let Some(count) = key.strip_prefix("q = ") else { continue };
        let count = count.parse().expect("a number of nodes");
        let own = readout.risk(&Rule::gauss_hermite(count)?, Tuning::default())?.test;
        let reference = value[0].as_f64().expect("a value");
        assert!((own - reference).abs() <= PRINTED * reference, "{row} {key}: {own}");
        let limit = value[2].as_f64().expect("the limit");
        assert!((exact - limit).abs() <= PRINTED * limit, "{row}: {exact}");
    }
    Ok(Vec::new())
}

fn trained(row: &Value) -> Result<Vec<Again>, MechanismError> {
    let (d, m) = (size(row, "d"), size(row, "N"));
    let size_of_step = real(row, "c") * (m as f64).sqrt();
    let step = FirstStep { dimension: d, width: m, samples: 4 * d, size: size_of_step };
    let (names, penalties) = penalties(row, "");
    let seeds = 0..12;
    let samples = size(row, "n");
    let found = measure_trained(&[0.0, 0.6, 0.5], step, samples, 40, &penalties, 6, seeds)?;
    let finite = |k: usize| if penalties[k] <= 1e-3 { 0.03 } else { 0.02 };
    // The reference's Gaussian engine is that of other networks; only ours is watched.
    let without: Value = serde_json::json!({});
    Ok(both_engines(&without, &names, &found, &finite))
}

/// What is wrong with a row's figures.
fn failures(row: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let results = measured_again(row).unwrap_or_else(|error| panic!("{row}: {error}"));
    for Again { quantity, outcome, how, finite_size } in results {
        let place = format!("{} {:?}", name(row), quantity);
        let reference = &row[&quantity];
        let (Some(mean), error) = (reference[0].as_f64(), reference[1].as_f64()) else {
            found.push(format!("{place} is not in the row"));
            continue;
        };
        let spread = Z * outcome.error.hypot(error.unwrap_or(0.0));
        let (own, other) = match (how, reference[2].as_f64()) {
            (How::Paired, Some(predicted)) => {
                (outcome.measured - outcome.predicted, mean - predicted)
            }
            _ => (outcome.measured, mean),
        };
        // Paired differences are finite-size errors, of which as much as the statement allows may
        // differ.
        let rest = if how == How::Paired { finite_size.unwrap_or(0.05) * mean.abs() } else { 0.0 };
        if !((own - other).abs() <= spread + rest) {
            found.push(format!(
                "{place}: {own:.6}, not {other:.6} +- {:.6}: {outcome:?}",
                spread / Z
            ));
        }
        if let (How::Exact, Some(predicted)) = (how, reference[2].as_f64()) {
            let allowed = 3.0 * PRINTED * predicted.abs() + 1e-12;
            if !((outcome.predicted - predicted).abs() <= allowed) {
                found.push(format!("{place}: predicted {}, not {predicted}", outcome.predicted));
            }
        }
        if let Some(finite_size) = finite_size
            && !outcome.agrees(Z, finite_size)
        {
            found.push(format!("{place}: {outcome:?}, finite size {finite_size}"));
        }
    }
    found
}

/// Rows that cost more than a second or two.
fn large(row: &Value) -> bool {
    let d = row["d"].as_u64().unwrap_or(0);
    let n = row["n"].as_u64().unwrap_or(0);
    match name(row).split(' ').next().expect("an id") {
        "11.1.2" => n > 1600,
        "11.1.3" => d > 40 || n > 1600,
        "11.1.4" => row["D"].as_u64() > Some(150),
        "11.1.5" => d > 16 || n > 1024,
        "11.2.2" | "11.3.1" | "11.3.4" => d > 100,
        "11.2.3" => row["m"].as_u64() > Some(200) || row["t"].as_u64() < Some(3),
        "11.2.4" => n > 300,
        "11.2.5" => row["t"].as_u64() != Some(40),
        "11.3.3" => n > 4000,
        "11.4.3" => !matches!(row["t"].as_u64(), Some(6 | 20)),
        "11.4.4" => !matches!(row["t"].as_u64(), Some(0 | 8 | 30)),
        "11.5.1" => row["c"].as_f64() != Some(1.0),
        "11.2.1" | "11.5.2" => d > 50,
        "11.5.4" => d > 100 || row["c"].as_f64() != Some(3.0),
        _ => false,
    }
}

fn check(of_size: impl Fn(&Value) -> bool) {
    let only = std::env::var("GRADIOMETER_ROWS").unwrap_or_default();
    let mut rows = rows();
    rows.retain(|row| of_size(row) && name(row).starts_with(&only));
    assert!(!rows.is_empty(), "no rows");
    let found: Vec<String> = rows
        .par_iter()
        .flat_map_iter(|row| {
            // A check inside a row panics: the other rows are measured all the same.
            let own = std::panic::catch_unwind(|| failures(row));
            let own = own.unwrap_or_else(|_| vec!["a check inside the row".to_owned()]);
            own.into_iter().map(move |why| format!("{row}: {why}"))
        })
        .collect();
    assert!(found.is_empty(), "{} rows:\n{}", rows.len(), found.join("\n"));
}

#[test]
fn golden_onestep_small_rows_are_measured_again() {
    check(|row| !large(row));
}

/// Minutes, so only where the long forms of tests are asked for.
#[test]
fn golden_onestep_large_rows_are_measured_again() {
    if gradiometer_testing::runs_slow_tests() {
        check(large);
    }
}

/// Control: a figure moved by eight standard errors is refused.
#[test]
fn golden_onestep_a_moved_row_is_refused() {
    // Of our own file, whichever is tested.
    let rows = rows_of(FILE);
    let row = rows.iter().find(|row| name(row) == "11.2.2 alignment").expect("such a row");
    let norm_is_off = |row| failures(row).iter().any(|why| why.contains("squared norm"));
    assert!(!norm_is_off(row));
    let mut moved = row.clone();
    for quantity in ["step", "moment vector", "squared norm"] {
        let error = row[quantity][1].as_f64().expect("an error");
        let mean = row[quantity][0].as_f64().expect("a mean");
        // Ours has as many seeds as the reference: 16 of its errors are more than 4 of both.
        moved[quantity][0] = serde_json::json!(mean + 16.0 * error);
    }
    assert!(norm_is_off(&moved) && failures(&moved).len() >= 3, "{:?}", failures(&moved));
}

#[test]
#[should_panic(expected = "unknown row")]
fn golden_onestep_an_unknown_row_fails() {
    failures(&serde_json::json!({"name": "11.9.9 nothing"}));
}
