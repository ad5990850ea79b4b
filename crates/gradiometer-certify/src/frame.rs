//! Exact teacher directions, their Gram matrix, and orthonormal coordinates that lose nothing.
//!
//! The weights `w*_i` of a teacher are taken as exact doubles and `u_i = w*_i / |w*_i|` as exact real vectors. Their exact
//! span may then have a higher dimension than the `r` that is meant: more than `r` directions of an `r`-dimensional
//! subspace, rounded to doubles, are in general independent. A [`Frame`] never decides that question. It holds exact
//! orthonormal vectors `q_1, .., q_r` (Gram-Schmidt on `r` of the directions, in enclosures) and for every direction the
//! coordinates `u_k . q_l` and a bound `eps_k` of its distance from their span `E` (some 1e-15; exactly 0 for the `r`
//! pivots, and for all if `r = d`).
//!
//! Every unit vector of `R^d` is `w = z + h omega` with `z` in `E`, `omega` a unit vector orthogonal to `E`, and
//! `u_k . w = (u_k . z) + h (u_k . omega)` with `|u_k . omega| <= eps_k`. So `w` and the `u_k` may be replaced by the vectors
//! `(z, h)` and `(u_k . q, [-eps_k, eps_k])` of `R^{r+1}`: a statement proved for all unit vectors of `R^{r+1}` and all
//! values in these enclosures holds on the whole sphere of `R^d`, whatever the exact rank. If `r = d` there is no
//! `omega` and `R^r` is enough.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::Teacher;

use crate::linear::{dot, norm_bound};

/// Distance from the span of the earlier directions below which a direction counts as lying in it.
///
/// Any value is sound: it only decides whether a direction gets a dimension of its own or an uncertainty.
const NEGLIGIBLE: f64 = 1.0 / (1_u64 << 30) as f64;

/// The exact directions of a teacher.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Directions {
    /// `u_i`, each of length `d`.
    pub(crate) units: Vec<Vec<Enclosure>>,
    /// `u_i . u_k`, `m* x m*` row-major, exactly 1 on the diagonal.
    gram: Vec<Enclosure>,
    /// `sign(alpha_i)`.
    pub(crate) signs: Vec<f64>,
    /// Dimension `d`.
    pub(crate) dimension: usize,
}

impl Directions {
    pub(crate) fn new(teacher: &Teacher) -> Self {
        let units: Vec<_> = teacher.network().rows().map(unit).collect();
        let neurons = units.len();
        let mut gram = vec![Enclosure::ONE; neurons * neurons];
        for i in 0..neurons {
            for k in 0..i {
                let t = cosine(&units[i], &units[k]);
                gram[i * neurons + k] = t;
                gram[k * neurons + i] = t;
            }
        }
        let signs = teacher.network().second_layer().iter().map(|a| a.signum()).collect();
        Self { units, gram, signs, dimension: teacher.dimension() }
    }

    /// Number of directions `m*`.
    pub(crate) const fn count(&self) -> usize {
        self.units.len()
    }

    /// `u_i . u_k`.
    pub(crate) fn overlap(&self, i: usize, k: usize) -> Enclosure {
        self.gram[i * self.count() + k]
    }

    /// `u_i . u_k` for all `k`.
    pub(crate) fn row(&self, i: usize) -> &[Enclosure] {
        &self.gram[i * self.count()..(i + 1) * self.count()]
    }

    /// The rank that is meant, by Gram-Schmidt in floating point: in enclosures, whose width grows with
    /// every step, a [`Frame`] ends after some thirty directions. To be shown, no proof rests on it.
    pub(crate) fn rank(&self) -> usize {
        let float = |u: &Vec<Enclosure>| u.iter().map(|x| x.midpoint()).collect();
        let mut rests: Vec<Vec<f64>> = self.units.iter().map(float).collect();
        let square = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
        for rank in 0..self.dimension.min(self.count()) {
            let sizes = rests.iter().map(|rest| square(rest)).enumerate();
            let (pivot, size) = sizes.fold((0, 0.0), |best, x| if x.1 > best.1 { x } else { best });
            if !(size.sqrt() > NEGLIGIBLE) {
                return rank;
            }
            let q: Vec<f64> = rests[pivot].iter().map(|x| x / size.sqrt()).collect();
            for rest in &mut rests {
                let along: f64 = q.iter().zip(rest.iter()).map(|(q, x)| q * x).sum();
                for (x, q) in rest.iter_mut().zip(&q) {
                    *x -= along * q;
                }
            }
        }
        self.dimension.min(self.count())
    }

    /// Cosines `u_k . w` with a unit vector.
    pub(crate) fn overlaps_with(&self, w: &[Enclosure]) -> Vec<Enclosure> {
        self.units.iter().map(|u| cosine(u, w)).collect()
    }
}

/// The direction of an exact float vector.
pub(crate) fn unit(w: &[f64]) -> Vec<Enclosure> {
    crate::linear::unit(w, maximum_of(w.iter().map(|x| x.abs())))
}

fn cosine(x: &[Enclosure], y: &[Enclosure]) -> Enclosure {
    let all = Enclosure::new(-1.0, 1.0);
    dot(x, y).intersection(all).unwrap_or(Enclosure::UNDEFINED)
}

/// Coordinates of the directions in an exact orthonormal basis, with an interval coordinate for what is left over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// Coordinates of every direction, each of length [`Frame::size`].
    pub(crate) coordinates: Vec<Vec<Enclosure>>,
    /// Number of basis vectors `r`.
    pub(crate) rank: usize,
    /// Dimension of the sphere's space: `r` if it is all of `R^d`, else `r + 1`.
    pub(crate) size: usize,
    /// Approximate basis vectors, and a vector orthogonal to them where `size = rank + 1`; only for witnesses.
    basis: Vec<Vec<f64>>,
}

impl Frame {
    /// Gram-Schmidt, beginning with direction `first` and then the farthest one from the span.
    pub(crate) fn new(directions: &Directions, first: usize) -> Self {
        let mut rests = directions.units.clone();
        let mut coordinates = vec![Vec::new(); rests.len()];
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let mut pivot = first;
        while basis.len() < directions.dimension {
            let norm = dot(&rests[pivot], &rests[pivot]).sqrt();
            let q: Vec<_> = rests[pivot].iter().map(|&x| x / norm).collect();
            for (k, (rest, row)) in rests.iter_mut().zip(&mut coordinates).enumerate() {
                if k == pivot {
                    // u_k = (its coordinates so far) + norm q exactly, and nothing is left.
                    row.push(if k == first { Enclosure::ONE } else { norm });
                    rest.fill(Enclosure::ZERO);
                } else {
                    let along = cosine(&q, rest);
                    row.push(along);
                    for (x, &y) in rest.iter_mut().zip(&q) {
                        *x -= along * y;
                    }
                }
            }
            basis.push(q.iter().map(|x| x.midpoint()).collect());
            let (farthest, distance) = rests
                .iter()
                .map(|rest| norm_bound(rest))
                .enumerate()
                .fold((0, 0.0), |best, (k, x)| if x > best.1 { (k, x) } else { best });
            if !(distance > NEGLIGIBLE) {
                break;
            }
            pivot = farthest;
        }
        let rank = basis.len();
        let size = if rank < directions.dimension { rank + 1 } else { rank };
        if size > rank {
            for (row, rest) in coordinates.iter_mut().zip(&rests) {
                let left = norm_bound(rest);
                row.push(Enclosure::new(-left, left));
            }
            basis.push(orthogonal_to(&basis, directions.dimension));
        }
        Self { coordinates, rank, size, basis }
    }

    /// The float vector of `R^d` with these coordinates, to be checked as a witness in its own right.
    pub(crate) fn embed(&self, point: &[f64]) -> Vec<f64> {
        let mut w = vec![0.0; self.basis[0].len()];
        for (&x, q) in point.iter().zip(&self.basis) {
            for (w, q) in w.iter_mut().zip(q) {
                *w += x * q;
            }
        }
        w
    }
}

/// A unit vector orthogonal to fewer than `dimension` nearly orthonormal vectors, in floating point.
fn orthogonal_to(basis: &[Vec<f64>], dimension: usize) -> Vec<f64> {
    let project = |v: &mut [f64]| {
        for q in basis {
            let along: f64 = v.iter().zip(q).map(|(x, y)| x * y).sum();
            for (x, y) in v.iter_mut().zip(q) {
                *x -= along * y;
            }
        }
        v.iter().map(|x| x * x).sum::<f64>()
    };
    let mut best = (vec![0.0; dimension], 0.0);
    for axis in 0..dimension {
        let mut v = vec![0.0; dimension];
        v[axis] = 1.0;
        let left = project(&mut v);
        if left > best.1 {
            best = (v, left);
        }
    }
    let (mut v, _) = best;
    let left = project(&mut v).sqrt();
    v.iter().map(|x| x / left).collect()
}

#[cfg(test)]
mod tests {
    use gradiometer_model::Network;

    use super::*;

    fn directions(rows: &[Vec<f64>]) -> Directions {
        let network = Network::from_rows(vec![1.0; rows.len()], rows).unwrap();
        Directions::new(&Teacher::new(network).unwrap())
    }

    #[test]
    fn the_rank_that_is_meant_is_found_where_enclosures_widen() {
        // A circulant of 60 directions in 61 dimensions, and the sum of the first two.
        let entry = |k: usize| if k == 0 { 1.0 } else { 0.5 / (k * k) as f64 };
        let mut rows: Vec<Vec<f64>> = (0..60)
            .map(|i| (0..60).map(|j| entry((j + 60 - i) % 60)).chain([0.0]).collect())
            .collect();
        assert_eq!(directions(&rows).rank(), 60);
        rows.push(rows[0].iter().zip(&rows[1]).map(|(x, y)| x + y).collect());
        assert_eq!(directions(&rows).rank(), 60);
        // Negative control: a direction of its own.
        rows.push([vec![0.0; 60], vec![1.0]].concat());
        assert_eq!(directions(&rows).rank(), 61);
    }

    #[test]
    fn full_rank_needs_no_extra_dimension() {
        let d = directions(&[vec![1.0, 0.0], vec![1.0, 1.0], vec![1.0, 3.0]]);
        let frame = Frame::new(&d, 0);
        assert_eq!((frame.rank, frame.size), (2, 2));
        for row in &frame.coordinates {
            assert!(dot(row, row).contains(1.0));
        }
    }

    #[test]
    fn rounded_directions_keep_their_distance_from_the_span() {
        // Three directions of a plane in R^4 whose doubles are independent: 0.1 + 0.2 is not 0.3.
        let rows = [
            vec![0.1, 0.2, 0.3, 0.7],
            vec![0.5, -0.3, 0.1, 0.2],
            vec![0.1 + 3.0 * 0.5, 0.2 - 3.0 * 0.3, 0.3 + 3.0 * 0.1, 0.7 + 3.0 * 0.2],
        ];
        let d = directions(&rows);
        let frame = Frame::new(&d, 2);
        assert_eq!((frame.rank, frame.size), (2, 3));
        let left: Vec<f64> = frame.coordinates.iter().map(|row| row[2].hi()).collect();
        assert!(left.iter().all(|&x| x < NEGLIGIBLE));
        assert!(left.iter().any(|&x| x > 0.0), "{left:?}");
        for i in 0..3 {
            for k in 0..3 {
                let again = dot(&frame.coordinates[i], &frame.coordinates[k]);
                assert!(again.intersection(d.overlap(i, k)).is_some());
            }
        }
        let omega = frame.embed(&[0.0, 0.0, 1.0]);
        for t in d.overlaps_with(&unit(&omega)) {
            assert!(t.magnitude() < NEGLIGIBLE);
        }
    }

    #[test]
    fn what_is_left_of_a_direction_has_either_sign() {
        // Two directions less than NEGLIGIBLE beside the plane of the others, one on either side of it.
        let beside = 0.5 * NEGLIGIBLE;
        let rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.8, beside], [0.8, -0.6, -beside]];
        let d = directions(&rows.map(|row| row.to_vec()));
        let frame = Frame::new(&d, 0);
        assert_eq!((frame.rank, frame.size), (2, 3));
        // (z, h) and (z, -h) are one point, so that the third coordinate must hold both signs of what is left.
        for (row, exact) in frame.coordinates.iter().zip([0.0, 0.0, beside, -beside]) {
            let rounding = 64.0 * f64::EPSILON;
            assert!(row[2].contains(exact) && row[2].contains(-exact), "{row:?}");
            assert!(row[2].magnitude() <= exact.abs() + rounding, "{row:?}");
        }
    }

    #[test]
    fn huge_and_tiny_weights_have_directions_too() {
        let d = directions(&[vec![3e300, 4e300], vec![3e-320, -4e-320]]);
        assert!(d.overlap(0, 1).is_finite());
        assert!(d.units[0][0].contains(0.6));
    }
}
