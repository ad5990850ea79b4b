use super::*;
use gradiometer_testing::{at_most, close, rounding};

fn experiment(dimension: usize, samples_over_d2: f64) -> LimitLawExperiment {
    LimitLawExperiment {
        amplitudes: vec![1.0, -1.0, 1.0],
        second_amplitudes: vec![1.0, -1.0, 1.0],
        dimension,
        samples_over_d2,
        ridge_samples: 1000,
        width: 100,
        penalty: 0.01,
    }
}

/// 11.1.3, quick; control: without the step.
#[test]
fn one_step_and_ridge_follow_the_limit_law() {
    let found = experiment(40, 4.0).measure(0..4).unwrap();
    assert!(found.population.agrees(4.0, 0.06), "{found:?}");
    assert!(found.sampled.agrees(4.0, 0.06), "{found:?}");
    let control = found.without_step.beside(found.population.predicted);
    assert!(!control.agrees(4.0, 0.06) && control.measured > 0.7, "{control:?}");
}

/// Control of 11.1.3: a teacher of degrees four and above has `C_2 = 0`, and one step learns
/// nothing of it.
#[test]
fn a_teacher_without_degree_two_is_not_learnt() {
    let root = 0.5_f64.sqrt();
    let directions = faer::mat![[1.0, 0.0], [0.0, 1.0], [root, root], [root, -root]];
    let amplitudes = [1.0, 1.0, -1.0, -1.0];
    let (hessian, energy) = relu_second_degree(directions.as_ref(), &amplitudes).unwrap();
    at_most(hessian.norm_max(), 0.0, rounding(1, 1.0));
    assert!(energy > 1e-3, "{energy}");
    let normals = sample::normals(&mut sample::stream(4), 50, 2);
    let law = LimitLaw::relu(directions.as_ref(), &amplitudes, normals.as_ref(), 100.0).unwrap();
    close(law.loss_share(1e-4).unwrap(), 1.0, rounding(4096, 1.0));
}

/// More samples, less loss; and no penalty of size zero.
#[test]
fn the_limit_law_falls_with_samples() {
    let normals = sample::normals(&mut sample::stream(4), 100, 3);
    let mut last = 1.0;
    for c in [0.25, 1.0, 4.0, 16.0] {
        let law = experiment(40, c).law(normals.as_ref()).unwrap();
        let share = law.loss_share(0.01).unwrap();
        assert!(share < last, "{c}: {share}");
        // Samples of the ridge add to it.
        assert!(law.risk(500, 0.01).unwrap().test / law.label_energy() > share, "{c}");
        assert!(law.loss_share(0.0).is_err());
        last = share;
    }
}

/// The biased law without a bias and of even degrees is the ReLU law up to the radial part that `k`
/// has as well.
#[test]
fn the_biased_kernel_at_zero_bias_is_the_sphere_kernel() {
    let neurons = sample::unit_rows(&mut sample::stream(6), 12, 6);
    let biased = biased_gram(neurons.as_ref(), &[0.0; 12]);
    let sphere = sphere_gram(neurons.as_ref(), neurons.as_ref());
    at_most((&biased - &sphere).norm_max(), 0.0, rounding(4096, 1.0));
}

/// 11.1.5, quick; control: degree 4 alone is not learnt.
#[test]
fn one_step_passes_the_kernel_floor_of_degree_four() {
    let four = PolynomialTarget::harmonic(4).unwrap();
    let both =
        PolynomialTarget::harmonic(2).unwrap().combined(0.5_f64.sqrt(), &four, 0.5_f64.sqrt());
    let experiment = |target: &PolynomialTarget| DegreeExperiment {
        target: target.clone(),
        dimension: 16,
        samples_over_d2: 4.0,
        width: 150,
        penalty: 1e-3,
    };
    let (found, random) = experiment(&both).measure(0..4).unwrap();
    assert!(found.agrees(4.0, 10.0 / 16.0), "{found:?}");
    assert!(random.mean > found.measured + 4.0 * random.standard_error, "{random:?} {found:?}");
    let (control, _) = experiment(&four).measure(0..3).unwrap();
    assert!(control.measured > 0.9, "{control:?}");
}

/// 11.1.6, quick; control: random features.
#[test]
fn a_step_serves_another_teacher_of_the_same_span() {
    let transfer = LimitLawExperiment {
        second_amplitudes: vec![0.7, 1.2, -0.8],
        ridge_samples: 500,
        ..experiment(40, 4.0)
    };
    let found = transfer.measure(0..4).unwrap();
    // Between 7/d below and 6 % above.
    assert!(found.sampled.agrees(4.0, 7.0 / 40.0), "{found:?}");
    let control = found.sampled_without_step.beside(found.sampled.predicted);
    assert!(!control.agrees(4.0, 7.0 / 40.0), "{control:?}");
    let smaller = LimitLawExperiment { dimension: 20, ..transfer }.measure(0..4).unwrap();
    assert!(smaller.sampled_without_step.mean < control.measured, "it grows with d");
}
