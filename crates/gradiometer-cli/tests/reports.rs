//! Reports and the terminal from outside: pages at the end of commands, completions, the manual, tables that fit.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

mod common;

use common::{Run, gradiometer};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const EXPERIMENT: &str = r"
seed = 5
[teacher]
dimension = 4
rank = 2
neurons = 2
separation = 1.2
[student]
neurons = 20
[stage3]
epochs = 4
steps = 200
";

fn trained(folder: &TempDir, more: &[&str]) -> (Run, PathBuf) {
    let experiment = folder.path().join("experiment.toml");
    fs::write(&experiment, EXPERIMENT).unwrap();
    let out = folder.path().join("run");
    let arguments = ["train", experiment.to_str().unwrap(), "--out", out.to_str().unwrap()];
    (gradiometer(&[&arguments[..], more].concat()), out)
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_run_ends_with_its_report_unless_it_is_not_wanted() {
    let folder = TempDir::new().unwrap();
    let (run, out) = trained(&folder, &["--no-report"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(!files(&out).contains(&"report.html".to_owned()) && !out.join("figures").exists());
    let (run, out) = trained(&folder, &["--force"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("report.html"), "{}", run.err);
    let page = fs::read(out.join("report.html")).unwrap();
    // The command alone writes the same bytes, and names every figure.
    let again = gradiometer(&["report", out.to_str().unwrap(), "--png", "--json"]);
    assert_eq!(again.code, 0, "{}", again.err);
    let found: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(fs::read(out.join("report.html")).unwrap(), page);
    let figures = found["figures"].as_array().unwrap();
    assert!(figures.iter().all(|path| Path::new(path.as_str().unwrap()).exists()));
    assert_eq!(figures.len(), files(&out.join("figures")).len());
    assert!(figures.len() >= 20, "{figures:?}");
    // A new run takes the old page away before it begins.
    let unwritable = out.join("teacher.json");
    fs::remove_file(&unwritable).unwrap();
    fs::create_dir(&unwritable).unwrap();
    let (run, out) = trained(&folder, &["--force"]);
    assert_eq!(run.code, 74, "{}", run.err);
    assert!(!out.join("report.html").exists());
}

#[test]
fn studies_and_verifications_end_with_reports() {
    let folder = TempDir::new().unwrap();
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (study, suite) = (out("study"), out("suite"));
    let run = gradiometer(&["study", "freeze", "--quick", "--out", &study]);
    assert_eq!(run.code, 0, "{}", run.err);
    let run = gradiometer(&["verify", "--claim", "7.5", "--instances", "16", "--out", &suite]);
    assert_eq!(run.code, 0, "{}", run.err);
    for name in [&study, &suite] {
        assert!(Path::new(name).join("report.html").exists(), "{name}");
    }
}

#[test]
fn what_is_no_folder_of_ours_is_refused() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("none");
    assert_eq!(gradiometer(&["report", missing.to_str().unwrap()]).code, 66);
    let empty = gradiometer(&["report", folder.path().to_str().unwrap()]);
    assert_eq!(empty.code, 65);
    assert!(empty.err.contains("run.json") && empty.err.contains("--out"), "{}", empty.err);
    assert_eq!(gradiometer(&["report"]).code, 64);
}

#[test]
fn shells_and_manuals_know_the_commands() {
    let commands = ["train", "verify", "report", "certify", "study"];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = gradiometer(&["completions", shell]);
        assert_eq!((script.code, script.err.as_str()), (0, ""));
        assert!(commands.iter().all(|command| script.out.contains(command)), "{shell}");
    }
    assert_eq!(gradiometer(&["completions", "no-shell"]).code, 64);
    let page = gradiometer(&["man"]);
    assert_eq!(page.code, 0);
    assert!(
        page.out.contains(".TH gradiometer 1") && page.out.contains("Exit codes"),
        "{}",
        page.out
    );
    let folder = TempDir::new().unwrap();
    let run = gradiometer(&["man", "--out", folder.path().to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
    let pages = files(folder.path());
    for command in commands {
        assert!(pages.contains(&format!("gradiometer-{command}.1")), "{pages:?}");
    }
}

#[test]
fn tables_fit_eighty_columns_without_colours_in_a_pipe() {
    let folder = TempDir::new().unwrap();
    let (run, out) = trained(&folder, &["--no-report", "--quiet"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let path = |name: &str| out.join(name).to_str().unwrap().to_owned();
    let (teacher, student) = (path("teacher.json"), path("checkpoints/final.safetensors"));
    let all = [
        run.out,
        gradiometer(&["analyze", "--teacher", &teacher, "--student", &student, "--lambda", "1e-3"])
            .out,
        gradiometer(&["inspect", &teacher]).out,
        gradiometer(&["certify", &teacher]).out,
        gradiometer(&["study", "freeze", "--quick"]).out,
        gradiometer(&["verify", "--claim", "4.3", "--claim", "7.3", "--instances", "16"]).out,
    ];
    for text in all {
        assert!(text.lines().count() > 3, "{text}");
        let long = text.lines().find(|line| line.chars().count() > 80);
        assert!(long.is_none() && !text.contains('\x1b'), "{long:?}");
    }
}

#[test]
fn runs_are_compared_in_a_folder_of_their_own() {
    let folder = TempDir::new().unwrap();
    let (_first, out) = trained(&folder, &["--no-report"]);
    let run = out.to_str().unwrap();
    let comparison = folder.path().join("comparison");
    let place = comparison.to_str().unwrap();
    let compared = gradiometer(&["compare", run, run, "--out", place, "--json"]);
    assert_eq!(compared.code, 0, "{}", compared.err);
    let json: Value = serde_json::from_str(&compared.out).unwrap();
    assert_eq!(json["figures"].as_array().unwrap().len(), 5);
    assert!(comparison.join("report.html").exists());
    // Neither a run's own page nor a folder without a run.
    assert_eq!(gradiometer(&["compare", run, run, "--out", run]).code, 74);
    let other = gradiometer(&["compare", run, place, "--out", place]);
    assert_eq!(other.code, 65);
    assert!(other.err.contains("is no run"), "{}", other.err);
    assert_eq!(gradiometer(&["compare", run, "nowhere", "--out", place]).code, 66);
    // A run on its way is told as such.
    let unfinished = folder.path().join("unfinished");
    fs::create_dir_all(unfinished.join("checkpoints")).unwrap();
    fs::write(unfinished.join("checkpoints/resume.safetensors"), "").unwrap();
    let waiting = gradiometer(&["compare", run, unfinished.to_str().unwrap(), "--out", place]);
    assert_eq!(waiting.code, 65);
    assert!(waiting.err.contains("train --resume"), "{}", waiting.err);
    assert_eq!(gradiometer(&["compare", run, "--out", place]).code, 64);
}
