//! The parts of a network in files: what formats call them, and how they make a network.

use crate::error::FilesError;
use gradiometer_model::{ModelError, Network, Skip};
use std::path::Path;

/// Names of the tensors in a `.safetensors` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorNames {
    /// First layer, `m x d`.
    pub first_layer: String,
    /// Second layer, `1 x m` or `m`.
    pub second_layer: String,
    /// Linear part `beta`, `1 x d` or `d`.
    pub skip: String,
}

impl Default for TensorNames {
    fn default() -> Self {
        Self {
            first_layer: "fc1.weight".to_owned(),
            second_layer: "fc2.weight".to_owned(),
            skip: "skip.weight".to_owned(),
        }
    }
}

impl TensorNames {
    /// Name of the first layer's bias: `fc1.bias` for `fc1.weight`.
    pub fn first_bias(&self) -> String {
        bias(&self.first_layer)
    }

    /// Name of the second layer's bias, the constant `alpha`.
    pub fn second_bias(&self) -> String {
        bias(&self.second_layer)
    }
}

fn bias(weight: &str) -> String {
    format!("{}.bias", weight.strip_suffix(".weight").unwrap_or(weight))
}

/// What a format calls the parts of a network.
pub(crate) struct Fields<'a> {
    pub(crate) second: &'a str,
    pub(crate) first: &'a str,
    pub(crate) constant: &'a str,
    pub(crate) linear: &'a str,
}

/// A network from its layers and affine part, with errors in the terms of the file.
pub(crate) fn build(
    path: &Path,
    fields: &Fields<'_>,
    layers: impl FnOnce() -> Result<Network, ModelError>,
    constant: Option<f64>,
    linear: Option<Vec<f64>>,
) -> Result<Network, FilesError> {
    let network = layers().and_then(|network| {
        if constant.is_none() && linear.is_none() {
            return Ok(network);
        }
        let linear = linear.unwrap_or_else(|| vec![0.0; network.dimension()]);
        network.with_skip(Skip { constant: constant.unwrap_or(0.0), linear })
    });
    network.map_err(|source| {
        let Fields { second, first, constant, linear } = fields;
        let field = match &source {
            ModelError::NoNeurons => (*second).to_owned(),
            ModelError::NoDimension => (*first).to_owned(),
            ModelError::LayerCounts { .. } | ModelError::LayerLengths { .. } => {
                format!("{second}, {first}")
            }
            ModelError::RaggedRow { neuron, .. } => format!("{first}[{neuron}]"),
            ModelError::SecondLayerNotFinite { neuron, .. } => format!("{second}[{neuron}]"),
            ModelError::FirstLayerNotFinite { neuron, coordinate, .. } => {
                format!("{first}[{neuron}][{coordinate}]")
            }
            ModelError::SkipLength { .. } => (*linear).to_owned(),
            ModelError::SkipNotFinite => format!("{constant}, {linear}"),
            _ => "the network".to_owned(),
        };
        FilesError::Model { path: path.to_owned(), field, source }
    })
}
