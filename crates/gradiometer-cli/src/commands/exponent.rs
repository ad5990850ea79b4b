//! `exponent EXPR|FILE`: information and generative exponents, leaps, and what proves them.

use super::TensorArguments;
use crate::{Common, Failure, Outcome, Report, Table, scientific};
use gradiometer::files::{FilesError, number, read_teacher};
use gradiometer::hermite::exponent::{Exponent, InformationExponent, Part};
use gradiometer::instances::Complexity;
use gradiometer::mechanisms::damian2024::sample_threshold;
use gradiometer::mechanisms::exponents::{
    Analysis, Bounds, DegreeVerdict, Evidence, Expression, LabelNoise, Table as Pairs, Tuning,
    Verdict, analyse,
};
use serde_json::{Value, json};
use std::path::Path;

/// Ends of the names of files that hold a teacher.
const TEACHERS: [&str; 4] = ["json", "toml", "safetensors", "npz"];
/// Ends of the names of files that hold a table of pairs.
const TABLES: [&str; 3] = ["csv", "tsv", "dat"];

/// What to examine, and how far.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// An expression such as "He3(z)" or "z1 + z1 z2", a file with one, a table of pairs "z y", a pair a line (.csv, .tsv, .dat or any file of several lines; linear between and beyond), or a teacher: .json, .toml, .safetensors or .npz.
    #[arg(value_name = "EXPR|FILE")]
    label: String,
    /// Noise on the label: gauss:TAU adds TAU xi, sign multiplies by a fair sign, gauss-mult by a normal number.
    #[arg(long, value_name = "NOISE")]
    noise: Option<String>,
    /// The first degree examined; those below it are taken to be zero.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    from: u32,
    /// The last degree examined.
    #[arg(long, value_name = "K", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=40))]
    highest: u32,
    /// The dimension for which to say how many samples the partial trace needs.
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u64).range(1..))]
    dimension: Option<u64>,
    #[command(flatten)]
    tensors: TensorArguments,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for a bad expression or file, or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let path = Path::new(&arguments.label);
    let ends_in = |ends: &[&str]| {
        path.extension().and_then(|end| end.to_str()).is_some_and(|end| ends.contains(&end))
    };
    if ends_in(&TEACHERS) {
        return teacher(arguments, path, common);
    }
    let tuning = Tuning { from: arguments.from, highest: arguments.highest, ..Tuning::default() };
    let (text, found) = match std::fs::read_to_string(path) {
        Ok(text) if ends_in(&TABLES) || has_lines(&text) => {
            (arguments.label.clone(), of_table(arguments, &text, &tuning)?)
        }
        Ok(text) => {
            let text = text.trim().to_owned();
            let found = of_expression(arguments, &text, &tuning)?;
            (text, found)
        }
        Err(error) if ends_in(&TABLES) => {
            let path = path.to_owned();
            return Err(Failure::Files(match error.kind() {
                std::io::ErrorKind::NotFound => FilesError::Missing { path },
                _ => FilesError::Unreadable { path, source: error },
            }));
        }
        Err(_not_a_file) => {
            let text = arguments.label.clone();
            let found = of_expression(arguments, &text, &tuning)?;
            (text, found)
        }
    };
    let thresholds = threshold(&found, arguments.dimension);
    let json = json!({
        "expression": text,
        "information": bounds(found.information),
        "leap_basis": found.leap_in_basis,
        "leap_isotropic": found.leap_isotropic,
        "stages": found.stages.iter().map(|(k, d)| json!([k, d])).collect::<Vec<_>>(),
        "generative": bounds(found.generative),
        "degrees": degrees(&found),
        "lambda_squared_lower": found.lambda_squared_lower.map(number),
        "n_c": thresholds.map(number),
        "transform": found.transform.iter().map(|(y, t)| json!([y, t])).collect::<Vec<_>>(),
    });
    Report { text: text_of(&found, thresholds), json }.print(common)?;
    let decided = found.information.is_decided() && found.generative.is_decided();
    Ok(if decided { Outcome::Holds } else { Outcome::Inconclusive })
}

/// Whether a text is a table: an expression is on one line.
fn has_lines(text: &str) -> bool {
    let content = |line: &&str| !line.split('#').next().unwrap_or_default().trim().is_empty();
    text.lines().filter(content).count() > 1
}

fn of_expression(arguments: &Arguments, text: &str, tuning: &Tuning) -> Result<Analysis, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::Data(format!("{text}: {error}"));
    let mut label = Expression::parse(text).map_err(|error| bad(&error))?;
    if let Some(noise) = noise(arguments)? {
        label = noise.applied_to(label);
    }
    analyse(&label, tuning).map_err(|error| bad(&error))
}

fn of_table(arguments: &Arguments, text: &str, tuning: &Tuning) -> Result<Analysis, Failure> {
    // Additive noise changes no exponent; a factor would need the table of the modulus.
    if let Some(LabelNoise::Sign | LabelNoise::GaussianFactor) = noise(arguments)? {
        return Err(Failure::Data(format!(
            "{}: noise that multiplies a table; write the table of its modulus instead",
            arguments.label
        )));
    }
    let table = Pairs::parse(text)
        .map_err(|error| Failure::Data(format!("{}: {error}", arguments.label)))?;
    Ok(table.analyse(tuning))
}

fn noise(arguments: &Arguments) -> Result<Option<LabelNoise>, Failure> {
    let read = |noise: &String| {
        LabelNoise::parse(noise).map_err(|error| Failure::Data(format!("--noise {noise}: {error}")))
    };
    arguments.noise.as_ref().map(read).transpose()
}

/// The samples that the partial trace needs; an upper bound, as `lambda^2` is bounded from below.
fn threshold(found: &Analysis, dimension: Option<u64>) -> Option<f64> {
    let (k, signal) = (found.generative.known()?, found.lambda_squared_lower?);
    sample_threshold(k, dimension? as f64, signal)
}

/// `{lower, upper, evidence}`; an exponent that is proved to be infinite has neither bound.
fn bounds(bounds: Bounds) -> Value {
    let (lower, upper) = match bounds {
        Bounds::Infinite => (None, None),
        Bounds::Between(lower, upper) => (Some(lower), upper),
    };
    json!({
        "lower": lower,
        "upper": upper,
        "infinite": bounds == Bounds::Infinite,
        "evidence": "certified",
    })
}

fn degrees(found: &Analysis) -> Vec<Value> {
    let entry = |kind: &str, verdict: &DegreeVerdict| {
        let (value, error) = verdict.evidence.value();
        let mut entry = json!({
            "k": verdict.degree,
            "kind": kind,
            "verdict": verdict_name(verdict.verdict),
            "value": number(value),
            "error": number(error),
        });
        if let Some(rule) = verdict.evidence.rule() {
            entry["rule"] = json!(rule);
        }
        if let Evidence::LevelSet { level, .. } = verdict.evidence {
            entry["level"] = number(level);
        }
        entry
    };
    let own = found.coefficients.iter().map(|v| entry("coefficient", v));
    own.chain(found.conditionals.iter().map(|v| entry("level_set", v))).collect()
}

const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Zero => "zero",
        Verdict::NonZero => "non-zero",
        Verdict::Undecided => "undecided",
    }
}

fn words(bounds: Bounds) -> String {
    match bounds {
        Bounds::Infinite => "infinite".to_owned(),
        Bounds::Between(lower, Some(upper)) if lower == upper => lower.to_string(),
        Bounds::Between(lower, Some(upper)) => format!("between {lower} and {upper}, undecided"),
        Bounds::Between(lower, None) => format!("at least {lower}, undecided"),
    }
}

fn text_of(found: &Analysis, threshold: Option<f64>) -> String {
    let mut summary = Table::new(&["exponent", "value"]);
    let mut row = |name: &str, value: String| summary.row(vec![name.to_owned(), value]);
    row("information", words(found.information));
    row("generative", words(found.generative));
    let leap = |leap: Option<u32>| leap.map_or("-".to_owned(), |k| k.to_string());
    row("leap in the given basis", leap(found.leap_in_basis));
    row("isotropic leap", leap(found.leap_isotropic));
    let stages: Vec<String> = found.stages.iter().map(|(k, d)| format!("({k}, {d})")).collect();
    if !stages.is_empty() {
        row("stages (degree, dimension)", stages.join(" "));
    }
    if let Some(signal) = found.lambda_squared_lower {
        row("lambda^2 at least", scientific(signal, 6));
    }
    if let Some(samples) = threshold {
        row("samples of the partial trace", scientific(samples, 4));
    }
    let mut table = Table::new(&["degree", "kind", "verdict", "value", "error", "by"]);
    for entry in degrees(found) {
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        // What a rule shows to be non-zero has no value: a 0 beside it would look like one.
        let has_value = entry["rule"].is_null() || entry["verdict"] == "zero";
        let real = |field: &str| {
            let x = entry[field].as_f64().filter(|_| has_value).unwrap_or(f64::NAN);
            scientific(x, 3)
        };
        let by = match (entry["rule"].as_str(), entry["level"].as_f64()) {
            (Some(rule), _) => rule.to_owned(),
            (None, Some(level)) => format!("level {}", scientific(level, 4)),
            (None, None) => "enclosure".to_owned(),
        };
        let kind = text("kind").replace('_', " ");
        table.row(vec![
            entry["k"].to_string(),
            kind,
            text("verdict"),
            real("value"),
            real("error"),
            by,
        ]);
    }
    format!("{}\n{}evidence: certified\n", summary.text(), table.text())
}

/// A teacher's information exponent, by floating point with error bounds.
fn teacher(arguments: &Arguments, path: &Path, common: &Common) -> Result<Outcome, Failure> {
    let teacher = read_teacher(path, &arguments.tensors.names())?;
    let complexity = Complexity::of(&teacher)
        .map_err(|error| Failure::Data(format!("{}: {error}", path.display())))?;
    let InformationExponent { exponent, parts } = if arguments.from <= 1 {
        complexity.information_exponent
    } else {
        complexity.preprocessed_exponent
    };
    let (lower, upper) = match exponent {
        Exponent::Known(k) => (k, Some(k)),
        Exponent::AtLeast(k) | Exponent::Undecided(k) => (k, None),
    };
    let verdict = |part: Part| match part {
        Part::Zero => "zero",
        Part::NonZero => "non-zero",
        Part::Undecided => "undecided",
    };
    let degrees: Vec<Value> = parts
        .iter()
        .map(|part| {
            json!({
                "k": part.degree,
                "kind": "coefficient",
                "verdict": verdict(part.part),
                "value": number(part.norm),
                "error": number(part.error),
            })
        })
        .collect();
    let json = json!({
        "information": {"lower": lower, "upper": upper, "infinite": false, "evidence": "computed"},
        "leap_basis": null,
        "leap_isotropic": null,
        "stages": [],
        "generative": {"lower": 1, "upper": upper, "infinite": false, "evidence": "computed"},
        "degrees": degrees,
        "lambda_squared_lower": null,
        "n_c": null,
        "transform": [],
    });
    let mut table = Table::new(&["degree", "verdict", "norm", "error"]);
    for part in &parts {
        table.row(vec![
            part.degree.to_string(),
            verdict(part.part).to_owned(),
            scientific(part.norm, 4),
            scientific(part.error, 2),
        ]);
    }
    let bounds = upper.map_or_else(|| format!("at least {lower}"), |k| k.to_string());
    let text = format!("information exponent: {bounds}\n{}evidence: computed\n", table.text());
    Report { text, json }.print(common)?;
    Ok(if upper.is_some() { Outcome::Holds } else { Outcome::Inconclusive })
}
