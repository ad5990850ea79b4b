//! Zonal kernels with weights over the even degrees, enclosed with three derivatives.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::{maximum, minimum};

use crate::error::CertifyError;

/// Weights `omega_k >= 0` over the even degrees `k >= 2`: free below a degree `L`, constant from `L` on.
///
/// They define the kernel `K(t) = sum_k omega_k s_k^2 t^k` of a dual certificate (theory 6.2), `s_k` the Hermite
/// coefficients of ReLU. `omega = 1{k >= l}` is the kernel `K_l` of \[ZG24\]'s construction.
#[derive(Clone, Debug, PartialEq)]
pub struct DegreeWeights {
    low: Vec<f64>,
    tail: f64,
}

impl DegreeWeights {
    /// The largest first degree of a tail.
    pub const LARGEST_DEGREE: usize = 4096;

    /// Weights `low` of the degrees `2, 4, ...` and the weight `tail` of all higher even degrees.
    ///
    /// # Errors
    /// [`CertifyError::Weight`] unless `low` is finite and non-negative and `tail` finite and positive;
    /// [`CertifyError::Degree`] if there are too many.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_certify::DegreeWeights;
    /// let damped = DegreeWeights::new(vec![0.25], 1.0).unwrap();
    /// assert_eq!(damped.tail_degree(), 4);
    /// assert!(DegreeWeights::new(vec![f64::NAN], 1.0).is_err());
    /// ```
    pub fn new(low: Vec<f64>, tail: f64) -> Result<Self, CertifyError> {
        let tail_degree = 2 * low.len() + 2;
        if tail_degree > Self::LARGEST_DEGREE {
            return Err(CertifyError::Degree {
                degree: tail_degree,
                largest: Self::LARGEST_DEGREE,
            });
        }
        for (index, &weight) in low.iter().enumerate() {
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(CertifyError::Weight { degree: 2 * index + 2, weight });
            }
        }
        if !(tail > 0.0 && tail.is_finite()) {
            return Err(CertifyError::Weight { degree: tail_degree, weight: tail });
        }
        Ok(Self { low, tail })
    }

    /// Weight 1 from the even degree `l` on, 0 below: the kernel `K_l`.
    ///
    /// # Errors
    /// [`CertifyError::Degree`] unless `l` is even and between 2 and [`Self::LARGEST_DEGREE`].
    pub fn from_degree(degree: usize) -> Result<Self, CertifyError> {
        if !(degree >= 2 && degree.is_multiple_of(2) && degree <= Self::LARGEST_DEGREE) {
            return Err(CertifyError::Degree { degree, largest: Self::LARGEST_DEGREE });
        }
        Self::new(vec![0.0; degree / 2 - 1], 1.0)
    }

    /// Weights of the degrees `2, 4, ..., L - 2`.
    pub fn low(&self) -> &[f64] {
        &self.low
    }

    /// Weight of the even degrees from [`Self::tail_degree`] on.
    pub const fn tail(&self) -> f64 {
        self.tail
    }

    /// First degree `L` of the constant tail.
    pub const fn tail_degree(&self) -> usize {
        2 * self.low.len() + 2
    }

    /// The smallest degree with a positive weight, the `l` of the construction.
    pub fn first_degree(&self) -> usize {
        let index = self.low.iter().position(|&w| w > 0.0);
        2 * index.unwrap_or(self.low.len()) + 2
    }

    /// The kernel `sum_k omega_k s_k^2 t^k`.
    pub(crate) fn kernel(&self) -> Kernel {
        let low: Vec<_> = self.low.iter().map(|&w| Enclosure::from(w)).collect();
        Kernel::new(&low, Enclosure::from(self.tail))
    }

    /// The kernel `sum_k omega_k^2 s_k^2 t^k`, the Gram kernel of `p`'s features.
    pub(crate) fn squared_kernel(&self) -> Kernel {
        let low: Vec<_> = self.low.iter().map(|&w| Enclosure::from(w).square()).collect();
        Kernel::new(&low, Enclosure::from(self.tail).square())
    }
}

/// Squared Hermite coefficients `s_2^2, s_4^2, ...` of ReLU, `count` of them.
///
/// `s_2^2 = 1/(4 pi)`, `s_{k+2}^2 / s_k^2 = (k-1)^2 / ((k+1)(k+2))`.
///
/// # Examples
/// ```
/// use gradiometer_certify::relu_squares;
/// let s4 = relu_squares(2)[1];
/// assert!(s4.contains(1.0 / (48.0 * std::f64::consts::PI)));
/// ```
pub fn relu_squares(count: usize) -> Vec<Enclosure> {
    let mut squares = Vec::with_capacity(count);
    let mut square = Enclosure::ONE / (Enclosure::PI * 4.0);
    for index in 0..count {
        squares.push(square);
        // Whole numbers below 2^53: exact.
        let k = (2 * index + 2) as f64;
        square = square * ((k - 1.0) * (k - 1.0)) / ((k + 1.0) * (k + 2.0));
    }
    squares
}

/// A kernel `K(t) = tail k(t) + sum_{even k < L} c_k t^k`, `k` the ReLU kernel of degrees >= 2.
///
/// All its Taylor coefficients at 0 are non-negative. Hence on `[0, 1]` the kernel and all its derivatives increase;
/// even ones are even functions and odd ones odd, which is how ranges are enclosed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kernel {
    /// `tail / (2 pi)`.
    tail: Enclosure,
    /// `c_k` times `k (k-1) .. (k-j+1)`, for `j = 0..4`, over `k = 2, 4, ...`.
    coefficients: Vec<[Enclosure; 4]>,
}

/// Values of `K, K', K'', K'''`.
pub(crate) type Jet = [Enclosure; 4];

impl Kernel {
    fn new(low: &[Enclosure], tail: Enclosure) -> Self {
        let coefficients = relu_squares(low.len())
            .into_iter()
            .zip(low)
            .enumerate()
            .map(|(index, (square, &weight))| {
                let k = (2 * index + 2) as f64;
                let c = square * (weight - tail);
                [c, c * k, c * (k * (k - 1.0)), c * (k * (k - 1.0) * (k - 2.0))]
            })
            .collect();
        Self { tail: tail / (Enclosure::PI * 2.0), coefficients }
    }

    /// The polynomial part and its derivatives at `t`.
    pub(crate) fn polynomial(&self, t: Enclosure) -> Jet {
        let y = t.square();
        let mut sums = [Enclosure::ZERO; 4];
        for (index, row) in self.coefficients.iter().enumerate().rev() {
            // Horner in t^2 for sum c_k t^{k-2}; the third derivative's first term vanishes.
            for (sum, &c) in sums.iter_mut().take(3).zip(row) {
                *sum = *sum * y + c;
            }
            if index > 0 {
                sums[3] = sums[3] * y + row[3];
            }
        }
        [sums[0] * y, sums[1] * t, sums[2], sums[3] * t]
    }

    /// `K, K', K'', K'''` at a float `t`; the last two are undefined at `|t| = 1`.
    pub(crate) fn at(&self, t: f64) -> Jet {
        let t = Enclosure::from(t);
        let sine = ((Enclosure::ONE - t) * (Enclosure::ONE + t)).sqrt();
        let angle = t.asin();
        let inverse = Enclosure::ONE / sine;
        let closed = [sine + t * angle - 1.0, angle, inverse, t * inverse * inverse.square()];
        if self.coefficients.is_empty() {
            return closed.map(|value| value * self.tail);
        }
        let polynomial = self.polynomial(t);
        [0, 1, 2, 3].map(|j| closed[j] * self.tail + polynomial[j])
    }

    /// `K, K', K'', K'''` over the cosines `t`, by monotonicity from the end points; the last two are undefined where
    /// `|t|` may be 1.
    pub(crate) fn jet(&self, t: Enclosure) -> Jet {
        let (lo, hi) = (self.at(t.lo()), self.at(t.hi()));
        let even = |j: usize, zero: Enclosure| {
            let (a, b) = (lo[j], hi[j]);
            let top = maximum(a.hi(), b.hi());
            let bottom = if t.contains(0.0) { zero.lo() } else { minimum(a.lo(), b.lo()) };
            Enclosure::new(bottom, top)
        };
        let odd = |j: usize| Enclosure::new(lo[j].lo(), hi[j].hi());
        let curvature = self.coefficients.first().map_or(self.tail, |c| self.tail + c[2]);
        [even(0, Enclosure::ZERO), odd(1), even(2, curvature), odd(3)]
    }

    /// `kappa(s) = (d/ds)^2 K(cos s)` and its derivative, over an interval of angles in `[0, pi/2]`.
    ///
    /// Both stay bounded at 0: `K'' sin^2` and `K''' sin^3` lose the singularity.
    pub(crate) fn radial(&self, s: Enclosure) -> (Enclosure, Enclosure) {
        let (sin, cos) = (s.sin(), s.cos());
        let rest = Enclosure::PI.half() - s;
        let [_, p1, p2, p3] = self.polynomial(cos);
        let second = self.tail * (sin - rest * cos) + p2 * sin.square() - p1 * cos;
        let third = self.tail * (cos * 2.0 + rest * sin) - p3 * sin.powi(3)
            + p2 * sin * cos * 3.0
            + p1 * sin;
        (second, third)
    }

    /// `(K'(1) - K'(cos s))/s` over the angles `0 < s <= end`, which stays bounded: `K'(cos s)` is `tail (pi/2 - s)` and a polynomial
    /// `P'` with `P'(1) - P'(cos s) = P''(z) (1 - cos s)`, `cos s <= z <= 1`, and `(1 - cos s)/s <= s/2`.
    pub(crate) fn slope_drop(&self, end: f64) -> Enclosure {
        let cosines = Enclosure::new(Enclosure::from(end).cos().lo(), 1.0);
        let bend = self.polynomial(cosines)[2];
        self.tail + bend * Enclosure::new(0.0, end).half()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Partial sums of the positive series, a lower bound; the tail beyond `TERMS` is below `TAIL`.
    const TERMS: usize = 4000;

    fn series(weights: &DegreeWeights, t: f64, order: usize) -> Enclosure {
        let squares = relu_squares(TERMS);
        let t = Enclosure::from(t);
        let mut total = Enclosure::ZERO;
        for (index, square) in squares.into_iter().enumerate().rev() {
            let k = 2 * index + 2;
            let weight = weights.low().get(index).copied().unwrap_or(weights.tail());
            let falling: f64 = (0..order).map(|j| k as f64 - j as f64).product();
            if let Some(power) = k.checked_sub(order) {
                let power = u32::try_from(power).unwrap();
                total += square * (weight * falling) * t.powi(power);
            }
        }
        total
    }

    #[test]
    fn closed_forms_meet_the_series() {
        for weights in [
            DegreeWeights::from_degree(2).unwrap(),
            DegreeWeights::from_degree(8).unwrap(),
            DegreeWeights::new(vec![0.25, 3.0, 0.0], 2.0).unwrap(),
        ] {
            let kernel = weights.kernel();
            for t in [-0.97, -0.5, -0.01, 0.0, 0.3, 0.9] {
                let jet = kernel.jet(Enclosure::from(t));
                for (order, value) in (0..).zip(jet) {
                    // 0.97^8000 is far below the last place.
                    let series = series(&weights, t, order);
                    assert!(value.intersection(series).is_some(), "{t} {order}: {value} {series}");
                }
            }
        }
    }

    #[test]
    fn ranges_contain_the_values_inside() {
        let kernel = DegreeWeights::new(vec![0.5, 0.0], 1.0).unwrap().kernel();
        for (lo, hi) in [(-0.9, -0.2), (-0.3, 0.8), (0.1, 0.99), (-0.5, 0.2)] {
            let range = kernel.jet(Enclosure::new(lo, hi));
            for step in 0..=50 {
                let t = (lo + (hi - lo) * f64::from(step) / 50.0).clamp(lo, hi);
                for (value, range) in kernel.jet(Enclosure::from(t)).into_iter().zip(range) {
                    assert!(value.intersection(range).is_some(), "{t}: {value} not in {range}");
                }
            }
        }
    }

    #[test]
    fn radial_derivatives_are_those_of_the_kernel_in_the_angle() {
        let kernel = DegreeWeights::from_degree(4).unwrap().kernel();
        for s in [0.1, 0.5, 1.0, 1.5] {
            let angle = Enclosure::from(s);
            let (sin, cos) = (angle.sin(), angle.cos());
            let [_, first, second, third] = kernel.jet(cos);
            let (kappa, derivative) = kernel.radial(angle);
            let other = second * sin.square() - first * cos;
            assert!(kappa.intersection(other).is_some(), "{s}: {kappa} {other}");
            let other = second * sin * cos * 3.0 + first * sin - third * sin.powi(3);
            assert!(derivative.intersection(other).is_some(), "{s}: {derivative} {other}");
        }
    }

    #[test]
    fn the_drop_of_the_slope_is_the_tails_and_the_polynomials() {
        for degree in [2, 4, 6, 8] {
            let kernel = DegreeWeights::from_degree(degree).unwrap().kernel();
            let slope = |t: Enclosure| kernel.jet(t)[1];
            for end in [0.01, 0.2, 1.0, 1.5] {
                let drop = kernel.slope_drop(end);
                for n in 1..=50_u8 {
                    let angle = Enclosure::from(end * f64::from(n) / 50.0);
                    let exact = (slope(Enclosure::ONE) - slope(angle.cos())) / angle;
                    assert!(
                        drop.intersection(exact).is_some(),
                        "{degree} {end} {n}: {drop} {exact}"
                    );
                }
                // Where there is no polynomial, the tail alone; elsewhere its second derivative over the angles.
                let [_, _, second, _] = kernel.polynomial(Enclosure::ONE);
                let width = second.abs().hi() * end / 2.0;
                assert!(
                    drop.width() <= width + 64.0 * f64::EPSILON * (1.0 + width),
                    "{drop} {width}"
                );
            }
        }
    }

    #[test]
    fn at_one_the_value_and_slope_are_known() {
        let jet = DegreeWeights::from_degree(2).unwrap().kernel().jet(Enclosure::ONE);
        let value = Enclosure::ONE / 4.0 - Enclosure::ONE / (Enclosure::PI * 2.0);
        assert!(jet[0].intersection(value).is_some());
        assert!(jet[1].contains(0.25));
        assert!(jet[2].is_undefined() && jet[3].is_undefined());
    }

    #[test]
    fn odd_degrees_and_bad_weights_are_refused() {
        for degree in [0, 1, 3, DegreeWeights::LARGEST_DEGREE + 2] {
            assert!(DegreeWeights::from_degree(degree).is_err());
        }
        for (low, tail) in [(-1.0, 1.0), (f64::INFINITY, 1.0), (0.0, 0.0), (0.0, f64::NAN)] {
            assert!(DegreeWeights::new(vec![low], tail).is_err());
        }
        assert_eq!(DegreeWeights::new(vec![0.0, 0.5], 1.0).unwrap().first_degree(), 4);
        let (mixed, pure) = (
            DegreeWeights::new(vec![0.0, 0.5], 1.0).unwrap(),
            DegreeWeights::from_degree(6).unwrap(),
        );
        assert_eq!((mixed.tail_degree(), pure.tail_degree()), (6, 6));
        assert_eq!(DegreeWeights::from_degree(2).unwrap().tail_degree(), 2);
        assert_eq!((pure.first_degree(), mixed.low(), mixed.tail()), (6, &[0.0, 0.5][..], 1.0));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "both come from the same end points")]
    fn ranges_end_where_the_values_do() {
        let kernel = DegreeWeights::new(vec![0.5, 0.0], 1.0).unwrap().kernel();
        for (lo, hi) in [(-0.9, -0.2), (-0.3, 0.8), (0.1, 0.99), (-0.5, 0.2)] {
            let range = kernel.jet(Enclosure::new(lo, hi));
            let [a, b] = [lo, hi].map(|t| kernel.jet(Enclosure::from(t)));
            let middle = kernel.jet(Enclosure::ZERO);
            let inside = lo < 0.0 && hi > 0.0;
            for order in [1, 3] {
                assert_eq!(range[order], a[order].hull(b[order]), "{lo} {hi}");
            }
            for order in [0, 2] {
                assert_eq!(range[order].hi(), maximum(a[order].hi(), b[order].hi()));
                let ends = minimum(a[order].lo(), b[order].lo());
                let least = if inside { middle[order].lo() } else { ends };
                // A value at zero is known exactly, its enclosure within four floats of one.
                assert!((range[order].lo() - least).abs() <= 4.0 * f64::EPSILON, "{lo} {hi}");
            }
        }
    }
}
