use super::*;
use crate::certificate::{CertificateOptions, find_certificate};
use crate::lemmas::tests::student;
use crate::lemmas::{Evidence, InterpolatedCertificate};
use gradiometer_certify::{DegreeWeights, Interpolant};
use gradiometer_model::generate::{Signs, TeacherRequest};

/// The relative duality gap asked for.
const GAP: f64 = 1e-12;
/// Where the optimum is no finite sum of atoms: the gap that a few dozen of them reach.
const GAP_OF_CURVES: f64 = 1e-5;
const LAMBDAS: [f64; 6] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

fn teacher(seed: u64, d: usize, r: usize, m: usize) -> SeparatedTeacher {
    let signs = Signs::Mixed;
    let amplitudes = (0.5, 2.0);
    let request =
        TeacherRequest { separation: 0.5, signs, amplitudes, ..TeacherRequest::new(d, r, m, seed) };
    request.generate().unwrap()
}

/// `|p|^2` of the minimal-norm interpolant.
fn squared_norm(teacher: &SeparatedTeacher) -> f64 {
    let weights = DegreeWeights::from_degree(2).unwrap();
    Interpolant::certificate(teacher, &weights).unwrap().norm().square().midpoint()
}

/// Few seeds, or all that the figures speak of if `RUN_SLOW_TESTS` is set.
fn seeds(few: u64, all: u64) -> std::ops::Range<u64> {
    0..if std::env::var_os("RUN_SLOW_TESTS").is_some() { all } else { few }
}

#[test]
fn the_gap_closes_for_teachers_in_the_plane() {
    for seed in seeds(3, 20) {
        for (d, m) in [(2, 4), (10, 3)] {
            let teacher = teacher(seed, d, 2, m);
            let path = regularised_path(&teacher, &LAMBDAS, &OptimumOptions::default()).unwrap();
            for optimum in path {
                let relative = optimum.duality_gap / optimum.value();
                assert!(optimum.converged && relative <= GAP, "{seed} {d}: {optimum:?}");
            }
        }
    }
}

#[test]
fn the_gap_closes_in_space_where_the_minimal_norm_interpolant_is_a_certificate() {
    let only = CertificateOptions {
        largest_degree: 2,
        tune_weights: false,
        ..CertificateOptions::default()
    };
    let mut met = 0;
    for seed in seeds(5, 20) {
        let teacher = teacher(seed, 3 + 4 * usize::try_from(seed % 2).unwrap(), 3, 4);
        // 0.1: at lambda = 1e-3 the optimum is close enough to the limit.
        let certified = find_certificate(&teacher, &only).is_ok_and(|c| c.sampled_rho > 0.1);
        for &lambda in &LAMBDAS[2..] {
            let optimum =
                regularised_optimum(&teacher, lambda, &OptimumOptions::default()).unwrap();
            if certified {
                let relative = optimum.duality_gap / optimum.value();
                assert!(relative <= GAP, "{seed} {lambda}: {relative:e}");
                assert_eq!(optimum.measure.masses().len(), 4, "{seed} {lambda}");
            }
        }
        met += usize::from(certified);
    }
    assert!(met >= 2, "{met} teachers with a certificate");
}

#[test]
fn the_value_tends_to_the_least_norm() {
    let teacher = teacher(0, 3, 3, 4);
    let square = squared_norm(&teacher);
    let mut missing = Vec::new();
    for lambda in [1e-4, 1e-5, 1e-6] {
        let optimum = regularised_optimum(&teacher, lambda, &OptimumOptions::default()).unwrap();
        let (lower, upper) = optimum.squared_norm_limit();
        assert!(lower <= square && upper - lower <= GAP.sqrt() * square, "{lower} {upper}");
        missing.push(square - lower);
    }
    // The error is of order lambda: a tenth of it from step to step, up to the next order.
    for pair in missing.windows(2) {
        let ratio = pair[1] / pair[0];
        assert!((0.09..0.11).contains(&ratio), "{missing:?}");
    }
}

/// Where the minimal-norm interpolant exceeds one, extra mass of order `lambda` appears away from the teachers, on a curve, and the
/// least norm is larger than the interpolant's.
#[test]
fn extra_mass_appears_where_the_minimal_norm_interpolant_exceeds_one() {
    let teacher = teacher(0, 3, 3, 5);
    let square = squared_norm(&teacher);
    let options = OptimumOptions { rounds: 4, ..OptimumOptions::default() };
    let mut masses = Vec::new();
    for lambda in [1e-4, 1e-5, 1e-6] {
        let optimum = regularised_optimum(&teacher, lambda, &options).unwrap();
        assert!(optimum.duality_gap <= GAP_OF_CURVES * optimum.value(), "{optimum:?}");
        let (count, mass) = optimum.atoms_beyond(&teacher, 0.05);
        assert!(count >= 3, "{count}");
        masses.push(mass / lambda);
        if lambda < 1e-5 {
            // Proved by the primal value alone: it lies below what that interpolant would allow.
            assert!(optimum.squared_norm_limit().0 > square);
        }
    }
    for mass in &masses {
        assert!((mass / masses[2] - 1.0).abs() < 0.05, "{masses:?}");
    }
    // Fewer atoms do worse, and say so.
    let coarse = OptimumOptions { rounds: 1, ..options };
    let coarse = regularised_optimum(&teacher, 1e-4, &coarse).unwrap();
    let fine = regularised_optimum(&teacher, 1e-4, &options).unwrap();
    assert!(!coarse.converged && coarse.value() > fine.value());
    assert!(coarse.value() - coarse.duality_gap <= fine.value());
}

#[test]
fn a_strong_regularisation_leaves_nothing() {
    let teacher = teacher(3, 10, 2, 4);
    let optimum = regularised_optimum(&teacher, 10.0, &OptimumOptions::default()).unwrap();
    assert!(optimum.measure.masses().is_empty() && optimum.converged);
    // P(0) = |y|^2.
    assert!(
        (optimum.value() - optimum.loss.value).abs()
            <= 64.0 * f64::EPSILON * 10.0 * teacher.total_mass()
    );
    assert!(regularised_optimum(&teacher, 0.0, &OptimumOptions::default()).is_err());
    assert!(regularised_optimum(&teacher, f64::NAN, &OptimumOptions::default()).is_err());
}

#[test]
fn gap_and_identity_at_students() {
    for seed in 0..12 {
        let teacher = teacher(seed, 4, 2, 3);
        let lambda = 0.01;
        let optimum = regularised_optimum(&teacher, lambda, &OptimumOptions::default()).unwrap();
        let student = student(&teacher, lambda, seed);
        let point = Point::new(&teacher, &student, lambda).unwrap();
        let (lower, upper) = optimum.gap(&point);
        let identity = point.gap_identity(&optimum.measure);
        assert!(!identity.claim.is_violated(), "{identity:?}");
        // At the optimum the defect vanishes and the left side is zeta.
        assert!(identity.defect.abs() <= identity.claim.rounding, "{identity:?}");
        let rounding = identity.claim.rounding;
        assert!(identity.claim.left >= lower - rounding && identity.claim.left <= upper + rounding);
        // 5.2's interval, from a certificate, holds the same gap.
        let found = find_certificate(&teacher, &CertificateOptions::default()).unwrap();
        let eta = Interpolant::certificate(&teacher, found.certificate.weights()).unwrap();
        let dual = InterpolatedCertificate::new(eta, found.certificate.rho(), Evidence::Sampled);
        let (least, most) = point.gap(&dual);
        assert!(least <= upper && lower <= most, "{least} {most} {lower} {upper}");
        for claim in point.optimum_bounds(&dual, &optimum.measure, optimum.duality_gap) {
            assert!(!claim.is_violated(), "{claim:?}");
        }
    }
}

/// A measure that is not the optimum has a defect: the identity's last term is what tells them apart.
#[test]
fn the_teachers_own_measure_is_not_the_optimum() {
    let teacher = teacher(1, 4, 2, 3);
    let student = student(&teacher, 0.1, 1);
    let point = Point::new(&teacher, &student, 0.1).unwrap();
    let own = Measure::new(teacher.amplitudes().to_vec(), teacher.directions(), 4);
    let identity = point.gap_identity(&own);
    assert!(!identity.claim.is_violated());
    assert!(identity.defect > identity.claim.rounding);
}
