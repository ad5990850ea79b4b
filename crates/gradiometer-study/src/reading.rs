//! What the measurements say: claims that the intervals answer.

use super::measurement::{Level, Measurement, mean};
use gradiometer_verify::statistics::slope;
use std::fmt;

/// Whether a claim is borne out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The intervals say so.
    Yes,
    /// The intervals say the opposite.
    No,
    /// The intervals overlap.
    Open,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Open => "open",
        })
    }
}

impl Answer {
    /// Yes or no.
    pub(super) const fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// That of the claim's denial.
    pub(super) const fn denied(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Open => Self::Open,
        }
    }

    /// Yes if both are, no if one is.
    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, Self::Yes) => Self::Yes,
            (Self::No, _) | (_, Self::No) => Self::No,
            _ => Self::Open,
        }
    }

    /// Yes if all are, no if one is.
    pub(super) fn all(answers: impl IntoIterator<Item = Self>) -> Self {
        answers.into_iter().fold(Self::Yes, Self::and)
    }
}

/// How the claim of a control ends: something wrong on purpose, to which the answer must be no.
pub(super) const CONTROL: &str = " (the control)";

/// A claim with its answer and the figures that decide it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// What is claimed.
    pub claim: String,
    /// Whether it is borne out.
    pub answer: Answer,
    /// The figures.
    pub figures: String,
}

impl Conclusion {
    pub(super) fn new(claim: impl Into<String>, answer: Answer, figures: String) -> Self {
        Self { claim: claim.into(), answer, figures }
    }

    /// Whether the claim is wrong on purpose, so that the answer must be no.
    pub fn is_control(&self) -> bool {
        self.claim.ends_with(CONTROL)
    }

    /// What was found as a sentence of its own: `It is not so that ... (figures).` Of a control whether it fails, as it must.
    pub fn sentence(&self) -> String {
        let Self { claim, answer, figures } = self;
        let wrong = claim.strip_suffix(CONTROL);
        let said = match (answer, wrong) {
            (Answer::Yes, None) => claim.clone(),
            (Answer::No, None) => format!("it is not so that {claim}"),
            (Answer::Open, None) => format!("the intervals do not tell whether {claim}"),
            (Answer::Yes, Some(wrong)) => format!("the control holds, which it must not: {wrong}"),
            (Answer::No, Some(wrong)) => format!("the control fails, as it must: {wrong}"),
            (Answer::Open, Some(wrong)) => {
                format!("the intervals do not tell whether the control fails, as it must: {wrong}")
            }
        };
        let mut letters = said.chars();
        let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        format!("{first}{} ({figures}).", letters.as_str())
    }
}

/// Whether the first mean is the larger: by the interval of the differences where both have the
/// same seeds, which then share teacher and start, else by their own.
pub(super) fn exceeds(left: &Measurement, right: &Measurement) -> Answer {
    let pairs = || left.values.iter().zip(&right.values);
    if left.values.len() == right.values.len() && pairs().all(|(x, y)| x.0 == y.0) {
        let values = pairs().map(|(x, y)| (x.0, x.1 - y.1)).collect();
        return above(
            &Measurement { setting: Vec::new(), measure: mean("difference"), values },
            0.0,
        );
    }
    let ((low, high), (least, greatest)) = (left.interval(), right.interval());
    if low > greatest {
        Answer::Yes
    } else if high < least {
        Answer::No
    } else {
        Answer::Open
    }
}

/// Whether a mean is above a number, by the interval.
pub(super) fn above(found: &Measurement, bound: f64) -> Answer {
    let (low, high) = found.interval();
    if low > bound {
        Answer::Yes
    } else if high < bound {
        Answer::No
    } else {
        Answer::Open
    }
}

/// Whether a mean is below a number, by the interval.
pub(super) fn below(found: &Measurement, bound: f64) -> Answer {
    match above(found, bound) {
        Answer::Yes => Answer::No,
        Answer::No => Answer::Yes,
        Answer::Open => Answer::Open,
    }
}

/// Whether the interval of a mean comes within `room` of a number.
pub(super) fn near(found: &Measurement, x: f64, room: f64) -> Answer {
    let (low, high) = found.interval();
    Answer::of(low <= x + room && high >= x - room)
}

/// A number to three digits.
pub(super) fn short(x: f64) -> String {
    let size = x.abs();
    if size > 0.0 && !(1e-3..1e5).contains(&size) { format!("{x:.2e}") } else { format!("{x:.3}") }
}

/// A mean with its interval.
pub(super) fn figure(found: &Measurement) -> String {
    let (low, high) = found.interval();
    format!("{} [{}, {}]", short(found.mean()), short(low), short(high))
}

/// The measurements of a study, to look up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a>(pub(super) &'a [Measurement]);

/// A reading asks for what was not measured.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the study did not measure {measure} at {setting}; report the study and its size")]
pub(super) struct NotMeasured {
    measure: String,
    setting: String,
}

impl<'a> Found<'a> {
    /// All of a quantity at the values, in order.
    pub(super) fn all(self, measure: &str, fixed: &[(&str, Level)]) -> Vec<&'a Measurement> {
        self.0.iter().filter(|found| found.fits(measure, fixed)).collect()
    }

    /// The first of them.
    pub(super) fn one(
        self,
        measure: &str,
        fixed: &[(&str, Level)],
    ) -> Result<&'a Measurement, NotMeasured> {
        self.ends(measure, fixed).map(|(first, _)| first)
    }

    /// The first and the last of them.
    pub(super) fn ends(
        self,
        measure: &str,
        fixed: &[(&str, Level)],
    ) -> Result<(&'a Measurement, &'a Measurement), NotMeasured> {
        let all = self.all(measure, fixed);
        match (all.first(), all.last()) {
            (Some(first), Some(last)) => Ok((first, last)),
            _ => Err(NotMeasured { measure: measure.to_owned(), setting: format!("{fixed:?}") }),
        }
    }

    /// For each seed the slope of the logarithm of a quantity against that of a parameter, at the
    /// values; seeds with fewer than two positive values are left out.
    pub(super) fn exponents(
        self,
        name: &'static str,
        (measure, along): (&str, &str),
        fixed: &[(&str, Level)],
    ) -> Measurement {
        let all = self.all(measure, fixed);
        let setting = all.first().map_or_else(Vec::new, |first| {
            let kept = |name: &str| fixed.iter().any(|(other, _)| *other == name);
            let level = |(name, x): &(&'static str, Level)| {
                (*name, if kept(name) { *x } else { Level::Several })
            };
            first.setting.iter().map(level).collect()
        });
        let seeds = all.first().map_or(&[][..], |first| &first.values);
        let values = seeds.iter().enumerate().filter_map(|(i, (seed, _))| {
            let point = |one: &&Measurement| {
                let y = one.values.get(i).map_or(f64::NAN, |(_, y)| *y);
                (one.number(along), y)
            };
            slope(&all.iter().map(point).collect::<Vec<_>>()).map(|slope| (*seed, slope))
        });
        Measurement { values: values.collect(), setting, measure: mean(name) }
    }
}
