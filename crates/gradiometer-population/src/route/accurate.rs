//! The accurate evaluation: the formulas of statements 3.1 to 3.3 in extended arithmetic.
//!
//! Near the optimum the loss is a small difference of terms of order one. Its error here is `M^2 u` times a modest factor, as in
//! doubles, but with `u = 2^-102`, or as small as asked for. Where the second half of the student's neurons mirrors the first, one atom stands for both twins, as
//! in the fast evaluation.
//!
//! Weights may be anything: neurons, weights and masses are computed as numbers near one times powers of two that are kept apart. The largest mass is
//! scaled to about one, so that `M >= 1` and what underflows, at most `2^-1074` for each operation, is less than `2^-900` of every bound: it
//! vanishes in the total mass, which is rounded up by a billionth. Only what is returned may underflow, and then its bound says so.

use crate::atoms::{Atoms, Problem, find_twins};
use crate::double::{DoubleDouble, SineTable};
use crate::kernel::{self, Vectorised};
use crate::powers::{
    bounded_times_power, error_times_power, exponent_of, times_power, with_underflow,
};
use crate::roundoff::Roundoff;
use crate::stop::Stop;
use crate::value::{EvaluationRoute, Gradient, Reached};
use dashu_float::FBig;
use dashu_float::round::mode::HalfEven;
use gradiometer_hermite::float::{maximum, minimum};
use gradiometer_hermite::{Bounded, Degrees};
use rayon::prelude::*;
use std::fmt::Debug;

/// The arithmetic that the formulas need.
trait Arithmetic: Sync {
    type Number: Clone + Send + Sync + Debug;

    /// Bound on the relative error of each operation.
    fn unit(&self) -> f64;
    /// Bound on the error of [`Arithmetic::dot`] for vectors of length `d`, in units, relative to the product of norms.
    fn dot_units(&self, dimension: usize) -> f64;
    /// How to name the route.
    fn route(&self) -> EvaluationRoute;

    fn number(&self, x: f64) -> Self::Number;
    fn add(&self, x: &Self::Number, y: &Self::Number) -> Self::Number;
    fn mul(&self, x: &Self::Number, y: &Self::Number) -> Self::Number;
    fn div(&self, x: &Self::Number, y: &Self::Number) -> Self::Number;
    fn sqrt(&self, x: &Self::Number) -> Self::Number;
    fn negate(&self, x: &Self::Number) -> Self::Number;
    fn dot(&self, v: &[f64], w: &[f64]) -> Self::Number;
    /// The angle in `[0, pi/2]` of a point of the unit circle's first quadrant; error at most 8 units.
    fn angle(&self, sine: &Self::Number, cosine: &Self::Number) -> Self::Number;
    fn pi(&self) -> Self::Number;
    fn to_f64(&self, x: &Self::Number) -> f64;
}

struct Double(SineTable);

impl Arithmetic for Double {
    type Number = DoubleDouble;

    fn unit(&self) -> f64 {
        DoubleDouble::UNIT
    }
    fn dot_units(&self, dimension: usize) -> f64 {
        // ((n + 1)^2 + 10) u^2 in units of 16 u^2.
        let n = dimension.div_ceil(8) as f64;
        ((n + 1.0) * (n + 1.0) + 10.0) / 16.0
    }
    fn route(&self) -> EvaluationRoute {
        EvaluationRoute::DoubleDouble
    }
    #[inline(always)]
    fn number(&self, x: f64) -> DoubleDouble {
        x.into()
    }
    #[inline(always)]
    fn add(&self, x: &DoubleDouble, y: &DoubleDouble) -> DoubleDouble {
        *x + *y
    }
    #[inline(always)]
    fn mul(&self, x: &DoubleDouble, y: &DoubleDouble) -> DoubleDouble {
        *x * *y
    }
    #[inline(always)]
    fn div(&self, x: &DoubleDouble, y: &DoubleDouble) -> DoubleDouble {
        *x / *y
    }
    #[inline(always)]
    fn sqrt(&self, x: &DoubleDouble) -> DoubleDouble {
        x.sqrt()
    }
    #[inline(always)]
    fn negate(&self, x: &DoubleDouble) -> DoubleDouble {
        -*x
    }
    #[inline(always)]
    fn dot(&self, v: &[f64], w: &[f64]) -> DoubleDouble {
        DoubleDouble::dot(v, w)
    }
    #[inline(always)]
    fn angle(&self, sine: &DoubleDouble, cosine: &DoubleDouble) -> DoubleDouble {
        DoubleDouble::angle_of(*sine, *cosine, &self.0)
    }
    #[inline(always)]
    fn pi(&self) -> DoubleDouble {
        DoubleDouble::PI
    }
    #[inline(always)]
    fn to_f64(&self, x: &DoubleDouble) -> f64 {
        x.to_f64()
    }
}

type Big = FBig<HalfEven, 2>;

struct Extended {
    bits: usize,
    pi: Big,
}

impl Extended {
    fn new(bits: usize) -> Self {
        Self { bits, pi: Big::pi(bits) }
    }
}

impl Arithmetic for Extended {
    type Number = Big;

    fn unit(&self) -> f64 {
        // Half a unit in the last place for arithmetic, one for the arctangent; 2^-bits is below one.
        (-(self.bits as f64) + 1.0).exp2()
    }
    fn dot_units(&self, dimension: usize) -> f64 {
        dimension as f64
    }
    fn route(&self) -> EvaluationRoute {
        EvaluationRoute::Extended { bits: self.bits }
    }
    fn number(&self, x: f64) -> Big {
        Big::try_from(x).unwrap_or(Big::ZERO).with_precision(self.bits).value()
    }
    fn add(&self, x: &Big, y: &Big) -> Big {
        x + y
    }
    fn mul(&self, x: &Big, y: &Big) -> Big {
        x * y
    }
    fn div(&self, x: &Big, y: &Big) -> Big {
        x / y
    }
    fn sqrt(&self, x: &Big) -> Big {
        x.sqrt()
    }
    fn negate(&self, x: &Big) -> Big {
        -x.clone()
    }
    fn dot(&self, v: &[f64], w: &[f64]) -> Big {
        v.iter()
            .zip(w)
            .fold(self.number(0.0), |sum, (x, y)| sum + self.number(*x) * self.number(*y))
    }
    fn angle(&self, sine: &Big, cosine: &Big) -> Big {
        sine.atan2(cosine)
    }
    fn pi(&self) -> Big {
        self.pi.clone()
    }
    fn to_f64(&self, x: &Big) -> f64 {
        x.to_f64().value()
    }
}

/// The atoms of `nu = mu - mu*` with exactly scaled neurons; those of zero neurons are absent.
struct ScaledAtoms<'a, N> {
    given: Atoms<'a>,
    /// Neurons scaled by powers of two so that their largest entry is between one and two.
    vectors: Vec<f64>,
    /// The number of the atom among those given.
    origin: Vec<usize>,
    /// The exponents of the powers of two: neuron = `2^exponent` x vector.
    exponents: Vec<i32>,
    /// Length of the scaled neuron.
    lengths: Vec<N>,
    /// `nu_b = 2^scale` x mass = `2^scale` x weight x length.
    weights: Vec<N>,
    masses: Vec<N>,
    /// The exponent of the scale of all masses.
    scale: i32,
}

/// `x = 2^e y` with `1 <= |y| < 2`; zero is itself.
fn normalised(x: f64) -> (f64, i32) {
    let e = exponent_of(x);
    (times_power(x, -e), e)
}

fn scaled<'a, A: Arithmetic>(
    arithmetic: &A,
    given: Atoms<'a>,
    degrees: Degrees,
) -> ScaledAtoms<'a, A::Number> {
    let mut atoms = ScaledAtoms {
        given,
        vectors: Vec::new(),
        origin: Vec::new(),
        exponents: Vec::new(),
        lengths: Vec::new(),
        weights: Vec::new(),
        masses: Vec::new(),
        scale: i32::MIN,
    };
    // Each weight, with its twin's, and the exponent of the product with the neuron.
    let mut weights = Vec::new();
    for index in 0..given.count() {
        let (w, weight) = given.get(index);
        let (a, twin) =
            if index < given.students() { given.weights(index) } else { (weight, None) };
        let largest = w.iter().fold(0.0, |s, x| maximum(s, x.abs()));
        // Written so that a neuron with NaN stays in and shows.
        if largest <= 0.0 {
            continue;
        }
        let exponent = exponent_of(largest);
        let start = atoms.vectors.len();
        atoms.vectors.extend(w.iter().map(|x| times_power(*x, -exponent)));
        let v = &atoms.vectors[start..];
        atoms.lengths.push(arithmetic.sqrt(&arithmetic.dot(v, v)));
        atoms.exponents.push(exponent);
        atoms.origin.push(index);
        let heaviest = maximum(a.abs(), twin.unwrap_or(0.0).abs());
        let both = exponent + exponent_of(heaviest);
        if !(heaviest <= 0.0) {
            atoms.scale = atoms.scale.max(both);
        }
        weights.push(([a, twin.unwrap_or(0.0)], exponent));
    }
    if let Some(skip) = given.student.skip().filter(|_| degrees == Degrees::All) {
        for x in skip.linear.iter().chain([&skip.constant]).filter(|x| x.abs() > 0.0) {
            atoms.scale = atoms.scale.max(exponent_of(*x));
        }
    }
    if atoms.scale == i32::MIN {
        atoms.scale = 0;
    }
    for (([a, twin], exponent), length) in weights.iter().zip(&atoms.lengths) {
        let of = |a: f64| arithmetic.number(times_power(a, exponent - atoms.scale));
        // A zero adds without rounding.
        let weight = arithmetic.add(&of(*a), &of(*twin));
        atoms.masses.push(arithmetic.mul(&weight, length));
        atoms.weights.push(weight);
    }
    atoms
}

/// One row of sums over the measure, in units of `1/(2 pi)`.
struct Row<N> {
    kernel: N,
    radial: N,
    tangent: Vec<N>,
}

impl<N> ScaledAtoms<'_, N> {
    const fn dimension(&self) -> usize {
        self.given.student.dimension()
    }
}

impl<N: Clone + Send + Sync + Debug> ScaledAtoms<'_, N> {
    fn vector(&self, b: usize) -> &[f64] {
        &self.vectors[b * self.dimension()..(b + 1) * self.dimension()]
    }

    /// `sum_b nu_b` of kernel, radial part and `asin(t) v_b` over `b < end`, seen from atom `j`; the tangent only if wanted.
    #[inline(always)]
    fn row<A: Arithmetic<Number = N>>(
        &self,
        arithmetic: &A,
        j: usize,
        end: usize,
        gradient: bool,
    ) -> Row<N> {
        let one = arithmetic.number(1.0);
        let half_pi = arithmetic.div(&arithmetic.pi(), &arithmetic.number(2.0));
        let zero = arithmetic.number(0.0);
        let mut row = Row {
            kernel: zero.clone(),
            radial: zero.clone(),
            tangent: vec![zero.clone(); if gradient { self.dimension() } else { 0 }],
        };
        for b in 0..end {
            let (sine, root, angle, negative) = if b == j {
                (one.clone(), zero.clone(), half_pi.clone(), false)
            } else {
                let norms = arithmetic.mul(&self.lengths[j], &self.lengths[b]);
                let t = arithmetic.div(&arithmetic.dot(self.vector(j), self.vector(b)), &norms);
                let negative = arithmetic.to_f64(&t) < 0.0;
                let x = if negative { arithmetic.negate(&t) } else { t };
                let below = arithmetic.add(&one, &arithmetic.negate(&x));
                if arithmetic.to_f64(&below) > 0.0 {
                    let root = arithmetic.sqrt(&arithmetic.mul(&below, &arithmetic.add(&one, &x)));
                    let angle = arithmetic.angle(&x, &root);
                    (x, root, angle, negative)
                } else {
                    (one.clone(), zero.clone(), half_pi.clone(), negative)
                }
            };
            let mass = &self.masses[b];
            let radial = arithmetic.add(&root, &arithmetic.negate(&one));
            let kernel = arithmetic.add(&arithmetic.mul(&sine, &angle), &radial);
            row.kernel = arithmetic.add(&row.kernel, &arithmetic.mul(mass, &kernel));
            if gradient {
                row.radial = arithmetic.add(&row.radial, &arithmetic.mul(mass, &radial));
                let angle = if negative { arithmetic.negate(&angle) } else { angle };
                let coefficient = arithmetic.div(&arithmetic.mul(mass, &angle), &self.lengths[b]);
                for (g, v) in row.tangent.iter_mut().zip(self.vector(b)) {
                    *g = arithmetic.add(g, &arithmetic.mul(&coefficient, &arithmetic.number(*v)));
                }
            }
        }
        row
    }
}

/// One row as a task that the kernel module runs with hardware multiply-add.
struct RowTask<'a, 'b, A: Arithmetic> {
    arithmetic: &'a A,
    atoms: &'a ScaledAtoms<'b, A::Number>,
    j: usize,
    end: usize,
    gradient: bool,
}

impl<A: Arithmetic> Vectorised for RowTask<'_, '_, A> {
    type Output = Row<A::Number>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        self.atoms.row(self.arithmetic, self.j, self.end, self.gradient)
    }
}

/// Evaluates in double-double arithmetic, writing the gradient if wanted.
pub(crate) fn in_double_double(
    problem: &Problem<'_>,
    gradient: Option<&mut Gradient>,
    stop: &Stop,
) -> Reached {
    evaluate(&Double(SineTable::new()), problem, gradient, stop)
}

/// Evaluates the loss alone with the given number of bits, at least 64.
pub(crate) fn in_bits(bits: usize, problem: &Problem<'_>, stop: &Stop) -> Reached {
    evaluate(&Extended::new(bits), problem, None, stop)
}

fn evaluate<A: Arithmetic>(
    arithmetic: &A,
    problem: &Problem<'_>,
    gradient: Option<&mut Gradient>,
    stop: &Stop,
) -> Reached {
    let Problem { teacher, student, degrees } = *problem;
    let mut twin_signs = Vec::new();
    // The affine part tells twins apart.
    if degrees == Degrees::FromTwo {
        find_twins(student, &mut twin_signs);
    }
    let given = Atoms { teacher: teacher.network(), student, twin_signs: &twin_signs };
    let atoms = scaled(arithmetic, given, degrees);
    let n = atoms.origin.len();
    let wanted = gradient.is_some();
    // Rows in parallel, each by itself in a fixed order, so that the threads do not show. Without the gradient a row
    // stops at the diagonal: L = sum_j nu_j (2 sum_{b < j} + the diagonal).
    let rows: Vec<Row<A::Number>> = (0..n)
        .into_par_iter()
        .map(|j| {
            let end = if wanted { n } else { j };
            let end = if stop.is_raised() { 0 } else { end };
            kernel::with_multiply_add(RowTask {
                arithmetic,
                atoms: &atoms,
                j,
                end,
                gradient: wanted,
            })
        })
        .collect();
    let two = arithmetic.number(2.0);
    let two_pi = arithmetic.mul(&arithmetic.pi(), &two);
    let at_one = arithmetic.add(&arithmetic.div(&arithmetic.pi(), &two), &arithmetic.number(-1.0));
    let mut loss = arithmetic.number(0.0);
    for (row, mass) in rows.iter().zip(&atoms.masses) {
        let potential = if wanted {
            row.kernel.clone()
        } else {
            arithmetic.add(&arithmetic.mul(&two, &row.kernel), &arithmetic.mul(mass, &at_one))
        };
        loss = arithmetic.add(&loss, &arithmetic.mul(mass, &potential));
    }
    loss = arithmetic.div(&loss, &two_pi);
    let low = match degrees {
        Degrees::All => Some(LowDegrees::new(arithmetic, &atoms)),
        Degrees::FromTwo => None,
    };
    let total_mass: f64 = atoms.masses.iter().map(|c| arithmetic.to_f64(c).abs()).sum();
    let dot = arithmetic.dot_units(atoms.dimension());
    let roundoff = Roundoff {
        unit: arithmetic.unit(),
        // The product of norms carries half the error of each dot and three operations, the quotient one more.
        cosine: 2.0 * dot + 6.0,
        elementwise: 16.0,
        // Twins' weights are added first.
        mass: dot + if twin_signs.is_empty() { 4.0 } else { 5.0 },
        depth: n as f64 + 4.0,
        total_mass: total_mass * (1.0 + 1e-9),
        atoms: n as f64,
    };
    let mut error = roundoff.loss();
    if let Some(low) = &low {
        loss = arithmetic.add(&loss, &low.square);
        let size = (low.size + low.error) * low.error;
        error += 4.0 * size + 8.0 * arithmetic.unit() * arithmetic.to_f64(&low.square);
    }
    if let Some(gradient) = gradient {
        fill(arithmetic, &atoms, &rows, low.as_ref(), &roundoff, gradient);
        if stop.is_raised() {
            (gradient.second_layer_error, gradient.first_layer_error) =
                (f64::INFINITY, f64::INFINITY);
        }
    }
    // The rows that were left out may be anything.
    if stop.is_raised() {
        error = f64::INFINITY;
    }
    let value = arithmetic.to_f64(&loss);
    let loss = Bounded { value, error: error + f64::EPSILON * value.abs() };
    Reached { loss: bounded_times_power(loss, 2 * atoms.scale), route: arithmetic.route() }
}

/// Hermite degrees 0 and 1 of `f - f*`: `S_0 = sum_b nu_b/sqrt(2 pi) + alpha` and `S_1 = (1/2) sum_b nu_b v_b + beta`,
/// which add `S_0^2 + |S_1|^2` to the loss.
struct LowDegrees<N> {
    /// `S_0/sqrt(2 pi)`, as the gradient wants it.
    constant: N,
    linear: Vec<N>,
    square: N,
    /// `|S_0| + |S_1|` in doubles.
    size: f64,
    /// Bound on the error of `|S_0| + |S_1|`.
    error: f64,
}

impl<N: Clone + Send + Sync + Debug> LowDegrees<N> {
    fn new<A: Arithmetic<Number = N>>(arithmetic: &A, atoms: &ScaledAtoms<'_, N>) -> Self {
        let student = atoms.given.student;
        let root = arithmetic.sqrt(&arithmetic.mul(&arithmetic.pi(), &arithmetic.number(2.0)));
        let mut constant = arithmetic.number(0.0);
        let mut absolute = 0.0;
        for mass in &atoms.masses {
            constant = arithmetic.add(&constant, mass);
            absolute += arithmetic.to_f64(mass).abs();
        }
        constant = arithmetic.div(&constant, &root);
        let mut linear = vec![arithmetic.number(0.0); student.dimension()];
        for (b, weight) in atoms.weights.iter().enumerate() {
            let half = arithmetic.mul(weight, &arithmetic.number(0.5));
            for (s, x) in linear.iter_mut().zip(atoms.vector(b)) {
                *s = arithmetic.add(s, &arithmetic.mul(&half, &arithmetic.number(*x)));
            }
        }
        if let Some(skip) = student.skip() {
            let scaled = |x: f64| times_power(x, -atoms.scale);
            let along: Vec<f64> = skip.linear.iter().map(|b| scaled(*b)).collect();
            constant = arithmetic.add(&constant, &arithmetic.number(scaled(skip.constant)));
            absolute += scaled(skip.constant).abs() + gradiometer_model::geometry::norm(&along);
            for (s, b) in linear.iter_mut().zip(&along) {
                *s = arithmetic.add(s, &arithmetic.number(*b));
            }
        }
        let mut square = arithmetic.mul(&constant, &constant);
        for s in &linear {
            square = arithmetic.add(&square, &arithmetic.mul(s, s));
        }
        let terms = atoms.origin.len() as f64 + arithmetic.dot_units(atoms.dimension()) + 8.0;
        Self {
            size: 2.0 * arithmetic.to_f64(&square).sqrt(),
            error: 2.0 * absolute * terms * arithmetic.unit(),
            constant: arithmetic.div(&constant, &root),
            linear,
            square,
        }
    }
}

/// `dL/da_j = 2 |w_j| e_j` and `dL/dw_j = 2 a_j (q_j wbar_j + sum_b nu_b asin(t) vbar_b)` from the rows; degrees 0 and 1 add
/// `2 |w_j| S_0/sqrt(2 pi) + S_1 . w_j` and `a_j (2 S_0/sqrt(2 pi) wbar_j + S_1)`.
fn fill<A: Arithmetic>(
    arithmetic: &A,
    atoms: &ScaledAtoms<'_, A::Number>,
    rows: &[Row<A::Number>],
    low: Option<&LowDegrees<A::Number>>,
    roundoff: &Roundoff,
    gradient: &mut Gradient,
) {
    let d = atoms.dimension();
    let Atoms { student, twin_signs, .. } = atoms.given;
    let students = atoms.given.students();
    gradient.reset(student.neurons(), d);
    let (mut second_error, mut first_error) = (0.0, 0.0);
    let pi = arithmetic.pi();
    let two = arithmetic.number(2.0);
    for (b, row) in rows.iter().enumerate() {
        let j = atoms.origin[b];
        if j >= students {
            break;
        }
        let twin = twin_signs.get(j).map(|sign| (students + j, *sign));
        let length = &atoms.lengths[b];
        // Everything below is for the scaled neuron and masses first.
        let exponent = atoms.exponents[b] + atoms.scale;
        let mut along = arithmetic.div(&arithmetic.mul(length, &row.kernel), &pi);
        let mut radial = arithmetic.div(&arithmetic.div(&row.radial, length), &pi);
        let low_error = low.map_or(0.0, |low| 4.0 * (low.error + 16.0 * roundoff.unit * low.size));
        if let Some(low) = low {
            let constant = arithmetic.mul(&two, &low.constant);
            along = arithmetic.add(&along, &arithmetic.mul(&constant, length));
            for (s, v) in low.linear.iter().zip(atoms.vector(b)) {
                along = arithmetic.add(&along, &arithmetic.mul(s, &arithmetic.number(*v)));
            }
            radial = arithmetic.add(&radial, &arithmetic.div(&constant, length));
        }
        let entry = arithmetic.to_f64(&along);
        let norm = arithmetic.to_f64(length);
        let rounding = (atoms.dimension() as f64) * low_error * norm + f64::EPSILON * entry.abs();
        let entry = Bounded { value: entry, error: roundoff.second_layer(norm) + rounding };
        let entry = bounded_times_power(entry, exponent);
        second_error = maximum(second_error, entry.error);
        for (j, sign) in std::iter::once((j, 1.0)).chain(twin) {
            gradient.second_layer[j] = entry.value;
            let (weight, exponent) = normalised(student.second_layer()[j]);
            let exponent = exponent + atoms.scale;
            let factor = arithmetic.number(sign * weight);
            let out = &mut gradient.first_layer[j * d..(j + 1) * d];
            let (mut largest, mut underflow) = (0.0, 0.0);
            for (k, (g, v)) in out.iter_mut().zip(atoms.vector(b)).enumerate() {
                let mut value = arithmetic.div(&row.tangent[k], &pi);
                value = arithmetic.add(&value, &arithmetic.mul(&radial, &arithmetic.number(*v)));
                if let Some(low) = low {
                    value = arithmetic.add(&value, &low.linear[k]);
                }
                let value = arithmetic.to_f64(&arithmetic.mul(&factor, &value));
                let entry = bounded_times_power(Bounded { value, error: 0.0 }, exponent);
                *g = entry.value;
                underflow = maximum(underflow, entry.error);
                largest = maximum(largest, value.abs());
            }
            let rounding = low_error * weight.abs() + f64::EPSILON * largest;
            let error = roundoff.first_layer(weight.abs()) + rounding;
            let error = error_times_power(error, exponent);
            // Infinite if an entry overflows.
            let error = if underflow > 0.0 { with_underflow(error + underflow) } else { error };
            first_error = maximum(first_error, error);
        }
    }
    gradient.second_layer_error = second_error;
    gradient.first_layer_error = first_error;
}

/// The number of bits with which the loss's error bound is likely to fall below `relative` of a loss known to lie in
/// `loss.value + [-error, error]` from double-double; at most 1024.
pub(crate) fn bits_for(loss: Bounded, relative: f64) -> usize {
    let target =
        maximum(relative * maximum(loss.value.abs() - loss.error, 0.0), loss.error * 1e-48);
    let missing = minimum((loss.error / target).log2(), 1024.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1024"
    )]
    let bits = 106 + maximum(missing, 0.0).ceil() as usize;
    bits.next_multiple_of(64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_model::{Network, Teacher};

    #[test]
    fn pi_is_the_constant_in_both_arithmetics() {
        let exact = std::f64::consts::PI;
        let arithmetic = Double(SineTable::new());
        assert!((arithmetic.to_f64(&arithmetic.pi()) - exact).abs() <= 0.0);
        let big = Extended::new(256);
        assert!((big.to_f64(&Arithmetic::pi(&big)) - exact).abs() <= 0.0);
    }

    #[test]
    fn units_are_those_of_the_sums() {
        // ((n + 1)^2 + 10)/16 for n groups of eight.
        let double = Double(SineTable::new());
        for (dimension, units) in [(1, 14.0), (8, 14.0), (9, 19.0), (24, 26.0)] {
            assert!((16.0 * double.dot_units(dimension) - units).abs() <= 0.0, "{dimension}");
        }
        let extended = Extended::new(70);
        assert!((extended.unit() / f64::powi(2.0, -69) - 1.0).abs() <= 0.0);
        assert!((extended.dot_units(7) - 7.0).abs() <= 0.0);
    }

    #[test]
    fn bits_are_those_that_are_missing() {
        let two = |n: i32| f64::powi(2.0, n);
        let loss = Bounded { value: two(-60) + two(-80), error: two(-80) };
        // The error may be 2^-90: ten bits more than 106; then 22 and 23, on either side of a multiple of 64.
        for (relative, bits) in
            [(two(-30), 128), (two(-42), 128), (two(-43), 192), (two(0), 128), (two(20), 128)]
        {
            assert_eq!(bits_for(loss, relative), bits, "{relative:e}");
            let negative = Bounded { value: -loss.value, ..loss };
            assert_eq!(bits_for(negative, relative), bits, "{relative:e}");
        }
        // A loss that may be zero: the error is to fall by 1e-48, 160 bits.
        assert_eq!(bits_for(Bounded { value: 0.0, error: two(-80) }, 0.5), 320);
        assert_eq!(bits_for(Bounded { value: two(-80), error: two(-79) }, 0.5), 320);
    }

    const fn problem<'a>(
        teacher: &'a Teacher,
        student: &'a Network,
        degrees: Degrees,
    ) -> Problem<'a> {
        Problem { teacher, student, degrees }
    }

    /// Bounds in arithmetic of so few bits that every term stands out.
    #[test]
    fn every_term_of_the_bounds_is_the_one_derived() {
        let close = |x: f64, y: f64| (x / y - 1.0).abs() <= BITS_SEEN;
        let teacher = Teacher::new(Network::new(2, vec![1.0], vec![0.0, 2.0]).unwrap()).unwrap();
        let student = Network::new(2, vec![2.0, -3.0], vec![3.0, 4.0, 0.5, 0.0]).unwrap();
        let skip = gradiometer_model::Skip { constant: 0.5, linear: vec![3.0, -4.0] };
        let joined = student.clone().with_skip(skip).unwrap();
        let unit = f64::powi(2.0, -39);
        // Masses 10, -1.5 and -2. Two products in a dot: cosines 2 * 2 + 6 units, masses 2 + 4; sums of three, with four more.
        let total_mass = 13.5 * (1.0 + 1e-9);
        let roundoff = Roundoff {
            unit,
            cosine: 10.0,
            elementwise: 16.0,
            mass: 6.0,
            depth: 7.0,
            total_mass,
            atoms: 3.0,
        };
        // S_0 = 6.5/sqrt(2 pi) + alpha, S_1 = (9/4, 3) + beta.
        let root = (2.0 * std::f64::consts::PI).sqrt();
        let of_both = |alpha: f64, linear: f64| {
            let (constant, absolute) = (6.5 / root + alpha, 13.5 + alpha + 10.0 * alpha);
            (constant * constant + linear * linear, 2.0 * absolute * (3.0 + 2.0 + 8.0) * unit)
        };
        for (student, degrees, low) in [
            (&student, Degrees::FromTwo, None),
            (&student, Degrees::All, Some(of_both(0.0, 3.75))),
            (&joined, Degrees::All, Some(of_both(0.5, 5.25_f64.hypot(1.0)))),
        ] {
            let mut gradient = Gradient::default();
            let arithmetic = Extended::new(40);
            let computed = evaluate(
                &arithmetic,
                &problem(&teacher, student, degrees),
                Some(&mut gradient),
                &Stop::new(),
            );
            let (square, error) = low.unwrap_or((0.0, 0.0));
            let size = 2.0 * square.sqrt();
            let expected = roundoff.loss()
                + 4.0 * (size + error) * error
                + 8.0 * unit * square
                + f64::EPSILON * computed.loss.value;
            assert!(close(computed.loss.error, expected), "{:?} {expected:e}", computed.loss);
            let low_error = 4.0 * (error + 16.0 * unit * size);
            // The first neuron is the longest, the second the heaviest.
            let entry = gradient.second_layer[0].abs();
            let second = roundoff.second_layer(5.0) + 10.0 * low_error + f64::EPSILON * entry;
            assert!(close(gradient.second_layer_error, second), "{second:e}");
            let entry = maximum(gradient.first_layer[2].abs(), gradient.first_layer[3].abs());
            let first = roundoff.first_layer(3.0) + 3.0 * low_error + f64::EPSILON * entry;
            assert!(close(gradient.first_layer_error, first), "{first:e}");
        }
        // Student and teacher the same: both sums vanish, and the square of their error is left.
        let unit = f64::powi(2.0, -11);
        let same = evaluate(
            &Extended::new(12),
            &problem(&teacher, teacher.network(), Degrees::All),
            None,
            &Stop::new(),
        );
        let total_mass = 4.0 * (1.0 + 1e-9);
        let roundoff = Roundoff { unit, depth: 6.0, total_mass, atoms: 2.0, ..roundoff };
        let error = 2.0 * 4.0 * (2.0 + 2.0 + 8.0) * unit;
        assert!(same.loss.value.abs() <= 0.0);
        assert!(close(same.loss.error, roundoff.loss() + 4.0 * error * error), "{:?}", same.loss);
    }

    #[test]
    fn twins_are_merged_and_told_apart_where_they_differ() {
        let teacher = Teacher::new(Network::new(2, vec![1.0], vec![0.0, 2.0]).unwrap()).unwrap();
        // The second half mirrors the first; in another order it does not.
        let rows = [[3.0, 4.0], [0.5, 0.0], [3.0, 4.0], [-0.5, 0.0]];
        let (weights, order) = ([2.0, -3.0, 1.0, 1.0], [0, 2, 1, 3]);
        let mirrored = Network::new(2, weights.to_vec(), rows.concat()).unwrap();
        let mixed = order.map(|j| rows[j]).concat();
        let mixed = Network::new(2, order.map(|j| weights[j]).to_vec(), mixed).unwrap();
        let arithmetic = Extended::new(128);
        for degrees in [Degrees::FromTwo, Degrees::All] {
            let (mut one, mut other) = (Gradient::default(), Gradient::default());
            let found = evaluate(
                &arithmetic,
                &problem(&teacher, &mirrored, degrees),
                Some(&mut one),
                &Stop::new(),
            );
            let whole = evaluate(
                &arithmetic,
                &problem(&teacher, &mixed, degrees),
                Some(&mut other),
                &Stop::new(),
            );
            let is = |x: f64, y: f64, errors: [f64; 2]| {
                assert!((x - y).abs() <= errors[0] + errors[1], "{degrees:?}: {x:e} {y:e}");
            };
            is(found.loss.value, whole.loss.value, [found.loss.error, whole.loss.error]);
            for (k, &j) in order.iter().enumerate() {
                let errors = [one.second_layer_error, other.second_layer_error];
                is(one.second_layer[j], other.second_layer[k], errors);
                let errors = [one.first_layer_error, other.first_layer_error];
                for x in 0..2 {
                    is(one.first_layer[2 * j + x], other.first_layer[2 * k + x], errors);
                }
            }
        }
        // Masses 15, -1 and -2, and one more rounding in a mass.
        let arithmetic = Extended::new(40);
        let found = evaluate(
            &arithmetic,
            &problem(&teacher, &mirrored, Degrees::FromTwo),
            None,
            &Stop::new(),
        )
        .loss;
        let roundoff = Roundoff {
            unit: arithmetic.unit(),
            cosine: 10.0,
            elementwise: 16.0,
            mass: 7.0,
            depth: 7.0,
            total_mass: 18.0 * (1.0 + 1e-9),
            atoms: 3.0,
        };
        let expected = roundoff.loss() + f64::EPSILON * found.value.abs();
        assert!((found.error / expected - 1.0).abs() <= BITS_SEEN, "{found:?} {expected:e}");
    }

    /// Digits of a bound that are compared: forty bits of its numbers less what their sums lose.
    const BITS_SEEN: f64 = 1.0 / (1_u64 << 32) as f64;
}
