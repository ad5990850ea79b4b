//! Products of small matrices, in registers and in the order of the caches.

use super::element::{Element as _, GROUP};
use super::simd::Simd;

/// Products are accumulated over at most this many terms at a time, so that their panels stay in the first cache.
pub(crate) const DEPTH: usize = 128;
/// Most rows of a tile.
pub(crate) const LARGEST_TILE: usize = 256;

/// Where a factor's entries stand: outer index `GROUP g + s` and depth `k` at `g group + s single + k depth`.
#[derive(Clone, Copy)]
pub(super) struct Strides {
    pub(super) group: usize,
    pub(super) single: usize,
    pub(super) depth: usize,
}

/// Where the product goes: row `GROUP g + s` and column `GROUP p + c` at `g group + s single + p panel + c`.
#[derive(Clone, Copy)]
pub(super) struct Output<E> {
    pub(super) target: Target<E>,
    pub(super) group: usize,
    pub(super) single: usize,
    pub(super) panel: usize,
}

/// What a product does with its entries.
#[derive(Clone, Copy)]
pub(super) enum Target<E> {
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
pub(super) struct Shape {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) depth: usize,
}

/// `C = A B` or `C += A B`: `A` is `rows x depth`, `B` is `depth x columns` with unit stride within a group of columns.
///
/// # Safety
/// The set of `S` is available and the pointers are valid for the shape.
#[inline(always)]
pub(super) unsafe fn product<S: Simd>(
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
