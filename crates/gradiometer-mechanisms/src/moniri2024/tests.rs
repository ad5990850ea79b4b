use super::*;
use crate::normal::Rule;
use gradiometer_testing::{close, rounding};

/// 11.4.1 by quadrature over `v.x` and the rest; control: `s_k rho^k` for rows of other lengths,
/// and `A_3 = 0`.
#[test]
fn degree_vectors_are_the_projections() {
    let weights = faer::mat![[1.2, 0.5], [-0.4, 0.9], [0.3, -2.0]];
    let vectors = degree_vectors(weights.as_ref(), &[1.0, 0.0], 6).unwrap();
    let rule = Rule::fine().unwrap();
    for j in 0..3 {
        let (rho, rest) = (weights[(j, 0)], weights[(j, 1)]);
        for (k, vector) in vectors.iter().enumerate() {
            // Given v.x the mean of the feature is rho x Phi(z) + r phi(z).
            let values = rule.nodes().iter().map(|&x| {
                let (shift, r) = (rho * x, rest.abs());
                let z = shift / r;
                let mean = shift * crate::normal::distribution(z) + r * crate::normal::density(z);
                mean * hermite(k, x)
            });
            let own = rule.mean(values);
            close(own, vector[j], rounding(4096, 1.0));
        }
        let length = rho.hypot(rest);
        let wrong = relu_coefficients(2)[2] * rho * rho;
        assert!((wrong - vectors[2][j]).abs() > 0.1 * wrong * (length - 1.0).abs(), "{j}");
    }
    assert!(vectors[3].iter().chain(&vectors[5]).all(|a| !(a.abs() > 0.0)));
}

/// A function `w.features` has the coefficient `w.A_k`: `Cov(features)` less the degree vectors'
/// part is what is left.
#[test]
fn degree_vectors_are_part_of_the_covariance() {
    let weights = sample::unit_rows(&mut sample::stream(1), 6, 4);
    let covariance = relu_covariance(weights.as_ref()).unwrap();
    let vectors = degree_vectors(weights.as_ref(), &[0.0, 1.0, 0.0, 0.0], 8).unwrap();
    let rest = Mat::from_fn(6, 6, |i, j| {
        covariance[(i, j)] - vectors.iter().skip(1).map(|a| a[i] * a[j]).sum::<f64>()
    });
    let (values, _) = eigen(rest.as_ref(), "what is left").unwrap();
    assert!(values.iter().all(|v| *v > -64.0 * f64::EPSILON), "{values:?}");
}

/// 11.4.2; control: the third spike of ReLU, and the moments of a Gaussian second layer.
#[test]
fn spikes_have_the_predicted_strength() {
    let m = 100_000;
    let push = (m as f64).powf(0.27);
    let mut rng = sample::stream(2);
    let own = sample::normals(&mut rng, m, 1);
    let scale = 1.0 / (m as f64).sqrt();
    for second_layer in [SecondLayer::Signs, SecondLayer::Gaussian] {
        let a: Vec<f64> = match second_layer {
            SecondLayer::Signs => sample::signs(&mut rng, m),
            SecondLayer::Gaussian => {
                let normals = sample::normals(&mut rng, m, 1);
                (0..m).map(|j| normals[(j, 0)]).collect()
            }
        };
        let (mut rho, mut lengths) = (Vec::new(), Vec::new());
        for (j, a) in a.iter().enumerate() {
            let before = scale * own[(j, 0)];
            rho.push(before + scale * push * a);
            lengths.push((1.0 - before * before + rho[j] * rho[j]).sqrt());
        }
        let vectors = degree_vectors_from(&rho, &lengths, 4);
        for k in [1, 2] {
            let predicted = spike_strength(k, push, m, second_layer);
            let measured = dot(&vectors[k], &vectors[k]);
            assert!((measured / predicted - 1.0).abs() < 0.05, "{second_layer:?} {k} {measured}");
        }
        assert!(!(dot(&vectors[3], &vectors[3]) > 0.0));
        assert!(!(spike_strength(3, push, m, second_layer) > 0.0));
    }
}

/// 11.4.3, quick; controls: without a step, and at a small one none of degree 2.
#[test]
fn outliers_are_where_they_are_predicted() {
    let label = Label::SingleIndex(vec![0.0, 0.8, 0.6]);
    let at = |size| {
        let step = FirstStep { dimension: 100, width: 100, samples: 300, size };
        measure_spikes(&label, step, 300, 0..6).unwrap()
    };
    let large = at(14.0);
    for k in 0..2 {
        assert!(large.position[k].agrees(4.0, 0.03), "{k} {large:?}");
        assert!(large.alignment[k].agrees(4.0, 0.03), "{k} {large:?}");
    }
    let small = at(6.0);
    assert!(small.alignment[0].measured > 0.6 && small.alignment[1].measured < 0.1, "{small:?}");
    let none = at(0.0);
    assert!(none.alignment.iter().all(|a| a.measured < 0.1), "{none:?}");
}

/// 11.4.4, quick; control: a third degree is not learnt at any step.
#[test]
fn the_second_degree_is_learnt_after_a_large_step() {
    let at = |coefficients: &[f64], size| {
        let step = FirstStep { dimension: 60, width: 60, samples: 600, size };
        measure_learnt(coefficients, step, 240, 0.01, 6, 0..6).unwrap()
    };
    let mut last = -1.0;
    for size in [0.0, 8.0, 30.0] {
        let found = at(&[0.0, 0.8, 0.6], size);
        assert!(found.test.agrees(4.0, 2.0 / 60.0), "{size} {found:?}");
        for (k, share) in found.shares.iter().enumerate() {
            let distance = (share.measured - share.predicted).abs();
            assert!(distance <= 4.0 * share.error + 2.0 / 60.0, "{size} {k} {found:?}");
        }
        assert!(found.shares[1].measured > last, "{size}");
        last = found.shares[1].measured;
    }
    assert!(last > 0.7, "{last}");
    let control = at(&[0.0, 0.8, 0.0, 0.6], 30.0);
    assert!(control.test.measured > 0.36 && control.test.predicted > 0.36, "{control:?}");
}
