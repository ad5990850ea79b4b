//! Whole files: read with an error that says who is to act, written at once or not at all.

use crate::error::FilesError;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// Whether a path stands for standard input.
pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The bytes of a file that is not empty; of standard input for the path `-`.
///
/// # Errors
/// [`FilesError::Missing`], [`FilesError::Unreadable`] or [`FilesError::Empty`].
pub fn read(path: &Path) -> Result<Vec<u8>, FilesError> {
    let read = if is_standard_input(path) {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_length| bytes)
    } else {
        fs::read(path)
    };
    let bytes = read.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => FilesError::Missing { path: path.to_owned() },
        _ => FilesError::Unreadable { path: path.to_owned(), source },
    })?;
    if bytes.is_empty() { Err(FilesError::Empty { path: path.to_owned() }) } else { Ok(bytes) }
}

/// The bytes as text; a byte order mark is dropped.
///
/// # Errors
/// [`FilesError::NotUtf8`], or [`FilesError::Empty`] for nothing but blanks.
pub fn text<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, FilesError> {
    let text = std::str::from_utf8(bytes).map_err(|error| FilesError::NotUtf8 {
        path: path.to_owned(),
        offset: error.valid_up_to(),
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(FilesError::Empty { path: path.to_owned() });
    }
    Ok(text)
}

/// An error if a file that is to be written is one of the inputs, also by another name or a link.
///
/// # Errors
/// [`FilesError::OverInput`].
pub fn keeps_inputs(output: &Path, inputs: &[&Path]) -> Result<(), FilesError> {
    match inputs.iter().find(|input| is_same_file(output, input)) {
        Some(input) => {
            Err(FilesError::OverInput { path: output.to_owned(), input: (*input).to_owned() })
        }
        None => Ok(()),
    }
}

/// Whether two paths lead to one file. Where the system numbers files by these numbers, so that hard
/// links count, elsewhere by the paths without links.
fn is_same_file(one: &Path, two: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let number = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
        matches!((number(one), number(two)), (Ok(one), Ok(two)) if one == two)
    }
    #[cfg(not(unix))]
    {
        matches!((fs::canonicalize(one), fs::canonicalize(two)), (Ok(one), Ok(two)) if one == two)
    }
}

/// An error if a file is there that does not say in its field `format` that it is such a document:
/// this program did not write it.
///
/// # Errors
/// [`FilesError::Foreign`].
pub(crate) fn replaces_own(
    output: &Path,
    format: &str,
    kind: &'static str,
) -> Result<(), FilesError> {
    let Ok(bytes) = fs::read(output) else { return Ok(()) };
    let found = serde_json::from_slice::<serde_json::Value>(&bytes);
    if bytes.is_empty() || found.is_ok_and(|found| found["format"] == format) {
        return Ok(());
    }
    Err(FilesError::Foreign { path: output.to_owned(), kind })
}

/// How the names of temporary files begin.
pub(crate) const TEMPORARY: &str = ".gradiometer-";

/// Removes the temporary files that a killed program has left in a folder.
///
/// # Errors
/// [`FilesError::Write`].
pub fn remove_temporary(folder: &Path) -> Result<(), FilesError> {
    let error = |source| FilesError::Write { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(error)? {
        let entry = entry.map_err(error)?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            fs::remove_file(entry.path()).map_err(error)?;
        }
    }
    Ok(())
}

/// Writes a file so that a reader sees the old contents or the new ones, never a part: a temporary file in the same
/// folder is written, synchronised and renamed.
///
/// # Errors
/// [`FilesError::Write`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    try_write(path, bytes).map_err(|source| FilesError::Write { path: path.to_owned(), source })
}

fn try_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    synchronise(folder)
}

/// The names in a folder are on disk only once the folder is.
fn synchronise(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Waits until the names of new files in a folder are on disk.
///
/// # Errors
/// [`FilesError::Write`].
pub fn synchronise_folder(folder: &Path) -> Result<(), FilesError> {
    synchronise(folder).map_err(|source| FilesError::Write { path: folder.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_replaces_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        write_atomically(&path, b"first").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        }
    }

    #[test]
    #[cfg(unix)]
    fn an_input_is_known_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write_atomically(&at("x"), b"first").unwrap();
        write_atomically(&at("y"), b"first").unwrap();
        std::os::unix::fs::symlink(at("x"), at("link")).unwrap();
        fs::hard_link(at("x"), at("hard")).unwrap();
        for name in ["x", "link", "hard", "./x"] {
            let error = keeps_inputs(&at(name), &[&at("y"), &at("x")]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("never overwritten"), "{error}");
        }
        // Another file with the same contents, and one that is not there, are none.
        assert!(keeps_inputs(&at("y"), &[&at("x")]).is_ok());
        assert!(keeps_inputs(&at("new"), &[&at("x")]).is_ok());
    }

    #[test]
    fn what_others_wrote_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        assert!(replaces_own(&path, "ours", "document").is_ok());
        write_atomically(&path, br#"{"format": "ours"}"#).unwrap();
        assert!(replaces_own(&path, "ours", "document").is_ok());
        for foreign in [&br#"{"format": "theirs"}"#[..], b"text", b"[1]"] {
            write_atomically(&path, foreign).unwrap();
            let error = replaces_own(&path, "ours", "document").unwrap_err();
            assert_eq!(error.class(), crate::error::Class::Write, "{error}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomically(&folder.path().join("no/x"), b"").unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Write, "{error}");
    }
}
