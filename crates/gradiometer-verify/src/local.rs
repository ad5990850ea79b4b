//! Section 7: the lemmas of the local analysis.

use super::context::random_unit;
use super::statement::{Statement, at_most, equal, with_right};
use super::{Context, Form, VerifyError};
use gradiometer_hermite::float::{maximum, maximum_of};
use gradiometer_landscape::descent::{CLOSE, DescentDirection, regularised_gradient};
use gradiometer_landscape::lemmas::{
    Claim, DualCertificate, Evidence, Finding, InterpolatedCertificate, Point, TestFunction,
};
use gradiometer_model::Network;
use gradiometer_model::geometry::{dot, norm};
use gradiometer_population::{Bounded, Layers, Objective};
use rand::RngExt;
use rand_distr::StandardNormal;
use std::f64::consts::{FRAC_PI_2, TAU};

pub(super) const STATEMENTS: [Statement; 9] = [
    Statement {
        id: "7.1",
        title: "loss bound",
        hypotheses: "a certificate",
        control: "|p| halved",
        every: 1,
        evaluate: loss_bound,
    },
    Statement {
        id: "7.2",
        title: "slack",
        hypotheses: "a certificate",
        control: "the bound halved; lambda |p|^2/8 in place of lambda |p|^2/4",
        every: 1,
        evaluate: slack,
    },
    Statement {
        id: "7.3",
        title: "localisation",
        hypotheses: "a certificate",
        control: "rho doubled",
        every: 1,
        evaluate: localisation,
    },
    Statement {
        id: "7.4",
        title: "no norm cancellation, for the mass whose sign opposes eta",
        hypotheses: "a certificate",
        control: "the bound halved",
        every: 1,
        evaluate: cancellation,
    },
    Statement {
        id: "7.5",
        title: "norm",
        hypotheses: "a certificate",
        control: "|p| halved; from above, half of the decay",
        every: 1,
        evaluate: norms,
    },
    Statement {
        id: "7.6",
        title: "average neuron",
        hypotheses: "a test function",
        control: "a tenth of the bound",
        every: 1,
        evaluate: average_neuron,
    },
    Statement {
        id: "7.7",
        title: "residual split",
        hypotheses: "-",
        control: "without R3",
        every: 1,
        evaluate: residual_split,
    },
    Statement {
        id: "7.8",
        title: "descent direction",
        hypotheses: "the inequality: balanced, a close neuron at every teacher neuron",
        control: "without E2; half of the gradient",
        every: 1,
        evaluate: descent,
    },
    Statement {
        id: "7.10",
        title: "a step below the smoothness lowers L_lambda by (eta/2) |grad|^2",
        hypotheses: "eta at most 1 over the curvature along the step; no neuron loses half its length",
        control: "four times that step",
        every: 1,
        evaluate: smooth_descent,
    },
];

/// A certificate that claims other constants.
struct Claiming<'a> {
    certificate: &'a InterpolatedCertificate,
    rho: f64,
    norm: f64,
}

impl DualCertificate for Claiming<'_> {
    fn rho(&self) -> f64 {
        self.rho * self.certificate.rho()
    }

    fn norm(&self) -> f64 {
        self.norm * self.certificate.norm()
    }

    fn eta(&self, w: &[f64]) -> Bounded {
        self.certificate.eta(w)
    }

    fn evidence(&self) -> Evidence {
        self.certificate.evidence()
    }
}

/// The point and its certificate, in a control with `rho` and `|p|` times these factors.
fn with_certificate(
    context: &Context<'_>,
    form: Form,
    (rho, norm): (f64, f64),
    sides: impl FnOnce(&Point<'_>, &Claiming<'_>) -> Vec<Claim>,
) -> Result<Vec<Claim>, VerifyError> {
    let Some((certificate, _)) = context.certificate()? else { return Ok(Vec::new()) };
    let claiming =
        Claiming { certificate, rho: form.choose(1.0, rho), norm: form.choose(1.0, norm) };
    Ok(sides(context.point()?, &claiming))
}

/// **7.1**
fn loss_bound(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    with_certificate(context, form, (1.0, 0.5), |point, p| vec![point.loss_bound(p)])
}

/// **7.2**
fn slack(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    with_certificate(context, form, (1.0, 1.0), |point, p| {
        let [slack, last] = point.slack(p);
        let half = 0.125 * point.lambda() * p.norm() * p.norm();
        match form {
            Form::Stated => vec![slack, last],
            Form::Control => {
                vec![with_right(slack, 0.5 * slack.right), with_right(last, last.right - half)]
            }
        }
    })
}

/// **7.3**, its second part for a random angle.
fn localisation(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    let angle = FRAC_PI_2 * context.rng(73).random::<f64>();
    with_certificate(context, form, (2.0, 1.0), |point, p| point.localisation(p, angle).to_vec())
}

/// **7.4** With `eta`'s sign at the neuron. With the nearest teacher's in its place it is not true, see [`Point::no_cancellation_by_nearest`].
fn cancellation(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    with_certificate(context, form, (1.0, 1.0), |point, p| {
        let claim = point.no_cancellation(p);
        vec![with_right(claim, claim.right * form.choose(1.0, 0.5))]
    })
}

/// **7.5**, from above as `|mu| <= (|a|^2 + |W|^2)/2`, which is `(zeta+ - L)/lambda + |mu*|`.
fn norms(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    with_certificate(context, form, (1.0, 0.5), |point, p| {
        let [below, _] = point.norm_bounds(p);
        let student = point.student();
        let (a, w) = student.squared_norms();
        let rounding =
            (student.neurons() + student.dimension() + 16) as f64 * f64::EPSILON * (a + w);
        let bound = 0.5 * (a + w) * form.choose(1.0, 0.5);
        vec![below, at_most(("7.5", "from above"), student.total_mass(), bound, rounding)]
    })
}

/// Directions searched for the constant of a test function, besides the student's neurons, over which alone the claim needs it.
const SAMPLES: usize = 20;

/// **7.6** for a test function within the teachers' span and one outside.
fn average_neuron(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    let (Some((_, weights)), point) = (context.certificate()?, context.point()?) else {
        return Ok(Vec::new());
    };
    let (teacher, student, seed) = (point.teacher(), point.student(), context.instance().seed);
    let mut rng = context.rng(76);
    let i = rng.random_range(0..teacher.neurons());
    let e: Vec<f64> =
        (0..teacher.neurons()).map(|_| rng.sample::<f64, _>(StandardNormal)).collect();
    let points = student.first_layer();
    let inside = TestFunction::new(teacher, weights, i, &e, SAMPLES, points, seed)?;
    let mut claims = vec![point.average_neuron(&inside)];
    let e = random_unit(&mut rng, teacher.dimension());
    let outside = TestFunction::outside(teacher, i, &e, SAMPLES, points, seed)?;
    // Nothing is outside where the teachers span the space.
    let something = norm(outside.direction()) > OUTSIDE && outside.norm().is_finite();
    if something {
        let claim = point.average_neuron(&outside);
        claims.push(Claim { part: "outside the span", ..claim });
    }
    Ok(claims.into_iter().map(|c| with_right(c, c.right * form.choose(1.0, 0.1))).collect())
}

/// Length of what is left of a unit vector outside the span, below which it is rounding.
const OUTSIDE: f64 = 1e-3;

/// **7.7** as `E[(R1 + R2 + R3)^2] = L` and at a random input.
fn residual_split(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    let point = context.point()?;
    let claim = point.split_identity();
    let pairings = point.split().pairings();
    let without = pairings.r1_r1 + pairings.r2_r2 + 2.0 * pairings.r1_r2;
    let left = form.choose(claim.left, without);
    let mut claims = vec![equal(("7.7", "loss"), left, claim.right, claim.rounding)];

    let mut rng = context.rng(77);
    let (teacher, student) = (point.teacher(), point.student());
    let x: Vec<f64> = (0..student.dimension()).map(|_| rng.sample(StandardNormal)).collect();
    let (r1, r2, r3) = point.split().at(&x);
    // sigma_{>=2}(w.x) = |w.x|/2 - |w|/sqrt(2 pi).
    let (mut value, mut size) = (0.0, 0.0);
    let mut add = |mass: f64, along: f64| {
        let term = 0.5 * along - mass / TAU.sqrt();
        value += term;
        size += along.abs() + mass.abs();
    };
    for (j, w) in student.rows().enumerate() {
        let a = student.second_layer()[j];
        add(a * norm(w), a * dot(w, &x).abs());
    }
    for (i, alpha) in teacher.amplitudes().iter().enumerate() {
        add(-alpha, -alpha * dot(teacher.direction(i), &x).abs());
    }
    let length = norm(&x) + 1.0;
    let masses = student.total_mass() + teacher.total_mass();
    let terms = 16.0 * (student.neurons() + teacher.neurons() + student.dimension() + 16) as f64;
    let rounding = terms * f64::EPSILON * (size + length * masses);
    let split = r1 + r2 + form.choose(r3, 0.0);
    claims.push(equal(("7.7", "at an input"), split, value, rounding));
    Ok(claims)
}

/// **7.8** Identity, inequality and gradient bound.
fn descent(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    let point = context.point()?;
    let direction = DescentDirection::new(point, CLOSE);
    let (identity, inequality) = (direction.identity(), direction.inequality());
    let gradient = direction.gradient_bound();
    if form == Form::Stated {
        return Ok(vec![identity, inequality, gradient]);
    }
    // Without E2 the right side of the identity loses -2 E[R E2], which |R| |E2| bounds: the inequality loses its last term.
    let (zeta, loss) = (point.zeta_plus(), point.loss());
    let without = Claim::new(
        (inequality.id, inequality.part),
        zeta.value + loss.value,
        inequality.relation,
        inequality.right,
        inequality.rounding,
        inequality.evidence,
    );
    let inapplicable = inequality.finding == Finding::Inapplicable;
    let kept = point.lambda() * kept(point, &direction);
    Ok(vec![
        with_right(identity, 2.0 * loss.value + kept),
        without.unless(inapplicable),
        with_right(gradient, 0.5 * gradient.right),
    ])
}

/// `|W|_F^2 - sum_j q_j s_j w_j.u_i = sum_j w_j.(w_j - q_j s_j u_i)`.
fn kept(point: &Point<'_>, direction: &DescentDirection) -> f64 {
    dot(point.student().first_layer(), direction.vectors())
}

/// Points of a step at which the curvature along it is looked at.
const LOOKS: u32 = 9;
/// Times that a step is shortened to one over the curvature found.
const SHORTENED: usize = 12;
/// Room for the curvature between the points looked at.
const ROOM: f64 = 1.05;
/// Relative accuracy asked of losses.
const ACCURATE: f64 = 1e-12;

/// **7.10** `L_lambda(theta) - L_lambda(theta - eta g) >= (eta/2) |g|^2` for `eta <= 1/beta`, `beta` the largest `g.H g/|g|^2` on the step, by Taylor's
/// theorem. `beta` comes from a finite search.
fn smooth_descent(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    let point = context.point()?;
    let gradient = regularised_gradient(point);
    let square = gradient.squared_norm();
    let (student, lambda) = (point.student(), point.lambda());
    let d = student.dimension();
    if !(square > 0.0 && square.is_finite()) {
        return Ok(Vec::new());
    }
    let all: Vec<f64> =
        gradient.second_layer.iter().chain(&gradient.first_layer).copied().collect();
    let moved = |eta: f64| -> Result<Network, VerifyError> {
        let step = |x: &[f64], g: &[f64]| x.iter().zip(g).map(|(x, g)| x - eta * g).collect();
        let a = step(student.second_layer(), &gradient.second_layer);
        Ok(Network::new(d, a, step(student.first_layer(), &gradient.first_layer))?)
    };
    let curvature = |eta: f64| -> Result<f64, VerifyError> {
        let mut largest = lambda;
        for look in 0..LOOKS {
            let at = moved(eta * f64::from(look) / f64::from(LOOKS - 1))?;
            let image = point.population().hessian_operator(&at, Layers::Both)?.apply(&all)?;
            largest = maximum(largest, lambda + dot(&image, &all) / square);
        }
        Ok(ROOM * largest)
    };
    // A neuron that is turned by much has a curvature that the looks may miss.
    let longest = maximum_of(
        student.rows().zip(gradient.first_layer.chunks_exact(d)).map(|(w, g)| norm(g) / norm(w)),
    );
    if !(longest < f64::INFINITY) {
        return Ok(Vec::new());
    }
    let mut eta = if longest > 0.0 { 0.5 / longest } else { 1.0 / lambda };
    let mut found = false;
    for _ in 0..SHORTENED {
        let beta = curvature(eta)?;
        found = eta * beta <= 1.0 + 8.0 * f64::EPSILON;
        if found {
            break;
        }
        eta = 1.0 / beta;
    }
    if !found {
        return Ok(Vec::new());
    }
    let eta = eta * form.choose(1.0, 4.0);
    let after = moved(eta)?;
    let (before, later) = (point.loss(), Objective::loss(point.population(), &after, ACCURATE));
    let along = dot(student.second_layer(), &gradient.second_layer)
        + dot(student.first_layer(), &gradient.first_layer);
    let decay = 0.5 * lambda * eta * (2.0 * along - eta * square);
    let sizes = norm(student.first_layer()) + norm(student.second_layer());
    let terms = (all.len() as f64 + 16.0) * f64::EPSILON;
    // The moved weights are rounded, by which the loss moves |grad L| terms |theta|.
    let rounding = before.error
        + later.error
        + terms * (lambda * eta * square.sqrt() * (sizes + eta * square.sqrt()) + eta * square)
        + terms * sizes * (square.sqrt() + lambda * sizes)
        + eta
            * square.sqrt()
            * (gradient.second_layer_error + gradient.first_layer_error)
            * (all.len() as f64).sqrt();
    let decrease = before.value - later.value + decay;
    let claim = at_most(("7.10", "decrease"), 0.5 * eta * square, decrease, rounding);
    Ok(vec![Claim { evidence: Evidence::Sampled, ..claim }])
}
