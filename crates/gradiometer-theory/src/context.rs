//! A student with what several statements need of it, computed once and only if asked for.

use crate::claim::Known;
use crate::dual::Dual;
use crate::error::{TheoryError, inapplicable};
use crate::quantities::{Quantities, enclosed};
use gradiometer_certify::{EnclosedStudent, Limits, Progress, Runner, optimal_gain};
use gradiometer_hermite::Enclosure;
use gradiometer_instances::FeatureSubspace;
use gradiometer_instances::Instance;
use gradiometer_landscape::descent::{CLOSE, DescentDirection, LargestStep, largest_step};
use gradiometer_landscape::optimum::{Optimum, OptimumOptions, regularised_optimum_until};
use gradiometer_landscape::point::Point;
use gradiometer_model::geometry::normalised;
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_population::Stop;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::cell::OnceCell;
use std::f64::consts::FRAC_PI_2;
use std::ops::ControlFlow;

/// Rank, separation and `lambda` over the teacher's mass, between which the optimum is a finite sum
/// of atoms that the solver finds.
const ATOMIC_RANK: usize = 2;
const ATOMIC_SEPARATION: f64 = 0.3;
const ATOMIC_LAMBDAS: std::ops::RangeInclusive<f64> = 1e-6..=1.0;

/// How the optimum is sought at a student that is analysed: the refinements, where it is no finite
/// sum of atoms, leave a gap of about `1e-8` of its value.
const ANALYSED: (usize, usize) = (4, 4);
/// From this rank on refinements take minutes, and none is made unless it was asked for.
const COARSE_RANK: usize = 4;

/// Interval operations of which a student's numbers may be made, about a second's, and what a kernel
/// costs beside the sum of a coordinate.
const MOST_ENCLOSED: f64 = 1e8;
const KERNEL: f64 = 32.0;

/// Boxes that the proof of a dual point may take, some seconds' work.
const PROVED_BOXES: u64 = 200_000;

/// Ends a check where a flag is raised, or somebody says no.
struct Until<'a> {
    stop: &'a Stop,
    proceed: &'a mut dyn FnMut() -> ControlFlow<()>,
}

impl Runner for Until<'_> {
    fn proceed(&mut self, _: Progress) -> ControlFlow<()> {
        if self.stop.is_raised() { ControlFlow::Break(()) } else { (self.proceed)() }
    }
}

/// Relative width of the bracket of the largest step of 7.10.
const STEP_WIDTH: f64 = 1e-3;

/// How what a statement leaves free is chosen: the angle of 7.3, the test function of 7.6, the
/// measure of 5.3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice {
    /// Where a student is analysed: the given angle in radians, a test function for every teacher
    /// neuron, the optimum's measure.
    Given {
        /// The angle of 7.3.
        angle: f64,
    },
    /// Where a statement is verified: at random.
    Drawn {
        /// The seed of the instance.
        seed: u64,
    },
}

/// A teacher, a student and `lambda`, where statements are evaluated.
#[derive(Debug)]
pub struct Context<'a> {
    teacher: &'a SeparatedTeacher,
    student: &'a Network,
    lambda: f64,
    choice: Choice,
    refinements: Option<usize>,
    stop: Stop,
    encloses: bool,
    enclosed: OnceCell<Option<EnclosedStudent>>,
    point: OnceCell<Result<Point<'a>, TheoryError>>,
    dual: OnceCell<Result<Option<Dual>, TheoryError>>,
    optimum: OnceCell<Result<Option<Optimum>, TheoryError>>,
    direction: OnceCell<DescentDirection>,
    step: OnceCell<Result<Option<LargestStep>, TheoryError>>,
}

impl<'a> Context<'a> {
    fn new(
        (teacher, student, lambda): (&'a SeparatedTeacher, &'a Network, f64),
        choice: Choice,
    ) -> Self {
        Self {
            teacher,
            student,
            lambda,
            choice,
            refinements: None,
            stop: Stop::new(),
            encloses: false,
            enclosed: OnceCell::new(),
            point: OnceCell::new(),
            dual: OnceCell::new(),
            optimum: OnceCell::new(),
            direction: OnceCell::new(),
            step: OnceCell::new(),
        }
    }

    /// Around an instance that is verified: with a certificate of its own, and random choices.
    pub fn drawn(instance: &'a Instance) -> Self {
        let at = (&instance.teacher, &instance.student, instance.lambda);
        Self::new(at, Choice::Drawn { seed: instance.seed })
    }

    /// Around a student that is analysed, with a certificate of its teacher; `angle` is that of
    /// 7.3, radians.
    pub fn given(
        teacher: &'a SeparatedTeacher,
        student: &'a Network,
        lambda: f64,
        dual: Dual,
        angle: f64,
    ) -> Self {
        let context = Self::new((teacher, student, lambda), Choice::Given { angle });
        let _unset = context.dual.set(Ok(Some(dual)));
        context
    }

    /// The same with so many refinements of the regularised optimum of a student that is analysed; by
    /// default four up to rank three, and none above.
    #[must_use]
    pub const fn refined(mut self, refinements: usize) -> Self {
        self.refinements = Some(refinements);
        self
    }

    /// The same with the student's numbers in outward-rounded arithmetic, so that what follows from a proved certificate is proved
    /// too. Students with too many pairs of neurons for some seconds' work are left in floating point.
    #[must_use]
    pub const fn enclosed(mut self) -> Self {
        self.encloses = true;
        self
    }

    /// The student's numbers enclosed, where that was asked for.
    pub(crate) fn student_enclosed(&self) -> Option<&EnclosedStudent> {
        let neurons = (self.student.neurons() + self.teacher.neurons()) as f64;
        let operations = 0.5 * neurons * neurons * (self.teacher.dimension() as f64 + KERNEL);
        let new = || EnclosedStudent::new(self.teacher, self.student).ok();
        (self.encloses && operations <= MOST_ENCLOSED)
            .then(|| self.enclosed.get_or_init(new).as_ref())
            .flatten()
    }

    /// The same with a flag that ends the search for the optimum; what needs it then fails.
    #[must_use]
    pub fn stopping_at(mut self, stop: &Stop) -> Self {
        self.stop = stop.clone();
        self
    }

    /// What the limits by default leave out of an analysis, if anything.
    ///
    /// # Errors
    /// As for [`Self::optimum`].
    pub fn left_out(&self) -> Result<Option<String>, TheoryError> {
        let Choice::Given { .. } = self.choice else { return Ok(None) };
        let rank = FeatureSubspace::of(self.teacher)?.rank();
        if self.refinements.is_some() || rank < COARSE_RANK || self.optimum()?.converged {
            return Ok(None);
        }
        let share = self.optimum()?.duality_gap / self.optimum()?.value();
        Ok(Some(format!(
            "from rank {COARSE_RANK} on the regularised optimum is left as a few atoms (here rank {rank}, duality \
             gap {share:.1e} of its value); refinements, which take minutes, narrow the interval of zeta"
        )))
    }

    /// The same with an optimum that is known already.
    #[must_use]
    pub fn with_optimum(mut self, optimum: Optimum) -> Self {
        if optimum.lambda.to_bits() == self.lambda.to_bits() {
            self.optimum = OnceCell::from(Ok(Some(optimum)));
        }
        self
    }

    /// The optimum, if a statement needed it.
    pub fn into_optimum(self) -> Option<Optimum> {
        self.optimum.into_inner()?.ok().flatten()
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

    /// How free choices are made.
    pub const fn choice(&self) -> Choice {
        self.choice
    }

    /// The student analysed.
    ///
    /// # Errors
    /// As for [`Point::new`].
    pub fn point(&self) -> Result<&Point<'a>, TheoryError> {
        let new = || Ok(Point::new(self.teacher, self.student, self.lambda)?);
        self.point.get_or_init(new).as_ref().map_err(Clone::clone)
    }

    /// The angle of 7.3, radians.
    pub fn angle(&self) -> f64 {
        match self.choice {
            Choice::Given { angle } => angle,
            Choice::Drawn { seed } => FRAC_PI_2 * stream(seed, 73).random::<f64>(),
        }
    }

    /// The numbers of the student.
    ///
    /// # Errors
    /// As for [`Self::point`].
    pub fn quantities(&self) -> Result<Quantities, TheoryError> {
        let at = Quantities::of(self.point()?, self.angle());
        Ok(self.student_enclosed().map_or(at, |student| at.enclosed_by(student)))
    }

    /// `sum_j |c_j| delta_j^2`.
    ///
    /// # Errors
    /// As for [`Self::point`].
    pub fn spread(&self) -> Result<Known, TheoryError> {
        let point = self.point()?;
        let spread = point.split().localisation();
        let computed = Known::computed(spread, 2.0 * point.roundings() * spread);
        let student = self.student_enclosed();
        Ok(student.map_or(computed, |student| enclosed(computed, student.localisation())))
    }

    /// The descent direction of 7.8.
    ///
    /// # Errors
    /// As for [`Self::point`].
    pub fn direction(&self) -> Result<&DescentDirection, TheoryError> {
        let point = self.point()?;
        Ok(self.direction.get_or_init(|| DescentDirection::new(point, CLOSE)))
    }

    /// The largest step of 7.10; `None` if no step is seen to lower `L_lambda` enough.
    ///
    /// # Errors
    /// As for [`largest_step`].
    pub fn largest_step(&self) -> Result<Option<LargestStep>, TheoryError> {
        let point = self.point()?;
        self.step.get_or_init(|| Ok(largest_step(point, STEP_WIDTH)?)).clone()
    }

    /// A certificate: the given one, else that of the least degree whose `rho` a search at random
    /// directions and at every neuron of the student finds positive.
    ///
    /// # Errors
    /// [`TheoryError::Inapplicable`] if none is found, [`TheoryError`] if the teacher's subspace is
    /// not.
    pub fn dual(&self) -> Result<&Dual, TheoryError> {
        let seed = match self.choice {
            Choice::Given { .. } => 0,
            Choice::Drawn { seed } => seed,
        };
        let points = self.student.first_layer();
        let found = self.dual.get_or_init(|| Dual::of_least_degree(self.teacher, points, seed));
        match found {
            Ok(Some(dual)) => Ok(dual),
            Ok(None) => inapplicable("no certificate found"),
            Err(error) => Err(error.clone()),
        }
    }

    /// The regularised optimum. Where it is verified, of a teacher of rank 1 or 2 with a moderate
    /// `lambda`, and with a duality gap that closed.
    ///
    /// # Errors
    /// [`TheoryError::Inapplicable`] for others, [`TheoryError`] if the teacher's subspace is not
    /// found.
    pub fn optimum(&self) -> Result<&Optimum, TheoryError> {
        match self.optimum.get_or_init(|| self.find_optimum()) {
            Ok(Some(optimum)) => Ok(optimum),
            Ok(None) => inapplicable("the optimum is not known to be a few atoms"),
            Err(error) => Err(error.clone()),
        }
    }

    /// The interval of `zeta` between proved ends (5.1), where the student's numbers are enclosed and the optimum is a few atoms with
    /// a dual point of their own, for as long as `proceed` says; `None` elsewhere.
    ///
    /// # Errors
    /// As for [`Self::optimum`].
    pub fn proved_gap(
        &self,
        proceed: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<Option<Enclosure>, TheoryError> {
        let (Some(student), optimum) = (self.student_enclosed(), self.optimum()?) else {
            return Ok(None);
        };
        if !optimum.converged {
            return Ok(None);
        }
        let measure = &optimum.measure;
        let atoms = (0..measure.masses().len()).filter(|&b| measure.masses()[b].abs() > 0.0);
        let (masses, rows): (Vec<f64>, Vec<Vec<f64>>) =
            atoms.map(|b| (measure.masses()[b], measure.direction(b).to_vec())).unzip();
        let Ok(network) = Network::from_rows(masses, &rows) else { return Ok(None) };
        let limits = Limits { boxes: PROVED_BOXES, ..Limits::default() };
        let runner = &mut Until { stop: &self.stop, proceed };
        let gain = optimal_gain(self.teacher, self.lambda, &network, &limits, runner)?;
        let zeta = Quantities::zeta_enclosed(student, self.lambda);
        // The gap is never negative either.
        Ok(gain.map(|gain| (zeta + gain).larger(Enclosure::ZERO)))
    }

    fn find_optimum(&self) -> Result<Option<Optimum>, TheoryError> {
        let (teacher, lambda) = (self.teacher, self.lambda);
        if let Choice::Given { .. } = self.choice {
            let (rounds, refinements) = ANALYSED;
            let is_coarse =
                || Ok::<_, TheoryError>(FeatureSubspace::of(teacher)?.rank() >= COARSE_RANK);
            let refinements = match self.refinements {
                Some(refinements) => refinements,
                None if is_coarse()? => 0,
                None => refinements,
            };
            let options = OptimumOptions { rounds, refinements, ..OptimumOptions::default() };
            return Ok(Some(regularised_optimum_until(teacher, lambda, &options, &self.stop)?));
        }
        let separated = teacher.separation().is_none_or(|s| s.angle >= ATOMIC_SEPARATION);
        let moderate = ATOMIC_LAMBDAS.contains(&(lambda / teacher.total_mass()));
        if !(separated && moderate) || FeatureSubspace::of(teacher)?.rank() > ATOMIC_RANK {
            return Ok(None);
        }
        let optimum =
            regularised_optimum_until(teacher, lambda, &OptimumOptions::default(), &self.stop)?;
        Ok(optimum.converged.then_some(optimum))
    }

    /// The seed of an instance that is verified.
    ///
    /// # Errors
    /// [`TheoryError::Inapplicable`] where a student is analysed.
    pub(crate) fn seed(&self) -> Result<u64, TheoryError> {
        match self.choice {
            Choice::Drawn { seed } => Ok(seed),
            Choice::Given { .. } => inapplicable("only verified on random instances"),
        }
    }

    /// Random numbers of one statement at an instance.
    ///
    /// # Errors
    /// As for [`Self::seed`].
    pub(crate) fn rng(&self, number: u64) -> Result<ChaCha8Rng, TheoryError> {
        self.seed().map(|seed| stream(seed, number))
    }
}

/// Random numbers of a seed, independent of those of its other streams.
fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

/// A uniform unit vector.
pub(crate) fn random_unit(rng: &mut ChaCha8Rng, dimension: usize) -> Vec<f64> {
    normalised(&(0..dimension).map(|_| rng.sample(StandardNormal)).collect::<Vec<f64>>())
}

/// `10^x` with `x` uniform.
pub(crate) fn decades(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    10.0_f64.powf(low + (high - low) * rng.random::<f64>())
}
