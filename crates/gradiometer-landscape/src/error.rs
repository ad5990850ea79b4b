//! What can stop a search or an analysis.

use gradiometer_certify::CertifyError;
use gradiometer_certify::net::NetError;
use gradiometer_model::ModelError;
use gradiometer_population::PopulationError;

/// Why a finder could not start or gave up.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LandscapeError {
    /// Teacher and student do not fit together.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A certificate or test function could not be built.
    #[error(transparent)]
    Certify(#[from] CertifyError),
    /// The regularisation is not positive.
    #[error("lambda is {lambda}; the lemmas need a finite lambda > 0")]
    Lambda {
        /// The value given.
        lambda: f64,
    },
    /// The objective could not be evaluated.
    #[error(transparent)]
    Population(#[from] PopulationError),
    /// The points do not form a net.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A separation needs a pair.
    #[error("a separation needs at least two directions; found {found}")]
    TooFewDirections {
        /// Directions that are not zero.
        found: usize,
    },
    /// A search was stopped before it had found anything.
    #[error("the time was up before a certificate was found; give it more")]
    Stopped,
    /// Somebody raised the flag that ends a search.
    #[error("stopped from outside before the search was done")]
    Interrupted,
    /// No kernel gave a certificate.
    #[error(
        "no kernel of degrees from l on, l <= {largest_degree}, gives |eta| <= 1 - rho delta^2 with rho > 0; \
         raise the largest degree, --largest-degree of `certify` (l of order 1/Delta^2 suffices)"
    )]
    NoCertificate {
        /// The largest first degree tried.
        largest_degree: usize,
    },
}
