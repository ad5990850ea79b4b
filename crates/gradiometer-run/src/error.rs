//! What can stop a run.

use gradiometer_files::{Class, FilesError};
use gradiometer_model::ModelError;
use gradiometer_population::PopulationError;
use gradiometer_theory::TheoryError;
use gradiometer_train::TrainError;
use std::path::{Path, PathBuf};

/// Why an experiment could not be run. Where it stands in a file, [`RunError::In`] says which.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file is at fault that is not the experiment's, or the experiment's is no such file.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Something is wrong with the experiment of a file.
    #[error("{}: {source}", path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<Self>,
    },
    /// A field makes no sense.
    #[error("{field}: {problem}")]
    Field {
        /// The field.
        field: String,
        /// What is wrong with it, and the mend.
        problem: String,
    },
    /// A table is no experiment.
    #[error("{source}expected {expected}")]
    Toml {
        /// The form that would do.
        expected: &'static str,
        /// What the parser said.
        source: Box<toml::de::Error>,
    },
    /// The numbers make no network.
    #[error("{field}: {source}")]
    Model {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        source: ModelError,
    },
    /// An objective cannot be had.
    #[error("{field}: {source}")]
    Objective {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        source: PopulationError,
    },
    /// A run cannot start or go on.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The claims of `[watch]` cannot be evaluated.
    #[error("watch: {0}; leave [watch] out, or change the teacher or stage3.lambda")]
    Watch(#[source] TheoryError),
}

impl RunError {
    /// Who can mend it.
    pub fn class(&self) -> Class {
        match self {
            Self::Files(error) => error.class(),
            Self::In { source, .. } => source.class(),
            _ => Class::Data,
        }
    }

    /// The same with the experiment's file, unless it names a file already.
    #[must_use]
    pub fn of(self, path: &Path) -> Self {
        match self {
            Self::Files(_) | Self::In { .. } => self,
            other => Self::In { path: path.to_owned(), source: Box::new(other) },
        }
    }
}
