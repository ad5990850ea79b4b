//! The columns of the results, and lines of CSV.

use crate::folder::Run;
use crate::record::FinalRecord;
use gradiometer_hermite::float::maximum_of;

/// Columns of the results after the point and its fields.
pub(super) const COLUMNS: [&str; 16] = [
    "outcome",
    "steps",
    "lambda",
    "loss",
    "loss_error",
    "objective",
    "total_mass",
    "gradient_norm",
    "balance_defect",
    "mean_angle",
    "worst_angle",
    "mass_away",
    "training_loss",
    // Of the teacher.
    "separation",
    "condition",
    "reason",
];

/// The outcome in a row.
pub(super) fn outcome(cells: &[String]) -> &str {
    cells.len().checked_sub(COLUMNS.len()).map_or("", |at| &cells[at])
}

/// The cells of a finished run, after those of its point.
pub(super) fn result(run: &Run) -> Vec<String> {
    let FinalRecord { record: last, mass_away, .. } = &run.manifest.last;
    let outcome = if run.violation.is_some() { "violated" } else { "finished" };
    let numbers = [
        last.lambda,
        last.loss,
        last.loss_error,
        last.objective,
        last.total_mass,
        last.gradient_norm,
        last.balance_defect,
        last.mean_angle,
        maximum_of(last.matched_angles.iter().copied()),
        *mass_away,
    ];
    let mut cells = vec![outcome.to_owned(), last.steps.to_string()];
    cells.extend(numbers.iter().map(|x| format!("{x:e}")));
    let teacher = &run.manifest.teacher;
    let optional = [last.training_loss, teacher.separation, teacher.condition];
    cells.extend(optional.map(|x| x.map_or(String::new(), |x| format!("{x:e}"))));
    cells.push(String::new());
    cells
}

/// The cells of a point without a result, after those of its point.
pub(super) fn no_result(outcome: &str, reason: &str) -> Vec<String> {
    let mut cells = vec![String::new(); COLUMNS.len()];
    outcome.clone_into(&mut cells[0]);
    cells[COLUMNS.len() - 1] = reason.replace('\n', " ");
    cells
}

/// A line of CSV; a cell with a comma, a quote or a line's end is quoted.
pub(super) fn line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains([',', '"', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\"").replace('\n', " "))
        } else {
            cell.clone()
        }
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n"
}

/// The cells of a line that [`line`] wrote; `None` for an open quote.
pub(super) fn split(line: &str) -> Option<Vec<String>> {
    let (mut cells, mut cell, mut open) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if open && characters.peek() == Some(&'"') => {
                cell.push('"');
                let _second = characters.next();
            }
            '"' => open = !open,
            ',' if !open => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    (!open).then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_any_cells_comes_back() {
        let cells =
            ["", "a", "[1, 2]", "say \"x\", then", "\"", "last"].map(str::to_owned).to_vec();
        assert_eq!(split(line(&cells).trim_end()), Some(cells));
        assert_eq!(split("a,\"b"), None);
    }
}
