//! Information exponents: the least degree of a function's non-zero Hermite part, with its error bar.

use crate::activation::Activation;
use crate::bounded::Bounded;
use crate::double::DoubleDouble;
use crate::error::HermiteError;
use crate::float::maximum_of;
use crate::named::Named;

/// Most multiplications that the matrix of degree 2 may cost.
const LARGEST_MATRIX: usize = 10_000_000;

/// The coefficients of degrees `0..=highest` in closed form, with their rounding.
///
/// # Errors
/// [`HermiteError::NoClosedForm`] for a user's activation.
pub fn closed_form_coefficients(
    activation: &Activation,
    highest: usize,
) -> Result<Vec<Bounded>, HermiteError> {
    (0..=highest)
        .map(|k| match activation.coefficient(k) {
            Some(value) => Ok(Bounded { value, error: 8.0 * f64::EPSILON * value.abs() }),
            None => Err(HermiteError::NoClosedForm { name: activation.name().to_owned() }),
        })
        .collect()
}

/// What floating point can say of one Hermite part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Zero within its error bound, which is below [`RESOLUTION`] of the function's size.
    Zero,
    /// Further from zero than its error bound.
    NonZero,
    /// Within its error bound of zero, but the bound is too coarse to call it zero.
    Undecided,
}

/// The norm, relative to `sum_i |alpha_i|` times the coefficient's own scale 1, above which an error bound is too
/// coarse to call a part zero: beyond what the rounding of weights to singles leaves.
pub const RESOLUTION: f64 = 1e-5;

/// The norm of one degree's part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DegreePart {
    /// Degree `k`.
    pub degree: usize,
    /// Norm of the degree-`k` tensor, as computed.
    pub norm: f64,
    /// Bound of the true norm's distance from zero that rounding alone could explain.
    pub error: f64,
    /// What follows.
    pub part: Part,
}

/// Where the first non-zero part lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exponent {
    /// At this degree: all below are zero within rounding, and this one is not.
    Known(usize),
    /// All degrees examined are zero within rounding; this is the first one not examined.
    AtLeast(usize),
    /// All degrees below this one are zero within rounding, and this one could not be decided.
    Undecided(usize),
}

impl Exponent {
    /// The degree, if known.
    pub const fn known(self) -> Option<usize> {
        match self {
            Self::Known(degree) => Some(degree),
            Self::AtLeast(_) | Self::Undecided(_) => None,
        }
    }
}

/// An information exponent with the parts that were examined, in order of degree.
#[derive(Clone, Debug, PartialEq)]
pub struct InformationExponent {
    /// The answer.
    pub exponent: Exponent,
    /// The evidence: every degree up to the one that settled it.
    pub parts: Vec<DegreePart>,
}

impl InformationExponent {
    fn from_parts(from: usize, parts: impl Iterator<Item = DegreePart>) -> Self {
        let mut seen = Vec::new();
        for part in parts {
            seen.push(part);
            let exponent = match part.part {
                Part::Zero => continue,
                Part::NonZero => Exponent::Known(part.degree),
                Part::Undecided => Exponent::Undecided(part.degree),
            };
            return Self { exponent, parts: seen };
        }
        Self { exponent: Exponent::AtLeast(from + seen.len()), parts: seen }
    }
}

/// Written so that NaN is undecided.
fn judge(degree: usize, norm: f64, error: f64, size: f64) -> DegreePart {
    let part = if norm > error {
        Part::NonZero
    } else if norm <= error && error <= RESOLUTION * size {
        Part::Zero
    } else {
        Part::Undecided
    };
    DegreePart { degree, norm, error, part }
}

/// The information exponent of `x -> sigma(u.x)`: the least `k >= from` (at least 1) with `c_k != 0`.
///
/// `coefficients[k]` is that of degree `k`; degrees beyond the slice are not examined. Statement 2.3 of \[ZG24\];
/// \[BenArous2021\].
///
/// # Examples
/// ```
/// use gradiometer_hermite::{Activation, exponent::*};
/// let step = closed_form_coefficients(&Activation::Step, 8).unwrap();
/// assert_eq!(single_index(&step, 1).exponent, Exponent::Known(1));
/// let absolute = closed_form_coefficients(&Activation::Absolute, 8).unwrap();
/// assert_eq!(single_index(&absolute, 1).exponent, Exponent::Known(2));
/// ```
pub fn single_index(coefficients: &[Bounded], from: usize) -> InformationExponent {
    let from = from.max(1);
    let examined = coefficients.iter().enumerate().skip(from);
    InformationExponent::from_parts(
        from,
        examined.map(|(k, c)| judge(k, c.value.abs(), c.error, 1.0)),
    )
}

/// A sum of ridge functions `x -> sum_i alpha_i sigma(u_i . x)`, whose Hermite parts it measures in
/// double-double.
///
/// Every weight is taken to be known to half a unit in its last place: what that may change is part
/// of every error.
#[derive(Clone, Debug)]
pub struct RidgeSum {
    dimension: usize,
    /// Directions of any length, scaled by powers of two, row-major.
    rows: Vec<f64>,
    lengths: Vec<DoubleDouble>,
    /// Amplitudes over `scale`.
    amplitudes: Vec<DoubleDouble>,
    scale: f64,
    /// `sum_i |alpha_i|` over `scale`.
    size: f64,
    epsilon: f64,
}

/// The power of two at or just below `|x|`, away from the ends of the exponent range.
fn power_of_two_near(x: f64) -> f64 {
    let exponent = (x.to_bits() >> 52) & 0x7ff;
    f64::from_bits(exponent.clamp(2, 2044) << 52)
}

impl RidgeSum {
    /// The sum with these amplitudes; the lengths of the directions, rows of one list, do not matter. Weights are rounded to
    /// `epsilon`.
    ///
    /// # Errors
    /// [`HermiteError::DirectionCount`] if the directions are not as many as the amplitudes.
    pub fn new(amplitudes: &[f64], directions: &[f64], epsilon: f64) -> Result<Self, HermiteError> {
        Self::build(amplitudes, directions, epsilon, false)
    }

    /// The sum `sum_i a_i sigma(w_i . x)` of a homogeneous activation: the amplitudes are
    /// `a_i |w_i|`.
    ///
    /// # Errors
    /// As for [`RidgeSum::new`].
    pub fn homogeneous(
        second_layer: &[f64],
        first_layer: &[f64],
        epsilon: f64,
    ) -> Result<Self, HermiteError> {
        Self::build(second_layer, first_layer, epsilon, true)
    }

    fn build(
        factors: &[f64],
        directions: &[f64],
        epsilon: f64,
        times_length: bool,
    ) -> Result<Self, HermiteError> {
        let m = factors.len();
        if m == 0 || !directions.len().is_multiple_of(m) {
            return Err(HermiteError::DirectionCount { amplitudes: m, found: directions.len() });
        }
        let dimension = directions.len() / m;
        let mut rows = directions.to_vec();
        let (mut lengths, mut parts) = (Vec::with_capacity(m), Vec::with_capacity(m));
        for (row, a) in rows.chunks_exact_mut(dimension.max(1)).zip(factors) {
            let scale = power_of_two_near(maximum_of(row.iter().map(|x| x.abs())));
            for x in row.iter_mut() {
                *x /= scale;
            }
            let length = DoubleDouble::dot(row, row).sqrt();
            lengths.push(length);
            let near = power_of_two_near(*a);
            let part = DoubleDouble::from(a / near);
            parts.push(if times_length { (part * length, near, scale) } else { (part, near, 1.0) });
        }
        // The largest amplitude becomes a number of order one.
        let magnitude =
            |(part, near, scale): &(DoubleDouble, f64, f64)| (part.to_f64() * near * scale).abs();
        let scale = power_of_two_near(maximum_of(parts.iter().map(magnitude)));
        let amplitudes: Vec<DoubleDouble> = parts
            .iter()
            .map(|(part, near, length)| *part * DoubleDouble::from(near / scale * length))
            .collect();
        let size = amplitudes.iter().map(|a| a.to_f64().abs()).sum();
        Ok(Self { dimension, rows, lengths, amplitudes, scale, size, epsilon })
    }

    /// Number of ridges.
    pub const fn len(&self) -> usize {
        self.amplitudes.len()
    }

    /// Never: a sum without ridges is refused.
    pub const fn is_empty(&self) -> bool {
        self.amplitudes.is_empty()
    }

    /// Dimension of the directions.
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// The amplitudes over [`RidgeSum::scale`].
    pub fn amplitudes(&self) -> &[DoubleDouble] {
        &self.amplitudes
    }

    /// The power of two that the amplitudes are divided by.
    pub const fn scale(&self) -> f64 {
        self.scale
    }

    /// `sum_i |alpha_i|`, rounded.
    pub fn size(&self) -> f64 {
        self.size * self.scale
    }

    /// A direction as a unit vector, each entry within [`RidgeSum::roundings`] units.
    pub fn unit(&self, i: usize) -> Vec<DoubleDouble> {
        self.row(i).iter().map(|x| DoubleDouble::from(*x) / self.lengths[i]).collect()
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.rows[i * self.dimension..][..self.dimension]
    }

    /// How many [`DoubleDouble::UNIT`] the product of two directions, and twice that of a direction
    /// and its length, may be off: `((n + 1)^2 + 10)/16` of the product, as many for the lengths,
    /// and two operations.
    pub fn roundings(&self) -> f64 {
        let eighths = self.dimension.div_ceil(8) as f64 + 1.0;
        (eighths * eighths + 10.0) / 8.0 + 2.0
    }

    /// The norm of the tensor `sum_i alpha_i u_i^(tensor k)`, and how far it may be off.
    ///
    /// Degree 1 is a vector, and degree 2 a matrix where that is not too large: their entries are
    /// known to `2^-102`, and so are their norms. The squared norm of any other is
    /// `sum_ij alpha_i alpha_j (u_i . u_j)^k`, known to `2^-102` of the sum of its terms, and its
    /// root to `2^-51`. That is also about what half a unit in the last place of the weights
    /// changes, `(k + 2)/2 eps sum_i |alpha_i|`, which is added.
    pub fn tensor_norm(&self, k: usize) -> Bounded {
        let (m, d) = (self.len(), self.dimension);
        let of_weights = (k + 2) as f64 * 0.5 * self.epsilon * self.size;
        let entries = match k {
            1 => Some(self.vector()),
            2 if d.saturating_mul(d).saturating_mul(m) <= LARGEST_MATRIX => Some(self.matrix()),
            _ => None,
        };
        let (norm, arithmetic) = match entries {
            Some(entries) => {
                let square = entries.iter().fold(DoubleDouble::ZERO, |sum, x| sum + *x * *x);
                let roundings = 2.0 * self.roundings() + (m + entries.len()) as f64 + 8.0;
                (square.sqrt().to_f64(), roundings * DoubleDouble::UNIT * self.size)
            }
            None => self.norm_by_products(k),
        };
        let error = arithmetic + of_weights + f64::EPSILON * norm;
        Bounded { value: norm * self.scale, error: error * self.scale }
    }

    fn vector(&self) -> Vec<DoubleDouble> {
        let mut sum = vec![DoubleDouble::ZERO; self.dimension];
        for (i, a) in self.amplitudes.iter().enumerate() {
            for (s, u) in sum.iter_mut().zip(self.unit(i)) {
                *s = *s + *a * u;
            }
        }
        sum
    }

    fn matrix(&self) -> Vec<DoubleDouble> {
        let d = self.dimension;
        let mut sum = vec![DoubleDouble::ZERO; d * d];
        for (i, a) in self.amplitudes.iter().enumerate() {
            let unit = self.unit(i);
            for (x, row) in unit.iter().zip(sum.chunks_exact_mut(d)) {
                let share = *a * *x;
                for (s, y) in row.iter_mut().zip(&unit) {
                    *s = *s + share * *y;
                }
            }
        }
        sum
    }

    fn norm_by_products(&self, k: usize) -> (f64, f64) {
        let (mut square, mut error) = (DoubleDouble::ZERO, 0.0);
        let pairs = (self.len() * (self.len() + 1) / 2) as f64;
        for i in 0..self.len() {
            for j in 0..=i {
                let both = self.amplitudes[i] * self.amplitudes[j];
                let (weight, t) = if i == j {
                    (both, DoubleDouble::ONE)
                } else {
                    let product = DoubleDouble::dot(self.row(i), self.row(j));
                    (both + both, product / (self.lengths[i] * self.lengths[j]))
                };
                square = square + weight * power(t, k);
                // The product's error k times over, an operation for each factor, and the sum's.
                let below = t.to_f64().abs().powi(i32::try_from(k - 1).unwrap_or(i32::MAX));
                let units = k as f64 * (self.roundings() + 1.0) * below
                    + (2.0 * self.roundings() + 4.0 + pairs) * below * t.to_f64().abs();
                error += weight.to_f64().abs() * units * DoubleDouble::UNIT;
            }
        }
        let square = square.to_f64();
        // A square below its error bound says only that the norm is below the root of twice it.
        if square > error {
            (square.sqrt(), error / square.sqrt())
        } else {
            (square.abs().sqrt(), (2.0 * error).sqrt())
        }
    }
}

/// By repeated squaring; each of the `k - 1` factors is one rounding at most.
fn power(t: DoubleDouble, k: usize) -> DoubleDouble {
    let (mut result, mut square, mut rest) = (DoubleDouble::ONE, t, k);
    while rest > 0 {
        if rest % 2 == 1 {
            result = result * square;
        }
        square = square * square;
        rest /= 2;
    }
    result
}

/// The information exponent of `x -> sum_i alpha_i sigma(u_i.x)`: the least `k >= from` (at least 1) whose tensor
/// `c_k sum_i alpha_i u_i^(tensor k)` is not zero.
///
/// `directions` holds the `u_i` as rows, whose lengths do not matter; all numbers are taken to be known to half a unit in their
/// last place, and what that may change counts as zero ([`RidgeSum::tensor_norm`]).
///
/// # Errors
/// [`HermiteError::DirectionCount`] if the directions are not as many as the amplitudes.
///
/// # Examples
/// ```
/// use gradiometer_hermite::{Activation, exponent::*};
/// let relu = closed_form_coefficients(&Activation::Relu, 8).unwrap();
/// // relu(x) - relu(y) starts at degree 1, relu(x) + relu(-x) = |x| at degree 2.
/// let f = multi_index(&relu, &[1.0, -1.0], &[1.0, 0.0, 0.0, 1.0], 1).unwrap();
/// assert_eq!(f.exponent, Exponent::Known(1));
/// let g = multi_index(&relu, &[1.0, 1.0], &[1.0, 0.0, -1.0, 0.0], 1).unwrap();
/// assert_eq!(g.exponent, Exponent::Known(2));
/// ```
pub fn multi_index(
    coefficients: &[Bounded],
    amplitudes: &[f64],
    directions: &[f64],
    from: usize,
) -> Result<InformationExponent, HermiteError> {
    let sum = RidgeSum::new(amplitudes, directions, f64::EPSILON)?;
    Ok(ridge_sum(coefficients, &sum, from))
}

/// The information exponent of a sum of ridge functions: the least `k >= from` (at least 1) whose
/// tensor is not zero.
pub fn ridge_sum(coefficients: &[Bounded], sum: &RidgeSum, from: usize) -> InformationExponent {
    let from = from.max(1);
    let examined = coefficients.iter().enumerate().skip(from);
    InformationExponent::from_parts(
        from,
        examined.map(|(k, c)| {
            let tensor = sum.tensor_norm(k);
            let bound = c.value.abs() * tensor.error + c.error * (tensor.value + tensor.error);
            judge(k, c.value.abs() * tensor.value, bound, sum.size())
        }),
    )
}

/// The information exponent of `x -> sum_i a_i sigma(w_i . x)` for an activation by its name: the least `k >= from` (at least 1)
/// whose tensor `sum_i a_i c_k(|w_i|) u_i^(tensor k)` is not zero, `c_k(s)` being the coefficient of `z -> sigma(s z)`. Degrees up to `highest` are
/// examined; weights are taken to be rounded to `epsilon`.
///
/// # Errors
/// [`HermiteError::DirectionCount`] if the layers do not fit, and as for [`Named::coefficients`].
pub fn named_exponent(
    named: Named,
    second_layer: &[f64],
    first_layer: &[f64],
    epsilon: f64,
    highest: usize,
    from: usize,
) -> Result<InformationExponent, HermiteError> {
    let m = second_layer.len();
    let directions = RidgeSum::new(&vec![1.0; m], first_layer, epsilon)?;
    // Neurons are often of one length.
    let mut known: Vec<(u64, Vec<Bounded>)> = Vec::new();
    let mut of_neuron = Vec::with_capacity(m);
    for row in first_layer.chunks_exact(directions.dimension()) {
        let length = DoubleDouble::dot(row, row).sqrt().to_f64();
        let found = known.iter().position(|(bits, _)| *bits == length.to_bits());
        if found.is_none() {
            known.push((length.to_bits(), named.coefficients(length, highest)?));
        }
        of_neuron.push(found.unwrap_or(known.len() - 1));
    }
    let size: f64 = second_layer.iter().map(|a| a.abs()).sum();
    let mut parts = Vec::new();
    let from = from.max(1);
    for k in from..=highest {
        let coefficient = |i: usize| known[of_neuron[i]].1[k];
        let amplitudes: Vec<f64> =
            second_layer.iter().enumerate().map(|(i, a)| a * coefficient(i).value).collect();
        let errors = second_layer.iter().enumerate().map(|(i, a)| a.abs() * coefficient(i).error);
        let tensor = RidgeSum::new(&amplitudes, first_layer, epsilon)?.tensor_norm(k);
        // A length that is off by half a unit moves a coefficient by k such units at most.
        let of_lengths = k as f64 * epsilon * size * f64::from(u8::from(tensor.value > 0.0));
        let error = tensor.error + errors.sum::<f64>() + of_lengths;
        parts.push(judge(k, tensor.value, error, size));
        if parts.last().is_some_and(|part| part.part != Part::Zero) {
            break;
        }
    }
    Ok(InformationExponent::from_parts(from, parts.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polynomial::Polynomial;
    use gradiometer_testing::{close, rounding};

    fn relu(highest: usize) -> Vec<Bounded> {
        closed_form_coefficients(&Activation::Relu, highest).unwrap()
    }

    #[test]
    fn norms_and_errors_of_tensors_are_those_counted() {
        let eps = f64::EPSILON;
        // 2 u - v with u.v = 3/5; the lengths of the rows do not matter.
        let directions = [3.0, 0.0, 0.06, 0.08];
        for error in [0.0, 0.25] {
            let coefficients = [Bounded { value: -3.0, error }; 6];
            for k in 1..6 {
                // 4 + 1 - 4 (3/5)^k.
                let square = 5.0 - 4.0 * 0.6_f64.powi(i32::try_from(k).unwrap());
                let found = multi_index(&coefficients, &[2.0, -1.0], &directions, k).unwrap();
                let part = found.parts[0];
                assert_eq!(part.degree, k);
                // 0.06 and 0.08 are rounded.
                close(part.norm, 3.0 * square.sqrt(), rounding(4, 3.0 * 3.0 * k as f64));
                // Half a unit in the last place of the weights of mass 3, and of the result.
                let of_tensor = 3.0 * 0.5 * (k + 2) as f64 * eps + eps * square.sqrt();
                let bound = 3.0 * of_tensor + error * (square.sqrt() + of_tensor);
                close(part.error, bound, rounding(1 << 8, bound));
            }
        }
        for c in closed_form_coefficients(&Activation::Relu, 6).unwrap() {
            close(c.error, 8.0 * eps * c.value.abs(), rounding(4, c.error));
        }
    }

    #[test]
    fn a_small_part_is_told_from_none_in_every_degree() {
        // 2n directions with alternating signs have no even degree below 2n; a share h more of the
        // first one gives each of those degrees the norm h.
        for (n, small) in [(2_usize, 1e-8), (3, 1e-12), (4, 1e-10), (5, 1e-13)] {
            let count = 2 * n;
            let angle = |i: usize| std::f64::consts::PI * i as f64 / count as f64;
            let directions: Vec<f64> =
                (0..count).flat_map(|i| [angle(i).cos(), angle(i).sin()]).collect();
            let signs = |h: f64| -> Vec<f64> {
                let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
                (0..count).map(|i| if i == 0 { 1.0 + h } else { sign(i) }).collect()
            };
            for k in (2..count).step_by(2) {
                let one = Bounded { value: 1.0, error: 0.0 };
                let found = part(k, one, &signs(small), &directions);
                assert_eq!(found.part, Part::NonZero, "{n} {k} {found:?}");
                assert!((found.norm - small).abs() <= found.error, "{n} {k} {found:?}");
                // Negative control: without it there is nothing but the rounding of the weights.
                let none = part(k, one, &signs(0.0), &directions);
                assert_eq!(none.part, Part::Zero, "{n} {k} {none:?}");
            }
        }
    }

    #[test]
    fn the_matrix_of_degree_two_and_the_products_agree() {
        // H = h I of the field: its norm is h sqrt 2, by the matrix to 2^-102.
        let h = 1e-8;
        let a = [1.0 + h, 1.0 + h, -1.0, -1.0];
        let rows = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, -1.0];
        let sum = RidgeSum::new(&a, &rows, f64::EPSILON).unwrap();
        let by_matrix = sum.tensor_norm(2);
        assert!((by_matrix.value - h * 2.0_f64.sqrt()).abs() <= by_matrix.error);
        let (by_products, error) = sum.norm_by_products(2);
        assert!((by_matrix.value / sum.scale() - by_products).abs() <= error + f64::EPSILON * h);
        // Amplitudes at both ends of the exponent range.
        for scale in [1e-300, 1e-150, 1e150, 1e300] {
            let scaled = a.map(|x| x * scale);
            let sum = RidgeSum::new(&scaled, &rows, f64::EPSILON).unwrap();
            let norm = sum.tensor_norm(2);
            assert!((norm.value - by_matrix.value * scale).abs() <= norm.error, "{scale:e}");
            assert!(norm.error < scale * h, "{scale:e}");
        }
        let homogeneous = RidgeSum::homogeneous(&[1.0], &[3e200, 4e200], f64::EPSILON).unwrap();
        close(homogeneous.size(), 5e200, rounding(2, 5e200));
    }

    #[test]
    fn a_part_is_judged_by_its_error_and_the_resolution() {
        let at = |norm, error| judge(1, norm, error, 2.0).part;
        let coarse = 2.0 * RESOLUTION;
        assert_eq!((at(0.5, 0.25), at(0.25, 0.25)), (Part::NonZero, Part::Undecided));
        assert_eq!((at(coarse, coarse), at(0.0, coarse)), (Part::Zero, Part::Zero));
        assert_eq!(at(0.0, coarse.next_up()), Part::Undecided);
        assert_eq!((at(f64::NAN, 0.0), at(0.0, f64::NAN)), (Part::Undecided, Part::Undecided));
    }

    #[test]
    fn hermite_polynomials_have_their_degree() {
        for k in 1..12 {
            let mut c = vec![0.0; k + 1];
            c[k] = 0.3;
            c[0] = 2.0;
            let p = Activation::Polynomial(Polynomial::from_hermite(c).unwrap());
            let c = closed_form_coefficients(&p, 14).unwrap();
            assert_eq!(single_index(&c, 1).exponent, Exponent::Known(k));
            assert_eq!(single_index(&c, k + 1).exponent, Exponent::AtLeast(15));
        }
    }

    #[test]
    fn equally_spread_neurons_cancel_up_to_their_number() {
        // In the plane, 2n directions at multiples of pi/(2n) with alternating signs are cos(2 n phi) in shape: no
        // even degree below 2n. Degree 1 is avoided by starting at 2.
        for n in 1..6_u32 {
            let count = 2 * n;
            let angles: Vec<f64> = (0..count)
                .map(|i| std::f64::consts::PI * f64::from(i) / f64::from(count))
                .collect();
            let directions: Vec<f64> = angles.iter().flat_map(|t| [t.cos(), t.sin()]).collect();
            let amplitudes: Vec<f64> =
                (0..count).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
            let found = multi_index(&relu(16), &amplitudes, &directions, 2).unwrap();
            assert_eq!(found.exponent, Exponent::Known(count as usize), "{found:?}");
            // Negative control: one amplitude off by far more than the resolution.
            let mut broken = amplitudes;
            broken[0] += 1e-2;
            let found = multi_index(&relu(16), &broken, &directions, 2).unwrap();
            assert_eq!(found.exponent, Exponent::Known(2));
        }
    }

    #[test]
    fn coarse_coefficients_are_undecided_and_nan_decides_nothing() {
        let coarse = [Bounded { value: 0.0, error: 0.0 }, Bounded { value: 1e-3, error: 1e-2 }];
        assert_eq!(single_index(&coarse, 1).exponent, Exponent::Undecided(1));
        let nan = [Bounded { value: 0.0, error: 0.0 }, Bounded { value: f64::NAN, error: 0.0 }];
        assert_eq!(single_index(&nan, 1).exponent, Exponent::Undecided(1));
        assert!(multi_index(&relu(4), &[1.0, 1.0], &[1.0], 1).is_err());
    }

    /// The one degree `k`, with the coefficient given, of a teacher in the plane.
    fn part(k: usize, c: Bounded, amplitudes: &[f64], directions: &[f64]) -> DegreePart {
        let mut coefficients = vec![Bounded { value: 0.0, error: 0.0 }; k];
        coefficients.push(c);
        let found = multi_index(&coefficients, amplitudes, directions, k).unwrap();
        assert_eq!(found.parts.len(), 1);
        found.parts[0]
    }

    #[test]
    fn a_part_is_judged_by_its_error() {
        for (norm, error, size, expected) in [
            (0.5, 0.25, 1.0, Part::NonZero),
            (0.5, 0.5, 1.0, Part::Undecided),
            (0.5, 0.5, 1e6, Part::Zero),
            (0.0, RESOLUTION, 1.0, Part::Zero),
            (0.0, 2.0 * RESOLUTION, 1.0, Part::Undecided),
            (f64::NAN, 0.0, 1.0, Part::Undecided),
            (0.0, f64::NAN, 1.0, Part::Undecided),
        ] {
            assert_eq!(judge(3, norm, error, size).part, expected, "{norm} {error} {size}");
        }
        let zero = Bounded { value: 0.0, error: 0.0 };
        let found = single_index(&[zero; 9], 4);
        assert_eq!((found.exponent, found.parts.len()), (Exponent::AtLeast(9), 5));
        assert_eq!(Exponent::Known(3).known(), Some(3));
        assert_eq!((found.exponent.known(), Exponent::Undecided(1).known()), (None, None));
    }
}
