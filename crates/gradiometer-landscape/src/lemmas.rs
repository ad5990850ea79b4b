//! Both sides of every lemma of the local analysis (theory sections 5 and 7), with explicit constants, at one student.
//!
//! A [`Point`] is a teacher, a student and `lambda`, analysed once. A [`DualCertificate`] is what the lemmas need of a certificate. Each statement
//! is a method that returns [`Claim`]s: two computed numbers, the rounding that they may carry, and what follows.

mod average;
mod certificate;
mod gap;
mod point;

pub use average::TestFunction;
pub use certificate::{DualCertificate, InterpolatedCertificate};
pub use gap::{GapIdentity, Measure};
pub use point::Point;

/// How a number is known, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// Proved by outward-rounded arithmetic.
    Certified,
    /// Closed form in floating point, with its rounding bounded or measured.
    Computed,
    /// Depends on a finite search or on samples.
    Sampled,
    /// A regression.
    Fitted,
}

impl Evidence {
    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certified => "certified",
            Self::Computed => "computed",
            Self::Sampled => "sampled",
            Self::Fitted => "fitted",
        }
    }
}

/// What a claim says of its two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `left <= right`.
    AtMost,
    /// `left = right`.
    Equal,
}

/// What the two computed sides show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The relation holds up to the rounding of its sides; many of these inequalities are equalities on some instances.
    Holds,
    /// It fails by more than the rounding.
    Violated,
    /// A side, or its rounding, is not a number.
    Undecided,
    /// A hypothesis of the statement does not hold here, so that it says nothing.
    Inapplicable,
}

impl Finding {
    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Violated => "refuted",
            Self::Undecided => "inconclusive",
            Self::Inapplicable => "inapplicable",
        }
    }
}

/// One statement at one point: both sides and what follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// The statement's id, such as `7.3`.
    pub id: &'static str,
    /// Which of its parts.
    pub part: &'static str,
    /// The left side.
    pub left: f64,
    /// The right side.
    pub right: f64,
    /// What is claimed of them.
    pub relation: Relation,
    /// How much `left - right` may be off by rounding.
    pub rounding: f64,
    /// What follows.
    pub finding: Finding,
    /// The worst evidence among what the sides are made of.
    pub evidence: Evidence,
}

impl Claim {
    /// A claim from its two sides; `rounding` is how far `left - right` may be off.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_landscape::lemmas::{Claim, Evidence, Finding, Relation};
    /// let claim = Claim::new(("7.1", "loss bound"), 1.0, Relation::AtMost, 2.0, 0.0, Evidence::Computed);
    /// assert_eq!((claim.finding, claim.ratio()), (Finding::Holds, 0.5));
    /// ```
    pub fn new(
        (id, part): (&'static str, &'static str),
        left: f64,
        relation: Relation,
        right: f64,
        rounding: f64,
        evidence: Evidence,
    ) -> Self {
        let off = left - right;
        let finding = match relation {
            Relation::AtMost if off <= rounding => Finding::Holds,
            Relation::Equal if off.abs() <= rounding => Finding::Holds,
            Relation::AtMost if off > rounding => Finding::Violated,
            Relation::Equal if off.abs() > rounding => Finding::Violated,
            _ => Finding::Undecided,
        };
        Self { id, part, left, right, relation, rounding, finding, evidence }
    }

    /// The same where a hypothesis fails: inapplicable.
    #[must_use]
    pub fn unless(mut self, hypothesis_fails: bool) -> Self {
        if hypothesis_fails {
            self.finding = Finding::Inapplicable;
        }
        self
    }

    /// `left/right`, the tightness: at most one where an inequality holds, one for an identity. NaN for an inequality whose right side is
    /// not positive, where a quotient says nothing.
    pub fn ratio(&self) -> f64 {
        if self.relation == Relation::Equal || self.right > 0.0 {
            self.left / self.right
        } else {
            f64::NAN
        }
    }

    /// Whether it is refuted.
    pub fn is_violated(&self) -> bool {
        self.finding == Finding::Violated
    }
}

#[cfg(test)]
mod by_hand;
#[cfg(test)]
pub(crate) mod tests;
