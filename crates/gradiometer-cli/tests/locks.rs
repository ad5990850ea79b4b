//! Two processes on one folder: the second is refused, says who holds the folder, and changes not a byte.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use assert_cmd::cargo::CommandCargoExt as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// How often a second process tries.
const TRIES: usize = 10;

const EXPERIMENT: &str = "seed = 1\n[teacher]\ndimension = 20\nrank = 4\nneurons = 4\nseparation = 0.3\n\
                          [student]\nneurons = 300\n[stage3]\nlambda = 0.01\nepochs = 2\nsteps = 1000\n\
                          [record]\nevery = 100\n";

fn gradiometer(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("gradiometer").unwrap();
    command.args(arguments).args(["--quiet", "--json"]).stdout(Stdio::piped());
    if arguments[0] != "sweep" {
        command.arg("--no-report");
    }
    command.stderr(Stdio::piped());
    command
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// The bytes of every file below a folder.
fn bytes(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(place) = folders.pop() {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Starts a command and halts it in the middle, once it has written a file.
fn halted(arguments: &[&str], written: &Path) -> Child {
    let mut child = gradiometer(arguments).spawn().unwrap();
    while !written.exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it wrote {}",
            written.display()
        );
        sleep(Duration::from_millis(2));
    }
    signal(&child, "-STOP");
    assert!(child.try_wait().unwrap().is_none(), "it ended before it was halted");
    child
}

/// A second process beside the halted one: refused, with the process that holds the folder.
#[track_caller]
fn refused(holder: &Child, arguments: &[&str]) {
    let Output { status, stdout, stderr } = gradiometer(arguments).output().unwrap();
    let message = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(74), "{arguments:?}: {message}");
    // A sweep tells what it has done.
    assert!(stdout.is_empty() || arguments[0] == "sweep");
    let process = format!("process {} ", holder.id());
    for part in [process.as_str(), "is in use", arguments[0], "UTC", "wait"] {
        assert!(message.contains(part), "{arguments:?}: no {part:?} in {message}");
    }
}

#[test]
fn a_run_folder_in_use_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (experiment, other) = (path("experiment.toml"), path("other.toml"));
    std::fs::write(&experiment, EXPERIMENT).unwrap();
    std::fs::write(&other, EXPERIMENT.replace("seed = 1", "seed = 2")).unwrap();
    let (clean, both) = (path("clean"), path("both"));
    assert!(gradiometer(&["train", &experiment, "--out", &clean]).status().unwrap().success());

    let checkpoint = Path::new(&both).join("checkpoints/resume.safetensors");
    let first = halted(&["train", &experiment, "--out", &both], &checkpoint);
    let before = bytes(both.as_ref());
    assert!(before.contains_key(Path::new(".run.lock")));
    for _try in 0..TRIES {
        for arguments in [
            &["train", &experiment, "--out", &both, "--resume"][..],
            &["train", &other, "--out", &both, "--force"],
            &["train", &experiment, "--out", &both],
        ] {
            refused(&first, arguments);
            assert_eq!(bytes(both.as_ref()), before, "{arguments:?}");
        }
    }
    // Nor is a report made of half a run.
    let report =
        || Command::cargo_bin("gradiometer").unwrap().args(["report", &both]).output().unwrap();
    let waits = report();
    let message = String::from_utf8_lossy(&waits.stderr).into_owned();
    assert_eq!(waits.status.code(), Some(74), "{message}");
    assert!(message.contains("is in use") && message.contains("train"), "{message}");
    assert_eq!(bytes(both.as_ref()), before);
    signal(&first, "-CONT");
    assert!(first.wait_with_output().unwrap().status.success());
    assert_eq!(bytes(both.as_ref()), bytes(clean.as_ref()));
    assert!(report().status.success());
    // Negative control: once the folder is nobody's, another run may replace it, and changes it.
    let replaced = gradiometer(&["train", &other, "--out", &both, "--force"]).status().unwrap();
    assert!(replaced.success());
    assert_ne!(bytes(both.as_ref()), bytes(clean.as_ref()));
}

/// What a killed process leaves of its lock stops nobody, and is gone in the end.
#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (experiment, clean, cut) = (path("experiment.toml"), path("clean"), path("cut"));
    std::fs::write(&experiment, EXPERIMENT).unwrap();
    assert!(gradiometer(&["train", &experiment, "--out", &clean]).status().unwrap().success());
    let checkpoint = Path::new(&cut).join("checkpoints/resume.safetensors");
    let mut first = halted(&["train", &experiment, "--out", &cut], &checkpoint);
    first.kill().unwrap();
    let _killed = first.wait().unwrap();
    assert!(Path::new(&cut).join(".run.lock").exists());
    let resumed = gradiometer(&["train", &experiment, "--out", &cut, "--resume"]).output().unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(bytes(cut.as_ref()), bytes(clean.as_ref()));
}

#[test]
fn a_sweep_in_use_is_left_alone_and_shards_may_share_a_folder() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (sweep, whole, out) = (path("sweep.toml"), path("whole"), path("out"));
    std::fs::write(&sweep, format!("{EXPERIMENT}[sweep]\nseed = [1, 2]\n")).unwrap();
    assert!(gradiometer(&["sweep", &sweep, "--out", &whole]).status().unwrap().success());
    let trajectory = Path::new(&out).join("points/00000/trajectory.csv");
    let first = halted(&["sweep", &sweep, "--out", &out, "--shard", "1/2"], &trajectory);
    let before = bytes(out.as_ref());
    refused(&first, &["sweep", &sweep, "--out", &out, "--shard", "1/2", "--resume"]);
    assert_eq!(bytes(out.as_ref()), before);
    // The whole sweep has the first shard's point too: it leaves it alone, does the other and says so.
    let all = gradiometer(&["sweep", &sweep, "--out", &out, "--resume"]).output().unwrap();
    let message = String::from_utf8_lossy(&all.stderr);
    assert_eq!(all.status.code(), Some(74), "{message}");
    let process = format!("process {} ", first.id());
    assert!(message.contains("point 0 is not done") && message.contains(&process), "{message}");
    let after = bytes(out.as_ref());
    assert!(after.contains_key(Path::new("points/00001/run.json")));
    for (name, old) in before.iter().filter(|(name, _)| name.starts_with("points/00000")) {
        assert_eq!(&after[name], old, "{}", name.display());
    }
    signal(&first, "-CONT");
    assert!(first.wait_with_output().unwrap().status.success());
    // The last to be done has written the table.
    let table = |out: &str| bytes(out.as_ref())[Path::new("results.csv")].clone();
    assert_eq!(table(&out), table(&whole));
    assert!(gradiometer(&["sweep", &sweep, "--out", &out, "--merge"]).status().unwrap().success());
    assert_eq!(table(&out), table(&whole));
}

#[test]
fn the_states_of_studies_and_verifications_are_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (command, state) in [
        (["study", "collapse"].as_slice(), "collapse.state.json"),
        (&["verify", "--claim", "7.1", "--instances", "100000"], "state.json"),
    ] {
        let out = path(command[0]);
        let start = [command, &["--out", &out]].concat();
        let mut first = halted(&start, &Path::new(&out).join(state));
        let before = bytes(out.as_ref());
        for more in ["--resume", "--force"] {
            refused(&first, &[&start[..], &[more]].concat());
            assert_eq!(bytes(out.as_ref()), before, "{start:?} {more}");
        }
        first.kill().unwrap();
        let _killed = first.wait().unwrap();
    }
}
