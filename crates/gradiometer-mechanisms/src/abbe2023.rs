//! Leap and saddle-to-saddle dynamics \[Abbe2023\] (11.6.4, 11.6.5). The leaps themselves are in
//! [`crate::exponents`].

use std::collections::BTreeMap;

use crate::error::MechanismError;
use crate::numerics::{first_time, integrate};

/// A target of several directions by its Hermite coefficients,
/// `f = sum_alpha c_alpha prod_i h_{alpha_i}(z_i)`.
pub type HermiteTarget = BTreeMap<Vec<u32>, f64>;

/// The population flow of one neuron on the sphere with correlation loss (11.6.4).
///
/// `Phi(m) = E[f(z) sigma(w.x)] = sum_alpha c_alpha s_|alpha| sqrt(|alpha|!/alpha!) m^alpha` with
/// `m_i = w.u_i`; the velocity is its sphere gradient, times the sign or size of the second layer.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationFlow {
    /// Multi-index and `c_alpha s_|alpha| sqrt(|alpha|!/alpha!)`.
    terms: Vec<(Vec<u32>, f64)>,
    directions: usize,
    second_layer: f64,
}

impl PopulationFlow {
    /// The flow for a target, the student's coefficients `s_k` and the second layer's weight.
    ///
    /// # Errors
    /// [`MechanismError::Size`] if the multi-indices differ in length.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::abbe2023::PopulationFlow;
    /// let target = [(vec![1, 1], 1.0)].into_iter().collect(); // z1 z2
    /// let flow = PopulationFlow::new(&target, &[0.0, 0.0, 1.0], 1.0).unwrap();
    /// // Phi = sqrt 2 m1 m2
    /// assert!((flow.correlation(&[0.5, 0.2]) - 0.1 * 2.0_f64.sqrt()).abs() <= 4.0 * f64::EPSILON);
    /// ```
    pub fn new(
        target: &HermiteTarget,
        student: &[f64],
        second_layer: f64,
    ) -> Result<Self, MechanismError> {
        let directions = target.keys().next().map_or(0, Vec::len);
        let mut terms = Vec::with_capacity(target.len());
        for (alpha, c) in target {
            if alpha.len() != directions {
                return Err(MechanismError::Size { found: alpha.len(), expected: directions });
            }
            let degree: u32 = alpha.iter().sum();
            // |alpha|!/alpha! as a product of binomials.
            let (mut ways, mut placed) = (1.0, 0);
            for a in alpha {
                for i in 1..=*a {
                    placed += 1;
                    ways *= f64::from(placed) / f64::from(i);
                }
            }
            let s = student.get(degree as usize).copied().unwrap_or(0.0);
            terms.push((alpha.clone(), c * s * f64::sqrt(ways)));
        }
        Ok(Self { terms, directions, second_layer })
    }

    /// `Phi(m)`.
    pub fn correlation(&self, m: &[f64]) -> f64 {
        self.terms.iter().map(|(alpha, c)| c * monomial(m, alpha, None)).sum()
    }

    /// `m_i' = a sum_alpha (c s ...)(m^alpha)(alpha_i/m_i - |alpha| m_i)`, written without the
    /// division.
    pub fn velocity(&self, m: &[f64], velocity: &mut [f64]) {
        velocity.fill(0.0);
        let mut radial = 0.0;
        for (alpha, c) in &self.terms {
            for (i, v) in velocity.iter_mut().enumerate() {
                if alpha[i] > 0 {
                    *v += c * f64::from(alpha[i]) * monomial(m, alpha, Some(i));
                }
            }
            radial += c * f64::from(alpha.iter().sum::<u32>()) * monomial(m, alpha, None);
        }
        for (v, m) in velocity.iter_mut().zip(m) {
            *v = self.second_layer * (*v - radial * m);
        }
    }

    /// The time at which `|m_i|` first reaches `level`, from `m0`; `None` by the horizon.
    ///
    /// # Errors
    /// [`MechanismError::Flow`] if the flow could not be followed.
    pub fn time_to_level(
        &self,
        m0: &[f64],
        direction: usize,
        level: f64,
        horizon: f64,
    ) -> Result<Option<f64>, MechanismError> {
        self.time_with_retraction(m0, |m| m[direction].abs() - level, horizon, |_| 0.0)
    }

    /// The time at which `event(m)` is first not negative along
    /// `m' = velocity - (1/2) retraction(m) m`.
    ///
    /// With step `delta` the normalisation costs `(delta/2) V(m)`, `V = E[e^2 sigma'^2]`, in the
    /// time `delta tau`: then `retraction = delta V` (11.6.5).
    ///
    /// # Errors
    /// [`MechanismError::Flow`] if the flow could not be followed.
    pub fn time_with_retraction(
        &self,
        m0: &[f64],
        event: impl Fn(&[f64]) -> f64,
        horizon: f64,
        retraction: impl Fn(&[f64]) -> f64,
    ) -> Result<Option<f64>, MechanismError> {
        let slope = |_: f64, m: &[f64], v: &mut [f64]| self.retracted(m, retraction(m), v);
        first_time(slope, m0, event, 0.05, horizon, 1e-11)
    }

    /// The state at time `time`.
    ///
    /// # Errors
    /// [`MechanismError::Flow`] if the flow could not be followed.
    pub fn at_time(&self, m0: &[f64], time: f64) -> Result<Vec<f64>, MechanismError> {
        let mut m = m0.to_vec();
        integrate(|_, m, v| self.velocity(m, v), &mut m, 0.0, time, 1e-12)?;
        Ok(m)
    }

    /// The same along `m' = velocity - (1/2) retraction(m) m`, see
    /// [`Self::time_with_retraction`].
    ///
    /// # Errors
    /// [`MechanismError::Flow`] if the flow could not be followed.
    pub fn at_time_with_retraction(
        &self,
        m0: &[f64],
        time: f64,
        retraction: impl Fn(&[f64]) -> f64,
    ) -> Result<Vec<f64>, MechanismError> {
        let mut m = m0.to_vec();
        integrate(|_, m, v| self.retracted(m, retraction(m), v), &mut m, 0.0, time, 1e-11)?;
        Ok(m)
    }

    fn retracted(&self, m: &[f64], retraction: f64, velocity: &mut [f64]) {
        self.velocity(m, velocity);
        for (v, m) in velocity.iter_mut().zip(m) {
            *v -= 0.5 * retraction * m;
        }
    }

    /// Number of directions.
    pub const fn directions(&self) -> usize {
        self.directions
    }
}

/// `prod_i m_i^{alpha_i}`, with one power less at `lowered`.
fn monomial(m: &[f64], alpha: &[u32], lowered: Option<usize>) -> f64 {
    let mut product = 1.0;
    for (i, (x, power)) in m.iter().zip(alpha).enumerate() {
        let power = if lowered == Some(i) { power - 1 } else { *power };
        product *= x.powi(i32::try_from(power).unwrap_or(i32::MAX));
    }
    product
}
