//! Order parameters of one-pass gradient descent on a ReLU student of few neurons, both layers
//! learning (statements 11.13).
//!
//! Student `f = sum_i a_i s(w_i.x)` with `K` neurons, labels `y = sum_n v_n s(w*_n.x) + zeta` with
//! `M` neurons and noise of variance `sigma^2`; loss `(f - y)^2` without a half; one fresh `x ~
//! N(0, I_d)` a step:
//!
//! ```text
//! w_i <- (1 - eta lambda/d) w_i - (2 eta/d) a_i theta(w_i.x) (f - y) x
//! a_i <- (1 - eta_a lambda/d) a_i - (2 eta_a/d) (f - y) s(w_i.x)
//! ```
//!
//! `Q = W W^T`, `R = W W*^T` and `a` are a Markov chain by themselves. Time is `tau = steps/d`.
//! With degrees from 2 on the activation is `|w.x|/2 - |w|/sqrt(2 pi)` on both sides. In the
//! tradition of Saad and Solla's equations for erf.

use crate::error::MechanismError;
use crate::moments::{Fields, OrthantRule};
use gradiometer_hermite::Angle;
use gradiometer_hermite::float::{maximum, minimum};
use gradiometer_hermite::relu::sphere_kernel;
use gradiometer_population::Degrees;
use rand::Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal};
use std::f64::consts::{FRAC_1_PI, FRAC_2_PI, LN_10, PI, TAU};

mod integrate;

/// What the student has learnt: `Q`, `R` and `a`, or their rates of change.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderParameters {
    /// `Q_ij = w_i.w_j`, `K x K` row-major.
    pub student: Vec<f64>,
    /// `R_in = w_i.w*_n`, `K x M` row-major.
    pub overlap: Vec<f64>,
    /// `a`, length `K`.
    pub second_layer: Vec<f64>,
}

impl OrderParameters {
    fn flat(&self) -> Vec<f64> {
        [&self.student[..], &self.overlap, &self.second_layer].concat()
    }

    fn from_flat(flat: &[f64], students: usize, teachers: usize) -> Self {
        let (student, rest) = flat.split_at(students * students);
        let (overlap, second_layer) = rest.split_at(students * teachers);
        Self {
            student: student.to_vec(),
            overlap: overlap.to_vec(),
            second_layer: second_layer.to_vec(),
        }
    }
}

/// Whether the equations keep what the steps' variance adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondOrder {
    /// With the term of `eta^2`: the limit of SGD. The default.
    #[default]
    Kept,
    /// Without it: gradient flow on the population objective.
    Dropped,
}

/// A teacher, rates, decay and noise: all that the order parameters' motion depends on beside
/// themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamics {
    /// `T = W* W*^T`, `M x M` row-major.
    pub teacher: Vec<f64>,
    /// `v`, length `M`.
    pub teacher_second_layer: Vec<f64>,
    /// `eta`, the first layer's rate.
    pub rate: f64,
    /// `eta_a`, the second layer's rate.
    pub second_layer_rate: f64,
    /// `lambda`.
    pub decay: f64,
    /// `sigma^2`, the variance of the labels' noise.
    pub noise_variance: f64,
    /// Raw networks, or both with their degrees from 2 on only.
    pub degrees: Degrees,
    /// Whether the `eta^2` term is kept.
    pub second_order: SecondOrder,
    /// The quadrature of [`crate::moments`].
    pub rule: OrthantRule,
}

/// Averages over a fresh sample that the equations are made of; `D = f - y` without noise, fields
/// students first.
#[derive(Clone, Debug, PartialEq)]
pub struct Averages {
    /// `L = E D^2`.
    pub loss: f64,
    /// `X_ib = E[(ds/dw_i along field b) D]`, `K x (K + M)`: raw `E[theta_i x_b D]`.
    pub first_layer: Vec<f64>,
    /// `S_i = E[s(w_i.x) D]`, length `K`.
    pub second_layer: Vec<f64>,
    /// `J_ij = E[s'_i s'_j D^2]`, `K x K`.
    pub squares: Vec<f64>,
    /// `P_ij = E[s'_i s'_j]`, `K x K`.
    pub gates: Vec<f64>,
}

impl Dynamics {
    /// Noiseless dynamics of raw networks with equal rates and no decay.
    ///
    /// # Errors
    /// [`MechanismError::Hermite`] from the quadrature.
    pub fn new(
        teacher: Vec<f64>,
        teacher_second_layer: Vec<f64>,
        rate: f64,
    ) -> Result<Self, MechanismError> {
        Ok(Self {
            teacher,
            teacher_second_layer,
            rate,
            second_layer_rate: rate,
            decay: 0.0,
            noise_variance: 0.0,
            degrees: Degrees::All,
            second_order: SecondOrder::Kept,
            rule: OrthantRule::new()?,
        })
    }

    fn shape(&self, at: &OrderParameters) -> Result<(usize, usize), MechanismError> {
        let (k, m) = (at.second_layer.len(), self.teacher_second_layer.len());
        for (what, expected, found) in [
            ("Gram matrix of the teacher", m * m, self.teacher.len()),
            ("Gram matrix of the student", k * k, at.student.len()),
            ("overlaps", k * m, at.overlap.len()),
        ] {
            if expected != found {
                return Err(MechanismError::Shape { what, expected, found });
            }
        }
        Ok((k, m))
    }

    /// `C = [[Q, R], [R^T, T]]`.
    fn covariance(&self, at: &OrderParameters, k: usize, m: usize) -> Vec<f64> {
        let n = k + m;
        let entry = |i: usize, j: usize| match (i < k, j < k) {
            (true, true) => at.student[i * k + j],
            (true, false) => at.overlap[i * m + j - k],
            (false, true) => at.overlap[j * m + i - k],
            (false, false) => self.teacher[(i - k) * m + j - k],
        };
        (0..n * n).map(|index| entry(index / n, index % n)).collect()
    }

    /// The averages at a state, in closed form but for Plackett's integral, one a quadruple of
    /// fields.
    ///
    /// # Errors
    /// [`MechanismError`] if shapes do not fit or an entry is not finite.
    pub fn averages(&self, at: &OrderParameters) -> Result<Averages, MechanismError> {
        let (k, m) = self.shape(at)?;
        let n = k + m;
        let covariance = self.covariance(at, k, m);
        let fields = Fields::new(&self.rule, &covariance, n)?;
        let masses: Vec<f64> = at
            .second_layer
            .iter()
            .copied()
            .chain(self.teacher_second_layer.iter().map(|v| -v))
            .collect();
        let activation = match self.degrees {
            Degrees::All => Activation::Raw(&fields),
            Degrees::FromTwo => Activation::FromTwo(&fields),
        };
        let second: Vec<f64> =
            (0..n).map(|i| (0..n).map(|b| masses[b] * activation.values(i, b)).sum()).collect();
        let first_layer = (0..k * n).map(|index| {
            let (i, j) = (index / n, index % n);
            (0..n).map(|b| masses[b] * activation.slope_and_value(i, j, b)).sum()
        });
        let gates = (0..k * k).map(|index| activation.slopes(index / k, index % k));
        Ok(Averages {
            loss: second.iter().zip(&masses).map(|(s, c)| c * s).sum(),
            first_layer: first_layer.collect(),
            gates: gates.collect(),
            squares: activation.squares(&masses, k),
            second_layer: second[..k].to_vec(),
        })
    }

    /// `d(Q, R, a)/dtau` in the limit of large dimension:
    ///
    /// ```text
    /// dQ_ij/dtau = -2 eta lambda Q_ij - 2 eta (a_i X_ij + a_j X_ji)
    ///              + 4 eta^2 a_i a_j (J_ij + sigma^2 P_ij)
    /// dR_in/dtau = -eta lambda R_in - 2 eta a_i X_in
    /// da_i/dtau = -eta_a lambda a_i - 2 eta_a S_i
    /// ```
    ///
    /// # Errors
    /// [`MechanismError`] if shapes do not fit or an entry is not finite.
    pub fn rates(&self, at: &OrderParameters) -> Result<OrderParameters, MechanismError> {
        let averages = self.averages(at)?;
        let variance = match self.second_order {
            SecondOrder::Kept => 1.0,
            SecondOrder::Dropped => 0.0,
        };
        let shrink = (-2.0 * self.rate * self.decay, -self.rate * self.decay);
        Ok(self.change(at, &averages, shrink, 1.0, (variance, variance), 1.0))
    }

    /// The exact mean of one step of SGD in dimension `d`, raw networks:
    ///
    /// ```text
    /// dQ_ij = (h^2 - 1) Q_ij - (2 eta h/d) (a_i X_ij + a_j X_ji)
    ///         + (4 eta^2/d^2) a_i a_j ((d + 2) J_ij + d sigma^2 P_ij)
    /// ```
    ///
    /// with `h = 1 - eta lambda/d`; the others are the rates over `d`.
    ///
    /// # Errors
    /// [`MechanismError`] if shapes do not fit, an entry is not finite, or the degrees start at 2:
    /// there it is not homogeneous.
    pub fn mean_step(
        &self,
        at: &OrderParameters,
        dimension: usize,
    ) -> Result<OrderParameters, MechanismError> {
        if self.degrees == Degrees::FromTwo {
            let (what, allowed) = ("lowest degree of an exact mean step", "0");
            return Err(MechanismError::OutOfRange { what, value: 2.0, allowed });
        }
        let averages = self.averages(at)?;
        let d = dimension as f64;
        let shrunk = self.rate * self.decay / d;
        // h^2 - 1 without cancellation.
        let shrink = (-shrunk * (2.0 - shrunk), -shrunk);
        let variance = ((d + 2.0) / (d * d), 1.0 / d);
        Ok(self.change(at, &averages, shrink, (1.0 - shrunk) / d, variance, 1.0 / d))
    }

    /// The change of the order parameters: their `shrink` of `Q` and `R`, the weight of `-2 eta (a
    /// X + a X)`, those of `4 eta^2 a a J` and of the noise, and the time.
    fn change(
        &self,
        at: &OrderParameters,
        averages: &Averages,
        shrink: (f64, f64),
        drift: f64,
        variance: (f64, f64),
        time: f64,
    ) -> OrderParameters {
        let (k, m) = (at.second_layer.len(), self.teacher_second_layer.len());
        let n = k + m;
        let (a, x) = (&at.second_layer, &averages.first_layer);
        let student = (0..k * k).map(|index| {
            let (i, j) = (index / k, index % k);
            let mean = a[i] * x[i * n + j] + a[j] * x[j * n + i];
            let noise = self.noise_variance * averages.gates[index];
            let spread = variance.0 * averages.squares[index] + variance.1 * noise;
            shrink.0 * at.student[index] - 2.0 * self.rate * drift * mean
                + 4.0 * self.rate * self.rate * a[i] * a[j] * spread
        });
        let overlap = (0..k * m).map(|index| {
            let (i, b) = (index / m, index % m);
            shrink.1 * at.overlap[index] - 2.0 * self.rate * time * a[i] * x[i * n + k + b]
        });
        let second_layer = a.iter().zip(&averages.second_layer);
        let second_layer =
            second_layer.map(|(a, s)| -self.second_layer_rate * time * (self.decay * a + 2.0 * s));
        OrderParameters {
            student: student.collect(),
            overlap: overlap.collect(),
            second_layer: second_layer.collect(),
        }
    }

    /// The order parameters at the given times, ascending from 0, by the embedded pair of orders 5
    /// and 4 of Dormand and Prince.
    ///
    /// A step's error is kept at `tolerance` relative to `1 + |y|`, entry by entry.
    ///
    /// # Errors
    /// [`MechanismError`] as for [`Dynamics::rates`]; [`MechanismError::NotConverged`] if the step
    /// size vanishes.
    pub fn trajectory(
        &self,
        start: &OrderParameters,
        times: &[f64],
        tolerance: f64,
    ) -> Result<Vec<OrderParameters>, MechanismError> {
        let (k, m) = self.shape(start)?;
        let mut flow = integrate::Flow::new(start.flat(), tolerance, |y: &[f64]| {
            Ok(self.rates(&OrderParameters::from_flat(y, k, m))?.flat())
        })?;
        let mut states = Vec::with_capacity(times.len());
        for time in times {
            flow.advance_to(*time)?;
            states.push(OrderParameters::from_flat(flow.state(), k, m));
        }
        Ok(states)
    }

    /// The first time at which the loss falls below `level`, to the accuracy of the trajectory;
    /// infinite if not before `horizon`.
    ///
    /// # Errors
    /// As for [`Dynamics::trajectory`].
    pub fn first_below(
        &self,
        start: &OrderParameters,
        level: f64,
        horizon: f64,
        tolerance: f64,
    ) -> Result<f64, MechanismError> {
        let (k, m) = self.shape(start)?;
        let rates = |y: &[f64]| Ok(self.rates(&OrderParameters::from_flat(y, k, m))?.flat());
        let loss = |y: &[f64]| -> Result<f64, MechanismError> {
            Ok(self.averages(&OrderParameters::from_flat(y, k, m))?.loss)
        };
        let mut flow = integrate::Flow::new(start.flat(), tolerance, rates)?;
        loop {
            let (time, before) = (flow.time(), flow.state().to_vec());
            if !(loss(&before)? > level) {
                return Ok(time);
            }
            if !(time < horizon) {
                return Ok(f64::INFINITY);
            }
            flow.step(horizon - time)?;
            if !(loss(flow.state())? > level) {
                // Bisection of one step, taken afresh to each candidate.
                let (mut low, mut high) = (0.0, flow.time() - time);
                while high - low > 1e-12 * (1.0 + time) {
                    let middle = 0.5 * (low + high);
                    let mut part = integrate::Flow::new(before.clone(), tolerance, rates)?;
                    part.advance_to(middle)?;
                    if loss(part.state())? > level { low = middle } else { high = middle }
                }
                return Ok(time + high);
            }
        }
    }

    /// `steps` steps of the exact reduced process in dimension `d`, in place: equal in law to SGD
    /// in `R^d`.
    ///
    /// A step draws `K + M` fields as `chol(C) xi` and `|x|^2 = |xi|^2 + chi^2` with the other `d -
    /// K - M` degrees of freedom; its cost does not depend on `d`. Directions without variance, as
    /// where a student has reached its teacher, draw nothing. With degrees from 2 on the gradient
    /// is `s_i x/2 - w_i/(|w_i| sqrt(2 pi))`.
    ///
    /// # Errors
    /// [`MechanismError`] if shapes do not fit; [`MechanismError::OutOfRange`] if `d <= K + M`.
    pub fn simulate(
        &self,
        at: &mut OrderParameters,
        dimension: usize,
        steps: u64,
        rng: &mut impl Rng,
    ) -> Result<(), MechanismError> {
        let (k, m) = self.shape(at)?;
        let n = k + m;
        let d = dimension as f64;
        let freedom = d - n as f64;
        let out_of_range = MechanismError::OutOfRange {
            what: "dimension beside the fields",
            value: freedom,
            allowed: "at least 1",
        };
        let Ok(rest) = ChiSquared::new(freedom) else {
            return Err(out_of_range);
        };
        if !(freedom >= 1.0) {
            return Err(out_of_range);
        }
        let kept = 1.0 - self.rate * self.decay / d;
        let second_kept = 1.0 - self.second_layer_rate * self.decay / d;
        let noise = self.noise_variance.sqrt();
        let (mut draws, mut fields) = (vec![0.0; n], vec![0.0; n]);
        let (mut keep, mut add) = (vec![0.0; k], vec![0.0; k]);
        let mut factor = vec![0.0; n * n];
        for _ in 0..steps {
            let covariance = self.covariance(at, k, m);
            cholesky(&covariance, n, &mut factor);
            for draw in &mut draws {
                *draw = StandardNormal.sample(rng);
            }
            let square = draws.iter().map(|z| z * z).sum::<f64>() + rest.sample(rng);
            for (b, field) in fields.iter_mut().enumerate() {
                *field = (0..=b).map(|c| factor[b * n + c] * draws[c]).sum();
            }
            let value = |b: usize| match self.degrees {
                Degrees::All => {
                    if fields[b] > 0.0 {
                        fields[b]
                    } else {
                        0.0
                    }
                }
                Degrees::FromTwo => 0.5 * fields[b].abs() - (covariance[b * n + b] / TAU).sqrt(),
            };
            let zeta: f64 = StandardNormal.sample(rng);
            let error = (0..k).map(|i| at.second_layer[i] * value(i)).sum::<f64>()
                - (0..m).map(|b| self.teacher_second_layer[b] * value(k + b)).sum::<f64>()
                - noise * zeta;
            for i in 0..k {
                let push = -2.0 * self.rate / d * at.second_layer[i] * error;
                (keep[i], add[i]) = match self.degrees {
                    Degrees::All => (kept, if fields[i] > 0.0 { push } else { 0.0 }),
                    Degrees::FromTwo => {
                        let radial = (TAU * covariance[i * n + i]).sqrt();
                        let keep = if radial > 0.0 { kept - push / radial } else { kept };
                        (keep, 0.5 * push * sign(fields[i]))
                    }
                };
            }
            for i in 0..k {
                at.second_layer[i] = second_kept * at.second_layer[i]
                    - 2.0 * self.second_layer_rate / d * error * value(i);
                for b in 0..m {
                    at.overlap[i * m + b] =
                        keep[i] * at.overlap[i * m + b] + add[i] * fields[k + b];
                }
                for j in 0..k {
                    at.student[i * k + j] = keep[i] * keep[j] * at.student[i * k + j]
                        + keep[i] * add[j] * fields[i]
                        + add[i] * keep[j] * fields[j]
                        + add[i] * add[j] * square;
                }
            }
        }
        Ok(())
    }
}

fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// The lower factor of a positive semidefinite matrix; a pivot within rounding of zero has an empty
/// column.
fn cholesky(matrix: &[f64], n: usize, factor: &mut [f64]) {
    for j in 0..n {
        let explained: f64 = (0..j).map(|l| factor[j * n + l] * factor[j * n + l]).sum();
        let pivot = matrix[j * n + j] - explained;
        let root = if pivot > 1e-13 * matrix[j * n + j] { pivot.sqrt() } else { 0.0 };
        factor[j * n + j] = root;
        for i in j + 1..n {
            let dot: f64 = (0..j).map(|l| factor[i * n + l] * factor[j * n + l]).sum();
            factor[i * n + j] = if root > 0.0 { (matrix[i * n + j] - dot) / root } else { 0.0 };
        }
    }
}

/// The activation's averages: raw ReLU, or its degrees from 2 on.
#[derive(Clone, Copy)]
enum Activation<'a> {
    Raw(&'a Fields<'a>),
    FromTwo(&'a Fields<'a>),
}

impl Activation<'_> {
    /// `E[s_i s_b]`.
    fn values(self, i: usize, b: usize) -> f64 {
        match self {
            Self::Raw(fields) => fields.i2(i, b),
            Self::FromTwo(fields) => {
                // n_i n_b k(t) from the same minors as the rest; k in the form that keeps small t.
                let (root, cross) = (fields.root_determinant(i, b), fields.covariance(i, b));
                let product = fields.deviation(i) * fields.deviation(b);
                if !(product > 0.0) {
                    return 0.0;
                }
                if i == b {
                    return product * sphere_kernel(Angle::from_cosine(1.0)).value;
                }
                let arcsine = PI / 2.0 * fields.signs(i, b);
                (cross * arcsine - cross * cross / (product + root)) / TAU
            }
        }
    }

    /// `E[(x_j s'_i) s_b]`, the gradient of `s_i` along field `j`.
    fn slope_and_value(self, i: usize, j: usize, b: usize) -> f64 {
        match self {
            Self::Raw(fields) => fields.i3(i, j, b),
            Self::FromTwo(fields) => {
                let (cross, variance) = (fields.covariance(i, j), fields.variance(i));
                if !(variance > 0.0) {
                    return 0.0;
                }
                let moduli = if b == i {
                    cross
                } else {
                    fields.covariance(j, b) * fields.signs(i, b)
                        + FRAC_2_PI * cross * fields.root_determinant(i, b) / variance
                };
                0.25 * moduli - fields.deviation(b) * cross / (TAU * fields.deviation(i))
            }
        }
    }

    /// `E[s'_i s'_j]`.
    fn slopes(self, i: usize, j: usize) -> f64 {
        match self {
            Self::Raw(fields) => fields.both_positive(i, j),
            Self::FromTwo(fields) => 0.25 * fields.signs(i, j),
        }
    }

    /// `J_ij = sum_bb' c_b c_b' E[s'_i s'_j s_b s_b']` for students `i`, `j`; each quadruple of
    /// fields is evaluated once.
    fn squares(self, masses: &[f64], k: usize) -> Vec<f64> {
        let n = masses.len();
        let mut squares = vec![0.0; k * k];
        for i in 0..k {
            for j in i..k {
                let mut sum = 0.0;
                for b in 0..n {
                    for c in b..n {
                        let distinct =
                            i != j && b != c && ![i, j].contains(&b) && ![i, j].contains(&c);
                        if !distinct {
                            let times = if b == c { 1.0 } else { 2.0 };
                            sum += times * masses[b] * masses[c] * self.fourth(i, j, b, c);
                        }
                    }
                }
                squares[i * k + j] = sum;
            }
        }
        for (p, q, r, s) in quadruples(n) {
            // The second field must be a student: the fields ascend, and two students at least are
            // needed.
            if q >= k {
                continue;
            }
            let set = [p, q, r, s];
            let quadruple = self.fields().quadruple(set);
            for (x, i) in set.iter().enumerate() {
                for (y, j) in set.iter().enumerate().skip(x + 1) {
                    if *j < k {
                        let mut rest = (0..4).filter(|z| *z != x && *z != y).map(|z| set[z]);
                        let (b, c) = (rest.next().unwrap_or(0), rest.next().unwrap_or(0));
                        let value = match self {
                            Self::Raw(fields) => fields.i4_of(&quadruple, b, c),
                            Self::FromTwo(fields) => {
                                let moduli = fields.signs_and_moduli_of(&quadruple, b, c);
                                self.centred(*i, *j, b, c, moduli)
                            }
                        };
                        squares[i * k + j] += 2.0 * masses[b] * masses[c] * value;
                    }
                }
            }
        }
        for i in 0..k {
            for j in 0..i {
                squares[i * k + j] = squares[j * k + i];
            }
        }
        squares
    }

    fn fields(&self) -> &Fields<'_> {
        match self {
            Self::Raw(fields) | Self::FromTwo(fields) => fields,
        }
    }

    /// `E[s'_i s'_j s_b s_c]`.
    fn fourth(self, i: usize, j: usize, b: usize, c: usize) -> f64 {
        match self {
            Self::Raw(fields) => fields.i4(i, j, b, c),
            Self::FromTwo(fields) => self.centred(i, j, b, c, fields.signs_and_moduli(i, j, b, c)),
        }
    }

    /// The same from `E[s_i s_j |x_b| |x_c|]` of signs and moduli.
    fn centred(self, i: usize, j: usize, b: usize, c: usize, moduli: f64) -> f64 {
        let fields = self.fields();
        let (n_b, n_c) = (fields.deviation(b), fields.deviation(c));
        let single =
            n_c * fields.signs_and_modulus(i, j, b) + n_b * fields.signs_and_modulus(i, j, c);
        0.25 * (0.25 * moduli - single / (2.0 * TAU.sqrt()) + n_b * n_c * fields.signs(i, j) / TAU)
    }
}

/// Ascending quadruples of `0..n`.
fn quadruples(n: usize) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..n).flat_map(move |p| {
        (p + 1..n)
            .flat_map(move |q| (q + 1..n).flat_map(move |r| (r + 1..n).map(move |s| (p, q, r, s))))
    })
}

/// Where gradient flow of two students waits before they take different teachers (statement
/// 11.13.5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// Number `M` of orthonormal teachers.
    pub teachers: usize,
    /// Total mass `c = 2 a |w|`.
    pub total_mass: f64,
    /// The students' angle from the teachers' mean direction, to both sides of it.
    pub angle: f64,
    /// The loss there.
    pub loss: f64,
    /// Growth rate of the difference of two teachers' overlaps.
    pub rate: f64,
}

impl Plateau {
    /// The saddle that catches the flow, for two students, `M` orthonormal unit teachers with `v =
    /// 1`, raw, without decay.
    ///
    /// `w_{1,2} = |w| (cos th u +- sin th e)`, `u` the teachers' mean direction, `e` orthogonal to
    /// all; `(c, th)` minimises
    ///
    /// ```text
    /// L(c, th) = (c^2/2)(1/2 + k_1(cos 2 th)) - 2 c M k_1(cos th/sqrt M) + M/2 + M (M - 1)/(2 pi)
    /// ```
    ///
    /// with `k_1(t) = (sqrt(1 - t^2) + t (pi - acos t))/(2 pi)`. Growth rate
    /// `(1/pi)(1/sin psi + M sin psi - (c/2)(sin 2 th + 2 th))`, `psi = acos(cos th/sqrt M)`.
    ///
    /// # Errors
    /// [`MechanismError::OutOfRange`] for fewer than two teachers.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::relu_order_parameters::Plateau;
    /// let plateau = Plateau::of_two_students(2).unwrap();
    /// assert!((plateau.loss - 0.147225865055).abs() < 2048.0 * f64::EPSILON);
    /// ```
    pub fn of_two_students(teachers: usize) -> Result<Self, MechanismError> {
        if teachers < 2 {
            let (what, allowed) = ("number of teachers", "at least 2");
            return Err(MechanismError::OutOfRange { what, value: teachers as f64, allowed });
        }
        let m = teachers as f64;
        // The derivative of k_1(cos th/sqrt M)^2/(1/2 + k_1(cos 2 th)) over sin th: positive at 0,
        // negative at pi/2.
        let slope = |angle: f64| {
            let mean = angle.cos() / m.sqrt();
            4.0 * angle.cos() * ramp_slope((2.0 * angle).cos()) / (0.5 + ramp((2.0 * angle).cos()))
                - 2.0 * ramp_slope(mean) / (m.sqrt() * ramp(mean))
        };
        let (mut low, mut high) = (0.0, PI / 2.0);
        loop {
            let middle = 0.5 * (low + high);
            if !(low < middle && middle < high) {
                return Ok(Self::at_angle(teachers, middle));
            }
            if slope(middle) > 0.0 { low = middle } else { high = middle }
        }
    }

    /// The point where both students coincide, `th = 0`, and its growth rate `M^(3/2)/(pi sqrt(M -
    /// 1))`: not where the flow waits.
    ///
    /// # Errors
    /// [`MechanismError::OutOfRange`] for fewer than two teachers.
    pub fn collapsed(teachers: usize) -> Result<Self, MechanismError> {
        Ok(Self::at_angle(Self::of_two_students(teachers)?.teachers, 0.0))
    }

    fn at_angle(teachers: usize, angle: f64) -> Self {
        let m = teachers as f64;
        let mean = angle.cos() / m.sqrt();
        let own = 0.5 + ramp((2.0 * angle).cos());
        let total_mass = 2.0 * m * ramp(mean) / own;
        let loss = 0.5 * m + m * (m - 1.0) / TAU - total_mass * m * ramp(mean);
        let sine = ((1.0 - mean) * (1.0 + mean)).sqrt();
        let turning = (2.0 * angle).sin() + 2.0 * angle;
        let rate = FRAC_1_PI * (1.0 / sine + m * sine - 0.5 * total_mass * turning);
        Self { teachers, total_mass, angle, loss, rate }
    }

    /// How much later the flow escapes for each factor of ten in the initial overlaps: `ln
    /// 10/rate`.
    pub fn time_per_decade(&self) -> f64 {
        LN_10 / self.rate
    }
}

/// `k_1(t) = E[u+ v+]` of standard normals with correlation `t`.
fn ramp(t: f64) -> f64 {
    let angle = Angle::from_cosine(t);
    (angle.sine() + angle.cosine() * angle.supplement()) / TAU
}

/// Its derivative, `(pi - acos t)/(2 pi)`.
fn ramp_slope(t: f64) -> f64 {
    Angle::from_cosine(t).supplement() / TAU
}

/// `L_infinity/sigma^2 = eta/(2 (1 - eta))`: what the noise leaves of the loss of one student of
/// one teacher with a fixed second layer, `a = v = 1`, as `sigma -> 0` (statement 11.13.6).
/// Infinite for `eta >= 1`, where the dynamics is unstable.
///
/// # Examples
/// ```
/// assert_eq!(gradiometer_mechanisms::relu_order_parameters::noise_floor(0.2), 0.125);
/// ```
pub fn noise_floor(rate: f64) -> f64 {
    if rate < 1.0 { rate / (2.0 * (1.0 - rate)) } else { f64::INFINITY }
}

/// The larger of the entries' moduli, for errors.
fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |most, x: f64| maximum(most, x.abs()))
}

/// Bounds of a step size's change.
fn within(factor: f64, low: f64, high: f64) -> f64 {
    maximum(low, minimum(factor, high))
}

#[cfg(test)]
mod tests;
