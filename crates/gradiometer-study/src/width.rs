//! 8.2: Stage 2 enters the local regime, the more deeply the finer the net of Stage 1.

use super::Size;
use super::measurement::{Level, Measure, Measurement, mean};
use super::reading::{Conclusion, Found, below, exceeds, figure};
use super::session::{Failure, Plan};
use super::training::{Sizes, trained};
use gradiometer_instances::generate::symmetric_start;
use gradiometer_population::{Objective as _, Population};
use gradiometer_train::{Algorithm, LOSS_ACCURACY, Stage1, Stage3};

/// The loss over that of the zero network, and `zeta+` at the first `lambda` of Stage 3 over
/// `|mu*|`.
const MEASURES: &[Measure] = &[mean("loss_share"), mean("gap_share")];

pub(super) fn plan(size: Size) -> Plan {
    let sizes = size.choose(
        Sizes { dimension: 10, rank: 2, teachers: 3, neurons: 0, epochs: 0, steps: 0 },
        Sizes { dimension: 40, rank: 3, teachers: 4, neurons: 0, epochs: 0, steps: 0 },
    );
    let widths = size.choose(&[10, 20, 40, 80][..], &[20, 40, 80, 160, 320, 640]);
    let cases: Vec<(&'static str, usize)> = ["yes", "no"]
        .into_iter()
        .flat_map(|stage1| widths.iter().map(move |m| (stage1, *m)))
        .collect();
    let setting = move |&(stage1, m): &(&'static str, usize)| {
        vec![("stage_1", Level::from(stage1)), ("d", sizes.dimension.into()), ("m", m.into())]
    };
    Plan::new(cases, setting, (MEASURES, 10), move |&(stage1, m), seed| {
        let population = Population::new(sizes.teacher(seed)?);
        let stage1 = (stage1 == "yes").then(Stage1::default);
        let algorithm = Algorithm { stage1, stage3: None, ..Algorithm::default() };
        let start = symmetric_start(sizes.dimension, m, 1.0 / (m as f64).sqrt(), seed)?;
        let zero = population.loss(&start, LOSS_ACCURACY).value;
        let Some(student) = trained(&population, &algorithm, start)? else {
            return Ok(vec![f64::NAN; MEASURES.len()]);
        };
        let loss = population.loss(&student, LOSS_ACCURACY).value;
        let mass = population.teacher().total_mass();
        let excess = student.total_mass() - mass;
        Ok(vec![loss / zero, (loss + Stage3::default().lambda * excess) / mass])
    })
}

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    let of = |stage1: &'static str| {
        let fixed = [("stage_1", Level::from(stage1))];
        found.exponents("loss_exponent", ("loss_share", "m"), &fixed)
    };
    ["yes", "no"].map(of).into()
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let with = |stage1: &'static str| [("stage_1", Level::from(stage1))];
    let (first, last) = found.ends("gap_share", &with("yes"))?;
    let (_, without) = found.ends("gap_share", &with("no"))?;
    let [exponent, control] = ["yes", "no"].map(|stage1| found.one("loss_exponent", &with(stage1)));
    let (exponent, control) = (exponent?, control?);
    let (first_loss, last_loss) = found.ends("loss_share", &with("yes"))?;
    let (_, loss_without) = found.ends("loss_share", &with("no"))?;
    let (narrow, wide) = (first.number("m"), last.number("m"));
    Ok(vec![
        Conclusion::new(
            "the loss after Stage 2 falls as the width grows",
            exceeds(first_loss, last_loss).and(below(exponent, 0.0)),
            format!(
                "{} of that of the zero network at m = {narrow}, {} at m = {wide}, exponent {}",
                figure(first_loss),
                figure(last_loss),
                figure(exponent)
            ),
        ),
        Conclusion::new(
            "the gap after Stage 2 falls as the width grows",
            exceeds(first, last),
            format!(
                "zeta+/|mu*| {} at m = {narrow}, {} at m = {wide}",
                figure(first),
                figure(last)
            ),
        ),
        Conclusion::new(
            "without Stage 1 the loss is greater at the greatest width and falls more slowly",
            exceeds(loss_without, last_loss).and(exceeds(control, exponent)),
            format!(
                "{} at m = {wide}, exponent {}, zeta+/|mu*| {}",
                figure(loss_without),
                figure(control),
                figure(without)
            ),
        ),
    ])
}
