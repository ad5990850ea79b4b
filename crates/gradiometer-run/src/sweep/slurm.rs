//! The script of a Slurm job array that runs a sweep in shards.

use std::fmt::Write as _;
use std::path::PathBuf;

/// Most tasks of an array, where Slurm's `MaxArraySize` is what it is by default: 1001, above the
/// highest index.
const MOST_TASKS: usize = 1000;
/// Least time limit, seconds: Slurm may send its signal a minute before it is due.
const LEAST_TIME: u64 = 180;

/// What the array is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayJob {
    /// The program.
    pub program: PathBuf,
    /// The sweep's file.
    pub sweep: PathBuf,
    /// The folder that all tasks share.
    pub out: PathBuf,
    /// Number of tasks.
    pub shards: usize,
    /// Time limit of a task, as Slurm writes it: minutes, H:M:S, D-H, D-H:M or D-H:M:S.
    pub time: String,
    /// Processor cores of a task.
    pub cpus: usize,
    /// Most tasks at once; no limit of its own without.
    pub at_once: Option<usize>,
    /// Most tasks that the cluster allows in an array, if not a thousand.
    pub most_tasks: Option<usize>,
    /// More options for `sbatch`, such as `--partition=long`.
    pub options: Vec<String>,
}

/// Why there is no such array.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlurmError {
    /// More tasks than an array may have.
    #[error(
        "{shards} shards are more than the {most} tasks that an array may have; give fewer shards (each takes several \
         points), or say with --max-array what `scontrol show config` calls MaxArraySize"
    )]
    TooManyShards {
        /// The tasks asked for.
        shards: usize,
        /// The most.
        most: usize,
    },
    /// A time limit that is none.
    #[error("the time limit {0:?} is none; give minutes, H:M:S or D-H:M:S, such as 4:00:00")]
    Time(String),
    /// A time limit that leaves no time to stop.
    #[error(
        "the time limit {0:?} is too short: a task is told to stop a minute before it, give or take another; give at \
         least three minutes"
    )]
    ShortTime(String),
}

/// Seconds of a time limit as Slurm writes it.
fn seconds(time: &str) -> Option<u64> {
    let number = |text: &str| text.parse::<u64>().ok();
    let (days, rest) = match time.split_once('-') {
        Some((days, rest)) => (Some(number(days)?), rest),
        None => (None, time),
    };
    let parts = rest.split(':').map(number).collect::<Option<Vec<u64>>>()?;
    let (hours, minutes, seconds) = match (days, parts.as_slice()) {
        (None, [minutes]) => (0, *minutes, 0),
        (None, [minutes, seconds]) => (0, *minutes, *seconds),
        (Some(_), [hours]) => (*hours, 0, 0),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let hours = days.unwrap_or(0).checked_mul(24)?.checked_add(hours)?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)?.checked_add(seconds)
}

/// A word of a shell command.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

impl ArrayJob {
    /// Words that every script has: by these it is known.
    pub const MARK: &str = "shards of a sweep";

    /// The script for `sbatch`.
    ///
    /// # Errors
    /// [`SlurmError`] for more shards than an array may have, or a time limit that is none or too short.
    pub fn script(&self) -> Result<String, SlurmError> {
        let most = self.most_tasks.map_or(MOST_TASKS, |size| size.saturating_sub(1));
        let shards = self.shards.max(1);
        if shards > most {
            return Err(SlurmError::TooManyShards { shards, most });
        }
        match seconds(&self.time) {
            None => return Err(SlurmError::Time(self.time.clone())),
            Some(limit) if limit < LEAST_TIME => {
                return Err(SlurmError::ShortTime(self.time.clone()));
            }
            Some(_) => {}
        }
        let [program, sweep, out] =
            [&self.program, &self.sweep, &self.out].map(|path| quoted(&path.display().to_string()));
        let name = self.sweep.file_stem().unwrap_or_default().to_string_lossy();
        // What stands in a line of options cannot be quoted.
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let name: String = name.chars().map(plain).collect();
        let at_once = self.at_once.map_or(String::new(), |most| format!("%{}", most.max(1)));
        let mut options = String::new();
        for option in &self.options {
            let _infallible = writeln!(options, "#SBATCH {option}");
        }
        Ok(format!(
            r#"#!/bin/bash
# {shards} shards of a sweep. Submit it again to run what is missing or was killed: points that are done stay.
#SBATCH --job-name={name}
#SBATCH --array=1-{shards}{at_once}
#SBATCH --time={time}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={cpus}
#SBATCH --signal=INT@60
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={name}-%A_%a.log
{options}
# The number of shards is fixed here: Slurm's own count is another one when some tasks are submitted again.
export RAYON_NUM_THREADS="${{SLURM_CPUS_PER_TASK:-1}}"
srun --ntasks=1 {program} sweep {sweep} --out {out} \
    --shard "${{SLURM_ARRAY_TASK_ID}}/{shards}" --resume --quiet > /dev/null
status=$?
# 130: told to stop before the time limit. The task goes back to the queue and on from its checkpoint, unless it
# was cancelled.
task="${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
if [ "$status" -eq 130 ] && [ "$(squeue --noheader --jobs="$task" --format=%T)" = RUNNING ]; then
    scontrol requeue "$task"
fi
exit "$status"
"#,
            time = self.time,
            cpus = self.cpus.max(1),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> ArrayJob {
        ArrayJob {
            program: "/opt/gradiometer".into(),
            sweep: "/home/a user/it's a grid.toml".into(),
            out: "/scratch/out".into(),
            shards: 24,
            time: "4:00:00".to_owned(),
            cpus: 2,
            at_once: Some(8),
            most_tasks: None,
            options: vec!["--partition=long".to_owned()],
        }
    }

    #[test]
    fn a_script_says_what_the_array_is() {
        let script = job().script().unwrap();
        for line in [
            "#SBATCH --array=1-24%8",
            "#SBATCH --time=4:00:00",
            "#SBATCH --cpus-per-task=2",
            "#SBATCH --signal=INT@60",
            "#SBATCH --requeue",
            "#SBATCH --partition=long",
            "#SBATCH --job-name=it_s_a_grid",
        ] {
            assert!(script.lines().any(|found| found == line), "no {line} in {script}");
        }
        assert!(script.contains(r"'/home/a user/it'\''s a grid.toml'"), "{script}");
        assert!(script.contains(r#"--shard "${SLURM_ARRAY_TASK_ID}/24" --resume"#), "{script}");
    }

    #[test]
    fn arrays_and_times_that_a_cluster_refuses_are_refused() {
        let large = ArrayJob { shards: 1001, ..job() };
        assert!(large.script().unwrap_err().to_string().contains("MaxArraySize"));
        assert!(ArrayJob { most_tasks: Some(1002), ..large }.script().is_ok());
        for (time, part) in
            [("2", "three minutes"), ("0:2:59", "three"), ("soon", "is none"), ("", "is none")]
        {
            let error = ArrayJob { time: time.to_owned(), ..job() }.script().unwrap_err();
            assert!(error.to_string().contains(part), "{time}: {error}");
        }
    }

    #[test]
    fn times_are_read_as_slurm_reads_them() {
        for (time, expected) in [
            ("90", Some(5400)),
            ("5:30", Some(330)),
            ("1:00:00", Some(3600)),
            ("2-0", Some(172_800)),
            ("1-12:30", Some(131_400)),
            ("0-0:0:9", Some(9)),
            ("1-", None),
            ("a:b", None),
            ("1:2:3:4", None),
        ] {
            assert_eq!(seconds(time), expected, "{time}");
        }
    }
}
