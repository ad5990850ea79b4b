//! Covering radii of sets of directions, between a direction that shows one side and a proof of the other.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use gradiometer_certify::net::{Cover, Geometry, Net, covering_bound, subdivide};
use gradiometer_hermite::float::minimum_of;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::LandscapeError;
use crate::hull::{LARGEST_DIMENSION, convex_hull, hyperplane};

/// Height, as a sine, up to which a point counts as one of the equator: above every shift of the hull's points.
const EQUATOR: f64 = 1e-3;
/// Steps of the search for the hull's point nearest the origin, for each dimension.
const NEAREST_STEPS: usize = 200;
/// What rounding leaves of a product of unit vectors.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// How much the search may do; none of these can make an answer wrong, only wide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetOptions {
    /// Facets that the convex hull may build.
    pub facets: usize,
    /// Cells that the subdivision may bound, where the hull fails.
    pub cells: usize,
    /// Width of the interval at which the subdivision stops, in radians.
    pub tolerance: f64,
}

impl Default for NetOptions {
    fn default() -> Self {
        Self { facets: 4_000_000, cells: 1_000_000, tolerance: 1e-6 }
    }
}

/// How the upper bound was proved.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// By a cover, which [`covering_bound`] has checked and anyone can check again.
    Cover(Cover),
    /// By subdivision of the sphere.
    Subdivision,
    /// It is the bound that holds for every net.
    Trivial,
}

/// The covering radius of a net: the largest distance from any direction of `R^d` to it, in radians.
#[derive(Clone, Debug, PartialEq)]
pub struct CoveringRadius {
    /// The distance of `witness`, rounded down.
    pub lower: f64,
    /// Proved: no direction is farther.
    pub upper: f64,
    /// The farthest direction found, a unit vector.
    pub witness: Vec<f64>,
    /// How `upper` was proved.
    pub evidence: Evidence,
    /// Facets built and cells bounded.
    pub work: usize,
}

/// The covering radius of `net` as a certified interval.
///
/// The radius is `arccos` of the distance from the origin to the nearest facet of the points' convex hull (in projective
/// geometry, of the points and their opposites), so all of it is in the facets: sorted angles in the plane, insertion in 3
/// to 8 dimensions. The hull is taken of points shifted at random by `1e-10` or more, so that symmetric nets, with many
/// points on one facet, are no special case; the proof is about the points themselves and does not trust the hull (see
/// [`covering_bound`]). Where the hull does not contain the origin the radius is `pi/2` or more and follows
/// from its point nearest the origin. Where the hull is too large, subdivision gives what it can.
///
/// Both ends are rounded outward; `upper - lower` is a few `eps` for a hull, at worst a little more than the shift where
/// facets hold more than `d` points.
///
/// # Errors
/// [`LandscapeError::Net`] if a cover that was built does not fit the net, which would be a defect.
///
/// # Examples
/// ```
/// use gradiometer_certify::net::{Geometry, Net};
/// use gradiometer_landscape::net::{NetOptions, covering_radius};
/// let axes = Net::new(3, &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], Geometry::Projective).unwrap();
/// let radius = covering_radius(&axes, &NetOptions::default()).unwrap();
/// let exact = (1.0 / 3.0_f64.sqrt()).acos();
/// assert!(radius.lower <= exact && exact <= radius.upper && radius.upper - radius.lower < 64.0 * f64::EPSILON);
/// ```
pub fn covering_radius(net: &Net, options: &NetOptions) -> Result<CoveringRadius, LandscapeError> {
    let d = net.dimension();
    let mut search = Search { net, lower: -1.0, witness: Vec::new(), work: 0 };
    if let Some(normal) = missing_direction(d, net.directions()) {
        search.consider(&normal);
    }
    if d == 1 {
        search.consider(&[1.0]);
        search.consider(&[-1.0]);
        if let (Some(plus), Some(minus)) = (
            (0..net.directed()).find(|&p| net.directed_point(p)[0] > 0.0),
            (0..net.directed()).find(|&p| net.directed_point(p)[0] < 0.0),
        ) {
            let cover = Cover::Caps { simplices: vec![plus, minus], centres: vec![1.0, -1.0] };
            return search.proved(cover);
        }
    }
    if d == 2 {
        match circle(net) {
            Ok(cover) => return search.proved(cover),
            Err(middle) => search.consider(&middle),
        }
    }
    if (3..=LARGEST_DIMENSION).contains(&d) && search.lower < 1.5 {
        // From the least shift that general position allows to one that still gives three digits.
        for shift in [1e-10, 1e-8, 1e-6, 1e-4] {
            match hull_cover(net, shift, options.facets, &mut search.work) {
                Shape::Around(cover) => {
                    // Where the origin lies on the boundary the shift may take it inside, and the cap
                    // of that facet is too wide for a proof.
                    if let Ok(found) = search.clone().proved(cover) {
                        if found.upper < FRAC_PI_2 {
                            return Ok(found);
                        }
                        search.consider(&found.witness);
                        break;
                    }
                }
                Shape::OneSided(normals) => {
                    for normal in normals.chunks_exact(d) {
                        search.consider(normal);
                    }
                    break;
                }
                Shape::Failed => {}
            }
            if search.work > options.facets {
                break;
            }
        }
    }
    search.wide(options)
}

/// The farthest direction so far.
#[derive(Clone)]
struct Search<'a> {
    net: &'a Net,
    lower: f64,
    witness: Vec<f64>,
    work: usize,
}

impl Search<'_> {
    /// Takes the direction as the witness if it is farther than the one so far.
    fn consider(&mut self, direction: &[f64]) {
        if self.net.approximate_distance(direction) > self.lower - 1e-9 {
            let lower = self.net.distance(direction).lo();
            if lower > self.lower {
                self.lower = lower;
                self.witness = direction.to_vec();
            }
        }
    }

    /// The result of a cover, if it proves anything.
    fn proved(mut self, cover: Cover) -> Result<CoveringRadius, LandscapeError> {
        let upper = covering_bound(self.net, &cover)?;
        if let Cover::Caps { simplices, centres } = &cover {
            let d = self.net.dimension();
            // Radii of the caps rank the centres; the true distance of the widest few decides.
            let mut ranked: Vec<(f64, &[f64])> = simplices
                .chunks_exact(d)
                .zip(centres.chunks_exact(d))
                .map(|(simplex, centre)| (least_cosine(self.net, simplex, centre), centre))
                .collect();
            ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (_, centre) in ranked.iter().take(256) {
                self.consider(centre);
            }
        }
        Ok(self.finish(upper, Evidence::Cover(cover)))
    }

    /// For radii of a right angle and more, and for hulls that could not be built.
    fn wide(mut self, options: &NetOptions) -> Result<CoveringRadius, LandscapeError> {
        self.consider_equator();
        let (weights, mean) = nearest_to_origin(self.net);
        if mean.iter().any(|x| x.abs() > 0.0) {
            self.consider(&mean.iter().map(|x| -x).collect::<Vec<_>>());
        }
        let cover = Cover::Combination { weights };
        let mut upper = covering_bound(self.net, &cover)?;
        let mut evidence = Evidence::Cover(cover);
        if upper - self.lower > options.tolerance {
            let subdivision = subdivide(self.net, None, options.tolerance, options.cells);
            self.work += subdivision.cells;
            self.consider(&subdivision.witness);
            if subdivision.upper < upper {
                upper = subdivision.upper;
                evidence = Evidence::Subdivision;
            }
        }
        Ok(self.finish(upper, evidence))
    }

    /// Where the points at nearly a right angle from the witness span a hyperplane, that hyperplane's normal is what the witness is
    /// to rounding: a hemisphere with its equator.
    fn consider_equator(&mut self) {
        let (d, net) = (self.net.dimension(), self.net);
        if self.witness.is_empty() {
            return;
        }
        let length = self.witness.iter().map(|x| x * x).sum::<f64>().sqrt();
        let height = |p: &[f64]| p.iter().zip(&self.witness).map(|(a, b)| a * b).sum::<f64>();
        let beside = |p: &&[f64]| height(p).abs() <= EQUATOR * length;
        let equator: Vec<f64> =
            net.directions().chunks_exact(d).filter(beside).flatten().copied().collect();
        if let Some(normal) = missing_direction(d, &equator) {
            self.consider(&normal.iter().map(|x| -x).collect::<Vec<_>>());
            self.consider(&normal);
        }
    }

    fn finish(self, upper: f64, evidence: Evidence) -> CoveringRadius {
        let length = self.witness.iter().map(|x| x * x).sum::<f64>().sqrt();
        let witness: Vec<f64> = self.witness.iter().map(|x| x / length).collect();
        // The unit vector that is returned differs from the one that was measured by rounding.
        let lower = minimum_of([self.net.distance(&witness).lo(), upper]);
        CoveringRadius { lower, upper, witness, evidence, work: self.work }
    }
}

/// Cosine of the radius of the cap around `centre` that holds the corners.
fn least_cosine(net: &Net, simplex: &[usize], centre: &[f64]) -> f64 {
    let length = centre.iter().map(|x| x * x).sum::<f64>().sqrt();
    minimum_of(simplex.iter().map(|&p| {
        net.directed_point(p).iter().zip(centre).map(|(a, b)| a * b).sum::<f64>() / length
    }))
}

/// In the plane: neighbours in angle, each pair in the cap around its middle; the middle of a gap of `pi` or more.
fn circle(net: &Net) -> Result<Cover, [f64; 2]> {
    let mut angles: Vec<(f64, usize)> = (0..net.directed())
        .map(|p| {
            let x = net.directed_point(p);
            (x[1].atan2(x[0]), p)
        })
        .collect();
    angles.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut simplices = Vec::with_capacity(2 * angles.len());
    let mut centres = Vec::with_capacity(2 * angles.len());
    for k in 0..angles.len() {
        let (from, to) = (angles[k], angles[(k + 1) % angles.len()]);
        let gap = if k + 1 < angles.len() { to.0 - from.0 } else { to.0 - from.0 + TAU };
        if !(gap < PI - 1e-9) {
            let middle = from.0 + gap / 2.0;
            return Err([middle.cos(), middle.sin()]);
        }
        let (p, q) = (net.directed_point(from.1), net.directed_point(to.1));
        simplices.extend([from.1, to.1]);
        centres.extend([p[0] + q[0], p[1] + q[1]]);
    }
    Ok(Cover::Caps { simplices, centres })
}

enum Shape {
    /// The hull's facets, going around the origin.
    Around(Cover),
    /// The hull does not contain the origin in its interior; normals of facets that show it.
    OneSided(Vec<f64>),
    /// No hull at this shift.
    Failed,
}

/// The facets of the convex hull of the shifted points, with the best known centres for the points themselves.
fn hull_cover(net: &Net, shift: f64, budget: usize, work: &mut usize) -> Shape {
    let d = net.dimension();
    let kept = distinct(net, 16.0 * shift);
    let mut rng = ChaCha8Rng::seed_from_u64(0x6e65_7473);
    let mut order = kept;
    for i in (1..order.len()).rev() {
        order.swap(i, rng.random_range(0..=i));
    }
    let exact: Vec<f64> = order.iter().flat_map(|&p| net.directed_point(p)).collect();
    let shifted: Vec<f64> =
        exact.iter().map(|x| x + shift * (2.0 * rng.random::<f64>() - 1.0)).collect();
    let Some(hull) = convex_hull(d, &shifted, budget) else { return Shape::Failed };
    *work += hull.work;
    let beyond = hull.normals.chunks_exact(d).zip(&hull.offsets).filter(|(_, b)| !(**b > 0.0));
    let normals: Vec<f64> = beyond.flat_map(|(normal, _)| normal.to_vec()).collect();
    if !normals.is_empty() {
        return Shape::OneSided(normals);
    }
    let origin = vec![0.0; d];
    let mut centres = Vec::with_capacity(hull.normals.len());
    for (facet, normal) in hull.facets.chunks_exact(d).zip(hull.normals.chunks_exact(d)) {
        let simplex: Vec<usize> = facet.iter().map(|&p| order[p]).collect();
        // The normal of the shifted facet is good to the shift whatever the facet's shape; that of the facet
        // itself is good to rounding, unless it is degenerate.
        let own = hyperplane(d, facet, &exact, &origin);
        match own.as_ref().map(|own| &own[..d]) {
            Some(own) if least_cosine(net, &simplex, own) > least_cosine(net, &simplex, normal) => {
                centres.extend_from_slice(own);
            }
            _ => centres.extend_from_slice(normal),
        }
    }
    let simplices = hull.facets.iter().map(|&p| order[p]).collect();
    Shape::Around(Cover::Caps { simplices, centres })
}

/// Directed points no two of which are closer than `gap`: near duplicates would spoil the hull's general position, and
/// leaving one out widens the bound by no more than their distance.
fn distinct(net: &Net, gap: f64) -> Vec<usize> {
    let points: Vec<Vec<f64>> = (0..net.directed()).map(|p| net.directed_point(p)).collect();
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| points[a][0].total_cmp(&points[b][0]));
    let mut kept: Vec<usize> = Vec::with_capacity(order.len());
    for p in order {
        let near = |q: &usize| {
            points[p].iter().zip(&points[*q]).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
                <= gap * gap
        };
        let window = kept.iter().rev().take_while(|q| points[p][0] - points[**q][0] <= gap);
        if !window.into_iter().any(near) {
            kept.push(p);
        }
    }
    kept
}

/// A direction orthogonal to all points, if they do not span the space.
fn missing_direction(d: usize, points: &[f64]) -> Option<Vec<f64>> {
    let mut rest = points.to_vec();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let remove = |x: &mut [f64], axis: &[f64]| {
        let along: f64 = x.iter().zip(axis).map(|(a, b)| a * b).sum();
        for (a, b) in x.iter_mut().zip(axis) {
            *a -= along * b;
        }
    };
    let length = |x: &[f64]| x.iter().map(|a| a * a).sum::<f64>().sqrt();
    while basis.len() < d {
        let far = rest.chunks_exact(d).max_by(|a, b| length(a).total_cmp(&length(b)))?;
        if !(length(far) > 1e-9) {
            break;
        }
        let axis: Vec<f64> = far.iter().map(|x| x / length(far)).collect();
        for p in rest.chunks_exact_mut(d) {
            remove(p, &axis);
            remove(p, &axis);
        }
        basis.push(axis);
    }
    if basis.len() == d {
        return None;
    }
    // The unit vector with the largest part outside the span.
    let outside = (0..d).map(|k| {
        let mut x = vec![0.0; d];
        x[k] = 1.0;
        for _ in 0..2 {
            for axis in &basis {
                remove(&mut x, axis);
            }
        }
        x
    });
    outside.max_by(|a, b| length(a).total_cmp(&length(b)))
}

/// Weights of the directed points whose mean is the point of their convex hull nearest the origin, and that mean.
fn nearest_to_origin(net: &Net) -> (Vec<f64>, Vec<f64>) {
    let d = net.dimension();
    let count = net.directed();
    let mut weights = vec![0.0; count];
    if net.geometry() == Geometry::Projective {
        weights[0] = 1.0;
        weights[net.len()] = 1.0;
        return (weights, vec![0.0; d]);
    }
    let points = net.directions();
    let point = |p: usize| &points[p * d..(p + 1) * d];
    // Wolfe's algorithm [Wol76]: the nearest point of the affine hull of a few points, its corral, while it lies in their convex
    // hull; else the corral loses the points on whose far side it lies.
    let mut corral = vec![0];
    let mut shares = vec![1.0];
    let mut mean = point(0).to_vec();
    for _ in 0..NEAREST_STEPS * (d + 1) {
        let along = |p: &usize| dot(&mean, point(*p));
        let Some(next) = (0..count).min_by(|a, b| along(a).total_cmp(&along(b))) else { break };
        if !(along(&next) < dot(&mean, &mean) - ROUNDING) || corral.contains(&next) {
            break;
        }
        corral.push(next);
        shares.push(0.0);
        while let Some(affine) = affine_nearest(&corral, &point) {
            let least = minimum_of(affine.iter().copied());
            if least > 0.0 {
                shares = affine;
                break;
            }
            // The first share to vanish on the way to the nearest point of the affine hull.
            let ways = shares.iter().zip(&affine).filter(|(_, to)| !(**to > 0.0));
            let way = minimum_of(ways.map(|(from, to)| from / (from - to)));
            for (share, to) in shares.iter_mut().zip(&affine) {
                *share += way * (to - *share);
            }
            let smallest = minimum_of(shares.iter().copied());
            let kept: Vec<bool> =
                shares.iter().map(|share| *share > smallest && *share > 0.0).collect();
            let mut keep = kept.iter();
            corral.retain(|_| *keep.next().unwrap_or(&true));
            let mut keep = kept.iter();
            shares.retain(|_| *keep.next().unwrap_or(&true));
            if corral.len() <= 1 {
                shares.fill(1.0);
                break;
            }
        }
        mean.fill(0.0);
        for (share, p) in shares.iter().zip(&corral) {
            for (m, x) in mean.iter_mut().zip(point(*p)) {
                *m += share * x;
            }
        }
    }
    for (share, p) in shares.iter().zip(&corral) {
        weights[*p] = *share;
    }
    (weights, mean)
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// Shares, of sum one, of the point nearest the origin in the affine hull of the corral; `None` if its points depend on each other.
fn affine_nearest<'a>(corral: &[usize], point: &impl Fn(usize) -> &'a [f64]) -> Option<Vec<f64>> {
    let n = corral.len();
    let width = n + 1;
    // (G + 1 1^T) z = 1, whose solution is a multiple of the shares.
    let mut system = vec![1.0; n * width];
    for (i, p) in corral.iter().enumerate() {
        for (j, q) in corral.iter().enumerate() {
            system[i * width + j] += dot(point(*p), point(*q));
        }
    }
    for k in 0..n {
        let pivot = (k..n)
            .max_by(|a, b| system[a * width + k].abs().total_cmp(&system[b * width + k].abs()))?;
        if !(system[pivot * width + k].abs() > ROUNDING) {
            return None;
        }
        for column in 0..width {
            system.swap(pivot * width + column, k * width + column);
        }
        for row in 0..n {
            if row != k {
                let factor = system[row * width + k] / system[k * width + k];
                for column in k..width {
                    system[row * width + column] -= factor * system[k * width + column];
                }
            }
        }
    }
    let solution: Vec<f64> =
        (0..n).map(|k| system[k * width + n] / system[k * width + k]).collect();
    let sum: f64 = solution.iter().sum();
    solution.iter().all(|x| x.is_finite()).then(|| solution.iter().map(|x| x / sum).collect())
}

#[cfg(test)]
mod tests;
