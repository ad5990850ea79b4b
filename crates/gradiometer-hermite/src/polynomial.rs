//! Normalised probabilists' Hermite polynomials, and polynomials in their basis.

use crate::error::HermiteError;

/// `h_k(z)`, the Hermite polynomial with `E h_j h_k = 1{j = k}` under `N(0, 1)`.
///
/// By `sqrt(k+1) h_{k+1} = z h_k - sqrt(k) h_{k-1}`, rescaled so that nothing overflows on the way; the result is
/// infinite only if `h_k(z)` exceeds `f64::MAX`. Error, of the size of rounding `z`:
/// about `k eps sqrt(h_k^2 + h_{k-1}^2)` where the polynomials oscillate (`|z| < 2 sqrt(k)`), `k eps` relative beyond.
///
/// # Examples
/// ```
/// use gradiometer_hermite::polynomial::hermite;
/// assert_eq!(hermite(1, 3.0), 3.0);
/// assert!((hermite(2, 3.0) - 8.0 / 2.0_f64.sqrt()).abs() <= 4.0 * f64::EPSILON);
/// ```
pub fn hermite(k: usize, z: f64) -> f64 {
    Recurrence::new(z, 0.0).nth(k).unwrap_or(f64::NAN)
}

/// `h_0(z), ..., h_n(z)` with `n + 1 = values.len()`.
///
/// Entries beyond the range of `f64` are infinite (never NaN for finite `z`).
///
/// # Examples
/// ```
/// use gradiometer_hermite::polynomial::hermite_all;
/// let mut h = [0.0; 3];
/// hermite_all(0.0, &mut h);
/// assert_eq!(h[..2], [1.0, 0.0]);
/// assert!((h[2] + 0.5_f64.sqrt()).abs() <= f64::EPSILON);
/// ```
pub fn hermite_all(z: f64, values: &mut [f64]) {
    for (value, h) in values.iter_mut().zip(Recurrence::new(z, 0.0)) {
        *value = h;
    }
}

/// `h_k(z) exp(-z^2/4)` for all `k < values.len()`: bounded by 1.0865 (Cramer's inequality), so that no degree
/// overflows and, for growing degrees, none is lost to an underflowing weight.
///
/// # Examples
/// ```
/// use gradiometer_hermite::polynomial::hermite_functions;
/// let mut h = [0.0; 2];
/// hermite_functions(2.0, &mut h);
/// assert!((h[1] / h[0] - 2.0).abs() <= f64::EPSILON);
/// ```
pub fn hermite_functions(z: f64, values: &mut [f64]) {
    for (value, h) in values.iter_mut().zip(Recurrence::new(z, 0.25)) {
        *value = h;
    }
}

/// `h_k'(z) = sqrt(k) h_{k-1}(z)`.
///
/// # Examples
/// ```
/// use gradiometer_hermite::polynomial::hermite_derivative;
/// assert_eq!(hermite_derivative(1, 7.0), 1.0);
/// assert_eq!(hermite_derivative(0, 7.0), 0.0);
/// ```
pub fn hermite_derivative(k: usize, z: f64) -> f64 {
    if k == 0 { 0.0 } else { (k as f64).sqrt() * hermite(k - 1, z) }
}

/// The endless sequence `h_k(z) exp(-weight z^2)`, `weight` a power of two or zero.
///
/// Each number is kept as `mantissa 2^exponent`, so that neither the polynomials' growth nor the weight's decay leaves
/// the range of `f64` before their product does.
#[derive(Clone, Debug)]
pub(crate) struct Recurrence {
    z: f64,
    degree: usize,
    now: f64,
    before: f64,
    exponent: i32,
    /// `2^exponent` in two factors, either of which may be out of range when the product is.
    factors: (f64, f64),
}

/// `2^400`.
const RESCALE: f64 = f64::from_bits((1023 + 400) << 52);
const RESCALE_EXPONENT: i32 = 400;
/// `ln 2` in two parts, the first with 32 bits so that its product with a small integer is exact.
const LN_2: (f64, f64) = (0.6931471803691238, 1.9082149292705877e-10);

fn power_of_two(exponent: i32) -> (f64, f64) {
    let half = exponent / 2;
    (f64::from(half).exp2(), f64::from(exponent - half).exp2())
}

impl Recurrence {
    pub(crate) fn new(z: f64, weight: f64) -> Self {
        // z^2 = high + low exactly; exp(-weight z^2) = exp(-rest) 2^-shift.
        let high = z * z;
        let low = z.mul_add(z, -high);
        let shift = (weight * high / std::f64::consts::LN_2).round();
        let rest = (weight * high - shift * LN_2.0) - shift * LN_2.1 + weight * low;
        #[expect(clippy::cast_possible_truncation, reason = "a cast from f64 saturates")]
        let exponent = -(shift as i32).min(1_000_000_000);
        let now = (-rest).exp();
        Self { z, degree: 0, now, before: 0.0, exponent, factors: power_of_two(exponent) }
    }

    fn value(&self, mantissa: f64) -> f64 {
        // A zero stays zero when the power of two has overflowed.
        if mantissa.abs() > 0.0 { mantissa * self.factors.0 * self.factors.1 } else { mantissa }
    }

    /// To the next degree.
    fn step(&mut self) {
        let k = self.degree as f64;
        let next = (self.z * self.now - k.sqrt() * self.before) / (k + 1.0).sqrt();
        (self.before, self.now) = (self.now, next);
        self.degree += 1;
        if self.now.abs() > RESCALE {
            self.now /= RESCALE;
            self.before /= RESCALE;
            self.exponent += RESCALE_EXPONENT;
            self.factors = power_of_two(self.exponent);
        }
    }
}

impl Iterator for Recurrence {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let value = self.value(self.now);
        self.step();
        Some(value)
    }
}

/// A polynomial by its Hermite coefficients, `p = sum_k c_k h_k`.
#[derive(Clone, Debug, PartialEq)]
pub struct Polynomial {
    coefficients: Vec<f64>,
}

/// A Hermite coefficient of `z -> p(r z)` as a function of `r`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaledCoefficient {
    /// `c_k(r) = E[p(r z) h_k(z)]`.
    pub value: f64,
    /// `c_k(r) / r`, finite at `r = 0` too; 0 for `k = 0`, where it is of no use.
    pub over_norm: f64,
    /// `c_k'(r)`.
    pub slope: f64,
}

impl Polynomial {
    /// `sum_k coefficients[k] h_k`.
    ///
    /// # Errors
    /// [`HermiteError::CoefficientNotFinite`].
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::polynomial::Polynomial;
    /// let h_1 = Polynomial::from_hermite(vec![0.0, 1.0]).unwrap();
    /// assert_eq!(h_1.value(3.0), 3.0);
    /// ```
    pub fn from_hermite(coefficients: Vec<f64>) -> Result<Self, HermiteError> {
        match coefficients.iter().position(|c| !c.is_finite()) {
            Some(degree) => {
                Err(HermiteError::CoefficientNotFinite { degree, value: coefficients[degree] })
            }
            None => Ok(Self { coefficients }),
        }
    }

    /// `sum_j monomials[j] z^j`, converted by `z^j = sum_i j!/(2^i i! sqrt((j-2i)!)) h_{j-2i}` (all terms positive).
    ///
    /// # Errors
    /// [`HermiteError::CoefficientNotFinite`] if a coefficient is not finite or overflows on conversion.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::polynomial::Polynomial;
    /// let square = Polynomial::from_monomials(&[0.0, 0.0, 1.0]).unwrap();
    /// assert!((square.coefficients()[0] - 1.0).abs() <= f64::EPSILON); // z^2 = 1 + sqrt 2 h_2
    /// assert!((square.coefficients()[2] - 2.0_f64.sqrt()).abs() <= f64::EPSILON);
    /// ```
    pub fn from_monomials(monomials: &[f64]) -> Result<Self, HermiteError> {
        let mut coefficients = vec![0.0; monomials.len()];
        for (j, a) in monomials.iter().enumerate() {
            // j!/(2^i i! sqrt(k!)), k = j - 2i, starting at i = 0 from sqrt(j!).
            let mut weight = (1..=j).map(|i| (i as f64).sqrt()).product::<f64>();
            for i in 0..=j / 2 {
                let k = j - 2 * i;
                if *a != 0.0 {
                    coefficients[k] += a * weight;
                }
                if k >= 2 {
                    weight *= ((k * (k - 1)) as f64).sqrt() / (2 * (i + 1)) as f64;
                }
            }
        }
        Self::from_hermite(coefficients)
    }

    /// The Hermite coefficients.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// `p(z)`.
    pub fn value(&self, z: f64) -> f64 {
        let terms = self.coefficients.iter().zip(Recurrence::new(z, 0.0));
        terms.map(|(c, h)| if c.abs() > 0.0 { c * h } else { 0.0 }).sum()
    }

    /// The Hermite coefficients of `z -> p(r z)`, at least one.
    ///
    /// By `h_n(r z) = sum_i sqrt(n!/k!)/(i! 2^i) r^k (r^2 - 1)^i h_k(z)`, `k = n - 2i`.
    pub fn scaled(&self, r: f64) -> Vec<ScaledCoefficient> {
        let zero = ScaledCoefficient { value: 0.0, over_norm: 0.0, slope: 0.0 };
        let mut scaled = vec![zero; self.coefficients.len().max(1)];
        let excess = (r - 1.0) * (r + 1.0);
        let powers: Vec<f64> = successive_powers(r, self.coefficients.len());
        for (n, c) in self.coefficients.iter().enumerate() {
            let mut weight = *c; // c sqrt(n!/k!)/(i! 2^i)
            let (mut power, mut below) = (1.0, 0.0); // (r^2-1)^i and (r^2-1)^(i-1)
            for i in 0..=n / 2 {
                let k = n - 2 * i;
                scaled[k].value += weight * powers[k] * power;
                if k > 0 {
                    scaled[k].over_norm += weight * powers[k - 1] * power;
                    scaled[k].slope += weight * k as f64 * powers[k - 1] * power;
                }
                if i > 0 {
                    scaled[k].slope += weight * 2.0 * i as f64 * powers[k] * r * below;
                }
                if k >= 2 {
                    weight *= ((k * (k - 1)) as f64).sqrt() / (2 * (i + 1)) as f64;
                }
                below = power;
                power *= excess;
            }
        }
        scaled
    }
}

/// `1, x, ..., x^(n-1)`.
fn successive_powers(x: f64, n: usize) -> Vec<f64> {
    std::iter::successors(Some(1.0), |p| Some(p * x)).take(n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quadrature::GaussHermite;

    /// `(k, z, h_k(z), h_k(z) exp(-z^2/4))` from 80-digit arithmetic.
    const REFERENCES: [(usize, f64, f64, f64); 9] = [
        (5, 0.7, 0.6607423686335696, 0.584562675176463),
        (50, 3.3, 1.6405015519876882, 0.10779780521125353),
        (200, 0.1, 0.03669527318271869, 0.03660364957698967),
        (200, 11.7, -148895982106829.94, -0.20428668999788405),
        (200, 30.0, 4.165183533366707e94, 0.0008005265027923453),
        (201, 28.5, 4.51241653558268e87, 0.2920693273975323),
        (1000, 5.5, -175.20754692301625, -0.09103340550365513),
        (1000, 60.0, f64::NEG_INFINITY, -0.18231450094223292),
        (3000, 1.25, 0.14248528366551166, 0.09641036550804012),
    ];

    fn function(k: usize, z: f64) -> f64 {
        let mut all = vec![0.0; k + 1];
        hermite_functions(z, &mut all);
        all[k]
    }

    #[test]
    fn references_to_degree_3000() {
        for (k, z, value, weighted) in REFERENCES {
            // k roundings of the envelope, which is at most 1.0865 for the weighted function.
            let slack = (k + 8) as f64 * f64::EPSILON;
            assert!((function(k, z) - weighted).abs() <= slack, "{k} {z}");
            let found = hermite(k, z);
            if value.is_infinite() {
                assert!(found.is_infinite() && found < 0.0, "{k} {z}: {found}");
            } else {
                let envelope = (0.25 * z * z).exp();
                assert!((found - value).abs() <= slack * envelope, "{k} {z}: {found:e}");
            }
        }
    }

    #[test]
    fn all_at_once_are_the_single_ones() {
        let mut all = vec![0.0; 250];
        for z in [-31.0, -2.5, 0.0, 0.3, 7.0] {
            hermite_all(z, &mut all);
            for (k, h) in all.iter().enumerate() {
                assert!((h - hermite(k, z)).abs() <= 0.0, "{k} {z}");
            }
        }
    }

    #[test]
    fn products_of_two_have_the_mean_of_statement_2_1() {
        const HIGHEST: usize = 12;
        // A product rule in the plane of u = (1, 0) and v, exact up to degree 2 * 24 - 1 in either coordinate.
        let rule = GaussHermite::new(24).unwrap();
        let mean = |j: usize, k: usize, v: [f64; 2]| {
            rule.expect(|x| hermite(j, x) * rule.expect(|y| hermite(k, v[0] * x + v[1] * y)))
        };
        for angle in [0.0_f64, 0.4, 1.2, 1.6, 2.9, std::f64::consts::PI] {
            let (sine, cosine) = angle.sin_cos();
            for j in 0..=HIGHEST {
                for k in 0..=HIGHEST {
                    let exact = (0..k).fold(f64::from(u8::from(j == k)), |t, _| t * cosine);
                    // Some (j + k) roundings a node; sum_n |weight_n h_j h_k| is at most 1, by Cauchy and Schwarz.
                    let slack = 32.0 * (j + k + 2) as f64 * f64::EPSILON;
                    assert!((mean(j, k, [cosine, sine]) - exact).abs() <= slack, "{angle} {j} {k}");
                }
            }
        }
        // Negative control: directions have to be unit vectors; v = (1.1, 0) gives h_2 a part in degree 0.
        assert!(mean(0, 2, [1.1, 0.0]) > 0.1);
    }

    #[test]
    fn derivatives_are_differences() {
        let h = 1e-4;
        for k in [1, 2, 7, 30] {
            for z in [-2.0, 0.1, 1.3] {
                let at = |s: f64| hermite(k, z + s * h);
                let difference = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * h);
                // h^4/30 times the fifth derivative, sqrt(k)^5 in size, and rounding over h.
                let scale = (0.25 * z * z).exp();
                let slack = (h.powi(4) * (k as f64).powf(2.5) + 64.0 * f64::EPSILON / h) * scale;
                assert!((hermite_derivative(k, z) - difference).abs() <= slack, "{k} {z}");
            }
        }
    }

    #[test]
    fn powers_of_two_are_in_range_where_their_product_is_not() {
        for exponent in [0, 1, -1, 7, -400, 1025, -1075, 1999, -2000] {
            let (first, second) = power_of_two(exponent);
            assert!(first.is_normal() && second.is_normal(), "{exponent}");
            let sum = first.log2() + second.log2();
            assert!((sum - f64::from(exponent)).abs() <= 0.0, "{exponent}: {sum}");
        }
    }

    #[test]
    fn extremes_stay_out_of_nan() {
        for z in [0.0, 100.0, -1e3, 1e100] {
            let mut all = vec![0.0; 50];
            hermite_functions(z, &mut all);
            assert!(all.iter().all(|h| h.abs() <= 1.1), "{z}");
        }
        assert!(hermite(3, f64::NAN).is_nan());
    }

    #[test]
    fn monomials_and_hermite_coefficients_are_one_polynomial() {
        let monomials = [0.5, -2.0, 0.0, 0.25, 0.125, -0.0625];
        let p = Polynomial::from_monomials(&monomials).unwrap();
        for z in [-2.0, 0.0, 0.3, 1.7] {
            let horner = monomials.iter().rev().fold(0.0, |sum, a| sum * z + a);
            let size: f64 = monomials.iter().rev().fold(0.0, |sum, a| sum * z.abs() + a.abs());
            assert!((p.value(z) - horner).abs() <= 64.0 * f64::EPSILON * (1.0 + size), "{z}");
        }
        assert!(Polynomial::from_monomials(&[f64::NAN]).is_err());
        assert!(Polynomial::from_monomials(&vec![1e300; 100]).is_err(), "overflow is refused");
    }

    #[test]
    fn scaled_coefficients_are_expectations_and_their_derivatives() {
        let p = Polynomial::from_hermite(vec![0.3, -1.0, 0.0, 0.5, 0.25, 0.0, -0.125]).unwrap();
        let rule = GaussHermite::new(12).unwrap();
        let h = 1e-4;
        for r in [0.0, 0.3, 1.0, 1.8] {
            let scaled = p.scaled(r);
            for (k, c) in scaled.iter().enumerate() {
                let at = |r: f64| rule.expect(|z| p.value(r * z) * hermite(k, z));
                let slack = 512.0 * f64::EPSILON * (1.0 + r).powi(6);
                assert!((c.value - at(r)).abs() <= slack, "{r} {k}");
                if k > 0 {
                    assert!((c.over_norm * r - c.value).abs() <= slack, "{r} {k}");
                }
                let difference = (8.0 * (at(r + h) - at(r - h))
                    - (at(r + 2.0 * h) - at(r - 2.0 * h)))
                    / (12.0 * h);
                assert!((c.slope - difference).abs() <= slack / h, "{r} {k}");
            }
        }
    }
}
