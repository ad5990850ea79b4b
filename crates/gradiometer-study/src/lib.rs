//! Experiments with one command each: the claims of sections 8 and 9, the questions of the paper's
//! review (section 10) and what the literature says of samples (section 11).
//!
//! A study has cases, and measures the same quantities in each over the same seeds; from these it
//! derives others (exponents, thresholds) and answers its claims by their confidence intervals. It
//! has a quick size for tests and a full one. Its tasks, a case at a seed, are independent of each
//! other: a [`Session`] writes down what is done and goes on from there. Nothing in it depends on
//! the clock or the number of threads.

mod abbe2022;
mod abbe2023;
mod agop;
mod alignment;
mod arnaboldi2024;
mod aubin2018;
mod ba2022;
mod ben_arous2021;
mod collapse;
mod committee;
mod comparison;
mod crossing;
mod cui2024;
mod damian2022;
mod damian2024;
mod dandi2023;
mod dandi2024;
mod decay;
mod degenerate;
mod degrees_of_spikes;
mod directions;
pub mod error;
mod exponents;
mod freeze;
mod generative;
mod giant;
mod gradients;
mod information;
mod leap;
mod measurement;
mod moniri2024;
mod one_step;
mod online;
mod order_parameters;
mod phases;
mod plans;
mod plateau;
mod preprocessing;
mod radhakrishnan;
mod reading;
mod regime;
mod report;
mod reuse;
mod ridge;
mod saddles;
mod samples;
mod samples_compared;
mod session;
mod specialisation;
mod spikes;
mod stages;
mod staircase;
mod thresholds;
mod training;
mod width;

use reading::Found;
use session::{Failure, Plan};
use std::ops::ControlFlow;

pub use error::StudyError;
pub use measurement::{Band, Level, Measure, Measurement, Setting};
pub use reading::{Answer, Conclusion};
pub use report::{Compared, ConclusionReport, FindingsReport, LevelReport, MeasurementReport};
pub use session::{Progress, Session};

/// How much a study computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Seconds.
    Quick,
    /// As the statement has it: minutes.
    Full,
}

impl Size {
    /// Its name.
    pub const fn name(self) -> &'static str {
        self.choose("quick", "full")
    }

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
    plan: fn(Size) -> Plan,
    derive: fn(Found<'_>) -> Vec<Measurement>,
    read: fn(Found<'_>) -> Result<Vec<Conclusion>, Failure>,
}

/// A study from its module.
macro_rules! study {
    ($module:ident, $statement:literal, $about:literal) => {
        study!($module as stringify!($module), $statement, $about)
    };
    ($module:ident as $name:expr, $statement:literal, $about:literal) => {
        Study {
            name: $name,
            statement: $statement,
            about: $about,
            plan: $module::plan,
            derive: $module::derive,
            read: $module::read,
        }
    };
}

/// All studies, in the order of their statements.
pub const STUDIES: [Study; 48] = [
    study!(
        exponents,
        "8.1, 8.3, 8.4",
        "exponents of the covering after Stage 1 and of the epochs of Stage 3"
    ),
    study!(width, "8.2", "loss and gap after Stage 2 against the width, with and without Stage 1"),
    study!(
        samples,
        "9.1",
        "median cosine between the first step's neurons and the teacher's span, against n/d^2"
    ),
    study!(
        collapse,
        "9.2",
        "leading singular values of the first step over its norm (their squares add up to one), without and with preprocessing"
    ),
    study!(
        directions,
        "9.3",
        "principal cosines of the first step's leading directions to the teacher's span, for n of order d and d^2"
    ),
    study!(
        information,
        "9.4",
        "samples that the first step needs against d, for teachers of information exponent 1, 2 and 4"
    ),
    study!(
        gradients,
        "9.5",
        "distance of the empirical from the population gradient near the teacher, and its exponent in n"
    ),
    study!(
        preprocessing,
        "10.1",
        "Algorithm 1 and plain gradient descent, with the degrees 0 and 1 removed and kept, against the width"
    ),
    study!(
        stages,
        "10.2",
        "Algorithm 1 with each of its parts left out or replaced, over the same number of steps"
    ),
    study!(
        decay,
        "10.3",
        "shares of the weight decay on the two layers, and lambda held constant down to 0"
    ),
    study!(
        freeze,
        "10.4",
        "final loss and angles with the first layer frozen after Stage 1 and with full training, at equal width"
    ),
    study!(regime, "10.5", "success of Stage 3 against the optimality gap that it starts from"),
    study!(
        degenerate,
        "10.6",
        "every stage for teachers with a regular, a singular and a vanishing H"
    ),
    study!(phases, "10.7", "success of every stage on samples over d and n/d^2"),
    study!(
        one_step as "one-step",
        "11.1.5",
        "error after one step and ridge on targets of degrees 2 and 4, beside the floor of all kernels on the same samples"
    ),
    study!(
        ridge,
        "11.2.4, 11.2.5",
        "error of ridge after a first step of several sizes, beside the Gaussian engine and the best linear predictor"
    ),
    study!(
        giant,
        "11.3.1",
        "shares of the directions in a giant step on samples of order d, beside their predictions"
    ),
    study!(
        staircase,
        "11.3.4",
        "coordinates of the neurons after several giant steps, beside the equations of infinite dimension"
    ),
    study!(
        spikes,
        "11.4.3, 11.4.4",
        "outliers of the features after a step, their degrees, and what ridge learns through them"
    ),
    study!(
        damian2022,
        "11.1.2, 11.1.3, 11.1.5, 11.1.6",
        "one preprocessed step and ridge on samples of order d^2: noise, loss, degrees two and four, transfer"
    ),
    study!(
        ba2022,
        "11.2.1, 11.2.2, 11.2.3, 11.2.4, 11.2.5",
        "the first gradient, the leading singular vector after the step, and ridge's error by the Gaussian engine"
    ),
    study!(
        dandi2023,
        "11.3.1, 11.3.3, 11.3.4",
        "giant steps: one direction at n of order d, degree k at n of order d^k, staircases"
    ),
    study!(
        moniri2024,
        "11.4.2, 11.4.3, 11.4.4",
        "spikes after one large step: their strengths, the features' outliers, what ridge learns of each degree"
    ),
    study!(
        cui2024,
        "11.5.1, 11.5.2, 11.5.4",
        "ridge on spiked random features by the conditional engine and its scalar limit, and after a real step"
    ),
    study!(
        samples_compared as "samples-compared",
        "11.1.3, 11.1.4",
        "loss against n/d^2 of Algorithm 1, one step and ridge, random features, and the floor of all kernels"
    ),
    study!(
        crossing,
        "11.1.5",
        "error against n/d^2 of one step and ridge on degrees two and four, where it passes the floor of all kernels"
    ),
    study!(
        degrees_of_spikes as "degrees-of-spikes",
        "11.4.3",
        "squared cosines of the first two spikes with h_1 and h_2 over the step's size, beside their predictions"
    ),
    study!(
        plans as "plan",
        "11.1.2, 11.1.3, 11.1.5, 11.2.5, 11.3.1, 11.3.4",
        "samples that plan says five targets need, beside what simulations need for the same goals"
    ),
    study!(
        abbe2022,
        "11.6.6, 11.6.7",
        "the flow of a merged staircase beside its leading terms, and descent on the cube beside the flow"
    ),
    study!(
        abbe2023,
        "11.6.5",
        "the wait of online descent at a saddle beside that of the flow with its retraction, from the same starts"
    ),
    study!(
        saddles,
        "11.6.5",
        "overlaps along online descent from saddle to saddle, beside the flow"
    ),
    study!(
        leap,
        "11.6.5",
        "the wait for a direction at the saddle before it, against log d, for three targets of two coordinates"
    ),
    study!(
        ben_arous2021 as "ben-arous2021",
        "11.7.2, 11.7.3, 11.7.4, 11.7.5, 11.7.6",
        "online descent beside its flow, its largest step, its escape times at exponents 2, 3 and 4, and batches"
    ),
    study!(
        online,
        "11.7.4",
        "samples over d until online descent escapes at information exponent 2, beside the constant of d log d"
    ),
    study!(
        damian2024,
        "11.8.6, 11.8.7",
        "samples that a low-degree test needs, and overlaps of the partial trace at generative exponent 4"
    ),
    study!(
        generative,
        "11.8.7",
        "overlaps of spectral estimators at multiples of their thresholds, for generative exponents 2, 3 and 4"
    ),
    study!(
        arnaboldi2024,
        "11.9.2, 11.9.6",
        "escape times and trajectories with a second look at each sample, and the published runs"
    ),
    study!(
        reuse,
        "11.9.3",
        "share of runs that reach the target in d log d samples, with a second look at each sample and without"
    ),
    study!(
        dandi2024,
        "11.9.4, 11.9.5",
        "overlaps after steps on the same batch, beside the closed form and the effective process"
    ),
    study!(
        agop,
        "11.10.3, 11.10.5",
        "alignment of the weights with the root of the average gradient outer product, untrained and along Algorithm 1"
    ),
    study!(
        alignment,
        "11.11.5",
        "alignment of the first step with the tangent kernel, centred in time, and of the weights"
    ),
    study!(
        committee,
        "11.12.6",
        "overlaps of message passing on the committee of two after each iteration, beside state evolution"
    ),
    study!(
        order_parameters as "order-parameters",
        "11.13.4",
        "distance of one-pass descent from its order-parameter equations, against the dimension"
    ),
    study!(
        radhakrishnan,
        "11.10.8, 11.10.9",
        "recursive feature machines beside the published errors of a low-rank target, and the teacher's gradient outer product"
    ),
    study!(
        aubin2018,
        "11.12.6, 11.12.7",
        "message passing on the committee of two beside state evolution, at several dimensions and starts"
    ),
    study!(
        thresholds,
        "11.12.2, 11.12.3, 11.12.4",
        "overlaps of the committee of two against the samples, and its thresholds"
    ),
    study!(
        plateau,
        "11.13.5",
        "loss along the plateau and the specialisation of two students: flow, equations and one-pass descent"
    ),
    study!(
        specialisation,
        "11.13.5, 11.13.6",
        "the loss on the plateau, the time per decade of the start, and the noise floor, beside their closed forms"
    ),
];

/// The study of that name.
pub fn find(name: &str) -> Option<&'static Study> {
    STUDIES.iter().find(|study| study.name == name)
}

impl Study {
    /// The study at its start.
    pub fn session(&self, size: Size) -> Session {
        Session::new(*self, size)
    }

    /// Runs all of it.
    ///
    /// # Errors
    /// [`StudyError::Failed`], a defect.
    pub fn run(&self, size: Size) -> Result<Findings, StudyError> {
        let found = self.session(size).run(None, &mut |_| ControlFlow::Continue(()))?;
        found
            .ok_or_else(|| StudyError::Failed { study: self.name, source: "it was stopped".into() })
    }
}

/// For studies that derive nothing.
const fn nothing_derived(_found: Found<'_>) -> Vec<Measurement> {
    Vec::new()
}

/// A cell of a CSV file.
fn quoted(text: &str) -> String {
    if text.contains([',', '"']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// What a study found.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The study.
    pub study: Study,
    /// Its size.
    pub size: Size,
    /// What it measured, and what follows from that.
    pub measurements: Vec<Measurement>,
    /// What the measurements say.
    pub conclusions: Vec<Conclusion>,
}

impl Findings {
    /// One line a value: `study, setting..., seed, measure, value`; a setting is empty where the
    /// value is about several, and in quotes where it has a comma.
    pub fn csv(&self) -> String {
        let names = self.measurements.first().map_or(&[][..], |first| &first.setting);
        let mut header = vec!["study"];
        header.extend(names.iter().map(|(name, _)| *name));
        header.extend(["seed", "measure", "value"]);
        let mut lines = vec![header.join(",")];
        for found in &self.measurements {
            let mut start = vec![self.study.name.to_owned()];
            start.extend(found.setting.iter().map(|(_, level)| quoted(&level.to_string())));
            for (seed, value) in &found.values {
                let value = [seed.to_string(), found.measure.name.to_owned(), format!("{value:e}")];
                lines.push([&start[..], &value[..]].concat().join(","));
            }
        }
        lines.join("\n") + "\n"
    }

    /// `computed` where nothing varies with the seed, of which there are at least two; else
    /// `sampled`.
    fn evidence(&self) -> &'static str {
        let constant = |found: &Measurement| {
            let (_, first) = found.values[0];
            found.values.len() > 1
                && found.values.iter().all(|(_, x)| x.to_bits() == first.to_bits())
        };
        if self.measurements.iter().all(constant) { "computed" } else { "sampled" }
    }

    /// Everything as its file has it.
    pub fn report(&self) -> FindingsReport {
        FindingsReport {
            study: self.study.name.to_owned(),
            statement: self.study.statement.to_owned(),
            about: self.study.about.to_owned(),
            size: self.size.name().to_owned(),
            confidence: 0.95,
            measurements: self.measurements.iter().map(Into::into).collect(),
            conclusions: self.conclusions.iter().map(Into::into).collect(),
            evidence: self.evidence().to_owned(),
        }
    }

    /// The same as one object.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!(self.report())
    }

    /// What the measurements say, a claim a sentence.
    pub fn reading(&self) -> String {
        self.conclusions.iter().map(Conclusion::sentence).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests;
