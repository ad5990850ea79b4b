//! The arithmetics in which an expression has a value: doubles, enclosures, and Taylor jets of
//! enclosures.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::maximum;

use super::expression::Function;

/// Numbers that an expression can be evaluated in.
pub trait Number: Clone {
    /// A constant known by an enclosure.
    fn constant(value: Enclosure) -> Self;
    /// The sum.
    #[must_use]
    fn plus(&self, other: &Self) -> Self;
    /// The product.
    #[must_use]
    fn times(&self, other: &Self) -> Self;
    /// The negative.
    #[must_use]
    fn negated(&self) -> Self;
    /// A whole power, negative ones included.
    #[must_use]
    fn power(&self, exponent: i32) -> Self;
    /// The larger of two.
    #[must_use]
    fn larger(&self, other: &Self) -> Self;
    /// A function of one argument.
    #[must_use]
    fn apply(&self, function: Function) -> Self;
}

impl Number for f64 {
    fn constant(value: Enclosure) -> Self {
        value.midpoint()
    }

    fn plus(&self, other: &Self) -> Self {
        self + other
    }

    fn times(&self, other: &Self) -> Self {
        self * other
    }

    fn negated(&self) -> Self {
        -self
    }

    fn power(&self, exponent: i32) -> Self {
        self.powi(exponent)
    }

    fn larger(&self, other: &Self) -> Self {
        maximum(*self, *other)
    }

    fn apply(&self, function: Function) -> Self {
        let x = *self;
        match function {
            Function::Relu | Function::Max => maximum(x, 0.0),
            Function::Min => -maximum(-x, 0.0),
            Function::Abs => x.abs(),
            Function::Sign => {
                if x.abs() > 0.0 {
                    x.signum()
                } else {
                    x
                }
            }
            Function::Step => {
                if x.is_nan() {
                    x
                } else {
                    Self::from(u8::from(x > 0.0))
                }
            }
            Function::Exp => x.exp(),
            Function::Log => x.ln(),
            Function::Sqrt => x.sqrt(),
            Function::Sin => x.sin(),
            Function::Cos => x.cos(),
            Function::Tanh => x.tanh(),
            Function::Erf => pxfm::f_erf(x),
            Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Function::Softplus => maximum(x, 0.0) + (-x.abs()).exp().ln_1p(),
            Function::Gelu => x * crate::numerics::distribution(x),
            Function::Round => x.round(),
        }
    }
}

impl Number for Enclosure {
    fn constant(value: Enclosure) -> Self {
        value
    }

    fn plus(&self, other: &Self) -> Self {
        *self + *other
    }

    fn times(&self, other: &Self) -> Self {
        // Nothing is rounded where a factor is zero, so that a sign of the product is known.
        let zero =
            *self == Self::ZERO && other.is_finite() || *other == Self::ZERO && self.is_finite();
        if zero { Self::ZERO } else { *self * *other }
    }

    fn negated(&self) -> Self {
        -*self
    }

    fn power(&self, exponent: i32) -> Self {
        let power = self.powi(exponent.unsigned_abs());
        if exponent < 0 { Self::ONE / power } else { power }
    }

    fn larger(&self, other: &Self) -> Self {
        Self::larger(*self, *other)
    }

    fn apply(&self, function: Function) -> Self {
        let x = *self;
        match function {
            Function::Relu | Function::Max => Self::larger(x, Self::ZERO),
            Function::Min => x.smaller(Self::ZERO),
            Function::Abs => x.abs(),
            Function::Sign => {
                if x.certainly_greater(Self::ZERO) {
                    Self::ONE
                } else if x.certainly_less(Self::ZERO) {
                    -Self::ONE
                } else if x.is_undefined() {
                    Self::UNDEFINED
                } else {
                    // The sign of zero is zero.
                    Self::new(
                        if x.lo() < 0.0 { -1.0 } else { 0.0 },
                        if x.hi() > 0.0 { 1.0 } else { 0.0 },
                    )
                }
            }
            Function::Step => {
                if x.certainly_greater(Self::ZERO) {
                    Self::ONE
                } else if x.certainly_at_most(Self::ZERO) {
                    Self::ZERO
                } else if x.is_undefined() {
                    Self::UNDEFINED
                } else {
                    Self::new(0.0, 1.0)
                }
            }
            Function::Exp => x.exp(),
            Function::Log => x.log(),
            Function::Sqrt => x.sqrt(),
            Function::Sin => x.sin(),
            Function::Cos => x.cos(),
            Function::Tanh => x.tanh(),
            Function::Erf => x.erf(),
            Function::Sigmoid => x.sigmoid(),
            Function::Softplus => x.softplus(),
            Function::Gelu => x * ((x / Self::from(2.0).sqrt()).erf() + 1.0) * 0.5,
            Function::Round => Self::new(x.lo().round(), x.hi().round()),
        }
    }
}

/// The number of Taylor coefficients carried: orders 0 to 14.
pub const ORDERS: usize = 15;

/// Taylor coefficients of a function on an interval: entry `j` encloses `f^{(j)}(x)/j!` for every
/// `x` in it.
///
/// Where the function has a kink or a jump in the interval there is no jet: entries become
/// undefined and survive every operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Jet(pub [Enclosure; ORDERS]);

impl Jet {
    /// The jet of `z` itself on an interval.
    pub fn variable(z: Enclosure) -> Self {
        let mut jet = [Enclosure::ZERO; ORDERS];
        jet[0] = z;
        jet[1] = Enclosure::ONE;
        Self(jet)
    }

    const UNDEFINED: Self = Self([Enclosure::UNDEFINED; ORDERS]);

    /// `f(u)` from `f(u_0)` and `f'(u)` as a jet that may be built order by order:
    /// `n f_n = sum_j j u_j f'_{n-j}`.
    fn with_derivative(
        &self,
        value: Enclosure,
        mut next: impl FnMut(&[Enclosure]) -> Enclosure,
    ) -> Self {
        let u = &self.0;
        let mut f = vec![value];
        let mut slope: Vec<Enclosure> = Vec::with_capacity(ORDERS);
        for n in 1..ORDERS {
            // `next` returns the coefficient n - 1 of f'(u), which needs those of f up to n - 1
            // only.
            slope.push(next(&f));
            let sum: Enclosure = (1..=n)
                .filter(|j| u[*j] != Enclosure::ZERO)
                .map(|j| u[j] * slope[n - j] * j as f64)
                .sum();
            f.push(sum / n as f64);
        }
        let mut jet = [Enclosure::ZERO; ORDERS];
        jet.copy_from_slice(&f);
        Self(jet)
    }

    fn exp(&self) -> Self {
        self.with_derivative(self.0[0].exp(), |f| f[f.len() - 1])
    }

    /// `1/self`.
    fn reciprocal(&self) -> Self {
        let u = &self.0;
        let mut f = [Enclosure::ZERO; ORDERS];
        f[0] = Enclosure::ONE / u[0];
        for n in 1..ORDERS {
            let sum: Enclosure = (1..=n).map(|j| u[j] * f[n - j]).sum();
            f[n] = -sum / u[0];
        }
        Self(f)
    }

    /// The jet whose derivative is `slope * self'`, with the given value.
    fn integrated(&self, value: Enclosure, slope: &Self) -> Self {
        self.with_derivative(value, |f| slope.0[f.len() - 1])
    }

    fn plus_constant(&self, value: f64) -> Self {
        let mut jet = self.clone();
        jet.0[0] += Enclosure::from(value);
        jet
    }

    /// Coefficients of `1 - f^2` at order `n`, from those of `f` up to `n`.
    fn one_minus_square(f: &[Enclosure]) -> Enclosure {
        let n = f.len() - 1;
        let mut sum = Enclosure::ZERO;
        for j in 0..=n {
            sum += if 2 * j == n { f[j].square() } else { f[j] * f[n - j] };
        }
        if n == 0 { Enclosure::ONE - sum } else { -sum }
    }

    /// `(sin, cos)` of it.
    fn waves(&self) -> (Self, Self) {
        let u = &self.0;
        let (mut sine, mut cosine) = ([Enclosure::ZERO; ORDERS], [Enclosure::ZERO; ORDERS]);
        (sine[0], cosine[0]) = (u[0].sin(), u[0].cos());
        for n in 1..ORDERS {
            let along = |wave: &[Enclosure]| -> Enclosure {
                (1..=n)
                    .filter(|j| u[*j] != Enclosure::ZERO)
                    .map(|j| u[j] * wave[n - j] * j as f64)
                    .sum::<Enclosure>()
                    / n as f64
            };
            let (next_sine, next_cosine) = (along(&cosine), -along(&sine));
            sine[n] = next_sine;
            cosine[n] = next_cosine;
        }
        (Self(sine), Self(cosine))
    }

    /// Whether all values are at most, or at least, zero; `None` if neither is certain.
    fn positive(&self) -> Option<bool> {
        let value = self.0[0];
        if value.certainly_greater(0.0) {
            Some(true)
        } else if value.certainly_less(0.0) {
            Some(false)
        } else {
            None
        }
    }
}

impl Number for Jet {
    fn constant(value: Enclosure) -> Self {
        let mut jet = [Enclosure::ZERO; ORDERS];
        jet[0] = value;
        if value.is_undefined() { Self::UNDEFINED } else { Self(jet) }
    }

    fn plus(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|n| self.0[n] + other.0[n]))
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = [Enclosure::ZERO; ORDERS];
        for (i, x) in self.0.iter().enumerate() {
            if *x == Enclosure::ZERO && !other.0[0].is_undefined() {
                continue;
            }
            for (j, y) in other.0.iter().enumerate().take(ORDERS - i) {
                product[i + j] += *x * *y;
            }
        }
        Self(product)
    }

    fn negated(&self) -> Self {
        Self(std::array::from_fn(|n| -self.0[n]))
    }

    fn power(&self, exponent: i32) -> Self {
        let mut power = Self::constant(Enclosure::ONE);
        let mut base = self.clone();
        let mut rest = exponent.unsigned_abs();
        while rest > 0 {
            if rest % 2 == 1 {
                power = power.times(&base);
            }
            rest /= 2;
            if rest > 0 {
                base = base.times(&base);
            }
        }
        // The product of an interval with itself is wider than its square.
        let mut power = if exponent < 0 { power.reciprocal() } else { power };
        if let Some(tighter) = power.0[0].intersection(Number::power(&self.0[0], exponent)) {
            power.0[0] = tighter;
        }
        power
    }

    fn larger(&self, other: &Self) -> Self {
        match self.plus(&other.negated()).positive() {
            Some(true) => self.clone(),
            Some(false) => other.clone(),
            None => Self::UNDEFINED,
        }
    }

    fn apply(&self, function: Function) -> Self {
        let value = self.0[0].apply(function);
        match function {
            Function::Relu | Function::Max => match self.positive() {
                Some(true) => self.clone(),
                Some(false) => Self::constant(Enclosure::ZERO),
                None => Self::UNDEFINED,
            },
            Function::Min => match self.positive() {
                Some(true) => Self::constant(Enclosure::ZERO),
                Some(false) => self.clone(),
                None => Self::UNDEFINED,
            },
            Function::Abs => match self.positive() {
                Some(true) => self.clone(),
                Some(false) => self.negated(),
                None => Self::UNDEFINED,
            },
            Function::Sign | Function::Step => match self.positive() {
                Some(_) => Self::constant(value),
                None => Self::UNDEFINED,
            },
            Function::Round => {
                // Constant where no half lies inside.
                if value.lo() >= value.hi() { Self::constant(value) } else { Self::UNDEFINED }
            }
            Function::Exp => self.exp(),
            Function::Log => {
                if self.0[0].certainly_greater(0.0) {
                    self.integrated(value, &self.reciprocal())
                } else {
                    Self::UNDEFINED
                }
            }
            Function::Sqrt => {
                if !self.0[0].certainly_greater(0.0) {
                    return Self::UNDEFINED;
                }
                // f^2 = u: 2 f_0 f_n = u_n - sum_{0<j<n} f_j f_{n-j}.
                let mut f = [Enclosure::ZERO; ORDERS];
                f[0] = value;
                for n in 1..ORDERS {
                    let sum: Enclosure = (1..n).map(|j| f[j] * f[n - j]).sum();
                    f[n] = (self.0[n] - sum) / (value * 2.0);
                }
                Self(f)
            }
            Function::Sin => self.waves().0,
            Function::Cos => self.waves().1,
            Function::Tanh => self.with_derivative(value, Self::one_minus_square),
            Function::Erf => {
                // erf' = (2/sqrt pi) exp(-u^2).
                let scale = Self::constant(Enclosure::from(2.0) / Enclosure::PI.sqrt());
                let slope = Number::power(self, 2).negated().exp().times(&scale);
                self.integrated(value, &slope)
            }
            Function::Sigmoid => {
                // sigmoid(u) = (1 + tanh(u/2))/2.
                let half = Self(self.0.map(|x| x * 0.5));
                let tanh = half.apply(Function::Tanh);
                let mut jet = Self(tanh.plus_constant(1.0).0.map(|x| x * 0.5));
                jet.0[0] = value;
                jet
            }
            Function::Softplus => self.integrated(value, &self.apply(Function::Sigmoid)),
            Function::Gelu => {
                let scale = Self::constant(Enclosure::ONE / Enclosure::from(2.0).sqrt());
                let erf = self.times(&scale).apply(Function::Erf);
                let mut jet = self.times(&Self(erf.plus_constant(1.0).0.map(|x| x * 0.5)));
                jet.0[0] = value;
                jet
            }
        }
    }
}
