//! Instruction sets, and computations that are compiled for one of them.

use super::element::Element;
use super::simd::Simd;

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

    /// This set, or the portable one if the machine lacks it.
    #[must_use]
    pub(crate) fn or_portable(self) -> Self {
        if Self::available().contains(&self) { self } else { Self::Portable }
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
pub(crate) trait Vectorised {
    /// What it returns.
    type Output;
    /// Runs it; `#[inline(always)]`, so that it is compiled for the instruction set of its caller.
    fn run(self) -> Self::Output;
}

/// Runs a computation, compiled with AVX2 and FMA where the machine has them.
pub(crate) fn with_multiply_add<T: Vectorised>(task: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn compiled<T: Vectorised>(task: T) -> T::Output {
            task.run()
        }
        if InstructionSet::available().contains(&InstructionSet::Avx2) {
            // SAFETY: the instruction set was just detected.
            return unsafe { compiled(task) };
        }
    }
    task.run()
}

/// A computation written for the vectors of any instruction set.
pub(crate) trait OnVectors<E: Element> {
    /// Runs it; `#[inline(always)]`, so that it is compiled for the instruction set of its caller.
    ///
    /// # Safety
    /// The set of `S` is available, and the shapes are those that the implementation asks for.
    unsafe fn run<S: Simd<Element = E>>(self);
}

/// Runs a computation on an instruction set, or on the portable one if the machine lacks it.
///
/// # Safety
/// The shapes are those that the implementation asks for.
pub(crate) unsafe fn on_vectors<E: Element, T: OnVectors<E>>(set: InstructionSet, task: T) {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    unsafe fn on_avx512<E: Element, T: OnVectors<E>>(task: T) {
        // SAFETY: this function enables the set; shapes by the caller.
        unsafe { task.run::<E::Avx512>() }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn on_avx2<E: Element, T: OnVectors<E>>(task: T) {
        // SAFETY: this function enables the set; shapes by the caller.
        unsafe { task.run::<E::Avx2>() }
    }
    match set {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 if InstructionSet::available().contains(&set) => {
            // SAFETY: the set was just detected; shapes by the caller.
            unsafe { on_avx512(task) }
        }
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 if InstructionSet::available().contains(&set) => {
            // SAFETY: the set was just detected; shapes by the caller.
            unsafe { on_avx2(task) }
        }
        // SAFETY: no instruction set is assumed; shapes by the caller.
        _ => unsafe { task.run::<E::Portable>() },
    }
}
