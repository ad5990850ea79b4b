//! Polynomials multiplied by signs of coordinates: exact in `Q[theta]`, `theta = sqrt(2/pi)`
//! transcendental (section C, 11.8.8).

use std::collections::BTreeMap;

use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

use super::calculator::{Analysis, Bounds, DegreeVerdict, Evidence, Verdict};
use super::expression::{Expression, Function};
use super::leap::Stage;
use super::rational::{RationalPolynomial, integer};
use super::rules::ZeroRule;

/// The highest degree looked at in any stage.
const HIGHEST: u32 = 8;
/// Powers of the label that bound the generative leap from above.
const LABEL_POWERS: u32 = 4;

/// For each coordinate its power and whether its sign multiplies.
type Factors = Vec<(u32, bool)>;

/// `sum c prod_i z_i^{n_i} sign(z_i)^{s_i}` with rational `c`. The functions `z^n sign^s` are
/// linearly independent.
#[derive(Clone, Debug, PartialEq)]
pub struct SignPolynomial {
    variables: usize,
    terms: BTreeMap<Factors, BigRational>,
}

impl SignPolynomial {
    /// Reads it off an expression, if it is one.
    pub fn of(g: &Expression, variables: usize) -> Option<Self> {
        if let Some(p) = g.polynomial(variables) {
            let terms = p
                .terms()
                .map(|(alpha, c)| (alpha.iter().map(|a| (*a, false)).collect(), c.clone()))
                .collect();
            return Some(Self { variables, terms });
        }
        match g {
            Expression::Sum(parts) => {
                let mut sum = Self { variables, terms: BTreeMap::new() };
                for part in parts {
                    for (factors, c) in Self::of(part, variables)?.terms {
                        sum.add(factors, c);
                    }
                }
                Some(sum)
            }
            Expression::Product(parts) => {
                parts.iter().try_fold(Self::one(variables), |all, part| {
                    Some(all.times(&Self::of(part, variables)?))
                })
            }
            Expression::Power(base, n) => {
                let base = Self::of(base, variables)?;
                (0..u32::try_from(*n).ok()?)
                    .try_fold(Self::one(variables), |all, _| Some(all.times(&base)))
            }
            Expression::Call(Function::Sign, arguments) => {
                let p: RationalPolynomial = arguments[0].polynomial(variables)?;
                let mut terms = p.terms();
                let (alpha, c) = terms.next()?;
                if terms.next().is_some() {
                    return None;
                }
                let factors = alpha.iter().map(|a| (0, a % 2 == 1)).collect();
                Some(Self { variables, terms: BTreeMap::from([(factors, c.signum())]) })
            }
            _ => None,
        }
    }

    fn one(variables: usize) -> Self {
        let terms = BTreeMap::from([(vec![(0, false); variables], BigRational::one())]);
        Self { variables, terms }
    }

    fn add(&mut self, factors: Factors, c: BigRational) {
        let place = self.terms.entry(factors).or_insert_with(BigRational::zero);
        *place += c;
        self.terms.retain(|_, c| !c.is_zero());
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = Self { variables: self.variables, terms: BTreeMap::new() };
        for (a, c) in &self.terms {
            for (b, e) in &other.terms {
                let factors = a.iter().zip(b).map(|((n, s), (m, t))| (n + m, s ^ t)).collect();
                product.add(factors, c * e);
            }
        }
        product
    }

    /// `f` with signs of coordinates changed.
    fn flipped(&self, flips: &[bool]) -> Self {
        let terms = self
            .terms
            .iter()
            .map(|(factors, c)| {
                let odd =
                    factors.iter().zip(flips).filter(|((n, s), flip)| **flip && (n % 2 == 1) != *s);
                let sign = if odd.count() % 2 == 0 { c.clone() } else { -c.clone() };
                (factors.clone(), sign)
            })
            .collect();
        Self { variables: self.variables, terms }
    }

    fn negated(&self) -> Self {
        let terms = self.terms.iter().map(|(f, c)| (f.clone(), -c.clone())).collect();
        Self { variables: self.variables, terms }
    }

    /// Whether the part of Hermite degree `alpha` in the coordinates outside `known` is not the
    /// zero function of the known ones.
    fn has_part(&self, alpha: &[u32], known: &[bool]) -> bool {
        let mut parts: BTreeMap<(Factors, u32), BigRational> = BTreeMap::new();
        for (factors, c) in &self.terms {
            let mut value = c.clone();
            let (mut inside, mut thetas) = (Vec::new(), 0);
            for (i, (n, s)) in factors.iter().enumerate() {
                if known[i] {
                    inside.push((*n, *s));
                } else {
                    value *= moment(*n, *s, alpha[i]);
                    thetas += u32::from(*s);
                }
            }
            *parts.entry((inside, thetas)).or_insert_with(BigRational::zero) += value;
        }
        parts.values().any(|c| !c.is_zero())
    }

    /// Coordinates outside `known` in parts of degree exactly `k` there.
    fn touched(&self, known: &[bool], k: u32) -> Vec<bool> {
        let mut touched = vec![false; self.variables];
        let outside: Vec<usize> = (0..self.variables).filter(|i| !known[*i]).collect();
        for part in compositions(k, outside.len()) {
            let mut alpha = vec![0; self.variables];
            for (i, a) in outside.iter().zip(&part) {
                alpha[*i] = *a;
            }
            if self.has_part(&alpha, known) {
                for i in &outside {
                    touched[*i] |= alpha[*i] > 0;
                }
            }
        }
        touched
    }

    /// Whether sign flips that leave `f` as it is up to its sign tell every two coordinates apart:
    /// then the directions of each stage are coordinates.
    fn is_aligned(&self) -> bool {
        let n = self.variables;
        let patterns = self.symmetries(true);
        (0..n).all(|i| (0..i).all(|j| patterns.iter().any(|flips| flips[i] != flips[j])))
    }

    /// Flips with `f(flip z) = f(z)`, or up to the sign of `f`.
    fn symmetries(&self, up_to_sign: bool) -> Vec<Vec<bool>> {
        let n = self.variables;
        let opposite = self.negated();
        (1_u32..(1 << n.min(12)))
            .map(|mask| (0..n).map(|i| mask >> i & 1 == 1).collect::<Vec<bool>>())
            .filter(|flips| {
                let there = self.flipped(flips);
                there == *self || (up_to_sign && there == opposite)
            })
            .collect()
    }

    /// The stages of several functions of these coordinates, each stage by coordinates.
    fn stages(functions: &[Self]) -> Vec<Stage> {
        let n = functions.first().map_or(0, |f| f.variables);
        let mut known = vec![false; n];
        let mut stages = Vec::new();
        'stage: loop {
            for k in 1..=HIGHEST {
                let mut larger = known.clone();
                for f in functions {
                    for (place, touched) in larger.iter_mut().zip(f.touched(&known, k)) {
                        *place |= touched;
                    }
                }
                if larger != known {
                    known = larger;
                    stages.push((k, known.iter().filter(|x| **x).count()));
                    continue 'stage;
                }
            }
            return stages;
        }
    }

    /// The analysis of the label, as [`super::analyse`].
    pub(super) fn analyse(&self) -> Analysis {
        let n = self.variables;
        let none = vec![false; n];
        let information = (1..=HIGHEST).find(|k| self.touched(&none, *k).iter().any(|t| *t));
        let bounds = |k: Option<u32>| {
            k.map_or(Bounds::Between(HIGHEST + 1, None), |k| Bounds::Between(k, Some(k)))
        };
        let rule = |degree, verdict, rule| DegreeVerdict {
            degree,
            verdict,
            evidence: Evidence::Rule(rule),
        };
        let coefficients = (1..=information.unwrap_or(HIGHEST))
            .map(|k| {
                let zero = information != Some(k);
                rule(k, if zero { Verdict::Zero } else { Verdict::NonZero }, ZeroRule::Polynomial)
            })
            .collect();
        // In the given basis coordinates are what is learnt; so they are for SGD if the symmetries
        // say so.
        let in_basis = Self::stages(std::slice::from_ref(self));
        let complete = |stages: &[Stage]| stages.last().is_some_and(|(_, d)| *d == n);
        let leap = |stages: &[Stage]| {
            if complete(stages) { stages.iter().map(|(k, _)| *k).max() } else { None }
        };
        let aligned = self.is_aligned();
        let stages = if aligned { in_basis.clone() } else { Vec::new() };
        let mut generative = Bounds::Between(1, leap(&stages));
        let mut conditionals = Vec::new();
        if aligned {
            if let Some(size) = self.single_product_of_signs() {
                // Every index is odd or zero, and flips of pairs kill all but the one with every
                // coordinate.
                generative = Bounds::Between(size, Some(size));
                conditionals.extend((1..size).map(|k| rule(k, Verdict::Zero, ZeroRule::SignFlips)));
                conditionals.push(rule(size, Verdict::NonZero, ZeroRule::Polynomial));
            } else {
                let mut powers = vec![self.clone()];
                for _ in 1..LABEL_POWERS {
                    powers.push(powers[powers.len() - 1].times(self));
                }
                let upper = leap(&Self::stages(&powers));
                let symmetries = self.symmetries(false);
                let vanishes = (0..n).all(|i| symmetries.iter().any(|flips| flips[i]));
                generative = Bounds::Between(if vanishes { 2 } else { 1 }, upper);
                if vanishes {
                    conditionals.push(rule(1, Verdict::Zero, ZeroRule::SignFlips));
                }
                if let Some(k) = upper {
                    conditionals.push(rule(k, Verdict::NonZero, ZeroRule::Polynomial));
                }
            }
        }
        Analysis {
            information: bounds(information),
            coefficients,
            generative,
            conditionals,
            leap_in_basis: leap(&in_basis),
            leap_isotropic: leap(&stages),
            stages,
            lambda_squared_lower: None,
            transform: Vec::new(),
        }
    }

    /// The number of coordinates if it is a multiple of the product of all their signs.
    fn single_product_of_signs(&self) -> Option<u32> {
        let (factors, _) = self.terms.first_key_value()?;
        let pure = self.terms.len() == 1 && factors.iter().all(|(n, s)| *n == 0 && *s);
        pure.then(|| u32::try_from(factors.len()).unwrap_or(u32::MAX))
    }
}

/// `E[z^n sign(z)^s He_k(z)]` for a standard normal, without the factor `theta` that goes with a
/// sign.
fn moment(n: u32, sign: bool, k: u32) -> BigRational {
    let he = RationalPolynomial::variable(1, 0).hermite(k);
    let mut sum = BigRational::zero();
    for (alpha, c) in he.terms() {
        let power = n + alpha[0];
        // E z^p = (p-1)!! for even p; E[z^p sign z] = theta (p-1)!! for odd p.
        if power.is_multiple_of(2) != sign {
            let double = (1..power)
                .rev()
                .step_by(2)
                .fold(BigRational::one(), |product, i| product * integer(i64::from(i)));
            sum += c * double;
        }
    }
    sum
}

/// All ways to write `k` as a sum of `parts` whole numbers.
fn compositions(k: u32, parts: usize) -> Vec<Vec<u32>> {
    if parts == 0 {
        return if k == 0 { vec![Vec::new()] } else { Vec::new() };
    }
    (0..=k)
        .flat_map(|first| {
            compositions(k - first, parts - 1).into_iter().map(move |mut rest| {
                rest.insert(0, first);
                rest
            })
        })
        .collect()
}
