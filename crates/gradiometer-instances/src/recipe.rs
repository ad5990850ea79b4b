//! Instances on which the lemmas are checked: a teacher, a student and `lambda`, drawn from one seed and reaching the corners.
//!
//! A [`Recipe`] is what an instance is made from, few and readable numbers. [`Recipe::draw`] draws one,
//! [`Recipe::teacher`], [`Recipe::start`] and [`Recipe::with_additions`] make the [`Instance`] in three steps. Two places need a
//! solver, which goes between the last two: see [`Place::Trained`] and [`Place::Pulled`].
//! [`Instance::moved`] is one step of a search.

use crate::generate::{
    Signs, TeacherRequest, gaussian_student, near_teacher_student, nearly_parallel,
};
use gradiometer_hermite::Angle;
use gradiometer_hermite::float::minimum;
use gradiometer_hermite::relu::sphere_kernel;
use gradiometer_model::geometry::normalised;
use gradiometer_model::{ModelError, Network, SeparatedTeacher, Teacher};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::f64::consts::{FRAC_PI_3, LN_10};

/// How a teacher's directions lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Directions {
    /// At random, at least this far apart (radians) where so many fit.
    Spread {
        /// The separation asked for.
        separation: f64,
    },
    /// Two of them at exactly this angle, radians.
    NearlyParallel {
        /// The angle of the pair.
        angle: f64,
    },
    /// Orthonormal; there are as many as dimensions of their span.
    Orthonormal,
}

/// Where a student stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// Anywhere: independent Gaussian weights.
    Far,
    /// Two neurons around each teacher neuron.
    Near {
        /// Their angle from it, radians.
        angle: f64,
        /// Relative excess of their mass.
        defect: f64,
    },
    /// Near, with neurons far away besides.
    Mixed,
    /// Far, then some hundred steps of gradient descent on `L_lambda`.
    Trained,
    /// `mu* - by lambda (the measure of the minimal-norm certificate)`, to first order; `by = 1/2` is the optimum where that certificate is valid.
    Pulled {
        /// The multiple of `lambda`.
        by: f64,
    },
    /// All neurons within this angle of one direction, masses of either sign.
    Collapsed {
        /// The angle, radians.
        angle: f64,
    },
}

/// What an instance is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Input dimension `d`, at least the rank.
    pub dimension: usize,
    /// Rank `r`.
    pub rank: usize,
    /// Teacher neurons `m*`, at least the rank; one if that is 1.
    pub neurons: usize,
    /// How the teacher's directions lie.
    pub directions: Directions,
    /// Whether amplitudes have both signs.
    pub mixed_signs: bool,
    /// The largest modulus of an amplitude.
    pub amplitude: f64,
    /// The largest over the least modulus that amplitudes are drawn from, at least 1.
    pub amplitude_ratio: f64,
    /// Where the student stands.
    pub place: Place,
    /// Neurons of a far or collapsed student.
    pub width: usize,
    /// Factor of a far student's masses.
    pub student_scale: f64,
    /// `lambda`.
    pub lambda: f64,
    /// Whether the student is balanced.
    pub balanced: bool,
    /// Zero neurons that are added to the student.
    pub zero_neurons: usize,
    /// The relative mass of each neuron of a cancelling pair that is added.
    pub cancelling: Option<f64>,
    /// The relative mass of one neuron that is added anywhere, beside a pulled student with the sign that a certificate likely has there.
    pub stray: Option<f64>,
    /// Seed of everything else.
    pub seed: u64,
}

/// A teacher, a student and `lambda`.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Seed that its further random numbers start from.
    pub seed: u64,
    /// The teacher.
    pub teacher: SeparatedTeacher,
    /// The student.
    pub student: Network,
    /// `lambda`.
    pub lambda: f64,
}

/// Decades of `lambda`, relative to the teacher's largest amplitude three times in four, by itself otherwise.
const LAMBDA_DECADES: (f64, f64) = (-7.0, 1.0);
/// The same for pulled students, which a larger `lambda` pulls through zero.
const PULLED_DECADES: (f64, f64) = (-6.0, -2.0);
/// Decades of amplitudes.
const AMPLITUDE_DECADES: (f64, f64) = (-6.0, 6.0);
/// One draw in so many has a high dimension, at most [`HIGHEST_DIMENSION`].
const HIGH_DIMENSIONS: u32 = 24;
const HIGHEST_DIMENSION: usize = 200;

impl Recipe {
    /// The recipe of a seed: half of the teachers are plain, of amplitudes around 1 and well separated, the others reach the corners.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_instances::Recipe;
    /// assert_eq!(Recipe::draw(3), Recipe::draw(3));
    /// assert!((0..100).any(|seed| Recipe::draw(seed).dimension > 50));
    /// ```
    pub fn draw(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rank = pick(&mut rng, &[1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 6]);
        let more = if rank > 1 { pick(&mut rng, &[0, 0, 0, 1, 1, 2]) } else { 0 };
        let neurons = rank + more;
        let dimension = if rng.random_range(0..HIGH_DIMENSIONS) == 0 {
            rng.random_range(rank..=HIGHEST_DIMENSION)
        } else {
            rank + pick(&mut rng, &[0, 0, 1, 2, 4])
        };
        let plain = rng.random::<bool>();
        let directions = match rng.random_range(0..6) {
            0 if rank > 1 && !plain => {
                Directions::NearlyParallel { angle: decades(&mut rng, (-4.0, -0.3)) }
            }
            1 if more == 0 => Directions::Orthonormal,
            _ if plain => Directions::Spread { separation: 0.6 },
            _ => Directions::Spread { separation: 0.2 },
        };
        let amplitude = if plain { 1.0 } else { decades(&mut rng, AMPLITUDE_DECADES) };
        let amplitude_ratio = if plain { 4.0 } else { decades(&mut rng, (0.0, 6.0)) };
        let kind = rng.random_range(0..12);
        let pulled = (8..11).contains(&kind);
        let relative = decades(&mut rng, if pulled { PULLED_DECADES } else { LAMBDA_DECADES });
        let lambda =
            if rng.random_range(0..4) == 0 && !pulled { relative } else { relative * amplitude };
        let place = draw_place(kind, &mut rng, minimum(relative, 0.5));
        let stray = match place {
            // Between the square of what was pulled and that itself the stray neuron is all that the lemmas' bounds have left.
            Place::Pulled { .. } => minimum(relative, 0.1) * decades(&mut rng, (-4.0, 0.0)),
            _ => decades(&mut rng, (-8.0, -1.0)),
        };
        Self {
            dimension,
            rank,
            neurons,
            directions,
            mixed_signs: rng.random_range(0..4) != 0,
            amplitude,
            amplitude_ratio,
            place,
            width: rng.random_range(1..=10),
            student_scale: decades(&mut rng, (-2.0, 1.0)),
            lambda,
            balanced: rng.random_range(0..3) != 0,
            zero_neurons: usize::from(rng.random_range(0..10) == 0),
            cancelling: (rng.random_range(0..6) == 0).then(|| decades(&mut rng, (-3.0, 3.0))),
            stray: (rng.random_range(0..4) == 0).then_some(stray),
            seed,
        }
    }

    /// Which recipes are alike: the kind of place, and whether a cancelling pair and a stray neuron are added. A search that starts from the worst of each kind
    /// is not drawn to one corner alone.
    pub const fn kind(&self) -> (u8, bool, bool) {
        let place = match self.place {
            Place::Far => 0,
            Place::Near { .. } => 1,
            Place::Mixed => 2,
            Place::Trained => 3,
            Place::Pulled { .. } => 4,
            Place::Collapsed { .. } => 5,
        };
        (place, self.cancelling.is_some(), self.stray.is_some())
    }

    /// The teacher.
    ///
    /// # Errors
    /// [`ModelError`] if no teacher meets the recipe.
    pub fn teacher(&self) -> Result<SeparatedTeacher, ModelError> {
        let (d, r, m, seed) = (self.dimension, self.rank, self.neurons, self.seed);
        let plain = TeacherRequest::new(d, r, m, seed);
        let signs = if self.mixed_signs { Signs::Mixed } else { Signs::Positive };
        let spread =
            |separation| TeacherRequest { separation, signs: signs.clone(), ..plain.clone() };
        let directions = match self.directions {
            Directions::NearlyParallel { angle } => nearly_parallel(angle, d, r, m, seed)?,
            Directions::Orthonormal if m == r => spread(ALMOST_RIGHT).generate()?,
            Directions::Orthonormal => spread(0.0).generate()?,
            Directions::Spread { separation } => match spread(separation).generate() {
                Ok(teacher) => teacher,
                // So many do not fit so far apart.
                Err(
                    ModelError::ImpossibleRequest { .. } | ModelError::GeneratorExhausted { .. },
                ) => spread(0.0).generate()?,
                Err(error) => return Err(error),
            },
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ AMPLITUDES);
        let least = (self.amplitude / self.amplitude_ratio).log10();
        let amplitudes: Vec<f64> = directions
            .amplitudes()
            .iter()
            .map(|sign| {
                let flip = matches!(self.directions, Directions::NearlyParallel { .. })
                    && self.mixed_signs
                    && rng.random::<bool>();
                let modulus = decades(&mut rng, (least, self.amplitude.log10()));
                modulus.copysign(if flip { -sign } else { *sign })
            })
            .collect();
        Teacher::new(Network::new(d, amplitudes, directions.directions().to_vec())?)?.separated()
    }

    /// The student before its additions, of any teacher; for [`Place::Trained`] and [`Place::Pulled`] a far one, from
    /// which the solver starts or which it replaces.
    ///
    /// # Errors
    /// [`ModelError`] for a place that does not exist, such as one near the teacher at an angle beyond `pi/3`.
    pub fn start(&self, teacher: &SeparatedTeacher) -> Result<Network, ModelError> {
        let (d, seed) = (teacher.dimension(), self.seed);
        let root = (self.student_scale * teacher.total_mass()).sqrt();
        let far = || gaussian_student(d, self.width.max(1), root, root, seed);
        match self.place {
            Place::Far | Place::Trained | Place::Pulled { .. } => far(),
            Place::Near { angle, defect } => near_teacher_student(teacher, 2, angle, defect, seed),
            Place::Mixed => joined(&near_teacher_student(teacher, 1, 0.1, 0.0, seed)?, &far()?),
            Place::Collapsed { angle } => self.collapsed(teacher, angle),
        }
    }

    /// The student with the recipe's additions (a cancelling pair, a stray neuron, zero neurons), balanced if it says so.
    ///
    /// # Errors
    /// [`ModelError`] if the student lives in another dimension or overflows.
    pub fn with_additions(
        &self,
        teacher: &SeparatedTeacher,
        mut student: Network,
    ) -> Result<Network, ModelError> {
        let d = teacher.dimension();
        let root = (self.student_scale * teacher.total_mass()).sqrt();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ ADDITIONS);
        if let Some(mass) = self.cancelling {
            let root = (mass * teacher.total_mass()).sqrt();
            let w = gaussian_unit(d, &mut rng);
            let side = if rng.random::<bool>() { root } else { -root };
            let w = [root, side].iter().flat_map(|c| w.iter().map(move |x| c * x)).collect();
            student = joined(&student, &Network::new(d, vec![root, -root], w)?)?;
        }
        if let Some(mass) = self.stray {
            let root = (mass * teacher.total_mass()).sqrt();
            let unit = gaussian_unit(d, &mut rng);
            let positive = match self.place {
                Place::Pulled { .. } => likely_sign(teacher, &unit) > 0.0,
                _ => rng.random(),
            };
            let a = if positive { root } else { -root };
            let w = unit.iter().map(|x| root * x).collect();
            student = joined(&student, &Network::new(d, vec![a], w)?)?;
        }
        if self.balanced {
            student.balance();
        }
        for _ in 0..self.zero_neurons {
            let a = if self.balanced { 0.0 } else { root };
            student = joined(&student, &Network::new(d, vec![a], vec![0.0; d])?)?;
        }
        Ok(student)
    }

    fn collapsed(&self, teacher: &Teacher, angle: f64) -> Result<Network, ModelError> {
        let d = teacher.dimension();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ COLLAPSE);
        let centre = if rng.random::<bool>() {
            teacher.direction(0).to_vec()
        } else {
            gaussian_unit(d, &mut rng)
        };
        let root = (self.student_scale * teacher.total_mass() / self.width.max(1) as f64).sqrt();
        let (mut a, mut w) = (Vec::new(), Vec::new());
        for _ in 0..self.width.max(1) {
            let to = gaussian_unit(d, &mut rng);
            a.push(root * rng.sample::<f64, _>(StandardNormal));
            w.extend(centre.iter().zip(&to).map(|(x, y)| root * (x + angle * y)));
        }
        Network::new(d, a, w)
    }
}

/// Separation asked of orthonormal directions; above 1.5 the generator makes them so.
const ALMOST_RIGHT: f64 = 1.57;
/// Streams of a recipe's seed.
const AMPLITUDES: u64 = 0x0061_6d70_6c00_0000;
const ADDITIONS: u64 = 0x0061_6464_0000_0000;
const COLLAPSE: u64 = 0x0063_6f6c_0000_0000;

fn pick<T: Copy>(rng: &mut ChaCha8Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

/// `10^x` with `x` uniform.
fn decades(rng: &mut ChaCha8Rng, (low, high): (f64, f64)) -> f64 {
    (LN_10 * (low + (high - low) * rng.random::<f64>())).exp()
}

fn draw_place(kind: u32, rng: &mut ChaCha8Rng, relative_lambda: f64) -> Place {
    match kind {
        0..3 => Place::Far,
        3..5 => Place::Near {
            angle: minimum(decades(rng, (-8.0, 0.2)), FRAC_PI_3),
            defect: pick(rng, &[0.0, relative_lambda, -relative_lambda, 0.1]),
        },
        5 => Place::Mixed,
        6..8 => Place::Trained,
        8..11 => Place::Pulled { by: pick(rng, &[0.5, 0.5, 1.0, 2.0]) },
        _ => Place::Collapsed { angle: decades(rng, (-12.0, -1.0)) },
    }
}

pub(crate) fn gaussian_unit(d: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let drawn: Vec<f64> = (0..d).map(|_| rng.sample(StandardNormal)).collect();
    normalised(&drawn)
}

/// The neurons of both.
pub(crate) fn joined(first: &Network, second: &Network) -> Result<Network, ModelError> {
    let a = [first.second_layer(), second.second_layer()].concat();
    Network::new(first.dimension(), a, [first.first_layer(), second.first_layer()].concat())
}

/// `sum_i sign(alpha_i) k(w.u_i)`, which has the sign of a certificate where the teachers are nearly orthogonal.
fn likely_sign(teacher: &Teacher, w: &[f64]) -> f64 {
    let signs = teacher.amplitudes().iter().enumerate();
    signs
        .map(|(i, a)| a.signum() * sphere_kernel(Angle::between(w, teacher.direction(i))).value)
        .sum()
}
