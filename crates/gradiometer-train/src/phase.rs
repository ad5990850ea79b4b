//! The phases of a run.

use std::fmt;

/// A stage of Algorithm 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The large step on the first layer.
    Stage1,
    /// The fit of the second layer.
    Stage2,
    /// Norm balancing.
    Balance,
    /// Descent on both layers, in the given epoch.
    Stage3 {
        /// Index `k` of the epoch, from 0.
        epoch: u64,
    },
    /// Newton's method to the minimiser of the given epoch's objective.
    Floor {
        /// Index `k` of the epoch, from 0.
        epoch: u64,
    },
    /// Nothing is left to do.
    Finished,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage1 => write!(f, "stage 1"),
            Self::Stage2 => write!(f, "stage 2"),
            Self::Balance => write!(f, "balancing"),
            Self::Stage3 { epoch } => write!(f, "stage 3, epoch {epoch}"),
            Self::Floor { epoch } => write!(f, "the floor of epoch {epoch}"),
            Self::Finished => write!(f, "the end"),
        }
    }
}
