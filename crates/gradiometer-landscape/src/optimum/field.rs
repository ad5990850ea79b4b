//! The potential of a signed measure on the sphere: values, slopes and curvatures, and the way to its maxima.

use super::atoms::Atoms;
use super::search::Coordinates;
use faer::{Mat, Side};
use gradiometer_hermite::Angle;
use gradiometer_hermite::float::{maximum, maximum_of, minimum};
use gradiometer_hermite::relu::{Derivatives, sphere_kernel};
use gradiometer_model::SeparatedTeacher;
use gradiometer_model::geometry::{dot, norm, normalised};

/// Steps of one climb, and trials of one step.
const CLIMBS: usize = 40;
const TRIALS: usize = 6;
/// The first step's bound, radians, and the step at which a climb ends.
const FIRST_RADIUS: f64 = 0.1;
const LAST_STEP: f64 = 1e-11;
/// Curvatures below this share of the largest are raised to it.
const FLAT: f64 = 1e-3;

/// Atoms and teachers in coordinates, and the potential `e(w) = sum_b nu_b k(w.v_b)` of `nu = mu - mu*` around them.
pub(super) struct Field {
    /// Unit vectors of `R^n`: the atoms, then the teacher's directions.
    pub(super) points: Vec<Vec<f64>>,
    /// `nu_b`.
    pub(super) masses: Vec<f64>,
    /// For each atom `n - 1` orthonormal rows of length `n`.
    pub(super) tangents: Vec<Vec<Vec<f64>>>,
}

impl Field {
    pub(super) fn new(
        atoms: &Atoms,
        coordinates: &Coordinates,
        teacher: &SeparatedTeacher,
    ) -> Self {
        let own = atoms.iter().map(|atom| atom.direction.as_slice());
        let all = own.chain((0..teacher.neurons()).map(|i| teacher.direction(i)));
        let points: Vec<Vec<f64>> = all.map(|v| normalised(&coordinates.of(v))).collect();
        let masses = atoms.iter().map(|atom| atom.mass);
        Self {
            tangents: points[..atoms.len()].iter().map(|v| tangent_basis(v)).collect(),
            points,
            masses: masses.chain(teacher.amplitudes().iter().map(|a| -a)).collect(),
        }
    }

    /// `T_j' x`.
    pub(super) fn along(&self, j: usize, x: &[f64]) -> Vec<f64> {
        self.tangents[j].iter().map(|t| dot(t, x)).collect()
    }

    /// `t_jb`, `k` and its derivatives at it; `k''` is zero instead of infinite where the points coincide, since it is only
    /// used beside factors that vanish faster.
    pub(super) fn kernel(&self, j: usize, b: usize) -> (f64, Derivatives) {
        let angle = Angle::between(&self.points[j], &self.points[b]);
        let at = sphere_kernel(angle);
        let second = if at.second.is_finite() { at.second } else { 0.0 };
        (angle.cosine(), Derivatives { second, ..at })
    }

    /// `sum_{b != j} nu_b (k'' (T_j' v_b)(T_j' v_b)' - k' t I)`, `(n - 1) x (n - 1)`.
    pub(super) fn pull(&self, j: usize) -> Mat<f64> {
        let size = self.tangents[j].len();
        let mut sum = Mat::zeros(size, size);
        for b in (0..self.points.len()).filter(|b| *b != j) {
            let (t, at) = self.kernel(j, b);
            let towards = self.along(j, &self.points[b]);
            for x in 0..size {
                for y in 0..size {
                    sum[(x, y)] += self.masses[b] * at.second * towards[x] * towards[y];
                }
                sum[(x, x)] -= self.masses[b] * at.first * t;
            }
        }
        sum
    }

    /// The second derivative of `e` at atom `j` with the measure held fixed: there its own term is `-c_j k'(1) I`, `k'(1) = 1/4`.
    pub(super) fn curvature(&self, j: usize) -> Mat<f64> {
        let mut hessian = self.pull(j);
        for x in 0..hessian.nrows() {
            hessian[(x, x)] -= 0.25 * self.masses[j];
        }
        hessian
    }

    /// `|eta|` and the unit vector at a local maximum of it, from `start`: Newton's method with every curvature taken as negative, in a trust
    /// region.
    pub(super) fn climb(&self, start: &[f64], lambda: f64) -> (f64, Vec<f64>) {
        let mut at = self.around(normalised(start));
        let scale = -2.0 / lambda * (-at.value).signum();
        let mut radius = FIRST_RADIUS;
        for _ in 0..CLIMBS {
            let Some(step) = at.ascent(scale) else { break };
            let size = norm(&step);
            if !(size > LAST_STEP) {
                break;
            }
            let mut higher = None;
            for _ in 0..TRIALS {
                let next = self.around(at.moved(&step, minimum(1.0, radius / size)));
                if scale * next.value > scale * at.value {
                    higher = Some(next);
                    break;
                }
                radius = 0.25 * minimum(size, radius);
            }
            let Some(next) = higher else { break };
            radius = 2.0 * minimum(size, radius);
            at = next;
        }
        (scale * at.value, at.y)
    }

    /// `e` at a unit vector to second order.
    fn around(&self, y: Vec<f64>) -> Local {
        let tangents = tangent_basis(&y);
        let size = tangents.len();
        let mut value = 0.0;
        let mut slope = vec![0.0; size];
        let mut hessian: Mat<f64> = Mat::zeros(size, size);
        let mut towards = vec![0.0; size];
        for (v, nu) in self.points.iter().zip(&self.masses) {
            let angle = Angle::between(&y, v);
            let at = sphere_kernel(angle);
            let second = if at.second.is_finite() { at.second } else { 0.0 };
            value += nu * at.value;
            for (x, t) in towards.iter_mut().zip(&tangents) {
                *x = dot(t, v);
            }
            for x in 0..size {
                slope[x] += nu * at.first * towards[x];
                for z in 0..size {
                    hessian[(x, z)] += nu * second * towards[x] * towards[z];
                }
                hessian[(x, x)] -= nu * at.first * angle.cosine();
            }
        }
        Local { y, tangents, value, slope, hessian }
    }
}

/// A function on the sphere around a unit vector.
struct Local {
    y: Vec<f64>,
    tangents: Vec<Vec<f64>>,
    value: f64,
    slope: Vec<f64>,
    hessian: Mat<f64>,
}

impl Local {
    /// The step that climbs `scale` times the function.
    fn ascent(&self, scale: f64) -> Option<Vec<f64>> {
        let eigen = self.hessian.self_adjoint_eigen(Side::Lower).ok()?;
        let size = self.slope.len();
        let floor = FLAT * maximum_of((0..size).map(|i| eigen.S()[i].abs()));
        let mut step = vec![0.0; size];
        for i in 0..size {
            let along: f64 = (0..size).map(|x| eigen.U()[(x, i)] * self.slope[x]).sum();
            let length = scale.signum() * along / maximum(eigen.S()[i].abs(), floor);
            for (x, s) in step.iter_mut().enumerate() {
                *s += length * eigen.U()[(x, i)];
            }
        }
        Some(step)
    }

    /// The unit vector after `share` of a step.
    fn moved(&self, step: &[f64], share: f64) -> Vec<f64> {
        let mut sum = self.y.clone();
        for (x, t) in step.iter().zip(&self.tangents) {
            for (s, t) in sum.iter_mut().zip(t) {
                *s += share * x * t;
            }
        }
        normalised(&sum)
    }
}

/// Orthonormal rows that span the complement of a unit vector: the last columns of the reflection that maps it to an axis.
pub(super) fn tangent_basis(v: &[f64]) -> Vec<Vec<f64>> {
    let sign = if v[0] < 0.0 { -1.0 } else { 1.0 };
    let mut u = v.to_vec();
    u[0] += sign;
    let scale = 2.0 / dot(&u, &u);
    let row = |axis: usize| -> Vec<f64> {
        let unit = |x: usize| if x == axis { 1.0 } else { 0.0 };
        (0..v.len()).map(|x| unit(x) - scale * u[axis] * u[x]).collect()
    };
    (1..v.len()).map(row).collect()
}
