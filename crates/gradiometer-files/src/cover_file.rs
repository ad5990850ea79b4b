//! Evidence for a covering radius in files: JSON, version 1.
//!
//! ```json
//! {
//!   "format": "gradiometer-cover",
//!   "version": 1,
//!   "dimension": 2,
//!   "radius": 0.7853981633974484,
//!   "cover": {"caps": {"simplices": [[0, 1], [1, 2], [2, 3], [3, 0]], "centres": [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]]}}
//! }
//! ```
//!
//! The points are not in it: they are the caller's, without the zero points, `N` directions in their order. A *directed point* is a number below
//! `N` for a direction and `N + i` for the opposite of direction `i`. A simplex is `dimension` directed points, its centre a vector of
//! any length. For radii of a right angle and more the cover is `{"combination": {"weights": [...]}}`, one weight to each of the
//! directed points. What the checker makes of them is said at [`Cover`].

use crate::error::FilesError;
use crate::file;
use crate::text_file::from_json;
use gradiometer_certify::net::Cover;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What the field `format` says.
const FORMAT: &str = "gradiometer-cover";
/// The version that is written and read.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    dimension: usize,
    radius: f64,
    cover: CoverDocument,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum CoverDocument {
    Caps { simplices: Vec<Vec<usize>>, centres: Vec<Vec<f64>> },
    Combination { weights: Vec<f64> },
}

/// A covering radius with its evidence; nothing is known of it but that its lists fit each other.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedCover {
    /// Dimension of the points.
    pub dimension: usize,
    /// The radius that the file claims, in radians.
    pub radius: f64,
    /// The evidence.
    pub cover: Cover,
}

/// Reads a cover.
///
/// # Errors
/// [`FilesError`] that names the file, the field and the mend.
pub fn read_cover(path: &Path) -> Result<ClaimedCover, FilesError> {
    let document: Document = from_json(path, &file::read(path)?, "a cover of version 1")?;
    let field = |field: &str, problem: String| FilesError::Field {
        path: path.to_owned(),
        field: field.to_owned(),
        problem,
    };
    if document.format != FORMAT {
        return Err(field("format", format!("is {:?}; a cover has {FORMAT:?}", document.format)));
    }
    if document.version != VERSION {
        let problem = format!("is {}; this program reads version {VERSION}", document.version);
        return Err(field("version", problem));
    }
    let d = document.dimension;
    let wrong = |name: &str, index: usize, found: usize| {
        field(&format!("cover.caps.{name}[{index}]"), format!("has {found} entries; give {d}"))
    };
    let cover = match document.cover {
        CoverDocument::Combination { weights } => Cover::Combination { weights },
        CoverDocument::Caps { simplices, centres } => {
            if let Some(i) = simplices.iter().position(|s| s.len() != d) {
                return Err(wrong("simplices", i, simplices[i].len()));
            }
            if let Some(i) = centres.iter().position(|c| c.len() != d) {
                return Err(wrong("centres", i, centres[i].len()));
            }
            Cover::Caps { simplices: simplices.concat(), centres: centres.concat() }
        }
    };
    Ok(ClaimedCover { dimension: d, radius: document.radius, cover })
}

/// An error if writing a cover there would replace a file that is none.
///
/// # Errors
/// [`FilesError::Foreign`].
pub fn may_write_cover(path: &Path) -> Result<(), FilesError> {
    file::replaces_own(path, FORMAT, "cover")
}

/// Writes a cover, atomically; it replaces another one, but no other file.
///
/// # Errors
/// [`FilesError::Write`] or [`FilesError::Foreign`].
pub fn write_cover(path: &Path, claimed: &ClaimedCover) -> Result<(), FilesError> {
    may_write_cover(path)?;
    let d = claimed.dimension;
    let cover = match &claimed.cover {
        Cover::Caps { simplices, centres } => CoverDocument::Caps {
            simplices: simplices.chunks_exact(d).map(<[usize]>::to_vec).collect(),
            centres: centres.chunks_exact(d).map(<[f64]>::to_vec).collect(),
        },
        Cover::Combination { weights } => CoverDocument::Combination { weights: weights.clone() },
    };
    let document = Document {
        format: FORMAT.to_owned(),
        version: VERSION,
        dimension: d,
        radius: claimed.radius,
        cover,
    };
    let text = serde_json::to_string(&document)
        .map_err(|source| FilesError::Encode { path: path.to_owned(), source: source.into() })?;
    file::write_atomically(path, (text + "\n").as_bytes())
}
