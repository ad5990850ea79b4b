//! A study: each quantity against the setting that varies most, and as a heat map where two vary.

use super::{Figure, Medium, Table, number};
use crate::chart::{Axis, Chart, Key, Scale, WIDTH, plain};
use crate::colour::STEPS;
use crate::svg::Svg;
use gradiometer_hermite::float::{maximum_of, minimum_of};
use gradiometer_study::{FindingsReport, LevelReport, MeasurementReport};
use gradiometer_verify::statistics::PowerFit;

/// The setting that is no choice but what theory says the quantity is.
const PREDICTED: &str = "predicted";

/// The value of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Level {
    name: String,
    /// The number; for a name its place among those of the study, NaN for none.
    value: f64,
    label: String,
    /// Whether it is a name.
    named: bool,
}

impl Level {
    /// Its value, as a reader wants it.
    fn label(&self) -> &str {
        &self.label
    }
}

/// One quantity at one setting.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) setting: Vec<Level>,
    pub(crate) quantity: String,
    pub(crate) mean: f64,
    /// The confidence interval of the mean.
    pub(crate) interval: (f64, f64),
    pub(crate) values: Vec<f64>,
}

/// The measurements of a study's file.
pub(crate) fn cells(study: &FindingsReport) -> Vec<Cell> {
    // Names of settings, in the order in which they come.
    let mut names: Vec<String> = Vec::new();
    let mut level = |name: &str, level: &LevelReport| {
        let name = words(name);
        let label = match level {
            LevelReport::Number(x) => {
                return Level { name, value: *x, label: plain(*x), named: false };
            }
            LevelReport::Several => {
                return Level { name, value: f64::NAN, label: plain(f64::NAN), named: false };
            }
            LevelReport::Name(label) => label,
        };
        let place = names.iter().position(|n| n == label).unwrap_or_else(|| {
            names.push(label.clone());
            names.len() - 1
        });
        Level { name, value: place as f64, label: words(label), named: true }
    };
    let cell = |one: &MeasurementReport| Cell {
        setting: one.setting.iter().map(|(name, value)| level(name, value)).collect(),
        quantity: words(&one.measure),
        mean: one.mean,
        interval: match *one.interval.as_slice() {
            [low, high] => (low, high),
            _ => (f64::NAN, f64::NAN),
        },
        values: one.values.clone(),
    };
    study.measurements.iter().map(cell).collect()
}

/// Figures of every quantity of a study; their names begin with its own.
pub(crate) fn figures(study: &str, cells: &[Cell]) -> Vec<Figure> {
    let mut quantities: Vec<&str> = Vec::new();
    for cell in cells {
        if !quantities.contains(&cell.quantity.as_str()) {
            quantities.push(&cell.quantity);
        }
    }
    let mut found = Vec::new();
    for (at, quantity) in quantities.into_iter().enumerate() {
        let of: Vec<&Cell> = cells.iter().filter(|c| c.quantity == quantity).collect();
        let place = (study, at);
        let axes = axes(&of);
        found.extend(match axes {
            Some((x, group)) => {
                let rules = format!("{THRESHOLD}{x}");
                let rules: Vec<&Cell> = cells.iter().filter(|c| c.quantity == rules).collect();
                curves(&of, (quantity, &rules), place, &x, group.as_deref())
            }
            None => spread(&of, quantity, place),
        });
        if let Some((x, Some(y))) = axes_of_grid(&of) {
            found.extend(heat_map(&of, quantity, place, &x, &y));
        }
    }
    found
}

fn level<'a>(cell: &'a Cell, name: &str) -> Option<&'a Level> {
    cell.setting.iter().find(|s| s.name == name)
}

fn value(cell: &Cell, name: &str) -> f64 {
    level(cell, name).map_or(f64::NAN, |s| s.value)
}

fn label(cell: &Cell, name: &str) -> String {
    level(cell, name).map_or_else(String::new, |s| s.label.clone())
}

/// Whether a setting has names for values.
fn is_named(cells: &[&Cell], name: &str) -> bool {
    cells.iter().filter_map(|c| level(c, name)).any(|s| s.named)
}

/// The distinct finite values of a setting, ascending.
fn distinct(cells: &[&Cell], name: &str) -> Vec<f64> {
    let mut values: Vec<f64> =
        cells.iter().map(|c| value(c, name)).filter(|x| x.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values.dedup_by(|a, b| a.total_cmp(b).is_eq());
    values
}

/// Settings that vary, with their numbers of values.
fn varying(cells: &[&Cell]) -> Vec<(String, usize)> {
    let Some(first) = cells.first() else { return Vec::new() };
    let chosen = first.setting.iter().filter(|s| s.name != PREDICTED);
    let counted = chosen.map(|s| (s.name.clone(), distinct(cells, &s.name).len()));
    counted.filter(|(_, count)| *count > 1).collect()
}

/// Two settings that tell all measurements apart and of whose values every combination is there:
/// the smallest such grid.
fn axes_of_grid(cells: &[&Cell]) -> Option<(String, Option<String>)> {
    let varying = varying(cells);
    let mut best: Option<(usize, String, String)> = None;
    for (i, (x, nx)) in varying.iter().enumerate() {
        for (y, ny) in &varying[i + 1..] {
            let numbers = !is_named(cells, x) && !is_named(cells, y);
            let full = numbers && nx * ny == cells.len() && is_unique(cells, x, Some(y));
            // A grid of two columns is two curves.
            if full
                && *nx > 1
                && *ny > 1
                && nx + ny >= 5
                && best.as_ref().is_none_or(|b| nx + ny < b.0)
            {
                best = Some((nx + ny, x.clone(), y.clone()));
            }
        }
    }
    best.map(|(_, x, y)| (x, Some(y)))
}

fn is_unique(cells: &[&Cell], x: &str, y: Option<&str>) -> bool {
    let key = |c: &&Cell| (value(c, x).to_bits(), y.map(|y| value(c, y).to_bits()));
    let mut keys: Vec<_> = cells.iter().map(key).collect();
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    keys.len() == count
}

/// The setting of the horizontal axis and that which tells the curves apart.
fn axes(cells: &[&Cell]) -> Option<(String, Option<String>)> {
    let varying = varying(cells);
    let most = |a: &&(String, usize), b: &&(String, usize)| a.1.cmp(&b.1).then(b.0.cmp(&a.0));
    if let Some((x, Some(y))) = axes_of_grid(cells) {
        // The axis is the one with more values, and if they are as many, with the wider range.
        let weight = |name: &str| {
            let values = distinct(cells, name);
            let range = match (values.first(), values.last()) {
                (Some(low), Some(high)) if *low > 0.0 => high / low,
                _ => 1.0,
            };
            (values.len(), range)
        };
        return Some(if weight(&y) > weight(&x) { (y, Some(x)) } else { (x, Some(y)) });
    }
    let numeric: Vec<&(String, usize)> =
        varying.iter().filter(|v| v.1 > 2 && !is_named(cells, &v.0)).collect();
    let x = numeric.iter().copied().max_by(most)?;
    if is_unique(cells, &x.0, None) {
        return Some((x.0.clone(), None));
    }
    let groups = varying.iter().filter(|v| v.0 != x.0 && is_unique(cells, &x.0, Some(&v.0)));
    groups.min_by(most).map(|y| (x.0.clone(), Some(y.0.clone())))
}

/// A logarithmic scale for positive numbers over more than a factor of eight.
fn scale(values: &[f64]) -> Scale {
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (minimum_of(finite()), maximum_of(finite()));
    if low > 0.0 && high > 8.0 * low { Scale::Log } else { Scale::Linear }
}

/// A name from a file as a reader wants it: `n_over_d2` is n/d^2, an underscore a space.
fn words(name: &str) -> String {
    name.replace("_over_d2", "/d²").replace("_over_", "/").replace('_', " ")
}

/// A text with a capital at its start.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The study's name and the quantity's place in it.
type Place<'a> = (&'a str, usize);

fn stem(quantity: &str, (study, at): Place<'_>, kind: &str) -> String {
    let word: String = quantity
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    format!("{study}-{kind}-{}-{word}", at + 1)
}

/// Measures called so, with the name of an axis after it, are upright rules on figures with that axis.
const THRESHOLD: &str = "threshold of ";

/// Half the interval of an exponent that is shown, at most: that of exponents which `verify` takes for known. Curves that
/// bend are no power laws.
const KNOWN: f64 = 0.25;

/// What the upright rules are, for a caption.
fn named_rules(rules: &[&Cell]) -> String {
    let names = rules.iter().map(|rule| {
        let names: Vec<&str> = rule.setting.iter().filter(|s| s.named).map(Level::label).collect();
        format!("{} at {}", names.join(", "), plain(rule.mean))
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(" Upright rules are thresholds: {}.", names.join("; "))
    }
}

/// The name of a curve, with its exponent if it is fitted.
fn curve_name(group: Option<&str>, members: &[&Cell], fit: Option<&PowerFit>) -> String {
    let name = group.map_or_else(
        || "mean".to_owned(),
        |group| {
            let value = members.first().map_or_else(String::new, |c| label(c, group));
            format!("{group} = {value}")
        },
    );
    match fit {
        Some(fit) => {
            format!("{name}: exponent {:.2} ± {:.2}", fit.slope, fit.half_width).replace('-', "−")
        }
        None => name,
    }
}

fn curves(
    cells: &[&Cell],
    (quantity, rules): (&str, &[&Cell]),
    at: Place<'_>,
    x: &str,
    group: Option<&str>,
) -> Option<Figure> {
    let places: Vec<f64> = cells.iter().map(|c| value(c, x)).collect();
    let heights: Vec<f64> = cells
        .iter()
        .flat_map(|c| c.values.iter().copied().chain([c.mean]))
        .filter(|v| v.is_finite())
        .collect();
    let (kind_x, kind_y) = (scale(&places), scale(&heights));
    let axis_x = Axis::over(kind_x, x, places)?;
    let axis_y = Axis::over(kind_y, quantity, heights)?;
    let groups = group.map_or_else(|| vec![f64::NAN], |group| distinct(cells, group));
    let both_log = kind_x == Scale::Log && kind_y == Scale::Log;
    let members = |g: f64| -> Vec<&Cell> {
        let mut of: Vec<&Cell> = cells
            .iter()
            .copied()
            .filter(|c| group.is_none_or(|name| value(c, name).total_cmp(&g).is_eq()))
            .filter(|c| value(c, x).is_finite())
            .collect();
        of.sort_by(|a, b| value(a, x).total_cmp(&value(b, x)));
        of
    };
    let fit = |of: &[&Cell]| {
        let points: Vec<(f64, f64)> = of.iter().map(|c| (value(c, x), c.mean)).collect();
        let of_points = if both_log { PowerFit::of(&points) } else { None };
        of_points.filter(|fit| fit.half_width <= KNOWN)
    };
    let names: Vec<String> = groups
        .iter()
        .map(|g| {
            let of = members(*g);
            curve_name(group, &of, fit(&of).as_ref())
        })
        .collect();
    let classes: Vec<String> = (0..groups.len()).map(|k| format!("s s{}", k % 8)).collect();
    let mut legend: Vec<(Key<'_>, &str)> =
        classes.iter().zip(&names).map(|(c, n)| (Key::Line(c), n.as_str())).collect();
    if cells.iter().any(|c| value(c, PREDICTED).is_finite()) {
        legend.push((Key::Line("guide"), PREDICTED));
    }
    let fits = groups.iter().filter(|g| fit(&members(**g)).is_some()).count();
    let fitted = match fits {
        0 => " Shaded: the 95 % confidence interval of the mean.",
        all if all == groups.len() => {
            " Shaded lines are power laws with the 95 % bands of their fits."
        }
        _ => {
            " Shaded: power laws with the 95 % bands of their fits where an exponent is given, elsewhere the 95 % confidence interval of the mean."
        }
    };
    let thresholds = named_rules(rules);
    let caption = format!(
        "{} against {x}. Lines join the means over the seeds, small dots are the seeds.{fitted}{thresholds}",
        capital(quantity)
    );
    let (name, title) = (stem(quantity, at, "curve"), format!("{} against {x}", capital(quantity)));
    let mut chart = Chart::new((&name, &title, &caption), axis_x, axis_y, &legend);
    let mut table = Table::new(&[group.unwrap_or("curve"), x, "mean", "from", "to", "seeds"]);
    for rule in rules {
        chart.rule(rule.mean);
    }
    for (k, g) in groups.iter().enumerate() {
        let of = members(*g);
        if let Some(fit) = fit(&of) {
            let band: Vec<_> =
                of.iter().map(|c| value(c, x)).map(|x| (x, fit.at(x).1, fit.at(x).2)).collect();
            chart.band(k, &band);
        } else {
            let band: Vec<_> =
                of.iter().map(|c| (value(c, x), c.interval.0, c.interval.1)).collect();
            chart.band(k, &band);
        }
        for cell in &of {
            let seeds: Vec<(f64, f64)> = cell.values.iter().map(|v| (value(cell, x), *v)).collect();
            chart.dots(&format!("f{} faint", k % 8), &seeds, 1.8);
            let name = group.map_or_else(|| "all".to_owned(), |group| label(cell, group));
            table.rows.push(vec![
                name,
                plain(value(cell, x)),
                number(cell.mean, 4),
                number(cell.interval.0, 3),
                number(cell.interval.1, 3),
                cell.values.len().to_string(),
            ]);
        }
        let predicted: Vec<_> = of.iter().map(|c| (value(c, x), value(c, PREDICTED))).collect();
        chart.guide("guide", &predicted);
        let means: Vec<(f64, f64)> = of.iter().map(|c| (value(c, x), c.mean)).collect();
        chart.line(k, &means);
        chart.dots(&format!("p f{}", k % 8), &means, 3.5);
    }
    Some(Figure {
        svg: chart.finish(),
        name,
        title,
        caption,
        table,
        frames: None,
        medium: Medium::Any,
    })
}

/// A quantity at a few settings that are no axis: a row each.
fn spread(cells: &[&Cell], quantity: &str, at: Place<'_>) -> Option<Figure> {
    const ROW: f64 = 34.0;
    const LINE: f64 = 15.0;
    // About the mean width of a letter at 12 pixels.
    const LETTER: f64 = 6.4;
    const MOST_LETTERS: usize = 36;
    let values: Vec<f64> =
        cells.iter().flat_map(|c| c.values.iter().copied()).filter(|v| v.is_finite()).collect();
    let kind = scale(&values);
    let ends = cells.iter().flat_map(|c| [c.interval.0, c.interval.1]);
    let axis = Axis::over(kind, quantity, values.into_iter().chain(ends))?;
    let varying = varying(cells);
    let caption = format!(
        "{} at each setting: small dots are the seeds, the large one their mean with its 95 % confidence interval{}.",
        capital(quantity),
        if kind == Scale::Log { "; the axis is logarithmic" } else { "" }
    );
    let title = capital(quantity);
    let named = |cell: &Cell| {
        let parts: Vec<String> =
            varying.iter().map(|(name, _)| format!("{name} = {}", label(cell, name))).collect();
        if parts.is_empty() { "all".to_owned() } else { parts.join(", ") }
    };
    let names: Vec<Vec<String>> = cells.iter().map(|c| lines(&named(c), MOST_LETTERS)).collect();
    let longest = names.iter().flatten().map(|line| line.chars().count()).max().unwrap_or(0);
    let left = 20.0 + LETTER * longest.max(11) as f64;
    let most_lines = names.iter().map(Vec::len).max().unwrap_or(1);
    let row = ROW + LINE * (most_lines - 1) as f64;
    let (top, height) = (18.0, 18.0 + row * cells.len() as f64 + 44.0);
    let mut svg = Svg::new(WIDTH, height, &title, &caption);
    let bottom = height - 44.0;
    let place = |x: f64| left + axis.share(x) * (WIDTH - 16.0 - left);
    for (x, label) in axis.ticks(5) {
        svg.line("g", (place(x), top), (place(x), bottom));
        svg.label("t m", (place(x), bottom + 18.0), &label);
    }
    svg.text("m", (f64::midpoint(left, WIDTH - 16.0), height - 8.0), quantity);
    let mut table = Table::new(&["setting", "mean", "from", "to", "seeds"]);
    for (k, (cell, name)) in cells.iter().zip(&names).enumerate() {
        let y = top + row * (k as f64 + 0.5);
        let first = y + 4.0 - 0.5 * LINE * (name.len() - 1) as f64;
        for (n, line) in name.iter().enumerate() {
            svg.text("t e long", (left - 10.0, first + LINE * n as f64), line);
        }
        for v in &cell.values {
            svg.circle("f0 faint", (place(*v), y), 2.2);
        }
        svg.line("s s0", (place(cell.interval.0), y), (place(cell.interval.1), y));
        svg.circle("p f0", (place(cell.mean), y), 5.0);
        table.rows.push(vec![
            name.join(" "),
            number(cell.mean, 4),
            number(cell.interval.0, 3),
            number(cell.interval.1, 3),
            cell.values.len().to_string(),
        ]);
    }
    Some(Figure {
        name: stem(quantity, at, "spread"),
        title,
        caption,
        svg,
        table,
        frames: None,
        medium: Medium::Any,
    })
}

/// A text in lines of at most so many letters, broken between words, and within longer ones.
fn lines(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        let fits = |line: &&mut String| line.chars().count() + 1 + letters.len() <= most;
        if let Some(line) = lines.last_mut().filter(fits) {
            *line += " ";
            *line += word;
        } else {
            lines.extend(letters.chunks(most).map(|part| part.iter().collect::<String>()));
        }
    }
    lines
}

/// Means on a grid of two settings.
fn heat_map(cells: &[&Cell], quantity: &str, at: Place<'_>, x: &str, y: &str) -> Option<Figure> {
    let (columns, rows) = (distinct(cells, x), distinct(cells, y));
    let means: Vec<f64> = cells.iter().map(|c| c.mean).collect();
    let kind = scale(&means);
    let axis = Axis::over(kind, quantity, means)?;
    let caption = format!(
        "The mean of {quantity} at every combination of {x} and {y}; lighter is larger{}.",
        if kind == Scale::Log { ", on a logarithmic scale" } else { "" }
    );
    let title = format!("{}: a map over {x} and {y}", capital(quantity));
    let (left, top) = (86.0, 14.0);
    let width = (WIDTH - left - 14.0) / columns.len() as f64;
    let height = (260.0 / rows.len() as f64).clamp(16.0, 64.0);
    let bottom = top + height * rows.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + 58.0, &title, &caption);
    let mut table = Table::new(&[y, x, "mean", "from", "to"]);
    for (r, row) in rows.iter().enumerate() {
        // The largest value on top, as on an axis.
        let corner_y = bottom - height * (r as f64 + 1.0);
        svg.text("t e", (left - 8.0, corner_y + 0.5 * height + 4.0), &plain(*row));
        for (c, column) in columns.iter().enumerate() {
            let at = |cell: &&&Cell| {
                value(cell, x).total_cmp(column).is_eq() && value(cell, y).total_cmp(row).is_eq()
            };
            let Some(cell) = cells.iter().find(at) else { continue };
            let step = (axis.share(cell.mean) * STEPS as f64).clamp(0.0, STEPS as f64 - 1.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped; NaN is 0"
            )]
            let step = step as usize;
            let corner = (left + width * c as f64, corner_y);
            if cell.mean.is_finite() {
                svg.rectangle(&format!("h{step}"), corner, (width, height));
            }
            if width >= 40.0 {
                let class = if step >= STEPS / 2 { "hd m" } else { "hl m" };
                let place = (corner.0 + 0.5 * width, corner.1 + 0.5 * height + 4.5);
                svg.text(class, place, &number(cell.mean, 3));
            }
            table.rows.push(vec![
                plain(*row),
                plain(*column),
                number(cell.mean, 4),
                number(cell.interval.0, 3),
                number(cell.interval.1, 3),
            ]);
        }
    }
    for (c, column) in columns.iter().enumerate() {
        svg.text("t m", (left + width * (c as f64 + 0.5), bottom + 18.0), &plain(*column));
    }
    svg.text("m", (left + 0.5 * (WIDTH - left - 14.0), bottom + 42.0), x);
    svg.vertical_text((18.0, f64::midpoint(top, bottom)), y);
    Some(Figure {
        name: stem(quantity, at, "map"),
        title,
        caption,
        svg,
        table,
        frames: None,
        medium: Medium::Any,
    })
}
