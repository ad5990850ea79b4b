//! The independent checker of dual certificates.

use std::fmt;

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::Teacher;
use gradiometer_model::geometry::norm;

use crate::boxes::{BoxSearch, Ending, violates};
use crate::cap;
use crate::certificate::Certificate;
use crate::error::CertifyError;
use crate::expansion::FrameExpansion;
use crate::frame::{Directions, Frame};
use crate::interpolant::Interpolant;
use crate::lagrange::{Stuck, View};
use crate::limits::{Limits, Progress, Runner};
use crate::verdict::Verdict;

/// Distance that a stored coefficient may keep from its enclosure: a third party's solver is not ours. Relative to `|A_i|`, or to
/// the length `|B_i|` of the whole vector, for a coordinate that is zero says nothing about what rounding leaves there.
pub const COEFFICIENT_TOLERANCE: f64 = 1.0 / (1_u64 << 30) as f64;

/// The same relative to the largest coefficient of all: a few hundred roundings of a solver. A vector `B_i` that vanishes as a whole
/// has no length to compare with.
pub const COEFFICIENT_ROUNDING: f64 = 1.0 / (1_u64 << 44) as f64;

/// What the checker concluded about a certificate: `Proved` means that every claim of it is a theorem about the teacher.
pub type CertificateVerdict = Verdict<Proof, Refutation, Obstacle>;

/// How the inequality of a certificate is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Caps around the directions, and boxes on the rest of the sphere: as sharp as one likes, and exponential in the dimension.
    BranchAndBound,
    /// Lagrange's bound for each direction and angle (theory 6.4): polynomial in the number of neurons, in any dimension.
    Lagrange,
}

impl Method {
    /// Its name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BranchAndBound => "branch-and-bound",
            Self::Lagrange => "lagrange",
        }
    }

    /// The method of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::BranchAndBound, Self::Lagrange].into_iter().find(|method| method.name() == name)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Dimensions up to which boxes are cheap, and up to which they may be worth their cost where Lagrange's bound fails.
const FEW_DIMENSIONS: usize = 4;
const SOME_DIMENSIONS: usize = 6;

/// A certificate every claim of which has been proved for its teacher.
///
/// [`check_certificate`] alone makes one, so whoever holds it need not ask how its numbers are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof(Box<Proved>);

#[derive(Clone, Debug, PartialEq)]
struct Proved {
    certificate: Certificate,
    interpolant: Interpolant,
    method: Method,
    dimension_checked: usize,
    boxes: u64,
}

impl Proof {
    /// The certificate, whose numbers are now facts.
    pub const fn certificate(&self) -> &Certificate {
        &self.0.certificate
    }

    /// `eta`, with its coefficients and `|p|` enclosed.
    pub const fn interpolant(&self) -> &Interpolant {
        &self.0.interpolant
    }

    /// `|eta(w)| <= 1 - rho delta(w)^2` for every unit `w` of `R^d`.
    pub const fn rho(&self) -> f64 {
        self.0.certificate.rho()
    }

    /// An enclosure of `|p|`; its upper end is at most what the certificate claims.
    pub const fn p_norm(&self) -> Enclosure {
        self.0.interpolant.norm()
    }

    /// How it was shown.
    pub const fn method(&self) -> Method {
        self.0.method
    }

    /// Dimension of the space whose unit sphere was covered.
    pub const fn dimension_checked(&self) -> usize {
        self.0.dimension_checked
    }

    /// Boxes bounded outside the caps, or intervals of the angle.
    pub const fn boxes(&self) -> u64 {
        self.0.boxes
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces = match self.method() {
            Method::BranchAndBound => "boxes",
            Method::Lagrange => "intervals of the angle",
        };
        let (rho, norm) = (self.rho(), self.p_norm().hi());
        write!(f, "rho = {rho}, |p| <= {norm}, {} {pieces}", self.boxes())
    }
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
    /// Lagrange's bound exceeds the claim at an angle from a direction.
    Angle {
        /// Teacher neuron.
        neuron: usize,
        /// The angle, radians.
        angle: f64,
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

impl fmt::Display for Refutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coefficient { neuron, coordinate: None, stored, enclosure } => {
                write!(f, "values[{neuron}] is {stored}, the solution lies in {enclosure}")
            }
            Self::Coefficient { neuron, coordinate: Some(axis), stored, enclosure } => {
                write!(
                    f,
                    "gradients[{neuron}][{axis}] is {stored}, the solution lies in {enclosure}"
                )
            }
            Self::Norm { claimed, enclosure } => {
                write!(f, "|p| lies in {enclosure}, above {claimed}")
            }
            Self::Bound { witness, eta, delta } => {
                write!(f, "eta is in {eta} and delta in {delta} at {witness:?}")
            }
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Norm { claimed, enclosure } => {
                write!(f, "the claimed norm {claimed} lies in the enclosure {enclosure}")
            }
            Self::Cap { neuron } => write!(f, "no cap around direction {neuron} could be proved"),
            Self::Angle { neuron, angle } => {
                write!(f, "no bound was proved at {angle} rad from direction {neuron}")
            }
            Self::TooFine { point } => write!(f, "a box at {point:?} became too small to split"),
            Self::Boxes => f.write_str("the limit on boxes was reached"),
            Self::Memory => f.write_str("the limit on boxes held at once was reached"),
            Self::Stopped => f.write_str("stopped from outside"),
        }
    }
}

/// What was checked and with which outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The conclusion.
    pub verdict: CertificateVerdict,
    /// The claimed `rho`, proved if the verdict says so.
    pub rho: f64,
    /// How the inequality was shown, or what was tried last.
    pub method: Method,
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
    /// Boxes bounded outside the caps, or intervals of the angle.
    pub boxes: u64,
}

/// Checks a certificate against a teacher, trusting neither's author, by the method that costs less: boxes up to a sphere of four
/// dimensions, Lagrange's bound above, and boxes again up to six where that is not enough.
///
/// # Errors
/// As for [`check_certificate_by`].
pub fn check_certificate(
    certificate: &Certificate,
    teacher: &Teacher,
    limits: &Limits,
    runner: &mut dyn Runner,
) -> Result<Report, CertifyError> {
    check_shapes(certificate, teacher)?;
    let frame = Frame::new(&Directions::new(teacher), 0);
    let mut by = |method| check_certificate_by(method, certificate, teacher, limits, runner);
    if frame.size <= FEW_DIMENSIONS {
        return by(Method::BranchAndBound);
    }
    let report = by(Method::Lagrange)?;
    let undecided = matches!(
        report.verdict,
        Verdict::Inconclusive(Obstacle::Cap { .. } | Obstacle::Angle { .. })
    );
    if undecided && frame.size <= SOME_DIMENSIONS { by(Method::BranchAndBound) } else { Ok(report) }
}

/// Checks a certificate against a teacher by one method.
///
/// Everything is recomputed in outward-rounded arithmetic from the teacher's weights as exact doubles: the coefficients by a
/// verified linear solve (so that they interpolate exactly), the norm `|p|`, the bound near every direction from
/// the second derivative along geodesics, and the bound everywhere else by branch and bound over the
/// unit sphere up to sign, or by Lagrange's bound over the angles. The `runner` bounds the boxes, on as many threads as it likes, and may stop the search; no
/// conclusion depends on it.
///
/// # Errors
/// [`CertifyError::Length`] if the certificate's shape does not fit the teacher, and
/// [`CertifyError::Interpolation`] if the coefficients cannot be enclosed.
pub fn check_certificate_by(
    method: Method,
    certificate: &Certificate,
    teacher: &Teacher,
    limits: &Limits,
    runner: &mut dyn Runner,
) -> Result<Report, CertifyError> {
    check_shapes(certificate, teacher)?;
    let interpolant = match method {
        Method::BranchAndBound => {
            Interpolant::certificate_by_entries(teacher, certificate.weights())?
        }
        Method::Lagrange => Interpolant::certificate(teacher, certificate.weights())?,
    };
    let frame = Frame::new(&interpolant.directions, 0);
    // Lagrange's bound needs no frame, and holds for every direction of the space.
    let (rank, size) = match method {
        Method::BranchAndBound => (frame.rank, frame.size),
        Method::Lagrange => {
            let (rank, d) = (interpolant.directions.rank(), interpolant.directions.dimension);
            (rank, d.min(rank + 1))
        }
    };
    let mut report = Report {
        verdict: Verdict::Inconclusive(Obstacle::Stopped),
        rho: certificate.rho(),
        method,
        p_norm: interpolant.norm(),
        rank,
        dimension_checked: size,
        cap_radii: Vec::new(),
        shells: 0,
        boxes: 0,
    };
    let shown = compare(certificate, &interpolant).and_then(|()| match method {
        Method::BranchAndBound => bound(&interpolant, &frame, &mut report, limits, runner),
        Method::Lagrange => bound_by_angles(&interpolant, &frame, &mut report, runner),
    });
    report.verdict = match shown {
        Ok(()) => Verdict::Proved(Proof(Box::new(Proved {
            certificate: certificate.clone(),
            interpolant,
            method,
            dimension_checked: report.dimension_checked,
            boxes: report.boxes,
        }))),
        Err(Failure::Refuted(refutation)) => Verdict::Refuted(refutation),
        Err(Failure::Inconclusive(obstacle)) => Verdict::Inconclusive(obstacle),
    };
    Ok(report)
}

/// Why a step of the check did not end in `Ok`, which means proved.
enum Failure {
    Refuted(Refutation),
    Inconclusive(Obstacle),
}

/// Whether the certificate's shape is the teacher's.
fn check_shapes(certificate: &Certificate, teacher: &Teacher) -> Result<(), CertifyError> {
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

/// Compares the stored numbers with their enclosures.
fn compare(certificate: &Certificate, interpolant: &Interpolant) -> Result<(), Failure> {
    let parts = certificate.parts();
    let gradients: Vec<Vec<Enclosure>> =
        (0..parts.values.len()).map(|neuron| interpolant.gradient(neuron)).collect();
    let all = interpolant.values().iter().chain(gradients.iter().flatten());
    let rounding = COEFFICIENT_ROUNDING * maximum_of(all.map(|x| x.magnitude()));
    for (neuron, &value) in parts.values.iter().enumerate() {
        let (own, gradient) = (interpolant.values()[neuron], &gradients[neuron]);
        let length = norm(&gradient.iter().map(|x| x.magnitude()).collect::<Vec<f64>>());
        let stored = std::iter::once(value).chain(parts.gradients[neuron].iter().copied());
        let enclosed =
            std::iter::once((own, own.magnitude())).chain(gradient.iter().map(|x| (*x, length)));
        for (entry, (stored, (enclosure, size))) in stored.zip(enclosed).enumerate() {
            if !agrees(stored, enclosure, COEFFICIENT_TOLERANCE * size + rounding) {
                let coordinate = entry.checked_sub(1);
                return Err(Failure::Refuted(Refutation::Coefficient {
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
        Ok(())
    } else if enclosure.certainly_greater(claimed) {
        Err(Failure::Refuted(Refutation::Norm { claimed, enclosure }))
    } else {
        Err(Failure::Inconclusive(Obstacle::Norm { claimed, enclosure }))
    }
}

fn agrees(stored: f64, enclosure: Enclosure, tolerance: f64) -> bool {
    stored >= enclosure.lo() - tolerance && stored <= enclosure.hi() + tolerance
}

/// The inequality itself: caps, then the rest of the sphere.
fn bound(
    interpolant: &Interpolant,
    frame: &Frame,
    report: &mut Report,
    limits: &Limits,
    runner: &mut dyn Runner,
) -> Result<(), Failure> {
    let rho = report.rho;
    let mut cap_cosines = Vec::new();
    for neuron in 0..interpolant.directions.count() {
        let Some(cap) = cap::prove(interpolant, neuron, rho) else {
            return Err(near_violation(interpolant, neuron, rho)
                .map_or(Failure::Inconclusive(Obstacle::Cap { neuron }), Failure::Refuted));
        };
        report.cap_radii.push(cap.radius);
        report.shells += cap.shells;
        cap_cosines.push(Enclosure::from(cap.radius).cos().hi());
    }
    let expansion = FrameExpansion::new(interpolant, frame);
    let search = BoxSearch { interpolant, frame, expansion: &expansion, cap_cosines, rho };
    let (ending, seen) = search.run(limits, runner);
    report.boxes = seen.boxes;
    let obstacle = match ending {
        Ending::Proved => return Ok(()),
        Ending::Violated { witness, eta, delta } => {
            return Err(Failure::Refuted(Refutation::Bound { witness, eta, delta }));
        }
        Ending::TooFine { point } => Obstacle::TooFine { point },
        Ending::Boxes => Obstacle::Boxes,
        Ending::Memory => Obstacle::Memory,
        Ending::Stopped => Obstacle::Stopped,
    };
    Err(Failure::Inconclusive(obstacle))
}

/// The inequality itself, as every direction sees it (theory 6.4).
fn bound_by_angles(
    interpolant: &Interpolant,
    frame: &Frame,
    report: &mut Report,
    runner: &mut dyn Runner,
) -> Result<(), Failure> {
    let rho = report.rho;
    for neuron in 0..interpolant.directions.count() {
        if runner.proceed(Progress { boxes: report.boxes, open_boxes: 0 }).is_break() {
            return Err(Failure::Inconclusive(Obstacle::Stopped));
        }
        let view = View::new(interpolant, neuron);
        // Scaled where the plain sum of the squares does not do.
        let scaled = || view.clone().scaled(&interpolant.directions, neuron).prove(rho);
        let angle = match view.prove(rho).or_else(|_| scaled()) {
            Ok(shown) => {
                report.cap_radii.push(shown.radius);
                report.boxes += shown.intervals;
                continue;
            }
            Err(Stuck::Cap) => None,
            Err(Stuck::Angle { angle }) => Some(angle),
        };
        let obstacle =
            angle.map_or(Obstacle::Cap { neuron }, |angle| Obstacle::Angle { neuron, angle });
        let witness = probe(interpolant, frame, neuron, angle, rho);
        return Err(witness.map_or(Failure::Inconclusive(obstacle), Failure::Refuted));
    }
    Ok(())
}

/// Looks for a violation at an angle from a direction: beside the span, and towards every other direction and away from it.
fn probe(
    interpolant: &Interpolant,
    frame: &Frame,
    neuron: usize,
    angle: Option<f64>,
    rho: f64,
) -> Option<Refutation> {
    let directions = &interpolant.directions;
    let float = |k: usize| directions.units[k].iter().map(|x| x.midpoint()).collect::<Vec<f64>>();
    let u = float(neuron);
    let mut points = Vec::new();
    if frame.size > frame.rank {
        let mut beside = vec![0.0; frame.size];
        beside[frame.rank] = 1.0;
        points.push(frame.embed(&beside));
    }
    let (sin, cos) = angle.unwrap_or(NEAR).sin_cos();
    for k in (0..directions.count()).filter(|&k| k != neuron) {
        let v = float(k);
        let t = directions.overlap(neuron, k).midpoint();
        let rest: Vec<f64> = v.iter().zip(&u).map(|(v, u)| v - t * u).collect();
        let length = norm(&rest);
        for side in [sin, -sin] {
            let at = |(u, x): (&f64, &f64)| cos * u + side * x / length;
            points.push(u.iter().zip(&rest).map(at).collect());
        }
    }
    points.into_iter().find_map(|witness| {
        let (eta, delta) = interpolant.at(&witness);
        violates(eta, delta, rho).then_some(Refutation::Bound { witness, eta, delta })
    })
}

/// Angle at which a violation is looked for where the second derivative at a direction is too large.
const NEAR: f64 = 1.0 / 64.0;

/// Looks for a violation close to a direction whose cap could not be proved: along the coordinate axes of its frame and the
/// planes to the other directions, at halving distances.
fn near_violation(interpolant: &Interpolant, neuron: usize, rho: f64) -> Option<Refutation> {
    let frame = Frame::new(&interpolant.directions, neuron);
    cap::probes(interpolant, &frame, neuron).into_iter().find_map(|point| {
        let witness = frame.embed(&point);
        let (eta, delta) = interpolant.at(&witness);
        violates(eta, delta, rho).then_some(Refutation::Bound { witness, eta, delta })
    })
}

#[cfg(test)]
mod tests;
