//! Records as files hold them: what is measured at one moment of a run, and how the searches for
//! floors ended.

use crate::format::AWAY;
use gradiometer_files::null_is_nan;
use gradiometer_train::{FloorEnding, Phase, Record, StationaryPoint};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// As [`null_is_nan`] for a number that may be left out.
fn some_null_is_nan<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    null_is_nan(from).map(Some)
}

/// The part of a run that a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    /// Before the first step.
    Start,
    /// The large step on the first layer.
    Stage1,
    /// The fit of the second layer.
    Stage2,
    /// Norm balancing.
    Balance,
    /// Descent on both layers.
    Stage3,
    /// Newton's method to the minimiser.
    Floor,
    /// Nothing is left to do.
    Finished,
}

impl StageName {
    /// All of them, in order.
    const ALL: [Self; 7] = [
        Self::Start,
        Self::Stage1,
        Self::Stage2,
        Self::Balance,
        Self::Stage3,
        Self::Floor,
        Self::Finished,
    ];

    /// The stage of a name in a file.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stage1 => "stage1",
            Self::Stage2 => "stage2",
            Self::Balance => "balance",
            Self::Stage3 => "stage3",
            Self::Floor => "floor",
            Self::Finished => "finished",
        }
    }
}

/// A stage and, in Stage 3 and its floors, the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The stage.
    pub stage: StageName,
    /// The epoch, from 0.
    pub epoch: Option<u64>,
}

impl Position {
    /// Where a run begins.
    pub const START: Self = Self { stage: StageName::Start, epoch: None };

    /// The phase that the trainer is in there; the start has none of its own.
    pub(crate) const fn phase(self) -> Option<Phase> {
        Some(match (self.stage, self.epoch) {
            (StageName::Stage1, None) => Phase::Stage1,
            (StageName::Stage2, None) => Phase::Stage2,
            (StageName::Balance, None) => Phase::Balance,
            (StageName::Stage3, Some(epoch)) => Phase::Stage3 { epoch },
            (StageName::Floor, Some(epoch)) => Phase::Floor { epoch },
            (StageName::Finished, None) => Phase::Finished,
            _ => return None,
        })
    }
}

impl From<Phase> for Position {
    fn from(phase: Phase) -> Self {
        let (stage, epoch) = match phase {
            Phase::Stage1 => (StageName::Stage1, None),
            Phase::Stage2 => (StageName::Stage2, None),
            Phase::Balance => (StageName::Balance, None),
            Phase::Stage3 { epoch } => (StageName::Stage3, Some(epoch)),
            Phase::Floor { epoch } => (StageName::Floor, Some(epoch)),
            Phase::Finished => (StageName::Finished, None),
        };
        Self { stage, epoch }
    }
}

/// Such as `stage3.4`.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            Some(epoch) => write!(f, "{}.{epoch}", self.stage.name()),
            None => f.write_str(self.stage.name()),
        }
    }
}

/// A number that a file does not have.
const fn unknown() -> f64 {
    f64::NAN
}

/// What a run reports at one moment; [`Record`] says what each number is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Where in the algorithm.
    #[serde(flatten)]
    pub position: Position,
    /// Gradient steps taken since the start.
    pub steps: u64,
    /// The weight decay in force.
    #[serde(deserialize_with = "null_is_nan")]
    pub lambda: f64,
    /// `L`.
    #[serde(deserialize_with = "null_is_nan")]
    pub loss: f64,
    /// What `L` may be off by.
    #[serde(deserialize_with = "null_is_nan")]
    pub loss_error: f64,
    /// `L_lambda`.
    #[serde(deserialize_with = "null_is_nan")]
    pub objective: f64,
    /// What `L_lambda` may be off by; runs of older versions do not have it.
    #[serde(default = "unknown", deserialize_with = "null_is_nan")]
    pub objective_error: f64,
    /// `|mu|`.
    #[serde(deserialize_with = "null_is_nan")]
    pub total_mass: f64,
    /// `|grad L_lambda|`.
    #[serde(deserialize_with = "null_is_nan")]
    pub gradient_norm: f64,
    /// What `|grad L_lambda|` may be off by; runs of older versions do not have it.
    #[serde(default = "unknown", deserialize_with = "null_is_nan")]
    pub gradient_norm_error: f64,
    /// `max_j | |a_j| - |w_j| |`.
    #[serde(deserialize_with = "null_is_nan")]
    pub balance_defect: f64,
    /// Mean angle of the mass, radians.
    #[serde(deserialize_with = "null_is_nan")]
    pub mean_angle: f64,
    /// The loss over samples, where that is what the run descends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "some_null_is_nan")]
    pub training_loss: Option<f64>,
    /// Time of the flow since the epoch began, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "some_null_is_nan")]
    pub time: Option<f64>,
    /// For each teacher the angle of its average neuron, radians.
    pub matched_angles: Vec<f64>,
    /// For each teacher the angle of the neuron assigned to it, radians.
    pub assigned_angles: Vec<f64>,
    /// Mass beyond each of the angles of `[record]`.
    pub mass_beyond: Vec<f64>,
}

impl RunRecord {
    /// A record of the trainer at a position that is its phase, or the start.
    pub(crate) fn new(record: Record, position: Position) -> Self {
        Self {
            position,
            steps: record.step,
            lambda: record.lambda,
            loss: record.loss.value,
            loss_error: record.loss.error,
            objective: record.objective.value,
            objective_error: record.objective.error,
            total_mass: record.total_mass,
            gradient_norm: record.gradient_norm.value,
            gradient_norm_error: record.gradient_norm.error,
            balance_defect: record.balance_defect,
            mean_angle: record.mean_angle,
            training_loss: record.training_loss,
            time: record.time,
            matched_angles: record.average_angles,
            assigned_angles: record.assigned_angles,
            mass_beyond: record.mass_beyond,
        }
    }
}

/// The last record of a run and what follows from its student, as `train --json` gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinalRecord {
    /// The record.
    #[serde(flatten)]
    pub record: RunRecord,
    /// Mass farther than `mass_away_angle` from every teacher.
    #[serde(deserialize_with = "null_is_nan")]
    pub mass_away: f64,
    /// [`AWAY`].
    pub mass_away_angle: f64,
    /// How all of it is known.
    pub evidence: String,
}

impl FinalRecord {
    pub(crate) fn new(record: RunRecord, mass_away: f64) -> Self {
        let evidence = "computed".to_owned();
        Self { record, mass_away, mass_away_angle: AWAY, evidence }
    }
}

/// How the search for the floor of an epoch ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FloorReport {
    /// The epoch.
    pub epoch: u64,
    /// Its weight decay.
    #[serde(deserialize_with = "null_is_nan")]
    pub lambda: f64,
    /// How it ended.
    pub ending: Option<FloorEnding>,
    /// `|grad L_lambda|` there.
    #[serde(deserialize_with = "null_is_nan")]
    pub gradient_norm: f64,
    /// What rounding makes of the gradient.
    #[serde(deserialize_with = "null_is_nan")]
    pub rounding: f64,
    /// Products with the Hessian.
    pub hessian_products: u64,
    /// How all of it is known.
    pub evidence: String,
}

impl FloorReport {
    pub(crate) fn new(epoch: u64, lambda: f64, floor: StationaryPoint) -> Self {
        Self {
            epoch,
            lambda,
            ending: floor.ending,
            gradient_norm: floor.gradient_norm,
            rounding: floor.rounding,
            hessian_products: floor.products,
            evidence: "computed".to_owned(),
        }
    }
}
