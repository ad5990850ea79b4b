//! What the `gradiometer` program and the standalone checkers share: arguments, output, exit codes. No mathematics.

pub mod commands;
mod failure;
mod output;

pub use failure::Failure;
pub use output::{Report, Table, has_colour, scientific};

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

/// The exit codes, for `--help`.
pub const EXIT_CODES: &str = "Exit codes: 0 holds or done, 1 refuted, 2 inconclusive, 64 bad usage, 65 bad data, 66 missing \
                              input, 70 internal error (please report it), 74 cannot write, 130 interrupted.";

/// Flags of every command.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// One JSON object on standard output instead of a table.
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress and no remarks on standard error.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// What a command concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds, or it is done.
    Holds,
    /// It is refuted.
    Refuted,
    /// It could not be decided.
    Inconclusive,
}

impl Outcome {
    const fn code(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Refuted => 1,
            Self::Inconclusive => 2,
        }
    }
}

/// Parses the arguments, runs the command, prints what went wrong and returns the exit code.
pub fn run_command<A: Parser>(command: impl FnOnce(&A) -> Result<Outcome, Failure>) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        say(&format!(
            "gradiometer: internal error: {panic}\nPlease report it with the command and its files."
        ));
    }));
    let arguments = match A::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are not errors; everything else is bad usage.
            let code = if error.use_stderr() { 64 } else { 0 };
            return match error.print() {
                Ok(()) => ExitCode::from(code),
                Err(unwritten) => ExitCode::from(Failure::Output(unwritten).code().max(code)),
            };
        }
    };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| command(&arguments)));
    match result {
        Ok(Ok(outcome)) => ExitCode::from(outcome.code()),
        Ok(Err(failure)) => {
            if let Some(message) = failure.message() {
                say(&format!("gradiometer: {message}"));
            }
            ExitCode::from(failure.code())
        }
        Err(_panic) => ExitCode::from(70),
    }
}

/// A line on standard error; there is nobody to tell if that fails.
pub fn say(message: &str) {
    let _nobody_to_tell = writeln!(std::io::stderr(), "{message}");
}
