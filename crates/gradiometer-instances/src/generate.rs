//! Seeded random teachers and students: the instances on which claims are checked.
//!
//! Everything comes from a `ChaCha8` stream started at the given seed: one request, one answer, on every machine up
//! to its rounding.

use crate::complexity::{FeatureSubspace, eigenvalues_of_sum, weakest_eigenpair, weighted_sum};
use faer::linalg::solvers::Solve;
use gradiometer_hermite::float::{maximum, minimum, minimum_of};
use gradiometer_model::ModelError;
use gradiometer_model::Network;
use gradiometer_model::geometry::{dot, normalise_into, projective_angle};
use gradiometer_model::{SeparatedTeacher, Teacher};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::f64::consts::{FRAC_PI_2, PI};

/// Signs of a teacher's amplitudes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signs {
    /// All positive.
    Positive,
    /// Random, both present when there are two neurons or more.
    Mixed,
    /// As listed, `true` for positive, one for each neuron.
    Given(Vec<bool>),
}

/// What a random teacher must satisfy.
#[derive(Clone, Debug, PartialEq)]
pub struct TeacherRequest {
    /// Input dimension `d`.
    pub dimension: usize,
    /// Rank `r` of the span of the directions, exactly.
    pub rank: usize,
    /// Number of neurons `m*`.
    pub neurons: usize,
    /// Lower bound of the separation `Delta`, radians.
    pub separation: f64,
    /// Lower bound of the smallest modulus of the `r` eigenvalues of `H`.
    pub smallest_eigenvalue: f64,
    /// Signs of the amplitudes.
    pub signs: Signs,
    /// Least and greatest modulus of the amplitudes.
    pub amplitudes: (f64, f64),
    /// Seed of the random stream.
    pub seed: u64,
}

/// Restarts before a generator gives up, and steps of improvement in each.
const ATTEMPTS: usize = 64;
const STEPS: usize = 600;

impl TeacherRequest {
    /// Any positive teacher of unit amplitudes with these sizes; set the other fields to ask for more.
    pub const fn new(dimension: usize, rank: usize, neurons: usize, seed: u64) -> Self {
        Self {
            dimension,
            rank,
            neurons,
            separation: 0.0,
            smallest_eigenvalue: 0.0,
            signs: Signs::Positive,
            amplitudes: (1.0, 1.0),
            seed,
        }
    }

    /// A random teacher with `|w*_i| = 1` that meets the request.
    ///
    /// Draws uniform directions in a uniform subspace; where the bounds fail, moves the directions apart and along
    /// the weakest eigenvector until they hold, so demanding requests get less random teachers. The bounds are checked
    /// on the teacher that is returned (separation to `8 eps`).
    ///
    /// # Errors
    /// [`ModelError::ImpossibleRequest`] if no teacher can meet it (by counting, Welch's packing bound or the trace of
    /// `H`), [`ModelError::GeneratorExhausted`] if none was found.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_instances::generate::TeacherRequest;
    /// let request = TeacherRequest { separation: 0.7, ..TeacherRequest::new(10, 2, 4, 1) };
    /// let teacher = request.generate().unwrap();
    /// assert!(teacher.separation().unwrap().angle >= 0.7);
    /// ```
    pub fn generate(&self) -> Result<SeparatedTeacher, ModelError> {
        self.check()?;
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        for attempt in 0..ATTEMPTS {
            let mut draw =
                Draw { points: self.points(&mut rng), amplitudes: self.draw_amplitudes(&mut rng) };
            if !self.improve(&mut draw, attempt)? {
                continue;
            }
            let frame = random_frame(self.dimension, self.rank, &mut rng);
            let teacher = teacher_from(&frame, &draw.points, draw.amplitudes)?;
            if FeatureSubspace::of(&teacher)?.rank() == self.rank && self.accepts(&teacher)? {
                return teacher.separated();
            }
        }
        Err(ModelError::GeneratorExhausted {
            separation: self.separation,
            eigenvalue: self.smallest_eigenvalue,
            attempts: ATTEMPTS,
        })
    }

    fn accepts(&self, teacher: &Teacher) -> Result<bool, ModelError> {
        let angle = teacher.separation().map_or(FRAC_PI_2, |s| s.angle);
        let weakest = if self.smallest_eigenvalue > 0.0 {
            crate::Complexity::of(teacher)?.smallest_eigenvalue
        } else {
            0.0
        };
        Ok(angle >= self.separation - SLACK && weakest >= self.smallest_eigenvalue)
    }

    /// Everything that can be refused without trying.
    fn check(&self) -> Result<(), ModelError> {
        let (m, r) = (self.neurons, self.rank);
        let (least, greatest) = self.amplitudes;
        let impossible = |reason| Err(ModelError::ImpossibleRequest { reason });
        if r == 0 || m == 0 {
            return impossible("rank and number of neurons are at least 1");
        }
        if r > self.dimension {
            return impossible("the rank exceeds the dimension");
        }
        if m < r {
            return impossible("fewer neurons than the rank of their span");
        }
        if r == 1 && m > 1 {
            return impossible(
                "in rank 1 all neurons are parallel; ask for one neuron or a larger rank",
            );
        }
        if !(least > 0.0 && least <= greatest && greatest.is_finite()) {
            return impossible("amplitudes need 0 < least <= greatest < infinity");
        }
        if !(self.separation >= 0.0 && self.separation <= FRAC_PI_2) {
            return impossible("a separation lies between 0 and pi/2");
        }
        if m > 1 && self.separation > packing_bound(m, r) + SLACK {
            return impossible(
                "the separation exceeds the packing bound for so many neurons in this rank",
            );
        }
        if !(self.smallest_eigenvalue >= 0.0) {
            return impossible("the smallest eigenvalue is a modulus and at least 0");
        }
        // r |lambda|_min <= sum |lambda_i| <= |mu*|.
        if !(self.smallest_eigenvalue * r as f64 <= greatest * m as f64 * (1.0 + SLACK)) {
            return impossible(
                "r times the smallest eigenvalue exceeds the greatest possible total mass",
            );
        }
        match &self.signs {
            Signs::Given(signs) if signs.len() != m => {
                impossible("as many signs as neurons are needed")
            }
            _ => Ok(()),
        }
    }

    fn draw_amplitudes(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let (least, greatest) = self.amplitudes;
        let m = self.neurons;
        let mut signs = match &self.signs {
            Signs::Positive => vec![true; m],
            Signs::Given(signs) => signs.clone(),
            Signs::Mixed => (0..m).map(|_| rng.random::<bool>()).collect(),
        };
        if self.signs == Signs::Mixed && m >= 2 && signs.iter().all(|s| *s == signs[0]) {
            let odd = rng.random_range(0..m);
            signs[odd] = !signs[odd];
        }
        let modulus = |u: f64| minimum(least + (greatest - least) * u, greatest);
        signs
            .iter()
            .map(|positive| modulus(rng.random::<f64>()) * if *positive { 1.0 } else { -1.0 })
            .collect()
    }

    /// Directions in the coordinates of the span, `m*` unit vectors of length `r`.
    fn points(&self, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
        let (m, r) = (self.neurons, self.rank);
        if r == 2 {
            // In the plane: gaps that sum to pi, each at least the separation.
            let spare = maximum(PI - m as f64 * self.separation, 0.0);
            let weights: Vec<f64> = (0..m).map(|_| -(-rng.random::<f64>()).ln_1p()).collect();
            let total: f64 = weights.iter().sum();
            let mut angle = rng.random::<f64>() * PI;
            return weights
                .iter()
                .map(|w| {
                    angle += self.separation + spare * w / total;
                    let flip = if rng.random::<bool>() { 1.0 } else { -1.0 };
                    vec![flip * angle.cos(), flip * angle.sin()]
                })
                .collect();
        }
        let mut points: Vec<Vec<f64>> = (0..m).map(|_| random_unit(r, rng)).collect();
        if m == r && self.separation > NEARLY_ORTHOGONAL {
            points = orthonormalised(points);
        }
        points
    }

    /// Moves the draw until it meets the request; `false` if it does not get there.
    fn improve(&self, draw: &mut Draw, attempt: usize) -> Result<bool, ModelError> {
        // A margin, so that the embedding's rounding does not undo the bound, where there is room for one.
        let room =
            if self.neurons > 1 { packing_bound(self.neurons, self.rank) } else { FRAC_PI_2 };
        let target = minimum(self.separation * 1.001, 0.5 * (self.separation + room));
        let eigenvalue = self.smallest_eigenvalue * (1.0 + 64.0 * f64::EPSILON);
        let mut step = 0.5;
        for _ in 0..STEPS {
            let separated = draw.separation()
                >= self.separation + if target > self.separation { SLACK } else { -SLACK };
            let strong = eigenvalue <= 0.0 || draw.weakest()? >= eigenvalue;
            if separated && strong {
                return Ok(true);
            }
            if !strong {
                // The first attempts only move directions: amplitudes keep their distribution if they can.
                let amplitudes = (attempt >= ATTEMPTS / 8).then_some(self.amplitudes);
                draw.strengthen(step, amplitudes)?;
                step = maximum(0.98 * step, 0.02);
            }
            if !separated {
                draw.spread(target);
            }
        }
        Ok(false)
    }
}

/// Rounding of a measured angle.
const SLACK: f64 = 8.0 * f64::EPSILON;

/// Above this separation `m = r` directions are drawn orthonormal at once.
const NEARLY_ORTHOGONAL: f64 = 1.5;

/// An upper bound of the projective separation of `m >= 2` lines in dimension `r`: `pi/m` in the plane, else Welch's
/// `cos^2 >= (m - r)/(r (m - 1))`, and the orthoplex bound `cos^2 >= 1/r` for `m > r (r + 1)/2`. \[ConwayHardinSloane1996\]
fn packing_bound(m: usize, r: usize) -> f64 {
    if m <= r {
        return FRAC_PI_2;
    }
    if r == 2 {
        return PI / m as f64;
    }
    let (n, dimension) = (m as f64, r as f64);
    let welch = (n - dimension) / (dimension * (n - 1.0));
    let orthoplex = if m > r * (r + 1) / 2 { 1.0 / dimension } else { 0.0 };
    maximum(welch, orthoplex).sqrt().acos()
}

/// Directions in the coordinates of their span, with their amplitudes.
struct Draw {
    points: Vec<Vec<f64>>,
    amplitudes: Vec<f64>,
}

impl Draw {
    fn separation(&self) -> f64 {
        minimum_of(
            (1..self.points.len()).flat_map(|i| {
                (0..i).map(move |j| projective_angle(&self.points[i], &self.points[j]))
            }),
        )
    }

    fn weakest(&self) -> Result<f64, ModelError> {
        let eigenvalues = eigenvalues_of_sum(&self.amplitudes, &self.points)?;
        Ok(minimum_of(eigenvalues.iter().map(|e| e.abs())))
    }

    /// Pushes every pair closer than `target` apart, half of the excess overlap each.
    fn spread(&mut self, target: f64) {
        let limit = target.cos();
        for i in 1..self.points.len() {
            for j in 0..i {
                let (head, tail) = self.points.split_at_mut(i);
                let (u, v) = (&mut tail[0], &mut head[j]);
                let t = dot(u, v);
                if t.abs() <= limit {
                    continue;
                }
                // Each moves by s against the other; the overlap falls by about 2 s (1 - t^2).
                let room = maximum(1.0 - t * t, 1e-2);
                let s = (t - limit.copysign(t)) / (2.0 * room);
                for (x, y) in u.iter_mut().zip(v.iter_mut()) {
                    (*x, *y) = (*x - s * *y, *y - s * *x);
                }
                renormalise(u);
                renormalise(v);
            }
        }
    }

    /// Raises the modulus of the weakest eigenvalue `lambda` with eigenvector `e`: neurons whose amplitude has
    /// lambda's sign turn towards `e`, the others away from it, and likewise for the amplitudes if their range is given.
    fn strengthen(&mut self, step: f64, range: Option<(f64, f64)>) -> Result<(), ModelError> {
        let (value, e) = weakest_eigenpair(&self.amplitudes, &self.points)?;
        for (a, u) in self.amplitudes.iter_mut().zip(&mut self.points) {
            let overlap = dot(u, &e);
            let towards = if (*a > 0.0) == (value > 0.0) { step } else { -step };
            if let Some((least, greatest)) = range {
                let grown = a.abs() * (1.0 + towards * overlap * overlap);
                *a = minimum(maximum(grown, least), greatest).copysign(*a);
            }
            for (x, y) in u.iter_mut().zip(&e) {
                *x += 0.5 * towards * overlap * y;
            }
            renormalise(u);
        }
        Ok(())
    }
}

fn renormalise(u: &mut [f64]) {
    let length = gradiometer_model::geometry::norm(u);
    for x in u {
        *x /= length;
    }
}

/// A uniform unit vector.
fn random_unit(dimension: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let gaussian: Vec<f64> = (0..dimension).map(|_| rng.sample(StandardNormal)).collect();
    let mut unit = vec![0.0; dimension];
    let _length = normalise_into(&gaussian, &mut unit);
    unit
}

/// Gram and Schmidt, twice for each vector.
fn orthonormalised(mut vectors: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for i in 0..vectors.len() {
        let (done, rest) = vectors.split_at_mut(i);
        let v = &mut rest[0];
        for _ in 0..2 {
            for u in done.iter() {
                let overlap = dot(u, v);
                for (x, y) in v.iter_mut().zip(u) {
                    *x -= overlap * y;
                }
            }
            renormalise(v);
        }
    }
    vectors
}

/// `r` orthonormal vectors of length `d`, spanning a uniform subspace.
fn random_frame(d: usize, r: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    orthonormalised((0..r).map(|_| random_unit(d, rng)).collect())
}

/// The teacher with directions `sum_c points[i][c] frame[c]` and unit first-layer norms.
fn teacher_from(
    frame: &[Vec<f64>],
    points: &[Vec<f64>],
    amplitudes: Vec<f64>,
) -> Result<Teacher, ModelError> {
    let d = frame[0].len();
    let mut first_layer = vec![0.0; points.len() * d];
    for (w, z) in first_layer.chunks_exact_mut(d).zip(points) {
        for (c, e) in z.iter().zip(frame) {
            for (x, y) in w.iter_mut().zip(e) {
                *x += c * y;
            }
        }
        renormalise(w);
    }
    Teacher::new(Network::new(d, amplitudes, first_layer)?)
}

/// A teacher that violates Assumption 3 alone: separated, but `H` is singular on the span, exactly up to rounding.
///
/// Random directions and amplitudes of modulus in `[1/2, 2]`, the last amplitude solving
/// `det(sum_i alpha_i u_i u_i^T) = 0`, which is affine in it.
///
/// # Errors
/// [`ModelError::ImpossibleRequest`] unless `2 <= rank <= dimension` and `neurons > rank` (with as many neurons as
/// dimensions of the span `H` is never singular); [`ModelError::GeneratorExhausted`] if no draw was well scaled.
///
/// # Examples
/// ```
/// use gradiometer_instances::{Complexity, generate::degenerate_h};
/// let teacher = degenerate_h(8, 3, 5, 1).unwrap();
/// let complexity = Complexity::of(&teacher).unwrap();
/// assert_eq!((complexity.rank, complexity.hessian_rank), (3, 2));
/// ```
pub fn degenerate_h(
    dimension: usize,
    rank: usize,
    neurons: usize,
    seed: u64,
) -> Result<SeparatedTeacher, ModelError> {
    if rank < 2 || neurons <= rank {
        return Err(ModelError::ImpossibleRequest {
            reason: "a degenerate H needs rank at least 2 and more neurons than the rank",
        });
    }
    let request = TeacherRequest {
        signs: Signs::Mixed,
        amplitudes: (0.5, 2.0),
        ..TeacherRequest::new(dimension, rank, neurons, seed)
    };
    request.check()?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..64 * ATTEMPTS {
        let points = request.points(&mut rng);
        let mut amplitudes = request.draw_amplitudes(&mut rng);
        // det(G + alpha z z^T) = det G (1 + alpha z^T G^-1 z), G from all but the last.
        let last = neurons - 1;
        let others = weighted_sum(&amplitudes[..last], &points[..last]);
        let z = faer::Col::from_fn(rank, |c| points[last][c]);
        let solved = others.partial_piv_lu().solve(&z);
        let quadratic: f64 = (0..rank).map(|c| z[c] * solved[c]).sum();
        amplitudes[last] = -1.0 / quadratic;
        let eigenvalues = eigenvalues_of_sum(&amplitudes, &points)?;
        // One zero only, and clear of rounding.
        let second = eigenvalues[rank - 2].abs();
        let well_scaled = (0.5..=2.0).contains(&amplitudes[last].abs())
            && second > 1e-3
            && eigenvalues[rank - 1].abs() <= 8.0 * f64::EPSILON * neurons as f64;
        let draw = Draw { points, amplitudes };
        if well_scaled && draw.separation() > 1e-3 {
            let frame = random_frame(dimension, rank, &mut rng);
            return teacher_from(&frame, &draw.points, draw.amplitudes)?.separated();
        }
    }
    Err(ModelError::GeneratorExhausted {
        separation: 1e-3,
        eigenvalue: 0.0,
        attempts: 64 * ATTEMPTS,
    })
}

/// A teacher whose first and last neurons are at exactly `angle`, to a relative `1e-12` even for `angle = 1e-11`; the
/// other neurons are random, and farther apart if `angle` is small.
///
/// The pair is `u` and `u cos(angle) + v sin(angle)` with `u` and `v` on disjoint coordinates: then the rounding of
/// `cos(angle) u` cannot disturb the small component. Amplitudes are 1.
///
/// # Errors
/// [`ModelError::ImpossibleRequest`] unless `2 <= rank <= dimension`, `neurons >= rank` and
/// `4 eps < angle <= pi/2`.
///
/// # Examples
/// ```
/// use gradiometer_instances::generate::nearly_parallel;
/// let teacher = nearly_parallel(1e-11, 20, 3, 4, 1).unwrap();
/// let angle = teacher.separation().unwrap().angle;
/// assert!((angle / 1e-11 - 1.0).abs() <= 64.0 * f64::EPSILON);
/// ```
pub fn nearly_parallel(
    angle: f64,
    dimension: usize,
    rank: usize,
    neurons: usize,
    seed: u64,
) -> Result<SeparatedTeacher, ModelError> {
    if rank < 2 {
        return Err(ModelError::ImpossibleRequest {
            reason: "two neurons that are not parallel span rank at least 2",
        });
    }
    if !(angle > 4.0 * f64::EPSILON && angle <= FRAC_PI_2) {
        return Err(ModelError::ImpossibleRequest {
            reason: "the angle of the pair lies between 4 eps and pi/2",
        });
    }
    TeacherRequest::new(dimension, rank, neurons, seed).check()?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let half = dimension.div_ceil(2);
    let mut frame: Vec<Vec<f64>> = (0..rank).map(|_| random_unit(dimension, &mut rng)).collect();
    frame[0][half..].fill(0.0);
    frame[1][..half].fill(0.0);
    renormalise(&mut frame[0]);
    renormalise(&mut frame[1]);
    let frame = orthonormalised(frame);
    let axis = |c: usize| (0..rank).map(|i| f64::from(u8::from(i == c))).collect::<Vec<f64>>();
    let mut points = vec![axis(0)];
    // The pair spans the first two axes; the others must reach the rest.
    points.extend((2..neurons).map(|_| random_unit(rank, &mut rng)));
    let mut partner = vec![0.0; rank];
    (partner[0], partner[1]) = (angle.cos(), angle.sin());
    points.push(partner);
    teacher_from(&frame, &points, vec![1.0; neurons])?.separated()
}

/// Algorithm 1's symmetric start: `w_j` uniform on the unit sphere and `a_j = scale` for `j < m/2`,
/// `w_{j+m/2} = w_j` and `a_{j+m/2} = -scale`, so that `f = 0` exactly (section 4 of \[ZG24\]).
///
/// # Errors
/// [`ModelError::ImpossibleRequest`] if `neurons` is odd; [`ModelError`] for an empty shape or a scale not finite.
///
/// # Examples
/// ```
/// use gradiometer_instances::generate::symmetric_start;
/// let student = symmetric_start(5, 4, 0.5, 1).unwrap();
/// assert_eq!(student.second_layer(), [0.5, 0.5, -0.5, -0.5]);
/// assert_eq!(student.neuron(0), student.neuron(2));
/// ```
pub fn symmetric_start(
    dimension: usize,
    neurons: usize,
    scale: f64,
    seed: u64,
) -> Result<Network, ModelError> {
    if !neurons.is_multiple_of(2) {
        return Err(ModelError::ImpossibleRequest {
            reason: "a symmetric start pairs its neurons; their number must be even",
        });
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let half: Vec<f64> = (0..neurons / 2).flat_map(|_| random_unit(dimension, &mut rng)).collect();
    let second_layer = (0..neurons).map(|j| if j < neurons / 2 { scale } else { -scale });
    Network::new(dimension, second_layer.collect(), half.repeat(2))
}

/// Independent biases `b_j ~ N(0, scale^2)`.
///
/// # Errors
/// [`ModelError::ImpossibleRequest`] for a scale that is no standard deviation.
pub fn gaussian_biases(neurons: usize, scale: f64, seed: u64) -> Result<Vec<f64>, ModelError> {
    if !(scale >= 0.0 && scale.is_finite()) {
        let reason = "the scale of biases is a standard deviation; give a number from 0 on";
        return Err(ModelError::ImpossibleRequest { reason });
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // A stream of its own: the teacher's other numbers do not depend on it.
    rng.set_stream(BIASES);
    Ok((0..neurons).map(|_| scale * rng.sample::<f64, _>(StandardNormal)).collect())
}

/// The stream of biases.
const BIASES: u64 = 1;

/// A student with independent `w_j ~ N(0, first_scale^2 I / d)` and `a_j ~ N(0, second_scale^2 / m)`.
///
/// # Errors
/// [`ModelError`] for an empty shape or scales that are not finite.
pub fn gaussian_student(
    dimension: usize,
    neurons: usize,
    first_scale: f64,
    second_scale: f64,
    seed: u64,
) -> Result<Network, ModelError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = |count: usize, deviation: f64| -> Vec<f64> {
        (0..count).map(|_| deviation * rng.sample::<f64, _>(StandardNormal)).collect()
    };
    let second_layer = draw(neurons, second_scale / (neurons as f64).sqrt());
    let first_layer = draw(neurons * dimension, first_scale / (dimension as f64).sqrt());
    Network::new(dimension, second_layer, first_layer)
}

/// A student near its teacher, as Stage 3 has it: `per_neuron` neurons around each teacher neuron.
///
/// Their projective angles from it are uniform in `[angle/2, 3 angle/2]` in random directions of the whole space, with
/// either sign of `w` (a feature up to degrees 0 and 1 is even in `w`); they are balanced, `|a_j| = |w_j|`, have
/// the teacher neuron's sign, and their masses, in random shares, sum to `alpha_i (1 + defect)`.
///
/// # Errors
/// [`ModelError::ImpossibleRequest`] if `per_neuron` is 0, the angle is not in `[0, pi/3]`, or the defect is not
/// finite and above -1.
///
/// # Examples
/// ```
/// use gradiometer_instances::generate::{TeacherRequest, near_teacher_student};
/// let teacher = TeacherRequest::new(6, 2, 2, 1).generate().unwrap();
/// let student = near_teacher_student(&teacher, 3, 0.1, 0.0, 2).unwrap();
/// assert_eq!(student.neurons(), 6);
/// assert!((student.total_mass() - 2.0).abs() <= 64.0 * f64::EPSILON);
/// ```
pub fn near_teacher_student(
    teacher: &Teacher,
    per_neuron: usize,
    angle: f64,
    defect: f64,
    seed: u64,
) -> Result<Network, ModelError> {
    if per_neuron == 0
        || !(0.0..=PI / 3.0).contains(&angle)
        || !(defect > -1.0 && defect.is_finite())
    {
        return Err(ModelError::ImpossibleRequest {
            reason: "a student near its teacher needs per_neuron >= 1, an angle in [0, pi/3] and a defect > -1",
        });
    }
    let d = teacher.dimension();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut second_layer, mut first_layer) = (Vec::new(), Vec::new());
    for (i, alpha) in teacher.amplitudes().iter().enumerate() {
        let u = teacher.direction(i);
        let shares: Vec<f64> = (0..per_neuron).map(|_| 0.5 + rng.random::<f64>()).collect();
        let total: f64 = shares.iter().sum();
        for share in shares {
            let size = (alpha.abs() * (1.0 + defect) * share / total).sqrt();
            let away = if d == 1 { 0.0 } else { angle * (0.5 + rng.random::<f64>()) };
            let tangent = random_tangent(u, &mut rng);
            let flip = if rng.random::<bool>() { size } else { -size };
            let (sin, cos) = away.sin_cos();
            second_layer.push(size.copysign(*alpha));
            first_layer.extend(u.iter().zip(&tangent).map(|(x, y)| flip * (cos * x + sin * y)));
        }
    }
    Network::new(d, second_layer, first_layer)
}

/// A uniform unit vector orthogonal to `u`; the zero vector in dimension 1.
fn random_tangent(u: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
    let drawn = random_unit(u.len(), rng);
    if u.len() == 1 {
        return vec![0.0];
    }
    orthonormalised(vec![u.to_vec(), drawn]).swap_remove(1)
}

#[cfg(test)]
mod tests;
