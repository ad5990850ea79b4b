//! Findings as files hold them, and as `study --json` prints them.

use crate::measurement::{Level, Measurement};
use crate::reading::Conclusion;
use gradiometer_files::{null_is_nan, nulls_are_nan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a study found, in a form that files hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingsReport {
    /// The study's name.
    pub study: String,
    /// The statement or question that it is about.
    pub statement: String,
    /// What it measures.
    pub about: String,
    /// `quick` or `full`.
    pub size: String,
    /// Of the intervals.
    pub confidence: f64,
    /// What was measured.
    pub measurements: Vec<MeasurementReport>,
    /// What the measurements say.
    pub conclusions: Vec<ConclusionReport>,
    /// How all of it is known.
    pub evidence: String,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LevelReport {
    /// A number.
    Number(f64),
    /// A name.
    Name(String),
    /// None: the quantity is about several values together.
    Several,
}

/// One quantity at one setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasurementReport {
    /// What was chosen.
    pub setting: BTreeMap<String, LevelReport>,
    /// The quantity.
    pub measure: String,
    /// Its mean over the seeds.
    #[serde(deserialize_with = "null_is_nan")]
    pub mean: f64,
    /// The confidence interval.
    #[serde(deserialize_with = "nulls_are_nan")]
    pub interval: Vec<f64>,
    /// How that was found.
    pub band: String,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The value for each seed.
    #[serde(deserialize_with = "nulls_are_nan")]
    pub values: Vec<f64>,
}

/// A claim with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConclusionReport {
    /// What is claimed.
    pub claim: String,
    /// `yes`, `no` or `open`.
    pub answer: String,
    /// The figures that decide it.
    pub figures: String,
    /// All of it as a sentence.
    pub sentence: String,
    /// Whether the claim is wrong on purpose, so that the answer must be no.
    #[serde(default)]
    pub control: bool,
}

impl From<&Level> for LevelReport {
    fn from(level: &Level) -> Self {
        match level {
            Level::Number(x) => Self::Number(*x),
            Level::Name(name) => Self::Name((*name).to_owned()),
            Level::Several => Self::Several,
        }
    }
}

impl From<&Measurement> for MeasurementReport {
    fn from(of: &Measurement) -> Self {
        let (low, high) = of.interval();
        let setting = of.setting.iter();
        Self {
            setting: setting.map(|(name, level)| ((*name).to_owned(), level.into())).collect(),
            measure: of.measure.name.to_owned(),
            mean: of.mean(),
            interval: vec![low, high],
            band: of.measure.band.name().to_owned(),
            seeds: of.values.iter().map(|(seed, _)| *seed).collect(),
            values: of.values.iter().map(|(_, x)| *x).collect(),
        }
    }
}

impl From<&Conclusion> for ConclusionReport {
    fn from(of: &Conclusion) -> Self {
        Self {
            claim: of.claim.clone(),
            answer: of.answer.to_string(),
            figures: of.figures.clone(),
            sentence: of.sentence(),
            control: of.is_control(),
        }
    }
}
