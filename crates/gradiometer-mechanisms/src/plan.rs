//! How many samples each mechanism needs for a target, from the constants of 11.1 to 11.3.

use crate::activation::RELU;
use crate::ba2022::parity_floor;
use crate::damian2022::{LimitLaw, relu_second_degree};
use crate::dandi2023::{Staircase, StepSize};
use crate::error::MechanismError;
use crate::exponents::Expression;
use crate::floor::HarmonicProfile;
use crate::linear_algebra::{dot, row};
use crate::ridge::{relu_covariance, relu_means};
use crate::sample;
use crate::step::{LabelDegrees, StepCalculator, relu_step};
use crate::target::{PolynomialTarget, Term};
use faer::{Mat, MatRef};
use gradiometer_instances::FeatureSubspace;
use gradiometer_model::Teacher;

/// What is to be learnt: a function of few directions, the first coordinates of the input.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanTarget {
    /// A polynomial.
    Polynomial(PolynomialTarget),
    /// `sum_i amplitudes[i] relu(u_i.x)` with unit `directions` (`k x r`).
    Relu {
        /// Unit rows.
        directions: Mat<f64>,
        /// One for each row.
        amplitudes: Vec<f64>,
    },
}

/// Sizes and the goal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanRequest {
    /// `d`.
    pub dimension: usize,
    /// `m`.
    pub width: usize,
    /// The share of `Var y` that may be left.
    pub goal: f64,
    /// Of the draws of neurons that the limit laws average over.
    pub seed: u64,
}

/// What a number rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rests {
    /// An inequality or identity: no fewer samples will do.
    Proved,
    /// A limit whose finite-size error, relative, is about this.
    Asymptotic {
        /// Relative error at this size.
        error: f64,
    },
}

/// The samples one mechanism needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// What is done.
    pub mechanism: &'static str,
    /// The statement that the number comes from.
    pub statement: &'static str,
    /// Samples; `None` if no number of them suffices.
    pub samples: Option<f64>,
    /// What the number rests on.
    pub rests: Rests,
    /// What the number is, or why there is none.
    pub note: String,
}

/// Largest `c = n/d^2` that is tried.
const MOST_SAMPLES_OVER_D2: f64 = 65536.0;

/// Halvings of the bracket of `log c`: to 2 %.
const BISECTIONS: usize = 12;

/// Penalties among which the limit law chooses.
const PENALTIES: [f64; 3] = [1e-4, 1e-3, 1e-2];

/// Random neurons whose population step is averaged for half points.
const NEURONS: usize = 4000;

/// Giant steps that a staircase may take.
const MOST_STAIRS: usize = 12;

/// Largest `n/d` of one giant step that is tried.
const MOST_SAMPLES_OVER_D: f64 = 4096.0;

/// Biases of the staircases.
const BIASES: [f64; 2] = [0.0, -0.7];

/// Size of every giant step after the first.
const STAIR: f64 = 4.0;

impl PlanTarget {
    /// A ReLU teacher, in an orthonormal basis of its span.
    ///
    /// # Errors
    /// [`MechanismError::Model`] if the span could not be found.
    pub fn of_teacher(teacher: &Teacher) -> Result<Self, MechanismError> {
        let span = FeatureSubspace::of(teacher)?;
        let rows: Vec<Vec<f64>> =
            (0..teacher.neurons()).map(|i| span.coordinates(teacher.direction(i))).collect();
        // Coordinates of a unit vector, up to rounding.
        let lengths: Vec<f64> = rows.iter().map(|row| dot(row, row).sqrt()).collect();
        let directions = Mat::from_fn(rows.len(), span.rank(), |i, k| rows[i][k] / lengths[i]);
        Ok(Self::Relu { directions, amplitudes: teacher.amplitudes().to_vec() })
    }

    /// A polynomial of the coordinates.
    ///
    /// # Errors
    /// [`MechanismError::Unsupported`] for what is no polynomial with rational coefficients, and as
    /// for [`PolynomialTarget::of_polynomial`].
    ///
    /// # Examples
    /// ```
    /// use gradiometer_mechanisms::exponents::Expression;
    /// use gradiometer_mechanisms::plan::PlanTarget;
    /// let stairs = Expression::parse("z1 + z1 z2 + z1 z2 z3").unwrap();
    /// assert!(PlanTarget::of_expression(&stairs).is_ok());
    /// assert!(PlanTarget::of_expression(&Expression::parse("tanh z").unwrap()).is_err());
    /// ```
    pub fn of_expression(y: &Expression) -> Result<Self, MechanismError> {
        let reason = "a target that is no polynomial of its coordinates";
        let polynomial =
            y.polynomial(y.variables()).ok_or(MechanismError::Unsupported { reason })?;
        Ok(Self::Polynomial(PolynomialTarget::of_polynomial(&polynomial)?))
    }

    fn rank(&self) -> usize {
        match self {
            Self::Polynomial(target) => target.rank(),
            Self::Relu { directions, .. } => directions.ncols(),
        }
    }

    /// `Var y` and `C_1`.
    fn affine(&self) -> Result<(f64, Vec<f64>), MechanismError> {
        match self {
            Self::Polynomial(target) => {
                Ok((target.label_energy() - target.constant().powi(2), target.linear()))
            }
            Self::Relu { directions, amplitudes } => {
                let covariance = relu_covariance(directions.as_ref())?;
                let variance =
                    crate::linear_algebra::form(amplitudes, covariance.as_ref(), amplitudes);
                let linear = crate::linear_algebra::apply(directions.transpose(), amplitudes);
                Ok((variance, linear.into_iter().map(|x| 0.5 * x).collect()))
            }
        }
    }

    /// `E[r^2 (1 + |x|^2)]`, `r` the part of degrees two and above, of energy `floor`.
    fn noise_of_least_squares(&self, dimension: usize, floor: f64) -> Result<f64, MechanismError> {
        match self {
            Self::Polynomial(target) => {
                Ok(floor + Self::nonlinear(target)?.input_moment(dimension))
            }
            // |x|/2 less its mean: up to what the few directions of the span add.
            Self::Relu { .. } => Ok((dimension + 1) as f64 * floor),
        }
    }

    /// The part of degrees two and above, of a polynomial.
    fn nonlinear(target: &PolynomialTarget) -> Result<PolynomialTarget, MechanismError> {
        let mut terms: Vec<Term> =
            target.terms().iter().filter(|term| term.degree() >= 2).cloned().collect();
        // A target without such terms keeps its span.
        terms.push(Term { degrees: vec![0; target.rank()], coefficient: 0.0 });
        PolynomialTarget::new(terms)
    }

    /// Energies of degrees two and above in each harmonic degree.
    fn profile(&self, dimension: usize) -> Result<HarmonicProfile, MechanismError> {
        /// Harmonic degrees of a ReLU teacher that are counted.
        const HIGHEST: usize = 40;
        match self {
            Self::Polynomial(target) => {
                HarmonicProfile::polynomial(&Self::nonlinear(target)?, dimension)
            }
            Self::Relu { directions, amplitudes } => {
                HarmonicProfile::relu(dimension, directions.as_ref(), amplitudes, HIGHEST)
            }
        }
    }

    /// `E_in` of the population step of degrees two and above, mean over random neurons.
    fn energy_inside(&self, request: &PlanRequest) -> Result<f64, MechanismError> {
        let (d, rank) = (request.dimension, self.rank());
        let neurons = sample::unit_rows(&mut sample::stream(request.seed), NEURONS, d);
        let square = |step: &[f64]| dot(&step[..rank], &step[..rank]);
        let sum = match self {
            Self::Polynomial(target) => {
                let calculator = StepCalculator::new(&Self::nonlinear(target)?, RELU);
                let steps = calculator.steps(neurons.as_ref())?;
                (0..NEURONS).map(|j| square(&row(steps.as_ref(), j))).sum::<f64>()
            }
            Self::Relu { directions, amplitudes } => {
                let embedded = Mat::from_fn(directions.nrows(), d, |i, k| {
                    if k < rank { directions[(i, k)] } else { 0.0 }
                });
                let steps: Result<Vec<f64>, MechanismError> = (0..NEURONS)
                    .map(|j| {
                        let w = row(neurons.as_ref(), j);
                        let degrees = LabelDegrees::FromTwo;
                        Ok(square(&relu_step(embedded.as_ref(), amplitudes, degrees, &w)?))
                    })
                    .collect();
                steps?.iter().sum()
            }
        };
        Ok(sum / NEURONS as f64)
    }

    /// The limit law at `c = n/d^2`.
    fn law(
        &self,
        biases: &[f64],
        normals: MatRef<'_, f64>,
        c: f64,
    ) -> Result<LimitLaw, MechanismError> {
        match self {
            Self::Polynomial(target) => LimitLaw::biased(target, biases, normals, c),
            Self::Relu { directions, amplitudes } => {
                LimitLaw::relu(directions.as_ref(), amplitudes, normals, c)
            }
        }
    }
}

/// Samples that each mechanism needs to leave at most `goal Var y`, or to see the target at all.
///
/// - *best linear predictor*: least squares loses `E[r^2 (1 + |x|^2)]/(n - d - 2)` beside its floor
///   `E r^2 = Var y - |C_1|^2`, `r` the label's degrees two and above;
/// - *any kernel, random features*: the least `n` whose floor 11.1.4 is at most the goal, a proved
///   lower bound (affine part free of charge: `d + 1` functions);
/// - *one direction*: where half of a neuron's first step lies along `C_1` (11.3.1);
/// - *one preprocessed step sees the span*: the half point of 11.1.2 and 11.3.3;
/// - *one preprocessed step and ridge*: the least `c d^2` at which the limit law (11.1.3, 11.1.5)
///   with ridge on as many samples leaves the goal, for the given width;
/// - *staircase*: samples of all giant steps together until every direction of the span stands out
///   of the noise of its coordinate by 4 (11.3.4), with the better of two biases.
///
/// # Errors
/// [`MechanismError::TooSmall`] for a dimension below the rank or 3,
/// [`MechanismError::NotPositive`] for the goal or a target that is constant, and those of the
/// statements.
///
/// # Examples
/// ```
/// use gradiometer_mechanisms::PolynomialTarget;
/// use gradiometer_mechanisms::plan::{PlanRequest, PlanTarget, plan};
/// let target = PlanTarget::Polynomial(PolynomialTarget::harmonic(2).unwrap());
/// let request = PlanRequest { dimension: 50, width: 60, goal: 0.1, seed: 0 };
/// let needs = plan(&target, &request).unwrap();
/// // Kernels need 0.9 of the 1274 harmonics of degree 2, less the affine functions.
/// assert!((needs[1].samples.unwrap() - (0.9 * 1274.0 - 51.0)).abs() < 8.0 * 1274.0 * f64::EPSILON);
/// ```
pub fn plan(target: &PlanTarget, request: &PlanRequest) -> Result<Vec<Need>, MechanismError> {
    let (d, rank) = (request.dimension, target.rank());
    crate::linear_algebra::require_positive("the goal", request.goal)?;
    if d < rank.max(3) {
        return Err(MechanismError::TooSmall {
            what: "the dimension",
            found: d,
            least: rank.max(3),
        });
    }
    if request.width == 0 {
        return Err(MechanismError::TooSmall { what: "the width", found: 0, least: 1 });
    }
    let (variance, linear) = target.affine()?;
    crate::linear_algebra::require_positive("the label's variance", variance)?;
    let signal = dot(&linear, &linear);
    let left = request.goal * variance;
    let mut needs = vec![
        linear_predictor(
            d,
            variance - signal,
            target.noise_of_least_squares(d, variance - signal)?,
            left,
        ),
        kernels(target, d, left)?,
        one_direction(target, d, variance, signal)?,
        half_point(target, request, variance - signal)?,
        step_and_ridge(target, request, variance - signal, left)?,
    ];
    if let PlanTarget::Polynomial(polynomial) = target {
        needs.push(staircase(polynomial, request)?);
        let odd = parity_floor(polynomial);
        if odd > left {
            needs.push(Need {
                mechanism: "ReLU features without bias, any first layer",
                statement: "11.2.5",
                samples: None,
                rests: Rests::Proved,
                note: format!("odd degrees from 3 on hold {:.4} of the variance", odd / variance),
            });
        }
    }
    Ok(needs)
}

fn linear_predictor(dimension: usize, floor: f64, noise: f64, left: f64) -> Need {
    let d = dimension as f64;
    // Least squares loses noise/(n - d - 2).
    let samples = (floor <= left).then(|| {
        let excess = left - floor;
        if excess > 0.0 { noise / excess + d + 2.0 } else { f64::INFINITY }
    });
    Need {
        mechanism: "best linear predictor",
        statement: "11.2.5",
        samples: samples.filter(|n| n.is_finite()),
        rests: Rests::Asymptotic { error: 2.0 / d },
        note: format!("its floor Var y - |C_1|^2 is {floor:.6}, the goal {left:.6}"),
    }
}

fn kernels(target: &PlanTarget, dimension: usize, left: f64) -> Result<Need, MechanismError> {
    let profile = target.profile(dimension)?;
    let functions = profile.functions_needed(left);
    let affine = (dimension + 1) as f64;
    let counted = functions.is_finite();
    // Below the affine functions the floor says nothing.
    let samples = if functions > affine { functions - affine } else { 0.0 };
    Ok(Need {
        mechanism: "any rotation-invariant kernel, ridge on random features",
        statement: "11.1.4",
        samples: counted.then_some(samples),
        rests: Rests::Proved,
        note: if counted {
            "at least so many samples, and as many random features".to_owned()
        } else {
            "the goal lies below the degrees that are counted".to_owned()
        },
    })
}

fn one_direction(
    target: &PlanTarget,
    dimension: usize,
    variance: f64,
    signal: f64,
) -> Result<Need, MechanismError> {
    let moment = match target {
        PlanTarget::Polynomial(polynomial) => {
            let constant = polynomial.constant();
            let rank = polynomial.rank();
            let shift =
                PolynomialTarget::new(vec![Term { degrees: vec![0; rank], coefficient: 1.0 }])?;
            polynomial.combined(1.0, &shift, -constant).input_moment(dimension)
        }
        // Up to what the few directions of the span add.
        PlanTarget::Relu { .. } => dimension as f64 * variance,
    };
    Ok(Need {
        mechanism: "one step of centred labels, a neuron's half along C_1",
        statement: "11.3.1",
        samples: (signal > 0.0).then(|| 2.0 * moment / signal),
        rests: Rests::Asymptotic { error: 3.0 / dimension as f64 },
        note: if signal > 0.0 {
            "|C_1|^2/4 = E[y^2 |x|^2]/(2n)".to_owned()
        } else {
            "there is no linear part".to_owned()
        },
    })
}

fn half_point(
    target: &PlanTarget,
    request: &PlanRequest,
    label_energy: f64,
) -> Result<Need, MechanismError> {
    let inside = target.energy_inside(request)?;
    let outside = (request.dimension - target.rank()) as f64;
    let samples = outside * RELU.noise().across * label_energy / inside;
    Ok(Need {
        mechanism: "one preprocessed step sees the span",
        statement: "11.1.2, 11.3.3",
        samples: (inside > 0.0).then_some(samples),
        rests: Rests::Asymptotic { error: 2.0 / request.dimension as f64 + 0.05 },
        note: if inside > 0.0 {
            "the noise of a neuron's step is as large as its signal".to_owned()
        } else {
            "ReLU's step is exactly 0: odd degrees or none".to_owned()
        },
    })
}

fn step_and_ridge(
    target: &PlanTarget,
    request: &PlanRequest,
    label_energy: f64,
    left: f64,
) -> Result<Need, MechanismError> {
    let (d, m) = (request.dimension, request.width);
    let (statement, error) = match target {
        PlanTarget::Polynomial(_) => ("11.1.5", 10.0 / d as f64),
        PlanTarget::Relu { .. } => ("11.1.3", 0.06),
    };
    let mut need = Need {
        mechanism: "one preprocessed step and ridge",
        statement,
        samples: None,
        rests: Rests::Asymptotic { error },
        note: String::new(),
    };
    if label_energy <= left {
        "the best linear predictor reaches the goal".clone_into(&mut need.note);
        return Ok(need);
    }
    let size = match target {
        PlanTarget::Polynomial(polynomial) => polynomial.hessian().norm_l2(),
        PlanTarget::Relu { directions, amplitudes } => {
            relu_second_degree(directions.as_ref(), amplitudes)?.0.norm_l2()
        }
    };
    if !(size > 1e-12 * label_energy.sqrt()) {
        "C_2 = 0: the step does not see the target at n of order d^2".clone_into(&mut need.note);
        return Ok(need);
    }
    let mut rng = sample::stream(request.seed);
    let normals = sample::normals(&mut rng, m, target.rank());
    let biases = row(sample::normals(&mut rng, 1, m).as_ref(), 0);
    let reached = |c: f64| -> Result<f64, MechanismError> {
        let law = target.law(&biases, normals.as_ref(), c)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
        let n = (c * (d * d) as f64).ceil() as usize;
        let mut best = f64::INFINITY;
        for penalty in PENALTIES {
            best = gradiometer_hermite::float::minimum(best, law.risk(n.max(1), penalty)?.test);
        }
        Ok(best)
    };
    let (mut low, mut high) = (1.0 / d as f64, MOST_SAMPLES_OVER_D2);
    let last = reached(high)?;
    if !(last <= left) {
        need.note = format!("{m} neurons leave {:.4} of the label's variance", last / label_energy);
        return Ok(need);
    }
    for _ in 0..BISECTIONS {
        let middle = (low * high).sqrt();
        if reached(middle)? <= left { high = middle } else { low = middle }
    }
    need.samples = Some(high * (d * d) as f64);
    need.note = format!("n/d^2 = {high:.3} for the step and as many fresh samples for the ridge");
    Ok(need)
}

fn staircase(target: &PolynomialTarget, request: &PlanRequest) -> Result<Need, MechanismError> {
    let d = request.dimension as f64;
    let visible = 4.0 / d.sqrt();
    let mut best: Option<(f64, usize, f64, f64)> = None;
    for bias in BIASES {
        let mut c = 1.0;
        while c <= MOST_SAMPLES_OVER_D {
            let stairs = Staircase::new(target, bias, c)?;
            let steps: Vec<StepSize> = std::iter::once(StepSize::Infinite)
                .chain(std::iter::repeat_n(StepSize::Finite(STAIR), MOST_STAIRS - 1))
                .collect();
            let climbed = stairs.climb(1.0, &steps)?;
            if let Some(last) = climbed.iter().position(|p| p.iter().all(|x| x.abs() > visible)) {
                let samples = c * d * (last + 1) as f64;
                if best.is_none_or(|(least, ..)| samples < least) {
                    best = Some((samples, last + 1, c, bias));
                }
            }
            c *= 2.0;
        }
    }
    Ok(Need {
        mechanism: "staircase of giant steps, raw labels",
        statement: "11.3.4",
        samples: best.map(|(samples, ..)| samples),
        rests: Rests::Asymptotic { error: 2.0 / d.sqrt() },
        note: best.map_or_else(
            || "some direction stays hidden: no stair leads to it from the linear part".to_owned(),
            |(_, steps, c, bias)| format!("{steps} steps of n/d = {c}, bias {bias}"),
        ),
    })
}

/// `E y` of a target, which a plan assumes to be removed.
pub fn label_mean(target: &PlanTarget) -> f64 {
    match target {
        PlanTarget::Polynomial(polynomial) => polynomial.constant(),
        PlanTarget::Relu { directions, amplitudes } => {
            dot(&relu_means(directions.as_ref()), amplitudes)
        }
    }
}

#[cfg(test)]
mod tests;
