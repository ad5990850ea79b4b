//! Gradient flow, `d theta/dt = -grad L_lambda(theta)`, by the embedded Runge-Kutta pair of orders 5 and 4 of Dormand and Prince \[DP80\].
//!
//! The solution of order 5 is kept; its distance from the one of order 4 is the error of the latter, and the step size keeps
//! that at the tolerance: `h` goes as `tolerance^(1/5)`, and the error at a fixed time, that of the order kept, as
//! `h^5`, in proportion to the tolerance.

use crate::regularised::Regularised;
use gradiometer_hermite::float::{maximum, minimum};
use gradiometer_model::Network;
use gradiometer_model::geometry::norm;
use gradiometer_population::{Accuracy, Gradient, Objective, Workspace};

/// Where the flow of an epoch stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Flow {
    /// Time since the epoch began.
    pub time: f64,
    /// The step size to try next; 0 before the first step.
    pub step_size: f64,
}

/// An epoch of the flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlowEpoch {
    /// When it ends.
    pub(crate) horizon: f64,
    /// The step size to begin with.
    pub(crate) first_step: f64,
    /// Error of a step, relative to the parameters' norm.
    pub(crate) tolerance: f64,
    /// It ends early where the gradient's norm is at most this.
    pub(crate) goal: f64,
}

/// Weights of the slopes, row by row; the last row is the solution of order 5, whose gradient begins the next step.
const WEIGHTS: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
/// The solution of order 5 less that of order 4.
const ERROR: [f64; 7] = [
    71.0 / 57600.0,
    0.0,
    -71.0 / 16695.0,
    71.0 / 1920.0,
    -17253.0 / 339_200.0,
    22.0 / 525.0,
    -1.0 / 40.0,
];
/// Factors of the step size: caution, the least and the greatest.
const FACTORS: [f64; 3] = [0.9, 0.2, 5.0];

impl<O: Objective + ?Sized> Regularised<'_, O> {
    /// Up to `budget` accepted steps from the student, in place: how many, and whether the epoch has ended.
    pub(crate) fn flow(
        &self,
        student: &mut Network,
        flow: &mut Flow,
        epoch: FlowEpoch,
        budget: u64,
    ) -> (u64, bool) {
        let mut workspace = Workspace::new();
        let mut slope = |at: &Network| self.slope(at, &mut workspace);
        let mut slopes = vec![slope(student)];
        let mut taken = 0;
        while taken < budget {
            let left = epoch.horizon - flow.time;
            if !(left > 0.0) || norm(&slopes[0]) <= epoch.goal {
                return (taken, true);
            }
            let proposed = if flow.step_size > 0.0 { flow.step_size } else { epoch.first_step };
            let last = proposed >= left;
            let step_size = if last { left } else { proposed };
            let mut next = student.clone();
            for weights in WEIGHTS {
                next = moved(student, &slopes, weights, step_size);
                slopes.push(slope(&next));
            }
            let error = step_size * norm(&combined(&slopes, &ERROR));
            let (a, w) = student.squared_norms();
            let error = error / (epoch.tolerance * (a + w).sqrt());
            // Written so that NaN is too large an error.
            let accepted = error <= 1.0;
            let factor = FACTORS[0] * error.powf(-0.2);
            let factor = if factor > FACTORS[1] { minimum(factor, FACTORS[2]) } else { FACTORS[1] };
            if accepted {
                *student = next;
                flow.time = if last { epoch.horizon } else { flow.time + step_size };
                // A step cut short by the end says nothing of the next one.
                flow.step_size =
                    if last { maximum(proposed, factor * step_size) } else { factor * step_size };
                slopes.swap(0, WEIGHTS.len());
                taken += 1;
            } else {
                flow.step_size = factor * step_size;
                if !(flow.step_size > f64::EPSILON * epoch.horizon) {
                    // No step is short enough: the objective is not finite here.
                    student.layers_mut().0.fill(f64::NAN);
                    return (taken, true);
                }
            }
            slopes.truncate(1);
        }
        (taken, !(flow.time < epoch.horizon))
    }

    /// `-grad L_lambda`, `a` then `W`.
    fn slope(&self, at: &Network, workspace: &mut Workspace) -> Vec<f64> {
        let mut gradient = Gradient::default();
        let _reached =
            self.objective.evaluate_into(at, &Accuracy::FAST, workspace, Some(&mut gradient));
        let Gradient { second_layer, first_layer, .. } = self.whole(at, &gradient);
        second_layer.iter().chain(&first_layer).map(|x| -x).collect()
    }
}

/// `sum_i weights_i slopes_i`.
fn combined(slopes: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; slopes.first().map_or(0, Vec::len)];
    for (slope, weight) in slopes.iter().zip(weights) {
        for (s, x) in sum.iter_mut().zip(slope) {
            *s += weight * x;
        }
    }
    sum
}

fn moved(student: &Network, slopes: &[Vec<f64>], weights: &[f64], step_size: f64) -> Network {
    let mut moved = student.clone();
    let (a, w) = moved.layers_mut();
    for (x, s) in a.iter_mut().chain(w).zip(combined(slopes, weights)) {
        *x += step_size * s;
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_satisfy_the_conditions_of_their_orders() {
        // Each row sums to its node; a solution of order q integrates t^(q-1) exactly.
        let nodes = [0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0];
        let close = |x: f64, y: f64| assert!((x - y).abs() <= 64.0 * f64::EPSILON, "{x} for {y}");
        for (row, node) in WEIGHTS.iter().zip(&nodes[1..]) {
            close(row.iter().sum(), *node);
        }
        for power in 0..5 {
            let integral = |weights: &[f64]| -> f64 {
                weights.iter().zip(&nodes).map(|(b, c): (&f64, &f64)| b * c.powi(power)).sum()
            };
            close(integral(WEIGHTS[5]), 1.0 / f64::from(power + 1));
            // The difference of the two solutions is zero up to t^3 and must not be for t^4.
            let difference = integral(&ERROR);
            if power < 4 {
                close(difference, 0.0);
            } else {
                assert!(difference.abs() > 1.0 / 8192.0, "{difference}");
            }
        }
    }
}
