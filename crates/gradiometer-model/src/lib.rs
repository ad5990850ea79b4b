//! What a teacher and a student are: validated networks, teachers, angles, matchings.

pub mod error;
pub mod geometry;
pub mod matching;
pub mod network;
pub mod recovery;
pub mod teacher;

pub use error::ModelError;
pub use matching::Matching;
pub use network::{Network, Skip};
pub use recovery::{Clusters, Learned, Recovery};
pub use teacher::{SeparatedTeacher, Separation, Teacher};
