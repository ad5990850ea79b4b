//! What can be wrong with a certificate before any inequality is looked at.

use std::fmt;

/// Why a certificate was refused unread, or could not be compared with a teacher.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum CertifyError {
    /// The format's version is another.
    Version {
        /// The version that is read.
        expected: u32,
        /// The version found.
        found: u32,
    },
    /// The first degree of a plain kernel is not an even number from 2 on.
    Degree {
        /// The degree given.
        degree: usize,
        /// The largest degree supported.
        largest: usize,
    },
    /// A degree weight is negative or not finite, or the tail weight is not positive.
    Weight {
        /// The degree (the first of the tail for the tail weight).
        degree: usize,
        /// The weight given.
        weight: f64,
    },
    /// A number of the certificate is not finite, or not positive where it must be.
    Number {
        /// The field.
        field: &'static str,
        /// The value given.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
    /// The lists of coefficients do not fit each other or the teacher.
    Length {
        /// The field.
        field: &'static str,
        /// The length expected.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// The interpolation system could not be solved with a proof: it is too ill conditioned for double precision.
    Interpolation {
        /// Number of teacher neurons.
        neurons: usize,
        /// The norm of the iteration matrix.
        contraction: f64,
    },
}

impl fmt::Display for CertifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { expected, found } => write!(
                f,
                "certificate format version {found}; this checker reads version {expected}"
            ),
            Self::Degree { degree, largest } => {
                write!(f, "degree {degree} is not even, at least 2 and at most {largest}")
            }
            Self::Weight { degree, weight } => write!(
                f,
                "the weight of degree {degree} is {weight}; weights are finite, >= 0, and > 0 in the tail"
            ),
            Self::Number { field, value, must } => {
                write!(f, "{field} is {value}; it must be {must}")
            }
            Self::Length { field, expected, found } => {
                write!(f, "{field} has length {found}, expected {expected}")
            }
            Self::Interpolation { neurons, contraction } => write!(
                f,
                "the interpolation system of {neurons} neurons could not be enclosed (contraction {contraction}, needed < 1); \
         the teacher's directions are too close for this kernel"
            ),
        }
    }
}

impl std::error::Error for CertifyError {}
