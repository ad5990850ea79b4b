//! The fast evaluation by all pairs: tiles of the Gram matrix in doubles or singles, each visited once, on all threads, in memory
//! `O((m + m*) d)`.
//!
//! The directions of student and teacher together are cut into blocks, a block into a few tiles. Each block meets itself, then the
//! blocks meet each other as in a round-robin tournament, so that each sum has one writer. Blocks, rounds and the order within a
//! round depend on the number of directions and their dimension alone, so the same bytes come out whatever the number of threads.

mod block;
mod tournament;

use crate::atoms::Atoms;
use crate::kernel::{AlignedVec, Element, InstructionSet, LARGEST_TILE, TileBuffers, tile_rows};
use crate::roundoff::{ELEMENTWISE, Roundoff};
use crate::value::{Gradient, Precision};
use block::{Block, Layout, Length};
use gradiometer_hermite::Bounded;
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::geometry::dot;
use std::f64::consts::PI;
use tournament::{Visit, for_each_pair_of_blocks};

/// Up to this many directions are one block.
const SINGLE_BLOCK: usize = 256;
/// A tournament has about this many blocks at most.
const MOST_BLOCKS: usize = 32;
/// Tiles are halved while a tournament would have fewer blocks than this.
const LEAST_BLOCKS: usize = 8;
/// Fewest rows of a tile.
const SMALLEST_TILE: usize = 64;

/// Pairs times coordinates, some tenth of a millisecond, for which it is worth waking a thread.
const WORTH_A_THREAD: usize = 1 << 21;
/// Coordinates that take as long as the kernel of a pair.
const KERNEL_COORDINATES: usize = 12;

/// The buffers of one evaluation after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers {
    pub(super) twin_signs: Vec<f64>,
    doubles: Tiles<f64>,
    singles: Tiles<f32>,
    sums: SumsOverAtoms,
}

/// Of every atom its mass and length, and its sums over the measure.
#[derive(Clone, Debug, Default)]
struct SumsOverAtoms {
    masses: AlignedVec<f64>,
    lengths: Vec<Length>,
    kernel: AlignedVec<f64>,
    radial: AlignedVec<f64>,
    tangent: AlignedVec<f64>,
}

/// What the tiles of one precision read, with buffers for one tile on each thread.
#[derive(Clone, Debug, Default)]
struct Tiles<E> {
    units: AlignedVec<E>,
    weighted: AlignedVec<E>,
    shares: AlignedVec<E>,
    units_of_mass: Vec<f64>,
    of_threads: Vec<TileBuffers<E>>,
}

/// The constants of the error bound for atoms with these masses in dimension `dimension`.
fn roundoff(masses: &[f64], atoms: usize, dimension: usize, precision: Precision) -> Roundoff {
    let total_mass: f64 = masses.iter().map(|c| c.abs()).sum();
    let d = dimension as f64;
    let atoms = atoms as f64;
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
    match precision {
        Precision::Double => doubles,
        Precision::Single => doubles.with_tiles_in_singles(dimension),
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

/// Threads that so many directions of that dimension, both padded, are worth.
const fn threads(padded: usize, width: usize) -> usize {
    1 + padded * padded * (width + KERNEL_COORDINATES) / WORTH_A_THREAD
}

/// Whether so many directions of that dimension are left to the caller's thread, whatever the
/// precision.
pub(crate) const fn stay_in_thread(directions: usize, dimension: usize) -> bool {
    const GRAIN: usize = 16;
    threads(directions.next_multiple_of(GRAIN), dimension.next_multiple_of(GRAIN)) == 1
}

/// Loss and gradient of degrees at least 2, with error bounds.
pub(crate) fn evaluate(
    atoms: &Atoms<'_>,
    set: InstructionSet,
    precision: Precision,
    buffers: &mut Buffers,
    gradient: &mut Gradient,
) -> Bounded {
    let student = atoms.student;
    let (m, d) = (student.neurons(), student.dimension());
    gradient.second_layer.resize(m, 0.0);
    gradient.first_layer.resize(m * d, 0.0);
    let Buffers { doubles, singles, sums, .. } = buffers;
    match precision {
        Precision::Double => accumulate(atoms, set, doubles, sums, gradient),
        Precision::Single => accumulate(atoms, set, singles, sums, gradient),
    }
    let masses = sums.masses.as_slice();
    let roundoff = roundoff(masses, atoms.count(), d, precision);
    let longest = maximum_of(sums.lengths[..atoms.students()].iter().map(|length| length.0));
    let heaviest = maximum_of(student.second_layer().iter().map(|a| a.abs()));
    gradient.second_layer_error = roundoff.second_layer(longest);
    gradient.first_layer_error = roundoff.first_layer(heaviest);
    let n = atoms.count();
    let potential = dot(&masses[..n], &sums.kernel.as_slice()[..n]);
    Bounded { value: potential / (2.0 * PI), error: roundoff.loss() }
}

/// Fills the sums over the measure, and the gradient.
fn accumulate<E: Element>(
    atoms: &Atoms<'_>,
    set: InstructionSet,
    tiles: &mut Tiles<E>,
    sums: &mut SumsOverAtoms,
    gradient: &mut Gradient,
) {
    let (students, d) = (atoms.students(), atoms.student.dimension());
    let (padded, width) = (atoms.count().next_multiple_of(E::GRAIN), d.next_multiple_of(E::GROUP));
    let (tile, rows) = partition(padded, width);
    let layout = Layout { set, dimension: d, width, tile };
    for vector in [&mut tiles.units, &mut tiles.weighted] {
        vector.resize(padded * width);
    }
    tiles.shares.resize(padded);
    tiles.units_of_mass.resize(padded.div_ceil(tile), 1.0);
    sums.tangent.resize(padded * width);
    for vector in [&mut sums.masses, &mut sums.kernel, &mut sums.radial] {
        vector.resize(padded);
    }
    sums.lengths.resize(padded, Length::default());
    let [mut units, mut weighted] = [&mut tiles.units, &mut tiles.weighted]
        .map(|vector| vector.as_mut_slice().chunks_mut(rows * width));
    let mut shares = tiles.shares.as_mut_slice().chunks_mut(rows);
    let mut units_of_mass = tiles.units_of_mass.chunks_mut(rows.div_ceil(tile));
    let mut tangents = sums.tangent.as_mut_slice().chunks_mut(rows * width);
    let [mut masses, mut kernels, mut radials] =
        [&mut sums.masses, &mut sums.kernel, &mut sums.radial]
            .map(|vector| vector.as_mut_slice().chunks_mut(rows));
    let lengths = sums.lengths.chunks_mut(rows);
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
    for_each_pair_of_blocks(
        blocks,
        threads(padded, width),
        &mut tiles.of_threads,
        |buffers, visit| match visit {
            Visit::First(block) => {
                block.load(atoms, layout);
                block.meet_itself(layout, buffers);
            }
            Visit::Pair(left, right) => left.meet(right, layout, buffers),
            Visit::Last(block) => block.write(atoms, layout),
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_model::Network;

    #[test]
    fn the_constants_of_the_bound_are_those_of_the_sums() {
        let teacher = Network::new(3, vec![2.0], vec![0.0, 0.0, 2.0]).unwrap();
        let rows = vec![3.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let student = Network::new(3, vec![1.0, -2.0, 5.0], rows).unwrap();
        let atoms = Atoms { teacher: &teacher, student: &student, twin_signs: &[] };
        let (mut buffers, mut gradient) = (Buffers::default(), Gradient::default());
        let (set, precision) = (InstructionSet::detect(), Precision::Double);
        let loss = evaluate(&atoms, set, precision, &mut buffers, &mut gradient);
        let found = roundoff(buffers.sums.masses.as_slice(), 4, 3, precision);
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
