//! Sweeps from outside: shards, a kill, a merge, and what a bad grid says.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Sixty-four points, each of some milliseconds.
const GRID: &str = "
[teacher]
dimension = 4
rank = 2
neurons = 2
separation = 0.5
[student]
neurons = 10
[stage3]
steps = 60
epochs = 1
[record]
every = 30
[sweep]
seed = [1, 2, 3, 4, 5, 6, 7, 8]
stage3.lambda = [0.005, 0.01, 0.02, 0.04]
stage3.decay = [0.5, 0.7]
";

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gradiometer"));
    command.args(arguments);
    command
}

fn sweep(grid: &str, out: &Path, more: &[&str]) -> Output {
    command(&[&["sweep", grid, "--out", out.to_str().unwrap()], more].concat()).output().unwrap()
}

#[test]
fn shards_of_which_one_is_killed_merge_to_the_bytes_of_one_run() {
    let folder = TempDir::new().unwrap();
    let grid = folder.path().join("grid.toml");
    std::fs::write(&grid, GRID).unwrap();
    let grid = grid.to_str().unwrap();
    let at = |name: &str| folder.path().join(name);
    let whole = sweep(grid, &at("whole"), &["--json"]);
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stderr));
    let json: Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert_eq!(json["points"], 64);
    assert_eq!(json["rows"].as_array().unwrap().len(), 64);
    assert_eq!(json["rows"][63]["seed"], 8);

    let mut parts: Vec<PathBuf> = Vec::new();
    for shard in ["1/4", "2/4", "3/4", "4/4"] {
        let out = at(&format!("part{}", &shard[..1]));
        if shard == "3/4" {
            kill_in_the_middle(grid, &out, shard);
        }
        let run = sweep(grid, &out, &["--shard", shard, "--resume", "--quiet"]);
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
        parts.push(out);
    }
    let merge = |parts: &[PathBuf]| {
        let parts = parts.iter().map(|part| part.to_str().unwrap());
        let more: Vec<&str> = ["--merge"].into_iter().chain(parts).collect();
        sweep(grid, &at("merged"), &more)
    };
    // Negative control: three of them are no sweep.
    let few = merge(&parts[..3]);
    assert_eq!(few.status.code(), Some(65));
    let message = String::from_utf8_lossy(&few.stderr);
    assert!(message.contains("16 points") && message.contains("point 3"), "{message}");
    assert!(!at("merged/results.csv").exists());

    let merged = merge(&parts);
    assert_eq!(merged.status.code(), Some(0), "{}", String::from_utf8_lossy(&merged.stderr));
    let bytes = |name: &str| std::fs::read(at(name)).unwrap();
    for file in ["results.csv", "sweep.json"] {
        assert!(bytes(&format!("merged/{file}")) == bytes(&format!("whole/{file}")), "{file}");
    }
    // The killed shard's folders are those of the whole, too.
    for point in (2..64).step_by(4) {
        for file in ["run.json", "trajectory.csv", "checkpoints/final.safetensors"] {
            let name = format!("points/{point:05}/{file}");
            assert!(bytes(&format!("part3/{name}")) == bytes(&format!("whole/{name}")), "{name}");
        }
    }
}

/// Starts a shard and kills it once it has begun its fifth point or later.
fn kill_in_the_middle(grid: &str, out: &Path, shard: &str) {
    let arguments =
        ["sweep", grid, "--out", out.to_str().unwrap(), "--shard", shard, "--resume", "--quiet"];
    let mut child =
        command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !out.join("points/00018").exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success(), "the shard ended before it was killed");
    assert!(!out.join("results-3-of-4.csv").exists());
}

#[test]
fn mistakes_name_the_file_the_field_and_the_mend() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let grid = |text: &str| {
        let path = folder.path().join("grid.toml");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let check = |text: &str, more: &[&str], code: i32, parts: &[&str]| {
        let run = sweep(&grid(text), &out, more);
        let message = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(code), "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    };
    check(GRID, &["--shard", "5/4"], 64, &["--shard", "1/4"]);
    check(&GRID.replace("[sweep]", "[sweeep]"), &[], 65, &["grid.toml", "sweep", "train"]);
    let words = GRID.replace("[0.005, 0.01, 0.02, 0.04]", "[\"x\", \"y\"]");
    check(&words, &[], 65, &["grid.toml, point", "stage3", "lambda"]);
    let small = GRID
        .replace("[1, 2, 3, 4, 5, 6, 7, 8]", "[1]")
        .replace("[0.005, 0.01, 0.02, 0.04]", "[0.01]");
    check(&small, &["--quiet"], 0, &[]);
    check(&small, &[], 74, &["points/00000", "--resume"]);
    let run = sweep(&grid(&small), &out, &[]);
    assert!(!String::from_utf8_lossy(&run.stderr).contains("--force"), "sweep has no such option");
    check(&small.replace("[1]", "[2]"), &["--resume"], 65, &["sweep.json", "another sweep"]);
}
