//! Training, with a look at it while it runs.

use crate::errors::Failure;
use crate::jobs::{Job, long};
use crate::networks::{Network, Teacher};
use gradiometer::files::text_file::from_json;
use gradiometer::files::{HeldFolder, Holder};
use gradiometer::instances::FeatureSubspace;
use gradiometer::population::{InstructionSet, Stop};
use gradiometer::run::folder::LOCK;
use gradiometer::run::record::Position;
use gradiometer::run::{Ending, Existing, Experiment, Manifest, Moment, Observer, Trajectory};
use gradiometer::{Error, Outcome, Paused, Trained, Training};
use pyo3::prelude::*;
use serde_json::json;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a run has shown so far.
#[derive(Default)]
struct Look {
    steps: u64,
    most_steps: u64,
    place: String,
    trajectory: Trajectory,
}

/// What a run came to.
enum Came {
    /// A run in memory.
    Finished(Box<Trained>),
    /// A run in memory that was stopped, with what it had by then.
    Paused(Box<Paused>, Box<Trained>),
    /// A run that filled its folder.
    Wrote(Box<gradiometer::run::Run>),
    /// A run that left a checkpoint in its folder.
    Left,
}

/// A training under way or done.
#[pyclass(frozen, module = "gradiometer._lib")]
pub(crate) struct Run {
    job: Job<Result<Came, Failure>>,
    look: Arc<Mutex<Look>>,
    came: Mutex<Option<Came>>,
    teachers: usize,
    angles: Vec<f64>,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.job.stop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The observer of a run: notes what it shows, and stops it once the flag is raised.
fn observer<'a>(
    look: &'a Mutex<Look>,
    stop: &'a Stop,
) -> impl FnMut(&Moment<'_>) -> ControlFlow<()> + 'a {
    move |moment| {
        let mut look = lock(look);
        look.steps = moment.state.steps;
        look.most_steps = moment.most_steps;
        look.place = if moment.is_start {
            Position::START.to_string()
        } else {
            Position::from(moment.state.phase).to_string()
        };
        let _never_stops = look.trajectory.see(moment);
        if stop.is_raised() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn came(outcome: Outcome) -> Came {
    match outcome {
        Outcome::Finished(trained) => Came::Finished(trained),
        Outcome::Paused(paused) => {
            let so_far = Box::new(paused.so_far());
            Came::Paused(paused, so_far)
        }
    }
}

impl Run {
    /// Starts a run that keeps what it shows in `look`.
    fn begin(
        py: Python<'_>,
        (teachers, angles): (usize, Vec<f64>),
        look: Look,
        run: impl FnOnce(&mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>) -> Result<Came, Error>
        + Send
        + 'static,
    ) -> PyResult<Self> {
        let look = Arc::new(Mutex::new(look));
        let into = look.clone();
        let job =
            Job::start(py, move |stop| run(&mut observer(&into, stop)).map_err(Failure::from))?;
        Ok(Self { job, look, came: Mutex::new(None), teachers, angles })
    }

    /// What it came to, taken from the job the first time.
    fn with_came<T>(&self, use_it: impl FnOnce(&Came) -> Result<T, Failure>) -> PyResult<T> {
        let mut kept = lock(&self.came);
        if kept.is_none() {
            *kept = Some(self.job.take()??);
        }
        match &*kept {
            Some(came) => Ok(use_it(came)?),
            None => Err(Failure::internal("a run came to nothing").into()),
        }
    }

    /// The run in memory, finished or so far.
    fn with_trained<T>(
        &self,
        use_it: impl FnOnce(&Trained) -> Result<T, Failure>,
    ) -> PyResult<Option<T>> {
        self.with_came(|came| match came {
            Came::Finished(trained) | Came::Paused(_, trained) => use_it(trained).map(Some),
            Came::Wrote(_) | Came::Left => Ok(None),
        })
    }
}

/// Name, title, caption and SVG of a figure.
type Figure = (String, String, String, String);

#[pymethods]
impl Run {
    /// Starts a run of an experiment, as JSON. A teacher and a start in memory stand for those of the
    /// experiment; `out` is the folder to fill, if any.
    #[staticmethod]
    #[expect(clippy::too_many_arguments, reason = "a request in keywords")]
    fn start(
        py: Python<'_>,
        experiment: &str,
        named: PathBuf,
        beside: PathBuf,
        teacher: Option<&Teacher>,
        start: Option<&Network>,
        out: Option<PathBuf>,
        resume: bool,
    ) -> PyResult<Self> {
        let form = "the arguments of train";
        let read: Result<Experiment, _> = from_json(&named, experiment.as_bytes(), form);
        let experiment = read.map_err(Failure::from)?;
        experiment.check().map_err(Failure::from)?;
        let (separated, start) = match teacher {
            Some(teacher) => (Some(teacher.separated()?), start.map(|start| start.0.clone())),
            None => (None, start.map(|start| start.0.clone())),
        };
        let teachers = match &separated {
            Some(teacher) => teacher.neurons(),
            None => experiment.teacher.neurons.unwrap_or(0),
        };
        let shape = (teachers, experiment.record.angles.clone());
        Self::begin(py, shape, Look::default(), move |progress| {
            let mut training = match separated {
                Some(teacher) => Training::of(&teacher).with(|own| *own = experiment),
                None => Training::of_experiment(experiment, &beside)?,
            };
            if let Some(start) = start {
                training = training.from_student(&start);
            }
            let Some(out) = out else {
                return Ok(came(training.run_until(&mut |moment: &Moment<'_>| progress(moment))?));
            };
            let holder = Holder { command: "gradiometer.train".to_owned(), ..Holder::default() };
            let held = HeldFolder::take(&out, LOCK, &holder)?;
            let existing = if resume { Existing::Resume } else { Existing::Keep };
            Ok(match training.run_in(&held, existing, progress)? {
                Ending::Finished(run) => Came::Wrote(run),
                Ending::Stopped { .. } => Came::Left,
            })
        })
    }

    /// Goes on with a run in memory that was stopped; none for any other.
    fn resumed(&self, py: Python<'_>) -> PyResult<Option<Self>> {
        let paused = self.with_came(|came| {
            Ok(if let Came::Paused(paused, _) = came { Some(paused.clone()) } else { None })
        })?;
        let Some(paused) = paused else { return Ok(None) };
        let look = Look { trajectory: paused.so_far().trajectory, ..Look::default() };
        let shape = (self.teachers, self.angles.clone());
        let going_on = Self::begin(py, shape, look, move |progress| {
            Ok(came(paused.resume(&mut |moment: &Moment<'_>| progress(moment))?))
        });
        going_on.map(Some)
    }

    fn stop(&self) {
        self.job.stop();
    }

    fn is_done(&self) -> bool {
        self.job.is_done()
    }

    /// Waits for its end, for so many seconds or for ever, looking for signals.
    fn wait(&self, py: Python<'_>, seconds: Option<f64>) -> PyResult<bool> {
        let time = seconds.map(|s| Duration::try_from_secs_f64(s).unwrap_or(Duration::MAX));
        self.job.wait(py, time)
    }

    /// Waits for its end without a look for signals.
    fn wait_blindly(&self, py: Python<'_>, seconds: f64) -> bool {
        let time = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO);
        self.job.is_done_within(py, time)
    }

    /// Steps taken, most steps, and the place in the algorithm.
    fn look(&self) -> (u64, u64, String) {
        let look = lock(&self.look);
        (look.steps, look.most_steps, look.place.clone())
    }

    /// `finished`, `violated` or `stopped`.
    fn ending(&self) -> PyResult<&'static str> {
        self.with_came(|came| {
            Ok(match came {
                Came::Finished(run) if run.results.violation.is_some() => "violated",
                Came::Wrote(run) if run.violation.is_some() => "violated",
                Came::Finished(_) | Came::Wrote(_) => "finished",
                Came::Paused(..) | Came::Left => "stopped",
            })
        })
    }

    /// The records so far, as `trajectory.csv` has them.
    fn trajectory(&self) -> String {
        let look = lock(&self.look);
        let teachers = look
            .trajectory
            .records
            .first()
            .map_or(self.teachers, |record| record.matched_angles.len());
        look.trajectory.csv(teachers, &self.angles)
    }

    /// The watched claims so far, as `claims.csv` has them.
    fn claims(&self) -> String {
        lock(&self.look).trajectory.claims_csv()
    }

    /// The snapshots of a run in memory, as `snapshots.csv` has them.
    fn snapshots(&self) -> PyResult<Option<String>> {
        self.with_trained(|run| {
            let rank = FeatureSubspace::of(&run.teacher)?.rank();
            Ok(run.trajectory.snapshots_csv(rank))
        })
    }

    /// Teacher and student of a run in memory, or of a folder that is filled.
    fn networks(&self) -> PyResult<Option<(Teacher, Network)>> {
        self.with_came(|came| {
            let pair = |teacher: &gradiometer::model::Teacher,
                        student: &gradiometer::model::Network| {
                (Teacher::new(teacher.clone()), Network::new(student.clone()))
            };
            Ok(match came {
                Came::Finished(run) | Came::Paused(_, run) => {
                    Some(pair(&run.teacher, &run.student))
                }
                Came::Wrote(run) => Some(pair(&run.teacher, &run.student)),
                Came::Left => None,
            })
        })
    }

    /// `run.json` of a run in memory, or of a folder that is filled.
    fn manifest(&self) -> PyResult<Option<String>> {
        self.with_came(|came| match came {
            Came::Finished(run) | Came::Paused(_, run) => {
                let results = run.results.clone();
                let manifest = Manifest::new(&run.experiment, &run.teacher, &run.student, results);
                Ok(Some(json!(manifest?).to_string()))
            }
            Came::Wrote(run) => Ok(Some(json!(run.manifest).to_string())),
            Came::Left => Ok(None),
        })
    }

    /// The figures of a run in memory.
    fn figures(&self, py: Python<'_>) -> PyResult<Option<Vec<Figure>>> {
        let Some(run) = self.with_trained(|run| Ok(run.clone()))? else { return Ok(None) };
        let found = long(py, move |_| run.report())?.map_err(Failure::from)?;
        let figures = found.figures.into_iter();
        Ok(Some(figures.map(|f| (f.name, f.title, f.caption, f.svg)).collect()))
    }
}

/// The experiment of a file, as JSON.
#[pyfunction]
pub(crate) fn experiment(path: PathBuf) -> PyResult<String> {
    let experiment = Experiment::read(&path).map_err(Failure::from)?;
    Ok(json!(experiment).to_string())
}

/// Version of the library, and the vector unit that sums are taken on.
#[pyfunction]
pub(crate) fn versions() -> (&'static str, &'static str) {
    (env!("CARGO_PKG_VERSION"), InstructionSet::detect().name())
}
