//! Dual certificates as the statements use them.

use crate::claim::{Evidence, Known};
use crate::error::TheoryError;
use crate::quantities::Constants;
use gradiometer_certify::{Certificate, CertifyError, DegreeWeights, Interpolant, Proof, Report};
use gradiometer_hermite::float::minimum;
use gradiometer_landscape::rho;
use gradiometer_model::SeparatedTeacher;
use gradiometer_population::Bounded;

/// A non-degenerate dual certificate of theory 6.1: `eta(w) = E[p(x) sigma(wbar.x)]` with
/// `eta(u_i) = sign(alpha_i)` and `|eta(w)| <= 1 - rho delta(w)^2`.
#[derive(Clone, Debug)]
pub struct Dual {
    eta: Eta,
    weights: DegreeWeights,
    constants: Constants,
}

#[derive(Clone, Debug)]
enum Eta {
    Interpolant(Box<Interpolant>),
    /// A function of a test's own.
    #[cfg(test)]
    Explicit(fn(&[f64]) -> Bounded),
}

/// First degrees that are tried for a certificate.
const DEGREES: [usize; 5] = [2, 4, 8, 16, 32];
/// Directions searched for its `rho`, besides the student's neurons.
const SAMPLES: usize = 40;
/// Directions searched for the `rho` of a given certificate.
const DIRECTIONS: usize = 1000;

impl Dual {
    pub(crate) fn new(interpolant: Interpolant, weights: DegreeWeights, rho: Known) -> Self {
        let constants = Constants { rho, norm: interpolant.norm().hi() };
        Self { eta: Eta::Interpolant(Box::new(interpolant)), weights, constants }
    }

    /// A certificate that the checker has proved.
    pub fn proved(proof: &Proof) -> Self {
        let weights = proof.certificate().weights().clone();
        Self::new(proof.interpolant().clone(), weights, Known::rho_of(proof))
    }

    /// A certificate that the checker has reported on: as [`Self::proved`] if the report has a
    /// proof, else as [`Self::searched`].
    ///
    /// # Errors
    /// As for [`Self::searched`].
    pub fn checked(
        teacher: &SeparatedTeacher,
        certificate: &Certificate,
        report: &Report,
    ) -> Result<Self, TheoryError> {
        let proof = report.verdict.proof();
        proof.map_or_else(|| Self::searched(teacher, certificate), |proof| Ok(Self::proved(proof)))
    }

    /// A certificate that nothing proves: with the `rho` that it claims, or a smaller one that a
    /// search meets.
    ///
    /// # Errors
    /// [`TheoryError::Certify`] if it does not fit the teacher, [`TheoryError::Model`] if the
    /// teacher's subspace is not found, [`TheoryError::NoCertificate`] if the search meets
    /// `|eta| >= 1` away from the teachers.
    pub fn searched(
        teacher: &SeparatedTeacher,
        certificate: &Certificate,
    ) -> Result<Self, TheoryError> {
        let (weights, claimed) = (certificate.weights().clone(), certificate.rho());
        let interpolant = Interpolant::certificate(teacher, &weights)?;
        let met = rho::searched_rho(teacher, &interpolant, DIRECTIONS, &[], 0)?;
        let met = met.ok_or(TheoryError::NoCertificate { claimed })?;
        Ok(Self::new(interpolant, weights, Known::sampled(minimum(claimed, met), 0.0)))
    }

    /// The certificate of the least degree among a few whose `rho` a search finds positive, at
    /// `points` (`d` numbers each) and some other directions; `None` if none is.
    ///
    /// # Errors
    /// [`TheoryError`] if the teacher's subspace is not found.
    pub fn of_least_degree(
        teacher: &SeparatedTeacher,
        points: &[f64],
        seed: u64,
    ) -> Result<Option<Self>, TheoryError> {
        for degree in DEGREES {
            let weights = DegreeWeights::from_degree(degree)?;
            let interpolant = match Interpolant::certificate(teacher, &weights) {
                Ok(interpolant) => interpolant,
                Err(CertifyError::Interpolation { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let found = rho::searched_rho(teacher, &interpolant, SAMPLES, points, seed)?;
            if let Some(rho) = found {
                return Ok(Some(Self::new(interpolant, weights, Known::sampled(rho, 0.0))));
            }
        }
        Ok(None)
    }

    /// The same with other constants than it has, as a control claims them: `rho` and `|p|` times
    /// these factors.
    #[must_use]
    pub fn claiming(&self, rho: f64, norm: f64) -> Self {
        Self { constants: self.constants.claiming(rho, norm), ..self.clone() }
    }

    /// `rho` and `|p|`.
    pub const fn constants(&self) -> &Constants {
        &self.constants
    }

    /// `rho > 0`.
    pub const fn rho(&self) -> Known {
        self.constants.rho
    }

    /// `|p|` in `L2`, not rounded down.
    pub const fn norm(&self) -> f64 {
        self.constants.norm
    }

    /// The weights of the degrees that it is made with.
    pub const fn weights(&self) -> &DegreeWeights {
        &self.weights
    }

    /// How `rho` is known.
    pub const fn evidence(&self) -> Evidence {
        self.constants.rho.evidence()
    }

    /// `eta` at a unit vector of `R^d`.
    pub fn eta(&self, w: &[f64]) -> Bounded {
        match &self.eta {
            Eta::Interpolant(interpolant) => rho::eta(interpolant, w),
            #[cfg(test)]
            Eta::Explicit(eta) => eta(w),
        }
    }

    /// `eta` at the direction of a vector, whose value in floating point is given.
    pub(crate) fn eta_enclosed(&self, value: f64, w: &[f64]) -> Known {
        match &self.eta {
            Eta::Interpolant(interpolant) => Known::within(value, interpolant.at(w).0),
            #[cfg(test)]
            Eta::Explicit(eta) => eta(w).into(),
        }
    }
}

#[cfg(test)]
impl Dual {
    /// A certificate by hand.
    pub(crate) fn explicit(rho: Known, norm: f64, eta: fn(&[f64]) -> Bounded) -> Self {
        let weights = DegreeWeights::from_degree(2).unwrap();
        Self { eta: Eta::Explicit(eta), weights, constants: Constants { rho, norm } }
    }
}
