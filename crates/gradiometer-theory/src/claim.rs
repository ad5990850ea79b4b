//! The vocabulary of what is found: how a number is known, two sides of a statement, and what they
//! show.

use gradiometer_certify::Proof;
use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::maximum;
use gradiometer_population::Bounded;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

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
    /// Somebody's claim, for which nobody searched.
    Claimed,
}

impl Evidence {
    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certified => "certified",
            Self::Computed => "computed",
            Self::Sampled => "sampled",
            Self::Fitted => "fitted",
            Self::Claimed => "claimed",
        }
    }

    /// The worse of two.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        self.max(other)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A number, how far it may be off by rounding, and how it is known.
///
/// Outside this crate a known number is at best [`Evidence::Computed`]: only an enclosure, or a
/// proof of the checker, makes a certified one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// The number.
    pub value: f64,
    /// A bound of its rounding.
    pub error: f64,
    evidence: Evidence,
}

impl Known {
    /// A closed form in floating point.
    pub const fn computed(value: f64, error: f64) -> Self {
        Self { value, error, evidence: Evidence::Computed }
    }

    /// The result of a finite search or of samples.
    pub const fn sampled(value: f64, error: f64) -> Self {
        Self { value, error, evidence: Evidence::Sampled }
    }

    /// A number that somebody claims, and for which nobody searched.
    pub const fn claimed(value: f64) -> Self {
        Self { value, error: 0.0, evidence: Evidence::Claimed }
    }

    /// A number that is exact.
    pub(crate) const fn exact(value: f64) -> Self {
        Self { value, error: 0.0, evidence: Evidence::Certified }
    }

    /// A value in floating point of a number that is enclosed.
    pub(crate) fn within(value: f64, enclosure: Enclosure) -> Self {
        Self::of(value, enclosure, Evidence::Certified)
    }

    /// A value and where the number lies: it is off by at most the distance to the farther end.
    fn of(value: f64, enclosure: Enclosure, evidence: Evidence) -> Self {
        let (below, above) = (value - enclosure.lo(), enclosure.hi() - value);
        let farther = maximum(maximum(below, above), 0.0);
        let error = if farther > 0.0 { farther.next_up() } else { farther };
        Self { value, error, evidence }
    }

    /// Where the number lies, as far as its evidence goes.
    pub(crate) fn enclosure(self) -> Enclosure {
        if self.error > 0.0 {
            Enclosure::around(self.value, self.error)
        } else if self.error.is_nan() {
            Enclosure::UNDEFINED
        } else {
            Enclosure::from(self.value)
        }
    }

    /// Its square root; what is below zero counts as zero.
    #[must_use]
    pub(crate) fn sqrt(self) -> Self {
        let enclosure = self.enclosure().larger(Enclosure::ZERO).sqrt();
        Self::of(maximum(self.value, 0.0).sqrt(), enclosure, self.evidence)
    }

    /// The larger one of it and zero.
    #[must_use]
    pub(crate) fn larger_than_zero(self) -> Self {
        let value = maximum(self.value, 0.0);
        Self::of(value, self.enclosure().larger(Enclosure::ZERO), self.evidence)
    }

    /// Its modulus.
    #[must_use]
    pub(crate) fn abs(self) -> Self {
        Self::of(self.value.abs(), self.enclosure().abs(), self.evidence)
    }

    /// Its square.
    #[must_use]
    pub(crate) fn square(self) -> Self {
        Self::of(self.value * self.value, self.enclosure().square(), self.evidence)
    }

    /// The midpoint of an enclosure, off by at most its width.
    pub fn enclosed(enclosure: Enclosure) -> Self {
        let (value, error) = (enclosure.midpoint(), enclosure.width());
        Self { value, error, evidence: Evidence::Certified }
    }

    /// The `rho` of a certificate that the checker has proved.
    pub const fn rho_of(proof: &Proof) -> Self {
        Self { value: proof.rho(), error: 0.0, evidence: Evidence::Certified }
    }

    /// How it is known.
    pub const fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// The same number, made of something known in that way too.
    #[must_use]
    pub fn with(mut self, evidence: Evidence) -> Self {
        self.evidence = self.evidence.worse(evidence);
        self
    }

    /// The number times an exact factor.
    #[must_use]
    pub fn times(mut self, factor: f64) -> Self {
        self.value *= factor;
        self.error *= factor.abs();
        self
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $operator:tt;)*) => {$(
        /// The value in floating point, the error from outward-rounded arithmetic, the worse evidence.
        impl $trait for Known {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                let enclosure = self.enclosure() $operator other.enclosure();
                let evidence = self.evidence.worse(other.evidence);
                Self::of(self.value $operator other.value, enclosure, evidence)
            }
        }

        /// The same with a float that is exact.
        impl $trait<f64> for Known {
            type Output = Self;

            fn $method(self, other: f64) -> Self {
                self $operator Self::exact(other)
            }
        }
    )*};
}

operators! { Add add +; Sub sub -; Mul mul *; Div div /; }

impl Neg for Known {
    type Output = Self;

    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl From<Bounded> for Known {
    fn from(Bounded { value, error, .. }: Bounded) -> Self {
        Self::computed(value, error)
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
    /// The relation holds up to the rounding of its sides; many of these inequalities are
    /// equalities on some instances.
    Holds,
    /// It fails by more than the rounding.
    Refuted,
    /// A side, or its rounding, is not a number.
    Inconclusive,
    /// A hypothesis of the statement does not hold here, so that it says nothing.
    Inapplicable,
}

impl Finding {
    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Refuted => "refuted",
            Self::Inconclusive => "inconclusive",
            Self::Inapplicable => "inapplicable",
        }
    }

    /// What several findings say together: refuted if one is, else inconclusive if one is, else
    /// that they hold.
    pub fn of_all(findings: impl IntoIterator<Item = Self>) -> Self {
        findings.into_iter().fold(Self::Holds, |all, one| match (all, one) {
            (Self::Refuted, _) | (_, Self::Refuted) => Self::Refuted,
            (Self::Inconclusive, _) | (_, Self::Inconclusive) => Self::Inconclusive,
            _ => Self::Holds,
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Both sides of one part of a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sides {
    /// Which part.
    pub part: &'static str,
    /// The left side.
    pub left: Known,
    /// What is claimed of them.
    pub relation: Relation,
    /// The right side.
    pub right: Known,
    /// The teacher neuron that the part is about, if it is about one.
    pub neuron: Option<usize>,
    /// The size of what cancels in the sides, where they may vanish: rounding is compared with it.
    pub size: f64,
    /// The hypothesis that does not hold, if one does not.
    pub obstacle: Option<&'static str>,
}

/// The share of the sides from which on their rounding may hide what they say.
const HIDING: f64 = 1e-3;

impl Sides {
    /// `left <= right`.
    pub fn at_most(part: &'static str, left: impl Into<Known>, right: impl Into<Known>) -> Self {
        Self::new(part, left.into(), Relation::AtMost, right.into())
    }

    /// `left = right`.
    pub fn equal(part: &'static str, left: impl Into<Known>, right: impl Into<Known>) -> Self {
        Self::new(part, left.into(), Relation::Equal, right.into())
    }

    const fn new(part: &'static str, left: Known, relation: Relation, right: Known) -> Self {
        Self { part, left, relation, right, neuron: None, size: 0.0, obstacle: None }
    }

    /// The same where a hypothesis may fail.
    #[must_use]
    pub fn unless(mut self, fails: bool, obstacle: &'static str) -> Self {
        if fails && self.obstacle.is_none() {
            self.obstacle = Some(obstacle);
        }
        self
    }

    /// The same where the sides may vanish but what cancels in them is of this size.
    #[must_use]
    pub const fn of_size(mut self, size: f64) -> Self {
        self.size = size;
        self
    }

    /// The same with another value on the right, as a control has it.
    #[must_use]
    pub fn with_right(mut self, value: f64) -> Self {
        self.right.value = value;
        self
    }

    /// The same with the right side of an inequality times a factor.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        if self.relation == Relation::AtMost {
            self.right = self.right.times(factor);
        }
        self
    }

    /// `left - right` may be off by this much by rounding.
    pub fn rounding(&self) -> f64 {
        self.left.error + self.right.error
    }

    /// Whether the sides agree with the relation only by their rounding, and that is no small part of
    /// them: they say nothing then. An inequality that holds by more than the rounding does say
    /// something, and so does one of near sides that are known to many digits.
    fn is_hidden(&self) -> bool {
        let (left, right, rounding) = (self.left.value, self.right.value, self.rounding());
        let size = maximum(maximum(left.abs(), right.abs()), self.size);
        let is_told = self.relation == Relation::AtMost && right - left >= rounding;
        self.finding() == Finding::Holds && !is_told && !(rounding <= HIDING * size)
    }

    fn finding(&self) -> Finding {
        if self.obstacle.is_some() {
            return Finding::Inapplicable;
        }
        let (off, rounding) = (self.left.value - self.right.value, self.rounding());
        if !rounding.is_finite() {
            return Finding::Inconclusive;
        }
        match self.relation {
            Relation::AtMost if off <= rounding => Finding::Holds,
            Relation::Equal if off.abs() <= rounding => Finding::Holds,
            Relation::AtMost if off > rounding => Finding::Refuted,
            Relation::Equal if off.abs() > rounding => Finding::Refuted,
            _ => Finding::Inconclusive,
        }
    }
}

/// One part of a statement at one point: both sides and what follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// The statement's id, such as `7.3`.
    pub id: &'static str,
    /// Which of its parts.
    pub part: &'static str,
    /// The teacher neuron that the part is about, if it is about one.
    pub neuron: Option<usize>,
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
    /// Whether it holds by the rounding of its sides alone, and says nothing.
    pub is_hidden: bool,
    /// Which hypothesis does not hold, where it is inapplicable.
    pub obstacle: Option<&'static str>,
    /// The worst evidence among what the sides are made of.
    pub evidence: Evidence,
}

impl Claim {
    /// What two sides show.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_theory::{Claim, Evidence, Finding, Known, Sides};
    /// let sides = Sides::at_most("a part", Known::computed(1.0, 0.0), Known::sampled(2.0, 0.0));
    /// let claim = Claim::new("7.1", &sides);
    /// assert_eq!((claim.finding, claim.ratio()), (Finding::Holds, 0.5));
    /// assert_eq!(claim.evidence, Evidence::Sampled);
    /// assert_eq!(claim.to_string(), "7.1 a part holds: 1.000e0 <= 2.000e0 (sampled)");
    /// ```
    pub fn new(id: &'static str, sides: &Sides) -> Self {
        Self {
            id,
            part: sides.part,
            neuron: sides.neuron,
            left: sides.left.value,
            right: sides.right.value,
            relation: sides.relation,
            rounding: sides.rounding(),
            finding: sides.finding(),
            is_hidden: sides.is_hidden(),
            obstacle: sides.obstacle,
            evidence: sides.left.evidence.worse(sides.right.evidence),
        }
    }

    /// A claim without sides, for a hypothesis of all parts does not hold.
    pub(crate) fn inapplicable(id: &'static str, obstacle: &'static str) -> Self {
        let none = Known::computed(f64::NAN, f64::NAN);
        Self::new(id, &Sides::at_most("all parts", none, none).unless(true, obstacle))
    }

    /// Its id and part, and the teacher neuron if it is about one: `7.6 average neuron 0`.
    pub fn name(&self) -> String {
        let Self { id, part, neuron, .. } = self;
        neuron.map_or_else(|| format!("{id} {part}"), |i| format!("{id} {part} {i}"))
    }

    /// What follows, in a word, with the hypothesis that does not hold:
    /// `inapplicable: layers not balanced`.
    pub fn verdict(&self) -> String {
        let name = self.finding.name();
        self.obstacle.map_or_else(|| name.to_owned(), |why| format!("{name}: {why}"))
    }

    /// `left/right`, the tightness: never above one where an inequality holds, one for an identity.
    /// An inequality that holds by the rounding of its sides alone has 1, or NaN where that rounding
    /// exceeds its right side. NaN too for an inequality whose right side is not positive, where a
    /// quotient says nothing.
    pub fn ratio(&self) -> f64 {
        if self.relation == Relation::Equal {
            return self.left / self.right;
        }
        let holds_by_rounding = self.finding == Finding::Holds && self.left > self.right;
        if !(self.right > 0.0) || holds_by_rounding && !(self.right > self.rounding) {
            f64::NAN
        } else if holds_by_rounding {
            1.0
        } else {
            self.left / self.right
        }
    }

    /// Whether it is refuted.
    pub fn is_violated(&self) -> bool {
        self.finding == Finding::Refuted
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.relation == Relation::Equal { "=" } else { "<=" };
        let (name, verdict) = (self.name(), self.verdict());
        write!(
            f,
            "{name} {verdict}: {:.3e} {sign} {:.3e} ({})",
            self.left, self.right, self.evidence
        )
    }
}

/// An identity of computed numbers whose difference is off by at most `rounding`.
pub(crate) fn equal(part: &'static str, left: f64, right: f64, rounding: f64) -> Sides {
    Sides::equal(part, Known::computed(left, 0.0), Known::computed(right, rounding))
}

/// An inequality of computed numbers whose difference is off by at most `rounding`.
pub(crate) fn at_most(part: &'static str, left: f64, right: f64, rounding: f64) -> Sides {
    Sides::at_most(part, Known::computed(left, 0.0), Known::computed(right, rounding))
}
