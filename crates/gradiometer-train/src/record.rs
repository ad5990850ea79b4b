//! What a run reports at one moment.

use crate::Phase;
use gradiometer_model::{Matching, Network};
use gradiometer_population::{
    Accuracy, Bounded, Evaluation, Gradient, Objective, Reached, WeightDecay, Workspace,
};

/// Angles in radians beyond which a record gives the student's mass.
pub const DEFAULT_ANGLES: [f64; 4] = [0.3, 0.1, 0.03, 0.01];

/// The relative error that the reported loss is computed to, where that is possible.
pub const LOSS_ACCURACY: f64 = 1e-6;

/// The relative error that the reported gradient's norm is computed to, where that is possible.
const GRADIENT_ACCURACY: f64 = 1e-3;

/// The state of a run in the terms of the theory. Everything is `computed`; what the objective gives carries
/// its error bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Where in the algorithm.
    pub phase: Phase,
    /// Gradient steps taken since the start.
    pub step: u64,
    /// The weight decay in force.
    pub lambda: f64,
    /// `L` with its error bound.
    pub loss: Bounded,
    /// `L_lambda = L + (lambda/2)(|a|^2 + |W|_F^2)`, with the shares of the layers in Stage 3.
    pub objective: Bounded,
    /// `|mu| = sum_j |c_j|`.
    pub total_mass: f64,
    /// `|grad L_lambda|_F`.
    pub gradient_norm: Bounded,
    /// For each teacher the angle of its average neuron, in radians.
    pub average_angles: Vec<f64>,
    /// For each teacher the angle of the neuron assigned to it, in radians.
    pub assigned_angles: Vec<f64>,
    /// Mass beyond each of the requested angles.
    pub mass_beyond: Vec<f64>,
    /// Balance defect `max_j | |a_j| - |w_j| |`.
    pub balance_defect: f64,
    /// Mean angle of the mass, `sum_j |c_j| delta_j / |mu|`, in radians.
    pub mean_angle: f64,
    /// The loss that is descended, where that is an average over samples and not `L`; for the caller to fill in.
    pub training_loss: Option<f64>,
    /// Time of the flow since the epoch began, where there is one; for the caller to fill in.
    pub time: Option<f64>,
}

impl Record {
    /// Measures a student in a phase after so many steps, under `lambda` and the weight decay that it stands for.
    pub fn measure<O: Objective + ?Sized>(
        objective: &O,
        student: &Network,
        (phase, step): (Phase, u64),
        (lambda, decay): (f64, WeightDecay),
        angles: &[f64],
    ) -> Self {
        let mut gradient = Gradient::default();
        let asked = Accuracy::both(LOSS_ACCURACY, GRADIENT_ACCURACY, decay);
        let Reached { loss, route } =
            objective.evaluate_into(student, &asked, &mut Workspace::new(), Some(&mut gradient));
        let shown = Evaluation { loss, gradient, route }.reported(student, decay);
        let matching = Matching::new(objective.teacher(), student);
        let total_mass: f64 = matching.masses.iter().map(|c| c.abs()).sum();
        let weighted: f64 =
            matching.masses.iter().zip(&matching.angles).map(|(c, a)| c.abs() * a).sum();
        let defects = student.rows().zip(student.second_layer());
        let defects = defects.map(|(w, a)| (a.abs() - gradiometer_model::geometry::norm(w)).abs());
        Self {
            phase,
            step,
            lambda,
            loss,
            objective: shown.objective,
            total_mass,
            gradient_norm: shown.norm,
            mass_beyond: angles.iter().map(|a| matching.mass_beyond(*a)).collect(),
            balance_defect: gradiometer_hermite::float::maximum_of(defects),
            mean_angle: if total_mass > 0.0 { weighted / total_mass } else { 0.0 },
            training_loss: None,
            time: None,
            average_angles: matching.average_angles,
            assigned_angles: matching.assigned_angles,
        }
    }
}
