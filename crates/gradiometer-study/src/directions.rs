//! 9.3: how many directions one giant step learns.
//!
//! The leading right singular directions of the step, as many as the rank, are compared with the
//! teacher's span by their principal angles. For a fixed number of neurons the span of the step is
//! noise but for what single neurons see. Many neurons together average their noise: the linear
//! part `(1/n) sum_i y_i x_i x_i^T w` of the step is one matrix for all of them, whose leading
//! directions need samples of order `d` only.
//!
//! The teacher has mean 0: a mean adds `E f* w/(2 pi)^(1/2)` to the raw step of every neuron `w`,
//! and beside it all but the first direction vanish as `d` grows, whatever `n`.

use super::Size;
use super::measurement::{Level, Measure, Measurement, event, mean};
use super::reading::{Answer, Conclusion, Found, above, below, figure};
use super::samples::{RANK, first_step, request};
use super::session::{Failure, Plan};
use gradiometer_hermite::Activation;
use gradiometer_model::{ModelError, Network, Teacher};
use gradiometer_population::{Degrees, SampleRequest, Samples};

/// Principal cosines in falling order; how many are above [`LEARNT`]; whether all are.
const MEASURES: &[Measure] =
    &[mean("cosine_1"), mean("cosine_2"), mean("cosine_3"), mean("learnt"), event("all_learnt")];
/// A direction counts as learnt from this cosine on: half of its square is in the span.
const LEARNT: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// Distinct neurons of the narrow steps, and for each dimension those of the wide ones.
const NARROW: usize = 10;
const WIDE: usize = 4;
/// `n/d`, and `n/d^2` before and after preprocessing: the raw labels have several times the
/// variance.
const LINEAR: usize = 40;
const QUADRATIC: [usize; 2] = [64, 16];

#[derive(Clone, Copy)]
struct Case {
    from_degree: usize,
    samples: &'static str,
    width: &'static str,
    d: usize,
}

impl Case {
    const fn count(&self) -> usize {
        let d = self.d;
        let [raw, preprocessed] = QUADRATIC;
        match (self.samples.as_bytes(), self.from_degree) {
            (b"linear", _) => LINEAR * d,
            (_, 0) => raw * d * d,
            _ => preprocessed * d * d,
        }
    }

    fn neurons(&self) -> usize {
        if self.width == "narrow" { NARROW } else { WIDE * self.d }
    }
}

pub(super) fn plan(size: Size) -> Plan {
    let dimensions = size.choose(&[20, 60][..], &[20, 40, 80, 160]);
    let mut cases = Vec::new();
    for (from_degree, samples, width) in [
        (0, "linear", "narrow"),
        (0, "quadratic", "narrow"),
        (2, "linear", "narrow"),
        (2, "quadratic", "narrow"),
        (2, "linear", "wide"),
    ] {
        cases.extend(dimensions.iter().map(|&d| Case { from_degree, samples, width, d }));
    }
    let setting = |case: &Case| {
        vec![
            ("from_degree", Level::from(case.from_degree)),
            ("samples", case.samples.into()),
            ("width", case.width.into()),
            ("d", case.d.into()),
            ("n", case.count().into()),
            ("distinct_neurons", case.neurons().into()),
        ]
    };
    Plan::new(cases, setting, (MEASURES, 10), |case, seed| {
        let degrees = if case.from_degree == 0 { Degrees::All } else { Degrees::FromTwo };
        let request = SampleRequest { degrees, ..request(case.count(), seed) };
        let objective = Samples::drawn(teacher(case.d)?, Activation::Relu, &request)?;
        let student = first_step(&objective, 2 * case.neurons(), seed)?;
        let distinct = &student.first_layer()[..case.neurons() * case.d];
        let mut values = principal_cosines(distinct, case.d)?;
        let learnt = values.iter().filter(|cosine| **cosine >= LEARNT).count();
        values.extend([learnt as f64, f64::from(u8::from(learnt == RANK))]);
        Ok(values)
    })
}

/// The teacher `relu(x_1) - 2 relu(x_2) + relu(x_3)`.
fn teacher(d: usize) -> Result<Teacher, ModelError> {
    let mut first_layer = vec![0.0; RANK * d];
    for (i, w) in first_layer.chunks_exact_mut(d).enumerate() {
        w[i] = 1.0;
    }
    Teacher::new(Network::new(d, vec![1.0, -2.0, 1.0], first_layer)?)
}

/// Cosines of the principal angles between the leading [`RANK`] right singular directions of a
/// row-major matrix and the first [`RANK`] coordinates, in falling order.
pub(super) fn principal_cosines(matrix: &[f64], width: usize) -> Result<Vec<f64>, Undecomposed> {
    let rows = matrix.len() / width;
    let step = faer::Mat::from_fn(rows, width, |i, j| matrix[i * width + j]);
    let svd = step.thin_svd().map_err(|_no_convergence| Undecomposed)?;
    let overlap = faer::Mat::from_fn(RANK, RANK, |i, j| svd.V()[(i, j)]);
    overlap.singular_values().map_err(|_no_convergence| Undecomposed)
}

/// The singular directions of a step were not found.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the singular directions of the step were not found; report the study and its size")]
pub(super) struct Undecomposed;

const PARTS: [(usize, &str, &str); 5] = [
    (0, "linear", "narrow"),
    (0, "quadratic", "narrow"),
    (2, "linear", "narrow"),
    (2, "quadratic", "narrow"),
    (2, "linear", "wide"),
];

fn fixed(
    (degree, samples, width): (usize, &'static str, &'static str),
) -> [(&'static str, Level); 3] {
    [("from_degree", degree.into()), ("samples", samples.into()), ("width", width.into())]
}

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    let names =
        [("exponent_1", "cosine_1"), ("exponent_2", "cosine_2"), ("exponent_3", "cosine_3")];
    let of = |part| names.map(|(name, cosine)| found.exponents(name, (cosine, "d"), &fixed(part)));
    PARTS.into_iter().flat_map(of).collect()
}

/// An exponent in `d` above which a cosine stays; that of a direction at random is -1/2.
const STAYING: f64 = -0.1;

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let ends = |cosine, part| found.ends(cosine, &fixed(part));
    let exponent = |name, part| found.one(name, &fixed(part));
    let told = |part| -> Result<String, Failure> {
        let (first, last) = ends("learnt", part)?;
        Ok(format!(
            "directions learnt {} at d = {}, {} at d = {}; exponents of the cosines in d {}, {}, {}",
            figure(first),
            first.number("d"),
            figure(last),
            last.number("d"),
            figure(exponent("exponent_1", part)?),
            figure(exponent("exponent_2", part)?),
            figure(exponent("exponent_3", part)?)
        ))
    };
    let [raw, raw_many, kept, kept_many, wide] = PARTS;
    let stays = |cosine, name, part| -> Result<Answer, Failure> {
        let (_, last) = ends(cosine, part)?;
        Ok(above(exponent(name, part)?, STAYING).and(above(last, LEARNT)))
    };
    let first_stays = above(ends("cosine_1", raw)?.1, LEARNT);
    let second_falls =
        below(exponent("exponent_2", raw)?, 0.0).and(below(ends("cosine_2", raw)?.1, LEARNT));
    Ok(vec![
        Conclusion::new(
            format!(
                "at n = {LINEAR} d the first direction of the raw step of {NARROW} neurons stays and the second falls as d grows"
            ),
            first_stays.and(second_falls),
            told(raw)?,
        ),
        Conclusion::new(
            format!(
                "at n = {} d^2 all {RANK} directions of the raw step stay as d grows",
                QUADRATIC[0]
            ),
            stays("cosine_3", "exponent_3", raw_many)?,
            told(raw_many)?,
        ),
        Conclusion::new(
            format!("at n = {LINEAR} d no direction of the step after preprocessing stays"),
            below(exponent("exponent_1", kept)?, 0.0),
            told(kept)?,
        ),
        Conclusion::new(
            format!(
                "at n = {} d^2 all {RANK} directions of the step after preprocessing stay",
                QUADRATIC[1]
            ),
            stays("cosine_3", "exponent_3", kept_many)?,
            told(kept_many)?,
        ),
        Conclusion::new(
            format!(
                "at n = {LINEAR} d the steps of {WIDE} d neurons together show all {RANK} directions"
            ),
            stays("cosine_3", "exponent_3", wide)?,
            told(wide)?,
        ),
    ])
}
