//! A run's numbers as JSON.

use crate::format::{AWAY, stage_names};
use gradiometer_files::number;
use gradiometer_hermite::exponent::{DegreePart, InformationExponent};
use gradiometer_instances::Complexity;
use gradiometer_model::Separation;
use gradiometer_train::{FloorEnding, Record, StationaryPoint};
use serde_json::{Map, Value, json};

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
    for (name, value) in [("training_loss", record.training_loss), ("time", record.time)] {
        if let Some(value) = value {
            object.insert(name.to_owned(), number(value));
        }
    }
    object.insert("matched_angles".to_owned(), json!(record.average_angles));
    object.insert("assigned_angles".to_owned(), json!(record.assigned_angles));
    object.insert("mass_beyond".to_owned(), json!(record.mass_beyond));
    object.into()
}

/// How a search for the floor of an epoch ended.
pub(crate) fn floor_json(epoch: u64, lambda: f64, floor: StationaryPoint) -> Value {
    json!({
        "epoch": epoch,
        "lambda": number(lambda),
        "ending": floor.ending.map(FloorEnding::name),
        "gradient_norm": number(floor.gradient_norm),
        "rounding": number(floor.rounding),
        "hessian_products": floor.products,
        "evidence": "computed",
    })
}

/// The result as `train --json` gives it.
pub(crate) fn final_json(last: &Record, mass_away: f64) -> Value {
    let mut object = record_json(last, false);
    if let Value::Object(fields) = &mut object {
        fields.insert("mass_away".to_owned(), number(mass_away));
        fields.insert("mass_away_angle".to_owned(), number(AWAY));
        fields.insert("evidence".to_owned(), json!("computed"));
    }
    object
}
