//! A run folder in memory, as far as a report needs it.

use super::options::ReportOptions;
use super::series::{self, Series, Watched};
use gradiometer_certify::{Limits, Verdict};
use gradiometer_files::FilesError;
use gradiometer_hermite::float::maximum_of;
use gradiometer_instances::FeatureSubspace;
use gradiometer_landscape::certificate::{CertificateOptions, Threads, prove_certificate};
use gradiometer_model::recovery::AT;
use gradiometer_model::{ModelError, Network, Recovery, Teacher};
use gradiometer_run::experiment::{ActivationName, Part};
use gradiometer_run::features;
use gradiometer_run::format::AWAY;
use gradiometer_run::manifest::Manifest;
use gradiometer_run::record::StageName;
use gradiometer_run::snapshots::{self, Snapshot};
use gradiometer_run::{RunRecord, Trajectory};
use gradiometer_theory::s5_duality::gap;
use gradiometer_theory::{
    Analysis, Context, Curve, Dual, Quantities, Statement, TheoryError, statements,
};
use std::ops::ControlFlow;
use std::path::Path;

/// Teacher neurons up to which a report looks for a certificate; with more, `certify` and `analyze`
/// do.
const MOST_TEACHERS: usize = 12;
/// Student neurons up to which a report evaluates the statements.
const MOST_NEURONS: usize = 2000;
/// Boxes that the proof may take; beyond, the certificate is shown as searched for.
const BOXES: u64 = 100_000;
/// The file that a watched run writes.
const CLAIMS: &str = "claims.csv";
/// Columns of `trajectory.csv` drawn of each kind, at most.
const MOST_COLUMNS: usize = 64;

/// Where the quantities of [`RunData::series`] are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    /// Angles of the average neurons.
    pub(crate) angles: Vec<usize>,
    /// Mass beyond angles: the angle, the quantity.
    pub(crate) beyond: Vec<(f64, usize)>,
}

/// Quantities of the trajectory, in order; those of [`Columns`] follow.
pub(crate) const LOSS: usize = 0;
pub(crate) const GRADIENT: usize = 1;
pub(crate) const DEFECT: usize = 2;
pub(crate) const WORST_ANGLE: usize = 3;
pub(crate) const MEAN_ANGLE: usize = 4;
/// `zeta+` cut at 0 and `zeta+ + lambda^2 |p|^2/4`, of statement 5.2.
pub(crate) const GAP_LOW: usize = 5;
pub(crate) const GAP_HIGH: usize = 6;
/// The two sides of every statement that has a curve follow, then the recorded columns.
pub(crate) const FIXED: usize = 7;

/// A run as its report needs it.
#[derive(Debug)]
pub(crate) struct RunData {
    pub(crate) manifest: Manifest,
    pub(crate) teacher: Teacher,
    pub(crate) student: Network,
    pub(crate) subspace: FeatureSubspace,
    pub(crate) series: Series,
    pub(crate) columns: Columns,
    pub(crate) moments: Vec<Snapshot>,
    /// How far weights and gradients show the teacher, at the moments; none for an older run.
    pub(crate) features: Vec<features::Row>,
    /// Both sides of the statements that the run watched, where it did.
    pub(crate) watched: Option<Vec<Watched>>,
    /// What the final student has learned.
    pub(crate) recovery: Recovery,
    /// The statements at the final student, or why they are not there.
    pub(crate) analysis: Result<Analysis, String>,
}

impl RunData {
    /// Reads the folder and evaluates the statements at its final student.
    ///
    /// # Errors
    /// [`FilesError`] for a file that is missing or damaged.
    pub(crate) fn read(
        folder: &Path,
        options: ReportOptions,
        proceed: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Self, FilesError> {
        let manifest = Manifest::read(folder)?;
        let path = folder.join("teacher.safetensors");
        let model = |source| FilesError::Model {
            path: path.clone(),
            field: "fc1.weight".to_owned(),
            source,
        };
        let experiment = &manifest.experiment;
        let teacher = Teacher::new(experiment.read_network(&path)?).map_err(model)?;
        let student = experiment.read_network(&folder.join("checkpoints/final.safetensors"))?;
        let mut run =
            Self::evaluated(manifest, teacher, student, options, proceed).map_err(model)?;
        let row = Row::of(&run);
        let path = folder.join("trajectory.csv");
        run.series = series::read(&path, &row.wanted(), row.width(), row.derive(&run))?;
        run.moments = snapshots::read(&folder.join(snapshots::FILE), run.subspace.rank())?;
        let path = folder.join(features::FILE);
        if path.exists() {
            run.features = features::read(&path)?;
        }
        let claims = folder.join(CLAIMS);
        if claims.exists() {
            run.watched = Some(Watched::read(&claims)?);
        }
        Ok(run)
    }

    /// A run in memory.
    ///
    /// # Errors
    /// [`ModelError`] for a teacher whose span is not found.
    pub(crate) fn in_memory(
        manifest: Manifest,
        teacher: Teacher,
        student: Network,
        trajectory: &Trajectory,
    ) -> Result<Self, ModelError> {
        let (options, mut go_on) = (ReportOptions::default(), |_: &str| ControlFlow::Continue(()));
        let mut run = Self::evaluated(manifest, teacher, student, options, &mut go_on)?;
        let row = Row::of(&run);
        let cells = trajectory.records.iter().map(|record| (record.steps, row.cells(record)));
        run.series = Series::of(cells, row.width(), row.derive(&run));
        run.moments.clone_from(&trajectory.snapshots);
        run.features = trajectory.snapshots.iter().filter_map(Snapshot::features).collect();
        let watched = &trajectory.claims;
        if !watched.is_empty() {
            let sides = watched.iter().map(|w| (w.step, w.name.as_str(), &w.claim));
            run.watched = Some(Watched::of(sides.map(|(step, name, claim)| {
                (step as f64, name, (claim.left, claim.right), claim.finding.name())
            })));
        }
        Ok(run)
    }

    /// What follows from the final student; the trajectory is still to be filled in.
    fn evaluated(
        manifest: Manifest,
        teacher: Teacher,
        student: Network,
        options: ReportOptions,
        proceed: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        let analysis = match obstacle(&manifest, &teacher, &student) {
            Some(why) => Err(why),
            None => analyse(&teacher, &student, manifest.last.record.lambda, options, proceed),
        };
        let subspace = FeatureSubspace::of(&teacher)?;
        let recovery = Recovery::new(&teacher, &student, AT);
        let (series, moments, watched) = (Series::default(), Vec::new(), None);
        let mut run = Self {
            manifest,
            teacher,
            student,
            subspace,
            series,
            columns: Columns::default(),
            moments,
            features: Vec::new(),
            watched,
            recovery,
            analysis,
        };
        run.columns = Row::of(&run).columns();
        Ok(run)
    }

    /// The record at the end of each epoch of Stage 3: that of its floor, where it has one.
    pub(crate) fn epochs(&self) -> Vec<&RunRecord> {
        let mut epochs: Vec<&RunRecord> = Vec::new();
        for record in &self.manifest.stages {
            if !matches!(record.position.stage, StageName::Stage3 | StageName::Floor) {
                continue;
            }
            match epochs.last_mut() {
                Some(last) if last.position.epoch == record.position.epoch => *last = record,
                _ => epochs.push(record),
            }
        }
        epochs
    }

    /// Whether an epoch has converged at a record, `|grad L_lambda| <= lambda^2`.
    pub(crate) fn is_converged(record: &RunRecord) -> bool {
        record.gradient_norm <= record.lambda * record.lambda
    }

    /// The largest angle of an average neuron at a record.
    pub(crate) fn worst_angle(record: &RunRecord) -> f64 {
        maximum_of(record.matched_angles.iter().copied())
    }
}

/// Why the statements say nothing about a run.
fn obstacle(manifest: &Manifest, teacher: &Teacher, student: &Network) -> Option<String> {
    let experiment = &manifest.experiment;
    let stage3 = &experiment.stage3;
    let unequal = (stage3.first_layer_share - 1.0).abs() + (stage3.second_layer_share - 1.0).abs();
    if experiment.activation != ActivationName::RELU {
        Some("they are about ReLU networks".to_owned())
    } else if experiment.student.biases {
        Some("they are about networks without biases".to_owned())
    } else if experiment.skip.contains(&Part::Preprocessing) {
        Some("they need the preprocessing that this experiment leaves out".to_owned())
    } else if unequal > 0.0 {
        Some("they need the same weight decay on both layers".to_owned())
    } else if teacher.neurons() > MOST_TEACHERS || student.neurons() > MOST_NEURONS {
        Some(format!(
            "with more than {MOST_TEACHERS} teacher or {MOST_NEURONS} student neurons they take long; the commands certify and analyze evaluate them on the folder's files"
        ))
    } else {
        None
    }
}

fn analyse(
    teacher: &Teacher,
    student: &Network,
    lambda: f64,
    options: ReportOptions,
    proceed: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Analysis, String> {
    let ReportOptions { boxes, refinements, .. } = options;
    let separated = teacher.clone().separated().map_err(|error| error.to_string())?;
    let limits = Limits { boxes: boxes.unwrap_or(BOXES), ..Limits::default() };
    let mut go_on = |_| proceed("the certificate");
    let options = CertificateOptions::default();
    let checked =
        prove_certificate(&separated, &options, &limits, &mut Threads::new(2, &mut go_on))
            .map_err(|error| error.to_string())?;
    if matches!(checked.report.verdict, Verdict::Refuted(_)) {
        return Err("the certificate that was found is refuted".to_owned());
    }
    let found = &checked.found.certificate;
    let mut analysis = || -> Result<Analysis, TheoryError> {
        let dual = Dual::checked(&separated, found, &checked.report)?;
        let mut context = Context::given(&separated, student, lambda, dual, AWAY).enclosed();
        if let Some(refinements) = refinements {
            context = context.refined(refinements);
        }
        Analysis::new_while(&context, &mut |statement| proceed(statement.id))
    };
    analysis().map_err(|error| error.to_string())
}

/// What is read of a record and what is drawn of it.
struct Row {
    /// Teachers whose angle is drawn.
    teachers: usize,
    /// Angles beyond which the mass is drawn.
    angles: Vec<f64>,
    curves: Vec<(&'static Statement, Curve)>,
}

/// Columns of a record before those of the teachers.
const PLAIN: [&str; 7] =
    ["lambda", "loss", "objective", "total_mass", "gradient_norm", "balance_defect", "mean_angle"];

impl Row {
    fn of(run: &RunData) -> Self {
        let angles = &run.manifest.experiment.record.angles;
        Self {
            teachers: run.teacher.neurons().min(MOST_COLUMNS),
            angles: angles.iter().copied().take(MOST_COLUMNS).collect(),
            curves: statements().filter_map(|s| Some((s, s.curve?))).collect(),
        }
    }

    /// Where the recorded columns begin among the quantities.
    fn first(&self) -> usize {
        FIXED + 2 * self.curves.len()
    }

    fn width(&self) -> usize {
        self.first() + self.teachers + self.angles.len()
    }

    fn columns(&self) -> Columns {
        let first = self.first() + self.teachers;
        Columns {
            angles: (self.first()..first).collect(),
            beyond: self.angles.iter().enumerate().map(|(k, a)| (*a, first + k)).collect(),
        }
    }

    /// The columns of `trajectory.csv` that are needed.
    fn wanted(&self) -> Vec<String> {
        let mut wanted: Vec<String> = PLAIN.iter().map(|&name| name.to_owned()).collect();
        wanted.extend((0..self.teachers).map(|i| format!("average_angle_{i}")));
        wanted.extend(self.angles.iter().map(|a| format!("mass_beyond_{a}")));
        wanted
    }

    /// The same of a record.
    fn cells(&self, record: &RunRecord) -> Vec<f64> {
        let RunRecord { lambda, loss, objective, total_mass, .. } = *record;
        let RunRecord { gradient_norm, balance_defect, mean_angle, .. } = *record;
        let plain: [f64; PLAIN.len()] =
            [lambda, loss, objective, total_mass, gradient_norm, balance_defect, mean_angle];
        let mut cells = plain.to_vec();
        cells.extend(&record.matched_angles[..self.teachers]);
        cells.extend(&record.mass_beyond[..self.angles.len()]);
        cells
    }

    /// The quantities that are drawn, of the cells.
    fn derive(&self, run: &RunData) -> impl FnMut(&[f64], &mut [f64]) {
        let (first, teachers, plain) = (self.first(), self.teachers, PLAIN.len());
        let away = self.angles.iter().position(|a| (a - AWAY).abs() <= f64::EPSILON);
        let away = away.map(|k| plain + teachers + k);
        let mass = run.teacher.total_mass();
        let p = run.analysis.as_ref().ok().map(|found| *found.dual.constants());
        let curves = self.curves.clone();
        move |cells: &[f64], out: &mut [f64]| {
            let [lambda, loss, objective, total, gradient, defect, mean, ..] = *cells else {
                return;
            };
            let beyond = (AWAY, away.map_or(f64::NAN, |at| cells[at]));
            let at = Quantities::of_row((lambda, loss, objective), total, beyond, mass);
            out[LOSS] = loss;
            out[GRADIENT] = gradient;
            out[DEFECT] = defect;
            out[WORST_ANGLE] = maximum_of(cells[plain..plain + teachers].iter().copied());
            out[MEAN_ANGLE] = mean;
            let (low, high) = p.map_or((f64::NAN, f64::NAN), |p| gap(&at, &p));
            (out[GAP_LOW], out[GAP_HIGH]) = (low, high);
            for ((_, curve), pair) in curves.iter().zip(out[FIXED..first].chunks_exact_mut(2)) {
                if let Some(p) = &p {
                    let sides = (curve.sides)(&at, p);
                    pair.copy_from_slice(&[sides.left.value, sides.right.value]);
                }
            }
            out[first..].copy_from_slice(&cells[plain..]);
        }
    }
}
