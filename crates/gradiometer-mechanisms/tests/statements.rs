//! Statements 11.6.4, 11.7.1 to 11.7.4, 11.7.7, 11.8.6 and 11.9.1: both sides, and each control.

use gradiometer_hermite::polynomial::hermite;
use gradiometer_hermite::quadrature::GaussHermite;
use gradiometer_mechanisms::abbe2023::{HermiteTarget, PopulationFlow};
use gradiometer_mechanisms::arnaboldi2023::{QuadraticNetwork, QuadraticState};
use gradiometer_mechanisms::ben_arous2021::{ReluMoments, SingleIndex, plateau_h2, trajectory};
use gradiometer_mechanisms::damian2024::{overlap_moment, squared_advantage};
use gradiometer_mechanisms::matrix::Matrix;
use gradiometer_mechanisms::order_parameters::{
    FreeChain, FreeWork, Loss, Overlaps, Rule, SeveralDirections, SphereChain, hermite_student,
    relu_student, stream,
};
use gradiometer_testing::{close, rounding};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal};

/// The specification prints the ends of the flow with five digits.
const FIVE_DIGITS: f64 = 5e-6;

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

fn normals(n: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..n).map(|_| rng.sample(StandardNormal)).collect()
}

fn rule(k: usize, loss: Loss, lookahead: f64) -> Rule<impl Fn(f64) -> (f64, f64) + Copy> {
    Rule { student: hermite_student(k), loss, lookahead }
}

/// A weight on the sphere with overlap `m` with the first coordinate.
fn weight(m: f64, dimension: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut w = normals(dimension, rng);
    w[0] = 0.0;
    let scale = (1.0 - m * m).sqrt() / dot(&w, &w).sqrt();
    for x in &mut w {
        *x *= scale;
    }
    w[0] = m;
    w
}

#[test]
fn the_reduced_chain_is_the_full_one_on_the_same_samples() {
    const DIMENSION: usize = 20;
    for lookahead in [0.0, 0.4] {
        let rule = rule(2, Loss::Square, lookahead);
        let target = |z: f64| hermite(3, z);
        let chain = SphereChain::new(rule, target, DIMENSION, 0.5).unwrap();
        let mut rng = stream(1, 0);
        let mut w = weight(0.3, DIMENSION, &mut rng);
        let mut m: f64 = 0.3;
        for _ in 0..500 {
            let x = normals(DIMENSION, &mut rng);
            let a = dot(&w, &x);
            let r = (1.0 - m * m).sqrt();
            // z = m a + r b; what a and b do not explain is q.
            let b = (x[0] - m * a) / r;
            let q = dot(&x, &x) - a * a - b * b;
            m = chain.update(m, a, b, q);
            // The same in full: the gradient orthogonal to w, and back to the sphere.
            let length = dot(&x, &x) / DIMENSION as f64;
            let f = 0.5 / DIMENSION as f64 * rule.force(target(x[0]), a, length);
            for (w, x) in w.iter_mut().zip(&x) {
                *w += f * (x - a * *w);
            }
            let norm = dot(&w, &w).sqrt();
            for w in &mut w {
                *w /= norm;
            }
            // Eight roundings of numbers up to one; the weight is carried on from the reduced
            // value.
            assert!((w[0] - m).abs() <= 64.0 * f64::EPSILON, "{} {m}", w[0]);
            m = w[0];
        }
    }
}

#[test]
fn several_directions_and_free_neurons_are_the_full_chain_too() {
    const DIMENSION: usize = 12;
    let target = |z: &[f64]| z[0] + z[0] * z[1];
    let rule = rule(2, Loss::Correlation, 0.0);
    let chain = SeveralDirections::new(rule, target, 2, DIMENSION, 0.5).unwrap();
    let mut rng = stream(2, 0);
    let mut w = weight(0.4, DIMENSION, &mut rng);
    for _ in 0..200 {
        let x = normals(DIMENSION, &mut rng);
        let (m, a) = ([w[0], w[1]], dot(&w, &x));
        // z - m a = L b with L = I - (1 - sqrt(1 - |m|^2)) m m^T/|m|^2: invert along m.
        let square = dot(&m, &m);
        let rest = [x[0] - m[0] * a, x[1] - m[1] * a];
        let along = dot(&m, &rest) / square;
        let stretch = 1.0 / (1.0 - square).sqrt() - 1.0;
        let b = [rest[0] + stretch * along * m[0], rest[1] + stretch * along * m[1]];
        let q = dot(&x, &x) - a * a - dot(&b, &b);
        let (mut reduced, mut z) = (m, [0.0; 2]);
        chain.update(&mut reduced, a, &b, q, &mut z);
        let f = 0.5 / DIMENSION as f64 * rule.force(target(&x[..2]), a, 1.0);
        for (w, x) in w.iter_mut().zip(&x) {
            *w += f * (x - a * *w);
        }
        let norm = dot(&w, &w).sqrt();
        for w in &mut w {
            *w /= norm;
        }
        for i in 0..2 {
            assert!((w[i] - reduced[i]).abs() <= 256.0 * f64::EPSILON, "{i}");
        }
    }
    // Three free neurons, two directions, a second look.
    let fill = |a: &[f64], z: &[f64], g: &mut [f64]| {
        let y = z[0] * z[1] + z[0];
        let f: f64 = a.iter().map(|a| relu_student(*a).0).sum();
        for (g, a) in g.iter_mut().zip(a) {
            *g = (y - f) * relu_student(*a).1;
        }
    };
    let chain = FreeChain::new(fill, 3, 2, DIMENSION, 0.2, 0.3).unwrap();
    let mut rows: Vec<Vec<f64>> =
        (0..3).map(|_| normals(DIMENSION, &mut rng).iter().map(|x| 0.3 * x).collect()).collect();
    let read = |rows: &[Vec<f64>]| Overlaps {
        neurons: 3,
        directions: 2,
        with_teacher: rows.iter().flat_map(|w| [w[0], w[1]]).collect(),
        among_students: rows.iter().flat_map(|w| rows.iter().map(move |v| dot(w, v))).collect(),
    };
    let mut overlaps = read(&rows);
    let mut work = FreeWork::default();
    for _ in 0..100 {
        let x = normals(DIMENSION, &mut rng);
        let a: Vec<f64> = rows.iter().map(|w| dot(w, &x)).collect();
        let length = dot(&x, &x);
        chain.update(&mut overlaps, &a, &x[..2], length, &mut work);
        let mut g = [0.0; 3];
        fill(&a, &x[..2], &mut g);
        let ratio = 0.3 * length / DIMENSION as f64;
        let moved: Vec<f64> = a.iter().zip(g).map(|(a, g)| a + ratio * g).collect();
        fill(&moved, &x[..2], &mut g);
        for (w, g) in rows.iter_mut().zip(g) {
            for (w, x) in w.iter_mut().zip(&x) {
                *w += 0.2 / DIMENSION as f64 * g * x;
            }
        }
        let full = read(&rows);
        for (x, y) in overlaps.among_students.iter().zip(&full.among_students) {
            // A hundred steps of some eight roundings of numbers of order one.
            assert!((x - y).abs() <= 1024.0 * f64::EPSILON * (1.0 + y.abs()), "{x} {y}");
        }
    }
}

/// The two-sample Kolmogorov-Smirnov distance times `sqrt(n/2)`: 1.95 has probability 0.001.
fn kolmogorov_smirnov(mut x: Vec<f64>, mut y: Vec<f64>) -> f64 {
    let n = x.len() as f64;
    x.sort_by(f64::total_cmp);
    y.sort_by(f64::total_cmp);
    let (mut i, mut j, mut most) = (0, 0, 0.0_f64);
    while i < x.len() && j < y.len() {
        if x[i] <= y[j] {
            i += 1;
        } else {
            j += 1;
        }
        let off = (i as f64 - j as f64).abs() / n;
        most = if off > most { off } else { most };
    }
    most * (0.5 * n).sqrt()
}

#[test]
fn eight_steps_at_dimension_eight_have_the_law_of_the_full_chain() {
    const RUNS: u64 = 20_000;
    const DIMENSION: usize = 8;
    for (student, loss, lookahead, delta) in
        [(3, Loss::Correlation, 0.0, 1.5), (2, Loss::Correlation, 1.0, 1.0)]
    {
        let rule = rule(student, loss, lookahead);
        let target = move |z: f64| {
            if lookahead > 0.0 { hermite(3, z).tanh() } else { hermite(3, z) }
        };
        let chain = SphereChain::new(rule, target, DIMENSION, delta).unwrap();
        let reduced: Vec<f64> =
            (0..RUNS).map(|run| chain.run(0.3, 8, &mut stream(3, run))).collect();
        let full: Vec<f64> = (0..RUNS)
            .map(|run| {
                let mut rng = stream(4, run);
                let mut w = weight(0.3, DIMENSION, &mut rng);
                for _ in 0..8 {
                    let x = normals(DIMENSION, &mut rng);
                    let a = dot(&w, &x);
                    let length = dot(&x, &x) / DIMENSION as f64;
                    let f = delta / DIMENSION as f64 * rule.force(target(x[0]), a, length);
                    for (w, x) in w.iter_mut().zip(&x) {
                        *w += f * (x - a * *w);
                    }
                    let norm = dot(&w, &w).sqrt();
                    for w in &mut w {
                        *w /= norm;
                    }
                }
                w[0]
            })
            .collect();
        // Control: the rest with d degrees of freedom in place of d - 2.
        let rest = ChiSquared::new(DIMENSION as f64).unwrap();
        let wrong: Vec<f64> = (0..RUNS)
            .map(|run| {
                let mut rng = stream(5, run);
                let mut m = 0.3;
                for _ in 0..8 {
                    let a: f64 = rng.sample(StandardNormal);
                    let b: f64 = rng.sample(StandardNormal);
                    m = chain.update(m, a, b, rest.sample(&mut rng));
                }
                m
            })
            .collect();
        let right = kolmogorov_smirnov(reduced, full.clone());
        // Probability 1e-4: sqrt(log(2e4)/2).
        assert!(right <= 2.23, "{right}");
        if lookahead <= 0.0 {
            let control = kolmogorov_smirnov(wrong, full);
            assert!(control > 2.23, "{control}");
        }
    }
}

#[test]
fn without_a_second_look_the_chain_is_the_same_to_the_bit() {
    let target = |z: f64| hermite(3, z);
    let run = |lookahead: f64| {
        let chain = SphereChain::new(rule(2, Loss::Square, lookahead), target, 50, 0.3).unwrap();
        chain.run(0.2, 1000, &mut stream(6, 0))
    };
    assert_eq!(run(0.0).to_bits(), run(-0.0).to_bits());
    assert_ne!(run(0.0).to_bits(), run(1e-3).to_bits());
    let chain = SphereChain::new(rule(2, Loss::Square, 0.0), target, 50, 0.3).unwrap();
    assert_ne!(
        chain.run(0.2, 10, &mut stream(6, 0)).to_bits(),
        chain.run(0.2, 10, &mut stream(6, 1)).to_bits(),
        "runs have streams of their own"
    );
}

#[test]
fn the_population_velocity_is_the_expectation_of_the_gradient() {
    let target: HermiteTarget =
        [(vec![1, 0], 0.5), (vec![1, 1], -0.7), (vec![2, 1], 0.4), (vec![0, 3], 0.2)].into();
    let s = [0.3, 0.5, 0.4, -0.2];
    let flow = PopulationFlow::new(&target, &s, 1.0).unwrap();
    let rule = GaussHermite::new(12).unwrap();
    let weights = rule.weights();
    let m = [0.3, -0.45];
    let rest = (1.0 - dot(&m, &m)).sqrt();
    let slope =
        |a: f64| -> f64 { (1..4).map(|k| s[k] * (k as f64).sqrt() * hermite(k - 1, a)).sum() };
    let f = |z: [f64; 2]| -> f64 {
        target
            .iter()
            .map(|(alpha, c)| {
                c * hermite(alpha[0] as usize, z[0]) * hermite(alpha[1] as usize, z[1])
            })
            .sum()
    };
    let mut expected = [0.0; 2];
    for (x, p) in rule.nodes().iter().zip(&weights) {
        for (y, q) in rule.nodes().iter().zip(&weights) {
            for (g, r) in rule.nodes().iter().zip(&weights) {
                let z = [*x, *y];
                let a = dot(&m, &z) + rest * g;
                for i in 0..2 {
                    expected[i] += p * q * r * f(z) * slope(a) * (z[i] - m[i] * a);
                }
            }
        }
    }
    let mut velocity = [0.0; 2];
    flow.velocity(&m, &mut velocity);
    for i in 0..2 {
        // 1728 products of size up to some ten.
        assert!((velocity[i] - expected[i]).abs() <= 512.0 * f64::EPSILON, "{i}");
    }
    // Control: without the factor sqrt(|alpha|!/alpha!), here on z1 z2, the velocity is another.
    let one: HermiteTarget = [(vec![1, 1], 1.0)].into();
    let right = PopulationFlow::new(&one, &[0.0, 0.0, 1.0], 1.0).unwrap().correlation(&m);
    assert!((right - m[0] * m[1]).abs() > 0.01);
}

#[test]
fn dropping_the_retraction_moves_the_end_of_the_flow() {
    let velocity = |noise: bool, m: f64| {
        let cost = if noise { ReluMoments::correlation_noise(m) } else { 0.0 };
        ReluMoments::drift(m) - 0.5 * cost * m
    };
    let end = |noise: bool| trajectory(|m| velocity(noise, m), 0.0, &[40.0]).unwrap()[0];
    // It rests where drift and retraction balance, well before the target, which attracts without the retraction.
    let rest = end(true);
    assert!(velocity(true, rest).abs() <= f64::EPSILON.sqrt(), "{rest}");
    assert!(velocity(true, rest - 0.125) > 0.0 && velocity(true, rest + 0.125) < 0.0, "{rest}");
    assert!(rest < 0.75 && end(false) > 0.99, "{rest}");
}

#[test]
fn a_step_beyond_the_threshold_learns_nothing() {
    // Matched h_2, square loss: threshold 1/3.
    let target = |z: f64| hermite(2, z);
    let rms = |delta: f64| {
        let chain = SphereChain::new(rule(2, Loss::Square, 0.0), target, 1000, delta).unwrap();
        let squares: f64 = (0..8)
            .map(|run| {
                let mut rng = stream(7, run);
                let start = chain.random_start(&mut rng);
                chain.run(start, 60_000, &mut rng).powi(2)
            })
            .sum();
        (squares / 8.0).sqrt()
    };
    assert!(rms(0.25) > 0.9);
    assert!(rms(0.40) < 0.2);
    for (delta, golden) in [(0.25, 0.76376), (0.5, 0.61237), (1.0, 0.40825), (1.5, 0.25)] {
        assert!((plateau_h2(delta) - golden).abs() <= FIVE_DIGITS);
    }
}

#[test]
fn the_noise_of_the_first_steps_counts_in_the_escape_time() {
    let h2 = hermite_student(2);
    let problem = SingleIndex::new(rule(2, Loss::Correlation, 0.0), move |z| h2(z).0).unwrap();
    let law = problem.escape(0.5, 0.3).unwrap();
    let without = 0.5 * law.noise_factor.ln() / law.rate;
    assert!((without - 0.65).abs() <= 0.01, "{without}");
    assert!(problem.escape(2.5, 0.3).is_err(), "beyond the threshold nothing escapes");
    assert!(problem.escape(1.5, 0.3).is_err(), "the level lies beyond the plateau 0.25");
}

#[test]
fn quadratic_networks_of_one_neuron_are_their_scalar_form() {
    let one = |x: f64| Matrix::from_fn(1, 1, |_, _| x);
    let (gamma, noise) = (0.1, 0.01);
    for (m, q) in [(0.3, 0.8), (-0.2, 1.1), (0.9, 1.0)] {
        let state = QuadraticState { overlaps: one(m), gram: one(q) };
        let network = QuadraticNetwork { teacher: one(1.0), gamma, noise, sphere: false };
        let found = network.velocity(&state);
        let psi = 6.0 * m * (1.0 - q);
        let m2 = m * m;
        let phi = 4.0 * (q + 2.0 * m2 - 3.0 * q * q)
            + 4.0
                * gamma
                * (3.0 * q + 12.0 * m2 - 6.0 * q * q - 24.0 * q * m2
                    + 15.0 * q * q * q
                    + noise * q);
        // Some twenty roundings of terms up to sixty.
        let slack = 20.0 * 60.0 * f64::EPSILON;
        assert!((found.overlaps[(0, 0)] - psi).abs() <= slack);
        assert!((found.gram[(0, 0)] - phi).abs() <= slack, "{} {phi}", found.gram[(0, 0)]);
        let state = QuadraticState { overlaps: one(m), gram: one(1.0) };
        let sphere = QuadraticNetwork { sphere: true, ..network };
        let found = sphere.velocity(&state).overlaps[(0, 0)];
        let rest = 1.0 - m2;
        let exact = m * (4.0 * rest - 2.0 * gamma * (12.0 * rest + noise));
        assert!((found - exact).abs() <= slack, "{found} {exact}");
    }
}

#[test]
fn the_overlap_of_two_random_directions_has_its_moments() {
    for d in [7.0, 40.0] {
        let fourth = overlap_moment(2, d).unwrap();
        close(fourth, 3.0 / (d * (d + 2.0)), rounding(512, fourth));
    }
    // Without a signal the advantage is one.
    assert!((squared_advantage(&[0.0, 0.0, 0.0], 50.0, 10.0, 8) - 1.0).abs() <= 0.0);
}
