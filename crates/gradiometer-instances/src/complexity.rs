//! The complexity of a teacher: the quantities through which the theory's constants depend on it.

use crate::spectrum::Spectrum;
use faer::{Mat, Side};
use gradiometer_hermite::Activation;
use gradiometer_hermite::exponent::{
    InformationExponent, Part, RidgeSum, closed_form_coefficients, ridge_sum,
};
use gradiometer_hermite::float::{maximum_of, minimum_of};
use gradiometer_model::ModelError;
use gradiometer_model::{Separation, Teacher};
use std::f64::consts::TAU;

/// Highest degree examined for an information exponent.
const HIGHEST_DEGREE: usize = 64;

/// The span of the teacher's directions, `S* = span{u_i}`.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureSubspace {
    dimension: usize,
    basis: Vec<f64>,
    singular_values: Vec<f64>,
    tolerance: f64,
}

impl FeatureSubspace {
    /// The span of a teacher's directions, by the singular value decomposition of the `m* x d` matrix of the `u_i`.
    ///
    /// A singular value counts if it exceeds `8 eps (m* + sqrt d) sigma_1`: the directions, unit vectors, are rounded by
    /// about `eps` each in norm, and the rest is left to the decomposition. Two neurons at an angle of `1e-11` rad
    /// span two dimensions even for `d = 1000`. For weights that were rounded to single precision, `eps` is
    /// that of single precision ([`weight_epsilon`]): their rounding alone would make every rank full.
    ///
    /// # Errors
    /// [`ModelError::DecompositionFailed`] if the decomposition does not converge.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_instances::FeatureSubspace;
    /// use gradiometer_model::{Network, Teacher};
    /// let network = Network::new(3, vec![1.0, 1.0], vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0]).unwrap();
    /// let subspace = FeatureSubspace::of(&Teacher::new(network).unwrap()).unwrap();
    /// assert_eq!(subspace.rank(), 2);
    /// assert!(subspace.coordinates(&[0.0, 0.0, 1.0]).iter().all(|c| c.abs() <= 4.0 * f64::EPSILON));
    /// ```
    pub fn of(teacher: &Teacher) -> Result<Self, ModelError> {
        let (m, d) = (teacher.neurons(), teacher.dimension());
        // The columns of U^T are the directions.
        let columns = Mat::from_fn(d, m, |c, i| teacher.direction(i)[c]);
        let svd = columns
            .thin_svd()
            .map_err(|_no_convergence| ModelError::DecompositionFailed { rows: d, columns: m })?;
        let singular_values: Vec<f64> = (0..m.min(d)).map(|i| svd.S()[i]).collect();
        let epsilon = weight_epsilon(teacher);
        let tolerance = 8.0 * epsilon * (m as f64 + (d as f64).sqrt()) * singular_values[0];
        let rank = singular_values.iter().take_while(|s| **s > tolerance).count();
        let basis = (0..rank).flat_map(|i| (0..d).map(move |c| (c, i))).map(|at| svd.U()[at]);
        Ok(Self { dimension: d, basis: basis.collect(), singular_values, tolerance })
    }

    /// `r = dim S*`.
    pub fn rank(&self) -> usize {
        self.basis.len() / self.dimension
    }

    /// Dimension `d` of the whole space.
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// An orthonormal basis, `r x d` row-major, a basis vector a row.
    pub fn basis(&self) -> &[f64] {
        &self.basis
    }

    /// Singular values of the matrix of directions, descending.
    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }

    /// The singular value above which a direction counts.
    pub const fn tolerance(&self) -> f64 {
        self.tolerance
    }

    /// Coordinates of the orthogonal projection of `w` in the basis, length `r`.
    pub fn coordinates(&self, w: &[f64]) -> Vec<f64> {
        self.basis
            .chunks_exact(self.dimension)
            .map(|b| gradiometer_model::geometry::dot(b, w))
            .collect()
    }

    /// The orthogonal projection `P_{S*} w`, length `d`.
    pub fn project(&self, w: &[f64]) -> Vec<f64> {
        let mut projection = vec![0.0; self.dimension];
        for (c, b) in self.coordinates(w).iter().zip(self.basis.chunks_exact(self.dimension)) {
            for (p, x) in projection.iter_mut().zip(b) {
                *p += c * x;
            }
        }
        projection
    }
}

/// The precision that a teacher's first layer was rounded to: `f32::EPSILON` if every entry is a single-precision number
/// and one at least uses 20 or more of its 24 bits, as trained or random weights do; else `f64::EPSILON`. Handwritten entries
/// such as 0.5 are exact in both and mean what they say.
///
/// # Examples
/// ```
/// use gradiometer_instances::complexity::weight_epsilon;
/// use gradiometer_model::{Network, Teacher};
/// let teacher = |x: f64| Teacher::new(Network::new(2, vec![1.0], vec![x, 0.5]).unwrap()).unwrap();
/// assert_eq!(weight_epsilon(&teacher(0.25)), f64::EPSILON);
/// assert_eq!(weight_epsilon(&teacher(0.1)), f64::EPSILON);
/// assert_eq!(weight_epsilon(&teacher(f64::from(0.1_f32))), f64::from(f32::EPSILON));
/// ```
pub fn weight_epsilon(teacher: &Teacher) -> f64 {
    // Doubles have 52 stored bits, singles 23: the lowest 29 are zero, and of the upper ones the last four say whether
    // more than 20 bits are in use.
    const BELOW_SINGLE: u64 = (1 << 29) - 1;
    const LAST_OF_SINGLE: u64 = 0xf << 29;
    let bits = || teacher.network().first_layer().iter().map(|x| x.to_bits());
    if bits().all(|b| b & BELOW_SINGLE == 0) && bits().any(|b| b & LAST_OF_SINGLE != 0) {
        f64::from(f32::EPSILON)
    } else {
        f64::EPSILON
    }
}

/// What the theory's constants depend on (section 1 of \[ZG24\]).
///
/// All numbers are computed in floating point, single-threaded, so that one machine gives one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Complexity {
    /// Input dimension `d`.
    pub dimension: usize,
    /// Number of neurons `m*`.
    pub neurons: usize,
    /// Separation `Delta` with its closest pair; `None` for one neuron.
    pub separation: Option<Separation>,
    /// `r = dim S*`.
    pub rank: usize,
    /// Eigenvalues of `H = sum_i alpha_i u_i u_i^T` restricted to `S*`, by descending modulus; `r` of them.
    pub eigenvalues: Vec<f64>,
    /// Bound on the error of each of them, for the weights as they are.
    pub eigenvalue_error: f64,
    /// Number of eigenvalues that are not zero; Assumption 3 is `hessian_rank == rank`.
    pub hessian_rank: usize,
    /// Whether the eigenvalue of smallest modulus is zero, the weights being known to half a unit in their last place:
    /// Assumption 3 fails, holds or is undecided with it.
    pub smallest_part: Part,
    /// `kappa = |lambda|_max / |lambda|_min`; `None` if Assumption 3 does not hold, or the smallest eigenvalue is not known beyond its
    /// error.
    pub condition: Option<f64>,
    /// Bound on the error of `condition`, for the weights as they are.
    pub condition_error: Option<f64>,
    /// `|lambda|_min`, at the rounding level if `H` is degenerate.
    pub smallest_eigenvalue: f64,
    /// Bound on its error, for the weights as they are.
    pub smallest_eigenvalue_error: f64,
    /// Total mass `|mu*| = sum_i |alpha_i|`.
    pub total_mass: f64,
    /// `min_i |alpha_i|`.
    pub smallest_amplitude: f64,
    /// `max_i |alpha_i|`.
    pub largest_amplitude: f64,
    /// `E f* = sum_i alpha_i / sqrt(2 pi)`.
    pub mean: f64,
    /// The first Hermite coefficient `E[f*(x) x] = (1/2) sum_i a*_i w*_i`, length `d`.
    pub first_coefficient: Vec<f64>,
    /// Information exponent of `f*`.
    pub information_exponent: InformationExponent,
    /// Information exponent after preprocessing, which removes degrees 0 and 1.
    pub preprocessed_exponent: InformationExponent,
}

impl Complexity {
    /// The complexity of a teacher.
    ///
    /// Eigenvalues are computed in double-double (up to rank 64), so that they are accurate to some `2^-100 |mu*|`; one that the
    /// rounding of the weights by [`weight_epsilon`] explains counts as zero. With as many neurons as dimensions none is.
    ///
    /// # Errors
    /// [`ModelError::TeacherOverflow`] if the square of the total mass is not finite, [`ModelError::DecompositionFailed`] if a
    /// decomposition does not converge.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_instances::Complexity;
    /// use gradiometer_model::{Network, Teacher};
    /// let network = Network::new(2, vec![1.0, -2.0], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
    /// let complexity = Complexity::of(&Teacher::new(network).unwrap()).unwrap();
    /// assert_eq!(complexity.rank, 2);
    /// assert!((complexity.condition.unwrap() - 2.0).abs() <= 8.0 * f64::EPSILON);
    /// assert_eq!(complexity.first_coefficient, [0.5, -1.0]);
    /// ```
    pub fn of(teacher: &Teacher) -> Result<Self, ModelError> {
        let total_mass = teacher.total_mass();
        if !(total_mass * total_mass).is_finite() {
            return Err(ModelError::TeacherOverflow { total_mass });
        }
        let subspace = FeatureSubspace::of(teacher)?;
        let epsilon = weight_epsilon(teacher);
        let network = teacher.network();
        let sum = RidgeSum::homogeneous(network.second_layer(), network.first_layer(), epsilon)?;
        let Spectrum { values, parts } = Spectrum::of(&sum, &subspace, epsilon)?;
        let (m, r) = (teacher.neurons(), subspace.rank());
        let hessian_rank = parts.iter().filter(|part| **part == Part::NonZero).count();
        let smallest_part = parts.iter().find(|part| **part != Part::NonZero).copied();
        let smallest_part = smallest_part.unwrap_or(Part::NonZero);
        let moduli_of_h = || values.iter().map(|e| e.value.abs());
        let (largest, smallest) = (maximum_of(moduli_of_h()), minimum_of(moduli_of_h()));
        let eigenvalue_error = maximum_of(values.iter().map(|e| e.error));
        let last = values.last().map_or(f64::NAN, |e| e.error);
        let is_known = smallest_part == Part::NonZero && smallest > last;
        // The quotient of two numbers with their errors, and its rounding.
        let condition_error = is_known.then(|| {
            let first = values.first().map_or(f64::NAN, |e| e.error);
            (first + largest / smallest * last) / (smallest - last)
                + f64::EPSILON * largest / smallest
        });
        let moduli = || teacher.amplitudes().iter().map(|a| a.abs());
        let relu = closed_form_coefficients(&Activation::Relu, HIGHEST_DEGREE)?;
        let exponent = |from| ridge_sum(&relu, &sum, from);
        Ok(Self {
            dimension: teacher.dimension(),
            neurons: m,
            separation: teacher.separation(),
            rank: r,
            hessian_rank,
            smallest_part,
            condition: is_known.then(|| largest / smallest),
            condition_error,
            smallest_eigenvalue: smallest,
            smallest_eigenvalue_error: last,
            eigenvalues: values.iter().map(|e| e.value).collect(),
            eigenvalue_error,
            total_mass,
            smallest_amplitude: minimum_of(moduli()),
            largest_amplitude: maximum_of(moduli()),
            mean: teacher.amplitudes().iter().sum::<f64>() / TAU.sqrt(),
            first_coefficient: first_coefficient(teacher),
            information_exponent: exponent(1),
            preprocessed_exponent: exponent(2),
        })
    }

    /// Whether Assumption 2 (`Delta > 0` beyond rounding) holds.
    pub fn is_separated(&self) -> bool {
        self.separation.is_none_or(|s| s.angle > 4.0 * f64::EPSILON)
    }

    /// What `kappa` is at least, by the errors of the eigenvalues.
    pub fn least_condition(&self) -> f64 {
        let largest = maximum_of(self.eigenvalues.iter().map(|e| e.abs()));
        (largest - self.eigenvalue_error)
            / (self.smallest_eigenvalue + self.smallest_eigenvalue_error)
    }

    /// Whether Assumption 3 (`rank H = r`) holds; false also where it is undecided.
    pub fn is_non_degenerate(&self) -> bool {
        self.smallest_part == Part::NonZero
    }
}

/// `(1/2) sum_i a*_i w*_i`.
fn first_coefficient(teacher: &Teacher) -> Vec<f64> {
    let mut sum = vec![0.0; teacher.dimension()];
    for (a, w) in teacher.network().second_layer().iter().zip(teacher.network().rows()) {
        for (s, x) in sum.iter_mut().zip(w) {
            *s += 0.5 * a * x;
        }
    }
    sum
}

/// Eigenvalues of `sum_i alpha_i z_i z_i^T`, by descending modulus.
pub(crate) fn eigenvalues_of_sum(
    amplitudes: &[f64],
    points: &[Vec<f64>],
) -> Result<Vec<f64>, ModelError> {
    let mut eigenvalues = weighted_sum(amplitudes, points)
        .self_adjoint_eigenvalues(Side::Lower)
        .map_err(|_no_convergence| failed(points))?;
    eigenvalues.sort_by(|x, y| y.abs().total_cmp(&x.abs()));
    Ok(eigenvalues)
}

/// The eigenpair of smallest modulus of `sum_i alpha_i z_i z_i^T`.
pub(crate) fn weakest_eigenpair(
    amplitudes: &[f64],
    points: &[Vec<f64>],
) -> Result<(f64, Vec<f64>), ModelError> {
    let eigen = weighted_sum(amplitudes, points)
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_no_convergence| failed(points))?;
    let r = points[0].len();
    let values: Vec<f64> = (0..r).map(|i| eigen.S()[i]).collect();
    let weakest = (0..r).min_by(|&i, &j| values[i].abs().total_cmp(&values[j].abs())).unwrap_or(0);
    Ok((values[weakest], (0..r).map(|c| eigen.U()[(c, weakest)]).collect()))
}

pub(crate) fn weighted_sum(amplitudes: &[f64], points: &[Vec<f64>]) -> Mat<f64> {
    let r = points.first().map_or(0, Vec::len);
    let mut sum = Mat::zeros(r, r);
    for (a, z) in amplitudes.iter().zip(points) {
        for i in 0..r {
            for j in 0..r {
                sum[(i, j)] += a * z[i] * z[j];
            }
        }
    }
    sum
}

fn failed(points: &[Vec<f64>]) -> ModelError {
    let r = points.first().map_or(0, Vec::len);
    ModelError::DecompositionFailed { rows: r, columns: r }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_hermite::exponent::Exponent;
    use gradiometer_model::Network;
    use gradiometer_testing::{Words, at_most, close, rounding};

    fn teacher(a: &[f64], rows: &[&[f64]]) -> Teacher {
        let rows: Vec<Vec<f64>> = rows.iter().map(|r| r.to_vec()).collect();
        Teacher::new(Network::from_rows(a.to_vec(), &rows).unwrap()).unwrap()
    }

    #[test]
    fn one_neuron_in_one_and_in_many_dimensions() {
        for d in [1, 3, 1200] {
            let mut w = vec![0.0; d];
            w[d - 1] = -2.0;
            let complexity = Complexity::of(&teacher(&[1.5], &[&w])).unwrap();
            assert_eq!((complexity.rank, complexity.hessian_rank), (1, 1));
            assert_eq!(complexity.separation, None);
            assert!((complexity.eigenvalues[0] - 3.0).abs() <= rounding(16, 3.0).bound());
            assert!((complexity.condition.unwrap() - 1.0).abs() <= 0.0);
            assert!((complexity.mean - 3.0 / TAU.sqrt()).abs() <= rounding(4, 1.0).bound());
            assert!((complexity.first_coefficient[d - 1] + 1.5).abs() <= 0.0);
            assert_eq!(complexity.information_exponent.exponent, Exponent::Known(1));
            assert_eq!(complexity.preprocessed_exponent.exponent, Exponent::Known(2));
            assert!(complexity.is_separated() && complexity.is_non_degenerate());
        }
    }

    #[test]
    fn single_precision_does_not_raise_the_rank() {
        // Four directions in a plane of six dimensions, rounded to doubles and to singles.
        let rows = |round: fn(f64) -> f64| -> Vec<Vec<f64>> {
            let point = |i: usize| {
                let (s, c) = (0.7 * i as f64 + 0.1).sin_cos();
                [0.3, -0.5, 0.2, 0.6, 0.1, -0.4]
                    .iter()
                    .zip([0.9, 0.1, -0.7, 0.2, 0.5, 0.3])
                    .map(|(x, y)| round(c * x + s * y))
                    .collect()
            };
            (0..4).map(point).collect()
        };
        #[expect(clippy::cast_possible_truncation, reason = "rounding is the point")]
        let single = |x: f64| f64::from(x as f32);
        for round in [single, |x| x] {
            let network = Network::from_rows(vec![1.0, -1.0, 1.5, 0.7], &rows(round)).unwrap();
            let complexity = Complexity::of(&Teacher::new(network).unwrap()).unwrap();
            assert_eq!((complexity.rank, complexity.hessian_rank), (2, 2));
            assert!(complexity.is_non_degenerate());
        }
    }

    #[test]
    fn eigenvalues_by_hand() {
        // H = diag(1 + 2 c^2, ...) for u at 0 and +-phi: u_1 = e_1, u_{2,3} = (c, +-s).
        let phi: f64 = 1.0;
        let (s, c) = phi.sin_cos();
        let t = teacher(&[1.0, -1.0, -1.0], &[&[1.0, 0.0, 0.0], &[c, s, 0.0], &[c, -s, 0.0]]);
        let complexity = Complexity::of(&t).unwrap();
        let mut expected = [1.0 - 2.0 * c * c, -2.0 * s * s];
        expected.sort_by(|x, y| y.abs().total_cmp(&x.abs()));
        for (found, exact) in complexity.eigenvalues.iter().zip(expected) {
            assert!((found - exact).abs() <= rounding(16, 3.0).bound(), "{found} for {exact}");
        }
        let condition = (expected[0] / expected[1]).abs();
        assert!(
            (complexity.condition.unwrap() / condition - 1.0).abs()
                <= rounding(64, condition).bound()
        );
        assert!((complexity.separation.unwrap().angle - 1.0).abs() <= rounding(8, 1.0).bound());
        assert_eq!((complexity.separation.unwrap().first, complexity.total_mass), (0, 3.0));
    }

    /// Two neurons of mass one at an angle: the eigenvalues of `H` are `1 +- cos`.
    fn two_at(tangent: f64) -> Complexity {
        Complexity::of(&teacher(&[1.0, 1.0], &[&[1.0, 0.0, 0.0], &[1.0, tangent, 0.0]])).unwrap()
    }

    #[test]
    fn neurons_that_nearly_coincide_keep_assumption_3_and_every_digit() {
        for exponent in 1..14 {
            let tangent = f64::powi(10.0, -exponent);
            let found = two_at(tangent);
            assert_eq!((found.rank, found.smallest_part), (2, Part::NonZero), "{tangent:e}");
            // |u|^2 + |v|^2 with |v|^2 = 1 + t^2: mass 1 and sqrt(1 + t^2). Their product is the
            // determinant, a b sin^2, and their sum a + b.
            let b = (1.0 + tangent * tangent).sqrt();
            let determinant = tangent * tangent / b;
            let sum = 1.0 + b;
            let root = (sum * sum - 4.0 * determinant).sqrt();
            let (largest, smallest) = (f64::midpoint(sum, root), 2.0 * determinant / (sum + root));
            let off = (found.smallest_eigenvalue - smallest).abs();
            let error = found.smallest_eigenvalue_error;
            assert!(off <= error + 8.0 * f64::EPSILON * smallest, "{tangent:e} {off:e} {found:?}");
            // The smallest one's own error, not that of the largest, is what the condition has.
            let (condition, error) = (found.condition.unwrap(), found.condition_error.unwrap());
            let off = (condition - largest / smallest).abs();
            assert!(off <= error + 16.0 * f64::EPSILON * condition, "{tangent:e} {off:e}");
            assert!(error < condition, "{tangent:e}");
            let separation = found.separation.unwrap();
            let off = (separation.angle - tangent.atan()).abs();
            assert!(off <= separation.error + f64::EPSILON * tangent, "{tangent:e} {off:e}");
            at_most(separation.error, 0.0, rounding(5, tangent));
        }
        let field = two_at(1e-7);
        close(field.condition.unwrap(), 4e14, rounding(64, 4e14));
        close(field.smallest_eigenvalue, 5e-15, rounding(64, 5e-15));
        at_most(field.condition_error.unwrap(), 0.0, rounding(1 << 12, 4e14));
    }

    #[test]
    fn a_degenerate_teacher_is_told_from_one_that_is_nearly_so() {
        // u, v and a third between them with the mass that makes H singular: e^T H e = 0 for some e.
        for (angle, third) in [(0.3_f64, 0.7_f64), (1e-3, 4e-4), (1e-6, 3e-7)] {
            let row = |t: f64| vec![t.cos(), t.sin()];
            let rows = [row(0.0), row(angle), row(third)];
            // The determinant of the sum is a linear function of the third mass.
            let cross = |x: &[f64], y: &[f64]| (x[0] * y[1] - x[1] * y[0]).powi(2);
            let pairs =
                [cross(&rows[0], &rows[1]), cross(&rows[0], &rows[2]), cross(&rows[1], &rows[2])];
            let mass = -pairs[0] / (pairs[1] + pairs[2]);
            let with = |mass: f64| {
                let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
                Complexity::of(&teacher(&[1.0, 1.0, mass], &rows)).unwrap()
            };
            let degenerate = with(mass);
            assert_eq!(degenerate.smallest_part, Part::Zero, "{angle:e} {degenerate:?}");
            assert_eq!((degenerate.condition, degenerate.hessian_rank), (None, 1));
            // Negative control: a thousandth more mass.
            let close_by = with(mass * 1.001);
            assert_eq!(close_by.smallest_part, Part::NonZero, "{angle:e} {close_by:?}");
        }
    }

    #[test]
    fn jacobi_and_the_decomposition_in_doubles_agree() {
        let mut words = Words::new(5);
        for (m, d) in [(2, 2), (5, 3), (7, 6), (12, 12), (20, 9)] {
            let rows: Vec<Vec<f64>> =
                (0..m).map(|_| (0..d).map(|_| words.normal()).collect()).collect();
            let a: Vec<f64> = (0..m).map(|_| words.normal()).collect();
            let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            let teacher = teacher(&a, &rows);
            let subspace = FeatureSubspace::of(&teacher).unwrap();
            let points: Vec<Vec<f64>> =
                (0..m).map(|i| subspace.coordinates(teacher.direction(i))).collect();
            let doubles = eigenvalues_of_sum(teacher.amplitudes(), &points).unwrap();
            let found = Complexity::of(&teacher).unwrap();
            for (x, y) in found.eigenvalues.iter().zip(&doubles) {
                close(*x, *y, rounding(8 * (m + d), found.total_mass));
            }
        }
    }

    #[test]
    fn exponents_of_balanced_teachers() {
        // relu(x) - relu(-x) = x: degree 1 only. H = 0: degenerate, nothing after preprocessing.
        let linear = teacher(&[1.0, -1.0], &[&[1.0, 0.0], &[-1.0, 0.0]]);
        let complexity = Complexity::of(&linear).unwrap();
        assert_eq!(complexity.information_exponent.exponent, Exponent::Known(1));
        assert_eq!(complexity.preprocessed_exponent.exponent, Exponent::AtLeast(65));
        assert_eq!((complexity.hessian_rank, complexity.condition), (0, None));
        assert!(!complexity.is_separated());
        // |x| - |y|: degree 2; |x| + |y| - |x+y|/sqrt 2 - |x-y|/sqrt 2: degree 4.
        let r = std::f64::consts::FRAC_1_SQRT_2;
        let quartic = teacher(
            &[1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0],
            &[
                &[1.0, 0.0],
                &[-1.0, 0.0],
                &[0.0, 1.0],
                &[0.0, -1.0],
                &[r, r],
                &[-r, -r],
                &[r, -r],
                &[-r, r],
            ],
        );
        let complexity = Complexity::of(&quartic).unwrap();
        assert_eq!(complexity.information_exponent.exponent, Exponent::Known(4));
    }

    #[test]
    fn rank_counts_a_small_angle_and_not_rounding() {
        let d = 1000;
        let mut u = vec![1.0 / (d as f64).sqrt(); d];
        let copy = u.iter().map(|x| x * 3.0).collect::<Vec<f64>>();
        let same = teacher(&[1.0, 1.0], &[&u, &copy]);
        assert_eq!(FeatureSubspace::of(&same).unwrap().rank(), 1);
        u[0] += 2e-11;
        let apart = teacher(&[1.0, 1.0], &[&u, &copy]);
        assert_eq!(FeatureSubspace::of(&apart).unwrap().rank(), 2);
    }

    #[test]
    fn the_basis_is_orthonormal_and_holds_the_directions() {
        let t = teacher(
            &[1.0, -2.0, 0.5],
            &[&[1.0, 2.0, 3.0, 4.0], &[0.0, 1.0, -1.0, 2.0], &[1.0, 3.0, 2.0, 6.0]],
        );
        let subspace = FeatureSubspace::of(&t).unwrap();
        assert_eq!(subspace.rank(), 2);
        for (i, b) in subspace.basis().chunks_exact(4).enumerate() {
            for (j, c) in subspace.coordinates(b).iter().enumerate() {
                assert!((c - f64::from(u8::from(i == j))).abs() <= rounding(16, 1.0).bound());
            }
        }
        for i in 0..3 {
            for (p, x) in subspace.project(t.direction(i)).iter().zip(t.direction(i)) {
                assert!((p - x).abs() <= rounding(16, 1.0).bound());
            }
        }
    }
}
