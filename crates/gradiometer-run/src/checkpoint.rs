//! Checkpoints of a run: one `.safetensors` file with the student in PyTorch's names, the optimiser's moments beside it and, as metadata under `gradiometer`, a JSON
//! object with the experiment, where the run stands, and the records so far that end up in `run.json`.
//!
//! It is written at once or not at all, and holds everything that decides how the run goes on, so that a run resumed from it leaves the
//! same bytes as one that was never interrupted. Floats are written so that they come back exactly.

use crate::experiment::Experiment;
use crate::format::stage_names;
use crate::json::record_json;
use gradiometer_files::FilesError;
use gradiometer_files::TensorNames;
use gradiometer_files::file;
use gradiometer_files::safetensors_file;
use gradiometer_population::Bounded;
use gradiometer_train::{
    FloorEnding, Flow, LayerMoments, Moments, Phase, Record, State, StationaryPoint,
};
use serde_json::{Value, json};
use std::path::Path;

/// Names of the optimiser's moments: first and second of the second layer, then of the first layer.
const MOMENTS: [&str; 4] =
    ["second_layer.first", "second_layer.second", "first_layer.first", "first_layer.second"];

/// What a run needs to go on.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) state: State,
    /// The records that `run.json` will hold.
    pub(crate) stages: Vec<Record>,
    pub(crate) last: Record,
    /// How the floors so far ended, as `run.json` will say.
    pub(crate) floors: Vec<Value>,
    /// Length of `trajectory.csv` at this moment, in bytes.
    pub(crate) trajectory: u64,
    /// Length of `claims.csv`, 0 where nothing is watched.
    pub(crate) claims: u64,
    /// Length of `snapshots.csv`.
    pub(crate) snapshots: u64,
}

/// Writes a checkpoint, atomically.
pub(crate) fn write(
    path: &Path,
    experiment: &Experiment,
    checkpoint: &Checkpoint,
) -> Result<(), FilesError> {
    let Checkpoint { state, stages, last, floors, trajectory, claims, snapshots } = checkpoint;
    let metadata = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "experiment": experiment,
        "phase": phase_json(state.phase),
        "phase_steps": state.phase_steps,
        "steps": state.steps,
        "lambda": state.lambda,
        "optimizer_steps": state.moments.steps,
        "floor": {
            "radius": state.floor.radius,
            "products": state.floor.products,
            "gradient_norm": state.floor.gradient_norm,
            "curvature": state.floor.curvature,
            "rounding": state.floor.rounding,
            "accurate": state.floor.accurate,
            "ending": state.floor.ending.map(FloorEnding::name),
        },
        "flow": {"time": state.flow.time, "step_size": state.flow.step_size},
        "floors": floors,
        "stages": stages.iter().enumerate().map(|(i, r)| record_json(r, i == 0)).collect::<Vec<_>>(),
        "last": record_json(last, false),
        "trajectory": trajectory,
        "claims": claims,
        "snapshots": snapshots,
    });
    let names = TensorNames::default();
    let Moments { second_layer, first_layer, .. } = &state.moments;
    let moments = [
        (MOMENTS[0], second_layer.first.as_slice()),
        (MOMENTS[1], &second_layer.second),
        (MOMENTS[2], &first_layer.first),
        (MOMENTS[3], &first_layer.second),
    ];
    let metadata = Some(metadata.to_string());
    let bytes = safetensors_file::encode(path, &state.student, &names, &moments, metadata)?;
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
    let damaged =
        |field: &str| wrong(field, "is missing or damaged; start again with --force".to_owned());
    let student = safetensors_file::decode(path, &bytes, &TensorNames::default())?;
    let metadata: Value = safetensors_file::metadata(path, &bytes)?
        .and_then(|text| serde_json::from_str(&text).ok())
        .ok_or_else(|| damaged("the metadata"))?;
    let version = env!("CARGO_PKG_VERSION");
    if metadata["version"] != version {
        let problem = format!(
            "is {}; this program is {version}, resume with the program that began the run",
            metadata["version"]
        );
        return Err(wrong("version", problem));
    }
    if let Some(field) = first_difference(&metadata["experiment"], &json!(experiment), "") {
        let problem = "differs from the experiment that the run began with; restore it, or start again with --force";
        return Err(wrong(&field, problem.to_owned()));
    }
    let count = |field: &str| metadata[field].as_u64().ok_or_else(|| damaged(field));
    let record = |value: &Value| record_from_json(value).ok_or_else(|| damaged("a record"));
    let moment = |index: usize| safetensors_file::own_vector(path, &bytes, MOMENTS[index]);
    let layer = |index: usize| -> Result<LayerMoments, FilesError> {
        Ok(LayerMoments { first: moment(index)?, second: moment(index + 1)? })
    };
    let state = State {
        student,
        phase: phase_from_json(&metadata["phase"]).ok_or_else(|| damaged("phase"))?,
        phase_steps: count("phase_steps")?,
        steps: count("steps")?,
        lambda: metadata["lambda"].as_f64().ok_or_else(|| damaged("lambda"))?,
        moments: Moments {
            steps: count("optimizer_steps")?,
            second_layer: layer(0)?,
            first_layer: layer(2)?,
        },
        floor: floor_from_json(&metadata["floor"]).ok_or_else(|| damaged("floor"))?,
        flow: flow_from_json(&metadata["flow"]).ok_or_else(|| damaged("flow"))?,
    };
    let stages = metadata["stages"].as_array().ok_or_else(|| damaged("stages"))?;
    Ok(Checkpoint {
        state,
        stages: stages.iter().map(record).collect::<Result<_, _>>()?,
        last: record(&metadata["last"])?,
        floors: metadata["floors"].as_array().ok_or_else(|| damaged("floors"))?.clone(),
        trajectory: count("trajectory")?,
        claims: count("claims")?,
        snapshots: count("snapshots")?,
    })
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

fn phase_json(phase: Phase) -> Value {
    let (stage, epoch) = stage_names(phase, false);
    json!({"stage": stage, "epoch": epoch})
}

fn phase_from_json(value: &Value) -> Option<Phase> {
    let epoch = value["epoch"].as_u64();
    let stage = value["stage"].as_str()?;
    let plain = [Phase::Stage1, Phase::Stage2, Phase::Balance, Phase::Finished];
    match epoch {
        Some(epoch) => [Phase::Stage3 { epoch }, Phase::Floor { epoch }]
            .into_iter()
            .find(|phase| stage_names(*phase, false).0 == stage),
        None => plain.into_iter().find(|phase| stage_names(*phase, false).0 == stage),
    }
}

fn floor_from_json(value: &Value) -> Option<StationaryPoint> {
    let endings = [FloorEnding::Rounding, FloorEnding::Stalled, FloorEnding::Steps];
    let ending = match &value["ending"] {
        Value::Null => None,
        name => Some(endings.into_iter().find(|ending| name == ending.name())?),
    };
    let number = |field: &str| value[field].as_f64();
    Some(StationaryPoint {
        radius: number("radius")?,
        products: value["products"].as_u64()?,
        gradient_norm: number("gradient_norm")?,
        curvature: number("curvature")?,
        rounding: number("rounding")?,
        accurate: value["accurate"].as_bool()?,
        ending,
    })
}

fn flow_from_json(value: &Value) -> Option<Flow> {
    Some(Flow { time: value["time"].as_f64()?, step_size: value["step_size"].as_f64()? })
}

/// The inverse of [`record_json`]; a number that was not finite comes back as NaN. The phase of the first record, which is at no
/// phase's end, is not written and does not matter.
fn record_from_json(value: &Value) -> Option<Record> {
    let number = |field: &str| match &value[field] {
        Value::Null => Some(f64::NAN),
        other => other.as_f64(),
    };
    // A field that is not there is `None`, one that makes no sense an error.
    let optional =
        |field: &str| if value.get(field).is_some() { number(field).map(Some) } else { Some(None) };
    let list = |field: &str| -> Option<Vec<f64>> {
        value[field].as_array()?.iter().map(Value::as_f64).collect()
    };
    let phase = if value["stage"] == "start" { Phase::Stage1 } else { phase_from_json(value)? };
    Some(Record {
        phase,
        step: value["steps"].as_u64()?,
        lambda: number("lambda")?,
        loss: Bounded { value: number("loss")?, error: number("loss_error")? },
        objective: number("objective")?,
        total_mass: number("total_mass")?,
        gradient_norm: number("gradient_norm")?,
        average_angles: list("matched_angles")?,
        assigned_angles: list("assigned_angles")?,
        mass_beyond: list("mass_beyond")?,
        balance_defect: number("balance_defect")?,
        mean_angle: number("mean_angle")?,
        training_loss: optional("training_loss")?,
        time: optional("time")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_model::Network;

    fn checkpoint() -> Checkpoint {
        let record = |phase| Record {
            phase,
            step: 7,
            lambda: 0.1,
            loss: Bounded { value: 1.0 / 3.0, error: 1e-17 },
            objective: 0.1 + 0.2,
            total_mass: 2.5,
            gradient_norm: f64::MIN_POSITIVE,
            average_angles: vec![0.7, 1e-9],
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
            stages: vec![record(Phase::Stage1), record(Phase::Balance)],
            last: record(Phase::Floor { epoch: 3 }),
            floors: vec![json!({"ending": "rounding"})],
            trajectory: 99,
            claims: 7,
            snapshots: 77,
        }
    }

    fn experiment(seed: u64) -> Experiment {
        let text = format!("seed = {seed}\n[teacher]\ndimension = 2\nneurons = 1\n");
        Experiment::parse("x.toml".as_ref(), text.as_bytes()).unwrap()
    }

    #[test]
    fn a_checkpoint_comes_back_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resume.safetensors");
        let written = checkpoint();
        write(&path, &experiment(1), &written).unwrap();
        let found = read(&path, &experiment(1)).unwrap();
        assert_eq!(found.state, written.state);
        assert_eq!((&found.stages, &found.last), (&written.stages, &written.last));
        assert_eq!((found.trajectory, found.claims, found.snapshots), (99, 7, 77));
        assert_eq!(found.floors, written.floors);
    }

    #[test]
    fn another_experiment_and_a_damaged_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resume.safetensors");
        write(&path, &experiment(1), &checkpoint()).unwrap();
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
