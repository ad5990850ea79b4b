//! Hermite coefficients of any activation by quadrature, and kernels as Hermite series with a tail bound.

use crate::activation::{Activation, Custom};
use crate::angle::Angle;
use crate::bounded::Bounded;
use crate::error::HermiteError;
use crate::float::{maximum, minimum};
use crate::kernel::{Degrees, Pair, kernel};
use crate::polynomial::{Recurrence, ScaledCoefficient};
use crate::quadrature::{GaussLegendre, gaussian};
use crate::smooth::{Expander, Part, Smooth};
use std::f64::consts::TAU;

/// Nodes of the Gauss-Legendre rule on each panel.
const PANEL_NODES: usize = 24;

/// A panel is no wider than this, and no wider than this phase of the highest degree.
const PANEL_WIDTH: f64 = 1.0;
const PANEL_PHASE: f64 = 8.0;

/// Cramer's constant: `|h_k(z)| exp(-z^2/4) <= 1.0865` for every `k` and `z`.
const CRAMER: f64 = 1.0865;

/// An activation's Hermite coefficients `c_0, ..., c_n`, its energy `E sigma(z)^2 = sum_k c_k^2`, and what follows.
///
/// Evidence level: `computed`. Errors of closed forms are bounds of their rounding; those of quadrature compare two
/// rules and add the bounded truncation: an estimate, not a certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct HermiteSeries {
    coefficients: Vec<Bounded>,
    energy: Bounded,
}

/// A kernel evaluated by its series: numbers with the bound of what the truncation left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesKernel {
    /// `K(t)` at unit norms and its error.
    pub value: Bounded,
    /// `K'(t)` and its error, infinite at `|t| = 1`.
    pub slope: Bounded,
}

impl HermiteSeries {
    /// The series of an activation up to a degree: in closed form where there is one, else by quadrature.
    ///
    /// Quadrature is a composite Gauss-Legendre rule on pieces between the kinks, so that its accuracy does not depend
    /// on where they are, over `|z| <= R` with `R` chosen by the growth bound; panels shrink with the degree.
    ///
    /// # Errors
    /// [`HermiteError::ActivationNotFinite`], [`HermiteError::GrowthExceeded`].
    ///
    /// # Examples
    /// ```
    /// use gradiometer_hermite::activation::{Activation, Custom, Growth};
    /// use gradiometer_hermite::series::HermiteSeries;
    /// // A ReLU whose kink is at 1: E max(z - 1, 0) = phi(1) - (1 - Phi(1)) = 0.0833154705876863.
    /// let growth = Growth { scale: 1.0, power: 1.0 };
    /// let shifted = Custom::new("shifted", |z| if z > 1.0 { z - 1.0 } else { 0.0 }, &[1.0], growth).unwrap();
    /// let series = HermiteSeries::of(&Activation::Custom(shifted), 8).unwrap();
    /// let mean = series.coefficients()[0];
    /// assert!((mean.value - 0.0833154705876863).abs() <= mean.error && mean.error <= 64.0 * f64::EPSILON);
    /// ```
    pub fn of(activation: &Activation, highest: usize) -> Result<Self, HermiteError> {
        if let Activation::Custom(custom) = activation {
            return by_quadrature(custom, highest);
        }
        if let Activation::Smooth(smooth) = activation {
            return Ok(by_expansion(*smooth, highest));
        }
        let coefficients = crate::exponent::closed_form_coefficients(activation, highest)?;
        let same = Pair::unit(Angle::from_radians(0.0));
        let value = kernel(activation, same, Degrees::All)?.value;
        let energy = Bounded { value, error: 8.0 * f64::EPSILON * value };
        Ok(Self { coefficients, energy })
    }

    /// The coefficients with their errors, degrees `0..=n`.
    pub fn coefficients(&self) -> &[Bounded] {
        &self.coefficients
    }

    /// `E sigma(z)^2` and its error.
    pub const fn energy(&self) -> Bounded {
        self.energy
    }

    /// A bound of the energy `sum_{k > n} c_k^2` of the degrees left out, by Parseval's identity.
    pub fn tail(&self) -> f64 {
        let (kept, slack) = self.coefficients.iter().fold((0.0, 0.0), |(kept, slack), c| {
            (kept + c.value * c.value, slack + 2.0 * c.value.abs() * c.error + c.error * c.error)
        });
        let rounding = f64::EPSILON * self.coefficients.len() as f64 * kept;
        maximum(self.energy.value - kept, 0.0) + self.energy.error + slack + rounding
    }

    /// `K(t) = sum_k c_k^2 t^k` and `K'(t)` at unit norms, with the tail's bound.
    ///
    /// What is left out is at most `tail |t|^(n+1)` in the value and `tail max_{k > n} k |t|^(k-1)` in the slope.
    pub fn kernel(&self, t: f64, degrees: Degrees) -> SeriesKernel {
        let from = match degrees {
            Degrees::All => 0,
            Degrees::FromTwo => 2,
        };
        let mut value = Bounded { value: 0.0, error: 0.0 };
        let mut slope = value;
        for (k, c) in self.coefficients.iter().enumerate().skip(from) {
            let square = c.value * c.value;
            let power = power(t, k);
            let turn = if k == 0 { 0.0 } else { k as f64 * self::power(t, k - 1) };
            let error = 2.0 * c.value.abs() * c.error
                + c.error * c.error
                + (k + self.coefficients.len()) as f64 * f64::EPSILON * square;
            value.value += square * power;
            slope.value += square * turn;
            value.error += error * power.abs();
            slope.error += error * turn.abs();
        }
        let next = self.coefficients.len();
        let tail = self.tail();
        value.error += tail * power(t.abs(), next);
        slope.error += tail * greatest_slope(t.abs(), next);
        SeriesKernel { value, slope }
    }
}

fn power(t: f64, k: usize) -> f64 {
    t.powi(i32::try_from(k).unwrap_or(i32::MAX))
}

/// An upper bound of `max_{k >= from} k t^(k-1)` for `0 <= t`; infinite for `t >= 1`.
fn greatest_slope(t: f64, from: usize) -> f64 {
    if !(t < 1.0) {
        return f64::INFINITY;
    }
    let from = maximum(from as f64, 1.0);
    // k t^k rises until k = -1/ln t and falls after.
    let peak = -1.0 / t.ln();
    if peak <= from { from * t.powf(from - 1.0) } else { peak * t.powf(peak - 1.0) }
}

/// The radius beyond which nothing counts, and a bound of what lies there, for coefficients and for the energy.
struct Cut {
    radius: f64,
    coefficient: f64,
    energy: f64,
}

impl Cut {
    /// With `|sigma| <= s (1 + |z|)^p`, the integrand of a coefficient is at most
    /// `F(z) = 1.0865 s (1 + z)^p exp(-z^2/4)/sqrt(2 pi)`. Where `z/2 - p/(1 + z) >= 1/2`, `F` falls faster than
    /// `exp(-z/2)`, so both tails together are below `4 F(R)`; likewise for the energy with `exp(-z^2/2)`.
    fn of(custom: &Custom) -> Self {
        let growth = custom.growth();
        let mut radius = 10.0;
        let size = |z: f64| (1.0_f64 + z).powf(growth.power) * (-0.25 * z * z).exp();
        while size(radius) > f64::EPSILON / 256.0
            || 0.5 * radius - growth.power / (1.0 + radius) < 0.5
        {
            radius += 0.5;
        }
        let factor = 4.0 / TAU.sqrt();
        Self {
            radius,
            coefficient: factor * CRAMER * growth.scale * size(radius),
            energy: factor * (growth.scale * size(radius)).powi(2),
        }
    }
}

fn by_expansion(smooth: Smooth, highest: usize) -> HermiteSeries {
    let expansion = Expander::new(smooth, 1.0, highest).at(1.0);
    let error = expansion.coefficient_error;
    let coefficient = |c: &ScaledCoefficient| Bounded { value: c.value, error };
    let Part { norm, rounding, .. } = expansion.value;
    HermiteSeries {
        coefficients: expansion.coefficients.iter().map(coefficient).collect(),
        energy: Bounded { value: norm * norm, error: 2.0 * norm * rounding + rounding * rounding },
    }
}

fn by_quadrature(custom: &Custom, highest: usize) -> Result<HermiteSeries, HermiteError> {
    let cut = Cut::of(custom);
    let rule = GaussLegendre::new(PANEL_NODES)?;
    let width = minimum(PANEL_WIDTH, PANEL_PHASE / (highest as f64 + 1.0).sqrt());
    let coarse = Sums::of(custom, highest, &rule, cut.radius, width)?;
    let fine = Sums::of(custom, highest, &rule, cut.radius, 0.5 * width)?;
    let together = |coarse: f64, fine: f64, size: f64, left_out: f64| Bounded {
        value: fine,
        error: (fine - coarse).abs() + 4.0 * f64::EPSILON * size + left_out,
    };
    let coefficients = (0..=highest)
        .map(|k| together(coarse.values[k], fine.values[k], fine.sizes[k], cut.coefficient))
        .collect();
    let energy = together(coarse.energy, fine.energy, fine.energy, cut.energy);
    Ok(HermiteSeries { coefficients, energy })
}

/// The integrals of one rule, with the sums of the moduli of their terms.
struct Sums {
    values: Vec<f64>,
    sizes: Vec<f64>,
    energy: f64,
}

impl Sums {
    fn of(
        custom: &Custom,
        highest: usize,
        rule: &GaussLegendre,
        radius: f64,
        width: f64,
    ) -> Result<Self, HermiteError> {
        let zero = vec![0.0; highest + 1];
        let mut sums = Self { values: zero.clone(), sizes: zero, energy: 0.0 };
        let inside = custom.kinks().iter().copied().filter(|k| k.abs() < radius);
        let ends: Vec<f64> =
            std::iter::once(-radius).chain(inside).chain(std::iter::once(radius)).collect();
        for piece in ends.windows(2) {
            let (low, high) = (piece[0], piece[1]);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a positive count, far below 2^53"
            )]
            let panels = (((high - low) / width).ceil() as usize).max(1);
            let at = |i: usize| low + (high - low) * (i as f64 / panels as f64);
            for i in 0..panels {
                for (z, weight) in rule.on(at(i), if i + 1 == panels { high } else { at(i + 1) }) {
                    sums.add(custom, z, weight)?;
                }
            }
        }
        Ok(sums)
    }

    fn add(&mut self, custom: &Custom, z: f64, weight: f64) -> Result<(), HermiteError> {
        let sigma = custom.checked_value(z)?;
        self.energy += weight * sigma * sigma * gaussian(z) / TAU.sqrt();
        // phi(z) = exp(-z^2/4)^2 / sqrt(2 pi), one factor with the polynomial.
        let factor = weight * sigma * gaussian(z * std::f64::consts::FRAC_1_SQRT_2) / TAU.sqrt();
        let degrees = self.values.iter_mut().zip(&mut self.sizes);
        for ((value, size), h) in degrees.zip(Recurrence::new(z, 0.25)) {
            *value += factor * h;
            *size += (factor * h).abs();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Growth;
    use crate::polynomial::Polynomial;
    use crate::relu;

    const LINEAR: Growth = Growth { scale: 2.0, power: 1.0 };

    fn custom(f: impl Fn(f64) -> f64 + Send + Sync + 'static, kinks: &[f64]) -> Activation {
        Activation::Custom(Custom::new("test", f, kinks, LINEAR).unwrap())
    }

    fn positive(z: f64) -> f64 {
        if z > 0.0 { z } else { 0.0 }
    }

    #[test]
    fn relu_by_quadrature_is_its_closed_form_to_degree_200() {
        let series = HermiteSeries::of(&custom(positive, &[0.0]), 200).unwrap();
        for (k, c) in series.coefficients().iter().enumerate() {
            let error = (c.value - relu::coefficient(k)).abs();
            assert!(error <= c.error, "{k}: {error:e} above {:e}", c.error);
            assert!(c.error <= 256.0 * f64::EPSILON, "{k}: {:e}", c.error);
        }
        assert!((series.energy().value - 0.5).abs() <= series.energy().error);
        assert!(series.tail() <= relu::tail_bound(201) + 1024.0 * f64::EPSILON);
    }

    #[test]
    fn every_closed_form_agrees_with_quadrature() {
        let cubic = Polynomial::from_monomials(&[0.5, -1.0, 0.25, 0.125]).unwrap();
        for (activation, kinks) in [
            (Activation::Relu, &[0.0][..]),
            (Activation::Absolute, &[0.0]),
            (Activation::Step, &[0.0]),
            (Activation::Erf, &[]),
            (Activation::Polynomial(cubic), &[]),
        ] {
            let closed = HermiteSeries::of(&activation, 60).unwrap();
            let name = activation.name().to_owned();
            let growth = Growth { scale: 2.0, power: 3.0 };
            let user =
                Custom::new(name.clone(), move |z| activation.value(z), kinks, growth).unwrap();
            let found = HermiteSeries::of(&Activation::Custom(user), 60).unwrap();
            for (k, (c, exact)) in
                found.coefficients().iter().zip(closed.coefficients()).enumerate()
            {
                let error = (c.value - exact.value).abs();
                assert!(error <= c.error + exact.error, "{name} {k}: {error:e}");
                assert!(c.error <= 1024.0 * f64::EPSILON, "{name} {k}: {:e}", c.error);
            }
            let energy = closed.energy();
            assert!((energy.error / (8.0 * f64::EPSILON * energy.value) - 1.0).abs() <= 0.0);
            let error = (found.energy().value - closed.energy().value).abs();
            assert!(error <= found.energy().error + closed.energy().error, "{name}");
        }
    }

    #[test]
    fn accuracy_does_not_depend_on_where_the_kink_is() {
        // max(z - b, 0) has c_k = he_{k-2}(b) phi(b)/sqrt(k(k-1)) for k >= 2 (two integrations by parts).
        for b in [-3.7, -1.0, -1e-3, 0.0, 0.123456, 0.5, 1.0, 2.25, 6.0] {
            let series = HermiteSeries::of(&custom(move |z| positive(z - b), &[b]), 80);
            // |z - b| <= (1 + |b|)(1 + |z|) needs more than the bound 2 for large b.
            let series = if b.abs() > 1.0 {
                assert!(b > 1.0 || series.is_err(), "{b}");
                let growth = Growth { scale: 1.0 + b.abs(), power: 1.0 };
                let user = Custom::new("shift", move |z| positive(z - b), &[b], growth).unwrap();
                HermiteSeries::of(&Activation::Custom(user), 80).unwrap()
            } else {
                series.unwrap()
            };
            let density = gaussian(b) / TAU.sqrt();
            for k in 2..=80_usize {
                let exact =
                    crate::polynomial::hermite(k - 2, b) * density / ((k * (k - 1)) as f64).sqrt();
                let c = series.coefficients()[k];
                assert!((c.value - exact).abs() <= c.error + 8.0 * f64::EPSILON, "{b} {k}");
                assert!(c.error <= 512.0 * f64::EPSILON, "{b} {k}: {:e}", c.error);
            }
        }
    }

    #[test]
    fn a_kink_that_is_not_listed_shows_in_the_error() {
        // Negative control: off every panel's end.
        let b = 0.123456;
        let blind = HermiteSeries::of(&custom(move |z| positive(z - b), &[]), 20).unwrap();
        let worst = blind.coefficients().iter().fold(0.0, |w, c| maximum(w, c.error));
        assert!(worst > 1e6 * f64::EPSILON, "{worst:e}");
    }

    #[test]
    fn bad_activations_are_refused() {
        let nan = HermiteSeries::of(&custom(|_| f64::NAN, &[]), 2);
        assert!(matches!(nan, Err(HermiteError::ActivationNotFinite { .. })));
        let cube = HermiteSeries::of(&custom(|z| z * z * z, &[]), 2);
        assert!(matches!(cube, Err(HermiteError::GrowthExceeded { .. })));
        assert!(Custom::new("x", |z| z, &[f64::NAN], LINEAR).is_err());
        assert!(Custom::new("x", |z| z, &[], Growth { scale: 1.0, power: f64::NAN }).is_err());
        assert!(
            kernel(&custom(|z| z, &[]), Pair::unit(Angle::from_cosine(0.0)), Degrees::All).is_err()
        );
    }

    #[test]
    fn the_slope_bound_is_the_greatest_term() {
        for from in [1, 2, 10, 60] {
            for t in [0.0, 0.3, 0.9, 0.99, 0.999] {
                let terms = (from..20_000).map(|k| k as f64 * power(t, k - 1));
                let greatest = terms.fold(0.0, maximum);
                let bound = greatest_slope(t, from);
                let rounding = 64.0 * from as f64 * f64::EPSILON;
                // Above every integer degree, and near the best of them: the peak is flat.
                assert!(bound >= greatest * (1.0 - rounding), "{from} {t}");
                assert!(bound <= greatest * 1.2 + rounding, "{from} {t}: {bound} {greatest}");
            }
        }
        assert!(greatest_slope(1.0, 3).is_infinite() && greatest_slope(f64::NAN, 3).is_infinite());
    }

    #[test]
    fn series_hold_the_closed_kernels_within_their_bounds() {
        for activation in
            [Activation::Relu, Activation::Absolute, Activation::Step, Activation::Erf]
        {
            let series = HermiteSeries::of(&activation, 120).unwrap();
            for degrees in [Degrees::All, Degrees::FromTwo] {
                for t in [-1.0, -0.9, -0.3, 0.0, 1e-3, 0.5, 0.8, 0.97, 1.0] {
                    let pair = Pair::unit(Angle::from_cosine(t));
                    let closed = kernel(&activation, pair, degrees).unwrap();
                    let found = series.kernel(t, degrees);
                    let error = (found.value.value - closed.value).abs();
                    assert!(
                        error <= found.value.error + 8.0 * f64::EPSILON,
                        "{activation:?} {t}: {error:e}"
                    );
                    // The gradient's second coefficient is K'(t) at unit norms.
                    let error = (found.slope.value - closed.along_second).abs();
                    assert!(
                        found.slope.error.is_infinite()
                            || error <= found.slope.error + 64.0 * f64::EPSILON,
                        "{activation:?} {degrees:?} {t}: {error:e}"
                    );
                    if t.abs() <= 0.8 {
                        assert!(
                            found.value.error < 1e6 * f64::EPSILON
                                && found.slope.error < 1e8 * f64::EPSILON
                        );
                    }
                }
            }
        }
    }

    /// `E[sigma(w.x) sigma(v.x)]` by a quadrature within a quadrature, split at the kinks of both.
    fn by_two_quadratures(activation: &Activation, pair: Pair) -> f64 {
        let (t, sine) = (pair.angle.cosine(), pair.angle.sine());
        let (r, s) = (pair.first_norm, pair.second_norm);
        let growth = Growth { scale: 100.0, power: 4.0 };
        let (inner_sigma, outer_sigma) = (activation.clone(), activation.clone());
        let inner = move |x: f64| {
            let sigma = inner_sigma.clone();
            let f = move |y: f64| sigma.value(s * (t * x + sine * y));
            // A growth bound for this x.
            let growth =
                Growth { scale: growth.scale * (1.0 + x.abs()).powi(4), power: growth.power };
            let custom = Custom::new("inner", f, &[-t * x / sine], growth).unwrap();
            HermiteSeries::of(&Activation::Custom(custom), 0).unwrap().coefficients()[0].value
        };
        let growth = Growth { scale: 1e4, power: 8.0 };
        let outer =
            Custom::new("outer", move |x| outer_sigma.value(r * x) * inner(x), &[0.0], growth);
        let outer = Activation::Custom(outer.unwrap());
        HermiteSeries::of(&outer, 0).unwrap().coefficients()[0].value
    }

    #[test]
    fn kernels_agree_with_quadrature_at_any_norms() {
        let quadratic = Polynomial::from_monomials(&[0.25, -1.0, 0.5]).unwrap();
        for activation in [
            Activation::Relu,
            Activation::Absolute,
            Activation::Step,
            Activation::Erf,
            Activation::Polynomial(quadratic),
        ] {
            for (r, s, t) in [(0.5, 2.0, -0.8), (1.5, 0.75, 0.6)] {
                let pair = Pair { first_norm: r, second_norm: s, angle: Angle::from_cosine(t) };
                let closed = kernel(&activation, pair, Degrees::All).unwrap().value;
                let found = by_two_quadratures(&activation, pair);
                // A thousand terms within a thousand, of size the kernel's.
                let slack = 512.0 * f64::EPSILON * (1.0 + closed.abs());
                assert!(
                    (found - closed).abs() <= slack,
                    "{activation:?} {r} {s} {t}: {found} {closed}"
                );
            }
        }
    }

    #[test]
    fn tail_and_errors_are_the_sums_of_their_parts() {
        let pair = |value, error| Bounded { value, error };
        let series = HermiteSeries {
            coefficients: vec![pair(3.0, 0.5), pair(-1.0, 0.25)],
            energy: pair(20.0, 0.125),
        };
        // A few roundings of numbers below 16.
        let close = |x: f64, y: f64| (x - y).abs() <= 8.0 * f64::EPSILON;
        let slack = 2.0 * 3.0 * 0.5 + 0.25 + 2.0 * 0.25 + 0.0625;
        let tail = 20.0 - 10.0 + 0.125 + slack + 2.0 * 10.0 * f64::EPSILON;
        assert!(close(series.tail(), tail), "{}", series.tail());
        let small = HermiteSeries { energy: pair(9.0, 0.125), ..series.clone() };
        assert!(close(small.tail(), 0.125 + slack + 20.0 * f64::EPSILON));
        let (errors, t) = ([3.25 + 18.0 * f64::EPSILON, 0.5625 + 3.0 * f64::EPSILON], -0.5_f64);
        let SeriesKernel { value, slope } = series.kernel(t, Degrees::All);
        assert!(close(value.value, 9.0 - 0.5) && close(slope.value, 1.0));
        let expected = errors[0] + errors[1] * 0.5 + tail * 0.25;
        assert!(close(value.error, expected), "{} {expected}", value.error);
        let expected = errors[1] + tail * greatest_slope(0.5, 2);
        assert!(close(slope.error, expected), "{} {expected}", slope.error);
        let SeriesKernel { value, slope } = series.kernel(t, Degrees::FromTwo);
        assert!(value.value.abs() <= 0.0 && slope.value.abs() <= 0.0);
        assert!(
            close(value.error, tail * 0.25) && close(slope.error, tail * greatest_slope(0.5, 2))
        );
    }

    #[test]
    fn the_cut_is_the_first_where_nothing_is_left() {
        for (scale, power) in [(1.0, 0.0), (3.0, 1.0), (0.5, 8.0), (2.0, 20.0)] {
            let growth = Growth { scale, power };
            let cut = Cut::of(&Custom::new("test", |_| 0.0, &[], growth).unwrap());
            let size = |z: f64| (1.0 + z).powf(power) * (-0.25 * z * z).exp();
            let small = |z: f64| size(z) <= f64::EPSILON / 256.0;
            let first = (20..200).map(|n| 0.5 * f64::from(n)).find(|z| small(*z)).unwrap();
            assert!((cut.radius - first).abs() <= 0.0, "{power}: {} {first}", cut.radius);
            let close = |x: f64, y: f64| (x / y - 1.0).abs() <= 64.0 * f64::EPSILON;
            let left = scale * size(first);
            assert!(close(cut.coefficient, 4.0 * 1.0865 * left / TAU.sqrt()), "{power}");
            assert!(close(cut.energy, 4.0 * left * left / TAU.sqrt()), "{power}");
        }
    }
}
