//! `check-descent --teacher T --student S --lambda L`: the descent direction (statement 7.8) at one point.

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
    run_command::<Program>(|program| {
        analyze::run_selected(&program.check, &program.common, &|claim| claim.id == "7.8")
    })
}
