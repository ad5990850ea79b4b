use super::*;
use crate::{Accuracy, EvaluationRoute, FastMethod, Objective, Population};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A teacher of `rank` neurons and a student of `m` in a random subspace of that dimension; `out` of each neuron sticks out of it.
fn instance(m: usize, d: usize, rank: usize, out: f64) -> (Teacher, Network) {
    let mut rng = ChaCha8Rng::seed_from_u64((m + d + rank) as u64);
    let mut uniform =
        |n: usize| -> Vec<f64> { (0..n).map(|_| rng.random::<f64>() - 0.5).collect() };
    let frame: Vec<Vec<f64>> = (0..rank).map(|_| uniform(d)).collect();
    let mut row = |out: f64| -> Vec<f64> {
        let mut w: Vec<f64> = uniform(d).iter().map(|x| out * x).collect();
        for (c, f) in uniform(rank).iter().zip(&frame) {
            for (x, e) in w.iter_mut().zip(f) {
                *x += c * e;
            }
        }
        w
    };
    let of_teacher: Vec<Vec<f64>> = (0..rank).map(|_| row(0.0)).collect();
    let of_student: Vec<Vec<f64>> = (0..m).map(|_| row(out)).collect();
    let teacher = Network::from_rows(vec![1.0; rank], &of_teacher).unwrap();
    let student = Network::from_rows(uniform(m), &of_student).unwrap();
    (Teacher::new(teacher).unwrap(), student)
}

#[test]
fn it_agrees_with_the_accurate_evaluation_and_says_so() {
    for (m, d, rank) in [(600, 20, 2), (500, 30, 3), (300, 40, 4), (300, 24, 9)] {
        let (teacher, student) = instance(m, d, rank, 0.0);
        let population = Population::new(teacher);
        let fast = population.evaluate(&student, Accuracy::FAST).unwrap();
        let EvaluationRoute::InSpan { rank: found, method } = fast.route else {
            panic!("{}", fast.route)
        };
        assert_eq!(found, rank);
        assert_eq!(method == FastMethod::Sorted, rank == 2, "{method}");
        assert!(fast.route.to_string().contains("in a span of dimension"), "{}", fast.route);
        let exact = population.evaluate(&student, Accuracy::finest(f64::INFINITY)).unwrap();
        let off = (fast.loss.value - exact.loss.value).abs();
        assert!(off <= fast.loss.error + exact.loss.error, "{off:e}");
        let (f, e) = (&fast.gradient, &exact.gradient);
        let worst = |x: &[f64], y: &[f64]| maximum_of(x.iter().zip(y).map(|(x, y)| (x - y).abs()));
        let second = worst(&f.second_layer, &e.second_layer);
        assert!(second <= f.second_layer_error + e.second_layer_error, "{second:e}");
        let first = worst(&f.first_layer, &e.first_layer);
        assert!(first <= f.first_layer_error + e.first_layer_error, "{first:e}");
    }
}

#[test]
fn what_sticks_out_counts() {
    // Far below what can be seen in a picture, far above rounding: the rotation is not allowed.
    let out = f64::EPSILON.sqrt();
    let (teacher, student) = instance(300, 30, 3, out);
    assert!(Span::of(&teacher, &student).is_none());
    // One neuron alone that sticks out, the last, adds one dimension.
    let (teacher, mut student) = instance(300, 30, 3, 0.0);
    assert_eq!(Span::of(&teacher, &student).unwrap().rank(), 3);
    let (_, w) = student.layers_mut();
    for (k, x) in w.iter_mut().skip(299 * 30).enumerate() {
        *x += out * (k as f64).sin();
    }
    assert_eq!(Span::of(&teacher, &student).unwrap().rank(), 4);
    // Dropping what sticks out would show.
    let span = Span::of(&teacher, &student).unwrap();
    let cut: f64 = span.basis[3].iter().zip(student.neuron(299)).map(|(q, x)| q * x).sum();
    assert!(cut.abs() > span.delta * norm(student.neuron(299)));
}

#[test]
fn generic_small_and_broken_students_are_left_alone() {
    let (teacher, student) = instance(300, 12, 12, 0.0);
    assert!(Span::of(&teacher, &student).is_none());
    let (teacher, student) = instance(200, 30, 3, 0.0);
    assert!(Span::of(&teacher, &student).is_none());
    let (teacher, mut student) = instance(300, 30, 3, 0.0);
    student.layers_mut().1[8000] = f64::NAN;
    assert!(Span::of(&teacher, &student).is_none());
}

#[test]
fn what_is_lifted_carries_the_bounds_derived() {
    // Two dimensions of three: lengths 5 and 1/2, weights 2 and -3, masses 10 and 1.5; the teacher's 8.
    let student = Network::new(2, vec![2.0, -3.0], vec![3.0, 4.0, 0.5, 0.0]).unwrap();
    let teacher = Teacher::new(Network::new(2, vec![4.0], vec![0.0, 2.0]).unwrap()).unwrap();
    let basis = vec![vec![0.6, 0.0, 0.8], vec![0.0, 1.0, 0.0]];
    let inner = |second_layer_error, first_layer_error| Gradient {
        second_layer: vec![1.0, -2.0],
        first_layer: vec![5.0, 2.0, 0.0, -1.0],
        second_layer_error,
        first_layer_error,
    };
    for (delta, second, first) in [(0.25, 0.0, 0.0), (0.0, 3.0, 0.0), (0.0, 0.0, 7.0)] {
        let span = Span {
            basis: basis.clone(),
            teacher: teacher.clone(),
            student: student.clone(),
            delta,
        };
        let mut gradient = Gradient::default();
        let before = Bounded { value: 11.0, error: 13.0 };
        let loss = span.lift(&inner(second, first), before, &mut gradient);
        let close = |x: f64, y: f64| (x - y).abs() <= 16.0 * f64::EPSILON * y.abs();
        // delta M in units of 1/(2 pi): twice that over 2 pi for a gradient, with the length or the weight.
        let off = delta * 19.5 / PI;
        assert!(close(loss.value, 11.0) && close(loss.error, 13.0 + 5.0 * off * 19.5));
        assert!(close(gradient.second_layer_error, second + 5.0 * off * 5.0));
        assert!(close(gradient.first_layer_error, 2.0_f64.sqrt() * first + 12.0 * off * 3.0));
        assert!(gradient.second_layer == [1.0, -2.0]);
        let expected = [3.0, 2.0, 4.0, 0.0, -1.0, 0.0];
        assert!(gradient.first_layer.iter().zip(expected).all(|(x, y)| close(*x, y)));
    }
}

#[test]
fn the_span_is_taken_where_it_is_worth_it() {
    // The bound of a direction: d eps of what sticks out and (d + 16) rank eps of its coordinates.
    let (teacher, student) = instance(300, 40, 4, 0.0);
    let span = Span::of(&teacher, &student).unwrap();
    assert!((span.delta / ((40.0 + 224.0) * f64::EPSILON) - 1.0).abs() <= f64::EPSILON);
    // Neurons with so many coordinates that are not zero.
    let taken = |m: usize, d: usize, rank: usize| {
        let padded = |network: &Network| {
            let rows: Vec<Vec<f64>> =
                network.rows().map(|w| [w, &vec![0.0; d - rank]].concat()).collect();
            Network::from_rows(network.second_layer().to_vec(), &rows).unwrap()
        };
        let (teacher, student) = instance(m, rank, rank, 0.0);
        let teacher = Teacher::new(padded(teacher.network())).unwrap();
        Span::of(&teacher, &padded(&student)).map(|span| span.rank())
    };
    // From so many neurons on.
    assert_eq!((taken(LEAST_NEURONS, 12, 4), taken(LEAST_NEURONS - 1, 12, 4)), (Some(4), None));
    // Beyond three dimensions half of what there are, and up to three any number that is less.
    assert_eq!((taken(300, 8, 4), taken(300, 7, 4)), (Some(4), None));
    assert_eq!((taken(300, 4, 3), taken(300, 3, 3)), (Some(3), None));
    assert_eq!((taken(300, 3, 2), taken(300, 2, 1)), (Some(2), None));
    assert_eq!((taken(300, 40, MOST), taken(300, 40, MOST + 1)), (Some(MOST), None));
}

#[test]
fn the_rest_is_orthogonal_and_of_unit_scale() {
    let basis = vec![vec![0.6, 0.8, 0.0], vec![0.0, 0.0, 1.0]];
    let (size, rest) = rest(&basis, &[-8.0, 6.0, 24.0]);
    // The direction is (-8, 6, 24)/26, its part along (-0.8, 0.6, 0) 10/26.
    assert!((size - 10.0 / 26.0).abs() <= 4.0 * f64::EPSILON);
    for (x, y) in rest.iter().zip([-8.0 / 26.0, 6.0 / 26.0, 0.0]) {
        assert!((x - y).abs() <= 4.0 * f64::EPSILON);
    }
    let mut basis = basis;
    assert!(extend(&mut basis, &[0.0, 3.0, 0.0], 2).is_none());
    assert!(extend(&mut basis, &[0.6, 0.8, 5.0], 2).is_some() && basis.len() == 2);
    assert!(extend(&mut basis, &[0.0, 3.0, 0.0], 3).is_some() && basis.len() == 3);
    for (x, y) in basis[2].iter().zip([-0.8, 0.6, 0.0]) {
        assert!((x - y).abs() <= 4.0 * f64::EPSILON);
    }
}
