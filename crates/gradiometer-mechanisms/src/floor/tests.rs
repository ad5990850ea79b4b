use super::*;
use crate::damian2022::{measure_attained_floor, measure_floor};
use gradiometer_hermite::quadrature::GaussLegendre;
use gradiometer_testing::{at_most, close, rounding};

/// `e_k` against the integral in the angle, smooth on `[0, pi/2]` and even about its end for even
/// degrees.
/// What the degrees beyond 400 hold at most, of order `400^(-3/2)` of the whole.
const TAIL_OF_400: f64 = 1e-3;

#[test]
fn kernel_energies_are_the_integrals() {
    let rule = GaussLegendre::new(120).unwrap();
    for dimension in [3, 4, 12, 41] {
        let power = i32::try_from(dimension - 2).unwrap();
        let weight = |phi: f64| phi.sin().powi(power);
        let whole = rule.integrate(0.0, PI / 2.0, weight);
        let energies = kernel_energies(dimension, 8).unwrap();
        for k in (0..=8).step_by(2) {
            let integral = rule.integrate(0.0, PI / 2.0, |phi| {
                let angle = Angle::from_radians(phi);
                let zonal = gegenbauer(dimension, 8, angle.cosine())[k];
                weight(phi) * sphere_kernel(angle).value * zonal
            });
            let own = harmonics(dimension, k) * integral / whole;
            let size = harmonics(dimension, k).sqrt();
            // The integral cancels to its last digits by sqrt N.
            close(own, energies[k], rounding(8, size * 10.0));
        }
        assert!(energies.iter().skip(1).step_by(2).all(|e| !(e.abs() > 0.0)), "odd degrees");
    }
    assert!(kernel_energies(2, 4).is_err());
}

#[test]
fn kernel_energies_add_up_to_the_kernel() {
    for dimension in [3, 12] {
        let sum: f64 = kernel_energies(dimension, 400).unwrap().iter().sum();
        // The tail falls as K^{-3/2}.
        assert!((sum / (0.25 - 0.5 / PI) - 1.0).abs() < TAIL_OF_400, "{dimension} {sum}");
    }
}

#[test]
fn the_knapsack_is_the_best_filling() {
    let profile =
        HarmonicProfile { dimension: 5, energies: vec![0.5, 0.2, 0.7, 0.0, 0.1], above: 0.05 };
    // N = 1, 5, 14, 30, 55; energies over N: 0.5, 0.04, 0.05, 0, 0.0018.
    for (functions, left) in [(0.0, 1.55), (1.0, 1.05), (8.0, 0.7), (15.0, 0.35), (20.0, 0.15)] {
        close(profile.floor(functions), left, rounding(64, 1.0));
        let needed = profile.functions_needed(left);
        at_most(profile.floor(needed), left, rounding(64, 1.0));
        // Energies over N divide: 55/0.1 roundings of the energy.
        at_most(needed, functions, rounding(1024, 1.0));
    }
    assert!(profile.functions_needed(0.01).is_infinite());
}

/// 11.1.4: random neurons do not pass the floor; control: neurons after the step do.
#[test]
fn only_a_step_passes_the_floor() {
    let teacher = [1.0, -1.0, 1.0];
    for functions in [20, 77] {
        let random = measure_floor(&teacher, 12, functions, false, 0..6).unwrap();
        assert!(random.measured + 4.0 * random.error >= random.predicted, "{random:?}");
        let after = measure_floor(&teacher, 12, functions, true, 0..6).unwrap();
        assert!(after.measured + 4.0 * after.error < after.predicted, "{after:?}");
    }
}

/// The floor is attained by random features of one degree; control: another degree's number of
/// harmonics.
#[test]
fn the_floor_is_attained() {
    let outcome = measure_attained_floor(2, 12, 30, 0..10).unwrap();
    assert!(outcome.agrees(4.0, 0.0), "{outcome:?}");
    let wrong = crate::Outcome { predicted: 1.0 - 30.0 / harmonics(12, 3), ..outcome };
    assert!(!wrong.agrees(4.0, 0.0), "{wrong:?}");
}
