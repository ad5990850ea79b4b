//! `check-net POINTS --radius R`: whether the covering radius is at most R.

use clap::Parser;
use gradiometer_cli::commands::net;
use gradiometer_cli::{Common, run_command};

#[derive(Debug, Parser)]
#[command(version, about, after_help = gradiometer_cli::EXIT_CODES)]
struct Program {
    #[command(flatten)]
    check: net::CheckArguments,
    #[command(flatten)]
    common: Common,
}

fn main() -> std::process::ExitCode {
    run_command::<Program>(|program| net::check(&program.check, &program.common))
}
