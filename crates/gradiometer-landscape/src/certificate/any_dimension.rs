//! Certificates that Lagrange's bound proves (theory 6.4): the searcher asks the checker itself, which is quick.

use gradiometer_certify::{
    Certificate, CertifyError, DegreeWeights, Interpolant, Limits, Method, Obstacle, Progress,
    Runner, Verdict, check_certificate_by,
};
use gradiometer_hermite::float::minimum;
use gradiometer_model::SeparatedTeacher;

use super::candidate::{Candidate, Stage};
use super::search::{rho_at, smallest, starts};
use super::{CertificateOptions, CheckedCertificate, FoundCertificate, Goal, RHO_ON_A_LINE};
use crate::error::LandscapeError;

/// Shares of the largest `rho` that may be true: the one that is claimed first, the least that is worth a claim, and the halvings
/// between them where the first is not proved and the least is.
const SHARES: [f64; 2] = [0.25, 0.999];
const CLAIMS: usize = 4;
/// Products `m* r` up to which the weights below the first degree are tuned, and up to which a descent seeks `rho` where the
/// directions span the space.
const TUNED: usize = 400;
const DESCENDED: usize = 100;
/// Halvings of a weight.
const HALVINGS: usize = 4;
/// Random directions at which `rho` is sampled where no descent is made.
const SAMPLED: usize = 2000;

/// Which claims of a kernel are tried: the largest alone, or smaller ones where it is not proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claims {
    Largest,
    Some,
}

/// A certificate that is proved, with its value.
struct Best {
    checked: CheckedCertificate,
    weights: DegreeWeights,
    score: f64,
}

struct Search<'a> {
    teacher: &'a SeparatedTeacher,
    stage: Stage,
    options: &'a CertificateOptions,
    limits: &'a Limits,
    runner: &'a mut dyn Runner,
    best: Option<Best>,
    stopped: bool,
}

/// The best certificate that the bound proves, over the first degrees and, for moderate sizes, the weights of the two degrees
/// below; `None` if it proves none.
///
/// # Errors
/// What the teacher's geometry or the checker refuse.
pub(super) fn prove(
    teacher: &SeparatedTeacher,
    options: &CertificateOptions,
    limits: &Limits,
    runner: &mut dyn Runner,
) -> Result<Option<CheckedCertificate>, LandscapeError> {
    let stage = Stage::new(teacher)?;
    let size = stage.neurons() * stage.rank;
    let mut search = Search { teacher, stage, options, limits, runner, best: None, stopped: false };
    let mut degree = options.smallest_degree.max(2);
    while degree <= options.largest_degree && search.goes_on() {
        if !search.may_improve(&DegreeWeights::from_degree(degree)?, Claims::Some)? {
            break;
        }
        degree += if degree < 16 { 2 } else { 2 * (degree / 16) };
    }
    if options.tune_weights && size <= TUNED {
        search.tune()?;
    }
    Ok(search.best.map(|best| best.checked))
}

impl Search<'_> {
    /// Whether nobody has ended the search; asked before every kernel, which may cost a second.
    fn goes_on(&mut self) -> bool {
        self.stopped |= self.runner.proceed(Progress::default()).is_break();
        !self.stopped
    }

    /// Tries a kernel, with smaller and smaller claims as long as these are worth something; `false` if no claim of this kernel
    /// would be better than the best one so far.
    fn may_improve(
        &mut self,
        weights: &DegreeWeights,
        how: Claims,
    ) -> Result<bool, LandscapeError> {
        let interpolant = match Interpolant::certificate(self.teacher, weights) {
            Ok(interpolant) => interpolant,
            Err(CertifyError::Interpolation { .. }) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let norm = interpolant.norm().hi();
        let bound = self.best.as_ref().map_or(f64::INFINITY, |best| best.score);
        if !(self.score(norm, RHO_ON_A_LINE) < bound) && self.stage.size > self.stage.rank {
            return Ok(false);
        }
        let (largest, points) = self.largest_rho(weights);
        if !(self.score(norm, largest) < bound) {
            return Ok(self.best.is_none());
        }
        let [least, most] = SHARES;
        let mut claims = |share: f64| {
            let rho = share * largest;
            self.claims(&interpolant, weights, rho, (largest, points))
        };
        if !claims(most)? && Claims::Some == how && claims(least)? {
            let (mut holds, mut fails) = (least, most);
            for _ in 0..CLAIMS {
                let share = 0.5 * (holds + fails);
                *(if claims(share)? { &mut holds } else { &mut fails }) = share;
            }
        }
        Ok(true)
    }

    /// Whether a claim is proved; it is kept if that makes it the best one.
    fn claims(
        &mut self,
        interpolant: &Interpolant,
        weights: &DegreeWeights,
        rho: f64,
        (largest, starts): (f64, usize),
    ) -> Result<bool, LandscapeError> {
        let score = self.score(interpolant.norm().hi(), rho);
        if self.stopped || !(rho > 0.0 && score < f64::INFINITY) {
            return Ok(false);
        }
        let certificate = Certificate::from_interpolant(interpolant, weights, rho)?;
        let (teacher, limits) = (self.teacher, self.limits);
        let method = Method::Lagrange;
        let report = check_certificate_by(method, &certificate, teacher, limits, self.runner)?;
        self.stopped |= matches!(report.verdict, Verdict::Inconclusive(Obstacle::Stopped));
        let is_proved = matches!(report.verdict, Verdict::Proved(_));
        if is_proved && self.best.as_ref().is_none_or(|best| score < best.score) {
            let found = FoundCertificate { certificate, sampled_rho: largest, starts };
            let checked = CheckedCertificate { found, report };
            self.best = Some(Best { checked, weights: weights.clone(), score });
        }
        Ok(is_proved)
    }

    /// What is to be small.
    fn score(&self, norm: f64, rho: f64) -> f64 {
        match self.options.goal {
            Goal::NormSquaredOverRho if rho > 0.0 => norm * norm / rho,
            Goal::Norm { smallest_rho } if rho >= smallest_rho => norm,
            _ => f64::INFINITY,
        }
    }

    /// A bound of every true `rho`: `4/pi^2` where some direction is orthogonal to all teachers, else the least quotient met. With
    /// the number of points.
    fn largest_rho(&self, weights: &DegreeWeights) -> (f64, usize) {
        let stage = &self.stage;
        if stage.size > stage.rank {
            return (RHO_ON_A_LINE, 1);
        }
        let Some(candidate) = Candidate::certificate(stage, weights) else { return (0.0, 0) };
        if stage.neurons() * stage.rank <= DESCENDED {
            let points = starts(stage, self.options.starts, self.options.seed);
            return (smallest(|w| rho_at(&candidate, w), &points).value(), points.len());
        }
        let points = starts(stage, SAMPLED, self.options.seed);
        let met = points.iter().map(|w| rho_at(&candidate, w));
        (met.fold(f64::INFINITY, minimum), points.len())
    }

    /// Gives the degrees below the first one the largest weights with which the proof still succeeds, by halving.
    fn tune(&mut self) -> Result<(), LandscapeError> {
        for below in 1..=2 {
            let Some(best) = &self.best else { return Ok(()) };
            let mut low = best.weights.low().to_vec();
            let first = low.iter().position(|&x| x > 0.0).unwrap_or(low.len());
            let least = (self.options.smallest_degree / 2).saturating_sub(1);
            let Some(place) = first.checked_sub(1).filter(|&place| place >= least) else {
                return Ok(());
            };
            // At most the weight above it, and the smaller the farther.
            let (mut holds, mut fails) = (0.0, f64::powi(0.5, below - 1));
            for _ in 0..HALVINGS {
                if !self.goes_on() {
                    return Ok(());
                }
                let weight = 0.5 * (holds + fails);
                low[place] = weight;
                let before = self.best.as_ref().map_or(f64::INFINITY, |best| best.score);
                self.may_improve(&DegreeWeights::new(low.clone(), 1.0)?, Claims::Largest)?;
                let after = self.best.as_ref().map_or(f64::INFINITY, |best| best.score);
                if after < before {
                    holds = weight;
                } else {
                    fails = weight;
                }
            }
        }
        Ok(())
    }
}
