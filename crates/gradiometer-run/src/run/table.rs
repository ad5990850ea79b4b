//! The columns and rows of a run's trajectory.

use crate::format::stage_names;
use gradiometer_train::Record;
use std::path::{Path, PathBuf};

/// The name of `trajectory.csv` in its folder.
pub(super) fn trajectory(out: &Path) -> PathBuf {
    out.join("trajectory.csv")
}

/// The columns of `trajectory.csv`: `stage, epoch, step, lambda, loss, loss_error, objective, total_mass, gradient_norm,
/// balance_defect, mean_angle, training_loss, time`, then for every teacher `average_angle_i` and `assigned_angle_i`, then
/// `mass_beyond_A` for every angle `A`. A run on expectations has no training loss, and only the flow has a time: their cells are empty.
pub(super) fn trajectory_header(teachers: usize, angles: &[f64]) -> Vec<String> {
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
        "training_loss",
        "time",
    ]
    .map(str::to_owned)
    .to_vec();
    for kind in ["average_angle", "assigned_angle"] {
        header.extend((0..teachers).map(|i| format!("{kind}_{i}")));
    }
    header.extend(angles.iter().map(|a| format!("mass_beyond_{a}")));
    header
}

/// A row of `trajectory.csv`; floats are written so that they come back exactly.
pub(super) fn trajectory_row(record: &Record, start: bool) -> Vec<String> {
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
    row.extend(numbers.iter().map(|x| format!("{x:e}")));
    for value in [record.training_loss, record.time] {
        row.push(value.map_or(String::new(), |x| format!("{x:e}")));
    }
    let lists = [&record.average_angles, &record.assigned_angles, &record.mass_beyond];
    row.extend(lists.into_iter().flatten().map(|x| format!("{x:e}")));
    row
}
