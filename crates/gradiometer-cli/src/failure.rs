//! Why a command did not come to a conclusion, and the exit code for it.

use gradiometer::files::{Class, FilesError};
use gradiometer::model::ModelError;
use gradiometer::population::PopulationError;
use gradiometer::run::RunError;
use gradiometer::study::StudyError;
use gradiometer::verify::VerifyError;

/// What stopped a command.
#[derive(Debug)]
pub enum Failure {
    /// A file.
    Files(FilesError),
    /// An experiment.
    Run(RunError),
    /// A verification.
    Verify(VerifyError),
    /// A study.
    Study(StudyError),
    /// Two inputs do not fit together.
    Data(String),
    /// What is asked for makes no sense.
    Usage(String),
    /// Standard output could not be written.
    Output(std::io::Error),
    /// A signal asked a run to stop, and it left a checkpoint.
    Interrupted {
        /// Steps taken.
        steps: u64,
    },
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Files(error) => code(error.class()),
            Self::Run(error) => code(error.class()),
            Self::Verify(error) => code(error.class()),
            Self::Study(error) => code(error.class()),
            Self::Data(_) => 65,
            Self::Usage(_) => 64,
            Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 74,
            // 128 and the number of the signal, as shells have it.
            Self::Interrupted { .. } => 130,
        }
    }

    /// What to tell the user; nothing when the reader of a pipe has gone away.
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Files(error) => Some(error.to_string()),
            Self::Run(error) => Some(error.to_string()),
            Self::Verify(error) => Some(error.to_string()),
            Self::Study(error) => Some(error.to_string()),
            Self::Data(message) | Self::Usage(message) => Some(message.clone()),
            Self::Output(_) if self.code() == 0 => None,
            Self::Interrupted { steps } => Some(format!(
                "interrupted after {steps} steps; the same command with --resume goes on"
            )),
            Self::Output(error) => Some(format!("standard output cannot be written ({error})")),
        }
    }
}

const fn code(class: Class) -> u8 {
    match class {
        Class::Data => 65,
        Class::Missing => 66,
        Class::Write => 74,
        Class::Usage => 64,
        Class::Internal => 70,
    }
}

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Self {
        Self::Files(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        Self::Study(error)
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::Data(error.to_string())
    }
}

impl From<PopulationError> for Failure {
    fn from(error: PopulationError) -> Self {
        Self::Data(error.to_string())
    }
}
