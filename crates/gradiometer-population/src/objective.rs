//! What a trainer descends.

use crate::accuracy::Accuracy;
use crate::error::PopulationError;
use crate::hessian::{HessianOperator, Layers};
use crate::value::{Evaluation, Gradient, Reached};
use crate::workspace::Workspace;
use gradiometer_hermite::Bounded;
use gradiometer_model::{ModelError, Network, Teacher};

/// A loss `L(a, W)` over the students of a teacher, with its gradient.
///
/// The objective of statement 3.3 is `L_lambda = L + (lambda/2)(|a|^2 + |W|_F^2)`; an implementation
/// supplies `L`, the [`WeightDecay`](crate::WeightDecay) is the caller's. An implementation with one
/// evaluation alone takes no notice of the accuracy asked for.
pub trait Objective {
    /// The teacher.
    fn teacher(&self) -> &Teacher;

    /// Evaluates `L`, and writes `dL/da` and `dL/dW` where they are wanted, as accurately as asked
    /// for if that can be had. The error bounds are true whatever was asked for. Teacher and student
    /// have the same dimension.
    fn evaluate_into(
        &self,
        student: &Network,
        asked: &Accuracy,
        workspace: &mut Workspace,
        gradient: Option<&mut Gradient>,
    ) -> Reached;

    /// The same on the batch that descent step `step` averages over; an objective without batches has
    /// one for all.
    fn evaluate_step(
        &self,
        _step: u64,
        student: &Network,
        asked: &Accuracy,
        workspace: &mut Workspace,
        gradient: &mut Gradient,
    ) -> Reached {
        self.evaluate_into(student, asked, workspace, Some(gradient))
    }

    /// `L` and its gradient, both by one route.
    ///
    /// # Errors
    /// [`PopulationError::Model`] if the dimensions differ, [`PopulationError::Overflow`] if the loss
    /// is not finite.
    fn evaluate(&self, student: &Network, asked: Accuracy) -> Result<Evaluation, PopulationError> {
        self.evaluate_in(student, asked, &mut Workspace::new())
    }

    /// The same with buffers that are kept, and the flag that they may have.
    ///
    /// # Errors
    /// As for [`Self::evaluate`], and [`PopulationError::Stopped`] once the flag is raised.
    fn evaluate_in(
        &self,
        student: &Network,
        asked: Accuracy,
        workspace: &mut Workspace,
    ) -> Result<Evaluation, PopulationError> {
        check_dimension(self.teacher(), student)?;
        let asked = Accuracy { one_route: true, ..asked };
        let mut gradient = Gradient::default();
        let Reached { loss, route } =
            self.evaluate_into(student, &asked, workspace, Some(&mut gradient));
        if workspace.stop.is_raised() {
            Err(PopulationError::Stopped)
        } else if (loss.value + loss.error).is_finite() {
            Ok(Evaluation { loss, gradient, route })
        } else {
            Err(PopulationError::Overflow)
        }
    }

    /// `L` alone, with an error of at most `relative` times itself if that can be had.
    fn loss(&self, student: &Network, relative: f64) -> Bounded {
        let asked = Accuracy::loss(relative);
        self.evaluate_into(student, &asked, &mut Workspace::new(), None).loss
    }

    /// The Hessian of `L` as an operator.
    ///
    /// # Errors
    /// [`PopulationError::NoHessian`] where it has no closed form, the default;
    /// [`PopulationError::Model`] if the dimensions differ.
    fn hessian_operator(
        &self,
        _student: &Network,
        _layers: Layers,
    ) -> Result<HessianOperator, PopulationError> {
        Err(PopulationError::NoHessian)
    }

    /// Whether twins `(a, w)` and `(a, +-w)`, the student's second half mirroring its first, are
    /// evaluated just as the neurons `(2 a, w)` alone, so that a descent may take its steps with half
    /// the student. By default they are not.
    fn twins_are_exchangeable(&self, _student: &Network) -> bool {
        false
    }
}

/// Refuses a student of another dimension than the teacher's.
pub(crate) fn check_dimension(teacher: &Teacher, student: &Network) -> Result<(), PopulationError> {
    let (teacher, student) = (teacher.dimension(), student.dimension());
    if teacher == student {
        Ok(())
    } else {
        Err(ModelError::DimensionMismatch { teacher, student }.into())
    }
}
