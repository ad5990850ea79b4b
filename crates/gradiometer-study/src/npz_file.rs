//! Networks as `.npz` archives: arrays `a` (`m`), `w` (`m x d`), optional `alpha` and `beta` (`d`).

use crate::error::StudyError;
use crate::network_file::{Fields, build};
use crate::npy::{Array, NpyError};
use gradiometer_model::Network;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use zip::result::{ZipError, ZipResult};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Most bytes that one array may unpack to.
const LARGEST_ARRAY: u64 = 1 << 33;

pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<Network, StudyError> {
    let damaged = |source| StudyError::Archive { path: path.to_owned(), source };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut found = Vec::new();
    for name in archive.file_names() {
        let name = name.map_err(damaged)?;
        found.push(name.strip_suffix(".npy").unwrap_or(&name).to_owned());
    }
    found.sort_unstable();
    let known = ["a", "w", "alpha", "beta"];
    if let Some(name) = found.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(StudyError::UnknownTensor {
            path: path.to_owned(),
            name: name.clone(),
            expected: known.map(str::to_owned).to_vec(),
            mend: "rename or remove it",
        });
    }
    let wrong = |field: &'static str| {
        move |source| StudyError::Npy { path: path.to_owned(), field: field.to_owned(), source }
    };
    let mut get = |name: &'static str| -> Result<Option<Array>, StudyError> {
        if !found.iter().any(|n| n == name) {
            return Ok(None);
        }
        let bytes = unpack(&mut archive, name).map_err(damaged)?;
        Array::decode(&bytes).map(Some).map_err(wrong(name))
    };
    let absent = |name: &str| StudyError::MissingTensor {
        path: path.to_owned(),
        name: name.to_owned(),
        found: found.clone(),
        mend: "save it under that name",
    };
    let a = get("a")?.ok_or_else(|| absent("a"))?.into_vector().map_err(wrong("a"))?;
    let w = get("w")?.ok_or_else(|| absent("w"))?;
    let (rows, d, w) = w.into_matrix().map_err(wrong("w"))?;
    if rows != a.len() {
        let expected = "(neurons, dimension), with as many rows as `a` has entries";
        return Err(wrong("w")(NpyError::Shape { expected, found: vec![rows, d] }));
    }
    let alpha = get("alpha")?.map(Array::into_number).transpose().map_err(wrong("alpha"))?;
    let beta = get("beta")?.map(Array::into_vector).transpose().map_err(wrong("beta"))?;
    let fields = Fields { second: "a", first: "w", constant: "alpha", linear: "beta" };
    build(path, &fields, || Network::new(d, a, w), alpha, beta)
}

fn unpack(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> ZipResult<Vec<u8>> {
    let file_name = format!("{name}.npy");
    let index = archive.index_for_name(&file_name).or_else(|| archive.index_for_name(name));
    let entry = archive.by_index(index.ok_or(ZipError::FileNotFound)?)?;
    let mut bytes = Vec::new();
    entry.take(LARGEST_ARRAY).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn encode(path: &Path, network: &Network) -> Result<Vec<u8>, StudyError> {
    let (m, d) = (network.neurons(), network.dimension());
    let mut arrays = vec![
        ("a", Array { shape: vec![m], data: network.second_layer().to_vec() }),
        ("w", Array { shape: vec![m, d], data: network.first_layer().to_vec() }),
    ];
    if let Some(skip) = network.skip() {
        arrays.push(("alpha", Array { shape: vec![], data: vec![skip.constant] }));
        arrays.push(("beta", Array { shape: vec![d], data: skip.linear.clone() }));
    }
    pack(&arrays)
        .map_err(|source| StudyError::Encode { path: path.to_owned(), source: Box::new(source) })
}

fn pack(arrays: &[(&str, Array)]) -> ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, array) in arrays {
        let bytes = array.encode();
        let large = u32::try_from(bytes.len()).is_err();
        archive.start_file(format!("{name}.npy"), options.large_file(large))?;
        archive.write_all(&bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}
