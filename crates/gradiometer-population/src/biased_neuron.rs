//! A ReLU neuron with a bias, `s (Z - h)_+` with `s = |w|`, `h = -b/s` and `Z` the normal variable along `w`.

use gradiometer_hermite::double::DoubleDouble;
use gradiometer_hermite::normal::{mean_excess, upper_tail};

/// A neuron with what its pairs need.
pub(crate) struct BiasedNeuron {
    /// The second-layer weight, of the teacher's neurons with the other sign.
    pub(crate) weight: f64,
    /// `s`.
    pub(crate) length: f64,
    /// `h`; for a zero vector infinite with the sign that says whether it is on.
    pub(crate) bound: f64,
    bias: f64,
    pub(crate) direction: Vec<DoubleDouble>,
    /// `u`.
    pub(crate) unit: Vec<f64>,
    /// `m`.
    pub(crate) mean: f64,
    /// `Q(h)`.
    pub(crate) tail: f64,
}

impl BiasedNeuron {
    pub(crate) fn new(weight: f64, w: &[f64], bias: f64) -> Self {
        let largest = w.iter().fold(0.0, |s: f64, x| if x.abs() > s { x.abs() } else { s });
        if !(largest > 0.0) {
            // A constant: max(b, 0).
            let on = if bias > 0.0 { 1.0 } else { 0.0 };
            return Self {
                weight,
                length: 0.0,
                bound: if bias > 0.0 { f64::NEG_INFINITY } else { f64::INFINITY },
                bias,
                direction: vec![DoubleDouble::ZERO; w.len()],
                unit: vec![0.0; w.len()],
                mean: on * bias,
                tail: on,
            };
        }
        let exponent = ((largest.to_bits() >> 52) & 0x7ff).clamp(2, 2044);
        let scale = f64::from_bits(exponent << 52);
        let scaled: Vec<f64> = w.iter().map(|x| x / scale).collect();
        let length = DoubleDouble::dot(&scaled, &scaled).sqrt();
        let direction: Vec<_> = scaled.iter().map(|x| DoubleDouble::from(*x) / length).collect();
        let unit = direction.iter().map(|x| x.to_f64()).collect();
        let length = length.to_f64() * scale;
        let bound = -bias / length;
        let (mean, tail) = (length * mean_excess(bound), upper_tail(bound));
        Self { weight, length, bound, bias, direction, unit, mean, tail }
    }

    pub(crate) const fn is_constant(&self) -> bool {
        !(self.length > 0.0)
    }

    /// `s (1 + |h|)`, the neuron's size for rounding.
    pub(crate) fn size(&self) -> f64 {
        self.length + self.bias.abs()
    }

    /// `|h|` where it matters: beyond ten the density is none.
    pub(crate) fn bound_size(&self) -> f64 {
        let size = self.bound.abs();
        if size < 10.0 { size } else { 10.0 }
    }
}
