//! Numbers as text that claims no more than is known: ends of intervals rounded outward, and no
//! digits beyond an error bound.

/// Digits after which any double's expansion has ended.
const ALL: usize = 800;
/// Digits that tell doubles apart.
const MOST: usize = 17;

/// A number that is claimed as a lower end: rounded down to so many significant digits.
pub fn lower_end(x: f64, digits: usize) -> String {
    rounded(x, digits, Towards::Below)
}

/// A number that is claimed as an upper end: rounded up to so many significant digits.
pub fn upper_end(x: f64, digits: usize) -> String {
    rounded(x, digits, Towards::Above)
}

/// A number rounded to nearest, to so many significant digits.
pub fn nearest(x: f64, digits: usize) -> String {
    rounded(x, digits, Towards::Nearest)
}

/// A number with as many significant digits as its error leaves, at most `most` and at least one:
/// the last one stands for no less than the error.
pub fn with_supported_digits(x: f64, error: f64, most: usize) -> String {
    rounded(x, supported(x, error).min(most), Towards::Nearest)
}

/// How many digits of a number its error leaves.
fn supported(x: f64, error: f64) -> usize {
    let left = match (decimal_exponent(x), decimal_exponent(error)) {
        (_, None) => MOST,
        (None, Some(_)) => 1,
        (Some(value), Some(error)) => usize::try_from(value - error).unwrap_or(0),
    };
    left.clamp(1, MOST)
}

/// `e` with `10^e <= |x| < 10^(e + 1)`, none for zero and what is not finite.
fn decimal_exponent(x: f64) -> Option<i32> {
    Decimal::of(x, ALL).map(|decimal| decimal.exponent)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    Below,
    Above,
    Nearest,
}

/// Significant digits, the first not zero, with the power of ten of the first.
struct Decimal {
    digits: Vec<u8>,
    exponent: i32,
}

impl Decimal {
    /// `|x|` rounded to nearest; exact with [`ALL`] digits. None for zero and what is not finite.
    fn of(x: f64, digits: usize) -> Option<Self> {
        if !(x.abs() > 0.0 && x.is_finite()) {
            return None;
        }
        let text = format!("{:.*e}", digits.max(1) - 1, x.abs());
        let (mantissa, exponent) = text.split_once('e')?;
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
        Some(Self { digits, exponent: exponent.parse().ok()? })
    }

    /// The first so many digits, one more in the last place if `away` and any of the others counts.
    fn cut(mut self, digits: usize, away: bool) -> Self {
        let rest = self.digits.split_off(digits.min(self.digits.len()));
        if away && rest.iter().any(|d| *d > 0) {
            for place in (0..self.digits.len()).rev() {
                if self.digits[place] < 9 {
                    self.digits[place] += 1;
                    return self;
                }
                self.digits[place] = 0;
            }
            self.digits.insert(0, 1);
            self.digits.pop();
            self.exponent += 1;
        }
        self
    }

    /// Plain between a thousandth and a hundred thousand, else scientific.
    fn text(&self) -> String {
        let all: String = self.digits.iter().map(|d| char::from(b'0' + d)).collect();
        let point = |text: &str, at: usize| {
            let (whole, rest) = text.split_at(at);
            if rest.is_empty() { whole.to_owned() } else { format!("{whole}.{rest}") }
        };
        match usize::try_from(self.exponent) {
            Ok(e) if e < 5 && e < all.len() => point(&all, e + 1),
            Err(_) if self.exponent >= -3 => {
                let zeros = "0".repeat(usize::try_from(-1 - self.exponent).unwrap_or(0));
                format!("0.{zeros}{all}")
            }
            _ => format!("{}e{}", point(&all, 1), self.exponent),
        }
    }
}

fn rounded(x: f64, digits: usize, towards: Towards) -> String {
    let away = match towards {
        Towards::Below => x < 0.0,
        Towards::Above => x > 0.0,
        Towards::Nearest => false,
    };
    let decimal = if towards == Towards::Nearest {
        Decimal::of(x, digits)
    } else {
        Decimal::of(x, ALL).map(|decimal| decimal.cut(digits.max(1), away))
    };
    match decimal {
        Some(decimal) => format!("{}{}", if x < 0.0 { "-" } else { "" }, decimal.text()),
        None if x.is_nan() => "-".to_owned(),
        None if x.is_infinite() => x.to_string(),
        None => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_rounded_outward() {
        for (x, digits, below, above) in [
            // The case that was reported: 0.31935256 proved, 0.319353 printed.
            (0.31935256, 6, "0.319352", "0.319353"),
            (-0.31935256, 6, "-0.319353", "-0.319352"),
            (0.5, 3, "0.500", "0.500"),
            // A tenth is a little more than 0.1, three tenths a little less than 0.3.
            (0.1, 3, "0.100", "0.101"),
            (0.3, 3, "0.299", "0.300"),
            (9.9996, 4, "9.999", "10.00"),
            (99999.5, 3, "9.99e4", "1.00e5"),
            (1.5e-7, 1, "1e-7", "2e-7"),
            (5e-324, 2, "4.9e-324", "5.0e-324"),
            (f64::MAX, 2, "1.7e308", "1.8e308"),
            (0.0, 3, "0", "0"),
            (0.0010009, 2, "0.0010", "0.0011"),
            (12345.0, 5, "12345", "12345"),
            (f64::INFINITY, 2, "inf", "inf"),
            (f64::NAN, 2, "-", "-"),
        ] {
            assert_eq!(lower_end(x, digits), below, "{x:e}");
            assert_eq!(upper_end(x, digits), above, "{x:e}");
        }
    }

    #[test]
    fn digits_stop_where_the_error_begins() {
        for (value, error, most, text) in [
            (0.0533097301177517, 1.4e-17, 17, "0.0533097301177517"),
            (0.0533097301177517, 6.9e-10, 17, "0.053309730"),
            (0.0533097301177517, 6.9e-10, 4, "0.05331"),
            (1.25, 0.0, 17, "1.2500000000000000"),
            (1.0, 3.0, 17, "1"),
            (0.0, 5e-324, 17, "0"),
            (3.449834951e-313, 5e-324, 17, "3.4498349510e-313"),
            (-2.5e7, 1.0, 17, "-2.500000e7"),
            (f64::INFINITY, f64::INFINITY, 17, "inf"),
        ] {
            assert_eq!(with_supported_digits(value, error, most), text, "{value:e}");
        }
    }
}
