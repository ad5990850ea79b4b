//! An instance with what several statements need of it, computed once and only if asked for.

use super::VerifyError;
use gradiometer_certify::{CertifyError, DegreeWeights, Interpolant};
use gradiometer_instances::FeatureSubspace;
use gradiometer_instances::Instance;
use gradiometer_landscape::LandscapeError;
use gradiometer_landscape::lemmas::{InterpolatedCertificate, Point};
use gradiometer_landscape::optimum::{Optimum, OptimumOptions, regularised_optimum};
use gradiometer_model::geometry::normalised;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::cell::OnceCell;

/// First degrees that are tried for a certificate.
const DEGREES: [usize; 5] = [2, 4, 8, 16, 32];
/// Directions searched for its `rho`, besides the student's neurons.
const SAMPLES: usize = 40;
/// Rank, separation and `lambda` over the teacher's mass, between which the optimum is a finite sum of atoms that the solver finds.
const ATOMIC_RANK: usize = 2;
const ATOMIC_SEPARATION: f64 = 0.3;
const ATOMIC_LAMBDAS: std::ops::RangeInclusive<f64> = 1e-6..=1.0;

/// A certificate with the weights that it is made of.
type Weighted = (InterpolatedCertificate, DegreeWeights);

/// An instance being verified.
#[derive(Debug)]
pub struct Context<'a> {
    instance: &'a Instance,
    point: OnceCell<Result<Point<'a>, LandscapeError>>,
    certificate: OnceCell<Result<Option<Weighted>, VerifyError>>,
    optimum: OnceCell<Result<Option<Optimum>, VerifyError>>,
}

impl<'a> Context<'a> {
    /// Around an instance.
    pub const fn new(instance: &'a Instance) -> Self {
        Self {
            instance,
            point: OnceCell::new(),
            certificate: OnceCell::new(),
            optimum: OnceCell::new(),
        }
    }

    /// The instance.
    pub const fn instance(&self) -> &'a Instance {
        self.instance
    }

    /// The student analysed.
    ///
    /// # Errors
    /// As for [`Point::new`].
    pub fn point(&self) -> Result<&Point<'a>, VerifyError> {
        let Instance { teacher, student, lambda, .. } = self.instance;
        let point = self.point.get_or_init(|| Point::new(teacher, student, *lambda));
        point.as_ref().map_err(|error| error.clone().into())
    }

    /// A certificate whose `rho` was searched for at random directions and at every neuron of the student, of the least degree that gives one; `None` if
    /// none does.
    ///
    /// # Errors
    /// [`VerifyError`] if the teacher's subspace is not found.
    pub fn certificate(&self) -> Result<Option<&Weighted>, VerifyError> {
        let certificate = self.certificate.get_or_init(|| self.find_certificate());
        certificate.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    fn find_certificate(&self) -> Result<Option<Weighted>, VerifyError> {
        let Instance { teacher, student, seed, .. } = self.instance;
        for degree in DEGREES {
            let weights = DegreeWeights::from_degree(degree)?;
            let interpolant = match Interpolant::certificate(teacher, &weights) {
                Ok(interpolant) => interpolant,
                Err(CertifyError::Interpolation { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let points = student.first_layer();
            let found =
                InterpolatedCertificate::sampled(teacher, interpolant, SAMPLES, points, *seed)?;
            if let Some(certificate) = found {
                return Ok(Some((certificate, weights)));
            }
        }
        Ok(None)
    }

    /// The regularised optimum of a teacher of rank 1 or 2 with a moderate `lambda`; `None` for others, and where its duality gap did not close.
    ///
    /// # Errors
    /// [`VerifyError`] if the teacher's subspace is not found.
    pub fn optimum(&self) -> Result<Option<&Optimum>, VerifyError> {
        let optimum = self.optimum.get_or_init(|| self.find_optimum());
        optimum.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    fn find_optimum(&self) -> Result<Option<Optimum>, VerifyError> {
        let Instance { teacher, lambda, .. } = self.instance;
        let separated = teacher.separation().is_none_or(|s| s.angle >= ATOMIC_SEPARATION);
        let moderate = ATOMIC_LAMBDAS.contains(&(lambda / teacher.total_mass()));
        if !(separated && moderate) || FeatureSubspace::of(teacher)?.rank() > ATOMIC_RANK {
            return Ok(None);
        }
        let optimum = regularised_optimum(teacher, *lambda, &OptimumOptions::default())?;
        Ok(optimum.converged.then_some(optimum))
    }

    /// Random numbers of one statement at this instance.
    pub(super) fn rng(&self, stream: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.instance.seed);
        rng.set_stream(stream);
        rng
    }
}

/// A uniform unit vector.
pub(super) fn random_unit(rng: &mut ChaCha8Rng, dimension: usize) -> Vec<f64> {
    normalised(&(0..dimension).map(|_| rng.sample(StandardNormal)).collect::<Vec<f64>>())
}

/// `10^x` with `x` uniform.
pub(super) fn decades(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    10.0_f64.powf(low + (high - low) * rng.random::<f64>())
}
