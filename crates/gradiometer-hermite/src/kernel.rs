//! Closed-form kernels `K(w, v) = E[sigma(w.x) sigma(v.x)]` for any norms, with their gradient in `w`.

use crate::activation::Activation;
use crate::angle::Angle;
use crate::error::HermiteError;
use crate::polynomial::Polynomial;
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2, TAU};

/// Two neurons as a kernel sees them: their lengths and the angle between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// `|w|`.
    pub first_norm: f64,
    /// `|v|`.
    pub second_norm: f64,
    /// The angle between `w` and `v`; any if one is zero.
    pub angle: Angle,
}

impl Pair {
    /// A pair of unit vectors.
    pub const fn unit(angle: Angle) -> Self {
        Self { first_norm: 1.0, second_norm: 1.0, angle }
    }

    /// The pair `(w, v)`, whose lengths must not overflow when squared.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::kernel::Pair;
    /// let pair = Pair::of(&[3.0, 4.0], &[0.0, 2.0]);
    /// assert_eq!((pair.first_norm, pair.second_norm), (5.0, 2.0));
    /// assert!((pair.angle.cosine() - 0.8).abs() <= f64::EPSILON);
    /// ```
    pub fn of(w: &[f64], v: &[f64]) -> Self {
        let norm = |w: &[f64]| w.iter().map(|x| x * x).sum::<f64>().sqrt();
        let (first_norm, second_norm) = (norm(w), norm(v));
        let direction = |w: &[f64], length: f64| -> Vec<f64> {
            w.iter().map(|x| if length > 0.0 { x / length } else { 0.0 }).collect()
        };
        let angle = Angle::between(&direction(w, first_norm), &direction(v, second_norm));
        Self { first_norm, second_norm, angle }
    }

    /// The pair `(v, w)`, whose gradient is the one in `v`.
    #[must_use]
    pub const fn swapped(self) -> Self {
        Self { first_norm: self.second_norm, second_norm: self.first_norm, angle: self.angle }
    }

    fn has_zero(self) -> bool {
        self.first_norm <= 0.0 || self.second_norm <= 0.0
    }
}

/// Which Hermite degrees of the functions `x -> sigma(w.x)` a kernel or a loss keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Degrees {
    /// All of them: the raw activation.
    All,
    /// Degrees two and above: what preprocessing leaves (section 3 of \[ZG24\]). The default.
    #[default]
    FromTwo,
}

/// A kernel's value and its gradient in `w`, `grad_w K = along_first wbar + along_second vbar`.
///
/// A zero vector has the zero direction, so with `w = 0` only `along_second` acts and with `v = 0` only
/// `along_first`. Never NaN for finite lengths, except where stated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairKernel {
    /// `K(w, v)`.
    pub value: f64,
    /// Coefficient of `wbar = w/|w|` in the gradient.
    pub along_first: f64,
    /// Coefficient of `vbar = v/|v|` in the gradient.
    pub along_second: f64,
}

const ZERO: PairKernel = PairKernel { value: 0.0, along_first: 0.0, along_second: 0.0 };

/// The kernel of an activation in closed form.
///
/// # Errors
/// [`HermiteError::NoClosedForm`] for a smooth or a user's activation; expand it instead
/// ([`Expander`](crate::smooth::Expander), [`HermiteSeries`](crate::HermiteSeries)).
///
/// # Examples
/// ```
/// use gradiometer_hermite::{Activation, Angle, kernel::{kernel, Degrees, Pair}};
/// let orthogonal = Pair::unit(Angle::from_cosine(0.0));
/// let relu = kernel(&Activation::Relu, orthogonal, Degrees::All).unwrap();
/// assert!((relu.value - 0.5 / std::f64::consts::PI).abs() <= f64::EPSILON);
/// ```
pub fn kernel(
    activation: &Activation,
    pair: Pair,
    degrees: Degrees,
) -> Result<PairKernel, HermiteError> {
    match activation {
        Activation::Relu => Ok(relu(pair, degrees)),
        Activation::Absolute => Ok(absolute(pair, degrees)),
        Activation::Step => Ok(step(pair, degrees)),
        Activation::Erf => Ok(erf(pair, degrees)),
        Activation::LeakyRelu(slope) => Ok(leaky_relu(*slope, pair, degrees)),
        Activation::Polynomial(p) => Ok(polynomial(p, pair, degrees)),
        Activation::Smooth(_) | Activation::Custom(_) => Err(no_closed_form(activation)),
    }
}

fn no_closed_form(activation: &Activation) -> HermiteError {
    HermiteError::NoClosedForm { name: activation.name().to_owned() }
}

/// ReLU: `K = |w||v| (sin phi + (pi - phi) cos phi)/(2 pi)`, and `|w||v| k(t)` from degree two.
///
/// The gradient is `|v| (sin phi wbar + (pi - phi) vbar)/(2 pi)`, and
/// `|v| ((sin phi - 1) wbar + asin(t) vbar)/(2 pi)` from degree two; it is 0 where `w = 0` or `v = 0`.
/// Relative error a few `eps` of each number, for the given norms and angle. \[ChoSaul2009\]
///
/// # Examples
/// ```
/// use gradiometer_hermite::{Angle, kernel::{relu, Degrees, Pair}};
/// let same = Pair { first_norm: 2.0, second_norm: 3.0, angle: Angle::from_radians(0.0) };
/// assert_eq!(relu(same, Degrees::All).value, 3.0); // |w||v| / 2
/// ```
#[inline]
pub fn relu(pair: Pair, degrees: Degrees) -> PairKernel {
    if pair.has_zero() {
        return ZERO;
    }
    let Pair { first_norm, second_norm, angle } = pair;
    let (t, sine) = (angle.cosine(), angle.sine());
    match degrees {
        Degrees::All => {
            let supplement = angle.supplement();
            // sin eta - eta cos eta with eta = pi - phi, which opposite neurons make small.
            let arc = if supplement < 0.5 {
                sine_minus_cosine(supplement)
            } else {
                sine + supplement * t
            };
            PairKernel {
                value: first_norm * second_norm * arc / TAU,
                along_first: second_norm * sine / TAU,
                along_second: second_norm * supplement / TAU,
            }
        }
        Degrees::FromTwo => {
            let asin = angle.complement();
            let dip = t * t / (1.0 + sine);
            PairKernel {
                value: first_norm * second_norm * (t * asin - dip) / TAU,
                along_first: -second_norm * dip / TAU,
                along_second: second_norm * asin / TAU,
            }
        }
    }
}

/// `|z|`: four times ReLU's kernel from degree two, plus `(2/pi) |w||v|` for degree zero (degree one is absent).
///
/// Zero vectors as for [`relu`].
pub fn absolute(pair: Pair, degrees: Degrees) -> PairKernel {
    if pair.has_zero() {
        return ZERO;
    }
    let even = relu(pair, Degrees::FromTwo);
    let mean = match degrees {
        Degrees::All => FRAC_2_PI * pair.second_norm,
        Degrees::FromTwo => 0.0,
    };
    PairKernel {
        value: 4.0 * even.value + mean * pair.first_norm,
        along_first: 4.0 * even.along_first + mean,
        along_second: 4.0 * even.along_second,
    }
}

/// `max(z, s z) = (1 - s) relu(z) + s z`: from degree two `(1 - s)^2` times ReLU's kernel.
///
/// Below, degree zero adds `((1 - s)^2/(2 pi)) |w||v|` and degree one `((1 + s)^2/4) w.v`. Zero vectors as for
/// [`relu`].
pub fn leaky_relu(slope: f64, pair: Pair, degrees: Degrees) -> PairKernel {
    if pair.has_zero() {
        return ZERO;
    }
    let kink = (1.0 - slope) * (1.0 - slope);
    let even = relu(pair, Degrees::FromTwo);
    let (mean, linear) = match degrees {
        Degrees::All => (kink / TAU, 0.25 * (1.0 + slope) * (1.0 + slope)),
        Degrees::FromTwo => (0.0, 0.0),
    };
    let Pair { first_norm: r, second_norm: s, angle } = pair;
    PairKernel {
        value: kink * even.value + r * s * (mean + linear * angle.cosine()),
        along_first: kink * even.along_first + s * mean,
        along_second: kink * even.along_second + s * linear,
    }
}

/// `1{z > 0}`: `K = (pi - phi)/(2 pi)`, and `(asin t - t)/(2 pi)` from degree two.
///
/// The gradient has length `1/(2 pi |w|)` however close `w` and `v` are and no limit at `phi = 0` and `pi`;
/// there, and for zero vectors, it is given as 0 (the mean over all approaches).
pub fn step(pair: Pair, degrees: Degrees) -> PairKernel {
    if pair.has_zero() {
        return ZERO;
    }
    let (t, sine) = (pair.angle.cosine(), pair.angle.sine());
    let scale = TAU * pair.first_norm;
    let (value, slope) = match degrees {
        Degrees::All => (pair.angle.supplement() / TAU, 1.0 / sine),
        // 1/sine - 1 = t^2 / (sine (1 + sine)).
        Degrees::FromTwo => {
            (asin_minus_identity(t, pair.angle.complement()) / TAU, t * t / (sine * (1.0 + sine)))
        }
    };
    if sine <= 0.0 {
        return PairKernel { value, ..ZERO };
    }
    PairKernel { value, along_first: -t * slope / scale, along_second: slope / scale }
}

/// `erf(z/sqrt 2)`: `K = (2/pi) asin rho`, `rho = w.v / sqrt((1 + |w|^2)(1 + |v|^2))`; from degree two
/// `(2/pi)(asin rho - rho)`. \[SaadSolla1995\]
///
/// Smooth everywhere, zero vectors included. `1 - rho^2` is computed as
/// `(1 + |w|^2 + |v|^2 + |w|^2 |v|^2 sin^2 phi)/((1 + |w|^2)(1 + |v|^2))`, without cancellation.
pub fn erf(pair: Pair, degrees: Degrees) -> PairKernel {
    let Pair { first_norm: r, second_norm: s, angle } = pair;
    let (length_r, length_s) = (1.0_f64.hypot(r), 1.0_f64.hypot(s));
    let rho = (r / length_r) * (s / length_s) * angle.cosine();
    // rho^2 + complement^2 = 1.
    let complement = 1.0_f64.hypot(r).hypot(s).hypot(r * s * angle.sine()) / length_r / length_s;
    let asin = rho.atan2(complement);
    let (value, slope) = match degrees {
        Degrees::All => (asin, 1.0 / complement),
        Degrees::FromTwo => {
            (asin_minus_identity(rho, asin), rho * rho / (complement * (1.0 + complement)))
        }
    };
    let slope = FRAC_2_PI * slope;
    PairKernel {
        value: FRAC_2_PI * value,
        along_first: -slope * rho * (r / length_r) / length_r,
        along_second: slope * (s / length_s) / length_r,
    }
}

/// A polynomial: `K = sum_k c_k(|w|) c_k(|v|) t^k` with `c_k(r) = E[p(r z) h_k(z)]`, a finite sum.
///
/// Absolute error a few `eps` times the sum of the moduli, degree by degree; smooth, zero vectors included.
pub fn polynomial(p: &Polynomial, pair: Pair, degrees: Degrees) -> PairKernel {
    let t = pair.angle.cosine();
    let first = p.scaled(pair.first_norm);
    let second = p.scaled(pair.second_norm);
    let mut kernel = ZERO;
    let from = match degrees {
        Degrees::All => 0,
        Degrees::FromTwo => 2,
    };
    let mut power = if from == 0 { 1.0 } else { t * t }; // t^k
    let mut below = if from == 0 { 0.0 } else { t }; // t^(k-1), of no use at k = 0
    for k in from..first.len() {
        let other = second[k].value;
        let turn = k as f64 * first[k].over_norm * other * below;
        kernel.value += first[k].value * other * power;
        kernel.along_first += first[k].slope * other * power - t * turn;
        kernel.along_second += turn;
        below = power;
        power *= t;
    }
    kernel
}

/// `sin eta - eta cos eta` for `0 <= eta <= 1/2`, relative error a few `eps`.
fn sine_minus_cosine(eta: f64) -> f64 {
    // sum_{j >= 1} (-1)^(j+1) 2j eta^(2j+1) / (2j+1)!
    let square = eta * eta;
    let (mut term, mut sum) = (eta * square / 3.0, 0.0);
    let mut j = 1.0;
    while term.abs() > 0.25 * f64::EPSILON * sum {
        sum += term;
        term *= -square * (j + 1.0) / (j * (2.0 * j + 2.0) * (2.0 * j + 3.0));
        j += 1.0;
    }
    sum
}

/// `asin x - x` given both `x` and `asin x`, relative error a few `eps`.
fn asin_minus_identity(x: f64, asin: f64) -> f64 {
    if !(x.abs() <= 0.5) {
        return asin - x;
    }
    // sum_{n >= 1} b_n x^(2n+1) / (2n+1), b_n = C(2n, n)/4^n.
    let square = x * x;
    let (mut power, mut sum, mut n) = (0.5 * x * square, 0.0_f64, 1.0);
    loop {
        let term = power / (2.0 * n + 1.0);
        if !(term.abs() > 0.25 * f64::EPSILON * sum.abs()) {
            return sum;
        }
        sum += term;
        power *= square * (2.0 * n + 1.0) / (2.0 * n + 2.0);
        n += 1.0;
    }
}

/// `c_0(r) = E[sigma(r z)]` and `c_1(r) = E[sigma(r z) z]`, what degrees from two leave out.
///
/// # Errors
/// [`HermiteError::NoClosedForm`] for a smooth or a user's activation.
///
/// # Examples
/// ```
/// use gradiometer_hermite::{Activation, kernel::low_degrees};
/// let (mean, slope) = low_degrees(&Activation::Relu, 2.0).unwrap();
/// assert_eq!(slope, 1.0);
/// assert!((mean - 2.0 / std::f64::consts::TAU.sqrt()).abs() <= f64::EPSILON);
/// ```
pub fn low_degrees(activation: &Activation, r: f64) -> Result<(f64, f64), HermiteError> {
    let root = TAU.sqrt();
    match activation {
        Activation::Relu => Ok((r / root, r / 2.0)),
        Activation::Absolute => Ok((2.0 * r / root, 0.0)),
        Activation::Step if r > 0.0 => Ok((0.5, 1.0 / root)),
        Activation::Step => Ok((0.0, 0.0)),
        Activation::Erf => Ok((0.0, (r / 1.0_f64.hypot(r)) / FRAC_PI_2.sqrt())),
        Activation::Polynomial(p) => {
            let scaled = p.scaled(r);
            Ok((scaled[0].value, scaled.get(1).map_or(0.0, |c| c.value)))
        }
        Activation::LeakyRelu(slope) => Ok(((1.0 - slope) * r / root, 0.5 * (1.0 + slope) * r)),
        Activation::Smooth(_) | Activation::Custom(_) => Err(no_closed_form(activation)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activations() -> Vec<Activation> {
        let polynomial = |c: &[f64]| Activation::Polynomial(Polynomial::from_monomials(c).unwrap());
        vec![
            Activation::Relu,
            Activation::Absolute,
            Activation::Step,
            Activation::Erf,
            Activation::LeakyRelu(-0.25),
            polynomial(&[0.5, -1.0, 0.25, 0.125]),
            polynomial(&[0.0, 0.0, 0.0, 0.0, 1.0]),
            polynomial(&[]),
        ]
    }

    const PAIRS: [([f64; 3], [f64; 3]); 5] = [
        ([1.0, 0.5, -0.25], [-0.5, 1.0, 0.75]),
        ([0.2, 0.1, 0.3], [2.0, 1.0, 2.5]),
        ([1.0, 2.0, 3.0], [-1.1, -1.9, -3.1]),
        ([1.0, 0.0, 0.0], [0.0, 3.0, 0.0]),
        ([0.1, -3.0, 0.4], [0.9, 0.2, -0.3]),
    ];

    fn unit(w: &[f64; 3]) -> [f64; 3] {
        let length = w.iter().map(|x| x * x).sum::<f64>().sqrt();
        w.map(|x| if length > 0.0 { x / length } else { 0.0 })
    }

    #[test]
    fn gradients_are_the_differences_of_values() {
        let h = 1e-4;
        for activation in activations() {
            for degrees in [Degrees::All, Degrees::FromTwo] {
                for (w, v) in PAIRS {
                    let found = kernel(&activation, Pair::of(&w, &v), degrees).unwrap();
                    let (wbar, vbar) = (unit(&w), unit(&v));
                    for i in 0..3 {
                        let at = |step: f64| {
                            let mut moved = w;
                            moved[i] += step;
                            kernel(&activation, Pair::of(&moved, &v), degrees).unwrap().value
                        };
                        let difference =
                            (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
                        let gradient = found.along_first * wbar[i] + found.along_second * vbar[i];
                        let size =
                            found.value.abs() + found.along_first.abs() + found.along_second.abs();
                        // Truncation h^4 f^(5)/30, the pairs keeping f^(5) below 1e6 times the size; rounding eps/h.
                        let slack = (h.powi(4) * 1e5 + 32.0 * f64::EPSILON / h) * (1.0 + size);
                        assert!(
                            (gradient - difference).abs() <= slack,
                            "{activation:?} {degrees:?} {w:?} {v:?} {i}: {gradient} for {difference}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_two_degree_ranges_differ_by_mean_and_slope() {
        for activation in activations() {
            for (w, v) in PAIRS {
                let pair = Pair::of(&w, &v);
                let all = kernel(&activation, pair, Degrees::All).unwrap().value;
                let high = kernel(&activation, pair, Degrees::FromTwo).unwrap().value;
                let (mean, slope) = low_degrees(&activation, pair.first_norm).unwrap();
                let (other_mean, other_slope) = low_degrees(&activation, pair.second_norm).unwrap();
                let low = mean * other_mean + slope * other_slope * pair.angle.cosine();
                let slack = 16.0 * f64::EPSILON * (all.abs() + high.abs() + low.abs() + 1.0);
                assert!((all - high - low).abs() <= slack, "{activation:?}: {all} {high} {low}");
            }
        }
    }

    #[test]
    fn kernels_are_symmetric_and_homogeneous() {
        for (w, v) in PAIRS {
            let pair = Pair::of(&w, &v);
            for activation in activations() {
                let there = kernel(&activation, pair, Degrees::All).unwrap().value;
                let back = kernel(&activation, pair.swapped(), Degrees::All).unwrap().value;
                assert!(
                    (there - back).abs() <= 16.0 * f64::EPSILON * there.abs(),
                    "{activation:?}"
                );
            }
            for degrees in [Degrees::All, Degrees::FromTwo] {
                // Euler: w . grad K = K for a function of degree one in w, 0 for one of degree zero.
                for (activation, degree) in
                    [(Activation::Relu, 1.0), (Activation::Absolute, 1.0), (Activation::Step, 0.0)]
                {
                    let k = kernel(&activation, pair, degrees).unwrap();
                    let euler =
                        pair.first_norm * (k.along_first + k.along_second * pair.angle.cosine());
                    let size = pair.first_norm * (k.along_first.abs() + k.along_second.abs());
                    assert!((euler - degree * k.value).abs() <= 16.0 * f64::EPSILON * size);
                }
            }
        }
    }

    #[test]
    fn zero_vectors_and_parallel_ones_never_give_nan() {
        let vectors =
            [[0.0; 3], [1.0, 0.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 1e-200, 0.0], [0.6, 0.8, 0.0]];
        for activation in activations() {
            for degrees in [Degrees::All, Degrees::FromTwo] {
                for w in &vectors {
                    for v in &vectors {
                        let found = kernel(&activation, Pair::of(w, v), degrees).unwrap();
                        let finite = [found.value, found.along_first, found.along_second];
                        assert!(finite.iter().all(|x| x.is_finite()), "{activation:?} {w:?} {v:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn opposite_neurons_keep_their_digits() {
        // sin eta - eta cos eta = eta^3/3 (1 - eta^2/10 + ...).
        let eta: f64 = 1e-5;
        let pair = Pair::of(&[1.0, 0.0], &[-eta.cos(), eta.sin()]);
        let exact = eta.powi(3) / 3.0 * (1.0 - eta * eta / 10.0) / TAU;
        let value = relu(pair, Degrees::All).value;
        assert!((value / exact - 1.0).abs() <= 64.0 * f64::EPSILON, "{value:e} {exact:e}");
    }

    #[test]
    fn nan_in_gives_nan_out() {
        let pair = Pair::unit(Angle::from_cosine(f64::NAN));
        for activation in activations().into_iter().take(4) {
            let found = kernel(&activation, pair, Degrees::FromTwo).unwrap();
            assert!(found.value.is_nan() && found.along_second.is_nan(), "{activation:?}");
        }
    }
}
