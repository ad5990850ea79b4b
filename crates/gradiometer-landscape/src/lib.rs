//! Finders: separation, covering radii, dual certificates, the regularised optimum, both sides of every lemma.

pub mod certificate;
pub mod descent;
pub mod error;
mod hull;
pub mod instance;
pub mod lemmas;
pub mod net;
pub mod optimum;
pub mod residual;
pub mod separation;

pub use error::LandscapeError;
