//! Runs beside each other: the same curves on the same axes, and tables with a row a run.

use super::chart::{Axis, Chart, Key, Scale};
use super::data::{self, RunData};
use super::figures::{Figure, Medium, Table, number};
use super::html::Page;
use super::pages::Content;
use super::text::percent;
use gradiometer_model::Learned;
use serde_json::Value;
use std::collections::BTreeMap;

/// A run with the name of its folder.
pub(crate) type Named = (String, RunData);

/// The page of a comparison.
pub(crate) fn page(runs: &[Named]) -> Content {
    let names: Vec<&str> = runs.iter().map(|(name, _)| name.as_str()).collect();
    let lead =
        "The same quantities of every run on the same axes; below, where the experiments differ.";
    let mut page = Page::new(&format!("Comparison of {}", names.join(", ")), lead);
    page.heading("How the runs ended");
    page.table("Runs", &ends(runs), &[1]);
    page.heading("Where the experiments differ");
    let differences = differences(runs);
    if differences.rows.is_empty() {
        page.paragraph("Nowhere: the experiments are the same.");
    } else {
        page.table("Differences", &differences, &[]);
    }
    let figures: Vec<Figure> = [
        over_steps(runs, "loss", "Loss", "loss L", data::LOSS),
        over_steps(runs, "worst-angle", "Worst average angle", "angle [rad]", data::WORST_ANGLE),
        over_steps(runs, "mean-angle", "Mean angle of the mass", "angle [rad]", data::MEAN_ANGLE),
        over_steps(runs, "gradient", "Gradient norm", "|∇L_λ|", data::GRADIENT),
        against_lambda(runs),
    ]
    .into_iter()
    .flatten()
    .collect();
    page.heading("The runs");
    page.figures(&figures);
    Content { page, figures }
}

/// A row a run, as it ended.
pub(crate) fn ends(runs: &[Named]) -> Table {
    let mut table = Table::new(&[
        "run",
        "learned",
        "d",
        "m*",
        "m",
        "steps",
        "λ",
        "loss L",
        "worst angle",
        "mean angle",
        "mass away",
        "epochs converged",
    ]);
    for (name, run) in runs {
        let last = &run.manifest.last.record;
        let epochs = run.epochs();
        let converged = epochs.iter().filter(|record| RunData::is_converged(record)).count();
        table.rows.push(vec![
            name.clone(),
            match run.recovery.learned() {
                Learned::Fully => "✓ fully",
                Learned::Partly => "partly",
                Learned::Not => "✗ not",
            }
            .to_owned(),
            run.teacher.dimension().to_string(),
            run.teacher.neurons().to_string(),
            run.student.neurons().to_string(),
            last.steps.to_string(),
            number(last.lambda, 3),
            number(last.loss, 3),
            number(run.recovery.worst_angle(), 3),
            number(run.recovery.mean_angle, 3),
            percent(run.recovery.mass_away / run.recovery.total_mass),
            format!("{converged} of {}", epochs.len()),
        ]);
    }
    table
}

/// The fields of the experiments that are not the same in all runs.
fn differences(runs: &[Named]) -> Table {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (at, (_, run)) in runs.iter().enumerate() {
        let mut flat = BTreeMap::new();
        flatten("", &serde_json::json!(run.manifest.experiment), &mut flat);
        for (field, value) in flat {
            fields.entry(field).or_insert_with(|| vec!["–".to_owned(); runs.len()])[at] = value;
        }
    }
    let header: Vec<&str> =
        ["field"].into_iter().chain(runs.iter().map(|(name, _)| name.as_str())).collect();
    let mut table = Table::new(&header);
    for (field, values) in fields {
        if values.windows(2).any(|pair| pair[0] != pair[1]) {
            table.rows.push([vec![field], values].concat());
        }
    }
    table
}

/// The leaves of an object with their dotted names.
fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dotted =
                    if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&dotted, value, into);
            }
        }
        Value::Null => {}
        leaf => {
            into.insert(prefix.to_owned(), leaf.to_string());
        }
    }
}

/// Curves with their names in one chart; nothing without a positive number.
fn chart(
    (name, title, caption): (&str, &str, &str),
    (x, y): (&str, &str),
    curves: &[(&str, Vec<(f64, f64)>)],
) -> Option<Figure> {
    let all = || curves.iter().flat_map(|(_, points)| points).filter(|p| p.0 > 0.0 && p.1 > 0.0);
    let (axis_x, axis_y) = (
        Axis::over(Scale::Log, x, all().map(|p| p.0))?,
        Axis::over(Scale::Log, y, all().map(|p| p.1))?,
    );
    let classes: Vec<String> = (0..curves.len()).map(|k| format!("s s{}", k % 8)).collect();
    let legend: Vec<(Key<'_>, &str)> =
        curves.iter().zip(&classes).map(|((name, _), class)| (Key::Line(class), *name)).collect();
    let mut chart = Chart::new((name, title, caption), axis_x, axis_y, &legend);
    let mut table = Table::new(&["run", x, y]);
    for (k, (run, points)) in curves.iter().enumerate() {
        chart.line(k, points);
        let shown = super::figures::thinned(points.len(), 12);
        table.rows.extend(
            shown.into_iter().map(|at| {
                vec![(*run).to_owned(), number(points[at].0, 4), number(points[at].1, 4)]
            }),
        );
    }
    Some(Figure {
        name: name.to_owned(),
        title: title.to_owned(),
        caption: caption.to_owned(),
        svg: chart.finish(),
        table,
        frames: None,
        medium: Medium::Any,
    })
}

fn over_steps(
    runs: &[Named],
    name: &str,
    title: &str,
    label: &str,
    quantity: usize,
) -> Option<Figure> {
    let curves: Vec<(&str, Vec<(f64, f64)>)> =
        runs.iter().map(|(run, data)| (run.as_str(), data.series.points(quantity))).collect();
    let caption = format!("{title} of every run against its steps. Zeros have no place here.");
    chart((name, title, &caption), ("steps", label), &curves)
}

fn against_lambda(runs: &[Named]) -> Option<Figure> {
    let curves: Vec<(&str, Vec<(f64, f64)>)> = runs
        .iter()
        .map(|(run, data)| {
            let epochs = data.epochs();
            (run.as_str(), epochs.iter().map(|record| (record.lambda, record.loss)).collect())
        })
        .collect();
    let caption = "The loss at the end of every epoch against λ. By statement 8.3 converged epochs lie on a line of slope 2.";
    chart(("loss-lambda", "Loss at the ends of the epochs", caption), ("λ", "loss L"), &curves)
}
