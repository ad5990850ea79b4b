//! Descent of a student whose second half mirrors its first, on the first half alone.
//!
//! An even loss sees twins `(a, w)` and `(a, +-w)` as one neuron `(2 a, w)`: with the loss `L'` of the merged student `dL/da = dL'/d(2 a)` for each of
//! them, and `dL/dw = (1/2) dL'/dw`. Twice and half are exact, so that the steps are those of the whole student.

use crate::optimizer::{LayerMoments, Optimizer};
use gradiometer_model::Network;
use gradiometer_population::{Gradient, WeightDecay};

/// The first half, and what the second one repeats.
#[derive(Clone, Debug)]
pub(crate) struct MirroredStudent {
    /// The neurons `(2 a, w)`.
    merged: Network,
    second_layer: Vec<f64>,
    /// For each neuron of the second half whether it is its twin's opposite.
    opposite: Vec<bool>,
}

impl MirroredStudent {
    /// The half, if the student's second half mirrors its first to the last bit, with the same second layer.
    pub(crate) fn of(student: &Network) -> Option<Self> {
        let (m, d) = (student.neurons(), student.dimension());
        let (second_layer, twins) = student.second_layer().split_at(m / 2);
        let (first, second) = student.first_layer().split_at(m / 2 * d);
        let bits = |values: &[f64]| -> Vec<u64> { values.iter().map(|x| x.to_bits()).collect() };
        if m == 0 || m % 2 == 1 || bits(second_layer) != bits(twins) {
            return None;
        }
        let opposite = first.chunks_exact(d).zip(second.chunks_exact(d)).map(|(w, v)| {
            let opposite = w[0].to_bits() != v[0].to_bits();
            let twin = w.iter().map(|x| if opposite { -x } else { *x });
            twin.zip(v).all(|(x, y)| x.to_bits() == y.to_bits()).then_some(opposite)
        });
        let opposite: Vec<bool> = opposite.collect::<Option<_>>()?;
        let doubled = second_layer.iter().map(|a| 2.0 * a).collect();
        let merged = Network::new(d, doubled, first.to_vec()).ok()?;
        Some(Self { merged, second_layer: second_layer.to_vec(), opposite })
    }

    /// The student that has the loss of the whole.
    pub(crate) const fn merged(&self) -> &Network {
        &self.merged
    }

    /// A step of gradient descent with the gradient of the merged student's loss.
    pub(crate) fn step(&mut self, step_size: f64, decay: WeightDecay, gradient: &Gradient) {
        let (descent, moments) = (Optimizer::GradientDescent, &mut LayerMoments::default());
        let second = (self.second_layer.as_mut_slice(), gradient.second_layer.as_slice());
        descent.step(step_size, decay.second_layer, second, moments, 1);
        let (doubled, first_layer) = self.merged.layers_mut();
        for (double, a) in doubled.iter_mut().zip(&self.second_layer) {
            *double = 2.0 * a;
        }
        // MirroredStudent the gradient, and as much decay as before.
        let first = (first_layer, gradient.first_layer.as_slice());
        descent.step(0.5 * step_size, 2.0 * decay.first_layer, first, moments, 1);
    }

    /// Writes both halves.
    pub(crate) fn write(&self, student: &mut Network) {
        let d = student.dimension();
        let half = self.second_layer.len();
        let (second_layer, first_layer) = student.layers_mut();
        let (a, twins) = second_layer.split_at_mut(half);
        a.copy_from_slice(&self.second_layer);
        twins.copy_from_slice(&self.second_layer);
        let (first, second) = first_layer.split_at_mut(half * d);
        first.copy_from_slice(self.merged.first_layer());
        let rows = self.merged.rows().zip(&self.opposite);
        for ((w, opposite), twin) in rows.zip(second.chunks_exact_mut(d)) {
            for (y, x) in twin.iter_mut().zip(w) {
                *y = if *opposite { -x } else { *x };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn student(second_layer: &[f64], rows: &[[f64; 2]]) -> Network {
        Network::new(2, second_layer.to_vec(), rows.concat()).unwrap()
    }

    #[test]
    fn only_a_mirrored_student_has_a_half() {
        let (w, v) = ([1.0, -2.0], [0.0, 3.0]);
        let opposite = [2.0_f64, -3.0].map(|x| -x);
        let whole = student(&[1.0, 5.0, 1.0, 5.0], &[w, v, [-1.0, 2.0], v]);
        let half = MirroredStudent::of(&whole).unwrap();
        assert_eq!(half.merged(), &student(&[2.0, 10.0], &[w, v]));
        let mut again = student(&[0.0; 4], &[[0.0; 2]; 4]);
        half.write(&mut again);
        assert_eq!(again, whole);
        for other in [
            student(&[1.0, 5.0, 1.0, -5.0], &[w, v, w, v]),
            student(&[1.0, 5.0, 1.0, 5.0], &[w, v, v, w]),
            student(&[1.0, 5.0, 1.0, 5.0], &[w, v, w, [0.0, 3.0000000000000004]]),
            // A zero of another sign would come back as it was not.
            student(&[1.0, 1.0], &[v, [-0.0, 3.0]]),
            student(&[1.0, 1.0, 1.0], &[w, w, w]),
            student(&[1.0, 1.0], &[opposite, [2.0, 3.0]]),
        ] {
            assert!(MirroredStudent::of(&other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_step_by_hand() {
        // a - (1/2)(3 + 2 a) and w - (1/2)(g/2 + 4 w).
        let mut half =
            MirroredStudent::of(&student(&[1.0, 1.0], &[[1.0, 2.0], [-1.0, -2.0]])).unwrap();
        let gradient = Gradient {
            second_layer: vec![3.0],
            first_layer: vec![8.0, -4.0],
            ..Gradient::default()
        };
        half.step(0.5, WeightDecay { second_layer: 2.0, first_layer: 4.0 }, &gradient);
        assert_eq!(half.merged(), &student(&[-3.0], &[[-3.0, -1.0]]));
        let mut whole = student(&[1.0, 1.0], &[[1.0, 2.0], [-1.0, -2.0]]);
        half.write(&mut whole);
        assert_eq!(whole, student(&[-1.5, -1.5], &[[-3.0, -1.0], [3.0, 1.0]]));
    }
}
