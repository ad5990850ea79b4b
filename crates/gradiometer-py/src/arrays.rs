//! NumPy arrays in and out. The Python layer has made them contiguous, of doubles, and of the right
//! number of dimensions.

use crate::errors::Failure;
use gradiometer::prelude::Network;
use numpy::{
    IntoPyArray as _, PyArray1, PyArray2, PyArrayMethods as _, PyReadonlyArray1, PyReadonlyArray2,
    PyUntypedArrayMethods as _,
};
use pyo3::prelude::*;

/// `(k,)` doubles.
pub(crate) type Vector<'py> = PyReadonlyArray1<'py, f64>;
/// `(n, d)` doubles.
pub(crate) type Matrix<'py> = PyReadonlyArray2<'py, f64>;

/// The entries.
pub(crate) fn entries(x: &Vector<'_>) -> Vec<f64> {
    x.as_slice().map_or_else(|_| x.as_array().iter().copied().collect(), <[f64]>::to_vec)
}

/// The entries, row-major.
pub(crate) fn row_major(x: &Matrix<'_>) -> Vec<f64> {
    x.as_slice().map_or_else(|_| x.as_array().iter().copied().collect(), <[f64]>::to_vec)
}

/// Width of the rows.
pub(crate) fn columns(x: &Matrix<'_>) -> usize {
    x.shape()[1]
}

/// The network of its two layers.
pub(crate) fn network(a: &Vector<'_>, w: &Matrix<'_>) -> Result<Network, Failure> {
    Ok(Network::new(columns(w), entries(a), row_major(w))?)
}

/// A new array `(n, d)` from row-major entries.
pub(crate) fn matrix(
    py: Python<'_>,
    entries: Vec<f64>,
    columns: usize,
) -> PyResult<Bound<'_, PyArray2<f64>>> {
    let rows = entries.len() / columns.max(1);
    entries.into_pyarray(py).reshape([rows, columns])
}

/// A new array `(k,)`.
pub(crate) fn vector(py: Python<'_>, entries: Vec<f64>) -> Bound<'_, PyArray1<f64>> {
    entries.into_pyarray(py)
}
