//! The program as its users see it.

/// What a command did.
pub(crate) struct Run {
    /// Its exit code.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) out: String,
    /// What it said beside that.
    pub(crate) err: String,
}

/// Runs the program.
pub(crate) fn gradiometer(arguments: &[&str]) -> Run {
    let program = assert_cmd::cargo::cargo_bin!("gradiometer");
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
