use super::*;
use crate::instance::tests::instance;
use gradiometer_instances::generate::{Signs, TeacherRequest};

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
