//! Lagrange's bound against the values of `eta`, and on teachers of higher rank.

use gradiometer_model::{Network, Teacher};

use super::*;
use crate::kernel::DegreeWeights;

/// A stream of well mixed numbers.
struct Words(u64);

impl Words {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// Directions of `R^r`, one after the other at least `delta` from those before, with a coordinate of zeros if `beside`.
fn teacher(seed: u64, r: usize, m: usize, delta: f64, beside: bool) -> Teacher {
    let mut words = Words(seed);
    let mut rows: Vec<Vec<f64>> = Vec::new();
    while rows.len() < m {
        let mut row: Vec<f64> = (0..r).map(|_| words.normal()).collect();
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        for x in &mut row {
            *x /= length;
        }
        let apart = |other: &Vec<f64>| {
            other.iter().zip(&row).map(|(x, y)| x * y).sum::<f64>().abs() <= delta.cos()
        };
        if rows.iter().all(apart) {
            rows.push(row);
        }
    }
    if beside {
        for row in &mut rows {
            row.push(0.0);
        }
    }
    let signs = (0..m).map(|_| if words.unit() < 0.5 { -1.0 } else { 1.0 }).collect();
    Teacher::new(Network::from_rows(signs, &rows).unwrap()).unwrap()
}

/// `eta` of a teacher and a degree.
fn certificate(teacher: &Teacher, degree: usize) -> Interpolant {
    Interpolant::certificate(teacher, &DegreeWeights::from_degree(degree).unwrap()).unwrap()
}

/// What every direction says of a claim.
fn verdicts(eta: &Interpolant, rho: f64) -> Vec<Result<Shown, Stuck>> {
    (0..eta.directions.count()).map(|i| View::new(eta, i).prove(rho)).collect()
}

fn all_hold(eta: &Interpolant, rho: f64) -> bool {
    verdicts(eta, rho).iter().all(Result::is_ok)
}

/// The ceiling of `rho` where a direction is orthogonal to all teachers.
const CEILING: f64 = 4.0 / (std::f64::consts::PI * std::f64::consts::PI);

#[test]
fn the_ceiling_is_proved_for_random_teachers_of_both_signs() {
    for (r, m, delta, degree) in [(3, 4, 0.7, 8), (5, 6, 0.7, 8), (8, 10, 0.7, 8), (20, 20, 1.0, 8)]
    {
        let teacher = teacher(1, r, m, delta, true);
        let eta = certificate(&teacher, degree);
        assert!(all_hold(&eta, 0.999 * CEILING), "{r} {m}: {:?}", verdicts(&eta, 0.999 * CEILING));
        // eta is zero at a right angle to all teachers.
        assert!(!all_hold(&eta, 1.001 * CEILING), "{r} {m}");
    }
}

#[test]
fn more_than_the_ceiling_is_proved_where_the_directions_span_the_space() {
    for (r, m, degree, rho) in [(3, 5, 8, 0.5), (5, 7, 8, 0.44), (8, 10, 8, 0.42)] {
        let teacher = teacher(1, r, m, 0.7, false);
        let eta = certificate(&teacher, degree);
        assert!(View::new(&eta, 0).least > 0.0);
        assert!(all_hold(&eta, rho), "{r}: {:?}", verdicts(&eta, rho));
        // Without the least sum of squares there is a direction orthogonal to all others.
        let mut view = View::new(&eta, 0);
        view.least = 0.0;
        assert!(view.prove(rho).is_err(), "{r}");
    }
}

#[test]
fn directions_of_many_dimensions_have_a_least_sum_of_squares_too() {
    let teacher = teacher(1, 36, 40, 0.9, false);
    let eta = certificate(&teacher, 12);
    let view = View::new(&eta, 0);
    assert!(view.least > 0.0, "{}", view.least);
    // Beside them all there is a direction orthogonal to each.
    let teacher = self::teacher(1, 36, 40, 0.9, true);
    assert!(View::new(&certificate(&teacher, 12), 0).least <= 0.0);
}

/// Random tangents of a direction with an angle each, and the point there.
fn points(teacher: &Teacher, i: usize, seed: u64, count: usize) -> Vec<(f64, Vec<f64>)> {
    let mut words = Words(seed + 1000);
    let u = teacher.direction(i);
    (0..count)
        .map(|n| {
            // Towards another direction, or away from it, or anywhere.
            let k = n % teacher.neurons();
            let share = if n % 3 == 0 { 0.0 } else { 1.0 - 2.0 * words.unit() };
            let v: Vec<f64> =
                teacher.direction(k).iter().map(|x| 3.0 * share * x + words.normal()).collect();
            let along: f64 = v.iter().zip(u).map(|(v, u)| v * u).sum();
            let rest: Vec<f64> = v.iter().zip(u).map(|(v, u)| v - along * u).collect();
            let length = rest.iter().map(|x| x * x).sum::<f64>().sqrt();
            let angle = std::f64::consts::FRAC_PI_2 * words.unit();
            let (sin, cos) = angle.sin_cos();
            (angle, u.iter().zip(&rest).map(|(u, x)| cos * u + sin * x / length).collect())
        })
        .collect()
}

#[test]
fn no_value_of_eta_exceeds_its_bound_at_an_angle() {
    let mut sharpest = 0.0;
    for (seed, r, m, degree) in [(3, 3, 5, 4), (4, 4, 6, 6), (5, 6, 8, 2)] {
        let teacher = teacher(seed, r, m, 0.5, seed == 4);
        let eta = certificate(&teacher, degree);
        for i in 0..m {
            let view = View::new(&eta, i);
            let views = [view.clone().scaled(&eta.directions, i), view];
            for (angle, w) in points(&teacher, i, seed, 120) {
                if teacher.nearest(&w).0 != i {
                    continue;
                }
                let value = eta.at(&w).0 * views[0].sign;
                let ways = views.iter().flat_map(|view| [(view, angle), (view, 0.75 * angle)]);
                for (view, nearest_at) in ways {
                    let [upper, lower] = view.largest(angle, nearest_at, PIECES[0]);
                    // The point's angle is rounded.
                    let rounding = 64.0 * f64::EPSILON * eta.scale();
                    assert!(value.lo() <= upper + rounding, "{seed} {i} {angle}: {value} {upper}");
                    assert!(-value.hi() <= lower + rounding, "{seed} {i} {angle}: {value} {lower}");
                    sharpest = maximum(sharpest, (1.0 + value.hi()) / (1.0 + upper));
                }
            }
        }
    }
    // A bound that is far off would pass as well.
    assert!(sharpest > 0.9, "{sharpest}");
}

#[test]
fn no_second_difference_exceeds_the_bound_of_the_second_derivative() {
    let mut sharpest = 0.0;
    for (seed, r, m, degree) in [(3, 3, 5, 4), (5, 6, 8, 2)] {
        let teacher = teacher(seed, r, m, 0.5, false);
        let eta = certificate(&teacher, degree);
        for i in 0..m {
            let view = View::new(&eta, i);
            let u = teacher.direction(i);
            for (angle, w) in points(&teacher, i, seed, 40) {
                if angle > 1.5 || teacher.nearest(&w).0 != i {
                    continue;
                }
                let half = 1.0 / 64.0;
                let bounds = view.bend_bounds(angle, angle + 2.0 * half, false);
                let (sin, cos) = angle.sin_cos();
                let v: Vec<f64> = w.iter().zip(u).map(|(w, u)| (w - cos * u) / sin).collect();
                let at = |angle: f64| {
                    let (sin, cos) = angle.sin_cos();
                    let w: Vec<f64> = u.iter().zip(&v).map(|(u, v)| cos * u + sin * v).collect();
                    eta.at(&w).0.midpoint() * view.sign
                };
                // A second difference is a mean of the second derivative.
                let mean =
                    (at(angle) - 2.0 * at(angle + half) + at(angle + 2.0 * half)) / (half * half);
                let rounding = 64.0 * f64::EPSILON * eta.scale() / (half * half);
                assert!(-mean <= bounds[0] + rounding, "{seed} {i} {angle}: {mean} {bounds:?}");
                assert!(mean <= bounds[1] + rounding, "{seed} {i} {angle}: {mean} {bounds:?}");
                sharpest = maximum(sharpest, maximum(-mean / bounds[0], mean / bounds[1]));
            }
        }
    }
    assert!(sharpest > 0.25, "{sharpest}");
}

#[test]
fn the_largest_eigenvalue_is_proved_and_nothing_below_it() {
    for (r, m) in [(3, 5), (5, 9), (10, 30)] {
        let teacher = teacher(1, r, m, 0.3, false);
        let eta = certificate(&teacher, 12);
        let (gram, off) = tangent_gram(&eta.directions, 0);
        let n = m - 1;
        let bound = largest_eigenvalue(&gram, n, off);
        // A planted defect: 5 % less is no bound, so that the proof of it must fail.
        let mut shifted: Vec<f64> = gram.iter().map(|x| -x).collect();
        (0..n).for_each(|k| shifted[k * n + k] += 0.95 * bound);
        assert!(!is_positive_definite(&mut shifted, n, off));
        // And some unit vector exceeds it: an eigenvector.
        let mut x = vec![1.0; n];
        for _ in 0..2000 {
            let image: Vec<f64> = gram
                .chunks_exact(n)
                .map(|row| row.iter().zip(&x).map(|(a, b)| a * b).sum::<f64>())
                .collect();
            let size = image.iter().map(|x| x * x).sum::<f64>().sqrt();
            x = image.iter().map(|x| x / size).collect();
        }
        let v: Vec<f64> = (0..n).map(|k| x[k]).collect();
        let quotient: f64 =
            (0..n).map(|k| v[k] * (0..n).map(|l| gram[k * n + l] * v[l]).sum::<f64>()).sum();
        assert!(quotient <= bound && quotient > 0.95 * bound, "{quotient} {bound}");
    }
    assert!(largest_eigenvalue(&[], 0, 0.0) <= 0.0);
    assert!(!largest_eigenvalue(&[f64::NAN], 1, 0.0).is_finite());
}

#[test]
fn what_is_not_a_number_is_not_shown() {
    let teacher = teacher(1, 3, 4, 0.7, true);
    let eta = certificate(&teacher, 8);
    assert!(!all_hold(&eta, f64::NAN));
    let nan = f64::NAN;
    let broken: [fn(&mut View<'_>); 4] = [
        |view| view.value = Enclosure::UNDEFINED,
        |view| view.slope = f64::NAN,
        |view| view.most = f64::NAN,
        |view| view.others[1].value = Enclosure::UNDEFINED,
    ];
    for breaks in broken {
        let mut view = View::new(&eta, 0);
        assert!(view.prove(0.3).is_ok());
        breaks(&mut view);
        assert!(view.prove(0.3).is_err());
    }
    assert!(!interval_holds((0.1, [nan, 0.0]), (0.2, [0.0; 2]), [0.0; 2], 0.1));
    assert!(!interval_holds((0.1, [0.0; 2]), (0.2, [0.0, nan]), [0.0; 2], 0.1));
    assert!(!interval_holds((0.1, [0.0; 2]), (0.2, [0.0; 2]), [0.0, nan], 0.1));
    assert!(interval_holds((0.1, [0.0; 2]), (0.2, [0.0; 2]), [0.0; 2], 0.1));
}

#[test]
fn a_scaled_sum_proves_what_the_plain_one_does_not() {
    // A cluster in a plane and directions that stand alone.
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for k in 0..4 {
        let (sin, cos) = (0.75 * f64::from(k)).sin_cos();
        rows.push([cos, sin].into_iter().chain([0.0; 6]).collect());
    }
    for k in 2..7 {
        rows.push((0..8).map(|x| if x == k { 1.0 } else { 0.0 }).collect());
    }
    let signs = vec![1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0];
    let teacher = Teacher::new(Network::from_rows(signs, &rows).unwrap()).unwrap();
    let eta = certificate(&teacher, 4);
    let proves = |scaled: bool, rho: f64| {
        (0..rows.len()).all(|i| {
            let view = View::new(&eta, i);
            let view = if scaled { view.scaled(&eta.directions, i) } else { view };
            view.prove(rho).is_ok()
        })
    };
    assert!(proves(true, 0.2) && !proves(false, 0.2));
    // No more than is true, and nothing of what is not a number.
    assert!(!proves(true, 1.001 * CEILING));
    let mut view = View::new(&eta, 0).scaled(&eta.directions, 0);
    view.most = f64::NAN;
    assert!(view.prove(0.1).is_err());
    // Weights are cut so that their squares are exact.
    for x in [0.3_f64, 1.0, 7.0 / 3.0] {
        let root = single(x);
        assert!(root <= x && root > 0.999 * x && root.mul_add(root, -(root * root)).abs() <= 0.0);
    }
    for x in [f64::NAN, -1.0, f64::INFINITY] {
        assert_eq!(single(x).to_bits(), 1.0_f64.to_bits(), "{x}");
    }
}

#[test]
fn the_bend_is_the_second_derivative_along_the_angle() {
    let kernel = DegreeWeights::from_degree(6).unwrap().kernel();
    let k = |t: f64| kernel.jet(Enclosure::from(t)).map(Enclosure::midpoint);
    let (g, a, beta) = (0.3, 2.0, -0.7);
    let other = |across: f64| Other {
        cosine: Enclosure::from(g),
        reach: 1.0,
        value: Enclosure::from(a),
        along: Enclosure::from(beta),
        across,
        jet: kernel.jet(Enclosure::from(g)),
        root: 1.0,
    };
    for (angle, y) in [(0.1, 0.5), (0.4, -0.8), (0.9, 0.2), (1.3, 0.9)] {
        let summand = |angle: f64, b: f64| {
            let (s, c) = f64::sin_cos(angle);
            let [k0, k1, ..] = k(c * g + s * y);
            a * k0 + k1 * (c * beta + s * b)
        };
        let step = 1.0 / 4096.0;
        let exact = |b: f64| {
            let [left, here, right] =
                [angle - step, angle, angle + step].map(|angle| summand(angle, b));
            (left - 2.0 * here + right) / (step * step)
        };
        let bend =
            |across: f64| other(across).bend(&kernel, Enclosure::from(angle), Enclosure::from(y));
        // Differences of step 1/4096: fourth derivatives below a thousand, and roundings over the square.
        let off = 100.0 * step * step;
        let alone = bend(0.0);
        assert!((alone.midpoint() - exact(0.0)).abs() <= off, "{alone} {}", exact(0.0));
        // What is unknown across has its range.
        let wide = bend(0.5);
        for b in [-0.5, 0.5] {
            assert!(wide.lo() <= exact(b) + off && exact(b) - off <= wide.hi(), "{wide}");
        }
        let spread = (exact(0.5) - exact(-0.5)).abs();
        assert!(wide.width() >= spread - 2.0 * off && wide.width() <= 4.0 * spread + off, "{wide}");
    }
}
