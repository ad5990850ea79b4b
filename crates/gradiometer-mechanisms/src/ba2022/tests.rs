use super::*;
use crate::target::Term;
use gradiometer_testing::{close, rounding};

/// What is left `1e-9` above a threshold, where overlaps grow in proportion, and at `1e4` times it.
const NEAR: f64 = 1e-6;

fn target(terms: &[(&[usize], f64)]) -> PolynomialTarget {
    let terms = terms.iter().map(|(d, c)| Term { degrees: d.to_vec(), coefficient: *c });
    PolynomialTarget::new(terms.collect()).unwrap()
}

fn linear_and_quadratic() -> PolynomialTarget {
    target(&[(&[1, 0], 0.8), (&[2, 0], 0.4), (&[0, 2], -0.3), (&[1, 1], 0.2)])
}

/// 11.2.1, the identity: entry by entry against the mean over neurons.
#[test]
fn the_gradients_second_moment_is_the_mean_over_neurons() {
    let (d, m) = (6, 40_000);
    let weights = sample::unit_rows(&mut sample::stream(1), m, d);
    let steps = StepCalculator::new(&linear_and_quadratic(), RELU).steps(weights.as_ref()).unwrap();
    let predicted = gradient_covariance(&linear_and_quadratic(), d);
    let entry = |i: usize, k: usize| {
        Summary::of(&(0..m).map(|j| steps[(j, i)] * steps[(j, k)]).collect::<Vec<_>>())
    };
    for i in 0..2 {
        for k in 0..2 {
            let outcome = entry(i, k).beside(predicted.inside[(i, k)]);
            assert!(outcome.agrees(4.0, 0.0), "{i} {k} {outcome:?}");
        }
    }
    let outcome = entry(4, 4).beside(predicted.outside);
    assert!(outcome.agrees(4.0, 0.0), "{outcome:?}");
    // Control: the leading term alone is not the identity at d = 6.
    let leading = DENSITY_AT_ZERO.powi(2) * 0.04 / 6.0 + DENSITY_AT_ZERO.powi(2) * 0.18 / 6.0;
    assert!(!entry(1, 1).beside(leading).agrees(4.0, 0.0));
}

/// 11.2.1, quick; controls: no linear part, and a constant that was not removed.
#[test]
fn the_first_gradient_is_rank_one_if_there_is_a_linear_part() {
    let (d, m) = (50, 200);
    let finite = 1.0 / (m as f64).sqrt() + 2.0 / d as f64;
    for outcome in measure_first_gradient(&linear_and_quadratic(), d, m, 0..6).unwrap() {
        assert!(outcome.agrees(4.0, finite), "{outcome:?}");
    }
    let quadratic = target(&[(&[2, 0], 0.4), (&[0, 2], -0.3), (&[1, 1], 0.2)]);
    let [first, second] = measure_first_gradient(&quadratic, d, m, 0..6).unwrap();
    assert!(second.measured > 0.5 * first.measured, "{first:?} {second:?}");
    let shifted = target(&[(&[0, 0], 1.0), (&[1, 0], 0.8)]);
    let weights = sample::unit_rows(&mut sample::stream(1), m, d);
    let calculator = StepCalculator::new(&shifted, RELU);
    let centred = StepCalculator::new(&target(&[(&[1, 0], 0.8)]), RELU);
    let (a, b) =
        (calculator.steps(weights.as_ref()).unwrap(), centred.steps(weights.as_ref()).unwrap());
    // phi0 C_0 w_j: of order 1 in every row, small as an operator.
    let difference = &a - &b;
    close(difference.row(0).norm_l2(), DENSITY_AT_ZERO, rounding(64, 1.0));
    let scaled = faer::Scale(1.0 / (m as f64).sqrt()) * &difference;
    let (values, _) = right_singular(scaled.as_ref()).unwrap();
    let edge = DENSITY_AT_ZERO * (1.0 / (d as f64).sqrt() + 1.0 / (m as f64).sqrt());
    assert!((values[0] / edge - 1.0).abs() < 0.1, "{} {edge}", values[0]);
}

/// 11.2.2, quick; control: shuffled labels align to about `1/d`.
#[test]
fn the_first_gradient_aligns_with_the_linear_part() {
    let found = measure_alignment(&linear_and_quadratic(), 50, 200, 50, false, 0..16).unwrap();
    assert!(found.step.agrees(4.0, 2.0 / 50.0), "{found:?}");
    assert!(found.squared_norm.agrees(4.0, 0.0), "{found:?}");
    let control = measure_alignment(&linear_and_quadratic(), 50, 200, 50, true, 0..16).unwrap();
    assert!(control.moment.measured < 4.0 / 50.0, "{control:?}");
    assert!(!control.step.agrees(4.0, 2.0 / 50.0), "{control:?}");
}

/// 11.2.3, quick; control: the independent formula on a symmetric start.
#[test]
fn the_leading_vector_depends_on_the_start() {
    let step = FirstStep { dimension: 100, width: 100, samples: 200, size: 6.0 };
    for start in [Start::Independent, Start::Symmetric] {
        let found = measure_leading(start, start, &linear_and_quadratic(), step, 0..6).unwrap();
        assert!(found.value.agrees(4.0, 0.03) && found.overlap.agrees(4.0, 0.03), "{found:?}");
    }
    let below = FirstStep { size: 3.0, ..step };
    let control =
        measure_leading(Start::Symmetric, Start::Independent, &linear_and_quadratic(), below, 0..6)
            .unwrap();
    assert!(!control.overlap.agrees(4.0, 0.2), "{control:?}");
    assert!(control.overlap.measured < 0.3 && control.overlap.predicted > 0.4, "{control:?}");
}

#[test]
fn the_formulas_meet_at_the_thresholds() {
    for aspect in [0.5, 1.0, 3.0] {
        for start in [Start::Independent, Start::Symmetric] {
            let threshold = leading_vector(start, 1.0, aspect).unwrap().threshold;
            let above = leading_vector(start, threshold * (1.0 + 1e-9), aspect).unwrap();
            let below = leading_vector(start, threshold * (1.0 - 1e-9), aspect).unwrap();
            assert!((above.value / below.value - 1.0).abs() < NEAR, "{start:?} {aspect}");
            assert!(above.right.abs() < NEAR && !(below.right.abs() > 0.0), "{start:?} {aspect}");
            let far = leading_vector(start, 1e4, aspect).unwrap();
            assert!((far.right - 1.0).abs() < NEAR, "{start:?} {aspect}");
        }
    }
    assert!(leading_vector(Start::Symmetric, 0.0, 1.0).is_err());
}

/// 11.2.5: a large step beats the best linear predictor, a small one does not; control: parity.
#[test]
fn only_large_steps_beat_the_linear_predictor() {
    let label = Label::Relu(vec![1.0]);
    let linear_floor = 0.25 - 0.5 / std::f64::consts::PI;
    let at = |size| {
        let step = FirstStep { dimension: 60, width: 60, samples: 600, size };
        measure_ridge(&label, step, 600, &[0.1], 4, 0..4).unwrap()[0]
    };
    let (small, large) = (at(0.0), at(31.0));
    assert!(small.measured - 4.0 * small.error > linear_floor, "{small:?}");
    assert!(large.measured + 4.0 * large.error < linear_floor, "{large:?}");
    assert!(small.agrees(4.0, 1.0 / 60.0) && large.agrees(4.0, 1.0 / 60.0), "{small:?} {large:?}");
    let third = [0.0, 0.8, 0.0, 0.6];
    let floor = parity_floor(&PolynomialTarget::single_index(&third).unwrap());
    close(floor, 0.36, rounding(8, 1.0));
    for size in [10.0, 1000.0] {
        let step = FirstStep { dimension: 40, width: 40, samples: 400, size };
        let label = Label::SingleIndex(third.to_vec());
        let found = measure_ridge(&label, step, 400, &[0.01], 4, 0..4).unwrap()[0];
        assert!(found.measured > floor && found.predicted > floor, "{found:?}");
    }
}
