//! What can stop a run.

use gradiometer_files::{Class, FilesError};
use gradiometer_population::PopulationError;
use gradiometer_theory::TheoryError;
use gradiometer_train::TrainError;
use std::path::PathBuf;

/// Why an experiment could not be run.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file is at fault.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A run cannot start or go on.
    #[error("{}: {source}", path.display())]
    Train {
        /// The experiment.
        path: PathBuf,
        /// What the trainer said.
        source: TrainError,
    },
    /// The claims of `[watch]` cannot be evaluated.
    #[error("{}: watch: {source}; leave [watch] out, or change the teacher or stage3.lambda", path.display())]
    Watch {
        /// The experiment.
        path: PathBuf,
        /// What was wrong.
        source: TheoryError,
    },
    /// An objective cannot be had.
    #[error("{}: {field}: {source}", path.display())]
    Objective {
        /// The file.
        path: PathBuf,
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        source: PopulationError,
    },
}

impl RunError {
    /// Who can mend it.
    pub const fn class(&self) -> Class {
        match self {
            Self::Files(error) => error.class(),
            _ => Class::Data,
        }
    }
}
