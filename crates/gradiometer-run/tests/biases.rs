//! Experiments with biases and with other activations: they train, resume and are written as others are.

#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use gradiometer_files::lock::{HeldFolder, Holder};
use gradiometer_files::{TensorNames, read_network, read_network_as};
use gradiometer_run::folder::{LOCK, run_experiment};
use gradiometer_run::{Ending, Existing, Experiment, Moment, Trajectory};
use gradiometer_testing::{Tolerance::Exact, at_most};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

/// Neurons that share a direction and differ in their biases alone, besides another.
const BIASED: &str = "seed = 1\n[teacher]\nfile = \"teacher.json\"\n[student]\nneurons = 40\nbiases = true\n\
                      [stage1]\nstep_size = 1000.0\n[stage2]\nlambda = 1e-4\n\
                      [stage3]\nepochs = 3\nsteps = 600\nlambda = 1e-3\ndecay = 0.3\nstep_size = 0.1\n";

const TEACHER: &str = r#"{"a": [1.0, -1.0, 1.0], "w": [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]], "b": [0.8, -0.5, 0.0]}"#;

fn parse(text: &str) -> Experiment {
    Experiment::parse("experiment.toml".as_ref(), text.as_bytes()).unwrap()
}

/// Runs it to the end, or until a record after so many steps.
fn run(text: &str, beside: &Path, out: &Path, existing: Existing, until: u64) -> bool {
    let held = HeldFolder::take(out, LOCK, &Holder::default()).unwrap();
    let mut stop = |moment: &Moment<'_>| {
        if moment.state.steps >= until { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let ending = run_experiment(&parse(text), beside, &held, existing, &mut stop).unwrap();
    matches!(ending, Ending::Finished(_))
}

#[test]
fn a_biased_teacher_is_learned_and_a_resumed_run_leaves_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let beside = folder.path();
    fs::write(beside.join("teacher.json"), TEACHER).unwrap();
    let (whole, parts) = (beside.join("whole"), beside.join("parts"));
    assert!(run(BIASED, beside, &whole, Existing::Keep, u64::MAX));
    assert!(!run(BIASED, beside, &parts, Existing::Keep, 700));
    assert!(run(BIASED, beside, &parts, Existing::Resume, u64::MAX));
    for name in ["run.json", "trajectory.csv", "snapshots.csv", "checkpoints/final.safetensors"] {
        assert_eq!(
            fs::read(whole.join(name)).unwrap(),
            fs::read(parts.join(name)).unwrap(),
            "{name}"
        );
    }
    let manifest = gradiometer_run::Manifest::read(&whole).unwrap();
    let first = &manifest.stages[0];
    at_most(1000.0 * manifest.last.record.loss, first.loss, Exact);
    at_most(
        manifest
            .last
            .record
            .matched_angles
            .iter()
            .copied()
            .fold(0.0, |x: f64, y| if y > x { y } else { x }),
        0.1,
        Exact,
    );
    // Others read it by PyTorch's names, and what takes no biases refuses it.
    let path = whole.join("checkpoints/final.safetensors");
    let found = read_network_as(&path, None, &TensorNames::default()).unwrap();
    assert_eq!((found.network.dimension(), found.bias_name.as_str()), (3, "fc1.bias"));
    assert_eq!(found.biases.unwrap().len(), 40);
    let error = read_network(&path, &TensorNames::default()).unwrap_err().to_string();
    assert!(error.contains("fc1.bias") && error.contains("student.biases = true"), "{error}");
    let again = fs::read_to_string(whole.join("teacher.json")).unwrap();
    assert!(again.contains("\"b\": [0.8, -0.5, 0.0]"), "{again}");
    // Negative control: a student without biases is refused, and learns nothing of the sort.
    let plain = BIASED.replace("biases = true\n", "");
    let error = parse(&plain).resolve(beside).unwrap_err().to_string();
    assert!(error.contains("student.biases = true"), "{error}");
}

#[test]
fn samples_take_biases_and_random_teachers_have_them() {
    let text = "seed = 3\n[teacher]\ndimension = 4\nneurons = 2\nbias_scale = 0.7\n[student]\nneurons = 20\nbiases = true\n\
                [samples]\ncount = 400\nnoise = 0.1\n[stage3]\nepochs = 1\nsteps = 300\nlambda = 1e-3\nstep_size = 0.1\n";
    let plan = parse(text).resolve(".".as_ref()).unwrap();
    let (network, biases) = plan.teacher.network().split_biases().unwrap();
    assert!(biases.iter().all(|b| b.abs() > 0.0));
    // The rest of the teacher is that of the same seed without biases.
    let without = text.replace("bias_scale = 0.7\n", "").replace("biases = true\n", "");
    let without = parse(&without).resolve(".".as_ref()).unwrap();
    assert_eq!(&network, without.teacher.network());
    let mut trajectory = Trajectory::default();
    let Ending::Finished((student, results)) = plan.run(&mut [&mut trajectory]).unwrap() else {
        panic!("nothing stops it")
    };
    assert_eq!(student.dimension(), 5);
    at_most(2.0 * results.last.loss, trajectory.records[0].loss, Exact);
    assert!(results.last.training_loss.is_some());
}

#[test]
fn every_activation_by_name_trains() {
    for name in
        ["leaky_relu", "softplus", "tanh", "gelu", "sigmoid", "quadratic", "he3", "absolute", "erf"]
    {
        let text = format!(
            "seed = 2\nskip = [\"stage1\", \"stage2\", \"balance\"]\nactivation = \"{name}\"\n[teacher]\ndimension = 3\nneurons = 1\n[student]\nneurons = 12\n\
             start = \"gaussian\"\n[stage3]\nepochs = 1\nsteps = 200\nlambda = 1e-6\nstep_size = 0.01\n"
        );
        for samples in ["", "[samples]\ncount = 200\n"] {
            let plan = parse(&format!("{text}{samples}")).resolve(".".as_ref()).unwrap();
            let mut trajectory = Trajectory::default();
            let Ending::Finished((_, results)) = plan.run(&mut [&mut trajectory]).unwrap() else {
                panic!("nothing stops it")
            };
            let (start, end) = (trajectory.records[0].loss, results.last.loss);
            assert!(end < start, "{name} {samples}: {start} {end}");
            // The bound says something: three digits of the loss at the start.
            at_most(1000.0 * results.last.loss_error, start, Exact);
        }
    }
}

#[test]
fn impossible_combinations_name_the_field() {
    let with = |change: &[(&str, &str)]| {
        let base = BIASED.replace("file = \"teacher.json\"", "dimension = 3\nneurons = 2");
        let text = change.iter().fold(base, |text, (from, to)| text.replace(from, to));
        Experiment::parse("experiment.toml".as_ref(), text.as_bytes()).map_err(|e| e.to_string())
    };
    assert!(with(&[]).is_ok());
    for (from, to, field) in [
        ("seed = 1\n", "seed = 1\nactivation = \"tanh\"\n", "student.biases"),
        ("seed = 1\n", "seed = 1\nprecision = \"single\"\n", "precision"),
        ("epochs = 3\n", "epochs = 3\nfloor = \"last\"\n", "stage3.floor"),
        ("[stage3]", "[watch]\n[stage3]", "watch"),
        ("neurons = 2\n", "neurons = 2\nbias_scale = -1.0\n", "teacher.bias_scale"),
    ] {
        let error = with(&[(from, to)]).unwrap_err();
        assert!(error.contains(field), "{field}: {error}");
    }
    let error =
        with(&[("neurons = 2\n", "neurons = 2\nbias_scale = 1.0\n"), ("biases = true\n", "")])
            .unwrap_err();
    assert!(error.contains("teacher.bias_scale") && error.contains("student.biases"), "{error}");
    let error = with(&[("seed = 1\n", "seed = 1\nactivation = \"swish\"\n")]).unwrap_err();
    assert!(error.contains("swish") && error.contains("gelu"), "{error}");
}
