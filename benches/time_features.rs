//! `time-features PROBLEM`: for every line on standard input, one run of the problem in a JSON file, reported as a JSON line with
//! its seconds and what it found.
//!
//! `{"rates": {teacher, teacher_second_layer, rate, second_layer_rate, decay, noise_variance, student, overlap, second_layer}}`
//! is the right side of the order-parameter equations (11.13.3), as many times as the line says; `{"machine": {inputs, labels,
//! dimension, bandwidth, ridge, updates}}` a recursive feature machine (11.10.7).
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a timing program: it prints times"
)]

use gradiometer::mechanisms::radhakrishnan::Kernel;
use gradiometer::mechanisms::relu_order_parameters::{Dynamics, OrderParameters};
use serde_json::{Value, json};
use std::error::Error;
use std::io::BufRead as _;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: time-features PROBLEM")?;
    let problem: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    for line in std::io::stdin().lock().lines() {
        let times: usize = line?.parse().unwrap_or(1).max(1);
        let report = match (problem.get("rates"), problem.get("machine")) {
            (Some(rates), _) => right_side(rates, times)?,
            (_, Some(machine)) => feature_machine(machine)?,
            _ => return Err("the problem is neither rates nor a machine".into()),
        };
        println!("{report}");
    }
    Ok(())
}

fn numbers(of: &Value, name: &str) -> Result<Vec<f64>, Box<dyn Error>> {
    let list = of[name].as_array().ok_or_else(|| format!("{name} is no list"))?;
    list.iter()
        .map(|x| x.as_f64().ok_or_else(|| format!("{name} has a non-number").into()))
        .collect()
}

fn number(of: &Value, name: &str) -> Result<f64, Box<dyn Error>> {
    of[name].as_f64().ok_or_else(|| format!("{name} is no number").into())
}

fn right_side(of: &Value, times: usize) -> Result<Value, Box<dyn Error>> {
    let teacher = numbers(of, "teacher")?;
    let mut dynamics =
        Dynamics::new(teacher, numbers(of, "teacher_second_layer")?, number(of, "rate")?)?;
    dynamics.second_layer_rate = number(of, "second_layer_rate")?;
    dynamics.decay = number(of, "decay")?;
    dynamics.noise_variance = number(of, "noise_variance")?;
    let at = OrderParameters {
        student: numbers(of, "student")?,
        overlap: numbers(of, "overlap")?,
        second_layer: numbers(of, "second_layer")?,
    };
    let start = Instant::now();
    let mut found = dynamics.rates(&at)?;
    for _ in 1..times {
        found = dynamics.rates(&at)?;
    }
    let seconds = start.elapsed().as_secs_f64() / times as f64;
    let found = [found.student, found.overlap, found.second_layer].concat();
    Ok(json!({"seconds": seconds, "found": found}))
}

fn feature_machine(of: &Value) -> Result<Value, Box<dyn Error>> {
    let (inputs, labels) = (numbers(of, "inputs")?, numbers(of, "labels")?);
    let kernel = Kernel { bandwidth: number(of, "bandwidth")?, ridge: number(of, "ridge")? };
    let count = |name| -> Result<usize, Box<dyn Error>> {
        Ok(usize::try_from(of[name].as_u64().ok_or_else(|| format!("{name} is no count"))?)?)
    };
    let (d, updates) = (count("dimension")?, count("updates")?);
    let start = Instant::now();
    let rounds = kernel.recursive(&inputs, &labels, d, updates)?;
    let seconds = start.elapsed().as_secs_f64();
    let last = rounds.last().ok_or("no round")?.metric();
    let found: Vec<f64> = (0..d * d).map(|i| last[(i / d, i % d)]).collect();
    Ok(json!({"seconds": seconds, "found": found}))
}
