//! Certificates and the independent checker that proves or refutes them.
//!
//! The checker is what a reader has to believe. It trusts nobody: given a teacher and a [`Certificate`], [`check_certificate`]
//! recomputes every number in outward-rounded arithmetic ([`gradiometer_hermite::Enclosure`]) and ends in a [`Verdict`] with
//! three values; a covering radius is checked in the same way by [`net::check_net`]. It shares nothing with the
//! finders, draws no random numbers, reads no files and starts no threads: a [`Runner`] may spread its work.
//!
//! ```
//! use gradiometer_certify::{Certificate, DegreeWeights, InTurn, Interpolant, Limits, check_certificate};
//! use gradiometer_model::{Network, Teacher};
//!
//! // Two orthogonal neurons of opposite signs in the plane, the kernel of all degrees from 4 on.
//! let network = Network::from_rows(vec![1.0, -1.0], &[vec![1.0, 0.0], vec![0.0, 1.0]]).unwrap();
//! let teacher = Teacher::new(network).unwrap();
//! let weights = DegreeWeights::from_degree(4).unwrap();
//! let eta = Interpolant::certificate(&teacher, &weights).unwrap();
//! let certificate = Certificate::from_interpolant(&eta, &weights, 0.3).unwrap();
//! let report = check_certificate(&certificate, &teacher, &Limits::default(), &mut InTurn).unwrap();
//! assert_eq!(report.verdict.proof().unwrap().rho(), 0.3);
//! ```

#![forbid(unsafe_code)]

mod average;
mod boxes;
mod cap;
pub mod certificate;
pub mod check;
pub mod error;
mod expansion;
mod frame;
pub mod interpolant;
mod interpolation;
mod kernel;
mod lagrange;
mod limits;
mod linear;
pub mod net;
mod optimum;
mod student;
mod verdict;

pub use average::{TestFunctionBound, test_function_bounds};
pub use boxes::{OpenBox, Scratch, bound_in_turn};
pub use certificate::{CERTIFICATE_VERSION, Certificate, CertificateParts};
pub use check::{
    CertificateVerdict, Method, Obstacle, Proof, Refutation, Report, check_certificate,
    check_certificate_by,
};
pub use error::CertifyError;
pub use interpolant::Interpolant;
pub use kernel::{DegreeWeights, relu_squares};
pub use limits::{InTurn, Limits, Progress, Runner};
pub use optimum::optimal_gain;
pub use student::EnclosedStudent;
pub use verdict::Verdict;
