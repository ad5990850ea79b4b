//! Inputs from the field that were once answered wrongly, and the right answers: `cases/README.md`
//! has a row for each. Beside each stands an input like it that must come out otherwise.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use assert_cmd::Command;
use gradiometer_testing::{Tolerance::Exact, at_most, close, rounding};
use serde_json::Value;
use std::f64::consts::{FRAC_PI_2, PI};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What the program printed and how it ended.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|e| panic!("{e}: {}\n{}", self.out, self.err))
    }
}

fn program(arguments: &[&str], input: &[u8]) -> Run {
    let mut command = Command::cargo_bin("gradiometer").unwrap();
    let output = command.args(arguments).write_stdin(input).output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn gradiometer(arguments: &[&str]) -> Run {
    program(arguments, b"")
}

fn case(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    folder.join(name).to_str().unwrap().to_owned()
}

fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[track_caller]
fn number(json: &Value, field: &str) -> f64 {
    json[field].as_f64().unwrap_or_else(|| panic!("no number {field} in {json}"))
}

#[test]
fn a_bias_is_not_dropped() {
    let (teacher, student) = (case("bias_teacher.json"), case("bias_ignored.safetensors"));
    let arguments = ["loss", "--teacher", &teacher, "--student", &student];
    let named = ["--first-layer", "w1", "--second-layer", "w2", "--from-degree", "0"];
    let run = gradiometer(&[&arguments[..], &named].concat());
    // E (relu(x + b) - relu(x))^2 for the b of the file.
    assert!(run.out.contains("0.62677565585"), "{}{}", run.out, run.err);
    let found = gradiometer(&[&arguments[..], &named, &["--json", "--gradient"]].concat()).json();
    let off = (number(&found, "loss") - 0.626_775_655_853_363_9).abs();
    assert!(off <= number(&found, "loss_error"), "{found}");
    assert_eq!(found["grad_b"].as_array().unwrap().len(), 1);
    // What is about directions says that it is not about biases.
    let inspect = ["inspect", &student, "--first-layer", "w1", "--second-layer", "w2"];
    let run = gradiometer(&inspect);
    assert_eq!((run.code, run.out.as_str()), (65, ""));
    assert!(run.err.contains("b1[0]") && run.err.contains("no bias"), "{}", run.err);
    // Whoever does not want it says so.
    let run = gradiometer(&[&arguments[..], &named, &["--ignore", "b1", "--json"]].concat());
    close(number(&run.json(), "loss"), 0.0, Exact);
}

#[test]
fn kernels_are_read_by_a_flag() {
    let (teacher, student) = (case("flax_teacher.json"), case("flax_rect.safetensors"));
    let layers =
        ["--first-layer", "params.Dense_0.kernel", "--second-layer", "params.Dense_1.kernel"];
    let arguments = ["loss", "--teacher", &teacher, "--student", &student, "--json"];
    let run = gradiometer(&[&arguments[..], &layers].concat());
    assert_eq!(run.code, 65);
    assert!(run.err.contains("d x m") && run.err.contains("--layout flax"), "{}", run.err);
    let named = gradiometer(&[&arguments[..], &layers, &["--layout", "flax"]].concat());
    let found = gradiometer(&[&arguments[..], &["--layout", "flax"]].concat());
    assert_eq!((named.code, found.code), (0, 0), "{}{}", named.err, found.err);
    assert_eq!(named.out, found.out);
    assert!(found.err.contains("took `params.Dense_0.kernel`"), "{}", found.err);
}

#[test]
fn archives_may_hold_whole_numbers() {
    let folder = TempDir::new().unwrap();
    let same = file(&folder, "t.json", r#"{"a": [1, -1], "w": [[1, 0, 0], [0, 1, 0]]}"#);
    let inspect = |path: &str| gradiometer(&["inspect", "--no-certificate", "--json", path]);
    assert_eq!(inspect(&case("int_teacher.npz")).json(), inspect(&same).json());
}

#[test]
fn standard_input_is_read_once() {
    let text = fs::read(case("half_octahedron.json")).unwrap();
    let run = program(&["net", "-", "--format", "json", "--sphere", "--json"], &text);
    assert_eq!(run.json()["points"], 5);
    let run = program(&["net", "-", "--format", "text", "--json"], b"1 0\n0 1 # two axes\n");
    assert_eq!((run.code, &run.json()["points"]), (0, &2.into()));
    let run = program(&["net", "-"], &text);
    assert_eq!(run.code, 64);
    assert!(run.err.contains("--format"), "{}", run.err);
    let teacher = fs::read(case("flax_teacher.json")).unwrap();
    let run = program(&["inspect", "--no-certificate", "-", "--format", "json"], &teacher);
    assert_eq!(run.code, 0, "{}", run.err);
    let run = program(&["loss", "--teacher", "-", "--student", "-", "--format", "json"], &teacher);
    assert_eq!(run.code, 64);
    assert!(run.err.contains("once"), "{}", run.err);
}

#[test]
fn a_hemisphere_with_its_equator_has_a_right_angle() {
    let found = gradiometer(&["net", &case("half_octahedron.json"), "--sphere", "--json"]).json();
    let (lower, upper) =
        (number(&found["covering_radius"], "lower"), number(&found["covering_radius"], "upper"));
    close(lower, FRAC_PI_2, rounding(8, PI));
    close(upper, FRAC_PI_2, rounding(8, PI));
}

#[test]
fn zero_vectors_are_counted() {
    let run = gradiometer(&["net", &case("zero_vector.json"), "--json"]);
    assert_eq!((&run.json()["points"], &run.json()["zero_vectors"]), (&1.into(), &1.into()));
    assert!(run.err.contains("1 of 2 vectors are zero"), "{}", run.err);
    let run = gradiometer(&["net", &case("half_octahedron.json"), "--json"]);
    assert_eq!((&run.json()["zero_vectors"], run.err.as_str()), (&0.into(), ""));
}

#[test]
fn a_loss_that_underflows_is_known_to_its_error() {
    let (teacher, student) = (case("underflow2_teacher.json"), case("underflow2_student.json"));
    let run = gradiometer(&["loss", "--teacher", &teacher, "--student", &student, "--json"]);
    let found = run.json();
    let (loss, error) = (number(&found, "loss"), number(&found, "loss_error"));
    // (a^2 + b^2)(1/4 - 1/(2 pi)) + a b/pi, in units of the smallest number there is, a = 1e-160.
    let exact = 9.9e-322;
    assert!((loss - exact).abs() <= error && error > 0.0, "{loss:e} +- {error:e}");
    // Not so wide that it says nothing.
    assert!(error < exact, "{error:e}");
}

#[test]
fn a_small_part_of_degree_two_is_not_none() {
    let inspect = |path: &str| gradiometer(&["inspect", "--no-certificate", path, "--json"]).json();
    let found = inspect(&case("exponent_1e-8.json"));
    assert_eq!(
        (&found["preprocessed_exponent"], &found["assumption_3"]),
        (&2.into(), &true.into())
    );
    // H = 1e-8 I, rounded in the file: its norm over sqrt(4 pi).
    let part = &found["preprocessed_exponent_parts"][0];
    close(number(part, "norm"), 1e-8 * (2.0 / (4.0 * PI)).sqrt(), rounding(8, 1.0));
    at_most(number(part, "error"), 0.0, rounding(8, 1.0));
    close(number(&found, "condition"), 1.0, rounding(1, 1e9));
    // Without that share nothing is left but the rounding of 1/sqrt 2.
    let folder = TempDir::new().unwrap();
    let text = fs::read_to_string(case("exponent_1e-8.json")).unwrap().replace("1.00000001", "1");
    let found = inspect(&file(&folder, "t.json", &text));
    assert_eq!(found["preprocessed_exponent"], 4);
    assert_eq!(
        (&found["assumption_3_verdict"], &found["condition"]),
        (&"fails".into(), &Value::Null)
    );
}

#[test]
fn biases_and_other_activations_are_trained() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let stages = "[stage3]\nepochs = 1\nsteps = 60\nstep_size = 0.02\n";
    fs::write(at("t.json"), r#"{"a": [1.0], "w": [[1.0, 0.0]], "b": [0.5]}"#).unwrap();
    let biased =
        format!("[teacher]\nfile = \"t.json\"\n[student]\nneurons = 6\nbiases = true\n{stages}");
    let gelu = format!(
        "activation = \"gelu\"\n[teacher]\ndimension = 3\nneurons = 2\n[student]\nneurons = 8\n{stages}"
    );
    for (name, text) in [("biased", &biased), ("gelu", &gelu)] {
        fs::write(at("e.toml"), text).unwrap();
        let run = gradiometer(&["train", &at("e.toml"), "--out", &at(name)]);
        assert_eq!(run.code, 0, "{name}: {}", run.err);
        assert!(folder.path().join(name).join("report.html").exists(), "{name}");
        assert_eq!(run.err.contains("inspect"), name == "gelu", "{}", run.err);
    }
    let (student, own) = (at("biased/checkpoints/final.safetensors"), at("biased/teacher.json"));
    let run = gradiometer(&["match", "--teacher", &own, "--student", &student, "--json"]);
    assert_eq!(run.json()["biases"], true);
    let found = gradiometer(&["loss", "--teacher", &own, "--student", &student, "--json"]);
    let trained: Value =
        serde_json::from_str(&fs::read_to_string(at("biased/run.json")).unwrap()).unwrap();
    let loss = trained["final"]["loss"].as_f64().unwrap();
    close(number(&found.json(), "loss"), loss, rounding(1 << 12, 1.0));
    // Without the field the teacher's bias is refused, with the mend.
    fs::write(at("e.toml"), biased.replace("biases = true\n", "")).unwrap();
    let run = gradiometer(&["train", &at("e.toml"), "--out", &at("plain")]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("student.biases = true"), "{}", run.err);
}

#[test]
fn other_activations_have_their_exponents() {
    let teacher = case("int_teacher.npz");
    for (name, first, later) in [("tanh", 1, 3), ("softplus", 1, 2), ("he3", 3, 3)] {
        let run = gradiometer(&["inspect", &teacher, "--activation", name, "--json"]);
        let found = run.json();
        assert_eq!(found["information_exponent"], first, "{name}: {}", run.err);
        assert_eq!(found["preprocessed_exponent"], later, "{name}");
    }
    let run = gradiometer(&["inspect", &teacher, "--activation", "swish"]);
    assert_eq!(run.code, 64);
    assert!(run.err.contains("softplus"), "{}", run.err);
}

#[test]
fn near_duplicates_satisfy_assumption_3() {
    let found =
        gradiometer(&["inspect", "--no-certificate", &case("near_duplicate_1e-7.json"), "--json"]);
    let found = found.json();
    assert_eq!((&found["assumption_3"], &found["rank"]), (&true.into(), &2.into()));
    for (field, value) in
        [("smallest_eigenvalue", 5e-15), ("condition", 4e14), ("separation", 1e-7)]
    {
        // To the first order in the angle's square.
        close(number(&found, field), value, rounding(100, value));
        let error = number(&found, &format!("{field}_error"));
        at_most(error, 0.0, rounding(1 << 13, value));
    }
}

#[test]
fn inputs_are_never_overwritten() {
    let folder = TempDir::new().unwrap();
    let copy = |name: &str, to: &str| -> String {
        let path = folder.path().join(to);
        fs::copy(case(name), &path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let points = copy("half_octahedron.json", "p.json");
    let teacher = copy("flax_teacher.json", "t.json");
    let link = folder.path().join("link.json");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&points, &link).unwrap();
    #[cfg(not(unix))]
    fs::hard_link(&points, &link).unwrap();
    let link = link.to_str().unwrap();
    for arguments in [
        ["net", &points, "--out", &points],
        ["net", &points, "--out", link],
        ["certify", &teacher, "--out", &teacher],
        // Not an input, but another's file.
        ["net", &points, "--out", &teacher],
        ["certify", &teacher, "--out", &points],
    ] {
        let before = (fs::read(&points).unwrap(), fs::read(&teacher).unwrap());
        let run = gradiometer(&arguments);
        assert_eq!((run.code, run.out.as_str()), (74, ""), "{arguments:?}");
        assert_eq!((fs::read(&points).unwrap(), fs::read(&teacher).unwrap()), before);
    }
    // Elsewhere it is written, and again.
    let out = folder.path().join("cover.json");
    for _ in 0..2 {
        let run = gradiometer(&["net", &points, "--sphere", "--out", out.to_str().unwrap()]);
        assert_eq!(run.code, 0, "{}", run.err);
    }
}

#[test]
fn a_sweep_goes_on_past_a_point_that_cannot_be_run() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("s").to_str().unwrap().to_owned();
    let sweep = case("sweep_odd.toml");
    let run = gradiometer(&["sweep", &sweep, "--out", &out, "-q", "--json"]);
    // All points are done, and the exit code says that one could not be run.
    assert_eq!(run.code, 65, "{}", run.err);
    assert!(run.err.contains("point 1") && run.err.contains("even"), "{}", run.err);
    let found = run.json();
    let outcome = |k: usize| found["rows"][k]["outcome"].as_str().unwrap().to_owned();
    assert_eq!([0, 1, 2].map(outcome), ["finished", "failed", "finished"]);
    assert_eq!(found["failed"], 1);
    let reason = found["rows"][1]["reason"].as_str().unwrap();
    assert!(reason.contains("student") && reason.contains("even"), "{reason}");
    let again = gradiometer(&["sweep", &sweep, "--out", &out, "-q", "--json", "--resume"]);
    assert_eq!((again.code, again.json()), (65, found));
    // A sweep none of whose points is an experiment is a mistake.
    let text = fs::read_to_string(&sweep).unwrap().replace("[20, 21, 22]", "[0, -1]");
    let run = gradiometer(&["sweep", &file(&folder, "odd.toml", &text), "--out", &out]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("student.neurons"), "{}", run.err);
}

#[test]
fn opposite_pairs_beside_a_plane_are_certified() {
    let folder = TempDir::new().unwrap();
    let proved = |path: &str, boxes: u64| {
        let run = gradiometer(&["certify", path, "--boxes", "200000", "-q", "--json"]);
        let found = run.json();
        assert_eq!((run.code, &found["verdict"]), (0, &"proved".into()), "{}", run.out);
        assert_eq!(found["dimension_checked"], 3);
        assert!(found["boxes"].as_u64().unwrap() < boxes, "{}", found["boxes"]);
    };
    proved(&case("opposite_pair_0.1.json"), 20_000);
    for (angle, boxes) in [(0.05_f64, 50_000), (0.03, 50_000), (0.02, 50_000), (0.01, 5_000)] {
        let (sin, cos) = angle.sin_cos();
        let text = format!(r#"{{"a": [1, -1], "w": [[1, 0, 0], [{cos:?}, {sin:?}, 0]]}}"#);
        proved(&file(&folder, "pair.json", &text), boxes);
    }
}

#[test]
fn large_students_in_space_take_the_tree_for_a_tolerance_that_it_meets() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "t.json", r#"{"a": [1, -1], "w": [[1, 0, 0], [0, 1, 0.5]]}"#);
    // Directions on a spiral, all of one mass.
    let count = 60_000;
    let row = |k: usize| {
        let height = (2 * k + 1) as f64 / count as f64 - 1.0;
        let (sin, cos) = (2.4 * k as f64).sin_cos();
        let radius = (1.0 - height * height).sqrt();
        format!("[{:?}, {:?}, {height:?}]", radius * cos, radius * sin)
    };
    let rows: Vec<String> = (0..count).map(row).collect();
    let second = vec![format!("{:?}", 1.0 / count as f64); count].join(", ");
    let text = format!(r#"{{"a": [{second}], "w": [{}]}}"#, rows.join(", "));
    let student = file(&folder, "s.json", &text);
    let arguments = ["loss", "--teacher", &teacher, "--student", &student, "--json"];
    let exact = gradiometer(&arguments).json();
    let rough = gradiometer(&[&arguments[..], &["--tolerance", "1e-5"]].concat()).json();
    assert!(rough["path"].as_str().unwrap().contains("tree"), "{}", rough["path"]);
    assert!(!exact["path"].as_str().unwrap().contains("tree"), "{}", exact["path"]);
    let (value, error) = (number(&rough, "loss"), number(&rough, "loss_error"));
    let off = (value - number(&exact, "loss")).abs();
    assert!(off <= error + number(&exact, "loss_error"), "{off:e} {error:e}");
    at_most(error, 0.0, rounding(1 << 36, value));
}

#[test]
fn reports_from_rank_four_on_are_limited_and_say_so() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("r").to_str().unwrap().to_owned();
    let run = gradiometer(&["train", &case("rank4_report.toml"), "--out", &out, "-q"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let page = || fs::read_to_string(folder.path().join("r/report.html")).unwrap();
    assert!(page().contains("Limited:") && page().contains("rank 4"));
    // All statements are there, and with no time at all none is.
    assert!(!page().contains("the time was up"));
    let run = gradiometer(&["report", &out, "--time-limit", "0", "-q"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(page().contains("the time was up"));
    let (teacher, student) =
        (format!("{out}/teacher.json"), format!("{out}/checkpoints/final.safetensors"));
    let arguments =
        ["analyze", "--teacher", &teacher, "--student", &student, "--lambda", "0.005", "--json"];
    let more = |more: &[&str]| gradiometer(&[&arguments[..], &["--boxes", "2000"], more].concat());
    let found = more(&[]).json();
    assert_eq!(found["not_evaluated"].as_array().unwrap().len(), 0);
    assert!(found["left_out"][0].as_str().unwrap().contains("refinements"), "{found}");
    // Asked for, no refinement is no limit.
    assert_eq!(more(&["--refinements", "0"]).json()["left_out"].as_array().unwrap().len(), 0);
    let run = more(&["--time-limit", "0"]);
    assert!(run.code == 65 || run.code == 2, "{} {}", run.code, run.err);
    assert!(run.err.contains("time was up") || run.out.contains("not_evaluated"), "{}", run.err);
}

#[test]
fn numbers_that_make_no_sense_are_named() {
    let (points, teacher) = (case("half_octahedron.json"), case("flax_teacher.json"));
    for (program, arguments) in [
        ("check-net", vec![points.as_str(), "--radius", "nan"]),
        (
            "gradiometer",
            vec!["loss", "--teacher", &teacher, "--student", &teacher, "--lambda", "-1"],
        ),
        ("gradiometer", vec!["certify", &teacher, "--smallest-norm", "-0.5"]),
    ] {
        let output = Command::cargo_bin(program).unwrap().args(&arguments).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{message}");
        assert!(
            message.contains(arguments.last().unwrap()) && message.contains("finite"),
            "{message}"
        );
    }
    let folder = TempDir::new().unwrap();
    let text = fs::read_to_string(case("force_second.toml")).unwrap();
    let text = text.replace("smallest_eigenvalue = 0.2", "smallest_eigenvalue = -1");
    let out = folder.path().join("r").to_str().unwrap().to_owned();
    let run = gradiometer(&["train", &file(&folder, "e.toml", &text), "--out", &out]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("smallest eigenvalue is a modulus"), "{}", run.err);
}

#[test]
fn the_last_seed_is_followed_by_the_first() {
    let last = u64::MAX.to_string();
    let arguments = ["verify", "--claim", "7.2", "--instances", "5", "--json", "--seed"];
    let run = gradiometer(&[&arguments[..], &[&last]].concat());
    assert_eq!(run.code, 0, "{}", run.out);
    let control = &run.json()["claims"][0]["negative_control"];
    assert!(!control.to_string().contains("NOT"), "{control}");
}

/// All files of a folder with their bytes.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.to_string_lossy().ends_with(".lock") {
                let bytes = fs::read(&path).unwrap();
                found.push((path.strip_prefix(folder).unwrap().to_owned(), bytes));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_replaced_run_leaves_nothing_of_the_old_one() {
    let folder = TempDir::new().unwrap();
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second) = (case("force_first.toml"), case("force_second.toml"));
    let train = |experiment: &str, out: &str, more: &[&str]| {
        let run = gradiometer(&[&["train", experiment, "--out", out, "-q"], more].concat());
        assert_eq!(run.code, 0, "{}", run.err);
    };
    train(&first, &out("r"), &[]);
    assert!(folder.path().join("r/claims.csv").exists());
    train(&second, &out("r"), &["--force"]);
    train(&second, &out("s"), &[]);
    let (replaced, fresh) =
        (contents(&folder.path().join("r")), contents(&folder.path().join("s")));
    let names = |found: &[(PathBuf, Vec<u8>)]| -> Vec<PathBuf> {
        found.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&replaced), names(&fresh));
    assert!(replaced == fresh, "the same files with other bytes");
    // What this program did not write stays.
    let foreign = folder.path().join("r/figures/notes.txt");
    fs::write(&foreign, "mine").unwrap();
    train(&second, &out("r"), &["--force"]);
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "mine");
}

#[test]
fn inspect_keeps_its_limit_on_trained_networks() {
    let folder = TempDir::new().unwrap();
    let network = |neurons: usize, dimension: usize| {
        let angle = |j: usize, k: usize| ((7 * j + 3) * (5 * k + 2)) as f64;
        let row = |j: usize| (0..dimension).map(|k| angle(j, k).sin()).collect::<Vec<f64>>();
        let w: Vec<Vec<f64>> = (0..neurons).map(row).collect();
        let a: Vec<f64> = (0..neurons).map(|j| if j % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let path = folder.path().join(format!("{neurons}.json"));
        fs::write(&path, serde_json::json!({"a": a, "w": w}).to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // A search that takes minutes, and one that no memory holds: both are left out by name.
    for (neurons, dimension, reason) in [(64, 10, "none in 0.5 s"), (1000, 50, "not looked for")] {
        let path = network(neurons, dimension);
        let run = gradiometer(&["inspect", &path, "--time-limit", "0.5", "--json"]);
        assert_eq!(run.code, 0, "{}", run.err);
        let missing = run.json()["certificate"]["missing"].as_str().unwrap().to_owned();
        assert!(missing.contains(reason), "{missing}");
        assert!(run.json()["agop"]["alignment"].as_f64().unwrap() > 0.5);
    }
}
