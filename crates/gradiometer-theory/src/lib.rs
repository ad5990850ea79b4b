//! The statements of the theory, sections 2 to 8: each is one item, and [`statements`] is their
//! only list.
//!
//! A [`Statement`] has an id, what it says, its constants, where it is sharp and what its control
//! is; a [`Check`] of it gives both sides at a [`Context`], in the [`Form`] that is claimed or in
//! one that must fail somewhere; an [`Exponent`] gives the points of runs at several scales.
//! Whatever shows, watches, draws, verifies or tests statements iterates over the list.
//!
//! ```
//! use gradiometer_landscape::certificate::{CertificateOptions, find_certificate};
//! use gradiometer_model::{Network, Teacher};
//! use gradiometer_theory::{Context, Dual, Finding, statements};
//!
//! let network = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
//! let teacher = Teacher::new(network.clone()).unwrap().separated().unwrap();
//! let found = find_certificate(&teacher, &CertificateOptions::default()).unwrap();
//! let dual = Dual::searched(&teacher, &found.certificate).unwrap();
//! // At the teacher itself the loss is zero, and 7.1 holds.
//! let context = Context::given(&teacher, &network, 0.1, dual, 0.3);
//! let loss_bound = statements().find(|s| s.id == "7.1").unwrap();
//! assert_eq!(loss_bound.claims(&context).unwrap()[0].finding, Finding::Holds);
//! ```

mod analysis;
mod claim;
mod context;
mod dual;
mod error;
mod local_theorem;
mod quantities;
mod runs;
pub mod s2_hermite;
pub mod s3_objective;
pub mod s4_algorithm;
pub mod s5_duality;
pub mod s6_certificates;
pub mod s7_average;
pub mod s7_bounds;
pub mod s7_descent;
pub mod s7_split;
pub mod s8_training;
mod statement;

pub use analysis::Analysis;
pub use claim::{Claim, Evidence, Finding, Known, Relation, Sides};
pub use context::{Choice, Context};
pub use dual::Dual;
pub use error::TheoryError;
pub use local_theorem::{Bound, Conclusions, LocalTheorem, Neuron};
pub use quantities::{Constants, Quantities};
pub use statement::{
    Check, Cost, Curve, Evaluate, Exponent, Form, NamedCheck, Points, Predicted, Scope, Statement,
};

/// All statements, in the order of their ids.
///
/// # Examples
/// ```
/// let watched = gradiometer_theory::statements().filter(|s| s.section() == "7" && s.is_cheap());
/// assert_eq!(watched.filter(|s| s.is_about_students()).count(), 7);
/// ```
pub fn statements() -> impl Iterator<Item = &'static Statement> {
    let sections: [&'static [&'static Statement]; 10] = [
        &s2_hermite::STATEMENTS,
        &s3_objective::STATEMENTS,
        &s4_algorithm::STATEMENTS,
        &s5_duality::STATEMENTS,
        &s6_certificates::STATEMENTS,
        &s7_bounds::STATEMENTS,
        &s7_average::STATEMENTS,
        &s7_split::STATEMENTS,
        &s7_descent::STATEMENTS,
        &s8_training::STATEMENTS,
    ];
    sections.into_iter().flatten().copied()
}

/// The statement of an id in full, as `docs/THEORY.md` has it; a test holds that to the items.
///
/// # Examples
/// ```
/// let text = gradiometer_theory::explanation("7.1").unwrap();
/// assert!(text.starts_with("7.1 Loss bound\n") && text.contains("Hypotheses"));
/// assert!(gradiometer_theory::explanation("7").is_none());
/// ```
pub fn explanation(id: &str) -> Option<&'static str> {
    const THEORY: &str = include_str!("../../../docs/THEORY.md");
    let (_, after) = THEORY.split_once("<!-- generated: statements -->\n")?;
    let (all, _) = after.split_once("<!-- generated: end -->")?;
    let mut sections = all.split("## ").filter(|section| !section.is_empty());
    sections.find(|section| section.split(' ').next() == Some(id)).map(str::trim_end)
}

#[cfg(test)]
mod by_hand;
#[cfg(test)]
mod tests;
