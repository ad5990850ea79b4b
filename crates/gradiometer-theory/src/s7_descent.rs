//! Section 7, descent: the direction of 7.8, the gradient's scaling 7.9, the step of 7.10.

use crate::claim::{Known, Sides, at_most};
use crate::context::{Choice, Context};
use crate::error::{TheoryError, inapplicable};
use crate::quantities::Quantities;
use crate::runs::{constant_lambda, teacher};
use crate::statement::{Check, Cost, Exponent, Form, Points, Predicted, Scope, Statement};
use gradiometer_instances::generate::near_teacher_student;
use gradiometer_landscape::descent::{DescentDirection, GradientScaling, GradientStep};
use gradiometer_landscape::point::Point;
use gradiometer_model::Network;
use gradiometer_model::geometry::dot;
use gradiometer_population::Population;
use gradiometer_train::{Advance, Trainer};

pub(crate) static STATEMENTS: [&Statement; 3] = [&DESCENT_DIRECTION, &GRADIENT, &SMOOTH_DESCENT];

/// **7.8 Descent direction.** `D = sum_j <grad_{w_j} L_lambda, w_j - q_j s_j u_i>` with the shares
/// `q_j` of [`gradiometer_landscape::descent::Shares`]:
///
/// ```text
/// D  = 2 L - 2 E[R E2] + lambda (|W|_F^2 - sum_j q_j s_j w_j.u_i)
/// D >= zeta+ + L - 2 sqrt(L) |E2|
/// D/|W - q s u|_F <= |grad_W L_lambda|_F
/// ```
///
/// `R = f - y`, and `E2` is the sum of `a_j q_j s_j (g(w_j) - g(s_j u_i)).u_i` with
/// `g(w) = (1/2) sign(w.x) x - wbar/sqrt(2 pi)`. A teacher neuron without a close one adds
/// `2 E[R sigma(u_i.x)] alpha_i`. Hypotheses: the inequality, balanced layers and a close neuron at
/// every teacher neuron. Sharp: students on the teachers' directions, where `E2 = 0`; the last for
/// one neuron. Control: without `E2`; half of the gradient. Source: theory 7.8.
pub static DESCENT_DIRECTION: Statement = Statement {
    id: "7.8",
    says: "descent direction: its identity and its inequality",
    sharp: "students on the teachers' directions",
    reference: "theory 7.8",
    checks: &[Check {
        title: "descent direction",
        hypotheses: "the inequality: balanced, a close neuron at every teacher neuron",
        control: "without E2; half of the gradient",
        scope: Scope::Student,
        cost: Cost::Formulas,
        evaluate: |context, form| {
            let (point, direction) = (context.point()?, context.direction()?);
            Ok(descent(point, &context.quantities()?, direction, form).to_vec())
        },
    }],
    ..Statement::NONE
};

/// The sides of 7.8: identity, inequality, gradient.
pub fn descent(
    point: &Point<'_>,
    at: &Quantities,
    direction: &DescentDirection,
    form: Form,
) -> [Sides; 3] {
    let product = direction.product();
    let formula = match form {
        Form::Stated => direction.formula(),
        // Without -2 E[R E2], which |R| |E2| bounds.
        Form::Control => 2.0 * at.loss.value + at.lambda * kept(point, direction),
    };
    let known = |value| Known::computed(value, direction.rounding());
    let identity = Sides::equal("identity", Known::computed(product, 0.0), known(formula));

    let turning = 2.0 * at.root_loss().value * direction.turning();
    let left = at.zeta_plus.value + at.loss.value - form.choose(turning, 0.0);
    let left = Known::computed(left, at.zeta_plus.error);
    let inequality = Sides::at_most("inequality", left, known(product))
        .unless(!point.is_balanced(), "layers not balanced")
        .unless(!direction.missing().is_empty(), "no neuron close to some teacher");

    let size = direction.size();
    let left = Known::computed(product / size, direction.rounding() / size);
    let norm = direction.gradient_norm() * form.choose(1.0, 0.5);
    let gradient = Sides::at_most("gradient", left, Known::computed(norm, 0.0))
        .unless(!(size > 0.0), "the student is where the direction leads");
    [identity, inequality, gradient]
}

/// `|W|_F^2 - sum_j q_j s_j w_j.u_i = sum_j w_j.(w_j - q_j s_j u_i)`.
fn kept(point: &Point<'_>, direction: &DescentDirection) -> f64 {
    dot(point.student().first_layer(), direction.vectors())
}

/// **7.9 Gradient lower bound** (scaling). `|grad L_lambda|_F^2 >= C zeta^4/lambda^2` for
/// `lambda^2 <~ zeta <~ lambda^(9/5)`, that is `zeta <= (lambda^2 |grad|^2/C)^(1/4)`.
///
/// Fitted over the points of gradient descent at fixed `lambda` with a gap, over the run's own
/// limit, in that range up to a factor 10 either way. Control: outside the local regime, towards
/// the zero network. Source: theory 7.9, \[ZG24\].
pub static GRADIENT: Statement = Statement {
    id: "7.9",
    says: "lower bound on the gradient, `zeta^4/lambda^2` up to a constant",
    reference: "theory 7.9",
    exponents: &[Exponent {
        part: "gap against lambda^2 |grad|^2",
        predicted: Predicted::AtLeast(0.25),
        control: "outside the local regime, towards the zero network",
        points: gradient_against_gap,
    }],
    ..Statement::NONE
};

/// Steps of a run of 7.9 until it counts as the optimum.
const LIMIT: u64 = 20_000;

fn gradient_against_gap(seed: u64, form: Form) -> Result<Points, TheoryError> {
    let teacher = teacher(5, seed)?;
    let mut points = Vec::new();
    let mut add = |student: &Network, lambda: f64, gap: f64| -> Result<(), TheoryError> {
        let scaling = GradientScaling::new(&Point::new(&teacher, student, lambda)?, gap);
        points.push((scaling.scaled_gradient, scaling.gap));
        Ok(())
    };
    for lambda in [0.01, 0.005, 0.0025] {
        let start = near_teacher_student(&teacher, 2, 0.2, 0.02, seed)?;
        let population = Population::new((*teacher).clone());
        let algorithm = constant_lambda(lambda, LIMIT);
        let mut trainer = Trainer::new(&population, &algorithm, start.clone())?;
        let mut students = vec![start];
        let mut next = 1;
        loop {
            let advance = trainer.advance(next)?;
            students.push(trainer.state().student.clone());
            if matches!(advance, Advance::Ended(_)) {
                break;
            }
            next += next.div_ceil(4);
        }
        let value = |student: &Network| -> Result<f64, TheoryError> {
            let point = Point::new(&teacher, student, lambda)?;
            Ok(point.zeta_plus().value)
        };
        let last = students.pop().unwrap_or_else(|| trainer.state().student.clone());
        let limit = value(&last)?;
        match form {
            Form::Stated => {
                for student in &students {
                    let gap = value(student)? - limit;
                    if gap >= 0.1 * lambda * lambda && gap <= 10.0 * lambda.powf(1.8) {
                        add(student, lambda, gap)?;
                    }
                }
            }
            Form::Control => {
                for halvings in 4..12 {
                    let mut small = last.clone();
                    let (a, w) = small.layers_mut();
                    a.iter_mut().chain(w).for_each(|x| *x *= 0.5_f64.powi(halvings));
                    add(&small, lambda, value(&small)? - limit)?;
                }
            }
        }
    }
    Ok(points)
}

/// **7.10 Smooth descent.** `L_lambda(theta) - L_lambda(theta - eta g) >= (eta/2) |g|^2` for
/// `eta <= 1/beta`, `g` the gradient of `L_lambda` and `beta` the largest `g.H g/|g|^2` on the step
/// (Taylor's theorem).
///
/// Where a student is analysed, at the largest `eta` that is seen to lower `L_lambda` by so much.
/// To verify, at one over the curvature; `beta` comes from a finite search. Hypotheses: no neuron
/// loses half of its length. Sharp: a quadratic. Control: four times that step. Source: theory
/// 7.10.
pub static SMOOTH_DESCENT: Statement = Statement {
    id: "7.10",
    says: "below the local smoothness a step lowers the objective by `(eta/2) norm(grad)^2`",
    sharp: "to second order in the step",
    reference: "theory 7.10",
    checks: &[Check {
        title: "a step below the smoothness lowers L_lambda by (eta/2) |grad|^2",
        hypotheses: "eta at most 1 over the curvature along the step; no neuron loses half its length",
        control: "four times that step",
        scope: Scope::Student,
        cost: Cost::Search,
        evaluate: smooth_descent,
    }],
    ..Statement::NONE
};

fn smooth_descent(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let point = context.point()?;
    if let Choice::Given { .. } = context.choice() {
        return match context.largest_step()? {
            Some(step) => Ok(vec![at_most("the largest step", step.required, step.decrease, 0.0)]),
            None => inapplicable("no step lowers L_lambda by more than its rounding"),
        };
    }
    let Some(step) = GradientStep::new(point) else { return inapplicable("the gradient is zero") };
    let Some(eta) = step.smooth_length()? else {
        return inapplicable("no step is short enough for the curvature along it");
    };
    let eta = eta * form.choose(1.0, 4.0);
    let decrease = step.decrease(eta)?;
    let right = Known::sampled(decrease.value(), step.rounding(eta, &decrease));
    Ok(vec![Sides::at_most("decrease", Known::computed(step.required(eta), 0.0), right)])
}
