//! `verify`: the statements on random instances, with a search for counterexamples and controls that must fail.

use super::hold;
use super::report::ReportArguments;
use crate::{Common, Failure, Outcome, Report, Table, say, scientific};
use gradiometer::files::FilesError;
use gradiometer::verify::{
    Options, PartReport, Progress, Report as StatementReport, STATE_FILE, ScalingReport, Suite,
    write_folder,
};
use indicatif::{ProgressBar, ProgressStyle};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What to verify, and for how long.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only this statement, such as 7.3; may be given several times.
    #[arg(long = "claim", value_name = "ID")]
    claims: Vec<String>,
    /// Multiplies the right sides of the inequalities of --claim: would a smaller constant do?
    #[arg(long, value_name = "FACTOR", requires = "claims", value_parser = factor)]
    scale: Option<f64>,
    /// How many instances that satisfy the hypotheses to test for each part of a statement.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    instances: u64,
    /// The first seed; instance i has this plus i.
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Stops after so many seconds, inconclusive if not everything was done; go on with --resume.
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<u64>,
    /// Writes state, report and the worst instances, ready for `analyze`, into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Goes on from the state in the folder of --out.
    #[arg(long, requires = "out", conflicts_with = "force")]
    resume: bool,
    /// Replaces a verification that the folder of --out holds.
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    report: ReportArguments,
}

fn factor(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if factor > 0.0 && factor.is_finite() {
        Ok(factor)
    } else {
        Err("give a positive number".to_owned())
    }
}

/// Runs the command: refuted if a claim is violated or a control is not, inconclusive if not everything was decided.
///
/// # Errors
/// [`Failure`] for an unknown statement, a state of another verification, a folder that cannot be written or a closed output.
#[expect(clippy::disallowed_methods, reason = "the program alone knows the clock: a time limit")]
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let start = Instant::now();
    let limit = arguments.time_limit.map(Duration::from_secs);
    let options =
        Options { instances: arguments.instances, seed: arguments.seed, ..Options::default() };
    let mut suite = Suite::of(&arguments.claims, options)?.scaled(arguments.scale.unwrap_or(1.0));
    let (mut state, mut _held) = (None, None);
    if let Some(out) = &arguments.out {
        _held = Some(hold(out, ".verify.lock")?);
        let path = out.join(STATE_FILE);
        if arguments.resume {
            suite = suite.resumed(&path)?;
        } else if path.exists() && !arguments.force {
            return Err(FilesError::Occupied { path }.into());
        }
        state = Some(path);
    }
    let bar = if common.quiet { ProgressBar::hidden() } else { ProgressBar::new(1) };
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len}, {eta} left  {msg}");
    bar.set_style(style.unwrap_or_else(|_wrong_template| ProgressStyle::default_bar()));
    let mut show = |progress: Progress<'_>| {
        bar.set_length(progress.all);
        bar.set_position(progress.done);
        bar.set_message(progress.doing.to_owned());
        if limit.is_some_and(|limit| start.elapsed() >= limit) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let finished = suite.run(state.as_deref(), &mut show);
    bar.finish_and_clear();
    finished?;
    if let Some(out) = &arguments.out {
        write_folder(&suite, out)?;
    }
    Report { text: text(&suite), json: serde_json::json!(suite.verification()) }.print(common)?;
    if !common.quiet {
        say(&format!("{:.1} s", start.elapsed().as_secs_f64()));
    }
    if let Some(out) = &arguments.out {
        arguments.report.write(out, common)?;
    }
    Ok(match suite.conclusion() {
        Some(true) => Outcome::Holds,
        Some(false) => Outcome::Refuted,
        None => Outcome::Inconclusive,
    })
}

fn text(suite: &Suite) -> String {
    let mut table = Table::new(&[
        "id", "part", "is", "checked", "open", "violated", "worst", "seed", "searched", "control",
    ])
    .with_verdicts(5)
    .with_controls(9);
    for (named, report) in suite.checks().iter().zip(suite.reports()) {
        for part in &report.parts {
            table.row(cells(named.id, report, part));
        }
    }
    let mut lines = vec![table.text()];
    if !suite.scalings().is_empty() {
        let mut fits = Table::new(&[
            "id",
            "exponent of",
            "runs",
            "found",
            "from",
            "to",
            "predicted",
            "agrees",
            "control",
        ])
        .with_verdicts(7)
        .with_controls(8);
        for fit in suite.scalings() {
            fits.row(fit_cells(fit));
        }
        lines.push(fits.text());
    }
    lines.push(
        "open: hidden by rounding, and not counted as checked\n\
         worst, searched: left/right of an inequality, at most 1 where it holds: a ratio r refutes every constant smaller by a \
         factor below r; the share of the allowed rounding of an identity\n\
         control: the deliberately broken version must fail; refuted/32 = within the first 32 instances\n"
            .to_owned(),
    );
    let end = match suite.conclusion() {
        Some(true) => "every claim holds and every control is refuted",
        Some(false) => "a claim is violated or a control is not refuted",
        None => "not everything was decided",
    };
    lines.push(format!("{end}; evidence: computed and sampled, exponents fitted\n"));
    lines.join("\n")
}

fn ratio(x: Option<f64>) -> String {
    x.map_or_else(|| "-".to_owned(), |x| scientific(x, 4))
}

fn cells(id: &str, report: &StatementReport, part: &PartReport) -> Vec<String> {
    let control = report.controls.iter().find(|c| c.part == part.part).map(|c| {
        let search = &c.search;
        if search.violated {
            format!("refuted/{}", search.evaluations)
        } else if search.evaluations == 0 {
            "not tried".to_owned()
        } else {
            format!("NOT REFUTED/{}, {}", search.evaluations, ratio(search.ratio))
        }
    });
    vec![
        id.to_owned(),
        part.part.clone(),
        if part.identity { "=" } else { "<=" }.to_owned(),
        part.checked.to_string(),
        (part.hidden_by_rounding + part.undecided).to_string(),
        part.all_violations().to_string(),
        ratio(part.worst_ratio()),
        part.worst.first().map_or_else(|| "-".to_owned(), |w| w.1.to_string()),
        ratio(part.search.as_ref().and_then(|s| s.ratio)),
        control.unwrap_or_else(|| "-".to_owned()),
    ]
}

fn fit_cells(fit: &ScalingReport) -> Vec<String> {
    let control = if fit.control_fails { "refuted" } else { "NOT REFUTED" };
    vec![
        fit.id.clone(),
        fit.part.clone(),
        fit.fit.runs.to_string(),
        scientific(fit.fit.exponent, 3),
        scientific(fit.fit.low, 3),
        scientific(fit.fit.high, 3),
        fit.predicted.clone(),
        if fit.agrees { "yes" } else { "NO" }.to_owned(),
        format!("{} ({control})", scientific(fit.control_fit.exponent, 3)),
    ]
}
