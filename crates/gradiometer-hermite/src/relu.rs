//! ReLU on the unit sphere: Hermite coefficients in closed form and the kernels of its high degrees.

use crate::angle::Angle;
use std::f64::consts::{PI, TAU};

/// Below this index `C(2n, n)` is computed in integers (it stays below 2^128).
const EXACT_BINOMIALS: usize = 56;

/// `b_n = C(2n, n) / 4^n`, relative error at most 2 ulp for every `n`.
///
/// Small `n` in integer arithmetic; else the asymptotic series of `Gamma(n + 1/2) / (sqrt(pi) Gamma(n + 1))`, whose
/// first omitted term is below `2^-59` there.
pub(crate) fn central_binomial(n: usize) -> f64 {
    if n < EXACT_BINOMIALS {
        let binomial = (1..=n as u128).fold(1_u128, |b, i| b * 2 * (2 * i - 1) / i);
        // Rounded once; the power of two is exact.
        binomial as f64 * (-2.0 * n as f64).exp2()
    } else {
        let x = 1.0 / n as f64;
        let series = [
            1.0,
            -1.0 / 8.0,
            1.0 / 128.0,
            5.0 / 1024.0,
            -21.0 / 32768.0,
            -399.0 / 262144.0,
            869.0 / 4194304.0,
            39325.0 / 33554432.0,
        ];
        let correction = series.iter().rev().fold(0.0, |sum, c| sum * x + c);
        correction / (PI * n as f64).sqrt()
    }
}

/// `s_k^2`, the squared degree-`k` Hermite coefficient of ReLU.
///
/// `s_0^2 = 1/(2 pi)`, `s_1^2 = 1/4`, zero for odd `k >= 3`, and for even `k >= 2`, because
/// `(k-1)!!^2 / k! = C(k, k/2) / 2^k`,
/// `s_k^2 = (k-3)!!^2 / (2 pi k!) = C(k, k/2) / (2^k 2 pi (k-1)^2)`.
/// Relative error at most 4 ulp for every degree; nothing overflows. (Statement 2.2 of \[ZG24\].)
///
/// # Examples
/// ```
/// use gradiometer_hermite::relu::squared_coefficient;
/// let exact = 1.0 / (48.0 * std::f64::consts::PI);
/// assert!((squared_coefficient(4) / exact - 1.0).abs() <= 4.0 * f64::EPSILON);
/// assert_eq!(squared_coefficient(7), 0.0);
/// ```
pub fn squared_coefficient(k: usize) -> f64 {
    match k {
        0 => 1.0 / TAU,
        1 => 0.25,
        _ if k % 2 == 1 => 0.0,
        _ => {
            let odd = (k - 1) as f64;
            central_binomial(k / 2) / (TAU * odd * odd)
        }
    }
}

/// `s_k = E[max(z, 0) h_k(z)]`, the degree-`k` normalised Hermite coefficient of ReLU.
///
/// `s_0 = 1/sqrt(2 pi)`, `s_1 = 1/2`, zero for odd `k >= 3`, and
/// `s_k = (-1)^(k/2 - 1) (k-3)!! / sqrt(2 pi k!)` for even `k >= 2`, with `(-1)!! = 1`.
/// Relative error at most 3 ulp for every degree.
///
/// # Examples
/// ```
/// use gradiometer_hermite::relu::coefficient;
/// assert_eq!(coefficient(1), 0.5);
/// let s_2 = 0.5 / std::f64::consts::PI.sqrt();
/// assert!((coefficient(2) - s_2).abs() <= f64::EPSILON);
/// assert!(coefficient(4) < 0.0);
/// ```
pub fn coefficient(k: usize) -> f64 {
    let modulus = squared_coefficient(k).sqrt();
    if k >= 4 && k.is_multiple_of(4) { -modulus } else { modulus }
}

/// The coefficients of degrees `0..=highest`.
pub fn coefficients(highest: usize) -> Vec<f64> {
    (0..=highest).map(coefficient).collect()
}

/// A true upper bound of the energy `sum_{k >= from} s_k^2` of the degrees from `from` on.
///
/// Degrees up to 2 use `sum_{k >= 0} s_k^2 = 1/2` and `k(1) = 1/4 - 1/(2 pi)`. For an even `k = 2n >= 4` the bound is
/// `g(n) = b_n / (12 pi (n - 3/2))`, `b_n = C(2n, n)/4^n`. Proof: `s_2n^2 = b_n / (8 pi (n - 1/2)^2)` and
/// `b_(n+1) = b_n (1 - 1/(2n + 2))`, so
/// `g(n) - g(n+1) = b_n/(12 pi (n - 1/2)) [ 1/(n - 3/2) + 1/(2 (n + 1)) ]`, and since `1/x` is convex,
/// `(2/3)/(n - 3/2) + (1/3)/(n + 1) >= 1/(n - 2/3) >= 1/(n - 1/2)`. Hence `g(n) - g(n+1) >= s_2n^2`; `g` tends to 0;
/// sum. The value is increased by a relative `8 eps`, more than its own rounding.
///
/// The ratio to the true tail tends to 1: 1.77 at `k = 4`, 1.06 at 10, 1.005 at 50.
///
/// # Examples
/// ```
/// use gradiometer_hermite::relu::tail_bound;
/// let k_at_one = 0.25 - 0.5 / std::f64::consts::PI;
/// assert!(tail_bound(2) >= k_at_one && tail_bound(2) < 1.0001 * k_at_one);
/// ```
pub fn tail_bound(from: usize) -> f64 {
    let tail = match from {
        0 => 0.5,
        1 => 0.5 - 1.0 / TAU,
        2 => 0.25 - 1.0 / TAU,
        _ => {
            let n = from.div_ceil(2);
            central_binomial(n) / (12.0 * PI * (n as f64 - 1.5))
        }
    };
    tail * (1.0 + 8.0 * f64::EPSILON)
}

/// A function of `t = cos phi` with its first two derivatives in `t`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Derivatives {
    /// Value.
    pub value: f64,
    /// First derivative.
    pub first: f64,
    /// Second derivative.
    pub second: f64,
}

/// The kernel of ReLU's degrees two and above on the unit sphere, `k(t) = E[sigma_{>=2}(u.x) sigma_{>=2}(v.x)]`.
///
/// `k(t) = (sqrt(1-t^2) + t asin t - 1)/(2 pi)`, `k' = asin(t)/(2 pi)`, `k'' = 1/(2 pi sqrt(1-t^2))`; in the angle,
/// `k = (sin phi + (pi/2 - phi) cos phi - 1)/(2 pi)` (statement 3.1 of \[ZG24\]; the arc-cosine kernel of \[ChoSaul2009\]
/// without its degrees 0 and 1). The relative error of each is a few ulp for a given [`Angle`], also near `t = 0`,
/// where `k ~ t^2/(4 pi)`. The second derivative is infinite at `|t| = 1`.
///
///
/// # Examples
/// ```
/// use gradiometer_hermite::{Angle, relu::sphere_kernel};
/// let one = sphere_kernel(Angle::from_cosine(1.0));
/// assert!((one.value - (0.25 - 0.5 / std::f64::consts::PI)).abs() <= f64::EPSILON);
/// assert_eq!(one.first, 0.25);
/// assert_eq!(sphere_kernel(Angle::from_cosine(0.0)).value, 0.0);
/// ```
#[inline]
pub fn sphere_kernel(angle: Angle) -> Derivatives {
    let (t, sine, asin) = (angle.cosine(), angle.sine(), angle.complement());
    // sqrt(1 - t^2) - 1 = -t^2 / (1 + sqrt(1 - t^2)).
    Derivatives {
        value: (t * asin - t * t / (1.0 + sine)) / TAU,
        first: asin / TAU,
        second: 1.0 / (TAU * sine),
    }
}

/// The first two derivatives in the angle, `dk/dphi = -(pi/2 - phi) sin phi/(2 pi)` and
/// `d^2k/dphi^2 = (sin phi - (pi/2 - phi) cos phi)/(2 pi)`: finite everywhere, unlike those in `t`.
///
/// Both are for `phi` in `[0, pi]`; `d^2k/dphi^2` at `phi = 0` is `-1/4`.
///
/// # Examples
/// ```
/// use gradiometer_hermite::{Angle, relu::sphere_kernel_in_angle};
/// let (first, second) = sphere_kernel_in_angle(Angle::from_radians(0.0));
/// assert_eq!((first.abs(), second), (0.0, -0.25));
/// ```
#[inline]
pub fn sphere_kernel_in_angle(angle: Angle) -> (f64, f64) {
    let (t, sine, asin) = (angle.cosine(), angle.sine(), angle.complement());
    (-asin * sine / TAU, (sine - asin * t) / TAU)
}

/// The part of degrees at least `l` of the sphere kernel, `K_l(t) = k(t) - sum_{even k < l} s_k^2 t^k`.
///
/// `l <= 2` is the whole kernel `k` (which has no degrees 0 and 1).
#[derive(Clone, Debug, PartialEq)]
pub struct HighDegreeKernel {
    from_degree: usize,
    /// `s_2^2, s_4^2, ...` of the even degrees below `from_degree`.
    removed: Vec<f64>,
}

/// Above this `t^2` the power series is too slow to be worth its digits.
const SERIES_LIMIT: f64 = 0.97;

impl HighDegreeKernel {
    /// The kernel of the degrees at least `from_degree`.
    pub fn new(from_degree: usize) -> Self {
        let removed = (2..from_degree).step_by(2).map(squared_coefficient).collect();
        Self { from_degree, removed }
    }

    /// The least degree kept, as given.
    pub const fn from_degree(&self) -> usize {
        self.from_degree
    }

    /// `K_l` and its first two derivatives in `t`.
    ///
    /// The closed form minus the removed terms where that loses at most a factor eight, else the power series
    /// `sum_{k >= l} s_k^2 t^k`; relative error a few `eps` for `t^2 <= 0.97`, and beyond that absolute error a few
    /// `eps` times `k(t)`, relative to `K_l` about `20 eps l^(3/2)`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::{Angle, relu::{HighDegreeKernel, squared_coefficient}};
    /// let kernel = HighDegreeKernel::new(4);
    /// let t: f64 = 1e-3;
    /// let leading = squared_coefficient(4) * t.powi(4);
    /// let value = kernel.at(Angle::from_cosine(t)).value;
    /// assert!((value / leading - 1.0).abs() < t * t);
    /// ```
    pub fn at(&self, angle: Angle) -> Derivatives {
        let whole = sphere_kernel(angle);
        if self.removed.is_empty() {
            return whole;
        }
        let t = angle.cosine();
        let square = t * t;
        // The removed polynomial by Horner in t^2: t^2 p, t p_1, p_2.
        let (mut p, mut p_1, mut p_2) = (0.0, 0.0, 0.0);
        for (i, s) in self.removed.iter().enumerate().rev() {
            let k = (2 * (i + 1)) as f64;
            p = p * square + s;
            p_1 = p_1 * square + k * s;
            p_2 = p_2 * square + k * (k - 1.0) * s;
        }
        let value = whole.value - square * p;
        if square > SERIES_LIMIT || value >= whole.value / 8.0 {
            return Derivatives { value, first: whole.first - t * p_1, second: whole.second - p_2 };
        }
        self.series(t)
    }

    /// `sum_{k >= l} s_k^2 t^k` term by term, `t^2 < 1`.
    fn series(&self, t: f64) -> Derivatives {
        let square = t * t;
        let mut n = self.from_degree.div_ceil(2);
        let mut s = squared_coefficient(2 * n);
        let mut power = int_power(square, n - 1);
        let (mut value, mut first, mut second) = (0.0, 0.0, 0.0);
        loop {
            let k = (2 * n) as f64;
            let term = k * (k - 1.0) * s * power;
            value += s * power;
            first += k * s * power;
            second += term;
            // The terms of the second derivative fall at least like t^2, those of the others faster.
            if !(term > 0.25 * f64::EPSILON * (1.0 - square) * second) {
                return Derivatives { value: square * value, first: t * first, second };
            }
            s *= (k - 1.0) * (k - 1.0) / ((k + 1.0) * (k + 2.0));
            power *= square;
            n += 1;
        }
    }
}

/// `x^n` by squaring.
fn int_power(x: f64, n: usize) -> f64 {
    i32::try_from(n).map_or(if x < 1.0 { 0.0 } else { x }, |n| x.powi(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(t, l, K_l, K_l', K_l'')` from 40-digit arithmetic.
    const REFERENCES: [(f64, usize, f64, f64, f64); 21] = [
        (1e-05, 2, 7.957747154661083e-12, 1.5915494309454792e-06, 0.1591549430998531),
        (1e-05, 8, 8.881414235522352e-44, 7.10513138851459e-38, 4.973591972056921e-32),
        (0.1, 2, 0.000796439859422549, 0.015942140214629964, 0.1599567362927827),
        (0.1, 4, 6.651439630721876e-07, 2.6645905440428407e-05, 0.0008017932008873799),
        (0.1, 20, 7.829229289111393e-25, 1.56707946107484e-22, 2.9801688789189636e-20),
        (0.5, 2, 0.020343947430219344, 0.08333333333333333, 0.18377629847393068),
        (0.5, 4, 0.0004495795437324263, 0.0037558617873856654, 0.02462135538203535),
        (0.5, 20, 9.218578400042055e-11, 3.778124319627726e-09, 1.4774332383381302e-07),
        (0.9, 2, 0.0706142563304407, 0.17821685343564686, 0.36512648068554665),
        (0.9, 4, 0.006156504378223092, 0.034977404652941066, 0.20597153759365133),
        (0.9, 8, 0.0007483378450521534, 0.008591623891300786, 0.10235570133046151),
        (0.9, 60, 3.381339964303351e-08, 2.4862985768507245e-06, 0.00018225989916733916),
        (0.98, 4, 0.009843692200672775, 0.062143875340682636, 0.6406287383720178),
        (0.98, 20, 0.00026097597338736587, 0.008267925746256791, 0.3201465291987105),
        (0.98, 60, 1.3885590138704167e-05, 0.0011445364321999612, 0.10192099059672288),
        (0.99, 2, 0.08849518477468184, 0.22747329317779394, 1.1282194784201585),
        (0.99, 4, 0.010501304912498526, 0.06990989951681756, 0.9690645353282631),
        (0.99, 20, 0.00036340378374782347, 0.012707798267894038, 0.623936072727192),
        (0.9999, 2, 0.0908202069615743, 0.2477491904525954, 11.254235311364265),
        (0.9999, 8, 0.002641602911571598, 0.050161642342697516, 10.955859577426214),
        (0.9999, 60, 9.355290394893033e-05, 0.014543004944138368, 10.293082949143145),
    ];

    /// Relative rounding of `n` operations.
    #[track_caller]
    fn check_rounding(found: f64, expected: f64, operations: f64) {
        let error = (found - expected).abs();
        assert!(error <= operations * f64::EPSILON * expected.abs(), "{found:e} for {expected:e}");
    }

    #[test]
    fn references() {
        for (t, l, value, first, second) in REFERENCES {
            let found = HighDegreeKernel::new(l).at(Angle::from_cosine(t));
            let loss = if t * t > SERIES_LIMIT { (l as f64).powf(1.5) } else { 1.0 };
            check_rounding(found.value, value, 32.0 * loss);
            check_rounding(found.first, first, 32.0 * loss);
            check_rounding(found.second, second, 32.0 * loss);
        }
    }

    #[test]
    fn coefficients_follow_the_double_factorials() {
        // (k-3)!! / sqrt(k!) by its recurrence, an independent coding.
        let mut s = 1.0 / (4.0 * PI).sqrt();
        for k in (2..=400).step_by(2) {
            check_rounding(coefficient(k), s, 3.0 + k as f64);
            assert!(coefficient(k + 1).abs() <= 0.0);
            let k = k as f64;
            s *= -(k - 1.0) / ((k + 1.0) * (k + 2.0)).sqrt();
        }
        let all = coefficients(6);
        assert_eq!(all.len(), 7);
        assert!(all.iter().enumerate().all(|(k, c)| (c - coefficient(k)).abs() <= 0.0));
    }

    #[test]
    fn the_two_forms_of_the_binomial_meet() {
        for n in EXACT_BINOMIALS - 1..EXACT_BINOMIALS + 2 {
            let ratio = (2 * n + 1) as f64 / (2 * n + 2) as f64;
            check_rounding(central_binomial(n + 1), central_binomial(n) * ratio, 4.0);
        }
    }

    #[test]
    fn the_tail_bound_is_above_the_tail_and_near_it() {
        // The tail from 2 is known exactly; subtracting terms gives the others.
        let mut tail = 0.25 - 1.0 / TAU;
        for k in (2..600).step_by(2) {
            // The running difference has at most k/2 roundings of size eps/8.
            let slack = f64::EPSILON * k as f64 / 16.0;
            assert!(tail_bound(k) >= tail - slack, "{k}");
            assert!(tail_bound(k - 1) >= tail - slack, "{k}");
            assert!(tail_bound(k) <= tail * (1.0 + 4.0 / k as f64) + slack, "{k}");
            tail -= squared_coefficient(k);
        }
    }

    #[test]
    fn the_kernel_is_its_hermite_series() {
        for t in [-0.9, -0.3, 0.0, 1e-8, 0.2, 0.5, 0.8, 0.95] {
            let series = HighDegreeKernel::new(2).series(t);
            let closed = sphere_kernel(Angle::from_cosine(t));
            check_rounding(closed.value, series.value, 16.0);
            check_rounding(closed.first, series.first, 16.0);
            check_rounding(closed.second, series.second, 16.0);
        }
    }

    #[test]
    fn a_wrong_normalisation_is_caught() {
        // Negative control of the series test: a doubled s_4^2 moves k(0.8) by far more than rounding.
        let t: f64 = 0.8;
        let wrong = HighDegreeKernel::new(2).series(t).value + squared_coefficient(4) * t.powi(4);
        let closed = sphere_kernel(Angle::from_cosine(t)).value;
        assert!((closed - wrong).abs() > 1e6 * f64::EPSILON * closed);
    }

    #[test]
    fn high_degrees_are_continuous_over_the_switch() {
        for l in [4, 6, 10, 20, 40] {
            let kernel = HighDegreeKernel::new(l);
            for i in 0..=2000 {
                let t = f64::from(i) / 2000.0;
                let found = kernel.at(Angle::from_cosine(t));
                let whole = sphere_kernel(Angle::from_cosine(t));
                let direct = whole.value - sum_below(l, t);
                // Direct subtraction knows K_l to a few eps of k(t).
                assert!(
                    (found.value - direct).abs() <= 8.0 * f64::EPSILON * whole.value,
                    "{l} {t}"
                );
                assert!(found.value >= 0.0 && found.first >= 0.0 && found.second >= 0.0, "{l} {t}");
            }
        }
    }

    fn sum_below(l: usize, t: f64) -> f64 {
        (2..l).step_by(2).map(|k| squared_coefficient(k) * t.powi(i32::try_from(k).unwrap())).sum()
    }

    #[test]
    fn derivatives_agree_with_each_other() {
        let h = 1e-4;
        for l in [2, 4, 12] {
            let kernel = HighDegreeKernel::new(l);
            for t in [-0.7, 0.1, 0.45, 0.9] {
                let at = |t| kernel.at(Angle::from_cosine(t));
                let centre = at(t);
                // Fourth-order differences: error h^4 f^(5)/30 plus rounding eps/h.
                let difference = |f: &dyn Fn(f64) -> f64| {
                    (8.0 * (f(t + h) - f(t - h)) - (f(t + 2.0 * h) - f(t - 2.0 * h))) / (12.0 * h)
                };
                let scale = h.powi(4) * 1e6 * centre.second.abs() + 16.0 * f64::EPSILON / h;
                let first = difference(&|t| at(t).value);
                let second = difference(&|t| at(t).first);
                assert!((first - centre.first).abs() <= scale, "{l} {t}");
                assert!((second - centre.second).abs() <= scale, "{l} {t}");
            }
        }
    }

    #[test]
    fn derivatives_in_the_angle_follow_the_chain_rule() {
        for phi in [0.05, 0.4, 1.0, 1.57, 2.0, 3.0] {
            let angle = Angle::from_radians(phi);
            let in_t = sphere_kernel(angle);
            let (first, second) = sphere_kernel_in_angle(angle);
            let (sin, cos) = phi.sin_cos();
            assert!((first + in_t.first * sin).abs() <= 4.0 * f64::EPSILON);
            assert!(
                (second - (in_t.second * sin * sin - in_t.first * cos)).abs() <= 4.0 * f64::EPSILON
            );
        }
    }
}
