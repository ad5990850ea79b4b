//! Experiments and their runs.
//!
//! An experiment's file is read into an [`Experiment`] and resolved once into a [`Plan`] of values,
//! which runs without files and shows what happens to its observers. [`folder`] is the observer
//! that writes a run folder; [`sweep`] fills one at every point of a grid.

mod checkpoint;
pub mod error;
pub mod experiment;
pub mod features;
pub mod folder;
pub mod format;
pub mod manifest;
pub mod plan;
pub mod record;
pub mod run;
pub mod snapshots;
pub mod sweep;
mod table;
pub mod watch;

pub use error::RunError;
pub use experiment::Experiment;
pub use folder::{Existing, Run};
pub use manifest::{Manifest, TeacherReport};
pub use plan::Plan;
pub use record::RunRecord;
pub use run::{Ending, Moment, Observer, Results, Trajectory};
