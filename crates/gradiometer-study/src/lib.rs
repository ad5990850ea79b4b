//! Seeded experiments and everything that touches files: networks, points, run folders.

pub mod analysis;
pub mod certificate_file;
mod checkpoint;
pub mod cover_file;
pub mod error;
pub mod experiment;
mod file;
mod half;
mod json_path;
pub mod network_file;
pub mod npy;
mod npz_file;
pub mod points_file;
pub mod report;
mod rows;
pub mod run;
mod safetensors_file;
pub mod snapshots;
pub mod study;
pub mod sweep;
mod text_file;
pub mod verify;
pub mod watch;

pub use certificate_file::{read_certificate, write_certificate};
pub use cover_file::{ClaimedCover, read_cover, write_cover};
pub use error::{Class, StudyError};
pub use file::write_atomically;
pub use network_file::{Format, TensorNames, read_network, read_teacher, write_network};
pub use npz_file::{SampleArrays, read_samples};
pub use points_file::{Points, read_points};
pub use report::{ReportOptions, write_report};
