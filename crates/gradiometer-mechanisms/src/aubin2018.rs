//! The Bayes-optimal committee of two units: state evolution, thresholds, free entropy, errors and
//! AMP (statements 11.12).
//!
//! Weights `W* in R^{d x 2}`, `n = alpha d` inputs with entries of variance `1/d`, `z = X W*` and
//! `y = sign(sign z_1 + sign z_2)` in `{-1, 0, 1}`: a tie is an output of its own. The overlap `lim
//! W_hat^T W*/d` is `[[q_d, q_a], [q_a, q_d]]` with eigenvalues `q_+- = q_d +- q_a`. The committee
//! is specialised where `q_- > 0`. The questions are those of \[Aubin2018\].

use crate::error::MechanismError;
use gradiometer_hermite::float::{maximum, minimum};
use gradiometer_hermite::quadrature::GaussLegendre;
use statrs::function::erf::erfc;
use std::cmp::Ordering;
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, SQRT_2, TAU};

mod amp;
mod thresholds;

pub use amp::{Amp, AmpState};
pub use thresholds::Threshold;

/// Half-width of the interval that normal expectations are taken over; what lies beyond weighs
/// `2e-17`.
const HALF_WIDTH: f64 = 8.5;
/// Panels on the half line and nodes of each.
const PANELS: usize = 10;
const PANEL_NODES: usize = 8;
/// Nodes of Plackett's integral for the normal distribution in the plane.
const PLACKETT_NODES: usize = 24;
/// Probabilities below this add nothing: their squared gradient over themselves is rounding over
/// rounding.
const NEGLIGIBLE: f64 = 1e-14;
/// Rounds of plain iteration that bring a solution near enough for Newton's method.
const PLAIN_ROUNDS: usize = 60;
/// Most Newton steps.
const NEWTON_STEPS: usize = 60;

/// The prior of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Independent standard normals.
    Gaussian,
    /// Independent signs.
    Binary,
}

/// Whether a tie of the two units is an output of its own or counts as `+1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// `-1`, `0`, `1`. The default.
    #[default]
    Three,
    /// `-1` and `1`, ties to `1`.
    Two,
}

/// Eigenvalues of an overlap, or of its conjugate, on equal and on opposite columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlap {
    /// `q_+ = q_d + q_a`.
    pub plus: f64,
    /// `q_- = q_d - q_a`.
    pub minus: f64,
}

impl Overlap {
    /// `q_d`.
    pub const fn diagonal(self) -> f64 {
        0.5 * (self.plus + self.minus)
    }

    /// `q_a`.
    pub const fn off_diagonal(self) -> f64 {
        0.5 * (self.plus - self.minus)
    }
}

/// Errors of a new label, given the posterior.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Errors {
    /// Of the most probable label: `1 - E max_y Z_y`.
    pub map: f64,
    /// Of a label drawn from the posterior: `1 - E sum_y Z_y^2`.
    pub gibbs: f64,
    /// Half the mean square of the posterior mean: `(1/2) (1/2 - E (Z_+ - Z_-)^2)`.
    pub half_square: f64,
}

/// Probabilities of the three labels and their gradients in `omega`; order `-1`, `0`, `1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outputs {
    /// `Z_y`.
    pub probabilities: [f64; 3],
    /// `grad Z_y`.
    pub gradients: [[f64; 2]; 3],
}

/// The quadrature of all of the committee's expectations.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::aubin2018::{Committee, Weights};
/// let committee = Committee::new().unwrap();
/// let overlap = committee.unspecialised(Weights::Gaussian, 1.0).unwrap();
/// assert!((overlap.diagonal() - 0.24).abs() < 0.001);
/// assert!(overlap.minus == 0.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Committee {
    labels: Labels,
    /// Nodes and weights of `E over |xi|`, `xi` standard normal.
    half_line: Vec<(f64, f64)>,
    /// Nodes and weights on `[0, 1]`.
    plackett: Vec<(f64, f64)>,
    panel: Vec<(f64, f64)>,
}

/// The normal density.
fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / TAU.sqrt()
}

/// The normal distribution function.
fn normal(x: f64) -> f64 {
    0.5 * erfc(-x * FRAC_1_SQRT_2)
}

fn on_unit_interval(nodes: usize) -> Result<Vec<(f64, f64)>, MechanismError> {
    let rule = GaussLegendre::new(nodes)?;
    Ok(rule.nodes().iter().zip(rule.weights()).map(|(x, w)| (0.5 * (1.0 + x), 0.5 * w)).collect())
}

impl Committee {
    /// The quadrature: ten panels of eight nodes on `[0, 8.5]`, 24 nodes for distribution functions
    /// in the plane.
    ///
    /// # Errors
    /// [`MechanismError::Hermite`] if a node was not found.
    pub fn new() -> Result<Self, MechanismError> {
        let panel = on_unit_interval(PANEL_NODES)?;
        let length = HALF_WIDTH / PANELS as f64;
        let half_line = (0..PANELS)
            .flat_map(|i| panel.iter().map(move |(x, w)| (length * (i as f64 + x), length * w)))
            .map(|(x, w)| (x, 2.0 * w * density(x)));
        Ok(Self {
            labels: Labels::Three,
            half_line: half_line.collect(),
            plackett: on_unit_interval(PLACKETT_NODES)?,
            panel,
        })
    }

    /// The same with other labels.
    #[must_use]
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// `Z_y(omega, V)` and its gradients for a posterior of the fields with mean `omega` and
    /// covariance `V`, row-major.
    ///
    /// Distribution functions in the plane by Plackett's integral over the arcsine of the
    /// correlation.
    pub fn outputs(&self, omega: [f64; 2], covariance: [f64; 4]) -> Outputs {
        let [first, cross, _, second] = covariance;
        let deviations = [first.sqrt(), second.sqrt()];
        let correlation = cross / (deviations[0] * deviations[1]);
        let sine = ((1.0 - correlation) * (1.0 + correlation)).sqrt();
        let [h, k] = [omega[0] / deviations[0], omega[1] / deviations[1]];
        let angle = correlation.atan2(sine);
        let joint: f64 = self
            .plackett
            .iter()
            .map(|(x, w)| {
                let (s, c) = (angle * x).sin_cos();
                w * (-(h * h + k * k - 2.0 * h * k * s) / (2.0 * c * c)).exp()
            })
            .sum::<f64>()
            * angle
            / TAU;
        let (up, down) = ([normal(h), normal(k)], [normal(-h), normal(-k)]);
        let agree = [down[0] * down[1] + joint, up[0] * up[1] + joint];
        let tie = up[0] * down[1] + down[0] * up[1] - 2.0 * joint;
        let gradient = |h: f64, k: f64, deviation: f64| {
            let slope = density(h) / deviation;
            let turned = (k - correlation * h) / sine;
            [-slope * normal(-turned), slope * normal(turned)]
        };
        let (one, two) = (gradient(h, k, deviations[0]), gradient(k, h, deviations[1]));
        let mut outputs = Outputs {
            probabilities: [agree[0], tie, agree[1]],
            gradients: [
                [one[0], two[0]],
                [-(one[0] + one[1]), -(two[0] + two[1])],
                [one[1], two[1]],
            ],
        };
        if self.labels == Labels::Two {
            outputs.probabilities[2] += outputs.probabilities[1];
            outputs.probabilities[1] = 0.0;
            for i in 0..2 {
                outputs.gradients[2][i] += outputs.gradients[1][i];
                outputs.gradients[1][i] = 0.0;
            }
        }
        outputs
    }

    /// `E f(omega, Z)` over `omega ~ N(0, q)` for `f` even in `omega` and under an exchange of its
    /// entries.
    fn expect<const N: usize>(
        &self,
        overlap: Overlap,
        f: impl Fn([f64; 2], &Outputs) -> [f64; N],
    ) -> [f64; N] {
        let remaining = 1.0 - overlap.diagonal();
        let covariance = [remaining, -overlap.off_diagonal(), -overlap.off_diagonal(), remaining];
        let scales = [root(overlap.plus) * FRAC_1_SQRT_2, root(overlap.minus) * FRAC_1_SQRT_2];
        let origin = [(0.0, 1.0)];
        let minus = if scales[1] > 0.0 { &self.half_line[..] } else { &origin[..] };
        let mut sums = [0.0; N];
        // With two labels a change of sign is no symmetry; both signs are averaged.
        let signs: &[f64] = if self.labels == Labels::Two { &[1.0, -1.0] } else { &[1.0] };
        for sign in signs {
            for (x, w) in &self.half_line {
                for (y, v) in minus {
                    let (mean, half) = (sign * scales[0] * x, scales[1] * y);
                    let omega = [mean + half, mean - half];
                    let values = f(omega, &self.outputs(omega, covariance));
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum += w * v * value / signs.len() as f64;
                    }
                }
            }
        }
        sums
    }

    /// The output side of state evolution, per unit of `alpha`: `E sum_y (d_1 Z_y +- d_2 Z_y)^2/(2
    /// Z_y)`.
    pub fn output(&self, overlap: Overlap) -> Overlap {
        let [plus, minus] = self.expect(overlap, |_, outputs| {
            let mut sums = [0.0; 2];
            for (z, [one, two]) in outputs.probabilities.iter().zip(outputs.gradients) {
                if *z > NEGLIGIBLE {
                    sums[0] += (one + two) * (one + two) / (2.0 * z);
                    sums[1] += (one - two) * (one - two) / (2.0 * z);
                }
            }
            sums
        });
        Overlap { plus, minus }
    }

    /// The prior side: the overlap of the weights' posterior with the weights at signal-to-noise
    /// ratios `hat`.
    ///
    /// Gaussian `hat/(1 + hat)`. Binary: expectations over four sign pairs, which are two up to
    /// symmetry.
    pub fn prior(&self, weights: Weights, hat: Overlap) -> Overlap {
        match weights {
            Weights::Gaussian => {
                Overlap { plus: hat.plus / (1.0 + hat.plus), minus: hat.minus / (1.0 + hat.minus) }
            }
            Weights::Binary => {
                let [plus, minus] = self.expect_signs(hat, |signal, logs| {
                    let most = logs.iter().copied().fold(f64::NEG_INFINITY, maximum);
                    let e = logs.map(|l| (l - most).exp());
                    let sum: f64 = e.iter().sum();
                    [
                        signal[0] * SQRT_2 * (e[0] - e[1]) / sum,
                        signal[1] * SQRT_2 * (e[2] - e[3]) / sum,
                    ]
                });
                Overlap { plus, minus }
            }
        }
    }

    /// `E f(w0, log e)` over the binary weights' channel: `b = hat w0 + sqrt(hat) xi`,
    /// `log e_{1,2} = +-sqrt 2 b_+ - hat_+`, `log e_{3,4} = +-sqrt 2 b_- - hat_-`.
    fn expect_signs<const N: usize>(
        &self,
        hat: Overlap,
        f: impl Fn([f64; 2], [f64; 4]) -> [f64; N],
    ) -> [f64; N] {
        let whole: Vec<(f64, f64)> =
            self.half_line.iter().flat_map(|(x, w)| [(*x, 0.5 * w), (-x, 0.5 * w)]).collect();
        let mut sums = [0.0; N];
        for signal in [[SQRT_2, 0.0], [0.0, SQRT_2]] {
            // The axis without signal is even in its noise.
            let axis = |s: f64| if s > 0.0 { &whole } else { &self.half_line };
            let origin = vec![(0.0, 1.0)];
            let second = if hat.minus > 0.0 { axis(signal[1]) } else { &origin };
            for (x, w) in axis(signal[0]) {
                let b_plus = hat.plus * signal[0] + root(hat.plus) * x;
                for (y, v) in second {
                    let b_minus = hat.minus * signal[1] + root(hat.minus) * y;
                    let logs = [
                        SQRT_2 * b_plus - hat.plus,
                        -SQRT_2 * b_plus - hat.plus,
                        SQRT_2 * b_minus - hat.minus,
                        -SQRT_2 * b_minus - hat.minus,
                    ];
                    for (sum, value) in sums.iter_mut().zip(f(signal, logs)) {
                        *sum += 0.5 * w * v * value;
                    }
                }
            }
        }
        sums
    }

    /// One round of state evolution.
    pub fn update(&self, weights: Weights, alpha: f64, overlap: Overlap) -> Overlap {
        self.prior(weights, scaled(self.output(overlap), alpha))
    }

    /// State evolution from `start`, `rounds` rounds; the overlap after each.
    pub fn evolution(
        &self,
        weights: Weights,
        alpha: f64,
        start: Overlap,
        rounds: usize,
    ) -> Vec<Overlap> {
        let step = |at: &mut Overlap, _| {
            *at = self.update(weights, alpha, *at);
            Some(*at)
        };
        (0..rounds).scan(start, step).collect()
    }

    /// The fixed point with equal columns, `q_- = 0`, unstable beyond
    /// [`Committee::specialisation`].
    ///
    /// # Errors
    /// [`MechanismError::OutOfRange`] for `alpha` not positive and finite;
    /// [`MechanismError::NotConverged`].
    pub fn unspecialised(&self, weights: Weights, alpha: f64) -> Result<Overlap, MechanismError> {
        positive(alpha)?;
        let off = |plus: f64| self.update(weights, alpha, Overlap { plus, minus: 0.0 }).plus - plus;
        // Positive at 0, and negative at 1 as long as recovery of the sum is not perfect.
        let plus = root_between(off, 0.0, 1.0 - 1e-9)?;
        Ok(Overlap { plus, minus: 0.0 })
    }

    /// The fixed point that state evolution reaches from an uninformed start whose symmetry is
    /// broken: that of equal columns up to the specialisation, and a specialised one beyond it.
    ///
    /// Beyond, plain iteration and then Newton's method on `(q_+' - q_+, q_-'/q_- - 1)`, which does
    /// not have the solution `q_- = 0`.
    ///
    /// # Errors
    /// [`MechanismError::OutOfRange`] for `alpha` not positive and finite;
    /// [`MechanismError::NotConverged`], as for binary weights beyond the end of the branch.
    pub fn fixed_point(&self, weights: Weights, alpha: f64) -> Result<Overlap, MechanismError> {
        let threshold = self.specialisation(weights)?;
        if !(alpha > threshold.alpha) {
            return self.unspecialised(weights, alpha);
        }
        let minus = minimum(0.1, 0.2 * (alpha - threshold.alpha));
        let mut at = Overlap { minus, ..self.unspecialised(weights, alpha)? };
        for _ in 0..PLAIN_ROUNDS {
            at = self.update(weights, alpha, at);
        }
        let off = |[plus, minus]: [f64; 2]| {
            let next = self.update(weights, alpha, Overlap { plus, minus });
            [next.plus - plus, next.minus / minus - 1.0]
        };
        let [plus, minus] = newton(off, [at.plus, at.minus])?;
        Ok(Overlap { plus, minus })
    }

    /// Errors of a new label at an overlap.
    ///
    /// The most probable label changes along a curve, which each line of the quadrature is split
    /// at.
    pub fn errors(&self, overlap: Overlap) -> Errors {
        let [gibbs, square] = self.expect(overlap, |_, outputs| {
            let [minus, tie, plus] = outputs.probabilities;
            [minus * minus + tie * tie + plus * plus, (plus - minus) * (plus - minus)]
        });
        Errors {
            map: 1.0 - self.most_probable(overlap),
            gibbs: 1.0 - gibbs,
            half_square: 0.5 * (0.5 - square),
        }
    }

    /// `E max_y Z_y`. For `omega_+ >= 0` it is `Z_+` or `Z_0`, and `Z_+ - Z_0` falls with
    /// `|omega_-|`.
    fn most_probable(&self, overlap: Overlap) -> f64 {
        let remaining = 1.0 - overlap.diagonal();
        let covariance = [remaining, -overlap.off_diagonal(), -overlap.off_diagonal(), remaining];
        let scales = [root(overlap.plus) * FRAC_1_SQRT_2, root(overlap.minus) * FRAC_1_SQRT_2];
        let at = |x: f64, y: f64| {
            let omega = [scales[0] * x + scales[1] * y, scales[0] * x - scales[1] * y];
            let [_, tie, plus] = self.outputs(omega, covariance).probabilities;
            (plus - tie, if plus > tie { plus } else { tie })
        };
        let line = |x: f64| {
            if !(scales[1] > 0.0) {
                return at(x, 0.0).1;
            }
            let kink = crossing(|y| at(x, y).0);
            self.in_pieces(kink, &[], |y| at(x, y).1)
        };
        // Lines have a piece with Z_+ > Z_0 where it is so on the diagonal; it grows fast if q_- is
        // small.
        let kink = crossing(|x| -at(x, 0.0).0);
        self.in_pieces(kink, &[4e-3, 2e-2, 0.1, 0.4], line)
    }

    /// `E f(|xi|)` with panels that end at `kink` and at the given distances from it. In the one
    /// after it `f` may be smooth in the root of the way only.
    fn in_pieces(&self, kink: f64, distances: &[f64], f: impl Fn(f64) -> f64) -> f64 {
        let length = HALF_WIDTH / PANELS as f64;
        let mut ends: Vec<f64> = (0..=PANELS).map(|i| length * i as f64).collect();
        if kink > 0.0 && kink < HALF_WIDTH {
            ends.push(kink);
            let beyond = distances.iter().map(|distance| kink + distance);
            ends.extend(beyond.filter(|end| *end < HALF_WIDTH));
            ends.sort_by(f64::total_cmp);
        }
        let pieces = ends.windows(2).map(|piece| {
            let length = piece[1] - piece[0];
            let after = piece[0].partial_cmp(&kink).is_some_and(Ordering::is_eq);
            let nodes = self.panel.iter().map(|(t, w)| {
                let (x, slope) = if after { (t * t, 2.0 * t) } else { (*t, 1.0) };
                (piece[0] + length * x, length * w * slope)
            });
            nodes.map(|(x, w)| 2.0 * w * density(x) * f(x)).sum::<f64>()
        });
        pieces.sum()
    }

    /// `Phi = I(hat) - (hat_+ q_+ + hat_- q_-)/2 + alpha E sum_y Z_y log Z_y` at a fixed point.
    ///
    /// `I = E log(sum_k e_k/4)` for binary weights; for Gaussian ones `I = (g(hat_+) +
    /// g(hat_-))/2`, `g(h) = h - log(1 + h)`, with the sign conventions of both that `Phi = 0`
    /// without data.
    pub fn free_entropy(&self, weights: Weights, alpha: f64, overlap: Overlap) -> f64 {
        let hat = scaled(self.output(overlap), alpha);
        let channel = match weights {
            Weights::Gaussian => {
                0.5 * (hat.plus - hat.plus.ln_1p() + hat.minus - hat.minus.ln_1p())
            }
            Weights::Binary => {
                let [log] = self.expect_signs(hat, |_, logs| {
                    let most = logs.iter().copied().fold(f64::NEG_INFINITY, maximum);
                    let sum: f64 = logs.iter().map(|l| (l - most).exp()).sum();
                    [most + sum.ln() - 2.0 * LN_2]
                });
                log
            }
        };
        let [labels] = self.expect(overlap, |_, outputs| {
            let terms = outputs.probabilities.iter().filter(|z| **z > NEGLIGIBLE);
            [terms.map(|z| z * z.ln()).sum()]
        });
        channel - 0.5 * (hat.plus * overlap.plus + hat.minus * overlap.minus) + alpha * labels
    }
}

/// `sqrt(x)`, and 0 for negative `x`.
fn root(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x.sqrt() }
}

fn scaled(overlap: Overlap, factor: f64) -> Overlap {
    Overlap { plus: factor * overlap.plus, minus: factor * overlap.minus }
}

fn positive(alpha: f64) -> Result<(), MechanismError> {
    if alpha > 0.0 && alpha.is_finite() {
        Ok(())
    } else {
        let (what, allowed) = ("samples per dimension", "positive and finite");
        Err(MechanismError::OutOfRange { what, value: alpha, allowed })
    }
}

/// Where a function that falls on `[0, 8.5]` changes its sign; 0 if it is not positive at 0.
fn crossing(f: impl Fn(f64) -> f64) -> f64 {
    if !(f(0.0) > 0.0) {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, HALF_WIDTH);
    if f(high) > 0.0 {
        return HALF_WIDTH;
    }
    for _ in 0..36 {
        let middle = 0.5 * (low + high);
        if f(middle) > 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The root of a function that is positive at `low` and negative at `high`: false position in
/// Illinois's way, to rounding.
fn root_between(mut f: impl FnMut(f64) -> f64, low: f64, high: f64) -> Result<f64, MechanismError> {
    let (mut a, mut b) = (low, high);
    let (mut at_a, mut at_b) = (f(a), f(b));
    if !(at_a > 0.0 && at_b < 0.0) {
        let remaining = if at_a > 0.0 { at_b } else { at_a };
        return Err(MechanismError::NotConverged {
            what: "bracket of a root",
            steps: 0,
            remaining,
        });
    }
    for _ in 0..200 {
        let middle = (a * at_b - b * at_a) / (at_b - at_a);
        let value = f(middle);
        if value > 0.0 {
            if (middle - a).abs() <= 4.0 * f64::EPSILON * middle.abs() {
                return Ok(middle);
            }
            (a, at_a) = (middle, value);
            at_b *= 0.5;
        } else if value < 0.0 {
            if (middle - b).abs() <= 4.0 * f64::EPSILON * middle.abs() {
                return Ok(middle);
            }
            (b, at_b) = (middle, value);
            at_a *= 0.5;
        } else {
            return Ok(middle);
        }
        if (b - a).abs() <= 4.0 * f64::EPSILON * b.abs() {
            return Ok(0.5 * (a + b));
        }
    }
    Ok(0.5 * (a + b))
}

/// Newton's method in two positive unknowns with a Jacobian of central differences, until the step
/// is rounding.
fn newton(f: impl Fn([f64; 2]) -> [f64; 2], start: [f64; 2]) -> Result<[f64; 2], MechanismError> {
    let mut at = start;
    let mut before = f64::INFINITY;
    for _ in 0..NEWTON_STEPS {
        let value = f(at);
        let mut jacobian = [[0.0; 2]; 2];
        for j in 0..2 {
            let step = 1e-5 * at[j];
            let (mut above, mut below) = (at, at);
            above[j] += step;
            below[j] -= step;
            let (above, below) = (f(above), f(below));
            for i in 0..2 {
                jacobian[i][j] = (above[i] - below[i]) / (2.0 * step);
            }
        }
        let [[a, b], [c, d]] = jacobian;
        let determinant = a * d - b * c;
        let step = [
            (d * value[0] - b * value[1]) / determinant,
            (a * value[1] - c * value[0]) / determinant,
        ];
        // Not further than halfway to zero, nor to one for overlaps.
        let mut share = 1.0;
        for i in 0..2 {
            let room = 0.5 * at[i];
            if step[i] > room {
                share = minimum(share, room / step[i]);
            }
        }
        at = [at[0] - share * step[0], at[1] - share * step[1]];
        let size = maximum((step[0] / at[0]).abs(), (step[1] / at[1]).abs());
        if size <= 1e-13 || (size <= 1e-10 && !(size < 0.5 * before)) {
            return Ok(at);
        }
        if !size.is_finite() {
            break;
        }
        before = size;
    }
    Err(MechanismError::NotConverged {
        what: "state evolution",
        steps: NEWTON_STEPS,
        remaining: before,
    })
}

/// The value of the free entropy at perfect recovery of binary weights: minus the entropy of two
/// signs.
pub const PERFECT_RECOVERY: f64 = -2.0 * LN_2;

#[cfg(test)]
mod tests;
