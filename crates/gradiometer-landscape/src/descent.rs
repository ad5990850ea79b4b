//! The descent direction of theory 7.8, the gradient scaling of 7.9, the steps of 7.10 and the
//! spectrum at a point.

mod step;

use crate::error::LandscapeError;
use crate::point::Point;
use gradiometer_hermite::Angle;
use gradiometer_hermite::float::minimum_of;
use gradiometer_hermite::relu::sphere_kernel;
use gradiometer_model::geometry::{dot, norm};
use gradiometer_population::{DENSE_LIMIT, Gradient, Layers, Objective as _, Ritz, WeightDecay};
use std::f64::consts::PI;
pub use step::{Decrease, GradientStep, LargestStep, largest_step};

/// The angle up to which a neuron counts as close to its teacher, in radians.
pub const CLOSE: f64 = 0.3;

/// The shares of theory 7.8, `q_j = alpha_i a_j/sum_{close_i} a_j^2` for `j` in `close_i`, the
/// neurons of `T_i` within an angle whose sign is that of `alpha_i`, else 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// `q_j`, length `m`.
    pub shares: Vec<f64>,
    /// Teacher neurons without a close neuron.
    pub missing: Vec<usize>,
}

impl Shares {
    /// The shares of neurons with second layer `a`, whose nearest teachers, angles from them and
    /// masses are given (length `m` each), of a teacher with the given amplitudes; `close` is in
    /// radians.
    pub fn new(
        amplitudes: &[f64],
        a: &[f64],
        (nearest, angles, masses): (&[usize], &[f64], &[f64]),
        close: f64,
    ) -> Self {
        let is_close = |j: usize| {
            masses[j].abs() > 0.0 && angles[j] <= close && a[j] * amplitudes[nearest[j]] > 0.0
        };
        let mut squares = vec![0.0; amplitudes.len()];
        for j in (0..a.len()).filter(|j| is_close(*j)) {
            squares[nearest[j]] += a[j] * a[j];
        }
        let share = |j: usize| {
            let i = nearest[j];
            if is_close(j) { amplitudes[i] * a[j] / squares[i] } else { 0.0 }
        };
        Self {
            shares: (0..a.len()).map(share).collect(),
            missing: (0..squares.len()).filter(|i| !(squares[*i] > 0.0)).collect(),
        }
    }
}

/// The direction of theory 7.8 at one student: close neurons move to their share of the teacher,
/// all others to zero. From the target, `w_j - q_j s_j u_i`.
#[derive(Clone, Debug)]
pub struct DescentDirection {
    shares: Shares,
    vectors: Vec<f64>,
    product: f64,
    formula: f64,
    turning: f64,
    size: f64,
    gradient_norm: f64,
    rounding: f64,
}

impl DescentDirection {
    /// The direction at a point, with neurons within `close` radians counted as close.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_landscape::descent::{CLOSE, DescentDirection};
    /// use gradiometer_landscape::point::Point;
    /// use gradiometer_model::{Network, Teacher};
    /// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap().separated().unwrap();
    /// let student = Network::new(2, vec![2.0], vec![2.0, 0.0]).unwrap();
    /// let direction = DescentDirection::new(&Point::new(&teacher, &student, 0.1).unwrap(), CLOSE);
    /// // Its share of the teacher is 1 = a q, so that it should move from 2 to 1/2.
    /// assert_eq!(direction.vectors(), [1.5, 0.0]);
    /// ```
    pub fn new(point: &Point<'_>, close: f64) -> Self {
        let (teacher, student, split) = (point.teacher(), point.student(), point.split());
        let (m, d, lambda) = (student.neurons(), student.dimension(), point.lambda());
        let a = student.second_layer();
        let amplitudes = teacher.amplitudes();
        let neurons = (split.nearest(), split.angles(), split.masses());
        let Shares { shares, missing } = Shares::new(amplitudes, a, neurons, close);
        let mut vectors = student.first_layer().to_vec();
        let (mut kept, mut products) = (0.0, 0.0);
        for (j, w) in student.rows().enumerate() {
            let u = teacher.direction(split.nearest()[j]);
            let target = shares[j] * split.signs()[j];
            for (x, u) in vectors[j * d..(j + 1) * d].iter_mut().zip(u) {
                *x -= target * u;
            }
            let along = target * dot(w, u);
            kept += dot(w, w) - along;
            products += dot(w, w) + along.abs();
        }
        let gradient = regularised_gradient(point);
        let product = dot(&gradient.first_layer, &vectors);
        // E2 = sum_j b_j (g(s_j w_j) - g(u_i)).u_i with b_j = a_j q_j.
        let turned: Vec<f64> = a.iter().zip(&shares).map(|(a, q)| a * q).collect();
        let (with_residual, square) = split.turning_pairings(&turned);
        let absent: f64 = missing.iter().map(|i| amplitudes[*i] * residual_at(point, *i)).sum();
        let loss = point.loss();
        let formula = 2.0 * (loss.value + absent - with_residual) + lambda * kept;
        let size = norm(&vectors);
        let scale = norm(&gradient.first_layer) * size
            + lambda * products
            + loss.value
            + absent.abs()
            + (split.wedge_scale(&turned, 0.0) * split.rounding_scale()).sqrt();
        // Where the student is near, the vectors are small differences of weights and targets,
        // whose rounding they keep.
        let rounded = 8.0 * f64::EPSILON * (norm(student.first_layer()) + norm(&shares));
        let rounding = 8.0 * point.roundings() * scale
            + norm(&gradient.first_layer) * rounded
            + gradient.first_layer_error * size * ((m * d) as f64).sqrt()
            + 2.0 * loss.error
            + 2.0 * absent_rounding(point, &missing);
        Self {
            shares: Shares { shares, missing },
            vectors,
            product,
            formula,
            turning: if square > 0.0 { square.sqrt() } else { 0.0 },
            size,
            gradient_norm: norm(&gradient.first_layer),
            rounding,
        }
    }

    /// `q_j`, length `m`.
    pub fn shares(&self) -> &[f64] {
        &self.shares.shares
    }

    /// `w_j - q_j s_j u_i`, `m x d` row-major.
    pub fn vectors(&self) -> &[f64] {
        &self.vectors
    }

    /// Teacher neurons without a close neuron; the inequality needs that there are none.
    pub fn missing(&self) -> &[usize] {
        &self.shares.missing
    }

    /// `D = sum_j <grad_{w_j} L_lambda, w_j - q_j s_j u_i>`.
    pub const fn product(&self) -> f64 {
        self.product
    }

    /// `|E2|`.
    pub const fn turning(&self) -> f64 {
        self.turning
    }

    /// The same by the identity of 7.8: `2 L - 2 E[R E2] + lambda (|W|_F^2 - sum_j q_j s_j
    /// w_j.u_i)`, plus `2 E[R sigma(u_i.x)] alpha_i` for every teacher neuron without a close one.
    pub const fn formula(&self) -> f64 {
        self.formula
    }

    /// How far [`Self::product`] and [`Self::formula`] may be apart by rounding.
    pub const fn rounding(&self) -> f64 {
        self.rounding
    }

    /// `|W - q s u|_F`.
    pub const fn size(&self) -> f64 {
        self.size
    }

    /// `|grad_W L_lambda|_F`.
    pub const fn gradient_norm(&self) -> f64 {
        self.gradient_norm
    }
}

/// `E[R sigma(u_i.x)]`.
fn residual_at(point: &Point<'_>, i: usize) -> f64 {
    let teacher = point.teacher();
    let u = teacher.direction(i);
    let kernel = |v: &[f64]| sphere_kernel(Angle::between(u, v)).value;
    let student: f64 = point
        .split()
        .masses()
        .iter()
        .enumerate()
        .filter(|(_, c)| c.abs() > 0.0)
        .map(|(j, c)| c * kernel(point.unit(j)))
        .sum();
    let rest =
        teacher.amplitudes().iter().enumerate().map(|(k, c)| c * kernel(teacher.direction(k)));
    student - rest.sum::<f64>()
}

fn absent_rounding(point: &Point<'_>, missing: &[usize]) -> f64 {
    let mass = point.student().total_mass() + point.teacher().total_mass();
    let amplitudes: f64 = missing.iter().map(|i| point.teacher().amplitudes()[*i].abs()).sum();
    point.roundings() * mass * amplitudes
}

/// The gradient of `L_lambda`.
pub fn regularised_gradient(point: &Point<'_>) -> Gradient {
    let decay = WeightDecay::equal(point.lambda());
    decay.gradient(point.student(), &point.evaluation().gradient)
}

/// One point's part in the scaling 7.9.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientScaling {
    /// `zeta`, or the number that stands for it.
    pub gap: f64,
    /// `lambda^2 |grad L_lambda|^2`.
    pub scaled_gradient: f64,
}

impl GradientScaling {
    /// At a point whose gap is `gap`.
    pub fn new(point: &Point<'_>, gap: f64) -> Self {
        let lambda = point.lambda();
        let square = regularised_gradient(point).squared_norm().value;
        Self { gap, scaled_gradient: lambda * lambda * square }
    }

    /// `lambda^2 |grad L_lambda|^2/zeta^4`: **7.9** says that it is bounded below.
    pub fn constant(&self) -> f64 {
        self.scaled_gradient / self.gap.powi(4)
    }
}

/// **7.9** The smallest constant among points with a positive gap, and the exponent of
/// `lambda^2 |grad|^2` in `zeta` by least squares of the logarithms (`None` for fewer than two
/// gaps). The constant is computed, the exponent fitted.
pub fn gradient_scaling(points: &[GradientScaling]) -> Option<(f64, Option<f64>)> {
    let used: Vec<(f64, f64)> = points
        .iter()
        .filter(|p| p.gap > 0.0 && p.scaled_gradient > 0.0)
        .map(|p| (p.gap.ln(), p.scaled_gradient.ln()))
        .collect();
    let constant = minimum_of(points.iter().filter(|p| p.gap > 0.0).map(GradientScaling::constant));
    let n = used.len() as f64;
    let mean_x = used.iter().map(|(x, _)| x).sum::<f64>() / n;
    let mean_y = used.iter().map(|(_, y)| y).sum::<f64>() / n;
    let across: f64 = used.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let spread: f64 = used.iter().map(|(x, _)| (x - mean_x) * (x - mean_x)).sum();
    constant.is_finite().then_some((constant, (spread > 0.0).then_some(across / spread)))
}

/// Both ends of the spectrum of the Hessian of `L_lambda`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spectrum {
    /// The smallest eigenvalue.
    pub smallest: Ritz,
    /// The largest.
    pub largest: Ritz,
}

/// Parameters up to which all eigenvalues are computed.
const DENSE: usize = DENSE_LIMIT / 4;
/// Products of the Lanczos method beyond.
const LANCZOS: usize = 200;

/// The extreme eigenvalues of the Hessian of `L_lambda` in the given layers: from all entries up to
/// 1024 parameters (residuals are rounding then), by the Lanczos method beyond.
///
/// # Errors
/// [`LandscapeError::Population`] if an eigenvalue iteration fails.
pub fn spectrum(point: &Point<'_>, layers: Layers) -> Result<Spectrum, LandscapeError> {
    let (population, student) = (point.population(), point.student());
    let operator = population.hessian_operator(student, layers)?;
    let shift = |ritz: Ritz| Ritz { value: ritz.value + point.lambda(), ..ritz };
    if operator.parameters() > DENSE {
        let found = operator.extreme_eigenvalues(LANCZOS)?;
        return Ok(Spectrum { smallest: shift(found.smallest), largest: shift(found.largest) });
    }
    let values = population.dense_hessian(student, layers)?.eigenvalues()?;
    let (first, last) = (values[0], values[values.len() - 1]);
    let residual = PI * values.len() as f64 * f64::EPSILON * (first.abs() + last.abs());
    let ritz = |value| shift(Ritz { value, residual });
    Ok(Spectrum { smallest: ritz(first), largest: ritz(last) })
}

#[cfg(test)]
mod tests;
