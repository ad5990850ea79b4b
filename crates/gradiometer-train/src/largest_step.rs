//! How long the steps of Stage 3 may be.

use crate::phase::Phase;
use crate::regularised::Regularised;
use crate::{Optimizer, Trainer};
use gradiometer_hermite::float::maximum;
use gradiometer_model::Network;
use gradiometer_model::geometry::{dot, norm, normalised};
use gradiometer_population::{Accuracy, Gradient, Objective, Workspace};

/// The step size of Stage 3 beside the largest one that is safe where the stage begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepSize {
    /// That of the algorithm.
    pub chosen: f64,
    /// One over the largest eigenvalue of the Hessian of `L_lambda` that was met there, over the
    /// parameters that move: below it a step lowers `L_lambda` by half its length times the squared
    /// gradient, to leading order (statement 7.10), and beyond twice it descent is unstable.
    /// Sampled: power iteration may miss some per cent, and the eigenvalue changes along the run.
    pub largest: f64,
}

/// Steps of the power iteration, of two gradients each.
const ITERATIONS: u32 = 24;
/// Length of the differences that stand for the Hessian, in units of the parameters' norm.
const DIFFERENCE: f64 = 1e-4;

impl<O: Objective + ?Sized> Trainer<'_, O> {
    /// Where plain gradient descent is about to begin; `None` elsewhere, and where the Hessian has no
    /// positive eigenvalue in sight.
    pub fn step_size(&self) -> Option<StepSize> {
        let state = self.state();
        let stage3 = self.algorithm().stage3?;
        let begins = state.phase == Phase::Stage3 { epoch: 0 } && state.phase_steps == 0;
        let descends = stage3.steps > 0 && matches!(stage3.optimizer, Optimizer::GradientDescent);
        if !(begins && descends) {
            return None;
        }
        let curvature = self.regularised(stage3).curvature(&state.student);
        let largest = 1.0 / curvature;
        (curvature > 0.0 && largest > 0.0).then_some(StepSize { chosen: stage3.step_size, largest })
    }
}

impl<O: Objective + ?Sized> Regularised<'_, O> {
    /// The largest Rayleigh quotient of the Hessian that a power iteration meets.
    fn curvature(&self, student: &Network) -> f64 {
        let neurons = student.neurons();
        let size = norm(student.second_layer()).hypot(norm(student.first_layer()));
        let count = neurons + student.first_layer().len();
        // Any start that no symmetry of the student makes special: fractions of multiples of the golden ratio.
        let start = |i: usize| (0.618_033_988_749_895 * (i + 1) as f64).fract() - 0.5;
        let mut direction: Vec<f64> = (0..count).map(start).collect();
        self.restrict(&mut direction, neurons);
        let mut largest = f64::NEG_INFINITY;
        let mut workspace = Workspace::new();
        for _ in 0..ITERATIONS {
            direction = normalised(&direction);
            let length = DIFFERENCE * size;
            let there = self.gradient_at(student, (&direction, length), &mut workspace);
            let back = self.gradient_at(student, (&direction, -length), &mut workspace);
            let image: Vec<f64> =
                there.iter().zip(&back).map(|(x, y)| (x - y) / (2.0 * length)).collect();
            largest = maximum(largest, dot(&image, &direction));
            direction = image;
        }
        largest
    }

    /// The whole gradient at a student moved along a direction.
    fn gradient_at(
        &self,
        student: &Network,
        (direction, length): (&[f64], f64),
        workspace: &mut Workspace,
    ) -> Vec<f64> {
        let mut moved = student.clone();
        let (second, first) = moved.layers_mut();
        for (x, v) in second.iter_mut().chain(first).zip(direction) {
            *x += length * v;
        }
        let mut gradient = Gradient::default();
        let _reached =
            self.objective.evaluate_into(&moved, &Accuracy::FAST, workspace, Some(&mut gradient));
        let whole = self.whole(&moved, &gradient);
        [whole.second_layer, whole.first_layer].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;
    use gradiometer_model::Teacher;
    use gradiometer_population::Population;

    /// One neuron `(a, w)` on the teacher `(1, 1)` of one dimension: `L = k (a w - 1)^2` with
    /// `k = 1/4 - 1/(2 pi)`, whose Hessian has two eigenvalues known by hand.
    #[test]
    fn one_neuron_has_the_step_of_its_two_eigenvalues() {
        let teacher = Teacher::new(Network::new(1, vec![1.0], vec![1.0]).unwrap()).unwrap();
        let population = Population::new(teacher);
        let mut algorithm =
            Algorithm { stage1: None, stage2: None, balance: false, ..Algorithm::default() };
        let (a, w) = (1.5, 0.75);
        let start = || Network::new(1, vec![a], vec![w]).unwrap();
        let (k, lambda) = (0.25 - 0.5 / std::f64::consts::PI, algorithm.stage3.unwrap().lambda);
        let (aa, ww, aw) = (2.0 * k * w * w, 2.0 * k * a * a, 2.0 * k * (2.0 * a * w - 1.0));
        let both = lambda + 0.5 * (aa + ww) + (0.5 * (aa - ww)).hypot(aw);
        let size = |algorithm: &Algorithm| {
            Trainer::new(&population, algorithm, start()).unwrap().step_size()
        };
        let agrees = |found: f64, curvature: f64| (found * curvature - 1.0).abs() <= DIFFERENCE;
        assert!(agrees(size(&algorithm).unwrap().largest, both));
        // With a frozen first layer the curvature is that in a, and the other one is told apart.
        let stage3 = algorithm.stage3.as_mut().unwrap();
        (stage3.freeze_first_layer, stage3.step_size) = (true, 3.0);
        let frozen = size(&algorithm).unwrap();
        assert!(agrees(frozen.largest, aa + lambda) && !agrees(frozen.largest, both));
        assert_eq!(frozen.chosen.to_bits(), 3.0_f64.to_bits());
        // Nothing where no step is taken, nor once Stage 3 is under way.
        algorithm.stage3.as_mut().unwrap().steps = 0;
        assert_eq!(size(&algorithm), None);
        algorithm.stage3.as_mut().unwrap().steps = 9;
        let mut later = Trainer::new(&population, &algorithm, start()).unwrap();
        let _paused = later.advance(1).unwrap();
        assert_eq!(later.step_size(), None);
    }
}
