//! Exponents and online gradient descent: 11.6 to 11.9.

use super::{at_most, at_seeds, equal, rng};
use crate::abbe2023::{HermiteTarget, PopulationFlow};
use crate::arnaboldi2023::{QuadraticNetwork, QuadraticState};
use crate::ben_arous2021::SingleIndex;
use crate::damian2024::{
    overlap_moment, squared_advantage, squared_signal, squared_signal_with_noise,
};
use crate::error::MechanismError;
use crate::exponents::leap::{cayley_rotation, filtration, leap_of_support};
use crate::exponents::level_set::{LevelSet, Tuning, squared_signal_bound};
use crate::exponents::rational::{RationalPolynomial, integer};
use crate::exponents::{Expression, Leaps};
use crate::matrix::Matrix;
use crate::numerics::{density, integral};
use crate::order_parameters::{Loss, Rule, SphereChain, hermite_student};
use gradiometer_hermite::Enclosure;
use gradiometer_hermite::polynomial::hermite;
use gradiometer_hermite::quadrature::GaussHermite;
use gradiometer_theory::{Context, Form, Sides, Statement, TheoryError};
use num_rational::BigRational;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::sync::LazyLock;

pub(super) static STATEMENTS: [&Statement; 15] = [
    &LEAP,
    &ISOTROPIC_LEAP,
    &LARGEST_LEAP,
    &POPULATION_FLOW,
    &REDUCED_CHAIN,
    &DRIFT,
    &QUADRATIC_NETWORK,
    &LEVEL_SETS,
    &TOTAL_DERIVATIVE,
    &NOISE,
    &SIGNAL,
    &ADVANTAGE,
    &LABEL_POWERS,
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

/// How finely the level sets of the statements are split: their enclosures then have some `1e-8`.
fn coarse() -> Tuning {
    Tuning { narrowest: 2.0_f64.powi(-30), ..Tuning::default() }
}

/// What a quadrature of 20 points on panels of a third leaves out of `h_k phi` up to degree 5, and its rounding.
const QUADRATURE: f64 = 1e-13;

/// **11.8.1 Level-set sums.** `F_k(y) = E[h_k(z) 1{g(z) <= y}]` is
/// `-(1/sqrt k) sum [h_{k-1}(b) phi(b) - h_{k-1}(a) phi(a)]` over the intervals `(a, b)` of `{g <= y}`.
///
/// The left side by bisection with an interval extension of `g` alone, the right by quadrature of `h_k phi` between the roots.
/// Hypotheses: a cubic with three known roots, level 0. Control: the interval between the other two roots. Source: theory 11.8.1
/// \\[Damian2024\\].
pub static LEVEL_SETS: Statement = Statement {
    id: "11.8.1",
    says: "what a level set holds of a Hermite polynomial is a sum over its ends",
    reference: "theory 11.8.1",
    checks: &[at_seeds(
        "the sum over the ends is the integral over the set",
        "cubics with three known roots, level 0",
        "the interval between the other two roots",
        level_sets,
    )],
    ..Statement::NONE
};

fn level_sets(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1181)?;
    let mut roots: [f64; 3] = std::array::from_fn(|_| rng.random_range(-2.0..2.0));
    roots.sort_by(f64::total_cmp);
    let k = rng.random_range(1..=5_u32);
    let product = |z: Enclosure| (z - roots[0]) * (z - roots[1]) * (z - roots[2]);
    let found = LevelSet::of(product, 0.0, &coarse()).sum(k);
    let part = |low: f64, high: f64, panels| {
        integral(|z| hermite(k as usize, z) * density(z), low, high, panels)
    };
    let [a, b, c] = roots;
    let (low, high) = form.choose((b, c), (a, b));
    let exact = part(-13.0, a, 48)? + part(low, high, 12)?;
    Ok(vec![equal("F_k", found.midpoint(), exact, found.radius() + QUADRATURE)])
}

/// **11.8.2 Zero by a rule.** A function `G(q)` of `q = h_{k-1} phi` has `F_k(y) = 0` at every level, since
/// `h_k phi = -(h_{k-1} phi)'/sqrt k`.
///
/// Within the enclosure. Hypotheses: `k = 2` and `z exp(-z^2/2)`, its square, and what they are mapped to by `tanh`; any level.
/// Control: degree 4 of the square. Source: theory 11.8.2 \\[Damian2024\\].
pub static TOTAL_DERIVATIVE: Statement = Statement {
    id: "11.8.2",
    says: "a function of h_1 phi shows nothing of degree 2",
    reference: "theory 11.8.2",
    checks: &[at_seeds(
        "F_2 is zero at every level",
        "functions of z exp(-z^2/2)",
        "degree 4",
        total_derivative,
    )],
    ..Statement::NONE
};

fn total_derivative(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1182)?;
    let links = ["z exp(-z^2/2)", "z^2 exp(-z^2)", "tanh(5 z^2 exp(-z^2))"];
    let which = form.choose(rng.random_range(0..3_usize), rng.random_range(1..3));
    let link = Expression::parse(links[which])?;
    // The links lie between 0 and these for z > 0.
    let level = rng.random_range(0.05..0.95) * [0.606, 0.367, 0.95][which];
    let set = LevelSet::of(|cell| link.evaluate(&[cell]), level, &coarse());
    let found = set.sum(form.choose(2, 4));
    Ok(vec![equal("F_2", found.midpoint(), 0.0, found.radius() + f64::EPSILON)])
}

/// **11.8.4 Noise.** For `y = g(z) + tau xi` the signal `lambda_k^2 = E E[h_k | y]^2` does not rise with `tau`, and is zero where
/// it is zero without noise.
///
/// By quadrature. Hypotheses: `g` a sum of a wave and a bump; for the zero `z^2 exp(-z^2)`, degrees 1 to 3. Control: that it rises, and
/// degree 4. Source: theory 11.8.4 \\[Damian2024\\].
pub static NOISE: Statement = Statement {
    id: "11.8.4",
    says: "additive noise takes from a signal, and makes none where there is none",
    reference: "theory 11.8.4",
    checks: &[at_seeds(
        "the signal at the larger noise is at most that at the smaller",
        "the sum of a wave and a bump; z^2 exp(-z^2) for the zero",
        "at least, and degree 4 for the zero",
        noise,
    )],
    ..Statement::NONE
};

/// Quadrature of the signals at these noise levels, relative to at most `k`.
const SIGNALS: f64 = 1e-9;
/// The square of what rounding leaves of a sum that is zero.
const NOTHING: f64 = 1e-22;

fn noise(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1184)?;
    let (frequency, size) = (rng.random_range(0.5..2.0_f64), rng.random_range(-2.0..2.0_f64));
    let small = rng.random_range(0.3..0.6_f64);
    let large = small * rng.random_range(1.2..2.0_f64);
    let link = |z: f64| (frequency * z).sin() + size * z * z * (-z * z).exp();
    let k = rng.random_range(1..=3_usize);
    let less = squared_signal_with_noise(link, 3, large)?[k];
    let more = squared_signal_with_noise(link, 3, small)?[k];
    let (low, high) = form.choose((less, more), (more, less));
    let bump = |z: f64| z * z * (-z * z).exp();
    let signals = squared_signal_with_noise(bump, 4, small)?;
    let none = signals[form.choose(k, 4)];
    Ok(vec![
        at_most("lambda_k^2 with more noise", low, high, SIGNALS),
        equal("lambda_k^2 of z^2 exp(-z^2)", none, 0.0, NOTHING),
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

/// **11.8.6 The low-degree advantage.** `Adv^2 = sum_p [s^p] (1 + sum_k lambda_k^2 s^k)^n E t^p` with
/// `E t^{2p} = (2p - 1)!!/prod_{i<p} (d + 2i)`.
///
/// The coefficients of the power by multiplying it out, the moments by quadrature over the sphere. Hypotheses: two signals, degrees up
/// to 6, up to 12 samples. Control: moments of `d + i`. Source: theory 11.8.6 \\[Damian2024\\].
pub static ADVANTAGE: Statement = Statement {
    id: "11.8.6",
    says: "the low-degree advantage by a recurrence, with the moments of an overlap at random",
    reference: "theory 11.8.6",
    checks: &[at_seeds(
        "the recurrence is the power multiplied out",
        "two signals, degrees up to 6, up to 12 samples",
        "the moments with d + i for d + 2 i",
        advantage,
    )],
    ..Statement::NONE
};

fn advantage(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    const DEGREE: usize = 6;
    let mut rng = rng(context, 1186)?;
    let mut signals = vec![0.0; 5];
    for _ in 0..2 {
        signals[rng.random_range(1..=4_usize)] = rng.random_range(0.1..1.0);
    }
    let (n, d) = (rng.random_range(2..=12_u32), f64::from(rng.random_range(6..=40_u32)));
    let mut power = vec![1.0];
    power.resize(DEGREE + 1, 0.0);
    for _ in 0..n {
        let mut next = power.clone();
        for (k, signal) in signals.iter().enumerate().skip(1) {
            for p in k..=DEGREE {
                next[p] += signal * power[p - k];
            }
        }
        power = next;
    }
    let (mut sum, mut wrong) = (1.0, 1.0);
    for p in 1..=3_u32 {
        let own = power[2 * p as usize];
        sum += own * overlap_moment(p, d)?;
        let moment: f64 = (0..p).map(|i| f64::from(2 * i + 1) / (d + f64::from(i))).product();
        wrong += own * moment;
    }
    let found = squared_advantage(&signals, f64::from(n), d, DEGREE);
    // Sums of positive numbers, and a quadrature.
    Ok(vec![equal("squared advantage", found, form.choose(sum, wrong), 1e-10 * sum)])
}

/// **11.8.8 Powers of the label.** The leap of `f, f^2, f^3` together is at most the isotropic leap of `f`: what a transform of the label
/// shows only helps.
///
/// Exact, in rationals. Hypotheses: polynomials of degree up to 3 in up to three coordinates. Control: at least. Source: theory 11.8.8
/// \\[Damian2024\\].
pub static LABEL_POWERS: Statement = Statement {
    id: "11.8.8",
    says: "powers of the label bound the generative leap by at most the isotropic one",
    reference: "theory 11.8.8",
    checks: &[at_seeds(
        "the leap of the powers is at most that of the label",
        "polynomials of degree up to 3 in up to three coordinates",
        "at least",
        label_powers,
    )],
    ..Statement::NONE
};

fn label_powers(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (f, _) = turned(&mut rng(context, 1188)?);
    let square = f.times(&f);
    let powers = [f.clone(), square.clone(), square.times(&f)];
    let of_powers = degree(filtration(&powers).iter().map(|(k, _)| *k).max());
    let own = degree(Leaps::of(&f).isotropic);
    let (low, high) = form.choose((of_powers, own), (own, of_powers));
    Ok(vec![at_most("leap of the powers of the label", low, high, 0.0)])
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
