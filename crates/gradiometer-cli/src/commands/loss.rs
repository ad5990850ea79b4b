//! `loss --teacher T --student S`: the objective in closed form.

use super::{TensorArguments, not_negative, positive, standard_input_once};
use crate::{Common, Failure, Outcome, Report, Table, scientific};
use gradiometer::files::Reading;
use gradiometer::files::number;
use gradiometer::population::{Accuracy, Degrees, Objective as _, Population, WeightDecay};
use gradiometer::population::{BiasedNetwork, BiasedPopulation};
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
    /// Lowest Hermite degree of the loss: 0 keeps the raw ReLU, 2 is the loss after preprocessing.
    #[arg(long, value_name = "DEGREE", default_value = "2", value_parser = ["0", "2"])]
    from_degree: String,
    /// Weight decay on both layers.
    #[arg(long, value_name = "LAMBDA", default_value_t = 0.0, value_parser = not_negative, allow_negative_numbers = true)]
    lambda: f64,
    /// Gives both gradients too (of the loss plus the decay).
    #[arg(long)]
    gradient: bool,
    /// Relative error of the loss, and with --gradient of the gradient's norm, that will do, such as
    /// 1e-6: large students in three dimensions then take a tree in place of all pairs [default: 1e-10
    /// and 1e-6].
    #[arg(long, value_name = "SHARE", value_parser = positive, allow_negative_numbers = true)]
    tolerance: Option<f64>,
    #[command(flatten)]
    tensors: TensorArguments,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for bad files, networks of different dimensions or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    standard_input_once(&[&arguments.teacher, &arguments.student])?;
    let teacher = arguments.tensors.reading(&arguments.teacher, common)?;
    let student = arguments.tensors.reading(&arguments.student, common)?;
    if teacher.biases.is_some() || student.biases.is_some() {
        return biased(teacher, student, arguments, common);
    }
    let teacher = gradiometer::files::teacher(&arguments.teacher, teacher.network)?;
    let student = student.network;
    let degrees = if arguments.from_degree == "0" { Degrees::All } else { Degrees::FromTwo };
    let lambda = arguments.lambda;
    let decayed = |g: &[f64], x: &[f64]| -> Vec<f64> {
        g.iter().zip(x).map(|(g, x)| lambda.mul_add(*x, *g)).collect()
    };
    let population = Population::new(teacher).of_degrees(degrees);
    let decay = WeightDecay::equal(lambda);
    let asked = match arguments.tolerance {
        None => Accuracy::both(LOSS_ACCURACY, GRADIENT_ACCURACY, decay),
        Some(share) if arguments.gradient => Accuracy::both(share, share, decay),
        Some(share) => Accuracy::loss(share),
    };
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

/// The same for networks with biases in the first layer, on which there is no decay.
fn biased(
    teacher: Reading,
    student: Reading,
    arguments: &Arguments,
    common: &Common,
) -> Result<Outcome, Failure> {
    let degrees = if arguments.from_degree == "0" { Degrees::All } else { Degrees::FromTwo };
    let teacher = BiasedNetwork::new(teacher.network, teacher.biases)?;
    let student = BiasedNetwork::new(student.network, student.biases)?;
    let found = BiasedPopulation::new(teacher, degrees)?.evaluate(&student)?;
    let decay = WeightDecay::equal(arguments.lambda);
    let network = student.network();
    let objective = found.loss.value + decay.value(network);
    let decayed = |g: &[f64], x: &[f64]| -> Vec<f64> {
        g.iter().zip(x).map(|(g, x)| arguments.lambda.mul_add(*x, *g)).collect()
    };
    let grad_a = decayed(&found.second_layer, network.second_layer());
    let grad_w = decayed(&found.first_layer, network.first_layer());
    let all = || grad_a.iter().chain(&grad_w).chain(&found.biases);
    let norm = all().map(|g| g * g).sum::<f64>().sqrt();
    let norm_error = found.gradient_error * (all().count() as f64).sqrt();
    let numbers = |values: &[f64]| values.iter().map(|x| number(*x)).collect::<Vec<_>>();
    let if_asked = |value: Value| if arguments.gradient { value } else { Value::Null };
    let rows = grad_w.chunks(network.dimension()).map(|row| json!(numbers(row)));
    let json = json!({
        "loss": number(found.loss.value),
        "loss_error": number(found.loss.error),
        "objective": number(objective),
        "lambda": arguments.lambda,
        "from_degree": if degrees == Degrees::All { 0 } else { 2 },
        "gradient_norm": number(norm),
        "gradient_norm_error": number(norm_error),
        "grad_a": if_asked(json!(numbers(&grad_a))),
        "grad_w": if_asked(rows.collect()),
        "grad_b": if_asked(json!(numbers(&found.biases))),
        "grad_a_error": if_asked(number(found.gradient_error)),
        "grad_w_error": if_asked(number(found.gradient_error)),
        "grad_b_error": if_asked(number(found.gradient_error)),
        "path": "biases, by the bivariate normal integral",
        "evidence": "computed",
    });
    let mut table = Table::new(&["quantity", "value"]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("loss L", format!("{:.10e}", found.loss.value));
    row("  error at most", scientific(found.loss.error, 2));
    row("objective L_lambda", format!("{objective:.10e}"));
    row("|gradient|", scientific(norm, 6));
    row("  error at most", scientific(norm_error, 2));
    let mut text = format!(
        "{}evaluation: biases, by the bivariate normal integral; evidence: computed\n",
        table.text()
    );
    if arguments.gradient {
        text.push_str("gradient, one neuron a line: dL/da_j, dL/db_j, then dL/dw_j\n");
        let rows = grad_w.chunks(network.dimension());
        for ((a, b), w) in grad_a.iter().zip(&found.biases).zip(rows) {
            let cells: Vec<String> = w.iter().map(|x| format!("{x:.6e}")).collect();
            let line = [format!("{a:.6e}"), format!("{b:.6e}"), cells.join(" ")];
            text.push_str(&line.join("  "));
            text.push('\n');
        }
    }
    Report { text, json }.print(common)?;
    Ok(Outcome::Holds)
}
