//! Where samples come from: Gaussian streams cut into chunks, or given arrays.

use super::request::SampleRequest;
use crate::kernel::GROUP;
use crate::kernel::samples::{BLOCK, Samples};
use gradiometer_hermite::Activation;
use gradiometer_model::Teacher;
use gradiometer_model::geometry::dot;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Most numbers that drawn inputs may have to be kept in memory, 1 GiB; beyond, each evaluation draws them again.
pub(crate) const KEPT_NUMBERS: usize = 1 << 27;

/// Independent streams of one seed.
#[derive(Clone, Copy)]
enum Stream {
    /// The samples, a stream for each chunk of [`BLOCK`].
    Samples = 0,
    /// Fresh batches, likewise.
    Fresh = 1,
    /// The order of an epoch.
    Order = 2,
}

fn stream(seed: u64, stream: Stream, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((stream as u64) << 60) ^ index);
    rng
}

/// Which samples an evaluation averages over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'a> {
    /// All of them.
    All,
    /// Those with the given indices.
    Picked(&'a [usize]),
    /// The fresh batch of the given number and size.
    Fresh { batch: u64, size: usize },
}

/// Inputs `x ~ N(0, I)` with labels `y = f*(x) + noise`, or given ones.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) teacher: Teacher,
    pub(crate) count: usize,
    pub(crate) width: usize,
    pub(crate) seed: u64,
    noise: f64,
    /// The teacher's, for labels.
    activation: Activation,
    /// Whether the last coordinate is the constant 1.
    pub(crate) biases: bool,
    /// Row-major `count x width` and `count`, padded to whole blocks; empty where chunks are drawn again.
    kept: SampleScratch,
}

/// Samples: inputs row-major with padded rows, labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct SampleScratch {
    inputs: Vec<f64>,
    labels: Vec<f64>,
}

impl SampleScratch {
    fn reset(&mut self, rows: usize, width: usize) {
        self.inputs.clear();
        self.inputs.resize(rows * width, 0.0);
        self.labels.clear();
        self.labels.resize(rows, 0.0);
    }
}

/// One block of samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    /// Inputs, padded with zero rows.
    pub(crate) samples: Samples<'a>,
    /// Labels, one for each sample that is no padding.
    pub(crate) labels: &'a [f64],
}

impl Block<'_> {
    /// The inputs that are no padding, with their padded coordinates.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.samples.inputs.chunks_exact(self.samples.width).take(self.labels.len())
    }
}

impl Source {
    /// Drawn samples, kept if they fit.
    pub(crate) fn drawn(
        teacher: Teacher,
        activation: Activation,
        request: &SampleRequest,
        limit: usize,
    ) -> Self {
        let &SampleRequest { count, noise, seed, biases, .. } = request;
        let width = teacher.dimension().next_multiple_of(GROUP);
        let kept = SampleScratch::default();
        let mut source = Self { teacher, count, width, seed, noise, activation, biases, kept };
        let blocks = source.blocks(Rows::All);
        if (blocks * BLOCK).checked_mul(width).is_some_and(|numbers| numbers <= limit) {
            let mut kept = SampleScratch::default();
            kept.reset(blocks * BLOCK, width);
            let chunks = kept.inputs.par_chunks_exact_mut(BLOCK * width);
            chunks.zip(kept.labels.par_chunks_exact_mut(BLOCK)).enumerate().for_each(
                |(b, (inputs, labels))| {
                    source.draw(Stream::Samples, b as u64, in_block(b, count), inputs, labels);
                },
            );
            source.kept = kept;
        }
        source
    }

    /// Given samples, `inputs` row-major `count x d`, without the constant.
    pub(crate) fn given(
        teacher: Teacher,
        inputs: &[f64],
        labels: &[f64],
        request: &SampleRequest,
    ) -> Self {
        let &SampleRequest { seed, biases, .. } = request;
        let (d, count) = (varying(&teacher, biases), labels.len());
        let width = teacher.dimension().next_multiple_of(GROUP);
        let mut kept = SampleScratch::default();
        kept.reset(count.next_multiple_of(BLOCK), width);
        for (row, x) in kept.inputs.chunks_exact_mut(width).zip(inputs.chunks_exact(d)) {
            row[..d].copy_from_slice(x);
            if biases {
                row[d] = 1.0;
            }
        }
        kept.labels[..count].copy_from_slice(labels);
        // It draws nothing, so that the activation has no part in it.
        let activation = Activation::Relu;
        Self { teacher, count, width, seed, noise: 0.0, activation, biases, kept }
    }

    /// The number of coordinates that vary.
    pub(crate) fn varying(&self) -> usize {
        varying(&self.teacher, self.biases)
    }

    pub(crate) fn is_kept(&self) -> bool {
        !self.kept.labels.is_empty()
    }

    /// Number of samples.
    pub(crate) fn size(&self, rows: Rows<'_>) -> usize {
        match rows {
            Rows::All => self.count,
            Rows::Picked(indices) => indices.len(),
            Rows::Fresh { size, .. } => size,
        }
    }

    /// Number of blocks.
    pub(crate) fn blocks(&self, rows: Rows<'_>) -> usize {
        self.size(rows).div_ceil(BLOCK)
    }

    /// The order of all samples in an epoch.
    pub(crate) fn shuffle(&self, epoch: u64, order: &mut Vec<usize>) {
        order.clear();
        order.extend(0..self.count);
        order.shuffle(&mut stream(self.seed, Stream::Order, epoch));
    }

    /// The block `b` of the rows, in the kept samples or in the buffers lent.
    pub(crate) fn block<'a>(
        &'a self,
        rows: Rows<'_>,
        b: usize,
        scratch: &'a mut SampleScratch,
    ) -> Block<'a> {
        let (width, real) = (self.width, in_block(b, self.size(rows)));
        let from_kept = matches!(rows, Rows::All) && self.is_kept();
        if !from_kept {
            scratch.reset(BLOCK, width);
        }
        match rows {
            Rows::All if from_kept => {}
            Rows::All => {
                self.draw(
                    Stream::Samples,
                    b as u64,
                    real,
                    &mut scratch.inputs,
                    &mut scratch.labels,
                );
            }
            Rows::Picked(indices) => {
                let indices = &indices[b * BLOCK..][..real];
                let targets = scratch.inputs.chunks_exact_mut(width).zip(&mut scratch.labels);
                for (i, (row, label)) in indices.iter().zip(targets) {
                    row.copy_from_slice(&self.kept.inputs[i * width..][..width]);
                    *label = self.kept.labels[*i];
                }
            }
            Rows::Fresh { batch, .. } => {
                let chunk = batch.wrapping_mul(self.blocks(rows) as u64).wrapping_add(b as u64);
                self.draw(Stream::Fresh, chunk, real, &mut scratch.inputs, &mut scratch.labels);
            }
        }
        let (from, start) = if from_kept { (&self.kept, b * BLOCK) } else { (&*scratch, 0) };
        let inputs = &from.inputs[start * width..][..BLOCK * width];
        let count = real.next_multiple_of(GROUP);
        Block { samples: Samples { count, width, inputs }, labels: &from.labels[start..][..real] }
    }

    /// Draws a chunk: for each sample its input and one normal for the noise, so that inputs depend neither on the noise nor
    /// on how many samples follow.
    fn draw(&self, kind: Stream, chunk: u64, count: usize, inputs: &mut [f64], labels: &mut [f64]) {
        let mut rng = stream(self.seed, kind, chunk);
        let (d, all) = (self.varying(), self.teacher.dimension());
        for (row, label) in inputs.chunks_exact_mut(self.width).zip(labels).take(count) {
            for x in &mut row[..d] {
                *x = rng.sample(StandardNormal);
            }
            if self.biases {
                row[d] = 1.0;
            }
            let noise: f64 = rng.sample(StandardNormal);
            *label = value(&self.teacher, &self.activation, &row[..all]) + self.noise * noise;
        }
    }
}

/// The number of coordinates that vary, of inputs of the teacher's dimension.
pub(crate) fn varying(teacher: &Teacher, biases: bool) -> usize {
    teacher.dimension() - usize::from(biases)
}

/// Samples of the block `b` out of `count`.
fn in_block(b: usize, count: usize) -> usize {
    BLOCK.min(count - b * BLOCK)
}

/// `f*(x)`.
fn value(teacher: &Teacher, activation: &Activation, x: &[f64]) -> f64 {
    let network = teacher.network();
    let neurons = network.rows().zip(network.second_layer());
    neurons.map(|(w, a)| a * activation.value(dot(w, x))).sum()
}
