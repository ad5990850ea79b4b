//! The pages: of a run, of a verification, of studies.

use super::data::RunData;
use super::figures::{self, Figure, Table, number, teacher_name, thinned, typeset};
use super::html::{Line, Mark, Page};
use super::learned::{FEATURES, feature_row, learned_sentence};
use super::text::{percent, sides};
use gradiometer_files::digits::{lower_end, upper_end};
use gradiometer_model::recovery::{Learned, Recovery};
use gradiometer_run::RunRecord;
use gradiometer_study::FindingsReport;
use gradiometer_theory::{Claim, Evidence, Finding, explanation};
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
        "For each teacher neuron the student neurons nearest to it: their signed mass Σ a|w|, its share within {} rad, the mass of the opposite sign, their number, and the angles in radians of their average and of the nearest one. Teacher neurons are counted from 0, as in the files.",
        run.recovery.angle
    ));
    page.table("What was learned", &features(run), &[1]);
    page.heading("Stages");
    page.paragraph(
        "An epoch of Stage 3 has converged if |∇L_λ| ≤ λ² at its end; statements 8.3 and 8.4 are about such epochs. The worst angle is that of the average neurons, the mean angle that of the mass.",
    );
    page.table("Stages", &stages(run), &[1]);
    let picture = [
        figures::neurons::figure(run),
        figures::neurons::stills(run),
        figures::descent::figure(run),
    ];
    let picture: Vec<Figure> = picture.into_iter().flatten().collect();
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
    let (mark, name) = match recovery.learned() {
        Learned::Fully => (Mark::Holds, "features learned"),
        Learned::Partly => (Mark::Open, "partly learned"),
        Learned::Not => (Mark::Refuted, "not learned"),
    };
    Line::new(mark, name, learned_sentence(recovery, number), "computed")
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
        (Mark::Open, "not all converged")
    };
    let text = format!(
        "{converged} of {} epochs end with |∇L_λ| ≤ λ²; the last one ends with {} at λ² = {}.{}",
        epochs.len(),
        number(last.gradient_norm, 3),
        number(last.lambda * last.lambda, 3),
        if converged == epochs.len() {
            ""
        } else {
            " The final angles and loss of an epoch that has not converged are not those of its minimiser; more steps in [stage3] help, or floor = \"every\"."
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

/// How many of the checks at the end of the run hold, and which do not.
fn checks(claims: &[Claim]) -> Line {
    let of = |finding| -> Vec<String> {
        claims.iter().filter(|c| c.finding == finding).map(Claim::name).collect()
    };
    let (refuted, open) = (of(Finding::Refuted), of(Finding::Inconclusive));
    let (mark, verdict) = if !refuted.is_empty() {
        (Mark::Refuted, "refuted")
    } else if !open.is_empty() {
        (Mark::Open, "inconclusive")
    } else {
        (Mark::Holds, "statements hold")
    };
    let mut text = format!(
        "At the end of the run {} of {} checks hold",
        of(Finding::Holds).len(),
        claims.len()
    );
    let silent = of(Finding::Inapplicable);
    let others = [
        (refuted, "refuted"),
        (open, "undecided"),
        (silent, "without anything to say, because a hypothesis fails"),
    ];
    for (names, words) in others.into_iter().filter(|(names, _)| !names.is_empty()) {
        text += "; ";
        text += words;
        text += ": ";
        text += &names.join(", ");
    }
    Line::new(mark, verdict, text + ".", "see the table of statements")
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
            let nearest = [found.gap.0, found.gap.1].map(|x| number(x, 5));
            let low = typeset(&lower_end(found.gap.0, 5));
            let high = typeset(&upper_end(found.gap.1, 5));
            let text = if nearest[0] == nearest[1] {
                format!(
                    "ζ = L_λ − min L_λ = {}, the digits on which both ends of its interval agree.",
                    nearest[0]
                )
            } else {
                format!("ζ = L_λ − min L_λ lies in [{low}, {high}].")
            };
            lines.push(Line::new(Mark::Fact, "optimality gap", text, found.gap_evidence.name()));
            lines.push(checks(&found.claims));
            let proved = found.dual.evidence() == Evidence::Certified;
            lines.push(Line::new(
                if proved { Mark::Holds } else { Mark::Open },
                if proved { "certificate proved" } else { "certificate found" },
                format!(
                    "|η| ≤ 1 − ρ δ² with ρ = {}, |p| = {}.",
                    typeset(&lower_end(found.dual.rho().value, 4)),
                    typeset(&upper_end(found.dual.norm(), 4))
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
    let mut table = Table::new(&FEATURES);
    for at in thinned(run.recovery.features.len(), MOST_FEATURES) {
        let [_, learned, rest @ ..] = feature_row(&run.recovery, at, number);
        let learned = if learned == "yes" { "✓ yes" } else { "✗ no" }.to_owned();
        table.rows.push([teacher_name(at), learned].into_iter().chain(rest).collect());
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
        let [left, right] = sides(claim, 4).map(|side| typeset(&side));
        table.rows.push(vec![
            claim.id.to_owned(),
            claim.verdict(),
            claim.part.to_owned(),
            left,
            right,
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
    let end = if report.complete {
        "All requested tests were run."
    } else {
        "Not all requested tests were run."
    };
    let mut lines = vec![Line::new(
        mark,
        verdict,
        if violations == 0 {
            format!(
                "No violation, neither among the random instances nor in the search for worse ones. {end}"
            )
        } else {
            format!(
                "{violations} violations, in the random instances and the search for worse ones. {end}"
            )
        },
        "computed and sampled",
    )];
    let (mark, verdict) = if unrefuted.is_empty() {
        (Mark::Holds, "controls refuted")
    } else {
        (Mark::Open, "controls")
    };
    let text = if unrefuted.is_empty() {
        "Each statement was also tested with one hypothesis or constant deliberately broken. Every broken version was refuted, so the tests are able to fail."
            .to_owned()
    } else {
        format!("The controls of {} are not refuted.", unrefuted.join(", "))
    };
    lines.push(Line::new(mark, verdict, text, "sampled"));
    page.summary(&lines);
    page.heading("Statements");
    page.table("Statements", &claims_table(claims), &[1, 2, 8]);
    let figures = figures::verify::figures(report);
    page.heading("Figures");
    page.figures(&figures);
    Content { page, figures }
}

fn claims_table(claims: &[Verified]) -> Table {
    let mut table = Table::new(&[
        "id",
        "verdict",
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
            match (claim.violations(), instances) {
                (0, 0) => "? not tested",
                (0, _) => "✓ holds",
                _ => "✗ refuted",
            }
            .to_owned(),
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
            // A control that fails is a success.
            let (mark, answer) = match (conclusion.answer.as_str(), conclusion.control) {
                ("yes", false) => (Mark::Holds, "yes"),
                ("no", false) => (Mark::Refuted, "no"),
                ("yes", true) => (Mark::Refuted, "control holds"),
                ("no", true) => (Mark::Holds, "control fails"),
                _ => (Mark::Open, conclusion.answer.as_str()),
            };
            lines.push(Line::new(mark, answer, conclusion.sentence.clone(), "sampled"));
        }
        let compared = study.compared();
        let figures = if compared.is_empty() {
            figures::study::figures(name, &cells)
        } else {
            vec![figures::comparison::figure(name, &compared)]
        };
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
