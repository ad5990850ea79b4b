//! What a verification found, as `verify --json` prints it and `report.json` holds it.

use crate::scaling::{Fit, ScalingReport};
use crate::suite::{PartReport, Report, SearchReport, Suite};
use gradiometer_files::text_file::null_is_nan;
use gradiometer_theory::NamedCheck;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// From this ratio on a constant counts as sharp.
const SHARP: f64 = 0.9;

/// A verification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether everything was done that was asked for.
    pub complete: bool,
    /// Whether all hold and all controls are refuted; none where it could not be decided.
    pub holds: Option<bool>,
    /// Seeds evaluated.
    pub seeds: u64,
    /// What the right sides of inequalities are multiplied by.
    pub scale: f64,
    /// One for each statement.
    pub claims: Vec<Verified>,
}

/// What was found about one statement.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Verified {
    /// Both sides, on instances.
    Statement(VerifiedStatement),
    /// An exponent, over runs.
    Scaling(VerifiedScaling),
}

/// By its `kind`, so that a missing field is named.
impl<'de> Deserialize<'de> for Verified {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        if value["kind"] == SCALING {
            VerifiedScaling::deserialize(value).map(Self::Scaling).map_err(D::Error::custom)
        } else {
            VerifiedStatement::deserialize(value).map(Self::Statement).map_err(D::Error::custom)
        }
    }
}

/// The kind of a fitted exponent.
const SCALING: &str = "scaling";

/// Both sides of a statement, on instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifiedStatement {
    /// Its id.
    pub id: String,
    /// What it says, in a few words.
    pub title: String,
    /// What it supposes.
    pub hypotheses: String,
    /// Instances that met the hypotheses of at least one part.
    pub instances: u64,
    /// Instances that did not, and seeds that no instance could be drawn from.
    pub inapplicable: u64,
    /// Violations of any part.
    pub violations: u64,
    /// Evaluations whose sides agree by their rounding alone.
    pub hidden_by_rounding: u64,
    /// The worst ratio of left to right side among random instances.
    pub worst_ratio: Option<f64>,
    /// Its seed.
    pub seed_of_worst: Option<u64>,
    /// The worst ratio, the search included.
    pub worst_ratio_searched: Option<f64>,
    /// `identity` or `inequality`, of the part with the worst ratio.
    pub kind: Option<String>,
    /// Whether an inequality's constant is nearly attained.
    pub sharp: Option<bool>,
    /// How the sides are known.
    pub evidence: Option<String>,
    /// Whether everything was done.
    pub complete: bool,
    /// The parts.
    pub parts: Vec<VerifiedPart>,
    /// What must fail.
    pub negative_control: Control,
}

/// One part of a statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifiedPart {
    /// Its name.
    pub part: String,
    /// `identity` or `inequality`.
    pub kind: String,
    /// Evaluations that say something.
    pub checked: u64,
    /// Violations, the search's included.
    pub violations: u64,
    /// Evaluations whose sides agree by their rounding alone.
    pub hidden_by_rounding: u64,
    /// Evaluations that are not finite.
    pub undecided: u64,
    /// The worst ratio among random instances.
    pub worst_ratio: Option<f64>,
    /// Its seed.
    pub seed_of_worst: Option<u64>,
    /// Seeds that violate it, the first few.
    pub violating_seeds: Vec<u64>,
    /// The search from the worst of them.
    pub search: Option<Searched>,
    /// How the sides are known.
    pub evidence: String,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Searched {
    /// The part.
    pub part: String,
    /// The worst ratio.
    pub ratio: Option<f64>,
    /// Whether it violates the claim.
    pub violated: bool,
    /// Instances evaluated.
    pub evaluations: u64,
    /// The instance's seed.
    pub seed: Option<u64>,
    /// `sampled`.
    pub evidence: String,
}

/// A form of a statement that must fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// What it changes.
    pub changed: String,
    /// Whether it failed.
    pub refuted: bool,
    /// The search for it, a part each.
    pub parts: Vec<Searched>,
}

/// An exponent, over independent runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifiedScaling {
    /// The statement's id.
    pub id: String,
    /// What is fitted against what.
    pub title: String,
    /// Runs.
    pub instances: u64,
    /// 1 if it disagrees.
    pub violations: u64,
    /// None.
    pub hidden_by_rounding: u64,
    /// None: there are no sides.
    pub worst_ratio: Option<f64>,
    /// None.
    pub seed_of_worst: Option<u64>,
    /// `scaling`.
    pub kind: String,
    /// What the theory says, such as `about 2.000`.
    pub predicted: String,
    /// The exponent.
    pub fit: Interval,
    /// The constants of the runs.
    pub constants: Constants,
    /// `fitted`.
    pub evidence: String,
    /// What must disagree.
    pub negative_control: ScalingControl,
}

/// A fitted exponent with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean of the runs' slopes.
    #[serde(deserialize_with = "null_is_nan")]
    pub exponent: f64,
    /// Lower end.
    #[serde(deserialize_with = "null_is_nan")]
    pub low: f64,
    /// Upper end.
    #[serde(deserialize_with = "null_is_nan")]
    pub high: f64,
}

/// The least and the greatest constant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constants {
    /// The least.
    #[serde(deserialize_with = "null_is_nan")]
    pub least: f64,
    /// The greatest.
    #[serde(deserialize_with = "null_is_nan")]
    pub greatest: f64,
}

/// A fit that must disagree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalingControl {
    /// What it changes.
    pub changed: String,
    /// Whether it disagreed.
    pub refuted: bool,
    /// The exponent.
    pub fit: Interval,
}

impl Suite {
    /// What there is so far.
    pub fn verification(&self) -> Verification {
        let statements = self.checks().iter().zip(self.reports());
        let statements = statements.map(|(c, r)| Verified::Statement(VerifiedStatement::new(c, r)));
        let scalings = self.scalings().iter().map(|r| Verified::Scaling(VerifiedScaling::new(r)));
        Verification {
            complete: self.is_complete(),
            holds: self.conclusion(),
            seeds: self.seeds(),
            scale: self.scale(),
            claims: statements.chain(scalings).collect(),
        }
    }
}

impl Verified {
    /// The statement's id.
    pub fn id(&self) -> &str {
        match self {
            Self::Statement(found) => &found.id,
            Self::Scaling(found) => &found.id,
        }
    }

    /// Violations.
    pub const fn violations(&self) -> u64 {
        match self {
            Self::Statement(found) => found.violations,
            Self::Scaling(found) => found.violations,
        }
    }

    /// Whether its control failed, as it must.
    pub const fn control_is_refuted(&self) -> bool {
        match self {
            Self::Statement(found) => found.negative_control.refuted,
            Self::Scaling(found) => found.negative_control.refuted,
        }
    }
}

/// `identity` or `inequality`.
fn kind(identity: bool) -> String {
    if identity { "identity" } else { "inequality" }.to_owned()
}

impl VerifiedStatement {
    fn new(named: &NamedCheck, report: &Report) -> Self {
        let worst = report.worst_part();
        let largest = worst.and_then(PartReport::largest_ratio);
        let controls = report.controls.iter();
        Self {
            id: named.id.to_owned(),
            title: named.check.title.to_owned(),
            hypotheses: named.check.hypotheses.to_owned(),
            instances: report.instances,
            inapplicable: report.inapplicable,
            violations: report.violations(),
            hidden_by_rounding: report.hidden_by_rounding(),
            worst_ratio: worst.and_then(PartReport::worst_ratio),
            seed_of_worst: worst.and_then(|p| p.worst.first()).map(|w| w.1),
            worst_ratio_searched: largest,
            kind: worst.map(|p| kind(p.identity)),
            sharp: worst.filter(|p| !p.identity).map(|_| largest.is_some_and(|r| r >= SHARP)),
            evidence: worst.map(|p| p.evidence.clone()),
            complete: report.complete,
            parts: report.parts.iter().map(VerifiedPart::new).collect(),
            negative_control: Control {
                changed: named.check.control.to_owned(),
                refuted: report.controls_fail(),
                parts: controls.map(|c| Searched::new(&c.part, &c.search)).collect(),
            },
        }
    }
}

impl VerifiedPart {
    fn new(part: &PartReport) -> Self {
        Self {
            part: part.part.clone(),
            kind: kind(part.identity),
            checked: part.checked,
            violations: part.all_violations(),
            hidden_by_rounding: part.hidden_by_rounding,
            undecided: part.undecided,
            worst_ratio: part.worst_ratio(),
            seed_of_worst: part.worst.first().map(|w| w.1),
            violating_seeds: part.violating.clone(),
            search: part.search.as_ref().map(|search| Searched::new(&part.part, search)),
            evidence: part.evidence.clone(),
        }
    }
}

impl Searched {
    fn new(part: &str, search: &SearchReport) -> Self {
        Self {
            part: part.to_owned(),
            ratio: search.ratio,
            violated: search.violated,
            evaluations: search.evaluations,
            seed: search.instance.as_ref().map(|instance| instance.seed),
            evidence: "sampled".to_owned(),
        }
    }
}

impl VerifiedScaling {
    fn new(report: &ScalingReport) -> Self {
        let interval =
            |fit: &Fit| Interval { exponent: fit.exponent, low: fit.low, high: fit.high };
        let (least, greatest) = report.constants;
        Self {
            id: report.id.clone(),
            title: report.part.clone(),
            instances: report.fit.runs as u64,
            violations: u64::from(!report.agrees),
            hidden_by_rounding: 0,
            worst_ratio: None,
            seed_of_worst: None,
            kind: SCALING.to_owned(),
            predicted: report.predicted.clone(),
            fit: interval(&report.fit),
            constants: Constants { least, greatest },
            evidence: "fitted".to_owned(),
            negative_control: ScalingControl {
                changed: report.control.clone(),
                refuted: report.control_fails,
                fit: interval(&report.control_fit),
            },
        }
    }
}
