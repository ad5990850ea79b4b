//! Losses, their gradients and Hessians.

use crate::arrays::{Matrix, Vector, columns, entries, matrix, network, row_major, vector};
use crate::errors::Failure;
use crate::jobs::{here, long, on_pool};
use crate::networks::{Network, Teacher};
use gradiometer::hermite::Activation;
use gradiometer::model;
use gradiometer::population::{
    Accuracy, Degrees, Evaluation, HessianOperator, Layers, Objective as _, Population,
    PopulationError, Precision, SampleRequest, Samples, Stop, Workspace,
};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use std::cell::RefCell;
use std::sync::Arc;

/// Pairs of neurons times coordinates up to which a fast evaluation is waited for without a look at
/// signals: some fiftieth of a second.
const QUICK: usize = 1 << 26;
/// The same where arithmetic beyond doubles may be needed.
const QUICK_IF_ACCURATE: usize = 1 << 20;

thread_local! {
    /// The buffers of small evaluations in this thread.
    static WORKSPACE: RefCell<Workspace> = RefCell::new(Workspace::new());
}

#[derive(Clone)]
enum Kind {
    Exact(Arc<Population>),
    Sampled(Arc<Samples>),
}

impl Kind {
    fn objective(&self) -> &dyn gradiometer::population::Objective {
        match self {
            Self::Exact(population) => &**population,
            Self::Sampled(samples) => &**samples,
        }
    }

    /// How much work an evaluation is, in pairs times coordinates.
    fn work(&self, student: &model::Network) -> usize {
        let met = match self {
            Self::Exact(population) => student.neurons() + population.teacher().neurons(),
            Self::Sampled(samples) => samples.count(),
        };
        student.neurons().saturating_mul(met).saturating_mul(student.dimension())
    }

    fn stays_in_thread(&self, student: &model::Network) -> bool {
        matches!(self, Self::Exact(population) if population.stays_in_thread(student))
    }

    fn evaluate(
        &self,
        py: Python<'_>,
        student: Arc<model::Network>,
        asked: Accuracy,
    ) -> PyResult<Evaluation> {
        let fast = asked.loss.is_none() && asked.gradient.is_none();
        let quick = if fast { QUICK } else { QUICK_IF_ACCURATE };
        let found = if fast && self.stays_in_thread(&student) {
            here(py, || {
                WORKSPACE.with_borrow_mut(|workspace| {
                    self.objective().evaluate_in(&student, asked, workspace)
                })
            })?
        } else if self.work(&student) <= quick {
            on_pool(py, || self.objective().evaluate(&student, asked))?
        } else {
            let kind = self.clone();
            long(py, move |stop| {
                kind.objective().evaluate_in(&student, asked, &mut Workspace::stopping_at(stop))
            })?
        };
        Ok(found.map_err(Failure::from)?)
    }
}

/// An exact population loss, or an average over samples.
#[pyclass(frozen, module = "gradiometer._lib")]
pub(crate) struct Objective {
    kind: Kind,
}

/// Loss, its error, both gradients, their errors, and how they were computed.
type Evaluated<'py> =
    ((f64, f64), (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>), (f64, f64), String);
/// Loss and both gradients.
type Graded<'py> = (f64, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>);

fn degrees(preprocessed: bool) -> Degrees {
    if preprocessed { Degrees::FromTwo } else { Degrees::All }
}

#[pymethods]
impl Objective {
    #[staticmethod]
    fn exact(teacher: &Teacher, preprocessed: bool) -> Self {
        let population = Population::new((*teacher.0).clone()).of_degrees(degrees(preprocessed));
        Self { kind: Kind::Exact(Arc::new(population)) }
    }

    #[staticmethod]
    fn sampled(
        py: Python<'_>,
        teacher: &Teacher,
        x: Matrix<'_>,
        y: Vector<'_>,
        preprocessed: bool,
    ) -> PyResult<Self> {
        if columns(&x) != teacher.0.dimension() {
            let (found, expected) = (columns(&x), teacher.0.dimension());
            let message = format!("x has {found} columns; the teacher's dimension is {expected}");
            return Err(Failure::data(message).into());
        }
        let (of, x, y) = (teacher.0.clone(), row_major(&x), entries(&y));
        let samples = long(py, move |_| {
            let request =
                SampleRequest { degrees: degrees(preprocessed), ..SampleRequest::new(y.len(), 0) };
            Samples::given((*of).clone(), Activation::Relu, &x, &y, &request)
        })?;
        Ok(Self { kind: Kind::Sampled(Arc::new(samples.map_err(Failure::from)?)) })
    }

    /// `L` and its gradient; `relative` is the error of `L` relative to itself, none for whatever the
    /// fast evaluation gives.
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        student: &Network,
        relative: Option<f64>,
        single: bool,
    ) -> PyResult<Evaluated<'py>> {
        let asked = match relative {
            Some(relative) => Accuracy::loss(relative),
            None if single => Accuracy::fast_in(Precision::Single),
            None => Accuracy::FAST,
        };
        let Evaluation { loss, gradient, route } =
            self.kind.evaluate(py, student.0.clone(), asked)?;
        let first = matrix(py, gradient.first_layer, student.0.dimension())?;
        Ok((
            (loss.value, loss.error),
            (vector(py, gradient.second_layer), first),
            (gradient.second_layer_error, gradient.first_layer_error),
            route.to_string(),
        ))
    }

    /// The fast evaluation, without its error.
    fn value_and_grad<'py>(
        &self,
        py: Python<'py>,
        a: Vector<'py>,
        w: Matrix<'py>,
    ) -> PyResult<Graded<'py>> {
        let student = Arc::new(network(&a, &w)?);
        let dimension = student.dimension();
        let Evaluation { loss, gradient, .. } = self.kind.evaluate(py, student, Accuracy::FAST)?;
        let first = matrix(py, gradient.first_layer, dimension)?;
        Ok((loss.value, vector(py, gradient.second_layer), first))
    }

    /// `L` alone.
    fn loss(
        &self,
        py: Python<'_>,
        student: &Network,
        relative: f64,
    ) -> PyResult<((f64, f64), String)> {
        let (kind, student) = (self.kind.clone(), student.0.clone());
        let quick = kind.work(&student) <= QUICK_IF_ACCURATE;
        let work = move |stop: &Stop| {
            let (teacher, objective) = (kind.objective().teacher().dimension(), kind.objective());
            if teacher != student.dimension() {
                let student = student.dimension();
                return Err(model::ModelError::DimensionMismatch { teacher, student }.into());
            }
            let workspace = &mut Workspace::stopping_at(stop);
            let asked = Accuracy::loss(relative);
            let reached = objective.evaluate_into(&student, &asked, workspace, None);
            if stop.is_raised() {
                Err(PopulationError::Stopped)
            } else if (reached.loss.value + reached.loss.error).is_finite() {
                Ok(reached)
            } else {
                Err(PopulationError::Overflow)
            }
        };
        let found = if quick { on_pool(py, || work(&Stop::new()))? } else { long(py, work)? };
        let reached = found.map_err(Failure::from)?;
        Ok(((reached.loss.value, reached.loss.error), reached.route.to_string()))
    }

    /// The affine part that makes the raw loss least.
    fn affine_fit<'py>(
        &self,
        py: Python<'py>,
        student: &Network,
    ) -> PyResult<(f64, Bound<'py, PyArray1<f64>>)> {
        let Kind::Exact(population) = &self.kind else {
            return Err(Failure::data("only the exact loss has an affine fit").into());
        };
        let skip = here(py, || population.affine_fit(&student.0))?.map_err(Failure::from)?;
        Ok((skip.constant, vector(py, skip.linear)))
    }

    /// The Hessian at a student.
    fn hessian(
        &self,
        py: Python<'_>,
        a: Vector<'_>,
        w: Matrix<'_>,
        first_layer_alone: bool,
    ) -> PyResult<Hessian> {
        let student = network(&a, &w)?;
        let layers = if first_layer_alone { Layers::First } else { Layers::Both };
        let work = self.kind.work(&student);
        let Kind::Exact(population) = &self.kind else {
            return Err(Failure::from(PopulationError::NoHessian).into());
        };
        let (of, at) = (population.clone(), Arc::new(student));
        let student = at.clone();
        let build = move |_: &Stop| of.hessian_operator(&student, layers);
        let found =
            if work <= QUICK { on_pool(py, || build(&Stop::new()))? } else { long(py, build)? };
        let operator = Arc::new(found.map_err(Failure::from)?);
        Ok(Hessian { operator, population: population.clone(), student: at, work })
    }
}

/// The Hessian of the exact loss at a student.
#[pyclass(frozen, module = "gradiometer._lib")]
pub(crate) struct Hessian {
    operator: Arc<HessianOperator>,
    population: Arc<Population>,
    student: Arc<model::Network>,
    /// Of a product, in pairs times coordinates.
    work: usize,
}

/// Products up to which a spectrum is sought.
const PRODUCTS: usize = 100;

#[pymethods]
impl Hessian {
    fn parameters(&self) -> usize {
        self.operator.parameters()
    }

    fn matvec<'py>(&self, py: Python<'py>, x: Vector<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let (operator, x) = (self.operator.clone(), entries(&x));
        let product = if self.work <= QUICK {
            on_pool(py, || operator.apply(&x))?
        } else {
            long(py, move |_| operator.apply(&x))?
        };
        Ok(vector(py, product.map_err(Failure::from)?))
    }

    fn dense<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (population, student) = (self.population.clone(), self.student.clone());
        let layers = self.operator.layers();
        let dense = long(py, move |_| population.dense_hessian(&student, layers))?;
        matrix(py, dense.map_err(Failure::from)?.entries().to_vec(), self.operator.parameters())
    }

    /// Smallest and largest Ritz values with their residuals.
    fn extreme_eigenvalues(&self, py: Python<'_>) -> PyResult<((f64, f64), (f64, f64))> {
        let operator = self.operator.clone();
        let steps = PRODUCTS.min(operator.parameters());
        let found = long(py, move |_| operator.extreme_eigenvalues(steps))?;
        let found = found.map_err(Failure::from)?;
        let (low, high) = (found.smallest, found.largest);
        Ok(((low.value, low.residual), (high.value, high.residual)))
    }
}
