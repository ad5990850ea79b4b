//! Section 4: the stages of Algorithm 1.

use crate::claim::{Known, Sides, at_most, equal};
use crate::context::{Context, decades, random_unit};
use crate::error::TheoryError;
use crate::statement::{Check, Cost, Form, Scope, Statement};
use gradiometer_hermite::Angle;
use gradiometer_hermite::float::minimum;
use gradiometer_instances::generate::symmetric_start;
use gradiometer_landscape::point::Point;
use gradiometer_model::geometry::{dot, norm, normalised};
use gradiometer_model::{Network, Skip};
use gradiometer_population::{
    Accuracy, Bounded, Degrees, Gradient, Objective, Population, WeightDecay,
};
use gradiometer_train::{Algorithm, Solver, Stage1, Stage2, Stage3, Trainer};
use rand::RngExt;
use std::f64::consts::{PI, TAU};

pub(crate) static STATEMENTS: [&Statement; 4] = [&PREPROCESSING, &STAGE_1, &STAGE_2, &STAGE_3];

/// Relative accuracy asked of losses.
pub(crate) const ACCURATE: f64 = 1e-12;

/// **4.1 Preprocessing.** With `alpha = E f* - E f` and `beta = E[f* x] - E[f x]` the raw loss of
/// the student is the loss of the degrees at least 2.
///
/// Hypotheses: the affine part is fitted to the teacher's. Control: no affine part. Source: theory
/// 4.1.
pub static PREPROCESSING: Statement = Statement {
    id: "4.1",
    says: "preprocessing removes the degrees 0 and 1; on samples their least-squares fit, or the labels' plain averages",
    reference: "theory 4.1",
    checks: &[Check {
        title: "preprocessing removes the degrees 0 and 1",
        hypotheses: "the affine part is fitted to the teacher's",
        control: "no affine part",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: preprocessing,
    }],
    ..Statement::NONE
};

/// `E f` and `E[f x]` of a network without affine part.
fn low_degrees(network: &Network) -> (f64, Vec<f64>) {
    let mean = (0..network.neurons()).map(|j| network.mass(j)).sum::<f64>() / TAU.sqrt();
    let mut linear = vec![0.0; network.dimension()];
    for (a, w) in network.second_layer().iter().zip(network.rows()) {
        for (sum, x) in linear.iter_mut().zip(w) {
            *sum += 0.5 * a * x;
        }
    }
    (mean, linear)
}

fn preprocessing(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let point = context.point()?;
    let (student, teacher) = (point.student(), point.teacher());
    let ((mean, linear), (target, aim)) = (low_degrees(student), low_degrees(teacher.network()));
    let skip = Skip {
        constant: target - mean,
        linear: aim.iter().zip(&linear).map(|(x, y)| x - y).collect(),
    };
    let fitted = match form {
        Form::Stated => student.clone().with_skip(skip)?,
        Form::Control => student.clone(),
    };
    let raw = Population::new((**teacher).clone()).of_degrees(Degrees::All);
    let (left, right) = (raw.loss(&fitted, ACCURATE), point.loss());
    // What the fit leaves of the two degrees is a rounding, squared.
    let masses = student.total_mass() + teacher.total_mass();
    let left_over = (student.neurons() + student.dimension() + 16) as f64 * f64::EPSILON * masses;
    let rounding = left.error + right.error + left_over * left_over;
    Ok(vec![equal("raw loss", left.value, right.value, rounding)])
}

/// **4.2 Stage 1.** One step from a symmetric start, with `t_i = w_j.u_i`:
///
/// ```text
/// w_j^(1) = 2 eta a_j sum_i alpha_i [(sqrt(1 - t_i^2) - 1) w_j + asin(t_i) u_i]/(2 pi)
/// |w_j^(1) - (eta a_j/pi) H w_j| <= (eta |a_j|/(2 pi)) sum_i |alpha_i| t_i^2
/// ```
///
/// The second is the `O(1/d)` of the theory, for `E t_i^2 = 1/d`. With `s = sqrt(1 - t^2)` and
/// `b = asin t - t`, `|(s - 1) w + b u|^2 = (1 - s)^2 + b^2 - 2 (1 - s) b t = t^4/4 - t^6/72 - ...
/// <= t^4/4`. Hypotheses: a symmetric start. Sharp: one teacher neuron nearly orthogonal to the
/// student's. Control: half of the start; the bound of the remainder halved. Source: theory 4.2;
/// the constant was derived here.
pub static STAGE_1: Statement = Statement {
    id: "4.2",
    says: "Stage 1: one step takes `w_j` to `(eta_0 a_j/pi)(H w_j + O(1/d))`",
    constants: "`1/2`, derived here",
    sharp: "one teacher neuron nearly orthogonal to the student's",
    reference: "theory 4.2",
    checks: &[Check {
        title: "Stage 1 in closed form, and how far it is from H w",
        hypotheses: "symmetric start",
        control: "half of the start; the bound of the remainder halved",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: stage1,
    }],
    ..Statement::NONE
};

fn stage1(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (teacher, mut rng) = (context.teacher(), context.rng(42)?);
    let d = teacher.dimension();
    let half = rng.random_range(1..=4);
    let (scale, eta) = (decades(&mut rng, -3.0, 3.0), decades(&mut rng, -2.0, 4.0));
    let whole = symmetric_start(d, 2 * half, scale, rng.random())?;
    let start = match form {
        Form::Stated => whole,
        Form::Control => {
            Network::new(d, vec![scale; half], whole.first_layer()[..half * d].into())?
        }
    };
    let j = rng.random_range(0..start.neurons());
    let e = random_unit(&mut rng, d);
    let algorithm = Algorithm {
        stage1: Some(Stage1 { step_size: eta }),
        stage2: None,
        balance: false,
        stage3: None,
    };
    let population = Population::new((**teacher).clone());
    let (a, w) = (start.second_layer()[j], start.neuron(j).to_vec());
    let error =
        population.evaluate(&start, Accuracy::FAST)?.gradient.first_layer_error * (d as f64).sqrt();
    let mut trainer = Trainer::new(&population, &algorithm, start)?;
    let _one_step = trainer.advance(1)?;
    let found = trainer.into_state().student.neuron(j).to_vec();
    let factor = eta * a / PI;
    let (mut expected, mut linear, mut squares) = (vec![0.0; d], vec![0.0; d], 0.0);
    for i in 0..teacher.neurons() {
        let (u, alpha) = (teacher.direction(i), teacher.amplitudes()[i]);
        let angle = Angle::between(&w, u);
        for k in 0..d {
            // 1 - sin = cos^2/(1 + sin).
            let bend = angle.cosine() * angle.cosine() / (1.0 + angle.sine());
            expected[k] += factor * alpha * (angle.complement() * u[k] - bend * w[k]);
            linear[k] += factor * alpha * angle.cosine() * u[k];
        }
        squares += alpha.abs() * angle.cosine() * angle.cosine();
    }
    let size = factor.abs() * teacher.total_mass();
    let rounding = eta * error + 16.0 * (d + teacher.neurons() + 4) as f64 * f64::EPSILON * size;
    let away: Vec<f64> = found.iter().zip(&linear).map(|(x, y)| x - y).collect();
    let bound = 0.5 * factor.abs() * squares * form.choose(1.0, 0.5);
    Ok(vec![
        equal("formula", dot(&found, &e), dot(&expected, &e), rounding),
        at_most("remainder", norm(&away), bound, rounding),
    ])
}

/// **4.3 Stage 2.** The fit is within a billionth of the least `L + (lambda/2) |a|^2`: what it is above
/// that, at most `|grad|^2/(2 lambda)`, is below a billionth of its value, and no other second layer
/// is lower by more. Balancing keeps `L`, ends in `|a_j| = |w_j|` and does not raise the decay.
///
/// The others are the student's own, some near the fit, and a second fit from there. Control: one
/// iteration of the fit; arithmetic means in place of geometric ones, the second 1 % larger. Source:
/// theory 4.3.
pub static STAGE_2: Statement = Statement {
    id: "4.3",
    says: "Stage 2: a fit of the second layer, then balancing that leaves `f` as it is",
    reference: "theory 4.3",
    checks: &[Check {
        title: "Stage 2 minimises; balancing keeps the function",
        hypotheses: "the excess: lambda not so small that the fit's tolerance tells nothing",
        control: "one iteration of the fit; arithmetic means in place of geometric ones, the second 1% larger",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: stage2,
    }],
    ..Statement::NONE
};

/// Iterations of the ridge fit, and the factor by which its residual falls.
pub(crate) const FIT: Solver = Solver::Ridge { tolerance: TOLERANCE, steps: 400 };

pub(crate) fn fit(
    population: &Population,
    student: &Network,
    lambda: f64,
    solver: Solver,
) -> Result<Network, TheoryError> {
    let algorithm = Algorithm {
        stage1: None,
        stage2: Some(Stage2 { lambda, solver }),
        balance: false,
        stage3: None,
    };
    let mut trainer = Trainer::new(population, &algorithm, student.clone())?;
    let _fitted = trainer.advance(u64::MAX)?;
    Ok(trainer.into_state().student)
}

/// `L + (lambda/2) |a|^2` with its error.
pub(crate) fn ridge_value(population: &Population, student: &Network, lambda: f64) -> Bounded {
    let loss = population.loss(student, ACCURATE);
    let decay = 0.5 * lambda * student.squared_norms().0;
    let rounding = (student.neurons() as f64 + 4.0) * f64::EPSILON * (decay + loss.value.abs());
    Bounded { value: loss.value + decay, error: loss.error + rounding }
}

/// What a fit may be above the minimum, as a share of its value.
pub(crate) const UNFITTED: f64 = 1e-9;

/// Tolerance of [`FIT`], the factor by which the gradient at zero falls.
const TOLERANCE: f64 = 1e-10;

/// Whether so small a `lambda` leaves a fit that meets its tolerance too far above the minimum for
/// [`UNFITTED`]: `|grad|^2/(2 lambda)` is a bound without use then.
fn is_flat(
    population: &Population,
    student: &Network,
    lambda: f64,
    unfitted: f64,
) -> Result<bool, TheoryError> {
    let mut zero = student.clone();
    zero.layers_mut().0.fill(0.0);
    let residual =
        2.0 * TOLERANCE * norm(&population.evaluate(&zero, Accuracy::FAST)?.gradient.second_layer);
    Ok(!(residual * residual <= 2.0 * lambda * unfitted))
}

/// `|grad_a L + lambda a|^2/(2 lambda)`, at least what the fit is above the minimum, for the
/// objective curves by `lambda` at least.
fn ridge_excess(
    population: &Population,
    student: &Network,
    lambda: f64,
) -> Result<Known, TheoryError> {
    let gradient = population.evaluate(student, Accuracy::finest(ACCURATE))?.gradient;
    // The first layer does not move.
    let gradient = Gradient { first_layer: Vec::new(), first_layer_error: 0.0, ..gradient };
    let decay = WeightDecay { second_layer: lambda, first_layer: 0.0 };
    let square = decay.gradient(student, &gradient).squared_norm();
    Ok(Known::from(square).times(0.5 / lambda))
}

fn stage2(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let point = context.point()?;
    let student = point.student();
    let balanced = match form {
        Form::Stated => {
            let mut balanced = student.clone();
            balanced.balance();
            balanced
        }
        Form::Control => arithmetic_means(student)?,
    };
    let mut claims = ridge(context, form)?.to_vec();
    claims.extend(balancing(point, &balanced)?);
    Ok(claims)
}

const FLAT: &str = "lambda is too small for the fit's tolerance to tell";

fn ridge(context: &Context<'_>, form: Form) -> Result<[Sides; 2], TheoryError> {
    let (point, mut rng) = (context.point()?, context.rng(43)?);
    let (student, lambda, population) = (point.student(), point.lambda(), point.population());
    let solver = form.choose(FIT, Solver::Ridge { tolerance: ACCURATE, steps: 1 });
    let best = fit(population, student, lambda, solver)?;
    let value = ridge_value(population, &best, lambda);
    let shift = 0.1 * norm(best.second_layer());
    let mut others = vec![
        ridge_value(population, student, lambda),
        ridge_value(population, &fit(population, &best, lambda, FIT)?, lambda),
    ];
    for (factor, spread) in [(1.01, 0.0), (1.0, shift)] {
        let mut other = best.clone();
        let layer = other.layers_mut().0;
        for a in layer {
            *a = factor * *a + spread * (rng.random::<f64>() - 0.5);
        }
        others.push(ridge_value(population, &other, lambda));
    }
    let least = others.iter().fold(others[0], |x, y| if y.value < x.value { *y } else { x });
    let unfitted = UNFITTED * value.value;
    let excess = ridge_excess(population, &best, lambda)?;
    let flat = is_flat(population, student, lambda, unfitted)?;
    let allowed = Known::computed(unfitted, UNFITTED * value.error);
    Ok([
        Sides::at_most("excess", excess, allowed).unless(flat, FLAT),
        at_most("fit", value.value, least.value + unfitted, value.error + least.error),
    ])
}

fn balancing(point: &Point<'_>, balanced: &Network) -> Result<[Sides; 3], TheoryError> {
    let student = point.student();
    let (before, after) = (point.loss(), point.population().loss(balanced, ACCURATE));
    let roundings = 16.0 * (student.dimension() + student.neurons() + 8) as f64 * f64::EPSILON;
    // The masses move by roundings, and |dL/dmass| <= 2 sqrt(L) |sigma_{>=2}| < sqrt(L).
    let moved = roundings * student.total_mass();
    let slope = 2.0 * before.value.abs().sqrt() + moved;
    let teacher = Point::new(point.teacher(), balanced, point.lambda())?;
    let (a, w) = student.squared_norms();
    let (b, v) = balanced.squared_norms();
    Ok([
        equal("function", after.value, before.value, before.error + after.error + moved * slope),
        equal("balance", teacher.imbalance().sqrt(), 0.0, roundings * (b + v).sqrt())
            .of_size((b + v).sqrt()),
        at_most("decay", b + v, a + w, roundings * (a + w + minimum(b + v, a + w))),
    ])
}

/// The wrong balancing: `|a_j|` becomes the arithmetic mean of both factors, `|w_j|` that and a
/// hundredth more.
fn arithmetic_means(student: &Network) -> Result<Network, TheoryError> {
    let (mut a, mut w) = (Vec::new(), Vec::new());
    for (x, row) in student.second_layer().iter().zip(student.rows()) {
        let size = 0.5 * (x.abs() + norm(row));
        a.push(size.copysign(*x));
        w.extend(normalised(row).iter().map(|u| 1.01 * size * u));
    }
    Ok(Network::new(student.dimension(), a, w)?)
}

/// **4.4 Stage 3.** The step after any number of steps is
/// `theta <- theta - eta (grad L + 2^-k lambda theta)` in epoch `k`.
///
/// Hypotheses: epochs of one to three steps. Control: `lambda` is not halved. Source: theory 4.4.
pub static STAGE_3: Statement = Statement {
    id: "4.4",
    says: "Stage 3: descent in all parameters with `lambda` halved every epoch",
    reference: "theory 4.4",
    checks: &[Check {
        title: "Stage 3 is gradient descent with lambda halved every epoch",
        hypotheses: "epochs of one to three steps",
        control: "lambda is not halved",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: stage3,
    }],
    ..Statement::NONE
};

fn stage3(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (point, mut rng) = (context.point()?, context.rng(44)?);
    let (student, population, lambda) = (point.student(), point.population(), point.lambda());
    let (a, w) = student.squared_norms();
    // Below the inverse curvature, up to a factor.
    let step_size = decades(&mut rng, -4.0, -1.0) / (a + w + point.teacher().total_mass() + lambda);
    let (steps, epoch) = (rng.random_range(1..=3_u64), rng.random_range(0..3_u64));
    let before = epoch * steps + rng.random_range(0..steps);
    let stage3 = Stage3 { step_size, lambda, steps, epochs: 3, ..Stage3::default() };
    let algorithm = Algorithm { stage1: None, stage2: None, balance: false, stage3: Some(stage3) };
    let mut trainer = Trainer::new(population, &algorithm, student.clone())?;
    while trainer.state().steps < before {
        let _paused_or_ended = trainer.advance(before - trainer.state().steps)?;
    }
    let from = trainer.state().student.clone();
    let _one_step = trainer.advance(1)?;
    let to = trainer.into_state().student;
    let halvings = i32::try_from(epoch).unwrap_or(i32::MAX);
    let decay = lambda * form.choose(0.5_f64.powi(halvings), 1.0);
    let j = rng.random_range(0..from.neurons());
    let d = from.dimension();
    let e = random_unit(&mut rng, d);
    let accurate = population.evaluate(&from, Accuracy::loss(ACCURATE))?.gradient;
    let fast = population.evaluate(&from, Accuracy::FAST)?.gradient;
    let row = &accurate.first_layer[j * d..(j + 1) * d];
    let moved = |x: f64, g: f64| x - step_size * (g + decay * x);
    let expected: Vec<f64> = from.neuron(j).iter().zip(row).map(|(x, g)| moved(*x, *g)).collect();
    let unit = 8.0 * (d as f64 + 4.0) * f64::EPSILON;
    let rounding =
        |x: f64, g: f64, errors: f64| unit * (x + step_size * (g + decay * x)) + step_size * errors;
    let first = rounding(
        norm(from.neuron(j)),
        norm(row),
        (accurate.first_layer_error + fast.first_layer_error) * (d as f64).sqrt(),
    );
    let (x, g) = (from.second_layer()[j], accurate.second_layer[j]);
    let second = rounding(x.abs(), g.abs(), accurate.second_layer_error + fast.second_layer_error);
    Ok(vec![
        equal("first layer", dot(to.neuron(j), &e), dot(&expected, &e), first),
        equal("second layer", to.second_layer()[j], moved(x, g), second),
    ])
}
