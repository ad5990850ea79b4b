//! A study of comparisons: how far every measurement is from its prediction, in units of what is allowed.

use super::study::capital;
use super::{Figure, Medium, Table, number};
use crate::chart::{Axis, WIDTH, plain};
use crate::svg::Svg;
use gradiometer_study::Compared;

/// Beyond so many units a mark stands at the edge.
const EDGE: f64 = 3.0;
/// A line of text over a line with its mark.
const ROW: f64 = 38.0;
const MARGIN: f64 = 16.0;

/// The figure of the rows of a study.
pub(crate) fn figure(study: &str, rows: &[Compared]) -> Figure {
    let title = format!("{}: measured beside predicted", capital(study));
    let caption = "How far each mean is from its prediction, in units of four standard errors and what the finite size may add: \
                   between the rules they agree. Rings are controls, which must lie outside; a mark at the edge lies beyond it."
        .to_owned();
    let names: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {}, d = {}", row.statement, row.quantity, plain(row.d)))
        .collect();
    let axis = Axis::between(-EDGE, EDGE, "deviation");
    let (top, height) = (8.0, 8.0 + ROW * rows.len() as f64 + 44.0);
    let bottom = height - 44.0;
    let place = |x: f64| MARGIN + axis.share(x) * (WIDTH - 2.0 * MARGIN);
    let mut svg = Svg::new(WIDTH, height, &title, &caption);
    for (x, label) in axis.ticks(7) {
        svg.line("g", (place(x), top), (place(x), bottom));
        svg.label("t m", (place(x), bottom + 18.0), &label);
    }
    for limit in [-1.0, 1.0] {
        svg.line("v", (place(limit), top), (place(limit), bottom));
    }
    svg.text("m", (0.5 * WIDTH, height - 8.0), "deviation over what is allowed");
    let mut table =
        Table::new(&["quantity", "measured", "error", "predicted", "allowed", "form", "agrees"]);
    for (k, (row, name)) in rows.iter().zip(names).enumerate() {
        let y = top + ROW * (k as f64 + 0.75);
        svg.text("t", (MARGIN, y - 12.0), &name);
        let deviation = row.deviation();
        let class = if row.is_control { "w s0" } else { "p f0" };
        svg.circle(class, (place(deviation.clamp(-EDGE, EDGE)), y), 4.5);
        table.rows.push(vec![
            name,
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
