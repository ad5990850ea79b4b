//! `report DIR`: pages and pictures from what `train`, `verify` or `study` left in a folder.

use super::certify::{Clock, spinner};
use super::{hold, not_negative};
use crate::{Common, Failure, Outcome, Report, say};
use gradiometer::files::FilesError;
use gradiometer::report::{ReportOptions, Written, write_report_while};
use gradiometer::run::folder::LOCK;
use serde_json::json;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// What to report, and how.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A folder that `train`, `sweep`, `verify` or `study` filled by --out.
    folder: PathBuf,
    /// Every figure as PNG too.
    #[arg(long)]
    png: bool,
    #[command(flatten)]
    limits: ReportLimits,
}

/// How much a report of a run may compute.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[group(skip)]
pub struct ReportLimits {
    /// Seconds after which statements are left out, and named.
    #[arg(long, value_name = "SECONDS", value_parser = not_negative, allow_negative_numbers = true)]
    time_limit: Option<f64>,
    /// Pieces of the sphere that the proof of the certificate may check; beyond, it is sampled.
    #[arg(long, value_name = "N")]
    boxes: Option<u64>,
    /// Refinements of the regularised optimum [default: 4 up to rank 3, and 0 above, where they take
    /// minutes].
    #[arg(long, value_name = "N")]
    refinements: Option<usize>,
}

impl ReportLimits {
    /// Writes something with these limits, and shows what is done meanwhile.
    pub(super) fn write(
        &self,
        png: bool,
        common: &Common,
        write: impl FnOnce(
            ReportOptions,
            &mut dyn FnMut(&str) -> ControlFlow<()>,
        ) -> Result<Written, FilesError>,
    ) -> Result<Written, Failure> {
        let (clock, bar) = (Clock::new(self.time_limit), spinner(common));
        let options = ReportOptions { png, boxes: self.boxes, refinements: self.refinements };
        let written = write(options, &mut |doing| {
            bar.set_message(format!("report: {doing}"));
            bar.tick();
            clock.proceed(1.0)
        });
        bar.finish_and_clear();
        Ok(written?)
    }
}

/// What was written, in both forms.
pub(super) fn shown(written: &Written) -> Report {
    let figures: Vec<String> = written.figures.iter().map(|p| p.display().to_string()).collect();
    let text =
        format!("{}\n{} figures beside it, in figures/\n", written.page.display(), figures.len());
    let json = json!({"page": written.page.display().to_string(), "figures": figures});
    Report { text, json }
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
        let written = ReportLimits::default().write(false, common, |options, proceed| {
            write_report_while(folder, options, proceed)
        })?;
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
    let Arguments { folder, png, limits } = arguments;
    // A run that is going on writes what is read here. A folder that is not there is not made.
    let _held = folder.is_dir().then(|| hold(folder, LOCK)).transpose()?;
    let written = limits
        .write(*png, common, |options, proceed| write_report_while(folder, options, proceed))?;
    shown(&written).print(common)?;
    Ok(Outcome::Holds)
}
