//! Every statement of the local analysis at one student: what `analyze` prints and a run's report shows.

use gradiometer_certify::DegreeWeights;
use gradiometer_landscape::LandscapeError;
use gradiometer_landscape::descent::{CLOSE, DescentDirection};
use gradiometer_landscape::lemmas::{
    Claim, DualCertificate, Evidence, InterpolatedCertificate, Point, TestFunction,
};
use gradiometer_landscape::optimum::{Optimum, OptimumOptions, regularised_optimum};

/// Random starting points of the search for the constant of a test function.
const STARTS: usize = 200;
/// Rounds of the solver of the regularised optimum.
const ROUNDS: usize = 4;
/// Refinements of it where it is no finite sum of atoms: a gap of about `1e-8` of its value.
const REFINEMENTS: usize = 4;

/// What the statements say at one student.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Both sides of every statement, by id; statement 7.10, which needs a search of its own, is not among them.
    pub claims: Vec<Claim>,
    /// The certificate that they use.
    pub certificate: InterpolatedCertificate,
    /// How its `rho` is known.
    pub evidence: Evidence,
    /// The regularised optimum at `lambda`.
    pub optimum: Optimum,
    /// Bounds of the optimality gap from the certificate alone (5.2).
    pub certified_gap: (f64, f64),
    /// The narrower one of the intervals of the gap.
    pub gap: (f64, f64),
    /// How that is known.
    pub gap_evidence: Evidence,
}

impl Analysis {
    /// Evaluates the statements at a point, with a certificate and the weights of its kernel; `angle` is that of the
    /// localisation bound 7.3.
    ///
    /// # Errors
    /// [`LandscapeError`] if the certificate does not fit the teacher or the regularised optimum is not found.
    pub fn new(
        point: &Point<'_>,
        dual: InterpolatedCertificate,
        weights: &DegreeWeights,
        angle: f64,
    ) -> Result<Self, LandscapeError> {
        let (teacher, student) = (point.teacher(), point.student());
        let evidence = dual.evidence();
        let mut claims = point.claims(&dual, angle);
        let mut order = vec![0.0; teacher.neurons()];
        for i in 0..teacher.neurons() {
            // The test function along u_i itself: e = u_i.
            order.fill(0.0);
            order[i] = 1.0;
            let points = student.first_layer();
            let test = TestFunction::new(teacher, weights, i, &order, STARTS, points, 1)?;
            claims.push(point.average_neuron(&test));
        }
        let direction = DescentDirection::new(point, CLOSE);
        claims.extend([direction.identity(), direction.inequality(), direction.gradient_bound()]);
        let options = OptimumOptions {
            rounds: ROUNDS,
            refinements: REFINEMENTS,
            ..OptimumOptions::default()
        };
        let optimum = regularised_optimum(teacher, point.lambda(), &options)?;
        claims.extend(point.optimum_bounds(&dual, &optimum.measure, optimum.duality_gap));
        claims.push(point.gap_identity(&optimum.measure).claim);
        claims.sort_by_key(|claim| sort_key(claim.id));
        let certified_gap = point.gap(&dual);
        let searched_gap = optimum.gap(point);
        let width = |(lower, upper): (f64, f64)| upper - lower;
        let (gap, gap_evidence) = if width(searched_gap) < width(certified_gap) {
            (searched_gap, Evidence::Sampled)
        } else {
            (certified_gap, evidence)
        };
        Ok(Self { claims, certificate: dual, evidence, optimum, certified_gap, gap, gap_evidence })
    }
}

/// `7.10` after `7.9`.
pub fn sort_key(id: &str) -> (u32, u32) {
    let mut parts = id.split('.').map(|part| part.parse().unwrap_or(u32::MAX));
    (parts.next().unwrap_or(u32::MAX), parts.next().unwrap_or(u32::MAX))
}
