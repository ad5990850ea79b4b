//! Networks and teachers, and what is known of them at a glance.

use crate::arrays::{Matrix, Vector, columns, entries, matrix, network, row_major, vector};
use crate::errors::Failure;
use crate::jobs::{here, long};
use gradiometer::files::{TensorNames, number, write_network};
use gradiometer::instances::Complexity;
use gradiometer::instances::generate::{
    Signs, TeacherRequest, gaussian_student, near_teacher_student, symmetric_start,
};
use gradiometer::model::{self, Clusters, Recovery, Skip, recovery::Learned};
use gradiometer::prelude::SeparatedTeacher;
use gradiometer::run::TeacherReport;
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// A two-layer network.
#[pyclass(frozen, module = "gradiometer._lib")]
pub(crate) struct Network(pub(crate) Arc<model::Network>);

impl Network {
    pub(crate) fn new(network: model::Network) -> Self {
        Self(Arc::new(network))
    }
}

/// The affine part of a network: its constant and its linear part.
type Affine<'py> = (f64, Bound<'py, PyArray1<f64>>);

#[pymethods]
impl Network {
    #[new]
    #[pyo3(signature = (a, w, constant, linear))]
    fn build(
        a: Vector<'_>,
        w: Matrix<'_>,
        constant: f64,
        linear: Option<Vector<'_>>,
    ) -> PyResult<Self> {
        let plain = network(&a, &w)?;
        let has_skip = linear.is_some() || constant != 0.0;
        let linear = linear.map_or_else(|| vec![0.0; columns(&w)], |linear| entries(&linear));
        let network = if has_skip { plain.with_skip(Skip { constant, linear }) } else { Ok(plain) };
        Ok(Self::new(network.map_err(Failure::from)?))
    }

    fn a<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        vector(py, self.0.second_layer().to_vec())
    }

    fn w<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        matrix(py, self.0.first_layer().to_vec(), self.0.dimension())
    }

    fn skip<'py>(&self, py: Python<'py>) -> Option<Affine<'py>> {
        self.0.skip().map(|skip| (skip.constant, vector(py, skip.linear.clone())))
    }

    fn masses<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        vector(py, (0..self.0.neurons()).map(|j| self.0.mass(j)).collect())
    }

    fn balanced(&self) -> Self {
        let mut network = (*self.0).clone();
        network.balance();
        Self::new(network)
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let written = here(py, || write_network(&path, &self.0, &TensorNames::default()))?;
        Ok(written.map_err(Failure::from)?)
    }

    #[staticmethod]
    fn load(
        py: Python<'_>,
        path: PathBuf,
        first: Option<String>,
        second: Option<String>,
    ) -> PyResult<Self> {
        let default = TensorNames::default();
        let names = TensorNames {
            first_layer: first.unwrap_or_else(|| default.first_layer.clone()),
            second_layer: second.unwrap_or_else(|| default.second_layer.clone()),
            ..default
        };
        let read = here(py, || gradiometer::files::read_network(&path, &names))?;
        Ok(Self::new(read.map_err(Failure::from)?))
    }

    #[staticmethod]
    fn gaussian(
        py: Python<'_>,
        neurons: usize,
        dimension: usize,
        first: f64,
        second: f64,
        seed: u64,
    ) -> PyResult<Self> {
        let drawn = here(py, || gaussian_student(dimension, neurons, first, second, seed))?;
        Ok(Self::new(drawn.map_err(Failure::from)?))
    }

    #[staticmethod]
    fn symmetric(
        py: Python<'_>,
        neurons: usize,
        dimension: usize,
        scale: f64,
        seed: u64,
    ) -> PyResult<Self> {
        let drawn = here(py, || symmetric_start(dimension, neurons, scale, seed))?;
        Ok(Self::new(drawn.map_err(Failure::from)?))
    }

    #[staticmethod]
    fn near(
        py: Python<'_>,
        teacher: &Teacher,
        per_neuron: usize,
        angle: f64,
        defect: f64,
        seed: u64,
    ) -> PyResult<Self> {
        let of = &teacher.0;
        let drawn = here(py, || near_teacher_student(of, per_neuron, angle, defect, seed))?;
        Ok(Self::new(drawn.map_err(Failure::from)?))
    }
}

/// A teacher.
#[pyclass(frozen, module = "gradiometer._lib")]
pub(crate) struct Teacher(pub(crate) Arc<model::Teacher>);

impl Teacher {
    pub(crate) fn new(teacher: model::Teacher) -> Self {
        Self(Arc::new(teacher))
    }

    /// The same with its neurons apart, as the theory needs it.
    pub(crate) fn separated(&self) -> Result<SeparatedTeacher, Failure> {
        Ok((*self.0).clone().separated()?)
    }
}

#[pymethods]
impl Teacher {
    #[new]
    fn build(network: &Network) -> PyResult<Self> {
        let teacher = model::Teacher::new((*network.0).clone());
        Ok(Self::new(teacher.map_err(Failure::from)?))
    }

    fn network(&self) -> Network {
        Network::new(self.0.network().clone())
    }

    fn amplitudes<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        vector(py, self.0.amplitudes().to_vec())
    }

    fn directions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        matrix(py, self.0.directions().to_vec(), self.0.dimension())
    }

    fn separation(&self) -> Option<(f64, f64, usize, usize)> {
        self.0.separation().map(|s| (s.angle, s.error, s.first, s.second))
    }

    #[staticmethod]
    #[expect(clippy::too_many_arguments, reason = "a request in keywords")]
    fn generate(
        py: Python<'_>,
        dimension: usize,
        rank: usize,
        neurons: usize,
        separation: f64,
        smallest_eigenvalue: f64,
        signs: &str,
        given_signs: Vec<bool>,
        amplitudes: (f64, f64),
        seed: u64,
    ) -> PyResult<Self> {
        let signs = match signs {
            "positive" => Signs::Positive,
            "mixed" => Signs::Mixed,
            "given" => Signs::Given(given_signs),
            other => {
                let message = format!("signs is {other:?}; give \"positive\", \"mixed\" or a list");
                return Err(Failure::data(message).into());
            }
        };
        let request = TeacherRequest {
            separation,
            smallest_eigenvalue,
            signs,
            amplitudes,
            ..TeacherRequest::new(dimension, rank, neurons, seed)
        };
        let teacher = long(py, move |_| request.generate())?;
        Ok(Self::new(teacher.map_err(Failure::from)?.into_inner()))
    }
}

/// The teacher's complexity as JSON.
#[pyfunction]
pub(crate) fn inspect(py: Python<'_>, teacher: &Teacher) -> PyResult<String> {
    let of = teacher.0.clone();
    let complexity = long(py, move |_| Complexity::of(&of))?.map_err(Failure::from)?;
    Ok(json!(TeacherReport::from(&complexity)).to_string())
}

/// What a student has learned of a teacher, as JSON.
#[pyfunction]
pub(crate) fn recovery(
    py: Python<'_>,
    teacher: &Teacher,
    student: &Network,
    angle: f64,
) -> PyResult<String> {
    let (of, by) = (&teacher.0, &student.0);
    if of.dimension() != by.dimension() {
        let (teacher, student) = (of.dimension(), by.dimension());
        let error = model::ModelError::DimensionMismatch { teacher, student };
        return Err(Failure::from(error).into());
    }
    let found = here(py, || Recovery::new(of, by, angle))?;
    let learned = match found.learned() {
        Learned::Fully => "fully",
        Learned::Partly => "partly",
        Learned::Not => "not",
    };
    let column = |of: fn(&model::recovery::Feature) -> f64| -> Vec<_> {
        found.features.iter().map(|feature| number(of(feature))).collect()
    };
    let features = json!({
        "amplitude": column(|f| f.amplitude),
        "neurons": found.features.iter().map(|f| f.neurons).collect::<Vec<_>>(),
        "mass": column(|f| f.mass),
        "share_within": column(|f| f.share_within),
        "mass_beyond": column(|f| f.mass_beyond),
        "opposing_mass": column(|f| f.opposing_mass),
        "average_angle": column(|f| f.average_angle),
        "nearest_angle": column(|f| f.nearest_angle),
        "learned": found.features.iter().map(|f| found.is_learned(f)).collect::<Vec<_>>(),
    });
    let all = json!({
        "learned": learned,
        "angle": angle,
        "total_mass": number(found.total_mass),
        "mass_away": number(found.mass_away),
        "mean_angle": number(found.mean_angle),
        "worst_angle": number(found.worst_angle()),
        "features": features,
    });
    Ok(all.to_string())
}

/// The clusters of a network by direction, as JSON.
#[pyfunction]
pub(crate) fn clusters(
    py: Python<'_>,
    network: &Network,
    angle: f64,
    most: usize,
) -> PyResult<String> {
    let found = here(py, || Clusters::new(&network.0, angle, most))?;
    let all = &found.clusters;
    let json = json!({
        "total_mass": number(found.total_mass),
        "rest_mass": number(found.rest.0),
        "rest_neurons": found.rest.1,
        "clusters": {
            "neurons": all.iter().map(|c| c.neurons).collect::<Vec<_>>(),
            "mass": all.iter().map(|c| number(c.mass)).collect::<Vec<_>>(),
            "opposing_mass": all.iter().map(|c| number(c.opposing_mass)).collect::<Vec<_>>(),
            "spread": all.iter().map(|c| number(c.spread)).collect::<Vec<_>>(),
        },
        "directions": all.iter().map(|c| &c.direction).collect::<Vec<_>>(),
    });
    Ok(json.to_string())
}

/// The points of a net.
pub(crate) fn points(x: &Matrix<'_>) -> (usize, Vec<f64>) {
    (columns(x), row_major(x))
}
