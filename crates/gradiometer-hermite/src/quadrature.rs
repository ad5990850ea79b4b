//! Gauss rules: Hermite for expectations under `N(0, 1)`, Legendre for the pieces between kinks.

use crate::error::HermiteError;
use crate::polynomial::Recurrence;
use std::f64::consts::PI;

/// Newton steps after the start value; two suffice, the others only confirm.
const NEWTON_STEPS: usize = 6;

/// Bisections that isolate a node before Newton's iteration.
const BISECTIONS: usize = 24;

/// The `n`-point Gauss-Hermite rule for `N(0, 1)`: `E p(z) = sum_i w_i p(x_i)` for polynomials of degree below `2n`.
///
/// The weights span hundreds of decades: from `n` about 380 the outermost underflow in `f64`. They are therefore kept as
/// `w_i exp(x_i^2/2)`, all of the size of the nodes' spacing, and given in three forms.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussHermite {
    nodes: Vec<f64>,
    scaled_weights: Vec<f64>,
}

impl GaussHermite {
    /// The rule with `n` nodes, ascending and exactly symmetric.
    ///
    /// Nodes are isolated by Sturm counts of the Jacobi matrix and refined by Newton's iteration on the orthonormal
    /// recurrence; `w_i = 1/(n h_{n-1}(x_i)^2)`. Measured against 50 digits for `n` up to 512: nodes to one
    /// ulp, weights above `1e-20` to a relative `8e-15`, all scaled weights to `2e-14`. Work `O(n^2)`.
    ///
    /// # Errors
    /// [`HermiteError::NoNodes`]; [`HermiteError::NodeNotFound`] if a node did not converge.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::quadrature::GaussHermite;
    /// let rule = GaussHermite::new(3).unwrap(); // nodes 0, +-sqrt 3, weights 2/3, 1/6
    /// assert!((rule.nodes()[2] - 3.0_f64.sqrt()).abs() <= 4.0 * f64::EPSILON);
    /// assert!((rule.expect(|z| z.powi(4)) - 3.0).abs() <= 16.0 * f64::EPSILON);
    /// ```
    pub fn new(n: usize) -> Result<Self, HermiteError> {
        if n == 0 {
            return Err(HermiteError::NoNodes);
        }
        let mut nodes = vec![0.0; n];
        let mut scaled_weights = vec![0.0; n];
        for i in 0..n.div_ceil(2) {
            // Node i from the top, not negative; the middle one of an odd rule is 0.
            let node = if n % 2 == 1 && i == n / 2 { 0.0 } else { positive_node(n, i)? };
            // The node is rounded: the root lies at node - rest, where the scaled weight is larger by node * rest.
            let (value, below) = last_two(n, node);
            let rest = value / ((n as f64).sqrt() * below);
            let weight = (1.0 + node * rest) / (n as f64 * below * below);
            let previous = if i == 0 { f64::INFINITY } else { nodes[n - i] };
            if !(node < previous && weight.is_finite()) {
                return Err(HermiteError::NodeNotFound { node: n - 1 - i, nodes: n });
            }
            nodes[n - 1 - i] = node;
            nodes[i] = -node;
            scaled_weights[n - 1 - i] = weight;
            scaled_weights[i] = weight;
        }
        if n % 2 == 1 {
            nodes[n / 2] = 0.0;
        }
        Ok(Self { nodes, scaled_weights })
    }

    /// The nodes, ascending.
    pub fn nodes(&self) -> &[f64] {
        &self.nodes
    }

    /// `w_i exp(x_i^2/2)`, never underflowing.
    pub fn scaled_weights(&self) -> &[f64] {
        &self.scaled_weights
    }

    /// The weights `w_i`; a weight below `5e-324` is returned as 0.
    pub fn weights(&self) -> Vec<f64> {
        let pairs = self.nodes.iter().zip(&self.scaled_weights);
        pairs.map(|(x, w)| w * gaussian(*x)).collect()
    }

    /// `ln w_i`.
    pub fn log_weights(&self) -> Vec<f64> {
        let pairs = self.nodes.iter().zip(&self.scaled_weights);
        pairs.map(|(x, w)| w.ln() - 0.5 * x * x).collect()
    }

    /// `sum_i w_i f(x_i)`, an approximation of `E f(z)`, exact for polynomials of degree below `2n`.
    ///
    /// `f` must not grow so fast that `f(x_i)` overflows where `w_i` underflows; for such products use
    /// [`GaussHermite::expect_scaled`].
    pub fn expect(&self, f: impl Fn(f64) -> f64) -> f64 {
        let pairs = self.nodes.iter().zip(&self.scaled_weights);
        pairs.map(|(x, w)| w * gaussian(*x) * f(*x)).sum()
    }

    /// `sum_i w_i exp(x_i^2/2) g(x_i)`, an approximation of `E[exp(z^2/2) g(z)]`, for `g` that carries the weight
    /// itself, such as a product of two [`hermite_functions`](crate::polynomial::hermite_functions).
    pub fn expect_scaled(&self, g: impl Fn(f64) -> f64) -> f64 {
        self.nodes.iter().zip(&self.scaled_weights).map(|(x, w)| w * g(*x)).sum()
    }
}

/// `exp(-x^2/2)` with the square's rounding put back: relative error 2 ulp for every `x`.
pub(crate) fn gaussian(x: f64) -> f64 {
    let square = x * x;
    let rest = x.mul_add(x, -square);
    (-0.5 * square).exp() * (1.0 - 0.5 * rest)
}

/// `h_n(x) exp(-x^2/4)` and `h_{n-1}(x) exp(-x^2/4)`, `n >= 1`.
fn last_two(n: usize, x: f64) -> (f64, f64) {
    let mut values = Recurrence::new(x, 0.25).skip(n - 1);
    let below = values.next().unwrap_or(f64::NAN);
    (values.next().unwrap_or(f64::NAN), below)
}

/// How many roots of `h_n` exceed `x`: the positive pivots of the Jacobi matrix minus `x`.
fn roots_above(n: usize, x: f64) -> usize {
    let (mut pivot, mut count) = (-x, 0);
    for k in 1..=n {
        // A zero pivot stands for a tiny one of either sign, if the same one is counted and divided by.
        if pivot.abs() < f64::MIN_POSITIVE {
            pivot = f64::MIN_POSITIVE;
        }
        count += usize::from(pivot > 0.0);
        pivot = -x - k as f64 / pivot;
    }
    count
}

/// The root of `h_n` with `i` roots above it, positive.
fn positive_node(n: usize, i: usize) -> Result<f64, HermiteError> {
    // All roots are below 2 sqrt n.
    let (mut low, mut high) = (0.0, 2.0 * (n as f64).sqrt());
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        if roots_above(n, middle) > i { low = middle } else { high = middle }
    }
    let mut x = 0.5 * (low + high);
    for step in 0..NEWTON_STEPS {
        // h_n' = sqrt n h_{n-1}.
        let (value, below) = last_two(n, x);
        let move_by = value / ((n as f64).sqrt() * below);
        x -= move_by;
        if step > 0 && move_by.abs() <= 4.0 * f64::EPSILON * x {
            return Ok(x);
        }
    }
    let (value, below) = last_two(n, x);
    // Rounding of the recurrence, n eps of its envelope, is all that may be left.
    if (value / below).abs() <= f64::EPSILON * n as f64 {
        Ok(x)
    } else {
        Err(HermiteError::NodeNotFound { node: n - 1 - i, nodes: n })
    }
}

/// The `n`-point Gauss-Legendre rule on `[-1, 1]`, exact for polynomials of degree below `2n`.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussLegendre {
    nodes: Vec<f64>,
    weights: Vec<f64>,
}

impl GaussLegendre {
    /// The rule with `n` nodes, ascending and exactly symmetric; nodes to an ulp, weights to a few `eps` relative
    /// (measured at `n = 48`).
    ///
    /// # Errors
    /// [`HermiteError::NoNodes`]; [`HermiteError::NodeNotFound`] if a node did not converge.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::quadrature::GaussLegendre;
    /// let rule = GaussLegendre::new(2).unwrap();
    /// assert!((rule.integrate(0.0, 1.0, |x| x * x) - 1.0 / 3.0).abs() <= 2.0 * f64::EPSILON);
    /// ```
    pub fn new(n: usize) -> Result<Self, HermiteError> {
        if n == 0 {
            return Err(HermiteError::NoNodes);
        }
        let (mut nodes, mut weights) = (vec![0.0; n], vec![0.0; n]);
        for i in 0..n.div_ceil(2) {
            let mut x = (PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
            if n % 2 == 1 && i == n / 2 {
                x = 0.0;
            }
            let mut converged = false;
            for _ in 0..NEWTON_STEPS {
                let (value, slope) = legendre(n, x);
                let move_by = value / slope;
                x -= move_by;
                // Within rounding of the value at the steepest place, n eps.
                if move_by.abs() <= 4.0 * f64::EPSILON {
                    converged = true;
                    break;
                }
            }
            if !converged {
                return Err(HermiteError::NodeNotFound { node: n - 1 - i, nodes: n });
            }
            // The node is rounded: the root lies at x - value/slope.
            let (value, slope) = legendre(n, x);
            let height = (1.0 - x) * (1.0 + x);
            let weight =
                2.0 * (1.0 + 2.0 * x * (value / slope) / height) / (height * slope * slope);
            (nodes[i], nodes[n - 1 - i]) = (-x, x);
            (weights[i], weights[n - 1 - i]) = (weight, weight);
        }
        Ok(Self { nodes, weights })
    }

    /// The nodes, ascending.
    pub fn nodes(&self) -> &[f64] {
        &self.nodes
    }

    /// The weights, summing to 2.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Nodes and weights carried to `[low, high]`.
    pub fn on(&self, low: f64, high: f64) -> impl Iterator<Item = (f64, f64)> {
        let (centre, half) = (0.5 * (low + high), 0.5 * (high - low));
        let pairs = self.nodes.iter().zip(&self.weights);
        pairs.map(move |(x, w)| (centre + half * x, half * w))
    }

    /// An approximation of the integral of `f` over `[low, high]`.
    pub fn integrate(&self, low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
        self.on(low, high).map(|(x, w)| w * f(x)).sum()
    }
}

/// `P_n(x)` and `P_n'(x)` for `0 <= x < 1`, by the recurrence of the differences `P_k - P_{k-1}`, which keeps its digits
/// near 1.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut now, mut difference) = (1.0, 0.0);
    for k in 0..n {
        let k = k as f64;
        difference = ((2.0 * k + 1.0) * (x - 1.0) * now + k * difference) / (k + 1.0);
        now += difference;
    }
    // (1 - x^2) P_n' = n (P_{n-1} - x P_n).
    (now, n as f64 * ((1.0 - x) * now - difference) / ((1.0 - x) * (1.0 + x)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polynomial::{hermite, hermite_functions};

    /// `(n, i, x_i, ln w_i)` from 60-digit arithmetic, `i` counted from the smallest node.
    const REFERENCES: [(usize, usize, f64, f64); 15] = [
        (8, 5, 1.636519042435108, -2.1435329507399006),
        (8, 6, 2.8024858612875416, -4.642330131420543),
        (8, 7, 4.1445471861258945, -9.091539735359166),
        (64, 33, 0.5868828233052925, -2.0291041460049137),
        (64, 48, 6.64937145634172, -23.87065245068128),
        (64, 62, 13.99404990887647, -99.0648801653935),
        (64, 63, 14.886186143339453, -111.6878152928641),
        (255, 128, 0.19654261974854748, -2.5651164113443707),
        (255, 191, 12.941342663315881, -86.19550939127542),
        (255, 253, 30.33753402014964, -461.57692157107175),
        (255, 254, 31.037838038034742, -482.8007403548791),
        (512, 257, 0.20815920639380212, -2.9155137999738496),
        (512, 384, 18.347543687966777, -171.1203497123207),
        (512, 510, 43.82719479496905, -961.9253399092315),
        (512, 511, 44.448898275394924, -989.097531679605),
    ];

    #[test]
    fn references() {
        for (n, i, node, log_weight) in REFERENCES {
            let rule = GaussHermite::new(n).unwrap();
            let error = (rule.nodes()[i] / node - 1.0).abs();
            assert!(error <= 16.0 * f64::EPSILON, "{n} {i}: {error:e}");
            // Forward error of the recurrence; ln w itself is rounded to eps |ln w|, x^2/2 to x^2 eps.
            let slack = (n as f64).sqrt() * 8.0 + 4.0 * log_weight.abs();
            let error = (rule.log_weights()[i] - log_weight).abs();
            assert!(error <= slack * f64::EPSILON, "{n} {i}: {error:e}");
        }
    }

    #[test]
    fn hermite_polynomials_are_orthonormal() {
        for n in [1, 2, 5, 20, 64, 201, 512] {
            let rule = GaussHermite::new(n).unwrap();
            let table: Vec<Vec<f64>> = rule
                .nodes()
                .iter()
                .map(|x| {
                    let mut h = vec![0.0; n];
                    hermite_functions(*x, &mut h);
                    h
                })
                .collect();
            for j in [0, 1, 2, 7, 40, 100, 199, 200, n - 1] {
                for k in [0, 1, 3, 8, 41, 101, 199, 200, n - 1] {
                    if j >= n || k >= n {
                        continue;
                    }
                    let sum: f64 =
                        table.iter().zip(rule.scaled_weights()).map(|(h, w)| w * h[j] * h[k]).sum();
                    let expected = if j == k { 1.0 } else { 0.0 };
                    // The recurrence's error grows like its length.
                    let slack = (16 + 4 * n) as f64 * f64::EPSILON;
                    assert!((sum - expected).abs() <= slack, "{n}: {j} {k}: {sum}");
                }
            }
        }
    }

    #[test]
    fn scaled_expectations_carry_the_weight() {
        // E[exp(z^2/2) exp(-z^2)] = int exp(-z^2)/sqrt(2 pi) = 1/sqrt 2; and functions h_k exp(-z^2/4) are orthonormal.
        let rule = GaussHermite::new(80).unwrap();
        let found = rule.expect_scaled(|z| (-z * z).exp());
        assert!((found - 0.5_f64.sqrt()).abs() <= 256.0 * f64::EPSILON, "{found}");
        let of = |j: usize, k: usize| {
            rule.expect_scaled(|z| {
                let mut h = [0.0; 8];
                hermite_functions(z, &mut h);
                h[j] * h[k]
            })
        };
        for (j, k, exact) in [(3, 3, 1.0), (2, 6, 0.0), (7, 7, 1.0)] {
            assert!((of(j, k) - exact).abs() <= 256.0 * f64::EPSILON, "{j} {k}");
        }
    }

    #[test]
    fn a_wrong_normalisation_is_caught() {
        // Negative control: monic polynomials, or physicists' scaling, fail at the lowest degrees.
        let rule = GaussHermite::new(20).unwrap();
        let monic = rule.expect(|x| hermite(3, x).powi(2) * 6.0);
        assert!((monic - 1.0).abs() > 1.0);
        let physicists = rule.expect(|x| hermite(2, x * 2.0_f64.sqrt()).powi(2));
        assert!((physicists - 1.0).abs() > 0.1);
    }

    #[test]
    fn products_of_hermite_polynomials_of_two_directions() {
        // Statement 2.1: E h_j(u.x) h_k(v.x) = 1{j = k} (u.v)^k.
        let rule = GaussHermite::new(40).unwrap();
        let weights = rule.weights();
        proptest::proptest!(|(a in 0.0..6.3_f64, b in 0.0..6.3_f64, j in 0..12_usize, k in 0..12_usize)| {
            let (u, v) = ((a.cos(), a.sin()), (b.cos(), b.sin()));
            let (mut sum, mut size) = (0.0, 0.0);
            for (x, p) in rule.nodes().iter().zip(&weights) {
                for (y, q) in rule.nodes().iter().zip(&weights) {
                    let term = p * q * hermite(j, u.0 * x + u.1 * y) * hermite(k, v.0 * x + v.1 * y);
                    sum += term;
                    size += term.abs();
                }
            }
            let t = (a - b).cos();
            let exact = if j == k { t.powi(i32::try_from(k).unwrap()) } else { 0.0 };
            // Rounded directions are not quite unit and the sum has 1600 terms.
            proptest::prop_assert!((sum - exact).abs() <= 256.0 * f64::EPSILON * (1.0 + size), "{} {}", sum, exact);
        });
    }

    #[test]
    fn large_rules_do_not_lose_their_tails() {
        let rule = GaussHermite::new(512).unwrap();
        assert!(rule.weights()[0] <= 0.0, "the outermost weight underflows");
        assert!(rule.log_weights()[0] < -745.0 && rule.scaled_weights()[0] > 0.1);
        let total: f64 = rule.weights().iter().sum();
        assert!((total - 1.0).abs() <= 64.0 * f64::EPSILON);
        assert!(rule.nodes().windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn legendre_rules_integrate_powers() {
        for n in [1, 2, 3, 24, 48, 101] {
            let rule = GaussLegendre::new(n).unwrap();
            for k in [0, 1, 2, 5, 2 * n - 1] {
                let power = i32::try_from(k).unwrap();
                let found = rule.integrate(-1.0, 2.0, |x| (x / 2.0).powi(power));
                let exact =
                    (2.0 + (-1.0_f64).powi(power) * 2.0 * 0.5_f64.powi(power + 1)) / (k + 1) as f64;
                assert!(
                    k >= 2 * n || (found - exact).abs() <= (16 + n) as f64 * f64::EPSILON,
                    "{n} {k}"
                );
            }
            assert!(rule.nodes().windows(2).all(|w| w[0] < w[1]));
        }
    }

    #[test]
    fn every_size_has_total_weight_one() {
        for n in 1..130 {
            let total: f64 = GaussHermite::new(n).unwrap().weights().iter().sum();
            assert!((total - 1.0).abs() <= (16 + n) as f64 * f64::EPSILON, "{n}: {total}");
        }
    }

    #[test]
    fn empty_rules_are_refused() {
        assert_eq!(GaussHermite::new(0), Err(HermiteError::NoNodes));
        assert_eq!(GaussLegendre::new(0), Err(HermiteError::NoNodes));
    }
}
