use super::*;
use crate::run::Trajectory;
use crate::watch::Watch;
use gradiometer_files::lock::Holder;
use gradiometer_files::{TensorNames, read_network};
use gradiometer_train::FloorEnding;
use std::fs::read_to_string;

const WATCHED: &str = "seed = 1\n[teacher]\ndimension = 5\nrank = 2\nneurons = 2\nseparation = 0.6\n\
                       smallest_eigenvalue = 0.3\n[student]\nneurons = 30\n[stage3]\nepochs = 2\nsteps = 300\n\
                       [record]\nevery = 70\n[watch]\nevery = 100\nstop_when_violated = true\nangle = 0.2\n";

/// Runs an experiment, with a false claim among the watched ones if asked to.
fn finished(experiment: &Experiment, out: &Path, existing: Existing, falsify: bool) -> Run {
    let mut plan = experiment.resolve("".as_ref()).unwrap();
    if falsify {
        plan.watch = plan.watch.map(Watch::falsified);
    }
    match run_plan(experiment, &plan, &held(out), existing, &mut go_on).unwrap() {
        Ending::Finished(run) => *run,
        Ending::Stopped { steps } => panic!("stopped after {steps} steps"),
    }
}

fn held(out: &Path) -> HeldFolder {
    HeldFolder::take(out, LOCK, &Holder::default()).unwrap()
}

fn go_on(_: &Moment<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
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
    assert!(run.violation.is_none() && run.manifest.violated.is_none());
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
    // Stage 1 takes a step. Then looks after 100 steps, at the end of an epoch, and again in the
    // next one.
    for step in ["101", "151", "251", "301"] {
        assert_eq!(at(step), expected, "step {step}");
    }
    assert!(rows[1..].iter().all(|row| row.len() == 8));
    let verdicts = |name: &str| rows.iter().filter(|row| row[6] == name).count();
    assert_eq!(verdicts("refuted"), 0);
    assert!(verdicts("holds") > 20);
    // The floor has its looks too, and says how it ended.
    assert!(rows.last().unwrap()[0].parse::<u64>().unwrap() > 301);
    assert_eq!(run.manifest.floors[0].ending, Some(FloorEnding::Rounding));
}

#[test]
fn a_violated_claim_ends_the_run_and_the_same_again_on_resuming() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = parse(WATCHED);
    let run = finished(&experiment, folder.path(), Existing::Keep, true);
    let violation = run.violation.clone().unwrap();
    assert!(violation.claim.is_violated());
    // A tenth of an epoch before its end.
    assert!(violation.step < 601, "{violation:?}");
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let manifest = Manifest::read(folder.path()).unwrap();
    assert_eq!(manifest, run.manifest);
    assert_eq!(manifest.violated.unwrap().step, violation.step);
    assert_eq!(manifest.last.record.steps, violation.step);
    let claims = read_to_string(folder.path().join("claims.csv")).unwrap();
    assert!(claims.contains("refuted"), "{claims}");
    let names = ["run.json", "claims.csv", "trajectory.csv", "checkpoints/final.safetensors"];
    let before = names.map(bytes);
    let again = finished(&experiment, folder.path(), Existing::Resume, true);
    assert_eq!(again.violation, Some(violation));
    assert_eq!(names.map(bytes), before);
    // Negative control: the same run with the true certificate goes to its end; not asked to stop,
    // so does the false one.
    let other = folder.path().join("other");
    assert!(finished(&experiment, &other, Existing::Keep, false).violation.is_none());
    let patient = parse(&WATCHED.replace("stop_when_violated = true", ""));
    let run = finished(&patient, &folder.path().join("patient"), Existing::Keep, true);
    assert_eq!((run.violation, run.manifest.last.record.steps), (None, 601));
}

#[test]
fn a_sampled_run_records_what_it_descends() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[teacher]\ndimension = 5\nneurons = 2\n[student]\nneurons = 20\n[samples]\ncount = 200\nnoise = 0.5\n\
                [stage3]\nsteps = 300\nepochs = 1\nlambda = 0.0\nstep_size = 0.1\n[record]\nevery = 100\n";
    let (experiment, out) = (parse(text), held(folder.path()));
    let _ending =
        run_experiment(&experiment, "".as_ref(), &out, Existing::Keep, &mut go_on).unwrap();
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
    // Descent lowers the training loss, below the population's and the noise's variance: it fits
    // the noise.
    let [first, last] = [rows[rows.len() - 4], rows[rows.len() - 1]];
    assert!(last.1 < first.1 && last.1 < 0.25 && last.0 > 0.0, "{rows:?}");
    let plan = experiment.resolve("".as_ref()).unwrap();
    let student =
        read_network(&folder.path().join("checkpoints/final.safetensors"), &TensorNames::default());
    let expected = plan.samples.unwrap().loss(&student.unwrap(), 1.0).value;
    assert!((last.1 - expected).abs() <= 0.0, "{} for {expected}", last.1);
}

/// A run in memory and one in a folder show the same; one that is stopped and resumed shows the
/// rest.
#[test]
fn a_run_without_files_shows_what_a_folder_holds() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = parse(WATCHED);
    let plan = experiment.resolve("".as_ref()).unwrap();
    let mut trajectory = Trajectory::default();
    let Ending::Finished((student, results)) = plan.run(&mut [&mut trajectory]).unwrap() else {
        panic!("nobody stops it")
    };
    let run = finished(&experiment, folder.path(), Existing::Keep, false);
    assert_eq!((student, results.last), (run.student, run.manifest.last.record));
    assert_eq!(results.stages, run.manifest.stages);
    let lines = |name| read_to_string(folder.path().join(name)).unwrap();
    let rows: Vec<String> = lines("trajectory.csv").lines().skip(1).map(str::to_owned).collect();
    let row = |record| table::trajectory_row(record).join(",");
    assert_eq!(trajectory.records.iter().map(row).collect::<Vec<_>>(), rows);
    let text: String = trajectory.snapshots.iter().map(table::snapshot_rows).collect();
    assert_eq!(text, lines("snapshots.csv").split_once('\n').unwrap().1);
    assert_eq!(trajectory.claims.len(), lines("claims.csv").lines().count() - 1);
    // Negative control: an observer that stops it leaves less.
    let mut part = Trajectory::default();
    let mut stop = |moment: &Moment<'_>| {
        if moment.state.steps < 300 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let ending = plan.run(&mut [&mut stop, &mut part]).unwrap();
    assert!(matches!(ending, Ending::Stopped { steps: 300.. }), "{ending:?}");
    assert!(part.records.len() < trajectory.records.len());
    assert_eq!(part.records, trajectory.records[..part.records.len()]);
}
