//! Samples with their batches and the fit of their labels, whatever the student's activation.

use super::request::{Batches, LabelFit, SampleRequest};
use super::source::{Block, Rows, SampleScratch, Source, varying};
use super::sums::{TASKS, add_multiple, products};
use crate::error::PopulationError;
use crate::kernel::InstructionSet;
use crate::kernel::samples::add_gram;
use faer::Side;
use faer::linalg::solvers::Solve;
use gradiometer_hermite::{Activation, Degrees};
use gradiometer_model::{Skip, Teacher};
use rayon::prelude::*;

/// What an average over samples is taken of.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) source: Source,
    pub(crate) degrees: Degrees,
    batches: Batches,
    /// `(b_0, b)`.
    pub(crate) fit: Skip,
}

/// The order of the samples in an epoch, and the seed, count and epoch that it belongs to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    indices: Vec<usize>,
    of: Option<(u64, usize, u64)>,
}

impl Data {
    /// Samples drawn for a teacher of the activation, of which at most `limit` numbers are kept in memory.
    pub(crate) fn drawn(
        teacher: Teacher,
        activation: Activation,
        request: &SampleRequest,
        limit: usize,
    ) -> Result<Self, PopulationError> {
        if !(request.noise >= 0.0 && request.noise.is_finite()) {
            return Err(PopulationError::Noise { noise: request.noise });
        }
        check_count(request.count, varying(&teacher, request.biases), request.degrees)?;
        let source = Source::drawn(teacher, activation, request, limit);
        Self::on(source, request)
    }

    /// Given samples, as [`Samples::given`](crate::Samples::given) says.
    pub(crate) fn given(
        teacher: Teacher,
        inputs: &[f64],
        labels: &[f64],
        request: &SampleRequest,
    ) -> Result<Self, PopulationError> {
        let (d, n) = (varying(&teacher, request.biases), labels.len());
        if n.checked_mul(d) != Some(inputs.len()) {
            return Err(PopulationError::SampleLengths {
                labels: n,
                dimension: d,
                found: inputs.len(),
            });
        }
        let wrong = inputs
            .chunks_exact(d)
            .zip(labels)
            .position(|(x, y)| !(y.is_finite() && x.iter().all(|x| x.is_finite())));
        if let Some(sample) = wrong {
            return Err(PopulationError::SampleNotFinite { sample });
        }
        check_count(n, d, request.degrees)?;
        if matches!(request.batches, Batches::Fresh { .. }) {
            return Err(PopulationError::Batch {
                reason: "given samples cannot be drawn afresh; use shuffled batches",
            });
        }
        Self::on(Source::given(teacher, inputs, labels, request), request)
    }

    fn on(source: Source, request: &SampleRequest) -> Result<Self, PopulationError> {
        let refuse = |reason| Err(PopulationError::Batch { reason });
        match request.batches {
            Batches::Shuffled { size: 0, .. } | Batches::Fresh { size: 0, .. } => {
                return refuse("a batch has at least one sample");
            }
            Batches::Shuffled { reuse: 0, .. } | Batches::Fresh { reuse: 0, .. } => {
                return refuse("a batch is used for at least one step");
            }
            Batches::Shuffled { size, .. } if size > source.count => {
                return refuse("a batch has at most as many samples as there are");
            }
            Batches::Shuffled { .. } if !source.is_kept() => {
                return refuse(
                    "shuffled batches need samples that fit into memory; use fresh ones, or fewer samples",
                );
            }
            _ => {}
        }
        let mut fit = match request.degrees {
            Degrees::All => Skip { constant: 0.0, linear: vec![0.0; source.varying()] },
            Degrees::FromTwo => match request.label_fit {
                LabelFit::LeastSquares => least_squares(&source)?,
                LabelFit::Moments => moments(&source),
            },
        };
        // The constant input has no part of its own in the fit.
        fit.linear.resize(source.teacher.dimension(), 0.0);
        Ok(Self { source, degrees: request.degrees, batches: request.batches, fit })
    }

    /// The samples of a descent step.
    pub(crate) fn rows<'a>(&self, step: u64, order: &'a mut Order) -> Rows<'a> {
        match self.batches {
            Batches::Full => Rows::All,
            Batches::Fresh { size, reuse } => Rows::Fresh { batch: step / reuse, size },
            Batches::Shuffled { size, reuse } => {
                let in_an_epoch = (self.source.count / size) as u64;
                let (epoch, batch) = (step / reuse / in_an_epoch, step / reuse % in_an_epoch);
                let wanted = Some((self.source.seed, self.source.count, epoch));
                if order.of != wanted {
                    self.source.shuffle(epoch, &mut order.indices);
                    order.of = wanted;
                }
                let start = usize::try_from(batch).map_or(0, |batch| batch * size);
                Rows::Picked(&order.indices[start..start + size])
            }
        }
    }
}

fn check_count(count: usize, dimension: usize, degrees: Degrees) -> Result<(), PopulationError> {
    let needed = match degrees {
        Degrees::All => 1,
        Degrees::FromTwo => dimension + 2,
    };
    if count < needed {
        return Err(PopulationError::TooFewSamples { count, needed });
    }
    Ok(())
}

/// The least-squares fit of the labels on `(1, x)`: the normal equations, solved for the labels and once more for what is left.
fn least_squares(source: &Source) -> Result<Skip, PopulationError> {
    let (d, width, set) = (source.varying(), source.width, InstructionSet::detect());
    let mut fit = vec![0.0; width + 1];
    let gram = over_blocks(source, width * width, |block, sums| {
        add_gram(set, block.samples, sums);
    });
    // Entry d stands for the constant.
    let pairings = |fit: &[f64]| {
        over_blocks(source, width + 1, |block, sums| {
            for (x, y) in block.rows().zip(block.labels) {
                let left = y - fit[width] - products(x, &fit[..width])[0];
                add_multiple(&mut sums[..width], left, x);
                sums[width] += left;
            }
        })
    };
    let means = over_blocks(source, width, |block, sums| {
        block.rows().for_each(|x| add_multiple(sums, 1.0, x));
    });
    let normal = faer::Mat::from_fn(d + 1, d + 1, |i, j| match (i == d, j == d) {
        (true, true) => source.count as f64,
        (true, false) => means[j],
        (false, true) => means[i],
        (false, false) => gram[i * width + j],
    });
    let dependent = PopulationError::DependentInputs { dimension: d };
    let Ok(factor) = normal.llt(Side::Lower) else { return Err(dependent) };
    // The squared pivot is what is left of an input after its projection on those before it.
    let least = 8.0 * (d + 1) as f64 * f64::EPSILON;
    if (0..=d).any(|i| !(factor.L()[(i, i)].powi(2) > least * normal[(i, i)])) {
        return Err(dependent);
    }
    for _ in 0..2 {
        let left = pairings(&fit);
        let step =
            factor.solve(&faer::Col::from_fn(d + 1, |i| left[if i == d { width } else { i }]));
        for k in 0..d {
            fit[k] += step[k];
        }
        fit[width] += step[d];
    }
    Ok(Skip { constant: fit[width], linear: fit[..d].to_vec() })
}

/// The averages of `y` and `y x`.
fn moments(source: &Source) -> Skip {
    let (d, width) = (source.varying(), source.width);
    let sums = over_blocks(source, width + 1, |block, sums| {
        for (x, y) in block.rows().zip(block.labels) {
            add_multiple(&mut sums[..width], *y, x);
            sums[width] += y;
        }
    });
    let count = source.count as f64;
    Skip { constant: sums[width] / count, linear: sums[..d].iter().map(|s| s / count).collect() }
}

/// `length` sums over all blocks, on all threads.
fn over_blocks(
    source: &Source,
    length: usize,
    add: impl Fn(Block<'_>, &mut [f64]) + Sync,
) -> Vec<f64> {
    let blocks = source.blocks(Rows::All);
    let tasks = TASKS.min(blocks);
    let partial: Vec<Vec<f64>> = (0..tasks)
        .into_par_iter()
        .map(|t| {
            let (mut sums, mut scratch) = (vec![0.0; length], SampleScratch::default());
            for b in t * blocks / tasks..(t + 1) * blocks / tasks {
                add(source.block(Rows::All, b, &mut scratch), &mut sums);
            }
            sums
        })
        .collect();
    let mut total = vec![0.0; length];
    for sums in &partial {
        add_multiple(&mut total, 1.0, sums);
    }
    total
}
