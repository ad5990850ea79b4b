//! `loss --teacher T --student S`: the objective in closed form.

use super::{TensorArguments, not_negative, standard_input_once};
use crate::{Common, Failure, Outcome, Report, Table, scientific};
use gradiometer::files::number;
use gradiometer::population::{Accuracy, Degrees, Objective as _, Population, WeightDecay};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The relative error that the loss is computed to, where that is possible.
const LOSS_ACCURACY: f64 = 1e-10;
/// The relative error that the gradient's norm is computed to, where that is possible.
const GRADIENT_ACCURACY: f64 = 1e-6;

/// What to evaluate.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The teacher: .json, .toml, .safetensors, .npz, or - with --format.
    #[arg(long, value_name = "FILE")]
    teacher: PathBuf,
    /// The student, in any of the same formats.
    #[arg(long, value_name = "FILE")]
    student: PathBuf,
    /// 0: the plain mean squared error E(f - f*)^2; 2: the same after its constant and linear parts
    /// are removed, as the paper's preprocessing does.
    #[arg(long, value_name = "DEGREE", default_value = "2", value_parser = ["0", "2"])]
    from_degree: String,
    /// The weight decay of L + (lambda/2)(|a|^2 + |W|^2), where L is the mean squared error without
    /// a factor 1/2: PyTorch's weight_decay under that loss, twice that under half of it.
    #[arg(long, value_name = "LAMBDA", default_value_t = 0.0, value_parser = not_negative, allow_negative_numbers = true)]
    lambda: f64,
    /// Gives both gradients too (of the loss plus the decay).
    #[arg(long)]
    gradient: bool,
    #[command(flatten)]
    tensors: TensorArguments,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for bad files, networks of different dimensions or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    standard_input_once(&[&arguments.teacher, &arguments.student])?;
    let teacher = arguments.tensors.teacher(&arguments.teacher, common)?;
    let student = arguments.tensors.network(&arguments.student, common)?;
    let degrees = if arguments.from_degree == "0" { Degrees::All } else { Degrees::FromTwo };
    let lambda = arguments.lambda;
    let decayed = |g: &[f64], x: &[f64]| -> Vec<f64> {
        g.iter().zip(x).map(|(g, x)| lambda.mul_add(*x, *g)).collect()
    };
    let population = Population::new(teacher).of_degrees(degrees);
    let decay = WeightDecay::equal(lambda);
    let asked = Accuracy::both(LOSS_ACCURACY, GRADIENT_ACCURACY, decay);
    let evaluation = population.evaluate(&student, asked).map_err(|error| {
        Failure::Data(format!(
            "{} and {}: {error}",
            arguments.teacher.display(),
            arguments.student.display()
        ))
    })?;
    let objective = evaluation.loss.value + decay.value(&student);
    let gradient = &evaluation.gradient;
    let grad_a = decayed(&gradient.second_layer, student.second_layer());
    let grad_w = decayed(&gradient.first_layer, student.first_layer());
    let norm = grad_a.iter().chain(&grad_w).map(|g| g * g).sum::<f64>().sqrt();
    let norm_error = gradient.norm_error();
    let numbers = |values: &[f64]| values.iter().map(|x| number(*x)).collect::<Vec<_>>();
    let if_asked = |value: Value| if arguments.gradient { value } else { Value::Null };
    let json = json!({
        "loss": number(evaluation.loss.value),
        "loss_error": number(evaluation.loss.error),
        "objective": number(objective),
        "lambda": lambda,
        "from_degree": if degrees == Degrees::All { 0 } else { 2 },
        "gradient_norm": number(norm),
        "gradient_norm_error": number(norm_error),
        "grad_a": if_asked(json!(numbers(&grad_a))),
        "grad_w": if_asked(grad_w.chunks(student.dimension()).map(|row| json!(numbers(row))).collect()),
        "grad_a_error": if_asked(number(gradient.second_layer_error)),
        "grad_w_error": if_asked(number(gradient.first_layer_error)),
        "path": evaluation.route.to_string(),
        "evidence": "computed",
    });
    let mut table = Table::new(&["quantity", "value"]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("loss L", format!("{:.10e}", evaluation.loss.value));
    row("  error at most", scientific(evaluation.loss.error, 2));
    row("objective L_lambda", format!("{objective:.10e}"));
    row("|gradient|", scientific(norm, 6));
    row("  error at most", scientific(norm_error, 2));
    let mut text =
        format!("{}evaluation: {}; evidence: computed\n", table.text(), evaluation.route);
    if arguments.gradient {
        text.push_str("gradient, one neuron a line: dL/da_j, then dL/dw_j\n");
        for (a, w) in grad_a.iter().zip(grad_w.chunks(student.dimension())) {
            let cells: Vec<String> = w.iter().map(|x| format!("{x:.6e}")).collect();
            text.push_str(&[format!("{a:.6e}"), cells.join(" ")].join("  "));
            text.push('\n');
        }
    }
    Report { text, json }.print(common)?;
    Ok(Outcome::Holds)
}
