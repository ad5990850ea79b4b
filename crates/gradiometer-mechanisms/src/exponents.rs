//! The exponent calculator (section C): information and generative exponents and leaps, with
//! verdicts that are proofs or say that nothing was decided.

pub mod calculator;
pub mod coefficient;
pub mod expression;
pub mod leap;
pub mod level_set;
pub mod noise;
pub mod number;
pub mod rational;
pub mod rules;
pub mod signs;
pub mod table;

pub use calculator::{Analysis, Bounds, DegreeVerdict, Evidence, Tuning, Verdict, analyse};
pub use expression::Expression;
pub use leap::Leaps;
pub use noise::LabelNoise;
pub use table::Table;
