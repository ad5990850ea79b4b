//! Convex hulls by insertion, for points in general position in up to [`LARGEST_DIMENSION`] dimensions.
//!
//! Every point that is not yet in the hull waits at one facet that it sees \[BDH96\]: so the facets that a new point sees are found
//! from that one through neighbours, and in a random order the whole takes about `n log n` steps in three dimensions.
//!
//! Heuristic: floating point decides which facets a point sees. Callers shift the points a little at random first and
//! have the result proved elsewhere; a contradiction is noticed and returned as `None`.

use std::collections::BTreeSet;

/// Largest dimension.
pub(crate) const LARGEST_DIMENSION: usize = 8;
/// No facet.
const NONE: u32 = u32::MAX;

/// A simplicial convex hull.
#[derive(Clone, Debug)]
pub(crate) struct Hull {
    /// Vertices, `d` to a facet.
    pub(crate) facets: Vec<usize>,
    /// Outer normals `a`, `d` to a facet.
    pub(crate) normals: Vec<f64>,
    /// `b` of every facet: the hull lies in `<a, x> <= b`, and `b > 0` for all facets if the origin is inside.
    pub(crate) offsets: Vec<f64>,
    /// Facets built in all.
    pub(crate) work: usize,
}

struct Builder<'a> {
    d: usize,
    points: &'a [f64],
    inner: Vec<f64>,
    vertices: Vec<u32>,
    /// `neighbours[f d + k]` shares all vertices of `f` but the `k`-th.
    neighbours: Vec<u32>,
    /// Scaled so that the facet lies in `<a, x - inner> = 1`.
    normals: Vec<f64>,
    alive: Vec<bool>,
    free: Vec<u32>,
    /// Points that wait at every facet.
    waiting: Vec<Vec<u32>>,
    /// The facet at which every point waits; `NONE` for points inside and in the hull.
    seen: Vec<u32>,
    work: usize,
}

/// The convex hull of the rows of `points`; `None` if they lie (nearly) in a hyperplane, are not in general position to
/// rounding, or more than `budget` facets would be built.
pub(crate) fn convex_hull(d: usize, points: &[f64], budget: usize) -> Option<Hull> {
    if !(2..=LARGEST_DIMENSION).contains(&d) {
        return None;
    }
    let count = points.len() / d;
    let start = spread_points(d, points)?;
    let mut inner = vec![0.0; d];
    for &p in &start {
        for (c, x) in inner.iter_mut().zip(&points[p * d..(p + 1) * d]) {
            *c += x / (d + 1) as f64;
        }
    }
    let mut builder = Builder {
        d,
        points,
        inner,
        vertices: Vec::new(),
        neighbours: Vec::new(),
        normals: Vec::new(),
        alive: Vec::new(),
        free: Vec::new(),
        waiting: Vec::new(),
        seen: vec![NONE; count],
        work: 0,
    };
    for skip in 0..=d {
        let vertices: Vec<usize> = (0..=d).filter(|k| *k != skip).map(|k| start[k]).collect();
        builder.add_facet(&vertices)?;
    }
    // Facet s lacks start[s]; without its k-th vertex it meets the facet that lacks that one.
    for facet in 0..=d {
        for k in 0..d {
            let other = if k < facet { k } else { k + 1 };
            builder.neighbours[facet * d + k] = u32::try_from(other).ok()?;
        }
    }
    let mut used = vec![false; count];
    for &p in &start {
        used[p] = true;
    }
    let first: Vec<usize> = (0..=d).collect();
    for point in (0..count).filter(|p| !used[*p]) {
        builder.place(point, &first)?;
    }
    for point in (0..count).filter(|p| !used[*p]) {
        builder.insert(point)?;
        if builder.work > budget {
            return None;
        }
    }
    let mut hull =
        Hull { facets: Vec::new(), normals: Vec::new(), offsets: Vec::new(), work: builder.work };
    for f in (0..builder.alive.len()).filter(|f| builder.alive[*f]) {
        let normal = &builder.normals[f * d..(f + 1) * d];
        let along: f64 = normal.iter().zip(&builder.inner).map(|(a, c)| a * c).sum();
        hull.facets.extend(builder.vertices[f * d..(f + 1) * d].iter().map(|v| *v as usize));
        hull.normals.extend_from_slice(normal);
        hull.offsets.push(1.0 + along);
    }
    Some(hull)
}

impl Builder<'_> {
    /// Adds the facet over these vertices, facing away from the inner point, and returns its number.
    fn add_facet(&mut self, vertices: &[usize]) -> Option<usize> {
        let d = self.d;
        let normal = hyperplane(d, vertices, self.points, &self.inner)?;
        self.work += 1;
        let slot = if let Some(slot) = self.free.pop() {
            slot as usize
        } else {
            self.vertices.resize(self.vertices.len() + d, 0);
            self.neighbours.resize(self.neighbours.len() + d, NONE);
            self.normals.resize(self.normals.len() + d, 0.0);
            self.alive.push(false);
            self.waiting.push(Vec::new());
            self.alive.len() - 1
        };
        self.alive[slot] = true;
        for (k, &v) in vertices.iter().enumerate() {
            self.vertices[slot * d + k] = u32::try_from(v).ok()?;
            self.neighbours[slot * d + k] = NONE;
        }
        self.normals[slot * d..(slot + 1) * d].copy_from_slice(&normal[..d]);
        Some(slot)
    }

    /// How far a point lies beyond a facet, in units of the facet's distance from the inner point.
    fn beyond(&self, facet: usize, point: usize) -> f64 {
        let d = self.d;
        let normal = &self.normals[facet * d..(facet + 1) * d];
        let along: f64 =
            (0..d).map(|k| normal[k] * (self.points[point * d + k] - self.inner[k])).sum();
        along - 1.0
    }

    /// Lets a point wait at the first of these facets that it sees; at none if it is inside.
    fn place(&mut self, point: usize, facets: &[usize]) -> Option<()> {
        self.seen[point] = NONE;
        if let Some(&facet) = facets.iter().find(|f| self.beyond(**f, point) > 0.0) {
            self.seen[point] = u32::try_from(facet).ok()?;
            self.waiting[facet].push(u32::try_from(point).ok()?);
        }
        Some(())
    }

    /// The facets that a point sees, from one of them through neighbours.
    fn visible(&self, first: usize, point: usize) -> Vec<usize> {
        let mut found = vec![first];
        let mut at = 0;
        let mut known = BTreeSet::from([first]);
        while at < found.len() {
            for k in 0..self.d {
                let next = self.neighbours[found[at] * self.d + k] as usize;
                if self.alive.get(next) == Some(&true)
                    && known.insert(next)
                    && self.beyond(next, point) > 0.0
                {
                    found.push(next);
                }
            }
            at += 1;
        }
        found
    }

    /// Replaces the facets that `point` sees by the cone from it over their horizon.
    fn insert(&mut self, point: usize) -> Option<()> {
        let d = self.d;
        if self.seen[point] == NONE {
            return Some(());
        }
        let visible = self.visible(self.seen[point] as usize, point);
        self.seen[point] = NONE;
        let mut fresh = Vec::new();
        for &f in &visible {
            self.alive[f] = false;
        }
        // Every new facet with the ridges through the new point still to be joined: (key, facet, slot).
        let mut open: Vec<([u32; LARGEST_DIMENSION], usize, usize)> = Vec::new();
        for &f in &visible {
            for k in 0..d {
                let outer = self.neighbours[f * d + k] as usize;
                if !*self.alive.get(outer)? {
                    continue;
                }
                let back = (0..d).find(|&j| self.neighbours[outer * d + j] as usize == f)?;
                let mut vertices: Vec<usize> =
                    (0..d).filter(|j| *j != k).map(|j| self.vertices[f * d + j] as usize).collect();
                vertices.sort_unstable();
                vertices.push(point);
                let new = self.add_facet(&vertices)?;
                fresh.push(new);
                self.neighbours[new * d + d - 1] = u32::try_from(outer).ok()?;
                self.neighbours[outer * d + back] = u32::try_from(new).ok()?;
                for skip in 0..d - 1 {
                    let mut key = [NONE; LARGEST_DIMENSION];
                    let kept = (0..d - 1).filter(|j| *j != skip);
                    for (slot, j) in key.iter_mut().zip(kept) {
                        *slot = self.vertices[new * d + j];
                    }
                    open.push((key, new, skip));
                }
            }
        }
        open.sort_unstable();
        for pair in open.chunk_by(|a, b| a.0 == b.0) {
            let &[(_, first, i), (_, second, j)] = pair else { return None };
            self.neighbours[first * d + i] = u32::try_from(second).ok()?;
            self.neighbours[second * d + j] = u32::try_from(first).ok()?;
        }
        for f in visible {
            self.free.push(u32::try_from(f).ok()?);
            for other in std::mem::take(&mut self.waiting[f]) {
                if other as usize != point {
                    self.place(other as usize, &fresh)?;
                }
            }
        }
        Some(())
    }
}

/// The `a` with `<a, p - inner> = 1` for the `d` points named.
pub(crate) fn hyperplane(
    d: usize,
    vertices: &[usize],
    points: &[f64],
    inner: &[f64],
) -> Option<[f64; LARGEST_DIMENSION]> {
    let mut system = [0.0; LARGEST_DIMENSION * (LARGEST_DIMENSION + 1)];
    for (row, &v) in vertices.iter().enumerate() {
        for k in 0..d {
            system[row * (d + 1) + k] = points[v * d + k] - inner[k];
        }
        system[row * (d + 1) + d] = 1.0;
    }
    solve(d, &mut system)
}

/// Solves the `d x (d + 1)` augmented system by elimination with partial pivoting.
fn solve(
    d: usize,
    system: &mut [f64; LARGEST_DIMENSION * (LARGEST_DIMENSION + 1)],
) -> Option<[f64; LARGEST_DIMENSION]> {
    let w = d + 1;
    for k in 0..d {
        let pivot =
            (k..d).max_by(|&a, &b| system[a * w + k].abs().total_cmp(&system[b * w + k].abs()))?;
        if !(system[pivot * w + k].abs() > 0.0) {
            return None;
        }
        if pivot != k {
            for c in k..w {
                system.swap(pivot * w + c, k * w + c);
            }
        }
        for row in k + 1..d {
            let factor = system[row * w + k] / system[k * w + k];
            for c in k + 1..w {
                system[row * w + c] -= factor * system[k * w + c];
            }
        }
    }
    let mut x = [0.0; LARGEST_DIMENSION];
    for k in (0..d).rev() {
        let mut sum = system[k * w + d];
        for c in k + 1..d {
            sum -= system[k * w + c] * x[c];
        }
        x[k] = sum / system[k * w + k];
    }
    x[..d].iter().all(|c| c.is_finite()).then_some(x)
}

/// `d + 1` points chosen one by one, each the farthest from the affine span of those before.
fn spread_points(d: usize, points: &[f64]) -> Option<Vec<usize>> {
    let count = points.len() / d;
    let mut chosen = vec![0];
    let mut rest: Vec<f64> =
        points.chunks_exact(d).flat_map(|p| (0..d).map(|k| p[k] - points[k])).collect();
    for _ in 0..d {
        let square = |p: usize| rest[p * d..(p + 1) * d].iter().map(|x| x * x).sum::<f64>();
        let far = (0..count).max_by(|&a, &b| square(a).total_cmp(&square(b)))?;
        let length = square(far).sqrt();
        if !(length > 1e-9) {
            return None;
        }
        chosen.push(far);
        let axis: Vec<f64> = rest[far * d..(far + 1) * d].iter().map(|x| x / length).collect();
        for p in rest.chunks_exact_mut(d) {
            let along: f64 = p.iter().zip(&axis).map(|(x, a)| x * a).sum();
            for (x, a) in p.iter_mut().zip(&axis) {
                *x -= along * a;
            }
        }
    }
    Some(chosen)
}

#[cfg(test)]
mod tests;
