//! `time-step TEACHER STUDENT [single]`: for every line on standard input, one step on the given networks, or as many as the line
//! says, reported as a JSON line with the median of their seconds.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a timing program: it prints times"
)]

use gradiometer::files::{TensorNames, read_network, read_teacher};
use gradiometer::population::{
    Accuracy, Gradient, InstructionSet, Objective, Population, Precision, Workspace,
};
use std::io::BufRead as _;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let (teacher, student, precision) = match paths.as_slice() {
        [teacher, student] => (teacher, student, Precision::Double),
        [teacher, student, single] if single == "single" => (teacher, student, Precision::Single),
        _ => return Err("usage: time-step TEACHER STUDENT [single]".into()),
    };
    let names = TensorNames::default();
    let teacher = read_teacher(Path::new(teacher), &names)?;
    let student = read_network(Path::new(student), &names)?;
    let population = Population::new(teacher);
    let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
    let asked = Accuracy::fast_in(precision);
    for line in std::io::stdin().lock().lines() {
        let steps: usize = line?.parse().unwrap_or(1).max(1);
        let mut times = Vec::with_capacity(steps);
        let mut loss = None;
        for _ in 0..steps {
            let start = Instant::now();
            let into = Some(&mut gradient);
            loss = Some(population.evaluate_into(&student, &asked, &mut workspace, into).loss);
            times.push(start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        let seconds = times[steps / 2];
        let sum = |values: &[f64]| values.iter().map(|g| g.abs()).sum::<f64>();
        let report = serde_json::json!({
            "seconds": seconds,
            "loss": loss.map(|loss| loss.value),
            "second_layer_sum": sum(&gradient.second_layer),
            "first_layer_sum": sum(&gradient.first_layer),
            "instruction_set": InstructionSet::detect().name(),
            "peak_mib": peak_mib(),
        });
        println!("{report}");
    }
    Ok(())
}

/// Peak resident memory of this process in MiB, where the system tells.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
