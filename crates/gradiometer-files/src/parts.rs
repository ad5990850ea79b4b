//! The parts of a network in files: what formats call them, and how they make a network.

use crate::error::FilesError;
use gradiometer_model::{ModelError, Network, Skip};
use std::path::Path;

/// How a file of named arrays stores a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A neuron a row, `m x d`, and the second layer `1 x m`: PyTorch, Equinox.
    Torch,
    /// A neuron a column, `d x m`, and the second layer `m x 1`: the kernels of Flax and Keras.
    Flax,
}

/// Names of the tensors in a file of named arrays, `.safetensors` or `.npz`.
///
/// A prefix that all names share (`module.`, `model.`) may be left out of them. The names by
/// default also stand for the only two matrices called `weight` (with [`Layout::Flax`] `kernel`)
/// that fit each other, and for `w`, `a`, `alpha` and `beta`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorNames {
    /// First layer, `m x d`.
    pub first_layer: String,
    /// Second layer, `1 x m` or `m`.
    pub second_layer: String,
    /// Linear part `beta`, `1 x d` or `d`.
    pub skip: String,
    /// Bias of the first layer, `m`; by default one of [`biases_of`] its name.
    pub first_bias: Option<String>,
    /// Bias of the second layer, the constant `alpha`; by default one of [`biases_of`] its name.
    pub second_bias: Option<String>,
    /// How layers are stored; by default as PyTorch does, but a kernel is then refused.
    pub layout: Option<Layout>,
    /// Tensors to leave out. Any other that is not read is an error.
    pub ignored: Vec<String>,
}

impl Default for TensorNames {
    fn default() -> Self {
        Self {
            first_layer: "fc1.weight".to_owned(),
            second_layer: "fc2.weight".to_owned(),
            skip: "skip.weight".to_owned(),
            first_bias: None,
            second_bias: None,
            layout: None,
            ignored: Vec::new(),
        }
    }
}

impl TensorNames {
    /// Whether the layers have the names by default.
    pub(crate) fn are_default(&self) -> bool {
        let Self { first_layer, second_layer, .. } = Self::default();
        self.first_layer == first_layer && self.second_layer == second_layer
    }
}

/// What the bias of a layer may be called: `fc1.bias` for `fc1.weight`, `b1` for `w1`,
/// `Dense_0/bias` for `Dense_0/kernel`. The first is what this program calls it.
///
/// # Examples
/// ```
/// use gradiometer_files::biases_of;
/// assert_eq!(biases_of("fc1.weight")[0], "fc1.bias");
/// assert_eq!(biases_of("w1")[0], "b1");
/// assert_eq!(biases_of("hidden")[0], "hidden.bias");
/// ```
pub fn biases_of(layer: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (weight, bias) in
        [("weight", "bias"), ("kernel", "bias"), ("weight", "b"), ("W", "b"), ("w", "b")]
    {
        if let Some(at) = layer.rfind(weight) {
            names.push(format!("{}{bias}{}", &layer[..at], &layer[at + weight.len()..]));
        }
    }
    names.push(format!("{layer}.bias"));
    names.push(format!("{layer}_bias"));
    names
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
