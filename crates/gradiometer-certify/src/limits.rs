//! How much a check may do, and who does it.

use std::ops::ControlFlow;

use crate::boxes::{OpenBox, bound_in_turn};

/// How much the checker may do. No limit can turn into a wrong answer, only into an inconclusive one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Boxes to bound in all.
    pub boxes: u64,
    /// Boxes to hold at once, some hundred bytes each.
    pub open_boxes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { boxes: 200_000_000, open_boxes: 4_000_000 }
    }
}

/// How far the search is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Boxes bounded so far.
    pub boxes: u64,
    /// Boxes waiting.
    pub open_boxes: usize,
}

/// Who carries out a check: how a round of boxes is spread over threads, and who looks on. The checker itself has no threads.
///
/// A runner cannot make a proof. An [`OpenBox`] that it does not bound, in whatever order and for whatever reason, is
/// undecided and is split; so no conclusion depends on the runner, but how long it takes.
pub trait Runner {
    /// Bounds the boxes of a round, some thousands at most.
    fn bound(&mut self, boxes: &mut [OpenBox<'_>]) {
        bound_in_turn(boxes);
    }

    /// Looks at the progress after a round, and may end the check without a conclusion.
    fn proceed(&mut self, progress: Progress) -> ControlFlow<()> {
        let _ = progress;
        ControlFlow::Continue(())
    }
}

/// The runner that bounds one box after the other and looks at nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct InTurn;

impl Runner for InTurn {}
