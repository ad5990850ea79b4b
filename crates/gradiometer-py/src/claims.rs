//! Certificates, statements and their verification, studies and reports.

use crate::arrays::{Matrix, vector};
use crate::errors::Failure;
use crate::jobs::{here, long, long_within};
use crate::networks::{Network, Teacher};
use gradiometer::Certified;
use gradiometer::certify::{
    self as checker, CertificateParts, Interpolant, Limits, Progress, Report, Runner, Verdict,
};
use gradiometer::files::{number, read_certificate, read_certificate_of, write_certificate};
use gradiometer::instances::Instance;
use gradiometer::landscape::certificate::{CertificateOptions, Threads};
use gradiometer::landscape::rho::eta;
use gradiometer::population::{PopulationError, Stop};
use gradiometer::report::{ReportOptions, write_report_while};
use gradiometer::study::{STUDIES, Size, find};
use gradiometer::theory::{Analysis, Claim, Context, Dual, Form, Known, Relation, Statement};
use gradiometer::verify::{Options, Suite, VerifyError, all_statements, write_folder};
use numpy::PyArray1;
use pyo3::prelude::*;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

/// A certificate of a teacher, and what the checker says of it where it was asked.
#[pyclass(frozen, module = "gradiometer._lib")]
pub(crate) struct Certificate {
    certificate: Arc<checker::Certificate>,
    report: Option<Arc<Report>>,
}

/// On, until a flag is raised.
fn go_on(stop: &Stop) -> ControlFlow<()> {
    if stop.is_raised() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// What a checker asks whether to go on: until it is stopped, or late.
fn until<'a>(stop: &'a Stop, late: &'a Stop) -> impl FnMut(Progress) -> ControlFlow<()> + 'a {
    move |_| if late.is_raised() { ControlFlow::Break(()) } else { go_on(stop) }
}

fn limits(boxes: Option<u64>) -> Limits {
    let default = Limits::default();
    Limits { boxes: boxes.unwrap_or(default.boxes), ..default }
}

/// Finds a certificate, and has the checker prove it.
#[pyfunction]
pub(crate) fn certify(
    py: Python<'_>,
    teacher: &Teacher,
    boxes: Option<u64>,
    seconds: Option<f64>,
    largest_degree: usize,
) -> PyResult<Certificate> {
    let teacher = teacher.separated()?;
    let found: Result<Certified, Failure> = long_within(py, seconds, move |stop, late| {
        let options = CertificateOptions { largest_degree, ..CertificateOptions::default() };
        let mut proceed = until(stop, late);
        let runner: &mut dyn Runner = &mut Threads::new(rayon_threads(), &mut proceed);
        let found = gradiometer::certify_by(&teacher, &options, &limits(boxes), runner);
        Ok(found?)
    })?;
    let found = found?;
    Ok(Certificate {
        certificate: Arc::new(found.found().certificate.clone()),
        report: Some(Arc::new(found.report().clone())),
    })
}

/// Threads of the pool that this runs on.
fn rayon_threads() -> usize {
    rayon::current_num_threads()
}

fn report_json(report: &Report) -> Value {
    let witness = match &report.verdict {
        Verdict::Refuted(checker::Refutation::Bound { witness, .. }) => Some(witness),
        _ => None,
    };
    json!({
        "verdict": report.verdict.name(),
        "reason": report.verdict.to_string(),
        "witness": witness,
        "rho": number(report.rho),
        "p_norm": [number(report.p_norm.lo()), number(report.p_norm.hi())],
        "rank": report.rank,
        "dimension_checked": report.dimension_checked,
        "boxes": report.boxes,
    })
}

/// Values, and what they may be off by.
type WithErrors<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

#[pymethods]
impl Certificate {
    /// Reads one; with a teacher it must be that teacher's.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf, teacher: Option<&Teacher>) -> PyResult<Self> {
        let read = here(py, || match teacher {
            Some(teacher) => read_certificate_of(&path, &teacher.0),
            None => read_certificate(&path),
        })?;
        let certificate = Arc::new(read.map_err(Failure::from)?);
        Ok(Self { certificate, report: None })
    }

    fn save(&self, py: Python<'_>, path: PathBuf, teacher: &Teacher) -> PyResult<()> {
        let written = here(py, || write_certificate(&path, &self.certificate, &teacher.0))?;
        Ok(written.map_err(Failure::from)?)
    }

    /// The same with another claim of `rho`.
    fn claiming(&self, rho: f64) -> PyResult<Self> {
        let certificate = self.certificate.with_rho(rho).map_err(Failure::from)?;
        Ok(Self { certificate: Arc::new(certificate), report: None })
    }

    /// Its numbers as JSON.
    fn parts(&self) -> String {
        let CertificateParts { low_weights, tail_weight, values, gradients, rho, p_norm, .. } =
            self.certificate.parts();
        let json = json!({
            "from_degree": self.certificate.weights().first_degree(),
            "low_weights": low_weights,
            "tail_weight": tail_weight,
            "values": values,
            "gradients": gradients,
            "rho": rho,
            "p_norm": p_norm,
        });
        json.to_string()
    }

    /// What the checker said when it was found, as JSON.
    fn report(&self) -> Option<String> {
        self.report.as_ref().map(|report| report_json(report).to_string())
    }

    /// What the checker says of it and a teacher, as JSON.
    fn check(
        &self,
        py: Python<'_>,
        teacher: &Teacher,
        boxes: Option<u64>,
        seconds: Option<f64>,
    ) -> PyResult<String> {
        let (certificate, teacher) = (self.certificate.clone(), teacher.0.clone());
        let checked: Result<Report, Failure> = long_within(py, seconds, move |stop, late| {
            let mut proceed = until(stop, late);
            let runner: &mut dyn Runner = &mut Threads::new(rayon_threads(), &mut proceed);
            Ok(checker::check_certificate(&certificate, &teacher, &limits(boxes), runner)?)
        })?;
        Ok(report_json(&checked?).to_string())
    }

    /// `eta` at the directions of the rows, with its errors.
    fn eta<'py>(
        &self,
        py: Python<'py>,
        teacher: &Teacher,
        x: Matrix<'py>,
    ) -> PyResult<WithErrors<'py>> {
        let (dimension, rows) = crate::networks::points(&x);
        if dimension != teacher.0.dimension() {
            let expected = teacher.0.dimension();
            let message = format!(
                "the points have {dimension} columns; the teacher's dimension is {expected}"
            );
            return Err(Failure::data(message).into());
        }
        let (certificate, teacher) = (self.certificate.clone(), teacher.0.clone());
        let found: Result<(Vec<f64>, Vec<f64>), Failure> = long(py, move |_| {
            let interpolant = Interpolant::certificate(&teacher, certificate.weights())?;
            let at = |row: &[f64]| {
                let found = eta(&interpolant, &gradiometer::model::geometry::normalised(row));
                (found.value, found.error)
            };
            Ok(rows.chunks_exact(dimension).map(at).unzip())
        })?;
        let (values, errors) = found?;
        Ok((vector(py, values), vector(py, errors)))
    }
}

fn claim_json(claim: &Claim) -> Value {
    json!({
        "id": claim.id,
        "part": claim.part,
        "neuron": claim.neuron,
        "left": number(claim.left),
        "relation": if claim.relation == Relation::Equal { "=" } else { "<=" },
        "right": number(claim.right),
        "ratio": number(claim.ratio()),
        "rounding": number(claim.rounding),
        "finding": claim.finding.name(),
        "hidden_by_rounding": claim.is_hidden,
        "obstacle": claim.obstacle,
        "evidence": claim.evidence.name(),
    })
}

/// Boxes that the proof of a certificate may take where none was given.
const BOXES: u64 = 3_000_000;

/// Both sides of every statement at a student, as JSON.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "a request in keywords")]
pub(crate) fn analyze(
    py: Python<'_>,
    teacher: &Teacher,
    student: &Network,
    weight_decay: f64,
    certificate: Option<&Certificate>,
    angle: f64,
    refinements: Option<usize>,
    seconds: Option<f64>,
) -> PyResult<String> {
    let (teacher, student) = (teacher.separated()?, student.0.clone());
    let given = certificate.map(|given| (given.certificate.clone(), given.report.clone()));
    let found: Result<Value, Failure> = long_within(py, seconds, move |stop, late| {
        let mut show = until(stop, late);
        let runner: &mut dyn Runner = &mut Threads::new(rayon_threads(), &mut show);
        let dual = if let Some((certificate, report)) = given {
            // A proof for another teacher says nothing of this one.
            let report = match report {
                Some(report) if is_proof_of(&report, &teacher) => report,
                _ => {
                    let limits = limits(None);
                    let checked =
                        checker::check_certificate(&certificate, &teacher, &limits, runner);
                    Arc::new(checked?)
                }
            };
            if let Verdict::Refuted(refutation) = &report.verdict {
                return Err(Failure::data(format!("the certificate is refuted: {refutation}")));
            }
            Dual::checked(&teacher, &certificate, &report)?
        } else {
            let options = CertificateOptions::default();
            gradiometer::certify_by(&teacher, &options, &limits(Some(BOXES)), runner)?.dual()?
        };
        let mut context = Context::given(&teacher, &student, weight_decay, dual, angle)
            .enclosed()
            .stopping_at(stop);
        if let Some(refinements) = refinements {
            context = context.refined(refinements);
        }
        let mut proceed = until(stop, late);
        let analysis =
            Analysis::new_while(&context, &mut |_: &Statement| proceed(Progress::default()))?;
        Ok(analysis_json(&analysis, weight_decay))
    })?;
    Ok(found?.to_string())
}

/// Whether a report proves its certificate for this teacher.
fn is_proof_of(report: &Report, teacher: &gradiometer::model::Teacher) -> bool {
    let proof = report.verdict.proof();
    proof.is_some_and(|proof| {
        let own = Interpolant::certificate(teacher, proof.certificate().weights());
        own.is_ok_and(|own| own == *proof.interpolant())
    })
}

fn analysis_json(analysis: &Analysis, weight_decay: f64) -> Value {
    let interval = |(lower, upper): (f64, f64)| json!([number(lower), number(upper)]);
    json!({
        "weight_decay": weight_decay,
        "claims": analysis.claims.iter().map(claim_json).collect::<Vec<_>>(),
        "gap": interval(analysis.gap),
        "gap_evidence": analysis.gap_evidence.name(),
        "gap_by_certificate": interval(analysis.gap_by_certificate),
        "gap_proved": analysis.gap_proved.map(interval),
        "rho": number(analysis.dual.rho().value),
        "p_norm": number(analysis.dual.norm()),
        "certificate_evidence": analysis.dual.evidence().name(),
        "not_evaluated": analysis.not_evaluated,
        "left_out": analysis.left_out,
    })
}

fn statement(id: &str) -> Result<&'static Statement, Failure> {
    all_statements().find(|statement| statement.id == id).ok_or_else(|| {
        let known = all_statements().map(|statement| statement.id).collect();
        VerifyError::UnknownStatement { id: id.to_owned(), known }.into()
    })
}

fn instance(
    teacher: &Teacher,
    student: &Network,
    weight_decay: f64,
    seed: u64,
) -> Result<Instance, Failure> {
    let student = (*student.0).clone();
    Ok(Instance { seed, teacher: teacher.separated()?, student, lambda: weight_decay })
}

/// Both sides of one statement at an instance, stated or as its control has it, as JSON.
#[pyfunction]
pub(crate) fn claim(
    py: Python<'_>,
    id: &str,
    teacher: &Teacher,
    student: &Network,
    weight_decay: f64,
    seed: u64,
    control: bool,
) -> PyResult<String> {
    let (statement, instance) = (statement(id)?, instance(teacher, student, weight_decay, seed)?);
    let found: Result<Vec<Value>, Failure> = long(py, move |stop| {
        let context = Context::drawn(&instance).stopping_at(stop);
        let form = if control { Form::Control } else { Form::Stated };
        let mut claims = Vec::new();
        for check in statement.named_checks() {
            claims.extend(check.claims(&context, form)?.iter().map(claim_json));
        }
        Ok(claims)
    })?;
    Ok(Value::from(found?).to_string())
}

/// The numbers of a student from which one's own inequalities are made, as JSON.
#[pyfunction]
pub(crate) fn quantities(
    py: Python<'_>,
    teacher: &Teacher,
    student: &Network,
    weight_decay: f64,
    seed: u64,
) -> PyResult<String> {
    let instance = instance(teacher, student, weight_decay, seed)?;
    let found: Result<Value, Failure> = long(py, move |stop| {
        let context = Context::drawn(&instance).stopping_at(stop);
        let at = context.quantities()?;
        let point = context.point()?;
        let known = |x: Known| json!({"value": number(x.value), "error": number(x.error)});
        let dual = context.dual().ok();
        Ok(json!({
            "loss": known(at.loss),
            "root_loss": known(at.root_loss()),
            "zeta_plus": known(at.zeta_plus),
            "mass_excess": known(at.mass_excess),
            "decay_excess": known(at.decay_excess),
            "mean_angle": mean_angle(point),
            "rho": dual.map(|dual| number(dual.rho().value)),
            "p_norm": dual.map(|dual| number(dual.norm())),
        }))
    })?;
    Ok(found?.to_string())
}

/// `sum_j |c_j| delta_j / sum_j |c_j|`, radians.
fn mean_angle(point: &gradiometer::landscape::point::Point<'_>) -> Value {
    let masses = point.split().masses().iter().zip(point.split().angles());
    let (weighted, all) =
        masses.fold((0.0, 0.0), |(w, all), (c, delta)| (w + c.abs() * delta, all + c.abs()));
    number(weighted / all)
}

/// An instance in Python: its teacher, student, weight decay and seed.
type Drawn = (Teacher, Network, f64, u64);

fn drawn(instance: Instance) -> Drawn {
    let Instance { seed, teacher, student, lambda } = instance;
    (Teacher::new(teacher.into_inner()), Network::new(student), lambda, seed)
}

/// The random instance of a seed.
#[pyfunction]
pub(crate) fn draw(py: Python<'_>, seed: u64) -> PyResult<Drawn> {
    let found = long(py, move |_| gradiometer::landscape::instance::draw(seed))?;
    Ok(drawn(found.map_err(Failure::from)?))
}

/// A random move from an instance, of a size, by a seed.
#[pyfunction]
pub(crate) fn moved(
    py: Python<'_>,
    teacher: &Teacher,
    student: &Network,
    weight_decay: f64,
    seed: u64,
    size: f64,
    step: u64,
) -> PyResult<Drawn> {
    let instance = instance(teacher, student, weight_decay, seed)?;
    let found = here(py, || instance.moved(size, step))?;
    Ok(drawn(found.map_err(Failure::from)?))
}

/// All statements, as JSON.
#[pyfunction]
pub(crate) fn statements() -> String {
    let all: Vec<Value> = all_statements()
        .map(|statement| {
            let checks: Vec<Value> = statement
                .checks
                .iter()
                .map(|check| {
                    json!({
                        "title": check.title,
                        "hypotheses": check.hypotheses,
                        "control": check.control,
                    })
                })
                .collect();
            let exponents: Vec<Value> = statement
                .exponents
                .iter()
                .map(|exponent| {
                    json!({
                        "part": exponent.part,
                        "predicted": exponent.predicted.text(),
                        "control": exponent.control,
                    })
                })
                .collect();
            json!({
                "id": statement.id,
                "says": statement.says,
                "constants": statement.constants,
                "sharp": statement.sharp,
                "reference": statement.reference,
                "checks": checks,
                "exponents": exponents,
                "about_students": statement.is_about_students(),
            })
        })
        .collect();
    Value::from(all).to_string()
}

/// What a statement says in full; none for an id without a text.
#[pyfunction]
pub(crate) fn explanation(id: &str) -> Option<&'static str> {
    gradiometer::theory::explanation(id)
}

/// Statements on random instances, with a search and controls, as JSON.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "a request in keywords")]
pub(crate) fn verify(
    py: Python<'_>,
    ids: Vec<String>,
    instances: u64,
    seed: u64,
    steps: u64,
    draws: u64,
    runs: u64,
    out: Option<PathBuf>,
    scale: f64,
) -> PyResult<(String, String)> {
    let found: Result<(Value, Value), Failure> = long(py, move |stop| {
        let options = Options { instances, seed, steps, draws, runs };
        let mut suite = Suite::of(&ids, options)?.scaled(scale).stopping_at(stop);
        let mut proceed = |_: gradiometer::verify::Progress<'_>| go_on(stop);
        suite.run(None, &mut proceed)?;
        if stop.is_raised() {
            return Err(PopulationError::Stopped.into());
        }
        if let Some(out) = out {
            std::fs::create_dir_all(&out).map_err(|source| {
                gradiometer::files::FilesError::Write { path: out.clone(), source }
            })?;
            write_folder(&suite, &out)?;
        }
        Ok((json!(suite.verification()), json!(suite.instances())))
    })?;
    let (suite, instances) = found?;
    Ok((suite.to_string(), instances.to_string()))
}

/// Names, statements and subjects of the studies.
#[pyfunction]
pub(crate) fn studies() -> Vec<(&'static str, &'static str, &'static str)> {
    STUDIES.iter().map(|study| (study.name, study.statement, study.about)).collect()
}

/// What a study finds, as JSON.
#[pyfunction]
pub(crate) fn study(py: Python<'_>, name: &str, full: bool) -> PyResult<String> {
    let Some(study) = find(name) else {
        let known: Vec<&str> = STUDIES.iter().map(|study| study.name).collect();
        let message = format!("there is no study {name}; the names are {}", known.join(", "));
        return Err(Failure::data(message).into());
    };
    let found: Result<Value, Failure> = long(py, move |stop| {
        let size = if full { Size::Full } else { Size::Quick };
        let findings = study.session(size).run(None, &mut |_| go_on(stop))?;
        findings.map(|findings| findings.json()).ok_or_else(|| PopulationError::Stopped.into())
    })?;
    Ok(found?.to_string())
}

/// Writes the report of a folder: the page, and the figures' files.
#[pyfunction]
pub(crate) fn report(py: Python<'_>, folder: PathBuf) -> PyResult<(PathBuf, Vec<PathBuf>)> {
    let options = ReportOptions::default();
    let written = long(py, move |stop| write_report_while(&folder, options, &mut |_| go_on(stop)))?;
    let written = written.map_err(Failure::from)?;
    Ok((written.page, written.figures))
}
