//! Section 7, the residual split.

use crate::claim::{Known, Sides, equal};
use crate::context::{Choice, Context};
use crate::error::TheoryError;
use crate::statement::{Check, Cost, Form, Scope, Statement};
use gradiometer_landscape::point::Point;
use gradiometer_model::geometry::{dot, norm};
use rand::RngExt;
use rand_distr::StandardNormal;
use std::f64::consts::TAU;

pub(crate) static STATEMENTS: [&Statement; 1] = [&RESIDUAL_SPLIT];

/// **7.7 Residual split.** `f - y = R1 + R2 + R3`,
///
/// ```text
/// R1 = (1/2) sum_i (v_i.x) sign(u_i.x)
/// R2 = (1/2) sum_i sum_{j in T_i} a_j s_j (w_j.x) (sign(s_j w_j.x) - sign(u_i.x))
/// R3 = -(sum_j c_j - sum_i alpha_i)/sqrt(2 pi)
/// ```
///
/// As `E[(R1 + R2 + R3)^2] = L` and, to verify, at a random input. Any student. Control: without
/// `R3`. Source: theory 7.7.
pub static RESIDUAL_SPLIT: Statement = Statement {
    id: "7.7",
    says: "residual split: `f - y` is `R1 + R2 + R3`",
    reference: "theory 7.7",
    checks: &[Check {
        title: "residual split",
        hypotheses: "-",
        control: "without R3",
        scope: Scope::Student,
        cost: Cost::Formulas,
        evaluate,
    }],
    ..Statement::NONE
};

fn evaluate(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let point = context.point()?;
    let mut all = vec![loss(point, form)];
    if let Choice::Drawn { .. } = context.choice() {
        let mut rng = context.rng(77)?;
        let d = point.student().dimension();
        let x: Vec<f64> = (0..d).map(|_| rng.sample(StandardNormal)).collect();
        all.push(at_an_input(point, &x, form));
    }
    Ok(all)
}

/// The loss from the residual split equals the loss.
pub fn loss(point: &Point<'_>, form: Form) -> Sides {
    let (split, pairings) = (point.split(), point.split().pairings());
    let without = pairings.r1_r1 + pairings.r2_r2 + 2.0 * pairings.r1_r2;
    let left = form.choose(pairings.squared_norm(), without);
    let left = Known::computed(left, 16.0 * point.roundings() * split.rounding_scale());
    Sides::equal("loss from the residual split", left, point.loss())
}

/// With `sigma_{>=2}(w.x) = |w.x|/2 - |w|/sqrt(2 pi)`.
fn at_an_input(point: &Point<'_>, x: &[f64], form: Form) -> Sides {
    let (teacher, student) = (point.teacher(), point.student());
    let (r1, r2, r3) = point.split().at(x);
    let (mut value, mut size) = (0.0, 0.0);
    let mut add = |mass: f64, along: f64| {
        value += 0.5 * along - mass / TAU.sqrt();
        size += along.abs() + mass.abs();
    };
    for (j, w) in student.rows().enumerate() {
        let a = student.second_layer()[j];
        add(a * norm(w), a * dot(w, x).abs());
    }
    for (i, alpha) in teacher.amplitudes().iter().enumerate() {
        add(-alpha, -alpha * dot(teacher.direction(i), x).abs());
    }
    let length = norm(x) + 1.0;
    let masses = student.total_mass() + teacher.total_mass();
    let terms = 16.0 * (student.neurons() + teacher.neurons() + student.dimension() + 16) as f64;
    let rounding = terms * f64::EPSILON * (size + length * masses);
    equal("at an input", r1 + r2 + form.choose(r3, 0.0), value, rounding)
}
