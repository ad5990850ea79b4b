//! The numbers from which the bounds of a student are computed.

use crate::claim::{Evidence, Known};
use gradiometer_certify::EnclosedStudent;
use gradiometer_hermite::Enclosure;
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
    pub beyond: (f64, Known),
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

    /// `|p|`, known as well as `|eta| <= 1` is.
    pub fn known_norm(&self) -> Known {
        Known::exact(self.norm).with(self.rho.evidence())
    }
}

/// The share of a number above which the width of its enclosure says less than a bound of its rounding.
const WIDE: f64 = 1e-3;

impl Quantities {
    /// Of a student; `angle` is that of [`Self::beyond`].
    pub fn of(point: &Point<'_>, angle: f64) -> Self {
        let (excess, roundings) = (point.mass_excess(), point.roundings());
        let half = 0.5 * point.imbalance();
        let masses = point.split().masses().iter().zip(point.split().angles());
        let far = masses.filter(|(_, delta)| **delta > angle);
        // From zero, for the sum of nothing is -0.
        let far = far.fold(0.0, |sum, (c, _)| sum + c.abs());
        Self {
            lambda: point.lambda(),
            loss: point.loss().into(),
            zeta_plus: point.zeta_plus().into(),
            mass_excess: excess.into(),
            decay_excess: Known::computed(excess.value + half, excess.error + roundings * half),
            beyond: (angle, Known::computed(far, 2.0 * roundings * far)),
            roundings,
        }
    }

    /// The same with the student's numbers enclosed, where that is narrow enough.
    #[must_use]
    pub fn enclosed_by(mut self, student: &EnclosedStudent) -> Self {
        let (loss, excess) = (student.loss(), student.mass() - student.teacher_mass());
        let decay = student.decay() - student.teacher_mass();
        self.loss = enclosed(self.loss, loss);
        self.zeta_plus = enclosed(self.zeta_plus, Self::zeta_enclosed(student, self.lambda));
        self.mass_excess = enclosed(self.mass_excess, excess);
        self.decay_excess = enclosed(self.decay_excess, decay);
        self.beyond.1 = enclosed(self.beyond.1, student.mass_beyond(self.beyond.0));
        self
    }

    /// `zeta+` of an enclosed student.
    pub(crate) fn zeta_enclosed(student: &EnclosedStudent, lambda: f64) -> Enclosure {
        student.loss() + (student.decay() - student.teacher_mass()) * lambda
    }

    /// Of a row of a trajectory: `lambda`, `L`, `L_lambda`, `|mu|`, and the mass beyond an angle,
    /// with `|mu*|`. The row's numbers count as exact.
    pub fn of_row(
        (lambda, loss, objective): (f64, f64, f64),
        mass: f64,
        (angle, beyond): (f64, f64),
        teacher_mass: f64,
    ) -> Self {
        let exact = |x| Known::computed(x, 0.0);
        Self {
            lambda,
            loss: exact(loss),
            zeta_plus: exact(objective - lambda * teacher_mass),
            mass_excess: exact(mass - teacher_mass),
            decay_excess: exact((objective - loss) / lambda - teacher_mass),
            beyond: (angle, exact(beyond)),
            roundings: 0.0,
        }
    }

    /// `sqrt(L)`.
    pub fn root_loss(&self) -> Known {
        self.loss.sqrt()
    }
}

/// A computed number where it is known to lie, unless that is much wider than the bound of its rounding.
pub(crate) fn enclosed(computed: Known, enclosure: Enclosure) -> Known {
    let within = Known::within(computed.value, enclosure);
    let wide = WIDE * computed.value.abs();
    if within.error <= wide || within.error <= computed.error || computed.error > wide {
        within
    } else {
        computed
    }
}
