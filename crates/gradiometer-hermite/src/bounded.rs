//! A computed number with a bound on its error.

/// A computed number and a bound on its error: the exact value lies within `error` of `value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounded {
    /// The computed number.
    pub value: f64,
    /// Bound, or where its maker says so an estimate, of its absolute error; NaN or infinite when
    /// nothing is known.
    pub error: f64,
}

impl Bounded {
    /// Whether the error is at most `relative` times the value; false for NaN.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::Bounded;
    /// assert!(Bounded { value: 1.0, error: 1e-12 }.within(1e-10));
    /// assert!(!Bounded { value: 1e-14, error: 1e-12 }.within(1e-10));
    /// assert!(!Bounded { value: f64::NAN, error: 0.0 }.within(1e-10));
    /// ```
    pub fn within(self, relative: f64) -> bool {
        self.error <= relative * self.value.abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_within_a_share_of_the_value() {
        let at = |value, error| Bounded { value, error };
        assert!(at(-4.0, 0.5).within(0.125) && !at(-4.0, 0.5).within(0.1249));
        assert!(at(0.0, 0.0).within(0.5) && !at(0.0, 0.1).within(0.5));
        assert!(!at(1.0, f64::NAN).within(0.5) && !at(1.0, f64::INFINITY).within(0.5));
    }
}
