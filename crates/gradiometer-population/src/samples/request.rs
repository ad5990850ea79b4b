//! What samples to draw, and how to use them.

use gradiometer_hermite::Degrees;

/// Which samples the gradient of a descent step averages over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batches {
    /// All of them. The default.
    #[default]
    Full,
    /// `size` of them, in an order that each pass over the samples draws anew; the same batch for `reuse` steps.
    Shuffled {
        /// Samples in a batch.
        size: usize,
        /// Steps on one batch, at least 1.
        reuse: u64,
    },
    /// `size` new ones, never seen before; the same batch for `reuse` steps.
    Fresh {
        /// Samples in a batch.
        size: usize,
        /// Steps on one batch, at least 1.
        reuse: u64,
    },
}

/// How labels lose their degrees 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelFit {
    /// By least squares on `(1, x)`. The default.
    #[default]
    LeastSquares,
    /// By their plain averages, `b_0 = (1/n) sum_i y_i` and `b = (1/n) sum_i y_i x_i`, the estimates of `E y` and `E[y x]`: unbiased, but the
    /// noise of an average of `y x` is that of all of `y`, of least squares that of its degrees from 2 on.
    Moments,
}

/// What samples to draw, and how to use them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleRequest {
    /// Number of samples `n`.
    pub count: usize,
    /// Standard deviation of the Gaussian noise on the labels.
    pub noise: f64,
    /// Start of the random streams.
    pub seed: u64,
    /// Whether labels and student lose their degrees 0 and 1.
    pub degrees: Degrees,
    /// What a descent step averages over.
    pub batches: Batches,
    /// How the labels lose their degrees 0 and 1, where they do.
    pub label_fit: LabelFit,
    /// Whether networks are on `(x, 1)`, the last weight of a neuron its bias: of ReLU alone.
    pub biases: bool,
}

impl SampleRequest {
    /// `count` samples without noise, preprocessed, all in every step.
    pub const fn new(count: usize, seed: u64) -> Self {
        Self {
            count,
            noise: 0.0,
            seed,
            degrees: Degrees::FromTwo,
            batches: Batches::Full,
            label_fit: LabelFit::LeastSquares,
            biases: false,
        }
    }
}
