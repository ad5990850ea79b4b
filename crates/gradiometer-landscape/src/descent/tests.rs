use super::*;
use crate::instance::Instance;
use crate::lemmas::Finding;
use crate::lemmas::tests::instance;
use gradiometer_model::{SeparatedTeacher, Teacher};

fn one() -> SeparatedTeacher {
    Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap().separated().unwrap()
}

#[test]
fn e2_agrees_with_a_sum_over_the_circle() {
    // Homogeneous of degree one in two dimensions: E[F^2] = E[r^2] (1/2 pi) int F^2 with E[r^2] = 2, less what the constants do.
    let teacher = one();
    let student = Network::new(2, vec![1.0, 0.8], vec![0.9, 0.2, -0.7, 0.15]).unwrap();
    let point = Point::new(&teacher, &student, 0.1).unwrap();
    let direction = DescentDirection::new(&point, CLOSE);
    let b: Vec<f64> =
        student.second_layer().iter().zip(direction.shares()).map(|(a, q)| a * q).collect();
    let count: u32 = 1 << 20;
    let (mut mean, mut square) = (0.0, 0.0);
    for step in 0..count {
        let theta = std::f64::consts::TAU * (f64::from(step) + 0.5) / f64::from(count);
        let x = [theta.cos(), theta.sin()];
        // s_j (g(w_j) - g(s_j u)).u without the constant.
        let value: f64 = (0..2)
            .map(|j| {
                let z = dot(student.neuron(j), &x) * point.split().signs()[j];
                b[j] * 0.5 * (x[0] * z.signum() - x[0].abs())
            })
            .sum();
        mean += value / f64::from(count);
        square += value * value / f64::from(count);
    }
    // E r = sqrt(pi/2), E r^2 = 2.
    let exact = (2.0 * square - 0.5 * PI * mean * mean).sqrt();
    // The midpoint rule at the jumps' slopes: one cell each.
    let step = std::f64::consts::TAU / f64::from(count);
    assert!((direction.turning() - exact).abs() <= step, "{} {exact}", direction.turning());
    assert!(exact > 1e3 * step);
}

#[test]
fn identities_and_bounds_hold_and_notice_a_wrong_gradient() {
    for seed in 0..60 {
        let Instance { teacher, student, lambda, .. } = instance(seed);
        let point = Point::new(&teacher, &student, lambda).unwrap();
        let mut direction = DescentDirection::new(&point, CLOSE);
        assert_eq!(
            direction.identity().finding,
            Finding::Holds,
            "{seed}: {:?}",
            direction.identity()
        );
        assert!(!direction.inequality().is_violated());
        direction.product = -direction.product - 1.0;
        assert!(direction.identity().is_violated());
        assert!(direction.inequality().finding != Finding::Holds);
    }
}

#[test]
fn an_unbalanced_or_incomplete_student_is_outside_the_hypotheses() {
    let teacher = one();
    let unbalanced = Network::new(2, vec![2.0], vec![1.0, 0.0]).unwrap();
    let opposed = Network::new(2, vec![-1.0], vec![1.0, 0.0]).unwrap();
    for student in [unbalanced, opposed] {
        let point = Point::new(&teacher, &student, 0.1).unwrap();
        let direction = DescentDirection::new(&point, CLOSE);
        assert_eq!(direction.inequality().finding, Finding::Inapplicable);
        assert_eq!(direction.identity().finding, Finding::Holds);
    }
}

#[test]
fn the_largest_step_is_near_the_inverse_of_the_curvature() {
    // For a quadratic of curvature h the step eta h <= 1 is exactly what lowers it enough; here h along the gradient.
    for seed in [7, 13, 31] {
        let Instance { teacher, student, lambda, .. } = instance(seed);
        let point = Point::new(&teacher, &student, lambda).unwrap();
        let found = largest_step(&point, 1e-3).unwrap().unwrap();
        let top = spectrum(&point, Layers::Both).unwrap().largest.value;
        println!("seed {seed}: {found:?}, 1/curvature {}", 1.0 / top);
        assert!(found.holds < found.fails && found.fails <= 1.01 * found.holds);
        assert!(found.holds * top > 0.1, "far below the curvature's step");
    }
    // At the teacher with lambda -> 0 there is nothing to descend.
    let teacher = one();
    let zero = Network::new(2, vec![0.0], vec![0.0, 0.0]).unwrap();
    assert!(largest_step(&Point::new(&teacher, &zero, 0.1).unwrap(), 0.1).unwrap().is_none());
}

#[test]
fn the_scaling_recovers_a_planted_exponent() {
    let points: Vec<GradientScaling> = (1..20)
        .map(|i| {
            let gap = 0.5_f64.powi(i);
            GradientScaling { gap, scaled_gradient: 3.0 * gap.powi(4) }
        })
        .collect();
    let (constant, exponent) = gradient_scaling(&points).unwrap();
    let rounding = 64.0 * f64::EPSILON;
    assert!((constant - 3.0).abs() <= 3.0 * rounding);
    assert!((exponent.unwrap() - 4.0).abs() <= 4.0 * rounding);
    assert!(gradient_scaling(&[]).is_none());
}

#[test]
fn the_spectrum_at_one_neuron_is_known() {
    // L = (1/4 - 1/(2 pi)) (a |w| - 1)^2 along the teacher: at a = |w| = 1 the direction (1, 1)/sqrt 2 has 4 k(1).
    let teacher = one();
    let student = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
    let found = spectrum(&Point::new(&teacher, &student, 0.25).unwrap(), Layers::Both).unwrap();
    let exact = 4.0 * (0.25 - 0.5 / PI) + 0.25;
    let tangent = 0.5 + 0.25;
    let largest = if exact > tangent { exact } else { tangent };
    assert!((found.largest.value - largest).abs() <= found.largest.residual, "{found:?} {exact}");
    assert!((found.smallest.value - 0.25).abs() <= found.smallest.residual, "{found:?}");
}
