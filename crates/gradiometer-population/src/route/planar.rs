//! The exact evaluation in the plane in `O(m log m)`, by sorted prefix sums.
//!
//! A direction up to sign is an angle `theta` in `(-pi/2, pi/2]`, and two of them at a distance `phi = |theta_j - theta_b|` in `[0, pi)` have
//!
//! ```text
//! 2 pi k = sin phi + (pi/2 - phi) cos phi - 1,      sqrt(1 - t^2) = sin phi,      asin t = pi/2 - phi,      t = cos phi.
//! ```
//!
//! On either side of `theta_j` the modulus is gone, and the addition theorems leave sums over the measure that do not depend on `j`: with
//! `u_b = (cos theta_b, sin theta_b)` those of `nu_b`, `nu_b u_b` and `nu_b theta_b u_b`. They are accumulated in the order of the angles in
//! double-double arithmetic, so that prefix and rest are both known to the last bit however many there are.
//!
//! **Error.** In units of `u = 2^-53` and of `M = sum_b |nu_b|`: an angle is known to `4`, its sine and cosine to `2`, a mass to `7`. A
//! prefix sum of `nu_b u_b` is then known to `12` in each coordinate and one of `nu_b theta_b u_b`, `|theta_b| <= pi/2`, to `24`. The potential
//! `2 pi e_j` takes `sin` from two products of the first (`34` with the factors' own error), `(pi/2 -+ theta_j) cos` with a factor of at
//! most `pi` (`3.15 * 34` and its roundings), two products of the second (`2 * 24` and the factors' error, `7`) and the sum of the masses
//! (`10`), over both sides together, whose masses add up to `M`: less than [`POTENTIAL`]. The wrong angles themselves cost at most
//! `0.571 * 8`, which is in it. A coordinate of the gradient's sum takes the same with a factor one in place of the cosines, and a radial part: less
//! than [`TANGENT`].

use crate::atoms::Atoms;
use crate::double::DoubleDouble;
use crate::value::Gradient;
use gradiometer_hermite::Bounded;
use gradiometer_hermite::float::maximum;
use gradiometer_model::geometry::normalise_into;
use rayon::prelude::*;
use std::f64::consts::{FRAC_PI_2, PI};

/// Atoms from which sorting beats the dense pairs.
const LEAST_ATOMS: usize = 512;
/// Bound of the error of `2 pi e_j` in units of `u M`.
const POTENTIAL: f64 = 256.0;
/// Bound of the error of an entry of `2 pi (q_j w_j + sum_b nu_b asin(t_jb) v_b / (2 pi))` in the same units.
const TANGENT: f64 = 256.0;
/// Atoms to a task.
const CHUNK: usize = 4096;

/// Whether this evaluation is the one to use.
pub(crate) fn applies(atoms: &Atoms<'_>) -> bool {
    atoms.student.dimension() == 2 && atoms.count() >= LEAST_ATOMS
}

/// An atom of `nu = mu - mu*`.
#[derive(Clone, Copy, Debug)]
struct SortedAtom {
    theta: f64,
    mass: f64,
    sine: f64,
    cosine: f64,
    /// Where it comes from: a student neuron below `m`, else a teacher neuron.
    origin: usize,
}

/// Sums over the measure in the order of the angles: masses, `nu u`, `nu theta u`.
#[derive(Clone, Copy, Debug)]
struct Sums<N> {
    mass: N,
    u: [N; 2],
    theta_u: [N; 2],
}

impl Sums<DoubleDouble> {
    const fn zero() -> Self {
        let zero = DoubleDouble::ZERO;
        Self { mass: zero, u: [zero; 2], theta_u: [zero; 2] }
    }

    fn add(&mut self, atom: &SortedAtom) {
        let weighted = [atom.mass * atom.cosine, atom.mass * atom.sine];
        self.mass = self.mass + atom.mass.into();
        for (axis, x) in weighted.into_iter().enumerate() {
            self.u[axis] = self.u[axis] + x.into();
            self.theta_u[axis] = self.theta_u[axis] + (atom.theta * x).into();
        }
    }

    /// `whole - self`, and itself, rounded.
    fn split(&self, whole: &Self) -> [Sums<f64>; 2] {
        let rest = |x: DoubleDouble, total: DoubleDouble| (total + -x).to_f64();
        let both = |x: &[DoubleDouble; 2], total: &[DoubleDouble; 2]| {
            [rest(x[0], total[0]), rest(x[1], total[1])]
        };
        [
            Sums {
                mass: self.mass.to_f64(),
                u: self.u.map(DoubleDouble::to_f64),
                theta_u: self.theta_u.map(DoubleDouble::to_f64),
            },
            Sums {
                mass: rest(self.mass, whole.mass),
                u: both(&self.u, &whole.u),
                theta_u: both(&self.theta_u, &whole.theta_u),
            },
        ]
    }
}

/// `2 pi` times potential, radial part and tangent sum at one atom.
#[derive(Clone, Copy, Debug)]
struct Row {
    kernel: f64,
    radial: f64,
    tangent: [f64; 2],
}

impl Row {
    /// From the sums over the atoms up to this one and over those beyond.
    fn new(atom: &SortedAtom, [below, above]: &[Sums<f64>; 2]) -> Self {
        let (s, c) = (atom.sine, atom.cosine);
        // sin(theta_j - theta_b) summed below and sin(theta_b - theta_j) above.
        let sine = (s * below.u[0] - c * below.u[1]) + (c * above.u[1] - s * above.u[0]);
        let mass = below.mass + above.mass;
        // sum nu (pi/2 - phi) u_b.
        let along = |axis: usize| {
            (FRAC_PI_2 - atom.theta) * below.u[axis]
                + below.theta_u[axis]
                + ((FRAC_PI_2 + atom.theta) * above.u[axis] - above.theta_u[axis])
        };
        let tangent = [along(0), along(1)];
        // cos phi = u_j . u_b.
        let kernel = sine + (c * tangent[0] + s * tangent[1]) - mass;
        Self { kernel, radial: sine - mass, tangent }
    }
}

/// The atoms with a direction, by angle.
fn sorted(atoms: &Atoms<'_>) -> Vec<SortedAtom> {
    let mut sorted: Vec<SortedAtom> = (0..atoms.count())
        .into_par_iter()
        .with_min_len(CHUNK)
        .filter_map(|origin| {
            let (w, a) = atoms.get(origin);
            let mut unit = [0.0; 2];
            let norm = normalise_into(w, &mut unit);
            // Written so that a neuron with NaN stays in and shows.
            if norm <= 0.0 {
                return None;
            }
            let flip = if w[0] < 0.0 || (w[0] <= 0.0 && w[1] < 0.0) { -1.0 } else { 1.0 };
            let theta = (flip * w[1]).atan2(flip * w[0]);
            let (sine, cosine) = theta.sin_cos();
            Some(SortedAtom { theta, mass: a * norm, sine, cosine, origin })
        })
        .collect();
    sorted.par_sort_unstable_by(|x, y| x.theta.total_cmp(&y.theta).then(x.origin.cmp(&y.origin)));
    sorted
}

/// Loss and gradient of degrees at least 2, with error bounds. Twins are atoms of their own.
pub(crate) fn evaluate(given: &Atoms<'_>, gradient: &mut Gradient) -> Bounded {
    let (student, atoms) = (given.student, sorted(given));
    let m = student.neurons();
    let mut prefixes = Vec::with_capacity(atoms.len());
    let mut whole = Sums::zero();
    for atom in &atoms {
        whole.add(atom);
        prefixes.push(whole);
    }
    let rows: Vec<Row> = atoms
        .par_iter()
        .with_min_len(CHUNK)
        .zip(&prefixes)
        .map(|(atom, prefix)| Row::new(atom, &prefix.split(&whole)))
        .collect();

    gradient.reset(m, 2);
    let mut total_mass = 0.0;
    let mut loss = DoubleDouble::ZERO;
    let (mut longest, mut heaviest) = (0.0, 0.0);
    for (atom, row) in atoms.iter().zip(&rows) {
        total_mass += atom.mass.abs();
        loss = loss + (atom.mass * row.kernel).into();
        if atom.origin >= m {
            continue;
        }
        let j = atom.origin;
        let (w, a) = (student.neuron(j), student.second_layer()[j]);
        let mut unit = [0.0; 2];
        let norm = normalise_into(w, &mut unit);
        longest = maximum(longest, norm);
        heaviest = maximum(heaviest, a.abs());
        gradient.second_layer[j] = norm * row.kernel / PI;
        // The sum was taken for u_j, which is the neuron's direction or its opposite.
        let side = if unit[0] * atom.cosine + unit[1] * atom.sine < 0.0 { -1.0 } else { 1.0 };
        let entries = &mut gradient.first_layer[2 * j..2 * j + 2];
        for ((g, x), t) in entries.iter_mut().zip(unit).zip(row.tangent) {
            *g = a * (row.radial * x + side * t) / PI;
        }
    }
    let unit = total_mass * (1.0 + f64::EPSILON * atoms.len() as f64) * f64::EPSILON / 2.0;
    gradient.second_layer_error = longest * unit * POTENTIAL / PI;
    gradient.first_layer_error = heaviest * unit * TANGENT / PI;
    Bounded { value: loss.to_f64() / (2.0 * PI), error: total_mass * unit * POTENTIAL / (2.0 * PI) }
}

#[cfg(test)]
mod tests;
