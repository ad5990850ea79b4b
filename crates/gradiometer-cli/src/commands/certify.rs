//! `certify TEACHER` and `check-certificate CERT --teacher T`: dual certificates found, and proved.

use super::{TensorArguments, not_negative, positive};
use crate::{Common, Failure, Outcome, Report, Table, say, scientific};
use gradiometer::certify::{
    CertificateVerdict, Limits, Method, Obstacle, Progress, Refutation, Verdict, check_certificate,
    check_certificate_by,
};
use gradiometer::files::digits::{lower_end, upper_end};
use gradiometer::files::number;
use gradiometer::files::{file, may_write_certificate, read_named_certificate, write_certificate};
use gradiometer::landscape::LandscapeError;
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
    #[arg(long, value_name = "SECONDS", value_parser = not_negative, allow_negative_numbers = true)]
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
    /// The teacher: .json, .toml, .safetensors, .npz, or - with --format.
    teacher: PathBuf,
    /// Writes the certificate to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Minimise |p| among certificates with at least this rho (default: minimise |p|^2/rho).
    #[arg(long, value_name = "RHO", value_parser = positive, allow_negative_numbers = true)]
    smallest_norm: Option<f64>,
    /// The largest first degree l of a kernel to try, even.
    #[arg(long, value_name = "L", default_value_t = CertificateOptions::default().largest_degree)]
    largest_degree: usize,
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
    /// The teacher: .json, .toml, .safetensors, .npz, or - with --format.
    #[arg(long, value_name = "FILE")]
    teacher: PathBuf,
    /// How the bound is shown: branch-and-bound (sharp, exponential in the rank) or lagrange
    /// (polynomial, any dimension). By default the one that costs less.
    #[arg(long, value_name = "METHOD", value_parser = method)]
    method: Option<Method>,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    tensors: TensorArguments,
}

fn method(text: &str) -> Result<Method, String> {
    Method::named(text).ok_or_else(|| "give branch-and-bound or lagrange".to_owned())
}

/// A time limit, from when it was made on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
    limit: Option<f64>,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a time limit needs a clock; it can only end a proof, and leave statements out"
    )]
    pub(super) fn new(limit: Option<f64>) -> Self {
        Self { start: Instant::now(), limit }
    }

    /// Whether a share of the time is left.
    pub(super) fn proceed(&self, share: f64) -> ControlFlow<()> {
        match self.limit {
            Some(limit) if !(self.start.elapsed().as_secs_f64() < share * limit) => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// A line on standard error that says what is being done.
pub(super) fn spinner(common: &Common) -> ProgressBar {
    if common.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() }
}

/// Shows the boxes that the checker has bounded, and stops it when its share of the time is up.
pub(super) fn counter(
    common: &Common,
    clock: Clock,
    share: f64,
) -> (ProgressBar, impl FnMut(Progress) -> ControlFlow<()> + use<>) {
    let bar = spinner(common);
    let shown = bar.clone();
    let show = move |progress: Progress| {
        shown.set_message(if progress.boxes == 0 {
            "looking for a certificate".to_owned()
        } else {
            format!(
                "certificate: {} pieces of the sphere checked, {} waiting",
                progress.boxes, progress.open_boxes
            )
        });
        shown.tick();
        clock.proceed(share)
    };
    (bar, show)
}

/// Why nothing more was tried.
const TIME_IS_UP: &str = "time is up; raise --time-limit";

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
                Obstacle::Angle { neuron, angle } => {
                    json!({"obstacle": "angle", "neuron": neuron, "angle": angle})
                }
                Obstacle::TooFine { point } => json!({"obstacle": "too fine", "point": point}),
                Obstacle::Boxes => json!({"obstacle": "limit on boxes; raise --boxes"}),
                Obstacle::Memory => json!({"obstacle": "limit on memory"}),
                _ => json!({"obstacle": TIME_IS_UP}),
            };
            (Outcome::Inconclusive, reason)
        }
    }
}

/// The verdict in words, with what to try where nothing was decided.
fn words(verdict: &CertificateVerdict) -> String {
    const SMALLER: &str =
        "a certificate with a smaller rho may be provable: certify --smallest-norm RHO";
    let why = match verdict {
        Verdict::Proved(_) => return verdict.name().to_owned(),
        Verdict::Refuted(refutation) => refutation.to_string(),
        Verdict::Inconclusive(obstacle) => match obstacle {
            Obstacle::Cap { neuron } => {
                format!("the bound could not be proved near teacher neuron u{neuron}; {SMALLER}")
            }
            Obstacle::Angle { neuron, angle } => format!(
                "the bound could not be proved at {} rad from teacher neuron u{neuron}; {SMALLER}",
                scientific(*angle, 3)
            ),
            Obstacle::TooFine { .. } => format!(
                "eta comes so close to the bound away from the teacher neurons that no piece of the sphere is small \
                 enough to decide; {SMALLER}"
            ),
            Obstacle::Boxes => {
                "as many pieces of the sphere were checked as --boxes allows; raise it".to_owned()
            }
            Obstacle::Stopped => TIME_IS_UP.to_owned(),
            obstacle => obstacle.to_string(),
        },
    };
    format!("{}: {why}", verdict.name())
}

/// A report of the checker in both forms; what it does not prove is known as `otherwise` says. Further
/// numbers have their field in JSON, then their name in the table.
fn report(
    report: &gradiometer::certify::Report,
    from_degree: usize,
    otherwise: Evidence,
    more: &[(&str, &str, Value)],
) -> (Report, Outcome) {
    let (name, (outcome, reason)) = (report.verdict.name(), explain(&report.verdict));
    let evidence = if outcome == Outcome::Holds { Evidence::Certified } else { otherwise };
    let mut json = json!({
        "verdict": name,
        "method": report.method.name(),
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
    row("method", report.method.name().to_owned());
    let pieces = match report.method {
        Method::BranchAndBound => "pieces of the sphere checked",
        Method::Lagrange => "intervals of the angle",
    };
    row(pieces, report.boxes.to_string());
    for (field, label, value) in more {
        row(label, value.as_f64().map_or_else(|| value.to_string(), |x| scientific(x, 6)));
        json[*field] = value.clone();
    }
    let text = format!("{}\n{}evidence: {evidence}\n", words(&report.verdict), table.text());
    (Report { text, json }, outcome)
}

/// Finds a certificate and has the independent checker prove it.
///
/// # Errors
/// [`Failure`] for a bad file, a teacher without certificate, or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let path = &arguments.teacher;
    let fail = |error: String| Failure::Data(format!("{}: {error}", path.display()));
    if let Some(out) = &arguments.out {
        file::keeps_inputs(out, &[path])?;
        may_write_certificate(out)?;
    }
    let teacher = arguments.tensors.teacher(path, common)?;
    let teacher = teacher.separated().map_err(|error| fail(error.to_string()))?;
    let mut options = CertificateOptions {
        largest_degree: arguments.largest_degree,
        ..CertificateOptions::default()
    };
    if let Some(smallest_rho) = arguments.smallest_norm {
        options.goal = Goal::Norm { smallest_rho };
    }
    let (bar, mut show) = counter(common, Clock::new(arguments.limits.time_limit), 1.0);
    let runner = &mut Threads::new(arguments.limits.threads(), &mut show);
    let checked = prove_certificate(&teacher, &options, &arguments.limits.limits(), runner);
    bar.finish_and_clear();
    let checked = match checked {
        Err(LandscapeError::Stopped) => return out_of_time(common),
        checked => checked.map_err(|error| fail(error.to_string()))?,
    };
    let certificate = &checked.found.certificate;
    if let Some(out) = &arguments.out {
        write_certificate(out, certificate, &teacher)?;
    }
    let more = [("sampled_rho", "rho that a search met", number(checked.found.sampled_rho))];
    let degree = certificate.weights().first_degree();
    // Its rho is a share of the one that the finder met.
    let (report, outcome) = report(&checked.report, degree, Evidence::Sampled, &more);
    report.print(common)?;
    Ok(outcome)
}

/// The time was up before there was a certificate to prove.
fn out_of_time(common: &Common) -> Result<Outcome, Failure> {
    let reason = TIME_IS_UP;
    let fields = ["rho", "p_norm", "from_degree", "dimension_checked"];
    let mut json = json!({
        "verdict": "inconclusive",
        "reason": {"obstacle": reason},
        "evidence": "sampled",
    });
    for field in fields {
        json[field] = Value::Null;
    }
    let text = format!(
        "inconclusive: no certificate was found yet, and the {reason}\nevidence: sampled\n"
    );
    Report { text, json }.print(common)?;
    Ok(Outcome::Inconclusive)
}

/// The independent checker alone.
///
/// # Errors
/// [`Failure`] for bad files, a certificate of another shape than the teacher's, or a closed output.
pub fn check(arguments: &CheckArguments, common: &Common) -> Result<Outcome, Failure> {
    let teacher = arguments.tensors.teacher(&arguments.teacher, common)?;
    let (certificate, named) = read_named_certificate(&arguments.certificate)?;
    // The verdict is the checker's alone; whose certificate it is explains one that fails.
    let other = named.and_then(|named| named.difference(&teacher));
    if let Some(what) = &other
        && !common.quiet
    {
        say(&format!(
            "gradiometer: {} certifies another teacher, by its {what}",
            arguments.certificate.display()
        ));
    }
    let (bar, mut show) = counter(common, Clock::new(arguments.limits.time_limit), 1.0);
    let runner = &mut Threads::new(arguments.limits.threads(), &mut show);
    let limits = arguments.limits.limits();
    let checked = match arguments.method {
        Some(method) => check_certificate_by(method, &certificate, &teacher, &limits, runner),
        None => check_certificate(&certificate, &teacher, &limits, runner),
    };
    bar.finish_and_clear();
    let checked = checked
        .map_err(|error| Failure::Data(format!("{}: {error}", arguments.certificate.display())))?;
    let more: Vec<(&str, &str, Value)> = other
        .into_iter()
        .map(|what| ("another_teacher", "another teacher, by its", what.into()))
        .collect();
    let degree = certificate.weights().first_degree();
    let (report, outcome) = report(&checked, degree, Evidence::Claimed, &more);
    report.print(common)?;
    Ok(outcome)
}
