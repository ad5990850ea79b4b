//! Long tables thinned while they are read: a file of a million rows passes once through a buffer
//! and leaves a few hundred buckets.

use gradiometer_files::FilesError;
use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::Path;

/// Buckets to a decade of steps: about one to a pixel.
const BUCKETS: f64 = 96.0;
/// Bytes read at once.
const BUFFER: usize = 1 << 20;

/// One quantity in one bucket: first, least, greatest and last value; NaN if it had none.
type Range = [f64; 4];

/// The quantities of a table against steps, thinned on a logarithmic axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Series {
    /// Rows read.
    pub(crate) rows: u64,
    /// First and last step of each bucket.
    steps: Vec<(f64, f64)>,
    /// The ranges, a bucket a row.
    ranges: Vec<Range>,
    /// Number of quantities.
    width: usize,
}

impl Series {
    fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// The quantities that `derive` makes of rows in memory, each a step and its cells.
    pub(crate) fn of(
        rows: impl Iterator<Item = (u64, Vec<f64>)>,
        width: usize,
        mut derive: impl FnMut(&[f64], &mut [f64]),
    ) -> Self {
        let (mut series, mut derived, mut next) = (Self::new(width), vec![f64::NAN; width], 0.0);
        for (step, cells) in rows {
            derive(&cells, &mut derived);
            series.push(step as f64, &derived, &mut next);
        }
        series
    }

    /// Adds a row at a step; `next` is where a new bucket begins.
    fn push(&mut self, step: f64, values: &[f64], next: &mut f64) {
        self.rows += 1;
        if step < *next && !self.steps.is_empty() {
            let start = self.ranges.len() - self.width;
            if let Some(last) = self.steps.last_mut() {
                last.1 = step;
            }
            for (range, x) in self.ranges[start..].iter_mut().zip(values) {
                extend(range, *x);
            }
            return;
        }
        *next = if step >= 1.0 {
            10.0_f64.powf(((step.log10() * BUCKETS).floor() + 1.0) / BUCKETS)
        } else {
            1.0
        };
        self.steps.push((step, step));
        self.ranges.extend(values.iter().map(|x| [*x; 4]));
    }

    /// The points of one quantity, at most four a bucket, from step 1 on.
    pub(crate) fn points(&self, quantity: usize) -> Vec<(f64, f64)> {
        let mut points = Vec::new();
        for (k, (first, last)) in self.steps.iter().enumerate() {
            let [start, low, high, end] = self.ranges[k * self.width + quantity];
            let middle = f64::midpoint(*first, *last);
            let all = [(*first, start), (middle, low), (middle, high), (*last, end)];
            for point in all {
                if point.0 >= 1.0 && points.last() != Some(&point) {
                    points.push(point);
                }
            }
        }
        points
    }

    /// `(step, least, greatest)` of a pair of quantities in each bucket: the least of the first,
    /// the greatest of the second.
    pub(crate) fn bands(&self, low: usize, high: usize) -> Vec<(f64, f64, f64)> {
        let at = |k: usize, quantity: usize| self.ranges[k * self.width + quantity];
        let buckets = self.steps.iter().enumerate().filter(|(_, steps)| steps.1 >= 1.0);
        buckets.map(|(k, steps)| (steps.1, at(k, low)[1], at(k, high)[2])).collect()
    }
}

fn extend(range: &mut Range, x: f64) {
    if x.is_nan() {
        range[3] = x;
        return;
    }
    if !(x >= range[1]) {
        range[1] = x;
    }
    if !(x <= range[2]) {
        range[2] = x;
    }
    range[3] = x;
}

/// Reads the wanted columns of a table of numbers row by row, with `step` before them, and keeps
/// what `derive` makes of them. The columns come in the order in which they are wanted; a row's
/// cells are numbers, null or empty (NaN) where they are wanted.
///
/// # Errors
/// [`FilesError`] that names the file, the line and the column.
pub(crate) fn read(
    path: &Path,
    wanted: &[String],
    width: usize,
    mut derive: impl FnMut(&[f64], &mut [f64]),
) -> Result<Series, FilesError> {
    let file = File::open(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => FilesError::Missing { path: path.to_owned() },
        _ => FilesError::Unreadable { path: path.to_owned(), source },
    })?;
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let mut line = Vec::new();
    let mut read_line = |line: &mut Vec<u8>| {
        line.clear();
        let length = reader.read_until(b'\n', line);
        let length =
            length.map_err(|source| FilesError::Unreadable { path: path.to_owned(), source })?;
        while line.last().is_some_and(|c| *c == b'\n' || *c == b'\r') {
            line.pop();
        }
        Ok::<bool, FilesError>(length > 0)
    };
    let wrong = |field: String, problem: &str| FilesError::Field {
        path: path.to_owned(),
        field,
        problem: format!("{problem}; run `train` again, or restore the file"),
    };
    if !read_line(&mut line)? {
        return Err(FilesError::Empty { path: path.to_owned() });
    }
    let header = String::from_utf8_lossy(&line).into_owned();
    let names: Vec<&str> = header.split(',').collect();
    // Where each cell of a row goes: the place among the wanted ones.
    let mut place = vec![usize::MAX; names.len()];
    for (k, name) in std::iter::once("step").chain(wanted.iter().map(String::as_str)).enumerate() {
        let at = names.iter().position(|n| *n == name);
        let at = at.ok_or_else(|| wrong(name.to_owned(), "is no column of the table"))?;
        place[at] = k;
    }
    let mut series = Series::new(width);
    let (mut cells, mut derived) = (vec![0.0; wanted.len() + 1], vec![f64::NAN; width]);
    let (mut next, mut number) = (0.0, 1_u64);
    while read_line(&mut line)? {
        number += 1;
        let mut count = 0;
        for (at, cell) in line.split(|c| *c == b',').enumerate() {
            count += 1;
            let Some(to) = place.get(at).filter(|to| **to != usize::MAX) else { continue };
            let text = std::str::from_utf8(cell).ok();
            let value = match text {
                Some("") => Some(f64::NAN),
                other => other.and_then(|text| text.parse().ok()),
            };
            cells[*to] = value
                .ok_or_else(|| wrong(format!("line {number}, {}", names[at]), "is not a number"))?;
        }
        if count != names.len() {
            return Err(wrong(
                format!("line {number}"),
                "does not have as many cells as the first",
            ));
        }
        derive(&cells[1..], &mut derived);
        series.push(cells[0], &derived, &mut next);
    }
    Ok(series)
}

/// One statement of `claims.csv`: its two sides along a run.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) name: String,
    /// Left and right side.
    pub(crate) series: Series,
    /// Records at which it was refuted.
    pub(crate) violated: u64,
    next: f64,
}

impl Watched {
    /// All statements, in the order of their first rows. A statement that one record has several
    /// times, once for each teacher, counts as several.
    ///
    /// # Errors
    /// [`FilesError`] that names the file and the line.
    pub(crate) fn read(path: &Path) -> Result<Vec<Self>, FilesError> {
        let bytes = gradiometer_files::file::read(path)?;
        let text = gradiometer_files::file::text(path, &bytes)?;
        let wrong = |line: usize, problem: &str| FilesError::Field {
            path: path.to_owned(),
            field: format!("line {line}"),
            problem: format!("{problem}; run `train` again, or restore the file"),
        };
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let place = |name: &str| header.iter().position(|h| *h == name);
        let columns = ["step", "claim", "left", "right", "verdict"].map(place);
        let [Some(step), Some(claim), Some(left), Some(right), Some(verdict)] = columns else {
            return Err(wrong(1, "must name the columns step, claim, left, right and verdict"));
        };
        let mut rows = Vec::new();
        for (at, line) in lines.enumerate() {
            let cells: Vec<&str> = line.split(',').collect();
            let number = |k: usize| match cells.get(k) {
                Some(&"") => Some(f64::NAN),
                cell => cell.and_then(|c| c.parse::<f64>().ok()),
            };
            let sides = number(step).zip(number(left).zip(number(right)));
            let named = cells.get(claim).copied().zip(cells.get(verdict).copied());
            let (Some((step, sides)), Some((name, verdict))) = (sides, named) else {
                return Err(wrong(at + 2, "has no step, sides and verdict"));
            };
            rows.push((step, name, sides, verdict));
        }
        Ok(Self::of(rows.into_iter()))
    }

    /// All statements of rows `(step, name, (left, right), verdict)`.
    pub(crate) fn of<'a>(
        rows: impl Iterator<Item = (f64, &'a str, (f64, f64), &'a str)>,
    ) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        // How often each statement came since the record's first one.
        let mut seen: Vec<usize> = Vec::new();
        for (step, name, (left, right), verdict) in rows {
            if found.first().is_some_and(|first| first.name == name) {
                seen.fill(0);
            }
            let same: Vec<usize> = (0..found.len()).filter(|k| found[*k].name == name).collect();
            let count = same.first().map_or(0, |k| seen[*k]);
            let to = if let Some(to) = same.get(count) {
                *to
            } else {
                let series = Series::new(2);
                found.push(Self { name: name.to_owned(), series, violated: 0, next: 0.0 });
                seen.push(0);
                found.len() - 1
            };
            let first = same.first().copied().unwrap_or(to);
            seen[first] += 1;
            let watched = &mut found[to];
            watched.series.push(step, &[left, right], &mut watched.next);
            watched.violated += u64::from(verdict == "refuted");
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn table(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn identity(cells: &[f64], derived: &mut [f64]) {
        derived.copy_from_slice(cells);
    }

    #[test]
    fn a_short_table_is_kept_and_a_long_one_keeps_its_extremes() {
        let (_folder, path) = table("step,x,y\n0,9,1\n1,5,-2\n3,4,7\n");
        let series = read(&path, &["y".to_owned()], 1, identity).unwrap();
        assert_eq!(series.points(0), [(1.0, -2.0), (3.0, 7.0)]);
        let mut text = "stage,step,x\n".to_owned();
        for step in 0..20_000 {
            let x = if step == 15_000 { 1e9 } else { f64::from(step % 7) };
            let _infallible = writeln!(text, "stage3,{step},{x}");
        }
        let (_folder, path) = table(&text);
        let series = read(&path, &["x".to_owned()], 1, identity).unwrap();
        let points = series.points(0);
        assert_eq!(series.rows, 20_000);
        assert!(points.len() < 4 * 96 * 5, "{}", points.len());
        assert!(points.iter().any(|p| p.1 >= 1e9) && points.is_sorted_by(|a, b| a.0 <= b.0));
        assert!(points.last().unwrap().0 > 19_998.5);
        // Every bucket's greatest value is in the band.
        assert!(series.bands(0, 0).iter().filter(|b| b.2 >= 1e9).count() == 1);
    }

    #[test]
    fn numbers_that_are_none_leave_no_trace_in_extremes() {
        let (_folder, path) = table("step,x\n1000,NaN\n1001,2\n1002,\n1003,1\n");
        let series = read(&path, &["x".to_owned()], 1, identity).unwrap();
        assert_eq!(series.bands(0, 0), [(1003.0, 1.0, 2.0)]);
    }

    #[test]
    fn watched_statements_are_told_apart() {
        let text = "step,lambda,claim,left,right,ratio,verdict,evidence\n\
                    1,1,7.1,1,2,0.5,holds,computed\n1,1,7.6,3,4,0.7,holds,sampled\n1,1,7.6,5,6,0.8,holds,sampled\n\
                    4,1,7.1,9,8,1.1,refuted,computed\n4,1,7.6,1,2,0.5,holds,sampled\n4,1,7.6,7,,0.5,holds,sampled\n";
        let (_folder, path) = table(text);
        let found = Watched::read(&path).unwrap();
        let names: Vec<&str> = found.iter().map(|w| w.name.as_str()).collect();
        assert_eq!(names, ["7.1", "7.6", "7.6"]);
        assert_eq!(found.iter().map(|w| w.violated).collect::<Vec<_>>(), [1, 0, 0]);
        assert_eq!(found[0].series.points(1), [(1.0, 2.0), (4.0, 8.0)]);
        assert_eq!(found[2].series.points(0), [(1.0, 5.0), (4.0, 7.0)]);
        let (_folder, path) = table("step,lambda\n1,2\n");
        assert!(Watched::read(&path).unwrap_err().to_string().contains("line 1"));
    }

    #[test]
    fn a_damaged_table_is_refused_with_its_line() {
        for (text, part) in [
            ("step,x\n1,2\n2,zero\n", "line 3, x"),
            ("step,x\n1,2\n2\n", "line 3"),
            ("step,y\n1,2\n", "x"),
            ("x\n1\n", "step"),
        ] {
            let (_folder, path) = table(text);
            let error = read(&path, &["x".to_owned()], 1, identity).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("t.csv"), "{error}");
        }
        let (_folder, path) = table("");
        assert!(matches!(read(&path, &[], 0, identity), Err(FilesError::Empty { .. })));
    }
}
