//! `time-samples TEACHER STUDENT SAMPLES`: for every line on standard input, one full-batch step of the empirical objective on
//! the given networks and samples (`.npz` with `x` and `y`), reported as a JSON line.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a timing program: it prints times"
)]

use gradiometer::files::{TensorNames, read_network, read_samples, read_teacher};
use gradiometer::hermite::Activation;
use gradiometer::population::{
    Accuracy, Gradient, InstructionSet, Objective, SampleRequest, Samples, Workspace,
};
use std::io::BufRead as _;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [teacher, student, samples] = paths.as_slice() else {
        return Err("usage: time-samples TEACHER STUDENT SAMPLES".into());
    };
    let names = TensorNames::default();
    let teacher = read_teacher(Path::new(teacher), &names)?;
    let student = read_network(Path::new(student), &names)?;
    let samples = read_samples(Path::new(samples))?;
    let request = SampleRequest::new(samples.labels.len(), 0);
    let objective =
        Samples::given(teacher, Activation::Relu, &samples.inputs, &samples.labels, &request)?;
    let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
    for line in std::io::stdin().lock().lines() {
        let _request = line?;
        let start = Instant::now();
        let loss = objective
            .evaluate_into(&student, &Accuracy::FAST, &mut workspace, Some(&mut gradient))
            .loss;
        let seconds = start.elapsed().as_secs_f64();
        let sum = |values: &[f64]| values.iter().map(|g| g.abs()).sum::<f64>();
        let report = serde_json::json!({
            "seconds": seconds,
            "loss": loss.value,
            "second_layer_sum": sum(&gradient.second_layer),
            "first_layer_sum": sum(&gradient.first_layer),
            "instruction_set": InstructionSet::detect().name(),
            "threads": std::thread::available_parallelism()?.get(),
        });
        println!("{report}");
    }
    Ok(())
}
