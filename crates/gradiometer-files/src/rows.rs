//! Text files that grow by a line at a time while a run goes on, and that a resumed run cuts back to a known length.

use crate::error::FilesError;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A growing file with its length.
#[derive(Debug)]
pub struct Rows {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Rows {
    /// A new file with its header.
    ///
    /// # Errors
    /// [`FilesError::Write`].
    pub fn create(path: &Path, header: &[String]) -> Result<Self, FilesError> {
        let path = path.to_owned();
        let file = File::create(&path)
            .map_err(|source| FilesError::Write { path: path.clone(), source })?;
        let mut rows = Self { path, file, length: 0 };
        rows.push(header)?;
        Ok(rows)
    }

    /// The file of an interrupted run, cut to the length that it had at the checkpoint.
    ///
    /// # Errors
    /// [`FilesError::Write`], or [`FilesError::Field`] if it is shorter.
    pub fn reopen(path: &Path, length: u64) -> Result<Self, FilesError> {
        let path = path.to_owned();
        let write_error = |source| FilesError::Write { path: path.clone(), source };
        let file = OpenOptions::new().append(true).open(&path).map_err(write_error)?;
        let found = file.metadata().map_err(write_error)?.len();
        if found < length {
            return Err(FilesError::Field {
                path,
                field: "length".to_owned(),
                problem: format!(
                    "is {found} bytes, less than the {length} that the checkpoint knows; remove the folder and start again"
                ),
            });
        }
        file.set_len(length).map_err(write_error)?;
        Ok(Self { path, file, length })
    }

    /// A line of cells; none of them may need quotes.
    ///
    /// # Errors
    /// [`FilesError::Write`].
    pub fn push(&mut self, cells: &[String]) -> Result<(), FilesError> {
        self.push_text(&(cells.join(",") + "\n"))
    }

    /// Whole lines at once.
    ///
    /// # Errors
    /// [`FilesError::Write`].
    pub fn push_text(&mut self, lines: &str) -> Result<(), FilesError> {
        self.length += lines.len() as u64;
        self.file.write_all(lines.as_bytes()).map_err(|source| self.error(source))
    }

    /// The length, once everything so far is on disk.
    ///
    /// # Errors
    /// [`FilesError::Write`], or [`FilesError::InUse`] if the file is not as long as what was written to
    /// it: where the file system has no locks, that tells of a second process.
    pub fn synchronised(&self) -> Result<u64, FilesError> {
        self.file.sync_data().map_err(|source| self.error(source))?;
        let found = self.file.metadata().map_err(|source| self.error(source))?.len();
        if found != self.length {
            return Err(FilesError::InUse {
                path: self.path.clone(),
                holder: format!(
                    "another process, which made it {found} bytes long where {} were written",
                    self.length
                ),
            });
        }
        Ok(self.length)
    }

    fn error(&self, source: std::io::Error) -> FilesError {
        FilesError::Write { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        let header = ["a".to_owned()];
        let mut first = Rows::create(&path, &header).unwrap();
        first.push(&header).unwrap();
        assert_eq!(first.synchronised().unwrap(), 4);
        let mut second = Rows::reopen(&path, 4).unwrap();
        second.push(&header).unwrap();
        let error = first.synchronised().unwrap_err();
        assert!(matches!(error, FilesError::InUse { .. }), "{error}");
        assert!(error.to_string().contains("table.csv") && error.to_string().contains("6 bytes"));
    }
}
