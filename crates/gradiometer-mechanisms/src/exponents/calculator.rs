//! From an expression to its exponents, with the evidence degree by degree.

use gradiometer_hermite::Enclosure;
use num_rational::BigRational;

use super::coefficient::{self, closed, integrated};
use super::expression::{Expression, Function};
use super::leap::{Leaps, Stage, filtration};
use super::level_set::{self, LevelSet, squared_signal_bound};
use super::rational::{RationalPolynomial, RationalSpan, integer};
use super::rules::{ZeroRule, stripped, zero_coefficient, zero_conditional};
use super::signs::SignPolynomial;
use crate::error::MechanismError;

/// How far the calculator goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// The first degree examined, at least 1.
    pub from: u32,
    /// The last degree examined.
    pub highest: u32,
    /// At most so many levels a degree.
    pub levels: usize,
    /// Powers of the label whose leaps bound the generative leap of a polynomial from above.
    pub label_powers: u32,
    /// How integrals are split.
    pub coefficient: coefficient::Tuning,
    /// How level sets are split.
    pub level_set: level_set::Tuning,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            from: 1,
            highest: 8,
            levels: 9,
            label_powers: 4,
            coefficient: coefficient::Tuning::default(),
            level_set: level_set::Tuning::default(),
        }
    }
}

/// What was proved of one degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Zero, by a rule.
    Zero,
    /// Not zero, by an enclosure or a rule.
    NonZero,
    /// Neither.
    Undecided,
}

/// Where a verdict comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// A rule, by its name.
    Rule(ZeroRule),
    /// An enclosure of the Hermite coefficient.
    Coefficient(Enclosure),
    /// An enclosure of the level-set sum at a level.
    LevelSet {
        /// The level `y`.
        level: f64,
        /// `F_k(y)`.
        sum: Enclosure,
    },
}

impl Evidence {
    /// The rule's name, if it is one.
    pub const fn rule(&self) -> Option<&'static str> {
        if let Self::Rule(rule) = self { Some(rule.name()) } else { None }
    }

    /// The value in the middle and its error, zero for a rule.
    pub fn value(&self) -> (f64, f64) {
        match self {
            Self::Rule(_) => (0.0, 0.0),
            Self::Coefficient(x) | Self::LevelSet { sum: x, .. } => (x.midpoint(), x.radius()),
        }
    }
}

/// The verdict on one degree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DegreeVerdict {
    /// The degree.
    pub degree: u32,
    /// What was proved.
    pub verdict: Verdict,
    /// By what.
    pub evidence: Evidence,
}

/// What is known of an exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// Proved to be infinite: there is no non-zero part.
    Infinite,
    /// At least the first; at most the second if there is one. Known where they agree.
    Between(u32, Option<u32>),
}

impl Bounds {
    /// The exponent, if it is known and finite.
    pub fn known(self) -> Option<u32> {
        match self {
            Self::Between(lower, Some(upper)) if lower == upper => Some(lower),
            _ => None,
        }
    }

    /// Whether nothing is left open.
    pub fn is_decided(self) -> bool {
        self == Self::Infinite || self.known().is_some()
    }

    /// From verdicts in order of degree, the first being `from`.
    pub(super) fn of(from: u32, verdicts: &[DegreeVerdict]) -> Self {
        let zeros = verdicts.iter().take_while(|v| v.verdict == Verdict::Zero).count();
        let upper = verdicts.iter().find(|v| v.verdict == Verdict::NonZero).map(|v| v.degree);
        Self::Between(from + u32::try_from(zeros).unwrap_or(u32::MAX), upper)
    }
}

/// Everything that the calculator says of an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// The information exponent.
    pub information: Bounds,
    /// Its evidence.
    pub coefficients: Vec<DegreeVerdict>,
    /// The generative exponent; for several coordinates the generative leap.
    pub generative: Bounds,
    /// Its evidence.
    pub conditionals: Vec<DegreeVerdict>,
    /// The leap in the coordinates given; with one coordinate the information exponent, if known.
    pub leap_in_basis: Option<u32>,
    /// The isotropic leap, likewise.
    pub leap_isotropic: Option<u32>,
    /// The stages `(degree, dimension)` of the isotropic leap.
    pub stages: Vec<Stage>,
    /// A certified lower bound of `lambda_{k*}^2` where the generative exponent of one coordinate
    /// is known.
    pub lambda_squared_lower: Option<f64>,
    /// The optimal transform `zeta_{k*} = dF_{k*}/dF_0` as a table of levels and means between
    /// them.
    pub transform: Vec<(f64, f64)>,
}

impl Analysis {
    /// Of a constant, from which nothing can be learnt.
    pub(super) const fn of_constant() -> Self {
        Self {
            information: Bounds::Infinite,
            coefficients: Vec::new(),
            generative: Bounds::Infinite,
            conditionals: Vec::new(),
            leap_in_basis: None,
            leap_isotropic: None,
            stages: Vec::new(),
            lambda_squared_lower: None,
            transform: Vec::new(),
        }
    }
}

/// How noise enters a label.
#[derive(Clone, Debug, PartialEq)]
struct Label {
    /// What depends on the coordinates.
    link: Expression,
    /// Whether a fair sign or symmetric noise multiplies it.
    symmetric_factor: bool,
}

impl Label {
    fn of(y: &Expression) -> Result<Self, MechanismError> {
        let noisy =
            |e: &Expression| e.any(&|e| matches!(e, Expression::Noise | Expression::FairSign));
        match y {
            // Z6: independent additive noise with a characteristic function that does not vanish
            // changes no exponent.
            Expression::Sum(parts) => {
                let (noise, rest): (Vec<_>, Vec<_>) = parts.iter().cloned().partition(|p| noisy(p));
                let additive = noise.iter().all(is_multiple_of_noise);
                if noise.is_empty() {
                    return Ok(Self { link: y.clone(), symmetric_factor: false });
                }
                if !additive || rest.is_empty() {
                    return Err(MechanismError::Unsupported {
                        reason: "noise that depends on the coordinates",
                    });
                }
                Ok(Self { link: Expression::Sum(rest), symmetric_factor: false })
            }
            Expression::Product(parts) => {
                let (noise, rest): (Vec<_>, Vec<_>) = parts.iter().cloned().partition(|p| noisy(p));
                match noise.as_slice() {
                    [] => Ok(Self { link: y.clone(), symmetric_factor: false }),
                    [Expression::Noise | Expression::FairSign] => {
                        // y = s g and y = xi g tell |g| and no more, xi g with independent noise in
                        // its logarithm.
                        let modulus =
                            Expression::Call(Function::Abs, vec![Expression::Product(rest)]);
                        Ok(Self { link: modulus, symmetric_factor: true })
                    }
                    _ => Err(MechanismError::Unsupported { reason: "noise inside a product" }),
                }
            }
            _ if noisy(y) => Err(MechanismError::Unsupported { reason: "noise inside a function" }),
            _ => Ok(Self { link: y.clone(), symmetric_factor: false }),
        }
    }
}

/// Whether it is a constant times noise: its distribution has a characteristic function without an
/// interval of zeros.
fn is_multiple_of_noise(part: &Expression) -> bool {
    match part {
        Expression::Noise => true,
        Expression::Product(parts) => {
            let varying: Vec<_> = parts.iter().filter(|p| !p.is_constant()).collect();
            varying.as_slice() == [&Expression::Noise]
        }
        _ => false,
    }
}

/// The exponents of a label.
///
/// One coordinate: the information exponent from coefficients, the generative exponent from
/// coefficients and level sets. Several: polynomials with rational coefficients, and products of
/// polynomials with signs of coordinates.
///
/// # Errors
/// [`MechanismError::Unsupported`] for what is neither.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::exponents::{Expression, Tuning, analyse};
/// let y = Expression::parse("He(3, z)").unwrap();
/// let found = analyse(&y, &Tuning::default()).unwrap();
/// assert_eq!((found.information.known(), found.generative.known()), (Some(3), Some(1)));
/// ```
pub fn analyse(y: &Expression, tuning: &Tuning) -> Result<Analysis, MechanismError> {
    let label = Label::of(y)?;
    if label.link.variables() > 1 {
        return several(&label, tuning);
    }
    Ok(one(&label, tuning))
}

fn one(label: &Label, tuning: &Tuning) -> Analysis {
    let g = &label.link;
    if g.is_constant() || g.polynomial(1).is_some_and(|p| p.is_constant()) {
        return Analysis::of_constant();
    }
    let from = tuning.from.max(1);
    let degrees = from..=tuning.highest;
    let mut own = Vec::new();
    for k in degrees.clone() {
        let verdict = coefficient_verdict(g, k, tuning);
        own.push(verdict);
        if verdict.verdict == Verdict::NonZero {
            break;
        }
    }
    let (information, coefficients) = if label.symmetric_factor {
        let rule = Evidence::Rule(ZeroRule::SymmetricFactor);
        let zero = |degree| DegreeVerdict { degree, verdict: Verdict::Zero, evidence: rule };
        (Bounds::Infinite, degrees.clone().map(zero).collect())
    } else {
        (Bounds::of(from, &own), own.clone())
    };

    let mut samples = LevelSamples::new(g, tuning);
    let mut conditionals = Vec::new();
    for k in degrees {
        let known = own.iter().find(|v| v.degree == k && v.verdict == Verdict::NonZero);
        let verdict = conditional_verdict(g, k, known, &mut samples);
        conditionals.push(verdict);
        if verdict.verdict == Verdict::NonZero {
            break;
        }
    }
    let generative = Bounds::of(from, &conditionals);
    let leap = information.known();
    let (mut lambda_squared_lower, mut transform) = (None, Vec::new());
    if let (Some(k), false) = (generative.known(), label.symmetric_factor) {
        let sums = samples.all(k);
        let pairs: Vec<_> = sums.iter().map(|(_, mass, signal)| (*mass, *signal)).collect();
        lambda_squared_lower = Some(squared_signal_bound(&pairs));
        transform = sums
            .windows(2)
            .map(|pair| {
                let mass = pair[1].1.midpoint() - pair[0].1.midpoint();
                let signal = pair[1].2.midpoint() - pair[0].2.midpoint();
                (0.5 * (pair[0].0 + pair[1].0), signal / mass)
            })
            .filter(|(_, mean)| mean.is_finite())
            .collect();
    }
    Analysis {
        information,
        coefficients,
        generative,
        conditionals,
        leap_in_basis: leap,
        leap_isotropic: leap,
        stages: leap.map(|k| (k, 1)).into_iter().collect(),
        lambda_squared_lower,
        transform,
    }
}

fn coefficient_verdict(g: &Expression, degree: u32, tuning: &Tuning) -> DegreeVerdict {
    if let Some(rule) = zero_coefficient(g, degree) {
        return DegreeVerdict { degree, verdict: Verdict::Zero, evidence: Evidence::Rule(rule) };
    }
    let polynomial = g.polynomial(1).is_some();
    let mut value = closed(g, degree);
    // An exact coefficient that is not zero by the rules is not zero, however small.
    if !value.is_some_and(|c| polynomial || c.mignitude() > 0.0) {
        let found = integrated(g, degree, &tuning.coefficient);
        value = Some(value.and_then(|c| c.intersection(found)).unwrap_or(found));
    }
    let value = value.unwrap_or(Enclosure::UNDEFINED);
    let non_zero = polynomial || value.mignitude() > 0.0;
    let verdict = if non_zero { Verdict::NonZero } else { Verdict::Undecided };
    DegreeVerdict { degree, verdict, evidence: Evidence::Coefficient(value) }
}

fn conditional_verdict(
    g: &Expression,
    degree: u32,
    coefficient: Option<&DegreeVerdict>,
    samples: &mut LevelSamples<'_>,
) -> DegreeVerdict {
    if let Some(rule) = zero_conditional(g, degree) {
        return DegreeVerdict { degree, verdict: Verdict::Zero, evidence: Evidence::Rule(rule) };
    }
    // E[y h_k] = E[y zeta_k]: where the left is not zero, neither is zeta_k.
    if let Some(verdict) = coefficient {
        return *verdict;
    }
    let inner = stripped(g);
    if let Some(p) = inner.polynomial(1) {
        let even = p.reflected() == p;
        if (even && degree == 2) || (!even && degree == 1) {
            let evidence = Evidence::Rule(ZeroRule::PolynomialGenerative);
            return DegreeVerdict { degree, verdict: Verdict::NonZero, evidence };
        }
    }
    samples.verdict(degree)
}

/// Level sets at quantiles of a link, computed when asked for.
struct LevelSamples<'a> {
    link: &'a Expression,
    tuning: &'a Tuning,
    levels: Vec<f64>,
    sets: Vec<Option<LevelSet>>,
}

impl<'a> LevelSamples<'a> {
    fn new(link: &'a Expression, tuning: &'a Tuning) -> Self {
        // Values at points spread over where the normal density lives; levels are midways between
        // distinct ones.
        let mut values: Vec<f64> = (-60..=60)
            .map(|i| link.value(&[f64::from(i) / 20.0 + 0.013]))
            .filter(|v| v.is_finite())
            .collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let between: Vec<f64> = values.windows(2).map(|v| 0.5 * (v[0] + v[1])).collect();
        let count = tuning.levels.max(1);
        let mut levels: Vec<f64> = (0..count.min(between.len()))
            .map(|i| between[(2 * i + 1) * between.len() / (2 * count.min(between.len()))])
            .collect();
        levels.dedup();
        let sets = vec![None; levels.len()];
        Self { link, tuning, levels, sets }
    }

    fn set(&mut self, i: usize) -> &LevelSet {
        let (link, level, tuning) = (self.link, self.levels[i], &self.tuning.level_set);
        self.sets[i]
            .get_or_insert_with(|| LevelSet::of(|cell| link.evaluate(&[cell]), level, tuning))
    }

    fn verdict(&mut self, degree: u32) -> DegreeVerdict {
        let mut best: Option<(f64, Enclosure)> = None;
        for i in 0..self.levels.len() {
            let sum = self.set(i).sum(degree);
            let level = self.levels[i];
            if sum.mignitude() > 0.0 {
                let evidence = Evidence::LevelSet { level, sum };
                return DegreeVerdict { degree, verdict: Verdict::NonZero, evidence };
            }
            if best.is_none_or(|(_, s)| sum.magnitude() > s.magnitude()) {
                best = Some((level, sum));
            }
        }
        let (level, sum) = best.unwrap_or((f64::NAN, Enclosure::UNDEFINED));
        DegreeVerdict {
            degree,
            verdict: Verdict::Undecided,
            evidence: Evidence::LevelSet { level, sum },
        }
    }

    /// Levels with enclosures of `F_0` and `F_k`.
    fn all(&mut self, k: u32) -> Vec<(f64, Enclosure, Enclosure)> {
        (0..self.levels.len())
            .map(|i| {
                let level = self.levels[i];
                let set = self.set(i);
                (level, set.sum(0), set.sum(k))
            })
            .collect()
    }
}

fn several(label: &Label, tuning: &Tuning) -> Result<Analysis, MechanismError> {
    let n = label.link.variables();
    if label.symmetric_factor {
        return Err(MechanismError::Unsupported {
            reason: "noise that multiplies several coordinates",
        });
    }
    if let Some(f) = scaled_polynomial(&label.link, n) {
        return Ok(polynomial(&f, tuning));
    }
    let signs = SignPolynomial::of(&label.link, n).ok_or(MechanismError::Unsupported {
        reason: "several coordinates in other than polynomials and signs of coordinates",
    })?;
    Ok(signs.analyse())
}

/// As a rational polynomial up to a constant factor.
fn scaled_polynomial(g: &Expression, variables: usize) -> Option<RationalPolynomial> {
    stripped_factors(g).polynomial(variables)
}

/// Without constant factors that are not zero.
fn stripped_factors(g: &Expression) -> &Expression {
    if let Expression::Product(parts) = g {
        let varying: Vec<_> = parts.iter().filter(|p| !p.is_constant()).collect();
        let scale_is_fine =
            parts.iter().filter(|p| p.is_constant()).all(|p| p.constant_value().mignitude() > 0.0);
        if let ([single], true) = (varying.as_slice(), scale_is_fine) {
            return single;
        }
    }
    g
}

fn polynomial(f: &RationalPolynomial, tuning: &Tuning) -> Analysis {
    let leaps = Leaps::of(f);
    let exact = |k: Option<u32>| k.map_or(Bounds::Infinite, |k| Bounds::Between(k, Some(k)));
    let rule =
        |degree, verdict, rule| DegreeVerdict { degree, verdict, evidence: Evidence::Rule(rule) };
    let coefficients = leaps.information.map_or_else(Vec::new, |information| {
        (1..=information)
            .map(|k| {
                let verdict = if k < information { Verdict::Zero } else { Verdict::NonZero };
                rule(k, verdict, ZeroRule::Polynomial)
            })
            .collect()
    });
    // Generative leap: powers of the label bound it from above. From below: a symmetry of the label
    // fixes E[z | y], and what was learnt of it after that, so that first degrees never lead out of
    // the space that all symmetries fix.
    let mut powers = vec![f.clone()];
    for _ in 1..tuning.label_powers {
        powers.push(powers[powers.len() - 1].times(f));
    }
    let upper = filtration(&powers).iter().map(|(k, _)| *k).max();
    let lower = if fixed_dimension(f) < leaps.relevant_dimension() { 2 } else { 1 };
    let (generative, conditionals) = match upper {
        None => (Bounds::Infinite, Vec::new()),
        Some(upper) => {
            let mut evidence = Vec::new();
            if lower == 2 {
                evidence.push(rule(1, Verdict::Zero, ZeroRule::SignFlips));
            }
            evidence.push(rule(upper, Verdict::NonZero, ZeroRule::Polynomial));
            (Bounds::Between(lower, Some(upper)), evidence)
        }
    };
    Analysis {
        information: exact(leaps.information),
        coefficients,
        generative,
        conditionals,
        leap_in_basis: leaps.in_basis,
        leap_isotropic: leaps.isotropic,
        stages: leaps.stages,
        lambda_squared_lower: None,
        transform: Vec::new(),
    }
}

/// The dimension of the space that the symmetries of `f` leave as it is, among sign flips of the
/// coordinates and, for at most four of them, their permutations.
fn fixed_dimension(f: &RationalPolynomial) -> usize {
    let n = f.variables();
    if n > 12 {
        return n;
    }
    let orders = if n <= 4 { permutations(n) } else { vec![(0..n).collect()] };
    // The sum of a group's matrices is a multiple of the projector on what it fixes.
    let mut sum = vec![vec![integer(0); n]; n];
    for order in &orders {
        let forms = |mask: u32| -> Vec<Vec<BigRational>> {
            let sign = |i: usize| if mask >> i & 1 == 1 { -1 } else { 1 };
            let entry = |i: usize, j: usize| integer(if order[i] == j { sign(i) } else { 0 });
            (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect()
        };
        for mask in 0_u32..(1 << n) {
            let forms = forms(mask);
            if f.substituted(&forms) == *f {
                for (total, row) in sum.iter_mut().zip(&forms) {
                    for (total, entry) in total.iter_mut().zip(row) {
                        *total += entry;
                    }
                }
            }
        }
    }
    let mut span = RationalSpan::default();
    sum.into_iter().filter(|row| span.add(row.clone())).count()
}

/// All orders of `0..n`.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    let mut orders: Vec<Vec<usize>> = vec![Vec::new()];
    for last in 0..n {
        orders = orders
            .iter()
            .flat_map(|order| {
                (0..=order.len()).map(|at| {
                    let mut longer = order.clone();
                    longer.insert(at, last);
                    longer
                })
            })
            .collect();
    }
    orders
}
