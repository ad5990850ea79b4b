//! Both evaluations against high-precision reference values, also with students 1e-11 rad from the teacher.

#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use gradiometer_hermite::float::maximum_of;
use gradiometer_model::{Network, Teacher};
use gradiometer_population::{
    Accuracy, Evaluation, EvaluationRoute, InstructionSet, Objective, Population, Precision,
};
use serde_json::Value;

/// The relative error that the accurate evaluation must reach on every case.
const ACCURATE: f64 = 1e-10;
/// The relative error that the fast evaluation must reach where nothing cancels.
const FAST_GENERIC: f64 = 1e-13;
/// The same in singles: as many units in the last place as that is of doubles.
const FAST_GENERIC_SINGLE: f64 = FAST_GENERIC / f64::EPSILON * f32::EPSILON as f64;
/// The cases where nothing cancels.
const GENERIC: [&str; 2] = ["generic", "wide"];

struct Case {
    name: String,
    population: Population,
    student: Network,
    loss: f64,
    second_layer: Vec<f64>,
    first_layer: Vec<f64>,
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|x| match x {
            Value::Array(_) => numbers(x),
            Value::String(digits) => vec![digits.parse().unwrap()],
            _ => vec![x.as_f64().unwrap()],
        })
        .collect()
}

fn cases() -> Vec<Case> {
    let file: Value = serde_json::from_str(include_str!("data/golden.json")).unwrap();
    let network = |v: &Value, d| Network::new(d, numbers(&v["a"]), numbers(&v["w"])).unwrap();
    let cases = file["cases"].as_array().unwrap().iter().map(|case| {
        let d = usize::try_from(case["d"].as_u64().unwrap()).unwrap();
        Case {
            name: case["name"].as_str().unwrap().to_owned(),
            population: Population::new(Teacher::new(network(&case["teacher"], d)).unwrap()),
            student: network(&case["student"], d),
            loss: case["loss"].as_str().unwrap().parse().unwrap(),
            second_layer: numbers(&case["grad_a"]),
            first_layer: numbers(&case["grad_w"]),
        }
    });
    cases.collect()
}

/// Largest absolute difference, and largest entry of the reference.
fn difference(found: &[f64], exact: &[f64]) -> (f64, f64) {
    assert_eq!(found.len(), exact.len());
    let worst = maximum_of(found.iter().zip(exact).map(|(x, y)| (x - y).abs()));
    (worst, maximum_of(exact.iter().map(|y| y.abs())))
}

/// The relative errors of loss and both gradients (relative to the largest entry), after checking that each bound is true.
fn relative_errors(case: &Case, found: &Evaluation) -> [f64; 3] {
    let name = &case.name;
    // The reference values are rounded to doubles here.
    let rounding = |x: f64| f64::EPSILON * x;
    let loss = (found.loss.value - case.loss).abs();
    assert!(
        loss <= found.loss.error + rounding(case.loss),
        "{name}: {:?} against {:e}",
        found.loss,
        case.loss
    );
    let (second, second_size) = difference(&found.gradient.second_layer, &case.second_layer);
    let bound = found.gradient.second_layer_error + rounding(second_size);
    assert!(second <= bound, "{name}: second layer off by {second:e}, bound {bound:e}");
    let (first, first_size) = difference(&found.gradient.first_layer, &case.first_layer);
    let bound = found.gradient.first_layer_error + rounding(first_size);
    assert!(first <= bound, "{name}: first layer off by {first:e}, bound {bound:e}");
    [loss / case.loss, second / second_size, first / first_size]
}

#[test]
fn the_accurate_evaluation_meets_every_reference_value() {
    let cases = cases();
    assert_eq!(cases.len(), 7);
    for case in &cases {
        let found = case.population.evaluate(&case.student, Accuracy::finest(ACCURATE)).unwrap();
        assert!(relative_errors(case, &found).iter().all(|e| *e <= ACCURATE), "{}", case.name);
        assert!(found.loss.within(ACCURATE), "{}: {:?}", case.name, found.loss);
    }
}

#[test]
fn the_fast_evaluation_keeps_its_bound_on_every_instruction_set() {
    for set in InstructionSet::available() {
        for (precision, goal) in
            [(Precision::Double, FAST_GENERIC), (Precision::Single, FAST_GENERIC_SINGLE)]
        {
            for case in cases() {
                let asked = Accuracy::fast_in(precision);
                let found =
                    case.population.clone().on(*set).evaluate(&case.student, asked).unwrap();
                let errors = relative_errors(&case, &found);
                if GENERIC.contains(&case.name.as_str()) {
                    assert!(errors.iter().all(|e| *e <= goal), "{}: {errors:?}", case.name);
                }
            }
        }
    }
}

#[test]
fn evaluate_chooses_the_route_that_the_bound_asks_for() {
    for case in cases() {
        let found = case.population.evaluate(&case.student, Accuracy::loss(ACCURATE)).unwrap();
        let generic = GENERIC.contains(&case.name.as_str());
        let fast = matches!(found.route, EvaluationRoute::Fast(_));
        assert_eq!(generic, fast, "{}: {}", case.name, found.route);
        assert!(found.loss.within(ACCURATE), "{}: {:?}", case.name, found.loss);
    }
}

#[test]
fn a_perturbed_reference_is_noticed() {
    let mut case = cases().swap_remove(6);
    case.loss *= 1.0 + 2.0 * ACCURATE;
    let found = case.population.evaluate(&case.student, Accuracy::finest(ACCURATE)).unwrap();
    let caught = std::panic::catch_unwind(|| relative_errors(&case, &found));
    assert!(caught.is_err(), "the bound of the accurate loss must exclude a loss wrong by 2e-10");
}
