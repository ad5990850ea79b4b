use super::*;
use std::fs::read_to_string;

const WATCHED: &str = "seed = 1\n[teacher]\ndimension = 5\nrank = 2\nneurons = 2\nseparation = 0.6\n\
                       smallest_eigenvalue = 0.3\n[student]\nneurons = 30\n[stage3]\nepochs = 2\nsteps = 300\n\
                       [record]\nevery = 70\n[watch]\nevery = 100\nstop_when_violated = true\nangle = 0.2\n";

/// Runs an experiment, with a false claim among the watched ones if asked to.
fn finished(experiment: &Experiment, out: &Path, existing: Existing, falsify: bool) -> Run {
    let path = Path::new("watched.toml");
    let teacher = experiment.teacher(path).unwrap();
    let section = experiment.watch.as_ref().unwrap();
    let watch = Watch::new(section, &teacher, path).unwrap();
    let watch = if falsify { watch.falsified() } else { watch };
    let mut go_on = |_: Progress<'_>| ControlFlow::Continue(());
    let with = (teacher.into_inner(), Some(watch));
    match run_watched(experiment, path, out, existing, with, &mut go_on).unwrap() {
        Ending::Finished(run) => *run,
        Ending::Stopped { steps } => panic!("stopped after {steps} steps"),
    }
}

fn parse(text: &str) -> Experiment {
    Experiment::parse("watched.toml".as_ref(), text.as_bytes()).unwrap()
}

#[test]
fn watched_claims_hold_along_a_run_and_are_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let text = WATCHED
        .replace("[watch]\n", "[watch]\nclaims = [\"5.2\", \"5.3\", \"7.1\", \"7.6\", \"7.10\"]\n");
    let text = text.replace("steps = 300", "steps = 150\nfloor = \"last\"");
    let run = finished(&parse(&text), folder.path(), Existing::Keep, false);
    assert!(run.violation.is_none() && run.manifest.get("violated").is_none());
    let claims = read_to_string(folder.path().join("claims.csv")).unwrap();
    let rows: Vec<Vec<&str>> = claims.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        rows[0],
        ["step", "lambda", "claim", "left", "right", "ratio", "verdict", "evidence"]
    );
    let at = |step: &str| -> Vec<&str> {
        rows.iter().filter(|row| row[0] == step).map(|row| row[2]).collect()
    };
    let expected = [
        "5.2 optimum from below",
        "5.2 optimum from above",
        "5.3 gap identity",
        "7.1 loss bound",
        "7.6 average neuron 0",
        "7.6 average neuron 1",
        "7.10 the largest step",
    ];
    // Stage 1 takes a step. Then looks after 100 steps, at the end of an epoch, and again in the next one.
    for step in ["101", "151", "251", "301"] {
        assert_eq!(at(step), expected, "step {step}");
    }
    assert!(rows[1..].iter().all(|row| row.len() == 8));
    let verdicts = |name: &str| rows.iter().filter(|row| row[6] == name).count();
    assert_eq!(verdicts("refuted"), 0);
    assert!(verdicts("holds") > 20);
    // The floor has its looks too, and says how it ended.
    assert!(rows.last().unwrap()[0].parse::<u64>().unwrap() > 301);
    assert_eq!(run.manifest["floors"][0]["ending"], "rounding");
}

#[test]
fn a_violated_claim_ends_the_run_and_the_same_again_on_resuming() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = parse(WATCHED);
    let run = finished(&experiment, folder.path(), Existing::Keep, true);
    let violation = run.violation.unwrap();
    assert!(violation.claim.is_violated());
    // A tenth of an epoch before its end.
    assert!(violation.step < 601, "{violation:?}");
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let manifest: Value = serde_json::from_slice(&bytes("run.json")).unwrap();
    assert_eq!(manifest["violated"]["step"], violation.step);
    assert_eq!(manifest["final"]["steps"], violation.step);
    let claims = read_to_string(folder.path().join("claims.csv")).unwrap();
    assert!(claims.contains("refuted"), "{claims}");
    let names = ["run.json", "claims.csv", "trajectory.csv", "checkpoints/final.safetensors"];
    let before = names.map(bytes);
    let again = finished(&experiment, folder.path(), Existing::Resume, true);
    assert_eq!(again.violation, Some(violation));
    assert_eq!(names.map(bytes), before);
    // Negative control: the same run with the true certificate goes to its end; not asked to stop, so does the false one.
    let other = folder.path().join("other");
    assert!(finished(&experiment, &other, Existing::Keep, false).violation.is_none());
    let patient = parse(&WATCHED.replace("stop_when_violated = true", ""));
    let run = finished(&patient, &folder.path().join("patient"), Existing::Keep, true);
    assert_eq!((run.violation, run.last.step), (None, 601));
}

#[test]
fn a_sampled_run_records_what_it_descends() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[teacher]\ndimension = 5\nneurons = 2\n[student]\nneurons = 20\n[samples]\ncount = 200\nnoise = 0.5\n\
                [stage3]\nsteps = 300\nepochs = 1\nlambda = 0.0\nstep_size = 0.1\n[record]\nevery = 100\n";
    let mut go_on = |_: Progress<'_>| ControlFlow::Continue(());
    let path = Path::new("x.toml");
    let _ending =
        run_experiment(&parse(text), path, folder.path(), Existing::Keep, &mut go_on).unwrap();
    let trajectory = read_to_string(folder.path().join("trajectory.csv")).unwrap();
    let mut lines = trajectory.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name: &str| header.iter().position(|cell| *cell == name).unwrap();
    let (loss, training, time) = (column("loss"), column("training_loss"), column("time"));
    let rows: Vec<(f64, f64)> = lines
        .map(|row| {
            assert_eq!((row.len(), row[time]), (header.len(), ""));
            (row[loss].parse().unwrap(), row[training].parse().unwrap())
        })
        .collect();
    // Descent lowers the training loss, below the population's and the noise's variance: it fits the noise.
    let [first, last] = [rows[rows.len() - 4], rows[rows.len() - 1]];
    assert!(last.1 < first.1 && last.1 < 0.25 && last.0 > 0.0, "{rows:?}");
    let objective = parse(text).objective(path, &parse(text).teacher(path).unwrap().into_inner());
    let student =
        read_network(&folder.path().join("checkpoints/final.safetensors"), &TensorNames::default());
    let expected = objective.unwrap().loss(&student.unwrap(), 1.0).value;
    assert!((last.1 - expected).abs() <= 0.0, "{} for {expected}", last.1);
}
