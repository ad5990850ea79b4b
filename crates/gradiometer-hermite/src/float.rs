//! Comparisons of floats that let NaN through instead of dropping it.

/// The larger of two numbers; NaN if either is NaN.
///
/// # Examples
/// ```
/// use gradiometer_hermite::float::maximum;
/// assert_eq!(maximum(1.0, 2.0), 2.0);
/// assert!(maximum(1.0, f64::NAN).is_nan());
/// ```
#[inline]
pub const fn maximum(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

/// The smaller of two numbers; NaN if either is NaN.
///
/// # Examples
/// ```
/// use gradiometer_hermite::float::minimum;
/// assert_eq!(minimum(1.0, 2.0), 1.0);
/// assert!(minimum(f64::NAN, 1.0).is_nan());
/// ```
#[inline]
pub const fn minimum(a: f64, b: f64) -> f64 {
    if a < b || a.is_nan() { a } else { b }
}

/// The largest of the numbers, negative infinity if there are none; NaN if any is NaN.
pub fn maximum_of(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::NEG_INFINITY, maximum)
}

/// The smallest of the numbers, infinity if there are none; NaN if any is NaN.
pub fn minimum_of(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, minimum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_survives_on_either_side_and_in_the_middle() {
        for f in [maximum, minimum] {
            assert!(f(f64::NAN, 1.0).is_nan());
            assert!(f(1.0, f64::NAN).is_nan());
        }
        assert!(maximum_of([1.0, f64::NAN, 2.0]).is_nan());
        assert!(minimum_of([1.0, f64::NAN, 0.0]).is_nan());
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "a choice between two floats is exact")]
    fn the_extremes_are_found() {
        assert_eq!(maximum_of([1.0, 3.0, 2.0]), 3.0);
        assert_eq!(minimum_of([2.0, 1.0, 3.0]), 1.0);
    }
}
