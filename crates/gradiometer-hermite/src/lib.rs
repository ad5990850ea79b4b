//! Hermite expansions, Gauss-Hermite rules, activations and their kernels, verified enclosures.

pub mod activation;
pub mod angle;
pub mod bounded;
pub mod double;
pub mod enclosure;
pub mod error;
pub mod exponent;
pub mod float;
pub mod kernel;
pub mod named;
pub mod normal;
pub mod polynomial;
pub mod quadrature;
pub mod relu;
pub mod series;
pub mod smooth;

pub use activation::Activation;
pub use angle::Angle;
pub use bounded::Bounded;
pub use double::DoubleDouble;
pub use enclosure::Enclosure;
pub use error::HermiteError;
pub use kernel::Degrees;
pub use series::HermiteSeries;
pub use smooth::Smooth;
