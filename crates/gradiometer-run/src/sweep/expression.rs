//! Formulas of derived fields: `4 * d`, `sqrt(n) / stage3.steps`.
//!
//! ```text
//! sum     = product { ("+" | "-") product }
//! product = signed { ("*" | "/") signed }
//! signed  = "-" signed | power
//! power   = atom [ "^" signed ]
//! atom    = number | name | function "(" sum { "," sum } ")" | "(" sum ")"
//! ```

use gradiometer_hermite::float::{maximum, minimum};

/// Longest formula, which bounds how deep its brackets nest.
const LONGEST: usize = 200;

/// The value of a formula, its names looked up; the error says what is wrong with it.
pub(super) fn evaluate(formula: &str, value: &dyn Fn(&str) -> Option<f64>) -> Result<f64, String> {
    if formula.len() > LONGEST {
        return Err(format!("is longer than {LONGEST} characters; make it shorter"));
    }
    let mut reader = Reader { rest: formula.trim_start(), value };
    let found = reader.sum()?;
    match reader.rest.chars().next() {
        Some(c) => Err(format!("has {c:?} where the formula should end")),
        None if found.is_finite() => Ok(found),
        None => Err(format!("is {found}; it must be finite")),
    }
}

struct Reader<'a> {
    rest: &'a str,
    value: &'a dyn Fn(&str) -> Option<f64>,
}

impl<'a> Reader<'a> {
    /// Takes one of some signs, if it comes next.
    fn sign(&mut self, signs: &str) -> Option<char> {
        let next = self.rest.chars().next().filter(|c| signs.contains(*c))?;
        self.rest = self.rest[next.len_utf8()..].trim_start();
        Some(next)
    }

    /// Takes what comes next as long as a condition holds of it.
    fn take(&mut self, belongs: impl Fn(usize, char) -> bool) -> &'a str {
        let end = self.rest.char_indices().find(|(at, c)| !belongs(*at, *c));
        let (taken, rest) = self.rest.split_at(end.map_or(self.rest.len(), |(at, _)| at));
        self.rest = rest.trim_start();
        taken
    }

    fn sum(&mut self) -> Result<f64, String> {
        let mut total = self.product()?;
        while let Some(sign) = self.sign("+-") {
            let next = self.product()?;
            total = if sign == '+' { total + next } else { total - next };
        }
        Ok(total)
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut total = self.signed()?;
        while let Some(sign) = self.sign("*/") {
            let next = self.signed()?;
            total = if sign == '*' { total * next } else { total / next };
        }
        Ok(total)
    }

    fn signed(&mut self) -> Result<f64, String> {
        if self.sign("-").is_some() {
            return Ok(-self.signed()?);
        }
        let base = self.atom()?;
        if self.sign("^").is_some() { Ok(base.powf(self.signed()?)) } else { Ok(base) }
    }

    fn atom(&mut self) -> Result<f64, String> {
        if self.sign("(").is_some() {
            let inner = self.sum()?;
            return self.close().map(|()| inner);
        }
        let rest = self.rest;
        if rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            let after_e = |at: usize| at > 0 && matches!(rest.as_bytes()[at - 1], b'e' | b'E');
            let text = self.take(|at, c| {
                c.is_ascii_digit() || ".eE".contains(c) || "+-".contains(c) && after_e(at)
            });
            return text.parse().map_err(|_no_number| format!("has {text:?}, which is no number"));
        }
        let name = self.take(|_, c| c.is_ascii_alphanumeric() || "._".contains(c));
        if name.is_empty() {
            let found = rest.chars().next().map_or("its end".to_owned(), |c| format!("{c:?}"));
            return Err(format!("has {found} where a number, a field or a bracket is expected"));
        }
        if self.sign("(").is_none() {
            return (self.value)(name).ok_or_else(|| {
                format!("needs {name}, which is no number that the experiment or the grid gives")
            });
        }
        let mut arguments = vec![self.sum()?];
        while self.sign(",").is_some() {
            arguments.push(self.sum()?);
        }
        self.close()?;
        match (name, arguments.as_slice()) {
            ("sqrt", [x]) => Ok(x.sqrt()),
            ("exp", [x]) => Ok(x.exp()),
            ("log", [x]) => Ok(x.ln()),
            ("floor", [x]) => Ok(x.floor()),
            ("ceil", [x]) => Ok(x.ceil()),
            ("round", [x]) => Ok(x.round()),
            ("min", [x, y]) => Ok(minimum(*x, *y)),
            ("max", [x, y]) => Ok(maximum(*x, *y)),
            _ => Err(format!(
                "has {name} of {} arguments; there are sqrt, exp, log, floor, ceil, round of one, min and max of two",
                arguments.len()
            )),
        }
    }

    fn close(&mut self) -> Result<(), String> {
        self.sign(")").map(|_bracket| ()).ok_or_else(|| "lacks a closing bracket".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::evaluate;

    fn of(formula: &str) -> Result<f64, String> {
        evaluate(formula, &|name| match name {
            "d" => Some(10.0),
            "stage3.lambda" => Some(0.25),
            _ => None,
        })
    }

    #[test]
    fn formulas_have_the_usual_order() {
        for (formula, value) in [
            ("4 * d", 40.0_f64),
            ("2 + 3*4 - 1", 13.0),
            ("2 - 3 - 4", -5.0),
            ("64 / 4 / 2", 8.0),
            ("-2^2", -4.0),
            ("2^3^2", 512.0),
            ("2^-1", 0.5),
            (" ( 2+3 ) * 4", 20.0),
            ("1e-2 * d", 0.1),
            ("2.5E+1", 25.0),
            ("sqrt(stage3.lambda)", 0.5),
            ("min(d, 3) + max(1, 2)", 5.0),
            ("round(d / 3) + floor(2.5) + ceil(2.5)", 8.0),
            ("log(exp(2))", 2.0),
        ] {
            assert_eq!(of(formula).map(f64::to_bits), Ok(value.to_bits()), "{formula}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (formula, part) in [
            ("", "its end"),
            ("4 *", "its end"),
            ("4 d", "'d'"),
            ("m", "needs m"),
            ("(4", "closing"),
            ("4)", "')'"),
            ("1.2.3", "no number"),
            ("sin(1)", "sqrt"),
            ("sqrt(1, 2)", "2 arguments"),
            ("1 / 0", "finite"),
            ("d & 2", "'&'"),
            (&"(".repeat(300), "longer"),
        ] {
            let error = of(formula).unwrap_err();
            assert!(error.contains(part), "{formula}: {error}");
        }
    }
}
