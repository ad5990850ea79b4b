//! Every deterministic reference value of 11.0.1 to 11.5.4, computed from each entry's inputs.
//!
//! `GRADIOMETER_GOLDEN_ONESTEP` names another file of the same form. An entry of an unknown kind,
//! an unknown input and an output that is not computed here fail.

#![expect(clippy::panic_in_result_fn, reason = "a check inside a measurement fails its test")]

use faer::Mat;
use gradiometer_mechanisms::activation::RELU;
use gradiometer_mechanisms::ba2022::{
    Start, gradient_singular_values, leading_vector, moment_vector,
};
use gradiometer_mechanisms::cui2024::{ConditionalRidge, ConstantReadout, Tuning, unlearnable};
use gradiometer_mechanisms::damian2022::LimitLaw;
use gradiometer_mechanisms::dandi2023::{Staircase, StepSize, mean_outer_step};
use gradiometer_mechanisms::floor::{HarmonicProfile, harmonics, kernel_energies};
use gradiometer_mechanisms::moniri2024::{degree_vectors, outliers};
use gradiometer_mechanisms::normal::Rule;
use gradiometer_mechanisms::ridge::{
    GaussianRidge, relu_covariance, relu_engine, relu_means, relu_teacher_moments,
};
use gradiometer_mechanisms::step::{
    SampledStep, StepCalculator, half_point_constant, harmonic_energies, quadratic_energies,
};
use gradiometer_mechanisms::target::Term;
use gradiometer_mechanisms::{BiasedActivation, MechanismError, PolynomialTarget};
use gradiometer_model::{Network, Teacher};
use serde_json::{Map, Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/mechanisms_onestep.json");

fn reference() -> Value {
    let path = std::env::var("GRADIOMETER_GOLDEN_ONESTEP").unwrap_or_else(|_unset| FILE.to_owned());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_json::from_str(&text).expect("the reference file is JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn count(value: &Value) -> usize {
    let n = value.as_u64().unwrap_or_else(|| panic!("{value} is no count"));
    usize::try_from(n).expect("a count fits")
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

fn vector(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

fn matrix(value: &Value) -> Mat<f64> {
    let rows: Vec<Vec<f64>> = list(value).iter().map(vector).collect();
    Mat::from_fn(rows.len(), rows.first().map_or(0, Vec::len), |i, j| rows[i][j])
}

fn rows(matrix: faer::MatRef<'_, f64>) -> Vec<Vec<f64>> {
    (0..matrix.nrows()).map(|i| (0..matrix.ncols()).map(|j| matrix[(i, j)]).collect()).collect()
}

fn target(value: &Value) -> PolynomialTarget {
    let terms = list(value)
        .iter()
        .map(|term| Term {
            degrees: list(&term["degrees"]).iter().map(count).collect(),
            coefficient: number(&term["coefficient"]),
        })
        .collect();
    PolynomialTarget::new(terms).expect("a valid target")
}

fn activation(name: &Value, bias: &Value) -> BiasedActivation {
    match name.as_str() {
        Some("relu") if bias.is_null() => RELU,
        Some("relu with bias" | "relu") => BiasedActivation::Relu { bias: number(bias) },
        Some("erf") if bias.is_null() => BiasedActivation::Erf,
        _ => panic!("unknown activation {name} with bias {bias}"),
    }
}

/// Hermite coefficients from degree 0 on.
fn from_degree_one(value: &Value) -> Vec<f64> {
    std::iter::once(0.0).chain(vector(value)).collect()
}

/// "second coordinate", or the vector itself.
fn outside_direction(value: &Value, dimension: usize) -> Vec<f64> {
    const WORDS: [&str; 8] =
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"];
    let Some(text) = value.as_str() else { return vector(value) };
    let word = text.strip_suffix(" coordinate").unwrap_or_else(|| panic!("unknown place {text}"));
    let index = WORDS.iter().position(|w| *w == word).unwrap_or_else(|| panic!("unknown {word}"));
    (0..dimension).map(|i| f64::from(u8::from(i == index))).collect()
}

/// Fails on an input that the entry's kind does not have.
fn known(inputs: &Value, names: &[&str]) {
    for name in inputs.as_object().expect("inputs are an object").keys() {
        assert!(names.contains(&name.as_str()), "unknown input {name}");
    }
}

/// The outputs of an entry from its inputs; of `outputs` only the names are seen.
fn computed(
    id: &str,
    inputs: &Value,
    outputs: &Map<String, Value>,
) -> Result<Value, MechanismError> {
    match id {
        "11.0.1" => step(inputs),
        "11.1.1" => harmonic(inputs),
        "11.1.2" => quadratic(inputs),
        "11.1.3" => limit_law(inputs),
        "11.1.4" => floor(inputs, outputs),
        "11.2.1" => first_gradient(inputs),
        "11.2.3" => leading(inputs),
        "11.2.4" => gaussian(inputs),
        "11.3.2" => {
            known(inputs, &["x", "r"]);
            let gram = mean_outer_step(matrix(&inputs["x"]).as_ref(), &vector(&inputs["r"]))?;
            Ok(json!({ "gram": rows(gram.as_ref()) }))
        }
        "11.3.4" => staircase(inputs),
        "11.4.1" => degrees(inputs, outputs),
        "11.4.3" => {
            known(inputs, &["eigenvalues", "n"]);
            let found = outliers(&vector(&inputs["eigenvalues"]), count(&inputs["n"]))?;
            let pairs: Vec<_> = found.iter().map(|o| vec![o.position, o.slope]).collect();
            Ok(json!({ "outliers": pairs }))
        }
        "11.5.1" => conditional(inputs),
        "11.5.2" => constant_readout(inputs),
        "11.5.3" => {
            const INPUTS: [&str; 4] =
                ["hermite_coefficients_from_degree_1", "u_along_v", "spikes", "norm_outside"];
            known(inputs, &INPUTS);
            let residual = unlearnable(
                &from_degree_one(&inputs["hermite_coefficients_from_degree_1"]),
                number(&inputs["u_along_v"]),
                &vector(&inputs["spikes"]),
                number(&inputs["norm_outside"]),
                &Rule::fine()?,
            )?;
            Ok(json!({ "residual": residual }))
        }
        _ => panic!("unknown kind of entry {id}"),
    }
}

fn step(inputs: &Value) -> Result<Value, MechanismError> {
    known(inputs, &["target", "activation", "bias", "w"]);
    let activation = activation(&inputs["activation"], &inputs["bias"]);
    let calculator = StepCalculator::new(&target(&inputs["target"]), activation);
    let w = matrix(&inputs["w"]);
    let g = calculator.steps(w.as_ref())?;
    for j in 0..w.nrows() {
        let alone = calculator.step(&rows(w.as_ref())[j])?;
        assert_eq!(alone, rows(g.as_ref())[j], "one neuron and all at once");
    }
    Ok(json!({ "g": rows(g.as_ref()) }))
}

fn harmonic(inputs: &Value) -> Result<Value, MechanismError> {
    known(inputs, &["degree", "dimension", "activation", "n", "bias"]);
    let (degree, dimension) = (count(&inputs["degree"]), count(&inputs["dimension"]));
    let activation = activation(&inputs["activation"], &inputs["bias"]);
    let population = harmonic_energies(degree, dimension, activation)?;
    let sampled = SampledStep {
        population,
        dimension,
        rank: 2,
        homogeneity: degree,
        label_energy: 1.0,
        samples: count(&inputs["n"]),
        noise: activation.noise(),
    };
    let energies = sampled.least_squares()?;
    Ok(json!({
        "inside": population.inside,
        "outside": population.outside,
        "half_point": sampled.half_point(),
        "half_point_constant": half_point_constant(degree, activation),
        "noise_constant": activation.noise().across,
        "noise_constant_along_the_neuron": activation.noise().along,
        "sampled_inside": energies.inside,
        "sampled_outside": energies.outside,
    }))
}

fn quadratic(inputs: &Value) -> Result<Value, MechanismError> {
    known(inputs, &["hessian", "dimension", "n", "constant_and_linear_energy"]);
    let hessian = matrix(&inputs["hessian"]);
    let dimension = count(&inputs["dimension"]);
    let population = quadratic_energies(hessian.as_ref(), dimension)?;
    let sampled = SampledStep {
        population,
        dimension,
        rank: hessian.nrows(),
        homogeneity: 2,
        label_energy: 0.5 * hessian.squared_norm_l2(),
        samples: count(&inputs["n"]),
        noise: RELU.noise(),
    };
    let (least_squares, exact) = (sampled.least_squares()?, sampled.exact_labels(None));
    Ok(json!({
        "inside": population.inside,
        "outside": population.outside,
        "least_squares_inside": least_squares.inside,
        "least_squares_outside": least_squares.outside,
        "averages_outside": sampled.averages_outside(number(&inputs["constant_and_linear_energy"])),
        "exact_labels_inside": exact.inside,
        "exact_labels_outside": exact.outside,
    }))
}

fn limit_law(inputs: &Value) -> Result<Value, MechanismError> {
    known(inputs, &["directions", "amplitudes", "normals", "n_over_d2", "lam", "n2"]);
    let law = LimitLaw::relu(
        matrix(&inputs["directions"]).as_ref(),
        &vector(&inputs["amplitudes"]),
        matrix(&inputs["normals"]).as_ref(),
        number(&inputs["n_over_d2"]),
    )?;
    let penalty = number(&inputs["lam"]);
    Ok(json!({
        "label_energy": law.label_energy(),
        "neurons": rows(law.neurons()),
        "gram": rows(law.gram()),
        "b": law.cross(),
        "loss_share": law.loss_share(penalty)?,
        "loss_share_with_n2": law.risk(count(&inputs["n2"]), penalty)?.test / law.label_energy(),
    }))
}

fn floor(inputs: &Value, outputs: &Map<String, Value>) -> Result<Value, MechanismError> {
    const ABOVE: &str = "energy_above_degree_";
    known(inputs, &["dimension", "directions_in_their_span", "amplitudes", "D"]);
    let dimension = count(&inputs["dimension"]);
    let above = outputs.keys().find(|name| name.starts_with(ABOVE)).expect("the last degree");
    let highest: usize = above[ABOVE.len()..].parse().expect("a degree");
    let profile = HarmonicProfile::relu(
        dimension,
        matrix(&inputs["directions_in_their_span"]).as_ref(),
        &vector(&inputs["amplitudes"]),
        highest,
    )?;
    let floors: Vec<f64> =
        vector(&inputs["D"]).into_iter().map(|functions| profile.floor(functions)).collect();
    let sizes: Vec<f64> = (0..=highest).map(|k| harmonics(dimension, k)).collect();
    Ok(json!({
        "harmonics": sizes,
        "kernel_energies": kernel_energies(dimension, highest)?,
        "parts": profile.energies(),
        above: profile.above(),
        "floors": floors,
    }))
}

fn first_gradient(inputs: &Value) -> Result<Value, MechanismError> {
    known(inputs, &["target", "dimension", "n"]);
    let (target, dimension) = (target(&inputs["target"]), count(&inputs["dimension"]));
    let moment = moment_vector(&target, dimension, count(&inputs["n"]))?;
    Ok(json!({
        "singular_values": gradient_singular_values(&target, dimension)?,
        "second_moment": moment.second_moment,
        "squared_norm": moment.squared_norm,
        "squared_cosine": moment.squared_cosine,
    }))
}

fn leading(inputs: &Value) -> Result<Value, MechanismError> {
    const INPUTS: [&str; 3] =
        ["theta", "aspect_of_the_independent_start", "aspect_of_half_the_symmetric_start"];
    known(inputs, &INPUTS);
    let theta = number(&inputs["theta"]);
    let one = leading_vector(
        Start::Independent,
        theta,
        number(&inputs["aspect_of_the_independent_start"]),
    )?;
    let half = number(&inputs["aspect_of_half_the_symmetric_start"]);
    let two = leading_vector(Start::Symmetric, theta, 2.0 * half)?;
    Ok(json!({
        "independent": [one.value, one.right, one.left.expect("an independent start has it")],
        "independent_threshold": one.threshold,
        "symmetric": [two.value, two.right],
        "symmetric_threshold": two.threshold,
    }))
}

fn gaussian(inputs: &Value) -> Result<Value, MechanismError> {
    known(inputs, &["w", "teacher_w", "teacher_a", "n", "lam"]);
    let w = matrix(&inputs["w"]);
    let teacher_rows: Vec<Vec<f64>> = list(&inputs["teacher_w"]).iter().map(vector).collect();
    let network = Network::from_rows(vector(&inputs["teacher_a"]), &teacher_rows)?;
    let label = relu_teacher_moments(w.as_ref(), &Teacher::new(network)?)?;
    let risk =
        relu_engine(w.as_ref(), &label)?.risk(count(&inputs["n"]), number(&inputs["lam"]))?;
    Ok(json!({
        "covariance": rows(relu_covariance(w.as_ref())?.as_ref()),
        "b": label.cross,
        "label_variance": label.variance,
        "feature_means": relu_means(w.as_ref()),
        "label_mean": label.mean,
        "kappa": risk.kappa,
        "test": risk.test,
        "train": risk.train,
        "base": risk.base,
        "df1": risk.df1,
        "df2": risk.df2,
    }))
}

fn staircase(inputs: &Value) -> Result<Value, MechanismError> {
    known(inputs, &["target", "bias", "n_over_d", "steps"]);
    let target = target(&inputs["target"]);
    let stairs = Staircase::new(&target, number(&inputs["bias"]), number(&inputs["n_over_d"]))?;
    let steps: Vec<StepSize> = list(&inputs["steps"])
        .iter()
        .map(|step| match step.as_str() {
            Some("infinite") => StepSize::Infinite,
            Some(other) => panic!("unknown step {other}"),
            None => StepSize::Finite(number(step)),
        })
        .collect();
    Ok(json!({
        "sign_plus": stairs.climb(1.0, &steps)?,
        "sign_minus": stairs.climb(-1.0, &steps)?,
        "label_energy": target.label_energy(),
    }))
}

fn degrees(inputs: &Value, outputs: &Map<String, Value>) -> Result<Value, MechanismError> {
    known(inputs, &["w", "v"]);
    let w = matrix(&inputs["w"]);
    let highest = outputs["a"]
        .as_object()
        .expect("vectors by degree")
        .keys()
        .map(|k| k.parse::<usize>().expect("a degree"))
        .max()
        .expect("one degree");
    let vectors = degree_vectors(w.as_ref(), &vector(&inputs["v"]), highest)?;
    let by_degree: Map<String, Value> =
        vectors.iter().enumerate().map(|(k, a)| (k.to_string(), json!(a))).collect();
    let covariance = relu_covariance(w.as_ref())?;
    let engine = GaussianRidge::new(covariance.as_ref(), &vectors[1], 1.0)?;
    Ok(json!({
        "a": by_degree,
        "covariance": rows(covariance.as_ref()),
        "eigenvalues": engine.eigenvalues(),
    }))
}

fn conditional(inputs: &Value) -> Result<Value, MechanismError> {
    const INPUTS: [&str; 9] = [
        "w",
        "v",
        "u_along_v",
        "u_outside",
        "hermite_coefficients_from_degree_1",
        "nodes",
        "weights",
        "n",
        "lam",
    ];
    known(inputs, &INPUTS);
    let (w, v) = (matrix(&inputs["w"]), vector(&inputs["v"]));
    let along = number(&inputs["u_along_v"]);
    let outside = outside_direction(&inputs["u_outside"], v.len());
    let across = (1.0 - along * along).sqrt();
    let u: Vec<f64> = v.iter().zip(&outside).map(|(x, y)| along * x + across * y).collect();
    let rule = Rule::new(vector(&inputs["nodes"]), vector(&inputs["weights"]))?;
    let coefficients = from_degree_one(&inputs["hermite_coefficients_from_degree_1"]);
    let engine = ConditionalRidge::spiked(w.as_ref(), &v, &u, &coefficients, &rule)?;
    let risk = engine.risk(count(&inputs["n"]), number(&inputs["lam"]), Tuning::default())?;
    let nodes = engine.nodes();
    Ok(json!({
        "means": nodes.iter().map(|q| q.mean.clone()).collect::<Vec<_>>(),
        "covariances": nodes.iter().map(|q| rows(q.covariance.as_ref())).collect::<Vec<_>>(),
        "label_means": nodes.iter().map(|q| q.label_mean).collect::<Vec<_>>(),
        "label_variances": nodes.iter().map(|q| q.label_variance).collect::<Vec<_>>(),
        "cross": nodes.iter().map(|q| q.cross.clone()).collect::<Vec<_>>(),
        "leverage": risk.leverage,
        "weights_with_intercept_first": risk.weights,
        "base": risk.base,
        "errors": risk.errors,
        "test": risk.test,
        "train": risk.train,
    }))
}

fn constant_readout(inputs: &Value) -> Result<Value, MechanismError> {
    const INPUTS: [&str; 6] = [
        "hermite_coefficients_from_degree_1",
        "u_along_v",
        "spike",
        "width_over_d",
        "n_over_d",
        "lam",
    ];
    known(inputs, &INPUTS);
    let readout = ConstantReadout {
        coefficients: from_degree_one(&inputs["hermite_coefficients_from_degree_1"]),
        along: number(&inputs["u_along_v"]),
        spike: number(&inputs["spike"]),
        width_over_d: number(&inputs["width_over_d"]),
        samples_over_d: number(&inputs["n_over_d"]),
        penalty: number(&inputs["lam"]),
    };
    let risk = readout.risk(&Rule::fine()?, Tuning::default())?;
    Ok(json!({
        "test": risk.test,
        "train": risk.train,
        "bias": risk.bias,
        "A": risk.linear_weight,
        "B": risk.noise_weight,
        "T1": risk.linear_leverage,
        "T2": risk.noise_leverage,
        "x": risk.argument,
        "s": risk.transform,
    }))
}

/// The numbers of nested lists.
fn flat(value: &Value, numbers: &mut Vec<f64>) {
    match value {
        Value::Array(entries) => entries.iter().for_each(|entry| flat(entry, numbers)),
        other => numbers.push(number(other)),
    }
}

/// Where two outputs differ by more than `tolerance` times the largest entry of the reference.
fn differences(
    place: &str,
    mine: &Value,
    reference: &Value,
    tolerance: f64,
    found: &mut Vec<String>,
) {
    if let Value::Object(entries) = reference {
        for (name, entry) in entries {
            let inner = format!("{place}.{name}");
            match mine.get(name) {
                Some(own) => differences(&inner, own, entry, tolerance, found),
                None => found.push(format!("{inner} is not computed")),
            }
        }
        return;
    }
    let (mut own, mut other) = (Vec::new(), Vec::new());
    flat(mine, &mut own);
    flat(reference, &mut other);
    if own.len() != other.len() {
        found.push(format!("{place} has {} numbers, not {}", own.len(), other.len()));
        return;
    }
    let largest = other.iter().fold(0.0_f64, |m, x| if x.abs() > m { x.abs() } else { m });
    for (i, (a, b)) in own.iter().zip(&other).enumerate() {
        if !((a - b).abs() <= tolerance * largest) {
            let relative = (a - b).abs() / largest;
            found.push(format!("{place}[{i}]: {a:e}, not {b:e}; relative {relative:e}"));
        }
    }
}

fn failures(entry: &Value) -> Vec<String> {
    let id = entry["id"].as_str().expect("an id");
    let outputs = entry["outputs"].as_object().expect("outputs");
    let mut found = Vec::new();
    match computed(id, &entry["inputs"], outputs) {
        Ok(mine) => {
            let tolerance = number(&entry["relative_error_of_reference"]);
            differences(id, &mine, &entry["outputs"], tolerance, &mut found);
        }
        Err(error) => found.push(format!("{id}: {error}")),
    }
    found
}

#[test]
fn golden_onestep_every_deterministic_entry() {
    let reference = reference();
    let cases = list(&reference["cases"]);
    assert!(!cases.is_empty(), "the file has entries");
    let mut found = Vec::new();
    for (place, entry) in cases.iter().enumerate() {
        for failure in failures(entry) {
            found.push(format!("entry {place}: {failure}"));
        }
    }
    assert!(
        found.is_empty(),
        "{} of {} entries' numbers:\n{}",
        found.len(),
        cases.len(),
        found.join("\n")
    );
}

/// Control: every number of every entry is watched. Each output, moved by ten tolerances, must be
/// refused.
#[test]
fn golden_onestep_a_moved_output_is_refused() {
    fn moved(value: &Value, by: f64) -> Value {
        match value {
            Value::Array(entries) => entries.iter().map(|entry| moved(entry, by)).collect(),
            Value::Object(entries) => {
                entries.iter().map(|(name, entry)| (name.clone(), moved(entry, by))).collect()
            }
            other => json!(number(other) * (1.0 + by)),
        }
    }
    for entry in list(&reference()["cases"]) {
        let tolerance = number(&entry["relative_error_of_reference"]);
        for (name, output) in entry["outputs"].as_object().expect("outputs") {
            let mut changed = entry.clone();
            changed["outputs"][name] = moved(output, 10.0 * tolerance);
            assert!(!failures(&changed).is_empty(), "{} {name}", entry["id"]);
        }
    }
}

#[test]
#[should_panic(expected = "unknown kind of entry")]
fn golden_onestep_an_unknown_kind_fails() {
    failures(
        &json!({"id": "11.9.9", "inputs": {}, "outputs": {}, "relative_error_of_reference": 1e-12}),
    );
}

#[test]
#[should_panic(expected = "unknown input")]
fn golden_onestep_an_unknown_input_fails() {
    let mut entry = reference()["cases"][0].clone();
    entry["inputs"]["temperature"] = json!(1.0);
    failures(&entry);
}
