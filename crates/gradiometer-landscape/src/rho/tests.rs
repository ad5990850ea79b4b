use super::*;
use gradiometer_certify::DegreeWeights;
use gradiometer_model::geometry::norm;
use gradiometer_model::{Network, Teacher};
use gradiometer_testing::{close, rounding};
use std::f64::consts::{FRAC_PI_2, PI};

/// What a quotient of a difference of about a billionth may be off by.
const QUOTIENT: f64 = 1.0 / (1_u64 << 15) as f64;
/// `k(1)`.
const K: f64 = 0.25 - 0.5 / PI;

fn teacher() -> SeparatedTeacher {
    Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap().separated().unwrap()
}

#[test]
fn a_sampled_rho_is_the_least_quotient_seen() {
    // One neuron: eta = k(t)/k(1), whose room over the square of the angle falls with the angle.
    let teacher = teacher();
    let sampled = |points: &[f64]| {
        let weights = DegreeWeights::from_degree(2).unwrap();
        let interpolant = Interpolant::certificate(&teacher, &weights).unwrap();
        searched_rho(&teacher, &interpolant, 0, points, 1).unwrap()
    };
    let at = |phi: f64| [phi.cos(), phi.sin()];
    let quotient = |phi: f64| {
        let k = (phi.sin() - 1.0 + (FRAC_PI_2 - phi) * phi.cos()) / (2.0 * PI);
        (1.0 - k / K) / (phi * phi)
    };
    // Near the teacher it is pi/4 - phi/3 of 2 pi k(1), and at 4e-4 where it would have no digits.
    let limit = (PI / 4.0 - 4e-4 / 3.0) / (2.0 * PI * K);
    for (points, expected) in [
        (at(0.5).to_vec(), quotient(0.5)),
        (at(PI - 0.5).to_vec(), quotient(0.5)),
        (at(1e-7).to_vec(), limit),
        // Near, but with digits enough of its own.
        (at(5e-5).to_vec(), (PI / 4.0 - 5e-5 / 3.0) / (2.0 * PI * K)),
        (vec![-1.0, 1e-7], limit),
        ([at(0.25), at(1.25), at(0.5)].concat(), quotient(1.25)),
        ([at(1.25), [0.0, 0.0], [1.0, 0.0]].concat(), quotient(1.25)),
    ] {
        let rho = sampled(&points).unwrap();
        assert!((rho / expected - 1.0).abs() < QUOTIENT, "{points:?}: {rho} {expected}");
    }
    assert!(sampled(&[]).is_none() && sampled(&[1.0, 0.0, 0.0, 0.0]).is_none());
    let there = pushed(&[0.0, -1.0], &[1e-3, 1.0]);
    close(there[0], -f64::sin(4e-4), rounding(4, 1.0));
    assert!(there[1] < -0.99);
}

#[test]
fn directions_are_searched_near_the_teacher_and_beside_it() {
    let network = Network::new(5, vec![1.0], vec![1.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
    let teacher = Teacher::new(network).unwrap().separated().unwrap();
    let found = search_directions(&teacher, 400, 3).unwrap();
    assert_eq!(found.len(), 400);
    let (mut near, mut along) = (0, 0);
    for (sample, w) in found.iter().enumerate() {
        // Five coordinates are normalised.
        close(norm(w), 1.0, rounding(8, 1.0));
        let cosine = dot(w, teacher.direction(0));
        if sample % 2 == 0 {
            assert!(cosine > 0.0, "{sample}");
            near += usize::from(cosine.acos() < 1.0 / 32.0);
        } else {
            along += usize::from(cosine.abs() > 0.5_f64.sqrt());
        }
    }
    // Half of the logarithms of 1 to 1/1000, and 0.37 where a Gaussian is above the mean of four:
    // 200 of each, five standard deviations.
    assert!((75..=160).contains(&near) && (40..=110).contains(&along), "{near} {along}");
}
