//! Algorithm 1 of \[ZG24\] as data: every stage is optional and carries its own parameters.

use crate::{Floors, Optimizer, Phase, TrainError};
use gradiometer_population::WeightDecay;

/// The stages and their parameters. `None` leaves a stage out.
///
/// Preprocessing (statement 4.1) is a property of the objective: degrees at least 2.
#[derive(Clone, Debug, PartialEq)]
pub struct Algorithm {
    /// One large step on the first layer.
    pub stage1: Option<Stage1>,
    /// A fit of the second layer with the first one fixed.
    pub stage2: Option<Stage2>,
    /// Whether to balance the norms after Stage 2.
    pub balance: bool,
    /// Gradient descent on both layers with decreasing weight decay.
    pub stage3: Option<Stage3>,
}

/// Stage 1 (statement 4.2): `W <- W - eta_0 (grad_W L + lambda_0 W)` with `eta_0 lambda_0 = 1`, that is `W <- -eta_0 grad_W L`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage1 {
    /// `eta_0`; `lambda_0` is its inverse.
    pub step_size: f64,
}

/// Stage 2 (statement 4.3): minimise `L + (lambda_1/2) |a|^2` over the second layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage2 {
    /// `lambda_1`.
    pub lambda: f64,
    /// How to minimise.
    pub solver: Solver,
}

/// A minimiser of the ridge problem of Stage 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Solver {
    /// The ridge solution, by conjugate gradients on the objective's own gradient (no `m x m` matrix), until the
    /// residual has fallen by the given factor or the steps are used up.
    Ridge {
        /// Factor by which the residual must fall.
        tolerance: f64,
        /// Most iterations.
        steps: u64,
    },
    /// Gradient descent from the present second layer.
    GradientDescent {
        /// Step size.
        step_size: f64,
        /// Number of steps.
        steps: u64,
    },
}

/// Stage 3 (statement 4.4): gradient descent on `L + (lambda_k/2)(|a|^2 + |W|_F^2)`, epoch by epoch, `lambda_{k+1} = decay lambda_k`, or a
/// variant: another optimiser, unequal weight decay, the first layer frozen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage3 {
    /// `eta`.
    pub step_size: f64,
    /// `lambda` of the first epoch.
    pub lambda: f64,
    /// Factor from one epoch's `lambda` to the next; the paper halves.
    pub decay: f64,
    /// Number of epochs, `K + 1`.
    pub epochs: u64,
    /// Most steps in an epoch, `T_k`.
    pub steps: u64,
    /// An epoch ends early once `|grad L_lambda|_F <= gradient_factor lambda^2`; 0 never ends it early.
    pub gradient_factor: f64,
    /// How a gradient becomes a step.
    pub optimizer: Optimizer,
    /// The weight decay of each layer in units of `lambda`; both 1 in the paper.
    pub shares: WeightDecay,
    /// Whether `W` stays as Stage 1 left it and only `a` moves; the gradient's norm is then that in `a`.
    pub freeze_first_layer: bool,
    /// After which epochs to go to the minimiser of `L_lambda` nearby, by Newton's method.
    pub floors: Floors,
    /// Most steps of Newton's method for one floor.
    pub floor_steps: u64,
}

impl Stage3 {
    /// Whether the epoch is followed by its floor.
    pub fn has_floor(&self, epoch: u64) -> bool {
        match self.floors {
            Floors::None => false,
            Floors::Last => epoch + 1 == self.epochs,
            Floors::Every => true,
        }
    }

    /// The weight decay at the given `lambda`.
    pub fn weight_decay(&self, lambda: f64) -> WeightDecay {
        WeightDecay {
            second_layer: lambda * self.shares.second_layer,
            first_layer: lambda * self.shares.first_layer,
        }
    }
}

impl Default for Algorithm {
    fn default() -> Self {
        Self {
            stage1: Some(Stage1::default()),
            stage2: Some(Stage2::default()),
            balance: true,
            stage3: Some(Stage3::default()),
        }
    }
}

impl Default for Stage1 {
    fn default() -> Self {
        Self { step_size: 1000.0 }
    }
}

impl Default for Stage2 {
    fn default() -> Self {
        Self { lambda: 1e-2, solver: Solver::Ridge { tolerance: 1e-10, steps: 1000 } }
    }
}

impl Default for Stage3 {
    fn default() -> Self {
        Self {
            step_size: 0.5,
            lambda: 1e-2,
            decay: 0.5,
            epochs: 14,
            steps: 3000,
            gradient_factor: 0.0,
            optimizer: Optimizer::GradientDescent,
            shares: WeightDecay::equal(1.0),
            freeze_first_layer: false,
            floors: Floors::None,
            floor_steps: 1000,
        }
    }
}

fn require(
    ok: bool,
    field: &'static str,
    value: f64,
    expected: &'static str,
) -> Result<(), TrainError> {
    if ok { Ok(()) } else { Err(TrainError::Parameter { field, value, expected }) }
}

fn positive(field: &'static str, value: f64) -> Result<(), TrainError> {
    require(value > 0.0 && value.is_finite(), field, value, "positive and finite")
}

fn not_negative(field: &'static str, value: f64) -> Result<(), TrainError> {
    require(value >= 0.0 && value.is_finite(), field, value, "at least 0 and finite")
}

fn share(field: &'static str, value: f64) -> Result<(), TrainError> {
    require((0.0..1.0).contains(&value), field, value, "at least 0 and less than 1")
}

impl Algorithm {
    /// The weight decay that is part of the objective in a phase: that of Stage 3 has its shares, any other is equal on both layers.
    pub fn weight_decay(&self, phase: Phase, lambda: f64) -> WeightDecay {
        match (phase, self.stage3) {
            (Phase::Stage3 { .. } | Phase::Floor { .. }, Some(stage3)) => {
                stage3.weight_decay(lambda)
            }
            _ => WeightDecay::equal(lambda),
        }
    }

    /// Checks every parameter.
    ///
    /// # Errors
    /// [`TrainError::Parameter`] with the name the field has in an experiment file.
    pub fn validate(&self) -> Result<(), TrainError> {
        if let Some(stage1) = self.stage1 {
            positive("stage1.step_size", stage1.step_size)?;
        }
        if let Some(stage2) = self.stage2 {
            not_negative("stage2.lambda", stage2.lambda)?;
            match stage2.solver {
                Solver::Ridge { tolerance, .. } => positive("stage2.tolerance", tolerance)?,
                Solver::GradientDescent { step_size, .. } => {
                    positive("stage2.step_size", step_size)?;
                }
            }
        }
        if let Some(stage3) = self.stage3 {
            positive("stage3.step_size", stage3.step_size)?;
            not_negative("stage3.lambda", stage3.lambda)?;
            require(
                stage3.decay > 0.0 && stage3.decay <= 1.0,
                "stage3.decay",
                stage3.decay,
                "above 0 and at most 1",
            )?;
            not_negative("stage3.gradient_factor", stage3.gradient_factor)?;
            not_negative("stage3.second_layer_share", stage3.shares.second_layer)?;
            not_negative("stage3.first_layer_share", stage3.shares.first_layer)?;
            match stage3.optimizer {
                Optimizer::GradientDescent => {}
                Optimizer::Flow { tolerance } => positive("stage3.tolerance", tolerance)?,
                Optimizer::Momentum { momentum } => share("stage3.momentum", momentum)?,
                Optimizer::Adam { momentum, second_momentum, epsilon } => {
                    share("stage3.momentum", momentum)?;
                    share("stage3.second_momentum", second_momentum)?;
                    positive("stage3.epsilon", epsilon)?;
                }
            }
        }
        Ok(())
    }
}
