//! The rows of the points that are done, many in a file: lines of JSON that are only ever appended.
//!
//! | file in `rows/` | what it is |
//! | --- | --- |
//! | `00256-00511.jsonl` | the rows of these points, in the order in which they were done |
//! | `00256-00511.HOST-PROCESS.jsonl` | the same of one process, where the file system has no locks |
//!
//! A line is appended while its file is locked, at once, and is on disk before the point counts as done.
//! A line that a killed process left unfinished has no end: readers pass over it, and the next
//! process that appends cuts it off. A point that another process has done meanwhile is not appended
//! again.

use super::csv::outcome;
use gradiometer_files::FilesError;
use gradiometer_files::file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Points whose rows share a file.
pub(super) const BLOCK: usize = 256;

/// What is known of a point that is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) point: usize,
    /// Its line of the table.
    pub(super) cells: Vec<String>,
    /// What it took.
    pub(super) seconds: f64,
}

impl Row {
    /// Whether the point could not be run: it is tried again.
    pub(super) fn has_failed(&self) -> bool {
        outcome(&self.cells) == "failed"
    }
}

/// A line as it is written: with the manifest of a run that has no folder.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    row: &'a Row,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a serde_json::Value>,
}

/// Rows by point.
pub(super) type RowsByPoint = BTreeMap<usize, Row>;

/// The rows of a sweep's folder.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    /// What the names of files of one process end with; none where files can be locked.
    writer: Option<String>,
    rows: RowsByPoint,
    /// How much of a file has been read.
    read: BTreeMap<PathBuf, u64>,
}

/// The files of a journal's folder; none if it is not there.
fn files(folder: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let error = |source| FilesError::Unreadable { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(error(source)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(error)?.path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The first point of the block that a file's name says.
fn block_of(path: &Path) -> Option<usize> {
    path.file_name()?.to_str()?.split_once('-')?.0.parse().ok()
}

impl Journal {
    /// The journal in a sweep's folder, nothing of it read; `writer` names the process where the
    /// file system has no locks.
    pub(super) fn open(out: &Path, writer: Option<String>) -> Self {
        Self { folder: out.join("rows"), writer, rows: BTreeMap::new(), read: BTreeMap::new() }
    }

    /// All rows in a sweep's folder.
    pub(super) fn read_all(out: &Path) -> Result<RowsByPoint, FilesError> {
        let mut journal = Self::open(out, None);
        for path in files(&journal.folder)? {
            journal.catch_up(&path)?;
        }
        Ok(journal.rows)
    }

    /// Reads the rows of some points, ascending, and of their neighbours.
    pub(super) fn read_blocks_of(&mut self, points: &[usize]) -> Result<(), FilesError> {
        for path in files(&self.folder)? {
            let Some(first) = block_of(&path) else { continue };
            let next = points.partition_point(|point| *point < first);
            if points.get(next).is_some_and(|point| *point < first + BLOCK) {
                self.catch_up(&path)?;
            }
        }
        Ok(())
    }

    /// The row of a point, as far as it has been read.
    pub(super) fn row(&self, point: usize) -> Option<&Row> {
        self.rows.get(&point)
    }

    /// The rows that have been read.
    pub(super) fn into_rows(self) -> RowsByPoint {
        self.rows
    }

    /// Reads what others have added to the file of a point.
    pub(super) fn refresh(&mut self, point: usize) -> Result<(), FilesError> {
        let path = self.file(point);
        if path.exists() { self.catch_up(&path) } else { Ok(()) }
    }

    fn file(&self, point: usize) -> PathBuf {
        let first = point - point % BLOCK;
        let writer = self.writer.as_ref().map_or(String::new(), |name| format!(".{name}"));
        self.folder.join(format!("{first:05}-{:05}{writer}.jsonl", first + BLOCK - 1))
    }

    fn catch_up(&mut self, path: &Path) -> Result<(), FilesError> {
        let mut file = File::open(path)
            .map_err(|source| FilesError::Unreadable { path: path.to_owned(), source })?;
        self.catch_up_with(path, &mut file).map(|_length| ())
    }

    /// Reads the lines of a file that are new, and returns where its last whole line ends.
    fn catch_up_with(&mut self, path: &Path, file: &mut File) -> Result<u64, FilesError> {
        let unreadable = |source| FilesError::Unreadable { path: path.to_owned(), source };
        let from = self.read.get(path).copied().unwrap_or(0);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from)).map_err(unreadable)?;
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let row: Row = serde_json::from_slice(line).map_err(|error| FilesError::Field {
                path: path.to_owned(),
                field: "a line".to_owned(),
                problem: format!("is damaged ({error}); remove it and go on with --resume"),
            })?;
            add(&mut self.rows, row, path)?;
        }
        let end = from + whole as u64;
        let _before = self.read.insert(path.to_owned(), end);
        Ok(end)
    }

    /// Adds the row of a point that is done, and returns once it is on disk. If another process was
    /// faster, that one's row stays.
    pub(super) fn append(
        &mut self,
        row: &Row,
        run: Option<&serde_json::Value>,
    ) -> Result<(), FilesError> {
        let path = self.file(row.point);
        let error = |source| FilesError::Write { path: path.clone(), source };
        fs::create_dir_all(&self.folder).map_err(error)?;
        let is_new = !path.exists();
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(error)?;
        if self.writer.is_none() {
            // Held until the file is closed, also by a kill.
            file.lock().map_err(error)?;
        }
        let end = self.catch_up_with(&path, &mut file)?;
        let is_known = self.rows.get(&row.point).is_some_and(|known| {
            known.cells == row.cells || row.has_failed() && !known.has_failed()
        });
        add(&mut self.rows, row.clone(), &path)?;
        if !is_known {
            let mut line = serde_json::to_vec(&Line { row, run }).map_err(|source| {
                FilesError::Encode { path: path.clone(), source: source.into() }
            })?;
            line.push(b'\n');
            // What a killed process left of a line goes.
            file.set_len(end).map_err(error)?;
            file.seek(SeekFrom::Start(end)).map_err(error)?;
            file.write_all(&line).map_err(error)?;
            file.sync_data().map_err(error)?;
            if is_new {
                file::synchronise_folder(&self.folder)?;
            }
            let _before = self.read.insert(path.clone(), end + line.len() as u64);
        }
        Ok(())
    }
}

/// Adds a row; one that has failed gives way to any other, and two others have to agree.
pub(super) fn add(rows: &mut RowsByPoint, row: Row, path: &Path) -> Result<(), FilesError> {
    match rows.get(&row.point) {
        Some(known) if row.has_failed() && !known.has_failed() => Ok(()),
        Some(known) if !known.has_failed() && known.cells != row.cells => Err(FilesError::Field {
            path: path.to_owned(),
            field: "rows".to_owned(),
            problem: format!(
                "differ from another's at point {}; all must come from one program and machine",
                row.point
            ),
        }),
        Some(known) if known.cells == row.cells => Ok(()),
        _ => {
            let _before = rows.insert(row.point, row);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::csv::no_result;
    use super::*;

    fn row(point: usize, outcome: &str) -> Row {
        let mut cells = vec![point.to_string()];
        cells.extend(no_result(outcome, "with, a \"comma\""));
        Row { point, cells, seconds: 0.25 }
    }

    #[test]
    fn rows_share_files_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), None);
        for point in [3, 700, 1, 255, 256] {
            journal.append(&row(point, "finished"), None).unwrap();
        }
        let read = Journal::read_all(folder.path()).unwrap();
        assert_eq!(read.keys().copied().collect::<Vec<_>>(), [1, 3, 255, 256, 700]);
        assert_eq!(read[&700], row(700, "finished"));
        assert_eq!(files(&folder.path().join("rows")).unwrap().len(), 3);
        // Only the blocks that are asked for.
        let mut some = Journal::open(folder.path(), None);
        some.read_blocks_of(&[2, 300]).unwrap();
        assert_eq!(some.rows.keys().copied().collect::<Vec<_>>(), [1, 3, 255, 256]);
        assert!(Journal::read_all(&folder.path().join("none")).unwrap().is_empty());
    }

    /// A file cut anywhere loses the row that it is cut in, and nothing else; what is appended after
    /// that is whole.
    #[test]
    fn a_line_cut_anywhere_is_passed_over_and_then_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), None);
        for point in 0..3 {
            journal.append(&row(point, "finished"), None).unwrap();
        }
        let path = journal.file(0);
        let whole = fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let lines = whole[..cut].split(|byte| *byte == b'\n').count() - 1;
            let mut next = Journal::open(folder.path(), None);
            next.read_blocks_of(&[0]).unwrap();
            assert_eq!(next.rows.len(), lines);
            for point in 0..3 {
                next.append(&row(point, "finished"), None).unwrap();
            }
            assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_point_is_there_once_and_a_failed_one_can_be_mended() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Journal::open(folder.path(), None);
        let mut second = Journal::open(folder.path(), None);
        second.read_blocks_of(&[0]).unwrap();
        first.append(&row(7, "failed"), None).unwrap();
        second.append(&row(7, "failed"), None).unwrap();
        second.append(&row(7, "finished"), None).unwrap();
        first.append(&row(7, "finished"), None).unwrap();
        first.append(&row(7, "failed"), None).unwrap();
        let text = fs::read_to_string(first.file(7)).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert_eq!(Journal::read_all(folder.path()).unwrap()[&7], row(7, "finished"));
        // Another result for the point, and a line that is none.
        let error = first.append(&row(7, "diverged"), None).unwrap_err().to_string();
        assert!(error.contains("differ") && error.contains("point 7"), "{error}");
        fs::write(first.file(7), "{}\n").unwrap();
        let error = Journal::read_all(folder.path()).unwrap_err().to_string();
        assert!(error.contains("damaged") && error.contains("00000-00255.jsonl"), "{error}");
    }

    /// Without locks each process has files of its own.
    #[test]
    fn processes_without_locks_keep_apart() {
        let folder = tempfile::tempdir().unwrap();
        for writer in ["a-1", "b-1"] {
            let mut journal = Journal::open(folder.path(), Some(writer.to_owned()));
            journal.append(&row(7, "finished"), None).unwrap();
        }
        assert_eq!(files(&folder.path().join("rows")).unwrap().len(), 2);
        assert_eq!(Journal::read_all(folder.path()).unwrap().len(), 1);
    }

    /// Threads with a journal each, as processes have, append to one file at once.
    #[test]
    fn many_writers_tear_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let out = folder.path();
                let _thread = scope.spawn(move || {
                    let mut journal = Journal::open(out, None);
                    // Every point twice, by two writers.
                    for point in (writer / 2..200).step_by(2) {
                        journal.append(&row(point, "finished"), None).unwrap();
                    }
                });
            }
        });
        let path = Journal::open(folder.path(), None).file(0);
        assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 200);
        assert_eq!(Journal::read_all(folder.path()).unwrap().len(), 200);
    }
}
