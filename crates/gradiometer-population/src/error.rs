//! What can go wrong when an objective is evaluated.

use gradiometer_hermite::HermiteError;
use gradiometer_model::ModelError;

/// Why an objective could not be evaluated.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PopulationError {
    /// Teacher and student do not fit together.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The activation is not as the objective needs it.
    #[error(transparent)]
    Hermite(#[from] HermiteError),
    /// The loss is not a finite number.
    #[error(
        "the loss overflows: the squares of the masses a |w| exceed the range of doubles; scale the weights down"
    )]
    Overflow,
    /// A dense Hessian of this size was refused.
    #[error(
        "a dense Hessian of {parameters} parameters needs more than the limit of {limit}; use Hessian-vector products"
    )]
    HessianTooLarge {
        /// Number of parameters `m (d + 1)`.
        parameters: usize,
        /// Largest number allowed.
        limit: usize,
    },
    /// A direction for a Hessian-vector product has the wrong length.
    #[error("the direction has {found} entries; the student has {expected} parameters")]
    DirectionLength {
        /// Number of parameters.
        expected: usize,
        /// Entries given.
        found: usize,
    },
    /// An eigenvalue iteration failed.
    #[error(
        "the eigenvalues of a matrix of size {parameters} were not found; check that the student is finite"
    )]
    EigenSolver {
        /// Size of the matrix.
        parameters: usize,
    },
}
