//! 10.3: why both layers have the same weight decay, and why it decreases.
//!
//! `(lambda/2)(s_a a^2 + s_w |w|^2)` is at least `lambda (s_a s_w)^(1/2) |a| |w|`, with equality
//! for `|a|/|w| = (s_w/s_a)^(1/2)`: unequal shares are an equal decay of their geometric mean with
//! unbalanced layers, and a share of 0 is no decay at all.

use super::Size;
use super::measurement::{Level, Measure, Measurement, mean};
use super::reading::{Answer, Conclusion, Found, exceeds, figure, near, short};
use super::session::{Failure, Plan};
use super::training::{OUTCOME, Sizes, outcome, trained};
use gradiometer_hermite::float::minimum_of;
use gradiometer_instances::generate::symmetric_start;
use gradiometer_population::{Population, WeightDecay};
use gradiometer_train::{Algorithm, Stage3};
use std::f64::consts::FRAC_PI_2;

const MEASURES: &[Measure] =
    &[OUTCOME[0], OUTCOME[1], OUTCOME[2], OUTCOME[3], OUTCOME[4], mean("layer_ratio")];

/// Shares of the second and the first layer.
const SHARES: [(f64, f64); 6] =
    [(1.0, 1.0), (1.5, 0.5), (0.5, 1.5), (2.0, 0.0), (0.0, 2.0), (0.0, 0.0)];
/// `lambda` where it is held constant.
const CONSTANT: [f64; 6] = [1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 0.0];

/// A schedule of the weight decay.
#[derive(Clone, Copy)]
struct Case {
    schedule: &'static str,
    lambda: f64,
    shares: (f64, f64),
}

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let sizes = size.choose(
        Sizes { dimension: 6, rank: 2, teachers: 3, neurons: 30, epochs: 5, steps: 200 },
        Sizes { dimension: 30, rank: 3, teachers: 4, neurons: 100, epochs: 9, steps: 2000 },
    );
    let first = Stage3::default().lambda;
    let mut cases: Vec<Case> =
        SHARES.iter().map(|s| Case { schedule: "halved", lambda: first, shares: *s }).collect();
    cases.extend(CONSTANT.map(|l| Case { schedule: "constant", lambda: l, shares: (1.0, 1.0) }));
    let setting = |case: &Case| {
        vec![
            ("schedule", Level::from(case.schedule)),
            ("lambda", case.lambda.into()),
            ("share_a", case.shares.0.into()),
            ("share_w", case.shares.1.into()),
        ]
    };
    Plan::new(cases, setting, (MEASURES, 10), move |case, seed| {
        let Sizes { epochs, steps, neurons, dimension, .. } = sizes;
        let stage3 = Stage3 {
            epochs,
            steps,
            lambda: case.lambda,
            decay: if case.schedule == "halved" { 0.5 } else { 1.0 },
            shares: WeightDecay { second_layer: case.shares.0, first_layer: case.shares.1 },
            ..Stage3::default()
        };
        let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
        let population = Population::new(sizes.teacher(seed)?);
        let start = symmetric_start(dimension, neurons, 1.0 / (neurons as f64).sqrt(), seed)?;
        let Some(student) = trained(&population, &algorithm, start)? else {
            return Ok(vec![f64::NAN, FRAC_PI_2, FRAC_PI_2, 1.0, 0.0, f64::NAN]);
        };
        let (a, w) = student.squared_norms();
        let mut values = outcome(&sizes.teacher(seed)?, &student);
        values.push((a / w).sqrt());
        Ok(values)
    })
}

/// How near the measured ratio of the layers must come to the predicted one, relative: decay has
/// only begun to unbalance the layers when `lambda` times the steps is of order 1.
const RATIO_ROOM: f64 = 0.1;

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let halved = |measure, (a, w): (f64, f64)| {
        let shares = [("share_a", Level::from(a)), ("share_w", Level::from(w))];
        found.one(measure, &[&[("schedule", Level::from("halved"))][..], &shares].concat())
    };
    let equal = halved("mean_angle", SHARES[0])?;
    let mut conclusions = Vec::new();
    for shares @ (a, w) in SHARES.into_iter().skip(1) {
        let angle = halved("mean_angle", shares)?;
        conclusions.push(Conclusion::new(
            format!("with shares {a} and {w} of the weight decay the angles end greater than with equal ones"),
            exceeds(angle, equal),
            format!("mean angle {} against {}", figure(angle), figure(equal)),
        ));
        if a > 0.0 && w > 0.0 {
            let (ratio, predicted) = (halved("layer_ratio", shares)?, (w / a).sqrt());
            conclusions.push(Conclusion::new(
                format!(
                    "with shares {a} and {w} the norms of the layers have the ratio {}",
                    short(predicted)
                ),
                near(ratio, predicted, RATIO_ROOM * predicted),
                figure(ratio),
            ));
        }
    }
    let constant = found.all("mean_angle", &[("schedule", Level::from("constant"))]);
    conclusions.push(inner_minimum(&constant));
    let (first, best) = (constant.first(), least(&constant));
    if let (Some(_), Some(best)) = (first, best) {
        conclusions.push(Conclusion::new(
            "with every constant lambda the angles end greater than with the halved one",
            exceeds(best, equal),
            format!("mean angle {} at the best, lambda = {}", figure(best), best.number("lambda")),
        ));
    }
    Ok(conclusions)
}

fn least<'a>(found: &[&'a Measurement]) -> Option<&'a Measurement> {
    let lowest = minimum_of(found.iter().map(|one| one.mean()));
    found.iter().copied().find(|one| one.mean() <= lowest)
}

/// Whether the angles are least at a `lambda` between the ends.
fn inner_minimum(found: &[&Measurement]) -> Conclusion {
    let claim = "as a constant lambda tends to 0 the angles fall and rise again";
    let (Some(first), Some(last), Some(best)) = (found.first(), found.last(), least(found)) else {
        return Conclusion::new(claim, Answer::Open, "nothing measured".to_owned());
    };
    Conclusion::new(
        claim,
        exceeds(first, best).and(exceeds(last, best)),
        format!(
            "mean angle {} at lambda = {}, {} at {}, {} at {}",
            figure(first),
            first.number("lambda"),
            figure(best),
            best.number("lambda"),
            figure(last),
            last.number("lambda")
        ),
    )
}
