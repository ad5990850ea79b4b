use super::*;
use crate::instance::tests::instance;
use gradiometer_instances::generate::{Signs, TeacherRequest};
use gradiometer_model::{Network, Teacher};
use gradiometer_testing::{at_most, rounding};

/// Relative distance to the supremum that a multistart search may keep.
const SEARCH_SLACK: f64 = 0.001;

#[test]
fn the_constant_of_a_test_function_holds_at_directions_that_the_search_has_not_seen() {
    let request =
        TeacherRequest { separation: 0.5, signs: Signs::Mixed, ..TeacherRequest::new(4, 2, 3, 4) };
    let teacher = request.generate().unwrap();
    let weights = DegreeWeights::from_degree(6).unwrap();
    for neuron in 0..3 {
        let combination = [1.0, -0.5, 0.25];
        let test =
            TestFunction::new(&teacher, &weights, neuron, &combination, 480, &[], 0).unwrap();
        assert!(test.constant().is_finite() && test.constant() > 0.0);
        let eta = Interpolant::test_function(&teacher, &weights, neuron, &combination).unwrap();
        for w in search_directions(&teacher, 200, 9).unwrap() {
            let (nearest, delta) = teacher.nearest(&w);
            let side = dot(teacher.direction(nearest), &w).signum();
            let own = if nearest == neuron { side * dot(test.direction(), &w) } else { 0.0 };
            let left = (eta.at(&w).0 - own).magnitude();
            let right = test.constant() * delta * delta;
            let rounding = 1e4 * f64::EPSILON * eta.scale();
            assert!(left <= right * (1.0 + SEARCH_SLACK) + rounding, "{left} {right}");
        }
    }
}

#[test]
fn test_functions_that_do_not_fit_are_refused() {
    let teacher = instance(1).teacher;
    let e = vec![1.0; teacher.dimension()];
    assert!(TestFunction::outside(&teacher, teacher.neurons(), &e, 1, &[], 0).is_err());
    assert!(TestFunction::outside(&teacher, 0, &e[1..], 1, &[], 0).is_err());
    assert!(TestFunction::outside(&teacher, 0, &e, 1, &[], 0).is_ok());
}

/// The claim of 7.6 needs the constant at the student's neurons, wherever they are: here nearer to the
/// teacher than the search goes, where the quotient is largest.
#[test]
fn the_constant_is_at_least_the_quotient_at_every_given_point() {
    let network = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
    let teacher = Teacher::new(network).unwrap().separated().unwrap();
    let weights = DegreeWeights::from_degree(2).unwrap();
    let of = |points: &[f64]| {
        TestFunction::new(&teacher, &weights, 0, &[1.0], 50, points, 1).unwrap().constant()
    };
    let near = 2.0 * NEAR;
    let point = [near.cos(), near.sin()];
    // eta = k(cos phi)/k(1) against cos phi.
    let k = |phi: f64| sphere_kernel(Angle::from_radians(phi)).value;
    let quotient = (k(near) / k(0.0) - near.cos()).abs() / (near * near);
    // A difference of a hundred-millionth is known to as many eps.
    at_most(quotient, of(&point), rounding(64, 1.0 / (near * near)));
    // Negative control: the search alone falls short.
    assert!(of(&[]) * (1.0 + 0.25 * SEARCH_SLACK) < quotient, "{} {quotient}", of(&[]));
}

#[test]
fn the_constant_outside_the_span_counts_the_given_points_too() {
    let teacher = instance(1).teacher;
    let e: Vec<f64> = (0..teacher.dimension()).map(|k| 1.0 + k as f64).collect();
    let of = |samples, points: &[f64]| {
        TestFunction::outside(&teacher, 0, &e, samples, points, 1).unwrap().constant()
    };
    let directions = search_directions(&teacher, 100, 77).unwrap();
    assert!(directions.iter().any(|w| of(0, w) > of(1, &[])));
    // All of them are as good as searched for.
    let largest = of(0, &directions.concat());
    assert!(directions.iter().all(|w| of(0, w) <= largest));
}
