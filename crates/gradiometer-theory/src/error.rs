//! What can stop the evaluation of a statement.

use gradiometer_certify::CertifyError;
use gradiometer_certify::net::NetError;
use gradiometer_hermite::HermiteError;
use gradiometer_landscape::LandscapeError;
use gradiometer_model::ModelError;
use gradiometer_population::PopulationError;
use gradiometer_train::TrainError;

/// Why a statement has no sides.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TheoryError {
    /// A hypothesis does not hold, so that the statement says nothing here; no failure.
    #[error("the statement says nothing here: {obstacle}")]
    Inapplicable {
        /// The hypothesis that does not hold.
        obstacle: &'static str,
    },
    /// A certificate for which a search tells no `rho`.
    #[error(
        "a search away from the teachers does not see |eta| stay below 1 by more than its rounding, and tells no rho > 0; the certificate claims {claimed}"
    )]
    NoCertificate {
        /// The `rho` that it claims.
        claimed: f64,
    },
    /// From a search.
    #[error(transparent)]
    Landscape(#[from] LandscapeError),
    /// From an interpolant or a certificate.
    #[error(transparent)]
    Certify(#[from] CertifyError),
    /// From the objective.
    #[error(transparent)]
    Population(#[from] PopulationError),
    /// From a network.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// From a run.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// From a quadrature rule.
    #[error(transparent)]
    Hermite(#[from] HermiteError),
    /// From a covering radius.
    #[error(transparent)]
    Net(#[from] NetError),
    /// From a mechanism of the literature, in its words.
    #[error("{reason}")]
    Mechanism {
        /// What was refused.
        reason: String,
    },
}

/// A hypothesis that does not hold.
pub(crate) const fn inapplicable<T>(obstacle: &'static str) -> Result<T, TheoryError> {
    Err(TheoryError::Inapplicable { obstacle })
}
