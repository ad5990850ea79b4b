//! Vectors of doubles under three instruction sets.
//!
//! Every function of [`Simd`] is `#[inline(always)]` and meant to be inlined into a function that enables the
//! instruction set it is implemented with; calling it on a machine without that set is undefined behaviour,
//! hence `unsafe`.

/// A vector of `LANES` doubles and the few operations that the tile needs.
///
/// # Safety
/// Each method may execute only where the implementing type's instruction set is available, and pointers given
/// to `load` and `store` are valid for `LANES` doubles.
pub(super) unsafe trait Simd: Copy {
    /// The register type.
    type Vector: Copy;
    /// Doubles in a register.
    const LANES: usize;
    /// Rows of the matrix-product microkernel, so that its accumulators fit the registers.
    const ROWS: usize;

    unsafe fn splat(x: f64) -> Self::Vector;
    unsafe fn load(p: *const f64) -> Self::Vector;
    unsafe fn store(p: *mut f64, v: Self::Vector);
    /// Asks for a cache line ahead of its use; any address will do.
    unsafe fn prefetch(_p: *const f64) {}
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a b + c`, in one rounding where the set has it.
    unsafe fn fma(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    unsafe fn sqrt(a: Self::Vector) -> Self::Vector;
    /// The root of a number in `[1/2, 1]`, within a unit of `2^-53` of it; without the unit that divides, where the set has what that takes.
    unsafe fn sqrt_near_one(a: Self::Vector) -> Self::Vector {
        // SAFETY: the caller's promise is the one sqrt needs.
        unsafe { Self::sqrt(a) }
    }
    unsafe fn abs(a: Self::Vector) -> Self::Vector;
    /// `magnitude` (not negative) with the sign of `sign`.
    unsafe fn with_sign(magnitude: Self::Vector, sign: Self::Vector) -> Self::Vector;
    /// Lanewise `x > bound ? above : below`.
    unsafe fn select_above(
        x: Self::Vector,
        bound: Self::Vector,
        above: Self::Vector,
        below: Self::Vector,
    ) -> Self::Vector;
    /// Whether some lane of `x` exceeds that of `bound`.
    unsafe fn any_above(x: Self::Vector, bound: Self::Vector) -> bool;
    /// Lanewise `x > bound ? bound : x`; NaN stays.
    unsafe fn clamp_above(x: Self::Vector, bound: Self::Vector) -> Self::Vector {
        // SAFETY: the caller's promise is the one select_above needs.
        unsafe { Self::select_above(x, bound, bound, x) }
    }
}

/// Four doubles in plain Rust.
#[derive(Clone, Copy)]
pub(super) struct Portable;

type Four = [f64; 4];

#[inline(always)]
fn zip(a: Four, b: Four, f: impl Fn(f64, f64) -> f64) -> Four {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

// SAFETY: no instruction set beyond the target's own; pointers are the caller's promise.
unsafe impl Simd for Portable {
    type Vector = Four;
    const LANES: usize = 4;
    const ROWS: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Four {
        [x; 4]
    }
    #[inline(always)]
    unsafe fn load(p: *const f64) -> Four {
        // SAFETY: the caller promises four readable doubles.
        unsafe { p.cast::<Four>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f64, v: Four) {
        // SAFETY: the caller promises four writable doubles.
        unsafe { p.cast::<Four>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn add(a: Four, b: Four) -> Four {
        zip(a, b, |x, y| x + y)
    }
    #[inline(always)]
    unsafe fn sub(a: Four, b: Four) -> Four {
        zip(a, b, |x, y| x - y)
    }
    #[inline(always)]
    unsafe fn mul(a: Four, b: Four) -> Four {
        zip(a, b, |x, y| x * y)
    }
    #[inline(always)]
    unsafe fn fma(a: Four, b: Four, c: Four) -> Four {
        // Two roundings: without the instruction, mul_add would call a slow library routine.
        zip(zip(a, b, |x, y| x * y), c, |x, y| x + y)
    }
    #[inline(always)]
    unsafe fn sqrt(a: Four) -> Four {
        a.map(f64::sqrt)
    }
    #[inline(always)]
    unsafe fn abs(a: Four) -> Four {
        a.map(f64::abs)
    }
    #[inline(always)]
    unsafe fn with_sign(magnitude: Four, sign: Four) -> Four {
        zip(magnitude, sign, f64::copysign)
    }
    #[inline(always)]
    unsafe fn select_above(x: Four, bound: Four, above: Four, below: Four) -> Four {
        std::array::from_fn(|i| if x[i] > bound[i] { above[i] } else { below[i] })
    }
    #[inline(always)]
    unsafe fn any_above(x: Four, bound: Four) -> bool {
        (0..4).any(|i| x[i] > bound[i])
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Simd;
    use std::arch::x86_64::{
        __m256d, __m512d, _CMP_GT_OQ, _MM_HINT_T0, _mm_prefetch, _mm256_add_pd, _mm256_and_pd,
        _mm256_andnot_pd, _mm256_blendv_pd, _mm256_cmp_pd, _mm256_fmadd_pd, _mm256_loadu_pd,
        _mm256_movemask_pd, _mm256_mul_pd, _mm256_or_pd, _mm256_set1_pd, _mm256_sqrt_pd,
        _mm256_storeu_pd, _mm256_sub_pd, _mm512_abs_pd, _mm512_add_pd, _mm512_and_pd,
        _mm512_cmp_pd_mask, _mm512_fmadd_pd, _mm512_fnmadd_pd, _mm512_loadu_pd,
        _mm512_mask_blend_pd, _mm512_mul_pd, _mm512_or_pd, _mm512_rsqrt14_pd, _mm512_set1_pd,
        _mm512_sqrt_pd, _mm512_storeu_pd, _mm512_sub_pd,
    };

    /// Four doubles under AVX2 with FMA.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2;

    // SAFETY: callers run where AVX2 and FMA are available; pointers are the caller's promise.
    unsafe impl Simd for Avx2 {
        type Vector = __m256d;
        const LANES: usize = 4;
        const ROWS: usize = 4;

        #[inline(always)]
        unsafe fn prefetch(p: *const f64) {
            // SAFETY: a prefetch reads nothing, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
        }
        #[inline(always)]
        unsafe fn splat(x: f64) -> __m256d {
            // SAFETY: AVX2 by the trait's contract, as in every method below.
            unsafe { _mm256_set1_pd(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f64) -> __m256d {
            // SAFETY: four readable doubles by the trait's contract.
            unsafe { _mm256_loadu_pd(p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f64, v: __m256d) {
            // SAFETY: four writable doubles by the trait's contract.
            unsafe { _mm256_storeu_pd(p, v) }
        }
        #[inline(always)]
        unsafe fn add(a: __m256d, b: __m256d) -> __m256d {
            // SAFETY: AVX2 by contract.
            unsafe { _mm256_add_pd(a, b) }
        }
        #[inline(always)]
        unsafe fn sub(a: __m256d, b: __m256d) -> __m256d {
            // SAFETY: AVX2 by contract.
            unsafe { _mm256_sub_pd(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: __m256d, b: __m256d) -> __m256d {
            // SAFETY: AVX2 by contract.
            unsafe { _mm256_mul_pd(a, b) }
        }
        #[inline(always)]
        unsafe fn fma(a: __m256d, b: __m256d, c: __m256d) -> __m256d {
            // SAFETY: FMA by contract.
            unsafe { _mm256_fmadd_pd(a, b, c) }
        }
        #[inline(always)]
        unsafe fn sqrt(a: __m256d) -> __m256d {
            // SAFETY: AVX2 by contract.
            unsafe { _mm256_sqrt_pd(a) }
        }
        #[inline(always)]
        unsafe fn abs(a: __m256d) -> __m256d {
            // SAFETY: AVX2 by contract.
            unsafe { _mm256_andnot_pd(_mm256_set1_pd(-0.0), a) }
        }
        #[inline(always)]
        unsafe fn with_sign(magnitude: __m256d, sign: __m256d) -> __m256d {
            // SAFETY: AVX2 by contract.
            unsafe { _mm256_or_pd(magnitude, _mm256_and_pd(_mm256_set1_pd(-0.0), sign)) }
        }
        #[inline(always)]
        unsafe fn select_above(
            x: __m256d,
            bound: __m256d,
            above: __m256d,
            below: __m256d,
        ) -> __m256d {
            // SAFETY: AVX2 by contract.
            unsafe { _mm256_blendv_pd(below, above, _mm256_cmp_pd::<_CMP_GT_OQ>(x, bound)) }
        }
        #[inline(always)]
        unsafe fn any_above(x: __m256d, bound: __m256d) -> bool {
            // SAFETY: AVX2 by contract.
            unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_GT_OQ>(x, bound)) != 0 }
        }
    }

    /// Eight doubles under AVX-512.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx512;

    // SAFETY: callers run where AVX-512 F and DQ are available; pointers are the caller's promise.
    unsafe impl Simd for Avx512 {
        type Vector = __m512d;
        const LANES: usize = 8;
        const ROWS: usize = 8;

        #[inline(always)]
        unsafe fn prefetch(p: *const f64) {
            // SAFETY: a prefetch reads nothing, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
        }
        #[inline(always)]
        unsafe fn splat(x: f64) -> __m512d {
            // SAFETY: AVX-512 by the trait's contract, as in every method below.
            unsafe { _mm512_set1_pd(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f64) -> __m512d {
            // SAFETY: eight readable doubles by the trait's contract.
            unsafe { _mm512_loadu_pd(p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f64, v: __m512d) {
            // SAFETY: eight writable doubles by the trait's contract.
            unsafe { _mm512_storeu_pd(p, v) }
        }
        #[inline(always)]
        unsafe fn add(a: __m512d, b: __m512d) -> __m512d {
            // SAFETY: AVX-512 by contract.
            unsafe { _mm512_add_pd(a, b) }
        }
        #[inline(always)]
        unsafe fn sub(a: __m512d, b: __m512d) -> __m512d {
            // SAFETY: AVX-512 by contract.
            unsafe { _mm512_sub_pd(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: __m512d, b: __m512d) -> __m512d {
            // SAFETY: AVX-512 by contract.
            unsafe { _mm512_mul_pd(a, b) }
        }
        #[inline(always)]
        unsafe fn fma(a: __m512d, b: __m512d, c: __m512d) -> __m512d {
            // SAFETY: AVX-512 by contract.
            unsafe { _mm512_fmadd_pd(a, b, c) }
        }
        #[inline(always)]
        unsafe fn sqrt(a: __m512d) -> __m512d {
            // SAFETY: AVX-512 by contract.
            unsafe { _mm512_sqrt_pd(a) }
        }
        #[inline(always)]
        unsafe fn sqrt_near_one(a: __m512d) -> __m512d {
            // Newton's method on h = sqrt a and g = 1/(2 sqrt a) together, from 14 bits; the last correction has the residual a - h^2 in one rounding.
            // SAFETY: AVX-512 by contract.
            unsafe {
                let half = _mm512_set1_pd(0.5);
                let start = _mm512_rsqrt14_pd(a);
                let (h, g) = (_mm512_mul_pd(a, start), _mm512_mul_pd(half, start));
                let off = _mm512_fnmadd_pd(h, g, half);
                let (h, g) = (_mm512_fmadd_pd(h, off, h), _mm512_fmadd_pd(g, off, g));
                _mm512_fmadd_pd(_mm512_fnmadd_pd(h, h, a), g, h)
            }
        }
        #[inline(always)]
        unsafe fn abs(a: __m512d) -> __m512d {
            // SAFETY: AVX-512 by contract.
            unsafe { _mm512_abs_pd(a) }
        }
        #[inline(always)]
        unsafe fn with_sign(magnitude: __m512d, sign: __m512d) -> __m512d {
            // SAFETY: AVX-512 DQ by contract.
            unsafe { _mm512_or_pd(magnitude, _mm512_and_pd(_mm512_set1_pd(-0.0), sign)) }
        }
        #[inline(always)]
        unsafe fn select_above(
            x: __m512d,
            bound: __m512d,
            above: __m512d,
            below: __m512d,
        ) -> __m512d {
            // SAFETY: AVX-512 by contract.
            unsafe {
                _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_GT_OQ>(x, bound), below, above)
            }
        }
        #[inline(always)]
        unsafe fn any_above(x: __m512d, bound: __m512d) -> bool {
            // SAFETY: AVX-512 by contract.
            unsafe { _mm512_cmp_pd_mask::<_CMP_GT_OQ>(x, bound) != 0 }
        }
    }
}
