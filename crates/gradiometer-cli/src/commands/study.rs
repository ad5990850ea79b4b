//! `study NAME`: an experiment of its own, as a table, what it says, JSON and CSV.

use super::report::ReportArguments;
use crate::commands::{hold, interruption};
use crate::{Common, Failure, Outcome, Report, Table, say, scientific};
use clap::builder::PossibleValuesParser;
use gradiometer::files::{FilesError, write_atomically};
use gradiometer::run::sweep::Shard;
use gradiometer::study::{
    Answer, Compared, Conclusion, Findings, Level, Progress, STUDIES, Session, Size, find,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::atomic::Ordering;

/// Which study, and how large.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The study.
    #[arg(value_parser = PossibleValuesParser::new(STUDIES.map(|study| study.name)))]
    name: String,
    /// A small size that takes seconds.
    #[arg(long)]
    quick: bool,
    /// A folder for NAME.csv, NAME.json and NAME.state.json; no file in it is overwritten.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Goes on with the interrupted study that the folder of --out holds, or begins it.
    #[arg(long, requires = "out", conflicts_with = "force")]
    resume: bool,
    /// Overwrites what an earlier study left in the folder.
    #[arg(long)]
    force: bool,
    /// Runs one of N parts of the tasks, I from 1 to N; shards may share a folder.
    #[arg(long, value_name = "I/N", value_parser = shard, requires = "out")]
    shard: Option<Shard>,
    /// Runs nothing, but joins the shards in these folders, or in DIR, to what one run writes.
    #[arg(long, value_name = "FOLDER", num_args = 0.., requires = "out", conflicts_with_all = ["shard", "resume"])]
    merge: Option<Vec<PathBuf>>,
    #[command(flatten)]
    report: ReportArguments,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for a state of another study, an interruption, a folder that cannot be written or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let study = find(&arguments.name).ok_or_else(|| Failure::Data("no such study".to_owned()))?;
    let mut session = study.session(if arguments.quick { Size::Quick } else { Size::Full });
    let Some(folder) = &arguments.out else {
        let findings = run_session(&mut session, None, common)?;
        Report { text: text(&findings), json: findings.json() }.print(common)?;
        return Ok(Outcome::Holds);
    };
    if let Some(shard) = arguments.shard {
        session = session.sharded(shard);
    }
    let state = folder.join(session.state_file());
    let [csv, json] = ["csv", "json"].map(|end| folder.join(format!("{}.{end}", study.name)));
    // Other studies, and other shards of this one, may fill the same folder.
    let part = arguments.shard.map_or(String::new(), |shard| format!(".{}", shard.name()));
    let _held = hold(folder, &format!(".{}{part}.lock", study.name))?;
    let written: &[&PathBuf] =
        if arguments.shard.is_some() { &[&state] } else { &[&state, &csv, &json] };
    if arguments.resume && state.exists() {
        session = session.resumed(&state)?;
    } else if !(arguments.resume || arguments.force)
        && let Some(path) = written.iter().find(|path| path.exists())
    {
        return Err(FilesError::Occupied { path: (*path).clone() }.into());
    }
    if let Some(folders) = &arguments.merge {
        let folders = if folders.is_empty() { slice::from_ref(folder) } else { folders };
        let mut states = Vec::new();
        for shards in folders {
            states.extend(session.shard_files(shards)?);
        }
        session = session.merged(&states)?;
        session.write(&state)?;
    }
    if let Some(shard) = arguments.shard {
        let tasks = advance(&mut session, Some(&state), common)?;
        let name = state.display().to_string();
        let report = Report {
            text: format!(
                "{tasks} tasks of shard {} are done: {name}\nwhen all are: gradiometer study {} --out {} --merge\n",
                shard.name(),
                study.name,
                folder.display()
            ),
            json: json!({"study": study.name, "shard": shard.name(), "tasks": tasks, "state": name}),
        };
        report.print(common)?;
        return Ok(Outcome::Holds);
    }
    let findings = run_session(&mut session, Some(&state), common)?;
    write_atomically(&csv, findings.csv().as_bytes())?;
    write_atomically(&json, format!("{:#}\n", findings.json()).as_bytes())?;
    Report { text: text(&findings), json: findings.json() }.print(common)?;
    if !common.quiet {
        say(&format!("written to {}", folder.display()));
    }
    arguments.report.write(folder, common)?;
    Ok(Outcome::Holds)
}

fn shard(text: &str) -> Result<Shard, String> {
    Shard::parse(text).ok_or_else(|| "give I/N with I from 1 to N, such as 1/4".to_owned())
}

fn run_session(
    session: &mut Session,
    state: Option<&Path>,
    common: &Common,
) -> Result<Findings, Failure> {
    let tasks = advance(session, state, common)?;
    session.findings()?.ok_or(Failure::Interrupted { steps: tasks as u64 })
}

/// Runs the tasks that are left, and returns how many there are.
fn advance(session: &mut Session, state: Option<&Path>, common: &Common) -> Result<usize, Failure> {
    // Hidden by itself where standard error is no terminal.
    let bar = if common.quiet { ProgressBar::hidden() } else { ProgressBar::new(1) };
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} tasks, {eta} left");
    bar.set_style(style.unwrap_or_else(|_wrong_template| ProgressStyle::default_bar()));
    // Without a state there is nothing to write before the end.
    let interrupted = state.map(|_path| interruption());
    let mut done = 0;
    let mut show = |progress: Progress| {
        bar.set_length(progress.all as u64);
        bar.set_position(progress.done as u64);
        done = progress.done;
        if interrupted.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let ended = session.advance(state, &mut show);
    bar.finish_and_clear();
    if ended? { Ok(session.tasks()) } else { Err(Failure::Interrupted { steps: done as u64 }) }
}

/// A row a quantity, measured beside predicted.
fn comparison(rows: &[Compared]) -> String {
    let header =
        ["statement", "quantity", "form", "d", "measured", "error", "predicted", "allowed"];
    let mut table = Table::new(&header);
    for row in rows {
        let mut cells = vec![row.statement.clone(), row.quantity.clone()];
        cells.push(if row.is_control { "control" } else { "stated" }.to_owned());
        cells.push(scientific(row.d, 3));
        let numbers = [(row.measured, 4), (row.error, 2), (row.predicted, 4), (row.allowed, 2)];
        cells.extend(numbers.map(|(x, digits)| scientific(x, digits)));
        table.row(cells);
    }
    let note =
        "error is the standard error of the difference, allowed what the finite size may add";
    format!("{}{note}\n", table.text())
}

/// A row a measurement, with its interval.
fn measurements(findings: &Findings) -> String {
    let names = findings.measurements.first().map_or(&[][..], |first| &first.setting);
    let mut header = vec!["measure"];
    header.extend(names.iter().map(|(name, _)| *name));
    header.extend(["mean", "from", "to", "band", "values"]);
    let mut table = Table::new(&header);
    for found in &findings.measurements {
        let mut cells = vec![found.measure.name.to_owned()];
        cells.extend(found.setting.iter().map(|(_, level)| match level {
            Level::Number(x) => scientific(*x, 3),
            Level::Name(name) => (*name).to_owned(),
            Level::Several => String::new(),
        }));
        let (low, high) = found.interval();
        cells.extend([found.mean(), low, high].map(|x| scientific(x, 3)));
        cells.extend([found.measure.band.name().to_owned(), found.values.len().to_string()]);
        table.row(cells);
    }
    format!("{}from and to are the ends of the 95 % confidence interval\n", table.text())
}

fn text(findings: &Findings) -> String {
    let compared = findings.report().compared();
    let table = if compared.is_empty() { measurements(findings) } else { comparison(&compared) };
    let conclusions = findings.conclusions.iter();
    let line = |one: &Conclusion| {
        // A control that fails is a success.
        let answer = match (one.answer, one.is_control()) {
            (Answer::No, true) => "ok".to_owned(),
            (Answer::Yes, true) => "FAIL".to_owned(),
            (answer, _) => answer.to_string(),
        };
        format!("{answer:<5}{}\n", one.sentence())
    };
    let said: Vec<String> = conclusions.map(line).collect();
    format!(
        "{}: {}\n{table}\nwhat this says:\n{}evidence: sampled\n",
        findings.study.statement,
        findings.study.about,
        said.concat()
    )
}
