//! **11.1.4** A floor for every space of functions that is chosen without the target (inequality,
//! every `d >= 3`).

use crate::error::MechanismError;
use crate::linear_algebra::{require_finite, require_shape, trace_of_product};
use crate::normal::DENSITY_AT_ZERO;
use crate::target::{PolynomialTarget, binomial};
use faer::{Mat, MatRef};
use gradiometer_hermite::Angle;
use gradiometer_hermite::relu::sphere_kernel;
use std::f64::consts::PI;

/// `N(d, k) = C(d+k-1, k) - C(d+k-3, k-2)`, the dimension of the harmonics of degree `k` on the
/// sphere of `R^d`.
///
/// Exact while it is below `2^53`.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::floor::harmonics;
/// assert_eq!((harmonics(3, 5), harmonics(12, 2)), (11.0, 77.0));
/// ```
pub fn harmonics(dimension: usize, degree: usize) -> f64 {
    let below = if degree < 2 { 0.0 } else { binomial(dimension + degree - 3, degree - 2) };
    binomial(dimension + degree - 1, degree) - below
}

/// `P_0(t), ..., P_highest(t)`: Gegenbauer polynomials of parameter `(d-2)/2` with `P_k(1) = 1`.
pub fn gegenbauer(dimension: usize, highest: usize, t: f64) -> Vec<f64> {
    let mut values = vec![1.0, t];
    for k in 1..highest {
        let (n, d) = (k as f64, dimension as f64);
        values.push(((2.0 * n + d - 2.0) * t * values[k] - n * values[k - 1]) / (n + d - 2.0));
    }
    values.truncate(highest + 1);
    values
}

/// `e_k = N(d, k) E[k(T) P_k(T)]` for `k = 0..=highest`, `T` a coordinate of a uniform unit vector
/// and `k` the kernel of ReLU's degrees two and above: the share of harmonic degree `k` in one unit
/// neuron's feature, all radial parts together. Zero for odd `k`; `e_0` is the radial part.
///
/// In closed form and without cancellation: `e_k = N(d,k) d a_k^2` with `a_k = E[|T| P_k(T)]/2`,
/// `a_0 = Gamma(d/2)/(2 sqrt pi Gamma((d+1)/2))`, `a_{k+2} = -a_k (k-1)/(k+d+1)`; `e_0 = d a_0^2 -
/// 1/(2 pi)`.
///
/// # Errors
/// [`MechanismError::TooSmall`] for a dimension below 3.
pub fn kernel_energies(dimension: usize, highest: usize) -> Result<Vec<f64>, MechanismError> {
    if dimension < 3 {
        return Err(MechanismError::TooSmall { what: "the dimension", found: dimension, least: 3 });
    }
    let d = dimension as f64;
    // Gamma(d/2)/Gamma((d+1)/2), two dimensions at a time from d = 1 or 2.
    let start = if dimension.is_multiple_of(2) { 2.0 / PI.sqrt() } else { PI.sqrt() };
    let first = if dimension.is_multiple_of(2) { 2 } else { 1 };
    let ratio = (first..dimension).step_by(2).fold(start, |g, n| g * n as f64 / (n as f64 + 1.0));
    let mut a = 0.5 * ratio / PI.sqrt();
    let mut energies = Vec::with_capacity(highest + 1);
    for k in 0..=highest {
        if k % 2 == 1 {
            energies.push(0.0);
            continue;
        }
        let whole = harmonics(dimension, k) * d * a * a;
        energies.push(if k == 0 { whole - DENSITY_AT_ZERO * DENSITY_AT_ZERO } else { whole });
        a *= -(k as f64 - 1.0) / (k as f64 + d + 1.0);
    }
    Ok(energies)
}

/// Squared norms of a function's parts in each harmonic degree of `R^d`, and what lies above.
#[derive(Clone, Debug, PartialEq)]
pub struct HarmonicProfile {
    dimension: usize,
    /// `f_k^2` for `k = 0, 1, ...`.
    energies: Vec<f64>,
    /// `E f^2 - sum_k f_k^2`.
    above: f64,
}

impl HarmonicProfile {
    /// Of a ReLU teacher's degrees two and above: `f_k^2 = e_k sum_il alpha_i alpha_l
    /// P_k(u_i.u_l)`, to degree `highest`; what is above counts as not learnt, which is right while
    /// `D` does not reach it.
    ///
    /// `directions` (`k x r`) are unit vectors in coordinates of any space that holds them.
    ///
    /// # Errors
    /// [`MechanismError::TooSmall`] for a dimension below 3, [`MechanismError::Shape`] for
    /// amplitudes.
    pub fn relu(
        dimension: usize,
        directions: MatRef<'_, f64>,
        amplitudes: &[f64],
        highest: usize,
    ) -> Result<Self, MechanismError> {
        require_shape("the amplitudes", amplitudes.len(), directions.nrows())?;
        require_finite("a direction", directions)?;
        let e = kernel_energies(dimension, highest)?;
        let mut energies = vec![0.0; highest + 1];
        let mut total = 0.0;
        for (i, alpha) in amplitudes.iter().enumerate() {
            let first = crate::linear_algebra::row(directions, i);
            for (l, beta) in amplitudes.iter().enumerate() {
                let angle = Angle::between(&first, &crate::linear_algebra::row(directions, l));
                total += alpha * beta * sphere_kernel(angle).value;
                let values = gegenbauer(dimension, highest, angle.cosine());
                for (energy, value) in energies.iter_mut().zip(values) {
                    *energy += alpha * beta * value;
                }
            }
        }
        for (energy, e) in energies.iter_mut().zip(e) {
            *energy *= e;
        }
        let above = total - energies.iter().sum::<f64>();
        Ok(Self { dimension, energies, above })
    }

    /// Of a polynomial target as a function on `R^d`; nothing is above its degree.
    ///
    /// # Errors
    /// As [`PolynomialTarget::harmonic_energies`].
    pub fn polynomial(target: &PolynomialTarget, dimension: usize) -> Result<Self, MechanismError> {
        Ok(Self { dimension, energies: target.harmonic_energies(dimension)?, above: 0.0 })
    }

    /// From `f_k^2` for `k = 0, 1, ...`; nothing is above.
    ///
    /// # Errors
    /// [`MechanismError::TooSmall`] for a dimension below 3, [`MechanismError::NotFinite`] for an energy.
    pub fn of_energies(dimension: usize, energies: Vec<f64>) -> Result<Self, MechanismError> {
        if dimension < 3 {
            let (found, least) = (dimension, 3);
            return Err(MechanismError::TooSmall { what: "the dimension", found, least });
        }
        match energies.iter().find(|x| !(x.is_finite() && **x >= 0.0)) {
            Some(&value) => Err(MechanismError::NotFinite { what: "an energy", value }),
            None => Ok(Self { dimension, energies, above: 0.0 }),
        }
    }

    /// `f_k^2` for `k = 0, 1, ...`.
    pub fn energies(&self) -> &[f64] {
        &self.energies
    }

    /// What lies above the last degree.
    pub const fn above(&self) -> f64 {
        self.above
    }

    /// `E f^2`.
    pub fn total(&self) -> f64 {
        self.energies.iter().sum::<f64>() + self.above
    }

    /// **11.1.4 Floor.** For every `D`-dimensional space `V` of square-integrable functions, `E_R
    /// min_{v in V} |f o R - v|^2 >= sum_k f_k^2 - max { sum_k f_k^2 tau_k/N(d,k) : 0 <= tau_k <=
    /// N(d,k), sum_k tau_k <= D }`, `R` a uniform rotation.
    ///
    /// The maximum fills degrees in falling order of `f_k^2/N(d,k)`. It holds in the mean over
    /// samples for any rotation-invariant kernel method (`D = n`) and for ridge on `m` isotropic
    /// random neurons (`D = min(m, n)`); add 1 for an intercept and `d` for an affine part without
    /// penalty.
    ///
    /// Sharp: attained by random features of one harmonic degree. Control: features after a step go
    /// below. Source: \[DLS22\]'s setting; derived here by Schur's lemma.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::{PolynomialTarget, floor::HarmonicProfile};
    /// let target = PolynomialTarget::harmonic(2).unwrap();
    /// let profile = HarmonicProfile::polynomial(&target, 12).unwrap();
    /// assert!((profile.floor(30.0) - (1.0 - 30.0 / 77.0)).abs() <= 8.0 * f64::EPSILON);
    /// ```
    pub fn floor(&self, functions: f64) -> f64 {
        let mut degrees: Vec<(f64, f64)> = self
            .energies
            .iter()
            .enumerate()
            .map(|(k, energy)| (*energy, harmonics(self.dimension, k)))
            .collect();
        degrees.sort_by(|(e, n), (f, m)| (f / m).total_cmp(&(e / n)));
        let (mut left, mut missing) = (functions, self.above);
        for (energy, size) in degrees {
            let used = gradiometer_hermite::float::minimum(left, size);
            left -= used;
            missing += energy * (1.0 - used / size);
        }
        missing
    }

    /// The least `D` whose floor is at most `goal` (0 to `E f^2`); infinite if what lies above
    /// exceeds it.
    pub fn functions_needed(&self, goal: f64) -> f64 {
        let mut degrees: Vec<(f64, f64)> = self
            .energies
            .iter()
            .enumerate()
            .map(|(k, energy)| (*energy, harmonics(self.dimension, k)))
            .collect();
        degrees.sort_by(|(e, n), (f, m)| (f / m).total_cmp(&(e / n)));
        let (mut functions, mut missing) = (0.0, self.total());
        for (energy, size) in degrees {
            if missing <= goal {
                break;
            }
            if missing - energy <= goal {
                return functions + size * (missing - goal) / energy;
            }
            functions += size;
            missing -= energy;
        }
        if missing <= goal { functions } else { f64::INFINITY }
    }
}

/// Least mean squared error of a label on the span of given features, as a share of `E y^2`: `1 -
/// b.K^{-1} b/E y^2`.
///
/// # Errors
/// [`MechanismError::Shape`], [`MechanismError::Factorisation`].
pub fn best_fit_share(
    gram: MatRef<'_, f64>,
    cross: &[f64],
    label_energy: f64,
) -> Result<f64, MechanismError> {
    require_shape("the covariances with the label", cross.len(), gram.nrows())?;
    let weights = crate::linear_algebra::solve_vector(gram, cross, "the features' Gram matrix")?;
    Ok(1.0 - crate::linear_algebra::dot(&weights, cross) / label_energy)
}

/// Gram matrix of the degrees two and above of unit ReLU neurons, `k(w_i.w_j)`.
pub(crate) fn sphere_gram(neurons: MatRef<'_, f64>, others: MatRef<'_, f64>) -> Mat<f64> {
    let products = neurons * others.transpose();
    Mat::from_fn(neurons.nrows(), others.nrows(), |i, j| {
        sphere_kernel(Angle::from_cosine(products[(i, j)])).value
    })
}

/// `alpha.K alpha`.
pub(crate) fn quadratic_form(matrix: MatRef<'_, f64>, x: &[f64]) -> f64 {
    let outer = Mat::from_fn(x.len(), x.len(), |i, j| x[i] * x[j]);
    trace_of_product(matrix, outer.as_ref())
}

#[cfg(test)]
mod tests;
