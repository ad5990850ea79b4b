//! The standard normal law: density, distribution, and rules for expectations under it.

use crate::error::MechanismError;
use gradiometer_hermite::quadrature::{GaussHermite, GaussLegendre};
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// `phi(0) = 1/sqrt(2 pi)`.
pub const DENSITY_AT_ZERO: f64 = 0.3989422804014327;

/// Where the law is cut off by [`Rule::fine`]: beyond it lies less than `4e-33`.
const FINE_RANGE: f64 = 12.0;

/// Nodes of [`Rule::fine`].
const FINE_NODES: usize = 400;

/// The density `phi(z) = exp(-z^2/2)/sqrt(2 pi)`.
pub fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / TAU.sqrt()
}

/// The distribution `Phi(z) = P(Z <= z)`; relative error a few `eps` down to `z = -37`.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::normal::distribution;
/// assert_eq!(distribution(0.0), 0.5);
/// assert!((distribution(1.0) - 0.841344746068543).abs() <= 4.0 * f64::EPSILON);
/// ```
pub fn distribution(z: f64) -> f64 {
    0.5 * pxfm::f_erfc(-z * FRAC_1_SQRT_2)
}

/// Nodes and weights for expectations under `N(0, 1)`: `E f(z) = sum_i weights[i] f(nodes[i])`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    nodes: Vec<f64>,
    weights: Vec<f64>,
}

impl Rule {
    /// A rule from its nodes and weights.
    ///
    /// # Errors
    /// [`MechanismError::Shape`] if their numbers differ, [`MechanismError::TooSmall`] if there are
    /// none, [`MechanismError::NotFinite`] and [`MechanismError::NotPositive`] for a node and a
    /// weight.
    pub fn new(nodes: Vec<f64>, weights: Vec<f64>) -> Result<Self, MechanismError> {
        if nodes.len() != weights.len() {
            let (found, expected) = (weights.len(), nodes.len());
            return Err(MechanismError::Shape { what: "the weights of a rule", found, expected });
        }
        if nodes.is_empty() {
            return Err(MechanismError::TooSmall {
                what: "the nodes of a rule",
                found: 0,
                least: 1,
            });
        }
        if let Some(&value) = nodes.iter().find(|x| !x.is_finite()) {
            return Err(MechanismError::NotFinite { what: "a node", value });
        }
        if let Some(&value) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            return Err(MechanismError::NotPositive { what: "a weight", value });
        }
        Ok(Self { nodes, weights })
    }

    /// The Gauss-Hermite rule with `count` nodes.
    ///
    /// # Errors
    /// [`MechanismError::Hermite`] for no nodes.
    pub fn gauss_hermite(count: usize) -> Result<Self, MechanismError> {
        let rule = GaussHermite::new(count)?;
        Self::new(rule.nodes().to_vec(), rule.weights())
    }

    /// A rule that is exact to rounding for smooth functions of the width of the law:
    /// Gauss-Legendre with 400 nodes on `[-12, 12]`.
    ///
    /// # Errors
    /// [`MechanismError::Hermite`] if a node was not found.
    pub fn fine() -> Result<Self, MechanismError> {
        let rule = GaussLegendre::new(FINE_NODES)?;
        let (nodes, weights) =
            rule.on(-FINE_RANGE, FINE_RANGE).map(|(x, w)| (x, w * density(x))).unzip();
        Self::new(nodes, weights)
    }

    /// The nodes.
    pub fn nodes(&self) -> &[f64] {
        &self.nodes
    }

    /// The weights.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// `sum_i weights[i] values[i]`.
    pub(crate) fn mean(&self, values: impl IntoIterator<Item = f64>) -> f64 {
        self.weights.iter().zip(values).map(|(w, v)| w * v).sum()
    }
}
