//! `time-mechanisms`: for every line `engine SIZE` or `step NEURONS DIMENSION` on standard input, the conditional engine
//! (11.5.1) or the first step on a polynomial target of degree 4 (11.0.1), reported as a JSON line with the seconds and
//! a number to compare.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a timing program: it prints times"
)]

use faer::Mat;
use gradiometer::mechanisms::activation::RELU;
use gradiometer::mechanisms::cui2024::{ConditionalRidge, Tuning};
use gradiometer::mechanisms::normal::Rule;
use gradiometer::mechanisms::step::StepCalculator;
use gradiometer::mechanisms::target::Term;
use gradiometer::mechanisms::{MechanismError, PolynomialTarget};
use std::io::BufRead as _;
use std::time::Instant;

/// Relative change of a leverage at which the fixed point counts as reached, here and in the script.
const CHANGE: f64 = 1e-10;

/// An irregular sequence in `[-1, 1]`, which other programs can make too.
fn wave(i: usize) -> f64 {
    (12.9898 * (i as f64 + 1.0)).sin()
}

/// Unit rows.
fn rows(count: usize, dimension: usize) -> Mat<f64> {
    let mut w = Mat::from_fn(count, dimension, |i, k| wave(i * dimension + k));
    for i in 0..count {
        let length = w.row(i).norm_l2();
        for k in 0..dimension {
            w[(i, k)] /= length;
        }
    }
    w
}

/// Ridge on `size` features in as many dimensions with constant spikes, on twice as many samples.
fn engine(size: usize) -> Result<(f64, f64, usize), MechanismError> {
    let mut w = rows(size, size);
    // Spikes of 1 along the first coordinate.
    for i in 0..size {
        w[(i, 0)] = 1.0;
    }
    let unit = |along: f64, across: f64| -> Vec<f64> {
        (0..size).map(|k| [along, across].get(k).copied().unwrap_or(0.0)).collect()
    };
    let (v, u, rule) = (unit(1.0, 0.0), unit(0.8, 0.6), Rule::gauss_hermite(11)?);
    let start = Instant::now();
    let engine = ConditionalRidge::spiked(w.as_ref(), &v, &u, &[0.0, 0.6, 0.5], &rule)?;
    let tuning = Tuning { change: CHANGE, ..Tuning::default() };
    let risk = engine.risk(2 * size, 0.1, tuning)?;
    Ok((start.elapsed().as_secs_f64(), risk.test, risk.rounds))
}

/// Every term of three coordinates up to degree 4.
fn target() -> Result<PolynomialTarget, MechanismError> {
    let mut terms = Vec::new();
    for a in 0..=4 {
        for b in 0..=4 - a {
            for c in 0..=4 - a - b {
                let coefficient = wave(terms.len());
                terms.push(Term { degrees: vec![a, b, c], coefficient });
            }
        }
    }
    PolynomialTarget::new(terms)
}

fn step(neurons: usize, dimension: usize) -> Result<(f64, f64, usize), MechanismError> {
    let (w, target) = (rows(neurons, dimension), target()?);
    let start = Instant::now();
    let steps = StepCalculator::new(&target, RELU).steps(w.as_ref())?;
    let seconds = start.elapsed().as_secs_f64();
    Ok((seconds, steps.norm_l2(), 1))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let (seconds, value, rounds) = match words.as_slice() {
            ["engine", size] => engine(size.parse()?)?,
            ["step", neurons, dimension] => step(neurons.parse()?, dimension.parse()?)?,
            _ => return Err("usage: lines `engine SIZE` or `step NEURONS DIMENSION`".into()),
        };
        println!("{}", serde_json::json!({"seconds": seconds, "value": value, "rounds": rounds}));
    }
    Ok(())
}
