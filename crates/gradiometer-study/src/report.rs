//! Findings as files hold them, and as `study --json` prints them.

use crate::comparison::{Form, deviation};
use crate::measurement::{Level, Measurement};
use crate::reading::Conclusion;
use gradiometer_files::{null_is_nan, nulls_are_nan};
use gradiometer_mechanisms::Outcome;
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

/// A quantity of an asymptotic statement at one size: what was measured beside what was predicted.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The statement.
    pub statement: String,
    /// The quantity.
    pub quantity: String,
    /// Whether it is something wrong, which must not agree.
    pub is_control: bool,
    /// The dimension, or what stands for it.
    pub d: f64,
    /// The mean over the seeds.
    pub measured: f64,
    /// Standard error of the difference to the prediction.
    pub error: f64,
    /// The mean prediction.
    pub predicted: f64,
    /// What the finite size may add to the difference.
    pub allowed: f64,
}

impl Compared {
    /// `(measured - predicted)/(4 errors + allowed)`: at most 1 in modulus where both agree; 0 where both are the same.
    pub fn deviation(&self) -> f64 {
        deviation(self.measured - self.predicted, self.error, self.allowed)
    }
}

impl FindingsReport {
    /// The rows of a study of comparisons; none for other studies. Quantities without a prediction are left out.
    pub fn compared(&self) -> Vec<Compared> {
        let of = |measure: &str, like: &MeasurementReport| {
            self.measurements.iter().find(|m| m.measure == measure && m.setting == like.setting)
        };
        let row = |measured: &MeasurementReport| {
            let (predicted, allowed) = (of("predicted", measured)?, of("allowed", measured)?);
            let pairs = measured.values.iter().zip(&predicted.values);
            let differences: Vec<f64> = pairs.map(|(x, y)| x - y).collect();
            let name = |level: &str| match measured.setting.get(level) {
                Some(LevelReport::Name(name)) => name.clone(),
                _ => String::new(),
            };
            let d = match measured.setting.get("d") {
                Some(LevelReport::Number(d)) => *d,
                _ => f64::NAN,
            };
            predicted.mean.is_finite().then(|| Compared {
                statement: name("statement"),
                quantity: name("quantity"),
                is_control: name("form") == Form::Control.name(),
                d,
                measured: measured.mean,
                error: Outcome::of_samples(0.0, &differences).error,
                predicted: predicted.mean,
                allowed: allowed.mean,
            })
        };
        self.measurements.iter().filter(|m| m.measure == "measured").filter_map(row).collect()
    }
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
