use super::*;
use gradiometer_hermite::float::maximum;
use gradiometer_instances::generate::{
    Signs, TeacherRequest, gaussian_student, near_teacher_student,
};
use gradiometer_model::Teacher;
use gradiometer_population::{Accuracy, Objective as _, Population};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn teacher(seed: u64) -> SeparatedTeacher {
    let shape = usize::try_from(seed % 3).unwrap();
    let (d, rank, neurons) = [(3, 2, 3), (5, 3, 4), (4, 4, 4)][shape];
    let request = TeacherRequest {
        separation: 0.3,
        signs: Signs::Mixed,
        amplitudes: (0.5, 2.0),
        ..TeacherRequest::new(d, rank, neurons, seed)
    };
    request.generate().unwrap()
}

/// Far, near, very near and mixed students, unbalanced every other time, with a zero neuron now and then.
fn student(teacher: &SeparatedTeacher, seed: u64) -> Network {
    let near = |angle, defect| near_teacher_student(teacher, 2, angle, defect, seed).unwrap();
    let mut student = match seed % 5 {
        0 => gaussian_student(teacher.dimension(), 12, 1.0, 1.0, seed).unwrap(),
        1 => near(0.3, 0.1),
        2 => near(1e-3, 1e-3),
        3 => near(1e-11, 0.0),
        _ => {
            let (first, second) = (
                near(1e-4, 0.0),
                gaussian_student(teacher.dimension(), 6, 1e-3, 1e-2, seed).unwrap(),
            );
            let a = [first.second_layer(), second.second_layer()].concat();
            Network::new(
                teacher.dimension(),
                a,
                [first.first_layer(), second.first_layer()].concat(),
            )
            .unwrap()
        }
    };
    if seed.is_multiple_of(2) {
        let d = student.dimension();
        let (a, w) = student.layers_mut();
        a[0] *= 4.0;
        for x in &mut w[..d] {
            *x *= 0.25;
        }
    }
    if seed.is_multiple_of(7) {
        let d = student.dimension();
        student.layers_mut().1[d..2 * d].fill(0.0);
    }
    student
}

/// Relative error of the loss that the split is compared with.
const ACCURATE: f64 = 1e-12;

#[test]
fn the_split_gives_the_accurate_loss_without_cancellation() {
    let mut worst: f64 = 0.0;
    for seed in 0..150 {
        let teacher = teacher(seed);
        let student = student(&teacher, seed);
        let exact = Population::new((*teacher).clone())
            .evaluate(&student, Accuracy::finest(ACCURATE))
            .unwrap()
            .loss;
        let pairings = ResidualSplit::new(&teacher, &student).unwrap().pairings();
        let found = pairings.squared_norm();
        let size = pairings.size();
        let error = (found - exact.value).abs();
        worst = maximum(worst, (error - exact.error) / size);
    }
    println!("worst error {worst:e} of the terms' size");
    // Roundings of angles, averages and sums over a dozen neurons, each of relative size eps.
    assert!(worst <= 256.0 * f64::EPSILON);
}

#[test]
fn the_parts_add_up_to_the_residual_at_every_input() {
    for seed in 0..40 {
        let teacher = teacher(seed);
        let student = student(&teacher, seed);
        let split = ResidualSplit::new(&teacher, &student).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..20 {
            let x: Vec<f64> =
                (0..student.dimension()).map(|_| rng.sample::<f64, _>(StandardNormal)).collect();
            let even = |network: &Network| -> f64 {
                let neurons = network.rows().zip(network.second_layer());
                neurons.map(|(w, a)| a * (0.5 * dot(w, &x).abs() - norm(w) / TAU.sqrt())).sum()
            };
            let exact = even(&student) - even(teacher.network());
            let (r1, r2, r3) = split.at(&x);
            let mass = student.total_mass() + teacher.total_mass();
            let rounding = 64.0 * f64::EPSILON * mass * norm(&x);
            assert!((r1 + r2 + r3 - exact).abs() <= rounding, "{seed}: {r1} {r2} {r3} {exact}");
        }
    }
}

#[test]
fn a_wrong_split_is_noticed() {
    let teacher = teacher(1);
    let student = student(&teacher, 1);
    let exact = Population::new((*teacher).clone())
        .evaluate(&student, Accuracy::finest(ACCURATE))
        .unwrap()
        .loss;
    let mut split = ResidualSplit::new(&teacher, &student).unwrap();
    split.angles[0] *= 1.0 + 1e-9;
    let found = split.pairings();
    assert!((found.squared_norm() - exact.value).abs() > ACCURATE * found.size());
}

#[test]
fn students_of_another_dimension_are_refused() {
    let refused = ResidualSplit::new(&teacher(0), &Network::new(1, vec![1.0], vec![1.0]).unwrap());
    assert!(matches!(refused, Err(LandscapeError::Model(_))));
}

#[test]
#[expect(clippy::float_cmp, reason = "whole numbers are exact")]
fn pairings_add_up_by_value_and_by_modulus() {
    let pairings =
        Pairings { r1_r1: 1.0, r1_r2: -2.0, r1_r3: 4.0, r2_r2: 8.0, r2_r3: -16.0, r3_r3: 32.0 };
    assert_eq!(pairings.squared_norm(), 41.0 + 2.0 * -14.0);
    assert_eq!(pairings.size(), 41.0 + 2.0 * 22.0);
}

#[test]
fn scales_of_the_rounding_are_those_derived() {
    let close = |x: f64, y: f64| (x / y - 1.0).abs() <= 4096.0 * f64::EPSILON;
    for angle in [0.05, 0.4, 1.2_f64] {
        // The L2 norm of 2 |w.x| on the wedge is (2/pi)(2 delta - sin(2 delta)), and half of it counts.
        let square = 2.0 / std::f64::consts::PI * (2.0 * angle - (2.0 * angle).sin());
        assert!(close(wedge_size(angle), 0.5 * square.sqrt()), "{angle}");
    }
    assert!(wedge_size(0.0).abs() <= 0.0);
    // Teachers half a radian apart; wedges of 0.05, thin, of 0.1, fat beyond a sixteenth, and of none.
    let at = |phi: f64, length: f64| [length * phi.cos(), length * phi.sin()];
    let directions = [at(0.0, 1.0), at(0.5, 1.0)].concat();
    let teacher = Teacher::new(Network::new(2, vec![1.0, -2.0], directions).unwrap()).unwrap();
    let teacher = teacher.separated().unwrap();
    let rows = [at(-0.05, 2.0), at(-0.1, 3.0), at(0.5, 0.5)].concat();
    let student = Network::new(2, vec![1.5, -0.25, 1.0], rows).unwrap();
    let split = ResidualSplit::new(&teacher, &student).unwrap();
    let (thin, fat) = (wedge_size(0.05), wedge_size(0.1));
    for (b, other) in [([1.0, 0.0, 0.0], 0.0), ([-2.0, 0.5, 8.0], 0.25), ([0.0, -3.0, 0.0], 0.0)] {
        let size = other + f64::abs(b[0]) * thin + f64::abs(b[1]) * fat;
        let expected = size * size * (1.0 + 4.0) + f64::powi(b[1], 2);
        assert!(close(split.wedge_scale(&b, other), expected), "{b:?}");
    }
    // v_1 = 3 w_1 - (3/4) w_2 - u_1 and v_2 = (1/2) u_2 + 2 u_2.
    let [x, y] =
        [0, 1].map(|k| 3.0 * at(-0.05, 1.0)[k] - 0.75 * at(-0.1, 1.0)[k] - at(0.0, 1.0)[k]);
    let averages = x.hypot(y) + 2.5;
    let bent = 3.0 * (1.0 - 0.05_f64.cos()) + 0.75 * (1.0 - 0.1_f64.cos());
    let other = 0.5 * averages + (averages + bent) / TAU.sqrt();
    let expected = split.wedge_scale(&[3.0, -0.75, 0.5], other);
    assert!(close(split.rounding_scale(), expected));
}
