//! `explain ID`: a statement in full.

use crate::{Common, Failure, Outcome, Report, Table};
use gradiometer::theory::explanation;
use gradiometer::verify::{VerifyError, all_statements};
use serde_json::json;

/// What to explain.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  gradiometer explain\n  gradiometer explain 7.3")]
pub struct Arguments {
    /// The id of a statement, such as 7.3; without one, all of them with a line each.
    id: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for an id that no statement has, or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let report = match &arguments.id {
        Some(id) => one(id)?,
        None => all(),
    };
    report.print(common)?;
    Ok(Outcome::Holds)
}

fn one(id: &str) -> Result<Report, Failure> {
    let statement = all_statements().find(|statement| statement.id == id);
    let (Some(statement), Some(text)) = (statement, explanation(id)) else {
        let known = all_statements().map(|statement| statement.id).collect();
        return Err(VerifyError::UnknownStatement { id: id.to_owned(), known }.into());
    };
    let controls: Vec<&str> = statement.checks.iter().map(|check| check.control).collect();
    let json = json!({
        "id": id,
        "says": statement.says,
        "constants": statement.constants,
        "sharp": statement.sharp,
        "reference": statement.reference,
        "controls": controls,
        "text": text,
    });
    let commands = if statement.is_about_students() {
        format!(
            "gradiometer analyze --teacher T --student S --lambda L\ngradiometer verify --claim {id}\n"
        )
    } else {
        format!("gradiometer verify --claim {id}\n")
    };
    // Paragraphs are one line each, for the terminal to fold.
    let paragraphs: Vec<String> =
        text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
    Ok(Report { text: format!("{}\n\n{commands}", paragraphs.join("\n\n")), json })
}

fn all() -> Report {
    let mut table = Table::new(&["id", "what it says"]);
    let mut rows = Vec::new();
    for statement in all_statements() {
        table.row(vec![statement.id.to_owned(), statement.says.to_owned()]);
        rows.push(json!({"id": statement.id, "says": statement.says}));
    }
    let text = format!("{}\n`gradiometer explain ID` has one in full.\n", table.text());
    Report { text, json: json!({"statements": rows}) }
}
