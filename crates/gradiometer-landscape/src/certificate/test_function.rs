//! The vector-valued test functions of the average neuron (theory 7.6).

use gradiometer_certify::{DegreeWeights, Interpolant};
use gradiometer_hermite::Enclosure;
use gradiometer_model::SeparatedTeacher;

use super::CertificateOptions;
use super::candidate::{Candidate, Stage};
use super::search::{deviation_at, smallest, starts};
use crate::error::LandscapeError;

/// A test function `p_{i,e}`: `eta` has the value `e.u_i` and tangent gradient `P_i e` at `u_i`, zero value and gradient at the
/// other directions.
///
/// With it `|<e, v_i>| <= |p| sqrt(L) + C sum_j |c_j| delta_j^2` for every student (theory 7.6).
#[derive(Clone, Debug, PartialEq)]
pub struct TestFunction {
    /// Teacher neuron `i`.
    pub neuron: usize,
    /// The direction `e = sum_k combination_k u_k` as the coefficients of the teacher's directions, `m*` numbers.
    pub combination: Vec<f64>,
    /// `e` in `R^d`.
    pub direction: Vec<f64>,
    /// `|p_{i,e}|` (evidence: certified).
    pub norm: Enclosure,
    /// `C`, the largest `|eta(w) - 1{w in T_i} e.(s w)| / delta(w)^2` that a multistart search met (evidence: sampled).
    pub constant: f64,
}

/// The test function of neuron `neuron` for the direction `e = sum_k combination_k u_k`.
///
/// # Errors
/// [`LandscapeError::Certify`] if the neuron or the combination does not fit the teacher or the solution cannot be
/// enclosed, and what the teacher's geometry refuses.
pub fn test_function(
    teacher: &SeparatedTeacher,
    weights: &DegreeWeights,
    neuron: usize,
    combination: &[f64],
    options: &CertificateOptions,
) -> Result<TestFunction, LandscapeError> {
    let proved = Interpolant::test_function(teacher, weights, neuron, combination)?;
    let stage = Stage::new(teacher)?;
    let combine = |d: usize, rows: &[f64]| {
        let mut e = vec![0.0; d];
        for (row, c) in rows.chunks_exact(d).zip(combination) {
            e.iter_mut().zip(row).for_each(|(x, u)| *x += c * u);
        }
        e
    };
    let e = combine(stage.size, &stage.directions);
    let candidate = Candidate::test_function(&stage, weights, neuron, &e);
    let constant = candidate.map_or(f64::NAN, |candidate| {
        let points = starts(&stage, 10 * options.starts, options.seed);
        -smallest(|w| deviation_at(&candidate, neuron, &e, w), &points).value
    });
    Ok(TestFunction {
        neuron,
        combination: combination.to_vec(),
        direction: combine(teacher.dimension(), teacher.directions()),
        norm: proved.norm(),
        constant,
    })
}
