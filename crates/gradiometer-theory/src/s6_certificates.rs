//! Section 6: dual certificates.

use crate::claim::{Known, Sides, equal};
use crate::context::{Context, random_unit};
use crate::error::{TheoryError, inapplicable};
use crate::statement::{Check, Cost, Form, Scope, Statement};
use gradiometer_certify::{
    CertifyError, DegreeWeights, InTurn, Interpolant, Limits, Proof, check_certificate,
};
use gradiometer_hermite::relu::HighDegreeKernel;
use gradiometer_hermite::{Angle, Enclosure};
use gradiometer_instances::FeatureSubspace;
use gradiometer_landscape::LandscapeError;
use gradiometer_landscape::certificate::{
    CertificateOptions, Goal, find_certificate, prove_certificate,
};
use gradiometer_model::SeparatedTeacher;
use gradiometer_model::geometry::{dot, norm, normalised};
use rand::RngExt;
use std::f64::consts::PI;

pub(crate) static STATEMENTS: [&Statement; 3] = [&CERTIFICATE, &CONSTRUCTION, &VERIFICATION];

/// **6.1 Dual certificate.** `eta(u_i) = sign(alpha_i)` and `|eta(w)| <= 1 - rho delta(w)^2` for
/// all unit `w`; `rho <= 4/pi^2` if `d > r`, the value at `w` orthogonal to the span.
///
/// At the worst of the directions tried and of descents from the worst of them, with a certificate that
/// the checker has proved. Sharp: the claim is 0.95 of the best value that the finder met, and so is
/// the ratio. Control: a ten-thousandth more than that value, which these descents have to meet by
/// themselves; the bound of `d > r` at `d = r`. Source: theory 6.1.
pub static CERTIFICATE: Statement = Statement {
    id: "6.1",
    says: "`eta(u_i) = sign(alpha_i)` and `abs(eta(w)) <= 1 - rho delta(w)^2` for all `w`",
    constants: "`rho` of a proved certificate",
    sharp: "the largest `rho` of a certificate",
    reference: "theory 6.1",
    checks: &[Check {
        title: "a proved certificate: |eta(w)| <= 1 - rho delta(w)^2",
        hypotheses: "d at least 2, rank at most 2 (3 at one seed in 64), separation at least 0.3, proved within 100,000 boxes",
        control: "1.0001 of the rho that the finder met; the bound 4/pi^2 of d > r at d = r",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: certificate,
    }],
    ..Statement::NONE
};

/// Directions at which a proved certificate is tried, besides the student's neurons.
const TRIED: usize = 200;
const SEPARATION: f64 = 0.3;
/// Hypotheses that may fail.
const NOT_SMALL: &str = "the teacher is not of low rank and well separated";
const NONE_FOUND: &str = "no certificate found";
/// The largest rank, and how many seeds there are for each that may have it.
const RANK: usize = 3;
const SLOW: u64 = 64;
/// Rank up to which a proof is quick.
const QUICK_RANK: usize = 2;

/// How certificates are sought, and how much the checker may do.
const CERTIFICATES: CertificateOptions = CertificateOptions {
    goal: Goal::NormSquaredOverRho,
    smallest_degree: 2,
    largest_degree: 8,
    tune_weights: false,
    starts: 8,
    share: 0.95,
    seed: 0,
};
const LIMITS: Limits = Limits { boxes: 100_000, open_boxes: 100_000 };

/// Times its width that the enclosure of `1 - |eta|` must be to count.
const RESOLVED: f64 = 1024.0;

fn certificate(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (teacher, seed) = (context.teacher(), context.seed()?);
    let subspace = FeatureSubspace::of(teacher)?;
    let separated = teacher.separation().is_none_or(|s| s.angle >= SEPARATION);
    // On a line every direction is the teacher's, and no rho is the largest.
    let most = if seed.is_multiple_of(SLOW) { RANK } else { QUICK_RANK };
    if teacher.dimension() < 2 || subspace.rank() > most || !separated {
        return inapplicable(NOT_SMALL);
    }
    let (proof, met) = proved(teacher)?;
    let (interpolant, rho) = (proof.interpolant(), proof.rho());
    let mut rng = context.rng(61)?;
    let mut directions: Vec<Vec<f64>> = context.student().rows().map(normalised).collect();
    for _ in 0..TRIED {
        let plain = random_unit(&mut rng, teacher.dimension());
        let inside = subspace.project(&plain);
        let share: f64 =
            rng.random::<f64>() / ((teacher.dimension() - subspace.rank()).max(1) as f64).sqrt();
        let w: Vec<f64> = inside.iter().zip(&plain).map(|(x, y)| x + share * (y - x)).collect();
        directions.push(normalised(&w));
    }
    let claimed = form.choose(rho, NEARLY * met);
    directions.retain(|w| norm(w) > 0.0);
    let mut claims = Vec::new();
    if let Some((left, room)) = worst_room(interpolant, directions, claimed) {
        claims.push(Sides::at_most("bound", Known::enclosed(left), Known::enclosed(room)));
    }
    let beyond = teacher.dimension() > subspace.rank();
    if beyond == (form == Form::Stated) {
        let right = Enclosure::around(4.0 / (PI * PI), 2.0 * f64::EPSILON);
        claims.push(Sides::at_most(
            "rho where d > r",
            Known::rho_of(&proof),
            Known::enclosed(right),
        ));
    }
    Ok(claims)
}

/// Times the value that the finder met: what nobody may claim.
const NEARLY: f64 = 1.0001;
/// How many of the directions tried are gone on from, and the first and the last step, radians: at a
/// minimum the quotient is off by the square of the last.
const DESCENTS: usize = 1;
const FIRST_STEP: f64 = 0.1;
const LAST_STEP: f64 = 1e-3;

/// `claimed delta^2` and the room `1 - |eta|` where the room is most nearly used up.
fn worst_room(
    interpolant: &Interpolant,
    directions: Vec<Vec<f64>>,
    claimed: f64,
) -> Option<(Enclosure, Enclosure)> {
    // Nothing where rounding hides the room.
    let at = |w: &[f64]| {
        let (eta, delta) = interpolant.at(w);
        let (left, room) = (delta.square() * claimed, Enclosure::ONE - eta.abs());
        let share = left.midpoint() / room.midpoint();
        (room.midpoint() > RESOLVED * room.width()).then_some((share, left, room))
    };
    let mut tried: Vec<_> =
        directions.into_iter().filter_map(|w| at(&w).map(|found| (found, w))).collect();
    tried.sort_by(|x, y| y.0.0.total_cmp(&x.0.0));
    tried.truncate(DESCENTS);
    for (found, w) in &mut tried {
        let mut step = FIRST_STEP;
        while step > LAST_STEP {
            let mut moved = false;
            for shift in (0..w.len()).flat_map(|axis| [(axis, step), (axis, -step)]) {
                let mut next = w.clone();
                next[shift.0] += shift.1;
                let next = normalised(&next);
                if let Some(worse) = at(&next).filter(|next| next.0 > found.0) {
                    (*found, *w, moved) = (worse, next, true);
                }
            }
            if !moved {
                step *= 0.5;
            }
        }
    }
    let worst = tried.into_iter().max_by(|x, y| x.0.0.total_cmp(&y.0.0))?;
    Some((worst.0.1, worst.0.2))
}

/// **6.3 Verification.** The checker accepts no `rho` above the least `(1 - |eta|)/delta^2` that a
/// multistart search meets.
///
/// The largest `rho` of those tried that the checker proves, against the value met. Sharp: it
/// proves up to 0.99 of it. Control: nine tenths of the value met. Source: theory 6.3.
pub static VERIFICATION: Statement = Statement {
    id: "6.3",
    says: "verification: enclosed coefficients, caps near `u_i`, branch and bound elsewhere",
    sharp: "0.99 of the value met is proved",
    reference: "theory 6.3",
    checks: &[Check {
        title: "the checker accepts no rho above the least (1 - |eta|)/delta^2 that a search meets",
        hypotheses: "d at least 2, rank at most 2, separation at least 0.3",
        control: "nine tenths of the value met",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: verification,
    }],
    ..Statement::NONE
};

/// Claims that 6.3 has the checker judge, in units of the least `(1 - |eta|)/delta^2` met: it may
/// accept those below 1 alone.
const SHARES: [f64; 5] = [0.9, 0.95, 0.99, 1.0001, 1.01];

fn verification(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let teacher = context.teacher();
    let separated = teacher.separation().is_none_or(|s| s.angle >= SEPARATION);
    if teacher.dimension() < 2 || !separated || FeatureSubspace::of(teacher)?.rank() > QUICK_RANK {
        return inapplicable(NOT_SMALL);
    }
    let found = match find_certificate(teacher, &CERTIFICATES) {
        Ok(found) => found,
        Err(LandscapeError::NoCertificate { .. }) => return inapplicable(NONE_FOUND),
        Err(error) => return Err(error.into()),
    };
    let met = found.sampled_rho;
    let mut accepted = Known::computed(0.0, 0.0);
    for share in SHARES {
        let claim = found.certificate.with_rho(share * met)?;
        let report = check_certificate(&claim, teacher, &LIMITS, &mut InTurn)?;
        if let Some(proof) = report.verdict.proof() {
            accepted = Known::rho_of(proof);
        }
    }
    let right = met * form.choose(1.0, 0.9);
    let rounding = 4.0 * f64::EPSILON * met;
    let right = Known::sampled(right, rounding);
    Ok(vec![Sides::at_most("accepted rho", accepted, right)])
}

/// A certificate that the checker has proved, and the least `(1 - |eta|)/delta^2` that its finder met.
fn proved(teacher: &SeparatedTeacher) -> Result<(Proof, f64), TheoryError> {
    let checked = match prove_certificate(teacher, &CERTIFICATES, &LIMITS, &mut InTurn) {
        Ok(checked) => checked,
        Err(LandscapeError::NoCertificate { .. }) => return inapplicable(NONE_FOUND),
        Err(error) => return Err(error.into()),
    };
    match checked.report.verdict.proof() {
        Some(proof) => Ok((proof.clone(), checked.found.sampled_rho)),
        None => inapplicable("the certificate found is not proved"),
    }
}

/// **6.2 Construction.** `eta(w) = sum_i [A_i K_l(w.u_i) + K_l'(w.u_i) B_i.w]` at any `w`, with
/// `eta(u_i) = sign(alpha_i)`, no gradient along the sphere at `u_i`, and
/// `|p|^2 = sum_i A_i sign(alpha_i)`, for the pairing of the coefficients with values and
/// gradients.
///
/// Hypotheses: weights 1 from an even degree `l` in {2, 4, 8} on. Control: the kernel of `l + 2`; a
/// norm with the weight of degree `l` halved. Source: theory 6.2.
pub static CONSTRUCTION: Statement = Statement {
    id: "6.2",
    says: "construction of `eta` from the kernel of the degrees at least `l`",
    reference: "theory 6.2",
    checks: &[Check {
        title: "construction: values, gradients and norm of the interpolant",
        hypotheses: "weights 1 from an even degree l in {2, 4, 8} on",
        control: "the kernel of l + 2; a norm with the weight of degree l halved",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: construction,
    }],
    ..Statement::NONE
};

fn construction(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (teacher, mut rng) = (context.teacher(), context.rng(62)?);
    let degree = [2, 4, 8][rng.random_range(0..3)];
    let weights = DegreeWeights::from_degree(degree)?;
    let interpolant = match Interpolant::certificate(teacher, &weights) {
        Ok(interpolant) => interpolant,
        Err(CertifyError::Interpolation { .. }) => {
            return inapplicable("the interpolation is too ill-conditioned");
        }
        Err(error) => return Err(error.into()),
    };
    let own = Construction::new(teacher, &interpolant, degree + form.choose(0, 2));
    let d = teacher.dimension();
    let i = rng.random_range(0..teacher.neurons());
    let (u, w, e) = (teacher.direction(i), random_unit(&mut rng, d), random_unit(&mut rng, d));
    let along = dot(&e, u);
    let tangent: Vec<f64> = e.iter().zip(u).map(|(x, y)| x - along * y).collect();
    let sign = teacher.amplitudes()[i].signum();
    let (eta, _) = interpolant.at(&w);
    let rounding = own.rounding();
    let mut claims = vec![
        equal("eta", own.value(&w), eta.midpoint(), rounding + eta.width()),
        equal("value", own.value(u), sign, rounding),
        equal("gradient", own.slope(i, &tangent), 0.0, rounding).of_size(own.size),
    ];
    let paired = match form {
        Form::Stated => &interpolant,
        Form::Control => {
            let damped = DegreeWeights::new([vec![0.0; degree / 2 - 1], vec![0.5]].concat(), 1.0)?;
            &match Interpolant::certificate(teacher, &damped) {
                Ok(interpolant) => interpolant,
                Err(CertifyError::Interpolation { .. }) => return Ok(claims),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let signs = teacher.amplitudes().iter().map(|a| a.signum());
    let pairing: f64 = paired.values().iter().zip(signs).map(|(a, s)| a.midpoint() * s).sum();
    let square = paired.norm().square();
    let widths: f64 = paired.values().iter().map(|a| a.width()).sum();
    let size: f64 = paired.values().iter().map(|a| a.magnitude()).sum();
    let rounding = square.width() + widths + 16.0 * f64::EPSILON * size;
    claims.push(equal("norm", square.midpoint(), pairing, rounding));
    Ok(claims)
}

/// `eta` in plain floating point, from the midpoints of an interpolant's coefficients.
struct Construction<'a> {
    teacher: &'a SeparatedTeacher,
    kernel: HighDegreeKernel,
    values: Vec<f64>,
    bends: Vec<Vec<f64>>,
    /// How far the midpoints may be off, and the size of the coefficients.
    width: f64,
    size: f64,
    degree: f64,
}

impl<'a> Construction<'a> {
    fn new(teacher: &'a SeparatedTeacher, interpolant: &Interpolant, degree: usize) -> Self {
        let gradients: Vec<Vec<_>> =
            (0..teacher.neurons()).map(|i| interpolant.gradient(i)).collect();
        let values = interpolant.values();
        let all = || values.iter().chain(gradients.iter().flatten());
        Self {
            teacher,
            kernel: HighDegreeKernel::new(degree),
            values: values.iter().map(|a| a.midpoint()).collect(),
            bends: gradients.iter().map(|b| b.iter().map(|x| x.midpoint()).collect()).collect(),
            width: all().map(|x| x.width()).sum(),
            size: all().map(|x| x.magnitude()).sum(),
            degree: degree as f64,
        }
    }

    /// `eta(w)`.
    fn value(&self, w: &[f64]) -> f64 {
        let term = |i: usize| {
            let k = self.kernel.at(Angle::between(w, self.teacher.direction(i)));
            self.values[i] * k.value + k.first * dot(&self.bends[i], w)
        };
        (0..self.values.len()).map(term).sum()
    }

    /// The derivative of `eta` at `u_j` towards a tangent `e`.
    fn slope(&self, j: usize, e: &[f64]) -> f64 {
        let w = self.teacher.direction(j);
        let term = |i: usize| {
            let u = self.teacher.direction(i);
            // On the diagonal u_i.e = 0 and B_i.u_i = 0 remove the first two terms.
            let same = i == j;
            let angle = if same { Angle::from_radians(0.0) } else { Angle::between(w, u) };
            let k = self.kernel.at(angle);
            let bend = k.first * dot(&self.bends[i], e);
            let turn = self.values[i] * k.first + k.second * dot(&self.bends[i], w);
            if same { bend } else { bend + turn * dot(u, e) }
        };
        (0..self.values.len()).map(term).sum()
    }

    /// Rounding of either: `k, k' <= 1/4`, `K_l` loses up to `20 eps l^(3/2)`, and
    /// `|k''| <= 1/(2 pi sin)`.
    fn rounding(&self) -> f64 {
        let nearest = self.teacher.separation().map_or(1.0, |s| s.angle.sin());
        let terms = self.teacher.dimension() as f64 + 16.0 + 20.0 * self.degree.powf(1.5);
        (self.width + terms * f64::EPSILON * self.size) / nearest
    }
}
