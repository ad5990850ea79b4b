//! `inspect TEACHER`: assumptions and complexity.

use super::TensorArguments;
use crate::{Common, Failure, Outcome, Report, Table, scientific};
use gradiometer::hermite::exponent::Exponent;
use gradiometer::model::Complexity;
use gradiometer::study::read_teacher;
use gradiometer::study::run::complexity_json;
use std::path::PathBuf;

/// What to inspect.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The teacher: .json, .toml, .safetensors or .npz.
    teacher: PathBuf,
    #[command(flatten)]
    tensors: TensorArguments,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for a bad file or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let teacher = read_teacher(&arguments.teacher, &arguments.tensors.names())?;
    let complexity = Complexity::of(&teacher)
        .map_err(|error| Failure::Data(format!("{}: {error}", arguments.teacher.display())))?;
    Report { text: text(&complexity), json: complexity_json(&complexity) }.print(common)?;
    Ok(Outcome::Holds)
}

fn exponent(exponent: Exponent) -> String {
    match exponent {
        Exponent::Known(degree) => degree.to_string(),
        Exponent::AtLeast(degree) => format!("at least {degree}"),
        Exponent::Undecided(degree) => format!("at least {degree}, undecided there"),
    }
}

fn text(c: &Complexity) -> String {
    let mut table = Table::new(&["quantity", "value"]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("input dimension d", c.dimension.to_string());
    row("neurons m*", c.neurons.to_string());
    row("rank r", c.rank.to_string());
    let separation = c.separation.map_or("none (one neuron)".to_owned(), |s| {
        format!("{} (neurons {} and {})", scientific(s.angle, 6), s.first, s.second)
    });
    row("separation Delta [rad]", separation);
    row("Assumption 2 (Delta > 0)", if c.is_separated() { "holds" } else { "fails" }.to_owned());
    let condition = c.condition.map_or("infinite".to_owned(), |k| scientific(k, 6));
    row("condition kappa of H", condition);
    row("smallest |eigenvalue| of H", scientific(c.smallest_eigenvalue, 6));
    row(
        "Assumption 3 (rank H = r)",
        if c.is_non_degenerate() { "holds" } else { "fails" }.to_owned(),
    );
    row("total mass |mu*|", scientific(c.total_mass, 6));
    let amplitudes = format!(
        "{} to {}",
        scientific(c.smallest_amplitude, 6),
        scientific(c.largest_amplitude, 6)
    );
    row("|amplitudes|", amplitudes);
    row("mean E f*", scientific(c.mean, 6));
    row("information exponent", exponent(c.information_exponent.exponent));
    row("after preprocessing", exponent(c.preprocessed_exponent.exponent));
    format!("{}evidence: computed\n", table.text())
}
