//! Statements of the local analysis watched along a run: both sides every so many steps of Stage 3, and an end where one is violated.

use crate::error::RunError;
use crate::experiment::WatchSection;
use crate::format::WATCHABLE;
use gradiometer_certify::{Certificate, Interpolant, Limits, Verdict, check_certificate};
use gradiometer_files::FilesError;
use gradiometer_files::certificate_file::read_certificate;
use gradiometer_landscape::LandscapeError;
use gradiometer_landscape::certificate::{CertificateOptions, Threads, find_certificate};
use gradiometer_landscape::descent::{CLOSE, DescentDirection, largest_step};
use gradiometer_landscape::lemmas::{Claim, InterpolatedCertificate, Point, TestFunction};
use gradiometer_landscape::optimum::{Optimum, OptimumOptions, regularised_optimum};
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_train::State;
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
    certificate: Certificate,
    dual: InterpolatedCertificate,
}

impl Watch {
    /// Finds a certificate of the teacher, or reads and checks the one that the experiment names.
    pub(crate) fn new(
        section: &WatchSection,
        teacher: &SeparatedTeacher,
        beside: &Path,
    ) -> Result<Self, RunError> {
        let (certificate, dual) = match &section.certificate {
            None => {
                let found = find_certificate(teacher, &CertificateOptions::default());
                let certificate = found.map_err(RunError::Watch)?.certificate;
                let interpolant = Interpolant::certificate(teacher, certificate.weights())
                    .map_err(|source| RunError::Watch(source.into()))?;
                let rho = certificate.rho();
                (certificate, InterpolatedCertificate::unproved(interpolant, rho))
            }
            Some(name) => {
                let name = beside.join(name);
                let certificate = read_certificate(&name)?;
                let mut silent = |_| ControlFlow::Continue(());
                let runner = &mut Threads::new(THREADS, &mut silent);
                let report = check_certificate(&certificate, teacher, &Limits::default(), runner)
                    .map_err(|source| FilesError::Certify { path: name, source })?;
                if let Verdict::Refuted(_) = report.verdict {
                    let problem = "is refuted for this teacher; make one with `certify --out`, or leave it out";
                    let field = "watch.certificate".to_owned();
                    return Err(RunError::Field { field, problem: problem.to_owned() });
                }
                let dual = InterpolatedCertificate::checked(teacher, &certificate, &report)
                    .map_err(|source| RunError::Watch(source.into()))?;
                (certificate, dual)
            }
        };
        Ok(Self { section: section.clone(), teacher: teacher.clone(), certificate, dual })
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

    /// The first claim that is violated, if that is to end the run.
    pub(crate) fn violation(&self, claims: &[WatchedClaim]) -> Option<WatchedClaim> {
        let mut claims = claims.iter().filter(|_| self.section.stop_when_violated);
        claims.find(|watched| watched.claim.is_violated()).cloned()
    }

    /// The claims at a student of Stage 3, in the order of the statements; `optimum` keeps that of the latest `lambda` that needed one.
    pub(crate) fn claims(
        &self,
        state: &State,
        lambda: f64,
        optimum: &mut Option<Optimum>,
    ) -> Result<Vec<WatchedClaim>, LandscapeError> {
        let named = self.named(&state.student, lambda, optimum)?;
        let step = state.steps;
        Ok(named
            .into_iter()
            .map(|(name, claim)| WatchedClaim { step, lambda, name, claim })
            .collect())
    }

    /// The claims with their names, in the order of the statements.
    fn named(
        &self,
        student: &Network,
        lambda: f64,
        optimum: &mut Option<Optimum>,
    ) -> Result<Vec<(String, Claim)>, LandscapeError> {
        let wanted = |id: &str| self.section.claims.iter().any(|claim| claim == id);
        let point = Point::new(&self.teacher, student, lambda)?;
        let mut claims = point.claims(&self.dual, self.section.angle);
        if wanted("5.2") || wanted("5.3") {
            let found = match optimum.take() {
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
            claims.extend(point.optimum_bounds(&self.dual, &found.measure, found.duality_gap));
            claims.push(point.gap_identity(&found.measure).claim);
            *optimum = Some(found);
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
