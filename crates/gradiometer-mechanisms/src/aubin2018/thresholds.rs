//! Where the committee specialises, where perfect recovery becomes optimal, and where the
//! uninformed branch ends.

use super::{
    Committee, NEGLIGIBLE, Overlap, PERFECT_RECOVERY, Weights, density, newton, normal,
    root_between, scaled,
};
use crate::error::MechanismError;

/// A number of samples per dimension at which the solution changes, and the overlap there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// `alpha`.
    pub alpha: f64,
    /// The overlap of the branch at it.
    pub overlap: Overlap,
}

impl Committee {
    /// Growth of `hat q_-` in `q_-` at equal columns, per unit of `alpha`: `E sum_y (D Z_y)^2/Z_y`,
    /// `D = d_11 - d_12`.
    pub fn output_gain(&self, plus: f64) -> f64 {
        let overlap = Overlap { plus, minus: 0.0 };
        let remaining = 1.0 - 0.5 * plus;
        let deviation = remaining.sqrt();
        let correlation = -plus / (2.0 - plus);
        let sine = ((1.0 - correlation) * (1.0 + correlation)).sqrt();
        let [gain] = self.expect(overlap, |[w, _], outputs| {
            let h = w / deviation;
            let turned = (h - correlation * h) / sine;
            let slope = density(h) / deviation;
            let mixed = slope * density(turned) / (sine * deviation);
            let bend = w / remaining * slope;
            let plus = -bend * normal(turned) - correlation * mixed - mixed;
            let minus = bend * normal(-turned) - correlation * mixed - mixed;
            let changes = [minus, -(plus + minus), plus];
            let terms = changes.iter().zip(outputs.probabilities);
            [terms.map(|(d, z)| if z > NEGLIGIBLE { d * d / z } else { 0.0 }).sum()]
        });
        gain
    }

    /// Growth of `q_-` in `hat q_-` at equal columns: 1 for Gaussian weights, `E (2 P_neq)^2` for
    /// binary ones, `P_neq = 1/(1 + exp(-hat_+) cosh(sqrt 2 b_+))`.
    fn prior_gain(&self, weights: Weights, hat_plus: f64) -> f64 {
        match weights {
            Weights::Gaussian => 1.0,
            Weights::Binary => {
                let hat = Overlap { plus: hat_plus, minus: 0.0 };
                let [gain] = self.expect_signs(hat, |_, logs| {
                    let unequal = 2.0 / (1.0 + 0.5 * (logs[0].exp() + logs[1].exp()));
                    [unequal * unequal]
                });
                gain
            }
        }
    }

    /// `hat q_+` of the branch of equal columns with overlap `plus`.
    fn hat_of(&self, weights: Weights, plus: f64) -> Result<f64, MechanismError> {
        match weights {
            Weights::Gaussian => Ok(plus / (1.0 - plus)),
            Weights::Binary => {
                let off = |hat| plus - self.prior(weights, Overlap { plus: hat, minus: 0.0 }).plus;
                root_between(off, 0.0, 1e3)
            }
        }
    }

    /// `alpha` at which the branch of equal columns has overlap `plus`.
    fn alpha_of(&self, weights: Weights, plus: f64) -> Result<f64, MechanismError> {
        let hat = self.hat_of(weights, plus)?;
        Ok(hat / self.output(Overlap { plus, minus: 0.0 }).plus)
    }

    /// Gain of the two sides of state evolution in `q_-` around equal columns, on their fixed point
    /// at `alpha`; above 1 it is unstable.
    ///
    /// # Errors
    /// [`MechanismError`] as for [`Committee::unspecialised`].
    pub fn gain(&self, weights: Weights, alpha: f64) -> Result<f64, MechanismError> {
        let Overlap { plus, .. } = self.unspecialised(weights, alpha)?;
        let hat = alpha * self.output(Overlap { plus, minus: 0.0 }).plus;
        Ok(alpha * self.output_gain(plus) * self.prior_gain(weights, hat))
    }

    /// Where equal columns lose their stability: `alpha E sum_y (D Z_y)^2/Z_y` times the prior's
    /// gain is 1.
    ///
    /// 2.0523824297 for Gaussian weights, 1.5893224763 for binary ones.
    ///
    /// # Errors
    /// [`MechanismError::NotConverged`].
    pub fn specialisation(&self, weights: Weights) -> Result<Threshold, MechanismError> {
        let excess = |plus: f64| -> Result<f64, MechanismError> {
            let hat = self.hat_of(weights, plus)?;
            let alpha = hat / self.output(Overlap { plus, minus: 0.0 }).plus;
            Ok(1.0 - alpha * self.output_gain(plus) * self.prior_gain(weights, hat))
        };
        let plus = root_between(|plus| excess(plus).unwrap_or(f64::NAN), 0.1, 0.9)?;
        let overlap = Overlap { plus, minus: 0.0 };
        Ok(Threshold { alpha: self.alpha_of(weights, plus)?, overlap })
    }

    /// Where perfect recovery of binary weights becomes optimal: the free entropy of equal columns
    /// equals `value`, which is [`PERFECT_RECOVERY`].
    ///
    /// # Errors
    /// [`MechanismError::NotConverged`].
    pub fn information_threshold(&self, value: f64) -> Result<Threshold, MechanismError> {
        let weights = Weights::Binary;
        let excess = |plus: f64| {
            let alpha = self.alpha_of(weights, plus).unwrap_or(f64::NAN);
            self.free_entropy(weights, alpha, Overlap { plus, minus: 0.0 }) - value
        };
        let plus = root_between(excess, 0.05, 0.9)?;
        Ok(Threshold {
            alpha: self.alpha_of(weights, plus)?,
            overlap: Overlap { plus, minus: 0.0 },
        })
    }

    /// Where perfect recovery of binary weights becomes optimal, 1.5460913573: before equal columns
    /// lose their stability, and out of AMP's reach.
    ///
    /// # Errors
    /// [`MechanismError::NotConverged`].
    pub fn perfect_recovery(&self) -> Result<Threshold, MechanismError> {
        self.information_threshold(PERFECT_RECOVERY)
    }

    /// The end of the branch that uninformed starts follow with binary weights, 1.977062116: the
    /// largest `alpha` along the curve parametrised by `q_-`.
    ///
    /// # Errors
    /// [`MechanismError::NotConverged`].
    pub fn end_of_branch(&self) -> Result<Threshold, MechanismError> {
        let weights = Weights::Binary;
        let mut near = [0.78, 1.97];
        let mut solve = |minus: f64| -> Result<[f64; 2], MechanismError> {
            let off = |[plus, alpha]: [f64; 2]| {
                let at = Overlap { plus, minus };
                let next = self.prior(weights, scaled(self.output(at), alpha));
                [next.plus - plus, next.minus - minus]
            };
            near = newton(off, near)?;
            Ok(near)
        };
        // The top of parabolas through three points, closer and closer.
        let (mut middle, mut width) = (0.64, 0.03);
        for _ in 0..6 {
            let [low, here, high] =
                [solve(middle - width)?[1], solve(middle)?[1], solve(middle + width)?[1]];
            middle += 0.5 * width * (high - low) / (2.0 * here - high - low);
            width = if width > 2e-3 { width * 0.3 } else { 2e-3 };
        }
        let [plus, alpha] = solve(middle)?;
        Ok(Threshold { alpha, overlap: Overlap { plus, minus: middle } })
    }
}
