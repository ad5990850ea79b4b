use super::interpolation::Admission;
use super::*;
use crate::atoms::{Problem, find_twins};
use crate::route::fast::{self, Means};
use crate::route::pairs;
use crate::{
    Accuracy, Degrees, EvaluationRoute, Objective, Population, Precision, Reached, WeightDecay,
    Workspace,
};
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::{Network, Teacher};
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

/// A teacher, a student and its twins.
struct Given {
    teacher: Teacher,
    student: Network,
    twin_signs: Vec<f64>,
}

impl Given {
    fn new(teacher: Teacher, student: Network) -> Self {
        let mut twin_signs = Vec::new();
        find_twins(&student, &mut twin_signs);
        Self { teacher, student, twin_signs }
    }

    fn atoms(&self) -> Atoms<'_> {
        let Self { teacher, student, twin_signs } = self;
        Atoms { teacher: teacher.network(), student, twin_signs }
    }

    fn tree<const D: usize>(&self, tolerance: f64) -> Tree<'_, D> {
        Tree::new(self.atoms(), tolerance).unwrap()
    }

    /// By all pairs.
    fn pairs(&self, gradient: &mut Gradient) -> Bounded {
        let (set, precision) = (InstructionSet::detect(), Precision::Double);
        pairs::evaluate(&self.atoms(), set, precision, &mut pairs::Buffers::default(), gradient)
    }
}

/// The fast evaluation without truncation.
fn without_truncation(teacher: &Teacher, student: &Network, degrees: Degrees) -> Reached {
    let set = InstructionSet::detect();
    let means = Means { set, precision: Precision::Double, truncation: 0.0 };
    let problem = Problem { teacher, student, degrees };
    fast::evaluate(&problem, means, &mut pairs::Buffers::default(), &mut Gradient::default())
}

/// Compares with all pairs; returns the largest errors over their bounds.
fn agreement<const D: usize>(m: usize, seed: u64, tolerance: f64) -> [f64; 3] {
    let given = Given::new(teacher::<D>(), student::<D>(m, seed));
    let (mut dense, mut found) = (Gradient::default(), Gradient::default());
    let exact = given.pairs(&mut dense);
    let tree = given.tree::<D>(tolerance);
    assert!(tree.plan.largest > 0, "no cells were apart");
    let mut worst_of = [0.0; 3];
    for set in InstructionSet::available() {
        let loss = tree.evaluate(*set, &mut found);
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
    let given = Given::new(teacher, student);
    let tree = given.tree::<3>(TOLERANCE);
    assert!(tree.atoms.len() <= 2000 + given.teacher.neurons());
    let (mut found, mut dense) = (Gradient::default(), Gradient::default());
    let loss = tree.evaluate(InstructionSet::detect(), &mut found);
    let exact = given.pairs(&mut dense);
    assert!((loss.value - exact.value).abs() <= loss.error + exact.error);
    let off = worst(&found.first_layer, &dense.first_layer);
    assert!(off <= found.first_layer_error + dense.first_layer_error);
}

#[test]
fn every_pair_of_atoms_meets_once_and_no_two_threads_at_one() {
    let given = Given::new(teacher::<3>(), student::<3>(5000, 5));
    let tree = given.tree::<3>(TOLERANCE);
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
fn cells_hold_their_directions_and_halve_their_longest_side() {
    let given = Given::new(teacher::<3>(), student::<3>(5000, 11));
    let tree = given.tree::<3>(TOLERANCE);
    let points = |cell: &Cell<3>| {
        tree.order[cell.range.clone()].iter().map(|b| tree.atoms[*b]).collect::<Vec<_>>()
    };
    let roots: Vec<&Cell<3>> = tree.cells.iter().filter(|cell| cell.parent.is_none()).collect();
    assert_eq!(roots.iter().map(|cell| cell.chart).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(roots.iter().map(|cell| cell.range.len()).sum::<usize>(), tree.atoms.len());
    let mut leaves = 0;
    for (c, cell) in tree.cells.iter().enumerate() {
        for atom in points(cell) {
            assert_eq!(atom.chart, cell.chart);
            let inside = |k: usize| (atom.point[k] - cell.middle[k]).abs() < cell.half[k];
            assert!((0..2).all(inside), "{c}");
        }
        let longest = usize::from(cell.half[1] > cell.half[0]);
        let Some(halves) = cell.halves else {
            leaves += 1;
            assert!(cell.range.len() <= cells::LEAF || cell.half[longest] <= 64.0 * f64::EPSILON);
            continue;
        };
        assert!(cell.range.len() > cells::LEAF);
        let [low, high] = halves.map(|half| &tree.cells[half]);
        assert_eq!((low.parent, high.parent), (Some(c), Some(c)));
        assert_eq!((low.range.start, low.range.end), (cell.range.start, high.range.start));
        assert_eq!(high.range.end, cell.range.end);
        let middle = cell.middle[longest];
        assert!(points(low).iter().all(|atom| atom.point[longest] < middle));
        assert!(points(high).iter().all(|atom| atom.point[longest] >= middle));
    }
    // What the plan says it costs, and the clouds that are there.
    assert_eq!(tree.leaves(), leaves);
    let size = |cloud: usize| match tree.plan.clouds[cloud] {
        (cell, Stand::Atoms) => tree.cells[cell].range.len().next_multiple_of(GRAIN),
        (_, Stand::Nodes(order)) => (ORDERS[order] * ORDERS[order]).next_multiple_of(GRAIN),
    };
    let pairs: Vec<[usize; 2]> = tree.plan.rounds.concat();
    assert_eq!(pairs.iter().map(|[a, b]| size(*a) * size(*b)).sum::<usize>(), tree.plan.entries);
    let orders = pairs.as_flattened().iter().map(|cloud| match tree.plan.clouds[*cloud].1 {
        Stand::Atoms => 0,
        Stand::Nodes(order) => ORDERS[order],
    });
    assert_eq!(orders.max(), Some(tree.plan.largest));
    assert_eq!(tree.pairs(), tree.atoms.len().pow(2) / 2);
    let saving = tree.pairs() / tree.plan.entries;
    assert_eq!(tree.method(), FastMethod::Tree { order: tree.plan.largest, saving });
}

#[test]
fn a_missing_meeting_is_noticed() {
    let given = Given::new(teacher::<3>(), student::<3>(3000, 6));
    let mut dense = Gradient::default();
    let exact = given.pairs(&mut dense);
    let mut tree = given.tree::<3>(TOLERANCE);
    tree.plan.rounds[0].pop();
    let mut found = Gradient::default();
    let _loss = tree.evaluate(InstructionSet::detect(), &mut found);
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

/// The roundings of interpolation and the tolerance, once more from the numbers of clouds and nodes.
#[test]
fn every_term_of_the_bounds_is_the_one_derived() {
    // The total mass is rounded up by 3000 eps, and squared.
    let close = |x: f64, y: f64| (x / y - 1.0).abs() <= 16384.0 * f64::EPSILON;
    let given = Given::new(teacher::<3>(), student::<3>(3001, 10));
    let Given { teacher, student, .. } = &given;
    let mass = student.total_mass() + teacher.total_mass();
    let length = |w: &[f64]| w.iter().map(|x| x * x).sum::<f64>().sqrt();
    let longest = maximum_of(student.rows().map(length));
    let heaviest = maximum_of(student.second_layer().iter().map(|a| a.abs()));
    // With nodes, and with so small a tolerance that all atoms meet.
    for (tolerance, apart) in [(TOLERANCE, true), (1e-30, false)] {
        let tree = given.tree::<3>(tolerance);
        let p = tree.plan.largest as f64;
        assert_eq!(p > 0.0, apart);
        let once = if apart { 1.0 + 2.0 / PI * p.ln() } else { 1.0 };
        let size = once.powi(4);
        let weight = if apart { 6.0 + (p + 3.0) * once } else { 0.0 };
        let leaves = tree.cells.iter().filter(|cell| cell.halves.is_none()).count();
        // A chunk at both ends, and a quarter of the nodes of a cell in eight partial sums.
        let sums = (leaves + tree.plan.rounds.len()) as f64 + 512.0 + 100.0;
        let found = tree.roundoff();
        assert!(close(found.unit, f64::EPSILON / 2.0) && close(found.mass, 7.5));
        assert!(close(found.cosine, 4.0 * size * 38.0) && close(found.elementwise, 8.0 * size));
        assert!(close(found.depth, size * (sums + 4.0 * weight)), "{found:?}");
        assert!(close(found.total_mass, mass) && found.total_mass > mass * (1.0 - f64::EPSILON));
        assert!(close(found.atoms, tree.atoms.len() as f64));
        let mut gradient = Gradient::default();
        let loss = tree.evaluate(InstructionSet::detect(), &mut gradient);
        // M^2 tol/(2 pi), and twice M tol/(2 pi) for gradients.
        let truncation = mass * tolerance / PI;
        let expected = found.loss() + 0.5 * mass * truncation;
        assert!(close(loss.error, expected), "{p} {loss:?} {expected:e}");
        let second = found.second_layer(longest) + longest * truncation;
        assert!(close(gradient.second_layer_error, second));
        let first = found.first_layer(heaviest) + heaviest * truncation;
        assert!(close(gradient.first_layer_error, first));
    }
}

#[test]
fn admission_gives_every_axis_its_share() {
    let tolerance = 1.0 / 1024.0;
    for axes in [2, 3] {
        let admission = Admission::new(tolerance, axes);
        assert_eq!((admission.separation.len(), admission.half.len()), (2 * axes, 2 * axes));
        for rank in 0..2 * axes {
            for (order, p) in ORDERS.into_iter().enumerate() {
                let (r, h) = (admission.separation[rank][order], admission.half[rank][order]);
                // Less the margin, which covers what is rounded.
                let r = r / (1.0 + 1e-9);
                let rho = r + (r * r - 1.0).sqrt();
                // Theorem 8.2 with the bound 8.1, times what interpolation along the axes before may add.
                let error = 4.0 * 8.1 * rho.powf(1.0 - p as f64) / (rho - 1.0);
                let growth = (1.0 + 2.0 / PI * 20.0_f64.ln()).powf(rank as f64);
                let share = error * growth * (2 * axes) as f64 / tolerance;
                assert!((share - 1.0).abs() <= 1.0 / 65536.0, "{rank} {p}: {share}");
                // The ellipse keeps within 1/sqrt(2) of the axis.
                let height = h * (rho - 1.0 / rho) / 2.0 * 2.0_f64.sqrt();
                assert!(height <= 1.0 && height > 1.0 - 1.0 / 65536.0, "{rank} {p}: {height}");
            }
        }
    }
}

#[test]
fn boxes_hold_their_corners_and_keep_their_reach() {
    // The box [1/4, 3/4] x [-1, -1/2] of the chart of the third axis.
    let cell = cell_over(2, [[0.25, -1.0], [0.75, -0.5]]);
    let close = |x: f64, y: f64| (x - y).abs() <= 16.0 * f64::EPSILON;
    assert!(close(cell.middle[0], 0.5) && close(cell.middle[1], -0.75));
    assert!(close(cell.half[0], 0.25) && close(cell.half[1], 0.25));
    // Rounded up, by a few roundings of a side and of a middle.
    assert!(cell.half.iter().take(2).all(|h| (h - 0.25 - 3.0 * f64::EPSILON).abs() <= 0.0));
    let ray = |x: f64, y: f64| cells::direction(2, &[x, y, 0.0]);
    let centre = ray(0.5, -0.75);
    assert!((0..3).all(|i| close(cell.body.centre[i], centre[i])));
    let corners = [(0.25, -1.0), (0.25, -0.5), (0.75, -1.0), (0.75, -0.5)];
    let angle = |(x, y): (f64, f64)| dot(&ray(x, y), &centre).acos();
    assert!(close(cell.body.radius, maximum_of(corners.map(angle))));
    // The shortest ray ends at (1/4, -1/2); on a face, at its own.
    assert!(close(cell.body.reach, (1.0_f64 + 1.0 / 16.0 + 0.25).sqrt()));
    for (axis, [low, high]) in
        [[[0.25, -0.5], [0.75, -0.5]], [[0.25, -1.0], [0.25, -0.5]]].into_iter().enumerate()
    {
        for (face, [x, y]) in cell.faces[axis].iter().zip([low, high]) {
            let reach = f64::hypot(1.0, f64::hypot(x, y));
            assert!(close(face.reach, reach), "{axis}: {} {reach}", face.reach);
            assert!(face.radius < cell.body.radius);
        }
    }
    // The line through the first axis is at a right angle to the second and none to its opposite.
    let (x, y) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]);
    assert!(close(cells::angle(&x, &y), PI / 2.0));
    assert!(cells::angle(&x, &[-1.0, 0.0, 0.0]).abs() <= 0.0);
    assert_eq!(cells::locate(&[0.5, -1.0, 0.25]), (1, [-0.5, -0.25, 0.0], -1.0));
    assert_eq!(cells::locate(&[0.5, 0.5, -1.0]), (2, [-0.5, -0.5, 0.0], -1.0));
}

#[test]
fn the_route_is_named_and_threads_do_not_show() {
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
    let found = population.evaluate(&student, Accuracy::FAST).unwrap();
    assert!(
        matches!(found.route, EvaluationRoute::Fast(FastMethod::Tree { saving: 1.., order: 4.. })),
        "{}",
        found.route
    );
    assert!(found.route.to_string().contains("times fewer pairs"), "{}", found.route);
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = single.install(|| population.evaluate(&student, Accuracy::FAST).unwrap());
    assert_eq!(found, again);
    // Without truncation there is no tree; the raw objective adds its two degrees to the same sums.
    let raw = Population::new(teacher::<3>()).of_degrees(Degrees::All);
    let by_tree = raw.evaluate(&student, Accuracy::FAST).unwrap();
    let by_pairs = without_truncation(&teacher::<3>(), &student, Degrees::All);
    assert!(!by_pairs.route.is_truncated(), "{}", by_pairs.route);
    let off = (by_tree.loss.value - by_pairs.loss.value).abs();
    assert!(off <= by_tree.loss.error + by_pairs.loss.error);
}

#[test]
fn nan_does_not_hide() {
    let mut student = student::<3>(2000, 8);
    student.layers_mut().1[100] = f64::NAN;
    let given = Given::new(teacher::<3>(), student);
    assert!(Tree::<3>::new(given.atoms(), TOLERANCE).is_none());
    let loss = Population::new(teacher::<3>()).loss(&given.student, 1.0);
    assert!(loss.value.is_nan());
}

#[test]
fn the_ladder_leaves_the_tree_where_it_is_not_accurate_enough() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let rows: Vec<f64> = (0..4000)
        .flat_map(|j| {
            let centre = if j % 2 == 0 { [1.0, 0.0, 0.2] } else { [0.0, -1.0, 0.3] };
            centre.map(|x| x + 0.02 * (rng.random::<f64>() - 0.5))
        })
        .collect();
    let student = Network::new(3, vec![0.01; 4000], rows).unwrap();
    let population = Population::new(teacher::<3>());
    let by_tree = population.evaluate(&student, Accuracy::FAST).unwrap();
    assert!(by_tree.route.is_truncated());
    let exact = without_truncation(&teacher::<3>(), &student, Degrees::FromTwo);
    assert!(!exact.route.is_truncated() && exact.loss.error < by_tree.loss.error);
    // A demand between what the tree and what all pairs guarantee.
    let relative = (by_tree.loss.error * exact.loss.error).sqrt() / exact.loss.value;
    let chosen = population.evaluate(&student, Accuracy::loss(relative)).unwrap();
    assert_eq!((chosen.loss, chosen.route), (exact.loss, exact.route));
    assert_eq!(population.loss(&student, relative), exact.loss);
    // The same for the gradient; and one that the tree gives is kept while the loss climbs.
    let norm = by_tree.gradient.norm().value;
    let bounds =
        [&by_tree.gradient, &chosen.gradient].map(|gradient| gradient.entries_error() / norm);
    let none = WeightDecay::default();
    let between = Accuracy::both(f64::INFINITY, (bounds[0] * bounds[1]).sqrt(), none);
    assert_eq!(population.evaluate(&student, between).unwrap(), chosen);
    let (asked, mut kept) = (Accuracy::both(relative, 2.0 * bounds[0], none), Gradient::default());
    let reached =
        population.evaluate_into(&student, &asked, &mut Workspace::new(), Some(&mut kept));
    assert_eq!((reached, &kept), (exact, &by_tree.gradient));
    assert_eq!(population.evaluate(&student, asked).unwrap(), chosen);
}
