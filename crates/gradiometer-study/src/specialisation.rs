//! 11.13.5 and 11.13.6: where gradient flow of two students waits, how long, and the noise floor of one-pass descent.

use super::Size;
use super::comparison::{self, Experiment, Form, Row};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::MechanismError;
use gradiometer_mechanisms::relu_order_parameters::{
    Dynamics, OrderParameters, Plateau, SecondOrder, noise_floor,
};
use gradiometer_mechanisms::sample;
use rand::RngExt as _;

/// Of the equations' solutions.
const TOLERANCE: f64 = 1e-11;
/// The loss below which the plateau is left.
const ESCAPED: f64 = 0.07;
/// What is asked of the time per decade.
const ONE_IN_A_THOUSAND: f64 = 1e-3;

/// Gradient flow of two students of two orthonormal teachers, from overlaps `eps` times the four given ones.
pub(super) fn flow(
    eps: f64,
    overlaps: [f64; 4],
) -> Result<(Dynamics, OrderParameters), MechanismError> {
    let mut dynamics = Dynamics::new(vec![1.0, 0.0, 0.0, 1.0], vec![1.0, 1.0], 1.0)?;
    dynamics.second_order = SecondOrder::Dropped;
    let start = OrderParameters {
        student: vec![0.25, 0.0, 0.0, 0.25],
        overlap: overlaps.map(|x| eps * x).to_vec(),
        second_layer: vec![0.5, 0.5],
    };
    Ok((dynamics, start))
}

fn escape(eps: f64, overlaps: [f64; 4]) -> Result<f64, MechanismError> {
    let (dynamics, start) = flow(eps, overlaps)?;
    dynamics.first_below(&start, ESCAPED, 200.0, TOLERANCE)
}

/// The plateau of 11.13.5, from random overlaps whose double difference does not vanish.
fn plateau(seeds: usize) -> Experiment {
    let row = |quantity, form, finite_size| Row {
        statement: "11.13.5",
        quantity,
        d: 2,
        form,
        finite_size,
    };
    let rows = [
        row("loss on the plateau", Form::Stated, ONE_IN_A_THOUSAND),
        row("loss on the plateau at the collapsed point", Form::Control, ONE_IN_A_THOUSAND),
        row("time per decade of the start", Form::Stated, ONE_IN_A_THOUSAND),
        row("time per decade without a double difference", Form::Control, ONE_IN_A_THOUSAND),
    ];
    Experiment::new(rows, seeds, |seed| {
        let mut rng = sample::stream(seed);
        let mut overlaps = [0.0; 4].map(|_: f64| 2.0 * rng.random::<f64>() - 1.0);
        // The mode that grows is the double difference: from one of order one.
        overlaps[0] = 1.0 + overlaps[1] + overlaps[2] - overlaps[3];
        let (dynamics, start) = flow(1e-5, overlaps)?;
        let waiting = dynamics.trajectory(&start, &[10.0], TOLERANCE)?;
        let loss = dynamics.averages(waiting.first().ok_or("no state")?)?.loss;
        let predicted = Plateau::of_two_students(2)?;
        let decade = escape(1e-5, overlaps)? - escape(1e-4, overlaps)?;
        // Here it starts at the second order, and a decade takes twice as long.
        let vanishing = [1.0, 0.2, 0.4, -0.4];
        let doubled = escape(1e-3, vanishing)? - escape(1e-2, vanishing)?;
        Ok(vec![
            (loss, predicted.loss),
            (loss, Plateau::collapsed(2)?.loss),
            (decade, predicted.time_per_decade()),
            (doubled, predicted.time_per_decade()),
        ])
    })
}

/// The floor of 11.13.6: one student of one teacher, labels with noise.
fn floor(d: usize, seeds: usize) -> Experiment {
    const RATE: f64 = 0.2;
    const VARIANCE: f64 = 0.01;
    /// Rounds of a tenth of a unit of time over which the loss is averaged.
    const ROUNDS: u32 = 1000;
    let row =
        |quantity, form, finite_size| Row { statement: "11.13.6", quantity, d, form, finite_size };
    let rows = [
        row("loss over the noise's variance", Form::Stated, 1.0 / d as f64),
        row("loss over the noise's variance without 1 - eta", Form::Control, 1.0 / d as f64),
        // The closed form is that of vanishing noise.
        row("loss of the equations over the closed form", Form::Stated, VARIANCE),
    ];
    Experiment::new(rows, seeds, move |seed| {
        let mut dynamics = Dynamics::new(vec![1.0], vec![1.0], RATE)?;
        dynamics.second_layer_rate = 0.0;
        dynamics.noise_variance = VARIANCE;
        let start =
            OrderParameters { student: vec![1.0], overlap: vec![0.9], second_layer: vec![1.0] };
        let end = dynamics.trajectory(&start, &[400.0], TOLERANCE)?;
        let limit = dynamics.averages(end.first().ok_or("no state")?)?.loss / VARIANCE;
        // At time 20 the start is not forgotten to a thousandth: the equations over the same times.
        let times: Vec<f64> = (1..=ROUNDS).map(|k| 20.0 + 0.1 * f64::from(k)).collect();
        let mut equations = 0.0;
        for state in dynamics.trajectory(&start, &times, TOLERANCE)? {
            equations += dynamics.averages(&state)?.loss;
        }
        let equations = equations / f64::from(ROUNDS) / VARIANCE;
        let mut rng = sample::stream(seed);
        let mut at = start;
        dynamics.simulate(&mut at, d, 20 * d as u64, &mut rng)?;
        let mut sum = 0.0;
        for _ in 0..ROUNDS {
            dynamics.simulate(&mut at, d, d as u64 / 10, &mut rng)?;
            sum += dynamics.averages(&at)?.loss;
        }
        let measured = sum / f64::from(ROUNDS) / VARIANCE;
        Ok(vec![(measured, equations), (measured, 0.5 * RATE), (limit / noise_floor(RATE), 1.0)])
    })
}

pub(super) fn plan(size: Size) -> Plan {
    comparison::plan(match size {
        Size::Quick => vec![plateau(3), floor(200, 8)],
        Size::Full => vec![plateau(10), floor(200, 40), floor(1000, 40)],
    })
}

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, &[])
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, &[])
}
