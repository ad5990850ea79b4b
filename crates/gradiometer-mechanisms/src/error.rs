//! What can be wrong with a target, a network, an expression or a size.

use gradiometer_hermite::HermiteError;
use gradiometer_model::ModelError;
use gradiometer_population::PopulationError;

/// Why a prediction or a measurement was refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MechanismError {
    /// A polynomial target without terms, or whose multi-indices differ in length.
    #[error("term {index} has {length} degrees; all need {expected}, at least one")]
    TargetShape {
        /// Position in the list.
        index: usize,
        /// Its number of degrees.
        length: usize,
        /// That of the first term.
        expected: usize,
    },
    /// A number that has to be finite is not.
    #[error("{what} is {value}; it must be finite")]
    NotFinite {
        /// What the number is.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A number that has to be positive is not.
    #[error("{what} is {value}; it must be positive")]
    NotPositive {
        /// What the number is.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A number outside the range that its formula allows.
    #[error("{what} is {value}, it must be {allowed}")]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A parameter outside its range.
    #[error("{name} is {value}, which is outside its range")]
    Parameter {
        /// Which one.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// Two shapes that have to agree do not.
    #[error("{what} has size {found}; it needs {expected}")]
    Shape {
        /// What has that size.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The size needed.
        expected: usize,
    },
    /// Two arrays whose sizes should agree do not.
    #[error("{found} numbers where {expected} were expected")]
    Size {
        /// What was given.
        found: usize,
        /// What was needed.
        expected: usize,
    },
    /// A size outside the hypotheses of a statement.
    #[error("{what} is {found}; it needs at least {least}")]
    TooSmall {
        /// What is too small.
        what: &'static str,
        /// Its value.
        found: usize,
        /// The least value.
        least: usize,
    },
    /// A dimension too small for the number of directions and neurons.
    #[error("dimension {dimension} is too small: at least {least} is needed")]
    Dimension {
        /// The dimension given.
        dimension: usize,
        /// The least that works.
        least: usize,
    },
    /// A direction of length zero where a unit vector is needed.
    #[error("{what} {index} has length zero or not finite")]
    NoDirection {
        /// What the vector is.
        what: &'static str,
        /// Its index.
        index: usize,
    },
    /// A matrix that should have eigenvalues or a factor does not.
    #[error(
        "{what} could not be factorised; is a number in it not finite, or the matrix singular?"
    )]
    Factorisation {
        /// What the matrix is.
        what: &'static str,
    },
    /// An iteration that did not converge.
    #[error("{what}: still {remaining:e} away after {steps} steps")]
    NotConverged {
        /// Which iteration.
        what: &'static str,
        /// How many steps were made.
        steps: usize,
        /// How far it still was.
        remaining: f64,
    },
    /// A differential equation left the region in which it has finite values.
    #[error("the flow could not be continued beyond time {time}")]
    Flow {
        /// Where it stopped.
        time: f64,
    },
    /// An expression could not be read.
    #[error("at character {position} of the expression: expected {expected}")]
    Expression {
        /// Number of the character, from zero.
        position: usize,
        /// What would have been right there.
        expected: &'static str,
    },
    /// A table of pairs could not be read.
    #[error("line {line}: {problem}; {mend}")]
    Table {
        /// The line, from 1; 0 for a table without lines.
        line: usize,
        /// What is wrong there.
        problem: String,
        /// How to mend it.
        mend: &'static str,
    },
    /// The expression uses something in a place where it has no meaning.
    #[error("the expression is outside what can be analysed: {reason}")]
    Unsupported {
        /// Why.
        reason: &'static str,
    },
    /// A quadrature rule or an expansion failed.
    #[error(transparent)]
    Hermite(#[from] HermiteError),
    /// A network or teacher was refused.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The population objective could not be evaluated.
    #[error(transparent)]
    Population(#[from] PopulationError),
}
