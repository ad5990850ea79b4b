//! `study NAME`: an experiment of its own, as a table, JSON and CSV.

use super::report::ReportArguments;
use crate::{Common, Failure, Outcome, Report, Table, say, scientific};
use clap::builder::PossibleValuesParser;
use gradiometer::study::study::{Findings, STUDIES, Size, find};
use gradiometer::study::{StudyError, write_atomically};
use std::path::PathBuf;

/// Which study, and how large.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The study.
    #[arg(value_parser = PossibleValuesParser::new(STUDIES.map(|study| study.name)))]
    name: String,
    /// A small size that takes seconds.
    #[arg(long)]
    quick: bool,
    /// A folder for NAME.csv and NAME.json; no file in it is overwritten.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Overwrites what an earlier study left in the folder.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    report: ReportArguments,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for a folder that cannot be written or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let study = find(&arguments.name).ok_or_else(|| Failure::Data("no such study".to_owned()))?;
    let files = arguments.out.as_ref().map(|folder| {
        ["csv", "json"].map(|ending| folder.join(format!("{}.{ending}", study.name)))
    });
    if let Some(path) = files.iter().flatten().find(|path| path.exists() && !arguments.force) {
        return Err(StudyError::Occupied { path: path.clone() }.into());
    }
    let findings = study.run(if arguments.quick { Size::Quick } else { Size::Full })?;
    if let (Some(folder), Some([csv, json])) = (&arguments.out, &files) {
        std::fs::create_dir_all(folder)
            .map_err(|source| StudyError::Write { path: folder.clone(), source })?;
        write_atomically(csv, findings.csv().as_bytes())?;
        write_atomically(json, format!("{:#}\n", findings.json()).as_bytes())?;
    }
    Report { text: text(&findings), json: findings.json() }.print(common)?;
    if let (Some(folder), false) = (&arguments.out, common.quiet) {
        say(&format!("written to {}", folder.display()));
    }
    if let Some(folder) = &arguments.out {
        arguments.report.write(folder, common)?;
    }
    Ok(Outcome::Holds)
}

fn text(findings: &Findings) -> String {
    let names = findings.measurements.first().map_or(&[][..], |first| &first.setting);
    let mut header = vec!["quantity"];
    header.extend(names.iter().map(|(name, _)| *name));
    header.extend(["mean", "+-", "seeds"]);
    let mut table = Table::new(&header);
    for found in &findings.measurements {
        let mut cells = vec![found.quantity.to_owned()];
        cells.extend(found.setting.iter().map(|(_, x)| scientific(*x, 3)));
        cells.push(scientific(found.mean(), 3));
        cells.push(scientific(found.half_width(), 2));
        cells.push(found.values.len().to_string());
        table.row(cells);
    }
    format!(
        "{}: {}\n{}+- is half the 95 % confidence interval of the mean over the seeds\nevidence: sampled\n",
        findings.study.statement,
        findings.study.about,
        table.text()
    )
}
