//! Networks in files: JSON, TOML, and named arrays as PyTorch, Flax and NumPy write them.

use crate::error::FilesError;
use crate::parts::TensorNames;
use crate::tensors::Reading;
use crate::{checkpoint, file, npz_file, safetensors_file, text_file};
use gradiometer_model::{ModelError, Network, Skip, Teacher};
use std::path::Path;

/// A format of network files, told by the name's ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `{"a": [...], "w": [[...], ...]}`, optional `b` (biases of the first layer), `alpha` and `beta`.
    Json,
    /// The same fields as TOML.
    Toml,
    /// `fc1.weight` (`m x d`), `fc2.weight` (`1 x m`), optional `fc2.bias` and `skip.weight`, or
    /// what [`TensorNames`] says.
    SafeTensors,
    /// Arrays `a` (`m`) and `w` (`m x d`), optional `alpha` and `beta`, or as in `.safetensors`.
    Npz,
}

impl Format {
    /// The format that a file's name ends with.
    ///
    /// # Errors
    /// [`FilesError::UnknownFormat`].
    ///
    /// # Examples
    /// ```
    /// use gradiometer_files::Format;
    /// assert_eq!(Format::of("teacher.NPZ".as_ref()).unwrap(), Format::Npz);
    /// assert!(Format::of("teacher.pt".as_ref()).is_err());
    /// ```
    pub fn of(path: &Path) -> Result<Self, FilesError> {
        if file::is_standard_input(path) {
            return Err(FilesError::FormatUnsaid);
        }
        if let Some(error) = checkpoint::by_name(path) {
            return Err(error);
        }
        let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        match ending.as_deref() {
            Some("json") => Ok(Self::Json),
            Some("toml") => Ok(Self::Toml),
            Some("safetensors") => Ok(Self::SafeTensors),
            Some("npz") => Ok(Self::Npz),
            _ => Err(FilesError::UnknownFormat {
                path: path.to_owned(),
                expected: ".json, .toml, .safetensors or .npz, or say --format",
            }),
        }
    }

    /// The format of a name: `json`, `toml`, `safetensors`, `npz`.
    pub fn named(name: &str) -> Option<Self> {
        Self::of(Path::new(&format!("_.{name}"))).ok()
    }
}

/// Reads a network from a file of any [`Format`]; the tensor names matter for files of named arrays
/// only, `.safetensors` and `.npz`.
///
/// 16- and 32-bit floats and whole numbers are widened, which is exact.
///
/// # Errors
/// [`FilesError`] that names the file, the field and the mend.
pub fn read_network(path: &Path, names: &TensorNames) -> Result<Network, FilesError> {
    read_network_as(path, None, names)?.without_biases(path)
}

/// As [`read_network`], in a format that the name need not say, with the biases of the first layer and with
/// what was guessed. The path `-` is standard input.
///
/// # Errors
/// As for [`read_network`].
pub fn read_network_as(
    path: &Path,
    format: Option<Format>,
    names: &TensorNames,
) -> Result<Reading, FilesError> {
    let format = format.map_or_else(|| Format::of(path), Ok)?;
    let bytes = file::read(path)?;
    match format {
        Format::Json => text_file::network_from_json(path, &bytes),
        Format::Toml => text_file::network_from_toml(path, &bytes),
        Format::SafeTensors => safetensors_file::decode(path, &bytes, names),
        Format::Npz => npz_file::decode(path, &bytes, names),
    }
}

/// Reads a teacher: a network without zero neurons, whose affine part is absent or zero.
///
/// # Errors
/// [`FilesError`] that names the file, the field and the mend.
pub fn read_teacher(path: &Path, names: &TensorNames) -> Result<Teacher, FilesError> {
    teacher(path, read_network(path, names)?)
}

/// A network that was read as a teacher; the path is for the message.
///
/// # Errors
/// [`FilesError::Model`], [`FilesError::AffineTeacher`].
pub fn teacher(path: &Path, mut network: Network) -> Result<Teacher, FilesError> {
    let zero =
        |skip: &Skip| std::iter::once(&skip.constant).chain(&skip.linear).all(|x| x.abs() <= 0.0);
    let wrap = |field: &str, source| FilesError::Model {
        path: path.to_owned(),
        field: field.to_owned(),
        source,
    };
    if network.skip().is_some_and(zero) {
        let layers = (network.second_layer().to_vec(), network.first_layer().to_vec());
        network = Network::new(network.dimension(), layers.0, layers.1)
            .map_err(|source| wrap("the network", source))?;
    }
    Teacher::new(network).map_err(|source| match source {
        ModelError::TeacherWithSkip => FilesError::AffineTeacher { path: path.to_owned() },
        ModelError::ZeroTeacherNeuron { neuron } => {
            wrap(&format!("a[{neuron}], w[{neuron}]"), source)
        }
        _ => wrap("the teacher", source),
    })
}

/// Writes a network to a file of any [`Format`], atomically; every 64-bit float comes back exactly.
///
/// # Errors
/// [`FilesError::Write`] or [`FilesError::UnknownFormat`].
pub fn write_network(
    path: &Path,
    network: &Network,
    names: &TensorNames,
) -> Result<(), FilesError> {
    write(path, network, None, names)
}

/// Writes a network on `(x, 1)` with the weights of the constant input as its biases.
///
/// # Errors
/// As for [`write_network`], and [`FilesError::Model`] for one on no other input.
pub fn write_folded_network(
    path: &Path,
    folded: &Network,
    names: &TensorNames,
) -> Result<(), FilesError> {
    let (network, biases) = split(path, folded)?;
    write(path, &network, Some(&biases), names)
}

/// Reads a network with or without biases as one on `(x, 1)` ([`Network::fold_biases`]).
///
/// # Errors
/// As for [`read_network`].
pub fn read_folded_network(path: &Path, names: &TensorNames) -> Result<Network, FilesError> {
    read_network_as(path, None, names)?.folded(path)
}

/// A network on `(x, 1)` and its biases; the path is for the message.
pub(crate) fn split(path: &Path, folded: &Network) -> Result<(Network, Vec<f64>), FilesError> {
    folded.split_biases().map_err(|source| FilesError::Model {
        path: path.to_owned(),
        field: "the network".to_owned(),
        source,
    })
}

fn write(
    path: &Path,
    network: &Network,
    biases: Option<&[f64]>,
    names: &TensorNames,
) -> Result<(), FilesError> {
    let bytes = match Format::of(path)? {
        Format::Json => text_file::network_to_json(network, biases).into_bytes(),
        Format::Toml => text_file::network_to_toml(network, biases).into_bytes(),
        Format::SafeTensors => safetensors_file::encode(path, (network, biases), names, &[], None)?,
        Format::Npz => npz_file::encode(path, network, biases)?,
    };
    file::write_atomically(path, &bytes)
}
