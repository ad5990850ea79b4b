//! What is done to a label before it is seen.

use super::expression::Expression;
use crate::error::MechanismError;

/// Noise on a label `g`, independent of the input.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelNoise {
    /// `g + tau xi`, `xi` standard normal.
    Gaussian {
        /// `tau`, a number as it was written.
        deviation: Expression,
    },
    /// `s g`, `s` a fair sign.
    Sign,
    /// `xi g`, `xi` standard normal.
    GaussianFactor,
}

impl LabelNoise {
    /// Reads `gauss:TAU`, `sign` or `gauss-mult`.
    ///
    /// # Errors
    /// [`MechanismError::Unsupported`] for another kind, [`MechanismError::Expression`] for a `TAU`
    /// that is no expression, [`MechanismError::NotPositive`] for one that is not a positive number.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::exponents::{Expression, LabelNoise, Tuning, analyse};
    /// let noise = LabelNoise::parse("gauss:0.3").unwrap();
    /// let y = noise.applied_to(Expression::parse("He3").unwrap());
    /// // Additive noise changes no exponent.
    /// assert_eq!(analyse(&y, &Tuning::default()).unwrap().information.known(), Some(3));
    /// assert!(LabelNoise::parse("gauss:z").is_err() && LabelNoise::parse("uniform").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, MechanismError> {
        match (text, text.strip_prefix("gauss:")) {
            ("sign", _) => Ok(Self::Sign),
            ("gauss-mult", _) => Ok(Self::GaussianFactor),
            (_, Some(deviation)) => {
                let deviation = Expression::parse(deviation)?;
                let value = deviation.constant_value();
                if deviation.is_constant() && value.certainly_greater(0.0) {
                    Ok(Self::Gaussian { deviation })
                } else {
                    let what = "the deviation of the noise";
                    Err(MechanismError::NotPositive { what, value: value.midpoint() })
                }
            }
            _ => Err(MechanismError::Unsupported {
                reason: "noise other than gauss:TAU, sign and gauss-mult",
            }),
        }
    }

    /// The label with it.
    #[must_use]
    pub fn applied_to(self, label: Expression) -> Expression {
        match self {
            Self::Gaussian { deviation } => label.plus(deviation.times(Expression::Noise)),
            Self::Sign => Expression::FairSign.times(label),
            Self::GaussianFactor => Expression::Noise.times(label),
        }
    }
}
