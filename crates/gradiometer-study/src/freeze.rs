//! 10.4: random features in the learned subspace against full training.
//!
//! Besides the two there is a run that is crippled in both ways, frozen and without weight decay:
//! against the frozen one it must show no gap.

use super::Size;
use super::measurement::{Level, Measure};
use super::reading::{Answer, Conclusion, Found, exceeds, figure};
use super::session::{Failure, Plan};
use super::training::{OUTCOME, Sizes, outcome_of_run};
use gradiometer_instances::generate::symmetric_start;
use gradiometer_population::Population;
use gradiometer_train::{Algorithm, Stage3};

const MEASURES: &[Measure] = &OUTCOME;
const VARIANTS: [&str; 3] = ["frozen", "full", "frozen_without_decay"];

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let sizes = size.choose(
        Sizes { dimension: 6, rank: 2, teachers: 3, neurons: 30, epochs: 6, steps: 300 },
        Sizes { dimension: 30, rank: 3, teachers: 4, neurons: 200, epochs: 10, steps: 2000 },
    );
    let setting = move |variant: &&'static str| {
        vec![
            ("variant", Level::from(*variant)),
            ("d", sizes.dimension.into()),
            ("m", sizes.neurons.into()),
        ]
    };
    Plan::new(VARIANTS.to_vec(), setting, (MEASURES, 10), move |variant, seed| {
        let Sizes { epochs, steps, neurons, dimension, .. } = sizes;
        let mut stage3 = Stage3 { epochs, steps, ..Stage3::default() };
        stage3.freeze_first_layer = *variant != "full";
        if *variant == "frozen_without_decay" {
            stage3.lambda = 0.0;
        }
        let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
        let population = Population::new(sizes.teacher(seed)?);
        let start = symmetric_start(dimension, neurons, 1.0 / (neurons as f64).sqrt(), seed)?;
        outcome_of_run(&population, &algorithm, start)
    })
}

/// The measures in which a gap is looked for.
const COMPARED: [&str; 2] = ["loss", "mean_angle"];

/// Whether the frozen layer ends with the greater loss and the greater angles.
fn gap(found: Found<'_>, against: &'static str) -> Result<(Answer, String), Failure> {
    let (mut answers, mut figures) = (Vec::new(), Vec::new());
    for measure in COMPARED {
        let [frozen, other] = ["frozen", against]
            .map(|variant| found.one(measure, &[("variant", Level::from(variant))]));
        let (frozen, other) = (frozen?, other?);
        answers.push(exceeds(frozen, other));
        let name = measure.replace('_', " ");
        figures.push(format!("{name} {} against {}", figure(frozen), figure(other)));
    }
    Ok((Answer::all(answers), figures.join(", ")))
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let (full, figures) = gap(found, "full")?;
    let (crippled, control) = gap(found, "frozen_without_decay")?;
    Ok(vec![
        Conclusion::new(
            "full training ends below a frozen first layer in loss and angles",
            full,
            figures,
        ),
        Conclusion::new(
            "a run that is frozen and without weight decay does not end below the frozen one, as a control must not",
            crippled.denied(),
            control,
        ),
    ])
}
