//! An experiment resolved once into the values that its run needs.

use crate::error::RunError;
use crate::experiment::{
    ActivationName, Experiment, Part, SamplesSection, SignsField, SignsName, Start, fits,
};
use crate::watch::Watch;
use gradiometer_files::npz_file::read_samples;
use gradiometer_files::{
    FilesError, TensorNames, read_folded_network, read_network, teacher as as_teacher,
    write_folded_network, write_network,
};
use gradiometer_instances::generate::{
    Signs, TeacherRequest, gaussian_biases, gaussian_student, symmetric_start,
};
use gradiometer_model::{ModelError, Network, SeparatedTeacher, Teacher};
use gradiometer_population::{
    ActivationPopulation, BiasedPopulation, Degrees, Objective, Population, PopulationError,
    Precision, SampleRequest, Samples,
};
use gradiometer_train::Algorithm;
use std::fmt;
use std::path::Path;

/// Pairs of neurons to evaluate between two moments at which a run can be stopped: a tenth of a
/// second, so that an interrupt leaves a checkpoint before anybody loses patience.
pub(crate) const PAIRS: usize = 1 << 26;

/// An experiment's values: all that its run needs. [`Experiment::resolve`] makes it.
pub struct Plan {
    /// The teacher.
    pub teacher: Teacher,
    /// The student's start.
    pub start: Network,
    /// The stages with their parameters.
    pub algorithm: Algorithm,
    /// What the steps are computed in.
    pub(crate) precision: Precision,
    /// The exact objective: what every record measures.
    pub(crate) population: Box<dyn Objective>,
    /// The average over samples, where the run descends that.
    pub(crate) samples: Option<Box<dyn Objective>>,
    /// Whether the step size is compared with the largest one, which costs as much as some fifty
    /// steps; never for batches, of which each has its own.
    pub(crate) weighs_step_size: bool,
    /// A record every so many steps of a phase.
    pub(crate) every: u64,
    /// Angles beyond which to record the student's mass.
    pub(crate) angles: Vec<f64>,
    /// The claims to watch.
    pub(crate) watch: Option<Watch>,
    /// Neurons times what each of them meets in a step: every other one, or every sample of a
    /// batch.
    pub(crate) pairs: usize,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("teacher", &self.teacher)
            .field("start", &self.start)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Experiment {
    /// Everything that the experiment's run needs, read or generated once; files are relative to
    /// the folder `beside`.
    ///
    /// # Errors
    /// [`RunError`] for a bad file, an impossible request, a teacher with two parallel neurons, or
    /// claims that cannot be watched.
    pub fn resolve(&self, beside: &Path) -> Result<Plan, RunError> {
        let teacher = self.teacher(beside)?;
        let start = self.student(beside, teacher.dimension())?;
        self.resolve_for(teacher, start, beside)
    }

    /// The same for a teacher and a start that are in memory, in place of those of `[teacher]` and
    /// `[student]`.
    ///
    /// # Errors
    /// As for [`Self::resolve`], and [`RunError::Model`] for a start of another dimension.
    pub fn resolve_for(
        &self,
        teacher: SeparatedTeacher,
        start: Network,
        beside: &Path,
    ) -> Result<Plan, RunError> {
        if start.dimension() != teacher.dimension() {
            let (teacher, student) = (teacher.dimension(), start.dimension());
            let source = ModelError::DimensionMismatch { teacher, student };
            return Err(RunError::Model { field: "student", source });
        }
        let watch = self.watch.as_ref().map(|section| Watch::new(section, &teacher, beside));
        let (watch, teacher) = (watch.transpose()?, teacher.into_inner());
        let neurons = start.neurons() + teacher.neurons();
        let batch = |samples: &SamplesSection| samples.batch.or(samples.count).unwrap_or(PAIRS);
        let met = neurons.max(self.samples.as_ref().map_or(0, batch));
        Ok(Plan {
            population: self.population(&teacher)?,
            samples: self.sampled(beside, &teacher)?,
            weighs_step_size: false,
            teacher,
            start,
            algorithm: self.algorithm(),
            precision: self.precision.precision(),
            every: self.record.every,
            angles: self.record.angles.clone(),
            watch,
            pairs: neurons.saturating_mul(met),
        })
    }

    /// Whether a step sees some of the samples only.
    pub(crate) fn has_batches(&self) -> bool {
        self.samples.as_ref().is_some_and(|samples| samples.fresh || samples.batch.is_some())
    }

    pub(crate) fn teacher(&self, beside: &Path) -> Result<SeparatedTeacher, RunError> {
        let section = &self.teacher;
        if let Some(name) = &section.file {
            let path = beside.join(name);
            let teacher = as_teacher(&path, self.read_network(&path)?)?;
            let field = "w".to_owned();
            return Ok(teacher.separated().map_err(|source| FilesError::Model {
                path,
                field,
                source,
            })?);
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
        let wrong = |source| RunError::Model { field: "teacher", source };
        let teacher = request.generate().map_err(wrong)?;
        if !self.student.biases {
            return Ok(teacher);
        }
        let scale = section.bias_scale.unwrap_or(0.0);
        let biases = gaussian_biases(neurons, scale, self.seed).map_err(wrong)?;
        let folded = teacher.network().fold_biases(&biases).and_then(Teacher::new);
        folded.and_then(Teacher::separated).map_err(wrong)
    }

    /// Reads a network of the experiment, on `(x, 1)` where there are biases.
    ///
    /// # Errors
    /// As for [`read_network`].
    pub fn read_network(&self, path: &Path) -> Result<Network, FilesError> {
        let names = TensorNames::default();
        if self.student.biases {
            read_folded_network(path, &names)
        } else {
            read_network(path, &names)
        }
    }

    /// Writes a network of the experiment, its biases as such.
    pub(crate) fn write_network(&self, path: &Path, network: &Network) -> Result<(), FilesError> {
        let names = TensorNames::default();
        if self.student.biases {
            write_folded_network(path, network, &names)
        } else {
            write_network(path, network, &names)
        }
    }

    /// The exact objective: what a run is measured by, and without samples what it descends.
    pub(crate) fn population(&self, teacher: &Teacher) -> Result<Box<dyn Objective>, RunError> {
        let (teacher, degrees) = (teacher.clone(), self.degrees());
        let wrong = |field| move |source| RunError::Objective { field, source };
        if self.student.biases {
            let population = BiasedPopulation::new(teacher, degrees);
            return Ok(Box::new(population.map_err(wrong("student.biases"))?));
        }
        if self.activation == ActivationName::RELU {
            return Ok(Box::new(Population::new(teacher).of_degrees(degrees)));
        }
        let activation = self.activation.0.activation().map_err(PopulationError::from);
        let population = activation.and_then(|named| ActivationPopulation::new(teacher, named));
        Ok(Box::new(population.map_err(wrong("activation"))?.of_degrees(degrees)))
    }

    /// The average over samples that a run descends in place of it.
    pub(crate) fn sampled(
        &self,
        beside: &Path,
        teacher: &Teacher,
    ) -> Result<Option<Box<dyn Objective>>, RunError> {
        let Some(section) = &self.samples else { return Ok(None) };
        let request = SampleRequest {
            count: section.count.unwrap_or(0),
            noise: section.noise,
            seed: self.seed.wrapping_add(2),
            degrees: self.degrees(),
            batches: section.batches(),
            label_fit: section.label_fit(),
            biases: self.student.biases,
        };
        let samples = match &section.file {
            None => None,
            Some(name) => Some(read_samples(&beside.join(name))?),
        };
        let arrays = samples.as_ref().map(|samples| (&*samples.inputs, &*samples.labels));
        average(teacher.clone(), self.activation, arrays, &request)
            .map(Some)
            .map_err(|source| RunError::Objective { field: "samples", source })
    }

    fn degrees(&self) -> Degrees {
        if self.skip.contains(&Part::Preprocessing) { Degrees::All } else { Degrees::FromTwo }
    }

    /// The student's start, read or generated from the stream after the teacher's.
    ///
    /// # Errors
    /// [`RunError`] for a bad file, another dimension, or sizes that no memory holds.
    pub fn student(&self, beside: &Path, dimension: usize) -> Result<Network, RunError> {
        let section = &self.student;
        if let Some(name) = &section.file {
            let path = beside.join(name);
            let student = self.read_network(&path)?;
            if student.dimension() == dimension {
                return Ok(student);
            }
            let source =
                ModelError::DimensionMismatch { teacher: dimension, student: student.dimension() };
            return Err(FilesError::Model { path, field: "w".to_owned(), source }.into());
        }
        let m = section.neurons;
        let scale = section.second_layer_scale;
        let seed = self.seed.wrapping_add(1);
        fits("student.neurons", m, dimension)?;
        // The constant input is the last.
        let dimension = dimension - usize::from(section.biases);
        let student = match section.start {
            Start::Symmetric => {
                symmetric_start(dimension, m, scale.unwrap_or(1.0 / (m as f64).sqrt()), seed)
            }
            Start::Gaussian => {
                let first = section.first_layer_scale.unwrap_or(1.0);
                gaussian_student(dimension, m, first, scale.unwrap_or(1.0), seed)
            }
        };
        let student = student.and_then(|student| {
            if section.biases { student.fold_biases(&vec![0.0; m]) } else { Ok(student) }
        });
        student.map_err(|source| RunError::Model { field: "student", source })
    }
}

/// The average over samples that are given or else drawn.
fn average(
    teacher: Teacher,
    activation: ActivationName,
    given: Option<(&[f64], &[f64])>,
    request: &SampleRequest,
) -> Result<Box<dyn Objective>, PopulationError> {
    let activation = activation.0.activation()?;
    Ok(Box::new(match given {
        None => Samples::drawn(teacher, activation, request)?,
        Some((x, y)) => Samples::given(teacher, activation, x, y, request)?,
    }))
}
