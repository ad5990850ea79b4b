//! What can be wrong with a certificate before any inequality is looked at.

/// Why a certificate was refused unread, or could not be compared with a teacher.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CertifyError {
    /// The format's version is another.
    #[error("certificate format version {found}; this checker reads version {expected}")]
    Version {
        /// The version that is read.
        expected: u32,
        /// The version found.
        found: u32,
    },
    /// The first degree of a plain kernel is not an even number from 2 on.
    #[error("degree {degree} is not even, at least 2 and at most {largest}")]
    Degree {
        /// The degree given.
        degree: usize,
        /// The largest degree supported.
        largest: usize,
    },
    /// A degree weight is negative or not finite, or the tail weight is not positive.
    #[error(
        "the weight of degree {degree} is {weight}; weights are finite, >= 0, and > 0 in the tail"
    )]
    Weight {
        /// The degree (the first of the tail for the tail weight).
        degree: usize,
        /// The weight given.
        weight: f64,
    },
    /// A number of the certificate is not finite, or not positive where it must be.
    #[error("{field} is {value}; it must be {must}")]
    Number {
        /// The field.
        field: &'static str,
        /// The value given.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
    /// The lists of coefficients do not fit each other or the teacher.
    #[error("{field} has length {found}, expected {expected}")]
    Length {
        /// The field.
        field: &'static str,
        /// The length expected.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// The interpolation system could not be solved with a proof: it is too ill conditioned for double precision.
    #[error(
        "the interpolation system of {neurons} neurons could not be enclosed (contraction {contraction}, needed < 1); \
         the teacher's directions are too close for this kernel"
    )]
    Interpolation {
        /// Number of teacher neurons.
        neurons: usize,
        /// The norm of the iteration matrix.
        contraction: f64,
    },
}
