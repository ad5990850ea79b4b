//! `report DIR`: pages and pictures from what `train`, `verify` or `study` left in a folder.

use crate::{Common, Failure, Outcome, Report, say};
use gradiometer::report::{ReportOptions, write_report};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What to report, and how.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A folder that `train`, `verify` or `study` filled by --out.
    folder: PathBuf,
    /// Every figure as PNG too.
    #[arg(long)]
    png: bool,
}

/// Whether a command that fills a folder ends with a report.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(skip)]
pub struct ReportArguments {
    /// No report.html and no figures at the end; `report` can write them later.
    #[arg(long)]
    no_report: bool,
}

impl ReportArguments {
    /// Writes the report of a folder, unless there is to be none, and says where it is.
    ///
    /// # Errors
    /// [`Failure`] for a folder that cannot be written.
    pub fn write(self, folder: &Path, common: &Common) -> Result<(), Failure> {
        if self.no_report {
            return Ok(());
        }
        let written = write_report(folder, ReportOptions::default())?;
        if !common.quiet {
            say(&format!("report: {}", written.page.display()));
        }
        Ok(())
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for a folder that none of the commands filled, or that cannot be written.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let written = write_report(&arguments.folder, ReportOptions { png: arguments.png })?;
    let figures: Vec<String> = written.figures.iter().map(|p| p.display().to_string()).collect();
    let text =
        format!("{}\n{} figures beside it, in figures/\n", written.page.display(), figures.len());
    let json = json!({"page": written.page.display().to_string(), "figures": figures});
    Report { text, json }.print(common)?;
    Ok(Outcome::Holds)
}
