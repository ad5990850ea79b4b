//! Activations of a first layer and the Hermite coefficients of their derivatives.

use crate::normal::{DENSITY_AT_ZERO, density, distribution};
use gradiometer_hermite::polynomial::hermite;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// An activation `sigma(z)` of unit neurons, with a bias for ReLU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BiasedActivation {
    /// `max(z + bias, 0)`.
    Relu {
        /// `b`; zero for the usual ReLU, whose step then does not depend on the length of `w`.
        bias: f64,
    },
    /// `erf(z/sqrt 2)`.
    Erf,
}

/// ReLU without bias.
pub const RELU: BiasedActivation = BiasedActivation::Relu { bias: 0.0 };

/// The noise of one neuron's sampled step when labels are least-squares residuals on `(1, x)`
/// (11.1.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseConstants {
    /// `nu0 = E sigma'^2 - tau_0^2`, the variance in every direction orthogonal to the neuron. 1/4
    /// for ReLU.
    pub across: f64,
    /// `nu1 = Var(sigma'(z) z) - Cov(sigma'(z) z, z)^2`, the variance along the neuron. `1/4 - 1/(2
    /// pi)` for ReLU.
    pub along: f64,
}

impl BiasedActivation {
    /// `sigma(z)`.
    pub fn value(self, z: f64) -> f64 {
        match self {
            Self::Relu { bias } => {
                let shifted = z + bias;
                if shifted <= 0.0 { 0.0 } else { shifted }
            }
            Self::Erf => pxfm::f_erf(z * FRAC_1_SQRT_2),
        }
    }

    /// `sigma'(z)`, zero at the kink.
    pub fn derivative(self, z: f64) -> f64 {
        match self {
            Self::Relu { bias } => f64::from(z + bias > 0.0),
            Self::Erf => 2.0 * density(z),
        }
    }

    /// `tau_k = E[sigma'(z) h_k(z)]`.
    ///
    /// ReLU: `tau_0 = Phi(b)`, `tau_k = phi(b) h_{k-1}(-b)/sqrt k`, which is exactly zero for even
    /// `k >= 2` when `b = 0`. erf: `h_k(0) 2^{-k/2}/sqrt pi`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::activation::RELU;
    /// assert_eq!((RELU.tau(0), RELU.tau(2)), (0.5, 0.0));
    /// ```
    pub fn tau(self, k: usize) -> f64 {
        match self {
            Self::Relu { bias } if k == 0 => distribution(bias),
            Self::Relu { bias } => density(bias) * hermite(k - 1, -bias) / (k as f64).sqrt(),
            Self::Erf => hermite(k, 0.0) * (-0.5 * k as f64).exp2() / PI.sqrt(),
        }
    }

    /// `s_k = E[sigma(z) h_k(z)]`; for `k >= 1` it is `tau_{k-1}/sqrt k`.
    pub fn coefficient(self, k: usize) -> f64 {
        match self {
            Self::Relu { bias } if k == 0 => bias * distribution(bias) + density(bias),
            Self::Erf if k == 0 => 0.0,
            _ => self.tau(k - 1) / (k as f64).sqrt(),
        }
    }

    /// `E sigma(z)^2`.
    pub fn second_moment(self) -> f64 {
        match self {
            Self::Relu { bias } => (bias * bias + 1.0) * distribution(bias) + bias * density(bias),
            // E erf(z/sqrt 2)^2 = (2/pi) asin(1/2).
            Self::Erf => 1.0 / 3.0,
        }
    }

    /// The constants of the sampled step's noise.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::activation::RELU;
    /// assert_eq!(RELU.noise().across, 0.25);
    /// ```
    pub fn noise(self) -> NoiseConstants {
        match self {
            Self::Relu { bias } => {
                let (inside, edge) = (distribution(bias), density(bias));
                // E[1{z > -b} z^2] = Phi(b) - b phi(b), E[1{z > -b} z] = phi(b).
                let square = inside - bias * edge;
                NoiseConstants {
                    across: inside * (1.0 - inside),
                    along: square - edge * edge - square * square,
                }
            }
            Self::Erf => {
                // sigma'^2 = (2/pi) exp(-z^2), sigma' = sqrt(2/pi) exp(-z^2/2).
                let squared = 2.0 / (PI * 3.0_f64.sqrt());
                NoiseConstants { across: squared - 1.0 / PI, along: squared / 3.0 - 0.25 / PI }
            }
        }
    }
}

/// `sigma_k = s_k` of ReLU for the degrees `0..=highest`.
pub(crate) fn relu_coefficients(highest: usize) -> Vec<f64> {
    (0..=highest)
        .map(|k| match k {
            0 => DENSITY_AT_ZERO,
            _ => gradiometer_hermite::relu::coefficient(k),
        })
        .collect()
}
