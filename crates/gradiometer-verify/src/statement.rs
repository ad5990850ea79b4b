//! What is verified.

use super::{Context, VerifyError, algorithm, certificates, expansion, local, objective, optimum};
use gradiometer_landscape::lemmas::{Claim, Evidence, Finding, Relation};

/// Which form of a statement is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is claimed.
    Stated,
    /// With a hypothesis removed or a constant changed, so that it must fail somewhere.
    Control,
}

impl Form {
    /// `stated` or `control`.
    pub fn choose<T>(self, stated: T, control: T) -> T {
        match self {
            Self::Stated => stated,
            Self::Control => control,
        }
    }
}

/// The sides of a statement's parts at an instance; empty where a hypothesis fails.
pub type Evaluate = fn(&Context<'_>, Form) -> Result<Vec<Claim>, VerifyError>;

/// An identity or an inequality of the theory.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// Its id, such as `7.3`.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What an instance must meet besides having a separated teacher and `lambda > 0`.
    pub hypotheses: &'static str,
    /// What the control changes.
    pub control: &'static str,
    /// It is evaluated at one seed in so many.
    pub every: u64,
    /// Both sides.
    pub evaluate: Evaluate,
}

/// All statements that are identities or inequalities, in order.
///
/// # Examples
/// ```
/// use gradiometer_verify::statements;
/// assert!(statements().iter().any(|s| s.id == "7.3"));
/// ```
pub fn statements() -> Vec<Statement> {
    let mut all = Vec::new();
    all.extend(expansion::STATEMENTS);
    all.extend(objective::STATEMENTS);
    all.extend(algorithm::STATEMENTS);
    all.extend(optimum::STATEMENTS);
    all.extend(certificates::STATEMENTS);
    all.extend(local::STATEMENTS);
    all.extend(algorithm::WHOLE_RUNS);
    all
}

/// An identity of computed numbers.
pub(super) fn equal(
    name: (&'static str, &'static str),
    left: f64,
    right: f64,
    rounding: f64,
) -> Claim {
    Claim::new(name, left, Relation::Equal, right, rounding, Evidence::Computed)
}

/// An inequality of computed numbers.
pub(super) fn at_most(
    name: (&'static str, &'static str),
    left: f64,
    right: f64,
    rounding: f64,
) -> Claim {
    Claim::new(name, left, Relation::AtMost, right, rounding, Evidence::Computed)
}

/// The same claim with another right side.
pub(super) fn with_right(claim: Claim, right: f64) -> Claim {
    let name = (claim.id, claim.part);
    let inapplicable = claim.finding == Finding::Inapplicable;
    Claim::new(name, claim.left, claim.relation, right, claim.rounding, claim.evidence)
        .unless(inapplicable)
}
