//! `sweep FILE --out DIR`: an experiment at every point of a grid, in shards, and their merge.

use super::interruption;
use crate::{Common, Failure, Outcome, Report, Table, say, scientific};
use gradiometer::files::lock::has_locks;
use gradiometer::files::{FilesError, number, write_atomically};
use gradiometer::run::sweep::{
    ArrayJob, Results, Selection, Shard, Status, Sweep, SweepEnding, SweepProgress, Worker, ranges,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Rows of the table that is printed, at most; the file has all.
const MOST_ROWS: usize = 64;
/// Points that are named in a line, at most.
const MOST_NAMED: usize = 10;
/// Shards of a job array, unless it is said how many.
const SHARDS: usize = 100;

/// What to run, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gradiometer sweep grid.toml --out runs/grid                        all points, here
  gradiometer sweep grid.toml --out runs/grid --shard 3/8 --resume   an eighth of them, here or elsewhere
  gradiometer sweep grid.toml --out runs/grid --status               how far it is
  gradiometer sweep grid.toml --out runs/grid --merge                is all there? one table
  gradiometer sweep grid.toml --out runs/grid --slurm grid.sbatch --shards 50 --time 4:00:00

Exit codes of its own: 65 if a point could not be run, 74 if another process runs one of them; all others are done
then. docs/CLUSTERS.md has the way from here to Slurm, Dask and pandas.")]
pub struct Arguments {
    /// The sweep: an experiment with a table [sweep] of lists, ranges and formulas.
    sweep: PathBuf,
    /// The folder to fill; any number of processes may share one.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Runs one of N parts of the points, I from 1 to N.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<Shard>,
    /// Runs these points alone, such as 3,17-20; they are numbered from 0.
    #[arg(long, value_name = "LIST", value_parser = points, conflicts_with = "shard")]
    points: Option<Selection>,
    /// Goes on where an interrupted sweep stopped, within a point too; tries failed points again; takes values that the
    /// file has more of.
    #[arg(long)]
    resume: bool,
    /// Runs nothing, but joins the rows in these folders, or in DIR, into DIR/results.csv, if all are there.
    #[arg(long, value_name = "FOLDER", num_args = 0.., conflicts_with_all = ["shard", "points", "resume"])]
    merge: Option<Vec<PathBuf>>,
    /// Runs nothing, but says what is done, running, failed and missing, and how long the rest will take.
    #[arg(long, conflicts_with_all = ["shard", "points", "resume", "merge"])]
    status: bool,
    #[command(flatten)]
    slurm: SlurmArguments,
}

/// The job array to write.
#[derive(Debug, clap::Args)]
struct SlurmArguments {
    /// Runs nothing, but writes the script of a Slurm job array, and says the command that submits it.
    #[arg(long, value_name = "SCRIPT", conflicts_with_all = ["shard", "points", "resume", "merge", "status"])]
    slurm: Option<PathBuf>,
    /// Tasks of the array [default: a point each, but at most 100].
    #[arg(long, value_name = "N", requires = "slurm")]
    shards: Option<usize>,
    /// Time limit of a task, as Slurm writes it; a task that needs more goes back to the queue and on.
    #[arg(long, value_name = "TIME", requires = "slurm", default_value = "4:00:00")]
    time: String,
    /// Processor cores of a task; small students use one well.
    #[arg(long, value_name = "N", requires = "slurm", default_value_t = 1)]
    cpus: usize,
    /// Most tasks at once.
    #[arg(long, value_name = "N", requires = "slurm")]
    at_once: Option<usize>,
    /// The cluster's MaxArraySize, if it is not 1001.
    #[arg(long, value_name = "N", requires = "slurm")]
    max_array: Option<usize>,
    /// Another option of sbatch, such as --sbatch=--partition=long; may be given several times.
    #[arg(long, value_name = "OPTION", requires = "slurm", allow_hyphen_values = true)]
    sbatch: Vec<String>,
}

fn shard(text: &str) -> Result<Shard, String> {
    Shard::parse(text).ok_or_else(|| "give I/N with I from 1 to N, such as 1/4".to_owned())
}

fn points(text: &str) -> Result<Selection, String> {
    Selection::parse_points(text)
        .ok_or_else(|| "give numbers and ranges, such as 3,17-20".to_owned())
}

/// Runs the command: refuted if a claim that a point watches is violated.
///
/// # Errors
/// [`Failure`] for a bad sweep, points that are not done, a folder that cannot be written, an interruption or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let sweep = Sweep::read(&arguments.sweep)?;
    if let Some(script) = &arguments.slurm.slurm {
        return write_script(&sweep, script, arguments, common);
    }
    if arguments.status {
        return status(&sweep.in_folder(&arguments.out, true)?, arguments, common);
    }
    let (sweep, results, left) = match &arguments.merge {
        Some(folders) => {
            let folders =
                if folders.is_empty() { vec![arguments.out.clone()] } else { folders.clone() };
            let sweep = sweep.in_folder(&folders[0], false)?;
            let results = sweep.merge(&arguments.out, &folders)?;
            (sweep, results, Vec::new())
        }
        None => run_points(sweep, arguments, common)?,
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
        "left": left.iter().map(|(point, error)| json!({"point": point, "reason": error.to_string()})).collect::<Vec<_>>(),
        "results": results.path.display().to_string(),
        "evidence": "computed",
    });
    let failures: Vec<(&str, &str)> =
        results.rows.iter().filter_map(|row| failure(&results.header, row)).collect();
    let text = format!(
        "{}{}{} of {} points, {diverged} diverged, {violated} stopped by a violated claim, {failed} could not be run\nevidence: computed\n",
        table(&results),
        failure_lines(&failures),
        results.rows.len(),
        sweep.points()
    );
    Report { text, json }.print(common)?;
    if !common.quiet {
        say(&format!("written to {}", results.path.display()));
    }
    if let Some((point, error)) = left.into_iter().next() {
        say(&format!(
            "gradiometer: point {point} is not done; the others are. --resume goes on with it"
        ));
        return Err(error.into());
    }
    if let Some((point, reason)) = failures.first() {
        return Err(Failure::Data(format!(
            "{}, point {point}: {reason} ({failed} points could not be run; the others are done, --resume tries these again)",
            arguments.sweep.display()
        )));
    }
    Ok(if violated > 0 { Outcome::Refuted } else { Outcome::Holds })
}

type Left = Vec<(usize, FilesError)>;

fn run_points(
    sweep: Sweep,
    arguments: &Arguments,
    common: &Common,
) -> Result<(Sweep, Results, Left), Failure> {
    let out = &arguments.out;
    let sweep = sweep.in_folder(out, arguments.resume)?;
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
    let has_locks = has_locks(out)?;
    if !has_locks {
        say(&super::without_locks(out));
    }
    #[expect(clippy::disallowed_methods, reason = "the time that a point took is told by --status")]
    let begin = Instant::now();
    let clock = || begin.elapsed().as_secs_f64();
    let worker = Worker { holder: &super::holder(), clock: &clock, has_locks };
    let selection = match (arguments.shard, &arguments.points) {
        (Some(shard), _) => Selection::Shard(shard),
        (None, Some(points)) => points.clone(),
        (None, None) => Selection::All,
    };
    let ending = sweep.run(out, &selection, arguments.resume, worker, &mut show);
    bar.finish_and_clear();
    match ending? {
        SweepEnding::Finished { results, left } => Ok((sweep, results, left)),
        SweepEnding::Stopped { .. } => Err(Failure::Interrupted { steps }),
    }
}

/// The point and the reason of a row without a result.
fn failure<'a>(header: &[String], row: &'a [String]) -> Option<(&'a str, &'a str)> {
    let cell =
        |name: &str| header.iter().position(|found| found == name).and_then(|at| row.get(at));
    let failed = cell("outcome").is_some_and(|outcome| outcome == "failed");
    let text = |name| cell(name).map_or("", String::as_str);
    failed.then(|| (text("point"), text("reason")))
}

fn failure_lines(failures: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (point, reason) in failures.iter().take(MOST_NAMED) {
        let _infallible = writeln!(text, "point {point} could not be run: {reason}");
    }
    if failures.len() > MOST_NAMED {
        let _infallible = writeln!(text, "and {} more", failures.len() - MOST_NAMED);
    }
    text
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
    for row in results.rows.iter().take(MOST_ROWS) {
        let cell = |&c: &usize| match row[c].parse() {
            Ok(x) if c > fields => scientific(x, 3),
            _ => row[c].clone(),
        };
        table.row(columns.iter().map(cell).collect());
    }
    let more = results.rows.len().saturating_sub(MOST_ROWS);
    let rest = if more > 0 { format!("and {more} more rows\n") } else { String::new() };
    format!("{}{rest}", table.text())
}

/// How far the sweep is.
fn status(sweep: &Sweep, arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let found = sweep.status(&arguments.out)?;
    let left = found.seconds_left();
    let open = found.open();
    let json = json!({
        "points": found.points,
        "done": found.done,
        "diverged": found.diverged,
        "violated": found.violated,
        "failed": found.failed.iter().map(|(point, reason)| json!({"point": point, "reason": reason})).collect::<Vec<_>>(),
        "running": found.running.iter().map(|r| json!({"point": r.point, "holder": r.holder})).collect::<Vec<_>>(),
        "interrupted": found.interrupted,
        "missing": found.missing,
        "open": ranges(&open),
        "seconds_a_point": found.seconds_a_point,
        "seconds_left": left,
        "evidence": "sampled",
    });
    let text = status_text(&found, &open, arguments);
    Report { text, json }.print(common)?;
    Ok(Outcome::Holds)
}

fn status_text(found: &Status, open: &[usize], arguments: &Arguments) -> String {
    let mut table = Table::new(&["points", "number", "which"]);
    let running: Vec<usize> = found.running.iter().map(|running| running.point).collect();
    let failed: Vec<usize> = found.failed.iter().map(|(point, _)| *point).collect();
    table.row(vec!["all".to_owned(), found.points.to_string(), String::new()]);
    table.row(vec!["done".to_owned(), found.done.to_string(), String::new()]);
    for (name, points) in [
        ("- diverged", &found.diverged),
        ("- stopped by a violated claim", &found.violated),
        ("failed", &failed),
        ("running", &running),
        ("interrupted", &found.interrupted),
        ("missing", &found.missing),
    ] {
        table.row(vec![name.to_owned(), points.len().to_string(), shortened(&ranges(points))]);
    }
    let mut text = table.text();
    let failures: Vec<(String, &str)> =
        found.failed.iter().map(|(point, reason)| (point.to_string(), reason.as_str())).collect();
    let failures: Vec<(&str, &str)> = failures.iter().map(|(p, r)| (p.as_str(), *r)).collect();
    text.push_str(&failure_lines(&failures));
    for running in found.running.iter().take(MOST_NAMED) {
        let _infallible = writeln!(text, "point {} is run by {}", running.point, running.holder);
    }
    if let (Some(mean), Some(left)) = (found.seconds_a_point, found.seconds_left()) {
        let processes = match found.running.len() {
            0 => "by one process".to_owned(),
            1 => "by the one process that runs".to_owned(),
            n => format!("by the {n} processes that run"),
        };
        let _infallible = writeln!(
            text,
            "{} a point (mean of {}), so about {} left {processes}",
            time(mean),
            found.done,
            time(left)
        );
    }
    let (file, out) = (arguments.sweep.display(), arguments.out.display());
    if open.is_empty() {
        let _infallible =
            writeln!(text, "all is done: gradiometer sweep {file} --out {out} --merge");
    } else if open.len() > running.len() {
        let _infallible = writeln!(text, "go on: gradiometer sweep {file} --out {out} --resume");
    }
    text.push_str("evidence: the times are sampled\n");
    text
}

/// A list that fits a line.
fn shortened(list: &str) -> String {
    let most = 40;
    if list.len() <= most {
        return list.to_owned();
    }
    format!("{},...", &list[..list[..most].rfind(',').unwrap_or(most)])
}

/// Seconds in words.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.1 => format!("{:.1} ms", 1e3 * s),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

/// Writes the script of a job array.
fn write_script(
    sweep: &Sweep,
    script: &Path,
    arguments: &Arguments,
    common: &Common,
) -> Result<Outcome, Failure> {
    let slurm = &arguments.slurm;
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|source| FilesError::Unreadable { path: path.to_owned(), source })
    };
    let program = std::env::current_exe()
        .map_err(|source| FilesError::Unreadable { path: "gradiometer".into(), source })?;
    let job = ArrayJob {
        program,
        sweep: absolute(&arguments.sweep)?,
        out: absolute(&arguments.out)?,
        shards: slurm.shards.unwrap_or(SHARDS).min(sweep.points()),
        time: slurm.time.clone(),
        cpus: slurm.cpus,
        at_once: slurm.at_once,
        most_tasks: slurm.max_array,
        options: slurm.sbatch.clone(),
    };
    let text = job.script().map_err(|error| Failure::Usage(error.to_string()))?;
    if std::fs::read_to_string(script).is_ok_and(|found| !found.contains(ArrayJob::MARK)) {
        let (path, kind) = (script.to_owned(), "script of a sweep");
        return Err(FilesError::Foreign { path, kind }.into());
    }
    write_atomically(script, text.as_bytes())?;
    let submit = format!("sbatch {}", script.display());
    let merge = format!(
        "gradiometer sweep {} --out {} --merge",
        arguments.sweep.display(),
        arguments.out.display()
    );
    let report = Report {
        text: format!(
            "{} tasks for {} points. Submit, and again if tasks were killed:\n  {submit}\nWhen it has ended, one table:\n  {merge}\n",
            job.shards,
            sweep.points()
        ),
        json: json!({"script": script.display().to_string(), "tasks": job.shards, "points": sweep.points(), "submit": submit, "merge": merge}),
    };
    report.print(common)?;
    Ok(Outcome::Holds)
}

#[cfg(test)]
mod tests {
    use super::{shortened, time};

    #[test]
    fn times_and_lists_are_short() {
        for (seconds, expected) in [
            (0.0123, "12.3 ms"),
            (2.0, "2.0 s"),
            (600.0, "10 min"),
            (18_000.0, "5.0 h"),
            (864_000.0, "10.0 days"),
        ] {
            assert_eq!(time(seconds), expected);
        }
        assert_eq!(shortened("1,2"), "1,2");
        let list = (0..40).map(|i| (2 * i).to_string()).collect::<Vec<_>>().join(",");
        let short = shortened(&list);
        assert!(
            short.len() <= 44
                && short.ends_with(",...")
                && list.starts_with(&short[..short.len() - 4])
        );
    }
}
