//! What the formats of experiments and run folders fix: names and constants that several parts
//! share.

use gradiometer_theory::{Statement, statements};

/// Angle in radians from every teacher beyond which mass counts as away, in a run's result.
pub const AWAY: f64 = 0.1;

/// The name of a report's page in a folder.
pub const PAGE: &str = "report.html";

/// The folder of a report's figures.
pub const FIGURES: &str = "figures";

/// How the file of a report's figure begins: by this a report's own files are known.
pub const FIGURE_START: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"gm\"";

/// The statements that can be watched.
pub fn watchable() -> impl Iterator<Item = &'static Statement> {
    statements().filter(|statement| statement.is_about_students())
}
