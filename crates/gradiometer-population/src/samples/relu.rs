//! The average for ReLU: the fused kernel on `|w_j . x_i|`, and an affine function.

use super::data::Data;
use super::source::{Block, Rows};
use super::sums::{Collect, Rounding, Task, add_multiple, collect, products};
use crate::kernel::samples::{BLOCK, Neurons, SampleSums, add_block};
use crate::kernel::{GRAIN, GROUP, InstructionSet};
use crate::value::Gradient;
use gradiometer_hermite::float::maximum;
use gradiometer_hermite::{Bounded, Degrees};
use gradiometer_model::Network;
use gradiometer_model::geometry::{dot, norm};
use std::f64::consts::FRAC_2_PI;

/// The buffers of one evaluation after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers {
    tasks: Vec<Task<Collected>>,
    panels: Vec<f64>,
    half_weights: Vec<f64>,
}

/// What all tasks share.
struct Context<'a> {
    set: InstructionSet,
    neurons: Neurons<'a>,
    width: usize,
    /// The affine function that joins the neurons.
    constant: f64,
    linear: &'a [f64],
}

/// What one task collects over its blocks.
#[derive(Clone, Debug, Default)]
struct Collected {
    sums: SampleSums,
    residuals: Vec<f64>,
    /// `sum_i R_i`, `sum_i R_i^2`, `sum_i |x_i|^2`, `sum_i y_i^2`.
    totals: [f64; 4],
    /// `sum_i R_i x_i`.
    moment: Vec<f64>,
}

impl Collect<Context<'_>> for Collected {
    fn reset(&mut self, context: &Context<'_>) {
        self.sums.reset(context.neurons.count, context.width);
        self.totals = [0.0; 4];
        self.moment.clear();
        self.moment.resize(context.width, 0.0);
        self.residuals.resize(BLOCK, 0.0);
    }

    fn add(&mut self, context: &Context<'_>, block: Block<'_>) {
        let Context { set, neurons, constant, linear, .. } = *context;
        self.residuals.fill(0.0);
        for ((x, y), offset) in block.rows().zip(block.labels).zip(&mut self.residuals) {
            let [along, square] = products(x, linear);
            *offset = constant + along - y;
            self.totals[2] += square;
            self.totals[3] += y * y;
        }
        add_block(set, block.samples, neurons, &mut self.residuals, &mut self.sums);
        for (x, residual) in block.rows().zip(&self.residuals) {
            self.totals[0] += residual;
            self.totals[1] += residual * residual;
            add_multiple(&mut self.moment, *residual, x);
        }
    }

    fn merge(&mut self, other: &Self) {
        add_multiple(&mut self.sums.absolute, 1.0, &other.sums.absolute);
        add_multiple(&mut self.sums.tangent, 1.0, &other.sums.tangent);
        add_multiple(&mut self.totals, 1.0, &other.totals);
        add_multiple(&mut self.moment, 1.0, &other.moment);
    }
}

/// The constant and the padded linear part of `f - y~ + y - (1/2) sum_j a_j |w_j . x|`.
fn affine(data: &Data, student: &Network) -> (f64, Vec<f64>) {
    let mut constant = data.fit.constant;
    let mut linear = vec![0.0; data.source.width];
    linear[..student.dimension()].copy_from_slice(&data.fit.linear);
    for (w, a) in student.rows().zip(student.second_layer()) {
        match data.degrees {
            Degrees::FromTwo => constant -= 0.5 * FRAC_2_PI.sqrt() * a * norm(w),
            Degrees::All => add_multiple(&mut linear, 0.5 * a, w),
        }
    }
    if let (Degrees::All, Some(skip)) = (data.degrees, student.skip()) {
        constant += skip.constant;
        add_multiple(&mut linear, 1.0, &skip.linear);
    }
    (constant, linear)
}

/// Loss and gradient over the rows.
pub(super) fn average(
    data: &Data,
    rows: Rows<'_>,
    student: &Network,
    set: InstructionSet,
    buffers: &mut Buffers,
    gradient: &mut Gradient,
) -> Bounded {
    let (m, d, width) = (student.neurons(), student.dimension(), data.source.width);
    let (constant, linear) = affine(data, student);
    let Buffers { tasks, panels, half_weights } = buffers;
    let neurons = pack(student, width, panels, half_weights);
    let context = Context { set, neurons, width, constant, linear: &linear };
    let (total, depth) = collect(&data.source, rows, neurons.count * width, &context, tasks);

    let n = data.source.size(rows) as f64;
    let [residual, square, inputs, labels] = total.totals.map(|sum| sum / n);
    let loss = Bounded { value: square, error: 0.0 };
    let rounding = Rounding {
        operations: (m + 2 * d + 16) as f64,
        depth,
        input: inputs.sqrt(),
        size: (student.total_mass() + norm(&linear)) * inputs.sqrt()
            + constant.abs()
            + student.total_mass()
            + labels.sqrt(),
        residual: square.sqrt(),
    };
    gradient.reset(m, d);
    let (mut second_error, mut first_error) = (0.0, 0.0);
    for (j, w) in student.rows().enumerate() {
        let (length, a) = (norm(w), student.second_layer()[j]);
        if !(length > 0.0) {
            continue;
        }
        let tangent = &total.sums.tangent[j * width..][..d];
        let target = &mut gradient.first_layer[j * d..(j + 1) * d];
        let absolute = total.sums.absolute[j];
        match data.degrees {
            Degrees::FromTwo => {
                let mean = FRAC_2_PI.sqrt() * residual;
                gradient.second_layer[j] = absolute / n - length * mean;
                for ((g, t), x) in target.iter_mut().zip(tangent).zip(w) {
                    *g = a * (t / n - x / length * mean);
                }
            }
            Degrees::All => {
                gradient.second_layer[j] = (absolute + dot(w, &total.moment[..d])) / n;
                for ((g, t), p) in target.iter_mut().zip(tangent).zip(&total.moment) {
                    *g = a * ((t + p) / n);
                }
            }
        }
        second_error = maximum(second_error, length * rounding.pairing());
        first_error = maximum(first_error, a.abs() * rounding.pairing());
    }
    gradient.second_layer_error = second_error;
    gradient.first_layer_error = first_error;
    Bounded { error: rounding.loss(), ..loss }
}

/// Neurons as the kernel wants them, padded with zeros.
fn pack<'a>(
    student: &Network,
    width: usize,
    panels: &'a mut Vec<f64>,
    half_weights: &'a mut Vec<f64>,
) -> Neurons<'a> {
    let count = student.neurons().next_multiple_of(GRAIN);
    panels.clear();
    panels.resize(count * width, 0.0);
    for (j, w) in student.rows().enumerate() {
        let group = &mut panels[j / GROUP * GROUP * width..];
        for (k, x) in w.iter().enumerate() {
            group[k * GROUP + j % GROUP] = *x;
        }
    }
    half_weights.clear();
    half_weights.extend(student.second_layer().iter().map(|a| 0.5 * a));
    half_weights.resize(count, 0.0);
    Neurons { count, panels, half_weights }
}
