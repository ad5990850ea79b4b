//! What the tests that cross crates share: the three kinds of tolerance, and readers of the source tree.

pub mod source;
pub mod tolerance;
