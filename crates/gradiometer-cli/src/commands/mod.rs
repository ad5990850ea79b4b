//! One module a command: its arguments and `run`.

pub mod analyze;
pub mod certify;
pub mod exponent;
pub mod inspect;
pub mod loss;
pub mod net;
pub mod plan;
pub mod report;
pub mod separation;
pub mod shell;
pub mod study;
pub mod sweep;
pub mod train;
pub mod verify;

use crate::{Failure, say};
use gradiometer::files::TensorNames;
use gradiometer::files::lock::{HeldFolder, Holder};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

/// A folder that no other process writes to meanwhile, where the file system has locks.
fn hold(folder: &Path, lock: &str) -> Result<HeldFolder, Failure> {
    let command: Vec<String> = std::env::args().collect();
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever waits for the folder is told since when"
    )]
    let now = SystemTime::now();
    let started = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let holder = Holder { command: command.join(" "), started: utc(started.as_secs()) };
    let held = HeldFolder::take(folder, lock, &holder)?;
    if !held.is_effective() {
        say(&format!(
            "gradiometer: {} is on a file system without locks; let no other process write to it",
            folder.display()
        ));
    }
    Ok(held)
}

/// A time in seconds since 1970 as `2026-05-04 13:05:59 UTC`.
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days are counted from 1 March of the year 0, so that a leap day ends its year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = 400 * era + year + later;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// What becomes true on the first signal to end; the second one ends the program.
fn interruption() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The first one is noted; from the second on the system's own action, the program's end, is taken again.
        let registered =
            signal_hook::flag::register_conditional_default(signal, interrupted.clone())
                .and_then(|_id| signal_hook::flag::register(signal, interrupted.clone()));
        if let Err(error) = registered {
            say(&format!(
                "gradiometer: an interruption will leave no checkpoint of its own ({error})"
            ));
        }
    }
    interrupted
}

/// Names of the tensors in `.safetensors` files.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct TensorArguments {
    /// Tensor of the first layer in .safetensors files, m x d.
    #[arg(long, value_name = "NAME", default_value = "fc1.weight")]
    first_layer: String,
    /// Tensor of the second layer in .safetensors files, 1 x m.
    #[arg(long, value_name = "NAME", default_value = "fc2.weight")]
    second_layer: String,
    /// Tensor of the linear part in .safetensors files.
    #[arg(long, value_name = "NAME", default_value = "skip.weight")]
    skip: String,
}

impl TensorArguments {
    fn names(&self) -> TensorNames {
        TensorNames {
            first_layer: self.first_layer.clone(),
            second_layer: self.second_layer.clone(),
            skip: self.skip.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_709_251_199), "2024-02-29 23:59:59 UTC");
        assert_eq!(utc(4_107_542_400), "2100-03-01 00:00:00 UTC");
    }
}
