//! Sums over samples: cut into tasks, added up in a fixed order, and their rounding.

use super::source::{Block, Rows, SampleScratch, Source};
use crate::kernel::GROUP;
use crate::kernel::samples::BLOCK;
use rayon::prelude::*;

/// Most tasks that an evaluation is cut into.
pub(super) const TASKS: usize = 16;
/// Most numbers that the tasks' sums take, unless two tasks need more.
const TASK_NUMBERS: usize = 1 << 24;

/// What one task collects over its blocks, given a context that all share.
pub(super) trait Collect<C>: Default + Send {
    /// Clears it.
    fn reset(&mut self, context: &C);
    /// Adds a block.
    fn add(&mut self, context: &C, block: Block<'_>);
    /// Adds what another task has collected.
    fn merge(&mut self, other: &Self);
}

/// A task with what it has collected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Task<T> {
    collected: T,
    scratch: SampleScratch,
}

/// What is collected over the rows on all threads, and the roundings that a sum over them passes
/// through. A task keeps so many `numbers`; how many tasks there are is a function of sizes alone, so
/// that the threads do not show.
pub(super) fn collect<'t, C: Sync, T: Collect<C>>(
    source: &Source,
    rows: Rows<'_>,
    numbers: usize,
    context: &C,
    tasks: &'t mut Vec<Task<T>>,
) -> (&'t T, f64) {
    let blocks = source.blocks(rows);
    let count = (TASK_NUMBERS / numbers).clamp(2, TASKS).min(blocks);
    if tasks.len() < count {
        tasks.resize_with(count, Task::default);
    }
    let tasks = &mut tasks[..count];
    tasks.par_iter_mut().enumerate().for_each(|(t, Task { collected, scratch })| {
        collected.reset(context);
        for b in t * blocks / count..(t + 1) * blocks / count {
            collected.add(context, source.block(rows, b, scratch));
        }
    });
    let (total, others) = tasks.split_at_mut(1);
    for task in others {
        total[0].collected.merge(&task.collected);
    }
    (&total[0].collected, (BLOCK + blocks.div_ceil(count) + count + 8) as f64)
}

/// The constants of the error bounds, in units of `eps`, which covers two roundings where an instruction set lacks fused ones.
///
/// By Cauchy-Schwarz every `z_ij` is within `(d + 1) eps |w_j| |x_i|`, so each residual within `operations eps S_i` for the sum `S_i` of the
/// moduli of its terms, and `(mean S_i^2)^(1/2) <= size` by Minkowski. With `E = operations eps size`, all means below are over samples:
/// `|mean R^2 - L| <= 2 sqrt(L) E + E^2` and `mean |R_i| |x_i| <= sqrt(L) input`, to which a sum adds `depth` roundings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounding {
    /// Roundings in a residual.
    pub(super) operations: f64,
    /// Roundings that a sum over samples passes through.
    pub(super) depth: f64,
    /// Root mean square of `|x_i|`.
    pub(super) input: f64,
    /// Bound on the root mean square of `S_i`.
    pub(super) size: f64,
    /// `sqrt(L)`.
    pub(super) residual: f64,
}

impl Rounding {
    /// `E`.
    pub(super) fn of_residuals(self) -> f64 {
        self.operations * f64::EPSILON * self.size
    }

    pub(super) fn loss(self) -> f64 {
        let error = self.of_residuals();
        2.0 * self.residual * error
            + error * error
            + self.depth * f64::EPSILON * self.residual * self.residual
    }

    /// Bound on the error of `2 mean_i R_i h(x_i)` for a feature with `|h(x)| <= (|x| + 1)/2` in norm, raw features up to `|x|`.
    pub(super) fn pairing(self) -> f64 {
        self.against(self.input + 0.5)
    }

    /// Bound on the error of `2 mean_i R_i h(x_i)` for a feature the moduli of whose terms are at most `size` in root mean square.
    pub(super) fn against(self, size: f64) -> f64 {
        let residual = self.residual + self.of_residuals();
        let sums = (self.operations + self.depth) * f64::EPSILON * residual;
        2.0 * size * (self.of_residuals() + sums)
    }
}

/// `x . c` and `|x|^2`, for lengths that are multiples of [`GROUP`].
pub(super) fn products(x: &[f64], c: &[f64]) -> [f64; 2] {
    let (mut along, mut square) = ([0.0; GROUP], [0.0; GROUP]);
    for (x, c) in x.chunks_exact(GROUP).zip(c.chunks_exact(GROUP)) {
        for lane in 0..GROUP {
            along[lane] += x[lane] * c[lane];
            square[lane] += x[lane] * x[lane];
        }
    }
    [along.iter().sum(), square.iter().sum()]
}

/// `target += factor x`.
pub(super) fn add_multiple(target: &mut [f64], factor: f64, x: &[f64]) {
    for (t, x) in target.iter_mut().zip(x) {
        *t += factor * x;
    }
}
