//! 9.1: how many samples the first step needs.
//!
//! For orthonormal teachers with amplitudes of modulus 1 a neuron's first step is `H w/(2 pi)` up
//! to a factor, of squared length `(|P w|/(2 pi))^2` where `d |P w|^2` tends to a chi-squared
//! variable of `r` degrees. The noise of `(1/2n) sum_i y~_i sign(w.x_i) x_i` has squared length `d
//! Var(y~)/(4 n)`, `Var(y~) = r k(1)`, `k(1) = 1/4 - 1/(2 pi)`, of which `r/d` lies in the span.
//! With the median `q_r` of that variable and the noise over the signal `s = pi^2 k(1) (r/q_r)
//! d^2/n`, the median cosine is `((1 + s r/d)/(1 + s))^(1/2)` up to relative terms of order `1/d`:
//! for large `d` and `r = 3` it is 0.68, 0.88 and 0.97 at `n/d^2 = 1, 4, 16`.

use super::measurement::{Measure, Measurement, mean};
use super::reading::{Answer, Conclusion, Found, exceeds, figure, short};
use super::session::{Failure, Plan};
use super::{Level, Size};
use gradiometer_hermite::Activation;
use gradiometer_hermite::float::{maximum_of, minimum_of};
use gradiometer_instances::generate::symmetric_start;
use gradiometer_model::geometry::norm;
use gradiometer_model::{Network, Teacher};
use gradiometer_population::{Degrees, SampleRequest, Samples};
use gradiometer_train::{Algorithm, Stage1, TrainError, Trainer};
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Rank of the teachers here: orthonormal neurons, signs in turn.
pub(super) const RANK: usize = 3;

/// `n/d^2`.
const RATIOS: [usize; 3] = [1, 4, 16];
/// `n/d` of the settings in which `n` grows with `d` alone.
const LINEAR: usize = 20;

const MEASURES: [Measure; 1] = [mean("median_cosine")];

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimensions = size.choose(&[20, 40][..], &[20, 40, 80, 160]);
    let neurons = size.choose(100, 400);
    let mut cases = Vec::new();
    for &d in dimensions {
        let mut counts: Vec<usize> = RATIOS.iter().map(|c| c * d * d).collect();
        counts.push(LINEAR * d);
        counts.sort_unstable();
        counts.dedup();
        cases.extend(counts.into_iter().map(|n| (d, n)));
    }
    let setting = |&(d, n): &(usize, usize)| {
        let (dimension, count) = (d as f64, n as f64);
        vec![
            ("d", d.into()),
            ("n", n.into()),
            ("n_over_d2", (count / (dimension * dimension)).into()),
            ("predicted", predicted(dimension, count).into()),
        ]
    };
    Plan::new(cases, setting, (&MEASURES, 10), move |&(d, n), seed| {
        Ok(vec![median_cosine(d, n, neurons, seed)?])
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let mut conclusions = Vec::new();
    for ratio in RATIOS {
        let here = found.all("median_cosine", &[("n_over_d2", Level::from(ratio))]);
        let agrees = here.iter().map(|one| Answer::of(agrees(one, one.number("predicted"))));
        let means = || here.iter().map(|one| one.mean());
        conclusions.push(Conclusion::new(
            format!(
                "at n = {ratio} d^2 the median cosine is the predicted one up to 1/d for every d"
            ),
            Answer::all(agrees),
            format!("{} to {}", short(minimum_of(means())), short(maximum_of(means()))),
        ));
    }
    let (least, greatest) = found.ends("median_cosine", &[])?;
    let linear = |one: &Measurement| {
        let d = one.number("d");
        found.one("median_cosine", &[("d", d.into()), ("n", (LINEAR as f64 * d).into())])
    };
    let (first, last) = (linear(least)?, linear(greatest)?);
    conclusions.push(Conclusion::new(
        format!("at n = {LINEAR} d the median cosine falls as d grows"),
        exceeds(first, last),
        format!(
            "{} at d = {}, {} at d = {}",
            figure(first),
            first.number("d"),
            figure(last),
            last.number("d")
        ),
    ));
    Ok(conclusions)
}

/// Whether a measured cosine is the given one, up to the relative order `1/d` that the prediction
/// leaves out and its interval.
pub(super) fn agrees(found: &Measurement, cosine: f64) -> bool {
    let (low, high) = found.interval();
    let room = 1.0 / found.number("d");
    low - room <= cosine && cosine <= high + room
}

/// The median cosine of the module's text.
pub(super) fn predicted(d: f64, n: f64) -> f64 {
    let (rank, pi) = (RANK as f64, std::f64::consts::PI);
    let median = ChiSquared::new(rank).map_or(f64::NAN, |variable| variable.inverse_cdf(0.5));
    let noise = pi * pi * (0.25 - 0.5 / pi) * (rank / median) * d * d / n;
    ((1.0 + noise * rank / d) / (1.0 + noise)).sqrt()
}

/// The median over the neurons of `|P w|/|w|` after the first step, `P` the projection onto the
/// teacher's span.
fn median_cosine(d: usize, n: usize, neurons: usize, seed: u64) -> Result<f64, Failure> {
    let student = first_step(
        &Samples::drawn(teacher(d)?, Activation::Relu, &request(n, seed))?,
        neurons,
        seed,
    )?;
    // The second half of the neurons repeats the first.
    let mut cosines: Vec<f64> =
        student.rows().take(neurons / 2).map(|w| norm(&w[..RANK]) / norm(w)).collect();
    cosines.sort_by(f64::total_cmp);
    let middle = cosines.len() / 2;
    Ok(0.5 * (cosines[middle] + cosines[(cosines.len() - 1) / 2]))
}

/// The teacher `relu(x_1) - relu(x_2) + relu(x_3)`.
pub(super) fn teacher(d: usize) -> Result<Teacher, gradiometer_model::ModelError> {
    let mut first_layer = vec![0.0; RANK * d];
    for i in 0..RANK {
        first_layer[i * d + i] = 1.0;
    }
    let signs = (0..RANK).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    Teacher::new(Network::new(d, signs, first_layer)?)
}

/// Preprocessed samples from a stream apart from the students'.
pub(super) const fn request(n: usize, seed: u64) -> SampleRequest {
    SampleRequest { degrees: Degrees::FromTwo, ..SampleRequest::new(n, (1 << 32) + seed) }
}

/// A symmetric start after Stage 1.
pub(super) fn first_step(
    objective: &Samples,
    neurons: usize,
    seed: u64,
) -> Result<Network, TrainError> {
    use gradiometer_population::Objective as _;
    let d = objective.teacher().dimension();
    let start = symmetric_start(d, neurons, 1.0 / (neurons as f64).sqrt(), seed)?;
    let algorithm =
        Algorithm { stage1: Some(Stage1::default()), stage2: None, balance: false, stage3: None };
    let mut trainer = Trainer::new(objective, &algorithm, start)?;
    let _ended = trainer.advance(1)?;
    Ok(trainer.into_state().student)
}
