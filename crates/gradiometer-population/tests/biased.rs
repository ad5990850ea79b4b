//! Networks with biases against integrals in forty digits, finite differences and the closed form without biases.

#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use gradiometer_hermite::Degrees;
use gradiometer_model::{Network, Skip, Teacher};
use gradiometer_population::{
    Accuracy, BiasedEvaluation, BiasedNetwork, BiasedPopulation, Objective as _, Population,
};
use gradiometer_testing::{Words, close, rounding};
use serde_json::Value;

/// A network from rows of `[a, w, b]`.
fn network(neurons: &Value) -> BiasedNetwork {
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let rows = neurons.as_array().unwrap();
    let second = rows.iter().map(|row| row[0].as_f64().unwrap()).collect();
    let first: Vec<Vec<f64>> = rows.iter().map(|row| numbers(&row[1])).collect();
    let biases = rows.iter().map(|row| row[2].as_f64().unwrap()).collect();
    BiasedNetwork::new(Network::from_rows(second, &first).unwrap(), Some(biases)).unwrap()
}

fn evaluate(
    teacher: &BiasedNetwork,
    student: &BiasedNetwork,
    degrees: Degrees,
) -> BiasedEvaluation {
    BiasedPopulation::new(teacher.clone(), degrees).unwrap().evaluate(student).unwrap()
}

/// The gradients of forty digits, as texts in `a`, `w` and `b`.
#[track_caller]
fn gradient_is_within(found: &BiasedEvaluation, exact: &Value) {
    let number = |x: &Value| x.as_str().unwrap().parse::<f64>().unwrap();
    let list = |x: &Value| -> Vec<f64> { x.as_array().unwrap().iter().map(number).collect() };
    let rows: Vec<f64> = exact["w"].as_array().unwrap().iter().flat_map(list).collect();
    for (found_one, exact_one) in [
        (&found.second_layer, &list(&exact["a"])),
        (&found.first_layer, &rows),
        (&found.biases, &list(&exact["b"])),
    ] {
        assert_eq!(found_one.len(), exact_one.len());
        for (x, y) in found_one.iter().zip(exact_one) {
            let off = (x - y).abs();
            assert!(off <= found.gradient_error, "{off:e} {:e} {exact}", found.gradient_error);
        }
    }
}

#[test]
fn losses_and_gradients_are_those_of_forty_digits() {
    let text = include_str!("data/biased.json");
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    assert_eq!(cases.len(), 200);
    let mut nearest = 0.0;
    for case in &cases {
        let (teacher, student) = (network(&case["teacher"]), network(&case["student"]));
        for (degrees, field) in [(Degrees::All, "all"), (Degrees::FromTwo, "from_two")] {
            let exact: f64 = case[field].as_str().unwrap().parse().unwrap();
            let evaluated = evaluate(&teacher, &student, degrees);
            let found = evaluated.loss;
            gradient_is_within(&evaluated, &case[&format!("grad_{field}")]);
            let off = (found.value - exact).abs();
            assert!(off <= found.error, "{off:e} {found:?} {case}");
            if off / found.error > nearest {
                nearest = off / found.error;
            }
        }
    }
    // The bound is not so wide that anything would be within it.
    assert!(nearest * 1024.0 > 1.0, "{nearest:e}");
}

/// A student of two neurons in space and its parameters one after the other: `a`, `w`, `b`.
fn student(x: &[f64]) -> BiasedNetwork {
    let network = Network::new(3, x[..2].to_vec(), x[2..8].to_vec()).unwrap();
    BiasedNetwork::new(network, Some(x[8..].to_vec())).unwrap()
}

#[test]
fn gradients_are_those_of_differences() {
    let mut words = Words::new(11);
    for round in 0..20 {
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| words.normal()).collect() };
        let teacher = student(&draw(10));
        let mut x = draw(10);
        if round % 4 == 1 {
            // Next to the teacher's first neuron.
            let w = teacher.network().neuron(0).to_vec();
            for (x, w) in x[2..5].iter_mut().zip(w) {
                *x = w + *x / 1024.0;
            }
            x[8] = teacher.biases()[0];
        }
        for degrees in [Degrees::All, Degrees::FromTwo] {
            let found = evaluate(&teacher, &student(&x), degrees);
            let gradient =
                [&found.second_layer[..], &found.first_layer[..], &found.biases[..]].concat();
            for (k, g) in gradient.iter().enumerate() {
                // The fourth order of central differences: the fourth power of the step is lost, and
                // the loss's own rounding over the step.
                let step = f64::powi(0.5, 10);
                let at = |shift: f64| {
                    let mut x = x.clone();
                    x[k] += shift;
                    evaluate(&teacher, &student(&x), degrees).loss.value
                };
                let near = (at(step) - at(-step)) / (2.0 * step);
                let far = (at(2.0 * step) - at(-2.0 * step)) / (4.0 * step);
                let difference = (4.0 * near - far) / 3.0;
                let size = found.loss.error / f64::EPSILON / step;
                close(*g, difference, rounding(1 << 20, size * step + 1.0));
                assert!(found.gradient_error >= 0.0 && g.is_finite());
            }
        }
    }
}

#[test]
fn without_biases_it_is_the_objective_of_the_theory() {
    let mut words = Words::new(3);
    for _ in 0..20 {
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| words.normal()).collect() };
        let teacher = Network::new(3, draw(2), draw(6)).unwrap();
        let skip = Skip { constant: draw(1)[0], linear: draw(3) };
        let student = Network::new(3, draw(3), draw(9)).unwrap().with_skip(skip).unwrap();
        for degrees in [Degrees::All, Degrees::FromTwo] {
            let plain = Population::new(Teacher::new(teacher.clone()).unwrap()).of_degrees(degrees);
            let plain = plain.evaluate(&student, Accuracy::finest(1e-12)).unwrap();
            let biased = |network: &Network| BiasedNetwork::new(network.clone(), None).unwrap();
            let found = evaluate(&biased(&teacher), &biased(&student), degrees);
            let off = (found.loss.value - plain.loss.value).abs();
            assert!(off <= found.loss.error + plain.loss.error, "{off:e}");
            let pairs = [
                (&found.second_layer, &plain.gradient.second_layer),
                (&found.first_layer, &plain.gradient.first_layer),
            ];
            for (x, y) in pairs.iter().flat_map(|(x, y)| x.iter().zip(y.iter())) {
                let off = (x - y).abs();
                assert!(off <= found.gradient_error + f64::EPSILON * y.abs(), "{off:e}");
            }
        }
    }
}

#[test]
fn corners_are_served() {
    let one = |w: f64, b: f64| {
        BiasedNetwork::new(Network::new(1, vec![1.0], vec![w]).unwrap(), Some(vec![b])).unwrap()
    };
    let loss = |x: &BiasedNetwork, y: &BiasedNetwork| evaluate(x, y, Degrees::All);
    // A neuron that is always on is affine, and one that never is is nothing: x + 100 against x + 99.
    let found = loss(&one(1.0, 100.0), &one(1.0, 99.0));
    assert!((found.loss.value - 1.0).abs() <= found.loss.error);
    let found = loss(&one(1.0, -100.0), &one(1.0, -99.0));
    assert!(found.loss.value.abs() <= found.loss.error);
    // A zero vector is a constant, and its gradient in w is that of degree 1.
    let found = loss(&one(0.0, 2.0), &one(0.0, 0.5));
    assert!((found.loss.value - 2.25).abs() <= found.loss.error);
    assert!((found.biases[0] + 3.0).abs() <= found.gradient_error);
    assert_eq!(found.first_layer, [0.0]);
    // Opposite neurons whose kinks meet: relu(x - 1) + relu(1 - x) = |x - 1|.
    let found = loss(&one(1.0, -1.0), &one(-1.0, 1.0));
    assert!(found.loss.value > 1.0 && found.loss.error < f64::powi(0.5, 30), "{found:?}");
    // A bias of zero is one of nearly zero, on either side, beside any other.
    let plane = |b: f64, w: [f64; 2]| {
        let network = Network::new(2, vec![1.0], w.to_vec()).unwrap();
        BiasedNetwork::new(network, Some(vec![b])).unwrap()
    };
    for other in [-1.5, -0.25, 0.5, 2.0] {
        for w in [[1.0, 0.0], [0.6, 0.8], [-0.6, 0.8], [-1.0, 0.0]] {
            let at = |b: f64| loss(&plane(b, [1.0, 0.0]), &plane(other, w)).loss;
            let (zero, error) = (at(0.0).value, at(0.0).error);
            assert!(zero >= 0.0, "{other} {w:?} {zero:e}");
            for beside in [f64::powi(0.5, 60), -f64::powi(0.5, 60), -0.0] {
                assert!((at(beside).value - zero).abs() <= 2.0 * error, "{other} {w:?}");
            }
        }
    }
    let several = BiasedNetwork::new(Network::new(1, vec![1.0], vec![1.0]).unwrap(), Some(vec![]));
    assert!(several.is_err());
}
