//! 10.5: where the local regime begins.
//!
//! Stage 3 starts from students with one neuron or four for each of the teacher's, in two families:
//! at larger and larger angles from their teachers, and at a fixed angle with a larger and larger
//! share of them given directions and signs at random. Success is a recovered teacher.

use super::Size;
use super::measurement::{Level, Measure, Measurement, event, mean};
use super::reading::{Answer, Conclusion, Found, exceeds, figure, short};
use super::session::{Failure, Plan};
use super::training::{OUTCOME, Sizes, outcome_of_run};
use gradiometer_hermite::float::{maximum_of, minimum_of};
use gradiometer_instances::generate::{gaussian_student, near_teacher_student};
use gradiometer_model::geometry::norm;
use gradiometer_model::{ModelError, Network, Teacher};
use gradiometer_population::{Objective as _, Population, WeightDecay};
use gradiometer_train::{Algorithm, LOSS_ACCURACY, Stage3};

/// `zeta+` of the start at the first `lambda`, over `|mu*|`, and the outcome.
const MEASURES: &[Measure] =
    &[mean("gap_share"), OUTCOME[0], OUTCOME[1], OUTCOME[2], OUTCOME[3], OUTCOME[4]];

#[derive(Clone, Copy)]
struct Case {
    per_neuron: usize,
    /// About the teacher's neurons, radians.
    angle: f64,
    /// Tenths of the neurons that have directions and signs at random.
    astray: usize,
}

/// Bins of the gap: their lower ends, over `|mu*|`.
const BINS: [f64; 6] = [0.0, 0.01, 0.02, 0.04, 0.08, 0.16];
/// The angle of the neurons that are not astray, where some are.
const ANGLE: f64 = 0.35;

pub(super) fn plan(size: Size) -> Plan {
    let sizes = size.choose(
        Sizes { dimension: 6, rank: 2, teachers: 3, neurons: 0, epochs: 5, steps: 300 },
        Sizes { dimension: 20, rank: 3, teachers: 5, neurons: 0, epochs: 8, steps: 2000 },
    );
    let angles = size.choose(&[0.1, 0.9][..], &[0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1.04]);
    let shares = size.choose(&[5, 10][..], &[2, 4, 6, 8, 10]);
    let mut cases = Vec::new();
    for per_neuron in [1, 4] {
        cases.extend(angles.iter().map(|angle| Case { per_neuron, angle: *angle, astray: 0 }));
        cases.extend(shares.iter().map(|s| Case { per_neuron, angle: ANGLE, astray: *s }));
    }
    let setting = move |case: &Case| {
        vec![
            ("per_neuron", Level::from(case.per_neuron)),
            ("angle", case.angle.into()),
            ("astray", (case.astray as f64 / 10.0).into()),
            ("gap_from", Level::Several),
        ]
    };
    Plan::new(cases, setting, (MEASURES, size.choose(10, 20)), move |case, seed| {
        let teacher = sizes.teacher(seed)?;
        let mass = teacher.total_mass();
        let start = start(&teacher, *case, seed)?;
        let Sizes { epochs, steps, .. } = sizes;
        let stage3 = Stage3 { epochs, steps, step_size: 0.25, ..Stage3::default() };
        let population = Population::new(teacher);
        let objective = population.loss(&start, LOSS_ACCURACY).value
            + WeightDecay::equal(stage3.lambda).value(&start).value;
        let mut values = vec![(objective - stage3.lambda * mass) / mass];
        let algorithm =
            Algorithm { stage1: None, stage2: None, balance: false, stage3: Some(stage3) };
        values.extend(outcome_of_run(&population, &algorithm, start)?);
        Ok(values)
    })
}

/// Neurons near their teachers, some of them with directions and signs at random.
fn start(teacher: &Teacher, case: Case, seed: u64) -> Result<Network, ModelError> {
    let Case { per_neuron, angle, astray } = case;
    let mut start = near_teacher_student(teacher, per_neuron, angle, 0.0, seed)?;
    let (d, neurons) = (start.dimension(), start.neurons());
    // Its rows are directions at random, and the order of their first entries one at random.
    let random = gaussian_student(d, neurons, 1.0, 1.0, (1 << 32) + seed)?;
    let mut order: Vec<usize> = (0..neurons).collect();
    order.sort_by(|i, j| random.neuron(*i)[0].total_cmp(&random.neuron(*j)[0]));
    let turned = (astray * neurons + 5) / 10;
    let (second_layer, first_layer) = start.layers_mut();
    for &j in &order[..turned] {
        second_layer[j] = second_layer[j].copysign(random.second_layer()[j]);
        let row = &mut first_layer[j * d..(j + 1) * d];
        let scale = norm(row) / norm(random.neuron(j));
        for (w, x) in row.iter_mut().zip(random.neuron(j)) {
            *w = scale * x;
        }
    }
    Ok(start)
}

/// Gap and success of every run with so many neurons for each of the teacher's.
fn runs(found: Found<'_>, per_neuron: usize) -> Vec<(f64, f64)> {
    let fixed = [("per_neuron", Level::from(per_neuron))];
    let pairs = found.all("gap_share", &fixed).into_iter().zip(found.all("recovered", &fixed));
    pairs
        .flat_map(|(gap, won)| gap.values.iter().zip(&won.values))
        .map(|(gap, won)| (gap.1, won.1))
        .collect()
}

/// The probability of success in each bin of the gap that some start fell into.
pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    let mut bins = Vec::new();
    for per_neuron in [1, 4] {
        let runs = runs(found, per_neuron);
        for (i, from) in BINS.into_iter().enumerate() {
            let to = BINS.get(i + 1).copied().unwrap_or(f64::INFINITY);
            let inside = runs.iter().filter(|(gap, _)| *gap >= from && *gap < to);
            // Starts of several settings are in one bin: their number in place of a seed.
            let values: Vec<(u64, f64)> = (0..).zip(inside.map(|(_, won)| *won)).collect();
            if !values.is_empty() {
                let setting = vec![
                    ("per_neuron", per_neuron.into()),
                    ("angle", Level::Several),
                    ("astray", Level::Several),
                    ("gap_from", from.into()),
                ];
                bins.push(Measurement { setting, measure: event("success"), values });
            }
        }
    }
    bins
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let mut conclusions = Vec::new();
    for (per_neuron, name) in [(1_usize, "one neuron"), (4, "four neurons")] {
        let fixed = [("per_neuron", Level::from(per_neuron))];
        let (nearest, farthest) = found.ends("success", &fixed)?;
        let bins: Vec<String> = found
            .all("success", &fixed)
            .iter()
            .map(|bin| {
                let (from, runs) = (short(bin.number("gap_from")), bin.values.len());
                format!("{} of {runs} runs from {from} |mu*| on", figure(bin))
            })
            .collect();
        let runs = runs(found, per_neuron);
        let failed = minimum_of(runs.iter().filter(|(_, won)| *won < 0.5).map(|(gap, _)| *gap));
        let won = maximum_of(runs.iter().filter(|(_, won)| *won > 0.5).map(|(gap, _)| *gap));
        let at = |measure, astray: f64| {
            found.ends(measure, &[fixed[0], ("astray", Level::from(astray))]).map(|(_, last)| last)
        };
        let told = |what: &str, end: &str, gap: f64| {
            if gap.is_finite() {
                format!("{end} gap of {what} {} |mu*|", short(gap))
            } else {
                format!("there is not {what}")
            }
        };
        let (turned, straying) = (at("recovered", 0.0)?, at("recovered", 1.0)?);
        conclusions.extend([
            Conclusion::new(
                format!("with {name} for each of the teacher's, success becomes rarer from the least gaps to the greatest"),
                exceeds(nearest, farthest),
                bins.join(", "),
            ),
            Conclusion::new(
                format!("with {name} the gap alone decides: no run fails from a smaller gap than another succeeds from"),
                // Where none fails, or none succeeds, there is nothing to decide.
                if failed.is_finite() && won.is_finite() { Answer::of(failed > won) } else { Answer::Open },
                format!("{}, {}", told("a failure", "least", failed), told("a success", "greatest", won)),
            ),
            Conclusion::new(
                format!("with {name} at the greatest angle from their teachers Stage 3 succeeds more often than from directions at random"),
                exceeds(turned, straying),
                format!(
                    "probability {} from a gap of {} |mu*| against {} from {} |mu*|",
                    figure(turned), figure(at("gap_share", 0.0)?),
                    figure(straying), figure(at("gap_share", 1.0)?)
                ),
            ),
        ]);
    }
    Ok(conclusions)
}
