//! Online SGD of single-index models \[BenArous2021\], with constants (11.7.2 to 11.7.6).
//!
//! One neuron on the sphere, step `delta/d`, time `tau = steps/d`, overlap `m = w.u`. The exact
//! chain is [`SphereChain`](crate::order_parameters::SphereChain); here is what becomes of it for
//! large `d`.

use gradiometer_hermite::float::minimum;
use gradiometer_hermite::quadrature::GaussHermite;

use crate::error::MechanismError;
use crate::numerics::{Diffusion, distribution, integral, integrate, plane};
use crate::order_parameters::Rule;

/// Points of the Hermite rule in each of the two variables: exact for polynomials of degree below
/// 64.
const POINTS: usize = 32;
/// Accuracy asked of the flows.
const TOLERANCE: f64 = 1e-13;
/// `-E log|Z|` for a standard normal: `(gamma_E + log 2)/2`.
pub const MEAN_LOG_NORMAL: f64 = 0.635_181_422_730_739_1;

/// The three expectations that make the limit of the chain at an overlap `m`, with
/// `z = m a + sqrt(1 - m^2) b` and `G = e sigma'(a)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// `b(m) = E[G (z - m a)]`: what pulls towards the teacher.
    pub drift: f64,
    /// `V(m) = E[G^2]`: what the normalisation costs.
    pub noise: f64,
    /// `V_2(m) = E[G^2 (1 - m^2) b^2] - b(m)^2`: the fluctuation of one step along `m`.
    pub spread: f64,
}

/// A student and a teacher of one direction, in the limit of many dimensions.
#[derive(Clone, Debug)]
pub struct SingleIndex<S, T> {
    /// Student, loss and second look.
    pub rule: Rule<S>,
    /// The label `g(z)`.
    pub target: T,
    quadrature: GaussHermite,
}

impl<S: Fn(f64) -> (f64, f64), T: Fn(f64) -> f64> SingleIndex<S, T> {
    /// Student and teacher. Expectations are by a Gauss-Hermite rule of 32 points in each of two
    /// variables: exact for polynomials, poor for kinks (ReLU has closed forms, [`ReluMoments`]).
    ///
    /// # Errors
    /// [`MechanismError::Hermite`] if the rule could not be built.
    pub fn new(rule: Rule<S>, target: T) -> Result<Self, MechanismError> {
        Ok(Self { rule, target, quadrature: GaussHermite::new(POINTS)? })
    }

    /// The expectations at the overlap `m`, in `[-1, 1]`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::ben_arous2021::SingleIndex;
    /// use gradiometer_mechanisms::order_parameters::{Loss, Rule, hermite_student};
    /// let rule = Rule { student: hermite_student(2), loss: Loss::Correlation, lookahead: 0.0 };
    /// let h2 = hermite_student(2);
    /// let matched = SingleIndex::new(rule, |z| h2(z).0).unwrap();
    /// let at = matched.moments(0.5);
    /// assert!((at.noise - 4.0).abs() <= 2048.0 * f64::EPSILON); // V(m) = 2 + 8 m^2
    /// assert!((at.drift - 2.0 * 0.5 * 0.75).abs() <= 2048.0 * f64::EPSILON); // 2 m (1 - m^2)
    /// ```
    pub fn moments(&self, m: f64) -> Moments {
        let r = ((1.0 - m) * (1.0 + m)).sqrt();
        let force = |a: f64, b: f64| self.rule.force((self.target)(m * a + r * b), a, 1.0);
        let weights = self.quadrature.weights();
        let (mut drift, mut noise, mut second) = (0.0, 0.0, 0.0);
        for (a, p) in self.quadrature.nodes().iter().zip(&weights) {
            for (b, q) in self.quadrature.nodes().iter().zip(&weights) {
                let f = force(*a, *b);
                let along = f * r * b;
                drift += p * q * along;
                noise += p * q * f * f;
                second += p * q * along * along;
            }
        }
        Moments { drift, noise, spread: second - drift * drift }
    }

    /// `B_0 = b(0)` and `B_1 = b'(0) = E[(z^2 - 1) a G]`, `a` and `z` independent.
    pub fn start(&self) -> (f64, f64) {
        let force = |a: f64, z: f64| self.rule.force((self.target)(z), a, 1.0);
        let constant = plane(&self.quadrature, |a, z| force(a, z) * z);
        let slope = plane(&self.quadrature, |a, z| force(a, z) * a * (z * z - 1.0));
        (constant, slope)
    }

    /// `dm/dtau = delta b(m) - (delta^2/2) V(m) m` (11.7.2).
    pub fn velocity(&self, m: f64, delta: f64) -> f64 {
        let at = self.moments(m);
        delta * at.drift - 0.5 * delta * delta * at.noise * m
    }

    /// The overlap at each of the ascending times `tau`, from `m0` at time zero, relative error
    /// some `1e-11`.
    ///
    /// # Errors
    /// [`MechanismError::Flow`] if the flow could not be followed.
    pub fn trajectory(&self, m0: f64, delta: f64, tau: &[f64]) -> Result<Vec<f64>, MechanismError> {
        trajectory(|m| self.velocity(m, delta), m0, tau)
    }

    /// The escape law of 11.7.4 at step `delta`, up to the level `m1`.
    ///
    /// # Errors
    /// [`MechanismError::Parameter`] if the start is not unstable at this step size, or the flow
    /// stops below `m1`.
    pub fn escape(&self, delta: f64, m1: f64) -> Result<EscapeLaw, MechanismError> {
        let at = self.moments(0.0);
        let (_, slope) = self.start();
        let rate = delta * slope - 0.5 * delta * delta * at.noise;
        if !(rate > 0.0) {
            return Err(MechanismError::Parameter { name: "the growth rate", value: rate });
        }
        let least = integral_minimum(|m| self.velocity(m, delta), m1);
        if !(least > 0.0) {
            return Err(MechanismError::Parameter { name: "the drift below m1", value: least });
        }
        let rest = |m: f64| {
            let f = self.velocity(m, delta);
            (rate * m - f) / (m * f)
        };
        let constant = integral(rest, 0.0, m1, 6)? + m1.ln();
        let noise_factor = 1.0 + delta * delta * at.spread / (2.0 * rate);
        Ok(EscapeLaw { rate, noise_factor, constant, noise: at.noise, spread: at.spread, slope })
    }

    /// The mean time `tau` at which `|m|` (or `m`, where the chain has no symmetry) reaches `m1`,
    /// for the diffusion with drift `delta b - (delta^2/2) V m` and variance `delta^2 V_2(m)/d`,
    /// started from `N(0, 1/d)`.
    ///
    /// `symmetric` says that `m -> -m` changes nothing: then `|m|` is followed and reflected at
    /// zero, else the line down to -1 is walked.
    ///
    /// # Errors
    /// [`MechanismError::Hermite`] if a rule could not be built.
    pub fn diffusion_time(
        &self,
        delta: f64,
        m1: f64,
        dimension: f64,
        symmetric: bool,
    ) -> Result<f64, MechanismError> {
        // Drift and variance are smooth: a Chebyshev table saves the double sums.
        let lowest = if symmetric { 0.0 } else { -0.999 };
        let drift = Chebyshev::new(|m| self.velocity(m, delta), lowest, m1);
        let scale = delta * delta / dimension;
        let variance = Chebyshev::new(|m| scale * self.moments(m).spread, lowest, m1);
        let root = dimension.sqrt();
        let below = |m: f64| {
            if symmetric { 2.0 * distribution(m * root) - 1.0 } else { distribution(m * root) }
        };
        let diffusion =
            Diffusion { drift: |m| drift.at(m), variance: |m| variance.at(m), lowest, highest: m1 };
        diffusion.mean_passage(below, minimum(0.01, 0.2 / root), 0.0)
    }
}

/// The least of `f` at 200 places in `(0, high]`.
fn integral_minimum(f: impl Fn(f64) -> f64, high: f64) -> f64 {
    (1..=200).map(|i| f(high * f64::from(i) / 200.0)).fold(f64::INFINITY, minimum)
}

/// A smooth function by its values at Chebyshev's points, barycentric.
#[derive(Clone, Debug)]
struct Chebyshev {
    nodes: Vec<f64>,
    values: Vec<f64>,
}

impl Chebyshev {
    const COUNT: u32 = 40;

    fn new(f: impl Fn(f64) -> f64, low: f64, high: f64) -> Self {
        let nodes: Vec<f64> = (0..=Self::COUNT)
            .map(|i| {
                let angle = std::f64::consts::PI * f64::from(i) / f64::from(Self::COUNT);
                0.5 * (low + high) - 0.5 * (high - low) * angle.cos()
            })
            .collect();
        let values = nodes.iter().map(|x| f(*x)).collect();
        Self { nodes, values }
    }

    fn at(&self, x: f64) -> f64 {
        let (mut above, mut below) = (0.0, 0.0);
        for (i, (node, value)) in self.nodes.iter().zip(&self.values).enumerate() {
            let distance = x - node;
            if !(distance.abs() > 0.0) {
                return *value;
            }
            let end = i == 0 || i + 1 == self.nodes.len();
            let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
            let weight = sign * if end { 0.5 } else { 1.0 } / distance;
            above += weight * value;
            below += weight;
        }
        above / below
    }
}

/// The flow of one number through given times.
///
/// # Errors
/// [`MechanismError::Flow`] if the flow could not be followed.
pub fn trajectory(
    velocity: impl Fn(f64) -> f64,
    m0: f64,
    tau: &[f64],
) -> Result<Vec<f64>, MechanismError> {
    let mut state = [m0];
    let mut now = 0.0;
    let mut path = Vec::with_capacity(tau.len());
    for next in tau {
        integrate(|_, y, v| v[0] = velocity(y[0]), &mut state, now, *next, TOLERANCE)?;
        now = *next;
        path.push(state[0]);
    }
    Ok(path)
}

/// The law of the escape time for information exponent 2 (11.7.4): with `Z ~ N(0, 1)`,
/// `tau = (1/rate) [(1/2) log d - log|Z| - (1/2) log noise_factor + constant]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EscapeLaw {
    /// `lambda = delta b'(0) - delta^2 V(0)/2`.
    pub rate: f64,
    /// `1 + delta^2 V_2(0)/(2 lambda)`: what the noise of the first steps adds to the start's
    /// variance.
    pub noise_factor: f64,
    /// `C(m1) = lim [lambda int_e^{m1} dm/f(m) + log e]`.
    pub constant: f64,
    /// `V(0)`.
    pub noise: f64,
    /// `V_2(0)`.
    pub spread: f64,
    /// `b'(0)`.
    pub slope: f64,
}

impl EscapeLaw {
    /// The mean escape time in `tau`: `d log d` steps have the constant `1/(2 lambda)`.
    pub fn mean(&self, dimension: f64) -> f64 {
        (0.5 * dimension.ln() + MEAN_LOG_NORMAL - 0.5 * self.noise_factor.ln() + self.constant)
            / self.rate
    }

    /// The standard deviation, `pi/(2 sqrt 2)/lambda`, whatever the dimension.
    pub fn standard_deviation(&self) -> f64 {
        std::f64::consts::PI / (8.0_f64.sqrt() * self.rate)
    }

    /// The step above which the start is stable: `2 b'(0)/V(0)`.
    pub fn threshold(&self) -> f64 {
        2.0 * self.slope / self.noise
    }
}

/// Where the flow of the matched `h_2` with correlation loss ends:
/// `m^2 = (2 - delta)/(2 + 4 delta)`, batches of `B` by `delta/B` for `delta` (11.7.3, 11.7.6).
/// Zero above the threshold 2.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::ben_arous2021::plateau_h2;
/// assert!((plateau_h2(0.5) - 0.375_f64.sqrt()).abs() <= 4.0 * f64::EPSILON);
/// assert_eq!(plateau_h2(3.0), 0.0);
/// ```
pub fn plateau_h2(delta: f64) -> f64 {
    let square = (2.0 - delta) / (2.0 + 4.0 * delta);
    if square > 0.0 { square.sqrt() } else { 0.0 }
}

/// The stationary standard deviation of `sqrt(d) m` below the threshold:
/// `delta sqrt(V_2/(2 |lambda|))`, `lambda < 0` (11.7.3).
pub fn stationary_deviation(delta: f64, spread: f64, rate: f64) -> f64 {
    delta * (spread / (2.0 * rate.abs())).sqrt()
}

/// `E T/delta_0^2`, the limit of (escape steps)/`d^{k-1}` at information exponent `k >= 3`
/// (11.7.5).
///
/// `x = sqrt(d) m` follows `dx = (alpha x^{k-1} - beta x) dT + sqrt(V_2) dB` and explodes. Here
/// `alpha = k c_k s_k/delta_0`, `beta = V(0)/2`. For even `k` the modulus is followed; for odd `k`
/// the line: negative starts have to come back first. Relative error below `1e-5`: that of the
/// tail.
///
/// # Errors
/// [`MechanismError::Parameter`] for `k < 3` or a pull that is not positive.
pub fn explosion_time(
    degree: u32,
    delta_0: f64,
    product: f64,
    noise: f64,
    spread: f64,
) -> Result<f64, MechanismError> {
    let alpha = f64::from(degree) * product / delta_0;
    if degree < 3 {
        return Err(MechanismError::Parameter { name: "k", value: f64::from(degree) });
    }
    if !(alpha > 0.0 && delta_0 > 0.0) {
        return Err(MechanismError::Parameter { name: "the pull", value: alpha });
    }
    let beta = 0.5 * noise;
    let even = degree.is_multiple_of(2);
    let power = i32::try_from(degree).unwrap_or(i32::MAX) - 1;
    let drift = |x: f64| alpha * x.powi(power) - beta * x;
    // Beyond `far`, J = 1/drift up to the relative size of variance drift'/(2 drift^2).
    let mut far = 4.0_f64;
    while spread * f64::from(power) / (2.0 * alpha * far.powi(power + 1)) > 1e-5
        || beta > 0.5 * alpha * far.powi(power - 1)
    {
        far *= 1.25;
    }
    // Far below zero the drift of an odd degree points up and is strong: J = 1/drift there too.
    let lowest = if even { 0.0 } else { -12.0 };
    let initial = if even { 0.0 } else { 1.0 / drift(lowest) };
    let below = |x: f64| if even { 2.0 * distribution(x) - 1.0 } else { distribution(x) };
    let near = Diffusion { drift, variance: |_| spread, lowest, highest: far }
        .mean_passage(below, 0.02, initial)?;
    // int_far^inf dx/drift with u = 1/x: u^{k-3}/(alpha - beta u^{k-2}).
    let tail =
        integral(|u| u.powi(power - 2) / (alpha - beta * u.powi(power - 1)), 0.0, 1.0 / far, 1)?;
    Ok((near + tail) / (delta_0 * delta_0))
}

/// Closed forms for a ReLU student and a ReLU teacher, `theta = arccos m` (11.7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReluMoments;

impl ReluMoments {
    /// `b(m) = (1 - m^2)(pi - theta)/(2 pi)`, for either loss.
    pub fn drift(m: f64) -> f64 {
        (1.0 - m) * (1.0 + m) * (std::f64::consts::PI - m.acos()) / std::f64::consts::TAU
    }

    /// `V(m)` of the correlation loss: `A = ((pi - theta) + sin theta cos theta)/(2 pi)`.
    pub fn correlation_noise(m: f64) -> f64 {
        let (theta, sine) = (m.acos(), ((1.0 - m) * (1.0 + m)).sqrt());
        (std::f64::consts::PI - theta + sine * m) / std::f64::consts::TAU
    }

    /// `V(m)` of the square loss: `A - 2 kappa + 1/2`,
    /// `kappa = (sin theta + m (pi - theta))/(2 pi)`.
    pub fn square_noise(m: f64) -> f64 {
        let (theta, sine) = (m.acos(), ((1.0 - m) * (1.0 + m)).sqrt());
        let kappa = (sine + m * (std::f64::consts::PI - theta)) / std::f64::consts::TAU;
        Self::correlation_noise(m) - 2.0 * kappa + 0.5
    }

    /// `dm/dtau` at step `delta`.
    pub fn velocity(m: f64, delta: f64, loss: crate::order_parameters::Loss) -> f64 {
        let noise = match loss {
            crate::order_parameters::Loss::Correlation => Self::correlation_noise(m),
            crate::order_parameters::Loss::Square => Self::square_noise(m),
        };
        delta * Self::drift(m) - 0.5 * delta * delta * noise * m
    }
}
