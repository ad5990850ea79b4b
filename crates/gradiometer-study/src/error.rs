//! What can stop a study.

use gradiometer_files::{Class, FilesError};

/// Why a study could not be run.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A file is at fault.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A study of ours failed.
    #[error("the study {study} failed: {source}")]
    Failed {
        /// Its name.
        study: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StudyError {
    /// Who can mend it.
    pub const fn class(&self) -> Class {
        match self {
            Self::Files(error) => error.class(),
            Self::Failed { .. } => Class::Internal,
        }
    }
}
