//! 11.4: spikes after one large step. Their strengths, the outliers of the features and their degrees, and what ridge
//! learns of each degree.

use super::Size;
use super::comparison::{self, Experiment, Pair, Row};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::Outcome;
use gradiometer_mechanisms::cui2024::measure_trained;
use gradiometer_mechanisms::moniri2024::{
    SecondLayer, SpikeOutcome, degree_vectors_from, measure_learnt, measure_spikes, spike_strength,
};
use gradiometer_mechanisms::sample::{FirstStep, Label, normals, signs, stream};
use gradiometer_verify::statistics::slope;

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, &[])
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, &[])
}

pub(super) fn plan(size: Size) -> Plan {
    let mut experiments = strengths(size);
    experiments.extend(outliers(size));
    experiments.extend(learnt(size));
    experiments.extend(third_degree(size));
    comparison::plan(experiments)
}

/// The push is `C m^alpha`: `alpha` and `C` with the names of the exponent and the value of each spike.
type Strength = (f64, f64, &'static [(usize, [&'static str; 2])]);

/// Without `k = 4` at `alpha = .15`, where the fourth spike is below 1e-4 and its start is not yet small beside its push.
static STRENGTHS: [Strength; 3] = [
    (
        0.15,
        2.0,
        &[
            (1, ["exponent of spike 1 at alpha = .15", "strength of spike 1 at alpha = .15"]),
            (2, ["exponent of spike 2 at alpha = .15", "strength of spike 2 at alpha = .15"]),
        ],
    ),
    (
        0.3,
        1.0,
        &[
            (1, ["exponent of spike 1 at alpha = .3", "strength of spike 1 at alpha = .3"]),
            (2, ["exponent of spike 2 at alpha = .3", "strength of spike 2 at alpha = .3"]),
            (4, ["exponent of spike 4 at alpha = .3", "strength of spike 4 at alpha = .3"]),
        ],
    ),
    (
        0.42,
        0.25,
        &[
            (1, ["exponent of spike 1 at alpha = .42", "strength of spike 1 at alpha = .42"]),
            (2, ["exponent of spike 2 at alpha = .42", "strength of spike 2 at alpha = .42"]),
            (4, ["exponent of spike 4 at alpha = .42", "strength of spike 4 at alpha = .42"]),
        ],
    ),
];

/// How near a fitted exponent comes.
const EXPONENT: f64 = 0.04;

/// `|A_k|^2` of `m` neurons in dimension `m` pushed by `push/sqrt m` with signs.
fn strength(k: usize, push: f64, m: usize, seed: u64) -> f64 {
    let mut rng = stream(seed);
    let start = normals(&mut rng, m, 1);
    let shift = push / (m as f64).sqrt();
    let (mut along, mut lengths) = (Vec::new(), Vec::new());
    for (j, sign) in signs(&mut rng, m).into_iter().enumerate() {
        let own = start[(j, 0)] / (m as f64).sqrt();
        along.push(own + sign * shift);
        lengths.push((1.0 - own * own + (own + sign * shift).powi(2)).sqrt());
    }
    degree_vectors_from(&along, &lengths, k)[k].iter().map(|a| a * a).sum()
}

/// 11.4.2; the control is the third spike, which ReLU does not have.
fn strengths(size: Size) -> Vec<Experiment> {
    // The exponent of the fourth spike needs the largest of them.
    let widths = [10_000, 31_623, 100_000, 316_228, 1_000_000];
    let d = 1_000_000;
    let of = |&(alpha, scale, spikes): &Strength| {
        let push = move |m: usize| scale * (m as f64).powf(alpha);
        let mut rows = Vec::new();
        for (k, [exponent, value]) in spikes {
            let predicted = 2.0 * *k as f64 * alpha - (*k as f64 - 1.0);
            rows.push(Row::stated("11.4.2", exponent, d, EXPONENT / predicted.abs()));
            // The random start adds its second moment, C(2k, 2) of them over the push's square.
            let start = (k * (2 * k - 1)) as f64 / push(d).powi(2);
            let finite = 0.02 + start;
            rows.push(Row::stated("11.4.2", value, d, finite));
        }
        let once = alpha > 0.2 && alpha < 0.4;
        rows.extend(once.then(|| Row::control("11.4.2", "strength of spike 3 as of 2", d, 0.02)));
        Experiment::new(rows, 10, move |seed| {
            let mut pairs = Vec::new();
            for (k, _) in spikes {
                let points: Vec<(f64, f64)> =
                    widths.iter().map(|&m| (m as f64, strength(*k, push(m), m, seed))).collect();
                let fitted = slope(&points).unwrap_or(f64::NAN);
                pairs.push((fitted, 2.0 * *k as f64 * alpha - (*k as f64 - 1.0)));
                let predicted = spike_strength(*k, push(d), d, SecondLayer::Signs);
                pairs.push((points.last().map_or(f64::NAN, |p| p.1), predicted));
            }
            if once {
                let second = spike_strength(2, push(d), d, SecondLayer::Signs);
                pairs.push((strength(3, push(d), d, seed), second));
            }
            Ok(pairs)
        })
    };
    let all = STRENGTHS.iter();
    all.filter(|(alpha, ..)| size == Size::Full || *alpha > 0.2).map(of).collect()
}

const SECOND: [f64; 3] = [0.0, 0.8, 0.6];
const THIRD: [f64; 4] = [0.0, 0.8, 0.0, 0.6];

/// A step's size, and the names of position and cosine of the first and of the second outlier where there are some.
type Outliers = (f64, &'static [[&'static str; 2]]);

static OUTLIERS: [Outliers; 4] = [
    (6.0, &[["t = 6: first position over psi", "t = 6: squared cosine of the first and h_1"]]),
    (12.0, &[["t = 12: first position over psi", "t = 12: squared cosine of the first and h_1"]]),
    (
        20.0,
        &[
            ["t = 20: first position over psi", "t = 20: squared cosine of the first and h_1"],
            ["t = 20: second position over psi", "t = 20: squared cosine of the second and h_2"],
        ],
    ),
    (
        30.0,
        &[
            ["t = 30: first position over psi", "t = 30: squared cosine of the first and h_1"],
            ["t = 30: second position over psi", "t = 30: squared cosine of the second and h_2"],
        ],
    ),
];

/// Where `psi' > .1`.
const OUTLIER_BAND: f64 = 0.03;

fn spiked(t: f64, d: usize, seed: u64) -> Result<SpikeOutcome, Failure> {
    let step = FirstStep { dimension: d, width: d, samples: 3 * d, size: t };
    Ok(measure_spikes(&Label::SingleIndex(SECOND.to_vec()), step, 3 * d, seed..seed + 1)?)
}

/// 11.4.3; the controls are the network before the step for the first outlier, and that after a small one for the second.
fn outliers(size: Size) -> Vec<Experiment> {
    let d = size.choose(150, 200);
    let seeds = size.choose(10, 32);
    let quick = |t: f64| !(10.0..=25.0).contains(&t);
    let mut found = Vec::new();
    for (t, names) in &OUTLIERS {
        if size == Size::Quick && !quick(*t) {
            continue;
        }
        let rows: Vec<Row> = names
            .iter()
            .flatten()
            .map(|name| Row::stated("11.4.3", name, d, OUTLIER_BAND))
            .collect();
        found.push(Experiment::new(rows, seeds, move |seed| {
            let one = spiked(*t, d, seed)?;
            let pairs = one.position.iter().zip(&one.alignment).take(names.len());
            let pair = |(p, a): (&Outcome, &Outcome)| -> [Pair; 2] {
                [(p.measured, p.predicted), (a.measured, a.predicted)]
            };
            Ok(pairs.flat_map(pair).collect())
        }));
    }
    let rows = [
        Row::control("11.4.3", "t = 0: squared cosine of the first and h_1", d, OUTLIER_BAND),
        Row::control("11.4.3", "t = 6: squared cosine of the second and h_2", d, OUTLIER_BAND),
    ];
    found.push(Experiment::new(rows, seeds, move |seed| {
        let (none, small, large) =
            (spiked(0.0, d, seed)?, spiked(6.0, d, seed)?, spiked(30.0, d, seed)?);
        Ok(vec![
            (none.alignment[0].measured, small.alignment[0].predicted),
            (small.alignment[1].measured, large.alignment[1].predicted),
        ])
    }));
    found
}

const LEARNT: [(f64, [&str; 3]); 5] = [
    (0.0, ["t = 0: test error", "t = 0: share of degree 1", "t = 0: share of degree 2"]),
    (3.0, ["t = 3: test error", "t = 3: share of degree 1", "t = 3: share of degree 2"]),
    (8.0, ["t = 8: test error", "t = 8: share of degree 1", "t = 8: share of degree 2"]),
    (15.0, ["t = 15: test error", "t = 15: share of degree 1", "t = 15: share of degree 2"]),
    (30.0, ["t = 30: test error", "t = 30: share of degree 1", "t = 30: share of degree 2"]),
];

const PENALTY: f64 = 0.01;
/// Training sets of each network.
const DRAWS: usize = 6;
/// `d = m` of 11.4.4, with `n = 4 d` and `n_0 = 10 d`.
const LEARNER: usize = 100;

const fn learner(t: f64) -> FirstStep {
    FirstStep { dimension: LEARNER, width: LEARNER, samples: 10 * LEARNER, size: t }
}

/// 11.4.4; the control is the test error with a third degree in place of the second.
fn learnt(size: Size) -> Vec<Experiment> {
    let d = LEARNER;
    let finite = 2.0 / d as f64;
    let quick = |t: f64| !(1.0..8.0).contains(&t) && !(10.0..20.0).contains(&t);
    let of = |(t, names): (f64, [&'static str; 3])| {
        let mut rows = names.map(|name| Row::stated("11.4.4", name, d, finite)).to_vec();
        let large = t > 20.0;
        let name = "t = 30: test error with a third degree as with a second";
        rows.extend(large.then(|| Row::control("11.4.4", name, d, finite)));
        Experiment::new(rows, size.choose(12, 24), move |seed| {
            let fit = |coefficients: &[f64]| {
                let (n, seeds) = (4 * LEARNER, seed..seed + 1);
                measure_learnt(coefficients, learner(t), n, PENALTY, DRAWS, seeds)
            };
            let one = fit(&SECOND)?;
            let outcomes = [one.test, one.shares[0], one.shares[1]];
            let mut pairs = outcomes.map(|one| (one.measured, one.predicted)).to_vec();
            if large {
                pairs.push((fit(&THIRD)?.test.measured, one.test.predicted));
            }
            Ok(pairs)
        })
    };
    LEARNT.into_iter().filter(|(t, _)| size == Size::Full || quick(*t)).map(of).collect()
}

/// With a third degree the conditional engine holds, which the Gaussian one of 11.4.4 does not.
fn third_degree(size: Size) -> Vec<Experiment> {
    let d = LEARNER;
    let finite = 2.0 / d as f64;
    let names = [
        (8.0, "t = 8: third degree and the conditional engine"),
        (30.0, "t = 30: third degree and the conditional engine"),
    ];
    let of = |(t, name): (f64, &'static str)| {
        let rows = [Row::stated("11.4.4", name, d, finite)];
        Experiment::new(rows, size.choose(10, 16), move |seed| {
            let (n, seeds) = (4 * LEARNER, seed..seed + 1);
            let found = measure_trained(&THIRD, learner(t), n, 40, &[PENALTY], DRAWS, seeds)?;
            Ok(vec![(found.conditional[0].measured, found.conditional[0].predicted)])
        })
    };
    names.into_iter().filter(|(t, _)| size == Size::Full || *t < 10.0).map(of).collect()
}
