//! `check-separation TEACHER`: whether no two of a teacher's neurons are parallel.

use clap::Parser;
use gradiometer_cli::commands::separation;
use gradiometer_cli::{Common, run_command};

#[derive(Debug, Parser)]
#[command(version, about, after_help = gradiometer_cli::EXIT_CODES)]
struct Program {
    #[command(flatten)]
    check: separation::Arguments,
    #[command(flatten)]
    common: Common,
}

fn main() -> std::process::ExitCode {
    run_command::<Program>(|program| separation::run(&program.check, &program.common))
}
