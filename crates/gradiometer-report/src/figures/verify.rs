//! A verification: how sharp each part of each statement is, and the exponents.

use super::{Figure, Medium, Table, number};
use crate::chart::WIDTH;
use crate::svg::Svg;
use gradiometer_hermite::float::{maximum, maximum_of, minimum, minimum_of};
use gradiometer_verify::verification::{
    Interval, Verification, Verified, VerifiedPart, VerifiedScaling, VerifiedStatement,
};

/// Height of a row, and where the rows' axis begins and ends.
const ROW: f64 = 19.0;
const TOP: f64 = 46.0;
const LEFT: f64 = 210.0;
const RIGHT: f64 = WIDTH - 24.0;
/// Characters of a row's name.
const NAME: usize = 31;

/// The figures of a verification.
pub(crate) fn figures(report: &Verification) -> Vec<Figure> {
    let (mut statements, mut scalings) = (Vec::new(), Vec::new());
    for claim in &report.claims {
        match claim {
            Verified::Statement(found) => statements.push(found),
            Verified::Scaling(found) => scalings.push(found),
        }
    }
    [ratios(&statements), exponents(&scalings)].into_iter().flatten().collect()
}

/// A name cut to a length.
fn cut(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    name.chars().take(NAME - 1).chain(['…']).collect()
}

/// A part with its name.
struct Row<'a> {
    name: String,
    part: &'a VerifiedPart,
}

fn ratios(claims: &[&VerifiedStatement]) -> Option<Figure> {
    let rows: Vec<Row<'_>> = claims
        .iter()
        .flat_map(|claim| {
            let name = move |part: &VerifiedPart| format!("{} {}", claim.id, part.part);
            claim.parts.iter().map(move |part| Row { name: name(part), part })
        })
        .collect();
    let searched = |row: &Row<'_>| row.part.search.as_ref().and_then(|search| search.ratio);
    if rows.is_empty() {
        return None;
    }
    let (name, title) = ("ratios", "How sharp the statements are");
    let caption = "The worst ratio of left to right side of every part: filled, among random instances; open, after a search for worse ones. A ratio of 1 is equality, so a \
                   mark near the right rule is a sharp constant, and a mark beyond it would be a violation. For identities it is the share of the allowed rounding.";
    let height = TOP + ROW * rows.len() as f64 + 40.0;
    let mut svg = Svg::new(WIDTH, height, title, caption);
    let high = 1.1;
    let bottom = height - 36.0;
    let at = |ratio: f64| LEFT + minimum(maximum(ratio, 0.0), high) / high * (RIGHT - LEFT);
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        svg.line(
            if tick < 1.0 { "g" } else { "guide" },
            (at(tick), TOP - 10.0),
            (at(tick), bottom),
        );
        svg.text("t m", (at(tick), bottom + 16.0), &number(tick, 2));
    }
    svg.text("m", (f64::midpoint(LEFT, RIGHT), bottom + 33.0), "left side / right side");
    svg.circle("f0", (LEFT + 6.0, 14.0), 4.0);
    svg.text("", (LEFT + 16.0, 18.0), "random");
    svg.circle("w s1 solid", (LEFT + 86.0, 14.0), 4.0);
    svg.text("", (LEFT + 96.0, 18.0), "searched");
    for (k, row) in rows.iter().enumerate() {
        let y = TOP + ROW * k as f64;
        svg.text("t e long", (LEFT - 10.0, y + 4.0), &cut(&row.name));
        svg.line("g", (LEFT, y), (RIGHT, y));
        if let Some(ratio) = row.part.worst_ratio {
            svg.circle("f0", (at(ratio), y), 4.0);
        }
        if let Some(ratio) = searched(row) {
            svg.circle("w s1 solid", (at(ratio), y), 5.0);
        }
    }
    let mut table =
        Table::new(&["part", "checked", "violations", "worst, random", "worst, searched"]);
    for row in &rows {
        let ratio = |x: Option<f64>| number(x.unwrap_or(f64::NAN), 4);
        table.rows.push(vec![
            row.name.clone(),
            row.part.checked.to_string(),
            row.part.violations.to_string(),
            ratio(row.part.worst_ratio),
            ratio(searched(row)),
        ]);
    }
    let (name, title, caption) = (name.to_owned(), title.to_owned(), caption.to_owned());
    Some(Figure { name, title, caption, svg, table, frames: None, medium: Medium::Any })
}

/// The number in `about 2.000` and the like.
fn predicted(words: &str) -> Option<f64> {
    words.split(' ').next_back()?.parse().ok()
}

fn exponents(fits: &[&VerifiedScaling]) -> Option<Figure> {
    // A single run has an unbounded interval.
    let bounded = |x: f64, middle: f64| if (x - middle).abs() < 1e3 { x } else { middle };
    let ends: Vec<f64> = fits
        .iter()
        .flat_map(|fit| {
            let Interval { exponent: middle, low, high } = fit.fit;
            let goal = predicted(&fit.predicted).unwrap_or(middle);
            [bounded(low, middle), bounded(high, middle), goal]
        })
        .filter(|x| x.is_finite())
        .collect();
    let (low, high) = (minimum_of(ends.iter().copied()), maximum_of(ends));
    if !(low <= high) {
        return None;
    }
    let (low, high) = (low - 0.3, high + 0.3);
    let (name, title) = ("exponents", "Fitted exponents");
    let caption = "Each exponent over independent runs with its 95 % interval, beside the predicted one (upright rule; an arrow where it is a bound). \
                   The statement agrees where they overlap.";
    let height = TOP + ROW * fits.len() as f64 + 40.0;
    let bottom = height - 36.0;
    let mut svg = Svg::new(WIDTH, height, title, caption);
    let at = |x: f64| LEFT + (x - low) / (high - low) * (RIGHT - LEFT);
    let whole = (0..=200).map(|k| low.ceil() + f64::from(k)).take_while(|x| *x <= high);
    let every = ((high - low) / 8.0).ceil();
    for tick in whole.filter(|x| (x / every).fract().abs() <= 0.0) {
        svg.line("g", (at(tick), TOP - 10.0), (at(tick), bottom));
        svg.text("t m", (at(tick), bottom + 16.0), &number(tick, 3));
    }
    svg.text("m", (f64::midpoint(LEFT, RIGHT), bottom + 33.0), "exponent");
    svg.circle("f0", (LEFT + 6.0, 14.0), 4.0);
    svg.text("", (LEFT + 16.0, 18.0), "fitted");
    svg.line("s s1 solid", (LEFT + 86.0, 7.0), (LEFT + 86.0, 21.0));
    svg.text("", (LEFT + 96.0, 18.0), "predicted");
    let mut table =
        Table::new(&["exponent of", "fitted", "from", "to", "predicted", "control, must differ"]);
    for (k, fit) in fits.iter().enumerate() {
        let y = TOP + ROW * k as f64;
        let name = format!("{} {}", fit.id, fit.title);
        svg.text("t e long", (LEFT - 10.0, y + 4.0), &cut(&name));
        let Interval { exponent: middle, low, high } = fit.fit;
        let (from, to) = (bounded(low, middle), bounded(high, middle));
        svg.line("s s0", (at(from), y), (at(to), y));
        svg.circle("f0", (at(middle), y), 4.0);
        let words = &fit.predicted;
        if let Some(goal) = predicted(words) {
            let x = at(goal);
            svg.line("s s1 solid", (x, y - 7.0), (x, y + 7.0));
            let side = if words.starts_with("at most") {
                -9.0
            } else if words.starts_with("at least") {
                9.0
            } else {
                0.0
            };
            svg.line("s s1 solid", (x, y), (x + side, y));
        }
        table.rows.push(vec![
            name,
            number(middle, 3),
            number(from, 3),
            number(to, 3),
            words.clone(),
            number(fit.negative_control.fit.exponent, 3),
        ]);
    }
    let (name, title, caption) = (name.to_owned(), title.to_owned(), caption.to_owned());
    Some(Figure { name, title, caption, svg, table, frames: None, medium: Medium::Any })
}
