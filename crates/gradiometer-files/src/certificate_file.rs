//! Certificates in files: JSON, version 1.
//!
//! ```json
//! {
//!   "format": "gradiometer-certificate",
//!   "version": 1,
//!   "from_degree": 4,
//!   "low_weights": [0.0],
//!   "tail_weight": 1.0,
//!   "values": [6.5, -6.5],
//!   "gradients": [[0.0, 0.1], [0.2, 0.0]],
//!   "rho": 0.3,
//!   "p_norm": 5.1
//! }
//! ```
//!
//! `low_weights` are those of the degrees 2, 4, ..; `tail_weight` is that of all even degrees after them; `from_degree` is the
//! first degree with a positive weight and must agree with them. `values` are the `A_i` and `gradients` the `B_i` of
//! [`CertificateParts`].

use crate::error::FilesError;
use crate::file;
use crate::text_file::from_json;
use gradiometer_certify::{Certificate, CertificateParts};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What the field `format` says.
const FORMAT: &str = "gradiometer-certificate";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    from_degree: usize,
    low_weights: Vec<f64>,
    tail_weight: f64,
    values: Vec<f64>,
    gradients: Vec<Vec<f64>>,
    rho: f64,
    p_norm: f64,
}

/// Reads a certificate. Nothing is known of it but that its numbers are finite and its lists fit each other.
///
/// # Errors
/// [`FilesError`] that names the file, the field and the mend.
pub fn read_certificate(path: &Path) -> Result<Certificate, FilesError> {
    let document: Document = from_json(path, &file::read(path)?, "a certificate of version 1")?;
    let field = |field: &str, problem: String| FilesError::Field {
        path: path.to_owned(),
        field: field.to_owned(),
        problem,
    };
    if document.format != FORMAT {
        return Err(field(
            "format",
            format!("is {:?}; a certificate has {FORMAT:?}", document.format),
        ));
    }
    let from_degree = document.from_degree;
    let certificate = Certificate::new(CertificateParts {
        version: document.version,
        low_weights: document.low_weights,
        tail_weight: document.tail_weight,
        values: document.values,
        gradients: document.gradients,
        rho: document.rho,
        p_norm: document.p_norm,
    })
    .map_err(|source| FilesError::Certify { path: path.to_owned(), source })?;
    let first = certificate.weights().first_degree();
    if first != from_degree {
        return Err(field(
            "from_degree",
            format!(
                "is {from_degree}, but the first positive weight is that of degree {first}; make them agree"
            ),
        ));
    }
    Ok(certificate)
}

/// Writes a certificate, atomically.
///
/// # Errors
/// [`FilesError::Write`].
pub fn write_certificate(path: &Path, certificate: &Certificate) -> Result<(), FilesError> {
    let parts = certificate.parts();
    let document = Document {
        format: FORMAT.to_owned(),
        version: parts.version,
        from_degree: certificate.weights().first_degree(),
        low_weights: parts.low_weights.clone(),
        tail_weight: parts.tail_weight,
        values: parts.values.clone(),
        gradients: parts.gradients.clone(),
        rho: parts.rho,
        p_norm: parts.p_norm,
    };
    let text = serde_json::to_string_pretty(&document)
        .map_err(|source| FilesError::Encode { path: path.to_owned(), source: source.into() })?;
    file::write_atomically(path, (text + "\n").as_bytes())
}
