//! Proved values of Hermite coefficients `c_k = E[g(z) h_k(z)]` (section C).

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::maximum;
use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::expression::{Expression, Function, enclosed};
use super::level_set::{density, hermite};
use super::number::{Jet, Number, ORDERS};

/// How the integral of a coefficient is split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// A cell is accepted where its Taylor remainder is below this.
    pub remainder: f64,
    /// A cell with a kink or a jump is not split further.
    pub narrowest: f64,
    /// Where the line is cut.
    pub reach: f64,
    /// At most so many cells: the rest is bounded by its range.
    pub cells: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { remainder: 1e-17, narrowest: 1e-14, reach: 13.0, cells: 20_000 }
    }
}

/// A bound `|g(z)| <= scale (1 + |z|)^power` for `|z| >= 13`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Growth {
    scale: f64,
    power: u32,
}

fn growth(g: &Expression, reach: f64) -> Option<Growth> {
    let right = g.evaluate(&[Enclosure::new(reach, f64::INFINITY)]);
    let left = g.evaluate(&[Enclosure::new(f64::NEG_INFINITY, -reach)]);
    if right.is_finite() && left.is_finite() {
        return Some(Growth { scale: maximum(right.magnitude(), left.magnitude()), power: 0 });
    }
    let bound = |scale: f64, power: u32| Growth { scale: scale * (1.0 + 1e-12), power };
    match g {
        Expression::Variable(0) => Some(bound(1.0, 1)),
        Expression::Sum(parts) => parts.iter().try_fold(bound(0.0, 0), |sum, part| {
            let part = growth(part, reach)?;
            Some(bound(sum.scale + part.scale, sum.power.max(part.power)))
        }),
        Expression::Product(parts) => parts.iter().try_fold(bound(1.0, 0), |all, part| {
            let part = growth(part, reach)?;
            Some(bound(all.scale * part.scale, all.power + part.power))
        }),
        Expression::Power(base, n) => {
            let n = u32::try_from(*n).ok()?;
            let base = growth(base, reach)?;
            Some(bound(base.scale.powi(n.to_i32()?), base.power * n))
        }
        Expression::Hermite(n, x) => {
            // The moduli of He_n's coefficients sum to at most 2^n n!; crude, and enough beyond the
            // cut.
            let x = growth(x, reach)?;
            let moduli = (1..=*n).fold(1.0, |p, i| 2.0 * p * f64::from(i));
            Some(bound(moduli * maximum(x.scale, 1.0).powi(n.to_i32()?), x.power * n))
        }
        Expression::Call(function, arguments) => {
            if matches!(
                function,
                Function::Tanh
                    | Function::Erf
                    | Function::Sigmoid
                    | Function::Sin
                    | Function::Cos
                    | Function::Sign
                    | Function::Step
            ) {
                return Some(bound(1.0, 0));
            }
            let first = growth(&arguments[0], reach)?;
            match function {
                Function::Relu | Function::Abs | Function::Gelu => Some(first),
                Function::Softplus | Function::Round | Function::Sqrt => {
                    Some(bound(first.scale + 1.0, first.power))
                }
                Function::Min | Function::Max => {
                    let second = growth(arguments.get(1)?, reach)?;
                    Some(bound(first.scale + second.scale, first.power.max(second.power)))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// An enclosure of `E[g(z) h_k(z)]` for a function of one coordinate; undefined if its growth could
/// not be bounded.
///
/// Cells of the line on which the integrand has a Taylor jet of order 14 add
/// `2 sum_{even j < 14} f_j(c) r^{j+1}/(j+1) +- 2 sup|f_14| r^15/15`; where a kink or a jump lies,
/// cells shrink to `1e-14` and add their range times their width. Beyond the cut the growth bounds
/// the rest.
pub fn integrated(g: &Expression, k: u32, tuning: &Tuning) -> Enclosure {
    let Some(growth) = growth(g, tuning.reach) else { return Enclosure::UNDEFINED };
    let power = growth.power + k;
    if power > 100 {
        return Enclosure::UNDEFINED;
    }
    // int_R^inf (1 + z)^n phi <= (1 + R)^n phi(R)/(R - n/(1 + R)); |h_k(z)| <= z^k beyond its
    // zeros; two sides.
    let reach = Enclosure::from(tuning.reach);
    let slope = reach - f64::from(power) / (reach + 1.0);
    let tail = (reach + 1.0).powi(power) * density(reach) * 2.0 * growth.scale / slope;
    let tail = tail.magnitude();

    let integrand = |cell: Enclosure| {
        let z = Jet::variable(cell);
        let value = g.evaluate(std::slice::from_ref(&z));
        value.times(&weight(k, &z))
    };
    let mut total = Enclosure::new(-tail, tail);
    let mut visited = 0;
    let mut stack: Vec<(f64, f64)> = (0..52)
        .map(|i| {
            let width = tuning.reach / 26.0;
            (-tuning.reach + f64::from(i) * width, -tuning.reach + f64::from(i + 1) * width)
        })
        .collect();
    while let Some((low, high)) = stack.pop() {
        visited += 1;
        let centre = 0.5 * (low + high);
        let radius = maximum((high - centre).next_up(), (centre - low).next_up());
        let cell = Enclosure::new(low, high);
        let widest = integrand(cell);
        let last = Enclosure::from(widest.0[ORDERS - 1].magnitude());
        let order = u32::try_from(ORDERS).unwrap_or(u32::MAX);
        let remainder = (last * Enclosure::from(radius).powi(order) * 2.0 / f64::from(order)).hi();
        if remainder <= tuning.remainder {
            // The cell's halves may differ by a rounding: integrate from the centre to either end.
            let at = integrand(Enclosure::from(centre));
            let (right, left) = (Enclosure::from(high) - centre, Enclosure::from(low) - centre);
            let mut sum = Enclosure::ZERO;
            for (j, f) in at.0.iter().enumerate().take(ORDERS - 1).rev() {
                let n = u32::try_from(j).unwrap_or(u32::MAX) + 1;
                sum += *f * (right.powi(n) - left.powi(n)) / f64::from(n);
            }
            total += sum + Enclosure::new(-remainder, remainder);
        } else if high - low > tuning.narrowest && visited < tuning.cells {
            stack.push((low, centre));
            stack.push((centre, high));
        } else {
            let range = g.evaluate(&[cell]) * hermite(k, cell) * density(cell);
            total += range * Enclosure::new(0.0, (high - low).next_up()).hull(high - low);
        }
        if total.is_undefined() {
            return Enclosure::UNDEFINED;
        }
    }
    total
}

/// The jet of `h_k(z) phi(z)`.
fn weight(k: u32, z: &Jet) -> Jet {
    let mut below = Jet::constant(Enclosure::ZERO);
    let mut now = Jet::constant(Enclosure::ONE);
    for j in 0..k {
        let root = Enclosure::from(f64::from(j + 1)).sqrt();
        let next =
            z.times(&now).plus(&below.times(&Jet::constant(-Enclosure::from(f64::from(j)).sqrt())));
        below = now;
        now = next.times(&Jet::constant(Enclosure::ONE / root));
    }
    let square = Number::power(z, 2).times(&Jet::constant(Enclosure::from(-0.5)));
    let scale = Jet::constant(Enclosure::ONE / (Enclosure::PI * 2.0).sqrt());
    now.times(&square.apply(Function::Exp)).times(&scale)
}

/// An enclosure of `c_k` in closed form where there is one: sums and multiples of polynomials and
/// of `sin`, `cos`, `exp` of a multiple of `z`.
///
/// `E[exp(w z) h_k] = w^k exp(w^2/2)/sqrt(k!)`, and for waves `w^k exp(-w^2/2)/sqrt(k!)` with a
/// sign or zero. Relative accuracy: small is not zero.
pub fn closed(g: &Expression, k: u32) -> Option<Enclosure> {
    if g.is_constant() {
        return Some(if k == 0 { g.constant_value() } else { Enclosure::ZERO });
    }
    if let Some(p) = g.polynomial(1) {
        let terms = p.hermite_terms();
        return Some(enclosed(&terms.coefficient(&[k])) * root_factorial(k));
    }
    match g {
        Expression::Sum(parts) => {
            parts.iter().try_fold(Enclosure::ZERO, |sum, part| Some(sum + closed(part, k)?))
        }
        Expression::Product(parts) => {
            let (constants, others): (Vec<_>, Vec<_>) =
                parts.iter().partition(|part| part.is_constant());
            let [single] = others.as_slice() else { return None };
            let scale: Enclosure =
                constants.iter().fold(Enclosure::ONE, |all, c| all * c.constant_value());
            Some(scale * closed(single, k)?)
        }
        Expression::Call(function, arguments) => {
            let frequency = multiple_of_variable(&arguments[0])?;
            let size = frequency.powi(k) / root_factorial(k);
            let decay = (-(frequency.square() * 0.5)).exp();
            match (function, k % 4) {
                (Function::Exp, _) => Some(size * (frequency.square() * 0.5).exp()),
                (Function::Cos, 0) | (Function::Sin, 1) => Some(size * decay),
                (Function::Cos, 2) | (Function::Sin, 3) => Some(-(size * decay)),
                (Function::Cos | Function::Sin, _) => Some(Enclosure::ZERO),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `w` if the expression is `w z` with a constant `w`.
fn multiple_of_variable(g: &Expression) -> Option<Enclosure> {
    match g {
        Expression::Variable(0) => Some(Enclosure::ONE),
        Expression::Product(parts) => {
            let (constants, others): (Vec<_>, Vec<_>) =
                parts.iter().partition(|part| part.is_constant());
            if others.as_slice() != [&Expression::Variable(0)] {
                return None;
            }
            Some(constants.iter().fold(Enclosure::ONE, |all, c| all * c.constant_value()))
        }
        _ => None,
    }
}

/// `sqrt(k!)`.
pub fn root_factorial(k: u32) -> Enclosure {
    let factorial = (1..=k).fold(BigInt::from(1), |p, i| p * i);
    enclosed(&num_rational::BigRational::from_integer(factorial)).sqrt()
}
