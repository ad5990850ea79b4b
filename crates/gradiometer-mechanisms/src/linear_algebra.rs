//! The few matrix operations of this crate, with its errors.

use crate::error::MechanismError;
use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};

/// The numbers of row `i`.
pub(crate) fn row(matrix: MatRef<'_, f64>, i: usize) -> Vec<f64> {
    (0..matrix.ncols()).map(|j| matrix[(i, j)]).collect()
}

/// `sum x_i y_i`.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

/// `|x|`.
pub(crate) fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// Lengths of the rows.
pub(crate) fn row_norms(matrix: MatRef<'_, f64>) -> Vec<f64> {
    // Column by column, as the numbers lie.
    let mut squares = vec![0.0; matrix.nrows()];
    for column in matrix.col_iter() {
        for (square, x) in squares.iter_mut().zip(column.iter()) {
            *square += x * x;
        }
    }
    squares.into_iter().map(f64::sqrt).collect()
}

/// Trace.
pub(crate) fn trace(matrix: MatRef<'_, f64>) -> f64 {
    (0..matrix.nrows()).map(|i| matrix[(i, i)]).sum()
}

/// `tr(A B)` of symmetric matrices, the sum of products of entries.
pub(crate) fn trace_of_product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    (0..a.ncols()).map(|j| (0..a.nrows()).map(|i| a[(i, j)] * b[(i, j)]).sum::<f64>()).sum()
}

/// `x^T A y`.
pub(crate) fn form(x: &[f64], matrix: MatRef<'_, f64>, y: &[f64]) -> f64 {
    (0..matrix.ncols())
        .map(|j| y[j] * (0..matrix.nrows()).map(|i| x[i] * matrix[(i, j)]).sum::<f64>())
        .sum()
}

/// `A x`.
pub(crate) fn apply(matrix: MatRef<'_, f64>, x: &[f64]) -> Vec<f64> {
    let mut result = vec![0.0; matrix.nrows()];
    for (j, value) in x.iter().enumerate() {
        for (i, entry) in result.iter_mut().enumerate() {
            *entry += matrix[(i, j)] * value;
        }
    }
    result
}

/// Eigenvalues in falling order with their eigenvectors as columns, of a symmetric matrix.
pub(crate) fn eigen(
    matrix: MatRef<'_, f64>,
    what: &'static str,
) -> Result<(Vec<f64>, Mat<f64>), MechanismError> {
    let size = matrix.nrows();
    if !matrix.is_all_finite() {
        return Err(MechanismError::Factorisation { what });
    }
    let found = matrix
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_no_convergence| MechanismError::Factorisation { what })?;
    let values = (0..size).rev().map(|i| found.S()[i]).collect();
    let vectors = Mat::from_fn(size, size, |i, j| found.U()[(i, size - 1 - j)]);
    Ok((values, vectors))
}

/// Solves `A X = B` for a positive definite `A`.
pub(crate) fn solve_positive(
    matrix: MatRef<'_, f64>,
    right: MatRef<'_, f64>,
    what: &'static str,
) -> Result<Mat<f64>, MechanismError> {
    let factor =
        matrix.llt(Side::Lower).map_err(|_not_positive| MechanismError::Factorisation { what })?;
    Ok(factor.solve(right))
}

/// Solves `A x = b` for a positive definite `A`.
pub(crate) fn solve_vector(
    matrix: MatRef<'_, f64>,
    right: &[f64],
    what: &'static str,
) -> Result<Vec<f64>, MechanismError> {
    let column = Mat::from_fn(right.len(), 1, |i, _| right[i]);
    let solution = solve_positive(matrix, column.as_ref(), what)?;
    Ok((0..right.len()).map(|i| solution[(i, 0)]).collect())
}

/// Requires that `found == expected`.
pub(crate) fn require_shape(
    what: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), MechanismError> {
    if found == expected { Ok(()) } else { Err(MechanismError::Shape { what, found, expected }) }
}

/// Requires that `value > 0` and finite.
pub(crate) fn require_positive(what: &'static str, value: f64) -> Result<(), MechanismError> {
    if value > 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(MechanismError::NotPositive { what, value })
    }
}

/// Requires that every entry is finite.
pub(crate) fn require_finite(
    what: &'static str,
    matrix: MatRef<'_, f64>,
) -> Result<(), MechanismError> {
    for j in 0..matrix.ncols() {
        for i in 0..matrix.nrows() {
            if !matrix[(i, j)].is_finite() {
                return Err(MechanismError::NotFinite { what, value: matrix[(i, j)] });
            }
        }
    }
    Ok(())
}
