//! 11.3: giant steps. One direction at `n = c d`, a direction of degree `k` at `n = const d^k`, and staircases.

use super::Size;
use super::comparison::{self, Experiment, Form, Pair, Rate, Row};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::activation::RELU;
use gradiometer_mechanisms::damian2022::{LabelFit, measure_energies};
use gradiometer_mechanisms::dandi2023::{
    StairOutcome, Staircase, StepSize, direction_energies, measure_directions, measure_staircase,
};
use gradiometer_mechanisms::step::{SampledStep, harmonic_energies};
use gradiometer_mechanisms::target::Term;
use gradiometer_mechanisms::{BiasedActivation, PolynomialTarget};

/// Neurons of each network.
const WIDTH: usize = 150;

const SPREAD: &str = "root mean square of e2 on z1 + z2 z3";

/// What the staircase does not reach falls like a coordinate of a random unit vector.
const RATES: &[Rate] = &[Rate {
    statement: "11.3.4",
    quantity: SPREAD,
    form: Form::Stated,
    exponent: -0.5,
    room: 0.1,
}];

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, RATES)
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, RATES)
}

pub(super) fn plan(size: Size) -> Plan {
    let mut experiments = one_direction(size);
    experiments.extend(degree_k(size));
    experiments.extend(staircases(size));
    experiments.extend(spread(size));
    comparison::plan(experiments)
}

type Terms = &'static [([usize; 3], f64)];

fn polynomial(terms: Terms, rank: usize) -> Result<PolynomialTarget, Failure> {
    let term = |(degrees, coefficient): &([usize; 3], f64)| Term {
        degrees: degrees[..rank].to_vec(),
        coefficient: *coefficient,
    };
    Ok(PolynomialTarget::new(terms.iter().map(term).collect())?)
}

const TWO: Terms = &[([1, 0, 0], 1.0), ([1, 1, 0], 1.0)];
const PRODUCT: Terms = &[([1, 1, 0], 1.0)];
const APART: Terms = &[([1, 0, 0], 1.0), ([0, 1, 1], 1.0)];
const THREE: Terms = &[([1, 0, 0], 1.0), ([1, 1, 0], 1.0), ([1, 1, 1], 2.0)];

const DIRECTIONS: [(usize, [&str; 5]); 2] = [
    (
        2,
        [
            "energy along C_1 at n = 2 d",
            "energy along e2 at n = 2 d",
            "energy in all at n = 2 d",
            "share along C_1 at n = 2 d",
            "share along e1 without a linear part at n = 2 d",
        ],
    ),
    (
        8,
        [
            "energy along C_1 at n = 8 d",
            "energy along e2 at n = 8 d",
            "energy in all at n = 8 d",
            "share along C_1 at n = 8 d",
            "share along e1 without a linear part at n = 8 d",
        ],
    ),
];

/// 11.3.1 on `z1 + z1 z2`; the control is `z1 z2`.
fn one_direction(size: Size) -> Vec<Experiment> {
    let dimensions: &[usize] = size.choose(&[100], &[100, 400]);
    let mut found = Vec::new();
    for d in dimensions.iter().copied() {
        for (ratio, [first, second, total, share, without]) in DIRECTIONS {
            let finite = 3.0 / d as f64 + 0.02;
            let rows = [
                Row::stated("11.3.1", first, d, finite),
                Row::stated("11.3.1", second, d, finite),
                Row::stated("11.3.1", total, d, finite),
                Row::stated("11.3.1", share, d, finite),
                Row::control("11.3.1", without, d, finite),
            ];
            let n = ratio * d;
            found.push(Experiment::new(rows, 24, move |seed| {
                let (target, seeds) = (polynomial(TWO, 2)?, seed..seed + 1);
                let one = measure_directions(&target, d, n, WIDTH, seeds.clone())?;
                let other = measure_directions(&polynomial(PRODUCT, 2)?, d, n, WIDTH, seeds)?;
                let predicted = direction_energies(&target, d, n)?;
                let along = one.linear_share.measured * one.total.measured;
                Ok(vec![
                    (along, predicted.along_linear),
                    (one.second.measured, predicted.along[1]),
                    (one.total.measured, predicted.total),
                    (one.linear_share.measured, predicted.linear_share()),
                    (other.linear_share.measured, predicted.linear_share()),
                ])
            }));
        }
    }
    found
}

/// A harmonic target with an activation at two multiples of its half point.
struct Degree {
    k: usize,
    d: usize,
    activation: BiasedActivation,
    names: [[&'static str; 2]; 2],
}

const TWICE: [[&str; 2]; 2] = [
    ["degree 2 ReLU at n*: energy inside", "degree 2 ReLU at n*: energy outside"],
    ["degree 2 ReLU at 4 n*: energy inside", "degree 2 ReLU at 4 n*: energy outside"],
];
const FOURTH: [[&str; 2]; 2] = [
    ["degree 4 ReLU at n*: energy inside", "degree 4 ReLU at n*: energy outside"],
    ["degree 4 ReLU at 4 n*: energy inside", "degree 4 ReLU at 4 n*: energy outside"],
];
const THIRD: [[&str; 2]; 2] = [
    ["degree 3 erf at n*: energy inside", "degree 3 erf at n*: energy outside"],
    ["degree 3 erf at 4 n*: energy inside", "degree 3 erf at 4 n*: energy outside"],
];
const ERF: BiasedActivation = BiasedActivation::Erf;

static DEGREES: [Degree; 5] = [
    Degree { k: 2, d: 40, activation: RELU, names: TWICE },
    Degree { k: 2, d: 80, activation: RELU, names: TWICE },
    Degree { k: 4, d: 8, activation: RELU, names: FOURTH },
    Degree { k: 4, d: 10, activation: RELU, names: FOURTH },
    Degree { k: 3, d: 16, activation: ERF, names: THIRD },
];

/// The step of a harmonic target of degree `k` on `n` samples.
fn sampled(k: usize, d: usize, activation: BiasedActivation) -> Result<SampledStep, Failure> {
    Ok(SampledStep {
        population: harmonic_energies(k, d, activation)?,
        dimension: d,
        rank: 2,
        homogeneity: k,
        label_energy: 1.0,
        samples: 1,
        noise: activation.noise(),
    })
}

/// `multiple` times the half point.
fn multiple_of_half(step: SampledStep, multiple: f64) -> SampledStep {
    let n = (multiple * step.half_point()).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
    let samples = n as usize;
    SampledStep { samples, ..step }
}

/// 11.3.3; the control is degree 3 with ReLU, whose step has only noise: as many samples as erf needs four times over,
/// beside what erf sees.
fn degree_k(size: Size) -> Vec<Experiment> {
    let mut found = Vec::new();
    for Degree { k, d, activation, names } in &DEGREES {
        let (k, d, activation) = (*k, *d, *activation);
        if size == Size::Quick && !matches!((k, d), (2, 40) | (4, 8)) {
            continue;
        }
        let finite = if activation == RELU { 1.0 } else { 5.0 } / d as f64;
        for (multiple, [inside, outside]) in [1.0, 4.0].into_iter().zip(names) {
            let rows = [
                Row::stated("11.3.3", inside, d, finite),
                Row::stated("11.3.3", outside, d, finite),
            ];
            found.push(Experiment::new(rows, size.choose(10, 40), move |seed| {
                let step = multiple_of_half(sampled(k, d, activation)?, multiple);
                energies(k, &step, activation, seed)
            }));
        }
    }
    let d = 16;
    let rows = [
        Row::stated("11.3.3", "degree 3 ReLU: energy inside is noise", d, 1.0 / d as f64),
        Row::control("11.3.3", "degree 3 ReLU: energy inside has a signal", d, 1.0 / d as f64),
    ];
    found.push(Experiment::new(rows, 40, move |seed| {
        let erf = multiple_of_half(sampled(3, d, ERF)?, 4.0);
        let step = SampledStep { samples: erf.samples, ..sampled(3, d, RELU)? };
        let pairs = energies(3, &step, RELU, seed)?;
        let visible = SampledStep { population: erf.population, ..step }.least_squares()?;
        Ok(vec![pairs[0], (pairs[0].0, visible.inside)])
    }));
    found
}

fn energies(
    k: usize,
    step: &SampledStep,
    activation: BiasedActivation,
    seed: u64,
) -> Result<Vec<Pair>, Failure> {
    let (target, fit) = (PolynomialTarget::harmonic(k)?, LabelFit::LeastSquares);
    let both = measure_energies(&target, step, activation, fit, WIDTH, seed..seed + 1)?;
    Ok(both.map(|one| (one.measured, one.predicted)).to_vec())
}

/// Samples a step over `d`.
const SAMPLES_OVER_D: usize = 8;
/// Neurons that climb, half of each sign.
const CLIMBERS: usize = 100;

/// A staircase: its terms, the bias, the size of the steps after the first, and names after each step.
struct Stairs {
    terms: Terms,
    rank: usize,
    bias: f64,
    later: f64,
    names: &'static [&'static [&'static str]],
}

static STAIRS: [Stairs; 3] = [
    Stairs {
        terms: TWO,
        rank: 2,
        bias: 0.0,
        later: 2.0,
        names: &[
            &["z1 + z1 z2 step 1: e1", "z1 + z1 z2 step 1: e2"],
            &["z1 + z1 z2 step 2: e1", "z1 + z1 z2 step 2: e2"],
            &["z1 + z1 z2 step 3: e1", "z1 + z1 z2 step 3: e2"],
        ],
    },
    Stairs {
        terms: THREE,
        rank: 3,
        bias: -0.7,
        later: 4.0,
        names: &[
            &["three stairs step 1: e1", "three stairs step 1: e2", "three stairs step 1: e3"],
            &["three stairs step 2: e1", "three stairs step 2: e2", "three stairs step 2: e3"],
            &["three stairs step 3: e1", "three stairs step 3: e2", "three stairs step 3: e3"],
            &["three stairs step 4: e1", "three stairs step 4: e2", "three stairs step 4: e3"],
        ],
    },
    Stairs {
        terms: APART,
        rank: 3,
        bias: 0.0,
        later: 2.0,
        names: &[
            &["z1 + z2 z3 step 1: e1", "z1 + z2 z3 step 1: e2", "z1 + z2 z3 step 1: e3"],
            &["z1 + z2 z3 step 2: e1", "z1 + z2 z3 step 2: e2", "z1 + z2 z3 step 2: e3"],
            &["z1 + z2 z3 step 3: e1", "z1 + z2 z3 step 3: e2", "z1 + z2 z3 step 3: e3"],
        ],
    },
];

fn steps(count: usize, later: f64) -> Vec<StepSize> {
    let mut steps = vec![StepSize::Infinite];
    steps.resize(count, StepSize::Finite(later));
    steps
}

fn climbed(stairs: &Stairs, d: usize, seed: u64) -> Result<Vec<StairOutcome>, Failure> {
    let target = polynomial(stairs.terms, stairs.rank)?;
    let steps = steps(stairs.names.len(), stairs.later);
    let n = SAMPLES_OVER_D * d;
    Ok(measure_staircase(&target, stairs.bias, d, n, CLIMBERS, &steps, seed..seed + 1)?)
}

/// 11.3.4 on the neurons with a positive second layer. The controls: the second coordinate of `z1 + z2 z3` where the
/// target were `z1 + z1 z2`, and the third of three stairs without a bias where there were one.
fn staircases(size: Size) -> Vec<Experiment> {
    let d = size.choose(100, 400);
    let finite = 2.0 / (d as f64).sqrt();
    let seeds = size.choose(12, 20);
    let stated = |stairs: &'static Stairs| {
        let names = stairs.names.iter().flat_map(|names| names.iter());
        let rows: Vec<Row> = names.map(|name| Row::stated("11.3.4", name, d, finite)).collect();
        Experiment::new(rows, seeds, move |seed| {
            let outcomes = climbed(stairs, d, seed)?;
            let all = outcomes.iter().flat_map(|one| &one.plus);
            Ok(all.map(|one| (one.measured, one.predicted)).collect())
        })
    };
    let mut found: Vec<Experiment> = STAIRS.iter().map(stated).collect();
    let rows = [Row::control("11.3.4", "z1 + z2 z3 step 3: e2 as on z1 + z1 z2", d, finite)];
    found.push(Experiment::new(rows, seeds, move |seed| {
        let (here, there) = (climbed(&STAIRS[2], d, seed)?, predicted(&STAIRS[0], 1)?);
        Ok(vec![(here[2].plus[1].measured, there)])
    }));
    if size == Size::Full {
        let rows =
            [Row::control("11.3.4", "three stairs without a bias: e3 as with it", d, finite)];
        found.push(Experiment::new(rows, seeds, move |seed| {
            let flat = Stairs { bias: 0.0, ..STAIRS[1] };
            Ok(vec![(climbed(&flat, d, seed)?[3].plus[2].measured, predicted(&STAIRS[1], 2)?)])
        }));
    }
    found
}

/// The predicted coordinate after the last step.
fn predicted(stairs: &Stairs, coordinate: usize) -> Result<f64, Failure> {
    let target = polynomial(stairs.terms, stairs.rank)?;
    let law = Staircase::new(&target, stairs.bias, SAMPLES_OVER_D as f64)?;
    let climbed = law.climb(1.0, &steps(stairs.names.len(), stairs.later))?;
    Ok(climbed.last().map_or(f64::NAN, |p| p[coordinate]))
}

/// The size of what is not reached, over the dimension.
fn spread(size: Size) -> Vec<Experiment> {
    let dimensions: &[usize] = size.choose(&[50, 100], &[100, 200, 400]);
    let of = |&d: &usize| {
        let rows = [Row::stated("11.3.4", SPREAD, d, 0.0)];
        Experiment::new(rows, size.choose(12, 20), move |seed| {
            Ok(vec![(climbed(&STAIRS[2], d, seed)?[2].root_mean_square[1].mean, f64::NAN)])
        })
    };
    dimensions.iter().map(of).collect()
}
