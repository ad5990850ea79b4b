//! The identities and inequalities of section 11 as statements: both sides at instances of their own
//! draws, as claimed or in a form that must fail. [`statements`] is their only list.

pub mod features;
pub mod one_step;
pub mod online;

use crate::error::MechanismError;
use gradiometer_theory::{
    Check, Choice, Context, Cost, Evaluate, Known, Scope, Sides, Statement, TheoryError,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// All statements of section 11 that hold at every instance, in the order of their ids.
///
/// # Examples
/// ```
/// let ids: Vec<&str> = gradiometer_mechanisms::statements().map(|s| s.id).collect();
/// assert!(ids.contains(&"11.7.1") && ids.iter().all(|id| id.starts_with("11.")));
/// ```
pub fn statements() -> impl Iterator<Item = &'static Statement> {
    let parts: [&'static [&'static Statement]; 3] =
        [&one_step::STATEMENTS, &online::STATEMENTS, &features::STATEMENTS];
    parts.into_iter().flatten().copied()
}

/// A check that is made at seeds alone.
const fn at_seeds(
    title: &'static str,
    hypotheses: &'static str,
    control: &'static str,
    evaluate: Evaluate,
) -> Check {
    Check { title, hypotheses, control, scope: Scope::Instances, cost: Cost::Formulas, evaluate }
}

/// Random numbers of one statement at an instance.
fn rng(context: &Context<'_>, number: u64) -> Result<ChaCha8Rng, TheoryError> {
    match context.choice() {
        Choice::Drawn { seed } => {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(number);
            Ok(rng)
        }
        Choice::Given { .. } => {
            Err(TheoryError::Inapplicable { obstacle: "only verified on random instances" })
        }
    }
}

/// An identity of computed numbers whose difference is off by at most `rounding`.
fn equal(part: &'static str, left: f64, right: f64, rounding: f64) -> Sides {
    Sides::equal(part, Known::computed(left, 0.0), Known::computed(right, rounding))
}

/// An inequality of computed numbers whose difference is off by at most `rounding`.
fn at_most(part: &'static str, left: f64, right: f64, rounding: f64) -> Sides {
    Sides::at_most(part, Known::computed(left, 0.0), Known::computed(right, rounding))
}

impl From<MechanismError> for TheoryError {
    fn from(error: MechanismError) -> Self {
        match error {
            MechanismError::Hermite(error) => Self::Hermite(error),
            MechanismError::Model(error) => Self::Model(error),
            MechanismError::Population(error) => Self::Population(error),
            other => Self::Mechanism { reason: other.to_string() },
        }
    }
}

#[cfg(test)]
mod tests;
