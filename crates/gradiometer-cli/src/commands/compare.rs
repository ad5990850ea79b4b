//! `compare RUN RUN ...`: several runs beside each other.

use super::report::{ReportLimits, shown};
use crate::{Common, Failure, Outcome};
use gradiometer::files::FilesError;
use gradiometer::report::write_comparison;
use std::path::PathBuf;

/// What to compare, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gradiometer compare runs/quickstart runs/floor --out runs/comparison")]
pub struct Arguments {
    /// The folders of two or more finished runs.
    #[arg(num_args = 2.., required = true)]
    runs: Vec<PathBuf>,
    /// The folder to write report.html and figures/ to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Every figure as PNG too.
    #[arg(long)]
    png: bool,
    #[command(flatten)]
    limits: ReportLimits,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for a folder that holds no finished run, or one that cannot be written.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let Arguments { runs, out, png, limits } = arguments;
    // A run's own page is not overwritten.
    let path = out.join("run.json");
    if path.exists() {
        return Err(FilesError::Occupied { path }.into());
    }
    let written = limits
        .write(*png, common, |options, proceed| write_comparison(runs, out, options, proceed))?;
    shown(&written).print(common)?;
    Ok(Outcome::Holds)
}
