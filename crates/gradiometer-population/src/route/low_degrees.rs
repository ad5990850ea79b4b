//! The Hermite degrees 0 and 1, which are the same for every fast route.

use crate::value::Gradient;
use gradiometer_hermite::Bounded;
use gradiometer_hermite::float::maximum;
use gradiometer_model::Network;
use gradiometer_model::geometry::{length_and_factors, norm};
use std::f64::consts::PI;

/// Adds the Hermite degrees 0 and 1: `L += S_0^2 + |S_1|^2` with `S_0 = sum_b nu_b/sqrt(2 pi) + alpha` and
/// `S_1 = (1/2) sum_b nu_b v_b + beta`.
pub(super) fn add(
    teacher: &Network,
    student: &Network,
    loss: &mut Bounded,
    gradient: &mut Gradient,
) {
    let d = student.dimension();
    let root = (2.0 * PI).sqrt();
    let mut constant = 0.0;
    let mut linear = vec![0.0; d];
    let mut absolute = 0.0;
    let students = student.rows().zip(student.second_layer()).map(|(w, a)| (w, *a));
    let teachers = teacher.rows().zip(teacher.second_layer()).map(|(w, a)| (w, -*a));
    for (w, a) in students.chain(teachers) {
        let mass = a * norm(w);
        constant += mass;
        absolute += mass.abs();
        for (s, x) in linear.iter_mut().zip(w) {
            *s += 0.5 * a * x;
        }
    }
    constant /= root;
    if let Some(skip) = student.skip() {
        constant += skip.constant;
        absolute += skip.constant.abs() + norm(&skip.linear);
        for (s, b) in linear.iter_mut().zip(&skip.linear) {
            *s += b;
        }
    }
    let size = norm(&linear);
    let atoms = (student.neurons() + teacher.neurons()) as f64;
    // Each of S_0 and S_1 sums `atoms` terms of total size `absolute`, each with a relative error of (d/2 + 5) u.
    let error = absolute * f64::EPSILON * (atoms + d as f64);
    loss.value += constant * constant + size * size;
    loss.error += 2.0 * error * (constant.abs() + size)
        + 2.0 * error * error
        + 4.0 * f64::EPSILON * loss.value;
    let (mut second_error, mut first_error) = (0.0, 0.0);
    for (j, w) in student.rows().enumerate() {
        // The factors give the direction of a subnormal neuron, whose length has lost digits, too.
        let (length, [first, second]) = length_and_factors(w);
        let a = student.second_layer()[j];
        if !(length > 0.0) {
            continue;
        }
        let along: f64 = linear.iter().zip(w).map(|(s, x)| s * x).sum();
        gradient.second_layer[j] += 2.0 * constant * length / root + along;
        for ((g, s), x) in gradient.first_layer[j * d..(j + 1) * d].iter_mut().zip(&linear).zip(w) {
            *g += a * (2.0 * constant * (x * first * second) / root + s);
        }
        let rounding = (d as f64 + 8.0) * f64::EPSILON * (constant.abs() + size);
        second_error = maximum(second_error, 2.0 * length * (error + rounding));
        first_error = maximum(first_error, 2.0 * a.abs() * (error + rounding));
    }
    gradient.second_layer_error += second_error;
    gradient.first_layer_error += first_error;
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_model::Skip;

    #[test]
    fn the_low_degrees_and_their_errors_are_what_is_summed() {
        // Masses 10 and -2 and twice S_1 = 2 (3, 4) - (0, 2) = (6, 6).
        let teacher = Network::new(2, vec![1.0], vec![0.0, 2.0]).unwrap();
        let student = Network::new(2, vec![2.0], vec![3.0, 4.0]).unwrap();
        let skip = Skip { constant: 0.5, linear: vec![1.0, -3.0] };
        for (student, absolute, shift, linear) in [
            (student.clone(), 12.0, 0.0, [3.0, 3.0]),
            (student.with_skip(skip).unwrap(), 12.5 + 10.0_f64.sqrt(), 0.5, [4.0, 0.0]),
        ] {
            let mut loss = Bounded { value: 1.0, error: 0.0 };
            let mut gradient = Gradient::default();
            gradient.reset(1, 2);
            add(&teacher, &student, &mut loss, &mut gradient);
            let close = |x: f64, y: f64| (x - y).abs() <= 16.0 * f64::EPSILON * y.abs();
            let root = (2.0 * PI).sqrt();
            let constant = 8.0 / root + shift;
            let size = f64::hypot(linear[0], linear[1]);
            assert!(close(loss.value, 1.0 + constant * constant + size * size), "{loss:?}");
            // Two atoms and two dimensions.
            let error = 4.0 * absolute * f64::EPSILON;
            let expected = 2.0 * error * (constant + size)
                + 2.0 * error * error
                + 4.0 * f64::EPSILON * loss.value;
            assert!(close(loss.error, expected), "{loss:?} {expected:e}");
            let along = 3.0 * linear[0] + 4.0 * linear[1];
            assert!(close(gradient.second_layer[0], 10.0 * constant / root + along));
            for (k, u) in [0.6, 0.8].into_iter().enumerate() {
                let entry = 2.0 * (2.0 * constant * u / root + linear[k]);
                assert!(close(gradient.first_layer[k], entry), "{k}");
            }
            let rounding = error + 10.0 * f64::EPSILON * (constant + size);
            assert!(close(gradient.second_layer_error, 10.0 * rounding));
            assert!(close(gradient.first_layer_error, 4.0 * rounding));
        }
    }
}
