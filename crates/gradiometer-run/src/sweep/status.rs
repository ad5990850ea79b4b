//! How far a sweep is.

use super::csv::outcome;
use super::journal::Journal;
use super::{Sweep, begun, folder};
use crate::folder::LOCK;
use gradiometer_files::FilesError;
use gradiometer_files::lock::holder_of;
use std::path::Path;

/// A point that a process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The point.
    pub point: usize,
    /// The process, in words.
    pub holder: String,
}

/// How far a sweep is.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Points of the grid.
    pub points: usize,
    /// Points with a result: finished, diverged, or stopped by a violated claim.
    pub done: usize,
    /// Those that diverged.
    pub diverged: Vec<usize>,
    /// Those that a violated claim stopped.
    pub violated: Vec<usize>,
    /// Points that could not be run, with the reason.
    pub failed: Vec<(usize, String)>,
    /// Points that are being run.
    pub running: Vec<Running>,
    /// Points that were begun, and that nobody runs.
    pub interrupted: Vec<usize>,
    /// All others.
    pub missing: Vec<usize>,
    /// Mean time of the points that are done, seconds.
    pub seconds_a_point: Option<f64>,
}

impl Status {
    /// Seconds until all is done at the mean time so far, if as many processes go on as run now;
    /// by one process if none runs.
    pub fn seconds_left(&self) -> Option<f64> {
        let open = self.running.len() + self.interrupted.len() + self.missing.len();
        Some(self.seconds_a_point? * open as f64 / self.running.len().max(1) as f64)
    }

    /// The points without a result, those that failed among them.
    pub fn open(&self) -> Vec<usize> {
        let failed = self.failed.iter().map(|(point, _)| point);
        let running = self.running.iter().map(|running| &running.point);
        let open = failed.chain(running).chain(&self.interrupted).chain(&self.missing);
        let mut open: Vec<usize> = open.copied().collect();
        open.sort_unstable();
        open
    }
}

impl Sweep {
    /// How far the sweep in a folder is.
    ///
    /// # Errors
    /// [`FilesError`] for rows that cannot be read.
    pub fn status(&self, out: &Path) -> Result<Status, FilesError> {
        let all: Vec<usize> = (0..self.points()).collect();
        // A point that is done meanwhile is in the rows, which are read after.
        let begun = begun(out, &all)?;
        let rows = Journal::read_all(out)?;
        let mut status = Status {
            points: self.points(),
            done: 0,
            diverged: Vec::new(),
            violated: Vec::new(),
            failed: Vec::new(),
            running: Vec::new(),
            interrupted: Vec::new(),
            missing: Vec::new(),
            seconds_a_point: None,
        };
        let mut seconds = 0.0;
        for point in 0..self.points() {
            if let Some(row) = rows.get(&point) {
                if row.has_failed() {
                    let reason = row.cells.last().cloned().unwrap_or_default();
                    status.failed.push((point, reason));
                    continue;
                }
                status.done += 1;
                seconds += row.seconds;
                match outcome(&row.cells) {
                    "diverged" => status.diverged.push(point),
                    "violated" => status.violated.push(point),
                    _ => {}
                }
                continue;
            }
            if !begun.contains(&point) {
                status.missing.push(point);
                continue;
            }
            match holder_of(&folder(out, point), LOCK) {
                Some(holder) => status.running.push(Running { point, holder }),
                None => status.interrupted.push(point),
            }
        }
        if status.done > 0 {
            status.seconds_a_point = Some(seconds / status.done as f64);
        }
        Ok(status)
    }
}
