//! Networks with biases against integrals in forty digits, finite differences and the closed form without biases.

#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use gradiometer_hermite::{Activation, Degrees};
use gradiometer_model::{Network, Skip, Teacher};
use gradiometer_population::{
    Accuracy, BiasedPopulation, Evaluation, Objective as _, Population, PopulationError,
    SampleRequest, Samples,
};
use gradiometer_testing::{Words, close, rounding};
use serde_json::Value;

/// A network from rows of `[a, w, b]`.
fn network(neurons: &Value) -> Network {
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let rows = neurons.as_array().unwrap();
    let second = rows.iter().map(|row| row[0].as_f64().unwrap()).collect();
    let first: Vec<Vec<f64>> = rows.iter().map(|row| numbers(&row[1])).collect();
    let biases: Vec<f64> = rows.iter().map(|row| row[2].as_f64().unwrap()).collect();
    Network::from_rows(second, &first).unwrap().fold_biases(&biases).unwrap()
}

fn evaluate(teacher: &Network, student: &Network, degrees: Degrees) -> Evaluation {
    let teacher = Teacher::new(teacher.clone()).unwrap();
    let population = BiasedPopulation::new(teacher, degrees).unwrap();
    population.evaluate(student, Accuracy::FAST).unwrap()
}

/// The gradients in `w`, row by row, and in the biases.
fn split(found: &Evaluation, d: usize) -> [Vec<f64>; 2] {
    let rows = || found.gradient.first_layer.chunks_exact(d + 1);
    [rows().flat_map(|row| row[..d].to_vec()).collect(), rows().map(|row| row[d]).collect()]
}

/// The gradients of forty digits, as texts in `a`, `w` and `b`.
#[track_caller]
fn gradient_is_within(found: &Evaluation, exact: &Value) {
    let number = |x: &Value| x.as_str().unwrap().parse::<f64>().unwrap();
    let list = |x: &Value| -> Vec<f64> { x.as_array().unwrap().iter().map(number).collect() };
    let rows: Vec<f64> = exact["w"].as_array().unwrap().iter().flat_map(list).collect();
    let biases = list(&exact["b"]);
    let [first_layer, own_biases] = split(found, rows.len() / biases.len());
    let error = found.gradient.first_layer_error;
    for (found_one, exact_one) in [
        (&found.gradient.second_layer, &list(&exact["a"])),
        (&first_layer, &rows),
        (&own_biases, &biases),
    ] {
        assert_eq!(found_one.len(), exact_one.len());
        for (x, y) in found_one.iter().zip(exact_one) {
            let off = (x - y).abs();
            assert!(off <= error, "{off:e} {error:e} {exact}");
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
fn student(x: &[f64]) -> Network {
    let network = Network::new(3, x[..2].to_vec(), x[2..8].to_vec()).unwrap();
    network.fold_biases(&x[8..]).unwrap()
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
            let (w, bias) = (&teacher.neuron(0)[..3], teacher.neuron(0)[3]);
            for (x, w) in x[2..5].iter_mut().zip(w) {
                *x = w + *x / 1024.0;
            }
            x[8] = bias;
        }
        for degrees in [Degrees::All, Degrees::FromTwo] {
            let found = evaluate(&teacher, &student(&x), degrees);
            let [first_layer, biases] = split(&found, 3);
            let gradient = [&found.gradient.second_layer[..], &first_layer, &biases].concat();
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
                assert!(found.gradient.first_layer_error >= 0.0 && g.is_finite());
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
            let biased = |n: &Network| n.fold_biases(&vec![0.0; n.neurons()]).unwrap();
            let found = evaluate(&biased(&teacher), &biased(&student), degrees);
            let off = (found.loss.value - plain.loss.value).abs();
            assert!(off <= found.loss.error + plain.loss.error, "{off:e}");
            let pairs = [
                (&found.gradient.second_layer, &plain.gradient.second_layer),
                (&split(&found, 3)[0], &plain.gradient.first_layer),
            ];
            let error = found.gradient.first_layer_error;
            for (x, y) in pairs.iter().flat_map(|(x, y)| x.iter().zip(y.iter())) {
                let off = (x - y).abs();
                assert!(off <= error + f64::EPSILON * y.abs(), "{off:e}");
            }
        }
    }
}

#[test]
fn corners_are_served() {
    let one = |w: f64, b: f64| Network::new(2, vec![1.0], vec![w, b]).unwrap();
    let loss = |x: &Network, y: &Network| evaluate(x, y, Degrees::All);
    // A neuron that is always on is affine, and one that never is is nothing: x + 100 against x + 99.
    let found = loss(&one(1.0, 100.0), &one(1.0, 99.0));
    assert!((found.loss.value - 1.0).abs() <= found.loss.error);
    let found = loss(&one(1.0, -100.0), &one(1.0, -99.0));
    assert!(found.loss.value.abs() <= found.loss.error);
    // A zero vector is a constant, and its gradient in w is that of degree 1.
    let found = loss(&one(0.0, 2.0), &one(0.0, 0.5));
    assert!((found.loss.value - 2.25).abs() <= found.loss.error);
    let [first_layer, biases] = split(&found, 1);
    assert!((biases[0] + 3.0).abs() <= found.gradient.first_layer_error);
    assert_eq!(first_layer, [0.0]);
    // Opposite neurons whose kinks meet: relu(x - 1) + relu(1 - x) = |x - 1|.
    let found = loss(&one(1.0, -1.0), &one(-1.0, 1.0));
    assert!(found.loss.value > 1.0 && found.loss.error < f64::powi(0.5, 30), "{found:?}");
    // A bias of zero is one of nearly zero, on either side, beside any other.
    let plane = |b: f64, w: [f64; 2]| {
        Network::new(2, vec![1.0], w.to_vec()).unwrap().fold_biases(&[b]).unwrap()
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
    assert!(one(1.0, 0.0).fold_biases(&[]).is_err());
    let no_other_input = Teacher::new(Network::new(1, vec![1.0], vec![1.0]).unwrap()).unwrap();
    assert!(BiasedPopulation::new(no_other_input, Degrees::All).is_err());
}

/// `(1/n) sum_i (f(x_i) - y_i)^2` over samples one by one; after preprocessing `f` without its degrees 0 and 1,
/// which are those of the population: `E f` and `E f x`, from the gradients of the exact objective at one neuron.
fn naive(student: &Network, x: &[f64], y: &[f64], low: Option<&[(f64, Vec<f64>)]>) -> f64 {
    let d = student.dimension() - 1;
    let residuals = x.chunks_exact(d).zip(y).map(|(x, y)| {
        let neurons = student.rows().zip(student.second_layer()).enumerate();
        let value: f64 = neurons
            .map(|(j, (w, a))| {
                let z = w[d] + w[..d].iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
                let affine = low.map_or(0.0, |low| {
                    low[j].0 + low[j].1.iter().zip(x).map(|(s, x)| s * x).sum::<f64>()
                });
                a * ((if z > 0.0 { z } else { 0.0 }) - affine)
            })
            .sum();
        value - y
    });
    residuals.map(|r| r * r).sum::<f64>() / y.len() as f64
}

#[test]
fn samples_are_those_of_a_loop_and_their_gradients_differences() {
    let mut words = Words::new(17);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| words.normal()).collect() };
    let (x, n) = (draw(3 * 150), 150);
    let teacher = Teacher::new(student(&draw(10))).unwrap();
    let parameters = draw(10);
    let of = |degrees, y: &[f64]| {
        let request = SampleRequest { degrees, biases: true, ..SampleRequest::new(n, 1) };
        Samples::given(teacher.clone(), Activation::Relu, &x, y, &request).unwrap()
    };
    // Labels without a constant and linear part, so that the fit has nothing to take.
    let y = draw(n);
    let raw = of(Degrees::All, &y);
    let at = student(&parameters);
    let found = raw.evaluate(&at, Accuracy::FAST).unwrap();
    let exact = naive(&at, &x, &y, None);
    assert!((found.loss.value - exact).abs() <= 2.0 * found.loss.error);
    let mut moved = at.clone();
    moved.layers_mut().1[3] += f64::powi(0.5, 20);
    assert!((found.loss.value - naive(&moved, &x, &y, None)).abs() > 2.0 * found.loss.error);
    let fitted = of(Degrees::FromTwo, &y);
    let fit = fitted.label_fit().clone();
    assert_eq!(fit.linear.len(), 4);
    assert!(fit.linear[3].abs() <= 0.0);
    let left: Vec<f64> = x
        .chunks_exact(3)
        .zip(&y)
        .map(|(x, y)| y - fit.constant - x.iter().zip(&fit.linear).map(|(x, b)| x * b).sum::<f64>())
        .collect();
    // The degrees 0 and 1 by Price's theorem: E relu(s z + b) and P(s z + b > 0) w.
    let low: Vec<(f64, Vec<f64>)> = at
        .rows()
        .map(|row| {
            let s = row[..3].iter().map(|w| w * w).sum::<f64>().sqrt();
            let h = -row[3] / s;
            let tail = gradiometer_hermite::normal::upper_tail(h);
            let mean = s * (gradiometer_hermite::normal::density(h) - h * tail);
            (mean, row[..3].iter().map(|w| tail * w).collect())
        })
        .collect();
    let found = fitted.evaluate(&at, Accuracy::FAST).unwrap();
    let exact = naive(&at, &x, &left, Some(&low));
    assert!((found.loss.value - exact).abs() <= 4.0 * found.loss.error, "{:?} {exact}", found.loss);
    for objective in [&raw, &fitted] {
        let found = objective.evaluate(&at, Accuracy::FAST).unwrap();
        let [first_layer, biases] = split(&found, 3);
        let gradient = [&found.gradient.second_layer[..], &first_layer, &biases].concat();
        for (k, g) in gradient.iter().enumerate() {
            // The loss has kinks where a sample meets one; at this step none does.
            let step = f64::powi(0.5, 20);
            let at = |shift: f64| {
                let mut moved = parameters.clone();
                moved[k] += shift;
                objective.evaluate(&student(&moved), Accuracy::FAST).unwrap().loss.value
            };
            let difference = (at(step) - at(-step)) / (2.0 * step);
            close(*g, difference, rounding(1 << 12, (1.0 + found.loss.value) / step));
        }
    }
}

#[test]
fn averages_over_many_samples_are_the_expectations() {
    let mut words = Words::new(5);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| words.normal()).collect() };
    let teacher = Teacher::new(student(&draw(10))).unwrap();
    let at = student(&draw(10));
    let n = 200_000;
    for degrees in [Degrees::All, Degrees::FromTwo] {
        let request = SampleRequest { degrees, biases: true, ..SampleRequest::new(n, 3) };
        let samples = Samples::drawn(teacher.clone(), Activation::Relu, &request).unwrap();
        let found = samples.evaluate(&at, Accuracy::FAST).unwrap();
        let exact = evaluate(teacher.network(), &at, degrees);
        // The square of a residual has a standard deviation of some four times its mean.
        let share = 5.0 * 4.0 / f64::from(200_000_i32).sqrt();
        assert!((found.loss.value / exact.loss.value - 1.0).abs() <= share, "{degrees:?}");
        let size = exact.gradient.first_layer.iter().map(|g| g * g).sum::<f64>().sqrt();
        let pairs = found.gradient.first_layer.iter().zip(&exact.gradient.first_layer);
        let off = pairs.map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt();
        assert!(off <= share * (size + exact.loss.value), "{degrees:?} {off} {size}");
        // A student without its biases is seen to be another.
        let mut plain = at.clone();
        for row in plain.layers_mut().1.chunks_exact_mut(4) {
            row[3] = 0.0;
        }
        let other = samples.evaluate(&plain, Accuracy::FAST).unwrap();
        assert!((other.loss.value / exact.loss.value - 1.0).abs() > share, "{degrees:?}");
    }
    let request = SampleRequest { biases: true, ..SampleRequest::new(50, 3) };
    let refused = Samples::drawn(teacher, Activation::Erf, &request).unwrap_err();
    assert!(matches!(refused, PopulationError::Biases { .. }));
}
