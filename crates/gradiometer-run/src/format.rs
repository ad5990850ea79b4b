//! What the formats of experiments and run folders fix: names and constants that several parts share.

/// Angle in radians from every teacher beyond which mass counts as away, in a run's result.
pub const AWAY: f64 = 0.1;

/// The name of a report's page in a folder.
pub const PAGE: &str = "report.html";

/// The statements that can be watched.
pub const WATCHABLE: [&str; 12] =
    ["5.1", "5.2", "5.3", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "7.7", "7.8", "7.10"];
/// Those that are watched unless an experiment says otherwise: all of section 7 that cost no search at each look.
pub const WATCHED: [&str; 7] = ["7.1", "7.2", "7.3", "7.4", "7.5", "7.7", "7.8"];
