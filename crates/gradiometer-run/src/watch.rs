//! Statements of the local analysis watched along a run: both sides every so many steps of Stage 3,
//! and an end where one is violated.

use crate::error::RunError;
use crate::experiment::WatchSection;
use crate::format::watchable;
use gradiometer_certify::{Limits, Verdict, check_certificate};
use gradiometer_files::FilesError;
use gradiometer_files::certificate_file::read_certificate_of;
use gradiometer_landscape::certificate::{CertificateOptions, Threads, find_certificate};
use gradiometer_landscape::optimum::Optimum;
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_theory::{Claim, Context, Dual, TheoryError};
use gradiometer_train::State;
use std::ops::ControlFlow;
use std::path::Path;

/// Threads of the certificate's check; its outcome does not depend on them.
const THREADS: usize = 2;

/// A claim that was watched, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchedClaim {
    /// Steps taken.
    pub step: u64,
    /// The weight decay there.
    pub lambda: f64,
    /// Its id and part, and the teacher's neuron where it is about one.
    pub name: String,
    /// Both sides.
    pub claim: Claim,
}

/// What it takes to evaluate the claims of one experiment.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    section: WatchSection,
    teacher: SeparatedTeacher,
    dual: Dual,
}

impl Watch {
    /// Finds a certificate of the teacher, or reads and checks the one that the experiment names.
    pub(crate) fn new(
        section: &WatchSection,
        teacher: &SeparatedTeacher,
        beside: &Path,
    ) -> Result<Self, RunError> {
        let dual = match &section.certificate {
            None => {
                let found = find_certificate(teacher, &CertificateOptions::default());
                let found = found.map_err(|source| RunError::Watch(source.into()))?;
                Dual::searched(teacher, &found.certificate)
            }
            Some(name) => {
                let name = beside.join(name);
                let certificate = read_certificate_of(&name, teacher)?;
                let mut silent = |_| ControlFlow::Continue(());
                let runner = &mut Threads::new(THREADS, &mut silent);
                let report = check_certificate(&certificate, teacher, &Limits::default(), runner)
                    .map_err(|source| FilesError::Certify { path: name, source })?;
                if let Verdict::Refuted(_) = report.verdict {
                    let problem = "is refuted for this teacher; make one with `certify --out`, or leave it out";
                    let field = "watch.certificate".to_owned();
                    return Err(RunError::Field { field, problem: problem.to_owned() });
                }
                Dual::checked(teacher, &certificate, &report)
            }
        };
        let dual = dual.map_err(RunError::Watch)?;
        Ok(Self { section: section.clone(), teacher: teacher.clone(), dual })
    }

    /// The same with a claim about the certificate that is false: a hundred times its `rho`.
    #[cfg(test)]
    pub(crate) fn falsified(mut self) -> Self {
        self.dual = self.dual.claiming(100.0, 1.0);
        self
    }

    /// Steps between two looks.
    pub(crate) const fn every(&self) -> u64 {
        self.section.every
    }

    /// The first claim that is violated, if that is to end the run.
    pub(crate) fn violation(&self, claims: &[WatchedClaim]) -> Option<WatchedClaim> {
        let mut claims = claims.iter().filter(|_| self.section.stop_when_violated);
        claims.find(|watched| watched.claim.is_violated()).cloned()
    }

    /// The claims at a student of Stage 3, in the order of the statements; `optimum` keeps that of
    /// the latest `lambda` that needed one.
    pub(crate) fn claims(
        &self,
        state: &State,
        lambda: f64,
        optimum: &mut Option<Optimum>,
    ) -> Result<Vec<WatchedClaim>, TheoryError> {
        let step = state.steps;
        let watched = |claim: Claim| WatchedClaim { step, lambda, name: claim.name(), claim };
        let claims = self.evaluated(&state.student, lambda, optimum)?;
        Ok(claims.into_iter().map(watched).collect())
    }

    fn evaluated(
        &self,
        student: &Network,
        lambda: f64,
        optimum: &mut Option<Optimum>,
    ) -> Result<Vec<Claim>, TheoryError> {
        let Self { section, teacher, dual } = self;
        let mut context = Context::given(teacher, student, lambda, dual.clone(), section.angle);
        if let Some(optimum) = optimum.take() {
            context = context.with_optimum(optimum);
        }
        let mut claims = Vec::new();
        for statement in watchable().filter(|s| section.claims.iter().any(|id| id == s.id)) {
            claims.extend(statement.claims(&context)?);
        }
        *optimum = context.into_optimum();
        Ok(claims)
    }
}
