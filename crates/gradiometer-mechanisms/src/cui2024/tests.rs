use super::*;
use crate::linear_algebra::eigen;
use crate::ridge::{GaussianRidge, relu_covariance, relu_means};
use gradiometer_testing::{close, rounding};

/// Statement 11.5.3's tolerance: a least-squares fit of up to nine functions that are nearly
/// dependent.
const FITTED: f64 = 1e-9;
/// Statement 11.5.3 saw 7e-6 left with eight levels, 6.7e-5 with four.
const EIGHT_LEVELS: f64 = 3e-5;

const LABEL: [f64; 3] = [0.0, 0.6, 0.5];

fn readout(spike: f64, penalty: f64) -> ConstantReadout {
    ConstantReadout {
        coefficients: LABEL.to_vec(),
        along: 0.8,
        spike,
        width_over_d: 1.0,
        samples_over_d: 2.0,
        penalty,
    }
}

/// Moments given `v.x` by quadrature over `s` of `g(gamma x + sqrt(1 - gamma^2) s)`.
#[test]
fn label_moments_are_those_of_quadrature() {
    let rule = Rule::gauss_hermite(20).unwrap();
    let coefficients = [0.3, -0.6, 0.5, 0.2, 0.1];
    let g = |z: f64| {
        let mut h = [0.0; 5];
        hermite_all(z, &mut h);
        dot(&coefficients, &h)
    };
    for (along, x) in [(0.8_f64, 1.3), (0.0, -0.4), (1.0, 0.7)] {
        let across = ((1.0 - along) * (1.0 + along)).sqrt();
        let mean = |f: &dyn Fn(f64) -> f64| {
            rule.mean(rule.nodes().iter().map(|&s| g(along * x + across * s) * f(s)))
        };
        let label = LabelGiven::new(&coefficients, along, x);
        close(label.mean, mean(&|_| 1.0), rounding(512, 1.0));
        close(label.first, mean(&|s| s), rounding(512, 1.0));
        let second = mean(&|s| (s * s - 1.0) * FRAC_1_SQRT_2);
        close(label.second, second, rounding(512, 1.0));
        let square = rule.mean(rule.nodes().iter().map(|&s| g(along * x + across * s).powi(2)));
        close(label.variance, square - label.mean.powi(2), rounding(512, 1.0));
    }
}

/// One node and no condition is the Gaussian engine.
#[test]
fn one_node_is_the_gaussian_engine() {
    let weights = sample::unit_rows(&mut sample::stream(1), 20, 10);
    let label = Label::Relu(vec![1.0, 0.6]).moments(weights.as_ref()).unwrap();
    let covariance = relu_covariance(weights.as_ref()).unwrap();
    let node = NodeMoments {
        mean: relu_means(weights.as_ref()),
        covariance: covariance.clone(),
        label_mean: label.mean,
        label_variance: label.variance,
        cross: label.cross.clone(),
    };
    let one = ConditionalRidge::new(vec![node], vec![1.0]).unwrap();
    let other = GaussianRidge::new(covariance.as_ref(), &label.cross, label.variance).unwrap();
    for (n, penalty) in [(30, 1e-2), (100, 1.0)] {
        let conditional = one.risk(n, penalty, Tuning::default()).unwrap();
        // The intercept costs the conditional engine one of n degrees of freedom: E_q counts it,
        // the other does not.
        let gaussian = other.risk(n, penalty).unwrap();
        assert!((conditional.test / gaussian.test - 1.0).abs() < 3.0 / n as f64, "{n}");
        let w = &conditional.weights[1..];
        let shift = norm(&w.iter().zip(&gaussian.weights).map(|(a, b)| a - b).collect::<Vec<_>>());
        assert!(shift < 3.0 / n as f64 * norm(w), "{n} {shift}");
    }
    assert!(one.risk(10, 0.0, Tuning::default()).is_err());
    assert!(one.risk(0, 1.0, Tuning::default()).is_err());
}

/// 11.5.1, quick; control: the Gaussian engine on a constant readout is 10 to 27 % low.
#[test]
fn the_conditional_engine_predicts_spiked_features() {
    let experiment = SpikedExperiment {
        coefficients: LABEL.to_vec(),
        along: 0.8,
        dimension: 50,
        width: 50,
        samples: 100,
        spikes: Spikes::Constant(1.0),
        nodes: 11,
    };
    let found = measure_spiked(&experiment, &[0.1, 1.0], 10, 0..6).unwrap();
    for (outcome, gaussian) in found.conditional.iter().zip(&found.gaussian) {
        assert!(outcome.agrees(4.0, 1.0 / 50.0), "{outcome:?}");
        let control = Outcome { predicted: gaussian.mean, ..*outcome };
        assert!(!control.agrees(4.0, 1.0 / 50.0), "{control:?}");
    }
    assert!(found.gaussian[0].mean < 0.93 * found.conditional[0].measured, "{found:?}");
}

/// The engine's test error at `d = N`, `n = 2 d`, for spikes of 1 or of signs of 1.
fn engine_at(d: usize, mixed: bool, seed: u64) -> f64 {
    let v: Vec<f64> = (0..d).map(|k| if k == 0 { 1.0 } else { 0.0 }).collect();
    let u: Vec<f64> = (0..d).map(|k| [0.8, 0.6].get(k).copied().unwrap_or(0.0)).collect();
    let rule = Rule::gauss_hermite(11).unwrap();
    let mut rng = sample::stream(seed);
    let rows = sample::unit_rows(&mut rng, d, d - 1);
    let signs = sample::signs(&mut rng, d);
    let weights = Mat::from_fn(d, d, |j, k| match k {
        0 if mixed => signs[j],
        0 => 1.0,
        _ => rows[(j, k - 1)],
    });
    ConditionalRidge::spiked(weights.as_ref(), &v, &u, &LABEL, &rule)
        .unwrap()
        .risk(2 * d, 1.0, Tuning::sampled())
        .unwrap()
        .test
}

/// 11.5.2 is 11.5.1 at large `d`, 4/d above it; control: the constant formula for spikes of both
/// signs.
#[test]
fn the_scalar_limit_is_that_of_the_engine() {
    let limit = readout(1.0, 1.0).risk(&Rule::fine().unwrap(), Tuning::default()).unwrap().test;
    for d in [40, 80] {
        let tests: Vec<f64> = (0..12).map(|seed| engine_at(d, false, seed)).collect();
        let off = Outcome::of_samples(limit, &tests);
        println!("{d} {off:?} {}", (off.measured / limit - 1.0) * d as f64);
        assert!(off.agrees(4.0, 4.0 / d as f64), "{d} {off:?}");
        // Control: the constant formula for a network with signs.
        let mixed: Vec<f64> = (0..12).map(|seed| engine_at(d, true, seed)).collect();
        let control = Outcome::of_samples(limit, &mixed);
        println!("{control:?}");
        assert!(!control.agrees(4.0, 4.0 / d as f64), "{d} {control:?}");
    }
}

/// 11.5.3: as the limit of 11.5.2, more levels leave less; control: degree 3 stays whatever the
/// levels.
#[test]
fn levels_bound_what_can_be_learnt() {
    let rule = Rule::fine().unwrap();
    for spike in [0.5, 1.0, 3.0] {
        let left = unlearnable(&LABEL, 0.8, &[spike], 1.0, &rule).unwrap();
        let near = ConstantReadout {
            width_over_d: 1000.0,
            samples_over_d: 30_000.0,
            ..readout(spike, 0.1)
        };
        let limit = near.risk(&rule, Tuning::default()).unwrap().test;
        assert!((limit / left - 1.0).abs() < 0.05 && limit > left, "{spike}: {limit} {left}");
    }
    let levels = [1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0];
    let mut last = f64::INFINITY;
    for count in [1, 2, 4, 8] {
        let left = unlearnable(&LABEL, 1.0, &levels[..count], 1.0, &rule).unwrap();
        assert!(left < last, "{count}: {left}");
        last = left;
        let third = unlearnable(&[0.0, 0.0, 0.0, 1.0], 1.0, &levels[..count], 1.0, &rule).unwrap();
        assert!((third - 1.0).abs() < FITTED, "{count}: {third}");
    }
    assert!(last < EIGHT_LEVELS, "{last}");
    // A level twice is one level.
    let once = unlearnable(&LABEL, 0.8, &[1.0], 1.0, &rule).unwrap();
    let twice = unlearnable(&LABEL, 0.8, &[1.0, 1.0], 1.0, &rule).unwrap();
    close(once, twice, rounding(4096, 1.0));
    assert!(unlearnable(&LABEL, 0.8, &[], 1.0, &rule).is_err());
}

/// 11.5.4, quick; control: the scalar limit, whose bulk is independent of the step, is not for
/// these.
#[test]
fn the_conditional_engine_predicts_trained_networks() {
    let d = 60;
    let step = FirstStep { dimension: d, width: d, samples: 4 * d, size: 3.0 * (d as f64).sqrt() };
    let found = measure_trained(&LABEL, step, 2 * d, 40, &[0.1, 1.0], 6, 0..4).unwrap();
    for outcome in &found.conditional {
        assert!(outcome.agrees(4.0, 0.02 + 1.0 / d as f64), "{outcome:?}");
    }
    let limit = readout(3.0, 1.0).risk(&Rule::fine().unwrap(), Tuning::default()).unwrap().test;
    let control = Outcome { predicted: limit, ..found.conditional[1] };
    assert!(!control.agrees(4.0, 0.02 + 1.0 / d as f64), "{control:?}");
}

/// Covariances given a node have no negative eigenvalue beyond the degrees that are left out.
#[test]
fn conditional_covariances_are_positive() {
    let weights = sample::normals(&mut sample::stream(8), 12, 12);
    let v: Vec<f64> = (0..12).map(|k| if k == 0 { 1.0 } else { 0.0 }).collect();
    let rule = Rule::gauss_hermite(5).unwrap();
    let engine = ConditionalRidge::spiked(weights.as_ref(), &v, &v, &LABEL, &rule).unwrap();
    for node in engine.nodes() {
        let (values, _) = eigen(node.covariance.as_ref(), "a covariance").unwrap();
        assert!(values.iter().all(|x| *x > -4096.0 * f64::EPSILON), "{values:?}");
    }
}
