use super::source::{SampleScratch, Source};
use super::sums::{Rounding, add_multiple};
use super::*;
use crate::kernel::samples::BLOCK;
use crate::{Evaluation, Population, WeightDecay};
use gradiometer_instances::generate::{TeacherRequest, gaussian_student};
use gradiometer_model::geometry::{dot, norm};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Standard errors that a mean may be off: fewer than one test in a million fails by chance.
const Z: f64 = 5.0;

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.sample(StandardNormal)).collect()
}

fn teacher(d: usize, neurons: usize, seed: u64) -> Teacher {
    TeacherRequest::new(d, neurons.min(d), neurons, seed).generate().unwrap().into_inner()
}

fn student(d: usize, m: usize, seed: u64) -> Network {
    gaussian_student(d, m, 1.0, 1.0, seed).unwrap()
}

/// `L_n` and its gradient sample by sample, straight from the module's formulas.
fn naive(
    objective: &Samples,
    x: &[f64],
    y: &[f64],
    student: &Network,
) -> (f64, Vec<f64>, Vec<f64>) {
    let (d, m, n) = (student.dimension(), student.neurons(), y.len() as f64);
    let root = (2.0 * std::f64::consts::PI).sqrt();
    let raw = objective.degrees() == Degrees::All;
    let (mut loss, mut a_sum, mut w_sum) = (0.0, vec![0.0; m], vec![0.0; m * d]);
    for (x, y) in x.chunks_exact(d).zip(y) {
        let feature = |w: &[f64]| {
            let z = dot(w, x);
            if raw { if z > 0.0 { z } else { 0.0 } } else { z.abs() / 2.0 - norm(w) / root }
        };
        let a = student.second_layer();
        let value: f64 = student.rows().zip(a).map(|(w, a)| a * feature(w)).sum();
        let fit = objective.label_fit();
        let skip = student.skip().filter(|_| raw);
        let affine = skip.map_or(0.0, |skip| skip.constant + dot(&skip.linear, x));
        let residual = value + affine - (y - fit.constant - dot(&fit.linear, x));
        loss += residual * residual / n;
        for (j, w) in student.rows().enumerate().filter(|(_, w)| norm(w) > 0.0) {
            a_sum[j] += 2.0 * residual * feature(w) / n;
            let positive = dot(w, x) > 0.0;
            for k in 0..d {
                let slope = match (raw, positive) {
                    (true, true) => x[k],
                    (true, false) => 0.0,
                    (false, _) => {
                        let sign = if positive { 1.0 } else { -1.0 };
                        sign * x[k] / 2.0 - w[k] / norm(w) / root
                    }
                };
                w_sum[j * d + k] += 2.0 * residual * a[j] * slope / n;
            }
        }
    }
    (loss, a_sum, w_sum)
}

/// As [`Samples::drawn`], keeping at most `limit` numbers in memory.
fn drawn_within(
    teacher: Teacher,
    request: &SampleRequest,
    limit: usize,
) -> Result<Samples, PopulationError> {
    let (activation, set) = (Activation::Relu, InstructionSet::detect());
    let data = Data::drawn(teacher, activation.clone(), request, limit)?;
    Ok(Samples { data, activation, set })
}

fn largest_difference(left: &[f64], right: &[f64]) -> f64 {
    gradiometer_hermite::float::maximum_of(left.iter().zip(right).map(|(x, y)| (x - y).abs()))
}

fn request(degrees: Degrees) -> SampleRequest {
    SampleRequest { degrees, ..SampleRequest::new(2, 1) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Both sides round: each within the bound of the other's formula.
    #[test]
    fn loss_and_gradient_are_those_of_a_loop_over_samples(
        // Dimensions below and above the depth at which a product is cut.
        (d, m, n) in (prop_oneof![1_usize..20, 130_usize..150], 1_usize..40, 0_usize..400),
        seed in 0_u64..1000,
        raw in any::<bool>(),
    ) {
        let n = n + d + 2;
        let (x, y) = (normals(n * d, seed), normals(n, seed + 1));
        let degrees = if raw { Degrees::All } else { Degrees::FromTwo };
        let objective = Samples::given(teacher(d, 1, seed), Activation::Relu, &x, &y, &request(degrees)).unwrap();
        let mut student = student(d, m, seed);
        student.layers_mut().1[..d].fill(0.0);
        let student = student.with_skip(Skip { constant: 0.3, linear: normals(d, 0) }).unwrap();
        let (loss, a, w) = naive(&objective, &x, &y, &student);
        for set in InstructionSet::available() {
            let mut gradient = Gradient::default();
            let (objective, into) = (objective.clone().on(*set), Some(&mut gradient));
            let mut workspace = Workspace::new();
            let asked = &Accuracy::FAST;
            let found = objective.evaluate_into(&student, asked, &mut workspace, into).loss;
            prop_assert!((found.value - loss).abs() <= 2.0 * found.error, "{set:?}: {found:?}, {loss}");
            let apart = largest_difference(&gradient.second_layer, &a);
            prop_assert!(apart <= 2.0 * gradient.second_layer_error, "{set:?}: {apart:e}");
            let apart = largest_difference(&gradient.first_layer, &w);
            prop_assert!(apart <= 2.0 * gradient.first_layer_error, "{set:?}: {apart:e}");
            // The bounds are not so wide that they say nothing.
            let useful = 1e6 * f64::EPSILON * (1.0 + loss);
            prop_assert!(found.error < useful && gradient.entries_error() < useful * (m * d) as f64);
        }
    }
}

#[test]
fn one_wrong_label_is_beyond_the_bound() {
    let (d, n) = (3, 50);
    let (x, mut y) = (normals(n * d, 1), normals(n, 2));
    let objective =
        Samples::given(teacher(d, 1, 1), Activation::Relu, &x, &y, &request(Degrees::All)).unwrap();
    let student = student(d, 5, 1);
    let Evaluation { loss, gradient, .. } = objective.evaluate(&student, Accuracy::FAST).unwrap();
    y[n - 1] += f64::powi(2.0, -30);
    let (wrong, a, w) = naive(&objective, &x, &y, &student);
    assert!((loss.value - wrong).abs() > 2.0 * loss.error);
    assert!(largest_difference(&gradient.second_layer, &a) > 2.0 * gradient.second_layer_error);
    assert!(largest_difference(&gradient.first_layer, &w) > 2.0 * gradient.first_layer_error);
}

/// Central differences at two step sizes; what they differ by bounds the truncation, the loss's error the rounding.
#[test]
fn gradients_are_the_differences_of_the_loss() {
    for degrees in [Degrees::FromTwo, Degrees::All] {
        let request = SampleRequest { degrees, noise: 0.1, ..SampleRequest::new(40, 3) };
        let objective = Samples::drawn(teacher(4, 2, 3), Activation::Relu, &request).unwrap();
        let student = student(4, 6, 3);
        let gradient = objective.evaluate(&student, Accuracy::FAST).unwrap().gradient;
        let analytic: Vec<f64> =
            gradient.second_layer.iter().chain(&gradient.first_layer).copied().collect();
        let m = student.neurons();
        let difference = |p: usize, h: f64| {
            let at = |sign: f64| {
                let mut moved = student.clone();
                let (a, w) = moved.layers_mut();
                *if p < m { &mut a[p] } else { &mut w[p - m] } += sign * h;
                objective.evaluate(&moved, Accuracy::FAST).unwrap().loss
            };
            let (up, down) = (at(1.0), at(-1.0));
            ((up.value - down.value) / (2.0 * h), (up.error + down.error) / (2.0 * h))
        };
        // No sample has a kink this close to any neuron: the differences would differ by more than the tolerance.
        let h = f64::powi(2.0, -16);
        for (p, exact) in analytic.iter().enumerate() {
            let ((wide, _), (narrow, rounding)) = (difference(p, h), difference(p, h / 2.0));
            let allowed = (wide - narrow).abs() + 4.0 * rounding;
            assert!((exact - narrow).abs() <= allowed, "{p}: {exact} {narrow} {allowed:e}");
            let noticed = exact * (1.0 + f64::powi(2.0, -12));
            assert!(exact.abs() < 0.05 || (noticed - narrow).abs() > allowed, "{p}: {allowed:e}");
        }
    }
}

#[test]
fn least_squares_removes_the_affine_functions_exactly() {
    let (d, n) = (9, 700);
    let (x, y) = (normals(n * d, 4), normals(n, 5));
    let objective =
        Samples::given(teacher(d, 2, 1), Activation::Relu, &x, &y, &request(Degrees::FromTwo))
            .unwrap();
    let fit = objective.label_fit();
    let moments = |fit: &Skip| -> Vec<f64> {
        let mut sums = vec![0.0; d + 1];
        for (x, y) in x.chunks_exact(d).zip(&y) {
            let left = y - fit.constant - dot(&fit.linear, x);
            add_multiple(&mut sums, left, x);
            sums[d] += left;
        }
        sums
    };
    // Sums of n terms of size at most (6 + |b_0| + 6 |b|_1) 6, each with d + 4 roundings: no normal here exceeds 6.
    let size = 36.0 * (1.0 + fit.constant.abs() + fit.linear.iter().map(|b| b.abs()).sum::<f64>());
    let allowed = (n * (n + d + 4)) as f64 * f64::EPSILON * size;
    assert!(largest_difference(&moments(fit), &vec![0.0; d + 1]) <= allowed);
    let mut wrong = fit.clone();
    wrong.linear[2] += f64::powi(2.0, -20);
    assert!(largest_difference(&moments(&wrong), &vec![0.0; d + 1]) > allowed);
}

#[test]
fn moments_are_the_plain_averages() {
    let (d, n) = (9, 700);
    let (x, y) = (normals(n * d, 4), normals(n, 5));
    let request = SampleRequest { label_fit: LabelFit::Moments, ..request(Degrees::FromTwo) };
    let objective = Samples::given(teacher(d, 2, 1), Activation::Relu, &x, &y, &request).unwrap();
    let fit = objective.label_fit();
    let mut sums = vec![0.0; d + 1];
    for (x, y) in x.chunks_exact(d).zip(&y) {
        add_multiple(&mut sums, *y, x);
        sums[d] += y;
    }
    let means: Vec<f64> = sums.iter().map(|sum| sum / n as f64).collect();
    let found = [fit.linear.as_slice(), &[fit.constant]].concat();
    // n terms below 36, no normal here exceeds 6.
    let allowed = 36.0 * n as f64 * f64::EPSILON;
    assert!(largest_difference(&found, &means) <= allowed);
    // Negative control: least squares are another fit, by the sampling error of the inputs' own moments.
    let request = self::request(Degrees::FromTwo);
    let other = Samples::given(teacher(d, 2, 1), Activation::Relu, &x, &y, &request).unwrap();
    assert!(largest_difference(&other.label_fit().linear, &fit.linear) > 0.01 / (n as f64).sqrt());
    // Preprocessed by moments of the labels of an affine function, which least squares remove, something of it stays.
    let affine: Vec<f64> = x.chunks_exact(d).map(|x| 1.0 + x[0]).collect();
    let zero = Network::new(d, vec![0.0], vec![0.0; d]).unwrap();
    let left = |label_fit| {
        let request = SampleRequest { label_fit, ..request };
        let objective =
            Samples::given(teacher(d, 2, 1), Activation::Relu, &x, &affine, &request).unwrap();
        objective.evaluate(&zero, Accuracy::FAST).unwrap().loss.value
    };
    assert!(left(LabelFit::LeastSquares) <= allowed * allowed);
    assert!(left(LabelFit::Moments) > 0.1 * (d + 1) as f64 / n as f64);
}

#[test]
fn dependent_inputs_are_refused() {
    let mut x = normals(60 * 3, 1);
    for row in x.chunks_exact_mut(3) {
        row[2] = row[0] - row[1];
    }
    let given = |degrees| {
        Samples::given(teacher(3, 1, 1), Activation::Relu, &x, &normals(60, 2), &request(degrees))
    };
    assert_eq!(
        given(Degrees::FromTwo).unwrap_err(),
        PopulationError::DependentInputs { dimension: 3 }
    );
    assert!(given(Degrees::All).is_ok());
}

fn bytes(objective: &Samples, student: &Network, step: u64) -> Vec<u64> {
    let mut gradient = Gradient::default();
    let (asked, mut workspace) = (&Accuracy::FAST, Workspace::new());
    let loss = objective.evaluate_step(step, student, asked, &mut workspace, &mut gradient).loss;
    let numbers = gradient.second_layer.iter().chain(&gradient.first_layer);
    numbers.chain([&loss.value, &loss.error]).map(|x| x.to_bits()).collect()
}

#[test]
fn neither_memory_nor_threads_change_a_byte() {
    let request = SampleRequest { noise: 0.5, ..SampleRequest::new(1000, 7) };
    let teacher = teacher(10, 3, 7);
    let student = student(10, 20, 7);
    let kept = Samples::drawn(teacher.clone(), Activation::Relu, &request).unwrap();
    let drawn_again = drawn_within(teacher, &request, 0).unwrap();
    assert!(kept.data.source.is_kept() && !drawn_again.data.source.is_kept());
    let expected = bytes(&kept, &student, 0);
    assert_eq!(expected, bytes(&drawn_again, &student, 0));
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(expected, pool.install(|| bytes(&kept, &student, 0)));
    }
    // A workspace that has seen another problem.
    let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
    let other =
        Samples::drawn(self::teacher(4, 1, 1), Activation::Relu, &SampleRequest::new(3000, 1))
            .unwrap();
    let (asked, bigger) = (&Accuracy::FAST, self::student(4, 50, 1));
    let _other = other.evaluate_into(&bigger, asked, &mut workspace, Some(&mut gradient));
    let loss = kept.evaluate_into(&student, asked, &mut workspace, Some(&mut gradient)).loss;
    assert_eq!(loss.value.to_bits(), expected[expected.len() - 2]);
}

#[test]
fn the_first_samples_do_not_depend_on_how_many_follow() {
    let teacher = teacher(5, 2, 1);
    let draw = |count, noise, seed| {
        let request = SampleRequest { noise, ..SampleRequest::new(count, seed) };
        Source::drawn(teacher.clone(), Activation::Relu, &request, usize::MAX)
    };
    let (short, long) = (draw(200, 0.5, 1), draw(1000, 0.5, 1));
    let (mut scratch, mut other) = (SampleScratch::default(), SampleScratch::default());
    for b in 0..2 {
        let (block, same) =
            (short.block(Rows::All, b, &mut scratch), long.block(Rows::All, b, &mut other));
        assert!(block.rows().zip(same.rows()).all(|(x, y)| x == y));
        assert_eq!(block.labels, &same.labels[..block.labels.len()]);
    }
    let quiet = draw(200, 0.0, 1);
    let (block, clean) =
        (short.block(Rows::All, 1, &mut scratch), quiet.block(Rows::All, 1, &mut other));
    assert!(block.rows().zip(clean.rows()).all(|(x, y)| x == y));
    assert_ne!(block.labels, clean.labels);
    let moved = draw(200, 0.5, 2);
    let other_seed = moved.block(Rows::All, 1, &mut other);
    assert!(block.rows().zip(other_seed.rows()).all(|(x, y)| x != y));
}

#[test]
fn shuffled_batches_visit_every_sample_once_an_epoch() {
    let (n, size) = (120, 30);
    let batches = Batches::Shuffled { size, reuse: 2 };
    let request = SampleRequest { batches, noise: 0.2, ..SampleRequest::new(n, 4) };
    let objective = Samples::drawn(teacher(3, 1, 4), Activation::Relu, &request).unwrap();
    let student = student(3, 4, 4);
    let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
    for epoch in 0..2 {
        let mut mean = vec![0.0; student.neurons()];
        for batch in 0..4 {
            let step = 2 * (4 * epoch + batch);
            let (asked, into) = (&Accuracy::FAST, &mut gradient);
            let _reached = objective.evaluate_step(step, &student, asked, &mut workspace, into);
            add_multiple(&mut mean, 0.25, &gradient.second_layer);
            assert_eq!(bytes(&objective, &student, step), bytes(&objective, &student, step + 1));
            assert_ne!(bytes(&objective, &student, step), bytes(&objective, &student, step + 2));
        }
        let full = objective.evaluate(&student, Accuracy::FAST).unwrap().gradient;
        let allowed = full.second_layer_error + gradient.second_layer_error;
        assert!(largest_difference(&mean, &full.second_layer) <= 4.0 * allowed);
    }
    assert_ne!(bytes(&objective, &student, 0), bytes(&objective, &student, 8), "a new order");
}

#[test]
fn fresh_batches_are_new_and_unbiased() {
    let batches = Batches::Fresh { size: 200, reuse: 3 };
    let request = SampleRequest { batches, ..SampleRequest::new(20_000, 4) };
    let objective = Samples::drawn(teacher(3, 1, 4), Activation::Relu, &request).unwrap();
    let student = student(3, 4, 4);
    assert_eq!(bytes(&objective, &student, 0), bytes(&objective, &student, 2));
    assert_ne!(bytes(&objective, &student, 2), bytes(&objective, &student, 3));
    let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
    let losses: Vec<f64> = (0..300)
        .map(|k| {
            let (asked, into) = (&Accuracy::FAST, &mut gradient);
            objective.evaluate_step(3 * k, &student, asked, &mut workspace, into).loss.value
        })
        .collect();
    let (mean, error) = mean_and_error(&losses);
    let exact = Population::new(objective.teacher().clone()).loss(&student, 1e-6).value;
    assert!((mean - exact).abs() <= Z * error, "{mean} {exact} {error}");
}

type Change<'a> = &'a dyn Fn(&mut SampleRequest);

#[test]
fn impossible_requests_are_refused() {
    let with = |change: &dyn Fn(&mut SampleRequest)| {
        let mut request = SampleRequest::new(100, 1);
        change(&mut request);
        drawn_within(teacher(3, 1, 1), &request, if request.seed == 9 { 0 } else { 1 << 20 })
    };
    assert!(with(&|_| ()).is_ok());
    let cases: [(Change<'_>, &str); 7] = [
        (&|r| r.count = 4, "at least 5"),
        (&|r| r.noise = -1.0, "noise"),
        (&|r| r.noise = f64::NAN, "noise"),
        (&|r| r.batches = Batches::Shuffled { size: 101, reuse: 1 }, "as many samples"),
        (&|r| r.batches = Batches::Shuffled { size: 0, reuse: 1 }, "at least one sample"),
        (&|r| r.batches = Batches::Fresh { size: 5, reuse: 0 }, "at least one step"),
        (
            &|r| {
                *r = SampleRequest {
                    batches: Batches::Shuffled { size: 5, reuse: 1 },
                    seed: 9,
                    ..*r
                }
            },
            "memory",
        ),
    ];
    for (change, part) in cases {
        let message = with(change).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    let given = |x: &[f64], y: &[f64]| {
        Samples::given(teacher(3, 1, 1), Activation::Relu, x, y, &request(Degrees::All))
    };
    assert!(given(&[1.0; 6], &[1.0; 2]).is_ok());
    assert!(matches!(given(&[1.0; 5], &[1.0; 2]), Err(PopulationError::SampleLengths { .. })));
    assert!(matches!(
        given(&[1.0; 6], &[1.0, f64::NAN]),
        Err(PopulationError::SampleNotFinite { sample: 1 })
    ));
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, (square / (n - 1.0) / n).sqrt())
}

/// The exponent of `|grad L_n - grad L|` in `n` over three decades, by the end points, for one seed.
fn exponent(population: &Population, wrong: f64, seed: u64) -> f64 {
    let student = student(6, 8, 11);
    let exact = population.evaluate(&student, Accuracy::FAST).unwrap().gradient;
    let sizes = [1_000, 10_000, 100_000, 1_000_000_usize];
    let errors = sizes.map(|n| {
        let request = SampleRequest::new(n, seed.wrapping_mul(97).wrapping_add(n as u64));
        let objective =
            Samples::drawn(population.teacher().clone(), Activation::Relu, &request).unwrap();
        let found = objective.evaluate(&student, Accuracy::FAST).unwrap().gradient;
        let pairs = found.first_layer.iter().zip(&exact.first_layer);
        pairs.map(|(g, e)| (g - (1.0 + wrong) * e).powi(2)).sum::<f64>().sqrt().ln()
    });
    // Least squares on equally spaced logarithms: weights -3, -1, 1, 3 over 10.
    let slope = 3.0 * (errors[3] - errors[0]) + errors[2] - errors[1];
    slope / 10.0 / f64::ln(10.0)
}

#[test]
fn gradients_approach_the_populations_as_the_inverse_root_of_the_samples() {
    let population = Population::new(teacher(6, 3, 11));
    let slopes = |wrong| -> Vec<f64> { (0..10).map(|s| exponent(&population, wrong, s)).collect() };
    let (mean, error) = mean_and_error(&slopes(0.0));
    assert!((mean + 0.5).abs() <= Z * error, "{mean} +- {error}");
    // A gradient that is wrong by a tenth is not approached.
    let (mean, error) = mean_and_error(&slopes(0.1));
    assert!(mean + 0.5 > Z * error, "{mean} +- {error}");
}

#[test]
fn the_mean_over_samples_is_the_population_loss() {
    for degrees in [Degrees::FromTwo, Degrees::All] {
        let teacher = teacher(5, 2, 2);
        let student = student(5, 10, 2);
        let losses: Vec<f64> = (0..20)
            .map(|seed| {
                let request = SampleRequest { degrees, ..SampleRequest::new(20_000, seed) };
                Samples::drawn(teacher.clone(), Activation::Relu, &request)
                    .unwrap()
                    .loss(&student, 0.0)
                    .value
            })
            .collect();
        let (mean, error) = mean_and_error(&losses);
        let population = Population::new(teacher).of_degrees(degrees);
        let exact = population.loss(&student, 1e-6).value;
        assert!((mean - exact).abs() <= Z * error, "{degrees:?}: {mean} {exact} {error}");
        let decay = WeightDecay::equal(1.0).value(&student).value;
        assert!((mean - exact - decay).abs() > Z * error, "weight decay is not part of it");
    }
}

#[test]
fn every_term_of_the_bounds_is_the_one_derived() {
    // Two samples of length 5 and 13, neurons of lengths 5 and 1/2.
    let close = |x: f64, y: f64| (x / y - 1.0).abs() <= 64.0 * f64::EPSILON;
    let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
    let plain = Network::new(2, vec![2.0, -3.0], vec![3.0, 4.0, 0.0, 0.5]).unwrap();
    let skip = Skip { constant: 0.75, linear: vec![2.0, -1.0] };
    let student = plain.with_skip(skip).unwrap();
    let (x, y) = ([3.0, -4.0, 5.0, 12.0], [1.5, -2.5]);
    let objective =
        Samples::given(teacher, Activation::Relu, &x, &y, &request(Degrees::All)).unwrap();
    let Evaluation { loss, gradient, .. } = objective.evaluate(&student, Accuracy::FAST).unwrap();
    // f = 2 relu(3 x + 4 y) - 3 relu(y/2) + 3/4 + 2 x - y at both, less the labels.
    let residuals: [f64; 2] = [10.0 + 0.75 - 1.5, 126.0 - 18.0 + 0.75 - 2.0 + 2.5];
    let root_mean_square = |x: [f64; 2]| (0.5 * (x[0] * x[0] + x[1] * x[1])).sqrt();
    let mass = 11.5;
    // The linear part with half of sum_j a_j w_j = (6, 6.5).
    let linear = f64::hypot(2.0 + 3.0, -1.0 + 3.25);
    let input = root_mean_square([5.0, 13.0]);
    let rounding = Rounding {
        // Two neurons and twice two dimensions; one block and one task.
        operations: 22.0,
        depth: (BLOCK + 1 + 1 + 8) as f64,
        input,
        size: (mass + linear) * input + 0.75 + mass + root_mean_square([1.5, 2.5]),
        residual: root_mean_square(residuals),
    };
    assert!(close(loss.value, rounding.residual * rounding.residual), "{loss:?}");
    assert!(close(loss.error, rounding.loss()), "{loss:?} {rounding:?}");
    assert!(close(gradient.second_layer_error, 5.0 * rounding.pairing()));
    assert!(close(gradient.first_layer_error, 3.0 * rounding.pairing()));
}

#[test]
fn bounds_are_the_roundings_counted() {
    let close = |x: f64, y: f64| (x / y - 1.0).abs() <= 8.0 * f64::EPSILON;
    let rounding = Rounding { operations: 3.0, depth: 5.0, input: 2.0, size: 7.0, residual: 0.5 };
    let error = 21.0 * f64::EPSILON;
    assert!(close(rounding.of_residuals(), error));
    let loss = 2.0 * 0.5 * error + error * error + 5.0 * f64::EPSILON * 0.25;
    assert!(close(rounding.loss(), loss));
    let pairing = 5.0 * (error + 8.0 * f64::EPSILON * (0.5 + error));
    assert!(close(rounding.pairing(), pairing));
    // Large enough for the square of the residuals' error to show.
    let rough = Rounding { size: 1.0 / f64::EPSILON, ..rounding };
    assert!(close(rough.loss(), 3.0 + 9.0 + 1.25 * f64::EPSILON));
    assert!(close(rough.pairing(), 5.0 * (3.0 + 8.0 * f64::EPSILON * 3.5)));
}
