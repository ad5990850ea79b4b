//! Instances to check claims on: the complexity of a teacher, seeded generators, recipes of random instances.

pub mod complexity;
pub mod generate;
mod moved;
mod recipe;
mod spectrum;

pub use complexity::{Complexity, FeatureSubspace};
pub use recipe::{Directions, Instance, Place, Recipe};
