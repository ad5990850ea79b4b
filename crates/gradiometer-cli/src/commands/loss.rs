//! `loss --teacher T --student S`: the objective in closed form.

use super::{TensorArguments, not_negative, positive, standard_input_once};
use crate::{Common, Failure, Outcome, Report, Table};
use gradiometer::files::digits::{upper_end, with_supported_digits};
use gradiometer::files::{Reading, number};
use gradiometer::model::{ModelError, Network, Skip, Teacher};
use gradiometer::population::{
    Accuracy, BiasedPopulation, Degrees, Objective as _, Population, Reported, WeightDecay,
};
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
    /// a factor 1/2: PyTorch's weight_decay under that loss, twice that under half of it. Biases
    /// decay as weights do.
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
    let population = Population::new(teacher).of_degrees(degrees);
    let decay = WeightDecay::equal(arguments.lambda);
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
    let shown = evaluation.reported(&student, decay);
    let json = json(arguments, &shown, student.dimension());
    let text = text(arguments, &shown, student.dimension());
    Report { text, json }.print(common)?;
    Ok(Outcome::Holds)
}

fn json(arguments: &Arguments, shown: &Reported, dimension: usize) -> Value {
    let gradient = &shown.gradient;
    let numbers = |values: &[f64]| values.iter().map(|x| number(*x)).collect::<Vec<_>>();
    let rows = || gradient.first_layer.chunks(dimension).map(|row| json!(numbers(row))).collect();
    let if_asked = |value: Value| if arguments.gradient { value } else { Value::Null };
    json!({
        "loss": number(shown.loss.value),
        "loss_error": number(shown.loss.error),
        "objective": number(shown.objective.value),
        "objective_error": number(shown.objective.error),
        "lambda": arguments.lambda,
        "from_degree": if arguments.from_degree == "0" { 0 } else { 2 },
        "gradient_norm": number(shown.norm.value),
        "gradient_norm_error": number(shown.norm.error),
        "grad_a": if_asked(json!(numbers(&gradient.second_layer))),
        "grad_w": if_asked(rows()),
        "grad_a_error": if_asked(number(gradient.second_layer_error)),
        "grad_w_error": if_asked(number(gradient.first_layer_error)),
        "path": shown.route.to_string(),
        "evidence": "computed",
    })
}

/// Most significant digits of a number in the table, and of an entry of the gradients.
const DIGITS: usize = 17;
const ENTRY_DIGITS: usize = 7;

fn text(arguments: &Arguments, shown: &Reported, dimension: usize) -> String {
    let mut table = Table::new(&["quantity", "value"]);
    for (name, bounded) in [
        ("loss L", shown.loss),
        ("objective L_lambda", shown.objective),
        ("|gradient|", shown.norm),
    ] {
        table.row(vec![
            name.to_owned(),
            with_supported_digits(bounded.value, bounded.error, DIGITS),
        ]);
        table.row(vec!["  error at most".to_owned(), upper_end(bounded.error, 2)]);
    }
    let mut text = format!("{}evaluation: {}; evidence: computed\n", table.text(), shown.route);
    if arguments.gradient {
        let gradient = &shown.gradient;
        let entry = |error: f64| move |x: &f64| with_supported_digits(*x, error, ENTRY_DIGITS);
        let rows = gradient.first_layer.chunks(dimension);
        text.push_str("gradient, one neuron a line: dL/da_j, then dL/dw_j\n");
        for (a, w) in gradient.second_layer.iter().zip(rows) {
            let first = entry(gradient.second_layer_error)(a);
            let cells: Vec<String> = w.iter().map(entry(gradient.first_layer_error)).collect();
            text.push_str(&[first, cells.join(" ")].join("  "));
            text.push('\n');
        }
    }
    text
}

/// The same for networks with biases in the first layer, which decay as the weights do.
fn biased(
    teacher: Reading,
    student: Reading,
    arguments: &Arguments,
    common: &Common,
) -> Result<Outcome, Failure> {
    let degrees = if arguments.from_degree == "0" { Degrees::All } else { Degrees::FromTwo };
    let teacher = Teacher::new(with_affine_neurons(teacher.folded(&arguments.teacher)?)?)?;
    let student = student.folded(&arguments.student)?;
    let evaluation = BiasedPopulation::new(teacher, degrees)?.evaluate(&student, Accuracy::FAST)?;
    let mut shown = evaluation.reported(&student, WeightDecay::equal(arguments.lambda));
    // The last weight of each neuron is its bias.
    let dimension = student.dimension() - 1;
    let rows = || shown.gradient.first_layer.chunks_exact(dimension + 1);
    let biases: Vec<f64> = rows().map(|row| row[dimension]).collect();
    shown.gradient.first_layer = rows().flat_map(|row| &row[..dimension]).copied().collect();
    let error = shown.gradient.first_layer_error;
    let mut json = json(arguments, &shown, dimension);
    if arguments.gradient {
        json["grad_b"] = biases.iter().map(|x| number(*x)).collect();
        json["grad_b_error"] = number(error);
    }
    let mut text = text(arguments, &shown, dimension);
    if arguments.gradient {
        let entry = |x: &f64| with_supported_digits(*x, error, ENTRY_DIGITS);
        let cells: Vec<String> = biases.iter().map(entry).collect();
        text.push_str(&["dL/db, all neurons: ", &cells.join(" "), "\n"].concat());
    }
    Report { text, json }.print(common)?;
    Ok(Outcome::Holds)
}

/// A network on `(x, 1)` with its affine part as neurons: `alpha = alpha relu(1)`, and `z = relu(z) - relu(-z)`.
fn with_affine_neurons(folded: Network) -> Result<Network, ModelError> {
    let Some(Skip { constant, linear }) = folded.skip() else { return Ok(folded) };
    let (mut second, mut first) = (folded.second_layer().to_vec(), folded.first_layer().to_vec());
    if constant.abs() > 0.0 {
        second.push(*constant);
        first.extend(linear.iter().map(|_| 0.0));
        if let Some(one) = first.last_mut() {
            *one = 1.0;
        }
    }
    if linear.iter().any(|b| b.abs() > 0.0) {
        second.extend([1.0, -1.0]);
        first.extend(linear);
        first.extend(linear.iter().map(|b| -b));
    }
    Network::new(folded.dimension(), second, first)
}
