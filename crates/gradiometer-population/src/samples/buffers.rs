//! The buffers of averages over samples.

use super::data::Order;
use super::sums::Task;
use super::{general, relu};

/// The buffers of one average after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct SampleBuffers {
    pub(super) relu: relu::Buffers,
    pub(super) general: Vec<Task<general::Collected>>,
    pub(super) order: Order,
}
