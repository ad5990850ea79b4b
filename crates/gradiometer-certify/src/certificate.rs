//! The certificate format.

use gradiometer_hermite::Enclosure;

use crate::error::CertifyError;
use crate::interpolant::Interpolant;
use crate::kernel::DegreeWeights;

/// Version of the certificate format; another version is refused.
pub const CERTIFICATE_VERSION: u32 = 1;

/// A dual certificate as plain data, version 1: what a file holds and a stranger can write.
///
/// `eta(w) = sum_i [A_i K(w.u_i) + K'(w.u_i) B_i.w]` for unit `w`, `u_i = w*_i/|w*_i|`, with
/// `K(t) = sum_{even k >= 2} omega_k s_k^2 t^k`; the claim is `eta(u_i) = sign(a*_i)` and
/// `|eta(w)| <= 1 - rho min_i delta(w, u_i)^2` for every unit `w` of `R^d`, with `eta(w) = E[p(x) sigma(w.x)]` and
/// `|p|_{L2} <= p_norm`.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateParts {
    /// The format's version, [`CERTIFICATE_VERSION`].
    pub version: u32,
    /// Weights `omega_2, omega_4, .., omega_{L-2}`.
    pub low_weights: Vec<f64>,
    /// Weight of all even degrees from `L` on.
    pub tail_weight: f64,
    /// Coefficients `A_i`, length `m*`.
    pub values: Vec<f64>,
    /// Coefficients `B_i`, `m*` vectors of length `d`, orthogonal to `u_i` within the directions' span.
    pub gradients: Vec<Vec<f64>>,
    /// Claimed `rho > 0`.
    pub rho: f64,
    /// Claimed upper bound of `|p|`.
    pub p_norm: f64,
}

/// A certificate whose numbers are finite and whose lists fit each other; nothing else is known of it.
///
/// # Examples
/// ```
/// use gradiometer_certify::{Certificate, CertificateParts};
/// let parts = CertificateParts {
///     version: 1,
///     low_weights: vec![],
///     tail_weight: 1.0,
///     values: vec![11.0],
///     gradients: vec![vec![0.0, 0.0]],
///     rho: 0.3,
///     p_norm: 4.0,
/// };
/// assert!(Certificate::new(parts.clone()).is_ok());
/// assert!(Certificate::new(CertificateParts { rho: f64::NAN, ..parts }).is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    parts: CertificateParts,
    weights: DegreeWeights,
}

impl Certificate {
    /// Validates the plain data.
    ///
    /// # Errors
    /// [`CertifyError`] if the version is unknown, a number is not finite, `rho` or `p_norm` not positive, a weight
    /// negative, or the lists do not fit.
    pub fn new(parts: CertificateParts) -> Result<Self, CertifyError> {
        if parts.version != CERTIFICATE_VERSION {
            return Err(CertifyError::Version {
                expected: CERTIFICATE_VERSION,
                found: parts.version,
            });
        }
        let weights = DegreeWeights::new(parts.low_weights.clone(), parts.tail_weight)?;
        for (field, value) in [("rho", parts.rho), ("p_norm", parts.p_norm)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(CertifyError::Number { field, value, must: "finite and positive" });
            }
        }
        let neurons = parts.values.len();
        if neurons == 0 || parts.gradients.len() != neurons {
            return Err(CertifyError::Length {
                field: "gradients",
                expected: if neurons == 0 { 1 } else { neurons },
                found: parts.gradients.len(),
            });
        }
        let dimension = parts.gradients[0].len();
        for row in &parts.gradients {
            if row.len() != dimension || dimension == 0 {
                return Err(CertifyError::Length {
                    field: "a row of gradients",
                    expected: if dimension == 0 { 1 } else { dimension },
                    found: row.len(),
                });
            }
        }
        let rows = parts.gradients.iter().flatten().map(|&x| ("gradients", x));
        for (field, value) in parts.values.iter().map(|&x| ("values", x)).chain(rows) {
            if !value.is_finite() {
                return Err(CertifyError::Number { field, value, must: "finite" });
            }
        }
        Ok(Self { parts, weights })
    }

    /// The certificate with these weights' coefficients (middles of their enclosures), a claimed `rho` and the enclosure's upper
    /// end as bound of `|p|`.
    ///
    /// # Errors
    /// [`CertifyError`] as for [`Self::new`]: `rho` must be finite and positive.
    pub fn from_interpolant(
        interpolant: &Interpolant,
        weights: &DegreeWeights,
        rho: f64,
    ) -> Result<Self, CertifyError> {
        let middle = |x: &[Enclosure]| x.iter().map(|v| v.midpoint()).collect::<Vec<_>>();
        let neurons = interpolant.values().len();
        Self::new(CertificateParts {
            version: CERTIFICATE_VERSION,
            low_weights: weights.low().to_vec(),
            tail_weight: weights.tail(),
            values: middle(interpolant.values()),
            gradients: (0..neurons).map(|i| middle(&interpolant.gradient(i))).collect(),
            rho,
            p_norm: interpolant.norm().hi(),
        })
    }

    /// The same certificate with another claim of `rho`.
    ///
    /// # Errors
    /// [`CertifyError::Number`] unless `rho` is finite and positive.
    pub fn with_rho(&self, rho: f64) -> Result<Self, CertifyError> {
        Self::new(CertificateParts { rho, ..self.parts.clone() })
    }

    /// The plain data.
    pub const fn parts(&self) -> &CertificateParts {
        &self.parts
    }

    /// The kernel's weights.
    pub const fn weights(&self) -> &DegreeWeights {
        &self.weights
    }

    /// Claimed `rho`.
    pub const fn rho(&self) -> f64 {
        self.parts.rho
    }

    /// Claimed bound of `|p|`.
    pub const fn p_norm(&self) -> f64 {
        self.parts.p_norm
    }
}
