//! Sweeps: one experiment at every point of a grid of its fields, cut into shards that run anywhere
//! and merge to the same bytes.
//!
//! A sweep is an experiment's TOML file with a table `[sweep]` of lists: the key is a field of the
//! experiment, the list its values.
//!
//! ```toml
//! [sweep]
//! seed = [1, 2, 3]
//! student.neurons = [50, 100]
//! ```
//!
//! The points are numbered from 0, the fields in the order of their names and the last one fastest.
//! Its folder:
//!
//! | file | what it is |
//! | --- | --- |
//! | `sweep.json` | the experiment and the grid, the same in every shard |
//! | `points/00017/` | the run folder of a point, and its line of the results in `row.csv` once it is done |
//! | `results.csv` | a line for each point; of a shard `results-I-of-N.csv`, with its own points |

use crate::error::RunError;
use crate::experiment::Experiment;
use crate::folder::{Existing, LOCK, Run, run_plan};
use crate::record::FinalRecord;
use crate::run::{Ending, Moment};
use gradiometer_files::file::{self, write_atomically};
use gradiometer_files::lock::HeldFolder;
use gradiometer_files::text_file::{from_toml, to_json};
use gradiometer_files::{Class, FilesError};
use gradiometer_hermite::float::maximum_of;
use gradiometer_train::TrainError;
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Most points of a sweep.
const MOST_POINTS: usize = 1_000_000;
/// Columns of the results after the index and the fields of the grid.
const COLUMNS: [&str; 14] = [
    "outcome",
    "steps",
    "lambda",
    "loss",
    "loss_error",
    "objective",
    "total_mass",
    "gradient_norm",
    "balance_defect",
    "mean_angle",
    "worst_angle",
    "mass_away",
    "training_loss",
    "reason",
];

/// One of `of` parts of a sweep: the points whose number leaves the remainder `index` (from 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0.
    index: usize,
    /// Of how many.
    of: usize,
}

impl Shard {
    /// From `I/N`, `I` from 1 to `N`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_run::sweep::Shard;
    /// assert!(Shard::parse("4/4").is_some());
    /// assert!(["0/4", "5/4", "1/0", "1", "a/b"].iter().all(|text| Shard::parse(text).is_none()));
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (index, of) = text.split_once('/')?;
        let (index, of): (usize, usize) = (index.parse().ok()?, of.parse().ok()?);
        (1 <= index && index <= of).then(|| Self { index: index - 1, of })
    }

    /// The name of the table of a shard's results, or of the whole sweep's.
    fn results(shard: Option<Self>) -> String {
        shard.map_or_else(
            || "results.csv".to_owned(),
            |shard| format!("results-{}-of-{}.csv", shard.index + 1, shard.of),
        )
    }
}

/// What `sweep.json` holds.
#[derive(Serialize)]
struct SweepManifest<'a> {
    program: &'a str,
    version: &'a str,
    points: usize,
    sweep: &'a [Axis],
    experiment: &'a Table,
}

/// A field of the experiment and the values that it takes.
#[derive(Clone, Debug, Serialize)]
struct Axis {
    field: String,
    values: Vec<Value>,
}

/// An experiment and a grid of its fields.
#[derive(Clone, Debug)]
pub struct Sweep {
    path: PathBuf,
    base: Table,
    axes: Vec<Axis>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SweepEnding {
    /// All its points, or those of its shard, are done.
    Finished(Results),
    /// The caller asked to stop; what is done stays.
    Stopped {
        /// Points done.
        done: usize,
    },
}

/// Why a point has no result.
enum Unfinished {
    /// The run diverged.
    Diverged,
    /// The point is no experiment, or one that cannot be run.
    Impossible(String),
    /// Something else stopped the sweep.
    Error(RunError),
}

/// The table of a sweep or a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// Names of the columns.
    pub header: Vec<String>,
    /// A row for each point, by number.
    pub rows: Vec<Vec<String>>,
    /// The file that holds it.
    pub path: PathBuf,
}

/// The lock of those who write the table of a shard's results, or of the whole sweep's: shards may
/// share a folder.
pub fn lock(shard: Option<Shard>) -> String {
    format!(".{}.lock", Shard::results(shard))
}

impl Results {
    /// The results in a sweep's folder: of the whole sweep, else of the shards in it together.
    ///
    /// # Errors
    /// [`FilesError`] for a folder without results, or a table that is damaged.
    pub fn read(folder: &Path) -> Result<Self, FilesError> {
        let whole = folder.join(Shard::results(None));
        let paths = if whole.exists() { vec![whole.clone()] } else { tables(folder)? };
        let mut results = Self { header: Vec::new(), rows: Vec::new(), path: whole };
        for path in paths {
            let bytes = file::read(&path)?;
            let damaged = |line: usize| FilesError::Field {
                path: path.clone(),
                field: format!("line {line}"),
                problem: "is damaged; run the sweep again with --resume".to_owned(),
            };
            for (number, line) in file::text(&path, &bytes)?.lines().enumerate() {
                let row = split(line).ok_or_else(|| damaged(number + 1))?;
                if number == 0 {
                    results.header = row;
                } else if row.len() == results.header.len() {
                    results.rows.push(row);
                } else {
                    return Err(damaged(number + 1));
                }
            }
        }
        if results.rows.is_empty() {
            return Err(FilesError::Missing { path: results.path });
        }
        Ok(results)
    }
}

impl Sweep {
    /// Reads a sweep and checks that some point is an experiment.
    ///
    /// # Errors
    /// [`RunError`] that names the file, the first point and the field.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let bytes = file::read(path)?;
        let mut base: Table = from_toml(
            path,
            &bytes,
            "an experiment with a table [sweep] of lists, such as seed = [1, 2, 3]",
        )?;
        let problem = |field: &str, problem: &str| {
            let (path, field) = (path.to_owned(), field.to_owned());
            FilesError::Field { path, field, problem: problem.to_owned() }
        };
        let mut axes = Vec::new();
        match base.remove("sweep") {
            Some(Value::Table(table)) => flatten("", table, &mut axes).map_err(|field| {
                problem(
                    &format!("sweep.{field}"),
                    "is no list of values; give at least one in brackets",
                )
            })?,
            _ => {
                return Err(problem(
                    "sweep",
                    "is missing; give a table [sweep] of lists, or use train",
                )
                .into());
            }
        }
        axes.sort_by(|x, y| x.field.cmp(&y.field));
        if let Some(pair) = axes.windows(2).find(|pair| pair[0].field == pair[1].field) {
            return Err(problem(
                &format!("sweep.{}", pair[0].field),
                "is there twice; once will do",
            )
            .into());
        }
        let count = axes.iter().try_fold(1_usize, |n, axis| n.checked_mul(axis.values.len()));
        if count.is_none_or(|count| count > MOST_POINTS) {
            return Err(
                problem("sweep", "has more than a million points; make its lists shorter").into()
            );
        }
        let sweep = Self { path: path.to_owned(), base, axes };
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

    /// Number of points.
    pub fn points(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// The values of a point, one for each field of the grid.
    fn values(&self, index: usize) -> Vec<&Value> {
        let mut rest = index;
        let mut values: Vec<&Value> = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            values.push(&axis.values[rest % axis.values.len()]);
            rest /= axis.values.len();
        }
        values.reverse();
        values
    }

    /// The experiment of a point.
    fn experiment(&self, index: usize) -> Result<Experiment, RunError> {
        let mut table = self.base.clone();
        for (axis, value) in self.axes.iter().zip(self.values(index)) {
            if !set(&mut table, &axis.field, value) {
                let problem = "goes through a field that is no table; give the name of a field";
                return Err(self.wrong(&format!("sweep.{}", axis.field), problem).into());
            }
        }
        Experiment::from_table(table).map_err(|error| error.of(&self.place(index)))
    }

    /// What messages call a point.
    fn place(&self, index: usize) -> PathBuf {
        let settings = self.axes.iter().zip(self.values(index));
        let settings: Vec<String> =
            settings.map(|(axis, value)| format!("{} = {value}", axis.field)).collect();
        format!("{}, point {index} ({})", self.path.display(), settings.join(", ")).into()
    }

    fn wrong(&self, field: &str, problem: impl Into<String>) -> FilesError {
        let (path, field) = (self.path.clone(), field.to_owned());
        FilesError::Field { path, field, problem: problem.into() }
    }

    fn header(&self) -> Vec<String> {
        let fields = self.axes.iter().map(|axis| axis.field.clone());
        let columns = COLUMNS.iter().map(|&name| name.to_owned());
        ["point".to_owned()].into_iter().chain(fields).chain(columns).collect()
    }

    /// The first cells of a point's row: its number and its values.
    fn cells(&self, index: usize) -> Vec<String> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let values = self.values(index).into_iter().map(text);
        [index.to_string()].into_iter().chain(values).collect()
    }

    /// What `sweep.json` holds.
    fn manifest(&self, path: &Path) -> Result<String, FilesError> {
        let manifest = SweepManifest {
            program: "gradiometer",
            version: env!("CARGO_PKG_VERSION"),
            points: self.points(),
            sweep: &self.axes,
            experiment: &self.base,
        };
        Ok(format!("{:#}\n", to_json(path, &manifest)?))
    }

    /// Writes `sweep.json`, or refuses a folder that holds that of another sweep.
    fn claim(&self, out: &Path) -> Result<(), FilesError> {
        let path = out.join("sweep.json");
        let manifest = self.manifest(&path)?;
        if !path.exists() {
            std::fs::create_dir_all(out)
                .map_err(|source| FilesError::Write { path: out.to_owned(), source })?;
            return write_atomically(&path, manifest.as_bytes());
        }
        self.require_own(&path)
    }

    fn require_own(&self, path: &Path) -> Result<(), FilesError> {
        if file::read(path)? == self.manifest(path)?.as_bytes() {
            return Ok(());
        }
        Err(FilesError::Field {
            path: path.to_owned(),
            field: "sweep".to_owned(),
            problem: format!(
                "is another sweep, or of another version, than {}; restore that, or choose another folder",
                self.path.display()
            ),
        })
    }

    /// Runs all points, or those of a shard, one after the other on all threads, and writes the
    /// table of their results.
    ///
    /// A run that diverges is a row that says so; one that `[watch]` stops, too, and a point that cannot be run, with the reason.
    ///
    /// # Errors
    /// [`RunError`] for a file that cannot be read or written, a folder of another sweep or one that,
    /// without `resume`, holds a point already.
    pub fn run(
        &self,
        out: &HeldFolder,
        shard: Option<Shard>,
        resume: bool,
        progress: &mut dyn FnMut(SweepProgress<'_>) -> ControlFlow<()>,
    ) -> Result<SweepEnding, RunError> {
        let Shard { index: first, of } = shard.unwrap_or(Shard { index: 0, of: 1 });
        let own: Vec<usize> = (first..self.points()).step_by(of).collect();
        let (holder, out) = (out.holder(), out.path());
        let folder = |index: usize| out.join("points").join(format!("{index:05}"));
        if let Some(taken) = own.iter().map(|i| folder(*i)).find(|f| !resume && f.exists()) {
            return Err(FilesError::OccupiedPoint { path: taken }.into());
        }
        self.claim(out)?;
        let beside = self.path.parent().unwrap_or(Path::new(""));
        let mut rows = Vec::with_capacity(own.len());
        for (done, &index) in own.iter().enumerate() {
            let kept = folder(index).join("row.csv");
            if kept.exists() {
                rows.push(self.kept_row(&kept, index)?);
                continue;
            }
            let mut show =
                |run: &Moment<'_>| progress(SweepProgress { done, points: own.len(), run });
            let existing = if resume { Existing::Resume } else { Existing::Keep };
            let held = HeldFolder::take(&folder(index), LOCK, holder)?;
            let mut row = self.cells(index);
            match self.run_point(index, beside, &held, existing, &mut show) {
                Ok(Ending::Finished(run)) => row.extend(result(&run)),
                Ok(Ending::Stopped { .. }) => return Ok(SweepEnding::Stopped { done }),
                Err(Unfinished::Diverged) => row.push("diverged".to_owned()),
                Err(Unfinished::Impossible(reason)) => {
                    row.push("failed".to_owned());
                    row.resize(self.header().len() - 1, String::new());
                    row.push(reason);
                }
                Err(Unfinished::Error(error)) => return Err(error.of(&self.path)),
            }
            row.resize(self.header().len(), String::new());
            write_atomically(&kept, line(&row).as_bytes())?;
            rows.push(row);
        }
        Ok(SweepEnding::Finished(self.write(out.join(Shard::results(shard)), rows)?))
    }

    fn run_point(
        &self,
        index: usize,
        beside: &Path,
        held: &HeldFolder,
        existing: Existing,
        show: &mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>,
    ) -> Result<Ending<Box<Run>>, Unfinished> {
        // Without the file's name, which another shard may know by another path.
        let plain = |error: RunError| match error {
            RunError::In { source, .. } => *source,
            other => other,
        };
        let impossible = |error: RunError| match error.class() {
            Class::Data | Class::Missing | Class::Usage => {
                Unfinished::Impossible(plain(error).to_string())
            }
            Class::Write | Class::Internal => Unfinished::Error(error),
        };
        let experiment = self.experiment(index).map_err(impossible)?;
        let plan = experiment.resolve(beside).map_err(impossible)?;
        run_plan(&experiment, &plan, held, existing, show).map_err(|error| match plain(error) {
            RunError::Train(TrainError::Diverged { .. }) => Unfinished::Diverged,
            // A damaged checkpoint is no fault of the point.
            error @ RunError::Files(_) => Unfinished::Error(error),
            error => impossible(error),
        })
    }

    /// The row that a point left when it was done.
    fn kept_row(&self, path: &Path, index: usize) -> Result<Vec<String>, FilesError> {
        let bytes = file::read(path)?;
        let row = file::text(path, &bytes)?.lines().next().and_then(split);
        row.filter(|row| row.len() == self.header().len() && row.starts_with(&self.cells(index)))
            .ok_or_else(|| FilesError::Field {
                path: path.to_owned(),
                field: "row".to_owned(),
                problem: "is damaged; remove the point's folder and resume".to_owned(),
            })
    }

    fn write(&self, path: PathBuf, rows: Vec<Vec<String>>) -> Result<Results, FilesError> {
        let header = self.header();
        let text: String = [&header].into_iter().chain(&rows).map(|row| line(row)).collect();
        write_atomically(&path, text.as_bytes())?;
        Ok(Results { header, rows, path })
    }

    /// Joins the tables in the folders of shards, which may be one folder, into `results.csv`.
    ///
    /// # Errors
    /// [`FilesError`] for folders of another sweep, a point that is missing, or one with two
    /// different results.
    pub fn merge(&self, out: &HeldFolder, shards: &[PathBuf]) -> Result<Results, FilesError> {
        let out = out.path();
        let mut found: Vec<Option<Vec<String>>> = vec![None; self.points()];
        for folder in shards {
            self.require_own(&folder.join("sweep.json"))?;
            for path in tables(folder)? {
                let wrong = |problem: String| FilesError::Field {
                    path: path.clone(),
                    field: "results".to_owned(),
                    problem,
                };
                let bytes = file::read(&path)?;
                let mut lines = file::text(&path, &bytes)?.lines().map(split);
                if lines.next().flatten() != Some(self.header()) {
                    return Err(wrong("have other columns; run that shard again".to_owned()));
                }
                for row in lines {
                    let row = row.filter(|row| row.len() == self.header().len());
                    let index = row.as_ref().and_then(|row| row[0].parse::<usize>().ok());
                    let slot = index.and_then(|i| found.get_mut(i)).ok_or_else(|| {
                        wrong("hold a damaged line; run that shard again with --resume".to_owned())
                    })?;
                    if slot.is_some() && *slot != row {
                        let index = index.unwrap_or_default();
                        return Err(wrong(format!(
                            "differ from another shard's at point {index}; the shards must come from one program and machine"
                        )));
                    }
                    *slot = row;
                }
            }
        }
        if let Some(missing) = found.iter().position(Option::is_none) {
            let count = found.iter().filter(|row| row.is_none()).count();
            return Err(FilesError::Field {
                path: self.path.clone(),
                field: "sweep".to_owned(),
                problem: format!(
                    "{count} points have no result, the first is point {missing}; run their shard, or name its folder"
                ),
            });
        }
        self.claim(out)?;
        self.write(out.join(Shard::results(None)), found.into_iter().flatten().collect())
    }
}

/// The tables of results in a folder, in the order of their names.
fn tables(folder: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let error = |source| FilesError::Unreadable { path: folder.to_owned(), source };
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        let stem = path.file_stem().is_some_and(|s| s.to_string_lossy().starts_with("results"));
        if stem && path.extension().is_some_and(|ending| ending == "csv") {
            tables.push(path);
        }
    }
    tables.sort();
    Ok(tables)
}

/// The lists of nested tables with their dotted names; the error is the name of what is no list.
fn flatten(prefix: &str, table: Table, axes: &mut Vec<Axis>) -> Result<(), String> {
    for (key, value) in table {
        let field = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(table) => flatten(&field, table, axes)?,
            Value::Array(values) if !values.is_empty() => axes.push(Axis { field, values }),
            _ => return Err(field),
        }
    }
    Ok(())
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

/// The cells of a finished run, after those of its point.
fn result(run: &Run) -> Vec<String> {
    let FinalRecord { record: last, mass_away, .. } = &run.manifest.last;
    let outcome = if run.violation.is_some() { "violated" } else { "finished" };
    let numbers = [
        last.lambda,
        last.loss,
        last.loss_error,
        last.objective,
        last.total_mass,
        last.gradient_norm,
        last.balance_defect,
        last.mean_angle,
        maximum_of(last.matched_angles.iter().copied()),
        *mass_away,
    ];
    let mut cells = vec![outcome.to_owned(), last.steps.to_string()];
    cells.extend(numbers.iter().map(|x| format!("{x:e}")));
    cells.push(last.training_loss.map_or(String::new(), |x| format!("{x:e}")));
    cells
}

/// A line of CSV; a cell with a comma, a quote or a line's end is quoted.
fn line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains([',', '"', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\"").replace('\n', " "))
        } else {
            cell.clone()
        }
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n"
}

/// The cells of a line that [`line`] wrote; `None` for an open quote.
fn split(line: &str) -> Option<Vec<String>> {
    let (mut cells, mut cell, mut open) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if open && characters.peek() == Some(&'"') => {
                cell.push('"');
                let _second = characters.next();
            }
            '"' => open = !open,
            ',' if !open => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    (!open).then_some(cells)
}

#[cfg(test)]
mod tests;
