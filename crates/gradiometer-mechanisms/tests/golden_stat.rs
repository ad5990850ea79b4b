//! The mechanisms of sections 11.10 to 11.13 against values of 16 to 20 digits.
//!
//! The values are in `testdata/mechanisms_stat.json`, or in the file that `GRADIOMETER_GOLDEN_STAT`
//! names. Everything is computed from an entry's own inputs, and an entry with a key that is not
//! known here fails.

use faer::Mat;
use gradiometer_mechanisms::aubin2018::{Committee, Overlap, Weights};
use gradiometer_mechanisms::beaglehole2024::{
    EarlyAlignment, radial_coefficients, tangent_kernel, weights_times_gradient,
};
use gradiometer_mechanisms::moments::{Fields, OrthantRule};
use gradiometer_mechanisms::radhakrishnan::{
    Ansatz, Centring, Kernel, SampledAgop, above_second_degree, agop, cross_agop,
};
use gradiometer_mechanisms::relu_order_parameters::{
    Dynamics, OrderParameters, Plateau, SecondOrder,
};
use gradiometer_model::{Network, Teacher};
use gradiometer_population::{Accuracy, Degrees, Objective, Population};
use gradiometer_testing::{at_most, rounding};
use serde_json::{Map, Value};

/// Statement 11.13.2's tolerance of its moments, in units of `sqrt(C_ww C_zz)`.
const MOMENTS: f64 = 1e-13;

/// Statement 11.13.4's tolerance of its trajectories.
const TRAJECTORY: f64 = 1e-8;

/// The file's blocks.
fn golden() -> Map<String, Value> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/mechanisms_stat.json");
    let path = std::env::var("GRADIOMETER_GOLDEN_STAT").unwrap_or_else(|_| own.to_owned());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let value: Value = serde_json::from_str(&text).expect("JSON");
    value.as_object().expect("an object of blocks").clone()
}

const BLOCKS: [&str; 9] = [
    "11.13.2 moments",
    "11.13.3 right-hand sides",
    "11.13.4 trajectories",
    "11.13.5 plateau",
    "11.10.1 agop",
    "11.10.4 sampled agop",
    "11.11.5 early alignment",
    "11.10.7 recursive feature machine",
    "11.12 committee",
];

/// A block's entries; a block that is one entry is a list of one, and one that is not in the file
/// is empty.
fn entries(block: &str) -> Vec<Value> {
    assert!(BLOCKS.contains(&block), "{block}");
    match golden().get(block) {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries.clone(),
        Some(entry) => vec![entry.clone()],
    }
}

/// The entry's keys are all among the known ones.
fn known(entry: &Value, keys: &[&str]) {
    for key in entry.as_object().expect("an entry is an object").keys() {
        assert!(keys.contains(&key.as_str()), "an entry with an unknown key, {key:?}");
    }
}

/// A number, given as one or as a string of digits.
fn number(value: &Value) -> f64 {
    match value {
        Value::String(digits) => digits.parse().expect("digits"),
        _ => value.as_f64().unwrap_or_else(|| panic!("{value} is not a number")),
    }
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a count")).expect("a result")
}

/// The numbers of a list, or of a list of lists row by row.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        _ => vec![number(value)],
    }
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().expect("a list of rows").iter().map(numbers).collect()
}

fn flat(matrix: &Mat<f64>) -> Vec<f64> {
    let (m, n) = (matrix.nrows(), matrix.ncols());
    (0..m * n).map(|i| matrix[(i / n, i % n)]).collect()
}

fn size(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The worst difference of two lists, which have one length.
fn apart(found: &[f64], expected: &[f64], what: &str) -> f64 {
    assert_eq!(found.len(), expected.len(), "{what}");
    let differences = found.iter().zip(expected).map(|(x, y)| (x - y).abs());
    differences.fold(0.0, |most, x| if x <= most { most } else { x })
}

#[track_caller]
fn near(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    let apart = apart(found, expected, what);
    assert!(apart <= tolerance, "{what}: {apart:e} apart, {tolerance:e} allowed; {found:?}");
}

#[test]
fn golden_stat_has_no_unknown_block() {
    for block in golden().keys() {
        assert!(block == "note" || BLOCKS.contains(&block.as_str()), "unknown block {block:?}");
    }
}

#[test]
fn golden_stat_moments() {
    let rule = OrthantRule::new().unwrap();
    let letter = |c: char| "uvwz".find(c).expect("one of u, v, w, z");
    let mut worst: f64 = 0.0;
    for entry in entries("11.13.2 moments") {
        let name = entry["name"].as_str().unwrap();
        let covariance = numbers(&entry["C"]);
        let fields = Fields::new(&rule, &covariance, 4).unwrap();
        for (key, value) in entry.as_object().unwrap() {
            let index = |i: usize| letter(key.as_bytes()[i].into());
            let (found, ends) = match key.as_str() {
                "name" | "C" | "scale" => continue,
                "p4" => (fields.orthant(&[0, 1, 2, 3]), None),
                "i4" => (fields.i4(0, 1, 2, 3), Some((2, 3))),
                "i3_uvw" => (fields.i3(0, 1, 2), Some((1, 2))),
                "i2_wz" => (fields.i2(2, 3), Some((2, 3))),
                key if key.len() == 4 && key.chars().all(|c| "uvwz".contains(c)) => {
                    let (w, z) = (index(2), index(3));
                    (fields.i4(index(0), index(1), w, z), Some((w, z)))
                }
                _ => panic!("an entry with an unknown key, {key:?}"),
            };
            let scale = ends.map_or(1.0, |(w, z)| fields.deviation(w) * fields.deviation(z));
            let off = (found - number(value)).abs() / scale;
            assert!(off <= MOMENTS, "{name} {key}: {found} is {off:e} off");
            worst = if off > worst { off } else { worst };
        }
    }
    println!("worst moment {worst:e}");
}

fn dynamics(entry: &Value, degrees: Degrees, second_order: SecondOrder) -> Dynamics {
    let mut dynamics =
        Dynamics::new(numbers(&entry["T"]), numbers(&entry["v"]), number(&entry["eta"]))
            .expect("a result");
    dynamics.second_layer_rate = number(&entry["eta_a"]);
    dynamics.decay = number(&entry["decay"]);
    dynamics.noise_variance = number(&entry["noise_variance"]);
    dynamics.degrees = degrees;
    dynamics.second_order = second_order;
    dynamics
}

fn state(entry: &Value) -> OrderParameters {
    OrderParameters {
        student: numbers(&entry["Q"]),
        overlap: numbers(&entry["R"]),
        second_layer: numbers(&entry["a"]),
    }
}

#[test]
fn golden_stat_right_hand_sides() {
    let keys = [
        "K",
        "M",
        "Q",
        "R",
        "T",
        "a",
        "v",
        "eta",
        "eta_a",
        "decay",
        "noise_variance",
        "raw",
        "degrees_from_2",
        "one_step_raw",
    ];
    for entry in entries("11.13.3 right-hand sides") {
        known(&entry, &keys);
        let at = state(&entry);
        assert_eq!(at.second_layer.len(), count(&entry["K"]));
        assert_eq!(numbers(&entry["v"]).len(), count(&entry["M"]));
        for (block, degrees) in [("raw", Degrees::All), ("degrees_from_2", Degrees::FromTwo)] {
            let Some(expected) = entry.get(block) else { continue };
            known(expected, &["accuracy", "loss", "dQ", "dR", "da", "J", "P"]);
            let dynamics = dynamics(&entry, degrees, SecondOrder::Kept);
            let (averages, rates) = (dynamics.averages(&at).unwrap(), dynamics.rates(&at).unwrap());
            for (key, found) in [
                ("loss", vec![averages.loss]),
                ("dQ", rates.student),
                ("dR", rates.overlap),
                ("da", rates.second_layer),
                ("J", averages.squares),
                ("P", averages.gates),
            ] {
                let expected = numbers(&expected[key]);
                near(&found, &expected, 1e-12 * size(&expected), &format!("{block} {key}"));
            }
        }
        if let Some(expected) = entry.get("one_step_raw") {
            known(expected, &["accuracy", "d", "increments", "order"]);
            let dynamics = dynamics(&entry, Degrees::All, SecondOrder::Kept);
            let step = dynamics.mean_step(&at, count(&expected["d"])).unwrap();
            let found = [step.student, step.overlap, step.second_layer].concat();
            let expected = numbers(&expected["increments"]);
            near(&found, &expected, 1e-12 * size(&expected), "one step");
        }
    }
}

#[test]
fn golden_stat_trajectories() {
    let keys = [
        "name",
        "Q",
        "R",
        "T",
        "a",
        "v",
        "eta",
        "eta_a",
        "decay",
        "noise_variance",
        "tau",
        "accuracy",
        "raw",
        "raw_without_second_order",
        "degrees_from_2",
    ];
    for entry in entries("11.13.4 trajectories") {
        known(&entry, &keys);
        let name = entry["name"].as_str().unwrap();
        let times = numbers(&entry["tau"]);
        for (block, degrees, second_order) in [
            ("raw", Degrees::All, SecondOrder::Kept),
            ("raw_without_second_order", Degrees::All, SecondOrder::Dropped),
            ("degrees_from_2", Degrees::FromTwo, SecondOrder::Kept),
        ] {
            let Some(expected) = entry.get(block) else { continue };
            let dynamics = dynamics(&entry, degrees, second_order);
            let found = dynamics.trajectory(&state(&entry), &times, 1e-3 * TRAJECTORY).unwrap();
            let expected = expected.as_array().unwrap();
            assert_eq!(found.len(), expected.len());
            let mut worst: f64 = 0.0;
            for ((found, expected), time) in found.iter().zip(expected).zip(&times) {
                known(expected, &["loss", "Q", "R", "a"]);
                let loss = dynamics.averages(found).unwrap().loss;
                for (key, found) in [
                    ("loss", &[loss][..]),
                    ("Q", &found.student),
                    ("R", &found.overlap),
                    ("a", &found.second_layer),
                ] {
                    let what = format!("{name}, {block}, {key} at {time}");
                    let off = apart(found, &numbers(&expected[key]), &what);
                    assert!(off <= TRAJECTORY, "{what}: {off:e}");
                    worst = if off > worst { off } else { worst };
                }
            }
            println!("{name}, {block}: worst {worst:e}");
        }
    }
}

#[test]
fn golden_stat_plateau() {
    for entry in entries("11.13.5 plateau") {
        let teachers = count(&entry["M"]);
        let plateau = Plateau::of_two_students(teachers).unwrap();
        let collapsed = Plateau::collapsed(teachers).unwrap();
        for (key, expected) in entry.as_object().unwrap() {
            let found = match key.as_str() {
                "M" | "accuracy" => continue,
                "c" => plateau.total_mass,
                "theta" => plateau.angle,
                "loss" => plateau.loss,
                "rate" => plateau.rate,
                "flow_time_per_decade" => plateau.time_per_decade(),
                "collapsed_loss" => collapsed.loss,
                "collapsed_rate" => collapsed.rate,
                _ => panic!("an entry with an unknown key, {key:?}"),
            };
            near(&[found], &[number(expected)], 1e-10, key);
        }
    }
}

fn network(entry: &Value, a: &str, w: &str) -> Network {
    Network::from_rows(numbers(&entry[a]), &rows(&entry[w])).expect("a result")
}

#[test]
fn golden_stat_agop() {
    let keys = ["kind", "a", "W", "teacher_a", "teacher_W", "raw", "centred", "doubles"];
    for entry in entries("11.10.1 agop") {
        known(&entry, &keys);
        let kind = entry["kind"].as_str().unwrap();
        let student = network(&entry, "a", "W");
        let target = network(&entry, "teacher_a", "teacher_W");
        let teacher = Teacher::new(target.clone()).unwrap();
        for (key, centring) in [("raw", Centring::Raw), ("centred", Centring::Centred)] {
            let expected = numbers(&entry[key]);
            let found = flat(&agop(&student, centring));
            near(&found, &expected, 1e-13 * size(&expected), &format!("{kind} {key}"));
        }
        let centred = size(&numbers(&entry["centred"]));
        let least = above_second_degree(&student).unwrap().measured;
        let eigenvalues =
            agop(&student, Centring::Centred).self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
        // Where the AGOP is singular, the root of rounding is all that its cosines are known to.
        let singular = !(eigenvalues[0] > 1e-6 * centred);
        let singular_teacher = {
            let m = agop(&target, Centring::Centred);
            let eigenvalues = m.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
            !(eigenvalues[0] > 1e-6 * size(&flat(&m)))
        };
        let (own, limit) = (Ansatz::of(&student).unwrap(), Ansatz::limit(&target).unwrap());
        let power = |singular: bool| if singular { 1e-9 } else { 1e-12 };
        for (key, expected) in entry["doubles"].as_object().unwrap() {
            let expected = match key.as_str() {
                "accuracy" => continue,
                _ => numbers(expected),
            };
            let (found, tolerance) = match key.as_str() {
                "cross" => {
                    let cross = cross_agop(&student, &target, Centring::Centred);
                    (flat(&cross), 1e-12 * size(&expected))
                }
                "ptk_centred" => {
                    let kernel = tangent_kernel(&student, Centring::Centred);
                    (flat(&kernel), 1e-12 * size(&expected))
                }
                "WtG" => {
                    let product = flat(&weights_times_gradient(&student, &teacher));
                    // The population's own gradient says the same.
                    let evaluation = Population::new(teacher.clone())
                        .evaluate(&student, Accuracy::loss(1e-10))
                        .unwrap();
                    let (m, d) = (student.neurons(), student.dimension());
                    let gradient = &evaluation.gradient.first_layer;
                    let other = (0..d * d).map(|at| {
                        let (i, j) = (at / d, at % d);
                        (0..m).map(|k| student.neuron(k)[i] * gradient[k * d + j]).sum()
                    });
                    let other: Vec<f64> = other.collect();
                    let scale = size(student.first_layer()) * size(gradient);
                    near(&other, &expected, 1e-12 * scale, "the population's gradient");
                    (product, 1e-12 * scale)
                }
                "q" => (radial_coefficients(&student, &teacher), 1e-12 * size(&expected)),
                "loss" => {
                    let evaluation = Population::new(teacher.clone())
                        .evaluate(&student, Accuracy::loss(1e-13))
                        .unwrap();
                    (vec![evaluation.loss.value], 1e-12 * size(&expected))
                }
                "cosine_half" => (vec![own.half], power(singular)),
                "cosine_one" => (vec![own.one], 1e-12),
                "cosine_raw_half" => (vec![own.raw_half], power(singular)),
                "trace_centred" => {
                    let m = agop(&student, Centring::Centred);
                    let trace = (0..m.nrows()).map(|i| m[(i, i)]).sum();
                    (vec![trace], 1e-12 * size(&expected))
                }
                "least_eigenvalue_of_centred_minus_H2_over_2pi" => (vec![least], 1e-12 * centred),
                "limit_cosine_half" => (vec![limit.half], power(singular_teacher)),
                "limit_cosine_one" => (vec![limit.one], 1e-12),
                _ => panic!("an entry with an unknown key, {key:?}"),
            };
            near(&found, &expected, tolerance, &format!("{kind} {key}"));
        }
    }
}

#[test]
fn golden_stat_sampled_agop() {
    for entry in entries("11.10.4 sampled agop") {
        known(&entry, &["a", "W", "fourth_moment", "constant", "accuracy"]);
        let found = SampledAgop::of(&network(&entry, "a", "W")).unwrap();
        for (key, found) in [("fourth_moment", found.fourth_moment), ("constant", found.constant)] {
            let expected = number(&entry[key]);
            near(&[found], &[expected], 1e-12 * expected, key);
        }
    }
}

#[test]
fn golden_stat_early_alignment() {
    for entry in entries("11.11.5 early alignment") {
        known(
            &entry,
            &[
                "W_first_half",
                "teacher_a",
                "teacher_W",
                "centred_at_0",
                "centred_after_one_step_of_1e_3",
                "gradient_covariance_against_H2",
                "uncentred_at_0",
                "accuracy",
            ],
        );
        let half = rows(&entry["W_first_half"]);
        let signs = [vec![1.0; half.len()], vec![-1.0; half.len()]].concat();
        let student = Network::from_rows(signs, &[half.clone(), half].concat()).unwrap();
        let teacher = Teacher::new(network(&entry, "teacher_a", "teacher_W")).unwrap();
        let found = EarlyAlignment::at(&student, &teacher, 1e-3).unwrap();
        // The function is zero at this start, and so is its AGOP: "uncentred_at_0", a cosine with
        // its root, is 0/0. What the file has there is the root of its own rounding errors, and
        // nothing can be held to it but that it is no more.
        let agop = size(&flat(&agop(&student, Centring::Centred)));
        let scale = size(&flat(&tangent_kernel(&student, Centring::Centred)));
        at_most(agop, 0.0, rounding(8, scale * size(student.first_layer()).powi(2)));
        assert!(number(&entry["uncentred_at_0"]).abs() <= 1.0);
        for (key, found) in [
            ("centred_at_0", found.centred),
            ("centred_after_one_step_of_1e_3", found.centred_after_step),
            ("gradient_covariance_against_H2", found.against_labels),
        ] {
            near(&[found], &[number(&entry[key])], 1e-10, key);
        }
    }
}

#[test]
fn golden_stat_recursive_feature_machine() {
    for entry in entries("11.10.7 recursive feature machine") {
        known(&entry, &["X", "y", "Z", "bandwidth", "ridge", "rounds", "note"]);
        let (inputs, labels) = (numbers(&entry["X"]), numbers(&entry["y"]));
        let kernel =
            Kernel { bandwidth: number(&entry["bandwidth"]), ridge: number(&entry["ridge"]) };
        let rounds = entry["rounds"].as_array().unwrap();
        let dimension = inputs.len() / labels.len();
        let found = kernel.recursive(&inputs, &labels, dimension, rounds.len() - 1).unwrap();
        for (t, (found, expected)) in found.iter().zip(rounds).enumerate() {
            known(expected, &["metric", "alpha", "predictions"]);
            for (key, found) in [
                ("metric", flat(found.metric())),
                ("alpha", found.alpha().to_vec()),
                ("predictions", found.predict(&numbers(&entry["Z"]))),
            ] {
                let expected = numbers(&expected[key]);
                near(&found, &expected, 1e-11 * size(&expected), &format!("round {t}, {key}"));
            }
        }
    }
}

#[test]
fn golden_stat_committee() {
    let committee = Committee::new().unwrap();
    for entry in entries("11.12 committee") {
        for (key, expected) in entry.as_object().unwrap() {
            match key.as_str() {
                "accuracy" => {}
                "gaussian_specialisation" | "binary_specialisation" => {
                    known(expected, &["alpha", "q_diagonal", "q_off_diagonal"]);
                    let weights =
                        if key.starts_with('g') { Weights::Gaussian } else { Weights::Binary };
                    let found = committee.specialisation(weights).unwrap();
                    near(&[found.alpha], &[number(&expected["alpha"])], 1e-8, key);
                    let overlap = number(&expected["q_diagonal"]);
                    near(&[found.overlap.diagonal()], &[overlap], 1e-8, key);
                    near(&[found.overlap.off_diagonal()], &[overlap], 1e-8, key);
                }
                "binary_information" => {
                    known(expected, &["alpha", "note", "accuracy"]);
                    let found = committee.perfect_recovery().unwrap();
                    near(&[found.alpha], &[number(&expected["alpha"])], 1e-9, key);
                }
                "binary_end_of_the_uninformed_branch" => {
                    known(expected, &["alpha", "q_plus", "q_minus", "accuracy"]);
                    let found = committee.end_of_branch().unwrap();
                    near(&[found.alpha], &[number(&expected["alpha"])], 1e-8, key);
                    near(&[found.overlap.plus], &[number(&expected["q_plus"])], 1e-5, key);
                    near(&[found.overlap.minus], &[number(&expected["q_minus"])], 1e-5, key);
                }
                "gaussian" | "binary" => {
                    let weights =
                        if key == "gaussian" { Weights::Gaussian } else { Weights::Binary };
                    curve(&committee, weights, expected);
                }
                "one_update" => one_update(&committee, expected),
                _ => panic!("an entry with an unknown key, {key:?}"),
            }
        }
    }
}

fn curve(committee: &Committee, weights: Weights, points: &Value) {
    for point in points.as_array().expect("a list") {
        let alpha = number(&point["alpha"]);
        let overlap = committee.fixed_point(weights, alpha).expect("a result");
        let errors = committee.errors(overlap);
        for (key, expected) in point.as_object().expect("a table") {
            let (found, tolerance) = match key.as_str() {
                "alpha" => continue,
                "q_diagonal" => (overlap.diagonal(), 1e-9),
                "q_off_diagonal" => (overlap.off_diagonal(), 1e-9),
                "map_error" => (errors.map, 1e-6),
                "gibbs_error" => (errors.gibbs, 1e-9),
                "half_mse" => (errors.half_square, 1e-9),
                _ => panic!("a point with an unknown key, {key:?}"),
            };
            near(&[found], &[number(expected)], tolerance, &format!("{weights:?} {alpha} {key}"));
        }
    }
}

fn one_update(committee: &Committee, expected: &Value) {
    known(
        expected,
        &[
            "q_plus",
            "q_minus",
            "hat_plus_at_alpha_1",
            "hat_minus_at_alpha_1",
            "binary_prior_of_hat_1_and_half",
        ],
    );
    let at = Overlap { plus: number(&expected["q_plus"]), minus: number(&expected["q_minus"]) };
    let hat = committee.output(at);
    near(&[hat.plus], &[number(&expected["hat_plus_at_alpha_1"])], 1e-9, "output");
    near(&[hat.minus], &[number(&expected["hat_minus_at_alpha_1"])], 1e-9, "output");
    let prior = committee.prior(Weights::Binary, Overlap { plus: 1.0, minus: 0.5 });
    let expected = numbers(&expected["binary_prior_of_hat_1_and_half"]);
    near(&[prior.plus, prior.minus], &expected, 1e-9, "prior");
}
