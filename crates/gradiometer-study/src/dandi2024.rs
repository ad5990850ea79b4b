//! 11.9.4 and 11.9.5: full batches used again, the effective process beside gradient descent in `d` dimensions.

use super::Size;
use super::comparison::{self, Experiment, Pair, Row};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::MechanismError;
use gradiometer_mechanisms::dandi2024::{Reuse, two_step_overlap};
use gradiometer_mechanisms::order_parameters::stream;
use std::f64::consts::FRAC_1_SQRT_2;

/// `tanh(He_3) - c_1 z`, which has no linear part.
fn label(z: f64) -> f64 {
    (z * z * z - 3.0 * z).tanh() + 0.375_117_228_821_106_4 * z
}

/// `eta`, `alpha`, the name, and the control's.
const TWO_STEPS: [(f64, f64, &str, &str); 2] = [
    (
        1.0,
        2.0,
        "the overlap after two steps with eta = 1 and alpha = 2",
        "the overlap after a step and a fresh one with eta = 1 and alpha = 2",
    ),
    (
        3.0,
        2.0,
        "the overlap after two steps with eta = 3 and alpha = 2",
        "the overlap after a step and a fresh one with eta = 3 and alpha = 2",
    ),
];
/// How much of the first step's chance is in the second, on the same samples and on fresh ones: what is left of it does
/// not change the mean, as the first step's is zero.
const CARRIED: [f64; 2] = [1.6, 1.0];

/// 11.9.4: two steps on the same samples beside the closed form, and on fresh ones beside zero. The control is the
/// closed form for fresh ones.
fn two_steps(which: usize, d: usize, seeds: usize) -> Result<Experiment, MechanismError> {
    let (eta, alpha, name, fresh) = TWO_STEPS[which];
    let predicted = two_step_overlap(label, eta, alpha)?;
    // What is left at d is of order 1/d.
    let room = 30.0 / d as f64;
    let rows = [
        Row::stated("11.9.4", name, d, room),
        Row::stated("11.9.4", fresh, d, 0.0),
        Row::control("11.9.4", fresh, d, room),
    ];
    Ok(Experiment::new(rows, seeds, move |seed| {
        let reuse = Reuse { neurons: 1, directions: 1, alpha, eta };
        let force = |h: &[f64], z: &[f64], g: &mut [f64]| {
            g[0] = if h[0] > 0.0 { label(z[0]) } else { 0.0 };
        };
        let run = |fresh: bool| {
            let mut rng = stream(1194, seed);
            let path = reuse.simulation(force, 2, (d, fresh), &mut rng);
            path[2][(0, 0)] - CARRIED[usize::from(fresh)] * path[1][(0, 0)]
        };
        let (again, once) = (run(false), run(true));
        Ok(vec![(again, predicted), (once, 0.0), (once, predicted)])
    }))
}

/// Steps compared.
const STEPS: usize = 6;
const NAMES: [[&str; STEPS]; 2] = [
    [
        "the overlap of neuron 1 with z1 after step 1",
        "the overlap of neuron 1 with z1 after step 2",
        "the overlap of neuron 1 with z1 after step 3",
        "the overlap of neuron 1 with z1 after step 4",
        "the overlap of neuron 1 with z1 after step 5",
        "the overlap of neuron 1 with z1 after step 6",
    ],
    [
        "the overlap of neuron 1 with z2 after step 1",
        "the overlap of neuron 1 with z2 after step 2",
        "the overlap of neuron 1 with z2 after step 3",
        "the overlap of neuron 1 with z2 after step 4",
        "the overlap of neuron 1 with z2 after step 5",
        "the overlap of neuron 1 with z2 after step 6",
    ],
];
/// The first step, exactly.
const FIRST: [f64; 2] = [0.075_871_6, -0.063_304_4];
/// The published simulation and curve of the effective process (11.9.5).
const SIMULATED: [[f64; STEPS]; 2] = [
    [0.0757, 0.1238, 0.1562, 0.1800, 0.1989, 0.2147],
    [-0.0626, -0.1018, -0.1276, -0.1461, -0.1604, -0.1722],
];
const CURVE: [[f64; STEPS]; 2] = [
    [0.0758, 0.1238, 0.1554, 0.1786, 0.1982, 0.2162],
    [-0.0632, -0.1027, -0.1276, -0.1449, -0.1588, -0.1714],
];
/// Four standard errors of the published simulation.
const PUBLISHED: f64 = 4.0 * 0.0014;

/// Which row of 11.9.5 a pair is for.
const OF_SIMULATION: [&str; 2] = [
    "the published simulation of neuron 1 with z1 after step 6",
    "the published simulation of neuron 1 with z2 after step 6",
];
const OF_CURVE: &str = "the published curve of neuron 1 with z2 after step 4";
const OF_FRESH: &str = "the overlap of neuron 1 with z1 after step 4 as with fresh batches";

/// 11.9.5: the effective process beside gradient descent on the same samples, each seed with paths of its own. The
/// controls: fresh batches, and the published curve, which is off.
fn all_steps(d: usize, pairs: usize, seeds: usize, published: bool) -> Experiment {
    // The O(1/d) that remains: 0.5 % at d = 1000.
    let room = 8.0 / d as f64;
    let mut rows: Vec<Row> =
        NAMES.iter().flatten().map(|name| Row::stated("11.9.5", name, d, room)).collect();
    rows.push(Row::control("11.9.5", OF_FRESH, d, room));
    if published {
        for (component, name) in OF_SIMULATION.into_iter().enumerate() {
            let value = SIMULATED[component][STEPS - 1].abs();
            rows.push(Row::stated("11.9.5", name, d, PUBLISHED / value));
        }
        rows.push(Row::control("11.9.5", OF_CURVE, d, room));
    }
    Experiment::new(rows, seeds, move |seed| {
        let reuse = Reuse { neurons: 2, directions: 2, alpha: 3.0, eta: 0.2 };
        let a = [FRAC_1_SQRT_2, -FRAC_1_SQRT_2];
        let force = move |h: &[f64], z: &[f64], g: &mut [f64]| {
            let y = (z[0] + z[1] * z[1] * z[1] - 3.0 * z[1]).tanh();
            let relu = |h: f64| if h > 0.0 { h } else { 0.0 };
            let f: f64 = h.iter().zip(a).map(|(h, a)| a * relu(*h)).sum();
            for ((g, h), a) in g.iter_mut().zip(h).zip(a) {
                *g = if *h > 0.0 { a * (y - f) } else { 0.0 };
            }
        };
        let mut rng = stream(1195, seed);
        let process = reuse.mean_field(force, STEPS, pairs, &mut rng);
        let fresh = reuse.fresh_batches(force, STEPS, pairs, &mut rng);
        let found = reuse.simulation(force, STEPS, (d, false), &mut stream(11_950, seed));
        // The first step is known: what it is off by is in the later ones too, in proportion to them.
        let without_chance =
            |path: &[gradiometer_mechanisms::matrix::Matrix], c: usize, t: usize| {
                let carried = SIMULATED[c][t - 1] / SIMULATED[c][0];
                path[t][(0, c)] - carried * (path[1][(0, c)] - FIRST[c])
            };
        let mut values: Vec<Pair> = Vec::new();
        for c in 0..2 {
            for t in 1..=STEPS {
                if t == 1 {
                    // The first step itself, without that.
                    values.push((found[1][(0, c)], FIRST[c]));
                } else {
                    values.push((without_chance(&found, c, t), without_chance(&process, c, t)));
                }
            }
        }
        values.push((without_chance(&found, 0, 4), without_chance(&fresh, 0, 4)));
        if published {
            for (c, curve) in SIMULATED.iter().enumerate() {
                values.push((without_chance(&found, c, STEPS), curve[STEPS - 1]));
            }
            values.push((without_chance(&found, 1, 4), CURVE[1][3]));
        }
        Ok(values)
    })
}

fn experiments(size: Size) -> Result<Vec<Experiment>, MechanismError> {
    match size {
        Size::Quick => Ok(vec![two_steps(0, 300, 250)?, all_steps(200, 2000, 30, false)]),
        Size::Full => Ok(vec![
            two_steps(0, 500, 200)?,
            two_steps(0, 2000, 200)?,
            two_steps(1, 500, 200)?,
            two_steps(1, 2000, 200)?,
            all_steps(500, 10_000, 200, false),
            all_steps(2000, 10_000, 200, true),
        ]),
    }
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
