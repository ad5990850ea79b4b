//! `train EXPERIMENT --out DIR`: Algorithm 1 from a file to a run folder.

use super::report::ReportArguments;
use super::{hold, interruption, match_features};
use crate::{Common, Failure, Outcome, Report, Table, say, scientific};
use gradiometer::files::digits::lower_end;
use gradiometer::hermite::float::maximum_of;
use gradiometer::model::recovery::{AT, Recovery};
use gradiometer::report::learned_sentence;
use gradiometer::run::experiment::{Part, PrecisionName};
use gradiometer::run::folder::{self, Existing, LOCK, Run};
use gradiometer::run::record::{FloorReport, RunRecord};
use gradiometer::run::{Ending, Moment};
use gradiometer::run::{Experiment, RunError};
use gradiometer::train::{FloorEnding, StepSize, TrainError};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// What to run, and where to.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The experiment, a TOML file.
    experiment: PathBuf,
    /// The folder to fill; it must not hold a run yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Continue the interrupted run in this folder, or start one if there is none.
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Overwrite the run in this folder.
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
    let mut show = |moment: &Moment<'_>| {
        if let Some(size) = moment.step_size.filter(|_| !common.quiet) {
            bar.suspend(|| say(&step_size(size)));
        }
        bar.set_length(moment.most_steps);
        bar.set_position(moment.state.steps);
        let record = &moment.results.last;
        bar.set_message(format!("{}: L = {}", record.position, scientific(record.loss, 2)));
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
    if !common.quiet && starts_over(&Experiment::read(&arguments.experiment)?) {
        say(
            "gradiometer: student.file is the start, and Stage 1 replaces its first layer by one large step; to go on from the \
             network as it is, give skip = [\"stage1\", \"stage2\", \"balance\"]",
        );
    }
    let out = hold(&arguments.out, LOCK)?;
    let ending = folder::run(&arguments.experiment, &out, existing, &mut show);
    bar.finish_and_clear();
    if is_divergence(&ending)
        && let Err(unwritten) = arguments.report.write(&arguments.out, common)
    {
        say(&format!("gradiometer: {}", unwritten.message().unwrap_or_default()));
    }
    let result = match ending? {
        Ending::Finished(run) => *run,
        Ending::Stopped { steps } => return Err(Failure::Interrupted { steps }),
    };
    let manifest = &result.manifest;
    let mut json = json!({
        "final": manifest.last,
        "stages": manifest.stages,
        "precision": manifest.experiment.precision,
        "out": arguments.out.display().to_string(),
    });
    if !manifest.floors.is_empty() {
        json["floors"] = json!(manifest.floors);
    }
    if let Some(violated) = &manifest.violated {
        json["violated"] = json!(violated);
    }
    Report { text: text(&result), json }.print(common)?;
    if !common.quiet {
        say(&format!("written to {}", arguments.out.display()));
    }
    arguments.report.write(&arguments.out, common)?;
    if !common.quiet {
        say(&next_commands(&arguments.out, manifest.experiment.student.biases));
    }
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

/// Whether a run ended because it diverged.
fn is_divergence<T>(ending: &Result<T, RunError>) -> bool {
    matches!(ending, Err(RunError::In { source, .. })
        if matches!(**source, RunError::Train(TrainError::Diverged { .. })))
}

/// Whether a student that is given is not what the run goes on from.
fn starts_over(experiment: &Experiment) -> bool {
    experiment.student.file.is_some() && !experiment.skip.contains(&Part::Stage1)
}

/// How the step size compares with the largest stable one, and with the largest of 7.10.
fn step_size(StepSize { chosen, largest }: StepSize) -> String {
    let (stable, lowers) = (lower_end(2.0 * largest, 2), lower_end(largest, 2));
    let (is, compares, end) = if chosen > 2.0 * largest {
        ("warning: stage3.step_size", "above", ": the loss may rise, or the run diverge")
    } else {
        ("stage3.step_size", "within", "")
    };
    format!(
        "gradiometer: {is} = {chosen} is {compares} {stable}, about the largest stable step where Stage 3 begins{end}; steps up to {lowers} \
         lower the objective there as statement 7.10 says (sampled: a power iteration)"
    )
}

/// What to type next on the folder that was made.
fn next_commands(out: &Path, biases: bool) -> String {
    let file = |name: &str| out.join(name).display().to_string();
    let (teacher, student) = (file("teacher.json"), file("checkpoints/final.safetensors"));
    let compare = format!("gradiometer match --teacher {teacher} --student {student}");
    // What inspects a teacher knows no biases.
    if biases {
        format!("next: {compare}")
    } else {
        format!("next: gradiometer inspect {teacher}\n      {compare}")
    }
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
    let manifest = &run.manifest;
    for record in &manifest.stages {
        table.row(cells(record));
    }
    let last = &manifest.last.record;
    let recovery = Recovery::new(&run.teacher, &run.student, AT);
    let single = manifest.experiment.precision == PrecisionName::Single;
    let precision = if single { "steps in single precision, records in doubles\n" } else { "" };
    format!(
        "{}{}{precision}\nfinal loss {} (error at most {})\n\n{}\n{}\nangles in radians; evidence: computed\n",
        table.text(),
        manifest.floors.iter().map(floor).collect::<String>(),
        scientific(last.loss, 4),
        scientific(last.loss_error, 1),
        match_features::table(&recovery).text(),
        learned_sentence(&recovery, scientific),
    )
}

/// How the search for a floor ended.
fn floor(floor: &FloorReport) -> String {
    format!(
        "floor.{}: ended by {}, |gradient| {}, its rounding {}, {} products with the Hessian\n",
        floor.epoch,
        floor.ending.map_or("nothing", FloorEnding::name),
        scientific(floor.gradient_norm, 3),
        scientific(floor.rounding, 2),
        floor.hessian_products
    )
}

fn cells(record: &RunRecord) -> Vec<String> {
    let worst = maximum_of(record.matched_angles.iter().copied());
    let away = record.mass_beyond.get(1).or(record.mass_beyond.first()).copied().unwrap_or(0.0);
    let numbers =
        [record.lambda, record.loss, record.gradient_norm, worst, record.mean_angle, away];
    let mut cells = vec![record.position.to_string(), record.steps.to_string()];
    cells.extend(numbers.iter().map(|x| scientific(*x, 3)));
    cells
}
