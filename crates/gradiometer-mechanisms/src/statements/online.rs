//! Exponents and online gradient descent: 11.6 to 11.9.

use super::{at_most, at_seeds, equal, rng};
use crate::abbe2023::{HermiteTarget, PopulationFlow};
use crate::arnaboldi2023::{QuadraticNetwork, QuadraticState};
use crate::ben_arous2021::SingleIndex;
use crate::damian2024::squared_signal;
use crate::error::MechanismError;
use crate::exponents::leap::{cayley_rotation, leap_of_support};
use crate::exponents::level_set::{LevelSet, Tuning, squared_signal_bound};
use crate::exponents::rational::{RationalPolynomial, integer};
use crate::exponents::{Expression, Leaps};
use crate::matrix::Matrix;
use crate::order_parameters::{Loss, Rule, SphereChain, hermite_student};
use gradiometer_hermite::polynomial::hermite;
use gradiometer_hermite::quadrature::GaussHermite;
use gradiometer_theory::{Context, Form, Sides, Statement, TheoryError};
use num_rational::BigRational;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::sync::LazyLock;

pub(super) static STATEMENTS: [&Statement; 10] = [
    &LEAP,
    &ISOTROPIC_LEAP,
    &LARGEST_LEAP,
    &POPULATION_FLOW,
    &REDUCED_CHAIN,
    &DRIFT,
    &QUADRATIC_NETWORK,
    &SIGNAL,
    &SECOND_LOOK,
    &REUSE,
];

/// **11.6.1 Leap in a given basis.** The least `L` at which the closure is the whole support is the
/// least over orders of the multi-indices of the largest new degree.
///
/// Exact: both sides are degrees. Hypotheses: up to four multi-indices of three coordinates.
/// Control: the largest over orders. Source: theory 11.6.1 \\[Abbe2022\\].
pub static LEAP: Statement = Statement {
    id: "11.6.1",
    says: "the leap in a basis is the least over orders of the largest new degree",
    reference: "theory 11.6.1",
    checks: &[at_seeds(
        "the closure's leap is that of the best order",
        "up to four multi-indices of three coordinates",
        "the worst order",
        leap,
    )],
    ..Statement::NONE
};

fn leap(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1161)?;
    let count = rng.random_range(1..=4);
    let mut support: Vec<Vec<u32>> =
        (0..count).map(|_| (0..3).map(|_| rng.random_range(0..3)).collect()).collect();
    support.retain(|alpha| alpha.iter().any(|a| *a > 0));
    let Some(closure) = leap_of_support(&support) else {
        return Err(TheoryError::Inapplicable { obstacle: "the support is empty" });
    };
    let mut all = Vec::new();
    orders(&support, &mut [false; 3], 0, &mut vec![false; support.len()], &mut all);
    let best = match form {
        Form::Stated => all.iter().min(),
        Form::Control => all.iter().max(),
    };
    let best = best.copied().map_or(f64::NAN, f64::from);
    Ok(vec![equal("leap in a basis", f64::from(closure), best, 0.0)])
}

/// The largest new degree of every order of the multi-indices, given what was used before.
fn orders(
    support: &[Vec<u32>],
    known: &mut [bool],
    largest: u32,
    used: &mut [bool],
    all: &mut Vec<u32>,
) {
    if used.iter().all(|u| *u) {
        all.push(largest);
        return;
    }
    for i in 0..support.len() {
        if used[i] {
            continue;
        }
        let fresh: u32 =
            support[i].iter().zip(&*known).filter(|(_, k)| !**k).map(|(a, _)| *a).sum();
        let mut next = known.to_vec();
        next.iter_mut().zip(&support[i]).for_each(|(k, a)| *k |= *a > 0);
        used[i] = true;
        orders(support, &mut next, largest.max(fresh), used, all);
        used[i] = false;
    }
}

/// A polynomial of few terms in two or three coordinates, and a rational rotation of it.
fn turned(rng: &mut ChaCha8Rng) -> (RationalPolynomial, RationalPolynomial) {
    let n = rng.random_range(2..=3_usize);
    let z = |i: usize| RationalPolynomial::variable(n, i);
    let mut f = RationalPolynomial::constant(n, integer(0));
    for _ in 0..rng.random_range(1..=4) {
        let (i, j) = (rng.random_range(0..n), rng.random_range(0..n));
        let term = match rng.random_range(0..4) {
            0 => z(i),
            1 => z(i).times(&z(j)),
            2 => z(i).hermite(2),
            _ => z(0).times(&z(1)).times(&z(n - 1)),
        };
        f = f.plus(&term.scaled(&integer(rng.random_range(1..4))));
    }
    let skew: Vec<BigRational> = (0..n * (n - 1) / 2)
        .map(|_| {
            BigRational::new(rng.random_range(-3_i64..=3).into(), rng.random_range(1_i64..5).into())
        })
        .collect();
    let rotated = f.substituted(&cayley_rotation(n, &skew));
    (f, rotated)
}

fn degree(leap: Option<u32>) -> f64 {
    leap.map_or(0.0, f64::from)
}

/// **11.6.2 Isotropic leap.** It does not change under rotations of the input.
///
/// Exact, in rationals. Hypotheses: polynomials of degree up to 3 in up to three coordinates,
/// rational rotations. Control: the leap in the given basis. Source: theory 11.6.2
/// \\[Abbe2023\\].
pub static ISOTROPIC_LEAP: Statement = Statement {
    id: "11.6.2",
    says: "the isotropic leap does not change under rotations",
    reference: "theory 11.6.2",
    checks: &[at_seeds(
        "the isotropic leap of f and of f after a rotation",
        "polynomials of degree up to 3 in up to three coordinates, rational rotations",
        "the leap in the given basis",
        isotropic,
    )],
    ..Statement::NONE
};

fn isotropic(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (f, rotated) = turned(&mut rng(context, 1162)?);
    let of = |f: &RationalPolynomial| {
        let leaps = Leaps::of(f);
        degree(form.choose(leaps.isotropic, leaps.in_basis))
    };
    Ok(vec![equal("leap after a rotation", of(&rotated), of(&f), 0.0)])
}

/// **11.6.3 No basis exceeds the isotropic leap.** It is the maximum over orthonormal bases.
///
/// Exact. Hypotheses: as for 11.6.2. Control: that it is the minimum. Source: theory 11.6.3
/// \\[Abbe2023\\].
pub static LARGEST_LEAP: Statement = Statement {
    id: "11.6.3",
    says: "the leap in any orthonormal basis is at most the isotropic one",
    reference: "theory 11.6.3",
    checks: &[at_seeds(
        "the leap in a basis is at most the isotropic one",
        "polynomials of degree up to 3 in up to three coordinates, rational rotations",
        "at least",
        largest,
    )],
    ..Statement::NONE
};

fn largest(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (f, rotated) = turned(&mut rng(context, 1163)?);
    let isotropic = degree(Leaps::of(&f).isotropic);
    let bases = [degree(Leaps::of(&rotated).in_basis), degree(Leaps::of(&f).in_basis)];
    let sides = |basis: f64| match form {
        Form::Stated => at_most("leap in a basis", basis, isotropic, 0.0),
        Form::Control => at_most("leap in a basis", isotropic, basis, 0.0),
    };
    Ok(bases.into_iter().map(sides).collect())
}

/// **11.6.4 Population flow of one neuron.** On the sphere the velocity of `m = U w` is
/// `grad Phi - (m.grad Phi) m`, `Phi = sum_alpha c_alpha s_k sqrt(k!/alpha!) m^alpha`; it is
/// `E[y sigma'(a)(z - m a)]`.
///
/// By a product rule in three variables, exact for these degrees. Hypotheses: two directions,
/// degrees up to 3. Control: the rule without the term `m a`. Source: theory 11.6.4
/// \\[Abbe2023\\].
pub static POPULATION_FLOW: Statement = Statement {
    id: "11.6.4",
    says: "the population velocity of one neuron in closed form",
    reference: "theory 11.6.4",
    checks: &[at_seeds(
        "the velocity is E[y sigma'(a)(z - m a)]",
        "two directions, degrees up to 3",
        "without m a, off the sphere",
        flow,
    )],
    ..Statement::NONE
};

fn flow(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1164)?;
    let mut target = HermiteTarget::new();
    for alpha in [[1, 0], [1, 1], [0, 2], [2, 1], [0, 3]] {
        target.insert(alpha.to_vec(), rng.sample(StandardNormal));
    }
    let s: Vec<f64> = (0..4).map(|_| rng.sample(StandardNormal)).collect();
    let m = [rng.random_range(-0.7..0.7_f64), rng.random_range(-0.7..0.7_f64)];
    let closed = PopulationFlow::new(&target, &s, 1.0)?;
    let mut velocity = [0.0; 2];
    closed.velocity(&m, &mut velocity);
    let slope =
        |a: f64| -> f64 { (1..4).map(|k| s[k] * (k as f64).sqrt() * hermite(k - 1, a)).sum() };
    let value = |z: [f64; 2]| -> f64 {
        let term = |alpha: &[u32], c: f64| {
            c * hermite(alpha[0] as usize, z[0]) * hermite(alpha[1] as usize, z[1])
        };
        target.iter().map(|(alpha, c)| term(alpha, *c)).sum()
    };
    let rule = GaussHermite::new(8)?;
    let weights = rule.weights();
    let rest = (1.0 - m[0] * m[0] - m[1] * m[1]).sqrt();
    let kept = form.choose(1.0, 0.0);
    let i = rng.random_range(0..2);
    let mut sum = 0.0;
    for (x, p) in rule.nodes().iter().zip(&weights) {
        for (y, q) in rule.nodes().iter().zip(&weights) {
            for (g, r) in rule.nodes().iter().zip(&weights) {
                let z = [*x, *y];
                let a = m[0] * x + m[1] * y + rest * g;
                sum += p * q * r * value(z) * slope(a) * (z[i] - kept * m[i] * a);
            }
        }
    }
    let size: f64 =
        target.values().map(|c| c.abs()).sum::<f64>() * s.iter().map(|s| s.abs()).sum::<f64>();
    Ok(vec![equal("a coordinate of the velocity", velocity[i], sum, 1024.0 * f64::EPSILON * size)])
}

/// One step of online descent on the sphere in `d` dimensions and in the reduced chain, on the same
/// sample: the overlaps after it.
fn coupled(
    rng: &mut ChaCha8Rng,
    lookahead: f64,
    wrong_rest: bool,
    wrong_length: bool,
) -> Result<Vec<Sides>, TheoryError> {
    let dimension = rng.random_range(3..20_usize);
    let loss = if rng.random::<bool>() { Loss::Correlation } else { Loss::Square };
    let (student, teacher) = (rng.random_range(1..4), rng.random_range(1..4));
    let delta = rng.random_range(0.05..1.0_f64);
    let m = rng.random_range(-0.9..0.9_f64);
    let rule = Rule { student: hermite_student(student), loss, lookahead };
    let target = move |z: f64| hermite(teacher, z);
    let chain = SphereChain::new(rule, target, dimension, delta)?;
    let normals = |rng: &mut ChaCha8Rng| -> Vec<f64> {
        (0..dimension).map(|_| rng.sample(StandardNormal)).collect()
    };
    let dot = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(a, b)| a * b).sum() };
    // A weight of length one whose first coordinate is m.
    let mut w = normals(rng);
    w[0] = 0.0;
    let scale = ((1.0 - m) * (1.0 + m)).sqrt() / dot(&w, &w).sqrt();
    for x in &mut w {
        *x *= scale;
    }
    w[0] = m;
    let x = normals(rng);
    let a = dot(&w, &x);
    let r = ((1.0 - m) * (1.0 + m)).sqrt();
    let b = (x[0] - m * a) / r;
    let square = dot(&x, &x);
    let rest = square - a * a - b * b;
    // The control counts what lies along the neuron among the rest.
    let reduced = chain.update(m, a, b, if wrong_rest { rest + a * a } else { rest });
    let d = dimension as f64;
    let seen = if wrong_length { 1.0 } else { square / d };
    let f = delta / d * rule.force(target(x[0]), a, seen);
    w.iter_mut().zip(&x).for_each(|(w, x)| *w += f * (x - a * *w));
    let full = w[0] / dot(&w, &w).sqrt();
    // A fraction of numbers up to 1 + f |x|, each with some roundings of d terms; b has lost 1/r.
    let rounding = 32.0 * (d + 8.0) * f64::EPSILON * (1.0 + f.abs() * (1.0 + square)) / r;
    Ok(vec![equal("the overlap after a step", reduced, full, rounding)])
}

/// **11.7.1 Reduced chain.** A step of online descent on the sphere moves the overlap `m` to
/// `(m + f r b)/sqrt(1 + f^2 (b^2 + q))`, `f = eta e sigma'(a)`, with `a`, `b` and `q` of the
/// sample: no vector is needed.
///
/// On the same sample in `d` dimensions. Hypotheses: Hermite students and targets of degrees up to
/// 3, both losses. Control: what lies along the neuron counted in `q`. Source: theory 11.7.1
/// \\[BenArous2021\\].
pub static REDUCED_CHAIN: Statement = Statement {
    id: "11.7.1",
    says: "online descent on the sphere is a chain in the overlap alone",
    reference: "theory 11.7.1",
    checks: &[at_seeds(
        "the step of the chain is that in d dimensions",
        "Hermite students and targets of degrees up to 3, both losses",
        "the square along the neuron counted among the rest",
        |context, form| coupled(&mut rng(context, 1171)?, 0.0, form == Form::Control, false),
    )],
    ..Statement::NONE
};

/// **11.7.2 The drift.** `b(m) = E[e sigma'(a)(z - m a)] = (1 - m^2) sum_k k c_k s_k m^{k-1}`, the
/// same for both losses.
///
/// By a product rule, exact for these degrees. Hypotheses: degrees up to 3. Control: without
/// `1 - m^2`. Source: theory 11.7.2 \\[BenArous2021\\].
pub static DRIFT: Statement = Statement {
    id: "11.7.2",
    says: "the drift of online descent in closed form, the same for both losses",
    reference: "theory 11.7.2",
    checks: &[at_seeds(
        "E[e sigma'(a)(z - m a)] in closed form",
        "degrees up to 3, both losses",
        "without 1 - m^2",
        drift,
    )],
    ..Statement::NONE
};

fn drift(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1172)?;
    let draw = |rng: &mut ChaCha8Rng| -> [f64; 4] {
        std::array::from_fn(|k| if k == 0 { 0.0 } else { rng.sample(StandardNormal) })
    };
    let (c, s) = (draw(&mut rng), draw(&mut rng));
    let m = rng.random_range(-0.95..0.95_f64);
    let loss = if rng.random::<bool>() { Loss::Correlation } else { Loss::Square };
    let student = move |a: f64| {
        let value = (1..4).map(|k| s[k] * hermite(k, a)).sum();
        (value, (1..4).map(|k| s[k] * (k as f64).sqrt() * hermite(k - 1, a)).sum())
    };
    let target = move |z: f64| (1..4).map(|k| c[k] * hermite(k, z)).sum::<f64>();
    let problem = SingleIndex::new(Rule { student, loss, lookahead: 0.0 }, target)?;
    let sphere = form.choose((1.0 - m) * (1.0 + m), 1.0);
    let closed = sphere * (c[1] * s[1] + 2.0 * c[2] * s[2] * m + 3.0 * c[3] * s[3] * m * m);
    // A thousand products; the square loss adds the student's own energy.
    let size = |x: &[f64]| x.iter().map(|x| x.abs()).sum::<f64>();
    let scale = size(&s) * (size(&c) + size(&s));
    Ok(vec![equal("drift", problem.moments(m).drift, closed, 4096.0 * f64::EPSILON * scale)])
}

/// **11.7.7 Quadratic networks.** With one neuron and one direction the matrix equations are
/// `dM/dt = 6 M (1 - Q)`,
/// `dQ/dt = 4 (Q + 2 M^2 - 3 Q^2) + 4 gamma (3 Q + 12 M^2 - 6 Q^2 - 24 Q M^2 + 15 Q^3 + Delta Q)`.
///
/// Hypotheses: none. Control: without the noise of the labels. Source: theory 11.7.7
/// \\[Arnaboldi2023\\].
pub static QUADRATIC_NETWORK: Statement = Statement {
    id: "11.7.7",
    says: "the equations of quadratic networks at one neuron and one direction",
    reference: "theory 11.7.7",
    checks: &[at_seeds(
        "the matrix equations at one neuron and one direction",
        "-",
        "without the noise of the labels",
        quadratic,
    )],
    ..Statement::NONE
};

fn quadratic(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1177)?;
    let one = |x: f64| Matrix::from_fn(1, 1, |_, _| x);
    let (m, q) = (rng.random_range(-1.0..1.0_f64), rng.random_range(0.1..2.0_f64));
    let (gamma, noise) = (rng.random_range(0.05..0.5_f64), rng.random_range(0.1..1.0_f64));
    let network = QuadraticNetwork { teacher: one(1.0), gamma, noise, sphere: false };
    let found = network.velocity(&QuadraticState { overlaps: one(m), gram: one(q) });
    let (m2, seen) = (m * m, form.choose(noise, 0.0));
    let inside = 3.0 * q + 12.0 * m2 - 6.0 * q * q - 24.0 * q * m2 + 15.0 * q.powi(3) + seen * q;
    let gram = 4.0 * (q + 2.0 * m2 - 3.0 * q * q) + 4.0 * gamma * inside;
    let rounding = 64.0 * f64::EPSILON * (16.0 + 200.0 * q.powi(3));
    let pulled = form.choose(6.0, 5.0) * m * (1.0 - q);
    Ok(vec![
        equal("dQ/dt", found.gram[(0, 0)], gram, rounding),
        equal("dM/dt", found.overlaps[(0, 0)], pulled, rounding),
    ])
}

/// **11.8.5 The size of a signal.** For levels `y_1 < ... < y_B`,
/// `sum_b (F_k(y_{b+1}) - F_k(y_b))^2/(F_0(y_{b+1}) - F_0(y_b)) <= lambda_k^2`.
///
/// The left side is certified by enclosures. Hypotheses: any levels; here `He_3` at `k = 1`.
/// Control: `lambda_k^2` times one tenth. Source: theory 11.8.5 \\[Damian2024\\].
pub static SIGNAL: Statement = Statement {
    id: "11.8.5",
    says: "what level sets show of a signal is at most all of it",
    reference: "theory 11.8.5",
    checks: &[at_seeds(
        "the signal between levels is at most lambda_k^2",
        "He3 at degree 1",
        "a tenth of lambda_k^2",
        signal,
    )],
    ..Statement::NONE
};

/// `lambda_1^2` of `He_3`, computed once.
static SIGNAL_OF_HE3: LazyLock<Result<f64, MechanismError>> =
    LazyLock::new(|| squared_signal(&Expression::Hermite(3, Box::new(Expression::Variable(0))), 1));

fn signal(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1185)?;
    let link = Expression::Hermite(3, Box::new(Expression::Variable(0)));
    let mut levels: Vec<f64> = (0..3).map(|_| rng.random_range(-4.0..4.0)).collect();
    levels.sort_by(f64::total_cmp);
    let tuning = Tuning { narrowest: 2.0_f64.powi(-20), ..Tuning::default() };
    let sums: Vec<_> = levels
        .iter()
        .map(|level| {
            let set = LevelSet::of(|cell| link.evaluate(&[cell]), *level, &tuning);
            (set.sum(0), set.sum(1))
        })
        .collect();
    let whole = form.choose(1.0, 0.1) * SIGNAL_OF_HE3.clone()?;
    Ok(vec![at_most("signal between levels", squared_signal_bound(&sums), whole, 1e-7 * whole)])
}

/// **11.9.1 A second look.** The same chain with the gradient taken at
/// `a + rho_0 e sigma'(a) |x|^2/d`.
///
/// On the same sample in `d` dimensions. Hypotheses: as for 11.7.1, `rho_0` of both signs. Control:
/// `|x|^2` replaced by `d`. Source: theory 11.9.1 \\[Arnaboldi2024\\].
pub static SECOND_LOOK: Statement = Statement {
    id: "11.9.1",
    says: "online descent with a second look is a chain in the overlap alone",
    reference: "theory 11.9.1",
    checks: &[at_seeds(
        "the step of the chain with a second look is that in d dimensions",
        "Hermite students and targets of degrees up to 3, both losses",
        "the squared length of the sample replaced by d",
        |context, form| {
            let mut rng = rng(context, 1191)?;
            let lookahead = rng.random_range(-0.5..0.5_f64);
            coupled(&mut rng, lookahead, false, form == Form::Control)
        },
    )],
    ..Statement::NONE
};

/// **11.9.2 What a second look sees.** Student `h_2`, correlation loss, target `h_n`:
/// `B(m) = 2 m (1 - m^2)(1{n = 2} + 2 rho_0 n)`.
///
/// By a product rule, exact for these degrees. Hypotheses: `n` up to 4. Control: no second look.
/// Source: theory 11.9.2 \\[Arnaboldi2024\\].
pub static REUSE: Statement = Statement {
    id: "11.9.2",
    says: "the drift of a second look at a target of any degree",
    reference: "theory 11.9.2",
    checks: &[at_seeds(
        "the drift of a second look in closed form",
        "a student of degree 2, targets of degrees up to 4",
        "no second look",
        reuse,
    )],
    ..Statement::NONE
};

fn reuse(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1192)?;
    let n = rng.random_range(1..=4_usize);
    let (rho, m) = (rng.random_range(-0.5..0.5_f64), rng.random_range(-0.9..0.9_f64));
    let student = hermite_student(2);
    let lookahead = form.choose(rho, 0.0);
    let rule = Rule { student, loss: Loss::Correlation, lookahead };
    let problem = SingleIndex::new(rule, move |z| hermite(n, z))?;
    let own = if n == 2 { 1.0 } else { 0.0 };
    let closed = 2.0 * m * (1.0 - m) * (1.0 + m) * (own + 2.0 * rho * n as f64);
    Ok(vec![equal("drift", problem.moments(m).drift, closed, 65536.0 * f64::EPSILON)])
}
