//! A run of Algorithm 1 from an experiment to a folder.
//!
//! | file | what it is |
//! | --- | --- |
//! | `run.json` | the experiment as resolved, versions, the teacher's complexity, one record a stage or epoch, the result |
//! | `trajectory.csv` | every record, a row each; its first line names the columns |
//! | `claims.csv` | the claims that `[watch]` names, a row each: `step, lambda, claim, left, right, ratio, verdict, evidence` |
//! | `snapshots.csv` | where the neurons were, at some records: [`crate::snapshots`] |
//! | `teacher.safetensors`, `teacher.json` | the teacher |
//! | `checkpoints/start.safetensors`, `checkpoints/final.safetensors` | the student before and after |
//! | `checkpoints/resume.safetensors` | the student at the last record, with all that is needed to go on |
//!
//! Nothing in it depends on the clock or the number of threads: the same experiment gives the same bytes on one machine,
//! whether the run was interrupted and resumed or not. Trajectory and snapshots grow record by record; a checkpoint says how long they were,
//! and what was written after it is cut off before the run goes on.

mod table;

use crate::checkpoint::{self, Checkpoint};
use crate::error::RunError;
use crate::experiment::{Experiment, SamplesSection};
use crate::format::{AWAY, PAGE};
use crate::json::{complexity_json, final_json, floor_json, record_json};
use crate::snapshots::{self, Snapshots};
use crate::watch::{self, Violation, Watch};
use gradiometer_files::FilesError;
use gradiometer_files::file::{remove_temporary, write_atomically};
use gradiometer_files::rows::Rows;
use gradiometer_files::{TensorNames, read_network, write_network};
use gradiometer_instances::Complexity;
use gradiometer_model::{Matching, Network, Teacher};
use gradiometer_population::{InstructionSet, Objective};
use gradiometer_train::{Advance, Algorithm, Optimizer, Phase, Record, Stage3, State, Trainer};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::Path;

/// The files of a run folder.
const FILES: [&str; 9] = [
    "run.json",
    "trajectory.csv",
    CLAIMS,
    snapshots::FILE,
    "teacher.safetensors",
    "teacher.json",
    "checkpoints/start.safetensors",
    "checkpoints/final.safetensors",
    RESUME,
];
/// The checkpoint that a run goes on from.
const RESUME: &str = "checkpoints/resume.safetensors";
/// The claims that were watched.
const CLAIMS: &str = "claims.csv";
/// Pairs of neurons to evaluate between two looks at whether to stop.
const PAIRS: usize = 1 << 28;
/// Pairs of neurons, some tenth of a second, that are worth a checkpoint: it waits for the disk some milliseconds.
const WORTH_A_CHECKPOINT: u64 = 1 << 26;

/// Where a run stands, for a progress bar.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Steps taken.
    pub steps: u64,
    /// Steps that the run takes at most.
    pub most_steps: u64,
    /// The latest record.
    pub record: &'a Record,
}

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct Run {
    /// The teacher.
    pub teacher: Teacher,
    /// The student at the end.
    pub student: Network,
    /// One record at the start and one at the end of every stage and epoch, with the phase that it ends.
    pub stages: Vec<Record>,
    /// The last record.
    pub last: Record,
    /// Mass farther than [`AWAY`] from every teacher.
    pub mass_away: f64,
    /// The watched claim whose violation ended the run.
    pub violation: Option<Violation>,
    /// The contents of `run.json`.
    pub manifest: Value,
}

/// What to do with what the folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Nothing may be overwritten.
    #[default]
    Keep,
    /// The files of a run may be replaced.
    Replace,
    /// The run of this experiment that the folder holds goes on from its checkpoint, or begins if it did not get that far.
    Resume,
}

/// How [`run`] ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// The experiment is done.
    Finished(Box<Run>),
    /// The caller asked to stop; a checkpoint was written.
    Stopped {
        /// Steps taken.
        steps: u64,
    },
}

/// Runs the experiment of the file `path` and fills the folder `out`. `progress` is called after every record and every few steps, and may stop
/// the run, which then leaves a checkpoint.
///
/// # Errors
/// [`RunError`] for a bad experiment, a run that diverges, a folder that cannot be written or already holds a file that would be
/// overwritten, or a checkpoint that does not belong to this experiment.
pub fn run(
    path: &Path,
    out: &Path,
    existing: Existing,
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Ending, RunError> {
    run_experiment(&Experiment::read(path)?, path, out, existing, progress)
}

/// As [`run`], for an experiment that has been read; the path is for the messages and for the files that it names.
///
/// # Errors
/// As for [`run`].
pub fn run_experiment(
    experiment: &Experiment,
    path: &Path,
    out: &Path,
    existing: Existing,
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Ending, RunError> {
    let teacher = experiment.teacher(path)?;
    let watch = match &experiment.watch {
        Some(section) => Some(Watch::new(section, &teacher, path)?),
        None => None,
    };
    run_watched(experiment, path, out, existing, (teacher.into_inner(), watch), progress)
}

fn run_watched(
    experiment: &Experiment,
    path: &Path,
    out: &Path,
    existing: Existing,
    (teacher, mut watch): (Teacher, Option<Watch<'_>>),
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Ending, RunError> {
    let start = experiment.student(path, teacher.dimension())?;
    // Whatever a run descends, its records are exact.
    let population = experiment.population(path, &teacher)?;
    let objective = experiment.objective(path, &teacher)?;
    let algorithm = experiment.algorithm();
    let setup = Setup { experiment, path, out, algorithm: &algorithm, teacher: &teacher };
    let measure = |state: &State, phase, lambda| {
        setup.measure(&*population, &*objective, state, phase, lambda)
    };
    let train_error = |source| RunError::Train { path: path.to_owned(), source };
    let resume = out.join(RESUME);
    let (mut trainer, mut log);
    if existing == Existing::Resume && resume.exists() {
        let found = checkpoint::read(&resume, experiment)?;
        log = setup.reopen(&found)?;
        trainer = Trainer::resume(&*objective, &algorithm, found.state).map_err(train_error)?;
    } else {
        trainer = Trainer::new(&*objective, &algorithm, start.clone()).map_err(train_error)?;
        let state = trainer.state();
        log = setup.begin(existing, state, measure(state, state.phase, state.lambda))?;
    }
    trainer = trainer.with_precision(experiment.precision.precision());
    let most_steps = trainer.most_steps();
    let pairs = pairs(experiment, start.neurons() + teacher.neurons()) as u64;
    // Steps at the last checkpoint; the first record is followed by one.
    let mut saved: Option<u64> = None;
    let mut violation = None;
    while !trainer.is_finished() {
        let lambda = trainer.state().lambda;
        let advance = trainer.advance(setup.budget(trainer.state())).map_err(train_error)?;
        let state = trainer.state();
        let moment = snapshots::is_moment(state.steps).then_some(state.phase);
        let recorded = due(advance, state, experiment.record.every).or(moment);
        if let Some(phase) = recorded {
            log.record(measure(state, phase, lambda), advance, state)?;
            setup.snapshot(&mut log, advance, state)?;
        }
        if let Some(watch) = &mut watch
            && let Some(phase) = due(advance, state, watch.every())
        {
            violation = watch.look(phase, state, lambda, log.claims.as_mut())?;
            if violation.is_some() {
                log.last = measure(state, phase, lambda);
                break;
            }
        }
        let now = Progress { steps: state.steps, most_steps, record: &log.last };
        let stop = progress(now).is_break();
        // A step to a floor and a look at the statements are work enough by themselves.
        let worth = watch.is_some()
            || matches!(state.phase, Phase::Floor { .. })
            || saved.is_none_or(|saved| {
                (state.steps - saved).saturating_mul(pairs) >= WORTH_A_CHECKPOINT
            });
        if stop || trainer.is_finished() || recorded.is_some() && worth {
            checkpoint::write(&resume, experiment, &log.checkpoint(state.clone())?)?;
            saved = Some(state.steps);
        }
        if stop && !trainer.is_finished() {
            return Ok(Ending::Stopped { steps: trainer.state().steps });
        }
    }
    let student = trainer.into_state().student;
    Ok(Ending::Finished(Box::new(setup.finish(student, log, violation)?)))
}

/// The phase that is to be looked at now, if any: at its end, and every so many of its steps. What is seen at the end of a phase belongs to
/// that phase and its `lambda`.
fn due(advance: Advance, state: &State, every: u64) -> Option<Phase> {
    match advance {
        Advance::Ended(phase) => Some(phase),
        Advance::Paused => state.phase_steps.is_multiple_of(every).then_some(state.phase),
    }
}

/// What stays the same throughout a run.
struct Setup<'a> {
    experiment: &'a Experiment,
    path: &'a Path,
    out: &'a Path,
    algorithm: &'a Algorithm,
    teacher: &'a Teacher,
}

/// What a run has written so far, and will write at its end.
struct Log<'a> {
    trajectory: Rows,
    snapshots: Snapshots<'a>,
    claims: Option<Rows>,
    stages: Vec<Record>,
    last: Record,
    floors: Vec<Value>,
}

impl Log<'_> {
    fn record(
        &mut self,
        record: Record,
        advance: Advance,
        state: &State,
    ) -> Result<(), FilesError> {
        self.trajectory.push(&table::trajectory_row(&record, false))?;
        if let Advance::Ended(phase) = advance {
            self.stages.push(record.clone());
            if let Phase::Floor { epoch } = phase {
                self.floors.push(floor_json(epoch, record.lambda, state.floor));
            }
        }
        self.last = record;
        Ok(())
    }

    fn checkpoint(&self, state: State) -> Result<Checkpoint, FilesError> {
        let claims = self.claims.as_ref().map_or(Ok(0), Rows::synchronised)?;
        Ok(Checkpoint {
            state,
            stages: self.stages.clone(),
            last: self.last.clone(),
            floors: self.floors.clone(),
            trajectory: self.trajectory.synchronised()?,
            claims,
            snapshots: self.snapshots.synchronised()?,
        })
    }
}

impl<'a> Setup<'a> {
    fn measure(
        &self,
        population: &dyn Objective,
        objective: &dyn Objective,
        state: &State,
        phase: Phase,
        lambda: f64,
    ) -> Record {
        let decay = self.algorithm.weight_decay(phase, lambda);
        let (at, angles) = ((phase, state.steps), &self.experiment.record.angles);
        let mut record = Record::measure(population, &state.student, at, (lambda, decay), angles);
        let sampled = self.experiment.samples.is_some();
        record.training_loss = sampled.then(|| objective.loss(&state.student, 1.0).value);
        let flows =
            matches!(self.algorithm.stage3, Some(Stage3 { optimizer: Optimizer::Flow { .. }, .. }));
        if flows && matches!(phase, Phase::Stage3 { .. }) {
            record.time = Some(state.flow.time);
        }
        record
    }

    /// Steps to the next record or look, counted from the phase's start so that an interruption leaves no trace, but no more than a moment's.
    fn budget(&self, state: &State) -> u64 {
        let neurons = state.student.neurons() + self.teacher.neurons();
        let slice = (PAIRS / pairs(self.experiment, neurons)).max(1) as u64;
        let to_next = |every: u64| every - state.phase_steps % every;
        let watch = self.experiment.watch.as_ref().map_or(u64::MAX, |watch| to_next(watch.every));
        let moment = snapshots::next_step(state.steps) - state.steps;
        // A step to the floor takes many products with the Hessian.
        let slice = if matches!(state.phase, Phase::Floor { .. }) { 1 } else { slice };
        to_next(self.experiment.record.every).min(watch).min(moment).min(slice)
    }

    /// Where the neurons are, if the last record is a moment of `snapshots.csv`: a step of that kind, the end of a stage, or that of an epoch
    /// unless there are many.
    fn snapshot(
        &self,
        log: &mut Log<'_>,
        advance: Advance,
        state: &State,
    ) -> Result<(), FilesError> {
        let epochs = self.algorithm.stage3.map_or(0, |stage3| stage3.epochs);
        let ended = match advance {
            Advance::Ended(Phase::Stage3 { epoch } | Phase::Floor { epoch }) => {
                epochs <= snapshots::MOST_EPOCHS || epoch + 1 == epochs
            }
            Advance::Ended(_) => true,
            Advance::Paused => false,
        };
        if ended || snapshots::is_moment(state.steps) {
            log.snapshots.push(&log.last, state, false)?;
        }
        Ok(())
    }

    fn begin(
        &self,
        existing: Existing,
        start: &State,
        first: Record,
    ) -> Result<Log<'a>, FilesError> {
        let out = self.out;
        prepare(out, existing)?;
        let names = TensorNames::default();
        write_network(&out.join("teacher.safetensors"), self.teacher.network(), &names)?;
        write_network(&out.join("teacher.json"), self.teacher.network(), &names)?;
        write_network(&out.join("checkpoints/start.safetensors"), &start.student, &names)?;
        let header =
            table::trajectory_header(self.teacher.neurons(), &self.experiment.record.angles);
        let mut trajectory = Rows::create(&table::trajectory(out), &header)?;
        trajectory.push(&table::trajectory_row(&first, true))?;
        let mut snapshots = Snapshots::create(out, self.teacher)?;
        snapshots.push(&first, start, true)?;
        let claims = match self.experiment.watch {
            Some(_) => Some(Rows::create(&out.join(CLAIMS), &watch::header())?),
            None => None,
        };
        Ok(Log {
            trajectory,
            snapshots,
            claims,
            stages: vec![first.clone()],
            last: first,
            floors: Vec::new(),
        })
    }

    fn reopen(&self, found: &Checkpoint) -> Result<Log<'a>, FilesError> {
        let out = self.out;
        require_same_teacher(self.path, out, self.teacher)?;
        remove_temporary(out)?;
        remove_temporary(&out.join("checkpoints"))?;
        let claims = match self.experiment.watch {
            Some(_) => Some(Rows::reopen(&out.join(CLAIMS), found.claims)?),
            None => None,
        };
        Ok(Log {
            trajectory: Rows::reopen(&table::trajectory(out), found.trajectory)?,
            snapshots: Snapshots::reopen(out, self.teacher, found.snapshots)?,
            claims,
            stages: found.stages.clone(),
            last: found.last.clone(),
            floors: found.floors.clone(),
        })
    }

    fn finish(
        &self,
        student: Network,
        log: Log<'_>,
        violation: Option<Violation>,
    ) -> Result<Run, FilesError> {
        let out = self.out;
        let teacher = self.teacher.clone();
        let complexity = Complexity::of(&teacher).map_err(|source| FilesError::Model {
            path: self.path.to_owned(),
            field: "teacher".to_owned(),
            source,
        })?;
        let final_student = out.join("checkpoints/final.safetensors");
        write_network(&final_student, &student, &TensorNames::default())?;
        let mass_away = Matching::new(&teacher, &student).mass_beyond(AWAY);
        let Log { stages, last, floors, .. } = log;
        let mut manifest = json!({
            "program": "gradiometer",
            "version": env!("CARGO_PKG_VERSION"),
            "experiment": self.experiment,
            "instruction_set": InstructionSet::detect().name(),
            "teacher": complexity_json(&complexity),
            "stages": stages.iter().enumerate().map(|(i, r)| record_json(r, i == 0)).collect::<Vec<_>>(),
            "final": final_json(&last, mass_away),
            "evidence": "computed",
        });
        if !floors.is_empty() {
            manifest["floors"] = floors.into();
        }
        if let Some(violation) = &violation {
            manifest["violated"] = violation.json();
        }
        write_atomically(&out.join("run.json"), format!("{manifest:#}\n").as_bytes())?;
        Ok(Run { teacher, student, stages, last, mass_away, violation, manifest })
    }
}

/// Refuses to go on with a run whose teacher was another.
fn require_same_teacher(path: &Path, out: &Path, teacher: &Teacher) -> Result<(), FilesError> {
    let begun = out.join("teacher.safetensors");
    if read_network(&begun, &TensorNames::default())? == *teacher.network() {
        return Ok(());
    }
    Err(FilesError::Field {
        path: path.to_owned(),
        field: "teacher".to_owned(),
        problem: format!(
            "is not the one that the run began with, {}; restore it, or start again with --force",
            begun.display()
        ),
    })
}

/// Neurons times what each of them meets in a step: every other one, or every sample of a batch.
fn pairs(experiment: &Experiment, neurons: usize) -> usize {
    let batch = |samples: &SamplesSection| samples.batch.or(samples.count).unwrap_or(PAIRS);
    let met = experiment.samples.as_ref().map_or(0, batch);
    neurons.saturating_mul(neurons.max(met))
}

/// Makes the folder and its folder of checkpoints.
fn prepare(out: &Path, existing: Existing) -> Result<(), FilesError> {
    let taken = |name: &&&str| out.join(name).exists();
    // A run that was interrupted before its first checkpoint has left no result.
    let protected: &[&str] = match existing {
        Existing::Keep => &FILES,
        Existing::Resume => &["run.json", "checkpoints/final.safetensors"],
        Existing::Replace => &[],
    };
    if let Some(name) = protected.iter().find(taken) {
        return Err(FilesError::Occupied { path: out.join(name) });
    }
    let folder = out.join("checkpoints");
    std::fs::create_dir_all(&folder)
        .map_err(|source| FilesError::Write { path: folder.clone(), source })?;
    remove_temporary(out)?;
    remove_temporary(&folder)?;
    // The old manifest, checkpoint and report go first, so that no folder mixes two runs under one.
    for path in [out.join("run.json"), out.join(RESUME), out.join(PAGE)] {
        if path.exists() {
            std::fs::remove_file(&path).map_err(|source| FilesError::Write { path, source })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
