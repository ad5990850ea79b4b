//! The three programs of `examples/`, run as a user would: `cargo test` builds them beside the
//! tests.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use gradiometer::files::{TensorNames, write_network};
use gradiometer::model::Network;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap().join("examples");
    folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn run(name: &str, folder: &Path) -> Output {
    Command::new(program(name)).current_dir(folder).output().unwrap()
}

#[test]
fn a_teacher_from_a_file_is_certified() {
    let folder = tempfile::tempdir().unwrap();
    let missing = run("certify", folder.path());
    assert!(!missing.status.success(), "a missing file is an error");
    let w = [vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]];
    let teacher = Network::from_rows(vec![1.0, -1.0], &w).unwrap();
    let path = folder.path().join("teacher.safetensors");
    write_network(&path, &teacher, &TensorNames::default()).unwrap();
    let proved = run("certify", folder.path());
    let text = String::from_utf8(proved.stdout).unwrap();
    assert!(proved.status.success() && text.starts_with("proved: rho = 0."), "{text}");
}

#[test]
fn a_student_is_trained_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let trained = run("train", folder.path());
    let text = String::from_utf8(trained.stdout).unwrap();
    assert!(trained.status.success() && text.starts_with("learned: Fully"), "{text}");
    let drawing = std::fs::read_to_string(folder.path().join("loss.svg")).unwrap();
    assert!(drawing.starts_with("<svg") || drawing.starts_with("<?xml"), "{drawing:.80}");
}

#[test]
fn a_statement_holds_and_a_conjecture_is_refuted_by_one_neuron() {
    let folder = tempfile::tempdir().unwrap();
    let tested = run("my_inequality", folder.path());
    let text = String::from_utf8(tested.stdout).unwrap();
    assert!(tested.status.success(), "{text}");
    let (theirs, mine) = text.split_once("mine loss").unwrap();
    assert!(theirs.contains("7.3 localisation: holds") && !theirs.contains("REFUTED"), "{text}");
    assert!(mine.starts_with(": REFUTED") && mine.contains("smallest:"), "{text}");
}
