//! Random instances with their students trained or pulled where the recipe says so: what generators
//! alone cannot make.

use crate::error::LandscapeError;
use gradiometer_certify::{DegreeWeights, Interpolant};
use gradiometer_instances::{Instance, Place, Recipe};
use gradiometer_model::geometry::{norm, normalised};
use gradiometer_model::{Network, SeparatedTeacher, Teacher};
use gradiometer_population::{Gradient, Objective, Population, Workspace};

/// Steps of a trained student.
const STEPS: usize = 150;

/// The instance of a seed.
///
/// # Errors
/// As for [`build`].
///
/// # Examples
/// ```
/// let instance = gradiometer_landscape::instance::draw(1).unwrap();
/// assert_eq!(instance.teacher.dimension(), instance.student.dimension());
/// ```
pub fn draw(seed: u64) -> Result<Instance, LandscapeError> {
    build(&Recipe::draw(seed))
}

/// The instance of a recipe.
///
/// # Errors
/// [`LandscapeError::Model`] for a recipe that no teacher meets, [`LandscapeError::Certify`] if a
/// pulled student's certificate is not found.
pub fn build(recipe: &Recipe) -> Result<Instance, LandscapeError> {
    let teacher = recipe.teacher()?;
    let student = student(recipe, &teacher)?;
    Ok(Instance { seed: recipe.seed, teacher, student, lambda: recipe.lambda })
}

/// The student alone, of any teacher.
///
/// # Errors
/// As for [`build`].
pub fn student(recipe: &Recipe, teacher: &SeparatedTeacher) -> Result<Network, LandscapeError> {
    let plain = match recipe.place {
        Place::Trained => trained(teacher, recipe.start(teacher)?, recipe.lambda),
        Place::Pulled { by } => pulled(teacher, by * recipe.lambda)?,
        _ => recipe.start(teacher)?,
    };
    Ok(recipe.with_additions(teacher, plain)?)
}

/// Gradient descent on `L_lambda` with a step below the curvature of teacher and student; the start
/// if it diverges.
fn trained(teacher: &Teacher, start: Network, lambda: f64) -> Network {
    let population = Population::new(teacher.clone());
    let step = 0.1 / (teacher.total_mass() + start.total_mass() + lambda);
    let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
    let mut student = start.clone();
    for _ in 0..STEPS {
        let _loss = population.evaluate_fast(&student, &mut workspace, &mut gradient);
        let (a, w) = student.layers_mut();
        let layers = [(a, &gradient.second_layer), (w, &gradient.first_layer)];
        for (x, g) in layers.into_iter().flat_map(|(x, g)| x.iter_mut().zip(g)) {
            *x -= step * (g + lambda * *x);
        }
    }
    if student.is_finite() { student } else { start }
}

/// `alpha_i u_i - gamma (A_i u_i + B_i)` as balanced neurons, with the coefficients of the
/// certificate of degree 2.
fn pulled(teacher: &SeparatedTeacher, gamma: f64) -> Result<Network, LandscapeError> {
    let interpolant = Interpolant::certificate(teacher, &DegreeWeights::from_degree(2)?)?;
    let (mut a, mut w) = (Vec::new(), Vec::new());
    for (i, alpha) in teacher.amplitudes().iter().enumerate() {
        let (value, bend) = (interpolant.values()[i].midpoint(), interpolant.gradient(i));
        let mass = alpha - gamma * value;
        let vector: Vec<f64> = teacher
            .direction(i)
            .iter()
            .zip(&bend)
            .map(|(u, b)| mass * u - gamma * b.midpoint())
            .collect();
        let root = norm(&vector).sqrt();
        let sign = if mass < 0.0 { -1.0 } else { 1.0 };
        a.push(sign * root);
        w.extend(normalised(&vector).iter().map(|x| sign * root * x));
    }
    Ok(Network::new(teacher.dimension(), a, w)?)
}

#[cfg(test)]
pub(crate) mod tests;
