//! A two-layer network as data: what a teacher and a student have in common.

use crate::error::ModelError;

/// The affine part `alpha + beta . x` of a student.
#[derive(Clone, Debug, PartialEq)]
pub struct Skip {
    /// The constant `alpha`.
    pub constant: f64,
    /// The linear part `beta`, of length `d`.
    pub linear: Vec<f64>,
}

/// A two-layer network `f(x) = sum_j a_j sigma(w_j . x) + alpha + beta . x` with finite parameters.
///
/// Shapes: `m` neurons in dimension `d`; the second layer has length `m`, the first layer is `m x d`,
/// row-major, a neuron a row. Zero neurons are allowed; networks without neurons or dimension are not.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    dimension: usize,
    second_layer: Vec<f64>,
    first_layer: Vec<f64>,
    skip: Option<Skip>,
}

impl Network {
    /// A network from its second layer (length `m`) and its row-major first layer (length `m d`).
    ///
    /// # Errors
    /// [`ModelError`] if there is no neuron, no dimension, the lengths disagree or an entry is not finite.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_model::Network;
    /// let network = Network::new(2, vec![1.0, -1.0], vec![1.0, 0.0, 0.0, 2.0]).unwrap();
    /// assert_eq!(network.neuron(1), &[0.0, 2.0]);
    /// assert_eq!(network.mass(1), -2.0);
    /// ```
    pub fn new(
        dimension: usize,
        second_layer: Vec<f64>,
        first_layer: Vec<f64>,
    ) -> Result<Self, ModelError> {
        if second_layer.is_empty() {
            return Err(ModelError::NoNeurons);
        }
        if dimension == 0 {
            return Err(ModelError::NoDimension);
        }
        let expected = second_layer.len().checked_mul(dimension);
        if expected != Some(first_layer.len()) {
            return Err(ModelError::LayerLengths {
                neurons: second_layer.len(),
                dimension,
                found: first_layer.len(),
            });
        }
        if let Some(neuron) = second_layer.iter().position(|a| !a.is_finite()) {
            return Err(ModelError::SecondLayerNotFinite { neuron, value: second_layer[neuron] });
        }
        if let Some(entry) = first_layer.iter().position(|w| !w.is_finite()) {
            return Err(ModelError::FirstLayerNotFinite {
                neuron: entry / dimension,
                coordinate: entry % dimension,
                value: first_layer[entry],
            });
        }
        Ok(Self { dimension, second_layer, first_layer, skip: None })
    }

    /// A network from its second layer and its first layer as a list of neurons.
    ///
    /// # Errors
    /// [`ModelError`] as for [`Network::new`], and [`ModelError::RaggedRow`] if a neuron's length differs.
    pub fn from_rows(second_layer: Vec<f64>, rows: &[Vec<f64>]) -> Result<Self, ModelError> {
        if second_layer.len() != rows.len() {
            return Err(ModelError::LayerCounts {
                second_layer: second_layer.len(),
                first_layer: rows.len(),
            });
        }
        let dimension = rows.first().map_or(0, Vec::len);
        if let Some(row) = rows.iter().position(|row| row.len() != dimension) {
            return Err(ModelError::RaggedRow {
                neuron: row,
                expected: dimension,
                found: rows[row].len(),
            });
        }
        Self::new(dimension, second_layer, rows.concat())
    }

    /// The same network with the affine part `alpha + beta . x`.
    ///
    /// # Errors
    /// [`ModelError`] if `beta` has the wrong length or an entry is not finite.
    pub fn with_skip(mut self, skip: Skip) -> Result<Self, ModelError> {
        if skip.linear.len() != self.dimension {
            return Err(ModelError::SkipLength {
                expected: self.dimension,
                found: skip.linear.len(),
            });
        }
        if !(skip.constant.is_finite() && skip.linear.iter().all(|b| b.is_finite())) {
            return Err(ModelError::SkipNotFinite);
        }
        self.skip = Some(skip);
        Ok(self)
    }

    /// The network on the inputs `(x, 1)`: a bias is the weight of a constant input, so that the neuron
    /// `sigma(w . x + b)` becomes `sigma((w, b) . (x, 1))` in dimension `d + 1`.
    ///
    /// # Errors
    /// [`ModelError`] unless there are as many finite biases as neurons.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_model::Network;
    /// let network = Network::new(2, vec![1.0], vec![3.0, 4.0]).unwrap();
    /// let folded = network.fold_biases(&[-1.0]).unwrap();
    /// assert_eq!(folded.neuron(0), &[3.0, 4.0, -1.0]);
    /// assert_eq!(folded.split_biases().unwrap(), (network, vec![-1.0]));
    /// ```
    pub fn fold_biases(&self, biases: &[f64]) -> Result<Self, ModelError> {
        let (neurons, dimension) = (self.neurons(), self.dimension + 1);
        if biases.len() != neurons {
            let found = biases.len();
            return Err(ModelError::LayerLengths { neurons, dimension: 1, found });
        }
        let rows = self.rows().zip(biases);
        let first_layer = rows.flat_map(|(w, b)| w.iter().chain([b])).copied().collect();
        let mut folded = Self::new(dimension, self.second_layer.clone(), first_layer)?;
        folded.skip = self.skip.clone().map(|mut skip| {
            skip.linear.push(0.0);
            skip
        });
        Ok(folded)
    }

    /// The network and the biases that were folded into it.
    ///
    /// # Errors
    /// [`ModelError::NoDimension`] for one that has no other input.
    pub fn split_biases(&self) -> Result<(Self, Vec<f64>), ModelError> {
        let d = self.dimension - 1;
        let first_layer = self.rows().flat_map(|row| &row[..d]).copied().collect();
        let mut network = Self::new(d, self.second_layer.clone(), first_layer)?;
        network.skip = self.skip.clone().map(|mut skip| {
            skip.linear.truncate(d);
            skip
        });
        Ok((network, self.rows().map(|row| row[d]).collect()))
    }

    /// Number of neurons `m`.
    pub const fn neurons(&self) -> usize {
        self.second_layer.len()
    }

    /// Input dimension `d`.
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// Second layer `a`, length `m`.
    pub fn second_layer(&self) -> &[f64] {
        &self.second_layer
    }

    /// First layer `W`, `m x d` row-major.
    pub fn first_layer(&self) -> &[f64] {
        &self.first_layer
    }

    /// Both layers for writing, `(a, W)`; the caller keeps them finite.
    pub fn layers_mut(&mut self) -> (&mut [f64], &mut [f64]) {
        (&mut self.second_layer, &mut self.first_layer)
    }

    /// Whether every parameter is finite (a diverged run is not).
    pub fn is_finite(&self) -> bool {
        self.second_layer.iter().chain(&self.first_layer).all(|x| x.is_finite())
    }

    /// Neuron `w_j`, length `d`.
    ///
    /// # Panics
    /// If `j` is not less than the number of neurons.
    pub fn neuron(&self, j: usize) -> &[f64] {
        &self.first_layer[j * self.dimension..(j + 1) * self.dimension]
    }

    /// The neurons in order.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.first_layer.chunks_exact(self.dimension)
    }

    /// The affine part, if the network has one.
    pub const fn skip(&self) -> Option<&Skip> {
        self.skip.as_ref()
    }

    /// Mass `c_j = a_j |w_j|` of neuron `j` in the measure `mu = sum_j c_j delta_{wbar_j}`.
    ///
    /// # Panics
    /// If `j` is not less than the number of neurons.
    pub fn mass(&self, j: usize) -> f64 {
        self.second_layer[j] * crate::geometry::norm(self.neuron(j))
    }

    /// Total mass `|mu| = sum_j |c_j|`.
    pub fn total_mass(&self) -> f64 {
        (0..self.neurons()).map(|j| self.mass(j).abs()).sum()
    }

    /// Norm balancing (statement 4.3): `(a_j, w_j) <- (sign(a_j) s_j, s_j wbar_j)`, `s_j = sqrt(|a_j| |w_j|)`. The function does not
    /// change, except that a neuron with one vanishing factor becomes a zero neuron.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_model::Network;
    /// let mut network = Network::new(2, vec![-1.0], vec![0.0, 4.0]).unwrap();
    /// network.balance();
    /// assert_eq!((network.second_layer(), network.neuron(0)), (&[-2.0][..], &[0.0, 2.0][..]));
    /// ```
    pub fn balance(&mut self) {
        let d = self.dimension;
        for (a, w) in self.second_layer.iter_mut().zip(self.first_layer.chunks_exact_mut(d)) {
            let length = crate::geometry::norm(w);
            let size = a.abs().sqrt() * length.sqrt();
            let scale = if length > 0.0 { size / length } else { 0.0 };
            for x in w {
                *x *= scale;
            }
            *a = if size > 0.0 { size.copysign(*a) } else { 0.0 };
        }
    }

    /// Squared norms `(|a|^2, |W|_F^2)`, the two halves of the weight decay.
    pub fn squared_norms(&self) -> (f64, f64) {
        let square = |xs: &[f64]| xs.iter().map(|x| x * x).sum();
        (square(&self.second_layer), square(&self.first_layer))
    }
}
