//! A run of Algorithm 1 from an experiment to a folder.
//!
//! | file | what it is |
//! | --- | --- |
//! | `run.json` | the experiment as resolved, versions, the teacher's complexity, one record a stage or epoch, the result |
//! | `trajectory.csv` | every record, a row each; its first line names the columns |
//! | `teacher.safetensors`, `teacher.json` | the teacher |
//! | `checkpoints/start.safetensors`, `checkpoints/final.safetensors` | the student before and after |
//!
//! Nothing in it depends on the clock or the number of threads: the same experiment gives the same bytes on one machine.

use crate::error::StudyError;
use crate::experiment::Experiment;
use crate::file::write_atomically;
use crate::network_file::{TensorNames, write_network};
use gradiometer_hermite::exponent::{DegreePart, InformationExponent};
use gradiometer_model::{Complexity, Network, Separation, Teacher};
use gradiometer_population::InstructionSet;
use gradiometer_train::{Advance, Phase, Record, State, Trainer};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Angle in radians from every teacher beyond which mass counts as away, in a run's result.
pub const AWAY: f64 = 0.1;

/// The files of a run folder.
const FILES: [&str; 6] = [
    "run.json",
    "trajectory.csv",
    "teacher.safetensors",
    "teacher.json",
    "checkpoints/start.safetensors",
    "checkpoints/final.safetensors",
];

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

/// Runs the experiment of the file `path` and fills the folder `out`.
///
/// # Errors
/// [`StudyError`] for a bad experiment, a run that diverges, or a folder that cannot be written or, without `force`,
/// already holds a file that would be overwritten.
pub fn run(
    path: &Path,
    out: &Path,
    force: bool,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Run, StudyError> {
    let experiment = Experiment::read(path)?;
    let teacher = experiment.teacher(path)?.into_inner();
    let start = experiment.student(path, teacher.dimension())?;
    let complexity = Complexity::of(&teacher).map_err(|source| StudyError::Model {
        path: path.to_owned(),
        field: "teacher".to_owned(),
        source,
    })?;
    let folder = prepare(out, force)?;
    let names = TensorNames::default();
    write_network(&out.join("teacher.safetensors"), teacher.network(), &names)?;
    write_network(&out.join("teacher.json"), teacher.network(), &names)?;
    write_network(&folder.join("start.safetensors"), &start, &names)?;

    let train_error = |source| StudyError::Train { path: path.to_owned(), source };
    // Whatever a run descends, its records are exact.
    let population = experiment.population(path, &teacher)?;
    let objective = experiment.objective(path, &teacher)?;
    let algorithm = experiment.algorithm();
    let angles = &experiment.record.angles;
    let mut trainer = Trainer::new(&*objective, &algorithm, start).map_err(train_error)?;
    let most_steps = trainer.most_steps();
    let measure = |state: &State, phase, lambda| {
        let decay = algorithm.weight_decay(phase, lambda);
        Record::measure(&*population, &state.student, (phase, state.steps), (lambda, decay), angles)
    };
    let first = measure(trainer.state(), trainer.state().phase, trainer.state().lambda);
    let mut trajectory = Trajectory::new(teacher.neurons(), angles);
    trajectory.push(&first, true);
    let mut stages = vec![first.clone()];
    let mut last = first;
    while !trainer.is_finished() {
        let lambda = trainer.state().lambda;
        let advance = trainer.advance(experiment.record.every).map_err(train_error)?;
        // A record at the end of a phase belongs to that phase and its lambda.
        let phase = match advance {
            Advance::Ended(phase) => phase,
            Advance::Paused => trainer.state().phase,
        };
        let state = trainer.state();
        last = measure(state, phase, lambda);
        trajectory.push(&last, false);
        if matches!(advance, Advance::Ended(_)) {
            stages.push(last.clone());
        }
        progress(Progress { steps: state.steps, most_steps, record: &last });
    }
    let student = trainer.into_state().student;
    write_network(&folder.join("final.safetensors"), &student, &names)?;
    write_atomically(&out.join("trajectory.csv"), trajectory.text().as_bytes())?;

    let matching = gradiometer_model::Matching::new(&teacher, &student);
    let mass_away = matching.mass_beyond(AWAY);
    let manifest = json!({
        "program": "gradiometer",
        "version": env!("CARGO_PKG_VERSION"),
        "experiment": experiment,
        "instruction_set": InstructionSet::detect().name(),
        "teacher": complexity_json(&complexity),
        "stages": stages.iter().enumerate().map(|(i, r)| record_json(r, i == 0)).collect::<Vec<_>>(),
        "final": final_json(&last, mass_away),
        "evidence": "computed",
    });
    let text = format!("{manifest:#}\n");
    write_atomically(&out.join("run.json"), text.as_bytes())?;
    Ok(Run { teacher, student, stages, last, mass_away, manifest })
}

/// Makes the folder and its folder of checkpoints.
fn prepare(out: &Path, force: bool) -> Result<PathBuf, StudyError> {
    let taken = FILES.iter().map(|name| out.join(name)).find(|path| path.exists());
    if let Some(path) = taken
        && !force
    {
        return Err(StudyError::Occupied { path });
    }
    let folder = out.join("checkpoints");
    std::fs::create_dir_all(&folder)
        .map_err(|source| StudyError::Write { path: folder.clone(), source })?;
    if force && out.join("run.json").exists() {
        // The old manifest goes first, so that no folder mixes two runs under one.
        let path = out.join("run.json");
        std::fs::remove_file(&path).map_err(|source| StudyError::Write { path, source })?;
    }
    Ok(folder)
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

fn record_json(record: &Record, start: bool) -> Value {
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
struct Trajectory {
    lines: Vec<String>,
}

impl Trajectory {
    fn new(teachers: usize, angles: &[f64]) -> Self {
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
        Self { lines: vec![header.join(",")] }
    }

    fn push(&mut self, record: &Record, start: bool) {
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
        self.lines.push(row.join(","));
    }

    fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }
}
