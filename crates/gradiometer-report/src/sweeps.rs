//! The page of a sweep: every result against the fields of the grid, over the seeds.

use super::figures::{self, Table, number, thinned};
use super::html::{Line, Mark, Page};
use super::pages::Content;
use gradiometer_run::sweep::Results;
use gradiometer_study::{FindingsReport, LevelReport, MeasurementReport};
use gradiometer_verify::statistics::student_quantile;
use std::collections::BTreeMap;

/// The results that are drawn.
const DRAWN: [&str; 4] = ["loss", "worst_angle", "mean_angle", "mass_away"];
/// The field whose values are repetitions.
const SEED: &str = "seed";
/// Rows of the table of points, at most.
const MOST_ROWS: usize = 200;

/// The page of a sweep's results.
pub(crate) fn page(results: &Results) -> Content {
    let count = |outcome: &str| {
        results.rows.iter().filter(|row| cell(results, row, "outcome") == Some(outcome)).count()
    };
    let lead = format!(
        "An experiment at {} points of a grid: {}.",
        results.rows.len(),
        fields(results).join(", ")
    );
    let mut page = Page::new("Report of a sweep", &lead);
    let finished = count("finished");
    let mut lines = vec![Line::new(
        if finished == results.rows.len() { Mark::Holds } else { Mark::Open },
        "finished",
        format!("{finished} of {} points.", results.rows.len()),
        "computed",
    )];
    for (outcome, words) in [
        ("diverged", "diverged; a smaller step size is the usual mend"),
        ("violated", "stopped at a violated claim"),
        ("failed", "could not be run"),
    ] {
        let number = count(outcome);
        if number > 0 {
            let points = if number == 1 { "point" } else { "points" };
            let text = format!("{number} {points} {words}.");
            lines.push(Line::new(Mark::Refuted, outcome, text, "computed"));
        }
    }
    page.summary(&lines);
    let findings = findings(results);
    let figures = figures::study::figures("sweep", &figures::study::cells(&findings));
    page.heading("Figures");
    if figures.is_empty() {
        page.paragraph("No field of the grid has two values with a result.");
    }
    page.figures(&figures);
    page.heading("The points");
    page.table("Points", &points(results), &[]);
    Content { page, figures }
}

fn cell<'a>(results: &Results, row: &'a [String], name: &str) -> Option<&'a str> {
    let at = results.header.iter().position(|header| header == name)?;
    row.get(at).map(String::as_str)
}

/// The fields of the grid: the columns between the point and its outcome.
fn fields(results: &Results) -> Vec<String> {
    let header = results.header.iter().skip(1);
    header.take_while(|name| *name != "outcome").cloned().collect()
}

/// The results as measurements: the seeds of a setting together.
fn findings(results: &Results) -> FindingsReport {
    let fields = fields(results);
    let chosen: Vec<&String> = fields.iter().filter(|field| *field != SEED).collect();
    let level = |text: &str| match text.parse::<f64>() {
        Ok(x) => LevelReport::Number(x),
        Err(_word) => LevelReport::Name(text.to_owned()),
    };
    let mut measurements = Vec::new();
    for measure in DRAWN {
        let mut settings: BTreeMap<Vec<&str>, Vec<f64>> = BTreeMap::new();
        let mut order: Vec<Vec<&str>> = Vec::new();
        for row in &results.rows {
            let value = cell(results, row, measure).and_then(|x| x.parse::<f64>().ok());
            let setting: Option<Vec<&str>> =
                chosen.iter().map(|field| cell(results, row, field)).collect();
            let (Some(value), Some(setting)) = (value.filter(|x| x.is_finite()), setting) else {
                continue;
            };
            if !settings.contains_key(&setting) {
                order.push(setting.clone());
            }
            settings.entry(setting).or_default().push(value);
        }
        for setting in order {
            let values = settings.remove(&setting).unwrap_or_default();
            let (mean, half) = interval(&values);
            measurements.push(MeasurementReport {
                setting: chosen
                    .iter()
                    .zip(&setting)
                    .map(|(field, text)| ((*field).clone(), level(text)))
                    .collect(),
                measure: measure.to_owned(),
                mean,
                interval: vec![mean - half, mean + half],
                band: "student-t".to_owned(),
                seeds: (0..values.len() as u64).collect(),
                values,
            });
        }
    }
    FindingsReport {
        study: "sweep".to_owned(),
        statement: String::new(),
        about: String::new(),
        size: String::new(),
        confidence: 0.95,
        measurements,
        conclusions: Vec::new(),
        evidence: "computed".to_owned(),
    }
}

/// The mean, and half of its 95 % confidence interval; NaN for one value.
fn interval(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, student_quantile(n - 1.0) * (squares / (n - 1.0) / n).sqrt())
}

fn points(results: &Results) -> Table {
    let fields = fields(results);
    let columns: Vec<&str> = ["point"]
        .into_iter()
        .chain(fields.iter().map(String::as_str))
        .chain(["outcome", "lambda", "loss", "worst_angle", "mean_angle", "mass_away", "reason"])
        .collect();
    let mut table = Table::new(&columns);
    for at in thinned(results.rows.len(), MOST_ROWS) {
        let row = &results.rows[at];
        let shown = columns.iter().enumerate().map(|(k, name)| {
            let text = cell(results, row, name).unwrap_or_default();
            match text.parse::<f64>() {
                Ok(x) if k > fields.len() + 1 => number(x, 3),
                _ => text.to_owned(),
            }
        });
        table.rows.push(shown.collect());
    }
    table
}
