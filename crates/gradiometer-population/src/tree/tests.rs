use super::interpolation::Admission;
use super::*;
use crate::fast;
use crate::{FromDegree, Path, Population, Way, Workspace};
use gradiometer_hermite::float::maximum_of;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Tolerance of the tests' trees, in units of `1/(2 pi)` for two unit masses: one that the boxes of a few thousand atoms can keep.
const TOLERANCE: f64 = 1.0 / (1_u64 << 20) as f64;

fn teacher<const D: usize>() -> Teacher {
    let rows: Vec<Vec<f64>> =
        (0..D).map(|i| (0..D).map(|k| if i == k { 2.0 } else { -0.3 }).collect()).collect();
    let a = (0..D).map(|i| if i == 1 { -0.7 } else { 1.0 }).collect();
    Teacher::new(Network::from_rows(a, &rows).unwrap()).unwrap()
}

/// A student with a cluster, twins, opposites, zero neurons, axes, edges of charts and lengths over many decades.
fn student<const D: usize>(m: usize, seed: u64) -> Network {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = || rng.random::<f64>() - 0.5;
    let (mut rows, mut a): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for j in 0..m {
        let mut w: Vec<f64> = (0..D).map(|_| uniform()).collect();
        match j % 16 {
            0 if j > 16 => w = rows[D * (j - 10)..][..D].to_vec(),
            1 if j > 16 => w = rows[D * (j - 10)..][..D].iter().map(|x| -3.0 * x).collect(),
            2 => w[j / 16 % D] = 0.0,
            3 => w = (0..D).map(|k| if k == j / 16 % D { 1.0 } else { 0.0 }).collect(),
            4 if j % 5 == 0 => w.fill(0.0),
            5 => w = (0..D).map(|k| if k == 0 { 2.0 } else { -0.3 }).collect(),
            6 => w = w.iter().map(|x| 1.0 + 1e-9 * x).collect(),
            7 => w.iter_mut().for_each(|x| *x = x.signum()),
            8 => w.iter_mut().for_each(|x| *x *= 1e8),
            _ => {}
        }
        rows.extend(w);
        a.push(uniform());
    }
    Network::new(D, a, rows).unwrap()
}

fn worst(x: &[f64], y: &[f64]) -> f64 {
    maximum_of(x.iter().zip(y).map(|(x, y)| (x - y).abs()))
}

/// Compares with all pairs; returns the largest errors over their bounds.
fn agreement<const D: usize>(m: usize, seed: u64, tolerance: f64) -> [f64; 3] {
    let (teacher, student) = (teacher::<D>(), student::<D>(m, seed));
    let (mut dense, mut found) = (Gradient::default(), Gradient::default());
    let exact = fast::dense(&teacher, &student, &mut Workspace::new(), &mut dense);
    let tree = Tree::<D>::new(&teacher, &student, tolerance).unwrap();
    assert!(tree.plan.largest > 0, "no cells were apart");
    let mut worst_of = [0.0; 3];
    for set in InstructionSet::available() {
        let loss = tree.evaluate(*set, &student, &mut found);
        let ratios = [
            (loss.value - exact.value).abs() / (loss.error + exact.error),
            worst(&found.second_layer, &dense.second_layer)
                / (found.second_layer_error + dense.second_layer_error),
            worst(&found.first_layer, &dense.first_layer)
                / (found.first_layer_error + dense.first_layer_error),
        ];
        for (worst, ratio) in worst_of.iter_mut().zip(ratios) {
            *worst = maximum(*worst, ratio);
        }
    }
    worst_of
}

#[test]
fn it_agrees_with_all_pairs_and_keeps_its_bound() {
    for ratios in [
        agreement::<3>(3001, 1, TOLERANCE),
        agreement::<3>(6000, 2, TOLERANCE),
        agreement::<4>(6000, 3, 1e4 * TOLERANCE),
    ] {
        assert!(ratios.iter().all(|ratio| *ratio <= 1.0), "{ratios:?}");
    }
}

#[test]
fn a_folded_student_is_the_same_student() {
    let (teacher, half) = (teacher::<3>(), student::<3>(2000, 4));
    let opposite: Vec<f64> = half.first_layer().iter().map(|w| -w).collect();
    let rows = [half.first_layer(), &opposite].concat();
    let weights = [half.second_layer(), half.second_layer()].concat();
    let student = Network::new(3, weights, rows).unwrap();
    let tree = Tree::<3>::new(&teacher, &student, TOLERANCE).unwrap();
    assert!(tree.atoms.len() <= 2000 + teacher.neurons());
    let (mut found, mut dense) = (Gradient::default(), Gradient::default());
    let loss = tree.evaluate(InstructionSet::detect(), &student, &mut found);
    let exact = fast::dense(&teacher, &student, &mut Workspace::new(), &mut dense);
    assert!((loss.value - exact.value).abs() <= loss.error + exact.error);
    let off = worst(&found.first_layer, &dense.first_layer);
    assert!(off <= found.first_layer_error + dense.first_layer_error);
}

#[test]
fn every_pair_of_atoms_meets_once_and_no_two_threads_at_one() {
    let tree = Tree::<3>::new(&teacher::<3>(), &student::<3>(5000, 5), TOLERANCE).unwrap();
    let size = |cloud: usize| tree.cells[tree.plan.clouds[cloud].0].range.len();
    let mut pairs = 0;
    for round in &tree.plan.rounds {
        let mut busy = std::collections::BTreeSet::new();
        for [a, b] in round {
            assert!(busy.insert(*a) && (a == b || busy.insert(*b)), "{a} {b}");
            pairs += if a == b { size(*a) * (size(*a) + 1) / 2 } else { size(*a) * size(*b) };
        }
    }
    let n = tree.atoms.len();
    assert_eq!(pairs, n * (n + 1) / 2);
}

#[test]
fn a_missing_meeting_is_noticed() {
    let (teacher, student) = (teacher::<3>(), student::<3>(3000, 6));
    let mut dense = Gradient::default();
    let exact = fast::dense(&teacher, &student, &mut Workspace::new(), &mut dense);
    let mut tree = Tree::<3>::new(&teacher, &student, TOLERANCE).unwrap();
    tree.plan.rounds[0].pop();
    let mut found = Gradient::default();
    let _loss = tree.evaluate(InstructionSet::detect(), &student, &mut found);
    let off = worst(&found.first_layer, &dense.first_layer);
    assert!(off > found.first_layer_error + dense.first_layer_error, "{off:e} {exact:?}");
}

/// Largest error over a grid of directions when both functions of a pair of cells are interpolated at the given orders.
fn interpolation_error(a: &Cell<3>, b: &Cell<3>, orders: [usize; 2]) -> f64 {
    const GRID: usize = 9;
    let at = |cell: &Cell<3>, i: usize, j: usize, of: &dyn Fn(usize) -> f64| {
        let point =
            [cell.middle[0] + cell.half[0] * of(i), cell.middle[1] + cell.half[1] * of(j), 0.0];
        cells::direction(cell.chart, &point)
    };
    let functions = |u: &[f64; 3], v: &[f64; 3]| {
        let t = dot(u, v);
        [((1.0 - t) * (1.0 + t)).sqrt(), t.asin()]
    };
    let [first, second] = orders.map(Rule::new);
    let grid: Vec<f64> = (0..GRID).map(|i| 2.0 * i as f64 / (GRID - 1) as f64 - 1.0).collect();
    let weights = [&first, &second].map(|rule| {
        let mut values = vec![0.0; rule.p * GRID];
        rule.evaluate(&grid, &mut values);
        values
    });
    let mut worst = 0.0;
    for index in 0..GRID.pow(4) {
        let [i, j, k, l] = [1, 2, 3, 4].map(|n| index / GRID.pow(n - 1) % GRID);
        let on_grid = |n: usize| grid[n];
        let exact = functions(&at(a, i, j, &on_grid), &at(b, k, l, &on_grid));
        let mut sums = [0.0; 2];
        for node in 0..(first.p * second.p).pow(2) {
            let (x, rest) = (node % first.p, node / first.p);
            let (y, rest) = (rest % first.p, rest / first.p);
            let (z, w) = (rest % second.p, rest / second.p);
            let weight = weights[0][x * GRID + i]
                * weights[0][y * GRID + j]
                * weights[1][z * GRID + k]
                * weights[1][w * GRID + l];
            let of_first = |n: usize| first.node(n);
            let of_second = |n: usize| second.node(n);
            let values = functions(&at(a, x, y, &of_first), &at(b, z, w, &of_second));
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
        worst = maximum(worst, sums.iter().zip(exact).map(|(x, y)| (x - y).abs()).sum());
    }
    worst
}

/// A cell of a chart over two corners.
fn cell_over(chart: usize, corners: [[f64; 2]; 2]) -> Cell<3> {
    let points = corners.map(|[x, y]| (chart, [x, y, 0.0]));
    cells::build(&points).0.remove(0)
}

#[test]
fn admitted_pairs_are_within_the_tolerance_and_neighbours_are_not() {
    // Loose, so that low orders are admitted and their error stands far above rounding.
    let tolerance = 1.0 / 8.0;
    let admission = Admission::new(tolerance, 2);
    let a = cell_over(2, [[0.0, 0.0], [0.1, 0.08]]);
    let mut admitted = 0;
    for (chart, shift, size) in
        [(2, [0.4, 0.0], 0.1), (2, [-0.5, 0.3], 0.05), (2, [0.3, 0.4], 0.2), (0, [-0.1, 0.9], 0.1)]
    {
        let b = cell_over(chart, [shift, [shift[0] + size, shift[1] + size]]);
        let Some(orders) = admission.orders([&a, &b]) else { continue };
        admitted += 1;
        let error = interpolation_error(&a, &b, orders.map(|order| ORDERS[order]));
        assert!(error <= tolerance, "{orders:?}: {error:e}");
        // Coarse enough to be seen above rounding.
        assert!(error > f64::EPSILON);
    }
    assert!(admitted >= 3, "{admitted}");
    let touching = cell_over(2, [[0.1, 0.0], [0.2, 0.08]]);
    assert!(admission.orders([&a, &touching]).is_none());
    let beside = cell_over(2, [[0.11, 0.0], [0.2, 0.08]]);
    assert!(Admission::new(tolerance / f64::from(1 << 20), 2).orders([&a, &beside]).is_none());
    let error = interpolation_error(&a, &beside, [4, 4]);
    assert!(error > tolerance / f64::from(1 << 20), "{error:e}");
}

#[test]
fn the_path_is_named_and_threads_do_not_show() {
    // A cluster around each of two directions: most pairs are far apart.
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let rows: Vec<f64> = (0..6000)
        .flat_map(|j| {
            let centre = if j % 2 == 0 { [1.0, 0.0, 0.2] } else { [0.0, -1.0, 0.3] };
            centre.map(|x| x + 0.02 * (rng.random::<f64>() - 0.5))
        })
        .collect();
    let student = Network::new(3, vec![0.01; 6000], rows).unwrap();
    let population = Population::new(teacher::<3>());
    let found = population.fast(&student, &mut Workspace::new()).unwrap();
    assert!(
        matches!(found.path, Path::Fast(Way::Tree { saving: 1.., order: 4.. })),
        "{}",
        found.path
    );
    assert!(found.path.to_string().contains("times fewer pairs"), "{}", found.path);
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = single.install(|| population.fast(&student, &mut Workspace::new()).unwrap());
    assert_eq!(found, again);
    // Without tolerance there is no tree; the raw objective adds its two degrees to the same sums.
    let raw = Population::new(teacher::<3>()).from_degree(FromDegree::Zero);
    let mut none = Workspace::new().with_tolerance(0.0);
    let (by_tree, by_pairs) = (
        raw.fast(&student, &mut Workspace::new()).unwrap(),
        raw.fast(&student, &mut none).unwrap(),
    );
    assert!(matches!(by_pairs.path, Path::Fast(Way::Pairs(_))), "{}", by_pairs.path);
    let off = (by_tree.loss.value - by_pairs.loss.value).abs();
    assert!(off <= by_tree.loss.error + by_pairs.loss.error);
}

#[test]
fn nan_does_not_hide() {
    let mut student = student::<3>(2000, 8);
    student.layers_mut().1[100] = f64::NAN;
    assert!(Tree::<3>::new(&teacher::<3>(), &student, TOLERANCE).is_none());
    let population = Population::new(teacher::<3>());
    assert!(population.fast(&student, &mut Workspace::new()).unwrap().loss.value.is_nan());
}

#[test]
fn a_workspace_says_whether_the_tree_was_taken_and_evaluate_does_better() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let rows: Vec<f64> = (0..4000)
        .flat_map(|j| {
            let centre = if j % 2 == 0 { [1.0, 0.0, 0.2] } else { [0.0, -1.0, 0.3] };
            centre.map(|x| x + 0.02 * (rng.random::<f64>() - 0.5))
        })
        .collect();
    let student = Network::new(3, vec![0.01; 4000], rows).unwrap();
    let population = Population::new(teacher::<3>());
    let mut workspace = Workspace::new();
    let loss = population.fast(&student, &mut workspace).unwrap().loss;
    assert!(workspace.is_truncated());
    // A demand between what the tree and what all pairs guarantee.
    let mut all = workspace.with_tolerance(0.0);
    let exact = population.fast(&student, &mut all).unwrap().loss;
    assert!(!all.is_truncated() && exact.error < loss.error);
    let relative = (loss.error * exact.error).sqrt() / exact.value;
    let chosen = population.evaluate(&student, relative).unwrap();
    assert!(matches!(chosen.path, Path::Fast(Way::Pairs(_))), "{}", chosen.path);
    assert_eq!(chosen.loss, exact);
    assert_eq!(crate::Objective::loss(&population, &student, relative), exact);
}
