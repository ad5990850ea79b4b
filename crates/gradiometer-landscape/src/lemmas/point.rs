//! A student analysed once, and the lemmas that need only a certificate.

use super::{Claim, DualCertificate, Evidence, Relation};
use crate::error::LandscapeError;
use crate::residual::ResidualSplit;
use gradiometer_hermite::float::maximum;
use gradiometer_model::geometry::{norm, normalised};
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_population::{Accuracy, Bounded, Evaluation, Objective as _, Population};

/// A teacher, a student and `lambda > 0`, with what every lemma uses.
#[derive(Clone, Debug)]
pub struct Point<'a> {
    teacher: &'a SeparatedTeacher,
    student: &'a Network,
    lambda: f64,
    population: Population,
    evaluation: Evaluation,
    split: ResidualSplit,
    units: Vec<f64>,
    /// `|mu| - |mu*|`.
    excess: f64,
    /// `sum_j (|a_j| - |w_j|)^2`.
    imbalance: f64,
}

/// Relative accuracy asked of the loss.
const ACCURATE: f64 = 1e-12;

impl<'a> Point<'a> {
    /// Analyses a student: loss and gradient of degrees at least 2, the residual split, masses and angles.
    ///
    /// # Errors
    /// [`LandscapeError::Lambda`] unless `lambda` is positive and finite, [`LandscapeError::Model`] if the dimensions differ.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_landscape::lemmas::Point;
    /// use gradiometer_model::{Network, Teacher};
    /// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap().separated().unwrap();
    /// let student = teacher.network().clone();
    /// let point = Point::new(&teacher, &student, 0.1).unwrap();
    /// // At the teacher itself L_lambda is lambda |mu*|.
    /// assert_eq!(point.zeta_plus().value.abs(), 0.0);
    /// ```
    pub fn new(
        teacher: &'a SeparatedTeacher,
        student: &'a Network,
        lambda: f64,
    ) -> Result<Self, LandscapeError> {
        if !(lambda > 0.0 && lambda.is_finite()) {
            return Err(LandscapeError::Lambda { lambda });
        }
        let split = ResidualSplit::new(teacher, student)?;
        let population = Population::new((**teacher).clone());
        let evaluation = population.evaluate(student, Accuracy::loss(ACCURATE))?;
        let excess = split.masses().iter().map(|c| c.abs()).sum::<f64>() - teacher.total_mass();
        let defects = student.rows().zip(student.second_layer()).map(|(w, a)| a.abs() - norm(w));
        let imbalance = defects.map(|x| x * x).sum();
        let units = student.rows().flat_map(normalised).collect();
        Ok(Self {
            teacher,
            student,
            lambda,
            population,
            evaluation,
            split,
            units,
            excess,
            imbalance,
        })
    }

    /// The teacher.
    pub const fn teacher(&self) -> &'a SeparatedTeacher {
        self.teacher
    }

    /// The student.
    pub const fn student(&self) -> &'a Network {
        self.student
    }

    /// `lambda`.
    pub const fn lambda(&self) -> f64 {
        self.lambda
    }

    /// The objective of degrees at least 2.
    pub const fn population(&self) -> &Population {
        &self.population
    }

    /// `L` and its gradient.
    pub const fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    /// Nearest teachers, angles, average neurons.
    pub const fn split(&self) -> &ResidualSplit {
        &self.split
    }

    /// `L`.
    pub const fn loss(&self) -> Bounded {
        self.evaluation.loss
    }

    /// `|mu| - |mu*|`, with its rounding.
    pub fn mass_excess(&self) -> Bounded {
        let masses = self.student.total_mass() + self.teacher.total_mass();
        Bounded { value: self.excess, error: self.roundings() * masses }
    }

    /// `sum_j (|a_j| - |w_j|)^2`, zero if balanced.
    pub const fn imbalance(&self) -> f64 {
        self.imbalance
    }

    /// Whether every neuron is balanced up to the rounding of its norms.
    pub fn is_balanced(&self) -> bool {
        let (_, w) = self.student.squared_norms();
        let relative = 8.0 * (self.student.dimension() as f64 + 8.0) * f64::EPSILON;
        self.imbalance <= relative * relative * w
    }

    /// `zeta+ = L_lambda - lambda |mu*| = L + lambda (|mu| - |mu*|) + (lambda/2) sum_j (|a_j| - |w_j|)^2`.
    pub fn zeta_plus(&self) -> Bounded {
        let (loss, excess) = (self.loss(), self.mass_excess());
        let half = 0.5 * self.imbalance;
        Bounded {
            value: loss.value + self.lambda * (excess.value + half),
            error: loss.error + self.lambda * (excess.error + self.roundings() * half),
        }
    }

    /// `zeta` lies in `[zeta+, zeta+ + lambda^2 |p|^2/4]` (5.2), rounded outward by the known rounding.
    pub fn gap(&self, certificate: &dyn DualCertificate) -> (f64, f64) {
        let (zeta, p) = (self.zeta_plus(), certificate.norm());
        let room = 0.25 * (self.lambda * p).powi(2);
        // The gap is never negative either.
        let lower = maximum(zeta.value - zeta.error, 0.0);
        (lower, zeta.value + zeta.error + room * (1.0 + 4.0 * f64::EPSILON))
    }

    /// Unit vector of neuron `j`, zero for a zero neuron.
    pub(crate) fn unit(&self, j: usize) -> &[f64] {
        let d = self.student.dimension();
        &self.units[j * d..(j + 1) * d]
    }

    /// Relative rounding of a sum over the neurons.
    pub(crate) fn roundings(&self) -> f64 {
        let terms = self.student.neurons() + self.teacher.neurons() + self.student.dimension();
        (terms as f64 + 16.0) * f64::EPSILON
    }

    /// `sqrt(L)` with its error.
    pub(crate) fn root_loss(&self) -> Bounded {
        let loss = self.loss();
        let value = maximum(loss.value, 0.0).sqrt();
        let above = maximum(loss.value + loss.error, 0.0).sqrt() - value;
        let below = value - maximum(loss.value - loss.error, 0.0).sqrt();
        Bounded { value, error: maximum(above, below) + f64::EPSILON * value }
    }

    /// **7.1** `sqrt(L) <= (lambda |p| + sqrt(lambda^2 |p|^2 + 4 max(zeta+, 0)))/2`.
    pub fn loss_bound(&self, certificate: &dyn DualCertificate) -> Claim {
        let (root, zeta) = (self.root_loss(), self.zeta_plus());
        let pull = self.lambda * certificate.norm();
        let bound = |zeta: f64| 0.5 * (pull + (pull * pull + 4.0 * maximum(zeta, 0.0)).sqrt());
        let right = bound(zeta.value);
        let rounding =
            root.error + (bound(zeta.value + zeta.error) - right) + 8.0 * f64::EPSILON * right;
        Claim::new(
            ("7.1", "loss bound"),
            root.value,
            Relation::AtMost,
            right,
            rounding,
            Evidence::Computed,
        )
    }

    /// `zeta+/lambda + |p| sqrt(L) - L/lambda = |mu| - |mu*| + (1/2) sum_j (|a_j| - |w_j|)^2 + |p| sqrt(L)`, the right side of 7.2 to 7.4.
    fn slack_bound(&self, certificate: &dyn DualCertificate) -> Bounded {
        let (root, excess, p) = (self.root_loss(), self.mass_excess(), certificate.norm());
        let half = 0.5 * self.imbalance;
        Bounded {
            value: excess.value + half + p * root.value,
            error: excess.error
                + self.roundings() * half
                + p * (root.error + 4.0 * f64::EPSILON * root.value),
        }
    }

    /// `sum_j |c_j| weight(eta_j, sign(c_j))` over the neurons chosen.
    fn weighted_mass(
        &self,
        certificate: &dyn DualCertificate,
        weight: impl Fn(usize, f64, f64) -> f64,
    ) -> Bounded {
        let mut sum = Bounded { value: 0.0, error: 0.0 };
        for (j, c) in self.split.masses().iter().enumerate() {
            if !(c.abs() > 0.0) {
                continue;
            }
            let eta = certificate.eta(self.unit(j));
            let term = c.abs() * weight(j, eta.value, c.signum());
            sum.value += term;
            // The direction of the neuron is rounded, and eta is Lipschitz with constant |p| |grad sigma| <= |p|.
            let turned = certificate.norm() * self.roundings();
            sum.error += c.abs() * (eta.error + turned) + self.roundings() * term.abs();
        }
        sum
    }

    /// **7.2** `sum_j |c_j| (1 - sign(c_j) eta(wbar_j)) <= zeta+/lambda + |p| sqrt(L) - L/lambda <= zeta+/lambda + lambda |p|^2/4`.
    pub fn slack(&self, certificate: &dyn DualCertificate) -> [Claim; 2] {
        let left = self.weighted_mass(certificate, |_, eta, sign| 1.0 - sign * eta);
        let (middle, zeta, p) =
            (self.slack_bound(certificate), self.zeta_plus(), certificate.norm());
        let last = zeta.value / self.lambda + 0.25 * self.lambda * p * p;
        let error = middle.error + zeta.error / self.lambda + 8.0 * f64::EPSILON * last.abs();
        [
            Claim::new(
                ("7.2", "slack"),
                left.value,
                Relation::AtMost,
                middle.value,
                left.error + middle.error,
                Evidence::Computed,
            ),
            Claim::new(
                ("7.2", "without the loss"),
                middle.value,
                Relation::AtMost,
                last,
                error,
                Evidence::Computed,
            ),
        ]
    }

    /// **7.3** `sum_j |c_j| delta_j^2 <= B/rho` with the bound `B` of 7.2, and the mass beyond `angle` is at most `B/(rho angle^2)`.
    pub fn localisation(&self, certificate: &dyn DualCertificate, angle: f64) -> [Claim; 2] {
        let (bound, rho) = (self.slack_bound(certificate), certificate.rho());
        let left = self.split.localisation();
        let far: f64 = self
            .split
            .masses()
            .iter()
            .zip(self.split.angles())
            .filter(|(_, delta)| **delta > angle)
            .map(|(c, _)| c.abs())
            .sum();
        let claim = |part, left: f64, scale: f64| {
            let right = bound.value / scale;
            let rounding = 2.0 * self.roundings() * (left + right.abs()) + bound.error / scale;
            Claim::new(
                ("7.3", part),
                left,
                Relation::AtMost,
                right,
                rounding,
                certificate.evidence(),
            )
        };
        [claim("localisation", left, rho), claim("mass beyond the angle", far, rho * angle * angle)]
    }

    /// **7.4** No norm cancellation: the mass whose sign opposes that of `eta` at the neuron, weighted by `1 + |eta|`, is at most the bound of 7.2.
    ///
    /// Opposing the nearest teacher's sign is not enough, see [`Self::no_cancellation_by_nearest`]: `eta` may have the other sign there.
    pub fn no_cancellation(&self, certificate: &dyn DualCertificate) -> Claim {
        let left =
            self.weighted_mass(
                certificate,
                |_, eta, sign| {
                    if sign * eta < 0.0 { 1.0 + eta.abs() } else { 0.0 }
                },
            );
        self.cancellation_claim("opposing eta", certificate, left)
    }

    /// The statement with the nearest teacher's sign in place of `eta`'s: **not** true in general.
    ///
    /// Where `eta` has the sign of `c_j` although the nearest teacher does not, the slack of 7.2 holds `1 - |eta|` of that mass only. The
    /// statement is true if `eta` has the nearest teacher's sign at every neuron.
    pub fn no_cancellation_by_nearest(&self, certificate: &dyn DualCertificate) -> Claim {
        let amplitudes = self.teacher.amplitudes();
        let left = self.weighted_mass(certificate, |j, eta, sign| {
            let opposes = sign * amplitudes[self.split.nearest()[j]] < 0.0;
            if opposes { 1.0 + eta.abs() } else { 0.0 }
        });
        self.cancellation_claim("opposing the nearest teacher", certificate, left)
    }

    fn cancellation_claim(
        &self,
        part: &'static str,
        certificate: &dyn DualCertificate,
        left: Bounded,
    ) -> Claim {
        let bound = self.slack_bound(certificate);
        let rounding = left.error + bound.error;
        Claim::new(
            ("7.4", part),
            left.value,
            Relation::AtMost,
            bound.value,
            rounding,
            Evidence::Computed,
        )
    }

    /// **7.5** `-|p| sqrt(L) <= |mu| - |mu*| <= (zeta+ - L)/lambda`, the first as `|mu*| - |mu| <= |p| sqrt(L)`; the second is an identity for
    /// balanced students.
    pub fn norm_bounds(&self, certificate: &dyn DualCertificate) -> [Claim; 2] {
        let (root, excess, p) = (self.root_loss(), self.mass_excess(), certificate.norm());
        let above = excess.value + 0.5 * self.imbalance;
        let error = excess.error + p * (root.error + 4.0 * f64::EPSILON * root.value);
        [
            Claim::new(
                ("7.5", "from below"),
                -excess.value,
                Relation::AtMost,
                p * root.value,
                error,
                Evidence::Computed,
            ),
            Claim::new(
                ("7.5", "from above"),
                excess.value,
                Relation::AtMost,
                above,
                0.0,
                Evidence::Computed,
            ),
        ]
    }

    /// **7.7** The loss from the residual split equals the loss.
    pub fn split_identity(&self) -> Claim {
        let pairings = self.split.pairings();
        let loss = self.loss();
        let rounding = 16.0 * self.roundings() * self.split.rounding_scale() + loss.error;
        Claim::new(
            ("7.7", "loss from the residual split"),
            pairings.squared_norm(),
            Relation::Equal,
            loss.value,
            rounding,
            Evidence::Computed,
        )
    }

    /// Every claim of sections 5 and 7 that needs a certificate alone, in order of their ids; `angle` is that of 7.3's second part.
    pub fn claims(&self, certificate: &dyn DualCertificate, angle: f64) -> Vec<Claim> {
        let mut claims = vec![self.weak_duality(certificate), self.loss_bound(certificate)];
        claims.extend(self.slack(certificate));
        claims.extend(self.localisation(certificate, angle));
        claims.push(self.no_cancellation(certificate));
        claims.extend(self.norm_bounds(certificate));
        claims.push(self.split_identity());
        claims
    }
}
