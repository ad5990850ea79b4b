//! `exponent` and `plan` from outside.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use assert_cmd::Command;
use serde_json::{Value, json};

fn gradiometer(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("gradiometer").unwrap().args(arguments).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn parsed(arguments: &[&str]) -> (i32, Value) {
    let (code, out, err) = gradiometer(arguments);
    (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}\n{err}")))
}

#[test]
fn exponents_are_known_with_their_evidence() {
    let (code, found) = parsed(&["exponent", "He3(z)", "--json"]);
    assert_eq!(code, 0);
    for (which, k) in [("information", 3), ("generative", 1)] {
        let bounds = &found[which];
        assert_eq!((&bounds["lower"], &bounds["upper"]), (&json!(k), &json!(k)), "{found}");
        assert_eq!(bounds["evidence"], json!("certified"));
    }
    assert_eq!(found["stages"], json!([[3, 1]]));
    let degrees = found["degrees"].as_array().unwrap();
    let of = |kind: &str| degrees.iter().filter(|d| d["kind"] == kind).count();
    assert_eq!((of("coefficient"), of("level_set")), (3, 1), "{found}");
    assert_eq!(degrees[0]["verdict"], json!("zero"));
    assert!(degrees[0]["rule"].is_string() && degrees[2]["value"].is_number());
    // lambda_1^2 = 0.6678 of He3, from below.
    let signal = found["lambda_squared_lower"].as_f64().unwrap();
    assert!(signal > 0.3 && signal < 0.66783166052301, "{signal}");
    assert!(!found["transform"].as_array().unwrap().is_empty());
    assert!(found["n_c"].is_null());
}

#[test]
fn several_coordinates_have_leaps_and_stages() {
    let (code, found) = parsed(&["exponent", "z1 + z2 + z1 z2", "--json"]);
    assert_eq!(code, 0, "{found}");
    assert_eq!((&found["leap_basis"], &found["leap_isotropic"]), (&json!(1), &json!(2)));
    assert_eq!(found["stages"], json!([[1, 1], [2, 2]]));
}

#[test]
fn what_cannot_be_decided_is_an_interval() {
    let (code, found) = parsed(&["exponent", "sign(z^3 - ~1.3862943611198906 z)", "--json"]);
    assert_eq!(code, 2);
    assert_eq!(found["generative"]["lower"], json!(1));
    assert_eq!(found["generative"]["upper"], json!(3));
    let (code, out, _) = gradiometer(&["exponent", "sign(z^3 - ~1.3862943611198906 z)"]);
    assert!(code == 2 && out.contains("undecided"), "{out}");
    // A label without any part is no error.
    let (code, found) = parsed(&["exponent", "3", "--json"]);
    assert_eq!(code, 0);
    assert_eq!(found["information"]["infinite"], json!(true));
}

#[test]
fn noise_and_the_dimension_are_heeded() {
    let (code, found) =
        parsed(&["exponent", "z^2 - 1", "--noise", "gauss:0.5", "--dimension", "400", "--json"]);
    assert_eq!((code, &found["generative"]["upper"]), (0, &json!(2)));
    // d/(2 lambda^2) with lambda^2 at most 1 from below: at least 200.
    assert!(found["n_c"].as_f64().unwrap() >= 200.0, "{found}");
    let (_, signed) = parsed(&["exponent", "z", "--noise", "sign", "--json"]);
    assert_eq!(signed["information"]["infinite"], json!(true));
    assert_eq!(signed["generative"]["upper"], json!(2));
}

#[test]
fn files_are_read_and_bad_input_is_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    let text = folder.path().join("label.txt");
    std::fs::write(&text, "cos(8 z)\n").unwrap();
    let (code, found) = parsed(&["exponent", text.to_str().unwrap(), "--json"]);
    assert_eq!((code, &found["information"]["upper"]), (0, &json!(2)));
    let teacher = folder.path().join("teacher.json");
    std::fs::write(&teacher, r#"{"a": [1, -2], "w": [[1, 0, 0], [0, 1, 0]]}"#).unwrap();
    let (code, found) = parsed(&["exponent", teacher.to_str().unwrap(), "--json"]);
    assert_eq!((code, &found["information"]["upper"]), (0, &json!(1)));
    assert_eq!(found["information"]["evidence"], json!("computed"));
    for bad in [
        &["exponent", "z +* 2"][..],
        &["exponent", "z", "--noise", "uniform"],
        &["exponent", "tanh(z1 z2)"],
        &["plan", "tanh(z)", "--dimension", "20"],
        &["plan", "z1 z2", "--dimension", "20", "--goal", "0"],
    ] {
        let (code, out, err) = gradiometer(bad);
        assert!(code == 65 && out.is_empty() && !err.is_empty(), "{bad:?}: {code} {err}");
    }
    let (code, ..) = gradiometer(&["exponent", "no_such_teacher.json"]);
    assert_eq!(code, 66);
    assert_eq!(gradiometer(&["exponent", "z", "--from", "0"]).0, 64);
}

#[test]
fn a_plan_has_a_number_for_each_mechanism() {
    let target = "z1^2 - z2^2";
    let (code, found) =
        parsed(&["plan", target, "--dimension", "40", "--width", "60", "--goal", "0.1", "--json"]);
    assert_eq!(code, 0);
    let needs = found["needs"].as_array().unwrap();
    let of = |statement: &str| {
        needs.iter().find(|n| n["statement"].as_str().unwrap().starts_with(statement)).unwrap()
    };
    // A harmonic of degree 2: kernels need 0.9 of its 819 dimensions, less the affine functions.
    let kernels = of("11.1.4");
    assert_eq!(kernels["rests_on"], json!("proved"));
    assert!((kernels["samples"].as_f64().unwrap() - (0.9 * 819.0 - 41.0)).abs() < 0.001);
    let half = of("11.1.2")["samples"].as_f64().unwrap();
    assert!((half / (1600.0 * std::f64::consts::FRAC_PI_4) - 1.0).abs() < 0.15, "{half}");
    assert!(of("11.3.1")["samples"].is_null(), "there is no linear part");
    assert!(of("11.1.5")["relative_error"].is_number());
    let folder = tempfile::TempDir::new().unwrap();
    let teacher = folder.path().join("teacher.json");
    std::fs::write(&teacher, r#"{"a": [1, -2], "w": [[1, 0, 0], [0, 2, 0]]}"#).unwrap();
    let (code, out, err) =
        gradiometer(&["plan", teacher.to_str().unwrap(), "--dimension", "30", "--width", "40"]);
    assert!(code == 0 && out.contains("11.1.3") && out.contains("proof"), "{out}{err}");
}

#[test]
fn tables_of_pairs_are_linear_between_and_beyond() {
    let folder = tempfile::TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // Exit code, information and generative exponent.
    for (name, text, expected) in [
        ("relu.csv", "# z, y\n-1, 0\n0, 0\n1, 1\n", (0, 1, 1)),
        ("abs.txt", "-1 1\n0 0\n1 1\n", (0, 2, 2)),
        // Control: one part in 10^12 beside the modulus there is a linear part.
        ("near.dat", "-1 1\n0 0\n1 1.000000000001\n", (0, 1, 1)),
    ] {
        let (code, found) = parsed(&["exponent", &write(name, text), "--json"]);
        let of = |which: &str| found[which]["upper"].clone();
        let found = (code, of("information"), of("generative"));
        assert_eq!(found, (expected.0, json!(expected.1), json!(expected.2)), "{name}");
    }
    // Degrees cut off before the first that is not zero decide nothing.
    let path = write("even.csv", "-1 1\n0 0\n1 1\n");
    assert_eq!(gradiometer(&["exponent", &path, "--highest", "1"]).0, 2);
    for (text, line) in [("0 0\n1 one\n", "line 2"), ("0 0\n2 1\n1 1\n", "line 3")] {
        let path = write("bad.csv", text);
        let (code, out, err) = gradiometer(&["exponent", &path]);
        assert!(code == 65 && out.is_empty(), "{code} {err}");
        assert!(err.contains("bad.csv") && err.contains(line), "{err}");
        assert!(err.contains("sort the lines") || err.contains("two numbers a line"), "{err}");
    }
    assert_eq!(gradiometer(&["exponent", "no_such_table.csv"]).0, 66);
}
