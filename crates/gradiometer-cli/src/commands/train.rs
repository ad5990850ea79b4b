//! `train EXPERIMENT --out DIR`: Algorithm 1 from a file to a run folder.

use super::interruption;
use super::report::ReportArguments;
use crate::{Common, Failure, Outcome, Report, Table, say, scientific};
use gradiometer::hermite::float::maximum_of;
use gradiometer::run::format::stage_names;
use gradiometer::run::run::{Ending, Existing, Progress, Run, run as run_experiment};
use gradiometer::train::Record;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// What to run, and where to.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The experiment, a TOML file.
    experiment: PathBuf,
    /// The folder to fill; it must not hold a run yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Goes on with the interrupted run of this experiment that the folder holds, or begins it.
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Replaces a run that the folder holds.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    report: ReportArguments,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for a bad experiment, a diverging run, an interruption, a folder that cannot be written or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    // Hidden by itself where standard error is no terminal.
    let bar = if common.quiet { ProgressBar::hidden() } else { ProgressBar::new(1) };
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} steps, {eta} left  {msg}");
    bar.set_style(style.unwrap_or_else(|_wrong_template| ProgressStyle::default_bar()));
    let interrupted = interruption();
    let mut show = |progress: Progress<'_>| {
        bar.set_length(progress.most_steps);
        bar.set_position(progress.steps);
        let record = progress.record;
        bar.set_message(format!("{}: L = {}", record.phase, scientific(record.loss.value, 2)));
        if interrupted.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let existing = match (arguments.resume, arguments.force) {
        (true, _) => Existing::Resume,
        (false, true) => Existing::Replace,
        (false, false) => Existing::Keep,
    };
    let ending = run_experiment(&arguments.experiment, &arguments.out, existing, &mut show);
    bar.finish_and_clear();
    let result = match ending? {
        Ending::Finished(run) => *run,
        Ending::Stopped { steps } => return Err(Failure::Interrupted { steps }),
    };
    let mut json = json!({
        "final": result.manifest["final"],
        "stages": result.manifest["stages"],
        "precision": result.manifest["experiment"]["precision"],
        "out": arguments.out.display().to_string(),
    });
    for field in ["floors", "violated"] {
        if let Some(value) = result.manifest.get(field) {
            json[field] = value.clone();
        }
    }
    Report { text: text(&result), json }.print(common)?;
    if !common.quiet {
        say(&format!("written to {}", arguments.out.display()));
    }
    arguments.report.write(&arguments.out, common)?;
    if let Some(violation) = &result.violation {
        let claim = &violation.claim;
        say(&format!(
            "gradiometer: {} ({}) is violated at step {}, lambda = {}: {} against {}; see claims.csv in {}",
            claim.id,
            claim.part,
            violation.step,
            scientific(violation.lambda, 3),
            scientific(claim.left, 6),
            scientific(claim.right, 6),
            arguments.out.display()
        ));
        return Ok(Outcome::Refuted);
    }
    Ok(Outcome::Holds)
}

fn text(run: &Run) -> String {
    let mut table = Table::new(&[
        "stage",
        "steps",
        "lambda",
        "loss L",
        "|gradient|",
        "worst angle",
        "mean angle",
        "mass away",
    ]);
    for (i, record) in run.stages.iter().enumerate() {
        table.row(cells(record, i == 0));
    }
    let last = &run.last;
    let mut angles = Table::new(&["teacher", "amplitude", "average neuron", "assigned neuron"]);
    let pairs = last.average_angles.iter().zip(&last.assigned_angles);
    for (i, (average, assigned)) in pairs.enumerate() {
        let amplitude = scientific(run.teacher.amplitudes()[i], 4);
        angles.row(vec![
            i.to_string(),
            amplitude,
            scientific(*average, 3),
            scientific(*assigned, 3),
        ]);
    }
    let single = run.manifest["experiment"]["precision"] == "single";
    let precision = if single { "steps in single precision, records in doubles\n" } else { "" };
    format!(
        "{}{}{precision}\nfinal loss {} (error at most {}), mass away from every teacher {}\nangles [rad]:\n{}evidence: computed\n",
        table.text(),
        floors(&run.manifest),
        scientific(last.loss.value, 4),
        scientific(last.loss.error, 1),
        scientific(run.mass_away, 2),
        angles.text()
    )
}

/// How the searches for a floor ended.
fn floors(manifest: &Value) -> String {
    let line = |floor: &Value| {
        let gradient = floor["gradient_norm"].as_f64().unwrap_or(f64::NAN);
        let rounding = floor["rounding"].as_f64().unwrap_or(f64::NAN);
        format!(
            "floor.{}: ended by {}, |gradient| {}, its rounding {}, {} products with the Hessian\n",
            floor["epoch"],
            floor["ending"].as_str().unwrap_or("nothing"),
            scientific(gradient, 3),
            scientific(rounding, 2),
            floor["hessian_products"]
        )
    };
    manifest["floors"].as_array().into_iter().flatten().map(line).collect()
}

fn cells(record: &Record, start: bool) -> Vec<String> {
    let (stage, epoch) = stage_names(record.phase, start);
    let name = epoch.map_or_else(|| stage.to_owned(), |k| format!("{stage}.{k}"));
    let worst = maximum_of(record.average_angles.iter().copied());
    let away = record.mass_beyond.get(1).or(record.mass_beyond.first()).copied().unwrap_or(0.0);
    let numbers =
        [record.lambda, record.loss.value, record.gradient_norm, worst, record.mean_angle, away];
    let mut cells = vec![name, record.step.to_string()];
    cells.extend(numbers.iter().map(|x| scientific(*x, 3)));
    cells
}
