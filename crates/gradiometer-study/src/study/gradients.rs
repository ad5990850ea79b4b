//! 9.5: empirical against population gradients near the teacher.
//!
//! The fit of the labels is off by `((d/n) Var(y~))^(1/2)`, which moves the gradient only together with a second sampling error, by the order
//! `(d/n) Var(y~)^(1/2)`. Against `(L/n)^(1/2)` that is small once `n` is well above `d^2 Var(y~)/L`; the exponent is fitted from there on.

use super::{Measurement, Outcome, Size};
use gradiometer_model::generate::{TeacherRequest, near_teacher_student};
use gradiometer_population::{
    Empirical, Gradient, Objective, Population, SampleRequest, Workspace,
};

pub(super) fn run(size: Size) -> Outcome {
    let (d, per_neuron, least) = size.choose((6, 4, 1_000), (10, 10, 4_000));
    let counts = [1, 10, 100, 1000].map(|factor: usize| factor * least);
    let mut errors = vec![Vec::new(); counts.len()];
    let mut exponents = Vec::new();
    for seed in 0..10 {
        let request = TeacherRequest { separation: 0.5, ..TeacherRequest::new(d, 3, 3, seed) };
        let teacher = request.generate()?.into_inner();
        let student = near_teacher_student(&teacher, per_neuron, 0.3, 0.3, seed)?;
        let mut exact = Gradient::default();
        let population = Population::new(teacher.clone());
        let _loss = population.evaluate_fast(&student, &mut Workspace::new(), &mut exact);
        let mut logarithms = Vec::new();
        for (values, n) in errors.iter_mut().zip(counts) {
            let request = SampleRequest::new(n, (1 << 32) + seed);
            let (_, found) = Empirical::drawn(teacher.clone(), &request)?.evaluate(&student)?;
            let error = (squared_distance(&found, &exact) / exact.squared_norm()).sqrt();
            values.push((seed, error));
            logarithms.push(error.log10());
        }
        // Least squares on equally spaced logarithms.
        let [first, second, third, fourth] = logarithms[..] else { continue };
        exponents.push((seed, (3.0 * (fourth - first) + third - second) / 10.0));
    }
    let at = |n| vec![("d", d as f64), ("n", n)];
    let mut found: Vec<Measurement> = counts
        .iter()
        .zip(errors)
        .map(|(n, values)| Measurement {
            setting: at(*n as f64),
            quantity: "relative gradient error",
            values,
        })
        .collect();
    found.push(Measurement { setting: at(f64::NAN), quantity: "exponent", values: exponents });
    Ok(found)
}

fn squared_distance(left: &Gradient, right: &Gradient) -> f64 {
    let layer =
        |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum() };
    layer(&left.second_layer, &right.second_layer) + layer(&left.first_layer, &right.first_layer)
}
