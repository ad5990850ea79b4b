//! A verification in files and as JSON.
//!
//! | file | what it is |
//! | --- | --- |
//! | `state.json` | what a later run goes on from |
//! | `report.json` | what `verify --json` prints |
//! | `instances/NAME/teacher.json`, `student.json` | the worst instance of a part of a statement, or one that violates it |
//! | `instances/NAME/README.md` | its seed, `lambda`, and the command that analyses it |

use super::suite::{Stored, Suite};
use crate::error::VerifyError;
use gradiometer_files::FilesError;
use gradiometer_files::file::write_atomically;
use gradiometer_files::text_file::to_json;
use gradiometer_files::{TensorNames, write_network};
use std::path::Path;

/// The state's name in a verification's folder.
pub const STATE_FILE: &str = "state.json";
/// The report's name there, a [`Verification`](crate::Verification).
pub const REPORT_FILE: &str = "report.json";

/// Writes report and instances of a suite into a folder, which is made if need be.
///
/// # Errors
/// [`FilesError::Write`].
pub fn write_folder(suite: &Suite, folder: &Path) -> Result<(), VerifyError> {
    let path = folder.join(REPORT_FILE);
    let report = to_json(&path, &suite.verification())?;
    write_atomically(&path, format!("{report:#}\n").as_bytes())?;
    for (name, instance) in suite.instances() {
        write_instance(&instance, &folder.join("instances").join(name))?;
    }
    Ok(())
}

fn write_instance(instance: &Stored, folder: &Path) -> Result<(), VerifyError> {
    std::fs::create_dir_all(folder)
        .map_err(|source| FilesError::Write { path: folder.to_owned(), source })?;
    let (teacher, student) = instance.networks()?;
    let names = TensorNames::default();
    write_network(&folder.join("teacher.json"), &teacher, &names)?;
    write_network(&folder.join("student.json"), &student, &names)?;
    let text = format!(
        "Seed {}, lambda {:e}. In this folder:\n\n    gradiometer analyze --teacher teacher.json --student student.json --lambda {:e}\n",
        instance.seed, instance.lambda, instance.lambda
    );
    Ok(write_atomically(&folder.join("README.md"), text.as_bytes())?)
}
