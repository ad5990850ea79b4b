//! What can stop a run.

use gradiometer_model::ModelError;
use gradiometer_population::PopulationError;

/// Why a run could not start or go on.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// Teacher and student do not fit together.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The objective could not be evaluated as a stage needs it.
    #[error(transparent)]
    Population(#[from] PopulationError),
    /// A parameter of the algorithm is out of range.
    #[error("{field} is {value}; it must be {expected}")]
    Parameter {
        /// Its name in the experiment file.
        field: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// The parameters stopped being finite.
    #[error(
        "the run diverged at step {step} of {phase}: a parameter is no longer finite; try a smaller step size than \
         {step_size:?}"
    )]
    Diverged {
        /// Step within the phase.
        step: u64,
        /// The phase.
        phase: crate::Phase,
        /// The step size in use.
        step_size: f64,
    },
}
