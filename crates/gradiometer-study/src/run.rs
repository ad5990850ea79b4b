//! A run of Algorithm 1 from an experiment to a folder.
//!
//! | file | what it is |
//! | --- | --- |
//! | `run.json` | the experiment as resolved, versions, the teacher's complexity, one record a stage or epoch, the result |
//! | `trajectory.csv` | every record, a row each; its first line names the columns |
//! | `snapshots.csv` | where the neurons were, at some records: [`crate::snapshots`] |
//! | `teacher.safetensors`, `teacher.json` | the teacher |
//! | `checkpoints/start.safetensors`, `checkpoints/final.safetensors` | the student before and after |
//! | `checkpoints/resume.safetensors` | the student at the last record, with all that is needed to go on |
//!
//! Nothing in it depends on the clock or the number of threads: the same experiment gives the same bytes on one machine,
//! whether the run was interrupted and resumed or not. Trajectory and snapshots grow record by record; a checkpoint says how long they were,
//! and what was written after it is cut off before the run goes on.

use crate::checkpoint::{self, Checkpoint};
use crate::error::StudyError;
use crate::experiment::{Experiment, SamplesSection};
use crate::file::{remove_temporary, write_atomically};
use crate::network_file::{TensorNames, read_network, write_network};
use crate::report;
use crate::rows::Rows;
use crate::snapshots::{self, Snapshots};
use gradiometer_hermite::exponent::{DegreePart, InformationExponent};
use gradiometer_model::{Complexity, Network, Separation, Teacher};
use gradiometer_population::InstructionSet;
use gradiometer_train::{Advance, Algorithm, Phase, Record, State, Trainer};
use serde_json::{Map, Value, json};
use std::ops::ControlFlow;
use std::path::Path;

/// Angle in radians from every teacher beyond which mass counts as away, in a run's result.
pub const AWAY: f64 = 0.1;

/// The files of a run folder.
const FILES: [&str; 8] = [
    "run.json",
    "trajectory.csv",
    snapshots::FILE,
    "teacher.safetensors",
    "teacher.json",
    "checkpoints/start.safetensors",
    "checkpoints/final.safetensors",
    RESUME,
];
/// The checkpoint that a run goes on from.
const RESUME: &str = "checkpoints/resume.safetensors";
/// Pairs of neurons to evaluate between two looks at whether to stop.
const PAIRS: usize = 1 << 28;

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
/// [`StudyError`] for a bad experiment, a run that diverges, a folder that cannot be written or already holds a file that would be
/// overwritten, or a checkpoint that does not belong to this experiment.
pub fn run(
    path: &Path,
    out: &Path,
    existing: Existing,
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Ending, StudyError> {
    let experiment = Experiment::read(path)?;
    let teacher = experiment.teacher(path)?.into_inner();
    let start = experiment.student(path, teacher.dimension())?;
    let complexity = Complexity::of(&teacher).map_err(|source| StudyError::Model {
        path: path.to_owned(),
        field: "teacher".to_owned(),
        source,
    })?;
    // Whatever a run descends, its records are exact.
    let population = experiment.population(path, &teacher)?;
    let objective = experiment.objective(path, &teacher)?;
    let algorithm = experiment.algorithm();
    let angles = &experiment.record.angles;
    let every = experiment.record.every;
    let train_error = |source| StudyError::Train { path: path.to_owned(), source };
    let measure = |state: &State, phase, lambda| {
        let decay = algorithm.weight_decay(phase, lambda);
        Record::measure(&*population, &state.student, (phase, state.steps), (lambda, decay), angles)
    };
    let resume = out.join(RESUME);
    let (mut trainer, mut trajectory, mut moments, mut stages, mut last);
    if existing == Existing::Resume && resume.exists() {
        let found = checkpoint::read(&resume, &experiment)?;
        require_same_teacher(path, out, &teacher)?;
        remove_temporary(out)?;
        remove_temporary(&out.join("checkpoints"))?;
        trajectory = Trajectory(Rows::reopen(&out.join("trajectory.csv"), found.trajectory)?);
        moments = Snapshots::reopen(out, &teacher, found.snapshots)?;
        (stages, last) = (found.stages, found.last);
        trainer = Trainer::resume(&*objective, &algorithm, found.state).map_err(train_error)?;
    } else {
        trainer = Trainer::new(&*objective, &algorithm, start.clone()).map_err(train_error)?;
        prepare(out, existing)?;
        let names = TensorNames::default();
        write_network(&out.join("teacher.safetensors"), teacher.network(), &names)?;
        write_network(&out.join("teacher.json"), teacher.network(), &names)?;
        write_network(&out.join("checkpoints/start.safetensors"), &start, &names)?;
        last = measure(trainer.state(), trainer.state().phase, trainer.state().lambda);
        trajectory = Trajectory::create(out, teacher.neurons(), angles)?;
        trajectory.push(&last, true)?;
        moments = Snapshots::create(out, &teacher)?;
        moments.push(&last, trainer.state(), true)?;
        stages = vec![last.clone()];
    }
    let most_steps = trainer.most_steps();
    let neurons = trainer.state().student.neurons() + teacher.neurons();
    let slice = (PAIRS / pairs(&experiment, neurons)).max(1) as u64;
    while !trainer.is_finished() {
        let lambda = trainer.state().lambda;
        // Up to the next record, counted from the phase's start, so that an interruption leaves no trace.
        let left = every - trainer.state().phase_steps % every;
        let moment = snapshots::next_step(trainer.state().steps);
        let left = left.min(moment - trainer.state().steps);
        let advance = trainer.advance(left.min(slice)).map_err(train_error)?;
        let state = trainer.state();
        // A record at the end of a phase belongs to that phase and its lambda.
        let phase = match advance {
            Advance::Ended(phase) => Some(phase),
            Advance::Paused if state.phase_steps.is_multiple_of(every) || state.steps == moment => {
                Some(state.phase)
            }
            Advance::Paused => None,
        };
        if let Some(phase) = phase {
            last = measure(state, phase, lambda);
            trajectory.push(&last, false)?;
            let ended = matches!(advance, Advance::Ended(_));
            if state.steps == moment || (ended && is_moment(phase, &algorithm)) {
                moments.push(&last, state, false)?;
            }
            if ended {
                stages.push(last.clone());
            }
        }
        let stop = progress(Progress { steps: state.steps, most_steps, record: &last }).is_break();
        if phase.is_some() || stop {
            let state = state.clone();
            let checkpoint = Checkpoint {
                state,
                stages: stages.clone(),
                last: last.clone(),
                trajectory: trajectory.0.synchronised()?,
                snapshots: moments.synchronised()?,
            };
            checkpoint::write(&resume, &experiment, &checkpoint)?;
        }
        if stop && !trainer.is_finished() {
            return Ok(Ending::Stopped { steps: trainer.state().steps });
        }
    }
    let student = trainer.into_state().student;
    write_network(&out.join("checkpoints/final.safetensors"), &student, &TensorNames::default())?;

    let matching = gradiometer_model::Matching::new(&teacher, &student);
    let mass_away = matching.mass_beyond(AWAY);
    let manifest = manifest(&experiment, &complexity, &stages, &last, mass_away);
    let text = format!("{manifest:#}\n");
    write_atomically(&out.join("run.json"), text.as_bytes())?;
    Ok(Ending::Finished(Box::new(Run { teacher, student, stages, last, mass_away, manifest })))
}

/// The contents of `run.json`.
fn manifest(
    experiment: &Experiment,
    complexity: &Complexity,
    stages: &[Record],
    last: &Record,
    mass_away: f64,
) -> Value {
    json!({
        "program": "gradiometer",
        "version": env!("CARGO_PKG_VERSION"),
        "experiment": experiment,
        "instruction_set": InstructionSet::detect().name(),
        "teacher": complexity_json(complexity),
        "stages": stages.iter().enumerate().map(|(i, r)| record_json(r, i == 0)).collect::<Vec<_>>(),
        "final": final_json(last, mass_away),
        "evidence": "computed",
    })
}

/// Whether the end of a phase is a moment of `snapshots.csv`.
fn is_moment(phase: Phase, algorithm: &Algorithm) -> bool {
    let epochs = algorithm.stage3.map_or(0, |stage3| stage3.epochs);
    match phase {
        Phase::Stage3 { epoch } => epochs <= snapshots::MOST_EPOCHS || epoch + 1 == epochs,
        _ => true,
    }
}

/// Refuses to go on with a run whose teacher was another.
fn require_same_teacher(path: &Path, out: &Path, teacher: &Teacher) -> Result<(), StudyError> {
    let begun = out.join("teacher.safetensors");
    if read_network(&begun, &TensorNames::default())? == *teacher.network() {
        return Ok(());
    }
    Err(StudyError::Experiment {
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
fn prepare(out: &Path, existing: Existing) -> Result<(), StudyError> {
    let taken = |name: &&&str| out.join(name).exists();
    // A run that was interrupted before its first checkpoint has left no result.
    let protected: &[&str] = match existing {
        Existing::Keep => &FILES,
        Existing::Resume => &["run.json", "checkpoints/final.safetensors"],
        Existing::Replace => &[],
    };
    if let Some(name) = protected.iter().find(taken) {
        return Err(StudyError::Occupied { path: out.join(name) });
    }
    let folder = out.join("checkpoints");
    std::fs::create_dir_all(&folder)
        .map_err(|source| StudyError::Write { path: folder.clone(), source })?;
    remove_temporary(out)?;
    remove_temporary(&folder)?;
    // The old manifest, checkpoint and report go first, so that no folder mixes two runs under one.
    for path in [out.join("run.json"), out.join(RESUME), out.join(report::PAGE)] {
        if path.exists() {
            std::fs::remove_file(&path).map_err(|source| StudyError::Write { path, source })?;
        }
    }
    Ok(())
}

/// A number for JSON: null where it is not finite.
pub fn number(x: f64) -> Value {
    if x.is_finite() { json!(x) } else { Value::Null }
}

/// A teacher's complexity as `inspect` and `run.json` give it.
pub fn complexity_json(complexity: &Complexity) -> Value {
    let exponent = complexity.information_exponent.exponent.known();
    let preprocessed = complexity.preprocessed_exponent.exponent.known();
    let parts = |exponent: &InformationExponent| -> Vec<Value> {
        let part = |p: &DegreePart| json!({"degree": p.degree, "norm": number(p.norm), "error": number(p.error)});
        exponent.parts.iter().map(part).collect()
    };
    json!({
        "dimension": complexity.dimension,
        "neurons": complexity.neurons,
        "rank": complexity.rank,
        "separation": complexity.separation.map(|s| s.angle),
        "closest_pair": complexity.separation.map(|Separation { first, second, .. }| [first, second]),
        "condition": complexity.condition,
        "total_mass": number(complexity.total_mass),
        "information_exponent": exponent,
        "preprocessed_exponent": preprocessed,
        "information_exponent_parts": parts(&complexity.information_exponent),
        "preprocessed_exponent_parts": parts(&complexity.preprocessed_exponent),
        "eigenvalues": complexity.eigenvalues,
        "smallest_eigenvalue": number(complexity.smallest_eigenvalue),
        "smallest_amplitude": number(complexity.smallest_amplitude),
        "largest_amplitude": number(complexity.largest_amplitude),
        "mean": number(complexity.mean),
        "first_coefficient": complexity.first_coefficient,
        "assumption_2": complexity.is_separated(),
        "assumption_3": complexity.is_non_degenerate(),
        "evidence": "computed",
    })
}

/// The names of a phase in files: its stage and, in Stage 3, its epoch.
pub fn stage_names(phase: Phase, start: bool) -> (&'static str, Option<u64>) {
    match phase {
        _ if start => ("start", None),
        Phase::Stage1 => ("stage1", None),
        Phase::Stage2 => ("stage2", None),
        Phase::Balance => ("balance", None),
        Phase::Stage3 { epoch } => ("stage3", Some(epoch)),
        Phase::Finished => ("finished", None),
    }
}

/// A record as `run.json` and the checkpoints hold it.
pub(crate) fn record_json(record: &Record, start: bool) -> Value {
    let mut object = Map::new();
    let (stage, epoch) = stage_names(record.phase, start);
    object.insert("stage".to_owned(), json!(stage));
    object.insert("epoch".to_owned(), json!(epoch));
    object.insert("steps".to_owned(), json!(record.step));
    for (name, value) in [
        ("lambda", record.lambda),
        ("loss", record.loss.value),
        ("loss_error", record.loss.error),
        ("objective", record.objective),
        ("total_mass", record.total_mass),
        ("gradient_norm", record.gradient_norm),
        ("balance_defect", record.balance_defect),
        ("mean_angle", record.mean_angle),
    ] {
        object.insert(name.to_owned(), number(value));
    }
    object.insert("matched_angles".to_owned(), json!(record.average_angles));
    object.insert("assigned_angles".to_owned(), json!(record.assigned_angles));
    object.insert("mass_beyond".to_owned(), json!(record.mass_beyond));
    object.into()
}

/// The result as `train --json` gives it.
fn final_json(last: &Record, mass_away: f64) -> Value {
    let mut object = record_json(last, false);
    if let Value::Object(fields) = &mut object {
        fields.insert("mass_away".to_owned(), number(mass_away));
        fields.insert("mass_away_angle".to_owned(), number(AWAY));
        fields.insert("evidence".to_owned(), json!("computed"));
    }
    object
}

/// The rows of `trajectory.csv`: `stage, epoch, step, lambda, loss, loss_error, objective, total_mass, gradient_norm,
/// balance_defect, mean_angle`, then for every teacher `average_angle_i` and `assigned_angle_i`, then `mass_beyond_A` for
/// every angle `A`. No field needs quotes, and floats are written so that they come back exactly.
#[derive(Debug)]
struct Trajectory(Rows);

impl Trajectory {
    /// A new file with its header.
    fn create(out: &Path, teachers: usize, angles: &[f64]) -> Result<Self, StudyError> {
        let mut header: Vec<String> = [
            "stage",
            "epoch",
            "step",
            "lambda",
            "loss",
            "loss_error",
            "objective",
            "total_mass",
            "gradient_norm",
            "balance_defect",
            "mean_angle",
        ]
        .map(str::to_owned)
        .to_vec();
        for kind in ["average_angle", "assigned_angle"] {
            header.extend((0..teachers).map(|i| format!("{kind}_{i}")));
        }
        header.extend(angles.iter().map(|a| format!("mass_beyond_{a}")));
        Ok(Self(Rows::create(&out.join("trajectory.csv"), &header)?))
    }

    fn push(&mut self, record: &Record, start: bool) -> Result<(), StudyError> {
        let (stage, epoch) = stage_names(record.phase, start);
        let epoch = epoch.map_or(String::new(), |k| k.to_string());
        let mut row = vec![stage.to_owned(), epoch, record.step.to_string()];
        let numbers = [
            record.lambda,
            record.loss.value,
            record.loss.error,
            record.objective,
            record.total_mass,
            record.gradient_norm,
            record.balance_defect,
            record.mean_angle,
        ];
        let lists = [&record.average_angles, &record.assigned_angles, &record.mass_beyond];
        row.extend(numbers.iter().chain(lists.into_iter().flatten()).map(|x| format!("{x:e}")));
        self.0.push(&row)
    }
}
