//! `sweep FILE --out DIR`: an experiment at every point of a grid, in shards, and their merge.

use super::{hold, interruption};
use crate::{Common, Failure, Outcome, Report, Table, say, scientific};
use gradiometer::files::number;
use gradiometer::run::sweep::{Results, Shard, Sweep, SweepEnding, SweepProgress, lock};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// What to run, and where to.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The sweep: an experiment with a table [sweep] of lists.
    sweep: PathBuf,
    /// The folder to fill; shards may share one.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Runs one of N parts of the points, I from 1 to N.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<Shard>,
    /// Goes on where an interrupted sweep of this file stopped, within a point too.
    #[arg(long)]
    resume: bool,
    /// Runs nothing, but joins the tables in the folders of shards into DIR/results.csv.
    #[arg(long, value_name = "SHARD_DIR", num_args = 1.., conflicts_with_all = ["shard", "resume"])]
    merge: Vec<PathBuf>,
}

fn shard(text: &str) -> Result<Shard, String> {
    Shard::parse(text).ok_or_else(|| "give I/N with I from 1 to N, such as 1/4".to_owned())
}

/// Runs the command: refuted if a claim that a point watches is violated.
///
/// # Errors
/// [`Failure`] for a bad sweep, a folder that cannot be written, an interruption or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let sweep = Sweep::read(&arguments.sweep)?;
    let results = if arguments.merge.is_empty() {
        run_points(&sweep, arguments, common)?
    } else {
        sweep.merge(&hold(&arguments.out, &lock(None))?, &arguments.merge)?
    };
    let column = results.header.iter().position(|name| name == "outcome");
    let outcomes = || results.rows.iter().filter_map(|row| row.get(column?));
    let count = |outcome: &str| outcomes().filter(|found| *found == outcome).count();
    let (diverged, violated, failed) = (count("diverged"), count("violated"), count("failed"));
    let json = json!({
        "points": sweep.points(),
        "rows": results.rows.iter().map(|row| object(&results.header, row)).collect::<Vec<_>>(),
        "diverged": diverged,
        "violated": violated,
        "failed": failed,
        "results": results.path.display().to_string(),
        "evidence": "computed",
    });
    let text = format!(
        "{}{}{} of {} points, {diverged} diverged, {violated} stopped by a violated claim, {failed} could not be run\nevidence: computed\n",
        table(&results),
        results.rows.iter().filter_map(|row| failure(&results.header, row)).collect::<String>(),
        results.rows.len(),
        sweep.points()
    );
    Report { text, json }.print(common)?;
    if !common.quiet {
        say(&format!("written to {}", results.path.display()));
    }
    Ok(if violated > 0 { Outcome::Refuted } else { Outcome::Holds })
}

fn run_points(sweep: &Sweep, arguments: &Arguments, common: &Common) -> Result<Results, Failure> {
    let bar = if common.quiet { ProgressBar::hidden() } else { ProgressBar::new(1) };
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} points, {eta} left  {msg}");
    bar.set_style(style.unwrap_or_else(|_wrong_template| ProgressStyle::default_bar()));
    let interrupted = interruption();
    let mut steps = 0;
    let mut show = |progress: SweepProgress<'_>| {
        bar.set_length(progress.points as u64);
        bar.set_position(progress.done as u64);
        let record = &progress.run.results.last;
        bar.set_message(format!("{}: L = {}", record.position, scientific(record.loss, 2)));
        steps = progress.run.state.steps;
        if interrupted.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let out = hold(&arguments.out, &lock(arguments.shard))?;
    let ending = sweep.run(&out, arguments.shard, arguments.resume, &mut show);
    bar.finish_and_clear();
    match ending? {
        SweepEnding::Finished(results) => Ok(results),
        SweepEnding::Stopped { .. } => Err(Failure::Interrupted { steps }),
    }
}

/// A line for a point that could not be run.
fn failure(header: &[String], row: &[String]) -> Option<String> {
    let cell =
        |name: &str| header.iter().position(|found| found == name).and_then(|at| row.get(at));
    let failed = cell("outcome").is_some_and(|outcome| outcome == "failed");
    failed.then(|| {
        let text = |name| cell(name).map_or("", String::as_str);
        format!("point {} could not be run: {}\n", text("point"), text("reason"))
    })
}

/// A row as an object; cells that are numbers are numbers.
fn object(header: &[String], row: &[String]) -> Value {
    let cell = |text: &String| match text.parse::<f64>() {
        Ok(x) => text.parse::<u64>().map_or_else(|_not_whole| number(x), Value::from),
        Err(_text) if text.is_empty() => Value::Null,
        Err(_text) => text.as_str().into(),
    };
    header
        .iter()
        .zip(row)
        .map(|(name, text)| (name.clone(), cell(text)))
        .collect::<Map<_, _>>()
        .into()
}

/// The columns that fit a terminal: the point, its fields, and the most important results.
fn table(results: &Results) -> String {
    let shown = ["loss", "gradient_norm", "worst_angle", "mass_away"];
    let fields = results.header.iter().position(|name| name == "outcome").unwrap_or(0);
    let columns: Vec<usize> = (0..results.header.len())
        .filter(|&c| c <= fields || shown.contains(&results.header[c].as_str()))
        .collect();
    let header: Vec<&str> = columns.iter().map(|&c| results.header[c].as_str()).collect();
    let mut table = Table::new(&header);
    for row in &results.rows {
        let cell = |&c: &usize| match row[c].parse() {
            Ok(x) if c > fields => scientific(x, 3),
            _ => row[c].clone(),
        };
        table.row(columns.iter().map(cell).collect());
    }
    table.text()
}
