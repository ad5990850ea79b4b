//! What can be wrong with an expansion, a rule or an activation.

/// Why a Hermite computation was refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HermiteError {
    /// A quadrature rule without nodes.
    #[error("a quadrature rule needs at least one node")]
    NoNodes,
    /// Newton's iteration for a node of a rule did not settle.
    #[error("node {node} of the {nodes}-point rule did not converge; ask for fewer nodes")]
    NodeNotFound {
        /// Index of the node.
        node: usize,
        /// Size of the rule.
        nodes: usize,
    },
    /// A coefficient of a polynomial is NaN or infinite, or overflows on conversion.
    #[error("coefficient {degree} of the polynomial is {value}; it must be finite")]
    CoefficientNotFinite {
        /// Its degree.
        degree: usize,
        /// The offending value.
        value: f64,
    },
    /// A kink is NaN or infinite.
    #[error("kink {index} is {value}; list only finite points")]
    KinkNotFinite {
        /// Position in the list.
        index: usize,
        /// The offending value.
        value: f64,
    },
    /// A growth bound that bounds nothing.
    #[error(
        "the growth bound {scale} (1 + |z|)^{power} is no bound; give a finite scale >= 0 and a power in [0, 64]"
    )]
    Growth {
        /// Factor in front.
        scale: f64,
        /// Exponent.
        power: f64,
    },
    /// The activation returned NaN or infinity.
    #[error("the activation is {value} at {point}; it must be finite everywhere")]
    ActivationNotFinite {
        /// Where.
        point: f64,
        /// What.
        value: f64,
    },
    /// The activation exceeded its own growth bound.
    #[error(
        "the activation is {value} at {point}, above its growth bound {bound}; raise the bound"
    )]
    GrowthExceeded {
        /// Where.
        point: f64,
        /// What.
        value: f64,
        /// The bound there.
        bound: f64,
    },
    /// A kernel in closed form was asked of an activation that has none.
    #[error("activation {name} has no closed-form kernel; use its Hermite series at unit norm")]
    NoClosedForm {
        /// The activation's name.
        name: String,
    },
    /// The directions of a multi-index function do not fit its amplitudes.
    #[error("{amplitudes} amplitudes need as many directions, found {found} coordinates")]
    DirectionCount {
        /// Number of amplitudes.
        amplitudes: usize,
        /// Coordinates found.
        found: usize,
    },
}
