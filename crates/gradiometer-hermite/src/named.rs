//! Activations by their names, expanded by quadrature with error bounds.

use crate::activation::{Activation, Custom, Growth};
use crate::bounded::Bounded;
use crate::error::HermiteError;
use crate::float::maximum;
use crate::polynomial::{Polynomial, hermite};
use crate::series::HermiteSeries;
use crate::smooth::Smooth;

/// The slope of leaky ReLU below zero, as PyTorch has it.
const LEAK: f64 = 0.01;
/// The largest degree of a Hermite polynomial by name.
const LARGEST_HERMITE: usize = 20;

/// An activation that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// `max(z, 0)`.
    Relu,
    /// `|z|`.
    Absolute,
    /// `1{z > 0}`.
    Step,
    /// `erf(z/sqrt 2)`.
    Erf,
    /// `log(1 + exp z)`.
    Softplus,
    /// `tanh z`.
    Tanh,
    /// `z P(Z < z)`.
    Gelu,
    /// `1/(1 + exp(-z))`.
    Sigmoid,
    /// `max(z, z/100)`.
    LeakyRelu,
    /// `z^2`.
    Quadratic,
    /// The normalised Hermite polynomial of this degree.
    Hermite(usize),
}

impl Named {
    /// The names, for messages.
    pub const NAMES: &'static str = "relu, absolute, step, erf, softplus, tanh, gelu, sigmoid, leaky_relu, quadratic, he1 to he20";

    /// The activation of a name.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::named::Named;
    /// assert_eq!(Named::of("he3"), Some(Named::Hermite(3)));
    /// assert_eq!((Named::of("he21"), Named::of("swish")), (None, None));
    /// ```
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "relu" => Self::Relu,
            "absolute" => Self::Absolute,
            "step" => Self::Step,
            "erf" => Self::Erf,
            "softplus" => Self::Softplus,
            "tanh" => Self::Tanh,
            "gelu" => Self::Gelu,
            "sigmoid" => Self::Sigmoid,
            "leaky_relu" => Self::LeakyRelu,
            "quadratic" => Self::Quadratic,
            _ => {
                let degree: usize = name.strip_prefix("he")?.parse().ok()?;
                (1..=LARGEST_HERMITE).contains(&degree).then_some(Self::Hermite(degree))?
            }
        })
    }

    /// Its name, of which [`of`](Self::of) makes it again.
    pub fn name(self) -> String {
        match self {
            Self::Relu => "relu",
            Self::Absolute => "absolute",
            Self::Step => "step",
            Self::Erf => "erf",
            Self::Softplus => "softplus",
            Self::Tanh => "tanh",
            Self::Gelu => "gelu",
            Self::Sigmoid => "sigmoid",
            Self::LeakyRelu => "leaky_relu",
            Self::Quadratic => "quadratic",
            Self::Hermite(degree) => return format!("he{degree}"),
        }
        .to_owned()
    }

    /// What it is called.
    ///
    /// # Errors
    /// None that a polynomial does not have.
    pub fn activation(self) -> Result<Activation, HermiteError> {
        Ok(match self {
            Self::Relu => Activation::Relu,
            Self::Absolute => Activation::Absolute,
            Self::Step => Activation::Step,
            Self::Erf => Activation::Erf,
            Self::Softplus => Activation::Smooth(Smooth::Softplus),
            Self::Tanh => Activation::Smooth(Smooth::Tanh),
            Self::Gelu => Activation::Smooth(Smooth::Gelu),
            Self::Sigmoid => Activation::Smooth(Smooth::Sigmoid),
            Self::LeakyRelu => Activation::LeakyRelu(LEAK),
            Self::Quadratic => {
                Activation::Polynomial(Polynomial::from_monomials(&[0.0, 0.0, 1.0])?)
            }
            Self::Hermite(degree) => {
                let mut coefficients = vec![0.0; degree + 1];
                coefficients[degree] = 1.0;
                Activation::Polynomial(Polynomial::from_hermite(coefficients)?)
            }
        })
    }

    /// `sigma(z)`.
    pub fn value(self, z: f64) -> f64 {
        match self {
            Self::Quadratic => z * z,
            Self::Hermite(degree) => hermite(degree, z),
            _ => self.activation().map_or(f64::NAN, |activation| activation.value(z)),
        }
    }

    /// `|sigma(z)| <= scale (1 + |z|)^power`.
    fn growth(self) -> Growth {
        let (scale, power) = match self {
            Self::Step | Self::Erf | Self::Tanh | Self::Sigmoid => (1.0, 0.0),
            Self::Quadratic => (1.0, 2.0),
            // |z h_k| + sqrt(k) |h_(k-1)|, over sqrt(k + 1): at most doubled by each degree.
            Self::Hermite(degree) => ((degree as f64).exp2(), degree as f64),
            _ => (1.0, 1.0),
        };
        Growth { scale, power }
    }

    /// The Hermite coefficients of `z -> sigma(scale z)` of degrees `0..=highest`, by quadrature that is
    /// split at kinks, with their errors.
    ///
    /// # Errors
    /// [`HermiteError`] for a scale that is not finite.
    pub fn coefficients(self, scale: f64, highest: usize) -> Result<Vec<Bounded>, HermiteError> {
        let kinks: &[f64] = match self {
            Self::Relu | Self::Absolute | Self::Step | Self::LeakyRelu => &[0.0],
            _ => &[],
        };
        let Growth { scale: factor, power } = self.growth();
        let growth = Growth { scale: factor * maximum(1.0, scale).powf(power), power };
        let scaled = Custom::new("scaled", move |z| self.value(scale * z), kinks, growth)?;
        let series = HermiteSeries::of(&Activation::Custom(scaled), highest)?;
        // The function's own rounding, a few units and some for each step of a recurrence, enters a
        // coefficient with at most its mean square.
        let steps = if let Self::Hermite(degree) = self { degree } else { 1 };
        let rounding = 8.0 * (steps + 1) as f64 * f64::EPSILON * series.energy().value.sqrt();
        let widened = |c: &Bounded| Bounded { error: c.error + rounding, ..*c };
        Ok(series.coefficients().iter().map(widened).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exponent::{Exponent, named_exponent};
    use gradiometer_testing::{close, rounding};

    #[test]
    fn closed_forms_are_met_within_the_errors() {
        for (named, activation) in [
            (Named::Relu, Activation::Relu),
            (Named::Absolute, Activation::Absolute),
            (Named::Step, Activation::Step),
            (Named::Erf, Activation::Erf),
            (Named::LeakyRelu, Activation::LeakyRelu(LEAK)),
        ] {
            assert_eq!(named.activation().unwrap().name(), activation.name());
            for (k, c) in named.coefficients(1.0, 12).unwrap().iter().enumerate() {
                let exact = activation.coefficient(k).unwrap();
                assert!((c.value - exact).abs() <= c.error, "{named:?} {k} {c:?} {exact:e}");
            }
        }
        for degree in 1..=12 {
            for (k, c) in Named::Hermite(degree).coefficients(1.0, 14).unwrap().iter().enumerate() {
                let exact = f64::from(u8::from(k == degree));
                assert!((c.value - exact).abs() <= c.error, "{degree} {k} {c:?}");
                assert!(c.error < f64::powi(0.5, 20), "{degree} {k} {c:?}");
            }
        }
        // Leaky ReLU is a mean of ReLU and the identity; z^2 = 1 + sqrt 2 h_2.
        let leaky = Named::LeakyRelu.coefficients(1.0, 4).unwrap();
        let relu = |k| Activation::Relu.coefficient(k).unwrap();
        close(leaky[1].value, 0.5 * (1.0 + LEAK), rounding(64, 1.0));
        close(leaky[2].value, (1.0 - LEAK) * relu(2), rounding(64, 1.0));
        let square = Named::Quadratic.coefficients(3.0, 4).unwrap();
        close(square[2].value, 9.0 * 2.0_f64.sqrt(), rounding(256, 9.0));
        // GELU: E z Phi(z) = 1/(2 sqrt pi).
        let gelu = Named::Gelu.coefficients(1.0, 2).unwrap();
        close(gelu[0].value, 0.5 / std::f64::consts::PI.sqrt(), rounding(64, 1.0));
    }

    #[test]
    fn exponents_by_name() {
        let found = |name: &str, length: f64, from: usize| {
            let named = Named::of(name).unwrap();
            let rows = [length, 0.0, 0.0, length];
            named_exponent(named, &[1.0, -0.5], &rows, f64::EPSILON, 24, from).unwrap().exponent
        };
        for (name, first, later) in [
            ("relu", 1, 2),
            ("absolute", 2, 2),
            ("step", 1, 3),
            ("erf", 1, 3),
            ("softplus", 1, 2),
            ("tanh", 1, 3),
            ("gelu", 1, 2),
            ("sigmoid", 1, 3),
            ("leaky_relu", 1, 2),
            ("quadratic", 2, 2),
            ("he3", 3, 3),
            ("he4", 4, 4),
        ] {
            assert_eq!(found(name, 1.0, 1), Exponent::Known(first), "{name}");
            assert_eq!(found(name, 1.0, 2), Exponent::Known(later), "{name}");
            assert_eq!(Named::of(name).unwrap().name(), name);
        }
        // A longer neuron is another function: h_3(2 z) has a linear part.
        assert_eq!(found("he3", 2.0, 1), Exponent::Known(1));
        assert_eq!(found("quadratic", 2.0, 1), Exponent::Known(2));
    }
}
