//! `certify TEACHER` and `check-certificate CERT --teacher T`: dual certificates found, and proved.

use super::TensorArguments;
use crate::digits::{lower_end, upper_end};
use crate::{Common, Failure, Outcome, Report, Table, scientific};
use gradiometer::certify::{
    CertificateVerdict, Limits, Obstacle, Progress, Refutation, Verdict, check_certificate,
};
use gradiometer::files::number;
use gradiometer::files::{read_certificate, read_teacher, write_certificate};
use gradiometer::landscape::certificate::{CertificateOptions, Goal, Threads, prove_certificate};
use gradiometer::theory::Evidence;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

/// Limits of the checker.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct LimitArguments {
    /// Most boxes to bound before the answer is "inconclusive".
    #[arg(long, value_name = "N", default_value_t = Limits::default().boxes)]
    boxes: u64,
    /// Seconds after which the answer is "inconclusive".
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<f64>,
    /// Threads; the verdict does not depend on them. All cores by default.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl LimitArguments {
    fn limits(&self) -> Limits {
        Limits { boxes: self.boxes, ..Limits::default() }
    }

    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.unwrap_or_else(cores)
    }
}

/// What to find a certificate for.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// The teacher: .json, .toml, .safetensors or .npz.
    teacher: PathBuf,
    /// Writes the certificate to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Makes |p| small among certificates of at least this rho, instead of |p|^2/rho.
    #[arg(long, value_name = "RHO")]
    smallest_norm: Option<f64>,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    tensors: TensorArguments,
}

/// What to check, and against whom.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct CheckArguments {
    /// The certificate, a JSON file.
    certificate: PathBuf,
    /// The teacher: .json, .toml, .safetensors or .npz.
    #[arg(long, value_name = "FILE")]
    teacher: PathBuf,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    tensors: TensorArguments,
}

/// Shows the boxes that the checker has bounded, and stops it when its time is up.
#[expect(
    clippy::disallowed_methods,
    reason = "a time limit needs a clock; it can only end a proof"
)]
pub(super) fn counter(
    common: &Common,
    time_limit: Option<f64>,
) -> (ProgressBar, impl FnMut(Progress) -> ControlFlow<()> + use<>) {
    let start = Instant::now();
    let bar = if common.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    let shown = bar.clone();
    let show = move |progress: Progress| {
        shown.set_message(format!(
            "{} boxes bounded, {} waiting",
            progress.boxes, progress.open_boxes
        ));
        shown.tick();
        match time_limit {
            Some(limit) if !(start.elapsed().as_secs_f64() < limit) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    (bar, show)
}

/// The verdict's exit code and reason.
fn explain(verdict: &CertificateVerdict) -> (Outcome, Value) {
    match verdict {
        Verdict::Proved(_) => (Outcome::Holds, Value::Null),
        Verdict::Refuted(refutation) => {
            let reason = match refutation {
                Refutation::Coefficient { neuron, coordinate, stored, enclosure } => json!({
                    "rule": "coefficient", "neuron": neuron, "coordinate": coordinate, "stored": stored,
                    "lower": enclosure.lo(), "upper": enclosure.hi(),
                }),
                Refutation::Norm { claimed, enclosure } => json!({
                    "rule": "norm", "claimed": claimed, "lower": enclosure.lo(), "upper": enclosure.hi(),
                }),
                Refutation::Bound { witness, eta, delta } => json!({
                    "rule": "bound", "witness": witness,
                    "eta": {"lower": eta.lo(), "upper": eta.hi()},
                    "delta": {"lower": delta.lo(), "upper": delta.hi()},
                }),
                _ => json!({"rule": "other"}),
            };
            (Outcome::Refuted, reason)
        }
        Verdict::Inconclusive(obstacle) => {
            let reason = match obstacle {
                Obstacle::Norm { claimed, enclosure } => json!({
                    "obstacle": "norm", "claimed": claimed, "lower": enclosure.lo(), "upper": enclosure.hi(),
                }),
                Obstacle::Cap { neuron } => json!({"obstacle": "cap", "neuron": neuron}),
                Obstacle::TooFine { point } => json!({"obstacle": "too fine", "point": point}),
                Obstacle::Boxes => json!({"obstacle": "limit on boxes; raise --boxes"}),
                Obstacle::Memory => json!({"obstacle": "limit on memory"}),
                _ => json!({"obstacle": "time is up; raise --time-limit"}),
            };
            (Outcome::Inconclusive, reason)
        }
    }
}

/// A report of the checker in both forms; what it does not prove is known as `otherwise` says.
fn report(
    report: &gradiometer::certify::Report,
    from_degree: usize,
    otherwise: Evidence,
    more: &[(&str, Value)],
) -> (Report, Outcome) {
    let (name, (outcome, reason)) = (report.verdict.name(), explain(&report.verdict));
    let evidence = if outcome == Outcome::Holds { Evidence::Certified } else { otherwise };
    let mut json = json!({
        "verdict": name,
        "reason": reason,
        "rho": number(report.rho),
        "p_norm": number(report.p_norm.hi()),
        "p_norm_lower": number(report.p_norm.lo()),
        "from_degree": from_degree,
        "rank": report.rank,
        "dimension_checked": report.dimension_checked,
        "boxes": report.boxes,
        "shells": report.shells,
        "cap_radii": report.cap_radii,
        "evidence": evidence.name(),
    });
    let mut table = Table::new(&["quantity", "value"]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    let (rho, norm) = (report.rho, report.p_norm.hi());
    row("rho", lower_end(rho, 6));
    row("|p|", upper_end(norm, 6));
    row("|p|^2/rho", upper_end(((norm * norm).next_up() / rho).next_up(), 6));
    row("degrees from", from_degree.to_string());
    row("rank", report.rank.to_string());
    row("dimension of the sphere's space", report.dimension_checked.to_string());
    row("boxes bounded", report.boxes.to_string());
    for (field, value) in more {
        row(field, value.as_f64().map_or_else(|| value.to_string(), |x| scientific(x, 6)));
        json[*field] = value.clone();
    }
    let why = if reason.is_null() { String::new() } else { format!(" ({reason})") };
    let text = format!("{name}{why}\n{}evidence: {evidence}\n", table.text());
    (Report { text, json }, outcome)
}

/// Finds a certificate and has the independent checker prove it.
///
/// # Errors
/// [`Failure`] for a bad file, a teacher without certificate, or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let path = &arguments.teacher;
    let fail = |error: String| Failure::Data(format!("{}: {error}", path.display()));
    let teacher = read_teacher(path, &arguments.tensors.names())?;
    let teacher = teacher.separated().map_err(|error| fail(error.to_string()))?;
    let mut options = CertificateOptions::default();
    if let Some(smallest_rho) = arguments.smallest_norm {
        options.goal = Goal::Norm { smallest_rho };
    }
    let (bar, mut show) = counter(common, arguments.limits.time_limit);
    let runner = &mut Threads::new(arguments.limits.threads(), &mut show);
    let checked = prove_certificate(&teacher, &options, &arguments.limits.limits(), runner);
    bar.finish_and_clear();
    let checked = checked.map_err(|error| fail(error.to_string()))?;
    let certificate = &checked.found.certificate;
    if let Some(out) = &arguments.out {
        write_certificate(out, certificate)?;
    }
    let more = [("sampled_rho", number(checked.found.sampled_rho))];
    let degree = certificate.weights().first_degree();
    // Its rho is a share of the one that the finder met.
    let (report, outcome) = report(&checked.report, degree, Evidence::Sampled, &more);
    report.print(common)?;
    Ok(outcome)
}

/// The independent checker alone.
///
/// # Errors
/// [`Failure`] for bad files, a certificate of another shape than the teacher's, or a closed output.
pub fn check(arguments: &CheckArguments, common: &Common) -> Result<Outcome, Failure> {
    let teacher = read_teacher(&arguments.teacher, &arguments.tensors.names())?;
    let certificate = read_certificate(&arguments.certificate)?;
    let (bar, mut show) = counter(common, arguments.limits.time_limit);
    let runner = &mut Threads::new(arguments.limits.threads(), &mut show);
    let checked = check_certificate(&certificate, &teacher, &arguments.limits.limits(), runner);
    bar.finish_and_clear();
    let checked = checked
        .map_err(|error| Failure::Data(format!("{}: {error}", arguments.certificate.display())))?;
    let degree = certificate.weights().first_degree();
    let (report, outcome) = report(&checked, degree, Evidence::Claimed, &[]);
    report.print(common)?;
    Ok(outcome)
}
