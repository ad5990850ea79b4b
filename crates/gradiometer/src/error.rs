//! One error for the library's users.

use gradiometer_files::Class;
use thiserror::Error as ThisError;

/// What can go wrong anywhere in the library; each variant is the error of one crate.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A network or a teacher that is none.
    #[error(transparent)]
    Model(#[from] gradiometer_model::ModelError),
    /// An expansion or an exponent that cannot be computed.
    #[error(transparent)]
    Hermite(#[from] gradiometer_hermite::HermiteError),
    /// An objective that cannot be evaluated.
    #[error(transparent)]
    Population(#[from] gradiometer_population::PopulationError),
    /// A certificate or a net that is not well formed.
    #[error(transparent)]
    Certify(#[from] gradiometer_certify::CertifyError),
    /// A search that found nothing.
    #[error(transparent)]
    Landscape(#[from] gradiometer_landscape::LandscapeError),
    /// A training that diverged, or that cannot begin.
    #[error(transparent)]
    Train(#[from] gradiometer_train::TrainError),
    /// A statement that cannot be evaluated.
    #[error(transparent)]
    Theory(#[from] gradiometer_theory::TheoryError),
    /// A file that cannot be read or written.
    #[error(transparent)]
    Files(#[from] gradiometer_files::FilesError),
    /// An experiment that cannot be run.
    #[error(transparent)]
    Run(#[from] gradiometer_run::RunError),
    /// A verification that cannot go on.
    #[error(transparent)]
    Verify(#[from] gradiometer_verify::VerifyError),
    /// A study that cannot go on.
    #[error(transparent)]
    Study(#[from] gradiometer_study::StudyError),
    /// A run that its observer stopped.
    #[error("stopped after {steps} steps")]
    Stopped {
        /// Steps taken.
        steps: u64,
    },
}

impl Error {
    /// Who can mend it; the request for a run that its observer stopped.
    ///
    /// # Examples
    /// ```
    /// use gradiometer::files::Class;
    /// let missing = gradiometer::read_network("nowhere.json").unwrap_err();
    /// assert_eq!(missing.class(), Class::Missing);
    /// ```
    pub fn class(&self) -> Class {
        match self {
            Self::Files(error) => error.class(),
            Self::Run(error) => error.class(),
            Self::Verify(error) => error.class(),
            Self::Study(error) => error.class(),
            Self::Stopped { .. } => Class::Usage,
            _ => Class::Data,
        }
    }
}
