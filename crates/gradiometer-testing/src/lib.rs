//! What every crate's tests share: the three kinds of tolerance that an assertion may have, and the
//! comparisons that take one.
//!
//! A comparison takes a [`Tolerance`] and not a number. Whoever compares has to say which kind of
//! error is meant and how large it may be.
//!
//! # Examples
//! ```
//! use gradiometer_testing::{Tolerance::Exact, at_most, close, rounding};
//! close(0.1 + 0.2, 0.3, rounding(1, 0.3)); // one addition of numbers up to 0.3
//! close(0.5 + 0.25, 0.75, Exact);
//! at_most(0.75, 0.75, Exact);
//! ```

#![forbid(unsafe_code)]
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
/// The standard error is measured on the same samples, and for near-normal samples is itself
/// uncertain by a relative `1/sqrt(2 (n - 1))`. The bound leaves `z` of these too: `z
/// standard_error (1 + z/sqrt(2 (n - 1)))`.
///
/// # Panics
/// If `n < 2`: one sample shows no standard error.
pub fn sampling(n: usize, standard_error: f64, z: f64) -> Tolerance {
    assert!(n >= 2, "{n} sample(s) have no standard error");
    Tolerance::Sampling { samples: n, standard_error, z }
}

impl Tolerance {
    /// The largest difference that is let through. Not a number, or negative, if a part is: then
    /// nothing is let through.
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
/// If they are further apart; the message has both sides, their difference and ratio, and the
/// tolerance.
#[track_caller]
pub fn close(left: f64, right: f64, tolerance: Tolerance) {
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
/// If the left side is larger; the message has both sides, their difference and ratio, and the
/// tolerance.
#[track_caller]
pub fn at_most(left: f64, right: f64, tolerance: Tolerance) {
    let excess = left - right;
    assert!(
        excess <= tolerance.bound(),
        "not at most:\n  left  {left:e}\n  right {right:e}\n  excess {excess:e}, ratio {}\n  allowed {tolerance}",
        left / right
    );
}

/// A seeded stream of words (SplitMix64) for tests below every random-number crate.
#[derive(Clone, Debug)]
pub struct Words(u64);

impl Words {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// Whether the long forms of tests were asked for: the environment variable `RUN_SLOW_TESTS` is
/// set.
pub fn runs_slow_tests() -> bool {
    std::env::var_os("RUN_SLOW_TESTS").is_some()
}

/// The seeds `0..few`, or `0..all` where the long forms of tests were asked for.
pub fn seeds(few: u64, all: u64) -> std::ops::Range<u64> {
    0..if runs_slow_tests() { all } else { few }
}

#[cfg(test)]
mod tests;
