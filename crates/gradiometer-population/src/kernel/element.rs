//! The numbers that tiles compute with.

#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512};
use super::simd::{Portable, Simd};
use gradiometer_hermite::float::maximum_of;
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
