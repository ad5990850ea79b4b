//! 11.9.2 and 11.9.6: a second look at each sample, the exact chain beside its limits, and the published runs.
//!
//! Which targets benefit is `study reuse`.

use super::Size;
use super::comparison::{self, Experiment, Pair, Row, indicator, whole};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::MechanismError;
use gradiometer_mechanisms::arnaboldi2024::{RepeatedRelu, relu_square_force};
use gradiometer_mechanisms::ben_arous2021::{SingleIndex, stationary_deviation};
use gradiometer_mechanisms::order_parameters::{
    FreeChain, FreeWork, Loss, Overlaps, Rule, SphereChain, hermite_student, relu_student, stream,
};

type Student = fn(f64) -> (f64, f64);
type Target = fn(f64) -> f64;

const H2: Student = |a| hermite_student(2)(a);
const ON_H3: Target = |z| hermite_student(3)(z).0;
const ON_H4: Target = |z| hermite_student(4)(z).0;

/// A student of degree 2 on a target that it sees only at the second look.
#[derive(Clone, Copy)]
struct Worked {
    target: Target,
    lookahead: f64,
    delta: f64,
    time: &'static str,
    never: &'static str,
}

const WORKED: [Worked; 2] = [
    Worked {
        target: ON_H3,
        lookahead: 0.1,
        delta: 0.1,
        time: "the escape time of h2 on h3 with rho0 = 0.1",
        never: "the share of runs of h2 on h3 that escape by twice that time without a second look",
    },
    Worked {
        target: ON_H4,
        lookahead: 0.05,
        delta: 0.02,
        time: "the escape time of h2 on h4 with rho0 = 0.05",
        never: "the share of runs of h2 on h4 that escape by twice that time without a second look",
    },
];
/// Where a run has escaped.
const ESCAPED: f64 = 0.3;
/// What the law leaves out of an escape time at `d = 1000`, in units of `1/lambda`; it falls as `d^{-1/2}`.
const FINITE_SIZE: f64 = 0.2;

/// Escape beside the diffusion's mean. The controls: the law without the noise of the first steps, and no second look.
fn escape(of: Worked, d: usize, seeds: usize) -> Result<Vec<Experiment>, MechanismError> {
    let Worked { target, lookahead, delta, time, never } = of;
    let rule = move |lookahead| Rule { student: H2, loss: Loss::Correlation, lookahead };
    let problem = SingleIndex::new(rule(lookahead), target)?;
    let law = problem.escape(delta, ESCAPED)?;
    let size = d as f64;
    let predicted = problem.diffusion_time(delta, ESCAPED, size, true)?;
    let without = law.mean(size) + 0.5 * law.noise_factor.ln() / law.rate;
    let room = |time: f64| FINITE_SIZE / law.rate * (1000.0 / size).sqrt() / time;
    let rows = [
        Row::stated("11.9.2", time, d, room(predicted)),
        Row::control("11.9.2", time, d, room(without)),
    ];
    let run = move |lookahead: f64, limit: f64, seed: u64| -> Result<Option<u64>, Failure> {
        let chain = SphereChain::new(rule(lookahead), target, d, delta)?;
        let mut rng = stream(1192, seed);
        let start = chain.random_start(&mut rng);
        Ok(chain.first_passage(start, whole(limit * size), |m| m.abs() >= ESCAPED, &mut rng))
    };
    let escapes = Experiment::new(rows, seeds, move |seed| {
        let tau = run(lookahead, 100.0 * predicted, seed)?.map_or(f64::NAN, |n| n as f64 / size);
        Ok(vec![(tau, predicted), (tau, without)])
    });
    let rows = [Row::control("11.9.2", never, d, 0.0)];
    let control = Experiment::new(rows, seeds.min(20), move |seed| {
        Ok(vec![(indicator(run(0.0, 2.0 * predicted, seed)?.is_some()), 1.0)])
    });
    Ok(vec![escapes, control])
}

/// Without an instability `d m^2` is that of an Ornstein-Uhlenbeck process: no second look, and one of the wrong sign.
fn noise(d: usize, seeds: usize) -> Vec<Experiment> {
    // Relative corrections are of the order of the variances 7 and 2.4 over d.
    let cases = [
        (0.0, "d m^2 of h2 on h3 without a second look", 600.0, 200.0),
        (-0.1, "d m^2 of h2 on h3 with rho0 = -0.1", 250.0, 60.0),
    ];
    let experiment = |(lookahead, name, correction, tau): (f64, &'static str, f64, f64)| {
        let rows = [Row::stated("11.9.2", name, d, correction / d as f64)];
        Experiment::new(rows, seeds, move |seed| {
            let delta = 0.1;
            let rule = Rule { student: H2, loss: Loss::Correlation, lookahead };
            let problem = SingleIndex::new(rule, ON_H3)?;
            let at = problem.moments(0.0);
            let rate = delta * problem.start().1 - 0.5 * delta * delta * at.noise;
            let predicted = stationary_deviation(delta, at.spread, rate);
            let chain = SphereChain::new(rule, ON_H3, d, delta)?;
            let mut rng = stream(11_920, seed);
            let start = chain.random_start(&mut rng);
            let m = chain.run(start, whole(tau * d as f64), &mut rng);
            Ok(vec![(d as f64 * m * m, predicted * predicted)])
        })
    };
    cases.into_iter().map(experiment).collect()
}

const RELU: [&str; 4] = [
    "the overlap of a ReLU on h3 at tau = 10",
    "the overlap of a ReLU on h3 at tau = 20",
    "the overlap of a ReLU on h3 at tau = 30",
    "the overlap of a ReLU on h3 at tau = 40",
];

/// ReLU on `h_3`, on the sphere, beside its flow. The control: the chain without a second look.
fn relu(d: usize, seeds: usize) -> Result<Experiment, MechanismError> {
    const LOOKAHEAD: f64 = 0.5;
    const DELTA: f64 = 0.2;
    // O(1/d) on average.
    let room = 50.0 / d as f64;
    let mut rows: Vec<Row> = RELU.iter().map(|name| Row::stated("11.9.2", name, d, room)).collect();
    rows.push(Row::control("11.9.2", RELU[3], d, room));
    let path =
        RepeatedRelu::new(ON_H3, LOOKAHEAD).sphere_trajectory(DELTA, &[10.0, 20.0, 30.0, 40.0])?;
    Ok(Experiment::new(rows, seeds, move |seed| {
        let run = |lookahead| -> Result<Vec<f64>, Failure> {
            let student: Student = relu_student;
            let rule = Rule { student, loss: Loss::Correlation, lookahead };
            let chain = SphereChain::new(rule, ON_H3, d, DELTA)?;
            let (mut rng, mut m) = (stream(1193, seed), 0.0);
            let ends = (0..4).map(|_| {
                m = chain.run(m, 10 * d as u64, &mut rng);
                m
            });
            Ok(ends.collect())
        };
        let (found, without) = (run(LOOKAHEAD)?, run(0.0)?);
        let mut pairs: Vec<Pair> = found.iter().zip(&path).map(|(x, y)| (*x, *y)).collect();
        pairs.push((without[3], path[3]));
        Ok(pairs)
    }))
}

/// A published schedule: target, steps over `d`, and what is measured.
#[derive(Clone, Copy)]
struct Published {
    target: Target,
    logarithm: bool,
    times: f64,
    name: &'static str,
}

const PUBLISHED: [Published; 3] = [
    Published {
        target: |z| z * z - 1.0,
        logarithm: true,
        times: 100.0,
        name: "|cos| with He2 after 100 d log d steps",
    },
    Published {
        target: |z| z * z * z - 3.0 * z,
        logarithm: false,
        times: 50.0,
        name: "|cos| with He3 after 50 d steps",
    },
    Published {
        target: |z| (z * z - 6.0) * z * z + 3.0,
        logarithm: true,
        times: 500.0,
        name: "|cos| with He4 after 500 d log d steps",
    },
];

/// 11.9.6: one ReLU neuron with free weights and square loss, `delta = 0.01`, `rho_0 = 0.1`, each sample twice.
/// `expected` is a cosine and its relative error. The control: each sample once.
fn published(which: usize, d: usize, expected: (f64, f64), seeds: usize) -> Experiment {
    let Published { target, logarithm, times, name } = PUBLISHED[which];
    let mut rows = vec![Row::stated("11.9.6", name, d, expected.1)];
    if which > 0 {
        rows.push(Row::control("11.9.6", name, d, expected.1));
    }
    let control = which > 0;
    Experiment::new(rows, seeds, move |seed| {
        let size = d as f64;
        let steps = whole(times * size * if logarithm { size.ln() } else { 1.0 });
        let run = |lookahead: f64| -> Result<f64, Failure> {
            let fill =
                |a: &[f64], z: &[f64], g: &mut [f64]| g[0] = relu_square_force(target(z[0]), a[0]);
            let chain = FreeChain::new(fill, 1, 1, d, 0.01, lookahead)?;
            let mut rng = stream(1196, seed);
            let mut overlaps = Overlaps {
                neurons: 1,
                directions: 1,
                with_teacher: vec![0.0],
                among_students: vec![1.0],
            };
            let mut work = FreeWork::default();
            for _ in 0..steps {
                chain.step(&mut overlaps, &mut work, &mut rng);
            }
            Ok(overlaps.cosines(0)[0].abs())
        };
        let mut pairs = vec![(run(0.1)?, expected.0)];
        if control {
            pairs.push((run(0.0)?, expected.0));
        }
        Ok(pairs)
    })
}

/// The mean cosines of an independent simulation of the same runs, with four of its standard errors: `He_2` and `He_4`
/// at `d = 512` and 2048. `He_4` has 16 and 8 runs.
const SIMULATED: [[(usize, f64, f64); 2]; 2] = [
    [(512, 0.996_584, 4.0 * 1.5e-4), (2048, 0.997_235, 4.0 * 4.3e-5)],
    [(512, 0.403_242, 4.0 * 0.0111), (2048, 0.421_231, 4.0 * 0.0055)],
];

fn repetition(size: Size) -> Result<Vec<Experiment>, MechanismError> {
    let mut all = Vec::new();
    let state =
        RepeatedRelu::new(PUBLISHED[1].target, 0.1).free_square_trajectory(0.01, &[50.0])?[0];
    let cosine = (state[0] / state[1].sqrt()).abs();
    let sizes: &[usize] = match size {
        Size::Quick => &[512],
        Size::Full => &[512, 2048, 8192],
    };
    for d in sizes.iter().copied() {
        all.push(published(1, d, (cosine, 10.0 / d as f64), size.choose(20, 40)));
    }
    if size == Size::Full {
        for which in [0, 2] {
            for (d, mean, error) in SIMULATED[which / 2] {
                all.push(published(which, d, (mean, error / mean), 40));
            }
        }
        // Beyond the reference's sizes: the plateau of the largest of them.
        all.push(published(0, 8192, (SIMULATED[0][1].1, 2e-3), 40));
        all.push(published(2, 8192, (SIMULATED[1][1].1, 0.1), 40));
    }
    Ok(all)
}

fn experiments(size: Size) -> Result<Vec<Experiment>, MechanismError> {
    let mut all = Vec::new();
    match size {
        Size::Quick => all.extend(escape(WORKED[0], 1000, 200)?),
        Size::Full => {
            for of in WORKED {
                for d in [1000, 10_000] {
                    all.extend(escape(of, d, 200)?);
                }
            }
        }
    }
    all.extend(noise(size.choose(1000, 4000), size.choose(20, 200)));
    let sizes: &[usize] = match size {
        Size::Quick => &[1000],
        Size::Full => &[1000, 4000, 16_000],
    };
    for d in sizes.iter().copied() {
        all.push(relu(d, size.choose(12, 60))?);
    }
    all.extend(repetition(size)?);
    Ok(all)
}

pub(super) fn plan(size: Size) -> Plan {
    comparison::plan_of(experiments(size))
}

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, &[])
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, &[])
}
