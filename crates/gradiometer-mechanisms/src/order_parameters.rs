//! Online SGD in its order parameters: exact in law, at a cost that does not depend on the
//! dimension (11.7.1, 11.9.1).
//!
//! Data are `x ~ N(0, I_d)`, labels `y = g(z)` with `z = U x` for `P` orthonormal teacher
//! directions. A neuron `w` sees `a = w.x`. What the weights do to `z` and `a` depends on `x` only
//! through `a`, the part of `z` that `a` does not explain, and the squared length of the rest, a
//! chi-squared variable. No vector of length `d` is needed.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{ChiSquared, Distribution, StandardNormal};

use crate::error::MechanismError;

/// The loss of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// `-y sigma(a)`: the residual is the label.
    Correlation,
    /// `(y - sigma(a))^2/2`: the residual is `y - sigma(a)`.
    Square,
}

impl Loss {
    /// The residual `e` of a label and an output.
    #[inline]
    pub const fn residual(self, label: f64, output: f64) -> f64 {
        match self {
            Self::Correlation => label,
            Self::Square => label - output,
        }
    }
}

/// The random stream of one run: it depends on the seed and the number of the run alone.
///
/// Runs may be spread over threads or machines in any way and give the same bytes.
pub fn stream(seed: u64, run: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(run);
    rng
}

/// One student neuron `sigma`, one label function of the teacher's coordinates, a loss, and the
/// step of a look ahead.
///
/// `student` maps `a` to `(sigma(a), sigma'(a))`. `lookahead` is `rho_0` of 11.9.1: before each
/// step the same sample moves the weights by `rho_0/d` times the gradient, and the step is taken
/// with the gradient found there. Zero means no second look, a negative value the sharpness-aware
/// variant.
#[derive(Clone, Copy, Debug)]
pub struct Rule<S> {
    /// `a -> (sigma(a), sigma'(a))`.
    pub student: S,
    /// The loss.
    pub loss: Loss,
    /// `rho_0`.
    pub lookahead: f64,
}

impl<S: Fn(f64) -> (f64, f64)> Rule<S> {
    /// `e sigma'`, the factor of `x` in the step, at the second look if there is one.
    ///
    /// `length` is `|x|^2/d`; its limit for large `d` is 1.
    #[inline]
    pub fn force(&self, label: f64, a: f64, length: f64) -> f64 {
        let (output, slope) = (self.student)(a);
        let first = self.loss.residual(label, output) * slope;
        if self.lookahead.abs() > 0.0 {
            let (output, slope) = (self.student)(a + self.lookahead * first * length);
            self.loss.residual(label, output) * slope
        } else {
            first
        }
    }
}

/// The chain of one neuron on the sphere against one direction (11.7.1):
/// `w <- (w + eta g)/|w + eta g|`, `g` the gradient's part orthogonal to `w`.
///
/// The order parameter is `m = w.u`. With `a, b ~ N(0, 1)`, `q ~ chi^2_{d-2}` and
/// `r = sqrt(1 - m^2)`: `z = m a + r b`, `m <- (m + f r b)/sqrt(1 + f^2 (b^2 + q))`,
/// `f = (delta/d) e sigma'(a)`.
#[derive(Clone, Debug)]
pub struct SphereChain<S, T> {
    rule: Rule<S>,
    target: T,
    dimension: f64,
    step: f64,
    rest: ChiSquared<f64>,
}

impl<S: Fn(f64) -> (f64, f64), T: Fn(f64) -> f64> SphereChain<S, T> {
    /// A chain in `dimension` coordinates with step `delta/d`.
    ///
    /// # Errors
    /// [`MechanismError::Dimension`] below three dimensions.
    pub fn new(
        rule: Rule<S>,
        target: T,
        dimension: usize,
        delta: f64,
    ) -> Result<Self, MechanismError> {
        let too_small = MechanismError::Dimension { dimension, least: 3 };
        if dimension < 3 {
            return Err(too_small);
        }
        let rest = ChiSquared::new((dimension - 2) as f64).map_err(|_error| too_small)?;
        let d = dimension as f64;
        Ok(Self { rule, target, dimension: d, step: delta / d, rest })
    }

    /// The overlap after a step on a sample whose parts are `a`, `b` and `q`.
    #[inline]
    pub fn update(&self, m: f64, a: f64, b: f64, q: f64) -> f64 {
        let r = ((1.0 - m) * (1.0 + m)).sqrt();
        let z = m * a + r * b;
        let rest = b * b + q;
        let f = self.step * self.rule.force((self.target)(z), a, (a * a + rest) / self.dimension);
        (m + f * r * b) / (1.0 + f * f * rest).sqrt()
    }

    /// The overlap after a step on a fresh sample.
    #[inline]
    pub fn step(&self, m: f64, rng: &mut ChaCha8Rng) -> f64 {
        let a: f64 = rng.sample(StandardNormal);
        let b: f64 = rng.sample(StandardNormal);
        let q = self.rest.sample(rng);
        self.update(m, a, b, q)
    }

    /// The overlap after a step on the mean gradient of a batch of `batch` fresh samples (11.7.6).
    ///
    /// The samples' parts orthogonal to `w` and `u` are independent: given the factors, their sum
    /// has squared length `chi^2_{d-2} sum_i f_i^2/B^2`. Without a second look only: with one, each
    /// sample's own length matters.
    #[inline]
    pub fn batch_step(&self, m: f64, batch: usize, rng: &mut ChaCha8Rng) -> f64 {
        let r = ((1.0 - m) * (1.0 + m)).sqrt();
        let (mut along, mut squares) = (0.0, 0.0);
        for _ in 0..batch {
            let a: f64 = rng.sample(StandardNormal);
            let b: f64 = rng.sample(StandardNormal);
            let f = self.rule.force((self.target)(m * a + r * b), a, 1.0);
            along += f * b;
            squares += f * f;
        }
        let scale = self.step / batch as f64;
        let along = scale * along;
        let rest = scale * scale * squares * self.rest.sample(rng);
        (m + r * along) / (1.0 + along * along + rest).sqrt()
    }

    /// The overlap after `steps` steps.
    pub fn run(&self, mut m: f64, steps: u64, rng: &mut ChaCha8Rng) -> f64 {
        for _ in 0..steps {
            m = self.step(m, rng);
        }
        m
    }

    /// The first step, at most `limit`, at which `done(m)`; `None` if it has not come by then.
    pub fn first_passage(
        &self,
        mut m: f64,
        limit: u64,
        done: impl Fn(f64) -> bool,
        rng: &mut ChaCha8Rng,
    ) -> Option<u64> {
        if done(m) {
            return Some(0);
        }
        for step in 1..=limit {
            m = self.step(m, rng);
            if done(m) {
                return Some(step);
            }
        }
        None
    }

    /// The overlap of a uniformly random start: `b/sqrt(b^2 + chi^2_{d-1})`, close to `N(0, 1/d)`.
    pub fn random_start(&self, rng: &mut ChaCha8Rng) -> f64 {
        let b: f64 = rng.sample(StandardNormal);
        let other: f64 = rng.sample(StandardNormal);
        let q = self.rest.sample(rng);
        b / (b * b + other * other + q).sqrt()
    }
}

/// The chain of one neuron on the sphere against several directions (11.7.1).
///
/// The order parameters are `m_i = w.u_i`; `z = m a + L b` with `b ~ N(0, I_P)`,
/// `L = I - (1 - sqrt(1 - |m|^2)) m m^T/|m|^2`, and
/// `m <- (m + f (z - m a))/sqrt(1 + f^2 (|b|^2 + chi^2_{d-P-1}))`. The squared length of the
/// gradient's part orthogonal to `w` is `|b|^2` plus the rest.
#[derive(Clone, Debug)]
pub struct SeveralDirections<S, T> {
    rule: Rule<S>,
    target: T,
    directions: usize,
    dimension: f64,
    step: f64,
    rest: ChiSquared<f64>,
}

impl<S: Fn(f64) -> (f64, f64), T: Fn(&[f64]) -> f64> SeveralDirections<S, T> {
    /// A chain in `dimension` coordinates against `directions` orthonormal ones, with step
    /// `delta/d`.
    ///
    /// # Errors
    /// [`MechanismError::Dimension`] if the dimension is less than `directions + 2`.
    pub fn new(
        rule: Rule<S>,
        target: T,
        directions: usize,
        dimension: usize,
        delta: f64,
    ) -> Result<Self, MechanismError> {
        let least = directions + 2;
        let too_small = MechanismError::Dimension { dimension, least };
        if dimension < least {
            return Err(too_small);
        }
        let freedom = (dimension - directions - 1) as f64;
        let rest = ChiSquared::new(freedom).map_err(|_error| too_small)?;
        let d = dimension as f64;
        Ok(Self { rule, target, directions, dimension: d, step: delta / d, rest })
    }

    /// The overlaps after a step on a sample whose parts are `a`, `b` and `q`; `z` is scratch space
    /// of the same length.
    #[inline]
    pub fn update(&self, m: &mut [f64], a: f64, b: &[f64], q: f64, z: &mut [f64]) {
        let length: f64 = m.iter().map(|x| x * x).sum();
        let along: f64 = m.iter().zip(b).map(|(x, y)| x * y).sum();
        // (1 - sqrt(1 - |m|^2))/|m|^2 = 1/(1 + sqrt(1 - |m|^2)).
        let shrink = along / (1.0 + (1.0 - length).sqrt());
        for ((z, m), b) in z.iter_mut().zip(&*m).zip(b) {
            *z = m * a + b - shrink * m;
        }
        let rest = b.iter().map(|x| x * x).sum::<f64>() + q;
        let f = self.step * self.rule.force((self.target)(z), a, (a * a + rest) / self.dimension);
        let norm = (1.0 + f * f * rest).sqrt();
        for (m, z) in m.iter_mut().zip(&*z) {
            *m = (*m + f * (*z - *m * a)) / norm;
        }
    }

    /// A step on a fresh sample; `work` is scratch space.
    #[inline]
    pub fn step(&self, m: &mut [f64], work: &mut Vec<f64>, rng: &mut ChaCha8Rng) {
        work.resize(2 * self.directions, 0.0);
        let (b, z) = work.split_at_mut(self.directions);
        let a: f64 = rng.sample(StandardNormal);
        for x in b.iter_mut() {
            *x = rng.sample(StandardNormal);
        }
        let q = self.rest.sample(rng);
        self.update(m, a, b, q, z);
    }

    /// The first step, at most `limit`, at which `done(m)`; `None` if it has not come by then.
    pub fn first_passage(
        &self,
        m: &mut [f64],
        limit: u64,
        done: impl Fn(&[f64]) -> bool,
        rng: &mut ChaCha8Rng,
    ) -> Option<u64> {
        let mut work = Vec::new();
        if done(m) {
            return Some(0);
        }
        for step in 1..=limit {
            self.step(m, &mut work, rng);
            if done(m) {
                return Some(step);
            }
        }
        None
    }

    /// The overlaps of a uniformly random start.
    pub fn random_start(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut m: Vec<f64> = (0..self.directions).map(|_| rng.sample(StandardNormal)).collect();
        let other: f64 = rng.sample(StandardNormal);
        let length = m.iter().map(|x| x * x).sum::<f64>() + other * other + self.rest.sample(rng);
        for x in &mut m {
            *x /= length.sqrt();
        }
        m
    }
}

/// The order parameters of `p` free neurons against `P` directions: `M = W U^T` (`p x P`) and
/// `Q = W W^T` (`p x p`), row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlaps {
    /// Number of neurons `p`.
    pub neurons: usize,
    /// Number of directions `P`.
    pub directions: usize,
    /// `M`, row by row.
    pub with_teacher: Vec<f64>,
    /// `Q`, row by row.
    pub among_students: Vec<f64>,
}

impl Overlaps {
    /// Moves by `W += G x^T` where `a = W x`, `z = U x` and `length = |x|^2`:
    /// `M += G z^T`, `Q += G a^T + a G^T + |x|^2 G G^T`.
    pub fn update(&mut self, gradient: &[f64], a: &[f64], z: &[f64], length: f64) {
        let (p, directions) = (self.neurons, self.directions);
        for i in 0..p {
            for (k, z) in z.iter().enumerate() {
                self.with_teacher[i * directions + k] += gradient[i] * z;
            }
            for j in 0..p {
                self.among_students[i * p + j] +=
                    gradient[i] * a[j] + a[i] * gradient[j] + length * gradient[i] * gradient[j];
            }
        }
    }

    /// The cosines of neuron `i` with each direction.
    pub fn cosines(&self, i: usize) -> Vec<f64> {
        let norm = self.among_students[i * self.neurons + i].sqrt();
        let row = &self.with_teacher[i * self.directions..(i + 1) * self.directions];
        row.iter().map(|m| m / norm).collect()
    }
}

/// Gradients of a network of free neurons: `fill` gets `(a, z)` and writes `G` (`p` numbers), the
/// factor of `x` in each row of the step before it is multiplied by `delta/d`.
///
/// With a second look, `lookahead` is `rho_0`: `a` is moved by `(rho_0/d) G |x|^2` first.
#[derive(Clone, Debug)]
pub struct FreeChain<G> {
    fill: G,
    dimension: f64,
    delta: f64,
    lookahead: f64,
    rest: ChiSquared<f64>,
}

/// Scratch space of a [`FreeChain`].
#[derive(Clone, Debug, Default)]
pub struct FreeWork {
    factor: Vec<f64>,
    normals: Vec<f64>,
    values: Vec<f64>,
    moved: Vec<f64>,
    gradient: Vec<f64>,
}

impl<G: Fn(&[f64], &[f64], &mut [f64])> FreeChain<G> {
    /// A chain for `neurons` neurons and `directions` directions in `dimension` coordinates.
    ///
    /// # Errors
    /// [`MechanismError::Dimension`] if the dimension does not exceed the sum of the two.
    pub fn new(
        fill: G,
        neurons: usize,
        directions: usize,
        dimension: usize,
        delta: f64,
        lookahead: f64,
    ) -> Result<Self, MechanismError> {
        let least = neurons + directions + 1;
        let too_small = MechanismError::Dimension { dimension, least };
        if dimension < least {
            return Err(too_small);
        }
        let freedom = (dimension - neurons - directions) as f64;
        let rest = ChiSquared::new(freedom).map_err(|_error| too_small)?;
        Ok(Self { fill, dimension: dimension as f64, delta, lookahead, rest })
    }

    /// The step on a sample with `a`, `z` and squared length `length`, into `overlaps`.
    pub fn update(
        &self,
        overlaps: &mut Overlaps,
        a: &[f64],
        z: &[f64],
        length: f64,
        work: &mut FreeWork,
    ) {
        work.gradient.resize(a.len(), 0.0);
        (self.fill)(a, z, &mut work.gradient);
        if self.lookahead.abs() > 0.0 {
            let ratio = self.lookahead * length / self.dimension;
            work.moved.clear();
            work.moved.extend(a.iter().zip(&work.gradient).map(|(a, g)| a + ratio * g));
            (self.fill)(&work.moved, z, &mut work.gradient);
        }
        for g in &mut work.gradient {
            *g *= self.delta / self.dimension;
        }
        overlaps.update(&work.gradient, a, z, length);
    }

    /// A step on a fresh sample: `(z, a) ~ N(0, S)` with `S = [[I, M^T], [M, Q]]`, and
    /// `|x|^2 = |normals|^2 + chi^2_{d-p-P}`.
    pub fn step(&self, overlaps: &mut Overlaps, work: &mut FreeWork, rng: &mut ChaCha8Rng) {
        let (p, directions) = (overlaps.neurons, overlaps.directions);
        let size = p + directions;
        work.normals.clear();
        work.normals.extend((0..size).map(|_| -> f64 { rng.sample(StandardNormal) }));
        let length = work.normals.iter().map(|x| x * x).sum::<f64>() + self.rest.sample(rng);
        // z are the first normals; a = M z + (Cholesky factor of Q - M M^T) times the others.
        work.factor.resize(p * p, 0.0);
        work.values.resize(size, 0.0);
        let (m, q) = (&overlaps.with_teacher, &overlaps.among_students);
        let row = |i: usize| &m[i * directions..(i + 1) * directions];
        for i in 0..p {
            for j in 0..=i {
                let explained: f64 = row(i).iter().zip(row(j)).map(|(x, y)| x * y).sum();
                let before: f64 =
                    (0..j).map(|k| work.factor[i * p + k] * work.factor[j * p + k]).sum();
                let rest = q[i * p + j] - explained - before;
                work.factor[i * p + j] = if i == j {
                    // A neuron inside the span of the others has no part of its own; rounding may
                    // leave a negative trace.
                    if rest > 0.0 { rest.sqrt() } else { 0.0 }
                } else if work.factor[j * p + j] > 0.0 {
                    rest / work.factor[j * p + j]
                } else {
                    0.0
                };
            }
        }
        let (z, others) = work.normals.split_at(directions);
        for i in 0..p {
            let explained: f64 = row(i).iter().zip(z).map(|(x, y)| x * y).sum();
            let own: f64 =
                work.factor[i * p..=i * p + i].iter().zip(others).map(|(x, y)| x * y).sum();
            work.values[i] = explained + own;
        }
        work.values[p..].copy_from_slice(z);
        let values = std::mem::take(&mut work.values);
        self.update(overlaps, &values[..p], &values[p..], length, work);
        work.values = values;
    }
}

/// The factor `sqrt(k)` and the two Hermite polynomials of a student `h_k`:
/// `a -> (h_k(a), sqrt(k) h_{k-1}(a))`.
pub fn hermite_student(degree: usize) -> impl Fn(f64) -> (f64, f64) + Copy {
    let root = (degree as f64).sqrt();
    move |a| {
        if degree == 0 {
            return (1.0, 0.0);
        }
        let mut below = 1.0;
        let mut now = a;
        for k in 1..degree {
            let next = (a * now - (k as f64).sqrt() * below) / ((k + 1) as f64).sqrt();
            below = now;
            now = next;
        }
        (now, root * below)
    }
}

/// The ReLU neuron: `a -> (max(a, 0), 1{a > 0})`.
#[inline]
pub fn relu_student(a: f64) -> (f64, f64) {
    if a > 0.0 { (a, 1.0) } else { (0.0, 0.0) }
}
