//! Certificates in files: JSON, version 2, which names its teacher; version 1, which does not, is read still.
//!
//! ```json
//! {
//!   "format": "gradiometer-certificate",
//!   "version": 2,
//!   "teacher": {"hash": "b2f1c0de5a3e9d47", "signs": [1, -1], "directions": [[1.0, 0.0], [0.0, 1.0]]},
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
//! [`CertificateParts`]. The `teacher` has the signs of its amplitudes and its directions, on which alone a certificate depends, and a hash of
//! them (FNV-1a of 64 bits over the signs as bytes and the entries as little-endian doubles). It is no part of any proof: it tells a certificate of
//! another teacher from a false one.

use crate::error::FilesError;
use crate::file;
use crate::text_file::from_json;
use gradiometer_certify::{CERTIFICATE_VERSION, Certificate, CertificateParts};
use gradiometer_model::Teacher;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What the field `format` says.
const FORMAT: &str = "gradiometer-certificate";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    teacher: Option<NamedTeacher>,
    from_degree: usize,
    low_weights: Vec<f64>,
    tail_weight: f64,
    values: Vec<f64>,
    gradients: Vec<Vec<f64>>,
    rho: f64,
    p_norm: f64,
}

/// The versions that are read: without and with the teacher.
const PLAIN: u32 = CERTIFICATE_VERSION;
const NAMED: u32 = 2;
/// Directions that are so far apart are not those of one teacher, rounded differently.
const SAME_DIRECTION: f64 = 1e-9;

/// The teacher that a certificate is for, as its file names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedTeacher {
    /// Of the signs and directions, 16 hexadecimal digits.
    pub hash: String,
    /// Signs of the amplitudes.
    pub signs: Vec<i8>,
    /// Directions, unit vectors.
    pub directions: Vec<Vec<f64>>,
}

impl NamedTeacher {
    /// The name of a teacher.
    pub fn new(teacher: &Teacher) -> Self {
        let signs: Vec<i8> =
            teacher.amplitudes().iter().map(|a| if *a < 0.0 { -1 } else { 1 }).collect();
        let rows = teacher.directions().chunks_exact(teacher.dimension());
        let directions: Vec<Vec<f64>> = rows.map(<[f64]>::to_vec).collect();
        Self { hash: hash(&signs, &directions), signs, directions }
    }

    /// What differs from a teacher, beyond rounding.
    pub fn difference(&self, teacher: &Teacher) -> Option<String> {
        let own = Self::new(teacher);
        if self.hash == own.hash {
            return None;
        }
        let counts =
            |named: &Self| (named.signs.len(), named.directions.first().map_or(0, Vec::len));
        if counts(self) != counts(&own) || self.directions.len() != own.directions.len() {
            let ((m, d), (n, e)) = (counts(self), counts(&own));
            return Some(format!("{m} neurons in dimension {d}, where there are {n} in {e}"));
        }
        if let Some(i) = (0..own.signs.len()).find(|i| self.signs[*i] != own.signs[*i]) {
            return Some(format!("sign of neuron {i}"));
        }
        let apart = |i: &usize| {
            let pairs = self.directions[*i].iter().zip(&own.directions[*i]);
            !(pairs.map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt() <= SAME_DIRECTION)
        };
        (0..own.signs.len()).find(apart).map(|i| format!("direction of neuron {i}"))
    }
}

/// FNV-1a of 64 bits.
fn hash(signs: &[i8], directions: &[Vec<f64>]) -> String {
    let signs = signs.iter().map(|sign| sign.to_le_bytes()[0]);
    let entries = directions.iter().flatten().flat_map(|x| x.to_le_bytes());
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    format!("{:016x}", signs.chain(entries).fold(0xcbf2_9ce4_8422_2325, mix))
}

/// Reads a certificate for a teacher.
///
/// # Errors
/// [`FilesError::OtherTeacher`] if the file names another one, and as for [`read_certificate`].
pub fn read_certificate_of(path: &Path, teacher: &Teacher) -> Result<Certificate, FilesError> {
    let (certificate, named) = read_named_certificate(path)?;
    match named.and_then(|named| named.difference(teacher)) {
        Some(what) => Err(FilesError::OtherTeacher { path: path.to_owned(), what }),
        None => Ok(certificate),
    }
}

/// Reads a certificate. Nothing is known of it but that its numbers are finite and its lists fit each other.
///
/// # Errors
/// [`FilesError`] that names the file, the field and the mend.
pub fn read_certificate(path: &Path) -> Result<Certificate, FilesError> {
    Ok(read_named_certificate(path)?.0)
}

/// A certificate, and its teacher if the file names it.
///
/// # Errors
/// As for [`read_certificate`].
pub fn read_named_certificate(
    path: &Path,
) -> Result<(Certificate, Option<NamedTeacher>), FilesError> {
    let document: Document =
        from_json(path, &file::read(path)?, "a certificate of version 1 or 2")?;
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
    let named = document.teacher;
    // With its teacher's name a certificate is one of version 2, and but for that it is one of version 1.
    let version =
        if document.version == NAMED && named.is_some() { PLAIN } else { document.version };
    if let Some(named) = &named
        && hash(&named.signs, &named.directions) != named.hash
    {
        let problem = "is not that of the signs and directions; write the certificate again";
        return Err(field("teacher.hash", problem.to_owned()));
    }
    let certificate = Certificate::new(CertificateParts {
        version,
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
    Ok((certificate, named))
}

/// An error if writing a certificate there would replace a file that is none.
///
/// # Errors
/// [`FilesError::Foreign`].
pub fn may_write_certificate(path: &Path) -> Result<(), FilesError> {
    file::replaces_own(path, FORMAT, "certificate")
}

/// Writes a certificate of a teacher, atomically; it replaces another one, but no other file.
///
/// # Errors
/// [`FilesError::Write`] or [`FilesError::Foreign`].
pub fn write_certificate(
    path: &Path,
    certificate: &Certificate,
    teacher: &Teacher,
) -> Result<(), FilesError> {
    may_write_certificate(path)?;
    let parts = certificate.parts();
    let document = Document {
        format: FORMAT.to_owned(),
        version: NAMED,
        teacher: Some(NamedTeacher::new(teacher)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_model::Network;

    fn teacher(a: f64, x: f64) -> Teacher {
        let network = Network::new(2, vec![1.0, a], vec![1.0, 0.0, x, 1.0]).unwrap();
        Teacher::new(network).unwrap()
    }

    fn certificate() -> Certificate {
        Certificate::new(CertificateParts {
            version: PLAIN,
            low_weights: vec![],
            tail_weight: 1.0,
            values: vec![11.0, -11.0],
            gradients: vec![vec![0.0, 0.1], vec![0.2, 0.0]],
            rho: 0.3,
            p_norm: 4.0,
        })
        .unwrap()
    }

    #[test]
    fn a_certificate_of_another_teacher_is_told_by_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let own = teacher(-2.0, 0.0);
        write_certificate(&path, &certificate(), &own).unwrap();
        assert_eq!(read_certificate_of(&path, &own).unwrap(), certificate());
        // Another amplitude of the same sign and the last bit of a direction do not matter.
        let beside = teacher(-3.0, f64::EPSILON);
        assert_eq!(read_certificate_of(&path, &beside).unwrap(), certificate());
        let one = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
        for (other, what) in [
            (teacher(2.0, 0.0), "sign of neuron 1"),
            (teacher(-2.0, 0.5), "direction of neuron 1"),
            (Teacher::new(one).unwrap(), "2 neurons"),
        ] {
            let error = read_certificate_of(&path, &other).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("another teacher"), "{error}");
        }
        // A name that was tampered with.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("-1", "1", 1)).unwrap();
        assert!(read_certificate(&path).unwrap_err().to_string().contains("teacher.hash"));
        // Version 1 names nobody, and is read for anybody.
        let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
        document["version"] = 1.into();
        document.as_object_mut().unwrap().remove("teacher");
        std::fs::write(&path, document.to_string()).unwrap();
        assert_eq!(read_certificate_of(&path, &teacher(2.0, 0.5)).unwrap(), certificate());
        // Version 2 must name one, and there is no version 3.
        for version in [2, 3] {
            document["version"] = version.into();
            std::fs::write(&path, document.to_string()).unwrap();
            assert!(read_certificate(&path).unwrap_err().to_string().contains("version"));
        }
    }
}
