//! Signed measures on directions, and the functions that they stand for.

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
    /// A measure from its masses and as many vectors of `R^dimension`, which are normalised; atoms
    /// with a zero vector count for nothing.
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

    /// The dimension of its directions; 0 for a default, empty measure.
    pub const fn dimension(&self) -> usize {
        self.dimension
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
    pub fn potential(&self, w: &[f64]) -> f64 {
        let terms = self.masses.iter().enumerate().filter(|(_, c)| c.abs() > 0.0);
        terms.map(|(b, c)| c * sphere_kernel(Angle::between(w, self.direction(b))).value).sum()
    }

    /// `int g dmu`.
    pub fn integral(&self, g: impl Fn(&[f64]) -> f64) -> f64 {
        self.masses.iter().enumerate().map(|(b, c)| c * g(self.direction(b))).sum()
    }

    /// `|f_mu|^2`, rounded upward.
    pub fn squared_norm(&self) -> f64 {
        let rounding = 4.0 * (self.masses.len() as f64 + 16.0) * f64::EPSILON;
        self.integral(|w| self.potential(w)) + rounding * self.total_mass() * self.total_mass()
    }

    /// `|f_mu - f_other|^2`.
    pub fn squared_distance(&self, other: &Self) -> f64 {
        let difference = |w: &[f64]| self.potential(w) - other.potential(w);
        self.integral(difference) - other.integral(difference)
    }
}
