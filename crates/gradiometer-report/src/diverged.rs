//! The page of a run that diverged: where, what to try, and the last that was recorded.

use super::figures::{Table, number};
use super::html::{Line, Mark, Page};
use super::pages::Content;
use gradiometer_files::{FilesError, file};
use gradiometer_run::folder::Divergence;
use std::path::Path;

/// Records that are shown, at most.
const MOST_RECORDS: usize = 20;
/// The columns of them.
const SHOWN: [&str; 7] =
    ["stage", "epoch", "step", "lambda", "loss", "total_mass", "gradient_norm"];

/// The page of a diverged run's folder.
///
/// # Errors
/// [`FilesError`] for records that cannot be read.
pub(crate) fn page(folder: &Path, run: &Divergence) -> Result<Content, FilesError> {
    let lead = "The parameters grew until one of them was no longer finite. There is no final student, so nothing is said of what was learned.";
    let mut page = Page::new("Report of a run that diverged", lead);
    page.summary(&[Line::new(Mark::Refuted, "diverged", sentence(&run.problem), "computed")]);
    page.heading("What to do");
    page.paragraph(
        "Descent with a step size η is stable while η times the largest eigenvalue of the Hessian is below 2, and that eigenvalue grows with the student's mass. Halve the step size that the line above names until the run goes through. Degrees 0 and 1, kept with skip = [\"preprocessing\"], make the Hessian larger, so that steps have to be smaller. The same experiment diverges again: --resume does not help, --force starts it anew.",
    );
    if let Some(largest) = run.largest_step {
        page.paragraph(&format!(
            "Where Stage 3 began, descent was stable up to a step size of about {}, two over the largest eigenvalue of the Hessian that a power iteration met (sampled), and steps up to half of that lower the objective as statement 7.10 says; the run had stage3.step_size = {}.",
            number(2.0 * largest, 2),
            number(run.experiment.stage3.step_size, 3)
        ));
    }
    page.heading("The last records");
    page.table("The last records", &records(folder)?, &[]);
    page.heading("The experiment");
    page.folded("The experiment as resolved", &format!("{:#}", serde_json::json!(run.experiment)));
    Ok(Content { page, figures: Vec::new() })
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), rest.as_str()))
}

/// The end of the trajectory.
fn records(folder: &Path) -> Result<Table, FilesError> {
    let path = folder.join("trajectory.csv");
    let bytes = file::read(&path)?;
    let mut lines = file::text(&path, &bytes)?.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let mut table = Table::new(&SHOWN);
    for row in &rows[rows.len().saturating_sub(MOST_RECORDS)..] {
        let cells = SHOWN.iter().map(|name| {
            let at = header.iter().position(|found| found == name);
            let text = at.and_then(|at| row.get(at)).copied().unwrap_or_default();
            match text.parse::<f64>() {
                Ok(x) if text.contains('e') => number(x, 3),
                _ => text.to_owned(),
            }
        });
        table.rows.push(cells.collect());
    }
    Ok(table)
}
