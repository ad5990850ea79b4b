//! A study under way: its tasks one after another, written down so that a killed study goes on
//! where it was.

use super::measurement::{Measure, Measurement, Setting};
use super::{Findings, Found, Size, Study};
use crate::error::StudyError;
use gradiometer_files::FilesError;
use gradiometer_files::file;
use gradiometer_files::text_file::from_json;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::Path;

/// Why a task failed; a defect, since a study's instances are its own.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What one task measured.
pub(super) type Values = Result<Vec<f64>, Failure>;

/// Everything that a study is going to measure.
pub(super) struct Plan {
    settings: Vec<Setting>,
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
        let settings = cases.iter().map(setting).collect();
        let task = Box::new(move |case: usize, seed| task(&cases[case], seed));
        Self { settings, seeds, measures, task }
    }

    const fn tasks(&self) -> usize {
        self.settings.len() * self.seeds
    }

    /// Seeds are the slower index, so that the time left is known early.
    fn run(&self, task: usize) -> Values {
        (self.task)(task % self.settings.len(), (task / self.settings.len()) as u64)
    }

    fn measurements(&self, done: &[Vec<f64>]) -> Vec<Measurement> {
        let mut found = Vec::new();
        for (case, setting) in self.settings.iter().enumerate() {
            for (which, measure) in self.measures.iter().enumerate() {
                let of_case = done.iter().skip(case).step_by(self.settings.len());
                let values = of_case.enumerate().map(|(seed, values)| (seed as u64, values[which]));
                let values = values.collect();
                found.push(Measurement { setting: setting.clone(), measure: *measure, values });
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

/// The state file: which study it is of, and the values of the tasks done, in order; null for what
/// is not finite.
#[derive(Serialize, Deserialize)]
struct State {
    study: String,
    size: String,
    version: String,
    plan: String,
    values: Vec<Vec<Option<f64>>>,
}

/// A study under way.
pub struct Session {
    study: Study,
    size: Size,
    plan: Plan,
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
        Self { study, size, plan: (study.plan)(size), done: Vec::new() }
    }

    /// This study at the state that a file holds.
    ///
    /// # Errors
    /// [`FilesError::OtherState`] if it belongs to another study, size or version, [`FilesError`]
    /// if it cannot be read.
    pub fn resumed(mut self, path: &Path) -> Result<Self, FilesError> {
        let found: State = from_json(path, &file::read(path)?, "the state file of a study")?;
        let own = self.state();
        let other = |field| FilesError::OtherState { path: path.to_owned(), field };
        let width = self.plan.measures.len();
        for (field, same) in [
            ("the study", found.study == own.study),
            ("the size", found.size == own.size),
            ("the version of the program", found.version == own.version),
            ("the list of settings", found.plan == own.plan),
            ("the number of tasks", found.values.len() <= self.plan.tasks()),
            ("the number of measures", found.values.iter().all(|task| task.len() == width)),
        ] {
            if !same {
                return Err(other(field));
            }
        }
        let number = |x: Option<f64>| x.unwrap_or(f64::NAN);
        self.done = found.values.into_iter().map(|t| t.into_iter().map(number).collect()).collect();
        Ok(self)
    }

    fn state(&self) -> State {
        let settings = self.plan.settings.iter().flatten();
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
            values: self.done.iter().map(task).collect(),
        }
    }

    fn write(&self, path: Option<&Path>) -> Result<(), FilesError> {
        let Some(path) = path else { return Ok(()) };
        let text = serde_json::to_string(&self.state())
            .map_err(|error| FilesError::Encode { path: path.to_owned(), source: error.into() })?;
        file::write_atomically(path, text.as_bytes())
    }

    /// Goes on until all tasks are done or `progress` stops it; writes the state to `file` after
    /// every few tasks. `None` if it was stopped.
    ///
    /// # Errors
    /// [`StudyError::Failed`], a defect, or [`FilesError::Write`].
    pub fn run(
        &mut self,
        file: Option<&Path>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<Findings>, StudyError> {
        let failed = |source| StudyError::Failed { study: self.study.name, source };
        let all = self.plan.tasks();
        while self.done.len() < all {
            if progress(Progress { done: self.done.len(), all }).is_break() {
                return Ok(None);
            }
            // No more at once than threads: a task may hold a gibibyte of samples.
            let next = self.done.len()..all.min(self.done.len() + rayon::current_num_threads());
            let values: Result<Vec<Vec<f64>>, Failure> =
                next.into_par_iter().map(|task| self.plan.run(task)).collect();
            // As the state file has it, so that resuming changes nothing.
            let finite = |x: f64| if x.is_finite() { x } else { f64::NAN };
            let values = values.map_err(failed)?.into_iter();
            self.done.extend(values.map(|task| task.into_iter().map(finite).collect::<Vec<_>>()));
            self.write(file)?;
        }
        let mut measurements = self.plan.measurements(&self.done);
        let derived = (self.study.derive)(Found(&measurements));
        measurements.extend(derived);
        let conclusions = (self.study.read)(Found(&measurements)).map_err(failed)?;
        Ok(Some(Findings { study: self.study, size: self.size, measurements, conclusions }))
    }
}
