//! Generative exponents \[Damian2024\]: how strong the signal is, how many samples it needs, and an
//! estimator (11.8.4 to 11.8.7).

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::{maximum, minimum};
use gradiometer_hermite::polynomial::hermite;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::error::MechanismError;
use crate::exponents::Expression;
use crate::exponents::number::Jet;
use crate::matrix::Matrix;
use crate::numerics::{count, density, distribution, integral, root, singular_integral};

/// Where the line is cut for links.
const REACH: f64 = 9.5;
/// Spacing of the grid on which critical points are found.
const SPACING: f64 = 0.005;

/// A smooth link that is piecewise monotone: its critical points, and the pieces between them.
#[derive(Clone, Debug)]
pub struct SmoothLink<G, D> {
    link: G,
    slope: D,
    /// Ends of the monotone pieces, ascending.
    ends: Vec<f64>,
}

impl<G: Fn(f64) -> f64, D: Fn(f64) -> f64> SmoothLink<G, D> {
    /// A link and its derivative. Critical points are where the derivative changes sign on a grid
    /// of spacing 0.005.
    pub fn new(link: G, slope: D) -> Self {
        let mut ends = vec![-REACH];
        let at = |i: usize| -REACH + SPACING * i as f64 + 0.000_123;
        for i in 0..count(2.0 * REACH / SPACING) {
            let (low, high) = (at(i), at(i + 1));
            if high < REACH && (slope(low) > 0.0) != (slope(high) > 0.0) {
                ends.push(root(&slope, low, high));
            }
        }
        ends.push(REACH);
        Self { link, slope, ends }
    }

    /// All points with `g(z) = y`, at most one a piece.
    fn preimages(&self, y: f64) -> impl Iterator<Item = f64> {
        self.ends.windows(2).filter_map(move |pair| {
            let (low, high) = (pair[0], pair[1]);
            let (below, above) = ((self.link)(low) - y, (self.link)(high) - y);
            if (below > 0.0) == (above > 0.0) {
                return None;
            }
            Some(root(|z| (self.link)(z) - y, low, high))
        })
    }

    /// `zeta_k(y) = E[h_k(z) | y]`, the sum over preimages with weights `phi/|g'|`; `here` is one
    /// of them, known exactly.
    fn conditional(&self, k: usize, here: f64, piece: usize) -> f64 {
        let y = (self.link)(here);
        let (mut above, mut below) = (0.0, 0.0);
        for (i, pair) in self.ends.windows(2).enumerate() {
            let z = if i == piece {
                here
            } else {
                let (at_low, at_high) = ((self.link)(pair[0]) - y, (self.link)(pair[1]) - y);
                if (at_low > 0.0) == (at_high > 0.0) {
                    continue;
                }
                root(|z| (self.link)(z) - y, pair[0], pair[1])
            };
            let weight = density(z) / (self.slope)(z).abs();
            if weight.is_finite() {
                above += weight * hermite(k, z);
                below += weight;
            }
        }
        above / below
    }

    /// `lambda_k^2 = E zeta_k(y)^2`, by the double exponential rule between critical points and
    /// preimages of critical values, where the integrand has singular derivatives.
    pub fn squared_signal(&self, k: usize) -> f64 {
        let mut cuts = self.ends.clone();
        for critical in &self.ends[1..self.ends.len() - 1] {
            cuts.extend(self.preimages((self.link)(*critical)));
        }
        cuts.sort_by(f64::total_cmp);
        cuts.dedup_by(|x, y| (*x - *y).abs() <= 1e-7);
        // Long pieces are cut further.
        let mut finer = vec![cuts[0]];
        for pair in cuts.windows(2) {
            let pieces = count((pair[1] - pair[0]) / 1.5);
            for i in 1..=pieces {
                finer.push(pair[0] + (pair[1] - pair[0]) * i as f64 / pieces as f64);
            }
        }
        finer
            .windows(2)
            .map(|pair| {
                let middle = 0.5 * (pair[0] + pair[1]);
                let piece =
                    self.ends[1..self.ends.len() - 1].iter().filter(|e| **e < middle).count();
                // Where two branches meet at distance e, rounding of the level y moves their
                // places by eps y/e and the weights by eps y/e^2. zeta is linear in e there, so
                // that holding it within such a margin costs its square. Where y is zero, as at the
                // origin of z^2 exp(-z^2), nothing is lost and zeta may have a logarithm.
                let margin = |end: f64| {
                    let critical = self.ends.iter().any(|e| (e - end).abs() <= 1e-6);
                    let size = minimum((self.link)(end).abs().sqrt(), 1.0);
                    size * if critical { 1e-5 } else { 1e-9 }
                };
                let (low, high) = (pair[0] + margin(pair[0]), pair[1] - margin(pair[1]));
                singular_integral(
                    |z, _, _| {
                        let at = maximum(minimum(z, high), low);
                        density(z) * self.conditional(k, at, piece).powi(2)
                    },
                    pair[0],
                    pair[1],
                )
            })
            .sum()
    }
}

/// `lambda_k^2` of a link with finitely many values: `sum over values of E[h_k 1{y}]^2/P(y)`.
///
/// `ends` are the ascending jumps, `values` those of the pieces, one more.
///
/// # Errors
/// [`MechanismError::Size`] if the numbers do not fit.
pub fn squared_signal_of_steps(
    k: usize,
    ends: &[f64],
    values: &[f64],
) -> Result<f64, MechanismError> {
    if values.len() != ends.len() + 1 {
        return Err(MechanismError::Size { found: values.len(), expected: ends.len() + 1 });
    }
    let primitive = |z: f64| hermite(k - 1, z) * density(z) / (k as f64).sqrt();
    let mut classes: Vec<(f64, f64, f64)> = Vec::new();
    for (i, value) in values.iter().enumerate() {
        let low = if i == 0 { f64::NEG_INFINITY } else { ends[i - 1] };
        let high = if i == ends.len() { f64::INFINITY } else { ends[i] };
        let at = |z: f64| if z.is_finite() { primitive(z) } else { 0.0 };
        let (signal, mass) = (at(low) - at(high), distribution(high) - distribution(low));
        match classes.iter_mut().find(|(v, _, _)| (v - value).abs() <= 0.0) {
            Some(class) => {
                class.1 += signal;
                class.2 += mass;
            }
            None => classes.push((*value, signal, mass)),
        }
    }
    Ok(classes.iter().map(|(_, signal, mass)| signal * signal / mass).sum())
}

/// `lambda_k^2` of `y = g(z) + tau xi` (11.8.4): `int N_k(y)^2/N_0(y) dy`,
/// `N_k(y) = E[h_k(z) phi_tau(y - g(z))]`.
///
/// The outer integral is a trapezoidal rule of spacing `tau/6`, which is spectrally accurate; the
/// inner one has panels of width `tau/2` at most.
///
/// # Errors
/// [`MechanismError::Hermite`] if a rule could not be built.
pub fn squared_signal_with_noise(
    link: impl Fn(f64) -> f64,
    highest: usize,
    tau: f64,
) -> Result<Vec<f64>, MechanismError> {
    squared_signals(link, |_| tau, highest, tau)
}

/// As [`squared_signal_with_noise`], with noise whose size depends on `z` and is at least of order
/// `least`.
///
/// # Errors
/// [`MechanismError::Hermite`] if a rule could not be built.
pub fn squared_signals(
    link: impl Fn(f64) -> f64,
    size: impl Fn(f64) -> f64,
    highest: usize,
    least: f64,
) -> Result<Vec<f64>, MechanismError> {
    let rule = gradiometer_hermite::quadrature::GaussLegendre::new(16)?;
    let panels = count(maximum(40.0, 2.0 * REACH / minimum(0.5, 2.0 * least)));
    let width = 2.0 * REACH / panels as f64;
    // Points with weight, link, noise and Hermite values.
    let mut points = Vec::new();
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for i in 0..panels {
        let from = -REACH + i as f64 * width;
        for (z, weight) in rule.on(from, from + width) {
            let (y, s) = (link(z), size(z));
            low = minimum(low, y - 9.0 * s);
            high = maximum(high, y + 9.0 * s);
            let values: Vec<f64> = (0..=highest).map(|k| hermite(k, z)).collect();
            points.push((y, s, weight * density(z), values));
        }
    }
    let spacing = least / 6.0;
    let mut squares = vec![0.0; highest + 1];
    for i in 0..=count((high - low) / spacing) {
        let y = low + i as f64 * spacing;
        let mut sums = vec![0.0; highest + 1];
        for (centre, s, weight, values) in &points {
            let u = (y - centre) / s;
            if u.abs() < 12.0 {
                let mass = weight * density(u) / s;
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += mass * value;
                }
            }
        }
        if sums[0] > 1e-300 {
            for (square, sum) in squares.iter_mut().zip(&sums) {
                *square += spacing * sum * sum / sums[0];
            }
        }
    }
    Ok(squares)
}

/// `lambda_k^2` of multiplicative noise, `y = z xi` (11.8.4), for even `k`; zero for odd ones.
///
/// In logarithms, `|y| = exp u` and `|z| = exp v`, both integrals are trapezoidal sums of analytic
/// functions.
pub fn squared_signal_of_product(k: usize) -> f64 {
    const SPACING: f64 = 1.0 / 32.0;
    if k % 2 == 1 {
        return 0.0;
    }
    let mut sum = 0.0;
    for i in -1200..=200 {
        let u = SPACING * f64::from(i);
        let (mut signal, mut mass) = (0.0, 0.0);
        // |z| from below |y|/30 to 30: beyond either the density is nothing.
        for j in i - 220..=115 {
            let v = SPACING * f64::from(j);
            let z = v.exp();
            let weight = 2.0 * SPACING * density(z) * density((u - v).exp());
            mass += weight;
            signal += weight * hermite(k, z);
        }
        if mass > 1e-300 {
            // Both signs of y.
            sum += 2.0 * SPACING * u.exp() * signal * signal / mass;
        }
    }
    sum
}

/// The squared low-degree advantage over labels that are independent of `x` (11.8.6):
/// `sum_{p <= D} [s^p] (1 + sum_k lambda_k^2 s^k)^n E t^p`,
/// `E t^{2p} = (2p-1)!!/prod_{i<p}(d + 2i)`.
///
/// `signals[k]` is `lambda_k^2`, entry zero ignored; `n` need not be whole.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::damian2024::squared_advantage;
/// // lambda_1^2 = 1, D = 2: 1 + n(n-1)/2/d.
/// let found = squared_advantage(&[0.0, 1.0], 10.0, 100.0, 2);
/// assert!((found - 1.45).abs() <= 32.0 * f64::EPSILON);
/// ```
pub fn squared_advantage(signals: &[f64], n: f64, dimension: f64, degree: usize) -> f64 {
    // Miller's recurrence for a power of a series with constant term one.
    let coefficient = |k: usize| signals.get(k).copied().unwrap_or(0.0);
    let mut power = vec![1.0];
    for p in 1..=degree {
        let sum: f64 = (1..=p)
            .map(|k| ((n + 1.0) * k as f64 - p as f64) * coefficient(k) * power[p - k])
            .sum();
        power.push(sum / p as f64);
    }
    let (mut total, mut moment) = (power[0], 1.0);
    for p in 1..=degree / 2 {
        moment *= (2 * p - 1) as f64 / (dimension + 2.0 * (p as f64 - 1.0));
        total += power[2 * p] * moment;
    }
    total
}

/// The `n` at which the squared advantage reaches 2.
pub fn detection_threshold(signals: &[f64], dimension: f64, degree: usize) -> f64 {
    let excess = |log_n: f64| squared_advantage(signals, log_n.exp(), dimension, degree) - 2.0;
    // The least root: walk up until the advantage passes 2.
    let mut high = 0.0;
    while high < 100.0 && !(excess(high) > 0.0) {
        high += 0.05;
    }
    root(excess, high - 0.05, high).exp()
}

/// `n_c` of the partial trace for even `k` (11.8.7): `d (2d)^j j!/(k! lambda_k^2)`, `j = k/2 - 1`;
/// for `k = 4` exactly `d(d + 4)/(12 lambda^2)`.
pub fn partial_trace_threshold(k: u32, dimension: f64, signal: f64) -> f64 {
    if k == 4 {
        return dimension * (dimension + 4.0) / (12.0 * signal);
    }
    let j = k / 2 - 1;
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    dimension * (2.0 * dimension).powi(i32::try_from(j).unwrap_or(i32::MAX)) * factorial(j)
        / (factorial(k) * signal)
}

/// The samples `n_c` at which the partial trace of 11.8.7 sees a link of generative exponent `k`,
/// from `lambda_k^2`; `None` for `k = 1`, where a mean does, and for odd `k` from 5 on.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::damian2024::sample_threshold;
/// // Phase retrieval: d/2.
/// assert_eq!(sample_threshold(2, 400.0, 1.0), Some(200.0));
/// assert_eq!(sample_threshold(1, 400.0, 1.0), None);
/// ```
pub fn sample_threshold(k: u32, dimension: f64, signal: f64) -> Option<f64> {
    match k {
        3 => Some(third_order_threshold(dimension, signal)),
        k if k >= 2 && k.is_multiple_of(2) => Some(partial_trace_threshold(k, dimension, signal)),
        _ => None,
    }
}

/// A spiked Gaussian estimate's squared cosine: `1 - n_c/n` above the threshold, else zero.
pub fn spiked_cosine(n: f64, threshold: f64) -> f64 {
    maximum(1.0 - threshold / n, 0.0)
}

/// The squared cosine of the vector stage for `k = 3`: `n/(n + d^2/(3 lambda_3^2))`.
pub fn vector_stage_cosine(n: f64, dimension: f64, signal: f64) -> f64 {
    n / (n + dimension * dimension / (3.0 * signal))
}

/// `n_c = d^{3/2}/(sqrt 18 lambda_3^2)` of either stage for `k = 3`.
pub fn third_order_threshold(dimension: f64, signal: f64) -> f64 {
    dimension.powf(1.5) / (18.0_f64.sqrt() * signal)
}

/// Samples `(x, z)` with `z = x_1`: the teacher is the first coordinate.
fn draw(x: &mut [f64], rng: &mut ChaCha8Rng) {
    for c in x.iter_mut() {
        *c = rng.sample(StandardNormal);
    }
}

/// The squared cosine with the teacher of the partial-trace estimator for `k = 4`: the top
/// eigenvector of `(1/n) sum_i T_i [x_i x_i^T (|x_i|^2 - d - 4) - I (|x_i|^2 - d - 2)]`, its
/// positive end.
///
/// `transform` maps `z` and a second independent value of `z` to `T`: use the first for signal, the
/// second for shuffled labels.
pub fn fourth_order_cosine(
    transform: impl Fn(f64, f64) -> f64,
    dimension: usize,
    samples: usize,
    rng: &mut ChaCha8Rng,
) -> f64 {
    let d = dimension as f64;
    weighted_top(dimension, samples, rng, false, |x, other| {
        let square: f64 = x.iter().map(|c| c * c).sum();
        let t = transform(x[0], other);
        (t * (square - d - 4.0), -t * (square - d - 2.0))
    })
}

/// The squared cosine of the second-order estimator: the top eigenvector of
/// `(1/n) sum_i T_i x_i x_i^T`.
pub fn second_order_cosine(
    transform: impl Fn(f64, f64) -> f64,
    dimension: usize,
    samples: usize,
    rng: &mut ChaCha8Rng,
) -> f64 {
    weighted_top(dimension, samples, rng, false, |x, other| (transform(x[0], other), 0.0))
}

/// Top eigenvector of `(1/n) sum_i [p_i x_i x_i^T + q_i I]` against the first coordinate.
fn weighted_top(
    dimension: usize,
    samples: usize,
    rng: &mut ChaCha8Rng,
    by_modulus: bool,
    weights: impl Fn(&[f64], f64) -> (f64, f64),
) -> f64 {
    let mut sum = Matrix::zero(dimension, dimension);
    let mut x = vec![0.0; dimension];
    let mut shift = 0.0;
    for _ in 0..samples {
        draw(&mut x, rng);
        let other: f64 = rng.sample(StandardNormal);
        let (weight, constant) = weights(&x, other);
        shift += constant;
        add_outer(&mut sum, weight, &x);
    }
    let n = samples as f64;
    let matrix = Matrix::from_fn(dimension, dimension, |i, j| {
        let (i, j) = if i >= j { (i, j) } else { (j, i) };
        (sum[(i, j)] + if i == j { shift } else { 0.0 }) / n
    });
    matrix.top_eigenvector(by_modulus)[0].powi(2)
}

/// Adds `weight x x^T` to the lower triangle.
fn add_outer(sum: &mut Matrix, weight: f64, x: &[f64]) {
    for i in 0..x.len() {
        let factor = weight * x[i];
        for (entry, y) in sum.row_mut(i).iter_mut().zip(&x[..=i]) {
            *entry += factor * y;
        }
    }
}

/// The squared cosines of the two stages for `k = 3`, on fresh halves of `samples` each:
/// `v = sum T_i x_i (|x_i|^2 - d - 2)`, then the eigenvector of largest modulus of
/// `sum T_i [(v.x)(x x^T - I) - v x^T - x v^T]`.
pub fn third_order_cosines(
    transform: impl Fn(f64) -> f64,
    dimension: usize,
    samples: usize,
    rng: &mut ChaCha8Rng,
) -> (f64, f64) {
    let d = dimension as f64;
    let mut x = vec![0.0; dimension];
    let mut v = vec![0.0; dimension];
    for _ in 0..samples {
        draw(&mut x, rng);
        let square: f64 = x.iter().map(|c| c * c).sum();
        let weight = transform(x[0]) * (square - d - 2.0);
        for (v, c) in v.iter_mut().zip(&x) {
            *v += weight * c;
        }
    }
    let length = v.iter().map(|c| c * c).sum::<f64>().sqrt();
    for c in &mut v {
        *c /= length;
    }
    let first = v[0] * v[0];
    let mut sum = Matrix::zero(dimension, dimension);
    let (mut trace, mut linear) = (0.0, vec![0.0; dimension]);
    for _ in 0..samples {
        draw(&mut x, rng);
        let t = transform(x[0]);
        let along: f64 = v.iter().zip(&x).map(|(a, b)| a * b).sum();
        add_outer(&mut sum, t * along, &x);
        trace += t * along;
        for (l, c) in linear.iter_mut().zip(&x) {
            *l += t * c;
        }
    }
    let matrix = Matrix::from_fn(dimension, dimension, |i, j| {
        let (i, j) = if i >= j { (i, j) } else { (j, i) };
        sum[(i, j)] - if i == j { trace } else { 0.0 } - v[i] * linear[j] - linear[i] * v[j]
    });
    (first, matrix.top_eigenvector(true)[0].powi(2))
}

/// The squared cosine of the second-order estimator at `n = ratio d` samples with transform `T`
/// bounded above (11.8.7, \[Damian2024\] and the phase-retrieval literature it uses).
///
/// `psi(l) = l (1/ratio + E[Z/(l - Z)])`, `chi(l) = l E[Z z^2/(l - Z)]`, `Z = T(z)`; with `l*` the
/// root of `chi = psi` right of the least point of `psi`, `cos^2 = psi'/(psi' - chi')`. Zero if
/// there is no such root.
///
/// # Errors
/// [`MechanismError::Hermite`] if a rule could not be built.
pub fn second_order_prediction(
    transform: impl Fn(f64) -> f64,
    supremum: f64,
    ratio: f64,
) -> Result<f64, MechanismError> {
    let points = {
        let rule = gradiometer_hermite::quadrature::GaussLegendre::new(20)?;
        let mut points = Vec::new();
        for i in 0..400 {
            let from = -10.0 + 0.05 * f64::from(i);
            for (z, weight) in rule.on(from, from + 0.05) {
                points.push((z, transform(z), weight * density(z)));
            }
        }
        points
    };
    let mean = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        points.iter().map(|(z, t, weight)| weight * f(*z, *t)).sum()
    };
    // psi' = 1/ratio + E[Z/(l - Z)] - l E[Z/(l - Z)^2] = 1/ratio - E[Z^2/(l - Z)^2].
    let psi_slope = |l: f64| 1.0 / ratio - mean(&|_, t| (t / (l - t)).powi(2));
    let chi_slope = |l: f64| -mean(&|z, t| (z * t / (l - t)).powi(2));
    let gap = |l: f64| {
        l * (1.0 / ratio + mean(&|_, t| t / (l - t))) - l * mean(&|z, t| z * z * t / (l - t))
    };
    let high = supremum * 1e3 + 1e3;
    let low = supremum * (1.0 + 1e-9) + 1e-12;
    let least = if psi_slope(low) > 0.0 { low } else { root(psi_slope, low, high) };
    if !(gap(least) < 0.0) {
        return Ok(0.0);
    }
    let at = root(gap, least, high);
    Ok(psi_slope(at) / (psi_slope(at) - chi_slope(at)))
}

/// A check of the moments of the advantage: `E t^{2p}` for the product of two uniform unit vectors
/// is `(2p-1)!!/prod_{i<p}(d + 2i)`.
///
/// # Errors
/// [`MechanismError::Hermite`] if a rule could not be built.
pub fn overlap_moment(p: u32, dimension: f64) -> Result<f64, MechanismError> {
    // Density (1 - t^2)^{(d-3)/2}, by a Legendre rule.
    let weight = |t: f64| (1.0 - t * t).powf(0.5 * (dimension - 3.0));
    let power = i32::try_from(2 * p).unwrap_or(i32::MAX);
    let above = integral(|t| t.powi(power) * weight(t), -1.0, 1.0, 200)?;
    Ok(above / integral(weight, -1.0, 1.0, 200)?)
}

/// `lambda_k^2` of a link given as an expression: smooth ones by their branches, ones with finitely
/// many values by their jumps.
///
/// # Errors
/// [`MechanismError::Unsupported`] for links that are flat on an interval and not on others.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::{damian2024::squared_signal, exponents::Expression};
/// let sign = Expression::parse("sign(z)").unwrap();
/// let found = squared_signal(&sign, 1).unwrap();
/// assert!((found - 2.0 / std::f64::consts::PI).abs() <= 4.0 * f64::EPSILON);
/// ```
pub fn squared_signal(link: &Expression, k: usize) -> Result<f64, MechanismError> {
    let value = |z: f64| link.value(&[z]);
    let slope = |z: f64| {
        let jet: Jet = link.evaluate(&[Jet::variable(Enclosure::from(z))]);
        jet.0[1].midpoint()
    };
    let count = count(2.0 * REACH / SPACING);
    let at = |i: usize| -REACH + SPACING * i as f64 + 0.000_123;
    let flat = (0..count).filter(|i| !(slope(at(*i)).abs() > 0.0)).count();
    if flat == 0 {
        return Ok(SmoothLink::new(value, slope).squared_signal(k));
    }
    if flat < count {
        return Err(MechanismError::Unsupported { reason: "a link that is flat on an interval" });
    }
    let (mut ends, mut values) = (Vec::new(), vec![value(at(0))]);
    for i in 1..count {
        let here = value(at(i));
        let before = values[values.len() - 1];
        if (here - before).abs() > 0.0 {
            let (mut low, mut high) = (at(i - 1), at(i));
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                if (value(middle) - before).abs() > 0.0 { high = middle } else { low = middle }
            }
            ends.push(0.5 * (low + high));
            values.push(here);
        }
    }
    squared_signal_of_steps(k, &ends, &values)
}
