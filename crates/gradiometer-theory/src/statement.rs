//! What a statement is.

use crate::claim::{Claim, Sides};
use crate::context::Context;
use crate::error::TheoryError;
use crate::quantities::{Constants, Quantities};

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

/// A statement of the theory, and the only place that knows it.
///
/// Its documentation is the theorem: formula, hypotheses, constants, where it is sharp, its
/// control, its source.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// Its id, such as `7.3`.
    pub id: &'static str,
    /// What it says, in a line.
    pub says: &'static str,
    /// What its constants are made of; `-` if it has none.
    pub constants: &'static str,
    /// Where equality is attained; `-` for an identity.
    pub sharp: &'static str,
    /// Where it comes from.
    pub reference: &'static str,
    /// Its identities and inequalities.
    pub checks: &'static [Check],
    /// Its exponents.
    pub exponents: &'static [Exponent],
    /// Its sides along a run.
    pub curve: Option<Curve>,
}

/// Where an identity or inequality can be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// At any student: it is shown where one is analysed or watched.
    Student,
    /// At instances of its own draws alone: it is verified.
    Instances,
}

/// What an evaluation costs besides formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Nothing, once the student is analysed.
    Formulas,
    /// A search or an iteration of its own.
    Search,
    /// The regularised optimum.
    Optimum,
}

/// The sides of the parts at a context; [`TheoryError::Inapplicable`] where a hypothesis of all of
/// them fails.
pub type Evaluate = fn(&Context<'_>, Form) -> Result<Vec<Sides>, TheoryError>;

/// An identity or an inequality, in one or several parts that are evaluated together.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// A few words.
    pub title: &'static str,
    /// What a student must meet besides having a separated teacher and `lambda > 0`.
    pub hypotheses: &'static str,
    /// What the control changes.
    pub control: &'static str,
    /// Where it can be evaluated.
    pub scope: Scope,
    /// What that costs.
    pub cost: Cost,
    /// Both sides.
    pub evaluate: Evaluate,
}

impl Check {
    /// A check of one's own: its sides at a student, in one form or, if it has a control, in two.
    pub const fn inequality(title: &'static str, evaluate: Evaluate) -> Self {
        Self {
            title,
            hypotheses: "-",
            control: "-",
            scope: Scope::Student,
            cost: Cost::Formulas,
            evaluate,
        }
    }

    /// The same under an id.
    pub const fn named(self, id: &'static str) -> NamedCheck {
        NamedCheck { id, check: self, scale: 1.0 }
    }

    /// A verification evaluates it at one seed in so many.
    pub const fn every(&self) -> u64 {
        match self.cost {
            Cost::Formulas | Cost::Search => 1,
            Cost::Optimum => 16,
        }
    }
}

/// A check with the id of its statement.
#[derive(Clone, Copy, Debug)]
pub struct NamedCheck {
    /// The id.
    pub id: &'static str,
    /// The check.
    pub check: Check,
    /// What the right sides of its inequalities are multiplied by: 1 as the theory has them.
    pub scale: f64,
}

impl NamedCheck {
    /// The same with the right sides of its inequalities, as they are stated, times a factor.
    #[must_use]
    pub const fn scaled(self, scale: f64) -> Self {
        Self { scale, ..self }
    }

    /// Its claims at a context, in either form; none where a hypothesis of all of them does not
    /// hold.
    ///
    /// # Errors
    /// [`TheoryError`] if a side cannot be computed.
    pub fn claims(&self, context: &Context<'_>, form: Form) -> Result<Vec<Claim>, TheoryError> {
        match (self.check.evaluate)(context, form) {
            Ok(sides) => {
                let scale = if form == Form::Stated { self.scale } else { 1.0 };
                Ok(sides.iter().map(|s| Claim::new(self.id, &s.scaled(scale))).collect())
            }
            Err(TheoryError::Inapplicable { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// One run's points: a scale and what was measured at it, both positive.
pub type Points = Vec<(f64, f64)>;

/// What the theory says of an exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Predicted {
    /// It is about this.
    About(f64),
    /// It is at most this.
    AtMost(f64),
    /// It is at least this.
    AtLeast(f64),
}

impl Predicted {
    /// The number.
    pub const fn exponent(self) -> f64 {
        match self {
            Self::About(x) | Self::AtMost(x) | Self::AtLeast(x) => x,
        }
    }

    /// In words.
    pub fn text(self) -> String {
        match self {
            Self::About(x) => format!("about {x:.3}"),
            Self::AtMost(x) => format!("at most {x:.3}"),
            Self::AtLeast(x) => format!("at least {x:.3}"),
        }
    }
}

/// An exponent that the theory gives: runs at several scales are to show it.
#[derive(Clone, Copy, Debug)]
pub struct Exponent {
    /// What is fitted against what.
    pub part: &'static str,
    /// What the theory says of it.
    pub predicted: Predicted,
    /// What the control changes.
    pub control: &'static str,
    /// The points of the run of a seed.
    pub points: fn(u64, Form) -> Result<Points, TheoryError>,
}

/// The two sides of a statement along a run, from numbers that a trajectory has.
#[derive(Clone, Copy, Debug)]
pub struct Curve {
    /// A heading.
    pub title: &'static str,
    /// What to see; `{angle}` stands for the angle of [`Quantities::beyond`], in radians.
    pub caption: &'static str,
    /// What the left side is, in the same way.
    pub left: &'static str,
    /// Both sides.
    pub sides: fn(&Quantities, &Constants) -> Sides,
}

impl Statement {
    /// A statement of neither checks nor exponents, for the rest of an item to be filled in.
    pub const NONE: Self = Self {
        id: "",
        says: "",
        constants: "-",
        sharp: "-",
        reference: "",
        checks: &[],
        exponents: &[],
        curve: None,
    };

    /// Whether it can be evaluated at a student.
    pub fn is_about_students(&self) -> bool {
        self.checks.iter().any(|check| check.scope == Scope::Student)
    }

    /// Whether that takes formulas alone.
    pub fn is_cheap(&self) -> bool {
        let here = |check: &&Check| check.scope == Scope::Student;
        self.checks.iter().filter(here).all(|check| check.cost == Cost::Formulas)
    }

    /// Its checks, with its id.
    pub fn named_checks(&self) -> impl Iterator<Item = NamedCheck> {
        let id = self.id;
        self.checks.iter().map(move |check| check.named(id))
    }

    /// Its section of the theory.
    pub fn section(&self) -> &'static str {
        self.id.split_once('.').map_or(self.id, |(section, _)| section)
    }

    /// Its claims at a student; one without sides, which says why, for what does not apply.
    ///
    /// # Errors
    /// [`TheoryError`] if a side cannot be computed.
    pub fn claims(&self, context: &Context<'_>) -> Result<Vec<Claim>, TheoryError> {
        let mut claims = Vec::new();
        for check in self.checks.iter().filter(|check| check.scope == Scope::Student) {
            match (check.evaluate)(context, Form::Stated) {
                Ok(sides) => claims.extend(sides.iter().map(|sides| Claim::new(self.id, sides))),
                Err(TheoryError::Inapplicable { obstacle }) => {
                    claims.push(Claim::inapplicable(self.id, obstacle));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(claims)
    }
}
