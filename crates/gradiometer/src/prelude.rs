//! What most programs need: `use gradiometer::prelude::*;`.

pub use crate::certified::{Certified, certify};
pub use crate::error::Error;
pub use crate::files_with_defaults::{read_network, read_teacher};
pub use crate::training::{Trained, Training};
pub use gradiometer_model::recovery::{Clusters, Learned, Recovery};
pub use gradiometer_model::{Network, SeparatedTeacher, Teacher};
pub use gradiometer_population::{Accuracy, Objective, Population};
pub use gradiometer_theory::{
    Analysis, Check, Claim, Context, Cost, Dual, Evidence, Finding, Form, Known, NamedCheck, Scope,
    Sides, Statement, TheoryError, statements,
};
pub use gradiometer_verify::{Tested, test};
