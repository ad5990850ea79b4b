//! The two sides of the statements along a run: as the run watched them, or those that the
//! trajectory alone gives.

use super::Figure;
use super::trajectory::sides;
use crate::data::{self, RunData};
use crate::series::Watched;
use gradiometer_run::format::AWAY;
use gradiometer_theory::statements;

/// Statements shown, at most.
const MOST: usize = 24;

/// A figure for each statement.
pub(crate) fn figures(run: &RunData) -> Vec<Figure> {
    match &run.watched {
        Some(claims) => watched(run, claims),
        None => of_trajectory(run),
    }
}

fn watched(run: &RunData, claims: &[Watched]) -> Vec<Figure> {
    let mut found = Vec::new();
    for (at, claim) in claims.iter().take(MOST).enumerate() {
        let Watched { name, series, violated, .. } = claim;
        let title = format!("Statement {name}");
        let verdict = match violated {
            0 => "it was violated nowhere".to_owned(),
            1 => "it was VIOLATED at 1 record".to_owned(),
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
    found
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
