//! What the formats of experiments and run folders fix: names and constants that several parts
//! share.

use gradiometer_theory::{Statement, statements};
use gradiometer_train::Phase;

/// Angle in radians from every teacher beyond which mass counts as away, in a run's result.
pub const AWAY: f64 = 0.1;

/// The name of a report's page in a folder.
pub const PAGE: &str = "report.html";

/// The statements that can be watched.
pub fn watchable() -> impl Iterator<Item = &'static Statement> {
    statements().filter(|statement| statement.is_about_students())
}

/// The names of a phase in files: its stage and, in Stage 3, its epoch.
pub fn stage_names(phase: Phase, start: bool) -> (&'static str, Option<u64>) {
    match phase {
        _ if start => ("start", None),
        Phase::Stage1 => ("stage1", None),
        Phase::Stage2 => ("stage2", None),
        Phase::Balance => ("balance", None),
        Phase::Stage3 { epoch } => ("stage3", Some(epoch)),
        Phase::Floor { epoch } => ("floor", Some(epoch)),
        Phase::Finished => ("finished", None),
    }
}
