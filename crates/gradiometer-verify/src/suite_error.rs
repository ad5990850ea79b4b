//! What can stop a verification.

use crate::VerifyError;
use gradiometer_files::{Class, FilesError};

/// Why a verification could not be run.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// A file is at fault.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A statement could not be evaluated.
    #[error(transparent)]
    Statement(#[from] VerifyError),
    /// No statement has this id.
    #[error("there is no statement {id} to verify; the ids are {}", known.join(", "))]
    UnknownStatement {
        /// The id asked for.
        id: String,
        /// The ids there are.
        known: Vec<&'static str>,
    },
}

impl SuiteError {
    /// Who can mend it.
    pub const fn class(&self) -> Class {
        match self {
            Self::Files(error) => error.class(),
            Self::Statement(_) => Class::Internal,
            Self::UnknownStatement { .. } => Class::Usage,
        }
    }
}
