//! The certificate `eta` in a frame's coordinates: its value, gradient and second derivative around a point, with bounds.

use gradiometer_hermite::Enclosure;
use gradiometer_hermite::float::maximum;

use crate::frame::Frame;
use crate::interpolant::{Interpolant, Term};
use crate::kernel::Kernel;
use crate::linear::{centred, norm_bound};

/// One summand `A K(w.u) + K'(w.u) B.w` of `eta` in coordinates: float vectors with bounds of their errors.
#[derive(Clone, Debug)]
struct Ridge {
    value: Enclosure,
    direction: Vec<f64>,
    direction_error: f64,
    slope: Vec<f64>,
    slope_error: f64,
    slope_norm: f64,
}

/// `eta` on the unit sphere of a frame's space.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    kernel: Kernel,
    ridges: Vec<Ridge>,
    size: usize,
}

/// What is known of `eta` on the ball of angular radius `Theta` around a unit vector `c`.
///
/// With unit tangents `e` at `c` and the unit-speed geodesic `w(theta)` from `c` along `e`, for `0 <= theta <= Theta`:
/// `d/dtheta eta(w) at 0 = gradient . e +- gradient_error`, and
/// `(d/dtheta)^2 eta(w) = e.(matrix) e +- matrix_error - pull`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Local {
    /// The summands of `eta(c)`, but for one that is left out.
    pub(crate) terms: Vec<Term>,
    pub(crate) gradient: Vec<f64>,
    pub(crate) gradient_error: f64,
    pub(crate) matrix: Vec<f64>,
    pub(crate) matrix_error: f64,
    pub(crate) pull: Option<Enclosure>,
    /// Cosines `c . u_k`.
    pub(crate) cosines: Vec<Enclosure>,
    /// Cosines `w . u_k` over the ball.
    pub(crate) reach: Vec<Enclosure>,
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

impl Chart {
    pub(crate) fn new(interpolant: &Interpolant, frame: &Frame) -> Self {
        let ridges = (0..interpolant.directions.count())
            .map(|k| {
                let (direction, direction_error) = centred(&frame.coordinates[k]);
                let coordinates = interpolant.combine(k, &frame.coordinates);
                let (slope, slope_error) = centred(&coordinates);
                let slope_norm = norm_bound(&coordinates);
                let value = interpolant.values[k];
                Ridge { value, direction, direction_error, slope, slope_error, slope_norm }
            })
            .collect();
        Self { kernel: interpolant.kernel.clone(), ridges, size: frame.size }
    }

    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    pub(crate) const fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// `A_k`.
    pub(crate) fn value(&self, k: usize) -> Enclosure {
        self.ridges[k].value
    }

    /// `B_k` in floats, a bound of its error and of its norm.
    pub(crate) fn slope(&self, k: usize) -> (&[f64], f64, f64) {
        let ridge = &self.ridges[k];
        (&ridge.slope, ridge.slope_error, ridge.slope_norm)
    }

    /// Bound of the distance of direction `k` from its float coordinates.
    pub(crate) fn direction_error(&self, k: usize) -> f64 {
        self.ridges[k].direction_error
    }

    /// Encloses the cosines over a ball and nothing else; false if the ball is too wide for the second-order bounds.
    pub(crate) fn locate(&self, ball: &Ball<'_>, local: &mut Local) {
        let n = self.size;
        let rounding = 2.0 * (n as f64 + 4.0) * f64::EPSILON;
        let (sine, cosine) = (Enclosure::from(ball.sine), ball.cosine());
        local.cosines.clear();
        local.reach.clear();
        for ridge in &self.ridges {
            // |fl(c.u) - c.u| <= errors of the vectors (norms at most 1 + tiny) + n eps.
            let error = ball.centre_error + ridge.direction_error + rounding;
            let t = around_cosine(plain_dot(ball.centre, &ridge.direction), error);
            let distance = ((Enclosure::ONE - t) * (Enclosure::ONE + t)).sqrt();
            // cos(phi -+ Theta), unless the ball reaches u or -u.
            let far = if t.certainly_greater(-cosine) {
                (t * cosine - distance * sine).lo()
            } else {
                -1.0
            };
            let near =
                if t.certainly_less(cosine) { (t * cosine + distance * sine).hi() } else { 1.0 };
            local.cosines.push(t);
            local
                .reach
                .push(Enclosure::new(maximum(far, -1.0), if near < 1.0 { near } else { 1.0 }));
        }
    }

    /// Value, gradient and second derivative over a ball whose cosines are located; the summand `skip` is left out.
    pub(crate) fn expand(&self, ball: &Ball<'_>, skip: Option<usize>, local: &mut Local) {
        let n = self.size;
        let epsilon = f64::EPSILON * (n as f64 + 4.0);
        let (sine, cosine) = (Enclosure::from(ball.sine), ball.cosine());
        let versine = Enclosure::ONE - cosine;
        let within = Enclosure::new(-1.0, 1.0);
        let mut pull = Enclosure::ZERO;
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
        for (k, ridge) in self.ridges.iter().enumerate() {
            let start = local.tangents.len();
            let (t, reach) = (local.cosines[k], local.reach[k]);
            let along = t.midpoint();
            local
                .tangents
                .extend(ridge.direction.iter().zip(ball.centre).map(|(u, c)| u - along * c));
            if skip == Some(k) {
                continue;
            }
            let plain = plain_dot(ball.centre, &ridge.slope);
            let b_error =
                ridge.slope_error + ridge.slope_norm * (ball.centre_error + 2.0 * epsilon);
            let b = Enclosure::around(plain, b_error);
            let [k0, k1, k2, k3] = self.kernel.jet(t);
            let [_, r1, r2, r3] = self.kernel.jet(reach);
            let a = ridge.value;
            local.terms.push(Term { cosine: t, slope: b, value: k0, first: k1 });

            // Gradient: (A K' + K'' b) u + K' B, floats for the middles.
            let (pu, pb) = (a * k1 + k2 * b, k1);
            let (fu, fb) = (pu.midpoint(), pb.midpoint());
            let slope_norm = Enclosure::from(ridge.slope_norm);
            gradient_error += Enclosure::from(pu.radius())
                + slope_norm * pb.radius()
                + Enclosure::from(fu.abs()) * ridge.direction_error
                + Enclosure::from(fb.abs()) * ridge.slope_error;
            gradient_scale += Enclosure::from(fu.abs()) + slope_norm * fb.abs();
            let tangent = &local.tangents[start..];
            local.slope.clear();
            local.slope.extend(ridge.slope.iter().zip(ball.centre).map(|(b, c)| b - plain * c));
            for (g, (u, b)) in local.gradient.iter_mut().zip(tangent.iter().zip(&local.slope)) {
                *g += fu * u + fb * b;
            }

            // b over the ball, |b(w) - b(c) cos| <= |B tangent at c| sin.
            let b_reach = b * Enclosure::ONE.hull(cosine) + slope_norm * sine * within;
            // Second derivative: p (v.u)^2 + 2 q (v.u)(v.B) - [(A K' + K'' b) t + K' b].
            let (p, q) = (a * k2 + k3 * b, k2);
            let (p_reach, q_reach) = (a * r2 + r3 * b_reach, r2);
            let (fp, fq) = (p.midpoint(), q.midpoint());
            pull += (a * r1 + r2 * b_reach) * reach + r1 * b_reach;
            let p_error = (p_reach - fp).magnitude();
            let q_error = (q_reach - fq).magnitude();
            // |v.u| <= largest sine over the ball.
            let mignitude = Enclosure::from(reach.mignitude());
            let x_bound = (Enclosure::ONE - mignitude.square()).sqrt();
            // |v.u - e.(tangent of u)| = |(cos - 1) e.u - sin c.u| + errors; the same for B.
            let centre_error = ball.centre_error + 4.0 * epsilon;
            let x_error = t.abs() * sine
                + versine * x_bound
                + (Enclosure::from(ridge.direction_error) + centre_error);
            let y_error = b.abs() * sine
                + versine * slope_norm
                + (Enclosure::from(ridge.slope_error) + slope_norm * centre_error);
            // |p x^2 - fp x~^2| <= |p - fp| x^2 + |fp| |x - x~| (2 |x| + |x - x~|), and the same for 2 q x y.
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
        // Plain sums of m + n terms: relative to the moduli, (m + n + 8) eps; tangents carry 4 (n + 4) eps more.
        let sums = f64::EPSILON * (self.ridges.len() as f64 + 8.0 * n as f64 + 32.0);
        gradient_error += gradient_scale * (sums + 4.0 * ball.centre_error);
        matrix_error += matrix_scale * (sums * (n as f64));
        local.gradient_error = gradient_error.hi();
        local.matrix_error = matrix_error.hi();
        local.pull = Some(pull);
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
