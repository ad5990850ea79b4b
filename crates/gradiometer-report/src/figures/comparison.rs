//! A study of asymptotic statements: how far every measurement is from its prediction, in units of what is allowed.

use super::study::{Cell, capital};
use super::{Figure, Medium, Table, number};
use crate::chart::{Axis, WIDTH};
use crate::svg::Svg;

/// Standard errors that are allowed beside what the finite size may add, as the study reads it.
const ERRORS: f64 = 4.0;
/// Beyond so many units a mark stands at the edge.
const EDGE: f64 = 3.0;
const ROW: f64 = 24.0;

/// A quantity at a size.
struct Row {
    name: String,
    is_control: bool,
    measured: f64,
    predicted: f64,
    error: f64,
    allowed: f64,
}

impl Row {
    /// `(measured - predicted)/(4 errors + allowed)`: at most 1 in modulus where the two agree.
    fn deviation(&self) -> f64 {
        (self.measured - self.predicted) / (ERRORS * self.error + self.allowed)
    }
}

/// Whether the measurements of a study are comparisons.
pub(crate) fn is_comparison(cells: &[Cell]) -> bool {
    let has = |name: &str| cells.iter().any(|cell| cell.quantity == name);
    ["measured", "predicted", "allowed"].into_iter().all(has)
}

fn rows(cells: &[Cell]) -> Vec<Row> {
    let of = |quantity: &str, like: &Cell| {
        cells.iter().find(|cell| cell.quantity == quantity && cell.setting == like.setting)
    };
    let row = |measured: &Cell| {
        let (predicted, allowed) = (of("predicted", measured)?, of("allowed", measured)?);
        let pairs = measured.values.iter().zip(&predicted.values);
        let differences: Vec<f64> = pairs.map(|(x, y)| x - y).collect();
        let n = differences.len() as f64;
        let mean = differences.iter().sum::<f64>() / n;
        let square = differences.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
        let label = |name: &str| {
            let level = measured.setting.iter().find(|level| level.name() == name);
            level.map_or_else(String::new, |level| level.label().to_owned())
        };
        predicted.mean.is_finite().then(|| Row {
            name: format!("{} {}, d = {}", label("statement"), label("quantity"), label("d")),
            is_control: label("form") == "control",
            measured: measured.mean,
            predicted: predicted.mean,
            error: (square / (n * (n - 1.0))).sqrt(),
            allowed: allowed.mean,
        })
    };
    cells.iter().filter(|cell| cell.quantity == "measured").filter_map(row).collect()
}

/// The figure of a study of comparisons.
pub(crate) fn figure(study: &str, cells: &[Cell]) -> Figure {
    let rows = rows(cells);
    let title = format!("{}: measured beside predicted", capital(study));
    let caption = "How far each mean is from its prediction, in units of four standard errors and what the finite size may add: \
                   between the rules they agree. Rings are controls, which must lie outside; a mark at the edge lies beyond it."
        .to_owned();
    let axis = Axis::between(-EDGE, EDGE, "deviation");
    // About the mean width of a character at 12 pixels.
    let longest = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let left = (20.0 + 5.4 * longest as f64).clamp(90.0, 330.0);
    let (top, height) = (18.0, 18.0 + ROW * rows.len() as f64 + 44.0);
    let bottom = height - 44.0;
    let place = |x: f64| left + axis.share(x) * (WIDTH - 16.0 - left);
    let mut svg = Svg::new(WIDTH, height, &title, &caption);
    for (x, label) in axis.ticks(7) {
        svg.line("g", (place(x), top), (place(x), bottom));
        svg.label("t m", (place(x), bottom + 18.0), &label);
    }
    for limit in [-1.0, 1.0] {
        svg.line("v", (place(limit), top), (place(limit), bottom));
    }
    svg.text(
        "m",
        (f64::midpoint(left, WIDTH - 16.0), height - 8.0),
        "deviation over what is allowed",
    );
    let mut table =
        Table::new(&["quantity", "measured", "error", "predicted", "allowed", "form", "agrees"]);
    for (k, row) in rows.iter().enumerate() {
        let y = top + ROW * (k as f64 + 0.5);
        svg.text("t e long", (left - 10.0, y + 4.0), &row.name);
        let deviation = row.deviation();
        let shown = deviation.clamp(-EDGE, EDGE);
        if row.is_control {
            svg.circle("w s0", (place(shown), y), 4.5);
        } else {
            svg.circle("p f0", (place(shown), y), 4.5);
        }
        table.rows.push(vec![
            row.name.clone(),
            number(row.measured, 4),
            number(row.error, 2),
            number(row.predicted, 4),
            number(row.allowed, 2),
            if row.is_control { "control" } else { "stated" }.to_owned(),
            if deviation.abs() <= 1.0 { "yes" } else { "no" }.to_owned(),
        ]);
    }
    let name = format!("{study}-comparison");
    Figure { svg, name, title, caption, table, frames: None, medium: Medium::Any }
}
