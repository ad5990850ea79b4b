//! Expressions of the exponent calculator: text, a tree that keeps symbols, and its values.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

use gradiometer_hermite::Enclosure;

use super::number::Number;
use super::rational::{RationalPolynomial, integer};
use crate::error::MechanismError;

/// A function of one argument or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// `max(x, 0)`.
    Relu,
    /// `|x|`.
    Abs,
    /// `1` for positive, `-1` for negative numbers.
    Sign,
    /// `1{x > 0}`.
    Step,
    /// The smaller of two.
    Min,
    /// The larger of two.
    Max,
    /// Exponential.
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Hyperbolic tangent.
    Tanh,
    /// `erf(x) = (2/sqrt pi) int_0^x exp(-t^2) dt`.
    Erf,
    /// `1/(1 + exp(-x))`.
    Sigmoid,
    /// `log(1 + exp(x))`.
    Softplus,
    /// `x Phi(x)`, `Phi` the normal distribution function.
    Gelu,
    /// The nearest whole number, halves away from zero.
    Round,
}

impl Function {
    const ALL: [(&'static str, Self); 19] = [
        ("relu", Self::Relu),
        ("abs", Self::Abs),
        ("sign", Self::Sign),
        ("step", Self::Step),
        ("min", Self::Min),
        ("max", Self::Max),
        ("exp", Self::Exp),
        ("log", Self::Log),
        ("ln", Self::Log),
        ("sqrt", Self::Sqrt),
        ("sin", Self::Sin),
        ("cos", Self::Cos),
        ("tanh", Self::Tanh),
        ("erf", Self::Erf),
        ("sigmoid", Self::Sigmoid),
        ("softplus", Self::Softplus),
        ("gelu", Self::Gelu),
        ("round", Self::Round),
        ("absolute", Self::Abs),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(n, _)| *n == name).map(|(_, f)| *f)
    }

    /// Number of arguments.
    const fn arity(self) -> usize {
        if matches!(self, Self::Min | Self::Max) { 2 } else { 1 }
    }

    /// Whether it is analytic on the whole line.
    pub const fn is_entire(self) -> bool {
        matches!(
            self,
            Self::Exp
                | Self::Sin
                | Self::Cos
                | Self::Tanh
                | Self::Erf
                | Self::Sigmoid
                | Self::Softplus
                | Self::Gelu
        )
    }

    /// Whether different arguments (in its domain) have different values.
    pub const fn is_injective(self) -> bool {
        matches!(
            self,
            Self::Exp
                | Self::Log
                | Self::Sqrt
                | Self::Tanh
                | Self::Erf
                | Self::Sigmoid
                | Self::Softplus
        )
    }

    /// `f(-x) = -f(x)`.
    pub const fn is_odd(self) -> bool {
        matches!(self, Self::Sign | Self::Sin | Self::Tanh | Self::Erf | Self::Round)
    }

    /// `f(-x) = f(x)`.
    pub const fn is_even(self) -> bool {
        matches!(self, Self::Abs | Self::Cos)
    }

    /// Whether it takes whole numbers only, so that its values form a countable set.
    pub const fn is_discrete(self) -> bool {
        matches!(self, Self::Sign | Self::Step | Self::Round)
    }
}

/// A function of the coordinates `z1, z2, ...`, of independent noise `xi` and a fair sign `s`.
///
/// Constants are kept as symbols: `0.1` is 1/10, `log(2)` is the logarithm of two, `~0.1` is some
/// number that the nearest float stands for. Rules reason about symbols; enclosures come from
/// evaluating them in interval arithmetic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expression {
    /// An exact rational number.
    Rational(BigRational),
    /// A number known only to the float's last place, by its bits.
    Inexact(u64),
    /// The number pi.
    Pi,
    /// The number e.
    Euler,
    /// A coordinate, counted from zero.
    Variable(usize),
    /// `xi ~ N(0, 1)`, independent of everything.
    Noise,
    /// A fair sign, independent of everything.
    FairSign,
    /// A sum.
    Sum(Vec<Self>),
    /// A product.
    Product(Vec<Self>),
    /// A whole power, negative ones included.
    Power(Box<Self>, i32),
    /// `He_n` of it.
    Hermite(u32, Box<Self>),
    /// A function of its arguments.
    Call(Function, Vec<Self>),
}

impl Expression {
    /// Reads an expression.
    ///
    /// `+ - * / ^`, parentheses, decimals (exact), `~` decimals (inexact), `pi`, `e`, `z`, `z1`,
    /// `z2`, ..., `xi`, `s`, the functions of [`Function`], `He(n, x)`, `h(n, x)` or `He3(x)`,
    /// `h3(x)`. A product may be written without its sign, the argument of a function without
    /// parentheses (`cos 8z`, `sign z`), and a function alone is one of `z`. What follows an
    /// equality sign is what counts.
    ///
    /// # Errors
    /// [`MechanismError::Expression`] with the place and what would be right there.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::exponents::expression::Expression;
    /// let f = Expression::parse("z^2 exp(-z^2) + 0.5").unwrap();
    /// assert!((f.value(&[1.0]) - ((-1.0_f64).exp() + 0.5)).abs() <= 4.0 * f64::EPSILON);
    /// assert!(Expression::parse("z + * 2").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, MechanismError> {
        let text: Vec<char> = text.chars().collect();
        let start = text.iter().rposition(|c| *c == '=').map_or(0, |i| i + 1);
        let mut parser = Parser { text: &text, at: start };
        let expression = parser.sum()?;
        parser.space();
        if parser.at < text.len() {
            return Err(parser.expected("an operator or the end"));
        }
        Ok(expression)
    }

    /// The number of coordinates that occur, up to the last one.
    pub fn variables(&self) -> usize {
        let own = if let Self::Variable(i) = self { i + 1 } else { 0 };
        self.parts().iter().map(|part| part.variables()).max().unwrap_or(0).max(own)
    }

    /// The expressions that this one is made of.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Sum(parts) | Self::Product(parts) | Self::Call(_, parts) => {
                parts.iter().collect()
            }
            Self::Power(base, _) | Self::Hermite(_, base) => vec![base],
            _ => Vec::new(),
        }
    }

    /// Whether `test` holds for this expression or one that it is made of.
    pub fn any(&self, test: &impl Fn(&Self) -> bool) -> bool {
        test(self) || self.parts().iter().any(|part| part.any(test))
    }

    /// Whether it is a number: no coordinate, noise or sign occurs.
    pub fn is_constant(&self) -> bool {
        !self.any(&|e| matches!(e, Self::Variable(_) | Self::Noise | Self::FairSign))
    }

    /// Its value as a rational number, if it is one and exact.
    pub fn rational(&self) -> Option<BigRational> {
        if !self.is_constant() {
            return None;
        }
        let polynomial = self.polynomial(0)?;
        Some(polynomial.coefficient(&[]))
    }

    /// As a polynomial in `variables` coordinates with exact rational coefficients, if it is one.
    pub fn polynomial(&self, variables: usize) -> Option<RationalPolynomial> {
        match self {
            Self::Rational(q) => Some(RationalPolynomial::constant(variables, q.clone())),
            Self::Variable(i) if *i < variables => {
                Some(RationalPolynomial::variable(variables, *i))
            }
            Self::Sum(parts) => {
                let zero = RationalPolynomial::constant(variables, BigRational::zero());
                parts
                    .iter()
                    .try_fold(zero, |sum, part| Some(sum.plus(&part.polynomial(variables)?)))
            }
            Self::Product(parts) => {
                let one = RationalPolynomial::constant(variables, BigRational::one());
                parts
                    .iter()
                    .try_fold(one, |all, part| Some(all.times(&part.polynomial(variables)?)))
            }
            Self::Power(base, n) => {
                let base = base.polynomial(variables)?;
                if let Ok(n) = u32::try_from(*n) {
                    return Some(base.power(n));
                }
                if base.is_constant() && !base.is_zero() {
                    let value = base.coefficient(&vec![0; variables]).recip();
                    let constant = RationalPolynomial::constant(variables, value);
                    return Some(constant.power(n.unsigned_abs()));
                }
                None
            }
            Self::Hermite(n, x) => Some(x.polynomial(variables)?.hermite(*n)),
            _ => None,
        }
    }

    /// The value at a point in any arithmetic; what is outside a domain becomes undefined.
    pub fn evaluate<N: Number>(&self, z: &[N]) -> N {
        match self {
            Self::Rational(q) => N::constant(enclosed(q)),
            Self::Inexact(bits) => {
                let x = f64::from_bits(*bits);
                N::constant(Enclosure::new(x.next_down(), x.next_up()))
            }
            Self::Pi => N::constant(Enclosure::PI),
            Self::Euler => N::constant(Enclosure::ONE.exp()),
            Self::Variable(i) => {
                z.get(*i).cloned().unwrap_or_else(|| N::constant(Enclosure::UNDEFINED))
            }
            Self::Noise | Self::FairSign => N::constant(Enclosure::UNDEFINED),
            Self::Sum(parts) => {
                let mut terms = parts.iter();
                let first =
                    terms.next().map_or_else(|| N::constant(Enclosure::ZERO), |t| t.evaluate(z));
                terms.fold(first, |sum, term| sum.plus(&term.evaluate(z)))
            }
            Self::Product(parts) => {
                let mut factors = parts.iter();
                let first =
                    factors.next().map_or_else(|| N::constant(Enclosure::ONE), |t| t.evaluate(z));
                factors.fold(first, |all, factor| all.times(&factor.evaluate(z)))
            }
            Self::Power(base, n) => base.evaluate(z).power(*n),
            Self::Hermite(n, x) => {
                let x = x.evaluate(z);
                let mut below = N::constant(Enclosure::ZERO);
                let mut now = N::constant(Enclosure::ONE);
                for k in 0..*n {
                    let next = x
                        .times(&now)
                        .plus(&below.times(&N::constant(Enclosure::from(-f64::from(k)))));
                    below = now;
                    now = next;
                }
                now
            }
            Self::Call(function, arguments) => {
                let first = arguments[0].evaluate(z);
                match (function, arguments.get(1)) {
                    (Function::Min, Some(y)) => {
                        first.negated().larger(&y.evaluate(z).negated()).negated()
                    }
                    (Function::Max, Some(y)) => first.larger(&y.evaluate(z)),
                    _ => first.apply(*function),
                }
            }
        }
    }

    /// The value at a point in doubles.
    pub fn value(&self, z: &[f64]) -> f64 {
        self.evaluate(z)
    }

    /// An enclosure of a constant; undefined for anything else.
    pub fn constant_value(&self) -> Enclosure {
        self.evaluate::<Enclosure>(&[])
    }

    /// The sum of two, flattened.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let mut parts = match self {
            Self::Sum(parts) => parts,
            single => vec![single],
        };
        match other {
            Self::Sum(more) => parts.extend(more),
            single => parts.push(single),
        }
        Self::Sum(parts)
    }

    /// The product of two, flattened.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        let mut parts = match self {
            Self::Product(parts) => parts,
            single => vec![single],
        };
        match other {
            Self::Product(more) => parts.extend(more),
            single => parts.push(single),
        }
        Self::Product(parts)
    }

    /// Its negative.
    #[must_use]
    pub fn negated(self) -> Self {
        if let Self::Rational(q) = self {
            return Self::Rational(-q);
        }
        Self::Rational(integer(-1)).times(self)
    }
}

/// The rational number as an interval: exact if it is a float, else one float on either side.
pub fn enclosed(q: &BigRational) -> Enclosure {
    let nearest = q.to_f64().unwrap_or(f64::NAN);
    if BigRational::from_float(nearest).is_some_and(|x| x == *q) {
        Enclosure::from(nearest)
    } else {
        Enclosure::new(nearest.next_down(), nearest.next_up())
    }
}

/// A reader of expressions, by descent.
struct Parser<'a> {
    text: &'a [char],
    at: usize,
}

impl Parser<'_> {
    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.space();
        self.text.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let here = self.peek() == Some(wanted);
        self.at += usize::from(here);
        here
    }

    const fn expected(&self, expected: &'static str) -> MechanismError {
        MechanismError::Expression { position: self.at, expected }
    }

    fn sum(&mut self) -> Result<Expression, MechanismError> {
        let mut sum = self.product()?;
        loop {
            if self.take('+') {
                sum = sum.plus(self.product()?);
            } else if self.take('-') {
                sum = sum.plus(self.product()?.negated());
            } else {
                return Ok(sum);
            }
        }
    }

    fn product(&mut self) -> Result<Expression, MechanismError> {
        let mut product = self.signed()?;
        loop {
            if self.take('*') {
                product = product.times(self.signed()?);
            } else if self.take('/') {
                let divisor = self.signed()?;
                product = match (divisor.rational(), &product) {
                    (Some(q), Expression::Rational(p)) if !q.is_zero() => {
                        Expression::Rational(p / q)
                    }
                    (Some(q), _) if !q.is_zero() => product.times(Expression::Rational(q.recip())),
                    _ => product.times(Expression::Power(Box::new(divisor), -1)),
                };
            } else if self.begins_factor() {
                product = product.times(self.power()?);
            } else {
                return Ok(product);
            }
        }
    }

    /// Whether a factor of a product without a sign begins here.
    fn begins_factor(&mut self) -> bool {
        self.peek().is_some_and(|c| c.is_alphanumeric() || c == '(' || c == '~' || c == '.')
    }

    fn signed(&mut self) -> Result<Expression, MechanismError> {
        if self.take('-') {
            return Ok(self.signed()?.negated());
        }
        if self.take('+') {
            return self.signed();
        }
        self.power()
    }

    fn power(&mut self) -> Result<Expression, MechanismError> {
        let base = self.atom()?;
        if !self.take('^') {
            return Ok(base);
        }
        let negative = self.take('-');
        let exponent = self.power()?;
        let exponent = exponent.rational().ok_or_else(|| self.expected("a rational exponent"))?;
        let exponent = if negative { -exponent } else { exponent };
        if exponent.is_integer() {
            let n = exponent.to_integer().to_i32().filter(|n| n.abs() <= 64);
            let n = n.ok_or_else(|| self.expected("a smaller exponent"))?;
            return Ok(match (&base, base.rational()) {
                (Expression::Rational(_), Some(q)) if !q.is_zero() => {
                    Expression::Rational(num_traits::Pow::pow(q, n))
                }
                _ => Expression::Power(Box::new(base), n),
            });
        }
        let root = Expression::Call(Function::Sqrt, vec![base.clone()]);
        if let Some(n) = (exponent.clone() * integer(2))
            .to_i32()
            .filter(|n| exponent.clone() * integer(2) == integer(i64::from(*n)) && n.abs() <= 64)
        {
            return Ok(if n == 1 { root } else { Expression::Power(Box::new(root), n) });
        }
        let logarithm = Expression::Call(Function::Log, vec![base]);
        Ok(Expression::Call(Function::Exp, vec![Expression::Rational(exponent).times(logarithm)]))
    }

    fn number(&mut self) -> Result<String, MechanismError> {
        let mut text = String::new();
        while let Some(c) = self.text.get(self.at) {
            let exponent = matches!(c, 'e' | 'E')
                && !text.is_empty()
                && match (self.text.get(self.at + 1), self.text.get(self.at + 2)) {
                    (Some(next), _) if next.is_ascii_digit() => true,
                    (Some('+' | '-'), Some(next)) => next.is_ascii_digit(),
                    _ => false,
                };
            if c.is_ascii_digit() || *c == '.' {
                text.push(*c);
                self.at += 1;
            } else if exponent {
                text.push('e');
                self.at += 1;
                if let Some(sign) = self.text.get(self.at).filter(|c| **c == '-' || **c == '+') {
                    text.push(*sign);
                    self.at += 1;
                }
            } else {
                break;
            }
        }
        if text.chars().any(|c| c.is_ascii_digit()) {
            Ok(text)
        } else {
            Err(self.expected("a number"))
        }
    }

    fn atom(&mut self) -> Result<Expression, MechanismError> {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let inside = self.sum()?;
                if self.take(')') {
                    Ok(inside)
                } else {
                    Err(self.expected("a closing parenthesis"))
                }
            }
            Some('~') => {
                self.at += 1;
                self.space();
                let text = self.number()?;
                let value: f64 = text.parse().map_err(|_error| self.expected("a number"))?;
                Ok(Expression::Inexact(value.to_bits()))
            }
            Some(c) if c.is_ascii_digit() || c == '.' => {
                let text = self.number()?;
                decimal(&text).map(Expression::Rational).ok_or_else(|| self.expected("a number"))
            }
            Some(c) if c.is_alphabetic() => self.word(),
            _ => Err(self.expected("a number, a coordinate or a function")),
        }
    }

    fn word(&mut self) -> Result<Expression, MechanismError> {
        let start = self.at;
        let mut name = String::new();
        while let Some(c) = self.text.get(self.at).filter(|c| c.is_alphabetic()) {
            name.push(*c);
            self.at += 1;
        }
        let mut digits = String::new();
        while let Some(c) = self.text.get(self.at).filter(|c| c.is_ascii_digit()) {
            digits.push(*c);
            self.at += 1;
        }
        let index: Option<u32> = digits.parse().ok();
        match (name.as_str(), index) {
            ("z" | "x" | "t", None) => Ok(Expression::Variable(0)),
            ("z" | "x", Some(i)) if i > 0 => Ok(Expression::Variable(i as usize - 1)),
            ("xi", None) => Ok(Expression::Noise),
            ("s", None) => Ok(Expression::FairSign),
            ("pi", None) => Ok(Expression::Pi),
            ("e", None) => Ok(Expression::Euler),
            ("He" | "h", degree) => self.hermite(name == "h", degree),
            (_, index) => {
                let Some(function) = Function::named(&name) else {
                    self.at = start;
                    return Err(self.expected("the name of a coordinate or a function"));
                };
                if let Some(n) = index {
                    // `ln2` is the logarithm of two.
                    let argument = Expression::Rational(integer(i64::from(n)));
                    return Ok(Expression::Call(function, vec![argument]));
                }
                self.call(function)
            }
        }
    }

    fn call(&mut self, function: Function) -> Result<Expression, MechanismError> {
        if self.take('(') {
            let mut arguments = vec![self.sum()?];
            while self.take(',') {
                arguments.push(self.sum()?);
            }
            if !self.take(')') {
                return Err(self.expected("a closing parenthesis"));
            }
            if arguments.len() != function.arity() {
                return Err(self.expected("the right number of arguments"));
            }
            return Ok(Expression::Call(function, arguments));
        }
        if function.arity() == 2 {
            return Err(self.expected("two arguments in parentheses"));
        }
        if !self.begins_factor() {
            return Ok(Expression::Call(function, vec![Expression::Variable(0)]));
        }
        // Without parentheses: the product without signs that follows.
        let mut argument = self.power()?;
        while self.begins_factor() && !self.begins_function() {
            argument = argument.times(self.power()?);
        }
        Ok(Expression::Call(function, vec![argument]))
    }

    /// Whether the name of a function comes next.
    fn begins_function(&mut self) -> bool {
        self.space();
        let word: String = self.text[self.at..].iter().take_while(|c| c.is_alphabetic()).collect();
        Function::named(&word).is_some()
    }

    fn hermite(
        &mut self,
        normalised: bool,
        degree: Option<u32>,
    ) -> Result<Expression, MechanismError> {
        let (degree, argument) = if let Some(n) = degree {
            let argument = if self.take('(') {
                let argument = self.sum()?;
                if !self.take(')') {
                    return Err(self.expected("a closing parenthesis"));
                }
                argument
            } else {
                Expression::Variable(0)
            };
            (n, argument)
        } else {
            if !self.take('(') {
                return Err(self.expected("a degree"));
            }
            let degree = self.sum()?;
            if !self.take(',') {
                return Err(self.expected("a comma after the degree"));
            }
            let argument = self.sum()?;
            if !self.take(')') {
                return Err(self.expected("a closing parenthesis"));
            }
            let degree = degree.rational().filter(BigRational::is_integer);
            let degree = degree.and_then(|q| q.to_u32()).filter(|n| *n <= 40);
            (degree.ok_or_else(|| self.expected("a degree up to 40"))?, argument)
        };
        let polynomial = Expression::Hermite(degree, Box::new(argument));
        if !normalised {
            return Ok(polynomial);
        }
        let factorial = (1..=i64::from(degree)).fold(BigRational::one(), |p, i| p * integer(i));
        if factorial.is_one() {
            return Ok(polynomial);
        }
        let root = Expression::Call(Function::Sqrt, vec![Expression::Rational(factorial)]);
        Ok(Expression::Power(Box::new(root), -1).times(polynomial))
    }
}

/// A decimal such as `12.5e-3` as the rational number that it is.
pub(super) fn decimal(text: &str) -> Option<BigRational> {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: BigInt = format!("0{whole}{fraction}").parse().ok()?;
    let shift = exponent - i32::try_from(fraction.len()).ok()?;
    if shift.abs() > 400 {
        return None;
    }
    let ten = BigRational::from_integer(BigInt::from(10));
    let power = num_traits::Pow::pow(ten, shift.abs());
    let value = BigRational::from_integer(digits);
    let value = if shift.is_negative() { value / power } else { value * power };
    Some(value)
}
