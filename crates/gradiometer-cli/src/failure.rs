//! Why a command did not come to a conclusion, and the exit code for it.

use gradiometer::model::ModelError;
use gradiometer::population::PopulationError;
use gradiometer::study::{Class, StudyError};

/// What stopped a command.
#[derive(Debug)]
pub enum Failure {
    /// A file or an experiment.
    Study(StudyError),
    /// Two inputs do not fit together.
    Data(String),
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
            Self::Study(error) => match error.class() {
                Class::Data => 65,
                Class::Missing => 66,
                Class::Write => 74,
                Class::Usage => 64,
                Class::Internal => 70,
            },
            Self::Data(_) => 65,
            Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 74,
            // 128 and the number of the signal, as shells have it.
            Self::Interrupted { .. } => 130,
        }
    }

    /// What to tell the user; nothing when the reader of a pipe has gone away.
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Study(error) => Some(error.to_string()),
            Self::Data(message) => Some(message.clone()),
            Self::Output(_) if self.code() == 0 => None,
            Self::Interrupted { steps } => Some(format!(
                "interrupted after {steps} steps; the same command with --resume goes on"
            )),
            Self::Output(error) => Some(format!("standard output cannot be written ({error})")),
        }
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
