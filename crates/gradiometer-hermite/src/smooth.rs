//! Smooth activations without closed-form coefficients, expanded by the trapezoidal rule.
//!
//! For `r = |w|` the coefficients of `z -> sigma(r z)` come from those of the derivative,
//!
//! ```text
//! g_k = E[sigma'(r z) h_k(z)],   c_k = (r/sqrt k) g_(k-1),   c_k' = sqrt(k+1) g_(k+1) + sqrt(k) g_(k-1),
//! ```
//!
//! which stay accurate as `r` goes to 0. With a step `h`, an integrand that is analytic for
//! `|Im z| <= y` and of modulus at most `M` there, integrated over each line, is integrated with an
//! error of at most `2 M/(exp(2 pi y/h) - 1)` \[TrefethenWeideman2014\]. On the line `Im z = y`
//! `E |h_k|^2 <= exp(2 sqrt(k) y)`, so that `M <= A exp(y^2/2 + sqrt(k) y)` for `|sigma'| <= A`.

use crate::float::{maximum, minimum};
use crate::normal::{density, upper_tail};
use crate::polynomial::{ScaledCoefficient, hermite_functions};
use std::f64::consts::TAU;

/// An activation that is analytic in a strip about the real line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Smooth {
    /// `log(1 + exp z)`.
    Softplus,
    /// `tanh z`.
    Tanh,
    /// `z P(Z < z)`.
    Gelu,
    /// `1/(1 + exp(-z))`.
    Sigmoid,
}

/// Where an activation is analytic, and how large it and its derivatives are.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Strip {
    /// `D`: the strip is `|Im z| <= D`.
    half_width: f64,
    /// `A` with `|sigma'| <= A` in the strip.
    slope: f64,
    /// `B` with `|sigma| <= B + |Re z|` in the strip.
    value: f64,
}

impl Smooth {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Softplus, Self::Tanh, Self::Gelu, Self::Sigmoid];

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Softplus => "softplus",
            Self::Tanh => "tanh",
            Self::Gelu => "gelu",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// `sigma(z)`, to a few units in the last place.
    pub fn value(self, z: f64) -> f64 {
        match self {
            Self::Softplus => maximum(z, 0.0) + (-z.abs()).exp().ln_1p(),
            Self::Tanh => z.tanh(),
            Self::Gelu => z * upper_tail(-z),
            Self::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        }
    }

    /// `sigma'(z)`; of GELU `P(Z < z) + z phi(z)`, whose terms cancel for negative `z`.
    pub fn slope(self, z: f64) -> f64 {
        match self {
            Self::Softplus => Self::Sigmoid.value(z),
            Self::Tanh => {
                // 1/cosh^2 without overflow.
                let e = (-2.0 * z.abs()).exp();
                4.0 * e / ((1.0 + e) * (1.0 + e))
            }
            Self::Gelu => upper_tail(-z) + z * density(z),
            Self::Sigmoid => {
                let e = (-z.abs()).exp();
                e / ((1.0 + e) * (1.0 + e))
            }
        }
    }

    /// The moduli of the terms of `sigma'(z)`.
    pub fn slope_size(self, z: f64) -> f64 {
        match self {
            Self::Gelu => upper_tail(-z) + z.abs() * density(z),
            _ => self.slope(z),
        }
    }

    /// The largest `|sigma'|` and `|sigma''|` on the real line, rounded up.
    pub const fn steepest(self) -> [f64; 2] {
        match self {
            // (1 + exp(-z))^-1 and a quarter.
            Self::Softplus => [1.0, 0.25],
            // 4/(3 sqrt 3).
            Self::Tanh => [1.0, 0.7699],
            // 1/2 + phi's mass to sqrt 2 and sqrt 2 phi(sqrt 2); 2 phi(0).
            Self::Gelu => [1.1290, 0.7979],
            // 1/(6 sqrt 3).
            Self::Sigmoid => [0.25, 0.0963],
        }
    }

    /// With `u = Re z` and `v = Im z`: `|1 + exp z| >= sin |v|` beyond `pi/2`, `|cosh z|^2 = sinh^2 u + cos^2 v`,
    /// and `|P(Z < z)| <= 1 + phi(u) |v| exp(v^2/2)`.
    const fn strip(self) -> Strip {
        match self {
            // 1/sin 3 = 7.09; |log(1 + exp z)| <= u + log 8 + pi.
            Self::Softplus => Strip { half_width: 3.0, slope: 7.2, value: 6.0 },
            // 1/cos^2 1.5 = 200; |tanh| <= 1/cos 1.5 = 14.2.
            Self::Tanh => Strip { half_width: 1.5, slope: 202.0, value: 15.0 },
            // 1 + 0.4 2 e^2 = 6.9 and 0.4 (2 + 0.61) e^2 = 7.8; 2 6.9 and u.
            Self::Gelu => Strip { half_width: 2.0, slope: 15.0, value: 22.0 },
            // s and s (1 - s) with 1/sin 3.
            Self::Sigmoid => Strip { half_width: 3.0, slope: 58.0, value: 7.2 },
        }
    }
}

/// Beyond it, `exp(-z^2/4)` is below `1e-21` and nothing counts.
const RADIUS: f64 = 14.0;
/// `2 pi y/h` less the integrand's growth: `exp(-46)` is `1e-20`.
const DECADES: f64 = 46.0;
/// The widest strip of use, and the most points on either side.
const WIDEST: f64 = 2.0;
const MOST_POINTS: f64 = 8192.0;
/// The rounding unit.
const UNIT: f64 = 0.5 * f64::EPSILON;

/// The `L2` norm of something and bounds on what is missing of it: beyond the highest degree, and
/// by the errors of the coefficients.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    /// The norm.
    pub norm: f64,
    /// Bound on the norm of the degrees left out.
    pub tail: f64,
    /// Bound on the norm of the coefficients' errors.
    pub rounding: f64,
}

/// Hermite coefficients of `z -> sigma(r z)`, degrees `0..=n`, with what they leave out.
#[derive(Clone, Debug, PartialEq)]
pub struct Expansion {
    /// The coefficients and their slopes in `r`.
    pub coefficients: Vec<ScaledCoefficient>,
    /// `sigma(w . x)` in `L2`; the part left out is orthogonal to that of any other neuron's first
    /// `n` degrees.
    pub value: Part,
    /// Its gradient in `w`.
    pub gradient: Part,
    /// Bound on the error of a single coefficient.
    pub coefficient_error: f64,
}

impl Expansion {
    /// Whether more degrees would tell more: the tails stand above the rounding that hides them.
    pub fn wants_more_degrees(&self) -> bool {
        let hidden = |part: &Part| (16.0 * part.norm * part.rounding).sqrt();
        self.value.tail > hidden(&self.value) + self.value.rounding
            || self.gradient.tail > hidden(&self.gradient) + self.gradient.rounding
    }
}

/// The points of the trapezoidal rule with the Hermite functions at them, for neurons up to a length.
#[derive(Clone, Debug)]
pub struct Expander {
    smooth: Smooth,
    highest: usize,
    step: f64,
    points: Vec<f64>,
    /// `h exp(-z^2/4)/sqrt(2 pi)` at each point.
    weights: Vec<f64>,
    /// `h_k(z) exp(-z^2/4)`, degrees `0..=n + 1`, point by point.
    functions: Vec<f64>,
}

impl Expander {
    /// The rule for lengths up to `longest` and degrees up to `highest`.
    pub fn new(smooth: Smooth, longest: f64, highest: usize) -> Self {
        let y = minimum(smooth.strip().half_width / maximum(longest, 1e-300), WIDEST);
        let growth = 0.5 * y * y + ((highest + 2) as f64).sqrt() * y;
        let step = maximum(TAU * y / (DECADES + growth), RADIUS / MOST_POINTS);
        let mut points = vec![0.0];
        let mut k = 1.0;
        while k * step <= RADIUS {
            points.extend([k * step, -k * step]);
            k += 1.0;
        }
        let weight = |z: &f64| step * (-0.25 * z * z).exp() / TAU.sqrt();
        let weights = points.iter().map(weight).collect();
        let mut functions = vec![0.0; points.len() * (highest + 2)];
        for (z, row) in points.iter().zip(functions.chunks_exact_mut(highest + 2)) {
            hermite_functions(*z, row);
        }
        Self { smooth, highest, step, points, weights, functions }
    }

    /// Roundings of a sum over the points, of the Hermite functions and of the activation, in units
    /// of the `L2` norm of what is expanded.
    pub fn operations(&self) -> f64 {
        self.points.len() as f64 + 8.0 * (self.highest + 10) as f64 + 40.0
    }

    /// The expansion at the length `r`, at most the longest that the rule is for.
    ///
    /// Error of `g_k`: that of the rule and [`operations`](Self::operations) units of
    /// `(E sigma'^2)^(1/2)`. Cost: a product of the points with the degrees.
    pub fn at(&self, r: f64) -> Expansion {
        let n = self.highest;
        // g_k for k = 0..=n+1, and E sigma, E sigma^2, E sigma'^2, E z^2 sigma'^2.
        let mut g = vec![0.0; n + 2];
        let (mut mean, mut energy, mut slopes, mut radial) = (0.0, 0.0, 0.0, 0.0);
        let rows = self.functions.chunks_exact(n + 2);
        for ((z, weight), row) in self.points.iter().zip(&self.weights).zip(rows) {
            let (value, slope) = (self.smooth.value(r * z), self.smooth.slope(r * z));
            let density = weight * row[0];
            mean += density * value;
            energy += density * value * value;
            slopes += density * slope * slope;
            radial += density * (slope * z) * (slope * z);
            let factor = weight * slope;
            for (sum, h) in g.iter_mut().zip(row) {
                *sum += factor * h;
            }
        }
        let root = |k: usize| (k as f64).sqrt();
        let mut coefficients = vec![ScaledCoefficient { value: mean, over_norm: 0.0, slope: g[1] }];
        coefficients.extend((1..=n).map(|k| ScaledCoefficient {
            value: r * g[k - 1] / root(k),
            over_norm: g[k - 1] / root(k),
            slope: root(k + 1) * g[k + 1] + root(k) * g[k - 1],
        }));
        let own = self.operations() * UNIT;
        let error = own * slopes.sqrt() + self.rule_error(r, n + 1);
        let harmonic = 1.0 + (n as f64).ln_1p();
        let mean_error = own * energy.sqrt() + self.rule_error(r, 0);
        let value_rounding = mean_error + r * error * harmonic.sqrt();
        // Both neighbours of a slope, and k over_norm = sqrt(k) g_(k-1).
        let gradient_rounding = 3.0 * (n as f64 + 2.0) * error;
        let kept = |f: fn(&ScaledCoefficient, f64) -> f64| -> f64 {
            coefficients.iter().enumerate().map(|(k, c)| f(c, k as f64)).sum()
        };
        let part = |all: f64, kept: f64, rounding: f64| {
            let slack = 8.0 * own * all + 2.0 * all.sqrt() * rounding + rounding * rounding;
            Part { norm: all.sqrt(), tail: (maximum(all - kept, 0.0) + slack).sqrt(), rounding }
        };
        // The gradient's radial part, and k c_k^2/r^2 for the directions across.
        let gradient = kept(|c, k| c.slope * c.slope + k * c.over_norm * c.over_norm);
        Expansion {
            value: part(energy, kept(|c, _| c.value * c.value), value_rounding),
            gradient: part(slopes + radial, gradient, gradient_rounding),
            coefficient_error: maximum(mean_error, r * error),
            coefficients,
        }
    }

    /// Bound on the error of the rule for degree `k`, of `sigma` for `k = 0` and of `sigma'`.
    fn rule_error(&self, r: f64, k: usize) -> f64 {
        let strip = self.smooth.strip();
        let y = minimum(strip.half_width / maximum(r, 1e-300), WIDEST);
        // E |z| < 1; beyond the radius |h_k| exp(-z^2/4) <= 1.0865 and |z| exp(-z^2/4) falls.
        let size = maximum(strip.slope, strip.value + r);
        let beyond = 4.0 * RADIUS * size * (-0.25 * RADIUS * RADIUS).exp();
        let growth = (0.5 * y * y + (k as f64).sqrt() * y).exp();
        2.0 * size * growth / (TAU * y / self.step).exp_m1() + beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named::Named;
    use gradiometer_testing::{close, rounding};

    fn named(smooth: Smooth) -> Named {
        Named::of(smooth.name()).unwrap()
    }

    #[test]
    fn coefficients_are_those_of_an_adaptive_rule_and_a_wrong_one_is_seen() {
        for smooth in Smooth::ALL {
            for r in [0.05, 0.7, 1.0, 2.5, 9.0] {
                let expansion = Expander::new(smooth, r, 40).at(r);
                let other = named(smooth).coefficients(r, 40).unwrap();
                for (k, (c, other)) in expansion.coefficients.iter().zip(&other).enumerate() {
                    let off = (c.value - other.value).abs();
                    let allowed = expansion.coefficient_error + other.error;
                    assert!(off <= allowed, "{smooth:?} {r} {k}: {off:e} {allowed:e}");
                    // Bounds of some use.
                    assert!(allowed <= f64::powi(0.5, 36) * (1.0 + r), "{allowed:e}");
                }
                let far = Expander::new(smooth, r, 40).at(r * (1.0 + 1e-6));
                let moved = far.coefficients[1].value - other[1].value;
                assert!(moved.abs() > expansion.coefficient_error + other[1].error);
            }
        }
    }

    #[test]
    fn slopes_are_differences_and_limits_at_zero_are_right() {
        let h = 1.0 / 1024.0;
        for smooth in Smooth::ALL {
            for r in [0.5, 1.5] {
                let expander = Expander::new(smooth, r + 2.0 * h, 20);
                let at = |steps: f64| expander.at(r + steps * h).coefficients;
                for (k, c) in at(0.0).iter().enumerate() {
                    let value = |steps: f64| at(steps)[k].value;
                    let difference = (8.0 * (value(1.0) - value(-1.0))
                        - (value(2.0) - value(-2.0)))
                        / (12.0 * h);
                    // h^4/30 times the fifth derivative, and rounding over h.
                    let allowed = h.powi(4) * 40.0 + rounding(4096, 1.0 / h).bound();
                    assert!((c.slope - difference).abs() <= allowed, "{smooth:?} {r} {k}");
                    if k > 0 {
                        close(c.over_norm * r, c.value, rounding(4, 1.0));
                    }
                }
            }
            let zero = Expander::new(smooth, 0.0, 6).at(0.0).coefficients;
            close(zero[0].value, smooth.value(0.0), rounding(512, 1.0));
            close(zero[1].over_norm, smooth.slope(0.0), rounding(512, 1.0));
            close(zero[2].over_norm, 0.0, rounding(512, 1.0));
        }
    }

    #[test]
    fn tails_are_what_more_degrees_find() {
        // The square root of what hides a square.
        let hidden = |part: &Part| (32.0 * part.norm * part.rounding).sqrt();
        for smooth in Smooth::ALL {
            for r in [1.0, 3.0] {
                let few = Expander::new(smooth, r, 6).at(r);
                let many = Expander::new(smooth, r, 120).at(r);
                let left: f64 = many.coefficients[7..].iter().map(|c| c.value * c.value).sum();
                assert!(left.sqrt() <= few.value.tail, "{smooth:?} {r}");
                let most = left.sqrt() + many.value.tail + hidden(&few.value);
                assert!(few.value.tail <= most, "{smooth:?} {r}");
                let slopes = |(k, c): (usize, &ScaledCoefficient)| {
                    c.slope * c.slope + k as f64 * c.over_norm * c.over_norm
                };
                let rest: f64 = many.coefficients.iter().enumerate().skip(7).map(slopes).sum();
                assert!(rest.sqrt() <= few.gradient.tail, "{smooth:?} {r}");
                let most = rest.sqrt() + many.gradient.tail + hidden(&few.gradient);
                assert!(few.gradient.tail <= most, "{smooth:?} {r}");
            }
        }
        // tanh has slow coefficients at length 3; softplus at 1 needs no more than sixty.
        assert!(Expander::new(Smooth::Tanh, 3.0, 20).at(3.0).wants_more_degrees());
        assert!(!Expander::new(Smooth::Softplus, 1.0, 64).at(1.0).wants_more_degrees());
    }

    #[test]
    fn strips_and_steepest_slopes_bound_what_they_say() {
        for smooth in Smooth::ALL {
            let [first, second] = smooth.steepest();
            let h = 1.0 / 4096.0;
            let (mut largest, mut bend) = (0.0, 0.0);
            for i in -40_960..=40_960 {
                let z = f64::from(i) * h;
                largest = maximum(largest, smooth.slope(z).abs());
                let second = (smooth.slope(z + h) - smooth.slope(z - h)) / (2.0 * h);
                bend = maximum(bend, second.abs());
                assert!(smooth.slope_size(z) >= smooth.slope(z).abs());
            }
            assert!(largest <= first && first <= 1.01 * largest + 0.01, "{smooth:?} {largest}");
            assert!(bend <= second && second <= 1.01 * bend, "{smooth:?} {bend}");
        }
    }

    #[test]
    fn a_longer_neuron_than_the_rule_is_for_has_a_larger_error() {
        let rule = Expander::new(Smooth::Tanh, 1.0, 10);
        let (meant, longer) = (rule.at(1.0), rule.at(30.0));
        assert!(longer.coefficient_error > 1e3 * meant.coefficient_error);
        let exact = Expander::new(Smooth::Tanh, 30.0, 10).at(30.0);
        let off = (longer.coefficients[1].value - exact.coefficients[1].value).abs();
        assert!(off <= longer.coefficient_error + exact.coefficient_error);
        assert!(off > exact.coefficient_error);
    }
}
