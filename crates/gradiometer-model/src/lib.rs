//! What a teacher and a student are: validated networks, the complexity of a teacher, seeded generators.

pub mod complexity;
pub mod error;
pub mod generate;
pub mod geometry;
pub mod matching;
pub mod network;
pub mod teacher;

pub use complexity::{Complexity, FeatureSubspace};
pub use error::ModelError;
pub use matching::Matching;
pub use network::{Network, Skip};
pub use teacher::{SeparatedTeacher, Separation, Teacher};
