//! 11.5: ridge on spiked random features. The conditional engine, its scalar limit, and networks after a real step.

use super::Size;
use super::comparison::{self, Experiment, Pair, Row};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::PolynomialTarget;
use gradiometer_mechanisms::ba2022::moment_vector;
use gradiometer_mechanisms::cui2024::{
    ConditionalOutcome, ConstantReadout, SpikedExperiment, Spikes, Tuning, measure_spiked,
    measure_trained,
};
use gradiometer_mechanisms::normal::Rule;
use gradiometer_mechanisms::sample::FirstStep;

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, &[])
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, &[])
}

pub(super) fn plan(size: Size) -> Plan {
    let mut experiments = kinds(size);
    experiments.extend(dimensions(size));
    experiments.extend(trained(size));
    comparison::plan(experiments)
}

const LABEL: [f64; 3] = [0.0, 0.6, 0.5];
/// `u.v`.
const ALONG: f64 = 0.8;
const PENALTIES: [f64; 3] = [1e-3, 0.1, 1.0];

/// Spikes, the nodes that they need, the names at each penalty, and that of the Gaussian engine where it must fail.
struct Kind {
    spikes: Spikes,
    nodes: usize,
    names: [&'static str; 3],
    gaussian: Option<&'static str>,
}

static KINDS: [Kind; 4] = [
    Kind {
        spikes: Spikes::Constant(1.0),
        nodes: 11,
        names: [
            "constant spikes of 1 lambda = .001",
            "constant spikes of 1 lambda = .1",
            "constant spikes of 1 lambda = 1",
        ],
        gaussian: Some("constant spikes of 1 lambda = .1 by the Gaussian engine"),
    },
    Kind {
        spikes: Spikes::Constant(2.0),
        nodes: 24,
        names: [
            "constant spikes of 2 lambda = .001",
            "constant spikes of 2 lambda = .1",
            "constant spikes of 2 lambda = 1",
        ],
        gaussian: Some("constant spikes of 2 lambda = .1 by the Gaussian engine"),
    },
    Kind {
        spikes: Spikes::Signs(1.0),
        nodes: 11,
        names: [
            "spikes of both signs lambda = .001",
            "spikes of both signs lambda = .1",
            "spikes of both signs lambda = 1",
        ],
        gaussian: None,
    },
    Kind {
        spikes: Spikes::Gaussian(1.0),
        nodes: 40,
        names: [
            "Gaussian spikes lambda = .001",
            "Gaussian spikes lambda = .1",
            "Gaussian spikes lambda = 1",
        ],
        gaussian: None,
    },
];

fn experiment(d: usize, spikes: Spikes, nodes: usize) -> SpikedExperiment {
    let coefficients = LABEL.to_vec();
    SpikedExperiment {
        coefficients,
        along: ALONG,
        dimension: d,
        width: d,
        samples: 2 * d,
        spikes,
        nodes,
    }
}

fn pairs(found: &ConditionalOutcome) -> Vec<Pair> {
    found.conditional.iter().map(|one| (one.measured, one.predicted)).collect()
}

/// `1/d`, `3/d` at the smallest penalty.
fn finite(d: usize, penalty: f64) -> f64 {
    (if penalty <= 1e-3 { 3.0 } else { 1.0 }) / d as f64
}

/// 11.5.1 at one size; the controls are the Gaussian engine on a constant readout, and for spikes of both signs the scalar
/// limit of a constant one (11.5.2).
fn kinds(size: Size) -> Vec<Experiment> {
    let d = size.choose(50, 100);
    let of = |kind: &'static Kind| {
        let named = kind.names.iter().zip(PENALTIES);
        let mut rows: Vec<Row> = named
            .map(|(name, penalty)| Row::stated("11.5.1", name, d, finite(d, penalty)))
            .collect();
        rows.extend(kind.gaussian.map(|name| Row::control("11.5.1", name, d, finite(d, 0.1))));
        let signs = matches!(kind.spikes, Spikes::Signs(_));
        let name = "spikes of both signs lambda = .1 by the constant one";
        rows.extend(signs.then(|| Row::control("11.5.2", name, d, 4.0 / d as f64)));
        let experiment = experiment(d, kind.spikes, kind.nodes);
        Experiment::new(rows, size.choose(10, 12), move |seed| {
            let found = measure_spiked(&experiment, &PENALTIES, 10, seed..seed + 1)?;
            let mut pairs = pairs(&found);
            if kind.gaussian.is_some() {
                pairs.push((found.conditional[1].measured, found.gaussian[1].mean));
            }
            if signs {
                pairs.push((found.conditional[1].measured, limit(1.0, ALONG, 0.1)?));
            }
            Ok(pairs)
        })
    };
    let quick = |kind: &&Kind| !matches!(kind.spikes, Spikes::Gaussian(_));
    KINDS.iter().filter(|kind| size == Size::Full || quick(kind)).map(of).collect()
}

/// The scalar limit (11.5.2) at `N = d`, `n = 2 d`.
fn limit(spike: f64, along: f64, penalty: f64) -> Result<f64, Failure> {
    let readout = ConstantReadout {
        coefficients: LABEL.to_vec(),
        along,
        spike,
        width_over_d: 1.0,
        samples_over_d: 2.0,
        penalty,
    };
    Ok(readout.risk(&Rule::fine()?, Tuning::default())?.test)
}

/// 11.5.1 and 11.5.2 over the dimension, with constant spikes of 1.
fn dimensions(size: Size) -> Vec<Experiment> {
    let dimensions: &[usize] = size.choose(&[50], &[50, 100, 200, 300]);
    let of = |&d: &usize| {
        let rows = [
            Row::stated("11.5.1", "lambda = 1 over d by the engine", d, finite(d, 1.0)),
            Row::stated("11.5.2", "lambda = 1 over d by the scalar limit", d, 4.0 / d as f64),
        ];
        let experiment = experiment(d, Spikes::Constant(1.0), 11);
        Experiment::new(rows, 10, move |seed| {
            let found = measure_spiked(&experiment, &[1.0], 6, seed..seed + 1)?;
            let one = found.conditional[0];
            Ok(vec![(one.measured, one.predicted), (one.measured, limit(1.0, ALONG, 1.0)?)])
        })
    };
    dimensions.iter().map(of).collect()
}

/// `d = N` and the step's size over `sqrt m`, with names.
static TRAINED: [(usize, f64, [&str; 3]); 3] = [
    (100, 3.0, ["step c = 3 lambda = .001", "step c = 3 lambda = .1", "step c = 3 lambda = 1"]),
    (250, 3.0, ["step c = 3 lambda = .001", "step c = 3 lambda = .1", "step c = 3 lambda = 1"]),
    (100, 6.0, ["step c = 6 lambda = .001", "step c = 6 lambda = .1", "step c = 6 lambda = 1"]),
];

/// 11.5.4; the control is the scalar limit, whose bulk does not know of the step's noise.
fn trained(size: Size) -> Vec<Experiment> {
    let of = |&(d, c, names): &(usize, f64, [&'static str; 3])| {
        let allowed = |penalty: f64| if penalty <= 1e-3 { 0.03 } else { 0.02 };
        let named = names.into_iter().zip(PENALTIES);
        let mut rows: Vec<Row> =
            named.map(|(name, penalty)| Row::stated("11.5.4", name, d, allowed(penalty))).collect();
        rows.push(Row::control("11.5.4", "step c = 3 lambda = .1 by the scalar limit", d, 0.02));
        let step =
            FirstStep { dimension: d, width: d, samples: 4 * d, size: c * (d as f64).sqrt() };
        Experiment::new(rows, size.choose(10, 12), move |seed| {
            let found = measure_trained(&LABEL, step, 2 * d, 40, &PENALTIES, 6, seed..seed + 1)?;
            let mut pairs = pairs(&found);
            let target = PolynomialTarget::single_index(&LABEL)?;
            let moment = moment_vector(&target, d, step.samples)?;
            let spike = 0.5 * c * moment.squared_norm.sqrt();
            let predicted = limit(spike, moment.squared_cosine.sqrt(), 0.1)?;
            pairs.push((found.conditional[1].measured, predicted));
            Ok(pairs)
        })
    };
    let count = size.choose(1, TRAINED.len());
    TRAINED.iter().take(count).map(of).collect()
}
