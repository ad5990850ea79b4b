//! How far weights and gradients show the teacher along a run (statement 11.10.6), at the moments of
//! [`crate::snapshots`].
//!
//! `features.csv` has one row a moment: `stage, epoch, step, lambda, alignment, alignment_first_power, alignment_raw,
//! weights_in_span, gradients_in_span, agop_to_teacher`. With `B = W^T W` and the average gradient outer product `M` of the
//! degrees from 2 on they are `cos(B, M^{1/2})`, `cos(B, M)`, `cos(B, M_raw^{1/2})`, `tr(P B)/tr B`, `tr(P M)/tr M` for the
//! projection `P` on `S*`, and `cos(M, M*)`. Seven digits are kept. Cells are empty where a matrix is zero. There are no rows
//! for networks of which a moment takes more than [`MOST_WORK`].

use crate::record::{Position, StageName};
use gradiometer_files::{FilesError, file};
use gradiometer_mechanisms::radhakrishnan::{Ansatz, Feature, GradientFeature};
use std::path::Path;

/// The file's name.
pub const FILE: &str = "features.csv";

/// Multiplications of one moment, as [`Target::work`](gradiometer_mechanisms::radhakrishnan::Target::work) counts them, up
/// to which it has a row: a second or two. All pairs of neurons count, and a network of a million in the plane, whose
/// steps are fast, would never come to its first step.
pub const MOST_WORK: f64 = 2e9;

/// The columns.
pub(crate) const HEADER: [&str; 10] = [
    "stage",
    "epoch",
    "step",
    "lambda",
    "alignment",
    "alignment_first_power",
    "alignment_raw",
    "weights_in_span",
    "gradients_in_span",
    "agop_to_teacher",
];

/// A row of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where in the algorithm.
    pub position: Position,
    /// Steps taken.
    pub step: u64,
    /// The weight decay in force.
    pub lambda: f64,
    /// What is measured; the floor, which follows from the signs, is not in the file.
    pub feature: Feature,
}

impl Row {
    pub(crate) fn cells(&self) -> Vec<String> {
        let Feature { of_weights, gradients, .. } = self.feature;
        let ansatz = gradients.map(|found| found.ansatz);
        let numbers = [
            ansatz.map(|ansatz| ansatz.half),
            ansatz.map(|ansatz| ansatz.one),
            ansatz.map(|ansatz| ansatz.raw_half),
            Some(of_weights),
            gradients.map(|found| found.in_span),
            gradients.map(|found| found.to_teacher),
        ];
        let mut cells = vec![
            self.position.stage.name().to_owned(),
            self.position.epoch.map_or(String::new(), |k| k.to_string()),
            self.step.to_string(),
            format!("{:e}", self.lambda),
        ];
        let cell = |x: &Option<f64>| x.map_or(String::new(), |x| format!("{x:.6e}"));
        cells.extend(numbers.iter().map(cell));
        cells
    }

    fn of(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.split(',').collect();
        if cells.len() != HEADER.len() {
            return None;
        }
        let number = |at: usize| cells[at].parse::<f64>().ok();
        let epoch = if cells[1].is_empty() { None } else { Some(cells[1].parse().ok()?) };
        let gradients = if cells[4].is_empty() {
            None
        } else {
            let ansatz = Ansatz { half: number(4)?, one: number(5)?, raw_half: number(6)? };
            Some(GradientFeature { ansatz, in_span: number(8)?, to_teacher: number(9)? })
        };
        Some(Self {
            position: Position { stage: StageName::of_name(cells[0])?, epoch },
            step: cells[2].parse().ok()?,
            lambda: number(3)?,
            feature: Feature { floor: None, of_weights: number(7)?, gradients },
        })
    }
}

/// The rows that a file holds.
///
/// # Errors
/// [`FilesError`] that names the file and the line.
pub fn read(path: &Path) -> Result<Vec<Row>, FilesError> {
    let bytes = file::read(path)?;
    let text = file::text(path, &bytes)?;
    let rows = text.lines().enumerate().skip(1).map(|(number, line)| {
        Row::of(line).ok_or_else(|| FilesError::Field {
            path: path.to_owned(),
            field: format!("line {}", number + 1),
            problem: "is no row of alignments; run `train` again, or restore the file".to_owned(),
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    fn row(epoch: Option<u64>, gradients: Option<GradientFeature>) -> Row {
        Row {
            position: Position { stage: StageName::Stage3, epoch },
            step: 7,
            lambda: 1e-3,
            feature: Feature { floor: None, of_weights: 1.0, gradients },
        }
    }

    #[test]
    fn rows_come_back_and_zero_matrices_have_empty_cells() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let write = |lines: &[String]| std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let ansatz = Ansatz { half: 0.5, one: 0.25, raw_half: 0.125 };
        let found = GradientFeature { ansatz, in_span: 0.75, to_teacher: 0.5 };
        let (plain, empty) = (row(Some(2), Some(found)), row(None, None));
        let lines: Vec<String> = [HEADER.map(str::to_owned).to_vec(), plain.cells(), empty.cells()]
            .iter()
            .map(|cells| cells.join(","))
            .collect();
        write(&lines);
        assert_eq!(read(&path).unwrap(), [plain, empty]);
        assert!(lines[2].ends_with("1.000000e0,,"), "{}", lines[2]);
        // A line that is cut is told with its number.
        write(&[lines[0].clone(), lines[1][..20].to_owned()]);
        assert!(read(&path).unwrap_err().to_string().contains("line 2"));
    }
}
