//! `completions SHELL` and `man`: what a shell and a manual want to know of the program.

use crate::{Failure, Outcome};
use clap::Command;
use clap_complete::Shell;
use gradiometer::files::FilesError;
use std::io::Write;
use std::path::PathBuf;

/// For which shell.
#[derive(Debug, clap::Args)]
pub struct CompletionArguments {
    /// The shell.
    shell: Shell,
}

/// Where to.
#[derive(Debug, clap::Args)]
pub struct ManualArguments {
    /// A folder for one page a command; without it the program's page goes to standard output.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints a completion script.
///
/// # Errors
/// [`Failure::Output`].
pub fn completions(
    arguments: &CompletionArguments,
    mut command: Command,
) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "gradiometer", &mut script);
    print(&script)
}

/// Prints the manual page, or writes one for each command.
///
/// # Errors
/// [`Failure`] for a folder that cannot be written or a closed output.
pub fn manual(arguments: &ManualArguments, command: Command) -> Result<Outcome, Failure> {
    let Some(folder) = &arguments.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(Failure::Output)?;
        return print(&page);
    };
    let failed = |source| FilesError::Write { path: folder.clone(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(command, folder).map_err(failed)?;
    Ok(Outcome::Holds)
}

fn print(text: &[u8]) -> Result<Outcome, Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).map_err(Failure::Output)?;
    Ok(Outcome::Holds)
}
