//! `sweep.json`: what a sweep's folder knows of its sweep.

use super::csv::COLUMNS;
use super::grid::{Axis, Derived, Grid, Keep};
use gradiometer_files::FilesError;
use gradiometer_files::file::{self, write_atomically};
use gradiometer_files::text_file::{from_json, to_json};
use serde::{Deserialize, Serialize};
use std::path::Path;
use toml::Table;

/// The file's name.
pub(super) const RECORD: &str = "sweep.json";

/// The experiment and the grid, the same in every shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) program: String,
    pub(super) version: String,
    pub(super) points: usize,
    pub(super) keep: Keep,
    pub(super) sweep: Vec<Axis>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) derived: Vec<Derived>,
    /// The grids that this one has grown from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) earlier: Vec<Vec<Axis>>,
    pub(super) experiment: Table,
}

impl Record {
    pub(super) fn new(base: &Table, grid: &Grid, earlier: &[Vec<Axis>]) -> Self {
        Self {
            program: "gradiometer".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            points: grid.points(),
            keep: grid.keep,
            sweep: grid.axes.clone(),
            derived: grid.derived.clone(),
            earlier: earlier.to_vec(),
            experiment: base.clone(),
        }
    }

    /// The record in a folder; `None` if there is none.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, FilesError> {
        let path = folder.join(RECORD);
        if !path.exists() {
            return Ok(None);
        }
        from_json(&path, &file::read(&path)?, "a sweep as `sweep` writes it").map(Some)
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), FilesError> {
        let path = folder.join(RECORD);
        write_atomically(&path, format!("{:#}\n", to_json(&path, self)?).as_bytes())
    }

    /// Whether another one is of the same experiment, its grid aside.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (&self.version, self.keep, &self.derived, &self.experiment)
            == (&other.version, other.keep, &other.derived, &other.experiment)
    }

    /// The columns of the results.
    pub(super) fn header(&self) -> Vec<String> {
        let axes = self.sweep.iter().map(|axis| axis.field.clone());
        let derived = self.derived.iter().map(|derived| derived.field.clone());
        let columns = COLUMNS.iter().map(|&name| name.to_owned());
        ["point".to_owned()].into_iter().chain(axes).chain(derived).chain(columns).collect()
    }
}
