//! What can be wrong with a network.

/// Why a network, teacher or generator was refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The second layer is empty.
    #[error("the network has no neurons; give at least one")]
    NoNeurons,
    /// The neurons have no coordinates.
    #[error("the neurons have no coordinates; the input dimension must be at least 1")]
    NoDimension,
    /// The flat first layer does not hold one neuron of the dimension per second-layer weight.
    #[error(
        "{neurons} second-layer weights in dimension {dimension} do not fit a first layer of {found} entries"
    )]
    LayerLengths {
        /// Length of the second layer.
        neurons: usize,
        /// Input dimension.
        dimension: usize,
        /// Entries of the first layer.
        found: usize,
    },
    /// The two layers count different numbers of neurons.
    #[error(
        "the second layer has {second_layer} weights and the first layer {first_layer} neurons; they must agree"
    )]
    LayerCounts {
        /// Length of the second layer.
        second_layer: usize,
        /// Number of rows of the first layer.
        first_layer: usize,
    },
    /// A neuron has a different length from the first one.
    #[error(
        "neuron {neuron} has {found} coordinates where neuron 0 has {expected}; make all rows equally long"
    )]
    RaggedRow {
        /// Index of the neuron.
        neuron: usize,
        /// Length of the first neuron.
        expected: usize,
        /// Its own length.
        found: usize,
    },
    /// A second-layer weight is NaN or infinite.
    #[error("second-layer weight {neuron} is {value}; it must be finite")]
    SecondLayerNotFinite {
        /// Index of the neuron.
        neuron: usize,
        /// The offending value.
        value: f64,
    },
    /// A first-layer weight is NaN or infinite.
    #[error("coordinate {coordinate} of neuron {neuron} is {value}; it must be finite")]
    FirstLayerNotFinite {
        /// Index of the neuron.
        neuron: usize,
        /// Index of the coordinate.
        coordinate: usize,
        /// The offending value.
        value: f64,
    },
    /// The linear part has the wrong length.
    #[error("the linear part has {found} coordinates; the input dimension is {expected}")]
    SkipLength {
        /// Input dimension.
        expected: usize,
        /// Its own length.
        found: usize,
    },
    /// The affine part is not finite.
    #[error("the affine part alpha + beta . x has an entry that is not finite")]
    SkipNotFinite,
    /// A teacher neuron is zero, so that it has no direction.
    #[error("teacher neuron {neuron} is zero (weight or vector); remove it")]
    ZeroTeacherNeuron {
        /// Index of the neuron.
        neuron: usize,
    },
    /// The amplitudes are so large that a loss overflows.
    #[error(
        "the amplitudes a |w| sum to {total_mass:e}, whose square overflows; scale the weights down"
    )]
    TeacherOverflow {
        /// Total mass of the teacher.
        total_mass: f64,
    },
    /// A teacher cannot have an affine part: preprocessing removes it.
    #[error("a teacher has no affine part; leave out its bias and skip connection")]
    TeacherWithSkip,
    /// Two teacher neurons are parallel where the theory needs a positive separation.
    #[error(
        "teacher neurons {first} and {second} are parallel (angle {angle:e} rad, below rounding): the theory needs \
         separation > 0; merge them into one neuron"
    )]
    ParallelTeachers {
        /// One neuron.
        first: usize,
        /// The other.
        second: usize,
        /// Their projective angle in radians.
        angle: f64,
    },
    /// Teacher and student live in different dimensions.
    #[error("the student has dimension {student} and the teacher {teacher}; they must agree")]
    DimensionMismatch {
        /// The teacher's dimension.
        teacher: usize,
        /// The student's dimension.
        student: usize,
    },
    /// A matrix decomposition did not converge.
    #[error(
        "the decomposition of a {rows} x {columns} matrix did not converge; check the scale of the weights"
    )]
    DecompositionFailed {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
    },
    /// A Hermite expansion was refused.
    #[error(transparent)]
    Hermite(#[from] gradiometer_hermite::HermiteError),
    /// A generator's request cannot be met.
    #[error("cannot be generated: {reason}")]
    ImpossibleRequest {
        /// What contradicts what.
        reason: &'static str,
    },
    /// A generator gave up after its attempts.
    #[error(
        "no teacher with separation >= {separation} and smallest eigenvalue >= {eigenvalue} in {attempts} attempts; \
         lower one of the two"
    )]
    GeneratorExhausted {
        /// Requested separation in radians.
        separation: f64,
        /// Requested smallest modulus of the eigenvalues of H.
        eigenvalue: f64,
        /// Attempts made.
        attempts: usize,
    },
}
