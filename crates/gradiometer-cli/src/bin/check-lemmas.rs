//! `check-lemmas --teacher T --student S --lambda L`: every lemma at one point, by exit code.

use clap::Parser;
use gradiometer_cli::commands::analyze;
use gradiometer_cli::{Common, run_command};

#[derive(Debug, Parser)]
#[command(version, about, after_help = gradiometer_cli::EXIT_CODES)]
struct Program {
    #[command(flatten)]
    check: analyze::Arguments,
    #[command(flatten)]
    common: Common,
}

fn main() -> std::process::ExitCode {
    run_command::<Program>(|program| analyze::run(&program.check, &program.common))
}
