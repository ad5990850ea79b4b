//! Both sides of every lemma, and the rounding they are allowed, at one point where all of it can be computed by hand.

use super::certificate::{pushed, search_directions};
use super::*;
use crate::descent::{CLOSE, DescentDirection, largest_step};
use gradiometer_certify::{DegreeWeights, Interpolant};
use gradiometer_model::geometry::{dot, norm};
use gradiometer_model::{Network, SeparatedTeacher, Teacher};
use gradiometer_population::Bounded;
use std::f64::consts::{FRAC_PI_2, PI};

/// `|p| = 2`, `rho = 1/4`, and `eta = 3/4` within an eighth of a turn of the first axis, `-1/2` elsewhere.
struct Made {
    error: f64,
}

impl DualCertificate for Made {
    fn rho(&self) -> f64 {
        0.25
    }
    fn norm(&self) -> f64 {
        2.0
    }
    fn eta(&self, w: &[f64]) -> Bounded {
        Bounded { value: if w[0].abs() > 0.7 { 0.75 } else { -0.5 }, error: self.error }
    }
    fn evidence(&self) -> Evidence {
        Evidence::Certified
    }
}

/// The square of the angle at which a quotient too near for its digits is taken, in units of which its limit is met.
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

/// Masses 2 on the second axis, -2 and 1 on the first: `L = 8 k(1)`, `|mu| = 5`, `sum_j (|a_j| - |w_j|)^2 = 2`.
fn student() -> Network {
    Network::new(2, vec![2.0, -1.0, 1.0], vec![0.0, 1.0, 2.0, 0.0, 1.0, 0.0]).unwrap()
}

/// Equal up to a few dozen roundings.
#[track_caller]
fn is(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 64.0 * f64::EPSILON * (1.0 + expected.abs()),
        "{found} is not {expected}"
    );
}

/// Roundings equal up to a hundredth.
#[track_caller]
fn is_rounding(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 0.01, "{found:e} is not {expected:e}");
}

#[track_caller]
fn sides(claim: &Claim, part: (&str, &str), left: f64, right: f64) {
    assert_eq!((claim.id, claim.part), part);
    is(claim.left, left);
    is(claim.right, right);
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
    let (lower, upper) = point.gap(&Made { error: 0.0 });
    // Both ends are rounded outward by what zeta+ may be off.
    is_rounding(zeta.value - lower, zeta.error);
    is_rounding(upper - (zeta.value + 0.25), zeta.error);
    let root = point.root_loss();
    is(root.value, (8.0 * K).sqrt());
    let slope = 0.5 / root.value;
    is_rounding(root.error, point.loss().error * slope + f64::EPSILON * root.value);
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
    let root = Point::new(&teacher, &long, LAMBDA).unwrap().root_loss();
    assert!((root.value / (1e-4 * K.sqrt()) - 1.0).abs() < QUOTIENT, "{root:?}");
    // The root's own rounding, and half of the loss's.
    assert!((1.0..=4.0).contains(&(root.error / (f64::EPSILON * root.value))), "{root:?}");
}

#[test]
fn the_lemmas_have_these_sides() {
    let (teacher, student) = (teacher(), student());
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    let (certificate, root) = (Made { error: 0.0 }, (8.0 * K).sqrt());
    let zeta = 8.0 * K + 2.5;
    // |mu| - |mu*| + half the imbalance + |p| sqrt(L).
    let bound = 5.0 + 2.0 * root;
    let first = point.loss_bound(&certificate);
    sides(&first, ("7.1", "loss bound"), root, 0.5 * (1.0 + (1.0 + 4.0 * zeta).sqrt()));
    let [slack, without] = point.slack(&certificate);
    // 2 (1 + 1/2) + 2 (1 + 3/4) + (1 - 3/4).
    sides(&slack, ("7.2", "slack"), 6.75, bound);
    sides(&without, ("7.2", "without the loss"), bound, 2.0 * zeta + 0.5);
    let [near, far] = point.localisation(&certificate, 0.5);
    let localised = 2.0 * FRAC_PI_2 * FRAC_PI_2;
    sides(&near, ("7.3", "localisation"), localised, 4.0 * bound);
    sides(&far, ("7.3", "mass beyond the angle"), 2.0, 16.0 * bound);
    assert_eq!((near.evidence, far.evidence), (Evidence::Certified, Evidence::Certified));
    // Exactly at the angle is not beyond it.
    let [_, at] = point.localisation(&certificate, point.split().angles()[0]);
    assert!(at.left.abs() <= 0.0);
    // Both of the opposing: 2 (1 + 1/2) + 2 (1 + 3/4); by the teacher's sign the second alone.
    let opposing = point.no_cancellation(&certificate);
    sides(&opposing, ("7.4", "opposing eta"), 6.5, bound);
    let stated = point.no_cancellation_by_nearest(&certificate);
    sides(&stated, ("7.4", "opposing the nearest teacher"), 3.5, bound);
    let [below, above] = point.norm_bounds(&certificate);
    sides(&below, ("7.5", "from below"), -4.0, 2.0 * root);
    sides(&above, ("7.5", "from above"), 4.0, 5.0);
    sides(&point.weak_duality(&certificate), ("5.1", "weak duality"), -zeta, 0.25);
    assert_eq!(point.claims(&certificate, 0.5).len(), 10);
    let split = point.split_identity();
    is(split.left, 8.0 * K);
    is(split.right, 8.0 * K);
}

/// `|p| = 3`, so that `lambda |p|` is not one.
struct Long;

impl DualCertificate for Long {
    fn rho(&self) -> f64 {
        0.5
    }
    fn norm(&self) -> f64 {
        3.0
    }
    fn eta(&self, _w: &[f64]) -> Bounded {
        Bounded { value: 0.25, error: 0.0 }
    }
    fn evidence(&self) -> Evidence {
        Evidence::Sampled
    }
}

#[test]
fn a_longer_certificate_has_these_sides() {
    let (teacher, student) = (teacher(), student());
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    let (root, zeta) = ((8.0 * K).sqrt(), 8.0 * K + 2.5);
    let (_, upper) = point.gap(&Long);
    is(upper - point.zeta_plus().error, zeta + 0.5625);
    is(point.loss_bound(&Long).right, 0.5 * (1.5 + (2.25 + 4.0 * zeta).sqrt()));
    is(point.weak_duality(&Long).right, 0.5625);
    let [slack, without] = point.slack(&Long);
    // 2 (1 - 1/4) + 2 (1 + 1/4) + (1 - 1/4).
    sides(&slack, ("7.2", "slack"), 4.75, 5.0 + 3.0 * root);
    is(without.right, 2.0 * zeta + 1.125);
    let [near, far] = point.localisation(&Long, 1.5);
    is(near.right, 2.0 * (5.0 + 3.0 * root));
    is(far.right, (5.0 + 3.0 * root) / 1.125);
    let [below, _] = point.norm_bounds(&Long);
    is(below.right, 3.0 * root);
    let nu = Measure::new(vec![1.5], &[0.0, 1.0], 2);
    let [below, above] = point.optimum_bounds(&Long, &nu, 0.125);
    is(below.left, -0.0625);
    let sums = (SUMS + f64::EPSILON) * 2.5 * 3.0;
    for claim in [below, above] {
        is_rounding(claim.rounding, sums + 8.0 * f64::EPSILON * 0.5625);
    }
    let duality = point.weak_duality(&Long);
    is_rounding(duality.rounding, point.zeta_plus().error + 8.0 * f64::EPSILON * 0.5625);
}

#[test]
fn the_lemmas_are_allowed_this_rounding() {
    let (teacher, student) = (teacher(), student());
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    let (zeta, root) = (point.zeta_plus(), point.root_loss());
    for error in [0.0, 0.125] {
        let certificate = Made { error };
        // eta may be off at every neuron, and moves by |p| times the rounding of its direction.
        let masses = |mass: f64, left: f64| mass * (error + 2.0 * SUMS) + SUMS * left;
        let bound = 6.0 * SUMS + SUMS + 2.0 * (root.error + 4.0 * f64::EPSILON * root.value);
        let [slack, without] = point.slack(&certificate);
        is_rounding(slack.rounding, masses(5.0, 6.75) + bound);
        let last = 8.0 * f64::EPSILON * without.right;
        is_rounding(without.rounding, bound + zeta.error / LAMBDA + last);
        for (claim, scale) in point.localisation(&certificate, 0.5).iter().zip([0.25, 0.0625]) {
            let sides = 2.0 * SUMS * (claim.left + claim.right);
            is_rounding(claim.rounding, sides + bound / scale);
        }
        // Every neuron counts, also one that does not oppose.
        is_rounding(point.no_cancellation(&certificate).rounding, masses(5.0, 6.5) + bound);
        let [below, above] = point.norm_bounds(&certificate);
        let p_root = 2.0 * (root.error + 4.0 * f64::EPSILON * root.value);
        is_rounding(below.rounding, 6.0 * SUMS + p_root);
        assert!(above.rounding.abs() <= 0.0);
        let duality = point.weak_duality(&certificate);
        is_rounding(duality.rounding, zeta.error + 8.0 * f64::EPSILON * 0.25);
        let first = point.loss_bound(&certificate);
        let slope = 1.0 / (1.0 + 4.0 * zeta.value).sqrt();
        let rounding = root.error + slope * zeta.error + 8.0 * f64::EPSILON * first.right;
        // The difference of two bounds holds few digits.
        assert!((first.rounding / rounding - 1.0).abs() < 0.25, "{first:?} {rounding:e}");
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
    let [below, above] = point.optimum_bounds(&Made { error: 0.0 }, &nu, 0.125);
    sides(&below, ("5.2", "optimum from below"), 0.25, value);
    sides(&above, ("5.2", "optimum from above"), value, 0.625);
    // Sums over two atoms more, of total mass 5/2, and of lambda times it.
    let sums = SUMS + 2.0 * f64::EPSILON;
    let rounding = sums * 2.5 * 3.0;
    is_rounding(below.rounding, rounding + 8.0 * f64::EPSILON * 0.75);
    let gap = point.gap_identity(&nu);
    is(gap.claim.left, 4.75 * K + 2.25);
    is(gap.claim.right, 4.75 * K + 2.25);
    is(gap.distance, 1.25 * K);
    is(gap.slack, 2.5 + 8.0 * K);
    is(gap.imbalance, 0.5);
    is(gap.defect, 0.75 + 4.5 * K);
    let masses = 7.5;
    let expected =
        4.0 * sums * masses * (masses + LAMBDA) + rounding + point.loss().error + SUMS * 0.5;
    is_rounding(gap.claim.rounding, expected);
}

#[test]
fn claims_have_a_ratio_where_it_says_something() {
    let claim = |left, relation, right| {
        Claim::new(("0", "test"), left, relation, right, 0.5, Evidence::Sampled)
    };
    is(claim(1.0, Relation::AtMost, 4.0).ratio(), 0.25);
    is(claim(-1.0, Relation::AtMost, 4.0).ratio(), -0.25);
    is(claim(-1.0, Relation::Equal, -4.0).ratio(), 0.25);
    assert!(claim(-1.0, Relation::AtMost, -4.0).ratio().is_nan());
    assert!(claim(-1.0, Relation::AtMost, 0.0).ratio().is_nan());
    // Off by exactly the rounding still holds.
    assert_eq!(claim(1.5, Relation::AtMost, 1.0).finding, Finding::Holds);
    assert_eq!(claim(0.5, Relation::Equal, 1.0).finding, Finding::Holds);
    assert_eq!(claim(0.25, Relation::Equal, 1.0).finding, Finding::Violated);
    let inapplicable = claim(9.0, Relation::AtMost, 1.0).unless(true);
    assert_eq!(inapplicable.finding, Finding::Inapplicable);
    assert!(
        !inapplicable.is_violated()
            && claim(9.0, Relation::AtMost, 1.0).unless(false).is_violated()
    );
}

#[test]
fn the_optimum_of_a_heavier_teacher_has_other_bounds() {
    let network = Network::new(2, vec![-2.0], vec![0.0, 1.5]).unwrap();
    let teacher = Teacher::new(network).unwrap().separated().unwrap();
    let student = student();
    let point = Point::new(&teacher, &student, LAMBDA).unwrap();
    let nu = Measure::new(vec![1.0], &[1.0, 0.0], 2);
    // |mu*| = 3, so that P = (1 + 9) k(1) + lambda.
    let [below, above] = point.optimum_bounds(&Made { error: 0.0 }, &nu, 0.125);
    sides(&below, ("5.2", "optimum from below"), 1.25, 10.0 * K + 0.5);
    sides(&above, ("5.2", "optimum from above"), 10.0 * K + 0.5, 1.625);
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
    let claim = point.average_neuron(&test);
    let spread = point.split().localisation();
    let root = point.root_loss();
    // v = 2 (0.6, 0.8) + (0, 3) - (1, 0).
    sides(&claim, ("7.6", "average neuron"), 4.6, 2.0 * root.value + test.constant() * spread);
    let rounding = 2.0 * root.error + 21.0 * f64::EPSILON * (4.6 + 2.0 * claim.right);
    is_rounding(claim.rounding, rounding);
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
    sides(&direction.identity(), ("7.8", "identity"), product, 18.0 * K + 3.0 * LAMBDA);
    sides(&direction.inequality(), ("7.8", "inequality"), 18.0 * K + 3.0 * LAMBDA, product);
    let gradient = 12.0 * K + 2.0 * LAMBDA;
    sides(&direction.gradient_bound(), ("7.8", "gradient"), gradient, gradient);
    for claim in [direction.identity(), direction.inequality(), direction.gradient_bound()] {
        // Hundreds of roundings, not millions.
        let share = claim.rounding / (f64::EPSILON * product);
        assert!((8.0..8e4).contains(&share), "{claim:?}");
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
    assert!((found.decrease - decrease(found.holds)).abs() <= 1e4 * f64::EPSILON);
    assert!(decrease(found.holds) >= found.required);
    assert!(decrease(found.fails) < 0.5 * found.fails * square);
    assert!(found.fails > found.holds && found.fails <= 1.01 * found.holds);
}

#[test]
fn a_sampled_rho_is_the_least_quotient_seen() {
    // One neuron: eta = k(t)/k(1), whose room over the square of the angle falls with the angle.
    let teacher = teacher();
    let sampled = |points: &[f64]| {
        let weights = DegreeWeights::from_degree(2).unwrap();
        let interpolant = Interpolant::certificate(&teacher, &weights).unwrap();
        InterpolatedCertificate::sampled(&teacher, interpolant, 0, points, 1).unwrap()
    };
    let at = |phi: f64| [phi.cos(), phi.sin()];
    let quotient = |phi: f64| {
        let k = (phi.sin() - 1.0 + (FRAC_PI_2 - phi) * phi.cos()) / (2.0 * PI);
        (1.0 - k / K) / (phi * phi)
    };
    // Near the teacher it is pi/4 - phi/3 of 2 pi k(1), and at 4e-4 where it would have no digits.
    let limit = (PI / 4.0 - 4e-4 / 3.0) / (2.0 * PI * K);
    for (points, expected) in [
        (at(0.5).to_vec(), quotient(0.5)),
        (at(PI - 0.5).to_vec(), quotient(0.5)),
        (at(1e-7).to_vec(), limit),
        // Near, but with digits enough of its own.
        (at(5e-5).to_vec(), (PI / 4.0 - 5e-5 / 3.0) / (2.0 * PI * K)),
        (vec![-1.0, 1e-7], limit),
        ([at(0.25), at(1.25), at(0.5)].concat(), quotient(1.25)),
        ([at(1.25), [0.0, 0.0], [1.0, 0.0]].concat(), quotient(1.25)),
    ] {
        let rho = sampled(&points).unwrap().rho();
        assert!((rho / expected - 1.0).abs() < QUOTIENT, "{points:?}: {rho} {expected}");
    }
    assert!(sampled(&[]).is_none() && sampled(&[1.0, 0.0, 0.0, 0.0]).is_none());
    let there = pushed(&[0.0, -1.0], &[1e-3, 1.0]);
    assert!((there[0] + f64::sin(4e-4)).abs() <= 4.0 * f64::EPSILON && there[1] < -0.99);
}

#[test]
fn directions_are_searched_near_the_teacher_and_beside_it() {
    let network = Network::new(5, vec![1.0], vec![1.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
    let teacher = Teacher::new(network).unwrap().separated().unwrap();
    let found = search_directions(&teacher, 400, 3).unwrap();
    assert_eq!(found.len(), 400);
    let (mut near, mut along) = (0, 0);
    for (sample, w) in found.iter().enumerate() {
        is(norm(w), 1.0);
        let cosine = dot(w, teacher.direction(0));
        if sample % 2 == 0 {
            assert!(cosine > 0.0, "{sample}");
            near += usize::from(cosine.acos() < 1.0 / 32.0);
        } else {
            along += usize::from(cosine.abs() > 0.5_f64.sqrt());
        }
    }
    // Half of the logarithms of 1 to 1/1000, and 0.37 where a Gaussian is above the mean of four: 200 of each, five standard deviations.
    assert!((75..=160).contains(&near) && (40..=110).contains(&along), "{near} {along}");
}
