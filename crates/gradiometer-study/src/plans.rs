//! What `plan` says of five targets beside the samples that simulations need for the same goals.
//!
//! A simulation is run on a grid of samples around the plan's number; where it reaches the goal is found between the two
//! neighbours of the grid by a power law, seed by seed. The control of each kind is a plan for another goal or target.

use super::Size;
use super::comparison::{self, Experiment, Row};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_hermite::float::{minimum, minimum_of};
use gradiometer_mechanisms::PolynomialTarget;
use gradiometer_mechanisms::activation::RELU;
use gradiometer_mechanisms::damian2022::{
    DegreeExperiment, LabelFit, LimitLawExperiment, measure_energies, relu_second_degree,
};
use gradiometer_mechanisms::dandi2023::{
    StairOutcome, StepSize, measure_directions, measure_staircase,
};
use gradiometer_mechanisms::plan::{Need, PlanRequest, PlanTarget, Rests, plan as needs};
use gradiometer_mechanisms::sample::{axes, labels, normals, ridge, stream};
use gradiometer_mechanisms::step::{Energies, SampledStep, harmonic_energies};
use gradiometer_mechanisms::target::Term;

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, &[])
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, &[])
}

pub(super) fn plan(size: Size) -> Plan {
    let mut experiments = steps_and_ridge(size);
    experiments.extend(half_points(size));
    experiments.push(linear(size));
    experiments.push(direction(size));
    // Half a minute.
    experiments.extend((size == Size::Full).then(staircase));
    comparison::plan(experiments)
}

/// The five targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// `Re (z_1 + i z_2)^2/2`.
    Saddle,
    /// The same and the fourth power, half of the energy each.
    TwoAndFour,
    /// `.9 h_1 + .44 h_3`.
    Cubic,
    /// `relu(z_1) - relu(z_2) + relu(z_3)`.
    Relu,
    /// `z_1 + z_1 z_2`.
    Stairs,
}

const AMPLITUDES: [f64; 3] = [1.0, -1.0, 1.0];

impl Target {
    fn polynomial(self) -> Result<PolynomialTarget, Failure> {
        let term = |degrees: &[usize], coefficient| Term { degrees: degrees.to_vec(), coefficient };
        let root = 0.5_f64.sqrt();
        Ok(match self {
            Self::Saddle | Self::Relu => PolynomialTarget::harmonic(2)?,
            Self::TwoAndFour => {
                PolynomialTarget::harmonic(2)?.combined(root, &PolynomialTarget::harmonic(4)?, root)
            }
            Self::Cubic => PolynomialTarget::new(vec![term(&[1], 0.9), term(&[3], 0.44)])?,
            Self::Stairs => PolynomialTarget::new(vec![term(&[1, 0], 1.0), term(&[1, 1], 1.0)])?,
        })
    }

    fn planned(self) -> Result<PlanTarget, Failure> {
        Ok(match self {
            Self::Relu => PlanTarget::Relu {
                directions: axes(AMPLITUDES.len(), AMPLITUDES.len())?,
                amplitudes: AMPLITUDES.to_vec(),
            },
            _ => PlanTarget::Polynomial(self.polynomial()?),
        })
    }

    /// `Var y` and the energy of the degrees from two on.
    fn energies(self) -> Result<(f64, f64), Failure> {
        if self == Self::Relu {
            let axes = axes(AMPLITUDES.len(), AMPLITUDES.len())?;
            let (_, nonlinear) = relu_second_degree(axes.as_ref(), &AMPLITUDES)?;
            let linear: f64 = AMPLITUDES.iter().map(|a| 0.25 * a * a).sum();
            return Ok((linear + nonlinear, nonlinear));
        }
        let target = self.polynomial()?;
        let nonlinear = (2..=target.degree()).map(|k| target.energy(k)).sum::<f64>();
        Ok((nonlinear + target.energy(1), nonlinear))
    }

    /// What `plan` says of a statement: the samples, and the error that they rest on.
    fn need(self, statement: &str, d: usize, goal: f64) -> Result<(f64, f64), Failure> {
        let request = PlanRequest { dimension: d, width: WIDTH, goal, seed: 1 };
        let all = needs(&self.planned()?, &request)?;
        let fits = |need: &&Need| need.statement.starts_with(statement);
        let found = all.iter().find(fits).ok_or_else(|| format!("no plan by {statement}"))?;
        let Rests::Asymptotic { error } = found.rests else {
            return Err(format!("{statement} is no asymptotic statement").into());
        };
        let samples = found.samples.ok_or_else(|| format!("no samples do by {statement}"))?;
        Ok((samples, error))
    }
}

const WIDTH: usize = 80;
/// Multiples of the plan's number at which a simulation is run.
const GRID: [f64; 7] = [0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8];
const PENALTIES: [f64; 3] = [1e-4, 1e-3, 1e-2];

/// Where a falling quantity reaches a goal, by a power law between neighbours; NaN if it does not.
fn reached(points: &[(f64, f64)], goal: f64) -> f64 {
    let at = points.windows(2).find(|pair| pair[0].1 > goal && pair[1].1 <= goal);
    at.map_or(f64::NAN, |pair| {
        let ((n0, y0), (n1, y1)) = (pair[0], pair[1]);
        let share = (y0 / goal).ln() / (y0 / y1).ln();
        n0 * (n1 / n0).powf(share)
    })
}

/// The samples at which a simulation reaches a goal.
fn simulated(
    planned: f64,
    goal: f64,
    run: impl Fn(usize) -> Result<f64, Failure>,
) -> Result<f64, Failure> {
    let points: Result<Vec<(f64, f64)>, Failure> = GRID
        .iter()
        .map(|multiple| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
            let n = (multiple * planned).round() as usize;
            Ok((n as f64, run(n)?))
        })
        .collect();
    Ok(reached(&points?, goal))
}

/// One preprocessed step and ridge (11.1.5, 11.1.3): target, statement, goal, name, control.
type Ridge = (Target, &'static str, f64, &'static str, &'static str);

const RIDGES: [Ridge; 3] = [
    (
        Target::Saddle,
        "11.1.5",
        0.2,
        "quadratic of rank 2: step and ridge to .2",
        "quadratic of rank 2: step and ridge to .2 as to .05",
    ),
    (
        Target::TwoAndFour,
        "11.1.5",
        0.4,
        "degrees 2 and 4: step and ridge to .4",
        "degrees 2 and 4: step and ridge to .4 as to .1",
    ),
    (
        Target::Relu,
        "11.1.3",
        0.1,
        "ReLU teacher: step and ridge to .1",
        "ReLU teacher: step and ridge to .1 as to .025",
    ),
];

/// The controls are the plans for a quarter of the goal.
fn steps_and_ridge(size: Size) -> Vec<Experiment> {
    let d = size.choose(24, 40);
    let of = |&(target, statement, goal, name, quarter): &Ridge| {
        let rows = |error| {
            [Row::stated(statement, name, d, error), Row::control(statement, quarter, d, error)]
        };
        // The plan's own error; the same for every seed.
        let error = target.need(statement, d, goal).map_or(f64::NAN, |need| need.1);
        Experiment::new(rows(error), size.choose(10, 12), move |seed| {
            let (planned, _) = target.need(statement, d, goal)?;
            let (other, _) = target.need(statement, d, 0.25 * goal)?;
            let (variance, nonlinear) = target.energies()?;
            let left = goal * variance / nonlinear;
            let found = simulated(planned, left, |n| ridge_error(target, d, n, seed))?;
            Ok(vec![(found, planned), (found, other)])
        })
    };
    let count = size.choose(1, RIDGES.len());
    RIDGES.iter().take(count).map(of).collect()
}

/// Error of one step on `n` samples and ridge on as many, over the energy of the degrees from two on, at the best penalty.
fn ridge_error(target: Target, d: usize, n: usize, seed: u64) -> Result<f64, Failure> {
    let (samples_over_d2, seeds) = (n as f64 / (d * d) as f64, seed..seed + 1);
    let error = |penalty: f64| -> Result<f64, Failure> {
        if target == Target::Relu {
            let experiment = LimitLawExperiment {
                amplitudes: AMPLITUDES.to_vec(),
                second_amplitudes: AMPLITUDES.to_vec(),
                dimension: d,
                samples_over_d2,
                ridge_samples: n,
                width: WIDTH,
                penalty,
            };
            return Ok(experiment.measure(seeds.clone())?.sampled.measured);
        }
        let target = target.polynomial()?;
        let experiment =
            DegreeExperiment { target, dimension: d, samples_over_d2, width: WIDTH, penalty };
        Ok(experiment.measure(seeds.clone())?.0.measured)
    };
    let errors: Result<Vec<f64>, Failure> = PENALTIES.iter().map(|p| error(*p)).collect();
    Ok(minimum_of(errors?))
}

/// Where the sampled step's energy outside the span is the population step's inside; the controls are twice as many samples,
/// the half point of exact labels.
fn half_points(size: Size) -> Vec<Experiment> {
    let d = size.choose(24, 40);
    let of = |(target, name, control): (Target, &'static str, &'static str)| {
        let error = target.need("11.1.2", d, 0.5).map_or(f64::NAN, |need| need.1);
        let rows =
            [Row::stated("11.1.2", name, d, error), Row::control("11.1.2", control, d, error)];
        Experiment::new(rows, size.choose(10, 12), move |seed| {
            let (planned, _) = target.need("11.1.2", d, 0.5)?;
            let polynomial = target.polynomial()?;
            // Harmonics of different degrees do not mix in the mean over neurons.
            let mut signal = 0.0;
            for k in [2, 4] {
                signal += polynomial.energy(k) * harmonic_energies(k, d, RELU)?.inside;
            }
            let found = simulated(planned, 0.5, |n| {
                let step = SampledStep {
                    population: Energies { inside: signal, outside: 0.0 },
                    dimension: d,
                    rank: polynomial.rank(),
                    homogeneity: 2,
                    label_energy: 1.0,
                    samples: n,
                    noise: RELU.noise(),
                };
                let fit = LabelFit::LeastSquares;
                let seeds = seed..seed + 1;
                let [_, outside] = measure_energies(&polynomial, &step, RELU, fit, 150, seeds)?;
                Ok(outside.measured / (signal + outside.measured))
            })?;
            Ok(vec![(found, planned), (found, 2.0 * planned)])
        })
    };
    let all = [
        (
            Target::Saddle,
            "quadratic of rank 2: noise as large as the signal",
            "quadratic of rank 2: noise as large with exact labels",
        ),
        (
            Target::TwoAndFour,
            "degrees 2 and 4: noise as large as the signal",
            "degrees 2 and 4: noise as large with exact labels",
        ),
    ];
    all.into_iter().take(size.choose(1, 2)).map(of).collect()
}

/// Least squares on `(1, x)` for a cubic with a linear part (11.2.5); the control is the plan for a goal 1.25 times as high.
fn linear(size: Size) -> Experiment {
    let (target, goal) = (Target::Cubic, 0.24);
    let d = size.choose(24, 40);
    let error = target.need("11.2.5", d, goal).map_or(f64::NAN, |need| need.1);
    let rows = [
        Row::stated("11.2.5", "cubic with a linear part: least squares to .24", d, error),
        Row::control("11.2.5", "cubic with a linear part: least squares to .24 as to .3", d, error),
    ];
    Experiment::new(rows, size.choose(24, 12), move |seed| {
        let (planned, _) = target.need("11.2.5", d, goal)?;
        let (other, _) = target.need("11.2.5", d, 1.25 * goal)?;
        let (variance, _) = target.energies()?;
        let found = simulated(planned, goal, |n| {
            Ok(least_squares_error(&target.polynomial()?, d, n, seed)? / variance)
        })?;
        Ok(vec![(found, planned), (found, other)])
    })
}

/// The exact error of least squares on `n` samples, mean over a few of them.
fn least_squares_error(
    target: &PolynomialTarget,
    d: usize,
    n: usize,
    seed: u64,
) -> Result<f64, Failure> {
    const DRAWS: usize = 20;
    /// Against rounding.
    const ROUNDING_PENALTY: f64 = 1e-12;
    let mut rng = stream(seed);
    let linear = target.linear();
    let mut sum = 0.0;
    for _ in 0..DRAWS {
        let inputs = normals(&mut rng, n, d);
        let y = labels(target, inputs.as_ref());
        let fit = &ridge(inputs.as_ref(), &y, &[ROUNDING_PENALTY])?[0];
        let (intercept, slopes) = (fit.intercept, &fit.weights);
        let nonlinear: f64 = (2..=target.degree()).map(|k| target.energy(k)).sum();
        let off = slopes.iter().enumerate().map(|(k, s)| {
            let own = linear.get(k).copied().unwrap_or(0.0);
            (s - own) * (s - own)
        });
        sum += nonlinear + intercept * intercept + off.sum::<f64>();
    }
    Ok(sum / DRAWS as f64)
}

/// Half of the energy along `C_1` (11.3.1); the control is the plan for twice the part of degree two.
fn direction(size: Size) -> Experiment {
    let d = size.choose(50, 100);
    let (target, statement) = (Target::Stairs, "11.3.1");
    let error = target.need(statement, d, 0.5).map_or(f64::NAN, |need| need.1);
    let rows = [
        Row::stated(statement, "z1 + z1 z2: half of the step along C_1", d, error + 0.02),
        Row::control(statement, "z1 + z1 z2: half as on z1 + 2 z1 z2", d, error + 0.02),
    ];
    Experiment::new(rows, size.choose(16, 12), move |seed| {
        let (planned, _) = target.need(statement, d, 0.5)?;
        let term =
            |degrees: [usize; 2], coefficient| Term { degrees: degrees.to_vec(), coefficient };
        let other = PolynomialTarget::new(vec![term([1, 0], 1.0), term([1, 1], 2.0)])?;
        let polynomial = target.polynomial()?;
        let found = simulated(planned, 0.5, |n| {
            let seeds = seed..seed + 1;
            let one = measure_directions(&polynomial, d, n, 150, seeds)?;
            Ok(1.0 - one.linear_share.measured)
        })?;
        Ok(vec![(found, planned), (found, 2.0 * other.input_moment(d))])
    })
}

/// Biases, the size of the steps after the first, and the most of them, as `plan` has them.
const BIASES: [f64; 2] = [0.0, -0.7];
const STAIR: f64 = 4.0;
const MOST_STAIRS: usize = 12;
/// Powers of two for `n/d` that are tried.
const POWERS: i32 = 6;
/// Neurons that climb.
const CLIMBERS: usize = 100;

/// The fewest samples of all steps together until both directions stand out (11.3.4), over the same powers of two as the
/// plan; the control is the plan for half of the second stair.
fn staircase() -> Experiment {
    let d = 200;
    let (target, statement) = (Target::Stairs, "11.3.4");
    let error = target.need(statement, d, 0.5).map_or(f64::NAN, |need| need.1);
    let rows = [
        Row::stated(statement, "z1 + z1 z2: staircase", d, error),
        Row::control(statement, "z1 + z1 z2: staircase as on z1 + .5 z1 z2", d, error),
    ];
    Experiment::new(rows, 12, move |seed| {
        let (planned, _) = target.need(statement, d, 0.5)?;
        let weak = vec![
            Term { degrees: vec![1, 0], coefficient: 1.0 },
            Term { degrees: vec![1, 1], coefficient: 0.5 },
        ];
        let weak = PlanTarget::Polynomial(PolynomialTarget::new(weak)?);
        let request = PlanRequest { dimension: d, width: WIDTH, goal: 0.5, seed: 1 };
        let fits = |need: &&Need| need.statement == statement;
        let other = needs(&weak, &request)?.iter().find(fits).and_then(|need| need.samples);
        let found = climbed(&target.polynomial()?, d, seed)?;
        Ok(vec![(found, planned), (found, other.unwrap_or(f64::INFINITY))])
    })
}

/// The fewest samples of all steps until the mean coordinates of the neurons with a positive second layer are above
/// `4/sqrt d`.
fn climbed(target: &PolynomialTarget, d: usize, seed: u64) -> Result<f64, Failure> {
    let visible = 4.0 / (d as f64).sqrt();
    let mut steps = vec![StepSize::Infinite];
    steps.resize(MOST_STAIRS, StepSize::Finite(STAIR));
    let mut least = f64::INFINITY;
    for bias in BIASES {
        for power in 0..POWERS {
            let c = 2.0_f64.powi(power);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
            let n = c as usize * d;
            // Longer climbs than the best so far are not needed.
            let longest = minimum(least / n as f64, MOST_STAIRS as f64);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
            let steps = &steps[..longest as usize];
            let stairs = measure_staircase(target, bias, d, n, CLIMBERS, steps, seed..seed + 1)?;
            let seen = |one: &StairOutcome| one.plus.iter().all(|p| p.measured.abs() > visible);
            if let Some(last) = stairs.iter().position(seen) {
                least = minimum(least, (n * (last + 1)) as f64);
            }
        }
    }
    Ok(least)
}
