//! The constant `rho` of a dual certificate by a finite search.

use gradiometer_certify::Interpolant;
use gradiometer_hermite::float::minimum;
use gradiometer_instances::FeatureSubspace;
use gradiometer_model::geometry::{dot, normalised};
use gradiometer_model::{ModelError, SeparatedTeacher};
use gradiometer_population::Bounded;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// The least `(1 - |eta(w)|)/delta(w)^2` of an interpolant (theory 6.1) over `samples` directions
/// of the teacher's subspace and its complement, over directions near the teachers, and over the
/// given `points` (`d` numbers each). `None` if that is not positive. Evidence: sampled.
///
/// Over a student's own neurons the lemmas need no more, so with them among the `points` a
/// violation is a violation. A point so near to a teacher direction that rounding hides the
/// quotient counts with that at `4e-4` in the same direction from it, the curvature of `eta` there.
/// A direction of the search where rounding hides whether `|eta|` is below 1 is left out.
///
/// # Errors
/// [`ModelError::DecompositionFailed`] if the subspace is not found.
pub fn searched_rho(
    teacher: &SeparatedTeacher,
    interpolant: &Interpolant,
    samples: usize,
    points: &[f64],
    seed: u64,
) -> Result<Option<f64>, ModelError> {
    let mut rho = f64::INFINITY;
    let directions = search_directions(teacher, samples, seed)?;
    let directions = directions.iter().map(|w| (w.as_slice(), false));
    let points = points.chunks_exact(teacher.dimension()).map(|w| (w, true));
    for (w, is_given) in directions.chain(points) {
        let mut unit = normalised(w);
        let (nearest, mut delta) = teacher.nearest(&unit);
        // A zero neuron has no direction, and a teacher's own direction no quotient.
        if !(delta > 0.0 && delta.is_finite() && unit.iter().any(|x| x.abs() > 0.0)) {
            continue;
        }
        let mut value = eta(interpolant, &unit);
        if !(8.0 * value.error < 1.0 - value.value.abs()) && delta < NEAR {
            unit = pushed(teacher.direction(nearest), &unit);
            delta = teacher.nearest(&unit).1;
            value = eta(interpolant, &unit);
        }
        if !(is_given || value.error < (1.0 - value.value.abs()).abs()) {
            // Whether |eta| is below 1 is hidden by rounding: the search has seen nothing here.
            continue;
        }
        let left = 1.0 - value.value.abs() - value.error;
        rho = minimum(rho, left / (delta * delta));
    }
    Ok((rho > 0.0 && rho.is_finite()).then_some(rho))
}

/// `eta` at a unit vector, off by at most the width of its enclosure.
pub fn eta(interpolant: &Interpolant, w: &[f64]) -> Bounded {
    let (eta, _) = interpolant.at(w);
    Bounded { value: 0.5 * eta.lo() + 0.5 * eta.hi(), error: eta.hi() - eta.lo() }
}

/// Angles below which `1 - |eta|` may hold too few digits for a quotient.
pub(crate) const NEAR: f64 = 1e-4;

/// The unit vector at angle `4 NEAR` from the line of `u`, in the direction of `w` from it.
pub(crate) fn pushed(u: &[f64], w: &[f64]) -> Vec<f64> {
    let sign = if dot(u, w) < 0.0 { -1.0 } else { 1.0 };
    let away: Vec<f64> = w.iter().zip(u).map(|(x, u)| sign * x - u).collect();
    let along = dot(&away, u);
    let tangent = normalised(&away.iter().zip(u).map(|(x, u)| x - along * u).collect::<Vec<f64>>());
    let (sin, cos) = (4.0 * NEAR).sin_cos();
    normalised(&u.iter().zip(&tangent).map(|(u, e)| cos * u + sin * e).collect::<Vec<f64>>())
}

/// Random directions of the teacher's subspace and one dimension more, half of them near a teacher
/// direction.
pub(crate) fn search_directions(
    teacher: &SeparatedTeacher,
    samples: usize,
    seed: u64,
) -> Result<Vec<Vec<f64>>, ModelError> {
    let d = teacher.dimension();
    let subspace = FeatureSubspace::of(teacher)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let directions = (0..samples).map(|sample| {
        let mut gaussian =
            || -> Vec<f64> { (0..d).map(|_| rng.sample::<f64, _>(StandardNormal)).collect() };
        let plain = gaussian();
        let inside = subspace.project(&plain);
        // As much outside of the subspace as a coordinate inside.
        let outside: Vec<f64> = plain.iter().zip(&inside).map(|(x, y)| x - y).collect();
        let codimension = (d - subspace.rank()) as f64;
        let share = if codimension > 0.0 { 1.0 / codimension.sqrt() } else { 0.0 };
        let mut w: Vec<f64> = inside.iter().zip(&outside).map(|(x, y)| x + share * y).collect();
        if sample % 2 == 0 {
            let centre = teacher.direction(sample / 2 % teacher.neurons());
            let size: f64 = 10.0_f64.powf(-3.0 * rng.random::<f64>());
            w = normalised(&w);
            for (x, u) in w.iter_mut().zip(centre) {
                *x = u + size * *x;
            }
        }
        normalised(&w)
    });
    Ok(directions.collect())
}

#[cfg(test)]
mod tests;
