//! 11.11.5: what the first step does to the first layer, aligned with the tangent kernel at once.
//!
//! At Algorithm 1's start the covariance of the gradient is proportional to `H^2` in the limit of large `d` and `m`, so that
//! the alignment of what was learned, centred in time, begins at 1 whatever the teacher. The `H` of another teacher has
//! nothing of the sort.

use super::Size;
use super::measurement::{Level, Measure, mean};
use super::reading::{Answer, Conclusion, Found, above, below, figure};
use super::session::{Failure, Plan};
use super::training::Sizes;
use gradiometer_instances::generate::symmetric_start;
use gradiometer_mechanisms::beaglehole2024::EarlyAlignment;
use gradiometer_mechanisms::radhakrishnan::hessian;
use gradiometer_model::{Network, Teacher};
use gradiometer_population::{Accuracy, Objective as _, Population};

const MEASURES: &[Measure] = &[
    mean("centred"),
    mean("against_labels"),
    mean("against_another"),
    mean("off_prediction"),
    mean("uncentred_after_step"),
];
/// The size of the step.
const STEP: f64 = 1e-3;
/// Seeds from a teacher to another.
const ANOTHER: u64 = 1000;

/// `cos(G^T G, H^2)` of the gradient on one teacher with the `H` of another.
fn against(start: &Network, teacher: &Teacher, other: &Teacher) -> Result<f64, Failure> {
    let gradient = Population::new(teacher.clone()).evaluate(start, Accuracy::FAST)?.gradient;
    let (d, h) = (start.dimension(), hessian(other.network()));
    let (mut product, mut left, mut right) = (0.0, 0.0, 0.0);
    for i in 0..d {
        for j in 0..d {
            let rows = gradient.first_layer.chunks_exact(d);
            let covariance: f64 = rows.map(|g| g[i] * g[j]).sum();
            let square: f64 = (0..d).map(|k| h[(i, k)] * h[(k, j)]).sum();
            product += covariance * square;
            left += covariance * covariance;
            right += square * square;
        }
    }
    Ok(product / (left * right).sqrt())
}

pub(super) use super::nothing_derived as derive;

pub(super) fn plan(size: Size) -> Plan {
    let sizes: &[(usize, usize)] =
        size.choose(&[(20, 64), (20, 512)], &[(20, 64), (20, 1024), (80, 256), (320, 1024)]);
    let setting = |&(d, m): &(usize, usize)| vec![("d", Level::from(d)), ("m", Level::from(m))];
    Plan::new(sizes.to_vec(), setting, (MEASURES, 10), |&(dimension, neurons), seed| {
        let sizes = Sizes { dimension, rank: 3, teachers: 4, neurons, epochs: 0, steps: 0 };
        let start = symmetric_start(dimension, neurons, 1.0, seed)?;
        let (teacher, other) = (sizes.teacher(seed)?, sizes.teacher(seed + ANOTHER)?);
        let early = EarlyAlignment::at(&start, &teacher, STEP)?;
        Ok(vec![
            early.centred,
            early.against_labels,
            against(&start, &teacher, &other)?,
            early.off_prediction,
            early.uncentred_after_step,
        ])
    })
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    let (mut centred, mut labels, mut sizes, mut others, mut figures) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for one in found.all("centred", &[]) {
        let (d, m) = (one.number("d"), one.number("m"));
        let fixed = [("d", Level::from(d)), ("m", Level::from(m))];
        let off = found.one("off_prediction", &fixed)?;
        let uncentred = found.one("uncentred_after_step", &fixed)?;
        let against = found.one("against_labels", &fixed)?;
        let another = found.one("against_another", &fixed)?;
        centred.push(above(one, 0.98));
        labels.push(above(against, 0.95));
        // The finite size that the statement allows.
        sizes.push(below(off, 5.0 / m.sqrt() + 3.0 / d));
        others.push(above(another, 0.8));
        figures.push(format!(
            "d = {d}, m = {m}: centred {}, with H^2 {}, with another teacher's {}, off the prediction by {}, weights {}",
            figure(one),
            figure(against),
            figure(another),
            figure(off),
            figure(uncentred)
        ));
    }
    let figures = figures.join("; ");
    let claim = |claim: &str, answers: Vec<Answer>| {
        Conclusion::new(claim, Answer::all(answers), figures.clone())
    };
    Ok(vec![
        claim("the alignment centred in time begins near 1", centred),
        claim("the gradient's covariance is along H^2", labels),
        claim("its size is the one predicted, within 5/sqrt(m) + 3/d", sizes),
        claim("the covariance is along the H^2 of another teacher (the control)", others),
    ])
}
