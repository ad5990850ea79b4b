//! Weight decay, and the gradient that it is part of.

use crate::value::Gradient;
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

    /// Its value at a student.
    pub fn value(self, student: &Network) -> f64 {
        let (a, w) = student.squared_norms();
        0.5 * (self.second_layer * a + self.first_layer * w)
    }

    /// The squared norms of `dL/da + lambda_a a` and `dL/dW + lambda_w W`.
    pub fn squared_norms(self, student: &Network, gradient: &Gradient) -> [f64; 2] {
        let layer = |g: &[f64], x: &[f64], lambda: f64| -> f64 {
            g.iter().zip(x).map(|(g, x)| (g + lambda * x) * (g + lambda * x)).sum()
        };
        [
            layer(&gradient.second_layer, student.second_layer(), self.second_layer),
            layer(&gradient.first_layer, student.first_layer(), self.first_layer),
        ]
    }

    /// `|grad L_lambda|_F`, from `grad L`.
    pub fn gradient_norm(self, student: &Network, gradient: &Gradient) -> f64 {
        let [second, first] = self.squared_norms(student, gradient);
        (second + first).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "whole numbers are exact")]
    fn it_adds_both_layers() {
        let student = Network::new(2, vec![1.0, 2.0], vec![3.0, 0.0, 0.0, 4.0]).unwrap();
        let decay = WeightDecay { second_layer: 2.0, first_layer: 4.0 };
        assert_eq!(decay.value(&student), 55.0);
        assert_eq!(WeightDecay::equal(2.0).value(&student), 30.0);
        // (1 + 2, -4 + 4) and (0 + 12, 8, 0, 0 + 16).
        let gradient = Gradient {
            second_layer: vec![1.0, -4.0],
            first_layer: vec![0.0, 8.0, 0.0, 0.0],
            ..Gradient::default()
        };
        assert_eq!(decay.squared_norms(&student, &gradient), [9.0, 144.0 + 64.0 + 256.0]);
        assert_eq!(WeightDecay::equal(0.0).gradient_norm(&student, &gradient), 9.0);
    }
}
