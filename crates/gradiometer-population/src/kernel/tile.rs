//! A tile of pairs: Gram products, arcsine and root, and both reductions while it is in cache.

use super::aligned::AlignedVec;
use super::element::Element;
use super::isa::{InstructionSet, OnVectors, on_vectors};
use super::product::{LARGEST_TILE, Output, Shape, Strides, Target, product};
use super::simd::Simd;

/// Rows of a tile for directions of the given padded dimension: small enough that the tile itself stays in cache, large
/// enough that a tile's arithmetic (`6 rows^2 width` operations) outweighs fetching its directions (`rows width` doubles).
pub(crate) const fn tile_rows(width: usize) -> usize {
    match width {
        0..=64 => 64,
        65..=256 => 128,
        _ => LARGEST_TILE,
    }
}

/// A tile's side: `count` directions (a multiple of the grain, at most [`LARGEST_TILE`]) of padded dimension `width` (a
/// multiple of the group), grouped for the products.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a, E> {
    /// Number of rows.
    pub(crate) count: usize,
    /// Dimension.
    pub(crate) dimension: usize,
    /// Padded dimension.
    pub(crate) width: usize,
    /// Unit vectors: for each group of rows, for each coordinate, the group's entries; `count x width` in all.
    pub(crate) units: &'a [E],
    /// `nu_b v_b`: for each group of coordinates, for each row, the group's entries; `count x width` in all.
    pub(crate) weighted: &'a [E],
    /// `nu_b`, length `count`.
    pub(crate) masses: &'a [E],
    /// The unit of both.
    pub(crate) unit_of_mass: f64,
}

/// What a block of directions has collected so far, in units of `1/(2 pi)`, in doubles.
#[derive(Debug)]
pub(crate) struct Sums<'a> {
    /// `sum_b nu_b k(t)`, length `count`.
    pub(crate) kernel: &'a mut [f64],
    /// `sum_b nu_b (sqrt(1 - t^2) - 1)`, length `count`.
    pub(crate) radial: &'a mut [f64],
    /// `sum_b nu_b asin(t) v_b`, laid out as [`Rows::weighted`].
    pub(crate) tangent: &'a mut [f64],
}

/// Room for one tile.
#[derive(Clone, Debug)]
pub(crate) struct TileBuffers<E> {
    tile: AlignedVec<E>,
    row_kernel: AlignedVec<E>,
    row_radial: AlignedVec<E>,
}

impl<E: Element> Default for TileBuffers<E> {
    /// Room for a tile of the largest size.
    fn default() -> Self {
        let lines = |length| {
            let mut lines = AlignedVec::default();
            lines.resize(length);
            lines
        };
        Self {
            tile: lines(LARGEST_TILE * row_stride::<E>(LARGEST_TILE)),
            row_kernel: lines(LARGEST_TILE * E::GROUP),
            row_radial: lines(LARGEST_TILE * E::GROUP),
        }
    }
}

/// Numbers from one row of a tile to the next: a little more than the row, so that rows do not share cache sets.
const fn row_stride<E: Element>(columns: usize) -> usize {
    columns + E::GROUP
}

fn check<E: Element>(rows: &Rows<'_, E>, sums: &Sums<'_>, buffers: &TileBuffers<E>) {
    let (n, width) = (rows.count, rows.width);
    let room = LARGEST_TILE * row_stride::<E>(LARGEST_TILE);
    assert!(buffers.tile.len() == room, "room for the tile");
    assert!(buffers.row_kernel.len() == LARGEST_TILE * E::GROUP, "row buffer");
    assert!(buffers.row_radial.len() == LARGEST_TILE * E::GROUP, "row buffer");
    assert!(rows.dimension <= width, "padded dimension");
    assert!(
        n <= LARGEST_TILE && n.is_multiple_of(E::GRAIN) && width.is_multiple_of(E::GROUP),
        "tile shape"
    );
    assert!(
        rows.units.len() >= n * width && rows.weighted.len() >= n * width,
        "directions too short"
    );
    assert!(rows.masses.len() >= n, "masses too short");
    assert!(sums.kernel.len() >= n && sums.radial.len() >= n, "accumulators too short");
    assert!(sums.tangent.len() >= n * width, "tangent accumulator too short");
}

/// Adds the interaction of two different blocks to the sums of both.
pub(crate) fn pair<'a, E: Element>(
    set: InstructionSet,
    left: &Rows<'_, E>,
    left_sums: &mut Sums<'a>,
    right: &Rows<'_, E>,
    right_sums: &mut Sums<'a>,
    buffers: &mut TileBuffers<E>,
) {
    check(left, left_sums, buffers);
    check(right, right_sums, buffers);
    assert_eq!(left.width, right.width, "blocks of one dimension");
    assert_eq!(left.dimension, right.dimension, "blocks of one dimension");
    let tile = Tile { left, left_sums, right, right_sums: Some(right_sums), buffers };
    // SAFETY: the shapes were just checked.
    unsafe { on_vectors(set, tile) }
}

/// Adds the interaction of a block with itself to its sums.
pub(crate) fn diagonal<E: Element>(
    set: InstructionSet,
    rows: &Rows<'_, E>,
    sums: &mut Sums<'_>,
    buffers: &mut TileBuffers<E>,
) {
    check(rows, sums, buffers);
    let tile = Tile { left: rows, left_sums: sums, right: rows, right_sums: None, buffers };
    // SAFETY: the shapes were just checked.
    unsafe { on_vectors(set, tile) }
}

/// `left` against `right`; without `right_sums` `left` against itself.
struct Tile<'a, 'b, E> {
    left: &'a Rows<'a, E>,
    left_sums: &'a mut Sums<'b>,
    right: &'a Rows<'a, E>,
    right_sums: Option<&'a mut Sums<'b>>,
    buffers: &'a mut TileBuffers<E>,
}

impl<E: Element> OnVectors<E> for Tile<'_, '_, E> {
    /// # Safety
    /// The shapes are those that [`check`] accepts.
    #[inline(always)]
    unsafe fn run<S: Simd<Element = E>>(self) {
        let Self { left, left_sums, right, right_sums, buffers } = self;
        // SAFETY: the caller's promises are those that it needs.
        unsafe { tile::<S>(left, left_sums, right, right_sums, buffers) }
    }
}

/// Computes a [`Tile`].
///
/// # Safety
/// The set of `S` is available and the shapes are those that [`check`] accepts.
#[inline(always)]
unsafe fn tile<S: Simd>(
    left: &Rows<'_, S::Element>,
    left_sums: &mut Sums<'_>,
    right: &Rows<'_, S::Element>,
    right_sums: Option<&mut Sums<'_>>,
    buffers: &mut TileBuffers<S::Element>,
) {
    let (group, grain) = (S::Element::GROUP, S::Element::GRAIN);
    let (rows, columns) = (left.count, right.count);
    // Entry (i, j) of the tile, with i or j as the outer index of a product.
    let stride = row_stride::<S::Element>(columns);
    let along_rows = Strides { group: group * stride, single: stride, depth: 1 };
    let along_columns = Strides { group, single: 1, depth: stride };
    let mut region = Region {
        tile: buffers.tile.as_mut_slice().as_mut_ptr(),
        stride,
        row_kernel: cleared(&mut buffers.row_kernel, rows),
        row_radial: cleared(&mut buffers.row_radial, rows),
        masses: [left.masses.as_ptr(), right.masses.as_ptr()],
        columns: [left_sums.kernel.as_mut_ptr(), left_sums.radial.as_mut_ptr()],
        unit_of_mass: left.unit_of_mass,
    };
    // SAFETY: the tile has room for rows x stride, the row buffers for a group a row; units hold count x width, masses and
    // accumulators count, tangents count x width numbers (check).
    unsafe {
        if let Some(right_sums) = right_sums {
            region.columns = [right_sums.kernel.as_mut_ptr(), right_sums.radial.as_mut_ptr()];
            cosines::<S>(left, right, &region, [0, rows], [0, columns]);
            elementwise::<S, true>(&region, [0, rows], [0, columns]);
            let shape = Shape { rows: columns, columns: left.width, depth: rows };
            let (weighted, by_panel) = panels(left);
            let sums = tangent(right_sums, columns, left);
            product::<S>(shape, region.tile, along_columns, weighted, by_panel, sums);
        } else {
            // Each leaf of rows against itself, then against the rows after it, which the transpose below the diagonal repeats.
            for start in (0..rows).step_by(grain) {
                let end = start + grain;
                cosines::<S>(left, right, &region, [start, end], [start, columns]);
                elementwise::<S, false>(&region, [start, end], [start, end]);
                elementwise::<S, true>(&region, [start, end], [end, columns]);
                for row in start..end {
                    for column in end..columns {
                        *region.tile.add(column * stride + row) =
                            *region.tile.add(row * stride + column);
                    }
                }
            }
        }
        let shape = Shape { rows, columns: left.width, depth: columns };
        let (weighted, by_panel) = panels(right);
        let sums = tangent(left_sums, rows, right);
        product::<S>(shape, region.tile, along_rows, weighted, by_panel, sums);
        for row in 0..rows {
            let sum = |lanes: *const S::Element| -> f64 {
                (0..S::LANES).map(|lane| -> f64 { (*lanes.add(row * group + lane)).into() }).sum()
            };
            left_sums.kernel[row] += right.unit_of_mass * sum(region.row_kernel);
            left_sums.radial[row] += right.unit_of_mass * sum(region.row_radial);
        }
    }
}

/// A row buffer, zero for the given rows.
fn cleared<E: Element>(buffer: &mut AlignedVec<E>, rows: usize) -> *mut E {
    let buffer = buffer.as_mut_slice();
    buffer[..rows * E::GROUP].fill(E::default());
    buffer.as_mut_ptr()
}

/// Where the entries of a tile and their sums go, for the rows `left` and the columns `right`.
#[derive(Clone, Copy)]
struct Region<E> {
    tile: *mut E,
    stride: usize,
    /// A group of partial sums for each row.
    row_kernel: *mut E,
    row_radial: *mut E,
    /// Those of the rows and those of the columns.
    masses: [*const E; 2],
    /// The columns' sums of kernel and radial part.
    columns: [*mut f64; 2],
    /// That of the rows.
    unit_of_mass: f64,
}

/// Writes the cosines of the given rows and columns.
///
/// # Safety
/// As for [`tile`]; the ranges are within it and begin and end at multiples of the grain.
#[inline(always)]
unsafe fn cosines<S: Simd>(
    left: &Rows<'_, S::Element>,
    right: &Rows<'_, S::Element>,
    region: &Region<S::Element>,
    [row, rows_end]: [usize; 2],
    [column, columns_end]: [usize; 2],
) {
    let (group, width) = (S::Element::GROUP, left.width);
    // A group of rows of `units`: entry (r, k) at the group's start + GROUP k + r.
    let by_group = Strides { group: group * width, single: 1, depth: group };
    let shape =
        Shape { rows: rows_end - row, columns: columns_end - column, depth: left.dimension };
    // SAFETY: units hold count x width and the tile count x stride numbers (check).
    unsafe {
        let out = Output {
            target: Target::Entries(region.tile.add(row * region.stride + column)),
            group: group * region.stride,
            single: region.stride,
            panel: group,
        };
        let (u, v) = (left.units.as_ptr().add(row * width), right.units.as_ptr());
        product::<S>(shape, u, by_group, v.add(column * width), by_group, out);
    }
}

/// The weighted directions as the right factor of a product: entry (row, coordinate).
fn panels<E: Element>(rows: &Rows<'_, E>) -> (*const E, Strides) {
    let strides = Strides { group: E::GROUP * rows.count, single: 1, depth: E::GROUP };
    (rows.weighted.as_ptr(), strides)
}

/// The tangent sums of `count` rows as the target of a product with the weighted directions of others.
fn tangent<E: Element>(sums: &mut Sums<'_>, count: usize, others: &Rows<'_, E>) -> Output<E> {
    Output {
        target: Target::Sums(sums.tangent.as_mut_ptr(), others.unit_of_mass),
        group: E::GROUP * E::GROUP,
        single: E::GROUP,
        panel: E::GROUP * count,
    }
}

/// Replaces the cosines of the given rows and columns by their arcsines and adds the kernel and radial sums, with `SYMMETRIC` those of the
/// columns too.
///
/// # Safety
/// As for [`tile`]; the ranges are within it and begin and end at multiples of the grain.
#[inline(always)]
unsafe fn elementwise<S: Simd, const SYMMETRIC: bool>(
    region: &Region<S::Element>,
    [first_row, rows_end]: [usize; 2],
    [first_column, columns_end]: [usize; 2],
) {
    let (lanes, group) = (S::LANES, S::Element::GROUP);
    let Region { tile, stride, row_kernel, row_radial, .. } = *region;
    // SAFETY: columns run in steps of 2 LANES, which divides the grain, and rows in steps of two, both within the tile; the row
    // buffers hold GROUP >= LANES numbers a row.
    unsafe {
        let mut column = first_column;
        while column < columns_end {
            let masses = region.masses[1].add(column);
            let masses = [S::load(masses), S::load(masses.add(lanes))];
            let zero = S::splat(S::Element::default());
            let (mut kernel_sum, mut radial_sum) = ([zero; 2], [zero; 2]);
            let mut row = first_row;
            while row < rows_end {
                let here = [tile.add(row * stride + column), tile.add((row + 1) * stride + column)];
                let f = S::functions([
                    S::load(here[0]),
                    S::load(here[0].add(lanes)),
                    S::load(here[1]),
                    S::load(here[1].add(lanes)),
                ]);
                for (i, f) in f.chunks_exact(2).enumerate() {
                    S::store(here[i], f[0].angle);
                    S::store(here[i].add(lanes), f[1].angle);
                    if SYMMETRIC {
                        let mass = S::splat(*region.masses[0].add(row + i));
                        for (v, f) in f.iter().enumerate() {
                            kernel_sum[v] = S::fma(mass, f.kernel, kernel_sum[v]);
                            radial_sum[v] = S::fma(mass, f.radial, radial_sum[v]);
                        }
                    }
                    let k = row_kernel.add((row + i) * group);
                    let sum = S::fma(masses[0], f[0].kernel, S::load(k));
                    S::store(k, S::fma(masses[1], f[1].kernel, sum));
                    let q = row_radial.add((row + i) * group);
                    let sum = S::fma(masses[0], f[0].radial, S::load(q));
                    S::store(q, S::fma(masses[1], f[1].radial, sum));
                }
                row += 2;
            }
            if SYMMETRIC {
                let sums = kernel_sum.into_iter().zip(radial_sum);
                for (i, (kernel_sum, radial_sum)) in sums.enumerate() {
                    let [k, q] = region.columns.map(|sums| sums.add(column + i * lanes));
                    S::add_to(k, kernel_sum, region.unit_of_mass);
                    S::add_to(q, radial_sum, region.unit_of_mass);
                }
            }
            column += 2 * lanes;
        }
    }
}

#[cfg(test)]
mod tests;
