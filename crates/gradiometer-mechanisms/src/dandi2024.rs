//! Full batches used again \[Dandi2024\] (11.9.4, 11.9.5).
//!
//! `n = alpha d` samples are used at every step: `W += (eta/d) sum_i G_i x_i^T`,
//! `G = -grad_h loss(h, z)`. As `d` grows the fields `h^t = W^t x` of a sample follow an effective
//! process that remembers the sample's own label.

use gradiometer_hermite::float::maximum;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::error::MechanismError;
use crate::matrix::Matrix;
use crate::numerics::{count, density, distribution, integral};

/// `M_2` after two steps on the same batch, in closed form (11.9.4): correlation loss, ReLU, an odd
/// label with `E[y z] = 0`, weights of norm one that start orthogonal to the teacher.
///
/// `M_2 = eta alpha E[z y P(omega > 0, omega + t xi > -eta y)]`, `t^2 = eta^2 alpha E y^2/2`.
///
/// # Errors
/// [`MechanismError::Hermite`] if a rule could not be built.
pub fn two_step_overlap(
    label: impl Fn(f64) -> f64,
    eta: f64,
    alpha: f64,
) -> Result<f64, MechanismError> {
    const REACH: f64 = 9.0;
    let square = 2.0 * integral(|z| label(z).powi(2) * density(z), 0.0, REACH, 60)?;
    let t = eta * (0.5 * alpha * square).sqrt();
    let both = |y: f64| {
        // Resolve the step of width t where omega crosses -eta y.
        let inner = |w: f64| density(w) * distribution((w + eta * y) / t);
        integral(inner, 0.0, REACH, 24)
    };
    // z y is even in z and y odd: z and -z together see both signs of the label.
    let sum = integral(
        |z| {
            let y = label(z);
            let pair = both(y).unwrap_or(f64::NAN) + both(-y).unwrap_or(f64::NAN);
            z * y * pair * density(z)
        },
        0.0,
        REACH,
        40,
    )?;
    Ok(eta * alpha * sum)
}

/// A network trained on a batch that is used again at every step: sizes and step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reuse {
    /// Number of neurons `p`.
    pub neurons: usize,
    /// Number of teacher directions `P`.
    pub directions: usize,
    /// Samples over dimension.
    pub alpha: f64,
    /// The step.
    pub eta: f64,
}

impl Reuse {
    /// `M^t` for `t = 0, ..., steps` by Monte Carlo over effective paths (11.9.5), `M^0 = 0`,
    /// `W^0 W^{0T} = I`.
    ///
    /// `force` gets `(h, z)` and writes `G`. Paths come in antithetic pairs. The response is
    /// `R(t, .) = E[G^t omega~^T] C~^{-1}` (Stein), so that kinks need no derivative.
    pub fn mean_field(
        &self,
        force: impl Fn(&[f64], &[f64], &mut [f64]),
        steps: usize,
        pairs: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<Matrix> {
        let (p, directions) = (self.neurons, self.directions);
        let paths = 2 * pairs;
        let rate = self.eta * self.alpha;
        let mut z = vec![0.0; paths * directions];
        fill_antithetic(&mut z, directions, rng);
        // noise[t], fields[t], gradients[t]: one row of p numbers a path.
        let mut noise: Vec<Vec<f64>> = Vec::new();
        let mut fields: Vec<Vec<f64>> = Vec::new();
        let mut gradients: Vec<Vec<f64>> = Vec::new();
        let mut overlaps = vec![Matrix::zero(p, directions)];
        // Gram matrices C(t, s), s <= t, and memories K(t, s), s < t.
        let mut gram: Vec<Vec<Matrix>> = vec![vec![Matrix::identity(p)]];
        let mut memory: Vec<Vec<Matrix>> = vec![Vec::new()];
        for t in 0..=steps {
            // The noise of this time given that of the earlier ones.
            let past = self.covariance(&gram, &overlaps, t);
            let cross = Matrix::from_fn(p, p * t, |i, j| {
                let (s, k) = (j / p, j % p);
                let entry = gram[t][s][(i, k)];
                entry - dot(overlaps[t].row(i), overlaps[s].row(k))
            });
            let regression = if t > 0 { past.solved_rows(&cross) } else { cross.clone() };
            let mut now = vec![0.0; paths * p];
            for path in 0..paths {
                for i in 0..p {
                    let mut sum = 0.0;
                    for (s, earlier) in noise.iter().enumerate() {
                        for k in 0..p {
                            sum += regression[(i, s * p + k)] * earlier[path * p + k];
                        }
                    }
                    now[path * p + i] = sum;
                }
            }
            let mut field = now.clone();
            for path in 0..paths {
                for i in 0..p {
                    let mut sum =
                        dot(overlaps[t].row(i), &z[path * directions..(path + 1) * directions]);
                    for (s, k) in memory[t].iter().enumerate() {
                        sum += self.eta * dot(k.row(i), &gradients[s][path * p..(path + 1) * p]);
                    }
                    field[path * p + i] += sum;
                }
            }
            if t > 0 {
                // C(t, t) needs the conditional mean only: the fresh noise is independent of
                // G^{t-1}.
                let mut own = gram[t][t - 1].clone();
                own.add(rate, &mean_product(&field, &gradients[t - 1], p, p));
                let own = Matrix::from_fn(p, p, |i, j| 0.5 * (own[(i, j)] + own[(j, i)]));
                gram[t].push(own);
            }
            let explained = regression.times(&cross.transposed());
            let fresh = Matrix::from_fn(p, p, |i, j| {
                gram[t][t][(i, j)] - dot(overlaps[t].row(i), overlaps[t].row(j)) - explained[(i, j)]
            });
            let factor = fresh.cholesky();
            let mut normals = vec![0.0; paths * p];
            fill_antithetic(&mut normals, p, rng);
            for path in 0..paths {
                for i in 0..p {
                    let step = dot(&factor.row(i)[..=i], &normals[path * p..=path * p + i]);
                    now[path * p + i] += step;
                    field[path * p + i] += step;
                }
            }
            let mut gradient = vec![0.0; paths * p];
            for path in 0..paths {
                force(
                    &field[path * p..(path + 1) * p],
                    &z[path * directions..(path + 1) * directions],
                    &mut gradient[path * p..(path + 1) * p],
                );
            }
            noise.push(now);
            fields.push(field);
            gradients.push(gradient);
            if t == steps {
                break;
            }
            let mut next = overlaps[t].clone();
            next.add(rate, &mean_product(&gradients[t], &z, p, directions));
            overlaps.push(next);
            let row: Vec<Matrix> = (0..=t)
                .map(|s| {
                    // C(t+1, s) = C(t, s) + rate E[G^t h^{sT}].
                    let mut entry = gram[t][s].clone();
                    entry.add(rate, &mean_product(&gradients[t], &fields[s], p, p));
                    entry
                })
                .collect();
            gram.push(row);
            // R(t, r), r <= t, as the blocks of one row.
            let size = p * (t + 1);
            let all = self.covariance(&gram, &overlaps, t + 1);
            let moments = Matrix::from_fn(p, size, |i, j| {
                let (s, k) = (j / p, j % p);
                (0..paths)
                    .map(|path| gradients[t][path * p + i] * noise[s][path * p + k])
                    .sum::<f64>()
                    / paths as f64
            });
            memory.push(self.next_memory(&memory, &all.solved_rows(&moments)));
        }
        overlaps
    }

    /// `M^t` for `t = 0, ..., steps` with a fresh batch at every step, the control: fields are
    /// `N(0, S)` then, `S = [[Q, M], [M^T, I]]`, and one step is
    /// `M += eta alpha E[G z^T]`,
    /// `Q += eta alpha (E[G h^T] + E[h G^T]) + eta^2 (alpha E[G G^T] + alpha^2 E[G x^T] E[x G^T])`.
    ///
    /// Expectations are means over antithetic pairs. `E[G x^T]` lies in the span of the directions
    /// and the neurons, where its Gram matrix is `E[G f^T] S^{-1} E[f G^T]`, `f = (h, z)`.
    pub fn fresh_batches(
        &self,
        force: impl Fn(&[f64], &[f64], &mut [f64]),
        steps: usize,
        pairs: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<Matrix> {
        let (p, directions) = (self.neurons, self.directions);
        let paths = 2 * pairs;
        let rate = self.eta * self.alpha;
        let (mut overlaps, mut gram) = (Matrix::zero(p, directions), Matrix::identity(p));
        let mut path = vec![overlaps.clone()];
        for _ in 0..steps {
            let mut z = vec![0.0; paths * directions];
            fill_antithetic(&mut z, directions, rng);
            let mut normals = vec![0.0; paths * p];
            fill_antithetic(&mut normals, p, rng);
            let outside =
                Matrix::from_fn(p, p, |i, j| gram[(i, j)] - dot(overlaps.row(i), overlaps.row(j)));
            let factor = outside.cholesky();
            let (mut fields, mut gradients) = (vec![0.0; paths * p], vec![0.0; paths * p]);
            for path in 0..paths {
                let (own, seen) = (path * p..(path + 1) * p, path * directions);
                let seen = &z[seen..seen + directions];
                for i in 0..p {
                    fields[path * p + i] = dot(overlaps.row(i), seen)
                        + dot(&factor.row(i)[..=i], &normals[path * p..=path * p + i]);
                }
                force(&fields[own.clone()], seen, &mut gradients[own]);
            }
            let along = mean_product(&gradients, &z, p, directions);
            let own = mean_product(&gradients, &fields, p, p);
            let squares = mean_product(&gradients, &gradients, p, p);
            // What the fields see beyond the directions.
            let rest =
                Matrix::from_fn(p, p, |i, j| own[(i, j)] - dot(along.row(i), overlaps.row(j)));
            let solved = outside.solved_rows(&rest);
            let change = Matrix::from_fn(p, p, |i, j| {
                let mean = dot(along.row(i), along.row(j)) + dot(solved.row(i), rest.row(j));
                rate * (own[(i, j)] + own[(j, i)])
                    + rate * (self.eta * squares[(i, j)] + rate * mean)
            });
            gram.add(1.0, &change);
            overlaps.add(rate, &along);
            path.push(overlaps.clone());
        }
        path
    }

    /// `M^t` for `t = 0, ..., steps` of gradient descent itself in `dimension` coordinates, on
    /// `alpha d` samples that are used at every step, or on fresh ones at each.
    ///
    /// The first coordinates are the teacher's, the next ones the neurons' starts: `M^0 = 0`,
    /// `W^0 W^{0T} = I`.
    pub fn simulation(
        &self,
        force: impl Fn(&[f64], &[f64], &mut [f64]),
        steps: usize,
        (dimension, fresh): (usize, bool),
        rng: &mut ChaCha8Rng,
    ) -> Vec<Matrix> {
        let (p, directions) = (self.neurons, self.directions);
        let samples = count(self.alpha * dimension as f64);
        let mut x = vec![0.0; samples * dimension];
        let mut draw = |x: &mut [f64]| x.iter_mut().for_each(|c| *c = rng.sample(StandardNormal));
        draw(&mut x);
        let mut weights: Vec<Vec<f64>> = (0..p)
            .map(|i| (0..dimension).map(|j| f64::from(j == directions + i)).collect())
            .collect();
        let mut path = vec![Matrix::zero(p, directions)];
        let (mut h, mut g) = (vec![0.0; p], vec![0.0; p]);
        for step in 0..steps {
            if fresh && step > 0 {
                draw(&mut x);
            }
            let mut change = vec![vec![0.0; dimension]; p];
            for sample in x.chunks_exact(dimension) {
                for (h, w) in h.iter_mut().zip(&weights) {
                    *h = wide_dot(w, sample);
                }
                force(&h, &sample[..directions], &mut g);
                for (change, g) in change.iter_mut().zip(&g) {
                    for (c, x) in change.iter_mut().zip(sample) {
                        *c += g * x;
                    }
                }
            }
            let scale = self.eta / dimension as f64;
            for (w, change) in weights.iter_mut().zip(&change) {
                for (w, c) in w.iter_mut().zip(change) {
                    *w += scale * c;
                }
            }
            path.push(Matrix::from_fn(p, directions, |i, j| weights[i][j]));
        }
        path
    }

    /// `K(t+1, s)`, `s <= t`, from the memories up to `t` and the blocks `R(t, r)` of one row.
    fn next_memory(&self, memory: &[Vec<Matrix>], response: &Matrix) -> Vec<Matrix> {
        let p = self.neurons;
        let block = |r: usize| Matrix::from_fn(p, p, |i, j| response[(i, r * p + j)]);
        let mut next: Vec<Matrix> = memory.last().cloned().unwrap_or_default();
        for (s, entry) in next.iter_mut().enumerate() {
            for (r, earlier) in memory.iter().enumerate().skip(s + 1) {
                entry.add(self.eta * self.alpha, &block(r).times(&earlier[s]));
            }
        }
        next.push(Matrix::identity(p));
        next
    }

    /// The covariance of the noise at the first `times` times.
    fn covariance(&self, gram: &[Vec<Matrix>], overlaps: &[Matrix], times: usize) -> Matrix {
        let p = self.neurons;
        Matrix::from_fn(p * times, p * times, |i, j| {
            self.reduced(gram, overlaps, i / p, j / p)[(i % p, j % p)]
        })
    }

    /// The covariance of the noise at two times: `C(t, s) - M^t M^{sT}`.
    fn reduced(&self, gram: &[Vec<Matrix>], overlaps: &[Matrix], t: usize, s: usize) -> Matrix {
        let p = self.neurons;
        Matrix::from_fn(p, p, |i, j| {
            let entry = if t >= s { gram[t][s][(i, j)] } else { gram[s][t][(j, i)] };
            entry - dot(overlaps[t].row(i), overlaps[s].row(j))
        })
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

/// The same with eight partial sums.
fn wide_dot(x: &[f64], y: &[f64]) -> f64 {
    let (mut sums, (xs, ys)) = ([0.0; 8], (x.chunks_exact(8), y.chunks_exact(8)));
    let rest = dot(xs.remainder(), ys.remainder());
    for (a, b) in xs.zip(ys) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Standard normals, the second half of the paths being the first with opposite signs.
fn fill_antithetic(values: &mut [f64], width: usize, rng: &mut ChaCha8Rng) {
    let half = values.len() / 2;
    debug_assert_eq!(half % width, 0, "whole paths");
    let (first, second) = values.split_at_mut(half);
    for (x, y) in first.iter_mut().zip(second) {
        *x = rng.sample(StandardNormal);
        *y = -*x;
    }
}

/// `E[x y^T]` over paths.
fn mean_product(x: &[f64], y: &[f64], rows: usize, columns: usize) -> Matrix {
    let paths = x.len() / rows;
    let mut sum = Matrix::zero(rows, columns);
    for path in 0..paths {
        for i in 0..rows {
            for j in 0..columns {
                sum[(i, j)] += x[path * rows + i] * y[path * columns + j];
            }
        }
    }
    sum.scaled(1.0 / maximum(paths as f64, 1.0))
}
