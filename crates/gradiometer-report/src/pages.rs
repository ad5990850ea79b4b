//! The pages: of a run, of a verification, of studies.

use super::data::RunData;
use super::figures::{self, Figure, Table, number, teacher_name, thinned};
use super::html::{Line, Mark, Page};
use super::percent;
use gradiometer_model::recovery::{Learned, Recovery, STRAY_SHARE};
use gradiometer_run::RunRecord;
use gradiometer_study::FindingsReport;
use gradiometer_theory::{Evidence, Finding, explanation};
use gradiometer_verify::verification::{Verification, Verified};

/// Rows of the table of what was learned, at most.
const MOST_FEATURES: usize = 64;
/// Rows of the table of stages, at most.
const MOST_STAGES: usize = 40;

/// A page with the figures that are also saved alone.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) page: Page,
    pub(crate) figures: Vec<Figure>,
}

/// The page of a run.
pub(crate) fn run(run: &RunData) -> Content {
    let (experiment, last) = (&run.manifest.experiment, &run.manifest.last.record);
    let lead = format!(
        "A student with {} neurons is trained on a teacher with {} in {} dimensions; the teacher depends on {} of them. Seed {}, {} steps, λ down to {}.",
        run.student.neurons(),
        run.teacher.neurons(),
        run.teacher.dimension(),
        run.subspace.rank(),
        experiment.seed,
        last.steps,
        number(last.lambda, 3)
    );
    let mut page = Page::new("Report of a run", &lead);
    page.summary(&summary(run));
    page.heading("What was learned");
    page.paragraph(&format!(
        "For each teacher neuron the student neurons nearest to it: their signed mass Σ a|w|, its share within {} rad, the mass of the wrong sign, and the angles of their average and of the nearest one. Teachers are counted from 0, as in the files.",
        run.recovery.angle
    ));
    page.table("What was learned", &features(run), &[1]);
    page.heading("Stages");
    page.paragraph(
        "An epoch of Stage 3 has converged if |∇L_λ| ≤ λ² at its end; statements 8.3 and 8.4 are about such epochs. The worst angle is that of the average neurons, the mean angle that of the mass.",
    );
    page.table("Stages", &stages(run), &[1]);
    let picture: Vec<Figure> = [figures::neurons::figure(run), figures::descent::figure(run)]
        .into_iter()
        .flatten()
        .collect();
    let certificate = figures::certificate::figures(run);
    let trajectory = figures::trajectory::figures(run);
    let claims = figures::claims::figures(run);
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
            page.linked_table("Statements", &statements(run), &[1, 2, 6], STATEMENT);
            key(&mut page, run);
        }
        Err(why) => page.paragraph(&format!("The statements are not evaluated: {why}.")),
    }
    page.figures(&claims);
    page.heading("The experiment");
    page.paragraph("Running this experiment again on the same machine gives identical files. Fields missing from your file are shown with their defaults.");
    page.folded("The experiment as resolved", &format!("{:#}", serde_json::json!(experiment)));
    let figures = [picture, certificate, trajectory, claims].into_iter().flatten().collect();
    Content { page, figures }
}

/// Whether the features were learned, with the reason.
fn verdict(recovery: &Recovery) -> Line {
    let (angle, count) = (recovery.angle, recovery.features.len());
    let learned = recovery.features.iter().filter(|f| recovery.is_learned(f)).count();
    let away = percent(recovery.mass_away / recovery.total_mass);
    let allowed = 100.0 * STRAY_SHARE;
    let (mark, name, text) = match recovery.learned() {
        Learned::Fully => (
            Mark::Holds,
            "features learned",
            format!(
                "For every teacher neuron the average of the student neurons nearest to it is within {} rad, the mean angle of the mass is {} rad (at most {angle} counts as learned), and {away} of the mass is farther than {angle} rad from every teacher neuron (at most {allowed} %).",
                number(recovery.worst_angle(), 3),
                number(recovery.mean_angle, 3)
            ),
        ),
        Learned::Partly => (
            Mark::Open,
            "partly learned",
            format!(
                "{learned} of {count} teacher neurons are learned. The worst average neuron is {} rad from its teacher, the mean angle of the mass is {} rad, and {away} of the mass is farther than {angle} rad from every teacher neuron (learned: at most {angle} rad, {angle} rad and {allowed} %).",
                number(recovery.worst_angle(), 3),
                number(recovery.mean_angle, 3)
            ),
        ),
        Learned::Not => (
            Mark::Refuted,
            "not learned",
            format!(
                "No teacher neuron is learned. The worst average neuron is {} rad from its teacher, the mean angle of the mass is {} rad, and {away} of the mass is farther than {angle} rad from every teacher neuron.",
                number(recovery.worst_angle(), 3),
                number(recovery.mean_angle, 3)
            ),
        ),
    };
    Line::new(mark, name, text, "computed")
}

/// How many epochs of Stage 3 have converged.
fn convergence(run: &RunData) -> Option<Line> {
    let epochs = run.epochs();
    let of = |record: &&&RunRecord| RunData::is_converged(record);
    let converged = epochs.iter().filter(of).count();
    let last = epochs.last()?;
    let (mark, name) = if converged == epochs.len() {
        (Mark::Holds, "epochs converged")
    } else {
        (Mark::Open, "not all epochs converged")
    };
    let text = format!(
        "{converged} of {} epochs end with |∇L_λ| ≤ λ²; the last one ends with {} at λ² = {}.{}",
        epochs.len(),
        number(last.gradient_norm, 3),
        number(last.lambda * last.lambda, 3),
        if converged == epochs.len() {
            ""
        } else {
            " The final angles and loss of an epoch that has not converged are not those of its minimiser: more `steps` in [stage3], or `floor = \"every\"`."
        }
    );
    Some(Line::new(mark, name, text, "computed"))
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
    let last = &run.manifest.last.record;
    let teacher = &run.manifest.teacher;
    let mut lines = vec![verdict(&run.recovery)];
    lines.extend(convergence(run));
    lines.push(Line::new(
        Mark::Fact,
        "loss",
        format!(
            "L = {}, off by at most {}. L is the mean squared error E(f − f*)² of what preprocessing leaves, without a factor ½.",
            number(last.loss, 4),
            number(last.loss_error, 1)
        ),
        "computed",
    ));
    match &run.analysis {
        Ok(found) => {
            let (low, high) = (number(found.gap.0, 5), number(found.gap.1, 5));
            let text = if low == high {
                format!(
                    "ζ = L_λ − min L_λ = {low}, the digits on which both ends of its interval agree."
                )
            } else {
                format!("ζ = L_λ − min L_λ lies in [{low}, {high}].")
            };
            lines.push(Line::new(Mark::Fact, "optimality gap", text, found.gap_evidence.name()));
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
                format!(
                    "At the end of the run {holds} of {} checks hold, {refuted} are refuted, {open} are undecided, and {silent} do not apply because their hypotheses fail.",
                    found.claims.len()
                ),
                "see the table of statements",
            ));
            let proved = found.dual.evidence() == Evidence::Certified;
            lines.push(Line::new(
                if proved { Mark::Holds } else { Mark::Open },
                if proved { "certificate proved" } else { "certificate found" },
                format!(
                    "|η| ≤ 1 − ρ δ² with ρ = {}, |p| = {}.",
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
    let assumptions = teacher.assumption_2 && teacher.assumption_3;
    lines.push(Line::new(
        if assumptions { Mark::Holds } else { Mark::Refuted },
        if assumptions { "assumptions hold" } else { "assumptions fail" },
        format!(
            "{}, condition κ = {}, mass |μ*| = {}.",
            teacher.separation.map_or_else(
                || "One neuron, nothing to separate".to_owned(),
                |angle| format!("Separation Δ = {} rad", number(angle, 4))
            ),
            number(teacher.condition.unwrap_or(f64::NAN), 4),
            number(teacher.total_mass, 4)
        ),
        "computed",
    ));
    lines
}

/// What the student has learned of each teacher neuron.
fn features(run: &RunData) -> Table {
    let mut table = Table::new(&[
        "teacher neuron",
        "learned",
        "amplitude",
        "mass",
        "share within",
        "opposing mass",
        "neurons",
        "average [rad]",
        "nearest [rad]",
    ]);
    for at in thinned(run.recovery.features.len(), MOST_FEATURES) {
        let feature = &run.recovery.features[at];
        table.rows.push(vec![
            teacher_name(at),
            if run.recovery.is_learned(feature) { "✓ yes" } else { "✗ no" }.to_owned(),
            number(feature.amplitude, 4),
            number(feature.mass, 4),
            percent(feature.share_within),
            number(feature.opposing_mass, 3),
            feature.neurons.to_string(),
            number(feature.average_angle, 3),
            number(feature.nearest_angle, 3),
        ]);
    }
    table
}

fn stages(run: &RunData) -> Table {
    let mut table = Table::new(&[
        "stage",
        "converged",
        "steps",
        "λ",
        "loss L",
        "gradient",
        "worst angle",
        "mean angle",
        "mass",
        "outside S*",
        "balance",
    ]);
    let epochs = run.epochs();
    let stages = &run.manifest.stages;
    for at in thinned(stages.len(), MOST_STAGES) {
        let record = &stages[at];
        let converged = if !epochs.iter().any(|epoch| std::ptr::eq(*epoch, record)) {
            ""
        } else if RunData::is_converged(record) {
            "✓ yes"
        } else {
            "✗ no"
        };
        let moment = run
            .moments
            .iter()
            .rev()
            .find(|m| m.position == record.position && m.step == record.steps);
        let mut row =
            vec![record.position.to_string(), converged.to_owned(), record.steps.to_string()];
        let numbers = [
            record.lambda,
            record.loss,
            record.gradient_norm,
            RunData::worst_angle(record),
            record.mean_angle,
            record.total_mass,
        ];
        row.extend(numbers.map(|x| number(x, 3)));
        row.push(moment.map_or_else(|| "–".to_owned(), |m| percent(m.share_outside())));
        row.push(number(record.balance_defect, 3));
        table.rows.push(row);
    }
    table
}

/// What an id of a statement's part of the page begins with.
const STATEMENT: &str = "statement-";

/// The statements of the table in full.
fn key(page: &mut Page, run: &RunData) {
    let mut ids: Vec<&str> =
        run.analysis.iter().flat_map(|found| &found.claims).map(|claim| claim.id).collect();
    ids.dedup();
    for id in ids {
        let Some((heading, text)) = explanation(id).and_then(|text| text.split_once("\n\n")) else {
            continue;
        };
        page.part(&format!("{STATEMENT}{id}"), heading, &text.split("\n\n").collect::<Vec<_>>());
    }
}

fn statements(run: &RunData) -> Table {
    let mut table = Table::new(&["id", "verdict", "part", "left", "right", "ratio", "evidence"]);
    for claim in run.analysis.iter().flat_map(|found| &found.claims) {
        table.rows.push(vec![
            claim.id.to_owned(),
            claim.verdict(),
            claim.part.to_owned(),
            number(claim.left, 4),
            number(claim.right, 4),
            number(claim.ratio(), 3),
            claim.evidence.name().to_owned(),
        ]);
    }
    table
}

/// The page of a verification.
pub(crate) fn verification(report: &Verification) -> Content {
    let claims = &report.claims;
    let lead = format!(
        "{} statements on random instances, {} seeds, each with a control that must fail.",
        claims.len(),
        report.seeds
    );
    let mut page = Page::new("Report of a verification", &lead);
    let violations: u64 = claims.iter().map(Verified::violations).sum();
    let unrefuted: Vec<&str> =
        claims.iter().filter(|claim| !claim.control_is_refuted()).map(Verified::id).collect();
    let (mark, verdict) = match report.holds {
        Some(true) => (Mark::Holds, "all hold"),
        Some(false) => (Mark::Refuted, "refuted"),
        None => (Mark::Open, "inconclusive"),
    };
    let end = if report.complete { "everything was done" } else { "not everything was done" };
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

fn claims_table(claims: &[Verified]) -> Table {
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
    for claim in claims {
        let (title, instances, ratios, seed) = match claim {
            Verified::Statement(found) => (
                &found.title,
                found.instances,
                [found.worst_ratio, found.worst_ratio_searched],
                found.seed_of_worst,
            ),
            Verified::Scaling(found) => (&found.title, found.instances, [None, None], None),
        };
        let [worst, searched] = ratios.map(|ratio| number(ratio.unwrap_or(f64::NAN), 4));
        table.rows.push(vec![
            claim.id().to_owned(),
            title.clone(),
            instances.to_string(),
            claim.violations().to_string(),
            worst,
            searched,
            seed.map_or_else(|| "–".to_owned(), |seed| seed.to_string()),
            if claim.control_is_refuted() { "refuted" } else { "NOT refuted" }.to_owned(),
        ]);
    }
    table
}

/// The page of the studies of a folder.
pub(crate) fn studies(studies: &[FindingsReport]) -> Content {
    let names: Vec<&str> = studies.iter().map(|study| study.study.as_str()).collect();
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
        let FindingsReport { study: name, statement, about, size, .. } = study;
        let cells = figures::study::cells(study);
        let line = format!("{statement}: {about}; {} measurements, {size} size.", cells.len());
        lines.push(Line::new(Mark::Fact, name, line, "sampled"));
        for conclusion in &study.conclusions {
            let mark = match conclusion.answer.as_str() {
                "yes" => Mark::Holds,
                "no" => Mark::Refuted,
                _ => Mark::Open,
            };
            lines.push(Line::new(mark, &conclusion.answer, conclusion.sentence.clone(), "sampled"));
        }
        let figures = figures::study::figures(name, &cells);
        sections.push((figures::study::capital(name), figures.clone()));
        all.extend(figures);
    }
    page.summary(&lines);
    for (name, figures) in sections {
        page.heading(&name);
        page.figures(&figures);
    }
    Content { page, figures: all }
}
