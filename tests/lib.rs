//! What the tests that cross crates share: readers of the source tree.

pub mod source;
