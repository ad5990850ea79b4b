//! What every objective of a general activation needs of its Hermite coefficients.

use gradiometer_hermite::Activation;
use gradiometer_hermite::kernel::low_degrees;
use gradiometer_hermite::polynomial::{Polynomial, ScaledCoefficient};
use gradiometer_hermite::smooth::Expander;
use std::f64::consts::FRAC_PI_2;

/// Whether the feature of a zero neuron is differentiable.
pub(crate) const fn smooth(activation: &Activation) -> bool {
    matches!(activation, Activation::Erf | Activation::Smooth(_) | Activation::Polynomial(_))
}

/// `c_0` and `c_1` of `z -> sigma(r z)` with their slopes in `r`.
pub(crate) fn low_coefficients(activation: &Activation, r: f64) -> [ScaledCoefficient; 2] {
    let plain = |value, over_norm, slope| ScaledCoefficient { value, over_norm, slope };
    let (mean, slope) = low_degrees(activation, r).unwrap_or((f64::NAN, f64::NAN));
    match activation {
        Activation::Relu | Activation::Absolute | Activation::LeakyRelu(_) => {
            let (mean_rate, slope_rate) =
                low_degrees(activation, 1.0).unwrap_or((f64::NAN, f64::NAN));
            [plain(mean, 0.0, mean_rate), plain(slope, slope_rate, slope_rate)]
        }
        Activation::Step => {
            [plain(mean, 0.0, 0.0), plain(slope, if r > 0.0 { slope / r } else { 0.0 }, 0.0)]
        }
        Activation::Erf => {
            let length = 1.0_f64.hypot(r);
            let rate = 1.0 / (FRAC_PI_2.sqrt() * length);
            [plain(mean, 0.0, 0.0), plain(slope, rate, rate / (length * length))]
        }
        Activation::Smooth(smooth) => {
            let found = Expander::new(*smooth, r, 1).at(r).coefficients;
            [found[0], found[1]]
        }
        Activation::Polynomial(p) => {
            let scaled = p.scaled(r);
            [scaled[0], scaled.get(1).copied().unwrap_or(plain(0.0, 0.0, 0.0))]
        }
        Activation::Custom(_) => [plain(f64::NAN, f64::NAN, f64::NAN); 2],
    }
}

/// The norms of the scaled coefficients and of their slopes when every term is summed by its modulus.
pub(crate) fn majorant(p: &Polynomial, r: f64) -> (f64, f64) {
    // |r^2 - 1| is the same, and r not smaller, at sqrt(2 - r^2) for r < 1.
    let r = if r < 1.0 { (2.0 - r * r).sqrt() } else { r };
    let moduli = p.coefficients().iter().map(|c| c.abs()).collect();
    let scaled = Polynomial::from_hermite(moduli).map(|p| p.scaled(r)).unwrap_or_default();
    let (mut value, mut slope) = (0.0, 0.0);
    for (k, c) in scaled.iter().enumerate() {
        value += c.value * c.value;
        slope += c.slope * c.slope + (k as f64 * c.over_norm).powi(2);
    }
    (value.sqrt(), slope.sqrt())
}
