//! The numbers from which the bounds of a student are computed.

use crate::claim::{Evidence, Known};
use gradiometer_hermite::float::maximum;
use gradiometer_landscape::point::Point;

/// What the bounds of sections 5 and 7 need of a student: numbers that a row of a trajectory has
/// too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantities {
    /// `lambda`.
    pub lambda: f64,
    /// `L`.
    pub loss: Known,
    /// `zeta+ = L_lambda - lambda |mu*|`.
    pub zeta_plus: Known,
    /// `|mu| - |mu*|`.
    pub mass_excess: Known,
    /// `(zeta+ - L)/lambda = (|a|^2 + |W|_F^2)/2 - |mu*|`.
    pub decay_excess: Known,
    /// An angle, radians, and the mass beyond it from every teacher.
    pub beyond: (f64, f64),
    /// The relative rounding of a sum over the neurons.
    pub roundings: f64,
}

/// What they need of a dual certificate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constants {
    /// `rho`.
    pub rho: Known,
    /// `|p|`, not rounded down.
    pub norm: f64,
}

impl Constants {
    /// Other constants than the certificate has, as a control claims them: `rho` and `|p|` times
    /// these factors.
    #[must_use]
    pub fn claiming(self, rho: f64, norm: f64) -> Self {
        Self { rho: self.rho.times(rho).with(Evidence::Claimed), norm: self.norm * norm }
    }
}

impl Quantities {
    /// Of a student; `angle` is that of [`Self::beyond`].
    pub fn of(point: &Point<'_>, angle: f64) -> Self {
        let (excess, roundings) = (point.mass_excess(), point.roundings());
        let half = 0.5 * point.imbalance();
        let masses = point.split().masses().iter().zip(point.split().angles());
        let far = masses.filter(|(_, delta)| **delta > angle).map(|(c, _)| c.abs()).sum();
        Self {
            lambda: point.lambda(),
            loss: point.loss().into(),
            zeta_plus: point.zeta_plus().into(),
            mass_excess: excess.into(),
            decay_excess: Known::computed(excess.value + half, excess.error + roundings * half),
            beyond: (angle, far),
            roundings,
        }
    }

    /// Of a row of a trajectory: `lambda`, `L`, `L_lambda`, `|mu|`, and the mass beyond an angle,
    /// with `|mu*|`. The row's numbers count as exact.
    pub fn of_row(
        (lambda, loss, objective): (f64, f64, f64),
        mass: f64,
        beyond: (f64, f64),
        teacher_mass: f64,
    ) -> Self {
        let exact = |x| Known::computed(x, 0.0);
        Self {
            lambda,
            loss: exact(loss),
            zeta_plus: exact(objective - lambda * teacher_mass),
            mass_excess: exact(mass - teacher_mass),
            decay_excess: exact((objective - loss) / lambda - teacher_mass),
            beyond,
            roundings: 0.0,
        }
    }

    /// `sqrt(L)`.
    pub fn root_loss(&self) -> Known {
        let Known { value: loss, error, .. } = self.loss;
        let value = maximum(loss, 0.0).sqrt();
        let above = maximum(loss + error, 0.0).sqrt() - value;
        let below = value - maximum(loss - error, 0.0).sqrt();
        Known::computed(value, maximum(above, below) + f64::EPSILON * value)
    }
}
