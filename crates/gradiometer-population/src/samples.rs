//! The empirical objective: averages over samples in place of expectations.
//!
//! Samples are `(x_i, y_i)`, `i = 1..n`. With `g(w, x) = |w.x|/2 - |w|/sqrt(2 pi)`, the degrees at least 2 of a ReLU neuron,
//! the function evaluated after preprocessing ([`FromDegree::Two`]) is
//!
//! ```text
//! L_n(a, W) = (1/n) sum_i (sum_j a_j g(w_j, x_i) - y~_i)^2,   y~_i = y_i - b_0 - b . x_i
//! ```
//!
//! where `(b_0, b)` is the least-squares fit of `y` on `(1, x)` over the same samples (statement 4.1). The student's own affine part is
//! the population's, `alpha = -sum_j a_j |w_j|/sqrt(2 pi)` and `beta = -(1/2) sum_j a_j w_j` (section 3), and the gradient
//! differentiates through it: it is the exact gradient of the `L_n` above,
//!
//! ```text
//! dL_n/da_j = (2/n) sum_i R_i g(w_j, x_i)
//! dL_n/dw_j = (2 a_j/n) sum_i R_i (sign(w_j.x_i) x_i/2 - wbar_j/sqrt(2 pi))
//! ```
//!
//! with the residuals `R_i`. Without preprocessing ([`FromDegree::Zero`]) the student is the raw network, with its own affine part as it
//! stands, and `y~ = y`. Since `relu(z) = (|z| + z)/2`, both are one computation on `|z|` and an affine function.

mod activation;
mod data;
mod source;

pub use activation::ActivationEmpirical;

use crate::error::PopulationError;
use crate::fast::Workspace;
use crate::kernel::samples::{BLOCK, Neurons, SampleSums, add_block};
use crate::kernel::{GRAIN, GROUP, InstructionSet};
use crate::objective::{FromDegree, Objective};
use crate::value::{Bounded, Gradient};
use data::{Data, Order};
use gradiometer_hermite::Activation;
use gradiometer_hermite::float::maximum;
use gradiometer_model::geometry::{dot, norm};
use gradiometer_model::{Network, Skip, Teacher};
use rayon::prelude::*;
use source::{Block, KEPT_NUMBERS, Room, Rows};
use std::f64::consts::FRAC_2_PI;

/// Most tasks that an evaluation is cut into.
const TASKS: usize = 16;
/// Most numbers that the tasks' sums take, unless two tasks need more.
const TASK_NUMBERS: usize = 1 << 24;

/// Which samples the gradient of a descent step averages over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batches {
    /// All of them. The default.
    #[default]
    Full,
    /// `size` of them, in an order that each pass over the samples draws anew; the same batch for `reuse` steps.
    Shuffled {
        /// Samples in a batch.
        size: usize,
        /// Steps on one batch, at least 1.
        reuse: u64,
    },
    /// `size` new ones, never seen before; the same batch for `reuse` steps.
    Fresh {
        /// Samples in a batch.
        size: usize,
        /// Steps on one batch, at least 1.
        reuse: u64,
    },
}

/// How labels lose their degrees 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelFit {
    /// By least squares on `(1, x)`. The default.
    #[default]
    LeastSquares,
    /// By their plain averages, `b_0 = (1/n) sum_i y_i` and `b = (1/n) sum_i y_i x_i`, the estimates of `E y` and `E[y x]`: unbiased, but the
    /// noise of an average of `y x` is that of all of `y`, of least squares that of its degrees from 2 on.
    Moments,
}

/// What samples to draw, and how to use them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleRequest {
    /// Number of samples `n`.
    pub count: usize,
    /// Standard deviation of the Gaussian noise on the labels.
    pub noise: f64,
    /// Start of the random streams.
    pub seed: u64,
    /// Whether labels and student lose their degrees 0 and 1.
    pub from_degree: FromDegree,
    /// What a descent step averages over.
    pub batches: Batches,
    /// How the labels lose their degrees 0 and 1, where they do.
    pub label_fit: LabelFit,
}

impl SampleRequest {
    /// `count` samples without noise, preprocessed, all in every step.
    pub const fn new(count: usize, seed: u64) -> Self {
        Self {
            count,
            noise: 0.0,
            seed,
            from_degree: FromDegree::Two,
            batches: Batches::Full,
            label_fit: LabelFit::LeastSquares,
        }
    }
}

/// The empirical loss `L_n` of a ReLU student on `n` samples in dimension `d` (statements 4.1 and 9.5).
///
/// After preprocessing, `L_n = (1/n) sum_i (f(x_i) - y~_i)^2` with `f(x) = sum_j a_j (|w_j.x|/2 - |w_j|/sqrt(2 pi))`, the student with its population
/// affine part, and `y~` the labels less their least-squares fit on `(1, x)`; the gradient is the exact gradient of that
/// function of `(a, W)`. Without it `f` is the raw network and `y~ = y`.
///
/// Inputs are Gaussian and come from the seed in chunks of 128, each from a ChaCha stream of its own, so that any chunk can be drawn alone
/// and the first samples of a longer request are those of a shorter one. Up to 1 GiB is kept, beyond it every evaluation
/// draws the samples again, to the same bytes. Cost `4 n m d` operations, on all threads; the bytes do not depend on their number.
///
/// The error bounds are for the function of the stored inputs, labels and fit, to first order in the rounding unit. The one
/// on `dL/dW` supposes that no `w_j . x_i` is within its own rounding of 0, where the derivative jumps; there the gradient
/// returned is that of one side.
///
/// # Examples
/// ```
/// use gradiometer_model::{Network, Teacher};
/// use gradiometer_population::{Empirical, FromDegree, SampleRequest};
/// // Four inputs on the axes, the student the opposite of the teacher: residuals 1, 1, 0, 0.
/// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
/// let student = Network::new(2, vec![1.0], vec![-1.0, 0.0]).unwrap();
/// let x = [1.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, -1.0];
/// let request = SampleRequest { from_degree: FromDegree::Zero, ..SampleRequest::new(4, 0) };
/// let objective = Empirical::given(teacher, &x, &[1.0, 0.0, 0.0, 0.0], &request).unwrap();
/// assert_eq!(objective.evaluate(&student).unwrap().0.value, 0.5);
/// ```
#[derive(Clone, Debug)]
pub struct Empirical {
    data: Data,
}

/// Buffers of sampled evaluations.
#[derive(Clone, Debug, Default)]
pub(crate) struct SampleBuffers {
    tasks: Vec<Task>,
    panels: Vec<f64>,
    half_weights: Vec<f64>,
    activation_tasks: Vec<activation::Task>,
    order: Order,
}

/// What one task collects over its blocks.
#[derive(Clone, Debug, Default)]
struct Task {
    sums: SampleSums,
    room: Room,
    residuals: Vec<f64>,
    /// `sum_i R_i`, `sum_i R_i^2`, `sum_i |x_i|^2`, `sum_i y_i^2`.
    totals: [f64; 4],
    /// `sum_i R_i x_i`.
    moment: Vec<f64>,
}

impl Empirical {
    /// Samples drawn for a teacher.
    ///
    /// # Errors
    /// [`PopulationError::TooFewSamples`], [`PopulationError::Noise`] or [`PopulationError::Batch`] for an impossible request.
    pub fn drawn(teacher: Teacher, request: &SampleRequest) -> Result<Self, PopulationError> {
        Ok(Self { data: Data::drawn(teacher, Activation::Relu, request, KEPT_NUMBERS)? })
    }

    /// Given samples: `inputs` row-major `n x d`, `labels` of length `n`. The request's count and noise are without meaning; its
    /// seed orders the batches. The teacher is the one to compare with.
    ///
    /// # Errors
    /// [`PopulationError::SampleLengths`] or [`PopulationError::SampleNotFinite`] for bad arrays,
    /// [`PopulationError::TooFewSamples`], [`PopulationError::DependentInputs`] if the fit on `(1, x)` is not unique,
    /// [`PopulationError::Batch`] for impossible or fresh batches.
    pub fn given(
        teacher: Teacher,
        inputs: &[f64],
        labels: &[f64],
        request: &SampleRequest,
    ) -> Result<Self, PopulationError> {
        Ok(Self { data: Data::given(teacher, inputs, labels, request)? })
    }

    /// Number of samples `n`.
    pub const fn count(&self) -> usize {
        self.data.source.count
    }

    /// The lowest degree that it keeps: [`FromDegree::Two`] after preprocessing.
    pub const fn lowest_degree(&self) -> FromDegree {
        self.data.from_degree
    }

    /// The fit `(b_0, b)` of the labels on `(1, x)`, as the request's [`LabelFit`] says; zero without preprocessing.
    ///
    /// Least squares come from the normal equations by Cholesky factors, with one step of refinement on the residuals themselves.
    pub const fn label_fit(&self) -> &Skip {
        &self.data.fit
    }

    /// Loss and gradient over all samples.
    ///
    /// # Errors
    /// [`PopulationError::Model`] if the dimensions differ.
    pub fn evaluate(&self, student: &Network) -> Result<(Bounded, Gradient), PopulationError> {
        self.data.check(student)?;
        let mut gradient = Gradient::default();
        let loss = self.evaluate_fast(student, &mut Workspace::new(), &mut gradient);
        Ok((loss, gradient))
    }

    /// The constant and the padded linear part of `f - y~ + y - (1/2) sum_j a_j |w_j . x|`.
    fn affine(&self, student: &Network) -> (f64, Vec<f64>) {
        let mut constant = self.data.fit.constant;
        let mut linear = vec![0.0; self.data.source.width];
        linear[..student.dimension()].copy_from_slice(&self.data.fit.linear);
        for (w, a) in student.rows().zip(student.second_layer()) {
            match self.data.from_degree {
                FromDegree::Two => constant -= 0.5 * FRAC_2_PI.sqrt() * a * norm(w),
                FromDegree::Zero => add_multiple(&mut linear, 0.5 * a, w),
            }
        }
        if let (FromDegree::Zero, Some(skip)) = (self.data.from_degree, student.skip()) {
            constant += skip.constant;
            add_multiple(&mut linear, 1.0, &skip.linear);
        }
        (constant, linear)
    }

    /// Loss and gradient over the rows.
    fn average(
        &self,
        rows: Rows<'_>,
        student: &Network,
        set: InstructionSet,
        buffers: &mut SampleBuffers,
        gradient: &mut Gradient,
    ) -> Bounded {
        let (m, d, width) = (student.neurons(), student.dimension(), self.data.source.width);
        let (constant, linear) = self.affine(student);
        let SampleBuffers { tasks, panels, half_weights, .. } = buffers;
        let neurons = pack(student, width, panels, half_weights);
        let blocks = self.data.source.blocks(rows);
        let tasks = cut(tasks, blocks, neurons.count * width);
        let count = tasks.len();
        tasks.par_iter_mut().enumerate().for_each(|(t, task)| {
            task.reset(neurons.count, width);
            let mut room = std::mem::take(&mut task.room);
            for b in t * blocks / count..(t + 1) * blocks / count {
                task.add(
                    set,
                    self.data.source.block(rows, b, &mut room),
                    neurons,
                    constant,
                    &linear,
                );
            }
            task.room = room;
        });
        let (total, others) = tasks.split_at_mut(1);
        let total = &mut total[0];
        for task in others {
            total.merge(task);
        }

        let n = self.data.source.size(rows) as f64;
        let [residual, square, inputs, labels] = total.totals.map(|sum| sum / n);
        let loss = Bounded { value: square, error: 0.0 };
        let rounding = Rounding {
            operations: (m + 2 * d + 16) as f64,
            depth: (BLOCK + blocks.div_ceil(count) + count + 8) as f64,
            input: inputs.sqrt(),
            size: (student.total_mass() + norm(&linear)) * inputs.sqrt()
                + constant.abs()
                + student.total_mass()
                + labels.sqrt(),
            residual: square.sqrt(),
        };
        gradient.reset(m, d);
        let (mut second_error, mut first_error) = (0.0, 0.0);
        for (j, w) in student.rows().enumerate() {
            let (length, a) = (norm(w), student.second_layer()[j]);
            if !(length > 0.0) {
                continue;
            }
            let tangent = &total.sums.tangent[j * width..][..d];
            let target = &mut gradient.first_layer[j * d..(j + 1) * d];
            let absolute = total.sums.absolute[j];
            match self.data.from_degree {
                FromDegree::Two => {
                    let mean = FRAC_2_PI.sqrt() * residual;
                    gradient.second_layer[j] = absolute / n - length * mean;
                    for ((g, t), x) in target.iter_mut().zip(tangent).zip(w) {
                        *g = a * (t / n - x / length * mean);
                    }
                }
                FromDegree::Zero => {
                    gradient.second_layer[j] = (absolute + dot(w, &total.moment[..d])) / n;
                    for ((g, t), p) in target.iter_mut().zip(tangent).zip(&total.moment) {
                        *g = a * ((t + p) / n);
                    }
                }
            }
            second_error = maximum(second_error, length * rounding.pairing());
            first_error = maximum(first_error, a.abs() * rounding.pairing());
        }
        gradient.second_layer_error = second_error;
        gradient.first_layer_error = first_error;
        Bounded { error: rounding.loss(), ..loss }
    }
}

impl Objective for Empirical {
    fn evaluate_fast(
        &self,
        student: &Network,
        workspace: &mut Workspace,
        gradient: &mut Gradient,
    ) -> Bounded {
        let set = workspace.instruction_set();
        self.average(Rows::All, student, set, &mut workspace.samples, gradient)
    }

    fn evaluate_step(
        &self,
        step: u64,
        student: &Network,
        workspace: &mut Workspace,
        gradient: &mut Gradient,
    ) -> Bounded {
        let (set, buffers) = (workspace.instruction_set(), &mut workspace.samples);
        let mut order = std::mem::take(&mut buffers.order);
        let rows = self.data.rows(step, &mut order);
        let loss = self.average(rows, student, set, buffers, gradient);
        buffers.order = order;
        loss
    }

    fn loss(&self, student: &Network, _relative: f64) -> Bounded {
        self.evaluate_fast(student, &mut Workspace::new(), &mut Gradient::default())
    }

    fn teacher(&self) -> &Teacher {
        &self.data.source.teacher
    }
}

impl Task {
    fn reset(&mut self, neurons: usize, width: usize) {
        self.sums.reset(neurons, width);
        self.totals = [0.0; 4];
        self.moment.clear();
        self.moment.resize(width, 0.0);
        self.residuals.resize(BLOCK, 0.0);
    }

    /// Adds a block, given the affine function that joins the neurons.
    fn add(
        &mut self,
        set: InstructionSet,
        block: Block<'_>,
        neurons: Neurons<'_>,
        constant: f64,
        linear: &[f64],
    ) {
        self.residuals.fill(0.0);
        for ((x, y), offset) in block.rows().zip(block.labels).zip(&mut self.residuals) {
            let [along, square] = products(x, linear);
            *offset = constant + along - y;
            self.totals[2] += square;
            self.totals[3] += y * y;
        }
        add_block(set, block.samples, neurons, &mut self.residuals, &mut self.sums);
        for (x, residual) in block.rows().zip(&self.residuals) {
            self.totals[0] += residual;
            self.totals[1] += residual * residual;
            add_multiple(&mut self.moment, *residual, x);
        }
    }

    fn merge(&mut self, other: &Self) {
        add_multiple(&mut self.sums.absolute, 1.0, &other.sums.absolute);
        add_multiple(&mut self.sums.tangent, 1.0, &other.sums.tangent);
        add_multiple(&mut self.totals, 1.0, &other.totals);
        add_multiple(&mut self.moment, 1.0, &other.moment);
    }
}

/// The constants of the error bounds, in units of `eps`, which covers two roundings where an instruction set lacks fused ones.
///
/// By Cauchy-Schwarz every `z_ij` is within `(d + 1) eps |w_j| |x_i|`, so each residual within `operations eps S_i` for the sum `S_i` of the
/// moduli of its terms, and `(mean S_i^2)^(1/2) <= size` by Minkowski. With `E = operations eps size`, all means below are over samples:
/// `|mean R^2 - L| <= 2 sqrt(L) E + E^2` and `mean |R_i| |x_i| <= sqrt(L) input`, to which a sum adds `depth` roundings.
#[derive(Clone, Copy, Debug)]
struct Rounding {
    /// Roundings in a residual.
    operations: f64,
    /// Roundings that a sum over samples passes through.
    depth: f64,
    /// Root mean square of `|x_i|`.
    input: f64,
    /// Bound on the root mean square of `S_i`.
    size: f64,
    /// `sqrt(L)`.
    residual: f64,
}

impl Rounding {
    /// `E`.
    fn of_residuals(self) -> f64 {
        self.operations * f64::EPSILON * self.size
    }

    fn loss(self) -> f64 {
        let error = self.of_residuals();
        2.0 * self.residual * error
            + error * error
            + self.depth * f64::EPSILON * self.residual * self.residual
    }

    /// Bound on the error of `2 mean_i R_i h(x_i)` for a feature with `|h(x)| <= (|x| + 1)/2` in norm, raw features up to `|x|`.
    fn pairing(self) -> f64 {
        self.against(self.input + 0.5)
    }

    /// Bound on the error of `2 mean_i R_i h(x_i)` for a feature the moduli of whose terms are at most `size` in root mean square.
    fn against(self, size: f64) -> f64 {
        let residual = self.residual + self.of_residuals();
        let sums = (self.operations + self.depth) * f64::EPSILON * residual;
        2.0 * size * (self.of_residuals() + sums)
    }
}

/// As many tasks as the blocks keep busy and memory allows; a function of sizes alone.
fn cut<T: Default>(tasks: &mut Vec<T>, blocks: usize, numbers: usize) -> &mut [T] {
    let count = (TASK_NUMBERS / numbers).clamp(2, TASKS).min(blocks);
    if tasks.len() < count {
        tasks.resize_with(count, T::default);
    }
    &mut tasks[..count]
}

/// Neurons as the kernel wants them, padded with zeros.
fn pack<'a>(
    student: &Network,
    width: usize,
    panels: &'a mut Vec<f64>,
    half_weights: &'a mut Vec<f64>,
) -> Neurons<'a> {
    let count = student.neurons().next_multiple_of(GRAIN);
    panels.clear();
    panels.resize(count * width, 0.0);
    for (j, w) in student.rows().enumerate() {
        let group = &mut panels[j / GROUP * GROUP * width..];
        for (k, x) in w.iter().enumerate() {
            group[k * GROUP + j % GROUP] = *x;
        }
    }
    half_weights.clear();
    half_weights.extend(student.second_layer().iter().map(|a| 0.5 * a));
    half_weights.resize(count, 0.0);
    Neurons { count, panels, half_weights }
}

/// `x . c` and `|x|^2`, for lengths that are multiples of [`GROUP`].
fn products(x: &[f64], c: &[f64]) -> [f64; 2] {
    let (mut along, mut square) = ([0.0; GROUP], [0.0; GROUP]);
    for (x, c) in x.chunks_exact(GROUP).zip(c.chunks_exact(GROUP)) {
        for lane in 0..GROUP {
            along[lane] += x[lane] * c[lane];
            square[lane] += x[lane] * x[lane];
        }
    }
    [along.iter().sum(), square.iter().sum()]
}

fn add_multiple(target: &mut [f64], factor: f64, x: &[f64]) {
    for (t, x) in target.iter_mut().zip(x) {
        *t += factor * x;
    }
}

#[cfg(test)]
mod tests;
