//! Checkpoints that only Python can read: they are named, with the line that converts them.

use crate::error::FilesError;
use std::path::Path;

/// The endings of files that `torch.save` writes.
const TORCH: [&str; 6] = ["pt", "pth", "ckpt", "bin", "pkl", "pickle"];
/// The endings of files that Keras writes.
const KERAS: [&str; 3] = ["h5", "hdf5", "keras"];
/// A file in the archive of `torch.save`.
pub(crate) const TORCH_ENTRY: &str = "data.pkl";

/// The error for a file whose name says that only Python can read it.
pub(crate) fn by_name(path: &Path) -> Option<FilesError> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    if TORCH.contains(&ending.as_str()) {
        return Some(torch(path));
    }
    KERAS.contains(&ending.as_str()).then(|| keras(path))
}

/// The error for bytes that begin like a file that only Python can read, whatever its name.
pub(crate) fn of_python(path: &Path, bytes: &[u8]) -> Option<FilesError> {
    match bytes {
        // An archive, or a pickle of protocol 2 and later.
        [b'P', b'K', ..] | [0x80, ..] => Some(torch(path)),
        [0x89, b'H', b'D', b'F', ..] => Some(keras(path)),
        _ => None,
    }
}

/// The error for a checkpoint of PyTorch.
pub(crate) fn torch(path: &Path) -> FilesError {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    // A file that was only renamed must not be converted onto itself.
    let target = if name.ends_with(".safetensors") { "-converted" } else { "" };
    FilesError::PythonCheckpoint {
        path: path.to_owned(),
        kind: "a checkpoint of PyTorch",
        line: format!(
            "python3 -c \"import torch; from safetensors.torch import save_file; \
             c = torch.load('{name}', map_location='cpu', weights_only=True); \
             save_file({{k: v.contiguous() for k, v in c.get('state_dict', c).items()}}, \
             '{stem}{target}.safetensors')\""
        ),
    }
}

fn keras(path: &Path) -> FilesError {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    FilesError::PythonCheckpoint {
        path: path.to_owned(),
        kind: "a model of Keras",
        line: format!(
            "python3 -c \"import keras, numpy; m = keras.models.load_model('{name}'); \
             numpy.savez('{stem}.npz', **{{v.path: v.numpy() for v in m.weights}})\" \
             and read {stem}.npz with --layout flax"
        ),
    }
}
