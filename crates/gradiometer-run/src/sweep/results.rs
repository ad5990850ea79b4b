//! The table of a sweep's results.

use super::csv::{line, split};
use super::journal::Journal;
use super::record::Record;
use gradiometer_files::FilesError;
use gradiometer_files::file::{self, write_atomically};
use std::path::{Path, PathBuf};

/// The table of a whole sweep.
pub(super) const TABLE: &str = "results.csv";

/// The results of a sweep, or of some of its points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// Names of the columns.
    pub header: Vec<String>,
    /// A row for each point, by number.
    pub rows: Vec<Vec<String>>,
    /// The file, or the folder, that holds them.
    pub path: PathBuf,
}

impl Results {
    /// The results in a sweep's folder: of the whole sweep, else of the points that are done.
    ///
    /// # Errors
    /// [`FilesError`] for a folder without results, or a table that is damaged.
    pub fn read(folder: &Path) -> Result<Self, FilesError> {
        let path = folder.join(TABLE);
        if !path.exists() {
            return Self::read_rows(folder);
        }
        let bytes = file::read(&path)?;
        let damaged = |line: usize| FilesError::Field {
            path: path.clone(),
            field: format!("line {line}"),
            problem: "is damaged; run the sweep again with --resume".to_owned(),
        };
        let mut results = Self { header: Vec::new(), rows: Vec::new(), path: path.clone() };
        for (number, line) in file::text(&path, &bytes)?.lines().enumerate() {
            let row = split(line).ok_or_else(|| damaged(number + 1))?;
            if number == 0 {
                results.header = row;
            } else if row.len() == results.header.len() {
                results.rows.push(row);
            } else {
                return Err(damaged(number + 1));
            }
        }
        Ok(results)
    }

    fn read_rows(folder: &Path) -> Result<Self, FilesError> {
        let missing = || FilesError::Missing { path: folder.join(TABLE) };
        let header = Record::read(folder)?.ok_or_else(missing)?.header();
        let rows: Vec<_> = Journal::read_all(folder)?.into_values().map(|row| row.cells).collect();
        if rows.is_empty() || rows.iter().any(|row| row.len() != header.len()) {
            return Err(missing());
        }
        Ok(Self { header, rows, path: folder.join("rows") })
    }

    /// Writes `results.csv` into a folder.
    pub(super) fn write(mut self, folder: &Path) -> Result<Self, FilesError> {
        self.path = folder.join(TABLE);
        let text: String =
            [&self.header].into_iter().chain(&self.rows).map(|row| line(row)).collect();
        write_atomically(&self.path, text.as_bytes())?;
        Ok(self)
    }
}
