//! The population objective in closed form, and its average over samples: loss, gradients, Hessian, with error bounds.

#![expect(
    clippy::inline_always,
    reason = "kernels must be compiled for the instruction set of their caller"
)]

mod accuracy;
mod activation;
mod atoms;
mod biased;
mod biased_neuron;
mod coefficients;
mod error;
mod gram;
mod hessian;
mod kernel;
mod objective;
mod population;
mod powers;
mod reported;
mod roundoff;
mod route;
mod samples;
mod stop;
mod value;
mod weight_decay;
mod workspace;

pub use accuracy::Accuracy;
pub use activation::ActivationPopulation;
pub use biased::BiasedPopulation;
pub use error::PopulationError;
use gradiometer_hermite::double;
pub use gradiometer_hermite::{Bounded, Degrees};
pub use gram::{Factor, Gram};
pub use hessian::{DENSE_LIMIT, DenseHessian, Extremes, HessianOperator, Layers, Ritz};
pub use kernel::InstructionSet;
pub use objective::Objective;
pub use population::Population;
pub use reported::Reported;
pub use samples::{Batches, LabelFit, SampleRequest, Samples};
pub use stop::Stop;
pub use value::{Evaluation, EvaluationRoute, FastMethod, Gradient, Precision, Reached};
pub use weight_decay::WeightDecay;
pub use workspace::Workspace;
