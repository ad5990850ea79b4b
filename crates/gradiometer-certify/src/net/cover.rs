//! Evidence for a covering radius and the proof that it yields.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::maximum_of;

use super::{Net, NetError, unit_enclosure};
use crate::linear::approximate_inverse;

/// Untrusted evidence for an upper bound of a covering radius.
///
/// *Directed points* are numbered as [`Net::directed`] says: direction `i` is `i`, its opposite `N + i`.
#[derive(Clone, Debug, PartialEq)]
pub enum Cover {
    /// Simplices whose cones go around the sphere, each in a cap around its centre: for radii below `pi/2`.
    Caps {
        /// Directed points, `d` to a simplex, flat.
        simplices: Vec<usize>,
        /// One direction to a simplex, `d` coordinates each (any length), flat.
        centres: Vec<f64>,
    },
    /// Weights of the directed points whose mean `y` is short: no direction is farther than `arccos(-|y|)`, because
    /// `max_p <x, p> >= <x, y>`. For radii of `pi/2` and more.
    Combination {
        /// Non-negative weights, one to a directed point; their sum is free.
        weights: Vec<f64>,
    },
}

impl Cover {
    /// Directions that may be far from the net, by the evidence: the centres of the `count` widest caps, or the opposite
    /// of the mean. The lengths must fit.
    pub(super) fn witnesses(&self, net: &Net, count: usize) -> Vec<Vec<f64>> {
        match self {
            Self::Caps { centres, .. } => {
                let mut ranked: Vec<(f64, &[f64])> = centres
                    .chunks_exact(net.dimension())
                    .map(|centre| (net.approximate_distance(centre), centre))
                    .collect();
                ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
                ranked.iter().take(count).map(|(_, centre)| centre.to_vec()).collect()
            }
            Self::Combination { weights } => {
                let mut opposite = vec![0.0; net.dimension()];
                for (point, weight) in weights.iter().enumerate() {
                    for (m, x) in opposite.iter_mut().zip(net.directed_point(point)) {
                        *m -= weight * x;
                    }
                }
                vec![opposite]
            }
        }
    }
}

/// The upper bound of the covering radius that `cover` proves.
///
/// [`Cover::Caps`]: let `theta < pi/2` be such that the corners of every simplex lie within `theta` of its centre.
/// A direction `x` in the cone of a simplex meets its convex hull at `y = t x`, and every point of the hull is at least
/// `cos theta` from the origin (it is so far along the centre), so `max_p <x, p> >= <x, y> = t >= cos theta`.
/// It remains to show that the cones cover the sphere. If every ridge (a simplex without one corner) belongs to an even
/// number of simplices, the simplices form a cycle modulo 2 that misses the origin, and the parity of the number of cones
/// over a generic direction is the same everywhere. So one direction that provably lies in an odd number of open cones and
/// outside the other closed ones suffices. No facet needs to be exact, none to be non-degenerate.
///
/// # Errors
/// [`NetError`] if the evidence does not fit the net, is open, or could not be shown to go around.
pub fn covering_bound(net: &Net, cover: &Cover) -> Result<f64, NetError> {
    let bound = match cover {
        Cover::Caps { simplices, centres } => caps_bound(net, simplices, centres)?,
        Cover::Combination { weights } => combination_bound(net, weights)?,
    };
    let trivial = net.trivial_bound();
    Ok(if bound < trivial { bound } else { trivial })
}

fn combination_bound(net: &Net, weights: &[f64]) -> Result<f64, NetError> {
    if weights.len() != net.directed() {
        return Err(NetError::CoverLength {
            field: "weights",
            expected: net.directed(),
            found: weights.len(),
        });
    }
    if let Some(point) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
        return Err(NetError::Weight { point, value: weights[point] });
    }
    let mut mean = vec![Enclosure::ZERO; net.dimension()];
    let mut total = Enclosure::ZERO;
    for (point, &weight) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
        total += Enclosure::from(weight);
        for (m, x) in mean.iter_mut().zip(net.directed_unit(point)) {
            *m += x * weight;
        }
    }
    if !(total.lo() > 0.0) {
        return Err(NetError::Weight { point: 0, value: 0.0 });
    }
    let length = mean.iter().map(|m| (*m / total).square()).sum::<Enclosure>().sqrt();
    Ok((Enclosure::PI - length.acos()).hi())
}

fn caps_bound(net: &Net, simplices: &[usize], centres: &[f64]) -> Result<f64, NetError> {
    let d = net.dimension();
    let count = simplices.len() / d;
    if count == 0 || !simplices.len().is_multiple_of(d) {
        return Err(NetError::CoverLength {
            field: "simplices",
            expected: count.saturating_add(1) * d,
            found: simplices.len(),
        });
    }
    if centres.len() != simplices.len() {
        return Err(NetError::CoverLength {
            field: "centres",
            expected: simplices.len(),
            found: centres.len(),
        });
    }
    every_ridge_is_even(net, simplices)?;

    let mut radii = Vec::with_capacity(count);
    for (simplex, centre) in simplices.chunks_exact(d).zip(centres.chunks_exact(d)) {
        let centre = unit_enclosure(centre);
        radii.push(maximum_of(simplex.iter().map(|&p| net.angle_to(&centre, p).hi())));
    }
    let widest = maximum_of(radii.iter().copied());
    if !(widest < std::f64::consts::FRAC_PI_2) {
        // Too wide for the argument; nothing better than the trivial bound follows.
        return Ok(f64::INFINITY);
    }
    let stride = count.div_ceil(16);
    for seed in (0..count).step_by(stride) {
        if goes_around(net, simplices, centres, &radii, seed) {
            return Ok(widest);
        }
    }
    Err(NetError::NotAround)
}

/// Whether the corners of every simplex exist and differ, and every ridge belongs to an even number of simplices.
fn every_ridge_is_even(net: &Net, simplices: &[usize]) -> Result<(), NetError> {
    let d = net.dimension();
    let mut ridges: Vec<usize> = Vec::with_capacity(simplices.len() * (d - 1));
    let mut sorted = vec![0; d];
    for (index, simplex) in simplices.chunks_exact(d).enumerate() {
        sorted.copy_from_slice(simplex);
        sorted.sort_unstable();
        if sorted.windows(2).any(|w| w[0] == w[1]) || sorted[d - 1] >= net.directed() {
            return Err(NetError::CoverVertex { simplex: index });
        }
        for skip in 0..d {
            ridges.extend(sorted.iter().enumerate().filter(|(k, _)| *k != skip).map(|(_, p)| *p));
        }
    }
    let ridge = |r: usize| &ridges[r * (d - 1)..(r + 1) * (d - 1)];
    let mut order: Vec<usize> = (0..simplices.len()).collect();
    order.sort_unstable_by(|&a, &b| ridge(a).cmp(ridge(b)));
    for group in order.chunk_by(|&a, &b| ridge(a) == ridge(b)) {
        if !group.len().is_multiple_of(2) {
            return Err(NetError::OpenRidge { simplex: group[0] / d, count: group.len() });
        }
    }
    Ok(())
}

/// Whether a direction inside simplex `seed` provably lies in an odd number of open cones and in none of the others.
fn goes_around(
    net: &Net,
    simplices: &[usize],
    centres: &[f64],
    radii: &[f64],
    seed: usize,
) -> bool {
    let d = net.dimension();
    // A generic inner point: unequal weights keep it off the walls of the neighbours' subdivisions.
    let mut ray = vec![0.0; d];
    for (k, &point) in simplices[seed * d..(seed + 1) * d].iter().enumerate() {
        let weight = 1.0 + 0.37 * (k as f64 * 1.618).fract();
        for (x, c) in ray.iter_mut().zip(net.directed_point(point)) {
            *x += weight * c;
        }
    }
    let exact: Vec<Enclosure> = ray.iter().map(|&x| Enclosure::from(x)).collect();
    let unit = unit_enclosure(&ray);
    let mut inside = 0_usize;
    for (index, simplex) in simplices.chunks_exact(d).enumerate() {
        let centre = &centres[index * d..(index + 1) * d];
        if outside_cap(&unit, centre, radii[index]) || separated(net, simplex, &ray, &exact, centre)
        {
            continue;
        }
        if !inside_cone(net, simplex, &exact) {
            return false;
        }
        inside += 1;
    }
    inside % 2 == 1
}

/// Whether the unit vector provably lies outside the cap; the cone of the simplex is inside it, caps being convex.
fn outside_cap(x: &[Enclosure], centre: &[f64], radius: f64) -> bool {
    let centre = unit_enclosure(centre);
    let product: Enclosure = x.iter().zip(&centre).map(|(&a, &b)| a * b).sum();
    product.certainly_less(Enclosure::from(radius).cos())
}

/// Whether a linear functional provably is negative on all corners and positive at `ray`.
///
/// The functional is the residual of the projection of `ray` on the cone, tilted by a little against the centre.
fn separated(
    net: &Net,
    simplex: &[usize],
    ray: &[f64],
    exact: &[Enclosure],
    centre: &[f64],
) -> bool {
    let corners: Vec<Vec<f64>> = simplex.iter().map(|&p| net.directed_point(p)).collect();
    let mut residual = ray.to_vec();
    let mut weights = vec![0.0; corners.len()];
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    for _ in 0..4000 {
        let mut change = 0.0;
        for (corner, weight) in corners.iter().zip(&mut weights) {
            let step = dot(corner, &residual);
            let next = if *weight + step > 0.0 { *weight + step } else { 0.0 };
            for (r, c) in residual.iter_mut().zip(corner) {
                *r -= (next - *weight) * c;
            }
            change += (next - *weight).abs();
            *weight = next;
        }
        if change < 1e-15 {
            break;
        }
    }
    let length = dot(&residual, &residual).sqrt();
    if length < 1e-6 {
        return false;
    }
    let tilt = 1e-3 * length * length / dot(centre, centre).sqrt();
    let functional: Vec<Enclosure> =
        residual.iter().zip(centre).map(|(r, c)| Enclosure::from(r - tilt * c)).collect();
    let at = |x: &mut dyn Iterator<Item = Enclosure>| -> Enclosure {
        functional.iter().zip(x).map(|(&f, c)| f * c).sum()
    };
    at(&mut exact.iter().copied()).lo() > 0.0
        && simplex.iter().all(|&p| at(&mut net.directed_unit(p)).hi() < 0.0)
}

/// Whether `ray` provably lies in the open cone over the corners.
///
/// With `B` close to the inverse of the matrix `P` whose columns are the corners, `|I - B P| <= q < 1` in the
/// row-sum norm makes `P` regular, and the coefficients `P^{-1} ray` differ from `B ray` by at most `q/(1 - q) |B ray|`.
fn inside_cone(net: &Net, simplex: &[usize], ray: &[Enclosure]) -> bool {
    let d = net.dimension();
    let columns: Vec<Vec<f64>> = simplex.iter().map(|&p| net.directed_point(p)).collect();
    let rows = (0..d).flat_map(|i| columns.iter().map(move |c| c[i])).collect();
    let Some(inverse) = approximate_inverse(rows, d) else { return false };
    let mut q = 0.0;
    let mut coefficients = Vec::with_capacity(d);
    for (i, row) in inverse.chunks_exact(d).enumerate() {
        let mut sum = Enclosure::ZERO;
        for (j, &point) in simplex.iter().enumerate() {
            let entry: Enclosure =
                row.iter().zip(net.directed_unit(point)).map(|(&b, p)| p * b).sum();
            sum += (entry - if i == j { 1.0 } else { 0.0 }).abs();
        }
        q = maximum_of([q, sum.hi()]);
        coefficients.push(row.iter().zip(ray).map(|(&b, &x)| x * b).sum::<Enclosure>());
    }
    if !(q < 0.5) {
        return false;
    }
    // q/(1 - q) <= 2 q.
    let slack = Enclosure::from(q) * 2.0 * maximum_of(coefficients.iter().map(|c| c.magnitude()));
    coefficients.iter().all(|c| c.lo() > slack.hi())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Geometry;

    #[test]
    fn a_ray_in_a_narrow_cone_is_inside_where_the_inverse_is_good_enough_to_tell() {
        // Two corners 2^-43 apart: the inverse of their matrix is known to a few hundredths only.
        let apart = f64::powi(0.5, 43);
        let net = Net::new(2, &[1.0, 1.0, 1.0, 1.0 + apart], Geometry::Sphere).unwrap();
        for scale in [1.0 / 1024.0, 1.0, 1024.0] {
            let inside = |share: f64| {
                let ray = [scale, scale * (1.0 + share * apart)].map(Enclosure::from);
                inside_cone(&net, &[0, 1], &ray)
            };
            assert!(inside(0.5), "{scale}: in the middle");
            assert!(!inside(f64::powi(0.5, 9)), "{scale}: closer to a side than can be told");
            assert!(!inside(-0.5) && !inside(1.5), "{scale}: outside");
        }
    }
}
