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
    #[command(
        after_help = "Examples:\n  gradiometer inspect teacher.json\n  gradiometer inspect teacher.safetensors --activation gelu"
    )]
    Inspect(inspect::Arguments),
    /// Loss and gradients of a student in closed form, with error bounds.
    #[command(
        after_help = "Examples:\n  gradiometer loss --teacher teacher.json --student student.safetensors\n  gradiometer loss --teacher teacher.json --student student.npz --from-degree 0 --lambda 1e-3 --gradient"
    )]
    Loss(loss::Arguments),
    /// Which features of a teacher a network has learned, or the clusters of its neurons.
    Match(match_features::Arguments),
    /// Certified covering radius of a set of directions.
    #[command(
        after_help = "Examples:\n  gradiometer net points.npy\n  gradiometer net points.csv --sphere --out cover.json"
    )]
    Net(net::Arguments),
    /// Finds a dual certificate and proves it.
    #[command(
        after_help = "Examples:\n  gradiometer certify teacher.json --out certificate.json\n  gradiometer certify teacher.json --time-limit 60"
    )]
    Certify(certify::Arguments),
    /// The independent checker of a certificate, alone.
    #[command(
        after_help = "Examples:\n  gradiometer check-certificate certificate.json --teacher teacher.json"
    )]
    CheckCertificate(certify::CheckArguments),
    /// Information and generative exponents of a label, with what proves them.
    #[command(
        after_help = "Examples:\n  gradiometer exponent \"z1 + z1 z2\"\n  gradiometer exponent \"sign(z1 z2 z3)\" --json"
    )]
    Exponent(exponent::Arguments),
    /// How many samples each mechanism of feature learning needs for a target.
    #[command(
        after_help = "Examples:\n  gradiometer plan \"z1 + z1 z2\" --dimension 100\n  gradiometer plan teacher.json --dimension 50 --width 500"
    )]
    Plan(plan::Arguments),
    /// Both sides of every statement of the local analysis at one student.
    #[command(
        after_help = "Examples:\n  gradiometer analyze --teacher teacher.json --student student.json --lambda 1e-3"
    )]
    Analyze(analyze::Arguments),
    /// The local theorem of a teacher with its numbers, in words, and what it proves of a student.
    #[command(
        after_help = "Examples:\n  gradiometer theorem teacher.json\n  gradiometer theorem teacher.json --student student.json --lambda 1e-4"
    )]
    Theorem(theorem::Arguments),
    /// What a statement says: hypotheses, both sides, constants, control.
    Explain(explain::Arguments),
    /// Runs Algorithm 1 on an experiment and writes a run folder.
    #[command(
        after_help = "Examples:\n  gradiometer train examples/quickstart.toml --out runs/quickstart\n  gradiometer train experiment.toml --out runs/mine --resume"
    )]
    Train(train::Arguments),
    /// Tests every statement on random instances, and checks that a broken version of it fails.
    #[command(
        after_help = "Examples:\n  gradiometer verify --claim 7.3 --instances 1000\n  gradiometer verify --out verification --resume"
    )]
    Verify(verify::Arguments),
    /// Runs a ready-made experiment over seeds, with confidence intervals and conclusions.
    #[command(
        after_help = "Examples:\n  gradiometer study freeze --quick\n  gradiometer study reuse --out studies --resume"
    )]
    Study(study::Arguments),
    /// Runs an experiment at every point of a parameter grid, at once or in shards, and merges the shards.
    Sweep(sweep::Arguments),
    /// Writes report.html and the figures for a folder made by train, sweep, verify or study.
    #[command(
        after_help = "Examples:\n  gradiometer report runs/quickstart\n  gradiometer report runs/quickstart --png"
    )]
    Report(report::Arguments),
    /// Several runs beside each other: the same axes, tables, where the experiments differ.
    Compare(compare::Arguments),
    /// Prints a completion script for a shell.
    #[command(after_help = "Examples:\n  gradiometer completions bash")]
    Completions(shell::CompletionArguments),
    /// Prints the manual page, or writes one for each command.
    #[command(after_help = "Examples:\n  gradiometer man\n  gradiometer man --out man")]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a line, those in quotes as one.
    fn words(line: &str) -> Vec<&str> {
        let parts = line.split('"').enumerate();
        parts
            .flat_map(|(i, part)| {
                let quoted = i % 2 == 1;
                let words: Vec<&str> =
                    if quoted { vec![part] } else { part.split_whitespace().collect() };
                words
            })
            .collect()
    }

    #[test]
    fn every_command_has_examples_that_parse() {
        let program = Arguments::command();
        for command in program.get_subcommands() {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:"), "{name} has no examples");
            let examples = help.lines().map(str::trim).filter(|l| l.starts_with("gradiometer "));
            let mut count = 0;
            for example in examples {
                // What it does stands beside some.
                let words = words(example.split("  ").next().unwrap_or_default());
                assert_eq!(words[1], name, "{example}");
                assert!(Arguments::try_parse_from(&words).is_ok(), "{example}");
                count += 1;
            }
            assert!(count > 0, "{name} has no examples");
        }
        // Negative control: an option that is not there.
        assert!(
            Arguments::try_parse_from(words("gradiometer net points.npy --radiuss 1")).is_err()
        );
    }
}
