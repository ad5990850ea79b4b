//! Alignment of the weights with the tangent kernel (statements 11.11). The questions are those of
//! \[Beaglehole2024\].
//!
//! `K = E[(df/dh)(df/dh)^T]`, `h = W x`, is the covariance of the gradient in the pre-activations;
//! `W^T K W` is the AGOP. Two things are called centred: the gradient ([`Centring`]), and the
//! weights, where `W - W(0)` replaces `W`.

use crate::error::MechanismError;
use crate::layers::{cosine, directions, first_layer, gates, inner, length, sandwich, weighted};
use crate::pair::Outcome;
use crate::radhakrishnan::{Ansatz, agop, cross_agop, gram, hessian};
use faer::Mat;
use gradiometer_hermite::Angle;
use gradiometer_model::{Network, Teacher};
use gradiometer_population::{Accuracy, Objective, Population, WeightDecay};
use std::f64::consts::{FRAC_PI_2, PI, TAU};

pub use crate::layers::Centring;

/// `K`, `m x m`: raw `a_j a_k (pi - phi_jk)/(2 pi)`, centred `a_j a_k asin(t_jk)/(2 pi)` (statement
/// 11.11.1).
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::beaglehole2024::{Centring, tangent_kernel};
/// use gradiometer_model::Network;
/// let neuron = Network::new(1, vec![2.0], vec![1.0]).unwrap();
/// assert_eq!(tangent_kernel(&neuron, Centring::Raw)[(0, 0)], 2.0);
/// assert_eq!(tangent_kernel(&neuron, Centring::Centred)[(0, 0)], 1.0);
/// ```
pub fn tangent_kernel(network: &Network, centring: Centring) -> Mat<f64> {
    gates(network, network, centring)
}

/// `cos(W^T W, W^T K W)`: the measure that is not centred in time, with either centring of the
/// gradient.
pub fn alignment(network: &Network, centring: Centring) -> f64 {
    cosine(&gram(network), &agop(network, centring))
}

/// `cos(D^T D, D^T K D)` with `D = W - W(0)`, `K` of `kernel_of`: the measure that is centred in
/// time.
///
/// # Errors
/// [`MechanismError::Shape`] if the first layers' shapes differ.
pub fn centred_alignment(
    network: &Network,
    start: &Network,
    kernel: &Mat<f64>,
) -> Result<f64, MechanismError> {
    let (here, there) = (network.first_layer(), start.first_layer());
    if here.len() != there.len() || kernel.nrows() != network.neurons() {
        let (expected, found) = (here.len(), there.len());
        return Err(MechanismError::Shape { what: "first layer at the start", expected, found });
    }
    let (now, then) = (first_layer(network), first_layer(start));
    Ok(moved_alignment(&(&now - &then), kernel))
}

/// `cos(D^T D, D^T K D)` of a change of the first layer.
fn moved_alignment(change: &Mat<f64>, kernel: &Mat<f64>) -> f64 {
    cosine(&(change.transpose() * change), &sandwich(change, kernel, change))
}

/// The least that `cos(K, S W W^T S)` can be in a balanced network: `2 sqrt(pi/2)/(1 + pi/2)`,
/// 0.975040.
pub fn left_floor() -> f64 {
    2.0 * FRAC_PI_2.sqrt() / (1.0 + FRAC_PI_2)
}

/// `cos(K, S W W^T S)`, `S = diag(sign a)`, beside its floor for balanced networks with any signs,
/// trained or not (statement 11.11.2).
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::beaglehole2024::left_alignment;
/// use gradiometer_model::Network;
/// let network = Network::new(2, vec![1.0, -1.0], vec![1.0, 0.0, 0.6, 0.8]).unwrap();
/// let outcome = left_alignment(&network);
/// assert!(outcome.measured >= outcome.predicted);
/// ```
pub fn left_alignment(network: &Network) -> Outcome {
    let w = first_layer(network);
    let products = &w * w.transpose();
    let signs: Vec<f64> = network.second_layer().iter().map(|a| a.signum()).collect();
    let m = network.neurons();
    let signed = Mat::from_fn(m, m, |j, k| signs[j] * signs[k] * products[(j, k)]);
    let measured = cosine(&tangent_kernel(network, Centring::Centred), &signed);
    let error = 8.0 * (m + network.dimension()) as f64 * f64::EPSILON;
    Outcome { predicted: left_floor(), measured, error }
}

/// `q_j = sum_b nu_b (sqrt(1 - t_jb^2) - 1)/(2 pi)` over the student's masses less the teacher's,
/// length `m`.
///
/// # Panics
/// If the dimensions differ.
pub fn radial_coefficients(student: &Network, teacher: &Teacher) -> Vec<f64> {
    assert_eq!(student.dimension(), teacher.network().dimension(), "one space");
    let own = directions(student);
    let others = directions(teacher.network());
    let masses = (0..student.neurons()).map(|j| student.mass(j));
    let targets = teacher.network();
    let minus = (0..targets.neurons()).map(|i| -targets.mass(i));
    let all: Vec<(&Vec<f64>, f64)> =
        own.iter().zip(masses).chain(others.iter().zip(minus)).collect();
    own.iter()
        .map(|u| {
            let terms = all.iter().filter(|(v, _)| !v.is_empty() && !u.is_empty());
            terms
                .map(|(v, mass)| {
                    let angle = Angle::between(u, v);
                    // sqrt(1 - t^2) - 1 without cancellation.
                    -mass * angle.cosine() * angle.cosine() / (1.0 + angle.sine()) / TAU
                })
                .sum()
        })
        .collect()
}

/// `W^T G = 2 (M - M_ff*) + 2 sum_j c_j q_j u_j u_j^T`, `G = dL/dW` of the degrees from 2 on, `d x
/// d`, at every student (statement 11.11.3).
///
/// # Panics
/// If the dimensions differ.
pub fn weights_times_gradient(student: &Network, teacher: &Teacher) -> Mat<f64> {
    let q = radial_coefficients(student, teacher);
    let own = agop(student, Centring::Centred);
    let cross = cross_agop(student, teacher.network(), Centring::Centred);
    let radial = weighted(student, |j| student.mass(j) * q[j]);
    let d = student.dimension();
    Mat::from_fn(d, d, |i, j| 2.0 * (own[(i, j)] - cross[(i, j)] + radial[(i, j)]))
}

/// `d(W^T W)/ds` of gradient flow with weight decay, `d x d` (statement 11.11.3).
///
/// # Panics
/// If the dimensions differ.
pub fn gram_flow(student: &Network, teacher: &Teacher, decay: WeightDecay) -> Mat<f64> {
    let product = weights_times_gradient(student, teacher);
    let b = gram(student);
    let d = student.dimension();
    Mat::from_fn(d, d, |i, j| {
        -2.0 * decay.first_layer * b[(i, j)] - product[(i, j)] - product[(j, i)]
    })
}

/// `G = dL/dW`, `m x d`.
fn gradient(student: &Network, teacher: &Teacher) -> Result<Mat<f64>, MechanismError> {
    let evaluation = Population::new(teacher.clone()).evaluate(student, Accuracy::loss(1e-10))?;
    let (m, d) = (student.neurons(), student.dimension());
    let flat = evaluation.gradient.first_layer;
    Ok(Mat::from_fn(m, d, |j, i| flat[j * d + i]))
}

/// How far a point is from the identities of stationary points of `L_lambda` (statement 11.11.4),
/// Frobenius norms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stationarity {
    /// `|lambda^2 B - G^T G|`, zero at a stationary point.
    pub squares: f64,
    /// `|lambda B - 2 (M_ff* - M) + 2 sum_j c_j q_j u_j u_j^T|`, zero at a stationary point.
    pub ansatz: f64,
    /// `|M_ff* - M_ff*^T|`, zero at a stationary point.
    pub asymmetry: f64,
    /// `max_j ||a_j| - |w_j||`, zero at a stationary point.
    pub imbalance: f64,
    /// `|lambda B + W^T G - W^T grad_W L_lambda|` with `W^T G` in closed form, zero everywhere.
    pub defect: f64,
    /// `|W|_F |grad_W L_lambda|_F`, which the first three are at most twice of.
    pub scale: f64,
}

impl Stationarity {
    /// At a student, for equal decay `lambda` of both layers.
    ///
    /// # Errors
    /// [`MechanismError::Population`] if the dimensions differ.
    pub fn at(student: &Network, teacher: &Teacher, lambda: f64) -> Result<Self, MechanismError> {
        let g = gradient(student, teacher)?;
        let w = first_layer(student);
        let (m, d) = (student.neurons(), student.dimension());
        let b = gram(student);
        let closed = weights_times_gradient(student, teacher);
        let whole = Mat::from_fn(m, d, |j, i| g[(j, i)] + lambda * w[(j, i)]);
        let (square, product) = (g.transpose() * &g, w.transpose() * &whole);
        let cross = cross_agop(student, teacher.network(), Centring::Centred);
        let norm_of = |f: &dyn Fn(usize, usize) -> f64| length(&Mat::from_fn(d, d, f));
        let balance = student
            .rows()
            .zip(student.second_layer())
            .map(|(w, a)| (gradiometer_model::geometry::norm(w) - a.abs()).abs());
        Ok(Self {
            squares: norm_of(&|i, j| lambda * lambda * b[(i, j)] - square[(i, j)]),
            ansatz: norm_of(&|i, j| lambda * b[(i, j)] + closed[(i, j)]),
            asymmetry: norm_of(&|i, j| cross[(i, j)] - cross[(j, i)]),
            imbalance: gradiometer_hermite::float::maximum_of(balance),
            defect: norm_of(&|i, j| lambda * b[(i, j)] + closed[(i, j)] - product[(i, j)]),
            scale: length(&w) * length(&whole),
        })
    }
}

/// What gradient descent does to the first layer at once (statement 11.11.5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyAlignment {
    /// `cos(G^T G, G^T K G)`, centred in time and in the gradient, at time `0+`.
    pub centred: f64,
    /// The same after one step, with `K` after it.
    pub centred_after_step: f64,
    /// `cos(G^T G, H^2)`, `H` the teacher's: the prediction from the labels is 1.
    pub against_labels: f64,
    /// `|G^T G - prediction|/|prediction|`, predicted `(sum_j a_j^2)/(pi^2 d) H^2`.
    pub off_prediction: f64,
    /// `cos(W^T W, M^{1/2})` after the step, not centred in time. Before it the function is zero,
    /// and so is `M`.
    pub uncentred_after_step: f64,
}

impl EarlyAlignment {
    /// At a start, with one step of descent of both layers of size `step`, degrees from 2 on,
    /// without decay.
    ///
    /// # Errors
    /// [`MechanismError::Population`] if the dimensions differ.
    pub fn at(student: &Network, teacher: &Teacher, step: f64) -> Result<Self, MechanismError> {
        let evaluation =
            Population::new(teacher.clone()).evaluate(student, Accuracy::loss(1e-10))?;
        let g = gradient(student, teacher)?;
        let kernel = tangent_kernel(student, Centring::Centred);
        let mut next = student.clone();
        let (a, w) = next.layers_mut();
        for (a, g) in a.iter_mut().zip(&evaluation.gradient.second_layer) {
            *a -= step * g;
        }
        for (w, g) in w.iter_mut().zip(&evaluation.gradient.first_layer) {
            *w -= step * g;
        }
        let h = hessian(teacher.network());
        let (square, covariance) = (&h * &h, g.transpose() * &g);
        let energy: f64 = student.second_layer().iter().map(|a| a * a).sum();
        let factor = energy / (PI * PI * student.dimension() as f64);
        let d = student.dimension();
        let off = Mat::from_fn(d, d, |i, j| covariance[(i, j)] - factor * square[(i, j)]);
        Ok(Self {
            centred: moved_alignment(&g, &kernel),
            centred_after_step: centred_alignment(
                &next,
                student,
                &tangent_kernel(&next, Centring::Centred),
            )?,
            against_labels: cosine(&covariance, &square),
            off_prediction: length(&off) / (factor * inner(&square, &square).sqrt()),
            uncentred_after_step: Ansatz::of(&next)?.half,
        })
    }
}

#[cfg(test)]
mod tests;
