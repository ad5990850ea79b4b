//! The average gradient outer product (AGOP) in closed form, the feature ansatz and recursive
//! feature machines (statements 11.10).
//!
//! `f = sum_j a_j s(w_j.x)`, `c_j = a_j |w_j|`, `B = W^T W`, `H = sum_j c_j u_j u_j^T` with `u_j =
//! w_j/|w_j|`, and `M = E grad f grad f^T` of the degrees from 2 on unless it says raw. The
//! questions are those of \[Radhakrishnan2024\].

use crate::error::MechanismError;
use crate::layers::{
    eigenvalues, first_layer, gates, in_common_span, inner, length, sandwich, semidefinite_root,
    trace, weighted,
};
use crate::moments::{Fields, OrthantRule};
use crate::pair::Outcome;
use faer::Mat;
use gradiometer_model::Network;
use std::borrow::Cow;
use std::f64::consts::{FRAC_2_PI, TAU};
use std::sync::OnceLock;

pub use crate::layers::Centring;

mod machine;

pub use crate::layers::cosine;
pub use machine::{FeatureMachine, Kernel};

/// Roundings of a matrix product and an eigenvalue problem of size `n`, for the error of an
/// [`Outcome`].
fn rounding(n: usize, scale: f64) -> f64 {
    8.0 * n as f64 * f64::EPSILON * scale
}

/// `W^T W`, `d x d`.
pub fn gram(network: &Network) -> Mat<f64> {
    let w = first_layer(network);
    w.transpose() * &w
}

/// `H = sum_j c_j u_j u_j^T`, `d x d`, the second Hermite coefficient up to `sqrt(2 pi)`.
pub fn hessian(network: &Network) -> Mat<f64> {
    weighted(network, |j| network.mass(j))
}

/// `N = sum_j |c_j| u_j u_j^T`, `d x d`: `W^T W` of the balanced network with the same function.
pub fn mass_matrix(network: &Network) -> Mat<f64> {
    weighted(network, |j| network.mass(j).abs())
}

/// The AGOP in closed form, `d x d` (statement 11.10.1).
///
/// Raw `sum_jk a_j a_k w_j w_k^T (pi - phi_jk)/(2 pi)`; centred, the AGOP of the degrees from 2 on,
/// `sum_jk a_j a_k w_j w_k^T asin(t_jk)/(2 pi)`. Error a few `eps` of `|M|` times `m`; angles of
/// close directions keep their digits.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::radhakrishnan::{Centring, agop};
/// use gradiometer_model::Network;
/// let neuron = Network::new(1, vec![1.0], vec![2.0]).unwrap(); // f' is 2 or 0
/// assert_eq!(agop(&neuron, Centring::Raw)[(0, 0)], 2.0);
/// assert_eq!(agop(&neuron, Centring::Centred)[(0, 0)], 1.0);
/// ```
pub fn agop(network: &Network, centring: Centring) -> Mat<f64> {
    cross_agop(network, network, centring)
}

/// `E grad f grad g^T`, `d x d`, raw or of both functions' degrees from 2 on.
///
/// # Panics
/// If the dimensions differ.
pub fn cross_agop(f: &Network, g: &Network, centring: Centring) -> Mat<f64> {
    assert_eq!(f.dimension(), g.dimension(), "both functions are of one variable");
    sandwich(&first_layer(f), &gates(f, g, centring), &first_layer(g))
}

/// `g = E grad f = (1/2) sum_j a_j w_j`, length `d`.
pub fn mean_gradient(network: &Network) -> Vec<f64> {
    let mut mean = vec![0.0; network.dimension()];
    for (a, w) in network.second_layer().iter().zip(network.rows()) {
        for (mean, w) in mean.iter_mut().zip(w) {
            *mean += 0.5 * a * w;
        }
    }
    mean
}

/// Least eigenvalue of `M - H^2/(2 pi)`: predicted at least 0 (statement 11.10.2 i).
///
/// # Errors
/// [`MechanismError::Factorisation`] if it has no eigenvalues.
pub fn above_second_degree(network: &Network) -> Result<Outcome, MechanismError> {
    let (m, h) = (agop(network, Centring::Centred), hessian(network));
    let square = &h * &h;
    let d = network.dimension();
    let rest = Mat::from_fn(d, d, |i, j| m[(i, j)] - square[(i, j)] / TAU);
    let measured = eigenvalues(&rest)?.first().copied().unwrap_or(f64::NAN);
    Ok(Outcome { predicted: 0.0, measured, error: rounding(network.neurons() + d, length(&m)) })
}

/// `tr M`: predicted at least `2 E f_{>=2}^2`, given that energy (statement 11.10.2 ii).
pub fn trace_above_energy(network: &Network, energy: f64) -> Outcome {
    let m = agop(network, Centring::Centred);
    let error = rounding(network.neurons() + network.dimension(), length(&m));
    Outcome { predicted: 2.0 * energy, measured: trace(&m), error }
}

/// Cosines of the ansatz "weights are as a power of the AGOP".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ansatz {
    /// `cos(B, M^{1/2})`.
    pub half: f64,
    /// `cos(B, M)`.
    pub one: f64,
    /// `cos(B, M_raw^{1/2})`.
    pub raw_half: f64,
}

impl Ansatz {
    /// The cosines with `B = W^T W`.
    ///
    /// # Errors
    /// [`MechanismError::Factorisation`] if an AGOP has no eigenvalues.
    pub fn of(network: &Network) -> Result<Self, MechanismError> {
        let network = in_own_span(network)?;
        Ok(Gradients::of(&network)?.ansatz(&gram(&network)))
    }

    /// What training to the regularised optimum tends to as `lambda` falls, a number of the teacher
    /// alone (statement 11.10.5 ii): the cosines with `N`, to which `W^T W` of the student tends.
    ///
    /// # Errors
    /// [`MechanismError::Factorisation`] if an AGOP has no eigenvalues.
    pub fn limit(teacher: &Network) -> Result<Self, MechanismError> {
        let teacher = in_own_span(teacher)?;
        Ok(Gradients::of(&teacher)?.ansatz(&mass_matrix(&teacher)))
    }
}

/// The AGOP of a network and the roots that the ansatz asks for, all `d x d`.
#[derive(Clone, Debug)]
pub struct Gradients {
    agop: Mat<f64>,
    root: Mat<f64>,
    raw_root: Mat<f64>,
}

impl Gradients {
    /// Of a network: [`work`] multiplications.
    ///
    /// # Errors
    /// [`MechanismError::Factorisation`] if an AGOP has no eigenvalues, as for weights that overflow.
    pub fn of(network: &Network) -> Result<Self, MechanismError> {
        Self::with(network, agop(network, Centring::Centred))
    }

    fn with(network: &Network, agop: Mat<f64>) -> Result<Self, MechanismError> {
        let raw = self::agop(network, Centring::Raw);
        Ok(Self { root: semidefinite_root(&agop)?, raw_root: semidefinite_root(&raw)?, agop })
    }

    /// The cosines with a matrix `B`, `d x d`.
    pub fn ansatz(&self, b: &Mat<f64>) -> Ansatz {
        Ansatz {
            half: cosine(b, &self.root),
            one: cosine(b, &self.agop),
            raw_half: cosine(b, &self.raw_root),
        }
    }
}

/// About how many multiplications [`Gradients::of`] takes: `2 m^2 (d + 16) + 40 d^3`, for the angles
/// of all pairs, both AGOPs and the eigenvalues of both. A thousand million are about a second.
pub fn work(neurons: usize, dimension: usize) -> f64 {
    let (m, d) = (neurons as f64, dimension as f64);
    2.0 * m * m * (d + 16.0) + 40.0 * d.powi(3)
}

/// A network of fewer neurons than dimensions in coordinates of their span, others as they are.
/// Cosines, traces and eigenvalues other than zero of `W^T W`, `N`, `H` and the AGOPs are the same.
///
/// # Errors
/// [`MechanismError`] for weights whose lengths overflow.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::radhakrishnan::in_own_span;
/// use gradiometer_model::Network;
/// let network = Network::new(3, vec![1.0], vec![2.0, 1.0, 2.0]).unwrap();
/// let reduced = in_own_span(&network).unwrap();
/// assert_eq!((reduced.dimension(), reduced.neuron(0)[0].abs()), (1, 3.0));
/// ```
pub fn in_own_span(network: &Network) -> Result<Cow<'_, Network>, MechanismError> {
    if network.neurons() >= network.dimension() {
        return Ok(Cow::Borrowed(network));
    }
    let rows = in_common_span(&network.rows().collect::<Vec<_>>());
    Ok(Cow::Owned(Network::from_rows(network.second_layer().to_vec(), &rows)?))
}

/// `cos(N, M^{1/2})` beside its floor `sqrt(2/pi)`, which every network with second-layer weights
/// of one sign has, trained or not (statement 11.10.3). `N` is `W^T W` where layers are balanced.
/// The floor holds for one sign only.
///
/// # Errors
/// [`MechanismError::Factorisation`] if the AGOP has no eigenvalues.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::radhakrishnan::ansatz_floor;
/// use gradiometer_model::Network;
/// let network = Network::new(2, vec![1.0, 1.0], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
/// let outcome = ansatz_floor(&network).unwrap();
/// assert!(outcome.measured >= outcome.predicted);
/// ```
pub fn ansatz_floor(network: &Network) -> Result<Outcome, MechanismError> {
    let measured = Ansatz::limit(network)?.half;
    // The root of an eigenvalue that is zero is as large as that of rounding.
    let error = rounding(network.neurons() + network.dimension(), 1.0).sqrt();
    Ok(Outcome { predicted: FRAC_2_PI.sqrt(), measured, error })
}

/// `tr(P A)/tr A` for the projection `P` on the span of an orthonormal basis, `r x d` row-major: how much of a positive
/// semidefinite `A` lies in the subspace.
///
/// # Panics
/// If the basis has another dimension than `A`.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::radhakrishnan::share_within;
/// let a = faer::Mat::from_fn(2, 2, |i, j| if i == j { 1.0 + 2.0 * i as f64 } else { 0.0 });
/// assert_eq!(share_within(&a, &[0.0, 1.0]), 0.75);
/// ```
pub fn share_within(a: &Mat<f64>, basis: &[f64]) -> f64 {
    let d = a.nrows();
    assert_eq!(basis.len() % d, 0, "the basis and the matrix are of one dimension");
    let inside = basis
        .chunks_exact(d)
        .flat_map(|u| (0..d).flat_map(move |i| (0..d).map(move |j| u[i] * a[(i, j)] * u[j])));
    inside.sum::<f64>() / trace(a)
}

/// What weights and gradients of a network show of a teacher, at one moment (statement 11.10.6).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feature {
    /// `sqrt(2/pi)` where all second-layer weights have one sign: what the alignment of a balanced network is
    /// at least, trained or not (statement 11.10.3).
    pub floor: Option<f64>,
    /// `tr(P B)/tr B`, the share of the weights in the teacher's span.
    pub of_weights: f64,
    /// What the AGOP shows; none where it is zero up to rounding, as of a student whose neurons cancel.
    pub gradients: Option<GradientFeature>,
}

/// What the AGOP `M` of a network shows of a teacher.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientFeature {
    /// The cosines of the ansatz.
    pub ansatz: Ansatz,
    /// `tr(P M)/tr M`, the share of the gradients in the teacher's span.
    pub in_span: f64,
    /// `cos(M, M*)`, the AGOP beside the teacher's.
    pub to_teacher: f64,
}

/// A teacher as [`Feature`]s see it.
#[derive(Clone, Debug)]
pub struct Target {
    network: Network,
    /// Of the network, once it is asked for: `d x d`, which few neurons in many dimensions never need.
    agop: OnceLock<Mat<f64>>,
    /// Orthonormal, of the teacher's span, `r x d` row-major.
    basis: Vec<f64>,
}

impl Target {
    /// A teacher whose span has the orthonormal basis, `r x d` row-major.
    pub fn new(teacher: &Network, basis: &[f64]) -> Self {
        Self { network: teacher.clone(), agop: OnceLock::new(), basis: basis.to_owned() }
    }

    /// About how many multiplications a [`Self::feature`] takes for a student of so many neurons.
    pub fn work(teacher: &Network, rank: usize, neurons: usize) -> f64 {
        let vectors = neurons + teacher.neurons() + rank;
        let dimension = teacher.dimension().min(vectors);
        work(neurons, dimension) + work(teacher.neurons(), dimension)
    }

    /// What a student shows of it.
    ///
    /// Where student, teacher and basis have fewer vectors than dimensions, all are taken in
    /// coordinates of their common span.
    ///
    /// # Errors
    /// [`MechanismError::Factorisation`] if an AGOP has no eigenvalues, as for weights that overflow.
    ///
    /// # Panics
    /// If the dimensions differ.
    pub fn feature(&self, student: &Network) -> Result<Feature, MechanismError> {
        let d = student.dimension();
        let (ours, theirs) = (self.network.neurons(), student.neurons());
        let basis = self.basis.chunks_exact(d);
        if ours + basis.len() + theirs < d {
            let all: Vec<_> = self.network.rows().chain(student.rows()).chain(basis).collect();
            let all = in_common_span(&all);
            let (teacher, rest) = all.split_at(ours);
            let (student_rows, basis) = rest.split_at(theirs);
            let teacher = Network::from_rows(self.network.second_layer().to_vec(), teacher)?;
            let student = Network::from_rows(student.second_layer().to_vec(), student_rows)?;
            return Self::new(&teacher, &basis.concat()).feature(&student);
        }
        let (b, m) = (gram(student), agop(student, Centring::Centred));
        // Neurons that cancel, as at Algorithm 1's start, leave rounding.
        let masses: f64 = (0..student.neurons()).map(|j| student.mass(j).abs()).sum();
        let size = student.neurons() + student.dimension();
        let gradients = if length(&m) > rounding(size, 0.25 * masses * masses) {
            Some(GradientFeature {
                in_span: share_within(&m, &self.basis),
                to_teacher: cosine(
                    &m,
                    self.agop.get_or_init(|| agop(&self.network, Centring::Centred)),
                ),
                ansatz: Gradients::with(student, m)?.ansatz(&b),
            })
        } else {
            None
        };
        let of_weights = share_within(&b, &self.basis);
        Ok(Feature { floor: structural_floor(student), of_weights, gradients })
    }
}

/// `sqrt(2/pi)` for networks whose masses have one sign, of which it is the least alignment (statement 11.10.3); none
/// for others.
pub fn structural_floor(network: &Network) -> Option<f64> {
    let signs = || (0..network.neurons()).map(|j| network.mass(j));
    let one = !signs().any(|c| c < 0.0) || !signs().any(|c| c > 0.0);
    one.then(|| FRAC_2_PI.sqrt())
}

/// What sampling does to an AGOP of fresh inputs (statement 11.10.4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampledAgop {
    /// `E |grad f|^4`.
    pub fourth_moment: f64,
    /// `n E |M_n - M_raw|_F^2 = E |grad f|^4 - |M_raw|_F^2`.
    pub constant: f64,
}

impl SampledAgop {
    /// By orthant probabilities of the distinct fields of every four neurons:
    /// `E |grad f|^4 = sum_jklp a_j a_k a_l a_p (w_j.w_k)(w_l.w_p) P{j, k, l, p}`. Work `O(m^4)`.
    ///
    /// # Errors
    /// [`MechanismError`] from the fields' covariance.
    pub fn of(network: &Network) -> Result<Self, MechanismError> {
        let m = network.neurons();
        let a = network.second_layer();
        let w = first_layer(network);
        let covariance = &w * w.transpose();
        let flat: Vec<f64> = (0..m * m).map(|i| covariance[(i / m, i % m)]).collect();
        let rule = OrthantRule::new()?;
        let fields = Fields::new(&rule, &flat, m)?;
        let product = |j: usize, k: usize| a[j] * a[k] * covariance[(j, k)];
        // The order within and of the pairs does not matter; distinct neurons stand for all their
        // orders.
        let mut sum = 0.0;
        for j in 0..m {
            for k in j..m {
                for l in k..m {
                    for p in l..m {
                        let probability = fields.orthant(&[j, k, l, p]);
                        let pairings = product(j, k) * product(l, p)
                            + product(j, l) * product(k, p)
                            + product(j, p) * product(k, l);
                        sum += orders([j, k, l, p]) / 3.0 * pairings * probability;
                    }
                }
            }
        }
        let raw = agop(network, Centring::Raw);
        Ok(Self { fourth_moment: sum, constant: sum - inner(&raw, &raw) })
    }
}

/// In how many orders four sorted indices can stand.
fn orders(sorted: [usize; 4]) -> f64 {
    let mut orders = 24.0;
    let mut run = 1.0;
    for pair in sorted.windows(2) {
        run = if pair[0] == pair[1] { run + 1.0 } else { 1.0 };
        orders /= run;
    }
    orders
}

/// The masses of the regularised optimum for orthonormal teacher directions:
/// `sign(alpha) (|alpha| - lambda/(2 k(1)))_+`, `k(1) = 1/4 - 1/(2 pi)` (statement 11.10.5 i). There
/// `B = 2 M^{1/2}` exactly.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::radhakrishnan::soft_threshold;
/// assert_eq!(soft_threshold(-1.0, 0.0), -1.0);
/// assert_eq!(soft_threshold(0.01, 1.0), 0.0);
/// ```
pub fn soft_threshold(amplitude: f64, lambda: f64) -> f64 {
    let left = amplitude.abs() - lambda / (2.0 * (0.25 - 1.0 / TAU));
    if left > 0.0 { left.copysign(amplitude) } else { 0.0 }
}

#[cfg(test)]
mod tests;
