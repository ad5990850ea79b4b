//! The three kinds of tolerance that an assertion may have, and the comparisons that take one.
//!
//! A comparison takes a [`Tolerance`], not a number, so that a literal cannot slip in: whoever compares has to say which
//! kind of error is meant and how large it may be.

use std::fmt;

/// How far two numbers may be apart, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// Not at all: the numbers are equal as reals (so `0.0` equals `-0.0`, and NaN equals nothing).
    Exact,
    /// Rounding: `operations` machine epsilons of `scale`.
    Rounding {
        /// Number of rounding errors that can add up.
        operations: usize,
        /// Magnitude of the largest term that is rounded.
        scale: f64,
    },
    /// Sampling: a multiple of the standard error that the sample itself shows.
    Sampling {
        /// Sample size.
        samples: usize,
        /// Standard error of the mean, estimated from those samples.
        standard_error: f64,
        /// Number of standard errors.
        z: f64,
    },
}

/// `n` rounding errors in terms of magnitude `scale`: a bound of `n EPSILON scale`.
pub const fn rounding(n: usize, scale: f64) -> Tolerance {
    Tolerance::Rounding { operations: n, scale }
}

/// `z` standard errors of a mean of `n` samples.
///
/// The standard error is measured on the same samples, and for near-normal samples is itself uncertain by a relative
/// `1/sqrt(2 (n - 1))`. The bound leaves `z` of these too: `z standard_error (1 + z/sqrt(2 (n - 1)))`.
///
/// # Panics
/// If `n < 2`: one sample shows no standard error.
pub fn sampling(n: usize, standard_error: f64, z: f64) -> Tolerance {
    assert!(n >= 2, "{n} sample(s) have no standard error");
    Tolerance::Sampling { samples: n, standard_error, z }
}

impl Tolerance {
    /// The largest difference that is let through. Not a number, or negative, if a part is: then nothing is let through.
    pub fn bound(self) -> f64 {
        match self {
            Self::Exact => 0.0,
            Self::Rounding { operations, scale } => operations as f64 * f64::EPSILON * scale,
            Self::Sampling { samples, standard_error, z } => {
                z * standard_error * (1.0 + z / (2.0 * (samples as f64 - 1.0)).sqrt())
            }
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = self.bound();
        match self {
            Self::Exact => write!(f, "exact"),
            Self::Rounding { operations, scale } => {
                write!(f, "{operations} roundings of {scale:e}, {bound:e}")
            }
            Self::Sampling { samples, standard_error, z } => {
                write!(
                    f,
                    "{z} standard errors of {standard_error:e} from {samples} samples, {bound:e}"
                )
            }
        }
    }
}

/// Requires `|left - right| <= tolerance`. NaN on any side fails; infinities are close to nothing.
///
/// # Panics
/// If they are further apart; the message has both sides, their difference and ratio, and the tolerance.
#[track_caller]
pub fn check_close(left: f64, right: f64, tolerance: Tolerance) {
    let apart = (left - right).abs();
    assert!(
        apart <= tolerance.bound(),
        "not close:\n  left  {left:e}\n  right {right:e}\n  apart {apart:e}, ratio {}\n  allowed {tolerance}",
        left / right
    );
}

/// Requires `left <= right + tolerance`. NaN on any side fails.
///
/// # Panics
/// If the left side is larger; the message has both sides, their difference and ratio, and the tolerance.
#[track_caller]
pub fn check_at_most(left: f64, right: f64, tolerance: Tolerance) {
    let excess = left - right;
    assert!(
        excess <= tolerance.bound(),
        "not at most:\n  left  {left:e}\n  right {right:e}\n  excess {excess:e}, ratio {}\n  allowed {tolerance}",
        left / right
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use Tolerance::Exact;

    fn refused(check: impl FnOnce() + std::panic::UnwindSafe) -> bool {
        std::panic::catch_unwind(check).is_err()
    }

    #[test]
    fn a_bound_is_its_formula() {
        check_close(Exact.bound(), 0.0, Exact);
        check_close(rounding(8, 4.0).bound(), f64::powi(2.0, -47), Exact);
        // 1 + 3/sqrt(2 * 2) = 5/2.
        check_close(sampling(3, 0.5, 3.0).bound(), 3.75, Exact);
    }

    #[test]
    fn one_rounding_is_close_and_exactness_is_not_rounding() {
        let next = 1.0_f64.next_up();
        check_close(1.0, next, rounding(1, 1.0));
        check_close(0.0, -0.0, Exact);
        assert!(refused(|| check_close(1.0, next, Exact)));
        assert!(refused(|| check_close(1.0, next.next_up(), rounding(1, 1.0))));
    }

    #[test]
    fn an_inequality_has_one_side() {
        check_at_most(-5.0, 1.0, Exact);
        check_at_most(1.0_f64.next_up(), 1.0, rounding(1, 1.0));
        assert!(refused(|| check_at_most(1.0_f64.next_up(), 1.0, Exact)));
        assert!(refused(|| check_at_most(1.0, -5.0, rounding(1, 1.0))));
    }

    #[test]
    fn not_a_number_is_close_to_nothing() {
        for (left, right, tolerance) in [
            (f64::NAN, 1.0, rounding(1, f64::INFINITY)),
            (1.0, f64::NAN, rounding(1, f64::INFINITY)),
            (f64::NAN, f64::NAN, Exact),
            (f64::INFINITY, f64::INFINITY, Exact),
            (1.0, 1.0, rounding(1, f64::NAN)),
            (1.0, 1.0, sampling(10, f64::NAN, 3.0)),
            (1.0, 1.0, rounding(1, -1.0)),
        ] {
            assert!(refused(|| check_close(left, right, tolerance)), "{left} {right} {tolerance}");
        }
        assert!(refused(|| check_at_most(f64::NAN, 1.0, rounding(1, 1.0))));
        assert!(refused(|| check_at_most(1.0, 2.0, rounding(1, f64::NAN))));
    }

    #[test]
    fn a_sample_of_one_is_refused() {
        assert!(refused(|| {
            let _tolerance = sampling(1, 1.0, 3.0);
        }));
    }

    #[test]
    #[should_panic(expected = "left  1e0\n  right 2e0\n  apart 1e0, ratio 0.5")]
    fn a_failure_shows_both_sides() {
        check_close(1.0, 2.0, rounding(1, 1.0));
    }
}
