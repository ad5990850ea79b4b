//! Proved values of `F_k(y) = E[h_k(z) 1{g(z) <= y}]` (11.8.1) from an interval extension of `g`
//! alone.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::{maximum, minimum};

/// How finely level sets are resolved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// Cells of half the width are not split further; in units of `z`.
    pub narrowest: f64,
    /// The half line's cut: what lies beyond is bounded.
    pub reach: f64,
    /// At most so many cells: what is left then stays undecided.
    pub cells: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { narrowest: 2.0_f64.powi(-46), reach: 13.0, cells: 200_000 }
    }
}

/// The set `{g <= y}` in the part of the line that matters: intervals proved inside, and intervals
/// left undecided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LevelSet {
    /// Maximal intervals that certainly belong to the set, ascending.
    pub inside: Vec<(f64, f64)>,
    /// Maximal intervals that could not be decided, ascending.
    pub undecided: Vec<(f64, f64)>,
    /// Where the line is cut.
    pub reach: f64,
}

fn extend(intervals: &mut Vec<(f64, f64)>, low: f64, high: f64) {
    match intervals.last_mut() {
        Some(last) if !(last.1 < low) => last.1 = high,
        _ => intervals.push((low, high)),
    }
}

impl LevelSet {
    /// The set for an interval extension `g` and a level.
    pub fn of(g: impl Fn(Enclosure) -> Enclosure, level: f64, tuning: &Tuning) -> Self {
        let mut set = Self { reach: tuning.reach, ..Self::default() };
        // The leftmost cell is on top.
        let mut stack = vec![(0.0, tuning.reach), (-tuning.reach, 0.0)];
        let mut visited = 0;
        while let Some((low, high)) = stack.pop() {
            visited += 1;
            let value = g(Enclosure::new(low, high));
            if value.hi() <= level {
                extend(&mut set.inside, low, high);
            } else if value.lo() > level {
                // Certainly outside.
            } else if high - low > tuning.narrowest && visited < tuning.cells {
                let middle = 0.5 * (low + high);
                stack.push((middle, high));
                stack.push((low, middle));
            } else {
                extend(&mut set.undecided, low, high);
            }
        }
        set
    }

    /// An enclosure of `E[h_k(z) 1{g(z) <= y}]`.
    ///
    /// For `k >= 1` an interval `(a, b)` gives
    /// `-(1/sqrt k) [h_{k-1}(b) phi(b) - h_{k-1}(a) phi(a)]`, for `k = 0` `Phi(b) - Phi(a)`. An
    /// undecided one adds at most its width times the largest `|h_k| phi`, of either sign (for
    /// `k = 0` of one); what lies beyond the cut adds at most `|h_{k-1}(Z)| phi(Z)/sqrt k` on each
    /// side.
    pub fn sum(&self, k: u32) -> Enclosure {
        let mut total = Enclosure::ZERO;
        for (low, high) in &self.inside {
            total += interval(k, *low, *high);
        }
        for (low, high) in &self.undecided {
            let size = weighted_hermite(k, Enclosure::new(*low, *high)).magnitude();
            let most = (size * (high - low).next_up()).next_up();
            total += Enclosure::new(if k == 0 { 0.0 } else { -most }, most);
        }
        let beyond = if k == 0 {
            (-Enclosure::from(self.reach) / Enclosure::from(2.0).sqrt()).erf() + 1.0
        } else {
            weighted_hermite(k - 1, Enclosure::from(self.reach)) * 2.0
                / Enclosure::from(f64::from(k)).sqrt()
        };
        let beyond = beyond.magnitude();
        total + Enclosure::new(if k == 0 { 0.0 } else { -beyond }, beyond)
    }
}

fn interval(k: u32, low: f64, high: f64) -> Enclosure {
    let (low, high) = (Enclosure::from(low), Enclosure::from(high));
    if k == 0 {
        let root = Enclosure::from(2.0).sqrt();
        return ((high / root).erf() - (low / root).erf()) * 0.5;
    }
    (weighted_hermite(k - 1, low) - weighted_hermite(k - 1, high))
        / Enclosure::from(f64::from(k)).sqrt()
}

/// An enclosure of `h_k(z)`.
pub fn hermite(k: u32, z: Enclosure) -> Enclosure {
    let (mut below, mut now) = (Enclosure::ZERO, Enclosure::ONE);
    for j in 0..k {
        let root = Enclosure::from(f64::from(j + 1)).sqrt();
        let next = (z * now - below * Enclosure::from(f64::from(j)).sqrt()) / root;
        below = now;
        now = next;
    }
    now
}

/// An enclosure of the normal density.
pub fn density(z: Enclosure) -> Enclosure {
    (-(z.square() * 0.5)).exp() / (Enclosure::PI * 2.0).sqrt()
}

/// An enclosure of `h_k(z) phi(z)`.
pub fn weighted_hermite(k: u32, z: Enclosure) -> Enclosure {
    hermite(k, z) * density(z)
}

/// A certified lower bound of `lambda_k^2` (11.8.5): for ascending levels,
/// `sum_b (F_k(y_{b+1}) - F_k(y_b))^2/(F_0(y_{b+1}) - F_0(y_b))`, the last level being infinity.
///
/// `sums` holds enclosures of `(F_0, F_k)` at the levels, ascending.
pub fn squared_signal_bound(sums: &[(Enclosure, Enclosure)]) -> f64 {
    let mut previous = (Enclosure::ZERO, Enclosure::ZERO);
    let mut bound = Enclosure::ZERO;
    let all = sums.iter().copied().chain([(Enclosure::ONE, Enclosure::ZERO)]);
    for (mass, signal) in all {
        let rise = signal - previous.1;
        let share = mass - previous.0;
        let least = Enclosure::from(rise.mignitude()).square().lo();
        let most = minimum(share.hi(), 1.0);
        if least > 0.0 && most > 0.0 {
            bound += Enclosure::from(least) / Enclosure::from(most);
        }
        previous = (mass, signal);
    }
    maximum(bound.lo(), 0.0)
}
