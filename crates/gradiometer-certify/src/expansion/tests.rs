use gradiometer_model::{Network, Teacher};

use super::*;
use crate::kernel::DegreeWeights;

/// Deterministic numbers in `[-1, 1]`.
fn noise(k: u32) -> f64 {
    (f64::from(k) * 12.9898 + 0.7).sin()
}

fn unit(v: &[f64]) -> Vec<f64> {
    let length = plain_dot(v, v).sqrt();
    v.iter().map(|x| x / length).collect()
}

/// How often `eta` leaves `eta(c) + theta g.e + theta^2/2 [e.M e - radial_term +- share * error]` along random geodesics.
fn escapes(share: f64) -> usize {
    let rows = [[1.0, 0.2, 0.1], [-0.3, 1.0, 0.2], [0.1, 0.4, -1.0], [0.8, -0.6, 0.7]];
    let network = Network::new(3, vec![1.0, -1.0, 1.0, -1.0], rows.concat()).unwrap();
    let teacher = Teacher::new(network).unwrap();
    let weights = DegreeWeights::new(vec![0.3], 1.0).unwrap();
    let interpolant = Interpolant::certificate(&teacher, &weights).unwrap();
    let frame = Frame::new(&interpolant.directions, 0);
    let expansion = FrameExpansion::new(&interpolant, &frame);
    let mut local = BallExpansion::default();
    let mut count = 0;
    for case in 0..4000_u32 {
        let c = unit(&[noise(7 * case), noise(7 * case + 1), noise(7 * case + 2)]);
        let radius = 0.01 + 0.05 * (1.0 + noise(7 * case + 3));
        let error = 8.0 * f64::EPSILON;
        let ball = Ball { centre: &c, centre_error: error, sine: radius.sin() };
        expansion.locate(&ball, &mut local);
        if local.cosine_over_ball.iter().any(|t| t.magnitude() >= 1.0) {
            continue;
        }
        expansion.expand(&ball, None, &mut local);
        let v = [noise(7 * case + 4), noise(7 * case + 5), noise(7 * case + 6)];
        let along = plain_dot(&v, &c);
        let e = unit(&v.iter().zip(&c).map(|(v, c)| v - along * c).collect::<Vec<_>>());
        let quadratic: f64 =
            (0..3).map(|x| e[x] * plain_dot(&local.matrix[3 * x..3 * x + 3], &e)).sum();
        let spread = Enclosure::new(-1.0, 1.0) * local.matrix_error;
        let second = Enclosure::from(quadratic) - local.radial_term.unwrap() + spread;
        // Narrowed around its middle for the negative control.
        let second = Enclosure::around(second.midpoint(), share * second.radius());
        let slope = Enclosure::around(plain_dot(&local.gradient, &e), local.gradient_error);
        let theta = radius * 0.999;
        let w: Vec<f64> =
            c.iter().zip(&e).map(|(c, e)| theta.cos() * c + theta.sin() * e).collect();
        let (value, _) = interpolant.at(&frame.embed(&w));
        let start = interpolant.value_of(&local.terms);
        let step = Enclosure::from(theta);
        let predicted = start + slope * step + second * step.square().half();
        // w itself is rounded: a few eps times the slope, which is below 100.
        let rounding = 1e4 * f64::EPSILON * Enclosure::new(-1.0, 1.0);
        count += usize::from((predicted + rounding).intersection(value).is_none());
    }
    count
}

#[test]
fn eta_stays_within_the_second_order_bounds() {
    assert_eq!(escapes(1.0), 0);
}

#[test]
fn bounds_a_hundred_times_narrower_would_fail() {
    assert!(escapes(0.01) > 100, "{}", escapes(0.01));
}

/// `eta` in the plane with the one summand `value K(w.u) + K'(w.u) B.w`.
pub(crate) fn lone(
    value: f64,
    (direction, direction_error): ([f64; 2], f64),
    (slope, slope_error): ([f64; 2], f64),
) -> FrameExpansion {
    let summand = Summand {
        value: Enclosure::from(value),
        direction: direction.to_vec(),
        direction_error,
        slope: slope.to_vec(),
        slope_error,
        slope_norm: plain_dot(&slope, &slope).sqrt() + slope_error,
    };
    let kernel = DegreeWeights::from_degree(2).unwrap().kernel();
    FrameExpansion { kernel, summands: vec![summand], size: 2 }
}

/// Slope and second derivative of `eta` at `(1, 0)` towards `(0, 1)`.
fn derivatives(expansion: &FrameExpansion) -> [Enclosure; 2] {
    let ball = Ball { centre: &[1.0, 0.0], centre_error: 0.0, sine: 0.0 };
    let mut local = BallExpansion::default();
    expansion.locate(&ball, &mut local);
    expansion.expand(&ball, None, &mut local);
    let second = Enclosure::around(local.matrix[3], local.matrix_error);
    [
        Enclosure::around(local.gradient[1], local.gradient_error),
        second - local.radial_term.unwrap(),
    ]
}

/// How far a rough vector may be off below; its square is far below a hundredth of it.
const ROUGH: f64 = 1.0 / 65536.0;

#[test]
fn vectors_off_by_their_error_stay_within_the_bounds_and_beyond_it_leave_them() {
    let (up, ahead) = ([0.0, 1.0], ([1.0, 0.0], 0.0));
    let (exact, rough, zero) = ((up, 0.0), (up, ROUGH), ([0.0, 0.0], 0.0));
    let off = |share: f64| ([0.0, 1.0 - share * ROUGH], 0.0);
    let meets = |order: usize, a: &FrameExpansion, b: &FrameExpansion| {
        derivatives(a)[order].intersection(derivatives(b)[order]).is_some()
    };
    // At a right angle to the direction only what is moved changes to first order.
    for (share, within) in [(0.99, true), (1.01, false)] {
        // The direction, with the value alone: K'' x^2. The slope: 2 K'' x (B.e).
        let direction = meets(1, &lone(1.0, rough, zero), &lone(1.0, off(share), zero));
        let slope = meets(1, &lone(0.0, exact, rough), &lone(0.0, exact, off(share)));
        assert_eq!((direction, slope), (within, within), "{share}");
        // The slope along the centre, in the gradient K'' (B.c) x.
        let ahead = ([share * ROUGH, 1.0], 0.0);
        let gradient = meets(0, &lone(0.0, exact, rough), &lone(0.0, exact, ahead));
        assert_eq!(gradient, within, "{share}");
    }
    // The direction in the gradient K'' (B.c) x, whose bound counts it twice: K' B may lie along e as well.
    for (share, within) in [(0.99, true), (2.01, false)] {
        let gradient = meets(0, &lone(0.0, rough, ahead), &lone(0.0, off(share), ahead));
        assert_eq!(gradient, within, "{share}");
    }
}

#[test]
fn the_reach_of_a_ball_is_the_sum_and_the_difference_of_angles() {
    // Sines 3/5 and 24/25: cosines 4/5 and 7/25 and, of difference and sum, 4/5 and -44/125.
    let expansion = lone(1.0, ([0.28, 0.96], 0.0), ([0.0, 0.0], 0.0));
    let ball = Ball { centre: &[1.0, 0.0], centre_error: 0.0, sine: 0.6 };
    let mut local = BallExpansion::default();
    expansion.locate(&ball, &mut local);
    assert!(ball.cosine().contains(0.8) && local.cosines[0].contains(0.28));
    // The product's error of 2 (n + 4) eps, times at most the slope 2 of the distance.
    let rounding = 64.0 * f64::EPSILON;
    let cosine_over_ball = local.cosine_over_ball[0];
    assert!(
        (cosine_over_ball.hi() - 0.8).abs() <= rounding
            && (cosine_over_ball.lo() + 0.352).abs() <= rounding
    );
    assert!(cosine_over_ball.hi() >= 0.8 && cosine_over_ball.lo() <= -0.352, "{cosine_over_ball}");
}

#[test]
fn gradient_and_matrix_vanish_on_the_centre() {
    let centre = [0.6, 0.8];
    let expansion = lone(1.0, ([0.28, 0.96], 0.0), ([0.96, -0.28], 0.0));
    let ball = Ball { centre: &centre, centre_error: f64::EPSILON, sine: 0.125 };
    let mut local = BallExpansion::default();
    expansion.locate(&ball, &mut local);
    expansion.expand(&ball, None, &mut local);
    // Two dozen roundings of the largest entry.
    let rounding = |x: &[f64]| 24.0 * f64::EPSILON * plain_dot(x, x).sqrt();
    let along = plain_dot(&local.gradient, &centre).abs();
    assert!(along <= rounding(&local.gradient), "{along}");
    for row in local.matrix.chunks_exact(2) {
        let along = plain_dot(row, &centre).abs();
        assert!(along <= rounding(&local.matrix), "{along}");
    }
    assert!(plain_dot(&local.matrix, &local.matrix) > 0.0);
}

/// The errors of the vectors of a expansion in `n` dimensions and of a ball's centre, and the ball's sine.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    n: u32,
    direction: f64,
    slope: f64,
    centre: f64,
    sine: f64,
}

/// Three summands with vectors off by the same errors, and what the derivation gives as the bounds of the gradient and of the matrix, in plain
/// floating point. Of the kernel only its jets are taken as they are.
fn derived(sizes: Sizes) -> ([f64; 2], [f64; 2]) {
    let Sizes { n, sine, .. } = sizes;
    let kernel = DegreeWeights::new(vec![0.3], 1.0).unwrap().kernel();
    let vector = |seed: u32| unit(&(0..n).map(|j| noise(seed + 31 * j)).collect::<Vec<f64>>());
    let summands: Vec<Summand> = (0..3)
        .map(|k| {
            let length = 1.5 + f64::from(k);
            Summand {
                value: Enclosure::from(if k == 1 { -2.0 } else { 3.0 }),
                direction: vector(k + 1),
                direction_error: sizes.direction,
                slope: vector(k + 11).iter().map(|x| length * x).collect(),
                slope_error: sizes.slope,
                slope_norm: length + sizes.slope,
            }
        })
        .collect();
    let (size, centre) = (n as usize, vector(0));
    let ball = Ball { centre: &centre, centre_error: sizes.centre, sine };
    let expansion = FrameExpansion { kernel, summands, size };
    let mut local = BallExpansion::default();
    expansion.locate(&ball, &mut local);
    expansion.expand(&ball, None, &mut local);
    let epsilon = f64::EPSILON * (f64::from(n) + 4.0);
    let cosine = (1.0 - sine * sine).sqrt();
    let [mut gradient, mut matrix, mut gradient_size, mut matrix_size] = [0.0; 4];
    for (k, summand) in expansion.summands.iter().enumerate() {
        let (t, cosine_over_ball) = (local.cosines[k], local.cosine_over_ball[k]);
        // The cosine moves with both vectors and by the rounding of a product.
        let moved = summand.direction_error + sizes.centre + 2.0 * epsilon;
        assert!((t.radius() / moved - 1.0).abs() < 0.05, "{sizes:?}: {t} {moved}");
        let (a, norm) = (summand.value, summand.slope_norm);
        let plain = plain_dot(&centre, &summand.slope);
        let off = summand.slope_error + norm * (sizes.centre + 2.0 * epsilon);
        let b = Enclosure::around(plain, off);
        // Over the ball B.w = (B.c) cos + (B.e) sin.
        let swing = Enclosure::new(-norm * sine, norm * sine);
        let b_over_ball = b.hull(b * cosine) + swing;
        let [_, k1, k2, k3] = expansion.kernel.jet(t);
        let [_, _, r2, r3] = expansion.kernel.jet(cosine_over_ball);
        let (along_u, along_b) = (a * k1 + k2 * b, k1);
        let (p, q) = ((a * k2 + k3 * b).midpoint(), k2.midpoint());
        let [fu, fb] = [along_u, along_b].map(|x| x.midpoint().abs());
        gradient += along_u.radius() + norm * along_b.radius();
        gradient += fu * summand.direction_error + fb * summand.slope_error;
        gradient_size += fu + norm * fb;
        let x = (1.0 - cosine_over_ball.mignitude().powi(2)).sqrt();
        let turned = 1.0 - cosine;
        let rounded = sizes.centre + 4.0 * epsilon;
        let dx = t.magnitude() * sine + turned * x + summand.direction_error + rounded;
        let dy = b.magnitude() * sine + turned * norm + summand.slope_error + norm * rounded;
        let (dp, dq) = ((a * r2 + r3 * b_over_ball - p).magnitude(), (r2 - q).magnitude());
        matrix += dp * x * x + p.abs() * dx * (2.0 * x + dx);
        matrix += 2.0 * (dq * x * norm + q.abs() * (dx * norm + (x + dx) * dy));
        matrix_size += p.abs() + 2.0 * q.abs() * norm;
    }
    let sums = f64::EPSILON * (3.0 + 8.0 * f64::from(n) + 32.0);
    gradient += gradient_size * (sums + 4.0 * sizes.centre);
    matrix += matrix_size * sums * f64::from(n);
    ([local.gradient_error, local.matrix_error], [gradient, matrix])
}

#[test]
fn every_term_of_the_bounds_is_the_one_derived() {
    let plane = Sizes { n: 4, ..Sizes::default() };
    let cases = [
        Sizes { n: 200, ..plane },
        Sizes { direction: 0.01, ..plane },
        Sizes { slope: 0.01, ..plane },
        Sizes { centre: 0.01, ..plane },
        Sizes { sine: 0.02, ..plane },
        Sizes { direction: 0.002, slope: 0.003, centre: 0.001, sine: 0.01, ..plane },
    ];
    for case in cases {
        let (found, expected) = derived(case);
        for (found, expected) in found.into_iter().zip(expected) {
            // What is left out are errors of second order.
            assert!((found / expected - 1.0).abs() < 0.01, "{case:?}: {found} {expected}");
        }
    }
}
