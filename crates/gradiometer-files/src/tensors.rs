//! A two-layer network among named arrays: which array is what, and none is passed over in silence.

use crate::error::FilesError;
use crate::npy::NpyError;
use crate::parts::{Fields, Layout, TensorNames, biases_of, build};
use gradiometer_model::Network;
use std::path::Path;

/// How the names of this project's tensors beside a network begin.
pub(crate) const OWN_TENSORS: &str = "gradiometer.";

/// One array of a file.
pub(crate) struct Tensor {
    pub(crate) name: String,
    /// Empty where the array could not be read.
    pub(crate) shape: Vec<usize>,
    /// Widened to doubles.
    pub(crate) entries: Result<Vec<f64>, Unread>,
}

/// Why an array was not widened to doubles.
#[derive(Clone)]
pub(crate) enum Unread {
    /// Its entries are of another type.
    Type(String),
    /// It is damaged, or of another type.
    Npy(NpyError),
}

/// A network as a file has it, and what was guessed to find it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The network, without the biases of its first layer.
    pub network: Network,
    /// These biases, unless there are none or all are zero.
    pub biases: Option<Vec<f64>>,
    /// What the file calls them.
    pub bias_name: String,
    /// What was taken for what where no name said so, for the user to see.
    pub remarks: Vec<String>,
}

impl Reading {
    /// The network, if it has no biases in its first layer; the path is for the message.
    ///
    /// # Errors
    /// [`FilesError::FirstLayerBias`].
    pub fn without_biases(self, path: &Path) -> Result<Network, FilesError> {
        let biases = self.biases.unwrap_or_default();
        match biases.iter().position(|b| !(b.abs() <= 0.0)) {
            Some(neuron) => Err(FilesError::FirstLayerBias {
                path: path.to_owned(),
                name: self.bias_name,
                neuron,
                value: biases[neuron],
            }),
            None => Ok(self.network),
        }
    }

    /// The network on `(x, 1)`, its biases folded in, zeros where there are none.
    ///
    /// # Errors
    /// [`FilesError::Model`] for biases that are not finite.
    pub fn folded(self, path: &Path) -> Result<Network, FilesError> {
        let biases = self.biases.unwrap_or_else(|| vec![0.0; self.network.neurons()]);
        self.network.fold_biases(&biases).map_err(|source| FilesError::Model {
            path: path.to_owned(),
            field: self.bias_name,
            source,
        })
    }
}

/// Positions of the arrays that make the network.
struct Roles {
    first: usize,
    second: usize,
    first_bias: Option<usize>,
    second_bias: Option<usize>,
    skip: Option<usize>,
}

/// The network among the arrays.
pub(crate) fn network(
    path: &Path,
    tensors: &[Tensor],
    names: &TensorNames,
) -> Result<Reading, FilesError> {
    let search = Search::new(path, tensors, names);
    let mut remarks = Vec::new();
    let roles = search.roles(&mut remarks)?;
    search.nothing_is_left(&roles)?;
    let [first, second] = [roles.first, roles.second].map(|at| search.entries(at));
    let (first, second) = (first?, second?);
    let (neurons, d) = search.sizes(&roles)?;
    let first = match names.layout {
        Some(Layout::Flax) => transposed(first, neurons),
        _ => first.to_vec(),
    };
    let vector = |at: Option<usize>, length, expected| {
        at.map(|at| search.vector(at, length, expected)).transpose()
    };
    let bias = vector(roles.first_bias, neurons, "(neurons), one for each")?;
    let bias_name = search.name(roles.first_bias, "bias");
    let biases = bias.filter(|bias| bias.iter().any(|b| !(b.abs() <= 0.0))).map(<[f64]>::to_vec);
    let constant = vector(roles.second_bias, 1, "(1), a single number")?;
    let linear = vector(roles.skip, d, "(1, dimension), as the first layer has inputs")?;
    let fields = Fields {
        first: &search.name(Some(roles.first), "w"),
        second: &search.name(Some(roles.second), "a"),
        constant: &search.name(roles.second_bias, "alpha"),
        linear: &search.name(roles.skip, "beta"),
    };
    let layers = || Network::new(d, second.to_vec(), first);
    let constant = constant.and_then(|values| values.first().copied());
    let network = build(path, &fields, layers, constant, linear.map(<[f64]>::to_vec))?;
    Ok(Reading { network, biases, bias_name, remarks })
}

/// The columns of a matrix as rows.
fn transposed(matrix: &[f64], columns: usize) -> Vec<f64> {
    let column = |j: usize| matrix.iter().skip(j).step_by(columns).copied();
    (0..columns).flat_map(column).collect()
}

struct Search<'a> {
    path: &'a Path,
    tensors: &'a [Tensor],
    names: &'a TensorNames,
    /// Length of what all names begin with, up to a dot or a slash.
    prefix: usize,
}

impl<'a> Search<'a> {
    fn new(path: &'a Path, tensors: &'a [Tensor], names: &'a TensorNames) -> Self {
        let mut search = Self { path, tensors, names, prefix: 0 };
        let mut candidates = search.candidates();
        if let Some(first) = candidates.next().map(|at| tensors[at].name.as_str()) {
            let mut shared = first.len();
            for at in candidates {
                let name = tensors[at].name.as_bytes();
                let same = name.iter().zip(first.as_bytes()).take_while(|(x, y)| x == y);
                shared = shared.min(same.count());
            }
            let end = first.as_bytes()[..shared].iter().rposition(|b| b"./".contains(b));
            search.prefix = end.map_or(0, |at| at + 1);
        }
        search
    }

    /// The arrays that are neither this project's own nor to be left out.
    fn candidates(&self) -> impl Iterator<Item = usize> + use<'a> {
        let (tensors, names) = (self.tensors, self.names);
        (0..tensors.len()).filter(move |at| {
            let name = &tensors[*at].name;
            !name.starts_with(OWN_TENSORS) && !names.ignored.contains(name)
        })
    }

    /// The array of a name, with or without the prefix that all have.
    fn find(&self, name: &str) -> Option<usize> {
        let exact = self.candidates().find(|at| self.tensors[*at].name == name);
        exact.or_else(|| self.candidates().find(|at| self.short(*at) == name))
    }

    fn short(&self, at: usize) -> &str {
        &self.tensors[at].name[self.prefix..]
    }

    fn name(&self, at: Option<usize>, otherwise: &str) -> String {
        at.map_or_else(|| otherwise.to_owned(), |at| self.tensors[at].name.clone())
    }

    fn entries(&self, at: usize) -> Result<&'a [f64], FilesError> {
        let Tensor { name, entries, .. } = &self.tensors[at];
        let path = self.path.to_owned();
        entries.as_deref().map_err(|unread| match unread.clone() {
            Unread::Type(found) => FilesError::TensorType { path, name: name.clone(), found },
            Unread::Npy(source) => FilesError::Npy { path, field: name.clone(), source },
        })
    }

    /// The entries of a vector, whatever axes of length one it has.
    fn vector(
        &self,
        at: usize,
        length: usize,
        expected: &'static str,
    ) -> Result<&'a [f64], FilesError> {
        let entries = self.entries(at)?;
        let axes = self.tensors[at].shape.iter().filter(|n| **n != 1).count();
        if axes <= 1 && entries.len() == length {
            Ok(entries)
        } else {
            Err(self.shape(at, expected))
        }
    }

    fn roles(&self, remarks: &mut Vec<String>) -> Result<Roles, FilesError> {
        let names = self.names;
        let (first, second) = match (self.find(&names.first_layer), self.find(&names.second_layer))
        {
            (Some(first), Some(second)) if first != second => (first, second),
            (Some(_), _) => return Err(self.missing(&[&names.second_layer])),
            (None, Some(_)) => return Err(self.missing(&[&names.first_layer])),
            (None, None) if names.are_default() => {
                let either = |small, capital| self.find(small).or_else(|| self.find(capital));
                let short = (either("w", "W"), either("a", "A"));
                if let (Some(first), Some(second)) = short {
                    let roles = self.with_biases(first, second);
                    let (second_bias, skip) = (self.find("alpha"), self.find("beta"));
                    return Ok(Roles { second_bias, skip, ..roles });
                }
                let Some((first, second)) = self.only_pair()? else {
                    return Err(match short {
                        (Some(_), None) => self.missing(&["a"]),
                        (None, Some(_)) => self.missing(&["w"]),
                        _ => self.missing(&[&names.first_layer, &names.second_layer]),
                    });
                };
                remarks.push(format!(
                    "{}: took `{}` for the first layer and `{}` for the second, \
                     the only two that fit each other",
                    self.path.display(),
                    self.tensors[first].name,
                    self.tensors[second].name
                ));
                (first, second)
            }
            (None, None) => return Err(self.missing(&[&names.first_layer, &names.second_layer])),
        };
        Ok(Roles { skip: self.find(&names.skip), ..self.with_biases(first, second) })
    }

    fn with_biases(&self, first: usize, second: usize) -> Roles {
        let mut taken = vec![first, second];
        let mut bias = |given: &Option<String>, layer: usize| {
            let found = match given {
                Some(name) => self.find(name),
                None => biases_of(&self.tensors[layer].name)
                    .iter()
                    .filter_map(|name| self.find(name))
                    .find(|at| !taken.contains(at)),
            };
            taken.extend(found);
            found
        };
        let first_bias = bias(&self.names.first_bias, first);
        let second_bias = bias(&self.names.second_bias, second);
        Roles { first, second, first_bias, second_bias, skip: None }
    }

    /// Whether a name says that the array is a layer.
    fn is_layer(&self, at: usize) -> bool {
        let leaf = self.short(at).to_ascii_lowercase();
        self.tensors[at].shape.len() >= 2 && (leaf.ends_with("weight") || leaf.ends_with("kernel"))
    }

    /// The only two matrices called weight, or with that layout kernel, of which one can be the
    /// second layer to the other.
    fn only_pair(&self) -> Result<Option<(usize, usize)>, FilesError> {
        let skip = self.find(&self.names.skip);
        let layers: Vec<usize> =
            self.candidates().filter(|at| self.is_layer(*at) && Some(*at) != skip).collect();
        if layers.len() > 2 {
            return Err(self.deeper(&layers));
        }
        let &[x, y] = layers.as_slice() else { return Ok(None) };
        let is_kernel = layers.iter().all(|at| self.tensors[*at].name.ends_with("kernel"));
        let fits = |first: usize, second: usize| {
            let (first, second) = (&self.tensors[first].shape, &self.tensors[second].shape);
            match self.names.layout {
                Some(Layout::Flax) => *second == [first[1], 1],
                None if is_kernel => false,
                _ => *second == [1, first[0]],
            }
        };
        match (fits(x, y), fits(y, x)) {
            (true, false) => Ok(Some((x, y))),
            (false, true) => Ok(Some((y, x))),
            _ if is_kernel && self.names.layout.is_none() => Err(self.kernel(x)),
            _ => Ok(None),
        }
    }

    /// Neurons and inputs, by the shapes of the layers.
    fn sizes(&self, roles: &Roles) -> Result<(usize, usize), FilesError> {
        let (first, second) = (&self.tensors[roles.first], &self.tensors[roles.second]);
        let &[rows, columns] = first.shape.as_slice() else {
            return Err(self.shape(roles.first, "(neurons, dimension)"));
        };
        let as_torch = second.shape == [1, rows] || second.shape == [rows];
        let column = second.shape == [columns, 1];
        let as_flax = column || second.shape == [columns];
        let is_kernel = first.name.ends_with("kernel");
        match self.names.layout {
            Some(Layout::Flax) if as_flax => Ok((columns, rows)),
            Some(Layout::Flax) => Err(self.shape(
                roles.second,
                "(neurons, 1), with as many entries as the first layer has columns, as --layout \
                 flax has it",
            )),
            Some(Layout::Torch) if as_torch => Ok((rows, columns)),
            // A column of one neuron is a row too.
            None if as_torch && !is_kernel => Ok((rows, columns)),
            None if as_flax || is_kernel => Err(self.kernel(roles.first)),
            _ => Err(self.shape(
                roles.second,
                "(1, neurons), with one row and as many entries as the first layer has rows",
            )),
        }
    }

    /// An error unless every array has a part.
    fn nothing_is_left(&self, roles: &Roles) -> Result<(), FilesError> {
        let Roles { first, second, first_bias, second_bias, skip } = roles;
        let used = [Some(*first), Some(*second), *first_bias, *second_bias, *skip];
        let left: Vec<usize> = self.candidates().filter(|at| !used.contains(&Some(*at))).collect();
        if left.iter().any(|at| self.is_layer(*at)) {
            return Err(self.deeper(&left));
        }
        if left.is_empty() {
            return Ok(());
        }
        let names = left.iter().map(|at| self.tensors[*at].name.clone()).collect();
        Err(FilesError::UnreadTensors { path: self.path.to_owned(), names })
    }

    fn deeper(&self, layers: &[usize]) -> FilesError {
        let names = layers.iter().map(|at| self.tensors[*at].name.clone()).collect();
        FilesError::MoreLayers { path: self.path.to_owned(), names }
    }

    fn kernel(&self, at: usize) -> FilesError {
        let Tensor { name, shape, .. } = &self.tensors[at];
        let (name, found) = (name.clone(), shape.clone());
        FilesError::Kernel { path: self.path.to_owned(), name, found }
    }

    fn missing(&self, names: &[&str]) -> FilesError {
        FilesError::MissingTensor {
            path: self.path.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            found: self.tensors.iter().map(|tensor| tensor.name.clone()).collect(),
            mend: "name the layers with --first-layer NAME and --second-layer NAME",
        }
    }

    fn shape(&self, at: usize, expected: &'static str) -> FilesError {
        FilesError::TensorShape {
            path: self.path.to_owned(),
            name: self.tensors[at].name.clone(),
            expected,
            found: self.tensors[at].shape.clone(),
        }
    }
}
