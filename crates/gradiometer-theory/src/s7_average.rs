//! Section 7, the average neuron.

use crate::claim::{Known, Sides};
use crate::context::{Choice, Context, random_unit};
use crate::error::TheoryError;
use crate::quantities::{Quantities, enclosed};
use crate::statement::{Check, Cost, Form, Scope, Statement};
use gradiometer_certify::{DegreeWeights, test_function_bounds};
use gradiometer_landscape::point::Point;
use gradiometer_landscape::test_function::TestFunction;
use gradiometer_model::geometry::{dot, norm};
use rand::RngExt;
use rand_distr::StandardNormal;

pub(crate) static STATEMENTS: [&Statement; 1] = [&AVERAGE_NEURON];

/// **7.6 Average neuron.** `|<e, v_i>| <= |p_{i,e}| sqrt(L) + C sum_j |c_j| delta_j^2`, with
/// `v_i = sum_{j in T_i} a_j s_j w_j - alpha_i u_i` and `C = sup_w |eta_{i,e}(w) - 1{w in T_i} <e,
/// s wbar>|/delta(w)^2`.
///
/// `T_i` has the neurons whose nearest teacher is `u_i`, and `s_j = sign(w_j.u_i)`. Hypotheses: a
/// test function `p_{i,e}` whose `eta` interpolates `<e, w>` to first order at `u_i` and zero at
/// the other `u_k`; any student. Constants: `|p_{i,e}|`, and `C` from a search that knows the
/// student's neurons; where a student is analysed also both for every unit `e` at once, proved. Sharp: a residual that is a multiple of the test function. Control: a tenth
/// of the bound. Source: theory 7.6.
pub static AVERAGE_NEURON: Statement = Statement {
    id: "7.6",
    says: "average neuron: `abs(<e, v_i>)` is bounded by the loss and the localisation",
    constants: "`norm(p_ie)` and `C` of a test function",
    sharp: "a residual that is a multiple of the test function",
    reference: "theory 7.6",
    checks: &[Check {
        title: "average neuron",
        hypotheses: "a test function",
        control: "a tenth of the bound",
        scope: Scope::Student,
        cost: Cost::Search,
        evaluate,
    }],
    ..Statement::NONE
};

/// Random starting points of the search for the constant of a test function where a student is
/// analysed.
const STARTS: usize = 200;
/// The same in a verification: the claim needs the constant over the student's neurons alone.
const FEW_STARTS: usize = 20;
/// Length of what is left of a unit vector outside the span, below which it is rounding.
const OUTSIDE: f64 = 1e-3;

/// Along every teacher neuron's own direction where a student is analysed; to verify, for a random
/// `e` within the teachers' span and one outside.
fn evaluate(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (weights, point) = (context.dual()?.weights(), context.point()?);
    let (teacher, points) = (point.teacher(), point.student().first_layer());
    let (n, at) = (teacher.neurons(), context.quantities()?);
    let mut all = Vec::new();
    match context.choice() {
        Choice::Given { .. } => {
            for i in 0..n {
                let e: Vec<f64> = (0..n).map(|k| if k == i { 1.0 } else { 0.0 }).collect();
                let test = TestFunction::new(teacher, weights, i, &e, STARTS, points, 1)?;
                all.push(Sides { neuron: Some(i), ..average_neuron(point, &at, &test) });
            }
            all.extend(every_direction(context, &at, weights)?);
        }
        Choice::Drawn { seed } => {
            let mut rng = context.rng(76)?;
            let i = rng.random_range(0..n);
            let e: Vec<f64> = (0..n).map(|_| rng.sample::<f64, _>(StandardNormal)).collect();
            let inside = TestFunction::new(teacher, weights, i, &e, FEW_STARTS, points, seed)?;
            all.push(average_neuron(point, &at, &inside));
            let e = random_unit(&mut rng, teacher.dimension());
            let outside = TestFunction::outside(teacher, i, &e, FEW_STARTS, points, seed)?;
            // Nothing is outside where the teachers span the space.
            if norm(outside.direction()) > OUTSIDE && outside.norm().is_finite() {
                let sides = average_neuron(point, &at, &outside);
                all.push(Sides { part: "outside the span", ..sides });
            }
        }
    }
    Ok(all.into_iter().map(|s| s.with_right(s.right.value * form.choose(1.0, 0.1))).collect())
}

/// The sides of 7.6 for every unit `e` at once, `|v_i|` on the left, with constants that the checker has proved; none where the
/// directions are too close for that.
fn every_direction(
    context: &Context<'_>,
    at: &Quantities,
    weights: &DegreeWeights,
) -> Result<Vec<Sides>, TheoryError> {
    let (point, spread) = (context.point()?, context.spread()?);
    let Ok(bounds) = test_function_bounds(point.teacher(), weights) else { return Ok(Vec::new()) };
    let masses: f64 = point.split().masses().iter().map(|c| c.abs()).sum();
    let sides = bounds.iter().enumerate().map(|(i, bound)| {
        let right = at.root_loss() * bound.norm() + spread * bound.constant();
        let size = masses + point.teacher().amplitudes()[i].abs();
        let left = Known::computed(norm(point.split().average(i)), at.roundings * size);
        let average = context.student_enclosed().and_then(|student| student.average(i));
        let left = average.map_or(left, |average| enclosed(left, average));
        Sides { neuron: Some(i), ..Sides::at_most("average neuron, every direction", left, right) }
    });
    Ok(sides.collect())
}

/// The sides of 7.6.
pub fn average_neuron(point: &Point<'_>, at: &Quantities, test: &TestFunction) -> Sides {
    let (root, spread) = (at.root_loss(), point.split().localisation());
    let average = point.split().average(test.neuron());
    let left = dot(test.direction(), average).abs();
    let size: f64 = test.direction().iter().zip(average).map(|(x, y)| (x * y).abs()).sum();
    let right = test.norm() * root.value + test.constant() * spread;
    let error = test.norm() * root.error + at.roundings * 2.0 * right;
    let left = Known::computed(left, at.roundings * size);
    Sides::at_most("average neuron", left, Known::sampled(right, error))
}
