//! Nine users and what each of them types first: every command is one that a person tried. What grids and clusters need is in
//! `sweep.rs`, kernels of Flax are in `cases.rs`, a new statement's documents in the workspace's `documents.rs`.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

mod common;

use common::gradiometer;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn file(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

const EXPERIMENT: &str = "seed = 3\n[teacher]\ndimension = 5\nrank = 2\nneurons = 2\nseparation = 1.2\n[student]\nneurons = 30\n\
                          [stage3]\nepochs = 4\nsteps = 400\n";

/// A.
#[test]
fn a_newcomer_is_told_what_to_type_next_and_it_works() {
    let folder = TempDir::new().unwrap();
    let experiment = file(&folder, "first.toml", EXPERIMENT);
    let out = folder.path().join("run");
    let run = gradiometer(&["train", &experiment, "--out", out.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
    let told: Vec<&str> =
        run.err.lines().filter_map(|l| l.split_once("gradiometer ")).map(|l| l.1).collect();
    let commands =
        told.iter().filter(|line| line.starts_with("inspect") || line.starts_with("match"));
    let mut count = 0;
    for command in commands {
        let next = gradiometer(&command.split_whitespace().collect::<Vec<_>>());
        assert_eq!(next.code, 0, "{command}: {}", next.err);
        count += 1;
    }
    assert_eq!(count, 2, "{}", run.err);
    // Every id of the page has its statement in full, as `explain` prints it.
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    for id in page.split("href=\"#statement-").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(page.contains(&format!("id=\"statement-{id}\"")), "{id}");
        assert_eq!(gradiometer(&["explain", id]).code, 0, "{id}");
    }
    // An experiment is no network, and says so.
    let wrong = gradiometer(&["inspect", &experiment]);
    assert_eq!(wrong.code, 65);
    assert!(wrong.err.contains("experiment") && wrong.err.contains("train"), "{}", wrong.err);
}

/// B.
#[test]
fn a_theorist_refutes_half_of_a_bound() {
    let verify = |more: &[&str]| {
        let arguments = ["verify", "--claim", "7.3", "--instances", "200", "--no-report"];
        gradiometer(&[&arguments[..], more].concat())
    };
    let half = verify(&["--scale", "0.5"]);
    assert_eq!(half.code, 1, "{}{}", half.out, half.err);
    // The whole bound holds, and what its worst ratio means is said.
    let whole = verify(&[]);
    assert_eq!(whole.code, 0, "{}", whole.err);
    assert!(whole.out.contains("refutes"), "{}", whole.out);
    let explained = gradiometer(&["explain", "7.3"]);
    assert!(explained.out.contains("Hypotheses:") && explained.out.contains("Control:"));
}

/// A `.safetensors` file of float64 arrays.
fn safetensors(arrays: &[(&str, &[usize], &[f64])]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape, values) in arrays {
        let start = data.len();
        data.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        let entry = serde_json::json!({"dtype": "F64", "shape": shape, "data_offsets": [start, data.len()]});
        let _new = header.insert((*name).to_owned(), entry);
    }
    let header = serde_json::Value::Object(header).to_string().into_bytes();
    [(header.len() as u64).to_le_bytes().to_vec(), header, data].concat()
}

/// C.
#[test]
fn a_pytorch_network_is_matched_without_flags() {
    let folder = TempDir::new().unwrap();
    let teacher = file(&folder, "teacher.json", r#"{"a": [1, -1], "w": [[1, 0, 0], [0, 1, 0]]}"#);
    let first = [0.9, 0.0, 0.02, 0.0, -0.9, 0.0];
    let net = safetensors(&[("0.weight", &[2, 3], &first), ("2.weight", &[1, 2], &[0.9, -0.9])]);
    let net = file(&folder, "net.safetensors", net);
    let files = ["--teacher", &teacher, "--student", &net];
    let found = gradiometer(&[&["match"], &files[..]].concat());
    assert_eq!(found.code, 0, "{}", found.err);
    assert!(found.out.contains("All 2 teacher neurons are learned"), "{}", found.out);
    assert!(found.err.contains("0.weight") && found.err.contains("2.weight"), "{}", found.err);
    for command in [&["loss"][..], &["analyze", "--lambda", "1e-3"]] {
        let run = gradiometer(&[command, &files].concat());
        assert_eq!(run.code, 0, "{command:?}: {}", run.err);
    }
    // An output bias is no part of a teacher; the answer names the flag, and with it the network is inspected.
    let biased: [(&str, &[usize], &[f64]); 3] = [
        ("0.weight", &[2, 3], &first),
        ("2.weight", &[1, 2], &[0.9, -0.9]),
        ("2.bias", &[1], &[0.5]),
    ];
    let biased = file(&folder, "biased.safetensors", safetensors(&biased));
    let refused = gradiometer(&["inspect", &biased]);
    assert_eq!(refused.code, 65);
    assert!(refused.err.contains("--ignore"), "{}", refused.err);
    let run = gradiometer(&["inspect", &biased, "--ignore", "2.bias", "--no-certificate"]);
    assert_eq!(run.code, 0, "{}", run.err);
    // What Python alone can read is answered with the line that converts it.
    let pickled = file(&folder, "net.pt", b"PK\x03\x04");
    let run = gradiometer(&["match", "--student", &pickled]);
    assert_eq!(run.code, 65);
    assert!(run.err.contains("safetensors") && run.err.contains("save_file"), "{}", run.err);
}

/// D.
#[test]
fn a_square_kernel_of_flax_is_not_read_the_wrong_way_round() {
    let folder = TempDir::new().unwrap();
    let arrays: [(&str, &[usize], &[f64]); 2] = [
        ("params.Dense_0.kernel", &[2, 2], &[1.0, 2.0, 3.0, 4.0]),
        ("params.Dense_1.kernel", &[2, 1], &[1.0, -1.0]),
    ];
    let net = file(&folder, "flax.safetensors", safetensors(&arrays));
    let refused = gradiometer(&["match", "--student", &net]);
    assert_eq!(refused.code, 65, "{}", refused.out);
    assert!(refused.err.contains("--layout flax"), "{}", refused.err);
    let read = gradiometer(&["match", "--student", &net, "--layout", "flax", "--json"]);
    assert_eq!(read.code, 0, "{}", read.err);
    // The heaviest neuron is the second column, (2, 4), and not the second row.
    let json: serde_json::Value = serde_json::from_str(&read.out).unwrap();
    let mass = json["clusters"][0]["mass"].as_f64().unwrap();
    assert!((mass + 20.0_f64.sqrt()).abs() <= 8.0 * f64::EPSILON, "{mass}");
}

/// D.
#[test]
fn arrays_may_be_called_by_capitals() {
    let folder = TempDir::new().unwrap();
    let arrays: [(&str, &[usize], &[f64]); 2] =
        [("W", &[2, 2], &[1.0, 2.0, 3.0, 4.0]), ("A", &[2], &[1.0, -1.0])];
    let of = |name: &str, arrays| file(&folder, name, safetensors(arrays));
    let capitals = of("capitals.safetensors", &arrays);
    let [w, a] = arrays;
    let same = [("w", w.1, w.2), ("a", a.1, a.2)];
    let small = of("small.safetensors", &same);
    let matched = |path: &str| gradiometer(&["match", "--student", path, "--json"]);
    let (found, expected) = (matched(&capitals), matched(&small));
    assert_eq!((found.code, found.out), (0, expected.out));
    // One of each is not read as the other.
    let three: [(&str, &[usize], &[f64]); 3] = [w, a, ("w", &[2, 2], &[0.0; 4])];
    let both = of("both.safetensors", &three);
    let refused = matched(&both);
    assert_eq!(refused.code, 65, "{}", refused.out);
    assert!(refused.err.contains("`W`"), "{}", refused.err);
}

/// E.
#[test]
fn a_student_without_preprocessing_is_told_a_step_that_works() {
    let folder = TempDir::new().unwrap();
    let run = |name: &str, size: &str| {
        let text = format!("skip = [\"preprocessing\"]\n{EXPERIMENT}step_size = {size}\n");
        let experiment = file(&folder, &format!("{name}.toml"), text);
        let out = folder.path().join(name);
        (gradiometer(&["train", &experiment, "--out", out.to_str().unwrap()]), out)
    };
    let (long, out) = run("long", "5.0");
    assert_eq!(long.code, 65, "{}", long.err);
    assert!(long.err.contains("warning: stage3.step_size = 5 is above"), "{}", long.err);
    let largest = long.err.split("up to ").nth(1).unwrap_or_else(|| panic!("{}", long.err));
    let largest = largest.split(' ').next().unwrap();
    // The page of the diverged run says so as well, and that step goes through.
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("descent was stable up to"), "{page}");
    let (short, out) = run("short", largest);
    assert_eq!(short.code, 0, "{largest}: {}", short.err);
    assert!(!short.err.contains("warning") && out.join("report.html").exists(), "{}", short.err);
}

/// G.
#[test]
fn a_reviewer_sees_one_seed_and_conclusions_in_sentences() {
    let one = gradiometer(&[
        "verify",
        "--claim",
        "7.3",
        "--seed",
        "480",
        "--instances",
        "1",
        "--json",
        "--no-report",
    ]);
    assert_eq!(one.code, 0, "{}", one.err);
    let json: serde_json::Value = serde_json::from_str(&one.out).unwrap();
    assert_eq!(json["claims"][0]["seed_of_worst"], 480, "{json}");
    let study = gradiometer(&["study", "freeze", "--quick", "--no-report"]);
    assert_eq!(study.code, 0, "{}", study.err);
    let answers = ["yes", "no", "open"];
    let sentences: Vec<&str> = study
        .out
        .lines()
        .filter(|line| answers.iter().any(|a| line.starts_with(&format!("{a} "))))
        .collect();
    assert!(!sentences.is_empty(), "{}", study.out);
    for sentence in sentences {
        assert!(!sentence.contains('_'), "{sentence}");
    }
}

/// I.
#[test]
fn answers_for_people_hold_no_json_and_name_the_mend() {
    let folder = TempDir::new().unwrap();
    // Four evenly spaced neurons in the plane, of both signs.
    let neurons = [0.0_f64, 0.25, 0.5, 0.75].map(|turn| {
        let (sin, cos) = (turn * std::f64::consts::PI).sin_cos();
        vec![cos, sin]
    });
    let text = serde_json::json!({"a": [1.0, -1.0, 1.0, -1.0], "w": neurons}).to_string();
    let teacher = file(&folder, "even.json", text);
    for command in [
        &["inspect", &teacher][..],
        &["certify", &teacher, "--boxes", "10"],
        &["certify", &teacher, "--time-limit", "0"],
        &["match", "--student", &teacher],
        &["loss", "--teacher", &teacher, "--student", &teacher],
    ] {
        let run = gradiometer(command);
        assert!([0, 1, 2].contains(&run.code), "{command:?}: {}", run.err);
        for part in ["{\"", "\":", "sampled_rho", "null"] {
            assert!(!run.out.contains(part), "{command:?}: {}", run.out);
        }
    }
    let negative =
        gradiometer(&["analyze", "--teacher", &teacher, "--student", &teacher, "--lambda", "-1"]);
    assert_eq!(negative.code, 64);
    assert!(negative.err.contains("at least 0"), "{}", negative.err);
    // A command that is not there is answered with the one that is near.
    let typo = gradiometer(&["analyse"]);
    assert!(typo.code == 64 && typo.err.contains("analyze"), "{}", typo.err);
    assert!(!Path::new("run.json").exists());
}
