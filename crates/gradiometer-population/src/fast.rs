//! The fast evaluation: tiles of the Gram matrix in doubles, each visited once, on all threads, in memory `O((m + m*) d)`.
//!
//! The directions of student and teacher together are cut into an even number of blocks; a block is a few tiles. After a round in which each block meets itself, the blocks meet each other as in a round-robin
//! tournament: every round pairs all blocks off, so that the pairs of a round can run at once and each sum has one writer.
//! Blocks, rounds and the order within a pair depend on the number of directions alone, so the same bytes come
//! out whatever the number of threads.
//!
//! The symmetric start of Algorithm 1 gives neuron `j + m/2` the direction of neuron `j`, and Stage 1 the opposite one, which
//! gradient descent then preserves to the last bit: both have one kernel row. Where the second half of a student's neurons
//! mirrors the first, only the first is computed, a quarter of the pairs.

use crate::kernel::{
    self, GRAIN, GROUP, InstructionSet, LARGEST_TILE, Rows, Scratch, Sums, tile_rows,
};
use crate::planar;
use crate::roundoff::Roundoff;
use crate::samples::SampleBuffers;
use crate::span::Span;
use crate::tree::Tree;
use crate::value::{Bounded, Gradient, Path, Way};
use gradiometer_hermite::float::maximum;
use gradiometer_model::geometry::{dot, normalise_into};
use gradiometer_model::{Network, Teacher};
use rayon::prelude::*;
use std::f64::consts::PI;

/// Up to this many directions, one thread does better than a tournament.
const SINGLE_BLOCK: usize = 256;
/// Rows of a tile of such a block.
const SMALL_TILE: usize = 32;
/// About how many blocks a tournament has.
const BLOCKS: usize = 32;

/// Error that a tree may make in a pair of unit masses, in units of `1/(2 pi)`.
const TOLERANCE: f64 = 1.0 / (1_u64 << 30) as f64;

/// Buffers that the evaluations of one run share; they grow to the largest student seen.
#[derive(Clone, Debug)]
pub struct Workspace {
    set: InstructionSet,
    width: usize,
    atoms: usize,
    /// For a folded student the sign of each neuron of the second half relative to its twin; empty otherwise.
    mirror: Vec<f64>,
    units: Vec<f64>,
    weighted: Vec<f64>,
    masses: Vec<f64>,
    norms: Vec<f64>,
    kernel: Vec<f64>,
    radial: Vec<f64>,
    tangent: Vec<f64>,
    scratches: Vec<Scratch>,
    tolerance: f64,
    truncated: bool,
    pub(crate) samples: SampleBuffers,
}

impl Workspace {
    /// An empty workspace on the widest instruction set of this machine.
    pub fn new() -> Self {
        Self::on(InstructionSet::detect())
    }

    /// An empty workspace on the given instruction set; the portable one stands in for a set the machine lacks.
    pub fn on(set: InstructionSet) -> Self {
        let set =
            if InstructionSet::available().contains(&set) { set } else { InstructionSet::Portable };
        Self {
            set,
            width: 0,
            atoms: 0,
            mirror: Vec::new(),
            units: Vec::new(),
            weighted: Vec::new(),
            masses: Vec::new(),
            norms: Vec::new(),
            kernel: Vec::new(),
            radial: Vec::new(),
            tangent: Vec::new(),
            scratches: Vec::new(),
            tolerance: TOLERANCE,
            truncated: false,
            samples: SampleBuffers::default(),
        }
    }

    /// The same with the given bound on what one pair of unit masses may be wrong by, in units of `1/(2 pi)`, where a tree replaces
    /// directions by nodes; zero or NaN for no tree. Without this call it is `2^-30`, about `1e-9`; what has been measured is a millionth of that.
    #[must_use]
    pub const fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Whether the last population loss on it has a truncation error beside rounding; with a tolerance of zero it has none.
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The instruction set it computes with.
    pub const fn instruction_set(&self) -> InstructionSet {
        self.set
    }

    /// Unit vectors, masses and their products for `nu = mu - mu*`, padded with atoms of mass zero and laid out tile by tile
    /// as [`Rows`] wants them.
    fn load(&mut self, teacher: &Teacher, student: &Network) {
        let d = student.dimension();
        self.width = d.next_multiple_of(GROUP);
        fold(student, &mut self.mirror);
        let students = student.neurons() - self.mirror.len();
        self.atoms = students + teacher.neurons();
        let padded = self.atoms.next_multiple_of(GRAIN);
        let width = self.width;
        for buffer in [&mut self.units, &mut self.weighted, &mut self.tangent] {
            buffer.clear();
            buffer.resize(padded * width, 0.0);
        }
        for buffer in [&mut self.masses, &mut self.norms, &mut self.kernel, &mut self.radial] {
            buffer.clear();
            buffer.resize(padded, 0.0);
        }
        let network = teacher.network();
        // Twins' weights are added before the common norm multiplies them: one relative rounding each.
        let second_layer = student.second_layer();
        let weight = |j: usize| {
            second_layer[j] + if self.mirror.is_empty() { 0.0 } else { second_layer[j + students] }
        };
        let directions = student.rows().take(students).enumerate().map(|(j, w)| (w, weight(j)));
        let teachers = network.rows().zip(network.second_layer()).map(|(w, a)| (w, -*a));
        let mut unit = vec![0.0; d];
        let tile = tile_for(padded, width);
        for (b, (w, a)) in directions.chain(teachers).enumerate() {
            let norm = normalise_into(w, &mut unit);
            let mass = a * norm;
            self.norms[b] = norm;
            self.masses[b] = mass;
            let (start, row) = (b / tile * tile, b % tile);
            let count = tile.min(padded - start);
            let units = &mut self.units[(start + row / GROUP * GROUP) * width..];
            let weighted = &mut self.weighted[start * width..];
            for (panel, entries) in unit.chunks(GROUP).enumerate() {
                let column = &mut units[panel * GROUP * GROUP..][..GROUP * GROUP];
                for (u, lane) in entries.iter().zip(column[row % GROUP..].iter_mut().step_by(GROUP))
                {
                    *lane = *u;
                }
                let weights = &mut weighted[(panel * count + row) * GROUP..][..entries.len()];
                for (w, u) in weights.iter_mut().zip(entries) {
                    *w = mass * u;
                }
            }
        }
    }

    /// The atom that carries neuron `j`, and the sign of the neuron's direction relative to the atom's.
    fn atom(&self, j: usize, neurons: usize) -> (usize, f64) {
        let folded = neurons - self.mirror.len();
        if j < folded { (j, 1.0) } else { (j - folded, self.mirror[j - folded]) }
    }

    fn total_mass(&self) -> f64 {
        self.masses.iter().map(|c| c.abs()).sum()
    }

    /// The constants of the error bound, see [`Roundoff`].
    fn roundoff(&self, dimension: usize) -> Roundoff {
        let d = dimension as f64;
        let atoms = self.atoms as f64;
        Roundoff {
            unit: f64::EPSILON / 2.0,
            // The product sums d terms one after another; each unit vector's length is wrong by (d/2 + 3) u, its
            // entries by 4 u.
            cosine: 2.0 * d + 16.0,
            elementwise: 8.0,
            mass: d / 2.0 + 6.0,
            // Within a tile, over its vectors or rows, and over the tiles.
            depth: atoms / 8.0 + LARGEST_TILE as f64 + 32.0,
            total_mass: self.total_mass() * (1.0 + f64::EPSILON * atoms),
            atoms,
        }
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes the signs with which the second half of the neurons repeats the first, or nothing if it does not.
pub(crate) fn fold(student: &Network, mirror: &mut Vec<f64>) {
    mirror.clear();
    let (m, d) = (student.neurons(), student.dimension());
    if m % 2 == 1 {
        return;
    }
    let (first, second) = student.first_layer().split_at(m / 2 * d);
    for (w, v) in first.chunks_exact(d).zip(second.chunks_exact(d)) {
        // Equal, or opposite; a neuron with NaN is neither. Without an early end the loops run on vectors.
        let is =
            |sign: f64| w.iter().zip(v).fold(true, |is, (x, y)| is & ((sign * x - y).abs() <= 0.0));
        let sign = if is(1.0) {
            1.0
        } else if is(-1.0) {
            -1.0
        } else {
            mirror.clear();
            return;
        };
        mirror.push(sign);
    }
}

/// The directions of one evaluation, read by every thread.
#[derive(Clone, Copy)]
struct Directions<'a> {
    set: InstructionSet,
    width: usize,
    tile: usize,
    units: &'a [f64],
    weighted: &'a [f64],
    masses: &'a [f64],
}

impl<'a> Directions<'a> {
    /// The tile whose first row is `start`.
    fn rows(&self, start: usize) -> Rows<'a> {
        let end = (start + self.tile).min(self.masses.len());
        let entries = start * self.width..end * self.width;
        Rows {
            count: end - start,
            width: self.width,
            units: &self.units[entries.clone()],
            weighted: &self.weighted[entries],
            masses: &self.masses[start..end],
        }
    }
}

/// A block of rows with its accumulators; empty for the one that makes the number of blocks even.
struct Block<'a> {
    start: usize,
    kernel: &'a mut [f64],
    radial: &'a mut [f64],
    tangent: &'a mut [f64],
    scratch: &'a mut Scratch,
}

impl Block<'_> {
    /// The first rows of its tiles, relative to the block.
    fn tiles(&self, tile: usize) -> impl Iterator<Item = usize> + use<> {
        (0..self.kernel.len()).step_by(tile)
    }

    /// The sums of the tiles that begin at the rows `first` and `second > first`, relative to the block.
    fn sums(&mut self, width: usize, first: usize, second: usize) -> (Sums<'_>, Sums<'_>) {
        let (k0, k1) = self.kernel.split_at_mut(second);
        let (q0, q1) = self.radial.split_at_mut(second);
        let (g0, g1) = self.tangent.split_at_mut(second * width);
        (
            Sums {
                kernel: &mut k0[first..],
                radial: &mut q0[first..],
                tangent: &mut g0[first * width..],
            },
            Sums { kernel: k1, radial: q1, tangent: g1 },
        )
    }

    /// The sums of the one tile that begins at the row `first`.
    fn tile_sums(&mut self, width: usize, first: usize) -> Sums<'_> {
        self.sums(width, first, self.kernel.len()).0
    }

    fn meet_itself(&mut self, directions: &Directions<'_>) {
        let mut scratch = std::mem::replace(self.scratch, Scratch::empty());
        let (set, width) = (directions.set, directions.width);
        for i in self.tiles(directions.tile) {
            let left = directions.rows(self.start + i);
            kernel::diagonal(set, &left, &mut self.tile_sums(width, i), &mut scratch);
            for j in self.tiles(directions.tile).filter(|j| *j > i) {
                let right = directions.rows(self.start + j);
                let (mut first, mut second) = self.sums(width, i, j);
                kernel::pair(set, &left, &mut first, &right, &mut second, &mut scratch);
            }
        }
        *self.scratch = scratch;
    }

    fn meet(&mut self, other: &mut Block<'_>, directions: &Directions<'_>) {
        let mut scratch = std::mem::replace(self.scratch, Scratch::empty());
        let (set, width) = (directions.set, directions.width);
        for i in self.tiles(directions.tile) {
            let left = directions.rows(self.start + i);
            for j in other.tiles(directions.tile) {
                let right = directions.rows(other.start + j);
                let mut first = self.tile_sums(width, i);
                let mut second = other.tile_sums(width, j);
                kernel::pair(set, &left, &mut first, &right, &mut second, &mut scratch);
            }
        }
        *self.scratch = scratch;
    }
}

/// Rows of a tile: fewer where a single block has few, since a tile against itself computes both its halves.
fn tile_for(padded: usize, width: usize) -> usize {
    if padded <= SINGLE_BLOCK && width <= LARGEST_TILE { SMALL_TILE } else { tile_rows(width) }
}

/// Fills the workspace's sums over the measure.
fn accumulate(workspace: &mut Workspace) {
    let padded = workspace.masses.len();
    let width = workspace.width;
    let tile = tile_for(padded, width);
    let rows = if padded <= SINGLE_BLOCK {
        padded
    } else {
        padded.div_ceil(BLOCKS).next_multiple_of(tile)
    };
    let count = padded.div_ceil(rows);
    let players = if count == 1 { 1 } else { count.next_multiple_of(2) };
    if workspace.scratches.len() < players {
        workspace.scratches.resize_with(players, Scratch::new);
    }
    let directions = Directions {
        set: workspace.set,
        width,
        tile,
        units: &workspace.units,
        weighted: &workspace.weighted,
        masses: &workspace.masses,
    };
    let mut kernels = workspace.kernel.chunks_mut(rows);
    let mut radials = workspace.radial.chunks_mut(rows);
    let mut tangents = workspace.tangent.chunks_mut(rows * width);
    let mut blocks: Vec<Block<'_>> = workspace
        .scratches
        .iter_mut()
        .take(players)
        .enumerate()
        .map(|(i, scratch)| Block {
            start: i * rows,
            kernel: kernels.next().unwrap_or_default(),
            radial: radials.next().unwrap_or_default(),
            tangent: tangents.next().unwrap_or_default(),
            scratch,
        })
        .collect();
    if let [only] = blocks.as_mut_slice() {
        only.meet_itself(&directions);
        return;
    }
    blocks.par_iter_mut().for_each(|block| block.meet_itself(&directions));
    for _ in 1..players {
        let (top, bottom) = blocks.split_at_mut(players / 2);
        top.par_iter_mut()
            .zip(bottom.par_iter_mut().rev())
            .for_each(|(left, right)| left.meet(right, &directions));
        blocks[1..].rotate_right(1);
    }
}

/// Loss and gradient of degrees at least 2, with error bounds, by the fastest way, and which way that was.
pub(crate) fn evaluate(
    teacher: &Teacher,
    student: &Network,
    workspace: &mut Workspace,
    gradient: &mut Gradient,
) -> (Bounded, Path) {
    let (loss, way, rank) = if let Some(span) = Span::of(teacher, student) {
        let mut inner = Gradient::default();
        let (loss, way) = as_given(&span.teacher, &span.student, workspace, &mut inner);
        (span.lift(&inner, loss, gradient), way, Some(span.rank()))
    } else {
        let (loss, way) = as_given(teacher, student, workspace, gradient);
        (loss, way, None)
    };
    workspace.truncated = matches!(way, Way::Tree { .. });
    (loss, rank.map_or(Path::Fast(way), |rank| Path::InSpan { rank, way }))
}

/// The same in the given coordinates.
fn as_given(
    teacher: &Teacher,
    student: &Network,
    workspace: &mut Workspace,
    gradient: &mut Gradient,
) -> (Bounded, Way) {
    let set = workspace.set;
    if planar::applies(teacher, student) {
        return (planar::evaluate(teacher, student, gradient), Way::Sorted);
    }
    if student.dimension() == 3
        && let Some(tree) = Tree::<3>::worthwhile(teacher, student, workspace.tolerance)
    {
        return (tree.evaluate(set, student, gradient), tree.way());
    }
    (dense(teacher, student, workspace, gradient), Way::Pairs(set))
}

/// The same by all pairs.
pub(crate) fn dense(
    teacher: &Teacher,
    student: &Network,
    workspace: &mut Workspace,
    gradient: &mut Gradient,
) -> Bounded {
    workspace.load(teacher, student);
    accumulate(workspace);
    let (m, d, width) = (student.neurons(), student.dimension(), workspace.width);
    let tile = tile_for(workspace.masses.len(), width);
    let roundoff = workspace.roundoff(d);
    gradient.reset(m, d);
    let (mut second_error, mut first_error) = (0.0, 0.0);
    for j in 0..m {
        let (b, sign) = workspace.atom(j, m);
        let norm = workspace.norms[b];
        let weight = student.second_layer()[j];
        gradient.second_layer[j] = norm * workspace.kernel[b] / PI;
        let (radial, scale) = (workspace.radial[b], sign * weight / PI);
        let (start, row) = (b / tile * tile, b % tile);
        let count = tile.min(workspace.masses.len() - start);
        let units = &workspace.units[(start + row / GROUP * GROUP) * width..];
        let tangent = &workspace.tangent[start * width..];
        let entries = gradient.first_layer[j * d..(j + 1) * d].chunks_mut(GROUP);
        for (panel, entries) in entries.enumerate() {
            let column = units[panel * GROUP * GROUP..][row % GROUP..].iter().step_by(GROUP);
            let sums = &tangent[(panel * count + row) * GROUP..][..entries.len()];
            for ((g, u), t) in entries.iter_mut().zip(column).zip(sums) {
                *g = scale * (radial * u + t);
            }
        }
        second_error = maximum(second_error, roundoff.second_layer(norm));
        first_error = maximum(first_error, roundoff.first_layer(weight.abs()));
    }
    gradient.second_layer_error = second_error;
    gradient.first_layer_error = first_error;
    let n = workspace.atoms;
    let loss = dot(&workspace.masses[..n], &workspace.kernel[..n]) / (2.0 * PI);
    Bounded { value: loss, error: roundoff.loss() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_student_is_folded_where_its_second_half_repeats_the_first() {
        let folded = |rows: &[f64]| {
            let m = rows.len() / 2;
            let student = Network::new(2, vec![1.0; m], rows.to_vec()).unwrap();
            let mut mirror = vec![9.0];
            fold(&student, &mut mirror);
            mirror
        };
        assert_eq!(folded(&[1.0, 2.0, 3.0, 4.0, 1.0, 2.0, -3.0, -4.0]), [1.0, -1.0]);
        assert!(folded(&[1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, -4.0]).is_empty());
        assert!(folded(&[1.0, 2.0, 1.0, 2.0, 1.0, 2.0]).is_empty());
        assert_eq!(folded(&[0.0, 0.0, 0.0, 0.0]), [1.0]);
        let mut nan = Network::new(1, vec![1.0; 2], vec![1.0; 2]).unwrap();
        nan.layers_mut().1.fill(f64::NAN);
        let mut mirror = Vec::new();
        fold(&nan, &mut mirror);
        assert!(mirror.is_empty());
    }

    #[test]
    fn the_constants_of_the_bound_are_those_of_the_sums() {
        let teacher = Teacher::new(Network::new(3, vec![2.0], vec![0.0, 0.0, 2.0]).unwrap());
        let teacher = teacher.unwrap();
        let rows = vec![3.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let student = Network::new(3, vec![1.0, -2.0, 5.0], rows).unwrap();
        let mut workspace = Workspace::new();
        workspace.load(&teacher, &student);
        let found = workspace.roundoff(3);
        let close = |x: f64, y: f64| (x / y - 1.0).abs() <= 16.0 * f64::EPSILON;
        assert!(close(found.unit, f64::EPSILON / 2.0) && close(found.cosine, 22.0));
        assert!(close(found.elementwise, 8.0) && close(found.mass, 7.5));
        assert!(close(found.depth, 0.5 + LARGEST_TILE as f64 + 32.0) && close(found.atoms, 4.0));
        assert!(close(found.total_mass, 9.0) && found.total_mass >= 9.0);
        let mut gradient = Gradient::default();
        let loss = dense(&teacher, &student, &mut workspace, &mut gradient);
        assert!(close(loss.error, found.loss()));
        // The longest neuron and the largest weight, also that of a zero neuron.
        assert!(close(gradient.second_layer_error, found.second_layer(3.0)));
        assert!(close(gradient.first_layer_error, found.first_layer(5.0)));
    }
}
