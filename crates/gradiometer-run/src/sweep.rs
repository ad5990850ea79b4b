//! Sweeps: one experiment at every point of a grid of its fields, cut into shards that run anywhere
//! and merge to the same bytes.
//!
//! A sweep is an experiment's TOML file with a table `[sweep]`: the key is a field of the
//! experiment, and what stands there its values, a range of them, or a formula that gives the one value
//! that follows from the other fields.
//!
//! ```toml
//! [sweep]
//! keep = "rows"
//! seed = [1, 2, 3]
//! stage3.lambda = { from = 1e-3, to = 1e-1, count = 5, log = true }
//! student.neurons = "4 * d"
//! ```
//!
//! The points are numbered from 0, the fields in the order of their names and the last one fastest.
//! A grid may grow: points keep their numbers, and those that new values add come after them.
//!
//! | file of its folder | what it is |
//! | --- | --- |
//! | `sweep.json` | the experiment and the grid, the same in every shard |
//! | `rows/` | the rows of the points that are done, 256 in a file; a point counts as done once its row is there |
//! | `points/00017/` | the run folder of a point; with `keep = "rows"` it is there while the point runs, and holds a checkpoint at most |
//! | `results.csv` | a line for each point, once all are done |
//!
//! Any number of processes may share a folder: a point that one of them runs is left to it.

mod csv;
mod expression;
mod grid;
mod journal;
mod record;
mod results;
mod selection;
mod slurm;
mod status;

pub use results::Results;
pub use selection::{Selection, Shard, ranges};
pub use slurm::{ArrayJob, SlurmError};
pub use status::{Running, Status};

use crate::error::RunError;
use crate::experiment::Experiment;
use crate::folder::{Existing, LOCK, Run, run_for_result, run_plan};
use crate::run::{Ending, Moment};
use csv::{no_result, result};
use gradiometer_files::file;
use gradiometer_files::lock::{HeldFolder, Holder, process_name};
use gradiometer_files::text_file::{from_toml, to_json};
use gradiometer_files::{Class, FilesError};
use gradiometer_train::TrainError;
use grid::{Grid, Keep};
use journal::{BLOCK, Journal, Row, RowsByPoint};
use record::{RECORD, Record};
use results::TABLE;
use std::any::Any;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Points up to which each folder is asked for by itself.
const FEW: usize = 64;

/// An experiment and a grid of its fields.
#[derive(Clone, Debug)]
pub struct Sweep {
    path: PathBuf,
    base: Table,
    grid: Grid,
    /// The grids that this one has grown from.
    earlier: Vec<Vec<grid::Axis>>,
    /// The place of each point in the grid.
    places: Vec<usize>,
}

/// Who runs points.
#[derive(Clone, Copy)]
pub struct Worker<'a> {
    /// What others who want the same point are told.
    pub holder: &'a Holder,
    /// A clock, in seconds.
    pub clock: &'a dyn Fn() -> f64,
    /// Whether the file system has locks. Without them a process has files of its own for its rows, and
    /// nobody sees to it that two processes do not run one point.
    pub has_locks: bool,
}

impl std::fmt::Debug for Worker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("holder", self.holder)
            .field("has_locks", &self.has_locks)
            .finish_non_exhaustive()
    }
}

/// Where a sweep stands.
#[derive(Debug)]
pub struct SweepProgress<'a> {
    /// Points done.
    pub done: usize,
    /// Points to do.
    pub points: usize,
    /// The run of the present point.
    pub run: &'a Moment<'a>,
}

/// How a sweep ended.
#[derive(Debug)]
pub enum SweepEnding {
    /// All its points, or those selected, are done, but for some that are left to others.
    Finished {
        /// The results of the points selected, as far as they are done.
        results: Results,
        /// The points that are not done, with the reason: another process runs it, or its
        /// checkpoint is damaged.
        left: Vec<(usize, FilesError)>,
    },
    /// The caller asked to stop; what is done stays.
    Stopped {
        /// Points done.
        done: usize,
    },
}

/// What came of a point.
enum Outcome {
    /// Its row, with the manifest of a run without a folder.
    Row(Vec<String>, Option<serde_json::Value>),
    /// The caller asked to stop.
    Stopped,
    /// It is not done, and the others are not concerned.
    Left(FilesError),
}

impl Sweep {
    /// Reads a sweep and checks that some point is an experiment.
    ///
    /// # Errors
    /// [`RunError`] that names the file, the first point and the field.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        Self::parse(path, &file::read(path)?)
    }

    /// As [`Self::read`], from the file's text; the files that the experiment names are relative to
    /// that of `path`.
    ///
    /// # Errors
    /// As for [`Self::read`].
    ///
    /// # Examples
    /// ```
    /// use gradiometer_run::sweep::Sweep;
    /// let text = "[teacher]\ndimension = 4\nneurons = 2\n[sweep]\nseed = [1, 2]\nstudent.neurons = \"4 * d\"\n";
    /// assert_eq!(Sweep::parse("grid.toml".as_ref(), text.as_bytes()).unwrap().points(), 2);
    /// ```
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, RunError> {
        let mut base: Table =
            from_toml(path, text, "an experiment with a table [sweep], such as seed = [1, 2, 3]")?;
        let wrong = |field: &str, problem: &str| {
            let (path, field) = (path.to_owned(), field.to_owned());
            FilesError::Field { path, field, problem: problem.to_owned() }
        };
        let Some(Value::Table(table)) = base.remove("sweep") else {
            let problem = "is missing; give a table [sweep] of lists, or use train";
            return Err(wrong("sweep", problem).into());
        };
        let grid = Grid::parse(table).map_err(|(field, problem)| {
            let dot = if field.is_empty() { "" } else { "." };
            wrong(&format!("sweep{dot}{field}"), &problem)
        })?;
        let places = (0..grid.points()).collect();
        let sweep = Self { path: path.to_owned(), base, grid, earlier: Vec::new(), places };
        // A point that is no experiment is a row of the results; where none is one, nothing would run.
        let mut first = None;
        for index in 0..sweep.points() {
            match sweep.experiment(index) {
                Ok(_checked) => return Ok(sweep),
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(sweep), Err)
    }

    /// The sweep with the numbers that its points have in a folder. With `grow` the folder may hold a
    /// sweep with fewer values.
    ///
    /// # Errors
    /// [`FilesError`] for a folder of another sweep.
    pub fn in_folder(mut self, out: &Path, grow: bool) -> Result<Self, FilesError> {
        let Some(found) = Record::read(out)? else { return Ok(self) };
        let own = self.record();
        let refused = |problem: String| FilesError::Field {
            path: out.join(RECORD),
            field: "sweep".to_owned(),
            problem,
        };
        let file = self.path.display();
        let is_like = own.is_like(&found);
        if is_like && own.sweep == found.sweep {
            self.earlier = found.earlier;
        } else if is_like && grid::contains(&own.sweep, &found.sweep) {
            if !grow {
                let problem = format!(
                    "has fewer points than {file}; go on with --resume, which computes the new ones alone"
                );
                return Err(refused(problem));
            }
            self.earlier = found.earlier;
            self.earlier.push(found.sweep);
        } else if is_like && grid::contains(&found.sweep, &own.sweep) {
            return Err(refused(format!(
                "has more points than {file}: it has grown; use the file that it grew to, or choose another folder"
            )));
        } else {
            return Err(refused(format!(
                "is another sweep, or of another version, than {file}; restore that, or choose another folder"
            )));
        }
        self.places = grid::places(&self.earlier, &self.grid.axes);
        Ok(self)
    }

    /// Number of points.
    pub const fn points(&self) -> usize {
        self.places.len()
    }

    /// The fields of the grid with the values of a point.
    ///
    /// # Panics
    /// If there is no such point.
    pub fn settings(&self, index: usize) -> Vec<(&str, &Value)> {
        let values = self.grid.values(self.places[index]);
        self.grid.axes.iter().map(|axis| axis.field.as_str()).zip(values).collect()
    }

    /// The experiment of a point.
    ///
    /// # Errors
    /// [`RunError`] that names the file, the point and the field.
    ///
    /// # Panics
    /// If there is no such point.
    pub fn experiment(&self, index: usize) -> Result<Experiment, RunError> {
        let mut table = self.base.clone();
        for (field, value) in self.settings(index) {
            self.set(&mut table, field, value)?;
        }
        let derived = self.grid.derive(&table).map_err(|(field, problem)| {
            let problem = RunError::Field { field: format!("sweep.{field}"), problem };
            problem.of(&self.place(index))
        })?;
        for (derived, value) in self.grid.derived.iter().zip(&derived) {
            self.set(&mut table, &derived.field, value)?;
        }
        Experiment::from_table(table).map_err(|error| error.of(&self.place(index)))
    }

    fn set(&self, table: &mut Table, field: &str, value: &Value) -> Result<(), FilesError> {
        if set(table, field, value) {
            return Ok(());
        }
        let problem = "goes through a field that is no table; give the name of a field";
        Err(self.wrong(&format!("sweep.{field}"), problem))
    }

    /// What messages call a point.
    fn place(&self, index: usize) -> PathBuf {
        let settings = self.settings(index).into_iter();
        let settings: Vec<String> =
            settings.map(|(field, value)| format!("{field} = {value}")).collect();
        format!("{}, point {index} ({})", self.path.display(), settings.join(", ")).into()
    }

    fn wrong(&self, field: &str, problem: impl Into<String>) -> FilesError {
        let (path, field) = (self.path.clone(), field.to_owned());
        FilesError::Field { path, field, problem: problem.into() }
    }

    fn record(&self) -> Record {
        Record::new(&self.base, &self.grid, &self.earlier)
    }

    /// The first cells of a point's row: its number and its values.
    fn cells(&self, index: usize) -> Vec<String> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let settings = self.settings(index);
        let mut cells = vec![index.to_string()];
        cells.extend(settings.iter().map(|(_, value)| text(value)));
        if !self.grid.derived.is_empty() {
            let mut table = self.base.clone();
            // A field that cannot be set has been refused.
            let _all_set = settings.iter().all(|(field, value)| set(&mut table, field, value));
            match self.grid.derive(&table) {
                Ok(values) => cells.extend(values.iter().map(text)),
                Err(_said_by_the_point) => {
                    cells.resize(cells.len() + self.grid.derived.len(), String::new());
                }
            }
        }
        cells
    }

    /// Writes `sweep.json` if the folder has none, or one that this sweep has grown from.
    fn claim(&self, out: &Path) -> Result<(), FilesError> {
        std::fs::create_dir_all(out)
            .map_err(|source| FilesError::Write { path: out.to_owned(), source })?;
        let record = self.record();
        if Record::read(out)?.as_ref() == Some(&record) { Ok(()) } else { record.write(out) }
    }

    /// Runs all points, or those selected, one after the other on all threads; the sweep is that of
    /// the folder, by [`Self::in_folder`]. With `resume` points that are done are not run again, those that could not
    /// be run are tried again, and a point that was interrupted goes on from its checkpoint.
    ///
    /// A run that diverges is a row that says so; one that `[watch]` stops, too, and a point that cannot be
    /// run, with the reason. A point that another process runs is left to it.
    ///
    /// # Errors
    /// [`RunError`] for a file that cannot be read or written, a point that is not in the grid, or one that
    /// is there already, without `resume`.
    pub fn run(
        &self,
        out: &Path,
        selection: &Selection,
        resume: bool,
        worker: Worker<'_>,
        progress: &mut dyn FnMut(SweepProgress<'_>) -> ControlFlow<()>,
    ) -> Result<SweepEnding, RunError> {
        let own = selection.numbers(self.points()).map_err(|beyond| {
            self.wrong("points", format!("has no {beyond}; the last is {}", self.points() - 1))
        })?;
        let writer = (!worker.has_locks).then(process_name);
        let mut journal = Journal::open(out, writer);
        journal.read_blocks_of(&own)?;
        let folder = |index| folder(out, index);
        let begun = begun(out, &own)?;
        let is_taken = |index: &&usize| journal.row(**index).is_some() || begun.contains(*index);
        if !resume && let Some(taken) = own.iter().find(is_taken) {
            return Err(FilesError::OccupiedPoint { path: folder(*taken) }.into());
        }
        self.claim(out)?;
        let is_done = |journal: &Journal, index| {
            journal.row(index).is_some_and(|row: &Row| !row.has_failed())
        };
        let to_do: Vec<usize> = own.iter().copied().filter(|i| !is_done(&journal, *i)).collect();
        for index in begun.into_iter().filter(|i| is_done(&journal, *i)) {
            self.tidy(&folder(index), worker)?;
        }
        if !to_do.is_empty() {
            remove_table(out)?;
        }
        let mut left = Vec::new();
        for (count, &index) in to_do.iter().enumerate() {
            let done = own.len() - to_do.len() + count;
            let held = match hold(&folder(index), worker) {
                Ok(held) => held,
                Err(error @ FilesError::InUse { .. }) => {
                    left.push((index, error));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            // Another process may have done it before the folder was free.
            journal.refresh(index)?;
            if is_done(&journal, index) {
                self.tidy_held(held)?;
                continue;
            }
            let mut show =
                |run: &Moment<'_>| progress(SweepProgress { done, points: own.len(), run });
            let begin = (worker.clock)();
            match self.run_point(index, &held, resume, &mut show)? {
                Outcome::Row(cells, run) => {
                    let seconds = (worker.clock)() - begin;
                    let row = Row { point: index, cells, seconds };
                    journal.append(&row, run.as_ref())?;
                    self.tidy_held(held)?;
                }
                Outcome::Stopped => return Ok(SweepEnding::Stopped { done }),
                Outcome::Left(error) => left.push((index, error)),
            }
        }
        let rows = own.iter().filter_map(|index| journal.row(*index));
        let rows = rows.map(|row| row.cells.clone()).collect();
        let results = Results { header: self.record().header(), rows, path: out.join("rows") };
        // Whoever is the last to be done writes the table of all.
        let results = match selection {
            Selection::All if left.is_empty() => results.write(out)?,
            Selection::Shard(_) if left.is_empty() => {
                if let Some(all) = self.complete(out)? {
                    let _written = all.write(out)?;
                }
                results
            }
            _ => results,
        };
        Ok(SweepEnding::Finished { results, left })
    }

    /// Removes what a killed process has left of a point that is done.
    fn tidy(&self, folder: &Path, worker: Worker<'_>) -> Result<(), FilesError> {
        if self.grid.keep == Keep::Runs {
            return Ok(());
        }
        match hold(folder, worker) {
            Ok(held) => held.remove(),
            Err(FilesError::InUse { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn tidy_held(&self, held: HeldFolder) -> Result<(), FilesError> {
        if self.grid.keep == Keep::Rows { held.remove() } else { Ok(()) }
    }

    /// Runs a point; the error is one that stops the sweep.
    fn run_point(
        &self,
        index: usize,
        held: &HeldFolder,
        resume: bool,
        show: &mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>,
    ) -> Result<Outcome, RunError> {
        let row = |end: Vec<String>| {
            let mut cells = self.cells(index);
            cells.extend(end);
            cells
        };
        let ending =
            catch_unwind(AssertUnwindSafe(|| self.run_experiment(index, held, resume, show)));
        let error = match ending {
            Ok(Ok(Ending::Finished(run))) => {
                let keeps_rows = self.grid.keep == Keep::Rows;
                let manifest =
                    keeps_rows.then(|| to_json(held.path(), &run.manifest)).transpose()?;
                return Ok(Outcome::Row(row(result(&run)), manifest));
            }
            Ok(Ok(Ending::Stopped { .. })) => return Ok(Outcome::Stopped),
            Ok(Err(error)) => error,
            Err(panic) => {
                let reason = format!("internal error: {}", words_of(&*panic));
                return Ok(Outcome::Row(row(no_result("failed", &reason)), None));
            }
        };
        // Without the file's name, which another shard may know by another path.
        match error {
            RunError::In { source, .. } if is_divergence(&source) => {
                Ok(Outcome::Row(row(no_result("diverged", "")), None))
            }
            RunError::In { source, .. } => {
                Ok(Outcome::Row(row(no_result("failed", &source.to_string())), None))
            }
            RunError::Files(error) if matches!(error.class(), Class::Write | Class::Internal) => {
                match error {
                    FilesError::InUse { .. } => Ok(Outcome::Left(error)),
                    error => Err(error.into()),
                }
            }
            // A checkpoint that is damaged is no fault of the point.
            RunError::Files(error) => Ok(Outcome::Left(error)),
            error => Err(error),
        }
    }

    /// As [`Self::run_point`]; what is the point's own fault is [`RunError::In`].
    fn run_experiment(
        &self,
        index: usize,
        held: &HeldFolder,
        resume: bool,
        show: &mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>,
    ) -> Result<Ending<Box<Run>>, RunError> {
        let own = |error: RunError| match error {
            RunError::In { .. } => error,
            other => RunError::In { path: self.path.clone(), source: Box::new(other) },
        };
        let beside = self.path.parent().unwrap_or(Path::new(""));
        let experiment = self.experiment(index).map_err(own)?;
        let plan = experiment.resolve(beside).map_err(own)?;
        let ending = match self.grid.keep {
            Keep::Runs => {
                let existing = if resume { Existing::Resume } else { Existing::Keep };
                run_plan(&experiment, &plan, held, existing, show)
            }
            Keep::Rows => run_for_result(&experiment, &plan, held, show),
        };
        ending.map_err(|error| if matches!(error, RunError::Files(_)) { error } else { own(error) })
    }

    /// The table of all points; `None` as soon as one is found missing, so that the many that are not the
    /// last to be done read little.
    fn complete(&self, out: &Path) -> Result<Option<Results>, FilesError> {
        let mut journal = Journal::open(out, None);
        for first in (0..self.points()).step_by(BLOCK) {
            journal.read_blocks_of(&[first])?;
            let mut block = first..self.points().min(first + BLOCK);
            if block.any(|index| journal.row(index).is_none()) {
                return Ok(None);
            }
        }
        self.table(journal.into_rows()).map(Some)
    }

    /// The table of all points.
    fn table(&self, mut rows: RowsByPoint) -> Result<Results, FilesError> {
        let missing: Vec<usize> = (0..self.points()).filter(|i| !rows.contains_key(i)).collect();
        if let Some(first) = missing.first() {
            let mut listed = ranges(&missing);
            if listed.len() > 60 {
                listed.truncate(listed[..60].rfind(',').unwrap_or(60));
                listed.push_str(",...");
            }
            return Err(self.wrong(
                "sweep",
                format!(
                    "{} points have no result, the first is point {first}; run them with --resume --points {listed}, or name their folder",
                    missing.len()
                ),
            ));
        }
        let header = self.record().header();
        let mut table = Vec::with_capacity(self.points());
        for index in 0..self.points() {
            let row = rows.remove(&index).filter(|row| {
                row.cells.len() == header.len() && row.cells.starts_with(&self.cells(index))
            });
            let cells = row.map(|row| row.cells).ok_or_else(|| {
                self.wrong(
                    "sweep",
                    format!("the row of point {index} is not that of this grid; remove it from rows/ and go on with --resume"),
                )
            })?;
            table.push(cells);
        }
        Ok(Results { header, rows: table, path: PathBuf::new() })
    }

    /// Joins the rows in the folders of shards, which may be one folder, into `results.csv`.
    ///
    /// # Errors
    /// [`FilesError`] for folders of another sweep, a point that is missing, or one with two
    /// different results.
    pub fn merge(&self, out: &Path, shards: &[PathBuf]) -> Result<Results, FilesError> {
        let mut found = RowsByPoint::new();
        for folder in shards {
            let Some(record) = Record::read(folder)? else {
                return Err(FilesError::Field {
                    path: folder.clone(),
                    field: "sweep".to_owned(),
                    problem: format!(
                        "holds no sweep yet; run `gradiometer sweep {} --out {}`, or name the folders of its shards",
                        self.path.display(),
                        folder.display()
                    ),
                });
            };
            if record != self.record() {
                return Err(FilesError::Field {
                    path: folder.join(RECORD),
                    field: "sweep".to_owned(),
                    problem: format!(
                        "is another sweep, or of another version, than {}; name the folders of its shards",
                        self.path.display()
                    ),
                });
            }
            for row in Journal::read_all(folder)?.into_values() {
                journal::add(&mut found, row, &folder.join("rows"))?;
            }
        }
        let table = self.table(found)?;
        self.claim(out)?;
        table.write(out)
    }
}

/// The folder of a point.
fn folder(out: &Path, index: usize) -> PathBuf {
    out.join("points").join(format!("{index:05}"))
}

/// Those of some points, ascending, that have a folder.
fn begun(out: &Path, points: &[usize]) -> Result<BTreeSet<usize>, FilesError> {
    // To ask for each of many costs more than the list of all.
    if points.len() < FEW {
        return Ok(points.iter().copied().filter(|index| folder(out, *index).exists()).collect());
    }
    let place = out.join("points");
    let error = |source| FilesError::Unreadable { path: place.clone(), source };
    let entries = match std::fs::read_dir(&place) {
        Ok(entries) => entries,
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(source) => return Err(error(source)),
    };
    let mut found = BTreeSet::new();
    for entry in entries {
        let name = entry.map_err(error)?.file_name();
        let index = name.to_str().and_then(|name| name.parse::<usize>().ok());
        found.extend(index.filter(|index| points.binary_search(index).is_ok()));
    }
    Ok(found)
}

/// The folder of a point, held if the file system has locks.
fn hold(folder: &Path, worker: Worker<'_>) -> Result<HeldFolder, FilesError> {
    if worker.has_locks {
        HeldFolder::take(folder, LOCK, worker.holder)
    } else {
        HeldFolder::without_lock(folder, worker.holder)
    }
}

/// Removes the table of all points, which is not that of all any more.
fn remove_table(out: &Path) -> Result<(), FilesError> {
    let path = out.join(TABLE);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(FilesError::Write { path, source })
        }
        _ => Ok(()),
    }
}

fn is_divergence(error: &RunError) -> bool {
    match error {
        RunError::In { source, .. } => is_divergence(source),
        other => matches!(other, RunError::Train(TrainError::Diverged { .. })),
    }
}

/// What a panic says.
fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or(panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

/// Sets a dotted field; false where the way to it is no table.
fn set(table: &mut Table, field: &str, value: &Value) -> bool {
    let Some((first, rest)) = field.split_once('.') else {
        table.insert(field.to_owned(), value.clone());
        return true;
    };
    let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
    inner.as_table_mut().is_some_and(|inner| set(inner, rest, value))
}

#[cfg(test)]
mod tests;
