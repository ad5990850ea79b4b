//! A block of samples against all neurons: scores, residuals, and both reductions while the scores are in cache.
//!
//! For samples `x_i` (rows of `X`), neurons `w_j` (rows of `W`) and half weights `b_j = a_j/2` the block computes `Z = X W^T` and
//!
//! ```text
//! residual  R_i  = o_i + sum_j b_j |z_ij|
//! absolute  A_j += sum_i R_i |z_ij|
//! tangent   G_j += sum_i R_i sign(z_ij) x_i      (a zero counts as positive)
//! ```
//!
//! Both products run through the microkernel of the tiles. The scores lie neuron group by neuron group, eight neurons of a
//! sample together, so that they are one factor's columns in the first product and the other's rows in the second.

use super::element::{GRAIN, GROUP};
use super::isa::{InstructionSet, OnVectors, on_vectors};
use super::product::{Output, Shape, Strides, Target, product};
use super::simd::Simd;

/// Most samples of a block.
pub(crate) const BLOCK: usize = 128;

/// Samples: `count` of them, a multiple of [`GROUP`] and at most [`BLOCK`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Samples<'a> {
    /// Number of samples.
    pub(crate) count: usize,
    /// Padded dimension, a multiple of [`GROUP`].
    pub(crate) width: usize,
    /// `X`, row-major `count x width`.
    pub(crate) inputs: &'a [f64],
}

/// Neurons: `count` of them, a multiple of [`GRAIN`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neurons<'a> {
    /// Number of neurons.
    pub(crate) count: usize,
    /// `W`: for each eight neurons, for each coordinate, the eight entries; `count x width` in all.
    pub(crate) panels: &'a [f64],
    /// `b_j`, length `count`.
    pub(crate) half_weights: &'a [f64],
}

/// What the blocks of one task have collected, with room for a block's scores.
#[derive(Clone, Debug, Default)]
pub(crate) struct SampleSums {
    /// `A_j`, length `m` padded.
    pub(crate) absolute: Vec<f64>,
    /// `G_j`, row-major, `m x d` padded.
    pub(crate) tangent: Vec<f64>,
    scores: Vec<f64>,
    partial: Vec<f64>,
}

impl SampleSums {
    /// Zero for `count` neurons in dimension `width`, both padded.
    pub(crate) fn reset(&mut self, count: usize, width: usize) {
        for (buffer, length) in [(&mut self.absolute, count), (&mut self.tangent, count * width)] {
            buffer.clear();
            buffer.resize(length, 0.0);
        }
        self.scores.resize(count * BLOCK, 0.0);
        self.partial.resize(BLOCK * GROUP, 0.0);
    }
}

/// Turns the offsets `o_i` into the residuals `R_i` and adds the block to the sums.
pub(crate) fn add_block(
    set: InstructionSet,
    samples: Samples<'_>,
    neurons: Neurons<'_>,
    residuals: &mut [f64],
    sums: &mut SampleSums,
) {
    let (n, m, width) = (samples.count, neurons.count, samples.width);
    assert!(n <= BLOCK && n.is_multiple_of(GROUP) && m.is_multiple_of(GRAIN), "block shape");
    assert!(width.is_multiple_of(GROUP), "padded dimension");
    assert!(samples.inputs.len() >= n * width && residuals.len() >= n, "samples too short");
    assert!(neurons.panels.len() >= m * width && neurons.half_weights.len() >= m, "neurons");
    assert!(sums.absolute.len() >= m && sums.tangent.len() >= m * width, "sums too short");
    assert!(sums.scores.len() >= m * BLOCK && sums.partial.len() >= BLOCK * GROUP, "no room");
    // SAFETY: the shapes were just checked.
    unsafe { on_vectors(set, AddBlock { samples, neurons, residuals, sums }) }
}

/// [`add_block`].
struct AddBlock<'a> {
    samples: Samples<'a>,
    neurons: Neurons<'a>,
    residuals: &'a mut [f64],
    sums: &'a mut SampleSums,
}

impl OnVectors<f64> for AddBlock<'_> {
    /// # Safety
    /// The shapes are those that [`add_block`] accepts.
    #[inline(always)]
    unsafe fn run<S: Simd<Element = f64>>(self) {
        // SAFETY: the caller's promises are those that it needs.
        unsafe { block::<S>(self.samples, self.neurons, self.residuals, self.sums) }
    }
}

/// # Safety
/// The set of `S` is available and the shapes are those that [`add_block`] accepts.
#[inline(always)]
unsafe fn block<S: Simd<Element = f64>>(
    samples: Samples<'_>,
    neurons: Neurons<'_>,
    residuals: &mut [f64],
    sums: &mut SampleSums,
) {
    let (n, m, width) = (samples.count, neurons.count, samples.width);
    let inputs = samples.inputs.as_ptr();
    // Score (i, j) stands at (j / 8) (8 n) + 8 i + j % 8.
    let scores = sums.scores.as_mut_ptr();
    // SAFETY: X holds n x width, W's panels m x width, the scores m x n <= m x BLOCK doubles; all multiples of eight.
    unsafe {
        let by_sample = Strides { group: GROUP * width, single: width, depth: 1 };
        let by_neuron = Strides { group: GROUP * width, single: 1, depth: GROUP };
        let out = Output {
            target: Target::Entries(scores),
            group: GROUP * GROUP,
            single: GROUP,
            panel: GROUP * n,
        };
        let shape = Shape { rows: n, columns: m, depth: width };
        product::<S>(shape, inputs, by_sample, neurons.panels.as_ptr(), by_neuron, out);
    }
    sums.partial[..n * GROUP].fill(0.0);
    let partial = sums.partial.as_mut_ptr();
    // SAFETY: neurons run over m in steps of LANES, which divides eight; `partial` holds LANES <= 8 doubles a sample.
    unsafe {
        for j in (0..m).step_by(S::LANES) {
            let weight = S::load(neurons.half_weights.as_ptr().add(j));
            let column = scores.add(j / GROUP * GROUP * n + j % GROUP);
            for i in 0..n {
                let sum = partial.add(i * GROUP);
                let z = S::abs(S::load(column.add(i * GROUP)));
                S::store(sum, S::fma(weight, z, S::load(sum)));
            }
        }
    }
    for (residual, lanes) in residuals.iter_mut().zip(sums.partial.chunks_exact(GROUP)).take(n) {
        *residual += lanes[..S::LANES].iter().sum::<f64>();
    }
    let absolute = sums.absolute.as_mut_ptr();
    // SAFETY: as above; `absolute` holds m and `residuals` n doubles.
    unsafe {
        let one = S::splat(1.0);
        for j in (0..m).step_by(S::LANES) {
            let column = scores.add(j / GROUP * GROUP * n + j % GROUP);
            let mut sum = S::load(absolute.add(j));
            for (i, residual) in residuals.iter().enumerate().take(n) {
                let here = column.add(i * GROUP);
                let (z, r) = (S::load(here), S::splat(*residual));
                sum = S::fma(r, S::abs(z), sum);
                S::store(here, S::mul(r, S::with_sign(one, z)));
            }
            S::store(absolute.add(j), sum);
        }
        let by_neuron = Strides { group: GROUP * n, single: 1, depth: GROUP };
        let by_sample = Strides { group: GROUP, single: 1, depth: width };
        let shape = Shape { rows: m, columns: width, depth: n };
        let out = row_major(&mut sums.tangent, width);
        product::<S>(shape, scores, by_neuron, inputs, by_sample, out);
    }
}

/// A row-major matrix of the given width to add to.
fn row_major(matrix: &mut [f64], width: usize) -> Output<f64> {
    Output {
        target: Target::Sums(matrix.as_mut_ptr(), 1.0),
        group: GROUP * width,
        single: width,
        panel: GROUP,
    }
}

/// Adds `X^T X` to `gram`, `width x width`.
pub(crate) fn add_gram(set: InstructionSet, samples: Samples<'_>, gram: &mut [f64]) {
    let (n, width) = (samples.count, samples.width);
    assert!(n <= BLOCK && width.is_multiple_of(GROUP), "block shape");
    assert!(samples.inputs.len() >= n * width && gram.len() >= width * width, "too short");
    // SAFETY: the shapes were just checked.
    unsafe { on_vectors(set, AddGram { samples, gram }) }
}

/// [`add_gram`].
struct AddGram<'a> {
    samples: Samples<'a>,
    gram: &'a mut [f64],
}

impl OnVectors<f64> for AddGram<'_> {
    /// # Safety
    /// The shapes are those that [`add_gram`] accepts.
    #[inline(always)]
    unsafe fn run<S: Simd<Element = f64>>(self) {
        let Self { samples, gram } = self;
        let by_coordinate = Strides { group: GROUP, single: 1, depth: samples.width };
        let shape = Shape { rows: samples.width, columns: samples.width, depth: samples.count };
        let (inputs, out) = (samples.inputs.as_ptr(), row_major(gram, samples.width));
        // SAFETY: X holds count x width, the matrix width x width doubles, width a multiple of eight.
        unsafe { product::<S>(shape, inputs, by_coordinate, inputs, by_coordinate, out) }
    }
}
