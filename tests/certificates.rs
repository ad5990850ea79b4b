//! The committed certificates of format version 1: what the checker accepts, and one refusal for
//! each of its reasons.
//!
//! `testdata/certificates/v1/cases.json` lists them: a certificate, the teacher it is held against,
//! what has to come of it, and limits or a method where these are the reason. The files are not to be written
//! again: they hold the reader to the old format.

use gradiometer::certify::{
    CertifyError, InTurn, Limits, Method, Obstacle, Progress, Refutation, Runner, Verdict,
    check_certificate, check_certificate_by,
};
use gradiometer::files::{TensorNames, read_certificate, read_teacher};
use gradiometer_tests::source;
use serde_json::Value;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Every reason that the checker has for not accepting a certificate.
const REASONS: [&str; 17] = [
    "Refutation::Coefficient A",
    "Refutation::Coefficient B",
    "Refutation::Norm",
    "Refutation::Bound",
    "Obstacle::Norm",
    "Obstacle::Cap",
    "Obstacle::Angle",
    "Obstacle::TooFine",
    "Obstacle::Boxes",
    "Obstacle::Memory",
    "Obstacle::Stopped",
    "CertifyError::Version",
    "CertifyError::Degree",
    "CertifyError::Weight",
    "CertifyError::Number",
    "CertifyError::Length",
    "CertifyError::Interpolation",
];

fn folder() -> PathBuf {
    source::root().join("tests/testdata/certificates/v1")
}

fn cases() -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join("cases.json")).expect("the list is there");
    serde_json::from_str(&text).expect("the list is JSON")
}

/// Ends the check at the first look.
struct Stop;

impl Runner for Stop {
    fn proceed(&mut self, _progress: Progress) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

/// What comes of a case: `proved`, or the variant that refuses it.
fn outcome(case: &Value) -> String {
    let file = |field: &str| case[field].as_str().expect("a file name").to_owned();
    let teacher = folder().join("teachers").join(file("teacher"));
    let teacher = read_teacher(&teacher, &TensorNames::default()).expect("a teacher");
    let certificate = match read_certificate(&folder().join(file("certificate"))) {
        Ok(certificate) => certificate,
        Err(error) => {
            let source = error.source().and_then(|source| source.downcast_ref::<CertifyError>());
            return refusal(source.unwrap_or_else(|| panic!("another reason: {error}")));
        }
    };
    let (mut limits, usual) = (Limits::default(), Limits::default());
    limits.boxes = case["boxes"].as_u64().unwrap_or(usual.boxes);
    limits.open_boxes =
        case["open_boxes"].as_u64().map_or(usual.open_boxes, |n| n.try_into().expect("few"));
    let mut runner: Box<dyn Runner> =
        if case["stop"] == true { Box::new(Stop) } else { Box::new(InTurn) };
    let checked = match case["method"].as_str().and_then(Method::named) {
        Some(method) => check_certificate_by(method, &certificate, &teacher, &limits, &mut *runner),
        None => check_certificate(&certificate, &teacher, &limits, &mut *runner),
    };
    match checked {
        Ok(report) => match report.verdict {
            Verdict::Proved(_) => "proved".to_owned(),
            Verdict::Refuted(refutation) => match refutation {
                Refutation::Coefficient { neuron, coordinate: None, .. } => {
                    format!("Refutation::Coefficient A[{neuron}]")
                }
                Refutation::Coefficient { neuron, coordinate: Some(axis), .. } => {
                    format!("Refutation::Coefficient B[{neuron}][{axis}]")
                }
                Refutation::Norm { .. } => "Refutation::Norm".to_owned(),
                Refutation::Bound { .. } => "Refutation::Bound".to_owned(),
                other => panic!("a new refutation needs a case: {other:?}"),
            },
            Verdict::Inconclusive(obstacle) => match obstacle {
                Obstacle::Norm { .. } => "Obstacle::Norm".to_owned(),
                Obstacle::Cap { .. } => "Obstacle::Cap".to_owned(),
                Obstacle::Angle { .. } => "Obstacle::Angle".to_owned(),
                Obstacle::TooFine { .. } => "Obstacle::TooFine".to_owned(),
                Obstacle::Boxes => "Obstacle::Boxes".to_owned(),
                Obstacle::Memory => "Obstacle::Memory".to_owned(),
                Obstacle::Stopped => "Obstacle::Stopped".to_owned(),
                other => panic!("a new obstacle needs a case: {other:?}"),
            },
        },
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &CertifyError) -> String {
    match error {
        CertifyError::Version { .. } => "CertifyError::Version".to_owned(),
        CertifyError::Degree { .. } => "CertifyError::Degree".to_owned(),
        CertifyError::Weight { degree, .. } => format!("CertifyError::Weight {degree}"),
        CertifyError::Number { field, .. } => format!("CertifyError::Number {field}"),
        CertifyError::Length { field, .. } => format!("CertifyError::Length {field}"),
        CertifyError::Interpolation { .. } => "CertifyError::Interpolation".to_owned(),
        other => panic!("a new error needs a case: {other:?}"),
    }
}

#[test]
fn every_certificate_of_version_1_has_its_outcome() {
    for case in cases() {
        assert_eq!(outcome(&case), case["expect"], "{case}");
    }
}

#[test]
fn every_reason_has_a_case_and_every_file_is_in_the_list() {
    let cases = cases();
    let expected: Vec<&str> = cases.iter().filter_map(|case| case["expect"].as_str()).collect();
    for reason in REASONS {
        assert!(expected.iter().any(|found| found.starts_with(reason)), "{reason}");
    }
    assert!(expected.contains(&"proved"));
    for kind in ["accept", "refuse"] {
        for entry in std::fs::read_dir(folder().join(kind)).expect("the folder is there") {
            let name = entry.expect("an entry").file_name();
            let name = format!("{kind}/{}", name.to_str().expect("ASCII"));
            let case = cases.iter().find(|case| case["certificate"] == *name);
            let proved = case.map(|case| case["expect"] == "proved");
            assert_eq!(proved, Some(kind == "accept"), "{name}");
        }
    }
}
