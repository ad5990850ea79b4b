//! Inputs that once broke a bound, an evidence or a refutation, through the program.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use assert_cmd::Command;
use serde_json::Value;
use std::path::Path;

fn attack(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("../../tests/testdata/attack").join(name).to_str().unwrap().to_owned()
}

fn output(arguments: &[&str]) -> (i32, String) {
    let output = Command::cargo_bin("gradiometer").unwrap().args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn json(arguments: &[&str]) -> (i32, Value) {
    let (code, text) = output(&[arguments, &["--json"]].concat());
    (code, serde_json::from_str(&text).unwrap())
}

fn loss(name: &str, lambda: &str) -> Value {
    let [teacher, student] = ["teacher", "student"].map(|x| attack(&format!("{name}_{x}.json")));
    let files = ["loss", "--teacher", &teacher, "--student", &student];
    let (code, found) = json(&[&files[..], &["--gradient", "--lambda", lambda]].concat());
    assert_eq!(code, 0);
    found
}

fn number(found: &Value, field: &str) -> f64 {
    found[field].as_f64().unwrap_or_else(|| panic!("{field} of {found}"))
}

/// Digits of `dL/da` with lambda = 1 in arithmetic of 400 bits.
const GRADIENT: &str = "1000.100088310991105575";

#[test]
fn the_bound_of_a_gradient_has_the_decay() {
    let found = loss("lambda_small", "1");
    let exact: f64 = GRADIENT.parse().unwrap();
    let (entry, error) = (found["grad_a"][0].as_f64().unwrap(), number(&found, "grad_a_error"));
    // The double nearest to the exact number is off by at most half an epsilon of it.
    assert!((entry - exact).abs() <= error, "{entry} +- {error:e}");
    assert!(error >= 0.25 * f64::EPSILON * exact, "{error:e}");
    assert!(number(&found, "objective_error") > 0.0);
}

#[test]
fn a_norm_has_its_own_rounding() {
    let found = loss("norm_rounding", "0");
    let (norm, error) = (number(&found, "gradient_norm"), number(&found, "gradient_norm_error"));
    assert!(error >= 0.25 * f64::EPSILON * norm && error <= 64.0 * f64::EPSILON * norm);
}

/// `L` of the subnormal student in arithmetic of 400 bits.
const SUBNORMAL: f64 = 2.4435402346104683e-19;

#[test]
fn subnormal_weights_have_a_loss_and_an_objective() {
    let found = loss("subnormal", "0");
    let (value, error) = (number(&found, "loss"), number(&found, "loss_error"));
    assert!((value - SUBNORMAL).abs() <= error && error < 2.0 * f64::EPSILON * value, "{value:e}");
    assert!((number(&found, "objective") - value).abs() <= 0.0);
    // The square of a = 1e305 overflows: nothing is said of the objective, nor of its error.
    let decayed = loss("subnormal", "1");
    assert!(decayed["objective"].is_null() && decayed["objective_error"].is_null());
}

#[test]
fn text_has_no_digits_beyond_the_bound() {
    let [teacher, student] =
        ["teacher", "student"].map(|x| attack(&format!("lambda_small_{x}.json")));
    let (_, text) = output(&["loss", "--teacher", &teacher, "--student", &student]);
    let line = |name: &str| text.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
    let shown = line("loss L").split_whitespace().last().unwrap().to_owned();
    let bound: f64 = line("  error at most").split_whitespace().last().unwrap().parse().unwrap();
    // The last digit shown stands for no less than the bound, and the next one would.
    let places = i32::try_from(shown.split_once('.').unwrap().1.len()).unwrap();
    let last = 10.0_f64.powi(-places);
    assert!(last >= bound, "{shown} {bound:e}");
    assert!(shown.len() >= 8, "{shown}");
}

#[test]
fn noise_in_a_zero_coordinate_is_no_false_claim() {
    let certificate = attack("certificate_noise_in_a_zero_coordinate.json");
    let teacher = attack("certificate_teacher.json");
    let arguments = ["check-certificate", &certificate, "--teacher", &teacher];
    let (code, found) = json(&arguments);
    assert_eq!((code, found["verdict"].as_str()), (0, Some("proved")), "{found}");
    assert_eq!(found["evidence"], "certified");
    // What is printed is no more than what is proved.
    let (_, text) = output(&arguments);
    let shown = text.lines().find_map(|l| l.strip_prefix("rho ")).unwrap();
    assert!(shown.trim().parse::<f64>().unwrap() <= number(&found, "rho"), "{shown}");
    let norm = text.lines().find_map(|l| l.strip_prefix("|p| ")).unwrap();
    assert!(norm.trim().parse::<f64>().unwrap() >= number(&found, "p_norm"), "{norm}");
}

#[test]
fn a_rho_that_nobody_searched_is_not_sampled() {
    let certificate = attack("unsearched_rho_certificate.json");
    let teacher = attack("unsearched_rho_teacher.json");
    let (code, found) = json(&["check-certificate", &certificate, "--teacher", &teacher]);
    assert_eq!((code, found["evidence"].as_str()), (2, Some("claimed")), "{found}");
    let given = ["--teacher", &teacher, "--student", &teacher, "--certificate", &certificate];
    let (_, found) = json(&[&["analyze"], &given[..], &["--lambda", "0.01"]].concat());
    // The search goes below what is claimed, to about what one direction shows.
    assert!(number(&found["certificate"], "rho") <= MET, "{}", found["certificate"]);
    assert_eq!(found["certificate"]["evidence"], "sampled");
    let claims = found["claims"].as_array().unwrap();
    assert!(claims.iter().all(|claim| claim["evidence"] != "certified"));
}

/// `(1 - eta)/delta^2` at a direction that the attack found is 1.2956; the certificate claims 2.345.
const MET: f64 = 1.3;

#[test]
fn a_rho_above_what_a_search_meets_is_lowered_to_that() {
    // A certificate whose caps cannot be proved, so that the check is inconclusive.
    let folder = "../certificates/v1";
    let certificate = attack(&format!("{folder}/refuse/cap_undecided.json"));
    let teacher = attack(&format!("{folder}/teachers/close_pair.json"));
    let (code, checked) = json(&["check-certificate", &certificate, "--teacher", &teacher]);
    assert_eq!((code, checked["evidence"].as_str()), (2, Some("claimed")), "{checked}");
    let given = ["--teacher", &teacher, "--student", &teacher, "--certificate", &certificate];
    let (_, found) = json(&[&["analyze"], &given[..], &["--lambda", "0.01"]].concat());
    assert_eq!(found["certificate"]["evidence"], "sampled");
    assert!(number(&found["certificate"], "rho") <= number(&checked, "rho"), "{found}");
}
