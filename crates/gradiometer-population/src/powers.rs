//! Powers of two, and sums of squares that neither overflow nor underflow.

use gradiometer_hermite::Bounded;
use gradiometer_hermite::float::maximum;

/// The spacing of the subnormal numbers: no rounding there is off by more.
pub(crate) const SPACING: f64 = f64::from_bits(1);

/// `e` with `2^e <= |x| < 2^(e + 1)`, also for subnormal numbers; zero for zero, 1024 for what is not
/// finite.
pub(crate) fn exponent_of(x: f64) -> i32 {
    // Times 2^54 a subnormal number is normal.
    let (bits, shift) = if x.is_subnormal() {
        ((x * f64::from_bits((1023 + 54) << 52)).to_bits(), 1023 + 54)
    } else {
        (x.to_bits(), 1023)
    };
    let biased = i32::try_from((bits >> 52) & 0x7ff).unwrap_or(0);
    if x.abs() > 0.0 || x.is_nan() { biased - shift } else { 0 }
}

/// `2^e` for `-1022 <= e <= 1023`.
pub(crate) fn power(e: i32) -> f64 {
    f64::from_bits(u64::try_from(e.clamp(-1022, 1023) + 1023).unwrap_or(0) << 52)
}

/// `x 2^e`: exact unless it underflows, where it is off by at most [`SPACING`]; infinite if it
/// overflows.
pub(crate) fn times_power(x: f64, e: i32) -> f64 {
    let (mut x, mut left) = (x, e.clamp(-4400, 4400));
    // Steps in one direction, so that nothing underflows on the way to a number that does not.
    while left != 0 {
        let step = left.clamp(-1022, 1023);
        x *= power(step);
        left -= step;
    }
    x
}

/// A bound on what a few roundings of `x >= 0` lose, rounded up itself; zero stays zero.
pub(crate) fn rounded_up(x: f64) -> f64 {
    if x > 0.0 { (x * (1.0 + 8.0 * f64::EPSILON)).next_up() } else { x }
}

/// `x y` rounded up, for numbers that are not negative.
pub(crate) fn product_up(x: f64, y: f64) -> f64 {
    if x > 0.0 && y > 0.0 { (x * y * (1.0 + 8.0 * f64::EPSILON)).next_up() } else { x * y }
}

/// `x 2^e` with its error: that of `x`, and what underflow takes. Where it overflows nothing is known.
pub(crate) fn bounded_times_power(x: Bounded, e: i32) -> Bounded {
    let value = times_power(x.value, e);
    if !value.is_finite() {
        return Bounded { value, error: f64::INFINITY };
    }
    let error = error_times_power(x.error, e);
    if is_exact(x.value, value, e) {
        Bounded { value, error }
    } else {
        Bounded { value, error: with_underflow(error) }
    }
}

/// `error + SPACING`, not rounded down.
pub(crate) fn with_underflow(error: f64) -> f64 {
    if error.is_normal() { error.next_up() } else { error + SPACING }
}

/// Whether `y = x 2^e` holds without rounding.
fn is_exact(x: f64, y: f64, e: i32) -> bool {
    (times_power(y, -e) - x).abs() <= 0.0
}

/// `error 2^e`, not rounded down; zero stays zero.
pub(crate) fn error_times_power(error: f64, e: i32) -> f64 {
    let scaled = times_power(error, e);
    if error > 0.0 && !is_exact(error, scaled, e) { scaled.next_up() } else { scaled }
}

/// Entries that are summed one after another; longer vectors are halved.
const BLOCK: usize = 32;

/// A sum of squares `sum 4^exponent`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Squares {
    sum: f64,
    exponent: i32,
    /// Roundings that a term passes: `sum` is off by so many half epsilons of itself.
    roundings: f64,
}

impl Squares {
    /// Of the entries of both vectors.
    pub(crate) fn of(vectors: [&[f64]; 2]) -> Self {
        let largest = vectors.iter().flat_map(|v| *v).fold(0.0, |m, x| maximum(m, x.abs()));
        let exponent = exponent_of(largest);
        // Two factors, for 2^-exponent may be out of range; exact but where an entry is so far below
        // the largest that its square counts for nothing.
        let first = -exponent / 2;
        let factors = [power(first), power(-exponent - first)];
        let sum = vectors.iter().map(|v| squares(v, factors)).sum();
        let longest = vectors.iter().map(|v| v.len()).sum::<usize>().max(1);
        // The square, a block, the halvings, both vectors; one more for squares that underflow.
        let halvings = longest.div_ceil(BLOCK).next_power_of_two().trailing_zeros();
        let roundings = f64::from(halvings) + longest.min(BLOCK) as f64 + 4.0;
        Self { sum, exponent, roundings }
    }

    /// The root.
    pub(crate) fn root(self) -> Bounded {
        let value = self.sum.sqrt();
        let error = product_up(value, 0.5 * f64::EPSILON * (0.5 * self.roundings + 1.0));
        bounded_times_power(Bounded { value, error }, self.exponent)
    }

    /// The sum times a number that is not negative.
    pub(crate) fn times(self, factor: f64) -> Bounded {
        if !(factor.abs() > 0.0 && self.sum > 0.0) {
            // Not `factor * sum`, which is NaN for zero times infinity.
            let value = if factor.is_nan() || self.sum.is_nan() { f64::NAN } else { 0.0 };
            return Bounded { value, error: if value.is_nan() { f64::INFINITY } else { 0.0 } };
        }
        let exponent = exponent_of(factor);
        let value = times_power(factor, -exponent) * self.sum;
        let error = product_up(value, 0.5 * f64::EPSILON * (self.roundings + 1.0));
        bounded_times_power(Bounded { value, error }, 2 * self.exponent + exponent)
    }
}

fn squares(values: &[f64], factors: [f64; 2]) -> f64 {
    if values.len() <= BLOCK {
        let square = |x: &f64| {
            let scaled = x * factors[0] * factors[1];
            scaled * scaled
        };
        values.iter().map(square).sum()
    } else {
        let (left, right) = values.split_at(values.len() / 2);
        squares(left, factors) + squares(right, factors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_testing::{Tolerance::Exact, at_most, close, rounding};

    #[test]
    fn exponents_and_powers_reach_the_ends_of_the_range() {
        for (x, e) in [
            (1.0, 0),
            (-1.5, 0),
            (0.75, -1),
            (f64::MAX, 1023),
            (f64::MIN_POSITIVE, -1022),
            (SPACING, -1074),
            (3.0 * SPACING, -1073),
            (0.0, 0),
        ] {
            assert_eq!(exponent_of(x), e, "{x:e}");
        }
        assert_eq!(exponent_of(f64::INFINITY), 1024);
        assert_eq!(exponent_of(f64::NAN), 1024);
        close(times_power(SPACING, 2097), f64::powi(2.0, 1023), Exact);
        close(times_power(f64::powi(2.0, 1023), -2097), SPACING, Exact);
        close(times_power(3.0, -1075), f64::from_bits(2), Exact);
        assert!(times_power(2.0, 1023).is_infinite());
        close(times_power(0.0, 4000), 0.0, Exact);
    }

    #[test]
    fn what_underflow_takes_is_in_the_error() {
        let at = |value, error, e| bounded_times_power(Bounded { value, error }, e);
        assert_eq!(at(1.5, 0.25, -3), Bounded { value: 0.1875, error: 0.03125 });
        // 3 times 2^-1075 is no double.
        let lost = at(3.0, 0.0, -1075);
        close(lost.error, SPACING, Exact);
        // All of it is lost, and its error is not zero either.
        let gone = at(1.0, f64::EPSILON, -1100);
        close(gone.value, 0.0, Exact);
        close(gone.error, 2.0 * SPACING, Exact);
        assert!(at(2.0, 0.0, 1023).error.is_infinite());
        assert!(at(f64::NAN, 0.0, 0).error.is_infinite());
    }

    #[test]
    fn norms_keep_their_digits_at_every_scale() {
        // 3, 4, 12 and 84: the root is 85.
        let entries = [3.0, -4.0, 12.0, 84.0];
        for e in [-1074, -1000, -600, 0, 500, 1016] {
            let v: Vec<f64> = entries.iter().map(|x| times_power(*x, e)).collect();
            let root = Squares::of([&v[..1], &v[1..]]).root();
            let exact = times_power(85.0, e);
            assert!((root.value - exact).abs() <= root.error, "{e}: {root:?}");
            at_most(root.error, 2.0 * SPACING, rounding(8, exact));
        }
        // Negative control: the plain sum underflows.
        let tiny = times_power(3.0, -600);
        close(tiny * tiny, 0.0, Exact);
        assert_eq!(Squares::of([&[], &[0.0]]).root(), Bounded { value: 0.0, error: 0.0 });
        assert!(Squares::of([&[f64::INFINITY], &[]]).root().error.is_infinite());
        assert!(Squares::of([&[f64::NAN, 1.0], &[]]).root().error.is_infinite());
        assert!(Squares::of([&[f64::MAX, f64::MAX], &[]]).root().error.is_infinite());
    }

    #[test]
    fn sums_of_squares_meet_any_factor() {
        let v = [3.0, 4.0];
        let at = |e: i32, factor: f64| {
            let scaled: Vec<f64> = v.iter().map(|x| times_power(*x, e)).collect();
            Squares::of([&scaled, &[]]).times(factor)
        };
        for (e, factor, exact) in
            [(0, 2.0, 50.0), (600, times_power(1.0, -1074), times_power(25.0, 126))]
        {
            let found = at(e, factor);
            assert!((found.value - exact).abs() <= found.error, "{found:?}");
            at_most(found.error, 0.0, rounding(8, exact));
        }
        assert_eq!(at(1000, 0.0), Bounded { value: 0.0, error: 0.0 });
        let gone = at(-600, 1.0);
        close(gone.value, 0.0, Exact);
        at_most(SPACING, gone.error, Exact);
    }

    #[test]
    fn a_long_sum_is_within_its_roundings() {
        // Tenths are rounded; n of them sum to n (0.1)^2 exactly as integers do.
        for n in [1, 31, 33, 1000, 70_000] {
            let found = Squares::of([&vec![3.0; n], &[]]);
            let exact = 3.0 * (n as f64).sqrt();
            let root = found.root();
            assert!((root.value - exact).abs() <= root.error + f64::EPSILON * exact, "{n}");
            let roundings = [(1, 5.0), (31, 35.0), (33, 37.0), (1000, 41.0), (70_000, 48.0)];
            let expected = roundings.iter().find(|(m, _)| *m == n).unwrap().1;
            close(found.roundings, expected, Exact);
        }
    }
}
