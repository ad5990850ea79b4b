//! The fused tile where directions have few coordinates: no Gram matrix in memory, no matrix products.
//!
//! There a product is shorter than the loop around it. Each entry of the tile is made, used for both sides' sums and
//! forgotten, in registers. The sums are those of the tile of the parent module, in the same units, but for that of the kernel, which
//! is `q_j + v_j . sum_b nu_b phi v_b`.

use super::element::GRAIN;
use super::isa::{InstructionSet, OnVectors, on_vectors};
use super::simd::Simd;

/// What stands for a cell of directions: the proxy nodes of an interpolation, or the atoms themselves.
///
/// Planes of `count` doubles each, a multiple of [`GRAIN`].
#[derive(Clone, Debug, Default)]
pub(crate) struct ProxyNodes {
    /// Number of directions.
    pub(crate) count: usize,
    /// `D` planes of unit vectors, `D` of `nu_b v_b`, one of `nu_b`.
    pub(crate) sources: Vec<f64>,
    /// One plane of `sum_b nu_b q`, `D` of `sum_b nu_b phi v_b`.
    pub(crate) sums: Vec<f64>,
}

impl ProxyNodes {
    /// Zeros.
    pub(crate) fn zeros<const D: usize>(count: usize) -> Self {
        Self { count, sources: vec![0.0; (2 * D + 1) * count], sums: vec![0.0; (D + 1) * count] }
    }

    fn check<const D: usize>(&self) {
        assert!(self.count.is_multiple_of(GRAIN), "padded nodes");
        assert!(self.sources.len() == (2 * D + 1) * self.count, "sources");
        assert!(self.sums.len() == (D + 1) * self.count, "sums");
    }
}

/// Adds the interaction of two sets of nodes to the sums of both.
pub(crate) fn pair<const D: usize>(
    set: InstructionSet,
    left: &mut ProxyNodes,
    right: &mut ProxyNodes,
) {
    left.check::<D>();
    right.check::<D>();
    run::<D>(set, left, Some(right));
}

/// Adds the interaction of nodes with themselves to their sums.
pub(crate) fn alone<const D: usize>(set: InstructionSet, nodes: &mut ProxyNodes) {
    nodes.check::<D>();
    run::<D>(set, nodes, None);
}

fn run<const D: usize>(set: InstructionSet, left: &mut ProxyNodes, right: Option<&mut ProxyNodes>) {
    let pointers = |nodes: &mut ProxyNodes| Pointers {
        count: nodes.count,
        sources: nodes.sources.as_ptr(),
        sums: nodes.sums.as_mut_ptr(),
    };
    let left = pointers(left);
    let right = right.map(pointers);
    // SAFETY: the lengths were checked by the callers.
    unsafe { on_vectors(set, Meeting::<D> { left, right }) }
}

/// Planes of proxy nodes.
#[derive(Clone, Copy)]
struct Pointers {
    count: usize,
    sources: *const f64,
    sums: *mut f64,
}

/// `left` against `right`; without `right` against itself.
struct Meeting<const D: usize> {
    left: Pointers,
    right: Option<Pointers>,
}

impl<const D: usize> OnVectors<f64> for Meeting<D> {
    /// # Safety
    /// The lengths are those that [`ProxyNodes::check`] accepts, and `right` are other nodes.
    #[inline(always)]
    unsafe fn run<S: Simd<Element = f64>>(self) {
        let Self { left, right } = self;
        // SAFETY: as for this function.
        unsafe {
            match right {
                Some(right) => rows::<S, D, true>(left, right),
                None => rows::<S, D, false>(left, left),
            }
        }
    }
}

/// Two rows of the left nodes at a time against all of the right ones.
///
/// # Safety
/// The set of `S` is available and the lengths are those that [`ProxyNodes::check`] accepts; with
/// `SYMMETRIC` left and right are different nodes.
#[inline(always)]
unsafe fn rows<S: Simd<Element = f64>, const D: usize, const SYMMETRIC: bool>(
    left: Pointers,
    right: Pointers,
) {
    // SAFETY: rows are below left.count, columns below right.count in steps of 2 LANES, which divide it; planes as in `ProxyNodes`.
    unsafe {
        let zero = S::splat(0.0);
        let of_row =
            |plane: usize, row: usize| S::splat(*left.sources.add(plane * left.count + row));
        let mut row = 0;
        while row < left.count {
            let unit: [[S::Vector; D]; 2] =
                std::array::from_fn(|i| std::array::from_fn(|c| of_row(c, row + i)));
            let weighted: [[S::Vector; D]; 2] =
                std::array::from_fn(|i| std::array::from_fn(|c| of_row(D + c, row + i)));
            let mass: [S::Vector; 2] = std::array::from_fn(|i| of_row(2 * D, row + i));
            let mut radial = [zero; 2];
            let mut tangent = [[zero; D]; 2];
            let mut column = 0;
            while column < right.count {
                let source = |plane: usize, v: usize| {
                    S::load(right.sources.add(plane * right.count + column + v * S::LANES))
                };
                let mut t = [zero; 4];
                for (n, t) in t.iter_mut().enumerate() {
                    let (i, v) = (n / 2, n % 2);
                    *t = S::mul(unit[i][0], source(0, v));
                    for (c, u) in unit[i].iter().enumerate().skip(1) {
                        *t = S::fma(*u, source(c, v), *t);
                    }
                }
                let f = S::functions(t);
                for (n, f) in f.iter().enumerate() {
                    let (i, v) = (n / 2, n % 2);
                    radial[i] = S::fma(source(2 * D, v), f.radial, radial[i]);
                    for (c, g) in tangent[i].iter_mut().enumerate() {
                        *g = S::fma(source(D + c, v), f.angle, *g);
                    }
                }
                if SYMMETRIC {
                    for v in 0..2 {
                        let (first, second) = (&f[v], &f[2 + v]);
                        let start = right.sums.add(column + v * S::LANES);
                        let q = S::fma(mass[0], first.radial, S::load(start));
                        S::store(start, S::fma(mass[1], second.radial, q));
                        for (c, (w0, w1)) in weighted[0].iter().zip(&weighted[1]).enumerate() {
                            let target = start.add((1 + c) * right.count);
                            let g = S::fma(*w0, first.angle, S::load(target));
                            S::store(target, S::fma(*w1, second.angle, g));
                        }
                    }
                }
                column += 2 * S::LANES;
            }
            for i in 0..2 {
                let add = |plane: usize, v: S::Vector| {
                    let mut lanes = [0.0; 8];
                    S::store(lanes.as_mut_ptr(), v);
                    *left.sums.add(plane * left.count + row + i) +=
                        lanes[..S::LANES].iter().sum::<f64>();
                };
                add(0, radial[i]);
                for (c, g) in tangent[i].iter().enumerate() {
                    add(1 + c, *g);
                }
            }
            row += 2;
        }
    }
}
