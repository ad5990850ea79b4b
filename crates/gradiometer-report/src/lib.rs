//! Reports: one self-contained page and its figures from what a run, a verification or a study left
//! in a folder.
//!
//! | file | what it is |
//! | --- | --- |
//! | `report.html` | summary, tables and figures; no network, light and dark, a slider over the moments of a run |
//! | `figures/NAME.svg` | each figure alone |
//! | `figures/NAME.png` | the same as pixels, where asked for and built with the feature `png` |
//!
//! Everything is drawn from the files of the folder: the same files give the same bytes. A long
//! trajectory is thinned while it is read, so that a run of a million records has a page as small
//! as that of a thousand.

mod chart;
mod colour;
mod compare;
mod data;
mod diverged;
mod figures;
mod html;
mod learned;
mod options;
mod pages;
mod plane;
#[cfg(feature = "png")]
mod png;
mod series;
mod svg;
mod sweeps;
mod text;

use data::RunData;
use gradiometer_files::FilesError;
use gradiometer_files::file::{self, write_atomically};
use gradiometer_files::text_file::from_json;
use gradiometer_model::{ModelError, Network, Teacher};
use gradiometer_run::folder::Divergence;
use gradiometer_run::format::{FIGURES, PAGE};
use gradiometer_run::sweep::Results;
use gradiometer_run::{Manifest, Trajectory};
use gradiometer_study::FindingsReport;
use gradiometer_verify::Verification;
pub use learned::{FEATURES, feature_row, learned_sentence};
pub use options::ReportOptions;
use pages::Content;
use serde_json::Value;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
pub use text::{percent, sides};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// The figures' files.
    pub figures: Vec<PathBuf>,
}

/// Writes the report of a folder that `train`, `verify` or `study` filled.
///
/// # Errors
/// [`FilesError`] for a folder that none of them filled, a file in it that is missing or damaged,
/// or one that cannot be written.
pub fn write_report(folder: &Path, options: ReportOptions) -> Result<Written, FilesError> {
    write_report_while(folder, options, &mut |_| ControlFlow::Continue(()))
}

/// As [`write_report`], for as long as `proceed` says, which is told what is done next. A statement that is not evaluated any more is
/// named on the page.
///
/// # Errors
/// As for [`write_report`].
pub fn write_report_while(
    folder: &Path,
    options: ReportOptions,
    proceed: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Written, FilesError> {
    let content = content(folder, options, proceed)?;
    write(folder, &content, options)
}

/// Writes the page of several runs beside each other, and its figures, into a folder.
///
/// # Errors
/// [`FilesError`] for a folder that holds no finished run, or one that cannot be written.
pub fn write_comparison(
    folders: &[PathBuf],
    out: &Path,
    options: ReportOptions,
    proceed: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Written, FilesError> {
    let mut runs = Vec::new();
    for folder in folders {
        let short = folder.file_name().map_or_else(String::new, |n| n.to_string_lossy().into());
        let is_unique = folders.iter().filter(|f| f.file_name() == folder.file_name()).count() < 2;
        let name = if is_unique { short } else { folder.display().to_string() };
        runs.push((name, RunData::read(finished(folder)?, options, proceed)?));
    }
    write(out, &compare::page(&runs), options)
}

#[cfg_attr(
    not(feature = "png"),
    expect(unused_variables, reason = "all that it says is of pixels")
)]
fn write(folder: &Path, content: &Content, options: ReportOptions) -> Result<Written, FilesError> {
    let Content { page, figures } = content;
    let place = folder.join(FIGURES);
    std::fs::create_dir_all(&place)
        .map_err(|source| FilesError::Write { path: place.clone(), source })?;
    file::remove_temporary(&place)?;
    let mut written = Written { page: folder.join(PAGE), figures: Vec::new() };
    #[cfg(feature = "png")]
    let rasteriser = options
        .png
        .then(png::Rasteriser::new)
        .transpose()
        .map_err(|error| FilesError::Encode { path: place.clone(), source: error.into() })?;
    for figure in figures {
        let path = place.join(format!("{}.svg", figure.name));
        write_atomically(&path, figure.svg.standalone(&figure.name, true).as_bytes())?;
        written.figures.push(path);
        #[cfg(feature = "png")]
        if let Some(rasteriser) = &rasteriser {
            let path = place.join(format!("{}.png", figure.name));
            let bytes = rasteriser.png(&path, &figure.svg.standalone(&figure.name, false))?;
            write_atomically(&path, &bytes)?;
            written.figures.push(path);
        }
    }
    write_atomically(&written.page, page.finish().as_bytes())?;
    Ok(written)
}

/// A figure in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// The stem of its file, unique in a report.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// What it shows.
    pub caption: String,
    /// The drawing, a whole SVG file.
    pub svg: String,
}

impl Drawing {
    /// Writes it as an SVG file.
    ///
    /// # Errors
    /// [`FilesError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), FilesError> {
        write_atomically(path, self.svg.as_bytes())
    }
}

/// The report of a run in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// The page, a whole HTML file.
    pub page: String,
    /// Its figures.
    pub figures: Vec<Drawing>,
}

impl RunReport {
    /// The report of a run that ended with a student and showed a trajectory.
    ///
    /// # Errors
    /// [`ModelError`] for a teacher whose span is not found.
    pub fn new(
        manifest: Manifest,
        teacher: &Teacher,
        student: &Network,
        trajectory: &Trajectory,
    ) -> Result<Self, ModelError> {
        let run = RunData::in_memory(manifest, teacher.clone(), student.clone(), trajectory)?;
        let Content { page, figures } = pages::run(&run);
        let drawing = |figure: figures::Figure| Drawing {
            svg: figure.svg.standalone(&figure.name, true),
            name: figure.name,
            title: figure.title,
            caption: figure.caption,
        };
        Ok(Self { page: page.finish(), figures: figures.into_iter().map(drawing).collect() })
    }

    /// The figure of a name, such as `loss`, `neurons` or `angles`.
    pub fn figure(&self, name: &str) -> Option<&Drawing> {
        self.figures.iter().find(|figure| figure.name == name)
    }
}

fn content(
    folder: &Path,
    options: ReportOptions,
    proceed: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Content, FilesError> {
    if !folder.is_dir() {
        return Err(FilesError::Missing { path: folder.to_owned() });
    }
    if folder.join("run.json").exists() {
        return Ok(pages::run(&RunData::read(folder, options, proceed)?));
    }
    if let Some(run) = Divergence::read(folder)? {
        return diverged::page(folder, &run);
    }
    if is_unfinished(folder) {
        return Err(unfinished(folder));
    }
    let verification = folder.join("report.json");
    if verification.exists() {
        let form = "the report of a verification";
        let report: Verification = from_json(&verification, &file::read(&verification)?, form)?;
        return Ok(pages::verification(&report));
    }
    if folder.join("sweep.json").exists() {
        return Ok(sweeps::page(&Results::read(folder)?));
    }
    let studies = studies(folder)?;
    if studies.is_empty() {
        let mend = "is neither a run (run.json), nor a sweep (sweep.json), nor a verification (report.json), nor a study \
                    (NAME.json); give a folder that `train`, `sweep`, `verify` or `study` filled by --out";
        return Err(wrong(folder.to_owned(), "folder", mend));
    }
    Ok(pages::studies(&studies))
}

/// The folder of a run, if the run has come to its end.
fn finished(folder: &Path) -> Result<&Path, FilesError> {
    if folder.join("run.json").exists() {
        return Ok(folder);
    }
    if !folder.is_dir() {
        return Err(FilesError::Missing { path: folder.to_owned() });
    }
    if Divergence::read(folder)?.is_some() {
        return Err(wrong(
            folder.join("diverged.json"),
            "run",
            "this run diverged and has no end to compare; `gradiometer report` on its folder says how to mend it",
        ));
    }
    if is_unfinished(folder) {
        return Err(unfinished(folder));
    }
    let mend = "is no run (there is no run.json); give folders that `train` filled by --out";
    Err(wrong(folder.to_owned(), "folder", mend))
}

fn is_unfinished(folder: &Path) -> bool {
    folder.join("checkpoints/resume.safetensors").exists()
}

fn unfinished(folder: &Path) -> FilesError {
    wrong(
        folder.join("run.json"),
        "file",
        "this run is not finished; finish it with `train --resume`",
    )
}

fn wrong(path: PathBuf, field: &str, problem: &str) -> FilesError {
    FilesError::Field { path, field: field.to_owned(), problem: problem.to_owned() }
}

/// The JSON files of a folder that are studies, by name.
fn studies(folder: &Path) -> Result<Vec<FindingsReport>, FilesError> {
    let unreadable = |source| FilesError::Unreadable { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let (bytes, form) = (file::read(&path)?, "the findings of a study");
        let value: Value = from_json(&path, &bytes, form)?;
        // Other files may lie beside them.
        if value["study"].is_string() && value["measurements"].is_array() {
            found.push(from_json(&path, &bytes, form)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
