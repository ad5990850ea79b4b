//! Random teachers, found and proved; test functions against the statement they serve.

use std::ops::ControlFlow;

use gradiometer_certify::InTurn;
use gradiometer_instances::generate::{Signs, TeacherRequest};
use gradiometer_model::{Network, Teacher};

use super::*;

/// The share of the best `rho` found that a proof must reach.
const REQUIRED_SHARE: f64 = 0.9;
/// A claim this many times the best `rho` found must be refuted.
const TOO_LARGE: f64 = 1.02;

fn random_teacher(seed: u64, r: usize, m: usize, d: usize) -> SeparatedTeacher {
    let signs = Signs::Mixed;
    let request = TeacherRequest { separation: 0.5, signs, ..TeacherRequest::new(d, r, m, seed) };
    request.generate().unwrap()
}

/// Four directions of the plane, the first two 0.05 apart.
fn close_pair(signs: [f64; 4], others: [f64; 2]) -> SeparatedTeacher {
    let rows: Vec<Vec<f64>> =
        [0.0, 0.05, others[0], others[1]].iter().map(|a: &f64| vec![a.cos(), a.sin()]).collect();
    let network = Network::from_rows(signs.to_vec(), &rows).unwrap();
    Teacher::new(network).unwrap().separated().unwrap()
}

fn prove(teacher: &SeparatedTeacher) -> CheckedCertificate {
    let go = &mut |_| ControlFlow::Continue(());
    let runner = &mut Threads::new(2, go);
    prove_certificate(teacher, &CertificateOptions::default(), &Limits::default(), runner).unwrap()
}

#[track_caller]
fn check_proved(teacher: &SeparatedTeacher) {
    let checked = prove(teacher);
    let proof = checked.report.verdict.proof().unwrap_or_else(|| panic!("{checked:?}"));
    assert_eq!(proof.certificate(), &checked.found.certificate);
    assert!(proof.rho() >= REQUIRED_SHARE * checked.found.sampled_rho);
    assert!(proof.p_norm().hi() <= checked.found.certificate.p_norm());
}

/// All seeds of the figures if `RUN_SLOW_TESTS` is set, else a few.
fn seeds(few: u64) -> std::ops::Range<u64> {
    if std::env::var_os("RUN_SLOW_TESTS").is_some() { 0..20 } else { 0..few }
}

#[test]
fn in_the_plane() {
    for seed in seeds(2) {
        check_proved(&random_teacher(seed, 2, 4, 2));
        check_proved(&random_teacher(seed, 2, 4, 10));
    }
}

#[test]
fn on_a_line() {
    let network = Network::from_rows(vec![-1.5], &[vec![2.0]]).unwrap();
    check_proved(&Teacher::new(network).unwrap().separated().unwrap());
}

#[test]
fn in_space() {
    for seed in seeds(1) {
        check_proved(&random_teacher(seed, 3, 5, 3));
        check_proved(&random_teacher(seed, 3, 5, 10));
    }
}

#[test]
fn in_four_dimensions() {
    if std::env::var_os("RUN_SLOW_TESTS").is_some() {
        for seed in seeds(1) {
            check_proved(&random_teacher(seed, 4, 6, 4));
            check_proved(&random_teacher(seed, 4, 6, 10));
        }
    }
}

#[test]
fn with_two_neurons_close_together() {
    check_proved(&close_pair([1.0, 1.0, -1.0, 1.0], [0.9, 2.2]));
    check_proved(&close_pair([1.0, -1.0, 1.0, -1.0], [0.9, 2.2]));
}

#[test]
fn more_than_the_sampled_rho_is_refuted() {
    for d in [2, 3] {
        let teacher = random_teacher(5, 2, 4, d);
        let found = find_certificate(&teacher, &CertificateOptions::default()).unwrap();
        let more = found.certificate.with_rho(TOO_LARGE * found.sampled_rho).unwrap();
        let report = check_certificate(&more, &teacher, &Limits::default(), &mut InTurn).unwrap();
        assert!(matches!(report.verdict, Verdict::Refuted(Refutation::Bound { .. })), "{report:?}");
    }
}

#[test]
fn tuned_weights_are_no_worse_and_the_goal_is_met() {
    let teacher = random_teacher(1, 2, 4, 2);
    let run = |options: CertificateOptions| {
        let found = find_certificate(&teacher, &options).unwrap();
        (found.certificate.p_norm(), found.sampled_rho)
    };
    let plain = CertificateOptions { tune_weights: false, ..CertificateOptions::default() };
    let ((norm, rho), (tuned_norm, tuned_rho)) = (run(plain), run(CertificateOptions::default()));
    assert!(tuned_norm * tuned_norm / tuned_rho < norm * norm / rho);
    let goal = Goal::Norm { smallest_rho: 0.1 };
    let (least, enough) = run(CertificateOptions { goal, ..CertificateOptions::default() });
    assert!(least <= tuned_norm && enough >= 0.1);
}

#[test]
fn the_candidate_is_the_verified_interpolant() {
    let teacher = random_teacher(3, 3, 5, 6);
    let weights = DegreeWeights::new(vec![0.2, 0.7], 1.0).unwrap();
    let stage = Stage::new(&teacher).unwrap();
    let candidate = Candidate::certificate(&stage, &weights).unwrap();
    let exact = Interpolant::certificate(&teacher, &weights).unwrap();
    let rounding = 1e4 * f64::EPSILON * exact.scale();
    assert!((exact.norm() - candidate.norm).magnitude() <= rounding);
    // Teachers' midpoints: known in both coordinate systems.
    for i in 0..5 {
        for k in 0..i {
            let sum =
                |u: &[f64], v: &[f64]| u.iter().zip(v).map(|(x, y)| x + y).collect::<Vec<f64>>();
            let mut w = sum(stage.direction(i), stage.direction(k));
            let length = w.iter().map(|x| x * x).sum::<f64>().sqrt();
            for x in &mut w {
                *x /= length;
            }
            let (eta, ..) = candidate.at(&w);
            let (proved, _) = exact.at(&sum(teacher.direction(i), teacher.direction(k)));
            assert!((proved - eta).magnitude() <= rounding, "{i} {k}: {eta} {proved}");
        }
    }
}

#[test]
fn no_kernel_of_too_few_degrees() {
    // Two close directions of one sign in the plane beside two others: small l fails, and only small l are allowed.
    let teacher = random_teacher(2, 3, 5, 3);
    let options = CertificateOptions {
        goal: Goal::Norm { smallest_rho: 100.0 },
        largest_degree: 4,
        ..CertificateOptions::default()
    };
    let error = find_certificate(&teacher, &options).unwrap_err();
    assert_eq!(error, LandscapeError::NoCertificate { largest_degree: 4 });
}

#[test]
fn a_limit_is_passed_on() {
    let teacher = random_teacher(1, 3, 5, 6);
    let limits = Limits { boxes: 10, ..Limits::default() };
    let options = CertificateOptions::default();
    let checked = prove_certificate(&teacher, &options, &limits, &mut InTurn).unwrap();
    assert_eq!(checked.report.verdict, Verdict::Inconclusive(Obstacle::Boxes));
}

#[test]
fn the_outcome_does_not_depend_on_the_number_of_threads() {
    let teacher = random_teacher(2, 3, 5, 3);
    let found = find_certificate(&teacher, &CertificateOptions::default()).unwrap();
    let run = |runner: &mut dyn Runner| {
        check_certificate(&found.certificate, &teacher, &Limits::default(), runner).unwrap()
    };
    let one = run(&mut InTurn);
    assert_eq!(one.verdict.name(), "proved");
    for threads in [0, 1, 2, 7] {
        let mut rounds = 0_u64;
        let mut count = |_| {
            rounds += 1;
            ControlFlow::Continue(())
        };
        assert_eq!(run(&mut Threads::new(threads, &mut count)), one);
        assert!(rounds > 0, "the callback is called after every round");
    }
    let stop = &mut |_| ControlFlow::Break(());
    let stopped = run(&mut Threads::new(2, stop)).verdict;
    assert_eq!(stopped, Verdict::Inconclusive(Obstacle::Stopped));
}
