//! A verification in files and as JSON.
//!
//! | file | what it is |
//! | --- | --- |
//! | `state.json` | what a later run goes on from |
//! | `report.json` | what `verify --json` prints |
//! | `instances/NAME/teacher.json`, `student.json` | the worst instance of a part of a statement, or one that violates it |
//! | `instances/NAME/README.md` | its seed, `lambda`, and the command that analyses it |

use super::ScalingReport;
use super::suite::{PartReport, Report, SearchReport, Stored, Suite};
use crate::error::VerifyError;
use gradiometer_files::FilesError;
use gradiometer_files::file::write_atomically;
use gradiometer_files::{TensorNames, number, write_network};
use gradiometer_theory::NamedCheck;
use serde_json::{Value, json};
use std::path::Path;

/// The state's name in a verification's folder.
pub const STATE_FILE: &str = "state.json";

/// From this ratio on a constant counts as sharp.
const SHARP: f64 = 0.9;

/// Writes report and instances of a suite into a folder, which is made if need be.
///
/// # Errors
/// [`FilesError::Write`].
pub fn write_folder(suite: &Suite, folder: &Path) -> Result<(), VerifyError> {
    write_atomically(&folder.join("report.json"), format!("{:#}\n", suite.json()).as_bytes())?;
    for (name, instance) in suite.instances() {
        write_instance(&instance, &folder.join("instances").join(name))?;
    }
    Ok(())
}

fn write_instance(instance: &Stored, folder: &Path) -> Result<(), VerifyError> {
    std::fs::create_dir_all(folder)
        .map_err(|source| FilesError::Write { path: folder.to_owned(), source })?;
    let (teacher, student) = instance.networks()?;
    let names = TensorNames::default();
    write_network(&folder.join("teacher.json"), &teacher, &names)?;
    write_network(&folder.join("student.json"), &student, &names)?;
    let text = format!(
        "Seed {}, lambda {:e}. In this folder:\n\n    gradiometer analyze --teacher teacher.json --student student.json --lambda {:e}\n",
        instance.seed, instance.lambda, instance.lambda
    );
    Ok(write_atomically(&folder.join("README.md"), text.as_bytes())?)
}

impl Suite {
    /// The suite as `verify --json` prints it: `complete`, `seeds`, `holds` and `claims`, one
    /// object a statement.
    pub fn json(&self) -> Value {
        let statements =
            self.checks().iter().zip(self.reports()).map(|(c, r)| statement_json(c, r));
        let fits = self.scalings().iter().map(scaling_json);
        json!({
            "complete": self.is_complete(),
            "holds": self.conclusion(),
            "seeds": self.seeds(),
            "scale": self.scale(),
            "claims": statements.chain(fits).collect::<Vec<_>>(),
        })
    }
}

fn statement_json(named: &NamedCheck, report: &Report) -> Value {
    let worst = report.worst_part();
    let largest = worst.and_then(PartReport::largest_ratio);
    json!({
        "id": named.id,
        "title": named.check.title,
        "hypotheses": named.check.hypotheses,
        "instances": report.instances,
        "inapplicable": report.inapplicable,
        "violations": report.violations(),
        "hidden_by_rounding": report.hidden_by_rounding(),
        "worst_ratio": worst.and_then(PartReport::worst_ratio),
        "seed_of_worst": worst.and_then(|p| p.worst.first()).map(|w| w.1),
        "worst_ratio_searched": largest,
        "kind": worst.map(|p| if p.identity { "identity" } else { "inequality" }),
        "sharp": worst.filter(|p| !p.identity).map(|_| largest.is_some_and(|r| r >= SHARP)),
        "evidence": worst.map(|p| p.evidence.as_str()),
        "complete": report.complete,
        "parts": report.parts.iter().map(part_json).collect::<Vec<_>>(),
        "negative_control": {
            "changed": named.check.control,
            "refuted": report.controls_fail(),
            "parts": report.controls.iter().map(|c| search_json(&c.part, &c.search)).collect::<Vec<_>>(),
        },
    })
}

fn part_json(part: &PartReport) -> Value {
    json!({
        "part": part.part,
        "kind": if part.identity { "identity" } else { "inequality" },
        "checked": part.checked,
        "violations": part.all_violations(),
        "hidden_by_rounding": part.hidden_by_rounding,
        "undecided": part.undecided,
        "worst_ratio": part.worst_ratio(),
        "seed_of_worst": part.worst.first().map(|w| w.1),
        "violating_seeds": part.violating,
        "search": part.search.as_ref().map(|s| search_json(&part.part, s)),
        "evidence": part.evidence,
    })
}

fn search_json(part: &str, search: &SearchReport) -> Value {
    json!({
        "part": part,
        "ratio": search.ratio,
        "violated": search.violated,
        "evaluations": search.evaluations,
        "seed": search.instance.as_ref().map(|i| i.seed),
        "evidence": "sampled",
    })
}

fn scaling_json(report: &ScalingReport) -> Value {
    let fit = |fit: &super::Fit| json!({"exponent": number(fit.exponent), "low": number(fit.low), "high": number(fit.high)});
    json!({
        "id": report.id,
        "title": report.part,
        "instances": report.fit.runs,
        "violations": u64::from(!report.agrees),
        "hidden_by_rounding": 0,
        "worst_ratio": null,
        "seed_of_worst": null,
        "kind": "scaling",
        "predicted": report.predicted,
        "fit": fit(&report.fit),
        "constants": {"least": number(report.constants.0), "greatest": number(report.constants.1)},
        "evidence": "fitted",
        "negative_control": {
            "changed": report.control,
            "refuted": report.control_fails,
            "fit": fit(&report.control_fit),
        },
    })
}
