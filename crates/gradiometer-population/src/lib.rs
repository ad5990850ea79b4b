//! The population objective in closed form, and its average over samples: loss, gradients, Hessian, with error bounds.

#![expect(
    clippy::inline_always,
    reason = "kernels must be compiled for the instruction set of their caller"
)]

mod accurate;
mod activation;
mod block;
mod double;
mod error;
mod fast;
mod gram;
mod hessian;
mod kernel;
mod objective;
mod planar;
mod roundoff;
mod samples;
mod span;
mod tournament;
mod tree;
mod value;

pub use activation::ActivationPopulation;
pub use error::PopulationError;
pub use fast::Workspace;
pub use gram::{Factor, Gram};
pub use hessian::{DENSE_LIMIT, DenseHessian, Extremes, HessianOperator, Layers, Ritz};
pub use kernel::InstructionSet;
pub use objective::{FromDegree, Objective, Population, WeightDecay};
pub use samples::{ActivationEmpirical, Batches, Empirical, LabelFit, SampleRequest};
pub use value::{Bounded, Evaluation, Gradient, Path, Precision, Way};
