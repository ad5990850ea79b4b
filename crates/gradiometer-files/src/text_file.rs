//! Networks and points as JSON and TOML.

use crate::error::FilesError;
use crate::file;
use crate::json_path::path_at;
use crate::parts::{Fields, build};
use crate::tensors::Reading;
use gradiometer_model::{Network, Skip};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

/// A number for JSON: null where it is not finite.
pub fn number(x: f64) -> Value {
    if x.is_finite() { x.into() } else { Value::Null }
}

/// A number that is null in JSON where it is not finite, and NaN when it comes back.
///
/// # Errors
/// The format's, for what is no number.
pub fn null_is_nan<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

/// As [`null_is_nan`] for a list.
///
/// # Errors
/// The format's, for what is no list of numbers.
pub fn nulls_are_nan<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let numbers: Vec<Option<f64>> = Vec::deserialize(from)?;
    Ok(numbers.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect())
}

/// A network as a document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Document {
    a: Vec<f64>,
    w: Vec<Vec<f64>>,
    b: Option<Vec<f64>>,
    alpha: Option<f64>,
    beta: Option<Vec<f64>>,
}

const JSON_FORM: &str = r#"{"a": [a_1, ...], "w": [[w_11, ...], ...]} with optional "b": [b_1, ...], "alpha": number, "beta": [beta_1, ...]"#;
const TOML_FORM: &str = "a = [a_1, ...] and w = [[w_11, ...], ...], with optional b = [b_1, ...], alpha = number, beta = [beta_1, ...]";

/// A value from a JSON document of the given form.
///
/// # Errors
/// [`FilesError::Json`] with the field at fault, or as for [`file::text`].
pub fn from_json<T: DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    expected: &'static str,
) -> Result<T, FilesError> {
    let text = file::text(path, bytes)?;
    serde_json::from_str(text).map_err(|source| FilesError::Json {
        path: path.to_owned(),
        field: path_at(text, source.line(), source.column()),
        expected,
        source,
    })
}

/// A value as JSON, its fields in the order of their names and null for a number that is not finite; the path is for the message.
///
/// # Errors
/// [`FilesError::Encode`].
pub fn to_json<T: Serialize>(path: &Path, value: &T) -> Result<Value, FilesError> {
    serde_json::to_value(value)
        .map_err(|error| FilesError::Encode { path: path.to_owned(), source: error.into() })
}

/// A value from a TOML document of the given form.
///
/// # Errors
/// [`FilesError::Toml`], or as for [`file::text`].
pub fn from_toml<T: DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    expected: &'static str,
) -> Result<T, FilesError> {
    toml::from_str(file::text(path, bytes)?).map_err(|source| FilesError::Toml {
        path: path.to_owned(),
        expected,
        source: Box::new(source),
    })
}

pub(crate) fn network_from_json(path: &Path, bytes: &[u8]) -> Result<Reading, FilesError> {
    network(path, from_json(path, bytes, JSON_FORM)?)
}

pub(crate) fn network_from_toml(path: &Path, bytes: &[u8]) -> Result<Reading, FilesError> {
    // The other files of this kind are experiments, and a newcomer tries them first.
    let table = file::text(path, bytes)?.parse::<toml::Table>();
    if table.is_ok_and(|table| table.contains_key("teacher")) {
        return Err(FilesError::Field {
            path: path.to_owned(),
            field: "teacher".to_owned(),
            problem: "this is an experiment and no network; run `gradiometer train` on it, and give the teacher.json or the \
                      checkpoints/final.safetensors of the folder that it makes"
                .to_owned(),
        });
    }
    network(path, from_toml(path, bytes, TOML_FORM)?)
}

fn network(path: &Path, document: Document) -> Result<Reading, FilesError> {
    let fields = Fields { second: "a", first: "w", constant: "alpha", linear: "beta" };
    let neurons = document.a.len();
    let network = build(
        path,
        &fields,
        || Network::from_rows(document.a, &document.w),
        document.alpha,
        document.beta,
    )?;
    let wrong = |problem: String| FilesError::Field {
        path: path.to_owned(),
        field: "b".to_owned(),
        problem,
    };
    if let Some(biases) = &document.b {
        if biases.len() != neurons {
            return Err(wrong(format!(
                "has {} entries for {neurons} neurons; give one for each",
                biases.len()
            )));
        }
        if let Some(bad) = biases.iter().find(|b| !b.is_finite()) {
            return Err(wrong(format!("holds {bad}; it must be finite")));
        }
    }
    let biases = document.b.filter(|biases| biases.iter().any(|b| !(b.abs() <= 0.0)));
    Ok(Reading { network, biases, bias_name: "b".to_owned(), remarks: Vec::new() })
}

/// `{"a": ..., "w": ...}`, a neuron a line, every number with the digits that bring it back exactly.
pub(crate) fn network_to_json(network: &Network, biases: Option<&[f64]>) -> String {
    let mut text = format!("{{\"a\": {:?},\n \"w\": [\n", network.second_layer());
    rows(&mut text, network);
    text.push_str(" ]");
    if let Some(biases) = biases {
        let _infallible = write!(text, ",\n \"b\": {biases:?}");
    }
    if let Some(Skip { constant, linear }) = network.skip() {
        let _infallible = write!(text, ",\n \"alpha\": {constant:?},\n \"beta\": {linear:?}");
    }
    text.push_str("}\n");
    text
}

/// The same as TOML.
pub(crate) fn network_to_toml(network: &Network, biases: Option<&[f64]>) -> String {
    let mut text = String::new();
    if let Some(biases) = biases {
        let _infallible = writeln!(text, "b = {biases:?}");
    }
    if let Some(Skip { constant, linear }) = network.skip() {
        let _infallible = write!(text, "alpha = {constant:?}\nbeta = {linear:?}\n");
    }
    let _infallible = write!(text, "a = {:?}\nw = [\n", network.second_layer());
    rows(&mut text, network);
    text.push_str("]\n");
    text
}

fn rows(text: &mut String, network: &Network) {
    let last = network.neurons() - 1;
    for (j, row) in network.rows().enumerate() {
        let comma = if j < last { "," } else { "" };
        let _infallible = writeln!(text, "  {row:?}{comma}");
    }
}
