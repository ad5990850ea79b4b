//! The fused tile: Gram products, arcsine and root, and both reductions while the tile is in cache.
//!
//! For two blocks of directions `I` and `J` with masses `nu` the tile computes `t = V_I V_J^T` and from it, for
//! each pair, in units of `1/(2 pi)` (statements 3.1 and 3.3)
//!
//! ```text
//! kernel  k  = sqrt(1 - t^2) + t asin(t) - 1
//! radial  q  = sqrt(1 - t^2) - 1
//! angle   phi = asin(t)
//! ```
//!
//! and adds `sum_b nu_b k`, `sum_b nu_b q`, `sum_b nu_b phi v_b` to the accumulators of both blocks; the pair's
//! kernel is evaluated once for both. This is the only module of the project with `unsafe` code.
#![expect(unsafe_code, reason = "vector instructions; each block says why it is sound")]

mod functions;
pub(crate) mod narrow;
pub(crate) mod samples;
mod simd;

use gradiometer_hermite::float::maximum_of;
#[cfg(target_arch = "x86_64")]
use simd::{Avx2, Avx512};
use simd::{Portable, Simd};
use std::fmt::Debug;

/// The group of doubles, see [`Element`].
pub(crate) const GROUP: usize = f64::GROUP;
/// The grain of doubles, see [`Element`].
pub(crate) const GRAIN: usize = f64::GRAIN;

/// A number that tiles compute with: doubles, or singles for half of the digits in about half of the time.
pub(crate) trait Element: Copy + Debug + Default + Into<f64> + Send + Sync {
    /// Vectors of it.
    type Portable: Simd<Element = Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx2: Simd<Element = Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx512: Simd<Element = Self>;
    /// Rows of directions, and coordinates, are kept in groups of this many: the widest vector, and a cache line.
    const GROUP: usize = size_of::<[f64; 8]>() / size_of::<Self>();
    /// Numbers of rows are padded to a multiple of this: two groups.
    const GRAIN: usize = 2 * Self::GROUP;
    /// The nearest one.
    fn nearest(x: f64) -> Self;
    /// In units of what the masses of a tile are kept: 1, or for singles, whose range is small, the largest.
    fn unit_of_mass(masses: impl Iterator<Item = f64>) -> f64;
}

impl Element for f64 {
    type Portable = Portable<Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = Avx2<Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx512 = Avx512<Self>;

    fn nearest(x: f64) -> Self {
        x
    }

    fn unit_of_mass(_masses: impl Iterator<Item = Self>) -> f64 {
        1.0
    }
}

impl Element for f32 {
    type Portable = Portable<Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = Avx2<Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx512 = Avx512<Self>;

    #[expect(clippy::cast_possible_truncation, reason = "the rounding that is wanted")]
    fn nearest(x: f64) -> Self {
        x as Self
    }

    fn unit_of_mass(masses: impl Iterator<Item = f64>) -> f64 {
        let largest = maximum_of(masses.map(f64::abs));
        if largest > 0.0 { largest } else { 1.0 }
    }
}

/// Most rows of a tile.
pub(crate) const LARGEST_TILE: usize = 256;
/// Products are accumulated over at most this many terms at a time, so that their panels stay in the first cache.
pub(crate) const DEPTH: usize = 128;

/// Rows of a tile for directions of the given padded dimension: small enough that the tile itself stays in cache, large
/// enough that a tile's arithmetic (`6 rows^2 width` operations) outweighs fetching its directions (`rows width` doubles).
pub(crate) const fn tile_rows(width: usize) -> usize {
    match width {
        0..=64 => 64,
        65..=256 => 128,
        _ => LARGEST_TILE,
    }
}

/// The instruction set that the tiles run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstructionSet {
    /// AVX-512 F and DQ, eight doubles at a time.
    Avx512,
    /// AVX2 and FMA, four doubles at a time.
    Avx2,
    /// No assumption on the processor.
    Portable,
}

impl InstructionSet {
    /// The widest set that this machine has.
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// Every set that this machine has, widest first.
    pub fn available() -> &'static [Self] {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 =
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq");
            if avx2 && avx512 {
                return &[Self::Avx512, Self::Avx2, Self::Portable];
            }
            if avx2 {
                return &[Self::Avx2, Self::Portable];
            }
        }
        &[Self::Portable]
    }

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }
}

/// A computation that gains from hardware multiply-add; its result does not depend on it.
pub(crate) trait Task {
    /// What it returns.
    type Output;
    /// Runs it; `#[inline(always)]`, so that it is compiled for the instruction set of its caller.
    fn run(self) -> Self::Output;
}

/// Runs a task, compiled with AVX2 and FMA where the machine has them.
pub(crate) fn with_multiply_add<T: Task>(task: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn compiled<T: Task>(task: T) -> T::Output {
            task.run()
        }
        if InstructionSet::available().contains(&InstructionSet::Avx2) {
            // SAFETY: the instruction set was just detected.
            return unsafe { compiled(task) };
        }
    }
    task.run()
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

/// Numbers that begin at a cache line, so that no vector of a group straddles two.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines<E> {
    room: Vec<E>,
    start: usize,
    length: usize,
}

impl<E: Element> Lines<E> {
    /// Makes it hold `length` numbers: the ones it has if there are as many, zeros otherwise.
    pub(crate) fn resize(&mut self, length: usize) {
        if self.length != length {
            self.room.clear();
            self.room.resize(length + E::GROUP - 1, E::default());
            let line = E::GROUP * size_of::<E>();
            self.start = self.room.as_ptr().align_offset(line).min(E::GROUP - 1);
            self.length = length;
        }
    }

    /// The numbers.
    pub(crate) fn as_slice(&self) -> &[E] {
        &self.room[self.start..self.start + self.length]
    }

    /// The numbers.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [E] {
        &mut self.room[self.start..self.start + self.length]
    }
}

/// Room for one tile.
#[derive(Clone, Debug)]
pub(crate) struct Scratch<E> {
    tile: Lines<E>,
    row_kernel: Lines<E>,
    row_radial: Lines<E>,
}

impl<E: Element> Default for Scratch<E> {
    /// Room for a tile of the largest size.
    fn default() -> Self {
        let lines = |length| {
            let mut lines = Lines::default();
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

fn check<E: Element>(rows: &Rows<'_, E>, sums: &Sums<'_>, scratch: &Scratch<E>) {
    let (n, width) = (rows.count, rows.width);
    let room = LARGEST_TILE * row_stride::<E>(LARGEST_TILE);
    assert!(scratch.tile.length == room, "room for the tile");
    assert!(scratch.row_kernel.length == LARGEST_TILE * E::GROUP, "row buffer");
    assert!(scratch.row_radial.length == LARGEST_TILE * E::GROUP, "row buffer");
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
pub(crate) fn pair<E: Element>(
    set: InstructionSet,
    left: &Rows<'_, E>,
    left_sums: &mut Sums<'_>,
    right: &Rows<'_, E>,
    right_sums: &mut Sums<'_>,
    scratch: &mut Scratch<E>,
) {
    check(left, left_sums, scratch);
    check(right, right_sums, scratch);
    assert_eq!(left.width, right.width, "blocks of one dimension");
    assert_eq!(left.dimension, right.dimension, "blocks of one dimension");
    dispatch(set, left, left_sums, right, Some(right_sums), scratch);
}

/// Adds the interaction of a block with itself to its sums.
pub(crate) fn diagonal<E: Element>(
    set: InstructionSet,
    rows: &Rows<'_, E>,
    sums: &mut Sums<'_>,
    scratch: &mut Scratch<E>,
) {
    check(rows, sums, scratch);
    dispatch(set, rows, sums, rows, None, scratch);
}

fn dispatch<E: Element>(
    set: InstructionSet,
    left: &Rows<'_, E>,
    left_sums: &mut Sums<'_>,
    right: &Rows<'_, E>,
    right_sums: Option<&mut Sums<'_>>,
    scratch: &mut Scratch<E>,
) {
    match set {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 if InstructionSet::available().contains(&set) => {
            // SAFETY: the set was just detected; the shapes were checked by the callers.
            unsafe { tile_avx512(left, left_sums, right, right_sums, scratch) }
        }
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 if InstructionSet::available().contains(&set) => {
            // SAFETY: the set was just detected; the shapes were checked by the callers.
            unsafe { tile_avx2(left, left_sums, right, right_sums, scratch) }
        }
        // SAFETY: no instruction set is assumed; the shapes were checked by the callers.
        _ => unsafe { tile::<E::Portable>(left, left_sums, right, right_sums, scratch) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
unsafe fn tile_avx512<E: Element>(
    left: &Rows<'_, E>,
    left_sums: &mut Sums<'_>,
    right: &Rows<'_, E>,
    right_sums: Option<&mut Sums<'_>>,
    scratch: &mut Scratch<E>,
) {
    // SAFETY: this function enables the set; shapes by the caller.
    unsafe { tile::<E::Avx512>(left, left_sums, right, right_sums, scratch) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn tile_avx2<E: Element>(
    left: &Rows<'_, E>,
    left_sums: &mut Sums<'_>,
    right: &Rows<'_, E>,
    right_sums: Option<&mut Sums<'_>>,
    scratch: &mut Scratch<E>,
) {
    // SAFETY: this function enables the set; shapes by the caller.
    unsafe { tile::<E::Avx2>(left, left_sums, right, right_sums, scratch) }
}

/// The tile of `left` against `right`; without `right_sums` that of `left` against itself.
///
/// # Safety
/// The set of `S` is available and the shapes are those that [`check`] accepts.
#[inline(always)]
unsafe fn tile<S: Simd>(
    left: &Rows<'_, S::Element>,
    left_sums: &mut Sums<'_>,
    right: &Rows<'_, S::Element>,
    right_sums: Option<&mut Sums<'_>>,
    scratch: &mut Scratch<S::Element>,
) {
    let (group, grain) = (S::Element::GROUP, S::Element::GRAIN);
    let (rows, columns) = (left.count, right.count);
    // Entry (i, j) of the tile, with i or j as the outer index of a product.
    let stride = row_stride::<S::Element>(columns);
    let along_rows = Strides { group: group * stride, single: stride, depth: 1 };
    let along_columns = Strides { group, single: 1, depth: stride };
    let mut region = Region {
        tile: scratch.tile.as_mut_slice().as_mut_ptr(),
        stride,
        row_kernel: cleared(&mut scratch.row_kernel, rows),
        row_radial: cleared(&mut scratch.row_radial, rows),
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
fn cleared<E: Element>(buffer: &mut Lines<E>, rows: usize) -> *mut E {
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

/// Where a factor's entries stand: outer index `GROUP g + s` and depth `k` at `g group + s single + k depth`.
#[derive(Clone, Copy)]
struct Strides {
    group: usize,
    single: usize,
    depth: usize,
}

/// Where the product goes: row `GROUP g + s` and column `GROUP p + c` at `g group + s single + p panel + c`.
#[derive(Clone, Copy)]
struct Output<E> {
    target: Target<E>,
    group: usize,
    single: usize,
    panel: usize,
}

/// What a product does with its entries.
#[derive(Clone, Copy)]
enum Target<E> {
    /// Writes them,
    Entries(*mut E),
    /// or adds later terms of theirs.
    Terms(*mut E),
    /// Adds them, times a factor, to doubles.
    Sums(*mut f64, f64),
}

impl<E> Target<E> {
    /// The same so many entries on.
    ///
    /// # Safety
    /// These entries exist.
    #[inline(always)]
    unsafe fn add(self, entries: usize) -> Self {
        // SAFETY: by the caller.
        unsafe {
            match self {
                Self::Entries(start) => Self::Entries(start.add(entries)),
                Self::Terms(start) => Self::Terms(start.add(entries)),
                Self::Sums(start, factor) => Self::Sums(start.add(entries), factor),
            }
        }
    }

    /// The target of the terms after the first.
    fn of_later_terms(self) -> Self {
        match self {
            Self::Entries(start) => Self::Terms(start),
            other => other,
        }
    }

    /// Asks for the cache lines of a group that begins so many entries on, which need not exist.
    ///
    /// # Safety
    /// The set of `S` is available.
    #[inline(always)]
    unsafe fn prefetch<S: Simd<Element = E>>(self, entries: usize) {
        // SAFETY: a prefetch reads nothing, whatever the address.
        unsafe {
            match self {
                Self::Entries(start) | Self::Terms(start) => {
                    S::prefetch(start.wrapping_add(entries).cast());
                }
                Self::Sums(start, _) => {
                    for line in 0..size_of::<f64>() / size_of::<E>() {
                        S::prefetch(start.wrapping_add(entries + line * GROUP).cast());
                    }
                }
            }
        }
    }
}

/// Shape of a product: `rows` and `columns` multiples of the group, any `depth`.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    depth: usize,
}

/// `C = A B` or `C += A B`: `A` is `rows x depth`, `B` is `depth x columns` with unit stride within a group of columns.
///
/// # Safety
/// The set of `S` is available and the pointers are valid for the shape.
#[inline(always)]
unsafe fn product<S: Simd>(
    shape: Shape,
    a: *const S::Element,
    a_strides: Strides,
    b: *const S::Element,
    b_strides: Strides,
    c: Output<S::Element>,
) {
    let group = S::Element::GROUP;
    let far = shape.depth > LARGEST_TILE || shape.columns > LARGEST_TILE;
    for start in (0..shape.depth).step_by(DEPTH) {
        let all = if start == 0 { c.target } else { c.target.of_later_terms() };
        for column in (0..shape.columns).step_by(2 * S::LANES) {
            let here = Panel {
                rows: shape.rows,
                // Two vectors at a time; with the widest these are two groups of columns, the last of which may stand alone.
                wide: shape.columns - column >= 2 * S::LANES,
                depth: DEPTH.min(shape.depth - start),
                far,
                first: column == 0,
            };
            // SAFETY: column < columns and start < depth, and columns are multiples of LANES, so that these entries exist.
            unsafe {
                let a = a.add(start * a_strides.depth);
                let b = b
                    .add(column / group * b_strides.group + column % group)
                    .add(start * b_strides.depth);
                let target = all.add(column / group * c.panel + column % group);
                panel::<S>(here, a, a_strides, b, b_strides, Output { target, ..c });
            }
        }
    }
}

/// A few columns of a product.
#[derive(Clone, Copy)]
struct Panel {
    rows: usize,
    /// Whether there are two vectors of columns or one.
    wide: bool,
    depth: usize,
    /// Whether the factors are larger than the caches,
    far: bool,
    /// and these are the first columns, so that `A` is not in any yet.
    first: bool,
}

/// All rows of a few columns of a product, over at most [`DEPTH`] terms.
///
/// # Safety
/// As for [`product`].
#[inline(always)]
unsafe fn panel<S: Simd>(
    panel: Panel,
    a: *const S::Element,
    a_strides: Strides,
    b: *const S::Element,
    b_strides: Strides,
    c: Output<S::Element>,
) {
    let group = S::Element::GROUP;
    let Panel { rows, wide, depth, far, first } = panel;
    let share = (depth * S::ROWS).div_ceil(rows);
    for row in (0..rows).step_by(S::ROWS) {
        // SAFETY: row + ROWS <= rows, since both are multiples of 8, which ROWS divides; the offsets are those of existing
        // entries. What is prefetched need not exist.
        unsafe {
            let a = a.add(row / group * a_strides.group + row % group * a_strides.single);
            let target = c.target.add(row / group * c.group + row % group * c.single);
            let c = Output { target, ..c };
            if far {
                // The target while its sum is formed, the next panel of B a little with each group of rows, and the next rows of A.
                for r in 0..S::ROWS {
                    target.prefetch::<S>(r * c.single);
                    target.prefetch::<S>(r * c.single + c.panel);
                }
                let next = b.wrapping_add(2 * S::LANES / group * b_strides.group);
                for k in row / S::ROWS * share..(row / S::ROWS + 1) * share {
                    S::prefetch(next.wrapping_add(k * b_strides.depth).cast());
                    S::prefetch(next.wrapping_add(k * b_strides.depth + b_strides.group).cast());
                }
                if first && a_strides.depth > 1 {
                    for k in 0..depth {
                        let next = a.wrapping_add(a_strides.group + k * a_strides.depth);
                        S::prefetch(next.cast());
                    }
                }
            }
            match (S::ROWS, wide) {
                (8, true) => micro::<S, 8, 2>(depth, a, a_strides, b, b_strides, c),
                (8, false) => micro::<S, 8, 1>(depth, a, a_strides, b, b_strides, c),
                (_, true) => micro::<S, 4, 2>(depth, a, a_strides, b, b_strides, c),
                (_, false) => micro::<S, 4, 1>(depth, a, a_strides, b, b_strides, c),
            }
        }
    }
}

/// `ROWS x (VECTORS LANES)` entries of the product, held in registers.
///
/// # Safety
/// As for [`product`].
#[inline(always)]
unsafe fn micro<S: Simd, const ROWS: usize, const VECTORS: usize>(
    depth: usize,
    mut a: *const S::Element,
    a_strides: Strides,
    mut b: *const S::Element,
    b_strides: Strides,
    c: Output<S::Element>,
) {
    let group = S::Element::GROUP;
    // SAFETY: the caller's pointers are valid for the shape; the set is available. The pointers past the last step
    // are not read.
    unsafe {
        let zero = S::splat(S::Element::default());
        let mut sum = [[zero; VECTORS]; ROWS];
        for _ in 0..depth {
            let mut vector = [zero; VECTORS];
            for (v, x) in vector.iter_mut().enumerate() {
                let lane = v * S::LANES;
                *x = S::load(b.add(lane / group * b_strides.group + lane % group));
            }
            for (r, sums) in sum.iter_mut().enumerate() {
                let x = S::splat(*a.add(r * a_strides.single));
                for (s, y) in sums.iter_mut().zip(vector) {
                    *s = S::fma(x, y, *s);
                }
            }
            b = b.wrapping_add(b_strides.depth);
            a = a.wrapping_add(a_strides.depth);
        }
        for (r, sums) in sum.iter().enumerate() {
            for (v, s) in sums.iter().enumerate() {
                let lane = v * S::LANES;
                match c.target.add(r * c.single + lane / group * c.panel + lane % group) {
                    Target::Entries(p) => S::store(p, *s),
                    Target::Terms(p) => S::store(p, S::add(S::load(p), *s)),
                    Target::Sums(p, factor) => S::add_to(p, *s, factor),
                }
            }
        }
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
