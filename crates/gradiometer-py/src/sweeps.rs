//! Sweeps: the points of a grid, run by whoever asks for them.

use crate::errors::Failure;
use crate::jobs::long;
use gradiometer::files::Holder;
use gradiometer::run::RunError;
use gradiometer::run::sweep::{ArrayJob, Results, Selection, Sweep, SweepEnding, Worker};
use pyo3::prelude::*;
use serde_json::json;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

fn sweep(file: &Path, out: &Path) -> Result<Sweep, Failure> {
    Ok(Sweep::read(file)?.in_folder(out, true).map_err(RunError::from)?)
}

/// A clock in seconds: Python's, since nothing here reads one.
fn clock() -> f64 {
    Python::attach(|py| {
        let now = py.import("time").and_then(|time| time.call_method0("monotonic"));
        now.and_then(|now| now.extract()).unwrap_or(0.0)
    })
}

/// The settings of every point, as JSON.
#[pyfunction]
pub(crate) fn sweep_settings(file: PathBuf, out: PathBuf) -> PyResult<String> {
    let sweep = sweep(&file, &out)?;
    let settings = |index| -> serde_json::Map<String, serde_json::Value> {
        let fields = sweep.settings(index).into_iter();
        fields.map(|(field, value)| (field.to_owned(), json!(value))).collect()
    };
    Ok(json!((0..sweep.points()).map(settings).collect::<Vec<_>>()).to_string())
}

/// Runs the points of a list such as `3,17-20`, or all, on as many threads as the pool has; points
/// that are done stay. Whether it was done, and the points that are left to others, with the reason.
#[pyfunction]
pub(crate) fn sweep_run(
    py: Python<'_>,
    file: PathBuf,
    out: PathBuf,
    points: Option<String>,
) -> PyResult<Vec<(usize, String)>> {
    let selection = match &points {
        None => Selection::All,
        Some(points) => Selection::parse_points(points)
            .ok_or_else(|| Failure::data(format!("points is {points:?}; give 3,17-20")))?,
    };
    let found: Result<Vec<(usize, String)>, Failure> = long(py, move |stop| {
        let sweep = sweep(&file, &out)?;
        let holder = Holder { command: "gradiometer.Sweep".to_owned(), ..Holder::default() };
        let worker = Worker { holder: &holder, clock: &clock, has_locks: true };
        let ending = sweep.run(&out, &selection, true, worker, &mut |_| {
            if stop.is_raised() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(match ending {
            SweepEnding::Finished { left, .. } => {
                left.into_iter().map(|(point, error)| (point, error.to_string())).collect()
            }
            SweepEnding::Stopped { .. } => Vec::new(),
        })
    })?;
    Ok(found?)
}

/// How far a sweep is, as JSON.
#[pyfunction]
pub(crate) fn sweep_status(file: PathBuf, out: PathBuf) -> PyResult<String> {
    let found = sweep(&file, &out)?.status(&out).map_err(Failure::from)?;
    let running: Vec<_> = found.running.iter().map(|r| (r.point, r.holder.as_str())).collect();
    let json = json!({
        "points": found.points,
        "done": found.done,
        "diverged": found.diverged,
        "violated": found.violated,
        "failed": found.failed,
        "running": running,
        "interrupted": found.interrupted,
        "missing": found.missing,
        "open": found.open(),
        "seconds_a_point": found.seconds_a_point,
    });
    Ok(json.to_string())
}

/// A header and the rows of a table.
type Table = (Vec<String>, Vec<Vec<String>>);

/// The rows of the points that are done.
#[pyfunction]
pub(crate) fn sweep_table(out: PathBuf) -> PyResult<Table> {
    let Results { header, rows, .. } = Results::read(&out).map_err(Failure::from)?;
    Ok((header, rows))
}

/// The script of a job array of the program.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "a request in keywords")]
pub(crate) fn sweep_slurm(
    file: PathBuf,
    out: PathBuf,
    program: PathBuf,
    shards: usize,
    time: String,
    cpus: usize,
    at_once: Option<usize>,
    options: Vec<String>,
) -> PyResult<String> {
    let job = ArrayJob {
        program,
        sweep: file,
        out,
        shards,
        time,
        cpus,
        at_once,
        most_tasks: None,
        options,
    };
    Ok(job.script().map_err(|error| Failure::data(error.to_string()))?)
}
