//! `check-certificate CERT --teacher T`: the independent checker alone.

use clap::Parser;
use gradiometer_cli::commands::certify;
use gradiometer_cli::{Common, run_command};

#[derive(Debug, Parser)]
#[command(version, about, after_help = gradiometer_cli::EXIT_CODES)]
struct Program {
    #[command(flatten)]
    check: certify::CheckArguments,
    #[command(flatten)]
    common: Common,
}

fn main() -> std::process::ExitCode {
    run_command::<Program>(|program| certify::check(&program.check, &program.common))
}
