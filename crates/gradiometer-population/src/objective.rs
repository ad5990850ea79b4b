//! The population objective: which degrees it keeps, how accurately it is evaluated.

use crate::accurate;
use crate::error::PopulationError;
use crate::fast::{self, Workspace};
use crate::hessian::{HessianOperator, Layers};
use crate::value::{Bounded, Evaluation, Gradient, Path};
use gradiometer_hermite::float::maximum;
use gradiometer_model::geometry::norm;
use gradiometer_model::{ModelError, Network, Skip, Teacher};
use std::f64::consts::PI;

/// The lowest Hermite degree that the loss keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FromDegree {
    /// The raw networks, with the student's own affine part (none counts as zero).
    Zero,
    /// Degrees at least 2, as after preprocessing; any affine part is fitted away. The default.
    #[default]
    Two,
}

/// Weight decay `(lambda_a/2) |a|^2 + (lambda_w/2) |W|_F^2`; the paper has `lambda_a = lambda_w = lambda`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WeightDecay {
    /// `lambda_a`.
    pub second_layer: f64,
    /// `lambda_w`.
    pub first_layer: f64,
}

impl WeightDecay {
    /// The same decay on both layers.
    pub const fn equal(lambda: f64) -> Self {
        Self { second_layer: lambda, first_layer: lambda }
    }

    /// Its value at a student.
    pub fn value(self, student: &Network) -> f64 {
        let (a, w) = student.squared_norms();
        0.5 * (self.second_layer * a + self.first_layer * w)
    }
}

/// A loss over students that a trainer descends: `L(a, W)` and its gradient.
///
/// The objective of statement 3.3 is `L_lambda = L + (lambda/2)(|a|^2 + |W|_F^2)`; an implementation supplies `L`, the
/// [`WeightDecay`] is the caller's.
pub trait Objective {
    /// Writes `dL/da` and `dL/dW` and returns `L`, as fast as possible; both carry true error bounds.
    fn evaluate_fast(
        &self,
        student: &Network,
        workspace: &mut Workspace,
        gradient: &mut Gradient,
    ) -> Bounded;

    /// As [`Objective::evaluate_fast`], on the batch that descent step `step` averages over; an objective without batches has one for
    /// all.
    fn evaluate_step(
        &self,
        _step: u64,
        student: &Network,
        workspace: &mut Workspace,
        gradient: &mut Gradient,
    ) -> Bounded {
        self.evaluate_fast(student, workspace, gradient)
    }

    /// As [`Objective::evaluate_fast`], with errors as small as can be had, that of `L` at most `relative` times itself. An
    /// objective with one evaluation alone has nothing to add.
    fn evaluate_accurate(
        &self,
        student: &Network,
        _relative: f64,
        gradient: &mut Gradient,
    ) -> Bounded {
        self.evaluate_fast(student, &mut Workspace::new(), gradient)
    }

    /// `L` with an error of at most `relative` times itself, if that can be had.
    fn loss(&self, student: &Network, relative: f64) -> Bounded;

    /// The Hessian of `L` in both layers, where the objective has one in closed form.
    ///
    /// # Errors
    /// [`PopulationError::NoHessian`] where it has none, the default; [`PopulationError::Model`] if the dimensions differ.
    fn second_order(&self, _student: &Network) -> Result<HessianOperator, PopulationError> {
        Err(PopulationError::NoHessian)
    }

    /// Whether twins `(a, w)` and `(a, +-w)`, the student's second half mirroring its first, are evaluated just as the neurons `(2 a, w)` alone, so
    /// that a descent may take its steps with half the student. By default they are not.
    fn merges_twins(&self, _student: &Network) -> bool {
        false
    }

    /// The teacher.
    fn teacher(&self) -> &Teacher;
}

/// The exact population loss `L = E (f(x) - f*(x))^2` of ReLU networks under `x ~ N(0, I)` (statements 3.1 to 3.3).
///
/// # Examples
/// ```
/// use gradiometer_model::{Network, Teacher};
/// use gradiometer_population::Population;
/// // One teacher neuron, one student neuron at a right angle: L = 2 (k(1) - k(0)) = 1/2 - 1/pi.
/// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
/// let student = Network::new(2, vec![1.0], vec![0.0, 1.0]).unwrap();
/// let evaluation = Population::new(teacher).evaluate(&student, 1e-10).unwrap();
/// let exact = 0.5 - std::f64::consts::FRAC_1_PI;
/// assert!((evaluation.loss.value - exact).abs() <= evaluation.loss.error + f64::EPSILON);
/// ```
#[derive(Clone, Debug)]
pub struct Population {
    teacher: Teacher,
    from_degree: FromDegree,
}

/// Largest number of pairs for which arithmetic beyond double-double is tried.
const EXTENDED_PAIRS: usize = 1 << 20;

impl Population {
    /// The objective of degrees at least 2.
    pub fn new(teacher: Teacher) -> Self {
        Self { teacher, from_degree: FromDegree::Two }
    }

    /// The same with the given lowest degree.
    #[must_use]
    pub fn from_degree(mut self, from_degree: FromDegree) -> Self {
        self.from_degree = from_degree;
        self
    }

    /// The lowest degree that it keeps.
    pub const fn lowest_degree(&self) -> FromDegree {
        self.from_degree
    }

    /// Loss and gradient by the fast evaluation.
    ///
    /// # Errors
    /// [`PopulationError::Model`] if the dimensions differ.
    pub fn fast(
        &self,
        student: &Network,
        workspace: &mut Workspace,
    ) -> Result<Evaluation, PopulationError> {
        self.check(student)?;
        let mut gradient = Gradient::default();
        let (loss, path) = self.fast_into(student, workspace, &mut gradient);
        Ok(Evaluation { loss, gradient, path })
    }

    /// Loss and gradient by the accurate evaluation: double-double, and beyond where that leaves the loss with a relative
    /// error above `relative`. A loss that is zero, or a student of more than 1024 neurons, may keep a larger error;
    /// the bound says so.
    ///
    /// # Errors
    /// [`PopulationError::Model`] if the dimensions differ.
    pub fn accurate(
        &self,
        student: &Network,
        relative: f64,
    ) -> Result<Evaluation, PopulationError> {
        self.check(student)?;
        let mut gradient = Gradient::default();
        let (loss, path) = self.accurate_into(student, relative, Some(&mut gradient));
        Ok(Evaluation { loss, gradient, path })
    }

    /// Loss and gradient, fast if the fast loss's error bound is at most `relative` times the loss and accurate otherwise.
    ///
    /// # Errors
    /// [`PopulationError::Model`] if the dimensions differ, [`PopulationError::Overflow`] if the loss is not finite.
    pub fn evaluate(
        &self,
        student: &Network,
        relative: f64,
    ) -> Result<Evaluation, PopulationError> {
        let mut workspace = Workspace::new();
        let mut fast = self.fast(student, &mut workspace)?;
        if workspace.is_truncated() && !fast.loss.within(relative) {
            fast = self.fast(student, &mut workspace.with_tolerance(0.0))?;
        }
        if !(fast.loss.value + fast.loss.error).is_finite() {
            return Err(PopulationError::Overflow);
        }
        if fast.loss.within(relative) { Ok(fast) } else { self.accurate(student, relative) }
    }

    /// The affine part that makes the raw loss least at a student's neurons: `alpha = -sum_b nu_b/sqrt(2 pi)` and
    /// `beta = -(1/2) sum_b nu_b v_b` with `nu = mu - mu*` (statement 4.1). With it the raw loss is that of the degrees at
    /// least 2. Error: `(m + m* + d) eps` times the total mass of `nu`.
    ///
    /// # Errors
    /// [`PopulationError::Model`] if the dimensions differ.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_model::{Network, Teacher};
    /// use gradiometer_population::Population;
    /// // relu(x) is x/2 + |x|/2: against the opposite neuron the linear part is all that is missing.
    /// let teacher = Teacher::new(Network::new(1, vec![1.0], vec![1.0]).unwrap()).unwrap();
    /// let student = Network::new(1, vec![1.0], vec![-1.0]).unwrap();
    /// let skip = Population::new(teacher).affine_fit(&student).unwrap();
    /// assert_eq!((skip.constant.abs(), skip.linear), (0.0, vec![1.0]));
    /// ```
    pub fn affine_fit(&self, student: &Network) -> Result<Skip, PopulationError> {
        self.check(student)?;
        let mut skip = Skip { constant: 0.0, linear: vec![0.0; student.dimension()] };
        for (network, sign) in [(student, -1.0), (self.teacher.network(), 1.0)] {
            for (w, a) in network.rows().zip(network.second_layer()) {
                skip.constant += sign * a * norm(w) / (2.0 * PI).sqrt();
                for (b, x) in skip.linear.iter_mut().zip(w) {
                    *b += sign * 0.5 * a * x;
                }
            }
        }
        Ok(skip)
    }

    pub(crate) fn check(&self, student: &Network) -> Result<(), PopulationError> {
        let (teacher, student) = (self.teacher.dimension(), student.dimension());
        if teacher == student {
            Ok(())
        } else {
            Err(ModelError::DimensionMismatch { teacher, student }.into())
        }
    }

    fn fast_into(
        &self,
        student: &Network,
        workspace: &mut Workspace,
        gradient: &mut Gradient,
    ) -> (Bounded, Path) {
        let (mut loss, path) = fast::evaluate(&self.teacher, student, workspace, gradient);
        if self.from_degree == FromDegree::Zero {
            self.add_low_degrees(student, &mut loss, gradient);
        }
        (loss, path)
    }

    fn accurate_into(
        &self,
        student: &Network,
        relative: f64,
        gradient: Option<&mut Gradient>,
    ) -> (Bounded, Path) {
        let (teacher, low) = (&self.teacher, self.from_degree);
        let mut computed = accurate::in_double_double(teacher, student, low, gradient);
        let atoms = student.neurons() + teacher.neurons();
        let beyond = !computed.loss.within(relative) && computed.loss.error.is_finite();
        if beyond && atoms * atoms <= EXTENDED_PAIRS {
            let bits = accurate::bits_for(computed.loss, relative);
            computed = accurate::in_bits(bits, teacher, student, low);
        }
        (computed.loss, computed.path)
    }

    /// Adds the Hermite degrees 0 and 1: `L += S_0^2 + |S_1|^2` with `S_0 = sum_b nu_b/sqrt(2 pi) + alpha` and
    /// `S_1 = (1/2) sum_b nu_b v_b + beta`.
    fn add_low_degrees(&self, student: &Network, loss: &mut Bounded, gradient: &mut Gradient) {
        let d = student.dimension();
        let network = self.teacher.network();
        let root = (2.0 * PI).sqrt();
        let mut constant = 0.0;
        let mut linear = vec![0.0; d];
        let mut absolute = 0.0;
        let students = student.rows().zip(student.second_layer()).map(|(w, a)| (w, *a));
        let teachers = network.rows().zip(network.second_layer()).map(|(w, a)| (w, -*a));
        for (w, a) in students.chain(teachers) {
            let mass = a * norm(w);
            constant += mass;
            absolute += mass.abs();
            for (s, x) in linear.iter_mut().zip(w) {
                *s += 0.5 * a * x;
            }
        }
        constant /= root;
        if let Some(skip) = student.skip() {
            constant += skip.constant;
            absolute += skip.constant.abs() + norm(&skip.linear);
            for (s, b) in linear.iter_mut().zip(&skip.linear) {
                *s += b;
            }
        }
        let size = norm(&linear);
        let atoms = (student.neurons() + network.neurons()) as f64;
        // Each of S_0 and S_1 sums `atoms` terms of total size `absolute`, each with a relative error of (d/2 + 5) u.
        let error = absolute * f64::EPSILON * (atoms + d as f64);
        loss.value += constant * constant + size * size;
        loss.error += 2.0 * error * (constant.abs() + size)
            + 2.0 * error * error
            + 4.0 * f64::EPSILON * loss.value;
        let (mut second_error, mut first_error) = (0.0, 0.0);
        for (j, w) in student.rows().enumerate() {
            let (length, a) = (norm(w), student.second_layer()[j]);
            if !(length > 0.0) {
                continue;
            }
            let along: f64 = linear.iter().zip(w).map(|(s, x)| s * x).sum();
            gradient.second_layer[j] += 2.0 * constant * length / root + along;
            for ((g, s), x) in
                gradient.first_layer[j * d..(j + 1) * d].iter_mut().zip(&linear).zip(w)
            {
                *g += a * (2.0 * constant * (x / length) / root + s);
            }
            let rounding = (d as f64 + 8.0) * f64::EPSILON * (constant.abs() + size);
            second_error = maximum(second_error, 2.0 * length * (error + rounding));
            first_error = maximum(first_error, 2.0 * a.abs() * (error + rounding));
        }
        gradient.second_layer_error += second_error;
        gradient.first_layer_error += first_error;
    }
}

impl Objective for Population {
    fn evaluate_fast(
        &self,
        student: &Network,
        workspace: &mut Workspace,
        gradient: &mut Gradient,
    ) -> Bounded {
        self.fast_into(student, workspace, gradient).0
    }

    fn evaluate_accurate(
        &self,
        student: &Network,
        relative: f64,
        gradient: &mut Gradient,
    ) -> Bounded {
        self.accurate_into(student, relative, Some(gradient)).0
    }

    fn loss(&self, student: &Network, relative: f64) -> Bounded {
        let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
        let mut fast = self.evaluate_fast(student, &mut workspace, &mut gradient);
        if workspace.is_truncated() && !fast.within(relative) {
            fast = self.evaluate_fast(student, &mut workspace.with_tolerance(0.0), &mut gradient);
        }
        if fast.within(relative) { fast } else { self.accurate_into(student, relative, None).0 }
    }

    fn second_order(&self, student: &Network) -> Result<HessianOperator, PopulationError> {
        self.hessian_operator(student, Layers::Both)
    }

    fn merges_twins(&self, student: &Network) -> bool {
        self.from_degree == FromDegree::Two && fast::always_dense(student)
    }

    fn teacher(&self) -> &Teacher {
        &self.teacher
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "whole numbers are exact")]
    fn weight_decay_adds_both_layers() {
        let student = Network::new(2, vec![1.0, 2.0], vec![3.0, 0.0, 0.0, 4.0]).unwrap();
        assert_eq!(WeightDecay { second_layer: 2.0, first_layer: 4.0 }.value(&student), 55.0);
        assert_eq!(WeightDecay::equal(2.0).value(&student), 30.0);
    }

    #[test]
    fn the_low_degrees_and_their_errors_are_what_is_summed() {
        // Masses 10 and -2 and twice S_1 = 2 (3, 4) - (0, 2) = (6, 6).
        let teacher = Teacher::new(Network::new(2, vec![1.0], vec![0.0, 2.0]).unwrap()).unwrap();
        let student = Network::new(2, vec![2.0], vec![3.0, 4.0]).unwrap();
        let population = Population::new(teacher).from_degree(FromDegree::Zero);
        let skip = Skip { constant: 0.5, linear: vec![1.0, -3.0] };
        for (student, absolute, shift, linear) in [
            (student.clone(), 12.0, 0.0, [3.0, 3.0]),
            (student.with_skip(skip).unwrap(), 12.5 + 10.0_f64.sqrt(), 0.5, [4.0, 0.0]),
        ] {
            let mut loss = Bounded { value: 1.0, error: 0.0 };
            let mut gradient = Gradient::default();
            gradient.reset(1, 2);
            population.add_low_degrees(&student, &mut loss, &mut gradient);
            let close = |x: f64, y: f64| (x - y).abs() <= 16.0 * f64::EPSILON * y.abs();
            let root = (2.0 * PI).sqrt();
            let constant = 8.0 / root + shift;
            let size = f64::hypot(linear[0], linear[1]);
            assert!(close(loss.value, 1.0 + constant * constant + size * size), "{loss:?}");
            // Two atoms and two dimensions.
            let error = 4.0 * absolute * f64::EPSILON;
            let expected = 2.0 * error * (constant + size)
                + 2.0 * error * error
                + 4.0 * f64::EPSILON * loss.value;
            assert!(close(loss.error, expected), "{loss:?} {expected:e}");
            let along = 3.0 * linear[0] + 4.0 * linear[1];
            assert!(close(gradient.second_layer[0], 10.0 * constant / root + along));
            for (k, u) in [0.6, 0.8].into_iter().enumerate() {
                let entry = 2.0 * (2.0 * constant * u / root + linear[k]);
                assert!(close(gradient.first_layer[k], entry), "{k}");
            }
            let rounding = error + 10.0 * f64::EPSILON * (constant + size);
            assert!(close(gradient.second_layer_error, 10.0 * rounding));
            assert!(close(gradient.first_layer_error, 4.0 * rounding));
        }
    }

    #[test]
    fn the_affine_fit_is_the_opposite_of_the_low_degrees() {
        // Masses 10 and -2, and half of 2 (3, 4) - (0, 2).
        let teacher = Teacher::new(Network::new(2, vec![1.0], vec![0.0, 2.0]).unwrap()).unwrap();
        let student = Network::new(2, vec![2.0], vec![3.0, 4.0]).unwrap();
        let skip = Population::new(teacher).affine_fit(&student).unwrap();
        assert!((skip.constant + 8.0 / (2.0 * PI).sqrt()).abs() <= 16.0 * f64::EPSILON);
        assert_eq!(skip.linear, [-3.0, -3.0]);
    }

    #[test]
    fn an_accurate_gradient_is_off_by_one_rounding() {
        let teacher = Teacher::new(Network::new(2, vec![1.0], vec![0.0, 2.0]).unwrap()).unwrap();
        let student = Network::new(2, vec![2.0, -1.0], vec![3.0, 4.0, 1.0, 0.0]).unwrap();
        for from_degree in [FromDegree::Two, FromDegree::Zero] {
            let population = Population::new(teacher.clone()).from_degree(from_degree);
            let gradient = population.accurate(&student, 1.0).unwrap().gradient;
            let largest = |x: &[f64]| x.iter().fold(0.0, |m, x| maximum(m, x.abs()));
            for (error, entries) in [
                (gradient.second_layer_error, largest(&gradient.second_layer)),
                (gradient.first_layer_error, largest(&gradient.first_layer)),
            ] {
                let share = error / (f64::EPSILON * entries);
                assert!((1.0..1.001).contains(&share), "{from_degree:?}: {share}");
            }
        }
    }
}
