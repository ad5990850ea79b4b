//! 10.1: what happens if preprocessing cannot be done.
//!
//! Algorithm 1 and plain gradient descent on both layers from an independent Gaussian start, each
//! on the objective of the degrees from 2 and on the raw one, at several widths.

use super::Size;
use super::collapse::singular_shares;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, above, exceeds, figure};
use super::session::{Failure, Plan};
use super::training::{OUTCOME, Sizes, outcome_of_run};
use gradiometer_hermite::float::minimum;
use gradiometer_instances::generate::{gaussian_student, symmetric_start};
use gradiometer_population::{Accuracy, Degrees, Objective, Population};
use gradiometer_train::{Algorithm, Stage3};

const MEASURES: &[Measure] =
    &[OUTCOME[0], OUTCOME[1], OUTCOME[2], OUTCOME[3], OUTCOME[4], mean("step_share")];

pub(super) use super::nothing_derived as derive;

#[derive(Clone, Copy)]
struct Case {
    method: &'static str,
    from_degree: usize,
    neurons: usize,
}

pub(super) fn plan(size: Size) -> Plan {
    let sizes = size.choose(
        Sizes { dimension: 6, rank: 3, teachers: 3, neurons: 30, epochs: 5, steps: 200 },
        Sizes { dimension: 20, rank: 3, teachers: 4, neurons: 128, epochs: 9, steps: 2000 },
    );
    let widths = size.choose(&[6, 30][..], &[4, 8, 32, 128]);
    let mut cases = Vec::new();
    for method in ["algorithm_1", "descent"] {
        for from_degree in [0, 2] {
            cases.extend(widths.iter().map(|m| Case { method, from_degree, neurons: *m }));
        }
    }
    let setting = move |case: &Case| {
        vec![
            ("method", Level::from(case.method)),
            ("from_degree", case.from_degree.into()),
            ("d", sizes.dimension.into()),
            ("m", case.neurons.into()),
        ]
    };
    Plan::new(cases, setting, (MEASURES, 10), move |case, seed| {
        let Sizes { epochs, steps, dimension: d, .. } = sizes;
        let degree = if case.from_degree == 0 { Degrees::All } else { Degrees::FromTwo };
        let population = Population::new(sizes.teacher(seed)?).of_degrees(degree);
        let step_size = minimum(0.25, STABLE / case.neurons as f64);
        let stage3 = Stage3 { epochs, steps, step_size, ..Stage3::default() };
        let whole = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
        let (algorithm, start) = if case.method == "descent" {
            let algorithm = Algorithm { stage1: None, stage2: None, balance: false, ..whole };
            (algorithm, gaussian_student(d, case.neurons, 1.0, 1.0, seed)?)
        } else {
            let scale = 1.0 / (case.neurons as f64).sqrt();
            (whole, symmetric_start(d, case.neurons, scale, seed)?)
        };
        let gradient = population.evaluate(&start, Accuracy::FAST)?.gradient;
        let share = singular_shares(&gradient.first_layer, d)?.first().copied();
        let mut values = outcome_of_run(&population, &algorithm, start)?;
        values.push(share.unwrap_or(f64::NAN));
        Ok(values)
    })
}

/// Step size times width: the raw features have means, and so a curvature of order `m`.
const STABLE: f64 = 4.0;

/// The singular value above which a step counts as one direction: half of its squared norm.
const HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let at = |measure: &str, method: &'static str, degree: usize| {
        found.all(measure, &[("method", method.into()), ("from_degree", degree.into())])
    };
    let widest = |measure: &str, method: &'static str, degree: usize| {
        let fixed = [("method", Level::from(method)), ("from_degree", Level::from(degree))];
        found.ends(measure, &fixed).map(|(_, last)| last)
    };
    let (raw_share, kept_share) =
        (widest("step_share", "algorithm_1", 0)?, widest("step_share", "algorithm_1", 2)?);
    let (raw, kept) =
        (widest("mean_angle", "algorithm_1", 0)?, widest("mean_angle", "algorithm_1", 2)?);
    let mut conclusions = vec![
        Conclusion::new(
            "on the raw objective one direction carries more than half of Stage 1's squared norm",
            above(raw_share, HALF).and(exceeds(raw_share, kept_share)),
            format!(
                "its singular value over the norm {}, after preprocessing {}",
                figure(raw_share),
                figure(kept_share)
            ),
        ),
        Conclusion::new(
            "Algorithm 1 on the raw objective ends with greater angles than after preprocessing",
            exceeds(raw, kept),
            format!("mean angle {} against {} at the greatest width", figure(raw), figure(kept)),
        ),
    ];
    for (method, degree, name) in [
        ("algorithm_1", 0, "Algorithm 1 on the raw objective"),
        ("descent", 0, "plain descent on the raw objective"),
        ("descent", 2, "plain descent after preprocessing"),
    ] {
        let recovered = at("recovered", method, degree);
        let widths: Vec<String> = recovered
            .iter()
            .map(|one| format!("{} at m = {}", figure(one), one.number("m")))
            .collect();
        conclusions.push(Conclusion::new(
            format!("{name} recovers the teacher more often than not at some width"),
            recovered.iter().map(|one| above(one, 0.5)).fold(Answer::No, |any, one| {
                match (any, one) {
                    (Answer::Yes, _) | (_, Answer::Yes) => Answer::Yes,
                    (Answer::Open, _) | (_, Answer::Open) => Answer::Open,
                    _ => Answer::No,
                }
            }),
            format!("probability {}", widths.join(", ")),
        ));
    }
    Ok(conclusions)
}
