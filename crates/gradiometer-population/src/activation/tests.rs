use super::*;
use crate::Population;
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::Skip;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn gaussian(rng: &mut ChaCha8Rng, n: usize) -> Vec<f64> {
    (0..n).map(|_| rng.sample::<f64, _>(StandardNormal)).collect()
}

fn network(seed: u64, m: usize, d: usize) -> Network {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Network::new(d, gaussian(&mut rng, m), gaussian(&mut rng, m * d)).unwrap()
}

fn with_skip(network: Network) -> Network {
    let linear = (0..network.dimension()).map(|i| 0.25 * i as f64 - 0.4).collect();
    network.with_skip(Skip { constant: -0.3, linear }).unwrap()
}

fn population(activation: Activation, from_degree: FromDegree, d: usize) -> ActivationPopulation {
    let teacher = Teacher::new(network(1, 3, d)).unwrap();
    ActivationPopulation::new(teacher, activation).unwrap().from_degree(from_degree)
}

fn polynomials() -> [Activation; 2] {
    let hermite = Polynomial::from_hermite(vec![0.3, -0.2, 0.5, 0.1, -0.4, 0.05]).unwrap();
    let monomials = Polynomial::from_monomials(&[0.5, -1.0, 0.25, 0.125]).unwrap();
    [Activation::Polynomial(hermite), Activation::Polynomial(monomials)]
}

fn every() -> Vec<Activation> {
    let [first, second] = polynomials();
    vec![Activation::Relu, Activation::Absolute, Activation::Step, Activation::Erf, first, second]
}

fn value(activation: &Activation, network: &Network, x: &[f64]) -> f64 {
    let neurons = network.rows().zip(network.second_layer());
    let sum: f64 = neurons.map(|(w, a)| a * activation.value(dot(w, x))).sum();
    sum + network.skip().map_or(0.0, |skip| skip.constant + dot(&skip.linear, x))
}

#[test]
fn relu_agrees_with_the_population_of_relu_networks() {
    let student = with_skip(network(2, 6, 4));
    for from_degree in [FromDegree::Two, FromDegree::Zero] {
        let found = population(Activation::Relu, from_degree, 4);
        let (loss, gradient) = found.evaluate(&student).unwrap();
        let exact = Population::new(found.teacher.clone()).from_degree(from_degree);
        let exact = exact.accurate(&student, 1e-12).unwrap();
        assert!((loss.value - exact.loss.value).abs() <= loss.error + exact.loss.error);
        let far = |x: &[f64], y: &[f64]| maximum_of(x.iter().zip(y).map(|(x, y)| (x - y).abs()));
        let second = far(&gradient.second_layer, &exact.gradient.second_layer);
        let first = far(&gradient.first_layer, &exact.gradient.first_layer);
        let allowed = gradient.second_layer_error + exact.gradient.second_layer_error;
        assert!(second <= allowed, "{second:e} {allowed:e}");
        let allowed = gradient.first_layer_error + exact.gradient.first_layer_error;
        assert!(first <= allowed, "{first:e} {allowed:e}");
        // The bounds are of some use.
        assert!(loss.error <= 1e4 * f64::EPSILON * loss.value, "{loss:?}");
    }
}

/// The trapezoidal rule in the plane: for entire functions of this growth its error is below rounding.
fn by_trapezoid(activation: &Activation, teacher: &Network, student: &Network) -> f64 {
    let (step, count) = (0.125, 96);
    let mut sum = 0.0;
    for i in -count..=count {
        for k in -count..=count {
            let x = [step * f64::from(i), step * f64::from(k)];
            let difference = value(activation, student, &x) - value(activation, teacher, &x);
            sum += (-0.5 * dot(&x, &x)).exp() * difference * difference;
        }
    }
    sum * step * step / TAU
}

#[test]
fn smooth_activations_agree_with_quadrature_in_the_plane() {
    let [first, second] = polynomials();
    for activation in [Activation::Erf, first, second] {
        let student = with_skip(network(3, 4, 2));
        let found = population(activation.clone(), FromDegree::Zero, 2);
        let (loss, _) = found.evaluate(&student).unwrap();
        let exact = by_trapezoid(&activation, found.teacher.network(), &student);
        // The sum of 37 thousand terms.
        let rounding = 200.0 * f64::EPSILON * exact;
        assert!((loss.value - exact).abs() <= loss.error + rounding, "{loss:?} {exact}");
        let mut wrong = student.clone();
        wrong.layers_mut().0[0] += 1e-9;
        let exact = by_trapezoid(&activation, found.teacher.network(), &wrong);
        assert!(!((loss.value - exact).abs() <= loss.error + rounding), "a wrong student is seen");
    }
}

#[test]
fn activations_with_kinks_agree_with_sampling() {
    let samples = 200_000;
    for activation in [Activation::Absolute, Activation::Step, Activation::Relu] {
        let student = with_skip(network(4, 5, 3));
        let found = population(activation.clone(), FromDegree::Zero, 3);
        let (loss, _) = found.evaluate(&student).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let (mut sum, mut square) = (0.0, 0.0);
        for _ in 0..samples {
            let x = gaussian(&mut rng, 3);
            let e =
                value(&activation, &student, &x) - value(&activation, found.teacher.network(), &x);
            sum += e * e;
            square += e.powi(4);
        }
        let n = f64::from(samples);
        let mean = sum / n;
        let deviation = ((square / n - mean * mean) / n).sqrt();
        // Five standard errors.
        assert!((loss.value - mean).abs() <= 5.0 * deviation, "{loss:?} {mean} {deviation}");
        assert!(!((1.1 * loss.value - mean).abs() <= 5.0 * deviation), "ten per cent are seen");
    }
}

/// Step of the fourth-order differences.
const STEP: f64 = 1.0 / 1024.0;
/// Their truncation `STEP^4/30` times a fifth derivative below `1e5`, plus `eps/STEP`.
const TRUNCATION: f64 = 1e-8;

#[test]
fn gradients_are_the_differences_of_the_loss() {
    for activation in every() {
        for from_degree in [FromDegree::Two, FromDegree::Zero] {
            let student = with_skip(network(6, 4, 3));
            let found = population(activation.clone(), from_degree, 3);
            let (loss, gradient) = found.evaluate(&student).unwrap();
            let entries = [gradient.second_layer, gradient.first_layer].concat();
            let scale = maximum_of(entries.iter().map(|x| x.abs())) + loss.value;
            for (index, entry) in entries.iter().enumerate() {
                let at = |steps: f64| {
                    let mut moved = student.clone();
                    let (a, w) = moved.layers_mut();
                    let target = if index < a.len() { &mut a[index] } else { &mut w[index - 4] };
                    *target += steps * STEP;
                    found.evaluate(&moved).unwrap().0.value
                };
                let difference =
                    (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * STEP);
                let off = (entry - difference).abs();
                assert!(off <= TRUNCATION * scale, "{activation:?} {index}: {entry} {difference}");
            }
        }
    }
}

#[test]
fn zero_and_parallel_neurons_stay_finite() {
    for activation in every() {
        for from_degree in [FromDegree::Two, FromDegree::Zero] {
            let mut student = with_skip(network(7, 5, 3));
            let first = student.neuron(0).to_vec();
            let w = student.layers_mut().1;
            w[3..6].fill(0.0);
            w[6..9].copy_from_slice(&first);
            for (x, y) in w[9..12].iter_mut().zip(&first) {
                *x = -2.0 * y;
            }
            let found = population(activation.clone(), from_degree, 3);
            let (loss, gradient) = found.evaluate(&student).unwrap();
            assert!(loss.value.is_finite() && loss.error.is_finite());
            assert!(gradient.second_layer.iter().all(|x| x.is_finite()));
            assert!(gradient.first_layer.iter().all(|x| x.is_finite()));
            assert!(gradient.first_layer_error.is_finite());
            if !found.smooth() {
                assert!(gradient.first_layer[3..6].iter().all(|x| *x == 0.0), "{activation:?}");
            }
        }
    }
}

#[test]
fn a_student_equal_to_the_teacher_has_no_loss() {
    for activation in every() {
        let found = population(activation, FromDegree::Zero, 4);
        let (loss, gradient) = found.evaluate(found.teacher.network()).unwrap();
        assert!(loss.value.abs() <= loss.error, "{loss:?}");
        let worst = maximum_of(gradient.first_layer.iter().map(|x| x.abs()));
        assert!(worst <= gradient.first_layer_error, "{worst:e}");
    }
}

#[test]
fn a_users_function_is_refused() {
    let growth = gradiometer_hermite::activation::Growth { scale: 1.0, power: 0.0 };
    let custom =
        gradiometer_hermite::activation::Custom::new("tanh", f64::tanh, &[], growth).unwrap();
    let teacher = Teacher::new(network(8, 1, 2)).unwrap();
    let refused = ActivationPopulation::new(teacher, Activation::Custom(custom)).unwrap_err();
    assert!(matches!(refused, PopulationError::Hermite(HermiteError::NoClosedForm { .. })));
}
