//! Ridge after one large step: spiked random features (11.5).
//!
//! \[CPDKLZL24\] (Cui, Pesce, Dandi, Krzakala, Lu, Zdeborova, Loureiro 2024): rows `w_j =
//! w_perp_j + rho_j v` with `rho_j` of order 1. Given `v.x` the features are Gaussian to leading order;
//! without that condition they are not.

use crate::error::MechanismError;
use crate::linear_algebra::{apply, dot, norm, require_positive, require_shape, row_norms};
use crate::normal::{Rule, density, distribution};
use crate::pair::Outcome;
use crate::ridge::relu_engine;
use crate::sample::{self, FirstStep, Label, Summary, paired};
use crate::target::{binomial, power};
use faer::linalg::solvers::{DenseSolveCore, Solve, SolveLstsq};
use faer::{Mat, MatRef, Side};
use gradiometer_hermite::polynomial::hermite_all;
use rand::RngExt;
use rand_distr::StandardNormal;
use std::f64::consts::FRAC_1_SQRT_2;
use std::ops::Range;

/// When the fixed point of the conditional engine counts as reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// Largest relative change of a leverage in the last round. Default `1e-13`; where rounding
    /// keeps changes above it they stop falling below `1e-11`, and that ends it too.
    pub change: f64,
    /// Most rounds. Default 20000; 8 to 20 are usual.
    pub rounds: usize,
}

impl Tuning {
    /// For predictions beside sampled figures: relative changes below `1e-8` are far below their
    /// errors.
    pub fn sampled() -> Self {
        Self { change: 1e-8, ..Self::default() }
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self { change: 1e-13, rounds: 20_000 }
    }
}

/// A label `y = sum_k coefficients[k] h_k(u.x)` with `u = along v + sqrt(1 - along^2) u_perp`,
/// given `v.x = x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelGiven {
    /// `ybar = E[y | x]`.
    pub mean: f64,
    /// `vy = Var(y | x)`.
    pub variance: f64,
    /// `b_1 = E[y s | x]`, `s = u_perp.x`.
    pub first: f64,
    /// `b_2 = E[y h_2(s) | x]`.
    pub second: f64,
}

impl LabelGiven {
    /// In closed form, by `h_k(g x + b s) = sum_j sqrt(C(k,j)) g^{k-j} b^j h_{k-j}(x) h_j(s)`, `b =
    /// sqrt(1 - g^2)`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::cui2024::LabelGiven;
    /// let label = LabelGiven::new(&[0.0, 1.0], 0.6, 2.0);
    /// assert!((label.mean - 1.2).abs() <= 4.0 * f64::EPSILON);
    /// assert!((label.variance - 0.64).abs() <= 4.0 * f64::EPSILON);
    /// ```
    pub fn new(coefficients: &[f64], along: f64, x: f64) -> Self {
        let across = ((1.0 - along) * (1.0 + along)).sqrt();
        let mut h = vec![0.0; coefficients.len()];
        hermite_all(x, &mut h);
        let component = |j: usize| -> f64 {
            (j..coefficients.len())
                .map(|k| {
                    let scale = binomial(k, j).sqrt() * power(along, k - j) * power(across, j);
                    coefficients[k] * scale * h[k - j]
                })
                .sum()
        };
        let parts: Vec<f64> = (0..coefficients.len()).map(component).collect();
        let part = |j: usize| parts.get(j).copied().unwrap_or(0.0);
        Self {
            mean: part(0),
            variance: parts.iter().skip(1).map(|c| c * c).sum(),
            first: part(1),
            second: part(2),
        }
    }
}

/// Moments of features and label given `v.x = x_q`.
#[derive(Clone, Debug)]
pub struct NodeMoments {
    /// `M_q`, means of the features (`N`).
    pub mean: Vec<f64>,
    /// `Om_q`, their covariance (`N x N`).
    pub covariance: Mat<f64>,
    /// `ybar`.
    pub label_mean: f64,
    /// `vy`.
    pub label_variance: f64,
    /// `c`, covariance of features and label (`N`).
    pub cross: Vec<f64>,
}

/// The conditional engine: moments of features and label at the nodes of a rule for `v.x`.
#[derive(Clone, Debug)]
pub struct ConditionalRidge {
    nodes: Vec<NodeMoments>,
    weights: Vec<f64>,
}

/// What the conditional engine predicts.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionalRisk {
    /// `V_q`, leverages.
    pub leverage: Vec<f64>,
    /// The mean predictor, intercept first (`N + 1`).
    pub weights: Vec<f64>,
    /// `(ybar - w.M)^2 + vy - 2 w.c + w.Om w` at each node.
    pub base: Vec<f64>,
    /// `E_q`, the test error given `v.x = x_q`.
    pub errors: Vec<f64>,
    /// `sum_q p_q E_q`.
    pub test: f64,
    /// `sum_q p_q om_q^2 E_q`.
    pub train: f64,
    /// Rounds of the fixed point.
    pub rounds: usize,
}

impl ConditionalRidge {
    /// From moments at nodes with the weights of a rule for `N(0, 1)`.
    ///
    /// # Errors
    /// [`MechanismError::Shape`], [`MechanismError::TooSmall`] for no nodes.
    pub fn new(nodes: Vec<NodeMoments>, weights: Vec<f64>) -> Result<Self, MechanismError> {
        require_shape("the weights", weights.len(), nodes.len())?;
        let Some(first) = nodes.first() else {
            return Err(MechanismError::TooSmall { what: "the nodes", found: 0, least: 1 });
        };
        let width = first.mean.len();
        for node in &nodes {
            require_shape("the means", node.mean.len(), width)?;
            require_shape("the covariances with the label", node.cross.len(), width)?;
            require_shape("the rows of a covariance", node.covariance.nrows(), width)?;
            require_shape("the columns of a covariance", node.covariance.ncols(), width)?;
            crate::linear_algebra::require_finite("a covariance", node.covariance.as_ref())?;
        }
        Ok(Self { nodes, weights })
    }

    /// ReLU features of `weights` (`N x d`) with the spike direction `v` (unit, `d`) and the label
    /// `sum_k coefficients[k] h_k(u.x)`, `u` a unit vector (`d`).
    ///
    /// With `rho_j = w_j.v`, `r_j = |w_perp_j|`, `z = rho_j x_q/r_j`: means `rho x_q Phi(z) + r
    /// phi(z)`; `a1 = r Phi(z)`, `a2 = r phi(z)/sqrt 2`; covariance `a1 a1^T o C + a2 a2^T o C o C`
    /// off the diagonal, `C` the cosines of the `w_perp`; diagonal exact, `(rho^2 x_q^2 + r^2)
    /// Phi(z) + rho x_q r phi(z) - M^2`; with the label `a1 b1 tt + a2 b2 tt^2`, `tt_j =
    /// cos(w_perp_j, u_perp)`. 11 Gauss-Hermite nodes do to `|rho| = 1`, 40 to 3.
    ///
    /// # Errors
    /// [`MechanismError::Shape`], [`MechanismError::NoDirection`] if `u` or `v` is no unit vector.
    pub fn spiked(
        weights: MatRef<'_, f64>,
        v: &[f64],
        u: &[f64],
        coefficients: &[f64],
        rule: &Rule,
    ) -> Result<Self, MechanismError> {
        require_shape("the spike direction", v.len(), weights.ncols())?;
        require_shape("the label's direction", u.len(), weights.ncols())?;
        for (index, x) in [v, u].into_iter().enumerate() {
            if !((norm(x) - 1.0).abs() < 1e-6) {
                return Err(MechanismError::NoDirection { what: "direction", index });
            }
        }
        let n = weights.nrows();
        let spikes = apply(weights, v);
        let outside = Mat::from_fn(n, weights.ncols(), |j, k| weights[(j, k)] - spikes[j] * v[k]);
        let lengths = row_norms(outside.as_ref());
        let along = dot(u, v);
        let mut rest: Vec<f64> = u.iter().zip(v).map(|(x, y)| x - along * y).collect();
        let length = norm(&rest);
        // u = v: the label does not see what lies outside v.
        let scale = if length > 1e-12 { 1.0 / length } else { 0.0 };
        for x in &mut rest {
            *x *= scale;
        }
        let towards: Vec<f64> = apply(outside.as_ref(), &rest)
            .into_iter()
            .zip(&lengths)
            .map(|(product, r)| if *r > 0.0 { product / r } else { 0.0 })
            .collect();
        let mut cosines = &outside * outside.transpose();
        for j in 0..n {
            for i in 0..n {
                let scale = lengths[i] * lengths[j];
                cosines[(i, j)] = if scale > 0.0 { cosines[(i, j)] / scale } else { 0.0 };
            }
        }
        let nodes = rule
            .nodes()
            .iter()
            .map(|&x| {
                let label = LabelGiven::new(coefficients, along, x);
                node_moments(x, &spikes, &lengths, cosines.as_ref(), &towards, label)
            })
            .collect();
        Self::new(nodes, rule.weights().to_vec())
    }

    /// The moments at each node.
    pub fn nodes(&self) -> &[NodeMoments] {
        &self.nodes
    }

    /// **11.5.1 Conditional engine** (asymptotic in `n`, `N`, `d`; any network): test and training
    /// error of ridge with `n` samples, penalty `lambda |w|^2` beside the mean square, intercept
    /// free.
    ///
    /// With a leading 1 in the means, `S_q = Om_q + M_q M_q^T` and `Lam = diag(0, lambda, ...,
    /// lambda)`: fixed point `om_q = 1/(1+V_q)`, `Q = (Lam + sum p om S)^{-1}`, `V_q = tr(S_q
    /// Q)/n`; `w = Q sum p om (M ybar + c)`, `base_q = (ybar - w.M)^2 + vy - 2 w.c + w.Om w`; `E_q
    /// = base_q + sum_q' K_qq' p_q' om_q'^2 E_q'`, `K_qq' = tr(S_q Q S_q' Q)/n`; `test = sum p E`,
    /// `train = sum p om^2 E`. Finite-size error `1/d`, `3/d` for `lambda <= 1e-3`. One node and no
    /// spike is the Gaussian engine.
    ///
    /// Control: the Gaussian engine on a constant readout. Source: \[CPDKLZL24\]'s setting; derived
    /// here by leave-one-out.
    ///
    /// # Errors
    /// [`MechanismError::NotPositive`] for `lambda`, [`MechanismError::TooSmall`] for `n = 0`,
    /// [`MechanismError::Factorisation`], [`MechanismError::NotConverged`].
    pub fn risk(
        &self,
        samples: usize,
        penalty: f64,
        tuning: Tuning,
    ) -> Result<ConditionalRisk, MechanismError> {
        require_positive("the penalty", penalty)?;
        if samples == 0 {
            return Err(MechanismError::TooSmall { what: "the samples", found: 0, least: 1 });
        }
        let n = samples as f64;
        let second = SecondMoments::new(&self.nodes);
        let mut leverage = vec![1.0; self.nodes.len()];
        let mut resolvent = Mat::zeros(0, 0);
        let mut acceleration = Anderson::default();
        let (mut rounds, mut change, mut settled) = (0, f64::INFINITY, false);
        while !settled {
            if rounds == tuning.rounds {
                return Err(not_converged(rounds, change));
            }
            rounds += 1;
            let weighted = self.weights.iter().zip(&leverage).map(|(p, v)| p / (1.0 + v));
            resolvent = second.resolvent(&weighted.collect::<Vec<f64>>(), penalty)?;
            let next: Vec<f64> = second.traces(&resolvent).into_iter().map(|x| x / n).collect();
            let last = change;
            change = gradiometer_hermite::float::maximum_of(
                next.iter().zip(&leverage).map(|(x, v)| ((x - v) / x).abs()),
            );
            settled = change <= tuning.change || (change <= ROUNDING && change >= 0.5 * last);
            leverage = if settled { next } else { acceleration.next(&leverage, &next) };
        }
        let omega: Vec<f64> = leverage.iter().map(|v| 1.0 / (1.0 + v)).collect();
        let weights = self.mean_predictor(&omega, resolvent.as_ref());
        let base: Vec<f64> = self.nodes.iter().map(|node| base_error(node, &weights)).collect();
        let couplings = second.couplings(resolvent.as_ref());
        let count = base.len();
        let mut system = Mat::<f64>::identity(count, count);
        for q in 0..count {
            for p in 0..count {
                system[(q, p)] -= couplings[(q, p)] / n * self.weights[p] * omega[p] * omega[p];
            }
        }
        let right = Mat::from_fn(count, 1, |q, _| base[q]);
        let solution = system.partial_piv_lu().solve(&right);
        let errors: Vec<f64> = (0..count).map(|q| solution[(q, 0)]).collect();
        let test = dot(&self.weights, &errors);
        let train = (0..count).map(|q| self.weights[q] * omega[q] * omega[q] * errors[q]).sum();
        Ok(ConditionalRisk { leverage, weights, base, errors, test, train, rounds })
    }

    /// `w = Q sum p om (M ybar + c)`, intercept first.
    fn mean_predictor(&self, omega: &[f64], resolvent: MatRef<'_, f64>) -> Vec<f64> {
        let mut right = vec![0.0; resolvent.nrows()];
        for ((node, p), om) in self.nodes.iter().zip(&self.weights).zip(omega) {
            right[0] += p * om * node.label_mean;
            let entries = node.mean.iter().zip(&node.cross);
            for (entry, (mean, cross)) in right[1..].iter_mut().zip(entries) {
                *entry += p * om * (mean * node.label_mean + cross);
            }
        }
        apply(resolvent, &right)
    }
}

fn not_converged(steps: usize, remaining: f64) -> MechanismError {
    MechanismError::NotConverged { what: "the fixed point", steps, remaining }
}

/// Moments at one node.
fn node_moments(
    x: f64,
    spikes: &[f64],
    lengths: &[f64],
    cosines: MatRef<'_, f64>,
    towards: &[f64],
    label: LabelGiven,
) -> NodeMoments {
    let n = spikes.len();
    let (mut mean, mut first, mut second) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let (mut variance, mut cross) = (vec![0.0; n], vec![0.0; n]);
    for j in 0..n {
        let (shift, r) = (spikes[j] * x, lengths[j]);
        if !(r > 0.0) {
            // Nothing is left at random.
            mean[j] = if shift > 0.0 { shift } else { 0.0 };
            continue;
        }
        let z = shift / r;
        let (inside, edge) = (distribution(z), density(z));
        mean[j] = shift * inside + r * edge;
        first[j] = r * inside;
        second[j] = r * edge * FRAC_1_SQRT_2;
        variance[j] = (shift * shift + r * r) * inside + shift * r * edge - mean[j] * mean[j];
        cross[j] = first[j] * label.first * towards[j]
            + second[j] * label.second * towards[j] * towards[j];
    }
    let covariance = Mat::from_fn(n, n, |i, j| {
        if i == j {
            return variance[i];
        }
        let t = cosines[(i, j)];
        first[i] * first[j] * t + second[i] * second[j] * t * t
    });
    NodeMoments { mean, covariance, label_mean: label.mean, label_variance: label.variance, cross }
}

/// `S_q = Om_q + M_q M_q^T` with a leading 1 in the means (`N+1 x N+1`), the entries of each node in a
/// column: sums over nodes and traces are then products with that matrix.
struct SecondMoments {
    entries: Mat<f64>,
    size: usize,
}

impl SecondMoments {
    fn new(nodes: &[NodeMoments]) -> Self {
        let size = nodes[0].mean.len() + 1;
        let mut entries = Mat::<f64>::zeros(size * size, nodes.len());
        let mut mean = vec![1.0; size];
        for (q, node) in nodes.iter().enumerate() {
            mean[1..].copy_from_slice(&node.mean);
            let columns = entries.col_as_slice_mut(q).chunks_exact_mut(size);
            for (j, column) in columns.enumerate() {
                for (entry, x) in column.iter_mut().zip(&mean) {
                    *entry = x * mean[j];
                }
                if j > 0 {
                    for (i, entry) in column[1..].iter_mut().enumerate() {
                        *entry += node.covariance[(i, j - 1)];
                    }
                }
            }
        }
        Self { entries, size }
    }

    /// `Q = (Lam + sum_q weights_q S_q)^{-1}`.
    fn resolvent(&self, weights: &[f64], penalty: f64) -> Result<Mat<f64>, MechanismError> {
        let size = self.size;
        let sum = &self.entries * faer::ColRef::from_slice(weights);
        let sum = Mat::from_fn(size, size, |i, j| {
            sum[j * size + i] + if i == j && i > 0 { penalty } else { 0.0 }
        });
        let what = "the weighted second moment of the features";
        let factor =
            sum.llt(Side::Lower).map_err(|_not_positive| MechanismError::Factorisation { what })?;
        Ok(factor.inverse())
    }

    /// `tr(S_q Q)` for every node.
    fn traces(&self, resolvent: &Mat<f64>) -> Vec<f64> {
        let size = self.size;
        let flat: Vec<f64> = (0..size).flat_map(|j| resolvent.col_as_slice(j)).copied().collect();
        let traces = self.entries.transpose() * faer::ColRef::from_slice(&flat);
        traces.iter().copied().collect()
    }

    /// `tr(S_q Q S_p Q)` for every pair.
    fn couplings(&self, resolvent: MatRef<'_, f64>) -> Mat<f64> {
        let (size, count) = (self.size, self.entries.ncols());
        let mut products = Mat::<f64>::zeros(size * size, count);
        let mut transposed = Mat::<f64>::zeros(size * size, count);
        for q in 0..count {
            let own = self.entries.col_as_slice(q);
            let own = MatRef::from_column_major_slice(own, size, size) * resolvent;
            for j in 0..size {
                let (from, to) = (j * size, (j + 1) * size);
                products.col_as_slice_mut(q)[from..to].copy_from_slice(own.col_as_slice(j));
            }
            let turned = own.transpose().to_owned();
            for j in 0..size {
                let (from, to) = (j * size, (j + 1) * size);
                transposed.col_as_slice_mut(q)[from..to].copy_from_slice(turned.col_as_slice(j));
            }
        }
        products.transpose() * transposed
    }
}

/// Anderson's acceleration of a fixed point of positive numbers, in their logarithms: the next
/// point is the combination of the last images whose combined change is least.
#[derive(Debug, Default)]
struct Anderson {
    /// Changes and images of the last rounds.
    rounds: Vec<(Vec<f64>, Vec<f64>)>,
}

/// Relative changes of a leverage below which they may be rounding alone.
const ROUNDING: f64 = 1e-11;

/// Rounds that the acceleration looks back.
const LOOK_BACK: usize = 5;

/// Largest factor between the accelerated next point and the plain one.
const LARGEST_FACTOR: f64 = 2.0;

impl Anderson {
    /// The next point, from the last one and its image.
    fn next(&mut self, point: &[f64], image: &[f64]) -> Vec<f64> {
        let logs = |x: &[f64]| -> Vec<f64> { x.iter().map(|x| x.ln()).collect() };
        let (before, after) = (logs(point), logs(image));
        let change: Vec<f64> = after.iter().zip(&before).map(|(x, y)| x - y).collect();
        let depth = self.rounds.len().min(point.len());
        let past = &self.rounds[self.rounds.len() - depth..];
        let mut next = after.clone();
        if depth > 0 {
            let steps = Mat::from_fn(point.len(), depth, |i, k| change[i] - past[k].0[i]);
            let right = Mat::from_fn(point.len(), 1, |i, _| change[i]);
            let shares = steps.col_piv_qr().solve_lstsq(right);
            for (i, x) in next.iter_mut().enumerate() {
                let moves = past.iter().enumerate();
                *x -= moves.map(|(k, p)| shares[(k, 0)] * (after[i] - p.1[i])).sum::<f64>();
            }
        }
        let near = |(x, y): (&f64, &f64)| (x - y).abs() <= LARGEST_FACTOR.ln();
        if !next.iter().zip(&after).all(near) {
            next.clone_from(&after);
        }
        if self.rounds.len() == LOOK_BACK {
            self.rounds.remove(0);
        }
        self.rounds.push((change, after));
        next.into_iter().map(f64::exp).collect()
    }
}

/// `(ybar - w.M)^2 + vy - 2 w.c + w.Om w`.
fn base_error(node: &NodeMoments, weights: &[f64]) -> f64 {
    let w = &weights[1..];
    let mismatch = node.label_mean - weights[0] - dot(w, &node.mean);
    let spread = crate::linear_algebra::form(w, node.covariance.as_ref(), w);
    mismatch * mismatch + node.label_variance - 2.0 * dot(w, &node.cross) + spread
}

/// A network whose rows all carry the same spike, in the limit of large `d` (11.5.2).
#[derive(Clone, Debug, PartialEq)]
pub struct ConstantReadout {
    /// Hermite coefficients of the label's function `g`, from degree 0 on.
    pub coefficients: Vec<f64>,
    /// `gamma = u.v`.
    pub along: f64,
    /// `c = rho_j`, the same for all.
    pub spike: f64,
    /// `psi = N/d`.
    pub width_over_d: f64,
    /// `delta = n/d`.
    pub samples_over_d: f64,
    /// `lambda`.
    pub penalty: f64,
}

/// The scalar limit's prediction with the numbers it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConstantReadoutRisk {
    /// Test error.
    pub test: f64,
    /// Training error.
    pub train: f64,
    /// `E[base]`: the error of the mean predictor.
    pub bias: f64,
    /// `A = E om mu1^2`.
    pub linear_weight: f64,
    /// `B = E om mu2`.
    pub noise_weight: f64,
    /// `T1`.
    pub linear_leverage: f64,
    /// `T2`.
    pub noise_leverage: f64,
    /// `x = (lambda + B)/A`.
    pub argument: f64,
    /// `s(x)`, Stieltjes transform of the bulk.
    pub transform: f64,
}

/// `mu0, mu1, mu2` of `relu(z + s)`, `s ~ N(0, 1)`: mean, linear coefficient, and the energy of the
/// rest.
fn shifted_relu(z: f64) -> (f64, f64, f64) {
    let (inside, edge) = (distribution(z), density(z));
    let mean = z * inside + edge;
    (mean, inside, (z * z + 1.0) * inside + z * edge - mean * mean - inside * inside)
}

impl ConstantReadout {
    /// **11.5.2 Scalar limit, constant readout** (asymptotic: `N/d -> psi`, `n/d -> delta`, every
    /// `rho_j = c`, `|w_perp| = 1`). A fixed point in two numbers `T1, T2`; expectations over `v.x`
    /// by `rule`, for which
    /// [`Rule::fine`] is exact to rounding.
    ///
    /// Finite-size error `4/d`. Control: its use for a network with spikes of both signs. For `c =
    /// 0` it is plain random features. Source: \[CPDKLZL24\]'s setting, derived from 11.5.1.
    ///
    /// # Errors
    /// [`MechanismError::NotPositive`] for a ratio or penalty, [`MechanismError::NotConverged`].
    pub fn risk(&self, rule: &Rule, tuning: Tuning) -> Result<ConstantReadoutRisk, MechanismError> {
        require_positive("N/d", self.width_over_d)?;
        require_positive("n/d", self.samples_over_d)?;
        require_positive("the penalty", self.penalty)?;
        let psi = self.width_over_d;
        let ratio = psi / self.samples_over_d;
        let moments: Vec<_> = rule.nodes().iter().map(|x| shifted_relu(self.spike * x)).collect();
        let labels: Vec<_> = rule
            .nodes()
            .iter()
            .map(|&x| LabelGiven::new(&self.coefficients, self.along, x))
            .collect();
        let (mut t1, mut t2) = (ratio, ratio);
        let (mut rounds, mut change) = (0, f64::INFINITY);
        let mut state = Bulk::default();
        while !(change <= tuning.change) {
            if rounds == tuning.rounds {
                return Err(not_converged(rounds, change));
            }
            rounds += 1;
            state = self.bulk(rule, &moments, t1, t2);
            let next2 = ratio * state.s / state.a;
            let next1 = (ratio - (self.penalty + state.b) * next2) / state.a;
            change = gradiometer_hermite::float::maximum(
                ((next1 - t1) / next1).abs(),
                ((next2 - t2) / next2).abs(),
            );
            (t1, t2) = (next1, next2);
        }
        let Bulk { a, b, x, s } = state;
        let slope = -(psi * s * s + s) / (2.0 * psi * x * s + x + 1.0 - psi);
        let omega: Vec<f64> =
            moments.iter().map(|(_, m1, m2)| 1.0 / (1.0 + m1 * m1 * t1 + m2 * t2)).collect();
        let q2 = -slope / (a * a);
        let mq1 = (1.0 - x * s) / a;
        let mq2 = (s + x * slope) / (a * a);
        let mmq2 = (1.0 - 2.0 * x * s - x * x * slope) / (a * a);
        let mismatch = self.mean_mismatch(rule, &moments, &labels, &omega);
        let weighted = (0..omega.len()).map(|i| omega[i] * moments[i].1 * labels[i].first);
        let bq = rule.mean(weighted);
        let base: Vec<f64> = (0..omega.len())
            .map(|i| {
                let (_, m1, m2) = moments[i];
                mismatch[i] * mismatch[i] + labels[i].variance
                    - 2.0 * m1 * labels[i].first * bq * psi * mq1
                    + bq * bq * psi * (m1 * m1 * mmq2 + m2 * mq2)
            })
            .collect();
        // E = base + P1 f1 + P2 f2, P1 = E om^2 mu1^2 E, P2 = E om^2 mu2 E.
        let (k11, k12, k22) = (ratio * q2, ratio * mq2, ratio * mmq2);
        let parts: Vec<(f64, f64, f64, f64)> = moments
            .iter()
            .zip(&omega)
            .map(|((_, m1, m2), om)| {
                let (g1, g2) = (m1 * m1, *m2);
                (om * om * g1, om * om * g2, g1 * k22 + g2 * k12, g1 * k12 + g2 * k11)
            })
            .collect();
        let mean = |f: &dyn Fn(usize) -> f64| rule.mean((0..parts.len()).map(f));
        let (r1, r2) = (mean(&|i| parts[i].0 * base[i]), mean(&|i| parts[i].1 * base[i]));
        let m11 = 1.0 - mean(&|i| parts[i].0 * parts[i].2);
        let m12 = -mean(&|i| parts[i].0 * parts[i].3);
        let m21 = -mean(&|i| parts[i].1 * parts[i].2);
        let m22 = 1.0 - mean(&|i| parts[i].1 * parts[i].3);
        let determinant = m11 * m22 - m12 * m21;
        let p1 = (r1 * m22 - m12 * r2) / determinant;
        let p2 = (m11 * r2 - m21 * r1) / determinant;
        let errors: Vec<f64> =
            (0..parts.len()).map(|i| base[i] + p1 * parts[i].2 + p2 * parts[i].3).collect();
        Ok(ConstantReadoutRisk {
            test: mean(&|i| errors[i]),
            train: mean(&|i| omega[i] * omega[i] * errors[i]),
            bias: mean(&|i| base[i]),
            linear_weight: a,
            noise_weight: b,
            linear_leverage: t1,
            noise_leverage: t2,
            argument: x,
            transform: s,
        })
    }

    fn bulk(&self, rule: &Rule, moments: &[(f64, f64, f64)], t1: f64, t2: f64) -> Bulk {
        let omega =
            || moments.iter().map(|(_, m1, m2)| (m1, m2, 1.0 / (1.0 + m1 * m1 * t1 + m2 * t2)));
        let a = rule.mean(omega().map(|(m1, _, om)| om * m1 * m1));
        let b = rule.mean(omega().map(|(_, m2, om)| om * m2));
        let psi = self.width_over_d;
        let x = (self.penalty + b) / a;
        let shift = x + 1.0 - psi;
        let s = 2.0 / (shift + (shift * shift + 4.0 * psi * x).sqrt());
        Bulk { a, b, x, s }
    }

    /// `ybar` minus its least-squares fit on `(1, mu0)` with weights `om`; on 1 alone without a
    /// spike.
    fn mean_mismatch(
        &self,
        rule: &Rule,
        moments: &[(f64, f64, f64)],
        labels: &[LabelGiven],
        omega: &[f64],
    ) -> Vec<f64> {
        let count = omega.len();
        let mean = |f: &dyn Fn(usize) -> f64| rule.mean((0..count).map(|i| omega[i] * f(i)));
        let total = mean(&|_| 1.0);
        let (y, m) = (mean(&|i| labels[i].mean) / total, mean(&|i| moments[i].0) / total);
        let spread = mean(&|i| (moments[i].0 - m).powi(2));
        let covariance = mean(&|i| (moments[i].0 - m) * (labels[i].mean - y));
        let slope = if self.spike.abs() > 0.0 { covariance / spread } else { 0.0 };
        (0..count).map(|i| labels[i].mean - y - slope * (moments[i].0 - m)).collect()
    }
}

/// One round's numbers of the scalar limit.
#[derive(Clone, Copy, Debug, Default)]
struct Bulk {
    a: f64,
    b: f64,
    x: f64,
    s: f64,
}

/// A column whose rest after projection is below this share of its length counts as dependent.
const DEPENDENT: f64 = 1e-11;

/// **11.5.3 What can be learnt at all** (identity in the limit `N, n -> infinity` after `d`): the
/// error that remains for spikes in a finite set of `levels`, `|w_perp| = norm_outside` for all.
///
/// `E[(ybar - Pi ybar)^2 + (b1 - Pi' b1)^2 + vy - b1^2]`: `Pi` projects, in the square-integrable
/// functions of `v.x`, on the span of 1 and `mu0(rho x/r)` over the levels, `Pi'` on that of
/// `mu1(rho x/r)`. So one level can express one nonlinear function of `v.x`, `L` levels `L` of
/// them, and the directions orthogonal to `v` only linearly. `coefficients` are those of `g` from
/// degree 0 on, `along` is `u.v`.
///
/// Control: degree 3 stays whatever the levels (parity).
///
/// # Errors
/// [`MechanismError::NotPositive`] for `norm_outside`, [`MechanismError::TooSmall`] for no levels.
pub fn unlearnable(
    coefficients: &[f64],
    along: f64,
    levels: &[f64],
    norm_outside: f64,
    rule: &Rule,
) -> Result<f64, MechanismError> {
    require_positive("the length outside the spike", norm_outside)?;
    if levels.is_empty() {
        return Err(MechanismError::TooSmall { what: "the levels", found: 0, least: 1 });
    }
    let labels: Vec<_> =
        rule.nodes().iter().map(|&x| LabelGiven::new(coefficients, along, x)).collect();
    let moments =
        |level: f64| rule.nodes().iter().map(move |x| shifted_relu(level * x / norm_outside));
    let mut means = vec![vec![1.0; rule.nodes().len()]];
    means.extend(levels.iter().map(|&level| moments(level).map(|(m0, _, _)| m0).collect()));
    let slopes =
        levels.iter().map(|&level| moments(level).map(|(_, m1, _)| m1).collect()).collect();
    let first = distance_to_span(rule, labels.iter().map(|l| l.mean).collect(), means);
    let second = distance_to_span(rule, labels.iter().map(|l| l.first).collect(), slopes);
    let rest = rule.mean(labels.iter().map(|l| l.variance - l.first * l.first));
    Ok(first + second + rest)
}

/// `E (f - Pi f)^2` for the projection on the span of `columns`, by Gram-Schmidt done twice.
fn distance_to_span(rule: &Rule, function: Vec<f64>, columns: Vec<Vec<f64>>) -> f64 {
    let product = |x: &[f64], y: &[f64]| rule.mean(x.iter().zip(y).map(|(a, b)| a * b));
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let remove = |x: &mut Vec<f64>, basis: &[Vec<f64>]| {
        for _ in 0..2 {
            for b in basis {
                let share = product(x, b);
                x.iter_mut().zip(b).for_each(|(x, b)| *x -= share * b);
            }
        }
    };
    for mut column in columns {
        let before = product(&column, &column).sqrt();
        remove(&mut column, &basis);
        let after = product(&column, &column).sqrt();
        if after > DEPENDENT * before {
            for x in &mut column {
                *x /= after;
            }
            basis.push(column);
        }
    }
    let mut rest = function;
    remove(&mut rest, &basis);
    product(&rest, &rest)
}

/// The spikes of a network's rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spikes {
    /// The same for all: a constant readout.
    Constant(f64),
    /// This size with random signs.
    Signs(f64),
    /// Normal with this standard deviation.
    Gaussian(f64),
}

/// Sizes of a simulated ridge on spiked random features: unit rows orthogonal to `v` plus a spike.
#[derive(Clone, Debug, PartialEq)]
pub struct SpikedExperiment {
    /// Hermite coefficients of the label's function from degree 0 on.
    pub coefficients: Vec<f64>,
    /// `gamma = u.v`.
    pub along: f64,
    /// `d`.
    pub dimension: usize,
    /// `N`.
    pub width: usize,
    /// `n`.
    pub samples: usize,
    /// The rows' spikes.
    pub spikes: Spikes,
    /// Nodes of the Gauss-Hermite rule for `v.x`.
    pub nodes: usize,
}

/// Measured test errors beside the conditional engine, and the Gaussian engine's predictions (the
/// control).
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionalOutcome {
    /// One for each penalty.
    pub conditional: Vec<Outcome>,
    /// Mean predictions of the Gaussian engine, one for each penalty.
    pub gaussian: Vec<Summary>,
}

/// **11.5.1 measured**: exact test errors of simulated fits beside both engines.
///
/// # Errors
/// As [`ConditionalRidge::risk`] and [`sample::simulated_test_errors`].
pub fn measure_spiked(
    experiment: &SpikedExperiment,
    penalties: &[f64],
    draws: usize,
    seeds: Range<u64>,
) -> Result<ConditionalOutcome, MechanismError> {
    let d = experiment.dimension;
    if d < 3 {
        return Err(MechanismError::TooSmall { what: "the dimension", found: d, least: 3 });
    }
    let across = ((1.0 - experiment.along) * (1.0 + experiment.along)).sqrt();
    // The label's direction is the first coordinate, v lies in the plane of the first two.
    let v: Vec<f64> = (0..d)
        .map(|k| match k {
            0 => experiment.along,
            1 => across,
            _ => 0.0,
        })
        .collect();
    let label = Label::SingleIndex(experiment.coefficients.clone());
    let networks = seeds.map(|seed| {
        let mut rng = sample::stream(seed);
        let mut rows = sample::normals(&mut rng, experiment.width, d);
        let along = apply(rows.as_ref(), &v);
        for (j, product) in along.iter().enumerate() {
            for (k, x) in v.iter().enumerate() {
                rows[(j, k)] -= product * x;
            }
        }
        let mut rows = sample::normalised(rows);
        let signs = sample::signs(&mut rng, experiment.width);
        for (j, sign) in signs.into_iter().enumerate() {
            let spike = match experiment.spikes {
                Spikes::Constant(size) => size,
                Spikes::Signs(size) => size * sign,
                Spikes::Gaussian(size) => size * rng.sample::<f64, _>(StandardNormal),
            };
            for (k, x) in v.iter().enumerate() {
                rows[(j, k)] += spike * x;
            }
        }
        Ok((rows, v.clone(), rng))
    });
    beside_both(networks, &label, experiment.samples, experiment.nodes, penalties, draws)
}

/// **11.5.4 measured** on networks after a real step: `v = xbar/|xbar|`, nothing about the step is
/// modelled. `label` is a single-index one.
///
/// # Errors
/// As [`measure_spiked`] and [`FirstStep::take`].
pub fn measure_trained(
    coefficients: &[f64],
    step: FirstStep,
    samples: usize,
    nodes: usize,
    penalties: &[f64],
    draws: usize,
    seeds: Range<u64>,
) -> Result<ConditionalOutcome, MechanismError> {
    let label = Label::SingleIndex(coefficients.to_vec());
    let networks = seeds.map(|seed| {
        let mut rng = sample::stream(seed);
        let stepped = step.take(&label, &mut rng)?;
        let length = norm(&stepped.moment);
        let v = stepped.moment.iter().map(|x| x / length).collect();
        Ok((stepped.weights, v, rng))
    });
    beside_both(networks, &label, samples, nodes, penalties, draws)
}

/// A network, its spike direction, and the stream that goes on to draw its samples.
type Instance = Result<(Mat<f64>, Vec<f64>, rand_chacha::ChaCha8Rng), MechanismError>;

fn beside_both(
    networks: impl Iterator<Item = Instance>,
    label: &Label,
    samples: usize,
    nodes: usize,
    penalties: &[f64],
    draws: usize,
) -> Result<ConditionalOutcome, MechanismError> {
    let Label::SingleIndex(coefficients) = label else {
        return Err(MechanismError::Shape { what: "the label's span", found: 2, expected: 1 });
    };
    let rule = Rule::gauss_hermite(nodes)?;
    let mut measured = vec![Vec::new(); penalties.len()];
    let mut conditional = vec![Vec::new(); penalties.len()];
    let mut gaussian = vec![Vec::new(); penalties.len()];
    for instance in networks {
        let (weights, v, mut rng) = instance?;
        let weights = weights.as_ref();
        let u: Vec<f64> = (0..v.len()).map(|k| if k == 0 { 1.0 } else { 0.0 }).collect();
        let engine = ConditionalRidge::spiked(weights, &v, &u, coefficients, &rule)?;
        let other = relu_engine(weights, &label.moments(weights)?)?;
        let errors =
            sample::simulated_test_errors(weights, label, samples, penalties, draws, &mut rng)?;
        for (k, &penalty) in penalties.iter().enumerate() {
            measured[k].push(errors[k]);
            conditional[k].push(engine.risk(samples, penalty, Tuning::sampled())?.test);
            gaussian[k].push(other.risk(samples, penalty)?.test);
        }
    }
    Ok(ConditionalOutcome {
        conditional: measured.iter().zip(&conditional).map(|(m, p)| paired(m, p)).collect(),
        gaussian: gaussian.iter().map(|values| Summary::of(values)).collect(),
    })
}

#[cfg(test)]
mod tests;
