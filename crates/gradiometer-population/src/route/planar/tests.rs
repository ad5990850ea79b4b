use super::*;
use crate::kernel::InstructionSet;
use crate::route::pairs;
use crate::{Accuracy, Degrees, EvaluationRoute, FastMethod, Objective, Population, Precision};
use gradiometer_model::{Network, Teacher};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn teacher() -> Teacher {
    let rows = [vec![1.0, 0.2], vec![-0.4, 1.0], vec![0.0, -2.0], vec![-3.0, 0.0]];
    Teacher::new(Network::from_rows(vec![1.0, -0.7, 0.5, -0.2], &rows).unwrap()).unwrap()
}

/// A student with twins, opposites, zero neurons, axes, teacher directions and lengths over many decades.
fn student(m: usize, seed: u64) -> Network {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || rng.random::<f64>() - 0.5;
    let mut rows: Vec<f64> = Vec::new();
    let mut a = Vec::new();
    for j in 0..m {
        let w = match j % 16 {
            0 if j > 16 => [rows[2 * j - 20], rows[2 * j - 19]],
            1 if j > 16 => [-3.0 * rows[2 * j - 20], -3.0 * rows[2 * j - 19]],
            2 => [0.0, normal()],
            3 => [normal(), 0.0],
            4 if j % 5 == 0 => [0.0, 0.0],
            5 => [-0.4, 1.0],
            6 => [1.0 + 1e-11 * normal(), 0.2],
            7 => [1e-9 * normal(), 1.0],
            8 => [1e8 * normal(), 1e8 * normal()],
            _ => [normal(), normal()],
        };
        rows.extend(w);
        a.push(normal());
    }
    Network::new(2, a, rows).unwrap()
}

fn atoms<'a>(teacher: &'a Teacher, student: &'a Network) -> Atoms<'a> {
    Atoms { teacher: teacher.network(), student, twin_signs: &[] }
}

#[test]
fn it_agrees_with_the_dense_evaluation_and_keeps_its_bound() {
    for (m, seed) in [(508, 1), (700, 2), (1001, 3)] {
        let (teacher, student) = (teacher(), student(m, seed));
        let atoms = atoms(&teacher, &student);
        assert!(applies(&atoms));
        let mut gradient = Gradient::default();
        let loss = evaluate(&atoms, &mut gradient);
        let exact = Population::new(teacher.clone())
            .evaluate(&student, Accuracy::finest(f64::INFINITY))
            .unwrap();
        let off = (loss.value - exact.loss.value).abs();
        assert!(off <= loss.error + exact.loss.error, "{m}: {off:e} {:e}", loss.error);
        let worst =
            |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, maximum);
        let (a, w) = (&exact.gradient.second_layer, &exact.gradient.first_layer);
        let second = worst(&gradient.second_layer, a);
        assert!(second <= gradient.second_layer_error + exact.gradient.second_layer_error);
        let first = worst(&gradient.first_layer, w);
        assert!(first <= gradient.first_layer_error + exact.gradient.first_layer_error);
        // The errors themselves are those of a few roundings: the bounds are wide, the numbers are not.
        let total = student.total_mass() + teacher.total_mass();
        let few = 8.0 * f64::EPSILON * total;
        assert!(
            off <= few * total && first <= 5e8 * few && second <= 5e8 * few,
            "{off:e} {first:e} {second:e} {few:e}"
        );
        let (set, precision) = (InstructionSet::detect(), Precision::Double);
        let (mut buffers, mut gradient) = (pairs::Buffers::default(), Gradient::default());
        let dense = pairs::evaluate(&atoms, set, precision, &mut buffers, &mut gradient);
        assert!((dense.value - loss.value).abs() <= dense.error + loss.error);
    }
}

#[test]
fn a_wrong_order_is_noticed() {
    // The prefix sums hold only in the order of the angles: with two atoms exchanged the loss is off by more than its bound.
    let (teacher, student) = (teacher(), student(600, 4));
    let atoms = atoms(&teacher, &student);
    let mut sorted = sorted(&atoms);
    let value = |atoms: &[SortedAtom]| {
        let mut whole = Sums::zero();
        let mut prefixes = Vec::new();
        for atom in atoms {
            whole.add(atom);
            prefixes.push(whole);
        }
        let rows =
            atoms.iter().zip(&prefixes).map(|(a, p)| Row::new(a, &p.split(&whole)).kernel * a.mass);
        rows.sum::<f64>() / (2.0 * PI)
    };
    let bound = evaluate(&atoms, &mut Gradient::default());
    assert!((value(&sorted) - bound.value).abs() <= bound.error);
    sorted.swap(100, 400);
    assert!((value(&sorted) - bound.value).abs() > bound.error);
}

#[test]
fn the_route_is_named_and_threads_do_not_show() {
    let (teacher, student) = (teacher(), student(3000, 5));
    let population = Population::new(teacher);
    let found = population.evaluate(&student, Accuracy::FAST).unwrap();
    assert_eq!(found.route, EvaluationRoute::Fast(FastMethod::Sorted));
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = single.install(|| population.evaluate(&student, Accuracy::FAST).unwrap());
    assert_eq!(found, again);
    // The raw objective adds its two degrees to the same sums.
    let raw = Population::new(population.teacher().clone()).of_degrees(Degrees::All);
    let (fast, exact) = (
        raw.evaluate(&student, Accuracy::FAST).unwrap(),
        raw.evaluate(&student, Accuracy::finest(1.0)).unwrap(),
    );
    assert!((fast.loss.value - exact.loss.value).abs() <= fast.loss.error + exact.loss.error);
}

#[test]
fn nan_does_not_hide() {
    let teacher = teacher();
    let mut student = student(600, 6);
    student.layers_mut().1[100] = f64::NAN;
    let loss = evaluate(&atoms(&teacher, &student), &mut Gradient::default());
    assert!(loss.value.is_nan());
}

#[test]
fn it_applies_in_the_plane_from_so_many_atoms_on() {
    let teacher = teacher();
    let in_plane = |m: usize| applies(&atoms(&teacher, &student(m, 7)));
    assert!(in_plane(LEAST_ATOMS - 4) && !in_plane(LEAST_ATOMS - 5));
    let space = Network::new(3, vec![1.0; 600], vec![1.0; 1800]).unwrap();
    assert!(!applies(&atoms(&teacher, &space)));
}

#[test]
fn bounds_are_the_units_counted() {
    let (teacher, student) = (teacher(), student(600, 8));
    let mut gradient = Gradient::default();
    let loss = evaluate(&atoms(&teacher, &student), &mut gradient);
    let mass = student.total_mass() + teacher.total_mass();
    let longest = student.rows().map(|w| w[0].hypot(w[1])).fold(0.0, maximum);
    let heaviest = student.second_layer().iter().fold(0.0, |x, a| maximum(x, a.abs()));
    // 256 units of 2^-53 of the mass, up to the rounding of the mass itself.
    let unit = 256.0 * f64::EPSILON / 2.0 * mass / PI;
    for (found, expected) in [
        (loss.error, 0.5 * mass * unit),
        (gradient.second_layer_error, longest * unit),
        (gradient.first_layer_error, heaviest * unit),
    ] {
        assert!((found / expected - 1.0).abs() <= 4096.0 * f64::EPSILON, "{found} {expected}");
    }
}
