//! Run folders: a run of an experiment's file with all that it shows written down.
//!
//! | file | what it is |
//! | --- | --- |
//! | `run.json` | the experiment as resolved, versions, the teacher's complexity, one record a stage or epoch, the result |
//! | `trajectory.csv` | every record, a row each; its first line names the columns |
//! | `claims.csv` | the claims that `[watch]` names, a row each: `step, lambda, claim, left, right, ratio, verdict, evidence` |
//! | `snapshots.csv` | where the neurons were, at some records: [`crate::snapshots`] |
//! | `features.csv` | how far weights and gradients show the teacher, at the same: [`crate::features`] |
//! | `teacher.safetensors`, `teacher.json` | the teacher |
//! | `checkpoints/start.safetensors`, `checkpoints/final.safetensors` | the student before and after |
//! | `checkpoints/resume.safetensors` | the student at the last record, with all that is needed to go on |
//! | `diverged.json` | in place of `run.json`, where a run diverged: what is known of that, and the experiment |
//!
//! Nothing in it depends on the clock or the number of threads: the same experiment gives the same
//! bytes on one machine, whether the run was interrupted and resumed or not. The tables grow record
//! by record; a checkpoint says how long they were, and what was written after it is cut off before
//! the run goes on. While the run goes on its process holds the folder, and no other may write to
//! it.

use crate::checkpoint::{self, Checkpoint, Lengths};
use crate::error::RunError;
use crate::experiment::Experiment;
use crate::features;
use crate::format::{FIGURE_START, FIGURES, PAGE};
use crate::manifest::{MANIFEST, Manifest};
use crate::plan::Plan;
use crate::run::{Ending, Moment, Observer, Results};
use crate::snapshots;
use crate::table;
use crate::watch::WatchedClaim;
use gradiometer_files::FilesError;
use gradiometer_files::file::{self, remove_temporary, write_atomically};
use gradiometer_files::lock::HeldFolder;
use gradiometer_files::rows::Rows;
use gradiometer_files::text_file::{from_json, to_json};
use gradiometer_model::{Network, Teacher};
use gradiometer_train::{Phase, TrainError};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::Path;

/// The files of a run folder.
const FILES: [&str; 11] = [
    MANIFEST,
    DIVERGED,
    "trajectory.csv",
    CLAIMS,
    snapshots::FILE,
    features::FILE,
    "teacher.safetensors",
    "teacher.json",
    "checkpoints/start.safetensors",
    "checkpoints/final.safetensors",
    RESUME,
];
/// What a run leaves that diverged.
pub const DIVERGED: &str = "diverged.json";
/// The checkpoint that a run goes on from.
const RESUME: &str = "checkpoints/resume.safetensors";
/// The claims that were watched.
const CLAIMS: &str = "claims.csv";
/// The lock that the process of a run holds on its folder.
pub const LOCK: &str = ".run.lock";
/// Pairs of neurons, some tenth of a second, that are worth a checkpoint: it waits for the disk
/// some milliseconds.
const WORTH_A_CHECKPOINT: u64 = 1 << 26;

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct Run {
    /// The teacher.
    pub teacher: Teacher,
    /// The student at the end.
    pub student: Network,
    /// The watched claim whose violation ended the run.
    pub violation: Option<WatchedClaim>,
    /// What `run.json` holds.
    pub manifest: Manifest,
}

/// A run that has no end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// Where it happened, and the mend.
    pub problem: String,
    /// The experiment as resolved.
    pub experiment: Experiment,
    /// The largest step that was safe where Stage 3 began, if this process saw that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_step: Option<f64>,
}

impl Divergence {
    /// What a diverged run has left in a folder; `None` if it has not.
    ///
    /// # Errors
    /// [`FilesError`] for a file that is damaged.
    pub fn read(folder: &Path) -> Result<Option<Self>, FilesError> {
        let path = folder.join(DIVERGED);
        if !path.exists() {
            return Ok(None);
        }
        from_json(&path, &file::read(&path)?, "what a diverged run leaves").map(Some)
    }
}

/// What to do with what the folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Nothing may be overwritten.
    #[default]
    Keep,
    /// The files of a run may be replaced.
    Replace,
    /// The run of this experiment that the folder holds goes on from its checkpoint, or begins if
    /// it did not get that far.
    Resume,
}

/// Runs the experiment of the file `path` and fills the folder `out`. `progress` is called after
/// every record and every few steps, and may stop the run, which then leaves a checkpoint.
///
/// # Errors
/// [`RunError`] for a bad experiment, a run that diverges, a folder that cannot be written or
/// already holds a file that would be overwritten, or a checkpoint that does not belong to this
/// experiment. It names the file and the field.
pub fn run(
    path: &Path,
    out: &HeldFolder,
    existing: Existing,
    progress: &mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>,
) -> Result<Ending<Box<Run>>, RunError> {
    let experiment = Experiment::read(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    run_experiment(&experiment, folder, out, existing, progress).map_err(|error| error.of(path))
}

/// As [`run`], for an experiment that has been read; the files that it names are relative to
/// `beside`.
///
/// # Errors
/// As for [`run`], but without the experiment's file, which the caller knows.
pub fn run_experiment(
    experiment: &Experiment,
    beside: &Path,
    out: &HeldFolder,
    existing: Existing,
    progress: &mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>,
) -> Result<Ending<Box<Run>>, RunError> {
    let mut plan = experiment.resolve(beside)?;
    plan.weighs_step_size = !experiment.has_batches();
    run_plan(experiment, &plan, out, existing, progress)
}

/// As [`run_experiment`], for an experiment that has been resolved.
///
/// # Errors
/// As for [`run_experiment`].
pub fn run_plan(
    experiment: &Experiment,
    plan: &Plan,
    out: &HeldFolder,
    existing: Existing,
    mut progress: &mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>,
) -> Result<Ending<Box<Run>>, RunError> {
    let out = out.path();
    let checkpoint = out.join(RESUME);
    let mut largest_step = None;
    let mut note = |moment: &Moment<'_>| {
        largest_step = moment.step_size.map_or(largest_step, |size| Some(size.largest));
        ControlFlow::Continue(())
    };
    let ending = if existing == Existing::Resume && checkpoint.exists() {
        let Checkpoint { state, results, lengths } = checkpoint::read(&checkpoint, experiment)?;
        let mut log = Log::reopen(experiment, plan, out, &lengths)?;
        plan.resume(state, results, &mut [&mut note, &mut progress, &mut log])
    } else {
        let mut log = Log::begin(experiment, plan, out, existing)?;
        plan.run(&mut [&mut note, &mut progress, &mut log])
    };
    if let Err(RunError::Train(error @ TrainError::Diverged { .. })) = &ending {
        let (problem, experiment) = (error.to_string(), experiment.clone());
        let path = out.join(DIVERGED);
        let json = to_json(&path, &Divergence { problem, experiment, largest_step })?;
        write_atomically(&path, format!("{json:#}\n").as_bytes())?;
    }
    match ending? {
        Ending::Stopped { steps } => Ok(Ending::Stopped { steps }),
        Ending::Finished((student, results)) => finish(experiment, plan, out, student, results)
            .map(|run| Ending::Finished(Box::new(run))),
    }
}

/// Runs an experiment that leaves nothing behind but what is returned; meanwhile the folder may hold
/// a checkpoint, from which the run goes on if it is there.
///
/// # Errors
/// As for [`run_experiment`].
pub(crate) fn run_for_result(
    experiment: &Experiment,
    plan: &Plan,
    out: &HeldFolder,
    mut progress: &mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>,
) -> Result<Ending<Box<Run>>, RunError> {
    let path = out.path().join(RESUME);
    let mut saver = Saver { experiment, plan, path: &path, saved: 0 };
    let ending = if path.exists() {
        remove_temporary(&out.path().join("checkpoints"))?;
        let Checkpoint { state, results, .. } = checkpoint::read(&path, experiment)?;
        saver.saved = state.steps;
        plan.resume(state, results, &mut [&mut progress, &mut saver])?
    } else {
        plan.run(&mut [&mut progress, &mut saver])?
    };
    match ending {
        Ending::Stopped { steps } => Ok(Ending::Stopped { steps }),
        Ending::Finished((student, results)) => {
            let run = ended(experiment, plan, student, results)?;
            Ok(Ending::Finished(Box::new(run)))
        }
    }
}

/// The observer that writes checkpoints alone.
struct Saver<'a> {
    experiment: &'a Experiment,
    plan: &'a Plan,
    path: &'a Path,
    /// Steps at the last checkpoint.
    saved: u64,
}

impl Observer for Saver<'_> {
    fn see(&mut self, moment: &Moment<'_>) -> Result<ControlFlow<()>, RunError> {
        let is_due = moment.record.is_some()
            && !moment.is_start
            && is_worth_saving(self.plan, moment, Some(self.saved));
        if moment.results.violation.is_none() && (moment.is_stopped || is_due) {
            let folder = self.path.parent().unwrap_or(Path::new(""));
            std::fs::create_dir_all(folder)
                .map_err(|source| FilesError::Write { path: folder.to_owned(), source })?;
            let lengths = Lengths { trajectory: 0, claims: 0, snapshots: 0, features: None };
            let (state, results) = (moment.state, moment.results);
            checkpoint::write(self.path, self.experiment, state, results, lengths)?;
            self.saved = moment.state.steps;
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Whether what was done since the last checkpoint, at so many steps, is worth another one.
fn is_worth_saving(plan: &Plan, moment: &Moment<'_>, saved: Option<u64>) -> bool {
    let pairs = plan.pairs as u64;
    // A step to a floor and a look at the statements are work enough by themselves.
    plan.watch.is_some()
        || matches!(moment.state.phase, Phase::Floor { .. })
        || saved.is_none_or(|saved| {
            (moment.state.steps - saved).saturating_mul(pairs) >= WORTH_A_CHECKPOINT
        })
}

/// The observer that writes everything down.
struct Log<'a> {
    experiment: &'a Experiment,
    plan: &'a Plan,
    out: &'a Path,
    trajectory: Rows,
    snapshots: Rows,
    /// None for a run that began before there was one.
    features: Option<Rows>,
    claims: Option<Rows>,
    /// Steps at the last checkpoint; the first record after the start is followed by one.
    saved: Option<u64>,
}

impl<'a> Log<'a> {
    fn begin(
        experiment: &'a Experiment,
        plan: &'a Plan,
        out: &'a Path,
        existing: Existing,
    ) -> Result<Self, RunError> {
        prepare(out, existing)?;
        let teacher = &plan.teacher;
        for (name, network) in [
            ("teacher.safetensors", teacher.network()),
            ("teacher.json", teacher.network()),
            ("checkpoints/start.safetensors", &plan.start),
        ] {
            experiment.write_network(&out.join(name), network)?;
        }
        let header = table::trajectory_header(teacher.neurons(), &plan.angles);
        let claims = match plan.watch {
            Some(_) => Some(Rows::create(&out.join(CLAIMS), &table::claims_header())?),
            None => None,
        };
        Ok(Self {
            experiment,
            plan,
            out,
            trajectory: Rows::create(&out.join("trajectory.csv"), &header)?,
            snapshots: Rows::create(
                &out.join(snapshots::FILE),
                &table::snapshots_header(plan.snapshots()?.rank()),
            )?,
            features: Some(Rows::create(
                &out.join(features::FILE),
                &features::HEADER.map(str::to_owned),
            )?),
            claims,
            saved: None,
        })
    }

    fn reopen(
        experiment: &'a Experiment,
        plan: &'a Plan,
        out: &'a Path,
        lengths: &Lengths,
    ) -> Result<Self, RunError> {
        require_same_teacher(experiment, out, &plan.teacher)?;
        remove_temporary(out)?;
        remove_temporary(&out.join("checkpoints"))?;
        let claims = match plan.watch {
            Some(_) => Some(Rows::reopen(&out.join(CLAIMS), lengths.claims)?),
            None => None,
        };
        Ok(Self {
            experiment,
            plan,
            out,
            trajectory: Rows::reopen(&out.join("trajectory.csv"), lengths.trajectory)?,
            snapshots: Rows::reopen(&out.join(snapshots::FILE), lengths.snapshots)?,
            features: lengths
                .features
                .map(|length| Rows::reopen(&out.join(features::FILE), length))
                .transpose()?,
            claims,
            saved: None,
        })
    }

    fn save(&mut self, moment: &Moment<'_>) -> Result<(), FilesError> {
        let lengths = Lengths {
            claims: self.claims.as_ref().map_or(Ok(0), Rows::synchronised)?,
            trajectory: self.trajectory.synchronised()?,
            snapshots: self.snapshots.synchronised()?,
            features: self.features.as_ref().map(Rows::synchronised).transpose()?,
        };
        let path = self.out.join(RESUME);
        checkpoint::write(&path, self.experiment, moment.state, moment.results, lengths)?;
        self.saved = Some(moment.state.steps);
        Ok(())
    }
}

impl Observer for Log<'_> {
    fn see(&mut self, moment: &Moment<'_>) -> Result<ControlFlow<()>, RunError> {
        if let Some(record) = moment.record {
            self.trajectory.push(&table::trajectory_row(record))?;
        }
        if let Some(snapshot) = moment.snapshot {
            self.snapshots.push_text(&table::snapshot_rows(snapshot))?;
            if let (Some(table), Some(row)) = (&mut self.features, snapshot.features()) {
                table.push(&row.cells())?;
            }
        }
        if let Some(table) = &mut self.claims {
            for claim in moment.claims {
                table.push(&table::claim_row(claim))?;
            }
        }
        // A run that a violation ends goes on from before it, and finds it again.
        let violated = moment.results.violation.is_some();
        let finished = moment.state.phase == Phase::Finished;
        let due = !moment.is_start
            && (finished
                || moment.record.is_some() && is_worth_saving(self.plan, moment, self.saved));
        if !violated && (moment.is_stopped || due) {
            self.save(moment)?;
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn finish(
    experiment: &Experiment,
    plan: &Plan,
    out: &Path,
    student: Network,
    results: Results,
) -> Result<Run, RunError> {
    let path = out.join("checkpoints/final.safetensors");
    experiment.write_network(&path, &student)?;
    let run = ended(experiment, plan, student, results)?;
    run.manifest.write(out)?;
    Ok(run)
}

/// What a run that has ended leaves behind.
fn ended(
    experiment: &Experiment,
    plan: &Plan,
    student: Network,
    results: Results,
) -> Result<Run, RunError> {
    let teacher = plan.teacher.clone();
    let violation = results.violation.clone();
    let manifest = Manifest::new(experiment, &teacher, &student, results)
        .map_err(|source| RunError::Model { field: "teacher", source })?;
    Ok(Run { teacher, student, violation, manifest })
}

/// Refuses to go on with a run whose teacher was another.
fn require_same_teacher(
    experiment: &Experiment,
    out: &Path,
    teacher: &Teacher,
) -> Result<(), RunError> {
    let begun = out.join("teacher.safetensors");
    if experiment.read_network(&begun)? == *teacher.network() {
        return Ok(());
    }
    Err(RunError::Field {
        field: "teacher".to_owned(),
        problem: format!(
            "is not the one that the run began with, {}; restore it, or remove the folder and start again",
            begun.display()
        ),
    })
}
/// Makes the folder and its folder of checkpoints.
fn prepare(out: &Path, existing: Existing) -> Result<(), FilesError> {
    let taken = |name: &&&str| out.join(name).exists();
    // A run that was interrupted before its first checkpoint has left no result.
    let protected: &[&str] = match existing {
        Existing::Keep => &FILES,
        Existing::Resume => &[MANIFEST, "checkpoints/final.safetensors"],
        Existing::Replace => &[],
    };
    if let Some(name) = protected.iter().find(taken) {
        return Err(FilesError::Occupied { path: out.join(name) });
    }
    let folder = out.join("checkpoints");
    std::fs::create_dir_all(&folder)
        .map_err(|source| FilesError::Write { path: folder.clone(), source })?;
    remove_temporary(out)?;
    remove_temporary(&folder)?;
    // What an old run left goes first, its page before all, so that no folder mixes two runs.
    for path in [&PAGE].into_iter().chain(&FILES).map(|name| out.join(name)) {
        if path.exists() {
            std::fs::remove_file(&path).map_err(|source| FilesError::Write { path, source })?;
        }
    }
    remove_figures(&out.join(FIGURES))
}

/// Removes the figures of an old report, and their folder if nothing else is in it.
fn remove_figures(folder: &Path) -> Result<(), FilesError> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    remove_temporary(folder)?;
    for entry in entries {
        let path =
            entry.map_err(|source| FilesError::Write { path: folder.to_owned(), source })?.path();
        let is_own = path.extension().is_some_and(|ending| ending == "svg")
            && std::fs::read(&path).is_ok_and(|text| text.starts_with(FIGURE_START.as_bytes()));
        if is_own {
            for path in [path.with_extension("png"), path] {
                if path.exists() {
                    std::fs::remove_file(&path)
                        .map_err(|source| FilesError::Write { path, source })?;
                }
            }
        }
    }
    // A folder that is not empty has something that others wrote, and stays.
    let _stays = std::fs::remove_dir(folder);
    Ok(())
}

#[cfg(test)]
mod tests;
