//! Everything that touches the disk: networks, points, samples, certificates, covers, tables, atomic writes.

pub mod certificate_file;
pub mod cover_file;
pub mod error;
pub mod file;
mod half;
mod json_path;
pub mod lock;
pub mod network_file;
pub mod npy;
pub mod npz_file;
mod parts;
pub mod points_file;
pub mod rows;
pub mod safetensors_file;
pub mod text_file;

pub use certificate_file::{read_certificate, write_certificate};
pub use cover_file::{ClaimedCover, read_cover, write_cover};
pub use error::{Class, FilesError};
pub use file::write_atomically;
pub use lock::{HeldFolder, Holder};
pub use network_file::{Format, read_network, read_teacher, write_network};
pub use npz_file::{SampleArrays, read_samples};
pub use parts::TensorNames;
pub use points_file::{Points, read_points};
pub use text_file::{null_is_nan, nulls_are_nan, number};
