use super::*;
use crate::damian2022::{LabelFit, measure_energies, measure_population_energies};
use crate::normal::{Rule, density};
use crate::pair::Outcome;
use crate::ridge::{relu_cross_covariance, relu_means};
use crate::sample;
use crate::target::Term;
use gradiometer_hermite::quadrature::{GaussHermite, GaussLegendre};
use gradiometer_testing::{at_most, close, rounding};

/// Error of a central difference of step 1e-5: its third derivative, and rounding over the step.
const DIFFERENCES: f64 = 1e-9;

fn target(terms: &[(&[usize], f64)]) -> PolynomialTarget {
    let terms = terms.iter().map(|(d, c)| Term { degrees: d.to_vec(), coefficient: *c });
    PolynomialTarget::new(terms.collect()).unwrap()
}

fn quartic() -> PolynomialTarget {
    target(&[
        (&[0, 0], 0.3),
        (&[1, 0], 0.5),
        (&[0, 2], -0.6),
        (&[2, 1], 0.25),
        (&[1, 3], 0.5),
        (&[4, 0], -0.3),
    ])
}

/// `E[y sigma'(w.x) x]` in `R^3` by quadrature in a basis that holds `w`: along `w` on the half
/// line where ReLU's slope is 1, across by Gauss-Hermite, exact for these degrees.
fn quadrature(target: &PolynomialTarget, activation: BiasedActivation, w: &[f64]) -> Vec<f64> {
    let orthogonal = |v: [f64; 3], basis: &[Vec<f64>]| -> Vec<f64> {
        let mut v = v.to_vec();
        for b in basis {
            let share = dot(&v, b);
            v.iter_mut().zip(b).for_each(|(x, y)| *x -= share * y);
        }
        let length = norm(&v);
        v.iter().map(|x| x / length).collect()
    };
    let mut basis = vec![w.to_vec()];
    basis.push(orthogonal([1.0, 0.2, -0.3], &basis));
    basis.push(orthogonal([0.1, 1.0, 0.7], &basis));
    let low = match activation {
        BiasedActivation::Relu { bias } => -bias,
        BiasedActivation::Erf => -14.0,
    };
    let (along, across) = (GaussLegendre::new(300).unwrap(), GaussHermite::new(12).unwrap());
    let weights = across.weights();
    let mut sum = vec![0.0; 3];
    for (z, weight) in along.on(low, 14.0) {
        // The slope at an end of the interval is that inside.
        let slope = weight * density(z) * activation.derivative(z + 1e-300);
        for (s, p) in across.nodes().iter().zip(&weights) {
            for (t, q) in across.nodes().iter().zip(&weights) {
                let x: Vec<f64> =
                    (0..3).map(|k| z * basis[0][k] + s * basis[1][k] + t * basis[2][k]).collect();
                let y = target.value(&x) * slope * p * q;
                sum.iter_mut().zip(&x).for_each(|(g, x)| *g += y * x);
            }
        }
    }
    sum
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(x, y)| x - y).collect::<Vec<_>>())
}

const W: [f64; 3] = [0.48, -0.6, 0.64];

/// 11.0.1; control: leaving out the part along the neuron.

#[test]
fn the_closed_form_is_the_expectation() {
    let activations = [RELU, BiasedActivation::Relu { bias: 0.7 }, BiasedActivation::Erf];
    for activation in activations {
        let calculator = StepCalculator::new(&quartic(), activation);
        let (closed, summed) =
            (calculator.step(&W).unwrap(), quadrature(&quartic(), activation, &W));
        at_most(distance(&closed, &summed), 0.0, rounding(512, 30.0));
        let (mut inside, _) = calculator.parts(&W[..2]).unwrap();
        inside.push(0.0);
        assert!(distance(&inside, &summed) > 1e-3, "{activation:?}: the second term counts");
    }
}

#[test]
fn degrees_up_to_two_have_a_formula_of_their_own() {
    let low = target(&[(&[0, 0], 0.3), (&[1, 0], 0.5), (&[2, 0], 0.4), (&[1, 1], -0.6)]);
    let step = StepCalculator::new(&low, RELU).step(&W).unwrap();
    at_most(distance(&step, &low_degree_step(&low, &W)), 0.0, rounding(8, 4.0));
    // Not for other activations, nor for a neuron of another length where it matters.
    let erf = StepCalculator::new(&low, BiasedActivation::Erf).step(&W).unwrap();
    assert!(distance(&erf, &low_degree_step(&low, &W)) > 0.01);
    let long = W.map(|x| 3.0 * x);
    at_most(
        distance(&StepCalculator::new(&low, RELU).step(&long).unwrap(), &step),
        0.0,
        rounding(8, 4.0),
    );
    assert!(StepCalculator::new(&low, BiasedActivation::Erf).step(&long).is_err());
}

/// Control of 11.0.1 and 11.3.3: ReLU does not see odd degrees from 3 on; a bias or erf does.
#[test]
fn relu_has_no_step_from_an_odd_target() {
    let third = PolynomialTarget::harmonic(3).unwrap();
    let step = StepCalculator::new(&third, RELU).step(&W).unwrap();
    assert!(step.iter().all(|x| !(x.abs() > 0.0)), "{step:?}");
    for activation in [BiasedActivation::Erf, BiasedActivation::Relu { bias: 0.7 }] {
        let step = StepCalculator::new(&third, activation).step(&W).unwrap();
        assert!(norm(&step) > 0.01, "{activation:?}");
    }
    let energies = harmonic_energies(3, 20, RELU).unwrap();
    assert!(!(energies.inside.abs() > 0.0) && !(energies.outside.abs() > 0.0));
}

/// 11.0.1 for a ReLU teacher: `G` is the gradient of `E[relu(w.x) y]` in `w`.
#[test]
fn the_teachers_step_is_the_gradient_of_the_covariance() {
    let directions = faer::mat![[0.6, 0.8, 0.0], [0.0, -0.6, 0.8]];
    let amplitudes = [1.5, -0.7];
    let value = |w: &[f64]| {
        let row = Mat::from_fn(1, 3, |_, k| w[k]);
        let covariance = relu_cross_covariance(row.as_ref(), directions.as_ref()).unwrap();
        let means = relu_means(directions.as_ref());
        let own = relu_means(row.as_ref())[0];
        (0..2).map(|i| amplitudes[i] * (covariance[(0, i)] + own * means[i])).sum::<f64>()
    };
    let step = relu_step(directions.as_ref(), &amplitudes, LabelDegrees::All, &W).unwrap();
    for k in 0..3 {
        let shifted = |by: f64| {
            let mut w = W;
            w[k] += by;
            value(&w)
        };
        let slope = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
        // Central differences: h^2 and eps/h.
        assert!((slope - step[k]).abs() < DIFFERENCES, "{k}: {slope} {}", step[k]);
    }
    // Degrees two and above: less C_1/2 and phi0 C_0 w.
    let two = relu_step(directions.as_ref(), &amplitudes, LabelDegrees::FromTwo, &W).unwrap();
    for k in 0..3 {
        let linear: f64 = (0..2).map(|i| 0.25 * amplitudes[i] * directions[(i, k)]).sum();
        let constant = amplitudes.iter().sum::<f64>() / TAU * W[k];
        close(step[k] - linear - constant, two[k], rounding(8, 4.0));
    }
}

/// 11.0.2; control: labels by averages leave a common vector.
#[test]
fn the_raw_step_is_the_sign_form_plus_a_common_vector() {
    let mut rng = sample::stream(1);
    let inputs = sample::normals(&mut rng, 60, 5);
    let raw = sample::labels(&quartic(), inputs.as_ref());
    let fitted = sample::least_squares_residuals(inputs.as_ref(), &raw).unwrap();
    let averaged = sample::averages_residuals(inputs.as_ref(), &raw).unwrap();
    let w = [0.3, -0.2, 0.5, 0.1, 0.7];
    let row = Mat::from_fn(1, 5, |_, k| w[k]);
    for (labels, vanishes) in [(&raw, false), (&averaged, false), (&fitted, true)] {
        let steps = sample::sampled_steps(inputs.as_ref(), labels, row.as_ref(), RELU).unwrap();
        let (signed, common) = two_forms(inputs.as_ref(), labels, &w).unwrap();
        let sum: Vec<f64> = signed.iter().zip(&common).map(|(s, c)| s + c).collect();
        let full: Vec<f64> = (0..5).map(|k| steps[(0, k)]).collect();
        at_most(distance(&sum, &full), 0.0, rounding(64, 1.0));
        assert_eq!(norm(&common) < 64.0 * f64::EPSILON, vanishes, "{common:?}");
        // The sign form is odd in w.
        let (other, _) = two_forms(inputs.as_ref(), labels, &w.map(|x| -x)).unwrap();
        assert!(signed.iter().zip(&other).all(|(a, b)| (a + b).abs() < 4.0 * f64::EPSILON));
    }
}

/// 11.1.1; control: the next harmonic degree's formula.
#[test]
fn energies_are_the_mean_over_neurons() {
    for (k, activation) in [(2, RELU), (4, RELU), (3, BiasedActivation::Erf)] {
        let predicted = harmonic_energies(k, 8, activation).unwrap();
        let harmonic = PolynomialTarget::harmonic(k).unwrap();
        let measure = |energies| {
            measure_population_energies(&harmonic, activation, energies, 8, 20_000, 3).unwrap()
        };
        for outcome in measure(predicted) {
            assert!(outcome.agrees(4.0, 0.0), "{k} {outcome:?}");
        }
        let next = harmonic_energies(k + 2, 8, activation).unwrap();
        assert!(measure(next).iter().all(|outcome| !outcome.agrees(4.0, 0.0)), "{k}");
    }
}

/// 11.1.1 for a quadratic is that of harmonic 2 where it is one; a `C_2` of lower rank has no
/// energy along its kernel.
#[test]
fn a_quadratics_energies() {
    let saddle = PolynomialTarget::harmonic(2).unwrap();
    let one = quadratic_energies(saddle.hessian().as_ref(), 9).unwrap();
    let two = harmonic_energies(2, 9, RELU).unwrap();
    close(one.inside / two.inside, 1.0, rounding(64, 1.0));
    close(one.outside / two.outside, 1.0, rounding(64, 1.0));
    let lower = target(&[(&[2, 0, 0], 1.0), (&[1, 1, 0], 0.4)]);
    let measured = measure_population_energies(
        &lower,
        RELU,
        quadratic_energies(lower.hessian().as_ref(), 9).unwrap(),
        9,
        20_000,
        5,
    )
    .unwrap();
    assert!(measured.iter().all(|outcome| outcome.agrees(4.0, 0.0)), "{measured:?}");
    let (inside, _) = StepCalculator::new(&lower, RELU).parts(&[0.3, 0.4, 0.5]).unwrap();
    assert!(!(inside[2].abs() > 0.0), "no energy along the kernel of C_2");
}

/// 11.1.2, quick size; control: the constant of exact labels on least-squares ones is a factor
/// of 2.
#[test]
fn noise_of_the_sampled_step() {
    let quadratic =
        target(&[(&[2, 0, 0], 0.7), (&[0, 2, 0], -0.5), (&[0, 0, 2], 0.4), (&[1, 0, 0], 0.6)]);
    let population = quadratic_energies(quadratic.hessian().as_ref(), 20).unwrap();
    let sampled = SampledStep {
        population,
        dimension: 20,
        rank: 3,
        homogeneity: 2,
        label_energy: quadratic.energy(2),
        samples: 1600,
        noise: RELU.noise(),
    };
    for fit in [LabelFit::Exact, LabelFit::Averages, LabelFit::LeastSquares] {
        let [inside, outside] =
            measure_energies(&quadratic, &sampled, RELU, fit, 150, 0..16).unwrap();
        assert!(outside.agrees(4.0, 0.1), "{fit:?} {outside:?}");
        assert!(fit == LabelFit::Averages || inside.agrees(4.0, 0.1), "{fit:?} {inside:?}");
        if fit == LabelFit::LeastSquares {
            let wrong = Outcome { predicted: sampled.exact_labels(None).outside, ..outside };
            assert!(!wrong.agrees(4.0, 0.1), "{wrong:?}");
        }
    }
}

/// The half point of a quadratic is `(pi/4) d^2` for large `d`, whatever the rank.
#[test]
fn the_half_point_does_not_see_the_rank() {
    for rank in 1..=4 {
        // A traceless or not C_2: the trace drops out for large d.
        let hessian = Mat::from_fn(rank, rank, |i, j| if i == j { 1.0 + i as f64 } else { 0.0 });
        let dimension = 4000;
        let sampled = SampledStep {
            population: quadratic_energies(hessian.as_ref(), dimension).unwrap(),
            dimension,
            rank,
            homogeneity: 2,
            label_energy: 0.5 * hessian.squared_norm_l2(),
            samples: 1,
            noise: RELU.noise(),
        };
        let ratio = sampled.half_point() / (dimension * dimension) as f64;
        // O(1/d), the factor up to the rank.
        assert!(
            (ratio / std::f64::consts::FRAC_PI_4 - 1.0).abs() < 8.0 / dimension as f64,
            "{rank}: {ratio}"
        );
        let other =
            quadratic_half_point(dimension, sampled.label_energy, hessian.squared_norm_l2());
        close(
            other / (dimension * dimension) as f64,
            std::f64::consts::FRAC_PI_4,
            rounding(4096, 1.0),
        );
    }
}

#[test]
fn noise_constants_are_those_of_their_definition() {
    let rule = Rule::fine().unwrap();
    let activation = BiasedActivation::Erf;
    let mean = |f: &dyn Fn(f64) -> f64| rule.mean(rule.nodes().iter().map(|&z| f(z)));
    let square = mean(&|z| activation.derivative(z).powi(2));
    let across = square - mean(&|z| activation.derivative(z)).powi(2);
    let along = mean(&|z| (activation.derivative(z) * z).powi(2))
        - mean(&|z| activation.derivative(z) * z * z).powi(2);
    close(activation.noise().across, across, rounding(64, 1.0));
    close(activation.noise().along, along, rounding(64, 1.0));
    // A bias of 0 gives ReLU's.
    close(RELU.noise().along, 0.25 - 0.5 / std::f64::consts::PI, rounding(8, 1.0));
}
