//! A study under way: its tasks one after another, written down so that a killed study goes on
//! where it was.

use super::measurement::{Measure, Measurement, Setting};
use super::{Findings, Found, Size, Study};
use crate::error::StudyError;
use gradiometer_files::FilesError;
use gradiometer_files::file;
use gradiometer_files::text_file::from_json;
use gradiometer_run::sweep::Shard;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Why a task failed; a defect, since a study's instances are its own.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What one task measured.
pub(super) type Values = Result<Vec<f64>, Failure>;

/// What one task runs: the settings that it measures together, at so many seeds.
pub(super) struct Case {
    pub(super) rows: Vec<Setting>,
    pub(super) seeds: usize,
}

/// Everything that a study is going to measure.
pub(super) struct Plan {
    cases: Vec<Case>,
    /// The most of any case.
    seeds: usize,
    measures: &'static [Measure],
    task: Box<dyn Fn(usize, u64) -> Values + Send + Sync>,
}

impl Plan {
    /// The measures of every case at the seeds from 0 on; a task returns one value for each
    /// measure.
    pub(super) fn new<C: Send + Sync + 'static>(
        cases: Vec<C>,
        setting: impl Fn(&C) -> Setting,
        (measures, seeds): (&'static [Measure], usize),
        task: impl Fn(&C, u64) -> Values + Send + Sync + 'static,
    ) -> Self {
        let rows = cases.iter().map(|case| Case { rows: vec![setting(case)], seeds }).collect();
        Self::of_cases(rows, measures, move |case: usize, seed| task(&cases[case], seed))
    }

    /// The measures of every row of every case at its seeds; a task returns one value for each
    /// measure of each row, the measures of a row together.
    pub(super) fn of_cases(
        cases: Vec<Case>,
        measures: &'static [Measure],
        task: impl Fn(usize, u64) -> Values + Send + Sync + 'static,
    ) -> Self {
        let seeds = cases.iter().map(|case| case.seeds).max().unwrap_or(0);
        Self { cases, seeds, measures, task: Box::new(task) }
    }

    const fn tasks(&self) -> usize {
        self.cases.len() * self.seeds
    }

    /// The case of a task and its seed. Seeds are the slower index, so that the time left is known
    /// early.
    const fn place(&self, task: usize) -> (usize, usize) {
        (task % self.cases.len(), task / self.cases.len())
    }

    /// How many values a task has; none where its case has fewer seeds than others.
    fn width(&self, task: usize) -> usize {
        let (case, seed) = self.place(task);
        let Case { rows, seeds } = &self.cases[case];
        if seed < *seeds { rows.len() * self.measures.len() } else { 0 }
    }

    fn run(&self, task: usize) -> Values {
        let (case, seed) = self.place(task);
        if self.width(task) == 0 { Ok(Vec::new()) } else { (self.task)(case, seed as u64) }
    }

    fn measurements(&self, done: &[Vec<f64>]) -> Vec<Measurement> {
        let mut found = Vec::new();
        for (case, Case { rows, seeds }) in self.cases.iter().enumerate() {
            for (row, setting) in rows.iter().enumerate() {
                for (which, measure) in self.measures.iter().enumerate() {
                    let place = row * self.measures.len() + which;
                    let of_case = done.iter().skip(case).step_by(self.cases.len()).take(*seeds);
                    let values = of_case.enumerate().map(|(seed, x)| (seed as u64, x[place]));
                    let values = values.collect();
                    found.push(Measurement { setting: setting.clone(), measure: *measure, values });
                }
            }
        }
        found
    }
}

/// How far a study is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Tasks done.
    pub done: usize,
    /// Tasks in all.
    pub all: usize,
}

/// The state file: which study it is of, which shard if not all of it, and the values of the tasks
/// done, in order; null for what is not finite.
#[derive(Serialize, Deserialize)]
struct State {
    study: String,
    size: String,
    version: String,
    plan: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    values: Vec<Vec<Option<f64>>>,
}

/// A study under way, or a shard of it.
pub struct Session {
    study: Study,
    size: Size,
    plan: Plan,
    shard: Option<Shard>,
    /// The tasks to do.
    tasks: Vec<usize>,
    /// The values of the first of them.
    done: Vec<Vec<f64>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("study", &self.study.name)
            .field("size", &self.size)
            .field("done", &self.done.len())
            .finish_non_exhaustive()
    }
}

impl Session {
    /// The study from its start.
    pub(super) fn new(study: Study, size: Size) -> Self {
        let plan = (study.plan)(size);
        let tasks = (0..plan.tasks()).collect();
        Self { study, size, plan, shard: None, tasks, done: Vec::new() }
    }

    /// A shard of this study, from its start.
    #[must_use]
    pub fn sharded(mut self, shard: Shard) -> Self {
        self.tasks = shard.numbers(self.plan.tasks()).collect();
        self.shard = Some(shard);
        self.done.clear();
        self
    }

    /// Number of tasks, of the shard if it is one.
    pub const fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// The name of the state file of a study, or of a shard of it.
    pub fn state_file(&self) -> String {
        let shard = self.shard.map_or(String::new(), |shard| format!(".{}", shard.name()));
        format!("{}{shard}.state.json", self.study.name)
    }

    /// The state files of shards of this study in a folder.
    ///
    /// # Errors
    /// [`FilesError::Unreadable`].
    pub fn shard_files(&self, folder: &Path) -> Result<Vec<PathBuf>, FilesError> {
        let error = |source| FilesError::Unreadable { path: folder.to_owned(), source };
        let start = format!("{}.", self.study.name);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(error)? {
            let path = entry.map_err(error)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let shard = name.strip_prefix(&start).and_then(|rest| rest.strip_suffix(".state.json"));
            if shard.and_then(Shard::named).is_some() {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// The whole study, from the state files of its shards.
    ///
    /// # Errors
    /// [`FilesError`] for the state of another study, a task that is missing, or one with two different
    /// results.
    pub fn merged(mut self, states: &[PathBuf]) -> Result<Self, FilesError> {
        let mut values: Vec<Option<Vec<Option<f64>>>> = vec![None; self.plan.tasks()];
        let mut first = None;
        for path in states {
            let found = self.read_state(path)?;
            let wrong = |problem: String| FilesError::Field {
                path: path.clone(),
                field: "values".to_owned(),
                problem,
            };
            let shard = found.shard.as_deref().and_then(Shard::named);
            let shard =
                shard.ok_or_else(|| wrong("are those of no shard; name its folder".to_owned()))?;
            for (task, own) in shard.numbers(values.len()).zip(found.values) {
                if values[task].as_ref().is_some_and(|known| *known != own) {
                    return Err(wrong(format!(
                        "differ from another shard's at task {task}; the shards must come from one program and machine"
                    )));
                }
                values[task] = Some(own);
            }
            first = first.or(Some(path));
        }
        let missing = values.iter().filter(|task| task.is_none()).count();
        if missing > 0 {
            let path = first.cloned().unwrap_or_else(|| self.state_file().into());
            let problem = format!(
                "of {missing} tasks of {} are missing; run all shards to their ends with --resume, and name their folders",
                values.len()
            );
            return Err(FilesError::Field { path, field: "the values".to_owned(), problem });
        }
        self.done = values.into_iter().flatten().map(numbers).collect();
        Ok(self)
    }

    /// This study at the state that a file holds.
    ///
    /// # Errors
    /// [`FilesError::OtherState`] if it belongs to another study, size or version, [`FilesError`]
    /// if it cannot be read.
    pub fn resumed(mut self, path: &Path) -> Result<Self, FilesError> {
        let found = self.read_state(path)?;
        for (field, same) in [
            ("the shard", found.shard == self.state().shard),
            ("the number of tasks", found.values.len() <= self.tasks.len()),
        ] {
            if !same {
                return Err(FilesError::OtherState { path: path.to_owned(), field });
            }
        }
        self.done = found.values.into_iter().map(numbers).collect();
        Ok(self)
    }

    /// The state in a file, which is of this study.
    fn read_state(&self, path: &Path) -> Result<State, FilesError> {
        let found: State = from_json(path, &file::read(path)?, "the state file of a study")?;
        let own = self.state();
        let other = |field| FilesError::OtherState { path: path.to_owned(), field };
        // The tasks of a shard follow from its name, which `resumed` and `merged` compare.
        let shard = found.shard.as_deref().and_then(Shard::named);
        let tasks = shard.map_or_else(
            || (0..self.plan.tasks()).collect(),
            |s| s.numbers(self.plan.tasks()).collect::<Vec<_>>(),
        );
        let widths = found
            .values
            .iter()
            .zip(&tasks)
            .all(|(values, task)| values.len() == self.plan.width(*task));
        for (field, same) in [
            ("the study", found.study == own.study),
            ("the size", found.size == own.size),
            ("the version of the program", found.version == own.version),
            ("the list of settings", found.plan == own.plan),
            ("the number of measures", widths),
        ] {
            if !same {
                return Err(other(field));
            }
        }
        Ok(found)
    }

    fn state(&self) -> State {
        let settings = self.plan.cases.iter().flat_map(|case| &case.rows).flatten();
        let settings: Vec<String> = settings.map(|(name, x)| format!("{name} {x}")).collect();
        let measures: Vec<&str> = self.plan.measures.iter().map(|m| m.name).collect();
        let task = |values: &Vec<f64>| values.iter().map(|x| x.is_finite().then_some(*x)).collect();
        State {
            study: self.study.name.to_owned(),
            size: self.size.name().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            plan: format!(
                "{}; {}; {} seeds",
                settings.join(", "),
                measures.join(", "),
                self.plan.seeds
            ),
            shard: self.shard.map(Shard::name),
            values: self.done.iter().map(task).collect(),
        }
    }

    /// Writes the state.
    ///
    /// # Errors
    /// [`FilesError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), FilesError> {
        let text = serde_json::to_string(&self.state())
            .map_err(|error| FilesError::Encode { path: path.to_owned(), source: error.into() })?;
        file::write_atomically(path, text.as_bytes())
    }

    /// Goes on until all tasks, of the shard if it is one, are done or `progress` stops it; writes the
    /// state to `file` after every few tasks. Whether all are done.
    ///
    /// # Errors
    /// [`StudyError::Failed`], a defect, or [`FilesError::Write`].
    pub fn advance(
        &mut self,
        file: Option<&Path>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<bool, StudyError> {
        let all = self.tasks.len();
        while self.done.len() < all {
            if progress(Progress { done: self.done.len(), all }).is_break() {
                return Ok(false);
            }
            // No more at once than threads: a task may hold a gibibyte of samples.
            let next = self.done.len()..all.min(self.done.len() + rayon::current_num_threads());
            let values: Result<Vec<Vec<f64>>, Failure> =
                self.tasks[next].par_iter().map(|task| self.plan.run(*task)).collect();
            // As the state file has it, so that resuming changes nothing.
            let finite = |x: f64| if x.is_finite() { x } else { f64::NAN };
            let values = values.map_err(|source| self.failed(source))?.into_iter();
            self.done.extend(values.map(|task| task.into_iter().map(finite).collect::<Vec<_>>()));
            if let Some(file) = file {
                self.write(file)?;
            }
        }
        Ok(true)
    }

    /// What the study found, once all its tasks are done; `None` before, and for a shard.
    ///
    /// # Errors
    /// [`StudyError::Failed`], a defect.
    pub fn findings(&self) -> Result<Option<Findings>, StudyError> {
        if self.done.len() < self.plan.tasks() {
            return Ok(None);
        }
        let mut measurements = self.plan.measurements(&self.done);
        let derived = (self.study.derive)(Found(&measurements));
        measurements.extend(derived);
        let conclusions =
            (self.study.read)(Found(&measurements)).map_err(|source| self.failed(source))?;
        Ok(Some(Findings { study: self.study, size: self.size, measurements, conclusions }))
    }

    /// Goes on as [`Self::advance`] does, to the findings of the whole study; `None` if it was
    /// stopped.
    ///
    /// # Errors
    /// As for [`Self::advance`].
    pub fn run(
        &mut self,
        file: Option<&Path>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<Findings>, StudyError> {
        if self.advance(file, progress)? { self.findings() } else { Ok(None) }
    }

    const fn failed(&self, source: Failure) -> StudyError {
        StudyError::Failed { study: self.study.name, source }
    }
}

/// The values of a task as they were; what was not finite is NaN.
fn numbers(task: Vec<Option<f64>>) -> Vec<f64> {
    task.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect()
}
