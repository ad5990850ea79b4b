//! What can go wrong when an objective is evaluated.

use gradiometer_hermite::HermiteError;
use gradiometer_model::ModelError;

/// Why an objective could not be evaluated.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PopulationError {
    /// Teacher and student do not fit together.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The activation is not as the objective needs it.
    #[error(transparent)]
    Hermite(#[from] HermiteError),
    /// The loss is not a finite number.
    #[error(
        "the loss overflows: the squares of the masses a |w| exceed the range of doubles; scale the weights down"
    )]
    Overflow,
    /// Somebody raised the flag that ends it.
    #[error("stopped from outside before the evaluation was done")]
    Stopped,
    /// The objective's Hessian has no closed form here.
    #[error(
        "only the exact ReLU objective has a Hessian here; leave samples and other activations out, or descend by gradients alone"
    )]
    NoHessian,
    /// A dense Hessian of this size was refused.
    #[error(
        "a dense Hessian of {parameters} parameters needs more than the limit of {limit}; use Hessian-vector products"
    )]
    HessianTooLarge {
        /// Number of parameters `m (d + 1)`.
        parameters: usize,
        /// Largest number allowed.
        limit: usize,
    },
    /// A direction for a Hessian-vector product has the wrong length.
    #[error("the direction has {found} entries; the student has {expected} parameters")]
    DirectionLength {
        /// Number of parameters.
        expected: usize,
        /// Entries given.
        found: usize,
    },
    /// Tangent vectors do not fit the neurons.
    #[error(
        "{found} entries of tangent vectors for {count} neurons; give every neuron as many vectors of length {dimension}"
    )]
    Tangents {
        /// Number of neurons.
        count: usize,
        /// Dimension `d`.
        dimension: usize,
        /// Entries given.
        found: usize,
    },
    /// A neuron is zero where a direction is needed.
    #[error("neuron {index} (from 0) is zero and has no direction; leave it out")]
    ZeroNeuron {
        /// Its number.
        index: usize,
    },
    /// An eigenvalue iteration failed.
    #[error(
        "the eigenvalues of a matrix of size {parameters} were not found; check that the student is finite"
    )]
    EigenSolver {
        /// Size of the matrix.
        parameters: usize,
    },
    /// There are too few samples to fit an affine function and have something left.
    #[error("{count} samples are too few; at least {needed} are needed")]
    TooFewSamples {
        /// Samples asked for.
        count: usize,
        /// Least number.
        needed: usize,
    },
    /// The noise's standard deviation makes no sense.
    #[error("the noise has standard deviation {noise}; it must be at least 0 and finite")]
    Noise {
        /// Its value.
        noise: f64,
    },
    /// The batches make no sense.
    #[error("impossible batches: {reason}")]
    Batch {
        /// What is wrong, and the mend.
        reason: &'static str,
    },
    /// Inputs and labels do not fit together.
    #[error(
        "{labels} labels in dimension {dimension} do not fit inputs of {found} numbers; give one row of inputs for each label"
    )]
    SampleLengths {
        /// Number of labels.
        labels: usize,
        /// Dimension of the teacher.
        dimension: usize,
        /// Numbers in the inputs.
        found: usize,
    },
    /// A sample is NaN or infinite.
    #[error("sample {sample} is not finite; remove it")]
    SampleNotFinite {
        /// Its index.
        sample: usize,
    },
    /// The activation jumps, which no derivative at samples sees.
    #[error(
        "samples do not see the jump of the activation {name}: the gradient of an average is not that of the expectation; \
         use expectations, or another activation"
    )]
    Jump {
        /// Its name.
        name: String,
    },
    /// Biases of another activation than ReLU.
    #[error(
        "biases in the first layer are of ReLU networks alone; leave them out, or the activation {name}"
    )]
    Biases {
        /// The activation's name.
        name: String,
    },
    /// The labels have no unique fit on `(1, x)`.
    #[error(
        "the constant and the {dimension} coordinates of the inputs are linearly dependent over the samples; give more \
         samples, remove a coordinate, or leave preprocessing out"
    )]
    DependentInputs {
        /// Number of coordinates.
        dimension: usize,
    },
}
