//! The table `[sweep]`: lists, ranges and formulas of fields, and the numbers of the points.

use super::expression::evaluate;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// Most points of a sweep.
const MOST_POINTS: usize = 1_000_000;
/// Names that formulas may use in place of a field's.
const SHORT: [(&str, &str); 6] = [
    ("d", "teacher.dimension"),
    ("r", "teacher.rank"),
    ("m", "student.neurons"),
    ("n", "samples.count"),
    ("lambda", "stage3.lambda"),
    ("eta", "stage3.step_size"),
];

/// What a point leaves behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Keep {
    /// Its run folder.
    #[default]
    Runs,
    /// Its row and its manifest alone.
    Rows,
}

/// A field of the experiment and the values that it takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Axis {
    pub(super) field: String,
    pub(super) values: Vec<Value>,
}

/// A field that follows from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Derived {
    pub(super) field: String,
    pub(super) formula: String,
}

/// What is wrong with the grid: the field and the mend.
pub(super) type Mistake = (String, String);

/// A range of values, both ends included.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    from: Value,
    to: Value,
    count: usize,
    #[serde(default)]
    log: bool,
}

impl Range {
    /// The values: whole where both ends are; of a logarithmic one to 15 digits, so that they read well.
    fn values(&self) -> Result<Vec<Value>, String> {
        let number = |value: &Value| value.as_float().or(value.as_integer().map(|i| i as f64));
        let (Some(from), Some(to)) = (number(&self.from), number(&self.to)) else {
            return Err("from and to are numbers".to_owned());
        };
        if self.log && !(from > 0.0 && to > 0.0) {
            return Err("a logarithmic range has positive ends".to_owned());
        }
        if self.count < 2 {
            return Err("count is at least 2, for both ends".to_owned());
        }
        if self.count > MOST_POINTS {
            return Err("count is at most a million".to_owned());
        }
        let last = self.count - 1;
        let value = |i: usize| {
            if i == last {
                return Ok(to);
            }
            let share = i as f64 / last as f64;
            let x =
                if self.log { from * (to / from).powf(share) } else { from + (to - from) * share };
            // Digits beyond the fifteenth are rounding.
            if i == 0 { Ok(from) } else { format!("{x:.14e}").parse::<f64>() }
        };
        let whole = self.from.is_integer() && self.to.is_integer();
        (0..self.count)
            .map(|i| match value(i) {
                Ok(x) if whole => as_whole(x)
                    .map(Value::Integer)
                    .ok_or("whole numbers are less than 2^63".to_owned()),
                Ok(x) if x.is_finite() => Ok(Value::Float(x)),
                _ => Err("from and to are finite".to_owned()),
            })
            .collect()
    }
}

/// A grid: what each field takes, and what follows from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Grid {
    pub(super) keep: Keep,
    pub(super) axes: Vec<Axis>,
    pub(super) derived: Vec<Derived>,
}

impl Grid {
    /// The grid of a table `[sweep]`.
    pub(super) fn parse(mut table: Table) -> Result<Self, Mistake> {
        let mut grid = Self::default();
        if let Some(keep) = table.remove("keep") {
            let mistake = |_no_name| {
                let problem = "is neither \"runs\", all folders, nor \"rows\", results alone";
                ("keep".to_owned(), problem.to_owned())
            };
            grid.keep = keep.try_into().map_err(mistake)?;
        }
        grid.flatten("", table)?;
        grid.axes.sort_by(|x, y| x.field.cmp(&y.field));
        grid.derived.sort_by(|x, y| x.field.cmp(&y.field));
        let mut fields: Vec<&String> = grid.fields().collect();
        fields.sort();
        if let Some(pair) = fields.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err((pair[0].clone(), "is there twice; once will do".to_owned()));
        }
        let count = grid.axes.iter().try_fold(1_usize, |n, axis| n.checked_mul(axis.values.len()));
        if count.is_none_or(|count| count > MOST_POINTS) {
            let problem = "has more than a million points; make its lists shorter";
            return Err((String::new(), problem.to_owned()));
        }
        Ok(grid)
    }

    /// Adds the fields of nested tables by their dotted names.
    fn flatten(&mut self, prefix: &str, table: Table) -> Result<(), Mistake> {
        for (key, value) in table {
            let field = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            let values = match value {
                Value::Table(table) if table.contains_key("from") => {
                    let range: Range = table
                        .try_into()
                        .map_err(|error| format!("is no range ({error})"))
                        .map_err(|problem| (field.clone(), with_range(&problem)))?;
                    range.values().map_err(|problem| (field.clone(), with_range(&problem)))?
                }
                Value::Table(table) => {
                    self.flatten(&field, table)?;
                    continue;
                }
                Value::String(formula) => {
                    self.derived.push(Derived { field, formula });
                    continue;
                }
                Value::Array(values) if !values.is_empty() => values,
                _ => {
                    let problem = "is no list of values; give at least one in brackets, a range { from, to, count }, or a formula in quotes";
                    return Err((field, problem.to_owned()));
                }
            };
            if let Some(twice) = (1..values.len()).find(|&i| values[..i].contains(&values[i])) {
                return Err((field, format!("holds {} twice; once will do", values[twice])));
            }
            self.axes.push(Axis { field, values });
        }
        Ok(())
    }

    /// Its fields, those of the axes first.
    pub(super) fn fields(&self) -> impl Iterator<Item = &String> {
        let axes = self.axes.iter().map(|axis| &axis.field);
        axes.chain(self.derived.iter().map(|derived| &derived.field))
    }

    /// Number of points.
    pub(super) fn points(&self) -> usize {
        points(&self.axes)
    }

    /// The values of the point in that place of the grid, the last field fastest.
    pub(super) fn values(&self, place: usize) -> Vec<&Value> {
        digits(&self.axes, place).into_iter().zip(&self.axes).map(|(i, a)| &a.values[i]).collect()
    }

    /// The values of the derived fields, from a table that holds all others.
    pub(super) fn derive(&self, table: &Table) -> Result<Vec<Value>, Mistake> {
        let number = |name: &str| {
            let short = SHORT.iter().find(|(short, _)| *short == name);
            let mut value = None;
            let mut at = Some(table);
            for part in short.map_or(name, |(_, field)| field).split('.') {
                value = at.and_then(|table| table.get(part));
                at = value.and_then(Value::as_table);
            }
            value.and_then(|v| v.as_float().or(v.as_integer().map(|i| i as f64)))
        };
        self.derived
            .iter()
            .map(|Derived { field, formula }| {
                let x = evaluate(formula, &number)
                    .map_err(|problem| (field.clone(), format!("{formula:?} {problem}")))?;
                let whole = if x.fract().abs() <= 0.0 { as_whole(x) } else { None };
                Ok(whole.map_or(Value::Float(x), Value::Integer))
            })
            .collect()
    }
}

/// The nearest whole number, if TOML has it.
fn as_whole(x: f64) -> Option<i64> {
    format!("{x:.0}").parse().ok()
}

fn with_range(problem: &str) -> String {
    format!("{problem}; give {{ from = 1, to = 9, count = 5 }}, with log = true for equal ratios")
}

fn points(axes: &[Axis]) -> usize {
    axes.iter().map(|axis| axis.values.len()).product()
}

/// For each field the index of its value, at that place of a grid.
fn digits(axes: &[Axis], place: usize) -> Vec<usize> {
    let mut rest = place;
    let mut digits = vec![0; axes.len()];
    for (digit, axis) in digits.iter_mut().zip(axes).rev() {
        *digit = rest % axis.values.len();
        rest /= axis.values.len();
    }
    digits
}

/// Whether all points of one grid are points of another on the same fields.
pub(super) fn contains(large: &[Axis], small: &[Axis]) -> bool {
    large.len() == small.len()
        && large.iter().zip(small).all(|(x, y)| {
            x.field == y.field && y.values.iter().all(|value| x.values.contains(value))
        })
}

/// The places in the last of some grids, each of which contains the one before, in the order of
/// the points' numbers: those of the first grid, then those that each next one adds.
pub(super) fn places(earlier: &[Vec<Axis>], last: &[Axis]) -> Vec<usize> {
    let mut places = Vec::with_capacity(points(last));
    let grids = earlier.iter().map(Vec::as_slice).chain([last]);
    let mut before: Option<&[Axis]> = None;
    for grid in grids {
        // For each field, where its values are in the last grid, and whether the grid before has them.
        let find = |values: &[Value], value: &Value| values.iter().position(|x| x == value);
        let axes: Vec<Vec<(usize, bool)>> = grid
            .iter()
            .enumerate()
            .map(|(k, axis)| {
                let old = |value| before.is_some_and(|axes| find(&axes[k].values, value).is_some());
                let place = |value| find(&last[k].values, value).unwrap_or_default();
                axis.values.iter().map(|value| (place(value), old(value))).collect()
            })
            .collect();
        for number in 0..points(grid) {
            let cells = digits(grid, number).into_iter().zip(&axes).map(|(i, axis)| axis[i]);
            let (mut place, mut is_old) = (0, before.is_some());
            for ((at, old), axis) in cells.zip(last) {
                place = place * axis.values.len() + at;
                is_old &= old;
            }
            if !is_old {
                places.push(place);
            }
        }
        before = Some(grid);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(text: &str) -> Result<Grid, Mistake> {
        Grid::parse(text.parse().unwrap())
    }

    fn values(text: &str) -> String {
        let grid = grid(text).unwrap();
        grid.axes[0].values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ranges_have_their_ends_and_a_count() {
        for (range, expected) in [
            ("{ from = 1e-3, to = 1e-1, count = 3, log = true }", "0.001 0.01 0.1"),
            ("{ from = 1e-1, to = 1e-3, count = 3, log = true }", "0.1 0.01 0.001"),
            ("{ from = 0.0, to = 0.3, count = 4 }", "0.0 0.1 0.2 0.3"),
            ("{ from = 10, to = 40, count = 4 }", "10 20 30 40"),
            ("{ from = 1, to = 1000, count = 4, log = true }", "1 10 100 1000"),
            ("{ from = 1, to = 10, count = 4, log = true }", "1 2 5 10"),
        ] {
            assert_eq!(values(&format!("x = {range}")), expected, "{range}");
        }
        for (range, part) in [
            ("{ from = 1, to = 2 }", "count"),
            ("{ from = 1, to = 2, count = 1 }", "at least 2"),
            ("{ from = 0, to = 2, count = 3, log = true }", "positive"),
            ("{ from = 1, to = 2, count = 3, step = 1 }", "step"),
            ("{ from = \"a\", to = 2, count = 3 }", "numbers"),
            ("{ from = 1, to = 2, count = 5 }", "twice"),
            ("{ from = 1.0, to = inf, count = 3 }", "finite"),
            ("{ from = 1.0, to = 2.0, count = 9000000000 }", "million"),
        ] {
            let (field, problem) = grid(&format!("x.y = {range}")).unwrap_err();
            assert!(field == "x.y" && problem.contains(part), "{range}: {problem}");
        }
    }

    #[test]
    fn derived_fields_follow_from_the_others() {
        let grid = grid("a.b = \"4 * d\"\nx = \"lambda / 3\"\nseed = [1, 2]").unwrap();
        let table = "[teacher]\ndimension = 10\n[stage3]\nlambda = 0.5\n".parse().unwrap();
        assert_eq!(grid.derive(&table).unwrap(), [Value::Integer(40), Value::Float(0.5 / 3.0)]);
        let (field, problem) = grid.derive(&Table::new()).unwrap_err();
        assert!(field == "a.b" && problem.contains("needs d"), "{problem}");
        assert_eq!(grid.fields().collect::<Vec<_>>(), ["seed", "a.b", "x"]);
    }

    #[test]
    fn points_keep_their_numbers_when_a_grid_grows() {
        let axes = |text: &str| grid(text).unwrap().axes;
        let first = axes("x = [1, 2]\ny = [5, 6]");
        let second = axes("x = [1, 2]\ny = [4, 5, 6]");
        let third = axes("x = [2, 3, 1]\ny = [4, 5, 6]");
        assert!(contains(&third, &second) && contains(&second, &first));
        assert!(!contains(&first, &second) && !contains(&axes("x = [1, 2]"), &first));
        // A fresh grid has the order of its own.
        assert_eq!(places(&[], &third), (0..9).collect::<Vec<_>>());
        // In the third grid x = 2, 3, 1 begin at 0, 3, 6 and y = 4, 5, 6 add 0, 1, 2.
        let grown = places(&[first, second], &third);
        assert_eq!(grown, [7, 8, 1, 2, 6, 0, 3, 4, 5]);
    }
}
