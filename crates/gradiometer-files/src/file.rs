//! Whole files: read with an error that says who is to act, written at once or not at all.

use crate::error::FilesError;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The bytes of a file that is not empty.
///
/// # Errors
/// [`FilesError::Missing`], [`FilesError::Unreadable`] or [`FilesError::Empty`].
pub fn read(path: &Path) -> Result<Vec<u8>, FilesError> {
    let bytes = fs::read(path).map_err(|source| match source.kind() {
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

/// How the names of temporary files begin.
const TEMPORARY: &str = ".gradiometer-";

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
    // The new name itself is on disk only once its folder is.
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
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
    fn a_folder_that_is_not_there_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomically(&folder.path().join("no/x"), b"").unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Write, "{error}");
    }
}
