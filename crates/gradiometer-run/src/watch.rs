//! Statements of the local analysis watched along a run: both sides every so many steps of Stage 3,
//! and an end where one is violated.

use crate::error::RunError;
use crate::experiment::{WatchSection, beside};
use crate::format::watchable;
use gradiometer_certify::{Limits, Verdict, check_certificate};
use gradiometer_files::certificate_file::read_certificate;
use gradiometer_files::rows::Rows;
use gradiometer_files::{FilesError, number};
use gradiometer_landscape::certificate::{CertificateOptions, Threads, find_certificate};
use gradiometer_landscape::optimum::Optimum;
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_theory::{Claim, Context, Dual, TheoryError};
use gradiometer_train::{Phase, State};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::Path;

/// Threads of the certificate's check; its outcome does not depend on them.
const THREADS: usize = 2;

/// A watched claim that does not hold, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Steps taken.
    pub step: u64,
    /// The weight decay there.
    pub lambda: f64,
    /// The claim.
    pub claim: Claim,
}

impl Violation {
    pub(crate) fn json(&self) -> Value {
        json!({
            "step": self.step,
            "lambda": number(self.lambda),
            "claim": format!("{} {}", self.claim.id, self.claim.part),
            "left": number(self.claim.left),
            "right": number(self.claim.right),
            "ratio": number(self.claim.ratio()),
            "evidence": self.claim.evidence.name(),
        })
    }
}

/// The columns of `claims.csv`.
pub(crate) fn header() -> Vec<String> {
    ["step", "lambda", "claim", "left", "right", "ratio", "verdict", "evidence"]
        .map(str::to_owned)
        .to_vec()
}

/// What it takes to evaluate the claims of one experiment.
pub(crate) struct Watch<'a> {
    section: &'a WatchSection,
    path: &'a Path,
    teacher: SeparatedTeacher,
    dual: Dual,
    /// The optimum of the latest `lambda` that needed one.
    optimum: Option<Optimum>,
}

impl<'a> Watch<'a> {
    /// Finds a certificate of the teacher, or reads and checks the one that the experiment names.
    pub(crate) fn new(
        section: &'a WatchSection,
        teacher: &SeparatedTeacher,
        path: &'a Path,
    ) -> Result<Self, RunError> {
        let watch_error = |source| RunError::Watch { path: path.to_owned(), source };
        let dual = match &section.certificate {
            None => {
                let found = find_certificate(teacher, &CertificateOptions::default());
                let found = found.map_err(|source| watch_error(source.into()))?;
                Dual::searched(teacher, &found.certificate)
            }
            Some(name) => {
                let name = beside(path, name);
                let certificate = read_certificate(&name)?;
                let mut silent = |_| ControlFlow::Continue(());
                let runner = &mut Threads::new(THREADS, &mut silent);
                let report = check_certificate(&certificate, teacher, &Limits::default(), runner)
                    .map_err(|source| FilesError::Certify { path: name, source })?;
                if let Verdict::Refuted(_) = report.verdict {
                    return Err(FilesError::Field {
                        path: path.to_owned(),
                        field: "watch.certificate".to_owned(),
                        problem:
                            "is refuted for this teacher; make one with `certify --out`, or leave it out"
                                .to_owned(),
                    }
                    .into());
                }
                Dual::checked(teacher, &certificate, &report)
            }
        };
        let dual = dual.map_err(watch_error)?;
        Ok(Self { section, path, teacher: teacher.clone(), dual, optimum: None })
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

    /// Evaluates the claims at a student of Stage 3, adds their rows, and returns the first that is
    /// violated if that is to end the run.
    pub(crate) fn look(
        &mut self,
        phase: Phase,
        state: &State,
        lambda: f64,
        table: Option<&mut Rows>,
    ) -> Result<Option<Violation>, RunError> {
        if !matches!(phase, Phase::Stage3 { .. } | Phase::Floor { .. }) {
            return Ok(None);
        }
        let claims = self
            .claims(&state.student, lambda)
            .map_err(|source| RunError::Watch { path: self.path.to_owned(), source })?;
        if let Some(table) = table {
            for claim in &claims {
                table.push(&row(state.steps, lambda, claim))?;
            }
        }
        let violated = claims.into_iter().find(Claim::is_violated);
        Ok(violated.filter(|_| self.section.stop_when_violated).map(|claim| Violation {
            step: state.steps,
            lambda,
            claim,
        }))
    }

    /// The claims, in the order of the statements.
    fn claims(&mut self, student: &Network, lambda: f64) -> Result<Vec<Claim>, TheoryError> {
        let Self { section, teacher, dual, optimum, .. } = self;
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

fn row(step: u64, lambda: f64, claim: &Claim) -> Vec<String> {
    let finite = |x: f64| if x.is_finite() { format!("{x:e}") } else { String::new() };
    vec![
        step.to_string(),
        format!("{lambda:e}"),
        claim.name(),
        finite(claim.left),
        finite(claim.right),
        finite(claim.ratio()),
        claim.finding.name().to_owned(),
        claim.evidence.name().to_owned(),
    ]
}
