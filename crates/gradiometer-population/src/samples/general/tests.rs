use super::*;
use crate::kernel::InstructionSet;
use crate::samples::{Batches, LabelFit, SampleRequest, Samples};
use crate::{Accuracy, ActivationPopulation, Evaluation, Objective, PopulationError, Workspace};
use gradiometer_hermite::activation::{Custom, Growth};
use gradiometer_hermite::named::Named;
use gradiometer_hermite::{HermiteError, Smooth};
use gradiometer_instances::generate::gaussian_student;
use gradiometer_model::{Skip, Teacher};
use std::f64::consts::TAU;

/// Standard errors that a mean may be off: fewer than one test in a million fails by chance.
const Z: f64 = 5.0;

fn network(d: usize, m: usize, seed: u64) -> Network {
    gaussian_student(d, m, 1.5, 1.0, seed).unwrap()
}

fn teacher(d: usize) -> Teacher {
    Teacher::new(network(d, 3, 1)).unwrap()
}

fn with_skip(network: Network) -> Network {
    let linear = (0..network.dimension()).map(|i| 0.25 * i as f64 - 0.4).collect();
    network.with_skip(Skip { constant: -0.3, linear }).unwrap()
}

fn every() -> Vec<Activation> {
    let polynomial = Polynomial::from_hermite(vec![0.3, -0.2, 0.5, 0.1, -0.2]).unwrap();
    let mut every = vec![
        Activation::Relu,
        Activation::Absolute,
        Activation::Erf,
        Activation::LeakyRelu(0.25),
        Activation::Polynomial(polynomial),
    ];
    every.extend(Smooth::ALL.map(Activation::Smooth));
    every
}

const DEGREES: [Degrees; 2] = [Degrees::FromTwo, Degrees::All];

fn request(degrees: Degrees, count: usize, seed: u64) -> SampleRequest {
    SampleRequest { degrees, ..SampleRequest::new(count, seed) }
}

fn largest_difference(left: &[f64], right: &[f64]) -> f64 {
    maximum_of(left.iter().zip(right).map(|(x, y)| (x - y).abs()))
}

/// Inputs and labels that follow no teacher.
fn arrays(d: usize, n: usize) -> (Vec<f64>, Vec<f64>) {
    let entries = network(d + 1, n, 9).first_layer().to_vec();
    let scaled: Vec<f64> = entries.iter().map(|x| x * ((d + 1) as f64).sqrt() / 1.5).collect();
    (scaled[n..].to_vec(), scaled[..n].to_vec())
}

/// `c_0(r)` and `c_1(r)` by hand.
fn low(activation: &Activation, r: f64) -> [f64; 2] {
    match activation {
        Activation::Relu => [r / TAU.sqrt(), r / 2.0],
        Activation::Absolute => [2.0 * r / TAU.sqrt(), 0.0],
        Activation::Erf => [0.0, (FRAC_2_PI / (1.0 + r * r)).sqrt() * r],
        Activation::LeakyRelu(s) => [(1.0 - s) * r / TAU.sqrt(), 0.5 * (1.0 + s) * r],
        Activation::Polynomial(p) => [p.scaled(r)[0].value, p.scaled(r)[1].value],
        Activation::Smooth(smooth) => {
            let c = Named::of(smooth.name()).unwrap().coefficients(r, 1).unwrap();
            [c[0].value, c[1].value]
        }
        _ => [f64::NAN; 2],
    }
}

/// `L_n` sample by sample; with `linear` zero the student keeps its degree 1.
fn naive(objective: &Samples, (x, y): (&[f64], &[f64]), student: &Network, linear: f64) -> f64 {
    let (d, activation, fit) = (student.dimension(), &objective.activation, objective.label_fit());
    let raw = objective.degrees() == Degrees::All;
    let residuals = x.chunks_exact(d).zip(y).map(|(x, y)| {
        let neurons = student.rows().zip(student.second_layer());
        let value: f64 = neurons
            .map(|(w, a)| {
                let (z, r) = (dot(w, x), norm(w));
                let [mean, slope] = if raw { [0.0; 2] } else { low(activation, r) };
                a * (activation.value(z) - mean - linear * slope * z / r)
            })
            .sum();
        let affine = student.skip().filter(|_| raw);
        let affine = affine.map_or(0.0, |skip| skip.constant + dot(&skip.linear, x));
        value + affine - (y - fit.constant - dot(&fit.linear, x))
    });
    residuals.map(|residual| residual * residual).sum::<f64>() / y.len() as f64
}

/// Each of both sides rounds within the bound of the formula.
#[test]
fn the_loss_is_that_of_a_loop_over_samples() {
    for activation in every() {
        for degrees in DEGREES {
            // More than one block, the last one short.
            for (d, n, m) in [(3, 300, 7), (20, 129, 40), (1, 5, 1)] {
                let (x, y) = arrays(d, n);
                let request = request(degrees, n, 1);
                let name = activation.name().to_owned();
                let activation = activation.clone();
                let objective = Samples::given(teacher(d), activation, &x, &y, &request).unwrap();
                let student = with_skip(network(d, m, 2));
                let Evaluation { loss: found, gradient, .. } =
                    objective.evaluate(&student, Accuracy::FAST).unwrap();
                let exact = naive(&objective, (&x, &y), &student, 1.0);
                let off = (found.value - exact).abs();
                assert!(off <= 2.0 * found.error, "{name}: {found:?} {exact}");
                // The bounds are not so wide that they say nothing.
                let useful = 1e6 * f64::EPSILON * (1.0 + exact);
                assert!(found.error < useful, "{name}: {found:?}");
                assert!(gradient.entries_error() < useful * (m * d) as f64, "{name}");
                // The degree 1 of the student left in, where there is one, and a wrong label.
                let even = matches!(objective.activation, Activation::Absolute);
                if degrees == Degrees::FromTwo && !even {
                    let left = naive(&objective, (&x, &y), &student, 0.0);
                    assert!((found.value - left).abs() > 2.0 * found.error, "{name}");
                }
                let mut wrong = y.clone();
                wrong[n - 1] += f64::powi(2.0, -20);
                let wrong = naive(&objective, (&x, &wrong), &student, 1.0);
                assert!((found.value - wrong).abs() > 2.0 * found.error, "{name} {d}");
            }
        }
    }
}

/// Central differences at two step sizes; what they differ by bounds the truncation, the loss's error the rounding.
#[test]
fn gradients_are_the_differences_of_the_loss() {
    for (activation, degrees) in
        every().into_iter().flat_map(|activation| DEGREES.map(|from| (activation.clone(), from)))
    {
        let name = activation.name().to_owned();
        let request = SampleRequest { noise: 0.1, ..request(degrees, 40, 3) };
        let objective = Samples::drawn(teacher(4), activation, &request).unwrap();
        let student = with_skip(network(4, 6, 3));
        let Evaluation { gradient, .. } = objective.evaluate(&student, Accuracy::FAST).unwrap();
        let analytic = [gradient.second_layer, gradient.first_layer].concat();
        let m = student.neurons();
        let difference = |p: usize, h: f64| {
            let at = |sign: f64| {
                let mut moved = student.clone();
                let (a, w) = moved.layers_mut();
                *if p < m { &mut a[p] } else { &mut w[p - m] } += sign * h;
                objective.evaluate(&moved, Accuracy::FAST).unwrap().loss
            };
            let (up, down) = (at(1.0), at(-1.0));
            ((up.value - down.value) / (2.0 * h), (up.error + down.error) / (2.0 * h))
        };
        // No sample has a kink this close to any neuron: the differences would differ by more than the tolerance.
        let h = f64::powi(2.0, -16);
        for (p, exact) in analytic.iter().enumerate() {
            let ((wide, _), (narrow, rounding)) = (difference(p, h), difference(p, h / 2.0));
            let allowed = (wide - narrow).abs() + 4.0 * rounding;
            let off = (exact - narrow).abs();
            assert!(off <= allowed, "{name} {p}: {exact} {narrow} {allowed:e}");
            let noticed = exact * (1.0 + f64::powi(2.0, -12));
            assert!(exact.abs() < 0.05 || (noticed - narrow).abs() > allowed, "{name} {p}");
        }
    }
}

#[test]
fn relu_agrees_with_the_fused_evaluation() {
    for degrees in DEGREES {
        for label_fit in [LabelFit::LeastSquares, LabelFit::Moments] {
            let request = SampleRequest { label_fit, noise: 0.2, ..request(degrees, 1000, 4) };
            let fused = Samples::drawn(teacher(9), Activation::Relu, &request).unwrap();
            let student = with_skip(network(9, 20, 4));
            let Evaluation { loss: exact, gradient: expected, .. } =
                fused.evaluate(&student, Accuracy::FAST).unwrap();
            let (data, mut tasks, mut gradient) = (&fused.data, Vec::new(), Gradient::default());
            let relu = Activation::Relu;
            let loss = average(&relu, data, Rows::All, &student, &mut tasks, &mut gradient);
            assert!((loss.value - exact.value).abs() <= loss.error + exact.error);
            let apart = largest_difference(&gradient.second_layer, &expected.second_layer);
            assert!(apart <= gradient.second_layer_error + expected.second_layer_error);
            let apart = largest_difference(&gradient.first_layer, &expected.first_layer);
            assert!(apart <= gradient.first_layer_error + expected.first_layer_error);
            // Another activation is another loss.
            let other = Samples::drawn(teacher(9), Activation::Erf, &request).unwrap();
            let other = other.evaluate(&student, Accuracy::FAST).unwrap().loss;
            assert!((other.value - exact.value).abs() > other.error + exact.error);
        }
    }
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, (square / (n - 1.0) / n).sqrt())
}

/// Losses and the steepest entry of the gradient over seeds, `n = 20000` each.
#[test]
fn the_mean_over_samples_is_that_of_the_population() {
    for (activation, degrees) in
        every().into_iter().flat_map(|activation| DEGREES.map(|from| (activation.clone(), from)))
    {
        let name = activation.name().to_owned();
        let student = with_skip(network(5, 8, 2));
        let population = ActivationPopulation::new(teacher(5), activation.clone()).unwrap();
        let population = population.of_degrees(degrees);
        let Evaluation { loss: exact, gradient: slopes, .. } =
            population.evaluate(&student, Accuracy::FAST).unwrap();
        let steepest = maximum_of(slopes.first_layer.iter().map(|g| g.abs()));
        let entry = slopes.first_layer.iter().position(|g| g.abs() >= steepest).unwrap();
        let (mut losses, mut entries) = (Vec::new(), Vec::new());
        for seed in 0..16 {
            let request = request(degrees, 20_000, seed);
            let objective = Samples::drawn(teacher(5), activation.clone(), &request).unwrap();
            let Evaluation { loss, gradient, .. } =
                objective.evaluate(&student, Accuracy::FAST).unwrap();
            losses.push(loss.value);
            entries.push(gradient.first_layer[entry]);
        }
        for (values, exact) in [(&losses, exact.value), (&entries, slopes.first_layer[entry])] {
            let (mean, error) = mean_and_error(values);
            assert!((mean - exact).abs() <= Z * error, "{name}: {mean} {exact} {error}");
            // A fifth more or less is noticed.
            assert!((mean - 1.2 * exact).abs() > Z * error, "{name}: {mean} {exact} {error}");
        }
    }
}

fn bytes(objective: &Samples, student: &Network, step: u64) -> Vec<u64> {
    let mut gradient = Gradient::default();
    let (asked, mut workspace) = (&Accuracy::FAST, Workspace::new());
    let loss = objective.evaluate_step(step, student, asked, &mut workspace, &mut gradient).loss;
    let numbers = gradient.second_layer.iter().chain(&gradient.first_layer);
    let errors = [gradient.second_layer_error, gradient.first_layer_error];
    numbers.chain([&loss.value, &loss.error]).chain(&errors).map(|x| x.to_bits()).collect()
}

#[test]
fn neither_memory_nor_threads_change_a_byte() {
    let request = SampleRequest { noise: 0.5, ..SampleRequest::new(3000, 7) };
    let student = network(10, 20, 7);
    for activation in every() {
        let kept = Samples::drawn(teacher(10), activation.clone(), &request).unwrap();
        let data = Data::drawn(teacher(10), activation.clone(), &request, 0).unwrap();
        let drawn_again = Samples { data, activation, set: InstructionSet::detect() };
        assert!(kept.data.source.is_kept() && !drawn_again.data.source.is_kept());
        let expected = bytes(&kept, &student, 0);
        assert_eq!(expected, bytes(&drawn_again, &student, 0));
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(expected, pool.install(|| bytes(&kept, &student, 0)));
        }
        // A workspace that has seen a larger problem.
        let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
        let (asked, bigger) = (&Accuracy::FAST, network(12, 50, 1));
        let other = Samples::drawn(teacher(12), Activation::Relu, &request).unwrap();
        let _reached = other.evaluate_into(&bigger, asked, &mut workspace, Some(&mut gradient));
        let other = Samples::drawn(teacher(12), Activation::Erf, &request).unwrap();
        let _reached = other.evaluate_into(&bigger, asked, &mut workspace, Some(&mut gradient));
        let loss = kept.evaluate_into(&student, asked, &mut workspace, Some(&mut gradient)).loss;
        assert_eq!(loss.value.to_bits(), expected[20 + 200]);
        assert_ne!(expected, bytes(&kept, &network(10, 20, 8), 0));
    }
}

#[test]
fn batches_are_those_of_relu() {
    let (n, size) = (120, 30);
    let student = network(3, 4, 4);
    let shuffled = Batches::Shuffled { size, reuse: 2 };
    let request = SampleRequest { batches: shuffled, noise: 0.2, ..SampleRequest::new(n, 4) };
    let objective = Samples::drawn(teacher(3), Activation::Erf, &request).unwrap();
    let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
    for epoch in 0..2 {
        let (mut mean, mut error) = (vec![0.0; 4], 0.0);
        for batch in 0..4 {
            let step = 2 * (4 * epoch + batch);
            let (asked, into) = (&Accuracy::FAST, &mut gradient);
            let _reached = objective.evaluate_step(step, &student, asked, &mut workspace, into);
            add_multiple(&mut mean, 0.25, &gradient.second_layer);
            error += gradient.second_layer_error;
            assert_eq!(bytes(&objective, &student, step), bytes(&objective, &student, step + 1));
            assert_ne!(bytes(&objective, &student, step), bytes(&objective, &student, step + 2));
        }
        let full = objective.evaluate(&student, Accuracy::FAST).unwrap().gradient;
        let allowed = full.second_layer_error + error;
        assert!(largest_difference(&mean, &full.second_layer) <= allowed);
    }
    let batches = Batches::Fresh { size, reuse: 3 };
    let request = SampleRequest { batches, ..request };
    let objective = Samples::drawn(teacher(3), Activation::Erf, &request).unwrap();
    assert_eq!(bytes(&objective, &student, 0), bytes(&objective, &student, 2));
    assert_ne!(bytes(&objective, &student, 2), bytes(&objective, &student, 3));
}

#[test]
fn zero_neurons_stay_finite_and_smooth_ones_have_a_gradient() {
    for activation in every() {
        for degrees in DEGREES {
            let smooth = smooth(&activation);
            let name = activation.name().to_owned();
            let request = request(degrees, 50, 6);
            let objective = Samples::drawn(teacher(3), activation.clone(), &request).unwrap();
            let mut student = network(3, 4, 6);
            student.layers_mut().1[..3].fill(0.0);
            let Evaluation { loss, gradient, .. } =
                objective.evaluate(&student, Accuracy::FAST).unwrap();
            assert!(loss.value.is_finite() && loss.error.is_finite(), "{name}");
            assert!(gradient.second_layer.iter().all(|x| x.is_finite()), "{name}");
            assert!(gradient.first_layer.iter().all(|x| x.is_finite()), "{name}");
            assert_eq!(gradient.first_layer[..3].iter().any(|g| g.abs() > 0.0), smooth, "{name}");
        }
    }
}

#[test]
fn a_step_a_users_function_and_another_dimension_are_refused() {
    let drawn = |activation| Samples::drawn(teacher(3), activation, &SampleRequest::new(50, 1));
    let step = drawn(Activation::Step).unwrap_err();
    assert_eq!(step, PopulationError::Jump { name: "step".to_owned() });
    let given = Samples::given(
        teacher(1),
        Activation::Step,
        &[1.0, 2.0, 4.0],
        &[1.0; 3],
        &SampleRequest::new(0, 1),
    );
    assert_eq!(given.unwrap_err(), step);
    let growth = Growth { scale: 1.0, power: 0.0 };
    let custom = Custom::new("tanh", f64::tanh, &[], growth).unwrap();
    let refused = drawn(Activation::Custom(custom)).unwrap_err();
    assert!(matches!(refused, PopulationError::Hermite(HermiteError::NoClosedForm { .. })));
    let objective = drawn(Activation::Erf).unwrap();
    assert!(matches!(
        objective.evaluate(&network(4, 2, 1), Accuracy::FAST),
        Err(PopulationError::Model(_))
    ));
    assert!(objective.evaluate(&network(3, 2, 1), Accuracy::FAST).is_ok());
}

#[test]
fn jets_are_values_with_derivatives_and_bounds() {
    let h = f64::powi(2.0, -13);
    for activation in every() {
        let name = activation.name().to_owned();
        for z in [-2.5, -0.3, 0.7, 3.1] {
            let at = |z: f64| jet(&activation, z);
            let (jet, up, down) = (at(z), at(z + h), at(z - h));
            let size = jet.value_size + jet.slope_size + jet.bend;
            let rounding = 64.0 * f64::EPSILON * size;
            assert!((jet.value - activation.value(z)).abs() <= rounding, "{name} {z}");
            // Central differences, whose truncation is h^2/6 times a third derivative below 16 sizes.
            let allowed = rounding / h + 4.0 * h * h * size;
            assert!(
                (jet.slope - (up.value - down.value) / (2.0 * h)).abs() <= allowed,
                "{name} {z}"
            );
            let bend = (up.slope - down.slope) / (2.0 * h);
            assert!(bend.abs() <= jet.bend + allowed, "{name} {z}");
            assert!(jet.value.abs() <= jet.value_size && jet.slope.abs() <= jet.slope_size);
        }
    }
    // h_2 = (z^2 - 1)/sqrt 2 by the moduli of its terms, and h_3 = (z^3 - 3 z)/sqrt 6.
    for (degree, expected) in [
        (2, [3.0, 4.0, 5.0, 4.0, 2.0].map(|x: f64| x / 2.0_f64.sqrt())),
        (3, [2.0, 9.0, 14.0, 15.0, 12.0].map(|x: f64| x / 6.0_f64.sqrt())),
    ] {
        let mut coefficients = vec![0.0; degree + 1];
        coefficients[degree] = 1.0;
        let p = Polynomial::from_hermite(coefficients).unwrap();
        let jet = polynomial_jet(&p, 2.0);
        let found = [jet.value, jet.slope, jet.value_size, jet.slope_size, jet.bend];
        assert!(largest_difference(&found, &expected) <= 32.0 * f64::EPSILON, "{found:?}");
    }
}

#[test]
fn bounds_are_the_roundings_counted() {
    // Second-order terms are 80 eps of the bounds.
    let close = |x: f64, y: f64| (x / y - 1.0).abs() <= 256.0 * f64::EPSILON;
    // One sample and neuron: z = 3, R = 1/2, |w| |x| = 3, so that S = 1 + (3 + 3)/2 = 4; 19 roundings, 138 in a sum.
    let one = |a, w| Network::new(1, vec![a], vec![w]).unwrap();
    let request = request(Degrees::All, 1, 1);
    let teacher = Teacher::new(one(1.0, 1.0)).unwrap();
    let absolute = Samples::given(teacher, Activation::Absolute, &[2.0], &[1.0], &request);
    let Evaluation { loss, gradient, .. } =
        absolute.unwrap().evaluate(&one(0.5, 1.5), Accuracy::FAST).unwrap();
    let eps = f64::EPSILON;
    assert!(close(loss.error, (76.0 + 138.0 / 4.0) * eps), "{loss:?}");
    assert!(close(gradient.second_layer_error, 2.0 * 6.0 * (76.0 + 157.0 / 2.0) * eps));
    assert!(close(gradient.first_layer_error, 2.0 * (76.0 + 157.0 / 2.0) * eps));

    let sizes =
        |activation: &Activation, r| low_sizes(activation, r, &low_coefficients(activation, r));
    let [values, slopes] = sizes(&Activation::Relu, 2.0);
    assert!(close(values, 2.0 / TAU.sqrt() + 1.0) && close(slopes, 1.0 / TAU.sqrt() + 1.5));
    let p = Polynomial::from_hermite(vec![0.0, -0.5, 0.25]).unwrap();
    let (value, slope) = majorant(&p, 2.0);
    let [values, slopes] = sizes(&Activation::Polynomial(p), 2.0);
    assert!(close(values, 2.0 * value + 2.0 * slope) && close(slopes, 7.0 * slope));
}

/// Sizes and bounds over some samples, once more from the jets at each score.
#[test]
fn every_term_of_the_bounds_is_the_one_derived() {
    let close = |x: f64, y: f64| (x / y - 1.0).abs() <= 256.0 * f64::EPSILON;
    let (x, y) = ([0.5, -1.25, 2.0, 3.5], [1.5, -0.75, 0.25, 2.5]);
    let (a, w) = ([1.5, -0.75], [0.5, -3.0]);
    let root_mean_square =
        |x: [f64; 4]| (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt();
    for activation in every() {
        let name = activation.name().to_owned();
        for degrees in DEGREES {
            let teacher = Teacher::new(Network::new(1, vec![1.0], vec![1.0]).unwrap()).unwrap();
            let request = request(degrees, 4, 1);
            let objective = Samples::given(teacher, activation.clone(), &x, &y, &request).unwrap();
            let student = Network::new(1, a.to_vec(), w.to_vec()).unwrap();
            let (data, mut tasks, mut gradient) =
                (&objective.data, Vec::new(), Gradient::default());
            let loss = average(&activation, data, Rows::All, &student, &mut tasks, &mut gradient);
            let low = w.map(|w: f64| {
                if degrees == Degrees::All {
                    return [0.0; 2];
                }
                let r = w.abs();
                low_sizes(&activation, r, &low_coefficients(&activation, r))
            });
            let fit = objective.label_fit();
            let common = a[0].abs() * low[0][0] + a[1].abs() * low[1][0];
            let affine = [fit.constant.abs() + common, fit.linear[0].abs() + common];
            let at = |i: usize, j: usize| (jet(&activation, w[j] * x[i]), (w[j] * x[i]).abs());
            let of_value = |i: usize, j: usize| {
                let (jet, reach) = at(i, j);
                jet.value_size + reach * jet.slope_size
            };
            let of_slope = |i: usize, j: usize| {
                let (jet, reach) = at(i, j);
                (jet.slope_size + reach * jet.bend) * x[i].abs()
            };
            let index = [0, 1, 2, 3];
            let moduli = index.map(|i| {
                let features = a[0].abs() * of_value(i, 0) + a[1].abs() * of_value(i, 1);
                affine[0] + affine[1] * x[i].abs() + y[i].abs() + features
            });
            let own = match &activation {
                Activation::Polynomial(p) => 4.0 * p.coefficients().len() as f64,
                Activation::Smooth(smooth) => Expander::new(*smooth, 3.0, 1).operations(),
                _ => 0.0,
            };
            let rounding = Rounding {
                // Two neurons and twice one dimension; one block and one task.
                operations: 20.0 + own,
                depth: (BLOCK + 1 + 1 + 8) as f64,
                input: root_mean_square(x),
                size: root_mean_square(moduli),
                residual: loss.value.sqrt(),
            };
            assert!(close(loss.error, rounding.loss()), "{name} {degrees:?}: {loss:?}");
            let (mut second, mut first) = (0.0, 0.0);
            for j in 0..2 {
                let [values, slopes] = low[j].map(|size| size * (1.0 + rounding.input));
                let value = root_mean_square(index.map(|i| of_value(i, j)));
                let slope = root_mean_square(index.map(|i| of_slope(i, j)));
                second = maximum(second, rounding.against(value + values));
                first = maximum(first, a[j].abs() * rounding.against(slope + slopes));
            }
            assert!(close(gradient.second_layer_error, second), "{name} {degrees:?}");
            assert!(close(gradient.first_layer_error, first), "{name} {degrees:?}");
        }
    }
}
