//! 11.1.3, 11.1.4: four ways to learn from `n = c d^2` samples on one pair of axes.
//!
//! The teacher of [`super::samples`], labels of degrees two and above; loss over that of the zero network. Algorithm 1 has
//! all `n` samples at each of its stages; one step and ridge has half of them for the step and half for the ridge; random
//! features have all for the ridge. The floor is that of every rotation-invariant kernel on `n` samples with a free affine
//! part (11.1.4). Ridge has the best of three penalties.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, exceeds, figure, short};
use super::samples::{RANK, request, teacher};
use super::session::{Failure, Plan};
use gradiometer_hermite::Activation;
use gradiometer_hermite::float::{maximum, minimum_of};
use gradiometer_instances::generate::symmetric_start;
use gradiometer_mechanisms::damian2022::LimitLawExperiment;
use gradiometer_mechanisms::floor::HarmonicProfile;
use gradiometer_mechanisms::sample::axes;
use gradiometer_population::{Objective as _, Population, Samples};
use gradiometer_train::{Algorithm, LOSS_ACCURACY, Optimizer, Stage3};

const MEASURES: &[Measure] = &[mean("loss_share")];

const ALGORITHM_1: &str = "Algorithm 1";
const ONE_STEP: &str = "one step and ridge";
const RANDOM: &str = "random features";
const FLOOR: &str = "floor of all kernels";
const METHODS: [&str; 4] = [ALGORITHM_1, ONE_STEP, RANDOM, FLOOR];

const AMPLITUDES: [f64; RANK] = [1.0, -1.0, 1.0];
const PENALTIES: [f64; 3] = [1e-4, 1e-3, 1e-2];
/// Harmonic degrees that are counted.
const HIGHEST: usize = 40;

pub(super) use super::nothing_derived as derive;

/// Sizes of the networks: neurons of ridge, neurons, epochs and steps of Algorithm 1.
type Networks = (usize, (usize, u64, u64));

pub(super) fn plan(size: Size) -> Plan {
    let d = size.choose(20, 40);
    let networks: Networks = size.choose((100, (20, 3, 60)), (200, (60, 4, 100)));
    let ratios: &[f64] = size.choose(&[0.5, 2.0, 8.0], &[0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]);
    let cases: Vec<(&'static str, f64)> =
        METHODS.iter().flat_map(|name| ratios.iter().map(move |c| (*name, *c))).collect();
    let setting = move |&(name, c): &(&'static str, f64)| {
        vec![("method", Level::from(name)), ("d", d.into()), ("n_over_d2", c.into())]
    };
    Plan::new(cases, setting, (MEASURES, 10), move |&(name, c), seed| {
        Ok(vec![loss_share(name, d, c, networks, seed)?])
    })
}

fn loss_share(
    name: &str,
    d: usize,
    c: f64,
    (width, run): Networks,
    seed: u64,
) -> Result<f64, Failure> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
    let n = (c * (d * d) as f64).round() as usize;
    match name {
        ALGORITHM_1 => algorithm_1(d, n, run, seed),
        FLOOR => {
            let axes = axes(RANK, d)?;
            let profile = HarmonicProfile::relu(d, axes.as_ref(), &AMPLITUDES, HIGHEST)?;
            Ok(profile.floor((n + d + 1) as f64) / profile.total())
        }
        _ => {
            let step = name == ONE_STEP;
            let (step_share, ridge_samples) =
                if step { (0.5 * c, n / 2) } else { (1.0 / d as f64, n) };
            // A step on too few samples for least squares is one on noise; random features take none.
            let least = (2 * d) as f64 / (d * d) as f64;
            let mut shares = Vec::new();
            for penalty in PENALTIES {
                let experiment = LimitLawExperiment {
                    amplitudes: AMPLITUDES.to_vec(),
                    second_amplitudes: AMPLITUDES.to_vec(),
                    dimension: d,
                    samples_over_d2: maximum(step_share, least),
                    ridge_samples,
                    width,
                    penalty,
                };
                let found = experiment.measure(seed..seed + 1)?;
                shares.push(if step {
                    found.sampled.measured
                } else {
                    found.sampled_without_step.mean
                });
            }
            Ok(minimum_of(shares))
        }
    }
}

/// The population loss at the end of Algorithm 1 on `n` samples, over that of the zero network.
fn algorithm_1(
    d: usize,
    n: usize,
    (neurons, epochs, steps): (usize, u64, u64),
    seed: u64,
) -> Result<f64, Failure> {
    let objective = Samples::drawn(teacher(d)?, Activation::Relu, &request(n, seed))?;
    let population = Population::new(teacher(d)?);
    let start = symmetric_start(d, neurons, 1.0 / (neurons as f64).sqrt(), seed)?;
    let zero = population.loss(&start, LOSS_ACCURACY).value;
    let optimizer = Optimizer::Momentum { momentum: 0.9 };
    let stage3 = Stage3 { epochs, steps, step_size: 0.1, optimizer, ..Stage3::default() };
    let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
    let student = super::training::trained(&objective, &algorithm, start)?;
    let loss = student.map_or(f64::NAN, |one| population.loss(&one, LOSS_ACCURACY).value);
    Ok(loss / zero)
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let of = |name: &'static str| found.all("loss_share", &[("method", Level::from(name))]);
    let (whole, step, random, floor) = (of(ALGORITHM_1), of(ONE_STEP), of(RANDOM), of(FLOOR));
    let last = |name: &'static str| {
        found.ends("loss_share", &[("method", Level::from(name))]).map(|(_, last)| last)
    };
    let (ours, theirs) = (last(ALGORITHM_1)?, last(ONE_STEP)?);
    let c = ours.number("n_over_d2");
    let below = |line: &[&super::Measurement]| -> (Answer, String) {
        let mut answer = Answer::No;
        let mut places = Vec::new();
        for (one, floor) in line.iter().zip(&floor) {
            if exceeds(floor, one) == Answer::Yes {
                answer = Answer::Yes;
                places.push(format!(
                    "{} for {} at n = {} d^2",
                    short(one.mean()),
                    short(floor.mean()),
                    one.number("n_over_d2")
                ));
            }
        }
        let places = if places.is_empty() { "at no n".to_owned() } else { places.join(", ") };
        (answer, places)
    };
    let ((trained, a), (stepped, b), (never, e)) = (below(&whole), below(&step), below(&random));
    Ok(vec![
        Conclusion::new(
            "with the most samples Algorithm 1 ends below one step and ridge",
            exceeds(theirs, ours),
            format!("{} and {} at n = {c} d^2", figure(ours), figure(theirs)),
        ),
        Conclusion::new("Algorithm 1 goes below the floor of all kernels", trained, a),
        Conclusion::new("one step and ridge go below that floor", stepped, b),
        Conclusion::new("random features go below it (the control)", never, e),
    ])
}
