//! What can be wrong with an expansion, a rule or an activation.

use std::fmt;

/// Why a Hermite computation was refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum HermiteError {
    /// A quadrature rule without nodes.
    NoNodes,
    /// Newton's iteration for a node of a rule did not settle.
    NodeNotFound {
        /// Index of the node.
        node: usize,
        /// Size of the rule.
        nodes: usize,
    },
    /// A coefficient of a polynomial is NaN or infinite, or overflows on conversion.
    CoefficientNotFinite {
        /// Its degree.
        degree: usize,
        /// The offending value.
        value: f64,
    },
    /// A kink is NaN or infinite.
    KinkNotFinite {
        /// Position in the list.
        index: usize,
        /// The offending value.
        value: f64,
    },
    /// A growth bound that bounds nothing.
    Growth {
        /// Factor in front.
        scale: f64,
        /// Exponent.
        power: f64,
    },
    /// The activation returned NaN or infinity.
    ActivationNotFinite {
        /// Where.
        point: f64,
        /// What.
        value: f64,
    },
    /// The activation exceeded its own growth bound.
    GrowthExceeded {
        /// Where.
        point: f64,
        /// What.
        value: f64,
        /// The bound there.
        bound: f64,
    },
    /// A kernel in closed form was asked of an activation that has none.
    NoClosedForm {
        /// The activation's name.
        name: String,
    },
    /// The directions of a multi-index function do not fit its amplitudes.
    DirectionCount {
        /// Number of amplitudes.
        amplitudes: usize,
        /// Coordinates found.
        found: usize,
    },
}

impl fmt::Display for HermiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNodes => f.write_str("a quadrature rule needs at least one node"),
            Self::NodeNotFound { node, nodes } => write!(
                f,
                "node {node} of the {nodes}-point rule did not converge; ask for fewer nodes"
            ),
            Self::CoefficientNotFinite { degree, value } => {
                write!(f, "coefficient {degree} of the polynomial is {value}; it must be finite")
            }
            Self::KinkNotFinite { index, value } => {
                write!(f, "kink {index} is {value}; list only finite points")
            }
            Self::Growth { scale, power } => write!(
                f,
                "the growth bound {scale} (1 + |z|)^{power} is no bound; give a finite scale >= 0 and a power in [0, 64]"
            ),
            Self::ActivationNotFinite { point, value } => {
                write!(f, "the activation is {value} at {point}; it must be finite everywhere")
            }
            Self::GrowthExceeded { point, value, bound } => write!(
                f,
                "the activation is {value} at {point}, above its growth bound {bound}; raise the bound"
            ),
            Self::NoClosedForm { name } => write!(
                f,
                "activation {name} has no closed-form kernel; use its Hermite series at unit norm"
            ),
            Self::DirectionCount { amplitudes, found } => write!(
                f,
                "{amplitudes} amplitudes need as many directions, found {found} coordinates"
            ),
        }
    }
}

impl std::error::Error for HermiteError {}
