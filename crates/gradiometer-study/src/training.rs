//! Whole runs as the studies compare them: teachers, the run itself, and what is measured at its
//! end.

use super::measurement::{Measure, event, mean};
use super::session::Failure;
use gradiometer_hermite::float::maximum_of;
use gradiometer_instances::generate::{Signs, TeacherRequest};
use gradiometer_model::{Matching, ModelError, Network, Teacher};
use gradiometer_population::{Objective, Population};
use gradiometer_train::{Algorithm, LOSS_ACCURACY, TrainError, Trainer};
use std::f64::consts::FRAC_PI_2;

/// Sizes of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Dimension `d`.
    pub(super) dimension: usize,
    /// Rank `r`.
    pub(super) rank: usize,
    /// Neurons of the teacher `m*`.
    pub(super) teachers: usize,
    /// Neurons of the student `m`.
    pub(super) neurons: usize,
    /// Epochs of Stage 3.
    pub(super) epochs: u64,
    /// Steps in each.
    pub(super) steps: u64,
}

impl Sizes {
    /// A teacher with both signs, separated by half a radian, its `H` well conditioned.
    pub(super) fn teacher(&self, seed: u64) -> Result<Teacher, ModelError> {
        let request = TeacherRequest {
            separation: 0.5,
            smallest_eigenvalue: 0.2,
            signs: Signs::Mixed,
            amplitudes: (0.8, 1.2),
            ..TeacherRequest::new(self.dimension, self.rank, self.teachers, seed)
        };
        Ok(request.generate()?.into_inner())
    }
}

/// What is measured at the end of a run: the loss of the degrees from 2 in expectation, the worst
/// angle of the average neurons, the mean angle of the mass, the share of the mass farther than
/// [`AWAY`] from every teacher, and whether the teacher is recovered ([`RECOVERED`]).
pub(super) const OUTCOME: [Measure; 5] =
    [mean("loss"), mean("worst_angle"), mean("mean_angle"), mean("away_share"), event("recovered")];

/// Radians beyond which mass is away.
const AWAY: f64 = 0.3;
/// Radians below which worst and mean angle must be for a teacher to count as recovered.
pub(super) const RECOVERED: f64 = 0.1;

/// [`OUTCOME`] of a student.
pub(super) fn outcome(teacher: &Teacher, student: &Network) -> Vec<f64> {
    let loss = Population::new(teacher.clone()).loss(student, LOSS_ACCURACY).value;
    let matching = Matching::new(teacher, student);
    let mass: f64 = matching.masses.iter().map(|c| c.abs()).sum();
    let weighted = matching.masses.iter().zip(&matching.angles);
    let mean_angle = weighted.map(|(c, angle)| c.abs() * angle).sum::<f64>() / mass;
    let worst = maximum_of(matching.average_angles.iter().copied());
    let recovered = worst <= RECOVERED && mean_angle <= RECOVERED;
    let away = matching.mass_beyond(AWAY) / mass;
    vec![loss, worst, mean_angle, away, f64::from(u8::from(recovered))]
}

/// The student after a whole run; `None` if it diverged.
pub(super) fn trained<O: Objective + ?Sized>(
    objective: &O,
    algorithm: &Algorithm,
    start: Network,
) -> Result<Option<Network>, Failure> {
    let mut trainer = Trainer::new(objective, algorithm, start)?;
    while !trainer.is_finished() {
        match trainer.advance(u64::MAX) {
            Ok(_ended) => {}
            Err(TrainError::Diverged { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Some(trainer.into_state().student))
}

/// [`OUTCOME`] after a whole run; a diverged one has recovered nothing.
pub(super) fn outcome_of_run<O: Objective + ?Sized>(
    objective: &O,
    algorithm: &Algorithm,
    start: Network,
) -> Result<Vec<f64>, Failure> {
    let student = trained(objective, algorithm, start)?;
    let diverged = vec![f64::NAN, FRAC_PI_2, FRAC_PI_2, 1.0, 0.0];
    Ok(student.map_or(diverged, |student| outcome(objective.teacher(), &student)))
}
