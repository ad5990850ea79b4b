//! Pairings of the functions that live on the wedge between two great spheres.
//!
//! For a teacher direction `u` and a neuron's direction `w` at angle `delta <= pi/2` from it the wedge is where `u . x` and `w . x` differ in
//! sign. Two functions live there,
//!
//! ```text
//! Neuron   (w.x)(sign(w.x) - sign(u.x)) = 2 |w.x| 1{wedge}
//! Teacher  (u.x)(sign(u.x) - sign(w.x)) = 2 |u.x| 1{wedge}
//! ```
//!
//! With the geodesic `y(tau)` from `u` to `w`, both are `2 int_0^delta g(tau) (y'(tau).x)^2 delta_0(y(tau).x) dtau`, where `g(tau) = sin(delta - tau)` for the
//! neuron and `sin(tau)` for the teacher: the second derivative of `|y.x|` is `-|y.x|` and twice the point mass. So the pairings of two
//! wedges are integrals of positive, smooth functions as long as the wedges keep apart, and nothing cancels however thin they
//! are. Two wedges of one teacher neuron have closed forms instead; two fat ones of different teachers are differences of the
//! second moments `E[x x^T sign(a.x) sign(b.x)]`.

use gradiometer_hermite::Angle;
use gradiometer_model::geometry::dot;
use std::f64::consts::{FRAC_2_PI, PI};

/// Which of the two functions of a wedge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// `2 |w.x|` on the wedge.
    Neuron,
    /// `2 |u.x|` on the wedge.
    Teacher,
}

/// A wedge: the teacher direction `u`, the unit tangent `e` there and the angle, so that `w = cos(delta) u + sin(delta) e`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wedge<'a> {
    pub(crate) teacher: usize,
    pub(crate) u: &'a [f64],
    pub(crate) e: &'a [f64],
    pub(crate) w: &'a [f64],
    pub(crate) angle: f64,
}

/// Wedges of different teachers with angles beyond this share of their separation are fat.
pub(crate) const THIN: f64 = 1.0 / 8.0;

/// Positive nodes of the ten-point Gauss-Legendre rule on `[-1, 1]`, with weights.
const LEGENDRE: [(f64, f64); 5] = [
    (0.14887433898163122, 0.29552422471475287),
    (0.4333953941292472, 0.26926671930999635),
    (0.6794095682990244, 0.21908636251598204),
    (0.8650633666889845, 0.1494513491505806),
    (0.9739065285171717, 0.06667134430868814),
];

/// Nodes and weights on `[0, length]` for functions that are smooth at the scale `separation` near 0 and at the scale of the argument
/// beyond: panels grow geometrically. The ten-point rule then has an error near rounding.
fn nodes(length: f64, separation: f64) -> Vec<(f64, f64)> {
    let mut out = Vec::new();
    let mut start = 0.0;
    while start < length {
        let reach = if 2.0 * start > separation { 2.0 * start } else { separation };
        let end = start + 0.25 * reach;
        // Short remainders join the last panel.
        let end = if end + 0.1 * reach < length { end } else { length };
        let (middle, half) = (0.5 * (start + end), 0.5 * (end - start));
        for (x, weight) in LEGENDRE {
            out.push((middle - half * x, half * weight));
            out.push((middle + half * x, half * weight));
        }
        start = end;
    }
    out
}

/// `x - sin x` without cancellation.
pub(crate) fn minus_sine(x: f64) -> f64 {
    if x.abs() > 1.0 {
        return x - x.sin();
    }
    // x^3/6 (1 - x^2/20 (1 - x^2/42 (...))), terms below rounding after ten.
    let square = x * x;
    let series = (2..=11).rev().fold(1.0, |sum, j| {
        let j = f64::from(j);
        1.0 - square / (2.0 * j * (2.0 * j + 1.0)) * sum
    });
    x * square / 6.0 * series
}

/// `1 - cos x` without cancellation.
pub(crate) fn minus_cosine(x: f64) -> f64 {
    let half = (0.5 * x).sin();
    2.0 * half * half
}

/// `sin x - x cos x` without cancellation.
fn sine_minus(x: f64) -> f64 {
    x * minus_cosine(x) - minus_sine(x)
}

/// `p^T E[x x^T sign(a.x) sign(b.x)] q` for unit `a`, `b`: with their angle `phi`, `(1 - 2 phi/pi) p.q + (2/pi) sin(phi) ((m.p)(m.q) - (n.p)(n.q))`
/// for the unit vectors `m`, `n` along `a + b` and `a - b`.
///
/// `on_a` and `on_b` are `(a.p, a.q)` and `(b.p, b.q)`.
pub(crate) fn sign_moment(angle: Angle, p_q: f64, on_a: (f64, f64), on_b: (f64, f64)) -> f64 {
    let half = 0.5 * angle.radians();
    let (sine, cosine) = half.sin_cos();
    // sin(phi)/|a + b|^2 = tan(phi/2)/2 and sin(phi)/|a - b|^2 = cot(phi/2)/2; both products vanish with their divisor.
    let over = |x: f64, y: f64| if y > 0.0 { x / y } else { 0.0 };
    let sums = 0.5 * sine * over((on_a.0 + on_b.0) * (on_a.1 + on_b.1), cosine);
    let differences = 0.5 * cosine * over((on_a.0 - on_b.0) * (on_a.1 - on_b.1), sine);
    FRAC_2_PI * (angle.complement() * p_q + sums - differences)
}

impl Wedge<'_> {
    /// The weight `g(tau)` of the module's integral.
    fn weight(&self, side: Side, tau: f64) -> f64 {
        match side {
            Side::Neuron => (self.angle - tau).sin(),
            Side::Teacher => tau.sin(),
        }
    }

    /// Sine, cosine and weighted step at the nodes along the geodesic.
    fn geodesic(&self, side: Side, separation: f64) -> Vec<(f64, f64, f64)> {
        nodes(self.angle, separation)
            .into_iter()
            .map(|(tau, step)| (tau.sin(), tau.cos(), step * self.weight(side, tau)))
            .collect()
    }

    /// The unit vector that the function's modulus is taken along.
    fn end(&self, side: Side) -> &[f64] {
        match side {
            Side::Neuron => self.w,
            Side::Teacher => self.u,
        }
    }

    /// The mean of either function: `sqrt(2/pi) (1 - cos delta)`.
    pub(crate) fn mean(&self) -> f64 {
        FRAC_2_PI.sqrt() * minus_cosine(self.angle)
    }

    /// `E[(v.x) sign(u_k.x) P(x)]` for this wedge's function `P` and teacher direction `u_k`; `separation` is the projective angle of
    /// this wedge's teacher direction and `u_k`, of no use if they are one (`same`).
    pub(crate) fn with_sign(
        &self,
        side: Side,
        v: &[f64],
        u_k: &[f64],
        same: bool,
        separation: f64,
    ) -> f64 {
        let (v_u, v_e) = (dot(v, self.u), dot(v, self.e));
        if same {
            let sine = self.angle.sin();
            return FRAC_2_PI
                * match side {
                    Side::Neuron => sine_minus(self.angle) * v_u - self.angle * sine * v_e,
                    Side::Teacher => (0.5 * minus_sine(2.0 * self.angle)) * v_u - sine * sine * v_e,
                };
        }
        let (u_u, e_u, v_k) = (dot(self.u, u_k), dot(self.e, u_k), dot(v, u_k));
        let mut sum = 0.0;
        for (sin, cos, step) in self.geodesic(side, separation) {
            let on_y = cos * u_u + sin * e_u;
            let on_turn = cos * e_u - sin * u_u;
            let across = ((1.0 - on_y) * (1.0 + on_y)).sqrt();
            let rho = on_turn / across;
            let along = (v_k - on_y * (cos * v_u + sin * v_e)) / across;
            let turn = cos * v_e - sin * v_u;
            let density = along * (1.0 - rho * rho) + 2.0 * rho * turn;
            sum += step * density;
        }
        FRAC_2_PI * sum
    }

    /// `E[P(x) Q(x)]` for a function of this wedge and one of another; `separation` is the projective angle of their teacher directions.
    pub(crate) fn with(&self, side: Side, other: &Wedge<'_>, its: Side, separation: f64) -> f64 {
        if self.teacher == other.teacher {
            return self.with_same(side, other, its);
        }
        let thin = separation * THIN;
        if self.angle > thin && other.angle > thin {
            self.with_fat(side, other, its)
        } else {
            self.with_apart(side, other, its, separation)
        }
    }

    /// Two wedges of one teacher direction: spherical trigonometry with `h = delta_1 + delta_2 - beta >= 0`, `beta` the angle between the neurons.
    fn with_same(&self, side: Side, other: &Wedge<'_>, its: Side) -> f64 {
        let (total, difference) = (self.angle + other.angle, self.angle - other.angle);
        let along = 2.0 * (0.5 * total).sin() * (0.5 * difference).sin();
        let (sine, other_sine) = (self.angle.sin(), other.angle.sin());
        let across: f64 = self
            .e
            .iter()
            .zip(other.e)
            .map(|(x, y)| (sine * x - other_sine * y) * (sine * x - other_sine * y))
            .sum();
        let half_chord = 0.5 * (along * along + across).sqrt();
        let beta = if half_chord < 1.0 { 2.0 * half_chord.asin() } else { PI };
        let excess = if total > beta { total - beta } else { 0.0 };
        let (one, three) = (minus_cosine(excess), minus_sine(excess));
        let mixed = |angle: f64| angle.sin() * one - angle.cos() * three;
        FRAC_2_PI
            * match (side, its) {
                (Side::Neuron, Side::Neuron) => beta.sin() * one + beta.cos() * three,
                (Side::Neuron, Side::Teacher) => mixed(self.angle),
                (Side::Teacher, Side::Neuron) => mixed(other.angle),
                (Side::Teacher, Side::Teacher) => {
                    let lift =
                        2.0 * (0.5 * (beta + difference)).sin() * (0.5 * (beta - difference)).sin();
                    let ratio = if beta > 0.0 { lift / beta.sin() } else { 0.0 };
                    three + one * ratio
                }
            }
    }

    /// Wedges of different teacher directions, one of them thin: the integral over both geodesics.
    fn with_apart(&self, side: Side, other: &Wedge<'_>, its: Side, separation: f64) -> f64 {
        let gram = [
            [dot(self.u, other.u), dot(self.u, other.e)],
            [dot(self.e, other.u), dot(self.e, other.e)],
        ];
        let inner = other.geodesic(its, separation);
        let mut sum = 0.0;
        for (sin, cos, step) in self.geodesic(side, separation) {
            let y = [cos * gram[0][0] + sin * gram[1][0], cos * gram[0][1] + sin * gram[1][1]];
            let turn = [cos * gram[1][0] - sin * gram[0][0], cos * gram[1][1] - sin * gram[0][1]];
            let mut row = 0.0;
            for (sin, cos, inner_step) in &inner {
                let y_z = cos * y[0] + sin * y[1];
                let y_dz = cos * y[1] - sin * y[0];
                let dy_z = cos * turn[0] + sin * turn[1];
                let dy_dz = cos * turn[1] - sin * turn[0];
                let square = (1.0 - y_z) * (1.0 + y_z);
                // Squared lengths and product of y' and z' across the plane of y and z.
                let first = 1.0 - dy_z * dy_z / square;
                let second = 1.0 - y_dz * y_dz / square;
                let mixed = dy_dz + y_z * dy_z * y_dz / square;
                let density = (first * second + 2.0 * mixed * mixed) / square.sqrt();
                row += inner_step * density;
            }
            sum += step * row;
        }
        FRAC_2_PI * sum
    }

    /// Wedges of different teacher directions, both fat: four second moments.
    fn with_fat(&self, side: Side, other: &Wedge<'_>, its: Side) -> f64 {
        let (p, q) = (self.end(side), other.end(its));
        let moment = |a: &[f64], b: &[f64]| {
            sign_moment(
                Angle::between(a, b),
                dot(p, q),
                (dot(a, p), dot(a, q)),
                (dot(b, p), dot(b, q)),
            )
        };
        // (sign of the end - sign of the start) on both sides; the teacher's function is end u, start w.
        let sign = if side == its { 1.0 } else { -1.0 };
        sign * (moment(self.w, other.w) - moment(self.w, other.u) - moment(self.u, other.w)
            + moment(self.u, other.u))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_model::geometry::normalised;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    fn gaussian(rng: &mut ChaCha8Rng, n: usize) -> Vec<f64> {
        (0..n).map(|_| rng.sample::<f64, _>(StandardNormal)).collect()
    }

    struct Owned {
        u: Vec<f64>,
        e: Vec<f64>,
        w: Vec<f64>,
        angle: f64,
    }

    impl Owned {
        fn new(u: &[f64], towards: &[f64], angle: f64) -> Self {
            let along = dot(u, towards);
            let e: Vec<f64> = towards.iter().zip(u).map(|(x, u)| x - along * u).collect();
            let e = normalised(&e);
            let w = u.iter().zip(&e).map(|(u, e)| angle.cos() * u + angle.sin() * e).collect();
            Self { u: u.to_vec(), e, w, angle }
        }

        fn wedge(&self, teacher: usize) -> Wedge<'_> {
            Wedge { teacher, u: &self.u, e: &self.e, w: &self.w, angle: self.angle }
        }

        fn value(&self, side: Side, x: &[f64]) -> f64 {
            let (w, u) = (dot(&self.w, x), dot(&self.u, x));
            if (w > 0.0) == (u > 0.0) {
                return 0.0;
            }
            2.0 * if side == Side::Neuron { w.abs() } else { u.abs() }
        }
    }

    const SIDES: [Side; 2] = [Side::Neuron, Side::Teacher];

    /// Mean of samples and its standard error.
    fn sampled(samples: u32, mut value: impl FnMut() -> f64) -> (f64, f64) {
        let (mut sum, mut square) = (0.0, 0.0);
        for _ in 0..samples {
            let v = value();
            sum += v;
            square += v * v;
        }
        let n = f64::from(samples);
        let mean = sum / n;
        (mean, ((square / n - mean * mean) / n).sqrt())
    }

    #[test]
    fn every_pairing_agrees_with_sampling() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (u, other) = (normalised(&[1.0, 0.2, 0.0]), normalised(&[0.3, 1.0, -0.5]));
        let separation = gradiometer_model::geometry::projective_angle(&u, &other);
        let v = [0.3, -0.7, 0.4];
        // Fat and fat, thin and fat, and two of one teacher.
        for (first, second, same) in [(0.6, 0.4, false), (0.1, 0.5, false), (0.5, 0.7, true)] {
            let (first, second) = (
                Owned::new(&u, &gaussian(&mut rng, 3), first),
                Owned::new(if same { &u } else { &other }, &gaussian(&mut rng, 3), second),
            );
            let (a, b) = (first.wedge(0), second.wedge(usize::from(!same)));
            for side in SIDES {
                for its in SIDES {
                    let found = a.with(side, &b, its, separation);
                    let (mean, error) = sampled(400_000, || {
                        let x = gaussian(&mut rng, 3);
                        first.value(side, &x) * second.value(its, &x)
                    });
                    assert!(
                        (found - mean).abs() <= 5.0 * error,
                        "{side:?} {its:?} {same}: {found} {mean} {error}"
                    );
                }
                let found = a.with_sign(side, &v, b.u, same, separation);
                let (mean, error) = sampled(400_000, || {
                    let x = gaussian(&mut rng, 3);
                    dot(&v, &x) * dot(b.u, &x).signum() * first.value(side, &x)
                });
                assert!(
                    (found - mean).abs() <= 5.0 * error,
                    "{side:?} {same}: {found} {mean} {error}"
                );
                let (mean, error) = sampled(100_000, || first.value(side, &gaussian(&mut rng, 3)));
                assert!((a.mean() - mean).abs() <= 5.0 * error);
            }
        }
    }

    #[test]
    fn integrals_and_moments_agree_where_both_apply() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for seed in 0..50 {
            let d = 3 + seed % 3;
            let (u, other) =
                (normalised(&gaussian(&mut rng, d)), normalised(&gaussian(&mut rng, d)));
            let separation = gradiometer_model::geometry::projective_angle(&u, &other);
            let first = Owned::new(&u, &gaussian(&mut rng, d), 0.12 * separation);
            let second = Owned::new(&other, &gaussian(&mut rng, d), 0.3 * separation);
            let (a, b) = (first.wedge(0), second.wedge(1));
            let v = gaussian(&mut rng, d);
            for side in SIDES {
                for its in SIDES {
                    let integral = a.with_apart(side, &b, its, separation);
                    let moments = a.with_fat(side, &b, its);
                    // Four moments of size one.
                    assert!(
                        (integral - moments).abs() <= 64.0 * f64::EPSILON,
                        "{integral:e} {moments:e}"
                    );
                    assert!(integral > 0.0);
                    // Moments are for two fat wedges, beyond an eighth of the separation, alone.
                    let bits = |x: f64| x.to_bits();
                    assert_eq!(bits(a.with(side, &b, its, separation)), bits(integral));
                    let fat = Wedge { teacher: 2, ..b };
                    let both = fat.with(side, &b, its, separation);
                    assert_eq!(bits(both), bits(fat.with_fat(side, &b, its)));
                }
                let q = a.end(side);
                let moment = |c: &[f64]| {
                    let (on, at) = ((dot(c, &v), dot(c, q)), (dot(b.u, &v), dot(b.u, q)));
                    sign_moment(Angle::between(c, b.u), dot(&v, q), on, at)
                };
                let sign = if side == Side::Neuron { 1.0 } else { -1.0 };
                let moments = sign * (moment(a.w) - moment(a.u));
                let integral = a.with_sign(side, &v, b.u, false, separation);
                let size = dot(&v, &v).sqrt();
                assert!(
                    (integral - moments).abs() <= 64.0 * f64::EPSILON * size,
                    "{integral:e} {moments:e}"
                );
            }
        }
    }

    #[test]
    fn one_teacher_agrees_with_moments_and_with_thin_limits() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let u = normalised(&gaussian(&mut rng, 4));
        for (x, y) in [(0.3, 0.5), (1.2, 0.1), (1.5, 1.5), (0.7, 0.7)] {
            let first = Owned::new(&u, &gaussian(&mut rng, 4), x);
            let second = Owned::new(&u, &gaussian(&mut rng, 4), y);
            for side in SIDES {
                for its in SIDES {
                    let found = first.wedge(0).with(side, &second.wedge(0), its, 0.0);
                    let moments = first.wedge(0).with_fat(side, &second.wedge(0), its);
                    assert!((found - moments).abs() <= 64.0 * f64::EPSILON, "{side:?} {its:?}");
                }
            }
        }
        // A wedge with itself: (2/pi)(2 delta - sin 2 delta) = (8/(3 pi)) delta^3 (1 - delta^2/5 + ...).
        for angle in [1e-3_f64, 1e-6, 1e-10] {
            let thin = Owned::new(&u, &gaussian(&mut rng, 4), angle);
            for side in SIDES {
                let found = thin.wedge(0).with(side, &thin.wedge(0), side, 0.0);
                let exact = 8.0 / (3.0 * PI) * angle.powi(3) * (1.0 - angle * angle / 5.0);
                let next = angle.powi(4);
                assert!(
                    (found / exact - 1.0).abs() <= 64.0 * f64::EPSILON + next,
                    "{angle}: {found:e} {exact:e}"
                );
            }
        }
    }

    #[test]
    fn the_rule_integrates_degree_nineteen() {
        for power in 0..20 {
            let sum: f64 = nodes(1.0, 4.0).iter().map(|(x, w)| w * x.powi(power)).sum();
            let exact = 1.0 / (f64::from(power) + 1.0);
            assert!((sum - exact).abs() <= 8.0 * f64::EPSILON, "{power}: {sum}");
        }
        let twenty: f64 = nodes(1.0, 4.0).iter().map(|(x, w)| w * x.powi(40)).sum();
        assert!((twenty - 1.0 / 41.0).abs() > 64.0 * f64::EPSILON);
        // Panels grow by half each: two dozen for three decades, and the sum of the weights is the length.
        let many = nodes(1.0, 1.0 / 1024.0);
        assert!(many.len() < 300, "{}", many.len());
        let total: f64 = many.iter().map(|(_, w)| w).sum();
        assert!((total - 1.0).abs() <= 64.0 * f64::EPSILON, "{total}");
    }

    #[test]
    fn small_arguments_keep_their_digits() {
        for x in [1e-8_f64, 1e-3, 0.3, 0.99, 1.01, 2.0] {
            let cubic = x.powi(3) / 6.0 * (1.0 - x * x / 20.0 * (1.0 - x * x / 42.0));
            let next = x.powi(9) / 362880.0;
            assert!((minus_sine(x) - cubic).abs() <= next + 8.0 * f64::EPSILON * cubic, "{x}");
        }
    }
}
