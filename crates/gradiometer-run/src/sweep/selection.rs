//! Which points of a sweep, or tasks of a study, a process runs.

use std::fmt::Write as _;

/// One of `of` parts: the numbers that leave the remainder `index` (from 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0.
    pub(super) index: usize,
    /// Of how many.
    pub(super) of: usize,
}

impl Shard {
    /// From `I/N`, `I` from 1 to `N`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_run::sweep::Shard;
    /// assert!(Shard::parse("4/4").is_some());
    /// assert!(["0/4", "5/4", "1/0", "1", "a/b"].iter().all(|text| Shard::parse(text).is_none()));
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (index, of) = text.split_once('/')?;
        let (index, of): (usize, usize) = (index.parse().ok()?, of.parse().ok()?);
        (1 <= index && index <= of).then(|| Self { index: index - 1, of })
    }

    /// Its numbers below `all`.
    pub fn numbers(self, all: usize) -> impl Iterator<Item = usize> {
        (self.index..all).step_by(self.of)
    }

    /// Its name in that of a file: `I-of-N`.
    pub fn name(self) -> String {
        format!("{}-of-{}", self.index + 1, self.of)
    }

    /// The shard of that [`Self::name`].
    pub fn named(name: &str) -> Option<Self> {
        let (index, of) = name.split_once("-of-")?;
        Self::parse(&format!("{index}/{of}"))
    }
}

/// The points that a process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    #[default]
    All,
    /// A shard.
    Shard(Shard),
    /// Those in a list of first and last numbers, from 0.
    Points(Vec<(usize, usize)>),
}

impl Selection {
    /// The points of a list such as `3,17-20`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_run::sweep::Selection;
    /// let Some(Selection::Points(ranges)) = Selection::parse_points("3,17-20") else { panic!() };
    /// assert_eq!(ranges, [(3, 3), (17, 20)]);
    /// assert!(["", "3,", "5-4", "-1", "a"].iter().all(|text| Selection::parse_points(text).is_none()));
    /// ```
    pub fn parse_points(text: &str) -> Option<Self> {
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first <= last).then_some((first, last))
        };
        text.split(',').map(range).collect::<Option<Vec<_>>>().map(Self::Points)
    }

    /// The numbers in it, ascending; the error is a number that is not below `points`.
    pub(super) fn numbers(&self, points: usize) -> Result<Vec<usize>, usize> {
        match self {
            Self::All => Ok((0..points).collect()),
            Self::Shard(shard) => Ok(shard.numbers(points).collect()),
            Self::Points(ranges) => {
                if let Some((_, beyond)) = ranges.iter().find(|(_, last)| *last >= points) {
                    return Err(*beyond);
                }
                let numbers = ranges.iter().flat_map(|(first, last)| *first..=*last);
                let mut numbers: Vec<usize> = numbers.collect();
                numbers.sort_unstable();
                numbers.dedup();
                Ok(numbers)
            }
        }
    }
}

/// Ascending numbers as a list of ranges, as [`Selection::parse_points`] reads them.
///
/// # Examples
/// ```
/// use gradiometer_run::sweep::ranges;
/// assert_eq!(ranges(&[3, 17, 18, 19, 20, 22]), "3,17-20,22");
/// ```
pub fn ranges(numbers: &[usize]) -> String {
    let mut text = String::new();
    for run in numbers.chunk_by(|x, y| x + 1 == *y) {
        let comma = if text.is_empty() { "" } else { "," };
        let _infallible = match run {
            [one] => write!(text, "{comma}{one}"),
            _ => write!(text, "{comma}{}-{}", run[0], run[run.len() - 1]),
        };
    }
    text
}
