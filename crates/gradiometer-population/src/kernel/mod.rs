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

pub(crate) mod narrow;
pub(crate) mod samples;
mod simd;

use simd::{Portable, Simd};

/// Rows of directions, and coordinates, are kept in groups of this many: the widest vector.
pub(crate) const GROUP: usize = 8;
/// Numbers of rows are padded to a multiple of this: two groups.
pub(crate) const GRAIN: usize = 2 * GROUP;
/// Most rows of a tile.
pub(crate) const LARGEST_TILE: usize = 256;
/// Products are accumulated over at most this many terms at a time, so that their panels stay in the first cache.
const DEPTH: usize = 128;

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

/// A tile's side: `count` directions (a multiple of [`GRAIN`], at most [`LARGEST_TILE`]) of padded dimension `width` (a
/// multiple of [`GROUP`]), grouped by eights for the products.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    /// Number of rows.
    pub(crate) count: usize,
    /// Padded dimension.
    pub(crate) width: usize,
    /// Unit vectors: for each eight rows, for each coordinate, the eight entries; `count x width` in all.
    pub(crate) units: &'a [f64],
    /// `nu_b v_b`: for each eight coordinates, for each row, the eight entries; `count x width` in all.
    pub(crate) weighted: &'a [f64],
    /// `nu_b`, length `count`.
    pub(crate) masses: &'a [f64],
}

/// What a block of directions has collected so far, in units of `1/(2 pi)`.
#[derive(Debug)]
pub(crate) struct Sums<'a> {
    /// `sum_b nu_b k(t)`, length `count`.
    pub(crate) kernel: &'a mut [f64],
    /// `sum_b nu_b (sqrt(1 - t^2) - 1)`, length `count`.
    pub(crate) radial: &'a mut [f64],
    /// `sum_b nu_b asin(t) v_b`, laid out as [`Rows::weighted`].
    pub(crate) tangent: &'a mut [f64],
}

/// Doubles that begin at a cache line, so that no vector of eight straddles two.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    room: Vec<f64>,
    start: usize,
    length: usize,
}

impl Lines {
    /// Makes it hold `length` doubles: the ones it has if there are as many, zeros otherwise.
    pub(crate) fn resize(&mut self, length: usize) {
        if self.length != length {
            self.room.clear();
            self.room.resize(length + GROUP - 1, 0.0);
            self.start = self.room.as_ptr().align_offset(size_of::<[f64; GROUP]>()).min(GROUP - 1);
            self.length = length;
        }
    }

    /// The doubles.
    pub(crate) fn as_slice(&self) -> &[f64] {
        &self.room[self.start..self.start + self.length]
    }

    /// The doubles.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.room[self.start..self.start + self.length]
    }
}

/// Room for one tile.
#[derive(Clone, Debug)]
pub(crate) struct Scratch {
    tile: Lines,
    row_kernel: Lines,
    row_radial: Lines,
}

impl Default for Scratch {
    /// Room for a tile of the largest size.
    fn default() -> Self {
        let lines = |length| {
            let mut lines = Lines::default();
            lines.resize(length);
            lines
        };
        Self {
            tile: lines(LARGEST_TILE * row_stride(LARGEST_TILE)),
            row_kernel: lines(LARGEST_TILE * GROUP),
            row_radial: lines(LARGEST_TILE * GROUP),
        }
    }
}

/// Doubles from one row of a tile to the next: a little more than the row, so that rows do not share cache sets.
const fn row_stride(columns: usize) -> usize {
    columns + GROUP
}

fn check(rows: &Rows<'_>, sums: &Sums<'_>, scratch: &Scratch) {
    let (n, width) = (rows.count, rows.width);
    assert!(scratch.tile.length == LARGEST_TILE * row_stride(LARGEST_TILE), "room for the tile");
    assert!(scratch.row_kernel.length == LARGEST_TILE * GROUP, "row buffer");
    assert!(scratch.row_radial.length == LARGEST_TILE * GROUP, "row buffer");
    assert!(
        n <= LARGEST_TILE && n.is_multiple_of(GRAIN) && width.is_multiple_of(GROUP),
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
pub(crate) fn pair(
    set: InstructionSet,
    left: &Rows<'_>,
    left_sums: &mut Sums<'_>,
    right: &Rows<'_>,
    right_sums: &mut Sums<'_>,
    scratch: &mut Scratch,
) {
    check(left, left_sums, scratch);
    check(right, right_sums, scratch);
    assert_eq!(left.width, right.width, "blocks of one dimension");
    dispatch(set, left, left_sums, right, Some(right_sums), scratch);
}

/// Adds the interaction of a block with itself to its sums.
pub(crate) fn diagonal(
    set: InstructionSet,
    rows: &Rows<'_>,
    sums: &mut Sums<'_>,
    scratch: &mut Scratch,
) {
    check(rows, sums, scratch);
    dispatch(set, rows, sums, rows, None, scratch);
}

fn dispatch(
    set: InstructionSet,
    left: &Rows<'_>,
    left_sums: &mut Sums<'_>,
    right: &Rows<'_>,
    right_sums: Option<&mut Sums<'_>>,
    scratch: &mut Scratch,
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
        _ => unsafe { tile::<Portable>(left, left_sums, right, right_sums, scratch) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
unsafe fn tile_avx512(
    left: &Rows<'_>,
    left_sums: &mut Sums<'_>,
    right: &Rows<'_>,
    right_sums: Option<&mut Sums<'_>>,
    scratch: &mut Scratch,
) {
    // SAFETY: this function enables the set; shapes by the caller.
    unsafe { tile::<simd::Avx512>(left, left_sums, right, right_sums, scratch) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn tile_avx2(
    left: &Rows<'_>,
    left_sums: &mut Sums<'_>,
    right: &Rows<'_>,
    right_sums: Option<&mut Sums<'_>>,
    scratch: &mut Scratch,
) {
    // SAFETY: this function enables the set; shapes by the caller.
    unsafe { tile::<simd::Avx2>(left, left_sums, right, right_sums, scratch) }
}

/// The tile of `left` against `right`; without `right_sums` that of `left` against itself.
///
/// # Safety
/// The set of `S` is available and the shapes are those that [`check`] accepts.
#[inline(always)]
unsafe fn tile<S: Simd>(
    left: &Rows<'_>,
    left_sums: &mut Sums<'_>,
    right: &Rows<'_>,
    right_sums: Option<&mut Sums<'_>>,
    scratch: &mut Scratch,
) {
    let (rows, columns) = (left.count, right.count);
    // Entry (i, j) of the tile, with i or j as the outer index of a product.
    let stride = row_stride(columns);
    let along_rows = Strides { group: GROUP * stride, single: stride, depth: 1 };
    let along_columns = Strides { group: GROUP, single: 1, depth: stride };
    let mut region = Region {
        tile: scratch.tile.as_mut_slice().as_mut_ptr(),
        stride,
        row_kernel: cleared(&mut scratch.row_kernel, rows),
        row_radial: cleared(&mut scratch.row_radial, rows),
        masses: [left.masses.as_ptr(), right.masses.as_ptr()],
        columns: [left_sums.kernel.as_mut_ptr(), left_sums.radial.as_mut_ptr()],
    };
    // SAFETY: the tile has room for rows x stride, the row buffers for eight doubles a row; units hold count x width, masses and
    // accumulators count, tangents count x width doubles (check).
    unsafe {
        if let Some(right_sums) = right_sums {
            region.columns = [right_sums.kernel.as_mut_ptr(), right_sums.radial.as_mut_ptr()];
            cosines::<S>(left, right, &region, [0, rows], [0, columns]);
            elementwise::<S, true>(&region, [0, rows], [0, columns]);
            let shape = Shape { rows: columns, columns: left.width, depth: rows };
            let (weighted, by_panel) = panels(left);
            let sums = tangent(right_sums, columns);
            product::<S>(shape, region.tile, along_columns, weighted, by_panel, sums);
        } else {
            // Each leaf of rows against itself, then against the rows after it, which the transpose below the diagonal repeats.
            for start in (0..rows).step_by(GRAIN) {
                let end = start + GRAIN;
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
        let sums = tangent(left_sums, rows);
        product::<S>(shape, region.tile, along_rows, weighted, by_panel, sums);
        for row in 0..rows {
            let sum = |lanes: *const f64| -> f64 {
                (0..S::LANES).map(|lane| *lanes.add(row * GROUP + lane)).sum()
            };
            left_sums.kernel[row] += sum(region.row_kernel);
            left_sums.radial[row] += sum(region.row_radial);
        }
    }
}

/// A row buffer, zero for the given rows.
fn cleared(buffer: &mut Lines, rows: usize) -> *mut f64 {
    let buffer = buffer.as_mut_slice();
    buffer[..rows * GROUP].fill(0.0);
    buffer.as_mut_ptr()
}

/// Where the entries of a tile and their sums go, for the rows `left` and the columns `right`.
#[derive(Clone, Copy)]
struct Region {
    tile: *mut f64,
    stride: usize,
    /// Eight partial sums for each row.
    row_kernel: *mut f64,
    row_radial: *mut f64,
    /// Those of the rows and those of the columns.
    masses: [*const f64; 2],
    /// The columns' sums of kernel and radial part.
    columns: [*mut f64; 2],
}

/// Writes the cosines of the given rows and columns.
///
/// # Safety
/// As for [`tile`]; the ranges are within it and begin and end at multiples of [`GRAIN`].
#[inline(always)]
unsafe fn cosines<S: Simd>(
    left: &Rows<'_>,
    right: &Rows<'_>,
    region: &Region,
    [row, rows_end]: [usize; 2],
    [column, columns_end]: [usize; 2],
) {
    let width = left.width;
    // Eight rows of `units` are one group: entry (r, k) at group + 8 k + r.
    let by_group = Strides { group: GROUP * width, single: 1, depth: GROUP };
    let shape = Shape { rows: rows_end - row, columns: columns_end - column, depth: width };
    // SAFETY: units hold count x width and the tile count x stride doubles (check).
    unsafe {
        let out = Output {
            start: region.tile.add(row * region.stride + column),
            group: GROUP * region.stride,
            single: region.stride,
            panel: GROUP,
            accumulate: false,
        };
        let (u, v) = (left.units.as_ptr().add(row * width), right.units.as_ptr());
        product::<S>(shape, u, by_group, v.add(column * width), by_group, out);
    }
}

/// The weighted directions as the right factor of a product: entry (row, coordinate).
fn panels(rows: &Rows<'_>) -> (*const f64, Strides) {
    (rows.weighted.as_ptr(), Strides { group: GROUP * rows.count, single: 1, depth: GROUP })
}

/// The tangent sums as the target of a product.
fn tangent(sums: &mut Sums<'_>, count: usize) -> Output {
    Output {
        start: sums.tangent.as_mut_ptr(),
        group: GROUP * GROUP,
        single: GROUP,
        panel: GROUP * count,
        accumulate: true,
    }
}

/// Where a factor's entries stand: outer index `8 g + s` and depth `k` at `g group + s single + k depth`.
#[derive(Clone, Copy)]
struct Strides {
    group: usize,
    single: usize,
    depth: usize,
}

/// Where the product goes: row `8 g + s` and column `8 p + c` at `g group + s single + p panel + c`.
#[derive(Clone, Copy)]
struct Output {
    start: *mut f64,
    group: usize,
    single: usize,
    panel: usize,
    accumulate: bool,
}

/// Shape of a product: `rows` and `columns` multiples of [`GROUP`], any `depth`.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    depth: usize,
}

/// `C (+)= A B`: `A` is `rows x depth`, `B` is `depth x columns` with unit stride within eight columns.
///
/// # Safety
/// The set of `S` is available and the pointers are valid for the shape.
#[inline(always)]
unsafe fn product<S: Simd>(
    shape: Shape,
    a: *const f64,
    a_strides: Strides,
    b: *const f64,
    b_strides: Strides,
    c: Output,
) {
    let far = shape.depth > LARGEST_TILE || shape.columns > LARGEST_TILE;
    for start in (0..shape.depth).step_by(DEPTH) {
        for column in (0..shape.columns).step_by(2 * S::LANES) {
            let here = Panel {
                rows: shape.rows,
                // Two vectors at a time; with eight lanes these are two groups of columns, the last of which may stand alone.
                wide: shape.columns - column >= 2 * S::LANES,
                depth: DEPTH.min(shape.depth - start),
                far,
                first: column == 0,
            };
            // SAFETY: column < columns and start < depth, and columns are multiples of LANES, so that these entries exist.
            unsafe {
                let a = a.add(start * a_strides.depth);
                let b = b
                    .add(column / GROUP * b_strides.group + column % GROUP)
                    .add(start * b_strides.depth);
                let c = Output {
                    start: c.start.add(column / GROUP * c.panel + column % GROUP),
                    accumulate: c.accumulate || start > 0,
                    ..c
                };
                panel::<S>(here, a, a_strides, b, b_strides, c);
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
    a: *const f64,
    a_strides: Strides,
    b: *const f64,
    b_strides: Strides,
    c: Output,
) {
    let Panel { rows, wide, depth, far, first } = panel;
    let share = (depth * S::ROWS).div_ceil(rows);
    for row in (0..rows).step_by(S::ROWS) {
        // SAFETY: row + ROWS <= rows, since both are multiples of 8, which ROWS divides; the offsets are those of existing
        // entries. What is prefetched need not exist.
        unsafe {
            let a = a.add(row / GROUP * a_strides.group + row % GROUP * a_strides.single);
            let start = c.start.add(row / GROUP * c.group + row % GROUP * c.single);
            let c = Output { start, ..c };
            if far {
                // The target while its sum is formed, the next panel of B a little with each group of rows, and the next rows of A.
                for r in 0..S::ROWS {
                    S::prefetch(start.wrapping_add(r * c.single));
                    S::prefetch(start.wrapping_add(r * c.single + c.panel));
                }
                let next = b.wrapping_add(2 * S::LANES / GROUP * b_strides.group);
                for k in row / S::ROWS * share..(row / S::ROWS + 1) * share {
                    S::prefetch(next.wrapping_add(k * b_strides.depth));
                    S::prefetch(next.wrapping_add(k * b_strides.depth + b_strides.group));
                }
                if first && a_strides.depth > 1 {
                    for k in 0..depth {
                        S::prefetch(a.wrapping_add(a_strides.group + k * a_strides.depth));
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
    mut a: *const f64,
    a_strides: Strides,
    mut b: *const f64,
    b_strides: Strides,
    c: Output,
) {
    // SAFETY: the caller's pointers are valid for the shape; the set is available. The pointers past the last step
    // are not read.
    unsafe {
        let mut sum = [[S::splat(0.0); VECTORS]; ROWS];
        for _ in 0..depth {
            let mut vector = [S::splat(0.0); VECTORS];
            for (v, x) in vector.iter_mut().enumerate() {
                let lane = v * S::LANES;
                *x = S::load(b.add(lane / GROUP * b_strides.group + lane % GROUP));
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
                let target = c.start.add(r * c.single + lane / GROUP * c.panel + lane % GROUP);
                S::store(target, if c.accumulate { S::add(S::load(target), *s) } else { *s });
            }
        }
    }
}

/// Replaces the cosines of the given rows and columns by their arcsines and adds the kernel and radial sums, with `SYMMETRIC` those of the
/// columns too.
///
/// # Safety
/// As for [`tile`]; the ranges are within it and begin and end at multiples of [`GRAIN`].
#[inline(always)]
unsafe fn elementwise<S: Simd, const SYMMETRIC: bool>(
    region: &Region,
    [first_row, rows_end]: [usize; 2],
    [first_column, columns_end]: [usize; 2],
) {
    let lanes = S::LANES;
    let Region { tile, stride, row_kernel, row_radial, .. } = *region;
    // SAFETY: columns run in steps of 2 LANES, which divides GRAIN, and rows in steps of two, both within the tile; the row
    // buffers hold 8 >= LANES doubles a row.
    unsafe {
        let mut column = first_column;
        while column < columns_end {
            let masses = region.masses[1].add(column);
            let masses = [S::load(masses), S::load(masses.add(lanes))];
            let zero = S::splat(0.0);
            let (mut kernel_sum, mut radial_sum) = ([zero; 2], [zero; 2]);
            let mut row = first_row;
            while row < rows_end {
                let here = [tile.add(row * stride + column), tile.add((row + 1) * stride + column)];
                let f = functions::<S, 4>([
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
                    let k = row_kernel.add((row + i) * GROUP);
                    let sum = S::fma(masses[0], f[0].kernel, S::load(k));
                    S::store(k, S::fma(masses[1], f[1].kernel, sum));
                    let q = row_radial.add((row + i) * GROUP);
                    let sum = S::fma(masses[0], f[0].radial, S::load(q));
                    S::store(q, S::fma(masses[1], f[1].radial, sum));
                }
                row += 2;
            }
            if SYMMETRIC {
                let sums = kernel_sum.into_iter().zip(radial_sum);
                for (i, (kernel_sum, radial_sum)) in sums.enumerate() {
                    let [k, q] = region.columns.map(|sums| sums.add(column + i * lanes));
                    S::store(k, S::add(S::load(k), kernel_sum));
                    S::store(q, S::add(S::load(q), radial_sum));
                }
            }
            column += 2 * lanes;
        }
    }
}

/// The three functions of a cosine, in units of `1/(2 pi)`.
#[derive(Clone, Copy)]
struct Functions<V> {
    kernel: V,
    radial: V,
    angle: V,
}

/// `(asin(sqrt z)/sqrt z - 1)/z` on `[0, 1/4]`: thirteen coefficients, lowest first, of a polynomial within
/// `2e-17` of it (interpolated in 60 digits at Chebyshev nodes, then rounded).
const ARCSINE: [f64; 13] = [
    0.16666666666666669,
    0.07499999999998433,
    0.04464285714635545,
    0.030381944138529803,
    0.022372172942209625,
    0.017352392719417624,
    0.01397121299584485,
    0.01147917719077423,
    0.010322815852320064,
    0.005457500096744011,
    0.017400897906395946,
    -0.01485191657576524,
    0.0287578719503479,
];

/// Arcsine, root and kernel of the cosines `t`, `|t|` clamped to 1; several at a time, step by step, since each step waits for
/// the one before it.
///
/// With `x = |t|`, `z = x^2` and `y = x` for `x <= 1/2`, and `z = (1 - x)/2`, `y = sqrt z` above: the arcsine of `y` is
/// `r = y + y z R(z)`, so `asin x = r`, or `pi/2 - 2 r` above; `sqrt(1 - x^2) = sqrt(1 - z)`, times `2 y` above. Each
/// result is within 4 units of `2^-53`, absolutely, of its exact value at the given double (measured in the tests,
/// on every instruction set); root and arcsine come from one `y`, so that their errors cancel in the gradient.
///
/// # Safety
/// The set of `S` is available.
#[inline(always)]
unsafe fn functions<S: Simd, const N: usize>(t: [S::Vector; N]) -> [Functions<S::Vector>; N] {
    // SAFETY: the set is available.
    unsafe {
        let (one, half) = (S::splat(1.0), S::splat(0.5));
        let (mut x, mut z) = (t, t);
        let mut steep = false;
        for i in 0..N {
            x[i] = S::clamp_above(S::abs(t[i]), one);
            z[i] = S::mul(x[i], x[i]);
            steep |= S::any_above(x[i], half);
        }
        let mut y = x;
        if steep {
            for i in 0..N {
                let z_above = S::mul(half, S::sub(one, x[i]));
                z[i] = S::select_above(x[i], half, z_above, z[i]);
                y[i] = S::select_above(x[i], half, S::sqrt(z_above), x[i]);
            }
        }
        let mut root = z;
        for r in &mut root {
            // z is at most 1/4.
            *r = S::sqrt_near_one(S::sub(one, *r));
        }
        let mut series = [S::splat(ARCSINE[12]); N];
        for c in ARCSINE[..12].iter().rev() {
            let c = S::splat(*c);
            for (s, z) in series.iter_mut().zip(z) {
                *s = S::fma(*s, z, c);
            }
        }
        let mut angle = [one; N];
        for i in 0..N {
            angle[i] = S::fma(S::mul(y[i], z[i]), series[i], y[i]);
        }
        if steep {
            for i in 0..N {
                let (twice, r) = (S::add(y[i], y[i]), angle[i]);
                root[i] = S::mul(root[i], S::select_above(x[i], half, twice, one));
                let complement = S::sub(S::splat(std::f64::consts::FRAC_PI_2), S::add(r, r));
                angle[i] = S::select_above(x[i], half, complement, r);
            }
        }
        let mut all = [Functions { kernel: one, radial: one, angle: one }; N];
        for (i, f) in all.iter_mut().enumerate() {
            f.radial = S::sub(root[i], one);
            f.kernel = S::fma(x[i], angle[i], f.radial);
            f.angle = S::with_sign(angle[i], t[i]);
        }
        all
    }
}

#[cfg(test)]
mod tests;
