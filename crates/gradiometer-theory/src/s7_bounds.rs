//! Section 7, the bounds that a certificate gives: loss, slack, localisation, cancellation, norm.

use crate::claim::{Known, Sides};
use crate::context::Context;
use crate::error::TheoryError;
use crate::quantities::{Constants, Quantities, enclosed};
use crate::statement::{Check, Cost, Curve, Form, Scope, Statement};

pub(crate) static STATEMENTS: [&Statement; 5] =
    [&LOSS_BOUND, &SLACK, &LOCALISATION, &NO_CANCELLATION, &NORM];

/// **7.1 Loss bound.** `sqrt(L) <= (lambda |p| + sqrt(lambda^2 |p|^2 + 4 max(zeta+, 0)))/2`.
///
/// Hypotheses: a dual certificate of norm `|p|`; any student. Sharp: one teacher neuron,
/// `c = 1 - lambda/k(1)`, where `zeta+ = 0` and `sqrt(L) = lambda |p|`. Control: `|p|` halved.
/// Source: theory 7.1.
pub static LOSS_BOUND: Statement = Statement {
    id: "7.1",
    says: "bound on `sqrt(L)` by `lambda norm(p)` and `zeta+`",
    constants: "`norm(p)` of a certificate",
    sharp: "one teacher neuron, `c = 1 - lambda/k(1)`",
    reference: "theory 7.1",
    checks: &[Check {
        title: "loss bound",
        hypotheses: "a certificate",
        control: "|p| halved",
        scope: Scope::Student,
        cost: Cost::Formulas,
        evaluate: |context, form| {
            let p = *context.dual()?.constants();
            let p = form.choose(p, p.claiming(1.0, 0.5));
            Ok(vec![loss_bound(&context.quantities()?, &p)])
        },
    }],
    curve: Some(Curve {
        title: "the loss bound",
        caption: "√L stays below ½(λ|p| + √(λ²|p|² + 4ζ⁺)) throughout the run. The closer the curves, the sharper the bound.",
        left: "√L",
        sides: loss_bound,
    }),
    ..Statement::NONE
};

/// The sides of 7.1.
pub fn loss_bound(at: &Quantities, p: &Constants) -> Sides {
    let (zeta, pull) = (at.zeta_plus.larger_than_zero(), p.known_norm() * at.lambda);
    let right = (pull + (pull.square() + zeta * 4.0).sqrt()) * 0.5;
    Sides::at_most("loss bound", at.root_loss(), right)
}

/// **7.2 Slack.** `sum_j |c_j| (1 - sign(c_j) eta(wbar_j)) <= B <= zeta+/lambda + lambda |p|^2/4`,
/// where `B = zeta+/lambda + |p| sqrt(L) - L/lambda = (|a|^2 + |W|_F^2)/2 - |mu*| + |p| sqrt(L)`.
///
/// Both bounds are held against the masses: that `B` is below the other is an inequality of two means,
/// which holds for any number `|p|` and would show nothing. Hypotheses: a dual certificate of norm
/// `|p|`; any student. Sharp: two neurons that cancel in `f` and count twice in the mass; the second
/// part at the optimum of one teacher neuron, `c = 1 - lambda/(2 k(1))`, where both sides vanish.
/// Control: the bound halved; `lambda |p|^2/8` in place of `lambda |p|^2/4`. Source: theory 7.2.
pub static SLACK: Statement = Statement {
    id: "7.2",
    says: "slack: the masses weighted by `1 - sign(c_j) eta(w_j)` are at most `zeta+/lambda + lambda norm(p)^2/4`",
    constants: "`norm(p)` of a certificate",
    sharp: "two neurons that cancel; the second bound at the optimum of one teacher neuron",
    reference: "theory 7.2",
    checks: &[Check {
        title: "slack",
        hypotheses: "a certificate",
        control: "the bound halved; lambda |p|^2/8 in place of lambda |p|^2/4",
        scope: Scope::Student,
        cost: Cost::Formulas,
        evaluate: |context, form| {
            let (at, dual) = (context.quantities()?, context.dual()?);
            let [slack, last] = slack(context)?;
            if form == Form::Stated {
                return Ok(vec![slack, last]);
            }
            let half = 0.125 * at.lambda * dual.norm() * dual.norm();
            let halved = slack.with_right(0.5 * slack.right.value);
            Ok(vec![halved, last.with_right(last.right.value - half)])
        },
    }],
    ..Statement::NONE
};

/// The bound `B` of 7.2, which 7.3 and 7.4 have on the right too.
pub fn slack_bound(at: &Quantities, p: &Constants) -> Known {
    at.decay_excess + p.known_norm() * at.root_loss()
}

/// The sides of 7.2.
///
/// # Errors
/// As for [`Context::dual`].
pub fn slack(context: &Context<'_>) -> Result<[Sides; 2], TheoryError> {
    let (at, p) = (context.quantities()?, *context.dual()?.constants());
    let left = weighted_mass(context, |_, eta, sign| -(eta * sign) + 1.0)?;
    let norm = p.known_norm();
    let last = at.zeta_plus / at.lambda + norm * (0.25 * at.lambda) * norm;
    let middle = slack_bound(&at, &p);
    Ok([Sides::at_most("slack", left, middle), Sides::at_most("without the loss", left, last)])
}

/// `sum_j |c_j| weight(j, eta_j, sign(c_j))`.
fn weighted_mass(
    context: &Context<'_>,
    weight: impl Fn(usize, Known, f64) -> Known,
) -> Result<Known, TheoryError> {
    let (point, dual) = (context.point()?, context.dual()?);
    let enclosed = context.student_enclosed();
    // The direction of a neuron is rounded, and eta is Lipschitz with constant |p| |grad sigma| <=
    // |p|.
    let turned = dual.norm() * point.roundings();
    let (mut sum, student) = (Known::exact(0.0), context.student());
    let neurons = point.split().masses().iter().zip(student.second_layer()).enumerate();
    for (j, (&c, a)) in neurons {
        // A neuron without mass may have no direction either.
        let mass = match enclosed {
            Some(student) => Known::within(c, student.masses()[j]),
            None => Known::computed(c, point.roundings() * c.abs()),
        };
        if mass.value.abs() + mass.error <= 0.0 {
            continue;
        }
        let rounded = dual.eta(point.unit(j));
        let eta = if enclosed.is_some() {
            dual.eta_enclosed(rounded.value, student.neuron(j))
        } else {
            Known::computed(rounded.value, rounded.error + turned)
        };
        sum = sum + mass.abs() * weight(j, eta, a.signum());
    }
    Ok(sum)
}

/// **7.3 Localisation.** `sum_j |c_j| delta_j^2 <= B/rho` with the bound `B` of 7.2, so that the
/// mass beyond an angle `delta_0` is at most `B/(rho delta_0^2)`: far neurons carry little mass.
///
/// Hypotheses: a dual certificate with `rho` and `|p|`; any student. Sharp: two neurons that cancel
/// where `eta = 0` and `rho delta^2 = 1`, such as orthogonal to the teachers' span with
/// `rho = 4/pi^2`. Control: `rho` doubled. Source: theory 7.3.
pub static LOCALISATION: Statement = Statement {
    id: "7.3",
    says: "localisation: the masses weighted by `delta_j^2` are at most the bound of 7.2 over `rho`",
    constants: "`rho` and `norm(p)` of a certificate",
    sharp: "two neurons that cancel where `eta = 0` and `rho delta^2 = 1`",
    reference: "theory 7.3",
    checks: &[Check {
        title: "localisation",
        hypotheses: "a certificate",
        control: "rho doubled",
        scope: Scope::Student,
        cost: Cost::Formulas,
        evaluate: |context, form| {
            let p = *context.dual()?.constants();
            let p = form.choose(p, p.claiming(2.0, 1.0));
            let (at, spread) = (context.quantities()?, context.spread()?);
            Ok(vec![localisation(spread, &at, &p), mass_beyond(&at, &p)])
        },
    }],
    curve: Some(Curve {
        title: "far neurons carry little mass",
        caption: "The mass farther than {angle} rad from every teacher stays below what the gap allows. The curve ends where no neuron is left out there.",
        left: "mass beyond {angle} rad",
        sides: mass_beyond,
    }),
    ..Statement::NONE
};

/// The sides of 7.3; `spread` is `sum_j |c_j| delta_j^2`.
pub fn localisation(spread: Known, at: &Quantities, p: &Constants) -> Sides {
    Sides::at_most("localisation", spread, slack_bound(at, p) / p.rho)
}

/// The sides of 7.3 for the mass beyond an angle.
pub fn mass_beyond(at: &Quantities, p: &Constants) -> Sides {
    let (angle, mass) = at.beyond;
    let right = slack_bound(at, p) / (p.rho * Known::exact(angle).square());
    Sides::at_most("mass beyond the angle", mass, right)
}

/// **7.4 No norm cancellation.** The mass of the neurons whose sign opposes that of `eta(wbar_j)`,
/// weighted by `1 + |eta(wbar_j)|`, is at most the bound `B` of 7.2.
///
/// With the nearest teacher's sign in place of `eta`'s it is false in general, see
/// [`opposing_nearest`]. Hypotheses: a dual certificate of norm `|p|`; any student. Sharp: two
/// neurons that cancel on a teacher direction, where `|eta| = 1`. Control: the bound halved.
/// Source: theory 7.4.
pub static NO_CANCELLATION: Statement = Statement {
    id: "7.4",
    says: "the mass whose sign opposes that of `eta` is at most the bound of 7.2; with the nearest teacher's sign it is false",
    constants: "`norm(p)` of a certificate",
    sharp: "two neurons that cancel on a teacher direction",
    reference: "theory 7.4",
    checks: &[Check {
        title: "no norm cancellation, for the mass whose sign opposes eta",
        hypotheses: "a certificate",
        control: "the bound halved",
        scope: Scope::Student,
        cost: Cost::Formulas,
        evaluate: |context, form| {
            let sides = opposing_eta(context)?;
            Ok(vec![sides.with_right(sides.right.value * form.choose(1.0, 0.5))])
        },
    }],
    ..Statement::NONE
};

/// The sides of 7.4.
///
/// # Errors
/// As for [`Context::dual`].
pub fn opposing_eta(context: &Context<'_>) -> Result<Sides, TheoryError> {
    let left = weighted_mass(context, |_, eta, sign| opposing(eta, sign))?;
    let bound = slack_bound(&context.quantities()?, context.dual()?.constants());
    Ok(Sides::at_most("opposing eta", left, bound))
}

/// `1 + |eta|` where `eta` has the other sign.
fn opposing(eta: Known, sign: f64) -> Known {
    let opposes = (eta * -sign).enclosure();
    if opposes.certainly_at_most(0.0) {
        Known::exact(0.0)
    } else if opposes.certainly_greater(0.0) {
        eta.abs() + 1.0
    } else {
        // Nobody knows the sign: between nothing and all of it.
        let all = (eta.abs() + 1.0).enclosure();
        let value = if sign * eta.value < 0.0 { 1.0 + eta.value.abs() } else { 0.0 };
        Known::within(value, all.hull(0.0)).with(eta.evidence())
    }
}

/// 7.4 with the nearest teacher's sign in place of `eta`'s: **not** true in general.
///
/// Where `eta` has the sign of `c_j` although the nearest teacher does not, the slack of 7.2 holds
/// `1 - |eta|` of that mass only. It is true if `eta` has the nearest teacher's sign at every
/// neuron.
///
/// # Errors
/// As for [`Context::dual`].
pub fn opposing_nearest(context: &Context<'_>) -> Result<Sides, TheoryError> {
    let point = context.point()?;
    let (amplitudes, nearest) = (point.teacher().amplitudes(), point.split().nearest());
    let left = weighted_mass(context, |j, eta, sign| {
        if sign * amplitudes[nearest[j]] < 0.0 { eta.abs() + 1.0 } else { Known::exact(0.0) }
    })?;
    let bound = slack_bound(&context.quantities()?, context.dual()?.constants());
    Ok(Sides::at_most("opposing the nearest teacher", left, bound))
}

/// **7.5 Norm.** `-|p| sqrt(L) <= |mu| - |mu*| <= (zeta+ - L)/lambda`.
///
/// The first as `|mu*| - |mu| <= |p| sqrt(L)`; the second, less `|mu*|` on both sides, as
/// `|mu| <= (|a|^2 + |W|_F^2)/2`. Hypotheses: the first a dual certificate of norm `|p|`; any
/// student. Sharp: from below where the residual is a multiple of `p`; from above for every
/// balanced student. Control: `|p|` halved; half of the decay. Source: theory 7.5.
pub static NORM: Statement = Statement {
    id: "7.5",
    says: "the total mass is within `-norm(p) sqrt(L)` and `(zeta+ - L)/lambda` of the teacher's",
    constants: "`norm(p)` of a certificate",
    sharp: "where the residual is a multiple of `p`; from above for every balanced student",
    reference: "theory 7.5",
    checks: &[Check {
        title: "norm",
        hypotheses: "a certificate",
        control: "|p| halved; from above, half of the decay",
        scope: Scope::Student,
        cost: Cost::Formulas,
        evaluate: |context, form| {
            let half = form.choose(1.0, 0.5);
            let p = *context.dual()?.constants();
            let p = form.choose(p, p.claiming(1.0, half));
            let below = norm_from_below(&context.quantities()?, &p);
            let mut above = norm_from_above(context);
            // It needs no certificate, but the statement as a whole does.
            above.right = above.right.with(p.rho.evidence());
            Ok(vec![below, above.with_right(above.right.value * half)])
        },
    }],
    curve: Some(Curve {
        title: "the norm from below",
        caption: "The student's mass falls short of the teacher's by no more than |p| √L: weight decay shrinks it, in proportion to λ. Negative values cannot be drawn on this logarithmic axis.",
        left: "|μ*| − |μ|",
        sides: norm_from_below,
    }),
    ..Statement::NONE
};

/// The sides of 7.5 from below.
pub fn norm_from_below(at: &Quantities, p: &Constants) -> Sides {
    Sides::at_most("from below", -at.mass_excess, p.known_norm() * at.root_loss())
}

fn norm_from_above(context: &Context<'_>) -> Sides {
    let student = context.student();
    let (a, w) = student.squared_norms();
    let terms = (student.neurons() + student.dimension() + 16) as f64;
    let right = Known::computed(0.5 * (a + w), terms * f64::EPSILON * (a + w));
    let left = Known::computed(student.total_mass(), 0.0);
    let (left, right) = match context.student_enclosed() {
        Some(at) => (enclosed(left, at.mass()), enclosed(right, at.decay())),
        None => (left, right),
    };
    Sides::at_most("from above", left, right)
}
