//! Which kernel: the first degree, then the weights of the degrees around it.

use std::ops::ControlFlow;

use gradiometer_certify::DegreeWeights;
use gradiometer_hermite::float::maximum;

use super::candidate::{Candidate, Stage};
use super::search::{Found, rho_at, smallest};
use super::{CertificateOptions, Goal};

/// Degrees in a row that may be worse than the best one before the ladder ends.
const PATIENCE: usize = 4;
/// The ladder goes on to this number over the separation at least.
const RESOLUTION: f64 = 4.0;
/// Degrees above the first one whose weights are tuned too.
const ABOVE: usize = 2;
/// Degrees below the first one whose weights are tuned too.
const BELOW: usize = 3;
/// Starting points with the smallest values, from which descents are made first.
const SCOUTS: usize = 8;
/// The share of the best score below which a change of the weights is worth another step.
const WORTHWHILE: f64 = 0.999;
/// First and last step of the weights' square roots.
const FIRST_STEP: f64 = 0.4;
const LAST_STEP: f64 = 0.05;

/// A kernel with the score that chose it.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) weights: DegreeWeights,
    pub(crate) score: f64,
    pub(crate) found: Found,
}

/// Scores kernels on one set of starting points, to which the worst places of the best kernels are added.
pub(crate) struct Chooser<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) options: &'a CertificateOptions,
    pub(crate) starts: Vec<Vec<f64>>,
    /// Whether to try another kernel.
    pub(crate) proceed: &'a mut dyn FnMut() -> ControlFlow<()>,
    /// Whether it said no.
    pub(crate) stopped: bool,
}

impl Chooser<'_> {
    /// The best kernel found; `None` if none interpolates with `rho > 0`.
    pub(crate) fn best(&mut self) -> Option<Choice> {
        let mut best: Option<Choice> = None;
        let mut since = 0;
        let mut degree = self.options.smallest_degree;
        // Before l resolves the separation the score has its own ups and downs: two close directions of opposite signs
        // are cheap at l = 2 for a certificate that no interval arithmetic can prove, and cheaper still at l ~ 4 / Delta.
        let resolved = RESOLUTION / self.stage.separation;
        while degree <= self.options.largest_degree
            && (since < PATIENCE || (degree as f64) < resolved)
            && self.goes_on()
        {
            let bound = best.as_ref().map_or(f64::INFINITY, |b| b.score);
            // Patience begins with the first kernel that works.
            since += usize::from(best.is_some());
            if let Some(choice) = self.score(DegreeWeights::from_degree(degree).ok()?, bound) {
                self.starts.extend(choice.found.places().cloned());
                best = Some(choice);
                since = 0;
            }
            // Every even degree up to 16, then steps of an eighth.
            degree += if degree < 16 { 2 } else { 2 * (degree / 16) };
        }
        let best = best?;
        Some(if self.stopped {
            best
        } else if self.options.tune_weights {
            self.tune(best)
        } else {
            best
        })
    }

    fn goes_on(&mut self) -> bool {
        self.stopped |= (self.proceed)().is_break();
        !self.stopped
    }

    /// Pattern search over the square roots of the weights around the first degree.
    fn tune(&mut self, mut best: Choice) -> Choice {
        let first = best.weights.first_degree() / 2 - 1;
        let low = (0..first + ABOVE).map(|k| if k < first { 0.0 } else { 1.0 });
        let mut roots: Vec<f64> = low.collect();
        let from =
            first.saturating_sub(BELOW).max((self.options.smallest_degree / 2).saturating_sub(1));
        let mut step = FIRST_STEP;
        while step > LAST_STEP {
            let mut moved = false;
            for k in from..roots.len() {
                for shift in [step, -step] {
                    if !self.goes_on() {
                        return best;
                    }
                    let mut trial = roots.clone();
                    trial[k] = maximum(trial[k] + shift, 0.0);
                    if (trial[k] - roots[k]).abs() < 0.5 * step {
                        continue;
                    }
                    let squares = trial.iter().map(|x| x * x).collect();
                    let choice = DegreeWeights::new(squares, 1.0).ok();
                    if let Some(choice) =
                        choice.and_then(|w| self.score(w, WORTHWHILE * best.score))
                    {
                        self.starts.extend(choice.found.places().take(2).cloned());
                        roots = trial;
                        best = choice;
                        moved = true;
                        break;
                    }
                }
            }
            if !moved {
                step *= 0.5;
            }
        }
        best
    }

    /// The goal's value for a kernel; `None` if `rho` is not positive (or too small for the goal) or the value is not below `bound`.
    ///
    /// Any point of the sphere bounds `rho` from above and so the value from below: most kernels are out before a descent from
    /// every starting point is made.
    fn score(&self, weights: DegreeWeights, bound: f64) -> Option<Choice> {
        let candidate = Candidate::certificate(self.stage, &weights)?;
        let norm = candidate.norm;
        let value = |rho: f64| match self.options.goal {
            Goal::NormSquaredOverRho if rho > 0.0 => norm * norm / rho,
            Goal::Norm { smallest_rho } if rho >= smallest_rho && rho > 0.0 => norm,
            _ => f64::INFINITY,
        };
        let f = |w: &[f64]| rho_at(&candidate, w);
        let mut starts: Vec<(f64, &Vec<f64>)> = self.starts.iter().map(|w| (f(w), w)).collect();
        starts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (first, rest) = starts.split_at(starts.len().min(SCOUTS));
        let lowest = first.first().map_or(f64::INFINITY, |start| start.0);
        if !(value(lowest) < bound) {
            return None;
        }
        let points = |starts: &[(f64, &Vec<f64>)]| -> Vec<Vec<f64>> {
            starts.iter().map(|(_, w)| (*w).clone()).collect()
        };
        let scouted = smallest(f, &points(first));
        if !(value(scouted.value()) < bound) {
            return None;
        }
        let found = scouted.with(smallest(f, &points(rest)));
        let score = value(found.value());
        (score < bound).then_some(Choice { weights, score, found })
    }
}
