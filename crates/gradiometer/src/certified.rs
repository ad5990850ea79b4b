//! A certificate in one call.

use crate::Error;
use gradiometer_certify::{Limits, Report, Runner, Verdict};
use gradiometer_landscape::certificate::{
    CertificateOptions, CheckedCertificate, FoundCertificate, Threads, prove_certificate,
};
use gradiometer_model::SeparatedTeacher;
use gradiometer_theory::Dual;
use std::fmt;
use std::num::NonZero;
use std::ops::ControlFlow;

/// A certificate that was searched for, with what the independent checker says of it.
#[derive(Clone, Debug)]
pub struct Certified {
    teacher: SeparatedTeacher,
    checked: CheckedCertificate,
}

/// Searches for a dual certificate of the teacher and has the checker prove it, with the default
/// options on all processors. [`prove_certificate`] takes options, limits and a progress.
///
/// # Errors
/// [`Error::Landscape`] if no certificate is found.
pub fn certify(teacher: &SeparatedTeacher) -> Result<Certified, Error> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut silent = |_| ControlFlow::Continue(());
    let runner = &mut Threads::new(threads, &mut silent);
    certify_by(teacher, &CertificateOptions::default(), &Limits::default(), runner)
}

/// The same with options and limits, by a runner that may look on and end it.
///
/// # Errors
/// As for [`certify`], and [`Error::Landscape`] if the runner ended the search before it had found
/// a certificate.
pub fn certify_by(
    teacher: &SeparatedTeacher,
    options: &CertificateOptions,
    limits: &Limits,
    runner: &mut dyn Runner,
) -> Result<Certified, Error> {
    let checked = prove_certificate(teacher, options, limits, runner)?;
    Ok(Certified { teacher: teacher.clone(), checked })
}

impl Certified {
    /// The certificate and the search's estimate of the largest `rho`.
    pub const fn found(&self) -> &FoundCertificate {
        &self.checked.found
    }

    /// The checker's report, with the proof if there is one.
    pub const fn report(&self) -> &Report {
        &self.checked.report
    }

    /// Whether it is proved.
    pub const fn is_proved(&self) -> bool {
        matches!(self.checked.report.verdict, Verdict::Proved(_))
    }

    /// The certificate as the statements take it, known as well as the checker left it.
    ///
    /// # Errors
    /// [`Error::Theory`] for a certificate that is refuted.
    pub fn dual(&self) -> Result<Dual, Error> {
        Ok(Dual::checked(&self.teacher, &self.checked.found.certificate, &self.checked.report)?)
    }
}

/// Such as `proved: rho = 0.3194, |p| <= 1.847, 1184 boxes`.
impl fmt::Display for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { verdict, rho, p_norm, boxes, .. } = &self.checked.report;
        write!(
            f,
            "{}: rho = {rho:.6}, |p| in [{:.6}, {:.6}], {boxes} boxes",
            verdict.name(),
            p_norm.lo(),
            p_norm.hi()
        )
    }
}
