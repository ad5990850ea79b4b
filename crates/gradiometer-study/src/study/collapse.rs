//! 9.2: without preprocessing the first step has one direction.

use super::samples::{RANK, first_step, request, teacher};
use super::{Measurement, Outcome, Size};
use gradiometer_population::{Empirical, FromDegree, SampleRequest};

const QUANTITIES: [&str; RANK] =
    ["first singular value/norm", "second singular value/norm", "third singular value/norm"];

pub(super) fn run(size: Size) -> Outcome {
    let dimensions = size.choose(&[40][..], &[40, 80]);
    let neurons = size.choose(100, 400);
    let mut found = Vec::new();
    for &d in dimensions {
        for ratio in [1, 4, 16_usize] {
            for (degree, from_degree) in [(0.0, FromDegree::Zero), (2.0, FromDegree::Two)] {
                let n = ratio * d * d;
                let mut values = vec![Vec::new(); RANK];
                for seed in 0..10 {
                    let request = SampleRequest { from_degree, ..request(n, seed) };
                    let objective = Empirical::drawn(teacher(d)?, &request)?;
                    let student = first_step(&objective, neurons, seed)?;
                    let shares = singular_shares(student.first_layer(), d)?;
                    for (values, share) in values.iter_mut().zip(shares) {
                        values.push((seed, share));
                    }
                }
                found.extend(QUANTITIES.into_iter().zip(values).map(|(quantity, values)| {
                    let setting = [
                        ("from degree", degree),
                        ("d", d as f64),
                        ("n", n as f64),
                        ("n/d^2", ratio as f64),
                    ];
                    Measurement { setting: setting.to_vec(), quantity, values }
                }));
            }
        }
    }
    Ok(found)
}

/// Singular values of a row-major matrix over its Frobenius norm, largest first.
fn singular_shares(matrix: &[f64], width: usize) -> Result<Vec<f64>, NoSingularValues> {
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
struct NoSingularValues;
