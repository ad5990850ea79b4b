//! Vectors of doubles and of singles under three instruction sets.
//!
//! Every function of [`Simd`] is `#[inline(always)]` and meant to be inlined into a function that enables the
//! instruction set it is implemented with; calling it on a machine without that set is undefined behaviour,
//! hence `unsafe`.

use super::element::Element;
use super::functions::{self, Functions};
use std::marker::PhantomData;

/// A vector of `LANES` elements and the few operations that the tile needs.
///
/// # Safety
/// Each method may execute only where the implementing type's instruction set is available, and pointers given
/// to `load`, `store` and `add_to` are valid for `LANES` numbers.
pub(crate) unsafe trait Simd: Copy {
    /// What a lane holds.
    type Element: Element;
    /// The register type.
    type Vector: Copy;
    /// Elements in a register.
    const LANES: usize;
    /// Rows of the matrix-product microkernel, so that its accumulators fit the registers.
    const ROWS: usize;

    unsafe fn splat(x: Self::Element) -> Self::Vector;
    unsafe fn load(p: *const Self::Element) -> Self::Vector;
    unsafe fn store(p: *mut Self::Element, v: Self::Vector);
    /// Adds `factor v` to doubles.
    unsafe fn add_to(target: *mut f64, v: Self::Vector, factor: f64);
    /// Asks for a cache line ahead of its use; any address will do.
    unsafe fn prefetch(_p: *const u8) {}
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a b + c`, in one rounding where the set has it.
    unsafe fn fma(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `c - a b`, likewise.
    unsafe fn fnma(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    unsafe fn sqrt(a: Self::Vector) -> Self::Vector;
    /// The root of a number in `[1/2, 1]`, within a unit in the last place of 1; without the unit that divides, where the set has what that takes.
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
    /// The three functions of cosines, `|t|` clamped to 1.
    unsafe fn functions<const N: usize>(t: [Self::Vector; N]) -> [Functions<Self::Vector>; N];
}

/// Arrays in plain Rust.
#[derive(Clone, Copy)]
pub(crate) struct Portable<E>(PhantomData<E>);

macro_rules! portable {
    ($element:ident, $lanes:literal, $functions:ident) => {
        // SAFETY: no instruction set beyond the target's own; pointers are the caller's promise.
        unsafe impl Simd for Portable<$element> {
            type Element = $element;
            type Vector = [$element; $lanes];
            const LANES: usize = $lanes;
            const ROWS: usize = 4;

            #[inline(always)]
            unsafe fn splat(x: $element) -> Self::Vector {
                [x; $lanes]
            }
            #[inline(always)]
            unsafe fn load(p: *const $element) -> Self::Vector {
                // SAFETY: the caller promises so many readable elements.
                unsafe { p.cast::<Self::Vector>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn store(p: *mut $element, v: Self::Vector) {
                // SAFETY: the caller promises so many writable elements.
                unsafe { p.cast::<Self::Vector>().write_unaligned(v) }
            }
            #[inline(always)]
            unsafe fn add_to(target: *mut f64, v: Self::Vector, factor: f64) {
                // SAFETY: the caller promises so many writable doubles.
                unsafe {
                    let target = target.cast::<[f64; $lanes]>();
                    let sum = target.read_unaligned();
                    let sum = std::array::from_fn(|i| f64::from(v[i]) * factor + sum[i]);
                    target.write_unaligned(sum);
                }
            }
            #[inline(always)]
            unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector {
                std::array::from_fn(|i| a[i] + b[i])
            }
            #[inline(always)]
            unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector {
                std::array::from_fn(|i| a[i] - b[i])
            }
            #[inline(always)]
            unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector {
                std::array::from_fn(|i| a[i] * b[i])
            }
            #[inline(always)]
            unsafe fn fma(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
                // Two roundings: without the instruction, mul_add would call a slow library routine.
                std::array::from_fn(|i| a[i] * b[i] + c[i])
            }
            #[inline(always)]
            unsafe fn fnma(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
                std::array::from_fn(|i| c[i] - a[i] * b[i])
            }
            #[inline(always)]
            unsafe fn sqrt(a: Self::Vector) -> Self::Vector {
                a.map($element::sqrt)
            }
            #[inline(always)]
            unsafe fn abs(a: Self::Vector) -> Self::Vector {
                a.map($element::abs)
            }
            #[inline(always)]
            unsafe fn with_sign(magnitude: Self::Vector, sign: Self::Vector) -> Self::Vector {
                std::array::from_fn(|i| magnitude[i].copysign(sign[i]))
            }
            #[inline(always)]
            unsafe fn select_above(
                x: Self::Vector,
                bound: Self::Vector,
                above: Self::Vector,
                below: Self::Vector,
            ) -> Self::Vector {
                std::array::from_fn(|i| if x[i] > bound[i] { above[i] } else { below[i] })
            }
            #[inline(always)]
            unsafe fn any_above(x: Self::Vector, bound: Self::Vector) -> bool {
                (0..$lanes).any(|i| x[i] > bound[i])
            }
            #[inline(always)]
            unsafe fn functions<const N: usize>(
                t: [Self::Vector; N],
            ) -> [Functions<Self::Vector>; N] {
                // SAFETY: no instruction set is assumed.
                unsafe { functions::$functions::<Self, N>(t) }
            }
        }
    };
}

portable!(f64, 4, in_doubles);
portable!(f32, 8, in_singles);

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Functions, PhantomData, Simd, functions};
    use std::arch::x86_64::{
        __m256, __m256d, __m512, __m512d, _CMP_GT_OQ, _MM_HINT_T0, _mm_prefetch, _mm256_add_pd,
        _mm256_add_ps, _mm256_and_pd, _mm256_and_ps, _mm256_andnot_pd, _mm256_andnot_ps,
        _mm256_blendv_pd, _mm256_blendv_ps, _mm256_castps256_ps128, _mm256_cmp_pd, _mm256_cmp_ps,
        _mm256_cvtps_pd, _mm256_extractf128_ps, _mm256_fmadd_pd, _mm256_fmadd_ps, _mm256_fnmadd_pd,
        _mm256_fnmadd_ps, _mm256_loadu_pd, _mm256_loadu_ps, _mm256_movemask_pd, _mm256_movemask_ps,
        _mm256_mul_pd, _mm256_mul_ps, _mm256_or_pd, _mm256_or_ps, _mm256_set1_pd, _mm256_set1_ps,
        _mm256_sqrt_pd, _mm256_sqrt_ps, _mm256_storeu_pd, _mm256_storeu_ps, _mm256_sub_pd,
        _mm256_sub_ps, _mm512_add_pd, _mm512_add_ps, _mm512_and_pd, _mm512_and_ps,
        _mm512_andnot_pd, _mm512_andnot_ps, _mm512_castps512_ps256, _mm512_cmp_pd_mask,
        _mm512_cmp_ps_mask, _mm512_cvtps_pd, _mm512_extractf32x8_ps, _mm512_fmadd_pd,
        _mm512_fmadd_ps, _mm512_fnmadd_pd, _mm512_fnmadd_ps, _mm512_loadu_pd, _mm512_loadu_ps,
        _mm512_mask_blend_pd, _mm512_mask_blend_ps, _mm512_mul_pd, _mm512_mul_ps, _mm512_or_pd,
        _mm512_or_ps, _mm512_rsqrt14_pd, _mm512_set1_pd, _mm512_set1_ps, _mm512_sqrt_pd,
        _mm512_sqrt_ps, _mm512_storeu_pd, _mm512_storeu_ps, _mm512_sub_pd, _mm512_sub_ps,
    };

    /// Registers of 256 bits under AVX2 with FMA.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2<E>(PhantomData<E>);

    /// Registers of 512 bits under AVX-512 F and DQ.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx512<E>(PhantomData<E>);

    /// An implementation by the named instructions, with the methods that differ by more than their names.
    macro_rules! vectors {
        (
            $set:ident<$element:ident>, $vector:ident, $lanes:literal, $rows:literal, $functions:ident,
            [$splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $fma:ident, $fnma:ident, $sqrt:ident],
            [$and:ident, $andnot:ident, $or:ident],
            $($other:item)*
        ) => {
            // SAFETY: callers run where the set is available; pointers are the caller's promise.
            unsafe impl Simd for $set<$element> {
                type Element = $element;
                type Vector = $vector;
                const LANES: usize = $lanes;
                const ROWS: usize = $rows;

                #[inline(always)]
                unsafe fn prefetch(p: *const u8) {
                    // SAFETY: a prefetch reads nothing, whatever the address.
                    unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
                }
                #[inline(always)]
                unsafe fn splat(x: $element) -> $vector {
                    // SAFETY: the set by the trait's contract, as in every method below.
                    unsafe { $splat(x) }
                }
                #[inline(always)]
                unsafe fn load(p: *const $element) -> $vector {
                    // SAFETY: a register of readable elements by the trait's contract.
                    unsafe { $load(p) }
                }
                #[inline(always)]
                unsafe fn store(p: *mut $element, v: $vector) {
                    // SAFETY: a register of writable elements by the trait's contract.
                    unsafe { $store(p, v) }
                }
                #[inline(always)]
                unsafe fn add(a: $vector, b: $vector) -> $vector {
                    // SAFETY: the set by contract.
                    unsafe { $add(a, b) }
                }
                #[inline(always)]
                unsafe fn sub(a: $vector, b: $vector) -> $vector {
                    // SAFETY: the set by contract.
                    unsafe { $sub(a, b) }
                }
                #[inline(always)]
                unsafe fn mul(a: $vector, b: $vector) -> $vector {
                    // SAFETY: the set by contract.
                    unsafe { $mul(a, b) }
                }
                #[inline(always)]
                unsafe fn fma(a: $vector, b: $vector, c: $vector) -> $vector {
                    // SAFETY: the set by contract.
                    unsafe { $fma(a, b, c) }
                }
                #[inline(always)]
                unsafe fn fnma(a: $vector, b: $vector, c: $vector) -> $vector {
                    // SAFETY: the set by contract.
                    unsafe { $fnma(a, b, c) }
                }
                #[inline(always)]
                unsafe fn sqrt(a: $vector) -> $vector {
                    // SAFETY: the set by contract.
                    unsafe { $sqrt(a) }
                }
                #[inline(always)]
                unsafe fn abs(a: $vector) -> $vector {
                    // SAFETY: the set by contract.
                    unsafe { $andnot($splat(-0.0), a) }
                }
                #[inline(always)]
                unsafe fn with_sign(magnitude: $vector, sign: $vector) -> $vector {
                    // SAFETY: the set by contract.
                    unsafe { $or(magnitude, $and($splat(-0.0), sign)) }
                }
                #[inline(always)]
                unsafe fn functions<const N: usize>(t: [$vector; N]) -> [Functions<$vector>; N] {
                    // SAFETY: the set by contract.
                    unsafe { functions::$functions::<Self, N>(t) }
                }
                $($other)*
            }
        };
    }

    vectors! {
        Avx2<f64>, __m256d, 4, 4, in_doubles,
        [_mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_add_pd, _mm256_sub_pd, _mm256_mul_pd, _mm256_fmadd_pd, _mm256_fnmadd_pd, _mm256_sqrt_pd],
        [_mm256_and_pd, _mm256_andnot_pd, _mm256_or_pd],

        #[inline(always)]
        unsafe fn add_to(target: *mut f64, v: __m256d, factor: f64) {
            // SAFETY: the set and four writable doubles by contract.
            unsafe {
                let factor = _mm256_set1_pd(factor);
                _mm256_storeu_pd(target, _mm256_fmadd_pd(v, factor, _mm256_loadu_pd(target)));
            }
        }
        #[inline(always)]
        unsafe fn select_above(x: __m256d, bound: __m256d, above: __m256d, below: __m256d) -> __m256d {
            // SAFETY: the set by contract.
            unsafe { _mm256_blendv_pd(below, above, _mm256_cmp_pd::<_CMP_GT_OQ>(x, bound)) }
        }
        #[inline(always)]
        unsafe fn any_above(x: __m256d, bound: __m256d) -> bool {
            // SAFETY: the set by contract.
            unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_GT_OQ>(x, bound)) != 0 }
        }
    }

    vectors! {
        Avx2<f32>, __m256, 8, 4, in_singles,
        [_mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_sqrt_ps],
        [_mm256_and_ps, _mm256_andnot_ps, _mm256_or_ps],

        #[inline(always)]
        unsafe fn add_to(target: *mut f64, v: __m256, factor: f64) {
            // SAFETY: the set and eight writable doubles by contract.
            unsafe {
                let first = _mm256_cvtps_pd(_mm256_castps256_ps128(v));
                let second = _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(v));
                Avx2::<f64>::add_to(target, first, factor);
                Avx2::<f64>::add_to(target.add(4), second, factor);
            }
        }
        #[inline(always)]
        unsafe fn select_above(x: __m256, bound: __m256, above: __m256, below: __m256) -> __m256 {
            // SAFETY: the set by contract.
            unsafe { _mm256_blendv_ps(below, above, _mm256_cmp_ps::<_CMP_GT_OQ>(x, bound)) }
        }
        #[inline(always)]
        unsafe fn any_above(x: __m256, bound: __m256) -> bool {
            // SAFETY: the set by contract.
            unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(x, bound)) != 0 }
        }
    }

    vectors! {
        Avx512<f64>, __m512d, 8, 8, in_doubles,
        [_mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_add_pd, _mm512_sub_pd, _mm512_mul_pd, _mm512_fmadd_pd, _mm512_fnmadd_pd, _mm512_sqrt_pd],
        [_mm512_and_pd, _mm512_andnot_pd, _mm512_or_pd],

        #[inline(always)]
        unsafe fn add_to(target: *mut f64, v: __m512d, factor: f64) {
            // SAFETY: the set and eight writable doubles by contract.
            unsafe {
                let factor = _mm512_set1_pd(factor);
                _mm512_storeu_pd(target, _mm512_fmadd_pd(v, factor, _mm512_loadu_pd(target)));
            }
        }
        #[inline(always)]
        unsafe fn sqrt_near_one(a: __m512d) -> __m512d {
            // Newton's method on h = sqrt a and g = 1/(2 sqrt a) together, from 14 bits; the last correction has the residual a - h^2 in one rounding.
            // SAFETY: the set by contract.
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
        unsafe fn select_above(x: __m512d, bound: __m512d, above: __m512d, below: __m512d) -> __m512d {
            // SAFETY: the set by contract.
            unsafe { _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_GT_OQ>(x, bound), below, above) }
        }
        #[inline(always)]
        unsafe fn any_above(x: __m512d, bound: __m512d) -> bool {
            // SAFETY: the set by contract.
            unsafe { _mm512_cmp_pd_mask::<_CMP_GT_OQ>(x, bound) != 0 }
        }
    }

    vectors! {
        Avx512<f32>, __m512, 16, 8, in_singles,
        [_mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps, _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_sqrt_ps],
        [_mm512_and_ps, _mm512_andnot_ps, _mm512_or_ps],

        #[inline(always)]
        unsafe fn add_to(target: *mut f64, v: __m512, factor: f64) {
            // SAFETY: the set and sixteen writable doubles by contract.
            unsafe {
                let first = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
                let second = _mm512_cvtps_pd(_mm512_extractf32x8_ps::<1>(v));
                Avx512::<f64>::add_to(target, first, factor);
                Avx512::<f64>::add_to(target.add(8), second, factor);
            }
        }
        #[inline(always)]
        unsafe fn select_above(x: __m512, bound: __m512, above: __m512, below: __m512) -> __m512 {
            // SAFETY: the set by contract.
            unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, bound), below, above) }
        }
        #[inline(always)]
        unsafe fn any_above(x: __m512, bound: __m512) -> bool {
            // SAFETY: the set by contract.
            unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, bound) != 0 }
        }
    }
}
