//! Eigenvalues of `H = sum_i alpha_i u_i u_i^T` in double-double, so that teachers whose neurons
//! nearly coincide are told from degenerate ones.
//!
//! The weights are exact as they stand in a file, and two directions at an angle `t` leave an
//! eigenvalue of order `t^2`: at `t = 1e-7` nothing of it is left in doubles, and at `1e-8` nothing
//! can be. Here it is known to `2^-102`.

use crate::complexity::FeatureSubspace;
use faer::{Mat, Side};
use gradiometer_hermite::exponent::{Part, RidgeSum};
use gradiometer_hermite::{Bounded, DoubleDouble};
use gradiometer_model::ModelError;

/// Largest rank, and most multiplications of the projection, for which double-double is taken.
const LARGEST_RANK: usize = 64;
const MOST_WORK: usize = 20_000_000;
/// Sweeps of Jacobi's method; it ends after six to ten.
const SWEEPS: usize = 40;
/// An entry below this share of the matrix is none: `2^-110`, less than what is rounded.
const NEGLIGIBLE: f64 = 7.703719777548943e-34;

/// The eigenvalues of `H` on the span of the directions, by descending modulus.
pub(crate) struct Spectrum {
    /// The values, with bounds on their errors for the weights as they are.
    pub(crate) values: Vec<Bounded>,
    /// Whether each is zero, the weights being known to half a unit in their last place.
    pub(crate) parts: Vec<Part>,
}

/// A symmetric matrix with what is known of it.
struct Projected {
    /// Entries over the ridge sum's scale.
    matrix: Vec<DoubleDouble>,
    /// Coordinates of the directions, `m x r`.
    points: Vec<f64>,
    rank: usize,
    /// Bound on the error of every eigenvalue, over the scale.
    error: f64,
}

impl Spectrum {
    pub(crate) fn of(
        sum: &RidgeSum,
        subspace: &FeatureSubspace,
        epsilon: f64,
    ) -> Result<Self, ModelError> {
        let (m, d, r) = (sum.len(), sum.dimension(), subspace.rank());
        let projected = if r <= LARGEST_RANK && m * d * r <= MOST_WORK {
            in_double_double(sum, r)
        } else {
            in_doubles(sum, subspace)
        };
        let (values, vectors, error) = projected.eigenpairs()?;
        let amplitudes: Vec<f64> = sum.amplitudes().iter().map(|a| a.to_f64()).collect();
        let judge = |k: usize| {
            // To first order the eigenvalue of v changes by the sum of 2 alpha (z . v)(dz . v) and
            // dalpha (z . v)^2, and |dz| and |dalpha|/alpha are at most eps and half of it for the
            // second layer and for the length. Twice that, as v itself is moved.
            let change: f64 = amplitudes
                .iter()
                .zip(projected.points.chunks_exact(r))
                .map(|(a, z)| {
                    let along: f64 = (0..r).map(|c| z[c] * vectors[c * r + k]).sum();
                    2.0 * epsilon * a.abs() * (along.abs() + along * along)
                })
                .sum();
            let size = values[k].abs();
            // As many neurons as dimensions, all with mass: H has no kernel, whatever its size.
            if m == r || size - error > change {
                Part::NonZero
            } else if size + error <= change {
                Part::Zero
            } else {
                Part::Undecided
            }
        };
        let mut order: Vec<usize> = (0..r).collect();
        order.sort_by(|&x, &y| values[y].abs().total_cmp(&values[x].abs()));
        let bounded = |k: &usize| Bounded {
            value: values[*k] * sum.scale(),
            error: (error + f64::EPSILON * values[*k].abs()) * sum.scale(),
        };
        Ok(Self {
            values: order.iter().map(bounded).collect(),
            parts: order.iter().map(|k| judge(*k)).collect(),
        })
    }
}

/// The directions in an orthonormal basis of their span, by the pivoted method of Gram and Schmidt,
/// and the matrix there. What of them lies outside the first `r` pivots is the rounding of their
/// weights.
fn in_double_double(sum: &RidgeSum, r: usize) -> Projected {
    let (m, d) = (sum.len(), sum.dimension());
    let mut rest: Vec<Vec<DoubleDouble>> = (0..m).map(|i| sum.unit(i)).collect();
    let mut points = vec![DoubleDouble::ZERO; m * r];
    let square = |w: &[DoubleDouble]| w.iter().fold(DoubleDouble::ZERO, |s, x| s + *x * *x);
    for axis in 0..r {
        let squares: Vec<DoubleDouble> = rest.iter().map(|w| square(w)).collect();
        let far = |x: &usize, y: &usize| squares[*x].to_f64().total_cmp(&squares[*y].to_f64());
        let Some(pivot) = (0..m).max_by(far) else { break };
        let length = squares[pivot].sqrt();
        if !(length.to_f64() > 0.0) {
            break;
        }
        let basis: Vec<DoubleDouble> = rest[pivot].iter().map(|x| *x / length).collect();
        for (i, w) in rest.iter_mut().enumerate() {
            let along = basis.iter().zip(&*w).fold(DoubleDouble::ZERO, |s, (b, x)| s + *b * *x);
            points[i * r + axis] = along;
            for (x, b) in w.iter_mut().zip(&basis) {
                *x = *x - along * *b;
            }
        }
    }
    let mut matrix = vec![DoubleDouble::ZERO; r * r];
    for (a, z) in sum.amplitudes().iter().zip(points.chunks_exact(r)) {
        for i in 0..r {
            let share = *a * z[i];
            for j in 0..=i {
                matrix[i * r + j] = matrix[i * r + j] + share * z[j];
            }
        }
    }
    for i in 0..r {
        for j in 0..i {
            matrix[j * r + i] = matrix[i * r + j];
        }
    }
    // Coordinates: roundings of the unit vectors, of products over d and of the steps before; the
    // matrix: twice that, and a sum over m; Jacobi: some rotations of every row, in each of some
    // ten sweeps, of one unit each.
    let units = 2.0 * (sum.roundings() + (d + r) as f64) + (m + 4) as f64 + 16.0 * r as f64;
    let size = sum.size() / sum.scale();
    let error = units * DoubleDouble::UNIT * size;
    let points = points.iter().map(|x| x.to_f64()).collect();
    Projected { matrix, points, rank: r, error }
}

/// The same in doubles, for what is too large.
fn in_doubles(sum: &RidgeSum, subspace: &FeatureSubspace) -> Projected {
    let (m, r) = (sum.len(), subspace.rank());
    let mut points = Vec::with_capacity(m * r);
    let mut matrix = vec![0.0; r * r];
    for (i, a) in sum.amplitudes().iter().enumerate() {
        let unit: Vec<f64> = sum.unit(i).iter().map(|x| x.to_f64()).collect();
        let z = subspace.coordinates(&unit);
        for x in 0..r {
            for y in 0..r {
                matrix[x * r + y] += a.to_f64() * z[x] * z[y];
            }
        }
        points.extend(z);
    }
    let error = 8.0 * f64::EPSILON * (m + r) as f64 * sum.size() / sum.scale();
    let matrix = matrix.into_iter().map(DoubleDouble::from).collect();
    Projected { matrix, points, rank: r, error }
}

impl Projected {
    /// Eigenvalues, eigenvectors as columns, and a bound on the error of each value.
    fn eigenpairs(&self) -> Result<(Vec<f64>, Vec<f64>, f64), ModelError> {
        let r = self.rank;
        if r > LARGEST_RANK {
            let dense = Mat::from_fn(r, r, |i, j| self.matrix[i * r + j].to_f64());
            let eigen = dense.self_adjoint_eigen(Side::Lower).map_err(|_no_convergence| {
                ModelError::DecompositionFailed { rows: r, columns: r }
            })?;
            let values = (0..r).map(|k| eigen.S()[k]).collect();
            let vectors = (0..r * r).map(|at| eigen.U()[(at / r, at % r)]).collect();
            return Ok((values, vectors, self.error));
        }
        let mut h = self.matrix.clone();
        let mut vectors = vec![0.0; r * r];
        for k in 0..r {
            vectors[k * r + k] = 1.0;
        }
        let norm = h.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>().sqrt();
        for _ in 0..SWEEPS {
            let mut rotated = false;
            for p in 0..r {
                for q in p + 1..r {
                    if h[p * r + q].to_f64().abs() > NEGLIGIBLE * norm {
                        rotate(&mut h, &mut vectors, r, (p, q));
                        rotated = true;
                    }
                }
            }
            if !rotated {
                let values: Vec<f64> = (0..r).map(|k| h[k * r + k].to_f64()).collect();
                let left = NEGLIGIBLE * norm * r as f64;
                return Ok((values, vectors, self.error + left));
            }
        }
        Err(ModelError::DecompositionFailed { rows: r, columns: r })
    }
}

/// Jacobi's rotation that makes one entry zero.
fn rotate(h: &mut [DoubleDouble], vectors: &mut [f64], r: usize, (p, q): (usize, usize)) {
    let one = DoubleDouble::ONE;
    let entry = h[p * r + q];
    let theta = (h[q * r + q] - h[p * r + p]) / (entry + entry);
    let negative = theta.to_f64() < 0.0;
    let modulus = if negative { -theta } else { theta };
    let tangent = one / (modulus + (modulus * modulus + one).sqrt());
    let tangent = if negative { -tangent } else { tangent };
    let cosine = one / (tangent * tangent + one).sqrt();
    let sine = tangent * cosine;
    for k in 0..r {
        let (x, y) = (h[k * r + p], h[k * r + q]);
        h[k * r + p] = cosine * x - sine * y;
        h[k * r + q] = sine * x + cosine * y;
    }
    for k in 0..r {
        let (x, y) = (h[p * r + k], h[q * r + k]);
        h[p * r + k] = cosine * x - sine * y;
        h[q * r + k] = sine * x + cosine * y;
    }
    h[p * r + q] = DoubleDouble::ZERO;
    h[q * r + p] = DoubleDouble::ZERO;
    let (c, s) = (cosine.to_f64(), sine.to_f64());
    for k in 0..r {
        let (x, y) = (vectors[k * r + p], vectors[k * r + q]);
        vectors[k * r + p] = c * x - s * y;
        vectors[k * r + q] = s * x + c * y;
    }
}
