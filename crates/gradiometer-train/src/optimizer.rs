//! First-order optimisers of Stage 3.

/// How a gradient becomes a step. Weight decay is part of the gradient, `g = dL/dx + lambda x`, in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Optimizer {
    /// `x <- x - eta g`, the paper's. The default.
    #[default]
    GradientDescent,
    /// `v <- momentum v + g`, `x <- x - eta v` (heavy ball).
    Momentum {
        /// In `[0, 1)`.
        momentum: f64,
    },
    /// Adam with bias correction: `x <- x - eta p / (sqrt(q) + epsilon)` with the corrected means `p` of `g` and `q` of `g^2`.
    Adam {
        /// Share of the past in the mean of `g`, in `[0, 1)`.
        momentum: f64,
        /// Share of the past in the mean of `g^2`, in `[0, 1)`.
        second_momentum: f64,
        /// What keeps the quotient finite, positive.
        epsilon: f64,
    },
    /// No steps but the flow `dx/dt = -g` itself, for the time `eta` times the number of steps, integrated to a tolerance.
    Flow {
        /// Error of a step of the integrator, relative to the norm of the parameters.
        tolerance: f64,
    },
}

/// What an optimiser remembers; empty for gradient descent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Steps taken.
    pub steps: u64,
    /// Of `a`.
    pub second_layer: LayerMoments,
    /// Of `W`.
    pub first_layer: LayerMoments,
}

/// The part of [`Moments`] for one layer, of the layer's length or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerMoments {
    /// Running sum or mean of the gradients.
    pub first: Vec<f64>,
    /// Running mean of their squares.
    pub second: Vec<f64>,
}

impl Optimizer {
    /// One step on a layer, the `count`-th.
    pub(crate) fn step(
        self,
        step_size: f64,
        lambda: f64,
        (layer, gradient): (&mut [f64], &[f64]),
        moments: &mut LayerMoments,
        count: u64,
    ) {
        let entries = layer.iter_mut().zip(gradient);
        match self {
            // The flow is integrated elsewhere; Euler's step of it is that of gradient descent.
            Self::GradientDescent | Self::Flow { .. } => {
                let keep = 1.0 - step_size * lambda;
                for (x, g) in entries {
                    *x = keep * *x - step_size * g;
                }
            }
            Self::Momentum { momentum } => {
                moments.first.resize(gradient.len(), 0.0);
                for ((x, g), v) in entries.zip(&mut moments.first) {
                    *v = momentum * *v + (g + lambda * *x);
                    *x -= step_size * *v;
                }
            }
            Self::Adam { momentum, second_momentum, epsilon } => {
                moments.first.resize(gradient.len(), 0.0);
                moments.second.resize(gradient.len(), 0.0);
                let remembered = |share: f64| 1.0 - share.powf(count as f64);
                let (first, second) = (remembered(momentum), remembered(second_momentum));
                let means = moments.first.iter_mut().zip(&mut moments.second);
                for ((x, g), (p, q)) in entries.zip(means) {
                    let g = g + lambda * *x;
                    *p = momentum * *p + (1.0 - momentum) * g;
                    *q = second_momentum * *q + (1.0 - second_momentum) * g * g;
                    *x -= step_size * (*p / first) / ((*q / second).sqrt() + epsilon);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two steps from 1 with gradients 2 and -1, decay 1, step size 1/4.
    fn two_steps(optimizer: Optimizer) -> [f64; 2] {
        let (mut x, mut moments) = ([1.0], LayerMoments::default());
        optimizer.step(0.25, 1.0, (&mut x, &[2.0]), &mut moments, 1);
        let first = x[0];
        optimizer.step(0.25, 1.0, (&mut x, &[-1.0]), &mut moments, 2);
        [first, x[0]]
    }

    /// Within a few roundings of numbers of order 1.
    fn is(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= 4.0 * f64::EPSILON
    }

    #[test]
    fn steps_by_hand() {
        // g = 3, then -1 + x.
        let [first, second] = two_steps(Optimizer::GradientDescent);
        assert!(is(first, 0.25) && is(second, 0.4375), "{first} {second}");
        // v = 3, then 3/2 - 3/4.
        let [first, second] = two_steps(Optimizer::Momentum { momentum: 0.5 });
        assert!(is(first, 0.25) && is(second, 0.0625), "{first} {second}");
        // Corrected means 3 and 9: a step of 1/4 without epsilon. Then g = -1/4, and the means of both gradients.
        let adam = Optimizer::Adam { momentum: 0.5, second_momentum: 0.75, epsilon: 0.0 };
        let p = (0.5 * 1.5 + 0.5 * -0.25) / 0.75;
        let q = (0.75 * (0.25 * 9.0) + 0.25 * 0.0625) / (1.0 - 0.5625);
        let [first, second] = two_steps(adam);
        assert!(is(first, 0.75) && is(second, 0.75 - 0.25 * p / f64::sqrt(q)), "{first} {second}");
        let shy = Optimizer::Adam { momentum: 0.5, second_momentum: 0.75, epsilon: 3.0 };
        assert!(is(two_steps(shy)[0], 0.875));
    }
}
