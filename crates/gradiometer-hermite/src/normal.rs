//! The normal distribution in one and two dimensions: what expectations of biased ReLUs are made of.

use crate::error::HermiteError;
use crate::quadrature::GaussLegendre;
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// Nodes of the rule for Owen's integral, whose integrand is analytic up to distance one of its interval.
const NODES: usize = 32;

/// Density of `N(0, 1)`.
pub fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / TAU.sqrt()
}

/// `P(Z > x)`, relative error some `eps`.
///
/// # Examples
/// ```
/// use gradiometer_hermite::normal::upper_tail;
/// assert_eq!(upper_tail(0.0), 0.5);
/// assert_eq!((upper_tail(f64::INFINITY), upper_tail(f64::NEG_INFINITY)), (0.0, 1.0));
/// ```
pub fn upper_tail(x: f64) -> f64 {
    if x.is_infinite() {
        return if x > 0.0 { 0.0 } else { 1.0 };
    }
    0.5 * pxfm::f_erfc(x * FRAC_1_SQRT_2)
}

/// `E (Z - x)_+`, the mean of a biased ReLU: `phi(x) - x P(Z > x)`.
pub fn mean_excess(x: f64) -> f64 {
    density(x) - x * upper_tail(x)
}

/// Owen's function and the integrals over quadrants that come from it.
#[derive(Clone, Debug)]
pub struct Quadrants {
    rule: GaussLegendre,
}

/// Two standard normal variables with their correlation `rho`, and the corner `(h, k)` of a quadrant.
#[derive(Clone, Copy, Debug)]
pub struct Corner {
    /// The first bound.
    pub h: f64,
    /// The second bound.
    pub k: f64,
    /// The correlation.
    pub rho: f64,
    /// `1 - rho`, which must not be a difference of rounded numbers.
    pub below: f64,
    /// `1 + rho`, likewise.
    pub above: f64,
}

/// Integrals over the quadrant `Z_1 > h, Z_2 > k`.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    /// `P(Z_1 > h, Z_2 > k)`.
    pub probability: f64,
    /// `E (Z_1 - h)_+ (Z_2 - k)_+`.
    pub product: f64,
    /// `E 1{Z_1 > h} (Z_2 - k)_+`.
    pub second: f64,
    /// `E [(Z_2 - k)_+ | Z_1 = h]`.
    pub second_at_first: f64,
}

impl Quadrants {
    /// The rule that they share.
    ///
    /// # Errors
    /// None, as the rule has nodes.
    pub fn new() -> Result<Self, HermiteError> {
        Ok(Self { rule: GaussLegendre::new(NODES)? })
    }

    /// Owen's `T(h, y/h) = (1/2 pi) int_0^(y/h) exp(-h^2 (1 + x^2)/2)/(1 + x^2) dx`; zero where both
    /// vanish. Absolute error a few `eps`.
    ///
    /// Beyond one it follows from `T(h, a) + T(a h, 1/a) = (Q(h) + Q(a h))/2 - Q(h) Q(a h)` for
    /// positive `h` and `a`, `Q` the upper tail \[Owen56\].
    fn owen(&self, h: f64, y: f64) -> f64 {
        let (x, z) = (h.abs(), y.abs());
        // A bound of zero counts as negative, as the jump of the probability has it.
        let positive = (h <= 0.0) == (y < 0.0);
        let value = if z <= x {
            if x > 0.0 { self.integral(x, z / x) } else { 0.0 }
        } else {
            let (p, q) = (upper_tail(x), upper_tail(z));
            0.5 * (p + q) - p * q - self.integral(z, x / z)
        };
        if positive { value } else { -value }
    }

    /// Owen's integral up to `a` in `[0, 1]`.
    fn integral(&self, h: f64, a: f64) -> f64 {
        if !(a > 0.0) || h.is_infinite() {
            return 0.0;
        }
        let f = |x: f64| (-0.5 * h * h * (1.0 + x * x)).exp() / (1.0 + x * x);
        self.rule.integrate(0.0, a, f) / TAU
    }

    /// The integrals over a quadrant, each off by some dozens of `eps (1 + |h|) (1 + |k|)`.
    ///
    /// With `q = sqrt(1 - rho^2)`, `y = (k - rho h)/q` and `z = (h - rho k)/q`, which are what the
    /// other variable exceeds where one is at its bound:
    /// `P = (Q(h) + Q(k) - 1{h k < 0})/2 - T(h, y/h) - T(k, z/k)` by \[Owen56\], and by parts
    ///
    /// ```text
    /// E (Z_1 - h)_+ (Z_2 - k)_+ = (rho + h k) P - k phi(h) Q(y) - h phi(k) Q(z) + (q/2 pi) exp(-(h^2 + y^2)/2)
    /// E 1{Z_1 > h} (Z_2 - k)_+  = rho phi(h) Q(y) + phi(k) Q(z) - k P
    /// E [(Z_2 - k)_+ | Z_1 = h] = q (phi(y) - y Q(y))
    /// ```
    pub fn moments(&self, corner: Corner) -> Moments {
        let Corner { h, k, rho, below, above } = corner;
        let q = (below * above).sqrt();
        // k - rho h and h - rho k, from the difference that is small where the variables nearly agree.
        let apart = |x: f64, y: f64| {
            if rho >= 0.0 { (y - x) + x * below } else { (y + x) - x * above }
        };
        let over = |x: f64| {
            if q > 0.0 {
                x / q
            } else if x > 0.0 {
                f64::INFINITY
            } else if x < 0.0 {
                f64::NEG_INFINITY
            } else {
                0.0
            }
        };
        let (y, z) = (over(apart(h, k)), over(apart(k, h)));
        let both_zero = !(h.abs() > 0.0) && !(k.abs() > 0.0);
        let probability = if both_zero {
            // 1/4 + asin(rho)/(2 pi), by half the angle.
            0.5 - (below.sqrt().atan2(above.sqrt())) / std::f64::consts::PI
        } else {
            let on_axis = !(h.abs() > 0.0) || !(k.abs() > 0.0);
            let jumps = if on_axis { h + k > 0.0 } else { (h < 0.0) != (k < 0.0) };
            let jump = if jumps { 0.5 } else { 0.0 };
            // At (-h, -k) of the lower quadrant; T is even in the first and odd in the ratio.
            let owens = self.owen(h, y) + self.owen(k, z);
            let half = 0.5 * (upper_tail(h) + upper_tail(k)) - jump - owens;
            if half > 0.0 { half } else { 0.0 }
        };
        let (at_h, at_k) = (density(h) * upper_tail(y), density(k) * upper_tail(z));
        let together = if y.is_infinite() { 0.0 } else { q / TAU * (-0.5 * (h * h + y * y)).exp() };
        Moments {
            probability,
            product: (rho + h * k) * probability - k * at_h - h * at_k + together,
            second: rho * at_h + at_k - k * probability,
            second_at_first: if y.is_infinite() {
                let excess = k - rho * h;
                if excess < 0.0 { -excess } else { 0.0 }
            } else {
                q * mean_excess(y)
            },
        }
    }
}
