//! Ending a long computation from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that somebody raises to end the long computations that look at it: an interrupt, a
/// deadline, a closed window. Clones are one flag; it stays raised.
///
/// What a stopped computation had found by then is never passed on as a result.
///
/// # Examples
/// ```
/// use gradiometer_model::{Network, Teacher};
/// use gradiometer_population::{
///     Accuracy, Objective, Population, PopulationError, Stop, Workspace,
/// };
/// let network = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
/// let population = Population::new(Teacher::new(network.clone()).unwrap());
/// let stop = Stop::new();
/// let mut workspace = Workspace::stopping_at(&stop);
/// stop.raise();
/// let found = population.evaluate_in(&network, Accuracy::finest(1e-10), &mut workspace);
/// assert_eq!(found, Err(PopulationError::Stopped));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises it.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_and_its_copies_are_raised_together() {
        let stop = Stop::new();
        let copy = stop.clone();
        assert!(!stop.is_raised() && !copy.is_raised());
        copy.raise();
        assert!(stop.is_raised() && copy.is_raised() && !Stop::new().is_raised());
    }
}
