//! 11.6.6 and 11.6.7: the flow of a merged staircase without a dimension, and descent that follows it.

use super::Size;
use super::comparison::{self, Experiment, Form, Rate, Row};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_hermite::float::maximum_of;
use gradiometer_mechanisms::abbe2022::{
    Inputs, StaircaseFlow, descent_on_the_cube, hermite_means, staircase_constants,
};
use gradiometer_mechanisms::order_parameters::stream;

/// Number of the target's coordinates.
const P: usize = 3;
/// The step is this over `d`.
const DELTA: f64 = 0.25;
/// The dimensions of the control.
const BROKEN: &str = "u2 of z1 + z1 z2 z3 at t = 4";

fn staircase(z: &[f64]) -> f64 {
    z[0] + z[0] * z[1] + z[0] * z[1] * z[2]
}

fn broken(z: &[f64]) -> f64 {
    z[0] + z[0] * z[1] * z[2]
}

/// `sigma'` of `tanh(t + 0.7)`.
fn slope(t: f64) -> f64 {
    let value = (t + 0.7).tanh();
    1.0 - value * value
}

const RATIOS: [&str; P] =
    ["u1 over K1 t at t = 1/d", "u2 over K2 t^2 at t = 1/d", "u3 over K3 t^4 at t = 1/d"];
const DISTANCE: &str = "the distance of u2 over K2 t^2 from 1 at t = 1/d";
/// What the leading terms leave out is at most this times `t`.
const LEADING: f64 = 0.03;

/// 11.6.6 at `t = 1/d`: a seed is an activation `tanh(t + b)`, `b` from 0.6 on. The control has the constants of the
/// next activation.
fn leading(d: usize, activations: usize) -> Experiment {
    let room = LEADING / d as f64;
    let mut rows = vec![Row::stated("11.6.6", DISTANCE, d, 0.0)];
    for ratio in RATIOS {
        rows.push(Row::stated("11.6.6", ratio, d, room));
        rows.push(Row::control("11.6.6", ratio, d, room));
    }
    Experiment::new(rows, activations, move |seed| {
        let bias = |seed: u64| 0.6 + 0.01 * seed as f64;
        let constants = |seed: u64| {
            let means = hermite_means(|t| (t + bias(seed)).tanh(), P)?;
            Ok::<_, Failure>(staircase_constants(&[1.0; P], &means))
        };
        let slope = |t: f64| {
            let value = (t + bias(seed)).tanh();
            1.0 - value * value
        };
        let flow = StaircaseFlow::new(slope, staircase, P, Inputs::Cube, 0.0)?;
        let t = 1.0 / d as f64;
        let state = flow.trajectory(P, &[t])?.remove(0);
        let (own, other) = (constants(seed)?, constants(seed + 1)?);
        let mut pairs = vec![((state[1] / (own[1] * t * t) - 1.0).abs(), f64::NAN)];
        for i in 0..P {
            let power = t.powi(1 << i);
            pairs.push((state[i] / (own[i] * power), 1.0));
            pairs.push((state[i] / (other[i] * power), 1.0));
        }
        Ok(pairs)
    })
}

const STATE: [&str; 4] = ["u1 at t = 4", "u2 at t = 4", "u3 at t = 4", "s^2 at t = 4"];
const LARGEST: &str = "the largest distance of u from its flow";

/// 11.6.7: descent on the cube beside its flow. The controls: the flow without the term of finite steps, and the flow of the
/// whole staircase for a target without `z1 z2`.
fn descent(d: usize, seeds: usize) -> Experiment {
    // Averages are off by order 1/d.
    let room = 4.0 / d as f64;
    let mut rows: Vec<Row> =
        STATE.iter().map(|name| Row::stated("11.6.7", name, d, room)).collect();
    rows.push(Row::stated("11.6.7", LARGEST, d, 0.0));
    rows.push(Row::control("11.6.7", STATE[3], d, room));
    rows.push(Row::stated("11.6.7", BROKEN, d, 0.0));
    rows.push(Row::control("11.6.7", BROKEN, d, 0.0));
    Experiment::new(rows, seeds, move |seed| {
        let times = [1.0, 2.0, 3.0, 4.0];
        let flow = |delta: f64| {
            StaircaseFlow::new(slope, staircase, P, Inputs::Cube, delta)?.trajectory(P, &times)
        };
        let (path, without) = (flow(DELTA)?, flow(0.0)?);
        let mut rng = stream(1167, seed);
        let found = descent_on_the_cube(slope, staircase, (P, d), DELTA, &times, &mut rng);
        let distances = found.iter().zip(&path).flat_map(|(state, expected)| {
            state[..P].iter().zip(expected).map(|(x, y)| (x - y).abs())
        });
        let largest = maximum_of(distances);
        let (end, expected) = (&found[3], &path[3]);
        let mut pairs: Vec<(f64, f64)> = end.iter().zip(expected).map(|(x, y)| (*x, *y)).collect();
        pairs.push((largest, f64::NAN));
        pairs.push((end[P], without[3][P]));
        let mut rng = stream(11_670, seed);
        let other = descent_on_the_cube(slope, broken, (P, d), DELTA, &times, &mut rng);
        pairs.push((other[3][1], 0.0));
        pairs.push((other[3][1], expected[1]));
        Ok(pairs)
    })
}

pub(super) fn plan(size: Size) -> Plan {
    let sizes: &[usize] = match size {
        Size::Quick => &[100, 400],
        Size::Full => &[100, 400, 1600, 6400],
    };
    let mut all: Vec<Experiment> = sizes.iter().map(|d| descent(*d, 24)).collect();
    let times: &[usize] = match size {
        Size::Quick => &[50, 100],
        Size::Full => &[50, 100, 200],
    };
    all.extend(times.iter().map(|d| leading(*d, size.choose(4, 20))));
    comparison::plan(all)
}

const RATES: &[Rate] = &[
    // A ratio of 2 for a factor 4 in `d`, within 30 %.
    Rate { statement: "11.6.7", quantity: LARGEST, form: Form::Stated, exponent: -0.5, room: 0.19 },
    Rate {
        statement: "11.6.7",
        quantity: LARGEST,
        form: Form::Control,
        exponent: -1.5,
        room: 0.19,
    },
    // The statement says O(t); the linear term vanishes, as s^2 does not move at first.
    Rate { statement: "11.6.6", quantity: DISTANCE, form: Form::Stated, exponent: -2.0, room: 0.2 },
    Rate { statement: "11.6.6", quantity: DISTANCE, form: Form::Control, exponent: 0.0, room: 0.2 },
];

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, RATES)
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, RATES)
}
