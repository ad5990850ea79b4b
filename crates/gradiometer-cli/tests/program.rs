//! The program from outside: every command's JSON, every documented exit code, every bad input.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use assert_cmd::Command;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What the program printed and how it ended.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|e| panic!("{e}: {}\n{}", self.out, self.err))
    }
}

#[track_caller]
fn program(name: &str, arguments: &[&str]) -> Run {
    let output = Command::cargo_bin(name).unwrap().args(arguments).output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn gradiometer(arguments: &[&str]) -> Run {
    program("gradiometer", arguments)
}

fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A trained student's loss is below this; an untrained one's is of order one.
const TRAINED: f64 = 1e-5;

const TEACHER: &str = r#"{"a": [1, -2], "w": [[1, 0, 0], [0, 1, 0]]}"#;
const STUDENT: &str = r#"{"a": [1, 0.5], "w": [[0.6, 0.8, 0], [0, 0, 0]]}"#;

#[test]
fn inspect_reports_the_complexity() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", TEACHER);
    let run = gradiometer(&["inspect", &teacher, "--json"]);
    let found = run.json();
    assert_eq!(run.code, 0);
    for (field, value) in [
        ("dimension", json!(3)),
        ("neurons", json!(2)),
        ("rank", json!(2)),
        ("total_mass", json!(3.0)),
        ("information_exponent", json!(1)),
        ("preprocessed_exponent", json!(2)),
    ] {
        assert_eq!(found[field], value, "{field}");
    }
    let rounding = 8.0 * f64::EPSILON;
    // Degree 1 of relu(x) - 2 relu(y) is (x - 2 y)/2, and its norm is told from zero by an error bar.
    let part = &found["information_exponent_parts"][0];
    let (norm, error) = (part["norm"].as_f64().unwrap(), part["error"].as_f64().unwrap());
    assert!((norm - 0.5 * 5.0_f64.sqrt()).abs() <= error && error < 100.0 * rounding, "{part}");
    assert!(
        (found["separation"].as_f64().unwrap() - std::f64::consts::FRAC_PI_2).abs() <= rounding
    );
    assert!((found["condition"].as_f64().unwrap() - 2.0).abs() <= 2.0 * rounding);
    let certificate = &found["certificate"];
    assert!(certificate["rho"].as_f64().unwrap() > 0.0, "{certificate}");
    assert_eq!(certificate["evidence"], json!("sampled"));
    assert!(gradiometer(&["inspect", &teacher]).out.contains("separation"));
    let plain = gradiometer(&["inspect", &teacher, "--no-certificate", "--json"]).json();
    assert!(plain["certificate"].is_null());
    let parallel = file(&folder, "parallel.json", r#"{"a": [1, 2], "w": [[1, 2], [-2, -4]]}"#);
    let run = gradiometer(&["inspect", &parallel, "--json"]);
    assert_eq!(run.code, 0);
    assert!(run.json()["certificate"]["missing"].as_str().unwrap().contains("parallel"));
}

#[test]
fn loss_reports_value_gradients_and_evidence() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", TEACHER);
    let student = file(&folder, "student.json", STUDENT);
    let arguments = ["loss", "--teacher", &teacher, "--student", &student, "--json"];
    let run = gradiometer(&[&arguments[..], &["--gradient", "--lambda", "0.5"]].concat());
    let found = run.json();
    assert_eq!((run.code, &found["evidence"]), (0, &json!("computed")));
    let number = |field: &str| found[field].as_f64().unwrap();
    // (lambda/2)(|a|^2 + |W|^2) = 0.25 (1.25 + 1).
    let decay = number("objective") - number("loss");
    assert!((decay - 0.5625).abs() <= 8.0 * f64::EPSILON * number("objective"), "{decay}");
    assert_eq!(found["grad_a"].as_array().unwrap().len(), 2);
    assert_eq!(found["grad_w"][0].as_array().unwrap().len(), 3);
    // The zero neuron's gradient in w vanishes.
    assert_eq!(found["grad_w"][1], json!([0.0, 0.0, 0.0]));
    let raw = gradiometer(&[&arguments[..], &["--from-degree", "0"]].concat()).json();
    assert!(raw["loss"].as_f64().unwrap() > number("loss"));
    assert_eq!(raw["grad_a"], Value::Null);
}

#[test]
fn the_teacher_has_no_loss_and_says_how_well_that_is_known() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", TEACHER);
    let found =
        gradiometer(&["loss", "--teacher", &teacher, "--student", &teacher, "--json"]).json();
    let (loss, error) = (found["loss"].as_f64().unwrap(), found["loss_error"].as_f64().unwrap());
    assert!(
        loss.abs() <= error && error < f64::MIN_POSITIVE.sqrt().sqrt(),
        "{loss:e} +- {error:e}"
    );
}

#[test]
fn pytorch_checkpoints_are_read() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gradiometer-files/testdata");
    let name = |n: &str| data.join(n).to_str().unwrap().to_owned();
    let (teacher, student) =
        (name("pytorch_teacher.safetensors"), name("pytorch_student.safetensors"));
    let found = gradiometer(&["inspect", &teacher, "--json"]).json();
    assert_eq!((&found["dimension"], &found["rank"]), (&json!(20), &json!(3)));
    let run = gradiometer(&["loss", "--teacher", &teacher, "--student", &student, "--json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let loss = run.json()["loss"].as_f64().unwrap();
    assert!(loss > 0.0 && loss < TRAINED, "{loss:e}");
    let run = gradiometer(&["inspect", &teacher, "--first-layer", "layer.weight"]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("layer.weight") && run.err.contains("fc1.weight"), "{}", run.err);
}

/// A bad file, the exit code, and what the message must name.
#[track_caller]
fn refused(name: &str, text: &str, parts: &[&str]) {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, name, text);
    for arguments in [vec!["inspect", &path], vec!["loss", "--teacher", &path, "--student", &path]]
    {
        let run = gradiometer(&arguments);
        assert_eq!(run.code, 65, "{text}: {}", run.err);
        assert_eq!(run.out, "");
        for part in parts.iter().chain(&[name]) {
            assert!(run.err.contains(part), "{text}: no {part:?} in {:?}", run.err);
        }
        assert!(!run.err.contains("panicked"), "{}", run.err);
    }
}

#[test]
fn bad_networks_are_refused_with_file_field_and_mend() {
    refused("nan.json", r#"{"a": [1], "w": [[NaN, 1]]}"#, &["w[0]", "finite"]);
    refused("nan.toml", "a = [1.0]\nw = [[nan, 1.0]]\n", &["w[0][0]", "finite"]);
    refused("huge.json", r#"{"a": [1e999], "w": [[1]]}"#, &["a[0]"]);
    refused("ragged.json", r#"{"a": [1, 2], "w": [[1, 2], [3]]}"#, &["w[1]", "equally long"]);
    refused("counts.json", r#"{"a": [1, 2], "w": [[1, 2]]}"#, &["a, w"]);
    refused("empty.json", "", &["empty"]);
    refused("none.json", r#"{"a": [], "w": []}"#, &["a"]);
    refused("field.json", r#"{"a": [1], "v": [[1]]}"#, &["v"]);
    refused("missing.json", r#"{"a": [1]}"#, &["w"]);
    refused("trailing.json", r#"{"a": [1], "w": [[1]]} x"#, &["trailing"]);
    refused("text.toml", "a = \n", &["line 1"]);
    refused("object.json", "3", &["an object"]);
    refused("zip.npz", "not an archive", &["npz"]);
    refused("cut.safetensors", "\u{1}\u{0}", &["safetensors"]);
}

#[test]
fn a_teacher_with_a_zero_neuron_is_refused() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", STUDENT);
    let run = gradiometer(&["inspect", &teacher]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("a[1]") && run.err.contains("remove"), "{}", run.err);
}

#[test]
fn dimensions_must_agree() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", TEACHER);
    let student = file(&folder, "student.json", r#"{"a": [1], "w": [[1, 0]]}"#);
    let run = gradiometer(&["loss", "--teacher", &teacher, "--student", &student]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("dimension 2") && run.err.contains("student.json"), "{}", run.err);
}

#[test]
fn usage_and_missing_files_have_their_codes() {
    assert_eq!(gradiometer(&["inspect"]).code, 64);
    assert_eq!(gradiometer(&["bogus"]).code, 64);
    assert_eq!(gradiometer(&["inspect", "x.json", "--bogus"]).code, 64);
    let run = gradiometer(&["inspect", "no-such-file.json"]);
    assert_eq!(run.code, 66);
    assert!(run.err.contains("no-such-file.json"));
    assert_eq!(gradiometer(&["--help"]).code, 0);
    assert_eq!(gradiometer(&["--version"]).code, 0);
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", TEACHER);
    let negative = ["loss", "--teacher", &teacher, "--student", &teacher, "--lambda=-1"];
    assert_eq!(gradiometer(&negative).code, 64);
}

const EXPERIMENT: &str = r"
seed = 5
[teacher]
dimension = 8
rank = 2
neurons = 2
separation = 1.2
[student]
neurons = 40
[stage3]
epochs = 5
steps = 1000
";

fn trained(folder: &TempDir, experiment: &str, out: &str) -> (Run, PathBuf) {
    let experiment = file(folder, "experiment.toml", experiment);
    let out = folder.path().join(out);
    let run = gradiometer(&["train", &experiment, "--out", out.to_str().unwrap(), "--json"]);
    (run, out)
}

#[test]
fn train_fills_a_folder_and_twice_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let (first, one) = trained(&folder, EXPERIMENT, "one");
    assert_eq!(first.code, 0, "{}", first.err);
    let found = first.json();
    let last = &found["final"];
    let lambda = last["lambda"].as_f64().unwrap();
    assert!((lambda - 0.01 / 16.0).abs() <= f64::EPSILON * lambda);
    assert!(last["loss"].as_f64().unwrap() <= 100.0 * lambda * lambda, "{last}");
    for angle in last["matched_angles"].as_array().unwrap() {
        assert!(angle.as_f64().unwrap() <= 30.0 * lambda, "{last}");
    }
    assert!(last["mass_away"].as_f64().unwrap() <= lambda, "{last}");
    assert!(last["objective"].as_f64().unwrap() > last["loss"].as_f64().unwrap());
    // Start, stages 1 and 2, balancing, five epochs.
    assert_eq!(found["stages"].as_array().unwrap().len(), 9);
    let (second, two) = trained(&folder, EXPERIMENT, "two");
    assert_eq!(second.code, 0);
    for name in [
        "run.json",
        "trajectory.csv",
        "teacher.json",
        "teacher.safetensors",
        "checkpoints/final.safetensors",
    ] {
        let bytes = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
        assert_eq!(bytes(&one), bytes(&two), "{name}");
    }
    // What was written can be read: the final student's loss is the run's.
    let teacher = one.join("teacher.json").to_str().unwrap().to_owned();
    let student = one.join("checkpoints/final.safetensors").to_str().unwrap().to_owned();
    let loss =
        gradiometer(&["loss", "--teacher", &teacher, "--student", &student, "--json"]).json();
    let (x, y) = (loss["loss"].as_f64().unwrap(), last["loss"].as_f64().unwrap());
    assert!(
        (x - y).abs()
            <= loss["loss_error"].as_f64().unwrap() + last["loss_error"].as_f64().unwrap()
    );
    // A folder that holds a run is kept, unless it may go.
    let (third, _) = trained(&folder, EXPERIMENT, "one");
    assert_eq!(third.code, 74);
    assert!(third.err.contains("--force"), "{}", third.err);
    // So is a file of the same name that no run wrote.
    let own = file(&folder, "teacher.json", TEACHER);
    let (fourth, _) = trained(&folder, EXPERIMENT, ".");
    assert_eq!(fourth.code, 74);
    assert!(fourth.err.contains("teacher.json"), "{}", fourth.err);
    assert_eq!(std::fs::read_to_string(own).unwrap(), TEACHER);
}

/// What the program prints and what a document shows differ at most by this much, relatively: the
/// last digit shown, and the rounding of another machine.
const SHOWN: f64 = 1.0 / 64.0;

#[test]
fn the_quickstart_prints_what_the_readme_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let shown = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = TempDir::new().unwrap();
    let (experiment, out) = (root.join("examples/quickstart.toml"), folder.path().join("run"));
    let paths = [experiment.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let run = gradiometer(&[&["train"][..], &paths, &["--no-report"]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("All 4 teacher neurons are learned"), "{}", run.out);
    assert_eq!(shown.lines().count(), run.out.split("\n\n").next().unwrap().lines().count());
    for (line, printed) in shown.lines().zip(run.out.lines()) {
        let pairs = line.split_whitespace().zip(printed.split_whitespace());
        for (a, b) in pairs {
            let close = match (a.parse::<f64>(), b.parse::<f64>()) {
                (Ok(x), Ok(y)) => (x - y).abs() <= SHOWN * x.abs(),
                _ => a == b,
            };
            assert!(close, "{line}\n{printed}");
        }
    }
}

#[test]
fn match_says_which_features_were_learned() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "t.json", r#"{"a": [1, -2], "w": [[1, 0, 0], [0, 1, 0]]}"#);
    // The second teacher neuron is there; beside the first one lie two of both signs that cancel.
    let student = file(
        &folder,
        "s.json",
        r#"{"a": [1, -2, 4, -4], "w": [[1, 0, 0], [0, 1, 0], [0.8, 0, 0.6], [0.8, 0, 0.6]]}"#,
    );
    let both = ["match", "--teacher", &teacher, "--student", &student];
    let run = gradiometer(&[&both[..], &["--json"]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    let json = run.json();
    assert_eq!(json["learned"], "partly");
    let features = json["features"].as_array().unwrap();
    assert_eq!((&features[0]["learned"], &features[1]["learned"]), (&json!(false), &json!(true)));
    assert_eq!(
        (features[0]["mass"].as_f64(), features[0]["neurons"].as_u64()),
        (Some(1.0), Some(3))
    );
    assert_eq!(features[0]["opposing_mass"].as_f64(), Some(4.0));
    assert_eq!(json["mass_away"].as_f64(), Some(8.0));
    let text = gradiometer(&both);
    assert!(text.out.contains("Partly learned: 1 of 2 teacher neurons"), "{}", text.out);
    // The teacher itself has learned everything.
    let own = gradiometer(&["match", "--teacher", &teacher, "--student", &teacher, "--json"]);
    assert_eq!(own.json()["learned"], "fully");
    // Without a teacher, its clusters.
    let alone = gradiometer(&["match", "--student", &student, "--json"]).json();
    let clusters = alone["clusters"].as_array().unwrap();
    assert_eq!(clusters.len(), 3);
    assert_eq!(
        (clusters[0]["mass"].as_f64(), clusters[0]["opposing_mass"].as_f64()),
        (Some(0.0), Some(4.0))
    );
    for bad in [
        &["match", "--student", &student, "--angle", "nan"][..],
        &["match", "--student", &student, "--angle", "-1"],
    ] {
        assert_eq!(gradiometer(bad).code, 64);
    }
    let other = file(&folder, "o.json", r#"{"a": [1], "w": [[1, 0]]}"#);
    let wrong = gradiometer(&["match", "--teacher", &teacher, "--student", &other]);
    assert_eq!(wrong.code, 65);
    assert!(wrong.err.contains("o.json"), "{}", wrong.err);
}

#[test]
fn explain_has_every_statement_in_full() {
    let all = gradiometer(&["explain", "--json"]);
    assert_eq!(all.code, 0, "{}", all.err);
    let statements = all.json()["statements"].as_array().unwrap().clone();
    for statement in &statements {
        let id = statement["id"].as_str().unwrap();
        let one = gradiometer(&["explain", id, "--json"]);
        let text = one.json()["text"].as_str().unwrap().to_owned();
        assert!(text.starts_with(&format!("{id} ")) && text.contains("Control"), "{text}");
    }
    let text = gradiometer(&["explain", "7.3"]).out;
    assert!(text.contains("B/rho") && text.contains("gradiometer verify --claim 7.3"), "{text}");
    let unknown = gradiometer(&["explain", "7.99"]);
    assert_eq!(unknown.code, 64);
    assert!(unknown.err.contains("7.10"), "{}", unknown.err);
}

#[test]
fn a_run_on_samples_learns_and_does_not_depend_on_threads() {
    let folder = TempDir::new().unwrap();
    let sampled = EXPERIMENT.replace("[stage3]", "[samples]\ncount = 4000\nnoise = 0.01\n[stage3]");
    let text = sampled.replace("steps = 1000", "steps = 100");
    let experiment = file(&folder, "experiment.toml", &text);
    let runs: Vec<Value> = ["1", "3"]
        .iter()
        .map(|threads| {
            let out = folder.path().join(threads);
            let mut command = Command::cargo_bin("gradiometer").unwrap();
            command.env("RAYON_NUM_THREADS", threads);
            let run = command.args(["train", &experiment, "--json", "--out"]).arg(&out).output();
            assert!(run.unwrap().status.success());
            serde_json::from_slice(&std::fs::read(out.join("run.json")).unwrap()).unwrap()
        })
        .collect();
    assert_eq!(runs[0], runs[1]);
    let loss = |stage: usize| runs[0]["stages"][stage]["loss"].as_f64().unwrap();
    let last = runs[0]["final"]["loss"].as_f64().unwrap();
    assert!(last < 0.01 * loss(0), "{last}");
    // The records are exact: as long as the student is zero they are those of the run without samples.
    let (exact, _) = trained(&folder, EXPERIMENT, "exact");
    assert_eq!(exact.json()["stages"][0]["loss"], runs[0]["stages"][0]["loss"]);
    assert_ne!(exact.json()["stages"][2]["loss"], runs[0]["stages"][2]["loss"]);
}

#[test]
fn shards_of_a_study_merge_to_the_bytes_of_one_run() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let study = |out: &str, more: &[&str]| {
        let start = ["study", "collapse", "--quick", "--no-report", "--quiet", "--out", out];
        gradiometer(&[&start, more].concat())
    };
    let (whole, shared, other) = (at("whole"), at("shared"), at("other"));
    assert_eq!(study(&whole, &[]).code, 0);
    for index in 1..=8 {
        // The last one lies elsewhere.
        let out = if index == 8 { &other } else { &shared };
        let run = study(out, &["--shard", &format!("{index}/8")]);
        assert_eq!(run.code, 0, "{}", run.err);
    }
    // Negative control: without the last shard nothing is written.
    let few = study(&shared, &["--merge"]);
    assert_eq!(few.code, 65);
    assert!(few.err.contains("missing") && few.err.contains("state.json"), "{}", few.err);
    assert!(!Path::new(&shared).join("collapse.csv").exists());
    let merged = at("merged");
    let run = study(&merged, &["--merge", &shared, &other]);
    assert_eq!(run.code, 0, "{}", run.err);
    for file in ["collapse.csv", "collapse.json", "collapse.state.json"] {
        let bytes = |out: &str| std::fs::read(Path::new(out).join(file)).unwrap();
        assert_eq!(bytes(&merged), bytes(&whole), "{file}");
    }
    // A shard is not begun anew without a word, nor taken for another.
    assert_eq!(study(&shared, &["--shard", "1/8"]).code, 74);
    assert_eq!(study(&shared, &["--shard", "1/8", "--resume"]).code, 0);
    let [first, second] =
        ["1", "2"].map(|i| Path::new(&shared).join(format!("collapse.{i}-of-8.state.json")));
    std::fs::copy(first, second).unwrap();
    assert_eq!(study(&shared, &["--shard", "2/8", "--resume"]).code, 64);
}

#[test]
fn a_study_prints_and_writes_its_findings() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().to_str().unwrap();
    let run = gradiometer(&["study", "collapse", "--quick", "--json", "--out", out]);
    assert_eq!(run.code, 0, "{}", run.err);
    let found = run.json();
    assert_eq!(found["statement"], json!("9.2"));
    assert_eq!(found["measurements"][0]["seeds"].as_array().unwrap().len(), 10);
    let written = std::fs::read(folder.path().join("collapse.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), found);
    let csv = std::fs::read_to_string(folder.path().join("collapse.csv")).unwrap();
    let rows = 10 * found["measurements"].as_array().unwrap().len();
    assert_eq!(csv.lines().count(), rows + 1);
    assert!(csv.starts_with("study,from_degree,d,n,n_over_d2,seed,measure,value\ncollapse,0,"));
    assert_eq!(gradiometer(&["study", "collapse", "--quick", "--out", out]).code, 74);
    // A finished study is read again; one of another size is refused.
    let again = gradiometer(&["study", "collapse", "--quick", "--resume", "--out", out]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.out.contains("what this says:\nyes  Without preprocessing"), "{}", again.out);
    assert_eq!(std::fs::read(folder.path().join("collapse.json")).unwrap(), written);
    let other = gradiometer(&["study", "collapse", "--resume", "--out", out]);
    assert_eq!(other.code, 64);
    assert!(other.err.contains("the size") && other.err.contains("collapse.state.json"));
    assert_eq!(gradiometer(&["study", "nothing"]).code, 64);
}

#[test]
fn a_diverged_run_has_a_report_with_the_mend() {
    let folder = TempDir::new().unwrap();
    let text = "[teacher]\ndimension = 3\nneurons = 2\n[student]\nneurons = 10\n[stage3]\nstep_size = 1e9\nsteps = 100\nepochs = 1\n";
    let (experiment, out) = (file(&folder, "wild.toml", text), folder.path().join("out"));
    let out = out.to_str().unwrap();
    let run = gradiometer(&["train", &experiment, "--out", out]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("diverged") && run.err.contains("smaller step size"), "{}", run.err);
    let page = || std::fs::read_to_string(Path::new(out).join("report.html")).unwrap();
    for part in ["diverged", "smaller step size", "1000000000", "last records"] {
        assert!(page().contains(part), "no {part}");
    }
    let report = gradiometer(&["report", out, "--quiet"]);
    assert_eq!(report.code, 0, "{}", report.err);
    // Negative control: with a smaller step the page is that of a run, and nothing of the other stays.
    let _path = file(&folder, "wild.toml", &text.replace("1e9", "0.1"));
    let run = gradiometer(&["train", &experiment, "--out", out, "--force"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(!page().contains("diverged") && !Path::new(out).join("diverged.json").exists());
}

#[test]
fn the_largest_safe_step_is_told_before_stage_3() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let train = |size: &str, more: &str| {
        let text = format!(
            "{more}[teacher]\ndimension = 3\nneurons = 2\n[student]\nneurons = 10\n[stage3]\nstep_size = {size}\nsteps = 5\nepochs = 1\n"
        );
        let experiment = file(&folder, "step.toml", &text);
        gradiometer(&[
            "train",
            &experiment,
            "--out",
            out.to_str().unwrap(),
            "--no-report",
            "--force",
        ])
    };
    let small = train("0.01", "").err;
    let told = "stage3.step_size = 0.01 is within ";
    let largest = small.split(told).nth(1).unwrap_or_else(|| panic!("{small}"));
    let largest: f64 = largest.split(',').next().unwrap().parse().unwrap();
    assert!(largest > 0.01 && small.contains("7.10"), "{small}");
    // One that is too large is told with the same number, up to the digits shown.
    let large = train(&format!("{}", 4.0 * largest), "").err;
    let above = large.split(" is above ").nth(1).unwrap_or_else(|| panic!("{large}"));
    let above: f64 = above.split(',').next().unwrap().parse().unwrap();
    assert!(large.contains("warning") && (0.5..2.0).contains(&(above / largest)), "{large}");
    // A diverged run's report has it too.
    let wild = train("1e9", "");
    assert_eq!(wild.code, 65);
    assert!(wild.err.contains("warning"), "{}", wild.err);
    let left = std::fs::read_to_string(out.join("diverged.json")).unwrap();
    assert!(left.contains("\"largest_step\""), "{left}");
    // Nothing where there is no such step, and nothing to those who want no remarks.
    let flow = train("0.01", "").err.contains("largest stable")
        && !train("0.01", "skip = [\"stage3\"]\n").err.contains("largest stable");
    assert!(flow);
}

#[test]
fn a_start_from_a_file_is_not_replaced_without_a_word() {
    let folder = TempDir::new().unwrap();
    let _start = file(&folder, "start.json", r#"{"a": [1, -1], "w": [[1, 0.5, 0], [0, 1, 0.5]]}"#);
    let text = "[teacher]\ndimension = 3\nneurons = 2\n[student]\nfile = \"start.json\"\n[stage3]\nsteps = 10\nepochs = 1\n";
    for (skip, warned) in [("", true), ("skip = [\"stage1\", \"stage2\", \"balance\"]\n", false)] {
        let experiment = file(&folder, "from.toml", &format!("{skip}{text}"));
        let out = folder.path().join(format!("out{warned}"));
        let run =
            gradiometer(&["train", &experiment, "--out", out.to_str().unwrap(), "--no-report"]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert_eq!(run.err.contains("Stage 1 replaces"), warned, "{}", run.err);
    }
}

#[test]
fn bad_experiments_are_refused() {
    let folder = TempDir::new().unwrap();
    for (experiment, part) in [
        ("[teacher]\nneurons = 2\n", "teacher.dimension"),
        ("[teacher]\ndimension = 3\nneurons = 2\n[stage3]\nlamda = 1\n", "lamda"),
        ("[teacher]\ndimension = 3\nneurons = 2\nrank = 4\n", "rank"),
        (
            "[teacher]\ndimension = 3\nneurons = 2\n[stage3]\nstep_size = 1e9\nsteps = 100\n",
            "diverged",
        ),
        ("", "empty"),
    ] {
        let (run, out) = trained(&folder, experiment, "out");
        assert_eq!(run.code, 65, "{experiment}: {}", run.err);
        assert!(run.err.contains(part) && run.err.contains("experiment.toml"), "{}", run.err);
        assert!(!out.join("run.json").exists());
    }
    let parallel = r#"{"a": [1, 2], "w": [[1, 2, 3], [-2, -4, -6]]}"#;
    let path = file(&folder, "parallel.json", parallel);
    let (run, _) = trained(&folder, "[teacher]\nfile = \"parallel.json\"\n", "out");
    assert_eq!(run.code, 65);
    assert!(
        run.err.contains("parallel.json") && run.err.contains("neurons 0 and 1"),
        "{}",
        run.err
    );
    // Where no separation is needed, the same teacher is welcome.
    let inspected = gradiometer(&["inspect", &path, "--json"]);
    assert_eq!(inspected.code, 0, "{}", inspected.err);
    assert_eq!(inspected.json()["assumption_2"], json!(false));
    assert_eq!(program("check-separation", &[&path]).code, 1);
}

#[test]
fn a_place_that_cannot_be_written_is_said() {
    let folder = TempDir::new().unwrap();
    let blocked = file(&folder, "blocked", "a file, not a folder");
    let (run, _) = trained(&folder, EXPERIMENT, &format!("{blocked}/out"));
    assert_eq!(run.code, 74, "{}", run.err);
    assert!(run.err.contains("blocked"), "{}", run.err);
}

#[test]
fn check_separation_decides() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", TEACHER);
    let run = program("check-separation", &[&teacher, "--json"]);
    assert_eq!((run.code, &run.json()["verdict"]), (0, &json!("holds")));
    let run = program("check-separation", &[&teacher, "--above", "1.6", "--json"]);
    assert_eq!((run.code, &run.json()["verdict"]), (1, &json!("refuted")));
}

#[test]
fn a_student_on_its_teacher_or_twice_the_same_is_served() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", r#"{"a": [1], "w": [[1, 0]]}"#);
    let loss = |student: &str| {
        let student = file(&folder, "student.json", student);
        let run = gradiometer(&[
            "loss",
            "--teacher",
            &teacher,
            "--student",
            &student,
            "--gradient",
            "--json",
        ]);
        assert_eq!(run.code, 0, "{}", run.err);
        run.json()
    };
    let bounded = |found: &Value, exact: f64| {
        let (loss, error) =
            (found["loss"].as_f64().unwrap(), found["loss_error"].as_f64().unwrap());
        assert!((loss - exact).abs() <= error + f64::EPSILON * exact, "{loss:e} +- {error:e}");
        for row in found["grad_w"].as_array().unwrap() {
            assert!(row.as_array().unwrap().iter().all(Value::is_f64), "{found}");
        }
    };
    // The degrees from 2 are even: the opposite neuron is the same feature.
    for same in ["[[1, 0]]", "[[-1, 0]]"] {
        let found = loss(&format!(r#"{{"a": [1], "w": {same}}}"#));
        bounded(&found, 0.0);
        assert!(found["gradient_norm"].as_f64() <= found["gradient_norm_error"].as_f64());
    }
    // Two equal neurons of one half each are the teacher again; of one each, a teacher too many: k(1).
    bounded(&loss(r#"{"a": [0.5, 0.5], "w": [[1, 0], [1, 0]]}"#), 0.0);
    let twice = loss(r#"{"a": [1, 1], "w": [[1, 0], [1, 0]]}"#);
    bounded(&twice, 0.25 - 0.5 * std::f64::consts::FRAC_1_PI);
    assert_eq!(twice["grad_w"][0], twice["grad_w"][1]);
}

#[test]
fn numbers_that_overflow_are_refused() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", TEACHER);
    let huge = file(&folder, "huge.json", r#"{"a": [1e200], "w": [[1e200, 1, 1]]}"#);
    for run in [
        gradiometer(&["inspect", &huge]),
        gradiometer(&["loss", "--teacher", &teacher, "--student", &huge]),
    ] {
        assert_eq!(run.code, 65, "{}", run.out);
        assert!(run.err.contains("huge.json") && run.err.contains("scale"), "{}", run.err);
    }
    // So is a run whose first stage leaves their range, and a size that no memory holds.
    for (experiment, part) in [
        (format!("{EXPERIMENT}[stage1]\nstep_size = 1e300\n"), "diverged"),
        (EXPERIMENT.replace("neurons = 40", "neurons = 4000000000000"), "student.neurons"),
    ] {
        let (run, _) = trained(&folder, &experiment, "out");
        assert_eq!(run.code, 65, "{}", run.err);
        assert!(run.err.contains(part) && run.err.contains("experiment.toml"), "{}", run.err);
    }
}

#[test]
fn a_theorem_has_its_numbers_and_says_what_it_proves_of_a_student() {
    let folder = TempDir::new().unwrap();
    let rows = "[[1, 0.1, 0, 0, 0, 0], [0, 1, 0.2, 0, 0, 0], [0, 0.1, 1, 0, 0.3, 0], [0.2, 0, 0, 1, 0, 0], [0, 0, -0.3, 0.1, 1, 0]]";
    let network = |rows: &str| format!(r#"{{"a": [1, -1, 1, 1, -1], "w": {rows}}}"#);
    let teacher = file(&folder, "teacher.json", &network(rows));
    let run = gradiometer(&["theorem", &teacher, "--json"]);
    let found = run.json();
    assert_eq!(
        (run.code, &found["verdict"], &found["method"]),
        (0, &json!("proved"), &json!("lagrange"))
    );
    // 4/pi^2 is the ceiling where d > r.
    assert!(found["rho"].as_f64().unwrap() > 0.4 && found["rho"].as_f64().unwrap() < 0.4053);
    let words = gradiometer(&["theorem", &teacher]).out;
    assert!(words.contains("Theorem.") && words.contains("(f)") && words.contains("certified"));
    // At the teacher, and with one neuron moved away.
    let at =
        gradiometer(&["theorem", &teacher, "--student", &teacher, "--lambda", "1e-5", "--json"]);
    assert_eq!(at.code, 0, "{}", at.err);
    let student = &at.json()["student"];
    assert_eq!(student["every_teacher_has_a_neuron"], json!(true));
    assert_eq!(student["neurons"].as_array().unwrap().len(), 5);
    for bound in student["conclusions"].as_array().unwrap() {
        assert!(bound["measured"].as_f64().unwrap() <= bound["bound"].as_f64().unwrap());
    }
    let moved = file(
        &folder,
        "moved.json",
        &network(&rows.replace("[0.2, 0, 0, 1, 0, 0]", "[0.2, 0, 0, 0, 0, 1]")),
    );
    let away =
        gradiometer(&["theorem", &teacher, "--student", &moved, "--lambda", "1e-5", "--json"]);
    assert_eq!(away.code, 2, "{}", away.err);
    assert_eq!(away.json()["student"]["every_teacher_has_a_neuron"], json!(false));
    // Either method of the checker by its name.
    let certificate = folder.path().join("certificate.json").to_str().unwrap().to_owned();
    assert_eq!(gradiometer(&["certify", &teacher, "--out", &certificate]).code, 0);
    let check = |method: &str| {
        gradiometer(&[
            "check-certificate",
            &certificate,
            "--teacher",
            &teacher,
            "--method",
            method,
            "--boxes",
            "1000",
            "--json",
        ])
    };
    assert_eq!(check("lagrange").json()["method"], json!("lagrange"));
    let boxes = check("branch-and-bound");
    assert_eq!((boxes.code, &boxes.json()["method"]), (2, &json!("branch-and-bound")));
    assert_eq!(check("magic").code, 64);
}

#[test]
fn corners_are_served() {
    let folder = TempDir::new().unwrap();
    // One neuron, d = r = 1, and a student of zero neurons only.
    let teacher = file(&folder, "teacher.json", r#"{"a": [2], "w": [[-3]]}"#);
    let student = file(&folder, "student.json", r#"{"a": [1, 0], "w": [[0], [0]]}"#);
    let found = gradiometer(&["inspect", &teacher, "--json"]).json();
    assert_eq!((&found["separation"], &found["rank"]), (&Value::Null, &json!(1)));
    let run = gradiometer(&[
        "loss",
        "--teacher",
        &teacher,
        "--student",
        &student,
        "--gradient",
        "--json",
    ]);
    let found = run.json();
    // 36 k(1) = 36 (1/4 - 1/(2 pi)).
    let exact = 36.0 * (0.25 - 0.5 * std::f64::consts::FRAC_1_PI);
    assert!(
        (found["loss"].as_f64().unwrap() - exact).abs()
            <= found["loss_error"].as_f64().unwrap() + 8.0 * f64::EPSILON
    );
    assert_eq!((&found["grad_a"], &found["grad_w"]), (&json!([0.0, 0.0]), &json!([[0.0], [0.0]])));
    // As many dimensions as the teacher spans, and one neuron in a larger space: no student means |y|^2.
    let k_one = 0.25 - 0.5 * std::f64::consts::FRAC_1_PI;
    for (teacher, zero, exact) in [
        (PLANE, r#"{"a": [0], "w": [[1, 1]]}"#, 2.0 * k_one),
        (r#"{"a": [-2], "w": [[0, 3, 0]]}"#, r#"{"a": [0], "w": [[1, 1, 1]]}"#, 36.0 * k_one),
    ] {
        let (teacher, zero) = (file(&folder, "t.json", teacher), file(&folder, "s.json", zero));
        let run = gradiometer(&["loss", "--teacher", &teacher, "--student", &zero, "--json"]);
        let found = run.json();
        let off = (found["loss"].as_f64().unwrap() - exact).abs();
        assert!(off <= found["loss_error"].as_f64().unwrap() + 8.0 * f64::EPSILON, "{found}");
    }
}

/// Two orthogonal neurons of opposite signs.
const PLANE: &str = r#"{"a": [1, -1], "w": [[1, 0], [0, 1]]}"#;

#[test]
fn a_certificate_is_found_proved_and_checked_again() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", PLANE);
    let certificate = folder.path().join("certificate.json").to_str().unwrap().to_owned();
    let run = gradiometer(&["certify", &teacher, "--out", &certificate, "--json"]);
    let found = run.json();
    assert_eq!((run.code, &found["verdict"]), (0, &json!("proved")), "{}", run.err);
    assert_eq!(found["evidence"], json!("certified"));
    for field in ["rho", "p_norm", "from_degree", "dimension_checked"] {
        assert!(found[field].as_f64().unwrap() > 0.0, "{field}");
    }
    assert!(found["rho"].as_f64().unwrap() >= 0.9 * found["sampled_rho"].as_f64().unwrap());
    let again = program("check-certificate", &[&certificate, "--teacher", &teacher, "--json"]);
    assert_eq!((again.code, &again.json()["verdict"]), (0, &json!("proved")), "{}", again.err);
    assert_eq!(again.json()["rho"], found["rho"]);
    let space = file(
        &folder,
        "space.json",
        r#"{"a": [1, -1, 1], "w": [[1, 0, 0, 0], [0.5, 1, 0.2, 0], [0.1, -0.3, 1, 0]]}"#,
    );
    let hurried = gradiometer(&["certify", &space, "--time-limit", "0", "--json"]);
    assert_eq!((hurried.code, &hurried.json()["verdict"]), (2, &json!("inconclusive")));
    assert!(hurried.json()["reason"]["obstacle"].as_str().unwrap().contains("time"));
    // Another teacher, an overstated rho, a degree that does not fit its weights, a version from the future.
    let other = file(&folder, "other.json", r#"{"a": [1, 1], "w": [[1, 0], [0, 1]]}"#);
    let run = gradiometer(&["check-certificate", &certificate, "--teacher", &other]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("certifies another teacher"), "{}", run.err);
    assert!(!again.err.contains("another teacher"), "{}", again.err);
    let text = std::fs::read_to_string(&certificate).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let changed = |field: &str, value: Value| {
        let mut document = document.clone();
        document[field] = value;
        let path = file(&folder, "changed.json", &document.to_string());
        gradiometer(&["check-certificate", &path, "--teacher", &teacher])
    };
    let rho = document["rho"].as_f64().unwrap();
    assert_eq!(changed("rho", json!(2.0 * rho)).code, 1);
    for (field, value) in [
        ("from_degree", json!(40)),
        ("version", json!(9)),
        ("format", json!("x")),
        ("rho", Value::Null),
    ] {
        let run = changed(field, value);
        assert_eq!(run.code, 65, "{field}: {}", run.err);
        assert!(run.err.contains(field) || run.err.contains("version"), "{}", run.err);
    }
    let parallel = file(&folder, "parallel.json", r#"{"a": [1, 2], "w": [[1, 2], [-2, -4]]}"#);
    let run = gradiometer(&["certify", &parallel]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("parallel"), "{}", run.err);
}

#[test]
fn analyze_gives_both_sides_of_every_lemma() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", PLANE);
    let student =
        file(&folder, "student.json", r#"{"a": [0.9, -0.9], "w": [[0.9, 0.02], [-0.01, 0.9]]}"#);
    let arguments = ["--teacher", &teacher, "--student", &student, "--lambda", "0.01", "--json"];
    let run = gradiometer(&[&["analyze", "--vectors"], &arguments[..]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    let found = run.json();
    let point = &found["point"];
    assert_eq!(point["descent_direction"].as_array().unwrap().len(), 2);
    // v_0 = a_0 w_0 - u_0.
    let error = point["average_errors"][0][0].as_f64().unwrap();
    assert!((error - (0.81 - 1.0)).abs() <= 4.0 * f64::EPSILON, "{error}");
    let pairings = point["residual_pairings"].as_object().unwrap();
    let sum = |name: &str, times: f64| times * pairings[name].as_f64().unwrap();
    let loss = sum("r1_r1", 1.0)
        + sum("r2_r2", 1.0)
        + sum("r3_r3", 1.0)
        + sum("r1_r2", 2.0)
        + sum("r1_r3", 2.0)
        + sum("r2_r3", 2.0);
    let scale = pairings["r1_r1"].as_f64().unwrap();
    assert!((loss - point["loss"].as_f64().unwrap()).abs() <= 64.0 * f64::EPSILON * scale);
    let (lower, upper) =
        (found["gap"]["lower"].as_f64().unwrap(), found["gap"]["upper"].as_f64().unwrap());
    assert!(0.0 <= lower && lower <= upper);
    let by_certificate = &found["gap"]["by_certificate"];
    assert!(by_certificate["lower"].as_f64().unwrap() <= upper);
    assert!(lower <= by_certificate["upper"].as_f64().unwrap());
    assert_eq!(found["optimum"]["converged"], json!(true));
    assert_eq!(found["optimum"]["atoms"].as_array().unwrap().len(), 2);
    let spectrum = &found["point"]["hessian_spectrum"];
    assert!(spectrum["smallest"].as_f64().unwrap() < spectrum["largest"].as_f64().unwrap());
    let claims = found["claims"].as_array().unwrap();
    for id in ["5.1", "5.2", "5.3", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "7.7", "7.8", "7.10"]
    {
        let claim =
            claims.iter().find(|claim| claim["id"] == id).unwrap_or_else(|| panic!("no {id}"));
        for field in ["left", "right", "ratio", "verdict", "evidence"] {
            assert!(!claim[field].is_null(), "{id}: {field}");
        }
        assert_eq!(claim["verdict"], "holds", "{claim}");
    }
    // The sides of the table are rounded away from each other, so that it claims no more than is known.
    let table = gradiometer(&[&["analyze"], &arguments[..6]].concat()).out;
    let shown = |line: &str, from_the_end: usize| -> f64 {
        let words: Vec<&str> = line.split_whitespace().collect();
        words[words.len() - from_the_end].parse().unwrap()
    };
    let mut are_cut = 0;
    for claim in
        claims.iter().filter(|claim| ["7.1", "7.2", "7.3"].iter().any(|id| claim["id"] == *id))
    {
        let (id, part) = (claim["id"].as_str().unwrap(), claim["part"].as_str().unwrap());
        let line = table.lines().find(|line| line.starts_with(id) && line.contains(part)).unwrap();
        let (left, right) = (claim["left"].as_f64().unwrap(), claim["right"].as_f64().unwrap());
        assert!(shown(line, 5) <= left && right <= shown(line, 4), "{line}");
        are_cut += usize::from(shown(line, 5) < left && right < shown(line, 4));
    }
    assert!(are_cut > 0, "no side has more digits than the table shows");
    assert_eq!(program("check-lemmas", &arguments).code, 0);
    let descent = program("check-descent", &arguments);
    assert_eq!(descent.code, 0);
    assert!(descent.json()["claims"].as_array().unwrap().iter().all(|claim| claim["id"] == "7.8"));
    let bad = ["analyze", "--teacher", &teacher, "--student", &student, "--lambda", "0"];
    assert_eq!(gradiometer(&bad).code, 65);
}

#[test]
fn verify_reports_every_claim_and_its_control() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("verified");
    let out = out.to_str().unwrap();
    let few = ["verify", "--claim", "7.5", "--claim", "3.2", "--instances", "64", "--json"];
    let run = gradiometer(&[&few[..], &["--out", out]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    let found = run.json();
    let claims = found["claims"].as_array().unwrap();
    assert_eq!(
        claims.iter().map(|c| c["id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["3.2", "7.5"]
    );
    for claim in claims {
        assert!(claim["instances"].as_u64().unwrap() >= 64 && claim["violations"] == 0, "{claim}");
        // A ratio of two rounded sides.
        assert!(claim["worst_ratio"].as_f64().unwrap() <= 1.0 + 64.0 * f64::EPSILON, "{claim}");
        assert!(claim["seed_of_worst"].is_u64(), "{claim}");
        assert_eq!(claim["negative_control"]["refuted"], json!(true), "{claim}");
    }
    // The same options give the same report.
    assert_eq!(gradiometer(&few).json(), found);
    // The worst instance can be analysed.
    let instance = Path::new(out).join("instances").join("7.5-from-below");
    let path = |name: &str| instance.join(name).to_str().unwrap().to_owned();
    let (teacher, student) = (path("teacher.json"), path("student.json"));
    let loss = gradiometer(&["loss", "--teacher", &teacher, "--student", &student, "--json"]);
    assert_eq!(loss.code, 0, "{}", loss.err);
    // A folder is not overwritten, a finished state is gone on from at once, other options are refused.
    assert_eq!(gradiometer(&[&few[..], &["--out", out]].concat()).code, 74);
    let again = gradiometer(&[&few[..], &["--out", out, "--resume"]].concat());
    assert_eq!((again.code, again.json()), (0, found));
    let other = ["verify", "--claim", "7.5", "--claim", "3.2", "--out", out, "--resume"];
    assert_eq!(gradiometer(&other).code, 64);
}

#[test]
fn verify_stops_at_its_time_limit_and_knows_its_claims() {
    let stopped = gradiometer(&["verify", "--claim", "7.1", "--time-limit", "0", "--json"]);
    assert_eq!(stopped.code, 2);
    assert_eq!(stopped.json()["complete"], json!(false));
    let unknown = gradiometer(&["verify", "--claim", "7.11"]);
    assert_eq!(unknown.code, 64);
    assert!(unknown.err.contains("7.11") && unknown.err.contains("7.10"), "{}", unknown.err);
    assert_eq!(gradiometer(&["verify", "--instances", "0"]).code, 64);
    assert_eq!(gradiometer(&["verify", "--resume"]).code, 64);
}

#[test]
fn a_net_has_its_covering_radius() {
    let folder = TempDir::new().unwrap();
    let axes = file(&folder, "axes.json", "[[1, 0, 0], [0, 2, 0], [0, 0, 3]]");
    let found = gradiometer(&["net", &axes, "--json"]).json();
    assert_eq!((&found["dimension"], &found["points"]), (&json!(3), &json!(3)));
    let radius = &found["covering_radius"];
    let exact = (1.0 / 3.0_f64.sqrt()).acos();
    assert!(
        radius["lower"].as_f64().unwrap() <= exact && exact <= radius["upper"].as_f64().unwrap()
    );
    assert_eq!(found["evidence"], json!("certified"));
    assert_eq!(program("check-net", &[&axes, "--radius", "0.956"]).code, 0);
    assert_eq!(program("check-net", &[&axes, "--radius", "0.955"]).code, 1);
    let cover = folder.path().join("cover.json").to_str().unwrap().to_owned();
    assert_eq!(gradiometer(&["net", &axes, "--out", &cover]).code, 0);
    assert_eq!(program("check-net", &[&axes, "--cover", &cover]).code, 0);
    let smaller = ["--cover", &cover, "--radius", "0.955"];
    assert_eq!(program("check-net", &[&[axes.as_str()], &smaller[..]].concat()).code, 1);
    // A missing simplex leaves a hole, a format of another kind and points of another dimension do not fit.
    let text = std::fs::read_to_string(&cover).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    for field in ["simplices", "centres"] {
        document["cover"]["caps"][field].as_array_mut().unwrap().pop();
    }
    let open = file(&folder, "open.json", &document.to_string());
    let run = program("check-net", &[&axes, "--cover", &open]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("open.json") && run.err.contains("ridge"), "{}", run.err);
    let other = file(&folder, "other.json", &text.replace("gradiometer-cover", "cover"));
    let run = program("check-net", &[&axes, "--cover", &other]);
    assert!(run.code == 65 && run.err.contains("format"), "{}", run.err);
    let plane = file(&folder, "plane.json", "[[1, 0], [0, 1]]");
    let run = program("check-net", &[&plane, "--cover", &cover]);
    assert!(run.code == 65 && run.err.contains("dimension"), "{}", run.err);
    assert_eq!(program("check-net", &[&axes]).code, 64);
    let ragged = file(&folder, "ragged.json", "[[1, 0], [1]]");
    let run = gradiometer(&["net", &ragged]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("[1]"), "{}", run.err);
}

/// A run long enough to be interrupted at any of its records and between them, with several checkpoints.
const LONG: &str = r"
seed = 5
[teacher]
dimension = 8
rank = 2
neurons = 2
separation = 1.2
[student]
neurons = 200
[stage3]
epochs = 6
steps = 1000
[record]
every = 20
";

/// Every file below a folder with its bytes, in order.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[track_caller]
fn assert_same_contents(one: &Path, two: &Path) {
    let (one, two) = (contents(one), contents(two));
    let names = |files: &[(PathBuf, Vec<u8>)]| -> Vec<PathBuf> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&one), names(&two));
    for ((name, x), (_, y)) in one.iter().zip(&two) {
        assert!(x == y, "{} differs", name.display());
    }
}

fn spawn_resume(experiment: &str, out: &Path) -> std::process::Child {
    std::process::Command::new(assert_cmd::cargo::cargo_bin!("gradiometer"))
        .args(["train", experiment, "--resume", "--quiet", "--no-report", "--out"])
        .arg(out)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    check_resume(LONG);
}

#[test]
fn a_killed_run_in_single_precision_resumes_to_the_same_bytes() {
    check_resume(&format!("precision = \"single\"\n{LONG}"));
}

#[test]
fn a_killed_run_on_samples_resumes_to_the_same_bytes() {
    // New batches in every step and an optimiser that remembers: all of it has to come back.
    check_resume(&LONG.replace(
        "[stage3]\nepochs = 6\nsteps = 1000\n",
        "[samples]\ncount = 4000\nbatch = 500\nfresh = true\nnoise = 0.1\n[stage3]\nepochs = 4\nsteps = 400\n\
         step_size = 0.01\noptimizer = \"adam\"\n",
    ));
}

#[test]
fn a_killed_flow_with_floors_and_watched_claims_resumes_to_the_same_bytes() {
    check_resume(&LONG.replace(
        "[stage3]\nepochs = 6\nsteps = 1000\n",
        "[watch]\nevery = 15\n[stage3]\nepochs = 3\nsteps = 300\noptimizer = \"flow\"\nfloor = \"every\"\n",
    ));
}

fn check_resume(text: &str) {
    let folder = TempDir::new().unwrap();
    let experiment = file(&folder, "experiment.toml", text);
    let whole = folder.path().join("whole");
    let run = gradiometer(&["train", &experiment, "--no-report", "--out", whole.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
    let kills = if std::env::var_os("RUN_SLOW_TESTS").is_some() { 20 } else { 5 };
    let mut interrupted = 0;
    let mut moment = 1_u64;
    for attempt in 0..kills {
        let out = folder.path().join(format!("killed{attempt}"));
        for tries in 1.. {
            // Pseudo-random moments, at first within a quarter of a second, later within more: a busy machine may not come to a checkpoint sooner.
            moment = moment.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let mut child = spawn_resume(&experiment, &out);
            std::thread::sleep(std::time::Duration::from_millis(
                5 + (moment >> 33) % (250 * tries),
            ));
            child.kill().unwrap();
            let done = child.wait().unwrap().success();
            interrupted += usize::from(!done);
            if done {
                break;
            }
            // Once was enough: the rest in one go.
            if out.join("checkpoints/resume.safetensors").exists() {
                assert!(spawn_resume(&experiment, &out).wait().unwrap().success());
                break;
            }
        }
        assert_same_contents(&whole, &out);
    }
    assert!(interrupted > 0, "no run was killed before its end");
    // Nothing is left to do for a run that has ended, and it stays as it is.
    let resume = ["train", &experiment, "--resume", "--no-report", "--json", "--out"];
    let again = gradiometer(&[&resume[..], &[whole.to_str().unwrap()]].concat());
    assert_eq!(again.code, 0, "{}", again.err);
    assert_same_contents(&whole, &folder.path().join("killed0"));
    // Another experiment does not go on from this one's checkpoint.
    let other = file(&folder, "other.toml", &text.replace("epochs = ", "epochs = 1"));
    let run = gradiometer(&["train", &other, "--resume", "--out", whole.to_str().unwrap()]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("stage3.epochs"), "{}", run.err);
}

#[cfg(unix)]
#[test]
fn an_interruption_leaves_a_checkpoint() {
    let folder = TempDir::new().unwrap();
    let experiment =
        file(&folder, "experiment.toml", &LONG.replace("steps = 1000", "steps = 100000"));
    let out = folder.path().join("out");
    let mut child = spawn_resume(&experiment, &out);
    while !out.join("checkpoints/resume.safetensors").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let interrupt =
        |id: u32| std::process::Command::new("kill").args(["-INT", &id.to_string()]).status();
    assert!(interrupt(child.id()).unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!out.join("run.json").exists());
    // Without --resume the half run is kept.
    let run = gradiometer(&["train", &experiment, "--out", out.to_str().unwrap()]);
    assert_eq!(run.code, 74);
    assert!(run.err.contains("--resume"), "{}", run.err);
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_last_good_checkpoint() {
    let folder = TempDir::new().unwrap();
    let experiment = file(&folder, "experiment.toml", LONG);
    let (whole, out) = (folder.path().join("whole"), folder.path().join("out"));
    let run = ["train", &experiment, "--no-report", "--out", whole.to_str().unwrap()];
    assert_eq!(gradiometer(&run).code, 0);
    // No file may exceed 64 blocks of 512 bytes, less than the trajectory needs.
    let program = assert_cmd::cargo::cargo_bin!("gradiometer");
    let command = format!(
        "trap '' XFSZ; ulimit -f 64; exec '{}' train '{experiment}' --quiet --no-report --out '{}'",
        program.display(),
        out.display()
    );
    let ended = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    let message = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(74), "{message}");
    assert!(message.contains("cannot be written"), "{message}");
    assert!(spawn_resume(&experiment, &out).wait().unwrap().success());
    assert_same_contents(&whole, &out);
}
