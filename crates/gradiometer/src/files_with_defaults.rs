//! Networks from files with the usual names of their tensors.

use crate::Error;
use gradiometer_files::TensorNames;
use gradiometer_model::{Network, SeparatedTeacher};
use std::path::Path;

/// The network that a file holds: `.json`, `.toml`, `.safetensors` or `.npz`. Tensors of other
/// names take [`gradiometer_files::read_network`].
///
/// # Errors
/// [`Error::Files`] that names the file, the field and the mend.
pub fn read_network(path: impl AsRef<Path>) -> Result<Network, Error> {
    Ok(gradiometer_files::read_network(path.as_ref(), &TensorNames::default())?)
}

/// The teacher that a file holds, no two of its neurons parallel.
///
/// # Errors
/// As for [`read_network`], and [`Error::Model`] for two parallel neurons.
pub fn read_teacher(path: impl AsRef<Path>) -> Result<SeparatedTeacher, Error> {
    let path = path.as_ref();
    Ok(gradiometer_files::read_teacher(path, &TensorNames::default())?.separated()?)
}
