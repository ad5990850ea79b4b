//! Algorithm 1 and its variants on an objective: stages, trajectories, stopping rules.

mod algorithm;
mod error;
mod floor;
mod flow;
mod largest_step;
mod mirrored_student;
mod optimizer;
mod phase;
mod record;
mod regularised;
mod trainer;

pub use algorithm::{Algorithm, Solver, Stage1, Stage2, Stage3};
pub use error::TrainError;
pub use floor::{FloorEnding, Floors, StationaryPoint};
pub use flow::Flow;
pub use largest_step::StepSize;
pub use optimizer::{LayerMoments, Moments, Optimizer};
pub use phase::Phase;
pub use record::{DEFAULT_ANGLES, LOSS_ACCURACY, Record};
pub use trainer::{Advance, State, Trainer};
