//! What the lemmas need of a dual certificate.

use super::Evidence;
use gradiometer_certify::{Certificate, CertifyError, Interpolant, Proof, Report};
use gradiometer_hermite::float::minimum;
use gradiometer_instances::FeatureSubspace;
use gradiometer_model::geometry::{dot, normalised};
use gradiometer_model::{ModelError, SeparatedTeacher};
use gradiometer_population::Bounded;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// A non-degenerate dual certificate of theory 6.1: `eta(w) = E[p(x) sigma(wbar.x)]` with `eta(u_i) = sign(alpha_i)` and
/// `|eta(w)| <= 1 - rho delta(w)^2`.
pub trait DualCertificate {
    /// `rho > 0`.
    fn rho(&self) -> f64;
    /// `|p|` in `L2`, not rounded down.
    fn norm(&self) -> f64;
    /// `eta` at a unit vector of `R^d`.
    fn eta(&self, w: &[f64]) -> Bounded;
    /// How `rho` is known.
    fn evidence(&self) -> Evidence;
}

/// A certificate made of an interpolant and a `rho`.
#[derive(Clone, Debug)]
pub struct InterpolatedCertificate {
    interpolant: Interpolant,
    rho: f64,
    evidence: Evidence,
}

impl InterpolatedCertificate {
    /// A certificate that the checker has proved.
    pub fn proved(proof: &Proof) -> Self {
        let interpolant = proof.interpolant().clone();
        Self { interpolant, rho: proof.rho(), evidence: Evidence::Certified }
    }

    /// A certificate that the checker has reported on: proved if the report has a proof, else not.
    ///
    /// # Errors
    /// [`CertifyError::Interpolation`] if the coefficients of an unproved one cannot be enclosed.
    pub fn checked(
        teacher: &SeparatedTeacher,
        certificate: &Certificate,
        report: &Report,
    ) -> Result<Self, CertifyError> {
        if let Some(proof) = report.verdict.proof() {
            return Ok(Self::proved(proof));
        }
        let interpolant = Interpolant::certificate(teacher, certificate.weights())?;
        Ok(Self::unproved(interpolant, certificate.rho()))
    }

    /// A certificate whose `rho` nobody has proved; at best it was searched for.
    pub const fn unproved(interpolant: Interpolant, rho: f64) -> Self {
        Self { interpolant, rho, evidence: Evidence::Sampled }
    }

    /// A certificate with `rho` from a finite search: the least `(1 - |eta(w)|)/delta(w)^2` over `samples` directions of the teacher's
    /// subspace and its complement, over directions near the teachers, and over the given `points` (`d` numbers each). `None` if that is not
    /// positive.
    ///
    /// Over a student's own neurons the lemmas need no more, so with them among the `points` a violation is a violation. A point so near to a teacher direction
    /// that rounding hides the quotient counts with that at `4e-4` in the same direction from it, the curvature of `eta` there.
    ///
    /// # Errors
    /// [`ModelError::DecompositionFailed`] if the subspace is not found.
    pub fn sampled(
        teacher: &SeparatedTeacher,
        interpolant: Interpolant,
        samples: usize,
        points: &[f64],
        seed: u64,
    ) -> Result<Option<Self>, ModelError> {
        let mut found = Self { interpolant, rho: f64::INFINITY, evidence: Evidence::Sampled };
        let directions = search_directions(teacher, samples, seed)?;
        for w in
            directions.iter().map(Vec::as_slice).chain(points.chunks_exact(teacher.dimension()))
        {
            let mut unit = normalised(w);
            let (nearest, mut delta) = teacher.nearest(&unit);
            // A zero neuron has no direction, and a teacher's own direction no quotient.
            if !(delta > 0.0 && delta.is_finite() && unit.iter().any(|x| x.abs() > 0.0)) {
                continue;
            }
            let mut eta = found.eta(&unit);
            if !(8.0 * eta.error < 1.0 - eta.value.abs()) && delta < NEAR {
                unit = pushed(teacher.direction(nearest), &unit);
                delta = teacher.nearest(&unit).1;
                eta = found.eta(&unit);
            }
            let room = 1.0 - eta.value.abs() - eta.error;
            found.rho = minimum(found.rho, room / (delta * delta));
        }
        Ok((found.rho > 0.0 && found.rho.is_finite()).then_some(found))
    }
}

/// Angles below which `1 - |eta|` may hold too few digits for a quotient.
pub(super) const NEAR: f64 = 1e-4;

/// The unit vector at angle `4 NEAR` from the line of `u`, in the direction of `w` from it.
pub(super) fn pushed(u: &[f64], w: &[f64]) -> Vec<f64> {
    let sign = if dot(u, w) < 0.0 { -1.0 } else { 1.0 };
    let away: Vec<f64> = w.iter().zip(u).map(|(x, u)| sign * x - u).collect();
    let along = dot(&away, u);
    let tangent = normalised(&away.iter().zip(u).map(|(x, u)| x - along * u).collect::<Vec<f64>>());
    let (sin, cos) = (4.0 * NEAR).sin_cos();
    normalised(&u.iter().zip(&tangent).map(|(u, e)| cos * u + sin * e).collect::<Vec<f64>>())
}

/// Random directions of the teacher's subspace and one dimension more, half of them near a teacher direction.
pub(super) fn search_directions(
    teacher: &SeparatedTeacher,
    samples: usize,
    seed: u64,
) -> Result<Vec<Vec<f64>>, ModelError> {
    let d = teacher.dimension();
    let subspace = FeatureSubspace::of(teacher)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let directions = (0..samples).map(|sample| {
        let mut gaussian =
            || -> Vec<f64> { (0..d).map(|_| rng.sample::<f64, _>(StandardNormal)).collect() };
        let plain = gaussian();
        let inside = subspace.project(&plain);
        // As much outside of the subspace as a coordinate inside.
        let outside: Vec<f64> = plain.iter().zip(&inside).map(|(x, y)| x - y).collect();
        let codimension = (d - subspace.rank()) as f64;
        let share = if codimension > 0.0 { 1.0 / codimension.sqrt() } else { 0.0 };
        let mut w: Vec<f64> = inside.iter().zip(&outside).map(|(x, y)| x + share * y).collect();
        if sample % 2 == 0 {
            let centre = teacher.direction(sample / 2 % teacher.neurons());
            let size: f64 = 10.0_f64.powf(-3.0 * rng.random::<f64>());
            w = normalised(&w);
            for (x, u) in w.iter_mut().zip(centre) {
                *x = u + size * *x;
            }
        }
        normalised(&w)
    });
    Ok(directions.collect())
}

impl DualCertificate for InterpolatedCertificate {
    fn rho(&self) -> f64 {
        self.rho
    }

    fn norm(&self) -> f64 {
        self.interpolant.norm().hi()
    }

    fn eta(&self, w: &[f64]) -> Bounded {
        let (eta, _) = self.interpolant.at(w);
        let value = 0.5 * eta.lo() + 0.5 * eta.hi();
        Bounded { value, error: eta.hi() - eta.lo() }
    }

    fn evidence(&self) -> Evidence {
        self.evidence
    }
}
