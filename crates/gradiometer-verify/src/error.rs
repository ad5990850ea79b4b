//! What can stop a verification.

use gradiometer_certify::CertifyError;
use gradiometer_certify::net::NetError;
use gradiometer_hermite::HermiteError;
use gradiometer_landscape::LandscapeError;
use gradiometer_model::ModelError;
use gradiometer_population::PopulationError;
use gradiometer_train::TrainError;

/// Why a statement could not be evaluated.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VerifyError {
    /// From a lemma or a search.
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
    /// A statement failed to evaluate at a seed.
    #[error("statement {id} at seed {seed}: {source}; report it, with the seed")]
    At {
        /// The statement.
        id: &'static str,
        /// The seed.
        seed: u64,
        /// What was wrong.
        source: Box<Self>,
    },
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
}
