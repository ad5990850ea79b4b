//! Algorithm 1 and its variants on an objective: stages, trajectories, stopping rules.

mod algorithm;
mod error;
mod floor;
mod flow;
mod half;
mod optimizer;
mod record;
mod regularised;
mod trainer;

pub use algorithm::{Algorithm, Solver, Stage1, Stage2, Stage3};
pub use error::TrainError;
pub use floor::{Floor, FloorEnding, Floors};
pub use flow::Flow;
pub use optimizer::{LayerMoments, Moments, Optimizer};
pub use record::{DEFAULT_ANGLES, LOSS_ACCURACY, Record};
pub use trainer::{Advance, Phase, State, Trainer, balance};
