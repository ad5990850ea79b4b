//! The two sides of the statements along a run: as the run watched them, or those that the trajectory alone gives.

use super::Figure;
use super::trajectory::sides;
use crate::data::{self, RunData};
use crate::series::Watched;
use gradiometer_files::FilesError;
use std::path::Path;

/// The file that a watched run writes.
pub(crate) const FILE: &str = "claims.csv";
/// Statements shown, at most.
const MOST: usize = 24;

/// A figure for each statement.
///
/// # Errors
/// [`FilesError`] for a damaged `claims.csv`; a run without one is not watched.
pub(crate) fn figures(run: &RunData) -> Result<Vec<Figure>, FilesError> {
    let path = run.folder.join(FILE);
    if path.exists() { watched(run, &path) } else { Ok(of_trajectory(run)) }
}

fn watched(run: &RunData, path: &Path) -> Result<Vec<Figure>, FilesError> {
    let mut found = Vec::new();
    for (at, claim) in Watched::read(path)?.into_iter().take(MOST).enumerate() {
        let Watched { name, series, violated, .. } = claim;
        let title = format!("Statement {name}");
        let verdict = match violated {
            0 => "it was violated nowhere".to_owned(),
            n => format!("it was VIOLATED at {n} records"),
        };
        let caption = format!(
            "Both sides of {name} along the run, at {} records; {verdict}. The left side of an inequality stays below the right one, and the closer they are, the sharper it is.",
            series.rows
        );
        let stem = format!("statement-{}", at + 1);
        let (left, right) = (series.points(0), series.points(1));
        found.extend(sides(run, (&stem, &title, &caption), ("left", left), ("right", right)));
    }
    Ok(found)
}

fn of_trajectory(run: &RunData) -> Vec<Figure> {
    if run.analysis.is_err() {
        return Vec::new();
    }
    let points = |quantity| run.series.points(quantity);
    let statements = [
        (
            (
                "lemma-7.1",
                "7.1, the loss bound",
                "The root of the loss stays below (\u{3bb}|p| + (\u{3bb}\u{b2}|p|\u{b2} + 4 \u{3b6}\u{207a})^\u{bd})/2 all along the run; a small distance is a sharp bound.",
            ),
            ("\u{221a}L", data::LOSS_LEFT),
            ("bound", data::LOSS_RIGHT),
        ),
        (
            (
                "lemma-7.3",
                "7.3, far neurons carry little mass",
                "The mass farther than 0.1 rad from every teacher stays below what the gap allows. The curve ends where no neuron is left out there.",
            ),
            ("mass beyond 0.1 rad", data::BEYOND_LEFT),
            ("bound", data::BEYOND_RIGHT),
        ),
        (
            (
                "lemma-7.5",
                "7.5, the norm from below",
                "The student's mass falls short of the teacher's by no more than |p| \u{221a}L: weight decay shrinks it, in proportion to \u{3bb}. Only positive values show.",
            ),
            ("|\u{3bc}*| \u{2212} |\u{3bc}|", data::NORM_LEFT),
            ("bound", data::NORM_RIGHT),
        ),
    ];
    let mut found = Vec::new();
    for (words, left, right) in statements {
        let sides = sides(run, words, (left.0, points(left.1)), (right.0, points(right.1)));
        found.extend(sides);
    }
    found
}
