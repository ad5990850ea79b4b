//! Lists of vectors: JSON or `.npy`.

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

/// Reads points: a JSON list of vectors, or an `.npy` matrix with a point a row.
///
/// # Errors
/// [`FilesError`] that names the file, the place and the mend.
pub fn read_points(path: &Path) -> Result<Points, FilesError> {
    let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let decode = match ending.as_deref() {
        Some("json") => from_json,
        Some("npy") => from_npy,
        _ => {
            return Err(FilesError::UnknownFormat {
                path: path.to_owned(),
                expected: ".json or .npy",
            });
        }
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
    let rows: Vec<Vec<f64>> = text_file::from_json(path, bytes, "[[x_1, ...], ...]")?;
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
