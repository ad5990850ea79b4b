use super::*;
use crate::{Accuracy, Objective, Population};
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::{Skip, Teacher};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Half of the raw loss at the spurious minimum of eight orthonormal teachers and eight students with second layer 1.
const SPURIOUS_HALF_LOSS: f64 = 0.02150803717;
/// The smallest eigenvalue there of the first-layer Hessian of half of the loss.
const SPURIOUS_EIGENVALUE: f64 = 0.02134658919;
/// The two figures are known to ten digits.
const PUBLISHED: f64 = 1e-9;

/// Step of the fourth-order differences.
const STEP: f64 = 1.0 / 512.0;
/// Their truncation is `STEP^4/30 < 5e-13` times a fifth derivative, some hundreds where neurons make angles of order one.
const TRUNCATION: f64 = 1e-9;

/// `n` operations on numbers of the given size.
fn rounding(n: usize, scale: f64) -> f64 {
    n as f64 * f64::EPSILON * scale
}

fn gaussian(rng: &mut ChaCha8Rng, n: usize) -> Vec<f64> {
    (0..n).map(|_| rng.sample::<f64, _>(StandardNormal)).collect()
}

fn random(seed: u64, m: usize, d: usize) -> Network {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let a = gaussian(&mut rng, m);
    let w = gaussian(&mut rng, m * d);
    let linear = gaussian(&mut rng, d);
    Network::new(d, a, w).unwrap().with_skip(Skip { constant: 0.3, linear }).unwrap()
}

fn population(seed: u64, m: usize, d: usize, degrees: Degrees) -> Population {
    let plain = random(seed, m, d);
    let network =
        Network::new(d, plain.second_layer().to_vec(), plain.first_layer().to_vec()).unwrap();
    Population::new(Teacher::new(network).unwrap()).of_degrees(degrees)
}

fn parameters(student: &Network, layers: Layers) -> Vec<f64> {
    let second: &[f64] = if layers == Layers::Both { student.second_layer() } else { &[] };
    second.iter().chain(student.first_layer()).copied().collect()
}

fn moved(student: &Network, layers: Layers, direction: &[f64], step: f64) -> Network {
    let mut student = student.clone();
    let (a, w) = student.layers_mut();
    let (second, first) = direction.split_at(if layers == Layers::Both { a.len() } else { 0 });
    add_scaled(a, step, second);
    add_scaled(w, step, first);
    student
}

/// `H v` by fourth-order differences of the accurate gradient.
fn by_differences(
    population: &Population,
    student: &Network,
    layers: Layers,
    direction: &[f64],
) -> Vec<f64> {
    let mut out = vec![0.0; direction.len()];
    for (factor, weight) in [(-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0)] {
        let at = moved(student, layers, direction, factor * STEP);
        let gradient = population.evaluate(&at, Accuracy::finest(1.0)).unwrap().gradient;
        let second = if layers == Layers::Both { gradient.second_layer } else { Vec::new() };
        let whole = [second, gradient.first_layer].concat();
        add_scaled(&mut out, weight / (12.0 * STEP), &whole);
    }
    out
}

fn product(dense: &DenseHessian, direction: &[f64]) -> Vec<f64> {
    dense.entries().chunks_exact(dense.size()).map(|row| dot(row, direction)).collect()
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    maximum_of(x.iter().zip(y).map(|(x, y)| (x - y).abs()))
}

fn size(x: &[f64]) -> f64 {
    maximum_of(x.iter().map(|x| x.abs()))
}

const EVERY: [(Layers, Degrees); 4] = [
    (Layers::Both, Degrees::FromTwo),
    (Layers::Both, Degrees::All),
    (Layers::First, Degrees::FromTwo),
    (Layers::First, Degrees::All),
];

#[test]
fn dense_and_operator_agree_with_differences_of_the_accurate_gradient() {
    for (layers, degrees) in EVERY {
        let population = population(1, 3, 4, degrees);
        let student = random(2, 5, 4);
        let n = parameters(&student, layers).len();
        let mut direction = gaussian(&mut ChaCha8Rng::seed_from_u64(3), n);
        let length = norm(&direction);
        scale(&mut direction, 1.0 / length);
        let exact = by_differences(&population, &student, layers, &direction);
        let operator = population.hessian_operator(&student, layers).unwrap();
        let found = operator.apply(&direction).unwrap();
        let dense = product(&population.dense_hessian(&student, layers).unwrap(), &direction);
        let allowed = TRUNCATION * size(&exact);
        assert!(distance(&found, &exact) <= allowed, "{layers:?} {degrees:?}: {found:?} {exact:?}");
        assert!(distance(&dense, &exact) <= allowed, "{layers:?} {degrees:?}: {dense:?} {exact:?}");
        // The same comparison refuses a direction that is wrong by a part in a million.
        direction[0] += 1e-6;
        let wrong = operator.apply(&direction).unwrap();
        assert!(!(distance(&wrong, &exact) <= allowed), "a wrong direction must be seen");
    }
}

#[test]
fn the_operator_on_many_tiles_agrees_with_the_dense_hessian() {
    for (layers, degrees) in EVERY {
        let population = population(4, 70, 3, degrees);
        let student = random(5, 130, 3);
        let operator = population.hessian_operator(&student, layers).unwrap();
        let direction = gaussian(&mut ChaCha8Rng::seed_from_u64(6), operator.parameters());
        let dense = product(&population.dense_hessian(&student, layers).unwrap(), &direction);
        let found = operator.apply(&direction).unwrap();
        let allowed = rounding(200 * 8, size(&dense) + 200.0);
        assert!(distance(&found, &dense) <= allowed, "{:e}", distance(&found, &dense));
    }
}

#[test]
fn the_number_of_threads_does_not_show() {
    let population = population(7, 3, 5, Degrees::All);
    let operator = population.hessian_operator(&random(8, 200, 5), Layers::Both).unwrap();
    let direction = gaussian(&mut ChaCha8Rng::seed_from_u64(9), operator.parameters());
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| operator.apply(&direction).unwrap())
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn zero_neurons_have_zero_rows_and_columns() {
    for (layers, degrees) in EVERY {
        let population = population(10, 2, 3, degrees);
        let mut student = random(11, 4, 3);
        student.layers_mut().1[3..6].fill(0.0);
        let dense = population.dense_hessian(&student, layers).unwrap();
        let n = dense.size();
        assert!(dense.entries().iter().all(|x| x.is_finite()));
        let offset = n - 12;
        for i in offset + 3..offset + 6 {
            assert!((0..n).all(|k| dense.entries()[i * n + k] == 0.0));
            assert!((0..n).all(|k| dense.entries()[k * n + i] == 0.0));
        }
        let direction = gaussian(&mut ChaCha8Rng::seed_from_u64(12), n);
        let operator = population.hessian_operator(&student, layers).unwrap();
        let found = operator.apply(&direction).unwrap();
        let exact = product(&dense, &direction);
        assert!(distance(&found, &exact) <= rounding(100, size(&exact) + 10.0));
    }
}

#[test]
fn coincident_and_opposite_neurons_are_limits_of_close_ones() {
    // The Hessian is Lipschitz in the angle: apart by `small`, it moves by a few times `small`.
    let small = 1e-9;
    for (sign, layers) in [(1.0, Layers::Both), (-1.0, Layers::First)] {
        let population = population(13, 2, 3, Degrees::FromTwo);
        let mut student = random(14, 3, 3);
        let copy: Vec<f64> = student.neuron(0).iter().map(|x| 2.0 * sign * x).collect();
        student.layers_mut().1[3..6].copy_from_slice(&copy);
        let mut close = student.clone();
        close.layers_mut().1[3] += small;
        let dense = population.dense_hessian(&student, layers).unwrap();
        let near = population.dense_hessian(&close, layers).unwrap();
        let moved = distance(dense.entries(), near.entries());
        assert!(moved <= 100.0 * small && moved > 0.0, "{moved:e}");
    }
}

#[test]
fn lanczos_finds_both_ends_of_the_dense_spectrum() {
    let population = population(15, 3, 4, Degrees::All);
    let student = random(16, 20, 4);
    let eigenvalues =
        population.dense_hessian(&student, Layers::Both).unwrap().eigenvalues().unwrap();
    let operator = population.hessian_operator(&student, Layers::Both).unwrap();
    let extremes = operator.extreme_eigenvalues(100).unwrap();
    let scale = rounding(1000, size(&eigenvalues));
    assert!((extremes.smallest.value - eigenvalues[0]).abs() <= extremes.smallest.residual + scale);
    let last = eigenvalues[eigenvalues.len() - 1];
    assert!((extremes.largest.value - last).abs() <= extremes.largest.residual + scale);
    let few = operator.extreme_eigenvalues(5).unwrap();
    assert!(few.smallest.value >= eigenvalues[0] - scale && few.largest.value <= last + scale);
    assert!(few.smallest.residual > extremes.smallest.residual);
}

#[test]
fn too_large_and_misshapen_requests_are_refused() {
    let population = population(17, 1, 64, Degrees::FromTwo);
    let student = random(18, 64, 64);
    let refused = population.dense_hessian(&student, Layers::Both).unwrap_err();
    assert_eq!(
        refused,
        PopulationError::HessianTooLarge { parameters: 64 * 65, limit: DENSE_LIMIT }
    );
    let operator = population.hessian_operator(&student, Layers::First).unwrap();
    let refused = operator.apply(&[0.0; 3]).unwrap_err();
    assert_eq!(refused, PopulationError::DirectionLength { expected: 4096, found: 3 });
}

/// Gradient descent on the first layer, then Newton steps; the loss and the gradient's norm where it ends.
fn descend(population: &Population, mut student: Network) -> (Network, f64, f64) {
    let mut workspace = crate::Workspace::new();
    let mut gradient = crate::Gradient::default();
    for _ in 0..20_000 {
        let into = Some(&mut gradient);
        let _reached = population.evaluate_into(&student, &Accuracy::FAST, &mut workspace, into);
        if norm(&gradient.first_layer) < 1e-4 {
            break;
        }
        add_scaled(student.layers_mut().1, -0.2, &gradient.first_layer);
    }
    for _ in 0..8 {
        let into = Some(&mut gradient);
        let _reached = population.evaluate_into(&student, &Accuracy::FAST, &mut workspace, into);
        let dense = population.dense_hessian(&student, Layers::First).unwrap();
        let n = dense.size();
        let matrix = MatRef::from_row_major_slice(dense.entries(), n, n);
        let eigen = matrix.self_adjoint_eigen(Side::Lower).unwrap();
        if !(eigen.S()[0] > 0.0) {
            break;
        }
        let right = MatRef::from_column_major_slice(&gradient.first_layer, n, 1);
        let mut coefficients = eigen.U().transpose() * right;
        for i in 0..n {
            coefficients[(i, 0)] /= eigen.S()[i];
        }
        let step = eigen.U() * coefficients;
        let step: Vec<f64> = (0..n).map(|i| step[(i, 0)]).collect();
        add_scaled(student.layers_mut().1, -1.0, &step);
    }
    let into = Some(&mut gradient);
    let loss = population.evaluate_into(&student, &Accuracy::FAST, &mut workspace, into).loss;
    let size = norm(&gradient.first_layer);
    (student, loss.value, size)
}

fn identity() -> Network {
    let w = (0..64).map(|i| if i / 8 == i % 8 { 1.0 } else { 0.0 }).collect();
    Network::new(8, vec![1.0; 8], w).unwrap()
}

#[test]
fn the_known_spurious_minimum_is_found_with_its_eigenvalue() {
    let population = Population::new(Teacher::new(identity()).unwrap()).of_degrees(Degrees::All);
    let found = (0..40).find_map(|seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let start = Network::new(8, vec![1.0; 8], gaussian(&mut rng, 64)).unwrap();
        let (student, loss, gradient) = descend(&population, start);
        let relative = (0.5 * loss / SPURIOUS_HALF_LOSS - 1.0).abs();
        println!("seed {seed}: half loss {:.12}, gradient {gradient:e}", 0.5 * loss);
        (relative <= PUBLISHED).then_some((student, gradient))
    });
    let (student, gradient) = found.expect("one of forty starts ends there");
    assert!(gradient <= rounding(1000, 1.0), "stationary: {gradient:e}");
    let eigenvalues =
        population.dense_hessian(&student, Layers::First).unwrap().eigenvalues().unwrap();
    let half = 0.5 * eigenvalues[0];
    println!("smallest eigenvalue {half:.13}");
    assert!((half / SPURIOUS_EIGENVALUE - 1.0).abs() <= PUBLISHED, "{half:.12}");
    let operator = population.hessian_operator(&student, Layers::First).unwrap();
    let extremes = operator.extreme_eigenvalues(64).unwrap();
    assert!((0.5 * extremes.smallest.value - half).abs() <= rounding(1000, 1.0));
}

#[test]
fn at_the_teacher_the_smallest_eigenvalue_is_a_quarter_less_one_over_two_pi() {
    let population = Population::new(Teacher::new(identity()).unwrap()).of_degrees(Degrees::All);
    let eigenvalues =
        population.dense_hessian(&identity(), Layers::First).unwrap().eigenvalues().unwrap();
    let exact = 0.25 - 0.5 / PI;
    assert!((0.5 * eigenvalues[0] - exact).abs() <= rounding(64, eigenvalues[63]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_operator_is_symmetric_and_is_the_dense_hessian(
        seed in 0_u64..1000, m in 1_usize..9, d in 1_usize..6, students in 1_usize..9, which in 0_usize..4,
    ) {
        let (layers, degrees) = EVERY[which];
        let population = population(seed, m, d, degrees);
        let student = random(seed + 1, students, d);
        let operator = population.hessian_operator(&student, layers).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed + 2);
        let (x, y) = (gaussian(&mut rng, operator.parameters()), gaussian(&mut rng, operator.parameters()));
        let (hx, hy) = (operator.apply(&x).unwrap(), operator.apply(&y).unwrap());
        let dense = product(&population.dense_hessian(&student, layers).unwrap(), &x);
        // Masses over the smallest length multiply the roundings.
        let shortest = gradiometer_hermite::float::minimum_of(student.rows().map(norm));
        let scale = (size(&hx) + size(&hy) + 10.0) * (1.0 + 1.0 / shortest);
        prop_assert!(distance(&hx, &dense) <= rounding(200, scale));
        prop_assert!((dot(&x, &hy) - dot(&y, &hx)).abs() <= rounding(2000, scale));
    }
}
