use super::*;
use crate::descent::{mean_and_error, rng};
use gradiometer_testing::{close, rounding};

/// Statement 11.12.3 saw rules of 64, 160 and 240 nodes agree to this.
const QUADRATURE: f64 = 1e-12;

/// Error of a central difference of step 1e-5: its third derivative, and rounding over the step.
const DIFFERENCES: f64 = 1e-9;
/// Statement 11.12.2's tolerance of its curves.
const CURVES: f64 = 1e-9;
/// Statements 11.12.3 and 11.12.4's tolerance of their thresholds.
const THRESHOLDS: f64 = 1e-8;
/// The specification prints six digits.
const SIX_DIGITS: f64 = 1e-6;
/// `alpha` known to `1e-11` at a maximum says where it is to the root of that.
const TOP_OF_A_PARABOLA: f64 = 1e-5;
/// Where the map is compared with its slope at zero; the difference is of the order of the step.
const STEP: f64 = 1e-5;

const RAMP: Overlap = Overlap { plus: 0.8, minus: 0.5 };

/// The slopes are given with three decimals, the last one a unit off at most.
const SLOPE_DIGITS: f64 = 1e-3;

#[test]
fn label_probabilities_sum_to_one_and_have_their_gradients() {
    let committee = Committee::new().unwrap();
    let covariance = [0.7, -0.2, -0.2, 0.4];
    for omega in [[0.3, -0.8], [0.0, 0.0], [-2.0, 1.0], [1.5, 1.4]] {
        let outputs = committee.outputs(omega, covariance);
        let sum: f64 = outputs.probabilities.iter().sum();
        close(sum, 1.0, rounding(64, 1.0));
        let h = 1e-5;
        for y in 0..3 {
            for i in 0..2 {
                let mut moved = [omega, omega];
                moved[0][i] += h;
                moved[1][i] -= h;
                let [above, below] =
                    moved.map(|omega| committee.outputs(omega, covariance).probabilities[y]);
                let slope = (above - below) / (2.0 * h);
                // Rounding over h and a third derivative over h^2.
                assert!((slope - outputs.gradients[y][i]).abs() <= DIFFERENCES, "{y} {i} {slope}");
            }
        }
    }
    // Independent fields at the origin: a tie has probability 1/2.
    let even = committee.outputs([0.0; 2], [1.0, 0.0, 0.0, 1.0]).probabilities;
    close(even[1], 0.5, rounding(8, 1.0));
    close(even[0], 0.25, rounding(8, 1.0));
}

#[test]
fn a_tie_is_an_output_of_its_own() {
    let committee = Committee::new().unwrap();
    let three = committee.unspecialised(Weights::Gaussian, 1.0).unwrap().diagonal();
    assert!((three - 0.239949340592558).abs() <= CURVES, "{three}");
    let two = committee.with_labels(Labels::Two).unspecialised(Weights::Gaussian, 1.0).unwrap();
    assert!((two.diagonal() - 0.168035).abs() <= SIX_DIGITS, "{}", two.diagonal());
}

#[test]
fn gaussian_weights_specialise_where_the_gain_is_one() {
    let committee = Committee::new().unwrap();
    let threshold = committee.specialisation(Weights::Gaussian).unwrap();
    assert!((threshold.alpha - 2.0523824297).abs() <= THRESHOLDS, "{threshold:?}");
    // Below it the gain is less, and a specialised start comes back.
    let gain = committee.gain(Weights::Gaussian, 2.0).unwrap();
    assert!((gain - 0.969143).abs() <= SIX_DIGITS, "{gain}");
    let start = Overlap { plus: 0.7, minus: 0.1 };
    let last = committee.evolution(Weights::Gaussian, 2.0, start, 700).pop().unwrap();
    assert!(last.minus < CURVES, "{last:?}");
    // The difference quotient of the whole map says the same of the gain.
    let at = committee.unspecialised(Weights::Gaussian, 2.0).unwrap();
    let moved = committee.update(Weights::Gaussian, 2.0, Overlap { minus: STEP, ..at });
    assert!((moved.minus / STEP - gain).abs() <= STEP * 10.0, "{}", moved.minus);
    // Above it q_- grows from zero, 0.44 times what is beyond.
    for (alpha, slope) in [(2.06, 0.441), (2.07, 0.444), (2.1, 0.454)] {
        let overlap = committee.fixed_point(Weights::Gaussian, alpha).unwrap();
        let found = overlap.minus / (alpha - threshold.alpha);
        assert!((found - slope).abs() <= SLOPE_DIGITS, "{alpha}: {found}");
    }
}

#[test]
fn binary_weights_have_three_thresholds() {
    let committee = Committee::new().unwrap();
    let specialisation = committee.specialisation(Weights::Binary).unwrap();
    assert!((specialisation.alpha - 1.5893224763).abs() <= THRESHOLDS, "{specialisation:?}");
    let recovery = committee.perfect_recovery().unwrap();
    assert!((recovery.alpha - 1.5460913573).abs() <= THRESHOLDS, "{recovery:?}");
    let end = committee.end_of_branch().unwrap();
    assert!((end.alpha - 1.977062116).abs() <= THRESHOLDS, "{end:?}");
    assert!((end.overlap.minus - 0.663393).abs() <= TOP_OF_A_PARABOLA, "{end:?}");
    assert!(recovery.alpha < specialisation.alpha && specialisation.alpha < end.alpha);
    // The entropy of one unit is not what perfect recovery has.
    let half = committee.information_threshold(-LN_2);
    assert!(half.is_err() || (half.unwrap().alpha - recovery.alpha).abs() > 0.1);
    // Beyond the end the branch is gone: what is left, if anything is found, is perfect recovery.
    let beyond = committee.fixed_point(Weights::Binary, 2.05);
    assert!(beyond.is_err() || beyond.as_ref().unwrap().minus > 0.99, "{beyond:?}");
}

#[test]
fn free_entropy_is_stationary_at_a_fixed_point() {
    // Along the branch dPhi/dalpha is E sum Z log Z alone, as the overlap does not matter to first
    // order.
    let committee = Committee::new().unwrap();
    for (weights, alpha) in
        [(Weights::Gaussian, 2.5), (Weights::Gaussian, 1.0), (Weights::Binary, 1.8)]
    {
        let h = 1e-3;
        let phi = [alpha + h, alpha - h].map(|alpha| {
            let overlap = committee.fixed_point(weights, alpha).unwrap();
            committee.free_entropy(weights, alpha, overlap)
        });
        let overlap = committee.fixed_point(weights, alpha).unwrap();
        let [labels] = committee.expect(overlap, |_, outputs| {
            [outputs.probabilities.iter().filter(|z| **z > NEGLIGIBLE).map(|z| z * z.ln()).sum()]
        });
        let slope = (phi[0] - phi[1]) / (2.0 * h);
        assert!((slope - labels).abs() <= 10.0 * h * h, "{weights:?} {alpha}: {slope} {labels}");
        // Elsewhere it does.
        let wrong = [alpha + h, alpha - h].map(|alpha| {
            let overlap = committee.fixed_point(weights, alpha).unwrap();
            committee.free_entropy(weights, alpha, Overlap { plus: 0.8 * overlap.plus, ..overlap })
        });
        let slope = (wrong[0] - wrong[1]) / (2.0 * h);
        assert!((slope - labels).abs() > 1e-3, "{slope} {labels}");
    }
}

#[test]
fn a_gibbs_student_errs_twice_as_much_as_the_mean() {
    let committee = Committee::new().unwrap();
    let [gibbs] = committee.expect(RAMP, |_, outputs| {
        let z = outputs.probabilities;
        let label = [-1.0, 0.0, 1.0_f64];
        let pairs = (0..9).map(|i| z[i / 3] * z[i % 3] * (label[i / 3] - label[i % 3]).powi(2));
        [0.5 * pairs.sum::<f64>()]
    });
    let errors = committee.errors(RAMP);
    assert!((gibbs - 2.0 * errors.half_square).abs() <= QUADRATURE, "{gibbs}");
    assert!(errors.map < errors.gibbs);
}

/// AMP's overlaps after each iteration, means and standard errors over seeds beside state
/// evolution.
fn beside_evolution(amp: Amp, iterations: usize, seeds: u64) -> Vec<[(f64, f64, f64); 2]> {
    let committee = Committee::new().unwrap();
    let runs: Vec<Vec<AmpState>> =
        (0..seeds).map(|seed| amp.run(&committee, iterations, &mut rng(seed)).unwrap()).collect();
    let start = Overlap { plus: amp.start, minus: amp.start };
    let evolution = committee.evolution(Weights::Gaussian, amp.alpha, start, iterations);
    evolution
        .iter()
        .enumerate()
        .map(|(t, exact)| {
            let of = |f: &dyn Fn(&AmpState) -> f64, exact: f64| {
                let values: Vec<f64> = runs.iter().map(|run| f(&run[t])).collect();
                let (mean, error) = mean_and_error(&values);
                (mean, error, exact)
            };
            [
                of(&AmpState::diagonal, exact.diagonal()),
                of(&AmpState::off_diagonal, exact.off_diagonal()),
            ]
        })
        .collect()
}

#[test]
fn message_passing_follows_state_evolution_with_the_onsager_term() {
    let amp = Amp { dimension: 500, alpha: 2.5, start: 0.3, onsager: true };
    for (t, overlaps) in beside_evolution(amp, 4, 40).iter().enumerate() {
        for (mean, error, exact) in overlaps {
            assert!((mean - exact).abs() <= 4.0 * error, "{t}: {mean} +- {error}, {exact}");
        }
    }
    let without = beside_evolution(Amp { onsager: false, ..amp }, 2, 40);
    let (mean, error, exact) = without[1][1];
    assert!((mean - exact).abs() > 20.0 * error, "{mean} +- {error}, {exact}");
}

#[test]
fn message_passing_from_zero_never_breaks_the_symmetry() {
    let committee = Committee::new().unwrap();
    let amp = Amp { dimension: 300, alpha: 1.0, start: 0.0, onsager: true };
    for state in amp.run(&committee, 6, &mut rng(3)).unwrap() {
        let [a, b, c, d] = state.self_overlap;
        for x in [b, c, d] {
            close(a, x, rounding(4096, 1.0));
        }
    }
    for (t, overlaps) in beside_evolution(Amp { dimension: 500, ..amp }, 2, 40).iter().enumerate() {
        let (mean, error, exact) = overlaps[0];
        assert!((mean - exact).abs() <= 4.0 * error, "{t}: {mean} +- {error}, {exact}");
    }
    // A start that tells the columns apart does, beyond the threshold.
    let broken = Amp { alpha: 3.0, start: 0.3, ..amp }.run(&committee, 8, &mut rng(3)).unwrap();
    let last = broken.last().unwrap();
    assert!(last.diagonal() - last.off_diagonal() > 0.2, "{last:?}");
}

#[test]
fn impossible_questions_are_refused() {
    let committee = Committee::new().unwrap();
    for alpha in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(committee.unspecialised(Weights::Gaussian, alpha).is_err(), "{alpha}");
    }
    let amp = Amp { dimension: 100, alpha: 1.0, start: 1.0, onsager: true };
    assert!(amp.run(&committee, 1, &mut rng(1)).is_err());
    assert!(Amp { dimension: 2, start: 0.0, ..amp }.run(&committee, 1, &mut rng(1)).is_err());
}
