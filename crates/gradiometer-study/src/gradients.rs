//! 9.5: empirical against population gradients near the teacher.
//!
//! The fit of the labels is off by `((d/n) Var(y~))^(1/2)`, which moves the gradient only together
//! with a second sampling error, by the order `(d/n) Var(y~)^(1/2)`. Against `(L/n)^(1/2)` that is
//! small once `n` is well above `d^2 Var(y~)/L`; the exponent is fitted from there on.

use super::Size;
use super::measurement::{Measure, Measurement, mean};
use super::reading::{Conclusion, Found, figure, near};
use super::session::{Failure, Plan};
use gradiometer_hermite::Activation;
use gradiometer_instances::generate::{TeacherRequest, near_teacher_student};
use gradiometer_population::{Accuracy, Gradient, Objective, Population, SampleRequest, Samples};

const MEASURES: [Measure; 1] = [mean("relative_error")];
/// How near the exponent must come to 1/2: the lower orders in `n` bend the line by as much.
const RESOLUTION: f64 = 0.02;

pub(super) fn plan(size: Size) -> Plan {
    let (d, per_neuron, least) = size.choose((6, 4, 1_000), (10, 10, 4_000));
    let cases = [1, 10, 100, 1000].map(|factor: usize| factor * least).to_vec();
    let setting = move |n: &usize| vec![("d", d.into()), ("n", (*n).into())];
    Plan::new(cases, setting, (&MEASURES, 10), move |n, seed| {
        let request = TeacherRequest { separation: 0.5, ..TeacherRequest::new(d, 3, 3, seed) };
        let teacher = request.generate()?.into_inner();
        let student = near_teacher_student(&teacher, per_neuron, 0.3, 0.3, seed)?;
        let population = Population::new(teacher.clone());
        let exact = population.evaluate(&student, Accuracy::FAST)?.gradient;
        let request = SampleRequest::new(*n, (1 << 32) + seed);
        let samples = Samples::drawn(teacher, Activation::Relu, &request)?;
        let found = samples.evaluate(&student, Accuracy::FAST)?.gradient;
        Ok(vec![(squared_distance(&found, &exact) / exact.squared_norm().value).sqrt()])
    })
}

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    vec![found.exponents("exponent", ("relative_error", "n"), &[])]
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let exponent = found.one("exponent", &[])?;
    let (few, many) = found.ends("relative_error", &[])?;
    Ok(vec![Conclusion::new(
        "the empirical gradient approaches the population's as n^(-1/2)",
        near(exponent, -0.5, RESOLUTION),
        format!(
            "exponent {}; relative error {} at n = {}, {} at n = {}",
            figure(exponent),
            figure(few),
            few.number("n"),
            figure(many),
            many.number("n")
        ),
    )])
}

fn squared_distance(left: &Gradient, right: &Gradient) -> f64 {
    let layer =
        |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum() };
    layer(&left.second_layer, &right.second_layer) + layer(&left.first_layer, &right.first_layer)
}
