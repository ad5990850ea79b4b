//! Section 2: the Hermite expansion of the activation.

use crate::claim::{Sides, equal};
use crate::context::{Context, decades, random_unit};
use crate::error::{TheoryError, inapplicable};
use crate::statement::{Check, Cost, Form, Scope, Statement};
use gradiometer_hermite::exponent::Exponent;
use gradiometer_hermite::polynomial::hermite;
use gradiometer_hermite::quadrature::{GaussHermite, GaussLegendre};
use gradiometer_hermite::{Angle, relu};
use gradiometer_instances::Complexity;
use gradiometer_model::geometry::normalised;
use gradiometer_model::{Network, Teacher};
use rand::RngExt;
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

pub(crate) static STATEMENTS: [&Statement; 3] = [&ORTHOGONALITY, &COEFFICIENTS, &EXPONENT];

/// **2.1 Orthogonality.** `E[h_j(u.x) h_k(v.x)] = 1{j = k} (u.v)^k` for unit vectors `u` and `v`.
///
/// By a product rule, exact to degree 31: `u.x = y`, `v.x = length (t y + sqrt(1 - t^2) z)`.
/// Hypotheses: `u` and `v` of unit length; degrees up to 12. Control: `v` of length 5/4. Source:
/// theory 2.1.
pub static ORTHOGONALITY: Statement = Statement {
    id: "2.1",
    says: "`E[h_j(u.x) h_k(v.x)]` is `(u.v)^k` for `j = k` and 0 otherwise",
    reference: "theory 2.1",
    checks: &[Check {
        title: "E[h_j(u.x) h_k(v.x)] = 1{j=k} (u.v)^k",
        hypotheses: "u and v of unit length; degrees up to 12",
        control: "v of length 5/4",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: orthogonality,
    }],
    ..Statement::NONE
};

/// Degrees of 2.1.
const DEGREES: usize = 12;
/// Nodes of its rule, exact up to twice as many.
const NODES: usize = 16;

fn orthogonality(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let (teacher, mut rng) = (context.teacher(), context.rng(21)?);
    let (j, k) = (rng.random_range(0..=DEGREES), rng.random_range(0..=DEGREES));
    let k = if rng.random::<bool>() { j } else { k };
    let u = teacher.direction(0);
    let v = if rng.random::<bool>() {
        random_unit(&mut rng, u.len())
    } else {
        teacher.direction(teacher.neurons() - 1).to_vec()
    };
    let angle = Angle::between(u, &v);
    let length = form.choose(1.0, 1.25);
    let rule = GaussHermite::new(NODES)?;
    let weights = rule.weights();
    let mut left = 0.0;
    for (y, p) in rule.nodes().iter().zip(&weights) {
        for (z, q) in rule.nodes().iter().zip(&weights) {
            let turned = length * (angle.cosine() * y + angle.sine() * z);
            left += p * q * hermite(j, *y) * hermite(k, turned);
        }
    }
    let power = i32::try_from(k).map_or(0.0, |k| angle.cosine().powi(k));
    let right = if j == k { power } else { 0.0 };
    // E |h_j| |h_k| <= 1; every node and value has some j + k + NODES roundings.
    let rounding = 16.0 * (j + k + 2 * NODES) as f64 * f64::EPSILON;
    Ok(vec![equal("orthogonality", left, right, rounding).of_size(1.0)])
}

/// **2.2 Hermite coefficients of ReLU.** `int_0^inf sigma(c z) h_k(z) phi(z) dz = c s_k` with
/// `s_0 = 1/sqrt(2 pi)`, `s_1 = 1/2`, `s_k = 0` for odd `k >= 3` and
/// `s_k = (-1)^{k/2 - 1} (k - 3)!!/sqrt(2 pi k!)` for even `k >= 2`.
///
/// Hypotheses: degrees up to 40; any factor `c > 0`. Control: the kink moved from 0 to 1/10.
/// Source: theory 2.2.
pub static COEFFICIENTS: Statement = Statement {
    id: "2.2",
    says: "Hermite coefficients of ReLU in closed form",
    reference: "theory 2.2",
    checks: &[Check {
        title: "Hermite coefficients of ReLU",
        hypotheses: "degrees up to 40, any positive factor of the argument",
        control: "the kink moved from 0 to 1/10",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: coefficients,
    }],
    ..Statement::NONE
};

/// Degrees of 2.2.
const HIGHEST: usize = 40;
/// The integral goes to here, where the integrand is below `1e-40` of its size.
const FAR: f64 = 18.0;
const PANELS: usize = 36;

fn coefficients(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let mut rng = context.rng(22)?;
    let (k, scale) = (rng.random_range(0..=HIGHEST), decades(&mut rng, -6.0, 6.0));
    let kink = form.choose(0.0, 0.1);
    let rule = GaussLegendre::new(20)?;
    let width = (FAR - kink) / PANELS as f64;
    let mut left = 0.0;
    for panel in 0..PANELS {
        let low = kink + panel as f64 * width;
        let integrand =
            |z: f64| scale * (z - kink) * hermite(k, z) * (-0.5 * z * z).exp() / TAU.sqrt();
        left += rule.integrate(low, low + width, integrand);
    }
    // E sigma |h_k| <= sqrt(E sigma^2) < 1.
    let rounding = 16.0 * (k + PANELS) as f64 * f64::EPSILON * scale;
    Ok(vec![equal("coefficient", left, scale * relu::coefficient(k), rounding)])
}

/// **2.3 Information exponent.** The least degree `k >= 1` of a non-zero Hermite part is 2 after
/// preprocessing.
///
/// Exact: both sides are degrees. Hypotheses: Assumption 3, `H` has the rank of the teachers' span.
/// Control: four neurons in a plane with `H = 0`. Source: theory 2.3.
pub static EXPONENT: Statement = Statement {
    id: "2.3",
    says: "information exponent: the least degree at least 1 with a non-zero Hermite part; 2 after preprocessing",
    reference: "theory 2.3",
    checks: &[Check {
        title: "information exponent 2 after preprocessing",
        hypotheses: "Assumption 3: H has the rank of the teachers' span",
        control: "four neurons in a plane with H = 0",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: exponent,
    }],
    ..Statement::NONE
};

fn exponent(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let teacher = context.teacher();
    let complexity = match form {
        Form::Stated => {
            let complexity = Complexity::of(teacher)?;
            if !complexity.is_non_degenerate() {
                return inapplicable("H is singular on the span");
            }
            complexity
        }
        Form::Control => {
            let Some(balanced) = balanced_plane(teacher)? else {
                return inapplicable("there is no plane in one dimension");
            };
            Complexity::of(&balanced)?
        }
    };
    let degree = match complexity.preprocessed_exponent.exponent {
        Exponent::Known(k) | Exponent::AtLeast(k) => k as f64,
        Exponent::Undecided(_) => f64::NAN,
    };
    Ok(vec![equal("preprocessed exponent", degree, 2.0, 0.0)])
}

/// Two orthogonal neurons of amplitude `alpha` and the two bisectors with `-alpha`:
/// `H = alpha (I - I) = 0` in their plane.
fn balanced_plane(teacher: &Teacher) -> Result<Option<Teacher>, TheoryError> {
    let d = teacher.dimension();
    if d < 2 {
        return Ok(None);
    }
    let u = teacher.direction(0).to_vec();
    let axis = usize::from(u[0].abs() > FRAC_1_SQRT_2);
    let mut v: Vec<f64> = u.iter().map(|x| -u[axis] * x).collect();
    v[axis] += 1.0;
    let v = normalised(&v);
    let mix = |s: f64| u.iter().zip(&v).map(|(x, y)| FRAC_1_SQRT_2 * (x + s * y)).collect();
    let rows = [u.clone(), v.clone(), mix(1.0), mix(-1.0)];
    let alpha = teacher.amplitudes()[0];
    let network = Network::from_rows(vec![alpha, alpha, -alpha, -alpha], &rows)?;
    Ok(Some(Teacher::new(network)?))
}
