//! 11.2: the first gradient's singular values and alignment, the leading singular vector after the step, and ridge's
//! error beside the Gaussian engine.

use super::Size;
use super::comparison::{self, Experiment, Pair, Row};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::PolynomialTarget;
use gradiometer_mechanisms::ba2022::{
    Start, gradient_singular_values, measure_alignment, measure_first_gradient, measure_leading,
};
use gradiometer_mechanisms::ridge::relu_engine;
use gradiometer_mechanisms::sample::{self, FirstStep, Label};
use gradiometer_mechanisms::target::Term;

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, &[])
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, &[])
}

pub(super) fn plan(size: Size) -> Plan {
    let mut experiments = first_gradient(size);
    experiments.extend(alignment(size));
    experiments.extend(leading(size));
    experiments.extend(engine(size));
    experiments.extend(step_sizes(size));
    experiments.push(parity(size));
    comparison::plan(experiments)
}

const LINEAR: [([usize; 2], f64); 1] = [([1, 0], 0.8)];
const QUADRATIC: [([usize; 2], f64); 3] = [([2, 0], 0.4), ([0, 2], -0.3), ([1, 1], 0.2)];

/// Degrees one and two of two directions, or the second alone.
fn target(linear: bool) -> Result<PolynomialTarget, Failure> {
    let first = linear.then_some(LINEAR).into_iter().flatten();
    let term =
        |(degrees, coefficient): ([usize; 2], f64)| Term { degrees: degrees.to_vec(), coefficient };
    Ok(PolynomialTarget::new(first.chain(QUADRATIC).map(term).collect())?)
}

/// 11.2.1; the control has no linear part, so that the second singular value is not small beside the first.
fn first_gradient(size: Size) -> Vec<Experiment> {
    let dimensions: &[usize] = size.choose(&[50], &[50, 200, 400]);
    let of = |&d: &usize| {
        let m = 4 * d;
        let finite = 1.0 / (m as f64).sqrt() + 2.0 / d as f64;
        let rows = [
            Row::stated("11.2.1", "first singular value of the gradient", d, finite),
            Row::stated("11.2.1", "second singular value of the gradient", d, finite),
            Row::control("11.2.1", "second over first without a linear part", d, finite),
        ];
        Experiment::new(rows, 10, move |seed| {
            let seeds = seed..seed + 1;
            let [first, second] = measure_first_gradient(&target(true)?, d, m, seeds.clone())?;
            let [without, next] = measure_first_gradient(&target(false)?, d, m, seeds)?;
            let predicted = gradient_singular_values(&target(true)?, d)?;
            Ok(vec![
                (first.measured, first.predicted),
                (second.measured, second.predicted),
                (next.measured / without.measured, predicted[1] / predicted[0]),
            ])
        })
    };
    dimensions.iter().map(of).collect()
}

/// Names of the alignments at a ratio `n/d`.
const ALIGNMENTS: [(usize, [&str; 4]); 2] = [
    (
        1,
        [
            "squared cosine of the step and C_1 at n = d",
            "squared cosine of the moment and C_1 at n = d",
            "squared length of the moment at n = d",
            "squared cosine with shuffled labels at n = d",
        ],
    ),
    (
        4,
        [
            "squared cosine of the step and C_1 at n = 4 d",
            "squared cosine of the moment and C_1 at n = 4 d",
            "squared length of the moment at n = 4 d",
            "squared cosine with shuffled labels at n = 4 d",
        ],
    ),
];

/// 11.2.2; the control's labels are in another order.
fn alignment(size: Size) -> Vec<Experiment> {
    let dimensions: &[usize] = size.choose(&[100], &[100, 400]);
    let mut found = Vec::new();
    for d in dimensions.iter().copied() {
        for (ratio, [step, moment, length, shuffled]) in ALIGNMENTS {
            if size == Size::Quick && ratio == 1 {
                continue;
            }
            let finite = 2.0 / d as f64;
            let rows = [
                Row::stated("11.2.2", step, d, finite),
                Row::stated("11.2.2", moment, d, finite),
                Row::stated("11.2.2", length, d, 0.0),
                Row::control("11.2.2", shuffled, d, finite),
            ];
            let n = ratio * d;
            found.push(Experiment::new(rows, size.choose(20, 100), move |seed| {
                let target = target(true)?;
                let seeds = seed..seed + 1;
                let own = measure_alignment(&target, d, n, d, false, seeds.clone())?;
                let other = measure_alignment(&target, d, n, d, true, seeds)?;
                Ok(vec![
                    (own.step.measured, own.step.predicted),
                    (own.moment.measured, own.moment.predicted),
                    (own.squared_norm.measured, own.squared_norm.predicted),
                    (other.step.measured, own.step.predicted),
                ])
            }));
        }
    }
    found
}

/// A step's size, the width over `d`, and the names of value and overlap. Nothing is claimed within 20 % of a threshold.
type Leading = (f64, usize, [&'static str; 2]);

const INDEPENDENT: [Leading; 4] = [
    (3.0, 1, ["independent start m = d t = 3: value", "independent start m = d t = 3: overlap"]),
    (4.0, 1, ["independent start m = d t = 4: value", "independent start m = d t = 4: overlap"]),
    (6.0, 1, ["independent start m = d t = 6: value", "independent start m = d t = 6: overlap"]),
    (
        6.0,
        2,
        ["independent start m = 2 d t = 6: value", "independent start m = 2 d t = 6: overlap"],
    ),
];
const SYMMETRIC: [Leading; 2] = [
    (6.0, 1, ["symmetric start m = d t = 6: value", "symmetric start m = d t = 6: overlap"]),
    (6.0, 2, ["symmetric start m = 2 d t = 6: value", "symmetric start m = 2 d t = 6: overlap"]),
];
const OVERLAP_OF_THE_OTHER: &str = "symmetric start m = d t = 3: overlap of the independent one";

/// 11.2.3; the control is the independent start's formula on a symmetric one.
fn leading(size: Size) -> Vec<Experiment> {
    /// Where `theta` is 20 % above its threshold.
    const BAND: f64 = 0.03;
    let d = 200;
    let seeds = size.choose(10, 24);
    let mut found = Vec::new();
    let kinds = [(Start::Independent, &INDEPENDENT[..]), (Start::Symmetric, &SYMMETRIC[..])];
    for (start, cases) in kinds {
        for &(t, aspect, [value, overlap]) in cases {
            let narrow = size == Size::Quick;
            if narrow && (aspect > 1 || t.to_bits() == 4.0_f64.to_bits()) {
                continue;
            }
            let rows =
                [Row::stated("11.2.3", value, d, BAND), Row::stated("11.2.3", overlap, d, BAND)];
            let step = FirstStep { dimension: d, width: aspect * d, samples: 2 * d, size: t };
            found.push(Experiment::new(rows, seeds, move |seed| {
                let one = measure_leading(start, start, &target(true)?, step, seed..seed + 1)?;
                Ok(vec![
                    (one.value.measured, one.value.predicted),
                    (one.overlap.measured, one.overlap.predicted),
                ])
            }));
        }
    }
    let step = FirstStep { dimension: d, width: d, samples: 2 * d, size: 3.0 };
    let rows = [Row::control("11.2.3", OVERLAP_OF_THE_OTHER, d, BAND)];
    found.push(Experiment::new(rows, seeds, move |seed| {
        let (own, formula) = (Start::Symmetric, Start::Independent);
        let one = measure_leading(own, formula, &target(true)?, step, seed..seed + 1)?;
        Ok(vec![(one.overlap.measured, one.overlap.predicted)])
    }));
    found
}

const PENALTIES: [f64; 4] = [1e-3, 1e-2, 0.1, 1.0];
/// Training sets of each network.
const DRAWS: usize = 6;

/// A step's size, `n`, and the names at each penalty.
type Ridge = (f64, usize, [&'static str; 4]);

const RIDGES: [Ridge; 6] = [
    (
        0.0,
        300,
        [
            "ridge n = 300 t = 0 lambda = .001",
            "ridge n = 300 t = 0 lambda = .01",
            "ridge n = 300 t = 0 lambda = .1",
            "ridge n = 300 t = 0 lambda = 1",
        ],
    ),
    (
        1.0,
        300,
        [
            "ridge n = 300 t = 1 lambda = .001",
            "ridge n = 300 t = 1 lambda = .01",
            "ridge n = 300 t = 1 lambda = .1",
            "ridge n = 300 t = 1 lambda = 1",
        ],
    ),
    (
        3.0,
        300,
        [
            "ridge n = 300 t = 3 lambda = .001",
            "ridge n = 300 t = 3 lambda = .01",
            "ridge n = 300 t = 3 lambda = .1",
            "ridge n = 300 t = 3 lambda = 1",
        ],
    ),
    (
        0.0,
        1000,
        [
            "ridge n = 1000 t = 0 lambda = .001",
            "ridge n = 1000 t = 0 lambda = .01",
            "ridge n = 1000 t = 0 lambda = .1",
            "ridge n = 1000 t = 0 lambda = 1",
        ],
    ),
    (
        1.0,
        1000,
        [
            "ridge n = 1000 t = 1 lambda = .001",
            "ridge n = 1000 t = 1 lambda = .01",
            "ridge n = 1000 t = 1 lambda = .1",
            "ridge n = 1000 t = 1 lambda = 1",
        ],
    ),
    (
        3.0,
        1000,
        [
            "ridge n = 1000 t = 3 lambda = .001",
            "ridge n = 1000 t = 3 lambda = .01",
            "ridge n = 1000 t = 3 lambda = .1",
            "ridge n = 1000 t = 3 lambda = 1",
        ],
    ),
];

/// 11.2.4; the control is the engine at twice the samples.
fn engine(size: Size) -> Vec<Experiment> {
    let d = 100;
    let finite = 1.0 / d as f64;
    let label = Label::Relu(vec![1.0, 0.6]);
    let of = |(which, (t, n, names)): (usize, Ridge)| {
        let mut rows = names.map(|name| Row::stated("11.2.4", name, d, finite)).to_vec();
        let control = which == 0;
        rows.extend(control.then(|| {
            Row::control("11.2.4", "ridge n = 300 t = 0 for twice the samples", d, finite)
        }));
        let step = FirstStep { dimension: d, width: d, samples: n, size: t };
        let label = label.clone();
        Experiment::new(rows, size.choose(10, 12), move |seed| {
            let (errors, engine) = fitted(&label, step, n, &PENALTIES, seed)?;
            let mut pairs = Vec::new();
            for (error, penalty) in errors.iter().zip(PENALTIES) {
                pairs.push((*error, engine.risk(n, penalty)?.test));
            }
            if control {
                pairs.push((errors[0], engine.risk(2 * n, PENALTIES[0])?.test));
            }
            Ok(pairs)
        })
    };
    let all = RIDGES.into_iter().enumerate();
    all.filter(|(which, _)| size == Size::Full || matches!(which, 0 | 2)).map(of).collect()
}

type Engine = gradiometer_mechanisms::ridge::GaussianRidge;

/// Exact test errors of ridge fits on a network after its first step, and the engine of that network.
fn fitted(
    label: &Label,
    step: FirstStep,
    samples: usize,
    penalties: &[f64],
    seed: u64,
) -> Result<(Vec<f64>, Engine), Failure> {
    let mut rng = sample::stream(seed);
    let stepped = step.take(label, &mut rng)?;
    let weights = stepped.weights.as_ref();
    let engine = relu_engine(weights, &label.moments(weights)?)?;
    let errors =
        sample::simulated_test_errors(weights, label, samples, penalties, DRAWS, &mut rng)?;
    Ok((errors, engine))
}

/// The error at the penalty that the engine finds best, beside its prediction.
fn at_best(label: &Label, step: FirstStep, samples: usize, seed: u64) -> Result<Pair, Failure> {
    let (errors, engine) = fitted(label, step, samples, &PENALTIES, seed)?;
    let mut best = (f64::NAN, f64::INFINITY);
    for (error, penalty) in errors.into_iter().zip(PENALTIES) {
        let predicted = engine.risk(samples, penalty)?.test;
        if predicted < best.1 {
            best = (error, predicted);
        }
    }
    Ok(best)
}

const STEPS: [(f64, &str); 6] = [
    (0.0, "error at the best lambda t = 0"),
    (1.0, "error at the best lambda t = 1"),
    (10.0, "error at the best lambda t = 10"),
    (20.0, "error at the best lambda t = 20"),
    (40.0, "error at the best lambda t = 40"),
    (80.0, "error at the best lambda t = 80"),
];

/// 11.2.5's prediction; the control is that of the network before the step.
fn step_sizes(size: Size) -> Vec<Experiment> {
    let d = 100;
    let finite = 1.0 / d as f64;
    let of = |(t, name): (f64, &'static str)| {
        let mut rows = vec![Row::stated("11.2.5", name, d, finite)];
        let large = t.to_bits() == 40.0_f64.to_bits();
        let name = "error at t = 40 for that before the step";
        rows.extend(large.then(|| Row::control("11.2.5", name, d, finite)));
        Experiment::new(rows, size.choose(10, 12), move |seed| {
            let label = Label::Relu(vec![1.0]);
            let step = FirstStep { dimension: d, width: d, samples: 10 * d, size: t };
            let pair = at_best(&label, step, 10 * d, seed)?;
            let mut pairs = vec![pair];
            if large {
                let before = at_best(&label, FirstStep { size: 0.0, ..step }, 10 * d, seed)?;
                pairs.push((pair.0, before.1));
            }
            Ok(pairs)
        })
    };
    let quick = |t: f64| [0.0_f64, 40.0].iter().any(|x| x.to_bits() == t.to_bits());
    STEPS.into_iter().filter(|(t, _)| size == Size::Full || quick(*t)).map(of).collect()
}

/// 11.2.5's parity floor: a third degree in place of the second, beside the error with the second; it never falls below the
/// energy of the third.
fn parity(size: Size) -> Experiment {
    let d = 100;
    let name = "error with a third degree for that with a second t = 100";
    let rows = [Row::control("11.2.5", name, d, 1.0 / d as f64)];
    Experiment::new(rows, size.choose(10, 12), move |seed| {
        let step = FirstStep { dimension: d, width: d, samples: 10 * d, size: 100.0 };
        let of = |coefficients: &[f64]| {
            at_best(&Label::SingleIndex(coefficients.to_vec()), step, 10 * d, seed)
        };
        Ok(vec![(of(&[0.0, 0.8, 0.0, 0.6])?.0, of(&[0.0, 0.8, 0.6])?.1)])
    })
}
