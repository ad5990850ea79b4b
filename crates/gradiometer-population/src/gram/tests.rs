use super::*;
use crate::{Accuracy, Objective, Population};
use dashu_float::FBig;
use dashu_float::round::mode::HalfEven;
use gradiometer_hermite::float::maximum;
use gradiometer_model::Teacher;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Big = FBig<HalfEven, 2>;
/// Bits of the reference, and of the step of its differences.
const BITS: usize = 700;
const STEP: isize = 140;
/// Errors of entries in units of `2^-102 |u| |v|`, at most.
const UNITS: f64 = 64.0;
/// What doubles lose in a system whose condition is some `10^4`.
const SOLVED: f64 = 1e-9;

fn big(x: f64) -> Big {
    Big::try_from(x).unwrap().with_precision(BITS).value()
}

fn whole(x: DoubleDouble) -> Big {
    let (hi, lo) = x.parts();
    big(hi) + big(lo)
}

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    2.0 * rng.random::<f64>() - 1.0
}

fn vectors(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| uniform(rng)).collect()
}

/// `<sigma(u . x), sigma(v . x)>` without degrees 0 and 1.
fn kernel(u: &[Big], v: &[Big]) -> Big {
    let dot = |u: &[Big], v: &[Big]| u.iter().zip(v).fold(big(0.0), |sum, (x, y)| sum + x * y);
    let lengths = (dot(u, u) * dot(v, v)).sqrt();
    let product = dot(u, v);
    let square = lengths.sqr() - product.sqr();
    let area = if square > big(0.0) { square.sqrt() } else { big(0.0) };
    let angle = product.clone().atan2(&area);
    (area + product * angle - lengths) / (Big::pi(BITS) * big(2.0))
}

/// Neurons at all distances from each other, with tangent vectors that are so but for little.
fn cases() -> (Network, Vec<f64>) {
    let (d, size) = (3, 2);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut rows = vectors(&mut rng, d);
    for distance in [1e-9, 1e-6, 1e-3, 1.0] {
        let first = rows[..d].to_vec();
        let by = vectors(&mut rng, d);
        rows.extend(first.iter().zip(&by).map(|(x, y)| x + distance * y));
    }
    // Twice the first, its opposite, and one nearly opposite.
    for (factor, distance) in [(2.0, 0.0), (-1.0, 0.0), (-1.0, 1e-7)] {
        let by = vectors(&mut rng, d);
        let near: Vec<f64> =
            rows[..d].iter().zip(&by).map(|(x, y)| factor * x + distance * y).collect();
        rows.extend(near);
    }
    let count = rows.len() / d;
    let mut tangents = Vec::new();
    for v in rows.chunks_exact(d) {
        for _ in 0..size {
            let t = vectors(&mut rng, d);
            let share = t.iter().zip(v).map(|(t, v)| t * v).sum::<f64>()
                / v.iter().map(|v| v * v).sum::<f64>();
            // A little of the radial part is left.
            tangents.extend(t.iter().zip(v).map(|(t, v)| t - 0.99 * share * v));
        }
    }
    (Network::new(d, vec![1.0; count], rows).unwrap(), tangents)
}

#[test]
fn entries_are_the_derivatives_of_the_kernel() {
    let (neurons, tangents) = cases();
    let gram = Gram::new(&neurons, tangents).unwrap();
    let (m, size) = (gram.atoms.count(), gram.atoms.size);
    let step = big(1.0) >> STEP;
    // A function's neuron, and the direction of its derivative.
    let parts = |x: usize| -> (Vec<Big>, Option<Vec<Big>>) {
        let bigs = |v: &[f64]| v.iter().map(|x| big(*x)).collect();
        if x < m {
            return (bigs(gram.atoms.vector(x)), None);
        }
        let (j, y) = ((x - m) / size, (x - m) % size);
        (bigs(gram.atoms.vector(j)), Some(bigs(gram.atoms.tangent(j, y))))
    };
    let moved = |x: usize| -> Vec<(Vec<Big>, f64)> {
        let (v, tangent) = parts(x);
        let Some(tangent) = tangent else { return vec![(v, 1.0)] };
        let by = |sign: f64| {
            v.iter().zip(&tangent).map(|(v, t)| v + t * &step * big(sign)).collect::<Vec<_>>()
        };
        vec![(by(1.0), 0.5), (by(-1.0), -0.5)]
    };
    let size_of = |x: usize| {
        let (v, tangent) = parts(x);
        let square = |v: &[Big]| v.iter().fold(0.0, |s, x| s + x.to_f64().value().powi(2));
        tangent.map_or_else(|| square(&v), |t| square(&t)).sqrt()
    };
    // Of pairs with a neuron, and of two derivatives.
    let mut worst = [0.0; 2];
    for x in 0..gram.matrix.order {
        for y in 0..=x {
            let (first, second) = (moved(x), moved(y));
            let mut expected = big(0.0);
            for (u, a) in &first {
                for (v, b) in &second {
                    expected += kernel(u, v) * big(a * b);
                }
            }
            for moves in [&first, &second] {
                if moves.len() == 2 {
                    expected /= &step;
                }
            }
            let (j, k) = ((x.max(m) - m) / size, (y.max(m) - m) / size);
            let lengths = gram.atoms.lengths[j] * gram.atoms.lengths[k];
            let pair =
                Pair::new(gram.atoms.vector(j), gram.atoms.vector(k), lengths, &SineTable::new());
            let derivatives = y >= m;
            let sine = maximum(pair.root.to_f64(), DoubleDouble::UNIT.sqrt());
            let unit = DoubleDouble::UNIT / if derivatives { sine } else { 1.0 };
            let off = (whole(gram.matrix.get(x, y)) - expected).to_f64().value().abs();
            let worst = &mut worst[usize::from(derivatives)];
            *worst = maximum(*worst, off / (size_of(x) * size_of(y)) / unit);
        }
    }
    for worst in worst {
        assert!(worst <= UNITS, "{worst}");
        // Doubles would be off by 2^49 of these units.
        assert!(worst > 0.01, "{worst}");
    }
}

#[test]
fn residuals_are_half_the_derivatives_of_the_loss() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let d = 4;
    let target = Network::new(d, vec![1.0, -0.5], vectors(&mut rng, 2 * d)).unwrap();
    let masses = vec![0.25, -2.0, 1.5];
    let student = Network::new(d, masses.clone(), vectors(&mut rng, 3 * d)).unwrap();
    let tangents = vectors(&mut rng, 3 * d);
    let gram = Gram::new(&student, tangents.clone()).unwrap();
    let parts: Vec<[f64; 2]> = masses.iter().map(|c| [*c, 0.0]).collect();
    let found = gram.residual(&parts, &target, &[0.0, 0.0, 1.0]);
    let population = Population::new(Teacher::new(target).unwrap());
    let evaluation = population.evaluate(&student, Accuracy::finest(f64::INFINITY)).unwrap();
    for j in 0..3 {
        let expected = 0.5 * evaluation.gradient.second_layer[j] + if j == 2 { 1.0 } else { 0.0 };
        assert!((found[j] - expected).abs() <= 4.0 * f64::EPSILON, "{j}");
        let slope = evaluation.gradient.first_layer[j * d..][..d].iter();
        let along: f64 = slope.zip(&tangents[j * d..]).map(|(g, t)| g * t).sum();
        assert!((found[3 + j] - 0.5 * along / masses[j]).abs() <= 16.0 * f64::EPSILON, "{j}");
    }
    // The second part of a mass counts.
    let more = gram.residual(&[[0.25, 0.5], [-2.0, 0.0], [1.5, 0.0]], &student, &[]);
    let half = gram.times(&[0.5, 0.0, 0.0, 0.0, 0.0, 0.0]);
    for (x, y) in more.iter().zip(&half) {
        assert!((x - y).abs() <= 4.0 * f64::EPSILON);
    }
}

/// Directions within a millionth of a radian of each other, which doubles do not tell apart.
fn cluster(count: usize) -> (Network, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (mut rows, mut tangents) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (sine, cosine) = (1e-6 * uniform(&mut rng)).sin_cos();
        rows.extend([cosine, sine]);
        tangents.extend([-sine, cosine]);
    }
    (Network::new(2, vec![1.0; count], rows).unwrap(), tangents)
}

#[test]
fn the_factor_times_its_transpose_is_the_matrix() {
    // Over several panels and turns, and with the last of each not full.
    for count in [1, 3, 4, 5, 23] {
        let (neurons, tangents) = cluster(count);
        let gram = Gram::new(&neurons, tangents).unwrap();
        let n = gram.matrix.order;
        assert_eq!(n, 2 * count);
        let mut matrix = gram.matrix.clone();
        // Some of it: the closest of many are not told apart by a hundred bits either.
        let shift = 1e-24;
        for x in 0..n {
            let entry = matrix.get(x, x) + DoubleDouble::from(shift);
            matrix.set(x, x, entry);
        }
        let mut factor = matrix.clone();
        assert!(factor.factorise(), "{count}");
        for x in 0..n {
            for y in 0..=x {
                let terms = (0..=y).map(|k| whole(factor.get(x, k)) * whole(factor.get(y, k)));
                let product = terms.fold(big(0.0), |sum, term| sum + term);
                let off = (product - whole(matrix.get(x, y))).to_f64().value().abs();
                assert!(off <= (n as f64 + UNITS) * DoubleDouble::UNIT, "{count} {x} {y} {off:e}");
            }
        }
        // In doubles the same matrix has no factor, from four points on.
        if count > 3 {
            let rounded = faer::Mat::from_fn(n, n, |x, y| {
                matrix.get(if x < y { y } else { x }, if x < y { x } else { y }).to_f64()
            });
            assert!(rounded.llt(faer::Side::Lower).is_err(), "{count}");
        }
        let raised: Vec<_> = (0..n).map(|x| (x, x, shift)).collect();
        assert!(gram.factor(&raised).is_some());
        assert!(gram.factor(&[(n - 1, n - 1, -0.5)]).is_none());
    }
}

#[test]
fn solutions_solve() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let (d, m) = (5, 9);
    let neurons = Network::new(d, vec![1.0; m], vectors(&mut rng, m * d)).unwrap();
    let gram = Gram::new(&neurons, vectors(&mut rng, m * d)).unwrap();
    let x = vectors(&mut rng, 2 * m);
    let mut right = gram.times(&x);
    right[12] += 0.5 * x[3] + x[12];
    right[3] += 0.5 * x[12] + x[3];
    let raised = [(12, 3, 0.25), (12, 3, 0.25), (3, 3, 1.0), (12, 12, 1.0)];
    for (factor, right) in [(gram.factor(&raised), right), (gram.factor(&[]), gram.times(&x))] {
        let found = factor.unwrap().solve(&right);
        for (found, x) in found.iter().zip(&x) {
            assert!((found - x).abs() <= SOLVED, "{found} {x}");
        }
    }
}

#[test]
fn what_has_no_gram_matrix_is_refused() {
    let neurons = Network::new(2, vec![1.0; 2], vec![1.0, 0.0, 0.0, 0.0]).unwrap();
    assert_eq!(
        Gram::new(&neurons, Vec::new()).unwrap_err(),
        PopulationError::ZeroNeuron { index: 1 }
    );
    let found = 3;
    let error = PopulationError::Tangents { count: 2, dimension: 2, found };
    assert_eq!(Gram::new(&neurons, vec![0.0; found]).unwrap_err(), error);
}
