//! Small dense matrices: cosines, roots of semidefinite ones, and the layers of a network.

use crate::error::MechanismError;
use faer::{Mat, Side};
use gradiometer_hermite::Angle;
use gradiometer_model::Network;
use gradiometer_model::geometry::{norm, normalised};
use std::f64::consts::TAU;

/// `<A, B>_F`.
pub(crate) fn inner(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    (0..a.ncols()).flat_map(|j| (0..a.nrows()).map(move |i| (i, j))).map(|at| a[at] * b[at]).sum()
}

/// `|A|_F`.
pub(crate) fn length(a: &Mat<f64>) -> f64 {
    inner(a, a).sqrt()
}

/// `tr A`.
pub(crate) fn trace(a: &Mat<f64>) -> f64 {
    (0..a.nrows()).map(|i| a[(i, i)]).sum()
}

/// `cos(A, B) = <A, B>_F/(|A|_F |B|_F)`; NaN if either is zero.
pub fn cosine(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    inner(a, b) / (length(a) * length(b))
}

/// Ascending eigenvalues of a symmetric matrix, of which the lower triangle is read.
pub(crate) fn eigenvalues(a: &Mat<f64>) -> Result<Vec<f64>, MechanismError> {
    let what = "symmetric matrix";
    let failed = |_| MechanismError::Factorisation { what };
    a.self_adjoint_eigenvalues(Side::Lower).map_err(failed)
}

/// `A^{1/2}` of a positive semidefinite matrix; eigenvalues that rounding has made negative count
/// as zero.
///
/// # Errors
/// [`MechanismError::Factorisation`] if an entry is not finite.
pub(crate) fn semidefinite_root(a: &Mat<f64>) -> Result<Mat<f64>, MechanismError> {
    let n = a.nrows();
    let failed = |_| MechanismError::Factorisation { what: "symmetric matrix" };
    let eigen = a.self_adjoint_eigen(Side::Lower).map_err(failed)?;
    let (u, values) = (eigen.U(), eigen.S());
    let scaled = Mat::from_fn(n, n, |i, j| {
        let value = values[j];
        u[(i, j)] * if value < 0.0 { 0.0 } else { value.sqrt() }
    });
    Ok(&scaled * u.transpose())
}

/// `W`, `m x d`.
pub(crate) fn first_layer(network: &Network) -> Mat<f64> {
    Mat::from_fn(network.neurons(), network.dimension(), |j, i| network.neuron(j)[i])
}

/// Vectors in orthonormal coordinates of their common span, `R` of the factors `Q R` of the matrix
/// whose columns they are: lengths and inner products stay, up to rounding.
pub(crate) fn in_common_span(vectors: &[&[f64]]) -> Vec<Vec<f64>> {
    let d = vectors.first().map_or(0, |vector| vector.len());
    assert!(vectors.iter().all(|vector| vector.len() == d), "the vectors are of one length");
    let factors = Mat::from_fn(d, vectors.len(), |i, j| vectors[j][i]).qr();
    let r = factors.thin_R();
    let coordinates = |j: usize| (0..r.nrows()).map(move |i| if i <= j { r[(i, j)] } else { 0.0 });
    (0..vectors.len()).map(|j| coordinates(j).collect()).collect()
}

/// The mean of the product of two networks' gates, `m x m'`: raw `E[theta_j theta_l] = (pi -
/// phi_jl)/(2 pi)`, or their covariance `asin(t_jl)/(2 pi)`, weighted by `a_j b_l`. Zero neurons
/// have none.
pub(crate) fn gates(f: &Network, g: &Network, centring: Centring) -> Mat<f64> {
    let (left, right) = (directions(f), directions(g));
    let (a, b) = (f.second_layer(), g.second_layer());
    Mat::from_fn(a.len(), b.len(), |j, l| {
        let (u, v) = (&left[j], &right[l]);
        if u.is_empty() || v.is_empty() {
            return 0.0;
        }
        let angle = Angle::between(u, v);
        let gate = match centring {
            Centring::Raw => angle.supplement(),
            Centring::Centred => angle.complement(),
        };
        a[j] * b[l] * gate / TAU
    })
}

/// Unit vectors of the neurons, empty for zero neurons.
pub(crate) fn directions(network: &Network) -> Vec<Vec<f64>> {
    network.rows().map(|w| if norm(w) > 0.0 { normalised(w) } else { Vec::new() }).collect()
}

/// Which moments of a gradient: its second moment, or its covariance, which is that of the
/// function's degrees from 2 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Centring {
    /// `E g g^T`.
    Raw,
    /// `E g g^T - E g E g^T`.
    Centred,
}

/// `A^T B C`.
pub(crate) fn sandwich(a: &Mat<f64>, b: &Mat<f64>, c: &Mat<f64>) -> Mat<f64> {
    a.transpose() * (b * c)
}

/// `sum_j m_j u_j u_j^T` over the network's directions.
pub(crate) fn weighted(network: &Network, mass: impl Fn(usize) -> f64) -> Mat<f64> {
    let d = network.dimension();
    let mut sum = Mat::zeros(d, d);
    for (j, u) in directions(network).iter().enumerate() {
        if u.is_empty() {
            continue;
        }
        let m = mass(j);
        for p in 0..d {
            for q in 0..d {
                sum[(p, q)] += m * u[p] * u[q];
            }
        }
    }
    sum
}
