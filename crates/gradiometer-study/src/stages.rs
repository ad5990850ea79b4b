//! 10.2: what each stage is for.

use super::Size;
use super::measurement::Level;
use super::reading::{Answer, Conclusion, Found, exceeds, figure};
use super::session::{Failure, Plan};
use super::training::{OUTCOME, Sizes, outcome_of_run};
use gradiometer_instances::generate::symmetric_start;
use gradiometer_population::Population;
use gradiometer_train::{Algorithm, Solver, Stage1, Stage2, Stage3};

/// Algorithm 1 first; what each of the others changes is in [`changed`].
const VARIANTS: [&str; 9] = [
    "algorithm_1",
    "no_stage_1",
    "no_stage_2",
    "stage_2_by_descent",
    "no_balancing",
    "no_stage_3",
    "lambda_stays",
    "lambda_ends_at_once",
    "lambda_0",
];

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let sizes = size.choose(
        Sizes { dimension: 6, rank: 2, teachers: 3, neurons: 30, epochs: 5, steps: 200 },
        Sizes { dimension: 30, rank: 3, teachers: 4, neurons: 100, epochs: 9, steps: 2000 },
    );
    let setting = move |variant: &&'static str| {
        vec![
            ("variant", Level::from(*variant)),
            ("d", sizes.dimension.into()),
            ("m", sizes.neurons.into()),
        ]
    };
    Plan::new(VARIANTS.to_vec(), setting, (&OUTCOME, 10), move |variant, seed| {
        let Sizes { neurons, dimension, .. } = sizes;
        let population = Population::new(sizes.teacher(seed)?);
        let start = symmetric_start(dimension, neurons, 1.0 / (neurons as f64).sqrt(), seed)?;
        outcome_of_run(&population, &changed(variant, sizes), start)
    })
}

/// A small step size of Stage 1: large ones leave neurons so long that gradient descent on the
/// second layer, or on both without balancing, diverges.
const SMALL_STEP: f64 = 30.0;

/// Algorithm 1 with one part changed.
fn changed(variant: &str, sizes: Sizes) -> Algorithm {
    let Sizes { epochs, steps, .. } = sizes;
    let stage3 = Stage3 { epochs, steps, ..Stage3::default() };
    let last = stage3.lambda * stage3.decay.powf(epochs as f64 - 1.0);
    let whole = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
    let with = |stage3| Algorithm { stage3: Some(stage3), ..whole.clone() };
    let small = Some(Stage1 { step_size: SMALL_STEP });
    match variant {
        "no_stage_1" => Algorithm { stage1: None, ..whole },
        "no_stage_2" => Algorithm { stage1: small, stage2: None, ..whole },
        "stage_2_by_descent" => {
            let solver = Solver::GradientDescent { step_size: 0.01, steps };
            let stage2 = Stage2 { solver, ..Stage2::default() };
            Algorithm { stage1: small, stage2: Some(stage2), ..whole }
        }
        "no_balancing" => Algorithm { stage1: small, balance: false, ..whole },
        "no_stage_3" => Algorithm { stage3: None, ..whole },
        "lambda_stays" => with(Stage3 { decay: 1.0, ..stage3 }),
        "lambda_ends_at_once" => with(Stage3 { lambda: last, decay: 1.0, ..stage3 }),
        "lambda_0" => with(Stage3 { lambda: 0.0, ..stage3 }),
        _ => whole,
    }
}

/// A variant in words, the subject of a sentence.
fn words(variant: &str) -> &str {
    match variant {
        "no_stage_1" => "leaving Stage 1 out",
        "no_stage_2" => "leaving Stage 2 out",
        "stage_2_by_descent" => "Stage 2 by gradient descent",
        "no_balancing" => "leaving the balancing out",
        "no_stage_3" => "leaving Stage 3 out",
        "lambda_stays" => "a lambda that stays where it starts",
        "lambda_ends_at_once" => "a lambda that begins where it should end",
        "lambda_0" => "a lambda of 0",
        other => other,
    }
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let at =
        |measure, variant: &'static str| found.one(measure, &[("variant", Level::from(variant))]);
    let mut conclusions = Vec::new();
    for variant in VARIANTS.into_iter().skip(1) {
        let (angle, whole) = (at("mean_angle", variant)?, at("mean_angle", VARIANTS[0])?);
        let (loss, whole_loss) = (at("loss", variant)?, at("loss", VARIANTS[0])?);
        // Needed for something: the angles or the loss end above.
        let answer = match (exceeds(angle, whole), exceeds(loss, whole_loss)) {
            (Answer::Yes, _) | (_, Answer::Yes) => Answer::Yes,
            (Answer::No, Answer::No) => Answer::No,
            _ => Answer::Open,
        };
        conclusions.push(Conclusion::new(
            format!("{} ends with greater angles or loss than Algorithm 1", words(variant)),
            answer,
            format!(
                "mean angle {} against {}, loss {} against {}, recovered {}",
                figure(angle),
                figure(whole),
                figure(loss),
                figure(whole_loss),
                figure(at("recovered", variant)?)
            ),
        ));
    }
    Ok(conclusions)
}
