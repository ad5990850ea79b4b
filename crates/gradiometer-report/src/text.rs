//! Numbers as text, for pages and for the terminal.

use gradiometer_files::digits::{lower_end, nearest, upper_end};
use gradiometer_theory::{Claim, Relation};

/// A share in per cent; a part is never rounded to the whole, nor something to nothing.
///
/// # Examples
/// ```
/// use gradiometer_report::percent;
/// assert_eq!([1.0, 0.99999, 0.125, 1e-9, 0.0].map(percent), ["100.0 %", "> 99.9 %", "12.5 %", "< 0.1 %", "0.0 %"]);
/// ```
pub fn percent(share: f64) -> String {
    let text = format!("{:.1} %", 100.0 * share);
    match text.as_str() {
        "100.0 %" if share < 1.0 => "> 99.9 %".to_owned(),
        "0.0 %" if share > 0.0 => "< 0.1 %".to_owned(),
        _ => text,
    }
}

/// Both sides of a claim with so many significant digits. Those of an inequality are rounded away from
/// each other, so that they claim no more than is known; those of an equality to nearest.
///
/// # Examples
/// ```
/// use gradiometer_report::sides;
/// use gradiometer_theory::{Claim, Known, Sides};
/// let known = |x| Known::computed(x, 0.0);
/// let claim = |sides| Claim::new("7.1", &sides);
/// assert_eq!(sides(&claim(Sides::at_most("a part", known(0.66667), known(0.77771))), 3), ["0.666", "0.778"]);
/// assert_eq!(sides(&claim(Sides::equal("a part", known(0.66667), known(0.66667))), 3), ["0.667", "0.667"]);
/// ```
pub fn sides(claim: &Claim, digits: usize) -> [String; 2] {
    match claim.relation {
        Relation::AtMost => [lower_end(claim.left, digits), upper_end(claim.right, digits)],
        Relation::Equal => [claim.left, claim.right].map(|x| nearest(x, digits)),
    }
}
