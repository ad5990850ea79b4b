//! What tests share: draws, and descent to a stationary point.

use gradiometer_hermite::float::maximum;
use gradiometer_model::geometry::dot;
use gradiometer_model::{Network, Teacher};
use gradiometer_population::{Accuracy, Degrees, Gradient, Objective, Population, Workspace};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

pub(crate) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub(crate) fn normals(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| rng.sample(StandardNormal)).collect()
}

/// Mean and standard error of the mean.
pub(crate) fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    (mean, (square / (n * (n - 1.0))).sqrt())
}

pub(crate) fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |most, x| maximum(most, x.abs()))
}

/// A network of normal neurons; `a_j = sign_j |w_j|` of the given signs.
pub(crate) fn balanced(rng: &mut ChaCha8Rng, d: usize, signs: &[f64]) -> Network {
    let w = normals(rng, d * signs.len());
    let a = w.chunks_exact(d).zip(signs).map(|(w, s)| s * dot(w, w).sqrt()).collect();
    Network::new(d, a, w).unwrap()
}

/// A teacher of `m` unit directions in the first `r` of `d` coordinates.
pub(crate) fn teacher(rng: &mut ChaCha8Rng, d: usize, r: usize, amplitudes: &[f64]) -> Teacher {
    let rows: Vec<Vec<f64>> = amplitudes
        .iter()
        .map(|_| {
            let w = normals(rng, r);
            let length = dot(&w, &w).sqrt();
            (0..d).map(|i| if i < r { w[i] / length } else { 0.0 }).collect()
        })
        .collect();
    Teacher::new(Network::from_rows(amplitudes.to_vec(), &rows).unwrap()).unwrap()
}

/// `L_lambda` of degrees from 2 on and its gradient, `a` first.
pub(crate) fn objective(
    population: &Population,
    student: &Network,
    lambda: f64,
    workspace: &mut Workspace,
) -> (f64, Vec<f64>) {
    let mut gradient = Gradient::default();
    let reached =
        population.evaluate_into(student, &Accuracy::FAST, workspace, Some(&mut gradient));
    let parameters = [student.second_layer(), student.first_layer()].concat();
    let gradient = gradient.second_layer.iter().chain(&gradient.first_layer);
    let gradient = gradient.zip(&parameters).map(|(g, p)| g + lambda * p).collect();
    (reached.loss.value + 0.5 * lambda * dot(&parameters, &parameters), gradient)
}

fn network(d: usize, m: usize, parameters: &[f64]) -> Network {
    Network::new(d, parameters[..m].to_vec(), parameters[m..].to_vec()).unwrap()
}

/// L-BFGS on `L_lambda` until the gradient is at most `goal`; the student and the gradient's norm.
pub(crate) fn stationary(
    teacher: &Teacher,
    start: &Network,
    lambda: f64,
    goal: f64,
) -> (Network, f64) {
    let population = Population::new(teacher.clone()).of_degrees(Degrees::FromTwo);
    let mut workspace = Workspace::new();
    let (d, m) = (start.dimension(), start.neurons());
    let mut at = [start.second_layer(), start.first_layer()].concat();
    let (mut value, mut gradient) = objective(&population, start, lambda, &mut workspace);
    let mut memory: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    for _ in 0..20_000 {
        if dot(&gradient, &gradient).sqrt() <= goal {
            break;
        }
        let mut direction = gradient.clone();
        let mut shares = Vec::new();
        for (s, y) in memory.iter().rev() {
            let share = dot(s, &direction) / dot(s, y);
            direction.iter_mut().zip(y).for_each(|(p, y)| *p -= share * y);
            shares.push(share);
        }
        if let Some((s, y)) = memory.last() {
            let scale = dot(s, y) / dot(y, y);
            for p in &mut direction {
                *p *= scale;
            }
        }
        for ((s, y), share) in memory.iter().zip(shares.iter().rev()) {
            let other = dot(y, &direction) / dot(s, y);
            direction.iter_mut().zip(s).for_each(|(p, s)| *p += (share - other) * s);
        }
        let mut size = if memory.is_empty() { 0.1 } else { 1.0 };
        let slope = dot(&gradient, &direction);
        loop {
            let next: Vec<f64> = at.iter().zip(&direction).map(|(x, p)| x - size * p).collect();
            let (new, new_gradient) =
                objective(&population, &network(d, m, &next), lambda, &mut workspace);
            // Near the end values are rounding; the gradient decides there.
            let shorter = dot(&new_gradient, &new_gradient) < dot(&gradient, &gradient);
            if new <= value - 1e-4 * size * slope
                || (size * slope < 1e-12 && shorter)
                || size < 1e-8
            {
                let s: Vec<f64> = next.iter().zip(&at).map(|(x, y)| x - y).collect();
                let y: Vec<f64> = new_gradient.iter().zip(&gradient).map(|(x, y)| x - y).collect();
                if dot(&s, &y) > 0.0 {
                    memory.push((s, y));
                    if memory.len() > 20 {
                        memory.remove(0);
                    }
                } else {
                    memory.clear();
                }
                (at, value, gradient) = (next, new, new_gradient);
                break;
            }
            size *= 0.5;
        }
    }
    let length = dot(&gradient, &gradient).sqrt();
    (network(d, m, &at), length)
}
