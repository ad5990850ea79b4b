use super::*;
use gradiometer_files::{HeldFolder, Holder};
use gradiometer_run::folder::{Existing, LOCK, run};
use roxmltree::{Document, Node, ParsingOptions};
use std::ops::ControlFlow;
use tempfile::TempDir;

/// A run of an experiment, in a folder of its own.
fn trained(experiment: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("experiment.toml");
    std::fs::write(&path, experiment).unwrap();
    let out = folder.path().join("run");
    let held = HeldFolder::take(&out, LOCK, &Holder::default()).unwrap();
    run(&path, &held, Existing::Keep, &mut |_| ControlFlow::Continue(())).unwrap();
    drop(held);
    (folder, out)
}

fn tiny(rank: usize, teachers: usize, more: &str) -> String {
    format!(
        "seed = 4\n[teacher]\ndimension = {}\nrank = {rank}\nneurons = {teachers}\nseparation = 0.9\n\
         [student]\nneurons = 24\n[stage3]\nepochs = 4\nsteps = 60\n{more}",
        rank + 1
    )
}

/// A run folder as a report with default options reads it.
fn read(out: &Path) -> RunData {
    RunData::read(out, ReportOptions::default(), &mut |_| ControlFlow::Continue(())).unwrap()
}

fn page(out: &Path) -> String {
    std::fs::read_to_string(out.join(PAGE)).unwrap()
}

fn reported(experiment: &str) -> (TempDir, PathBuf, String) {
    let (folder, out) = trained(experiment);
    write_report(&out, ReportOptions::default()).unwrap();
    let page = page(&out);
    (folder, out, page)
}

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).unwrap()
}

fn elements<'a, 'i>(under: Node<'a, 'i>, tag: &str) -> Vec<Node<'a, 'i>> {
    under.descendants().filter(|n| n.tag_name().name() == tag).collect()
}

fn has_class(node: &Node<'_, '_>, class: &str) -> bool {
    node.attribute("class").is_some_and(|c| c.split(' ').any(|c| c == class))
}

fn names(document: &Document<'_>) -> Vec<String> {
    let figures = elements(document.root(), "figure");
    figures.iter().filter_map(|f| f.attribute("id")).map(|id| id.replace("fig-", "")).collect()
}

/// What is wrong with a page, whatever it reports.
fn faults(text: &str) -> Vec<String> {
    let document = parsed(text);
    let mut found = Vec::new();
    for svg in elements(document.root(), "svg") {
        let name =
            elements(svg, "title").first().and_then(Node::text).unwrap_or_default().to_owned();
        if svg.attribute("role") != Some("img")
            || svg.attribute("aria-labelledby").is_none()
            || name.is_empty()
        {
            found.push(format!("no accessible name: {name}"));
        }
    }
    let mut ids: Vec<&str> = document.descendants().filter_map(|n| n.attribute("id")).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() < count {
        found.push("an id twice".to_owned());
    }
    for word in ["NaN", "inf ", "Infinity", "src=", "@import", "url(h"] {
        if text.contains(word) {
            found.push(format!("holds {word}"));
        }
    }
    for link in document.descendants().filter_map(|n| n.attribute("href")) {
        if !link.strip_prefix('#').is_some_and(|id| ids.contains(&id)) {
            found.push(format!("a link to nothing: {link}"));
        }
    }
    let links = text.matches("http").count();
    let namespaces =
        text.matches("http://www.w3.org/").count() + text.matches("http-equiv").count();
    if links > namespaces {
        found.push("an address in the network".to_owned());
    }
    found
}

fn assert_sound(text: &str) {
    let found = faults(text);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_run_in_a_plane_has_all_its_pictures() {
    let (_folder, out, text) = reported(&tiny(2, 2, ""));
    assert_sound(&text);
    let document = parsed(&text);
    let expected = [
        "neurons",
        "descent-direction",
        "certificate",
        "loss",
        "scaling",
        "gradient",
        "angles",
        "mass-beyond",
        "mass-by-angle",
        "balance",
        "lemma-7.1",
    ];
    let found = names(&document);
    for name in expected {
        assert!(found.iter().any(|f| f == name), "{name} is missing in {found:?}");
        assert!(out.join(format!("figures/{name}.svg")).exists(), "{name}");
    }
    // Every neuron is an arrow, and every moment a frame with as many.
    let figure = document.descendants().find(|n| n.attribute("id") == Some("fig-neurons")).unwrap();
    let group = elements(figure, "g").into_iter().find(|g| has_class(g, "neurons")).unwrap();
    assert_eq!((elements(group, "circle").len(), elements(group, "line").len()), (24, 24));
    let frames = elements(figure, "script")[0].text().unwrap();
    let frames: Value = serde_json::from_str(frames).unwrap();
    let frames = frames["frames"].as_array().unwrap();
    let snapshots = std::fs::read_to_string(out.join("snapshots.csv")).unwrap();
    assert_eq!(24 * frames.len() + 1, snapshots.lines().count());
    for frame in frames {
        assert_eq!(["x", "y", "r"].map(|k| frame[k].as_array().unwrap().len()), [24; 3]);
        assert_eq!(frame["signs"].as_str().unwrap().len(), 24);
    }
    // The drawing is the last frame: the fallback without scripts.
    let last = frames.last().unwrap();
    for (k, mark) in elements(group, "circle").iter().enumerate() {
        let x: f64 = mark.attribute("cx").unwrap().parse().unwrap();
        assert_eq!((10.0 * x).round().to_string(), last["x"][k].to_string());
    }
    // Every statement of the table has a part that says it in full.
    let ids = |prefix: &str, name: &str| {
        let of = move |n: &Node<'_, '_>| n.attribute(name).map(str::to_owned);
        let all: Vec<String> = document.descendants().filter_map(|n| of(&n)).collect();
        all.into_iter().filter(|id| id.starts_with(prefix)).count()
    };
    assert!(ids("#statement-", "href") >= 15 && ids("statement-", "id") >= 9);
    assert!(text.contains("Hypotheses:") && text.contains("Control:"));
    // Two teachers are two rays here and two dots at the certificate, one of which shows at both
    // ends of the half circle.
    assert_eq!(elements(figure, "line").iter().filter(|l| has_class(l, "ray")).count(), 2);
    let figure =
        document.descendants().find(|n| n.attribute("id") == Some("fig-certificate")).unwrap();
    let svg = elements(figure, "svg")[0];
    let dots: Vec<Node<'_, '_>> =
        elements(svg, "circle").into_iter().filter(|c| c.attribute("r") == Some("5")).collect();
    assert_eq!(dots.len(), 3);
}

#[test]
fn runs_beside_each_other_share_axes_and_name_their_differences() {
    let (_one, first) = trained(&tiny(2, 2, ""));
    let (_two, second) = trained(&tiny(2, 2, "").replace("steps = 60", "steps = 90"));
    let folder = tempfile::tempdir().unwrap();
    let runs = [first.clone(), second];
    let mut go_on = |_: &str| ControlFlow::Continue(());
    write_comparison(&runs, folder.path(), ReportOptions::default(), &mut go_on).unwrap();
    let text = page(folder.path());
    assert_sound(&text);
    let expected = ["loss", "worst-angle", "mean-angle", "gradient", "loss-lambda"];
    assert_eq!(names(&parsed(&text)), expected);
    // One field differs, and nothing else is in the table.
    assert!(text.contains("stage3.steps") && text.contains(">60<") && text.contains(">90<"));
    assert!(!text.contains("stage3.epochs"));
    // Two curves in each chart.
    let document = parsed(&text);
    let figure = document.descendants().find(|n| n.attribute("id") == Some("fig-loss")).unwrap();
    let curves = elements(figure, "path").into_iter().filter(|p| has_class(p, "s"));
    assert_eq!(curves.count(), 2);
    // The same run twice has no difference.
    let twice = [first.clone(), first];
    write_comparison(&twice, folder.path(), ReportOptions::default(), &mut go_on).unwrap();
    assert!(page(folder.path()).contains("the experiments are the same"));
}

#[test]
fn a_sweep_has_a_curve_for_each_result_and_tells_what_failed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("sweep.json", "{}");
    let header = "point,seed,stage3.decay,student.neurons,outcome,steps,lambda,loss,worst_angle,mean_angle,mass_away,reason\n";
    let mut table = header.to_owned();
    let mut point = 0;
    for decay in ["0.5", "0.7"] {
        for neurons in [10.0, 100.0, 1000.0] {
            for seed in 0..3 {
                let loss = (1.0 + 0.1 * f64::from(seed)) / neurons;
                let row =
                    format!("{point},{seed},{decay},{neurons},finished,9,0.1,{loss:e},0.1,0.1,0,");
                table.push_str(&row);
                table.push('\n');
                point += 1;
            }
        }
    }
    table += "18,0,0.7,21,failed,,,,,,,\"odd, \"\"so\"\" no\"\n";
    write("results.csv", &table);
    write_report(folder.path(), ReportOptions::default()).unwrap();
    let text = page(folder.path());
    assert_sound(&text);
    assert!(text.contains("18 of 19 points") && text.contains("1 point could not be run"));
    assert!(text.contains("odd, &quot;so&quot; no"));
    let found = names(&parsed(&text));
    assert!(found.iter().any(|name| name == "sweep-curve-1-loss"), "{found:?}");
    assert!(text.contains("exponent −1.00"), "the slope of the law");
    // A table with a damaged line is refused by its line.
    write("results.csv", &(table + "19,0\n"));
    let error = write_report(folder.path(), ReportOptions::default()).unwrap_err().to_string();
    assert!(error.contains("line 21"), "{error}");
}

#[test]
fn a_report_in_memory_is_that_of_the_folder() {
    let text = tiny(2, 2, "");
    let (_folder, out, page) = reported(&text);
    let experiment = gradiometer_run::Experiment::from_table(text.parse().unwrap()).unwrap();
    let plan = experiment.resolve(Path::new(".")).unwrap();
    let mut trajectory = Trajectory::default();
    let ending = plan.run(&mut [&mut trajectory]).unwrap();
    let gradiometer_run::Ending::Finished((student, results)) = ending else { panic!("stopped") };
    let manifest = Manifest::new(&experiment, &plan.teacher, &student, results).unwrap();
    let report = RunReport::new(manifest, &plan.teacher, &student, &trajectory).unwrap();
    assert_sound(&report.page);
    for drawing in &report.figures {
        assert!(out.join(format!("figures/{}.svg", drawing.name)).exists(), "{}", drawing.name);
    }
    // The tables hold all digits, so that the curves are the same bytes.
    let loss = std::fs::read_to_string(out.join("figures/loss.svg")).unwrap();
    assert_eq!(report.figure("loss").unwrap().svg, loss);
    assert_eq!(names(&parsed(&page)), names(&parsed(&report.page)));
}

#[test]
fn the_certificate_touches_the_signs_of_the_teachers() {
    let (_folder, out) = trained(&tiny(2, 2, ""));
    let run =
        RunData::read(&out, ReportOptions::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    let figure = figures::certificate::figures(&run).remove(0);
    let rows: Vec<Vec<f64>> = figure
        .table
        .rows
        .iter()
        .map(|row| row.iter().map(|x| x.replace('−', "-").parse().unwrap_or(0.0)).collect())
        .collect();
    // The first teacher is at angle 0.
    let sign = run.teacher.amplitudes()[0].signum();
    // Four digits are printed.
    let digits = 1.0 / 1000.0;
    assert!(
        (rows[0][1] - sign).abs() <= digits && (rows.last().unwrap()[1] - sign).abs() <= digits
    );
    assert!(rows.iter().all(|row| row[1].abs() <= row[2] + digits));
    assert!(rows.iter().any(|row| row[1].abs() < 0.9));
}

#[test]
fn the_same_folder_gives_the_same_page_and_none_of_its_path() {
    let (folder, out, first) = reported(&tiny(1, 1, ""));
    write_report(&out, ReportOptions::default()).unwrap();
    assert_eq!(first, page(&out));
    assert!(!first.contains(folder.path().to_str().unwrap()));
    let moved = folder.path().join("moved");
    std::fs::rename(&out, &moved).unwrap();
    write_report(&moved, ReportOptions::default()).unwrap();
    assert_eq!(first, page(&moved));
    assert_sound(&first);
}

#[test]
fn the_sphere_is_a_map_with_a_dot_for_each_neuron() {
    let (_folder, _out, text) = reported(&tiny(3, 3, ""));
    assert_sound(&text);
    let document = parsed(&text);
    let figure = document.descendants().find(|n| n.attribute("id") == Some("fig-neurons")).unwrap();
    let group = elements(figure, "g").into_iter().find(|g| has_class(g, "neurons")).unwrap();
    assert_eq!((elements(group, "circle").len(), elements(group, "line").len()), (24, 0));
    // Colours from one end of the scale to the other, and a name for each teacher.
    let levels = (0..colour::LEVELS)
        .filter(|k| elements(figure, "path").iter().any(|p| has_class(p, &format!("e{k}"))));
    assert!(levels.count() > colour::LEVELS / 2);
    assert_eq!(elements(figure, "text").iter().filter(|t| has_class(t, "lab")).count(), 3);
    assert!(text.len() < 1 << 20, "{}", text.len());
}

#[test]
fn more_dimensions_are_shown_in_planes_of_pairs() {
    let more = "activation = \"absolute\"\n";
    let (_folder, _out, text) = reported(&format!("{more}{}", tiny(4, 4, "")));
    assert_sound(&text);
    // Another activation has no statements, and says so.
    assert!(text.contains("they are about ReLU networks"));
    let document = parsed(&text);
    let figure = document.descendants().find(|n| n.attribute("id") == Some("fig-neurons")).unwrap();
    let group = elements(figure, "g").into_iter().find(|g| has_class(g, "neurons")).unwrap();
    let panels = elements(figure, "text")
        .iter()
        .filter(|t| t.text().unwrap_or("").starts_with("plane of"))
        .count();
    assert!(panels >= 2);
    assert_eq!(elements(group, "circle").len(), panels * 24);
}

#[test]
fn a_run_without_steps_has_no_curves() {
    let text = "seed = 1\nskip = [\"stage1\", \"stage2\", \"balance\", \"stage3\"]\n[teacher]\ndimension = 3\nneurons = 2\nrank = 2\n\
                separation = 0.9\n[student]\nneurons = 4\n";
    let (_folder, _out, text) = reported(text);
    assert_sound(&text);
    assert!(text.contains("The run is too short for curves"));
    assert!(!names(&parsed(&text)).contains(&"loss".to_owned()));
}

#[test]
fn neurons_that_are_zero_leave_marks_without_size() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("student.json", r#"{"a": [0.0, 1.0, -0.5], "w": [[0, 0, 0], [0.8, 0.6, 0], [0, 0, 1]]}"#);
    write("teacher.json", r#"{"a": [1.0, -1.0], "w": [[1, 0, 0], [0, 1, 0]]}"#);
    write(
        "experiment.toml",
        "skip = [\"stage1\", \"stage2\"]\n[teacher]\nfile = \"teacher.json\"\n[student]\nfile = \"student.json\"\n[stage3]\nepochs = 2\nsteps = 9\n",
    );
    let out = folder.path().join("run");
    let path = folder.path().join("experiment.toml");
    let held = HeldFolder::take(&out, LOCK, &Holder::default()).unwrap();
    run(&path, &held, Existing::Keep, &mut |_| ControlFlow::Continue(())).unwrap();
    drop(held);
    write_report(&out, ReportOptions::default()).unwrap();
    let text = page(&out);
    assert_sound(&text);
    let document = parsed(&text);
    let figure = document.descendants().find(|n| n.attribute("id") == Some("fig-neurons")).unwrap();
    let group = elements(figure, "g").into_iter().find(|g| has_class(g, "neurons")).unwrap();
    let sizes: Vec<&str> =
        elements(group, "circle").iter().filter_map(|c| c.attribute("r")).collect();
    assert_eq!((sizes.len(), sizes[0]), (3, "0"));
    assert_ne!(sizes[1], "0");
}

/// A student read from a file, not trained: both signs of mass `bundle` half a radian off the first
/// teacher, which cancel in the average neuron.
fn bundled(bundle: f64) -> String {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let (x, y) = (0.5_f64.cos(), 0.5_f64.sin());
    let student = format!(
        r#"{{"a": [1.0, -1.0, {bundle}, -{bundle}], "w": [[1, 0, 0], [0, 1, 0], [{x}, 0, {y}], [{x}, 0, {y}]]}}"#
    );
    write("student.json", &student);
    write("teacher.json", r#"{"a": [1.0, -1.0], "w": [[1, 0, 0], [0, 1, 0]]}"#);
    write(
        "experiment.toml",
        "skip = [\"stage1\", \"stage2\", \"balance\", \"stage3\"]\n[teacher]\nfile = \"teacher.json\"\n[student]\nfile = \"student.json\"\n",
    );
    let out = folder.path().join("run");
    let path = folder.path().join("experiment.toml");
    let held = HeldFolder::take(&out, LOCK, &Holder::default()).unwrap();
    run(&path, &held, Existing::Keep, &mut |_| ControlFlow::Continue(())).unwrap();
    drop(held);
    write_report(&out, ReportOptions::default()).unwrap();
    page(&out)
}

#[test]
fn opposite_signs_that_cancel_are_not_features_learned() {
    let text = bundled(9.0);
    assert_sound(&text);
    assert!(!text.contains("features learned"), "94 % of the mass is elsewhere");
    assert!(text.contains("partly learned") && text.contains("90.0 % of the mass is farther"));
    // Both signs lie at one place, and both are to be seen.
    assert!(text.contains("neurons of both signs at one place"));
    let text = bundled(1.0 / 1024.0);
    assert!(text.contains("✓ features learned") || text.contains("features learned"), "a control");
}

#[test]
fn an_epoch_with_a_floor_is_shown_by_its_floor() {
    let floors =
        "[stage3]\nepochs = 7\nsteps = 0\nfloor = \"every\"\nlambda = 0.01\ndecay = 0.25\n";
    let experiment = tiny(2, 2, "").replace("[stage3]\nepochs = 4\nsteps = 60\n", floors);
    let (_folder, out) = trained(&experiment);
    let run = read(&out);
    let epochs = run.epochs();
    assert_eq!(epochs.len(), 7);
    for record in &epochs {
        assert_eq!(record.position.stage.name(), "floor");
        assert!(RunData::is_converged(record), "{record:?}");
    }
    // The minimisers' losses fall by lambda^2, from epoch to epoch the better.
    let slopes: Vec<f64> = epochs
        .windows(2)
        .map(|pair| (pair[1].loss / pair[0].loss).ln() / (pair[1].lambda / pair[0].lambda).ln())
        .collect();
    assert!(slopes.iter().all(|slope| (1.5..2.5).contains(slope)), "{slopes:?}");
    let figures = figures::trajectory::figures(&run);
    let scaling = figures.iter().find(|figure| figure.name == "scaling").unwrap();
    assert!(scaling.caption.contains("7 of 7 converged"), "{}", scaling.caption);
    for (row, record) in scaling.table.rows.iter().zip(&epochs) {
        assert_eq!(row[1], figures::number(record.loss, 4));
    }
}

#[test]
fn captions_say_only_what_is_drawn() {
    // Without preprocessing there is no certificate, no band and no bound.
    let (_folder, _out, text) =
        reported(&format!("skip = [\"preprocessing\"]\n{}", tiny(2, 2, "step_size = 0.02\n")));
    assert_sound(&text);
    for absent in ["The rim shows", "Shaded:", "bound of 7.3", "features learned"] {
        assert!(!text.contains(absent), "{absent}");
    }
    assert!(text.contains("No slope is fitted"));
    let (_folder, _out, text) = reported(&tiny(2, 2, ""));
    for present in ["The rim shows", "Shaded:", "bound of 7.3"] {
        assert!(text.contains(present), "{present}");
    }
}

#[test]
fn the_start_of_a_symmetric_student_shows_both_signs() {
    let (_folder, out) = trained(&tiny(3, 3, ""));
    let run = read(&out);
    let figure = figures::neurons::figure(&run).unwrap();
    let frames = figure.frames.unwrap();
    let first = &frames["frames"][0];
    let place = |k: usize| (first["x"][k].as_i64(), first["y"][k].as_i64());
    let radius = |k: usize| first["r"][k].as_i64().unwrap();
    let signs: Vec<char> = first["signs"].as_str().unwrap().chars().collect();
    // Every dot that hides another one has the other sign and is smaller.
    let mut hidden = 0;
    for k in 0..signs.len() {
        for j in (0..k).filter(|j| place(*j) == place(k) && radius(k) > 0) {
            assert!(signs[j] != signs[k] && radius(k) < radius(j), "{j} {k}");
            hidden += 1;
        }
    }
    assert_eq!(hidden, 12, "a pair for every two neurons");
    assert!(figure.caption.contains("neurons of both signs at one place"));
}

#[test]
fn paper_has_a_picture_of_every_stage_in_place_of_the_slider() {
    for (rank, teachers) in [(1, 1), (2, 2), (3, 3), (4, 4)] {
        let (_folder, out, text) = reported(&tiny(rank, teachers, ""));
        assert_sound(&text);
        let document = parsed(&text);
        let of = |id: &str| document.descendants().find(|n| n.attribute("id") == Some(id));
        let (moving, still) = (of("fig-neurons").unwrap(), of("fig-neurons-stages").unwrap());
        assert!(has_class(&moving, "on-screen") && has_class(&still, "on-paper"));
        let names: Vec<&str> = elements(still, "text").iter().filter_map(Node::text).collect();
        for moment in ["start", "after Stage 1", "after Stage 2", "end"] {
            let count = names.iter().filter(|text| text.starts_with(&format!("{moment}, step")));
            assert_eq!(count.count(), 1, "rank {rank}: {moment} in {names:?}");
        }
        // All neurons at every moment, on one background.
        let svg = elements(still, "svg")[0];
        assert_eq!(elements(svg, "use").len(), 3);
        let dots = elements(svg, "circle").into_iter().filter(|c| has_class(c, "p")).count();
        assert_eq!(dots, 4 * 24, "rank {rank}");
        assert!(out.join("figures/neurons-stages.svg").exists());
    }
    // What has one moment alone has nothing that moves, and shows it everywhere.
    let text = bundled(9.0);
    assert!(!text.contains("fig-neurons-stages") && !text.contains("class=\"on-screen\""));
    assert!(text.contains("id=\"fig-neurons\""));
}

#[test]
fn watched_statements_are_drawn() {
    let (_folder, out) = trained(&tiny(1, 1, ""));
    let text = "step,lambda,claim,left,right,ratio,verdict,evidence\n1,0.1,7.1 loss bound,1,2,0.5,holds,computed\n\
                2,0.1,7.1 loss bound,0.5,0.4,1.2,refuted,computed\n9,0.1,7.1 loss bound,0.1,0.4,1.2,holds,computed\n";
    std::fs::write(out.join("claims.csv"), text).unwrap();
    write_report(&out, ReportOptions::default()).unwrap();
    let text = page(&out);
    assert_sound(&text);
    assert!(names(&parsed(&text)).contains(&"statement-1".to_owned()));
    assert!(text.contains("7.1 loss bound") && text.contains("VIOLATED at 1 record."));
}

#[test]
fn a_bad_folder_is_refused_with_file_and_mend() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |folder: &Path, parts: &[&str]| {
        let error = write_report(folder, ReportOptions::default()).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    refused(&folder.path().join("none"), &["none", "no such file"]);
    refused(folder.path(), &["run.json", "report.json", "--out"]);
    let (_kept, out) = trained(&tiny(1, 1, ""));
    for (name, text, part) in [
        ("trajectory.csv", "step,loss\n1,2\n", "lambda"),
        ("snapshots.csv", "stage\nx,y\n", "line 2"),
        ("run.json", "{\"stages\": []}", "program"),
        ("run.json", "{", "run.json"),
        ("teacher.safetensors", "x", "teacher.safetensors"),
    ] {
        let path = out.join(name);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, text).unwrap();
        refused(&out, &[name, part]);
        std::fs::write(&path, whole).unwrap();
    }
    // A run that goes on has no manifest yet.
    std::fs::remove_file(out.join("run.json")).unwrap();
    refused(&out, &["run.json", "--resume"]);
}

#[test]
fn a_verification_has_its_ratios_and_exponents() {
    let folder = tempfile::tempdir().unwrap();
    let searched = |name: &str| serde_json::json!({"part": name, "ratio": 0.97, "violated": false, "evaluations": 5, "seed": 4, "evidence": "sampled"});
    let part = |name: &str, ratio: f64| {
        serde_json::json!({
            "part": name, "kind": "inequality", "checked": 9, "violations": 0, "hidden_by_rounding": 0, "undecided": 0,
            "worst_ratio": ratio, "seed_of_worst": 3, "violating_seeds": [], "search": searched(name), "evidence": "computed",
        })
    };
    let fit = |x: f64| serde_json::json!({"exponent": x, "low": x - 0.12, "high": x + 0.12});
    let mut report = serde_json::json!({
        "complete": true, "holds": true, "seeds": 9, "scale": 1.0,
        "claims": [
            {"id": "7.1", "title": "loss & <bound>", "hypotheses": "none", "instances": 9, "inapplicable": 0, "violations": 0,
             "hidden_by_rounding": 0, "worst_ratio": 0.5, "worst_ratio_searched": 0.97, "seed_of_worst": 3, "kind": "inequality",
             "sharp": true, "evidence": "computed", "complete": true, "parts": [part("one", 0.5), part("two", 0.25)],
             "negative_control": {"changed": "a half", "refuted": true, "parts": [searched("one")]}},
            {"id": "8.3", "title": "loss", "instances": 8, "violations": 0, "hidden_by_rounding": 0, "worst_ratio": null,
             "seed_of_worst": null, "kind": "scaling", "predicted": "about 2.000", "fit": fit(2.02),
             "constants": {"least": 1.0, "greatest": null}, "evidence": "fitted",
             "negative_control": {"changed": "a schedule", "refuted": false, "fit": fit(0.1)}},
        ],
    });
    std::fs::write(folder.path().join("report.json"), report.to_string()).unwrap();
    write_report(folder.path(), ReportOptions::default()).unwrap();
    let text = page(folder.path());
    assert_sound(&text);
    let document = parsed(&text);
    assert_eq!(names(&document), ["ratios", "exponents"]);
    assert!(text.contains("loss &amp; &lt;bound&gt;"));
    assert!(text.contains("The controls of 8.3 are not refuted."));
    // Two parts, each with a random and a searched mark, and the two of the legend.
    let figure = document.descendants().find(|n| n.attribute("id") == Some("fig-ratios")).unwrap();
    assert_eq!(elements(figure, "circle").len(), 2 * 2 + 2);
    // What is missing is named.
    report["claims"][1].as_object_mut().unwrap().remove("predicted");
    std::fs::write(folder.path().join("report.json"), report.to_string()).unwrap();
    let error = write_report(folder.path(), ReportOptions::default()).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("claims[1]") && error.contains("predicted"), "{error}");
}

#[cfg(feature = "png")]
#[test]
fn a_study_has_curves_maps_and_fits() {
    let folder = tempfile::tempdir().unwrap();
    let mut measurements = Vec::new();
    for n in [10.0_f64, 100.0, 1000.0] {
        for d in [4.0, 8.0, 16.0] {
            let y = d / n.sqrt();
            measurements.push(serde_json::json!({
                "setting": {"n": n, "d": d, "kind": 1.0}, "measure": "relative error", "mean": y, "interval": [0.9 * y, 1.1 * y], "band": "student-t",
                "seeds": [0, 1], "values": [0.9 * y, 1.1 * y],
            }));
        }
    }
    for frozen in [0.0, 1.0] {
        measurements.push(serde_json::json!({
            "setting": {"frozen": frozen}, "measure": "loss", "mean": 1.0 + frozen, "interval": [null, null], "band": "student-t", "seeds": [0], "values": [1.0, null],
        }));
    }
    // Names for settings, an interval in place of its half width, conclusions.
    for (way, shift) in [("plain", 0.0), ("balanced", 0.5)] {
        for m in [10.0, 20.0, 40.0] {
            measurements.push(serde_json::json!({
                "setting": {"way": way, "m": m}, "measure": "success", "mean": shift, "interval": [shift, 1.0], "band": "clopper-pearson",
                "seeds": [0, 1], "values": [shift, shift],
            }));
        }
    }
    let study = serde_json::json!({
        "study": "made-up", "statement": "9.9", "about": "errors", "size": "quick", "confidence": 0.95, "evidence": "sampled", "measurements": measurements,
        "conclusions": [{"claim": "it works", "answer": "yes", "figures": "0.5", "sentence": "It works (0.5)."},
            {"claim": "it never works", "answer": "no", "figures": "0.5", "sentence": "It is not so that it never works (0.5)."}],
    });
    std::fs::write(folder.path().join("made-up.json"), study.to_string()).unwrap();
    // Two studies in a folder have one page, and nothing twice.
    let other = study.to_string().replace("made-up", "other");
    std::fs::write(folder.path().join("other.json"), other).unwrap();
    write_report(folder.path(), ReportOptions::default()).unwrap();
    assert_sound(&page(folder.path()));
    assert_eq!(names(&parsed(&page(folder.path()))).len(), 8);
    std::fs::remove_file(folder.path().join("other.json")).unwrap();
    write_report(folder.path(), ReportOptions { png: true, ..ReportOptions::default() }).unwrap();
    let text = page(folder.path());
    assert_sound(&text);
    let document = parsed(&text);
    let found = names(&document);
    assert_eq!(
        found,
        [
            "made-up-curve-1-relative-error",
            "made-up-map-1-relative-error",
            "made-up-spread-2-loss",
            "made-up-curve-3-success",
        ]
    );
    assert!(
        text.contains("way = balanced") && text.contains("It is not so that it never works (0.5).")
    );
    assert!(text.contains("exponent −0.50"), "the slope of the law");
    let map = document
        .descendants()
        .find(|n| n.attribute("id") == Some("fig-made-up-map-1-relative-error"))
        .unwrap();
    assert_eq!(elements(map, "rect").len(), 9);
    // Eighteen seeds and nine means.
    let curve = document
        .descendants()
        .find(|n| n.attribute("id").is_some_and(|id| id.starts_with("fig-made-up-curve")))
        .unwrap();
    assert_eq!(elements(curve, "circle").len(), 27);
    // Pixels: twice the drawing's 480, in the header's big-endian width.
    let bytes = std::fs::read(folder.path().join("figures/made-up-spread-2-loss.png")).unwrap();
    assert_eq!((&bytes[1..4], &bytes[16..20]), (&b"PNG"[..], &960_u32.to_be_bytes()[..]));
}

#[test]
fn an_interval_wider_than_its_values_stays_in_its_figure() {
    let folder = tempfile::tempdir().unwrap();
    let study = serde_json::json!({
        "study": "wide", "statement": "9.9", "about": "errors", "size": "quick", "confidence": 0.95, "evidence": "sampled", "conclusions": [],
        "measurements": [{"setting": {}, "measure": "loss", "mean": 1.1, "interval": [-5.0, 7.0], "band": "student-t",
            "seeds": [0, 1], "values": [1.0, 1.2]}],
    });
    std::fs::write(folder.path().join("wide.json"), study.to_string()).unwrap();
    write_report(folder.path(), ReportOptions::default()).unwrap();
    let text = page(folder.path());
    let document = parsed(&text);
    let lines = elements(document.root(), "line");
    let bar = lines.iter().find(|line| has_class(line, "s0")).unwrap();
    let at = |name: &str| bar.attribute(name).unwrap().parse::<f64>().unwrap();
    // Right of the setting's name, and inside of the drawing.
    assert!(at("x1") >= 90.0 && at("x1") < at("x2") && at("x2") <= chart::WIDTH, "{bar:?}");
}

#[test]
fn a_long_setting_has_lines_that_fit_beside_the_dots() {
    let folder = tempfile::tempdir().unwrap();
    let word = "x".repeat(90);
    let names = ["the teacher's directions are found by every neuron", "none is found", &word];
    let measurements: Vec<Value> =
        names.map(|name| measured(&serde_json::json!({"event": name}), "threshold", 1.5)).into();
    let study = serde_json::json!({
        "study": "worded", "statement": "9.9", "about": "words", "size": "quick", "confidence": 0.95,
        "evidence": "computed", "measurements": measurements, "conclusions": [],
    });
    std::fs::write(folder.path().join("worded.json"), study.to_string()).unwrap();
    write_report(folder.path(), ReportOptions::default()).unwrap();
    let text = page(folder.path());
    let document = parsed(&text);
    let labels: Vec<_> = elements(document.root(), "text")
        .into_iter()
        .filter(|element| has_class(element, "long"))
        .collect();
    let words: Vec<&str> = labels.iter().filter_map(Node::text).collect();
    let all = names.map(|name| format!("event={name}").replace(' ', "")).concat();
    assert_eq!(words.concat().replace(' ', ""), all);
    assert!(words.len() > names.len(), "{words:?}");
    for label in labels {
        let right: f64 = label.attribute("x").unwrap().parse().unwrap();
        let letters = label.text().unwrap().chars().count() as f64;
        assert!(right - 6.4 * letters >= 0.0, "{label:?}");
    }
}

#[test]
fn a_page_with_a_fault_is_noticed() {
    // One in the network is two: it is no part of the page either.
    let page = |body: &str| {
        format!(
            "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\"><body>{body}</body></html>"
        )
    };
    assert_sound(&page("<p>x</p>"));
    for body in [
        "<svg role=\"img\"><title>x</title></svg>",
        "<svg role=\"img\" aria-labelledby=\"x\"><title></title></svg>",
        "<p id=\"x\"/><p id=\"x\"/>",
        "<p>NaN</p>",
        "<a href=\"#none\">x</a>",
        "<img src=\"x.png\"/>",
    ] {
        assert_eq!(faults(&page(body)).len(), 1, "{body}");
    }
    assert_eq!(faults(&page("<a href=\"https://example.org\">x</a>")).len(), 2);
}

/// A measurement of a study, of two seeds.
fn measured(setting: &Value, measure: &str, x: f64) -> Value {
    serde_json::json!({
        "setting": setting, "measure": measure, "mean": x, "interval": [0.9 * x, 1.1 * x],
        "band": "student-t", "seeds": [0, 1], "values": [0.99 * x, 1.01 * x],
    })
}

#[test]
fn a_curve_that_bends_has_no_exponent() {
    let page_of = |height: fn(f64) -> f64| {
        let folder = tempfile::tempdir().unwrap();
        let measurements: Vec<Value> = [1.0, 4.0, 16.0, 64.0, 256.0]
            .map(|n| measured(&serde_json::json!({"n": n}), "error", height(n)))
            .into();
        let study = serde_json::json!({
            "study": "bent", "statement": "9.9", "about": "errors", "size": "quick", "confidence": 0.95,
            "evidence": "sampled", "measurements": measurements, "conclusions": [],
        });
        std::fs::write(folder.path().join("bent.json"), study.to_string()).unwrap();
        write_report(folder.path(), ReportOptions::default()).unwrap();
        page(folder.path())
    };
    assert!(!page_of(|n| (-n / 64.0).exp()).contains("exponent"));
    // The control: a power law has one.
    assert!(page_of(|n| n.powf(-0.5)).contains("exponent −0.50"));
}

#[test]
fn a_comparison_shows_deviations_and_controls_that_fail_as_successes() {
    let folder = tempfile::tempdir().unwrap();
    let mut measurements = Vec::new();
    for (form, predicted) in [("stated", 1.0), ("control", 2.0)] {
        let setting =
            serde_json::json!({"statement": "9.9", "quantity": "a mean", "form": form, "d": 10});
        for (measure, x) in [("measured", 1.0), ("predicted", predicted), ("allowed", 0.01)] {
            measurements.push(measured(&setting, measure, x));
        }
    }
    let conclusion = |answer: &str, control: bool| serde_json::json!({"claim": "it is so", "answer": answer, "figures": "1", "sentence": "So (1).", "control": control});
    let write = |of_control: &str| {
        let study = serde_json::json!({
            "study": "compared", "statement": "9.9", "about": "means", "size": "quick", "confidence": 0.95,
            "evidence": "sampled", "measurements": measurements,
            "conclusions": [conclusion("yes", false), conclusion(of_control, true)],
        });
        std::fs::write(folder.path().join("compared.json"), study.to_string()).unwrap();
        write_report(folder.path(), ReportOptions::default()).unwrap();
        page(folder.path())
    };
    let text = write("no");
    assert_sound(&text);
    let document = parsed(&text);
    assert_eq!(names(&document), ["compared-comparison"]);
    // A dot between the rules and a ring at the edge; the table says the same.
    let figure =
        document.descendants().find(|n| n.attribute("id") == Some("fig-compared-comparison"));
    let circles = elements(figure.unwrap(), "circle");
    assert_eq!(circles.iter().filter(|c| has_class(c, "p")).count(), 1);
    assert_eq!(circles.iter().filter(|c| has_class(c, "w")).count(), 1);
    assert!(text.contains("control fails") && !text.contains("class=\"badge bad\""), "{text}");
    // A control that holds is none.
    let wrong = write("yes");
    assert!(wrong.contains("control holds") && wrong.contains("bad"));
}
