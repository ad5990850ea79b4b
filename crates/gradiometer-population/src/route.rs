//! The routes of an evaluation. None knows who chose it.

pub(crate) mod accurate;
pub(crate) mod fast;
mod low_degrees;
pub(crate) mod pairs;
mod planar;
mod span;
mod tree;
