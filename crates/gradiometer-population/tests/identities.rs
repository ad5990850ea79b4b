//! Loss and gradients computed a second way, and at the corners.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use gradiometer_hermite::float::{maximum, maximum_of};
use gradiometer_instances::generate::gaussian_student;
use gradiometer_model::geometry::{dot, norm, normalised};
use gradiometer_model::{Network, Skip, Teacher};
use gradiometer_population::{
    Accuracy, Degrees, Evaluation, EvaluationRoute, FastMethod, Gradient, InstructionSet,
    Objective, Population, Precision, Workspace,
};
use proptest::prelude::*;
use std::f64::consts::PI;

/// The relative error asked of the accurate evaluation.
const RELATIVE: f64 = 1e-12;

fn wave(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|i| (12.9898 * (i as f64 + 1.0) + 78.233 * seed).sin()).collect()
}

fn network(d: usize, m: usize, seed: f64) -> Network {
    Network::new(d, wave(m, seed), wave(m * d, seed + 0.5)).unwrap()
}

fn teacher(d: usize, m: usize, seed: f64) -> Teacher {
    Teacher::new(network(d, m, seed)).unwrap()
}

fn population(d: usize, m: usize, degrees: Degrees) -> Population {
    Population::new(teacher(d, m, 4.0)).of_degrees(degrees)
}

/// `E (f - f*)^2` of two networks in the plane over the Gaussian, degree 0 included, by the trapezoidal rule in the angle: the
/// square is quadratic in the radius, whose second moment is 2, and piecewise smooth in the angle.
fn plane_loss(teacher: &Network, student: &Network, points: usize) -> f64 {
    let mut sum = 0.0;
    for i in 0..points {
        let angle = 2.0 * PI * (i as f64 + 0.5) / points as f64;
        let x = [angle.cos(), angle.sin()];
        let f = |n: &Network| -> f64 {
            n.rows().zip(n.second_layer()).map(|(w, a)| a * maximum(dot(w, &x), 0.0)).sum()
        };
        let difference = f(student) - f(teacher);
        sum += difference * difference;
    }
    2.0 * sum / points as f64
}

#[test]
fn the_raw_loss_is_the_integral_over_the_plane() {
    let (teacher, student) = (teacher(2, 3, 1.0), network(2, 5, 2.0));
    let exact = Population::new(teacher.clone()).of_degrees(Degrees::All);
    let loss = exact.evaluate(&student, Accuracy::loss(RELATIVE)).unwrap().loss.value;
    // Kinks leave the rule an error of order 1/points^2; it must fall as such.
    let error = |points| (plane_loss(teacher.network(), &student, points) - loss).abs();
    let (coarse, fine) = (error(1000), error(100_000));
    assert!(fine <= 1000.0 / 1e10 * maximum(loss, 1.0), "{fine:e}");
    assert!(coarse > 100.0 * fine, "{coarse:e} against {fine:e}");
}

#[test]
fn preprocessing_removes_the_best_affine_function() {
    let (teacher, student) = (teacher(4, 3, 1.0), network(4, 6, 2.0));
    let raw = Population::new(teacher.clone()).of_degrees(Degrees::All);
    let fit = raw.affine_fit(&student).unwrap();
    let loss = |by: &[f64]| {
        let linear = fit.linear.iter().zip(&by[1..]).map(|(b, x)| b + x).collect();
        let skip = Skip { constant: fit.constant + by[0], linear };
        raw.evaluate(&student.clone().with_skip(skip).unwrap(), Accuracy::finest(RELATIVE))
            .unwrap()
            .loss
            .value
    };
    let best = loss(&[0.0; 5]);
    let high =
        Population::new(teacher).evaluate(&student, Accuracy::finest(RELATIVE)).unwrap().loss.value;
    // The fit is wrong by some 16 roundings of numbers of order one, and the loss by their squares and its own rounding.
    let allowed = 64.0 * f64::EPSILON * maximum(high, 1.0);
    assert!((best - high).abs() <= allowed, "{best} {high}");
    // Any other affine part adds its squared distance: E (b_0 + b . x)^2 = |(b_0, b)|^2.
    for k in 0..20 {
        let by = wave(5, f64::from(k));
        assert!((loss(&by) - high - dot(&by, &by)).abs() <= 8.0 * allowed, "{by:?}");
    }
    // Negative control: without the affine part the raw loss is larger.
    assert!(
        raw.evaluate(&student, Accuracy::finest(RELATIVE)).unwrap().loss.value
            > high + 8.0 * allowed
    );
}

/// Largest error of the gradient against central differences of the accurate loss, relative to its largest entry.
fn difference_error(population: &Population, student: &Network, step: f64) -> f64 {
    let gradient = population.evaluate(student, Accuracy::finest(RELATIVE)).unwrap().gradient;
    let loss = |student: &Network| {
        population.evaluate(student, Accuracy::finest(RELATIVE)).unwrap().loss.value
    };
    let m = student.neurons();
    let mut worst = 0.0;
    let entries: Vec<f64> =
        gradient.second_layer.iter().chain(&gradient.first_layer).copied().collect();
    for (k, g) in entries.iter().enumerate() {
        let shifted = |by: f64| {
            let mut s = student.clone();
            let (a, w) = s.layers_mut();
            if k < m {
                a[k] += by;
            } else {
                w[k - m] += by;
            }
            loss(&s)
        };
        worst = maximum(worst, ((shifted(step) - shifted(-step)) / (2.0 * step) - g).abs());
    }
    worst / maximum_of(entries.iter().map(|g| g.abs()))
}

#[test]
fn the_gradients_are_the_differences_of_the_loss() {
    for degrees in [Degrees::All, Degrees::FromTwo] {
        let (population, student) = (population(3, 2, degrees), network(3, 4, 2.0));
        // The error of a central difference falls as the square of its step, down to rounding.
        let (long, short) = (1e-2_f64, 1e-4);
        let (coarse, fine) = (
            difference_error(&population, &student, long),
            difference_error(&population, &student, short),
        );
        let expected = coarse * (short / long).powi(2);
        assert!(fine < 10.0 * expected, "{degrees:?}: {fine:e} after {coarse:e}");
    }
}

const PRECISIONS: [Precision; 2] = [Precision::Double, Precision::Single];

/// By how much loss, `dL/da` and `dL/dW` are off, in units of the sum of the bounds.
fn shares(fast: &Evaluation, accurate: &Evaluation) -> [f64; 3] {
    let share = |found: &[f64], exact: &[f64], bound: f64| {
        let off = maximum_of(found.iter().zip(exact).map(|(x, y)| (x - y).abs()));
        if off > 0.0 { off / bound } else { off }
    };
    let (f, a) = (&fast.gradient, &accurate.gradient);
    [
        share(&[fast.loss.value], &[accurate.loss.value], fast.loss.error + accurate.loss.error),
        share(&f.second_layer, &a.second_layer, f.second_layer_error + a.second_layer_error),
        share(&f.first_layer, &a.first_layer, f.first_layer_error + a.first_layer_error),
    ]
}

/// Fast in either precision and accurate agree within the sum of their bounds.
fn check_agreement(population: &Population, student: &Network) -> Evaluation {
    let accurate = population.evaluate(student, Accuracy::finest(RELATIVE)).unwrap();
    assert!(accurate.gradient.first_layer.iter().all(|g| g.is_finite()));
    for set in InstructionSet::available() {
        for precision in PRECISIONS {
            let population = population.clone().on(*set);
            let fast = population.evaluate(student, Accuracy::fast_in(precision)).unwrap();
            assert_eq!(
                fast.route,
                EvaluationRoute::Fast(FastMethod::Pairs { set: *set, precision })
            );
            let shares = shares(&fast, &accurate);
            assert!(shares.iter().all(|share| *share <= 1.0), "{}: {shares:?}", fast.route);
        }
    }
    accurate
}

#[test]
fn corners_are_finite_and_correct() {
    for degrees in [Degrees::All, Degrees::FromTwo] {
        let population = population(3, 2, degrees);
        let u = population.teacher().direction(0).to_vec();
        let opposite: Vec<f64> = u.iter().map(|x| -x).collect();
        let other = wave(3, 9.0);
        // Zero neurons: no feature, zero gradient in w.
        let rows = vec![vec![0.0; 3], other.clone(), vec![0.0; 3]];
        let zero = Network::from_rows(vec![2.0, 1.0, 0.0], &rows).unwrap();
        let evaluation = check_agreement(&population, &zero);
        let alone = Network::from_rows(vec![1.0], std::slice::from_ref(&other)).unwrap();
        let without = check_agreement(&population, &alone);
        assert!(
            (evaluation.loss.value - without.loss.value).abs()
                <= 8.0 * f64::EPSILON * without.loss.value
        );
        for j in [0, 2] {
            assert!(
                evaluation.gradient.first_layer[3 * j..3 * j + 3].iter().all(|g| g.abs() <= 0.0)
            );
            assert!(evaluation.gradient.second_layer[j].abs() <= 0.0);
        }
        // A neuron that is a teacher, its opposite, and two equal ones.
        for rows in [
            vec![u.clone()],
            vec![opposite.clone()],
            vec![other.clone(), other.clone()],
            vec![u, opposite],
        ] {
            let a = wave(rows.len(), 3.0);
            let _finite = check_agreement(&population, &Network::from_rows(a, &rows).unwrap());
        }
    }
    // One dimension: every degree from 2 is |x|/2 - 1/sqrt(2 pi), so that masses alone matter.
    let line = Teacher::new(Network::new(1, vec![2.0], vec![3.0]).unwrap()).unwrap();
    let student = Network::new(1, vec![1.0, 1.0], vec![-2.0, 5.0]).unwrap();
    let evaluation = check_agreement(&Population::new(line), &student);
    let exact = (7.0_f64 - 6.0).powi(2) * (0.25 - 0.5 / PI);
    assert!(
        (evaluation.loss.value - exact).abs() <= 8.0 * f64::EPSILON * exact,
        "{:?}",
        evaluation.loss
    );
}

#[test]
fn the_teacher_itself_has_loss_zero_within_the_bound() {
    let teacher = teacher(4, 3, 1.0);
    let population = Population::new(teacher.clone());
    let evaluation = population.evaluate(teacher.network(), Accuracy::finest(RELATIVE)).unwrap();
    assert!(evaluation.loss.value.abs() <= evaluation.loss.error, "{:?}", evaluation.loss);
    assert!(evaluation.loss.error <= f64::MIN_POSITIVE.sqrt().sqrt(), "{:?}", evaluation.loss);
}

#[test]
fn larger_students_take_the_tournament_and_agree() {
    // Sizes around the edges of groups, tiles and blocks, with dimensions of each tile size.
    for (m, d) in [(253, 9), (254, 3), (300, 70), (331, 257), (640, 8), (1027, 5)] {
        let population = population(d, 3, Degrees::FromTwo);
        let student = network(d, m, 2.0);
        let fast = population.evaluate(&student, Accuracy::FAST).unwrap();
        let accurate = population.evaluate(&student, Accuracy::finest(RELATIVE)).unwrap();
        let worst = maximum_of(
            fast.gradient
                .first_layer
                .iter()
                .zip(&accurate.gradient.first_layer)
                .map(|(x, y)| (x - y).abs()),
        );
        let size = maximum_of(accurate.gradient.first_layer.iter().map(|y| y.abs()));
        assert!(worst <= fast.gradient.first_layer_error, "m = {m}, d = {d}: {worst:e}");
        // Far below the bound, in fact: sums of m terms with random rounding errors.
        assert!(worst <= (m as f64) * f64::EPSILON * size, "m = {m}, d = {d}: {worst:e} of {size}");
        let off = (fast.loss.value - accurate.loss.value).abs();
        assert!(off <= fast.loss.error, "m = {m}, d = {d}: {off:e}");
    }
}

/// Students that are hard for singles, in dimension `d`: generic; at `10^-2`, `10^-5` and `10^-9` from a teacher's direction or its opposite, with a neuron
/// that is zero; lengths over the whole range of doubles and masses beyond that of singles.
fn hard_for_singles(teacher: &Teacher, m: usize, seed: u64) -> Vec<Network> {
    let d = teacher.dimension();
    let generic = gaussian_student(d, m, 1.0, 1.0, seed).unwrap();
    let close = [1e-2, 1e-5, 1e-9].map(|distance| {
        let mut w = generic.first_layer().to_vec();
        for (j, row) in w.chunks_exact_mut(d).enumerate() {
            let (u, sign) = (teacher.direction(j % 3), if j % 2 == 0 { 1.0 } else { -1.0 });
            for (x, u) in row.iter_mut().zip(u) {
                *x = if j == 1 { 0.0 } else { sign * u + distance * *x };
            }
        }
        Network::new(d, generic.second_layer().to_vec(), w).unwrap()
    });
    let mut spread = generic.clone();
    let (a, w) = spread.layers_mut();
    for (j, (a, row)) in a.iter_mut().zip(w.chunks_exact_mut(d)).enumerate() {
        let length = 10.0_f64.powi([-150, 0, 150][j % 3]);
        *a *= 10.0_f64.powi([0, -20, -60][j % 7 % 3]) / length;
        for x in row {
            *x *= length;
        }
    }
    close.into_iter().chain([generic, spread]).collect()
}

#[test]
fn singles_keep_their_bounds_up_to_a_thousand_dimensions() {
    let mut worst = [0.0; 3];
    for (m, d) in [(1, 3), (2, 4), (90, 3), (33, 16), (300, 20), (300, 70), (130, 200), (40, 1000)]
    {
        let teacher = Teacher::new(gaussian_student(d, 3, 1.0, 1.0, 4).unwrap()).unwrap();
        let population = Population::new(teacher.clone());
        for student in hard_for_singles(&teacher, m, 2) {
            let accurate = population.evaluate(&student, Accuracy::finest(RELATIVE)).unwrap();
            for set in InstructionSet::available() {
                let asked = Accuracy::fast_in(Precision::Single);
                let fast = population.clone().on(*set).evaluate(&student, asked).unwrap();
                for (worst, share) in worst.iter_mut().zip(shares(&fast, &accurate)) {
                    assert!(share <= 1.0, "m = {m}, d = {d}: {share}");
                    *worst = maximum(*worst, share);
                }
            }
        }
    }
    // Negative control: a thousandth of a bound would not be one.
    assert!(worst.iter().all(|share| *share > 1.0 / 1024.0), "{worst:?}");
}

/// Relative error of the loss, and of the gradients in units of their largest entry, that singles may make for a generic student.
const SINGLE_GENERIC: f64 = 8.0 * f32::EPSILON as f64;

#[test]
fn singles_lose_little_of_generic_students() {
    for (m, d) in [(300, 20), (1200, 32), (500, 100), (100, 1000)] {
        let population = population(d, 3, Degrees::FromTwo);
        let student = gaussian_student(d, m, 1.0, 1.0, 2).unwrap();
        let run = |precision| population.evaluate(&student, Accuracy::fast_in(precision)).unwrap();
        let (double, single) = (run(Precision::Double), run(Precision::Single));
        let off = |x: &[f64], y: &[f64]| {
            maximum_of(x.iter().zip(y).map(|(x, y)| (x - y).abs()))
                / maximum_of(y.iter().map(|y| y.abs()))
        };
        let (x, y) = (&single.gradient, &double.gradient);
        let errors = [
            off(&[single.loss.value], &[double.loss.value]),
            off(&x.second_layer, &y.second_layer),
            off(&x.first_layer, &y.first_layer),
        ];
        assert!(errors.iter().all(|e| *e <= SINGLE_GENERIC), "{m}, {d}: {errors:?}");
        // Negative control: they are singles, and their bound does not promise as much.
        assert!(errors[1..].iter().all(|e| *e > SINGLE_GENERIC / 64.0), "{m}, {d}: {errors:?}");
        assert!(!single.loss.within(SINGLE_GENERIC) && double.loss.within(SINGLE_GENERIC));
    }
}

#[test]
fn the_threads_do_not_show_and_a_workspace_forgets() {
    let population = population(20, 4, Degrees::FromTwo);
    let (small, large) = (network(20, 50, 1.0), network(20, 700, 2.0));
    let run = |threads: usize, precision: Precision| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
            let asked = Accuracy::fast_in(precision);
            let mut results = Vec::new();
            for student in [&large, &small, &large] {
                let into = Some(&mut gradient);
                let reached = population.evaluate_into(student, &asked, &mut workspace, into);
                results.push((reached, gradient.clone()));
            }
            results
        })
    };
    for precision in PRECISIONS {
        let one = run(1, precision);
        assert_eq!(one[0], one[2]);
        for threads in [2, 3, 4] {
            assert_eq!(run(threads, precision), one, "{threads} threads, {precision:?}");
        }
    }
    // What was computed in one precision does not show in the other.
    let mut workspace = Workspace::new();
    let [single, double] = [Precision::Single, Precision::Double].map(|precision| {
        let (asked, mut gradient) = (Accuracy::fast_in(precision), Gradient::default());
        let into = Some(&mut gradient);
        (population.evaluate_into(&large, &asked, &mut workspace, into).loss, gradient)
    });
    let alone = population.evaluate(&large, Accuracy::FAST).unwrap();
    assert_eq!(double, (alone.loss, alone.gradient));
    assert_ne!(double.1, single.1);
}

#[test]
fn a_mirrored_student_is_folded_and_agrees() {
    for degrees in [Degrees::All, Degrees::FromTwo] {
        let population = population(5, 3, degrees);
        let half = network(5, 20, 2.0);
        let mut w = half.first_layer().to_vec();
        for (j, row) in half.rows().enumerate() {
            w.extend(row.iter().map(|x| if j % 3 == 0 { *x } else { -x }));
        }
        let mut a = wave(20, 7.0);
        a.extend(wave(20, 8.0));
        let mut student = Network::new(5, a, w).unwrap();
        let folded = check_agreement(&population, &student);
        // The slightest difference unfolds it, and changes nothing else.
        student.layers_mut().1[199] *= 1.0 + f64::EPSILON;
        let unfolded = check_agreement(&population, &student);
        let allowed = 1e3 * f64::EPSILON * student.total_mass() * student.total_mass();
        assert!((folded.loss.value - unfolded.loss.value).abs() <= allowed);
        // Equal weights on both halves have gradients that mirror each other to the bit.
        let (second_layer, _) = student.layers_mut();
        second_layer.copy_within(0..20, 20);
        student.layers_mut().1[199] = -half.first_layer()[99];
        for precision in PRECISIONS {
            let asked = Accuracy::fast_in(precision);
            let fast = population.evaluate(&student, asked).unwrap().gradient;
            if degrees != Degrees::FromTwo {
                continue;
            }
            assert_eq!(fast.second_layer[..20], fast.second_layer[20..]);
            for (j, (x, y)) in
                fast.first_layer[..100].iter().zip(&fast.first_layer[100..]).enumerate()
            {
                let twin = if j / 5 % 3 == 0 { *y } else { -y };
                assert_eq!(x.to_bits(), twin.to_bits(), "entry {j}: {x} {y}");
            }
        }
    }
}

#[test]
fn dimensions_must_agree() {
    let error = population(3, 2, Degrees::FromTwo)
        .evaluate(&network(4, 2, 1.0), Accuracy::loss(RELATIVE))
        .unwrap_err();
    assert_eq!(error.to_string(), "the student has dimension 4 and the teacher 3; they must agree");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_bounds_are_true(
        d in 1_usize..12,
        m in 1_usize..40,
        seed in 0.0_f64..100.0,
        exponent in -40_i32..40,
        close in 0.0_f64..20.0,
        zero in any::<bool>(),
    ) {
        // Students at 10^-close from the teacher's directions, at any scale.
        let teacher = teacher(d, 3, seed);
        let mut w = wave(m * d, seed + 1.0);
        for (j, row) in w.chunks_exact_mut(d).enumerate() {
            let u = teacher.direction(j % 3);
            for (x, u) in row.iter_mut().zip(u) {
                *x = 2.0_f64.powi(exponent) * (u + 10.0_f64.powf(-close) * *x);
            }
        }
        if zero {
            w[..d].fill(0.0);
        }
        let mut a = wave(m, seed + 2.0);
        for x in &mut a {
            *x *= 2.0_f64.powi(-exponent);
        }
        let student = Network::new(d, a, w).unwrap();
        for degrees in [Degrees::All, Degrees::FromTwo] {
            let _agrees = check_agreement(&Population::new(teacher.clone()).of_degrees(degrees), &student);
        }
    }

    #[test]
    fn the_loss_is_that_of_the_measure(seed in 0.0_f64..100.0, scale in 0.1_f64..10.0) {
        // Moving scale between the layers, splitting a neuron and reversing one changes nothing from degree 2.
        let population = population(3, 2, Degrees::FromTwo);
        let student = network(3, 2, seed);
        let (w0, w1) = (student.neuron(0).to_vec(), student.neuron(1).to_vec());
        let a = student.second_layer();
        let rows = vec![
            w0.iter().map(|x| x * scale).collect::<Vec<_>>(),
            w1.iter().map(|x| -x).collect(),
            normalised(&w1),
        ];
        let moved = Network::from_rows(vec![a[0] / scale, 0.75 * a[1], 0.25 * a[1] * norm(&w1)], &rows).unwrap();
        let (x, y) = (population.evaluate(&student, Accuracy::finest(RELATIVE)).unwrap(), population.evaluate(&moved, Accuracy::finest(RELATIVE)).unwrap());
        let allowed = 64.0 * f64::EPSILON * student.total_mass() * (student.total_mass() + 2.0);
        prop_assert!((x.loss.value - y.loss.value).abs() <= allowed, "{:?} {:?}", x.loss, y.loss);
    }
}
