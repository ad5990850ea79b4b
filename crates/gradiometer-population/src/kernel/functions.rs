//! The three functions of a cosine, in units of `1/(2 pi)`, on vectors of either precision.
//!
//! With `x = |t|` clamped to 1, `z = x^2` and `y = x` for `x <= 1/2`, and `z = (1 - x)/2`, `y = sqrt z` above, the arcsine of `y` is
//! `r = y + y z R(z)` with a polynomial `R`, so that `asin x = r`, or `pi/2 - 2 r` above; and `sqrt(1 - x^2) = sqrt(1 - z)`, times `2 y` above.
//! Root and arcsine come from one `y`, so that its error cancels in the gradient. Several vectors go step by step, since each step waits for the one
//! before it. Each result is within 4 units (`2^-53` and `2^-24`) of its exact value at the given number, absolutely: measured in the
//! tests on every instruction set, at many doubles and, where `RUN_SLOW_TESTS` is set, at every single.

use super::element::Element as _;
use super::simd::Simd;

/// Kernel `sqrt(1 - t^2) + |t| asin |t| - 1`, radial part `sqrt(1 - t^2) - 1` and `asin t`.
#[derive(Clone, Copy)]
pub(crate) struct Functions<V> {
    pub(crate) kernel: V,
    pub(crate) radial: V,
    pub(crate) angle: V,
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

/// The same for singles: `z` times the difference is at most `5e-9` (the best five coefficients, by exchange, then rounded).
const ARCSINE_SINGLE: [f32; 5] = [0.16666749, 0.074953936, 0.045460287, 0.024223138, 0.042099733];

/// `(sqrt(1 - z) + sqrt z asin(sqrt z) - 1)/z` on `[0, 1/4]` within `1.3e-8`, found likewise.
const KERNEL_SINGLE: [f32; 5] = [0.5, 0.041665487, 0.012536341, 0.0051949653, 0.0046309424];

/// `x`, `y` and `z` of some cosines, and whether any `x` is above 1/2.
struct Reduced<V, const N: usize> {
    x: [V; N],
    y: [V; N],
    z: [V; N],
    steep: bool,
}

/// The arguments of the series.
///
/// # Safety
/// The set of `S` is available.
#[inline(always)]
unsafe fn reduced<S: Simd, const N: usize>(t: [S::Vector; N]) -> Reduced<S::Vector, N> {
    // SAFETY: the set is available.
    unsafe {
        let (one, half) = (S::splat(S::Element::nearest(1.0)), S::splat(S::Element::nearest(0.5)));
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
        Reduced { x, y, z, steep }
    }
}

/// In doubles, with a root by the instruction or by Newton's method.
///
/// # Safety
/// The set of `S` is available.
#[inline(always)]
pub(super) unsafe fn in_doubles<S: Simd<Element = f64>, const N: usize>(
    t: [S::Vector; N],
) -> [Functions<S::Vector>; N] {
    // SAFETY: the set is available.
    unsafe {
        let (one, half) = (S::splat(1.0), S::splat(0.5));
        let Reduced { x, y, z, steep } = reduced::<S, N>(t);
        let mut root = z;
        for r in &mut root {
            // z is at most 1/4.
            *r = S::sqrt_near_one(S::sub(one, *r));
        }
        let series = polynomial::<S, N, 13>(ARCSINE, z);
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

/// In singles, without a root below 1/2: the kernel is `k = z K(z)` with a second polynomial, and `sqrt(1 - z) - 1 = k - y r`. So all three are
/// relatively accurate there, where most cosines are and where a rounding of the root would be large against them.
///
/// # Safety
/// The set of `S` is available.
#[inline(always)]
pub(super) unsafe fn in_singles<S: Simd<Element = f32>, const N: usize>(
    t: [S::Vector; N],
) -> [Functions<S::Vector>; N] {
    // SAFETY: the set is available.
    unsafe {
        let (one, half) = (S::splat(1.0), S::splat(0.5));
        let Reduced { x, y, z, steep } = reduced::<S, N>(t);
        let arcsine = polynomial::<S, N, 5>(ARCSINE_SINGLE, z);
        let kernel = polynomial::<S, N, 5>(KERNEL_SINGLE, z);
        let mut all = [Functions { kernel: one, radial: one, angle: one }; N];
        for (i, f) in all.iter_mut().enumerate() {
            f.angle = S::fma(S::mul(y[i], z[i]), arcsine[i], y[i]);
            f.kernel = S::mul(z[i], kernel[i]);
            f.radial = S::fnma(y[i], f.angle, f.kernel);
        }
        if steep {
            // pi/2 in two parts.
            let (high, low) = (S::splat(std::f32::consts::FRAC_PI_2), S::splat(-4.371139e-8));
            for (i, f) in all.iter_mut().enumerate() {
                let twice = S::add(y[i], y[i]);
                let radial = S::fma(twice, f.radial, S::sub(twice, one));
                let angle = S::add(high, S::sub(low, S::add(f.angle, f.angle)));
                let kernel = S::fma(x[i], angle, radial);
                f.radial = S::select_above(x[i], half, radial, f.radial);
                f.angle = S::select_above(x[i], half, angle, f.angle);
                f.kernel = S::select_above(x[i], half, kernel, f.kernel);
            }
        }
        for (f, t) in all.iter_mut().zip(t) {
            f.angle = S::with_sign(f.angle, t);
        }
        all
    }
}

/// A polynomial, coefficients lowest first, at each vector.
///
/// # Safety
/// The set of `S` is available.
#[inline(always)]
unsafe fn polynomial<S: Simd, const N: usize, const COUNT: usize>(
    coefficients: [S::Element; COUNT],
    z: [S::Vector; N],
) -> [S::Vector; N] {
    // SAFETY: the set is available.
    unsafe {
        let mut value = [S::splat(coefficients[COUNT - 1]); N];
        for c in coefficients[..COUNT - 1].iter().rev() {
            let c = S::splat(*c);
            for (s, z) in value.iter_mut().zip(z) {
                *s = S::fma(*s, z, c);
            }
        }
        value
    }
}
