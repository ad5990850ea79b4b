//! Finders: separation, covering radii, dual certificates, the regularised optimum, descent directions.

pub mod certificate;
pub mod descent;
pub mod error;
mod hull;
pub mod instance;
pub mod measure;
pub mod net;
pub mod optimum;
pub mod point;
pub mod residual;
pub mod rho;
pub mod separation;
pub mod test_function;

pub use error::LandscapeError;
