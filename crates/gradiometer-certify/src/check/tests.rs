//! The checker on random teachers, and one refusal per rule.

use std::ops::ControlFlow;

use gradiometer_hermite::float::minimum_of;
use gradiometer_model::{Network, Teacher};

use super::*;
use crate::boxes::{OpenBox, Scratch, bound_in_turn};
use crate::limits::{InTurn, Progress};
use crate::{CertificateParts, DegreeWeights};

/// A stream of well mixed numbers.
struct Words(u64);

impl Words {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// A random teacher of `m` neurons of both signs in an `r`-dimensional subspace of `R^d`, separated by `delta`.
fn random_teacher(seed: u64, r: usize, m: usize, d: usize, delta: f64) -> Teacher {
    let mut words = Words(seed);
    let frame: Vec<Vec<f64>> = (0..r)
        .map(|l| {
            (0..d)
                .map(|x| if d == r { f64::from(u8::from(x == l)) } else { words.normal() })
                .collect()
        })
        .collect();
    loop {
        let rows: Vec<Vec<f64>> = (0..m)
            .map(|_| {
                let z: Vec<f64> = (0..r).map(|_| words.normal()).collect();
                (0..d).map(|x| (0..r).map(|l| z[l] * frame[l][x]).sum()).collect()
            })
            .collect();
        let signs: Vec<f64> = (0..m).map(|i| if i % 2 == 0 { 1.0 } else { -1.5 }).collect();
        let teacher = Teacher::new(Network::from_rows(signs, &rows).unwrap()).unwrap();
        if teacher.separation().is_none_or(|s| s.angle >= delta) {
            return teacher;
        }
    }
}

fn claim(teacher: &Teacher, degree: usize, rho: f64) -> CertificateParts {
    let weights = DegreeWeights::from_degree(degree).unwrap();
    let eta = Interpolant::certificate(teacher, &weights).unwrap();
    Certificate::from_interpolant(&eta, &weights, rho).unwrap().parts().clone()
}

fn check(parts: CertificateParts, teacher: &Teacher) -> Report {
    let certificate = Certificate::new(parts).unwrap();
    check_certificate(&certificate, teacher, &Limits::default(), &mut InTurn).unwrap()
}

/// The proof, if the verdict is one.
#[track_caller]
fn proof(verdict: CertificateVerdict) -> Proof {
    let Verdict::Proved(proof) = verdict else { panic!("{verdict:?}") };
    proof
}

/// The smallest `(1 - |eta|) / delta^2` over a fine scan of the circle.
fn scanned_rho(teacher: &Teacher, degree: usize) -> f64 {
    const POINTS: u32 = 40_000;
    let weights = DegreeWeights::from_degree(degree).unwrap();
    let eta = Interpolant::certificate(teacher, &weights).unwrap();
    minimum_of((0..POINTS).map(|k| {
        let (sin, cos) = (f64::from(k) * std::f64::consts::PI / f64::from(POINTS)).sin_cos();
        let (value, delta) = eta.at(&[cos, sin]);
        let delta = delta.midpoint();
        // Too close to a teacher the quotient is rounding.
        if delta < 0.01 { f64::INFINITY } else { (1.0 - value.abs().midpoint()) / (delta * delta) }
    }))
}

#[test]
fn plane_certificates_are_proved_just_below_the_scanned_rho_and_refuted_just_above() {
    for seed in 0..10 {
        let teacher = random_teacher(seed, 2, 4, 2, 0.5);
        for degree in [4, 8] {
            let best = scanned_rho(&teacher, degree);
            assert!(best > 0.0);
            let below = check(claim(&teacher, degree, 0.98 * best), &teacher);
            assert!(below.verdict.proof().is_some(), "{seed} {degree} {best}: {below:?}");
            let above = check(claim(&teacher, degree, 1.02 * best), &teacher);
            let Verdict::Refuted(Refutation::Bound { eta, delta, .. }) = above.verdict else {
                panic!("{seed} {degree}: {:?}", above.verdict);
            };
            assert!(violates(eta, delta, 1.02 * best));
        }
    }
}

#[test]
fn certificates_in_space_and_beside_it_are_proved() {
    for (d, checked) in [(3, 3), (6, 4)] {
        let teacher = random_teacher(1, 3, 5, d, 0.5);
        let report = check(claim(&teacher, 6, 0.3), &teacher);
        assert_eq!((report.rank, report.dimension_checked), (3, checked));
        assert!(report.boxes > 0 && report.cap_radii.iter().all(|&x| x > 0.0));
        let (norm, boxes) = (report.p_norm, report.boxes);
        let proof = proof(report.verdict);
        assert_eq!(
            (proof.p_norm(), proof.boxes(), proof.dimension_checked()),
            (norm, boxes, checked)
        );
        assert_eq!((proof.rho(), proof.certificate().rho()), (0.3, 0.3));
        let value = proof.interpolant().at(teacher.network().neuron(0)).0;
        assert!(value.contains(teacher.amplitudes()[0].signum()), "{value}");
    }
}

#[test]
fn looser_bounds_would_need_more_boxes_and_bounds_that_leave_a_term_out_fewer() {
    // As measured, a few per cent up and down.
    for (d, boxes, shells) in [(3, 1_150..1_250, 210..230), (6, 5_600..6_000, 155..167)] {
        let teacher = random_teacher(1, 3, 5, d, 0.5);
        let report = check(claim(&teacher, 6, 0.3), &teacher);
        assert!(boxes.contains(&report.boxes) && shells.contains(&report.shells), "{report:?}");
    }
}

#[test]
fn a_single_neuron_needs_no_luck() {
    // d = 1: the sphere is one point up to sign. d = 2: eta = k(cos)/k(1).
    let line = Teacher::new(Network::new(1, vec![-2.0], vec![3.0]).unwrap()).unwrap();
    proof(check(claim(&line, 2, 5.0), &line).verdict);
    let plane = Teacher::new(Network::new(2, vec![1.0], vec![0.6, 0.8]).unwrap()).unwrap();
    proof(check(claim(&plane, 2, 0.4), &plane).verdict);
    // rho <= 4 / pi^2 = 0.405.., the value at right angles.
    let report = check(claim(&plane, 2, 0.41), &plane);
    assert!(matches!(report.verdict, Verdict::Refuted(Refutation::Bound { .. })));
}

/// Bounds the boxes backwards, in two halves; in the first `dead` rounds a thread dies over the second half.
struct Unreliable {
    dead: u32,
    rounds: u32,
}

impl Runner for Unreliable {
    fn bound(&mut self, boxes: &mut [OpenBox<'_>]) {
        self.rounds += 1;
        boxes.reverse();
        let (first, second) = boxes.split_at_mut(boxes.len() / 2);
        bound_in_turn(first);
        if self.rounds > self.dead {
            for open in second {
                open.bound(&mut Scratch::default());
            }
            return;
        }
        let dying = || {
            let before = second.len() / 2;
            bound_in_turn(&mut second[..before]);
            std::panic::resume_unwind(Box::new("dead"));
        };
        assert!(std::thread::scope(|scope| scope.spawn(dying).join()).is_err());
    }
}

#[test]
fn no_conclusion_depends_on_who_bounds_the_boxes() {
    let teacher = random_teacher(2, 3, 5, 3, 0.5);
    let certificate = Certificate::new(claim(&teacher, 6, 0.2)).unwrap();
    let run = |runner: &mut dyn Runner| {
        check_certificate(&certificate, &teacher, &Limits::default(), runner).unwrap()
    };
    let in_turn = run(&mut InTurn);
    assert_eq!(run(&mut Unreliable { dead: 0, rounds: 0 }), in_turn);
    // What a dead thread leaves is split, so that there are more boxes, all of them bounded in the end.
    let late = run(&mut Unreliable { dead: 8, rounds: 0 });
    assert!(late.boxes > in_turn.boxes, "{} {}", late.boxes, in_turn.boxes);
    assert_eq!((late.rho, late.cap_radii), (in_turn.rho, in_turn.cap_radii));
    proof(in_turn.verdict);
    proof(late.verdict);
}

/// Leaves every box as it is.
struct Idle;
impl Runner for Idle {
    fn bound(&mut self, _boxes: &mut [OpenBox<'_>]) {}
}

#[test]
fn boxes_that_nobody_bounds_are_never_accepted() {
    let teacher = random_teacher(2, 3, 5, 3, 0.5);
    let certificate = Certificate::new(claim(&teacher, 6, 0.2)).unwrap();
    let limits = Limits { boxes: 100_000, ..Limits::default() };
    let report = check_certificate(&certificate, &teacher, &limits, &mut Idle).unwrap();
    assert_eq!(report.verdict, Verdict::Inconclusive(Obstacle::Boxes));
}

/// Stops when so many boxes have been bounded.
struct Until(u64);
impl Runner for Until {
    fn proceed(&mut self, progress: Progress) -> ControlFlow<()> {
        if progress.boxes < self.0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

#[test]
fn limits_and_a_stop_end_without_a_conclusion() {
    let teacher = random_teacher(2, 4, 6, 7, 0.5);
    let certificate = Certificate::new(claim(&teacher, 6, 0.1)).unwrap();
    let run = |limits, until| {
        let method = Method::BranchAndBound;
        check_certificate_by(method, &certificate, &teacher, &limits, &mut Until(until)).unwrap()
    };
    let limits = Limits { boxes: 5_000, ..Limits::default() };
    assert_eq!(run(limits, u64::MAX).verdict, Verdict::Inconclusive(Obstacle::Boxes));
    let limits = Limits { open_boxes: 100, ..Limits::default() };
    assert_eq!(run(limits, u64::MAX).verdict, Verdict::Inconclusive(Obstacle::Memory));
    for until in [0, 1_000] {
        let stopped = run(Limits::default(), until);
        assert_eq!(stopped.verdict, Verdict::Inconclusive(Obstacle::Stopped));
        assert!(stopped.boxes >= until && stopped.boxes < 5_000, "{}", stopped.boxes);
    }
}

fn check_by(method: Method, parts: CertificateParts, teacher: &Teacher) -> Report {
    let certificate = Certificate::new(parts).unwrap();
    check_certificate_by(method, &certificate, teacher, &Limits::default(), &mut InTurn).unwrap()
}

#[test]
fn the_method_follows_the_dimension_and_is_named() {
    let space = random_teacher(1, 3, 5, 6, 0.5);
    let report = check(claim(&space, 6, 0.3), &space);
    assert_eq!(
        (report.method, proof(report.verdict).method()),
        (Method::BranchAndBound, report.method)
    );
    let higher = random_teacher(5, 7, 8, 9, 0.5);
    let report = check(claim(&higher, 20, 0.4), &higher);
    assert_eq!((report.rank, report.dimension_checked, report.shells), (7, 8, 0));
    assert_eq!((report.cap_radii.len(), report.method), (8, Method::Lagrange));
    let proof = proof(report.verdict);
    assert_eq!((proof.method(), proof.boxes()), (Method::Lagrange, report.boxes));
    for method in [Method::BranchAndBound, Method::Lagrange] {
        assert_eq!(Method::named(method.name()), Some(method));
    }
    assert_eq!(Method::named("boxes"), None);
}

#[test]
fn no_method_proves_what_the_other_refutes() {
    let mut counts = [[0; 2]; 2];
    for seed in 0..6 {
        let (r, m) = if seed % 2 == 0 { (2, 3) } else { (3, 4) };
        let teacher = random_teacher(seed, r, m, r + usize::from(seed % 3 == 0), 0.5);
        for degree in [2, 4, 8] {
            for rho in [0.05, 0.2, 0.39, 0.45, 0.6] {
                let run = |method| check_by(method, claim(&teacher, degree, rho), &teacher).verdict;
                let pair = [run(Method::BranchAndBound), run(Method::Lagrange)];
                let proved = pair.each_ref().map(|verdict| verdict.proof().is_some());
                let refuted = pair.each_ref().map(|v| matches!(v, Verdict::Refuted(_)));
                assert!(!(proved[0] && refuted[1] || proved[1] && refuted[0]), "{pair:?}");
                for (count, (proved, refuted)) in counts.iter_mut().zip(proved.iter().zip(refuted))
                {
                    count[0] += usize::from(*proved);
                    count[1] += usize::from(refuted);
                }
            }
        }
    }
    // Each says something of its own: many proofs, and refutations.
    assert!(counts[0][0] >= counts[1][0] && counts[1][0] > 20, "{counts:?}");
    assert!(counts[0][1] > 10 && counts[1][1] > 2, "{counts:?}");
}

#[test]
fn lagrange_refuses_what_is_false() {
    let teacher = random_teacher(5, 7, 8, 9, 0.5);
    let sound = claim(&teacher, 20, 0.4);
    let run = |parts| check_by(Method::Lagrange, parts, &teacher).verdict;
    proof(run(sound.clone()));
    for i in [0, 7] {
        let mut moved = sound.clone();
        moved.values[i] *= 1.000_001;
        assert!(matches!(run(moved), Verdict::Refuted(Refutation::Coefficient { .. })));
        let mut moved = sound.clone();
        moved.gradients[i][3] += 1e-6 * norm(&moved.gradients[i]);
        assert!(matches!(run(moved), Verdict::Refuted(Refutation::Coefficient { .. })));
    }
    let short = CertificateParts { p_norm: 0.999_999 * sound.p_norm, ..sound.clone() };
    assert!(matches!(run(short), Verdict::Refuted(Refutation::Norm { .. })));
    // rho above the ceiling of d > r, by one in a thousand.
    let parts = CertificateParts { rho: 0.4057, ..sound.clone() };
    let Verdict::Refuted(Refutation::Bound { eta, delta, .. }) = run(parts) else {
        panic!("a claim above 4/pi^2");
    };
    assert!(violates(eta, delta, 0.4057));
    let certificate = Certificate::new(sound).unwrap();
    let limits = Limits::default();
    let stopped =
        check_certificate_by(Method::Lagrange, &certificate, &teacher, &limits, &mut Until(0));
    assert_eq!(stopped.unwrap().verdict, Verdict::Inconclusive(Obstacle::Stopped));
}

#[test]
fn another_claim_of_rho_is_that_claim() {
    let teacher = random_teacher(1, 3, 5, 3, 0.5);
    let parts = claim(&teacher, 6, 0.3);
    let other = Certificate::new(parts.clone()).unwrap().with_rho(0.2).unwrap();
    assert_eq!(other.parts(), &CertificateParts { rho: 0.2, ..parts });
}

/// Five directions of `R^3`, at least 0.5 apart, whose interpolant for `l = 2` exceeds 1 in modulus.
fn exceeding() -> Teacher {
    let rows = [
        vec![1.07, 0.03, -1.14],
        vec![-0.68, 0.40, 0.28],
        vec![-0.09, -0.58, -0.46],
        vec![0.75, 0.51, -0.04],
        vec![-0.22, -1.37, 0.49],
    ];
    let network = Network::from_rows(vec![1.0, -1.5, 1.0, -1.5, 1.0], &rows).unwrap();
    Teacher::new(network).unwrap()
}

mod refusals {
    use super::*;

    /// The corruption of one number that must be noticed.
    const MILLIONTH: f64 = 1e-6;
    /// The turn of a teacher's direction, in radians, that must be noticed.
    const TURN: f64 = 1e-4;

    fn sound() -> (Teacher, CertificateParts) {
        let teacher = random_teacher(1, 3, 5, 3, 0.5);
        let parts = claim(&teacher, 6, 0.3);
        (teacher, parts)
    }

    fn refuted_coefficient(parts: CertificateParts, teacher: &Teacher) -> bool {
        matches!(check(parts, teacher).verdict, Verdict::Refuted(Refutation::Coefficient { .. }))
    }

    #[test]
    fn nothing_is_wrong_before() {
        let (teacher, parts) = sound();
        proof(check(parts, &teacher).verdict);
    }

    #[test]
    fn any_coefficient_off_by_a_millionth() {
        let (teacher, parts) = sound();
        for i in 0..5 {
            for sign in [1.0, -1.0] {
                let mut bad = parts.clone();
                bad.values[i] *= 1.0 + sign * MILLIONTH;
                assert!(refuted_coefficient(bad, &teacher), "A {i}");
                for x in 0..3 {
                    let mut bad = parts.clone();
                    bad.gradients[i][x] *= 1.0 + sign * MILLIONTH;
                    assert!(refuted_coefficient(bad, &teacher), "B {i} {x}");
                }
            }
        }
    }

    #[test]
    fn another_degree_or_weight() {
        let (teacher, parts) = sound();
        for low in [vec![], vec![0.0], vec![0.0; 3], vec![0.0, MILLIONTH]] {
            let bad = CertificateParts { low_weights: low, ..parts.clone() };
            assert!(refuted_coefficient(bad, &teacher));
        }
        let bad = CertificateParts { tail_weight: 1.0 + MILLIONTH, ..parts };
        assert!(refuted_coefficient(bad, &teacher));
    }

    #[test]
    fn a_norm_too_small() {
        let (teacher, parts) = sound();
        let p_norm = parts.p_norm * (1.0 - MILLIONTH);
        let verdict = check(CertificateParts { p_norm, ..parts }, &teacher).verdict;
        assert!(matches!(verdict, Verdict::Refuted(Refutation::Norm { .. })), "{verdict:?}");
    }

    #[test]
    fn a_norm_inside_its_own_enclosure() {
        let (teacher, parts) = sound();
        let norm = check(parts.clone(), &teacher).p_norm;
        let p_norm = norm.midpoint();
        assert!(norm.lo() < p_norm && p_norm < norm.hi());
        let verdict = check(CertificateParts { p_norm, ..parts }, &teacher).verdict;
        assert!(matches!(verdict, Verdict::Inconclusive(Obstacle::Norm { .. })), "{verdict:?}");
    }

    #[test]
    fn a_teacher_turned_by_a_ten_thousandth_or_with_another_sign() {
        let (teacher, parts) = sound();
        let network = teacher.network();
        for i in 0..5 {
            let mut rows: Vec<Vec<f64>> = network.rows().map(<[f64]>::to_vec).collect();
            let w = &mut rows[i];
            let length = w.iter().map(|x| x * x).sum::<f64>().sqrt();
            let e = [w[1], -w[0], 0.0];
            let size = e.iter().map(|x| x * x).sum::<f64>().sqrt();
            for (x, e) in w.iter_mut().zip(e) {
                *x += TURN * length * e / size;
            }
            let turned =
                Teacher::new(Network::from_rows(network.second_layer().to_vec(), &rows).unwrap());
            assert!(refuted_coefficient(parts.clone(), &turned.unwrap()), "direction {i}");
            let mut signs = network.second_layer().to_vec();
            signs[i] = -signs[i];
            let flipped =
                Teacher::new(Network::new(3, signs, network.first_layer().to_vec()).unwrap());
            assert!(refuted_coefficient(parts.clone(), &flipped.unwrap()), "sign {i}");
        }
    }

    #[test]
    fn an_interpolant_above_one_has_a_witness_and_another_degree_a_proof() {
        let teacher = exceeding();
        for rho in [MILLIONTH, 0.1] {
            let verdict = check(claim(&teacher, 2, rho), &teacher).verdict;
            let Verdict::Refuted(Refutation::Bound { witness, eta, .. }) = verdict else {
                panic!("{verdict:?}");
            };
            assert!(eta.mignitude() > 1.0, "{eta} at {witness:?}");
        }
        proof(check(claim(&teacher, 4, 0.1), &teacher).verdict);
    }

    #[test]
    fn nan_infinity_and_shapes() {
        let (teacher, parts) = sound();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut corrupted = vec![
                CertificateParts { rho: bad, ..parts.clone() },
                CertificateParts { p_norm: bad, ..parts.clone() },
                CertificateParts { tail_weight: bad, ..parts.clone() },
                CertificateParts { low_weights: vec![0.0, bad], ..parts.clone() },
            ];
            let mut values = parts.clone();
            values.values[2] = bad;
            let mut gradients = parts.clone();
            gradients.gradients[4][1] = bad;
            corrupted.extend([values, gradients]);
            for parts in corrupted {
                assert!(Certificate::new(parts).is_err());
            }
        }
        let other = CertificateParts { version: 2, ..parts.clone() };
        assert!(matches!(Certificate::new(other), Err(CertifyError::Version { .. })));
        for rho in [0.0, -0.1] {
            assert!(Certificate::new(CertificateParts { rho, ..parts.clone() }).is_err());
        }
        let mut short = parts.clone();
        short.gradients.pop();
        assert!(matches!(Certificate::new(short), Err(CertifyError::Length { .. })));
        let plane = random_teacher(1, 2, 4, 2, 0.5);
        let certificate = Certificate::new(parts).unwrap();
        let go = &mut InTurn;
        assert!(check_certificate(&certificate, &plane, &Limits::default(), go).is_err());
        let _ = teacher;
    }
}

/// A teacher of one neuron has coefficients of its own alone; one of several in a plane of `R^3` has a
/// coordinate where every `B_i` vanishes.
#[test]
fn coefficients_agree_up_to_a_share_of_their_size() {
    let teacher = random_teacher(3, 2, 4, 2, 0.5);
    let rows: Vec<Vec<f64>> = teacher.network().rows().map(|w| vec![w[0], 0.0, w[1]]).collect();
    let signs = teacher.network().second_layer().to_vec();
    let teacher = Teacher::new(Network::from_rows(signs, &rows).unwrap()).unwrap();
    let parts = claim(&teacher, 4, 0.01);
    let compared = |parts: CertificateParts| {
        let certificate = Certificate::new(parts).unwrap();
        let interpolant = Interpolant::certificate(&teacher, certificate.weights()).unwrap();
        compare(&certificate, &interpolant).is_ok()
    };
    assert!(compared(parts.clone()));
    for (side, neuron) in [(1.0, 0), (-1.0, 1), (1.0, 2), (-1.0, 3)] {
        for share in [0.9, 1.1] {
            let off = side * share * COEFFICIENT_TOLERANCE;
            let mut value = parts.clone();
            value.values[neuron] *= 1.0 + off;
            assert_eq!(compared(value), share < 1.0, "A {neuron} {share}");
            // Any coordinate, the one that is zero too, by a share of the vector's length.
            let length = norm(&parts.gradients[neuron]);
            for axis in 0..3 {
                let mut gradient = parts.clone();
                gradient.gradients[neuron][axis] += off * length;
                assert_eq!(compared(gradient), share < 1.0, "B {neuron} {axis} {share}");
            }
        }
        let mut opposite = parts.clone();
        opposite.values[neuron] = -opposite.values[neuron];
        assert!(!compared(opposite));
    }
}

#[test]
fn rounding_where_a_vector_vanishes_refutes_nothing() {
    // One neuron: B = 0 exactly.
    let network = Network::new(2, vec![2.0], vec![1.0, 0.0]).unwrap();
    let teacher = Teacher::new(network).unwrap();
    let parts = claim(&teacher, 2, 0.1);
    let at = |noise: f64| {
        let mut parts = parts.clone();
        parts.gradients[0][1] = noise;
        check(parts, &teacher).verdict
    };
    let size = parts.values[0].abs();
    for noise in [0.0, 1e-300, 1e-30, 0.9 * COEFFICIENT_ROUNDING * size] {
        assert!(at(noise).proof().is_some(), "{noise:e}");
    }
    // Negative control: what no rounding leaves is a false claim.
    let false_claim = at(1.1 * COEFFICIENT_ROUNDING * size);
    assert!(matches!(false_claim, Verdict::Refuted(Refutation::Coefficient { .. })));
}

#[test]
fn what_is_no_number_agrees_with_nothing() {
    assert!(agrees(1.0, Enclosure::ONE, 0.0));
    assert!(!agrees(f64::NAN, Enclosure::ONE, 1.0));
    assert!(!agrees(1.0, Enclosure::ONE, f64::NAN));
}
