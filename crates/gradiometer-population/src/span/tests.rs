use super::*;
use crate::{Path, Population, Way, Workspace};
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
        let fast = population.fast(&student, &mut Workspace::new()).unwrap();
        let Path::InSpan { rank: found, way } = fast.path else { panic!("{}", fast.path) };
        assert_eq!(found, rank);
        assert_eq!(way == Way::Sorted, rank == 2, "{way}");
        assert!(fast.path.to_string().contains("in a span of dimension"), "{}", fast.path);
        let exact = population.accurate(&student, f64::INFINITY).unwrap();
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
