//! The evaluation in dimension three in about `O(m log m)`: cells that are far apart meet through their Chebyshev nodes.
//!
//! The kernel depends on two directions up to sign, so that they are points of projective space, and it is analytic but where they
//! coincide. A tree of boxes over the directions of student and teacher ([`cells`]) is traversed by pairs. Two boxes that are apart
//! enough for their sizes are replaced by the nodes of an interpolation whose error has a proved bound ([`interpolation`]): masses go to the
//! nodes of one, potentials come back from the nodes of the other, and both ways at once since the kernel is symmetric. Boxes that are not meet by
//! their atoms. Either way it is one call of the same fused tile, which does not know what it is given.
//!
//! Nothing here depends on the dimension, but in four a cell needs the cube of the nodes of an axis where three needs the square: up to a million
//! directions all pairs are fewer, see docs/PERFORMANCE.md, and the tree is not tried.
//!
//! **Error.** Every pair that is interpolated is so within the tolerance, in units of `1/(2 pi)` and of its mass; so are then the potentials
//! in units of `M = sum_b |nu_b|`. Interpolation also multiplies rounding errors by its size, see [`Tree::roundoff`].

mod cells;
mod interpolation;
mod plan;

use crate::atoms::Atoms;
use crate::double::DoubleDouble;
use crate::kernel::narrow::{self, ProxyNodes};
use crate::kernel::{GRAIN, InstructionSet, Vectorised, with_multiply_add};
use crate::roundoff::Roundoff;
use crate::value::{FastMethod, Gradient};
use cells::Cell;
use gradiometer_hermite::Bounded;
use gradiometer_hermite::float::maximum;
use gradiometer_model::geometry::{dot, normalise_into};
use interpolation::{LARGEST, ORDERS, Rule, growth, lebesgue, power};
use plan::{Plan, Stand};
use rayon::prelude::*;
use std::f64::consts::PI;

/// Atoms that are interpolated at a time.
const CHUNK: usize = cells::LEAF;
/// Atoms below which the tree is not tried.
const LEAST_ATOMS: usize = 1024;
/// Share of the dense evaluation's pairs below which the tree is taken: its pairs, and what goes with them, cost no more than that.
const WORTH: f64 = 0.7;

/// An atom of `nu = mu - mu*` in its chart.
#[derive(Clone, Copy, Debug)]
struct LocatedAtom<const D: usize> {
    /// Its direction, turned into the chart.
    unit: [f64; D],
    /// The sign that turned it.
    sign: f64,
    mass: f64,
    norm: f64,
    /// The neuron it stands for, from `m` on one of the teacher.
    origin: usize,
    chart: usize,
    point: [f64; D],
}

/// Atoms in their tree, and what is to be done with them.
#[derive(Debug)]
pub(crate) struct Tree<'a, const D: usize> {
    given: Atoms<'a>,
    atoms: Vec<LocatedAtom<D>>,
    order: Vec<usize>,
    cells: Vec<Cell<D>>,
    plan: Plan,
    tolerance: f64,
}

impl<'a, const D: usize> Tree<'a, D> {
    /// The tree, if it saves enough over all pairs.
    pub(crate) fn worthwhile(given: Atoms<'a>, tolerance: f64) -> Option<Self> {
        let neurons = given.student.neurons() + given.teacher.neurons();
        if !(tolerance > 0.0) || neurons < LEAST_ATOMS {
            return None;
        }
        Self::new(given, tolerance)
            .filter(|tree| tree.plan.entries as f64 <= WORTH * tree.pairs() as f64)
    }

    /// The tree, unless a direction or a mass is not finite.
    fn new(given: Atoms<'a>, tolerance: f64) -> Option<Self> {
        let atoms = locate::<D>(&given)?;
        let points: Vec<_> = atoms.iter().map(|atom| (atom.chart, atom.point)).collect();
        let (cells, order) = cells::build(&points);
        let plan = plan::plan(&cells, tolerance);
        Some(Self { given, atoms, order, cells, plan, tolerance })
    }

    /// Its name in an evaluation.
    pub(crate) fn method(&self) -> FastMethod {
        FastMethod::Tree {
            order: self.plan.largest,
            saving: self.pairs() / self.plan.entries.max(1),
        }
    }

    /// Number of pairs of atoms.
    fn pairs(&self) -> usize {
        self.atoms.len().pow(2) / 2
    }

    /// Loss and gradient of degrees at least 2, with error bounds.
    pub(crate) fn evaluate(&self, set: InstructionSet, gradient: &mut Gradient) -> Bounded {
        let mut clouds = self.upward();
        for round in &self.plan.rounds {
            let mut meetings: Vec<([usize; 2], [ProxyNodes; 2])> = round
                .iter()
                .map(|pair| {
                    let left = std::mem::take(&mut clouds[pair[0]]);
                    (*pair, [left, std::mem::take(&mut clouds[pair[1]])])
                })
                .collect();
            meetings.par_iter_mut().for_each(|(pair, [left, right])| {
                if pair[0] == pair[1] {
                    narrow::alone::<D>(set, left);
                } else {
                    narrow::pair::<D>(set, left, right);
                }
            });
            for (pair, [left, right]) in meetings {
                if pair[0] != pair[1] {
                    clouds[pair[1]] = right;
                }
                clouds[pair[0]] = left;
            }
        }
        self.downward(&mut clouds);
        self.write(&clouds, gradient)
    }

    /// The clouds with their sources: atoms, and masses moved to nodes.
    fn upward(&self) -> Vec<ProxyNodes> {
        let leaves = self.leaves();
        let mut clouds: Vec<ProxyNodes> =
            (0..leaves).into_par_iter().map(|leaf| self.leaf(self.plan.clouds[leaf].0)).collect();
        let nodes: Vec<ProxyNodes> = self.plan.clouds[leaves..]
            .par_iter()
            .map(|(cell, stand)| {
                let Stand::Nodes(order) = *stand else { return ProxyNodes::default() };
                let mut nodes = self.nodes(*cell, order);
                for leaf in self.leaves_of(*cell) {
                    let (from, to) = (&clouds[leaf], &mut nodes);
                    self.each_chunk(leaf, *cell, order, |weights, start| {
                        anterpolate::<D>(weights, from, start, to);
                    });
                }
                nodes
            })
            .collect();
        clouds.extend(nodes);
        clouds
    }

    /// Number of leaves, which are the first clouds.
    fn leaves(&self) -> usize {
        self.plan.clouds.iter().take_while(|(_, stand)| *stand == Stand::Atoms).count()
    }

    /// The leaves' clouds within a cell.
    fn leaves_of(&self, cell: usize) -> impl Iterator<Item = usize> {
        let within = self.cells[cell].range.clone();
        (0..self.leaves()).filter(move |leaf| {
            let range = &self.cells[self.plan.clouds[*leaf].0].range;
            within.start <= range.start && range.end <= within.end
        })
    }

    fn leaf(&self, cell: usize) -> ProxyNodes {
        let range = self.cells[cell].range.clone();
        let n = range.len().next_multiple_of(GRAIN);
        let mut cloud = ProxyNodes::zeros::<D>(n);
        for (row, b) in self.order[range].iter().enumerate() {
            let atom = &self.atoms[*b];
            for (c, u) in atom.unit.iter().enumerate() {
                cloud.sources[c * n + row] = *u;
                cloud.sources[(D + c) * n + row] = atom.mass * u;
            }
            cloud.sources[2 * D * n + row] = atom.mass;
        }
        cloud
    }

    /// A cell's nodes without masses.
    fn nodes(&self, cell: usize, order: usize) -> ProxyNodes {
        let cell = &self.cells[cell];
        let rule = Rule::new(ORDERS[order]);
        let n = plan::node_count(order, D - 1);
        let mut cloud = ProxyNodes::zeros::<D>(n);
        for node in 0..power(rule.p, D - 1) {
            let mut point = cell.middle;
            let mut rest = node;
            // The last axis runs fastest.
            for k in (0..D - 1).rev() {
                point[k] += cell.half[k] * rule.node(rest % rule.p);
                rest /= rule.p;
            }
            for (c, u) in cells::direction(cell.chart, &point).iter().enumerate() {
                cloud.sources[c * n + node] = *u;
            }
        }
        cloud
    }

    /// Calls `each` with the interpolation weights of the atoms of a leaf at the nodes of a cell around it, chunk by chunk.
    fn each_chunk(
        &self,
        leaf: usize,
        cell: usize,
        order: usize,
        mut each: impl FnMut(&Weights<D>, usize),
    ) {
        let cell = &self.cells[cell];
        let rule = Rule::new(ORDERS[order]);
        let range = self.cells[self.plan.clouds[leaf].0].range.clone();
        let mut weights = Weights::new(rule.p);
        let mut start = 0;
        for chunk in self.order[range].chunks(CHUNK) {
            weights.count = chunk.len().next_multiple_of(GRAIN);
            for k in 0..D - 1 {
                // What pads a chunk has no mass, and nothing is read there.
                let mut points = [0.25; CHUNK];
                for (x, b) in points.iter_mut().zip(chunk) {
                    *x = (self.atoms[*b].point[k] - cell.middle[k]) / cell.half[k];
                }
                let (points, values) = (&points[..weights.count], &mut weights.values[k]);
                with_multiply_add(Evaluate { rule: &rule, points, values });
            }
            each(&weights, start);
            start += CHUNK;
        }
    }

    /// Adds to the leaves what came to the nodes of the cells around them.
    fn downward(&self, clouds: &mut [ProxyNodes]) {
        let leaves = self.leaves();
        let mut by_cell: Vec<Vec<usize>> = vec![Vec::new(); self.cells.len()];
        for (i, (cell, _)) in self.plan.clouds.iter().enumerate().skip(leaves) {
            by_cell[*cell].push(i);
        }
        let (atoms, nodes) = clouds.split_at_mut(leaves);
        atoms.par_iter_mut().enumerate().for_each(|(leaf, to)| {
            let mut next = Some(self.plan.clouds[leaf].0);
            while let Some(cell) = next {
                for i in &by_cell[cell] {
                    let Stand::Nodes(order) = self.plan.clouds[*i].1 else { continue };
                    self.each_chunk(leaf, cell, order, |weights, start| {
                        interpolate::<D>(weights, &nodes[i - leaves], start, to);
                    });
                }
                next = self.cells[cell].parent;
            }
        });
    }

    fn write(&self, clouds: &[ProxyNodes], gradient: &mut Gradient) -> Bounded {
        let Atoms { student, twin_signs, .. } = self.given;
        let (m, merged) = (student.neurons(), self.given.students());
        let roundoff = self.roundoff();
        gradient.reset(m, D);
        let mut loss = DoubleDouble::ZERO;
        let (mut longest, mut heaviest) = (0.0, 0.0);
        for (leaf, cloud) in clouds[..self.leaves()].iter().enumerate() {
            let n = cloud.count;
            let range = self.cells[self.plan.clouds[leaf].0].range.clone();
            for (row, b) in self.order[range].iter().enumerate() {
                let atom = &self.atoms[*b];
                let radial = cloud.sums[row];
                let tangent: [f64; D] = std::array::from_fn(|c| cloud.sums[(1 + c) * n + row]);
                let kernel = radial + dot(&atom.unit, &tangent);
                loss = loss + (atom.mass * kernel).into();
                if atom.origin >= m {
                    continue;
                }
                let mut write = |j: usize, sign: f64| {
                    let weight = student.second_layer()[j];
                    longest = maximum(longest, atom.norm);
                    heaviest = maximum(heaviest, weight.abs());
                    gradient.second_layer[j] = atom.norm * kernel / PI;
                    let entries = &mut gradient.first_layer[j * D..(j + 1) * D];
                    for ((g, u), t) in entries.iter_mut().zip(atom.unit).zip(tangent) {
                        *g = sign * weight / PI * (radial * u + t);
                    }
                };
                write(atom.origin, atom.sign);
                if let Some(sign) = twin_signs.get(atom.origin) {
                    write(atom.origin + merged, atom.sign * sign);
                }
            }
        }
        // Potential and gradient take the errors of q and of the arcsine, which are the tolerance together.
        let truncation = roundoff.total_mass * self.tolerance / PI;
        gradient.second_layer_error = roundoff.second_layer(longest) + longest * truncation;
        gradient.first_layer_error = roundoff.first_layer(heaviest) + heaviest * truncation;
        Bounded {
            value: loss.to_f64() / (2.0 * PI),
            error: roundoff.loss() + roundoff.total_mass * truncation / 2.0,
        }
    }

    /// The constants of the rounding errors.
    ///
    /// Interpolation through `p` nodes along `D - 1` axes of both cells multiplies errors by at most `G = lebesgue(p)^(2 (D - 1))`. A node, a
    /// chart coordinate and a dot product put a cosine off by less than `2 D + 32` units. In the gradient a wrong cosine of nodes whose lines
    /// are `phi` apart costs `|v - t w|/sin phi`, with `v` and `w` anywhere in the two cells, whose diameters are below
    /// `2 sqrt(D - 1)/r sin phi` each, `r > 2`: less than 8, four times what [`Roundoff`] allows for. A barycentric weight has a relative error of
    /// `5 + (p + 3) lebesgue(p)` units (the sum of its denominator), a product of `D - 1` of them as many times that, on both sides.
    fn roundoff(&self) -> Roundoff {
        let p = self.plan.largest;
        let size = if p == 0 { 1.0 } else { growth(p, 2 * (D - 1)) };
        let atoms = self.atoms.len() as f64;
        let weight = if p == 0 { 0.0 } else { 6.0 + (p as f64 + 3.0) * lebesgue(p) };
        let sums = (self.leaves() + self.plan.rounds.len() + 2 * CHUNK) as f64
            + (power(LARGEST, D - 1) / 4) as f64;
        Roundoff {
            unit: f64::EPSILON / 2.0,
            cosine: 4.0 * size * (2.0 * D as f64 + 32.0),
            elementwise: 8.0 * size,
            mass: D as f64 / 2.0 + 6.0,
            depth: size * (sums + 2.0 * (D as f64 - 1.0) * weight),
            total_mass: self.atoms.iter().map(|atom| atom.mass.abs()).sum::<f64>()
                * (1.0 + f64::EPSILON * atoms),
            atoms,
        }
    }
}

/// The atoms with a direction; `None` if one of them is not finite.
fn locate<const D: usize>(given: &Atoms<'_>) -> Option<Vec<LocatedAtom<D>>> {
    let (m, students) = (given.student.neurons(), given.students());
    (0..given.count())
        .filter_map(|b| {
            let (w, a) = given.get(b);
            let origin = if b < students { b } else { m + b - students };
            let mut unit = [0.0; D];
            let norm = normalise_into(w, &mut unit);
            if norm <= 0.0 {
                return None;
            }
            if !(a * norm).is_finite() || !unit.iter().all(|u| u.is_finite()) {
                return Some(None);
            }
            let (chart, point, sign) = cells::locate(&unit);
            let unit = unit.map(|u| sign * u);
            Some(Some(LocatedAtom { unit, sign, mass: a * norm, norm, origin, chart, point }))
        })
        .collect()
}

/// Lagrange polynomials of a chunk of atoms along each axis, by planes of `count`.
#[derive(Debug)]
struct Weights<const D: usize> {
    p: usize,
    count: usize,
    values: [Vec<f64>; D],
}

impl<const D: usize> Weights<D> {
    fn new(p: usize) -> Self {
        Self { p, count: 0, values: std::array::from_fn(|_| vec![0.0; p * CHUNK]) }
    }

    /// Writes the product over all axes but the last at the given combination of their nodes.
    #[inline(always)]
    fn row(&self, mut row: usize, product: &mut [f64]) {
        product.fill(1.0);
        for k in (0..D - 2).rev() {
            let node = row % self.p;
            row /= self.p;
            for (x, w) in product.iter_mut().zip(&self.values[k][node * self.count..]) {
                *x *= w;
            }
        }
    }
}

struct Evaluate<'a> {
    rule: &'a Rule,
    points: &'a [f64],
    values: &'a mut [f64],
}

impl Vectorised for Evaluate<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.rule.evaluate(self.points, self.values);
    }
}

/// Moves the masses of a chunk of atoms, which begins at `start`, to the nodes.
fn anterpolate<const D: usize>(
    weights: &Weights<D>,
    from: &ProxyNodes,
    start: usize,
    to: &mut ProxyNodes,
) {
    with_multiply_add(Anterpolate { weights, from, start, to });
}

struct Anterpolate<'a, const D: usize> {
    weights: &'a Weights<D>,
    from: &'a ProxyNodes,
    start: usize,
    to: &'a mut ProxyNodes,
}

impl<const D: usize> Vectorised for Anterpolate<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (p, n) = (self.weights.p, self.weights.count);
        let (from, to) = (self.from.count, self.to.count);
        let mut product = [0.0; CHUNK];
        let product = &mut product[..n];
        let mut scaled = [0.0; CHUNK];
        for row in 0..power(p, D - 2) {
            self.weights.row(row, product);
            for plane in D..=2 * D {
                let masses = &self.from.sources[plane * from + self.start..][..n];
                for ((s, w), x) in scaled.iter_mut().zip(&*product).zip(masses) {
                    *s = w * x;
                }
                let nodes = &mut self.to.sources[plane * to + row * p..][..p];
                for (node, values) in
                    nodes.iter_mut().zip(self.weights.values[D - 2].chunks_exact(n))
                {
                    *node += lanes_dot(&scaled[..n], values);
                }
            }
        }
    }
}

/// Sum of products, eight partial sums at a time; the lengths are multiples of eight.
#[inline(always)]
fn lanes_dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    for (x, y) in x.chunks_exact(8).zip(y.chunks_exact(8)) {
        for ((s, x), y) in sums.iter_mut().zip(x).zip(y) {
            *s += x * y;
        }
    }
    sums.iter().sum()
}

/// Adds the nodes' sums at a chunk of atoms, which begins at `start`.
fn interpolate<const D: usize>(
    weights: &Weights<D>,
    from: &ProxyNodes,
    start: usize,
    to: &mut ProxyNodes,
) {
    with_multiply_add(Interpolate { weights, from, start, to });
}

struct Interpolate<'a, const D: usize> {
    weights: &'a Weights<D>,
    from: &'a ProxyNodes,
    start: usize,
    to: &'a mut ProxyNodes,
}

impl<const D: usize> Vectorised for Interpolate<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (p, n) = (self.weights.p, self.weights.count);
        let (from, to) = (self.from.count, self.to.count);
        let mut product = [0.0; CHUNK];
        let product = &mut product[..n];
        let mut along = [0.0; CHUNK];
        for row in 0..power(p, D - 2) {
            self.weights.row(row, product);
            for plane in 0..=D {
                along[..n].fill(0.0);
                let nodes = &self.from.sums[plane * from + row * p..][..p];
                for (node, values) in nodes.iter().zip(self.weights.values[D - 2].chunks_exact(n)) {
                    for (sum, w) in along.iter_mut().zip(values) {
                        *sum += node * w;
                    }
                }
                let sums = &mut self.to.sums[plane * to + self.start..][..n];
                for ((sum, w), x) in sums.iter_mut().zip(&*product).zip(&along) {
                    *sum += w * x;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
