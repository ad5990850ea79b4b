//! Networks as `.safetensors` files.

use crate::error::FilesError;
use crate::half;
use crate::parts::{Fields, TensorNames, build};
use gradiometer_model::Network;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::path::Path;

/// One tensor, widened to doubles.
struct Tensor {
    shape: Vec<usize>,
    data: Vec<f64>,
}

/// The network of a file's bytes.
///
/// # Errors
/// [`FilesError`] that names the tensor at fault and the mend.
pub fn decode(path: &Path, bytes: &[u8], names: &TensorNames) -> Result<Network, FilesError> {
    let tensors = SafeTensors::deserialize(bytes)
        .map_err(|source| FilesError::SafeTensors { path: path.to_owned(), source })?;
    let mut found: Vec<String> = tensors.names().iter().map(|&name| name.to_owned()).collect();
    found.sort_unstable();
    let (first_bias, second_bias) = (names.first_bias(), names.second_bias());
    let get = |name: &str| -> Result<Option<Tensor>, FilesError> {
        match tensors.tensor(name) {
            Ok(view) => widen(path, name, &view).map(Some),
            Err(_absent) => Ok(None),
        }
    };
    let require = |name: &str| -> Result<Tensor, FilesError> {
        get(name)?.ok_or_else(|| FilesError::MissingTensor {
            path: path.to_owned(),
            name: name.to_owned(),
            found: found.clone(),
            mend: "rename it or say which name to take",
        })
    };
    let shape = |name: &str, expected, tensor: &Tensor| FilesError::TensorShape {
        path: path.to_owned(),
        name: name.to_owned(),
        expected,
        found: tensor.shape.clone(),
    };
    let first = require(&names.first_layer)?;
    let second = require(&names.second_layer)?;
    // Whoever names the layers may have other tensors beside them; a file with PyTorch's own names must be a two-layer
    // network and nothing else.
    if *names == TensorNames::default() {
        let known =
            [&names.first_layer, &names.second_layer, &first_bias, &second_bias, &names.skip];
        let own = |name: &String| known.contains(&name) || name.starts_with(OWN_TENSORS);
        if let Some(name) = found.iter().find(|name| !own(name)) {
            return Err(FilesError::UnknownTensor {
                path: path.to_owned(),
                name: name.clone(),
                expected: known.map(Clone::clone).to_vec(),
                mend: "remove it or name the layers",
            });
        }
    }
    let &[m, d] = first.shape.as_slice() else {
        return Err(shape(&names.first_layer, "(neurons, dimension)", &first));
    };
    if second.shape != [1, m] && second.shape != [m] {
        return Err(shape(
            &names.second_layer,
            "(1, neurons), with one row and as many entries as the first layer has rows",
            &second,
        ));
    }
    if let Some(bias) = get(&first_bias)?
        && let Some(neuron) = bias.data.iter().position(|b| !(b.abs() <= 0.0))
    {
        let value = bias.data[neuron];
        return Err(FilesError::FirstLayerBias {
            path: path.to_owned(),
            name: first_bias,
            neuron,
            value,
        });
    }
    let constant = match get(&second_bias)? {
        Some(tensor) if tensor.data.len() != 1 => {
            return Err(shape(&second_bias, "(1), a single number", &tensor));
        }
        tensor => tensor.map(|tensor| tensor.data[0]),
    };
    let linear = match get(&names.skip)? {
        Some(tensor) if tensor.shape != [1, d] && tensor.shape != [d] => {
            return Err(shape(
                &names.skip,
                "(1, dimension), as the first layer has columns",
                &tensor,
            ));
        }
        tensor => tensor.map(|tensor| tensor.data),
    };
    let fields = Fields {
        second: &names.second_layer,
        first: &names.first_layer,
        constant: &second_bias,
        linear: &names.skip,
    };
    build(path, &fields, || Network::new(d, second.data, first.data), constant, linear)
}

fn widen(path: &Path, name: &str, view: &TensorView<'_>) -> Result<Tensor, FilesError> {
    let bytes = view.data();
    let data = match view.dtype() {
        Dtype::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        Dtype::F32 => {
            bytes.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
        }
        Dtype::F16 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| half::from_binary16(u16::from_le_bytes(*b)))
            .collect(),
        Dtype::BF16 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| half::from_bfloat16(u16::from_le_bytes(*b)))
            .collect(),
        other => {
            return Err(FilesError::TensorType {
                path: path.to_owned(),
                name: name.to_owned(),
                found: format!("{other:?}"),
            });
        }
    };
    Ok(Tensor { shape: view.shape().to_vec(), data })
}

/// The key of this project's metadata.
const METADATA: &str = "gradiometer";
/// How the names of this project's tensors beside a network begin.
const OWN_TENSORS: &str = "gradiometer.";

/// One of this project's vectors beside the network; empty if it is not there.
///
/// # Errors
/// [`FilesError::SafeTensors`] or [`FilesError::TensorType`].
pub fn own_vector(path: &Path, bytes: &[u8], name: &str) -> Result<Vec<f64>, FilesError> {
    let tensors = SafeTensors::deserialize(bytes)
        .map_err(|source| FilesError::SafeTensors { path: path.to_owned(), source })?;
    let name = format!("{OWN_TENSORS}{name}");
    match tensors.tensor(&name) {
        Ok(view) => Ok(widen(path, &name, &view)?.data),
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

/// The file's bytes, with vectors beside the network and metadata in the header.
///
/// # Errors
/// [`FilesError::Encode`].
pub fn encode(
    path: &Path,
    network: &Network,
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
    if let Some(skip) = network.skip() {
        tensors.push((names.second_bias(), vec![1], bytes(&[skip.constant])));
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
