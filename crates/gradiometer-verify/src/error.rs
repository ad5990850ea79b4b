//! What can stop a verification.

use gradiometer_files::{Class, FilesError};
use gradiometer_model::ModelError;
use gradiometer_theory::TheoryError;

/// Why statements could not be verified.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file is at fault.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A statement failed to evaluate at a seed.
    #[error("statement {id} at seed {seed}: {source}; report it, with the seed")]
    At {
        /// The statement.
        id: &'static str,
        /// The seed.
        seed: u64,
        /// What was wrong.
        source: TheoryError,
    },
    /// A run of a scaling failed.
    #[error(transparent)]
    Run(#[from] TheoryError),
    /// Numbers that make no network.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Too few points for a fit.
    #[error("statement {id}, {part}: {points} points are too few for a slope")]
    TooFewPoints {
        /// The statement.
        id: &'static str,
        /// What was to be fitted.
        part: &'static str,
        /// How many there were.
        points: usize,
    },
    /// No statement has this id.
    #[error("there is no statement {id}; the ids are {}", known.join(", "))]
    UnknownStatement {
        /// The id asked for.
        id: String,
        /// The ids there are.
        known: Vec<&'static str>,
    },
}

impl VerifyError {
    /// Who can mend it.
    pub const fn class(&self) -> Class {
        match self {
            Self::Files(error) => error.class(),
            Self::UnknownStatement { .. } => Class::Usage,
            _ => Class::Internal,
        }
    }
}
