//! Everything that touches the disk: networks, points, samples, certificates, covers, tables, atomic writes.

pub mod certificate_file;
mod checkpoint;
pub mod cover_file;
pub mod digits;
pub mod error;
pub mod file;
mod half;
mod json_path;
pub mod lock;
pub mod network_file;
pub mod npy;
pub mod npz_file;
mod numbers;
mod parts;
pub mod points_file;
pub mod rows;
pub mod safetensors_file;
mod tensors;
pub mod text_file;

pub use certificate_file::{
    NamedTeacher, may_write_certificate, read_certificate, read_certificate_of,
    read_named_certificate, write_certificate,
};
pub use cover_file::{ClaimedCover, may_write_cover, read_cover, write_cover};
pub use error::{Class, FilesError};
pub use file::write_atomically;
pub use lock::{HeldFolder, Holder};
pub use network_file::{
    Format, read_folded_network, read_network, read_network_as, read_teacher, teacher,
    write_folded_network, write_network,
};
pub use npz_file::{SampleArrays, read_samples};
pub use parts::{Layout, TensorNames, biases_of};
pub use points_file::{PointFormat, Points, read_points, read_points_as};
pub use tensors::Reading;
pub use text_file::{null_is_nan, nulls_are_nan, number};
