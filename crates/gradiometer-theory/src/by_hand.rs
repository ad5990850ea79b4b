//! Both sides of every lemma, and the rounding they are allowed, at one point where all of it can
//! be computed by hand.

use super::*;
use crate::s5_duality::{GapIdentity, gap, optimum_bounds, weak_duality};
use crate::s7_average::average_neuron;
use crate::s7_bounds::{
    localisation, loss_bound, mass_beyond, norm_from_below, opposing_eta, opposing_nearest, slack,
};
use crate::s7_descent::descent;
use gradiometer_hermite::Enclosure;
use gradiometer_landscape::descent::{CLOSE, DescentDirection, largest_step};
use gradiometer_landscape::measure::Measure;
use gradiometer_landscape::point::Point;
use gradiometer_landscape::test_function::TestFunction;
use gradiometer_model::{Network, SeparatedTeacher, Teacher};
use gradiometer_population::Bounded;
use gradiometer_testing::{Tolerance::Exact, at_most, close, rounding};
use std::f64::consts::{FRAC_PI_2, PI};

/// `|p| = 2`, `rho = 1/4`, and `eta = 3/4` within an eighth of a turn of the first axis, `-1/2`
/// elsewhere.
fn explicit(eta: fn(&[f64]) -> Bounded) -> Dual {
    Dual::explicit(Known::enclosed(Enclosure::from(0.25)), 2.0, eta)
}

fn exact(w: &[f64]) -> Bounded {
    Bounded { value: if w[0].abs() > 0.7 { 0.75 } else { -0.5 }, error: 0.0 }
}

fn rounded(w: &[f64]) -> Bounded {
    Bounded { error: 0.125, ..exact(w) }
}

/// The square of the angle at which a quotient too near for its digits is taken, in units of which
/// its limit is met.
const PUSHED: f64 = 4e-4 * 4e-4;
/// What a quotient of a difference of about a billionth may be off by.
const QUOTIENT: f64 = 1.0 / (1_u64 << 15) as f64;
const LAMBDA: f64 = 0.5;
/// `k(1)`; orthogonal features have `k(0) = 0`.
const K: f64 = 0.25 - 0.5 / PI;
/// The relative rounding of sums over three neurons, one teacher neuron and two dimensions.
const SUMS: f64 = 22.0 * f64::EPSILON;

fn teacher() -> SeparatedTeacher {
    Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap().separated().unwrap()
}

/// Masses 2 on the second axis, -2 and 1 on the first: `L = 8 k(1)`, `|mu| = 5`,
/// `sum_j (|a_j| - |w_j|)^2 = 2`.
fn student() -> Network {
    Network::new(2, vec![2.0, -1.0, 1.0], vec![0.0, 1.0, 2.0, 0.0, 1.0, 0.0]).unwrap()
}

/// Equal up to a few dozen roundings: sums over three neurons in two dimensions, then a root.
#[track_caller]
fn is(found: f64, expected: f64) {
    close(found, expected, rounding(64, 1.0 + expected.abs()));
}

/// Roundings equal up to a hundredth.
#[track_caller]
fn is_rounding(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 0.01, "{found:e} is not {expected:e}");
}

/// A rounding that is what the parts are off by, and that of a few dozen operations on numbers of a size.
#[track_caller]
fn carries(found: f64, parts: f64, size: f64) {
    // The parts' own sum is rounded as well.
    at_most((1.0 - 4.0 * f64::EPSILON) * parts, found, Exact);
    at_most(found, parts, rounding(48, size));
}

/// A student that is analysed with a certificate.
fn given<'a>(teacher: &'a SeparatedTeacher, student: &'a Network, dual: &Dual) -> Context<'a> {
    Context::given(teacher, student, LAMBDA, dual.clone(), 0.5)
}

#[track_caller]
fn sides(sides: &Sides, part: &str, left: f64, right: f64) {
    assert_eq!(sides.part, part);
    is(sides.left.value, left);
    is(sides.right.value, right);
}

/// `sum_j |c_j| delta_j^2`.
fn spread(point: &Point<'_>) -> Known {
    let spread = point.split().localisation();
    Known::computed(spread, 2.0 * point.roundings() * spread)
}

/// The sides of the claims that need the student's numbers alone, at an angle.
fn numbers(point: &Point<'_>, angle: f64) -> Quantities {
    Quantities::of(point, angle)
}

#[test]
fn the_point_is_what_was_counted() {
    let (teacher, student) = (teacher(), student());
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    is(point.loss().value, 8.0 * K);
    is(point.mass_excess().value, 4.0);
    is_rounding(point.mass_excess().error, 6.0 * SUMS);
    is(point.imbalance(), 2.0);
    let zeta = point.zeta_plus();
    is(zeta.value, 8.0 * K + 2.5);
    is_rounding(zeta.error, point.loss().error + LAMBDA * (6.0 * SUMS + SUMS));
    let at = numbers(&point, 0.5);
    let (lower, upper) = gap(&at, explicit(exact).constants());
    // Both ends are rounded outward by what zeta+ may be off, and by their own sums.
    for outward in [zeta.value - lower, upper - (zeta.value + 0.25)] {
        at_most(zeta.error, outward, Exact);
        at_most(outward, zeta.error, rounding(4, upper));
    }
    let root = at.root_loss();
    is(root.value, (8.0 * K).sqrt());
    let slope = 0.5 / root.value;
    carries(root.error, point.loss().error * slope, root.value);
    assert!(!point.is_balanced());
    let mut balanced = student.clone();
    balanced.balance();
    let balanced = Point::new(&teacher, &balanced, LAMBDA).unwrap();
    assert!(balanced.is_balanced());
    // Off by a thousand roundings.
    let off = 1.0 + 1000.0 * f64::EPSILON;
    let almost = Network::new(2, vec![off], vec![1.0, 0.0]).unwrap();
    assert!(!Point::new(&teacher, &almost, LAMBDA).unwrap().is_balanced());
    let one = 1.0 + 8.0 * f64::EPSILON;
    let rounded = Network::new(2, vec![one], vec![1.0, 0.0]).unwrap();
    assert!(Point::new(&teacher, &rounded, LAMBDA).unwrap().is_balanced());
}

#[test]
fn the_root_of_a_small_loss_keeps_its_digits() {
    // Too long by a ten-thousandth: L = 1e-8 k(1), known to its last digit.
    let (teacher, long) = (teacher(), Network::new(2, vec![1.0], vec![1.0001, 0.0]).unwrap());
    let root = numbers(&Point::new(&teacher, &long, LAMBDA).unwrap(), 0.5).root_loss();
    assert!((root.value / (1e-4 * K.sqrt()) - 1.0).abs() < QUOTIENT, "{root:?}");
    // The root's own rounding, and half of the loss's.
    assert!((0.5..=4.0).contains(&(root.error / (f64::EPSILON * root.value))), "{root:?}");
}

#[test]
fn the_lemmas_have_these_sides() {
    let (teacher, student) = (teacher(), student());
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    let (dual, root) = (explicit(exact), (8.0 * K).sqrt());
    let (at, p) = (numbers(&point, 0.5), *dual.constants());
    let zeta = 8.0 * K + 2.5;
    // |mu| - |mu*| + half the imbalance + |p| sqrt(L).
    let bound = 5.0 + 2.0 * root;
    sides(&loss_bound(&at, &p), "loss bound", root, 0.5 * (1.0 + (1.0 + 4.0 * zeta).sqrt()));
    let [first, without] = slack(&given(&teacher, &student, &dual)).unwrap();
    // 2 (1 + 1/2) + 2 (1 + 3/4) + (1 - 3/4).
    sides(&first, "slack", 6.75, bound);
    sides(&without, "without the loss", 6.75, 2.0 * zeta + 0.5);
    let near = localisation(spread(&point), &at, &p);
    let far = mass_beyond(&at, &p);
    sides(&near, "localisation", 2.0 * FRAC_PI_2 * FRAC_PI_2, 4.0 * bound);
    sides(&far, "mass beyond the angle", 2.0, 16.0 * bound);
    // rho is proved, and the loss is computed.
    for sides in [near, far] {
        assert_eq!(Claim::new("7.3", &sides).evidence, Evidence::Computed);
    }
    // Exactly at the angle is not beyond it.
    let at_it = mass_beyond(&numbers(&point, point.split().angles()[0]), &p);
    assert!(at_it.left.value.abs() <= 0.0);
    // Both of the opposing: 2 (1 + 1/2) + 2 (1 + 3/4); by the teacher's sign the second alone.
    sides(&opposing_eta(&given(&teacher, &student, &dual)).unwrap(), "opposing eta", 6.5, bound);
    let stated = opposing_nearest(&given(&teacher, &student, &dual)).unwrap();
    sides(&stated, "opposing the nearest teacher", 3.5, bound);
    sides(&norm_from_below(&at, &p), "from below", -4.0, 2.0 * root);
    sides(&weak_duality(&at, &p), "weak duality", -zeta, 0.25);
    let split = s7_split::loss(&point, Form::Stated);
    sides(&split, "loss from the residual split", 8.0 * K, 8.0 * K);
    // |mu| = 5, |a|^2 = 6, |W|^2 = 6.
    let context = Context::given(&teacher, &student, LAMBDA, dual, 0.5);
    let norm = s7_bounds::NORM.claims(&context).unwrap();
    is(norm[1].left, 5.0);
    is(norm[1].right, 6.0);
    is_rounding(norm[1].rounding, 21.0 * f64::EPSILON * 12.0);
}

#[test]
fn a_longer_certificate_has_these_sides() {
    // |p| = 3, so that lambda |p| is not one.
    let dual =
        Dual::explicit(Known::sampled(0.5, 0.0), 3.0, |_| Bounded { value: 0.25, error: 0.0 });
    let p = dual.constants();
    let (teacher, student) = (teacher(), student());
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    let (root, zeta, at) = ((8.0 * K).sqrt(), 8.0 * K + 2.5, numbers(&point, 1.5));
    let (_, upper) = gap(&at, p);
    is(upper - point.zeta_plus().error, zeta + 0.5625);
    is(loss_bound(&at, p).right.value, 0.5 * (1.5 + (2.25 + 4.0 * zeta).sqrt()));
    is(weak_duality(&at, p).right.value, 0.5625);
    let [first, without] = slack(&given(&teacher, &student, &dual)).unwrap();
    // 2 (1 - 1/4) + 2 (1 + 1/4) + (1 - 1/4).
    sides(&first, "slack", 4.75, 5.0 + 3.0 * root);
    is(without.right.value, 2.0 * zeta + 1.125);
    let near = localisation(spread(&point), &at, p);
    is(near.right.value, 2.0 * (5.0 + 3.0 * root));
    assert_eq!(Claim::new("7.3", &near).evidence, Evidence::Sampled);
    is(mass_beyond(&at, p).right.value, (5.0 + 3.0 * root) / 1.125);
    is(norm_from_below(&at, p).right.value, 3.0 * root);
    let nu = Measure::new(vec![1.5], &[0.0, 1.0], 2);
    let [below, above] = optimum_bounds(&point, p, &nu, 0.125);
    is(below.left.value, -0.0625);
    let sums = (SUMS + f64::EPSILON) * 2.5 * 3.0;
    for sides in [below, above] {
        is_rounding(sides.rounding(), sums + 8.0 * f64::EPSILON * 0.5625);
    }
    let duality = weak_duality(&at, p);
    carries(duality.rounding(), point.zeta_plus().error, 0.5625);
}

#[test]
fn the_lemmas_are_allowed_this_rounding() {
    let (teacher, student) = (teacher(), student());
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    let at = numbers(&point, 0.5);
    let (zeta, root) = (point.zeta_plus(), at.root_loss());
    for (error, dual) in [(0.0, explicit(exact)), (0.125, explicit(rounded))] {
        let p = dual.constants();
        // eta may be off at every neuron, and moves by |p| times the rounding of its direction.
        let masses = |mass: f64, left: f64| mass * (error + 2.0 * SUMS) + SUMS * left;
        let bound = 6.0 * SUMS + SUMS + 2.0 * root.error;
        let [first, without] = slack(&given(&teacher, &student, &dual)).unwrap();
        carries(first.rounding(), masses(5.0, 6.75) + bound, 16.0);
        carries(without.rounding(), masses(5.0, 6.75) + zeta.error / LAMBDA, 16.0);
        let near = localisation(spread(&point), &at, p);
        for (sides, scale) in [(near, 0.25), (mass_beyond(&at, p), 0.0625)] {
            carries(
                sides.rounding(),
                2.0 * SUMS * sides.left.value + bound / scale,
                sides.right.value,
            );
        }
        // Only neurons count that may oppose: 2 of -1/2 against plus, 2 of 3/4 against minus.
        let opposing = opposing_eta(&given(&teacher, &student, &dual)).unwrap();
        carries(opposing.rounding(), masses(4.0, 6.5) + bound, 16.0);
        carries(norm_from_below(&at, p).rounding(), 6.0 * SUMS + 2.0 * root.error, 4.0);
        carries(weak_duality(&at, p).rounding(), zeta.error, 0.25);
        let first = loss_bound(&at, p);
        let slope = 1.0 / (1.0 + 4.0 * zeta.value).sqrt();
        let rounding = root.error + slope * zeta.error + 8.0 * f64::EPSILON * first.right.value;
        // The difference of two bounds holds few digits.
        assert!((first.rounding() / rounding - 1.0).abs() < 0.25, "{first:?} {rounding:e}");
    }
}

#[test]
fn the_gap_is_counted_against_another_measure() {
    let (teacher, student) = (teacher(), student());
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    // Mass 3/2 on the second axis, where the teacher has none, and an atom without a direction.
    let nu = Measure::new(vec![1.5, 9.0], &[0.0, 2.0, 0.0, 0.0], 2);
    is(nu.total_mass(), 1.5);
    assert_eq!((nu.masses(), nu.direction(0)), (&[1.5, 0.0][..], &[0.0, 1.0][..]));
    is_rounding(nu.squared_norm() - 2.25 * K, 4.0 * 18.0 * f64::EPSILON * 2.25);
    let value = 3.25 * K + 0.75;
    let p = *explicit(exact).constants();
    let [below, above] = optimum_bounds(&point, &p, &nu, 0.125);
    sides(&below, "optimum from below", 0.25, value);
    sides(&above, "optimum from above", value, 0.625);
    // Sums over two atoms more, of total mass 5/2, and of lambda times it.
    let sums = SUMS + 2.0 * f64::EPSILON;
    let rounding = sums * 2.5 * 3.0;
    is_rounding(below.rounding(), rounding + 8.0 * f64::EPSILON * 0.75);
    let gap = GapIdentity::new(&point, &nu);
    sides(&gap.sides(), "gap identity", 4.75 * K + 2.25, 4.75 * K + 2.25);
    is(gap.distance, 1.25 * K);
    is(gap.slack, 2.5 + 8.0 * K);
    is(gap.imbalance, 0.5);
    is(gap.defect, 0.75 + 4.5 * K);
    let masses = 7.5;
    let expected =
        4.0 * sums * masses * (masses + LAMBDA) + rounding + point.loss().error + SUMS * 0.5;
    is_rounding(gap.rounding, expected);
}

#[test]
fn claims_have_a_ratio_where_it_says_something() {
    let sides = |left, relation, right| {
        let (left, right) = (Known::sampled(left, 0.25), Known::computed(right, 0.25));
        Sides { relation, ..Sides::at_most("test", left, right) }
    };
    let claim = |left, relation, right| Claim::new("0", &sides(left, relation, right));
    is(claim(1.0, Relation::AtMost, 4.0).ratio(), 0.25);
    is(claim(-1.0, Relation::AtMost, 4.0).ratio(), -0.25);
    is(claim(-1.0, Relation::Equal, -4.0).ratio(), 0.25);
    assert!(claim(-1.0, Relation::AtMost, -4.0).ratio().is_nan());
    assert!(claim(-1.0, Relation::AtMost, 0.0).ratio().is_nan());
    // Off by exactly the rounding still holds.
    assert_eq!(claim(1.5, Relation::AtMost, 1.0).finding, Finding::Holds);
    assert_eq!(claim(0.5, Relation::Equal, 1.0).finding, Finding::Holds);
    assert_eq!(claim(0.25, Relation::Equal, 1.0).finding, Finding::Refuted);
    let wrong = sides(9.0, Relation::AtMost, 1.0);
    let inapplicable = Claim::new("0", &wrong.unless(true, "of Monday").unless(true, "of rain"));
    assert_eq!(inapplicable.finding, Finding::Inapplicable);
    assert_eq!(inapplicable.verdict(), "inapplicable: of Monday");
    assert!(!inapplicable.is_violated());
    assert!(Claim::new("0", &wrong.unless(false, "of Monday")).is_violated());
    let of_all = |findings: &[Finding]| Finding::of_all(findings.iter().copied());
    assert_eq!(of_all(&[Finding::Inapplicable]), Finding::Holds);
    assert_eq!(of_all(&[Finding::Holds, Finding::Inconclusive]), Finding::Inconclusive);
    assert_eq!(of_all(&[Finding::Refuted, Finding::Inconclusive]), Finding::Refuted);
}

#[test]
fn the_optimum_of_a_heavier_teacher_has_other_bounds() {
    let network = Network::new(2, vec![-2.0], vec![0.0, 1.5]).unwrap();
    let teacher = Teacher::new(network).unwrap().separated().unwrap();
    let student = student();
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    let nu = Measure::new(vec![1.0], &[1.0, 0.0], 2);
    // |mu*| = 3, so that P = (1 + 9) k(1) + lambda.
    let p = *explicit(exact).constants();
    let [below, above] = optimum_bounds(&point, &p, &nu, 0.125);
    sides(&below, "optimum from below", 1.25, 10.0 * K + 0.5);
    sides(&above, "optimum from above", 10.0 * K + 0.5, 1.625);
    // 2 - 2 + 1 against -3, and the neurons on the first axis are at a right angle.
    is(point.split().signed_excess(), 4.0);
    is(point.split().localisation(), 3.0 * FRAC_PI_2 * FRAC_PI_2);
    assert_eq!(point.split().masses(), &[2.0, -2.0, 1.0]);
    is(point.zeta_plus().value, point.loss().value + LAMBDA * (2.0 + 1.0));
}

#[test]
fn a_test_function_outside_the_span_is_known() {
    // eta(w) = <e, w> 4 asin(w.u)/(2 pi): off by (2/pi) delta sin delta, and |p| = 2.
    let teacher = teacher();
    let (sin, cos) = f64::sin_cos(0.5);
    let test = TestFunction::outside(&teacher, 0, &[0.0, 1.0], 0, &[-cos, sin], 1).unwrap();
    is(test.norm(), 2.0);
    is(test.constant(), 4.0 / PI * sin);
    // Too near to a teacher, the limit 2/pi, up to a sixth of (4e-4)^2.
    let near = TestFunction::outside(&teacher, 0, &[0.0, 1.0], 0, &[1.0, 1e-7], 1).unwrap();
    assert!((near.constant() * PI / 2.0 - 1.0).abs() < PUSHED, "{}", near.constant());
    let student = Network::new(2, vec![2.0, 1.0], vec![0.6, 0.8, 0.0, 3.0]).unwrap();
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    let at = numbers(&point, 0.5);
    let average = average_neuron(&point, &at, &test);
    let (spread, root) = (point.split().localisation(), at.root_loss());
    // v = 2 (0.6, 0.8) + (0, 3) - (1, 0).
    sides(&average, "average neuron", 4.6, 2.0 * root.value + test.constant() * spread);
    let both = 4.6 + 2.0 * average.right.value;
    is_rounding(average.rounding(), 2.0 * root.error + 21.0 * f64::EPSILON * both);
}

#[test]
fn the_direction_of_one_neuron_is_known() {
    // c = 4 against 1: dL/dw = 2 * 3 k(1) * 2 along the teacher, and w should move from 2 to 1/2.
    let teacher = teacher();
    let student = Network::new(2, vec![2.0], vec![2.0, 0.0]).unwrap();
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    let direction = DescentDirection::new(&point, CLOSE);
    let product = 1.5 * (12.0 * K + 2.0 * LAMBDA);
    is(direction.product(), product);
    is(direction.turning(), 0.0);
    assert_eq!((direction.shares(), direction.vectors()), (&[0.5][..], &[1.5, 0.0][..]));
    assert!(direction.missing().is_empty());
    let all = descent(&point, &numbers(&point, 0.5), &direction, Form::Stated);
    let [identity, inequality, bound] = all;
    sides(&identity, "identity", product, 18.0 * K + 3.0 * LAMBDA);
    sides(&inequality, "inequality", 18.0 * K + 3.0 * LAMBDA, product);
    let gradient = 12.0 * K + 2.0 * LAMBDA;
    sides(&bound, "gradient", gradient, gradient);
    for sides in all {
        // Hundreds of roundings, not millions.
        let share = sides.rounding() / (f64::EPSILON * product);
        assert!((8.0..8e4).contains(&share), "{sides:?}");
    }
    // A neuron beyond 0.3 is not close, and one on the other side is.
    let (sin, cos) = f64::sin_cos(0.31);
    for (w, close) in [([2.0 * cos, 2.0 * sin], false), ([-2.0, 0.2], true)] {
        let student = Network::new(2, vec![2.0], w.to_vec()).unwrap();
        let point = Point::new(&teacher, &student, LAMBDA).unwrap();
        assert_eq!(DescentDirection::new(&point, CLOSE).missing().is_empty(), close, "{w:?}");
    }
}

#[test]
fn the_largest_step_lowers_by_what_it_says() {
    let (teacher, student) = (teacher(), student());
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    let found = largest_step(&point, 0.01).unwrap().unwrap();
    let gradient = &point.evaluation().gradient;
    let step = |x: &[f64], g: &[f64], eta: f64| -> Vec<f64> {
        x.iter().zip(g).map(|(x, g)| x - eta * (g + LAMBDA * x)).collect()
    };
    let (a, w) = (student.second_layer(), student.first_layer());
    let squares = |x: &[f64], g: &[f64]| -> f64 {
        x.iter().zip(g).map(|(x, g)| (g + LAMBDA * x) * (g + LAMBDA * x)).sum()
    };
    let square = squares(a, &gradient.second_layer) + squares(w, &gradient.first_layer);
    let decrease = |eta: f64| {
        let a = step(a, &gradient.second_layer, eta);
        let moved = Network::new(2, a, step(w, &gradient.first_layer, eta)).unwrap();
        let after = Point::new(&teacher, &moved, LAMBDA).unwrap();
        point.zeta_plus().value - after.zeta_plus().value
    };
    is(found.required, 0.5 * found.holds * square);
    // Errors of the losses are taken off.
    // Both losses by another evaluation, each to 1e-12 of it: some thousand roundings.
    close(found.decrease, decrease(found.holds), rounding(10_000, 1.0));
    assert!(decrease(found.holds) >= found.required);
    assert!(decrease(found.fails) < 0.5 * found.fails * square);
    assert!(found.fails > found.holds && found.fails <= 1.01 * found.holds);
}
