//! Information exponents: the least degree of a function's non-zero Hermite part, with its error bar.

use crate::activation::Activation;
use crate::bounded::Bounded;
use crate::error::HermiteError;

/// The coefficients of degrees `0..=highest` in closed form, with their rounding.
///
/// # Errors
/// [`HermiteError::NoClosedForm`] for a user's activation.
pub fn closed_form_coefficients(
    activation: &Activation,
    highest: usize,
) -> Result<Vec<Bounded>, HermiteError> {
    (0..=highest)
        .map(|k| match activation.coefficient(k) {
            Some(value) => Ok(Bounded { value, error: 8.0 * f64::EPSILON * value.abs() }),
            None => Err(HermiteError::NoClosedForm { name: activation.name().to_owned() }),
        })
        .collect()
}

/// What floating point can say of one Hermite part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Zero within its error bound, which is below [`RESOLUTION`] of the function's size.
    Zero,
    /// Further from zero than its error bound.
    NonZero,
    /// Within its error bound of zero, but the bound is too coarse to call it zero.
    Undecided,
}

/// The norm, relative to `sum_i |alpha_i|` times the coefficient's own scale 1, above which an error bound is too
/// coarse to call a part zero. Squared norms resolve `sqrt(eps)`, times a dimension factor.
pub const RESOLUTION: f64 = 1e-5;

/// The norm of one degree's part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DegreePart {
    /// Degree `k`.
    pub degree: usize,
    /// Norm of the degree-`k` tensor, as computed.
    pub norm: f64,
    /// Bound of the true norm's distance from zero that rounding alone could explain.
    pub error: f64,
    /// What follows.
    pub part: Part,
}

/// Where the first non-zero part lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exponent {
    /// At this degree: all below are zero within rounding, and this one is not.
    Known(usize),
    /// All degrees examined are zero within rounding; this is the first one not examined.
    AtLeast(usize),
    /// All degrees below this one are zero within rounding, and this one could not be decided.
    Undecided(usize),
}

impl Exponent {
    /// The degree, if known.
    pub const fn known(self) -> Option<usize> {
        match self {
            Self::Known(degree) => Some(degree),
            Self::AtLeast(_) | Self::Undecided(_) => None,
        }
    }
}

/// An information exponent with the parts that were examined, in order of degree.
#[derive(Clone, Debug, PartialEq)]
pub struct InformationExponent {
    /// The answer.
    pub exponent: Exponent,
    /// The evidence: every degree up to the one that settled it.
    pub parts: Vec<DegreePart>,
}

impl InformationExponent {
    fn from_parts(from: usize, parts: impl Iterator<Item = DegreePart>) -> Self {
        let mut seen = Vec::new();
        for part in parts {
            seen.push(part);
            let exponent = match part.part {
                Part::Zero => continue,
                Part::NonZero => Exponent::Known(part.degree),
                Part::Undecided => Exponent::Undecided(part.degree),
            };
            return Self { exponent, parts: seen };
        }
        Self { exponent: Exponent::AtLeast(from + seen.len()), parts: seen }
    }
}

/// Written so that NaN is undecided.
fn judge(degree: usize, norm: f64, error: f64, size: f64) -> DegreePart {
    let part = if norm > error {
        Part::NonZero
    } else if norm <= error && error <= RESOLUTION * size {
        Part::Zero
    } else {
        Part::Undecided
    };
    DegreePart { degree, norm, error, part }
}

/// The information exponent of `x -> sigma(u.x)`: the least `k >= from` (at least 1) with `c_k != 0`.
///
/// `coefficients[k]` is that of degree `k`; degrees beyond the slice are not examined. Statement 2.3 of \[ZG24\];
/// \[BenArous2021\].
///
/// # Examples
/// ```
/// use gradiometer_hermite::{Activation, exponent::*};
/// let step = closed_form_coefficients(&Activation::Step, 8).unwrap();
/// assert_eq!(single_index(&step, 1).exponent, Exponent::Known(1));
/// let absolute = closed_form_coefficients(&Activation::Absolute, 8).unwrap();
/// assert_eq!(single_index(&absolute, 1).exponent, Exponent::Known(2));
/// ```
pub fn single_index(coefficients: &[Bounded], from: usize) -> InformationExponent {
    let from = from.max(1);
    let examined = coefficients.iter().enumerate().skip(from);
    InformationExponent::from_parts(
        from,
        examined.map(|(k, c)| judge(k, c.value.abs(), c.error, 1.0)),
    )
}

/// The information exponent of `x -> sum_i alpha_i sigma(u_i.x)`: the least `k >= from` (at least 1) whose tensor
/// `c_k sum_i alpha_i u_i^(tensor k)` is not zero.
///
/// `directions` holds the unit vectors as rows. The squared norm is
/// `c_k^2 sum_ij alpha_i alpha_j (u_i.u_j)^k`; degree 1, a plain vector, is summed directly and loses no digits to
/// the square. Error bounds assume that the directions are unit to a few `eps` and their coordinates correctly
/// rounded; a tensor of norm below about `sqrt(k d eps) |c_k| sum_i |alpha_i|` counts as zero.
///
/// # Errors
/// [`HermiteError::DirectionCount`] if the directions are not as many as the amplitudes.
///
/// # Examples
/// ```
/// use gradiometer_hermite::{Activation, exponent::*};
/// let relu = closed_form_coefficients(&Activation::Relu, 8).unwrap();
/// // relu(x) - relu(y) starts at degree 1, relu(x) + relu(-x) = |x| at degree 2.
/// let f = multi_index(&relu, &[1.0, -1.0], &[1.0, 0.0, 0.0, 1.0], 1).unwrap();
/// assert_eq!(f.exponent, Exponent::Known(1));
/// let g = multi_index(&relu, &[1.0, 1.0], &[1.0, 0.0, -1.0, 0.0], 1).unwrap();
/// assert_eq!(g.exponent, Exponent::Known(2));
/// ```
pub fn multi_index(
    coefficients: &[Bounded],
    amplitudes: &[f64],
    directions: &[f64],
    from: usize,
) -> Result<InformationExponent, HermiteError> {
    let m = amplitudes.len();
    if m == 0 || !directions.len().is_multiple_of(m) {
        return Err(HermiteError::DirectionCount { amplitudes: m, found: directions.len() });
    }
    let d = directions.len() / m;
    let row = |i: usize| &directions[i * d..(i + 1) * d];
    let size: f64 = amplitudes.iter().map(|a| a.abs()).sum();
    let dot = |i: usize, j: usize| row(i).iter().zip(row(j)).map(|(x, y)| x * y).sum::<f64>();
    // Weight alpha_i alpha_j and overlap of each pair, the off-diagonal ones twice.
    let mut pairs = Vec::with_capacity(m * (m + 1) / 2);
    for i in 0..m {
        pairs.push((amplitudes[i] * amplitudes[i], 1.0));
        pairs.extend((0..i).map(|j| (2.0 * amplitudes[i] * amplitudes[j], dot(i, j))));
    }
    let tensor = |k: usize| -> (f64, f64) {
        if k == 1 {
            let mut sum = vec![0.0; d];
            for (i, a) in amplitudes.iter().enumerate() {
                for (s, u) in sum.iter_mut().zip(row(i)) {
                    *s += a * u;
                }
            }
            let norm = sum.iter().map(|s| s * s).sum::<f64>().sqrt();
            return (norm, (m + 4) as f64 * f64::EPSILON * size);
        }
        let power = i32::try_from(k).unwrap_or(i32::MAX);
        let (mut square, mut error) = (0.0, 0.0);
        for (weight, t) in &pairs {
            let below = t.abs().powi(power - 1);
            square += weight * t.powi(power);
            // d + 4 roundings in the overlap, k in the power, one per term of the sum.
            let roundings =
                k as f64 * (d + 4) as f64 * below + (k + pairs.len()) as f64 * below * t.abs();
            error += weight.abs() * roundings * f64::EPSILON;
        }
        // A square below its error bound says only that the norm is below the root of twice the bound.
        if square > error {
            (square.sqrt(), error / square.sqrt())
        } else {
            (square.abs().sqrt(), (2.0 * error).sqrt())
        }
    };
    let from = from.max(1);
    let examined = coefficients.iter().enumerate().skip(from);
    Ok(InformationExponent::from_parts(
        from,
        examined.map(|(k, c)| {
            let (norm, error) = tensor(k);
            let bound = c.value.abs() * error + c.error * (norm + error);
            judge(k, c.value.abs() * norm, bound, size)
        }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polynomial::Polynomial;

    fn relu(highest: usize) -> Vec<Bounded> {
        closed_form_coefficients(&Activation::Relu, highest).unwrap()
    }

    #[test]
    fn norms_and_errors_of_tensors_are_those_counted() {
        let close = |x: f64, y: f64| (x - y).abs() <= 64.0 * f64::EPSILON * y.abs();
        let eps = f64::EPSILON;
        // 2 u - v with u.v = 3/5.
        let directions = [1.0, 0.0, 0.6, 0.8];
        for error in [0.0, 0.25] {
            let coefficients = [Bounded { value: -3.0, error }; 4];
            for (k, norm, of_tensor) in [
                // A plain sum (7/5, -4/5): two terms and four roundings of a total of 3.
                (1, 2.6_f64.sqrt(), 18.0 * eps),
                // 4 + 1 - 4 (3/5)^3; three times six roundings of overlaps and six of the sums.
                (3, 4.136_f64.sqrt(), (5.0 * 24.0 + 4.0 * 7.776) * eps / 4.136_f64.sqrt()),
            ] {
                let found = multi_index(&coefficients, &[2.0, -1.0], &directions, k).unwrap();
                let part = found.parts[0];
                assert_eq!(part.degree, k);
                assert!(close(part.norm, 3.0 * norm), "{part:?}");
                let bound = 3.0 * of_tensor + error * (norm + of_tensor);
                assert!(close(part.error, bound), "{part:?} {bound:e}");
            }
            // Where both cancel the root of twice the bound is left: weights 1, 1 and 2 at degree two.
            let found = multi_index(&coefficients, &[1.0, -1.0], &[1.0, 0.0, 1.0, 0.0], 2).unwrap();
            let off = (2.0 * 4.0 * (2.0 * 6.0 + 5.0) * eps).sqrt();
            assert!(found.parts[0].norm.abs() <= 0.0);
            assert!(close(found.parts[0].error, (3.0 + error) * off), "{:?}", found.parts[0]);
        }
        for c in closed_form_coefficients(&Activation::Relu, 6).unwrap() {
            assert!(close(c.error, 8.0 * eps * c.value.abs()));
        }
    }

    #[test]
    fn a_part_is_judged_by_its_error_and_the_resolution() {
        let at = |norm, error| judge(1, norm, error, 2.0).part;
        let coarse = 2.0 * RESOLUTION;
        assert_eq!((at(0.5, 0.25), at(0.25, 0.25)), (Part::NonZero, Part::Undecided));
        assert_eq!((at(coarse, coarse), at(0.0, coarse)), (Part::Zero, Part::Zero));
        assert_eq!(at(0.0, coarse.next_up()), Part::Undecided);
        assert_eq!((at(f64::NAN, 0.0), at(0.0, f64::NAN)), (Part::Undecided, Part::Undecided));
    }

    #[test]
    fn hermite_polynomials_have_their_degree() {
        for k in 1..12 {
            let mut c = vec![0.0; k + 1];
            c[k] = 0.3;
            c[0] = 2.0;
            let p = Activation::Polynomial(Polynomial::from_hermite(c).unwrap());
            let c = closed_form_coefficients(&p, 14).unwrap();
            assert_eq!(single_index(&c, 1).exponent, Exponent::Known(k));
            assert_eq!(single_index(&c, k + 1).exponent, Exponent::AtLeast(15));
        }
    }

    #[test]
    fn equally_spread_neurons_cancel_up_to_their_number() {
        // In the plane, 2n directions at multiples of pi/(2n) with alternating signs are cos(2 n phi) in shape: no
        // even degree below 2n. Degree 1 is avoided by starting at 2.
        for n in 1..6_u32 {
            let count = 2 * n;
            let angles: Vec<f64> = (0..count)
                .map(|i| std::f64::consts::PI * f64::from(i) / f64::from(count))
                .collect();
            let directions: Vec<f64> = angles.iter().flat_map(|t| [t.cos(), t.sin()]).collect();
            let amplitudes: Vec<f64> =
                (0..count).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
            let found = multi_index(&relu(16), &amplitudes, &directions, 2).unwrap();
            assert_eq!(found.exponent, Exponent::Known(count as usize), "{found:?}");
            // Negative control: one amplitude off by far more than the resolution.
            let mut broken = amplitudes;
            broken[0] += 1e-2;
            let found = multi_index(&relu(16), &broken, &directions, 2).unwrap();
            assert_eq!(found.exponent, Exponent::Known(2));
        }
    }

    #[test]
    fn coarse_coefficients_are_undecided_and_nan_decides_nothing() {
        let coarse = [Bounded { value: 0.0, error: 0.0 }, Bounded { value: 1e-3, error: 1e-2 }];
        assert_eq!(single_index(&coarse, 1).exponent, Exponent::Undecided(1));
        let nan = [Bounded { value: 0.0, error: 0.0 }, Bounded { value: f64::NAN, error: 0.0 }];
        assert_eq!(single_index(&nan, 1).exponent, Exponent::Undecided(1));
        assert!(multi_index(&relu(4), &[1.0, 1.0], &[1.0], 1).is_err());
    }

    /// The one degree `k`, with the coefficient given, of a teacher in the plane.
    fn part(k: usize, c: Bounded, amplitudes: &[f64], directions: &[f64]) -> DegreePart {
        let mut coefficients = vec![Bounded { value: 0.0, error: 0.0 }; k];
        coefficients.push(c);
        let found = multi_index(&coefficients, amplitudes, directions, k).unwrap();
        assert_eq!(found.parts.len(), 1);
        found.parts[0]
    }

    #[test]
    fn norms_and_errors_are_those_of_their_sums() {
        let close = |x: f64, y: f64| (x - y).abs() <= 8.0 * f64::EPSILON * y.abs();
        let one = Bounded { value: 1.0, error: 0.0 };
        let rough = Bounded { value: -2.0, error: 0.25 };
        let axes = [1.0, 0.0, 0.0, 1.0];
        // 3 along one axis and 4 along another: 5 in every degree. The sizes of the three products sum to 25 and no overlap but 1 counts.
        for k in 2..7 {
            let found = part(k, one, &[3.0, -4.0], &axes);
            let roundings = 7.0 * k as f64 + 3.0;
            let error = 25.0 * roundings * f64::EPSILON / 5.0;
            assert!(close(found.norm, 5.0) && close(found.error, error), "{k}: {found:?}");
            let found = part(k, rough, &[3.0, 4.0], &axes);
            let bound = 2.0 * error + 0.25 * (5.0 + error);
            assert!(close(found.norm, 10.0) && close(found.error, bound), "{k}: {found:?}");
        }
        let first = part(1, one, &[3.0, -4.0], &axes);
        assert!(close(first.norm, 5.0) && close(first.error, 42.0 * f64::EPSILON), "{first:?}");
        assert_eq!(first.part, Part::NonZero);
        // An overlap of 1/2, whose power falls: (4 + 4 + 2 * 4 * 2^-k).
        let slanted = [1.0, 0.0, 0.5, 0.75_f64.sqrt()];
        for k in 2..7 {
            let found = part(k, one, &[2.0, 2.0], &slanted);
            let power = 0.5_f64.powi(i32::try_from(k).unwrap());
            assert!(close(found.norm, (8.0 + 8.0 * power).sqrt()), "{k}: {found:?}");
            let (n, below) = (k as f64, 2.0 * power);
            let sizes = 8.0 * (7.0 * n + 3.0) + 8.0 * (6.0 * n * below + (n + 3.0) * power);
            let error = sizes * f64::EPSILON / found.norm;
            assert!(close(found.error, error), "{k}: {found:?}");
        }
        // What cancels is known to the root of its error only.
        let none = part(2, one, &[1.0, -1.0], &[1.0, 0.0, 1.0, 0.0]);
        let square = 4.0 * 17.0 * f64::EPSILON;
        assert!(none.norm <= 0.0 && close(none.error, (2.0 * square).sqrt()), "{none:?}");
        assert_eq!(none.part, Part::Zero);
    }

    #[test]
    fn a_part_is_judged_by_its_error() {
        for (norm, error, size, expected) in [
            (0.5, 0.25, 1.0, Part::NonZero),
            (0.5, 0.5, 1.0, Part::Undecided),
            (0.5, 0.5, 1e6, Part::Zero),
            (0.0, RESOLUTION, 1.0, Part::Zero),
            (0.0, 2.0 * RESOLUTION, 1.0, Part::Undecided),
            (f64::NAN, 0.0, 1.0, Part::Undecided),
            (0.0, f64::NAN, 1.0, Part::Undecided),
        ] {
            assert_eq!(judge(3, norm, error, size).part, expected, "{norm} {error} {size}");
        }
        let zero = Bounded { value: 0.0, error: 0.0 };
        let found = single_index(&[zero; 9], 4);
        assert_eq!((found.exponent, found.parts.len()), (Exponent::AtLeast(9), 5));
        assert_eq!(Exponent::Known(3).known(), Some(3));
        assert_eq!((found.exponent.known(), Exponent::Undecided(1).known()), (None, None));
    }
}
