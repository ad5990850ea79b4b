//! The two sides of the statements along a run: as the run watched them, or those that the
//! trajectory alone gives.

use super::Figure;
use super::trajectory::sides;
use crate::data::{self, RunData};
use crate::series::Watched;
use gradiometer_files::FilesError;
use gradiometer_run::format::AWAY;
use gradiometer_theory::statements;
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
    let with_angle = |text: &str| text.replace("{angle}", &AWAY.to_string());
    let curves = statements().filter_map(|s| Some((s.id, s.curve?)));
    let figures = curves.enumerate().filter_map(|(at, (id, curve))| {
        let (name, title) = (format!("lemma-{id}"), format!("{id}, {}", curve.title));
        let points = |side| run.series.points(data::FIXED + 2 * at + side);
        let left = with_angle(curve.left);
        let words = (name.as_str(), title.as_str(), with_angle(curve.caption));
        sides(run, (words.0, words.1, &words.2), (&left, points(0)), ("bound", points(1)))
    });
    figures.collect()
}
