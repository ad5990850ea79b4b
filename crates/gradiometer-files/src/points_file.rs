//! Lists of vectors: JSON, `.npy`, or text with a vector a line.

use crate::error::FilesError;
use crate::npy::Array;
use crate::{file, text_file};
use std::path::Path;

/// Finite vectors of one dimension, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    dimension: usize,
    coordinates: Vec<f64>,
}

impl Points {
    /// Number of coordinates of each.
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// Coordinates, a point a row.
    pub fn coordinates(&self) -> &[f64] {
        &self.coordinates
    }

    /// The points in order.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.coordinates.chunks_exact(self.dimension)
    }
}

/// A format of files with points, told by the name's ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointFormat {
    /// `[[x_1, ...], ...]`.
    Json,
    /// A matrix of NumPy with a point a row.
    Npy,
    /// A point a line, numbers between blanks or commas; what follows `#` or `%` is a comment.
    Text,
}

impl PointFormat {
    /// The format that a file's name ends with.
    ///
    /// # Errors
    /// [`FilesError::UnknownFormat`].
    pub fn of(path: &Path) -> Result<Self, FilesError> {
        if file::is_standard_input(path) {
            return Err(FilesError::FormatUnsaid);
        }
        let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        ending.as_deref().and_then(Self::named).ok_or_else(|| FilesError::UnknownFormat {
            path: path.to_owned(),
            expected: ".json, .npy, .txt or .csv, or say --format",
        })
    }

    /// The format of a name: `json`, `npy`, `text`, or an ending.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "npy" => Some(Self::Npy),
            "text" | "txt" | "csv" | "tsv" | "dat" | "xyz" => Some(Self::Text),
            _ => None,
        }
    }
}

/// Reads points from a file whose name says its [`PointFormat`].
///
/// # Errors
/// [`FilesError`] that names the file, the place and the mend.
pub fn read_points(path: &Path) -> Result<Points, FilesError> {
    read_points_as(path, None)
}

/// As [`read_points`], in a format that the name need not say. The path `-` is standard input.
///
/// # Errors
/// As for [`read_points`].
pub fn read_points_as(path: &Path, format: Option<PointFormat>) -> Result<Points, FilesError> {
    let decode = match format.map_or_else(|| PointFormat::of(path), Ok)? {
        PointFormat::Json => from_json,
        PointFormat::Npy => from_npy,
        PointFormat::Text => from_text,
    };
    let (dimension, coordinates) = decode(path, &file::read(path)?)?;
    if dimension == 0 || coordinates.is_empty() {
        return Err(FilesError::NoPoints { path: path.to_owned() });
    }
    match coordinates.iter().position(|x| !x.is_finite()) {
        Some(entry) => Err(FilesError::PointNotFinite {
            path: path.to_owned(),
            point: entry / dimension,
            coordinate: entry % dimension,
            value: coordinates[entry],
        }),
        None => Ok(Points { dimension, coordinates }),
    }
}

fn from_json(path: &Path, bytes: &[u8]) -> Result<(usize, Vec<f64>), FilesError> {
    rectangular(path, &text_file::from_json::<Vec<Vec<f64>>>(path, bytes, "[[x_1, ...], ...]")?)
}

fn from_text(path: &Path, bytes: &[u8]) -> Result<(usize, Vec<f64>), FilesError> {
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for (at, line) in file::text(path, bytes)?.lines().enumerate() {
        let line = line.split(['#', '%']).next().unwrap_or("");
        let words = line.split([',', ';', ' ', '\t', '\r']).filter(|word| !word.is_empty());
        let number = |word: &str| {
            word.parse::<f64>().map_err(|_no_number| FilesError::PointText {
                path: path.to_owned(),
                line: at + 1,
                word: word.to_owned(),
            })
        };
        let row = words.map(number).collect::<Result<Vec<f64>, _>>()?;
        if !row.is_empty() {
            rows.push(row);
        }
    }
    rectangular(path, &rows)
}

fn rectangular(path: &Path, rows: &[Vec<f64>]) -> Result<(usize, Vec<f64>), FilesError> {
    let dimension = rows.first().map_or(0, Vec::len);
    match rows.iter().position(|row| row.len() != dimension) {
        Some(point) => Err(FilesError::RaggedPoint {
            path: path.to_owned(),
            point,
            expected: dimension,
            found: rows[point].len(),
        }),
        None => Ok((dimension, rows.concat())),
    }
}

fn from_npy(path: &Path, bytes: &[u8]) -> Result<(usize, Vec<f64>), FilesError> {
    let matrix = Array::decode(bytes).and_then(Array::into_matrix);
    let (_, dimension, coordinates) = matrix.map_err(|source| FilesError::Npy {
        path: path.to_owned(),
        field: "the array".to_owned(),
        source,
    })?;
    Ok((dimension, coordinates))
}
