//! Checkpoints of a run: one `.safetensors` file with the student in PyTorch's names, the
//! optimiser's moments beside it and, as metadata under `gradiometer`, a JSON object with the
//! experiment, where the run stands, and the records so far that end up in `run.json`.
//!
//! It is written at once or not at all, and holds everything that decides how the run goes on, so
//! that a run resumed from it leaves the same bytes as one that was never interrupted. Floats are
//! written so that they come back exactly.

use crate::experiment::Experiment;
use crate::record::{FloorReport, Position, RunRecord};
use crate::run::Results;
use gradiometer_files::text_file::{from_json, to_json};
use gradiometer_files::{FilesError, TensorNames, file, safetensors_file};
use gradiometer_train::{Flow, LayerMoments, Moments, State, StationaryPoint};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// Names of the optimiser's moments: first and second of the second layer, then of the first layer.
const MOMENTS: [&str; 4] =
    ["second_layer.first", "second_layer.second", "first_layer.first", "first_layer.second"];

/// Lengths of the tables at a checkpoint, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lengths {
    /// Of `trajectory.csv`.
    pub(crate) trajectory: u64,
    /// Of `claims.csv`, 0 where nothing is watched.
    pub(crate) claims: u64,
    /// Of `snapshots.csv`.
    pub(crate) snapshots: u64,
    /// Of `features.csv`; none for a run that began before there was one.
    #[serde(default)]
    pub(crate) features: Option<u64>,
}

/// What a run needs to go on.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) state: State,
    pub(crate) results: Results,
    pub(crate) lengths: Lengths,
}

/// The metadata, all but the student and the moments.
#[derive(Serialize, Deserialize)]
struct Metadata {
    version: String,
    experiment: Experiment,
    phase: Position,
    phase_steps: u64,
    steps: u64,
    lambda: f64,
    optimizer_steps: u64,
    floor: StationaryPoint,
    flow: Flow,
    floors: Vec<FloorReport>,
    stages: Vec<RunRecord>,
    last: RunRecord,
    #[serde(flatten)]
    lengths: Lengths,
}

/// The version alone, which decides whether the rest can be read.
#[derive(Deserialize)]
struct Version {
    version: String,
}

/// Writes a checkpoint, atomically.
pub(crate) fn write(
    path: &Path,
    experiment: &Experiment,
    state: &State,
    results: &Results,
    lengths: Lengths,
) -> Result<(), FilesError> {
    let metadata = Metadata {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        experiment: experiment.clone(),
        phase: state.phase.into(),
        phase_steps: state.phase_steps,
        steps: state.steps,
        lambda: state.lambda,
        optimizer_steps: state.moments.steps,
        floor: state.floor,
        flow: state.flow,
        floors: results.floors.clone(),
        stages: results.stages.clone(),
        last: results.last.clone(),
        lengths,
    };
    let metadata = Some(to_json(path, &metadata)?.to_string());
    let Moments { second_layer, first_layer, .. } = &state.moments;
    let moments = [
        (MOMENTS[0], second_layer.first.as_slice()),
        (MOMENTS[1], &second_layer.second),
        (MOMENTS[2], &first_layer.first),
        (MOMENTS[3], &first_layer.second),
    ];
    let names = TensorNames::default();
    let split = experiment.student.biases.then(|| state.student.split_biases()).transpose();
    let split = split.map_err(|source| FilesError::Model {
        path: path.to_owned(),
        field: "the student".to_owned(),
        source,
    })?;
    let student = match &split {
        Some((network, biases)) => (network, Some(&**biases)),
        None => (&state.student, None),
    };
    let bytes = safetensors_file::encode(path, student, &names, &moments, metadata)?;
    file::write_atomically(path, &bytes)
}

/// Reads a checkpoint of this experiment.
///
/// # Errors
/// [`FilesError`] if the file is damaged or belongs to another experiment or version.
pub(crate) fn read(path: &Path, experiment: &Experiment) -> Result<Checkpoint, FilesError> {
    let bytes = file::read(path)?;
    let wrong = |field: &str, problem: String| FilesError::Field {
        path: path.to_owned(),
        field: field.to_owned(),
        problem,
    };
    let damaged = |field: &str| {
        wrong(field, "is missing or damaged; remove the folder and start again".to_owned())
    };
    let student = safetensors_file::decode(path, &bytes, &TensorNames::default())?;
    let student = if experiment.student.biases {
        student.folded(path)?
    } else {
        student.without_biases(path)?
    };
    let text = safetensors_file::metadata(path, &bytes)?;
    let text = text.as_deref().ok_or_else(|| damaged("the metadata"))?;
    let version = env!("CARGO_PKG_VERSION");
    let found: Version = serde_json::from_str(text).map_err(|_not_json| damaged("the metadata"))?;
    if found.version != version {
        let problem = format!(
            "is {:?}; this program is {version}, resume with the program that began the run",
            found.version
        );
        return Err(wrong("version", problem));
    }
    let metadata: Metadata = from_json(path, text.as_bytes(), "the checkpoint of a run")?;
    let (begun, own) = (to_json(path, &metadata.experiment)?, to_json(path, experiment)?);
    if let Some(field) = first_difference(&begun, &own, "") {
        let problem = "differs from the experiment that the run began with; restore it, or remove the folder and start again";
        return Err(wrong(&field, problem.to_owned()));
    }
    let moment = |index: usize| safetensors_file::own_vector(path, &bytes, MOMENTS[index]);
    let layer = |index: usize| -> Result<LayerMoments, FilesError> {
        Ok(LayerMoments { first: moment(index)?, second: moment(index + 1)? })
    };
    let Metadata { stages, last, floors, lengths, .. } = metadata;
    let state = State {
        student,
        phase: metadata.phase.phase().ok_or_else(|| damaged("phase"))?,
        phase_steps: metadata.phase_steps,
        steps: metadata.steps,
        lambda: metadata.lambda,
        moments: Moments {
            steps: metadata.optimizer_steps,
            second_layer: layer(0)?,
            first_layer: layer(2)?,
        },
        floor: metadata.floor,
        flow: metadata.flow,
    };
    let results = Results { stages, last, floors, violation: None };
    Ok(Checkpoint { state, results, lengths })
}

/// The first field in which two documents differ.
fn first_difference(left: &Value, right: &Value, at: &str) -> Option<String> {
    if left == right {
        return None;
    }
    let (Value::Object(x), Value::Object(y)) = (left, right) else { return Some(at.to_owned()) };
    let key = x.keys().chain(y.keys()).find(|key| x.get(*key) != y.get(*key))?;
    let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
    first_difference(&left[key], &right[key], &at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_model::Network;
    use gradiometer_train::{FloorEnding, Phase};
    use serde_json::json;

    fn checkpoint() -> Checkpoint {
        let record = |position| RunRecord {
            position,
            steps: 7,
            lambda: 0.1,
            loss: 1.0 / 3.0,
            loss_error: 1e-17,
            objective: 0.1 + 0.2,
            objective_error: 1e-17,
            total_mass: 2.5,
            gradient_norm: f64::MIN_POSITIVE,
            gradient_norm_error: 5e-324,
            matched_angles: vec![0.7, 1e-9],
            assigned_angles: vec![0.6],
            mass_beyond: vec![],
            balance_defect: 0.0,
            mean_angle: 0.3,
            training_loss: Some(0.25),
            time: None,
        };
        Checkpoint {
            state: State {
                student: Network::new(2, vec![1.0 / 7.0], vec![0.1, -0.2]).unwrap(),
                phase: Phase::Stage3 { epoch: 3 },
                phase_steps: 5,
                steps: 12,
                lambda: 0.1,
                moments: Moments {
                    steps: 4,
                    second_layer: LayerMoments { first: vec![1.0 / 3.0], second: vec![] },
                    first_layer: LayerMoments { first: vec![0.1, 0.2], second: vec![0.3, 0.4] },
                },
                floor: StationaryPoint {
                    radius: 0.1,
                    products: 5,
                    gradient_norm: 1.0 / 3.0,
                    curvature: 2.5,
                    rounding: f64::EPSILON,
                    accurate: true,
                    ending: Some(FloorEnding::Stalled),
                },
                flow: Flow { time: 0.7, step_size: 1.0 / 7.0 },
            },
            results: Results {
                stages: vec![record(Position::START), record(Phase::Balance.into())],
                last: record(Phase::Floor { epoch: 3 }.into()),
                floors: vec![FloorReport::new(3, 0.1, StationaryPoint::default())],
                violation: None,
            },
            lengths: Lengths { trajectory: 99, claims: 7, snapshots: 77, features: Some(7) },
        }
    }

    fn experiment(seed: u64) -> Experiment {
        let text = format!("seed = {seed}\n[teacher]\ndimension = 2\nneurons = 1\n");
        Experiment::parse("x.toml".as_ref(), text.as_bytes()).unwrap()
    }

    fn save(path: &Path, Checkpoint { state, results, lengths }: &Checkpoint) {
        write(path, &experiment(1), state, results, *lengths).unwrap();
    }

    #[test]
    fn a_checkpoint_comes_back_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resume.safetensors");
        let written = checkpoint();
        save(&path, &written);
        let found = read(&path, &experiment(1)).unwrap();
        assert_eq!(found.state, written.state);
        assert_eq!((found.results, found.lengths), (written.results, written.lengths));
    }

    #[test]
    fn another_experiment_and_a_damaged_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resume.safetensors");
        save(&path, &checkpoint());
        let error = read(&path, &experiment(2)).unwrap_err().to_string();
        assert!(error.contains("seed") && error.contains("resume.safetensors"), "{error}");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(read(&path, &experiment(1)).is_err());
        // A network without the metadata is no checkpoint.
        let names = TensorNames::default();
        gradiometer_files::write_network(&path, &checkpoint().state.student, &names).unwrap();
        let error = read(&path, &experiment(1)).unwrap_err().to_string();
        assert!(error.contains("metadata"), "{error}");
    }

    #[test]
    fn the_first_difference_is_named() {
        let (x, y) = (json!({"a": 1, "b": {"c": 2}}), json!({"a": 1, "b": {"c": 3}}));
        assert_eq!(first_difference(&x, &y, ""), Some("b.c".to_owned()));
        assert_eq!(first_difference(&x, &json!({"a": 1}), ""), Some("b".to_owned()));
        assert_eq!(first_difference(&x, &x, ""), None);
    }
}
