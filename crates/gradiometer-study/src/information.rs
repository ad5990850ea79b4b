//! 9.4: a larger information exponent raises the first step's sample need as `d^k`.
//!
//! A neuron's population step is of size `|P w|^(k-1)`, of order `d^(-(k-1)/2)`, and its noise of
//! size `(d/n)^(1/2)`. The need is the `n` at which signal and noise are equal, by the median over
//! the neurons of the cosine between the sampled and the population step.

use super::Size;
use super::measurement::{Level, Measure, Measurement, mean};
use super::reading::{Conclusion, Found, figure, near, short};
use super::session::{Failure, Plan};
use gradiometer_hermite::Activation;
use gradiometer_instances::generate::symmetric_start;
use gradiometer_model::geometry::{dot, norm};
use gradiometer_model::{ModelError, Network, Teacher};
use gradiometer_population::{
    Accuracy, Degrees, Gradient, Objective, Population, SampleRequest, Samples,
};
use gradiometer_verify::statistics::slope;
use std::f64::consts::PI;

const MEASURES: &[Measure] = &[mean("need")];
/// The exponents of the teachers here; 1 is without preprocessing.
const EXPONENTS: [usize; 3] = [1, 2, 4];

pub(super) fn plan(size: Size) -> Plan {
    let neurons = size.choose(40, 80);
    let mut cases = Vec::new();
    for k in EXPONENTS {
        let dimensions = match (size, k) {
            // Smaller dimensions are below the law, and larger ones take minutes.
            (Size::Quick, 4) => &[][..],
            (Size::Quick, _) => &[12, 24, 48],
            (Size::Full, 4) => &[10, 12, 16, 20],
            (Size::Full, _) => &[16, 32, 64, 128],
        };
        cases.extend(dimensions.iter().map(|d| (k, *d)));
    }
    let setting =
        |&(k, d): &(usize, usize)| vec![("information_exponent", k.into()), ("d", d.into())];
    Plan::new(cases, setting, (MEASURES, 10), move |&(k, d), seed| {
        let degree = if k == 1 { Degrees::All } else { Degrees::FromTwo };
        Ok(vec![need(&teacher(k, d)?, (degree, k), neurons, seed)?])
    })
}

/// For `k = 1` one neuron; for even `k` as many in a plane, at multiples of `pi/k` and with signs
/// in turn: their tensors of even degree below `k` cancel.
pub(super) fn teacher(k: usize, d: usize) -> Result<Teacher, ModelError> {
    let mut first_layer = vec![0.0; k * d];
    for (i, w) in first_layer.chunks_exact_mut(d).enumerate() {
        (w[1], w[0]) = (PI * i as f64 / k as f64).sin_cos();
    }
    let signs = (0..k).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    Teacher::new(Network::new(d, signs, first_layer)?)
}

/// Rungs of the ladder of `n` before a study gives up; each has twice the samples of the one
/// before.
const RUNGS: usize = 14;
/// Signal over noise, squared, at which a rung is believed: well above what a direction at random
/// has.
const CLEAR: f64 = 2.0;

/// The need of one start: `n` doubles from `d^k/2` on until the signal is clear of the noise; their
/// ratio is of order `n`, and so where it is 1 follows.
pub(super) fn need(
    teacher: &Teacher,
    (degrees, k): (Degrees, usize),
    neurons: usize,
    seed: u64,
) -> Result<f64, Failure> {
    let d = teacher.dimension();
    let start = symmetric_start(d, neurons, 1.0, seed)?;
    let population = Population::new(teacher.clone()).of_degrees(degrees);
    let exact = population.evaluate(&start, Accuracy::FAST)?.gradient;
    let mut n = (d.pow(u32::try_from(k)?) / 2).max(d + 2);
    for _ in 0..RUNGS {
        let request = SampleRequest { degrees, ..SampleRequest::new(n, (1 << 32) + seed) };
        let samples = Samples::drawn(teacher.clone(), Activation::Relu, &request)?;
        let found = samples.evaluate(&start, Accuracy::FAST)?.gradient;
        let square = median_cosine(&found, &exact, d).powi(2);
        let ratio = square / (1.0 - square);
        if ratio >= CLEAR {
            return Ok(n as f64 / ratio);
        }
        n *= 2;
    }
    Ok(f64::NAN)
}

/// The median over the first half of the neurons, which the second repeats.
fn median_cosine(found: &Gradient, exact: &Gradient, d: usize) -> f64 {
    let rows = found.first_layer.chunks_exact(d).zip(exact.first_layer.chunks_exact(d));
    let half = found.second_layer.len() / 2;
    let mut cosines: Vec<f64> =
        rows.take(half).map(|(x, y)| dot(x, y) / (norm(x) * norm(y))).collect();
    cosines.sort_by(f64::total_cmp);
    let upper = cosines.get(half / 2).copied().unwrap_or(f64::NAN);
    let lower = cosines.get(half.saturating_sub(1) / 2).copied().unwrap_or(f64::NAN);
    0.5 * (upper + lower)
}

/// The exponents that the size has.
fn measured(found: Found<'_>) -> impl Iterator<Item = usize> {
    let has = move |k: &usize| {
        !found.all("need", &[("information_exponent", Level::from(*k))]).is_empty()
    };
    EXPONENTS.into_iter().filter(has)
}

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    let of = |k: usize| {
        let fixed = [("information_exponent", Level::from(k))];
        found.exponents("exponent", ("need", "d"), &fixed)
    };
    measured(found).map(of).collect()
}

/// The need up to a constant, `d/|P w|^(2(k-1))` at the median of `|P w|^2`, which is `1 -
/// 2^(-2/(d-2))` for a uniform unit vector and a span of rank 2: of order `d^k`, but for small `d`
/// of a greater exponent.
fn law(k: f64, d: f64) -> f64 {
    d / (1.0 - (-2.0 / (d - 2.0)).exp2()).powf(k - 1.0)
}

/// How near the fitted exponent must come to that of the law: nearer than to that of another `k`.
const NEAREST: f64 = 0.5;

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let mut conclusions = Vec::new();
    for k in measured(found) {
        let fixed = [("information_exponent", Level::from(k))];
        let exponent = found.one("exponent", &fixed)?;
        let (_, last) = found.ends("need", &fixed)?;
        let d = last.number("d");
        let points: Vec<(f64, f64)> = found
            .all("need", &fixed)
            .iter()
            .map(|one| (one.number("d"), law(k as f64, one.number("d"))))
            .collect();
        let predicted = slope(&points).unwrap_or(f64::NAN);
        conclusions.push(Conclusion::new(
            format!("for information exponent {k} the first step needs samples of order d^{k}"),
            near(exponent, predicted, NEAREST),
            format!(
                "fitted exponent {}, at these d {} of the law; need {} d^{k} at d = {d}",
                figure(exponent),
                short(predicted),
                short(last.mean() / d.powf(k as f64))
            ),
        ));
    }
    Ok(conclusions)
}
