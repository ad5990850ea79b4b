//! Polynomials in several variables with rational coefficients: exact, no tolerance anywhere.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero};

/// A polynomial `sum_alpha c_alpha z^alpha` in a fixed number of variables; zero coefficients are
/// not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RationalPolynomial {
    variables: usize,
    terms: BTreeMap<Vec<u32>, BigRational>,
}

/// The rational number `n`.
pub fn integer(n: i64) -> BigRational {
    BigRational::from_integer(BigInt::from(n))
}

impl RationalPolynomial {
    /// A constant.
    pub fn constant(variables: usize, value: BigRational) -> Self {
        let mut terms = BTreeMap::new();
        if !value.is_zero() {
            terms.insert(vec![0; variables], value);
        }
        Self { variables, terms }
    }

    /// The coordinate `z_i`, counted from zero.
    ///
    /// # Panics
    /// If there is no such variable.
    pub fn variable(variables: usize, i: usize) -> Self {
        assert!(i < variables, "no variable {i} among {variables}");
        let mut power = vec![0; variables];
        power[i] = 1;
        Self { variables, terms: BTreeMap::from([(power, BigRational::one())]) }
    }

    /// The linear form `sum_i c_i z_i`.
    pub fn linear(coefficients: &[BigRational]) -> Self {
        let variables = coefficients.len();
        let mut form = Self { variables, terms: BTreeMap::new() };
        for (i, c) in coefficients.iter().enumerate() {
            let mut power = vec![0; variables];
            power[i] = 1;
            form.add_term(power, c.clone());
        }
        form
    }

    /// Number of variables.
    pub const fn variables(&self) -> usize {
        self.variables
    }

    /// Exponents and coefficients, in order of the exponents.
    pub fn terms(&self) -> impl Iterator<Item = (&Vec<u32>, &BigRational)> {
        self.terms.iter()
    }

    /// The coefficient of `z^alpha`.
    pub fn coefficient(&self, alpha: &[u32]) -> BigRational {
        self.terms.get(alpha).cloned().unwrap_or_else(BigRational::zero)
    }

    /// Whether it is the zero polynomial.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it is constant.
    pub fn is_constant(&self) -> bool {
        self.degree() == 0
    }

    /// The total degree; zero for the zero polynomial.
    pub fn degree(&self) -> u32 {
        self.terms.keys().map(|alpha| alpha.iter().sum()).max().unwrap_or(0)
    }

    fn add_term(&mut self, alpha: Vec<u32>, value: BigRational) {
        if value.is_zero() {
            return;
        }
        match self.terms.entry(alpha) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(value);
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                *place.get_mut() += value;
                if place.get().is_zero() {
                    place.remove();
                }
            }
        }
    }

    /// The sum.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        for (alpha, c) in &other.terms {
            sum.add_term(alpha.clone(), c.clone());
        }
        sum
    }

    /// The product with a number.
    #[must_use]
    pub fn scaled(&self, factor: &BigRational) -> Self {
        if factor.is_zero() {
            return Self { variables: self.variables, terms: BTreeMap::new() };
        }
        let terms = self.terms.iter().map(|(alpha, c)| (alpha.clone(), c * factor)).collect();
        Self { variables: self.variables, terms }
    }

    /// The product.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        let mut product = Self { variables: self.variables, terms: BTreeMap::new() };
        for (alpha, c) in &self.terms {
            for (beta, e) in &other.terms {
                let power = alpha.iter().zip(beta).map(|(x, y)| x + y).collect();
                product.add_term(power, c * e);
            }
        }
        product
    }

    /// The power.
    #[must_use]
    pub fn power(&self, exponent: u32) -> Self {
        let mut power = Self::constant(self.variables, BigRational::one());
        for _ in 0..exponent {
            power = power.times(self);
        }
        power
    }

    /// `He_n(self)`, by `He_{n+1} = x He_n - n He_{n-1}`.
    #[must_use]
    pub fn hermite(&self, n: u32) -> Self {
        let mut below = Self::constant(self.variables, BigRational::zero());
        let mut now = Self::constant(self.variables, BigRational::one());
        for k in 0..n {
            let next = self.times(&now).plus(&below.scaled(&-integer(i64::from(k))));
            below = now;
            now = next;
        }
        now
    }

    /// `d/dz_i`.
    #[must_use]
    pub fn derivative(&self, i: usize) -> Self {
        let mut derivative = Self { variables: self.variables, terms: BTreeMap::new() };
        for (alpha, c) in &self.terms {
            if alpha[i] > 0 {
                let mut lower = alpha.clone();
                lower[i] -= 1;
                derivative.add_term(lower, c * integer(i64::from(alpha[i])));
            }
        }
        derivative
    }

    /// `exp(L/2) f` with `L = sum_ij A_ij d_i d_j`: the mean of `f(z + g)` over `g ~ N(0, A)`, a
    /// finite sum.
    #[must_use]
    pub fn averaged(&self, covariance: &[Vec<BigRational>]) -> Self {
        let half = BigRational::new(BigInt::one(), BigInt::from(2));
        let mut sum = self.clone();
        let mut term = self.clone();
        let mut n = 0_i64;
        while !term.is_zero() {
            n += 1;
            let mut next = Self { variables: self.variables, terms: BTreeMap::new() };
            for (i, row) in covariance.iter().enumerate() {
                let first = term.derivative(i);
                for (j, a) in row.iter().enumerate() {
                    if !a.is_zero() {
                        next = next.plus(&first.derivative(j).scaled(a));
                    }
                }
            }
            term = next.scaled(&(&half / integer(n)));
            sum = sum.plus(&term);
        }
        sum
    }

    /// The multi-indices `alpha` whose Hermite coefficient `c_alpha` is not zero, with
    /// `c_alpha/sqrt(alpha!)`, the coefficient of `prod_i He_{alpha_i}(z_i)`.
    ///
    /// `exp(Laplacian/2)` sends `prod_i He_{alpha_i}(z_i)` to `z^alpha`: the coefficients are read
    /// off the result.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::exponents::rational::{RationalPolynomial, integer};
    /// let z = RationalPolynomial::variable(1, 0);
    /// let he3 = z.hermite(3);
    /// assert_eq!(he3.hermite_terms().terms().count(), 1);
    /// assert_eq!(he3.hermite_terms().coefficient(&[3]), integer(1));
    /// ```
    #[must_use]
    pub fn hermite_terms(&self) -> Self {
        let n = self.variables;
        let identity: Vec<Vec<BigRational>> =
            (0..n).map(|i| (0..n).map(|j| integer(i64::from(i == j))).collect()).collect();
        self.averaged(&identity)
    }

    /// `f(A s)`: `z_i` replaced by the linear form with coefficients `forms[i]`.
    #[must_use]
    pub fn substituted(&self, forms: &[Vec<BigRational>]) -> Self {
        let variables = forms.first().map_or(0, Vec::len);
        let forms: Vec<Self> = forms.iter().map(|row| Self::linear(row)).collect();
        let mut powers: Vec<Vec<Self>> =
            forms.iter().map(|_| vec![Self::constant(variables, BigRational::one())]).collect();
        let mut result = Self { variables, terms: BTreeMap::new() };
        for (alpha, c) in &self.terms {
            let mut product = Self::constant(variables, c.clone());
            for (i, exponent) in alpha.iter().enumerate() {
                while powers[i].len() <= *exponent as usize {
                    let next = powers[i][powers[i].len() - 1].times(&forms[i]);
                    powers[i].push(next);
                }
                if *exponent > 0 {
                    product = product.times(&powers[i][*exponent as usize]);
                }
            }
            result = result.plus(&product);
        }
        result
    }

    /// `f(-z)`.
    #[must_use]
    pub fn reflected(&self) -> Self {
        self.flipped(&vec![true; self.variables])
    }

    /// `f` with the sign of each coordinate changed where `flips` says so.
    #[must_use]
    pub fn flipped(&self, flips: &[bool]) -> Self {
        let terms = self
            .terms
            .iter()
            .map(|(alpha, c)| {
                let odd: u32 = alpha.iter().zip(flips).map(|(a, f)| a * u32::from(*f)).sum();
                (alpha.clone(), if odd.is_multiple_of(2) { c.clone() } else { -c.clone() })
            })
            .collect();
        Self { variables: self.variables, terms }
    }
}

/// The span of rational vectors, kept in reduced echelon form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RationalSpan {
    /// Rows, each with a leading one where all the other rows are zero.
    rows: Vec<(usize, Vec<BigRational>)>,
}

impl RationalSpan {
    /// The basis.
    pub fn basis(&self) -> Vec<Vec<BigRational>> {
        self.rows.iter().map(|(_, row)| row.clone()).collect()
    }

    /// The dimension.
    pub const fn dimension(&self) -> usize {
        self.rows.len()
    }

    /// Adds a vector; whether the dimension grew.
    pub fn add(&mut self, mut vector: Vec<BigRational>) -> bool {
        for (lead, row) in &self.rows {
            let factor = vector[*lead].clone();
            subtract(&mut vector, row, &factor);
        }
        let Some(lead) = vector.iter().position(|x| !x.is_zero()) else { return false };
        let scale = vector[lead].clone();
        for x in &mut vector {
            *x /= scale.clone();
        }
        for (_, row) in &mut self.rows {
            let factor = row[lead].clone();
            subtract(row, &vector, &factor);
        }
        self.rows.push((lead, vector));
        true
    }

    /// A basis of the orthogonal complement in `n` coordinates.
    pub fn complement(&self, n: usize) -> Vec<Vec<BigRational>> {
        let leads: Vec<usize> = self.rows.iter().map(|(lead, _)| *lead).collect();
        (0..n)
            .filter(|free| !leads.contains(free))
            .map(|free| {
                let mut vector = vec![BigRational::zero(); n];
                vector[free] = BigRational::one();
                for (lead, row) in &self.rows {
                    vector[*lead] = -row[free].clone();
                }
                vector
            })
            .collect()
    }
}

fn subtract(vector: &mut [BigRational], row: &[BigRational], factor: &BigRational) {
    if factor.is_zero() {
        return;
    }
    for (x, y) in vector.iter_mut().zip(row) {
        *x -= factor * y;
    }
}

/// The solution of `A X = B` for an invertible `A`, row by row; `None` if `A` is singular.
pub fn solved(a: &[Vec<BigRational>], b: &[Vec<BigRational>]) -> Option<Vec<Vec<BigRational>>> {
    let n = a.len();
    let mut rows: Vec<Vec<BigRational>> =
        a.iter().zip(b).map(|(x, y)| x.iter().chain(y).cloned().collect()).collect();
    for i in 0..n {
        let pivot = (i..n).find(|r| !rows[*r][i].is_zero())?;
        rows.swap(i, pivot);
        let scale = rows[i][i].clone();
        for x in &mut rows[i] {
            *x /= scale.clone();
        }
        let lead = rows[i].clone();
        for (r, row) in rows.iter_mut().enumerate() {
            if r != i {
                let factor = row[i].clone();
                subtract(row, &lead, &factor);
            }
        }
    }
    Some(rows.into_iter().map(|row| row[n..].to_vec()).collect())
}
