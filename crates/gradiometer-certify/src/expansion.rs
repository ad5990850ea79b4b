//! The certificate `eta` in a frame's coordinates: its value, gradient and second derivative around a point, with bounds.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::maximum;

use crate::frame::Frame;
use crate::interpolant::{Interpolant, Term};
use crate::kernel::Kernel;
use crate::linear::{centred, norm_bound};

/// One summand `A K(w.u) + K'(w.u) B.w` of `eta` in coordinates: float vectors with bounds of their errors.
#[derive(Clone, Debug)]
struct Summand {
    value: Enclosure,
    direction: Vec<f64>,
    direction_error: f64,
    slope: Vec<f64>,
    slope_error: f64,
    slope_norm: f64,
}

/// `eta` on the unit sphere of a frame's space.
#[derive(Clone, Debug)]
pub(crate) struct FrameExpansion {
    kernel: Kernel,
    summands: Vec<Summand>,
    size: usize,
}

/// What is known of `eta` on the ball of angular radius `Theta` around a unit vector `c`.
///
/// With unit tangents `e` at `c` and the unit-speed geodesic `w(theta)` from `c` along `e`, for `0 <= theta <= Theta`:
/// `d/dtheta eta(w) at 0 = gradient . e +- gradient_error`, and
/// `(d/dtheta)^2 eta(w) = e.(matrix) e +- matrix_error - radial_term`.
#[derive(Clone, Debug, Default)]
pub(crate) struct BallExpansion {
    /// The summands of `eta(c)`, but for one that is left out.
    pub(crate) terms: Vec<Term>,
    pub(crate) gradient: Vec<f64>,
    pub(crate) gradient_error: f64,
    pub(crate) matrix: Vec<f64>,
    pub(crate) matrix_error: f64,
    pub(crate) radial_term: Option<Enclosure>,
    /// Cosines `c . u_k`.
    pub(crate) cosines: Vec<Enclosure>,
    /// Cosines `w . u_k` over the ball.
    pub(crate) cosine_over_ball: Vec<Enclosure>,
    /// Tangent parts of the directions at `c`, row-major.
    pub(crate) tangents: Vec<f64>,
    /// Tangent part of the current slope, scratch.
    slope: Vec<f64>,
}

/// A ball on the sphere: centre `c` (floats within `centre_error` of a unit vector) and the exact angle `asin(sine)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ball<'a> {
    pub(crate) centre: &'a [f64],
    pub(crate) centre_error: f64,
    pub(crate) sine: f64,
}

impl Ball<'_> {
    /// Cosine of the radius.
    pub(crate) fn cosine(&self) -> Enclosure {
        let s = Enclosure::from(self.sine);
        ((Enclosure::ONE - s) * (Enclosure::ONE + s)).sqrt()
    }
}

impl FrameExpansion {
    pub(crate) fn new(interpolant: &Interpolant, frame: &Frame) -> Self {
        let summands = (0..interpolant.directions.count())
            .map(|k| {
                let (direction, direction_error) = centred(&frame.coordinates[k]);
                let coordinates = interpolant.combine(k, &frame.coordinates);
                let (slope, slope_error) = centred(&coordinates);
                let slope_norm = norm_bound(&coordinates);
                let value = interpolant.values[k];
                Summand { value, direction, direction_error, slope, slope_error, slope_norm }
            })
            .collect();
        Self { kernel: interpolant.kernel.clone(), summands, size: frame.size }
    }

    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    pub(crate) const fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// `A_k`.
    pub(crate) fn value(&self, k: usize) -> Enclosure {
        self.summands[k].value
    }

    /// `B_k` in floats, a bound of its error and of its norm.
    pub(crate) fn slope(&self, k: usize) -> (&[f64], f64, f64) {
        let summand = &self.summands[k];
        (&summand.slope, summand.slope_error, summand.slope_norm)
    }

    /// Bound of the distance of direction `k` from its float coordinates.
    pub(crate) fn direction_error(&self, k: usize) -> f64 {
        self.summands[k].direction_error
    }

    /// Encloses the cosines at the centre and over the ball, and nothing else.
    pub(crate) fn locate(&self, ball: &Ball<'_>, local: &mut BallExpansion) {
        let n = self.size;
        // docs/BOUNDS.md, "Dot products": n eps / 2 would do.
        let rounding = 2.0 * (n as f64 + 4.0) * f64::EPSILON;
        let (sine, cosine) = (Enclosure::from(ball.sine), ball.cosine());
        local.cosines.clear();
        local.cosine_over_ball.clear();
        for summand in &self.summands {
            // |fl(c.u) - c.u| <= error: both vectors are off, and have norms at most 1 + tiny.
            let error = ball.centre_error + summand.direction_error + rounding;
            let t = around_cosine(plain_dot(ball.centre, &summand.direction), error); // cos phi
            let distance = ((Enclosure::ONE - t) * (Enclosure::ONE + t)).sqrt(); // sin phi
            // far <= cos(phi + Theta), or -1 if the ball may reach -u.
            let far = if t.certainly_greater(-cosine) {
                (t * cosine - distance * sine).lo()
            } else {
                -1.0
            };
            // near >= cos(phi - Theta), or 1 if the ball may reach u.
            let near =
                if t.certainly_less(cosine) { (t * cosine + distance * sine).hi() } else { 1.0 };
            local.cosines.push(t);
            // far <= w.u <= near for every w of the ball.
            let (far, near) = (maximum(far, -1.0), if near < 1.0 { near } else { 1.0 });
            local.cosine_over_ball.push(Enclosure::new(far, near));
        }
    }

    /// Gradient and second derivative over a ball whose cosines are located; the summand `skip` is left out.
    ///
    /// A summand is `A K(t) + K'(t) b` with `t = w.u` and `b = w.B`. Along a unit-speed geodesic with velocity `v` its
    /// first derivative is `p1 (v.u) + p2 (v.B)` with `p1 = A K' + K'' b`, `p2 = K'`, and its second one
    /// `p (v.u)^2 + 2 q (v.u)(v.B) - (p1 t + p2 b)` with `p = A K'' + K''' b`, `q = K''`.
    pub(crate) fn expand(&self, ball: &Ball<'_>, skip: Option<usize>, local: &mut BallExpansion) {
        let n = self.size;
        let epsilon = f64::EPSILON * (n as f64 + 4.0);
        let (sine, cosine) = (Enclosure::from(ball.sine), ball.cosine());
        let versine = Enclosure::ONE - cosine;
        let within = Enclosure::new(-1.0, 1.0);
        let mut radial_term = Enclosure::ZERO;
        let mut gradient_error = Enclosure::ZERO;
        let mut matrix_error = Enclosure::ZERO;
        // Sums of moduli that scale the rounding errors of the plain sums below.
        let (mut gradient_scale, mut matrix_scale) = (Enclosure::ZERO, Enclosure::ZERO);
        local.gradient.clear();
        local.gradient.resize(n, 0.0);
        local.matrix.clear();
        local.matrix.resize(n * n, 0.0);
        local.tangents.clear();
        local.terms.clear();
        for (k, summand) in self.summands.iter().enumerate() {
            let start = local.tangents.len();
            let (t, t_over_ball) = (local.cosines[k], local.cosine_over_ball[k]);
            let along = t.midpoint();
            // |tangent - (u - (u.c) c)| <= direction_error + 2 centre_error + 4 epsilon
            local
                .tangents
                .extend(summand.direction.iter().zip(ball.centre).map(|(u, c)| u - along * c));
            if skip == Some(k) {
                continue;
            }
            let plain = plain_dot(ball.centre, &summand.slope);
            let b_error =
                summand.slope_error + summand.slope_norm * (ball.centre_error + 2.0 * epsilon);
            let b = Enclosure::around(plain, b_error); // B.c
            let [k0, k1, k2, k3] = self.kernel.jet(t); // at the centre
            let [_, r1, r2, r3] = self.kernel.jet(t_over_ball); // over the ball
            let a = summand.value;
            local.terms.push(Term { cosine: t, slope: b, value: k0, first: k1 });

            let (p1, p2) = (a * k1 + k2 * b, k1);
            let (f1, f2) = (p1.midpoint(), p2.midpoint());
            let slope_norm = Enclosure::from(summand.slope_norm); // >= |B|
            // |p1 u - f1 u~| + |p2 B - f2 B~| <= what is added
            gradient_error += Enclosure::from(p1.radius())
                + slope_norm * p2.radius()
                + Enclosure::from(f1.abs()) * summand.direction_error
                + Enclosure::from(f2.abs()) * summand.slope_error;
            gradient_scale += Enclosure::from(f1.abs()) + slope_norm * f2.abs();
            let tangent = &local.tangents[start..];
            local.slope.clear();
            local.slope.extend(summand.slope.iter().zip(ball.centre).map(|(b, c)| b - plain * c));
            for (g, (u, b)) in local.gradient.iter_mut().zip(tangent.iter().zip(&local.slope)) {
                *g += f1 * u + f2 * b;
            }

            // w = c cos + e sin: |w.B - (c.B) cos| = |e.B| sin <= |B| sin
            let b_over_ball = b * Enclosure::ONE.hull(cosine) + slope_norm * sine * within;
            let (p, q) = (a * k2 + k3 * b, k2);
            let (p_over_ball, q_over_ball) = (a * r2 + r3 * b_over_ball, r2);
            let (fp, fq) = (p.midpoint(), q.midpoint());
            radial_term += (a * r1 + r2 * b_over_ball) * t_over_ball + r1 * b_over_ball;
            let p_error = (p_over_ball - fp).magnitude(); // |p(w) - fp| <= p_error
            let q_error = (q_over_ball - fq).magnitude(); // |q(w) - fq| <= q_error
            let mignitude = Enclosure::from(t_over_ball.mignitude());
            let x_bound = (Enclosure::ONE - mignitude.square()).sqrt(); // |v.u| <= x_bound
            let centre_error = ball.centre_error + 4.0 * epsilon;
            // x = v.u, x~ = e.tangent: |x - x~| = |(cos - 1) e.u - sin c.u| + errors <= x_error
            let x_error = t.abs() * sine
                + versine * x_bound
                + (Enclosure::from(summand.direction_error) + centre_error);
            // y = v.B, y~ = e.(tangent of B): |y - y~| <= y_error, for the same reason
            let y_error = b.abs() * sine
                + versine * slope_norm
                + (Enclosure::from(summand.slope_error) + slope_norm * centre_error);
            // |p x^2 - fp x~^2| <= p_error x^2 + |fp| |x - x~| (2 |x| + |x - x~|), and twice
            // |q x y - fq x~ y~| <= q_error |x y| + |fq| (|x - x~| |y| + (|x| + |x - x~|) |y - y~|)
            matrix_error += x_bound.square() * p_error
                + x_error * (x_bound * 2.0 + x_error) * fp.abs()
                + x_bound * slope_norm * (2.0 * q_error)
                + (x_error * slope_norm + (x_bound + x_error) * y_error) * (2.0 * fq.abs());
            matrix_scale += Enclosure::from(fp.abs()) + slope_norm * (2.0 * fq.abs());
            let rows = local.matrix.chunks_exact_mut(n);
            for (row, (ux, bx)) in rows.zip(tangent.iter().zip(&local.slope)) {
                for (m, (uy, by)) in row.iter_mut().zip(tangent.iter().zip(&local.slope)) {
                    *m += fp * ux * uy + fq * (ux * by + bx * uy);
                }
            }
        }
        // docs/BOUNDS.md, "Plain sums": half of this would do for the gradient, less for the matrix.
        let sums = f64::EPSILON * (self.summands.len() as f64 + 8.0 * n as f64 + 32.0);
        gradient_error += gradient_scale * (sums + 4.0 * ball.centre_error);
        matrix_error += matrix_scale * (sums * (n as f64));
        // |eta' - gradient.e| <= gradient_error at 0, |eta'' - (e.(matrix) e - radial_term)| <= matrix_error
        local.gradient_error = gradient_error.hi();
        local.matrix_error = matrix_error.hi();
        local.radial_term = Some(radial_term);
    }
}

fn around_cosine(t: f64, error: f64) -> Enclosure {
    Enclosure::around(t, error)
        .intersection(Enclosure::new(-1.0, 1.0))
        .unwrap_or(Enclosure::UNDEFINED)
}

pub(crate) fn plain_dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
pub(crate) mod tests;
