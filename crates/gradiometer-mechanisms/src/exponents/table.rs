//! Tables of pairs `(z, y)`, linear between and beyond: coefficients and level sets without a search (section C, input c).
//!
//! Decimals are the rational numbers that they say, so that slopes, kinks and crossings of a level are exact; what is
//! rounded are the values of `h_k phi` alone.

use std::collections::BTreeMap;

use gradiometer_hermite::Enclosure;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};

use super::calculator::{Analysis, Bounds, DegreeVerdict, Evidence, Tuning, Verdict};
use super::expression::{decimal, enclosed};
use super::level_set::{squared_signal_bound, weighted_hermite};
use super::rational::integer;
use super::rules::{Parity, ZeroRule};
use crate::error::MechanismError;

/// What every line of a table has to be.
const FORM: &str =
    "give two numbers a line, z and y, between blanks or a comma; start comments with #";
/// What the places have to do.
const ASCENDING: &str = "sort the lines by z and leave one of each z: a table has no jumps";
/// How many pairs there have to be.
const PAIRS: &str = "give two pairs at least: the line through the last two goes on beyond";

/// A continuous function that is linear between given places, and beyond the first and the last on the lines of the
/// outermost pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// `(z, y)`, `z` ascending; two at least.
    points: Vec<(BigRational, BigRational)>,
    /// Slopes of the pieces, the first and the last of which have no end.
    slopes: Vec<BigRational>,
}

/// An end of an interval of the line.
type End<'a> = Option<&'a BigRational>;

/// `h_k(z) phi(z)`, zero at infinity.
fn weighted(k: u32, end: End<'_>) -> Enclosure {
    end.map_or(Enclosure::ZERO, |z| weighted_hermite(k, enclosed(z)))
}

/// `Phi(z)`.
fn distribution(z: &BigRational) -> Enclosure {
    ((enclosed(z) / Enclosure::from(2.0).sqrt()).erf() + 1.0) * 0.5
}

/// `Phi(high) - Phi(low)`.
fn mass(low: End<'_>, high: End<'_>) -> Enclosure {
    high.map_or(Enclosure::ONE, distribution) - low.map_or(Enclosure::ZERO, distribution)
}

/// `E[h_k(z) 1{low < z < high}]`: `-(1/sqrt k) [h_{k-1} phi]` between the ends for `k >= 1`.
fn between(k: u32, low: End<'_>, high: End<'_>) -> Enclosure {
    if k == 0 {
        return mass(low, high);
    }
    (weighted(k - 1, low) - weighted(k - 1, high)) / Enclosure::from(f64::from(k)).sqrt()
}

impl Table {
    /// Reads a table, a pair a line.
    ///
    /// # Errors
    /// [`MechanismError::Table`] with the line, from 1, and how to mend it.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::exponents::Table;
    /// let relu = Table::parse("# z, y\n-1, 0\n0, 0\n1, 1\n").unwrap();
    /// // c_1 = 1/2, and c_3 = 0 exactly.
    /// assert!(relu.coefficient(1).contains(0.5));
    /// assert!(relu.coefficient(3).magnitude() == 0.0);
    /// assert!(Table::parse("0 1\n0 2").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, MechanismError> {
        let mut points: Vec<(BigRational, BigRational)> = Vec::new();
        let mut last = 0;
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.split('#').next().unwrap_or_default();
            let words: Vec<&str> = content
                .split(|c: char| c == ',' || c == ';' || c.is_whitespace())
                .filter(|word| !word.is_empty())
                .collect();
            if words.is_empty() {
                continue;
            }
            last = line;
            let wrong = |problem: String, mend| Err(MechanismError::Table { line, problem, mend });
            let [z, y] = words.as_slice() else {
                return wrong(format!("has {} numbers", words.len()), FORM);
            };
            let pair = [*z, *y].map(|word| (word, number(word)));
            if let Some((word, _)) = pair.iter().find(|(_, value)| value.is_none()) {
                return wrong(format!("{word:?} is no number"), FORM);
            }
            let [(_, Some(z)), (_, Some(y))] = pair else { continue };
            if points.last().is_some_and(|(before, _)| *before >= z) {
                return wrong("z is not above that of the pair before".to_owned(), ASCENDING);
            }
            points.push((z, y));
        }
        if points.len() < 2 {
            let problem = format!("the table ends with {} pair", points.len());
            return Err(MechanismError::Table { line: last, problem, mend: PAIRS });
        }
        let slopes = points
            .windows(2)
            .map(|pair| (&pair[1].1 - &pair[0].1) / (&pair[1].0 - &pair[0].0))
            .collect();
        Ok(Self { points, slopes })
    }

    /// Places inside at which the slope changes, and by how much.
    fn kinks(&self) -> Vec<(&BigRational, BigRational)> {
        let inside = &self.points[1..self.points.len() - 1];
        let changes = self.slopes.windows(2).map(|pair| &pair[1] - &pair[0]);
        inside.iter().map(|(z, _)| z).zip(changes).filter(|(_, change)| !change.is_zero()).collect()
    }

    fn is_constant(&self) -> bool {
        self.slopes.iter().all(Zero::is_zero)
    }

    /// The parity, exactly: kinks at opposite places are equal for an even function and opposite for an odd one, and
    /// the outermost slopes fit. Odd functions are zero at zero.
    pub fn parity(&self) -> Option<Parity> {
        let kinks = self.kinks();
        let (first, last) = (&self.slopes[0], &self.slopes[self.slopes.len() - 1]);
        let pairs = || kinks.iter().zip(kinks.iter().rev());
        if !pairs().all(|((z, _), (opposite, _))| **z == -(*opposite).clone()) {
            return None;
        }
        if *first == -last && pairs().all(|((_, x), (_, y))| x == y) {
            return Some(Parity::Even);
        }
        let odd = first == last && pairs().all(|((_, x), (_, y))| *x == -y);
        (odd && self.exact_value(&BigRational::zero()).is_zero()).then_some(Parity::Odd)
    }

    fn exact_value(&self, z: &BigRational) -> BigRational {
        let inner = &self.points[1..self.points.len() - 1];
        let piece = inner.partition_point(|(knot, _)| knot <= z);
        let (z0, y0) = &self.points[piece];
        y0 + (z - z0) * &self.slopes[piece]
    }

    /// `g(z)`, rounded.
    pub fn value(&self, z: f64) -> f64 {
        let exact = BigRational::from_float(z).map(|z| self.exact_value(&z));
        exact.and_then(|y| y.to_f64()).unwrap_or(f64::NAN)
    }

    /// The ends of the pieces: none before the first and after the last.
    fn pieces(&self) -> impl Iterator<Item = (End<'_>, End<'_>)> {
        let last = self.slopes.len() - 1;
        (0..=last).map(move |i| {
            let low = (i > 0).then(|| &self.points[i].0);
            (low, (i < last).then(|| &self.points[i + 1].0))
        })
    }

    /// Changes of the slope by their distance from zero, those at `-z` with the sign that `h_{k-2}` has there; exact, and
    /// without those that cancel or at which `h_{k-2}` vanishes.
    fn folded(&self, k: u32) -> Vec<(BigRational, BigRational)> {
        let odd = !k.is_multiple_of(2);
        let mut sums: BTreeMap<BigRational, BigRational> = BTreeMap::new();
        for (z, change) in self.kinks() {
            let entry = sums.entry(z.abs()).or_insert_with(BigRational::zero);
            if odd && z.is_negative() {
                *entry -= change;
            } else {
                *entry += change;
            }
        }
        sums.into_iter().filter(|(z, sum)| !(sum.is_zero() || odd && z.is_zero())).collect()
    }

    /// An enclosure of `c_k = E[g(z) h_k(z)]`, `k >= 1`.
    ///
    /// On a piece `int z h_k phi` closes by `z h_k = sqrt(k+1) h_{k+1} + sqrt k h_{k-1}`. Summed over the pieces by parts
    /// that is `c_k = sum over kinks of (change of slope) h_{k-2}(z) phi(z)/sqrt(k (k - 1))` for `k >= 2`, and
    /// `c_1 = (first + last slope)/2 - sum over kinks of (change of slope) erf(z/sqrt 2)/2`. Kinks at `z` and `-z` are
    /// summed exactly, so that nothing cancels but what cancels in `c_k`; the width is that of rounding each term.
    pub fn coefficient(&self, k: u32) -> Enclosure {
        let kinks = self.folded(k);
        if k == 1 {
            let (first, last) = (&self.slopes[0], &self.slopes[self.slopes.len() - 1]);
            let mean = enclosed(&((first + last) / integer(2)));
            return kinks.iter().fold(mean, |sum, (z, change)| {
                let erf = (enclosed(z) / Enclosure::from(2.0).sqrt()).erf();
                sum - enclosed(&(change / integer(2))) * erf
            });
        }
        let root = Enclosure::from(f64::from(k) * f64::from(k - 1)).sqrt();
        let sum = kinks.iter().fold(Enclosure::ZERO, |sum, (z, change)| {
            sum + enclosed(change) * weighted(k - 2, Some(z))
        });
        if kinks.is_empty() { Enclosure::ZERO } else { sum / root }
    }

    /// Maximal intervals of `{g <= y}`; their ends are exact.
    fn level_set(&self, y: &BigRational) -> Vec<(Option<BigRational>, Option<BigRational>)> {
        let mut set: Vec<(Option<BigRational>, Option<BigRational>)> = Vec::new();
        let mut add = |low: Option<BigRational>, high: Option<BigRational>| match set.last_mut() {
            Some(before) if before.1.is_some() && before.1 == low => before.1 = high,
            _ => set.push((low, high)),
        };
        for (i, (low, high)) in self.pieces().enumerate() {
            let ((z0, y0), slope) = (&self.points[i], &self.slopes[i]);
            let (low, high) = (low.cloned(), high.cloned());
            if slope.is_zero() {
                if y0 <= y {
                    add(low, high);
                }
                continue;
            }
            let crossing = z0 + (y - y0) / slope;
            let before_low = low.as_ref().is_some_and(|z| crossing <= *z);
            let after_high = high.as_ref().is_some_and(|z| crossing >= *z);
            if slope.is_positive() {
                if after_high {
                    add(low, high);
                } else if !before_low {
                    add(low, Some(crossing));
                }
            } else if before_low {
                add(low, high);
            } else if !after_high {
                add(Some(crossing), high);
            }
        }
        set
    }

    /// An enclosure of `F_k(y) = E[h_k(z) 1{g(z) <= y}]` (11.8.1).
    pub fn level_sum(&self, k: u32, y: f64) -> Enclosure {
        let Some(y) = BigRational::from_float(y) else { return Enclosure::UNDEFINED };
        self.level_set(&y)
            .iter()
            .fold(Enclosure::ZERO, |sum, (low, high)| sum + between(k, low.as_ref(), high.as_ref()))
    }

    /// Levels at quantiles of the function and between the values of its knots.
    fn levels(&self, count: usize) -> Vec<f64> {
        let mut values: Vec<f64> =
            (-60..=60).map(|i| self.value(f64::from(i) / 20.0 + 0.013)).collect();
        values.extend(self.points.iter().filter_map(|(_, y)| y.to_f64()));
        values.retain(|y| y.is_finite());
        values.sort_by(f64::total_cmp);
        values.dedup();
        let between: Vec<f64> = values.windows(2).map(|v| 0.5 * (v[0] + v[1])).collect();
        let count = count.max(1).min(between.len());
        let mut levels: Vec<f64> =
            (0..count).map(|i| between[(2 * i + 1) * between.len() / (2 * count)]).collect();
        levels.dedup();
        levels
    }

    /// The exponents, with their evidence.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::exponents::{Table, Tuning};
    /// let modulus = Table::parse("-1 1\n0 0\n1 1").unwrap();
    /// let found = modulus.analyse(&Tuning::default());
    /// assert_eq!((found.information.known(), found.generative.known()), (Some(2), Some(2)));
    /// ```
    pub fn analyse(&self, tuning: &Tuning) -> Analysis {
        let mut analysis = Analysis::of_constant();
        if self.is_constant() {
            return analysis;
        }
        let from = tuning.from.max(1);
        let levels = self.levels(tuning.levels);
        for k in from..=tuning.highest {
            let verdict = self.coefficient_verdict(k);
            analysis.coefficients.push(verdict);
            if verdict.verdict == Verdict::NonZero {
                break;
            }
        }
        for k in from..=tuning.highest {
            let own = analysis.coefficients.iter().find(|v| v.degree == k);
            let verdict = match own {
                // E[y h_k] = E[y zeta_k].
                Some(known) if known.verdict == Verdict::NonZero => *known,
                _ => self.level_verdict(k, &levels),
            };
            analysis.conditionals.push(verdict);
            if verdict.verdict == Verdict::NonZero {
                break;
            }
        }
        analysis.information = Bounds::of(from, &analysis.coefficients);
        analysis.generative = Bounds::of(from, &analysis.conditionals);
        let leap = analysis.information.known();
        (analysis.leap_in_basis, analysis.leap_isotropic) = (leap, leap);
        analysis.stages = leap.map(|k| (k, 1)).into_iter().collect();
        if let Some(k) = analysis.generative.known() {
            let sums: Vec<(Enclosure, Enclosure)> =
                levels.iter().map(|y| (self.level_sum(0, *y), self.level_sum(k, *y))).collect();
            analysis.lambda_squared_lower = Some(squared_signal_bound(&sums));
            analysis.transform = levels
                .windows(2)
                .zip(sums.windows(2))
                .map(|(y, sum)| {
                    let mass = sum[1].0.midpoint() - sum[0].0.midpoint();
                    let signal = sum[1].1.midpoint() - sum[0].1.midpoint();
                    (0.5 * (y[0] + y[1]), signal / mass)
                })
                .filter(|(_, mean)| mean.is_finite())
                .collect();
        }
        analysis
    }

    fn coefficient_verdict(&self, degree: u32) -> DegreeVerdict {
        let zero =
            |rule| DegreeVerdict { degree, verdict: Verdict::Zero, evidence: Evidence::Rule(rule) };
        let even = degree.is_multiple_of(2);
        match self.parity() {
            Some(Parity::Even) if !even => return zero(ZeroRule::Parity),
            Some(Parity::Odd) if even => return zero(ZeroRule::Parity),
            _ => {}
        }
        // All kinks cancel, or lie where h_{k-2} vanishes.
        if degree >= 2 && self.folded(degree).is_empty() {
            return zero(ZeroRule::ClosedForm);
        }
        let value = self.coefficient(degree);
        let verdict = if value.mignitude() > 0.0 { Verdict::NonZero } else { Verdict::Undecided };
        DegreeVerdict { degree, verdict, evidence: Evidence::Coefficient(value) }
    }

    fn level_verdict(&self, degree: u32, levels: &[f64]) -> DegreeVerdict {
        if self.parity() == Some(Parity::Even) && !degree.is_multiple_of(2) {
            let evidence = Evidence::Rule(ZeroRule::Parity);
            return DegreeVerdict { degree, verdict: Verdict::Zero, evidence };
        }
        let mut best: Option<(f64, Enclosure)> = None;
        for level in levels.iter().copied() {
            let sum = self.level_sum(degree, level);
            if sum.mignitude() > 0.0 {
                let evidence = Evidence::LevelSet { level, sum };
                return DegreeVerdict { degree, verdict: Verdict::NonZero, evidence };
            }
            if best.is_none_or(|(_, s)| sum.magnitude() > s.magnitude()) {
                best = Some((level, sum));
            }
        }
        let (level, sum) = best.unwrap_or((f64::NAN, Enclosure::UNDEFINED));
        let evidence = Evidence::LevelSet { level, sum };
        DegreeVerdict { degree, verdict: Verdict::Undecided, evidence }
    }
}

/// A decimal with a sign, as the rational number that it is.
fn number(word: &str) -> Option<BigRational> {
    // A power of ten beyond all doubles would only be slow.
    if !word.parse::<f64>().ok()?.is_finite() || word.len() > 400 {
        return None;
    }
    let (sign, digits) = match word.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    };
    Some(decimal(&digits.to_ascii_lowercase())? * BigRational::from_integer(BigInt::from(sign)))
}

#[cfg(test)]
mod tests;
