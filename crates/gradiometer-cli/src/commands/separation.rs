//! `check-separation TEACHER`: Assumption 2 alone.

use super::{TensorArguments, not_negative};
use crate::{Common, Failure, Outcome, Report, scientific};
use serde_json::json;
use std::path::PathBuf;

/// What to check.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The teacher: .json, .toml, .safetensors, .npz, or - with --format.
    teacher: PathBuf,
    /// The separation must exceed this angle in radians; by default the rounding of the directions.
    #[arg(long, value_name = "ANGLE", default_value_t = 4.0 * f64::EPSILON, value_parser = not_negative, allow_negative_numbers = true)]
    above: f64,
    #[command(flatten)]
    tensors: TensorArguments,
}

/// Runs the command: refuted if two neurons are closer than asked.
///
/// # Errors
/// [`Failure`] for a bad file or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let teacher = arguments.tensors.teacher(&arguments.teacher, common)?;
    let separation = teacher.separation();
    let outcome = match separation {
        Some(s) if !(s.angle > arguments.above) => Outcome::Refuted,
        _ => Outcome::Holds,
    };
    let verdict = if outcome == Outcome::Holds { "holds" } else { "refuted" };
    let pair = separation.map(|s| [s.first, s.second]);
    let text = separation.map_or_else(
        || "one neuron: nothing to separate\n".to_owned(),
        |s| {
            let angle = scientific(s.angle, 6);
            format!(
                "{verdict}: separation {angle} rad, between neurons {} and {}\n",
                s.first, s.second
            )
        },
    );
    let json = json!({
        "verdict": verdict,
        "separation": separation.map(|s| s.angle),
        "closest_pair": pair,
        "above": arguments.above,
        "evidence": "computed",
    });
    Report { text, json }.print(common)?;
    Ok(outcome)
}
