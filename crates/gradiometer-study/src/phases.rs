//! 10.7: samples against dimension at each stage.
//!
//! Algorithm 1 on `n` samples; after each stage the student is compared with the teacher in
//! expectation. The three orthonormal teachers of statement 9.1.

use super::Size;
use super::measurement::{Level, Measure, Measurement, event, mean};
use super::reading::{Answer, Conclusion, Found, above, below, figure, short};
use super::samples::{RANK, request, teacher};
use super::session::{Failure, Plan, Values};
use super::training::outcome;
use gradiometer_hermite::Activation;
use gradiometer_instances::generate::symmetric_start;
use gradiometer_model::geometry::norm;
use gradiometer_population::{Objective as _, Population, Samples};
use gradiometer_train::{Algorithm, LOSS_ACCURACY, Optimizer, Phase, Stage3, Trainer};
use gradiometer_verify::statistics::slope;

const MEASURES: &[Measure] = &[
    mean("cosine"),
    mean("loss_share_after_stage_2"),
    mean("loss_share"),
    mean("worst_angle"),
    mean("mean_angle"),
    event("stage_1"),
    event("stage_2"),
    event("stage_3"),
];
/// When a stage has succeeded: the median cosine to the span is at least this after Stage 1, the
/// loss at most [`FITTED`] of that of the zero network after Stage 2, worst and mean angle at most
/// [`FOUND`] radians after Stage 3.
const IN_SPAN: f64 = std::f64::consts::FRAC_1_SQRT_2;
const FITTED: f64 = 0.25;
const FOUND: f64 = 0.2;

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimensions = size.choose(&[8][..], &[10, 20, 40]);
    // In halves.
    let ratios = size.choose(&[1, 16][..], &[1, 2, 4, 8, 16]);
    let (neurons, epochs, steps) = size.choose((20, 3, 60), (60, 4, 100));
    let cases: Vec<(usize, usize)> = dimensions
        .iter()
        .flat_map(|d| ratios.iter().map(move |halves| (*d, halves * d * d / 2)))
        .collect();
    let setting = |&(d, n): &(usize, usize)| {
        let ratio = n as f64 / (d * d) as f64;
        vec![("d", Level::from(d)), ("n", n.into()), ("n_over_d2", ratio.into())]
    };
    Plan::new(cases, setting, (MEASURES, 10), move |&(d, n), seed| {
        stages((d, n), (neurons, epochs, steps), seed)
    })
}

/// The measures of one run.
fn stages(
    (d, n): (usize, usize),
    (neurons, epochs, steps): (usize, u64, u64),
    seed: u64,
) -> Values {
    let objective = Samples::drawn(teacher(d)?, Activation::Relu, &request(n, seed))?;
    let population = Population::new(teacher(d)?);
    let start = symmetric_start(d, neurons, 1.0 / (neurons as f64).sqrt(), seed)?;
    let zero = population.loss(&start, LOSS_ACCURACY).value;
    let optimizer = Optimizer::Momentum { momentum: 0.9 };
    let stage3 = Stage3 { epochs, steps, step_size: 0.1, optimizer, ..Stage3::default() };
    let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
    let mut trainer = Trainer::new(&objective, &algorithm, start)?;
    let mut values = Vec::new();
    while !trainer.is_finished() {
        let phase = trainer.state().phase;
        let _ended = trainer.advance(u64::MAX)?;
        let student = &trainer.state().student;
        match phase {
            Phase::Stage1 => {
                let cosines = student.rows().take(neurons / 2).map(|w| norm(&w[..RANK]) / norm(w));
                let mut cosines: Vec<f64> = cosines.collect();
                cosines.sort_by(f64::total_cmp);
                values.push(cosines[cosines.len() / 2]);
            }
            Phase::Balance => values.push(population.loss(student, LOSS_ACCURACY).value / zero),
            _ => {}
        }
    }
    let ending = outcome(population.teacher(), &trainer.state().student);
    values.extend([ending[0] / zero, ending[1], ending[2]]);
    let succeeded =
        [values[0] >= IN_SPAN, values[1] <= FITTED, values[3] <= FOUND && values[4] <= FOUND];
    values.extend(succeeded.map(|yes| f64::from(u8::from(yes))));
    Ok(values)
}

/// The least ratio from which on a stage succeeds more often than not at a dimension; infinite if
/// at none.
fn threshold(column: &[&Measurement]) -> f64 {
    let failing = column.iter().rposition(|one| one.mean() <= 0.5);
    let first = column.get(failing.map_or(0, |last| last + 1));
    first.map_or(f64::INFINITY, |one| one.number("n_over_d2"))
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let mut conclusions = Vec::new();
    for stage in ["stage_1", "stage_2", "stage_3"] {
        let all = found.all(stage, &[]);
        let mut dimensions: Vec<f64> = all.iter().map(|one| one.number("d")).collect();
        dimensions.dedup_by(|x, y| Level::from(*x).is(Level::from(*y)));
        let columns: Vec<Vec<&Measurement>> =
            dimensions.iter().map(|d| found.all(stage, &[("d", Level::from(*d))])).collect();
        let thresholds: Vec<f64> = columns.iter().map(|column| threshold(column)).collect();
        let told: Vec<String> = dimensions
            .iter()
            .zip(&thresholds)
            .map(|(d, ratio)| {
                if ratio.is_finite() {
                    format!("from n = {} d^2 = {} d on at d = {d}", short(*ratio), short(ratio * d))
                } else {
                    format!("at no n at d = {d}")
                }
            })
            .collect();
        let points: Vec<(f64, f64)> =
            dimensions.iter().zip(&thresholds).map(|(d, ratio)| (*d, ratio * d * d)).collect();
        let growth = slope(&points).filter(|growth| growth.is_finite());
        let growth =
            growth.map_or_else(String::new, |x| format!("; exponent of n in d {}", short(x)));
        let name = stage.replace('_', " ");
        let same = thresholds.windows(2).all(|pair| Level::from(pair[0]).is(Level::from(pair[1])));
        conclusions.push(Conclusion::new(
            format!("{name} succeeds more often than not from the same n/d^2 on at every d"),
            // One dimension at which it succeeds says nothing of how that goes with the dimension.
            match thresholds.iter().all(|x| x.is_finite()) {
                true if dimensions.len() < 2 => Answer::Open,
                everywhere => Answer::of(everywhere && same),
            },
            format!("{}{growth}", told.join(", ")),
        ));
        let (few, many) = found.ends(stage, &[])?;
        conclusions.push(Conclusion::new(
            format!("{name} fails at the fewest samples and succeeds at the most"),
            below(few, 0.5).and(above(many, 0.5)),
            format!("probability {} and {}", figure(few), figure(many)),
        ));
    }
    Ok(conclusions)
}
