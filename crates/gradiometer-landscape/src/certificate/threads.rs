//! Spreads a check over threads.

use gradiometer_certify::{OpenBox, Progress, Runner, bound_in_turn};
use std::fmt;
use std::ops::ControlFlow;

/// Boxes that are worth a thread.
const WORTH_A_THREAD: usize = 64;

/// A runner that bounds boxes on several threads and shows the progress to a callback, which may end the check. Verdict and
/// counts do not depend on the number of threads.
pub struct Threads<'a> {
    count: usize,
    progress: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
}

impl<'a> Threads<'a> {
    /// At most `count` threads, at least one.
    pub fn new(count: usize, progress: &'a mut dyn FnMut(Progress) -> ControlFlow<()>) -> Self {
        Self { count, progress }
    }
}

impl fmt::Debug for Threads<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Runner for Threads<'_> {
    fn bound(&mut self, boxes: &mut [OpenBox<'_>]) {
        let threads = self.count.clamp(1, boxes.len().div_ceil(WORTH_A_THREAD).max(1));
        if threads == 1 {
            return bound_in_turn(boxes);
        }
        let part = boxes.len().div_ceil(threads);
        std::thread::scope(|scope| {
            let parts: Vec<_> = boxes
                .chunks_mut(part)
                .map(|part| scope.spawn(move || bound_in_turn(part)))
                .collect();
            for thread in parts {
                // A thread that died leaves its boxes undecided: they are split, never accepted.
                let _died = thread.join();
            }
        });
    }

    fn proceed(&mut self, progress: Progress) -> ControlFlow<()> {
        (self.progress)(progress)
    }
}
