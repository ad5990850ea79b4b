//! The buffers of evaluations.

use crate::route::pairs;
use crate::samples::buffers::SampleBuffers;

/// Buffers that evaluations share; they grow to the largest student seen. They hold nothing that an
/// evaluation depends on.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    pub(crate) pairs: pairs::Buffers,
    pub(crate) samples: SampleBuffers,
}

impl Workspace {
    /// Empty ones.
    pub fn new() -> Self {
        Self::default()
    }
}
