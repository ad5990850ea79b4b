//! Covering bounds by subdividing the sphere: no evidence needed, and slow above four dimensions.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use gradiometer_hermite::float::{maximum_of, minimum_of};

use super::{Geometry, Net, unit_enclosure};

/// Halvings after which a cell's corners would no longer be exact floats.
const DEEPEST: u32 = 50;

/// What a subdivision of the sphere proved.
#[derive(Clone, Debug, PartialEq)]
pub struct Subdivision {
    /// Proved: no direction is farther than this from the net.
    pub upper: f64,
    /// The farthest direction met (exact floats, not a unit vector).
    pub witness: Vec<f64>,
    /// Cells bounded.
    pub cells: usize,
}

/// A spherical simplex: the cone over `d` corners, with a bound of the distance of its points from the net.
struct Cell {
    upper: f64,
    depth: u32,
    /// `d x d` row-major; dyadic rationals, so that midpoints are exact.
    corners: Vec<f64>,
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Cell {}

impl PartialOrd for Cell {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cell {
    fn cmp(&self, other: &Self) -> Ordering {
        self.upper.total_cmp(&other.upper)
    }
}

/// Bounds the covering radius by splitting the worst cell until its bound is within `tolerance` of the farthest direction
/// met, the claim "the radius is at most `claim`" is decided, or `cells` cells have been bounded.
///
/// A cell is the cone over `d` corners `v_i`. If one point `p` of the net has `<v_i, p> >= c |v_i|` for all corners
/// with `c >= 0`, the same holds on the whole cone, because `<x, p> - c |x|` is concave and homogeneous: so the
/// farthest corner bounds the cell. The cells start as the orthants; an edge is halved at its exact midpoint.
pub fn subdivide(net: &Net, claim: Option<f64>, tolerance: f64, cells: usize) -> Subdivision {
    let d = net.dimension();
    let mut heap = BinaryHeap::new();
    let mut result = Subdivision { upper: net.trivial_bound(), witness: vec![0.0; d], cells: 0 };
    result.witness[0] = 1.0;
    let mut lower = net.approximate_distance(&result.witness);
    // One sign can be fixed in projective geometry; beyond these dimensions the orthants alone exceed any limit.
    let signs = if net.geometry() == Geometry::Projective { d - 1 } else { d };
    if d > 24 || (1_usize << signs) > cells {
        return result;
    }
    for orthant in 0..1_usize << signs {
        let mut corners = vec![0.0; d * d];
        for i in 0..d {
            corners[i * d + i] = if orthant >> i & 1 == 0 { 1.0 } else { -1.0 };
        }
        let upper = corner_bound(net, &corners);
        heap.push(Cell { upper, depth: 0, corners });
        result.cells += 1;
    }
    while let Some(cell) = heap.pop() {
        result.upper = cell.upper;
        let decided = claim.is_some_and(|claim| cell.upper <= claim || lower > claim);
        let enough = decided || cell.upper - lower <= tolerance;
        if enough || d == 1 || cell.depth >= DEEPEST || result.cells + 2 > cells {
            break;
        }
        let (first, second) = longest_edge(&cell.corners, d);
        let middle: Vec<f64> = (0..d)
            .map(|k| 0.5 * cell.corners[first * d + k] + 0.5 * cell.corners[second * d + k])
            .collect();
        let distance = net.approximate_distance(&middle);
        if distance > lower {
            lower = distance;
            result.witness.clone_from(&middle);
        }
        for end in [first, second] {
            let mut corners = cell.corners.clone();
            corners[end * d..(end + 1) * d].copy_from_slice(&middle);
            let bound = corner_bound(net, &corners);
            let upper = if bound < cell.upper { bound } else { cell.upper };
            heap.push(Cell { upper, depth: cell.depth + 1, corners });
            result.cells += 1;
        }
    }
    result
}

/// The proved bound of a cell: the farthest corner from the best single point.
fn corner_bound(net: &Net, corners: &[f64]) -> f64 {
    let d = net.dimension();
    let lengths: Vec<f64> =
        corners.chunks_exact(d).map(|v| v.iter().map(|x| x * x).sum::<f64>().sqrt()).collect();
    let mut best = (0.0, None);
    for (index, p) in net.directions().chunks_exact(d).enumerate() {
        let mut least = f64::INFINITY;
        let mut most = f64::NEG_INFINITY;
        for (v, length) in corners.chunks_exact(d).zip(&lengths) {
            let cosine = v.iter().zip(p).map(|(a, b)| a * b).sum::<f64>() / length;
            least = minimum_of([least, cosine]);
            most = maximum_of([most, cosine]);
        }
        if least > best.0 {
            best = (least, Some(index));
        }
        if net.geometry() == Geometry::Projective && -most > best.0 {
            best = (-most, Some(net.len() + index));
        }
    }
    let trivial = net.trivial_bound();
    let Some(point) = best.1 else { return trivial };
    let farthest =
        maximum_of(corners.chunks_exact(d).map(|v| net.angle_to(&unit_enclosure(v), point).hi()));
    // The argument needs a cosine that is not negative.
    if farthest < std::f64::consts::FRAC_PI_2 { farthest } else { trivial }
}

/// The two corners with the widest angle between them.
fn longest_edge(corners: &[f64], d: usize) -> (usize, usize) {
    let mut best = (0, 1, f64::INFINITY);
    for second in 1..d {
        for first in 0..second {
            let (u, v) =
                (&corners[first * d..(first + 1) * d], &corners[second * d..(second + 1) * d]);
            let product: f64 = u.iter().zip(v).map(|(a, b)| a * b).sum();
            let squares =
                u.iter().map(|a| a * a).sum::<f64>() * v.iter().map(|a| a * a).sum::<f64>();
            let cosine = product / squares.sqrt();
            if cosine < best.2 {
                best = (first, second, cosine);
            }
        }
    }
    (best.0, best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corner_at_a_right_angle_has_the_trivial_bound() {
        let net = Net::new(2, &[1.0, 0.0], Geometry::Sphere).unwrap();
        // The cosine is positive, and nobody can tell the angle from a right one.
        let right = corner_bound(&net, &[1.0, 0.0, 1e-300, 1.0]);
        assert!(right.to_bits() == net.trivial_bound().to_bits(), "{right}");
        // Negative control: a corner that is nearer.
        assert!(corner_bound(&net, &[1.0, 0.0, 1.0, 1.0]) < 0.8);
    }
}
