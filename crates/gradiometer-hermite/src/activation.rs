//! Activations and their Hermite coefficients.

use crate::error::HermiteError;
use crate::polynomial::Polynomial;
use crate::relu;
use crate::smooth::Smooth;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2};
use std::fmt;
use std::sync::Arc;

/// A bound `|sigma(z)| <= scale (1 + |z|)^power` for all `z`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Factor in front.
    pub scale: f64,
    /// Exponent, between 0 and 64.
    pub power: f64,
}

/// The closure of a user's activation.
type Function = Arc<dyn Fn(f64) -> f64 + Send + Sync>;

/// A user's activation: a function, smooth but for a finite list of kinks or jumps, of bounded growth.
#[derive(Clone)]
pub struct Custom {
    name: String,
    function: Function,
    kinks: Vec<f64>,
    growth: Growth,
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom")
            .field("name", &self.name)
            .field("kinks", &self.kinks)
            .field("growth", &self.growth)
            .finish_non_exhaustive()
    }
}

/// The greatest growth exponent accepted.
const GREATEST_POWER: f64 = 64.0;

impl Custom {
    /// An activation from its function, the points where it is not smooth, and a growth bound.
    ///
    /// Coefficients are accurate only if every kink and jump is listed; the growth bound is checked wherever the
    /// function is evaluated.
    ///
    /// # Errors
    /// [`HermiteError::KinkNotFinite`] or [`HermiteError::Growth`].
    pub fn new(
        name: impl Into<String>,
        function: impl Fn(f64) -> f64 + Send + Sync + 'static,
        kinks: &[f64],
        growth: Growth,
    ) -> Result<Self, HermiteError> {
        if let Some(index) = kinks.iter().position(|k| !k.is_finite()) {
            return Err(HermiteError::KinkNotFinite { index, value: kinks[index] });
        }
        let Growth { scale, power } = growth;
        if !(scale >= 0.0 && scale.is_finite() && (0.0..=GREATEST_POWER).contains(&power)) {
            return Err(HermiteError::Growth { scale, power });
        }
        let mut kinks = kinks.to_vec();
        kinks.sort_by(f64::total_cmp);
        kinks.dedup_by(|a, b| a.total_cmp(b).is_eq());
        Ok(Self { name: name.into(), function: Arc::new(function), kinks, growth })
    }

    /// The name given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is not smooth, ascending.
    pub fn kinks(&self) -> &[f64] {
        &self.kinks
    }

    /// `sigma(z)`, which must be finite and within the growth bound.
    pub(crate) fn checked_value(&self, z: f64) -> Result<f64, HermiteError> {
        let value = (self.function)(z);
        if !value.is_finite() {
            return Err(HermiteError::ActivationNotFinite { point: z, value });
        }
        let bound = self.growth.scale * (1.0 + z.abs()).powf(self.growth.power);
        // A bound that is attained may be missed by rounding.
        if value.abs() <= bound * (1.0 + 64.0 * f64::EPSILON) {
            Ok(value)
        } else {
            Err(HermiteError::GrowthExceeded { point: z, value, bound })
        }
    }

    /// The growth bound given.
    pub const fn growth(&self) -> Growth {
        self.growth
    }
}

/// An activation `sigma`.
#[derive(Clone, Debug)]
pub enum Activation {
    /// `max(z, 0)`.
    Relu,
    /// `|z|`.
    Absolute,
    /// `1{z > 0}`.
    Step,
    /// `erf(z/sqrt 2)`, the sigmoid of \[SaadSolla1995\].
    Erf,
    /// `max(z, s z)` with the slope `s` below zero, `|s| <= 1`: the odd part of ReLU is another.
    LeakyRelu(f64),
    /// A smooth function without closed-form coefficients.
    Smooth(Smooth),
    /// A polynomial.
    Polynomial(Polynomial),
    /// A user's function.
    Custom(Custom),
}

impl Activation {
    /// A word for it.
    pub fn name(&self) -> &str {
        match self {
            Self::Relu => "relu",
            Self::Absolute => "absolute",
            Self::Step => "step",
            Self::Erf => "erf",
            Self::LeakyRelu(_) => "leaky_relu",
            Self::Smooth(smooth) => smooth.name(),
            Self::Polynomial(_) => "polynomial",
            Self::Custom(custom) => custom.name(),
        }
    }

    /// `sigma(z)`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Activation;
    /// assert_eq!(Activation::Relu.value(-2.0), 0.0);
    /// assert_eq!(Activation::Step.value(0.0), 0.0);
    /// ```
    pub fn value(&self, z: f64) -> f64 {
        match self {
            Self::Relu => {
                if z <= 0.0 {
                    0.0
                } else {
                    z
                }
            }
            Self::Absolute => z.abs(),
            Self::Step => {
                if z.is_nan() {
                    z
                } else {
                    f64::from(z > 0.0)
                }
            }
            Self::Erf => pxfm::f_erf(z * FRAC_1_SQRT_2),
            Self::LeakyRelu(slope) => {
                if z <= 0.0 {
                    slope * z
                } else {
                    z
                }
            }
            Self::Smooth(smooth) => smooth.value(z),
            Self::Polynomial(p) => p.value(z),
            Self::Custom(custom) => (custom.function)(z),
        }
    }

    /// `c_k = E[sigma(z) h_k(z)]` in closed form, relative error a few `eps`; `None` where there
    /// is none: for smooth functions ([`Expander`](crate::smooth::Expander)) and a user's.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Activation;
    /// assert_eq!(Activation::Step.coefficient(0), Some(0.5));
    /// assert_eq!(Activation::Absolute.coefficient(3), Some(0.0));
    /// ```
    pub fn coefficient(&self, k: usize) -> Option<f64> {
        let even = k.is_multiple_of(2);
        match self {
            Self::Relu => Some(relu::coefficient(k)),
            // |z| is twice the even part of ReLU.
            Self::Absolute => Some(if even { 2.0 * relu::coefficient(k) } else { 0.0 }),
            // The derivative of ReLU: c_k = sqrt(k+1) s_(k+1).
            Self::Step => Some(((k + 1) as f64).sqrt() * relu::coefficient(k + 1)),
            Self::Erf => Some(if even { 0.0 } else { erf_coefficient(k) }),
            // (1 - s) ReLU + s z.
            Self::LeakyRelu(slope) if k == 1 => Some(0.5 * (1.0 + slope)),
            Self::LeakyRelu(slope) => Some((1.0 - slope) * relu::coefficient(k)),
            Self::Polynomial(p) => Some(p.coefficients().get(k).copied().unwrap_or(0.0)),
            Self::Smooth(_) | Self::Custom(_) => None,
        }
    }
}

/// For odd `k = 2n + 1`: `c_k^2 = (2/pi) b_n / (k 2^k)`, from `(2/pi) asin(t/2) = sum_k c_k^2 t^k`; signs alternate.
fn erf_coefficient(k: usize) -> f64 {
    let n = (k - 1) / 2;
    let square = relu::central_binomial(n) / (k as f64 * FRAC_PI_2);
    let modulus = square.sqrt() * (-0.5 * k as f64).exp2();
    if n.is_multiple_of(2) { modulus } else { -modulus }
}
