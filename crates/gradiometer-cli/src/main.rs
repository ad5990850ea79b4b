//! The `gradiometer` program: the exact theory of two-layer feature learning from the command line.

use clap::{CommandFactory as _, Parser, Subcommand};
use gradiometer_cli::commands::{
    analyze, certify, compare, explain, exponent, inspect, loss, match_features, net, plan, report,
    shell, study, sweep, theorem, train, verify,
};
use gradiometer_cli::{Common, run_command};

#[derive(Debug, Parser)]
#[command(
    name = "gradiometer",
    version,
    about = "Measures how gradient descent learns features: the exact theory of two-layer networks",
    after_help = gradiometer_cli::EXIT_CODES
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Assumptions and complexity of a teacher.
    Inspect(inspect::Arguments),
    /// Loss and gradients of a student in closed form, with error bounds.
    Loss(loss::Arguments),
    /// Which features of a teacher a network has learned, or the clusters of its neurons.
    Match(match_features::Arguments),
    /// Certified covering radius of a set of directions.
    Net(net::Arguments),
    /// Finds a dual certificate and proves it.
    Certify(certify::Arguments),
    /// The independent checker of a certificate, alone.
    CheckCertificate(certify::CheckArguments),
    /// Information and generative exponents of a label, with what proves them.
    Exponent(exponent::Arguments),
    /// How many samples each mechanism of feature learning needs for a target.
    Plan(plan::Arguments),
    /// Both sides of every statement of the local analysis at one student.
    Analyze(analyze::Arguments),
    /// The local theorem of a teacher with its numbers, in words, and what it proves of a student.
    Theorem(theorem::Arguments),
    /// What a statement says: hypotheses, both sides, constants, control.
    Explain(explain::Arguments),
    /// Runs Algorithm 1 on an experiment and writes a run folder.
    Train(train::Arguments),
    /// Tests every statement on random instances, and checks that a broken version of it fails.
    Verify(verify::Arguments),
    /// Runs a ready-made experiment over seeds, with confidence intervals and conclusions.
    Study(study::Arguments),
    /// Runs an experiment at every point of a parameter grid, at once or in shards, and merges the shards.
    Sweep(sweep::Arguments),
    /// Writes report.html and the figures for a folder made by train, sweep, verify or study.
    Report(report::Arguments),
    /// Several runs beside each other: the same axes, tables, where the experiments differ.
    Compare(compare::Arguments),
    /// Prints a completion script for a shell.
    Completions(shell::CompletionArguments),
    /// Prints the manual page, or writes one for each command.
    Man(shell::ManualArguments),
}

fn main() -> std::process::ExitCode {
    run_command::<Arguments>(|arguments| {
        let common = &arguments.common;
        match &arguments.command {
            Command::Inspect(a) => inspect::run(a, common),
            Command::Loss(a) => loss::run(a, common),
            Command::Match(a) => match_features::run(a, common),
            Command::Net(a) => net::run(a, common),
            Command::Certify(a) => certify::run(a, common),
            Command::CheckCertificate(a) => certify::check(a, common),
            Command::Exponent(a) => exponent::run(a, common),
            Command::Plan(a) => plan::run(a, common),
            Command::Analyze(a) => analyze::run(a, common),
            Command::Theorem(a) => theorem::run(a, common),
            Command::Explain(a) => explain::run(a, common),
            Command::Train(a) => train::run(a, common),
            Command::Verify(a) => verify::run(a, common),
            Command::Study(a) => study::run(a, common),
            Command::Sweep(a) => sweep::run(a, common),
            Command::Report(a) => report::run(a, common),
            Command::Compare(a) => compare::run(a, common),
            Command::Completions(a) => shell::completions(a, Arguments::command()),
            Command::Man(a) => shell::manual(a, Arguments::command()),
        }
    })
}
