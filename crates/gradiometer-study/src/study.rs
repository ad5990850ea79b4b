//! Experiments with one command each: the claims on finite samples and the questions of the paper's review (sections 9 and 10).
//!
//! A study measures quantities at several settings, each over the same seeds; it has a quick size for tests and a full one. Nothing in
//! it depends on the clock or the number of threads.

mod collapse;
mod freeze;
mod gradients;
mod samples;

use crate::error::StudyError;
use crate::run::number;
use serde_json::{Map, Value, json};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// How much a study computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Seconds.
    Quick,
    /// As the statement has it: minutes.
    Full,
}

impl Size {
    /// One of two values.
    const fn choose<T: Copy>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

/// A study that can be run.
#[derive(Clone, Copy, Debug)]
pub struct Study {
    /// Its name on the command line.
    pub name: &'static str,
    /// The statement or question that it is about.
    pub statement: &'static str,
    /// What it measures, in a sentence.
    pub about: &'static str,
    run: fn(Size) -> Outcome,
}

/// What a study returns; its errors are all defects, since its instances are its own.
type Outcome = Result<Vec<Measurement>, Box<dyn std::error::Error + Send + Sync>>;

/// All studies.
pub const STUDIES: [Study; 4] = [
    Study {
        name: "samples",
        statement: "9.1",
        about: "median cosine between the first step's neurons and the teacher's span, against n/d^2",
        run: samples::run,
    },
    Study {
        name: "collapse",
        statement: "9.2",
        about: "shares of the first step's leading singular values in its norm, without and with preprocessing",
        run: collapse::run,
    },
    Study {
        name: "gradients",
        statement: "9.5",
        about: "distance of the empirical from the population gradient near the teacher, and its exponent in n",
        run: gradients::run,
    },
    Study {
        name: "freeze",
        statement: "10.4",
        about: "final loss and angles with the first layer frozen after Stage 1 and with full training, at equal width",
        run: freeze::run,
    },
];

/// The study of that name.
pub fn find(name: &str) -> Option<&'static Study> {
    STUDIES.iter().find(|study| study.name == name)
}

impl Study {
    /// Runs it.
    ///
    /// # Errors
    /// [`StudyError::Study`], a defect.
    pub fn run(&self, size: Size) -> Result<Findings, StudyError> {
        let measurements =
            (self.run)(size).map_err(|source| StudyError::Study { study: self.name, source })?;
        Ok(Findings { study: *self, size, measurements })
    }
}

/// One quantity at one setting, over the seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Names and values of what was chosen; the same names throughout a study.
    pub setting: Vec<(&'static str, f64)>,
    /// The quantity's name.
    pub quantity: &'static str,
    /// Its value for each seed.
    pub values: Vec<(u64, f64)>,
}

impl Measurement {
    /// The mean over the seeds.
    pub fn mean(&self) -> f64 {
        self.values.iter().map(|(_, x)| x).sum::<f64>() / self.values.len() as f64
    }

    /// Half the width of the 95 % confidence interval of the mean, by Student's distribution; NaN for fewer than two seeds.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_study::study::Measurement;
    /// // Mean 2, standard error 1, one degree of freedom: the quantile is tan(0.475 pi).
    /// let found = Measurement { setting: vec![], quantity: "x", values: vec![(0, 1.0), (1, 3.0)] };
    /// let expected = (0.475 * std::f64::consts::PI).tan();
    /// // The quantile is found by a search.
    /// assert!((found.half_width() / expected - 1.0).abs() < f64::EPSILON.cbrt());
    /// ```
    pub fn half_width(&self) -> f64 {
        let freedom = self.values.len() as f64 - 1.0;
        let mean = self.mean();
        let square: f64 = self.values.iter().map(|(_, x)| (x - mean) * (x - mean)).sum();
        let error = (square / freedom / (freedom + 1.0)).sqrt();
        StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |t| t.inverse_cdf(0.975) * error)
    }
}

/// What a study found.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The study.
    pub study: Study,
    /// Its size.
    pub size: Size,
    /// What it measured.
    pub measurements: Vec<Measurement>,
}

impl Findings {
    /// One line a value: `setting..., quantity, seed, value`.
    pub fn csv(&self) -> String {
        let names = self.measurements.first().map_or(&[][..], |first| &first.setting);
        let mut header: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        header.extend(["quantity", "seed", "value"]);
        let mut lines = vec![header.join(",")];
        for found in &self.measurements {
            let setting: Vec<String> = found.setting.iter().map(|(_, x)| x.to_string()).collect();
            for (seed, value) in &found.values {
                let value = [found.quantity.to_owned(), seed.to_string(), format!("{value:e}")];
                lines.push([&setting[..], &value[..]].concat().join(","));
            }
        }
        lines.join("\n") + "\n"
    }

    /// Everything as one object.
    pub fn json(&self) -> Value {
        let measurement = |found: &Measurement| {
            let setting: Map<String, Value> =
                found.setting.iter().map(|(name, x)| ((*name).to_owned(), number(*x))).collect();
            json!({
                "setting": setting,
                "quantity": found.quantity,
                "mean": number(found.mean()),
                "half_width": number(found.half_width()),
                "seeds": found.values.iter().map(|(seed, _)| seed).collect::<Vec<_>>(),
                "values": found.values.iter().map(|(_, x)| number(*x)).collect::<Vec<_>>(),
            })
        };
        json!({
            "study": self.study.name,
            "statement": self.study.statement,
            "about": self.study.about,
            "size": if self.size == Size::Quick { "quick" } else { "full" },
            "confidence": 0.95,
            "measurements": self.measurements.iter().map(measurement).collect::<Vec<_>>(),
            "evidence": "sampled",
        })
    }
}

#[cfg(test)]
mod tests;
