//! Weight decay, and the gradient that it is part of.

use crate::powers::{SPACING, Squares, bounded_times_power, product_up, rounded_up};
use crate::value::Gradient;
use gradiometer_hermite::Bounded;
use gradiometer_hermite::float::maximum;
use gradiometer_model::Network;

/// Weight decay `(lambda_a/2) |a|^2 + (lambda_w/2) |W|_F^2`; the paper has
/// `lambda_a = lambda_w = lambda`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WeightDecay {
    /// `lambda_a`.
    pub second_layer: f64,
    /// `lambda_w`.
    pub first_layer: f64,
}

impl WeightDecay {
    /// The same decay on both layers.
    pub const fn equal(lambda: f64) -> Self {
        Self { second_layer: lambda, first_layer: lambda }
    }

    /// Its value at a student. The error is its rounding, infinite where the value is not finite.
    pub fn value(self, student: &Network) -> Bounded {
        let layer = |x: &[f64], lambda: f64| {
            // Half of it is exact, unless lambda is subnormal.
            let twice = Squares::of([x, &[]]).times(lambda);
            bounded_times_power(twice, -1)
        };
        let second = layer(student.second_layer(), self.second_layer);
        let first = layer(student.first_layer(), self.first_layer);
        sum(second, first)
    }

    /// `grad L_lambda` from `grad L`: `dL/da + lambda_a a` and `dL/dW + lambda_w W`, whose errors have
    /// the rounding of these sums too. A layer that overflows has an infinite error.
    pub fn gradient(self, student: &Network, gradient: &Gradient) -> Gradient {
        let layer = |g: &[f64], x: &[f64], lambda: f64, error: f64| {
            let entries: Vec<f64> = g.iter().zip(x).map(|(g, x)| lambda.mul_add(*x, *g)).collect();
            let largest = entries.iter().fold(0.0, |m, x| maximum(m, x.abs()));
            if !largest.is_finite() {
                return (entries, f64::INFINITY);
            }
            // One rounding of each entry, or a subnormal one's.
            let rounding = product_up(0.5 * f64::EPSILON, largest) + SPACING;
            let added = if lambda.abs() > 0.0 { rounding } else { 0.0 };
            (entries, rounded_up(error + added))
        };
        let (a, w) = (student.second_layer(), student.first_layer());
        let (second_layer, second_layer_error) =
            layer(&gradient.second_layer, a, self.second_layer, gradient.second_layer_error);
        let (first_layer, first_layer_error) =
            layer(&gradient.first_layer, w, self.first_layer, gradient.first_layer_error);
        Gradient { second_layer, first_layer, second_layer_error, first_layer_error }
    }

    /// The squared norms of `dL/da + lambda_a a` and `dL/dW + lambda_w W` in plain sums, for a rule
    /// that stops a descent: what is shown is [`Self::gradient`] and its norm.
    pub fn squared_norms(self, student: &Network, gradient: &Gradient) -> [f64; 2] {
        let layer = |g: &[f64], x: &[f64], lambda: f64| -> f64 {
            g.iter().zip(x).map(|(g, x)| (g + lambda * x) * (g + lambda * x)).sum()
        };
        [
            layer(&gradient.second_layer, student.second_layer(), self.second_layer),
            layer(&gradient.first_layer, student.first_layer(), self.first_layer),
        ]
    }
}

/// The sum with its rounding.
pub(crate) fn sum(x: Bounded, y: Bounded) -> Bounded {
    let value = x.value + y.value;
    if !value.is_finite() {
        return Bounded { value, error: f64::INFINITY };
    }
    // Sums do not underflow.
    let is_zero = |x: Bounded| x.value.abs() <= 0.0 && x.error <= 0.0;
    if is_zero(x) || is_zero(y) {
        return if is_zero(x) { y } else { x };
    }
    let rounding = product_up(0.5 * f64::EPSILON, value.abs());
    Bounded { value, error: rounded_up(x.error + y.error + rounding) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_testing::{Tolerance::Exact, at_most, close, rounding};

    fn student() -> Network {
        Network::new(2, vec![1.0, 2.0], vec![3.0, 0.0, 0.0, 4.0]).unwrap()
    }

    #[test]
    fn it_adds_both_layers() {
        let decay = WeightDecay { second_layer: 2.0, first_layer: 4.0 };
        close(decay.value(&student()).value, 55.0, Exact);
        close(WeightDecay::equal(2.0).value(&student()).value, 30.0, Exact);
        // (1 + 2, -4 + 4) and (0 + 12, 8, 0, 0 + 16).
        let gradient = Gradient {
            second_layer: vec![1.0, -4.0],
            first_layer: vec![0.0, 8.0, 0.0, 0.0],
            second_layer_error: 0.5,
            first_layer_error: 0.25,
        };
        let [second, first] = decay.squared_norms(&student(), &gradient);
        close(second, 9.0, Exact);
        close(first, 144.0 + 64.0 + 256.0, Exact);
        let whole = decay.gradient(&student(), &gradient);
        assert_eq!(whole.second_layer, [3.0, 0.0]);
        assert_eq!(whole.first_layer, [12.0, 8.0, 0.0, 16.0]);
        for (found, entries, largest) in
            [(whole.second_layer_error, 0.5, 3.0), (whole.first_layer_error, 0.25, 16.0)]
        {
            at_most(entries + 0.5 * f64::EPSILON * largest, found, Exact);
            at_most(found, entries, rounding(4, largest));
        }
        let without = WeightDecay::equal(0.0).gradient(&student(), &gradient);
        assert_eq!(without.first_layer, gradient.first_layer);
        at_most(without.first_layer_error, 0.25, rounding(16, 0.25));
    }

    #[test]
    fn no_decay_adds_nothing_however_large_the_student() {
        let huge = Network::new(1, vec![f64::MAX], vec![f64::from_bits(1)]).unwrap();
        assert_eq!(WeightDecay::equal(0.0).value(&huge), Bounded { value: 0.0, error: 0.0 });
        let found = WeightDecay::equal(1.0).value(&huge);
        assert!(found.value.is_infinite() && found.error.is_infinite());
        // The square of the first layer underflows, and the error says so.
        let found = WeightDecay { second_layer: 0.0, first_layer: 1.0 }.value(&huge);
        close(found.value, 0.0, Exact);
        assert!(found.error > 0.0);
    }

    #[test]
    fn a_sum_of_doubles_is_off_by_half_an_epsilon() {
        let at = |value, error| Bounded { value, error };
        let found = sum(at(1.0, 0.0), at(f64::EPSILON / 4.0, 0.0));
        close(found.value, 1.0, Exact);
        at_most(f64::EPSILON / 4.0, found.error, Exact);
        at_most(found.error, 0.0, rounding(1, 1.0));
        assert_eq!(sum(at(1.0, 0.0), at(0.0, 0.0)), at(1.0, 0.0));
        assert!(sum(at(f64::MAX, 0.0), at(f64::MAX, 0.0)).error.is_infinite());
    }
}
