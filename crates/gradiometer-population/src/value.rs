//! Gradients, what an evaluation returns, and how it was computed.

use crate::kernel::InstructionSet;
use crate::powers::{Squares, product_up, rounded_up};
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

    /// Bound on the norm, over both layers, of the error of the entries; rounded up.
    pub fn entries_error(&self) -> f64 {
        let share = |entries: usize, error: f64| product_up((entries as f64).sqrt(), error);
        let second = share(self.second_layer.len(), self.second_layer_error);
        let first = share(self.first_layer.len(), self.first_layer_error);
        rounded_up(second.hypot(first))
    }

    /// Frobenius norm over both layers. The error is that of the entries and the norm's own rounding;
    /// it is infinite where the norm is not finite.
    pub fn norm(&self) -> Bounded {
        let root = self.squares().root();
        Bounded { value: root.value, error: rounded_up(root.error + self.entries_error()) }
    }

    /// Squared Frobenius norm over both layers, with an error as [`Self::norm`] has it.
    pub fn squared_norm(&self) -> Bounded {
        let (norm, entries) = (self.squares().root(), self.entries_error());
        let square = self.squares().times(1.0);
        // |g + e|^2 - |g|^2 is at most (2 |g| + |e|) |e|.
        let longest = rounded_up(2.0 * (norm.value + norm.error) + entries);
        Bounded {
            value: square.value,
            error: rounded_up(square.error + product_up(longest, entries)),
        }
    }

    fn squares(&self) -> Squares {
        Squares::of([&self.second_layer, &self.first_layer])
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
    /// Neurons with biases at all pairs, by the bivariate normal integral.
    Biased,
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
            Self::Biased => write!(f, "biases, by the bivariate normal integral"),
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
    use gradiometer_testing::{Tolerance::Exact, at_most, close, rounding};

    fn pythagorean() -> Gradient {
        Gradient {
            second_layer: vec![1.0, -2.0, 2.0, 0.0],
            first_layer: vec![4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -12.0],
            second_layer_error: 2.0,
            first_layer_error: 1.0,
        }
    }

    #[test]
    fn norms_count_every_entry_of_both_layers() {
        let gradient = pythagorean();
        close(gradient.norm().value, 13.0, Exact);
        close(gradient.squared_norm().value, 169.0, Exact);
        // Four entries off by 2 and nine off by 1: the root of 16 + 9. The rounding of 13 is beside it.
        for (found, exact) in [
            (gradient.entries_error(), 5.0),
            (gradient.norm().error, 5.0),
            (gradient.squared_norm().error, (26.0 + 5.0) * 5.0),
        ] {
            at_most(exact, found, Exact);
            at_most(found, exact, rounding(64, exact));
        }
        let mut again = gradient;
        again.reset(2, 3);
        assert_eq!((again.second_layer, again.first_layer), (vec![0.0; 2], vec![0.0; 6]));
        assert_eq!((again.second_layer_error, again.first_layer_error), (0.0, 0.0));
    }

    #[test]
    fn exact_entries_leave_the_norm_its_own_rounding() {
        let exact = Gradient { second_layer_error: 0.0, first_layer_error: 0.0, ..pythagorean() };
        close(exact.entries_error(), 0.0, Exact);
        // One square, seventeen additions and the root; the bound has half of them in half epsilons.
        for bounded in [exact.norm(), exact.squared_norm()] {
            at_most(0.5 * f64::EPSILON * bounded.value, bounded.error, Exact);
            at_most(bounded.error, 0.0, rounding(16, bounded.value));
        }
        let long = Gradient { first_layer: vec![0.1; 4000], ..Gradient::default() };
        let found = long.norm();
        // 0.1 is 3602879701896397 2^-55.
        let root = 4000.0_f64.sqrt() * 0.1;
        assert!((found.value - root).abs() <= found.error + f64::EPSILON * root, "{found:?}");
        at_most(f64::EPSILON * root, found.error, Exact);
    }

    #[test]
    fn what_is_not_finite_has_no_error() {
        for x in [f64::INFINITY, f64::NAN, f64::MAX] {
            let gradient = Gradient {
                second_layer: vec![x, 1.0],
                first_layer: vec![x],
                ..Gradient::default()
            };
            for found in [gradient.norm(), gradient.squared_norm()] {
                assert!(!found.value.is_finite() && !found.error.is_finite(), "{found:?}");
            }
        }
    }
}
