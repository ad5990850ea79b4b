//! What a report is made of, and how much it may compute.

/// What to write besides the page and the vector figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportOptions {
    /// Whether to write every figure as PNG too.
    #[cfg(feature = "png")]
    pub png: bool,
    /// Boxes that the proof of the certificate may take; by default some seconds' worth.
    pub boxes: Option<u64>,
    /// Refinements of the regularised optimum, as [`gradiometer_theory::Context::refined`] has them.
    pub refinements: Option<usize>,
}
