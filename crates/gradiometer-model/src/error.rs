//! What can be wrong with a network.

use std::fmt;

/// Why a network, teacher or generator was refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum ModelError {
    /// The second layer is empty.
    NoNeurons,
    /// The neurons have no coordinates.
    NoDimension,
    /// The flat first layer does not hold one neuron of the dimension per second-layer weight.
    LayerLengths {
        /// Length of the second layer.
        neurons: usize,
        /// Input dimension.
        dimension: usize,
        /// Entries of the first layer.
        found: usize,
    },
    /// The two layers count different numbers of neurons.
    LayerCounts {
        /// Length of the second layer.
        second_layer: usize,
        /// Number of rows of the first layer.
        first_layer: usize,
    },
    /// A neuron has a different length from the first one.
    RaggedRow {
        /// Index of the neuron.
        neuron: usize,
        /// Length of the first neuron.
        expected: usize,
        /// Its own length.
        found: usize,
    },
    /// A second-layer weight is NaN or infinite.
    SecondLayerNotFinite {
        /// Index of the neuron.
        neuron: usize,
        /// The offending value.
        value: f64,
    },
    /// A first-layer weight is NaN or infinite.
    FirstLayerNotFinite {
        /// Index of the neuron.
        neuron: usize,
        /// Index of the coordinate.
        coordinate: usize,
        /// The offending value.
        value: f64,
    },
    /// The linear part has the wrong length.
    SkipLength {
        /// Input dimension.
        expected: usize,
        /// Its own length.
        found: usize,
    },
    /// The affine part is not finite.
    SkipNotFinite,
    /// A teacher neuron is zero, so that it has no direction.
    ZeroTeacherNeuron {
        /// Index of the neuron.
        neuron: usize,
    },
    /// The amplitudes are so large that a loss overflows.
    TeacherOverflow {
        /// Total mass of the teacher.
        total_mass: f64,
    },
    /// A teacher cannot have an affine part: preprocessing removes it.
    TeacherWithSkip,
    /// Two teacher neurons are parallel where the theory needs a positive separation.
    ParallelTeachers {
        /// One neuron.
        first: usize,
        /// The other.
        second: usize,
        /// Their projective angle in radians.
        angle: f64,
    },
    /// Teacher and student live in different dimensions.
    DimensionMismatch {
        /// The teacher's dimension.
        teacher: usize,
        /// The student's dimension.
        student: usize,
    },
    /// A matrix decomposition did not converge.
    DecompositionFailed {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
    },
    /// A Hermite expansion was refused.
    Hermite(gradiometer_hermite::HermiteError),
    /// A generator's request cannot be met.
    ImpossibleRequest {
        /// What contradicts what.
        reason: &'static str,
    },
    /// A generator gave up after its attempts.
    GeneratorExhausted {
        /// Requested separation in radians.
        separation: f64,
        /// Requested smallest modulus of the eigenvalues of H.
        eigenvalue: f64,
        /// Attempts made.
        attempts: usize,
    },
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNeurons => f.write_str("the network has no neurons; give at least one"),
            Self::NoDimension => f.write_str(
                "the neurons have no coordinates; the input dimension must be at least 1",
            ),
            Self::LayerLengths { neurons, dimension, found } => write!(
                f,
                "{neurons} second-layer weights in dimension {dimension} do not fit a first layer of {found} entries"
            ),
            Self::LayerCounts { second_layer, first_layer } => write!(
                f,
                "the second layer has {second_layer} weights and the first layer {first_layer} neurons; they must agree"
            ),
            Self::RaggedRow { neuron, expected, found } => write!(
                f,
                "neuron {neuron} has {found} coordinates where neuron 0 has {expected}; make all rows equally long"
            ),
            Self::SecondLayerNotFinite { neuron, value } => {
                write!(f, "second-layer weight {neuron} is {value}; it must be finite")
            }
            Self::FirstLayerNotFinite { neuron, coordinate, value } => write!(
                f,
                "coordinate {coordinate} of neuron {neuron} is {value}; it must be finite"
            ),
            Self::SkipLength { expected, found } => write!(
                f,
                "the linear part has {found} coordinates; the input dimension is {expected}"
            ),
            Self::SkipNotFinite => {
                f.write_str("the affine part alpha + beta . x has an entry that is not finite")
            }
            Self::ZeroTeacherNeuron { neuron } => {
                write!(f, "teacher neuron {neuron} is zero (weight or vector); remove it")
            }
            Self::TeacherOverflow { total_mass } => write!(
                f,
                "the amplitudes a |w| sum to {total_mass:e}, whose square overflows; scale the weights down"
            ),
            Self::TeacherWithSkip => {
                f.write_str("a teacher has no affine part; leave out its bias and skip connection")
            }
            Self::ParallelTeachers { first, second, angle } => write!(
                f,
                "teacher neurons {first} and {second} are parallel (angle {angle:e} rad, below rounding): the theory needs \
         separation > 0; merge them into one neuron"
            ),
            Self::DimensionMismatch { teacher, student } => write!(
                f,
                "the student has dimension {student} and the teacher {teacher}; they must agree"
            ),
            Self::DecompositionFailed { rows, columns } => write!(
                f,
                "the decomposition of a {rows} x {columns} matrix did not converge; check the scale of the weights"
            ),
            Self::Hermite(source) => source.fmt(f),
            Self::ImpossibleRequest { reason } => write!(f, "cannot be generated: {reason}"),
            Self::GeneratorExhausted { separation, eigenvalue, attempts } => write!(
                f,
                "no teacher with separation >= {separation} and smallest eigenvalue >= {eigenvalue} in {attempts} attempts; \
         lower one of the two"
            ),
        }
    }
}

impl std::error::Error for ModelError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Hermite(source) => source.source(),
            _ => None,
        }
    }
}

impl From<gradiometer_hermite::HermiteError> for ModelError {
    fn from(source: gradiometer_hermite::HermiteError) -> Self {
        Self::Hermite(source)
    }
}
