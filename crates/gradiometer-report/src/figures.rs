//! The figures of a report, each with its file's name, a caption that says what to see, and its
//! numbers as a table.

pub(crate) mod certificate;
pub(crate) mod claims;
pub(crate) mod comparison;
pub(crate) mod descent;
pub(crate) mod neurons;
pub(crate) mod study;
pub(crate) mod trajectory;
pub(crate) mod verify;

use super::svg::Svg;
use serde_json::Value;

/// A figure.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// The file's stem; unique in a report.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) caption: String,
    pub(crate) svg: Svg,
    pub(crate) table: Table,
    /// What moves with the slider: the frames of [`neurons`].
    pub(crate) frames: Option<Value>,
    pub(crate) medium: Medium,
}

/// Where a figure is shown on a page; its file is written anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    Any,
    /// What moves, where paper has pictures of its moments.
    Screen,
    Paper,
}

/// Numbers under their names; the first column is text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Rows of a figure's table at most; a longer one keeps every so many and the last.
const MOST_ROWS: usize = 48;

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// A table of curves over a common first column.
    pub(crate) fn of_points(header: &[&str], points: &[Vec<f64>]) -> Self {
        let mut table = Self::new(header);
        for at in thinned(points.len(), MOST_ROWS) {
            table.rows.push(points[at].iter().map(|x| number(*x, 4)).collect());
        }
        table
    }
}

/// Evenly spaced indices below `count`, at most `most` of them, the first and the last among them.
pub(crate) fn thinned(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    let last = most.saturating_sub(1).max(1);
    (0..=last).map(|k| k * (count - 1) / last).collect()
}

/// A number for people with so many significant digits: `0.0123`, `1.2×10⁻³`; a dash for NaN.
pub(crate) fn number(x: f64, digits: usize) -> String {
    if x.is_nan() {
        return "–".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    if !(x.abs() > 0.0) {
        return "0".to_owned();
    }
    let text = format!("{x:.*e}", digits.saturating_sub(1));
    let (_, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    if (-3..5).contains(&power) {
        let most = i32::try_from(digits).unwrap_or(0) - 1 - power;
        let places = usize::try_from(most).unwrap_or(0);
        return typeset(&format!("{x:.places$}"));
    }
    typeset(&text)
}

/// A number that is text already, with a raised exponent and a minus sign: `1.2e-3` as `1.2×10⁻³`; a
/// dash for none.
pub(crate) fn typeset(text: &str) -> String {
    match text {
        "-" => return "–".to_owned(),
        "inf" | "-inf" => return text.replace("inf", "∞").replace('-', "−"),
        _ => {}
    }
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, ""));
    let mantissa = mantissa.replace('-', "−");
    if exponent.is_empty() {
        return mantissa;
    }
    format!("{mantissa}×10{}", raised(exponent))
}

/// A whole number as an exponent.
pub(crate) fn raised(exponent: &str) -> String {
    exponent.chars().map(superscript).collect()
}

fn superscript(c: char) -> char {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    match c {
        '-' => '⁻',
        c => c.to_digit(10).and_then(|d| DIGITS.get(d as usize)).copied().unwrap_or(c),
    }
}

/// `u` with the index of a teacher below the line, counted from 0 as in the files.
pub(crate) fn teacher_name(index: usize) -> String {
    let below = |c: char| c.to_digit(10).and_then(|d| char::from_u32(0x2080 + d)).unwrap_or(c);
    format!("u{}", index.to_string().chars().map(below).collect::<String>())
}

#[cfg(test)]
mod tests;
