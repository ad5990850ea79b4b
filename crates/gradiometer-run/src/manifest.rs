//! `run.json`: an experiment as resolved and what its run ended with.

use crate::experiment::Experiment;
use crate::format::AWAY;
use crate::record::{FinalRecord, FloorReport, RunRecord};
use crate::run::Results;
use crate::watch::WatchedClaim;
use gradiometer_files::file::{self, write_atomically};
use gradiometer_files::text_file::{from_json, to_json};
use gradiometer_files::{FilesError, null_is_nan};
use gradiometer_hermite::exponent::{InformationExponent, Part};
use gradiometer_instances::Complexity;
use gradiometer_model::{Matching, ModelError, Network, Teacher};
use gradiometer_population::InstructionSet;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The name of a manifest in its folder.
pub const MANIFEST: &str = "run.json";

/// A run's manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The program that wrote it.
    pub program: String,
    /// Its version.
    pub version: String,
    /// The experiment as resolved.
    pub experiment: Experiment,
    /// The vector unit that the sums were taken on.
    pub instruction_set: String,
    /// The teacher's complexity.
    pub teacher: TeacherReport,
    /// One record at the start and one at the end of every stage, epoch and floor.
    pub stages: Vec<RunRecord>,
    /// The last record.
    #[serde(rename = "final")]
    pub last: FinalRecord,
    /// How the searches for floors ended, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub floors: Vec<FloorReport>,
    /// The watched claim whose violation ended the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violated: Option<ViolationReport>,
    /// How the numbers are known.
    pub evidence: String,
}

impl Manifest {
    /// The manifest of a run that has ended with a student.
    ///
    /// # Errors
    /// [`ModelError`] if the teacher's complexity cannot be computed.
    pub fn new(
        experiment: &Experiment,
        teacher: &Teacher,
        student: &Network,
        results: Results,
    ) -> Result<Self, ModelError> {
        let mass_away = Matching::new(teacher, student).mass_beyond(AWAY);
        let Results { stages, last, floors, violation } = results;
        Ok(Self {
            program: "gradiometer".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            experiment: experiment.clone(),
            instruction_set: InstructionSet::detect().name().to_owned(),
            teacher: (&Complexity::of(teacher)?).into(),
            stages,
            last: FinalRecord::new(last, mass_away),
            floors,
            violated: violation.as_ref().map(Into::into),
            evidence: "computed".to_owned(),
        })
    }

    /// The manifest of a run folder.
    ///
    /// # Errors
    /// [`FilesError`] that names the file and the field.
    pub fn read(folder: &Path) -> Result<Self, FilesError> {
        let path = folder.join(MANIFEST);
        from_json(&path, &file::read(&path)?, "the manifest of a run, as `train` writes it")
    }

    /// Writes it into a run folder, its fields in the order of their names.
    ///
    /// # Errors
    /// [`FilesError::Write`].
    pub fn write(&self, folder: &Path) -> Result<(), FilesError> {
        let path = folder.join(MANIFEST);
        write_atomically(&path, format!("{:#}\n", to_json(&path, self)?).as_bytes())
    }
}

/// A watched claim that does not hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViolationReport {
    /// Steps taken.
    pub step: u64,
    /// The weight decay there.
    #[serde(deserialize_with = "null_is_nan")]
    pub lambda: f64,
    /// The claim's id and part.
    pub claim: String,
    /// Left side.
    #[serde(deserialize_with = "null_is_nan")]
    pub left: f64,
    /// Right side.
    #[serde(deserialize_with = "null_is_nan")]
    pub right: f64,
    /// Left over right.
    #[serde(deserialize_with = "null_is_nan")]
    pub ratio: f64,
    /// How the sides are known.
    pub evidence: String,
}

impl From<&WatchedClaim> for ViolationReport {
    fn from(violation: &WatchedClaim) -> Self {
        let claim = &violation.claim;
        Self {
            step: violation.step,
            lambda: violation.lambda,
            claim: format!("{} {}", claim.id, claim.part),
            left: claim.left,
            right: claim.right,
            ratio: claim.ratio(),
            evidence: claim.evidence.name().to_owned(),
        }
    }
}

/// A teacher's complexity as `inspect` and `run.json` give it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TeacherReport {
    /// Input dimension `d`.
    pub dimension: usize,
    /// Number of neurons `m*`.
    pub neurons: usize,
    /// Rank `r`.
    pub rank: usize,
    /// Smallest angle between two neurons, radians; one neuron has none.
    pub separation: Option<f64>,
    /// Bound on its error.
    #[serde(default)]
    pub separation_error: Option<f64>,
    /// The two neurons that are that close.
    pub closest_pair: Option<[usize; 2]>,
    /// Condition `kappa` of `H`.
    pub condition: Option<f64>,
    /// Bound on its error.
    #[serde(default)]
    pub condition_error: Option<f64>,
    /// `|mu*|`.
    #[serde(deserialize_with = "null_is_nan")]
    pub total_mass: f64,
    /// The information exponent, where it is known.
    pub information_exponent: Option<usize>,
    /// That of what preprocessing leaves.
    pub preprocessed_exponent: Option<usize>,
    /// The norms that decide the first.
    pub information_exponent_parts: Vec<DegreeReport>,
    /// The norms that decide the second.
    pub preprocessed_exponent_parts: Vec<DegreeReport>,
    /// Eigenvalues of `H`.
    pub eigenvalues: Vec<f64>,
    /// The smallest modulus among them.
    #[serde(deserialize_with = "null_is_nan")]
    pub smallest_eigenvalue: f64,
    /// Bound on its error.
    #[serde(default)]
    pub smallest_eigenvalue_error: Option<f64>,
    /// Bound on the error of every eigenvalue.
    #[serde(default)]
    pub eigenvalue_error: Option<f64>,
    /// Smallest modulus of an amplitude.
    #[serde(deserialize_with = "null_is_nan")]
    pub smallest_amplitude: f64,
    /// Greatest modulus of an amplitude.
    #[serde(deserialize_with = "null_is_nan")]
    pub largest_amplitude: f64,
    /// `E f*`.
    #[serde(deserialize_with = "null_is_nan")]
    pub mean: f64,
    /// `E f* x`.
    pub first_coefficient: Vec<f64>,
    /// Whether Assumption 2, separation, holds.
    pub assumption_2: bool,
    /// Whether Assumption 3, a regular `H`, holds.
    pub assumption_3: bool,
    /// The same with a third value: `holds`, `fails` or `undecided`.
    #[serde(default)]
    pub assumption_3_verdict: String,
    /// How all of it is known.
    pub evidence: String,
}

/// The part of a teacher in one degree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DegreeReport {
    /// The degree.
    pub degree: usize,
    /// Its norm.
    #[serde(deserialize_with = "null_is_nan")]
    pub norm: f64,
    /// What the norm may be off by.
    #[serde(deserialize_with = "null_is_nan")]
    pub error: f64,
}

impl From<&Complexity> for TeacherReport {
    fn from(of: &Complexity) -> Self {
        let parts = |exponent: &InformationExponent| {
            let parts = exponent.parts.iter();
            parts.map(|p| DegreeReport { degree: p.degree, norm: p.norm, error: p.error }).collect()
        };
        Self {
            dimension: of.dimension,
            neurons: of.neurons,
            rank: of.rank,
            separation: of.separation.map(|s| s.angle),
            separation_error: of.separation.map(|s| s.error),
            closest_pair: of.separation.map(|s| [s.first, s.second]),
            condition: of.condition,
            condition_error: of.condition_error,
            total_mass: of.total_mass,
            information_exponent: of.information_exponent.exponent.known(),
            preprocessed_exponent: of.preprocessed_exponent.exponent.known(),
            information_exponent_parts: parts(&of.information_exponent),
            preprocessed_exponent_parts: parts(&of.preprocessed_exponent),
            eigenvalues: of.eigenvalues.clone(),
            smallest_eigenvalue: of.smallest_eigenvalue,
            smallest_eigenvalue_error: Some(of.smallest_eigenvalue_error),
            eigenvalue_error: Some(of.eigenvalue_error),
            smallest_amplitude: of.smallest_amplitude,
            largest_amplitude: of.largest_amplitude,
            mean: of.mean,
            first_coefficient: of.first_coefficient.clone(),
            assumption_2: of.is_separated(),
            assumption_3: of.is_non_degenerate(),
            assumption_3_verdict: match of.smallest_part {
                Part::NonZero => "holds",
                Part::Zero => "fails",
                Part::Undecided => "undecided",
            }
            .to_owned(),
            evidence: "computed".to_owned(),
        }
    }
}
