//! Caps around the teachers' directions, where the bound follows from the second derivative along geodesics.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::maximum;

use crate::expansion::{Ball, BallExpansion, FrameExpansion, plain_dot};
use crate::frame::Frame;
use crate::interpolant::Interpolant;
use crate::linear::largest_on_sphere;

/// A proved cap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cap {
    /// Its angular radius.
    pub(crate) radius: f64,
    /// Shells that were bounded.
    pub(crate) shells: usize,
}

/// Radii that are tried for the first shell; the largest that holds is refined further.
const FIRST_STEPS: std::ops::Range<i32> = 4..28;
/// Shells per first step, so that the second derivative's growth is followed closely.
const REFINEMENT: f64 = 8.0;
/// Caps end here at the latest.
const LARGEST_RADIUS: f64 = 0.75;
/// Distance up to which probes look at the second derivative.
const PROBED: f64 = 1.0 / 65536.0;
/// Steps of the probes' ascent.
const ASCENT_STEPS: usize = 200;

/// Proves `|eta(w)| <= 1 - rho delta(w, u_i)^2` for all `w` within some angle of `u_i`; `None` if not even close to it.
///
/// Let `g(s) = sign(alpha_i) eta` at distance `s` along a unit-speed geodesic from `u_i`, so `g(0) = 1` and `g'(0) = 0`
/// exactly. On shells `[s_n, s_{n+1}]` a bound `G_n >= g''` over all geodesics is proved; then
/// `V_n = bound of g(s_n) - 1 + rho s_n^2` and `D_n = bound of g'(s_n) + 2 rho s_n` follow by
/// `D_{n+1} = D_n + (G_n + 2 rho) h`, `V_{n+1} = V_n + D_n h + (G_n + 2 rho) h^2 / 2`, and the claim holds on the shell if
/// `V_n + max(D_n, 0) h + max(G_n + 2 rho, 0) h^2 / 2 <= 0`. The first shell thus needs `g'' <= -2 rho`. With `M >= |g''|`
/// the lower side `g >= -1 + rho s^2` follows from `(M/2 + rho) s^2 <= 2`.
pub(crate) fn prove(interpolant: &Interpolant, i: usize, rho: f64) -> Option<Cap> {
    let frame = Frame::new(&interpolant.directions, i);
    let expansion = FrameExpansion::new(interpolant, &frame);
    if expansion.size() == 1 {
        // One direction and its opposite: nothing else exists.
        return Some(Cap { radius: std::f64::consts::FRAC_PI_2, shells: 0 });
    }
    let mut shells = Shells::new(&expansion, interpolant.directions.signs[i], i, rho);
    let step = FIRST_STEPS.map(|k| f64::powi(0.5, k)).find(|&h| shells.curvature_holds(h))?;
    let h = step / REFINEMENT;
    let (mut value, mut slope) = (Enclosure::ZERO, Enclosure::ZERO);
    let mut largest = 0.0;
    let mut radius = 0.0;
    while radius < LARGEST_RADIUS {
        // Multiples of a power of two: exact.
        let next = radius + h;
        let Some((upper, modulus)) = shells.bound(radius, next) else { break };
        largest = maximum(largest, modulus);
        let excess = Enclosure::from(upper) + 2.0 * rho; // >= g'' + 2 rho on the shell
        // value >= g - 1 + rho s^2 and slope >= its derivative, at the shell's beginning.
        if !(never_positive(value, slope, excess, h) && lower_side_holds(largest, rho, next)) {
            break;
        }
        // |g| <= 1 - rho s^2 for all s up to next.
        (value, slope) = advance(value, slope, excess, h);
        radius = next;
    }
    (radius > 0.0).then_some(Cap { radius, shells: shells.count })
}

/// Whether certainly `g >= -1 + rho s^2` for all `s` in `[0, radius]`, if `g(0) = 1`, `g'(0) = 0` and `|g''| <= modulus` there:
/// then `g >= 1 - modulus s^2 / 2`.
fn lower_side_holds(modulus: f64, rho: f64, radius: f64) -> bool {
    ((Enclosure::from(modulus).half() + rho) * Enclosure::from(radius).square()).hi() <= 2.0
}

/// Whether certainly `V + D s + E s^2 / 2 <= 0` for all `s` in `[0, h]`.
fn never_positive(value: Enclosure, slope: Enclosure, excess: Enclosure, h: f64) -> bool {
    let falling = value.hi() <= 0.0 && slope.hi() <= 0.0 && excess.hi() <= 0.0;
    let half_square = Enclosure::from(h).square().half();
    let peak =
        value + slope.larger(Enclosure::ZERO) * h + excess.larger(Enclosure::ZERO) * half_square;
    falling || peak.hi() <= 0.0
}

/// Upper bounds of `V + D h + E h^2 / 2` and of `D + E h`.
fn advance(
    value: Enclosure,
    slope: Enclosure,
    excess: Enclosure,
    h: f64,
) -> (Enclosure, Enclosure) {
    let half_square = Enclosure::from(h).square().half();
    let value = Enclosure::from((value + slope * h + excess * half_square).hi());
    (value, Enclosure::from((slope + excess * h).hi()))
}

/// Bounds of the second derivative of `sign eta` over shells around `u_i`.
struct Shells<'a> {
    expansion: &'a FrameExpansion,
    sign: f64,
    i: usize,
    rho: f64,
    centre: Vec<f64>,
    local: BallExpansion,
    count: usize,
}

impl<'a> Shells<'a> {
    fn new(expansion: &'a FrameExpansion, sign: f64, i: usize, rho: f64) -> Self {
        // The frame begins with u_i.
        let mut centre = vec![0.0; expansion.size()];
        centre[0] = 1.0;
        Self { expansion, sign, i, rho, centre, local: BallExpansion::default(), count: 0 }
    }

    /// Whether `g'' <= -2 rho` for all geodesics up to distance `h`.
    fn curvature_holds(&mut self, h: f64) -> bool {
        self.bound(0.0, h)
            .is_some_and(|(upper, _)| (Enclosure::from(upper) + 2.0 * self.rho).hi() <= 0.0)
    }

    /// Upper bound of `g''` and bound of `|g''|` for distances in `[from, to]`.
    ///
    /// The own summand depends on the distance and on `B_i.e` alone:
    /// `(d/ds)^2 [A K(cos s) + K'(cos s) sin s (B.e)] = A kappa(s) - kappa'(s) (B.e)`, `kappa = (d/ds)^2 K(cos s)`.
    /// The others are bounded over the whole ball of radius `to`.
    fn bound(&mut self, from: f64, to: f64) -> Option<(f64, f64)> {
        let (tangent, linear, rest) = self.form(from, to)?;
        let upper = (Enclosure::from(largest_on_sphere(&tangent, &linear)) + rest).hi();
        let size =
            |x: &[f64]| x.iter().map(|&v| Enclosure::from(v).square()).sum::<Enclosure>().sqrt();
        let modulus = (size(&tangent) + size(&linear) + rest.abs()).hi();
        (upper.is_finite() && modulus.is_finite()).then_some((upper, modulus))
    }

    /// Float `M`, `l` and an enclosure `c` with `g'' in e.M e + l.e + c` for all unit tangents `e` and distances in
    /// `[from, to]`.
    fn form(&mut self, from: f64, to: f64) -> Option<(Vec<f64>, Vec<f64>, Enclosure)> {
        self.count += 1;
        let n = self.expansion.size();
        let sine = Enclosure::from(to).sin().hi();
        let ball = Ball { centre: &self.centre, centre_error: 0.0, sine };
        self.expansion.locate(&ball, &mut self.local);
        self.expansion.expand(&ball, Some(self.i), &mut self.local);
        let (kappa, derivative) = self.expansion.kernel().radial(Enclosure::new(from, to));
        let (slope, slope_error, slope_norm) = self.expansion.slope(self.i);
        let middle = -self.sign * derivative.midpoint();
        let linear: Vec<f64> = slope[1..].iter().map(|b| b * middle).collect();
        let linear_error = Enclosure::from(slope_norm)
            * (Enclosure::from(derivative.radius()) + middle.abs() * f64::EPSILON)
            + Enclosure::from(slope_error) * middle.abs();
        let tangent: Vec<f64> = (1..n)
            .flat_map(|x| (1..n).map(move |y| (x, y)))
            .map(|(x, y)| self.sign * self.local.matrix[x * n + y])
            .collect();
        let rest = (self.expansion.value(self.i) * kappa - self.local.radial_term?) * self.sign
            + (Enclosure::from(self.local.matrix_error) + linear_error) * Enclosure::new(-1.0, 1.0);
        Some((tangent, linear, rest))
    }
}

/// Points near `u_i`, in its frame's coordinates, where a violation is likely if the second derivative exceeds `-2 rho`:
/// along the geodesics on which it is largest (found by ascent, no proof), at halving distances.
pub(crate) fn probes(interpolant: &Interpolant, frame: &Frame, i: usize) -> Vec<Vec<f64>> {
    let expansion = FrameExpansion::new(interpolant, frame);
    let n = expansion.size();
    let mut shells = Shells::new(&expansion, interpolant.directions.signs[i], i, 0.0);
    let Some((matrix, linear, _)) = shells.form(0.0, PROBED) else { return Vec::new() };
    let k = n - 1;
    let shift = matrix.iter().map(|x| x * x).sum::<f64>().sqrt();
    let mut points = Vec::new();
    for start in 0..2 * k {
        let mut e = vec![0.0; k];
        e[start / 2] = if start % 2 == 0 { 1.0 } else { -1.0 };
        for _ in 0..ASCENT_STEPS {
            // (M + |M| I) is positive semidefinite, so that every step ascends.
            let next: Vec<f64> = (0..k)
                .map(|x| {
                    let row = &matrix[x * k..(x + 1) * k];
                    plain_dot(row, &e) + shift * e[x] + 0.5 * linear[x]
                })
                .collect();
            let norm = plain_dot(&next, &next).sqrt();
            if norm > 0.0 {
                e = next.iter().map(|x| x / norm).collect();
            }
        }
        for halving in 1..=20 {
            let (sin, cos) = f64::powi(0.5, halving).sin_cos();
            let mut point = vec![cos];
            point.extend(e.iter().map(|x| x * sin));
            points.push(point);
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use gradiometer_hermite::float::maximum_of;
    use gradiometer_model::{Network, Teacher};

    use super::*;
    use crate::kernel::DegreeWeights;

    fn interpolant() -> Interpolant {
        let rows = [[1.0, 0.2, 0.1], [-0.3, 1.0, 0.2], [0.1, 0.4, -1.0], [0.8, -0.6, 0.7]];
        let network = Network::new(3, vec![1.0, -1.0, 1.0, -1.0], rows.concat()).unwrap();
        let weights = DegreeWeights::from_degree(4).unwrap();
        Interpolant::certificate(&Teacher::new(network).unwrap(), &weights).unwrap()
    }

    #[test]
    fn a_parabola_that_rises_above_zero_is_refused() {
        let numbers = [-4.0, -1.0, -0.25, 0.0, 0.25, 1.0, 4.0];
        let (mut held, h) = (0, 0.5);
        for v in numbers {
            for d in numbers {
                for e in numbers {
                    // All exact.
                    let at = |s: f64| v + d * s + 0.5 * e * s * s;
                    let highest = maximum_of((0..=64).map(|k| at(h * f64::from(k) / 64.0)));
                    let [value, slope, excess] = [v, d, e].map(Enclosure::from);
                    let holds = never_positive(value, slope, excess, h);
                    assert!(!(holds && highest > 0.0), "{v} {d} {e}");
                    // What rises and falls again, or falls and rises, may be refused, and what touches zero.
                    let turns = d * e < 0.0;
                    assert!(holds || turns || highest >= 0.0, "{v} {d} {e}");
                    held += usize::from(holds);
                }
            }
        }
        let (zero, nan) = (Enclosure::ZERO, Enclosure::UNDEFINED);
        assert!(held > 0 && never_positive(zero, zero, zero, h));
        assert!(!never_positive(nan, zero, zero, h) && !never_positive(zero, nan, zero, h));
        assert!(!never_positive(zero, zero, nan, h));
    }

    #[test]
    fn a_shell_leads_to_the_parabola_s_value_and_slope_at_its_end() {
        let numbers = [-4.0, -0.25, 0.0, 1.0, 3.0];
        let h = 0.25;
        for v in numbers {
            for d in numbers {
                for e in numbers {
                    let [value, slope, excess] = [v, d, e].map(Enclosure::from);
                    let (value, slope) = advance(value, slope, excess, h);
                    // A dozen roundings of numbers below 8, upwards.
                    let just_above =
                        |x: f64, exact: f64| exact <= x && x <= exact + 12.0 * f64::EPSILON * 8.0;
                    assert!(just_above(value.lo(), v + d * h + 0.5 * e * h * h), "{v} {d} {e}");
                    assert!(just_above(slope.lo(), d + e * h), "{v} {d} {e}");
                }
            }
        }
    }

    #[test]
    fn the_lower_side_is_refused_where_the_steepest_fall_would_break_it() {
        let numbers = [0.0, 0.25, 1.0, 4.0, 9.0, 30.0];
        let (mut held, mut refused) = (0, 0);
        for modulus in numbers {
            for rho in [0.0, 0.5, 2.0, 20.0] {
                for radius in [0.125, 0.25, 0.5, 0.75] {
                    // g = 1 - modulus s^2 / 2 against -1 + rho s^2, all exact.
                    let room = 2.0 - (0.5 * modulus + rho) * radius * radius;
                    let holds = lower_side_holds(modulus, rho, radius);
                    assert!(!(holds && room < 0.0), "{modulus} {rho} {radius}");
                    assert!(holds || room <= 0.0, "{modulus} {rho} {radius}");
                    held += usize::from(holds);
                    refused += usize::from(!holds);
                }
            }
        }
        assert!(held > 10 && refused > 10, "{held} {refused}");
        assert!(!lower_side_holds(f64::NAN, 0.5, 0.25) && !lower_side_holds(1.0, f64::NAN, 0.25));
    }

    #[test]
    fn a_cap_ends_before_a_fall_below_minus_one() {
        // g = 1 - steep (1 - eta) of one neuron: from 1 with slope 0, and below -1 well within the largest cap. The upper side
        // holds everywhere, so that only the lower one can end the cap.
        let network = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
        let weights = DegreeWeights::from_degree(2).unwrap();
        let eta = Interpolant::certificate(&Teacher::new(network).unwrap(), &weights).unwrap();
        let rho = 0.25;
        for steep in [8.0, 16.0, 64.0] {
            let mut steeper = eta.clone();
            steeper.values[0] = steeper.values[0] * steep;
            let radius = prove(&steeper, 0, rho).unwrap().radius;
            let above = |s: f64| {
                let (value, _) = eta.at(&[s.cos(), s.sin()]);
                let g = Enclosure::ONE - (Enclosure::ONE - value) * steep;
                g.lo() >= rho * s * s - 1.0
            };
            let fails = (1..=1024).map(|k| f64::from(k) / 1024.0).find(|&s| !above(s)).unwrap();
            assert!(fails < LARGEST_RADIUS, "{steep}: {fails}");
            assert!(radius <= fails && radius > 0.75 * fails, "{steep}: {radius} of {fails}");
        }
    }

    #[test]
    fn caps_end_just_before_the_bound_fails() {
        // One neuron: (1 - eta) / delta^2 falls with the distance, so that each rho fails from one distance on.
        let network = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
        let weights = DegreeWeights::from_degree(2).unwrap();
        let eta = Interpolant::certificate(&Teacher::new(network).unwrap(), &weights).unwrap();
        for fails in [0.125, 0.25, 0.5, 0.625] {
            let (sin, cos) = f64::sin_cos(fails);
            let (value, delta) = eta.at(&[cos, sin]);
            let rho = ((Enclosure::ONE - value) / delta.square()).hi();
            let cap = prove(&eta, 0, rho).unwrap();
            assert!(cap.radius <= fails && cap.radius > 0.875 * fails, "{fails}: {cap:?}");
        }
    }

    #[test]
    fn probes_reach_the_largest_second_derivative() {
        let eta = interpolant();
        for i in 0..4 {
            let frame = Frame::new(&eta.directions, i);
            let expansion = FrameExpansion::new(&eta, &frame);
            let mut shells = Shells::new(&expansion, eta.directions.signs[i], i, 0.0);
            let (matrix, linear, _) = shells.form(0.0, PROBED).unwrap();
            let along = |point: &Vec<f64>| {
                let e = &point[1..];
                let sin = plain_dot(e, e).sqrt();
                let rows = [plain_dot(&matrix[..2], e), plain_dot(&matrix[2..], e)];
                plain_dot(&rows, e) / (sin * sin) + plain_dot(&linear, e) / sin
            };
            let points = probes(&eta, &frame, i);
            let reached = maximum_of(points.iter().map(along));
            let largest = largest_on_sphere(&matrix, &linear);
            // Ascent and bisection both stop with half of the digits.
            let size = plain_dot(&matrix, &matrix).sqrt() + plain_dot(&linear, &linear).sqrt();
            let half = f64::EPSILON.sqrt() * size;
            assert!((reached - largest).abs() <= half, "{i}: {reached} {largest}");
            for point in &points {
                let off = (plain_dot(point, point) - 1.0).abs();
                assert!(off <= 16.0 * f64::EPSILON, "{point:?}");
            }
        }
    }

    #[test]
    fn the_own_summand_is_as_wide_as_its_slope_is_unknown() {
        // sign (A kappa(s) - kappa'(s) (B.e)) with |B - (0, 2)| <= error, in the plane, where nothing else is.
        for (error, sign) in [(0.25, 1.0), (0.0, 1.0), (0.25, -1.0)] {
            let expansion =
                crate::expansion::tests::lone(3.0, ([1.0, 0.0], 0.0), ([0.0, 2.0], error));
            let (from, to) = (0.25, 0.26);
            let (kappa, derivative) = expansion.kernel().radial(Enclosure::new(from, to));
            let (matrix, linear, rest) =
                Shells::new(&expansion, sign, 0, 0.0).form(from, to).unwrap();
            let own = kappa * 3.0;
            let unknown = (2.0 + error) * derivative.radius() + error * derivative.midpoint().abs();
            // The formula is rounded outward a few times.
            let rounding = 64.0 * f64::EPSILON;
            assert!((rest.midpoint() - sign * own.midpoint()).abs() <= rounding);
            assert!((rest.radius() - own.radius() - unknown).abs() <= rounding, "{rest}");
            assert!((linear[0] + sign * 2.0 * derivative.midpoint()).abs() <= rounding);
            assert_eq!(matrix, vec![0.0]);
        }
    }
}
