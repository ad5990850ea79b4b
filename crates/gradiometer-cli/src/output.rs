//! Results on standard output: a table for people, or one JSON object.

use crate::{Common, Failure};
use console::Term;
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{IsTerminal as _, Write};

/// A result in both forms.
#[derive(Debug)]
pub struct Report {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
}

impl Report {
    /// Prints the form that was asked for.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn print(&self, common: &Common) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        let written = if common.json {
            writeln!(out, "{:#}", self.json)
        } else {
            write!(out, "{}", folded(&self.text, columns()))
        };
        written.and_then(|()| out.flush()).map_err(Failure::Output)
    }
}

/// Columns that tables and remarks keep to where standard output is no terminal, and at least.
const COLUMNS: usize = 80;
/// Columns that they keep to on a wider terminal: longer lines of words are hard to read.
const MOST_COLUMNS: usize = 160;

/// The columns of standard output.
fn columns() -> usize {
    let width = Term::stdout().size_checked().map_or(COLUMNS, |(_rows, width)| width.into());
    width.clamp(COLUMNS, MOST_COLUMNS)
}
/// Least width that a column of text is folded to.
const LEAST: usize = 13;

/// Whether standard output shows colours: a terminal that can, whose user did not set NO_COLOR.
pub fn has_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    std::io::stdout().is_terminal()
        && allows_colour(set("NO_COLOR").is_some(), set("TERM").as_deref())
}

fn allows_colour(no_color: bool, term: Option<&OsStr>) -> bool {
    !no_color && term.is_some_and(|term| term != "dumb")
}

/// Rows of cells under a header, numbers to the right.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    verdicts: Vec<usize>,
    controls: Vec<usize>,
}

impl Table {
    /// A table with its header.
    pub fn new(header: &[&str]) -> Self {
        let header = header.iter().map(|&cell| cell.to_owned()).collect();
        Self { rows: vec![header], ..Self::default() }
    }

    /// The same with a column of verdicts, coloured where there are colours.
    #[must_use]
    pub fn with_verdicts(mut self, column: usize) -> Self {
        self.verdicts.push(column);
        self
    }

    /// The same with a column of negative controls, which are to be refuted.
    #[must_use]
    pub fn with_controls(mut self, column: usize) -> Self {
        self.controls.push(column);
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as lines, columns two spaces apart, or one where two would exceed the terminal; the first column to the left, the others to the
    /// right. If that does not do, the columns of words are folded, the widest first.
    pub fn text(&self) -> String {
        self.lines(has_colour(), columns())
    }

    fn lines(&self, colour: bool, columns: usize) -> String {
        let mut widths = self.widths();
        let total = |widths: &[usize], gap: usize| {
            widths.iter().sum::<usize>() + gap * widths.len().saturating_sub(1)
        };
        let gap = if total(&widths, 2) <= columns { 2 } else { 1 };
        let mut excess = total(&widths, gap).saturating_sub(columns);
        let words = |c: &usize| self.rows.iter().filter_map(|r| r.get(*c)).any(|x| x.contains(' '));
        let mut folded: Vec<usize> = (0..widths.len()).filter(words).collect();
        folded.sort_by_key(|c| std::cmp::Reverse(widths[*c]));
        for c in folded {
            let width = widths[c].saturating_sub(excess).max(LEAST.min(widths[c]));
            excess -= widths[c] - width;
            widths[c] = width;
        }
        // Then names, at their underscores, and in headings at their dots.
        for (c, width) in widths.iter_mut().enumerate() {
            let cells = self.rows.iter().enumerate().filter_map(|(r, row)| Some((row.get(c)?, r)));
            let longest =
                cells.flat_map(|(cell, r)| pieces(cell, r == 0).map(|p| p.chars().count()));
            let least = longest.max().unwrap_or(0);
            if excess > 0 && least < *width {
                let narrow = least.max(width.saturating_sub(excess));
                excess = excess.saturating_sub(*width - narrow);
                *width = narrow;
            }
        }
        let mut text = String::new();
        for (r, row) in self.rows.iter().enumerate() {
            let folded: Vec<Vec<String>> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| fold_cell(cell, *width, r == 0))
                .collect();
            let height = folded.iter().map(Vec::len).max().unwrap_or(0);
            for k in 0..height {
                let mut line = String::new();
                for (c, (lines, width)) in folded.iter().zip(&widths).enumerate() {
                    let cell = lines.get(k).map_or("", String::as_str);
                    let space = " ".repeat(width.saturating_sub(cell.chars().count()));
                    let painted = match self.tone(c, &row[c]) {
                        Some(tone) if colour && r > 0 => format!("\x1b[{tone}m{cell}\x1b[0m"),
                        _ => cell.to_owned(),
                    };
                    if c > 0 {
                        line.push_str(&" ".repeat(gap));
                    }
                    line.push_str(&if c == 0 { painted + &space } else { space + &painted });
                }
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |c: usize| self.rows.iter().filter_map(|r| r.get(c)).map(|x| x.chars().count()).max();
        (0..columns).map(|c| width(c).unwrap_or(0)).collect()
    }

    /// The colour of a cell: green as it should be, red against it, yellow undecided.
    fn tone(&self, column: usize, cell: &str) -> Option<u8> {
        const GREEN: u8 = 32;
        const RED: u8 = 31;
        const YELLOW: u8 = 33;
        if self.controls.contains(&column) {
            return Some(if cell.contains("NOT") { RED } else { GREEN });
        }
        if !self.verdicts.contains(&column) {
            return None;
        }
        // An inapplicable claim says why after a colon.
        let verdict = cell.split(':').next().unwrap_or(cell);
        Some(match verdict {
            "holds" | "proved" | "yes" | "0" => GREEN,
            "inconclusive" | "inapplicable" | "-" => YELLOW,
            _ => RED,
        })
    }
}

/// The parts of a name such as `teacher.mean_angle`, with what ends them; words are one part.
fn pieces(name: &str, is_heading: bool) -> impl Iterator<Item = &str> {
    let is_name = !name.contains(' ');
    name.split_inclusive(move |c| is_name && (c == '_' || is_heading && c == '.'))
}

/// A cell in lines of at most so many characters; a name breaks at its pieces.
fn fold_cell(cell: &str, width: usize, is_heading: bool) -> Vec<String> {
    if cell.contains(' ') || cell.chars().count() <= width {
        return fold(cell, width);
    }
    let mut lines = vec![String::new()];
    for piece in pieces(cell, is_heading) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + piece.chars().count() <= width => {
                line.push_str(piece);
            }
            _ => lines.push(piece.to_owned()),
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// Words in lines of at most so many characters, longer words alone; blanks at the start of a text are kept.
fn fold(text: &str, width: usize) -> Vec<String> {
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let length = word.chars().count();
        let Some(line) = lines.last_mut() else { continue };
        let begun = line.chars().count();
        if begun > 0 && begun + 1 + length > width {
            lines.push(word.to_owned());
        } else {
            if begun > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// The text with lines of more columns folded, continued ones set in by two. Lines with colours are a table's, which has folded them.
fn folded(text: &str, columns: usize) -> String {
    let mut folded = String::new();
    for line in text.lines() {
        if line.chars().count() <= columns || line.contains('\x1b') {
            folded.push_str(line);
            folded.push('\n');
            continue;
        }
        for (k, part) in fold(line, columns - 2).iter().enumerate() {
            folded.push_str(if k > 0 { "  " } else { "" });
            folded.push_str(part);
            folded.push('\n');
        }
    }
    folded
}

/// A number with the given significant digits: plain between 0.001 and 100000, else scientific; a dash for NaN.
pub fn scientific(x: f64, digits: usize) -> String {
    let size = x.abs();
    if size <= 0.0 {
        "0".to_owned()
    } else if x.is_nan() {
        "-".to_owned()
    } else if (1e-3..1e5).contains(&size) {
        let mut places = digits.saturating_sub(1);
        let mut bound = 10.0;
        while size >= bound && places > 0 {
            places -= 1;
            bound *= 10.0;
        }
        let mut small = 1.0;
        while size < small {
            places += 1;
            small /= 10.0;
        }
        format!("{x:.places$}")
    } else {
        format!("{x:.*e}", digits.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        for (x, digits, text) in [
            (0.0, 3, "0"),
            (1.0, 3, "1.00"),
            (12.345, 3, "12.3"),
            (99999.0, 3, "99999"),
            (0.012345, 3, "0.0123"),
            (1.0e-10, 2, "1.0e-10"),
            (-2.5e7, 2, "-2.5e7"),
            (f64::NAN, 2, "-"),
        ] {
            assert_eq!(scientific(x, digits), text);
        }
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["id", "value"]);
        table.row(vec!["long name".to_owned(), "1".to_owned()]);
        assert_eq!(table.lines(false, COLUMNS), "id         value\nlong name      1\n");
    }

    #[test]
    fn a_wide_table_is_folded_to_eighty_columns() {
        let mut table = Table::new(&["id", "part", "left", "right"]);
        let words =
            "a part whose name is much longer than what a terminal of eighty columns has room for";
        table.row(vec![
            "7.10".to_owned(),
            words.to_owned(),
            "1.25e-10".to_owned(),
            "0.5".to_owned(),
        ]);
        let text = table.lines(false, COLUMNS);
        assert!(
            text.lines().count() > 2 && text.lines().all(|l| l.chars().count() <= 80),
            "{text}"
        );
        // A wider terminal has room for it.
        assert_eq!(table.lines(false, 160).lines().count(), 2);
        let all: Vec<&str> = text.split_whitespace().collect();
        assert!(words.split(' ').all(|word| all.contains(&word)), "{text}");
        let long = folded(&format!("{words}\n\n{words}"), COLUMNS);
        assert!(long.lines().all(|line| line.len() <= 80) && long.lines().count() == 5, "{long}");
    }

    #[test]
    fn names_break_where_there_is_no_room() {
        let header =
            ["point", "teacher.dimension", "student.neurons", "gradient_norm", "worst_angle"];
        let mut table = Table::new(&header);
        table.row(["0", "50", "200", "1.49e-2", "0.232"].map(str::to_owned).to_vec());
        assert_eq!(table.lines(false, COLUMNS).lines().count(), 2, "there is room in one line");
        let narrow = table.lines(false, 50);
        assert!(narrow.lines().all(|line| line.chars().count() <= 50), "{narrow}");
        let words: Vec<&str> = narrow.split_whitespace().collect();
        for piece in ["teacher.", "dimension", "1.49e-2"] {
            assert!(words.contains(&piece), "{narrow}");
        }
        // A number is never broken, and a heading of words only between them.
        assert_eq!(fold_cell("1.49e-2", 3, false), ["1.49e-2"]);
        assert_eq!(fold_cell("frozen_without_decay", 14, false), ["frozen_", "without_decay"]);
        assert_eq!(fold_cell("loss L", 3, true), ["loss", "L"]);
    }

    #[test]
    fn verdicts_have_colours_only_where_there_are_any() {
        let mut table = Table::new(&["id", "verdict", "control"]).with_verdicts(1).with_controls(2);
        for (verdict, control) in
            [("holds", "refuted/3"), ("refuted", "NOT REFUTED/3"), ("inconclusive", "refuted/9")]
        {
            table.row(vec!["7.1".to_owned(), verdict.to_owned(), control.to_owned()]);
        }
        let plain = table.lines(false, COLUMNS);
        assert!(!plain.contains('\x1b'));
        let painted = table.lines(true, COLUMNS);
        for part in [
            "\x1b[32mholds\x1b[0m",
            "\x1b[31mrefuted\x1b[0m",
            "\x1b[33minconclusive\x1b[0m",
            "\x1b[31mNOT REFUTED/3\x1b[0m",
            "\x1b[32mrefuted/3\x1b[0m",
        ] {
            assert!(painted.contains(part), "{painted}");
        }
        // Without the colours it is the same table.
        let mut stripped = painted;
        for code in ["\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[0m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, plain);
        assert!(allows_colour(false, Some("xterm".as_ref())));
        assert!(!allows_colour(true, Some("xterm".as_ref())));
        assert!(!allows_colour(false, Some("dumb".as_ref())) && !allows_colour(false, None));
    }
}
