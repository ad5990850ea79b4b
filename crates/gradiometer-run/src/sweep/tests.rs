use super::*;
use gradiometer_files::lock::Holder;

const GRID: &str = "seed = 1\n[teacher]\ndimension = 4\nneurons = 2\n[student]\nneurons = 10\n\
                    [stage3]\nsteps = 5\nepochs = 1\n[sweep]\nstage3.lambda = [0.01, 0.02, 0.03]\nseed = [1, 2]\n\
                    \"teacher.amplitudes\" = [[0.8, 1.2]]\n";

fn read(text: &str) -> Result<Sweep, RunError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grid.toml");
    std::fs::write(&path, text).unwrap();
    Sweep::read(&path)
}

#[test]
fn points_are_numbered_with_the_last_field_fastest() {
    let sweep = read(GRID).unwrap();
    assert_eq!(sweep.points(), 6);
    assert_eq!(&sweep.header()[..4], ["point", "seed", "stage3.lambda", "teacher.amplitudes"]);
    assert_eq!(sweep.cells(0), ["0", "1", "0.01", "[0.8, 1.2]"]);
    assert_eq!(sweep.cells(4), ["4", "2", "0.02", "[0.8, 1.2]"]);
    let experiment = sweep.experiment(5).unwrap();
    assert_eq!((experiment.seed, experiment.stage3.epochs), (2, 1));
    assert_eq!(experiment.stage3.lambda.to_bits(), 0.03_f64.to_bits());
    assert_eq!(experiment.teacher.amplitudes, Some((0.8, 1.2)));
}

#[test]
fn mistakes_are_named() {
    for (text, parts) in [
        (GRID.replace("[sweep]", "[swep]"), ["sweep", "train"]),
        (GRID.replace("seed = [1, 2]", "seed = 3"), ["sweep.seed", "brackets"]),
        (GRID.replace("seed = [1, 2]", "seed = []"), ["sweep.seed", "brackets"]),
        (GRID.replace("seed = [1, 2]", "seed.x = [1]"), ["sweep.seed.x", "no table"]),
        (GRID.replace("[0.01, 0.02, 0.03]", "[-1.0, -2.0]"), ["stage3.lambda", "point 0"]),
        (GRID.replace("stage3.lambda", "stage3.lamda"), ["lamda", "point 0"]),
        (
            format!("{GRID}teacher.amplitudes = [[1.0, 1.0]]\n"),
            ["sweep.teacher.amplitudes", "twice"],
        ),
    ] {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains("grid.toml"), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[test]
fn impossible_points_are_rows_and_the_sweep_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grid.toml");
    // No such weight decay, no such teacher, no such start; and between them points that run.
    for (axis, values, reasons) in [
        ("stage3.lambda", "[0.01, -1.0, 0.02]", ["", "stage3.lambda", ""]),
        ("teacher.separation", "[9.0, 0.3, 0.4]", ["separation", "", ""]),
        ("student.neurons", "[10, 11, 12]", ["", "even", ""]),
    ] {
        let base = GRID.split("[sweep]").next().unwrap();
        let teacher = "[teacher]\nrank = 2\n";
        std::fs::write(
            &path,
            format!("{}[sweep]\n{axis} = {values}\n", base.replace("[teacher]\n", teacher)),
        )
        .unwrap();
        let sweep = Sweep::read(&path).unwrap();
        let name = folder.path().join(axis.replace('.', "-"));
        let mut first = Vec::new();
        for resume in [false, true] {
            let held = HeldFolder::take(&name, ".lock", &Holder::default()).unwrap();
            let mut go_on = |_: SweepProgress<'_>| ControlFlow::Continue(());
            let SweepEnding::Finished(results) =
                sweep.run(&held, None, resume, &mut go_on).unwrap()
            else {
                panic!("stopped")
            };
            for (row, reason) in results.rows.iter().zip(reasons) {
                let outcome = if reason.is_empty() { "finished" } else { "failed" };
                let at = sweep.axes.len() + 1;
                assert_eq!(row[at], outcome, "{row:?}");
                assert!(row.last().unwrap().contains(reason), "{row:?}");
                assert_eq!(row.last().unwrap().is_empty(), reason.is_empty(), "{row:?}");
            }
            if resume {
                assert_eq!(results.rows, first);
            }
            first = results.rows;
        }
    }
}

#[test]
fn a_line_of_any_cells_comes_back() {
    let cells = ["", "a", "[1, 2]", "say \"x\", then", "\"", "last"].map(str::to_owned).to_vec();
    assert_eq!(split(line(&cells).trim_end()), Some(cells));
    assert_eq!(split("a,\"b"), None);
}

#[test]
fn shards_merge_to_the_table_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grid.toml");
    // The third lambda makes the descent diverge, which is a row and no error.
    std::fs::write(&path, GRID.replace("steps = 5", "step_size = 1.0").replace("0.03", "1e9"))
        .unwrap();
    let sweep = Sweep::read(&path).unwrap();
    let mut go_on = |_: SweepProgress<'_>| ControlFlow::Continue(());
    let held = |name: &str| {
        HeldFolder::take(&folder.path().join(name), ".lock", &Holder::default()).unwrap()
    };
    let mut run = |name: &str, shard| {
        let out = held(name);
        match sweep.run(&out, shard, false, &mut go_on).unwrap() {
            SweepEnding::Finished(results) => results,
            stopped @ SweepEnding::Stopped { .. } => panic!("{stopped:?}"),
        }
    };
    let whole = run("whole", None);
    assert_eq!(whole.rows.len(), 6);
    let outcomes: Vec<&str> = whole.rows.iter().map(|row| row[4].as_str()).collect();
    assert_eq!(outcomes, ["finished", "finished", "diverged"].repeat(2));
    let first = run("parts", Shard::parse("1/2"));
    assert_eq!(first.rows, [0, 2, 4].map(|i| whole.rows[i].clone()));
    let parts = [folder.path().join("parts"), folder.path().join("other")];
    let error = sweep.merge(&held("parts"), &parts[..1]).unwrap_err().to_string();
    assert!(error.contains("3 points") && error.contains("point 1"), "{error}");
    let _second = run("other", Shard::parse("2/2"));
    let merged = sweep.merge(&held("merged"), &parts).unwrap();
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!((&merged.header, &merged.rows), (&whole.header, &whole.rows));
    for file in ["results.csv", "sweep.json"] {
        assert_eq!(bytes(&format!("merged/{file}")), bytes(&format!("whole/{file}")));
    }
    // Negative controls: another result for a point, and another sweep.
    let other = folder.path().join("other/results-2-of-2.csv");
    let text = std::fs::read_to_string(&other).unwrap();
    std::fs::write(&other, text.replace("finished", "violated")).unwrap();
    let again = [parts.as_slice(), &[folder.path().join("whole")]].concat();
    let error = sweep.merge(&held("merged"), &again).unwrap_err().to_string();
    assert!(error.contains("differ"), "{error}");
    std::fs::write(&path, GRID).unwrap();
    let error = Sweep::read(&path).unwrap().merge(&held("parts"), &parts).unwrap_err().to_string();
    assert!(error.contains("another sweep") && error.contains("sweep.json"), "{error}");
}
