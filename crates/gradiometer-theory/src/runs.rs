//! What the runs of several statements share.

use crate::error::TheoryError;
use gradiometer_instances::generate::{Signs, TeacherRequest};
use gradiometer_model::SeparatedTeacher;
use gradiometer_train::{Algorithm, Stage3};

/// Step size of Stage 3 in all runs.
pub(crate) const STEP_SIZE: f64 = 0.25;

/// A teacher of rank 2 with two or three neurons, as the runs of Stage 3 have it.
pub(crate) fn teacher(dimension: usize, seed: u64) -> Result<SeparatedTeacher, TheoryError> {
    let neurons = if seed.is_multiple_of(2) { 2 } else { 3 };
    let request = TeacherRequest {
        separation: 0.8,
        smallest_eigenvalue: 0.3,
        signs: Signs::Mixed,
        ..TeacherRequest::new(dimension, 2, neurons, seed)
    };
    Ok(request.generate()?)
}

/// One epoch of Stage 3 alone.
pub(crate) fn constant_lambda(lambda: f64, steps: u64) -> Algorithm {
    let stage3 = Stage3 { step_size: STEP_SIZE, lambda, steps, epochs: 1, ..Stage3::default() };
    Algorithm { stage1: None, stage2: None, balance: false, stage3: Some(stage3) }
}
