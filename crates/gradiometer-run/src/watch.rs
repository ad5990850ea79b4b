//! Statements of the local analysis watched along a run: both sides every so many steps of Stage 3, and an end where one is violated.

use crate::error::RunError;
use crate::experiment::{WatchSection, beside};
use crate::format::WATCHABLE;
use gradiometer_certify::{Certificate, Interpolant, Limits, Verdict, check_certificate};
use gradiometer_files::certificate_file::read_certificate;
use gradiometer_files::rows::Rows;
use gradiometer_files::{FilesError, number};
use gradiometer_landscape::LandscapeError;
use gradiometer_landscape::certificate::{CertificateOptions, Threads, find_certificate};
use gradiometer_landscape::descent::{CLOSE, DescentDirection, largest_step};
use gradiometer_landscape::lemmas::{Claim, InterpolatedCertificate, Point, TestFunction};
use gradiometer_landscape::optimum::{Optimum, OptimumOptions, regularised_optimum};
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_train::{Phase, State};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::Path;

/// Threads of the certificate's check; its outcome does not depend on them.
const THREADS: usize = 2;
/// Random starting points of the search for the constant of a test function, and the seed.
const STARTS: usize = 100;
/// Rounds of the solver of the regularised optimum.
const ROUNDS: usize = 4;
/// Refinements of it where it is no finite sum of atoms: a gap of about `1e-8` of its value.
const REFINEMENTS: usize = 4;
/// Relative width of the bracket of the largest step size.
const STEP_WIDTH: f64 = 1e-3;

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
    certificate: Certificate,
    dual: InterpolatedCertificate,
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
        let (certificate, dual) = match &section.certificate {
            None => {
                let found = find_certificate(teacher, &CertificateOptions::default());
                let certificate = found.map_err(watch_error)?.certificate;
                let interpolant = Interpolant::certificate(teacher, certificate.weights())
                    .map_err(|source| watch_error(source.into()))?;
                let rho = certificate.rho();
                (certificate, InterpolatedCertificate::unproved(interpolant, rho))
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
                let dual = InterpolatedCertificate::checked(teacher, &certificate, &report)
                    .map_err(|source| watch_error(source.into()))?;
                (certificate, dual)
            }
        };
        Ok(Self { section, path, teacher: teacher.clone(), certificate, dual, optimum: None })
    }

    /// The same with a claim about the certificate that is false: a hundred times its `rho`.
    #[cfg(test)]
    pub(crate) fn falsified(mut self) -> Self {
        let interpolant =
            Interpolant::certificate(&self.teacher, self.certificate.weights()).unwrap();
        let rho = 100.0 * self.certificate.rho();
        self.dual = InterpolatedCertificate::unproved(interpolant, rho);
        self
    }

    /// Steps between two looks.
    pub(crate) const fn every(&self) -> u64 {
        self.section.every
    }

    /// Evaluates the claims at a student of Stage 3, adds their rows, and returns the first that is violated if that is to end the run.
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
            for (name, claim) in &claims {
                table.push(&row(state.steps, lambda, name, claim))?;
            }
        }
        let violated = claims.into_iter().map(|(_, claim)| claim).find(Claim::is_violated);
        Ok(violated.filter(|_| self.section.stop_when_violated).map(|claim| Violation {
            step: state.steps,
            lambda,
            claim,
        }))
    }

    /// The claims with their names, in the order of the statements.
    fn claims(
        &mut self,
        student: &Network,
        lambda: f64,
    ) -> Result<Vec<(String, Claim)>, LandscapeError> {
        let wanted = |id: &str| self.section.claims.iter().any(|claim| claim == id);
        let point = Point::new(&self.teacher, student, lambda)?;
        let mut claims = point.claims(&self.dual, self.section.angle);
        if wanted("5.2") || wanted("5.3") {
            let optimum = match self.optimum.take() {
                Some(optimum) if optimum.lambda.to_bits() == lambda.to_bits() => optimum,
                _ => {
                    let options = OptimumOptions {
                        rounds: ROUNDS,
                        refinements: REFINEMENTS,
                        ..OptimumOptions::default()
                    };
                    regularised_optimum(&self.teacher, lambda, &options)?
                }
            };
            claims.extend(point.optimum_bounds(&self.dual, &optimum.measure, optimum.duality_gap));
            claims.push(point.gap_identity(&optimum.measure).claim);
            self.optimum = Some(optimum);
        }
        if wanted("7.8") {
            let direction = DescentDirection::new(&point, CLOSE);
            claims.extend([
                direction.identity(),
                direction.inequality(),
                direction.gradient_bound(),
            ]);
        }
        if wanted("7.10") {
            claims.extend(largest_step(&point, STEP_WIDTH)?.map(|step| step.claim()));
        }
        claims.retain(|claim| wanted(claim.id));
        let mut named: Vec<(String, Claim)> = claims
            .into_iter()
            .map(|claim| (format!("{} {}", claim.id, claim.part), claim))
            .collect();
        if wanted("7.6") {
            for i in 0..self.teacher.neurons() {
                let claim = self.average_neuron(&point, i)?;
                named.push((format!("7.6 {} {i}", claim.part), claim));
            }
        }
        named.sort_by_key(|(_, claim)| WATCHABLE.iter().position(|id| *id == claim.id));
        Ok(named)
    }

    /// Statement 7.6 for teacher neuron `i` along its own direction.
    fn average_neuron(&self, point: &Point<'_>, i: usize) -> Result<Claim, LandscapeError> {
        let mut along = vec![0.0; self.teacher.neurons()];
        along[i] = 1.0;
        let (weights, neurons) = (self.certificate.weights(), point.student().first_layer());
        let test = TestFunction::new(&self.teacher, weights, i, &along, STARTS, neurons, 1)?;
        Ok(point.average_neuron(&test))
    }
}

fn row(step: u64, lambda: f64, name: &str, claim: &Claim) -> Vec<String> {
    let finite = |x: f64| if x.is_finite() { format!("{x:e}") } else { String::new() };
    vec![
        step.to_string(),
        format!("{lambda:e}"),
        name.to_owned(),
        finite(claim.left),
        finite(claim.right),
        finite(claim.ratio()),
        claim.finding.name().to_owned(),
        claim.evidence.name().to_owned(),
    ]
}
