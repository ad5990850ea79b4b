//! Finds dual certificates: chooses the kernel, estimates the best `rho`, and has the independent checker prove it.

use gradiometer_certify::{
    Certificate, DegreeWeights, Interpolant, Limits, Obstacle, Progress, Refutation, Report,
    Runner, Verdict, check_certificate,
};
use gradiometer_hermite::float::minimum;
use gradiometer_model::SeparatedTeacher;
use gradiometer_model::geometry::projective_angle;

use crate::error::LandscapeError;
pub(crate) use candidate::{Candidate, Stage};
use choice::Chooser;
use search::{rho_at, smallest, starts};
use std::ops::ControlFlow;
pub use threads::Threads;

mod any_dimension;
mod candidate;
mod choice;
pub(crate) mod search;
mod threads;

/// What a certificate should make small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// `|p|^2 / rho`, the constant of the localisation bound (theory 7.3).
    NormSquaredOverRho,
    /// `|p|` alone, among certificates of at least some `rho` (theory 7.1 and 5.2).
    Norm {
        /// The least `rho` that is accepted.
        smallest_rho: f64,
    },
}

/// How to look for a certificate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CertificateOptions {
    /// What to make small.
    pub goal: Goal,
    /// The smallest first degree `l` to try.
    pub smallest_degree: usize,
    /// The largest first degree `l` to try.
    pub largest_degree: usize,
    /// Whether to tune the weights of the degrees around the best `l`.
    pub tune_weights: bool,
    /// Random starting points of a search for the worst place; ten times as many for the final estimate.
    pub starts: usize,
    /// Share of the best `rho` found that the certificate claims; below 1, or no proof can end.
    pub share: f64,
    /// Seed of the starting points.
    pub seed: u64,
}

impl Default for CertificateOptions {
    fn default() -> Self {
        Self {
            goal: Goal::NormSquaredOverRho,
            smallest_degree: 2,
            largest_degree: DegreeWeights::LARGEST_DEGREE,
            tune_weights: true,
            starts: 48,
            share: 0.95,
            seed: 0,
        }
    }
}

/// A certificate with what the search knows of it; nothing is proved yet.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundCertificate {
    /// The certificate, claiming [`CertificateOptions::share`] of the estimate.
    pub certificate: Certificate,
    /// The smallest `(1 - |eta|) / delta^2` that the search met (evidence: sampled): no larger `rho` is true.
    pub sampled_rho: f64,
    /// Starting points of the final estimate.
    pub starts: usize,
}

/// A certificate with the checker's report on it.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedCertificate {
    /// The certificate and the search's estimate.
    pub found: FoundCertificate,
    /// What the checker says.
    pub report: Report,
}

/// In one dimension there is no direction but the teacher's, and every `rho` is true; this is the largest that a teacher with `d > r` can
/// have, `4/pi^2`.
const RHO_ON_A_LINE: f64 = 4.0 / (std::f64::consts::PI * std::f64::consts::PI);

/// Finds a dual certificate of a teacher (theory 6.2): the first degree `l`, the weights of the degrees around it, and a claim
/// of `rho` somewhat below the best value that a multistart search finds (evidence: sampled).
///
/// # Errors
/// [`LandscapeError::NoCertificate`] if no kernel up to the largest degree gives `rho > 0`, and what the teacher's
/// geometry or the verified solve refuse.
///
/// # Examples
/// ```
/// use gradiometer_landscape::certificate::{CertificateOptions, find_certificate};
/// use gradiometer_model::{Network, Teacher};
/// let network = Network::from_rows(vec![1.0, -1.0], &[vec![1.0, 0.0], vec![0.0, 1.0]]).unwrap();
/// let teacher = Teacher::new(network).unwrap().separated().unwrap();
/// let found = find_certificate(&teacher, &CertificateOptions::default()).unwrap();
/// assert!(found.certificate.rho() > 0.3 && found.certificate.rho() < found.sampled_rho);
/// ```
pub fn find_certificate(
    teacher: &SeparatedTeacher,
    options: &CertificateOptions,
) -> Result<FoundCertificate, LandscapeError> {
    find_certificate_while(teacher, options, &mut || ControlFlow::Continue(()))
}

/// As [`find_certificate`], for as long as `proceed` says, which is asked before every kernel: after that the best one so far is
/// taken.
///
/// # Errors
/// As for [`find_certificate`], and [`LandscapeError::Stopped`] if there was none yet.
pub fn find_certificate_while(
    teacher: &SeparatedTeacher,
    options: &CertificateOptions,
    proceed: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<FoundCertificate, LandscapeError> {
    let stage = Stage::new(teacher)?;
    let points = starts(&stage, options.starts, options.seed);
    let mut chooser = Chooser { stage: &stage, options, starts: points, proceed, stopped: false };
    let none = LandscapeError::NoCertificate { largest_degree: options.largest_degree };
    let Some(choice) = chooser.best() else {
        return Err(if chooser.stopped { LandscapeError::Stopped } else { none });
    };
    let few = if chooser.stopped { 1 } else { 10 };
    let Some(candidate) = Candidate::certificate(&stage, &choice.weights) else {
        return Err(none);
    };
    let mut points = starts(&stage, few * options.starts, options.seed.wrapping_add(1));
    points.extend(choice.found.places().cloned());
    let found = smallest(|w| rho_at(&candidate, w), &points);
    let met = minimum(found.value(), choice.found.value());
    let sampled_rho = if met < f64::INFINITY { met } else { RHO_ON_A_LINE };
    if !(sampled_rho > 0.0) {
        return Err(none);
    }
    let interpolant = Interpolant::certificate(teacher, &choice.weights)?;
    let rho = options.share * sampled_rho;
    let certificate = Certificate::from_interpolant(&interpolant, &choice.weights, rho)?;
    Ok(FoundCertificate { certificate, sampled_rho, starts: points.len() })
}

/// Claims that are tried when the checker does not prove the first: shares of the best `rho` known by then.
const LATER_SHARES: [f64; 2] = [0.93, 0.905];
/// Smallest degrees, times the separation, that are tried when no claim of the best kernel is proved.
const LATER_DEGREES: [f64; 2] = [1.0, 3.0];

/// Separations below this are close: coefficients of opposite neurons nearly cancel at small `l`.
const CLOSE: f64 = 0.3;
/// Smallest degrees, times the square of the separation, where a close pair has opposite signs: `eta` then falls on the scale of
/// the pair itself, and the room for a proof is as large there as it can be.
const RESOLVING_DEGREE: f64 = 0.4;
/// Boxes of each kernel of larger `l` where a close pair has opposite signs, before the others.
const TRIAL_BOXES: u64 = 40_000;

/// Dimensions of the sphere's space above which Lagrange's bound is asked before boxes.
const FEW_DIMENSIONS: usize = 4;

/// Finds a certificate and has the independent checker prove it.
///
/// Above four dimensions the checker's bound of theory 6.4 decides which kernels are looked at; a multistart
/// search comes after it. Up to four, a witness against a claim lowers the estimate; a claim too close to the truth is lowered to nine tenths of it. If that
/// does not help either (two close directions of opposite signs at small `l`: their coefficients nearly
/// cancel everywhere, which intervals cannot see), kernels of larger `l` are searched, whose far field is small; for such pairs
/// these kernels come first. The last report is returned whatever its verdict.
///
/// # Errors
/// As for [`find_certificate`]; the runner may end the search as it may the check, and then [`LandscapeError::Stopped`].
pub fn prove_certificate(
    teacher: &SeparatedTeacher,
    options: &CertificateOptions,
    limits: &Limits,
    runner: &mut dyn Runner,
) -> Result<CheckedCertificate, LandscapeError> {
    let separation = teacher.separation().map_or(std::f64::consts::FRAC_PI_2, |s| s.angle);
    let size = Stage::new(teacher)?.size;
    if size > FEW_DIMENSIONS {
        if let Some(checked) = any_dimension::prove(teacher, options, limits, runner)? {
            return Ok(checked);
        }
        if runner.proceed(Progress::default()).is_break() {
            return Err(LandscapeError::Stopped);
        }
    }
    let smallest = |degree: f64| {
        let smallest = even_at_least(degree);
        (smallest > options.smallest_degree && smallest <= options.largest_degree)
            .then_some(CertificateOptions { smallest_degree: smallest, ..*options })
    };
    let later = LATER_DEGREES.map(|degree| degree / separation);
    if separation < CLOSE && has_opposite_pair(teacher, separation) {
        let trial = Limits { boxes: limits.boxes.min(TRIAL_BOXES), ..*limits };
        let degrees = later.into_iter().chain([RESOLVING_DEGREE / separation.powi(2)]);
        for options in degrees.filter_map(smallest) {
            let checked = prove_some(teacher, &options, &trial, runner)?;
            if matches!(checked.report.verdict, Verdict::Proved(_)) || stopped(&checked) {
                return Ok(checked);
            }
        }
    }
    let mut checked = prove_some(teacher, options, limits, runner)?;
    for options in later.into_iter().map_while(smallest) {
        let undecided = matches!(
            checked.report.verdict,
            Verdict::Inconclusive(Obstacle::Cap { .. } | Obstacle::TooFine { .. })
        );
        if !undecided {
            break;
        }
        checked = prove_some(teacher, &options, limits, runner)?;
    }
    Ok(checked)
}

/// Whether the caller ended the check.
const fn stopped(checked: &CheckedCertificate) -> bool {
    matches!(checked.report.verdict, Verdict::Inconclusive(Obstacle::Stopped))
}

/// Whether two neurons of opposite signs are about as close as any.
fn has_opposite_pair(teacher: &SeparatedTeacher, separation: f64) -> bool {
    let sign = |i: usize| teacher.amplitudes()[i] > 0.0;
    // eta is even, so that the sign of a direction does not matter.
    (0..teacher.neurons()).any(|i| {
        (0..i).any(|k| {
            let angle = projective_angle(teacher.direction(i), teacher.direction(k));
            sign(i) != sign(k) && angle < 2.0 * separation
        })
    })
}

/// The smallest even number from 2 on that is at least `x`, up to the largest degree supported.
fn even_at_least(x: f64) -> usize {
    (2..=DegreeWeights::LARGEST_DEGREE).step_by(2).find(|&l| l as f64 >= x).unwrap_or(2)
}

/// The best kernel, with its claim lowered until it is proved or nine tenths are reached.
fn prove_some(
    teacher: &SeparatedTeacher,
    options: &CertificateOptions,
    limits: &Limits,
    runner: &mut dyn Runner,
) -> Result<CheckedCertificate, LandscapeError> {
    let waiting = Progress { boxes: 0, open_boxes: 0 };
    let mut found = find_certificate_while(teacher, options, &mut || runner.proceed(waiting))?;
    let mut report = check_certificate(&found.certificate, teacher, limits, runner)?;
    for share in LATER_SHARES {
        match &report.verdict {
            Verdict::Refuted(Refutation::Bound { eta, delta, .. }) => {
                let met = (1.0 - eta.mignitude()) / (delta.lo() * delta.lo());
                found.sampled_rho = minimum(found.sampled_rho, met);
            }
            Verdict::Inconclusive(Obstacle::Cap { .. } | Obstacle::TooFine { .. }) => {}
            _ => break,
        }
        let rho = share * found.sampled_rho;
        if !(rho > 0.0) {
            break;
        }
        found.certificate = found.certificate.with_rho(rho)?;
        report = check_certificate(&found.certificate, teacher, limits, runner)?;
    }
    Ok(CheckedCertificate { found, report })
}

#[cfg(test)]
mod tests;
