//! Section 3: the population objective against integrals over the circle.
//!
//! A pair of unit vectors spans a plane, in which `x = r (cos theta, sin theta)` with `E r^2 = 2`;
//! so an expectation of a function that is homogeneous of degree 2 is `(2/pi) int_0^pi` of it over
//! the half circle, where the integrands here repeat. They are smooth between the two kinks.

use crate::claim::{Sides, equal};
use crate::context::{Context, random_unit};
use crate::error::{TheoryError, inapplicable};
use crate::statement::{Check, Cost, Form, Scope, Statement};
use gradiometer_hermite::quadrature::GaussLegendre;
use gradiometer_hermite::relu::{sphere_kernel, squared_coefficient, tail_bound};
use gradiometer_hermite::{Angle, HermiteError};
use gradiometer_landscape::point::Point;
use gradiometer_model::Network;
use gradiometer_model::geometry::{dot, norm, normalised};
use gradiometer_population::{Accuracy, Degrees, Gradient, Objective, Population};
use gradiometer_train::{Algorithm, Stage3, Trainer};
use rand::RngExt;
use std::f64::consts::{FRAC_PI_2, PI, TAU};

pub(crate) static STATEMENTS: [&Statement; 4] = [&KERNEL, &LOSS, &GRADIENT, &BALANCE];

/// Integrals over the half circle of functions that are smooth but at two angles.
struct HalfCircle(GaussLegendre);

impl HalfCircle {
    fn new() -> Result<Self, HermiteError> {
        // Products of two sines over at most pi: 24 nodes leave (pi/2)^48/48!, below rounding.
        Ok(Self(GaussLegendre::new(24)?))
    }

    /// `(2/pi) int_0^pi f(cos, sin)`, with kinks at `pi/2` and at `phi + pi/2` modulo `pi`.
    fn expect(&self, phi: f64, f: impl Fn(f64, f64) -> f64) -> f64 {
        let other = if phi < FRAC_PI_2 { phi + FRAC_PI_2 } else { phi - FRAC_PI_2 };
        let (low, high) = if other < FRAC_PI_2 { (other, FRAC_PI_2) } else { (FRAC_PI_2, other) };
        let pieces = [(0.0, low), (low, high), (high, PI)];
        let integral: f64 = pieces
            .iter()
            .map(|(from, to)| self.0.integrate(*from, *to, |theta| f(theta.cos(), theta.sin())))
            .sum();
        2.0 / PI * integral
    }

    /// `E[sigma_{>=2}(u.x) sigma_{>=2}(v.x)] = E|u.x||v.x|/4 - 1/(2 pi)` at angle `phi`.
    fn kernel(&self, angle: Angle) -> f64 {
        let (cosine, sine) = (angle.cosine(), angle.sine());
        let product = |c: f64, s: f64| (c * (cosine * c + sine * s)).abs();
        0.25 * self.expect(angle.radians(), product) - 1.0 / TAU
    }

    /// `E[((1/2) sign(u.x) (e.x) - e.u/sqrt(2 pi)) sigma_{>=2}(v.x)] = E[sign(u.x)(e.x)|v.x|]/4 -
    /// e.u/(2 pi)`: `sigma_{>=2}`'s derivative at `u` towards `e`.
    fn slope(&self, u: &[f64], v: &[f64], e: &[f64]) -> f64 {
        let angle = Angle::between(u, v);
        let (cosine, sine) = (angle.cosine(), angle.sine());
        let across: Vec<f64> = v.iter().zip(u).map(|(v, u)| v - cosine * u).collect();
        let (along, across) = (dot(e, u), dot(e, &normalised(&across)));
        let integrand =
            |c: f64, s: f64| c.signum() * (along * c + across * s) * (cosine * c + sine * s).abs();
        0.25 * self.expect(angle.radians(), integrand) - along / TAU
    }
}

/// **3.1 Kernel.** `k(t) = E[sigma_{>=2}(u.x) sigma_{>=2}(v.x)] = (sqrt(1 - t^2) + t asin t - 1)/(2
/// pi)` for unit `u` and `v` with `t = u.v`, and `k(t) = sum_{k >= 2} s_k^2 t^k`.
///
/// Control: degree 0 kept. Source: theory 3.1.
pub static KERNEL: Statement = Statement {
    id: "3.1",
    says: "kernel `k(t)` of the degrees at least 2, and its derivatives",
    reference: "theory 3.1",
    checks: &[Check {
        title: "kernel of the degrees at least 2",
        hypotheses: "unit vectors",
        control: "degree 0 kept",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: kernel,
    }],
    ..Statement::NONE
};

/// Degrees of the series in 3.1.
const DEGREES: usize = 400;

fn kernel(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = context.rng(31)?;
    let u = context.teacher().direction(0);
    let mut v = normalised(context.student().neuron(0));
    if rng.random::<bool>() || !(norm(&v) > 0.0) {
        v = random_unit(&mut rng, u.len());
    }
    let angle = Angle::between(u, &v);
    let value = sphere_kernel(angle).value;
    let (t, constant) = (angle.cosine(), form.choose(0.0, squared_coefficient(0)));
    // Terms of size at most 1/2.
    let rounding = 32.0 * f64::EPSILON;
    let mut claims =
        vec![equal("integral", value, HalfCircle::new()?.kernel(angle) + constant, rounding)];
    let (mut series, mut power) = (constant, 1.0);
    for k in (2..=DEGREES).step_by(2) {
        power *= t * t;
        series += squared_coefficient(k) * power;
    }
    let tail = tail_bound(DEGREES + 2) * power * t * t;
    claims.push(equal("series", value, series, tail + DEGREES as f64 * f64::EPSILON));
    Ok(claims)
}

/// Masses and unit vectors of `mu - mu*`.
struct Difference {
    masses: Vec<f64>,
    units: Vec<Vec<f64>>,
}

impl Difference {
    fn of(point: &Point<'_>) -> Self {
        let (teacher, student) = (point.teacher(), point.student());
        let mut masses: Vec<f64> = (0..student.neurons()).map(|j| student.mass(j)).collect();
        masses.extend(teacher.amplitudes().iter().map(|a| -a));
        let mut units: Vec<Vec<f64>> = student.rows().map(normalised).collect();
        units.extend((0..teacher.neurons()).map(|i| teacher.direction(i).to_vec()));
        Self { masses, units }
    }

    fn total(&self) -> f64 {
        self.masses.iter().map(|c| c.abs()).sum()
    }

    /// Relative rounding of a sum over pairs of integrals.
    fn roundings(&self) -> f64 {
        (self.masses.len() + self.units[0].len() + 64) as f64 * f64::EPSILON
    }
}

fn objective_of(point: &Point<'_>, form: Form) -> Population {
    let degree = form.choose(Degrees::FromTwo, Degrees::All);
    Population::new((**point.teacher()).clone()).of_degrees(degree)
}

/// **3.2 Loss.** `L = E (f - y)^2 = sum_{a,b} nu_a nu_b k(t_ab)` with `nu = mu - mu*`, here with
/// every `k` an integral.
///
/// Control: without preprocessing. Source: theory 3.2.
pub static LOSS: Statement = Statement {
    id: "3.2",
    says: "`L = sum_ab nu_a nu_b k(t_ab)`",
    reference: "theory 3.2",
    checks: &[Check {
        title: "loss as a sum over pairs",
        hypotheses: "-",
        control: "without preprocessing",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: loss,
    }],
    ..Statement::NONE
};

fn loss(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let point = context.point()?;
    let (nu, circle) = (Difference::of(point), HalfCircle::new()?);
    let mut sum = 0.0;
    for (a, u) in nu.units.iter().enumerate() {
        for (b, v) in nu.units.iter().enumerate().take(a + 1) {
            let weight = nu.masses[a] * nu.masses[b] * if a == b { 1.0 } else { 2.0 };
            if weight.abs() > 0.0 {
                sum += weight * circle.kernel(Angle::between(u, v));
            }
        }
    }
    let loss = match form {
        Form::Stated => point.loss(),
        Form::Control => objective_of(point, form).loss(point.student(), ACCURATE),
    };
    let rounding = loss.error + nu.roundings() * nu.total() * nu.total();
    Ok(vec![equal("loss", loss.value, sum, rounding)])
}

/// Relative accuracy asked of losses.
const ACCURATE: f64 = 1e-12;

/// **3.3 Gradients.** `dL/da_j = 2 |w_j| E[(f - y) sigma_{>=2}(wbar_j.x)]`, and towards `e`
/// `(dL/dw_j).e = 2 a_j E[(f - y) (d sigma_{>=2}(w_j.x)/dw_j).e]`, as integrals.
///
/// Hypotheses: a neuron that is not zero. Control: without preprocessing. Source: theory 3.3.
pub static GRADIENT: Statement = Statement {
    id: "3.3",
    says: "gradients of `L` in closed form",
    reference: "theory 3.3",
    checks: &[Check {
        title: "gradients in closed form",
        hypotheses: "a neuron that is not zero",
        control: "without preprocessing",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: gradient,
    }],
    ..Statement::NONE
};

fn gradient(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (point, mut rng) = (context.point()?, context.rng(33)?);
    let student = point.student();
    let alive: Vec<usize> =
        (0..student.neurons()).filter(|j| norm(student.neuron(*j)) > 0.0).collect();
    if alive.is_empty() {
        return inapplicable("every neuron is zero");
    }
    let j = alive[rng.random_range(0..alive.len())];
    let (a, w, d) = (student.second_layer()[j], student.neuron(j), student.dimension());
    let (unit, length) = (normalised(w), norm(w));
    let e = if rng.random_range(0..4) == 0 { unit.clone() } else { random_unit(&mut rng, d) };
    let (nu, circle) = (Difference::of(point), HalfCircle::new()?);
    let (mut along_a, mut along_w) = (0.0, 0.0);
    for (c, v) in nu.masses.iter().zip(&nu.units).filter(|(c, _)| c.abs() > 0.0) {
        along_a += c * circle.kernel(Angle::between(&unit, v));
        along_w += c * circle.slope(&unit, v, &e);
    }
    let control;
    let found: &Gradient = match form {
        Form::Stated => &point.evaluation().gradient,
        Form::Control => {
            control =
                objective_of(point, form).evaluate(student, Accuracy::loss(ACCURATE))?.gradient;
            &control
        }
    };
    let scale = 2.0 * nu.roundings() * nu.total();
    let second_error = found.second_layer_error + scale * length;
    let first_error = found.first_layer_error * (d as f64).sqrt() + scale * a.abs();
    let towards = dot(&found.first_layer[j * d..(j + 1) * d], &e);
    Ok(vec![
        equal("in a", found.second_layer[j], 2.0 * length * along_a, second_error),
        equal("in w", towards, 2.0 * a * along_w, first_error),
    ])
}

/// **3.4 Balance.** `-(1/2) d/dt (a_j^2 - |w_j|^2) = lambda (a_j^2 - |w_j|^2)` under gradient flow,
/// so that each defect decays as `exp(-2 lambda t)`, and after a step of size `eta` `a'^2 - |w'|^2
/// = (1 - eta lambda)^2 (a^2 - |w|^2) + eta^2 ((dL/da)^2 - |dL/dw|^2)`.
///
/// Hypotheses: the same `lambda` on both layers. Control: twice the `lambda` on the first layer.
/// Source: theory 3.4.
pub static BALANCE: Statement = Statement {
    id: "3.4",
    says: "`a_j^2 - norm(w_j)^2` decays as `exp(-2 lambda t)` under gradient flow; gradient descent adds terms of order `eta^2`",
    reference: "theory 3.4",
    checks: &[Check {
        title: "balance defects decay as exp(-2 lambda t)",
        hypotheses: "the same lambda on both layers",
        control: "twice the lambda on the first layer",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: balance,
    }],
    ..Statement::NONE
};

fn balance(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (point, mut rng) = (context.point()?, context.rng(34)?);
    let (student, lambda, d) = (point.student(), point.lambda(), point.student().dimension());
    let j = rng.random_range(0..student.neurons());
    let row = j * d..(j + 1) * d;
    let (a, w) = (student.second_layer()[j], student.neuron(j));
    let gradient = &point.evaluation().gradient;
    let (g, h) = (gradient.second_layer[j], &gradient.first_layer[row.clone()]);
    let first_lambda = form.choose(lambda, 2.0 * lambda);
    let (w_square, defect) = (dot(w, w), a * a - dot(w, w));
    let error = a.abs() * gradient.second_layer_error
        + norm(w) * gradient.first_layer_error * (d as f64).sqrt();
    let terms = (d as f64 + 16.0) * f64::EPSILON;
    let speed = a * (g + lambda * a) - (dot(w, h) + first_lambda * w_square);
    let size = (a * g).abs() + norm(w) * norm(h) + 2.0 * lambda * (a * a + w_square);
    let flow = equal("flow", speed, lambda * defect, error + terms * size);
    let mut claims = vec![flow.of_size(size)];

    let eta = 0.1 / (lambda + student.total_mass() + point.teacher().total_mass());
    let moved = match form {
        Form::Stated => one_step(point, eta)?,
        Form::Control => {
            let (mut a, mut w) = (student.second_layer().to_vec(), student.first_layer().to_vec());
            for (x, g) in a.iter_mut().zip(&gradient.second_layer) {
                *x -= eta * (g + lambda * *x);
            }
            for (x, g) in w.iter_mut().zip(&gradient.first_layer) {
                *x -= eta * (g + first_lambda * *x);
            }
            Network::new(d, a, w)?
        }
    };
    let (b, v) = (moved.second_layer()[j], moved.neuron(j));
    let shrink = (1.0 - eta * lambda) * (1.0 - eta * lambda);
    let second_order = eta * eta * (g * g - dot(h, h));
    let size = a * a + w_square + eta * eta * (g * g + dot(h, h));
    // The trainer's own gradient is the fast one, whose error is bounded like this one's.
    let fast =
        Population::new((**point.teacher()).clone()).evaluate(student, Accuracy::FAST)?.gradient;
    let error = error
        + a.abs() * fast.second_layer_error
        + norm(w) * fast.first_layer_error * (d as f64).sqrt();
    let rounding = 4.0 * (terms * size + eta * error);
    let step = equal("one step", b * b - dot(v, v), shrink * defect + second_order, rounding);
    claims.push(step.of_size(size));
    Ok(claims)
}

/// One step of Stage 3.
fn one_step(point: &Point<'_>, eta: f64) -> Result<Network, TheoryError> {
    let stage3 =
        Stage3 { step_size: eta, lambda: point.lambda(), epochs: 1, steps: 1, ..Stage3::default() };
    let algorithm = Algorithm { stage1: None, stage2: None, balance: false, stage3: Some(stage3) };
    let mut trainer = Trainer::new(point.population(), &algorithm, point.student().clone())?;
    let _one_step = trainer.advance(1)?;
    Ok(trainer.into_state().student)
}
