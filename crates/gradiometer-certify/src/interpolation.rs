//! The interpolation system in any dimension: solved in floating point, and enclosed by its residual.
//!
//! The conditions `eta(u_i) = y_i`, `P_i grad eta(u_i) = z_i` are pairings with the very features that `eta` is made of, so
//! their matrix is a Gram matrix: symmetric, and positive definite once no two directions are parallel. With the unknowns
//! `(s_0 A_i, s_1 B_i)`, `s_0^2 ~ K(1)` and `s_1^2 ~ K'(1)`, its diagonal blocks are nearly the identity. If
//! `lambda_min >= c > 0` is proved, then any approximate solution is within `|residual|_2 / c` of the exact one, and
//! nothing else has to be known of how it was found.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::{maximum, maximum_of, minimum};

use crate::error::CertifyError;
use crate::frame::{Directions, Frame};
use crate::interpolant::jets;
use crate::kernel::{Jet, Kernel};
use crate::linear::{dot, is_positive_definite, norm_bound};

/// The iteration in floating point ends when its residual has fallen by this factor, before rounding holds it up, or after so
/// many steps.
const RESIDUAL: f64 = 1e-9;
const STEPS: usize = 400;
/// Corrections by a residual that is computed in enclosures.
const CORRECTIONS: usize = 3;
/// A bound of `lambda_min` from the sums of rows that is worth no more work.
const NEAR_DIAGONAL: f64 = 0.125;
/// Bounds of `lambda_min` that are tried with the whole matrix, in this order.
const TRIED: [f64; 5] = [0.25, 0.0625, 1e-2, 1e-4, 1e-7];
/// The largest whole matrix, in unknowns: some seconds. Beyond, kernels whose system is not nearly diagonal are refused.
const LARGEST_DENSE: usize = 2048;

/// The system of a teacher's directions and a kernel, with a proved bound of its least eigenvalue.
#[derive(Debug)]
pub(crate) struct System<'a> {
    directions: &'a Directions,
    /// `K, K', K''` at the overlaps, row-major; `K''` is zero on the diagonal, where it is never needed.
    jets: Vec<Jet>,
    /// `s_0, s_1`.
    scale: [f64; 2],
    /// Certainly at most the least eigenvalue of the scaled system.
    least: f64,
}

/// A solution, enclosed.
#[derive(Clone, Debug)]
pub(crate) struct Solution {
    /// `A_i`.
    pub(crate) values: Vec<Enclosure>,
    /// `B_i`, orthogonal to `u_i`.
    pub(crate) gradients: Vec<Vec<Enclosure>>,
    /// `B_i.u_k`, row-major, zero on the diagonal.
    pub(crate) slopes: Vec<Enclosure>,
    /// `u_i.grad eta(u_i)`.
    pub(crate) multipliers: Vec<Enclosure>,
}

/// The scaled system in coordinates of a span, lower triangles of symmetric matrices.
#[derive(Clone, Debug)]
struct Dense {
    /// `A_i` and `B_i` in the span, neuron by neuron: `m* (r + 1)` unknowns.
    matrix: Vec<f64>,
    /// By how much its eigenvalues may be off.
    off: f64,
    /// Of one coordinate of the `B_i` beside the span: `m*` unknowns.
    across: Vec<f64>,
    off_across: f64,
}

/// A vector of the scaled unknowns in floating point.
#[derive(Clone, Debug)]
struct Unknowns {
    a: Vec<f64>,
    /// `m* x d`, row-major.
    b: Vec<f64>,
}

impl Unknowns {
    fn dot(&self, other: &Self) -> f64 {
        let sum = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        sum(&self.a, &other.a) + sum(&self.b, &other.b)
    }

    fn add(&mut self, factor: f64, other: &Self) {
        let pairs = self.a.iter_mut().zip(&other.a).chain(self.b.iter_mut().zip(&other.b));
        for (x, y) in pairs {
            *x += factor * y;
        }
    }
}

impl<'a> System<'a> {
    /// # Errors
    /// [`CertifyError::Interpolation`] if no positive bound of the least eigenvalue is proved.
    pub(crate) fn new(directions: &'a Directions, kernel: &Kernel) -> Result<Self, CertifyError> {
        let m = directions.count();
        let mut jets = jets(directions, kernel);
        for i in 0..m {
            jets[i * m + i][2] = Enclosure::ZERO;
        }
        let scale = [0, 1].map(|order| jets[0][order].midpoint().sqrt());
        let mut system = Self { directions, jets, scale, least: 0.0 };
        system.least = system.least_eigenvalue();
        if system.least > 0.0 {
            return Ok(system);
        }
        let contraction = 1.0 - system.least_by_rows();
        Err(CertifyError::Interpolation { neurons: m, contraction })
    }

    fn jet(&self, i: usize, k: usize) -> [Enclosure; 3] {
        let [k0, k1, k2, _] = self.jets[i * self.directions.count() + k];
        [k0, k1, k2]
    }

    /// A lower bound of the least eigenvalue; not positive if none is proved.
    fn least_eigenvalue(&self) -> f64 {
        let rows = self.least_by_rows();
        if rows >= NEAR_DIAGONAL {
            return rows;
        }
        maximum(rows, self.least_by_cholesky().unwrap_or(0.0))
    }

    /// Bounds of the norms of the blocks off the diagonal, row-major, zero on it. The block of `i` and `k` is
    /// `[K/s_0^2, K' (P_k u_i)^T/(s_0 s_1); K' P_i u_k/(s_0 s_1), (K'' P_i u_k (P_k u_i)^T + K' P_i P_k)/s_1^2]`, and with
    /// `s = |P_i u_k| = |P_k u_i|` its norm is at most that of the matrix `[x, y; y, z]` of the norms.
    pub(crate) fn block_norms(&self) -> Vec<Enclosure> {
        let m = self.directions.count();
        let [s_0, s_1] = self.scale.map(Enclosure::from);
        let norm = |i: usize, k: usize| {
            if i == k {
                return Enclosure::ZERO;
            }
            let [k0, k1, k2] = self.jet(i, k);
            let t = self.directions.overlap(i, k);
            let sine = (Enclosure::ONE - t.square()).sqrt();
            let x = k0.abs() / s_0.square();
            let y = k1.abs() * sine / (s_0 * s_1);
            let z = (k2.abs() * sine.square() + k1.abs()) / s_1.square();
            (x + z).half() + ((x - z).half().square() + y.square()).sqrt()
        };
        (0..m * m).map(|entry| norm(entry / m, entry % m)).collect()
    }

    /// By Gershgorin's theorem for blocks.
    fn least_by_rows(&self) -> f64 {
        let m = self.directions.count();
        let [s_0, s_1] = self.scale.map(Enclosure::from);
        let norms = self.block_norms();
        let [k0, k1] = self.diagonal();
        let diagonal = (k0 / s_0.square()).smaller(k1 / s_1.square());
        // The eigenvalues are at least this for some row.
        norms.chunks_exact(m).fold(f64::INFINITY, |least, row| {
            minimum(least, (diagonal - row.iter().copied().sum::<Enclosure>()).lo())
        })
    }

    /// `K(1), K'(1)`.
    pub(crate) fn diagonal(&self) -> [Enclosure; 2] {
        let [k0, k1, _] = self.jet(0, 0);
        [k0, k1]
    }

    /// `s_0, s_1`.
    pub(crate) const fn scale(&self) -> [f64; 2] {
        self.scale
    }

    /// `K, K', K''` at `u_i.u_k`, for different directions.
    pub(crate) fn jets_at(&self, i: usize, k: usize) -> Jet {
        self.jets[i * self.directions.count() + k]
    }

    /// By a Cholesky factorisation of the whole matrix in the coordinates of a frame, `m* (r + 1)` unknowns.
    ///
    /// The parts of `B_i` along `u_i`, which are no unknowns, get the diagonal `K'(1)/s_1^2`. Let `E` be the exact span of the frame's
    /// basis, and `u_k = z_k + e_k` with `z_k` in `E`, `e_k` orthogonal to it and `|e_k| <= eps`. Seen from `E` the blocks are those
    /// of the `z_k` and the `t_ik`; on its orthogonal complement they are `K'(t_ik)/s_1^2`, up to
    /// `4 eps^2 (|K''| + |K'|)/s_1^2`; and between the two at most `eps (2 |K'|/(s_0 s_1) + 3 |K'|/s_1^2 + 2 |K''|/s_1^2)`. So without
    /// the `e_k` the form changes by the largest sum of these over a row.
    fn least_by_cholesky(&self) -> Option<f64> {
        let frame = Frame::new(self.directions, 0);
        let (m, r) = (self.directions.count(), frame.rank);
        let n = m * (r + 1);
        if n > LARGEST_DENSE {
            return None;
        }
        let Dense { matrix, off, across, off_across } = self.dense(&frame);
        TRIED.into_iter().find(|&least| {
            let holds = |matrix: &[f64], n: usize, off: f64| {
                is_positive_definite(&mut matrix.to_vec(), n, least + off)
            };
            let complement = r == self.directions.dimension || holds(&across, m, off_across + off);
            complement && holds(&matrix, n, off)
        })
    }

    /// The whole matrix in the coordinates of a frame.
    fn dense(&self, frame: &Frame) -> Dense {
        let (m, r) = (self.directions.count(), frame.rank);
        let n = m * (r + 1);
        let [s_0, s_1] = self.scale.map(Enclosure::from);
        let (inside, beside): (Vec<&[Enclosure]>, Vec<&[Enclosure]>) =
            frame.coordinates.iter().map(|row| row.split_at(r)).unzip();
        let eps = Enclosure::from(maximum_of(beside.iter().map(|x| norm_bound(x))));
        let mut matrix = vec![0.0; n * n];
        let (mut radii, mut change) = (Enclosure::ZERO, 0.0);
        let mut across = vec![0.0; m * m];
        let mut across_radii = Enclosure::ZERO;
        let place =
            |i: usize, x: usize, k: usize, y: usize| (i * (r + 1) + x) * n + k * (r + 1) + y;
        for i in 0..m {
            let mut row = Enclosure::ZERO;
            for k in 0..m {
                let [k0, k1, k2] = self.jet(i, k);
                let slope = k1 / s_1.square();
                let bend = k2 / s_1.square();
                let mixed = k1 / (s_0 * s_1);
                row += eps * (mixed.abs() + (bend.abs() + slope.abs()) * (eps + 1.0) * 2.0) * 2.0;
                let mut put = |at: usize, x: Enclosure| {
                    matrix[at] = x.midpoint();
                    radii += Enclosure::from(x.radius()).square();
                };
                if k > i {
                    continue;
                }
                across[i * m + k] = slope.midpoint();
                across_radii += Enclosure::from(slope.radius()).square() * 2.0;
                put(place(i, 0, k, 0), k0 / s_0.square());
                if k == i {
                    for x in 0..r {
                        put(place(i, x + 1, i, x + 1), slope);
                    }
                    continue;
                }
                let (u, v) = (inside[i], inside[k]);
                let t = self.directions.overlap(i, k);
                // P_k u_i and P_i u_k.
                let from: Vec<_> = u.iter().zip(v).map(|(&u, &v)| u - t * v).collect();
                let to: Vec<_> = u.iter().zip(v).map(|(&u, &v)| v - t * u).collect();
                for x in 0..r {
                    put(place(i, 0, k, x + 1), mixed * from[x]);
                    put(place(i, x + 1, k, 0), mixed * to[x]);
                    for y in 0..r {
                        // P_i P_k = I - u u^T - v v^T + t u v^T.
                        let mut both = u[x] * (t * v[y] - u[y]) - v[x] * v[y];
                        if x == y {
                            both += Enclosure::ONE;
                        }
                        put(place(i, x + 1, k, y + 1), bend * to[x] * from[y] + slope * both);
                    }
                }
            }
            change = maximum(change, row.hi());
        }
        // Twice for the entries above the diagonal.
        let off = ((radii * 2.0).sqrt() + change).hi();
        let off_across = across_radii.sqrt().hi();
        Dense { matrix, off, across, off_across }
    }

    /// The solution for values `y_i` and ambient gradients, of which the tangent part counts.
    pub(crate) fn solve(&self, values: &[Enclosure], gradients: &[Vec<Enclosure>]) -> Solution {
        let (m, d) = (self.directions.count(), self.directions.dimension);
        let [s_0, s_1] = self.scale;
        let mut x = Unknowns { a: vec![0.0; m], b: vec![0.0; m * d] };
        for _ in 0..=CORRECTIONS {
            let (_, rest) = self.residual(&x, values, gradients);
            let middle = |x: &[Enclosure], scale: f64| -> Vec<f64> {
                x.iter().map(|x| x.midpoint() / scale).collect()
            };
            let a = rest.iter().map(|(a, _)| a.midpoint() / s_0).collect();
            let b = rest.iter().flat_map(|(_, b)| middle(b, s_1)).collect();
            let step = self.iterate(Unknowns { a, b });
            x.add(1.0, &step);
        }
        let (mut solution, rest) = self.residual(&x, values, gradients);
        let size: Enclosure = rest
            .iter()
            .flat_map(|(a, b)| std::iter::once(*a / s_0).chain(b.iter().map(|b| *b / s_1)))
            .map(Enclosure::square)
            .sum();
        // |x - solution|_2 <= |residual|_2 / lambda_min, scaled.
        let off = (size.sqrt() / self.least).hi();
        let around = |scale: f64| {
            let off = (Enclosure::from(off) / scale).hi();
            Enclosure::new(-off, off)
        };
        let (in_a, in_b) = (around(s_0), around(s_1));
        for a in &mut solution.values {
            *a += in_a;
        }
        for b in solution.gradients.iter_mut().flatten() {
            *b += in_b;
        }
        for i in 0..m {
            for k in (0..m).filter(|&k| k != i) {
                solution.slopes[i * m + k] += in_b;
            }
        }
        for i in 0..m {
            solution.multipliers[i] = (0..m)
                .map(|k| {
                    let [_, k1, k2] = self.jet(i, k);
                    let (t, b) = (self.directions.overlap(i, k), solution.slopes[k * m + i]);
                    solution.values[k] * k1 * t + b * (k2 * t + k1)
                })
                .sum();
        }
        solution
    }

    /// The coefficients of scaled unknowns with their `B_i` made orthogonal to `u_i`, and what is left of the conditions.
    fn residual(
        &self,
        x: &Unknowns,
        values: &[Enclosure],
        gradients: &[Vec<Enclosure>],
    ) -> (Solution, Vec<(Enclosure, Vec<Enclosure>)>) {
        let (m, d) = (self.directions.count(), self.directions.dimension);
        let [s_0, s_1] = self.scale.map(Enclosure::from);
        let units = &self.directions.units;
        let a: Vec<Enclosure> = x.a.iter().map(|&a| Enclosure::from(a) / s_0).collect();
        let b: Vec<Vec<Enclosure>> = (0..m)
            .map(|i| {
                let row = &x.b[i * d..(i + 1) * d];
                let row: Vec<_> = row.iter().map(|&b| Enclosure::from(b) / s_1).collect();
                without(&row, &units[i])
            })
            .collect();
        let mut slopes = vec![Enclosure::ZERO; m * m];
        for i in 0..m {
            for k in (0..m).filter(|&k| k != i) {
                slopes[i * m + k] = dot(&b[i], &units[k]);
            }
        }
        let rest = (0..m)
            .map(|i| {
                let (mut value, mut gradient) = (values[i], gradients[i].clone());
                for k in 0..m {
                    let [k0, k1, k2] = self.jet(i, k);
                    let slope = slopes[k * m + i];
                    value -= a[k] * k0 + slope * k1;
                    let along = a[k] * k1 + slope * k2;
                    for ((g, &u), &b) in gradient.iter_mut().zip(&units[k]).zip(&b[k]) {
                        *g -= along * u + k1 * b;
                    }
                }
                (value, without(&gradient, &units[i]))
            })
            .collect();
        let multipliers = vec![Enclosure::ZERO; m];
        (Solution { values: a, gradients: b, slopes, multipliers }, rest)
    }

    /// Conjugate gradients in floating point for the scaled system.
    fn iterate(&self, right: Unknowns) -> Unknowns {
        let (m, d) = (self.directions.count(), self.directions.dimension);
        let float = Float::new(self);
        let mut x = Unknowns { a: vec![0.0; m], b: vec![0.0; m * d] };
        let mut rest = right;
        float.project(&mut rest.b);
        let mut direction = rest.clone();
        let mut square = rest.dot(&rest);
        let goal = square * RESIDUAL * RESIDUAL;
        for _ in 0..STEPS {
            if !(square > goal) {
                break;
            }
            let image = float.apply(&direction);
            let step = square / direction.dot(&image);
            if !step.is_finite() {
                break;
            }
            x.add(step, &direction);
            rest.add(-step, &image);
            let next = rest.dot(&rest);
            let factor = next / square;
            square = next;
            let previous = std::mem::replace(&mut direction, rest.clone());
            direction.add(factor, &previous);
        }
        x
    }
}

/// `x - (x.u) u`.
fn without(x: &[Enclosure], u: &[Enclosure]) -> Vec<Enclosure> {
    let along = dot(x, u);
    x.iter().zip(u).map(|(&x, &u)| x - along * u).collect()
}

/// The scaled system in floating point.
struct Float {
    m: usize,
    d: usize,
    units: Vec<f64>,
    /// `K/s_0^2, K'/(s_0 s_1), K'/s_1^2, K''/s_1^2`.
    jets: Vec<[f64; 4]>,
}

impl Float {
    fn new(system: &System<'_>) -> Self {
        let [s_0, s_1] = system.scale;
        let jets = system.jets.iter().map(|jet| {
            let [k0, k1, k2, _] = jet.map(Enclosure::midpoint);
            [k0 / (s_0 * s_0), k1 / (s_0 * s_1), k1 / (s_1 * s_1), k2 / (s_1 * s_1)]
        });
        Self {
            m: system.directions.count(),
            d: system.directions.dimension,
            units: system.directions.units.iter().flatten().map(|x| x.midpoint()).collect(),
            jets: jets.collect(),
        }
    }

    fn unit(&self, i: usize) -> &[f64] {
        &self.units[i * self.d..(i + 1) * self.d]
    }

    fn project(&self, b: &mut [f64]) {
        for (i, row) in b.chunks_exact_mut(self.d).enumerate() {
            let u = self.unit(i);
            let along: f64 = row.iter().zip(u).map(|(x, y)| x * y).sum();
            for (x, u) in row.iter_mut().zip(u) {
                *x -= along * u;
            }
        }
    }

    fn apply(&self, x: &Unknowns) -> Unknowns {
        let mut image = Unknowns { a: vec![0.0; self.m], b: vec![0.0; self.m * self.d] };
        for i in 0..self.m {
            let (u, row) = (self.unit(i), &mut image.b[i * self.d..(i + 1) * self.d]);
            for k in 0..self.m {
                let [k0, mixed, slope, bend] = self.jets[i * self.m + k];
                let b = &x.b[k * self.d..(k + 1) * self.d];
                let along: f64 = b.iter().zip(u).map(|(x, y)| x * y).sum();
                image.a[i] += k0 * x.a[k] + mixed * along;
                let factor = mixed * x.a[k] + bend * along;
                for ((g, v), b) in row.iter_mut().zip(self.unit(k)).zip(b) {
                    *g += factor * v + slope * b;
                }
            }
        }
        self.project(&mut image.b);
        image
    }
}

#[cfg(test)]
mod tests {
    use gradiometer_model::{Network, Teacher};

    use super::*;
    use crate::interpolant::Interpolant;
    use crate::kernel::DegreeWeights;

    /// Four directions of `R^4`, none close, and three of a plane of `R^5` beside it.
    fn teachers() -> [Teacher; 2] {
        let space = [
            vec![1.0, 0.2, 0.0, 0.1],
            vec![0.0, 1.0, 0.3, 0.2],
            vec![0.4, -0.3, 1.0, 0.0],
            vec![-0.2, 0.5, 0.1, 1.0],
        ];
        let plane = [
            vec![1.0, 0.0, 0.5, 0.0, 0.0],
            vec![0.0, 1.0, 0.0, 0.25, 0.0],
            vec![1.0, 1.0, 0.5, 0.25, 0.0],
        ];
        let signs = vec![1.0, -2.0, 1.5, -1.0];
        [
            Teacher::new(Network::from_rows(signs.clone(), &space).unwrap()).unwrap(),
            Teacher::new(Network::from_rows(signs[..3].to_vec(), &plane).unwrap()).unwrap(),
        ]
    }

    #[test]
    fn both_solves_meet() {
        for teacher in teachers() {
            for degree in [2, 4, 8] {
                let weights = DegreeWeights::from_degree(degree).unwrap();
                let entries = Interpolant::certificate_by_entries(&teacher, &weights).unwrap();
                let residual = Interpolant::certificate_by_residual(&teacher, &weights).unwrap();
                let (directions, kernel) = (Directions::new(&teacher), weights.kernel());
                let system = System::new(&directions, &kernel).unwrap();
                // The residual's own rounding, of m* + d terms of the largest coefficient, over the least eigenvalue and s_0.
                let terms = (teacher.neurons() + teacher.dimension()) as f64;
                let rounding = 64.0 * terms * f64::EPSILON * entries.scale();
                let width = rounding / (system.least * system.scale[0]);
                for i in 0..teacher.neurons() {
                    let (x, y) = (entries.values()[i], residual.values()[i]);
                    assert!(x.intersection(y).is_some() && y.width() <= width, "{degree} {i}: {y}");
                    for (x, y) in entries.gradient(i).into_iter().zip(residual.gradient(i)) {
                        assert!(x.intersection(y).is_some() && y.width() <= width, "{x} {y}");
                    }
                }
                assert!(entries.norm().intersection(residual.norm()).is_some());
                let w: Vec<f64> =
                    (0..teacher.dimension()).map(|x| 1.0 / (x as f64 + 1.5)).collect();
                let (x, y) = (entries.at(&w).0, residual.at(&w).0);
                assert!(x.intersection(y).is_some() && y.width() <= width, "{x} {y}");
            }
        }
    }

    #[test]
    fn multipliers_are_the_gradients_along_the_directions() {
        for teacher in teachers() {
            let directions = Directions::new(&teacher);
            let kernel = DegreeWeights::from_degree(4).unwrap().kernel();
            let system = System::new(&directions, &kernel).unwrap();
            let (m, d) = (directions.count(), directions.dimension);
            let values: Vec<Enclosure> = directions.signs.iter().map(|&s| s.into()).collect();
            let solution = system.solve(&values, &vec![vec![Enclosure::ZERO; d]; m]);
            for i in 0..m {
                let u = &directions.units[i];
                // u_i . grad sum_k (A_k K(u_k.w) + K'(u_k.w) B_k.w) at w = u_i.
                let exact: Enclosure = (0..m)
                    .map(|k| {
                        let t = directions.overlap(i, k);
                        let [_, k1, k2, _] = kernel.jet(t);
                        let along = dot(&solution.gradients[k], u);
                        // K'' at one times a B_i.u_i of zero.
                        let bend = if k == i { Enclosure::ZERO } else { along * k2 };
                        (solution.values[k] * k1 + bend) * t + k1 * along
                    })
                    .sum();
                let found = solution.multipliers[i];
                let off = (found.midpoint() - exact.midpoint()).abs();
                assert!(found.intersection(exact).is_some(), "{i}: {found} {exact}");
                assert!(
                    off <= f64::EPSILON.sqrt() && found.width() <= f64::EPSILON.sqrt(),
                    "{off}"
                );
                assert!(found.mignitude() > 0.01, "{found}");
            }
        }
    }

    #[test]
    fn the_least_eigenvalue_is_bounded_in_two_ways() {
        for teacher in teachers() {
            let directions = Directions::new(&teacher);
            for degree in [2, 4, 8, 24] {
                let kernel = DegreeWeights::from_degree(degree).unwrap().kernel();
                let system = System::new(&directions, &kernel).unwrap();
                let (rows, whole) = (system.least_by_rows(), system.least_by_cholesky().unwrap());
                // Both are below the Rayleigh quotient of any vector.
                let float = Float::new(&system);
                let (m, d) = (directions.count(), directions.dimension);
                let mut x = Unknowns {
                    a: (0..m).map(|i| (i as f64 + 0.5).sin()).collect(),
                    b: (0..m * d).map(|i| (2.0 * i as f64).cos()).collect(),
                };
                float.project(&mut x.b);
                // The vector of the least eigenvalue, by the power method for 2 - M.
                for _ in 0..500 {
                    let image = float.apply(&x);
                    let size = x.dot(&x).sqrt();
                    x.add(-0.5, &image);
                    for x in x.a.iter_mut().chain(&mut x.b) {
                        *x /= size;
                    }
                    float.project(&mut x.b);
                }
                let quotient = x.dot(&float.apply(&x)) / x.dot(&x);
                assert!(
                    rows <= quotient && whole <= quotient,
                    "{degree}: {rows} {whole} {quotient}"
                );
                assert!(whole > 0.0 && system.least > 0.0, "{degree}: {whole}");
            }
        }
    }

    fn plain_dot(x: &[f64], y: &[f64]) -> f64 {
        x.iter().zip(y).map(|(x, y)| x * y).sum()
    }

    /// `x.M x` of a symmetric matrix whose lower triangle is given.
    fn form(matrix: &[f64], x: &[f64]) -> f64 {
        let n = x.len();
        let entry = |i: usize, j: usize| matrix[i * n + j] * x[i] * x[j];
        (0..n).map(|i| entry(i, i) + 2.0 * (0..i).map(|j| entry(i, j)).sum::<f64>()).sum()
    }

    #[test]
    fn the_dense_matrix_is_that_of_the_system() {
        for teacher in teachers() {
            let directions = Directions::new(&teacher);
            let kernel = DegreeWeights::from_degree(4).unwrap().kernel();
            let system = System::new(&directions, &kernel).unwrap();
            let (float, frame) = (Float::new(&system), Frame::new(&directions, 0));
            let (m, d, r) = (directions.count(), directions.dimension, frame.rank);
            let dense = system.dense(&frame);
            let axis =
                |y: usize| frame.embed(&(0..r).map(|x| f64::from(x == y)).collect::<Vec<_>>());
            let axes: Vec<Vec<f64>> = (0..r).map(axis).collect();
            for seed in 0..8 {
                let entry = |i: usize| ((i + 100 * seed) as f64 + 0.5).sin();
                let within = |i: usize| (0..r).map(|y| entry(m + i * r + y)).collect::<Vec<_>>();
                let b = (0..m).flat_map(|i| frame.embed(&within(i))[..d].to_vec()).collect();
                let mut x = Unknowns { a: (0..m).map(entry).collect(), b };
                float.project(&mut x.b);
                let coordinates: Vec<f64> = (0..m)
                    .flat_map(|i| {
                        let b = &x.b[i * d..(i + 1) * d];
                        std::iter::once(x.a[i]).chain(axes.iter().map(|q| plain_dot(q, b)))
                    })
                    .collect();
                let (exact, found) = (x.dot(&float.apply(&x)), form(&dense.matrix, &coordinates));
                let rounding = (m * (d + 1)) as f64 * 64.0 * f64::EPSILON * x.dot(&x);
                assert!((exact - found).abs() <= rounding, "{seed}: {exact} {found}");
                if r == d {
                    continue;
                }
                // Beside the span, along its last axis, which is orthogonal to it.
                let factors: Vec<f64> = (0..m).map(|i| entry(7 * i)).collect();
                let mut y = Unknowns { a: vec![0.0; m], b: vec![0.0; m * d] };
                for (row, factor) in y.b.chunks_exact_mut(d).zip(&factors) {
                    row[d - 1] = *factor;
                }
                let (exact, found) = (y.dot(&float.apply(&y)), form(&dense.across, &factors));
                assert!((exact - found).abs() <= rounding, "{seed}: {exact} {found}");
            }
        }
    }

    #[test]
    fn parallel_directions_have_no_bound() {
        let rows = [vec![1.0, 2.0], vec![2.0, 4.0]];
        let twins = Teacher::new(Network::from_rows(vec![1.0, 1.0], &rows).unwrap()).unwrap();
        let directions = Directions::new(&twins);
        let kernel = DegreeWeights::from_degree(2).unwrap().kernel();
        assert!(System::new(&directions, &kernel).is_err());
    }
}
