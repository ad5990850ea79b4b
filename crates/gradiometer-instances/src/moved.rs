//! One step of a search over instances.

use crate::recipe::{Instance, gaussian_unit, joined};
use gradiometer_model::geometry::norm;
use gradiometer_model::{ModelError, Network, Teacher};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Neurons that a search does not add to.
const MOST_NEURONS: usize = 16;

impl Instance {
    /// A neighbour: `lambda`, the teacher's amplitudes and directions, the student's weights changed by a relative `size`, some of them at a time; seldom the seed is
    /// another, or a neuron is removed, laid onto a teacher direction, added, or a cancelling pair is added. A balanced student stays balanced.
    ///
    /// # Errors
    /// [`ModelError`] if the move leads to no teacher or to weights that are not finite.
    ///
    ///
    /// # Examples
    /// ```
    /// use gradiometer_instances::{Instance, Recipe};
    /// let recipe = Recipe::draw(1);
    /// let teacher = recipe.teacher().unwrap();
    /// let student = recipe.start(&teacher).unwrap();
    /// let instance = Instance { seed: 1, teacher, student, lambda: recipe.lambda };
    /// assert_eq!(instance.moved(0.1, 7).unwrap(), instance.moved(0.1, 7).unwrap());
    /// ```
    pub fn moved(&self, size: f64, seed: u64) -> Result<Self, ModelError> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let balanced = is_balanced(&self.student);
        let factor = |rng: &mut ChaCha8Rng| (size * rng.sample::<f64, _>(StandardNormal)).exp();
        let d = self.student.dimension();
        let mut moved = self.clone();
        if rng.random_range(0..3) == 0 {
            moved.lambda *= factor(&mut rng).powi(3);
        }
        if rng.random_range(0..3) == 0 {
            let (mut a, mut w) = layers(self.teacher.network());
            turn(&mut a, &mut w, d, size, &mut rng);
            moved.teacher = Teacher::new(Network::new(d, a, w)?)?.separated()?;
        }
        if rng.random_range(0..8) == 0 {
            moved.seed = rng.random();
        }
        let (mut a, mut w) = layers(&self.student);
        match rng.random_range(0..24) {
            0 if a.len() > 1 => {
                let j = rng.random_range(0..a.len());
                a.remove(j);
                w.drain(j * d..(j + 1) * d);
            }
            1 => {
                let (j, i) =
                    (rng.random_range(0..a.len()), rng.random_range(0..self.teacher.neurons()));
                let length = norm(&w[j * d..(j + 1) * d]);
                for (x, u) in w[j * d..(j + 1) * d].iter_mut().zip(moved.teacher.direction(i)) {
                    *x = length * u;
                }
            }
            2 => {
                let common = factor(&mut rng);
                for a in &mut a {
                    *a *= common;
                }
            }
            _ => turn(&mut a, &mut w, d, size, &mut rng),
        }
        let mut student = Network::new(d, a, w)?;
        if student.neurons() < MOST_NEURONS && rng.random_range(0..24) == 0 {
            let mass = moved.teacher.total_mass() * factor(&mut rng).powi(4);
            let (root, unit) = (mass.sqrt(), gaussian_unit(d, &mut rng));
            let w: Vec<f64> = unit.iter().map(|x| root * x).collect();
            let added = match rng.random_range(0..3) {
                0 => Network::new(d, vec![root, -root], w.repeat(2))?,
                sign => Network::new(d, vec![if sign == 1 { root } else { -root }], w)?,
            };
            student = joined(&student, &added)?;
        }
        if balanced {
            student.balance();
        }
        moved.student = student;
        Ok(moved)
    }
}

fn layers(network: &Network) -> (Vec<f64>, Vec<f64>) {
    (network.second_layer().to_vec(), network.first_layer().to_vec())
}

fn is_balanced(student: &Network) -> bool {
    let rounding = 16.0 * (student.dimension() as f64 + 8.0) * f64::EPSILON;
    student
        .rows()
        .zip(student.second_layer())
        .all(|(w, a)| (a.abs() - norm(w)).abs() <= rounding * a.abs())
}

/// Scales, turns or both, one neuron or about half of them.
fn turn(a: &mut [f64], w: &mut [f64], d: usize, size: f64, rng: &mut ChaCha8Rng) {
    let (chosen, alone) = (rng.random_range(0..a.len()), rng.random::<bool>());
    let how = rng.random_range(0..4);
    let (scale, bend) = (if how == 0 { 0.0 } else { size }, if how < 2 { size } else { 0.0 });
    for (j, (a, w)) in a.iter_mut().zip(w.chunks_exact_mut(d)).enumerate() {
        if j != chosen && (alone || rng.random::<bool>()) {
            continue;
        }
        *a *= (scale * rng.sample::<f64, _>(StandardNormal)).exp();
        let (length, to) = (norm(w), gaussian_unit(d, rng));
        for (x, y) in w.iter_mut().zip(&to) {
            *x += bend * length * y;
        }
    }
}
