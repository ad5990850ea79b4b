//! Quadrature, flows and passage times shared by the papers' modules.

use gradiometer_hermite::float::{maximum, minimum};
use gradiometer_hermite::quadrature::{GaussHermite, GaussLegendre};

use crate::error::MechanismError;

/// Columns of the extrapolation table: the method's order is twice that.
const COLUMNS: usize = 8;
/// Cautious factor, least and greatest change of the step length.
const FACTORS: [f64; 3] = [0.85, 0.1, 4.0];
/// Points of the Legendre rule on one panel.
const PANEL_POINTS: usize = 20;

/// Integrates `y' = slope(t, y)` from `from` to `to` in place.
///
/// Gragg's midpoint rule with Richardson's extrapolation in the square of the substep, order 16. A
/// step is accepted if the last two columns of the table agree to `tolerance (1 + |y|)` in every
/// coordinate.
///
/// # Errors
/// [`MechanismError::Flow`] if no step is short enough, which happens where the solution explodes.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::numerics::integrate;
/// let mut y = [1.0];
/// integrate(|_, y, slope| slope[0] = -y[0], &mut y, 0.0, 1.0, 1e-13).unwrap();
/// assert!((y[0] - (-1.0_f64).exp()).abs() <= 2048.0 * f64::EPSILON);
/// ```
pub fn integrate(
    mut slope: impl FnMut(f64, &[f64], &mut [f64]),
    state: &mut [f64],
    from: f64,
    to: f64,
    tolerance: f64,
) -> Result<(), MechanismError> {
    let mut time = from;
    let mut length = 0.05 * (to - from);
    while time < to {
        let left = to - time;
        let last = length >= left;
        let step = if last { left } else { length };
        let (next, error) = extrapolated(&mut slope, state, time, step, tolerance);
        // Written so that NaN is too large an error.
        let accepted = error <= 1.0;
        let wanted = FACTORS[0] * error.powf(-1.0 / (2.0 * COLUMNS as f64 - 1.0));
        let factor = if wanted > FACTORS[1] { minimum(wanted, FACTORS[2]) } else { FACTORS[1] };
        if accepted {
            state.copy_from_slice(&next);
            time = if last { to } else { time + step };
            length = if last { maximum(length, factor * step) } else { factor * step };
        } else {
            length = factor * step;
            if !(length > 1e-14 * (to - from)) {
                return Err(MechanismError::Flow { time });
            }
        }
    }
    Ok(())
}

/// One extrapolated step: the new state, and its error in units of the tolerance.
fn extrapolated(
    slope: &mut impl FnMut(f64, &[f64], &mut [f64]),
    state: &[f64],
    time: f64,
    step: f64,
    tolerance: f64,
) -> (Vec<f64>, f64) {
    let n = state.len();
    let mut at_start = vec![0.0; n];
    slope(time, state, &mut at_start);
    let mut table: Vec<Vec<f64>> = Vec::with_capacity(COLUMNS);
    let mut error = f64::INFINITY;
    let mut velocity = vec![0.0; n];
    for j in 0..COLUMNS {
        let pieces = 2 * (j + 1);
        let h = step / pieces as f64;
        let mut before = state.to_vec();
        let mut now: Vec<f64> = state.iter().zip(&at_start).map(|(y, v)| y + h * v).collect();
        for i in 1..pieces {
            slope(time + i as f64 * h, &now, &mut velocity);
            for ((b, x), v) in before.iter_mut().zip(&mut now).zip(&velocity) {
                let after = *b + 2.0 * h * v;
                *b = *x;
                *x = after;
            }
        }
        slope(time + step, &now, &mut velocity);
        let mut entry: Vec<f64> =
            (0..n).map(|i| 0.5 * (before[i] + now[i] + h * velocity[i])).collect();
        // Neville's scheme in the squared substep; `table[k]` holds the previous row.
        let mut row = Vec::with_capacity(j + 1);
        for (k, old) in table.iter().enumerate() {
            let ratio = ((j + 1) as f64 / (j - k) as f64).powi(2);
            let better: Vec<f64> =
                entry.iter().zip(old).map(|(x, y)| x + (x - y) / (ratio - 1.0)).collect();
            row.push(std::mem::replace(&mut entry, better));
        }
        if let Some(last) = row.last() {
            error = 0.0;
            for (x, y) in entry.iter().zip(last) {
                error = maximum(error, (x - y).abs() / (tolerance * (1.0 + x.abs())));
            }
        }
        row.push(entry);
        table = row;
        // Rounding stands in the way of more columns once the table has converged.
        if j >= 3 && error <= 1e-2 {
            break;
        }
    }
    (table.pop().unwrap_or_default(), error)
}

/// The first time, at most `horizon`, at which `event(y)` is no longer negative along
/// `y' = slope(t, y)`; `None` if never.
///
/// Steps of length `stride` are taken and the last one is halved until it is known to `1e-12` of
/// the time.
///
/// # Errors
/// [`MechanismError::Flow`] as [`integrate`].
pub fn first_time(
    mut slope: impl FnMut(f64, &[f64], &mut [f64]),
    start: &[f64],
    event: impl Fn(&[f64]) -> f64,
    stride: f64,
    horizon: f64,
    tolerance: f64,
) -> Result<Option<f64>, MechanismError> {
    let mut state = start.to_vec();
    if event(&state) >= 0.0 {
        return Ok(Some(0.0));
    }
    let mut time = 0.0;
    while time < horizon {
        let mut next = state.clone();
        integrate(&mut slope, &mut next, time, time + stride, tolerance)?;
        if event(&next) >= 0.0 {
            let (mut low, mut high) = (0.0, stride);
            while high - low > 1e-12 * (time + stride) {
                let middle = 0.5 * (low + high);
                let mut there = state.clone();
                integrate(&mut slope, &mut there, time, time + middle, tolerance)?;
                if event(&there) >= 0.0 { high = middle } else { low = middle }
            }
            return Ok(Some(time + 0.5 * (low + high)));
        }
        state = next;
        time += stride;
    }
    Ok(None)
}

/// `int_low^high f` by a Legendre rule of 20 points on each of `panels` equal panels.
///
/// # Errors
/// None in practice: [`MechanismError::Hermite`] if the rule could not be built.
pub fn integral(
    f: impl Fn(f64) -> f64,
    low: f64,
    high: f64,
    panels: usize,
) -> Result<f64, MechanismError> {
    let rule = GaussLegendre::new(PANEL_POINTS)?;
    let width = (high - low) / panels as f64;
    let at = |i: usize| low + i as f64 * width;
    Ok((0..panels).map(|i| rule.integrate(at(i), at(i + 1), &f)).sum())
}

/// `int_low^high f` for an `f` with singular derivatives at the ends, by the double exponential
/// rule.
///
/// `f` gets the point and its distances from both ends, which keep their digits where the point is
/// close to one.
pub fn singular_integral(f: impl Fn(f64, f64, f64) -> f64, low: f64, high: f64) -> f64 {
    /// Spacing of the trapezoidal rule, and where the weights fall below `1e-20` of the greatest.
    const SPACING: f64 = 1.0 / 16.0;
    const REACH: i32 = 54;
    let width = high - low;
    let mut sum = 0.0;
    for i in -REACH..=REACH {
        let t = SPACING * f64::from(i);
        let argument = std::f64::consts::FRAC_PI_2 * t.sinh();
        let cosh = argument.cosh();
        let weight = std::f64::consts::FRAC_PI_2 * t.cosh() / (cosh * cosh);
        // (1 - tanh u)/2 = 1/(1 + exp(2u)), without cancellation.
        let below = width / (1.0 + (-2.0 * argument).exp());
        let above = width / (1.0 + (2.0 * argument).exp());
        let point = if below < above { low + below } else { high - above };
        let value = f(point, below, above);
        if value.is_finite() && weight > 0.0 {
            sum += weight * value;
        }
    }
    0.5 * width * SPACING * sum
}

/// The root of `f` between `low` and `high`, where it has opposite signs, to a few floats.
pub fn root(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let (mut at_low, mut at_high) = (f(low), f(high));
    let mut side = 0;
    for _ in 0..200 {
        if !((high - low).abs() > 4.0 * f64::EPSILON * maximum(low.abs(), high.abs())) {
            break;
        }
        // The Illinois variant of false position, with a bisection where it does not shrink.
        let secant = (low * at_high - high * at_low) / (at_high - at_low);
        let (least, most) = (minimum(low, high), maximum(low, high));
        let middle = if secant > least && secant < most { secant } else { 0.5 * (low + high) };
        let value = f(middle);
        if !(value.abs() > 0.0) {
            return middle;
        }
        if (value > 0.0) == (at_high > 0.0) {
            high = middle;
            at_high = value;
            if side == 1 {
                at_low *= 0.5;
            }
            side = 1;
        } else {
            low = middle;
            at_low = value;
            if side == -1 {
                at_high *= 0.5;
            }
            side = -1;
        }
    }
    0.5 * (low + high)
}

/// `sum_i q_i f(x_i, y_i)`: the expectation over two independent standard normals, exact for
/// polynomials of degree below twice the number of points in either.
pub fn plane(rule: &GaussHermite, f: impl Fn(f64, f64) -> f64) -> f64 {
    let weights = rule.weights();
    let mut sum = 0.0;
    for (x, p) in rule.nodes().iter().zip(&weights) {
        let inner: f64 = rule.nodes().iter().zip(&weights).map(|(y, q)| q * f(*x, *y)).sum();
        sum += p * inner;
    }
    sum
}

/// The least whole number that is not below `x`, at least zero; for counts of panels and grid
/// points.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of grid points, cut at zero, is far below 2^53"
)]
pub(crate) fn count(x: f64) -> usize {
    maximum(x.ceil(), 0.0) as usize
}

/// The normal density.
pub fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// The normal distribution function.
pub fn distribution(z: f64) -> f64 {
    0.5 * pxfm::f_erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// A diffusion on the line: `dx = drift(x) dt + sqrt(variance(x)) dB`, reflected at `lowest`.
#[derive(Clone, Copy, Debug)]
pub struct Diffusion<F, V> {
    /// The drift.
    pub drift: F,
    /// Variance of the noise for a unit of time.
    pub variance: V,
    /// Where it is reflected.
    pub lowest: f64,
    /// Where it ends.
    pub highest: f64,
}

impl<F: Fn(f64) -> f64, V: Fn(f64) -> f64> Diffusion<F, V> {
    /// `E T`, the mean time to reach `highest` from a random start whose distribution function is
    /// `start_below`.
    ///
    /// `E T = int J(y) P(start < y) dy`, where
    /// `J(y) = int_lowest^y (2/variance(z)) exp(-int_z^y 2 drift/variance) dz` is carried from
    /// panel to panel: the plain form with its growing exponential overflows. Panels are so short
    /// that the exponent moves by at most four on each. `longest` bounds their length, `initial` is
    /// `J(lowest)`.
    ///
    /// # Errors
    /// [`MechanismError::Hermite`] if the rule could not be built.
    pub fn mean_passage(
        &self,
        start_below: impl Fn(f64) -> f64,
        longest: f64,
        initial: f64,
    ) -> Result<f64, MechanismError> {
        let rule = GaussLegendre::new(10)?;
        let exponent = |z: f64| 2.0 * (self.drift)(z) / (self.variance)(z);
        let (mut low, mut carried, mut total) = (self.lowest, initial, 0.0);
        while low < self.highest {
            let steepness = exponent(low).abs();
            let high = minimum(low + 1.0 / (1.0 / longest + 0.5 * steepness), self.highest);
            // J at the nodes of the panel, each from the last one.
            let mut from = low;
            let advance = |from: f64, to: f64, carried: f64| {
                let (mut grown, mut fed) = (0.0, 0.0);
                let inner = |a: f64, b: f64| {
                    // The exponent is smooth and the panel short: Simpson's rule of the drift would
                    // do; Gauss is closer.
                    let (c, h) = (0.5 * (a + b), 0.5 * (b - a));
                    let s = 0.6_f64.sqrt() * h;
                    h * (5.0 * (exponent(c - s) + exponent(c + s)) + 8.0 * exponent(c)) / 9.0
                };
                grown += inner(from, to);
                for (z, weight) in rule.on(from, to) {
                    fed += weight * 2.0 / (self.variance)(z) * (-inner(z, to)).exp();
                }
                carried * (-grown).exp() + fed
            };
            for (y, weight) in rule.on(low, high) {
                carried = advance(from, y, carried);
                from = y;
                total += weight * carried * start_below(y);
            }
            carried = advance(from, high, carried);
            low = high;
        }
        Ok(total)
    }
}
