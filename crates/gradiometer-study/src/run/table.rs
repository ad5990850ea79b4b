//! The tables of a run folder, which grow row by row.

use crate::error::StudyError;
use crate::run::stage_names;
use gradiometer_train::Record;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A CSV file that grows and, when a run goes on, is cut to the length that its checkpoint knows. No cell needs quotes.
#[derive(Debug)]
pub(crate) struct GrowingTable {
    path: PathBuf,
    file: File,
    length: u64,
}

impl GrowingTable {
    /// A new file with its header.
    pub(crate) fn create(path: PathBuf, header: &[String]) -> Result<Self, StudyError> {
        let file = File::create(&path)
            .map_err(|source| StudyError::Write { path: path.clone(), source })?;
        let mut table = Self { path, file, length: 0 };
        table.row(header)?;
        Ok(table)
    }

    /// The file of an interrupted run, cut to the length that it had at the checkpoint.
    pub(crate) fn reopen(path: PathBuf, length: u64) -> Result<Self, StudyError> {
        let write_error = |source| StudyError::Write { path: path.clone(), source };
        let file = OpenOptions::new().append(true).open(&path).map_err(write_error)?;
        let found = file.metadata().map_err(write_error)?.len();
        if found < length {
            return Err(StudyError::Experiment {
                path,
                field: "length".to_owned(),
                problem: format!(
                    "is {found} bytes, less than the {length} that the checkpoint knows; start again with --force"
                ),
            });
        }
        file.set_len(length).map_err(write_error)?;
        Ok(Self { path, file, length })
    }

    pub(crate) fn row(&mut self, cells: &[String]) -> Result<(), StudyError> {
        let line = cells.join(",") + "\n";
        self.length += line.len() as u64;
        self.file.write_all(line.as_bytes()).map_err(|source| self.error(source))
    }

    /// The length, once everything so far is on disk.
    pub(crate) fn synchronised(&self) -> Result<u64, StudyError> {
        self.file.sync_data().map_err(|source| self.error(source))?;
        Ok(self.length)
    }

    fn error(&self, source: std::io::Error) -> StudyError {
        StudyError::Write { path: self.path.clone(), source }
    }
}

/// The name of `trajectory.csv` in its folder.
pub(super) fn trajectory(out: &Path) -> PathBuf {
    out.join("trajectory.csv")
}

/// The columns of `trajectory.csv`: `stage, epoch, step, lambda, loss, loss_error, objective, total_mass, gradient_norm,
/// balance_defect, mean_angle, training_loss, time`, then for every teacher `average_angle_i` and `assigned_angle_i`, then
/// `mass_beyond_A` for every angle `A`. A run on expectations has no training loss, and only the flow has a time: their cells are empty.
pub(super) fn trajectory_header(teachers: usize, angles: &[f64]) -> Vec<String> {
    let mut header: Vec<String> = [
        "stage",
        "epoch",
        "step",
        "lambda",
        "loss",
        "loss_error",
        "objective",
        "total_mass",
        "gradient_norm",
        "balance_defect",
        "mean_angle",
        "training_loss",
        "time",
    ]
    .map(str::to_owned)
    .to_vec();
    for kind in ["average_angle", "assigned_angle"] {
        header.extend((0..teachers).map(|i| format!("{kind}_{i}")));
    }
    header.extend(angles.iter().map(|a| format!("mass_beyond_{a}")));
    header
}

/// A row of `trajectory.csv`; floats are written so that they come back exactly.
pub(super) fn trajectory_row(record: &Record, start: bool) -> Vec<String> {
    let (stage, epoch) = stage_names(record.phase, start);
    let epoch = epoch.map_or(String::new(), |k| k.to_string());
    let mut row = vec![stage.to_owned(), epoch, record.step.to_string()];
    let numbers = [
        record.lambda,
        record.loss.value,
        record.loss.error,
        record.objective,
        record.total_mass,
        record.gradient_norm,
        record.balance_defect,
        record.mean_angle,
    ];
    row.extend(numbers.iter().map(|x| format!("{x:e}")));
    for value in [record.training_loss, record.time] {
        row.push(value.map_or(String::new(), |x| format!("{x:e}")));
    }
    let lists = [&record.average_angles, &record.assigned_angles, &record.mass_beyond];
    row.extend(lists.into_iter().flatten().map(|x| format!("{x:e}")));
    row
}
