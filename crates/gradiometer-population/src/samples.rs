//! The empirical objective: averages over samples in place of expectations.
//!
//! Samples are `(x_i, y_i)`, `i = 1..n`. With `g(w, x) = |w.x|/2 - |w|/sqrt(2 pi)`, the degrees at least 2 of a ReLU neuron,
//! the function evaluated after preprocessing ([`Degrees::FromTwo`]) is
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
//! with the residuals `R_i`. Without preprocessing ([`Degrees::All`]) the student is the raw network, with its own affine part as it
//! stands, and `y~ = y`. Since `relu(z) = (|z| + z)/2`, both are one computation on `|z|` and an affine function.

pub(crate) mod buffers;
mod data;
mod general;
mod relu;
mod request;
mod source;
mod sums;

use crate::accuracy::Accuracy;
use crate::error::PopulationError;
use crate::kernel::InstructionSet;
use crate::objective::Objective;
use crate::value::{EvaluationRoute, Gradient, Reached};
use crate::workspace::Workspace;
use buffers::SampleBuffers;
use data::Data;
use gradiometer_hermite::{Activation, Degrees, HermiteError};
use gradiometer_model::{Network, Skip, Teacher};
pub use request::{Batches, LabelFit, SampleRequest};
use source::{KEPT_NUMBERS, Rows};

/// The empirical loss `L_n` of a student on `n` samples in dimension `d` (statements 4.1 and 9.5), for every activation with known
/// coefficients that does not jump: ReLU, leaky ReLU, `|z|`, `erf(z/sqrt 2)`, polynomials and finite Hermite series, and the smooth
/// functions of [`Smooth`](gradiometer_hermite::Smooth).
///
/// After preprocessing, `L_n = (1/n) sum_i (f(x_i) - y~_i)^2` with `f` the student without its population degrees 0 and 1, for ReLU
/// `f(x) = sum_j a_j (|w_j.x|/2 - |w_j|/sqrt(2 pi))`, and `y~` the labels less their fit on `(1, x)`. The gradient is the exact gradient
/// of that function of `(a, W)`, at a kink that of one side. Without preprocessing `f` is the raw network and `y~ = y`.
///
/// Inputs are Gaussian and come from the seed in chunks of 128, each from a ChaCha stream of its own, so that any chunk can be drawn alone
/// and the first samples of a longer request are those of a shorter one. Drawn labels are those of the teacher with the same activation.
/// Up to 1 GiB is kept, beyond it every evaluation draws the samples again, to the same bytes. Cost `4 n m d` operations, and
/// `n m` values of `sigma` and `sigma'` where it is not ReLU, on all threads; the bytes do not depend on their number.
///
/// The error bounds are for the function of the stored inputs, labels and fit, to first order in the rounding unit. They take one unit in
/// the last place for the error function and the exponential function. The one on `dL/dW` supposes that no `w_j . x_i` is
/// within its own rounding of a kink.
///
/// # Examples
/// ```
/// use gradiometer_hermite::Activation;
/// use gradiometer_model::{Network, Teacher};
/// use gradiometer_population::{Accuracy, Degrees, Objective, SampleRequest, Samples};
/// // Four inputs on the axes, the student the opposite of the teacher: residuals 1, 1, 0, 0.
/// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
/// let student = Network::new(2, vec![1.0], vec![-1.0, 0.0]).unwrap();
/// let (x, y) = ([1.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, -1.0], [1.0, 0.0, 0.0, 0.0]);
/// let request = SampleRequest { degrees: Degrees::All, ..SampleRequest::new(4, 0) };
/// let objective = Samples::given(teacher, Activation::Relu, &x, &y, &request).unwrap();
/// assert_eq!(objective.evaluate(&student, Accuracy::FAST).unwrap().loss.value, 0.5);
/// ```
#[derive(Clone, Debug)]
pub struct Samples {
    data: Data,
    activation: Activation,
    set: InstructionSet,
}

impl Samples {
    /// Samples drawn for a teacher of this activation.
    ///
    /// # Errors
    /// [`PopulationError::TooFewSamples`], [`PopulationError::Noise`] or [`PopulationError::Batch`] for an impossible request;
    /// [`PopulationError::Jump`] for the step, [`PopulationError::Hermite`] for a user's function, whose coefficients have no closed form.
    pub fn drawn(
        teacher: Teacher,
        activation: Activation,
        request: &SampleRequest,
    ) -> Result<Self, PopulationError> {
        check_activation(&activation, request)?;
        let data = Data::drawn(teacher, activation.clone(), request, KEPT_NUMBERS)?;
        Ok(Self { data, activation, set: InstructionSet::detect() })
    }

    /// Given samples: `inputs` row-major `n x d`, `labels` of length `n`. The request's count and noise are without meaning; its
    /// seed orders the batches. The teacher is the one to compare with.
    ///
    /// # Errors
    /// [`PopulationError::SampleLengths`] or [`PopulationError::SampleNotFinite`] for bad arrays,
    /// [`PopulationError::TooFewSamples`], [`PopulationError::DependentInputs`] if the fit on `(1, x)` is not unique,
    /// [`PopulationError::Batch`] for impossible or fresh batches, and for the activation those of [`Samples::drawn`].
    pub fn given(
        teacher: Teacher,
        activation: Activation,
        inputs: &[f64],
        labels: &[f64],
        request: &SampleRequest,
    ) -> Result<Self, PopulationError> {
        check_activation(&activation, request)?;
        let data = Data::given(teacher, inputs, labels, request)?;
        Ok(Self { data, activation, set: InstructionSet::detect() })
    }

    /// The same on the given instruction set; the portable one stands in for a set the machine lacks.
    #[must_use]
    pub fn on(mut self, set: InstructionSet) -> Self {
        self.set = set.or_portable();
        self
    }

    /// Number of samples `n`.
    pub const fn count(&self) -> usize {
        self.data.source.count
    }

    /// The degrees that it keeps: [`Degrees::FromTwo`] after preprocessing.
    pub const fn degrees(&self) -> Degrees {
        self.data.degrees
    }

    /// The fit `(b_0, b)` of the labels on `(1, x)`, as the request's [`LabelFit`] says; zero without preprocessing.
    ///
    /// Least squares come from the normal equations by Cholesky factors, with one step of refinement on the residuals themselves.
    pub const fn label_fit(&self) -> &Skip {
        &self.data.fit
    }

    fn average(
        &self,
        rows: Rows<'_>,
        student: &Network,
        buffers: &mut SampleBuffers,
        gradient: &mut Gradient,
    ) -> Reached {
        let (data, set) = (&self.data, self.set);
        let loss = match &self.activation {
            Activation::Relu if !data.source.biases => {
                relu::average(data, rows, student, set, &mut buffers.relu, gradient)
            }
            other => general::average(other, data, rows, student, &mut buffers.general, gradient),
        };
        Reached { loss, route: EvaluationRoute::Samples { count: data.source.size(rows) } }
    }
}

impl Objective for Samples {
    fn teacher(&self) -> &Teacher {
        &self.data.source.teacher
    }

    fn evaluate_into(
        &self,
        student: &Network,
        _asked: &Accuracy,
        workspace: &mut Workspace,
        gradient: Option<&mut Gradient>,
    ) -> Reached {
        let mut spare = Gradient::default();
        let gradient = gradient.unwrap_or(&mut spare);
        self.average(Rows::All, student, &mut workspace.samples, gradient)
    }

    fn evaluate_step(
        &self,
        step: u64,
        student: &Network,
        _asked: &Accuracy,
        workspace: &mut Workspace,
        gradient: &mut Gradient,
    ) -> Reached {
        let buffers = &mut workspace.samples;
        let mut order = std::mem::take(&mut buffers.order);
        let reached = self.average(self.data.rows(step, &mut order), student, buffers, gradient);
        buffers.order = order;
        reached
    }
}

fn check_activation(
    activation: &Activation,
    request: &SampleRequest,
) -> Result<(), PopulationError> {
    let name = activation.name().to_owned();
    match activation {
        Activation::Relu => Ok(()),
        _ if request.biases => Err(PopulationError::Biases { name }),
        Activation::Step => Err(PopulationError::Jump { name }),
        Activation::Custom(_) => Err(HermiteError::NoClosedForm { name }.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
