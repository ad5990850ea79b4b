//! `plan TARGET --dimension D`: how many samples each mechanism needs.

use super::TensorArguments;
use crate::{Common, Failure, Outcome, Report, Table, scientific};
use gradiometer::files::{number, read_teacher};
use gradiometer::mechanisms::exponents::Expression;
use gradiometer::mechanisms::plan::{Need, PlanRequest, PlanTarget, Rests, plan};
use serde_json::{Value, json};
use std::path::Path;

/// What is to be learnt, and how well.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// A polynomial such as "z1 + z1 z2", a file with one, or a teacher: .json, .toml, .safetensors or .npz.
    target: String,
    /// Dimension of the input.
    #[arg(long, value_name = "D")]
    dimension: usize,
    /// Number of neurons.
    #[arg(long, value_name = "M", default_value_t = 200)]
    width: usize,
    /// Share of the label's variance that may be left.
    #[arg(long, value_name = "X", default_value_t = 0.1)]
    goal: f64,
    /// Of the random neurons that the limit laws average over.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    tensors: TensorArguments,
}

impl Arguments {
    fn target(&self) -> Result<PlanTarget, Failure> {
        let path = Path::new(&self.target);
        let bad =
            |error: &dyn std::fmt::Display| Failure::Data(format!("{}: {error}", self.target));
        let end = path.extension().and_then(|end| end.to_str());
        if end.is_some_and(|end| ["json", "toml", "safetensors", "npz"].contains(&end)) {
            let teacher = read_teacher(path, &self.tensors.names())?;
            return PlanTarget::of_teacher(&teacher).map_err(|error| bad(&error));
        }
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text.trim().to_owned(),
            Err(_not_a_file) => self.target.clone(),
        };
        Expression::parse(&text)
            .and_then(|target| PlanTarget::of_expression(&target))
            .map_err(|error| bad(&error))
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for a bad target or request, or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let target = arguments.target()?;
    let request = PlanRequest {
        dimension: arguments.dimension,
        width: arguments.width,
        goal: arguments.goal,
        seed: arguments.seed,
    };
    let needs = plan(&target, &request)
        .map_err(|error| Failure::Data(format!("{}: {error}", arguments.target)))?;
    let json = json!({
        "dimension": request.dimension,
        "width": request.width,
        "goal": number(request.goal),
        "seed": request.seed,
        "needs": needs.iter().map(entry).collect::<Vec<_>>(),
    });
    let mut table = Table::new(&["mechanism", "samples", "statement", "rests on"]);
    for need in &needs {
        table.row(vec![
            need.mechanism.to_owned(),
            need.samples.map_or("none".to_owned(), |n| scientific(n, 3)),
            need.statement.to_owned(),
            match need.rests {
                Rests::Proved => "proof".to_owned(),
                Rests::Asymptotic { error } => {
                    format!("limit, +- {} %", scientific(100.0 * error, 2))
                }
            },
        ]);
    }
    let notes: Vec<String> =
        needs.iter().map(|need| format!("{}: {}", need.mechanism, need.note)).collect();
    Report { text: format!("{}\n{}\n", table.text(), notes.join("\n")), json }.print(common)?;
    Ok(Outcome::Holds)
}

fn entry(need: &Need) -> Value {
    let (rests, error) = match need.rests {
        Rests::Proved => ("proved", None),
        Rests::Asymptotic { error } => ("asymptotic", Some(number(error))),
    };
    json!({
        "mechanism": need.mechanism,
        "statement": need.statement,
        "samples": need.samples.map(number),
        "rests_on": rests,
        "relative_error": error,
        "note": need.note,
        "evidence": "computed",
    })
}
