//! The statements of the theory on random instances: both sides, a search for a counterexample, and
//! a control that must fail.
//!
//! [`Suite`] evaluates the checks of the statements ([`gradiometer_theory::statements`]) on
//! instances drawn by seed ([`draw`]), then climbs from the worst of them, and asks the same search
//! to refute the control. A [`Scaling`] fits exponents instead.
//!
//! Results depend on the options alone, not on the number of threads.
//!
//! [`draw`]: gradiometer_landscape::instance::draw

mod error;
mod folder;
mod scaling;
mod search;
pub mod statistics;
mod suite;

pub use error::VerifyError;
pub use folder::{STATE_FILE, write_folder};
pub use scaling::{Fit, RESOLUTION, Scaling, ScalingReport, WIDEST, scalings};
pub use search::{Found, Worst, refute, worst, worst_ratio};
pub use suite::{
    ControlReport, Options, PartReport, Progress, Report, SearchReport, Stored, Suite,
};

#[cfg(test)]
mod tests;
