//! The independent checker of dual certificates.

use std::ops::ControlFlow;

use gradiometer_hermite::Enclosure;
use gradiometer_model::Teacher;

use crate::cap;
use crate::certificate::Certificate;
use crate::chart::Chart;
use crate::cover::{Cover, Ending, violates};
use crate::error::CertifyError;
use crate::frame::Frame;
use crate::interpolant::Interpolant;

/// Relative distance that a stored coefficient may keep from its enclosure: a third party's solver is not ours.
pub const COEFFICIENT_TOLERANCE: f64 = 1.0 / (1_u64 << 30) as f64;

/// What the checker concluded about a certificate.
///
/// A refuted certificate is a result, not an error.
#[must_use]
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Every claim of the certificate is a theorem about this teacher.
    Proved,
    /// A claim is false, and this shows it.
    Refuted(Refutation),
    /// Neither could be shown.
    Inconclusive(Obstacle),
}

/// Why a certificate is wrong.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Refutation {
    /// A stored coefficient does not solve the interpolation system of this teacher and kernel.
    Coefficient {
        /// Teacher neuron.
        neuron: usize,
        /// Coordinate of `B_i`; `None` for `A_i`.
        coordinate: Option<usize>,
        /// The number stored.
        stored: f64,
        /// Where the solution lies.
        enclosure: Enclosure,
    },
    /// The claimed bound of `|p|` is too small.
    Norm {
        /// The bound claimed.
        claimed: f64,
        /// The norm.
        enclosure: Enclosure,
    },
    /// `|eta(w)| > 1 - rho delta(w)^2`.
    Bound {
        /// The point `w` of `R^d` (its direction counts), exact floats.
        witness: Vec<f64>,
        /// `eta(w)`.
        eta: Enclosure,
        /// `delta(w)`.
        delta: Enclosure,
    },
}

/// Why nothing was concluded.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Obstacle {
    /// The norm's enclosure straddles the claim.
    Norm {
        /// The bound claimed.
        claimed: f64,
        /// The norm.
        enclosure: Enclosure,
    },
    /// The second derivative at a teacher's direction could not be bounded by `-2 rho`.
    Cap {
        /// Teacher neuron.
        neuron: usize,
    },
    /// A box became too small to split without being decided.
    TooFine {
        /// Where, in `R^d`.
        point: Vec<f64>,
    },
    /// The limit on the number of boxes was reached.
    Boxes,
    /// The limit on the boxes held at once was reached.
    Memory,
    /// The progress callback asked to stop.
    Stopped,
}

/// How much the checker may do. No limit can turn into a wrong answer, only into [`Verdict::Inconclusive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Boxes to bound in all.
    pub boxes: u64,
    /// Boxes to hold at once, some hundred bytes each.
    pub open_boxes: usize,
    /// Threads; verdict and counts do not depend on it.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { boxes: 200_000_000, open_boxes: 4_000_000, threads: 2 }
    }
}

/// How far the search is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Boxes bounded so far.
    pub boxes: u64,
    /// Boxes waiting.
    pub open_boxes: usize,
}

/// What was checked and with which outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The conclusion.
    pub verdict: Verdict,
    /// The claimed `rho`, proved if the verdict says so.
    pub rho: f64,
    /// `|p|`.
    pub p_norm: Enclosure,
    /// Dimension of the directions' span, up to the rounding of the weights.
    pub rank: usize,
    /// Dimension of the space whose unit sphere was covered: `rank + 1`, or `d` if that is the rank.
    pub dimension_checked: usize,
    /// Radius of the proved cap around every direction.
    pub cap_radii: Vec<f64>,
    /// Shells bounded in the caps.
    pub shells: usize,
    /// Boxes bounded outside the caps.
    pub boxes: u64,
}

/// Checks a certificate against a teacher, trusting neither's author.
///
/// Everything is recomputed in outward-rounded arithmetic from the teacher's weights as exact doubles: the coefficients by a
/// verified linear solve (so that they interpolate exactly), the norm `|p|`, the bound near every direction from
/// the second derivative along geodesics, and the bound everywhere else by branch and bound over the
/// unit sphere up to sign. `progress` is called after every few thousand boxes and may stop the search.
///
/// # Errors
/// [`CertifyError::Length`] if the certificate's shape does not fit the teacher, and
/// [`CertifyError::Interpolation`] if the coefficients cannot be enclosed.
pub fn check_certificate(
    certificate: &Certificate,
    teacher: &Teacher,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Report, CertifyError> {
    fit(certificate, teacher)?;
    let interpolant = Interpolant::certificate(teacher, certificate.weights())?;
    let frame = Frame::new(&interpolant.directions, 0);
    let mut report = Report {
        verdict: Verdict::Proved,
        rho: certificate.rho(),
        p_norm: interpolant.norm(),
        rank: frame.rank,
        dimension_checked: frame.size,
        cap_radii: Vec::new(),
        shells: 0,
        boxes: 0,
    };
    report.verdict = match compare(certificate, &interpolant) {
        Some(verdict) => verdict,
        None => bound(&interpolant, &frame, &mut report, limits, progress),
    };
    Ok(report)
}

/// Whether the certificate's shape is the teacher's.
fn fit(certificate: &Certificate, teacher: &Teacher) -> Result<(), CertifyError> {
    let parts = certificate.parts();
    let shapes = [
        ("values", teacher.neurons(), parts.values.len()),
        ("a row of gradients", teacher.dimension(), parts.gradients[0].len()),
    ];
    for (field, expected, found) in shapes {
        if expected != found {
            return Err(CertifyError::Length { field, expected, found });
        }
    }
    Ok(())
}

/// Compares the stored numbers with their enclosures; `None` if all agree.
fn compare(certificate: &Certificate, interpolant: &Interpolant) -> Option<Verdict> {
    let parts = certificate.parts();
    for (neuron, &stored) in parts.values.iter().enumerate() {
        let enclosure = interpolant.values()[neuron];
        if !agrees(stored, enclosure) {
            let coordinate = None;
            return Some(Verdict::Refuted(Refutation::Coefficient {
                neuron,
                coordinate,
                stored,
                enclosure,
            }));
        }
        for (axis, (&stored, enclosure)) in
            parts.gradients[neuron].iter().zip(interpolant.gradient(neuron)).enumerate()
        {
            if !agrees(stored, enclosure) {
                let coordinate = Some(axis);
                return Some(Verdict::Refuted(Refutation::Coefficient {
                    neuron,
                    coordinate,
                    stored,
                    enclosure,
                }));
            }
        }
    }
    let (claimed, enclosure) = (certificate.p_norm(), interpolant.norm());
    if enclosure.certainly_at_most(claimed) {
        None
    } else if enclosure.certainly_greater(claimed) {
        Some(Verdict::Refuted(Refutation::Norm { claimed, enclosure }))
    } else {
        Some(Verdict::Inconclusive(Obstacle::Norm { claimed, enclosure }))
    }
}

fn agrees(stored: f64, enclosure: Enclosure) -> bool {
    let tolerance = COEFFICIENT_TOLERANCE * enclosure.magnitude();
    stored >= enclosure.lo() - tolerance && stored <= enclosure.hi() + tolerance
}

/// The inequality itself: caps, then the rest of the sphere.
fn bound(
    interpolant: &Interpolant,
    frame: &Frame,
    report: &mut Report,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Verdict {
    let rho = report.rho;
    let mut cap_cosines = Vec::new();
    for neuron in 0..interpolant.directions.count() {
        let Some(cap) = cap::prove(interpolant, neuron, rho) else {
            return near_violation(interpolant, neuron, rho)
                .unwrap_or(Verdict::Inconclusive(Obstacle::Cap { neuron }));
        };
        report.cap_radii.push(cap.radius);
        report.shells += cap.shells;
        cap_cosines.push(Enclosure::from(cap.radius).cos().hi());
    }
    let chart = Chart::new(interpolant, frame);
    let cover = Cover { interpolant, frame, chart: &chart, cap_cosines, rho };
    let (ending, seen) = cover.run(limits, progress);
    report.boxes = seen.boxes;
    match ending {
        Ending::Proved => Verdict::Proved,
        Ending::Violated { witness, eta, delta } => {
            Verdict::Refuted(Refutation::Bound { witness, eta, delta })
        }
        Ending::TooFine { point } => Verdict::Inconclusive(Obstacle::TooFine { point }),
        Ending::Boxes => Verdict::Inconclusive(Obstacle::Boxes),
        Ending::Memory => Verdict::Inconclusive(Obstacle::Memory),
        Ending::Stopped => Verdict::Inconclusive(Obstacle::Stopped),
    }
}

/// Looks for a violation close to a direction whose cap could not be proved: along the coordinate axes of its frame and the
/// planes to the other directions, at halving distances.
fn near_violation(interpolant: &Interpolant, neuron: usize, rho: f64) -> Option<Verdict> {
    let frame = Frame::new(&interpolant.directions, neuron);
    for point in cap::probes(interpolant, &frame, neuron) {
        let witness = frame.embed(&point);
        let (eta, delta) = interpolant.at(&witness);
        if violates(eta, delta, rho) {
            return Some(Verdict::Refuted(Refutation::Bound { witness, eta, delta }));
        }
    }
    None
}

#[cfg(test)]
mod tests;
