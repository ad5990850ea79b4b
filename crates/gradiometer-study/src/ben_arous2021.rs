//! 11.7.2 to 11.7.6: online gradient descent on single-index models, the exact chain beside its limits.
//!
//! The flow with its retraction, both sides of the largest step, escape times at information exponents 2, 3 and 4, and
//! batches. The mean escape time at exponent 2 against the dimension is `study online`.

use super::Size;
use super::comparison::{self, Experiment, Form, Pair, Rate, Row, indicator, whole};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_hermite::float::maximum_of;
use gradiometer_mechanisms::MechanismError;
use gradiometer_mechanisms::ben_arous2021::{
    MEAN_LOG_NORMAL, ReluMoments, SingleIndex, explosion_time, plateau_h2, stationary_deviation,
    trajectory,
};
use gradiometer_mechanisms::order_parameters::{
    Loss, Rule, SeveralDirections, SphereChain, hermite_student, relu_student, stream,
};

type Student = fn(f64) -> (f64, f64);
type Target = fn(f64) -> f64;

/// `h_k` on `h_k` for `k` from 2 to 4, and ReLU on ReLU.
#[derive(Clone, Copy)]
enum Matched {
    H2,
    H3,
    H4,
    Relu,
}

impl Matched {
    fn student(self) -> Student {
        match self {
            Self::H2 => |a| hermite_student(2)(a),
            Self::H3 => |a| hermite_student(3)(a),
            Self::H4 => |a| hermite_student(4)(a),
            Self::Relu => relu_student,
        }
    }

    fn target(self) -> Target {
        match self {
            Self::H2 => |z| hermite_student(2)(z).0,
            Self::H3 => |z| hermite_student(3)(z).0,
            Self::H4 => |z| hermite_student(4)(z).0,
            Self::Relu => |z| relu_student(z).0,
        }
    }

    fn rule(self, loss: Loss) -> Rule<Student> {
        Rule { student: self.student(), loss, lookahead: 0.0 }
    }

    fn chain(
        self,
        loss: Loss,
        d: usize,
        delta: f64,
    ) -> Result<SphereChain<Student, Target>, MechanismError> {
        SphereChain::new(self.rule(loss), self.target(), d, delta)
    }

    fn problem(self, loss: Loss) -> Result<SingleIndex<Student, Target>, MechanismError> {
        SingleIndex::new(self.rule(loss), self.target())
    }
}

/// Times `tau` at which the flow is compared: every half up to 12.
fn times() -> Vec<f64> {
    (1..=24).map(|i| 0.5 * f64::from(i)).collect()
}

/// 11.7.2: end and largest distance of the chain and the flow, and of the flow without the retraction.
fn flow(
    (matched, delta, start): (Matched, f64, f64),
    names: [&'static str; 2],
    (d, room): (usize, f64),
    seeds: usize,
) -> Experiment {
    let rows = [
        Row::stated("11.7.2", names[0], d, room),
        Row::stated("11.7.2", names[1], d, 0.0),
        Row::control("11.7.2", names[0], d, room),
    ];
    Experiment::new(rows, seeds, move |seed| {
        let tau = times();
        let (path, without) = if matches!(matched, Matched::Relu) {
            let velocity = |m: f64| ReluMoments::velocity(m, delta, Loss::Correlation);
            let drift = |m: f64| delta * ReluMoments::drift(m);
            (trajectory(velocity, start, &tau)?, trajectory(drift, start, &tau)?)
        } else {
            let problem = matched.problem(Loss::Correlation)?;
            let drift = |m: f64| delta * problem.moments(m).drift;
            (problem.trajectory(start, delta, &tau)?, trajectory(drift, start, &tau)?)
        };
        let chain = matched.chain(Loss::Correlation, d, delta)?;
        let mut rng = stream(1172, seed);
        let mut m = start;
        let distances = path.iter().map(|expected| {
            m = chain.run(m, d as u64 / 2, &mut rng);
            (m - expected).abs()
        });
        let largest = maximum_of(distances);
        let end = path.len() - 1;
        Ok(vec![(m, path[end]), (largest, f64::NAN), (m, without[end])])
    })
}

const ENDS: [&str; 2] =
    ["the overlap of a ReLU at tau = 12", "the largest distance of a ReLU from its flow"];
const ENDS_OF_H2: [&str; 2] =
    ["the overlap of h2 at tau = 12", "the largest distance of h2 from its flow"];

const LEARNT: &str = "the share of runs above 0.9 at tau = 60 with the square loss";
const STUCK: &str = "the share of runs below 4 deviations of the noise at delta = 0.4";
/// `d m^2` of the stuck chain lacks the cubic part of the drift: `42 d/(3 d) 15` of its variance 15 over `d`.
const CUBIC: f64 = 630.0;

/// 11.7.3: both sides of the largest step 1/3 of the square loss, and the noise above the 2 of the correlation loss.
fn threshold(d: usize, seeds: usize) -> Vec<Experiment> {
    let square = move |delta: f64, seed: u64| -> Result<f64, Failure> {
        let chain = Matched::H2.chain(Loss::Square, d, delta)?;
        let mut rng = stream(1173, seed);
        let start = chain.random_start(&mut rng);
        Ok(chain.run(start, 60 * d as u64, &mut rng).abs())
    };
    // Without residual there is no noise: the end is 1 below the largest step.
    let rows = [Row::stated("11.7.3", LEARNT, d, 0.0)];
    let below = Experiment::new(rows, seeds, move |seed| {
        Ok(vec![(indicator(square(0.25, seed)? > 0.9), 1.0)])
    });
    let rows = [Row::stated("11.7.3", STUCK, d, 0.0), Row::control("11.7.3", LEARNT, d, 0.0)];
    let above = Experiment::new(rows, seeds, move |seed| {
        let (delta, problem) = (0.4, Matched::H2.problem(Loss::Square)?);
        let at = problem.moments(0.0);
        let rate = delta * problem.start().1 - 0.5 * delta * delta * at.noise;
        let noise = stationary_deviation(delta, at.spread, rate) / (d as f64).sqrt();
        let m = square(delta, seed)?;
        Ok(vec![(indicator(m < 4.0 * noise), 1.0), (indicator(m > 0.9), 1.0)])
    });
    let room = CUBIC / d as f64;
    let rows = [Row::stated("11.7.3", "d m^2 at delta = 3 with the correlation loss", d, room)];
    let noise = Experiment::new(rows, seeds, move |seed| {
        let (delta, problem) = (3.0, Matched::H2.problem(Loss::Correlation)?);
        let at = problem.moments(0.0);
        let rate = delta * problem.start().1 - 0.5 * delta * delta * at.noise;
        let chain = Matched::H2.chain(Loss::Correlation, d, delta)?;
        let mut rng = stream(1173, seed);
        let start = chain.random_start(&mut rng);
        let m = chain.run(start, 10 * d as u64, &mut rng);
        let deviation = stationary_deviation(delta, at.spread, rate);
        Ok(vec![(d as f64 * m * m, deviation * deviation)])
    });
    vec![below, above, noise]
}

/// What the law leaves out of an escape time at `d = 1000`, in units of `1/lambda`; it falls as `d^{-1/2}`.
const FINITE_SIZE: f64 = 0.2;

/// That relative to a time.
fn room(rate: f64, d: usize, time: f64) -> f64 {
    FINITE_SIZE / rate * (1000.0 / d as f64).sqrt() / time
}

/// 11.7.4 beyond `study online`: the square loss, the spread, and a level too near the plateau.
fn escape(d: usize, seeds: usize) -> Result<Vec<Experiment>, MechanismError> {
    let time = move |loss: Loss, delta: f64, level: f64, seed: u64| -> Result<f64, Failure> {
        let chain = Matched::H2.chain(loss, d, delta)?;
        let mut rng = stream(1174, seed);
        let start = chain.random_start(&mut rng);
        let steps = chain.first_passage(start, 1000 * d as u64, |m| m.abs() >= level, &mut rng);
        Ok(steps.map_or(f64::NAN, |n| n as f64 / d as f64))
    };
    let (delta, level) = (0.1, 0.3);
    let problem = Matched::H2.problem(Loss::Square)?;
    let predicted = problem.diffusion_time(delta, level, d as f64, true)?;
    let law = problem.escape(delta, level)?;
    // The control: the noise of the correlation loss.
    let other = Matched::H2.problem(Loss::Correlation)?;
    let without = other.diffusion_time(delta, level, d as f64, true)?;
    let name = "the escape time with the square loss and delta = 0.1";
    let room = move |time| room(law.rate, d, time);
    let rows = [
        Row::stated("11.7.4", name, d, room(predicted)),
        Row::control("11.7.4", name, d, room(without)),
    ];
    let square = Experiment::new(rows, seeds, move |seed| {
        let time = time(Loss::Square, delta, level, seed)?;
        Ok(vec![(time, predicted), (time, without)])
    });
    let problem = Matched::H2.problem(Loss::Correlation)?;
    let mean = problem.diffusion_time(0.5, level, d as f64, true)?;
    let deviation = problem.escape(0.5, level)?.standard_deviation();
    let name = "the variance of the escape time at delta = 0.5";
    let relative = FINITE_SIZE * (1000.0 / d as f64).sqrt();
    let rows =
        [Row::stated("11.7.4", name, d, relative), Row::control("11.7.4", name, d, relative)];
    let spread = Experiment::new(rows, seeds, move |seed| {
        let off = time(Loss::Correlation, 0.5, level, seed)? - mean;
        // The control: as if the start were the same in every run.
        Ok(vec![(off * off, deviation * deviation), (off * off, 0.0)])
    });
    Ok(vec![square, spread])
}

/// `-E log|G_r|` for `r` standard normals: `-(psi(r/2) + log 2)/2`.
const MEAN_LOGS: [f64; 3] = [MEAN_LOG_NORMAL, -0.057_965_757_829_206_07, -0.364_818_577_269_260_9];
const TWO_WAYS: &str = "the escape time along 2 equivalent directions";
const THREE_WAYS: &str = "the escape time along 3 equivalent directions";

/// 11.7.4 with `r` equivalent directions: the target `h_2(z_1) + ... + h_2(z_r)`, whose flow is that of `|m|`:
/// `(2 delta - r delta^2) m - (2 delta + 4 delta^2) m^3`, since `V(m) = 2 r + 8 m^2`. The control has the
/// logarithm of one direction.
fn directions(r: usize, d: usize, seeds: usize) -> Experiment {
    let name = if r == 2 { TWO_WAYS } else { THREE_WAYS };
    let (delta, level) = (0.2_f64, 0.3_f64);
    let rate = 2.0 * delta - r as f64 * delta * delta;
    let cubic = 2.0 * delta + 4.0 * delta * delta;
    let spread = 2.0 * (5.0 + (r - 1) as f64);
    let constant = level.ln() - 0.5 * (1.0 - cubic * level * level / rate).ln();
    let noise = (delta * delta * spread / (2.0 * rate)).ln_1p();
    let law =
        move |logarithm: f64| (0.5 * (d as f64).ln() + logarithm - 0.5 * noise + constant) / rate;
    let (predicted, wrong) = (law(MEAN_LOGS[r - 1]), law(MEAN_LOGS[0]));
    let rows = [
        Row::stated("11.7.4", name, d, room(rate, d, predicted)),
        Row::control("11.7.4", name, d, room(rate, d, wrong)),
    ];
    Experiment::new(rows, seeds, move |seed| {
        let target = |z: &[f64]| z.iter().map(|z| hermite_student(2)(*z).0).sum::<f64>();
        let rule = Matched::H2.rule(Loss::Correlation);
        let chain = SeveralDirections::new(rule, target, r, d, delta)?;
        let mut rng = stream(11_740 + r as u64, seed);
        let mut m = chain.random_start(&mut rng);
        let there = |m: &[f64]| m.iter().map(|x| x * x).sum::<f64>() >= level * level;
        let steps = chain.first_passage(&mut m, 1000 * d as u64, there, &mut rng);
        let time = steps.map_or(f64::NAN, |n| n as f64 / d as f64);
        Ok(vec![(time, predicted), (time, wrong)])
    })
}

/// `k`, `delta_0` and the names of what is measured.
struct Explosion {
    matched: Matched,
    degree: u32,
    delta_0: f64,
    steps: &'static str,
    limit: &'static str,
    early: &'static str,
}

const EXPLOSIONS: [Explosion; 3] = [
    Explosion {
        matched: Matched::H3,
        degree: 3,
        delta_0: 0.5,
        steps: "steps to escape over d^2 at k = 3 and delta0 = 0.5",
        limit: "the diffusion's steps over d^2 at k = 3 and delta0 = 0.5",
        early: "the share of runs that escape in 20 d log d steps at k = 3 and delta0 = 0.5",
    },
    Explosion {
        matched: Matched::H3,
        degree: 3,
        delta_0: 0.2,
        steps: "steps to escape over d^2 at k = 3 and delta0 = 0.2",
        limit: "the diffusion's steps over d^2 at k = 3 and delta0 = 0.2",
        early: "the share of runs that escape in 20 d log d steps at k = 3 and delta0 = 0.2",
    },
    Explosion {
        matched: Matched::H4,
        degree: 4,
        delta_0: 0.3,
        steps: "steps to escape over d^3 at k = 4 and delta0 = 0.3",
        limit: "the diffusion's steps over d^3 at k = 4 and delta0 = 0.3",
        early: "the share of runs that escape in 20 d log d steps at k = 4 and delta0 = 0.3",
    },
];
/// Where a run has escaped.
const ESCAPED: f64 = 0.5;

/// 11.7.5: steps to escape over `d^{k-1}`, beside the diffusion at this `d`; the diffusion beside its limit; and the
/// share that escapes in `d log d` steps, which is not one.
fn explosion(of: &'static Explosion, d: usize, seeds: usize) -> Result<Experiment, MechanismError> {
    let (size, k) = (d as f64, f64::from(of.degree));
    let delta = of.delta_0 * size.powf(-0.5 * (k - 2.0));
    let scale = size.powf(2.0 - k);
    let even = of.degree.is_multiple_of(2);
    let problem = of.matched.problem(Loss::Correlation)?;
    let predicted = problem.diffusion_time(delta, ESCAPED, size, even)? * scale;
    let limit = explosion_time(of.degree, of.delta_0, 1.0, k, k * (2.0 * k + 1.0))?;
    let rows = [
        Row::stated("11.7.5", of.steps, d, 0.0),
        // The level is not infinitely far, and the step not infinitely small: order d^{-(k-2)/2} or d^{-1/2}.
        Row::stated("11.7.5", of.limit, d, 1.5 / size.sqrt()),
        Row::control("11.7.5", of.early, d, 0.0),
    ];
    Ok(Experiment::new(rows, seeds, move |seed| {
        let chain = of.matched.chain(Loss::Correlation, d, delta)?;
        let mut rng = stream(1175, seed);
        let start = chain.random_start(&mut rng);
        let there = |m: f64| if even { m.abs() >= ESCAPED } else { m >= ESCAPED };
        let steps = chain.first_passage(start, 4_000_000_000, there, &mut rng);
        let steps = steps.map_or(f64::NAN, |n| n as f64);
        let early = indicator(steps <= 20.0 * size * size.ln());
        Ok(vec![(steps * scale / size, predicted), (predicted, limit), (early, 1.0)])
    }))
}

const BATCHES: [(usize, f64, &str); 4] = [
    (1, 0.5, "m^2 at the plateau with B = 1 and delta = 0.5"),
    (4, 2.0, "m^2 at the plateau with B = 4 and delta = 2"),
    (16, 8.0, "m^2 at the plateau with B = 16 and delta = 8"),
    (64, 32.0, "m^2 at the plateau with B = 64 and delta = 32"),
];
const TOO_LARGE: &str = "the share of runs below 0.3 with B = 4 and delta = 8.8";

/// 11.7.6: the plateau depends on `delta/B` alone. The controls: the plateau of `delta` itself, and that of
/// `delta = 2` for a step beyond the largest.
fn batches(d: usize, seeds: usize) -> Result<Vec<Experiment>, MechanismError> {
    let run = move |batch: usize, delta: f64, seed: u64| -> Result<f64, Failure> {
        let chain = Matched::H2.chain(Loss::Correlation, d, delta)?;
        let mut rng = stream(1176, seed);
        let mut m = chain.random_start(&mut rng);
        // To tau = 20 B/delta for the batch.
        for _ in 0..whole(20.0 * d as f64 * batch as f64 / delta) {
            m = chain.batch_step(m, batch, &mut rng);
        }
        Ok(m * m)
    };
    let mut experiments = Vec::new();
    for (batch, delta, name) in BATCHES {
        let each = delta / batch as f64;
        let m = plateau_h2(each);
        let problem = Matched::H2.problem(Loss::Correlation)?;
        // Two standard deviations of the noise at the plateau.
        let step = 1e-4;
        let slope = (problem.velocity(m + step, each) - problem.velocity(m, each)) / step;
        let deviation = stationary_deviation(each, problem.moments(m).spread, slope);
        let room = 2.0 * deviation / (d as f64).sqrt() / m;
        let mut rows = vec![Row::stated("11.7.6", name, d, room)];
        if batch > 1 {
            rows.push(Row::control("11.7.6", name, d, room));
        }
        experiments.push(Experiment::new(rows.clone(), seeds, move |seed| {
            let square = run(batch, delta, seed)?;
            let unscaled = plateau_h2(delta);
            let pairs = [(square, m * m), (square, unscaled * unscaled)];
            Ok(pairs[..rows.len()].to_vec())
        }));
    }
    let rows = [
        Row::stated("11.7.6", TOO_LARGE, d, 0.0),
        Row::control("11.7.6", "m^2 beyond the largest step", d, 0.1),
    ];
    experiments.push(Experiment::new(rows, seeds, move |seed| {
        let square = run(4, 8.8, seed)?;
        let pair: Pair = (indicator(square < 0.09), 1.0);
        Ok(vec![pair, (square, plateau_h2(0.5).powi(2))])
    }));
    Ok(experiments)
}

fn experiments(size: Size) -> Result<Vec<Experiment>, MechanismError> {
    let mut all = Vec::new();
    let sizes: &[usize] = match size {
        Size::Quick => &[100, 400, 1600],
        Size::Full => &[100, 400, 1600, 6400, 100_000],
    };
    let seeds = size.choose(40, 100);
    for d in sizes.iter().copied() {
        all.push(flow((Matched::Relu, 1.0, 0.0), ENDS, (d, 5.0 / d as f64), seeds));
        if d >= 1600 {
            // From 0.1 a run may cross zero: a bias of order 1/d.
            all.push(flow((Matched::H2, 0.5, 0.1), ENDS_OF_H2, (d, 60.0 / d as f64), seeds));
        }
    }
    all.extend(threshold(size.choose(1000, 10_000), size.choose(20, 100)));
    let (sizes, seeds): (&[usize], usize) = match size {
        Size::Quick => (&[1000], 200),
        Size::Full => (&[1000, 10_000], 400),
    };
    for d in sizes.iter().copied() {
        all.extend(escape(d, seeds)?);
        all.push(directions(2, d, seeds));
        all.push(directions(3, d, seeds));
    }
    let sizes: &[(usize, usize)] = match size {
        Size::Quick => &[(0, 100)],
        Size::Full => &[(0, 100), (0, 200), (0, 800), (1, 200), (2, 80), (2, 160)],
    };
    for (of, d) in sizes.iter().copied() {
        all.push(explosion(&EXPLOSIONS[of], d, 200)?);
    }
    all.extend(batches(size.choose(2000, 10_000), size.choose(12, 40))?);
    Ok(all)
}

pub(super) fn plan(size: Size) -> Plan {
    comparison::plan_of(experiments(size))
}

const RATES: &[Rate] = &[
    Rate { statement: "11.7.2", quantity: ENDS[1], form: Form::Stated, exponent: -0.5, room: 0.15 },
    Rate {
        statement: "11.7.2",
        quantity: ENDS[1],
        form: Form::Control,
        exponent: -1.0,
        room: 0.15,
    },
];

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, RATES)
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, RATES)
}
