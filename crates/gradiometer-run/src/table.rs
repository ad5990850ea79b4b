//! The columns and rows of a run's tables; floats are written so that they come back exactly,
//! unless it is said how many digits are kept.

use crate::record::RunRecord;
use crate::snapshots::Snapshot;
use crate::watch::WatchedClaim;
use std::fmt::Write as _;

/// A header and rows as the text of a table.
pub(crate) fn text(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| cells.join(",") + "\n";
    rows.fold(line(header), |text, row| text + &line(&row))
}

/// The columns of `trajectory.csv`: `stage, epoch, step, lambda, loss, loss_error, objective,
/// total_mass, gradient_norm, balance_defect, mean_angle, training_loss, time`, then for every
/// teacher `average_angle_i` and `assigned_angle_i`, then `mass_beyond_A` for every angle `A`. A
/// run on expectations has no training loss, and only the flow has a time: their cells are empty.
pub(crate) fn trajectory_header(teachers: usize, angles: &[f64]) -> Vec<String> {
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

/// A row of `trajectory.csv`.
pub(crate) fn trajectory_row(record: &RunRecord) -> Vec<String> {
    let position = record.position;
    let epoch = position.epoch.map_or(String::new(), |k| k.to_string());
    let mut row = vec![position.stage.name().to_owned(), epoch, record.steps.to_string()];
    let numbers = [
        record.lambda,
        record.loss,
        record.loss_error,
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
    let lists = [&record.matched_angles, &record.assigned_angles, &record.mass_beyond];
    row.extend(lists.into_iter().flatten().map(|x| format!("{x:e}")));
    row
}

/// The columns of `snapshots.csv`, for a teacher of that rank.
pub(crate) fn snapshots_header(rank: usize) -> Vec<String> {
    let mut header =
        ["stage", "epoch", "step", "lambda", "neuron", "teacher", "angle", "share", "a"]
            .map(str::to_owned)
            .to_vec();
    header.extend((0..rank).map(|i| format!("z_{i}")));
    header.push("outside".to_owned());
    header
}

/// The rows of a moment in `snapshots.csv`, with seven digits.
pub(crate) fn snapshot_rows(snapshot: &Snapshot) -> String {
    let Snapshot { position, step, lambda, neurons, .. } = snapshot;
    let epoch = position.epoch.map_or(String::new(), |k| k.to_string());
    let stage = position.stage.name();
    let mut text = String::new();
    for neuron in neurons {
        let _infallible = write!(
            text,
            "{stage},{epoch},{step},{lambda:e},{},{},{:.6e},{:.6e},{:.6e}",
            neuron.index, neuron.teacher, neuron.angle, neuron.share, neuron.second_layer
        );
        for x in neuron.inside.iter().chain([&neuron.outside]) {
            let _infallible = write!(text, ",{x:.6e}");
        }
        text.push('\n');
    }
    text
}

/// The columns of `claims.csv`.
pub(crate) fn claims_header() -> Vec<String> {
    ["step", "lambda", "claim", "left", "right", "ratio", "verdict", "evidence"]
        .map(str::to_owned)
        .to_vec()
}

/// A row of `claims.csv`.
pub(crate) fn claim_row(watched: &WatchedClaim) -> Vec<String> {
    let finite = |x: f64| if x.is_finite() { format!("{x:e}") } else { String::new() };
    let claim = &watched.claim;
    vec![
        watched.step.to_string(),
        format!("{:e}", watched.lambda),
        watched.name.clone(),
        finite(claim.left),
        finite(claim.right),
        finite(claim.ratio()),
        claim.finding.name().to_owned(),
        claim.evidence.name().to_owned(),
    ]
}
