//! Leaps of polynomials \[Abbe2023\], exactly (11.6.1 to 11.6.3).

use num_rational::BigRational;
use num_traits::{One, Zero};

use super::rational::{RationalPolynomial, RationalSpan, integer, solved};

/// One stage of the filtration: the degree that opened it and the dimension reached.
pub type Stage = (u32, usize);

/// The leaps of a polynomial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaps {
    /// The least degree of a non-constant Hermite part; `None` for a constant.
    pub information: Option<u32>,
    /// The leap in the coordinates given (11.6.1); `None` for a constant.
    pub in_basis: Option<u32>,
    /// The isotropic leap, the largest degree of a stage (11.6.2); `None` for a constant.
    pub isotropic: Option<u32>,
    /// The stages.
    pub stages: Vec<Stage>,
}

impl Leaps {
    /// The leaps of `f`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::exponents::{expression::Expression, leap::Leaps};
    /// // Leap 1 in its coordinates, 2 for SGD, which does not know them.
    /// let f = Expression::parse("z1+z2+z1*z2").unwrap().polynomial(2).unwrap();
    /// let leaps = Leaps::of(&f);
    /// assert_eq!((leaps.in_basis, leaps.isotropic), (Some(1), Some(2)));
    /// assert_eq!(leaps.stages, [(1, 1), (2, 2)]);
    /// ```
    pub fn of(f: &RationalPolynomial) -> Self {
        let support: Vec<Vec<u32>> = f
            .hermite_terms()
            .terms()
            .map(|(alpha, _)| alpha.clone())
            .filter(|alpha| alpha.iter().any(|a| *a > 0))
            .collect();
        let stages = filtration(std::slice::from_ref(f));
        Self {
            information: support.iter().map(|alpha| alpha.iter().sum()).min(),
            in_basis: leap_of_support(&support),
            isotropic: stages.iter().map(|(k, _)| *k).max(),
            stages,
        }
    }

    /// The number of relevant directions.
    pub fn relevant_dimension(&self) -> usize {
        self.stages.last().map_or(0, |(_, dimension)| *dimension)
    }
}

/// The leap of a set of multi-indices (11.6.1): the least `L` at which the closure from no
/// coordinates, adding those of every `alpha` with `1 <= sum_{i not in C} alpha_i <= L`, is all of
/// them. `None` for the empty set.
pub fn leap_of_support(support: &[Vec<u32>]) -> Option<u32> {
    let highest = support.iter().map(|alpha| alpha.iter().sum()).max()?;
    (1..=highest).find(|level| {
        let mut known = vec![false; support[0].len()];
        loop {
            let mut grew = false;
            for alpha in support {
                let fresh: u32 =
                    alpha.iter().zip(&known).filter(|(_, k)| !**k).map(|(a, _)| *a).sum();
                if (1..=*level).contains(&fresh) {
                    grew = true;
                    for (k, a) in known.iter_mut().zip(alpha) {
                        *k |= *a > 0;
                    }
                }
            }
            if !grew {
                break;
            }
        }
        support.iter().all(|alpha| alpha.iter().zip(&known).all(|(a, k)| *a == 0 || *k))
    })
}

/// The stages of the filtration (11.6.2) of several functions at once: the directions of a stage
/// are those of any of them.
///
/// `V` starts as zero. With `f = sum_k f_k` split by degree in the complement of `V`, `W_k` is the
/// span of the directions of `E[grad_perp^k f | z_V]`; the least `k` with `W_k != 0` opens a stage
/// and adds it. Exact: with `B` a rational basis of `V` and `C` one of its complement,
/// `F = exp(Lap_perp/2) f` averages the complement out, and the part of `F(B^T s + C^T t)` of
/// degree `k` in `t` has the wanted tensors as its coefficients.
pub fn filtration(functions: &[RationalPolynomial]) -> Vec<Stage> {
    let Some(n) = functions.first().map(RationalPolynomial::variables) else { return Vec::new() };
    let mut known = RationalSpan::default();
    let mut stages = Vec::new();
    loop {
        let parts: Vec<RationalPolynomial> =
            functions.iter().map(|f| split(f, &known, n)).collect();
        let highest = functions.iter().map(RationalPolynomial::degree).max().unwrap_or(0);
        let inside = known.dimension();
        let complement = known.complement(n);
        let mut found = None;
        for k in 1..=highest {
            let mut span = RationalSpan::default();
            for part in &parts {
                for form in linear_forms(part, inside, k) {
                    span.add(form);
                }
            }
            if span.dimension() > 0 {
                found = Some((k, span));
                break;
            }
        }
        let Some((k, span)) = found else { return stages };
        // A form v.t on the complement is the direction C^T (C C^T)^{-1} v.
        let gram = gram(&complement);
        let vectors = span.basis();
        let right: Vec<Vec<BigRational>> =
            (0..complement.len()).map(|i| vectors.iter().map(|v| v[i].clone()).collect()).collect();
        let Some(weights) = solved(&gram, &right) else { return stages };
        for j in 0..vectors.len() {
            let direction = (0..n)
                .map(|x| {
                    complement
                        .iter()
                        .zip(&weights)
                        .map(|(c, w)| &c[x] * &w[j])
                        .fold(BigRational::zero(), |sum, term| sum + term)
                })
                .collect();
            known.add(direction);
        }
        stages.push((k, known.dimension()));
    }
}

fn dot(x: &[BigRational], y: &[BigRational]) -> BigRational {
    x.iter().zip(y).fold(BigRational::zero(), |sum, (a, b)| sum + a * b)
}

fn gram(rows: &[Vec<BigRational>]) -> Vec<Vec<BigRational>> {
    rows.iter().map(|x| rows.iter().map(|y| dot(x, y)).collect()).collect()
}

/// `F(B^T s + C^T t)` as a polynomial in `(s, t)`, with the complement of the known span averaged
/// out of `F`.
fn split(f: &RationalPolynomial, known: &RationalSpan, n: usize) -> RationalPolynomial {
    let basis = known.basis();
    let complement = known.complement(n);
    // The projector on the complement: C^T (C C^T)^{-1} C.
    let projector: Vec<Vec<BigRational>> = match solved(&gram(&complement), &complement) {
        Some(weights) => (0..n)
            .map(|i| {
                (0..n)
                    .map(|j| {
                        complement
                            .iter()
                            .zip(&weights)
                            .fold(BigRational::zero(), |sum, (c, w)| sum + &c[i] * &w[j])
                    })
                    .collect()
            })
            .collect(),
        None => Vec::new(),
    };
    let averaged = f.averaged(&projector);
    let forms: Vec<Vec<BigRational>> = (0..n)
        .map(|i| basis.iter().chain(&complement).map(|row| row[i].clone()).collect())
        .collect();
    averaged.substituted(&forms)
}

/// The linear forms in the last variables that all `(k-1)`-fold derivatives of the part of degree
/// `k` there consist of.
fn linear_forms(part: &RationalPolynomial, inside: usize, k: u32) -> Vec<Vec<BigRational>> {
    let outside = part.variables() - inside;
    // Coefficient of s^beta and the (k-1)-fold derivative gamma in t, as a form in t.
    let mut forms: std::collections::BTreeMap<(Vec<u32>, Vec<u32>), Vec<BigRational>> =
        std::collections::BTreeMap::new();
    for (alpha, c) in part.terms() {
        let (s, t) = alpha.split_at(inside);
        if t.iter().sum::<u32>() != k {
            continue;
        }
        for i in 0..outside {
            if t[i] == 0 {
                continue;
            }
            let mut gamma = t.to_vec();
            gamma[i] -= 1;
            // d^gamma of t^(gamma + e_i) is (gamma + e_i)! t_i.
            let factorial = t
                .iter()
                .flat_map(|a| 1..=*a)
                .fold(BigRational::one(), |product, x| product * integer(i64::from(x)));
            let form = forms
                .entry((s.to_vec(), gamma))
                .or_insert_with(|| vec![BigRational::zero(); outside]);
            form[i] += c * factorial;
        }
    }
    forms.into_values().collect()
}

/// The rotation `(I - A)(I + A)^{-1}` of a skew matrix with rational entries: Cayley's transform.
///
/// `entries` are those of `A` above its diagonal, row by row.
///
/// # Panics
/// If the number of entries is not `n(n-1)/2`.
pub fn cayley_rotation(n: usize, entries: &[BigRational]) -> Vec<Vec<BigRational>> {
    assert_eq!(entries.len(), n * (n - 1) / 2, "entries of a skew matrix of size {n}");
    let mut skew = vec![vec![BigRational::zero(); n]; n];
    let above = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    for ((i, j), x) in above.zip(entries) {
        skew[i][j] = x.clone();
        skew[j][i] = -x.clone();
    }
    let with_sign = |sign: i64| -> Vec<Vec<BigRational>> {
        (0..n)
            .map(|i| {
                (0..n).map(|j| integer(i64::from(i == j)) + &skew[i][j] * integer(sign)).collect()
            })
            .collect()
    };
    // (I + A)^{-1}(I - A): the two factors commute.
    solved(&with_sign(1), &with_sign(-1)).unwrap_or_default()
}
