//! The fast evaluation: tiles of the Gram matrix in doubles or singles, each visited once, on all threads, in memory `O((m + m*) d)`.
//!
//! The directions of student and teacher together are cut into blocks, a block into a few tiles. Each block meets itself, then the blocks meet
//! each other as in a round-robin tournament (`tournament.rs`), so that each sum has one writer. Blocks, turns and the order within a turn depend
//! on the number of directions and their dimension alone, so the same bytes come out whatever the number of threads.
//!
//! The symmetric start of Algorithm 1 gives neuron `j + m/2` the direction of neuron `j`, and Stage 1 the opposite one, which
//! gradient descent then preserves to the last bit: both have one kernel row. Where the second half of a student's neurons
//! mirrors the first, only the first is computed, a quarter of the pairs.

use crate::block::{Atoms, Block, Layout, Length};
use crate::kernel::{
    Element, InstructionSet, LARGEST_TILE, Lines, Scratch, Task, tile_rows, with_multiply_add,
};
use crate::planar;
use crate::roundoff::{ELEMENTWISE, Roundoff};
use crate::samples::SampleBuffers;
use crate::span::{self, Span};
use crate::tournament::{Turn, play};
use crate::tree::Tree;
use crate::value::{Bounded, Gradient, Path, Precision, Way};
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::geometry::dot;
use gradiometer_model::{Network, Teacher};
use std::f64::consts::PI;

/// Up to this many directions are one block.
const SINGLE_BLOCK: usize = 256;
/// A tournament has about this many blocks at most,
const MOST_BLOCKS: usize = 32;
/// and at least about this many, if their tiles are not to become smaller than
const LEAST_BLOCKS: usize = 8;
/// so many rows.
const SMALLEST_TILE: usize = 64;

/// Pairs times coordinates, some tenth of a millisecond, for which it is worth waking a thread.
const WORTH_A_THREAD: usize = 1 << 21;
/// Coordinates that take as long as the kernel of a pair.
const KERNEL_COORDINATES: usize = 12;

/// Error that a tree may make in a pair of unit masses, in units of `1/(2 pi)`.
const TOLERANCE: f64 = 1.0 / (1_u64 << 30) as f64;

/// Buffers that the evaluations of one run share; they grow to the largest student seen.
#[derive(Clone, Debug)]
pub struct Workspace {
    set: InstructionSet,
    atoms: usize,
    /// For a folded student the sign of each neuron of the second half relative to its twin; empty otherwise.
    mirror: Vec<f64>,
    precision: Precision,
    doubles: Tiles<f64>,
    singles: Tiles<f32>,
    tangent: Lines<f64>,
    masses: Lines<f64>,
    kernel: Lines<f64>,
    radial: Lines<f64>,
    lengths: Vec<Length>,
    tolerance: f64,
    truncated: bool,
    pub(crate) samples: SampleBuffers,
}

/// What the tiles of one precision read, with room for one on each thread.
#[derive(Clone, Debug, Default)]
struct Tiles<E> {
    units: Lines<E>,
    weighted: Lines<E>,
    shares: Lines<E>,
    units_of_mass: Vec<f64>,
    scratches: Vec<Scratch<E>>,
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
            atoms: 0,
            mirror: Vec::new(),
            precision: Precision::Double,
            doubles: Tiles::default(),
            singles: Tiles::default(),
            tangent: Lines::default(),
            masses: Lines::default(),
            kernel: Lines::default(),
            radial: Lines::default(),
            lengths: Vec::new(),
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

    /// The same with all pairs computed in the given precision; sorted angles, trees and averages over samples stay in doubles, and so do
    /// the sums over tiles. The errors that come with loss and gradient are true bounds in either.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_model::{Network, Teacher};
    /// use gradiometer_population::{Population, Precision, Workspace};
    /// // As for [`Population`]: L = 1/2 - 1/pi, here in three dimensions.
    /// let teacher = Teacher::new(Network::new(3, vec![1.0], vec![1.0, 0.0, 0.0]).unwrap()).unwrap();
    /// let student = Network::new(3, vec![1.0], vec![0.0, 1.0, 0.0]).unwrap();
    /// let mut workspace = Workspace::new().with_precision(Precision::Single);
    /// let loss = Population::new(teacher).fast(&student, &mut workspace).unwrap().loss;
    /// assert!((loss.value - (0.5 - std::f64::consts::FRAC_1_PI)).abs() <= loss.error);
    /// assert!(loss.error < 32.0 * f64::from(f32::EPSILON));
    /// ```
    #[must_use]
    pub const fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
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

    /// The constants of the error bound, see [`Roundoff`].
    fn roundoff(&self, dimension: usize) -> Roundoff {
        let total_mass: f64 = self.masses.as_slice().iter().map(|c| c.abs()).sum();
        let d = dimension as f64;
        let atoms = self.atoms as f64;
        let doubles = Roundoff {
            unit: f64::EPSILON / 2.0,
            // The product sums d terms one after another; each unit vector's length is wrong by (d/2 + 3) u, its
            // entries by u.
            cosine: 2.0 * d + 16.0,
            elementwise: ELEMENTWISE,
            mass: d / 2.0 + 6.0,
            // Within a tile, over its vectors or rows, and over the tiles.
            depth: atoms / 8.0 + LARGEST_TILE as f64 + 32.0,
            total_mass: total_mass * (1.0 + f64::EPSILON * atoms),
            atoms,
        };
        match self.precision {
            Precision::Double => doubles,
            Precision::Single => doubles.with_tiles_in_singles(dimension),
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
    with_multiply_add(Fold { student, mirror });
}

/// [`fold`].
struct Fold<'a> {
    student: &'a Network,
    mirror: &'a mut Vec<f64>,
}

impl Task for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        fold_here(self.student, self.mirror);
    }
}

#[inline(always)]
fn fold_here(student: &Network, mirror: &mut Vec<f64>) {
    mirror.clear();
    let (m, d) = (student.neurons(), student.dimension());
    if m % 2 == 1 {
        return;
    }
    let (first, second) = student.first_layer().split_at(m / 2 * d);
    let mut sign = 1.0;
    for (w, v) in first.chunks_exact(d).zip(second.chunks_exact(d)) {
        // Equal, or opposite; a neuron with NaN is neither. Without an early end the loops run on vectors.
        let is =
            |sign: f64| w.iter().zip(v).fold(true, |is, (x, y)| is & ((sign * x - y).abs() <= 0.0));
        // Most often as the row before.
        if !is(sign) {
            sign = -sign;
            if !is(sign) {
                mirror.clear();
                return;
            }
        }
        mirror.push(sign);
    }
}

/// Rows of a tile and of a block, for so many directions of the given padded dimension.
fn partition(padded: usize, width: usize) -> (usize, usize) {
    if padded <= SINGLE_BLOCK {
        return (SMALLEST_TILE, padded);
    }
    let mut tile = tile_rows(width);
    while tile > SMALLEST_TILE && padded < LEAST_BLOCKS * tile {
        tile /= 2;
    }
    (tile, padded.div_ceil(MOST_BLOCKS).next_multiple_of(tile))
}

/// Whether a student of this shape, and any smaller one, is evaluated by all pairs and in its own coordinates.
pub(crate) fn always_dense(student: &Network) -> bool {
    student.dimension() > 3 && student.neurons() < span::LEAST_NEURONS
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
    let precision = workspace.precision;
    (dense(teacher, student, workspace, gradient), Way::Pairs { set, precision })
}

/// The same by all pairs.
pub(crate) fn dense(
    teacher: &Teacher,
    student: &Network,
    workspace: &mut Workspace,
    gradient: &mut Gradient,
) -> Bounded {
    let (m, d) = (student.neurons(), student.dimension());
    fold(student, &mut workspace.mirror);
    gradient.second_layer.resize(m, 0.0);
    gradient.first_layer.resize(m * d, 0.0);
    match workspace.precision {
        Precision::Double => {
            let mut tiles = std::mem::take(&mut workspace.doubles);
            accumulate(teacher, student, workspace, &mut tiles, gradient);
            workspace.doubles = tiles;
        }
        Precision::Single => {
            let mut tiles = std::mem::take(&mut workspace.singles);
            accumulate(teacher, student, workspace, &mut tiles, gradient);
            workspace.singles = tiles;
        }
    }
    let roundoff = workspace.roundoff(d);
    let students = m - workspace.mirror.len();
    let longest = maximum_of(workspace.lengths[..students].iter().map(|length| length.0));
    let heaviest = maximum_of(student.second_layer().iter().map(|a| a.abs()));
    gradient.second_layer_error = roundoff.second_layer(longest);
    gradient.first_layer_error = roundoff.first_layer(heaviest);
    let n = workspace.atoms;
    let potential = dot(&workspace.masses.as_slice()[..n], &workspace.kernel.as_slice()[..n]);
    Bounded { value: potential / (2.0 * PI), error: roundoff.loss() }
}

/// Fills the workspace's sums over the measure, and the gradient.
fn accumulate<E: Element>(
    teacher: &Teacher,
    student: &Network,
    workspace: &mut Workspace,
    tiles: &mut Tiles<E>,
    gradient: &mut Gradient,
) {
    let atoms = Atoms { teacher: teacher.network(), student, mirror: &workspace.mirror };
    let (students, d) = (atoms.students(), student.dimension());
    workspace.atoms = atoms.count();
    let (padded, width) = (atoms.count().next_multiple_of(E::GRAIN), d.next_multiple_of(E::GROUP));
    let (tile, rows) = partition(padded, width);
    let layout = Layout { set: workspace.set, dimension: d, width, tile };
    for lines in [&mut tiles.units, &mut tiles.weighted] {
        lines.resize(padded * width);
    }
    tiles.shares.resize(padded);
    tiles.units_of_mass.resize(padded.div_ceil(tile), 1.0);
    workspace.tangent.resize(padded * width);
    for lines in [&mut workspace.masses, &mut workspace.kernel, &mut workspace.radial] {
        lines.resize(padded);
    }
    workspace.lengths.resize(padded, Length::default());
    let [mut units, mut weighted] = [&mut tiles.units, &mut tiles.weighted]
        .map(|lines| lines.as_mut_slice().chunks_mut(rows * width));
    let mut shares = tiles.shares.as_mut_slice().chunks_mut(rows);
    let mut units_of_mass = tiles.units_of_mass.chunks_mut(rows.div_ceil(tile));
    let mut tangents = workspace.tangent.as_mut_slice().chunks_mut(rows * width);
    let [mut masses, mut kernels, mut radials] =
        [&mut workspace.masses, &mut workspace.kernel, &mut workspace.radial]
            .map(|lines| lines.as_mut_slice().chunks_mut(rows));
    let lengths = workspace.lengths.chunks_mut(rows);
    let second_layers: [_; 2] = gradient.second_layer.split_at_mut(students).into();
    let mut second_layers = second_layers.map(|g| g.chunks_mut(rows));
    let first_layers: [_; 2] = gradient.first_layer.split_at_mut(students * d).into();
    let mut first_layers = first_layers.map(|g| g.chunks_mut(rows * d));
    let blocks = lengths.enumerate().map(|(i, lengths)| Block {
        start: i * rows,
        lengths,
        units: units.next().unwrap_or_default(),
        weighted: weighted.next().unwrap_or_default(),
        shares: shares.next().unwrap_or_default(),
        units_of_mass: units_of_mass.next().unwrap_or_default(),
        masses: masses.next().unwrap_or_default(),
        kernel: kernels.next().unwrap_or_default(),
        radial: radials.next().unwrap_or_default(),
        tangent: tangents.next().unwrap_or_default(),
        second_layer: second_layers.each_mut().map(|g| g.next().unwrap_or_default()),
        first_layer: first_layers.each_mut().map(|g| g.next().unwrap_or_default()),
    });
    let threads = 1 + padded * padded * (width + KERNEL_COORDINATES) / WORTH_A_THREAD;
    play(blocks, threads, &mut tiles.scratches, |scratch, turn| match turn {
        Turn::First(block) => {
            block.load(&atoms, layout);
            block.meet_itself(layout, scratch);
        }
        Turn::Meeting(left, right) => left.meet(right, layout, scratch),
        Turn::Last(block) => block.write(&atoms, layout),
    });
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
        let mut gradient = Gradient::default();
        let loss = dense(&teacher, &student, &mut workspace, &mut gradient);
        let found = workspace.roundoff(3);
        let close = |x: f64, y: f64| (x / y - 1.0).abs() <= 16.0 * f64::EPSILON;
        assert!(close(found.unit, f64::EPSILON / 2.0) && close(found.cosine, 22.0));
        assert!(close(found.elementwise, 8.0) && close(found.mass, 7.5));
        assert!(close(found.depth, 0.5 + LARGEST_TILE as f64 + 32.0) && close(found.atoms, 4.0));
        assert!(close(found.total_mass, 9.0) && found.total_mass >= 9.0);
        assert!(close(loss.error, found.loss()));
        // The longest neuron and the largest weight, also that of a zero neuron.
        assert!(close(gradient.second_layer_error, found.second_layer(3.0)));
        assert!(close(gradient.first_layer_error, found.first_layer(5.0)));
    }
}
