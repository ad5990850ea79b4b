//! Gradients, what an evaluation returns, and how it was computed.

use crate::kernel::InstructionSet;
use gradiometer_hermite::Bounded;

/// A gradient in the student's parameters, with a bound on the error of each layer's entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradient {
    /// `dL/da`, length `m`.
    pub second_layer: Vec<f64>,
    /// `dL/dW`, `m x d` row-major.
    pub first_layer: Vec<f64>,
    /// Bound on the absolute error of every entry of `second_layer`.
    pub second_layer_error: f64,
    /// Bound on the absolute error of every entry of `first_layer`.
    pub first_layer_error: f64,
}

impl Gradient {
    /// Zero for `m` neurons in dimension `d`; the vectors keep their capacity.
    pub(crate) fn reset(&mut self, neurons: usize, dimension: usize) {
        self.second_layer.clear();
        self.second_layer.resize(neurons, 0.0);
        self.first_layer.clear();
        self.first_layer.resize(neurons * dimension, 0.0);
        self.second_layer_error = 0.0;
        self.first_layer_error = 0.0;
    }

    /// Bound on the error's norm over both layers, and so on that of the gradient's norm.
    pub fn norm_error(&self) -> f64 {
        let (m, n) = (self.second_layer.len() as f64, self.first_layer.len() as f64);
        (m.sqrt() * self.second_layer_error).hypot(n.sqrt() * self.first_layer_error)
    }

    /// Squared Frobenius norm over both layers.
    pub fn squared_norm(&self) -> f64 {
        self.second_layer.iter().chain(&self.first_layer).map(|g| g * g).sum()
    }
}

/// What the sums over all pairs are computed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Doubles. The default.
    #[default]
    Double,
    /// Singles within a tile of pairs, doubles over the tiles: about half of the time and half of the digits. Masses, lengths and the
    /// student itself stay doubles.
    Single,
}

/// How a fast evaluation computes all its sums, in doubles unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FastMethod {
    /// All pairs, blocked and threaded.
    Pairs {
        /// The instruction set.
        set: InstructionSet,
        /// What a tile of pairs is computed in.
        precision: Precision,
    },
    /// Sorted angles in the plane: `O(m log m)`.
    Sorted,
    /// A tree of cells in dimension three: about `O(m log m)`, within a tolerance.
    Tree {
        /// Most nodes along an axis; zero where no two cells were apart.
        order: usize,
        /// How many times more pairs there are than evaluations of the kernel.
        saving: usize,
    },
}

impl std::fmt::Display for FastMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pairs { set, precision: Precision::Double } => write!(f, "{}", set.name()),
            Self::Pairs { set, precision: Precision::Single } => {
                write!(f, "{}, single precision", set.name())
            }
            Self::Sorted => write!(f, "sorted angles"),
            Self::Tree { order, saving } => {
                write!(f, "tree, up to {order} nodes an axis, {saving} times fewer pairs")
            }
        }
    }
}

/// How an evaluation was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvaluationRoute {
    /// In the coordinates that were given.
    Fast(FastMethod),
    /// In coordinates of the span of teacher and student, which has `rank` dimensions.
    InSpan {
        /// Dimensions of the span.
        rank: usize,
        /// How it was computed there.
        method: FastMethod,
    },
    /// Double-double arithmetic, some 106 bits.
    DoubleDouble,
    /// Arithmetic of the given number of bits.
    Extended {
        /// Significant bits.
        bits: usize,
    },
    /// The kernel of another activation at all pairs, in doubles.
    Kernel,
    /// An average over samples, in doubles.
    Samples {
        /// Number of samples.
        count: usize,
    },
}

impl EvaluationRoute {
    /// The method of a fast evaluation.
    const fn method(self) -> Option<FastMethod> {
        match self {
            Self::Fast(method) | Self::InSpan { method, .. } => Some(method),
            _ => None,
        }
    }

    /// Whether there is a truncation error beside rounding.
    pub(crate) const fn is_truncated(self) -> bool {
        matches!(self.method(), Some(FastMethod::Tree { .. }))
    }

    /// Whether pairs were computed in singles.
    pub(crate) const fn is_in_singles(self) -> bool {
        matches!(self.method(), Some(FastMethod::Pairs { precision: Precision::Single, .. }))
    }
}

impl std::fmt::Display for EvaluationRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fast(method) => write!(f, "fast ({method})"),
            Self::InSpan { rank, method } => {
                write!(f, "fast (in a span of dimension {rank}: {method})")
            }
            Self::DoubleDouble => write!(f, "accurate (double-double)"),
            Self::Extended { bits } => write!(f, "accurate ({bits} bits)"),
            Self::Kernel => write!(f, "all pairs"),
            Self::Samples { count } => write!(f, "average over {count} samples"),
        }
    }
}

/// What an evaluation reached. A gradient carries its own error bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// `L` with its error bound.
    pub loss: Bounded,
    /// How it was computed.
    pub route: EvaluationRoute,
}

/// Loss and gradient at one student.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// `L` with its error bound.
    pub loss: Bounded,
    /// `dL/da` and `dL/dW`, without weight decay.
    pub gradient: Gradient,
    /// How they were computed.
    pub route: EvaluationRoute,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "Pythagorean numbers are exact")]
    fn norms_count_every_entry_of_both_layers() {
        let gradient = Gradient {
            second_layer: vec![1.0, -2.0, 2.0, 0.0],
            first_layer: vec![4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -12.0],
            second_layer_error: 2.0,
            first_layer_error: 1.0,
        };
        assert_eq!(gradient.squared_norm(), 9.0 + 16.0 + 144.0);
        // Four entries off by 2 and nine off by 1: the root of 16 + 9.
        assert_eq!(gradient.norm_error(), 5.0);
        let mut again = gradient;
        again.reset(2, 3);
        assert_eq!((again.second_layer, again.first_layer), (vec![0.0; 2], vec![0.0; 6]));
        assert_eq!((again.second_layer_error, again.first_layer_error), (0.0, 0.0));
    }
}
