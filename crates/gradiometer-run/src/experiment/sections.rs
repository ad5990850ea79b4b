//! The sections of an experiment and their defaults.

use crate::format::{AWAY, watchable};
use gradiometer_hermite::named::Named;
use gradiometer_population::{Batches, LabelFit, Precision, WeightDecay};
use gradiometer_train::{DEFAULT_ANGLES, Floors, Optimizer, Stage1, Stage3};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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

/// An activation by its name: `relu`, `absolute`, `step`, `erf`, `leaky_relu` (slope 0.01),
/// `softplus`, `tanh`, `gelu`, `sigmoid`, `quadratic`, or `he1` to `he20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActivationName(pub Named);

impl ActivationName {
    /// ReLU, which the statements are about.
    pub const RELU: Self = Self(Named::Relu);
}

impl Default for ActivationName {
    fn default() -> Self {
        Self::RELU
    }
}

impl TryFrom<String> for ActivationName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let named = Named::of(&name);
        named
            .map(Self)
            .ok_or_else(|| format!("{name} is no activation; give one of {}", Named::NAMES))
    }
}

impl From<ActivationName> for String {
    fn from(name: ActivationName) -> Self {
        name.0.name()
    }
}

/// A precision by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionName {
    /// Doubles throughout.
    #[default]
    Double,
    /// Singles within a tile of pairs.
    Single,
}

impl PrecisionName {
    pub(crate) const fn precision(self) -> Precision {
        match self {
            Self::Double => Precision::Double,
            Self::Single => Precision::Single,
        }
    }
}

/// `[samples]`: either `count` Gaussian ones, or `file`.
///
/// Stage 1 and the ridge fit average over all of them. A step of gradient descent averages over
/// all, over `batch` of them in a seeded order, or with `fresh` over new ones, and takes the same
/// batch `reuse` times.
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
    /// How the labels lose their degrees 0 and 1: `"least-squares"` or `"moments"`.
    pub preprocessing: LabelFitName,
}

/// A fit of the labels by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelFitName {
    /// Least squares on `(1, x)`.
    #[default]
    LeastSquares,
    /// The plain averages of `y` and `y x`.
    Moments,
}

impl Default for SamplesSection {
    fn default() -> Self {
        Self {
            file: None,
            count: None,
            noise: 0.0,
            batch: None,
            fresh: false,
            reuse: 1,
            preprocessing: LabelFitName::LeastSquares,
        }
    }
}

impl SamplesSection {
    /// What is wrong with a combination of fields: the field and the mend.
    pub(crate) fn conflict(&self) -> Option<(&'static str, &'static str)> {
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

    pub(crate) const fn label_fit(&self) -> LabelFit {
        match self.preprocessing {
            LabelFitName::LeastSquares => LabelFit::LeastSquares,
            LabelFitName::Moments => LabelFit::Moments,
        }
    }

    pub(crate) fn batches(&self) -> Batches {
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
    /// Standard deviation of the Gaussian biases; default 0. Others than 0 need `student.biases`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias_scale: Option<f64>,
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
    /// A network file, relative to the experiment's folder; the other fields are then without
    /// meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Number of neurons `m`, even for the symmetric start.
    pub neurons: usize,
    /// How it starts.
    pub start: Start,
    /// Whether its neurons have biases, and the teacher's may: ReLU alone. A bias is the weight of a
    /// constant input 1; the stages, the decay, balance and angles take it as such. Random students
    /// start without; default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub biases: bool,
    /// For a symmetric start `|a_j|`, default `1/sqrt(m)`; for a Gaussian one `s` in `a_j ~ N(0,
    /// s^2/m)`, default 1.
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
            biases: false,
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
    /// An epoch ends once the gradient's norm is at most this times `lambda^2`; 0 never ends it
    /// early.
    pub gradient_factor: f64,
    /// `"gradient-descent"`, `"momentum"`, `"adam"`, or `"flow"`: no steps but the flow itself for
    /// the time `step_size` times `steps`.
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
    /// Error of a step of the flow's integrator, relative to the parameters' norm; default 1e-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// Weight decay of `a` in units of `lambda`.
    pub second_layer_share: f64,
    /// Weight decay of `W` in units of `lambda`.
    pub first_layer_share: f64,
    /// Whether `W` stays as Stage 1 left it.
    pub freeze_first_layer: bool,
    /// `"none"`, `"last"` or `"every"`: the epochs that Newton's method takes to the minimiser of
    /// their objective.
    pub floor: Floors,
    /// Most steps of Newton's method for one floor.
    pub floor_steps: u64,
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
    /// Gradient flow.
    Flow,
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
            tolerance: None,
            second_layer_share: stage3.shares.second_layer,
            first_layer_share: stage3.shares.first_layer,
            freeze_first_layer: stage3.freeze_first_layer,
            floor: Floors::None,
            floor_steps: stage3.floor_steps,
        }
    }
}

impl Stage3Section {
    /// A field that the optimiser does not have.
    pub(crate) fn idle_field(&self) -> Option<&'static str> {
        let adam = self.optimizer == OptimizerName::Adam;
        let flow = self.optimizer == OptimizerName::Flow;
        let momentum = adam || self.optimizer == OptimizerName::Momentum;
        let idle = [
            ("stage3.momentum", self.momentum, momentum),
            ("stage3.second_momentum", self.second_momentum, adam),
            ("stage3.epsilon", self.epsilon, adam),
            ("stage3.tolerance", self.tolerance, flow),
        ];
        idle.into_iter().find(|(_, value, used)| value.is_some() && !used).map(|(name, ..)| name)
    }

    pub(crate) fn stage3(&self) -> Stage3 {
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
                OptimizerName::Flow => {
                    Optimizer::Flow { tolerance: self.tolerance.unwrap_or(1e-8) }
                }
            },
            shares: WeightDecay {
                second_layer: self.second_layer_share,
                first_layer: self.first_layer_share,
            },
            freeze_first_layer: self.freeze_first_layer,
            floors: self.floor,
            floor_steps: self.floor_steps,
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

/// `[watch]`: statements of sections 5 and 7, both sides of which are evaluated along Stage 3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchSection {
    /// Ids of statements; those of section 7 without a search at every look by default.
    pub claims: Vec<String>,
    /// A look every so many steps, besides those at the ends of epochs and floors.
    pub every: u64,
    /// Whether a violation ends the run.
    pub stop_when_violated: bool,
    /// The angle of 7.3, radians.
    pub angle: f64,
    /// A certificate from `certify --out`, relative to the experiment's folder; without it one is
    /// found, and not proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
}

impl Default for WatchSection {
    fn default() -> Self {
        let watched = watchable().filter(|s| s.section() == "7" && s.is_cheap());
        Self {
            claims: watched.map(|s| s.id.to_owned()).collect(),
            every: 500,
            stop_when_violated: false,
            angle: AWAY,
            certificate: None,
        }
    }
}

impl WatchSection {
    /// What is wrong with it: the field and the mend.
    pub(crate) fn mistake(&self) -> Option<(&'static str, String)> {
        if self.every == 0 {
            return Some(("watch.every", "is 0; give at least 1".to_owned()));
        }
        if !(self.angle > 0.0) {
            return Some((
                "watch.angle",
                format!("is {}; give a positive angle in radians", self.angle),
            ));
        }
        let known: Vec<&str> = watchable().map(|s| s.id).collect();
        let unknown = self.claims.iter().find(|id| !known.contains(&id.as_str()))?;
        let known = known.join(", ");
        Some((
            "watch.claims",
            format!("holds {unknown:?}, which cannot be watched; give any of {known}"),
        ))
    }
}
