use super::*;
use crate::target::Term;

fn target(terms: &[(&[usize], f64)]) -> PolynomialTarget {
    let terms = terms.iter().map(|(d, c)| Term { degrees: d.to_vec(), coefficient: *c });
    PolynomialTarget::new(terms.collect()).unwrap()
}

/// 11.3.1, quick; control: without a linear part no direction has a share of order 1.
#[test]
fn one_direction_appears_at_n_of_order_d() {
    let both = target(&[(&[1, 0], 1.0), (&[1, 1], 1.0)]);
    let found = measure_directions(&both, 100, 800, 60, 0..12).unwrap();
    assert!(found.linear_share.agrees(4.0, 0.03), "{found:?}");
    assert!(found.total.agrees(4.0, 0.03), "{found:?}");
    let quadratic = target(&[(&[1, 1], 1.0)]);
    let control = measure_directions(&quadratic, 100, 800, 60, 0..12).unwrap();
    assert!(control.linear_share.measured < 0.1, "{control:?}");
}

/// 11.3.2: the Gram matrix of the step over very many neurons; control: `asin` replaced by its
/// argument.
#[test]
fn all_neurons_together_are_a_spectral_method() {
    let mut rng = sample::stream(3);
    let inputs = sample::normals(&mut rng, 6, 3);
    let labels: Vec<f64> = (0..6).map(|i| inputs[(i, 0)] * inputs[(i, 1)]).collect();
    let gram = mean_outer_step(inputs.as_ref(), &labels).unwrap();
    let neurons = sample::unit_rows(&mut rng, 60_000, 3);
    let cosines = Mat::from_fn(6, 6, |i, k| {
        let (x, y) = (row(inputs.as_ref(), i), row(inputs.as_ref(), k));
        labels[i] * labels[k] * dot(&x, &y) / (norm(&x) * norm(&y)) / (TAU * 36.0)
    });
    let linear = inputs.transpose() * &cosines * &inputs;
    let products = &inputs * neurons.transpose();
    let mut worst_control = 0.0_f64;
    for a in 0..3 {
        for b in a..3 {
            let values: Vec<f64> = (0..neurons.nrows())
                .map(|j| {
                    let g = |k: usize| -> f64 {
                        (0..6)
                            .map(|i| labels[i] * products[(i, j)].signum() * inputs[(i, k)] / 12.0)
                            .sum()
                    };
                    g(a) * g(b)
                })
                .collect();
            let outcome = Summary::of(&values).beside(gram[(a, b)]);
            assert!(outcome.agrees(4.0, 0.0), "{a} {b} {outcome:?}");
            let control = Summary::of(&values).beside(linear[(a, b)]).deviation().abs();
            worst_control = gradiometer_hermite::float::maximum(worst_control, control);
        }
    }
    assert!(worst_control > 4.0, "{worst_control}");
}

/// 11.3.2 at `n = 20 d`: a wide network shows every direction, ten neurons do not, and less so as
/// `d` grows.
#[test]
fn a_wide_network_shows_every_direction_at_n_of_order_d() {
    let saddle = target(&[(&[2, 0], 1.0), (&[0, 2], -0.8)]);
    let least_cosine = |d: usize| {
        let mut sums = [0.0; 3];
        for seed in 0..4 {
            let mut rng = sample::stream(seed);
            let inputs = sample::normals(&mut rng, 20 * d, d);
            let raw = sample::labels(&saddle, inputs.as_ref());
            let labels = sample::least_squares_residuals(inputs.as_ref(), &raw).unwrap();
            let few = sample::unit_rows(&mut rng, 10, d);
            let steps =
                sample::sampled_steps(inputs.as_ref(), &labels, few.as_ref(), RELU).unwrap();
            let spectral = spectral_matrix(inputs.as_ref(), &labels).unwrap();
            let matrices = [
                mean_outer_step(inputs.as_ref(), &labels).unwrap(),
                &spectral * &spectral,
                steps.transpose() * &steps,
            ];
            for (sum, matrix) in sums.iter_mut().zip(&matrices) {
                let (_, vectors) =
                    crate::linear_algebra::eigen(matrix.as_ref(), "a Gram matrix").unwrap();
                // Least singular value of the top two vectors' part in the span.
                let part = vectors.as_ref().submatrix(0, 0, 2, 2);
                *sum += 0.25 * part.singular_values().unwrap()[1];
            }
        }
        sums
    };
    let (small, large) = (least_cosine(20), least_cosine(60));
    for found in [small, large] {
        assert!(found[0] > 0.8 && (found[0] - found[1]).abs() < 0.05, "{found:?}");
    }
    assert!(large[2] < small[2] && large[2] < large[0] - 0.1, "{small:?} {large:?}");
}

/// 11.3.4, quick.
#[test]
fn a_staircase_is_climbed_a_step_at_a_time() {
    let stairs = target(&[(&[1, 0], 1.0), (&[1, 1], 1.0)]);
    let steps = [StepSize::Infinite, StepSize::Finite(2.0), StepSize::Finite(2.0)];
    let found = measure_staircase(&stairs, 0.0, 100, 800, 60, &steps, 0..6).unwrap();
    // 2/sqrt d is of the order of the first coordinate, of size 1.
    for outcome in found.iter().flat_map(|stair| stair.plus.iter().chain(&stair.minus)) {
        let distance = (outcome.measured - outcome.predicted).abs();
        assert!(distance <= 4.0 * outcome.error + 0.2 * 0.1, "{outcome:?}");
    }
    assert!(found[0].plus[1].measured.abs() < 0.1 && found[2].plus[1].measured > 0.3, "{found:?}");
}

/// Controls of 11.3.4: a missing stair, and a third degree without a bias, stop exactly.
#[test]
fn a_staircase_stops_where_the_activation_has_no_coefficient() {
    let steps: Vec<StepSize> = std::iter::once(StepSize::Infinite)
        .chain(std::iter::repeat_n(StepSize::Finite(4.0), 20))
        .collect();
    let last = |terms: &[(&[usize], f64)], bias: f64| {
        let stairs = Staircase::new(&target(terms), bias, 8.0).unwrap();
        stairs.climb(1.0, &steps).unwrap().pop().unwrap()
    };
    let third: [(&[usize], f64); 3] = [(&[1, 0, 0], 1.0), (&[1, 1, 0], 1.0), (&[1, 1, 1], 2.0)];
    assert!(!(last(&third, 0.0)[2].abs() > 0.0), "no bias");
    assert!(last(&third, -0.7)[2] > 0.1, "a bias");
    let broken = last(&[(&[1, 0, 0], 1.0), (&[0, 1, 1], 1.0)], 0.0);
    assert!(!(broken[1].abs() > 0.0) && !(broken[2].abs() > 0.0), "{broken:?}");
    assert!(Staircase::new(&target(&third), 0.0, 0.0).is_err());
}
