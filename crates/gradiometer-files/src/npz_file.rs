//! Networks as `.npz` archives: arrays `a` (`m`), `w` (`m x d`), optional `alpha` and `beta` (`d`). Samples likewise: `x` and `y`.

use crate::error::FilesError;
use crate::npy::{Array, NpyError};
use crate::parts::TensorNames;
use crate::tensors::{self, Reading, Tensor, Unread};
use crate::{checkpoint, file};
use gradiometer_model::Network;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use zip::result::{ZipError, ZipResult};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Most bytes that one array may unpack to.
const LARGEST_ARRAY: u64 = 1 << 33;

/// The arrays of the given names, and of no others, that an archive holds.
struct Arrays<'a> {
    path: &'a Path,
    found: Vec<(String, Array)>,
}

impl<'a> Arrays<'a> {
    fn unpack(path: &'a Path, bytes: &[u8], known: &[&str]) -> Result<Self, FilesError> {
        let damaged = |source| FilesError::Archive { path: path.to_owned(), source };
        let mut archive = open(path, bytes)?;
        let names = array_names(path, &archive)?;
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(FilesError::UnknownTensor {
                path: path.to_owned(),
                name: name.clone(),
                expected: known.iter().map(|name| (*name).to_owned()).collect(),
                mend: "rename or remove it",
            });
        }
        let mut found = Vec::new();
        for name in names {
            let bytes = unpack(&mut archive, &name).map_err(damaged)?;
            let array = Array::decode(&bytes).map_err(wrong(path, &name))?;
            found.push((name, array));
        }
        Ok(Self { path, found })
    }

    fn take(&mut self, name: &str) -> Option<Array> {
        let index = self.found.iter().position(|(found, _)| found == name)?;
        Some(self.found.remove(index).1)
    }

    fn require(&mut self, name: &str) -> Result<Array, FilesError> {
        let found = self.found.iter().map(|(name, _)| name.clone()).collect();
        self.take(name).ok_or_else(|| FilesError::MissingTensor {
            path: self.path.to_owned(),
            names: vec![name.to_owned()],
            found,
            mend: "save it under that name",
        })
    }
}

fn wrong(path: &Path, field: &str) -> impl FnOnce(NpyError) -> FilesError {
    let (path, field) = (path.to_owned(), field.to_owned());
    move |source| FilesError::Npy { path, field, source }
}

pub(crate) fn decode(
    path: &Path,
    bytes: &[u8],
    names: &TensorNames,
) -> Result<Reading, FilesError> {
    let mut archive = open(path, bytes)?;
    let mut tensors = Vec::new();
    for name in array_names(path, &archive)? {
        let bytes = unpack(&mut archive, &name)
            .map_err(|source| FilesError::Archive { path: path.to_owned(), source })?;
        let (shape, entries) = match Array::decode(&bytes) {
            Ok(array) => (array.shape, Ok(array.data)),
            Err(error) => (Vec::new(), Err(Unread::Npy(error))),
        };
        tensors.push(Tensor { name, shape, entries });
    }
    tensors::network(path, &tensors, names)
}

fn open<'a>(path: &Path, bytes: &'a [u8]) -> Result<ZipArchive<Cursor<&'a [u8]>>, FilesError> {
    let damaged = |source| {
        // An archive that cannot be opened is damaged; anything else may be a checkpoint.
        checkpoint::of_python(path, bytes)
            .filter(|_| !bytes.starts_with(b"PK"))
            .unwrap_or_else(|| FilesError::Archive { path: path.to_owned(), source })
    };
    ZipArchive::new(Cursor::new(bytes)).map_err(damaged)
}

/// The names of the arrays of an archive, in order.
fn array_names(
    path: &Path,
    archive: &ZipArchive<Cursor<&[u8]>>,
) -> Result<Vec<String>, FilesError> {
    let mut names = Vec::new();
    for name in archive.file_names() {
        let name = name.map_err(|source| FilesError::Archive { path: path.to_owned(), source })?;
        if name.ends_with(checkpoint::TORCH_ENTRY) {
            return Err(checkpoint::torch(path));
        }
        names.push(name.strip_suffix(".npy").unwrap_or(&name).to_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// Samples: inputs row-major, and one label for each row.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleArrays {
    /// Number of coordinates `d`.
    pub dimension: usize,
    /// `x`, row-major `n x d`.
    pub inputs: Vec<f64>,
    /// `y`, length `n`.
    pub labels: Vec<f64>,
}

/// Reads samples from a `.npz` archive with `x` (`n x d`) and `y` (`n`).
///
/// # Errors
/// [`FilesError`] that names the file, the array and the mend.
pub fn read_samples(path: &Path) -> Result<SampleArrays, FilesError> {
    let bytes = file::read(path)?;
    let mut arrays = Arrays::unpack(path, &bytes, &["x", "y"])?;
    let x = arrays.require("x");
    let labels = arrays.require("y")?.into_vector().map_err(wrong(path, "y"))?;
    let (rows, dimension, inputs) = x?.into_matrix().map_err(wrong(path, "x"))?;
    if rows != labels.len() {
        let expected = "(samples, dimension), with as many rows as `y` has entries";
        return Err(wrong(path, "x")(NpyError::Shape { expected, found: vec![rows, dimension] }));
    }
    Ok(SampleArrays { dimension, inputs, labels })
}

fn unpack(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> ZipResult<Vec<u8>> {
    let file_name = format!("{name}.npy");
    let index = archive.index_for_name(&file_name).or_else(|| archive.index_for_name(name));
    let entry = archive.by_index(index.ok_or(ZipError::FileNotFound)?)?;
    let mut bytes = Vec::new();
    entry.take(LARGEST_ARRAY).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn encode(
    path: &Path,
    network: &Network,
    biases: Option<&[f64]>,
) -> Result<Vec<u8>, FilesError> {
    let (m, d) = (network.neurons(), network.dimension());
    let mut arrays = vec![
        ("a", Array { shape: vec![m], data: network.second_layer().to_vec() }),
        ("w", Array { shape: vec![m, d], data: network.first_layer().to_vec() }),
    ];
    if let Some(biases) = biases {
        arrays.push(("b", Array { shape: vec![m], data: biases.to_vec() }));
    }
    if let Some(skip) = network.skip() {
        arrays.push(("alpha", Array { shape: vec![], data: vec![skip.constant] }));
        arrays.push(("beta", Array { shape: vec![d], data: skip.linear.clone() }));
    }
    pack(&arrays)
        .map_err(|source| FilesError::Encode { path: path.to_owned(), source: Box::new(source) })
}

fn pack(arrays: &[(&str, Array)]) -> ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, array) in arrays {
        let bytes = array.encode();
        let large = u32::try_from(bytes.len()).is_err();
        archive.start_file(format!("{name}.npy"), options.large_file(large))?;
        archive.write_all(&bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}
