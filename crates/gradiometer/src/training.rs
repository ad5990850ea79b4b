//! Algorithm 1 in memory: a teacher, sizes, a run, its figures.

use crate::Error;
use gradiometer_model::recovery::AT;
use gradiometer_model::{Network, Recovery, SeparatedTeacher, Teacher};
use gradiometer_report::RunReport;
use gradiometer_run::{Ending, Experiment, Manifest, Observer, Results, Trajectory};
use std::ops::ControlFlow;
use std::path::Path;

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
        Self { teacher: teacher.clone(), start: None, experiment }
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
        self.run_observed(&mut |_: &gradiometer_run::Moment<'_>| ControlFlow::Continue(()))
    }

    /// Runs it under the eyes of an observer, which may stop it: then the run so far is lost.
    ///
    /// # Errors
    /// As for [`Self::run`], and [`Error::Stopped`].
    pub fn run_observed(self, observer: &mut dyn Observer) -> Result<Trained, Error> {
        let Self { teacher, start, experiment } = self;
        experiment.check()?;
        let here = Path::new(".");
        let start = match start {
            Some(start) => start,
            None => experiment.student(here, teacher.dimension())?,
        };
        let plan = experiment.resolve_for(teacher, start, here)?;
        let mut trajectory = Trajectory::default();
        match plan.run(&mut [&mut trajectory, observer])? {
            Ending::Finished((student, results)) => {
                let teacher = plan.teacher.clone();
                Ok(Trained { experiment, teacher, student, results, trajectory })
            }
            Ending::Stopped { steps } => Err(Error::Stopped { steps }),
        }
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
