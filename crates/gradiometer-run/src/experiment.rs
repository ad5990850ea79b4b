//! Experiments in TOML: a teacher, a student, expectations or samples, the stages of Algorithm 1,
//! what to record.

mod sections;

pub use sections::{
    ActivationName, LabelFitName, Method, OptimizerName, Part, PrecisionName, RecordSection,
    SamplesSection, SignsField, SignsName, Stage1Section, Stage2Section, Stage3Section, Start,
    StudentSection, TeacherSection, WatchSection,
};

use crate::error::RunError;
use gradiometer_files::{file, text_file};
use gradiometer_hermite::named::Named;
use gradiometer_population::WeightDecay;
use gradiometer_train::{Algorithm, Floors, Solver, Stage1, Stage2};
use serde::{Deserialize, Serialize};
use std::path::Path;
use toml::Table;

/// An experiment as it stands in a TOML file; whatever is left out has its default.
///
/// # Examples
/// ```
/// use gradiometer_run::experiment::Experiment;
/// let text = "seed = 3\n[teacher]\ndimension = 10\nrank = 2\nneurons = 3\n[student]\nneurons = 40\n";
/// let experiment = Experiment::parse("tiny.toml".as_ref(), text.as_bytes()).unwrap();
/// assert_eq!((experiment.seed, experiment.student.neurons), (3, 40));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Start of every random stream.
    #[serde(default)]
    pub seed: u64,
    /// Parts of Algorithm 1 to leave out.
    #[serde(default)]
    pub skip: Vec<Part>,
    /// The activation of teacher and student; the step has no objective on samples.
    #[serde(default)]
    pub activation: ActivationName,
    /// What the steps are computed in; records are in doubles.
    #[serde(default)]
    pub precision: PrecisionName,
    /// The teacher.
    pub teacher: TeacherSection,
    /// The samples; without them the exact expectations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<SamplesSection>,
    /// The student's start.
    #[serde(default)]
    pub student: StudentSection,
    /// Stage 1.
    #[serde(default)]
    pub stage1: Stage1Section,
    /// Stage 2.
    #[serde(default)]
    pub stage2: Stage2Section,
    /// Stage 3.
    #[serde(default)]
    pub stage3: Stage3Section,
    /// What to record.
    #[serde(default)]
    pub record: RecordSection,
    /// Statements to watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<WatchSection>,
}

/// What stands in an experiment's file.
const FORM: &str = "an experiment: [teacher] with file or dimension and neurons, and optionally seed, skip, activation, precision, \
                    [samples], [student], [stage1], [stage2], [stage3], [record], [watch]";

/// Most numbers that the first layer of a random teacher or student may have: 8 GiB.
const LARGEST_LAYER: usize = 1 << 30;

/// Refuses a first layer that no memory holds.
pub(crate) fn fits(field: &str, neurons: usize, dimension: usize) -> Result<(), RunError> {
    if neurons.checked_mul(dimension).is_some_and(|n| n <= LARGEST_LAYER) {
        return Ok(());
    }
    Err(wrong(
        field,
        format!(
            "is {neurons}; times the dimension {dimension} that exceeds {LARGEST_LAYER} numbers, give less"
        ),
    ))
}

fn wrong(field: &str, problem: impl Into<String>) -> RunError {
    RunError::Field { field: field.to_owned(), problem: problem.into() }
}

impl Experiment {
    /// The experiment with all defaults, on a random teacher of those sizes.
    pub fn new(dimension: usize, neurons: usize) -> Self {
        Self {
            seed: 0,
            skip: Vec::new(),
            activation: ActivationName::default(),
            precision: PrecisionName::default(),
            teacher: TeacherSection {
                dimension: Some(dimension),
                neurons: Some(neurons),
                ..TeacherSection::default()
            },
            samples: None,
            student: StudentSection::default(),
            stage1: Stage1Section::default(),
            stage2: Stage2Section::default(),
            stage3: Stage3Section::default(),
            record: RecordSection::default(),
            watch: None,
        }
    }

    /// Reads an experiment.
    ///
    /// # Errors
    /// [`RunError`] that names the file, the line, the field and the mend.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let bytes = file::read(path)?;
        Self::parse(path, &bytes)
    }

    /// Reads an experiment from its text; the path is for the messages.
    ///
    /// # Errors
    /// [`RunError`] that names the file, the line, the field and the mend.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, RunError> {
        let experiment: Self = text_file::from_toml(path, text, FORM)?;
        experiment.check().map_err(|error| error.of(path))?;
        Ok(experiment)
    }

    /// The experiment that a table holds.
    ///
    /// # Errors
    /// [`RunError`] that names the field and the mend.
    pub fn from_table(table: Table) -> Result<Self, RunError> {
        let experiment: Self = table
            .try_into()
            .map_err(|source| RunError::Toml { source: Box::new(source), expected: FORM })?;
        experiment.check()?;
        Ok(experiment)
    }

    /// Checks what no type excludes; [`Self::read`] and its like have done so.
    ///
    /// # Errors
    /// [`RunError`] that names the field and the mend.
    pub fn check(&self) -> Result<(), RunError> {
        let field = |field: &str, problem: String| Err(wrong(field, problem));
        let t = &self.teacher;
        let random = TeacherSection { file: None, ..t.clone() } != TeacherSection::default();
        match (&t.file, t.dimension, t.neurons) {
            (Some(_), ..) if random => {
                return field(
                    "teacher",
                    "give either file, or the sizes of a random teacher".to_owned(),
                );
            }
            (None, Some(0), _) => {
                return field("teacher.dimension", "is 0; give at least 1".to_owned());
            }
            (None, _, Some(0)) => {
                return field("teacher.neurons", "is 0; give at least 1".to_owned());
            }
            (None, None, _) => {
                return field(
                    "teacher.dimension",
                    "is missing; give it, or teacher.file".to_owned(),
                );
            }
            (None, _, None) => {
                return field("teacher.neurons", "is missing; give it, or teacher.file".to_owned());
            }
            (None, Some(d), Some(m)) => fits("teacher.neurons", m, d)?,
            (Some(_), ..) => {}
        }
        if let Some(SignsField::Given(signs)) = &t.signs
            && let Some(bad) = signs.iter().find(|s| ![1, -1].contains(*s))
        {
            return field("teacher.signs", format!("holds {bad}; give 1 or -1 for each neuron"));
        }
        if self.student.file.is_none() && self.student.neurons == 0 {
            return field("student.neurons", "is 0; give at least 1".to_owned());
        }
        if let Some(samples) = &self.samples {
            if self.activation.0 == Named::Step {
                return field(
                    "activation",
                    "jumps, which samples do not see; give another one, or leave [samples] out"
                        .to_owned(),
                );
            }
            if let Some((name, problem)) = samples.conflict() {
                return field(name, problem.to_owned());
            }
        }
        if let Some((name, problem)) = self.bias_mistake() {
            return field(name, problem.to_owned());
        }
        let exact = self.is_exact_relu();
        let flow = self.stage3.optimizer == OptimizerName::Flow;
        if self.precision == PrecisionName::Single && (!exact || flow) {
            return field(
                "precision",
                "is single, which the exact ReLU objective without biases under descent alone has; leave it, or [samples], activation, student.biases and the flow, out"
                    .to_owned(),
            );
        }
        if let Some((name, problem)) = self.stage3_mistake().or_else(|| self.watch_mistake()) {
            return field(name, problem);
        }
        if self.record.every == 0 {
            return field("record.every", "is 0; give at least 1".to_owned());
        }
        if let Some(bad) = self.record.angles.iter().find(|a| !(**a >= 0.0)) {
            return field(
                "record.angles",
                format!("holds {bad}; angles are at least 0, in radians"),
            );
        }
        let angles = &self.record.angles;
        if let Some(twice) = (1..angles.len()).find(|&i| angles[..i].contains(&angles[i])) {
            return field("record.angles", format!("holds {} twice; once will do", angles[twice]));
        }
        Ok(self.algorithm().validate()?)
    }

    /// Whether the objective is the one in closed form, with its Hessian.
    fn is_exact_relu(&self) -> bool {
        self.samples.is_none() && self.activation == ActivationName::RELU && !self.student.biases
    }

    /// What is wrong with the biases.
    fn bias_mistake(&self) -> Option<(&'static str, &'static str)> {
        if self.student.biases && self.activation != ActivationName::RELU {
            return Some((
                "student.biases",
                "are of ReLU networks alone; leave them, or activation, out",
            ));
        }
        let scale = self.teacher.bias_scale?;
        if !(scale >= 0.0 && scale.is_finite()) {
            return Some((
                "teacher.bias_scale",
                "is no standard deviation; give a number from 0 on",
            ));
        }
        (!self.student.biases && scale > 0.0).then_some((
            "teacher.bias_scale",
            "needs a student with biases; add student.biases = true, or leave it out",
        ))
    }

    /// What is wrong with Stage 3 beside the numbers: the field and the mend.
    fn stage3_mistake(&self) -> Option<(&'static str, String)> {
        let say = |name, problem: &str| Some((name, problem.to_owned()));
        if let Some(name) = self.stage3.idle_field() {
            return say(
                name,
                "is no part of that optimizer; leave it out, or choose another stage3.optimizer",
            );
        }
        if self.stage3.floor != Floors::None && !self.is_exact_relu() {
            return say(
                "stage3.floor",
                "needs the exact Hessian of ReLU networks without biases; leave it, or [samples], activation and student.biases, out",
            );
        }
        let batches = self.samples.as_ref().is_some_and(|s| s.batch.is_some() || s.fresh);
        if self.stage3.optimizer == OptimizerName::Flow && batches {
            return say(
                "stage3.optimizer",
                "the flow is that of one objective; leave samples.batch and samples.fresh out",
            );
        }
        None
    }

    /// What is wrong with what is watched.
    fn watch_mistake(&self) -> Option<(&'static str, String)> {
        let watch = self.watch.as_ref()?;
        let skipped = |part| self.skip.contains(&part);
        let equal = WeightDecay::equal(1.0) == self.stage3.stage3().shares;
        let problem = if skipped(Part::Stage3) {
            "looks at Stage 3; leave it out of skip"
        } else if skipped(Part::Preprocessing)
            || self.activation != ActivationName::RELU
            || self.student.biases
        {
            "the statements are about ReLU networks without biases after preprocessing; leave skip, activation and student.biases, or [watch], out"
        } else if !equal || !(self.stage3.lambda > 0.0) {
            "the statements need a positive lambda, equal on both layers; leave the shares of stage3 at 1, or [watch] out"
        } else {
            return watch.mistake();
        };
        Some(("watch", problem.to_owned()))
    }

    /// The stages with their parameters.
    pub fn algorithm(&self) -> Algorithm {
        let kept = |part| !self.skip.contains(&part);
        let solver = match self.stage2.method {
            Method::Ridge => {
                Solver::Ridge { tolerance: self.stage2.tolerance, steps: self.stage2.steps }
            }
            Method::GradientDescent => Solver::GradientDescent {
                step_size: self.stage2.step_size,
                steps: self.stage2.steps,
            },
        };
        Algorithm {
            stage1: kept(Part::Stage1).then_some(Stage1 { step_size: self.stage1.step_size }),
            stage2: kept(Part::Stage2).then_some(Stage2 { lambda: self.stage2.lambda, solver }),
            balance: kept(Part::Balance),
            stage3: kept(Part::Stage3).then(|| self.stage3.stage3()),
        }
    }
}

#[cfg(test)]
mod tests;
