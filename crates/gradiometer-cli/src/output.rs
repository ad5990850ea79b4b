//! Results on standard output: a table for people, or one JSON object.

use crate::{Common, Failure};
use serde_json::Value;
use std::io::Write;

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
            write!(out, "{}", self.text)
        };
        written.and_then(|()| out.flush()).map_err(Failure::Output)
    }
}

/// Rows of cells under a header, numbers to the right.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with its header.
    pub fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as lines, columns two spaces apart; the first column to the left, the others to the right.
    pub fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |c: usize| self.rows.iter().filter_map(|r| r.get(c)).map(|x| x.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|c| width(c).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(c, cell)| {
                    let width = widths[c];
                    if c == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                })
                .collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
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
        assert_eq!(table.text(), "id         value\nlong name      1\n");
    }
}
