//! `L_lambda` as one function of all parameters.

use gradiometer_model::Network;
use gradiometer_population::{Gradient, WeightDecay};

/// What descends, and which parameters may move.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Regularised<'a, O: ?Sized> {
    pub(crate) objective: &'a O,
    pub(crate) decay: WeightDecay,
    pub(crate) freeze_first_layer: bool,
}

impl<O: ?Sized> Regularised<'_, O> {
    /// `grad L_lambda` from `grad L`, zero where nothing moves.
    pub(crate) fn whole(&self, student: &Network, gradient: &Gradient) -> Gradient {
        let mut whole = self.decay.gradient(student, gradient);
        if self.freeze_first_layer {
            whole.first_layer.fill(0.0);
            whole.first_layer_error = 0.0;
        }
        whole
    }

    /// The weight decay of the `i`-th parameter.
    pub(crate) const fn decay_of(&self, i: usize, neurons: usize) -> f64 {
        if i < neurons { self.decay.second_layer } else { self.decay.first_layer }
    }

    /// Clears what may not move.
    pub(crate) fn restrict(&self, values: &mut [f64], neurons: usize) {
        if self.freeze_first_layer {
            values[neurons..].fill(0.0);
        }
    }
}
