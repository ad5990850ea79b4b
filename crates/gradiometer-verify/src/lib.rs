//! The statements of the theory on random instances: both sides, a search for a counterexample, and
//! a control that must fail.
//!
//! [`Suite`] evaluates the checks of the statements ([`all_statements`]) on
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
mod tested;
pub mod verification;

pub use error::VerifyError;
pub use folder::{REPORT_FILE, STATE_FILE, write_folder};
pub use scaling::{Fit, RESOLUTION, Scaling, ScalingReport, WIDEST, scalings};
pub use search::{Found, Worst, refute, worst, worst_ratio};
pub use suite::{
    ControlReport, Options, PartReport, Progress, Report, SearchReport, Stored, Suite,
};
pub use tested::{Tested, test};
pub use verification::Verification;

use gradiometer_theory::Statement;

/// All that is verified: the statements of the theory and those of the mechanisms of the literature.
///
/// # Examples
/// ```
/// let ids: Vec<&str> = gradiometer_verify::all_statements().map(|s| s.id).collect();
/// assert!(ids.contains(&"7.1") && ids.contains(&"11.7.1"));
/// ```
pub fn all_statements() -> impl Iterator<Item = &'static Statement> {
    gradiometer_theory::statements().chain(gradiometer_mechanisms::statements())
}

#[cfg(test)]
mod tests;
