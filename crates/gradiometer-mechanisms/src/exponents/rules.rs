//! Rules that prove a Hermite part to be zero (11.8.2). Smallness never does.

use std::collections::BTreeMap;

use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

use gradiometer_hermite::Enclosure;

use super::expression::{Expression, Function};
use super::rational::{RationalPolynomial, integer};

/// Why a part is zero, or for Z8 not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ZeroRule {
    /// The function is constant.
    Constant,
    /// The exact Hermite coefficient of a polynomial.
    Polynomial,
    /// Z1: the function is even and the degree odd; for coefficients also the reverse.
    Parity,
    /// Z2: an odd function with two values has no even parts.
    TwoValues,
    /// Z3: a function of `q = h_{k-1} phi` has no part of degree `k`, since `h_k phi = -q'/sqrt k`.
    TotalDerivative,
    /// Z4: the level sets end at `+-sqrt(2 log q)` with rational `q`, and a rational sum vanishes.
    RationalEnds,
    /// Z7: a factor that is a fair sign or symmetric noise leaves nothing of the mean.
    SymmetricFactor,
    /// Z8: a polynomial has generative exponent 2 if it is even, else 1.
    PolynomialGenerative,
    /// The terms of a sum are zero one by one, or a closed form is zero.
    ClosedForm,
    /// Sign flips that leave the function as it is change the part's sign.
    SignFlips,
}

impl ZeroRule {
    /// The name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Polynomial => "exact polynomial",
            Self::Parity => "Z1 parity",
            Self::TwoValues => "Z2 odd with two values",
            Self::TotalDerivative => "Z3 total derivative",
            Self::RationalEnds => "Z4 rational ends",
            Self::SymmetricFactor => "Z7 symmetric factor",
            Self::PolynomialGenerative => "Z8 polynomial",
            Self::ClosedForm => "closed form",
            Self::SignFlips => "sign flips",
        }
    }
}

/// A symmetry under `z -> -z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// `g(-z) = g(z)`.
    Even,
    /// `g(-z) = -g(z)`.
    Odd,
}

/// The parity that can be read off a function of one coordinate.
pub fn parity(g: &Expression) -> Option<Parity> {
    if let Some(p) = g.polynomial(1) {
        let reflected = p.reflected();
        return if reflected == p {
            Some(Parity::Even)
        } else if reflected == p.scaled(&integer(-1)) {
            Some(Parity::Odd)
        } else {
            None
        };
    }
    if g.is_constant() {
        return Some(Parity::Even);
    }
    match g {
        Expression::Variable(_) => Some(Parity::Odd),
        Expression::Sum(parts) => {
            let first = parity(parts.first()?)?;
            if parts.iter().all(|part| parity(part) == Some(first)) {
                return Some(first);
            }
            None
        }
        Expression::Product(parts) => {
            let mut odd = false;
            for part in parts {
                odd ^= parity(part)? == Parity::Odd;
            }
            Some(if odd { Parity::Odd } else { Parity::Even })
        }
        Expression::Power(base, n) => match parity(base)? {
            Parity::Odd if n % 2 != 0 => Some(Parity::Odd),
            _ => Some(Parity::Even),
        },
        Expression::Hermite(n, x) => match parity(x)? {
            Parity::Odd if n % 2 == 1 => Some(Parity::Odd),
            _ => Some(Parity::Even),
        },
        Expression::Call(function, arguments) => {
            if arguments.iter().all(|x| parity(x) == Some(Parity::Even)) {
                return Some(Parity::Even);
            }
            match parity(&arguments[0])? {
                Parity::Odd if arguments.len() == 1 && function.is_odd() => Some(Parity::Odd),
                Parity::Odd if arguments.len() == 1 && function.is_even() => Some(Parity::Even),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether `g` is odd up to a constant: then its coefficients of even degree (not zero) vanish.
fn odd_up_to_constant(g: &Expression) -> bool {
    if parity(g) == Some(Parity::Odd) || g.is_constant() {
        return true;
    }
    match g {
        Expression::Sum(parts) => parts.iter().all(odd_up_to_constant),
        Expression::Product(parts) => {
            let others: Vec<_> = parts.iter().filter(|part| !part.is_constant()).collect();
            matches!(others.as_slice(), [single] if odd_up_to_constant(single))
        }
        Expression::Call(Function::Sigmoid, arguments) => {
            parity(&arguments[0]) == Some(Parity::Odd)
        }
        // 1{x > 0} = (1 + sign x)/2 except where x = 0.
        Expression::Call(Function::Step, arguments) => {
            parity(&arguments[0]) == Some(Parity::Odd) && is_analytic(&arguments[0])
        }
        _ => false,
    }
}

/// Whether the expression is analytic on the whole line, and so not zero on an interval unless
/// everywhere.
fn is_analytic(g: &Expression) -> bool {
    if g.is_constant() {
        return !g.constant_value().is_undefined();
    }
    let here = match g {
        Expression::Variable(_)
        | Expression::Sum(_)
        | Expression::Product(_)
        | Expression::Hermite(..) => true,
        Expression::Power(_, n) => *n >= 0,
        Expression::Call(function, _) => function.is_entire(),
        _ => false,
    };
    here && g.parts().iter().all(|part| is_analytic(part))
}

/// Whether the function is a sign of something odd and analytic, up to outer injective functions:
/// it has two values, each the other's mirror image.
fn is_odd_with_two_values(g: &Expression) -> bool {
    match stripped(g) {
        Expression::Call(Function::Sign | Function::Step, arguments) => {
            parity(&arguments[0]) == Some(Parity::Odd) && is_analytic(&arguments[0])
        }
        _ => false,
    }
}

/// The expression without its outer injective functions (Z5): they change no generative exponent.
pub fn stripped(g: &Expression) -> &Expression {
    let inner = match g {
        Expression::Call(function, arguments) if function.is_injective() => Some(&arguments[0]),
        Expression::Power(base, n) if n % 2 != 0 => Some(&**base),
        Expression::Sum(parts) => single_varying(parts, |_| true),
        Expression::Product(parts) => {
            single_varying(parts, |c| c.constant_value().mignitude() > 0.0)
        }
        _ => None,
    };
    inner.map_or(g, stripped)
}

/// The only part that is not constant, if the constants pass a test.
fn single_varying(parts: &[Expression], test: impl Fn(&Expression) -> bool) -> Option<&Expression> {
    let mut varying = parts.iter().filter(|part| !part.is_constant());
    let single = varying.next()?;
    let fine = parts.iter().filter(|part| part.is_constant()).all(test);
    (varying.next().is_none() && fine).then_some(single)
}

/// A proof that `c_k = E[g h_k] = 0`, `k >= 1`, for a function of one coordinate.
pub fn zero_coefficient(g: &Expression, k: u32) -> Option<ZeroRule> {
    if g.is_constant() {
        return Some(ZeroRule::Constant);
    }
    if let Some(p) = g.polynomial(1) {
        return p.hermite_terms().coefficient(&[k]).is_zero().then_some(ZeroRule::Polynomial);
    }
    let symmetry = parity(g);
    if (symmetry == Some(Parity::Even) && k % 2 == 1)
        || (k.is_multiple_of(2) && odd_up_to_constant(g))
    {
        return Some(ZeroRule::Parity);
    }
    if is_function_of_weight(g, k) {
        return Some(ZeroRule::TotalDerivative);
    }
    if k == 1 && PiecewiseConstant::of(g).is_some_and(|g| g.first_coefficient_is_zero()) {
        return Some(ZeroRule::RationalEnds);
    }
    match g {
        Expression::Sum(parts) => parts
            .iter()
            .all(|part| zero_coefficient(part, k).is_some())
            .then_some(ZeroRule::ClosedForm),
        Expression::Product(parts) => {
            let single = single_varying(parts, |c| !c.constant_value().is_undefined())?;
            zero_coefficient(single, k)
        }
        // relu(x) = (x + |x|)/2.
        Expression::Call(Function::Relu, arguments) => {
            let modulus = Expression::Call(Function::Abs, arguments.clone());
            let both = zero_coefficient(&arguments[0], k).is_some()
                && zero_coefficient(&modulus, k).is_some();
            both.then_some(ZeroRule::ClosedForm)
        }
        Expression::Call(Function::Sin | Function::Cos, _) => super::coefficient::closed(g, k)
            .is_some_and(|c| c == Enclosure::ZERO)
            .then_some(ZeroRule::ClosedForm),
        _ => None,
    }
}

/// A proof that `zeta_k = E[h_k(z) | g(z)] = 0`, `k >= 1`, for a function of one coordinate.
pub fn zero_conditional(g: &Expression, k: u32) -> Option<ZeroRule> {
    if g.is_constant() {
        return Some(ZeroRule::Constant);
    }
    if parity(g) == Some(Parity::Even) && k % 2 == 1 {
        return Some(ZeroRule::Parity);
    }
    if k.is_multiple_of(2) && is_odd_with_two_values(g) {
        return Some(ZeroRule::TwoValues);
    }
    if is_function_of_weight(g, k) {
        return Some(ZeroRule::TotalDerivative);
    }
    if k == 1 && PiecewiseConstant::of(g).is_some_and(|g| g.first_sums_are_zero()) {
        return Some(ZeroRule::RationalEnds);
    }
    let inner = stripped(g);
    if inner == g { None } else { zero_conditional(inner, k) }
}

/// Whether `g` is a function of `|h_{k-1} phi|` or `h_{k-1} phi` alone (Z3).
fn is_function_of_weight(g: &Expression, k: u32) -> bool {
    if k == 0 {
        return false;
    }
    let he = RationalPolynomial::variable(1, 0).hermite(k - 1);
    depends_through(g, &he)
}

fn depends_through(g: &Expression, he: &RationalPolynomial) -> bool {
    if g.is_constant() {
        return true;
    }
    if GaussianMonomial::of(g).is_some_and(|m| m.is_power_of_weight(he)) {
        return true;
    }
    match g {
        Expression::Product(parts) => {
            // Factors that are polynomials or exponentials belong together.
            let mut together = GaussianMonomial::one();
            let mut others = Vec::new();
            for part in parts {
                match GaussianMonomial::of(part) {
                    Some(factor) => together = together.times(&factor),
                    None => others.push(part),
                }
            }
            together.is_power_of_weight(he) && others.iter().all(|part| depends_through(part, he))
        }
        Expression::Sum(_)
        | Expression::Power(..)
        | Expression::Hermite(..)
        | Expression::Call(..) => g.parts().iter().all(|part| depends_through(part, he)),
        _ => false,
    }
}

/// `|p(z)| exp(q(z))` up to a constant factor and signs.
struct GaussianMonomial {
    polynomial: RationalPolynomial,
    exponent: RationalPolynomial,
}

impl GaussianMonomial {
    fn one() -> Self {
        Self {
            polynomial: RationalPolynomial::constant(1, BigRational::one()),
            exponent: RationalPolynomial::constant(1, BigRational::zero()),
        }
    }

    fn times(&self, other: &Self) -> Self {
        Self {
            polynomial: self.polynomial.times(&other.polynomial),
            exponent: self.exponent.plus(&other.exponent),
        }
    }

    fn of(g: &Expression) -> Option<Self> {
        if g.is_constant() {
            let fine = !g.constant_value().is_undefined();
            return fine.then(Self::one);
        }
        if let Some(polynomial) = g.polynomial(1) {
            return Some(Self { polynomial, ..Self::one() });
        }
        match g {
            Expression::Product(parts) => {
                parts.iter().try_fold(Self::one(), |all, part| Some(all.times(&Self::of(part)?)))
            }
            Expression::Power(base, n) => {
                let n = u32::try_from(*n).ok()?;
                let base = Self::of(base)?;
                Some((0..n).fold(Self::one(), |all, _| all.times(&base)))
            }
            Expression::Call(Function::Exp, arguments) => {
                Some(Self { exponent: arguments[0].polynomial(1)?, ..Self::one() })
            }
            Expression::Call(Function::Abs, arguments) => Self::of(&arguments[0]),
            _ => None,
        }
    }

    /// Whether it is a constant times a power of `|He| exp(-z^2/2)`.
    fn is_power_of_weight(&self, he: &RationalPolynomial) -> bool {
        let square = self.exponent.coefficient(&[2]);
        let n = -square.clone() * integer(2);
        let rest = [&[1][..]].iter().any(|alpha| !self.exponent.coefficient(alpha).is_zero());
        if self.exponent.degree() > 2 || rest || !n.is_integer() || n.is_negative() {
            return false;
        }
        let Some(n) = n.to_u32().filter(|n| *n <= 16) else { return false };
        let power = he.power(n);
        // Proportional: equal after scaling the leading coefficient.
        let lead = |p: &RationalPolynomial| p.coefficient(&[p.degree()]);
        let (ours, theirs) = (lead(&self.polynomial), lead(&power));
        if ours.is_zero() {
            return false;
        }
        self.polynomial.scaled(&theirs) == power.scaled(&ours)
    }
}

/// A number `rational + sum_i c_i log(n_i)` with rational `c_i` and `n_i`; the key 1 holds the
/// rational part.
type LogLinear = BTreeMap<BigRational, BigRational>;

/// A function with finitely many values that change only at `+-sqrt(2 log q)`, `q >= 1` rational
/// (Z4).
#[derive(Clone, Debug)]
pub struct PiecewiseConstant {
    /// Ends, ascending: sign, and `q`; the density there is `phi(0)/q`.
    ends: Vec<BigRational>,
    /// Exact values on the pieces, one more than ends.
    values: Vec<BigRational>,
}

impl PiecewiseConstant {
    /// Reads off a sum or product of signs and steps of `z^a (r z^2 + log-linear)`.
    pub fn of(g: &Expression) -> Option<Self> {
        let mut ends = Vec::new();
        collect_ends(g, &mut ends)?;
        if ends.is_empty() {
            return None;
        }
        // Signed order: -sqrt(2 log q) falls with q, +sqrt(2 log q) rises.
        ends.sort_by(|(s, q), (t, r)| match (s, t) {
            (-1, -1) => r.cmp(q),
            (1, 1) => q.cmp(r),
            _ => s.cmp(t),
        });
        ends.dedup();
        let place = |(sign, q): &(i8, BigRational)| -> f64 {
            f64::from(*sign) * (2.0 * q.to_f64().unwrap_or(f64::NAN).ln()).sqrt()
        };
        let mut values = Vec::with_capacity(ends.len() + 1);
        for i in 0..=ends.len() {
            let low = if i == 0 { place(&ends[0]) - 1.0 } else { place(&ends[i - 1]) };
            let high = if i == ends.len() { place(&ends[i - 1]) + 1.0 } else { place(&ends[i]) };
            values.push(exact_value(g, Enclosure::from(0.5 * (low + high)))?);
        }
        Some(Self { ends: ends.into_iter().map(|(_, q)| q).collect(), values })
    }

    /// `c_1 = sum over jumps of (height) phi(end)`.
    fn first_coefficient_is_zero(&self) -> bool {
        let mut sum = BigRational::zero();
        for (i, q) in self.ends.iter().enumerate() {
            sum += (&self.values[i + 1] - &self.values[i]) / q;
        }
        sum.is_zero()
    }

    /// `F_1(y) = 0` at every level.
    fn first_sums_are_zero(&self) -> bool {
        self.values.iter().all(|level| {
            let mut sum = BigRational::zero();
            for (i, q) in self.ends.iter().enumerate() {
                let inside = |v: &BigRational| integer(i64::from(v <= level));
                sum += (inside(&self.values[i + 1]) - inside(&self.values[i])) / q;
            }
            sum.is_zero()
        })
    }
}

fn collect_ends(g: &Expression, ends: &mut Vec<(i8, BigRational)>) -> Option<()> {
    match g {
        Expression::Rational(_) => Some(()),
        Expression::Sum(parts) | Expression::Product(parts) => {
            parts.iter().try_for_each(|part| collect_ends(part, ends))
        }
        Expression::Power(base, n) if *n >= 0 => collect_ends(base, ends),
        Expression::Call(Function::Sign | Function::Step, arguments) => {
            let threshold = log_polynomial(&arguments[0])?;
            let lowest = *threshold.keys().next()?;
            let highest = *threshold.keys().last()?;
            if lowest > 0 {
                ends.push((0, BigRational::one()));
            }
            if highest == lowest {
                return Some(());
            }
            if highest != lowest + 2 || threshold.len() != 2 {
                return None;
            }
            let (leading, constant) = (&threshold[&highest], &threshold[&lowest]);
            let one = BigRational::one();
            // leading must be rational, the constant purely logarithmic: z^2 = sum_i c_i log n_i.
            if leading.len() != 1 || constant.contains_key(&one) {
                return None;
            }
            let leading = leading.get(&one)?;
            let mut q = BigRational::one();
            for (n, c) in constant {
                let exponent = -c / leading / integer(2);
                let exponent = exponent.is_integer().then(|| exponent.to_integer().to_i32())??;
                if exponent.abs() > 64 {
                    return None;
                }
                q *= num_traits::Pow::pow(n.clone(), exponent);
            }
            if q > one {
                ends.push((-1, q.clone()));
                ends.push((1, q));
            }
            Some(())
        }
        _ => None,
    }
}

/// As a polynomial in `z` whose coefficients are log-linear; zero coefficients are dropped.
fn log_polynomial(g: &Expression) -> Option<BTreeMap<u32, LogLinear>> {
    if let Some(p) = g.polynomial(1) {
        return Some(
            p.terms()
                .map(|(alpha, c)| (alpha[0], LogLinear::from([(BigRational::one(), c.clone())])))
                .collect(),
        );
    }
    match g {
        Expression::Call(Function::Log, arguments) => {
            let n = arguments[0].rational().filter(BigRational::is_positive)?;
            if n.is_one() {
                return Some(BTreeMap::new());
            }
            Some(BTreeMap::from([(0, LogLinear::from([(n, BigRational::one())]))]))
        }
        Expression::Sum(parts) => {
            let mut sum: BTreeMap<u32, LogLinear> = BTreeMap::new();
            for part in parts {
                for (power, coefficient) in log_polynomial(part)? {
                    let place = sum.entry(power).or_default();
                    for (n, c) in coefficient {
                        *place.entry(n).or_insert_with(BigRational::zero) += c;
                    }
                    place.retain(|_, c| !c.is_zero());
                }
            }
            sum.retain(|_, coefficient| !coefficient.is_empty());
            Some(sum)
        }
        Expression::Product(parts) => {
            let mut product =
                BTreeMap::from([(0, LogLinear::from([(BigRational::one(), BigRational::one())]))]);
            for part in parts {
                let factor = log_polynomial(part)?;
                let mut next: BTreeMap<u32, LogLinear> = BTreeMap::new();
                for (p, a) in &product {
                    for (q, b) in &factor {
                        let place = next.entry(p + q).or_default();
                        for (n, c) in a {
                            for (m, d) in b {
                                // A product of two logarithms is not linear in them.
                                let key = if n.is_one() {
                                    m.clone()
                                } else if m.is_one() {
                                    n.clone()
                                } else {
                                    return None;
                                };
                                *place.entry(key).or_insert_with(BigRational::zero) += c * d;
                            }
                        }
                        place.retain(|_, c| !c.is_zero());
                    }
                }
                next.retain(|_, coefficient| !coefficient.is_empty());
                product = next;
            }
            Some(product)
        }
        _ => None,
    }
}

/// The exact value of a combination of signs and steps at a point where no threshold vanishes.
fn exact_value(g: &Expression, z: Enclosure) -> Option<BigRational> {
    match g {
        Expression::Rational(q) => Some(q.clone()),
        Expression::Sum(parts) => parts
            .iter()
            .try_fold(BigRational::zero(), |sum, part| Some(sum + exact_value(part, z)?)),
        Expression::Product(parts) => {
            parts.iter().try_fold(BigRational::one(), |all, part| Some(all * exact_value(part, z)?))
        }
        Expression::Power(base, n) => {
            let n = u32::try_from(*n).ok()?;
            Some(num_traits::pow(exact_value(base, z)?, n as usize))
        }
        Expression::Call(function @ (Function::Sign | Function::Step), arguments) => {
            let threshold: Enclosure = arguments[0].evaluate(&[z]);
            if threshold.certainly_greater(0.0) {
                Some(BigRational::one())
            } else if threshold.certainly_less(0.0) {
                Some(integer(if *function == Function::Sign { -1 } else { 0 }))
            } else {
                None
            }
        }
        _ => None,
    }
}
