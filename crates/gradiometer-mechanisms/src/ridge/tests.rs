use super::*;
use crate::sample::{self, FirstStep, Label};
use gradiometer_testing::{at_most, close, rounding};

/// What the degrees beyond 60 of ReLU leave of a covariance with `t^60` small.
const TAIL: f64 = 1e-5;

/// What the degrees beyond 60 hold of the variance at most, `sum_{k > 60} s_k^2`.
const VARIANCE_TAIL: f64 = 1e-3;

#[test]
fn covariances_are_those_of_quadrature() {
    // Two unit neurons at angle t: E relu relu = kappa(t), by polar coordinates kappa = (sin +
    // (pi - phi) cos)/(2 pi).
    for t in [-0.9_f64, -0.2, 0.0, 0.5, 0.99] {
        let other = (1.0 - t * t).sqrt();
        let weights = faer::mat![[2.0, 0.0], [3.0 * t, 3.0 * other]];
        let phi = t.acos();
        let kappa = (phi.sin() + (std::f64::consts::PI - phi) * t) / std::f64::consts::TAU;
        let covariance = relu_covariance(weights.as_ref()).unwrap();
        let expected = 6.0 * (kappa - DENSITY_AT_ZERO * DENSITY_AT_ZERO);
        close(covariance[(0, 1)], expected, rounding(64, 1.0));
        let cross = relu_cross_covariance(weights.as_ref(), weights.as_ref()).unwrap();
        at_most((&cross - &covariance).norm_max(), 0.0, rounding(64, 1.0));
    }
    // A zero neuron has no covariance and no NaN.
    let covariance = relu_covariance(faer::mat![[0.0, 0.0], [1.0, 0.0]].as_ref()).unwrap();
    assert!(!(covariance[(0, 0)].abs() > 0.0) && !(covariance[(0, 1)].abs() > 0.0));
}

#[test]
fn a_single_index_label_is_a_teacher_where_it_is_one() {
    // relu(u.x) in Hermite coefficients, to degree 60: the rest is the tail of s_k^2, t^60.
    let weights = sample::unit_rows(&mut sample::stream(2), 5, 4);
    let coefficients = relu_coefficients(60);
    let one = single_index_moments(weights.as_ref(), &[0.6, 0.8, 0.0, 0.0], &coefficients).unwrap();
    let direction = faer::mat![[0.6, 0.8, 0.0, 0.0]];
    let two = relu_moments(weights.as_ref(), direction.as_ref(), &[1.0]).unwrap();
    for (a, b) in one.cross.iter().zip(&two.cross) {
        assert!((a - b).abs() < TAIL, "{a} {b}");
    }
    assert!((one.variance - two.variance).abs() < VARIANCE_TAIL);
}

#[test]
fn kappa_solves_its_equation_and_errors_are_ordered() {
    let weights = sample::unit_rows(&mut sample::stream(3), 20, 10);
    let label = Label::Relu(vec![1.0, 0.6]).moments(weights.as_ref()).unwrap();
    let engine = relu_engine(weights.as_ref(), &label).unwrap();
    for n in [5, 20, 1000] {
        for penalty in [1e-6, 1e-2, 1.0] {
            let risk = engine.risk(n, penalty).unwrap();
            let own = penalty + risk.kappa * risk.df1 / n as f64;
            close(own / risk.kappa, 1.0, rounding(4096, 1.0));
            assert!(risk.train < risk.test && risk.base < risk.test, "{n} {penalty} {risk:?}");
        }
    }
    assert!(engine.risk(10, 0.0).is_err() && engine.risk(10, f64::NAN).is_err());
    assert!(engine.risk(0, 1.0).is_err());
    assert!(GaussianRidge::new(faer::mat![[1.0]].as_ref(), &[f64::NAN], 1.0).is_err());
}

/// 11.2.4, quick; control: the prediction for twice as many samples.
#[test]
fn simulated_ridge_has_the_predicted_error() {
    let label = Label::Relu(vec![1.0, 0.6]);
    let step = FirstStep { dimension: 60, width: 60, samples: 180, size: 3.0 };
    let found = crate::ba2022::measure_ridge(&label, step, 180, &[0.01, 0.1], 6, 0..6).unwrap();
    for outcome in &found {
        assert!(outcome.agrees(4.0, 1.0 / 60.0), "{outcome:?}");
    }
    let mut rng = sample::stream(0);
    let weights = step.take(&label, &mut rng).unwrap().weights;
    let engine = relu_engine(weights.as_ref(), &label.moments(weights.as_ref()).unwrap()).unwrap();
    // At the small penalty, where the number of samples matters most.
    let twice = engine.risk(360, 0.01).unwrap().test;
    let wrong = crate::Outcome { predicted: twice, ..found[0] };
    assert!(!wrong.agrees(4.0, 1.0 / 60.0), "{wrong:?}");
}
