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
    /// `grad L_lambda` from `grad L`: `a`, then `W` row by row; zero where nothing moves.
    pub(crate) fn whole(&self, student: &Network, gradient: Gradient) -> Vec<f64> {
        let Gradient { second_layer: mut whole, first_layer, .. } = gradient;
        whole.extend_from_slice(&first_layer);
        let parameters = student.second_layer().iter().chain(student.first_layer());
        for (i, (g, x)) in whole.iter_mut().zip(parameters).enumerate() {
            *g += self.decay_of(i, student.neurons()) * x;
        }
        self.restrict(&mut whole, student.neurons());
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
