use super::*;
use crate::Complexity;

/// `n` roundings at a scale.
fn rounding(n: usize, scale: f64) -> f64 {
    n as f64 * f64::EPSILON * scale
}

#[track_caller]
fn check(request: &TeacherRequest) -> SeparatedTeacher {
    let teacher = request.generate().unwrap_or_else(|e| panic!("{request:?}: {e}"));
    assert_eq!(teacher, request.generate().unwrap(), "one seed, one teacher");
    assert_eq!((teacher.neurons(), teacher.dimension()), (request.neurons, request.dimension));
    let complexity = Complexity::of(&teacher).unwrap();
    assert_eq!(complexity.rank, request.rank, "{request:?}");
    if let Some(separation) = complexity.separation {
        assert!(separation.angle >= request.separation - rounding(8, 1.0), "{request:?}");
    }
    assert!(complexity.smallest_eigenvalue >= request.smallest_eigenvalue, "{request:?}");
    let (least, greatest) = request.amplitudes;
    for (i, w) in teacher.network().rows().enumerate() {
        assert!(
            (gradiometer_model::geometry::norm(w) - 1.0).abs() <= rounding(4, 1.0),
            "unit first layer"
        );
        let a = teacher.network().second_layer()[i].abs();
        assert!((least..=greatest).contains(&a), "{a} in {least}..={greatest}");
    }
    let positive = teacher.amplitudes().iter().filter(|a| **a > 0.0).count();
    match &request.signs {
        Signs::Positive => assert_eq!(positive, request.neurons),
        Signs::Mixed if request.neurons >= 2 => {
            assert!(positive > 0 && positive < request.neurons);
        }
        Signs::Mixed => {}
        Signs::Given(signs) => {
            let found: Vec<bool> = teacher.amplitudes().iter().map(|a| *a > 0.0).collect();
            assert_eq!(&found, signs);
        }
    }
    teacher
}

#[test]
fn plain_requests_of_every_shape_succeed() {
    for (d, r, m) in [
        (1, 1, 1),
        (7, 1, 1),
        (2, 2, 2),
        (5, 2, 7),
        (6, 6, 6),
        (40, 3, 5),
        (1200, 4, 6),
        (30, 10, 40),
    ] {
        for signs in [Signs::Positive, Signs::Mixed] {
            for seed in 0..3 {
                let amplitudes = (0.5, 2.0);
                check(&TeacherRequest {
                    signs: signs.clone(),
                    amplitudes,
                    ..TeacherRequest::new(d, r, m, seed)
                });
            }
        }
    }
}

#[test]
fn demanding_requests_succeed() {
    let request = |d, r, m, separation, smallest_eigenvalue, signs| TeacherRequest {
        separation,
        smallest_eigenvalue,
        signs,
        amplitudes: (0.5, 2.0),
        ..TeacherRequest::new(d, r, m, 3)
    };
    // Orthonormal; equally spaced in the plane; six of the icosahedron's axes allow 1.107; several at 1.2 in rank 5.
    check(&request(9, 4, 4, FRAC_PI_2, 0.4, Signs::Mixed));
    check(&request(9, 2, 5, PI / 5.0, 0.1, Signs::Positive));
    check(&request(9, 3, 6, 1.05, 0.5, Signs::Positive));
    check(&request(12, 5, 8, 1.15, 0.4, Signs::Mixed));
    check(&request(50, 3, 4, 1.1, 1.0, Signs::Positive));
    check(&request(20, 6, 12, 0.9, 0.3, Signs::Mixed));
    check(&request(10, 4, 5, 0.5, 0.3, Signs::Given(vec![true, false, true, true, false])));
    check(&request(4, 4, 4, 1.52, 0.4, Signs::Positive));
}

#[test]
fn a_bound_near_the_greatest_possible_eigenvalue_is_reached() {
    // Positive unit amplitudes: the trace is m, so |lambda|_min <= m/r = 2; ask for 95 per cent.
    let request = TeacherRequest { smallest_eigenvalue: 1.9, ..TeacherRequest::new(8, 3, 6, 5) };
    check(&request);
}

#[test]
fn impossible_requests_are_refused() {
    let base = TeacherRequest::new(5, 3, 4, 0);
    let refused = [
        TeacherRequest { rank: 0, ..base.clone() },
        TeacherRequest { rank: 6, neurons: 7, ..base.clone() },
        TeacherRequest { neurons: 2, ..base.clone() },
        TeacherRequest { neurons: 0, ..base.clone() },
        TeacherRequest { rank: 1, neurons: 2, ..base.clone() },
        TeacherRequest { separation: FRAC_PI_2, ..base.clone() },
        TeacherRequest { separation: 2.0, neurons: 3, ..base.clone() },
        TeacherRequest { separation: f64::NAN, ..base.clone() },
        TeacherRequest { rank: 2, separation: 0.8, ..base.clone() },
        TeacherRequest { smallest_eigenvalue: 2.0, ..base.clone() },
        TeacherRequest { smallest_eigenvalue: f64::NAN, ..base.clone() },
        TeacherRequest { amplitudes: (0.0, 1.0), ..base.clone() },
        TeacherRequest { amplitudes: (1.0, f64::INFINITY), ..base.clone() },
        TeacherRequest { signs: Signs::Given(vec![true]), ..base },
    ];
    for request in refused {
        let error = request.generate().unwrap_err();
        assert!(matches!(error, ModelError::ImpossibleRequest { .. }), "{request:?}: {error}");
    }
}

#[test]
fn a_request_that_is_infeasible_for_a_deeper_reason_exhausts_the_generator() {
    // The best eight lines in rank 3 are about 0.866 apart, below the orthoplex bound acos(1/sqrt 3) = 0.955.
    let request = TeacherRequest { separation: 0.9, ..TeacherRequest::new(3, 3, 8, 0) };
    assert!(request.separation < packing_bound(8, 3));
    assert!(matches!(request.generate(), Err(ModelError::GeneratorExhausted { .. })));
}

#[test]
fn degenerate_teachers_break_assumption_3_alone() {
    for (d, r, m) in [(2, 2, 3), (5, 2, 4), (8, 3, 5), (300, 4, 6)] {
        for seed in 0..4 {
            let teacher = degenerate_h(d, r, m, seed).unwrap();
            let complexity = Complexity::of(&teacher).unwrap();
            assert_eq!((complexity.rank, complexity.hessian_rank), (r, r - 1));
            assert_eq!(complexity.condition, None);
            assert!(complexity.smallest_eigenvalue <= rounding(32 * m, 1.0));
        }
    }
    assert!(degenerate_h(5, 3, 3, 0).is_err());
    assert!(degenerate_h(5, 1, 3, 0).is_err());
}

#[test]
fn nearly_parallel_pairs_are_at_their_angle() {
    /// The accuracy that is promised.
    const PROMISED: f64 = 1e-12;
    for angle in [1e-11, 3e-9, 1e-8, 2e-7, 1e-5, 1e-2, 0.3] {
        for (d, r, m) in [(2, 2, 2), (3, 2, 4), (20, 3, 4), (1000, 5, 5)] {
            let teacher = nearly_parallel(angle, d, r, m, 7).unwrap();
            let found = projective_angle(teacher.direction(0), teacher.direction(m - 1));
            assert!((found / angle - 1.0).abs() <= PROMISED, "{angle:e} {d}: {found:e}");
            assert_eq!(FeatureSubspace::of(&teacher).unwrap().rank(), r, "{angle:e} {d}");
        }
    }
    assert!(nearly_parallel(0.0, 4, 2, 2, 0).is_err());
    assert!(nearly_parallel(f64::NAN, 4, 2, 2, 0).is_err());
    assert!(nearly_parallel(1e-3, 4, 1, 2, 0).is_err());
}

#[test]
fn students_have_their_structure() {
    let student = symmetric_start(6, 10, 0.25, 3).unwrap();
    for j in 0..5 {
        assert_eq!(student.neuron(j), student.neuron(j + 5));
        assert!(
            (gradiometer_model::geometry::norm(student.neuron(j)) - 1.0).abs() <= rounding(4, 1.0)
        );
    }
    assert!(student.second_layer().iter().sum::<f64>().abs() <= 0.0);
    assert!(symmetric_start(6, 3, 1.0, 0).is_err());

    let teacher = TeacherRequest {
        signs: Signs::Mixed,
        amplitudes: (0.5, 2.0),
        ..TeacherRequest::new(6, 3, 4, 1)
    }
    .generate()
    .unwrap();
    let (angle, defect) = (0.05, -0.1);
    let student = near_teacher_student(&teacher, 5, angle, defect, 2).unwrap();
    for (i, alpha) in teacher.amplitudes().iter().enumerate() {
        let group = 5 * i..5 * (i + 1);
        let mass: f64 = group.clone().map(|j| student.mass(j)).sum();
        assert!((mass - alpha * (1.0 + defect)).abs() <= rounding(16, alpha.abs()));
        for j in group {
            let w = student.neuron(j);
            let balance = student.second_layer()[j].abs() - gradiometer_model::geometry::norm(w);
            assert!(balance.abs() <= rounding(8, 1.0));
            let found =
                projective_angle(teacher.direction(i), &gradiometer_model::geometry::normalised(w));
            assert!(found >= 0.499 * angle && found <= 1.501 * angle, "{found}");
        }
    }
    assert!(near_teacher_student(&teacher, 0, 0.1, 0.0, 0).is_err());
    assert!(near_teacher_student(&teacher, 1, 0.1, -1.0, 0).is_err());
}

#[test]
fn gaussian_students_have_their_variances() {
    let (d, m) = (50, 400);
    let student = gaussian_student(d, m, 1.0, 2.0, 9).unwrap();
    let (a, w) = student.squared_norms();
    // Chi-squared: mean second_scale^2 and m first_scale^2, standard errors sqrt(2/n) relative; five of them.
    let sampling = |n: usize| 5.0 * (2.0 / n as f64).sqrt();
    assert!((a / 4.0 - 1.0).abs() <= sampling(m), "{a}");
    assert!((w / m as f64 - 1.0).abs() <= sampling(m * d), "{w}");
}

#[test]
fn directions_of_plain_requests_are_uniform() {
    // In rank 3, E (u_1 . u_2)^2 = 1/3 and its variance is 1/5 - 1/9 for uniform directions.
    let n = 2000;
    let mean: f64 = (0..n)
        .map(|seed| {
            let teacher = TeacherRequest::new(5, 3, 3, seed).generate().unwrap();
            dot(teacher.direction(0), teacher.direction(1)).powi(2)
        })
        .sum::<f64>()
        / n as f64;
    let standard_error = ((1.0 / 5.0 - 1.0 / 9.0) / n as f64).sqrt();
    assert!((mean - 1.0 / 3.0).abs() <= 4.0 * standard_error, "{mean}");
}
