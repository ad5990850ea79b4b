//! Gradient outer products, alignment and ReLU's order parameters: 11.10 to 11.13.

use super::{at_most, at_seeds, equal, rng};
use crate::beaglehole2024::{
    Stationarity, left_alignment, left_floor, tangent_kernel, weights_times_gradient,
};
use crate::layers::{eigenvalues, first_layer, length, sandwich, trace};
use crate::moments::{Fields, OrthantRule};
use crate::radhakrishnan::{Centring, agop, ansatz_floor, cross_agop, hessian, mean_gradient};
use crate::relu_order_parameters::{Dynamics, OrderParameters};
use faer::Mat;
use gradiometer_hermite::Angle;
use gradiometer_hermite::float::maximum_of;
use gradiometer_hermite::relu::sphere_kernel;
use gradiometer_model::geometry::{norm, normalised};
use gradiometer_model::{Network, Teacher};
use gradiometer_population::{Accuracy, Degrees, Objective, Population};
use gradiometer_theory::{Context, Form, Sides, Statement, TheoryError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::f64::consts::{FRAC_1_PI, FRAC_2_PI, TAU};

pub(super) static STATEMENTS: [&Statement; 9] = [
    &AGOP,
    &AGOP_PARTS,
    &ANSATZ,
    &TANGENT_KERNEL,
    &LEFT_ALIGNMENT,
    &GRADIENT_COVARIANCE,
    &STATIONARY,
    &EXCHANGE,
    &HALF_A_LOSS,
];

fn difference(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    let entries = (0..a.ncols()).flat_map(|j| (0..a.nrows()).map(move |i| (i, j)));
    entries.map(|at| (a[at] - b[at]).powi(2)).sum::<f64>().sqrt()
}

/// Roundings of sums over pairs of neurons, for numbers of the size of the total mass squared.
fn rounding(network: &Network) -> f64 {
    let terms = (network.neurons() + network.dimension()) as f64;
    64.0 * terms * f64::EPSILON * network.total_mass().powi(2)
}

/// **11.10.1 The centred AGOP.** `M = sum_jk a_j a_k w_j w_k^T asin(t_jk)/(2 pi)` is the raw one
/// less the outer product of the mean gradient.
///
/// Hypotheses: any network. Control: the raw one under the centred name. Source: theory 11.10.1
/// \\[Radhakrishnan2024\\].
pub static AGOP: Statement = Statement {
    id: "11.10.1",
    says: "the centred AGOP is the raw one less the outer product of the mean gradient",
    reference: "theory 11.10.1",
    checks: &[at_seeds(
        "the centred AGOP is the raw one less its mean",
        "any network",
        "the raw one under the centred name",
        centred,
    )],
    ..Statement::NONE
};

fn centred(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    rng(context, 0)?;
    let f = context.student();
    let (raw, g) = (agop(f, Centring::Raw), mean_gradient(f));
    let d = f.dimension();
    let less = Mat::from_fn(d, d, |i, j| raw[(i, j)] - g[i] * g[j]);
    let own = agop(f, form.choose(Centring::Centred, Centring::Raw));
    Ok(vec![equal("distance", difference(&own, &less), 0.0, rounding(f))])
}

/// **11.10.2 Hermite parts of the AGOP.** `M >= H_f^2/(2 pi)` in the Loewner order, and
/// `tr M >= 2 E f_{>=2}^2`.
///
/// Hypotheses: any network. Sharp: a function of degree 2 alone. Control: `H_f^2/pi`, and
/// `4 E f^2`. Source: theory 11.10.2 \\[Radhakrishnan2024\\].
pub static AGOP_PARTS: Statement = Statement {
    id: "11.10.2",
    says: "the AGOP is at least its second degree, and its trace twice the energy",
    reference: "theory 11.10.2",
    checks: &[at_seeds(
        "M >= H^2/(2 pi), tr M >= 2 E f^2",
        "any network",
        "H^2/pi, 4 E f^2",
        parts,
    )],
    ..Statement::NONE
};

fn parts(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    rng(context, 0)?;
    let f = context.student();
    let d = f.dimension();
    let (m, h) = (agop(f, Centring::Centred), hessian(f));
    let square = &h * &h;
    let share = form.choose(1.0 / TAU, FRAC_1_PI);
    let rest = Mat::from_fn(d, d, |i, j| m[(i, j)] - share * square[(i, j)]);
    let least = eigenvalues(&rest)?.first().copied().unwrap_or(f64::NAN);
    let error = rounding(f);
    Ok(vec![
        at_most("the second degree", -least, 0.0, error),
        at_most("the energy", form.choose(2.0, 4.0) * energy(f), trace(&m), error),
    ])
}

fn axis(d: usize) -> Vec<f64> {
    (0..d).map(|i| if i == 0 { 1.0 } else { 0.0 }).collect()
}

/// `E f_{>=2}^2 = sum_jl c_j c_l k(t_jl)`.
fn energy(f: &Network) -> f64 {
    let m = f.neurons();
    let pairs = (0..m).flat_map(|j| (0..m).map(move |l| (j, l)));
    pairs
        .filter(|(j, l)| f.mass(*j).abs() > 0.0 && f.mass(*l).abs() > 0.0)
        .map(|(j, l)| {
            let angle = Angle::between(&normalised(f.neuron(j)), &normalised(f.neuron(l)));
            f.mass(j) * f.mass(l) * sphere_kernel(angle).value
        })
        .sum()
}

/// The student's first layer with `|a_j| = |w_j|` and the given signs.
fn balanced(f: &Network, sign: impl Fn(usize) -> f64) -> Result<Network, TheoryError> {
    let a = f.rows().enumerate().map(|(j, w)| sign(j) * norm(w)).collect();
    Ok(Network::new(f.dimension(), a, f.first_layer().to_vec())?)
}

/// **11.10.3 The ansatz is structural.** Balanced layers and one sign give
/// `cos(W^T W, M^{1/2}) >= sqrt(2/pi)`, trained or not.
///
/// Hypotheses: `|a_j| = |w_j|`, one sign. Not sharp: the least seen is 0.9954. Control: neurons that
/// nearly cancel, with both signs. Source: theory 11.10.3 \\[Radhakrishnan2024\\].
pub static ANSATZ: Statement = Statement {
    id: "11.10.3",
    says: "balanced networks of one sign have `cos(W^T W, M^(1/2))` at least `sqrt(2/pi)`",
    reference: "theory 11.10.3",
    checks: &[at_seeds(
        "the feature ansatz has a floor",
        "balanced layers, one sign",
        "neurons that nearly cancel",
        ansatz,
    )],
    ..Statement::NONE
};

fn ansatz(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1113)?;
    let f = context.student();
    if !(f.total_mass() > 0.0) || f.rows().any(|w| !(norm(w) > 0.0)) {
        return Err(TheoryError::Inapplicable { obstacle: "a neuron is zero" });
    }
    let network = match form {
        Form::Stated => balanced(f, |_| 1.0)?,
        Form::Control => {
            // One heavy pair that cancels up to a small angle, and a light neuron across it.
            let d = f.dimension().max(2);
            let mut rows = vec![axis(d), axis(d), axis(d)];
            rows[1][1] = rng.random_range(0.001..0.1);
            rows[2] = (0..d).map(|i| if i == 1 { 0.5 } else { 0.0 }).collect();
            let a = rows.iter().enumerate();
            let a = a.map(|(j, w)| if j == 1 { -norm(w) } else { norm(w) }).collect();
            Network::from_rows(a, &rows)?
        }
    };
    let outcome = ansatz_floor(&network)?;
    Ok(vec![at_most("floor of the cosine", FRAC_2_PI.sqrt(), outcome.measured, outcome.error)])
}

/// **11.11.1 Tangent kernel and AGOP.** `W^T K W = M`, with the gates' covariance in both.
///
/// Hypotheses: any network. Control: the raw kernel. Source: theory 11.11.1
/// \\[Beaglehole2024\\].
pub static TANGENT_KERNEL: Statement = Statement {
    id: "11.11.1",
    says: "the AGOP is the tangent kernel between the weights",
    reference: "theory 11.11.1",
    checks: &[at_seeds("W^T K W = M", "any network", "the raw kernel", tangent)],
    ..Statement::NONE
};

fn tangent(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    rng(context, 0)?;
    let f = context.student();
    let kernel = tangent_kernel(f, form.choose(Centring::Centred, Centring::Raw));
    let product = sandwich(&first_layer(f), &kernel, &first_layer(f));
    let off = difference(&product, &agop(f, Centring::Centred));
    Ok(vec![equal("distance", off, 0.0, rounding(f))])
}

/// **11.11.2 Left alignment is structural.** Balanced layers give
/// `cos(K, S W W^T S) >= 2 sqrt(pi/2)/(1 + pi/2) = 0.975040`.
///
/// Hypotheses: `|a_j| = |w_j|`, any signs. Sharp: many neurons of equal small overlaps. Control:
/// `|a_j| = |w_j|^{-3}`, not balanced. Source: theory 11.11.2 \\[Beaglehole2024\\].
pub static LEFT_ALIGNMENT: Statement = Statement {
    id: "11.11.2",
    says: "balanced networks have `cos(K, S W W^T S)` at least 0.975040",
    sharp: "many neurons with small equal overlaps",
    reference: "theory 11.11.2",
    checks: &[at_seeds(
        "left alignment has a floor",
        "balanced layers",
        "layers far from balanced",
        left,
    )],
    ..Statement::NONE
};

fn left(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1122)?;
    let (m, d) = (rng.random_range(1..12_usize), rng.random_range(1..8_usize));
    let rows: Vec<Vec<f64>> =
        (0..m).map(|_| (0..d).map(|_| rng.sample(StandardNormal)).collect()).collect();
    let a = rows
        .iter()
        .map(|w| {
            let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
            sign * form.choose(norm(w), norm(w).powi(-3))
        })
        .collect();
    let outcome = left_alignment(&Network::from_rows(a, &rows)?);
    Ok(vec![at_most("floor of the cosine", left_floor(), outcome.measured, outcome.error)])
}

/// **11.11.3 Gradient covariance.** `W^T G = 2 (M - M_ff*) + 2 sum_j c_j q_j u_j u_j^T` at every
/// student, `G = dL/dW`.
///
/// Against the population's own gradient. Hypotheses: none. Control: without the last sum. Source:
/// theory 11.11.3 \\[Beaglehole2024\\].
pub static GRADIENT_COVARIANCE: Statement = Statement {
    id: "11.11.3",
    says: "weights times gradient in terms of gradient outer products, at every student",
    reference: "theory 11.11.3",
    checks: &[at_seeds(
        "W^T G in terms of AGOPs",
        "any student",
        "without the radial part",
        covariance,
    )],
    ..Statement::NONE
};

fn covariance(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    rng(context, 0)?;
    let (f, teacher) = (context.student(), context.teacher());
    let evaluation =
        Population::new(Teacher::clone(teacher)).evaluate(f, Accuracy::finest(1e-10))?;
    let (m, d) = (f.neurons(), f.dimension());
    let flat = evaluation.gradient.first_layer;
    let gradient = Mat::from_fn(m, d, |j, i| flat[j * d + i]);
    let measured = first_layer(f).transpose() * &gradient;
    let closed = match form {
        Form::Stated => weights_times_gradient(f, teacher),
        Form::Control => {
            let own = agop(f, Centring::Centred);
            let cross = cross_agop(f, teacher.network(), Centring::Centred);
            Mat::from_fn(d, d, |i, j| 2.0 * (own[(i, j)] - cross[(i, j)]))
        }
    };
    let mass = f.total_mass();
    let terms = (m + d + teacher.neurons()) as f64;
    let scale = mass * (mass + teacher.total_mass());
    let off = difference(&measured, &closed);
    Ok(vec![equal("distance", off, 0.0, 256.0 * terms * f64::EPSILON * scale)])
}

/// **11.11.4 How far from the ansatz.** At every student
/// `lambda W^T W + W^T G = W^T grad_W L_lambda`, so that the exact form of the ansatz is off by at
/// most `|W| |grad_W L_lambda|`.
///
/// Hypotheses: none. Sharp: one neuron. Control: a hundredth of the bound. Source: theory 11.11.4
/// \\[Beaglehole2024\\].
pub static STATIONARY: Statement = Statement {
    id: "11.11.4",
    says: "the exact form of the ansatz is off by at most the gradient times the weights",
    sharp: "one neuron",
    reference: "theory 11.11.4",
    checks: &[at_seeds(
        "the defect of the exact ansatz is at most norm(W) norm(grad)",
        "any student",
        "a hundredth of the bound",
        stationary,
    )],
    ..Statement::NONE
};

fn stationary(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    rng(context, 0)?;
    let (f, teacher) = (context.student(), context.teacher());
    let at = Stationarity::at(f, teacher, context.lambda())?;
    let mass = f.total_mass();
    let terms = (f.neurons() + f.dimension() + teacher.neurons()) as f64;
    let weights = first_layer(f);
    let scale = mass * (mass + teacher.total_mass()) + context.lambda() * length(&weights).powi(2);
    let bound = form.choose(1.0, 0.01) * at.scale;
    Ok(vec![at_most("the ansatz's defect", at.ansatz, bound, 256.0 * terms * f64::EPSILON * scale)])
}

/// **11.13.2 Exchange.** `E[theta_u theta_v x_w+ x_z+]` does not change when `w` and `z` are
/// exchanged, though its formula is not symmetric term by term.
///
/// Hypotheses: four fields with a covariance of full rank. Control: a gate and a ramp exchanged.
/// Source: theory 11.13.2 \\[SaadSolla1995\\].
pub static EXCHANGE: Statement = Statement {
    id: "11.13.2",
    says: "ReLU's fourth moment is symmetric in its two ramps",
    reference: "theory 11.13.2",
    checks: &[at_seeds(
        "the fourth moment with its ramps exchanged",
        "four fields in general position",
        "a gate and a ramp exchanged",
        exchange,
    )],
    ..Statement::NONE
};

fn exchange(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1132)?;
    let rule = OrthantRule::new()?;
    let rows: Vec<Vec<f64>> =
        (0..4).map(|_| (0..6).map(|_| rng.sample(StandardNormal)).collect()).collect();
    let covariance = gram(&rows, &rows);
    let fields = Fields::new(&rule, &covariance, 4)?;
    let swapped = match form {
        Form::Stated => fields.i4(0, 1, 3, 2),
        Form::Control => fields.i4(0, 2, 1, 3),
    };
    // The tolerance of the statement, 1e-13 of sqrt(C_ww C_zz).
    let scale = fields.deviation(2) * fields.deviation(3);
    Ok(vec![equal("exchange", fields.i4(0, 1, 2, 3), swapped, 512.0 * f64::EPSILON * scale)])
}

fn gram(rows: &[Vec<f64>], columns: &[Vec<f64>]) -> Vec<f64> {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(a, b)| a * b).sum();
    rows.iter().flat_map(|x| columns.iter().map(move |y| dot(x, y))).collect()
}

/// **11.13.3 Half a loss.** For the degrees from 2 on `J_ii = L/4`: the square of the activation's
/// slope is 1/4 everywhere.
///
/// Hypotheses: none. Control: the raw activation. Source: theory 11.13.3 \\[SaadSolla1995\\].
pub static HALF_A_LOSS: Statement = Statement {
    id: "11.13.3",
    says: "from degree 2 on the second-order moments on the diagonal are a quarter of the loss",
    reference: "theory 11.13.3",
    checks: &[at_seeds(
        "J_ii = L/4 from degree 2 on",
        "two students, two teachers",
        "the raw activation",
        quarter,
    )],
    ..Statement::NONE
};

fn vectors(rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    (0..2).map(|_| (0..5).map(|_| rng.sample(StandardNormal)).collect()).collect()
}

fn quarter(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = rng(context, 1133)?;
    let (student, teacher) = (vectors(&mut rng), vectors(&mut rng));
    let draw =
        |rng: &mut ChaCha8Rng| -> Vec<f64> { (0..2).map(|_| rng.sample(StandardNormal)).collect() };
    let mut dynamics = Dynamics::new(gram(&teacher, &teacher), draw(&mut rng), 0.1)?;
    dynamics.degrees = form.choose(Degrees::FromTwo, Degrees::All);
    let state = OrderParameters {
        student: gram(&student, &student),
        overlap: gram(&student, &teacher),
        second_layer: draw(&mut rng),
    };
    let averages = dynamics.averages(&state)?;
    let i = rng.random_range(0..2_usize);
    let sizes = |rows: &[Vec<f64>], a: &[f64]| {
        rows.iter().zip(a).map(|(w, a)| norm(w) * a.abs()).sum::<f64>()
    };
    let scale =
        sizes(&student, &state.second_layer) + sizes(&teacher, &dynamics.teacher_second_layer);
    let most = maximum_of([scale * scale, averages.loss]);
    let rounding = 512.0 * f64::EPSILON * most;
    Ok(vec![equal("J_ii", averages.squares[3 * i], 0.25 * averages.loss, rounding)])
}
