//! The first step of any neuron on any polynomial or ReLU target in closed form (11.0), and its
//! sampling noise (11.1.2).

use crate::activation::{BiasedActivation, NoiseConstants, RELU};
use crate::error::MechanismError;
use crate::linear_algebra::{dot, norm, require_shape};
#[cfg(test)]
use crate::normal::DENSITY_AT_ZERO;
use crate::target::{PolynomialTarget, factorial, monomial, multi_factorial, power};
use faer::{Mat, MatRef};
use gradiometer_hermite::Angle;
use gradiometer_model::Teacher;
use std::f64::consts::TAU;

/// How far a unit vector's length may be from 1.
const UNIT_LENGTH: f64 = 1e-6;

/// One monomial of the step: `factor p^alpha`, along `u_i` or along `w`.
#[derive(Clone, Debug)]
struct Monomial {
    degrees: Vec<usize>,
    factor: f64,
}

/// **11.0.1 Step of a polynomial target** (identity).
///
/// For unit `w`, `p = U w`, `k = |alpha|`: `G(w) = E[y sigma'(w.x) x] = sum_alpha c_alpha
/// [tau_{k-1} sqrt((k-1)!/alpha!) sum_i alpha_i p^{alpha - e_i} u_i + sqrt(k+1) tau_{k+1}
/// sqrt(k!/alpha!) p^alpha w]`; the first term is absent for `alpha = 0`. One step of descent on
/// the mean square with step size `eta` from `f = 0` is `w_j + 2 eta a_j G(w_j)`. The factors are
/// computed once, so a step costs one pass over the monomials.
///
/// Control: an odd target of degree at least 3 has no step under ReLU. Source: \[DLS22\], constants
/// derived here.
#[derive(Clone, Debug)]
pub struct StepCalculator {
    rank: usize,
    /// Highest degree of the target.
    highest: usize,
    /// ReLU without bias: the step does not depend on the neuron's length.
    homogeneous: bool,
    /// For each direction `u_i` of the span its monomials.
    inside: Vec<Vec<Monomial>>,
    along: Vec<Monomial>,
}

impl StepCalculator {
    /// The step on a target with an activation.
    pub fn new(target: &PolynomialTarget, activation: BiasedActivation) -> Self {
        let rank = target.rank();
        let mut inside = vec![Vec::new(); rank];
        let mut along = Vec::new();
        for term in target.terms() {
            let k = term.degree();
            let length = multi_factorial(&term.degrees);
            for (i, &degree) in term.degrees.iter().enumerate().filter(|(_, degree)| **degree > 0) {
                let scale = activation.tau(k - 1) * (factorial(k - 1) / length).sqrt();
                let mut degrees = term.degrees.clone();
                degrees[i] -= 1;
                let factor = term.coefficient * scale * degree as f64;
                inside[i].push(Monomial { degrees, factor });
            }
            let scale = ((k + 1) as f64).sqrt() * activation.tau(k + 1);
            let factor = term.coefficient * scale * (factorial(k) / length).sqrt();
            along.push(Monomial { degrees: term.degrees.clone(), factor });
        }
        // A factor that is exactly zero, as ReLU's for even tau, costs nothing.
        for monomials in inside.iter_mut().chain([&mut along]) {
            monomials.retain(|monomial| monomial.factor.abs() > 0.0);
        }
        let highest = target.degree();
        Self { rank, highest, homogeneous: activation == RELU, inside, along }
    }

    /// `(g, delta)` with `G(w) = sum_i g_i u_i + delta w`, for a unit neuron with coordinates `p`
    /// (`r`) in the span.
    ///
    /// # Errors
    /// [`MechanismError::Shape`] if `p` has another length.
    pub fn parts(&self, p: &[f64]) -> Result<(Vec<f64>, f64), MechanismError> {
        require_shape("the neuron's part in the span", p.len(), self.rank)?;
        let mut inside = vec![0.0; self.rank];
        let along = self.parts_into(p, &mut self.powers(), &mut inside);
        Ok((inside, along))
    }

    /// `powers` is room for the powers of every coordinate of `p`, up to the highest degree.
    fn parts_into(&self, p: &[f64], powers: &mut [f64], inside: &mut [f64]) -> f64 {
        let stride = self.highest + 1;
        for (x, powers) in p.iter().zip(powers.chunks_exact_mut(stride)) {
            let mut power = 1.0;
            for entry in powers {
                *entry = power;
                power *= x;
            }
        }
        let value = |m: &Monomial| {
            let factors = m.degrees.iter().zip(powers.chunks_exact(stride));
            factors.fold(m.factor, |product, (degree, powers)| product * powers[*degree])
        };
        for (entry, monomials) in inside.iter_mut().zip(&self.inside) {
            *entry = monomials.iter().map(value).sum();
        }
        self.along.iter().map(value).sum()
    }

    /// Room for [`Self::parts_into`].
    fn powers(&self) -> Vec<f64> {
        vec![0.0; self.rank * (self.highest + 1)]
    }

    /// `G(w)` for a neuron `w` (`d >= r`); the span is the first `r` coordinates.
    ///
    /// `w` is a unit vector; for ReLU without bias any length will do, and its direction is used.
    ///
    /// # Errors
    /// [`MechanismError::TooSmall`] if `w` is shorter than the span,
    /// [`MechanismError::NoDirection`] for a length other than 1, or 0 for ReLU without bias.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::{PolynomialTarget, activation::RELU, step::StepCalculator};
    /// let linear = PolynomialTarget::single_index(&[0.0, 1.0]).unwrap();
    /// let step = StepCalculator::new(&linear, RELU).step(&[0.6, 0.8]).unwrap();
    /// assert_eq!(step, [0.5, 0.0]);
    /// ```
    pub fn step(&self, w: &[f64]) -> Result<Vec<f64>, MechanismError> {
        let weights = Mat::from_fn(1, w.len(), |_, i| w[i]);
        Ok(crate::linear_algebra::row(self.steps(weights.as_ref())?.as_ref(), 0))
    }

    /// `G(w_j)` for every row of `weights` (`m x d`), as rows.
    ///
    /// # Errors
    /// As [`StepCalculator::step`].
    pub fn steps(&self, weights: MatRef<'_, f64>) -> Result<Mat<f64>, MechanismError> {
        let (m, d) = (weights.nrows(), weights.ncols());
        if d < self.rank {
            let (found, least) = (d, self.rank);
            return Err(MechanismError::TooSmall { what: "the dimension", found, least });
        }
        let lengths = crate::linear_algebra::row_norms(weights);
        let (mut inside, mut along) = (Mat::<f64>::zeros(m, self.rank), vec![0.0; m]);
        let (mut p, mut g) = (vec![0.0; self.rank], vec![0.0; self.rank]);
        let mut powers = self.powers();
        for (j, &length) in lengths.iter().enumerate() {
            let unit = if self.homogeneous {
                length > 0.0 && length.is_finite()
            } else {
                (length - 1.0).abs() <= UNIT_LENGTH
            };
            if !unit {
                return Err(MechanismError::NoDirection { what: "neuron", index: j });
            }
            for (i, entry) in p.iter_mut().enumerate() {
                *entry = weights[(j, i)] / length;
            }
            along[j] = self.parts_into(&p, &mut powers, &mut g) / length;
            for (i, value) in g.iter().enumerate() {
                inside[(j, i)] = *value;
            }
        }
        let mut steps = Mat::<f64>::zeros(m, d);
        for (column, own) in steps.col_iter_mut().zip(weights.col_iter()) {
            for ((x, w), along) in column.iter_mut().zip(own.iter()).zip(&along) {
                *x = along * w;
            }
        }
        for i in 0..self.rank {
            for j in 0..m {
                steps[(j, i)] += inside[(j, i)];
            }
        }
        Ok(steps)
    }
}

/// Which degrees of a ReLU teacher the labels keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelDegrees {
    /// Raw labels.
    All,
    /// Centred labels, `y - E y`.
    FromOne,
    /// Labels without their constant and linear part.
    FromTwo,
}

/// **11.0.1** for a ReLU teacher with unit `directions` (`k x d`) and ReLU neurons: `G(w) = sum_i
/// alpha_i [(1/4 + asin(t_i)/(2 pi)) u_i + sqrt(1 - t_i^2)/(2 pi) w]`, `t_i = u_i.w`, `w` taken as
/// its direction.
///
/// From degree 1 on `sqrt(1 - t^2)` is replaced by `sqrt(1 - t^2) - 1`, from degree 2 on the 1/4 is
/// dropped too.
///
/// # Errors
/// [`MechanismError::Shape`] for other sizes, [`MechanismError::NoDirection`] for `w = 0`.
pub fn relu_step(
    directions: MatRef<'_, f64>,
    amplitudes: &[f64],
    degrees: LabelDegrees,
    w: &[f64],
) -> Result<Vec<f64>, MechanismError> {
    require_shape("the amplitudes", amplitudes.len(), directions.nrows())?;
    require_shape("the neuron", w.len(), directions.ncols())?;
    let length = norm(w);
    if !(length > 0.0 && length.is_finite()) {
        return Err(MechanismError::NoDirection { what: "neuron", index: 0 });
    }
    let unit: Vec<f64> = w.iter().map(|x| x / length).collect();
    let quarter = if degrees == LabelDegrees::FromTwo { 0.0 } else { 0.25 };
    let mut step = vec![0.0; w.len()];
    for (i, &alpha) in amplitudes.iter().enumerate() {
        let u = crate::linear_algebra::row(directions, i);
        let angle = Angle::between(&u, &unit);
        let inside = alpha * (quarter + angle.complement() / TAU);
        // sqrt(1 - t^2) - 1 = -t^2/(1 + sqrt(1 - t^2)).
        let along = match degrees {
            LabelDegrees::All => angle.sine(),
            _ => -angle.cosine() * angle.cosine() / (1.0 + angle.sine()),
        };
        let along = alpha * along / TAU;
        for ((entry, x), y) in step.iter_mut().zip(&u).zip(&unit) {
            *entry += inside * x + along * y;
        }
    }
    Ok(step)
}

/// [`relu_step`] of a teacher.
///
/// # Errors
/// As [`relu_step`].
pub fn relu_teacher_step(
    teacher: &Teacher,
    degrees: LabelDegrees,
    w: &[f64],
) -> Result<Vec<f64>, MechanismError> {
    let directions =
        Mat::from_fn(teacher.neurons(), teacher.dimension(), |i, k| teacher.direction(i)[k]);
    relu_step(directions.as_ref(), teacher.amplitudes(), degrees, w)
}

/// The step by sign: **11.0.2** (identity, every sample), the raw step of ReLU is `(1/2n) sum y_i
/// sign(w.x_i) x_i + (1/2n) sum y_i x_i`. Returned are the two parts, for `inputs` (`n x d`).
///
/// The second is the same for all neurons, and zero for labels that are least-squares residuals on
/// `(1, x)`.
///
/// # Errors
/// [`MechanismError::Shape`] if sizes differ.
pub fn two_forms(
    inputs: MatRef<'_, f64>,
    labels: &[f64],
    w: &[f64],
) -> Result<(Vec<f64>, Vec<f64>), MechanismError> {
    let (n, d) = (inputs.nrows(), inputs.ncols());
    require_shape("the labels", labels.len(), n)?;
    require_shape("the neuron", w.len(), d)?;
    let (mut signed, mut common) = (vec![0.0; d], vec![0.0; d]);
    for (i, label) in labels.iter().enumerate() {
        let input: Vec<f64> = (0..d).map(|k| inputs[(i, k)]).collect();
        let sign = if dot(w, &input) > 0.0 { 1.0 } else { -1.0 };
        for ((s, c), x) in signed.iter_mut().zip(&mut common).zip(&input) {
            *s += sign * label * x / (2 * n) as f64;
            *c += label * x / (2 * n) as f64;
        }
    }
    Ok((signed, common))
}

/// Mean squared lengths of a step's parts inside and outside the span of the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Energies {
    /// `E |P G|^2`.
    pub inside: f64,
    /// `E |(1 - P) G|^2`.
    pub outside: f64,
}

/// **11.1.1 Energies of the population step of a quadratic** `y = (x.C_2 x - tr C_2)/2` under ReLU
/// (identity, mean over `w` uniform on the sphere of `R^d`).
///
/// `E_in + E_out = (t2/d - (3/4) q)/(2 pi)`, `E_out = q (1 - (r+4)/(d+4))/(8 pi)`, `q = (2 t2 +
/// t1^2)/(d (d+2))`, with `t1 = tr C_2`, `t2 = tr C_2^2` and `hessian` the `r x r` matrix `C_2` in
/// coordinates of the span.
///
/// # Errors
/// [`MechanismError::TooSmall`] if `d < r`; [`MechanismError::NotFinite`] for an entry.
pub fn quadratic_energies(
    hessian: MatRef<'_, f64>,
    dimension: usize,
) -> Result<Energies, MechanismError> {
    let rank = hessian.nrows();
    if dimension < rank {
        let (found, least) = (dimension, rank);
        return Err(MechanismError::TooSmall { what: "the dimension", found, least });
    }
    crate::linear_algebra::require_finite("the Hessian", hessian)?;
    let (trace, square) = (
        crate::linear_algebra::trace(hessian),
        crate::linear_algebra::trace_of_product(hessian, hessian),
    );
    let d = dimension as f64;
    let q = (2.0 * square + trace * trace) / (d * (d + 2.0));
    let outside = q * (1.0 - (rank + 4) as f64 / (d + 4.0)) / (4.0 * TAU);
    Ok(Energies { inside: (square / d - 0.75 * q) / TAU - outside, outside })
}

/// **11.1.1** for a harmonic target of degree `k >= 1` in a plane, `E f^2 = 1`, any activation.
///
/// With `R_j = d (d+2) ... (d+2j)`, `R_{-1} = 1`: `E_in + E_out = tau_{k-1}^2 k!/R_{k-2} + [2 k
/// tau_{k-1} tau_{k+1} sqrt((k+1) k! (k-1)!) + (k+1)! tau_{k+1}^2]/R_{k-1}`, `E_out = (k+1)!
/// tau_{k+1}^2 (1 - (2+2k)/(d+2k))/R_{k-1}`.
///
/// # Errors
/// [`MechanismError::TooSmall`] for degree 0 or a dimension below 2.
pub fn harmonic_energies(
    degree: usize,
    dimension: usize,
    activation: BiasedActivation,
) -> Result<Energies, MechanismError> {
    if degree == 0 {
        return Err(MechanismError::TooSmall { what: "the degree", found: 0, least: 1 });
    }
    if dimension < 2 {
        let found = dimension;
        return Err(MechanismError::TooSmall { what: "the dimension", found, least: 2 });
    }
    let k = degree;
    // `count` factors: R_{count - 1}.
    let rising = |count: usize| (0..count).map(|j| (dimension + 2 * j) as f64).product::<f64>();
    let (below, above) = (activation.tau(k - 1), activation.tau(k + 1));
    let mixed = ((k + 1) as f64 * factorial(k) * factorial(k - 1)).sqrt();
    let square = factorial(k + 1) * above * above;
    let total = below * below * factorial(k) / rising(k - 1)
        + (2.0 * k as f64 * below * above * mixed + square) / rising(k);
    let share = (2 + 2 * k) as f64 / (dimension + 2 * k) as f64;
    let outside = square * (1.0 - share) / rising(k);
    Ok(Energies { inside: total - outside, outside })
}

/// What the sampled step's noise depends on (11.1.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampledStep {
    /// Energies of the population step.
    pub population: Energies,
    /// `d`.
    pub dimension: usize,
    /// `r`.
    pub rank: usize,
    /// `k`: the labels are homogeneous of degree `k` in the span, less their mean.
    pub homogeneity: usize,
    /// `E y^2`.
    pub label_energy: f64,
    /// `n`.
    pub samples: usize,
    /// Of the activation.
    pub noise: NoiseConstants,
}

impl SampledStep {
    /// `E[y^2 |P x|^2] = (r + 2k) E y^2` for labels homogeneous of degree `k`.
    fn span_moment(&self) -> f64 {
        (self.rank + 2 * self.homogeneity) as f64 * self.label_energy
    }

    fn outside_directions(&self) -> f64 {
        self.dimension as f64 - self.rank as f64
    }

    /// **11.1.2 with exact labels** and the full form of ReLU's step (identity in the mean over
    /// data and `w`, every `n` and `d`): inside `(1 - 1/n) E_in + E[y^2 |P x|^2]/(2n)`, outside
    /// `(1 - 1/n) E_out + (d - r) E y^2/(2n)`.
    ///
    /// `span_moment` is `E[y^2 |P x|^2]`, `(r + 2k) E y^2` if it is not given.
    pub fn exact_labels(&self, span_moment: Option<f64>) -> Energies {
        let n = self.samples as f64;
        let moment = span_moment.unwrap_or_else(|| self.span_moment());
        Energies {
            inside: (1.0 - 1.0 / n) * self.population.inside + moment / (2.0 * n),
            outside: (1.0 - 1.0 / n) * self.population.outside
                + self.outside_directions() * self.label_energy / (2.0 * n),
        }
    }

    /// **11.1.2 with labels by averages** (constant and linear part estimated by plain means), full
    /// form of ReLU's step, outside the span only: `E_out + (d - r)(E y^2 + |C_1|^2 + C_0^2)/(4n)`,
    /// up to `O((d/n)^2)`.
    ///
    /// `affine_energy` is `|C_1|^2 + C_0^2` of what was subtracted.
    pub fn averages_outside(&self, affine_energy: f64) -> f64 {
        let energy = self.label_energy + affine_energy;
        self.population.outside + self.outside_directions() * energy / (4.0 * self.samples as f64)
    }

    /// **11.1.2 with labels by least squares**: with `e = (d+1)/n` and `g = 1 - (d+1+2k)/n`, inside
    /// `(1-e)^2 E_in + g (r+2k) nu0 E y^2/n`, outside `(1-e)^2 E_out + g (d - r + nu1/nu0 - 1) nu0
    /// E y^2/n`.
    ///
    /// Accuracy `2/d + 5 (d/n)^2`; for activations other than ReLU `5/d`.
    ///
    /// # Errors
    /// [`MechanismError::TooSmall`] unless `n > d + 1 + 2k`.
    pub fn least_squares(&self) -> Result<Energies, MechanismError> {
        let least = self.dimension + 2 + 2 * self.homogeneity;
        if self.samples < least {
            let found = self.samples;
            return Err(MechanismError::TooSmall { what: "the number of samples", found, least });
        }
        let n = self.samples as f64;
        let kept = 1.0 - (self.dimension + 1) as f64 / n;
        let g = 1.0 - (self.dimension + 1 + 2 * self.homogeneity) as f64 / n;
        let NoiseConstants { across, along } = self.noise;
        let outside = across * (self.outside_directions() - 1.0) + along;
        Ok(Energies {
            inside: kept * kept * self.population.inside + g * across * self.span_moment() / n,
            outside: kept * kept * self.population.outside + g * outside * self.label_energy / n,
        })
    }

    /// **Half point** `n* = (d - r) nu0 E y^2/E_in`: samples at which noise and signal have equal
    /// energy.
    ///
    /// For a quadratic and ReLU it tends to `(pi/4) d^2` whatever the rank.
    pub fn half_point(&self) -> f64 {
        self.outside_directions() * self.noise.across * self.label_energy / self.population.inside
    }
}

/// **11.3.3** The limit of the half point of a harmonic target over `d^k`: `nu0/(tau_{k-1}^2 k!)`;
/// infinite where `tau_{k-1} = 0`: no number of samples suffices.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::{activation::RELU, step::half_point_constant};
/// let quadratic = half_point_constant(2, RELU);
/// assert!((quadratic - std::f64::consts::FRAC_PI_4).abs() <= 4.0 * f64::EPSILON);
/// assert_eq!(half_point_constant(3, RELU), f64::INFINITY);
/// ```
pub fn half_point_constant(degree: usize, activation: BiasedActivation) -> f64 {
    let tau = activation.tau(degree.saturating_sub(1));
    activation.noise().across / (tau * tau * factorial(degree))
}

/// The step of a target of degree at most 2 under ReLU: `C_1/2 + phi0 (C_0 w + C_2 w - (w.C_2 w)
/// w/2)`, for the check of [`StepCalculator`] by another formula.
#[cfg(test)]
pub(crate) fn low_degree_step(target: &PolynomialTarget, w: &[f64]) -> Vec<f64> {
    let (linear, hessian, rank) = (target.linear(), target.hessian(), target.rank());
    let image = crate::linear_algebra::apply(hessian.as_ref(), &w[..rank]);
    let along = target.constant() - 0.5 * dot(&w[..rank], &image);
    (0..w.len())
        .map(|i| {
            let (c1, c2) = if i < rank { (linear[i], image[i]) } else { (0.0, 0.0) };
            0.5 * c1 + DENSITY_AT_ZERO * (along * w[i] + c2)
        })
        .collect()
}

/// `E[q(x) 1{w.x > -b}] = sum_alpha q_alpha tau_k sqrt(k!/alpha!) p^alpha` for a unit neuron with
/// coordinates `p`.
pub(crate) fn half_space_mean(function: &PolynomialTarget, bias: f64, p: &[f64]) -> f64 {
    let activation = BiasedActivation::Relu { bias };
    function
        .terms()
        .iter()
        .map(|term| {
            let k = term.degree();
            let scale = (factorial(k) / multi_factorial(&term.degrees)).sqrt();
            term.coefficient * activation.tau(k) * scale * monomial(p, &term.degrees)
        })
        .sum()
}

/// `|RELU|`'s share of noise: `(pi/2) d^2 E y^2/t2`, the half point of a quadratic for large `d`.
pub fn quadratic_half_point(dimension: usize, label_energy: f64, hessian_square: f64) -> f64 {
    let d = dimension as f64;
    RELU.noise().across * TAU * power(d, 2) * label_energy / hessian_square
}

#[cfg(test)]
mod tests;
