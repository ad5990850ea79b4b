use super::*;
use crate::instance::tests::instance;
use gradiometer_instances::Instance;
use gradiometer_model::{Network, SeparatedTeacher, Teacher};
use gradiometer_testing::{close, rounding};

fn one() -> SeparatedTeacher {
    Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap().separated().unwrap()
}

#[test]
fn e2_agrees_with_a_sum_over_the_circle() {
    // Homogeneous of degree one in two dimensions: E[F^2] = E[r^2] (1/2 pi) int F^2 with E[r^2] =
    // 2, less what the constants do.
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
fn a_small_student_takes_a_large_step() {
    // Along (1, 1) the loss falls until a |w| is one, and the gradient is a few times 1e-4.
    let teacher = one();
    let small = Network::new(2, vec![1e-3], vec![1e-3, 0.0]).unwrap();
    let point = Point::new(&teacher, &small, 1e-3).unwrap();
    let found = largest_step(&point, 0.01).unwrap().unwrap();
    assert!(found.holds > 1e3 && found.fails > found.holds, "{found:?}");
    assert!(found.fails <= 1.01 * found.holds, "{found:?}");
}

#[test]
fn the_largest_step_is_near_the_inverse_of_the_curvature() {
    // For a quadratic of curvature h the step eta h <= 1 is exactly what lowers it enough; here h
    // along the gradient.
    for seed in [7, 13, 31] {
        let Instance { teacher, student, lambda, .. } = instance(seed);
        let point = Point::new(&teacher, &student, lambda).unwrap();
        let found = largest_step(&point, 1e-3).unwrap().unwrap();
        let top = spectrum(&point, Layers::Both).unwrap().largest.value;
        println!("seed {seed}: {found:?}, 1/curvature {}", 1.0 / top);
        assert!(found.holds < found.fails && found.fails <= 1.01 * found.holds);
        assert!(found.holds * top > 0.1, "far below the curvature's step");
        // Without a width it ends where no float is between.
        let found = largest_step(&point, 0.0).unwrap().unwrap();
        assert_eq!(found.fails.to_bits(), found.holds.next_up().to_bits());
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
    // Sums over nineteen points.
    close(constant, 3.0, rounding(64, 3.0));
    close(exponent.unwrap(), 4.0, rounding(64, 4.0));
    assert!(gradient_scaling(&[]).is_none());
    // A point without a gap counts for nothing, one without a gradient for the constant alone.
    let at = |gap, scaled_gradient| GradientScaling { gap, scaled_gradient };
    let found = gradient_scaling(&[&points[..], &[at(0.0, 1.0), at(-1.0, 1.0)]].concat()).unwrap();
    assert_eq!(found, (constant, exponent));
    let (least, fitted) = gradient_scaling(&[&points[..], &[at(0.5, 0.0)]].concat()).unwrap();
    assert!(least.abs() <= 0.0 && fitted == exponent);
    assert_eq!(gradient_scaling(&points[..1]).unwrap().1, None);
}

/// The rounding that both sides of 7.8 are allowed, once more from its parts, none of which is
/// below a thousandth of all.
#[test]
fn the_rounding_of_the_direction_is_the_sum_of_its_parts() {
    // The second teacher neuron has no close one: its neuron has the wrong sign.
    let teacher = Network::new(2, vec![1.0, -0.5], vec![1.0, 0.0, 0.0, 3.0]).unwrap();
    let teacher = Teacher::new(teacher).unwrap().separated().unwrap();
    for w in [vec![0.98, 0.2, 0.0, 1.5, -0.7, 0.2], vec![40.0, 8.0, 0.0, 0.25, -1.0, 0.0]] {
        let student = Network::new(2, vec![1.0, 0.75, 0.5], w).unwrap();
        let point = Point::new(&teacher, &student, 0.25).unwrap();
        let direction = DescentDirection::new(&point, CLOSE);
        assert_eq!(direction.missing(), [1]);
        let gradient = regularised_gradient(&point);
        let (mut kept, mut products) = (0.0, 0.0);
        for (j, w) in student.rows().enumerate() {
            let u = teacher.direction(point.split().nearest()[j]);
            let along = direction.shares()[j] * point.split().signs()[j] * dot(w, u);
            kept += dot(w, w) - along;
            products += dot(w, w) + along.abs();
        }
        // k(t) of the second teacher neuron with everything.
        let k = |t: f64| ((1.0 - t * t).sqrt() - 1.0 + t * t.asin()) / (2.0 * PI);
        let units = student.rows().map(|w| w[1] / norm(w));
        let of_student: f64 = units.zip(point.split().masses()).map(|(t, c)| c * k(t)).sum();
        // alpha_2 = -3/2, and the first is orthogonal to it.
        let absent = -1.5 * (of_student + 1.5 * k(1.0));
        let turned: Vec<f64> =
            student.second_layer().iter().zip(direction.shares()).map(|(a, q)| a * q).collect();
        let wedges = point.split().wedge_scale(&turned, 0.0) * point.split().rounding_scale();
        let (length, size) = (norm(&gradient.first_layer), norm(direction.vectors()));
        let (loss, sums) = (point.loss(), 23.0 * f64::EPSILON);
        let scale = length * size + 0.25 * products + loss.value + absent.abs() + wedges.sqrt();
        let mass = student.total_mass() + 2.5;
        let rounded = norm(student.first_layer()) + norm(direction.shares());
        let expected = 8.0 * sums * scale
            + length * 8.0 * f64::EPSILON * rounded
            + gradient.first_layer_error * size * 6.0_f64.sqrt()
            + 2.0 * loss.error
            + 2.0 * sums * mass * 1.5;
        let rounding = direction.rounding();
        assert!((rounding / expected - 1.0).abs() <= SAME, "{rounding:e} {expected:e}");
        let (with_residual, square) = point.split().turning_pairings(&turned);
        let formula = 2.0 * (loss.value + absent - with_residual) + 0.25 * kept;
        assert!((direction.formula() - formula).abs() <= rounding, "{direction:?} {formula}");
        assert!((direction.turning() * direction.turning() - square).abs() <= rounding);
        assert!((direction.product() - direction.formula()).abs() <= rounding);
    }
}

/// Bounds from the same parts in another order of summation.
const SAME: f64 = 1.0 / (1_u64 << 36) as f64;

#[test]
fn the_spectrum_at_one_neuron_is_known() {
    // L = (1/4 - 1/(2 pi)) (a |w| - 1)^2 along the teacher: at a = |w| = 1 the direction (1,
    // 1)/sqrt 2 has 4 k(1).
    let teacher = one();
    let student = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
    let found = spectrum(&Point::new(&teacher, &student, 0.25).unwrap(), Layers::Both).unwrap();
    let exact = 4.0 * (0.25 - 0.5 / PI) + 0.25;
    let tangent = 0.5 + 0.25;
    let largest = if exact > tangent { exact } else { tangent };
    assert!((found.largest.value - largest).abs() <= found.largest.residual, "{found:?} {exact}");
    assert!((found.smallest.value - 0.25).abs() <= found.smallest.residual, "{found:?}");
    // pi times three parameters' eps of the extreme moduli, of which the smaller is near zero.
    let residual = 3.0 * PI * f64::EPSILON * (largest - 0.25);
    for ritz in [found.smallest, found.largest] {
        close(ritz.residual, residual, rounding(64, residual));
    }
}
