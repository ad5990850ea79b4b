//! The buffers of evaluations.

use crate::route::pairs;
use crate::samples::buffers::SampleBuffers;
use crate::stop::Stop;

/// Buffers that evaluations share; they grow to the largest student seen. They hold nothing that an
/// evaluation depends on but a flag that ends it.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    pub(crate) pairs: pairs::Buffers,
    pub(crate) samples: SampleBuffers,
    pub(crate) stop: Stop,
}

impl Workspace {
    /// Empty ones.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empty ones, whose accurate evaluations end once the flag is raised: their errors are then
    /// infinite.
    pub fn stopping_at(stop: &Stop) -> Self {
        Self { stop: stop.clone(), ..Self::default() }
    }
}
