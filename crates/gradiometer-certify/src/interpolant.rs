//! The dual certificate of a teacher and a kernel, enclosed: coefficients, norm, value anywhere.

use gradiometer_hermite::Enclosure;
use gradiometer_model::Teacher;

use crate::error::CertifyError;
use crate::frame::Directions;
use crate::interpolation::System;
use crate::kernel::{DegreeWeights, Jet, Kernel};
use crate::linear::{dot, largest, solve};

/// Neurons up to which the coefficients are enclosed entry by entry: `m*^2 + 2 m*` unknowns, a few milliseconds here. Above, by a
/// residual, which is less sharp where coefficients nearly cancel and costs `m*^2 d`.
const FEW_NEURONS: usize = 12;
/// Neurons up to which every coefficient can be enclosed on its own: a thousand unknowns, a second or two.
const MOST_BY_ENTRIES: usize = 32;

/// The interpolant `eta(w) = sum_i [A_i K(w.u_i) + K'(w.u_i) B_i.w]` with prescribed values and gradients at the teachers'
/// directions, its coefficients enclosed by a verified linear solve (theory 6.2).
///
/// The enclosures contain coefficients that meet the conditions *exactly*, for the teacher's weights as exact doubles.
/// `B_i = sum_j beta_ij u_j` is orthogonal to `u_i`. Unknown are `A`, `beta` and multipliers `lambda`; the equations say that
/// `eta(u_i)` has its value, that `B_i.u_i = 0`, and that in the gradient
/// `sum_k [A_k K'(t_ik) u_k + K''(t_ik) (B_k.u_i) u_k + K'(t_ik) B_k] = lambda_i u_i + (prescribed)` the coefficients of every
/// `u_j` agree. The last is sufficient whether or not the `u_j` are independent, so that no rank is assumed.
#[derive(Clone, Debug, PartialEq)]
pub struct Interpolant {
    pub(crate) directions: Directions,
    pub(crate) kernel: Kernel,
    /// `A_i`.
    pub(crate) values: Vec<Enclosure>,
    slopes: Slopes,
    /// Expansion points, one for each direction; none for test functions.
    anchors: Vec<Anchor>,
    norm: Enclosure,
}

/// The coefficients `B_i`.
#[derive(Clone, Debug, PartialEq)]
enum Slopes {
    /// `beta_ij`, row-major: `B_i = sum_j beta_ij u_j`.
    Mixed(Vec<Enclosure>),
    /// `B_i` in `R^d`.
    Plain(Vec<Vec<Enclosure>>),
}

/// What is known exactly or closely at a teacher's direction `u_j`.
#[derive(Clone, Debug, PartialEq)]
struct Anchor {
    /// `eta(u_j)`, exact.
    value: Enclosure,
    /// `lambda_j`: the ambient gradient of `eta` at `u_j` is `lambda_j u_j`.
    multiplier: Enclosure,
    /// For every `k`: `u_k.u_j`, `K, K', K''` there (`K''` is 0 for `k = j`, where it is not needed), `B_k.u_j`.
    terms: Vec<[Enclosure; 5]>,
}

/// One summand at a point `w`: `t = u_k.w`, `b = B_k.w`, `K(t)` and `K'(t)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    pub(crate) cosine: Enclosure,
    pub(crate) slope: Enclosure,
    pub(crate) value: Enclosure,
    pub(crate) first: Enclosure,
}

impl Interpolant {
    /// The certificate itself: `eta(u_i) = sign(alpha_i)` and zero tangent gradients.
    ///
    /// For more than a dozen neurons the coefficients are enclosed by a residual ([`Self::certificate_by_residual`]), if that
    /// succeeds; for more than 32 in no other way, since the inverse of the whole system would take minutes.
    ///
    /// # Errors
    /// [`CertifyError::Interpolation`] if the solution cannot be enclosed.
    pub fn certificate(teacher: &Teacher, weights: &DegreeWeights) -> Result<Self, CertifyError> {
        if teacher.neurons() > FEW_NEURONS {
            let found = Self::certificate_by_residual(teacher, weights);
            if found.is_ok() || teacher.neurons() > MOST_BY_ENTRIES {
                return found;
            }
        }
        Self::certificate_by_entries(teacher, weights)
    }

    /// The same, every coefficient enclosed on its own; `B_i` as a combination of the directions, which boxes on the sphere need.
    pub(crate) fn certificate_by_entries(
        teacher: &Teacher,
        weights: &DegreeWeights,
    ) -> Result<Self, CertifyError> {
        let directions = Directions::new(teacher);
        let values: Vec<_> = directions.signs.iter().map(|&s| Enclosure::from(s)).collect();
        let m = directions.count();
        let zero = vec![Enclosure::ZERO; m * m];
        let (mut eta, multipliers) = Self::solve(directions, weights, &values, &zero)?;
        let Slopes::Mixed(mixing) = &eta.slopes else { return Ok(eta) };
        let slope = |k: usize, j: usize| along(&eta.directions, mixing, k, eta.directions.row(j));
        eta.anchors = anchors(&eta.directions, &eta.kernel, &multipliers, slope);
        Ok(eta)
    }

    /// The same in time `m*^2 d`: the coefficients are what an iteration in floating point gives, within
    /// `|residual| / lambda_min` of the solution, for the system is the Gram matrix of the interpolation conditions and so
    /// positive definite. It takes ten thousand unknowns.
    ///
    /// # Errors
    /// [`CertifyError::Interpolation`] if no positive bound of `lambda_min` is proved.
    pub fn certificate_by_residual(
        teacher: &Teacher,
        weights: &DegreeWeights,
    ) -> Result<Self, CertifyError> {
        let directions = Directions::new(teacher);
        let kernel = weights.kernel();
        let (m, d) = (directions.count(), directions.dimension);
        let system = System::new(&directions, &kernel)?;
        let signs: Vec<_> = directions.signs.iter().map(|&s| Enclosure::from(s)).collect();
        let solution = system.solve(&signs, &vec![vec![Enclosure::ZERO; d]; m]);
        let slope = |k: usize, j: usize| solution.slopes[k * m + j];
        let anchors = anchors(&directions, &kernel, &solution.multipliers, slope);
        let product = |i: usize, k: usize| dot(&solution.gradients[i], &solution.gradients[k]);
        let squared = jets(&directions, &weights.squared_kernel());
        let norm = norm(&solution.values, product, &solution.slopes, &squared);
        let (values, slopes) = (solution.values, Slopes::Plain(solution.gradients));
        Ok(Self { directions, kernel, values, slopes, anchors, norm })
    }

    /// The test function of theory 7.6 for neuron `neuron` and the direction `e = sum_j combination_j u_j`: value `e.u_i` and
    /// tangent gradient `P_i e` at `u_i`, zero value and gradient at the other directions.
    ///
    /// # Errors
    /// [`CertifyError::Length`] if `neuron` or the combination does not fit the teacher, and
    /// [`CertifyError::Interpolation`] if the solution cannot be enclosed.
    pub fn test_function(
        teacher: &Teacher,
        weights: &DegreeWeights,
        neuron: usize,
        combination: &[f64],
    ) -> Result<Self, CertifyError> {
        let directions = Directions::new(teacher);
        let m = directions.count();
        if neuron >= m {
            return Err(CertifyError::Length { field: "neuron", expected: m, found: neuron });
        }
        if combination.len() != m {
            return Err(CertifyError::Length {
                field: "combination",
                expected: m,
                found: combination.len(),
            });
        }
        let mut values = vec![Enclosure::ZERO; m];
        let mut gradients = vec![Enclosure::ZERO; m * m];
        for (j, &x) in combination.iter().enumerate() {
            values[neuron] += directions.overlap(neuron, j) * x;
            // The multiplier takes up the part along u_i.
            gradients[neuron * m + j] = Enclosure::from(x);
        }
        Ok(Self::solve(directions, weights, &values, &gradients)?.0)
    }

    /// The enclosed interpolant without anchors, and the multipliers. Solves for given values and ambient gradients `sum_j gradients_ij u_j`, of which the tangent part counts.
    fn solve(
        directions: Directions,
        weights: &DegreeWeights,
        values: &[Enclosure],
        gradients: &[Enclosure],
    ) -> Result<(Self, Vec<Enclosure>), CertifyError> {
        let kernel = weights.kernel();
        let m = directions.count();
        let jets = jets(&directions, &kernel);
        let n = m * m + 2 * m;
        let beta = |k: usize, j: usize| m + k * m + j;
        let multiplier = |i: usize| m + m * m + i;
        let mut matrix = vec![Enclosure::ZERO; n * n];
        let mut right = vec![Enclosure::ZERO; n];
        for i in 0..m {
            // eta(u_i) = value; B_i.u_i = 0.
            let (value, tangency) = (i * n, multiplier(i) * n);
            right[i] = values[i];
            for k in 0..m {
                let [k0, k1, ..] = jets[i * m + k];
                matrix[value + k] += k0;
                matrix[tangency + beta(i, k)] = directions.overlap(k, i);
                for j in (0..m).filter(|_| k != i) {
                    matrix[value + beta(k, j)] += k1 * directions.overlap(j, i);
                }
            }
            // The coefficient of u_j in the gradient at u_i.
            for j in 0..m {
                let row = beta(i, j) * n;
                right[beta(i, j)] = gradients[i * m + j];
                let [_, k1, k2, _] = jets[i * m + j];
                matrix[row + j] += k1;
                for k in 0..m {
                    matrix[row + beta(k, j)] += jets[i * m + k][1];
                }
                for l in (0..m).filter(|_| j != i) {
                    matrix[row + beta(j, l)] += k2 * directions.overlap(l, i);
                }
                if j == i {
                    matrix[row + multiplier(i)] = -Enclosure::ONE;
                }
            }
        }
        let solution = solve(&matrix, &right)
            .map_err(|contraction| CertifyError::Interpolation { neurons: m, contraction })?;
        let mixing = solution[m..m + m * m].to_vec();
        // B_i.u_k, exactly 0 on the diagonal.
        let mut slopes = vec![Enclosure::ZERO; m * m];
        for i in 0..m {
            for k in (0..m).filter(|&k| k != i) {
                slopes[i * m + k] = along(&directions, &mixing, i, directions.row(k));
            }
        }
        let values = solution[..m].to_vec();
        let squared = self::jets(&directions, &weights.squared_kernel());
        // B_i.B_k, for B_i.u_j is known for every j.
        let product =
            |i: usize, k: usize| along(&directions, &mixing, k, &slopes[i * m..(i + 1) * m]);
        let norm = norm(&values, product, &slopes, &squared);
        let multipliers = solution[m + m * m..].to_vec();
        let slopes = Slopes::Mixed(mixing);
        Ok((Self { directions, kernel, values, slopes, anchors: Vec::new(), norm }, multipliers))
    }

    /// Coefficients `A_i`.
    pub fn values(&self) -> &[Enclosure] {
        &self.values
    }

    /// Coefficient `B_i` in `R^d`.
    ///
    /// # Panics
    /// If `i` is not less than the number of teacher neurons.
    pub fn gradient(&self, i: usize) -> Vec<Enclosure> {
        match &self.slopes {
            Slopes::Mixed(_) => self.combine(i, &self.directions.units),
            Slopes::Plain(gradients) => gradients[i].clone(),
        }
    }

    /// The image of `B_i` under a linear map with images `x_j` of the directions, `sum_(j != i) beta_ij (x_j - t_ij x_i)`; undefined
    /// where the `beta_ij` are not known.
    pub(crate) fn combine(&self, i: usize, images: &[Vec<Enclosure>]) -> Vec<Enclosure> {
        let m = self.directions.count();
        let Slopes::Mixed(mixing) = &self.slopes else {
            return vec![Enclosure::UNDEFINED; images[0].len()];
        };
        let mut total = vec![Enclosure::ZERO; images[0].len()];
        for j in (0..m).filter(|&j| j != i) {
            let (beta, t) = (mixing[i * m + j], self.directions.overlap(i, j));
            for (sum, (&x, &own)) in total.iter_mut().zip(images[j].iter().zip(&images[i])) {
                *sum += beta * (x - t * own);
            }
        }
        total
    }

    /// The norm `|p|` in `L2` of the function behind `eta(w) = E[p(x) sigma(w.x)]`: the quadratic form of the coefficients
    /// with the kernel of squared weights.
    pub const fn norm(&self) -> Enclosure {
        self.norm
    }

    /// The largest modulus of the coefficients, the scale of their rounding.
    pub fn scale(&self) -> f64 {
        largest(&self.values)
    }

    /// `eta(w)` and `delta(w) = min_i delta(w, u_i)` at the direction of an exact float vector of `R^d`.
    ///
    /// Undefined for a zero vector. The kernel's first two derivatives are all that is needed, so teachers' directions
    /// themselves are allowed.
    pub fn at(&self, w: &[f64]) -> (Enclosure, Enclosure) {
        let unit = crate::frame::unit(w);
        let overlaps = self.directions.overlaps_with(&unit);
        let terms: Vec<_> = overlaps
            .iter()
            .enumerate()
            .map(|(i, &cosine)| {
                let [value, first, ..] = self.kernel.jet(cosine);
                let slope = match &self.slopes {
                    Slopes::Mixed(mixing) => along(&self.directions, mixing, i, &overlaps),
                    Slopes::Plain(gradients) => dot(&gradients[i], &unit),
                };
                Term { cosine, slope, value, first }
            })
            .collect();
        let cosine = overlaps.iter().fold(Enclosure::ZERO, |best, t| best.larger(t.abs()));
        (self.value_of(&terms), cosine.acos())
    }

    /// `eta(w) = sum_k [A_k K(t_k) + K'(t_k) b_k]`, sharpened by the expansion around the nearest direction.
    ///
    /// The coefficients' enclosures are independent of each other, so near `u_j` the plain sum forgets that
    /// `eta(u_j)` and the gradient there are known. With `D_k = t_k - t_kj` and `E_k = B_k.(w - u_j)`, and the exact value and
    /// gradient `lambda_j u_j` at `u_j`,
    /// `eta(w) = eta(u_j) + lambda_j (t_j - 1) + sum_k [A_k (K - K_j - K'_j D_k) + (K' - K'_j - K''_j D_k) (B_k.u_j) + (K' - K'_j) E_k]`,
    /// where every coefficient meets a factor of second order. For `w` near `-u_j` the same holds of `-w`.
    pub(crate) fn value_of(&self, terms: &[Term]) -> Enclosure {
        let plain: Enclosure =
            terms.iter().zip(&self.values).map(|(x, &a)| a * x.value + x.first * x.slope).sum();
        let nearest = (0..terms.len())
            .max_by(|&i, &k| terms[i].cosine.mignitude().total_cmp(&terms[k].cosine.mignitude()));
        let Some((j, anchor)) = nearest.and_then(|j| Some((j, self.anchors.get(j)?))) else {
            return plain;
        };
        let side = if terms[j].cosine.midpoint() < 0.0 { -1.0 } else { 1.0 };
        let mut near = anchor.value + anchor.multiplier * (terms[j].cosine * side - 1.0);
        for ((x, &a), &[t, k0, k1, k2, b]) in terms.iter().zip(&self.values).zip(&anchor.terms) {
            let step = x.cosine * side - t;
            let first = x.first * side - k1;
            near += a * (x.value - k0 - k1 * step)
                + (first - k2 * step) * b
                + first * (x.slope * side - b);
        }
        plain.intersection(near).unwrap_or(plain)
    }
}

/// `B_i.w = sum_(j != i) beta_ij (u_j.w - t_ij u_i.w)` from the `u_j.w`: as `B_i` is orthogonal to `u_i`, it is the same combination of
/// the tangent parts of the `u_j`, and what is not known of `beta_ij` counts with their length alone. For close directions of
/// opposite signs that is the difference between a proof and none.
fn along(
    directions: &Directions,
    mixing: &[Enclosure],
    i: usize,
    overlaps: &[Enclosure],
) -> Enclosure {
    let m = directions.count();
    (0..m)
        .filter(|&j| j != i)
        .map(|j| mixing[i * m + j] * (overlaps[j] - directions.overlap(i, j) * overlaps[i]))
        .sum()
}

/// `K, K', K'', K'''` at all overlaps; the diagonal's derivatives beyond the first are never used.
pub(crate) fn jets(directions: &Directions, kernel: &Kernel) -> Vec<Jet> {
    let m = directions.count();
    (0..m * m).map(|entry| kernel.jet(directions.overlap(entry / m, entry % m))).collect()
}

/// The expansion points of a certificate; `slope(k, j)` is `B_k.u_j`.
fn anchors(
    directions: &Directions,
    kernel: &Kernel,
    multipliers: &[Enclosure],
    slope: impl Fn(usize, usize) -> Enclosure,
) -> Vec<Anchor> {
    let m = directions.count();
    let term = |k: usize, j: usize| {
        let t = directions.overlap(k, j);
        let [k0, k1, k2, _] = kernel.jet(t);
        if k == j {
            [t, k0, k1, Enclosure::ZERO, Enclosure::ZERO]
        } else {
            [t, k0, k1, k2, slope(k, j)]
        }
    };
    (0..m)
        .map(|j| Anchor {
            value: Enclosure::from(directions.signs[j]),
            multiplier: multipliers[j],
            terms: (0..m).map(|k| term(k, j)).collect(),
        })
        .collect()
}

/// `|p|` from `|p|^2 = sum_ik [A_i A_k K + 2 A_k (B_i.u_k) K' + (B_i.u_k)(B_k.u_i) K'' + (B_i.B_k) K'](t_ik)`, with
/// `product(i, k) = B_i.B_k` and `slopes_ik = B_i.u_k`.
fn norm(
    values: &[Enclosure],
    product: impl Fn(usize, usize) -> Enclosure,
    slopes: &[Enclosure],
    jets: &[Jet],
) -> Enclosure {
    let m = values.len();
    let mut square = Enclosure::ZERO;
    for i in 0..m {
        for k in 0..m {
            let [k0, k1, k2, _] = jets[i * m + k];
            square += values[i] * values[k] * k0 + product(i, k) * k1;
            // On the diagonal B_i.u_i = 0 removes the singular K''.
            if i != k {
                let (forward, backward) = (slopes[i * m + k], slopes[k * m + i]);
                square += values[k] * forward * k1 * 2.0 + forward * backward * k2;
            }
        }
    }
    square.sqrt()
}

#[cfg(test)]
mod tests {
    use gradiometer_model::Network;

    use super::*;

    fn teacher(signs: &[f64], rows: &[Vec<f64>]) -> Teacher {
        Teacher::new(Network::from_rows(signs.to_vec(), rows).unwrap()).unwrap()
    }

    fn three() -> Teacher {
        teacher(
            &[1.0, -2.0, 1.5],
            &[vec![1.0, 0.2, 0.0, 0.1], vec![0.0, 1.0, 0.3, 0.2], vec![0.4, -0.3, 1.0, 0.0]],
        )
    }

    #[test]
    fn one_neuron_has_a_certificate_known_by_hand() {
        let one = teacher(&[-3.0], &[vec![0.0, 2.0]]);
        let weights = DegreeWeights::from_degree(2).unwrap();
        let eta = Interpolant::certificate(&one, &weights).unwrap();
        // A = -1 / k(1), |p|^2 = 1 / k(1), k(1) = 1/4 - 1/(2 pi).
        let value = Enclosure::ONE / 4.0 - Enclosure::ONE / (Enclosure::PI * 2.0);
        assert!((eta.values()[0] * value + 1.0).contains(0.0));
        assert!((eta.norm().square() * value - 1.0).contains(0.0));
        assert!(eta.at(&[0.0, 1.0]).0.contains(-1.0));
    }

    #[test]
    fn values_and_gradients_are_interpolated() {
        let teacher = three();
        for weights in [
            DegreeWeights::from_degree(2).unwrap(),
            DegreeWeights::new(vec![0.1, 0.5], 1.0).unwrap(),
        ] {
            let eta = Interpolant::certificate(&teacher, &weights).unwrap();
            for (i, row) in teacher.network().rows().enumerate() {
                let sign = teacher.amplitudes()[i].signum();
                let (value, delta) = eta.at(row);
                assert!(value.contains(sign) && delta.contains(0.0), "{value}");
                for axis in 0..4 {
                    let step = f64::EPSILON.cbrt();
                    let mut near = row.to_vec();
                    near[axis] += step;
                    // A zero gradient leaves |eta - sign| <= M step^2 / 2, M below 1000 here.
                    let (moved, _) = eta.at(&near);
                    let left = (moved - sign).magnitude();
                    assert!(left <= 500.0 * step * step, "{i} {axis}: {left}");
                }
            }
        }
    }

    #[test]
    fn the_expansion_at_a_direction_or_its_opposite_beats_the_plain_sum() {
        // Two directions nearly parallel: large coefficients, so wide that their sum says little.
        let rows = [vec![1.0, 0.0, 0.1], vec![1.0, 0.03125, 0.0], vec![0.4, -0.3, 1.0]];
        let teacher = teacher(&[1.0, -1.0, 1.0], &rows);
        for weights in [
            DegreeWeights::from_degree(2).unwrap(),
            DegreeWeights::new(vec![0.1, 0.5], 1.0).unwrap(),
        ] {
            let sharp = Interpolant::certificate(&teacher, &weights).unwrap();
            let plain = Interpolant { anchors: Vec::new(), ..sharp.clone() };
            for row in &rows {
                for side in [1.0, -1.0] {
                    // Far enough for every term to exceed the sum's width.
                    let step = 1.0 / 1024.0;
                    let near: Vec<f64> =
                        (1..).zip(row).map(|(k, x)| side * x + step * f64::from(k)).collect();
                    let (sharp, plain) = (sharp.at(&near).0, plain.at(&near).0);
                    // An expansion with a wrong term misses the sum, and then the sum is all that is left.
                    assert!(sharp.is_subset_of(plain) && 100.0 * sharp.width() < plain.width());
                }
            }
        }
    }

    #[test]
    fn what_is_not_known_of_close_directions_counts_with_their_distance() {
        let close = 0.01_f64;
        let rows = [vec![1.0, 0.0], vec![close.cos(), close.sin()]];
        let teacher = teacher(&[1.0, -1.0], &rows);
        let weights = DegreeWeights::from_degree(1000).unwrap();
        let eta = Interpolant::certificate_by_entries(&teacher, &weights).unwrap();
        let Slopes::Mixed(mixing) = &eta.slopes else { unreachable!() };
        // The coefficients are known to several units, but B_i is orthogonal to u_i nearly exactly.
        assert!(mixing[0].radius() > 1.0 && mixing[1].radius() > 1.0, "{mixing:?}");
        let along = dot(&eta.gradient(0), &eta.directions.units[0]);
        assert!(along.contains(0.0) && along.magnitude() < mixing[1].radius() / 1024.0, "{along}");
        // A plain combination of the directions forgets that.
        let plain = dot(&mixing[..2], eta.directions.row(0));
        assert!(plain.contains(0.0) && plain.radius() > mixing[1].radius(), "{plain}");
        // So eta is known where the sum with the plain combination would leave it open.
        let middle = [(0.5 * close).cos(), (0.5 * close).sin()];
        let (value, _) = eta.at(&middle);
        assert!(value.contains(0.0) && value.width() < close * close, "{value}");
        let spread = eta.kernel.at(middle[0])[1] * plain;
        assert!(spread.width() > close, "{spread}");
    }

    #[test]
    fn the_norm_of_a_plain_kernel_is_the_pairing_with_the_signs() {
        let teacher = three();
        for degree in [2, 4, 8] {
            let weights = DegreeWeights::from_degree(degree).unwrap();
            let eta = Interpolant::certificate(&teacher, &weights).unwrap();
            // |p|^2 = sum_i A_i eta(u_i) when the weights are 0 and 1.
            let pairing: Enclosure = eta
                .values()
                .iter()
                .zip(teacher.amplitudes())
                .map(|(&a, alpha)| a * alpha.signum())
                .sum();
            assert!(eta.norm().square().intersection(pairing).is_some());
            assert!(eta.norm().width() < f64::EPSILON.sqrt());
        }
    }

    #[test]
    fn a_test_function_has_its_value_at_one_teacher_only() {
        let teacher = three();
        let weights = DegreeWeights::from_degree(4).unwrap();
        let combination = [0.3, 1.0, -0.5];
        let eta = Interpolant::test_function(&teacher, &weights, 1, &combination).unwrap();
        let e: Vec<f64> = (0..4)
            .map(|x| (0..3).map(|j| combination[j] * teacher.direction(j)[x]).sum())
            .collect();
        let along = |w: &[f64]| w.iter().zip(&e).map(|(x, y)| x * y).sum::<f64>();
        for i in 0..3 {
            let expected = if i == 1 { along(teacher.direction(1)) } else { 0.0 };
            let rounding = 64.0 * f64::EPSILON * eta.scale();
            let value = eta.at(teacher.network().neuron(i)).0;
            assert!((value - expected).magnitude() <= rounding, "{i}: {value}");
        }
        // To second order eta follows e.w at u_1.
        let step = f64::EPSILON.cbrt();
        for axis in 0..4 {
            let mut near = teacher.direction(1).to_vec();
            near[axis] += step;
            let norm = near.iter().map(|x| x * x).sum::<f64>().sqrt();
            let left = (eta.at(&near).0 - along(&near) / norm).magnitude();
            assert!(left <= 1000.0 * step * step, "{axis}: {left}");
        }
    }

    #[test]
    fn parallel_directions_are_an_error_not_a_number() {
        let twins = teacher(&[1.0, 1.0], &[vec![1.0, 2.0], vec![2.0, 4.0]]);
        let weights = DegreeWeights::from_degree(2).unwrap();
        assert!(Interpolant::certificate(&twins, &weights).is_err());
    }
}
