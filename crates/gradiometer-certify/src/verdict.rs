//! The three values that a check can end with.

use std::fmt;

/// What a checker concluded about a claim: one vocabulary for certificates and nets.
///
/// `P` is a proof, a type that the checker alone can make; `R` is a witness against the claim; `O` is the obstacle. A
/// refuted claim is a result, not an error.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict<P, R, O> {
    /// The claim is a theorem.
    Proved(P),
    /// The claim is false, and this shows it.
    Refuted(R),
    /// Neither could be shown, because of this.
    Inconclusive(O),
}

impl<P, R, O> Verdict<P, R, O> {
    /// Its name in files: `proved`, `refuted` or `inconclusive`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Proved(_) => "proved",
            Self::Refuted(_) => "refuted",
            Self::Inconclusive(_) => "inconclusive",
        }
    }

    /// The proof, if there is one.
    pub const fn proof(&self) -> Option<&P> {
        if let Self::Proved(proof) = self { Some(proof) } else { None }
    }
}

impl<P: fmt::Display, R: fmt::Display, O: fmt::Display> fmt::Display for Verdict<P, R, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name())?;
        match self {
            Self::Proved(proof) => proof.fmt(f),
            Self::Refuted(witness) => witness.fmt(f),
            Self::Inconclusive(obstacle) => obstacle.fmt(f),
        }
    }
}
