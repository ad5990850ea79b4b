//! `study NAME`: an experiment of its own, as a table, what it says, JSON and CSV.

use super::report::ReportArguments;
use crate::commands::{hold, interruption};
use crate::{Common, Failure, Outcome, Report, Table, say, scientific};
use clap::builder::PossibleValuesParser;
use gradiometer::files::{FilesError, write_atomically};
use gradiometer::study::{Findings, Level, Progress, STUDIES, Session, Size, find};
use indicatif::{ProgressBar, ProgressStyle};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
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
    let [state, csv, json] =
        ["state.json", "csv", "json"].map(|end| folder.join(format!("{}.{end}", study.name)));
    // Other studies may fill the same folder.
    let _held = hold(folder, &format!(".{}.lock", study.name))?;
    if arguments.resume && state.exists() {
        session = session.resumed(&state)?;
    } else if !(arguments.resume || arguments.force) {
        let occupied = [&state, &csv, &json].into_iter().find(|path| path.exists());
        if let Some(path) = occupied {
            return Err(FilesError::Occupied { path: path.clone() }.into());
        }
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

fn run_session(
    session: &mut Session,
    state: Option<&Path>,
    common: &Common,
) -> Result<Findings, Failure> {
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
    let findings = session.run(state, &mut show);
    bar.finish_and_clear();
    findings?.ok_or(Failure::Interrupted { steps: done as u64 })
}

fn text(findings: &Findings) -> String {
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
    let conclusions = findings.conclusions.iter();
    let said: Vec<String> =
        conclusions.map(|one| format!("{:<5}{}\n", one.answer, one.sentence())).collect();
    format!(
        "{}: {}\n{}from and to are the ends of the 95 % confidence interval\n\nwhat this says:\n{}evidence: sampled\n",
        findings.study.statement,
        findings.study.about,
        table.text(),
        said.concat()
    )
}
