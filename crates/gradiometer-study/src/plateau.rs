//! 11.13.5: the loss along the plateau and the specialisation of two students: gradient flow, the order-parameter
//! equations at a finite step, and one-pass descent.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Conclusion, Found, figure, near, short};
use super::session::{Case, Failure, Plan};
use super::specialisation::flow;
use gradiometer_mechanisms::relu_order_parameters::{Plateau, SecondOrder};
use gradiometer_mechanisms::sample;

const MEASURES: &[Measure] = &[mean("loss")];
/// The step size, over the dimension.
const RATE: f64 = 0.2;
/// The size of the overlaps at the start, and their pattern.
const START: f64 = 1e-3;
const OVERLAPS: [f64; 4] = [1.0, 0.2, -0.4, 0.6];
/// Of the equations' solution.
const TOLERANCE: f64 = 1e-10;
/// Steps over the dimension, in units of this.
const INTERVAL: u32 = 5;
const MOMENTS: u32 = 28;

/// Where the step's noise shows, and where the flow waits.
const EARLY: u32 = 20;
const WAITING: u32 = 40;

const FLOW: &str = "flow";
const EQUATIONS: &str = "equations";
const DESCENT: &str = "descent";

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimension: usize = size.choose(400, 6400);
    let cases = [FLOW, EQUATIONS, DESCENT].map(|name| {
        let row = |k: u32| {
            vec![("dynamics", Level::from(name)), ("tau", Level::from(f64::from(k * INTERVAL)))]
        };
        // Flow and equations are the same at every seed.
        Case { rows: (0..=MOMENTS).map(row).collect(), seeds: if name == DESCENT { 10 } else { 2 } }
    });
    Plan::of_cases(cases.into(), MEASURES, move |case, seed| {
        let (mut dynamics, start) = flow(START, OVERLAPS)?;
        let mut losses = vec![dynamics.averages(&start)?.loss];
        dynamics.rate = RATE;
        dynamics.second_layer_rate = RATE;
        if case < 2 {
            if case == 1 {
                dynamics.second_order = SecondOrder::Kept;
            }
            let times: Vec<f64> = (1..=MOMENTS).map(|k| f64::from(k * INTERVAL)).collect();
            for state in dynamics.trajectory(&start, &times, TOLERANCE)? {
                losses.push(dynamics.averages(&state)?.loss);
            }
        } else {
            let (mut at, mut rng) = (start, sample::stream(seed));
            for _ in 0..MOMENTS {
                let steps = u64::from(INTERVAL) * dimension as u64;
                dynamics.simulate(&mut at, dimension, steps, &mut rng)?;
                losses.push(dynamics.averages(&at)?.loss);
            }
        }
        Ok(losses)
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let at = |dynamics: &'static str, tau: u32| {
        let fixed = [("dynamics", Level::from(dynamics)), ("tau", f64::from(tau).into())];
        found.one("loss", &fixed)
    };
    let saddle = Plateau::of_two_students(2)?.loss;
    let waiting = at(FLOW, WAITING)?;
    let (equations, descent) = (at(EQUATIONS, EARLY)?, at(DESCENT, EARLY)?);
    let flow = at(FLOW, EARLY)?;
    let end = MOMENTS * INTERVAL;
    let (flow_end, descent_end) = (at(FLOW, end)?, at(DESCENT, end)?);
    Ok(vec![
        Conclusion::new(
            "the flow waits at the loss of the saddle",
            near(waiting, saddle, NEAR_THE_SADDLE * saddle),
            format!("{} at tau = {WAITING}, the saddle has {}", figure(waiting), short(saddle)),
        ),
        Conclusion::new(
            "one-pass descent has the loss of the equations on its way there",
            near(descent, equations.mean(), OF_THE_EQUATIONS * equations.mean()),
            format!("{} for {} at tau = {EARLY}", figure(descent), short(equations.mean())),
        ),
        Conclusion::new(
            "one-pass descent has the loss of the flow there (the control)",
            near(descent, flow.mean(), OF_THE_EQUATIONS * flow.mean()),
            format!("{} for {} at tau = {EARLY}", figure(descent), short(flow.mean())),
        ),
        Conclusion::new(
            "both leave the plateau",
            super::reading::below(descent_end, 0.5 * saddle)
                .and(super::reading::below(flow_end, 0.5 * saddle)),
            format!("{} and {} at tau = {end}", figure(descent_end), figure(flow_end)),
        ),
    ])
}

/// How near the flow comes to the saddle from overlaps of [`START`], relative.
const NEAR_THE_SADDLE: f64 = 0.01;
/// What fluctuations at the quick dimension leave, relative.
const OF_THE_EQUATIONS: f64 = 0.02;
