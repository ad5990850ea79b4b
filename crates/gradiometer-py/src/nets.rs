//! Covering radii.

use crate::arrays::Matrix;
use crate::errors::Failure;
use crate::jobs::long;
use crate::networks::points;
use gradiometer::certify::Verdict;
use gradiometer::certify::net::{Geometry, Net, NetError};
use gradiometer::landscape::LandscapeError;
use gradiometer::landscape::net::{Evidence, NetOptions, covering_radius};
use pyo3::prelude::*;
use serde_json::json;

const fn geometry(sphere: bool) -> Geometry {
    if sphere { Geometry::Sphere } else { Geometry::Projective }
}

fn failure(error: NetError) -> Failure {
    LandscapeError::from(error).into()
}

/// The covering radius of the rows as a certified interval, as JSON.
#[pyfunction]
pub(crate) fn net(
    py: Python<'_>,
    x: Matrix<'_>,
    sphere: bool,
    tolerance: f64,
    cells: usize,
) -> PyResult<String> {
    let (dimension, rows) = points(&x);
    let found = long(py, move |_| {
        let net = Net::new(dimension, &rows, geometry(sphere)).map_err(failure)?;
        let options = NetOptions { tolerance, cells, ..NetOptions::default() };
        covering_radius(&net, &options).map_err(Failure::from)
    })??;
    let evidence = match found.evidence {
        Evidence::Cover(_) => "cover",
        Evidence::Trivial => "trivial",
        _ => "subdivision",
    };
    let json = json!({
        "lower": found.lower,
        "upper": found.upper,
        "witness": found.witness,
        "proof": evidence,
    });
    Ok(json.to_string())
}

/// Whether every direction is within a radius of the rows: verdict and reason.
#[pyfunction]
pub(crate) fn check_net(
    py: Python<'_>,
    x: Matrix<'_>,
    radius: f64,
    sphere: bool,
    cells: usize,
) -> PyResult<(String, String)> {
    let (dimension, rows) = points(&x);
    let found = long(py, move |_| {
        let net = Net::new(dimension, &rows, geometry(sphere)).map_err(failure)?;
        gradiometer::certify::net::check_net(&net, radius, None, cells).map_err(failure)
    })??;
    let reason = match &found {
        Verdict::Proved(bound) => bound.to_string(),
        Verdict::Refuted(uncovered) => uncovered.to_string(),
        Verdict::Inconclusive(interval) => format!("the covering radius lies in {interval}"),
    };
    Ok((found.name().to_owned(), reason))
}
