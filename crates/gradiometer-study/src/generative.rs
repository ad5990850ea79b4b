//! 11.8.7: estimators that reach the rate of the generative exponent, beside their predicted overlaps.
//!
//! Phase retrieval (exponent 2) by a spectral matrix with the optimal transform, a sign of exponent 3 by two partial
//! traces, at multiples of their thresholds; and the second-order matrix on a link of exponent 4, which shows it nothing.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, above, figure, near, short};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::damian2024::{
    second_order_cosine, second_order_prediction, third_order_cosines, third_order_threshold,
    vector_stage_cosine,
};
use gradiometer_mechanisms::order_parameters::stream;

const MEASURES: &[Measure] = &[mean("squared_cosine"), mean("predicted")];

/// An estimator on a link.
#[derive(Clone, Copy, PartialEq)]
enum Case {
    /// The second-order matrix on `z^2`, at so many thresholds `d/2`.
    PhaseRetrieval(f64),
    /// The vector of the first partial trace on the sign, at so many thresholds.
    Vector(f64),
    /// The matrix contracted with it.
    Contracted(f64),
    /// The second-order matrix on `z^2 exp(-z^2)`, at as many samples as phase retrieval.
    FourthOrder(f64),
}

impl Case {
    const fn name(self) -> &'static str {
        match self {
            Self::PhaseRetrieval(_) => "z^2 by a matrix",
            Self::Vector(_) => "sign(z^3 - 2 log(2) z) by a vector",
            Self::Contracted(_) => "sign(z^3 - 2 log(2) z) by a contracted matrix",
            Self::FourthOrder(_) => "z^2 exp(-z^2) by a matrix",
        }
    }

    const fn ratio(self) -> f64 {
        match self {
            Self::PhaseRetrieval(x)
            | Self::Vector(x)
            | Self::Contracted(x)
            | Self::FourthOrder(x) => x,
        }
    }
}

/// `zeta_3` of the sign of `z (z^2 - 2 log 2)` is the sign times this, whose square is `lambda_3^2`.
const SIGNAL_OF_SIGN: f64 = 0.451_564_604_7;
/// The mean of `z^2 exp(-z^2)`, `3^{-3/2}`.
const MEAN_OF_FOURTH: f64 = 0.192_450_089_729_875_26;

pub(super) use super::nothing_derived as derive;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of samples from a positive ratio"
)]
const fn count(x: f64) -> usize {
    x as usize
}

pub(super) fn plan(size: Size) -> Plan {
    let dimension: usize = size.choose(60, 400);
    let small: usize = size.choose(50, 200);
    let mut cases: Vec<Case> = [2.0, 4.0, 8.0].map(Case::PhaseRetrieval).to_vec();
    cases.extend([Case::Vector(4.0), Case::Contracted(4.0), Case::FourthOrder(8.0)]);
    let dimension_of = move |case: Case| match case {
        Case::Vector(_) | Case::Contracted(_) => small,
        _ => dimension,
    };
    let setting = move |case: &Case| {
        vec![
            ("link", Level::from(case.name())),
            ("n_over_threshold", case.ratio().into()),
            ("d", dimension_of(*case).into()),
        ]
    };
    Plan::new(cases, setting, (MEASURES, size.choose(16, 40)), move |case, seed| {
        let d = dimension_of(*case);
        let mut rng = stream(1187, seed);
        let ratio = case.ratio();
        let half = count(0.5 * ratio * d as f64);
        Ok(match case {
            Case::PhaseRetrieval(_) => {
                let optimal = |z: f64| (z * z - 1.0) / (z * z);
                let predicted = second_order_prediction(optimal, 1.0, 0.5 * ratio)?;
                vec![second_order_cosine(|z, _| optimal(z), d, half, &mut rng), predicted]
            }
            Case::Vector(_) | Case::Contracted(_) => {
                let root = (2.0 * 2.0_f64.ln()).sqrt();
                let sign = move |z: f64| SIGNAL_OF_SIGN * (z * (z - root) * (z + root)).signum();
                let signal = SIGNAL_OF_SIGN * SIGNAL_OF_SIGN;
                let n = ratio * third_order_threshold(d as f64, signal);
                let (first, second) = third_order_cosines(sign, d, count(n), &mut rng);
                if matches!(case, Case::Vector(_)) {
                    vec![first, vector_stage_cosine(n, d as f64, signal)]
                } else {
                    vec![second, 1.0 - 1.0 / (ratio * ratio)]
                }
            }
            Case::FourthOrder(_) => {
                let link = |z: f64| z * z * (-z * z).exp() - MEAN_OF_FOURTH;
                vec![second_order_cosine(|z, _| link(z), d, half, &mut rng), 0.0]
            }
        })
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let beside = |case: Case, room: f64| -> Result<(Answer, String), Failure> {
        let fixed = [("link", Level::from(case.name())), ("n_over_threshold", case.ratio().into())];
        let (cosine, predicted) =
            (found.one("squared_cosine", &fixed)?, found.one("predicted", &fixed)?.mean());
        let figures =
            format!("{} thresholds: {} for {}", case.ratio(), figure(cosine), short(predicted));
        Ok((near(cosine, predicted, room), figures))
    };
    let d = found.one("squared_cosine", &[])?.number("d");
    let mut answers = Vec::new();
    let mut figures = Vec::new();
    for ratio in [2.0, 4.0, 8.0] {
        // Fluctuations of the least eigenvalues at a finite dimension.
        let (answer, figure) = beside(Case::PhaseRetrieval(ratio), 1.0 / d.sqrt())?;
        answers.push(answer);
        figures.push(figure);
    }
    let (vector, of_vector) = beside(Case::Vector(4.0), 0.02)?;
    let (matrix, of_matrix) = beside(Case::Contracted(4.0), 0.1)?;
    let fixed = [("link", Level::from(Case::FourthOrder(8.0).name()))];
    let fourth = found.one("squared_cosine", &fixed)?;
    Ok(vec![
        Conclusion::new(
            "the matrix finds the direction of z^2 as predicted",
            Answer::all(answers),
            figures.join(", "),
        ),
        Conclusion::new(
            "a partial trace finds a direction of exponent 3 as predicted",
            vector,
            of_vector,
        ),
        Conclusion::new("contracting with it comes close to the limit", matrix, of_matrix),
        Conclusion::new(
            "the matrix finds a direction of exponent 4 (the control)",
            above(fourth, 0.3),
            figure(fourth),
        ),
    ])
}
