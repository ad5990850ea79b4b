//! One module a command: its arguments and `run`.

pub mod analyze;
pub mod certify;
pub mod compare;
pub mod explain;
pub mod exponent;
pub mod inspect;
pub mod loss;
pub mod match_features;
pub mod net;
pub mod plan;
pub mod report;
pub mod separation;
pub mod shell;
pub mod study;
pub mod sweep;
pub mod train;
pub mod verify;

use crate::{Common, Failure, say};
use gradiometer::files::file::is_standard_input;
use gradiometer::files::lock::{HeldFolder, Holder};
use gradiometer::files::{
    FilesError, Format, Layout, Reading, TensorNames, read_network_as, teacher,
};
use gradiometer::model::{Network, Teacher};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

/// This process, for those who want what it holds.
fn holder() -> Holder {
    let command: Vec<String> = std::env::args().collect();
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever waits for the folder is told since when"
    )]
    let now = SystemTime::now();
    let started = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Holder { command: command.join(" "), started: utc(started.as_secs()) }
}

/// A folder that no other process writes to meanwhile, where the file system has locks.
fn hold(folder: &Path, lock: &str) -> Result<HeldFolder, Failure> {
    let held = HeldFolder::take(folder, lock, &holder())?;
    if !held.is_effective() {
        say(&without_locks(folder));
    }
    Ok(held)
}

/// What is said where a folder cannot be locked.
fn without_locks(folder: &Path) -> String {
    format!(
        "gradiometer: {} is on a file system without locks; let no other process write to it",
        folder.display()
    )
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

/// How files with networks are to be read.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct TensorArguments {
    /// Tensor of the first layer in .safetensors and .npz files, m x d.
    #[arg(long, value_name = "NAME", default_value = "fc1.weight")]
    first_layer: String,
    /// Tensor of the second layer in .safetensors and .npz files, 1 x m.
    #[arg(long, value_name = "NAME", default_value = "fc2.weight")]
    second_layer: String,
    /// Tensor of the linear part in .safetensors and .npz files.
    #[arg(long, value_name = "NAME", default_value = "skip.weight")]
    skip: String,
    /// Tensor of the first layer's bias [default: the layer's name with bias for weight].
    #[arg(long, value_name = "NAME")]
    first_bias: Option<String>,
    /// Tensor of the second layer's bias [default: the layer's name with bias for weight].
    #[arg(long, value_name = "NAME")]
    second_bias: Option<String>,
    /// Leaves a tensor out; any other that is not read is refused. May be given several times.
    #[arg(long, value_name = "NAME")]
    ignore: Vec<String>,
    /// How tensors hold layers: torch, neurons x inputs (also Equinox), or flax, inputs x neurons
    /// (also Keras). By default as torch, but kernels are refused.
    #[arg(long, value_name = "LAYOUT", value_parser = layout)]
    layout: Option<Layout>,
    /// Format of the networks: json, toml, safetensors or npz. By default their names say it; the
    /// name - is standard input, which needs it.
    #[arg(long, value_name = "FORMAT", value_parser = network_format)]
    format: Option<Format>,
}

fn layout(text: &str) -> Result<Layout, String> {
    match text {
        "torch" | "pytorch" | "equinox" => Ok(Layout::Torch),
        "flax" | "keras" | "haiku" => Ok(Layout::Flax),
        _ => Err("give torch (neurons x inputs) or flax (inputs x neurons)".to_owned()),
    }
}

fn network_format(text: &str) -> Result<Format, String> {
    Format::named(text).ok_or_else(|| "give json, toml, safetensors or npz".to_owned())
}

impl TensorArguments {
    fn names(&self) -> TensorNames {
        TensorNames {
            first_layer: self.first_layer.clone(),
            second_layer: self.second_layer.clone(),
            skip: self.skip.clone(),
            first_bias: self.first_bias.clone(),
            second_bias: self.second_bias.clone(),
            layout: self.layout,
            ignored: self.ignore.clone(),
        }
    }

    /// A network without biases, with a line on standard error for what was guessed.
    fn network(&self, path: &Path, common: &Common) -> Result<Network, Failure> {
        Ok(self.reading(path, common)?.without_biases(path)?)
    }

    fn reading(&self, path: &Path, common: &Common) -> Result<Reading, Failure> {
        let reading = read_network_as(path, self.format, &self.names())?;
        if !common.quiet {
            for remark in &reading.remarks {
                say(&format!("gradiometer: {remark}"));
            }
        }
        Ok(reading)
    }

    fn teacher(&self, path: &Path, common: &Common) -> Result<Teacher, Failure> {
        Ok(teacher(path, self.network(path, common)?)?)
    }
}

/// An error if two inputs are to be read from standard input.
fn standard_input_once(paths: &[&Path]) -> Result<(), Failure> {
    if paths.iter().filter(|path| is_standard_input(path)).count() > 1 {
        return Err(FilesError::StandardInputTwice.into());
    }
    Ok(())
}

/// A number of at least 0.
fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x >= 0.0 && x.is_finite() => Ok(x),
        Ok(_) => Err("it must be at least 0 and finite".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A positive number.
fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x > 0.0 && x.is_finite() => Ok(x),
        Ok(_) => Err("it must be positive and finite".to_owned()),
        Err(error) => Err(error.to_string()),
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
