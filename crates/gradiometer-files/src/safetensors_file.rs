//! Networks as `.safetensors` files.

use crate::error::FilesError;
use crate::parts::{TensorNames, biases_of};
use crate::tensors::{self, OWN_TENSORS, Reading, Tensor, Unread};
use crate::{checkpoint, half, numbers};
use gradiometer_model::Network;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::path::Path;

/// The network of a file's bytes.
///
/// # Errors
/// [`FilesError`] that names the tensor at fault and the mend.
pub fn decode(path: &Path, bytes: &[u8], names: &TensorNames) -> Result<Reading, FilesError> {
    let file = SafeTensors::deserialize(bytes).map_err(|source| {
        checkpoint::of_python(path, bytes)
            .unwrap_or_else(|| FilesError::SafeTensors { path: path.to_owned(), source })
    })?;
    let mut tensors: Vec<Tensor> = file
        .iter()
        .map(|(name, view)| Tensor {
            name: name.to_owned(),
            shape: view.shape().to_vec(),
            entries: widen(&view).map_err(Unread::Type),
        })
        .collect();
    tensors.sort_by(|x, y| x.name.cmp(&y.name));
    tensors::network(path, &tensors, names)
}

/// The entries as doubles, or the name of a type that is no number that a double holds.
fn widen(view: &TensorView<'_>) -> Result<Vec<f64>, String> {
    let bytes = view.data();
    let (name, width) = match view.dtype() {
        Dtype::F64 => ("f", 8),
        Dtype::F32 => ("f", 4),
        Dtype::F16 => ("f", 2),
        Dtype::BF16 => {
            let numbers = bytes.as_chunks().0.iter();
            return Ok(numbers.map(|b| half::from_bfloat16(u16::from_le_bytes(*b))).collect());
        }
        Dtype::I64 => ("i", 8),
        Dtype::I32 => ("i", 4),
        Dtype::I16 => ("i", 2),
        Dtype::I8 => ("i", 1),
        Dtype::U64 => ("u", 8),
        Dtype::U32 => ("u", 4),
        Dtype::U16 => ("u", 2),
        Dtype::U8 | Dtype::BOOL => ("u", 1),
        other => return Err(format!("{other:?}")),
    };
    numbers::widen(bytes, name, width, true).ok_or_else(|| format!("{:?}", view.dtype()))
}

/// The key of this project's metadata.
const METADATA: &str = "gradiometer";
/// One of this project's vectors beside the network; empty if it is not there.
///
/// # Errors
/// [`FilesError::SafeTensors`] or [`FilesError::TensorType`].
pub fn own_vector(path: &Path, bytes: &[u8], name: &str) -> Result<Vec<f64>, FilesError> {
    let tensors = SafeTensors::deserialize(bytes)
        .map_err(|source| FilesError::SafeTensors { path: path.to_owned(), source })?;
    let name = format!("{OWN_TENSORS}{name}");
    match tensors.tensor(&name) {
        Ok(view) => widen(&view).map_err(|found| FilesError::TensorType {
            path: path.to_owned(),
            name,
            found,
        }),
        Err(_absent) => Ok(Vec::new()),
    }
}

/// This project's metadata in the file's header, if there is any.
///
/// # Errors
/// [`FilesError::SafeTensors`].
pub fn metadata(path: &Path, bytes: &[u8]) -> Result<Option<String>, FilesError> {
    let (_, header) = SafeTensors::read_metadata(bytes)
        .map_err(|source| FilesError::SafeTensors { path: path.to_owned(), source })?;
    Ok(header.metadata().as_ref().and_then(|all| all.get(METADATA).cloned()))
}

/// The file's bytes, with vectors beside the network, its biases among them, and metadata in the header.
///
/// # Errors
/// [`FilesError::Encode`].
pub fn encode(
    path: &Path,
    (network, biases): (&Network, Option<&[f64]>),
    names: &TensorNames,
    vectors: &[(&str, &[f64])],
    metadata: Option<String>,
) -> Result<Vec<u8>, FilesError> {
    let bytes =
        |values: &[f64]| -> Vec<u8> { values.iter().flat_map(|x| x.to_le_bytes()).collect() };
    let (m, d) = (network.neurons(), network.dimension());
    let mut tensors = vec![
        (names.first_layer.clone(), vec![m, d], bytes(network.first_layer())),
        (names.second_layer.clone(), vec![1, m], bytes(network.second_layer())),
    ];
    if let Some(biases) = biases {
        let name = names.first_bias.clone();
        let name = name.unwrap_or_else(|| biases_of(&names.first_layer).swap_remove(0));
        tensors.push((name, vec![m], bytes(biases)));
    }
    if let Some(skip) = network.skip() {
        let bias = names.second_bias.clone();
        let bias = bias.unwrap_or_else(|| biases_of(&names.second_layer).swap_remove(0));
        tensors.push((bias, vec![1], bytes(&[skip.constant])));
        tensors.push((names.skip.clone(), vec![1, d], bytes(&skip.linear)));
    }
    for (name, values) in vectors.iter().filter(|(_, values)| !values.is_empty()) {
        tensors.push((format!("{OWN_TENSORS}{name}"), vec![values.len()], bytes(values)));
    }
    let encode = |source| FilesError::Encode { path: path.to_owned(), source: Box::new(source) };
    let views = tensors
        .iter()
        .map(|(name, shape, data)| {
            TensorView::new(Dtype::F64, shape.clone(), data).map(|view| (name, view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(encode)?;
    let metadata = metadata.map(|text| [(METADATA.to_owned(), text)].into());
    safetensors::serialize(views, metadata).map_err(encode)
}
