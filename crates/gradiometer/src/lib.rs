//! Gradiometer as a library: every layer under one name, and the short calls for most uses.
//!
//! [`prelude`] has what most programs need: networks and teachers, [`certify()`], [`Training`],
//! [`Recovery`], claims, and the one [`Error`] of them all. Whatever takes more options is in the
//! modules, a crate each.
//!
//! # Examples
//! A dual certificate, proved; a student trained, and what it has learned:
//! ```
//! use gradiometer::prelude::*;
//! let teacher = Network::from_rows(vec![1.0, -1.0], &[vec![1.0, 0.0], vec![0.0, 1.0]])?;
//! let teacher = Teacher::new(teacher)?.separated()?;
//! let certified = certify(&teacher)?;
//! assert!(certified.is_proved());
//! println!("{certified}");
//! let run = Training::of(&teacher).neurons(20).epochs(5).steps(300).run()?;
//! println!("{:?}", run.recovery().learned());
//! println!("{}", run.report()?.figure("loss").map_or("", |figure| &figure.caption));
//! # Ok::<(), gradiometer::Error>(())
//! ```
//! The loss of a student whose one neuron stands at a right angle to the teacher's:
//! ```
//! use gradiometer::population::{Accuracy, Objective, Population};
//! use gradiometer::prelude::*;
//! let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0])?)?;
//! let student = Network::new(2, vec![1.0], vec![0.0, 1.0])?;
//! let loss = Population::new(teacher).evaluate(&student, Accuracy::loss(1e-10))?.loss;
//! assert!((loss.value - (0.5 - std::f64::consts::FRAC_1_PI)).abs() <= loss.error + f64::EPSILON);
//! # Ok::<(), gradiometer::Error>(())
//! ```

mod certified;
mod error;
mod files_with_defaults;
pub mod prelude;
mod training;

pub use certified::{Certified, certify, certify_by};
pub use error::Error;
pub use files_with_defaults::{read_network, read_teacher};
pub use training::{Outcome, Paused, Trained, Training};

pub use gradiometer_certify as certify;
pub use gradiometer_files as files;
pub use gradiometer_hermite as hermite;
pub use gradiometer_instances as instances;
pub use gradiometer_landscape as landscape;
pub use gradiometer_mechanisms as mechanisms;
pub use gradiometer_model as model;
pub use gradiometer_model::Recovery;
pub use gradiometer_population as population;
pub use gradiometer_report as report;
pub use gradiometer_run as run;
pub use gradiometer_study as study;
pub use gradiometer_theory as theory;
pub use gradiometer_train as train;
pub use gradiometer_verify as verify;
