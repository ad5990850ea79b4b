//! The optimality gap against a given measure (theory 5.2 and 5.3).

use super::{Claim, DualCertificate, Evidence, Point, Relation};
use gradiometer_hermite::Angle;
use gradiometer_hermite::relu::sphere_kernel;
use gradiometer_model::geometry::normalised;

/// A signed measure on directions, `sum_b masses_b delta_{directions_b}`; it may be empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measure {
    masses: Vec<f64>,
    directions: Vec<f64>,
    dimension: usize,
}

impl Measure {
    /// A measure from its masses and as many vectors of `R^dimension`, which are normalised; atoms with a zero vector count for nothing.
    ///
    /// # Panics
    /// If there are not as many vectors as masses.
    pub fn new(masses: Vec<f64>, vectors: &[f64], dimension: usize) -> Self {
        assert_eq!(masses.len() * dimension, vectors.len(), "one vector for each mass");
        let directions: Vec<f64> =
            vectors.chunks_exact(dimension.max(1)).flat_map(normalised).collect();
        let mut measure = Self { masses, directions, dimension };
        for b in 0..measure.masses.len() {
            if measure.direction(b).iter().all(|x| !(x.abs() > 0.0)) {
                measure.masses[b] = 0.0;
            }
        }
        measure
    }

    /// The masses of its atoms.
    pub fn masses(&self) -> &[f64] {
        &self.masses
    }

    /// The direction of an atom, a unit vector (zero for an atom without one).
    ///
    /// # Panics
    /// If there is no atom `b`.
    pub fn direction(&self, b: usize) -> &[f64] {
        &self.directions[b * self.dimension..(b + 1) * self.dimension]
    }

    /// Total mass `sum_b |masses_b|`.
    pub fn total_mass(&self) -> f64 {
        self.masses.iter().map(|c| c.abs()).sum()
    }

    /// `sum_b masses_b k(w.v_b)`.
    fn potential(&self, w: &[f64]) -> f64 {
        let terms = self.masses.iter().enumerate().filter(|(_, c)| c.abs() > 0.0);
        terms.map(|(b, c)| c * sphere_kernel(Angle::between(w, self.direction(b))).value).sum()
    }

    /// `int g dmu`.
    fn integral(&self, g: impl Fn(&[f64]) -> f64) -> f64 {
        self.masses.iter().enumerate().map(|(b, c)| c * g(self.direction(b))).sum()
    }

    /// `|f_mu|^2`, rounded upward.
    pub(crate) fn squared_norm(&self) -> f64 {
        let rounding = 4.0 * (self.masses.len() as f64 + 16.0) * f64::EPSILON;
        self.integral(|w| self.potential(w)) + rounding * self.total_mass() * self.total_mass()
    }

    /// `|f_mu - f_other|^2`.
    fn squared_distance(&self, other: &Self) -> f64 {
        let difference = |w: &[f64]| self.potential(w) - other.potential(w);
        self.integral(difference) - other.integral(difference)
    }
}

/// The parts of the gap identity 5.3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GapIdentity {
    /// Both sides.
    pub claim: Claim,
    /// `|f_mu - f_nu|^2`.
    pub distance: f64,
    /// `lambda sum_j |c_j| (1 - sign(c_j) eta_nu(wbar_j))`.
    pub slack: f64,
    /// `(lambda/2) sum_j (|a_j| - |w_j|)^2`.
    pub imbalance: f64,
    /// `lambda (|nu| - int eta_nu dnu)`: zero at the optimum.
    pub defect: f64,
}

impl Point<'_> {
    fn teacher_measure(&self) -> Measure {
        let teacher = self.teacher();
        Measure::new(teacher.amplitudes().to_vec(), teacher.directions(), teacher.dimension())
    }

    /// `P(nu) = |f_nu - y|^2 + lambda |nu|` with its rounding.
    fn regularised_value(&self, nu: &Measure) -> (f64, f64) {
        let mass = nu.total_mass() + self.teacher().total_mass();
        let value = nu.squared_distance(&self.teacher_measure()) + self.lambda() * nu.total_mass();
        (value, self.pair_rounding(nu) * mass * (mass + self.lambda()))
    }

    fn pair_rounding(&self, nu: &Measure) -> f64 {
        self.roundings() + nu.masses.len() as f64 * f64::EPSILON
    }

    /// **5.1** Weak duality: a certificate's `p` is feasible in the dual problem, where its value is `lambda |mu*| - lambda^2 |p|^2/4`, and no
    /// student's `L_lambda` is below it: `-zeta+ <= lambda^2 |p|^2/4`.
    pub fn weak_duality(&self, certificate: &dyn DualCertificate) -> Claim {
        let (zeta, pull) = (self.zeta_plus(), 0.5 * self.lambda() * certificate.norm());
        let right = pull * pull;
        let rounding = zeta.error + 8.0 * f64::EPSILON * right;
        Claim::new(
            ("5.1", "weak duality"),
            -zeta.value,
            Relation::AtMost,
            right,
            rounding,
            Evidence::Computed,
        )
    }

    /// **5.2** `lambda |mu*| - lambda^2 |p|^2/4 <= P(nu) <= lambda |mu*| + duality_gap` for `nu` whose value is at most `duality_gap` above the optimum's: the bounds on
    /// the optimum that put `zeta` into [`Point::gap`].
    ///
    /// # Panics
    /// If `nu` has another dimension.
    pub fn optimum_bounds(
        &self,
        certificate: &dyn DualCertificate,
        nu: &Measure,
        duality_gap: f64,
    ) -> [Claim; 2] {
        let (value, rounding) = self.regularised_value(nu);
        let (lambda, p) = (self.lambda(), certificate.norm());
        let top = lambda * self.teacher().total_mass();
        let bottom = top - 0.25 * lambda * lambda * p * p;
        let claim = |part, left: f64, right: f64| {
            let rounding = rounding + 8.0 * f64::EPSILON * (top + bottom.abs());
            Claim::new(("5.2", part), left, Relation::AtMost, right, rounding, Evidence::Computed)
        };
        [
            claim("optimum from below", bottom, value),
            claim("optimum from above", value, top + duality_gap),
        ]
    }

    /// **5.3** The gap identity against any measure `nu`,
    ///
    /// ```text
    /// L_lambda(theta) - P(nu) = |f_mu - f_nu|^2 + lambda sum_j |c_j| (1 - sign(c_j) eta_nu(wbar_j))
    ///                           + (lambda/2) sum_j (|a_j| - |w_j|)^2 - lambda (|nu| - int eta_nu dnu),
    /// ```
    ///
    /// `eta_nu(w) = -(2/lambda) E[(f_nu - y) sigma(wbar.x)]`. At the optimum the last term is zero and the left side is `zeta`.
    ///
    /// # Panics
    /// If `nu` has another dimension.
    pub fn gap_identity(&self, nu: &Measure) -> GapIdentity {
        let (lambda, dimension) = (self.lambda(), self.student().dimension());
        assert!(nu.masses.is_empty() || nu.dimension == dimension, "one dimension");
        let target = self.teacher_measure();
        let mu =
            Measure::new(self.split().masses().to_vec(), self.student().first_layer(), dimension);
        let pulled = |w: &[f64]| -2.0 * (nu.potential(w) - target.potential(w));
        let (value, value_rounding) = self.regularised_value(nu);
        let loss = self.loss();
        let left = loss.value + lambda * mu.total_mass() + 0.5 * lambda * self.imbalance() - value;
        let distance = mu.squared_distance(nu);
        let slack = lambda * mu.total_mass() - mu.integral(pulled);
        let imbalance = 0.5 * lambda * self.imbalance();
        let defect = lambda * nu.total_mass() - nu.integral(pulled);
        let masses = mu.total_mass() + nu.total_mass() + target.total_mass();
        let rounding = 4.0 * self.pair_rounding(nu) * masses * (masses + lambda)
            + value_rounding
            + loss.error
            + self.roundings() * imbalance;
        let right = distance + slack + imbalance - defect;
        let claim = Claim::new(
            ("5.3", "gap identity"),
            left,
            Relation::Equal,
            right,
            rounding,
            Evidence::Computed,
        );
        GapIdentity { claim, distance, slack, imbalance, defect }
    }
}
