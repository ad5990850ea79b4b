//! An autonomous flow by the embedded Runge-Kutta pair of orders 5 and 4 of Dormand and Prince.

use super::{largest, within};
use crate::error::MechanismError;

/// The stages' weights, row by row; the last row is the solution of order 5, whose rate begins the
/// next step.
const STAGES: [&[f64]; 6] = [
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
/// The step size to begin with.
const FIRST_STEP: f64 = 1e-2;
/// Most tries of one step.
const MOST_TRIES: usize = 60;

/// A point of the flow and the rate there.
pub(super) struct Flow<F> {
    time: f64,
    state: Vec<f64>,
    rate: Vec<f64>,
    step_size: f64,
    tolerance: f64,
    rates: F,
}

impl<F: FnMut(&[f64]) -> Result<Vec<f64>, MechanismError>> Flow<F> {
    pub(super) fn new(
        state: Vec<f64>,
        tolerance: f64,
        mut rates: F,
    ) -> Result<Self, MechanismError> {
        let rate = rates(&state)?;
        Ok(Self { time: 0.0, state, rate, step_size: FIRST_STEP, tolerance, rates })
    }

    pub(super) const fn time(&self) -> f64 {
        self.time
    }

    pub(super) fn state(&self) -> &[f64] {
        &self.state
    }

    pub(super) fn advance_to(&mut self, time: f64) -> Result<(), MechanismError> {
        while self.time < time {
            let left = time - self.time;
            self.step(left)?;
            // The last step ends where it should, without the sum's rounding.
            if !(time - self.time > 1e-14 * time) {
                self.time = time;
            }
        }
        Ok(())
    }

    /// One accepted step of at most `most`.
    pub(super) fn step(&mut self, most: f64) -> Result<(), MechanismError> {
        let mut apart = f64::NAN;
        for _ in 0..MOST_TRIES {
            let whole = self.step_size >= most;
            let size = if whole { most } else { self.step_size };
            let mut slopes = vec![self.rate.clone()];
            let mut next = Vec::new();
            for weights in STAGES {
                next.clear();
                next.extend(self.state.iter().enumerate().map(|(i, y)| {
                    let push: f64 = weights.iter().zip(&slopes).map(|(w, s)| w * s[i]).sum();
                    y + size * push
                }));
                slopes.push((self.rates)(&next)?);
            }
            apart = largest(next.iter().enumerate().map(|(i, y)| {
                let off: f64 = ERROR.iter().zip(&slopes).map(|(e, s)| e * s[i]).sum();
                size * off / (1.0 + y.abs())
            }));
            let factor = within(0.9 * (self.tolerance / apart).powf(0.2), 0.2, 5.0);
            if apart <= self.tolerance {
                self.time += size;
                self.state = next;
                self.rate = slopes.pop().unwrap_or_default();
                // A step cut short at its end says nothing of a longer one.
                let proposed = if factor.is_finite() { size * factor } else { size * 5.0 };
                self.step_size =
                    if whole && proposed < self.step_size { self.step_size } else { proposed };
                return Ok(());
            }
            self.step_size = size * if factor < 1.0 { factor } else { 0.2 };
        }
        Err(MechanismError::NotConverged {
            what: "step of the order parameters",
            steps: MOST_TRIES,
            remaining: apart,
        })
    }
}
