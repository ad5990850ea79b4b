//! The statements of the theory on random instances: both sides, a search for a counterexample, and a control that must fail.
//!
//! A [`Statement`] has an id, its hypotheses and one function that returns both sides at a [`Context`], in the [`Form`] that is claimed or in a
//! form with one hypothesis removed or one constant changed. [`Suite`] evaluates statements on instances drawn by seed ([`draw`]), then
//! climbs from the worst of them, and asks the same search to refute the control. A [`Scaling`] fits exponents instead.
//!
//! Results depend on the options alone, not on the number of threads.
//!
//! [`draw`]: gradiometer_landscape::instance::draw

mod algorithm;
mod certificates;
mod context;
mod error;
mod expansion;
mod folder;
mod local;
mod objective;
mod optimum;
mod runs;
mod scaling;
mod search;
mod statement;
pub mod statistics;
mod suite;
mod suite_error;

pub use context::Context;
pub use error::VerifyError;
pub use folder::{STATE_FILE, write_folder};
pub use scaling::{Fit, Predicted, RESOLUTION, Scaling, ScalingReport, scalings};
pub use search::{Found, Worst, refute, worst, worst_ratio};
pub use statement::{Evaluate, Form, Statement, statements};
pub use suite::{
    ControlReport, Options, PartReport, Progress, Report, SearchReport, Stored, Suite,
};
pub use suite_error::SuiteError;

#[cfg(test)]
mod tests;
