//! 9.2: without preprocessing the first step has one direction.

use super::measurement::{Measure, mean};
use super::reading::{Answer, Conclusion, Found, above, exceeds, figure};
use super::samples::{RANK, first_step, request, teacher};
use super::session::{Failure, Plan};
use super::{Level, Size};
use gradiometer_hermite::Activation;
use gradiometer_population::{Degrees, SampleRequest, Samples};

const MEASURES: [Measure; RANK] = [mean("share_1"), mean("share_2"), mean("share_3")];
/// The singular value over the norm above which a step counts as one direction: half of its
/// squared norm.
const HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let dimensions = size.choose(&[40][..], &[20, 40, 80, 160]);
    let neurons = size.choose(100, 400);
    let mut cases = Vec::new();
    for &d in dimensions {
        for ratio in [1, 4, 16_usize] {
            cases.extend([0, 2].map(|degree| (degree, d, ratio)));
        }
    }
    let setting = |&(degree, d, ratio): &(usize, usize, usize)| {
        vec![
            ("from_degree", degree.into()),
            ("d", d.into()),
            ("n", (ratio * d * d).into()),
            ("n_over_d2", ratio.into()),
        ]
    };
    Plan::new(cases, setting, (&MEASURES, 10), move |&(degree, d, ratio), seed| {
        let degrees = if degree == 0 { Degrees::All } else { Degrees::FromTwo };
        let request = SampleRequest { degrees, ..request(ratio * d * d, seed) };
        let objective = Samples::drawn(teacher(d)?, Activation::Relu, &request)?;
        let student = first_step(&objective, neurons, seed)?;
        let mut shares = singular_shares(student.first_layer(), d)?;
        shares.truncate(RANK);
        Ok(shares)
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let raw = found.all("share_1", &[("from_degree", Level::from(0_usize))]);
    let kept = found.all("share_1", &[("from_degree", Level::from(2_usize))]);
    let (first, last) = found.ends("share_1", &[("from_degree", Level::from(0_usize))])?;
    let (_, preprocessed) = found.ends("share_1", &[("from_degree", Level::from(2_usize))])?;
    Ok(vec![
        Conclusion::new(
            "without preprocessing one direction carries more than half of the step's squared norm at every d and n",
            Answer::all(raw.iter().map(|one| above(one, HALF))),
            format!(
                "its singular value over the norm {} at the least d and n, {} at the greatest; half of the squared norm is 0.707",
                figure(first),
                figure(last)
            ),
        ),
        Conclusion::new(
            "preprocessing takes that direction away",
            Answer::all(raw.iter().zip(&kept).map(|(raw, kept)| exceeds(raw, kept))),
            format!(
                "singular value over the norm {} at the greatest d and n",
                figure(preprocessed)
            ),
        ),
    ])
}

/// Singular values of a row-major matrix over its Frobenius norm, largest first.
pub(super) fn singular_shares(matrix: &[f64], width: usize) -> Result<Vec<f64>, NoSingularValues> {
    let rows = matrix.len() / width;
    let values = faer::Mat::from_fn(rows, width, |i, j| matrix[i * width + j])
        .singular_values()
        .map_err(|_no_convergence| NoSingularValues)?;
    let square: f64 = values.iter().map(|s| s * s).sum();
    Ok(values.iter().map(|s| s / square.sqrt()).collect())
}

/// The singular values of a step were not found.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the singular values of the step were not found; report the study and its size")]
pub(super) struct NoSingularValues;
