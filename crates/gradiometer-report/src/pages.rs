//! The pages: of a run, of a verification, of studies.

use super::data::RunData;
use super::figures::{self, Figure, Table, number, thinned};
use super::html::{Line, Mark, Page};
use gradiometer_files::FilesError;
use gradiometer_run::format::AWAY;
use gradiometer_theory::{Evidence, Finding};
use serde_json::Value;

/// Rows of the table of stages, at most.
const MOST_STAGES: usize = 40;

/// A page with the figures that are also saved alone.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) page: Page,
    pub(crate) figures: Vec<Figure>,
}

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn worst(angles: &Value) -> f64 {
    let angles = angles.as_array().into_iter().flatten().map(float);
    angles.fold(f64::NAN, |worst, x| if x <= worst { worst } else { x })
}

/// The page of a run.
///
/// # Errors
/// As for [`figures::claims::figures`].
pub(crate) fn run(run: &RunData) -> Result<Content, FilesError> {
    let (experiment, last) = (&run.manifest["experiment"], &run.manifest["final"]);
    let students = run.student.neurons();
    let lead = format!(
        "A student of {students} neurons learns a teacher of {} in {} dimensions, {} of which matter; seed {}, {} steps, \u{3bb} down to {}.",
        run.teacher.neurons(),
        run.teacher.dimension(),
        run.subspace.rank(),
        experiment["seed"],
        count(&last["steps"]),
        number(float(&last["lambda"]), 3)
    );
    let mut page = Page::new("Report of a run", &lead);
    page.summary(&summary(run));
    page.heading("Stages");
    page.table("Stages", &stages(run), &[]);
    let picture: Vec<Figure> = [figures::neurons::figure(run), figures::descent::figure(run)]
        .into_iter()
        .flatten()
        .collect();
    let certificate = figures::certificate::figures(run);
    let trajectory = figures::trajectory::figures(run);
    let claims = figures::claims::figures(run)?;
    page.heading("The landscape");
    page.figures(&picture);
    if !certificate.is_empty() {
        page.heading("The certificate");
        page.figures(&certificate);
    }
    page.heading("The run");
    if trajectory.is_empty() {
        page.paragraph("The run is too short for curves: it has no record after its first step.");
    }
    page.figures(&trajectory);
    page.heading("The statements");
    match &run.analysis {
        Ok(_) => {
            page.paragraph("Both sides of every statement of the local analysis at the final student; an inequality with a ratio near 1 is sharp here.");
            for line in limits(run) {
                page.paragraph(&line);
            }
            page.table("Statements", &statements(run), &[1, 5, 6]);
        }
        Err(why) => page.paragraph(&format!("The statements are not evaluated: {why}.")),
    }
    page.figures(&claims);
    page.heading("The experiment");
    page.paragraph("The same experiment and seed give the same bytes; whatever was left out of the file has its default here.");
    page.folded("The experiment as resolved", &format!("{experiment:#}"));
    let figures = [picture, certificate, trajectory, claims].into_iter().flatten().collect();
    Ok(Content { page, figures })
}

/// What the limits of a report left out, a sentence each.
fn limits(run: &RunData) -> Vec<String> {
    let Ok(found) = &run.analysis else { return Vec::new() };
    let mut lines: Vec<String> = found
        .left_out
        .iter()
        .map(|line| format!("Limited: {line} (report --refinements 4)."))
        .collect();
    if !found.not_evaluated.is_empty() {
        lines.push(format!(
            "Limited: the time was up before the statements {} (report --time-limit).",
            found.not_evaluated.join(", ")
        ));
    }
    lines
}

fn summary(run: &RunData) -> Vec<Line> {
    let last = &run.manifest["final"];
    let teacher = &run.manifest["teacher"];
    let (angle, away) = (worst(&last["matched_angles"]), float(&last["mass_away"]));
    let learned = angle <= AWAY;
    let mut lines = vec![
        Line::new(
            if learned { Mark::Holds } else { Mark::Refuted },
            if learned { "features learned" } else { "not learned" },
            format!(
                "The worst average neuron is {} rad from its teacher (learned: at most {AWAY}); mass {} is farther than {AWAY} rad from every teacher.",
                number(angle, 3),
                number(away, 3)
            ),
            "computed",
        ),
        Line::new(
            Mark::Fact,
            "loss",
            format!(
                "L = {}, off by at most {}.",
                number(float(&last["loss"]), 4),
                number(float(&last["loss_error"]), 1)
            ),
            "computed",
        ),
    ];
    match &run.analysis {
        Ok(found) => {
            lines.push(Line::new(
                Mark::Fact,
                "optimality gap",
                format!(
                    "\u{3b6} lies in [{}, {}].",
                    number(found.gap.0, 5),
                    number(found.gap.1, 5)
                ),
                found.gap_evidence.name(),
            ));
            let of = |finding| found.claims.iter().filter(|c| c.finding == finding).count();
            let (holds, refuted) = (of(Finding::Holds), of(Finding::Refuted));
            let (open, silent) = (of(Finding::Inconclusive), of(Finding::Inapplicable));
            let (mark, verdict) = if refuted > 0 {
                (Mark::Refuted, "refuted")
            } else if open > 0 {
                (Mark::Open, "inconclusive")
            } else {
                (Mark::Holds, "statements hold")
            };
            lines.push(Line::new(
                mark,
                verdict,
                format!("At the final student {holds} statements hold, {refuted} are refuted, {open} undecided and {silent} without their hypotheses."),
                "see each",
            ));
            let proved = found.dual.evidence() == Evidence::Certified;
            lines.push(Line::new(
                if proved { Mark::Holds } else { Mark::Open },
                if proved { "certificate proved" } else { "certificate found" },
                format!(
                    "|\u{3b7}| \u{2264} 1 \u{2212} \u{3c1} \u{3b4}\u{b2} with \u{3c1} = {}, |p| = {}.",
                    number(found.dual.rho().value, 4),
                    number(found.dual.norm(), 4)
                ),
                found.dual.evidence().name(),
            ));
        }
        Err(why) => lines.push(Line::new(
            Mark::Open,
            "not evaluated",
            format!("The statements: {why}."),
            "",
        )),
    }
    let assumptions = teacher["assumption_2"] == true && teacher["assumption_3"] == true;
    lines.push(Line::new(
        if assumptions { Mark::Holds } else { Mark::Refuted },
        if assumptions { "assumptions hold" } else { "assumptions fail" },
        format!(
            "{}, condition \u{3ba} = {}, mass |\u{3bc}*| = {}.",
            teacher["separation"].as_f64().map_or_else(
                || "One neuron, nothing to separate".to_owned(),
                |angle| format!("Separation \u{394} = {} rad", number(angle, 4))
            ),
            number(float(&teacher["condition"]), 4),
            number(float(&teacher["total_mass"]), 4)
        ),
        "computed",
    ));
    lines
}

fn stages(run: &RunData) -> Table {
    let mut table = Table::new(&[
        "stage",
        "steps",
        "\u{3bb}",
        "loss L",
        "gradient",
        "worst angle",
        "mean angle",
        "mass",
        "balance",
    ]);
    let stages = run.manifest["stages"].as_array().map(Vec::as_slice).unwrap_or_default();
    for at in thinned(stages.len(), MOST_STAGES) {
        let record = &stages[at];
        let stage = record["stage"].as_str().unwrap_or_default();
        let name =
            record["epoch"].as_u64().map_or_else(|| stage.to_owned(), |k| format!("{stage}.{k}"));
        let mut row = vec![name, count(&record["steps"]).to_string()];
        let numbers = ["lambda", "loss", "gradient_norm"].map(|field| float(&record[field]));
        let more =
            ["mean_angle", "total_mass", "balance_defect"].map(|field| float(&record[field]));
        let numbers = numbers.into_iter().chain([worst(&record["matched_angles"])]).chain(more);
        row.extend(numbers.map(|x| number(x, 3)));
        table.rows.push(row);
    }
    table
}

fn statements(run: &RunData) -> Table {
    let mut table = Table::new(&["id", "part", "left", "right", "ratio", "verdict", "evidence"]);
    for claim in run.analysis.iter().flat_map(|found| &found.claims) {
        table.rows.push(vec![
            claim.id.to_owned(),
            claim.part.to_owned(),
            number(claim.left, 4),
            number(claim.right, 4),
            number(claim.ratio(), 3),
            claim.verdict(),
            claim.evidence.name().to_owned(),
        ]);
    }
    table
}

/// The page of a verification.
pub(crate) fn verification(report: &Value) -> Content {
    let claims = report["claims"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lead = format!(
        "{} statements on random instances, {} seeds, each with a control that must fail.",
        claims.len(),
        count(&report["seeds"])
    );
    let mut page = Page::new("Report of a verification", &lead);
    let violations: u64 = claims.iter().map(|c| count(&c["violations"])).sum();
    let unrefuted: Vec<&str> = claims
        .iter()
        .filter(|c| c["negative_control"]["refuted"] != true)
        .filter_map(|c| c["id"].as_str())
        .collect();
    let (mark, verdict) = match report["holds"].as_bool() {
        Some(true) => (Mark::Holds, "all hold"),
        Some(false) => (Mark::Refuted, "refuted"),
        None => (Mark::Open, "inconclusive"),
    };
    let end =
        if report["complete"] == true { "everything was done" } else { "not everything was done" };
    let mut lines = vec![Line::new(
        mark,
        verdict,
        format!("{violations} violations in all, a search for worse instances included; {end}."),
        "computed and sampled",
    )];
    let (mark, verdict) = if unrefuted.is_empty() {
        (Mark::Holds, "controls refuted")
    } else {
        (Mark::Open, "controls")
    };
    let text = if unrefuted.is_empty() {
        "Every control, a statement with one thing broken, was refuted, so the checks can fail."
            .to_owned()
    } else {
        format!("The controls of {} are not refuted.", unrefuted.join(", "))
    };
    lines.push(Line::new(mark, verdict, text, "sampled"));
    page.summary(&lines);
    page.heading("Statements");
    page.table("Statements", &claims_table(claims), &[1, 7]);
    let figures = figures::verify::figures(report);
    page.heading("Figures");
    page.figures(&figures);
    Content { page, figures }
}

fn claims_table(claims: &[Value]) -> Table {
    let mut table = Table::new(&[
        "id",
        "statement",
        "instances",
        "violations",
        "worst ratio",
        "searched",
        "its seed",
        "control",
    ]);
    let optional =
        |value: &Value| value.as_u64().map_or_else(|| "\u{2013}".to_owned(), |x| x.to_string());
    for claim in claims {
        let text = |field: &str| claim[field].as_str().unwrap_or_default().to_owned();
        let refuted = claim["negative_control"]["refuted"] == true;
        table.rows.push(vec![
            text("id"),
            text("title"),
            count(&claim["instances"]).to_string(),
            count(&claim["violations"]).to_string(),
            number(float(&claim["worst_ratio"]), 4),
            number(float(&claim["worst_ratio_searched"]), 4),
            optional(&claim["seed_of_worst"]),
            if refuted { "refuted" } else { "NOT refuted" }.to_owned(),
        ]);
    }
    table
}

/// The page of the studies of a folder.
pub(crate) fn studies(studies: &[Value]) -> Content {
    let names: Vec<&str> = studies.iter().filter_map(|s| s["study"].as_str()).collect();
    let title = format!(
        "Report of the {} {}",
        if names.len() == 1 { "study" } else { "studies" },
        names.join(", ")
    );
    let mut page = Page::new(
        &title,
        "Experiments over seeds; intervals are 95 % confidence intervals of means.",
    );
    let mut lines = Vec::new();
    let mut all = Vec::new();
    let mut sections = Vec::new();
    for study in studies {
        let text = |field: &str| study[field].as_str().unwrap_or_default();
        let cells = figures::study::cells(study);
        let line = format!(
            "{}: {}; {} measurements, {} size.",
            text("statement"),
            text("about"),
            cells.len(),
            text("size")
        );
        lines.push(Line::new(Mark::Fact, text("study"), line, "sampled"));
        for conclusion in study["conclusions"].as_array().into_iter().flatten() {
            let text = |field: &str| conclusion[field].as_str().unwrap_or_default();
            let mark = match text("answer") {
                "yes" => Mark::Holds,
                "no" => Mark::Refuted,
                _ => Mark::Open,
            };
            let words =
                format!("{} ({}).", figures::study::capital(text("claim")), text("figures"));
            lines.push(Line::new(mark, text("answer"), words, "sampled"));
        }
        let figures = figures::study::figures(text("study"), &cells);
        sections.push((figures::study::capital(text("study")), figures.clone()));
        all.extend(figures);
    }
    page.summary(&lines);
    for (name, figures) in sections {
        page.heading(&name);
        page.figures(&figures);
    }
    Content { page, figures: all }
}
