//! Polynomial targets as data: tables of multi-indices and coefficients in normalised Hermite
//! products.

use crate::error::MechanismError;
use crate::exponents::rational::RationalPolynomial;
use faer::Mat;
use num_traits::ToPrimitive;
use std::collections::BTreeMap;

/// One term `c h_alpha`, `h_alpha(z) = prod_i h_{alpha_i}(z_i)` with normalised Hermite
/// polynomials.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The multi-index `alpha`, one degree for each coordinate of the span.
    pub degrees: Vec<usize>,
    /// `c_alpha`.
    pub coefficient: f64,
}

impl Term {
    /// `|alpha|`.
    pub fn degree(&self) -> usize {
        self.degrees.iter().sum()
    }
}

/// `f(z) = sum_alpha c_alpha h_alpha(z)` on a span of dimension `r`; as a function on `R^d`, `f(U
/// x)` with orthonormal rows of `U` (`r x d`), by default the first `r` coordinates.
///
/// `E f^2 = sum_alpha c_alpha^2`. Terms are sorted by multi-index and each occurs once.
#[derive(Clone, Debug, PartialEq)]
pub struct PolynomialTarget {
    rank: usize,
    terms: Vec<Term>,
}

/// `n!` as a double.
pub(crate) fn factorial(n: usize) -> f64 {
    (1..=n).map(|i| i as f64).product()
}

/// `C(n, k)`; exact while it is below `2^53`.
pub(crate) fn binomial(n: usize, k: usize) -> f64 {
    if k > n {
        return 0.0;
    }
    let k = k.min(n - k);
    (1..=k).fold(1.0, |product, i| product * (n - k + i) as f64 / i as f64)
}

/// `alpha! = prod alpha_i!`.
pub(crate) fn multi_factorial(degrees: &[usize]) -> f64 {
    degrees.iter().map(|&degree| factorial(degree)).product()
}

/// `p^alpha = prod p_i^{alpha_i}`.
pub(crate) fn monomial(p: &[f64], degrees: &[usize]) -> f64 {
    p.iter().zip(degrees).map(|(x, &degree)| power(*x, degree)).product()
}

/// `x^n`.
pub(crate) fn power(x: f64, n: usize) -> f64 {
    i32::try_from(n).map_or_else(|_too_large| x.powf(n as f64), |n| x.powi(n))
}

/// `h_m h_n = sum_j c_j h_{m+n-2j}`, with `c_j` in place `j`.
fn linearised(m: usize, n: usize) -> Vec<f64> {
    let scale = (factorial(m) * factorial(n)).sqrt();
    (0..=m.min(n))
        .map(|j| {
            factorial(j) * binomial(m, j) * binomial(n, j) * factorial(m + n - 2 * j).sqrt() / scale
        })
        .collect()
}

/// All of one rank.
type Table = BTreeMap<Vec<usize>, f64>;

/// The Laplacian on a table whose entry `c_alpha` stands for `c_alpha z^alpha/sqrt(alpha!)`.
fn laplacian(table: &Table) -> Table {
    let mut result = Table::new();
    for (degrees, coefficient) in table {
        for (i, &degree) in degrees.iter().enumerate().filter(|(_, degree)| **degree >= 2) {
            let mut lowered = degrees.clone();
            lowered[i] -= 2;
            *result.entry(lowered).or_insert(0.0) +=
                coefficient * ((degree * (degree - 1)) as f64).sqrt();
        }
    }
    result
}

fn squared_norm(table: &Table) -> f64 {
    table.values().map(|c| c * c).sum()
}

impl PolynomialTarget {
    /// A target from its terms; equal multi-indices are added up.
    ///
    /// # Errors
    /// [`MechanismError::TargetShape`] for no terms, no coordinates or multi-indices of different
    /// lengths, [`MechanismError::NotFinite`] for a coefficient.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::{PolynomialTarget, target::Term};
    /// let term = |degrees: &[usize]| Term { degrees: degrees.to_vec(), coefficient: 1.0 };
    /// let staircase = PolynomialTarget::new(vec![term(&[1, 0]), term(&[1, 1])]).unwrap();
    /// assert_eq!((staircase.rank(), staircase.energy(2), staircase.label_energy()), (2, 1.0, 2.0));
    /// ```
    pub fn new(terms: Vec<Term>) -> Result<Self, MechanismError> {
        let rank = terms.first().map_or(0, |term| term.degrees.len());
        let wrong = terms.iter().position(|term| term.degrees.len() != rank || rank == 0);
        if terms.is_empty() || wrong.is_some() {
            let index = wrong.unwrap_or(0);
            let length = terms.get(index).map_or(0, |term| term.degrees.len());
            return Err(MechanismError::TargetShape { index, length, expected: rank.max(1) });
        }
        if let Some(term) = terms.iter().find(|term| !term.coefficient.is_finite()) {
            let value = term.coefficient;
            return Err(MechanismError::NotFinite { what: "a coefficient of the target", value });
        }
        let mut table = Table::new();
        for term in terms {
            *table.entry(term.degrees).or_insert(0.0) += term.coefficient;
        }
        Ok(Self::from_table(rank, table))
    }

    /// The table of a polynomial, with coefficients rounded once from the exact ones.
    ///
    /// # Errors
    /// [`MechanismError::TargetShape`] for a polynomial that is zero or has no coordinates,
    /// [`MechanismError::NotFinite`] for a coefficient beyond the largest double.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::{PolynomialTarget, exponents::Expression};
    /// let f = Expression::parse("z1 + z1 z2").unwrap().polynomial(2).unwrap();
    /// let target = PolynomialTarget::of_polynomial(&f).unwrap();
    /// assert_eq!((target.rank(), target.energy(1), target.energy(2)), (2, 1.0, 1.0));
    /// ```
    pub fn of_polynomial(f: &RationalPolynomial) -> Result<Self, MechanismError> {
        let table = f.hermite_terms();
        let terms = table.terms().map(|(alpha, c)| {
            let degrees: Vec<usize> = alpha.iter().map(|a| *a as usize).collect();
            let coefficient = c.to_f64().unwrap_or(f64::NAN) * multi_factorial(&degrees).sqrt();
            Term { degrees, coefficient }
        });
        Self::new(terms.collect())
    }

    fn from_table(rank: usize, table: Table) -> Self {
        let terms =
            table.into_iter().map(|(degrees, coefficient)| Term { degrees, coefficient }).collect();
        Self { rank, terms }
    }

    fn table(&self) -> Table {
        self.terms.iter().map(|term| (term.degrees.clone(), term.coefficient)).collect()
    }

    /// `g(z) = sum_k coefficients[k] h_k(z)`, one direction.
    ///
    /// # Errors
    /// As [`PolynomialTarget::new`].
    pub fn single_index(coefficients: &[f64]) -> Result<Self, MechanismError> {
        Self::new(
            coefficients
                .iter()
                .enumerate()
                .map(|(k, &coefficient)| Term { degrees: vec![k], coefficient })
                .collect(),
        )
    }

    /// The harmonic target `Re (z_1 + i z_2)^k / sqrt(2^{k-1} k!)` of degree `k >= 1` in a plane,
    /// `E f^2 = 1`.
    ///
    /// Its monomials and its Hermite products have the same coefficients, for it is harmonic.
    ///
    /// # Errors
    /// [`MechanismError::TooSmall`] for degree 0.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::PolynomialTarget;
    /// let saddle = PolynomialTarget::harmonic(2).unwrap();
    /// assert!((saddle.value(&[2.0, 1.0]) - 1.5).abs() <= 8.0 * f64::EPSILON);
    /// assert!((saddle.label_energy() - 1.0).abs() <= 4.0 * f64::EPSILON);
    /// ```
    pub fn harmonic(degree: usize) -> Result<Self, MechanismError> {
        if degree == 0 {
            return Err(MechanismError::TooSmall { what: "the degree", found: 0, least: 1 });
        }
        let scale = (power(2.0, degree - 1) * factorial(degree)).sqrt();
        let terms = (0..=degree)
            .step_by(2)
            .map(|j| {
                let sign = if j % 4 == 0 { 1.0 } else { -1.0 };
                let length = (factorial(degree - j) * factorial(j)).sqrt();
                Term {
                    degrees: vec![degree - j, j],
                    coefficient: sign * binomial(degree, j) * length / scale,
                }
            })
            .collect();
        Self::new(terms)
    }

    /// `first self + second other`, on the larger of the two spans.
    #[must_use]
    pub fn combined(&self, first: f64, other: &Self, second: f64) -> Self {
        let rank = self.rank.max(other.rank);
        let mut table = Table::new();
        for (target, factor) in [(self, first), (other, second)] {
            for term in &target.terms {
                let mut degrees = term.degrees.clone();
                degrees.resize(rank, 0);
                *table.entry(degrees).or_insert(0.0) += factor * term.coefficient;
            }
        }
        Self::from_table(rank, table)
    }

    /// The product of two targets, by `h_m h_n = sum_j j! C(m,j) C(n,j) sqrt((m+n-2j)!/(m! n!))
    /// h_{m+n-2j}`.
    #[must_use]
    pub fn product(&self, other: &Self) -> Self {
        let rank = self.rank.max(other.rank);
        let mut table = Table::new();
        for a in &self.terms {
            for b in &other.terms {
                let mut partial = vec![(Vec::with_capacity(rank), a.coefficient * b.coefficient)];
                for i in 0..rank {
                    let m = a.degrees.get(i).copied().unwrap_or(0);
                    let n = b.degrees.get(i).copied().unwrap_or(0);
                    let factors = linearised(m, n);
                    partial = partial
                        .into_iter()
                        .flat_map(|(degrees, coefficient)| {
                            factors.iter().enumerate().map(move |(j, factor)| {
                                let mut longer = degrees.clone();
                                longer.push(m + n - 2 * j);
                                (longer, coefficient * factor)
                            })
                        })
                        .collect();
                }
                for (degrees, coefficient) in partial {
                    *table.entry(degrees).or_insert(0.0) += coefficient;
                }
            }
        }
        Self::from_table(rank, table)
    }

    /// `f^2` in Hermite products.
    #[must_use]
    pub fn squared(&self) -> Self {
        self.product(self)
    }

    /// `r`, the dimension of the span.
    pub const fn rank(&self) -> usize {
        self.rank
    }

    /// The terms, sorted by multi-index.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The largest `|alpha|`.
    pub fn degree(&self) -> usize {
        self.terms.iter().map(Term::degree).max().unwrap_or(0)
    }

    /// `f(z)`, `z` in coordinates of the span; coordinates after the `r`-th are ignored.
    ///
    /// # Panics
    /// Never for a `z` of at least `r` numbers.
    pub fn value(&self, z: &[f64]) -> f64 {
        Evaluator::new(self).value(z)
    }

    /// `|f_k|^2 = sum_{|alpha| = k} c_alpha^2`.
    pub fn energy(&self, degree: usize) -> f64 {
        let matching = self.terms.iter().filter(|term| term.degree() == degree);
        matching.map(|term| term.coefficient * term.coefficient).sum()
    }

    /// `E f^2`.
    pub fn label_energy(&self) -> f64 {
        self.terms.iter().map(|term| term.coefficient * term.coefficient).sum()
    }

    /// `c_alpha`, zero if there is no such term.
    pub fn coefficient(&self, degrees: &[usize]) -> f64 {
        let found = self.terms.iter().find(|term| term.degrees == degrees);
        found.map_or(0.0, |term| term.coefficient)
    }

    /// `C_0 = E f`.
    pub fn constant(&self) -> f64 {
        self.coefficient(&vec![0; self.rank])
    }

    /// `C_1 = E[f z]`, in coordinates of the span.
    pub fn linear(&self) -> Vec<f64> {
        (0..self.rank)
            .map(|i| {
                let mut degrees = vec![0; self.rank];
                degrees[i] = 1;
                self.coefficient(&degrees)
            })
            .collect()
    }

    /// `C_2 = E Hess f` (`r x r`): `sqrt 2 c` on the diagonal, `c` off it.
    pub fn hessian(&self) -> Mat<f64> {
        Mat::from_fn(self.rank, self.rank, |i, j| {
            let mut degrees = vec![0; self.rank];
            degrees[i] += 1;
            degrees[j] += 1;
            let scale = if i == j { std::f64::consts::SQRT_2 } else { 1.0 };
            scale * self.coefficient(&degrees)
        })
    }

    /// `E[f^2 z_i^2]` for each direction of the span; `E f^2` for every direction outside.
    pub fn directional_moments(&self) -> Vec<f64> {
        // z_i^2 = 1 + sqrt 2 h_2(z_i).
        let squared = self.squared();
        (0..self.rank)
            .map(|i| {
                let mut degrees = vec![0; self.rank];
                degrees[i] = 2;
                self.label_energy() + std::f64::consts::SQRT_2 * squared.coefficient(&degrees)
            })
            .collect()
    }

    /// `E[f^2 |x|^2] = (d - r) E f^2 + E[f^2 |P x|^2]` for inputs of dimension `d >= r`.
    pub fn input_moment(&self, dimension: usize) -> f64 {
        let outside = dimension.saturating_sub(self.rank) as f64;
        outside * self.label_energy() + self.directional_moments().iter().sum::<f64>()
    }

    /// Squared norms of the parts of `f(U x)`, `x` in `R^d`, in each harmonic degree `0..=degree`.
    ///
    /// A chaos of degree `k` is `sum_j |x|^{2j} H_{k-2j}` with harmonic `H`; the parts of one
    /// harmonic degree that come from different chaoses are orthogonal (their radial factors are).
    /// The energies follow from the norms of the iterated Laplacians, `|Laplace (|x|^{2j} H_m)|^2 =
    /// 2j (2j + 2m + d - 2) ||x|^{2j} H_m|^2`.
    ///
    /// # Errors
    /// [`MechanismError::TooSmall`] if the dimension is below the rank.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::PolynomialTarget;
    /// let target = PolynomialTarget::single_index(&[0.0, 0.0, 1.0]).unwrap();
    /// let energies = target.harmonic_energies(5).unwrap(); // h_2(z_1): a fifth of it is radial
    /// assert!((energies[0] - 0.2).abs() <= 4.0 * f64::EPSILON);
    /// assert!((energies[2] - 0.8).abs() <= 4.0 * f64::EPSILON);
    /// ```
    pub fn harmonic_energies(&self, dimension: usize) -> Result<Vec<f64>, MechanismError> {
        if dimension < self.rank {
            let (found, least) = (dimension, self.rank);
            return Err(MechanismError::TooSmall { what: "the dimension", found, least });
        }
        let mut energies = vec![0.0; self.degree() + 1];
        for k in 0..=self.degree() {
            let chaos: Table =
                self.table().into_iter().filter(|(a, _)| a.iter().sum::<usize>() == k).collect();
            // norms[j] = |Laplace^j f_k|^2 = sum_{i >= j} part_i prod_{l < j} c_{i-l}.
            let mut norms = vec![squared_norm(&chaos)];
            let mut now = chaos;
            for _ in 0..k / 2 {
                now = laplacian(&now);
                norms.push(squared_norm(&now));
            }
            let lowering = |i: usize, l: usize| {
                let (j, m) = (i - l, k - 2 * i);
                (2 * j) as f64 * (2 * j + 2 * m + dimension - 2) as f64
            };
            let mut parts = vec![0.0; norms.len()];
            for j in (0..norms.len()).rev() {
                let factor = |i: usize| (0..j).map(|l| lowering(i, l)).product::<f64>();
                let above: f64 = (j + 1..norms.len()).map(|i| parts[i] * factor(i)).sum();
                parts[j] = if j == 0 { norms[0] - above } else { (norms[j] - above) / factor(j) };
                energies[k - 2 * j] += parts[j];
            }
        }
        Ok(energies)
    }
}

/// Values of a target at many points.
#[derive(Clone, Debug)]
pub(crate) struct Evaluator<'a> {
    target: &'a PolynomialTarget,
    degree: usize,
    /// `h_0 ... h_degree` for each coordinate.
    table: Vec<f64>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(target: &'a PolynomialTarget) -> Self {
        let degree = target.terms.iter().flat_map(|t| t.degrees.iter().copied()).max().unwrap_or(0);
        let table = vec![0.0; target.rank * (degree + 1)];
        Self { target, degree, table }
    }

    pub(crate) fn value(&mut self, z: &[f64]) -> f64 {
        let table = &mut self.table;
        let width = self.degree + 1;
        for (x, row) in z.iter().zip(table.chunks_exact_mut(width)) {
            row[0] = 1.0;
            if width > 1 {
                row[1] = *x;
            }
            for k in 2..width {
                let n = k as f64;
                row[k] = (x * row[k - 1] - (n - 1.0).sqrt() * row[k - 2]) / n.sqrt();
            }
        }
        let term_value = |term: &Term| {
            let rows = table.chunks_exact(width).zip(&term.degrees);
            rows.fold(term.coefficient, |product, (row, &degree)| product * row[degree])
        };
        self.target.terms.iter().map(term_value).sum()
    }
}

#[cfg(test)]
mod tests;
