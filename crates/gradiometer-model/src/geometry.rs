//! Norms and projective angles that keep their digits for tiny, huge and nearly parallel vectors.

use gradiometer_hermite::{Bounded, DoubleDouble};

/// Euclidean norm, scaled so that it neither overflows nor underflows; relative error at most `(d + 4) eps`.
///
/// # Examples
/// ```
/// use gradiometer_model::geometry::norm;
/// assert_eq!(norm(&[3.0, 4.0]), 5.0);
/// let huge = f64::powi(2.0, 700);
/// assert_eq!(norm(&[3.0 * huge, 4.0 * huge]), 5.0 * huge);
/// assert_eq!(norm(&[0.0, 0.0]), 0.0);
/// ```
pub fn norm(w: &[f64]) -> f64 {
    let plain: f64 = w.iter().map(|x| x * x).sum();
    if (1e-200..1e200).contains(&plain) {
        return plain.sqrt();
    }
    let largest = w.iter().fold(0.0, |s: f64, x| if x.abs() > s { x.abs() } else { s });
    if largest > 0.0 && largest.is_finite() {
        // A power of two, so that the scaling is exact.
        let scale = power_of_two_near(largest);
        let sum: f64 = w.iter().map(|x| (x / scale) * (x / scale)).sum();
        scale * sum.sqrt()
    } else {
        plain.sqrt()
    }
}

/// The power of two at or just below `|x|`, kept away from the ends of the exponent range.
fn power_of_two_near(x: f64) -> f64 {
    let exponent = (x.to_bits() >> 52) & 0x7ff;
    f64::from_bits(exponent.clamp(2, 2044) << 52)
}

/// `w / |w|` written to `unit`, returning `|w|`; a zero vector stays zero.
///
/// # Panics
/// If the lengths differ.
pub fn normalise_into(w: &[f64], unit: &mut [f64]) -> f64 {
    assert_eq!(w.len(), unit.len(), "a vector and its direction have one length");
    let length = norm(w);
    if length > 0.0 {
        // Scaling by a power of two first keeps subnormal vectors' directions.
        let scale = power_of_two_near(length);
        let (inverse, rest) = (1.0 / scale, length / scale);
        for (u, x) in unit.iter_mut().zip(w) {
            *u = x * inverse / rest;
        }
        // A subnormal length has lost digits that the scaled vector still has.
        let again = norm(unit);
        for u in unit.iter_mut() {
            *u /= again;
        }
    } else {
        unit.fill(0.0);
    }
    length
}

/// `|w|`, and two factors with `w / |w| = (w f_0) f_1`, the first a power of two that is exact; both are zero for a zero vector.
///
/// The length of the direction that they give is off by at most `(d/2 + 3) u`, `u = eps/2`, and its entries, given that, by `u`.
///
/// # Examples
/// ```
/// use gradiometer_model::geometry::length_and_factors;
/// assert_eq!(length_and_factors(&[0.0, 4.0]), (4.0, [1.0, 0.25]));
/// assert_eq!(length_and_factors(&[0.0, 0.0]), (0.0, [0.0, 0.0]));
/// ```
#[inline]
pub fn length_and_factors(w: &[f64]) -> (f64, [f64; 2]) {
    let square = squared_norm(w);
    if (1e-200..1e200).contains(&square) {
        let length = square.sqrt();
        return (length, [1.0, 1.0 / length]);
    }
    scaled_length_and_factors(w)
}

/// The same for a vector whose squared norm overflows, underflows or is zero.
#[cold]
fn scaled_length_and_factors(w: &[f64]) -> (f64, [f64; 2]) {
    let largest = w.iter().fold(0.0, |s: f64, x| if x.abs() > s { x.abs() } else { s });
    if largest > 0.0 {
        let scale = 1.0 / power_of_two_near(largest);
        let scaled: Vec<f64> = w.iter().map(|x| x * scale).collect();
        (norm(w), [scale, 1.0 / squared_norm(&scaled).sqrt()])
    } else {
        (norm(w), [0.0, 0.0])
    }
}

/// `|w|^2` in eight partial sums, for vectors that neither overflow nor underflow.
#[inline]
fn squared_norm(w: &[f64]) -> f64 {
    let (eights, rest) = w.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        for (sum, x) in sums.iter_mut().zip(eight) {
            *sum += x * x;
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|x| x * x).sum::<f64>()
}

/// `w / |w|`; a zero vector stays zero.
pub fn normalised(w: &[f64]) -> Vec<f64> {
    let mut unit = vec![0.0; w.len()];
    let _length = normalise_into(w, &mut unit);
    unit
}

/// Inner product in plain order.
pub fn dot(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(x, y)| x * y).sum()
}

/// Projective angle `delta(u, v) = arccos |u . v|` of two unit vectors, in `[0, pi/2]`.
///
/// Computed as `2 atan2(|u -+ v|, |u +- v|)`, so that its relative error is a few `eps` plus that of the unit
/// vectors themselves, also for nearly parallel ones.
///
/// # Examples
/// ```
/// use gradiometer_model::geometry::projective_angle;
/// let tiny = 1e-11_f64;
/// let angle = projective_angle(&[1.0, 0.0], &[-tiny.cos(), -tiny.sin()]);
/// assert!((angle / tiny - 1.0).abs() < 4.0 * f64::EPSILON);
/// ```
pub fn projective_angle(u: &[f64], v: &[f64]) -> f64 {
    let (mut minus, mut plus) = (0.0, 0.0);
    for (x, y) in u.iter().zip(v) {
        minus += (x - y) * (x - y);
        plus += (x + y) * (x + y);
    }
    let (near, far) = if minus <= plus { (minus, plus) } else { (plus, minus) };
    2.0 * near.sqrt().atan2(far.sqrt())
}

/// Projective angle of two vectors of any length that are not zero, with a bound on its error: as [`projective_angle`], from
/// directions in double-double.
///
/// # Examples
/// ```
/// use gradiometer_model::geometry::projective_angle_of;
/// let angle = projective_angle_of(&[3.0, 0.0], &[-2.0, -2e-14]);
/// assert!((angle.value - 1e-14).abs() <= angle.error);
/// assert!(angle.error < 100.0 * gradiometer_hermite::DoubleDouble::UNIT);
/// ```
pub fn projective_angle_of(u: &[f64], v: &[f64]) -> Bounded {
    let unit = |w: &[f64]| -> Vec<DoubleDouble> {
        let largest = w.iter().fold(0.0, |s: f64, x| if x.abs() > s { x.abs() } else { s });
        let scale = power_of_two_near(largest);
        let scaled: Vec<f64> = w.iter().map(|x| x / scale).collect();
        let length = DoubleDouble::dot(&scaled, &scaled).sqrt();
        scaled.iter().map(|x| DoubleDouble::from(*x) / length).collect()
    };
    let (mut minus, mut plus) = (DoubleDouble::ZERO, DoubleDouble::ZERO);
    for (x, y) in unit(u).into_iter().zip(unit(v)) {
        minus = minus + (x - y) * (x - y);
        plus = plus + (x + y) * (x + y);
    }
    let (minus, plus) = (minus.to_f64(), plus.to_f64());
    let (near, far) = if minus <= plus { (minus, plus) } else { (plus, minus) };
    let value = 2.0 * near.sqrt().atan2(far.sqrt());
    // Each direction is off by the roundings of its length and one division.
    let eighths = u.len().div_ceil(8) as f64 + 1.0;
    let of_directions = (eighths * eighths + 42.0) * DoubleDouble::UNIT;
    Bounded { value, error: of_directions + 4.0 * f64::EPSILON * value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnormal_and_huge_vectors_have_unit_directions() {
        for scale in [f64::from_bits(3), 1e-310, 1e-160, 1.0, 1e160, 1e308] {
            let u = normalised(&[scale, -scale, 0.0]);
            let expected = std::f64::consts::FRAC_1_SQRT_2;
            assert!((u[0] - expected).abs() <= 4.0 * f64::EPSILON, "{scale:e}: {u:?}");
            assert!((u[1] + expected).abs() <= 4.0 * f64::EPSILON, "{scale:e}: {u:?}");
            let w = [scale, -scale, 0.0];
            let (length, [first, second]) = length_and_factors(&w);
            assert_eq!(length.to_bits(), norm(&w).to_bits());
            for (x, u) in w.iter().zip(&u) {
                assert!((x * first * second - u).abs() <= 4.0 * f64::EPSILON, "{scale:e}");
            }
        }
    }

    #[test]
    fn a_zero_vector_stays_zero() {
        assert_eq!(normalised(&[0.0, 0.0]), vec![0.0, 0.0]);
    }
}
