//! A run of Algorithm 1 on values: no path and no file. What it shows on its way goes to its
//! observers.
//!
//! The order at every moment is one: the record, the snapshot, the claims, then the observers as
//! they were given. It depends on the steps alone, so that a run resumed from a checkpoint shows
//! what one that was never interrupted shows.

use crate::error::RunError;
use crate::plan::{PAIRS, Plan};
use crate::record::{FloorReport, Position, RunRecord};
use crate::snapshots::{self, Snapshot, Snapshots};
use crate::table;
use crate::watch::WatchedClaim;
use gradiometer_model::Network;
use gradiometer_population::Objective;
use gradiometer_train::{Advance, Optimizer, Phase, Record, Stage3, State, StepSize, Trainer};
use std::ops::ControlFlow;

/// What a run has shown so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// One record at the start and one at the end of every stage, epoch and floor.
    pub stages: Vec<RunRecord>,
    /// The last record.
    pub last: RunRecord,
    /// How the searches for floors ended.
    pub floors: Vec<FloorReport>,
    /// The watched claim whose violation ended the run.
    pub violation: Option<WatchedClaim>,
}

/// A run at one moment, for its observers.
#[derive(Debug)]
pub struct Moment<'a> {
    /// Where the trainer stands.
    pub state: &'a State,
    /// Steps that the run takes at most.
    pub most_steps: u64,
    /// The record, where one is due.
    pub record: Option<&'a RunRecord>,
    /// Where the neurons are, where that is due.
    pub snapshot: Option<&'a Snapshot>,
    /// Both sides of the claims, where they are watched and due.
    pub claims: &'a [WatchedClaim],
    /// The step size of Stage 3 beside the largest that is safe, where the stage is about to begin
    /// and that is wanted: in run folders, without batches.
    pub step_size: Option<StepSize>,
    /// What there is so far, this moment included.
    pub results: &'a Results,
    /// Whether this is the start, before the first step.
    pub is_start: bool,
    /// Whether an observer before this one stops the run here.
    pub is_stopped: bool,
}

/// What looks at a run on its way: a table, a checkpoint, a progress bar.
pub trait Observer {
    /// Sees a moment; a break stops the run there.
    ///
    /// # Errors
    /// [`RunError`] for what cannot be written.
    fn see(&mut self, moment: &Moment<'_>) -> Result<ControlFlow<()>, RunError>;
}

/// A closure that cannot fail, such as a progress bar.
impl<F: FnMut(&Moment<'_>) -> ControlFlow<()>> Observer for F {
    fn see(&mut self, moment: &Moment<'_>) -> Result<ControlFlow<()>, RunError> {
        Ok(self(moment))
    }
}

/// Everything that a run shows, kept in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trajectory {
    /// The records.
    pub records: Vec<RunRecord>,
    /// The snapshots.
    pub snapshots: Vec<Snapshot>,
    /// The watched claims.
    pub claims: Vec<WatchedClaim>,
}

impl Trajectory {
    /// The records as `trajectory.csv` has them, for a teacher of so many neurons and the angles of
    /// `[record]`: floats come back exactly from the text.
    pub fn csv(&self, teachers: usize, angles: &[f64]) -> String {
        let rows = self.records.iter().map(table::trajectory_row);
        table::text(&table::trajectory_header(teachers, angles), rows)
    }

    /// The watched claims as `claims.csv` has them.
    pub fn claims_csv(&self) -> String {
        table::text(&table::claims_header(), self.claims.iter().map(table::claim_row))
    }

    /// The snapshots as `snapshots.csv` has them, for a teacher of that rank.
    pub fn snapshots_csv(&self, rank: usize) -> String {
        let header = table::text(&table::snapshots_header(rank), std::iter::empty());
        let rows = self.snapshots.iter().map(table::snapshot_rows);
        rows.fold(header, |text, rows| text + &rows)
    }
}

impl Observer for Trajectory {
    fn see(&mut self, moment: &Moment<'_>) -> Result<ControlFlow<()>, RunError> {
        self.records.extend(moment.record.cloned());
        self.snapshots.extend(moment.snapshot.cloned());
        self.claims.extend_from_slice(moment.claims);
        Ok(ControlFlow::Continue(()))
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum Ending<T> {
    /// The experiment is done.
    Finished(T),
    /// An observer stopped it.
    Stopped {
        /// Steps taken.
        steps: u64,
    },
}

impl Plan {
    /// Runs the experiment from its start: the student at the end, and what was seen.
    ///
    /// # Errors
    /// [`RunError`] for a run that diverges, a claim that cannot be evaluated, or an observer that
    /// fails.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_run::{Ending, Experiment, Trajectory};
    /// let text = "[teacher]\ndimension = 4\nneurons = 2\n[student]\nneurons = 20\n[stage3]\nepochs = 2\nsteps = 200\n";
    /// let experiment = Experiment::from_table(text.parse().unwrap()).unwrap();
    /// let plan = experiment.resolve(".".as_ref()).unwrap();
    /// let mut trajectory = Trajectory::default();
    /// match plan.run(&mut [&mut trajectory]).unwrap() {
    ///     Ending::Finished((student, results)) => {
    ///         assert_eq!(student.neurons(), 20);
    ///         assert!(results.last.loss < trajectory.records[0].loss);
    ///     }
    ///     Ending::Stopped { .. } => unreachable!("no observer stops it"),
    /// }
    /// ```
    pub fn run(
        &self,
        observers: &mut [&mut dyn Observer],
    ) -> Result<Ending<(Network, Results)>, RunError> {
        let trainer = Trainer::new(self.objective(), &self.algorithm, self.start.clone())?;
        let state = trainer.state();
        let first = self.measure(state, state.phase, state.lambda, Position::START);
        let results = Results {
            stages: vec![first.clone()],
            last: first,
            floors: Vec::new(),
            violation: None,
        };
        let snapshot = self.snapshots()?.take(&results.last, state);
        let moment = Moment {
            state,
            most_steps: trainer.most_steps(),
            record: Some(&results.last),
            snapshot: Some(&snapshot),
            claims: &[],
            step_size: self.step_size(&trainer),
            results: &results,
            is_start: true,
            is_stopped: false,
        };
        if show(moment, observers)?.is_break() && !trainer.is_finished() {
            return Ok(Ending::Stopped { steps: 0 });
        }
        self.go_on(trainer, results, observers)
    }

    /// Goes on with a run from a state that it was in, and what had been seen by then.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub fn resume(
        &self,
        state: State,
        results: Results,
        observers: &mut [&mut dyn Observer],
    ) -> Result<Ending<(Network, Results)>, RunError> {
        let trainer = Trainer::resume(self.objective(), &self.algorithm, state)?;
        self.go_on(trainer, results, observers)
    }

    fn go_on(
        &self,
        trainer: Trainer<'_, dyn Objective + 'static>,
        mut results: Results,
        observers: &mut [&mut dyn Observer],
    ) -> Result<Ending<(Network, Results)>, RunError> {
        let mut trainer = trainer.with_precision(self.precision);
        let most_steps = trainer.most_steps();
        let snapshots = self.snapshots()?;
        let mut optimum = None;
        while !trainer.is_finished() && results.violation.is_none() {
            let lambda = trainer.state().lambda;
            let advance = trainer.advance(self.budget(trainer.state()))?;
            let state = trainer.state();
            let phase = phase_to_show(advance, state, self.every)
                .or_else(|| snapshots::is_moment(state.steps).then_some(state.phase));
            let record = phase.map(|phase| self.measure(state, phase, lambda, phase.into()));
            if let Some(record) = &record {
                results.note(record, advance, state);
            }
            let snapshot = record
                .as_ref()
                .filter(|_| self.is_snapshot(advance, state.steps))
                .map(|record| snapshots.take(record, state));
            let mut claims = Vec::new();
            if let Some(watch) = &self.watch
                && let Some(phase) = phase_to_show(advance, state, watch.every())
                && matches!(phase, Phase::Stage3 { .. } | Phase::Floor { .. })
            {
                claims = watch.claims(state, lambda, &mut optimum).map_err(RunError::Watch)?;
                results.violation = watch.violation(&claims);
                if results.violation.is_some() {
                    results.last = self.measure(state, phase, lambda, phase.into());
                }
            }
            let moment = Moment {
                state,
                most_steps,
                record: record.as_ref(),
                snapshot: snapshot.as_ref(),
                claims: &claims,
                step_size: self.step_size(&trainer),
                results: &results,
                is_start: false,
                is_stopped: false,
            };
            let stopped = show(moment, observers)?.is_break();
            if stopped && !trainer.is_finished() && results.violation.is_none() {
                return Ok(Ending::Stopped { steps: trainer.state().steps });
            }
        }
        Ok(Ending::Finished((trainer.into_state().student, results)))
    }

    /// The step size beside the largest one, where that is wanted.
    fn step_size(&self, trainer: &Trainer<'_, dyn Objective + 'static>) -> Option<StepSize> {
        if self.weighs_step_size { trainer.step_size() } else { None }
    }

    /// What the run descends.
    fn objective(&self) -> &(dyn Objective + 'static) {
        self.samples.as_deref().unwrap_or(&*self.population)
    }

    pub(crate) fn snapshots(&self) -> Result<Snapshots<'_>, RunError> {
        Snapshots::new(&self.teacher, &self.start)
            .map_err(|source| RunError::Model { field: "teacher", source })
    }

    fn measure(&self, state: &State, phase: Phase, lambda: f64, position: Position) -> RunRecord {
        let decay = self.algorithm.weight_decay(phase, lambda);
        let at = (phase, state.steps);
        let population = &*self.population;
        let mut record =
            Record::measure(population, &state.student, at, (lambda, decay), &self.angles);
        let training_loss = |samples: &dyn Objective| samples.loss(&state.student, 1.0).value;
        record.training_loss = self.samples.as_deref().map(training_loss);
        let flows =
            matches!(self.algorithm.stage3, Some(Stage3 { optimizer: Optimizer::Flow { .. }, .. }));
        if flows && matches!(phase, Phase::Stage3 { .. }) {
            record.time = Some(state.flow.time);
        }
        RunRecord::new(record, position)
    }

    /// Steps to the next moment that shows something, counted from the phase's start so that an
    /// interruption leaves no trace, but no more than are taken in a moment.
    fn budget(&self, state: &State) -> u64 {
        let to_next = |every: u64| every - state.phase_steps % every;
        let watch = self.watch.as_ref().map_or(u64::MAX, |watch| to_next(watch.every()));
        let snapshot = snapshots::next_step(state.steps) - state.steps;
        // A step to the floor takes many products with the Hessian.
        let floor = matches!(state.phase, Phase::Floor { .. });
        let slice = if floor { 1 } else { (PAIRS / self.pairs).max(1) as u64 };
        to_next(self.every).min(watch).min(snapshot).min(slice)
    }

    /// Whether the neurons are shown: at certain steps, at the end of a stage, and at that of an
    /// epoch unless there are many.
    fn is_snapshot(&self, advance: Advance, steps: u64) -> bool {
        let epochs = self.algorithm.stage3.map_or(0, |stage3| stage3.epochs);
        let ended = match advance {
            Advance::Ended(Phase::Stage3 { epoch } | Phase::Floor { epoch }) => {
                epochs <= snapshots::MOST_EPOCHS || epoch + 1 == epochs
            }
            Advance::Ended(_) => true,
            Advance::Paused => false,
        };
        ended || snapshots::is_moment(steps)
    }
}

impl Results {
    /// Adds a record.
    fn note(&mut self, record: &RunRecord, advance: Advance, state: &State) {
        if let Advance::Ended(phase) = advance {
            self.stages.push(record.clone());
            if let Phase::Floor { epoch } = phase {
                self.floors.push(FloorReport::new(epoch, record.lambda, state.floor));
            }
        }
        self.last = record.clone();
    }
}

/// Shows a moment to the observers one after another, each of which learns whether one before it
/// stops the run.
fn show(
    mut moment: Moment<'_>,
    observers: &mut [&mut dyn Observer],
) -> Result<ControlFlow<()>, RunError> {
    for observer in observers {
        moment.is_stopped |= observer.see(&moment)?.is_break();
    }
    Ok(if moment.is_stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
}

/// The phase that is to be shown now, if any: at its end, and every so many of its steps. What is
/// seen at the end of a phase belongs to that phase and its `lambda`.
fn phase_to_show(advance: Advance, state: &State, every: u64) -> Option<Phase> {
    match advance {
        Advance::Ended(phase) => Some(phase),
        Advance::Paused => state.phase_steps.is_multiple_of(every).then_some(state.phase),
    }
}
