use super::*;
use std::fs;
use tempfile::TempDir;

const GRID: &str = "seed = 1\n[teacher]\ndimension = 4\nneurons = 2\n[student]\nneurons = 10\n\
                    [stage3]\nsteps = 5\nepochs = 1\n[sweep]\nstage3.lambda = [0.01, 0.02, 0.03]\nseed = [1, 2]\n\
                    \"teacher.amplitudes\" = [[0.8, 1.2]]\n";

/// A folder with a sweep's file, and how it is run.
struct Place {
    folder: TempDir,
    has_locks: bool,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), has_locks: true }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, text: &str) -> Result<Sweep, RunError> {
        let path = self.at("grid.toml");
        fs::write(&path, text).unwrap();
        Sweep::read(&path)
    }

    /// Runs some points, and stops at the moment of that number.
    fn run_until(
        &self,
        sweep: &Sweep,
        out: &str,
        (selection, resume): (&Selection, bool),
        last: usize,
    ) -> Result<SweepEnding, RunError> {
        let (holder, mut seen) = (Holder::default(), 0);
        let worker = Worker { holder: &holder, clock: &|| 0.0, has_locks: self.has_locks };
        sweep.run(&self.at(out), selection, resume, worker, &mut |_moment| {
            seen += 1;
            if seen >= last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    #[track_caller]
    fn run(&self, sweep: &Sweep, out: &str, selection: &Selection, resume: bool) -> Results {
        match self.run_until(sweep, out, (selection, resume), usize::MAX).unwrap() {
            SweepEnding::Finished { results, left } if left.is_empty() => results,
            other => panic!("{other:?}"),
        }
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap()
    }
}

fn shard(text: &str) -> Selection {
    Selection::Shard(Shard::parse(text).unwrap())
}

fn rows(text: &str) -> String {
    text.replace("[sweep]\n", "[sweep]\nkeep = \"rows\"\n")
}

/// Lines in the files of a folder's rows.
fn lines(out: &Path) -> usize {
    let files = fs::read_dir(out.join("rows")).unwrap();
    files.map(|f| fs::read_to_string(f.unwrap().path()).unwrap().lines().count()).sum()
}

#[test]
fn points_are_numbered_with_the_last_field_fastest() {
    let sweep = Place::new().read(GRID).unwrap();
    assert_eq!(sweep.points(), 6);
    let header = sweep.record().header();
    assert_eq!(&header[..4], ["point", "seed", "stage3.lambda", "teacher.amplitudes"]);
    assert_eq!(sweep.cells(0), ["0", "1", "0.01", "[0.8, 1.2]"]);
    assert_eq!(sweep.cells(4), ["4", "2", "0.02", "[0.8, 1.2]"]);
    let experiment = sweep.experiment(5).unwrap();
    assert_eq!((experiment.seed, experiment.stage3.epochs), (2, 1));
    assert_eq!(experiment.stage3.lambda.to_bits(), 0.03_f64.to_bits());
    assert_eq!(experiment.teacher.amplitudes, Some((0.8, 1.2)));
}

#[test]
fn formulas_follow_each_point() {
    let text = format!("{GRID}student.neurons = \"2 * d * seed\"\n");
    let sweep = Place::new().read(&text).unwrap();
    assert_eq!(sweep.experiment(0).unwrap().student.neurons, 8);
    assert_eq!(sweep.experiment(5).unwrap().student.neurons, 16);
    assert_eq!(sweep.cells(5), ["5", "2", "0.03", "[0.8, 1.2]", "16"]);
    assert_eq!(sweep.record().header()[4], "student.neurons");
}

#[test]
fn mistakes_are_named() {
    for (text, parts) in [
        (GRID.replace("[sweep]", "[swep]"), ["sweep", "train"]),
        (GRID.replace("seed = [1, 2]", "seed = 3"), ["sweep.seed", "brackets"]),
        (GRID.replace("seed = [1, 2]", "seed = []"), ["sweep.seed", "brackets"]),
        (GRID.replace("seed = [1, 2]", "seed = [1, 1]"), ["sweep.seed", "twice"]),
        (GRID.replace("seed = [1, 2]", "seed.x = [1]"), ["sweep.seed.x", "no table"]),
        (GRID.replace("seed = [1, 2]", "seed = \"k + 1\""), ["sweep.seed", "needs k"]),
        (GRID.replace("[sweep]", "[sweep]\nkeep = \"all\""), ["sweep.keep", "rows"]),
        (GRID.replace("[0.01, 0.02, 0.03]", "[-1.0, -2.0]"), ["stage3.lambda", "point 0"]),
        (GRID.replace("stage3.lambda", "stage3.lamda"), ["lamda", "point 0"]),
        (
            format!("{GRID}teacher.amplitudes = [[1.0, 1.0]]\n"),
            ["sweep.teacher.amplitudes", "twice"],
        ),
    ] {
        let error = Place::new().read(&text).unwrap_err().to_string();
        assert!(error.contains("grid.toml"), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[test]
fn impossible_points_are_rows_and_the_sweep_goes_on() {
    let place = Place::new();
    // No such weight decay, no such teacher, no such start; and between them points that run.
    for (axis, values, reasons) in [
        ("stage3.lambda", "[0.01, -1.0, 0.02]", ["", "stage3.lambda", ""]),
        ("teacher.separation", "[9.0, 0.3, 0.4]", ["separation", "", ""]),
        ("student.neurons", "[10, 11, 12]", ["", "even", ""]),
    ] {
        let base = GRID.split("[sweep]").next().unwrap();
        let base = base.replace("[teacher]\n", "[teacher]\nrank = 2\n");
        let text = format!("{base}[sweep]\n{axis} = {values}\n");
        for (keep, text) in [("runs", text.clone()), ("rows", rows(&text))] {
            let sweep = place.read(&text).unwrap();
            let name = format!("{}-{keep}", axis.replace('.', "-"));
            let mut first = Vec::new();
            for resume in [false, true] {
                let results = place.run(&sweep, &name, &Selection::All, resume);
                for (row, reason) in results.rows.iter().zip(reasons) {
                    let outcome = if reason.is_empty() { "finished" } else { "failed" };
                    assert_eq!(row[sweep.grid.axes.len() + 1], outcome, "{row:?}");
                    assert!(row.last().unwrap().contains(reason), "{row:?}");
                    assert_eq!(row.last().unwrap().is_empty(), reason.is_empty(), "{row:?}");
                }
                if resume {
                    assert_eq!(results.rows, first);
                }
                first = results.rows;
            }
            // It was tried again, and written down once.
            assert_eq!(lines(&place.at(&name)), 3);
            let status = sweep.status(&place.at(&name)).unwrap();
            assert_eq!((status.done, status.failed.len(), status.open().len()), (2, 1, 1));
        }
    }
}

#[test]
fn a_point_that_failed_for_a_file_is_mended_by_the_file() {
    let place = Place::new();
    let teachers = "[sweep]\nteacher.file = [\"one.json\", \"two.json\"]\n";
    let base = "[student]\nneurons = 10\n[stage3]\nsteps = 5\nepochs = 1\n";
    fs::write(place.at("one.json"), r#"{"a": [1, 1], "w": [[1, 0], [0, 1]]}"#).unwrap();
    let sweep = place.read(&format!("{base}{teachers}")).unwrap();
    let outcomes =
        |results: Results| results.rows.iter().map(|row| row[2].clone()).collect::<Vec<_>>();
    let first = place.run(&sweep, "out", &Selection::All, false);
    assert_eq!(outcomes(first), ["finished", "failed"]);
    fs::write(place.at("two.json"), r#"{"a": [1, -1], "w": [[1, 0], [0, 1]]}"#).unwrap();
    let one = Selection::parse_points("1").unwrap();
    assert_eq!(outcomes(place.run(&sweep, "out", &one, true)), ["finished"]);
    // The table with the failure is no longer that of all points.
    assert!(!place.at("out/results.csv").exists());
    assert_eq!(outcomes(place.run(&sweep, "out", &Selection::All, true)), ["finished"; 2]);
}

#[test]
fn shards_merge_to_the_table_of_the_whole() {
    // The third lambda makes the descent diverge, which is a row and no error.
    let text = GRID.replace("steps = 5", "step_size = 1.0").replace("0.03", "1e9");
    for text in [text.clone(), rows(&text)] {
        let place = Place::new();
        let sweep = place.read(&text).unwrap();
        let whole = place.run(&sweep, "whole", &Selection::All, false);
        assert_eq!(whole.rows.len(), 6);
        let outcomes: Vec<&str> = whole.rows.iter().map(|row| row[4].as_str()).collect();
        assert_eq!(outcomes, ["finished", "finished", "diverged"].repeat(2));
        let first = place.run(&sweep, "parts", &shard("1/2"), false);
        assert_eq!(first.rows, [0, 2, 4].map(|i| whole.rows[i].clone()));
        let parts = [place.at("parts"), place.at("other")];
        let error = sweep.merge(&parts[0], &parts[..1]).unwrap_err().to_string();
        for part in ["3 points", "point 1", "--points 1,3,5"] {
            assert!(error.contains(part), "no {part} in {error}");
        }
        // Without the table the rows that are there can be read.
        assert_eq!(Results::read(&parts[0]).unwrap().rows, first.rows);
        let _second = place.run(&sweep, "other", &shard("2/2"), false);
        let merged = sweep.merge(&place.at("merged"), &parts).unwrap();
        assert_eq!((&merged.header, &merged.rows), (&whole.header, &whole.rows));
        assert_eq!(Results::read(&place.at("merged")).unwrap(), merged);
        for file in ["results.csv", "sweep.json"] {
            let [merged, whole] = ["merged", "whole"].map(|name| format!("{name}/{file}"));
            assert_eq!(place.bytes(&merged), place.bytes(&whole));
        }
        // In one folder the last shard writes the table.
        let _first = place.run(&sweep, "shared", &shard("2/2"), false);
        assert!(!place.at("shared/results.csv").exists());
        let _second = place.run(&sweep, "shared", &shard("1/2"), false);
        assert_eq!(place.bytes("shared/results.csv"), place.bytes("whole/results.csv"));
        // Negative controls: another result for a point, and another sweep.
        let other = place.at("other/rows/00000-00255.jsonl");
        fs::write(&other, fs::read_to_string(&other).unwrap().replace("finished", "violated"))
            .unwrap();
        let again = [parts.as_slice(), &[place.at("whole")]].concat();
        let error = sweep.merge(&place.at("merged"), &again).unwrap_err().to_string();
        assert!(error.contains("differ"), "{error}");
        let another = place.read(GRID).unwrap();
        let error = another.merge(&parts[0], &parts).unwrap_err().to_string();
        assert!(error.contains("another sweep") && error.contains("sweep.json"), "{error}");
    }
}

#[test]
fn a_sweep_stopped_at_any_moment_goes_on_to_the_same_bytes() {
    for text in [GRID.to_owned(), rows(GRID)] {
        let place = Place::new();
        let sweep = place.read(&text).unwrap();
        let _whole = place.run(&sweep, "whole", &Selection::All, false);
        let (mut stops, mut resume) = (0, false);
        while let SweepEnding::Stopped { done } =
            place.run_until(&sweep, "cut", (&Selection::All, resume), 2).unwrap()
        {
            resume = true;
            stops += 1;
            assert!(done < 6 && stops < 1000);
            let status = sweep.status(&place.at("cut")).unwrap();
            assert_eq!(status.done + status.interrupted.len() + status.missing.len(), 6);
        }
        assert!(stops > 6, "{stops}");
        assert_eq!(place.bytes("cut/results.csv"), place.bytes("whole/results.csv"));
        assert_eq!(lines(&place.at("cut")), 6);
        // Of points that keep their rows nothing else stays.
        let folders = fs::read_dir(place.at("cut/points")).unwrap().count();
        assert_eq!(folders, if text.contains("keep") { 0 } else { 6 });
    }
}

#[test]
fn without_resume_nothing_that_is_there_is_touched() {
    for text in [GRID.to_owned(), rows(GRID)] {
        let place = Place::new();
        let sweep = place.read(&text).unwrap();
        let two = Selection::parse_points("2").unwrap();
        let _row = place.run(&sweep, "out", &two, false);
        let error = place.run_until(&sweep, "out", (&Selection::All, false), 99).unwrap_err();
        assert!(error.to_string().contains("points/00002"), "{error}");
        let beyond = Selection::parse_points("3,5-6").unwrap();
        let error = place.run_until(&sweep, "out", (&beyond, true), 99).unwrap_err();
        assert!(error.to_string().contains("has no 6; the last is 5"), "{error}");
    }
}

#[test]
fn a_point_in_use_is_left_to_its_process() {
    let place = Place::new();
    let sweep = place.read(&rows(GRID)).unwrap();
    let holder = Holder { command: "elsewhere".to_owned(), started: String::new() };
    let held = HeldFolder::take(&place.at("out/points/00003"), LOCK, &holder).unwrap();
    let ending = place.run_until(&sweep, "out", (&Selection::All, true), usize::MAX).unwrap();
    let SweepEnding::Finished { results, left } = ending else { panic!("{ending:?}") };
    assert_eq!((results.rows.len(), left.len(), left[0].0), (5, 1, 3));
    assert!(left[0].1.to_string().contains("elsewhere"), "{}", left[0].1);
    let status = sweep.status(&place.at("out")).unwrap();
    assert_eq!((status.done, status.running[0].point), (5, 3));
    assert!(!place.at("out/results.csv").exists());
    drop(held);
    assert_eq!(place.run(&sweep, "out", &Selection::All, true).rows.len(), 6);
}

/// Where nothing can be locked two processes may run the same points, and the table is the same.
#[test]
fn without_locks_nothing_is_lost_or_twice() {
    for text in [GRID.to_owned(), rows(GRID)] {
        let locked = Place::new();
        let sweep = locked.read(&text).unwrap();
        let _whole = locked.run(&sweep, "whole", &Selection::All, false);
        let place = Place { has_locks: false, ..Place::new() };
        let sweep = place.read(&text).unwrap();
        let some = Selection::parse_points("0-3").unwrap();
        let _some = place.run(&sweep, "out", &some, false);
        // What another process, that did not see these rows, has written too.
        let mut twin = Journal::open(&place.at("out"), Some("twin".to_owned()));
        for (point, row) in Journal::read_all(&place.at("out")).unwrap() {
            assert_eq!(point, row.point);
            twin.append(&row, None).unwrap();
        }
        assert_eq!(lines(&place.at("out")), 8);
        let _rest = place.run(&sweep, "out", &Selection::All, true);
        assert_eq!(place.bytes("out/results.csv"), locked.bytes("whole/results.csv"));
    }
}

#[test]
fn a_grid_that_grows_computes_its_new_points_alone() {
    let place = Place::new();
    let text = rows(GRID);
    let small = place.read(&text).unwrap();
    let before = place.run(&small, "out", &Selection::All, false);
    let grown = place.read(&text.replace("[1, 2]", "[3, 1, 2]")).unwrap();
    let out = place.at("out");
    let error = grown.clone().in_folder(&out, false).unwrap_err().to_string();
    assert!(error.contains("--resume"), "{error}");
    let sweep = grown.clone().in_folder(&out, true).unwrap();
    assert_eq!((sweep.points(), sweep.status(&out).unwrap().missing), (9, vec![6, 7, 8]));
    let after = place.run(&sweep, "out", &Selection::All, true);
    assert_eq!(after.rows[..6], before.rows);
    assert!(after.rows[6..].iter().all(|row| row[1] == "3"), "{:?}", after.rows);
    assert_eq!(lines(&out), 9);
    // The same rows as those of a sweep that had all values at once, but for their numbers.
    let fresh = place.run(&grown, "fresh", &Selection::All, false);
    let settings = |results: &Results| {
        let mut rows: Vec<_> = results.rows.iter().map(|row| row[1..].to_vec()).collect();
        rows.sort();
        rows
    };
    assert_eq!(settings(&after), settings(&fresh));
    // It grows again, in another field; then the file that it grew from is refused.
    let text = text.replace("[1, 2]", "[1, 2, 3]");
    let last = place.read(&text.replace("[0.01,", "[0.04, 0.01,")).unwrap();
    let sweep = last.in_folder(&out, true).unwrap();
    let rows = place.run(&sweep, "out", &Selection::All, true).rows;
    assert_eq!((rows.len(), &rows[..9]), (12, &after.rows[..]));
    let error = grown.clone().in_folder(&out, true).unwrap_err().to_string();
    assert!(error.contains("more points") && error.contains("grew"), "{error}");
    // Negative control: another experiment has not grown from this one.
    let other = place.read(&text.replace("steps = 5", "steps = 6")).unwrap();
    let error = other.in_folder(&out, true).unwrap_err().to_string();
    assert!(error.contains("another sweep"), "{error}");
}

#[test]
fn a_damaged_checkpoint_stops_its_point_alone() {
    let place = Place::new();
    let sweep = place.read(&rows(GRID)).unwrap();
    let checkpoint = place.at("out/points/00004/checkpoints/resume.safetensors");
    fs::create_dir_all(checkpoint.parent().unwrap()).unwrap();
    fs::write(&checkpoint, "nothing").unwrap();
    let ending = place.run_until(&sweep, "out", (&Selection::All, true), usize::MAX).unwrap();
    let SweepEnding::Finished { results, left } = ending else { panic!("{ending:?}") };
    assert_eq!((results.rows.len(), left[0].0), (5, 4));
    assert!(left[0].1.to_string().contains("resume.safetensors"), "{}", left[0].1);
}
