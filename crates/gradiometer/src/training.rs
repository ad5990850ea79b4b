//! Algorithm 1 in memory: a teacher, sizes, a run, its figures.

use crate::Error;
use gradiometer_files::HeldFolder;
use gradiometer_model::recovery::AT;
use gradiometer_model::{Network, Recovery, SeparatedTeacher, Teacher};
use gradiometer_report::RunReport;
use gradiometer_run::folder::run_plan;
use gradiometer_run::{
    Ending, Existing, Experiment, Manifest, Moment, Observer, Plan, Results, Run, RunError,
    Trajectory,
};
use gradiometer_train::State;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A training to be run: Algorithm 1 with the defaults of an experiment's file, less what is set.
///
/// # Examples
/// ```
/// use gradiometer::prelude::*;
/// let teacher = Network::from_rows(vec![1.0], &[vec![1.0, 0.0, 0.0]])?;
/// let teacher = Teacher::new(teacher)?.separated()?;
/// let run = Training::of(&teacher).neurons(10).seed(1).epochs(4).steps(200).run()?;
/// assert!(run.results.last.loss < run.trajectory.records[0].loss);
/// # Ok::<(), gradiometer::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Training {
    teacher: SeparatedTeacher,
    start: Option<Network>,
    experiment: Experiment,
    /// The folder that the files of the experiment are relative to.
    beside: PathBuf,
}

/// A training that its observer stopped, with what there was by then; it can go on.
#[derive(Clone, Debug)]
pub struct Paused {
    training: Training,
    state: State,
    results: Results,
    trajectory: Trajectory,
}

/// What became of a training under an observer's eyes.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is done.
    Finished(Box<Trained>),
    /// The observer stopped it.
    Paused(Box<Paused>),
}

/// A run in memory.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The experiment as run.
    pub experiment: Experiment,
    /// The teacher.
    pub teacher: Teacher,
    /// The student at the end.
    pub student: Network,
    /// The records at the ends of the stages.
    pub results: Results,
    /// Every record and snapshot.
    pub trajectory: Trajectory,
}

impl Training {
    /// A training on a teacher; without a start the student has 200 neurons in the symmetric one.
    pub fn of(teacher: &SeparatedTeacher) -> Self {
        let experiment = Experiment::new(teacher.dimension(), teacher.neurons());
        Self { teacher: teacher.clone(), start: None, experiment, beside: PathBuf::from(".") }
    }

    /// The training of an experiment, its teacher and start read or generated; its files are relative
    /// to `beside`.
    ///
    /// # Errors
    /// [`Error::Run`] that names the file or the field.
    pub fn of_experiment(experiment: Experiment, beside: &Path) -> Result<Self, Error> {
        let Plan { teacher, start, .. } = experiment.resolve(beside)?;
        let (teacher, beside) = (teacher.separated()?, beside.to_owned());
        Ok(Self { teacher, start: Some(start), experiment, beside })
    }

    /// The student's number of neurons.
    #[must_use]
    pub const fn neurons(mut self, neurons: usize) -> Self {
        self.experiment.student.neurons = neurons;
        self
    }

    /// The seed of the student's start.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.experiment.seed = seed;
        self
    }

    /// The epochs of Stage 3, between which lambda is lowered.
    #[must_use]
    pub const fn epochs(mut self, epochs: u64) -> Self {
        self.experiment.stage3.epochs = epochs;
        self
    }

    /// The steps of each epoch.
    #[must_use]
    pub const fn steps(mut self, steps: u64) -> Self {
        self.experiment.stage3.steps = steps;
        self
    }

    /// The first lambda of Stage 3.
    #[must_use]
    pub const fn lambda(mut self, lambda: f64) -> Self {
        self.experiment.stage3.lambda = lambda;
        self
    }

    /// A student to start from.
    #[must_use]
    pub fn from_student(mut self, start: &Network) -> Self {
        self.start = Some(start.clone());
        self
    }

    /// Any other field of the experiment.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Experiment)) -> Self {
        change(&mut self.experiment);
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`Error::Run`] for sizes or options that make no experiment, or a run that diverges.
    pub fn run(self) -> Result<Trained, Error> {
        self.run_observed(&mut |_: &Moment<'_>| ControlFlow::Continue(()))
    }

    /// Runs it under the eyes of an observer, which may stop it: then the run so far is lost
    /// ([`Self::run_until`] keeps it).
    ///
    /// # Errors
    /// As for [`Self::run`], and [`Error::Stopped`].
    pub fn run_observed(self, observer: &mut dyn Observer) -> Result<Trained, Error> {
        match self.run_until(observer)? {
            Outcome::Finished(trained) => Ok(*trained),
            Outcome::Paused(paused) => Err(Error::Stopped { steps: paused.steps() }),
        }
    }

    /// Runs it under the eyes of an observer; if that stops it, what there is by then is kept.
    ///
    /// # Errors
    /// As for [`Self::run`].
    ///
    /// # Examples
    /// A run that stops after its start goes on to the same bytes:
    /// ```
    /// use gradiometer::Outcome;
    /// use gradiometer::prelude::*;
    /// use gradiometer::run::Moment;
    /// use std::ops::ControlFlow::{Break, Continue};
    /// let teacher = Network::from_rows(vec![1.0], &[vec![1.0, 0.0, 0.0]])?;
    /// let teacher = Teacher::new(teacher)?.separated()?;
    /// let training = || Training::of(&teacher).neurons(10).epochs(2).steps(200);
    /// let Outcome::Paused(paused) = training().run_until(&mut |_: &Moment<'_>| Break(()))? else {
    ///     unreachable!("it is stopped at once")
    /// };
    /// let Outcome::Finished(run) = paused.resume(&mut |_: &Moment<'_>| Continue(()))? else {
    ///     unreachable!("nobody stops it")
    /// };
    /// assert_eq!(run.trajectory, training().run()?.trajectory);
    /// # Ok::<(), gradiometer::Error>(())
    /// ```
    pub fn run_until(self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        let (plan, trajectory) = (self.plan()?, Trajectory::default());
        self.observe(trajectory, observer, |observers| plan.run(observers))
    }

    /// Runs it into a folder, as the program's `train` does, or goes on with what the folder holds.
    ///
    /// # Errors
    /// As for [`Self::run`], and [`Error::Run`] for a folder that is occupied or cannot be written.
    pub fn run_in(
        &self,
        out: &HeldFolder,
        existing: Existing,
        progress: &mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>,
    ) -> Result<Ending<Box<Run>>, Error> {
        Ok(run_plan(&self.experiment, &self.plan()?, out, existing, progress)?)
    }

    /// The experiment.
    pub const fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    fn plan(&self) -> Result<Plan, Error> {
        let Self { teacher, start, experiment, beside } = self;
        experiment.check()?;
        let start = match start {
            Some(start) => start.clone(),
            None => experiment.student(beside, teacher.dimension())?,
        };
        Ok(experiment.resolve_for(teacher.clone(), start, beside)?)
    }

    /// Runs something that shows its moments to the observers, and keeps what it came to.
    fn observe(
        self,
        mut trajectory: Trajectory,
        observer: &mut dyn Observer,
        run: impl FnOnce(&mut [&mut dyn Observer]) -> Result<Ending<(Network, Results)>, RunError>,
    ) -> Result<Outcome, Error> {
        let mut last = LastMoment { inner: observer, kept: None };
        let ending = run(&mut [&mut trajectory, &mut last])?;
        let Self { teacher, experiment, .. } = &self;
        match (ending, last.kept) {
            (Ending::Finished((student, results)), _) => {
                let (experiment, teacher) = (experiment.clone(), teacher.clone().into_inner());
                let trained = Trained { experiment, teacher, student, results, trajectory };
                Ok(Outcome::Finished(Box::new(trained)))
            }
            (Ending::Stopped { .. }, Some((state, results))) => {
                let paused = Paused { training: self, state, results, trajectory };
                Ok(Outcome::Paused(Box::new(paused)))
            }
            (Ending::Stopped { steps }, None) => Err(Error::Stopped { steps }),
        }
    }
}

/// An observer, and where the run stood when it stopped it.
struct LastMoment<'a> {
    inner: &'a mut dyn Observer,
    kept: Option<(State, Results)>,
}

impl Observer for LastMoment<'_> {
    fn see(&mut self, moment: &Moment<'_>) -> Result<ControlFlow<()>, RunError> {
        let answer = self.inner.see(moment)?;
        self.kept = answer.is_break().then(|| (moment.state.clone(), moment.results.clone()));
        Ok(answer)
    }
}

impl Paused {
    /// Steps taken.
    pub const fn steps(&self) -> u64 {
        self.state.steps
    }

    /// The run so far, as if it had ended here.
    pub fn so_far(&self) -> Trained {
        Trained {
            experiment: self.training.experiment.clone(),
            teacher: self.training.teacher.clone().into_inner(),
            student: self.state.student.clone(),
            results: self.results.clone(),
            trajectory: self.trajectory.clone(),
        }
    }

    /// Goes on as if it had not been stopped.
    ///
    /// # Errors
    /// As for [`Training::run`].
    pub fn resume(self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        let Self { training, state, results, trajectory } = self;
        let plan = training.plan()?;
        training.observe(trajectory, observer, |all| plan.resume(state, results, all))
    }
}

impl Trained {
    /// What the student has learned, within 0.1 rad.
    pub fn recovery(&self) -> Recovery {
        Recovery::new(&self.teacher, &self.student, AT)
    }

    /// The page and the figures of the run, in memory.
    ///
    /// # Errors
    /// [`Error::Model`] for a teacher whose complexity cannot be computed.
    pub fn report(&self) -> Result<RunReport, Error> {
        let results = self.results.clone();
        let manifest = Manifest::new(&self.experiment, &self.teacher, &self.student, results)?;
        Ok(RunReport::new(manifest, &self.teacher, &self.student, &self.trajectory)?)
    }
}
