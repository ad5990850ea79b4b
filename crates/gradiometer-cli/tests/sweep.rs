//! Sweeps from outside: shards, kills at random moments, a merge, job arrays, and what a bad grid says.
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
}

/// Numbers that look random; the same in each run of the test.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Every row, in whichever file it is.
fn rows(out: &Path) -> Vec<Value> {
    let mut rows = Vec::new();
    for file in std::fs::read_dir(out.join("rows")).unwrap() {
        for line in std::fs::read_to_string(file.unwrap().path()).unwrap().lines() {
            rows.push(serde_json::from_str(line).unwrap());
        }
    }
    rows
}

/// Two processes at once on one folder, each killed or told to stop at a random moment, again and again:
/// the table is that of one quiet run, and no row is there twice.
#[test]
fn kills_at_random_moments_lose_nothing_and_double_nothing() {
    let folder = TempDir::new().unwrap();
    for keep in ["rows", "runs"] {
        let grid = folder.path().join(format!("{keep}.toml"));
        let text = GRID.replace("[sweep]", &format!("[sweep]\nkeep = \"{keep}\""));
        std::fs::write(&grid, text).unwrap();
        let grid = grid.to_str().unwrap();
        let at = |name: &str| folder.path().join(format!("{keep}-{name}"));
        let whole = sweep(grid, &at("whole"), &["--quiet"]);
        assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stderr));
        let (out, mut random) = (at("killed"), Random(7));
        let (mut kills, mut rounds) = (0, 0_u64);
        while !out.join("results.csv").exists() {
            rounds += 1;
            assert!(rounds < 500, "no progress");
            let arguments = ["sweep", grid, "--out", out.to_str().unwrap(), "--resume", "--quiet"];
            let start = || {
                let mut command = command(&arguments);
                command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
            };
            let mut children = [start(), start()];
            // Short at first and then longer: a fast machine is killed several times, a slow one ends.
            std::thread::sleep(std::time::Duration::from_millis(random.below(5 + 5 * rounds)));
            for child in &mut children {
                let signal = if random.below(3) == 0 { "-INT" } else { "-KILL" };
                let _may_be_over =
                    Command::new("kill").args([signal, &child.id().to_string()]).output().unwrap();
                kills += u32::from(!child.wait().unwrap().success());
            }
        }
        assert!(kills >= 4, "{kills} kills in {rounds} rounds");
        let end = sweep(grid, &out, &["--resume", "--quiet"]);
        assert_eq!(end.status.code(), Some(0), "{}", String::from_utf8_lossy(&end.stderr));
        let bytes = |path: PathBuf| std::fs::read(path).unwrap();
        assert_eq!(bytes(out.join("results.csv")), bytes(at("whole").join("results.csv")));
        let mut points: Vec<u64> =
            rows(&out).iter().map(|row| row["point"].as_u64().unwrap()).collect();
        points.sort_unstable();
        assert_eq!(points, (0..64).collect::<Vec<_>>());
        if keep == "rows" {
            assert_eq!(std::fs::read_dir(out.join("points")).unwrap().count(), 0);
            assert!(rows(&out).iter().all(|row| row["run"]["final"]["loss"].is_number()));
        } else {
            for point in 0..64 {
                for file in ["run.json", "trajectory.csv", "snapshots.csv"] {
                    let name = format!("points/{point:05}/{file}");
                    assert_eq!(bytes(out.join(&name)), bytes(at("whole").join(&name)), "{name}");
                }
            }
        }
    }
}

#[test]
fn points_by_number_and_how_far_it_is() {
    let folder = TempDir::new().unwrap();
    let grid = folder.path().join("grid.toml");
    std::fs::write(&grid, GRID.replace("[sweep]", "[sweep]\nkeep = \"rows\"")).unwrap();
    let (grid, out) = (grid.to_str().unwrap(), folder.path().join("out"));
    let json = |more: &[&str]| -> Value {
        let run = sweep(grid, &out, &[&["--json", "--quiet"], more].concat());
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
        serde_json::from_slice(&run.stdout).unwrap()
    };
    let before = json(&["--status"]);
    assert_eq!((&before["done"], &before["open"]), (&0.into(), &"0-63".into()));
    let run = json(&["--points", "3,17-20"]);
    let points: Vec<u64> =
        run["rows"].as_array().unwrap().iter().map(|row| row["point"].as_u64().unwrap()).collect();
    assert_eq!(points, [3, 17, 18, 19, 20]);
    let status = json(&["--status"]);
    assert_eq!((&status["done"], &status["open"]), (&5.into(), &"0-2,4-16,21-63".into()));
    assert!(status["seconds_left"].as_f64().unwrap() > 0.0);
    // The merge says what is missing, and the text of the status how to go on.
    let merge = sweep(grid, &out, &["--merge"]);
    assert_eq!(merge.status.code(), Some(65));
    let message = String::from_utf8_lossy(&merge.stderr);
    assert!(
        message.contains("59 points") && message.contains("--points 0-2,4-16,21-63"),
        "{message}"
    );
    let text = sweep(grid, &out, &["--status"]);
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains("missing") && text.contains("--resume"), "{text}");
    let _all = json(&["--resume"]);
    assert_eq!(json(&["--status"])["open"], "");
    let beyond = sweep(grid, &out, &["--points", "64", "--resume"]);
    assert_eq!(beyond.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&beyond.stderr).contains("the last is 63"));
}

/// The grid of docs/CLUSTERS.md is one, and has the points that its lists say.
#[test]
fn the_grid_of_the_page_on_clusters_can_be_run() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CLUSTERS.md");
    let page = std::fs::read_to_string(page).unwrap();
    let grid = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("grid.toml");
    let status = |text: &str| {
        std::fs::write(&path, text).unwrap();
        sweep(path.to_str().unwrap(), &folder.path().join("out"), &["--status", "--json"])
    };
    let found: Value = serde_json::from_slice(&status(grid).stdout).unwrap();
    assert_eq!((&found["points"], &found["done"]), (&1500.into(), &0.into()));
    // Negative control: a name that no field has.
    let wrong = status(&grid.replace("4 * d", "4 * dimension"));
    assert_eq!(wrong.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("needs dimension"));
}

#[test]
fn a_job_array_is_one_script() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("grid.toml"), GRID).unwrap();
    let grid = at("grid.toml");
    let script = at("grid.sbatch");
    let write = |more: &[&str]| {
        let start = ["--slurm", script.to_str().unwrap()];
        sweep(grid.to_str().unwrap(), &at("out"), &[&start, more].concat())
    };
    let run = write(&["--shards", "16", "--time", "30", "--sbatch=--partition=long"]);
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(said.contains("16 tasks for 64 points") && said.contains("sbatch "), "{said}");
    let text = std::fs::read_to_string(&script).unwrap();
    for part in ["--array=1-16", "--partition=long", "/16\" --resume", "gradiometer' sweep"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let check = Command::new("bash").args(["-n", script.to_str().unwrap()]).status().unwrap();
    assert!(check.success());
    // Written again it is replaced; what is not refused by Slurm is not refused here, and what is, is.
    assert_eq!(write(&[]).status.code(), Some(0));
    for more in
        [&["--shards", "2000", "--max-array", "500"][..], &["--time", "1"], &["--time", "soon"]]
    {
        let run = write(more);
        let message = String::from_utf8_lossy(&run.stderr);
        // Shards beyond the points are not needed.
        let is_small = more[0] == "--shards";
        assert_eq!(run.status.code(), Some(if is_small { 0 } else { 64 }), "{message}");
    }
    std::fs::write(&script, "mine").unwrap();
    assert_eq!(write(&[]).status.code(), Some(74));
    assert_eq!(std::fs::read_to_string(&script).unwrap(), "mine");
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
    // A grid may grow, if that is asked for.
    check(&small.replace("[1]", "[1, 2]"), &[], 65, &["sweep.json", "fewer points", "--resume"]);
    check(&small.replace("[1]", "[1, 2]"), &["--resume", "--quiet"], 0, &[]);
    check(&small, &["--resume"], 65, &["sweep.json", "more points", "grown"]);
}
