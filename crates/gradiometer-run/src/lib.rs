//! Experiments and their runs: an experiment's file, the run folder it fills, sweeps over a grid of its fields.

mod checkpoint;
pub mod error;
pub mod experiment;
pub mod format;
mod json;
pub mod run;
pub mod snapshots;
pub mod sweep;
pub mod watch;

pub use error::RunError;
pub use json::complexity_json;
