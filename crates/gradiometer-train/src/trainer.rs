//! The state of a run and the steps that advance it.

use crate::algorithm::{Algorithm, Solver, Stage2, Stage3};
use crate::error::TrainError;
use crate::floor::{FloorEnding, Floors, StationaryPoint};
use crate::flow::{Flow, FlowEpoch};
use crate::mirrored_student::MirroredStudent;
use crate::optimizer::{Moments, Optimizer};
use crate::phase::Phase;
use crate::record::Record;
use crate::regularised::Regularised;
use gradiometer_model::{ModelError, Network};
use gradiometer_population::{Accuracy, Gradient, Objective, Precision, Workspace};

/// Everything that decides how a run goes on: a run resumed from its state takes the same steps.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The student.
    pub student: Network,
    /// The phase under way.
    pub phase: Phase,
    /// Steps taken in this phase.
    pub phase_steps: u64,
    /// Gradient steps taken in all.
    pub steps: u64,
    /// The weight decay in force, or of the last phase that had one.
    pub lambda: f64,
    /// What Stage 3's optimiser remembers.
    pub moments: Moments,
    /// The search for a floor under way, or the last one.
    pub floor: StationaryPoint,
    /// The flow of this epoch, where Stage 3 is one.
    pub flow: Flow,
}

/// Why [`Trainer::advance`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// The budget of steps is used up; the phase goes on.
    Paused,
    /// This phase has ended; the state already stands at the next one.
    Ended(Phase),
}

/// Algorithm 1 on an objective, as a machine that can be stopped after every step.
#[derive(Debug)]
pub struct Trainer<'a, O: ?Sized> {
    objective: &'a O,
    algorithm: &'a Algorithm,
    state: State,
    /// What the gradient of a step is asked for.
    step_accuracy: Accuracy,
    workspace: Workspace,
    gradient: Gradient,
}

/// Share of the gradient at zero from which on a difference of gradients counts as short, a power of
/// two; how often a direction is stretched for it, and the longest that it gets.
const SHORT: f64 = 1.0 / 1024.0;
const STRETCHES: usize = 8;
const LONGEST: f64 = (1_u64 << 60) as f64;

impl<'a, O: Objective + ?Sized> Trainer<'a, O> {
    /// A run from its start.
    ///
    /// # Errors
    /// [`TrainError`] if a parameter is out of range or the dimensions differ.
    pub fn new(
        objective: &'a O,
        algorithm: &'a Algorithm,
        student: Network,
    ) -> Result<Self, TrainError> {
        let first = first_phase(algorithm);
        let lambda = lambda_of(algorithm, first, 0.0);
        Self::resume(
            objective,
            algorithm,
            State {
                student,
                phase: first,
                phase_steps: 0,
                steps: 0,
                lambda,
                moments: Moments::default(),
                floor: StationaryPoint::default(),
                flow: Flow::default(),
            },
        )
    }

    /// A run from a state it was once in.
    ///
    /// # Errors
    /// [`TrainError`] if a parameter is out of range or the dimensions differ.
    pub fn resume(
        objective: &'a O,
        algorithm: &'a Algorithm,
        state: State,
    ) -> Result<Self, TrainError> {
        algorithm.validate()?;
        let (teacher, student) = (objective.teacher().dimension(), state.student.dimension());
        if teacher != student {
            return Err(ModelError::DimensionMismatch { teacher, student }.into());
        }
        Ok(Self {
            objective,
            algorithm,
            state,
            step_accuracy: Accuracy::FAST,
            workspace: Workspace::new(),
            gradient: Gradient::default(),
        })
    }

    /// The same with the gradients of the steps of Stages 1 to 3 computed in the given precision, where the objective has the choice. The ridge
    /// solution, the flow, floors and records are always in doubles: they take differences, or say how accurate they are.
    #[must_use]
    pub const fn with_precision(mut self, precision: Precision) -> Self {
        self.step_accuracy = Accuracy::fast_in(precision);
        self
    }

    /// What the run follows.
    pub(crate) const fn algorithm(&self) -> &Algorithm {
        self.algorithm
    }

    /// The present state.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The final state.
    pub fn into_state(self) -> State {
        self.state
    }

    /// Whether nothing is left to do.
    pub fn is_finished(&self) -> bool {
        self.state.phase == Phase::Finished
    }

    /// Measures the present student, with its mass beyond each of the angles.
    pub fn record(&self, angles: &[f64]) -> Record {
        let State { student, phase, steps, lambda, .. } = &self.state;
        let decay = self.algorithm.weight_decay(*phase, *lambda);
        Record::measure(self.objective, student, (*phase, *steps), (*lambda, decay), angles)
    }

    /// Steps that the whole run takes at most, for a progress bar.
    pub fn most_steps(&self) -> u64 {
        let stage2 = self.algorithm.stage2.map_or(0, |stage2| match stage2.solver {
            Solver::Ridge { .. } => 0,
            Solver::GradientDescent { steps, .. } => steps,
        });
        let stage3 = self.algorithm.stage3.map_or(0, |s| s.epochs.saturating_mul(s.steps));
        let floors = self.algorithm.stage3.map_or(0, |s| {
            let floors = match s.floors {
                Floors::None => 0,
                Floors::Last => u64::from(s.epochs > 0),
                Floors::Every => s.epochs,
            };
            floors.saturating_mul(s.floor_steps)
        });
        stage3.saturating_add(stage2).saturating_add(floors)
    }

    /// Takes up to `budget` gradient steps, but not beyond the end of the present phase.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] if a parameter stops being finite.
    pub fn advance(&mut self, budget: u64) -> Result<Advance, TrainError> {
        let phase = self.state.phase;
        let ended = match phase {
            Phase::Stage1 => {
                self.large_step();
                true
            }
            Phase::Stage2 => match self.algorithm.stage2 {
                Some(stage2) => self.fit_second_layer(stage2, budget),
                None => true,
            },
            Phase::Balance => {
                self.state.student.balance();
                true
            }
            Phase::Stage3 { .. } => match self.algorithm.stage3 {
                Some(stage3) => match stage3.optimizer {
                    Optimizer::Flow { tolerance } => self.flow(stage3, tolerance, budget),
                    _ => self.descend(stage3, budget),
                },
                None => true,
            },
            Phase::Floor { .. } => match self.algorithm.stage3 {
                Some(stage3) => self.seek_floor(stage3, budget)?,
                None => true,
            },
            Phase::Finished => true,
        };
        if !self.state.student.is_finite() {
            let step_size = match (phase, self.algorithm) {
                (Phase::Stage1, Algorithm { stage1: Some(stage1), .. }) => stage1.step_size,
                (Phase::Stage3 { .. }, Algorithm { stage3: Some(stage3), .. }) => stage3.step_size,
                (Phase::Stage2, Algorithm { stage1, stage2: Some(stage2), .. }) => {
                    match stage2.solver {
                        Solver::GradientDescent { step_size, .. } => step_size,
                        // The ridge problem overflows if Stage 1 went too far.
                        Solver::Ridge { .. } => stage1.map_or(f64::NAN, |stage1| stage1.step_size),
                    }
                }
                _ => f64::NAN,
            };
            return Err(TrainError::Diverged { step: self.state.phase_steps, phase, step_size });
        }
        if !ended {
            return Ok(Advance::Paused);
        }
        self.state.phase = next_phase(self.algorithm, phase);
        self.state.phase_steps = 0;
        self.state.lambda = lambda_of(self.algorithm, self.state.phase, self.state.lambda);
        Ok(Advance::Ended(phase))
    }

    /// The gradient of a descent step, on its batch.
    fn evaluate_step(&mut self) {
        let _reached = self.objective.evaluate_step(
            self.state.steps,
            &self.state.student,
            &self.step_accuracy,
            &mut self.workspace,
            &mut self.gradient,
        );
    }

    /// `W <- -eta_0 grad_W L`.
    fn large_step(&mut self) {
        let Some(stage1) = self.algorithm.stage1 else { return };
        let (student, gradient) = (&self.state.student, &mut self.gradient);
        let _reached = self.objective.evaluate_into(
            student,
            &self.step_accuracy,
            &mut self.workspace,
            Some(gradient),
        );
        let (_, first_layer) = self.state.student.layers_mut();
        for (w, g) in first_layer.iter_mut().zip(&self.gradient.first_layer) {
            *w = -stage1.step_size * g;
        }
        self.state.steps += 1;
    }

    /// Minimises `L + (lambda/2) |a|^2` over `a`; true when done.
    fn fit_second_layer(&mut self, stage2: Stage2, budget: u64) -> bool {
        match stage2.solver {
            Solver::Ridge { tolerance, steps } => {
                self.solve_ridge(stage2.lambda, tolerance, steps);
                true
            }
            Solver::GradientDescent { step_size, steps } => {
                let end = steps.min(self.state.phase_steps.saturating_add(budget));
                while self.state.phase_steps < end {
                    self.evaluate_step();
                    let (second_layer, _) = self.state.student.layers_mut();
                    for (a, g) in second_layer.iter_mut().zip(&self.gradient.second_layer) {
                        *a -= step_size * (g + stage2.lambda * *a);
                    }
                    self.state.phase_steps += 1;
                    self.state.steps += 1;
                }
                self.state.phase_steps >= steps
            }
        }
    }

    /// Conjugate gradients for `(Hess_a L + lambda I) a = -grad_a L(0)`, whose products are differences of gradients:
    /// `L` is quadratic in `a`, so `(Hess_a L) p = grad_a L(p) - grad_a L(0)`.
    ///
    /// Where neurons are short, or `p` is, these differences lose digits: so `p` is stretched by a power of two until the
    /// difference is not much smaller than `grad_a L(0)`. What is lost all the same shows in the gradient at the solution, and
    /// the iteration begins anew from there while that helps.
    fn solve_ridge(&mut self, lambda: f64, tolerance: f64, steps: u64) {
        let m = self.state.student.neurons();
        let mut workspace = Workspace::new();
        let mut gradient_at = |this: &mut Self, a: &[f64]| -> Vec<f64> {
            let Self { objective, state: State { student, .. }, gradient, .. } = this;
            student.layers_mut().0.copy_from_slice(a);
            let _reached =
                objective.evaluate_into(student, &Accuracy::FAST, &mut workspace, Some(gradient));
            gradient.second_layer.clone()
        };
        let at_zero = gradient_at(self, &vec![0.0; m]);
        let mut a = vec![0.0; m];
        let mut residual: Vec<f64> = at_zero.iter().map(|g| -g).collect();
        let mut direction = residual.clone();
        let square = |v: &[f64]| -> f64 { v.iter().map(|x| x * x).sum() };
        let mut size = square(&residual);
        let goal = size * tolerance * tolerance;
        let mut finite = size.is_finite();
        let (mut left, mut last, mut stretch) = (steps, f64::INFINITY, 1.0);
        let least = square(&residual) * (SHORT * SHORT);
        loop {
            while left > 0 && size > goal {
                left -= 1;
                let mut difference = Vec::new();
                for _ in 0..STRETCHES {
                    let stretched: Vec<f64> = direction.iter().map(|p| stretch * p).collect();
                    let there = gradient_at(self, &stretched);
                    difference = there.iter().zip(&at_zero).map(|(g, g0)| g - g0).collect();
                    if !(square(&difference) < least && stretch < LONGEST) {
                        break;
                    }
                    stretch /= SHORT;
                }
                let image: Vec<f64> = difference
                    .iter()
                    .zip(&direction)
                    .map(|(x, p)| x / stretch + lambda * p)
                    .collect();
                let curvature: f64 = image.iter().zip(&direction).map(|(x, y)| x * y).sum();
                if !(curvature > 0.0) {
                    finite &= curvature.is_finite();
                    left = 0;
                    break;
                }
                let length = size / curvature;
                for ((x, p), (r, q)) in
                    a.iter_mut().zip(&direction).zip(residual.iter_mut().zip(&image))
                {
                    *x += length * p;
                    *r -= length * q;
                }
                let next = square(&residual);
                for (p, r) in direction.iter_mut().zip(&residual) {
                    *p = r + next / size * *p;
                }
                size = next;
            }
            if left == 0 {
                break;
            }
            let there = gradient_at(self, &a);
            residual = there.iter().zip(&a).map(|(g, x)| -(g + lambda * x)).collect();
            size = square(&residual);
            // Within twice the tolerance is near enough, and halving it is the least that helps.
            if !(size > 4.0 * goal && size < 0.25 * last) {
                break;
            }
            last = size;
            direction.clone_from(&residual);
        }
        if !finite {
            // Stopping at an overflow is no solution: the run has diverged.
            a.fill(f64::NAN);
        }
        self.state.student.layers_mut().0.copy_from_slice(&a);
    }

    /// Descent on both layers, or the second alone; true when the epoch is over.
    fn descend(&mut self, stage3: Stage3, budget: u64) -> bool {
        let lambda = self.state.lambda;
        let decay = stage3.weight_decay(lambda);
        let goal = stage3.gradient_factor * lambda * lambda;
        let end = stage3.steps.min(self.state.phase_steps.saturating_add(budget));
        if let Some(half) = self.mirrored(stage3) {
            self.descend_half(stage3, half, end);
        }
        while self.state.phase_steps < end {
            self.evaluate_step();
            if goal > 0.0 {
                let [second, first] = decay.squared_norms(&self.state.student, &self.gradient);
                let first = if stage3.freeze_first_layer { 0.0 } else { first };
                if (second + first).sqrt() <= goal {
                    return true;
                }
            }
            let State { student, moments, .. } = &mut self.state;
            moments.steps += 1;
            let (count, size) = (moments.steps, stage3.step_size);
            let (second_layer, first_layer) = student.layers_mut();
            let second = (second_layer, self.gradient.second_layer.as_slice());
            let (remembered, lambda) = (&mut moments.second_layer, decay.second_layer);
            stage3.optimizer.step(size, lambda, second, remembered, count);
            if !stage3.freeze_first_layer {
                let first = (first_layer, self.gradient.first_layer.as_slice());
                let (remembered, lambda) = (&mut moments.first_layer, decay.first_layer);
                stage3.optimizer.step(size, lambda, first, remembered, count);
            }
            self.state.phase_steps += 1;
            self.state.steps += 1;
        }
        self.state.phase_steps >= stage3.steps
    }

    /// Half the student, if that takes the same steps; however many they are, so that pauses leave no trace.
    fn mirrored(&self, stage3: Stage3) -> Option<MirroredStudent> {
        let plain = matches!(stage3.optimizer, Optimizer::GradientDescent);
        let all = plain && !stage3.freeze_first_layer && !(stage3.gradient_factor > 0.0);
        let student = &self.state.student;
        (all && self.objective.twins_are_exchangeable(student))
            .then(|| MirroredStudent::of(student))
            .flatten()
    }

    /// [`Trainer::descend`] on half the student.
    fn descend_half(&mut self, stage3: Stage3, mut half: MirroredStudent, end: u64) {
        let decay = stage3.weight_decay(self.state.lambda);
        let State { student, moments, phase_steps, steps, .. } = &mut self.state;
        while *phase_steps < end {
            let _reached = self.objective.evaluate_step(
                *steps,
                half.merged(),
                &self.step_accuracy,
                &mut self.workspace,
                &mut self.gradient,
            );
            half.step(stage3.step_size, decay, &self.gradient);
            moments.steps += 1;
            *phase_steps += 1;
            *steps += 1;
        }
        half.write(student);
    }

    /// The flow; true when the epoch is over.
    fn flow(&mut self, stage3: Stage3, tolerance: f64, budget: u64) -> bool {
        let regularised = self.regularised(stage3);
        let State { student, flow, phase_steps, steps, lambda, .. } = &mut self.state;
        if *phase_steps == 0 {
            *flow = Flow::default();
        }
        let epoch = FlowEpoch {
            horizon: stage3.step_size * stage3.steps as f64,
            first_step: stage3.step_size,
            tolerance,
            goal: stage3.gradient_factor * *lambda * *lambda,
        };
        let (taken, ended) = regularised.flow(student, flow, epoch, budget);
        *phase_steps += taken;
        *steps += taken;
        ended
    }

    pub(crate) fn regularised(&self, stage3: Stage3) -> Regularised<'a, O> {
        Regularised {
            objective: self.objective,
            decay: stage3.weight_decay(self.state.lambda),
            freeze_first_layer: stage3.freeze_first_layer,
        }
    }

    /// Newton's method on `L_lambda`; true when it has ended.
    fn seek_floor(&mut self, stage3: Stage3, budget: u64) -> Result<bool, TrainError> {
        let regularised = self.regularised(stage3);
        let State { student, floor, phase_steps, steps, .. } = &mut self.state;
        if *phase_steps == 0 {
            *floor = StationaryPoint::default();
        }
        let left = budget.min(stage3.floor_steps.saturating_sub(*phase_steps));
        let taken = regularised.descend(student, floor, left)?;
        *phase_steps += taken;
        *steps += taken;
        if floor.ending.is_none() && *phase_steps >= stage3.floor_steps {
            floor.ending = Some(FloorEnding::Steps);
        }
        Ok(floor.ending.is_some())
    }
}

fn first_phase(algorithm: &Algorithm) -> Phase {
    if algorithm.stage1.is_some() { Phase::Stage1 } else { next_phase(algorithm, Phase::Stage1) }
}

fn next_phase(algorithm: &Algorithm, phase: Phase) -> Phase {
    let floors = |epoch| algorithm.stage3.is_some_and(|stage3| stage3.has_floor(epoch));
    let epoch = match phase {
        Phase::Stage1 if algorithm.stage2.is_some() => return Phase::Stage2,
        Phase::Stage1 | Phase::Stage2 if algorithm.balance => return Phase::Balance,
        Phase::Stage1 | Phase::Stage2 | Phase::Balance => 0,
        Phase::Stage3 { epoch } if floors(epoch) => return Phase::Floor { epoch },
        Phase::Stage3 { epoch } | Phase::Floor { epoch } => epoch + 1,
        Phase::Finished => return Phase::Finished,
    };
    match algorithm.stage3 {
        Some(stage3) if epoch < stage3.epochs => Phase::Stage3 { epoch },
        _ => Phase::Finished,
    }
}

/// The weight decay in a phase: `lambda_0 = 1/eta_0`, `lambda_1`, then `lambda decay^k`; the last one in between and at the end.
fn lambda_of(algorithm: &Algorithm, phase: Phase, last: f64) -> f64 {
    match (phase, algorithm) {
        (Phase::Stage1, Algorithm { stage1: Some(stage1), .. }) => 1.0 / stage1.step_size,
        (Phase::Stage2, Algorithm { stage2: Some(stage2), .. }) => stage2.lambda,
        (Phase::Stage3 { epoch: 0 }, Algorithm { stage3: Some(stage3), .. }) => stage3.lambda,
        (Phase::Stage3 { .. }, Algorithm { stage3: Some(stage3), .. }) => last * stage3.decay,
        _ => last,
    }
}
