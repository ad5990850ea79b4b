//! Mechanisms of the literature on the theory's teachers (theory section 11): one module a paper,
//! whose functions are a prediction beside a measurement, with a control that must fail.

#![forbid(unsafe_code)]

pub mod abbe2022;
pub mod abbe2023;
pub mod activation;
pub mod arnaboldi2023;
pub mod arnaboldi2024;
pub mod aubin2018;
pub mod ba2022;
pub mod beaglehole2024;
pub mod ben_arous2021;
pub mod cui2024;
pub mod damian2022;
pub mod damian2024;
pub mod dandi2023;
pub mod dandi2024;
#[cfg(test)]
mod descent;
mod double;
pub mod error;
pub mod exponents;
pub mod floor;
mod layers;
mod linear_algebra;
pub mod matrix;
pub mod moments;
pub mod moniri2024;
pub mod normal;
pub mod numerics;
pub mod order_parameters;
pub mod pair;
pub mod plan;
pub mod radhakrishnan;
pub mod relu_order_parameters;
pub mod ridge;
pub mod sample;
pub mod statements;
pub mod step;
pub mod target;

pub use activation::BiasedActivation;
pub use error::MechanismError;
pub use pair::Outcome;
pub use statements::statements;
pub use target::PolynomialTarget;
