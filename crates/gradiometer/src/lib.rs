//! Gradiometer as a library: one name for every layer.
//!
//! # Examples
//! The loss of a student whose one neuron stands at a right angle to the teacher's:
//! ```
//! use gradiometer::model::{Network, Teacher};
//! use gradiometer::population::{Accuracy, Objective, Population};
//! let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
//! let student = Network::new(2, vec![1.0], vec![0.0, 1.0]).unwrap();
//! let loss = Population::new(teacher).evaluate(&student, Accuracy::loss(1e-10)).unwrap().loss;
//! assert!((loss.value - (0.5 - std::f64::consts::FRAC_1_PI)).abs() <= loss.error + f64::EPSILON);
//! ```

pub use gradiometer_certify as certify;
pub use gradiometer_files as files;
pub use gradiometer_hermite as hermite;
pub use gradiometer_instances as instances;
pub use gradiometer_landscape as landscape;
pub use gradiometer_mechanisms as mechanisms;
pub use gradiometer_model as model;
pub use gradiometer_population as population;
pub use gradiometer_report as report;
pub use gradiometer_run as run;
pub use gradiometer_study as study;
pub use gradiometer_theory as theory;
pub use gradiometer_train as train;
pub use gradiometer_verify as verify;
