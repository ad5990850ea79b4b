//! A run folder in memory, as far as a report needs it.

use super::options::ReportOptions;
use super::series::{self, Series};
use gradiometer_certify::{Limits, Verdict};
use gradiometer_files::FilesError;
use gradiometer_files::file;
use gradiometer_files::text_file::from_json;
use gradiometer_files::{TensorNames, read_network};
use gradiometer_hermite::float::maximum_of;
use gradiometer_instances::FeatureSubspace;
use gradiometer_landscape::certificate::{CertificateOptions, Threads, prove_certificate};
use gradiometer_model::{Network, Teacher};
use gradiometer_run::format::AWAY;
use gradiometer_run::snapshots;
use gradiometer_theory::s5_duality::gap;
use gradiometer_theory::{
    Analysis, Context, Curve, Dual, Quantities, Statement, TheoryError, statements,
};
use serde_json::Value;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Teacher neurons up to which a report looks for a certificate; with more, `certify` and `analyze`
/// do.
const MOST_TEACHERS: usize = 12;
/// Student neurons up to which a report evaluates the statements.
const MOST_NEURONS: usize = 2000;
/// Boxes that the proof may take; beyond, the certificate is shown as searched for.
const BOXES: u64 = 100_000;
/// Columns of `trajectory.csv` drawn of each kind, at most.
const MOST_COLUMNS: usize = 64;

/// A neuron at a moment, as `snapshots.csv` has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Neuron {
    pub(crate) index: usize,
    /// The nearest teacher and the angle to it.
    pub(crate) teacher: usize,
    pub(crate) angle: f64,
    /// `q_j s_j`.
    pub(crate) share: f64,
    /// `c_j = a_j |w_j|`.
    pub(crate) mass: f64,
    /// Coordinates in the basis of `S*`.
    pub(crate) inside: Vec<f64>,
    /// Norm of the rest.
    pub(crate) outside: f64,
}

/// The neurons at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moment {
    /// Such as `stage3.4`.
    pub(crate) stage: String,
    pub(crate) step: f64,
    pub(crate) lambda: f64,
    pub(crate) neurons: Vec<Neuron>,
}

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

/// A run folder.
#[derive(Debug)]
pub(crate) struct RunData {
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Value,
    pub(crate) teacher: Teacher,
    pub(crate) student: Network,
    pub(crate) subspace: FeatureSubspace,
    pub(crate) series: Series,
    pub(crate) columns: Columns,
    pub(crate) moments: Vec<Moment>,
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
        let path = folder.join("run.json");
        let manifest: Value = from_json(&path, &file::read(&path)?, "the manifest of a run")?;
        let wrong = |field: &str| FilesError::Field {
            path: path.clone(),
            field: field.to_owned(),
            problem: "is missing; run `train` again, or restore the file".to_owned(),
        };
        if !manifest["stages"].is_array() {
            return Err(wrong("stages"));
        }
        let lambda = manifest["final"]["lambda"].as_f64().ok_or_else(|| wrong("final.lambda"))?;
        let names = TensorNames::default();
        let path = folder.join("teacher.safetensors");
        let model = |source| FilesError::Model {
            path: path.clone(),
            field: "fc1.weight".to_owned(),
            source,
        };
        let teacher = Teacher::new(read_network(&path, &names)?).map_err(model)?;
        let subspace = FeatureSubspace::of(&teacher).map_err(model)?;
        let student = read_network(&folder.join("checkpoints/final.safetensors"), &names)?;
        let analysis = match obstacle(&manifest, &teacher, &student) {
            Some(why) => Err(why),
            None => analyse(&teacher, &student, lambda, options, proceed),
        };
        let (series, columns) =
            read_trajectory(folder, &teacher, &manifest, analysis.as_ref().ok())?;
        let moments = read_moments(&folder.join(snapshots::FILE), subspace.rank())?;
        let folder = folder.to_owned();
        Ok(Self {
            folder,
            manifest,
            teacher,
            student,
            subspace,
            series,
            columns,
            moments,
            analysis,
        })
    }

    /// `(step, lambda)` at the end of each epoch of Stage 3, with its record.
    pub(crate) fn epochs(&self) -> Vec<&Value> {
        let stages = self.manifest["stages"].as_array();
        stages.map(|s| s.iter().filter(|r| r["stage"] == "stage3").collect()).unwrap_or_default()
    }
}

/// Why the statements say nothing about a run.
fn obstacle(manifest: &Value, teacher: &Teacher, student: &Network) -> Option<String> {
    let experiment = &manifest["experiment"];
    let share = |name: &str| experiment["stage3"][name].as_f64().unwrap_or(1.0);
    let equal =
        (share("first_layer_share") - 1.0).abs() + (share("second_layer_share") - 1.0).abs();
    let skipped =
        experiment["skip"].as_array().is_some_and(|s| s.iter().any(|p| p == "preprocessing"));
    if experiment["activation"] != "relu" {
        Some("they are about ReLU networks".to_owned())
    } else if skipped {
        Some("they need the preprocessing that this experiment leaves out".to_owned())
    } else if equal > 0.0 {
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
        let mut context = Context::given(&separated, student, lambda, dual, AWAY);
        if let Some(refinements) = refinements {
            context = context.refined(refinements);
        }
        Analysis::new_while(&context, &mut |statement| proceed(statement.id))
    };
    analysis().map_err(|error| error.to_string())
}

fn read_trajectory(
    folder: &Path,
    teacher: &Teacher,
    manifest: &Value,
    analysis: Option<&Analysis>,
) -> Result<(Series, Columns), FilesError> {
    let mut wanted: Vec<String> = [
        "lambda",
        "loss",
        "objective",
        "total_mass",
        "gradient_norm",
        "balance_defect",
        "mean_angle",
    ]
    .map(str::to_owned)
    .to_vec();
    let plain = wanted.len();
    let teachers = teacher.neurons().min(MOST_COLUMNS);
    wanted.extend((0..teachers).map(|i| format!("average_angle_{i}")));
    let angles = manifest["experiment"]["record"]["angles"].as_array();
    let angles: Vec<f64> =
        angles.into_iter().flatten().filter_map(Value::as_f64).take(MOST_COLUMNS).collect();
    wanted.extend(angles.iter().map(|a| format!("mass_beyond_{a}")));
    let curves: Vec<(&Statement, Curve)> =
        statements().filter_map(|s| Some((s, s.curve?))).collect();
    // Where the recorded columns begin.
    let first = FIXED + 2 * curves.len();
    let columns = Columns {
        angles: (first..first + teachers).collect(),
        beyond: angles.iter().enumerate().map(|(k, a)| (*a, first + teachers + k)).collect(),
    };
    let width = first + teachers + angles.len();
    let away =
        angles.iter().position(|a| (a - AWAY).abs() <= f64::EPSILON).map(|k| plain + teachers + k);
    let mass = teacher.total_mass();
    let p = analysis.map(|found| *found.dual.constants());
    let derive = |cells: &[f64], out: &mut [f64]| {
        let [lambda, loss, objective, total, gradient, defect, mean, ..] = *cells else { return };
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
    };
    Ok((series::read(&folder.join("trajectory.csv"), &wanted, width, derive)?, columns))
}

/// The moments of `snapshots.csv`.
fn read_moments(path: &Path, rank: usize) -> Result<Vec<Moment>, FilesError> {
    let bytes = file::read(path)?;
    let text = file::text(path, &bytes)?;
    let mut moments: Vec<Moment> = Vec::new();
    let mut key = "";
    for (number, line) in text.lines().enumerate().skip(1) {
        let parsed = neuron(line, rank);
        let (start, step, lambda, neuron) = parsed.ok_or_else(|| FilesError::Field {
            path: path.to_owned(),
            field: format!("line {}", number + 1),
            problem: format!(
                "is no neuron with {rank} coordinates in the teacher's span; run `train` again, or restore the file"
            ),
        })?;
        if start != key || moments.is_empty() {
            key = start;
            let mut cells = start.split(',');
            let (stage, epoch) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
            let stage =
                if epoch.is_empty() { stage.to_owned() } else { format!("{stage}.{epoch}") };
            moments.push(Moment { stage, step, lambda, neurons: Vec::new() });
        }
        if let Some(moment) = moments.last_mut() {
            moment.neurons.push(neuron);
        }
    }
    Ok(moments)
}

/// Stage, epoch and step as they are written; step and `lambda`; the neuron.
fn neuron(line: &str, rank: usize) -> Option<(&str, f64, f64, Neuron)> {
    let cells: Vec<&str> = line.split(',').collect();
    if cells.len() != 10 + rank {
        return None;
    }
    let number = |at: usize| cells[at].parse::<f64>().ok().filter(|x| x.is_finite());
    let inside = (0..rank).map(|i| number(9 + i)).collect::<Option<Vec<f64>>>()?;
    let outside = number(9 + rank)?;
    let size = inside.iter().map(|x| x * x).sum::<f64>() + outside * outside;
    let start = &line[..cells[0].len() + cells[1].len() + cells[2].len() + 2];
    let neuron = Neuron {
        index: cells[4].parse().ok()?,
        teacher: cells[5].parse().ok()?,
        angle: number(6)?,
        share: number(7)?,
        mass: number(8)? * size.sqrt(),
        inside,
        outside,
    };
    Some((start, number(2)?, number(3)?, neuron))
}
