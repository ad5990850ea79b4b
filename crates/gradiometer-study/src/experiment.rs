//! Experiments in TOML: a teacher, a student, expectations or samples, the stages of Algorithm 1, what to record.

use crate::error::StudyError;
use crate::network_file::{TensorNames, read_network, read_teacher};
use crate::npz_file::read_samples;
use crate::{file, text_file};
use gradiometer_hermite::Activation;
use gradiometer_model::generate::{Signs, TeacherRequest, gaussian_student, symmetric_start};
use gradiometer_model::{ModelError, Network, SeparatedTeacher, Teacher};
use gradiometer_population::{
    ActivationPopulation, Batches, Empirical, FromDegree, Objective, Population, PopulationError,
    SampleRequest, WeightDecay,
};
use gradiometer_train::{Algorithm, DEFAULT_ANGLES, Optimizer, Solver, Stage1, Stage2, Stage3};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// An experiment as it stands in a TOML file; whatever is left out has its default.
///
/// # Examples
/// ```
/// use gradiometer_study::experiment::Experiment;
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
    /// The activation of teacher and student.
    #[serde(default)]
    pub activation: ActivationName,
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
}

/// A part of Algorithm 1 that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The removal of the degrees 0 and 1.
    Preprocessing,
    /// The large step on the first layer.
    Stage1,
    /// The fit of the second layer.
    Stage2,
    /// Norm balancing.
    Balance,
    /// Descent on both layers.
    Stage3,
}

/// An activation by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActivationName {
    /// `max(z, 0)`.
    #[default]
    Relu,
    /// `|z|`.
    Absolute,
    /// `1{z > 0}`.
    Step,
    /// `erf(z/sqrt 2)`.
    Erf,
}

impl ActivationName {
    const fn activation(self) -> Activation {
        match self {
            Self::Relu => Activation::Relu,
            Self::Absolute => Activation::Absolute,
            Self::Step => Activation::Step,
            Self::Erf => Activation::Erf,
        }
    }
}

/// `[samples]`: either `count` Gaussian ones, or `file`.
///
/// Stage 1 and the ridge fit average over all of them. A step of gradient descent averages over all, over `batch` of them in a seeded order, or
/// with `fresh` over new ones, and takes the same batch `reuse` times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplesSection {
    /// A `.npz` file with `x` and `y`, relative to the experiment's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Number of samples `n`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Standard deviation of the noise on the labels.
    pub noise: f64,
    /// Samples in a batch; default all, and with `fresh` as many as `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// Whether every batch is new.
    pub fresh: bool,
    /// Steps on one batch.
    pub reuse: u64,
}

impl Default for SamplesSection {
    fn default() -> Self {
        Self { file: None, count: None, noise: 0.0, batch: None, fresh: false, reuse: 1 }
    }
}

impl SamplesSection {
    /// What is wrong with a combination of fields: the field and the mend.
    fn conflict(&self) -> Option<(&'static str, &'static str)> {
        let whole = self.batch.is_none() && !self.fresh;
        match (&self.file, self.count) {
            (None, None) => Some(("samples.count", "is missing; give it, or samples.file")),
            (Some(_), Some(_)) => {
                Some(("samples.count", "is that of the file; leave it or samples.file out"))
            }
            (Some(_), _) if self.noise.abs() > 0.0 => Some((
                "samples.noise",
                "the labels of samples.file are as they are; leave it or the file out",
            )),
            (Some(_), _) if self.fresh => Some((
                "samples.fresh",
                "samples.file has no new samples; leave it out, or give samples.count for the file",
            )),
            _ if whole && self.reuse != 1 => Some((
                "samples.reuse",
                "is about batches; give samples.batch or samples.fresh, or leave it out",
            )),
            _ => None,
        }
    }

    fn batches(&self) -> Batches {
        let reuse = self.reuse;
        match (self.batch.or(self.count), self.fresh) {
            (Some(size), true) => Batches::Fresh { size, reuse },
            _ => self.batch.map_or(Batches::Full, |size| Batches::Shuffled { size, reuse }),
        }
    }
}

/// `[teacher]`: either `file`, or the sizes of a random one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherSection {
    /// A network file, relative to the experiment's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Input dimension `d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
    /// Rank `r`; by default the smaller of dimension and neurons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// Number of neurons `m*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neurons: Option<usize>,
    /// Lower bound of the separation, radians; default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separation: Option<f64>,
    /// Lower bound of the smallest modulus of the eigenvalues of `H`; default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest_eigenvalue: Option<f64>,
    /// `"positive"`, `"mixed"` (the default), or a list of 1 and -1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signs: Option<SignsField>,
    /// Least and greatest modulus of the amplitudes; default `[1.0, 1.0]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amplitudes: Option<(f64, f64)>,
}

/// Signs of a random teacher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "\"positive\", \"mixed\" or a list of 1 and -1")]
pub enum SignsField {
    /// `"positive"` or `"mixed"`.
    Named(SignsName),
    /// 1 or -1 for each neuron.
    Given(Vec<i8>),
}

/// A named pattern of signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignsName {
    /// All positive.
    Positive,
    /// Random, both present.
    Mixed,
}

/// How a student starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// The symmetric start of Algorithm 1: unit neurons, `f = 0`.
    #[default]
    Symmetric,
    /// Independent Gaussian entries.
    Gaussian,
}

/// `[student]`: either `file`, or the sizes of a random start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StudentSection {
    /// A network file, relative to the experiment's folder; the other fields are then without meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Number of neurons `m`, even for the symmetric start.
    pub neurons: usize,
    /// How it starts.
    pub start: Start,
    /// For a symmetric start `|a_j|`, default `1/sqrt(m)`; for a Gaussian one `s` in `a_j ~ N(0, s^2/m)`, default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_layer_scale: Option<f64>,
    /// For a Gaussian start `s` in `w_j ~ N(0, s^2 I/d)`; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_layer_scale: Option<f64>,
}

impl Default for StudentSection {
    fn default() -> Self {
        Self {
            file: None,
            neurons: 200,
            start: Start::Symmetric,
            second_layer_scale: None,
            first_layer_scale: None,
        }
    }
}

/// `[stage1]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stage1Section {
    /// `eta_0 = 1/lambda_0`.
    pub step_size: f64,
}

impl Default for Stage1Section {
    fn default() -> Self {
        Self { step_size: Stage1::default().step_size }
    }
}

/// How Stage 2 minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The ridge solution.
    #[default]
    Ridge,
    /// Gradient descent.
    GradientDescent,
}

/// `[stage2]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stage2Section {
    /// `lambda_1`.
    pub lambda: f64,
    /// `"ridge"` or `"gradient-descent"`.
    pub method: Method,
    /// Factor by which the ridge solver lowers its residual.
    pub tolerance: f64,
    /// Most iterations of the ridge solver, or steps of gradient descent.
    pub steps: u64,
    /// Step size of gradient descent.
    pub step_size: f64,
}

impl Default for Stage2Section {
    fn default() -> Self {
        Self { lambda: 1e-2, method: Method::Ridge, tolerance: 1e-10, steps: 1000, step_size: 0.1 }
    }
}

/// `[stage3]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stage3Section {
    /// `eta`.
    pub step_size: f64,
    /// `lambda` of the first epoch.
    pub lambda: f64,
    /// Factor from one epoch's `lambda` to the next.
    pub decay: f64,
    /// Number of epochs.
    pub epochs: u64,
    /// Most steps in an epoch.
    pub steps: u64,
    /// An epoch ends once the gradient's norm is at most this times `lambda^2`; 0 never ends it early.
    pub gradient_factor: f64,
    /// `"gradient-descent"`, `"momentum"` or `"adam"`.
    pub optimizer: OptimizerName,
    /// Share of the past, for momentum and Adam; default 0.9.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// Share of the past in Adam's mean of squares; default 0.999.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_momentum: Option<f64>,
    /// Adam's `epsilon`; default 1e-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// Weight decay of `a` in units of `lambda`.
    pub second_layer_share: f64,
    /// Weight decay of `W` in units of `lambda`.
    pub first_layer_share: f64,
    /// Whether `W` stays as Stage 1 left it.
    pub freeze_first_layer: bool,
}

/// An optimiser by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerName {
    /// The paper's.
    #[default]
    GradientDescent,
    /// Heavy ball.
    Momentum,
    /// Adam.
    Adam,
}

impl Default for Stage3Section {
    fn default() -> Self {
        let stage3 = Stage3::default();
        Self {
            step_size: stage3.step_size,
            lambda: stage3.lambda,
            decay: stage3.decay,
            epochs: stage3.epochs,
            steps: stage3.steps,
            gradient_factor: stage3.gradient_factor,
            optimizer: OptimizerName::GradientDescent,
            momentum: None,
            second_momentum: None,
            epsilon: None,
            second_layer_share: stage3.shares.second_layer,
            first_layer_share: stage3.shares.first_layer,
            freeze_first_layer: stage3.freeze_first_layer,
        }
    }
}

impl Stage3Section {
    /// A field that the optimiser does not have.
    fn idle_field(&self) -> Option<&'static str> {
        let adam = self.optimizer == OptimizerName::Adam;
        let plain = self.optimizer == OptimizerName::GradientDescent;
        match (self.momentum, self.second_momentum, self.epsilon) {
            (Some(_), ..) if plain => Some("stage3.momentum"),
            (_, Some(_), _) if !adam => Some("stage3.second_momentum"),
            (.., Some(_)) if !adam => Some("stage3.epsilon"),
            _ => None,
        }
    }

    fn stage3(&self) -> Stage3 {
        let momentum = self.momentum.unwrap_or(0.9);
        Stage3 {
            step_size: self.step_size,
            lambda: self.lambda,
            decay: self.decay,
            epochs: self.epochs,
            steps: self.steps,
            gradient_factor: self.gradient_factor,
            optimizer: match self.optimizer {
                OptimizerName::GradientDescent => Optimizer::GradientDescent,
                OptimizerName::Momentum => Optimizer::Momentum { momentum },
                OptimizerName::Adam => Optimizer::Adam {
                    momentum,
                    second_momentum: self.second_momentum.unwrap_or(0.999),
                    epsilon: self.epsilon.unwrap_or(1e-8),
                },
            },
            shares: WeightDecay {
                second_layer: self.second_layer_share,
                first_layer: self.first_layer_share,
            },
            freeze_first_layer: self.freeze_first_layer,
            ..Stage3::default()
        }
    }
}

/// `[record]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordSection {
    /// A record every so many steps, besides those at the ends of stages and epochs.
    pub every: u64,
    /// Angles, radians, beyond which to record the student's mass.
    pub angles: Vec<f64>,
}

impl Default for RecordSection {
    fn default() -> Self {
        Self { every: 500, angles: DEFAULT_ANGLES.to_vec() }
    }
}

/// Most numbers that the first layer of a random teacher or student may have: 8 GiB.
const LARGEST_LAYER: usize = 1 << 30;

/// Refuses a first layer that no memory holds.
fn fits(path: &Path, field: &str, neurons: usize, dimension: usize) -> Result<(), StudyError> {
    if neurons.checked_mul(dimension).is_some_and(|n| n <= LARGEST_LAYER) {
        return Ok(());
    }
    Err(StudyError::Experiment {
        path: path.to_owned(),
        field: field.to_owned(),
        problem: format!(
            "is {neurons}; times the dimension {dimension} that exceeds {LARGEST_LAYER} numbers, give less"
        ),
    })
}

impl Experiment {
    /// Reads an experiment.
    ///
    /// # Errors
    /// [`StudyError`] that names the file, the line, the field and the mend.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        let bytes = file::read(path)?;
        Self::parse(path, &bytes)
    }

    /// Reads an experiment from its text; the path is for the messages.
    ///
    /// # Errors
    /// [`StudyError`] that names the file, the line, the field and the mend.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, StudyError> {
        let experiment: Self = text_file::from_toml(
            path,
            text,
            "an experiment: [teacher] with file or dimension and neurons, and optionally seed, skip, activation, \
             [samples], [student], [stage1], [stage2], [stage3], [record]",
        )?;
        experiment.check(path)?;
        Ok(experiment)
    }

    fn check(&self, path: &Path) -> Result<(), StudyError> {
        let field = |field: &str, problem: String| {
            Err(StudyError::Experiment { path: path.to_owned(), field: field.to_owned(), problem })
        };
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
            (None, Some(d), Some(m)) => fits(path, "teacher.neurons", m, d)?,
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
            if self.activation != ActivationName::Relu {
                return field(
                    "activation",
                    "must be \"relu\" on samples; leave it or [samples] out".to_owned(),
                );
            }
            if let Some((name, problem)) = samples.conflict() {
                return field(name, problem.to_owned());
            }
        }
        if let Some(name) = self.stage3.idle_field() {
            return field(
                name,
                "is no part of that optimizer; leave it out, or choose another stage3.optimizer"
                    .to_owned(),
            );
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
        self.algorithm()
            .validate()
            .map_err(|source| StudyError::Train { path: path.to_owned(), source })
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

    /// The teacher, read or generated; files are relative to the experiment's folder.
    ///
    /// # Errors
    /// [`StudyError`] for a bad file, an impossible request, or a teacher with two parallel neurons.
    pub fn teacher(&self, path: &Path) -> Result<SeparatedTeacher, StudyError> {
        let section = &self.teacher;
        if let Some(name) = &section.file {
            let name = beside(path, name);
            let teacher = read_teacher(&name, &TensorNames::default())?;
            return teacher.separated().map_err(|source| StudyError::Model {
                path: name,
                field: "w".to_owned(),
                source,
            });
        }
        let (dimension, neurons) = (section.dimension.unwrap_or(0), section.neurons.unwrap_or(0));
        let rank = section.rank.unwrap_or(dimension.min(neurons));
        let request = TeacherRequest {
            separation: section.separation.unwrap_or(0.0),
            smallest_eigenvalue: section.smallest_eigenvalue.unwrap_or(0.0),
            signs: match &section.signs {
                None | Some(SignsField::Named(SignsName::Mixed)) => Signs::Mixed,
                Some(SignsField::Named(SignsName::Positive)) => Signs::Positive,
                Some(SignsField::Given(signs)) => {
                    Signs::Given(signs.iter().map(|s| *s > 0).collect())
                }
            },
            amplitudes: section.amplitudes.unwrap_or((1.0, 1.0)),
            ..TeacherRequest::new(dimension, rank, neurons, self.seed)
        };
        request.generate().map_err(|source| model_error(path, "teacher", source))
    }

    /// The exact objective: what a run is measured by, and without samples what it descends.
    ///
    /// # Errors
    /// [`StudyError::Objective`] if the activation has none.
    pub fn population(
        &self,
        path: &Path,
        teacher: &Teacher,
    ) -> Result<Box<dyn Objective>, StudyError> {
        let teacher = teacher.clone();
        if self.activation == ActivationName::Relu {
            return Ok(Box::new(Population::new(teacher).from_degree(self.lowest_degree())));
        }
        let population = ActivationPopulation::new(teacher, self.activation.activation())
            .map_err(objective_error(path, "activation"))?;
        Ok(Box::new(population.from_degree(self.lowest_degree())))
    }

    /// The objective that a run descends.
    ///
    /// # Errors
    /// [`StudyError`] for a bad file of samples, or samples that cannot be had.
    pub fn objective(
        &self,
        path: &Path,
        teacher: &Teacher,
    ) -> Result<Box<dyn Objective>, StudyError> {
        let Some(section) = &self.samples else { return self.population(path, teacher) };
        let request = SampleRequest {
            count: section.count.unwrap_or(0),
            noise: section.noise,
            seed: self.seed.wrapping_add(2),
            from_degree: self.lowest_degree(),
            batches: section.batches(),
        };
        let teacher = teacher.clone();
        let objective = match &section.file {
            None => Empirical::drawn(teacher, &request),
            Some(name) => {
                let samples = read_samples(&beside(path, name))?;
                Empirical::given(teacher, &samples.inputs, &samples.labels, &request)
            }
        };
        Ok(Box::new(objective.map_err(objective_error(path, "samples"))?))
    }

    fn lowest_degree(&self) -> FromDegree {
        if self.skip.contains(&Part::Preprocessing) { FromDegree::Zero } else { FromDegree::Two }
    }

    /// The student's start, read or generated from the stream after the teacher's.
    ///
    /// # Errors
    /// [`StudyError`] for a bad file or sizes.
    pub fn student(&self, path: &Path, dimension: usize) -> Result<Network, StudyError> {
        let section = &self.student;
        if let Some(name) = &section.file {
            let name = beside(path, name);
            let student = read_network(&name, &TensorNames::default())?;
            if student.dimension() == dimension {
                return Ok(student);
            }
            let source =
                ModelError::DimensionMismatch { teacher: dimension, student: student.dimension() };
            return Err(StudyError::Model { path: name, field: "w".to_owned(), source });
        }
        let m = section.neurons;
        let scale = section.second_layer_scale;
        let seed = self.seed.wrapping_add(1);
        fits(path, "student.neurons", m, dimension)?;
        let student = match section.start {
            Start::Symmetric => {
                symmetric_start(dimension, m, scale.unwrap_or(1.0 / (m as f64).sqrt()), seed)
            }
            Start::Gaussian => {
                let first = section.first_layer_scale.unwrap_or(1.0);
                gaussian_student(dimension, m, first, scale.unwrap_or(1.0), seed)
            }
        };
        student.map_err(|source| model_error(path, "student", source))
    }
}

fn model_error(path: &Path, field: &str, source: ModelError) -> StudyError {
    StudyError::Model { path: path.to_owned(), field: field.to_owned(), source }
}

fn objective_error(path: &Path, field: &'static str) -> impl FnOnce(PopulationError) -> StudyError {
    let path = path.to_owned();
    move |source| StudyError::Objective { path, field, source }
}

/// A name relative to the folder of the experiment.
fn beside(experiment: &Path, name: &Path) -> PathBuf {
    experiment.parent().map_or_else(|| name.to_owned(), |folder| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str =
        "seed = 1\n[teacher]\ndimension = 6\nneurons = 2\n[student]\nneurons = 10\n";

    fn parse(text: &str) -> Result<Experiment, StudyError> {
        Experiment::parse("x.toml".as_ref(), text.as_bytes())
    }

    #[test]
    fn defaults_are_those_of_the_algorithm() {
        assert_eq!(parse(SMALL).unwrap().algorithm(), Algorithm::default());
    }

    #[test]
    fn parts_can_be_left_out() {
        let text = format!("skip = [\"stage1\", \"stage2\", \"balance\", \"stage3\"]\n{SMALL}");
        let nothing = Algorithm { stage1: None, stage2: None, balance: false, stage3: None };
        assert_eq!(parse(&text).unwrap().algorithm(), nothing);
    }

    #[test]
    fn an_experiment_survives_being_written() {
        let experiment = parse(&format!("{SMALL}[stage3]\nlambda = 0.3\n")).unwrap();
        let text = toml::to_string(&experiment).unwrap();
        assert_eq!(parse(&text).unwrap(), experiment);
    }

    #[test]
    fn variants_are_data() {
        let path = Path::new("x.toml");
        let text = format!(
            "skip = [\"preprocessing\", \"stage1\"]\n{SMALL}start = \"gaussian\"\n[samples]\ncount = 50\nbatch = 10\n\
             [stage3]\noptimizer = \"adam\"\nfreeze_first_layer = true\nfirst_layer_share = 0.0\n"
        );
        let experiment = parse(&text).unwrap();
        let algorithm = experiment.algorithm();
        let stage3 = algorithm.stage3.unwrap();
        assert!(algorithm.stage1.is_none() && stage3.freeze_first_layer);
        assert_eq!(stage3.weight_decay(2.0), WeightDecay { second_layer: 2.0, first_layer: 0.0 });
        assert!(matches!(stage3.optimizer, Optimizer::Adam { .. }));
        let batches = |text: &str| parse(text).unwrap().samples.unwrap().batches();
        assert_eq!(batches(&text), Batches::Shuffled { size: 10, reuse: 1 });
        let fresh = format!("{SMALL}[samples]\ncount = 50\nfresh = true\nreuse = 3\n");
        assert_eq!(batches(&fresh), Batches::Fresh { size: 50, reuse: 3 });

        let teacher = experiment.teacher(path).unwrap().into_inner();
        let student = experiment.student(path, 6).unwrap();
        let losses = [&text, &text.replace("\"preprocessing\", ", ""), SMALL].map(|text| {
            let experiment = parse(text).unwrap();
            let objective = experiment.objective(path, &teacher).unwrap();
            let population = experiment.population(path, &teacher).unwrap();
            [objective.loss(&student, 1.0).value, population.loss(&student, 1.0).value]
        });
        let mut distinct: Vec<u64> = losses.as_flattened().iter().map(|x| x.to_bits()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        // Raw and preprocessed, sampled and exact; the last file has no samples, and its degrees are those of the second.
        assert_eq!(distinct.len(), 4, "{losses:?}");
        let erf = parse(&format!("activation = \"erf\"\n{SMALL}")).unwrap();
        let erf = erf.objective(path, &teacher).unwrap().loss(&student, 1.0).value;
        assert!(erf > 0.0 && !distinct.contains(&erf.to_bits()));
        let few = parse(&format!("{SMALL}[samples]\ncount = 5\n")).unwrap();
        let error = few.objective(path, &teacher).err().unwrap().to_string();
        assert!(error.contains("samples") && error.contains("at least 8"), "{error}");
    }

    #[test]
    fn a_seed_means_one_teacher_and_one_student() {
        let path = Path::new("x.toml");
        let experiment = parse(SMALL).unwrap();
        assert_eq!(experiment.teacher(path).unwrap(), experiment.teacher(path).unwrap());
        assert_eq!(experiment.student(path, 6).unwrap(), experiment.student(path, 6).unwrap());
        let other = Experiment { seed: 2, ..experiment.clone() };
        assert_ne!(experiment.teacher(path).unwrap(), other.teacher(path).unwrap());
        assert_ne!(experiment.student(path, 6).unwrap(), other.student(path, 6).unwrap());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("[teacher]\nneurons = 2\n", "teacher.dimension"),
            ("[teacher]\ndimension = 2\n", "teacher.neurons"),
            ("[teacher]\nfile = \"t.json\"\nrank = 2\n", "either file"),
            ("[teacher]\nfile = \"t.json\"\nseparation = 0.5\n", "either file"),
            ("[teacher]\ndimension = 0\nneurons = 2\n", "teacher.dimension"),
            ("[teacher]\ndimension = 2\nneurons = 0\n", "teacher.neurons"),
            ("[teacher]\ndimension = 2000000000000\nneurons = 2\n", "teacher.neurons"),
            ("[teacher]\ndimension = 2\nneurons = 2\nsigns = [1, 0]\n", "teacher.signs"),
            (
                "[teacher]\ndimension = 2\nneurons = 2\n[record]\nangles = [0.1, 0.1]\n",
                "record.angles",
            ),
            ("[teacher]\ndimension = 2\nneurons = 2\nrnak = 1\n", "rnak"),
            ("[teacher]\ndimension = 2\nneurons = 2\n[stage3]\nlambda = -1.0\n", "stage3.lambda"),
            (
                "[teacher]\ndimension = 2\nneurons = 2\n[stage3]\nstep_size = nan\n",
                "stage3.step_size",
            ),
            ("[teacher]\ndimension = 2\nneurons = 2\n[record]\nevery = 0\n", "record.every"),
            ("[teacher]\ndimension = 2\nneurons = 2\n[record]\nangles = [nan]\n", "record.angles"),
            ("[teacher]\ndimension = 2\nneurons = 2\n[student]\nneurons = 0\n", "student.neurons"),
            ("[student]\nneurons = 2\n", "teacher"),
            ("[teacher]\ndimension = 2\nneurons = 2\n[samples]\nnoise = 0.1\n", "samples.count"),
            (
                "[teacher]\ndimension = 2\nneurons = 2\n[samples]\ncount = 9\nreuse = 2\n",
                "samples.reuse",
            ),
            (
                "[teacher]\ndimension = 2\nneurons = 2\n[samples]\ncount = 9\nfile = \"s.npz\"\n",
                "samples.count",
            ),
            (
                "[teacher]\ndimension = 2\nneurons = 2\n[samples]\nfile = \"s.npz\"\nnoise = 1.0\n",
                "samples.noise",
            ),
            (
                "[teacher]\ndimension = 2\nneurons = 2\n[samples]\nfile = \"s.npz\"\nfresh = true\n",
                "samples.fresh",
            ),
            (
                "activation = \"erf\"\n[teacher]\ndimension = 2\nneurons = 2\n[samples]\ncount = 9\n",
                "activation",
            ),
            ("activation = \"tanh\"\n[teacher]\ndimension = 2\nneurons = 2\n", "tanh"),
            (
                "[teacher]\ndimension = 2\nneurons = 2\n[stage3]\nmomentum = 0.5\n",
                "stage3.momentum",
            ),
            (
                "[teacher]\ndimension = 2\nneurons = 2\n[stage3]\noptimizer = \"momentum\"\nepsilon = 1.0\n",
                "stage3.epsilon",
            ),
            (
                "[teacher]\ndimension = 2\nneurons = 2\n[stage3]\noptimizer = \"adam\"\nmomentum = 1.0\n",
                "stage3.momentum",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.to_string().contains("x.toml"), "{error}");
            assert_eq!(error.class(), crate::Class::Data);
        }
        let text = "[teacher]\ndimension = 2\nneurons = 2\n[student]\nneurons = 2000000000000\n";
        let error = parse(text).unwrap().student("x.toml".as_ref(), 2).unwrap_err();
        assert!(error.to_string().contains("student.neurons"), "{error}");
        let odd = parse("[teacher]\ndimension = 2\nneurons = 2\n[student]\nneurons = 3\n").unwrap();
        assert!(odd.student("x.toml".as_ref(), 2).unwrap_err().to_string().contains("even"));
    }
}
