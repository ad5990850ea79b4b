use super::*;
use crate::coefficients::{low_coefficients, majorant};
use crate::{Evaluation, Population};
use gradiometer_hermite::float::maximum_of;
use gradiometer_hermite::polynomial::Polynomial;
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

fn population(activation: Activation, degrees: Degrees, d: usize) -> ActivationPopulation {
    let teacher = Teacher::new(network(1, 3, d)).unwrap();
    ActivationPopulation::new(teacher, activation).unwrap().of_degrees(degrees)
}

fn polynomials() -> [Activation; 2] {
    let hermite = Polynomial::from_hermite(vec![0.3, -0.2, 0.5, 0.1, -0.4, 0.05]).unwrap();
    let monomials = Polynomial::from_monomials(&[0.5, -1.0, 0.25, 0.125]).unwrap();
    [Activation::Polynomial(hermite), Activation::Polynomial(monomials)]
}

fn every() -> Vec<Activation> {
    let [first, second] = polynomials();
    let mut every = vec![
        Activation::Relu,
        Activation::Absolute,
        Activation::Step,
        Activation::Erf,
        Activation::LeakyRelu(0.25),
        first,
        second,
    ];
    every.extend(Smooth::ALL.map(Activation::Smooth));
    every
}

fn value(activation: &Activation, network: &Network, x: &[f64]) -> f64 {
    let neurons = network.rows().zip(network.second_layer());
    let sum: f64 = neurons.map(|(w, a)| a * activation.value(dot(w, x))).sum();
    sum + network.skip().map_or(0.0, |skip| skip.constant + dot(&skip.linear, x))
}

#[test]
fn relu_agrees_with_the_population_of_relu_networks() {
    let student = with_skip(network(2, 6, 4));
    for degrees in [Degrees::FromTwo, Degrees::All] {
        let found = population(Activation::Relu, degrees, 4);
        let Evaluation { loss, gradient, .. } = found.evaluate(&student, Accuracy::FAST).unwrap();
        let exact = Population::new(found.teacher.clone()).of_degrees(degrees);
        let exact = exact.evaluate(&student, Accuracy::finest(1e-12)).unwrap();
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
    let mut entire = vec![Activation::Erf, first, second];
    entire.extend(Smooth::ALL.map(Activation::Smooth));
    for activation in entire {
        let student = with_skip(network(3, 4, 2));
        let found = population(activation.clone(), Degrees::All, 2);
        let Evaluation { loss, .. } = found.evaluate(&student, Accuracy::FAST).unwrap();
        let exact = by_trapezoid(&activation, found.teacher.network(), &student);
        // The sum of 37 thousand terms.
        let rounding = 200.0 * f64::EPSILON * exact;
        assert!((loss.value - exact).abs() <= loss.error + rounding, "{loss:?} {exact}");
        let mut wrong = student.clone();
        wrong.layers_mut().0[0] += 1e-6;
        let exact = by_trapezoid(&activation, found.teacher.network(), &wrong);
        assert!(!((loss.value - exact).abs() <= loss.error + rounding), "a wrong student is seen");
    }
}

#[test]
fn activations_with_kinks_agree_with_sampling() {
    let samples = 200_000;
    for activation in [Activation::Absolute, Activation::Step, Activation::Relu] {
        let student = with_skip(network(4, 5, 3));
        let found = population(activation.clone(), Degrees::All, 3);
        let Evaluation { loss, .. } = found.evaluate(&student, Accuracy::FAST).unwrap();
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
        for degrees in [Degrees::FromTwo, Degrees::All] {
            let student = with_skip(network(6, 4, 3));
            let found = population(activation.clone(), degrees, 3);
            let Evaluation { loss, gradient, .. } =
                found.evaluate(&student, Accuracy::FAST).unwrap();
            let entries = [gradient.second_layer, gradient.first_layer].concat();
            let scale = maximum_of(entries.iter().map(|x| x.abs())) + loss.value;
            for (index, entry) in entries.iter().enumerate() {
                let at = |steps: f64| {
                    let mut moved = student.clone();
                    let (a, w) = moved.layers_mut();
                    let target = if index < a.len() { &mut a[index] } else { &mut w[index - 4] };
                    *target += steps * STEP;
                    found.evaluate(&moved, Accuracy::FAST).unwrap().loss.value
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
        for degrees in [Degrees::FromTwo, Degrees::All] {
            let mut student = with_skip(network(7, 5, 3));
            let first = student.neuron(0).to_vec();
            let w = student.layers_mut().1;
            w[3..6].fill(0.0);
            w[6..9].copy_from_slice(&first);
            for (x, y) in w[9..12].iter_mut().zip(&first) {
                *x = -2.0 * y;
            }
            let found = population(activation.clone(), degrees, 3);
            let Evaluation { loss, gradient, .. } =
                found.evaluate(&student, Accuracy::FAST).unwrap();
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
        let found = population(activation, Degrees::All, 4);
        let Evaluation { loss, gradient, .. } =
            found.evaluate(found.teacher.network(), Accuracy::FAST).unwrap();
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

/// Sums of moduli and errors over the atoms, once more from the kernels of the pairs.
#[test]
fn errors_are_those_of_the_pairs_added_up() {
    let student = network(5, 4, 3);
    for activation in every() {
        let name = activation.name().to_owned();
        let found = population(activation.clone(), Degrees::FromTwo, 3);
        let neurons = Neurons::new(&activation, &found.teacher, &student);
        let Evaluation { loss, gradient, .. } = found.evaluate(&student, Accuracy::FAST).unwrap();
        let n = neurons.weights.len();
        let (mut loss_error, mut second, mut first) = (0.0, 0.0, 0.0);
        for j in 0..n {
            let (mut size, mut error, mut steep, mut turned) = (0.0, 0.0, 0.0, 0.0);
            for b in 0..n {
                let angle = if j == b {
                    Angle::from_radians(0.0)
                } else {
                    Angle::between(neurons.unit(j), neurons.unit(b))
                };
                let pair =
                    Pair { first_norm: neurons.norms[j], second_norm: neurons.norms[b], angle };
                let found = neurons.kernel(j, b, pair);
                let weight = neurons.weights[b].abs();
                size += weight * found.value.abs();
                error += weight * neurons.value_error(j, b, pair, &found);
                let slopes = found.along_first.abs() + found.along_second.abs();
                steep += weight * slopes;
                turned += weight * (ELEMENTWISE * UNIT + neurons.turn) * slopes;
                turned += if j == b { 0.0 } else { weight * neurons.turning(j, b, pair) };
                turned += weight * neurons.left_out(j, b)[1];
            }
            let sums = (n as f64 + 8.0) * UNIT;
            loss_error += neurons.weights[j].abs() * (error + 2.0 * sums * size);
            if j < student.neurons() {
                second = maximum(second, 2.0 * (error + sums * size));
                let weight = 2.0 * neurons.weights[j].abs();
                first = maximum(first, weight * (turned + sums * steep));
            }
        }
        let close = |x: f64, y: f64| (x / y - 1.0).abs() <= 256.0 * f64::EPSILON;
        assert!(close(loss.error, loss_error), "{name}: {} {loss_error}", loss.error);
        assert!(close(gradient.second_layer_error, second), "{name}");
        assert!(close(gradient.first_layer_error, first), "{name}");
    }
}

#[test]
fn a_turn_moves_the_gradient_by_no_more_than_its_bound_and_not_by_much_less() {
    // Two atoms of lengths r and s, at an angle that is turned by a thousandth.
    let step = 1.0 / 1024.0;
    for (r, s, phi) in [(2.0, 3.0, 0.8), (0.5, 0.25, 1.2), (3.0, 0.5, 2.0)] {
        for activation in every() {
            let name = activation.name().to_owned();
            let at = |phi: f64| vec![s * phi.cos(), s * phi.sin()];
            let student = Network::new(2, vec![1.0], vec![r, 0.0]).unwrap();
            let gradient = |phi: f64| {
                let teacher = Network::new(2, vec![1.0], at(phi)).unwrap();
                let teacher = Teacher::new(teacher).unwrap();
                let neurons = Neurons::new(&activation, &teacher, &student);
                let angle = Angle::between(neurons.unit(0), neurons.unit(1));
                let pair = Pair { first_norm: r, second_norm: s, angle };
                let found = neurons.kernel(0, 1, pair);
                // In the frame of both: along w and across it.
                let second = found.along_second;
                let moved = [found.along_first + second * phi.cos(), second * phi.sin()];
                (moved, neurons.turning(0, 1, pair) / neurons.turn)
            };
            let ([a, b], bound) = gradient(phi);
            let ([c, d], _) = gradient(phi + step);
            let change = (c - a).hypot(d - b) / step;
            // The difference quotient is the derivative up to a hundredth, and a polynomial's bound counts every term by its modulus.
            assert!(change <= 1.01 * bound, "{name} {r} {s} {phi}: {change} {bound}");
        }
    }
}

#[test]
fn bounds_on_a_turn_are_those_derived() {
    // No two numbers whose sum is their product.
    for (r, s, phi) in [(0.75, 3.0, 0.8), (2.5, 1.25, 1.1), (3.0, 0.5, 2.0)] {
        for activation in every() {
            bound_on_a_turn(&activation, r, s, phi);
        }
    }
}

fn bound_on_a_turn(activation: &Activation, r: f64, s: f64, phi: f64) {
    let (sin, cos) = phi.sin_cos();
    let name = activation.name().to_owned();
    let teacher = Teacher::new(Network::new(2, vec![1.0], vec![s * cos, s * sin]).unwrap());
    let teacher = teacher.unwrap();
    let student = Network::new(2, vec![1.0], vec![r, 0.0]).unwrap();
    let neurons = Neurons::new(activation, &teacher, &student);
    let angle = Angle::between(neurons.unit(0), neurons.unit(1));
    let found = neurons.turning(0, 1, Pair { first_norm: r, second_norm: s, angle });
    let expected = match activation {
        Activation::Relu => s / std::f64::consts::PI,
        Activation::Absolute => 4.0 * s / std::f64::consts::PI,
        Activation::LeakyRelu(below) => (1.0 - below).powi(2) * s / std::f64::consts::PI,
        Activation::Smooth(smooth) => {
            let [slope, bend] = smooth.steepest();
            let other = Expander::new(*smooth, maximum(r, s), 64).at(s).value.norm;
            4.0 * s * slope * slope + 3.0 * r * bend * other
        }
        Activation::Step => 2.0 / sin / (std::f64::consts::PI * r),
        Activation::Erf => {
            let square = 1.0 + r * r + s * s;
            let steep = (square + r * r * s * s * sin * sin).sqrt();
            let slope = FRAC_2_PI * (1.0 + s * s).sqrt() / steep;
            slope * (2.0 * r * s / square.sqrt() + 16.0)
        }
        Activation::Polynomial(p) => {
            let (own, other) = (majorant(p, r), majorant(p, s));
            let degree = p.coefficients().len() as f64;
            let unit = 2.0 + ELEMENTWISE * UNIT / neurons.turn;
            2.0 * own.1 * other.0 * (degree + 4.0) * unit
        }
        Activation::Custom(_) => f64::NAN,
    };
    let off = (found / (expected * neurons.turn) - 1.0).abs();
    assert!(off <= 64.0 * f64::EPSILON, "{name}: {off:e}");
    // 2 d + 16 units.
    assert!((neurons.turn / (20.0 * UNIT) - 1.0).abs() <= 0.0);
}

/// Its own roundings in units of the sizes, and what the kernel changes by when the angle and the logarithms of both lengths do.
#[test]
fn a_values_error_is_its_roundings_and_its_derivatives() {
    for (r, s, phi) in [(0.75, 3.0, 0.8_f64), (2.5, 1.25, 1.1), (3.0, 0.5, 2.0)] {
        for activation in every() {
            let name = activation.name().to_owned();
            let second = vec![s * phi.cos(), s * phi.sin()];
            let teacher = Teacher::new(Network::new(2, vec![1.0], second).unwrap()).unwrap();
            let student = Network::new(2, vec![1.0], vec![r, 0.0]).unwrap();
            let neurons = Neurons::new(&activation, &teacher, &student);
            let pair = |r: f64, s: f64, phi: f64| Pair {
                first_norm: r,
                second_norm: s,
                angle: Angle::from_radians(phi),
            };
            let at = |r: f64, s: f64, phi: f64| match &activation {
                Activation::Smooth(smooth) => {
                    let found = expansions(*smooth, &[r, s]);
                    let [first, second] = [&found[0].coefficients, &found[1].coefficients];
                    series(first, second, phi.cos()).value
                }
                _ => kernel(&activation, pair(r, s, phi), Degrees::FromTwo).unwrap().value,
            };
            let here = pair(r, s, phi);
            let found = neurons.value_error(0, 1, here, &neurons.kernel(0, 1, here));
            let h = f64::powi(2.0, -12);
            let by_angle = match activation {
                // Its angle's whole share, where the kernel's from degree two is less.
                Activation::Step => 1.0 / TAU,
                _ => (at(r, s, phi + h) - at(r, s, phi - h)).abs() / (2.0 * h),
            };
            let up = h.exp();
            let by_first = (at(r * up, s, phi) - at(r / up, s, phi)).abs() / (2.0 * h);
            let by_second = (at(r, s * up, phi) - at(r, s / up, phi)).abs() / (2.0 * h);
            let (sizes, operations) = match &activation {
                Activation::Polynomial(p) => (
                    majorant(p, r).0 * majorant(p, s).0,
                    48.0 + 8.0 * p.coefficients().len() as f64,
                ),
                Activation::Smooth(smooth) => {
                    let found = expansions(*smooth, &[r, s]);
                    let degrees = found[0].coefficients.len() as f64;
                    (found[0].value.norm * found[1].value.norm, 48.0 + 8.0 * degrees)
                }
                _ => ((at(r, r, 0.0) * at(s, s, 0.0)).sqrt(), 48.0),
            };
            let expected = sizes * operations * UNIT
                + 20.0 * UNIT * (by_angle + by_first + by_second)
                + neurons.left_out(0, 1)[0];
            // The difference quotients are off by h^2/6 times a third derivative, far below this.
            assert!((found / expected - 1.0).abs() <= 1.0 / 512.0, "{name} {found:e} {expected:e}");
        }
    }
}

#[test]
fn the_low_degrees_and_their_errors_are_what_is_summed() {
    let close = |x: f64, y: f64| (x - y).abs() <= 64.0 * f64::EPSILON * y.abs();
    let teacher = Teacher::new(Network::new(2, vec![1.5], vec![0.0, 2.0]).unwrap()).unwrap();
    let plain = Network::new(2, vec![2.5, -1.0], vec![3.0, 4.0, 0.0, 0.5]).unwrap();
    let skip = Skip { constant: 0.5, linear: vec![3.0, -4.0] };
    let joined = plain.clone().with_skip(skip).unwrap();
    for activation in every() {
        let found = ActivationPopulation::new(teacher.clone(), activation.clone()).unwrap();
        for (student, [alpha, beta_x, beta_y]) in [(&plain, [0.0; 3]), (&joined, [0.5, 3.0, -4.0])]
        {
            let mut loss = Bounded { value: 1.0, error: 0.0 };
            let mut gradient = Gradient::default();
            gradient.reset(2, 2);
            let neurons = Neurons::new(&activation, &teacher, student);
            found.add_low_degrees(student, &neurons, &mut loss, &mut gradient);
            let low = [5.0, 0.5, 2.0].map(|r| low_coefficients(&activation, r));
            let of_expansion = |b: usize| neurons.parts.get(b).copied().unwrap_or_default();
            let weights: [f64; 3] = [2.5, -1.0, -1.5];
            let units = [[0.6, 0.8], [0.0, 1.0], [0.0, 1.0]];
            let (mut constant, mut linear) = (alpha, [beta_x, beta_y]);
            let mut absolute = alpha + f64::hypot(beta_x, beta_y);
            for ((weight, [mean, slope]), unit) in weights.iter().zip(&low).zip(units) {
                constant += weight * mean.value;
                linear = [0, 1].map(|k| linear[k] + weight * slope.value * unit[k]);
                absolute += weight.abs() * (mean.value.abs() + slope.value.abs());
            }
            let length = linear[0].hypot(linear[1]);
            assert!(close(loss.value, 1.0 + constant * constant + length * length));
            // An angle of 2 d + 16 units and three atoms' sum with 16 more, then 8 d units of the size squared.
            let size = constant.abs() + length;
            let expanded = weights.iter().enumerate();
            let expanded: f64 =
                expanded.map(|(b, a)| 2.0 * a.abs() * of_expansion(b)[0].rounding).sum();
            let error = 39.0 * UNIT * absolute + expanded;
            let expected = 2.0 * error * (size + error) + 16.0 * UNIT * size * size;
            assert!(close(loss.error, expected), "{}: {loss:?} {expected:e}", activation.name());
            let rounding = error + size * 56.0 * UNIT;
            let (mut second, mut first) = (0.0, 0.0);
            for (b, (weight, [mean, slope])) in weights.iter().zip(&low).take(2).enumerate() {
                let [of_value, of_gradient] = of_expansion(b).map(|part| part.rounding);
                let values = mean.value.abs() + slope.value.abs();
                second = maximum(second, 2.0 * (values * rounding + of_value * size));
                let slopes = mean.slope.abs() + slope.slope.abs() + 2.0 * slope.over_norm.abs();
                let slopes = slopes * rounding + of_gradient * size;
                first = maximum(first, 2.0 * weight.abs() * slopes);
            }
            assert!(close(gradient.second_layer_error, second), "{}", activation.name());
            assert!(close(gradient.first_layer_error, first), "{}", activation.name());
        }
        // Where both sums vanish the square of their error is left.
        let student = teacher.network();
        let neurons = Neurons::new(&activation, &teacher, student);
        let (mut loss, mut gradient) = (Bounded { value: 0.0, error: 0.0 }, Gradient::default());
        gradient.reset(1, 2);
        found.add_low_degrees(student, &neurons, &mut loss, &mut gradient);
        let [mean, slope] = low_coefficients(&activation, 2.0);
        let expanded: f64 = neurons.parts.iter().map(|[value, _]| 3.0 * value.rounding).sum();
        let error = 38.0 * UNIT * 3.0 * (mean.value.abs() + slope.value.abs()) + expanded;
        assert!(loss.value.abs() <= 0.0 && close(loss.error, 2.0 * error * error));
    }
}

#[test]
fn a_majorant_is_the_sum_of_moduli() {
    let p = Polynomial::from_hermite(vec![0.5, -1.0, 0.25, -2.0]).unwrap();
    let moduli = Polynomial::from_hermite(vec![0.5, 1.0, 0.25, 2.0]).unwrap();
    for (r, at) in
        [(1.0, 1.0), (1.5, 1.5), (3.0, 3.0), (0.5, 1.75_f64.sqrt()), (0.0, 2.0_f64.sqrt())]
    {
        let (value, slope) = majorant(&p, r);
        let (mut values, mut slopes) = (0.0, 0.0);
        for (k, c) in moduli.scaled(at).iter().enumerate() {
            let turn = k as f64 * c.over_norm;
            values += c.value.powi(2);
            slopes += c.slope.powi(2) + turn.powi(2);
        }
        assert!((value / values.sqrt() - 1.0).abs() <= 8.0 * f64::EPSILON, "{r}");
        assert!((slope / slopes.sqrt() - 1.0).abs() <= 8.0 * f64::EPSILON, "{r}");
        // And it is one: no coefficient at r is above it.
        for c in p.scaled(r) {
            assert!(c.value.abs() <= value && c.slope.abs() <= slope, "{r}");
        }
    }
}

#[test]
fn a_step_of_a_zero_neuron_does_not_turn() {
    let student = Network::new(2, vec![1.0, 1.0], vec![0.0, 0.0, 3.0, 0.0]).unwrap();
    let teacher = Teacher::new(Network::new(2, vec![1.0], vec![0.6, 0.8]).unwrap()).unwrap();
    let neurons = Neurons::new(&Activation::Step, &teacher, &student);
    let turned = |j: usize, b: usize| {
        let angle = Angle::between(neurons.unit(j), neurons.unit(b));
        let (first_norm, second_norm) = (neurons.norms[j], neurons.norms[b]);
        neurons.turning(j, b, Pair { first_norm, second_norm, angle })
    };
    assert!(turned(0, 2).abs() <= 0.0 && turned(1, 0).abs() <= 0.0);
    assert!(turned(1, 2) > 0.0);
    // Its mean and its slope are those of a function that is zero, its rates too.
    for coefficient in low_coefficients(&Activation::Step, 0.0) {
        assert_eq!(coefficient, ScaledCoefficient { value: 0.0, over_norm: 0.0, slope: 0.0 });
    }
}

#[test]
fn smooth_features_have_a_gradient_at_zero() {
    for activation in every() {
        let smooth = smooth(&activation);
        let found = population(activation, Degrees::All, 3);
        let base = network(6, 3, 3);
        let at = |x: f64| {
            let mut student = base.clone();
            student.layers_mut().1[..3].copy_from_slice(&[x, 0.0, 0.0]);
            student
        };
        let gradient = found.evaluate(&at(0.0), Accuracy::FAST).unwrap().gradient;
        let slope = gradient.first_layer[0];
        assert_eq!(slope.abs() > 0.0, smooth);
        if smooth {
            let step = 1.0 / 4096.0;
            let loss = |x: f64| found.evaluate(&at(x), Accuracy::FAST).unwrap().loss.value;
            let difference = (loss(step) - loss(-step)) / (2.0 * step);
            // The third derivative, below a thousand here, times step^2/6.
            assert!((difference - slope).abs() <= 200.0 * step * step, "{difference} {slope}");
        }
    }
}
