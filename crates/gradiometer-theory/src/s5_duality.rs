//! Section 5: the regularised optimum and the optimality gap.

use crate::claim::{Known, Sides, at_most, equal};
use crate::context::{Choice, Context, random_unit};
use crate::error::TheoryError;
use crate::quantities::{Constants, Quantities};
use crate::statement::{Check, Cost, Exponent, Form, Points, Predicted, Scope, Statement};
use gradiometer_certify::{DegreeWeights, Interpolant};
use gradiometer_hermite::float::{maximum, maximum_of};
use gradiometer_instances::generate::{Signs, TeacherRequest, gaussian_student};
use gradiometer_landscape::measure::Measure;
use gradiometer_landscape::optimum::{Optimum, OptimumOptions, regularised_path};
use gradiometer_landscape::point::Point;
use gradiometer_model::SeparatedTeacher;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub(crate) static STATEMENTS: [&Statement; 4] =
    [&WEAK_DUALITY, &OPTIMUM_BOUNDS, &GAP_IDENTITY, &EXTRA_MASS];

/// **5.1 Weak duality.** `-zeta+ <= lambda^2 |p|^2/4`.
///
/// The `p` of a certificate is feasible in the dual problem, where its value is
/// `lambda |mu*| - lambda^2 |p|^2/4`; no student's `L_lambda` is below it. Hypotheses: a dual
/// certificate of norm `|p|`; any student. Sharp: one teacher neuron and the optimum itself,
/// `c = 1 - lambda/(2 k(1))`. Control: `|p|^2` halved. Source: theory 5.1.
pub static WEAK_DUALITY: Statement = Statement {
    id: "5.1",
    says: "a feasible dual point bounds the optimum from below: `-zeta+ <= lambda^2 norm(p)^2/4`",
    constants: "`norm(p)` of a certificate",
    sharp: "one teacher neuron, `c = 1 - lambda/(2 k(1))`",
    reference: "theory 5.1",
    checks: &[Check {
        title: "weak duality: no student is below the dual value of a certificate",
        hypotheses: "a certificate",
        control: "|p|^2 halved",
        scope: Scope::Student,
        cost: Cost::Formulas,
        evaluate: |context, form| {
            let sides = weak_duality(&context.quantities()?, context.dual()?.constants());
            let right = sides.right.value * form.choose(1.0, 0.5);
            Ok(vec![sides.with_right(right)])
        },
    }],
    ..Statement::NONE
};

/// The sides of 5.1.
pub fn weak_duality(at: &Quantities, p: &Constants) -> Sides {
    let pull = p.known_norm() * (0.5 * at.lambda);
    Sides::at_most("weak duality", -at.zeta_plus, pull.square())
}

/// **5.2 Bounds of the optimum.** `lambda |mu*| - lambda^2 |p|^2/4 <= P(mu_lambda) <= lambda
/// |mu*|`, so that `zeta+ <= zeta <= zeta+ + lambda^2 |p|^2/4`.
///
/// The bound from below holds for every measure in place of `mu_lambda`. Hypotheses: a dual
/// certificate of norm `|p|`. Sharp: from below, one teacher neuron, at its optimum; from above, as
/// `lambda` tends to 0. Control: `|p|^2` halved; `|mu*|` smaller by 1 %. Source: theory 5.2.
pub static OPTIMUM_BOUNDS: Statement = Statement {
    id: "5.2",
    says: "`zeta+ <= zeta <= zeta+ + lambda^2 norm(p)^2/4`",
    constants: "`norm(p)` of a certificate",
    sharp: "one teacher neuron at its optimum; from above as `lambda` tends to 0",
    reference: "theory 5.2",
    checks: &[
        Check {
            title: "lambda |mu*| - lambda^2 |p|^2/4 <= P(nu) for every measure nu",
            hypotheses: "a certificate p; nu is the student's measure",
            control: "|p|^2 halved",
            scope: Scope::Instances,
            cost: Cost::Formulas,
            evaluate: bound_of_any_measure,
        },
        Check {
            title: "lambda |mu*| - lambda^2 |p|^2/4 <= P(mu_lambda) <= lambda |mu*|",
            hypotheses: "a certificate p; rank at most 2, separation at least 0.3, 1e-6 <= lambda/|mu*| <= 1, the duality gap closed",
            control: "|p|^2 halved; |mu*| 1% smaller",
            scope: Scope::Student,
            cost: Cost::Optimum,
            evaluate: bounds_of_the_optimum,
        },
    ],
    ..Statement::NONE
};

/// The interval of `zeta` by 5.2, rounded outward by the known rounding.
pub fn gap(at: &Quantities, p: &Constants) -> (f64, f64) {
    let (zeta, pull) = (at.zeta_plus, at.lambda * p.norm);
    // The gap is never negative either.
    let lower = maximum((zeta.value - zeta.error).next_down(), 0.0);
    let above = 0.25 * (pull * pull) * (1.0 + 4.0 * f64::EPSILON);
    (lower, ((zeta.value + zeta.error).next_up() + above).next_up())
}

/// The sides of 5.2 for a measure whose value is at most `duality_gap` above the optimum's.
///
/// # Panics
/// If `nu` has another dimension.
pub fn optimum_bounds(
    point: &Point<'_>,
    p: &Constants,
    nu: &Measure,
    duality_gap: f64,
) -> [Sides; 2] {
    let value = regularised_value(point, nu);
    let lambda = point.lambda();
    let top = lambda * point.teacher().total_mass();
    let bottom = top - 0.25 * lambda * lambda * p.norm * p.norm;
    let known = |bound| Known::computed(bound, 8.0 * f64::EPSILON * (top + bottom.abs()));
    [
        Sides::at_most("optimum from below", known(bottom), value),
        Sides::at_most("optimum from above", value, known(top + duality_gap)),
    ]
}

fn bound_of_any_measure(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (point, p) = (context.point()?, context.dual()?.constants());
    let student = point.student();
    let masses = point.split().masses().to_vec();
    let nu = Measure::new(masses, student.first_layer(), student.dimension());
    let [mut below, _] = optimum_bounds(point, p, &nu, f64::INFINITY);
    below.part = "from below";
    // left + lambda^2 |p|^2/8 is the bound with half of |p|^2.
    let pull = point.lambda() * p.norm;
    below.left.value += form.choose(0.0, 0.125 * pull * pull);
    Ok(vec![below])
}

fn bounds_of_the_optimum(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (p, optimum) = (context.dual()?.constants(), context.optimum()?);
    let point = context.point()?;
    let [mut below, mut above] = optimum_bounds(point, p, &optimum.measure, optimum.duality_gap);
    let pull = point.lambda() * p.norm;
    below.left.value += form.choose(0.0, 0.125 * pull * pull);
    above.right.value -= form.choose(0.0, 0.01 * point.lambda() * point.teacher().total_mass());
    Ok(vec![below, above])
}

/// **5.3 Gap identity.** At the optimum, for every student,
///
/// ```text
/// zeta = |f_mu - f_{mu_lambda}|^2 + lambda sum_j |c_j| (1 - sign(c_j) eta_lambda(wbar_j))
///        + (lambda/2) sum_j (|a_j| - |w_j|)^2,
/// ```
///
/// and with any measure `nu` in place of `mu_lambda` the left side is `L_lambda(theta) - P(nu)`,
/// and the right side is less by the defect `lambda (|nu| - int eta_nu dnu)`,
/// `eta_nu(w) = -(2/lambda) E[(f_nu - y) sigma(wbar.x)]`.
///
/// Control: as if the measure were the optimum. Source: theory 5.3.
pub static GAP_IDENTITY: Statement = Statement {
    id: "5.3",
    says: "gap identity: `zeta` is a squared distance, a slack and an imbalance",
    reference: "theory 5.3",
    checks: &[
        Check {
            title: "gap identity against any measure",
            hypotheses: "-",
            control: "as if the measure were the optimum",
            scope: Scope::Student,
            cost: Cost::Formulas,
            evaluate: gap_at_any_measure,
        },
        Check {
            title: "the gap at the regularised optimum is its three parts, and not negative",
            hypotheses: "rank at most 2, separation at least 0.3, 1e-6 <= lambda/|mu*| <= 1, the duality gap closed",
            control: "the teacher's measure in place of the optimum",
            scope: Scope::Instances,
            cost: Cost::Optimum,
            evaluate: gap_at_the_optimum,
        },
    ],
    ..Statement::NONE
};

/// The parts of the gap identity 5.3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GapIdentity {
    /// `L_lambda(theta) - P(nu)`.
    pub left: f64,
    /// `|f_mu - f_nu|^2`.
    pub distance: f64,
    /// `lambda sum_j |c_j| (1 - sign(c_j) eta_nu(wbar_j))`.
    pub slack: f64,
    /// `(lambda/2) sum_j (|a_j| - |w_j|)^2`.
    pub imbalance: f64,
    /// `lambda (|nu| - int eta_nu dnu)`: zero at the optimum.
    pub defect: f64,
    /// How far both sides may be apart by rounding.
    pub rounding: f64,
}

impl GapIdentity {
    /// Against any measure.
    ///
    /// # Panics
    /// If `nu` has another dimension.
    pub fn new(point: &Point<'_>, nu: &Measure) -> Self {
        let (lambda, dimension) = (point.lambda(), point.student().dimension());
        assert!(nu.masses().is_empty() || nu.dimension() == dimension, "one dimension");
        let target = teacher_measure(point.teacher());
        let mu =
            Measure::new(point.split().masses().to_vec(), point.student().first_layer(), dimension);
        let pulled = |w: &[f64]| -2.0 * (nu.potential(w) - target.potential(w));
        let value = regularised_value(point, nu);
        let loss = point.loss();
        let left =
            loss.value + lambda * mu.total_mass() + 0.5 * lambda * point.imbalance() - value.value;
        let imbalance = 0.5 * lambda * point.imbalance();
        let masses = mu.total_mass() + nu.total_mass() + target.total_mass();
        let rounding = 4.0 * pair_rounding(point, nu) * masses * (masses + lambda)
            + value.error
            + loss.error
            + point.roundings() * imbalance;
        Self {
            left,
            distance: mu.squared_distance(nu),
            slack: lambda * mu.total_mass() - mu.integral(pulled),
            imbalance,
            defect: lambda * nu.total_mass() - nu.integral(pulled),
            rounding,
        }
    }

    /// Both sides.
    pub fn sides(&self) -> Sides {
        let right = self.distance + self.slack + self.imbalance - self.defect;
        equal("gap identity", self.left, right, self.rounding)
    }
}

/// The measure of a teacher.
pub fn teacher_measure(teacher: &SeparatedTeacher) -> Measure {
    Measure::new(teacher.amplitudes().to_vec(), teacher.directions(), teacher.dimension())
}

/// `P(nu) = |f_nu - y|^2 + lambda |nu|` with its rounding.
fn regularised_value(point: &Point<'_>, nu: &Measure) -> Known {
    let (teacher, lambda) = (point.teacher(), point.lambda());
    let mass = nu.total_mass() + teacher.total_mass();
    let value = nu.squared_distance(&teacher_measure(teacher)) + lambda * nu.total_mass();
    Known::computed(value, pair_rounding(point, nu) * mass * (mass + lambda))
}

fn pair_rounding(point: &Point<'_>, nu: &Measure) -> f64 {
    point.roundings() + nu.masses().len() as f64 * f64::EPSILON
}

/// Against the optimum's measure where a student is analysed; to verify, against the teacher's
/// measure, a random one and the empty one.
fn gap_at_any_measure(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (point, teacher) = (context.point()?, context.teacher());
    let (d, root) = (teacher.dimension(), teacher.total_mass().sqrt());
    let measures = match context.choice() {
        Choice::Given { .. } => vec![context.optimum()?.measure.clone()],
        Choice::Drawn { seed } => {
            let other = gaussian_student(d, 4, root, root, seed)?;
            let masses = (0..4).map(|j| other.mass(j)).collect();
            let other = Measure::new(masses, other.first_layer(), d);
            vec![teacher_measure(teacher), other, Measure::default()]
        }
    };
    let sides = measures.iter().map(|nu| {
        let gap = GapIdentity::new(point, nu);
        match form {
            Form::Stated => gap.sides(),
            Form::Control => gap.sides().with_right(gap.distance + gap.slack + gap.imbalance),
        }
    });
    Ok(sides.collect())
}

/// The defect that the identity has at any other measure vanishes: it is at most the duality gap
/// and at least `-lambda |nu| (sup |eta| - 1)`. And no student is below the optimum by more than
/// the duality gap.
fn gap_at_the_optimum(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (optimum, point) = (context.optimum()?, context.point()?);
    let own = teacher_measure(context.teacher());
    let nu = form.choose(&optimum.measure, &own);
    let gap = GapIdentity::new(point, nu);
    let beyond = maximum(optimum.largest_eta - 1.0, 0.0);
    let defect = optimum.duality_gap + beyond * point.lambda() * nu.total_mass();
    let parts = gap.distance + gap.slack + gap.imbalance;
    Ok(vec![
        equal("at the optimum", gap.left, parts, gap.rounding + defect),
        at_most("not negative", -gap.left, optimum.duality_gap, gap.rounding),
    ])
}

/// **5.4 Extra mass** (scaling). Where the minimal-norm interpolant of degree 2 exceeds 1, the
/// optimum has extra mass of order `lambda`; from rank 3 on it is a density on curves rather than
/// atoms.
///
/// Control: teachers whose interpolant stays below 1, so that the optimum has no extra mass. Source:
/// theory 5.
pub static EXTRA_MASS: Statement = Statement {
    id: "5.4",
    says: "where the minimal-norm interpolant exceeds 1, the optimum has extra mass of order `lambda`; from rank 3 on it is a density on curves",
    reference: "theory 5.4",
    exponents: &[Exponent {
        part: "mass of the optimum beyond 0.05 rad against lambda, where the minimal-norm interpolant exceeds 1.02",
        predicted: Predicted::About(1.0),
        control: "teachers whose minimal-norm interpolant stays below 1",
        points: extra_mass,
    }],
    ..Statement::NONE
};

/// How far the minimal-norm interpolant of a teacher of 5.4 must exceed 1, and at how many
/// directions it is evaluated.
const EXCESS: f64 = 1.02;
const DIRECTIONS: usize = 2000;
/// Teachers that are tried for it.
const TRIED: u64 = 100;
/// Angle beyond which mass is extra, radians.
const BEYOND: f64 = 0.05;

fn extra_mass(seed: u64, form: Form) -> Result<Points, TheoryError> {
    for attempt in 0..TRIED {
        let request = TeacherRequest {
            separation: 0.5,
            signs: Signs::Mixed,
            amplitudes: (0.5, 2.0),
            ..TeacherRequest::new(3, 3, 5, seed.wrapping_mul(TRIED).wrapping_add(attempt))
        };
        let teacher = request.generate()?;
        let largest = largest_value(&teacher, seed)?;
        if !form.choose(largest > EXCESS, largest <= 1.0) {
            continue;
        }
        // The mass of two rounds is within a few hundredths of that of many.
        let options = OptimumOptions { rounds: 2, refinements: 2, ..OptimumOptions::default() };
        let path = regularised_path(&teacher, &[1e-4, 1e-5, 1e-6], &options)?;
        // No mass counts as a rounding of all, for zero has no logarithm.
        let rounding = |o: &Optimum| f64::EPSILON * o.measure.total_mass();
        let mass = |o: &Optimum| maximum(o.atoms_beyond(&teacher, BEYOND).1, rounding(o));
        return Ok(path.iter().map(|optimum| (optimum.lambda, mass(optimum))).collect());
    }
    Ok(Vec::new())
}

/// The largest value of the minimal-norm interpolant at random directions.
fn largest_value(teacher: &SeparatedTeacher, seed: u64) -> Result<f64, TheoryError> {
    let weights = DegreeWeights::from_degree(2)?;
    let interpolant = Interpolant::certificate(teacher, &weights)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let directions = (0..DIRECTIONS).map(|_| random_unit(&mut rng, teacher.dimension()));
    Ok(maximum_of(directions.map(|w| interpolant.at(&w).0.mignitude())))
}
